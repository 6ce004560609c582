"""`portalcal calendars`."""

from datetime import timedelta
from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.options import Json, Zone
from portalcal.cli.times import read_end, read_from
from portalcal.core.intervals import Interval
from portalcal.errors import Exit, Usage
from portalcal.usecases import calendars as usecase
from portalcal.usecases.overlaps import overlaps

_DAYS = 30
_LONGEST = timedelta(days=367)


def calendars(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Show hidden calendars too.")] = False,
    select: Annotated[
        list[str] | None, typer.Option("--select", metavar="ID", help="Count this calendar for conflicts.")
    ] = None,
    deselect: Annotated[
        list[str] | None, typer.Option("--deselect", metavar="ID", help="Count it no more.")
    ] = None,
    book_into: Annotated[
        str | None,
        typer.Option("--book-into", metavar="ID", help="Put bookings into this calendar; it must be owned."),
    ] = None,
    conflicts: Annotated[
        bool,
        typer.Option(
            "--conflicts",
            help="List what overlaps what on the calendars that count. Exit status 0: nothing, 5: something, 7: not "
            "every calendar could be read.",
        ),
    ] = False,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="With --conflicts: from this date or time on. Default: today."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="TIME", help="Up to the end of this date, or to a time. Default: 30 days."
        ),
    ] = None,
    timezone: Zone = None,
    json: Json = False,
) -> int:
    """Choose which calendars count for conflicts, and which one receives bookings.

    ID is a calendar's id, its name if that is unique, or `primary`. A calendar that another workspace's account reads is
    selected as WORKSPACE:ID.

    [bold]Examples[/bold]

      portalcal calendars --select private:primary
      portalcal calendars --conflicts --until "next week"
    """
    changes = usecase.CalendarChanges(tuple(select or ()), tuple(deselect or ()), book_into)
    command = CommandContext.of(ctx, as_json=json, is_change=changes.any)
    if conflicts:
        if changes.any or every:
            raise Usage(
                "--conflicts changes nothing and lists no calendars", "leave the other options out, or it"
            )
        return _show_overlaps(command, start, until, timezone)
    if start or until or timezone:
        raise Usage("--from, --until and --timezone are about overlaps", "add `--conflicts`")
    answer = usecase.calendars(changes, command.container)
    command.view.show(answer if every else answer.without_hidden())
    return Exit.DONE


def _show_overlaps(
    command: CommandContext, start: str | None, until: str | None, timezone: str | None
) -> int:
    time_context = command.time_context(timezone)
    begin = read_from(start or "today", time_context)
    end = read_end(until, time_context, begin=begin, days=None if until else _DAYS)
    if end is None or end <= begin:
        raise Usage(f"the window ends before it starts: {start} to {until}", "give `--from` before `--until`")
    if end - begin > _LONGEST:
        raise Usage("the window is longer than a year", "ask for fewer days")
    answer = overlaps(Interval(begin, end), command.container, zone=time_context.zone)
    command.view.show(answer)
    return answer.exit
