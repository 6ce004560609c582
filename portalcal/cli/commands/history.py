"""`portalcal history`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.options import Json, Zone
from portalcal.cli.times import TimeContext, is_length, read_from, read_length
from portalcal.container import exporter
from portalcal.core.history import What
from portalcal.errors import Usage
from portalcal.usecases import history as usecase


class HistoryFormat(StrEnum):
    """Output formats of the history."""

    TABLE = "table"
    CSV = "csv"


def history(
    ctx: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", help="From this date or time on, or the last 7d. Default: 30d."
        ),
    ] = None,
    booking: Annotated[
        str | None, typer.Option("--booking", metavar="ID", help="Only this booking, from its beginning.")
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", metavar="NAME", help="Only what this one did.")
    ] = None,
    what: Annotated[
        list[What] | None,
        typer.Option(
            "--what",
            metavar="WHAT",
            help="Only held, confirmed, moved, reassigned, cancelled, refused, declined, renamed, offered, expired, or "
            "delivered; may be repeated.",
        ),
    ] = None,
    prune: Annotated[
        str | None,
        typer.Option(
            "--prune", metavar="LENGTH", help="Forget what is older, of bookings that are over: 400d."
        ),
    ] = None,
    timezone: Zone = None,
    form: Annotated[
        HistoryFormat, typer.Option("--format", help="csv for a spreadsheet.")
    ] = HistoryFormat.TABLE,
    json: Json = False,
) -> None:
    """See what happened to bookings: who changed what, when, from what to what.

    [bold]Examples[/bold]

      portalcal history --since 7d
      portalcal history --what moved --what cancelled --format csv
      portalcal history --prune 400d
    """
    command = CommandContext.of(ctx, as_json=json, is_change=prune is not None)
    if json and form is not HistoryFormat.TABLE:
        raise Usage(f"--json and --format {form} are two formats", "use one of them")
    if prune is not None and (since or booking or actor or what):
        raise Usage("--prune takes no filter", "give `--prune` alone; bookings that are not over keep theirs")
    time_context = command.time_context(timezone)
    if prune is not None:
        answer = usecase.prune(read_length(prune), command.container, zone=time_context.zone)
        command.view.show(answer)
        return
    options = usecase.HistoryOptions(
        zone=time_context.zone,
        since=_since(since, time_context) if since else None,
        booking=booking,
        actor=actor,
        whats=tuple(what or ()),
    )
    page = usecase.history(options, command.container)
    if form is HistoryFormat.TABLE or json:
        command.view.show(page)
    else:
        command.view.write(exporter(form)(page))


def _since(text: str, time_context: TimeContext) -> datetime:
    """A date or time, or a length of time that is past."""
    if is_length(text):
        return time_context.now - read_length(text)
    return read_from(text, time_context)
