"""`portalcal config`."""

from pathlib import Path
from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.options import Json
from portalcal.errors import Usage
from portalcal.results import ConfigPlace
from portalcal.usecases import config as usecase


def config(
    ctx: typer.Context,
    path: Annotated[bool, typer.Option("--path", help="Only the path, for scripts.")] = False,
    example: Annotated[
        bool,
        typer.Option("--example", help="Every key with its default and a comment, to begin a file with."),
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="The value of every key that applies, and where it comes from.")
    ] = False,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Every problem of this file at once.")
    ] = None,
    json: Json = False,
) -> None:
    """Find, begin, look at and check the configuration file.

    portalcal never writes it: `portalcal config --example` prints one to put into place.

    [bold]Examples[/bold]

      portalcal config
      portalcal config --example > config.toml
      portalcal config --check config.toml
    """
    asked = {"--path": path, "--example": example, "--show": show, "--check": check is not None}
    given = [option for option, is_given in asked.items() if is_given]
    if len(given) > 1:
        raise Usage(f"{given[0]} and {given[1]} are two questions", "use one of them")
    command = CommandContext.of(ctx, as_json=json, is_change=False, takes_any_workspace=True)
    answer = usecase.config(usecase.ConfigOptions(example, show, check), command.container)
    if path and isinstance(answer, ConfigPlace) and not json:
        command.view.write(f"{answer.path}\n")
    else:
        command.view.show(answer)
