"""`portalcal availability`."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from portalcal.cli.options import Duration, Json, LinkName, Zone
from portalcal.cli.session import Session
from portalcal.cli.when import Reading, read_from, read_length, read_start, read_until
from portalcal.core.instants import ONE_DAY, local_date, wall
from portalcal.core.intervals import Interval
from portalcal.errors import Usage
from portalcal.usecases import availability as usecase
from portalcal.usecases.explain import explain as explain_usecase
from portalcal.wiring import exporter

_DAYS = 7


class Form(StrEnum):
    """How the answer is put."""

    GRID = "grid"
    LIST = "list"
    TEXT = "text"
    CSV = "csv"
    ICS = "ics"
    HTML = "html"


def availability(
    ctx: typer.Context,
    start: Annotated[
        str, typer.Argument(metavar="[FROM]", help="From this date or time on: a date, today, fri, +3d.")
    ] = "today",
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, max=366, help="How many days. Default: 7.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Up to the end of this date, or to a time.")
    ] = None,
    link: LinkName = None,
    duration: Duration = None,
    timezone: Zone = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="TIME", help="Say why this time is offered, or why not."),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Answer though a calendar cannot be read; marked as unverified.")
    ] = False,
    form: Annotated[
        Form,
        typer.Option("--format", help="text is ready for an e-mail, html is the grid as one page to send."),
    ] = Form.GRID,
    json: Json = False,
) -> None:
    """Show when meetings can be booked: the configured schedule minus what the calendars say.

    [bold]Examples[/bold]

    portalcal availability

    portalcal availability mon --days 14 --link intro --timezone America/New_York

    portalcal availability --explain "tomorrow 10:00"

    portalcal availability --format text
    """
    session = Session.of(ctx, as_json=json)
    if json and form is not Form.GRID:
        raise Usage(f"--json and --format {form} are two formats", "use one of them")
    reading = session.reading(timezone)
    inquiry = usecase.Inquiry(
        window=window(start, reading, days=days, until=until),
        zone=reading.zone,
        link=link,
        duration=read_length(duration) if duration else None,
        partial=partial,
    )
    if explain is not None:
        session.view.show(explain_usecase(inquiry, session.portal, start=read_start(explain, reading)))
        return
    answer = usecase.availability(inquiry, session.portal)
    if form is Form.GRID or json:
        session.view.show(answer)
    else:
        session.view.write(exporter(form)(answer))
        session.view.say_basis(answer)


def window(start: str, reading: Reading, *, days: int | None, until: str | None) -> Interval:
    """The window asked for: from a time or the start of a date, for some local days or until a time or date.

    Raises:
        Usage: it would be empty, or both ends are given.
    """
    if days is not None and until is not None:
        raise Usage("--days and --until both say where the window ends", "use one of them")
    begin = read_from(start, reading)
    if until is not None:
        end = read_until(until, reading)
    else:
        end = wall(local_date(begin, reading.zone) + (days or _DAYS) * ONE_DAY, 0, reading.zone)
    if end <= begin:
        raise Usage(f"the window ends before it starts: {start} to {until}", "write FROM before UNTIL")
    if end - begin > timedelta(days=367):
        raise Usage("the window is longer than a year", "ask for fewer days")
    return Interval(begin, end)
