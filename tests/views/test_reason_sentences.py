"""Every reason is one clear sentence with its cause and time; the terminal and JSON say the same."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from portalcal.core.schedule import Hours, Period, Schedule
from portalcal.core.slots import Align, FreeBusy, FreeReason, ReasonCode, Rules, SchedulingInputs
from portalcal.ports import Event
from portalcal.results import Note
from portalcal.views.reason_sentences import format_notes, format_reasons, title_of
from tests.builders import LONDON, at, span
from tests.views.builders import ID, NEW_YORK, NINE_TO_ONE, TEAM, a_question, an_explanation, the_booking

HOUR = timedelta(hours=1)


def _rules(**rules: object) -> Rules:
    return Rules(duration=HOUR, notice=timedelta(0))._replace(**rules)  # type: ignore[arg-type]


def _with_exception(hours: tuple[Hours, ...]) -> Schedule:
    return Schedule(LONDON, NINE_TO_ONE.weekly, {date(2026, 3, 3): hours})


def _in_period(tuesdays: tuple[Hours, ...] | None, zone: ZoneInfo | None) -> Schedule:
    weekly = (None, tuesdays, None, None, None, None, None)
    return NINE_TO_ONE._replace(
        periods=(Period("summer hours", date(2026, 3, 2), date(2026, 3, 6), weekly, zone),)
    )


LIMITED = the_booking("Tue 11:00-12:00")
CASES: dict[str, tuple[SchedulingInputs, str, str]] = {
    "past": (a_question(now=at("Tue 09:20")), "Tue 09:00", "in the past: it is 09:20 now"),
    "notice": (
        a_question(rules=_rules(notice=timedelta(hours=26))),
        "Tue 09:00",
        "too soon: with 1d2h notice the earliest start is 10:10",
    ),
    "horizon": (
        a_question(rules=_rules(horizon=1)),
        "Wed 09:00",
        "too far ahead: bookings open 1 day ahead, up to Tue 3 Mar",
    ),
    "closed": (a_question(), "Tue 12:30", "closes at 13:00, before a 1h meeting would end"),
    "closed, before opening": (
        a_question(),
        "Tue 08:00",
        "closed at this time: Tue 3 Mar is open 09:00-13:00",
    ),
    "closed, all day": (a_question(), "Sun 09:00", "closed at this time: Sun 8 Mar has no opening hours"),
    "exception": (
        a_question(schedule=_with_exception(())),
        "Tue 09:00",
        "Tue 3 Mar is closed by an exception",
    ),
    "exception, with hours": (
        a_question(schedule=_with_exception((Hours(660, 720),))),
        "Tue 09:00",
        "Tue 3 Mar has hours of its own: 11:00-12:00",
    ),
    "holiday": (
        a_question(schedule=NINE_TO_ONE._replace(holidays={date(2026, 3, 3): "Shrovetide"})),
        "Tue 09:00",
        "Tue 3 Mar is a holiday: Shrovetide",
    ),
    "period": (
        a_question(schedule=_in_period((Hours(660, 720),), None)),
        "Tue 09:00",
        "Tue 3 Mar lies in summer hours: open 11:00-12:00",
    ),
    "period, closed": (
        a_question(schedule=_in_period((), None)),
        "Tue 09:00",
        "Tue 3 Mar lies in summer hours: closed",
    ),
    "period, away": (
        a_question(schedule=_in_period(None, NEW_YORK)),
        "Tue 09:00",
        "Tue 3 Mar lies in summer hours: open 09:00-13:00 (New York)",
    ),
    "off-grid": (a_question(), "Tue 09:20", "not a start of the grid: starts lie every 1h from 09:00"),
    "off-grid, by the hour": (
        a_question(rules=_rules(align=Align.HOUR)),
        "Tue 09:20",
        "not a start of the grid: starts lie every 1h from the full hour",
    ),
    "busy": (a_question(busy=("Tue 09:30-11:00",)), "Tue 10:00", "busy 09:30-11:00 on Team calendar"),
    "booked": (
        a_question(claims=(LIMITED,)),
        "Tue 11:00",
        f"booked 11:00-12:00 by Ana's booking {str(ID)[:8]}",
    ),
    "offered": (
        a_question(claims=(LIMITED,), now=at("Mon 08:00"))._replace(
            claims=(LIMITED.claims[0]._replace(booking="o1", expires_at=at("Mon 12:00")),)
        ),
        "Tue 11:00",
        "11:00-12:00 is held for offer o1",
    ),
    "buffer, after": (
        a_question(rules=_rules(buffer_after=HOUR / 2), busy=("Tue 11:00-11:15",)),
        "Tue 10:00",
        "too close to busy 11:00-11:15 on Team calendar: 30m after the meeting must be free",
    ),
    "buffer, before": (
        a_question(rules=_rules(buffer_before=HOUR / 4), busy=("Tue 09:50-10:00",)),
        "Tue 10:00",
        "too close to busy 09:50-10:00 on Team calendar: 15m before the meeting must be free",
    ),
    "buffer, of a booking": (
        a_question(rules=_rules(buffer_after=HOUR / 4), claims=(LIMITED,)),
        "Tue 10:00",
        f"too close to Ana's booking {str(ID)[:8]} at 11:00-12:00: the time kept free around both would overlap",
    ),
    "day-full": (
        a_question(rules=_rules(max_per_day=1), claims=(LIMITED,)),
        "Tue 09:00",
        "Tue 3 Mar is full: it has its 1 booking (max_per_day)",
    ),
    "day-full, by minutes": (
        a_question(rules=_rules(max_minutes_per_day=119), claims=(LIMITED,)),
        "Tue 09:00",
        "Tue 3 Mar is full: with this meeting it would have more than 1h59m (max_minutes_per_day)",
    ),
    "week-full": (
        a_question(rules=_rules(max_per_week=1), claims=(LIMITED,)),
        "Wed 09:00",
        "week 10 is full: it has its 1 booking (max_per_week)",
    ),
    "unreadable": (
        a_question()._replace(calendars=(FreeBusy("boss@example.com", unread="notFound"),)),
        "Tue 09:00",
        "unknown whether it is free: boss@example.com cannot be read (deleted, or not shared)",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_sentence_names_the_cause_and_its_time(name: str) -> None:
    inputs, start, sentence = CASES[name]

    explanation = an_explanation(inputs, start)

    assert [each.why.value for each in explanation.reasons] == [name.split(",", maxsplit=1)[0]]
    assert format_reasons(explanation) == (sentence,)


def test_every_reason_has_its_sentence_here() -> None:
    assert {name.split(",")[0] for name in CASES} == {why.value for why in ReasonCode if not why.is_of_people}


def _event(title: str | None, when: str, calendar: str = TEAM) -> Event:
    return Event(
        "e1", calendar, span(when), is_cancelled=False, is_busy=True, created=None, etag="", title=title
    )


def test_the_titles_behind_a_busy_time_are_told_where_they_may_be_shown() -> None:
    events = (
        _event("Dentist\x1b[2J", "Tue 09:30-10:00"),
        _event("Review", "Tue 10:00-11:00"),
        _event("Elsewhere", "Tue 10:00-11:00", "another@example.com"),
        _event("Later", "Tue 11:00-12:00"),
        _event(None, "Tue 10:00-10:30"),
    )
    explanation = an_explanation(a_question(busy=("Tue 09:30-11:00",)), "Tue 10:00")._replace(blocking=events)

    (sentence,) = format_reasons(explanation)

    assert sentence == "busy 09:30-11:00 on Team calendar: Dentist␛[2J / Review"
    assert title_of(explanation.reasons[0], explanation) == "Dentist\x1b[2J / Review"


NOTES = {
    FreeReason.TRANSPARENT: "“Focus” on Team calendar, 10:00-11:00, is shown as free, so it does not count",
    FreeReason.DECLINED: "“Focus” on Team calendar, 10:00-11:00, was declined, so it does not count",
    FreeReason.WORKING_LOCATION: "a working location on Team calendar, 10:00-11:00, takes no time",
    FreeReason.BIRTHDAY: "a birthday on Team calendar, 10:00-11:00, takes no time",
    FreeReason.NOT_SELECTED: f"Team calendar is busy 10:00-11:00 but does not count: `portalcal calendars --select {TEAM}`",
}


@pytest.mark.parametrize("why", FreeReason)
def test_what_only_seems_to_be_in_the_way_is_explained(why: FreeReason) -> None:
    note = Note(why, TEAM, span("Tue 10:00-11:00"), "Focus")

    assert format_notes(an_explanation(a_question(), "Tue 10:00")._replace(notes=(note,))) == (NOTES[why],)


def test_a_note_without_a_title_speaks_of_an_event() -> None:
    note = Note(FreeReason.DECLINED, "x\x1b[2J", span("Tue 10:00-11:00"))

    (sentence,) = format_notes(an_explanation(a_question(), "Tue 10:00")._replace(notes=(note,)))

    assert sentence == "an event on x␛[2J, 10:00-11:00, was declined, so it does not count"


def test_times_are_the_readers_and_the_schedules_hours_name_their_place() -> None:
    inputs = a_question(busy=("Tue 09:00-11:00",))

    assert format_reasons(an_explanation(inputs, "Tue 08:30", zone=NEW_YORK)) == (
        "closed at this time: Tue 3 Mar is open 09:00-13:00 (London)",
        "busy 04:00-06:00 on Team calendar",
    )


def test_the_earliest_start_is_told_as_a_minute_that_is_really_late_enough() -> None:
    now = at("08:10") + timedelta(seconds=1)

    (sentence,) = format_reasons(an_explanation(a_question(now=now, rules=_rules(notice=HOUR)), "09:00"))

    assert sentence == "too soon: with 1h notice the earliest start is 09:11"


def test_a_cause_on_another_date_names_it() -> None:
    overnight = Schedule(LONDON, ((Hours(1320, 240),),) * 7)
    inputs = a_question(schedule=overnight, busy=("Tue 00:30-02:00",), rules=_rules(duration=3 * HOUR))

    assert format_reasons(an_explanation(inputs, "22:00")) == (
        "busy Tue 3 Mar, 00:30-02:00 on Team calendar",
    )


def test_foreign_names_and_reasons_are_made_harmless() -> None:
    inputs = a_question()._replace(calendars=(FreeBusy("x\x1b[2J", unread="no\x07"),))

    (sentence,) = format_reasons(an_explanation(inputs, "Tue 09:00"))

    assert sentence == "unknown whether it is free: x␛[2J cannot be read (no␇)"
