"""`portalcal ledger`: where it is, all of it checked, copies of it."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from portalcal.adapters.ledger import sqlite_schema
from portalcal.adapters.ledger.sqlite import _schema_after
from portalcal.adapters.ledger.transfer import MADE_BY_TRIGGERS, TABLES
from portalcal.simulator.google import Simulator
from tests.cli.conftest import Ran, Shell
from tests.cli.status_failures import SAM, ledger_path

BOOK = ("book", "2026-11-24T10:00", *SAM)


@pytest.fixture
def booked(connected: Shell) -> Path:
    """A ledger with one booking."""
    assert connected.json(*BOOK).exit == 0
    return ledger_path(connected)


def test_where_it_is_and_what_it_is_kept_in(connected: Shell, booked: Path) -> None:
    result = connected.json("ledger").result

    assert result.pop("bytes") >= booked.stat().st_size
    assert result.pop("schema_version") >= 1
    assert result == {
        "location": str(booked), "database": "SQLite", "database_version": sqlite3.sqlite_version,
        "bookings": 1, "pooled": False,
    }  # fmt: skip


def test_looking_makes_no_ledger(connected: Shell) -> None:
    ran = connected("ledger")

    assert "there is no ledger yet, the first booking makes it" in ran.out
    assert not ledger_path(connected).exists()


def test_a_sound_ledger_is_said_to_be(connected: Shell, booked: Path) -> None:
    ran = connected("ledger", "--check")

    assert ran.exit == 0
    assert ran.out.splitlines()[0] == str(booked)
    assert ran.out.splitlines()[1].startswith("sound; 1 booking, ")


def damaged(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE totals SET bookings = 7")
        db.commit()


def test_a_count_that_is_wrong_is_found(connected: Shell, booked: Path) -> None:
    damaged(booked)

    ran = connected.json("ledger", "--check")

    assert (ran.exit, ran.error["code"], ran.error["details"]["fault"]) == (3, "ledger-unusable", "damaged")
    assert "the count of confirmed bookings is wrong" in ran.error["message"]


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("UPDATE offers SET created_at = 99999999999999", "offer "),
        ("UPDATE bookings SET guests = '[5' WHERE offer IS NULL", "booking "),
        (
            (
                "INSERT INTO history (workspace, booking, at, what, cause, actor, host, command, old, new) "
                "SELECT workspace, booking, at, what, cause, actor, host, command, old, '[' FROM history"
            ),
            "line ",
        ),
    ],
)
def test_what_another_command_could_not_read_is_found(
    connected: Shell, booked: Path, damage: str, named: str
) -> None:
    assert connected("offer", "2026-11-24T14:00", *SAM).exit == 0
    with closing(sqlite3.connect(booked)) as db:
        db.execute(damage)
        db.commit()

    error = connected.json("ledger", "--check").error

    assert (error["exit"], error["code"]) == (3, "ledger-unusable")
    assert f"it is damaged: {named}" in error["message"]


def test_a_backup_is_a_ledger_that_takes_the_place_of_a_lost_one(connected: Shell, booked: Path) -> None:
    copy = connected.folder / "copy.db"

    ran = connected.json("ledger", "--backup", str(copy))

    assert (ran.result["backup"], ran.result["backup_bytes"]) == (str(copy), copy.stat().st_size)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    for suffix in ("", "-wal", "-shm"):
        booked.with_name(f"{booked.name}{suffix}").unlink(missing_ok=True)
    copy.replace(booked)
    assert len(connected.json("bookings").result["bookings"]) == 1
    assert connected("ledger", "--check").exit == 0


@pytest.mark.parametrize("forbidding", [("--read-only",), ()])
def test_support_staff_may_back_up_what_they_must_not_change(
    connected: Shell, booked: Path, forbidding: tuple[str, ...]
) -> None:
    copy, before = connected.folder / "copy.db", booked.read_bytes()
    environ = {} if forbidding else {"PORTALCAL_READ_ONLY": "1"}

    ran = connected(*forbidding, "ledger", "--backup", str(copy), environ=environ)

    assert ran.exit == 0
    assert booked.read_bytes() == before
    copy.replace(booked)
    assert len(connected.json("bookings").result["bookings"]) == 1


def test_a_backup_takes_the_place_of_an_earlier_one_at_once(connected: Shell, booked: Path) -> None:
    copy = connected.folder / "copy.db"
    copy.write_bytes(b"an earlier one")

    assert connected("ledger", "--backup", str(copy)).exit == 0

    assert copy.read_bytes().startswith(b"SQLite format 3")
    assert [each.name for each in copy.parent.iterdir() if "copy" in each.name] == ["copy.db"]


def refused(ran: Ran, words: str) -> None:
    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert words in ran.error["message"]


def test_nothing_but_an_ordinary_file_is_written(connected: Shell, booked: Path) -> None:
    link = connected.folder / "link.db"
    link.symlink_to(booked)
    fifo = connected.folder / "fifo"
    os.mkfifo(fifo)

    refused(connected.json("ledger", "--backup", str(booked)), "is the ledger itself")
    refused(connected.json("ledger", "--backup", str(link)), "is the ledger itself")
    refused(connected.json("ledger", "--backup", str(fifo)), "is no ordinary file")
    refused(
        connected.json("ledger", "--backup", str(connected.folder / "no" / "copy.db")),
        "no such file or directory",
    )
    assert connected("ledger", "--check").exit == 0


def test_there_is_nothing_to_copy_before_the_first_booking(connected: Shell) -> None:
    refused(connected.json("ledger", "--backup", "copy.db"), "there is no ledger yet")


def test_a_file_has_no_roles(connected: Shell) -> None:
    refused(connected.json("ledger", "--grants", "reports"), "has no roles")


def test_one_thing_is_asked_at_a_time(connected: Shell) -> None:
    refused(connected.json("ledger", "--check", "--grants", "x"), "--check and --grants are two questions")


# --- moving -----------------------------------------------------------------------------------------------------


@pytest.fixture
def eventful(connected: Shell, google: Simulator) -> Shell:
    """A ledger with a booking in every state, one of them owed to Google, keys, history and a sync token."""
    cancelled = connected.json(*BOOK, "--key", "a").result["id"]
    assert connected.json("cancel", cancelled).exit == 0
    google.faults.add("events.insert: 400-invalid once")
    assert connected.json("book", "2026-11-24T11:00", *SAM, "--key", "b").exit == 5
    assert connected.json("book", "2026-11-24T11:00", *SAM, "--key", "b").exit == 0
    assert connected.json("sync").exit == 0
    google.faults.add("events.insert: 403-quotaExceeded once")
    assert connected.json("book", "2026-11-24T12:00", *SAM, "--key", "c").exit == 8
    return connected


def everything(shell: Shell) -> list[object]:
    states = ("held", "confirmed", "cancelling", "cancelled", "refused")
    bookings = shell.json(
        "bookings", "--from", "2020-01-01", *(word for state in states for word in ("--state", state))
    )
    return [bookings.result, shell.json("history").result]


def use(shell: Shell, url: str) -> None:
    shell.configure(f'[ledger]\nurl = "{url}"\n')


def test_everything_is_moved_and_the_old_ledger_says_where_it_went(eventful: Shell) -> None:
    before, new = everything(eventful), eventful.folder / "new.db"

    ran = eventful.json("ledger", "--copy-to", f"sqlite:///{new}")

    assert (ran.result["copied_to"], ran.result["bookings"], ran.result["owed"]) == (str(new), 4, 1)
    for command in (("bookings",), ("ledger",), BOOK):
        error = eventful.json(*command).error
        assert (error["code"], error["details"]["fault"]) == ("ledger-unusable", "moved")
        assert f"it was copied to {new}, which took its place" in error["message"]
        assert error["hint"] == "set url under [ledger] to that one"
    use(eventful, f"sqlite:///{new}")
    assert everything(eventful) == before
    assert eventful.json("book", "2026-11-24T11:00", *SAM, "--key", "b").result["replayed"] is True
    assert len(eventful.json("sync").result["delivered"]) == 1
    assert eventful("ledger", "--check").exit == 0


def test_numbers_are_not_given_out_again(eventful: Shell) -> None:
    cursors = [each["cursor"] for each in eventful.json("history").result["history"]]
    eventful.json("ledger", "--copy-to", "sqlite:///new.db")
    use(eventful, "sqlite:///new.db")

    eventful.json("book", "2026-11-24T15:00", *SAM)

    new = [
        each["cursor"] for each in eventful.json("history").result["history"] if each["cursor"] not in cursors
    ]
    assert new
    assert min(new) > max(cursors)


def test_a_copy_that_was_interrupted_before_the_old_ledger_was_marked_is_only_marked(eventful: Shell) -> None:
    old, new = ledger_path(eventful), eventful.folder / "new.db"
    assert eventful("ledger", "--backup", str(eventful.folder / "kept.db")).exit == 0
    assert eventful("ledger", "--copy-to", f"sqlite:///{new}").exit == 0
    for suffix in ("-wal", "-shm"):
        old.with_name(f"{old.name}{suffix}").unlink(missing_ok=True)
    (eventful.folder / "kept.db").replace(old)

    again = eventful.json("ledger", "--copy-to", f"sqlite:///{new}")

    assert again.result["bookings"] == 4
    assert eventful.json("bookings").error["details"]["fault"] == "moved"


def test_a_ledger_with_bookings_of_its_own_is_not_written_over(eventful: Shell) -> None:
    use(eventful, "sqlite:///other.db")
    assert eventful.json("book", "2026-11-25T10:00", *SAM).exit == 0
    use(eventful, "sqlite")
    before = everything(eventful)

    ran = eventful.json("ledger", "--copy-to", "sqlite:///other.db")

    assert (ran.exit, ran.error["details"]["fault"]) == (3, "occupied")
    assert "it holds bookings of its own, so nothing was copied" in ran.error["message"]
    assert everything(eventful) == before


def test_a_ledger_is_not_copied_onto_itself_nor_into_what_is_none(eventful: Shell) -> None:
    refused(eventful.json("ledger", "--copy-to", "sqlite"), "that is the ledger itself")
    refused(eventful.json("ledger", "--copy-to", "mysql://geheim@x/y"), "what is named as a ledger is none")
    assert "geheim" not in eventful("ledger", "--copy-to", "mysql://geheim@x/y").err


def test_every_table_is_copied_or_made_from_one_that_is() -> None:
    created = {name for kind, name in _schema_after(sqlite_schema.MIGRATIONS) if kind == "table"}

    assert created <= {*TABLES, *MADE_BY_TRIGGERS}
