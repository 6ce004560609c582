"""Cancelling, in every state it meets."""

from __future__ import annotations

from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import Ran, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")


def booked(shell: Shell, *more: str, hour: int = 10) -> str:
    identifier: str = shell.json("book", f"2026-11-24T{hour}:00", *SAM, *more).result["id"]
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


def test_a_guest_with_one_booking_to_come_is_named_by_the_address(
    connected: Shell, google: Simulator
) -> None:
    over = booked(connected)
    google.clock.advance(days=2)
    identifier = connected.json("book", "2026-11-27T10:00", *SAM).result["id"]

    ran = connected.json("cancel", "Sam@example.com")

    assert (ran.exit, ran.result["id"]) == (0, identifier)
    assert connected.json("bookings", over).result["bookings"][0]["state"] == "confirmed"
    assert connected.json("cancel", "sam@example.com").error["code"] == "booking-not-found"


def test_a_guest_with_several_bookings_is_asked_which(connected: Shell) -> None:
    first, second = booked(connected), booked(connected, hour=14)

    ran = connected("cancel", "sam@example.com")

    assert (ran.exit, ran.out) == (6, "")
    assert ran.err == (
        "error: sam@example.com has 2 bookings that are still to come\n"
        "\n"
        f"hint: name one by its id: {first[:8]}, Tue 24 Nov, 10:00-10:30 (London) · "
        f"{second[:8]}, Tue 24 Nov, 14:00-14:30 (London)\n"
    )


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
    connected.json("sync")
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


def sent(ran: Ran) -> str:
    """What a card says of e-mails."""
    return next(line for line in ran.out.splitlines() if line.strip().startswith("sent")).split(None, 1)[1]


@pytest.mark.parametrize(
    ("first", "then", "words"),
    [
        ("all", "none", "nobody was e-mailed"),
        ("none", "all", "Google e-mailed sam@example.com"),
        ("all", "external", "Google e-mailed only guests of other organisations, of sam@example.com"),
    ],
)
def test_what_is_said_of_e_mails_is_what_the_cancellation_sent(
    connected: Shell, google: Simulator, first: str, then: str, words: str
) -> None:
    on_paper, in_json = booked(connected, "--notify", first), booked(connected, "--notify", first, hour=11)

    ran = connected("cancel", on_paper, "--notify", then)

    assert (ran.exit, sent(ran)) == (0, words)
    assert connected.json("cancel", in_json, "--notify", then).result["notified"] == then


def test_a_cancellation_of_which_google_was_not_told_e_mails_nobody_yet(
    connected: Shell, google: Simulator
) -> None:
    on_paper, in_json = booked(connected), booked(connected, hour=11)
    google.faults.add("events.delete: 403-quotaExceeded")

    ran, told = connected("cancel", on_paper), connected.json("cancel", in_json)

    assert (ran.exit, sent(ran)) == (8, "nobody was e-mailed yet")
    assert (told.exit, told.result["notified"]) == (8, None)


def test_a_cancellation_while_disconnected_e_mails_nobody(connected: Shell) -> None:
    on_paper, in_json = booked(connected), booked(connected, hour=11)
    connected.json("disconnect", "--yes")

    assert sent(connected("cancel", on_paper)) == "nobody was e-mailed by this command"
    assert connected.json("cancel", in_json).result["notified"] is None


def test_of_an_event_that_is_gone_nobody_is_e_mailed(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.model.put(google.calendar("primary"), google.events()[0] | {"status": "cancelled"})

    ran = connected("cancel", identifier)

    assert ran.out.startswith("Cancelled; the event was gone from the calendar already\n")
    assert sent(ran) == "nobody was e-mailed by this command"
    again = connected.json("cancel", identifier).result
    assert (again["already"], again["notified"]) == (True, None)


def test_a_deletion_whose_reply_was_lost_is_what_e_mailed_the_guest(
    connected: Shell, google: Simulator
) -> None:
    identifier = booked(connected)
    google.faults.add("events.delete: lost-reply once")

    result = connected.json("cancel", identifier).result

    assert (result["already"], result["notified"]) == (False, "all")
    assert [each.kind for each in google.outbox] == ["invitation", "cancellation"]


def test_a_held_booking_that_google_never_heard_of_was_not_cancelled_already(
    connected: Shell, google: Simulator
) -> None:
    google.faults.add("events.insert: 403-quotaExceeded")
    on_paper, in_json = booked(connected), booked(connected, hour=11)

    ran, told = connected("cancel", on_paper), connected.json("cancel", in_json)

    assert ran.out.startswith("Cancelled\n")
    assert sent(ran) == "nobody was e-mailed by this command"
    assert (told.result["already"], told.result["notified"]) == (False, None)
    assert google.outbox == []


def test_cancelling_delivers_what_is_owed_for_others_but_never_makes_its_own_event(
    connected: Shell, google: Simulator
) -> None:
    google.faults.add("events.insert: 403-quotaExceeded")
    ours, other = booked(connected), booked(connected, hour=11)
    google.faults.clear()

    assert connected.json("cancel", ours).result["state"] == "cancelled"

    assert connected.json("bookings", other).result["bookings"][0]["state"] == "confirmed"
    assert [each.start[:16] for each in google.outbox] == ["2026-11-24T11:00"]


def test_what_was_cancelled_while_disconnected_is_removed_by_cancelling_it_again(
    connected: Shell, google: Simulator
) -> None:
    identifier = booked(connected)
    connected.json("disconnect", "--yes")
    connected.json("cancel", identifier)
    connected.connect()

    ran = connected("cancel", identifier)

    assert ran.out.startswith("Already cancelled; the event that was left is removed now\n")
    assert (sent(ran), google.events()) == ("Google e-mailed sam@example.com", [])
