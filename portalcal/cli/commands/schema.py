"""`portalcal schema`."""

from typing import Annotated

import typer

from portalcal.cli import usage_errors
from portalcal.cli.context import CommandContext
from portalcal.cli.options import Json
from portalcal.results import SchemaDocument
from portalcal.views.schema import RESULTS
from portalcal.views.schema import schema as json_schema


def schema(
    ctx: typer.Context,
    command: Annotated[
        str | None, typer.Argument(metavar="[COMMAND]", help="Only of this command. Default: of all.")
    ] = None,
    json: Json = False,
) -> None:
    """Print the JSON Schema of what `--json` writes: results, errors and warnings.

    Within `"portalcal": 1` keys are added and never changed, so a reader should ignore those it does not know.

    [bold]Examples[/bold]

      portalcal schema
      portalcal schema book
    """
    if command is not None and command not in RESULTS:
        raise usage_errors.no_such_command(command, RESULTS)
    context = CommandContext.of(ctx, as_json=json, is_change=False)
    context.view.show(SchemaDocument(json_schema(command)))
