"""Copy a whole ledger into another database, which takes its place.

Everything is read in one transaction that keeps writers away, and written in one: an interrupted copy leaves nothing. The
old ledger is marked last, so that a copy which ended in between is recognised and only marked when it is run again.
Claims and counts are not copied: the triggers of the new ledger make them from the bookings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from itertools import zip_longest
from typing import Any, Generic, Protocol, TypeVar

from portalcal.adapters.ledger.sql import WRONG_COUNTS
from portalcal.adapters.ledger.transaction import Database, Transaction
from portalcal.errors import LedgerFault, LedgerUnusable
from portalcal.ports import Damage, LedgerCopy, LedgerStore

TABLES = ("offers", "bookings", "outbox", "sync_tokens", "history", "history_pruned", "history_readers")
"""What is copied, in this order, as far as a ledger of this version has it."""

MADE_BY_TRIGGERS = ("claims", "totals")

NUMBERED = {"outbox": "id", "history": "cursor"}
"""Tables whose numbers are never used again, also those of rows that are gone."""


class Portable(Database, Protocol):
    """A ledger's database as a source or a target."""

    def alone(self) -> AbstractContextManager[Transaction]:
        """Run a block in the only write transaction of all workspaces, without a time limit."""

    def columns(self, db: Transaction, table: str) -> tuple[str, ...]:
        """The columns of a table that are not computed; none: there is no such table."""

    def last_number(self, db: Transaction, table: str) -> int:
        """The last number given to a row of a table in `NUMBERED`."""

    def set_last_number(self, db: Transaction, table: str, number: int) -> None:
        """Give greater numbers from now on."""

    def many_bookings(self, db: Transaction) -> AbstractContextManager[None]:
        """Run a block that inserts very many bookings."""

    def mark_moved(self, db: Transaction, target: str) -> None:
        """Refuse further use of this ledger, naming the one that took its place."""

    @property
    def insert_numbered(self) -> str:
        """What stands before VALUES where a row brings its number."""


D = TypeVar("D", bound=Portable)


class SqlStore(Generic[D]):
    """A whole ledger in a database; implements `ports.LedgerStore` with what differs between the databases."""

    def __init__(self, database: D) -> None:
        self.database = database

    @property
    def name(self) -> str:
        """The path or url for messages, without a secret."""
        return self.database.name

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def check_counts(self) -> Damage | None:
        """Compare every count with its rows."""
        with self.database.reading() as db:
            wrong = db.execute(WRONG_COUNTS).fetchone()
        if wrong is None:
            return None
        return Damage(f"it is damaged: the count of {wrong['state']} bookings is wrong", LedgerFault.DAMAGED)

    def copy_to(self, target: LedgerStore) -> LedgerCopy:
        """Copy everything into another ledger, which takes the place of this one."""
        assert isinstance(target, SqlStore)  # noqa: S101 - there is no other kind
        return copy_ledger(self.database, target.database)


def copy_ledger(source: Portable, target: Portable) -> LedgerCopy:
    """Copy everything, end all leases in the copy, and mark the source.

    Raises:
        LedgerUnusable: the target holds other bookings.
    """
    with source.alone() as old:
        with target.alone() as new:
            if not _is_copied(old, new, target=target):
                with target.many_bookings(new):
                    for table in TABLES:
                        _copy_table(source, old, target, new, table=table)
            counts = [_count(new, each) for each in ("bookings WHERE offer IS NULL", "outbox", "history")]
        source.mark_moved(old, target.name)
    return LedgerCopy(target.name, *counts)


_FINGERPRINTS = "SELECT id, state, updated_at FROM bookings ORDER BY id"


def _is_copied(old: Transaction, new: Transaction, *, target: Portable) -> bool:
    """Whether an earlier run has copied exactly these bookings. Raises: LedgerUnusable, there are others."""
    if new.execute("SELECT 1 FROM bookings LIMIT 1").fetchone() is None:
        return False
    pairs = zip_longest(old.execute(_FINGERPRINTS), new.execute(_FINGERPRINTS))
    if all(ours == theirs for ours, theirs in pairs):
        return True
    reason = "it holds bookings of its own, so nothing was copied"
    raise LedgerUnusable(target.name, reason, LedgerFault.OCCUPIED)


def _copy_table(
    source: Portable, old: Transaction, target: Portable, new: Transaction, *, table: str
) -> None:
    columns = source.columns(old, table)
    if not columns:
        return
    missing = set(columns) - set(target.columns(new, table))
    assert not missing, f"{table} has no {missing}"  # noqa: S101 - a test compares the schemas
    numbered = target.insert_numbered if table in NUMBERED else ""
    names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    insert = f"INSERT INTO {table} ({names}) {numbered} VALUES ({values})"  # noqa: S608 - our own names
    for row in _rows(old, table):
        _insert(new, insert, row, table=table)
        if table == "bookings" and row["offer"] is not None:
            _drop_expired_claims(old, new, row["id"])
    if table in NUMBERED:
        target.set_last_number(new, table, source.last_number(old, table))


# A refused booking frees its key and a cancelled one its time before the next row needs them. Times of offers come first,
# since those that have expired claim nothing once they are copied.
_BOOKINGS = """
    SELECT * FROM bookings
    ORDER BY CASE WHEN offer IS NOT NULL THEN 0 WHEN state = 'refused' THEN 1 WHEN state = 'cancelled' THEN 2 ELSE 3 END,
             id
"""


def _rows(old: Transaction, table: str) -> Iterable[Mapping[str, Any]]:
    statement = _BOOKINGS if table == "bookings" else f"SELECT * FROM {table}"  # noqa: S608 - our own names
    rows: Iterable[Mapping[str, Any]] = old.execute(statement)
    return rows


def _drop_expired_claims(old: Transaction, new: Transaction, slot: str) -> None:
    """Let a time of an offer claim no more than it does in the old ledger: nothing, once its claims were dropped."""
    if old.execute("SELECT 1 FROM claims WHERE booking = :id", {"id": slot}).fetchone() is None:
        new.execute("DELETE FROM claims WHERE booking = :id", {"id": slot})


_END = "UPDATE bookings SET state = :state WHERE id = :id"


def _insert(new: Transaction, insert: str, row: Mapping[str, Any], *, table: str) -> None:
    if table == "outbox":
        row = {**row, "leased_until": None, "lease_owner": None}
    if table != "bookings" or row["state"] in {"held", "confirmed"}:
        new.execute(insert, row)
        return
    # The ledger lets no booking begin in another state.
    new.execute(insert, {**row, "state": "held"})
    new.execute(_END, {"id": row["id"], "state": row["state"]})


def _count(db: Transaction, table: str) -> int:
    row = db.execute(f"SELECT count(*) AS number FROM {table}").fetchone()  # noqa: S608 - our own names
    return int(row["number"])
