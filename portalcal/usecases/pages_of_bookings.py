"""Read very many bookings a page at a time, so that they are never in memory at once."""

from __future__ import annotations

from collections.abc import Iterator

from portalcal.core.booking import Booking
from portalcal.ports import Ledger, Position, Search

PAGE = 1_000
"""Bookings that are in memory at once: about 4 MB."""


def in_pages(ledger: Ledger, search: Search, *, size: int = PAGE) -> Iterator[Booking]:
    """Every booking that matches, by start and id.

    Each page is a transaction of its own, which no slow reader holds open. Among more than `size` bookings, one that is
    moved meanwhile may therefore be met twice or not at all.

    Raises:
        LedgerBusy, LedgerUnusable, LedgerTooNew: also at a later page.
    """
    search = search._replace(most=size)
    while page := ledger.search(search):
        yield from page
        if len(page) < size:
            return
        search = search._replace(after=position_of(page[-1]))


def position_of(booking: Booking) -> Position:
    """Where a booking stands in a list."""
    return Position(booking.request.start, booking.id)
