"""What the ledger's rules need of a connection inside a transaction, whichever database it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol


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
