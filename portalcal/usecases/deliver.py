"""Running the errands that are owed to Google."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from portalcal.core.errands import Delivered, Errand, Refused, Retry, Task
from portalcal.errors import ConnectError, PortalcalError, TryLaterError
from portalcal.ports import World
from portalcal.usecases.delivery import attempt
from portalcal.usecases.situation import selection

MOST = 20
"""Errands one command runs before its own work; `sync` runs them all."""


class Deliveries(NamedTuple):
    """The bookings whose errands were tried, by what came of them."""

    delivered: tuple[UUID, ...] = ()
    owed: tuple[UUID, ...] = ()
    refused: tuple[UUID, ...] = ()


def deliver(world: World, *, most: int = MOST) -> Deliveries:
    """Try the errands that are due, oldest first, each under a lease; nothing while disconnected.

    Stops at the first failure that is not about the errand itself: Google would tell the next one the same.
    A refusal is told as a warning, since nobody asked for it just now.
    """
    due = world.ledger.due(world.clock.now(), most=most) if selection(world) else ()
    delivered, owed, refused = [], [], []
    for errand in due:
        leased = world.ledger.lease(errand, now=world.clock.now())
        if leased is None:
            continue
        booking = world.ledger.find(str(errand.booking))
        booking, delivery = attempt(world, leased, booking)
        match delivery:
            case Delivered():
                delivered.append(booking.id)
            case Refused(why):
                refused.append(booking.id)
                _warn(world, leased, why)
            case Retry(why=why):
                owed.append(booking.id)
                if isinstance(why, (TryLaterError, ConnectError)):
                    break
    return Deliveries(tuple(delivered), tuple(owed), tuple(refused))


def _warn(world: World, errand: Errand, why: PortalcalError) -> None:
    if errand.task is Task.MOVE:
        world.view.warn("booking-not-moved", f"booking {errand.booking} could not be moved: {why.sentence}")
    else:
        world.view.warn("booking-refused", f"booking {errand.booking} could not be kept: {why.message}")
