"""`portalcal reschedule`."""

from typing import Annotated

import typer

from portalcal.cli.batch_run import BatchKind, pending_or_done, refuse_without_file, run_file
from portalcal.cli.change_fields import RescheduleFields, reschedule_format
from portalcal.cli.context import CommandContext
from portalcal.cli.options import DatesOfFile, Duration, IgnoreColumns, Json, WhomToTell, Zone
from portalcal.cli.times import read_length, read_start
from portalcal.errors import Usage
from portalcal.usecases.booking import reschedule as usecase


def reschedule(
    ctx: typer.Context,
    booking: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="The booking's id, a beginning of it that is unique, or the guest's address where that has one booking to come.",
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Argument(metavar="START", help='The new time: 2026-11-25T10:00, "tomorrow 10:00".')
    ] = None,
    duration: Duration = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the booking.")] = "",
    notify: WhomToTell = None,
    timezone: Zone = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Override hours, grid, notice, horizon and limits; never a conflict."),
    ] = False,
    reassign: Annotated[
        bool, typer.Option("--reassign", help="Choose people and the room again; else they stay.")
    ] = False,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="Move every line of a file, or of - for stdin: JSON objects or CSV with id, start, and named as the options.",
        ),
    ] = None,
    dates: DatesOfFile = None,
    ignore_columns: IgnoreColumns = False,
    json: Json = False,
) -> int:
    """Move a booking: same event, same Meet link, new time. The new time is held before the old one is let go.

    [bold]Examples[/bold]

      portalcal reschedule 5d16c341 "tomorrow 11:00"
      portalcal reschedule sam@example.com "fri 2pm" --reason "Sam is late"
      portalcal reschedule --file moves.csv
    """
    command = CommandContext.of(ctx, as_json=json, is_change=True)
    time_context = command.time_context(timezone)
    if file is not None:
        if booking is not None:
            raise Usage("ID and --file exclude each other", "every line of the file says what it moves")
        notify_all = notify and notify.value
        given = RescheduleFields("", "", duration, reason or None, notify_all, force=force, reassign=reassign)
        of_file = time_context._replace(dates=dates, is_of_file=True)
        line_format = reschedule_format(given, command.container, of_file)
        line_format = line_format._replace(ignores_unknown=ignore_columns)
        batch = BatchKind("reschedule", line_format, usecase.NOTHING_MOVED_AT_ALL)
        return run_file(file, command, batch, zone=time_context.zone)
    refuse_without_file(dates, "--dates")
    refuse_without_file(ignore_columns, "--ignore-columns")
    if booking is None or start is None:
        missing = "ID" if booking is None else "START"
        raise Usage(f"{missing} is missing", "see `portalcal reschedule --help`")
    request = usecase.RescheduleRequest(
        booking,
        read_start(start, time_context),
        time_context.zone,
        duration=read_length(duration) if duration else None,
        reason=reason,
        notify=notify,
        force=force,
        reassign=reassign,
    )
    answer = usecase.reschedule(request, command.container)
    command.view.show(answer)
    return pending_or_done(answer)
