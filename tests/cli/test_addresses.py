"""Two spellings of an address that differ in case are one address; what is shown is what was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from portalcal.core import email_address
from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Shell

TEN = "2026-11-24T10:00"
WRITTEN = "Sam.Lee@Example.com"
SAM = ("--name", "Sam Lee", "--email", WRITTEN)


def book(shell: Shell, *more: str, email: str = WRITTEN) -> Any:
    return shell.json("book", TEN, "--name", "Sam Lee", "--email", email, *more)


def respond(google: Simulator, status: str) -> None:
    """The guest answers the invitation."""
    event = google.events()[0]
    guests = [each | {"responseStatus": status} for each in event["attendees"]]
    google.clock.advance(seconds=60)
    google.model.put(google.calendar("primary"), event | {"attendees": guests})


def test_one_guest_is_invited_once_however_often_and_in_whatever_case(
    connected: Shell, google: Simulator
) -> None:
    others = ("--guest", "sam.lee@example.com", "--guest", "Kim@example.com", "--guest", "KIM@EXAMPLE.COM")

    result = book(connected, *others).result

    assert (result["guest"]["email"], result["guests"]) == (WRITTEN, ["Kim@example.com"])
    invited = [each["email"] for each in google.events()[0]["attendees"]]
    assert invited == ["sam.lee@example.com", "kim@example.com"]
    assert len(google.outbox) == 2


@pytest.mark.parametrize("title", [None, "Talk with {email}"])
def test_a_key_stands_for_the_same_request_in_another_case(connected: Shell, title: str | None) -> None:
    if title:
        connected.configure(f'[links.talk]\ntitle = "{title}"\n')
    more = ("--key", "order-17", "--guest", "Kim@example.com", *(("--link", "talk") if title else ()))
    first = book(connected, *more).result

    again = book(connected, *more[:2], "--guest", "kim@EXAMPLE.com", *more[4:], email=WRITTEN.upper())

    assert (again.exit, again.result["id"], again.result["replayed"]) == (0, first["id"], True)
    assert again.result["guest"]["email"] == WRITTEN


def test_a_key_with_another_address_is_another_request(connected: Shell) -> None:
    book(connected, "--key", "order-17")

    assert book(connected, "--key", "order-17", email="kim@example.com").error["code"] == "key-reused"


def test_a_decline_is_recognised_and_shown_as_the_guest_was_written(
    connected: Shell, google: Simulator
) -> None:
    identifier = book(connected).result["id"]
    respond(google, "declined")

    first, second = connected.json("sync").result, connected.json("sync").result

    assert (first["declined"], second["declined"]) == ([identifier], [])
    shown = connected.json("bookings", identifier).result["bookings"][0]
    assert shown["declined"] == [WRITTEN]
    assert f"{WRITTEN} declined" in connected("bookings", identifier).out


def test_bookings_are_found_by_an_address_in_any_case(connected: Shell) -> None:
    book(connected)

    for spelling in (WRITTEN, WRITTEN.lower(), WRITTEN.upper()):
        assert len(connected.json("bookings", "--email", spelling).result["bookings"]) == 1


def test_a_guest_whose_calendar_counts_is_not_their_own_rival(connected: Shell, google: Simulator) -> None:
    google.add_user("sam.lee@example.com")
    google.share("sam.lee@example.com", ANA, role="reader")
    connected.json("calendars", "--select", "sam.lee@example.com")

    assert book(connected).result["state"] == "confirmed"


def test_calendars_are_chosen_and_left_out_in_any_case(connected: Shell, google: Simulator) -> None:
    google.add_calendar("team@example.com", summary="Team")

    chosen = connected.json("calendars", "--select", "Team@Example.com", "--select", "ANA@example.com")
    left = connected.json("calendars", "--deselect", "TEAM@example.com")

    assert chosen.result["conflicts"] == [ANA, "team@example.com"]
    assert left.result["conflicts"] == [ANA]


def test_a_pin_in_another_case_is_the_accounts_own_calendar(connected: Shell) -> None:
    connected.configure(
        '[calendars]\nconflicts = ["Ana@Example.com", "primary"]\nbooking = "ANA@example.com"\n'
    )

    assert [each["id"] for each in connected.json("availability").result["calendars"]] == [ANA]
    assert book(connected).result["calendar"] == ANA
    assert connected.json("sync").exit == 0


def test_the_same_account_in_another_case_is_no_other_account(connected: Shell) -> None:
    ran = connected.json("connect", "--account", "ANA@Example.com")

    assert (ran.exit, ran.result["already"]) == (0, True)


def test_a_line_of_a_file_in_another_case_is_the_same_line(connected: Shell, tmp_path: Path) -> None:
    def ran(email: str) -> Any:
        path = tmp_path / "lines.jsonl"
        path.write_text(
            json.dumps({"start": TEN, "name": "Sam Lee", "email": email, "guest": [email.upper()]})
        )
        return json.loads(connected("book", "--file", str(path)).out)["result"]

    first, again = ran(WRITTEN), ran(WRITTEN.lower())

    assert (again["id"], again["replayed"]) == (first["id"], True)


def test_addresses_that_differ_in_more_than_case_are_two() -> None:
    assert not email_address.same("strasse@example.com", "straße@example.com")
    assert not email_address.same(None, None)
