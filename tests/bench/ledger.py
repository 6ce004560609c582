"""Ledger operations at a thousand and at many bookings, and the ratio of the two. Prints, asserts nothing.

The whole table has 100,000, or 200,000 with `--full`; `python -m tests.bench.ledger [BOOKINGS]` takes a million, and two minutes to write them.
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

from portalcal.adapters.ledger import sql as statements
from portalcal.adapters.ledger.repository import SqlLedger
from portalcal.adapters.ledger.rows import columns_of
from portalcal.adapters.ledger.sqlite import SqliteLedger
from portalcal.core.booking import Booking, State
from portalcal.core.intervals import Interval
from portalcal.ports import Search
from tests.bench.scale import FULL, Scale, progress
from tests.builders import SetClock, a_booking, a_wish, at, lease

_STEP = timedelta(hours=1)


def a_row(number: int, *, of: int) -> dict[str, object]:
    """Return the row of a confirmed half-hour booking with an event; one an hour, half of them in the past."""
    return _TEMPLATE | {
        "id": str(UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % (1 << 128), version=4)),
        "start": _FIRST + (number - of // 2) * 3600,
        "guest_email": f"guest{number % 5000}@example.com",
        "event_id": f"pc{number}",
        "key": f"key-{number}",
    }


_TEMPLATE = columns_of(a_booking(state=State.CONFIRMED))
_FIRST = int(at("09:00").timestamp())


def filled(path: Path, bookings: int) -> SqliteLedger:
    """Return a ledger with that many bookings, inserted in one transaction.

    Ids are random, as real ones: with the usual cache of 2 MB every row writes pages of a dozen indexes to the log, 20 GB
    for a million rows. Nothing needs to be safe here, so they stay in memory and the indexes are made at the end.
    """
    ledger = SqliteLedger(path, "default", SetClock())
    # The first write creates the file.
    ledger.keep_sync_token("primary", "0")
    ledger.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1500000"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("BEGIN")
        indexes = database.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'"
        ).fetchall()
        for name, _ in indexes:
            database.execute(f"DROP INDEX {name}")
        database.executemany(
            statements.INSERT_BOOKING, (a_row(number, of=bookings) for number in range(bookings))
        )
        for _, sql in indexes:
            database.execute(sql)
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode = WAL")
    return ledger


def new_bookings() -> Iterator[Booking]:
    """Yield bookings for the free half-hours between the existing ones."""
    number = 0
    while True:
        start = at("09:30") + number * _STEP
        yield a_booking(request=replace(a_wish(), start=start))
        number += 1


def operations(ledger: SqlLedger) -> dict[str, Callable[[], object]]:
    """Return the operations of commands; each call uses other bookings."""
    fresh, held = new_bookings(), []
    now = at("09:00")
    week = Interval(now, now + timedelta(days=7))

    def hold() -> None:
        held.append(ledger.hold(next(fresh), put=True))

    def settle() -> None:
        booking = held.pop()
        entry = ledger.entry_of(booking.id)
        leased = entry and lease(ledger, entry, now=now)
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
        "claims of a week": lambda: ledger.claims(("workspace:default",), week, now=now),
        "live_in a week": lambda: ledger.live_in(week),
        "search a week": lambda: ledger.search(Search(week.start, week.end)),
        "search a guest's week": lambda: ledger.search(
            Search(week.start, week.end, email=known.request.guest.email)
        ),
        "find": lambda: ledger.find(str(known.id)[:13]),
        "under_key": lambda: ledger.under_key(str(known.key)),
        "tally": lambda: ledger.tally(now),
    }


def measured(bookings: int, *, rounds: int) -> dict[str, float]:
    """Return the milliseconds of each operation."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = filled(Path(folder) / "ledger.db", bookings)
        times = {}
        for name, operation in operations(ledger).items():
            operation()
            times[name] = median(timed(operation) for _ in range(rounds - 1))
        times["check"] = timed(ledger.check)
        ledger.close()
    return times


def timed(operation: Callable[[], object]) -> float:
    """Return the milliseconds of one call."""
    began = perf_counter()
    operation()
    return (perf_counter() - began) * 1000


def main(scale: Scale) -> None:
    """Print the table."""
    many = scale.ledger_bookings
    few_times = measured(1000, rounds=scale.ledger_rounds)
    progress(f"  writing {many} bookings")
    many_times = measured(many, rounds=scale.ledger_rounds)
    print(f"\n{'The ledger, ms at bookings':28}{'1000':>10}{many:>12}{'ratio':>8}")
    for name, few in few_times.items():
        print(f"  {name:26}{few:10.2f}{many_times[name]:12.2f}{many_times[name] / few:8.2f}")


if __name__ == "__main__":
    main(FULL._replace(ledger_bookings=int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
