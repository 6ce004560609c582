"""A PostgreSQL server that is started, stopped and silent, and first starts of many commands at once."""

from __future__ import annotations

import selectors
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest

from portalcal.adapters.ledger.postgres import PostgresDatabase, PostgresLedger
from portalcal.errors import LedgerBusy, LedgerCutOff
from portalcal.ports import Search
from portalcal.simulator.google import Simulator
from tests.builders import SetClock, a_booking
from tests.cli.conftest import NOW
from tests.faults.stage import SAM, Stage
from tests.real.postgres_cluster import Cluster

pytestmark = pytest.mark.real


class SilentProxy:
    """A socket before a server's that hands everything on until it is told to be silent."""

    def __init__(self, server: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="px-", dir="/tmp"))
        self._server = str(server / ".s.PGSQL.5432")
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.folder / ".s.PGSQL.5432"))
        self._listening.listen()
        self.is_silent = False
        self._is_over = False
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def _serve(self) -> None:
        waiting = selectors.DefaultSelector()
        waiting.register(self._listening, selectors.EVENT_READ)
        while not self._is_over:
            for key, _ in waiting.select(0.05):
                if key.fileobj is self._listening:
                    client, _ = self._listening.accept()
                    server = socket.socket(socket.AF_UNIX)
                    server.connect(self._server)
                    waiting.register(client, selectors.EVENT_READ, server)
                    waiting.register(server, selectors.EVENT_READ, client)
                elif not self.is_silent:
                    self._hand_on(waiting, key)
        for key in list(waiting.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        waiting.close()

    def _hand_on(self, waiting: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        source = key.fileobj
        assert isinstance(source, socket.socket)
        data = source.recv(65536)
        if data:
            key.data.sendall(data)
            return
        for each in (source, key.data):
            waiting.unregister(each)
            each.close()

    def close(self) -> None:
        self._is_over = True
        self._serving.join()
        shutil.rmtree(self.folder)


@pytest.fixture
def database(postgres: Cluster) -> str:
    return postgres.new_database()


@pytest.fixture
def proxy(postgres: Cluster) -> Iterator[SilentProxy]:
    made = SilentProxy(postgres.folder)
    yield made
    made.close()


@pytest.fixture
def behind(postgres: Cluster, database: str, proxy: SilentProxy) -> Iterator[PostgresDatabase]:
    """The database behind the proxy; a statement may take a second."""
    url = postgres.url(database).replace(str(postgres.folder), str(proxy.folder))
    made = PostgresDatabase(url, "default", lock_timeout=0.1)
    made._deadline = 1.0
    yield made
    proxy.is_silent = False
    made.close()


# --- the first start ------------------------------------------------------------------------------------------


def test_eight_commands_at_once_on_an_empty_database_all_succeed(postgres: Cluster, database: str) -> None:
    ledgers = [PostgresLedger(postgres.url(database), "default", SetClock()) for _ in range(8)]
    together = threading.Barrier(8)

    def run(number: int) -> int:
        together.wait()
        if number % 2:
            ledgers[number].hold(a_booking(f"{10 + number}:00-{10 + number}:30"), put=True)
        return len(ledgers[number].search(Search()))

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(run, range(8)))

    assert max(counts) <= 4
    assert len(ledgers[0].search(Search())) == 4
    for each in ledgers:
        each.close()


def test_a_schema_that_an_administrator_made_is_used(postgres: Cluster, database: str) -> None:
    postgres.sql(f"ALTER DATABASE {database} OWNER TO {postgres.user}")
    postgres.sql("CREATE SCHEMA portalcal AUTHORIZATION portal", database=database)
    ledger = PostgresLedger(postgres.url(database), "default", SetClock())

    held = ledger.hold(a_booking(), put=True)

    assert ledger.find(str(held.id)) == held
    ledger.close()


# --- silence --------------------------------------------------------------------------------------------------


def test_a_server_that_goes_silent_is_given_up(behind: PostgresDatabase, proxy: SilentProxy) -> None:
    with behind.reading():
        pass
    proxy.is_silent = True
    began = monotonic()

    with pytest.raises(LedgerBusy) as caught, behind.reading():
        pass

    assert caught.value.reason == "out of reach: the connection was lost"
    assert monotonic() - began < 10


def test_a_server_that_goes_silent_at_the_commit_leaves_it_open(
    behind: PostgresDatabase, proxy: SilentProxy
) -> None:
    with behind.writing():
        pass

    with pytest.raises(LedgerCutOff), behind.writing():
        proxy.is_silent = True


@pytest.mark.full
def test_a_host_that_takes_connections_and_says_nothing_is_given_up() -> None:
    """As a black hole in the network does, or a machine that swaps."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://portal:geheim@127.0.0.1:{port}/portal?connect_timeout=2"
        with (
            closing(PostgresLedger(url, "default", SetClock())) as ledger,
            pytest.raises(LedgerBusy) as caught,
        ):
            ledger.search(Search())

    assert caught.value.reason == "out of reach: it does not answer"


def test_a_network_that_goes_silent_is_noticed_by_the_machine(postgres: Cluster, database: str) -> None:
    with PostgresDatabase(postgres.url(database), "default")._lock.held():
        server = PostgresDatabase(postgres.url(database), "default")
        server._open()
        assert server._connection is not None
        settings = server._connection.info.get_parameters()
        server.close()

    assert {name: settings[name] for name in ("tcp_user_timeout", "keepalives_idle", "connect_timeout")} == {
        "tcp_user_timeout": "15000", "keepalives_idle": "10", "connect_timeout": "5",
    }  # fmt: skip


# --- a server that ends between the steps of a command ----------------------------------------------------------


def test_a_server_that_ends_after_the_hold_leaves_a_booking_that_is_named(
    postgres: Cluster, database: str, tmp_path: Path
) -> None:
    with Simulator(now=NOW) as google:
        stage = Stage(google, tmp_path / "portalcal")
        with closing(stage.nobody):
            stage.configure(f'[ledger]\nurl = "{postgres.url(database)}"\n')
            stage.connect()
            stage.upon("events.insert", postgres.stop)
            try:
                ran = stage.json("book", "2026-11-24T10:00", *SAM)
                later = stage.json("cancel", "0000")
            finally:
                postgres.start()
            booking = ran.error["details"]["booking"]

            assert (ran.exit, ran.error["code"], ran.error["retryable"]) == (7, "ledger-cut-off", False)
            recorded = f"Booking {booking[:8]} is recorded, but whether Google was told is not known."
            assert recorded in ran.error["message"]
            assert (later.exit, later.error["code"]) == (7, "ledger-busy")
            why = "is out of reach: its server is not running. Nothing was cancelled."
            assert later.error["message"].endswith(why)
            # Twenty seconds later.
            postgres.sql("UPDATE portalcal.outbox SET leased_until = leased_until - 20", database=database)
            assert stage.json("sync").result["delivered"] == [booking]
            assert len(stage.ours()) == 1
