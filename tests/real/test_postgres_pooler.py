"""The ledger behind PgBouncer: session and transaction pooling work, statement pooling is refused with what to set."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import psycopg
import pytest

from portalcal.adapters.ledger.postgres import PostgresLedger
from portalcal.errors import LedgerUnusable
from portalcal.ports import ClaimsOverlap, Search
from tests.builders import SetClock, a_booking, at, lease
from tests.contract.test_history import AUTHOR, HistoryContract, OpenSqlLedger
from tests.contract.test_ledger import SharedLedgerContract
from tests.real.postgres_cluster import Cluster, Pooler, trust_hosts

pytestmark = pytest.mark.real

_LEASING = """
import sys
from portalcal.adapters.ledger.lease_renewal import LeaseRenewal
from portalcal.adapters.ledger.postgres import PostgresLedger
from tests.builders import SetClock, at, lease
ledger = PostgresLedger(sys.argv[1], "default", SetClock())
ledger._database.renewal = LeaseRenewal(ledger._database._renew_leases, every=0.3)
entry, = ledger.due(at("08:00"), most=20)
print(lease(ledger, entry, now=at("08:00")).attempts, flush=True)
sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def pooler(postgres: Cluster, pgbouncer: None) -> Iterator[Pooler]:
    with Pooler(postgres, mode="transaction") as made:
        yield made


@pytest.fixture
def database(postgres: Cluster) -> str:
    return postgres.new_database()


@pytest.fixture
def open_ledger(postgres: Cluster, pooler: Pooler, database: str, clock: SetClock) -> Iterator[OpenSqlLedger]:
    """Opens a ledger behind the pooler, for a workspace; all are closed afterwards."""
    opened: list[PostgresLedger] = []

    def open_one(workspace: str = "default") -> PostgresLedger:
        opened.append(PostgresLedger(pooler.url(database), workspace, clock, author=AUTHOR))
        return opened[-1]

    with open_one()._database.writing():
        pass
    trust_hosts(postgres, database)
    yield open_one
    for each in opened:
        each.close()


@pytest.mark.full
class TestLedgerBehindAPooler(SharedLedgerContract):
    """The contract, with the fixture of this module."""


@pytest.mark.full
class TestHistoryBehindAPooler(HistoryContract):
    """The contract, with the fixture of this module."""


def test_many_processes_share_few_sessions_and_one_of_them_gets_the_time(
    pooler: Pooler, database: str
) -> None:
    ledgers = [PostgresLedger(pooler.url(database), "default", SetClock()) for _ in range(24)]

    def hold(ledger: PostgresLedger) -> bool:
        try:
            ledger.hold(a_booking(), put=True)
        except ClaimsOverlap:
            return False
        return True

    with ThreadPoolExecutor(24) as pool:
        won = list(pool.map(hold, ledgers))

    assert won.count(True) == 1
    for each in ledgers:
        each.close()


def test_nothing_of_a_session_is_left_for_whoever_gets_it_next(
    postgres: Cluster, pooler: Pooler, database: str
) -> None:
    ledger = PostgresLedger(pooler.url(database), "default", SetClock())
    ledger.hold(a_booking(), put=True)
    ledger.close()

    in_public = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    assert (postgres.sql(in_public, database=database), postgres.sql(locks, database=database)) == ("0", "0")
    with psycopg.connect(pooler.url(database), autocommit=True, prepare_threshold=None) as next_one:
        assert next_one.execute("SHOW search_path").fetchone() == ('"$user", public',)
        assert next_one.execute("SHOW statement_timeout").fetchone() == ("0",)


@pytest.mark.full
def test_a_living_process_keeps_its_lease_and_that_of_a_killed_one_lapses(
    postgres: Cluster, pooler: Pooler, database: str
) -> None:
    ledger = PostgresLedger(pooler.url(database), "default", SetClock())
    ledger.hold(a_booking(), put=True)
    # A lease of two seconds, so that the test does not wait for twenty.
    postgres.sql(
        "CREATE OR REPLACE FUNCTION portalcal.lease_until(host_time bigint, length bigint) RETURNS bigint "
        "LANGUAGE sql STABLE AS 'SELECT CAST(floor(extract(epoch FROM statement_timestamp())) AS bigint) + 2'",
        database=database,
    )
    with subprocess.Popen(
        [sys.executable, "-c", _LEASING, pooler.url(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "1"
        ends = monotonic() + 4
        while monotonic() < ends:
            assert ledger.due(at("08:00"), most=20) == ()
            sleep(0.1)

        process.send_signal(signal.SIGKILL)
        process.wait()

        ends = monotonic() + 30
        while not (free := ledger.due(at("08:00"), most=20)):
            assert monotonic() < ends
            sleep(0.1)
    assert lease(ledger, free[0], now=at("08:00")) is not None
    ledger.close()


def test_the_clock_of_a_host_does_not_end_a_lease(pooler: Pooler, database: str) -> None:
    ledger = PostgresLedger(pooler.url(database), "default", SetClock())
    other = PostgresLedger(pooler.url(database), "default", SetClock())
    ledger.hold(a_booking(), put=True)
    (entry,) = ledger.due(at("08:00"), most=20)

    assert lease(ledger, entry, now=at("08:00")) is not None

    assert lease(other, entry, now=at("23:00")) is None
    ledger.close()
    assert lease(other, entry, now=at("08:00")) is not None
    other.close()


def test_sessions_of_the_pooler_work_as_well(postgres: Cluster, pgbouncer: None, database: str) -> None:
    with Pooler(postgres, mode="session") as pooler:
        ledger = PostgresLedger(pooler.url(database), "default", SetClock())

        held = ledger.hold(a_booking(), put=True)

        assert ledger.search(Search()) == (held,)
        ledger.close()


def test_pooling_by_the_statement_is_refused_with_what_to_set(
    postgres: Cluster, pgbouncer: None, database: str
) -> None:
    with Pooler(postgres, mode="statement") as pooler:
        ledger = PostgresLedger(pooler.url(database), "default", SetClock())

        with pytest.raises(LedgerUnusable) as caught:
            ledger.hold(a_booking(), put=True)

        ledger.close()
    assert caught.value.reason == (
        "its pooler hands out connections by the statement; set `pool_mode = transaction` there"
    )


def test_a_database_that_a_pooler_does_not_find_is_for_a_person(pooler: Pooler) -> None:
    ledger = PostgresLedger(pooler.url("no_such_database"), "default", SetClock())

    with pytest.raises(LedgerUnusable) as caught:
        ledger.search(Search())

    assert caught.value.reason.endswith('database "no_such_database" does not exist')
    ledger.close()
