"""A booking whose calendar was deleted or is no longer shared, and one that is only out of sight for a moment."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Ran, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
TEN, ELEVEN = "2026-11-24T10:00", "2026-11-24T11:00"
TEAM = "team@example.com"


def unshare(google: Simulator) -> None:
    google.share(TEAM, ANA, role=None)


def delete(google: Simulator) -> None:
    google.model.unsubscribe(google.model.users[ANA], TEAM)
    del google.model.calendars[TEAM]


LOSSES = pytest.mark.parametrize("lose", [unshare, delete])
Lose = Callable[[Simulator], None]


@pytest.fixture
def team(connected: Shell, google: Simulator) -> Shell:
    """A machine that books into a secondary calendar."""
    google.add_calendar(TEAM, summary="Team", owner="lee@example.com", shared_with={ANA: "owner"})
    assert connected.json("calendars", "--book-into", TEAM).exit == 0
    return connected


def booked(shell: Shell, start: str = TEN) -> str:
    identifier: str = shell.json("book", start, *SAM).result["id"]
    shell.google.clock.advance(seconds=60)
    return identifier


def state(shell: Shell, identifier: str) -> str:
    found: str = shell.json("bookings", identifier).result["bookings"][0]["state"]
    return found


def owed(shell: Shell) -> int:
    ledger = shell.ledger()
    try:
        return len(ledger.owed())
    finally:
        ledger.close()


@LOSSES
def test_a_booking_of_a_lost_calendar_can_be_ended_and_says_what_is_left_where(
    team: Shell, google: Simulator, lose: Lose
) -> None:
    on_paper, in_json = booked(team), booked(team, ELEVEN)
    lose(google)

    ran, told = team("cancel", on_paper), team.json("cancel", in_json)

    assert ran.exit == told.exit == 0
    assert "team@example.com is deleted, or no longer shared with ana@example.com" in ran.err
    assert "its event at Tue 24 Nov, 10:00-10:30 (London) was left on team@example.com" in " ".join(
        ran.err.split()
    )
    assert ran.out.startswith("Cancelled\n")
    assert (told.result["state"], told.result["already"], told.result["notified"]) == (
        "cancelled",
        False,
        None,
    )
    assert told.warnings == ["event-left"]
    assert (state(team, on_paper), owed(team)) == ("cancelled", 0)


@LOSSES
def test_a_removal_that_was_owed_ends_with_the_next_delivery(
    team: Shell, google: Simulator, lose: Lose
) -> None:
    identifier = booked(team)
    google.faults.add("events.delete: 403-quotaExceeded once")
    assert team.json("cancel", identifier).exit == 8
    lose(google)

    ran = team.json("sync")

    assert (ran.exit, ran.result["refused"], ran.result["still_owed"]) == (0, [identifier], [])
    assert "event-left" in ran.warnings
    assert state(team, identifier) == "cancelled"


@LOSSES
def test_a_booking_of_a_lost_calendar_cannot_be_moved(team: Shell, google: Simulator, lose: Lose) -> None:
    identifier = booked(team)
    lose(google)

    error = team.json("reschedule", identifier, ELEVEN).error

    assert (error["exit"], error["code"]) == (3, "calendar-lost")
    assert error["message"].endswith("The booking stays where it was.")
    assert error["hint"].endswith(f"or end the booking with `portalcal cancel {identifier[:8]}`")
    assert owed(team) == 0
    assert team.json("cancel", identifier).result["state"] == "cancelled"


@LOSSES
def test_a_move_whose_reply_was_lost_before_the_calendar_was_ends_too(
    team: Shell, google: Simulator, lose: Lose
) -> None:
    identifier = booked(team)
    google.faults.add("events.patch: lost-reply once")
    google.faults.add("events.get: 403-quotaExceeded once")
    assert team.json("reschedule", identifier, ELEVEN).exit == 8
    lose(google)

    ran = team.json("sync")

    assert (ran.result["refused"], ran.result["still_owed"]) == ([identifier], [])
    assert "booking-not-moved" in ran.warnings
    assert state(team, identifier) == "confirmed"


@LOSSES
@pytest.mark.parametrize("pins", [False, True])
def test_nothing_is_booked_into_a_lost_calendar(
    team: Shell, google: Simulator, lose: Lose, pins: bool
) -> None:
    if pins:
        team.configure(f'[calendars]\nconflicts = ["primary"]\nbooking = "{TEAM}"\n')
    lose(google)

    error = team.json("book", TEN, *SAM).error

    assert (error["exit"], error["code"]) == (3, "calendar-lost")
    assert error["message"].endswith("Nothing was booked.")
    assert ("`portalcal calendars --book-into" in error["hint"]) is not pins
    assert team.json("bookings").result["bookings"] == []


def test_a_calendar_that_may_only_be_read_now_is_no_hindrance_to_cancelling(
    team: Shell, google: Simulator
) -> None:
    identifier = booked(team)
    google.share(TEAM, ANA, role="reader")

    ran = team.json("cancel", identifier)

    assert (ran.exit, ran.result["state"], ran.warnings) == (0, "cancelled", ["event-left"])
    assert (len(google.events(TEAM)), owed(team)) == (1, 0)


@pytest.mark.parametrize("operation", ["events.delete", "events.list"])
def test_a_removal_that_meets_not_found_for_a_moment_loses_nothing(
    team: Shell, google: Simulator, operation: str
) -> None:
    identifier = booked(team)
    google.faults.add("events.delete: 404 once")
    if operation == "events.list":
        google.faults.add("events.list: 404 once")

    ran = team.json("cancel", identifier)
    team.json("sync")

    assert ran.exit == (8 if operation == "events.list" else 0)
    assert (state(team, identifier), google.events(TEAM)) == ("cancelled", [])


@pytest.mark.parametrize("operation", ["events.insert", "events.list"])
def test_a_booking_that_meets_not_found_for_a_moment_is_held(
    team: Shell, google: Simulator, operation: str
) -> None:
    google.faults.add(f"{operation}: 404 once")

    ran: Ran = team.json("book", TEN, *SAM)
    team.json("sync")

    assert (ran.exit, ran.result["state"]) == (8, "held")
    assert state(team, ran.result["id"]) == "confirmed"
    assert len(google.events(TEAM)) == 1


def test_a_list_that_cannot_be_read_proves_nothing(team: Shell, google: Simulator) -> None:
    identifier = booked(team)
    unshare(google)
    google.faults.add("calendarList.list: 403-quotaExceeded once")

    first = team.json("cancel", identifier)
    second = team.json("cancel", identifier)

    assert (first.exit, first.result["state"]) == (8, "cancelling")
    assert (second.exit, second.result["state"]) == (0, "cancelled")


def test_an_event_that_was_dragged_away_before_the_calendar_was_lost_is_removed(
    team: Shell, google: Simulator
) -> None:
    identifier = booked(team)
    event = google.events(TEAM)[0]
    google.model.put(google.calendar("primary"), event)
    delete(google)

    ran = team.json("cancel", identifier)

    assert (ran.exit, ran.warnings, google.events()) == (0, [], [])
