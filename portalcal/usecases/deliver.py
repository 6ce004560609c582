"""Running the errands that are owed to Google."""

from __future__ import annotations

from typing import NamedTuple, assert_never
from uuid import UUID

from portalcal.core.booking import Booking
from portalcal.core.errands import Delivered, Errand, Refused, Retry, Task
from portalcal.errors import ConnectError, PortalcalError, TryLaterError
from portalcal.ports import World
from portalcal.usecases.delivery import attempt
from portalcal.usecases.forewarn import forewarn
from portalcal.usecases.situation import selection

MOST = 20
"""Errands one command runs before its own work; `sync` runs them all."""


class Deliveries(NamedTuple):
    """The bookings whose errands were tried, by what came of them."""

    delivered: tuple[UUID, ...] = ()
    owed: tuple[UUID, ...] = ()
    refused: tuple[UUID, ...] = ()


def deliver(world: World, *, most: int = MOST, everything: bool = False) -> Deliveries:
    """Try the errands that are due, oldest first, each under a lease; nothing while disconnected.

    With `everything`, those that have to wait still are tried too, and those that follow them.
    Stops at the first failure that is not about the errand itself: Google would tell the next one the same.
    A refusal is told as a warning, since nobody asked for it just now; so is a connection that is about to end, and
    what stays owed.
    """
    if selection(world) is None:
        return Deliveries()
    outcome = _deliver_all(world, most=most, everything=everything)
    if not everything:
        # `sync` tells what stays owed as its answer.
        forewarn(world)
    return outcome


def _deliver_all(world: World, *, most: int, everything: bool) -> Deliveries:
    outcome, tried = Deliveries(), set[int]()
    while True:
        owed = world.ledger.owed() if everything else world.ledger.due(world.clock.now(), most=most)
        errands = [each for each in owed if each.id not in tried]
        for errand in errands:
            tried.add(errand.id)
            outcome, goes_on = _deliver(world, errand, outcome)
            if not goes_on:
                return outcome
        if not everything or not errands:
            return outcome


def _deliver(world: World, errand: Errand, outcome: Deliveries) -> tuple[Deliveries, bool]:
    """One errand, added to what came of those before it, and whether the next one is worth trying."""
    leased = world.ledger.lease(errand, now=world.clock.now())
    if leased is None:
        return outcome, True
    booking, delivery = attempt(world, leased)
    match delivery:
        case Delivered():
            return outcome._replace(delivered=(*outcome.delivered, booking.id)), True
        case Refused(why):
            _warn(world, leased, booking, why=why)
            return outcome._replace(refused=(*outcome.refused, booking.id)), True
        case Retry(why=why):
            goes_on = not isinstance(why, (TryLaterError, ConnectError))
            return outcome._replace(owed=(*outcome.owed, booking.id)), goes_on
        case _:
            assert_never(delivery)


def _warn(world: World, errand: Errand, booking: Booking, *, why: PortalcalError) -> None:
    if errand.task is Task.MOVE:
        world.view.warn("booking-not-moved", f"booking {booking.id} could not be moved: {why.sentence}")
    elif booking.is_live:
        world.view.warn("event-not-made", f"booking {booking.id} still has no event: {why.sentence}")
    else:
        world.view.warn("booking-refused", f"booking {booking.id} could not be kept: {why.message}")
