"""Listing what was promised."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Ran, Shell
from tests.cli.status_failures import ledger_path

ZOE = ("--name", "Zoe", "--email", "zoe@example.com")


def book(shell: Shell, start: str, name: str = "Sam", *more: str) -> Any:
    """Book a time for somebody and give the booking."""
    email = f"{name.lower()}@example.com"
    return shell.json("book", start, "--name", name, "--email", email, "--force", *more).result


def names(ran: Ran) -> list[str]:
    """The guests of the bookings listed."""
    return [each["guest"]["name"] for each in ran.result["bookings"]]


@pytest.fixture
def busy(connected: Shell) -> Shell:
    """A machine with some bookings this week."""
    book(connected, "2026-11-26T10:00", "Kim")
    book(connected, "2026-11-24T10:00", "Sam", "--title", "Interview")
    book(connected, "2026-11-24T18:00", "Lee")
    return connected


def test_live_bookings_from_today_on_by_time(busy: Shell) -> None:
    assert names(busy.json("bookings")) == ["Sam", "Lee", "Kim"]


def test_a_person_reads_them_by_day(busy: Shell) -> None:
    ids = {each["guest"]["name"]: each["id"] for each in busy.json("bookings").result["bookings"]}

    ran = busy("bookings")

    assert (ran.exit, ran.err) == (0, "")
    assert ran.out == (
        "Tue 24 Nov  tomorrow\n"
        f"  10:00-10:30  {ids['Sam']}  Sam  Interview\n"
        f"  18:00-18:30  {ids['Lee']}  Lee  Meeting with Lee\n"
        "\n"
        "Thu 26 Nov\n"
        f"  10:00-10:30  {ids['Kim']}  Kim  Meeting with Kim\n"
    )


def test_none_is_said_to_people_and_an_empty_list_to_scripts(connected: Shell) -> None:
    assert connected("bookings") == Ran(0, "No bookings\n", "")
    assert connected.json("bookings").result == {"bookings": []}


def test_google_is_not_asked(busy: Shell, google: Simulator) -> None:
    google.forget_requests()

    busy.json("bookings")

    assert google.count() == 0


@pytest.mark.parametrize(
    ("window", "found"),
    [
        (("--from", "2026-11-25"), ["Kim"]),
        (("--until", "tue"), ["Sam", "Lee"]),
        (("--from", "2026-11-24", "--until", "2026-11-24T12:00"), ["Sam"]),
        (("--from", "2026-11-24T10:15", "--until", "2026-11-24T10:20"), ["Sam"]),
        (("--from", "2026-11-24T10:30", "--until", "2026-11-24"), ["Lee"]),
        (("--from", "+3d"), ["Kim"]),
        (("--days", "2"), ["Sam", "Lee"]),
        (("--from", "wed", "--days", "2"), ["Kim"]),
        (("--from", "wed", "--until", "thu"), ["Kim"]),
        (("--from", "this week", "--until", "this week"), ["Sam", "Lee", "Kim"]),
        (("--from", "next week"), []),
        (("--from", "2026-11-27"), []),
        (
            ("--from", "2026-11-24T19:00", "--until", "2026-11-24T19:45", "--timezone", "Europe/Berlin"),
            ["Lee"],
        ),
    ],
)
def test_a_window_finds_what_overlaps_it(busy: Shell, window: tuple[str, ...], found: list[str]) -> None:
    assert names(busy.json("bookings", *window)) == found


def test_a_long_list_is_read_page_by_page(busy: Shell) -> None:
    first = busy.json("bookings", "--limit", "2")
    second = busy.json("bookings", "--limit", "2", "--after", first.result["next"])

    assert (names(first), names(second)) == (["Sam", "Lee"], ["Kim"])
    assert second.result["next"] is None


def test_a_page_that_holds_all_is_the_last(busy: Shell) -> None:
    assert busy.json("bookings", "--limit", "3").result["next"] is None


@pytest.mark.parametrize(
    "form", [("--format", "csv"), ("--format", "table"), ("--format", "ics"), ("--ids",)]
)
def test_a_page_in_any_format_tells_on_stderr_how_to_go_on(busy: Shell, form: tuple[str, ...]) -> None:
    following = busy.json("bookings", "--limit", "2").result["next"]

    ran = busy("bookings", "--limit", "2", *form)

    assert (ran.exit, ran.err) == (0, f"More of them: repeat this with --after {following}\n")
    assert busy("bookings", "--limit", "2", "--after", following, *form).err == ""


@pytest.mark.parametrize("after", ["5d16c341", "1-2", "999999999999-5d16c341-0000-4000-8000-000000000000"])
def test_what_is_no_page_is_a_usage_error(busy: Shell, after: str) -> None:
    ran = busy.json("bookings", "--after", after)

    assert (ran.exit, ran.error["hint"]) == (2, "use `next` of the page before")


def test_one_booking_has_no_pages(busy: Shell) -> None:
    ran = busy.json("bookings", "5d16c341", "--limit", "2")

    assert (ran.exit, ran.error["message"]) == (
        2,
        "--limit is about a list, and an ID names one booking",
    )


def test_a_window_that_ends_before_it_starts_is_a_usage_error(busy: Shell) -> None:
    ran = busy.json("bookings", "--from", "fri", "--until", "tomorrow")

    assert (ran.exit, ran.error["message"]) == (2, "the window ends before it starts: fri to tomorrow")


def test_a_window_has_one_end(busy: Shell) -> None:
    ran = busy.json("bookings", "--days", "2", "--until", "fri")

    assert (ran.exit, ran.error["message"]) == (2, "--days and --until both say where the window ends")


def test_a_guest_is_found_whatever_the_case_of_the_address(busy: Shell) -> None:
    assert names(busy.json("bookings", "--email", "KIM@example.com")) == ["Kim"]
    assert names(busy.json("bookings", "--email", "nobody@example.com")) == []


def test_cancelled_ones_are_listed_when_asked_for(busy: Shell) -> None:
    first = busy.json("bookings").result["bookings"][0]["id"]
    busy.json("cancel", first)

    assert names(busy.json("bookings")) == ["Lee", "Kim"]
    assert names(busy.json("bookings", "--state", "cancelled")) == ["Sam"]
    assert names(busy.json("bookings", "--state", "cancelled", "--state", "confirmed")) == [
        "Sam",
        "Lee",
        "Kim",
    ]


def test_yesterdays_are_not_listed_unless_asked_for(busy: Shell, google: Simulator) -> None:
    google.clock.advance(days=2)

    assert names(busy.json("bookings")) == ["Kim"]
    assert names(busy.json("bookings", "--from", "2026-11-23")) == ["Sam", "Lee", "Kim"]


def test_one_is_found_by_its_id_or_the_beginning_of_it_in_any_state(busy: Shell) -> None:
    whole = busy.json("bookings").result["bookings"][0]
    busy.json("cancel", whole["id"])

    (found,) = busy.json("bookings", whole["id"][:8].upper()).result["bookings"]

    assert (found["id"], found["state"]) == (whole["id"], "cancelled")


def test_the_address_of_a_guest_with_one_booking_names_it(busy: Shell) -> None:
    assert names(busy.json("bookings", "KIM@example.com")) == ["Kim"]


@pytest.mark.parametrize("wanted", ["00000000-0000-4000-8000-000000000000", "abc", "%", "'"])
def test_an_id_that_is_none_is_not_found(busy: Shell, wanted: str) -> None:
    ran = busy.json("bookings", wanted)

    assert (ran.exit, ran.error["code"]) == (6, "booking-not-found")
    assert ran.error["message"] == f"there is no booking {wanted} in this workspace"


def test_times_are_shown_in_the_zone_asked_for(busy: Shell) -> None:
    (found, *_) = busy.json("bookings", "--timezone", "Asia/Kathmandu").result["bookings"]

    assert (found["start"], found["timezone"]) == ("2026-11-24T15:45:00+05:45", "Asia/Kathmandu")


def test_a_workspace_sees_its_own(busy: Shell) -> None:
    mine = busy.json("bookings").result["bookings"][0]["id"]
    busy.configure("[workspace.sales]\n")

    assert busy("--workspace", "sales", "bookings", "--json").result["bookings"] == []
    assert busy("--workspace", "sales", "bookings", mine, "--json").exit == 6


def test_the_json_of_a_booking_is_that_of_book(busy: Shell) -> None:
    made = book(
        busy, "2026-11-25T10:00", "Zoe", "--location", "Room 4", "--notes", "Bring a pen", "--key", "k1"
    )

    (listed,) = busy.json("bookings", made["id"]).result["bookings"]

    assert listed == {key: value for key, value in made.items() if key != "dry_run"}
    assert (listed["calendar"], listed["location"], listed["key"]) == (ANA, "Room 4", "k1")


def test_foreign_text_cannot_speak_to_the_terminal(connected: Shell) -> None:
    book(connected, "2026-11-24T10:00", "Sam", "--title", "[red]Interview[/red]\nline")
    # The command line takes no control characters, but a ledger may be any program's.
    with closing(sqlite3.connect(ledger_path(connected), isolation_level=None)) as database:
        database.execute("UPDATE bookings SET title = char(27) || '[2J' || title")

    shown = connected("bookings").out

    assert "\x1b" not in shown
    assert "[red]Interview[/red]" in shown
    assert len(shown.splitlines()) == 2


# --- a Meet link that was pending


def test_a_meet_link_that_google_made_later_is_shown_with_the_booking(
    connected: Shell, google: Simulator
) -> None:
    google.conference = "pending"
    made = json.loads(connected.json("book", "2026-11-25T10:00", *ZOE, "--meet").out)["result"]
    google.forget_requests()

    (shown,) = connected.json("bookings", made["id"]).result["bookings"]

    assert made["meet_url"] is None
    assert shown["meet_url"].startswith("https://meet.google.com/")
    assert [each.operation for each in google.requests] == ["events.get"]


def test_a_meet_link_that_cannot_be_asked_for_leaves_the_booking_readable(
    connected: Shell, google: Simulator
) -> None:
    google.conference = "pending"
    made = connected("book", "2026-11-25T10:00", *ZOE, "--meet")
    google.faults.add("events.get: 403-quotaExceeded")

    ran = connected.json("bookings", made.out.strip())

    assert (ran.exit, ran.warnings) == (0, ["meet-pending"])
    assert ran.result["bookings"][0]["meet_url"] is None
