"""`portalcal cancel`."""

from typing import Annotated

import typer

from portalcal.cli.batch_run import BatchKind, pending_or_done, refuse_without_file, run_file
from portalcal.cli.change_fields import CancelFields, cancel_format
from portalcal.cli.context import CommandContext
from portalcal.cli.options import IgnoreColumns, Json, WhomToTell
from portalcal.errors import Usage
from portalcal.usecases.booking import cancel as usecase


def cancel(
    ctx: typer.Context,
    booking: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="The booking's id, a beginning of it that is unique, or the guest's address where that has one booking to come.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the booking.")] = "",
    notify: WhomToTell = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="Cancel every line of a file, or of - for stdin: ids, JSON objects or CSV with id, reason, notify.",
        ),
    ] = None,
    ignore_columns: IgnoreColumns = False,
    json: Json = False,
) -> int:
    """Cancel a booking and remove its event. Cancelling twice is fine.

    [bold]Examples[/bold]

      portalcal cancel 5d16c341 --reason "Sam is ill"
      portalcal bookings --with ana --until today --ids | portalcal cancel --file -
    """
    command = CommandContext.of(ctx, as_json=json, is_change=True)
    if file is not None:
        if booking is not None:
            raise Usage("ID and --file exclude each other", "every line of the file names its booking")
        zone = command.time_context(None).zone
        given = CancelFields("", reason or None, notify and notify.value)
        line_format = cancel_format(given)._replace(ignores_unknown=ignore_columns)
        batch = BatchKind("cancel", line_format, usecase.NOTHING_CANCELLED)
        return run_file(file, command, batch, zone=zone)
    refuse_without_file(ignore_columns, "--ignore-columns")
    if booking is None:
        raise Usage("ID is missing", "see `portalcal cancel --help`")
    answer = usecase.cancel(usecase.CancelRequest(booking, reason, notify), command.container)
    command.view.show(answer)
    return pending_or_done(answer)
