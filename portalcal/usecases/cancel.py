"""Cancelling a booking and removing its event."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from portalcal.answers import Cancelled
from portalcal.core.booking import Booking, Notify, State
from portalcal.core.errands import Delivered, Task
from portalcal.ports import World
from portalcal.usecases.delivery import attempt_now
from portalcal.usecases.forewarn import what_follows
from portalcal.usecases.situation import selection


class Cancellation(NamedTuple):
    """Which booking to end, why, and whom Google shall tell; `notify` None: as when it was booked."""

    booking: str
    reason: str = ""
    notify: Notify | None = None


def cancel(request: Cancellation, world: World) -> Cancelled:
    """End the promise at once here, and at Google now or as soon as it can be told.

    A booking that is cancelled already, or whose event is gone, is success. Disconnected, the event stays, with a
    warning, until a later delivery.

    Raises:
        BookingNotFound: no such booking in this workspace.
    """
    booking = world.ledger.find(request.booking)
    if not booking.is_live:
        return Cancelled(booking, booking.wish.zone, was_already=True)

    notify = request.notify or booking.wish.notify
    ending = replace(
        booking,
        wish=replace(booking.wish, notify=notify),
        ended_because=request.reason,
        ended_by="user",
        updated_at=world.clock.now(),
    )
    ending = world.ledger.begin_cancel(ending)

    was_gone = False
    if ending.state is State.CANCELLING:
        ending, was_gone = _tell(ending, world)
    return Cancelled(ending, ending.wish.zone, was_already=was_gone)


def _tell(ending: Booking, world: World) -> tuple[Booking, bool]:
    """Have Google remove the event now; whether it was gone before. What cannot be done now stays owed."""
    if selection(world) is None:
        world.view.warn(
            "event-left",
            f"not connected: the booking is cancelled here, its event {ending.event_id or ''} stays in the calendar "
            "until the workspace is connected again",
        )
        return world.ledger.release(ending), False
    tried = attempt_now(world, ending, Task.REMOVE)
    if tried is None:
        _warn(world, "another process is at it", follows="it removes it, or the next command does")
        return world.ledger.find(str(ending.id)), False
    ended, delivery = tried
    if isinstance(delivery, Delivered):
        return ended, delivery.was_already
    follows = what_follows(delivery.why, "the next command removes it")
    _warn(world, delivery.why.message, follows=follows)
    return ended, False


def _warn(world: World, why: str, *, follows: str) -> None:
    world.view.warn(
        "google-not-told", f"cancelled here, but the event is still in the calendar: {why}; {follows}"
    )
