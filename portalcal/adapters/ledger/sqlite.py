"""The ledger in an SQLite file: opened at first use, migrated, checked against our schema, one transaction at a time.

No other module of the ledger calls sqlite3 or translates its errors.
"""

from __future__ import annotations

import errno
import operator
import os
import re
import shlex
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path

from portalcal.adapters.files import close_to_others, is_open_to_others, make_private_folder
from portalcal.adapters.ledger import sqlite_schema as sql
from portalcal.adapters.ledger.connection_lock import ConnectionLock
from portalcal.adapters.ledger.process_locks import ProcessLocks
from portalcal.adapters.ledger.repository import AccountOf, SqlLedger, no_account
from portalcal.adapters.ledger.transaction import Transaction
from portalcal.core.history import NOBODY, Author
from portalcal.errors import LedgerBusy, LedgerFault, LedgerTooNew, LedgerUnusable
from portalcal.ports import Clock, Damage, Exposure

_MINIMUM_SQLITE = (3, 37)
"""The first version with STRICT tables (https://sqlite.org/stricttables.html)."""

_SETTINGS = (
    "PRAGMA foreign_keys = ON",
    # A booking that a power cut undoes would leave its event at Google as an orphan. In WAL mode FULL syncs at every
    # commit, NORMAL at checkpoints only (https://sqlite.org/pragma.html#pragma_synchronous).
    "PRAGMA synchronous = FULL",
)

_UNTRUSTED_FILE_SETTINGS = (
    # Do not run functions or virtual tables named by the file's schema, and check its pages as they are read
    # (https://sqlite.org/security.html). Set before the schema is read for the first time.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)

_INTERNAL = re.compile(
    r"sqlite_(sequence|stat[14]|autoindex_(bookings|outbox|totals|sync_tokens|history_pruned|history_readers|offers|claims)_\d+)"
)
"""Names of objects that SQLite creates itself: for AUTOINCREMENT, UNIQUE and ANALYZE."""

_CREATION = threading.Lock()
"""Closing any descriptor of a file releases all POSIX locks that the process has on it (fcntl(2)), SQLite's included. So a
thread that creates a ledger file has to close it before another thread opens it with SQLite."""

_REASONS = {
    sqlite3.SQLITE_FULL: ("the disk is full", LedgerFault.FULL),
    sqlite3.SQLITE_READONLY: ("it is read-only", LedgerFault.UNWRITABLE),
    sqlite3.SQLITE_PERM: ("it may not be opened", LedgerFault.UNWRITABLE),
    sqlite3.SQLITE_CANTOPEN: (
        "it cannot be opened, or its folder cannot be written",
        LedgerFault.UNWRITABLE,
    ),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", LedgerFault.DAMAGED),
    sqlite3.SQLITE_NOTADB: ("it is not an SQLite database", LedgerFault.FOREIGN),
}

_NOT_MIGRATED = "an earlier portalcal wrote it, and bringing it up to date is a change, which is forbidden"
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}


class SqliteLedger(SqlLedger):
    """The bookings and the outbox of one workspace in a file."""

    _database: SqliteDatabase

    def __init__(
        self,
        path: Path,
        workspace: str,
        clock: Clock,
        *,
        author: Author = NOBODY,
        account: AccountOf = no_account,
        is_read_only: bool = False,
    ) -> None:
        database = SqliteDatabase(path, is_read_only=is_read_only)
        super().__init__(database, sql.DIALECT, workspace, clock, author=author, account=account)


class SqliteDatabase:
    """A ledger file. Threads may share it; a lock serialises them.

    `lock_timeout` is how many seconds to wait for another process's transaction; ours take milliseconds.
    With `is_read_only` an older ledger is refused, not migrated, and SQLite refuses every write.
    """

    def __init__(
        self,
        path: Path,
        *,
        lock_timeout: float = 5.0,
        migrations: sql.Migrations = sql.MIGRATIONS,
        is_read_only: bool = False,
    ) -> None:
        self.path = path
        self._is_read_only = is_read_only
        self._lock_timeout = lock_timeout
        self._migrations = migrations
        self._latest_version = sql.FIRST_VERSION - 1 + len(migrations)
        self._connection: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        """For reading where nothing can be written: the file opened read-only, or an empty ledger where there is none."""
        self._lock = ConnectionLock(self._close)
        self._is_closed_to_others = self._is_stopped = False
        self.process_locks = ProcessLocks(path.with_name(f"{path.name}-leases"))
        """Which lease owners live; their lock files are in a folder beside the ledger."""

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self.path)

    def owner(self) -> str | None:
        """Return the name of this process's lock, which is taken at first use."""
        return self.process_locks.own()

    def close(self) -> None:
        """Close the file; the next use opens it again.

        If a thread is waiting for another process's transaction, that thread closes the file when it is done.
        """
        self._lock.close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._close_reader()
        self.process_locks.close()

    def stop(self) -> None:
        """Let `writing` raise KeyboardInterrupt from now on, on every thread; a transaction under way ends first.

        A thread that waits for another process's transaction raises when it gets the lock.
        """
        self._is_stopped = True
        self._lock.wait()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Run a block on one snapshot of the ledger. Raises: as `writing`.

        Reading creates no file: a missing ledger reads as an empty one.
        """
        with self._lock.held(), self._translated():
            connection = self._connection or self._opened_for_reading()
            with _transaction(connection, "BEGIN"):
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Run a block in a write transaction, the only one at a time; an exception rolls it back.

        Raises:
            LedgerBusy: another process's transaction did not end within `lock_timeout`.
            LedgerUnusable: the file cannot be opened or written, is damaged, or is not a ledger.
            LedgerTooNew: a later version of portalcal wrote the file.
            ValueError: a constraint or a trigger refused a statement; the caller should have checked first.
        """
        with self._lock.held(), self._translated():
            if self._connection is None:
                self._connection = self._opened()
            self._close_to_others()
            with _transaction(self._connection, "BEGIN IMMEDIATE"):
                if self._is_stopped:
                    raise KeyboardInterrupt
                # Another process may have moved it since it was opened here.
                if _number(self._connection, "application_id") == sql.MOVED_APPLICATION_ID:
                    raise self._moved(self._connection)
                yield self._connection

    def _moved(self, connection: sqlite3.Connection) -> LedgerUnusable:
        row = connection.execute("SELECT target FROM moved").fetchone()
        target = row["target"] if row else "another ledger"
        return LedgerUnusable(
            str(self.path), f"it was copied to {target}, which took its place", LedgerFault.MOVED
        )

    def alone(self) -> AbstractContextManager[sqlite3.Connection]:
        """Run a block in the only write transaction of all workspaces, as each one is here."""
        return self.writing()

    def columns(self, db: Transaction, table: str) -> tuple[str, ...]:
        """The columns of a table that are not computed; none: there is no such table."""
        return tuple(row["name"] for row in db.execute(f"PRAGMA table_xinfo({table})") if row["hidden"] == 0)

    def last_number(self, db: Transaction, table: str) -> int:
        """The last number given to a row."""
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = :name", {"name": table}).fetchone()
        return int(row["seq"]) if row else 0

    def set_last_number(self, db: Transaction, table: str, number: int) -> None:
        """Give greater numbers from now on."""
        db.execute("DELETE FROM sqlite_sequence WHERE name = :name", {"name": table})
        db.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)",
            {"name": table, "number": number},
        )

    def many_bookings(self, db: Transaction) -> AbstractContextManager[None]:  # noqa: ARG002 - of the port
        """Run a block that inserts very many bookings, which needs nothing here."""
        return nullcontext()

    def mark_moved(self, db: Transaction, target: str) -> None:
        """Refuse further use of this file, naming the ledger that took its place."""
        for statement in sql.MARK_MOVED:
            db.execute(statement, {"target": target} if ":target" in statement else {})

    insert_numbered = ""

    def damage(self, *, is_complete: bool = False) -> Damage | None:
        """Read every page, compare every index with its table, and return what is wrong, or None.

        Of a ledger above 16 MB, some 40,000 bookings, only the outbox and the totals are read unless `is_complete`: at
        a million bookings a whole check takes 12 s (measured). Raises: LedgerBusy, LedgerTooNew.
        """
        try:
            with self.reading() as connection:
                damage = _damage(connection, is_complete=is_complete)
                is_writable = connection is self._connection or self._can_be_created()
        except LedgerUnusable as unusable:
            return Damage(unusable.reason, unusable.fault)
        if damage is None and not is_writable:
            return Damage(
                "it can be read, but neither it nor its folder can be written", LedgerFault.UNWRITABLE
            )
        return Damage(damage, LedgerFault.DAMAGED) if damage else None

    def exposure(self) -> Exposure | None:
        """Return which of the ledger's files others on this machine can read or write, with a remedy, or None."""
        # The database first: SQLite creates the other files with its mode, and removes them again.
        exposed = next((str(file) for file in self.files if is_open_to_others(file)), None)
        if exposed is None:
            return None
        detail = f"others on this machine can read or write {exposed}"
        return Exposure(detail, f"run `chmod 600 {shlex.quote(exposed)}`")

    def server(self) -> None:
        """There is none."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The database, its write-ahead log and the log's index (https://sqlite.org/wal.html#walfile)."""
        return tuple(self.path.with_name(f"{self.path.name}{suffix}") for suffix in ("", "-wal", "-shm"))

    def _can_be_created(self) -> bool:
        """Whether there is no ledger yet and we have the right to create one."""
        if self.path.exists():
            return False
        folder = next(parent for parent in self.path.absolute().parents if parent.exists())
        return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)

    def _opened_for_reading(self) -> sqlite3.Connection:
        """Open the file for writing where possible, since it may need migrations; else read-only."""
        if not self.path.exists():
            self._reader = self._reader or self._connected(":memory:")
            return self._reader
        try:
            self._connection = self._opened()
        except (OSError, sqlite3.OperationalError) as error:
            if not _is_forbidden(error):
                raise
            # Opened anew at every use: an immutable connection does not see what others write.
            self._close_reader()
            self._reader = self._opened_read_only()
            return self._reader
        return self._connection

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _opened_read_only(self) -> sqlite3.Connection:
        """Open the file where neither it nor its folder can be written.

        Without a log beside it the file is complete and nobody writes it. It then has to be opened as immutable, or
        SQLite tries to create a log (https://sqlite.org/wal.html#read_only_databases).
        """
        self._check_kind()
        has_log = self.path.with_name(f"{self.path.name}-wal").exists()
        uri = f"{self.path.absolute().as_uri()}?mode=ro{'' if has_log else '&immutable=1'}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        try:
            self._configure(connection)
            is_current = self._is_current(connection)
        except BaseException:
            connection.close()
            raise
        if not is_current:
            connection.close()
            raise LedgerUnusable(str(self.path), "it is read-only, and an earlier portalcal wrote it")
        return connection

    def _opened(self) -> sqlite3.Connection:
        if sqlite3.sqlite_version_info < _MINIMUM_SQLITE:
            raise LedgerUnusable(
                str(self.path), f"this Python has SQLite {sqlite3.sqlite_version}; 3.37 is needed"
            )
        make_private_folder(self.path.parent)
        # SQLite gives its log files the mode of this file.
        with _CREATION:
            if not self.path.exists():
                self._create()
        self._check_kind()
        if not os.access(self.path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            # SQLite would open it read-only and fail at the first write.
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return self._connected(self.path)

    def _create(self) -> None:
        """Create an empty file. An existing one, another process's included, is opened by SQLite only."""
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))

    def _check_kind(self) -> None:
        """Raise OSError or LedgerUnusable unless the path is an ordinary file: opening a pipe would block for ever."""
        if self.path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not self.path.is_file():
            raise LedgerUnusable(str(self.path), "it is no ordinary file")

    def _close_to_others(self) -> None:
        """Restrict the ledger's files to their owner, once per object: a copied ledger may have lost its mode."""
        if not self._is_closed_to_others:
            for file in self.files:
                close_to_others(file)
            self._is_closed_to_others = True

    def _connected(self, path: Path | str) -> sqlite3.Connection:
        # Transactions are begun explicitly. Threads may share the connection, since a lock serialises them.
        connection = sqlite3.connect(
            path, timeout=self._lock_timeout, isolation_level=None, check_same_thread=False
        )
        try:
            self._configure(connection)
            self._migrate(connection)
            for setting in _SETTINGS:
                connection.execute(setting)
            _use_wal(connection)
            if self._is_read_only:
                connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _configure(self, connection: sqlite3.Connection) -> None:
        """Set what our statements depend on, before anything of the file is read."""
        for setting in _UNTRUSTED_FILE_SETTINGS:
            connection.execute(setting)
        connection.row_factory = _row_as_dict
        connection.create_function("lease_until", 2, operator.add)
        connection.create_function("lease_has_ended", 3, self._lease_has_ended)

    def _lease_has_ended(self, leased_until: int, lease_owner: object, now: int) -> bool:
        return leased_until <= now or self.process_locks.is_dead(lease_owner)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        """Run the missing migrations. Of two processes that start at once the second finds none missing."""
        if self._is_current(connection):
            return
        if self._is_read_only and self.path.exists():
            raise LedgerUnusable(str(self.path), _NOT_MIGRATED)
        with _transaction(connection, "BEGIN IMMEDIATE"):
            present = self._version(connection)
            for version, migration in enumerate(self._migrations, start=sql.FIRST_VERSION):
                if version <= present:
                    continue
                try:
                    for statement in migration:
                        connection.execute(statement)
                except sqlite3.IntegrityError as error:
                    raise LedgerUnusable(
                        str(self.path), f"it is damaged: {error}", LedgerFault.DAMAGED
                    ) from error
                connection.execute(f"PRAGMA application_id = {sql.APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {version}")

    def _is_current(self, connection: sqlite3.Connection) -> bool:
        # One snapshot: between two reads another process may finish its first start, and its tables would be seen
        # without the application id that makes them ours.
        with _transaction(connection, "BEGIN"):
            return self._version(connection) == self._latest_version

    def _version(self, connection: sqlite3.Connection) -> int:
        """Return the version of the file, 0 if it is empty, after checking that it is a ledger with our schema.

        Raises:
            LedgerTooNew: a later version of portalcal wrote it.
            LedgerUnusable: it is another program's, an unreleased portalcal's, or its schema was changed.
        """
        version, application = _number(connection, "user_version"), _number(connection, "application_id")
        is_empty = connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None
        if application == sql.MOVED_APPLICATION_ID:
            raise self._moved(connection)
        is_old = application == sql.APPLICATION_ID and version < sql.FIRST_VERSION
        if is_old or application == sql.UNRELEASED_APPLICATION_ID:
            raise LedgerUnusable(
                str(self.path), "an unreleased portalcal made it, which no release reads", LedgerFault.FOREIGN
            )
        if application != sql.APPLICATION_ID and not (is_empty and application == version == 0):
            raise LedgerUnusable(str(self.path), "it is the database of another program", LedgerFault.FOREIGN)
        if version > self._latest_version:
            raise LedgerTooNew(str(self.path), found=version, known=self._latest_version)
        self._check_schema(connection, version)
        return version

    def _check_schema(self, connection: sqlite3.Connection, version: int) -> None:
        """Compare the tables, indexes, views and triggers with ours: a foreign trigger would run with our writes.

        Raises:
            LedgerUnusable: one is missing, added or changed.
        """
        actual = _schema(connection)
        migrations = self._migrations[: max(0, version - sql.FIRST_VERSION + 1)]
        if actual == _schema_as_written(migrations) or actual == (expected := _schema_after(migrations)):
            return
        if added := actual.keys() - expected.keys():
            kind = min(kind for kind, _ in added)
            difference = f"it has {'an' if kind == 'index' else 'a'} {kind} that is not portalcal's"
        else:
            kind, name = min(key for key in expected if actual.get(key) != expected[key])
            difference = f"its {kind} {name} is {'changed' if (kind, name) in actual else 'missing'}"
        raise LedgerUnusable(
            str(self.path), f"it is not as portalcal made it: {difference}", LedgerFault.DAMAGED
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._translation(error) from error
        except OSError as error:
            raise LedgerUnusable(str(self.path), (error.strerror or str(error)).lower()) from error

    def _translation(self, error: sqlite3.Error) -> Exception:
        # The low byte is the primary result code, the rest details it (https://sqlite.org/rescode.html).
        kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if kind in _BUSY:
            return LedgerBusy(str(self.path))
        if kind == sqlite3.SQLITE_CONSTRAINT:
            return ValueError(f"the ledger refuses: {error}")
        if kind == sqlite3.SQLITE_IOERR:
            name = getattr(error, "sqlite_errorname", "SQLITE_IOERR")
            return LedgerUnusable(str(self.path), f"the disk reports an error ({name})")
        reason, fault = _REASONS.get(kind, (str(error), LedgerFault.DAMAGED))
        return LedgerUnusable(str(self.path), reason, fault)


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors, such as a full disk, SQLite has rolled back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _is_forbidden(error: OSError | sqlite3.OperationalError) -> bool:
    """Whether an error means that the file or its folder cannot be written."""
    if isinstance(error, OSError):
        return error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}
    kinds = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
    return error.sqlite_errorcode & 0xFF in kinds


Schema = dict[tuple[str, str], tuple[str, str]]
"""By kind and name, the table an object belongs to and the statement that creates it."""


def _schema(connection: sqlite3.Connection) -> Schema:
    """Return a schema without the objects that SQLite creates itself."""
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")
    return {
        (row["type"], row["name"]): (row["tbl_name"], _without_blanks(row["sql"] or ""))
        for row in rows
        if not (row["type"] in {"table", "index"} and _INTERNAL.fullmatch(row["name"]))
    }


def _without_blanks(statement: str) -> str:
    """Drop blanks and quotes: SQLite rewrites a statement when ALTER TABLE changes it."""
    return "".join(statement.replace('"', "").split())


_CREATE = re.compile(r"CREATE (?:UNIQUE )?(TABLE|INDEX|TRIGGER) (\w+)(?:.*?\bON (\w+))?", re.DOTALL)


@cache
def _schema_as_written(migrations: sql.Migrations) -> Schema | None:
    """Return the schema of migrations from their text, as SQLite would store it; None unless all of them create.

    0.2 ms in a new process, where `_schema_after` takes 1.5 ms or more (measured); every command with a ledger pays this.
    """
    schema: dict[tuple[str, str], tuple[str, str]] = {}
    for statement in (statement.strip() for migration in migrations for statement in migration):
        if (created := _CREATE.match(statement)) is None:
            return None
        kind, name, table = created.groups()
        schema[kind.lower(), name] = (name if kind == "TABLE" else table, statement)
    return {key: (table, _without_blanks(statement)) for key, (table, statement) in schema.items()}


@cache
def _schema_after(migrations: sql.Migrations) -> Schema:
    """Return the schema that migrations make, by running them in memory."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        model.row_factory = _row_as_dict
        model.execute("BEGIN")
        for migration in migrations:
            for statement in migration:
                model.execute(statement)
        return _schema(model)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL mode, so that readers and one writer do not block each other; some disks cannot.

    Whatever the timeout, SQLite does not wait for another process that is switching the mode. Then that process
    switches it for both, or the next start does; until then everything is as safe, only slower.
    """
    if _text(connection, "journal_mode") == "wal":
        return
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise


def _row_as_dict(cursor: sqlite3.Cursor, row: tuple[object, ...]) -> dict[str, object]:
    """Return a row as a dict: sqlite3.Row compares names one by one, which took most of the time of reading bookings."""
    return dict(zip([column[0] for column in cursor.description], row, strict=True))


_FULL_CHECK_LIMIT = 16_000_000
"""Bytes that `integrity_check` reads in half a second."""


def _damage(connection: sqlite3.Connection, *, is_complete: bool) -> str | None:
    is_small = (
        is_complete
        or _number(connection, "page_count") * _number(connection, "page_size") <= _FULL_CHECK_LIMIT
    )
    checks = ("integrity_check(1)",) if is_small else ("integrity_check(outbox)", "integrity_check(totals)")
    for check in checks:
        result = _text(connection, check)
        if result != "ok":
            return f"it is damaged: {result}"
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        return "it is damaged: an entry of the outbox belongs to no booking"
    if not is_small:
        return None
    if overlapping := connection.execute(sql.OVERLAPPING).fetchone():
        return f"booking {overlapping['booking']} overlaps another one"
    unclaimed = connection.execute(sql.UNCLAIMED).fetchone()
    return f"booking {unclaimed['id']} does not hold its time" if unclaimed else None


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(_text(connection, pragma))


def _text(connection: sqlite3.Connection, pragma: str) -> str:
    (value,) = connection.execute(f"PRAGMA {pragma}").fetchone().values()
    return str(value)
