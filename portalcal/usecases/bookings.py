"""Listing what was promised."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from portalcal.answers import Bookings
from portalcal.ports import Search, World
from portalcal.usecases.forewarn import forewarn


def bookings(search: Search, world: World, *, zone: ZoneInfo, booking: str | None = None) -> Bookings:
    """The bookings that fit the search, by start; or the one with that id.

    Raises:
        BookingNotFound: no booking has that id.
    """
    forewarn(world)
    found = (world.ledger.find(booking),) if booking else world.ledger.search(search)
    return Bookings(found, zone, is_by_id=booking is not None)
