"""Replace interviewers who declined by others of the same pool. Late changes, and people asked for by name, are left to a person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking
from portalcal.core.participants import Participant, Role
from portalcal.core.time import format_duration
from portalcal.errors import BookingBusy, ConflictError, NotFoundError, UsageError
from portalcal.ports import Context
from portalcal.usecases.booking.reassign import ReassignRequest, reassign
from portalcal.warnings import NotReplaced


def replace_declined(
    context: Context, bookings: Iterable[Booking], *, zone: ZoneInfo, before: timedelta, dry_run: bool
) -> tuple[UUID, ...]:
    """The bookings in which somebody else came, or would come, in the place of everybody who declined.

    Nothing is changed within `before` of the start. A participant who is not replaced is a warning.

    Raises:
        PortalcalError: Google could not be asked; what was changed before stays.
    """
    latest = context.clock.now() + before
    replaced = []
    for booking in bookings:
        # A list, so that a second one is replaced even if the first cannot be.
        outcomes = [
            _replace(context, booking, each, zone=zone, dry_run=dry_run)
            if booking.meeting.start >= latest and each.pool
            else _leave(context, booking, each, before=before)
            for each in booking.absent
        ]
        if outcomes and all(outcomes):
            replaced.append(booking.id)
    return tuple(replaced)


def _leave(context: Context, booking: Booking, absent: Participant, *, before: timedelta) -> bool:
    context.view.warn(NotReplaced(str(booking.id), absent.key, _why_left(booking, absent, before=before)))
    return False


def _why_left(booking: Booking, absent: Participant, *, before: timedelta) -> str:
    if absent.pool:
        return f"the meeting starts within {format_duration(before)} (--replace-before)"
    other = "another room" if absent.role is Role.ROOM else "somebody else"
    command = f"portalcal reassign {booking.short_id} --from {absent.key} --to NAME"
    return f"no pool was asked for; `{command}` takes {other}"


def _replace(
    context: Context, booking: Booking, leaving: Participant, *, zone: ZoneInfo, dry_run: bool
) -> bool:
    request = ReassignRequest(
        str(booking.id),
        zone,
        leaving=leaving.email,
        reason=f"{leaving.key} declined",
        dry_run=dry_run,
        runs_outbox=False,
    )
    try:
        reassign(request, context)
    except (BookingBusy, ConflictError, NotFoundError, UsageError) as error:
        context.view.warn(NotReplaced(str(booking.id), leaving.key, error.sentence))
        return False
    return True
