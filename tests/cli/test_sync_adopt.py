"""A ledger that lost its tail: events of ours without a booking are reported, and taken back when that is asked for."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Ran, Shell
from tests.cli.status_failures import ledger_path
from tests.cli.test_sync import SAM, booked, change, event_of, shown


def lose_what_follows(shell: Shell) -> Path:
    """Back the ledger up, which `restore` puts into its place."""
    copy = shell.folder / "backup.db"
    assert shell("ledger", "--backup", str(copy)).exit == 0
    return copy


def restore(shell: Shell, copy: Path) -> None:
    """Put a backup into the place of the ledger."""
    ledger = ledger_path(shell)
    for suffix in ("", "-wal", "-shm"):
        ledger.with_name(f"{ledger.name}{suffix}").unlink(missing_ok=True)
    copy.replace(ledger)


def found(ran: Ran) -> tuple[list[str], list[str]]:
    """The bookings that only the calendar has, and those that were taken back."""
    return ran.result["unknown"], ran.result["adopted"]


@pytest.fixture
def lost(connected: Shell) -> str:
    """The id of a booking that the ledger lost, while it has one from before and its sync token."""
    booked(connected, "2026-11-25T10:00")
    assert connected("sync").exit == 0
    copy = lose_what_follows(connected)
    more = ("--guest", "kim@example.com", "--location", "Room 4", "--title", "Interview")
    identifier = booked(connected, "2026-11-24T10:00", *more)
    restore(connected, copy)
    return identifier


def test_an_event_whose_booking_the_ledger_lost_is_reported(connected: Shell, lost: str) -> None:
    ran = connected.json("sync")

    assert (ran.exit, ran.warnings, found(ran)) == (0, ["event-unknown"], ([lost], []))
    assert connected.json("bookings", lost).error["code"] == "booking-not-found"


def test_a_person_is_told_how_to_get_it_back(connected: Shell, lost: str) -> None:
    ran = connected("sync")

    assert ran.out == f"Brought in line\n\n  in the calendar alone   {lost[:8]}\n"
    assert ran.err == (
        "warning: 1 event of ours in ana@example.com has no booking here: this ledger lost it, or another one "
        "made it; what was lost is taken back by `portalcal sync --adopt`\n"
    )


def test_it_is_taken_back_as_it_stands_in_the_calendar(
    connected: Shell, google: Simulator, lost: str
) -> None:
    connected.json("sync")
    event = event_of(google, lost)

    ran = connected.json("sync", "--adopt")

    assert (ran.exit, ran.warnings, found(ran)) == (0, [], ([], [lost]))
    booking = shown(connected, lost)
    assert (booking["state"], booking["start"], booking["end"]) == (
        "confirmed", "2026-11-24T10:00:00+00:00", "2026-11-24T10:30:00+00:00",
    )  # fmt: skip
    assert (booking["guest"], booking["guests"]) == (
        {"name": "Sam Lee", "email": "sam@example.com"},
        ["kim@example.com"],
    )
    assert (booking["title"], booking["location"]) == ("Interview", "Room 4")
    assert (booking["calendar"], booking["event_id"]) == (ANA, event["id"])
    (line,) = connected.json("history", "--booking", lost).result["history"]
    assert (line["what"], line["command"]) == ("confirmed", "sync")


def test_what_was_taken_back_holds_its_time_and_is_a_booking_like_others(
    connected: Shell, google: Simulator, lost: str
) -> None:
    connected.json("sync", "--adopt")

    assert connected.json("book", "2026-11-24T10:00", *SAM, "--force").error["code"] == "slot-taken"
    again = connected.json("sync", "--adopt")
    assert (again.warnings, found(again)) == ([], ([], []))
    assert connected.json("cancel", lost).result["state"] == "cancelled"
    assert [each["id"] for each in google.events() if lost in str(each)] == []


def test_a_dry_run_takes_nothing_back(connected: Shell, lost: str) -> None:
    ran = connected.json("sync", "--adopt", "--dry-run")

    assert found(ran) == ([], [lost])
    assert connected.json("bookings", lost).error["code"] == "booking-not-found"


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
def test_a_time_that_was_booked_meanwhile_is_not_held_twice(
    connected: Shell, google: Simulator, lost: str, dry_run: tuple[str, ...]
) -> None:
    change(
        google,
        lost,
        start={"dateTime": "2026-11-25T10:15:00Z"},
        end={"dateTime": "2026-11-25T10:45:00Z"},
    )

    ran = connected.json("sync", "--adopt", *dry_run)

    assert (ran.exit, ran.warnings, found(ran)) == (0, ["event-not-adopted"], ([lost], []))
    assert connected.json("bookings", lost).error["code"] == "booking-not-found"


def test_an_event_that_invites_nobody_is_no_booking(connected: Shell, google: Simulator, lost: str) -> None:
    change(google, lost, attendees=[])

    ran = connected("sync", "--adopt")

    assert ran.exit == 0
    assert "10:00-10:30 (London) in ana@example.com is not taken back: it names no guest" in " ".join(
        ran.err.split()
    )


def test_who_takes_part_is_claimed_again(connected: Shell, google: Simulator) -> None:
    google.add_calendar("kim@example.com", role="freeBusyReader")
    connected.configure('[people.kim]\nemail = "kim@example.com"\n')
    booked(connected, "2026-11-25T10:00")
    copy = lose_what_follows(connected)
    identifier = booked(
        connected, "2026-11-24T10:00", "--with", "kim", "--guest", "lee@example.com", "--force"
    )
    restore(connected, copy)

    assert found(connected.json("sync", "--adopt")) == ([], [identifier])

    (booking,) = connected.json("bookings", "--with", "kim").result["bookings"]
    assert (booking["id"], booking["guests"]) == (identifier, ["lee@example.com"])
    with closing(connected.ledger()) as ledger:
        assert ledger.get(UUID(identifier)).claimants == ("workspace:default", "kim@example.com")


def test_bookings_of_another_workspace_in_the_same_calendar_are_no_losses(
    connected: Shell, google: Simulator
) -> None:
    connected.configure("[workspace.sales]\n")
    token = {"PORTALCAL_REFRESH_TOKEN": str(google.issue_token().refresh_token)}
    made = connected("--workspace", "sales", "book", "2026-11-24T10:00", *SAM, environ=token)
    assert made.exit == 0

    ran = connected.json("sync")

    assert (ran.warnings, found(ran)) == ([], ([], []))


def test_a_copy_that_somebody_made_of_an_event_is_no_loss(
    connected: Shell, google: Simulator, lost: str
) -> None:
    marks = {"private": {"portalcal": str(uuid4())}}
    copy = event_of(google, lost) | {"id": "copy0123456789", "extendedProperties": marks}
    google.model.put(google.calendar("primary"), copy)

    assert found(connected.json("sync")) == ([lost], [])


def test_adopting_is_not_for_what_runs_by_itself(connected: Shell) -> None:
    assert connected("sync", "--adopt", "--print-unit", "cron").exit == 2
