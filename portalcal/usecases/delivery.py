"""One attempt at one errand: what Google should have is brought about, or it is said why not.

Every step may be repeated: the event id is ours, so that a second insert finds the first, and removing what is gone
is success. DESIGN.md section 3 has the order.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import assert_never

from portalcal.core.booking import Booking, State
from portalcal.core.errands import Delivered, Delivery, Errand, Refused, Retry, Task, next_try
from portalcal.errors import (
    ConnectError,
    EventNotFound,
    GoogleBusy,
    GoogleUnreachable,
    PortalcalError,
    SlotTaken,
    TryLaterError,
)
from portalcal.ports import Event, EventIdTaken, Removal, World
from portalcal.usecases.doubt import InDoubt, in_doubt
from portalcal.usecases.drafts import calendar_of, draft_of, told, when
from portalcal.usecases.moving import move
from portalcal.usecases.rivals import check_still_free, read_again
from portalcal.usecases.whereabouts import elsewhere, owned

# A tombstone costs one id; more than a few of them means that something else is wrong.
_MOST_IDS = 5


def attempt(world: World, errand: Errand) -> tuple[Booking, Delivery]:
    """Try a leased errand once and record in the ledger what came of it.

    Returns the booking as it stands now, and the delivery. Failures that may pass leave the errand owed.
    """
    # As it is under the lease: before, another process may have confirmed, moved or ended it.
    booking = world.ledger.find(str(errand.booking))
    if errand.task is not Task.REMOVE and not booking.is_live:
        # This process slept past its lease, and another one has ended the booking.
        return world.ledger.settle(errand, booking), Delivered()
    delivered = Delivered()
    try:
        match errand.task:
            case Task.PUT:
                settled = _put(world, errand, booking)
            case Task.MOVE:
                settled = move(world, errand, booking)
            case Task.REMOVE:
                settled, delivered = _remove(world, booking)
            case _:
                assert_never(errand.task)
    except (TryLaterError, ConnectError) as error:
        return _postponed(world, errand, booking, why=error)
    except InDoubt as doubt:
        return _postponed(world, errand, booking, why=doubt.why)
    except PortalcalError as error:
        if errand.task is Task.REMOVE:
            return _postponed(world, errand, booking, why=error)
        return world.ledger.settle(errand, _given_up(world, errand, booking)), Refused(error)
    return world.ledger.settle(errand, settled), delivered


def attempt_now(world: World, booking: Booking, task: Task) -> tuple[Booking, Delivery] | None:
    """Try what a command itself has just asked for.

    None where that is not the next thing Google is owed for the booking, or another process is at it.
    """
    errand = world.ledger.errand_of(booking.id)
    is_next = errand is not None and errand.task is task
    leased = world.ledger.lease(errand, now=world.clock.now()) if errand and is_next else None
    return attempt(world, leased) if leased else None


def _given_up(world: World, errand: Errand, booking: Booking) -> Booking:
    """The booking when what was owed can never be: refused, or as it was, its event to be read by `sync` or none."""
    now = world.clock.now()
    if errand.task is Task.MOVE:
        return replace(booking, moving_to=None, moved_from=None, etag=None, updated_at=now)
    if booking.state is State.CONFIRMED:
        return replace(booking, calendar=None, updated_at=now)
    return booking.moved_to(State.REFUSED, now)


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
    # A booking that is confirmed already was made while disconnected, and is given its event late.
    if errand.attempts > 1 or booking.state is State.CONFIRMED:
        booking, existing = _found_or_free(world, booking)
    booking, event = (booking, existing) if existing else _insert(world, booking)
    fresh = _assured(world, booking, event)
    now = world.clock.now()
    is_new = booking.state is State.HELD
    kept = booking.moved_to(State.CONFIRMED, now) if is_new else replace(booking, updated_at=now)
    return told(kept, fresh, written=event)


def _assured(world: World, booking: Booking, made: Event) -> Event:
    """Our event as it stands, once it is sure that nobody was there first; else it is taken away again."""
    try:
        event, rival = read_again(world, booking, made)
    except (TryLaterError, ConnectError):
        raise
    except PortalcalError:
        # Nobody can ever tell: the time is freed, and the guest must not be left with an invitation to it.
        _withdraw(world, booking, made)
        raise
    if rival is not None:
        _withdraw(world, booking, event)
        raise SlotTaken(when(booking), rival)
    return event


def _withdraw(world: World, booking: Booking, event: Event) -> None:
    """Take our event away. Gone already is as good; while it is not gone the time stays held."""
    with in_doubt(), suppress(EventNotFound):
        world.calendars.delete(event.calendar, event.id, notify=booking.wish.notify)


def _found_or_free(world: World, booking: Booking) -> tuple[Booking, Event | None]:
    """What an earlier attempt left, or none and a time that is still free.

    Raises:
        SlotTaken: somebody else has the time.
        CalendarUnreadable: nobody can tell.
    """
    booking, existing = _found(world, booking)
    if existing is None:
        try:
            check_still_free(world, booking)
        except SlotTaken:
            # A process that slept may have made the event just now, and its own meeting is in nobody's way.
            booking, existing = _found(world, booking)
            if existing is None:
                raise
    return booking, existing


def _found(world: World, booking: Booking) -> tuple[Booking, Event | None]:
    """What an earlier attempt left at Google: our live event, or none. A tombstone moves us on to a new id.

    The event comes without its version: somebody may have changed it since it was made, which `sync` has to see.
    """
    calendar = calendar_of(booking)
    for _ in range(_MOST_IDS):
        try:
            with in_doubt(EventNotFound):
                event = world.calendars.event(calendar, booking.next_event_id)
        except EventNotFound:
            return booking, None
        if event.booking == str(booking.id) and not event.is_cancelled:
            return booking, event._replace(etag="")
        booking = replace(booking, attempt=booking.attempt + 1)
    return booking, None


def _insert(world: World, booking: Booking) -> tuple[Booking, Event]:
    """Insert under our id. A reply that was lost, or an id that is taken, is settled by reading the event."""
    calendar = calendar_of(booking)
    for is_last in (False, True, True):
        try:
            return booking, world.calendars.insert(calendar, draft_of(booking), notify=booking.wish.notify)
        except EventIdTaken:
            booking, event = _found(world, booking)
        except GoogleUnreachable as error:
            if not error.sent or is_last:
                raise
            booking, event = _found(world, booking)
        if event is not None:
            return booking, event
    # Taken, and yet nothing is there: one of the two answers is behind the times.
    raise GoogleBusy("the id of the event is taken, and no event has it", 409)


# --- remove ---------------------------------------------------------------------------------------------------


def _remove(world: World, booking: Booking) -> tuple[Booking, Delivered]:
    """Take the event away. Gone already is success, once it is sure that nobody dragged it to another calendar."""
    event_id = booking.event_id or booking.next_event_id
    try:
        removal = world.calendars.delete(calendar_of(booking), event_id, notify=booking.wish.notify)
    except EventNotFound:
        removal = Removal.ALREADY_GONE
    was_already = removal is Removal.ALREADY_GONE
    if was_already and (dragged := elsewhere(world, booking, owned=owned(world))):
        world.calendars.delete(dragged.calendar, dragged.id, notify=booking.wish.notify)
        was_already = False
    # Cancelled while disconnected, or refused by a late report: its time was free before its event was.
    ended = booking if not booking.is_live else booking.moved_to(State.CANCELLED, world.clock.now())
    return ended, Delivered(was_already)
