"""The ledger in a SQLite file, shared by all workspaces of a machine and by as many processes as like."""

from __future__ import annotations

from pathlib import Path

from portalcal.adapters import sqlite_schema as sql
from portalcal.adapters.ledger_in_sql import LedgerInSql
from portalcal.adapters.sqlite_file import SqliteFile
from portalcal.ports import Clock


class SqliteLedger(LedgerInSql):
    """The bookings and errands of one workspace in a file."""

    _store: SqliteFile

    def __init__(self, path: Path, workspace: str, clock: Clock) -> None:
        super().__init__(SqliteFile(path), sql.DIALECT, workspace, clock)
