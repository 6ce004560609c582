"""Remove orphans: events of ours without a live booking.

A worker that slept past its lease may insert an event after its booking has ended, and die before it reports that.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from portalcal.core.booking import Booking, State
from portalcal.core.time import format_time
from portalcal.errors import BookingNotFound, EventNotFound
from portalcal.ports import Context, Event
from portalcal.warnings import EventOrphaned


def remove_orphans(context: Context, events: Iterable[Event], *, dry_run: bool) -> bool:
    """Delete upcoming events without a live booking, each with a warning; `dry_run` only warns.

    An event that somebody restored from the calendar's bin is older than the end of its booking, and stays.
    Returns False if an event has to be checked again because its booking has an outbox entry.

    Raises:
        PortalcalError: Google's own refusals (ports.Calendars).
    """
    are_all_decided = True
    for event in events:
        booking = _ended_booking(context, event)
        if booking is None or event.span is None:
            continue
        if booking.state is State.CANCELLING or context.ledger.entry_of(booking.id) is not None:
            are_all_decided = False
            continue
        if not _is_orphan(event, booking):
            continue
        when = format_time(event.span.start, booking.request.zone, end=event.span.end)
        context.view.warn(
            EventOrphaned(
                str(booking.id),
                booking.state.value,
                when,
                event.calendar,
                dry_run,
                booking.request.guest.name,
            )
        )
        if not dry_run:
            _delete(context, event, booking)
    return are_all_decided


def _ended_booking(context: Context, event: Event) -> Booking | None:
    """The booking of an upcoming event, if it is neither held nor confirmed."""
    # An event that its owner made recurring is theirs; the booking was one instance of it.
    if not event.is_upcoming(context.clock.now()) or event.recurs or event.booking is None:
        return None
    try:
        booking = context.ledger.get(UUID(event.booking))
    except (BookingNotFound, ValueError):
        return None
    return None if booking.state in {State.HELD, State.CONFIRMED} else booking


def _is_orphan(event: Event, booking: Booking) -> bool:
    """Whether it was inserted after its booking had ended. A refused booking was never reported as booked."""
    is_late = event.created is not None and event.created >= booking.updated_at
    return is_late or booking.state is State.REFUSED


def _delete(context: Context, event: Event, booking: Booking) -> None:
    # It may have been deleted in the meantime.
    with suppress(EventNotFound):
        context.calendars.delete(event.calendar, event.id, notify=booking.request.notify)
