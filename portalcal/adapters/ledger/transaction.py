"""What the ledger's rules need of a database, and of a connection inside a transaction, whichever database it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from portalcal.ports import Damage, Exposure, LedgerServer


class Cursor(Protocol):
    """The rows of a statement, as DB-API cursors return them."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Return all remaining rows."""

    def __iter__(self) -> Iterator[Any]: ...


class Transaction(Protocol):
    """A connection inside a transaction. Parameters are named (`:name`); rows are mappings by column."""

    def execute(self, statement: str, parameters: Mapping[str, object] = ..., /) -> Cursor:
        """Run one statement."""


class Database(Protocol):
    """The database of a ledger. It raises its driver's errors as ours."""

    @property
    def name(self) -> str:
        """The path or url for messages, without a secret."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """Run a block on one snapshot of the ledger."""

    def writing(self) -> AbstractContextManager[Transaction]:
        """Run a block in the only write transaction of the workspace; an exception rolls it back."""

    def owner(self) -> str | None:
        """Return our name as a lease owner; None where process locks do not work."""

    def damage(self) -> Damage | None:
        """Return what is damaged, or None."""

    def exposure(self) -> Exposure | None:
        """Return who else could read or change the ledger, or None."""

    def server(self) -> LedgerServer | None:
        """Return what the server of the database is; None for a file."""

    def close(self) -> None:
        """Close the connection, which ends our leases; the next use opens another one."""

    def stop(self) -> None:
        """Let `writing` raise KeyboardInterrupt from now on, on every thread."""
