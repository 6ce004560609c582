"""Ledger operations at a thousand and at a million bookings, and the ratio of the two.

Run by hand: `python -m tests.bench.bench_ledger [BOOKINGS]`. Prints, asserts nothing.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import UUID

from portalcal.adapters import ledger_statements as statements
from portalcal.adapters.ledger_rows import columns_of
from portalcal.adapters.sqlite_ledger import SqliteLedger
from portalcal.core.booking import Booking, State
from portalcal.core.intervals import Interval
from portalcal.ports import Search
from tests.builders import SetClock, a_booking, a_wish, at

_ROUNDS = 200
_STEP = timedelta(hours=1)


def a_row(number: int, *, of: int) -> dict[str, object]:
    """A confirmed booking of half an hour, one an hour, half of them past; its event is known."""
    return _TEMPLATE | {
        "id": str(UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % (1 << 128), version=4)),
        "start": int((at("09:00") + (number - of // 2) * _STEP).timestamp()),
        "guest_email": f"guest{number % 5000}@example.com",
        "event_id": f"pc{number}",
        "key": f"key-{number}",
    }


_TEMPLATE = columns_of(a_booking(state=State.CONFIRMED))


def filled(path: Path, bookings: int) -> SqliteLedger:
    """A ledger of so many bookings, written as bookings are, only in one transaction."""
    ledger = SqliteLedger(path, "default", SetClock())
    # What writes makes the file.
    ledger.keep_sync_token("primary", "0")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN")
        database.executemany(
            statements.INSERT_BOOKING, (a_row(number, of=bookings) for number in range(bookings))
        )
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return ledger


def new_bookings() -> Iterator[Booking]:
    """Half-hours between those that are there."""
    number = 0
    while True:
        start = at("09:30") + number * _STEP
        yield a_booking(wish=replace(a_wish(), start=start))
        number += 1


def operations(ledger: SqliteLedger) -> dict[str, Callable[[], object]]:
    """What commands do to a ledger, each on other bookings every time."""
    fresh, held = new_bookings(), []
    now = at("09:00")
    week = Interval(now, now + timedelta(days=7))

    def hold() -> None:
        held.append(ledger.hold(next(fresh), put=True))

    def settle() -> None:
        booking = held.pop()
        errand = ledger.errand_of(booking.id)
        leased = errand and ledger.lease(errand, now=now)
        assert leased
        ledger.settle(leased, replace(booking.moved_to(State.CONFIRMED, now), event_id=booking.next_event_id))

    def reopen() -> None:
        ledger.close()
        ledger.find(str(known.id))

    known = ledger.search(Search(start=now, end=now + _STEP))[0]
    return {
        "open": reopen,
        "hold": hold,
        "due": lambda: ledger.due(now, most=20),
        "lease+settle": settle,
        "live_in a week": lambda: ledger.live_in(week),
        "search a week": lambda: ledger.search(Search(week.start, week.end)),
        "search a guest's week": lambda: ledger.search(
            Search(week.start, week.end, email=known.wish.guest.email)
        ),
        "find": lambda: ledger.find(str(known.id)[:13]),
        "under_key": lambda: ledger.under_key(str(known.key)),
        "tally": lambda: ledger.tally(now),
    }


def measured(bookings: int) -> dict[str, float]:
    """Milliseconds of each operation."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = filled(Path(folder) / "ledger.db", bookings)
        times = {}
        for name, operation in operations(ledger).items():
            operation()
            times[name] = median(timed(operation) for _ in range(_ROUNDS - 1))
        times["check"] = timed(ledger.check)
        ledger.close()
    return times


def timed(operation: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    began = perf_counter()
    operation()
    return (perf_counter() - began) * 1000


def main() -> None:
    """Print the table."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    few_times, many_times = measured(1000), measured(many)
    print(f"{'ms':24}{'1000':>10}{many:>12}{'ratio':>8}")
    for name, few in few_times.items():
        print(f"{name:24}{few:10.2f}{many_times[name]:12.2f}{many_times[name] / few:8.2f}")


if __name__ == "__main__":
    main()
