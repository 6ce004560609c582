"""Availability, from the command line to the answer."""

from __future__ import annotations

from typing import Any

from portalcal.simulator import Simulator
from tests.cli.conftest import ANA, Shell


def slots(shell: Shell, *arguments: str) -> list[str]:
    result = shell.json("availability", *arguments).result
    return [slot["start"] for day in result["days"] for slot in day["slots"]]


def test_what_is_busy_is_not_offered_and_one_request_asks_for_it(connected: Shell, google: Simulator) -> None:
    google.add_event("primary", "2026-11-24T09:00:00Z", "2026-11-24T16:00:00Z", "Course")

    assert slots(connected, "2026-11-24", "--days", "1") == [
        "2026-11-24T16:00:00+00:00",
        "2026-11-24T16:30:00+00:00",
    ]
    assert [each.operation for each in google.requests] == ["freebusy.query"]


def test_the_answer_says_what_it_rests_on(connected: Shell) -> None:
    result = connected.json("availability", "--days", "2").result

    assert (result["basis"], result["complete"]) == ("calendars", True)
    assert result["calendars"] == [{"id": ANA, "state": "checked", "reason": None}]
    assert [day["date"] for day in result["days"]] == ["2026-11-23", "2026-11-24"]
    assert result["window"] == {"start": "2026-11-23T00:00:00+00:00", "end": "2026-11-25T00:00:00+00:00"}


def test_seven_days_are_shown_unless_said_otherwise(connected: Shell) -> None:
    assert len(connected.json("availability").result["days"]) == 7


def test_notice_keeps_the_next_hours_free(connected: Shell) -> None:
    assert slots(connected, "today", "--days", "1")[0] == "2026-11-23T12:00:00+00:00"


def test_until_includes_its_date(connected: Shell) -> None:
    result = connected.json("availability", "2026-11-24", "--until", "2026-11-25").result

    assert [day["date"] for day in result["days"]] == ["2026-11-24", "2026-11-25"]


def test_a_length_and_a_zone_can_be_asked_for(connected: Shell) -> None:
    starts = slots(
        connected, "2026-11-24", "--days", "1", "--duration", "4h", "--timezone", "America/New_York"
    )

    assert starts == ["2026-11-24T04:00:00-05:00", "2026-11-24T08:00:00-05:00"]


def test_disconnected_the_schedule_alone_answers_with_a_warning(portalcal: Shell, google: Simulator) -> None:
    ran = portalcal.json("availability", "2026-11-24", "--days", "1")

    assert (ran.exit, ran.result["basis"], ran.warnings) == (0, "schedule", ["not-connected"])
    assert google.count() == 0


def test_a_calendar_that_cannot_be_read_is_never_free(connected: Shell, google: Simulator) -> None:
    connected.configure(f'[calendars]\nconflicts = ["{ANA}", "gone@example.com"]\n')

    ran = connected.json("availability")

    assert (ran.exit, ran.error["code"]) == (7, "calendar-unreadable")
    assert ran.error["details"]["calendars"] == [{"id": "gone@example.com", "reason": "notFound"}]


def test_a_partial_answer_is_marked_as_incomplete(connected: Shell) -> None:
    connected.configure(f'[calendars]\nconflicts = ["{ANA}", "gone@example.com"]\n')

    result = connected.json("availability", "--partial").result

    assert result["complete"] is False
    assert result["calendars"][1] == {"id": "gone@example.com", "state": "unreadable", "reason": "notFound"}


def explained(shell: Shell, time: str) -> Any:
    return shell.json("availability", "--explain", time).result


def test_an_offered_time_has_no_reasons(connected: Shell) -> None:
    told = explained(connected, "2026-11-24T10:00")

    assert (told["offered"], told["reasons"]) == (True, [])
    assert told["nearest"]["before"]["start"] == "2026-11-24T09:30:00+00:00"


def test_every_reason_is_told_with_its_cause(connected: Shell, google: Simulator) -> None:
    google.add_event("primary", "2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z", "Dentist")

    told = explained(connected, "2026-11-24T10:10")

    assert [each["code"] for each in told["reasons"]] == ["off-grid", "busy"]
    assert told["reasons"][1]["calendar"] == ANA
    assert told["reasons"][1]["start"] == "2026-11-24T10:00:00+00:00"
    assert told["nearest"]["after"]["start"] == "2026-11-24T11:00:00+00:00"


def test_a_booking_of_ours_is_named(connected: Shell) -> None:
    booked = connected.json("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com").result

    told = explained(connected, "2026-11-24T10:00")

    assert [(each["code"], each["booking"]) for each in told["reasons"]] == [("booked", booked["id"])]


def test_days_and_until_together_are_refused(connected: Shell) -> None:
    ran = connected.json("availability", "--days", "3", "--until", "fri")

    assert (ran.exit, ran.error["code"]) == (2, "usage")


def test_an_empty_window_is_refused(connected: Shell) -> None:
    ran = connected.json("availability", "2026-11-25", "--until", "2026-11-24")

    assert (ran.exit, ran.error["code"]) == (2, "usage")


def test_google_out_of_reach_is_never_taken_for_disconnected(connected: Shell, google: Simulator) -> None:
    google.faults.add("freebusy.query: 403-quotaExceeded")

    ran = connected.json("availability")

    assert (ran.exit, ran.error["code"], ran.error["retryable"]) == (7, "quota-exhausted", True)


def test_people_are_told_on_stderr_which_calendars_were_checked(connected: Shell) -> None:
    ran = connected("availability", "--days", "1")

    assert ran.err == "Checked 1 calendar at 08:00 (London)\n"


def test_a_busy_time_on_a_calendar_nobody_selected_is_pointed_out(
    connected: Shell, google: Simulator
) -> None:
    google.add_calendar("team@example.com", summary="Team", role="reader")
    google.add_event("team@example.com", "2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z", "Fair")

    told = explained(connected, "2026-11-24T10:00")

    assert (told["offered"], [each["code"] for each in told["notes"]]) == (True, ["not-selected"])
    assert told["notes"][0]["message"] == (
        "Team is busy 10:00-11:00 but does not count: `portalcal calendars --select team@example.com`"
    )


def test_events_that_only_look_as_if_they_blocked_are_pointed_out(
    connected: Shell, google: Simulator
) -> None:
    times = ("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z")
    google.add_event("primary", *times, "Reminder", transparency="transparent")
    google.add_event(
        "primary", *times, "Party", attendees=[{"email": ANA, "self": True, "responseStatus": "declined"}]
    )

    told = explained(connected, "2026-11-24T10:00")

    assert sorted(each["code"] for each in told["notes"]) == ["declined", "transparent"]
    assert [each["title"] for each in told["notes"]] == [None, None]


def test_a_title_is_told_only_with_the_extra_permission(portalcal: Shell, google: Simulator) -> None:
    google.add_event("primary", "2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z", "Dentist")
    portalcal("connect")
    assert explained(portalcal, "2026-11-24T10:00")["reasons"][0]["title"] is None

    portalcal("connect", "--titles")

    reason = explained(portalcal, "2026-11-24T10:00")["reasons"][0]
    assert reason["title"] == "Dentist"
    assert reason["message"] == "busy 10:00-11:00 on ana@example.com: Dentist"


def test_an_explanation_survives_events_that_cannot_be_read(connected: Shell, google: Simulator) -> None:
    google.faults.add("events.list: 403-forbidden")

    ran = connected.json("availability", "--explain", "2026-11-24T10:00")

    assert (ran.exit, ran.result["offered"], ran.warnings) == (0, True, ["events-unread"])
