"""Availability, from the command line to the answer."""

from __future__ import annotations

import re
from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Shell

OWN = {"workspace": "default", "account": ANA}


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
    assert result["calendars"] == [{"id": ANA, "state": "checked", "reason": None} | OWN]
    assert [day["date"] for day in result["days"]] == ["2026-11-23", "2026-11-24"]
    assert result["window"] == {"start": "2026-11-23T00:00:00+00:00", "end": "2026-11-25T00:00:00+00:00"}


def test_seven_days_are_shown_unless_said_otherwise(connected: Shell) -> None:
    assert len(connected.json("availability").result["days"]) == 7


def test_notice_keeps_the_next_hours_free(connected: Shell) -> None:
    assert slots(connected, "today", "--days", "1")[0] == "2026-11-23T12:00:00+00:00"


def test_until_includes_its_date(connected: Shell) -> None:
    result = connected.json("availability", "2026-11-24", "--until", "2026-11-25").result

    assert [day["date"] for day in result["days"]] == ["2026-11-24", "2026-11-25"]


def test_until_a_weekday_is_read_from_the_start_on(connected: Shell, google: Simulator) -> None:
    google.clock.advance(days=2)

    result = connected.json("availability", "mon", "--until", "fri").result

    assert [result["days"][n]["date"] for n in (0, -1)] == ["2026-11-30", "2026-12-04"]


def test_a_week_is_shown_from_monday_to_sunday(connected: Shell) -> None:
    result = connected.json("availability", "next week").result

    assert result["window"] == {"start": "2026-11-30T00:00:00+00:00", "end": "2026-12-07T00:00:00+00:00"}


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
    google.add_calendar("team@example.com", summary="Team", role="reader")
    connected.json("calendars", "--select", "Team")
    google.model.unreadable["team@example.com"] = "internalError"

    ran = connected.json("availability")

    assert (ran.exit, ran.error["code"]) == (7, "calendar-unreadable")
    assert ran.error["details"]["calendars"] == [{"id": "team@example.com", "reason": "internalError"}]


@pytest.mark.parametrize("command", [
    ("availability",),
    ("availability", "--explain", "2026-11-24T10:00"),
    ("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com"),
])  # fmt: skip
def test_a_calendar_that_is_gone_is_no_matter_of_waiting(connected: Shell, command: tuple[str, ...]) -> None:
    connected.configure(f'[calendars]\nconflicts = ["{ANA}", "gone@example.com"]\n')

    ran = connected.json(*command)

    assert (ran.exit, ran.error["code"], ran.error["retryable"]) == (3, "calendar-lost", False)
    assert ran.error["details"]["calendars"] == [{"id": "gone@example.com", "reason": "notFound"}]
    assert ran.error["message"].startswith(
        "gone@example.com is deleted, or no longer shared with ana@example.com"
    )
    assert "take gone@example.com out of [calendars] conflicts in " in ran.error["hint"]
    assert "--deselect" not in ran.error["hint"]


def test_a_calendar_that_is_gone_and_was_chosen_by_command_is_left_out_by_command(
    connected: Shell, google: Simulator
) -> None:
    google.add_calendar("team@example.com", summary="Team", role="reader")
    connected.json("calendars", "--select", "Team")
    google.share("team@example.com", ANA, role=None)

    lost = connected.json("availability")

    assert (lost.exit, lost.error["code"]) == (3, "calendar-lost")
    assert "`portalcal calendars --deselect team@example.com`" in lost.error["hint"]
    assert connected.json("calendars", "--deselect", "team@example.com").exit == 0
    assert connected.json("availability").exit == 0


def test_a_partial_answer_is_marked_as_incomplete(connected: Shell) -> None:
    connected.configure(f'[calendars]\nconflicts = ["{ANA}", "gone@example.com"]\n')

    result = connected.json("availability", "--partial").result

    assert result["complete"] is False
    assert (
        result["calendars"][1]
        == {"id": "gone@example.com", "state": "unreadable", "reason": "notFound"} | OWN
    )


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


@pytest.mark.parametrize("what", ["2026-11-24T10:00", "2026-11-24"])
def test_the_command_that_counts_a_calendar_in_is_never_broken(
    connected: Shell, google: Simulator, what: str
) -> None:
    google.add_calendar("team@example.com", summary="Team", role="reader")
    google.add_event("team@example.com", "2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z", "Fair")

    shown = connected.on_terminal("availability", "--explain", what, columns=50)

    assert "\n        `portalcal calendars --select team@example.com`\n" in shown


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


# --- a whole day explained


def test_a_date_is_explained_start_by_start(connected: Shell, google: Simulator) -> None:
    google.add_event("primary", "2026-11-24T10:00:00Z", "2026-11-24T12:00:00Z", "Course")

    ran = connected("availability", "--explain", "tomorrow")

    assert (ran.exit, ran.err) == (0, "")
    assert ran.out == (
        "Tue 24 Nov (London): 12 of 16 starts are offered\n"
        "\n"
        "  09:00 … 09:30  offered\n"
        "  10:00 … 11:30  busy     busy 10:00-12:00 on ana@example.com\n"
        "  12:00 … 16:30  offered\n"
        "\n"
        "  earlier   Mon 23 Nov, 16:30-17:00 (London)  today, in 8 hours\n"
        "  later     Wed 25 Nov, 09:00-09:30 (London)  in 2 days\n"
    )


def test_a_date_without_starts_says_why(connected: Shell) -> None:
    ran = connected("availability", "--explain", "sat")

    assert ran.out.startswith(
        "Sat 28 Nov (London): no start is offered\n"
        "\n"
        "  all day  closed  closed at this time: Sat 28 Nov has no opening hours\n"
    )


def test_scripts_get_each_start_of_a_date_with_its_reasons(connected: Shell, google: Simulator) -> None:
    google.add_event("primary", "2026-11-24T09:30:00Z", "2026-11-24T17:00:00Z", "Course")

    told = explained(connected, "2026-11-24")

    assert (told["start"], told["end"]) == ("2026-11-24T00:00:00+00:00", "2026-11-25T00:00:00+00:00")
    assert (told["offered"], told["reasons"], len(told["starts"])) == (True, [], 16)
    assert [each["offered"] for each in told["starts"][:2]] == [True, False]
    assert [each["code"] for each in told["starts"][1]["reasons"]] == ["busy"]
    assert told["nearest"]["after"]["start"] == "2026-11-25T09:00:00+00:00"
    assert slots(connected, "2026-11-24", "--days", "1") == [
        each["start"] for each in told["starts"] if each["offered"]
    ]


def test_a_date_that_a_zone_skipped_cannot_be_explained(connected: Shell) -> None:
    ran = connected.json("availability", "--explain", "2011-12-30", "--timezone", "Pacific/Apia")

    assert (ran.exit, ran.error["message"]) == (2, "there is no Fri 30 Dec in Apia, where it was skipped")


def test_a_day_that_has_all_its_bookings_is_called_full(portalcal: Shell) -> None:
    portalcal.configure("[rules]\nmax_per_day = 1\n")
    portalcal.connect()
    booked = ("2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com")
    assert portalcal("book", *booked).exit == 0

    grid = portalcal("availability", "--days", "3").out
    narrow = portalcal("availability", "--days", "7", environ={"COLUMNS": "60"}).out
    listed = portalcal("availability", "--days", "3", "--format", "list").out
    page = portalcal("availability", "--days", "3", "--format", "html").out

    assert "full (1 of 1)" in grid.splitlines()[4]
    assert "full" in narrow.splitlines()[4]
    assert "full (1" not in narrow
    assert "Tuesday 24 November, tomorrow: no times, full (1 of 1)\n" in listed
    assert "full (1 of 1)" in page


# --- a few times for a guest


def test_the_first_times_are_a_line_each(connected: Shell) -> None:
    ran = connected("availability", "tomorrow", "--limit", "2")

    assert ran.out == (
        "Meetings of 30 minutes, times in London (Europe/London, UTC+00:00)\n"
        "\n"
        "Tuesday 24 November, tomorrow: 2 times\n"
        "  09:00 to 09:30\n"
        "  09:30 to 10:00\n"
    )


def test_times_are_picked_on_several_days_and_written_one_a_line(connected: Shell) -> None:
    ran = connected("availability", "tomorrow", "--pick", "4", "--format", "text")

    assert ran.out.splitlines()[2:] == [
        "- Tuesday 24 November, 09:00 to 09:30",
        "- Wednesday 25 November, 09:00 to 09:30",
        "- Thursday 26 November, 09:00 to 09:30",
        "- Friday 27 November, 09:00 to 09:30",
    ]
    assert slots(connected, "tomorrow", "--pick", "2") == [
        "2026-11-24T09:00:00+00:00",
        "2026-11-25T09:00:00+00:00",
    ]


def test_the_page_for_guests_has_offered_times_alone(connected: Shell, google: Simulator) -> None:
    google.add_event("primary", "2026-11-24T10:00:00Z", "2026-11-24T12:00:00Z", "Course")

    page = connected("availability", "tomorrow", "--days", "2", "--format", "html", "--for-guests").out

    assert 'datetime="2026-11-24T09:00+00:00">09:00–09:30<' in page
    assert "10:00–10:30" not in page.split("25 November")[0]
    assert not {"busy", "booked", "Course", "Checked"} & set(
        re.findall(r"busy|booked|Course|Checked", page.split("</style>")[1])
    )


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        (("--limit", "2", "--pick", "2"), "--limit and --pick both choose among the times"),
        (("--for-guests",), "--for-guests is about the page of --format html"),
    ],
)
def test_choices_that_exclude_each_other_are_refused(
    connected: Shell, options: tuple[str, ...], fact: str
) -> None:
    ran = connected.json("availability", *options)

    assert (ran.exit, ran.error["message"]) == (2, fact)
