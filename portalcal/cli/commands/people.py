"""`portalcal people`."""

from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.options import Json, Zone
from portalcal.cli.times import TimeContext, read_from, read_until
from portalcal.core.intervals import Interval
from portalcal.core.time import ONE_DAY, local_date, wall
from portalcal.errors import Usage
from portalcal.usecases import people as usecase


def people(
    ctx: typer.Context,
    load: Annotated[
        bool, typer.Option("--load", help="Count their meetings: this week, the last 30 days, the last one.")
    ] = False,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="With --load: count from here on. Default: this Monday."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="And up to here. Default: a week after that."),
    ] = None,
    timezone: Zone = None,
    json: Json = False,
) -> None:
    """List the people and rooms that meetings can take, whether their calendars can be read, and their pools.

    [bold]Examples[/bold]

      portalcal people
      portalcal people --load
    """
    command = CommandContext.of(ctx, as_json=json, is_change=False)
    time_context = command.time_context(timezone)
    if not load and (start or until):
        raise Usage("--from and --until say which meetings are counted", "add `--load`")
    window = _window(start, until, time_context) if load else None
    answer = usecase.people(usecase.PeopleQuery(time_context.zone, window), command.container)
    command.view.show(answer)


def _window(start: str | None, until: str | None, time_context: TimeContext) -> Interval:
    """The window from a time, else from this Monday on, until a time, else for seven days."""
    zone = time_context.zone
    today = local_date(time_context.now, zone)
    begin = read_from(start, time_context) if start else wall(today - today.weekday() * ONE_DAY, 0, zone)
    end = (
        read_until(until, time_context, begin=begin)
        if until
        else wall(local_date(begin, zone) + 7 * ONE_DAY, 0, zone)
    )
    if end <= begin:
        raise Usage(
            f"the window ends before it starts: {start or 'Monday'} to {until}",
            "give `--from` before `--until`",
        )
    return Interval(begin, end)
