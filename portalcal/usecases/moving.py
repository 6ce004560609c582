"""Bringing an event to the time its booking moves to.

The time an event is at tells how far a move got, so every step may be repeated: at the new time it is done, at the old
one it is to be done, and anywhere else somebody was faster.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

from portalcal.core.booking import Booking
from portalcal.core.errands import Errand
from portalcal.core.instants import say
from portalcal.core.intervals import Interval, Intervals
from portalcal.errors import (
    AlreadyMoved,
    BookingBusy,
    ConnectError,
    EventNotFound,
    GoogleUnreachable,
    PortalcalError,
    SlotTaken,
    TryLaterError,
)
from portalcal.ports import Event, EventChanged, World
from portalcal.usecases.doubt import in_doubt
from portalcal.usecases.drafts import calendar_of, draft_of, told, when
from portalcal.usecases.rivals import check_still_free, read_again
from portalcal.usecases.whereabouts import whereabouts

_MOST_READINGS = 3
"""How often an event may change under our hands before a move is left for later."""


def move(world: World, errand: Errand, booking: Booking) -> Booking:
    """Give the event its new time, read the guard once more, and let the old time go; or bring the event back.

    A booking that moved while disconnected does not yield to whoever took the time since: its old one is gone.

    Raises:
        AlreadyMoved: somebody gave the event another time, or deleted it.
        SlotTaken: somebody has the new time; the event is where it was.
        PortalcalError: Google's own refusals (ports.Calendars).
    """
    old = booking.moved_from or (booking.meeting if booking.moving_to else None)
    if old is None or not booking.is_live:
        return booking
    moved = booking.at(booking.moving_to or booking.meeting)
    is_late = errand.attempts > 1 or booking.moving_to is None

    event = _brought(world, moved, old, is_late=is_late)
    try:
        fresh, rival = read_again(world, moved, event, own=Intervals((old,)))
    except (TryLaterError, ConnectError):
        raise
    except PortalcalError:
        _bring_back(world, booking, moved, etag=event.etag)
        raise
    if rival is not None and booking.moving_to is not None:
        _bring_back(world, booking, moved, etag=fresh.etag)
        raise SlotTaken(when(moved), rival)
    return replace(told(moved, fresh, written=event), updated_at=world.clock.now())


def _bring_back(world: World, booking: Booking, moved: Booking, *, etag: str | None) -> None:
    """Let the event be where it was; while it is not, both times stay held. Without an old time it stays."""
    if booking.moving_to is None:
        return
    with in_doubt():
        _brought(world, replace(booking, etag=etag, moving_to=None), moved.meeting, is_late=False)


def _brought(world: World, booking: Booking, old: Interval, *, is_late: bool) -> Event:
    """The event of the booking, from the old time to the booking's. `is_late`: it may be anywhere by now.

    It comes without its version where somebody may have changed it in between, which `sync` has to see.
    """
    may_have_moved = is_late
    if booking.etag and not is_late:
        try:
            return _patched(world, booking, calendar_of(booking), etag=booking.etag)
        except (EventChanged, EventNotFound):
            pass
        except GoogleUnreachable as error:
            if not error.sent:
                raise
            may_have_moved = True
    for _ in range(_MOST_READINGS):
        with in_doubt() if may_have_moved else nullcontext():
            event = whereabouts(world, booking)
        if event is not None and event.span == booking.meeting:
            return event._replace(etag="")
        if event is None or event.span != old:
            raise AlreadyMoved(str(booking.id), _whither(booking, event))
        if is_late and not _is_still_free(world, booking, event):
            continue
        try:
            moved = _patched(world, replace(booking, event_id=event.id), event.calendar, etag=event.etag)
            return moved._replace(etag="")
        except EventChanged:
            continue
    raise BookingBusy(str(booking.id))


def _is_still_free(world: World, booking: Booking, event: Event) -> bool:
    """Whether the new time is free; False where the event left its old one meanwhile, perhaps for that very time.

    Raises:
        SlotTaken: somebody else has it.
        CalendarUnreadable: nobody can tell.
    """
    try:
        check_still_free(world, booking, own=Intervals((event.span,) if event.span else ()))
    except SlotTaken:
        # A process that slept may have moved the event just now, and its own meeting is in nobody's way.
        now = whereabouts(world, booking)
        if now is not None and now.span == event.span:
            raise
        return False
    return True


def _patched(world: World, booking: Booking, calendar: str, *, etag: str) -> Event:
    return world.calendars.move(calendar, draft_of(booking), etag=etag, notify=booking.wish.notify)


def _whither(booking: Booking, event: Event | None) -> str:
    if event is None or event.span is None:
        return "deleted"
    return say(event.span.start, booking.wish.zone, end=event.span.end)
