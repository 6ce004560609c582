from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portalcal.core import time
from tests.core.scheduling_inputs import LONDON, utc

LORD_HOWE = ZoneInfo("Australia/Lord_Howe")


def test_a_wall_time_in_a_gap_takes_the_offset_before_it() -> None:
    assert time.wall(date(2026, 3, 29), 90, LONDON) == utc("2026-03-29 01:30")


def test_a_wall_time_that_exists_twice_is_the_first() -> None:
    assert time.wall(date(2026, 10, 25), 90, LONDON) == utc("2026-10-25 00:30")


def test_twenty_four_hours_is_the_next_midnight_also_on_a_long_day() -> None:
    assert time.wall(date(2026, 10, 25), 1440, LONDON) == utc("2026-10-26 00:00")


@pytest.mark.parametrize(
    ("local", "meant"),
    [
        ("2026-06-01 10:00", ["2026-06-01 09:00"]),
        ("2026-10-25 01:30", ["2026-10-25 00:30", "2026-10-25 01:30"]),
        ("2026-03-29 01:30", ["2026-03-29 00:30", "2026-03-29 01:30"]),
    ],
)
def test_the_candidates_of_a_wall_time_come_in_order(local: str, meant: list[str]) -> None:
    assert time.candidates(datetime.fromisoformat(local), LONDON) == tuple(map(utc, meant))


@pytest.mark.parametrize(
    ("local", "does"),
    [
        ("2026-10-25 01:30", True),
        ("2026-03-29 01:30", False),
        ("2026-03-29 02:00", True),
        ("2026-03-29 01:00", False),
    ],
)
def test_a_wall_time_exists_if_clocks_show_it(local: str, does: bool) -> None:
    assert time.exists(datetime.fromisoformat(local), LONDON) is does


def test_a_skipped_date_is_no_day() -> None:
    assert time.local_day(date(2011, 12, 30), ZoneInfo("Pacific/Apia")) is None


def test_a_half_hour_change_makes_a_day_of_twenty_three_and_a_half_hours() -> None:
    day = time.local_day(date(2026, 10, 4), LORD_HOWE)

    assert day is not None
    assert day.length == timedelta(hours=23.5)


def test_dates_include_both_ends() -> None:
    assert time.dates(date(2026, 2, 27), date(2026, 3, 1)) == (
        date(2026, 2, 27),
        date(2026, 2, 28),
        date(2026, 3, 1),
    )


def test_a_span_that_ends_on_another_date_names_both() -> None:
    words = time.format_time(utc("2026-03-02 23:30"), LONDON, end=utc("2026-03-03 00:30"))

    assert words == "Mon 2 Mar, 23:30 - Tue 3 Mar, 00:30 (London)"


def test_seconds_are_said_where_there_are_any() -> None:
    words = time.format_time(utc("2026-03-02 10:00:30"), LONDON, end=utc("2026-03-02 10:30:30"))

    assert words == "Mon 2 Mar, 10:00:30-10:30:30 (London)"


@pytest.mark.parametrize("text", ["", "30", "m", "1h 30m", "-5m", "1.5h", "h1", "30 m", "５m5"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a length like"):
        time.read_duration(text)


@given(st.integers(0, 400 * 86400))
def test_a_duration_said_is_read_back(seconds: int) -> None:
    length = timedelta(seconds=seconds)

    assert time.read_duration(time.format_duration(length)) == length
