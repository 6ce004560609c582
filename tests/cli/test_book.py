"""Booking, from the command line to the event in the calendar."""

from __future__ import annotations

import io
import json

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Ran, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")


def book(shell: Shell, start: str = "2026-11-24T10:00", *more: str) -> Ran:
    return shell.json("book", start, *SAM, *more)


def test_a_booking_becomes_an_event_with_the_guest_invited(connected: Shell, google: Simulator) -> None:
    booked = book(connected, "2026-11-24T10:00", "--title", "Interview", "--location", "Room 4").result

    assert booked["state"] == "confirmed"
    event = google.events()[0]
    assert event["id"] == booked["event_id"]
    assert event["summary"] == "Interview"
    assert event["location"] == "Room 4"
    assert [each["email"] for each in event["attendees"]] == ["sam@example.com"]
    assert event["extendedProperties"]["private"]["portalcal"] == booked["id"]


def test_booking_takes_three_requests_with_one_calendar(connected: Shell, google: Simulator) -> None:
    book(connected)

    assert [each.operation for each in google.requests] == ["freebusy.query", "events.insert", "events.list"]


def test_booking_takes_four_requests_with_another_conflict_calendar(
    connected: Shell, google: Simulator
) -> None:
    google.add_calendar("team@example.com", summary="Team", role="reader")
    connected.json("calendars", "--select", "Team")
    google.forget_requests()

    book(connected)

    assert google.count() == 4
    assert google.count("freebusy.query") == 2


def test_the_guests_are_told_unless_nobody_is_to_be(connected: Shell, google: Simulator) -> None:
    book(connected, "2026-11-24T10:00", "--notify", "none")
    assert google.outbox == []

    book(connected, "2026-11-24T11:00")
    assert [mail.to for mail in google.outbox] == ["sam@example.com"]


def test_a_time_that_is_busy_at_google_is_taken_and_alternatives_are_near(
    connected: Shell, google: Simulator
) -> None:
    google.add_event("primary", "2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z", "Dentist")

    ran = book(connected)

    assert ran.exit == 5
    assert ran.error["code"] == "slot-taken"
    starts = [each["start"] for each in ran.error["details"]["alternatives"]]
    assert starts == ["2026-11-24T09:00:00+00:00", "2026-11-24T09:30:00+00:00", "2026-11-24T11:00:00+00:00"]
    assert google.count("events.insert") == 0


def test_the_same_time_is_not_booked_twice(connected: Shell, google: Simulator) -> None:
    book(connected)

    again = book(connected)

    assert again.exit == 5
    assert again.error["code"] == "slot-taken"
    assert len(google.events()) == 1


def test_the_same_key_and_request_is_the_same_booking(connected: Shell, google: Simulator) -> None:
    first = book(connected, "2026-11-24T10:00", "--key", "order-17").result

    second = book(connected, "2026-11-24T10:00", "--key", "order-17").result

    assert second["id"] == first["id"]
    assert second["replayed"] is True
    assert first["replayed"] is False
    assert len(google.events()) == 1


def test_the_same_key_with_another_request_is_refused(connected: Shell) -> None:
    book(connected, "2026-11-24T10:00", "--key", "order-17")

    ran = book(connected, "2026-11-24T11:00", "--key", "order-17")

    assert ran.exit == 5
    assert ran.error["code"] == "key-reused"
    assert ran.error["details"]["differs"] == ["start"]


def test_a_time_outside_the_rules_is_not_offered_but_can_be_forced(
    connected: Shell, google: Simulator
) -> None:
    ran = book(connected, "2026-11-24T18:10")
    assert (ran.exit, ran.error["code"]) == (5, "slot-not-offered")
    assert ran.error["details"]["reasons"] == ["closed"]

    forced = book(connected, "2026-11-24T18:10", "--force").result

    assert forced["state"] == "confirmed"
    assert len(google.events()) == 1


def test_force_never_overrides_a_conflict(connected: Shell, google: Simulator) -> None:
    google.add_event("primary", "2026-11-24T18:00:00Z", "2026-11-24T19:00:00Z", "Theatre")

    ran = book(connected, "2026-11-24T18:10", "--force")

    assert (ran.exit, ran.error["code"]) == (5, "slot-taken")


def test_a_dry_run_checks_and_changes_nothing(connected: Shell, google: Simulator) -> None:
    checked = book(connected, "2026-11-24T10:00", "--dry-run").result

    assert checked["dry_run"] is True
    assert google.events() == []
    assert connected.json("bookings").result["bookings"] == []


def test_a_meet_link_is_asked_for(connected: Shell, google: Simulator) -> None:
    google.conference = "success"

    booked = book(connected, "2026-11-24T10:00", "--meet")

    assert booked.result["meet_url"].startswith("https://meet.google.com/")
    assert booked.warnings == []


@pytest.mark.parametrize("outcome", ["pending", "failure"])
def test_a_meet_link_that_is_not_there_yet_is_told_with_how_to_learn_it(
    connected: Shell, google: Simulator, outcome: str
) -> None:
    google.conference = outcome

    booked = book(connected, "2026-11-24T10:00", "--meet")

    assert (booked.exit, booked.result["state"], booked.result["meet_url"]) == (0, "confirmed", None)
    assert booked.warnings == ["meet-pending"]


def test_a_lost_reply_is_found_out_and_books_once(connected: Shell, google: Simulator) -> None:
    google.faults.add("events.insert: lost-reply once")

    ran = book(connected)

    assert ran.exit == 0
    assert ran.result["state"] == "confirmed"
    assert len(google.events()) == 1


def test_what_google_cannot_be_told_stays_held_and_the_next_command_delivers_it(
    connected: Shell, google: Simulator
) -> None:
    google.faults.add("events.insert: 403-quotaExceeded")
    ran = book(connected)
    assert ran.exit == 8
    assert ran.result["state"] == "held"
    assert ran.warnings == ["google-not-told"]
    assert google.events() == []

    google.faults.clear()
    connected.json("sync")

    assert [each["state"] for each in connected.json("bookings").result["bookings"]] == ["confirmed"]
    assert len(google.events()) == 1


def test_a_failure_before_the_hold_books_nothing(connected: Shell, google: Simulator) -> None:
    google.faults.add("freebusy.query: 403-quotaExceeded")

    ran = book(connected)

    assert (ran.exit, ran.error["code"]) == (7, "quota-exhausted")
    assert ran.error["message"].endswith("Nothing was booked.")
    assert connected.json("bookings").result["bookings"] == []


def test_a_permanent_refusal_frees_the_time(connected: Shell, google: Simulator) -> None:
    google.faults.add("events.insert: 403-forbidden once")
    refused = book(connected)
    assert refused.exit == 3
    assert refused.error["message"].endswith("Nothing was booked.")

    assert book(connected).result["state"] == "confirmed"


def test_an_event_that_came_in_between_wins_and_ours_is_withdrawn(
    connected: Shell, google: Simulator
) -> None:
    def intrude(exchange: object) -> None:
        if getattr(exchange, "operation", "") == "freebusy.query":
            google.add_event("primary", "2026-11-24T10:15:00Z", "2026-11-24T11:00:00Z", "Boss")
            google.clock.advance(seconds=1)

    google.observe(intrude)

    ran = book(connected)

    assert (ran.exit, ran.error["code"]) == (5, "slot-taken")
    offered_instead = [each["start"] for each in ran.error["details"]["alternatives"]]
    assert offered_instead
    assert not any("T10:00" in each for each in offered_instead)
    assert [each["summary"] for each in google.events()] == ["Boss"]
    assert connected.json("bookings").result["bookings"] == []


def test_disconnected_bookings_are_recorded_without_an_event(portalcal: Shell, google: Simulator) -> None:
    ran = book(portalcal)

    assert ran.exit == 0
    assert ran.result["event_id"] is None
    assert ran.warnings == ["not-connected"]
    assert google.count() == 0
    assert book(portalcal).error["code"] == "slot-taken"


def test_a_script_reads_the_id_from_stdout(connected: Shell) -> None:
    ran = connected("book", "2026-11-24T10:00", *SAM)

    listed = connected.json("bookings").result["bookings"]
    assert ran.out == listed[0]["id"] + "\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("yesterday", *SAM), "'yesterday' cannot be read as a time"),
        (("2026-11-24", *SAM), "a date without a time"),
        (("2026-11-24T10:00", "--name", " ", "--email", "sam@example.com"), "--name is empty"),
        (("2026-11-24T10:00", "--name", "Sam", "--email", "Sam"), "'Sam' is not an e-mail address"),
        (("2026-11-24T10:00", *SAM, "--duration", "30"), "30 of what?"),
        (("2026-11-24T10:00", *SAM, "--timezone", "Berlin"), "did you mean Europe/Berlin?"),
    ],
)
def test_bad_input_is_a_usage_error_that_shows_what_was_expected(
    connected: Shell, arguments: tuple[str, ...], message: str
) -> None:
    ran = connected.json("book", *arguments)

    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert message in ran.error["message"]


def test_an_unknown_link_offers_the_nearest(portalcal: Shell) -> None:
    portalcal.configure('[links.intro]\ntitle = "Intro with {name}"\n')

    ran = book(portalcal, "2026-11-24T10:00", "--link", "intor")

    assert (ran.exit, ran.error["code"]) == (6, "link-not-found")
    assert "did you mean intro?" in ran.error["message"]


def test_a_link_gives_title_length_and_place(portalcal: Shell, google: Simulator) -> None:
    portalcal.configure('[links.intro]\ntitle = "Intro with {name}"\nduration = "1h"\nlocation = "Phone"\n')
    portalcal.connect()

    booked = book(portalcal, "2026-11-24T10:00", "--link", "intro").result

    assert booked["title"] == "Intro with Sam Lee"
    assert booked["end"] == "2026-11-24T11:00:00+00:00"
    assert google.events()[0]["location"] == "Phone"


def test_the_json_of_a_booking_has_every_key(connected: Shell) -> None:
    ran = book(connected)

    keys = [
        "id",
        "state",
        "link",
        "start",
        "end",
        "timezone",
        "title",
        "guest",
        "guests",
        "location",
        "meet_url",
        "calendar",
        "event_id",
        "event_url",
        "key",
        "notified",
        "replayed",
        "created_at",
        "updated_at",
    ]
    assert set(keys) <= set(ran.result)
    assert ran.result["calendar"] == ANA
    assert json.loads(ran.out)["portalcal"] == 1


@pytest.mark.parametrize(
    "start",
    ["2026-11-24T20:00", "2026-11-28T10:00", "2026-11-23T08:30", "2026-11-24T10:10", "2027-06-01T10:05"],
)
def test_it_refuses_in_the_words_in_which_the_time_is_explained(connected: Shell, start: str) -> None:
    explained = connected.json("availability", "--explain", start).result["reasons"]

    refused = connected.json("book", start, *SAM).error

    assert explained
    told = "; ".join(each["message"] for each in explained)
    assert refused["message"].endswith(f"is not offered: {told}. Nothing was booked.")


@pytest.mark.parametrize("start", ["2026-11-24T10:07", "2026-11-24T15:45"], ids=["not offered", "taken"])
def test_alternatives_are_told_in_the_zone_the_time_was_given_in(
    connected: Shell, google: Simulator, start: str
) -> None:
    google.add_event("primary", "2026-11-24T10:00:00Z", "2026-11-24T10:30:00Z", "Dentist")

    refused = connected.json("book", start, "--timezone", "Asia/Kathmandu", *SAM).error

    assert {each["start"][-6:] for each in refused["details"]["alternatives"]} == {"+05:45"}
    assert refused["hint"].count("(Kathmandu)") == 3


def test_a_request_that_was_booked_before_e_mails_nobody_again(connected: Shell, google: Simulator) -> None:
    first = connected.json("book", "2026-11-24T10:00", *SAM, "--key", "order-17").result

    again = connected.json("book", "2026-11-24T10:00", *SAM, "--key", "order-17").result
    on_paper = connected("book", "2026-11-24T10:00", *SAM, "--key", "order-17")

    assert (first["notified"], again["notified"]) == ("all", None)
    assert "nobody was e-mailed by this command" in on_paper.err
    assert len(google.outbox) == 1


def test_a_request_that_finishes_what_it_began_e_mails_now(connected: Shell, google: Simulator) -> None:
    google.faults.add("events.insert: 403-quotaExceeded once")
    held = connected.json("book", "2026-11-24T10:00", *SAM, "--key", "order-17")

    again = connected.json("book", "2026-11-24T10:00", *SAM, "--key", "order-17").result

    assert (held.exit, held.result["notified"]) == (8, None)
    assert (again["replayed"], again["notified"], len(google.outbox)) == (True, "all", 1)


# --- --require-event


def test_a_booking_that_must_have_an_event_is_not_made_without_a_connection(portalcal: Shell) -> None:
    ran = portalcal.json("book", "2026-11-24T10:00", *SAM, "--require-event")

    assert (ran.exit, ran.error["code"]) == (4, "not-connected")
    assert ran.error["message"].endswith("Nothing was booked.")
    assert portalcal.json("bookings").result["bookings"] == []


def test_a_file_whose_bookings_must_have_events_is_not_begun_without_a_connection(portalcal: Shell) -> None:
    portalcal.stdin = io.StringIO(
        '{"start": "2026-11-24T10:00", "name": "Sam", "email": "sam@example.com"}\n'
    )

    ran = portalcal("book", "--file", "-", "--require-event")

    assert (ran.exit, ran.out) == (4, "")
    assert portalcal.json("bookings").result["bookings"] == []


def test_a_booking_that_must_have_an_event_has_one_when_connected(connected: Shell) -> None:
    ran = connected.json("book", "2026-11-24T10:00", *SAM, "--require-event")

    assert (ran.exit, ran.result["event_id"] is not None) == (0, True)
