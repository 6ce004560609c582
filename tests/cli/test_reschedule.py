"""Moving a booking, from the command line to the event in the calendar."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from portalcal.core.outbox import LEASE
from portalcal.simulator.google import Simulator
from tests.builders import lease
from tests.cli.conftest import Ran, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
TEN, ELEVEN = "2026-11-24T10:00:00+00:00", "2026-11-24T11:00:00+00:00"


def booked(shell: Shell, start: str = "2026-11-24T10:00", *more: str) -> str:
    identifier: str = shell.json("book", start, *SAM, *more).result["id"]
    shell.google.forget_requests()
    shell.google.clock.advance(seconds=60)
    return identifier


def move(shell: Shell, identifier: str, start: str = "2026-11-24T11:00", *more: str) -> Ran:
    return shell.json("reschedule", identifier, start, *more)


def shown(shell: Shell, identifier: str) -> Any:
    return shell.json("bookings", identifier).result["bookings"][0]


def starts(google: Simulator) -> list[str]:
    return [each["start"]["dateTime"].replace("Z", "+00:00") for each in google.events()]


def test_the_same_event_gets_a_new_time_in_three_requests(connected: Shell, google: Simulator) -> None:
    google.conference = "success"
    identifier = booked(connected, "2026-11-24T10:00", "--meet")
    before = google.events()[0]

    moved = move(connected, identifier).result

    assert [each.operation for each in google.requests] == ["freebusy.query", "events.patch", "events.list"]
    event = google.events()[0]
    assert (event["id"], event["hangoutLink"]) == (before["id"], before["hangoutLink"])
    assert starts(google) == [ELEVEN]
    assert (moved["start"], moved["end"]) == (ELEVEN, "2026-11-24T11:30:00+00:00")
    assert moved["previous"] == {"start": TEN, "end": "2026-11-24T10:30:00+00:00"}
    assert (moved["state"], moved["moving_to"], moved["already"]) == ("confirmed", None, False)
    assert moved["meet_url"] == before["hangoutLink"]


def test_a_guest_with_one_booking_is_named_by_the_address(connected: Shell) -> None:
    identifier = booked(connected)

    moved = move(connected, "sam@example.com").result

    assert (moved["id"], moved["start"]) == (identifier, ELEVEN)


def test_guests_are_told_as_asked(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected, "2026-11-24T10:00", "--notify", "none")

    move(connected, identifier, "2026-11-24T11:00")
    silent = google.outbox
    move(connected, identifier, "2026-11-24T12:00", "--notify", "all")

    assert silent == []
    assert [mail.to for mail in google.outbox] == ["sam@example.com"]


def test_the_old_time_is_free_and_the_new_one_is_not(connected: Shell) -> None:
    identifier = booked(connected)
    move(connected, identifier)

    assert connected.json("book", "2026-11-24T11:00", *SAM).error["code"] == "slot-taken"
    assert connected.json("book", "2026-11-24T10:00", *SAM).result["state"] == "confirmed"


def test_a_booking_may_move_by_less_than_it_lasts(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)

    moved = move(connected, identifier, "2026-11-24T10:10", "--duration", "45m", "--force").result

    assert (moved["start"], moved["end"]) == ("2026-11-24T10:10:00+00:00", "2026-11-24T10:55:00+00:00")
    assert starts(google) == ["2026-11-24T10:10:00+00:00"]


def test_moving_to_where_it_is_does_nothing(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)

    ran = move(connected, identifier, "2026-11-24T10:00")

    assert (ran.exit, ran.result["already"]) == (0, True)
    assert google.count() == 0


@pytest.mark.parametrize("by", ["google", "booking"])
def test_a_time_that_is_taken_leaves_the_booking_where_it_was(
    connected: Shell, google: Simulator, by: str
) -> None:
    identifier = booked(connected)
    if by == "google":
        google.add_event("primary", ELEVEN, "2026-11-24T12:00:00+00:00", "Dentist")
    else:
        booked(connected, "2026-11-24T11:00")
    google.forget_requests()

    ran = move(connected, identifier)

    assert (ran.exit, ran.error["code"]) == (5, "slot-taken")
    assert ran.error["message"].endswith("The booking stays where it was.")
    assert ran.error["details"]["alternatives"]
    assert google.count("events.patch") == 0
    assert shown(connected, identifier)["start"] == TEN


def test_a_time_outside_the_rules_can_be_forced(connected: Shell) -> None:
    identifier = booked(connected)

    assert move(connected, identifier, "2026-11-24T18:10").error["code"] == "slot-not-offered"
    assert move(connected, identifier, "2026-11-24T18:10", "--force").exit == 0


def test_what_google_cannot_be_told_holds_both_times_until_the_next_command(
    connected: Shell, google: Simulator
) -> None:
    identifier = booked(connected)
    google.faults.add("events.patch: 403-quotaExceeded")

    ran = move(connected, identifier)

    assert (ran.exit, ran.warnings) == (8, ["google-not-told"])
    assert ran.result["start"] == TEN
    assert ran.result["moving_to"]["start"] == ELEVEN
    google.faults.clear()
    connected.json("sync")
    assert starts(google) == [ELEVEN]
    assert (shown(connected, identifier)["start"], shown(connected, identifier)["moving_to"]) == (
        ELEVEN,
        None,
    )


def test_both_times_are_held_here_whatever_google_says_of_them(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.patch: 403-quotaExceeded")
    move(connected, identifier)

    for taken in ("2026-11-24T10:00", "2026-11-24T11:00"):
        assert connected.json("book", taken, *SAM).error["code"] == "slot-taken"
    assert [each["summary"] for each in google.events()] == ["Meeting with Sam Lee"]


def test_the_same_command_again_finishes_what_it_began(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.patch: 403-quotaExceeded once")
    move(connected, identifier)

    again = move(connected, identifier)

    assert (again.exit, again.result["start"], again.result["already"]) == (0, ELEVEN, True)
    assert (again.result["notified"], again.result["previous"]["start"]) == ("all", TEN)
    assert [each.kind for each in google.outbox] == ["invitation", "update"]


def test_what_is_said_of_e_mails_is_what_the_move_sent(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected, "2026-11-24T10:00", "--notify", "all")

    silent = connected("reschedule", identifier, ELEVEN, "--notify", "none")
    again = connected("reschedule", identifier, ELEVEN)
    google.faults.add("events.patch: 403-quotaExceeded")
    pending = connected("reschedule", identifier, "2026-11-24T12:00", "--notify", "all")

    assert "nobody was e-mailed\n" in silent.out
    assert "nobody was e-mailed by this command" in again.out
    assert (pending.exit, "nobody was e-mailed yet" in pending.out) == (8, True)
    assert [each.kind for each in google.outbox] == ["invitation"]


def test_a_move_while_disconnected_e_mails_nobody(connected: Shell) -> None:
    identifier = booked(connected)
    connected.json("disconnect", "--yes")

    assert move(connected, identifier).result["notified"] is None


def test_another_move_waits_for_the_one_that_is_owed(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.patch: 403-quotaExceeded")
    move(connected, identifier)

    for other in ("2026-11-24T12:00", "2026-11-24T10:00"):
        ran = move(connected, identifier, other)
        assert (ran.exit, ran.error["code"]) == (7, "booking-busy")
    same = move(connected, identifier)
    assert (same.exit, same.result["moving_to"]["start"]) == (8, ELEVEN)


def test_a_lost_reply_is_found_out(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.patch: lost-reply once")

    ran = move(connected, identifier)

    assert (ran.exit, ran.result["start"]) == (0, ELEVEN)
    assert google.count("events.patch") == 1
    assert google.count("events.get") == 1


def test_a_request_that_never_arrived_is_sent_again(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.patch: drop once")

    assert move(connected, identifier).result["start"] == ELEVEN
    assert google.count("events.patch") == 2


def test_an_answer_of_the_guest_does_not_stand_in_the_way(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    change(google, attendees=[{"email": "sam@example.com", "responseStatus": "accepted"}])

    ran = move(connected, identifier)

    assert (ran.exit, starts(google)) == (0, [ELEVEN])
    assert google.events()[0]["attendees"][0]["responseStatus"] == "accepted"


def test_an_event_that_somebody_moved_is_left_alone(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    change(google, **times("14:00", "14:30"))

    ran = move(connected, identifier)

    assert (ran.exit, ran.error["code"]) == (5, "already-moved")
    assert "it is now Tue 24 Nov, 14:00-14:30 (London)" in ran.error["message"]
    assert starts(google) == ["2026-11-24T14:00:00+00:00"]
    assert (shown(connected, identifier)["start"], shown(connected, identifier)["moving_to"]) == (TEN, None)
    assert connected.json("book", "2026-11-24T11:00", *SAM).exit == 0


def test_an_event_that_somebody_moved_to_the_very_time_is_done(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    change(google, **times("11:00", "11:30"))

    ran = move(connected, identifier, "2026-11-24T11:00", "--force")

    # The check sees a meeting there that is not known to be ours.
    assert ran.error["code"] == "slot-taken"


def test_an_event_that_was_deleted_is_not_brought_back(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    change(google, status="cancelled")

    ran = move(connected, identifier)

    assert (ran.exit, ran.error["code"]) == (5, "already-moved")
    assert "it is now deleted" in ran.error["message"]
    assert google.events() == []


def test_an_event_on_another_calendar_is_moved_there(connected: Shell, google: Simulator) -> None:
    google.add_calendar("second@example.com", summary="Second")
    identifier = booked(connected)
    drag(google, "second@example.com")

    moved = move(connected, identifier).result

    assert (moved["calendar"], moved["start"]) == ("second@example.com", ELEVEN)
    assert [each["start"]["dateTime"][:16] for each in google.events("second@example.com")] == [
        "2026-11-24T11:00"
    ]


def test_who_comes_in_between_check_and_move_wins_and_the_event_goes_back(
    connected: Shell, google: Simulator
) -> None:
    identifier = booked(connected)

    def intrude(exchange: Any) -> None:
        if exchange.operation == "freebusy.query":
            google.add_event("primary", ELEVEN, "2026-11-24T12:00:00+00:00", "Boss")
            google.clock.advance(seconds=1)

    google.observe(intrude)

    ran = move(connected, identifier)

    assert (ran.exit, ran.error["code"]) == (5, "slot-taken")
    assert sorted(starts(google)) == [TEN, ELEVEN]
    assert (shown(connected, identifier)["start"], shown(connected, identifier)["state"]) == (
        TEN,
        "confirmed",
    )


def test_a_second_look_that_is_refused_brings_the_event_back(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.list: 403-forbidden once")

    ran = move(connected, identifier)

    assert (ran.exit, ran.error["code"]) == (5, "google-refused")
    assert ran.error["message"].endswith("The booking stays where it was.")
    assert (shown(connected, identifier)["start"], starts(google)) == (TEN, [TEN])


def test_an_event_that_cannot_be_brought_back_keeps_both_times(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.list: 403-forbidden once")
    google.faults.add("events.patch: 403-forbidden after=1 once")

    ran = move(connected, identifier)

    assert (ran.exit, ran.warnings) == (8, ["google-not-told"])
    assert (shown(connected, identifier)["moving_to"]["start"], starts(google)) == (ELEVEN, [ELEVEN])
    assert move(connected, identifier).exit == 0
    assert (shown(connected, identifier)["start"], starts(google)) == (ELEVEN, [ELEVEN])


def test_a_move_that_may_have_worked_is_not_given_up(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.patch: lost-reply once")
    google.faults.add("events.get: 403-forbidden once")

    assert move(connected, identifier).exit == 8
    assert move(connected, identifier).exit == 0
    assert (shown(connected, identifier)["start"], starts(google)) == (ELEVEN, [ELEVEN])


def test_who_comes_after_the_move_yields(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)

    def intrude(exchange: Any) -> None:
        if exchange.operation == "events.patch":
            google.clock.advance(seconds=1)
            google.add_event("primary", ELEVEN, "2026-11-24T12:00:00+00:00", "Late")

    google.observe(intrude)

    assert move(connected, identifier).result["start"] == ELEVEN


def test_a_permanent_refusal_lets_the_new_time_go(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.patch: 403-forbidden once")

    ran = move(connected, identifier)

    assert ran.exit == 3
    assert ran.error["message"].endswith("The booking stays where it was.")
    assert (shown(connected, identifier)["start"], shown(connected, identifier)["moving_to"]) == (TEN, None)
    assert connected.json("book", "2026-11-24T11:00", *SAM).exit == 0


def test_a_failure_before_anything_is_held_changes_nothing(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("freebusy.query: 403-quotaExceeded")

    ran = move(connected, identifier)

    assert (ran.exit, ran.error["code"]) == (7, "quota-exhausted")
    assert ran.error["message"].endswith("The booking stays where it was.")
    assert shown(connected, identifier)["moving_to"] is None


def test_disconnected_it_moves_here_and_the_event_follows_later(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    connected.json("disconnect", "--yes")

    ran = move(connected, identifier)

    assert (ran.exit, ran.result["start"], ran.warnings) == (0, ELEVEN, ["not-connected", "event-left"])
    assert starts(google) == [TEN]
    assert connected.json("book", "2026-11-24T10:00", *SAM).exit == 0
    connected.connect()
    connected.json("sync")
    assert ELEVEN in starts(google)
    assert shown(connected, identifier)["start"] == ELEVEN


def test_several_moves_while_disconnected_are_one_later(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    connected.json("disconnect", "--yes")
    move(connected, identifier, "2026-11-24T11:00")
    move(connected, identifier, "2026-11-24T12:00")
    connected.connect()

    connected.json("sync")

    assert starts(google) == ["2026-11-24T12:00:00+00:00"]
    assert google.count("events.patch") == 1


def test_a_time_that_was_taken_while_disconnected_leaves_the_event_and_warns(
    connected: Shell, google: Simulator
) -> None:
    identifier = booked(connected)
    connected.json("disconnect", "--yes")
    move(connected, identifier)
    google.add_event("primary", ELEVEN, "2026-11-24T12:00:00+00:00", "Dentist")
    connected.connect()

    ran = connected.json("sync")

    assert ran.warnings == ["booking-not-moved"]
    assert sorted(starts(google)) == [TEN, ELEVEN]


def test_a_booking_made_while_disconnected_moves_without_an_event(portalcal: Shell) -> None:
    identifier = booked(portalcal)

    ran = move(portalcal, identifier)

    assert (ran.exit, ran.result["start"], ran.warnings) == (0, ELEVEN, ["not-connected"])


def test_what_is_over_cannot_be_moved(connected: Shell) -> None:
    identifier = booked(connected)
    connected.json("cancel", identifier)

    ran = move(connected, identifier)

    assert (ran.exit, ran.error["code"]) == (5, "booking-over")
    assert ran.error["message"] == f"Sam Lee's booking {identifier[:8]} is cancelled, so it cannot be moved"


def test_a_booking_on_its_way_can_be_cancelled(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.patch: 403-quotaExceeded")
    move(connected, identifier)
    google.faults.clear()

    ran = connected.json("cancel", identifier)

    assert (ran.exit, ran.result["state"]) == (0, "cancelled")
    assert google.events() == []
    for free in ("2026-11-24T10:00", "2026-11-24T11:00"):
        assert connected.json("book", free, *SAM).exit == 0


def test_the_key_still_stands_for_the_request_it_was_given_with(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected, "2026-11-24T10:00", "--key", "order-17")
    move(connected, identifier)

    again = connected.json("book", "2026-11-24T10:00", *SAM, "--key", "order-17").result

    assert (again["id"], again["replayed"], again["start"]) == (identifier, True, ELEVEN)
    assert len(google.events()) == 1


def test_what_a_dead_process_left_half_done_is_pending_until_its_lease_is_over(
    connected: Shell, google: Simulator
) -> None:
    identifier = booked(connected)
    google.faults.add("events.patch: 403-quotaExceeded once")
    move(connected, identifier)
    with closing(connected.ledger()) as ledger:
        (entry,) = ledger.due(connected.now(), most=1)
        lease(ledger, entry, now=connected.now())

        early = move(connected, identifier)
        google.clock.advance(seconds=LEASE / timedelta(seconds=1))
        late = move(connected, identifier)

    assert (early.exit, early.result["moving_to"]["start"]) == (8, ELEVEN)
    assert (late.exit, late.result["start"]) == (0, ELEVEN)


def test_times_are_read_and_shown_in_the_zone_asked_for(connected: Shell) -> None:
    identifier = booked(connected)

    moved = move(connected, identifier, "2026-11-24T12:00", "--timezone", "Europe/Berlin").result

    assert (moved["start"], moved["timezone"]) == ("2026-11-24T12:00:00+01:00", "Europe/Berlin")


def test_people_see_where_it_was_and_where_it_is(connected: Shell) -> None:
    identifier = booked(connected)

    ran = connected("reschedule", identifier[:8], "2026-11-24T11:00", "--reason", "ill")

    assert ran.err == ""
    assert ran.out.startswith("Moved from Tue 24 Nov, 10:00-10:30 (London)\n")
    assert "confirmed, moved: ill" in ran.out


def times(start: str, end: str) -> dict[str, Any]:
    return {"start": {"dateTime": f"2026-11-24T{start}:00Z"}, "end": {"dateTime": f"2026-11-24T{end}:00Z"}}


def change(google: Simulator, **fields: Any) -> None:
    """Somebody changes the one event there is, in the calendar."""
    google.clock.advance(seconds=60)
    (event,) = google.events()
    google.model.put(google.calendar("primary"), event | fields)


def drag(google: Simulator, calendar: str) -> None:
    """Somebody drags the one event there is to another calendar, which leaves a deleted one behind."""
    (event,) = google.events()
    google.model.put(google.calendar(calendar), event)
    google.model.put(google.calendar("primary"), event | {"status": "cancelled"})
