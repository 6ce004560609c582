"""The engine against the naive oracle: on every kind of clock change there ever was, and on whatever Hypothesis finds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portalcal.core.instants import local_day, wall
from portalcal.core.intervals import Interval, Intervals
from portalcal.core.schedule import Hours, Schedule
from portalcal.core.slots import Align, FreeBusy, Promise, Question, Rules, offered, reasons
from tests import oracle
from tests.core import zones
from tests.core.questions import LONG_AGO, a_schedule, minutes, rules

_ONE_DAY = timedelta(days=1)
_PATTERNS = (
    (a_schedule("00:00-24:00"), rules(30)),
    (a_schedule("22:00-06:00"), rules(45, 40)),
    (a_schedule("01:30-02:30 03:00-04:00 23:30-01:00"), rules(20, 10)),
    (a_schedule("00:15-00:45 01:10-05:00"), rules(15, align=Align.HOUR)),
)


def _agree(question: Question) -> None:
    assert [each.start for each in offered(question)] == oracle.starts(question)


@pytest.mark.parametrize("pattern", range(len(_PATTERNS)))
def test_on_every_kind_of_clock_change_of_every_zone_the_engine_agrees(pattern: int) -> None:
    weekly, chosen = _PATTERNS[pattern]
    # Each day meets one pattern, so that all of tzdata stays a matter of seconds.
    for name, day in zones.kinds_of_transition()[pattern :: len(_PATTERNS)]:
        zone = ZoneInfo(name)
        window = Interval(wall(day, -720, zone), wall(day, 2160, zone))
        _agree(Question(Schedule(zone, weekly.weekly), chosen, window, LONG_AGO))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Pacific/Apia", "2011-12-30", None),
        ("Pacific/Kwajalein", "1993-08-21", None),
        ("Europe/London", "2026-03-29", 23),
        ("Europe/London", "2026-10-25", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("America/Sao_Paulo", "2017-10-15", 23),
        ("Asia/Beirut", "2026-03-29", 23),
        ("Africa/Cairo", "2026-04-24", 23),
        ("Asia/Kathmandu", "2026-04-24", 24),
    ],
)
def test_odd_days_last_as_long_as_they_did(zone: str, day: str, hours: float | None) -> None:
    stretch = local_day(date.fromisoformat(day), ZoneInfo(zone))

    assert (stretch.length / timedelta(hours=1) if stretch else None) == hours


# --- whatever Hypothesis finds ---------------------------------------------------------------------------------------

_TIMES = st.integers(0, 95).map(lambda quarter: quarter * 15)
_RANGES = (
    st.tuples(_TIMES, _TIMES | st.just(1440))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: Hours(*pair))
)
_DAYS = st.lists(_RANGES, max_size=2).map(tuple)
_WEEKS = (
    st.tuples(*[_DAYS] * 7)
    | _DAYS.map(lambda day: (day,) * 7)
    | st.just(((Hours(0, 1440),),) * 7)
    | st.just(((Hours(9 * 60, 17 * 60),),) * 7)
)


@st.composite
def _places(draw: st.DrawFn) -> tuple[ZoneInfo, date]:
    """A zone, and more often than not a day on which its clocks change."""
    name = draw(st.sampled_from(zones.names()))
    changes = zones.transitions(name)
    if changes and draw(st.integers(0, 3)) > 0:
        change = changes[draw(st.integers(0, len(changes) - 1))]
        day = change.astimezone(ZoneInfo(name)).date()
        return ZoneInfo(name), day + draw(st.integers(-1, 1)) * _ONE_DAY
    return ZoneInfo(name), draw(st.dates(date(1990, 1, 1), date(2030, 12, 31)))


@st.composite
def _questions(draw: st.DrawFn) -> Question:
    zone, day = draw(_places())
    near = st.integers(-3, 3).map(lambda n: day + n * _ONE_DAY)
    exceptions = draw(st.dictionaries(near, _DAYS, max_size=2))
    schedule = Schedule(zone, draw(_WEEKS), MappingProxyType(exceptions))
    origin = wall(day, 0, zone)
    spans = st.builds(
        lambda start, length: Interval(origin + minutes(start), origin + minutes(start + length)),
        st.integers(-1500, 3000), st.integers(1, 300),
    )  # fmt: skip
    promises = [
        Promise(
            f"b{n}",
            draw(st.sampled_from([None, "intro"])),
            span,
            span.widened(*draw(st.tuples(_BUFFERS, _BUFFERS))),
        )
        for n, span in enumerate(draw(st.lists(spans, max_size=3)))
    ]
    calendars = [
        FreeBusy(f"c{n}", Intervals.of(each))
        for n, each in enumerate(draw(st.lists(st.lists(spans, max_size=3), max_size=2)))
    ]
    start = origin + minutes(draw(st.integers(-600, 900)))
    window = Interval(start, start + minutes(draw(st.integers(1, 1500))))
    now = origin + timedelta(
        seconds=draw(st.integers(-200_000, 120_000)), microseconds=draw(st.sampled_from([0, 1]))
    )
    return Question(
        schedule,
        draw(_RULES),
        window,
        now,
        draw(st.sampled_from([None, "intro"])),
        tuple(calendars),
        tuple(promises),
    )


_BUFFERS = st.sampled_from([0, 5, 15, 60]).map(minutes)
_RULES = st.builds(
    Rules,
    duration=st.sampled_from([15, 20, 30, 45, 60, 90]).map(minutes),
    step=st.sampled_from([None, 5, 10, 15, 25, 40, 60, 120]).map(lambda step: step and minutes(step)),
    buffer_before=_BUFFERS,
    buffer_after=_BUFFERS,
    notice=st.sampled_from([0, 60, 600, 2880]).map(minutes),
    horizon=st.sampled_from([0, 1, 2, 60]),
    max_per_day=st.integers(0, 2),
    max_per_week=st.integers(0, 3),
    align=st.sampled_from(Align),
)
_PATIENT = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_PATIENT
@given(_questions())
def test_the_engine_offers_what_the_oracle_offers(question: Question) -> None:
    _agree(question)


@_PATIENT
@given(_questions(), st.integers(0, 287))
def test_the_reasons_are_those_the_oracle_finds(question: Question, five_minutes: int) -> None:
    start = question.window.start.replace(second=0) + minutes(5 * five_minutes)
    question = question.about(start)

    told = {each.why.value for each in reasons(question, start)}

    assert told == oracle.against(question, start)


@_PATIENT
@given(_questions(), st.integers(0, 287))
def test_there_is_no_reason_exactly_when_the_start_is_offered(question: Question, five_minutes: int) -> None:
    start = question.window.start + minutes(5 * five_minutes)
    listed = [each.start for each in offered(question.about(start))]

    assert (start in listed) == (not reasons(question, start))


@_PATIENT
@given(_questions())
def test_every_offered_meeting_is_offered_whatever_window_it_is_asked_in(question: Question) -> None:
    for meeting in offered(question):
        assert offered(question.about(meeting.start)) == (meeting,)


def test_the_oracle_reads_wall_times_as_rfc_5545_does() -> None:
    london = ZoneInfo("Europe/London")

    assert oracle.instant(oracle.wall(date(2026, 3, 29), 90, london)) == datetime(
        2026, 3, 29, 1, 30, tzinfo=UTC
    )
    assert oracle.instant(oracle.wall(date(2026, 10, 25), 90, london)) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )
