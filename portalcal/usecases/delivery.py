"""One attempt at one errand: what Google should have is brought about, or it is said why not.

Every step may be repeated: the event id is ours, so that a second insert finds the first, and removing what is gone
is success. DESIGN.md section 3 has the order.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import assert_never

from portalcal.answers import Selection
from portalcal.core.booking import Booking, State
from portalcal.core.errands import Delivered, Delivery, Errand, Refused, Retry, Task, next_try
from portalcal.core.instants import say
from portalcal.core.intervals import Intervals
from portalcal.errors import (
    BookingNotFound,
    CalendarUnreadable,
    ConnectError,
    EventNotFound,
    GoogleUnreachable,
    PortalcalError,
    SlotTaken,
    TryLaterError,
    Unread,
)
from portalcal.ports import Draft, Event, EventIdTaken, World
from portalcal.usecases.situation import selection

# A tombstone costs one id; more than a few of them means that something else is wrong.
_MOST_IDS = 5
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def attempt(world: World, errand: Errand, booking: Booking) -> tuple[Booking, Delivery]:
    """Try a leased errand once and record in the ledger what came of it.

    Returns the booking as it stands now, and the delivery. Failures that may pass leave the errand owed.
    """
    try:
        match errand.task:
            case Task.PUT:
                settled = _put(world, errand, booking)
            case Task.REMOVE:
                settled = _remove(world, booking)
            case _:
                assert_never(errand.task)
    except (TryLaterError, ConnectError) as error:
        return _postponed(world, errand, booking, why=error)
    except PortalcalError as error:
        if errand.task is Task.REMOVE:
            return _postponed(world, errand, booking, why=error)
        refused = booking.moved_to(State.REFUSED, world.clock.now())
        return world.ledger.settle(errand, refused), Refused(error)
    return world.ledger.settle(errand, settled), Delivered()


def _postponed(
    world: World, errand: Errand, booking: Booking, *, why: PortalcalError
) -> tuple[Booking, Delivery]:
    due_at = next_try(errand.attempts, world.clock.now())
    unknown = isinstance(why, GoogleUnreachable) and why.sent
    world.ledger.postpone(errand, due_at=due_at, why=why.message, outcome_unknown=unknown)
    return booking, Retry(due_at, why)


# --- put ------------------------------------------------------------------------------------------------------


def _put(world: World, errand: Errand, booking: Booking) -> Booking:
    """Make the event, read the guard once more, and confirm the booking or withdraw the event."""
    existing = None
    if errand.attempts > 1:
        booking, existing = _found(world, booking)
        if existing is None:
            _check_still_free(world, booking)
    booking, event = (booking, existing) if existing else _insert(world, booking)
    event, rival = _read_again(world, booking, event)
    if rival is not None:
        world.calendars.delete(event.calendar, event.id, notify=booking.wish.notify)
        raise SlotTaken(_when(booking), rival)
    return replace(
        booking.moved_to(State.CONFIRMED, world.clock.now()),
        event_id=event.id,
        event_url=event.url,
        meet_url=event.meet_url,
        etag=event.etag,
        notified=booking.wish.notify,
    )


def _when(booking: Booking) -> str:
    return say(booking.meeting.start, booking.wish.zone, end=booking.meeting.end)


def _calendar(booking: Booking) -> str:
    if booking.calendar is None:
        raise BookingNotFound(str(booking.id))
    return booking.calendar


def _found(world: World, booking: Booking) -> tuple[Booking, Event | None]:
    """What an earlier attempt left at Google: our live event, or none. A tombstone moves us on to a new id."""
    calendar = _calendar(booking)
    for _ in range(_MOST_IDS):
        try:
            event = world.calendars.event(calendar, booking.next_event_id)
        except EventNotFound:
            return booking, None
        if event.booking == str(booking.id) and not event.is_cancelled:
            return booking, event
        booking = replace(booking, attempt=booking.attempt + 1)
    return booking, None


def _insert(world: World, booking: Booking) -> tuple[Booking, Event]:
    """Insert under our id. A reply that was lost, or an id that is taken, is settled by reading the event."""
    calendar = _calendar(booking)
    for is_last in (False, True):
        try:
            return booking, world.calendars.insert(calendar, _draft(booking), notify=booking.wish.notify)
        except EventIdTaken:
            booking, event = _found(world, booking)
        except GoogleUnreachable as error:
            if not error.sent or is_last:
                raise
            booking, event = _found(world, booking)
        if event is not None:
            return booking, event
    return booking, world.calendars.insert(calendar, _draft(booking), notify=booking.wish.notify)


def _draft(booking: Booking) -> Draft:
    wish = booking.wish
    return Draft(
        id=booking.next_event_id,
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


def _check_still_free(world: World, booking: Booking) -> None:
    """Before a late insert: an invitation sent and withdrawn is worse than none."""
    chosen = selection(world)
    for each in world.calendars.free_busy(chosen.conflicts if chosen else (), booking.guard):
        if each.unread is not None:
            raise CalendarUnreadable((Unread(each.calendar, each.unread),))
        if each.busy.meeting(booking.guard):
            raise SlotTaken(_when(booking), f"a meeting on {each.calendar}")


def _read_again(world: World, booking: Booking, ours: Event) -> tuple[Event, str | None]:
    """Our event as it now stands, and who else has its time, in words: all conflict calendars, read at once."""
    chosen = selection(world)
    if chosen is None:
        return ours, None
    others = tuple(each for each in chosen.conflicts if each != ours.calendar)
    if not others:
        return _among_events(world, booking, ours, chosen=chosen)
    with ThreadPoolExecutor(max_workers=1) as pool:
        elsewhere = pool.submit(_rival_calendar, world, booking, others)
        fresh, rival = _among_events(world, booking, ours, chosen=chosen)
        return fresh, rival or elsewhere.result()


def _among_events(
    world: World, booking: Booking, ours: Event, *, chosen: Selection
) -> tuple[Event, str | None]:
    """An older event on the booking calendar wins; of two tools without a common ledger exactly one so yields.

    A booking calendar that does not count for conflicts yields to other bookings only. Our own event is in the answer
    too, by now perhaps with the Meet link that was pending when it was made.
    """
    fresh, rival = ours, None
    counts = ours.calendar in chosen.conflicts
    for other in world.calendars.events(ours.calendar, booking.guard):
        if other.id == ours.id:
            fresh = other
        elif other.is_busy and other.booking != str(booking.id) and (counts or other.booking):
            rival = f"an event on {ours.calendar}" if _age(other) < _age(ours) else rival
    return fresh, rival


def _age(event: Event) -> tuple[datetime, str]:
    return event.created or _LONG_AGO, event.id


def _rival_calendar(world: World, booking: Booking, calendars: tuple[str, ...]) -> str | None:
    """Busy time on another conflict calendar. A guest's own calendar shows our meeting too, which is no conflict."""
    invited = {booking.wish.guest.email, *booking.wish.guests}
    for each in world.calendars.free_busy(calendars, booking.guard):
        if each.unread is not None:
            raise CalendarUnreadable((Unread(each.calendar, each.unread),))
        own = Intervals((booking.meeting,)) if each.calendar in invited else Intervals()
        if (each.busy - own).meeting(booking.guard):
            return f"a meeting on {each.calendar}"
    return None


# --- remove ---------------------------------------------------------------------------------------------------


def _remove(world: World, booking: Booking) -> Booking:
    """Take the event away; gone already is success, and a 404 is looked into first."""
    calendar = _calendar(booking)
    event_id = booking.event_id or booking.next_event_id
    try:
        world.calendars.delete(calendar, event_id, notify=booking.wish.notify)
    except EventNotFound:
        for event in world.calendars.events_of(calendar, booking.id):
            world.calendars.delete(calendar, event.id, notify=booking.wish.notify)
    # Cancelled while disconnected, or refused by a late report: its time was free before its event was.
    return booking if not booking.is_live else booking.moved_to(State.CANCELLED, world.clock.now())
