"""A PostgreSQL standby: read but not written, shown by `status`, and gone over to once it has taken over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest

from portalcal.adapters.ledger.postgres import PostgresDatabase, PostgresLedger
from portalcal.ports import Search
from portalcal.simulator.google import Simulator
from tests.builders import SetClock, a_booking
from tests.cli.conftest import NOW, Shell
from tests.real.postgres_cluster import Cluster, Pooler, cluster, programs

pytestmark = [pytest.mark.real, pytest.mark.full]

SAM = ("--name", "Sam", "--email", "sam@example.com")


@pytest.fixture
def primary() -> Iterator[Cluster]:
    """A server of its own, since it is stopped for good."""
    if programs() is None:
        pytest.skip("apt-get install postgresql")
    with cluster() as made:
        yield made


@pytest.fixture
def standby(primary: Cluster) -> Iterator[Cluster]:
    with primary.standby() as made:
        yield made


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with Simulator(now=NOW) as google:
        yield Shell(google, tmp_path / "portalcal")


def use(shell: Shell, url: str) -> None:
    shell.configure(f'[ledger]\nurl = "{url}"\n')


def ledger_check(shell: Shell) -> dict[str, str]:
    """What `status --json` finds of the ledger."""
    checks: list[dict[str, str]] = shell.json("status", "--offline").result["checks"]
    return next(each for each in checks if each["name"] == "ledger.file")


def wait_until_replayed(primary: Cluster, standby: Cluster) -> None:
    written = primary.sql("SELECT pg_current_wal_lsn()")
    ends = monotonic() + 60
    while standby.sql(f"SELECT pg_last_wal_replay_lsn() >= '{written}'") != "t":
        assert monotonic() < ends
        sleep(0.05)


def test_bookings_go_on_where_a_standby_has_taken_over(
    primary: Cluster, standby: Cluster, shell: Shell
) -> None:
    database = primary.new_database()
    use(shell, primary.url(database).replace(str(primary.folder), f"{primary.folder},{standby.folder}"))
    shell.connect()
    shell.json("book", "2026-11-24 10:00", *SAM)
    wait_until_replayed(primary, standby)
    primary.stop()

    meanwhile = shell.json("book", "2026-11-24 11:00", *SAM)
    standby.sql("SELECT pg_promote()")
    afterwards = shell.json("book", "2026-11-24 11:00", *SAM)

    assert (meanwhile.exit, meanwhile.error["code"], meanwhile.error["retryable"]) == (7, "ledger-busy", True)
    assert meanwhile.error["message"].endswith(
        "of its servers none can be written at the moment, as while a standby takes over. Nothing was booked."
    )
    assert afterwards.result["state"] == "confirmed"
    assert len(shell.json("bookings").result["bookings"]) == 2


def test_a_connection_that_is_open_goes_over_to_the_server_that_took_over(
    primary: Cluster, standby: Cluster
) -> None:
    url = primary.url(primary.new_database()).replace(
        str(primary.folder), f"{primary.folder},{standby.folder}"
    )
    ledger = PostgresLedger(url, "default", SetClock())
    held = ledger.hold(a_booking(), put=True)
    wait_until_replayed(primary, standby)
    primary.stop()
    standby.sql("SELECT pg_promote()")

    later = ledger.hold(a_booking("12:00-12:30"), put=True)

    assert ledger.search(Search()) == (held, later)
    ledger.close()


def test_status_shows_that_the_server_is_a_standby_and_what_to_do(
    primary: Cluster, standby: Cluster, shell: Shell
) -> None:
    database = primary.new_database()
    use(shell, primary.url(database))
    shell.connect()
    shell("book", "2026-11-24 10:00", *SAM)
    wait_until_replayed(primary, standby)
    use(shell, standby.url(database))

    check, refused = ledger_check(shell), shell.json("book", "2026-11-24 11:00", *SAM)

    assert check["state"] == "fail"
    assert (
        "its server is a standby, which cannot be written until it takes over; its newest change is "
        in (check["detail"])
    )
    assert check["hint"].startswith("name the primary under [ledger], or all its servers")
    assert (refused.exit, refused.error["code"]) == (7, "ledger-busy")
    assert len(shell.json("bookings").result["bookings"]) == 1
    assert shell.json("ledger", "--check").error["details"]["fault"] == "standby"


def test_status_shows_the_pooler_and_how_far_the_standby_is_behind(
    primary: Cluster, standby: Cluster, pgbouncer: None, shell: Shell
) -> None:
    primary.sql("GRANT pg_monitor TO portal")
    database = primary.new_database()
    with Pooler(primary, mode="transaction") as pooler:
        use(shell, pooler.url(database))
        shell.connect()
        shell("book", "2026-11-24 10:00", *SAM)

        check = ledger_check(shell)

    version = primary.sql("SHOW server_version").partition(" ")[0]
    assert check["detail"].startswith(
        f"sound, 1 live booking; PostgreSQL {version} behind a pooler, its standby "
    )
    assert check["detail"].endswith(" behind")


def test_a_standby_that_replays_late_is_shown_with_its_lag(primary: Cluster, standby: Cluster) -> None:
    """Its replay is paused, so that its newest change grows old."""
    database = primary.new_database()
    with closing(PostgresLedger(primary.url(database), "default", SetClock())) as ledger:
        ledger.hold(a_booking(), put=True)
    wait_until_replayed(primary, standby)
    standby.sql("SELECT pg_wal_replay_pause()")
    with closing(PostgresDatabase(standby.url(database), "default")) as behind:
        first, second = behind.server(), behind.server()

    assert first.is_standby
    assert first.lag is not None
    assert second.lag is not None
    assert timedelta(0) <= first.lag < second.lag
