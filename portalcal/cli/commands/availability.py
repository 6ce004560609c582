"""`portalcal availability`."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.options import Duration, Json, LinkName, Zone
from portalcal.cli.people_options import (
    AnyOf,
    Need,
    OptionalPeople,
    Owner,
    PanelFields,
    RoomName,
    With,
    read_panel,
)
from portalcal.cli.times import TimeContext, read_end, read_from, read_length, read_start_or_date
from portalcal.container import exporter
from portalcal.core.intervals import Interval
from portalcal.core.time import format_date, local_day, zone_city
from portalcal.errors import Usage
from portalcal.results import ExplainedDay, Explanation
from portalcal.usecases import availability as usecase
from portalcal.usecases.explain import explain as explain_usecase
from portalcal.usecases.explain import explain_day

_DAYS = 7


class AvailabilityFormat(StrEnum):
    """Output formats of availability."""

    GRID = "grid"
    LIST = "list"
    TEXT = "text"
    CSV = "csv"
    ICS = "ics"
    HTML = "html"


def availability(
    ctx: typer.Context,
    start: Annotated[
        str,
        typer.Argument(
            metavar="[FROM]", help='From this date or time on: a date, today, fri, +3d, "next week".'
        ),
    ] = "today",
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, max=366, help="How many days. Default: 7.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Up to the end of this date, or to a time.")
    ] = None,
    link: LinkName = None,
    duration: Duration = None,
    with_people: With = None,
    need: Need = None,
    any_of: AnyOf = None,
    optional: OptionalPeople = None,
    room: RoomName = None,
    owner: Owner = None,
    timezone: Zone = None,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="TIME",
            help="Say why this time is offered, or why not; or every start of a date.",
        ),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Answer though a calendar cannot be read; marked as unverified.")
    ] = False,
    form: Annotated[
        AvailabilityFormat,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="grid, list, csv or ics; text is ready for an e-mail, html is the grid as one page to send.",
        ),
    ] = AvailabilityFormat.GRID,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, max=500, help="Only the first N times.")
    ] = None,
    spread: Annotated[
        int | None,
        typer.Option(
            "--pick",
            metavar="N",
            min=1,
            max=50,
            help="Only N times, spread over days, mornings and afternoons.",
        ),
    ] = None,
    for_guests: Annotated[
        bool,
        typer.Option(
            "--for-guests", help="With --format html: the offered times alone, as a page for guests."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Show when meetings can be booked: the configured schedule minus what the calendars say.

    [bold]Examples[/bold]

      portalcal availability
      portalcal availability mon --until fri --link intro
      portalcal availability --explain "tomorrow 10:00"
      portalcal availability --with dana --need backend:2 --room berlin
      portalcal availability --explain tomorrow
      portalcal availability "next week" --pick 5 --format text
    """
    command = CommandContext.of(ctx, as_json=json, is_change=False)
    if json and form is not AvailabilityFormat.GRID:
        raise Usage(f"--json and --format {form} are two formats", "use one of them")
    if limit is not None and spread is not None:
        raise Usage("--limit and --pick both choose among the times", "use one of them")
    if for_guests and form is not AvailabilityFormat.HTML:
        raise Usage("--for-guests is about the page of --format html", "add `--format html`")
    time_context = command.time_context(timezone)
    query = usecase.AvailabilityQuery(
        window=window(start, time_context, days=days, until=until),
        zone=time_context.zone,
        link=link,
        duration=read_length(duration) if duration else None,
        partial=partial,
        panel=read_panel(
            PanelFields(
                tuple(with_people or ()),
                tuple(need or ()),
                tuple(any_of or ()),
                tuple(optional or ()),
                room,
                owner,
            ),
            command.container.config.directory,
        ),
    )
    if explain is not None:
        command.view.show(_explained(explain, query, command, time_context))
        return
    answer = usecase.choose(usecase.availability(query, command.container), limit=limit, spread=spread)
    if form is AvailabilityFormat.GRID and answer.is_choice:
        # A few times are a line each.
        form = AvailabilityFormat.LIST
    if form is AvailabilityFormat.GRID or json:
        command.view.show(answer)
    else:
        command.view.write(
            exporter("guests" if for_guests else form)(answer),
            for_people=form in {AvailabilityFormat.TEXT, AvailabilityFormat.LIST},
        )
        command.view.say_basis(answer)


def _explained(
    text: str, query: usecase.AvailabilityQuery, command: CommandContext, time_context: TimeContext
) -> Explanation | ExplainedDay:
    """Why one time is offered or not, or why each start of a date is."""
    meant = read_start_or_date(text, time_context)
    if isinstance(meant, datetime):
        return explain_usecase(query, command.container, start=meant)
    day = local_day(meant, time_context.zone)
    if day is None:
        raise Usage(
            f"there is no {format_date(meant)} in {zone_city(time_context.zone)}, where it was skipped"
        )
    return explain_day(query, command.container, day=day)


def window(start: str, time_context: TimeContext, *, days: int | None, until: str | None) -> Interval:
    """The window from a time or the start of a date, for a number of local days or until a time or date.

    Raises:
        Usage: the window is empty or longer than a year, or both --days and --until are given.
    """
    begin = read_from(start, time_context)
    end = read_end(until, time_context, begin=begin, days=days if until or days else _DAYS)
    if end is None or end <= begin:
        raise Usage(f"the window ends before it starts: {start} to {until}", "write FROM before UNTIL")
    if end - begin > timedelta(days=367):
        raise Usage("the window is longer than a year", "ask for fewer days")
    return Interval(begin, end)
