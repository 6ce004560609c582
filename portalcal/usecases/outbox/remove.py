"""Remove the event of a cancelled booking.

Gone already is success, but a 404 alone does not prove it: the event may have been dragged to another calendar, so it is
looked up by its private extended property first. Of an event that its owner made recurring, only the instance that is
the meeting is deleted.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from portalcal.core.booking import Booking, State
from portalcal.core.intervals import Interval
from portalcal.core.outbox import Succeeded
from portalcal.errors import BookingBusy, EventNotFound
from portalcal.ports import Context, DeleteResult, Event, EventChanged
from portalcal.usecases.outbox.event_mapping import calendar_of
from portalcal.usecases.outbox.find_event import find_dragged_event, find_event, is_instance, owned

_MAX_READS = 3
"""How often the event may change between our read and our delete before the removal is postponed."""


def remove(context: Context, booking: Booking) -> tuple[Booking, Succeeded]:
    """Delete the event of a booking, wherever in the account it is.

    Raises:
        BookingBusy: somebody keeps changing the event.
        PortalcalError: Google's own refusals (ports.Calendars).
    """
    at = booking.moved_from or booking.meeting
    try:
        removal = _delete(context, booking)
    except EventNotFound:
        removal = None
    except EventChanged:
        removal = _find_and_delete(context, booking, at=at)
    was_already = removal is not DeleteResult.DONE
    is_tombstone = removal is DeleteResult.ALREADY_GONE
    if was_already and (dragged := _find_elsewhere(context, booking, at=at)):
        context.calendars.delete(dragged.calendar, dragged.id, notify=booking.request.notify)
        was_already = False
    # A booking cancelled while disconnected, or refused by a stale worker, has ended before its event is removed.
    ended = booking if not booking.is_live else booking.moved_to(State.CANCELLED, context.clock.now())
    notified = None if was_already else booking.request.notify
    # Without a recorded event id or a tombstone, there never was an event.
    was_there = booking.event_id is not None or is_tombstone
    return replace(ended, notified=notified), Succeeded(was_already and was_there, notified)


def _delete(context: Context, booking: Booking) -> DeleteResult:
    """Delete the event if its ETag is the recorded one: an event that somebody changed may be a series by now.

    Raises:
        EventChanged: it has another ETag, or none was recorded.
        EventNotFound: there is none.
    """
    event_id = booking.event_id or booking.next_event_id
    if booking.event_id is not None and booking.etag is None and not is_instance(booking):
        raise EventChanged(event_id)
    etag = None if is_instance(booking) else booking.etag
    return context.calendars.delete(calendar_of(booking), event_id, etag=etag, notify=booking.request.notify)


def _find_and_delete(context: Context, booking: Booking, *, at: Interval) -> DeleteResult:
    """Read the event and delete it in that version; of a series, the one instance that is the meeting.

    Raises:
        BookingBusy: it changed between each read and delete.
    """
    for _ in range(_MAX_READS):
        event = find_event(context, booking, at=at)
        if event is None:
            return DeleteResult.ALREADY_GONE
        etag = None if event.series else event.etag or None
        with suppress(EventChanged, EventNotFound):
            return context.calendars.delete(
                event.calendar, event.id, etag=etag, notify=booking.request.notify
            )
    raise BookingBusy(str(booking.id), booking.request.guest.name)


def _find_elsewhere(context: Context, booking: Booking, *, at: Interval) -> Event | None:
    """The live event that is not under the recorded id: on another calendar, or in a series that was changed."""
    if is_instance(booking):
        return find_event(context, booking, at=at)
    return find_dragged_event(context, booking, owned=owned(context), at=at)
