"""`portalcal ledger`."""

from pathlib import Path
from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.input_checks import refuse_stdout
from portalcal.cli.options import Json
from portalcal.errors import Usage
from portalcal.usecases import ledger as usecase


def ledger(
    ctx: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Read all of it, and compare every index and count with the rows.")
    ] = False,
    backup: Annotated[
        Path | None,
        typer.Option(
            "--backup",
            metavar="FILE",
            help="Copy a ledger file while others may write to it. Changes nothing of it, so --read-only allows it.",
        ),
    ] = None,
    grants: Annotated[
        str | None,
        typer.Option(
            "--grants", metavar="ROLE", help="The SQL by which another role of the server may use it."
        ),
    ] = None,
    copy_to: Annotated[
        str | None,
        typer.Option(
            "--copy-to",
            metavar="URL",
            help="Move everything into another ledger, which takes the place of this one.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Find, check, back up and move the record of bookings.

    [bold]Examples[/bold]

      portalcal ledger --backup ~/ledger-copy.db
      portalcal ledger --copy-to postgresql://portal@db.example.com/portal
      portalcal ledger --grants reports | psql -d portal
    """
    refuse_stdout(backup, "--backup")
    asked = {
        "--check": check,
        "--backup": backup is not None,
        "--grants": grants is not None,
        "--copy-to": copy_to is not None,
    }
    given = [option for option, is_given in asked.items() if is_given]
    if len(given) > 1:
        raise Usage(f"{given[0]} and {given[1]} are two questions", "use one of them")
    command = CommandContext.of(ctx, as_json=json, is_change=copy_to is not None, takes_any_workspace=True)
    command.view.show(
        usecase.ledger(usecase.LedgerOptions(check, backup, grants, copy_to), command.container)
    )
