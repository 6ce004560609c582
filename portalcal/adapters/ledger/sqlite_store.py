"""A ledger file as a whole: what it is, all of it checked, a copy of it made while others write.

The file of a copy is written as the person who named it would write it: never over a link's, a device's or the ledger itself.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from portalcal.adapters.ledger.sqlite import SqliteDatabase
from portalcal.adapters.ledger.transfer import SqlStore
from portalcal.errors import Usage
from portalcal.ports import Damage, LedgerFacts


class SqliteStore(SqlStore[SqliteDatabase]):
    """The ledger in a file."""

    def facts(self) -> LedgerFacts:
        """Where it is and what it is kept in; a missing file is not made."""
        path = self.database.path
        if not path.exists():
            return LedgerFacts(str(path), "SQLite", sqlite3.sqlite_version, None, 0, 0)
        with self.database.reading() as db:
            version = int(next(iter(db.execute("PRAGMA user_version").fetchone().values())))
            bookings = db.execute("SELECT coalesce(sum(bookings), 0) AS bookings FROM totals").fetchone()
        size = sum(file.stat().st_size for file in self.database.files if file.exists())
        return LedgerFacts(str(path), "SQLite", sqlite3.sqlite_version, version, size, bookings["bookings"])

    def check_all(self) -> Damage | None:
        """Read every page, and compare every index and count with its rows."""
        return self.database.damage(is_complete=True) or self.check_counts()

    def back_up(self, file: Path) -> int:
        """Copy the ledger with SQLite's online backup (https://sqlite.org/backup.html), and put the copy into place.

        Raises:
            Usage: there is nothing to copy, or the file cannot be written.
        """
        target = Path(os.path.realpath(file))
        self._check_target(file, target)
        beside = target.with_name(f".{target.name}.{uuid4().hex}")
        try:
            os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            self._copy_to(beside)
            beside.replace(target)
            return target.stat().st_size
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
            raise Usage(f"{file} cannot be written: {reason}", "name a file in a folder of yours") from error
        finally:
            beside.unlink(missing_ok=True)

    def _check_target(self, file: Path, target: Path) -> None:
        if not self.database.path.exists():
            raise Usage("there is no ledger yet, so there is nothing to copy", "the first booking makes it")
        if target.exists() and not target.is_file():
            raise Usage(f"{file} is no ordinary file", "name one, or none that is there yet")
        if any(each.exists() and target.exists() and target.samefile(each) for each in self.database.files):
            raise Usage(f"{file} is the ledger itself", "name another file")

    def _copy_to(self, file: Path) -> None:
        with closing(sqlite3.connect(file, isolation_level=None)) as copy:
            with self.database.reading() as db:
                db.backup(copy)
            # One file, which needs no log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")

    def grants(self, role: str) -> tuple[str, ...]:  # noqa: ARG002 - a file has none
        """Raises: Usage."""
        raise Usage("a ledger in a file has no roles", "name a PostgreSQL server as url under [ledger]")
