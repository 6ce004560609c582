"""Commands whose ledger is on a real PostgreSQL server, as a person and a support desk meet them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import NOW, Ran, Shell
from tests.real.postgres_cluster import Cluster, Pooler

pytestmark = pytest.mark.real

SAM = ("--name", "Sam", "--email", "sam@example.com")


@pytest.fixture
def google() -> Iterator[Simulator]:
    with Simulator(now=NOW) as simulator:
        yield simulator


@pytest.fixture
def shell(google: Simulator, postgres: Cluster, tmp_path: Path) -> Shell:
    made = Shell(google, tmp_path / "portalcal")
    made.configure(f'[ledger]\nurl = "{postgres.url(postgres.new_database())}"\n')
    made.connect()
    return made


def check(ran: Ran, name: str) -> dict[str, str]:
    """One check of `status --json`."""
    checks: list[dict[str, str]] = ran.result["checks"]
    return next(each for each in checks if each["name"] == name)


def test_a_meeting_is_booked_moved_and_cancelled(shell: Shell) -> None:
    booked = shell.json("book", "2026-11-24 10:00", *SAM, "--key", "k").result["id"]
    again = shell.json("book", "2026-11-24 10:00", *SAM, "--key", "k").result["id"]
    shell.json("reschedule", booked, "2026-11-24 14:00")

    assert again == booked
    assert shell.json("book", "2026-11-24 14:00", *SAM, "--force").error["code"] == "slot-taken"
    assert shell("cancel", booked).exit == 0
    assert shell("sync").exit == 0
    assert [each["state"] for each in shell.json("bookings", booked).result["bookings"]] == ["cancelled"]


def test_status_finds_the_ledger_sound_and_tells_no_password(shell: Shell) -> None:
    shell("book", "2026-11-24 10:00", *SAM)
    report = shell.folder / "report.txt"

    ran = shell.json("status", "--report", str(report))

    version = shell.json("ledger").result["database_version"]
    assert check(ran, "ledger.file") | {"millis": 0} == check(ran, "ledger.file") | {
        "millis": 0, "state": "ok", "detail": f"sound, 1 live booking; PostgreSQL {version}",
    }  # fmt: skip
    assert "postgresql://(secret)@/" in report.read_text()
    assert "geheim" not in report.read_text() + ran.out


@pytest.mark.full
def test_a_booking_takes_five_transactions_and_twenty_messages(
    google: Simulator, postgres: Cluster, pgbouncer: None, tmp_path: Path
) -> None:
    """As a pooler counts them, beside which a command's own count could be wrong."""
    database = postgres.new_database()
    shell = Shell(google, tmp_path / "portalcal")
    with Pooler(postgres, mode="transaction") as pooler:
        shell.configure(f'[ledger]\nurl = "{pooler.url(database)}"\n')
        shell.connect()
        shell.json("book", "2026-11-24 10:00", *SAM)
        before = pooler.traffic(database)

        booked = shell.json("book", "2026-11-24 11:00", *SAM, "--key", "k")

        sent = pooler.traffic(database) - before
    assert booked.result["state"] == "confirmed"
    assert sent.transactions <= 5
    assert sent.messages <= 20


@pytest.mark.parametrize("command", [("book", "2026-11-24 10:00", *SAM), ("bookings",), ("sync",)])
def test_a_server_that_lets_nobody_in_is_told_without_the_password(
    shell: Shell, command: tuple[str, ...]
) -> None:
    config = Path(shell.environ["PORTALCAL_CONFIG"])
    config.write_text(config.read_text().replace("geheim@", "geheimnis@"))

    ran = shell("--verbose", *command)

    assert ran.exit == 3
    assert 'cannot be used: password authentication failed for user "portal". ' in ran.err
    assert "geheim" not in ran.out + ran.err
    found = check(shell.json("status", "--offline"), "ledger.file")
    assert found["state"] == "fail"
    assert "under [ledger] opens it" in found["hint"]


def test_another_role_books_once_the_statements_of_grants_were_run(
    shell: Shell, postgres: Cluster, tmp_path: Path
) -> None:
    booked = shell.json("book", "2026-11-24 10:00", *SAM).result["id"]
    config = Path(shell.environ["PORTALCAL_CONFIG"])
    database = config.read_text().partition("@/")[2].partition("?")[0]
    name = f'desk-{database}"'
    quoted = name.replace('"', '""')
    postgres.sql(f"CREATE ROLE \"{quoted}\" LOGIN PASSWORD 'geheim'")
    statements = shell("ledger", "--grants", name).out
    text = config.read_text()
    config.write_text(text.replace("portal:geheim@", f"{name.replace(chr(34), '%22')}:geheim@"))
    before = shell.json("bookings")

    # As the owner, who is not the superuser.
    postgres.sql(f"SET ROLE portal; {statements}", database=database)

    assert (before.exit, before.error["details"]["fault"]) == (3, "rights")
    assert shell.json("book", "2026-11-24 11:00", *SAM).result["state"] == "confirmed"
    assert shell.json("cancel", booked).exit == 0
    assert shell.json("ledger", "--check").result["bookings"] == 2


def test_the_ledger_on_a_server_is_described(shell: Shell) -> None:
    shell("book", "2026-11-24 10:00", *SAM)

    result = shell.json("ledger").result

    assert (result["database"], result["bookings"], result["pooled"]) == ("PostgreSQL", 1, False)
    assert result["location"].startswith("postgresql:///")
    assert shell.json("ledger", "--backup", "x").exit == 2


def test_a_ledger_moves_from_a_file_to_a_server_and_back(
    google: Simulator, postgres: Cluster, tmp_path: Path
) -> None:
    shell = Shell(google, tmp_path / "portalcal")
    shell.configure()
    shell.connect()
    cancelled = shell.json("book", "2026-11-24 10:00", *SAM, "--key", "a").result["id"]
    shell("cancel", cancelled)
    shell("book", "2026-11-24 10:00", *SAM, "--key", "b")
    google.faults.add("events.insert: 403-quotaExceeded once")
    assert shell("book", "2026-11-24 11:00", *SAM, "--key", "c").exit == 8
    history, url = shell.json("history").result, postgres.url(postgres.new_database())

    there = shell.json("ledger", "--copy-to", url)
    shell.configure(f'[ledger]\nurl = "{url}"\n')
    kept = shell.json("history").result
    delivered = shell.json("sync").result["delivered"]
    back = shell.json("ledger", "--copy-to", "sqlite:///back.db")
    moved = shell.json("book", "2026-11-24 12:00", *SAM)
    shell.configure('[ledger]\nurl = "sqlite:///back.db"\n')

    assert (there.result["bookings"], there.result["owed"], "geheim" in there.out) == (3, 1, False)
    assert (kept, len(delivered)) == (history, 1)
    assert (back.result["bookings"], back.result["owed"]) == (3, 0)
    assert (moved.exit, moved.error["details"]["fault"]) == (3, "moved")
    assert shell.json("book", "2026-11-24 11:00", *SAM, "--key", "c").result["replayed"] is True
    assert shell.json("ledger", "--check").exit == 0
