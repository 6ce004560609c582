from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from portalcal.core.instants import wall
from portalcal.core.intervals import Interval
from portalcal.core.schedule import Hours, Opening, Schedule
from tests.core.questions import a_schedule, between, minutes, utc

APIA = ZoneInfo("Pacific/Apia")


def _openings(schedule: Schedule, window: str) -> list[Interval]:
    return [each.span for each in schedule.openings(between(window))]


@pytest.mark.parametrize(
    ("written", "does"), [((1320, 120), True), ((540, 540), True), ((540, 1440), False), ((1320, 0), True)]
)
def test_an_end_at_or_before_the_start_is_on_the_next_day(written: tuple[int, int], does: bool) -> None:
    assert Hours(*written).is_overnight is does


def test_an_opening_keeps_its_true_start_when_the_window_begins_inside_it() -> None:
    week = a_schedule("09:00-17:00")

    assert _openings(week, "2026-03-02 12:00/13:00") == [between("2026-03-02 09:00/17:00")]


def test_an_opening_that_only_touches_the_window_is_not_met() -> None:
    assert _openings(a_schedule("09:00-17:00"), "2026-03-02 17:00/18:00") == []


def test_touching_and_overlapping_ranges_are_one_opening() -> None:
    week = a_schedule("09:00-12:00 12:00-14:00 13:00-17:00")

    assert _openings(week, "2026-03-02 00:00/2026-03-03 00:00") == [between("2026-03-02 09:00/17:00")]


def test_a_range_to_midnight_and_one_from_midnight_are_one_opening() -> None:
    week = a_schedule(mon="20:00-24:00", tue="00:00-03:00")

    assert _openings(week, "2026-03-03 01:00/02:00") == [between("2026-03-02 20:00/2026-03-03 03:00")]


def test_an_overnight_range_runs_into_the_next_day() -> None:
    week = a_schedule(mon="22:00-02:00")

    assert _openings(week, "2026-03-03 00:00/12:00") == [between("2026-03-02 22:00/2026-03-03 02:00")]


def test_a_spill_is_cut_at_the_start_of_a_date_with_an_exception() -> None:
    week = a_schedule("22:00-02:00", exceptions={"2026-03-03": ""})

    assert _openings(week, "2026-03-02 12:00/2026-03-04 12:00") == [
        between("2026-03-02 22:00/2026-03-03 00:00")
    ]


def test_a_spill_of_an_exception_itself_runs_on() -> None:
    week = a_schedule(exceptions={"2026-03-02": "22:00-02:00"})

    assert _openings(week, "2026-03-03 00:00/12:00") == [between("2026-03-02 22:00/2026-03-03 02:00")]


def test_a_cut_spill_and_hours_from_midnight_touch_and_are_one_opening() -> None:
    week = a_schedule(mon="22:00-02:00", exceptions={"2026-03-03": "00:00-01:00"})

    assert _openings(week, "2026-03-03 00:30/12:00") == [between("2026-03-02 22:00/2026-03-03 01:00")]


def test_an_exception_replaces_every_range_of_a_weekday_off_or_on() -> None:
    week = a_schedule(
        "09:00-12:00 13:00-17:00", sat="", exceptions={"2026-03-02": "", "2026-03-07": "10:00-11:00"}
    )

    assert _openings(week, "2026-03-02 00:00/2026-03-03 00:00") == []
    assert _openings(week, "2026-03-07 00:00/2026-03-08 00:00") == [between("2026-03-07 10:00/11:00")]


def test_a_range_that_a_clock_change_swallows_opens_nothing() -> None:
    assert _openings(a_schedule("01:00-02:00"), "2026-03-29 00:00/12:00") == []


def test_a_range_that_begins_in_a_gap_begins_after_it_by_as_much() -> None:
    assert _openings(a_schedule("01:30-04:00"), "2026-03-29 00:00/12:00") == [
        between("2026-03-29 01:30/03:00")
    ]


def test_a_range_over_the_hour_that_comes_twice_is_an_hour_longer() -> None:
    assert _openings(a_schedule("00:30-03:00"), "2026-10-25 00:00/12:00") == [
        between("2026-10-24 23:30/2026-10-25 03:00")
    ]


def test_a_date_that_was_skipped_opens_nothing() -> None:
    friday_only = a_schedule("", "Pacific/Apia", fri="09:00-17:00")

    assert _openings(friday_only, "2011-12-29 12:00/2012-01-01 12:00") == []


def test_a_spill_past_a_skipped_date_is_cut_by_the_exception_of_the_date_that_follows() -> None:
    week = a_schedule("", "Pacific/Apia", thu="22:00-02:00", exceptions={"2011-12-31": ""})
    midnight = wall(date(2011, 12, 31), 0, APIA)

    assert _openings(week, "2011-12-30 00:00/2012-01-01 00:00") == [
        Interval(midnight - minutes(120), midnight)
    ]


def test_a_spill_past_a_skipped_date_with_an_exception_runs_on() -> None:
    week = a_schedule("", "Pacific/Apia", thu="22:00-02:00", exceptions={"2011-12-30": ""})
    midnight = wall(date(2011, 12, 31), 0, APIA)

    assert _openings(week, "2011-12-30 00:00/2012-01-01 00:00") == [
        Interval(midnight - minutes(120), midnight + minutes(120))
    ]


def test_a_schedule_that_never_closes_is_anchored_at_each_local_midnight() -> None:
    (opening,) = a_schedule("00:00-24:00").openings(between("2026-03-28 12:00/2026-03-30 12:00"))

    assert set(opening.anchors) >= {utc("2026-03-28 00:00"), utc("2026-03-29 00:00"), utc("2026-03-29 23:00")}


def test_a_schedule_that_never_closes_has_a_start_after_an_exception_closed_it() -> None:
    week = a_schedule("00:00-24:00", exceptions={"2025-12-31": ""})

    (opening,) = week.openings(between("2026-03-02 12:00/13:00"))

    assert opening.anchors == (utc("2026-01-01 00:00"),)


def test_a_schedule_that_never_closes_stays_endless_before_a_coming_exception() -> None:
    week = a_schedule("00:00-24:00", exceptions={"2026-03-04": ""})

    before, after = week.openings(between("2026-03-03 12:00/2026-03-05 12:00"))

    assert before.anchors[-1] == utc("2026-03-03 00:00")
    assert after == Opening(between("2026-03-05 00:00/2026-03-07 00:00"), (utc("2026-03-05 00:00"),))


def test_an_opening_of_six_days_has_one_anchor_at_its_start() -> None:
    (opening,) = a_schedule("00:00-24:00", sun="").openings(between("2026-03-06 12:00/13:00"))

    assert opening.anchors == (utc("2026-03-02 00:00"),)


def test_an_opening_is_followed_for_as_long_as_a_meeting_reaches() -> None:
    (opening,) = a_schedule("00:00-24:00", sun="").openings(
        between("2026-03-02 12:00/13:00"), reach=minutes(3 * 1440)
    )

    assert opening.span.end >= utc("2026-03-05 13:00")


def test_a_schedule_without_hours_is_closed_all_week() -> None:
    assert a_schedule().is_closed_all_week
    assert not a_schedule(wed="09:00-10:00").is_closed_all_week
