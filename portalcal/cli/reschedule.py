"""`portalcal reschedule`."""

from __future__ import annotations

from typing import Annotated

import typer

from portalcal.cli.options import Duration, Json, WhomToTell, Zone
from portalcal.cli.session import Session
from portalcal.cli.when import read_length, read_start
from portalcal.errors import Exit
from portalcal.usecases import reschedule as usecase


def reschedule(
    ctx: typer.Context,
    booking: Annotated[
        str, typer.Argument(metavar="ID", help="The booking's id, or a beginning of it that is unique.")
    ],
    start: Annotated[
        str, typer.Argument(metavar="START", help='The new time: 2026-11-25T10:00, "tomorrow 10:00".')
    ],
    duration: Duration = None,
    reason: Annotated[str, typer.Option("--reason", metavar="T", help="Why; kept with the booking.")] = "",
    notify: WhomToTell = None,
    timezone: Zone = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Override hours, grid, notice, horizon and limits; never a conflict."),
    ] = False,
    json: Json = False,
) -> int:
    """Move a booking: same event, same Meet link, new time. The new time is held before the old one is let go.

    [bold]Examples[/bold]

    portalcal reschedule 5d16c341 "tomorrow 11:00"

    portalcal reschedule 5d16c341 2026-11-25T10:00 --duration 1h --reason "Sam is late"
    """
    session = Session.of(ctx, as_json=json)
    reading = session.reading(timezone)
    request = usecase.Rescheduling(
        booking,
        read_start(start, reading),
        reading.zone,
        duration=read_length(duration) if duration else None,
        reason=reason,
        notify=notify,
        force=force,
    )
    answer = usecase.reschedule(request, session.portal)
    session.view.show(answer)
    return Exit.PENDING if answer.booking.moving_to else Exit.DONE
