"""Move the event of a booking to its new time, and back if somebody else has that time.

Idempotent: the event's own time shows how far an earlier attempt got. At the new time the move is done, at the old time
it is still to be done, and at any other time somebody moved the event in the calendar.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import partial

from portalcal.core.booking import Booking
from portalcal.core.intervals import Interval, Intervals
from portalcal.core.outbox import OutboxEntry, Succeeded, refusals_leave_outcome_unknown
from portalcal.core.participants import Participant
from portalcal.core.slots import FreeBusy
from portalcal.core.time import format_time
from portalcal.errors import (
    AlreadyMoved,
    BookingBusy,
    EventNotFound,
    GoogleUnreachable,
    RoomDeclined,
    SlotTaken,
)
from portalcal.ports import Context, Event, EventChanged
from portalcal.usecases.outbox.conflict_check import (
    check_newcomers_free,
    check_still_free,
    conflict_of_newcomers,
    people_of,
    reread_after_write,
)
from portalcal.usecases.outbox.event_mapping import (
    calendar_of,
    event_draft,
    invited,
    meeting_time,
    with_event,
)
from portalcal.usecases.outbox.find_event import find_event, undone_if_refused
from portalcal.usecases.outbox.room import wait_for_room
from portalcal.warnings import RoomGone

_MAX_READS = 3
"""How often the event may change between our read and our patch before the move is postponed."""


def move(
    context: Context, entry: OutboxEntry, booking: Booking, *, before: tuple[FreeBusy, ...] = ()
) -> tuple[Booking, Succeeded]:
    """Patch the event's time, re-read the buffered time, and free the old time or move the event back.

    A booking that moved while disconnected has no old time any more, so it does not yield to a conflict.

    Raises:
        AlreadyMoved: somebody moved or deleted the event in the calendar.
        SlotTaken: somebody has the new time; the event is at its old one.
        RoomDeclined: the room is taken then; likewise.
        PortalcalError: Google's own refusals (ports.Calendars).
    """
    old = booking.moved_from or (booking.meeting if booking.moving_to else None)
    if old is None or not booking.is_live:
        return booking, Succeeded(was_already=True)
    moved = booking.at(booking.moving_to or booking.meeting)
    # The first attempt too, where the process that planned it died: nobody knows whether the people are still free.
    is_unread = bool(people_of(moved)) and not before
    is_late = entry.attempts > 1 or booking.moving_to is None or is_unread

    if booking.is_reassigned:
        is_first = entry.attempts == 1
        event, is_written = _event_in_place(context, booking, moved, checks=is_unread and is_first), False
    else:
        event, is_written = _move_event(context, moved, old, is_late=is_late)
    if booking.new_participants is not None:
        event, is_invited = _invite(context, moved, event, instead_of=booking)
        is_written = is_written or is_invited
    undo = partial(_move_event_back, context, booking, moved, written=event)
    with undone_if_refused(context, moved, undo):
        current, conflict = _reread(context, booking, moved, event, before=before)
    if conflict is not None and booking.moving_to is not None:
        _move_event_back(context, booking, moved, written=current)
        raise SlotTaken(meeting_time(moved), conflict)
    try:
        # A room that stays, at the same time, is not asked again.
        if moved.room != booking.room or not booking.is_reassigned:
            moved = wait_for_room(context, moved, current)
    except RoomDeclined as declined:
        if booking.moving_to is not None:
            _move_event_back(context, booking, moved, written=current)
            raise
        context.view.warn(RoomGone(str(booking.id), declined.room))
    settled = replace(with_event(moved, current, written=event), updated_at=context.clock.now())
    notified = booking.request.notify if is_written else None
    return settled, Succeeded(not is_written, notified, previous=old)


def _reread(
    context: Context, booking: Booking, moved: Booking, event: Event, *, before: tuple[FreeBusy, ...]
) -> tuple[Event, str | None]:
    """The event as it stands now, and a conflict. A meeting that stays where it is, is checked for newcomers alone."""
    if not booking.is_reassigned:
        old = Intervals((booking.moved_from or booking.meeting,))
        return reread_after_write(context, moved, event, own=old, before=before)
    coming = _newcomers(booking, moved)
    return event, conflict_of_newcomers(context, moved, coming, before=before) if coming else None


def _newcomers(booking: Booking, moved: Booking) -> tuple[Participant, ...]:
    """Who takes part in `moved` and holds no claim of the booking yet."""
    there = set(booking.claimants)
    return tuple(each for each in moved.participants if each.claimant(moved.workspace) not in there)


def _event_in_place(context: Context, booking: Booking, moved: Booking, *, checks: bool) -> Event:
    """The event of a meeting that stays where it is.

    `checks`: whether newcomers must be free, where nobody has invited them yet.

    Raises:
        AlreadyMoved: it was moved or deleted.
        SlotTaken: a newcomer was taken meanwhile.
    """
    event = find_event(context, moved)
    if event is None or event.span != moved.meeting:
        raise AlreadyMoved(str(moved.id), _describe_time(moved, event))
    if checks:
        invited_already = booking.invited_without_claim
        newcomers = _newcomers(booking, moved)
        coming = tuple(each for each in newcomers if each.address not in invited_already)
        check_newcomers_free(context, moved, coming)
    return event


def _invite(context: Context, moved: Booking, event: Event, *, instead_of: Booking) -> tuple[Event, bool]:
    """Invite the participants of `moved`, and no longer those of `instead_of`. Returns the event, and whether it changed.

    Raises: AlreadyMoved: somebody deleted the event.
    """
    coming = {each.address for each in invited(moved)}
    leaving = tuple(each.address for each in invited(instead_of) if each.address not in coming)
    people = event_draft(moved).people
    for reads_left in reversed(range(_MAX_READS)):
        try:
            changed = context.calendars.invite(
                event.calendar, event.id, people=people, but_not=leaving, notify=moved.request.notify
            )
        except EventChanged:
            continue
        except EventNotFound:
            raise AlreadyMoved(str(moved.id), "deleted", moved.request.guest.name) from None
        except GoogleUnreachable as error:
            # After a lost reply the next reading shows whether they are invited.
            if not error.sent or not reads_left:
                raise
            continue
        # Without an etag, because the event may have changed before ours was read, which `sync` has to notice.
        return changed._replace(etag=""), changed.etag != event.etag
    raise BookingBusy(str(moved.id))


def _move_event_back(context: Context, booking: Booking, moved: Booking, *, written: Event) -> None:
    """Move the event back to the old time. Until it is there the outcome is unknown, and both times stay held.

    A booking that moved while disconnected has no old time: its event stays.
    """
    if booking.moving_to is None:
        return
    with refusals_leave_outcome_unknown():
        if booking.new_participants is not None:
            written, _ = _invite(context, booking, written, instead_of=moved)
        if booking.is_reassigned:
            return
        _move_event(
            context,
            replace(booking, event_id=written.id, etag=written.etag, moving_to=None),
            moved.meeting,
            is_late=False,
        )


def _move_event(context: Context, booking: Booking, old: Interval, *, is_late: bool) -> tuple[Event, bool]:
    """Move the event from the old time to the booking's. Returns it, and whether this call moved it.

    `is_late`: an earlier attempt or a person may have moved it. The event comes without its ETag where somebody may have
    changed it in between, which `sync` has to notice.
    """
    may_have_moved, is_ours = is_late, False
    if booking.etag and not is_late:
        try:
            return _patch_time(context, booking, calendar_of(booking), etag=booking.etag), True
        except (EventChanged, EventNotFound):
            pass
        except GoogleUnreachable as error:
            if not error.sent:
                raise
            may_have_moved = is_ours = True
    for _ in range(_MAX_READS):
        with refusals_leave_outcome_unknown() if may_have_moved else nullcontext():
            event = find_event(context, booking, at=old)
        if event is not None and event.span == booking.meeting:
            return event._replace(etag=""), is_ours
        if event is None or event.span != old:
            raise AlreadyMoved(str(booking.id), _describe_time(booking, event), booking.request.guest.name)
        if is_late and not _is_still_free(context, booking, event):
            continue
        try:
            moved = _patch_time(context, replace(booking, event_id=event.id), event.calendar, etag=event.etag)
            return moved._replace(etag=""), True
        except EventChanged:
            continue
    raise BookingBusy(str(booking.id), booking.request.guest.name)


def _is_still_free(context: Context, booking: Booking, event: Event) -> bool:
    """Whether the new time is free. False: the event left its old time meanwhile, and may itself be what is there.

    Raises:
        SlotTaken: somebody else has the new time.
        CalendarUnreadable: a conflict calendar could not be read.
    """
    try:
        check_still_free(context, booking, own=Intervals((event.span,) if event.span else ()))
    except SlotTaken:
        # A stale worker may have moved our event just now, and the busy time is our own.
        current = find_event(context, booking, at=event.span)
        if current is not None and current.span == event.span:
            raise
        return False
    return True


def _patch_time(context: Context, booking: Booking, calendar: str, *, etag: str) -> Event:
    return context.calendars.move(calendar, event_draft(booking), etag=etag, notify=booking.request.notify)


def _describe_time(booking: Booking, event: Event | None) -> str:
    if event is None or event.span is None:
        return "deleted"
    return format_time(event.span.start, booking.request.zone, end=event.span.end)
