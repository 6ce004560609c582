"""A booking as the event it is to be, and an event as what a booking knows of it."""

from __future__ import annotations

from dataclasses import replace

from portalcal.core.booking import Booking
from portalcal.core.instants import say
from portalcal.errors import BookingNotFound
from portalcal.ports import Draft, Event


def calendar_of(booking: Booking) -> str:
    """The calendar its event is on.

    Raises:
        BookingNotFound: it was made while disconnected and has none.
    """
    if booking.calendar is None:
        raise BookingNotFound(str(booking.id))
    return booking.calendar


def draft_of(booking: Booking) -> Draft:
    """The event of a booking, under the id it has or will have."""
    wish = booking.wish
    return Draft(
        id=booking.event_id or booking.next_event_id,
        booking=booking.id,
        title=wish.title,
        span=wish.meeting,
        timezone=wish.zone.key,
        guests=(wish.guest.email, *wish.guests),
        guest_name=wish.guest.name,
        location=wish.location,
        notes=wish.notes,
        meet=wish.meet,
    )


def told(booking: Booking, event: Event, *, written: Event) -> Booking:
    """The booking once Google has its event and has told the guests.

    `written` is the event as our own write left it. Its version is the one that is known here: any other, as `event`
    may be by now, was made by somebody else and has to be read.
    """
    return replace(
        booking,
        calendar=event.calendar,
        event_id=event.id,
        event_url=event.url,
        meet_url=event.meet_url,
        etag=written.etag or None,
        notified=booking.wish.notify,
    )


def when(booking: Booking) -> str:
    """Its time in words, in its own zone."""
    return say(booking.meeting.start, booking.wish.zone, end=booking.meeting.end)
