"""Put the event of a booking: insert it, check for conflicts, confirm the booking or withdraw the event.

Idempotent: the event id is derived from the booking, so after a lost reply or a crash the next attempt GETs that id
before it inserts, and a 409 is settled by reading the event. An id whose event was deleted stays taken at Google (a
tombstone); the booking then moves on to its next id.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

from portalcal.core.booking import Booking, State
from portalcal.core.outbox import OutboxEntry, Succeeded, refusals_leave_outcome_unknown
from portalcal.core.slots import FreeBusy
from portalcal.errors import EventNotFound, GoogleBusy, GoogleUnreachable, RoomDeclined, SlotTaken
from portalcal.ports import Context, Event, EventIdTaken
from portalcal.usecases.outbox.conflict_check import check_still_free, people_of, reread_after_write
from portalcal.usecases.outbox.event_mapping import calendar_of, event_draft, meeting_time, with_event
from portalcal.usecases.outbox.find_event import undone_if_refused
from portalcal.usecases.outbox.room import wait_for_room

# Each tombstone costs one id; more than a few of them means that something else is wrong.
_MAX_IDS = 5


def put(
    context: Context, entry: OutboxEntry, booking: Booking, *, before: tuple[FreeBusy, ...] = ()
) -> tuple[Booking, Succeeded]:
    """Insert the event, re-read the buffered time, and confirm the booking or withdraw the event.

    Raises:
        SlotTaken: somebody else has the time; no event of ours is left.
        RoomDeclined: its room has; likewise.
        PortalcalError: Google's own refusals (ports.Calendars).
    """
    existing = None
    # A booking that is confirmed before its put was made while disconnected, and gets its event late. So does one whose
    # process died before its first attempt: nobody knows by now whether the people are still free, and once our event is
    # in their calendars a meeting at the same time cannot be told from it.
    is_unread = bool(people_of(booking)) and not before
    if entry.attempts > 1 or booking.state is State.CONFIRMED or is_unread:
        booking, existing = _find_or_check_free(context, booking)
    booking, event = (booking, existing) if existing else _insert(context, booking)
    current = _check_conflicts(context, booking, event, before=before)
    try:
        # Nobody is invited to an offered time, so its room answers nothing.
        if booking.offer is None:
            booking = wait_for_room(context, booking, current)
    except RoomDeclined:
        _withdraw(context, booking, current)
        raise
    now = context.clock.now()
    is_new = booking.state is State.HELD
    confirmed = booking.moved_to(State.CONFIRMED, now) if is_new else replace(booking, updated_at=now)
    # Google sent the invitations of an existing event when it was inserted.
    notified = None if existing else booking.request.notify
    return with_event(confirmed, current, written=event), Succeeded(existing is not None, notified)


def _check_conflicts(
    context: Context, booking: Booking, inserted: Event, *, before: tuple[FreeBusy, ...]
) -> Event:
    """Our event as it stands now; on a conflict, or when the check is refused, it is withdrawn and the error raised."""
    # Where the check can never succeed the time is freed, so the guest must not keep an invitation to it.
    with undone_if_refused(context, booking, partial(_withdraw, context, booking, inserted)):
        event, conflict = reread_after_write(context, booking, inserted, before=before)
    if conflict is not None:
        _withdraw(context, booking, event)
        raise SlotTaken(meeting_time(booking), conflict)
    return event


def _withdraw(context: Context, booking: Booking, event: Event) -> None:
    """Delete our event; gone already is success. Until it is gone the outcome is unknown, and the time stays held."""
    with refusals_leave_outcome_unknown(), suppress(EventNotFound):
        context.calendars.delete(event.calendar, event.id, notify=booking.request.notify)


def _find_or_check_free(context: Context, booking: Booking) -> tuple[Booking, Event | None]:
    """The event of an earlier attempt; None if there is none and the time is still free.

    Raises:
        SlotTaken: somebody else has the time.
        CalendarUnreadable: a conflict calendar could not be read.
    """
    booking, existing = _find_earlier_attempt(context, booking)
    if existing is None:
        try:
            check_still_free(context, booking)
        except SlotTaken:
            # A stale worker may have inserted our event just now, and the busy time is our own.
            booking, existing = _find_earlier_attempt(context, booking)
            if existing is None:
                raise
    return booking, existing


def _find_earlier_attempt(context: Context, booking: Booking) -> tuple[Booking, Event | None]:
    """The live event of an earlier attempt, or None. A tombstone moves the booking on to its next id.

    The event comes without its ETag: somebody may have changed it since it was inserted, which `sync` has to notice.
    """
    calendar = calendar_of(booking)
    for _ in range(_MAX_IDS):
        try:
            with refusals_leave_outcome_unknown(EventNotFound):
                event = context.calendars.event(calendar, booking.next_event_id)
        except EventNotFound:
            return booking, None
        if event.booking == str(booking.id) and not event.is_cancelled:
            return booking, event._replace(etag="")
        booking = replace(booking, attempt=booking.attempt + 1)
    return booking, None


def _insert(context: Context, booking: Booking) -> tuple[Booking, Event]:
    """Insert under our id. After a lost reply, or a 409, read the event to learn whether it is ours."""
    calendar = calendar_of(booking)
    for is_last in (False, True, True):
        try:
            return booking, context.calendars.insert(
                calendar, event_draft(booking), notify=booking.request.notify
            )
        except EventIdTaken:
            booking, event = _find_earlier_attempt(context, booking)
        except GoogleUnreachable as error:
            if not error.sent or is_last:
                raise
            booking, event = _find_earlier_attempt(context, booking)
        if event is not None:
            return booking, event
    # 409 on insert and 404 on read: one of the two responses is stale.
    raise GoogleBusy("the id of the event is taken, and no event has it", 409)
