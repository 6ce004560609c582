"""What the history costs: reading that of one booking, handing out changes, and writing a line beside a hold.

The whole table has a fifth of the ledger's bookings; `python -m tests.bench.history [BOOKINGS]` takes a million, with five lines each.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from portalcal.adapters.ledger import rows, sql
from portalcal.adapters.ledger.sqlite import SqliteLedger
from portalcal.core.history import BookingChange, Cause, What, first_change
from portalcal.ports import HistoryQuery
from tests.bench.ledger import a_row, filled, new_bookings, timed
from tests.bench.scale import Scale
from tests.builders import a_booking

_LINES = 5
_ROUNDS = 200
_AT_ONCE = 10_000


def main(scale: Scale) -> None:
    """Print the table."""
    measure(scale.ledger_bookings // 5)


def measure(bookings: int) -> None:
    """Print the table of a ledger with that many bookings."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        ledger = filled(path, bookings)
        _write_history(path, bookings)
        print(f"\nThe history, {bookings:,} bookings with {_LINES} lines each")
        known = [str(a_row(number * bookings // 50, of=bookings)["id"]) for number in range(50)]
        one = median(timed(lambda each=each: ledger.history(HistoryQuery(each))) for each in known)  # type: ignore[misc]
        print(f"  the history of one booking       {one:8.2f} ms   aim 5")
        print(f"  changes, lines a second          {_changes_a_second(ledger):8.0f}      aim 10,000")
        print(f"  a line's share of a hold, CPU    {_share_of_a_line(path, ledger):8.1%}      aim 15 %")
        ledger.close()


def _lines(bookings: int) -> Iterator[dict[str, object]]:
    made = rows.change_columns(first_change(a_booking()))
    moved = rows.change_columns(
        BookingChange(What.MOVED, Cause.COMMAND, {"title": "Before"}, {"title": "After"})
    )
    who = {"workspace": "default", "actor": "ana@desk", "host": "desk", "command": "book", "at": 0}
    for number in range(bookings):
        booking = a_row(number, of=bookings)["id"]
        yield who | made | {"booking": booking}
        for _ in range(_LINES - 1):
            yield who | moved | {"booking": booking}


def _write_history(path: Path, bookings: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1500000"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("BEGIN")
        database.executemany(sql.INSERT_LINE, _lines(bookings))
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode = WAL")


def _changes_a_second(ledger: SqliteLedger) -> float:
    """Lines a second, read a batch after the other as `changes` reads them."""
    began, cursor, count = perf_counter(), 0, 0
    while count < 5 * _AT_ONCE and (lines := ledger.changes(cursor, most=1000).lines):
        cursor, count = lines[-1].cursor, count + len(lines)
    return count / (perf_counter() - began)


def _share_of_a_line(path: Path, ledger: SqliteLedger) -> float:
    """The processor time of describing and inserting a line, to that of a whole hold with its line."""
    fresh = list(islice(new_bookings(), _ROUNDS))
    began = process_time()
    for booking in fresh:
        ledger.hold(booking, put=True)
    hold = process_time() - began
    template = next(_lines(1))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        began = process_time()
        for booking in fresh:
            database.execute(sql.INSERT_LINE, template | rows.change_columns(first_change(booking)))
        line = process_time() - began
        database.execute("ROLLBACK")
    return line / hold


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
