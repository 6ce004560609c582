"""The database behind the PostgreSQL ledger: connected on first use, brought up to date, one transaction at a time.

With `postgres_errors` the one place that talks to psycopg, and so the one that translates its errors.

A lease belongs to a session. Through a pooler that gives every transaction another session (PgBouncer's transaction
mode) leases would seem to end at once; it has to be asked for sessions.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any
from zlib import crc32

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from portalcal.adapters import postgres_schema as sql
from portalcal.adapters.postgres_errors import Words
from portalcal.errors import LedgerCutOff, LedgerTooNew, LedgerUnusable

_OLDEST = 140000
"""Multiranges (https://www.postgresql.org/docs/14/rangetypes.html)."""

_CONNECTING = "5"
"""Seconds to wait for a server, where neither the url nor the environment says otherwise."""

_CLOSING = 0.2
"""Seconds to wait for a thread of our own; a transaction takes milliseconds."""

_SETTINGS = """
    SET search_path = portalcal, pg_temp;
    SET statement_timeout = {most};
    SET lock_timeout = {patience};
    SET idle_in_transaction_session_timeout = 60000;
    SET tcp_keepalives_idle = 15;
    SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 3;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
"""A process that was stopped in a transaction, or whose machine is gone, must not keep the others waiting for ever."""

_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({kind}, {number})"
_LOOKING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


class Session:
    """A transaction's connection, for statements that name their parameters `:so`."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self._connection = connection

    def execute(
        self, statement: str, parameters: Mapping[str, object] | None = None, /
    ) -> psycopg.Cursor[DictRow]:
        """Run one statement."""
        storable = {name: _storable(value) for name, value in parameters.items()} if parameters else None
        return self._connection.execute(_in_words_of_psycopg(statement), storable)

    def one(self, statement: str, parameters: Mapping[str, object] | None = None, /) -> dict[str, Any]:
        """The one row of a statement that always has one."""
        row = self.execute(statement, parameters).fetchone()
        assert row is not None  # noqa: S101 - a SELECT without a FROM
        return row


class PostgresServer:
    """A ledger's database. Threads may share it; they take turns.

    `patience` is how many seconds to wait for another process's transaction; ours take milliseconds.
    """

    def __init__(self, url: str, workspace: str, *, patience: float = 5.0) -> None:
        self._url = url
        self._words = Words(_options(url))
        # Writers of one workspace take turns, as all do in a SQLite file. A number that two workspaces share is fine.
        self._turn = _WRITING.format(kind=sql.WRITERS, number=crc32(workspace.encode()) - (1 << 31))
        patient = int(patience * 1000)
        self._settings = _SETTINGS.format(patience=patient, most=2 * patient)
        self._connection: psycopg.Connection[DictRow] | None = None
        self._found = 0
        """The version of the ledger when somebody last looked."""
        self._owner: int | None = None
        self._lock = threading.RLock()

    @property
    def name(self) -> str:
        """The url without a user, a password or a setting."""
        return self._words.name

    def close(self) -> None:
        """Let go of the connection; the next use makes another. Our leases end.

        A thread that waits for another process's transaction keeps it: `status` must not wait for what did not answer.
        """
        if not self._lock.acquire(timeout=_CLOSING):
            return
        try:
            connection, self._connection = self._connection, None
            had_leases, self._owner = self._owner is not None, None
            if connection is None:
                return
            with connection, suppress(psycopg.Error):
                if had_leases:
                    # The server would see the end of the session by itself, but only after we are gone.
                    connection.execute("SELECT pg_advisory_unlock_all()")
        finally:
            self._lock.release()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One state of the ledger, whatever others write meanwhile. Raises: as `writing`.

        Nothing is made by looking: a ledger that is not there yet is made for as long as the question takes.
        """
        with self._lock, self._translated():
            self._session()
            if self._found == 0 and self._version(self._session()) == 0:
                with self._transaction("BEGIN", end="ROLLBACK") as session:
                    _migrate(session, 0)
                    yield session
                return
            self._bring_up_to_date()
            with self._transaction(_LOOKING) as session:
                yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """The only writer of the workspace for as long as the block runs; an exception undoes all of it.

        Raises:
            LedgerBusy: another process writes, and did not end in time, or the connection was lost before the end.
            LedgerCutOff: the connection was lost at the end, and nobody knows whether the change was recorded.
            LedgerUnusable: the server or the database stands in the way.
            LedgerTooNew: a later program wrote it.
            ValueError: a constraint or a trigger refuses, which the caller should have known.
        """
        with self._lock, self._translated():
            self._bring_up_to_date()
            with self._transaction(self._turn) as session:
                yield session

    def owner(self) -> int:
        """The number of an advisory lock that our session has, and that no other will have."""
        if self._owner is None:
            session = self._session()
            number = int(session.one("SELECT nextval('lease_owners') AS number")["number"])
            session.execute("SELECT pg_advisory_lock(:kind, :number)", {"kind": sql.OWNERS, "number": number})
            self._owner = number
        return self._owner

    def damage(self) -> str | None:
        """What no longer keeps the ledger's word, or None; the pages are the server's own care.

        Raises: LedgerBusy, LedgerTooNew.
        """
        try:
            with self.reading() as session:
                found = session.one(sql.GUARDIANS)
        except LedgerUnusable as unusable:
            return unusable.reason
        if not found["has_tables"]:
            return "it is damaged: one of its tables is missing"
        if not found["refuses_overlaps"]:
            return "it is damaged: it no longer refuses overlapping bookings"
        if not (found["has_triggers"] and found["has_indexes"]):
            return "it is damaged: a trigger or an index is missing or switched off"
        return None if found["is_writable"] else "it can be read, but not written"

    # --- the connection

    def _session(self) -> Session:
        """The connection, alive as far as anybody knows."""
        if self._connection is None or self._connection.closed:
            self._connection, self._owner, self._found = self._connected(), None, 0
            self._found = self._version(Session(self._connection))
        return Session(self._connection)

    def _connected(self) -> psycopg.Connection[DictRow]:
        given = _options(self._url)
        usual: dict[str, Any] = {"application_name": "portalcal"}
        if "PGCONNECT_TIMEOUT" not in os.environ:
            usual["connect_timeout"] = _CONNECTING
        try:
            connection = psycopg.Connection[DictRow].connect(
                make_conninfo(**usual | given | {"client_encoding": "utf8"}),
                autocommit=True,
                row_factory=dict_row,
                # A statement that was prepared before another process's migration would be refused after it.
                prepare_threshold=None,
            )
        except psycopg.Error as error:
            raise self._words.of_connecting(error) from error
        try:
            self._examine(connection)
            connection.execute(self._settings.encode())
        except BaseException:
            connection.close()
            raise
        return connection

    def _examine(self, connection: psycopg.Connection[DictRow]) -> None:
        if connection.info.server_version < _OLDEST:
            version = connection.info.server_version // 10000
            raise LedgerUnusable(self.name, f"its server is PostgreSQL {version}; 14 is needed")
        if (encoding := connection.info.parameter_status("server_encoding")) != "UTF8":
            raise LedgerUnusable(self.name, f"its encoding is {encoding}; UTF8 is needed")

    @contextmanager
    def _transaction(self, begin: str, *, end: str = "COMMIT") -> Iterator[Session]:
        session = self._begun(begin)
        connection = self._connection
        assert connection is not None  # noqa: S101 - _begun made it
        try:
            yield session
        except BaseException:
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")
            raise
        try:
            connection.execute(end.encode())
        except psycopg.OperationalError as error:
            if connection.closed and begin == self._turn:
                raise LedgerCutOff(self.name) from error
            raise

    def _begun(self, begin: str) -> Session:
        """Begin; a connection that ended while nobody used it is made once more, since nothing was asked of it yet."""
        session = self._session()
        try:
            session.execute(begin)
        except psycopg.OperationalError:
            if self._connection is None or not self._connection.closed:
                with suppress(psycopg.Error):
                    session.execute("ROLLBACK")
                raise
            session = self._session()
            session.execute(begin)
        return session

    # --- the version

    def _bring_up_to_date(self) -> None:
        """Run the migrations that are missing; of two processes that start at once the second finds none missing."""
        self._session()
        if self._found == sql.VERSION:
            return
        turn = _WRITING.format(kind=sql.MIGRATING, number=0)
        with self._transaction(turn) as session:
            session.execute("SET LOCAL statement_timeout = 0")
            _migrate(session, self._version(session))
        self._found = sql.VERSION

    def _version(self, session: Session) -> int:
        found = session.one(sql.FACTS)
        if not found["is_there"]:
            if found["is_taken"]:
                raise LedgerUnusable(self.name, "its schema portalcal belongs to another program")
            return 0
        version = int(session.one("SELECT version FROM ledger")["version"])
        if version > sql.VERSION:
            raise LedgerTooNew(self.name, found=version, known=sql.VERSION)
        return version

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            is_lost = self._connection is not None and self._connection.closed
            raise self._words.of_asking(error, is_lost=is_lost) from error


def _migrate(session: Session, version: int) -> None:
    if version == 0:
        for statement in sql.BEGINNING:
            session.execute(statement)
        session.execute("INSERT INTO ledger (version) VALUES (0)")
    for migration in sql.MIGRATIONS[version:]:
        for statement in migration:
            session.execute(statement)
    session.execute("UPDATE ledger SET version = :version", {"version": sql.VERSION})


def _options(url: str) -> dict[str, Any]:
    """What a url says, by libpq's names. Raises: LedgerUnusable, which never quotes it: it may be all password."""
    with suppress(psycopg.Error):
        options = dict(conninfo_to_dict(url))
        # Where a password is written as it is, its end may pass for a port, a host or a name, which would be shown.
        places = (str(options.get(name, "")) for name in ("host", "dbname"))
        if re.fullmatch(r"[\d,]*", str(options.get("port", ""))) and not any("@" in each for each in places):
            return options
    reason = "its url is not understood; in a password the characters @ : / ? are written %40 %3A %2F %3F"
    raise LedgerUnusable("on a PostgreSQL server", reason)


def _storable(value: object) -> object:
    """A value without the one character that PostgreSQL does not keep in a text."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


@cache
def _in_words_of_psycopg(statement: str) -> bytes:
    return _PARAMETER.sub(r"%(\1)s", statement).encode()
