"""A write transaction with an audit log: every change of a booking becomes history, so that no method can forget it.

It inspects the statements: the before and after of each INSERT or UPDATE of a booking is recorded in the same transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property

from portalcal.adapters.ledger import rows, sql
from portalcal.adapters.ledger.transaction import Cursor, Transaction
from portalcal.core.booking import Booking
from portalcal.core.history import BookingChange, command_changes, first_change

Describe = Callable[[Booking, Booking], tuple[BookingChange, ...]]
"""Works out what the difference between a booking before and after is."""

_CHANGE = re.compile(r"\s*(INSERT INTO|UPDATE) bookings\b")


class _StoredBooking:
    """A booking whose row is fetched on first use, so that its statement can share a message with others."""

    def __init__(self, cursor: Cursor, parse: Callable[[rows.Row], Booking]) -> None:
        self._cursor = cursor
        self._parse = parse

    @cached_property
    def booking(self) -> Booking | None:
        """The booking, or None."""
        row = self._cursor.fetchone()
        return None if row is None else self._parse(row)


class Journal:
    """A transaction that remembers each booking as it was before its first change, and as it is after the last.

    Nobody else writes the bookings of its workspace while it runs, so none is read twice.
    `describe` may be replaced while the transaction runs: what a change is depends on what the transaction finds.
    """

    def __init__(self, db: Transaction, workspace: str, parse: Callable[[rows.Row], Booking]) -> None:
        self._db = db
        self._workspace = workspace
        self._parse = parse
        self._before: dict[str, _StoredBooking | None] = {}
        self._latest: dict[str, _StoredBooking] = {}
        self.describe: Describe = command_changes

    def execute(self, statement: str, parameters: Mapping[str, object] | None = None, /) -> Cursor:
        """Run one statement. One that changes a booking names it as `id`, with its `workspace`; `booking` returns it."""
        kind = _kind_of(statement)
        if parameters is None or kind is None:
            return self._db.execute(statement, parameters or {})
        booking = str(parameters["id"])
        before = None if kind == "INSERT INTO" else self._stored(booking)
        self._before.setdefault(booking, before)
        cursor = self._db.execute(f"{statement} RETURNING *", parameters)
        self._latest[booking] = _StoredBooking(cursor, self._parse)
        return cursor

    def prefetch(self, booking: str) -> None:
        """Select a booking now, so that `booking` or a change of it needs no message of its own."""
        self._stored(booking)

    def booking(self, booking: str) -> Booking | None:
        """Return a booking as it is now, or None."""
        return self._stored(booking).booking

    def changes(self) -> Iterator[tuple[str, BookingChange]]:
        """Every change of a booking so far, with the booking's id."""
        for booking, stored in self._before.items():
            before = stored.booking if stored else None
            after = self._latest[booking].booking
            if after is None:
                continue
            changes = (first_change(after),) if before is None else self.describe(before, after)
            yield from ((booking, change) for change in changes)

    def _stored(self, booking: str) -> _StoredBooking:
        if booking not in self._latest:
            key = {"workspace": self._workspace, "id": booking}
            self._latest[booking] = _StoredBooking(self._db.execute(sql.BOOKING, key), self._parse)
        return self._latest[booking]


@cache
def _kind_of(statement: str) -> str | None:
    """`INSERT INTO` or `UPDATE`, if the statement changes bookings."""
    match = _CHANGE.match(statement)
    return match[1] if match else None
