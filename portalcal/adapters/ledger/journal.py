"""A write transaction with an audit log: every change of a booking becomes history, so that no method can forget it.

It inspects the statements: the before and after of each INSERT or UPDATE of a booking is recorded in the same transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from portalcal.adapters.ledger import rows, sql
from portalcal.adapters.ledger.transaction import Cursor, Transaction
from portalcal.core.booking import Booking
from portalcal.core.history import BookingChange, command_changes, first_change

Describe = Callable[[Booking, Booking], tuple[BookingChange, ...]]
"""Works out what the difference between a booking before and after is."""

_CHANGE = re.compile(r"\s*(INSERT INTO|UPDATE) bookings\b")


class Journal:
    """A transaction that remembers each booking as it was before its first change.

    `describe` may be replaced while the transaction runs: what a change is depends on what the transaction finds.
    """

    def __init__(self, db: Transaction, read: Callable[[rows.Row], Booking]) -> None:
        self._db = db
        self._read = read
        self._before: dict[str, Booking | None] = {}
        self.describe: Describe = command_changes

    def execute(self, statement: str, parameters: Mapping[str, object] | None = None, /) -> Cursor:
        """Run one statement. One that changes a booking names it as `id`, with its `workspace`."""
        kind = _kind_of(statement)
        if parameters is not None and kind is not None and parameters["id"] not in self._before:
            self._before[str(parameters["id"])] = None if kind == "INSERT INTO" else self._stored(parameters)
        return self._db.execute(statement, parameters or {})

    def changes(self, workspace: str) -> Iterator[tuple[str, BookingChange]]:
        """Every change of a booking so far, with the booking's id."""
        for booking, before in self._before.items():
            after = self._stored({"workspace": workspace, "id": booking})
            changes = (first_change(after),) if before is None else self.describe(before, after)
            yield from ((booking, change) for change in changes)

    def _stored(self, parameters: Mapping[str, object]) -> Booking:
        key = {"workspace": parameters["workspace"], "id": parameters["id"]}
        return self._read(self._db.execute(sql.BOOKING, key).fetchone())


@cache
def _kind_of(statement: str) -> str | None:
    """`INSERT INTO` or `UPDATE`, if the statement changes bookings."""
    match = _CHANGE.match(statement)
    return match[1] if match else None
