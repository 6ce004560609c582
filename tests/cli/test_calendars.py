"""Choosing calendars."""

from __future__ import annotations

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Shell


@pytest.fixture(autouse=True)
def _calendars(google: Simulator) -> None:
    google.add_calendar("team@example.com", summary="Team", role="reader")
    google.add_calendar("side@example.com", summary="Side", role="owner")
    google.add_calendar("old@example.com", summary="Old", role="reader", hidden=True)


def uses(shell: Shell, *arguments: str) -> dict[str, str]:
    listed = shell.json("calendars", *arguments).result["calendars"]
    return {each["id"]: each["use"] for each in listed}


def test_the_primary_calendar_is_chosen_at_first_and_hidden_ones_are_left_out(connected: Shell) -> None:
    assert uses(connected) == {ANA: "both", "team@example.com": None, "side@example.com": None}


def test_listing_takes_one_request(connected: Shell, google: Simulator) -> None:
    uses(connected)

    assert [each.operation for each in google.requests] == ["calendarList.list"]


def test_all_shows_hidden_ones(connected: Shell) -> None:
    assert "old@example.com" in uses(connected, "--all")


def test_calendars_are_selected_by_name_and_stay_so(connected: Shell) -> None:
    uses(connected, "--select", "team", "--book-into", "side@example.com")

    assert uses(connected) == {
        ANA: "conflicts",
        "team@example.com": "conflicts",
        "side@example.com": "booking",
    }


def test_a_selected_calendar_counts(connected: Shell, google: Simulator) -> None:
    google.add_event("team@example.com", "2026-11-24T09:00:00Z", "2026-11-24T17:00:00Z", "Fair")
    before = connected.json("availability", "2026-11-24", "--days", "1").result["days"][0]["slots"]

    uses(connected, "--select", "Team")

    after = connected.json("availability", "2026-11-24", "--days", "1").result["days"][0]["slots"]
    assert (len(before), len(after)) == (16, 0)


def test_a_calendar_that_is_not_owned_cannot_receive_bookings(connected: Shell) -> None:
    ran = connected.json("calendars", "--book-into", "Team")

    assert (ran.exit, ran.error["code"]) == (3, "calendar-not-writable")
    assert uses(connected)[ANA] == "both"


def test_the_last_calendar_cannot_be_left_out(connected: Shell) -> None:
    ran = connected.json("calendars", "--deselect", "primary")

    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert uses(connected)[ANA] == "both"


def test_one_calendar_can_take_the_place_of_another(connected: Shell) -> None:
    assert uses(connected, "--select", "Side", "--deselect", "primary")[ANA] == "booking"


def test_an_unknown_calendar_offers_the_nearest(connected: Shell) -> None:
    ran = connected.json("calendars", "--select", "teem")

    assert (ran.exit, ran.error["code"]) == (6, "calendar-not-found")
    assert "did you mean Team?" in ran.error["message"]


def test_a_name_that_two_calendars_have_is_refused(connected: Shell, google: Simulator) -> None:
    google.add_calendar("team2@example.com", summary="Team", role="reader")

    ran = connected.json("calendars", "--select", "Team")

    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert "team2@example.com, team@example.com" in ran.error["message"]


def test_a_selection_pinned_in_the_configuration_is_left_alone(connected: Shell) -> None:
    connected.configure('[calendars]\nconflicts = ["team@example.com"]\n')

    ran = connected.json("calendars", "--select", "Side")

    assert (ran.exit, ran.error["code"]) == (3, "config-invalid")
    assert "line 12, calendars.conflicts: pinned here" in ran.error["message"]
    assert uses(connected)["team@example.com"] == "conflicts"


def test_nothing_connected_is_an_error(portalcal: Shell) -> None:
    ran = portalcal.json("calendars")

    assert (ran.exit, ran.error["code"]) == (4, "not-connected")
