from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from portalcal.core.intervals import Interval
from portalcal.core.schedule import Hours, Opening, Schedule
from portalcal.core.time import wall
from tests.core.scheduling_inputs import a_period, a_schedule, between, minutes, utc

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


# --- stretches, holidays, periods ----------------------------------------------------------------------------------------

NINE_TO_FIVE = "09:00-17:00"


def test_a_stretch_replaces_every_range_of_its_dates_both_ends_included() -> None:
    week = a_schedule(NINE_TO_FIVE, exceptions={"2026-03-03..2026-03-04": ""})

    assert _openings(week, "2026-03-02 00:00/2026-03-06 00:00") == [
        between("2026-03-02 09:00/17:00"),
        between("2026-03-05 09:00/17:00"),
    ]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_single_date_beats_a_stretch_wherever_it_is_written(is_first: bool) -> None:
    both = {"2026-03-02": "10:00-11:00", "2026-03-01..2026-03-05": ""}
    week = a_schedule(NINE_TO_FIVE, exceptions=both if is_first else dict(reversed(both.items())))

    assert _openings(week, "2026-03-02 00:00/2026-03-06 00:00") == [between("2026-03-02 10:00/11:00")]


def test_of_two_stretches_the_last_written_counts() -> None:
    week = a_schedule(
        exceptions={"2026-03-02..2026-03-04": "10:00-11:00", "2026-03-03..2026-03-03": "12:00-13:00"}
    )

    assert _openings(week, "2026-03-02 00:00/2026-03-05 00:00") == [
        between("2026-03-02 10:00/11:00"),
        between("2026-03-03 12:00/13:00"),
        between("2026-03-04 10:00/11:00"),
    ]


def test_a_holiday_closes_its_date_unless_it_is_worked_or_an_exception_opens_it() -> None:
    week = a_schedule(
        NINE_TO_FIVE,
        holidays={"2026-03-02": "St. Monday", "2026-03-03": "Shrovetide", "2026-03-04": "Lent"},
        holidays_open=("2026-03-03",),
        exceptions={"2026-03-04": "10:00-12:00"},
    )

    assert _openings(week, "2026-03-02 00:00/2026-03-05 00:00") == [
        between("2026-03-03 09:00/17:00"),
        between("2026-03-04 10:00/12:00"),
    ]
    assert (week.holiday_on(date(2026, 3, 2)), week.holiday_on(date(2026, 3, 3))) == ("St. Monday", None)


def test_a_spill_is_cut_at_the_start_of_a_holiday_and_not_of_one_that_is_worked() -> None:
    holiday = {"2026-03-03": "Shrovetide"}
    spill = "2026-03-02 12:00/2026-03-03 12:00"

    assert _openings(a_schedule(mon="22:00-02:00", holidays=holiday), spill) == [
        between("2026-03-02 22:00/2026-03-03 00:00")
    ]
    assert _openings(
        a_schedule(mon="22:00-02:00", holidays=holiday, holidays_open=("2026-03-03",)), spill
    ) == [between("2026-03-02 22:00/2026-03-03 02:00")]


def test_a_spill_is_not_cut_by_a_period() -> None:
    week = a_schedule(mon="22:00-02:00", periods=(a_period("2026-03-03..2026-03-09", tue=""),))

    assert _openings(week, "2026-03-02 12:00/2026-03-03 12:00") == [
        between("2026-03-02 22:00/2026-03-03 02:00")
    ]


def test_a_period_has_its_own_hours_on_the_weekdays_it_names_and_the_weekly_ones_on_others() -> None:
    week = a_schedule(NINE_TO_FIVE, periods=(a_period("2026-03-03..2026-03-04", tue="09:00-13:00"),))

    assert _openings(week, "2026-03-03 00:00/2026-03-05 00:00") == [
        between("2026-03-03 09:00/13:00"),
        between("2026-03-04 09:00/17:00"),
    ]


def test_of_two_periods_the_last_written_counts_alone() -> None:
    week = a_schedule(
        NINE_TO_FIVE,
        periods=(
            a_period("2026-03-01..2026-03-31", zone="America/New_York", tue="10:00-11:00"),
            a_period("2026-03-03..2026-03-04", wed="12:00-13:00"),
        ),
    )

    # The earlier one gives the date neither its hours nor its zone.
    assert _openings(week, "2026-03-03 00:00/2026-03-05 00:00") == [
        between("2026-03-03 09:00/17:00"),
        between("2026-03-04 12:00/13:00"),
    ]


def test_hours_of_a_period_with_a_zone_are_read_there_exceptions_included() -> None:
    week = a_schedule(
        NINE_TO_FIVE,
        periods=(a_period("2026-03-03..2026-03-04", zone="America/New_York"),),
        exceptions={"2026-03-04": "10:00-12:00"},
    )

    assert _openings(week, "2026-03-02 00:00/2026-03-06 00:00") == [
        between("2026-03-02 09:00/17:00"),
        between("2026-03-03 14:00/22:00"),
        between("2026-03-04 15:00/17:00"),
        between("2026-03-05 09:00/17:00"),
    ]


def test_hours_abroad_follow_the_clock_changes_of_that_zone() -> None:
    # New York goes forward on 8 March, London on 29 March.
    week = a_schedule(NINE_TO_FIVE, periods=(a_period("2026-03-01..2026-03-31", zone="America/New_York"),))

    assert _openings(week, "2026-03-07 00:00/2026-03-09 23:00") == [
        between("2026-03-07 14:00/22:00"),
        between("2026-03-08 13:00/21:00"),
        between("2026-03-09 13:00/21:00"),
    ]
    assert _openings(week, "2026-03-28 00:00/2026-03-30 00:00") == [
        between("2026-03-28 13:00/21:00"),
        between("2026-03-29 13:00/21:00"),
    ]


def test_the_midnight_that_cuts_is_that_of_the_zone_in_which_the_closed_dates_hours_are_read() -> None:
    # Midnight of Tuesday in New York is 05:00 in London: the spill of Monday is over by then.
    away = (a_period("2026-03-03..2026-03-03", zone="America/New_York"),)
    closed = {"2026-03-03": ""}
    spill = "2026-03-02 12:00/2026-03-03 12:00"

    assert _openings(a_schedule(mon="22:00-02:00", periods=away, exceptions=closed), spill) == [
        between("2026-03-02 22:00/2026-03-03 02:00")
    ]
    assert _openings(a_schedule(mon="22:00-06:00", periods=away, holidays={"2026-03-03": "x"}), spill) == [
        between("2026-03-02 22:00/2026-03-03 05:00")
    ]


def test_hours_of_the_date_before_that_lie_wholly_in_a_closed_date_of_another_zone_are_gone() -> None:
    # 12:00 to 18:00 of Monday in New York is 17:00 to 23:00 in London and, in Tokyo, Tuesday from 02:00 to 08:00.
    periods = (
        a_period("2026-03-02..2026-03-02", zone="America/New_York"),
        a_period("2026-03-03..2026-03-03", zone="Asia/Tokyo"),
    )

    assert (
        _openings(
            a_schedule("12:00-18:00", periods=periods, exceptions={"2026-03-03": ""}),
            "2026-03-02 00:00/2026-03-03 12:00",
        )
        == []
    )


def test_a_schedule_with_hours_only_in_a_period_is_not_closed_all_week() -> None:
    assert not a_schedule(periods=(a_period("2026-03-01..2026-03-31", mon=NINE_TO_FIVE),)).is_closed_all_week
    assert a_schedule(periods=(a_period("2026-03-01..2026-03-31"),)).is_closed_all_week


def test_an_endless_schedule_has_its_start_after_the_holiday_that_closed_it_and_at_the_end_of_a_journey() -> (
    None
):
    closed = a_schedule("00:00-24:00", holidays={"2025-12-31": "New Year's Eve"})
    # Back from Tokyo there are nine hours without a date of either zone.
    away = a_schedule("00:00-24:00", periods=(a_period("2026-01-01..2026-01-31", zone="Asia/Tokyo"),))

    assert closed.openings(between("2026-03-02 12:00/13:00"))[0].anchors == (utc("2026-01-01 00:00"),)
    assert away.openings(between("2026-03-02 12:00/13:00"))[0].anchors == (utc("2026-02-01 00:00"),)
