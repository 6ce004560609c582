"""Events of bookings that are over: made by a process that slept past its lease and then died, so that nobody knew."""

from __future__ import annotations

from collections.abc import Iterable

from portalcal.core.booking import Booking, State
from portalcal.core.instants import say
from portalcal.errors import BookingNotFound, EventNotFound
from portalcal.ports import Event, World


def remove_leftovers(world: World, events: Iterable[Event], *, dry_run: bool) -> bool:
    """Remove upcoming events that no live booking stands behind, each with a warning; `dry_run` only warns.

    An event that somebody took back out of the calendar's bin is older than the end of its booking, and stays.
    False where one has to be looked at again, since Google is owed something for its booking just now.

    Raises:
        PortalcalError: Google could not be told (ports.Calendars).
    """
    is_all_told = True
    for event in events:
        booking = _ended(world, event)
        if booking is None or event.span is None:
            continue
        if booking.state is State.CANCELLING or world.ledger.errand_of(booking.id) is not None:
            is_all_told = False
            continue
        if not _is_nobodys(event, booking):
            continue
        when = say(event.span.start, booking.wish.zone, end=event.span.end)
        what = "would be removed" if dry_run else "is removed"
        world.view.warn(
            "event-left-over",
            f"booking {booking.id} is {booking.state}, and its event at {when} {what} from {event.calendar}",
        )
        if not dry_run:
            _remove(world, event, booking)
    return is_all_told


def _ended(world: World, event: Event) -> Booking | None:
    """The booking of an upcoming event, if it is over or on its way out."""
    if (
        event.is_cancelled
        or event.booking is None
        or event.span is None
        or event.span.end <= world.clock.now()
    ):
        return None
    try:
        booking = world.ledger.find(event.booking)
    except BookingNotFound:
        return None
    return None if booking.state in {State.HELD, State.CONFIRMED} else booking


def _is_nobodys(event: Event, booking: Booking) -> bool:
    """Whether it was made although its booking was over; of a refused one nobody was ever told."""
    is_late = event.created is not None and event.created >= booking.updated_at
    return is_late or booking.state is State.REFUSED


def _remove(world: World, event: Event, booking: Booking) -> None:
    try:
        world.calendars.delete(event.calendar, event.id, notify=booking.wish.notify)
    except EventNotFound:
        # Somebody was faster.
        return
