"""The ledger in a PostgreSQL database: connected at first use, migrated, one transaction at a time.

No other module of the ledger calls psycopg or translates its errors. A password never reaches a message.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cache
from math import inf
from typing import Any
from uuid import UUID, uuid4
from zlib import crc32

import psycopg
from psycopg.pq import ExecStatus
from psycopg.rows import DictRow

from portalcal.adapters.ledger import postgres_schema as sql
from portalcal.adapters.ledger.connection_lock import ConnectionLock
from portalcal.adapters.ledger.lease_renewal import LeaseRenewal
from portalcal.adapters.ledger.postgres_connection import (
    PostgresConnection,
    ServerSilent,
    connect,
    exposure_on_the_way,
    read_url,
)
from portalcal.adapters.ledger.postgres_errors import PostgresErrors
from portalcal.adapters.ledger.repository import AccountOf, SqlLedger, no_account
from portalcal.adapters.ledger.transaction import Transaction
from portalcal.adapters.ledger.transfer import NUMBERED
from portalcal.core.booking import Booking
from portalcal.core.history import NOBODY, Author
from portalcal.core.outbox import LEASE, OutboxEntry, Task
from portalcal.errors import LedgerCutOff, LedgerFault, LedgerTooNew, LedgerUnusable, PortalcalError
from portalcal.ports import Clock, Damage, Exposure, Leased, LedgerServer

_BEGIN = """
    BEGIN ISOLATION LEVEL {isolation};
    SELECT set_config('search_path', 'portalcal, pg_temp', true),
           set_config('statement_timeout', '{statement_timeout}', true),
           set_config('lock_timeout', '{lock_timeout}', true),
           set_config('idle_in_transaction_session_timeout', '15000', true),
           set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
           CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END
           {lock};
    {check}
"""
"""Begin a transaction with all that it needs set for itself alone, timeouts in milliseconds. A process that was stopped
inside a transaction, or whose machine is gone, must not block the others for ever.

Every statement has an index for its rows, and the planner's estimates must not lead it to read all of a large table: with
a million bookings that takes 0.3 s (measured). The cost that it then puts on small tables must not have a plan compiled.
"""

_LOCK = ", pg_advisory_xact_lock({kind}, {number})"

_IN_PLACE = f", pg_advisory_xact_lock_shared({sql.MOVING}, 0)"

_CHECK_IN_PLACE = "SELECT moved_to FROM portalcal.ledger"
"""A statement of its own, which sees what was committed while the locks were waited for."""

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")

_BUFFER_SIZE = 100
"""Statements of one message."""

_MARGIN = 5.0
"""Seconds beyond its own time limit after which a server that does not answer is given up."""

_log = logging.getLogger(__name__)


class PostgresLedger(SqlLedger):
    """The bookings and the outbox of one workspace in the database of a url."""

    _database: PostgresDatabase

    def __init__(
        self,
        url: str,
        workspace: str,
        clock: Clock,
        *,
        author: Author = NOBODY,
        account: AccountOf = no_account,
        is_read_only: bool = False,
    ) -> None:
        database = PostgresDatabase(url, workspace, is_read_only=is_read_only)
        super().__init__(database, sql.DIALECT, workspace, clock, author=author, account=account)

    def lease(self, booking: UUID, task: Task, *, now: datetime) -> Leased | None:
        """As in SqlLedger; the lease is renewed until it ends."""
        leased = super().lease(booking, task, now=now)
        if leased is not None:
            self._database.renewal.add(leased.entry.id)
        return leased

    def settle(self, entry: OutboxEntry, booking: Booking, *, is_rejected: bool = False) -> Booking:
        """As in SqlLedger."""
        settled = super().settle(entry, booking, is_rejected=is_rejected)
        self._database.renewal.discard(entry.id)
        return settled

    def postpone(self, entry: OutboxEntry, *, due_at: datetime, why: str, outcome_unknown: bool) -> None:
        """As in SqlLedger."""
        super().postpone(entry, due_at=due_at, why=why, outcome_unknown=outcome_unknown)
        self._database.renewal.discard(entry.id)


class PostgresDatabase:
    """A ledger's database. Threads may share it; a lock serialises them.

    `lock_timeout` is how many seconds to wait for another process's transaction; ours take milliseconds.
    With `is_read_only` an older ledger is refused, not migrated, and nothing is written.
    """

    def __init__(
        self,
        url: str,
        workspace: str,
        *,
        lock_timeout: float = 5.0,
        is_read_only: bool = False,
        migrations: sql.Migrations = sql.MIGRATIONS,
    ) -> None:
        self._is_read_only = is_read_only
        self._migrations = migrations
        self._latest_version = sql.FIRST_VERSION - 1 + len(migrations)
        self._options = read_url(url)
        self._errors = PostgresErrors(self._options)
        milliseconds = int(lock_timeout * 1000)
        self._timeouts = {"lock_timeout": milliseconds, "statement_timeout": 2 * milliseconds}
        self._deadline = 2 * lock_timeout + _MARGIN
        # An advisory lock serialises the writers of a workspace, as SQLite does all writers of a file. Two workspaces
        # with the same checksum only wait for each other.
        turn = _LOCK.format(kind=sql.WRITERS, number=crc32(workspace.encode()) - (1 << 31))
        self._begin_writing = self._begin(lock=_IN_PLACE + turn, check=_CHECK_IN_PLACE)
        self._begin_alone = self._begin(lock=_LOCK.format(kind=sql.MOVING, number=0), check=_CHECK_IN_PLACE)
        self._begin_reading = self._begin("REPEATABLE READ READ ONLY")
        self._begin_migrating = self._begin(lock=_LOCK.format(kind=sql.MIGRATING, number=0))
        self._begin_with_leases = self._begin()
        self._connection: PostgresConnection | None = None
        self._known_version: int | None = None
        """The version of the ledger, 0 without one; None: it was not read over this connection."""
        self._owner = uuid4().hex
        self.renewal = LeaseRenewal(self._renew_leases)
        self._lock = ConnectionLock(self._close)
        self._is_stopped = False

    def _begin(self, isolation: str = "READ COMMITTED", *, lock: str = "", check: str = "") -> str:
        return _BEGIN.format(isolation=isolation, lock=lock, check=check, **self._timeouts)

    @property
    def name(self) -> str:
        """The url without user, password and settings."""
        return self._errors.name

    def close(self) -> None:
        """Close the connection, which ends our leases; the next use opens another one.

        If a thread is waiting for another process's transaction, that thread closes the connection when it is done.
        """
        self._lock.close()

    def _close(self) -> None:
        had_leases = self.renewal.stop()
        if self._connection is None:
            return
        if had_leases and not self._connection.closed:
            # They would lapse in a moment. A server that is gone is not waited for.
            with (
                suppress(psycopg.Error, PortalcalError),
                self._transaction(self._begin_with_leases) as session,
            ):
                session.execute(sql.END_LEASES, {"owner": self._owner})
        self._connection.close()
        self._connection = None

    def _renew_leases(self) -> None:
        """Renew our leases, in the time between two transactions of the command."""
        terms = {"owner": self._owner, "length": int(LEASE.total_seconds())}
        try:
            with self._lock.held(), self._translated(), self._transaction(self._begin_with_leases) as session:
                session.execute(sql.RENEW_LEASES, terms)
        except PortalcalError as error:
            # The next transaction of the command meets the failure too, and reports it.
            _log.info("leases are not renewed: %s", error.sentence)

    @contextmanager
    def reading(self) -> Iterator[PostgresSession]:
        """Run a block on one snapshot of the ledger. Raises: as `writing`.

        Reading creates nothing: a missing ledger is created in a transaction that is rolled back after the block.
        """
        with self._lock.held(), self._translated():
            self._open()
            if self._known_version is None:
                # Most ledgers are current: read the version in the same transaction, which saves one per command.
                with self._transaction(self._begin_reading) as session:
                    if self._is_current(session):
                        yield session
                        return
            if self._version() == 0:
                with self._empty_ledger() as session:
                    yield session
                return
            self._migrate()
            with self._transaction(self._begin_reading) as session:
                yield session

    @contextmanager
    def _empty_ledger(self) -> Iterator[PostgresSession]:
        """Run a block on a ledger that may not be there yet: on a new one that is gone afterwards.

        Of two processes that would create one at once, the second waits, as in `_migrate`.
        """
        with self._transaction(self._begin_migrating, end="ROLLBACK") as session:
            version = self._read_version(session)
            self._run_migrations(session, version)
            yield session
        self._known_version = version

    @contextmanager
    def writing(self) -> Iterator[PostgresSession]:
        """Run a block in the only write transaction of the workspace; an exception rolls it back.

        Raises:
            LedgerBusy: another transaction did not end within `lock_timeout`, the server is out of reach, or the
                connection was lost before COMMIT.
            LedgerCutOff: the connection was lost during COMMIT, so the outcome is unknown.
            LedgerUnusable: the server or the database cannot be used, or is not a ledger.
            LedgerTooNew: a later version of portalcal wrote the ledger.
            ValueError: a constraint or a trigger refused a statement; the caller should have checked first.
        """
        if self._is_read_only:
            raise LedgerUnusable(self.name, "it is read-only")
        with self._lock.held(), self._translated():
            self._migrate()
            with self._transaction(self._begin_writing) as session:
                if self._is_stopped:
                    raise KeyboardInterrupt
                yield session

    @contextmanager
    def alone(self) -> Iterator[PostgresSession]:
        """Run a block in the only write transaction of all workspaces, without a time limit. Raises: as `writing`."""
        with self._lock.held(), self._translated():
            self._migrate()
            with self._transaction(self._begin_alone) as session, self._without_deadline():
                session.execute(
                    "SELECT set_config('statement_timeout', '0', true), "
                    "set_config('idle_in_transaction_session_timeout', '0', true)"
                )
                yield session

    def columns(self, db: Transaction, table: str) -> tuple[str, ...]:
        """The columns of a table that are not computed; none: there is no such table."""
        return tuple(row["name"] for row in db.execute(sql.COLUMNS, {"name": table}))

    def last_number(self, db: Transaction, table: str) -> int:
        """The last number given to a row."""
        sequence = {"name": f"portalcal.{table}", "column": NUMBERED[table]}
        return int(db.execute(sql.LAST_NUMBER, sequence).fetchone()["number"])

    def set_last_number(self, db: Transaction, table: str, number: int) -> None:
        """Give greater numbers from now on."""
        if number > 0:
            sequence = {"name": f"portalcal.{table}", "column": NUMBERED[table]}
            db.execute(sql.SET_LAST_NUMBER, sequence | {"number": number})

    @contextmanager
    def many_bookings(self, db: Transaction) -> Iterator[None]:
        """Count the bookings once, after the block.

        A row that one transaction updates n times costs n² steps, so that counting half a million one by one takes hours.
        """
        db.execute("ALTER TABLE bookings DISABLE TRIGGER count_bookings")
        yield
        db.execute(sql.COUNT_BOOKINGS)
        db.execute("ALTER TABLE bookings ENABLE TRIGGER count_bookings")

    def mark_moved(self, db: Transaction, target: str) -> None:
        """Refuse further use of this ledger, naming the one that took its place."""
        db.execute("UPDATE ledger SET moved_to = :target", {"target": target})

    insert_numbered = "OVERRIDING SYSTEM VALUE"

    def stop(self) -> None:
        """Let `writing` raise KeyboardInterrupt from now on, on every thread; a transaction under way ends first."""
        self._is_stopped = True
        self._lock.wait()

    def owner(self) -> str:
        """Return the name under which this process holds leases."""
        return self._owner

    def damage(self) -> Damage | None:
        """Return which constraint, trigger, index, table or right is missing, or None; the server checks its pages itself.

        Raises: LedgerBusy, LedgerTooNew.
        """
        try:
            with self.reading() as session:
                soundness = session.one(sql.SOUNDNESS)
        except LedgerUnusable as unusable:
            return Damage(unusable.reason, unusable.fault)
        if not soundness["has_tables"]:
            return Damage("it is damaged: one of its tables is missing", LedgerFault.DAMAGED)
        if not soundness["refuses_overlaps"]:
            return Damage("it is damaged: it no longer refuses overlapping bookings", LedgerFault.DAMAGED)
        if not (soundness["has_triggers"] and soundness["has_indexes"]):
            reason = "it is damaged: a trigger or an index is missing or switched off"
            return Damage(reason, LedgerFault.DAMAGED)
        if self.server().is_standby:
            return Damage(
                "its server is a standby, which cannot be written until it takes over", LedgerFault.STANDBY
            )
        if not soundness["is_writable"]:
            return Damage("it can be read, but not written", LedgerFault.RIGHTS)
        return self._trial()

    def _trial(self) -> Damage | None:
        """Write what a booking writes, and roll it back: no look at the rights finds all that stands in its way."""
        if self._is_read_only or not self._known_version:
            return None
        try:
            with (
                self._lock.held(),
                self._translated(),
                self._transaction(self._begin_with_leases, end="ROLLBACK") as session,
            ):
                for statement in sql.TRIAL:
                    session.execute(statement)
                has_claim = session.one(sql.HAS_CLAIM)["claims"] == 1
        except LedgerUnusable as unusable:
            return Damage(unusable.reason, unusable.fault)
        reason = "its role switches triggers off (session_replication_role), so that bookings claim no time"
        return None if has_claim else Damage(reason, LedgerFault.RIGHTS)

    def server(self) -> LedgerServer:
        """Return what the server is, and how far behind a standby is. Raises: as `reading`."""
        with self._lock.held(), self._translated():
            connection = self._open()
            row = PostgresSession(connection).one(sql.SERVER)
            return LedgerServer(
                version=str(row["version"]).partition(" ")[0],
                # A pooler gives its clients numbers of its own.
                is_pooled=connection.info.backend_pid != row["pid"],
                is_standby=bool(row["is_standby"]),
                lag=None if row["lag"] is None else timedelta(seconds=max(0.0, float(row["lag"]))),
            )

    def schema_version(self) -> int | None:
        """Return the version of the ledger, None if there is none yet. Raises: as `reading`."""
        with self._lock.held(), self._translated():
            return self._version() or None

    def exposure(self) -> Exposure | None:
        """Return whether somebody between us and a remote server could pose as it, or None. Raises: as `reading`."""
        with self._lock.held(), self._translated():
            info = self._open().info
            mode = info.get_parameters().get("sslmode", "prefer")
            return exposure_on_the_way(info.host, info.hostaddr, mode=mode, libpq=psycopg.pq.version())

    # --- the connection

    def _open(self) -> PostgresConnection:
        """Return the connection, made anew if it is known to be closed."""
        if self._connection is None or self._connection.closed:
            self._connection, self._known_version = self._connected(), None
        return self._connection

    def _connected(self) -> PostgresConnection:
        try:
            connection = connect(self._options, name=self.name)
        except psycopg.Error as error:
            raise self._errors.of_connect(error) from error
        connection.deadline = self._deadline
        return connection

    @contextmanager
    def _transaction(self, begin: str, *, end: str = "COMMIT") -> Iterator[PostgresSession]:
        session = self._begun(begin)
        connection = self._connection
        assert connection is not None  # noqa: S101 - set by _begun
        try:
            yield session
            # Before the COMMIT, not with it: a connection that is lost here changes nothing.
            session.flush()
        except BaseException:
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")
            raise
        try:
            connection.execute(end.encode())
        except psycopg.OperationalError as error:
            is_cut_off = connection.closed or (error.sqlstate or "")[:2] in {"08", "57"}
            if is_cut_off and end == "COMMIT" and begin != self._begin_reading:
                raise LedgerCutOff(self.name) from error
            raise

    def _begun(self, begin: str) -> PostgresSession:
        """Begin a transaction; if the idle connection was lost, which loses nothing, connect once more.

        Raises: LedgerUnusable, another ledger took the place of this one, if `begin` asks for that.
        """
        connection = self._open()
        try:
            begun = connection.execute(begin.encode())
        except ServerSilent:
            raise
        except psycopg.OperationalError:
            if not connection.closed:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
                raise
            connection = self._open()
            begun = connection.execute(begin.encode())
        while begun.nextset():
            pass
        row = begun.fetchone()
        if row and row.get("moved_to") is not None:
            connection.execute("ROLLBACK")
            raise self._moved(row["moved_to"])
        return PostgresSession(connection)

    # --- the version

    def _migrate(self) -> None:
        """Run the missing migrations. Of two processes that start at once the second finds none missing."""
        if self._version() == self._latest_version:
            return
        if self._is_read_only:
            reason = (
                "an earlier portalcal wrote it, and bringing it up to date is a change, which is forbidden"
            )
            raise LedgerUnusable(self.name, reason)
        with self._transaction(self._begin_migrating) as session, self._without_deadline():
            session.execute("SET LOCAL statement_timeout = 0")
            self._run_migrations(session, self._read_version(session))
        self._known_version = self._latest_version

    def _run_migrations(self, session: PostgresSession, version: int) -> None:
        if version == 0:
            for statement in sql.BEFORE_MIGRATIONS:
                session.execute(statement)
            session.execute("INSERT INTO ledger (version) VALUES (0)")
        for migration in self._migrations[max(0, version - sql.FIRST_VERSION + 1) :]:
            for statement in migration:
                session.execute(statement)
        session.execute("UPDATE ledger SET version = :version", {"version": self._latest_version})

    def _moved(self, target: str) -> LedgerUnusable:
        reason = f"it was copied to {target}, which took its place"
        return LedgerUnusable(self.name, reason, LedgerFault.MOVED)

    @contextmanager
    def _without_deadline(self) -> Iterator[None]:
        """A migration of millions of bookings takes minutes."""
        connection = self._connection
        assert connection is not None  # noqa: S101 - set by _open
        connection.deadline = inf
        try:
            yield
        finally:
            connection.deadline = self._deadline

    def _version(self) -> int:
        """Return the ledger's version, 0 if there is none. Raises: as `_read_version`."""
        connection = self._open()
        if self._known_version is None:
            self._known_version = self._read_version(PostgresSession(connection))
        return self._known_version

    def _is_current(self, session: PostgresSession) -> bool:
        """Read the version of a ledger that is there and of this version. Raises: as `_read_version`."""
        try:
            row = session.execute(sql.STORED_VERSION).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return False
        # None: another process has just made it. Names are looked up in the present, rows in our snapshot.
        if row is None or self._checked_version(row) != self._latest_version:
            return False
        self._known_version = self._latest_version
        return True

    def _read_version(self, session: PostgresSession) -> int:
        """Return the ledger's version, 0 if there is none.

        Raises:
            LedgerTooNew: a later version of portalcal wrote it.
            LedgerUnusable: its schema is another program's, or an unreleased portalcal's.
        """
        presence = session.one(sql.PRESENCE)
        if not presence["has_ledger"]:
            if presence["has_relations"]:
                reason = "its schema portalcal belongs to another program"
                raise LedgerUnusable(self.name, reason, LedgerFault.FOREIGN)
            return 0
        return self._checked_version(session.one(sql.STORED_VERSION))

    def _checked_version(self, row: Mapping[str, Any]) -> int:
        if row["moved_to"] is not None:
            raise self._moved(row["moved_to"])
        version = int(row["version"])
        if version < sql.FIRST_VERSION:
            reason = "an unreleased portalcal made its schema portalcal, which no release reads"
            raise LedgerUnusable(self.name, reason, LedgerFault.FOREIGN)
        if version > self._latest_version:
            raise LedgerTooNew(self.name, found=version, known=self._latest_version)
        return version

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            is_lost = self._connection is not None and self._connection.closed
            raise self._errors.of_statement(
                error, is_lost=is_lost, in_hot_standby=self._is_standby
            ) from error

    @property
    def _is_standby(self) -> bool:
        """Whether the server has reported that it replays another one's log."""
        if self._connection is None or self._connection.closed:
            return False
        return self._connection.info.parameter_status("in_hot_standby") == "on"


class PostgresRows:
    """The rows of a statement; reading the first sends the statement if it is still buffered."""

    def __init__(self, session: PostgresSession) -> None:
        self._session = session
        self._rows: Iterator[DictRow] | None = None

    def fill(self, rows: Iterable[DictRow]) -> None:
        """Set the rows that the server returned."""
        self._rows = iter(rows)

    def fetchone(self) -> DictRow | None:
        """Return the next row, or None."""
        return next(iter(self), None)

    def fetchall(self) -> list[DictRow]:
        """Return all remaining rows."""
        return list(self)

    def __iter__(self) -> Iterator[DictRow]:
        if self._rows is None:
            self._session.flush()
        assert self._rows is not None  # noqa: S101 - set by flush
        return self._rows


class PostgresSession:
    """A connection for statements with named parameters (`:name`), several to a message.

    A statement is buffered until its rows, or those of a later one, are read, or the transaction ends. Over a network
    the cost of a transaction is its number of messages.
    """

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self._connection = connection
        self._buffer: list[tuple[bytes, PostgresRows]] = []

    def execute(self, statement: str, parameters: Mapping[str, object] | None = None, /) -> PostgresRows:
        """Buffer one statement; it runs before its rows can be read."""
        rows = PostgresRows(self)
        self._buffer.append((self._bound(statement, parameters), rows))
        if len(self._buffer) >= _BUFFER_SIZE:
            self.flush()
        return rows

    def one(self, statement: str, parameters: Mapping[str, object] | None = None, /) -> dict[str, Any]:
        """Run a statement that always returns one row, and return it."""
        row = self.execute(statement, parameters).fetchone()
        assert row is not None  # noqa: S101 - such a statement always returns a row
        return row

    def flush(self) -> None:
        """Send all buffered statements in one message."""
        buffered, self._buffer = self._buffer, []
        if not buffered:
            return
        # A statement may end with a comment.
        cursor = self._connection.execute(b"\n;\n".join(statement for statement, _ in buffered))
        for _, rows in buffered:
            # `cursor.description` would make an object of every column.
            has_rows = cursor.pgresult is not None and cursor.pgresult.status == ExecStatus.TUPLES_OK
            rows.fill(cursor.fetchall() if has_rows else ())
            cursor.nextset()

    def _bound(self, statement: str, parameters: Mapping[str, object] | None) -> bytes:
        if not parameters:
            return statement.encode()
        storable = {name: _storable(value) for name, value in parameters.items()}
        # Only a message without parameters may contain several statements, so libpq quotes the values into the text.
        cursor = psycopg.ClientCursor(self._connection)
        return cursor.mogrify(_with_psycopg_parameters(statement), storable).encode()


def _storable(value: object) -> object:
    """Replace NUL, the one character that PostgreSQL cannot store in a text."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


@cache
def _with_psycopg_parameters(statement: str) -> bytes:
    """Rewrite `:name` as `%(name)s`."""
    return _PARAMETER.sub(r"%(\1)s", statement).encode()
