"""A real PostgreSQL server of its own: on a socket in a short folder, as a user that initdb accepts, ended by its id."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple, Self

import psycopg
from psycopg.rows import dict_row

_LIMIT = 60
"""Seconds that any step may take."""

_QUIET = {
    "listen_addresses": "",
    # The tests end processes, not the machine.
    "fsync": "off",
    "max_connections": "60",
    "autovacuum": "off",
}


_CHOSEN = os.environ.get("PORTALCAL_POSTGRES")
"""The folder with the programs of the server to test with, in place of Debian's."""


_FILL = """
    INSERT INTO portalcal.bookings (
        id, workspace, state, start, duration, zone, guest_name, guest_email, title, guests, location, notes, meet, notify,
        buffer_before, buffer_after, created_at, updated_at, key, calendar, attempt, event_id, ended_because)
    SELECT gen_random_uuid(), 'default', 'confirmed', {first} + number * 3600, 1800, 'Europe/London', 'Sam',
           'guest' || number % 5000 || '@example.com', 'Meeting', '[]', '', '', 0, 'all', 0, 0, 0, 0, 'key-' || number,
           'primary', 0, 'pc' || number, ''
    FROM generate_series(CAST(1 AS bigint), {bookings}) AS number
"""


def programs() -> Path | None:
    """Where Debian keeps the newest server's programs, which are on no PATH."""
    if _CHOSEN is not None:
        return Path(_CHOSEN)
    found = [each.parent for each in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    newest = max(found, key=lambda each: int(each.parent.name), default=None)
    elsewhere = shutil.which("initdb")
    return newest or (Path(elsewhere).parent if elsewhere else None)


@dataclass
class Cluster:
    """A server, and how to be its superuser."""

    folder: Path
    user: str
    port: int = 5432
    process: subprocess.Popen[bytes] | None = None
    _names: Iterator[int] = count()  # noqa: RUF009 - databases of all clusters may be counted together

    def start(self, **more: str) -> None:
        """Start the server, with more settings; returns when it answers."""
        settings = [f"-c{name}={value}" for name, value in (_QUIET | more).items()]
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [_program("postgres"), "-D", str(self.folder / "data"), *self._socket("-k"), *settings],
                stdout=log,
                stderr=log,
                user=self._other_user,
            )
        ready = [_program("pg_isready"), *self._socket("-h"), "-t", str(_LIMIT), "-q"]
        for _ in range(_LIMIT * 20):
            if subprocess.run(ready, check=False, timeout=_LIMIT).returncode == 0:
                return
            assert self.process.poll() is None, (self.folder / "log").read_text()
            signal.sigtimedwait([], 0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT disconnects everybody, SIGQUIT is a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=_LIMIT)
            self.process = None

    @contextmanager
    def standby(self) -> Iterator[Cluster]:
        """A server that replays this one's changes, each a moment later. Gone with the block."""
        folder = _new_folder(self.user)
        made = Cluster(folder, self.user)
        copy = [
            _program("pg_basebackup"),
            "-h",
            str(self.folder),
            "-U",
            self.user,
            "-D",
            str(folder / "data"),
        ]
        try:
            subprocess.run(
                [*copy, "-R", "-c", "fast"], check=True, capture_output=True, timeout=_LIMIT, cwd=folder,
                user=self._other_user,
            )  # fmt: skip
            made.start()
            yield made
        finally:
            made.stop()
            shutil.rmtree(folder, ignore_errors=True)

    def sql(self, statement: str, *, database: str = "postgres", limit: float | None = _LIMIT) -> str:
        """Run a statement as the superuser would; what it printed."""
        asked = [_program("psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", *self._socket("-h")]
        ran = subprocess.run(
            [*asked, "-U", self.user, "-d", database, "-c", statement],
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def fill(self, database: str, bookings: int, *, first: datetime) -> None:
        """Insert confirmed bookings into a ledger, one an hour, and let the planner know."""
        self.sql(
            "SET search_path = portalcal; ALTER TABLE bookings DISABLE TRIGGER count_bookings; "
            f"{_FILL.format(first=int(first.timestamp()), bookings=bookings)};"
            "ALTER TABLE bookings ENABLE TRIGGER count_bookings",
            database=database,
            limit=None,
        )
        self.sql("VACUUM ANALYZE", database=database, limit=None)

    def url(self, database: str, *, user: str = "portal", password: str = "geheim") -> str:
        """How portalcal is told of a database."""
        return f"postgresql://{user}:{password}@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """An empty database of a role that may do nothing else."""
        name = f"portal_{next(self._names)}"
        self.sql(f"CREATE DATABASE {name} OWNER portal ENCODING 'UTF8' TEMPLATE template0")
        return name

    def _socket(self, folder_option: str) -> tuple[str, ...]:
        return folder_option, str(self.folder), "-p", str(self.port)

    @property
    def _other_user(self) -> str | None:
        return self.user if os.geteuid() == 0 else None


class Traffic(NamedTuple):
    """What a pooler counted. A message may contain several statements."""

    transactions: int
    messages: int

    def __sub__(self, before: Traffic) -> Traffic:
        """What came in between."""
        return Traffic(self.transactions - before.transactions, self.messages - before.messages)


class Pooler:
    """PgBouncer before a server, on a socket of its own."""

    def __init__(self, server: Cluster, *, mode: str, sessions: int = 4) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pb-", dir="/tmp"))
        self.folder.chmod(0o755)
        (self.folder / "users").write_text('"portal" "geheim"\n')
        (self.folder / "ini").write_text(
            f"[databases]\n* = host={server.folder}\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\n"
            f"unix_socket_dir = {self.folder}\nauth_type = scram-sha-256\nauth_file = {self.folder}/users\n"
            f"pool_mode = {mode}\ndefault_pool_size = {sessions}\nmax_client_conn = 500\nserver_idle_timeout = 1\n"
            "stats_users = portal\n"
        )
        if server._other_user:
            shutil.chown(self.folder, server.user)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/pgbouncer", str(self.folder / "ini")],
                stdout=log,
                stderr=log,
                user=server._other_user,
            )
        for _ in range(_LIMIT * 20):
            if (self.folder / ".s.PGSQL.6432").exists():
                return
            assert self.process.poll() is None, (self.folder / "log").read_text()
            signal.sigtimedwait([], 0.05)
        raise AssertionError((self.folder / "log").read_text())

    def url(self, database: str) -> str:
        """How portalcal is told of a database behind it."""
        return f"postgresql://portal:geheim@/{database}?host={self.folder}&port=6432"

    def traffic(self, database: str) -> Traffic:
        """What clients have sent to a database until now."""
        console = psycopg.connect(self.url("pgbouncer"), autocommit=True, cursor_factory=psycopg.ClientCursor)
        with console:
            rows = console.cursor(row_factory=dict_row).execute("SHOW STATS_TOTALS").fetchall()
        counts = next(row for row in rows if row["database"] == database)
        return Traffic(int(counts["xact_count"]), int(counts["query_count"]))

    def __enter__(self) -> Self:
        """The pooler, which ends with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=_LIMIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def trust_hosts(server: Cluster, database: str) -> None:
    """Let leases follow the time that tests give, in place of the server's clock."""
    server.sql(
        "CREATE OR REPLACE FUNCTION portalcal.lease_until(host_time bigint, length bigint) RETURNS bigint "
        "LANGUAGE sql STABLE AS 'SELECT host_time + length';"
        "CREATE OR REPLACE FUNCTION portalcal.lease_has_ended(leased_until bigint, lease_owner text, host_time bigint) "
        "RETURNS boolean LANGUAGE sql STABLE AS 'SELECT leased_until <= host_time'",
        database=database,
    )


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server with the role `portal`, whose password is `geheim`. Gone with the block, its files too."""
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = _new_folder(user)
    made = Cluster(folder, user)
    try:
        command = [
            _program("initdb"),
            "-D",
            str(folder / "data"),
            "-U",
            user,
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run(
            [*command, "--auth=trust"], check=True, capture_output=True, timeout=_LIMIT, cwd=folder,
            user=made._other_user,
        )  # fmt: skip
        rules = folder / "data" / "pg_hba.conf"
        rules.write_text(
            f"local all {user} trust\nlocal replication {user} trust\nlocal all all scram-sha-256\n"
        )
        made.start()
        made.sql("CREATE ROLE portal LOGIN PASSWORD 'geheim'")
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _new_folder(user: str) -> Path:
    """A folder of a server. A socket's path may have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    # The role's socket is where the tests are, whoever they run as.
    folder.chmod(0o755)
    return folder


def _program(name: str) -> str:
    folder = programs()
    assert folder is not None
    return str(folder / name)
