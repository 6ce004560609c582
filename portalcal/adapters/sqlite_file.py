"""The file behind the SQLite ledger: opened on first use, brought up to date, one transaction at a time.

The one place that talks to sqlite3, and so the one that translates its errors.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portalcal.adapters import sqlite_schema as sql
from portalcal.adapters.life_signs import LifeSigns
from portalcal.adapters.private_files import make_private_folder
from portalcal.errors import LedgerBusy, LedgerTooNew, LedgerUnusable

_OLDEST = (3, 37)
"""STRICT tables (https://sqlite.org/stricttables.html)."""

_SETTINGS = (
    "PRAGMA foreign_keys = ON",
    # A promise that a power cut undoes would leave its event at Google without a booking. In WAL mode FULL syncs at
    # every commit, where NORMAL syncs at checkpoints only (https://sqlite.org/pragma.html#pragma_synchronous).
    "PRAGMA synchronous = FULL",
    # Functions and virtual tables named by a file from elsewhere are not run.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)

_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_PERM: "it may not be opened",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened, or its folder cannot be written",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is not an SQLite database",
}
_CLOSING = 0.2
"""Seconds to wait for a thread of our own; a transaction takes milliseconds."""

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}


class SqliteFile:
    """A ledger file. Threads may share it; they take turns.

    `patience` is how many seconds to wait for another process's transaction; ours take milliseconds.
    """

    def __init__(self, path: Path, *, patience: float = 5.0) -> None:
        self.path = path
        self._patience = patience
        self._connection: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        """What is read from where nothing can be written: the file as it is, or an empty ledger where there is none."""
        self._lock = threading.RLock()
        self.signs = LifeSigns(path.with_name(f"{path.name}-leases"))
        """Who of those that have a lease is alive: beside the file, wherever that is."""

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def owner(self) -> str | None:
        """The name of our sign of life, which is given at first use."""
        return self.signs.own()

    def close(self) -> None:
        """Let go of the file; the next use opens it again.

        A thread that waits for another process's transaction keeps it: `status` must not wait for what did not answer.
        """
        if not self._lock.acquire(timeout=_CLOSING):
            return
        try:
            for connection in (self._connection, self._reader):
                if connection is not None:
                    connection.close()
            self._connection = self._reader = None
            self.signs.close()
        finally:
            self._lock.release()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the ledger, whatever others write meanwhile. Raises: as `writing`.

        Nothing is made by looking: a ledger that is not there yet reads as an empty one.
        """
        with self._lock, self._translated():
            connection = self._connection or self._readable()
            with _transaction(connection, "BEGIN"):
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The only writer for as long as the block runs; an exception undoes all of it.

        Raises:
            LedgerBusy: another process writes, and did not end in time.
            LedgerUnusable: the file or the disk stands in the way.
            LedgerTooNew: the file is a later program's.
            ValueError: a constraint or a trigger refuses, which the caller should have known.
        """
        with self._lock, self._translated():
            if self._connection is None:
                self._connection = self._opened()
            with _transaction(self._connection, "BEGIN IMMEDIATE"):
                yield self._connection

    def damage(self) -> str | None:
        """Read every page and compare every index with its table, and say what is wrong, or None.

        Of a ledger of more than 16 MB, some 40,000 bookings, only what is owed is read: at a million bookings
        everything takes 12 s (measured). Raises: LedgerBusy, LedgerTooNew.
        """
        try:
            with self.reading() as connection:
                found = _damage(connection)
                is_writable = connection is self._connection or self._can_be_made()
        except LedgerUnusable as unusable:
            return unusable.reason
        return (
            found if is_writable or found else "it can be read, but neither it nor its folder can be written"
        )

    def _can_be_made(self) -> bool:
        """Whether there is no ledger yet and one may be made."""
        if self.path.exists():
            return False
        folder = next(each for each in self.path.absolute().parents if each.exists())
        return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)

    def _readable(self) -> sqlite3.Connection:
        """The ledger to read from: opened as for writing where that can be, since it may have to be brought up to date."""
        if not self.path.exists():
            self._reader = self._reader or self._prepared(":memory:")
            return self._reader
        try:
            self._connection = self._opened()
        except (OSError, sqlite3.OperationalError) as error:
            if not _is_forbidden(error):
                raise
            self._reader = self._read_only()
            return self._reader
        return self._connection

    def _read_only(self) -> sqlite3.Connection:
        """The file where neither it nor its folder can be written.

        Without a log beside it, it holds everything and nobody changes it; SQLite has to be told so, or it wants to make
        a log (https://sqlite.org/wal.html#read_only_databases).
        """
        has_log = self.path.with_name(f"{self.path.name}-wal").exists()
        uri = f"{self.path.absolute().as_uri()}?mode=ro{'' if has_log else '&immutable=1'}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        self._equip(connection)
        with _transaction(connection, "BEGIN"):
            is_current = self._version(connection) == sql.VERSION
        if not is_current:
            connection.close()
            raise LedgerUnusable(str(self.path), "it is read-only, and an earlier portalcal wrote it")
        return connection

    def _opened(self) -> sqlite3.Connection:
        if sqlite3.sqlite_version_info < _OLDEST:
            raise LedgerUnusable(
                str(self.path), f"this Python has SQLite {sqlite3.sqlite_version}; 3.37 is needed"
            )
        make_private_folder(self.path.parent)
        # SQLite gives the files it puts beside this one the same mode.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        return self._prepared(self.path)

    def _prepared(self, path: Path | str) -> sqlite3.Connection:
        # Transactions are begun by hand; other threads may use the connection, since a lock makes them take turns.
        connection = sqlite3.connect(
            path, timeout=self._patience, isolation_level=None, check_same_thread=False
        )
        try:
            self._equip(connection)
            self._bring_up_to_date(connection)
            for setting in _SETTINGS:
                connection.execute(setting)
            _use_wal(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _equip(self, connection: sqlite3.Connection) -> None:
        """Give a connection what our statements lean on."""
        connection.row_factory = _by_name
        connection.create_function("is_gone", 1, self.signs.is_gone)

    def _bring_up_to_date(self, connection: sqlite3.Connection) -> None:
        """Run the migrations that are missing; of two processes that start at once the second finds none missing."""
        # One snapshot: between two reads another process may finish its first start, and its tables would be seen
        # without the mark that makes them ours.
        with _transaction(connection, "BEGIN"):
            is_current = self._version(connection) == sql.VERSION
        if is_current:
            return
        with _transaction(connection, "BEGIN IMMEDIATE"):
            for version in range(self._version(connection), sql.VERSION):
                for statement in sql.MIGRATIONS[version]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {sql.APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {version + 1}")

    def _version(self, connection: sqlite3.Connection) -> int:
        version, owner = _number(connection, "user_version"), _number(connection, "application_id")
        is_new = connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None
        if owner != sql.APPLICATION_ID and not (is_new and owner == version == 0):
            raise LedgerUnusable(str(self.path), "it is the database of another program")
        if version > sql.VERSION:
            raise LedgerTooNew(str(self.path), found=version, known=sql.VERSION)
        return version

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._translation(error) from error
        except OSError as error:
            raise LedgerUnusable(str(self.path), (error.strerror or str(error)).lower()) from error

    def _translation(self, error: sqlite3.Error) -> Exception:
        # The lower byte is the kind of error, the rest says more about it (https://sqlite.org/rescode.html).
        kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if kind in _BUSY:
            return LedgerBusy(str(self.path))
        if kind == sqlite3.SQLITE_CONSTRAINT:
            return ValueError(f"the ledger refuses: {error}")
        if kind == sqlite3.SQLITE_IOERR:
            name = getattr(error, "sqlite_errorname", "SQLITE_IOERR")
            return LedgerUnusable(str(self.path), f"the disk reports an error ({name})")
        return LedgerUnusable(str(self.path), _REASONS.get(kind, str(error)))


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors, a full disk for one, SQLite has rolled back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _is_forbidden(error: OSError | sqlite3.OperationalError) -> bool:
    """Whether the file or its folder cannot be written."""
    if isinstance(error, OSError):
        return error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}
    kinds = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
    return error.sqlite_errorcode & 0xFF in kinds


def _use_wal(connection: sqlite3.Connection) -> None:
    """Let readers and one writer work side by side; the file remembers it. Where a disk cannot, it stays without.

    SQLite does not wait for another process that switches at the same moment, whatever the time-out. That one does it
    for both, or the next start does; until then everything is as safe, only slower.
    """
    if _text(connection, "journal_mode") == "wal":
        return
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise


def _by_name(cursor: sqlite3.Cursor, row: tuple[object, ...]) -> dict[str, object]:
    """A row as a dictionary: sqlite3.Row compares names one by one, which took most of the time of reading bookings."""
    return dict(zip([column[0] for column in cursor.description], row, strict=True))


_READ_WHOLE = 16_000_000
"""Bytes that `integrity_check` reads in half a second."""


def _damage(connection: sqlite3.Connection) -> str | None:
    is_small = _number(connection, "page_count") * _number(connection, "page_size") <= _READ_WHOLE
    for check in (
        ("integrity_check(1)",) if is_small else ("integrity_check(errands)", "integrity_check(totals)")
    ):
        found = _text(connection, check)
        if found != "ok":
            return f"it is damaged: {found}"
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        return "it is damaged: an errand belongs to no booking"
    overlapping = connection.execute(sql.OVERLAPPING).fetchone() if is_small else None
    return f"booking {overlapping['id']} overlaps another one" if overlapping else None


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(_text(connection, pragma))


def _text(connection: sqlite3.Connection, pragma: str) -> str:
    (value,) = connection.execute(f"PRAGMA {pragma}").fetchone().values()
    return str(value)
