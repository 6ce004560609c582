"""The engine against the naive oracle: on every kind of clock change there ever was, and on whatever Hypothesis finds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portalcal.core.intervals import Interval, Intervals
from portalcal.core.schedule import Hours, Period, Schedule, Stretch
from portalcal.core.slots import Align, Claim, FreeBusy, Rules, SchedulingInputs, offered, reasons
from portalcal.core.time import local_day, wall
from tests import oracle, selection
from tests.core import zones
from tests.core.scheduling_inputs import LONG_AGO, a_question, a_schedule, minutes, rules
from tests.selection import examples, some

_ONE_DAY = timedelta(days=1)
_PATTERNS = (
    (a_schedule("00:00-24:00"), rules(30)),
    (a_schedule("22:00-06:00"), rules(45, 40)),
    (a_schedule("01:30-02:30 03:00-04:00 23:30-01:00"), rules(20, 10)),
    (a_schedule("00:15-00:45 01:10-05:00"), rules(15, align=Align.HOUR)),
)


def _agree(inputs: SchedulingInputs) -> None:
    assert [each.start for each in offered(inputs)] == oracle.starts(inputs)


@pytest.mark.parametrize("pattern", range(len(_PATTERNS)))
def test_on_every_kind_of_clock_change_of_every_zone_the_engine_agrees(pattern: int) -> None:
    weekly, chosen = _PATTERNS[pattern]
    # Each day meets one pattern, so that all of tzdata stays a matter of seconds.
    for name, day in some(zones.kinds_of_transition()[pattern :: len(_PATTERNS)], one_in=24):
        zone = ZoneInfo(name)
        window = Interval(wall(day, -180, zone), wall(day, 1620, zone))
        _agree(SchedulingInputs(Schedule(zone, weekly.weekly), chosen, window, LONG_AGO))


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


@pytest.mark.parametrize(
    ("zone", "skipped"),
    [
        ("Pacific/Kwajalein", "1993-08-21"),
        ("Pacific/Kanton", "1994-12-31"),
        ("Pacific/Kiritimati", "1994-12-31"),
        ("Pacific/Apia", "2011-12-30"),
        ("Pacific/Fakaofo", "2011-12-30"),
    ],
)
@pytest.mark.parametrize("hours", selection.first(["22:30-05:45", "18:00-12:00", "00:00-24:00"], 1))
@pytest.mark.parametrize("before", range(-1, 3))
def test_about_a_date_that_never_was_the_engine_agrees(
    zone: str, skipped: str, hours: str, before: int
) -> None:
    day = date.fromisoformat(skipped)
    # One weekday is open, so that no other range hides what became of its own; or all are but that one.
    weekday = (day - before * _ONE_DAY).weekday()
    daily = a_schedule(hours, zone)
    for is_open in (True, False):
        weekly = (own if (n == weekday) is is_open else () for n, own in enumerate(daily.weekly))
        schedule = daily._replace(weekly=tuple(weekly))
        for after in (-1, 0, 1, 2, 7):
            start = wall(day + after * _ONE_DAY, 0, schedule.zone)
            window = Interval(start, start + _ONE_DAY)
            _agree(SchedulingInputs(schedule, rules(15, 25), window, LONG_AGO))


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
def _years(draw: st.DrawFn, schedule: Schedule, day: date) -> Schedule:
    """The schedule with stretches, holidays and periods about a day; one in two travels, often over a clock change."""
    near = st.integers(-4, 4).map(lambda n: day + n * _ONE_DAY)
    holidays = draw(st.dictionaries(near, st.just("holiday"), max_size=2))
    pairs = st.tuples(near, near).map(lambda pair: (min(pair), max(pair)))
    places = st.none() | st.sampled_from(_FAR_APART)
    weeks = st.tuples(*[st.none() | _DAYS] * 7)
    return schedule._replace(
        stretches=tuple(Stretch(*pair, draw(_DAYS)) for pair in draw(st.lists(pairs, max_size=2))),
        holidays=MappingProxyType(holidays),
        holidays_open=frozenset(draw(st.sets(st.sampled_from(sorted(holidays)))))
        if holidays
        else frozenset(),
        periods=tuple(
            Period("away", *pair, draw(weeks), draw(places)) for pair in draw(st.lists(pairs, max_size=2))
        ),
    )


# From UTC-11 to UTC+14, with clock changes in March, April, October and November on both halves of the world.
_FAR_APART = tuple(
    map(
        ZoneInfo,
        (
            "Pacific/Pago_Pago",
            "America/New_York",
            "Europe/London",
            "Australia/Lord_Howe",
            "Pacific/Kiritimati",
        ),
    )
)


@st.composite
def _questions(draw: st.DrawFn) -> SchedulingInputs:
    zone, day = draw(_places())
    near = st.integers(-3, 3).map(lambda n: day + n * _ONE_DAY)
    exceptions = draw(st.dictionaries(near, _DAYS, max_size=2))
    schedule = Schedule(zone, draw(_WEEKS), MappingProxyType(exceptions))
    if draw(st.booleans()):
        schedule = draw(_years(schedule, day))
    origin = wall(day, 0, zone)
    spans = st.builds(
        lambda start, length: Interval(origin + minutes(start), origin + minutes(start + length)),
        st.integers(-1500, 3000), st.integers(1, 300),
    )  # fmt: skip
    claims = [
        Claim(
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
    return SchedulingInputs(
        schedule,
        draw(_RULES),
        window,
        now,
        draw(st.sampled_from([None, "intro"])),
        tuple(calendars),
        tuple(claims),
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
    max_minutes_per_day=st.sampled_from([0, 0, 30, 120, 400]),
)
_PATIENT = settings(max_examples=examples(150))

# Kanton's calendar goes from Fri 30 Dec 1994 to Sun 1 Jan 1995, and Friday's range runs over the date that never was.
_OVER_A_SKIPPED_DATE = a_question(
    a_schedule(zone="Pacific/Kanton", fri="22:30-05:45"), "1994-12-31 11:00/1994-12-31 17:00", rules=rules(15)
)


@_PATIENT
@given(_questions())
@example(_OVER_A_SKIPPED_DATE)
def test_the_engine_offers_what_the_oracle_offers(inputs: SchedulingInputs) -> None:
    _agree(inputs)


_A_DAY_OF_TRAVEL = a_question(
    Schedule(
        ZoneInfo("Africa/Abidjan"),
        stretches=(Stretch(date(2000, 1, 1), date(2000, 1, 1), (Hours(0, 1440),)),),
        periods=(
            Period("away", date(2000, 1, 1), date(2000, 1, 1), (None,) * 7, ZoneInfo("Pacific/Pago_Pago")),
        ),
    ),
    "2000-01-01 00:00/2000-01-01 00:15",
    rules=rules(15),
)
"""The stretch would open the start; the period alone, by its zone, is what excludes it."""


@_PATIENT
@given(_questions(), st.integers(0, 287))
@example(_OVER_A_SKIPPED_DATE, 0)
@example(_A_DAY_OF_TRAVEL, 0)
def test_the_reasons_are_those_the_oracle_finds(inputs: SchedulingInputs, five_minutes: int) -> None:
    start = inputs.window.start.replace(second=0) + minutes(5 * five_minutes)
    inputs = inputs.about(start)

    told = {each.why.value for each in reasons(inputs, start)}

    assert told == oracle.against(inputs, start)


@_PATIENT
@given(_questions(), st.integers(0, 287))
@example(_OVER_A_SKIPPED_DATE, 0)
def test_there_is_no_reason_exactly_when_the_start_is_offered(
    inputs: SchedulingInputs, five_minutes: int
) -> None:
    start = inputs.window.start + minutes(5 * five_minutes)
    listed = [each.start for each in offered(inputs.about(start))]

    assert (start in listed) == (not reasons(inputs, start))


@_PATIENT
@given(_questions())
def test_every_offered_meeting_is_offered_whatever_window_it_is_asked_in(inputs: SchedulingInputs) -> None:
    for meeting in offered(inputs):
        assert offered(inputs.about(meeting.start)) == (meeting,)


_CHANGES = ("2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01")


@pytest.mark.parametrize(("pattern", "change"), [*enumerate(_CHANGES)])
@pytest.mark.parametrize(
    ("home", "away"), [("Europe/London", "America/New_York"), ("America/New_York", "Europe/London")]
)
def test_a_journey_over_the_clock_changes_of_both_zones_is_as_the_oracle_has_it(
    change: str, home: str, away: str, pattern: int
) -> None:
    weekly, chosen = _PATTERNS[pattern]
    zone, day = ZoneInfo(home), date.fromisoformat(change)
    for first, last in ((-1, 0), (0, 0), (0, 1), (1, 2)):
        journey = Period("away", day + first * _ONE_DAY, day + last * _ONE_DAY, zone=ZoneInfo(away))
        schedule = Schedule(zone, weekly.weekly, periods=(journey,), holidays={day + _ONE_DAY: "holiday"})
        window = Interval(wall(day - _ONE_DAY, 0, zone), wall(day + 2 * _ONE_DAY, 0, zone))
        _agree(SchedulingInputs(schedule, chosen, window, LONG_AGO))


def test_the_oracle_reads_wall_times_as_rfc_5545_does() -> None:
    london = ZoneInfo("Europe/London")

    assert oracle.instant(oracle.wall(date(2026, 3, 29), 90, london)) == datetime(
        2026, 3, 29, 1, 30, tzinfo=UTC
    )
    assert oracle.instant(oracle.wall(date(2026, 10, 25), 90, london)) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )
