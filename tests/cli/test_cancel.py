"""Cancelling, in every state it meets."""

from __future__ import annotations

from typing import Any

from portalcal.simulator import Simulator
from tests.cli.conftest import Ran, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")


def booked(shell: Shell) -> str:
    identifier: str = shell.json("book", "2026-11-24T10:00", *SAM).result["id"]
    return identifier


def test_cancelling_removes_the_event_in_one_request(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.forget_requests()

    ran = connected.json("cancel", identifier, "--reason", "ill")

    assert (ran.exit, ran.result["state"], ran.result["already"]) == (0, "cancelled", False)
    assert [each.operation for each in google.requests] == ["events.delete"]
    assert google.events() == []


def test_cancelling_twice_is_success(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    connected.json("cancel", identifier)
    google.forget_requests()

    ran = connected.json("cancel", identifier)

    assert (ran.exit, ran.result["already"]) == (0, True)
    assert google.count() == 0


def test_an_event_deleted_by_hand_is_success(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    event = google.events()[0]
    google.calendar("primary").events.pop(event["id"])

    ran = connected.json("cancel", identifier)

    assert (ran.exit, ran.result["state"], ran.result["already"]) == (0, "cancelled", True)


def test_an_event_put_into_the_bin_by_hand_is_success(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.model.put(google.calendar("primary"), google.events()[0] | {"status": "cancelled"})

    ran = connected.json("cancel", identifier)

    assert (ran.exit, ran.result["state"], ran.result["already"]) == (0, "cancelled", True)


def test_an_event_dragged_to_another_calendar_is_removed_there(connected: Shell, google: Simulator) -> None:
    google.add_calendar("second@example.com", summary="Second")
    google.add_calendar("theirs@example.com", summary="Theirs", role="reader")
    identifier = booked(connected)
    event = google.events()[0]
    google.model.put(google.calendar("second@example.com"), event)
    google.model.put(google.calendar("primary"), event | {"status": "cancelled"})

    ran = connected.json("cancel", identifier)

    assert (ran.exit, ran.result["state"], ran.result["already"]) == (0, "cancelled", False)
    assert google.events("second@example.com") == []


def test_an_error_while_looking_for_the_event_leaves_the_removal_owed(
    connected: Shell, google: Simulator
) -> None:
    identifier = booked(connected)
    google.model.put(google.calendar("primary"), google.events()[0] | {"status": "cancelled"})
    google.faults.add("calendarList.list: 403-quotaExceeded once")

    ran = connected.json("cancel", identifier)

    assert (ran.exit, ran.result["state"]) == (8, "cancelling")
    assert connected.json("cancel", identifier).result["state"] == "cancelled"


def test_a_held_booking_whose_event_was_never_made_ends(connected: Shell, google: Simulator) -> None:
    google.faults.add("events.insert: 403-quotaExceeded")
    identifier = booked(connected)

    ran = connected.json("cancel", identifier)

    assert (ran.exit, ran.result["state"]) == (0, "cancelled")
    assert google.count("events.insert") == 1
    google.faults.clear()
    connected.json("sync")
    assert google.events() == []


def test_a_held_booking_whose_event_may_have_been_made_loses_it(connected: Shell, google: Simulator) -> None:
    google.faults.add("events.insert: lost-reply once")
    google.faults.add("events.get: 403-quotaExceeded")
    identifier = booked(connected)
    assert len(google.events()) == 1

    ran = connected.json("cancel", identifier)

    assert (ran.exit, ran.result["state"], google.events()) == (0, "cancelled", [])


def test_cancelling_during_the_booking_in_another_process_leaves_nothing(
    connected: Shell, google: Simulator
) -> None:
    cancelled: list[Ran] = []

    def interrupt(exchange: Any) -> None:
        if exchange.operation == "events.insert" and not cancelled:
            held = connected.json("bookings").result["bookings"][0]["id"]
            cancelled.append(connected.json("cancel", held))

    google.observe(interrupt)

    ran = connected.json("book", "2026-11-24T10:00", *SAM)

    assert (cancelled[0].exit, cancelled[0].warnings) == (8, ["google-not-told"])
    assert (ran.exit, ran.result["state"]) == (8, "cancelling")
    connected.json("sync")
    assert google.events() == []
    assert connected.json("bookings", ran.result["id"]).result["bookings"][0]["state"] == "cancelled"


def test_a_booking_made_while_disconnected_ends_without_a_word_to_google(
    portalcal: Shell, google: Simulator
) -> None:
    identifier = booked(portalcal)
    portalcal.connect()

    ran = portalcal.json("cancel", identifier)

    assert (ran.exit, ran.result["state"]) == (0, "cancelled")
    assert google.count() == 0


def test_a_lost_reply_to_the_removal_is_success(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.delete: lost-reply once")

    assert connected.json("cancel", identifier).result["state"] == "cancelled"


def test_a_booking_can_be_named_by_the_beginning_of_its_id(connected: Shell) -> None:
    identifier = booked(connected)

    assert connected.json("cancel", identifier[:8]).result["id"] == identifier


def test_google_out_of_reach_leaves_the_removal_owed(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.delete: 403-quotaExceeded")

    ran = connected.json("cancel", identifier)
    assert (ran.exit, ran.result["state"], ran.warnings) == (8, "cancelling", ["google-not-told"])

    google.faults.clear()
    connected.json("availability")
    assert google.events() == []
    assert connected.json("bookings", identifier).result["bookings"][0]["state"] == "cancelled"


def test_the_time_is_offered_again(connected: Shell) -> None:
    identifier = booked(connected)
    connected.json("cancel", identifier)

    assert connected.json("book", "2026-11-24T10:00", *SAM).result["state"] == "confirmed"


def test_an_unknown_booking_is_not_found(connected: Shell) -> None:
    ran = connected.json("cancel", "11111111-1111-4111-8111-111111111111")

    assert (ran.exit, ran.error["code"]) == (6, "booking-not-found")


def test_disconnected_the_event_stays_and_a_warning_says_so(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    connected.json("disconnect", "--yes")

    ran = connected.json("cancel", identifier)

    assert (ran.exit, ran.result["state"], ran.warnings) == (0, "cancelled", ["event-left"])
    assert len(google.events()) == 1
