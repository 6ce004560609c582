"""Moving a booking: both times are held until Google has moved the event (DESIGN.md section 3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, assert_never
from zoneinfo import ZoneInfo

from portalcal.answers import Rescheduled
from portalcal.core.booking import Booking, Notify, State
from portalcal.core.errands import Delivered, Refused, Retry, Task
from portalcal.core.instants import say
from portalcal.core.intervals import Interval
from portalcal.core.slots import Question
from portalcal.errors import (
    AlreadyMoved,
    BookingBusy,
    BookingNotFound,
    BookingOver,
    PortalcalError,
    SlotTaken,
)
from portalcal.ports import GuardsOverlap, StillOwed, World
from portalcal.usecases.check import Plan, check, promised, taken
from portalcal.usecases.deliver import deliver
from portalcal.usecases.delivery import attempt_now
from portalcal.usecases.forewarn import what_follows
from portalcal.usecases.situation import selection

NOTHING_MOVED = "The booking stays where it was."


class Rescheduling(NamedTuple):
    """Which booking goes where. `duration` and `notify` None: as before; `zone` is that of the words and the answer."""

    booking: str
    start: datetime
    zone: ZoneInfo
    duration: timedelta | None = None
    reason: str = ""
    notify: Notify | None = None
    force: bool = False


def reschedule(request: Rescheduling, world: World) -> Rescheduled:
    """Hold the new time, have Google move the event, and only then let the old time go.

    The booking comes back at its new time, or `moving_to` it when Google could not be told yet: then both times are
    held. Disconnected, or without an event, it moves here at once, with a warning where an event stays behind.

    Raises:
        BookingNotFound, BookingOver: no such booking, or none that can be moved.
        SlotTaken, SlotNotOffered: somebody has the new time, or the schedule does not offer it.
        AlreadyMoved: somebody moved or deleted the event in the calendar.
        BookingBusy: an earlier change of the booking is still owed to Google.
        PortalcalError: Google refused, or could not be asked before anything was held.
    """
    try:
        return _reschedule(request, world)
    except (BookingNotFound, BookingOver, AlreadyMoved):
        # They say themselves where the booking stands.
        raise
    except PortalcalError as error:
        raise error.with_outcome(NOTHING_MOVED) from error.__cause__


def _reschedule(request: Rescheduling, world: World) -> Rescheduled:
    deliver(world)
    booking = world.ledger.find(request.booking)
    if booking.state not in {State.HELD, State.CONFIRMED}:
        raise BookingOver(str(booking.id), booking.state.value)
    to = Interval(request.start, request.start + (request.duration or booking.wish.duration))
    if to in {booking.meeting, booking.moving_to}:
        return _already(request, world, booking, to=to)

    wish = replace(booking.wish, start=to.start, duration=to.length, zone=request.zone)
    question = check(Plan(wish, force=request.force, moving=booking), world)

    moving = _begin(request, world, replace(booking, moving_to=to), question=question)
    if moving.state not in {State.HELD, State.CONFIRMED}:
        raise BookingOver(str(moving.id), moving.state.value)
    moved = _tell(moving, world, question, zone=request.zone) if moving.moving_to else moving
    if moved.state not in {State.HELD, State.CONFIRMED}:
        raise BookingOver(str(moved.id), moved.state.value)
    if to not in {moved.meeting, moved.moving_to}:
        # While this process slept, another one decided otherwise.
        where = moved.moving_to or moved.meeting
        raise AlreadyMoved(str(moved.id), say(where.start, request.zone, end=where.end))
    return Rescheduled(moved, request.zone, booking.meeting)


def _already(request: Rescheduling, world: World, booking: Booking, *, to: Interval) -> Rescheduled:
    """Nothing to ask for: the booking is there, or on its way there, as when the same command is run again."""
    is_there = to == booking.meeting and booking.moving_to is None
    if not is_there and to == booking.meeting:
        raise BookingBusy(str(booking.id))
    if not is_there:
        _warn_pending(world, "another process is at it, or a failed attempt has to wait")
    return Rescheduled(booking, request.zone, booking.meeting, was_already=is_there)


def _begin(request: Rescheduling, world: World, booking: Booking, *, question: Question) -> Booking:
    """Hold the new time; disconnected, or for a booking without an event, move there."""
    is_connected = selection(world) is not None
    wanted = replace(
        booking,
        wish=replace(booking.wish, notify=request.notify or booking.wish.notify),
        moved_because=request.reason,
        updated_at=world.clock.now(),
    )
    try:
        begun = world.ledger.begin_move(wanted, at_once=not is_connected or booking.calendar is None)
    except GuardsOverlap as overlap:
        wish = replace(wanted.at(question.rules.meeting(request.start)).wish, zone=request.zone)
        raise taken(question, wish, by=promised(overlap.other)) from None
    except StillOwed:
        raise BookingBusy(str(booking.id)) from None
    if not is_connected and begun.moved_from:
        world.view.warn(
            "event-left",
            f"not connected: the booking is moved here, its event {begun.event_id or ''} stays where it was "
            "until the workspace is connected again",
        )
    return begun


def _tell(moving: Booking, world: World, question: Question, *, zone: ZoneInfo) -> Booking:
    """Have Google move the event now; what cannot be done now stays owed, and both times held."""
    tried = attempt_now(world, moving, Task.MOVE)
    if tried is None:
        return world.ledger.find(str(moving.id))
    moved, delivery = tried
    match delivery:
        case Delivered():
            return moved
        case Retry(why=why):
            _warn_pending(world, why.message, what_follows(why, "the next command delivers it"))
            return moved
        case Refused(why):
            if isinstance(why, SlotTaken) and moving.moving_to:
                raise taken(question, replace(moving.at(moving.moving_to).wish, zone=zone), by=why.by)
            raise why
        case _:
            assert_never(delivery)


def _warn_pending(world: World, why: str, follows: str = "the next command delivers it") -> None:
    world.view.warn(
        "google-not-told",
        f"both times are held, but Google has not confirmed the move: {why}; {follows}",
    )
