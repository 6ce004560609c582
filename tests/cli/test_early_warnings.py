"""Any command that notices a dying or a dead connection says so in one line, with the command that mends it."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from portalcal.core.zone_rules import ZoneDatabase, ZoneRules
from portalcal.simulator.google import Simulator
from tests.builders import a_booking
from tests.cli.conftest import NEW_RULES, Ran, Shell
from tests.cli.hints import assert_can_be_run
from tests.cli.status_failures import SAM, booked, in_testing_before, overdue, revoked

TOMORROW = "2026-11-24T10:00"


def warnings(ran: Ran) -> dict[str, str]:
    """The warnings of a `--json` command that succeeded, by code; each can be acted on."""
    told = {each["code"]: each["message"] for each in json.loads(ran.out)["warnings"]}
    for each in told.values():
        assert_can_be_run(each)
    return told


@pytest.mark.parametrize(
    "command",
    [("availability",), ("calendars",), ("bookings",), ("availability", "--explain", "tomorrow 10:00")],
)
def test_a_grant_that_is_about_to_end_is_told_by_every_command(
    connected: Shell, google: Simulator, command: tuple[str, ...]
) -> None:
    in_testing_before(connected, google)

    ran = connected.json(*command)

    assert ran.exit == 0
    assert warnings(ran)["grant-ending"] == (
        "the connection of ana@example.com ends in 2 days, as the one before did after 7 days; "
        "renew it with `portalcal connect --force`"
    )


def test_a_person_reads_it_as_one_line_on_stderr(connected: Shell, google: Simulator) -> None:
    in_testing_before(connected, google)

    ran = connected("bookings")

    (line,) = ran.err.splitlines()
    assert line.startswith("warning: the connection of ana@example.com ends in 2 days")


def test_a_grant_of_which_nothing_bad_is_known_is_no_matter_for_a_warning(
    connected: Shell, google: Simulator
) -> None:
    google.clock.advance(days=6)

    assert warnings(connected.json("availability")) == {}


QUERIES = [
    ("availability",),
    ("availability", "--explain", "tomorrow 10:00"),
    ("calendars",),
    ("bookings",),
]


@pytest.mark.parametrize("command", QUERIES)
def test_a_query_delivers_nothing_and_warns_of_what_is_owed(
    connected: Shell, google: Simulator, command: tuple[str, ...]
) -> None:
    overdue(connected, google)
    google.forget_requests()

    told = warnings(connected.json(*command))["errands-overdue"]

    assert told.startswith(
        "Google was not told of 1 booking yet: a usage limit of Google Calendar is used up"
    )
    assert told.endswith("deliver with `portalcal sync`")
    assert (google.events(), google.outbox) == ([], [])
    assert google.count("events.insert") == google.count("events.get") == 0


def test_status_delivers_nothing_and_names_the_command_that_does(connected: Shell, google: Simulator) -> None:
    overdue(connected, google)
    google.forget_requests()

    checks = {each["name"]: each for each in connected.json("status").result["checks"]}

    assert "portalcal sync" in checks["ledger.pending"]["hint"]
    assert (google.events(), google.outbox) == ([], [])


@pytest.mark.parametrize("command", QUERIES)
def test_a_query_leaves_the_ledger_as_it_was(
    connected: Shell, google: Simulator, command: tuple[str, ...]
) -> None:
    overdue(connected, google)
    before = owed(connected)

    assert connected.json(*command).exit == 0

    assert owed(connected) == before


def owed(shell: Shell) -> object:
    ledger = shell.ledger()
    try:
        return ledger.owed()
    finally:
        ledger.close()


def test_what_only_just_failed_is_told_by_a_query_but_not_twice_by_a_command_that_delivers(
    connected: Shell, google: Simulator
) -> None:
    google.faults.add("events.insert: 403-quotaExceeded")
    assert connected.json("book", TOMORROW, *SAM).exit == 8

    assert set(warnings(connected.json("bookings"))) == {"errands-overdue"}
    assert set(warnings(connected.json("book", "2026-11-24T11:00", *SAM))) == {"google-not-told"}


def test_what_a_killed_process_left_is_told_by_a_query(connected: Shell) -> None:
    ledger = connected.ledger()
    ledger.hold(a_booking(calendar="ana@example.com"), put=True)
    ledger.close()

    told = warnings(connected.json("availability"))["errands-overdue"]

    assert told == "Google was not told of 1 booking yet; deliver with `portalcal sync`"


def test_a_warning_calls_portalcal_as_it_was_called(connected: Shell, google: Simulator) -> None:
    connected.environ["PORTALCAL_WORKSPACE"] = "sales"
    connected.connect()
    in_testing_before(connected, google)
    del connected.environ["PORTALCAL_WORKSPACE"]

    told = warnings(connected("--workspace", "sales", "bookings", "--json"))

    assert "`portalcal --workspace sales connect --force`" in told["grant-ending"]


def test_a_cancellation_that_meets_a_dead_connection_says_how_to_mend_it(
    connected: Shell, google: Simulator
) -> None:
    booked(connected, google)
    revoked(connected, google)
    google.clock.advance(hours=2)
    booking = connected.json("bookings").result["bookings"][0]["id"]

    ran = connected.json("cancel", booking)

    assert ran.exit == 8
    assert "run `portalcal connect` to connect again" in warnings(ran)["google-not-told"]


@pytest.mark.parametrize("command", [("availability",), ("calendars",), ("book", TOMORROW, *SAM)])
def test_a_dead_connection_ends_a_command_with_the_one_that_mends_it(
    connected: Shell, google: Simulator, command: tuple[str, ...]
) -> None:
    revoked(connected, google)
    google.clock.advance(timedelta(hours=2))

    error = connected.json(*command).error

    assert (error["exit"], error["code"]) == (4, "grant-revoked")
    assert error["hint"].startswith("run `portalcal connect`")


def test_zone_rules_that_are_over_a_year_old_are_warned_of_connected_or_not(connected: Shell) -> None:
    connected.zone_rules = ZoneRules(ZoneDatabase("/zones", "2025b", date(2025, 8, 24)))

    first = connected.json("availability")
    connected.json("disconnect", "--yes")
    second = connected.json("availability")

    assert "zone-rules-old" in first.warnings
    assert second.warnings == ["zone-rules-old", "not-connected"]
    connected.zone_rules = NEW_RULES
    assert "zone-rules-old" not in connected.json("availability").warnings
