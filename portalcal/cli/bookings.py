"""`portalcal bookings`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from portalcal.cli.options import Json, Zone
from portalcal.cli.session import Session
from portalcal.cli.when import read_from, read_until
from portalcal.core.booking import State
from portalcal.errors import Usage
from portalcal.ports import Search
from portalcal.usecases import bookings as usecase
from portalcal.wiring import exporter


class Form(StrEnum):
    """How the list is put."""

    TABLE = "table"
    CSV = "csv"
    ICS = "ics"


def bookings(
    ctx: typer.Context,
    booking: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only this booking.")] = None,
    start: Annotated[
        str, typer.Option("--from", metavar="T", help="From this date or time on. Default: today.")
    ] = "today",
    until: Annotated[
        str | None, typer.Option("--until", metavar="T", help="Up to the end of this date, or to a time.")
    ] = None,
    state: Annotated[
        list[State] | None,
        typer.Option("--state", help="Only in this state; may be repeated. Default: live ones."),
    ] = None,
    email: Annotated[
        str | None, typer.Option("--email", metavar="EMAIL", help="Only with this guest.")
    ] = None,
    timezone: Zone = None,
    form: Annotated[
        Form, typer.Option("--format", help="csv for a spreadsheet, ics for a calendar.")
    ] = Form.TABLE,
    json: Json = False,
) -> None:
    """List bookings: by default the live ones from today on."""
    session = Session.of(ctx, as_json=json)
    if json and form is not Form.TABLE:
        raise Usage(f"--json and --format {form} are two formats", "use one of them")
    reading = session.reading(timezone)
    begin, end = read_from(start, reading), read_until(until, reading) if until else None
    if end is not None and end <= begin:
        raise Usage(f"the window ends before it starts: {start} to {until}", "give `--from` before `--until`")
    search = Search(
        start=begin,
        end=end,
        states=tuple(state) if state else tuple(each for each in State if each.is_live),
        email=email,
    )
    answer = usecase.bookings(search, session.portal, zone=reading.zone, booking=booking)
    if form is Form.TABLE or json:
        session.view.show(answer)
    else:
        session.view.write(exporter(form)(answer))
