"""A list that is longer than what fits in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from portalcal.adapters.ledger.sqlite import SqliteLedger
from portalcal.core.booking import Booking
from portalcal.ports import Search
from portalcal.usecases.pages_of_bookings import in_pages
from tests.builders import SetClock, a_booking


class CountingLedger(SqliteLedger):
    """A ledger that counts the bookings it returns."""

    read = 0

    def search(self, search: Search) -> tuple[Booking, ...]:
        """As in SqliteLedger."""
        found = super().search(search)
        self.read += len(found)
        return found


@pytest.fixture
def ledger(tmp_path: Path) -> CountingLedger:
    """A ledger with seven bookings."""
    ledger = CountingLedger(tmp_path / "ledger.db", "default", SetClock())
    for hour in range(9, 16):
        ledger.hold(a_booking(f"{hour:02}:00-{hour:02}:30"), put=True)
    return ledger


@pytest.mark.parametrize("size", [1, 3, 7, 8])
def test_pages_of_any_size_are_the_whole_list(ledger: CountingLedger, size: int) -> None:
    assert tuple(in_pages(ledger, Search(), size=size)) == ledger.search(Search())


def test_only_what_is_needed_is_read(ledger: CountingLedger) -> None:
    bookings = in_pages(ledger, Search(), size=2)

    first = [next(bookings) for _ in range(3)]

    assert (len(first), ledger.read) == (3, 4)
