"""Map a booking to the event to write, and a written event to the fields that a booking keeps of it."""

from __future__ import annotations

from dataclasses import replace

from portalcal.core.booking import Booking
from portalcal.core.email_address import unique
from portalcal.core.participants import Participant, Role
from portalcal.core.time import format_time
from portalcal.errors import BookingNotFound
from portalcal.ports import Event, EventDraft, Invitee


def calendar_of(booking: Booking) -> str:
    """The calendar its event is on.

    Raises:
        BookingNotFound: it was made while disconnected and has none.
    """
    if booking.calendar is None:
        raise BookingNotFound(str(booking.id))
    return booking.calendar


def event_draft(booking: Booking) -> EventDraft:
    """The event to write for a booking, under its recorded id or the next one."""
    request = booking.request
    if booking.offer is not None:
        return _hold_draft(booking)
    return EventDraft(
        id=booking.event_id or booking.next_event_id,
        booking=booking.id,
        title=request.title,
        span=request.meeting,
        timezone=request.zone.key,
        guests=unique((request.guest.email, *request.guests)),
        guest_name=request.guest.name,
        location=request.location,
        notes=request.notes,
        meet=request.meet,
        people=tuple(map(_invitee, invited(booking))),
    )


def _hold_draft(booking: Booking) -> EventDraft:
    """The event of an offered time, which nobody is invited to."""
    request = booking.request
    return EventDraft(
        id=booking.event_id or booking.next_event_id,
        booking=booking.id,
        title=f"Hold: {request.title}",
        span=request.meeting,
        timezone=request.zone.key,
        guests=(),
        guest_name="",
        location=request.location,
    )


def invited(booking: Booking) -> tuple[Participant, ...]:
    """Who is invited besides the guests: everybody who takes part but the account, whose calendar has the event."""
    return tuple(each for each in booking.participants if each.role is not Role.OWNER and not each.is_account)


def _invitee(participant: Participant) -> Invitee:
    return Invitee(
        participant.email,
        is_optional=participant.role is Role.OPTIONAL,
        is_room=participant.role is Role.ROOM,
    )


def with_event(booking: Booking, event: Event, *, written: Event) -> Booking:
    """The booking with the fields of its event.

    `written` is the event as our own write returned it. Its ETag is the one recorded: `event`, read later, may be a
    version somebody else made, which `sync` has to notice and merge.
    """
    return replace(
        booking,
        calendar=event.calendar,
        event_id=event.id,
        event_url=event.url,
        meet_url=event.meet_url,
        etag=written.etag or None,
        notified=booking.request.notify,
    )


def meeting_time(booking: Booking) -> str:
    """The time of the meeting for a message, in the booking's zone."""
    return format_time(booking.meeting.start, booking.request.zone, end=booking.meeting.end)
