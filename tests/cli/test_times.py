"""Times and lengths as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portalcal.cli.times import DateOrder, TimeContext, read_from, read_length, read_start, read_until
from portalcal.errors import Usage

LONDON = ZoneInfo("Europe/London")
MONDAY = TimeContext(LONDON, datetime(2026, 11, 23, 8, 0, tzinfo=UTC))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-25T10:00", "2026-11-25T10:00"),
        ("2026-11-25 10:00", "2026-11-25T10:00"),
        ("2026-11-25T10:00Z", "2026-11-25T10:00"),
        ("2026-11-25T10:00+02:00", "2026-11-25T08:00"),
        ("2026-11-25 10:00 -0500", "2026-11-25T15:00"),
        ("2026-07-01T10:00", "2026-07-01T09:00"),
        ("2026-11-25T10:00:30", "2026-11-25T10:00:30"),
        ("today 10:00", "2026-11-23T10:00"),
        ("tomorrow 9:30", "2026-11-24T09:30"),
        ("fri 10:00", "2026-11-27T10:00"),
        ("Friday 10:00", "2026-11-27T10:00"),
        ("mon 10:00", "2026-11-30T10:00"),
        ("+3d 10:00", "2026-11-26T10:00"),
        ("in 3 days 10:00", "2026-11-26T10:00"),
        ("In 1 day 10:00", "2026-11-24T10:00"),
        ("in 2 weeks 10:00", "2026-12-07T10:00"),
        ("today 2pm", "2026-11-23T14:00"),
        ("today 2 PM", "2026-11-23T14:00"),
        ("today 2:30pm", "2026-11-23T14:30"),
        ("today 11.30 a.m.", "2026-11-23T11:30"),
        ("today 12am", "2026-11-23T00:00"),
        ("today 12pm", "2026-11-23T12:00"),
        ("today 10.30", "2026-11-23T10:30"),
        ("30.11.2026 11:00", "2026-11-30T11:00"),
        ("5.6.2026 11:00", "2026-06-05T10:00"),
        ("11/30/2026 1:00 PM", "2026-11-30T13:00"),
        ("30/11/2026 13:00:00", "2026-11-30T13:00"),
        ("12/12/2026 13:00", "2026-12-12T13:00"),
        ("2026-11-25 2pm -0500", "2026-11-25T19:00"),
    ],
)
def test_a_start_is_read(text: str, meant: str) -> None:
    assert read_start(text, MONDAY) == utc(meant)


def test_the_zone_decides_what_a_bare_time_means() -> None:
    tokyo = TimeContext(ZoneInfo("Asia/Tokyo"), datetime(2026, 11, 23, 20, 0, tzinfo=UTC))

    assert read_start("today 10:00", tokyo) == utc("2026-11-24T01:00")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-25", "a date without a time"),
        ("2026-13-25T10:00", "there is no date 2026-13-25"),
        ("2026-11-25T25:00", "expected a time like 10:00"),
        ("2026-11-25T10:00+25:00", "expected a time like 10:00"),
        ("2026-11-25T10:00+0560", "expected a time like 10:00"),
        ("0001-01-01T00:00", "expected a year from 1970 to 2199"),
        ("9999-12-31T23:59+14:00", "expected a year from 1970 to 2199"),
        ("firday 10:00", "did you mean friday?"),
        ("today 14pm", "expected a time like 10:00"),
        ("today 0am", "expected a time like 10:00"),
        ("today 2", "expected a time like 10:00"),
        ("in 3 days", "a date without a time"),
        ("5/6/2026 11:00", "may be Wed 6 May 2026 or Fri 5 Jun 2026"),
        ("31.11.2026 11:00", "there is no such date"),
        ("13/13/2026 11:00", "there is no such date"),
        ("this week", "a week is not a time"),
        ("next week 10:00", "a week has no time of day, found 10:00"),
        ("10:00", "expected `2026-11-25T10:00`"),
        ("", "expected `2026-11-25T10:00`"),
    ],
)
def test_a_start_that_cannot_be_read_says_what_was_expected(text: str, words: str) -> None:
    with pytest.raises(Usage) as refusal:
        read_start(text, MONDAY)

    assert words in refusal.value.message


def test_a_wall_time_that_does_not_exist_shows_both_candidates() -> None:
    with pytest.raises(Usage) as refusal:
        read_start("2026-03-29T01:30", MONDAY)

    assert refusal.value.message.startswith("2026-03-29T01:30: Sun 29 Mar, 01:30 does not exist in London")
    assert refusal.value.hint == "write `2026-03-29T00:30+00:00` or `2026-03-29T02:30+01:00`"


def test_a_wall_time_that_exists_twice_shows_both_candidates() -> None:
    with pytest.raises(Usage) as refusal:
        read_start("2026-10-25T01:30", MONDAY)

    assert "exists twice in London" in refusal.value.message
    assert refusal.value.hint == "write `2026-10-25T01:30+01:00` or `2026-10-25T01:30+00:00`"


def test_an_offset_settles_a_wall_time_that_exists_twice() -> None:
    assert read_start("2026-10-25T01:30+01:00", MONDAY) == utc("2026-10-25T00:30")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-25", "2026-11-25T00:00"),
        ("today", "2026-11-23T00:00"),
        ("tomorrow", "2026-11-24T00:00"),
        ("fri", "2026-11-27T00:00"),
        ("+3d", "2026-11-26T00:00"),
        ("in 3 days", "2026-11-26T00:00"),
        ("this week", "2026-11-23T00:00"),
        ("next week", "2026-11-30T00:00"),
        ("2026-11-25T10:00", "2026-11-25T10:00"),
        ("2026-11-25 10.30", "2026-11-25T10:30"),
    ],
)
def test_a_window_begins_with_a_date_or_at_a_time(text: str, meant: str) -> None:
    assert read_from(text, MONDAY) == utc(meant)


def test_a_date_that_ends_a_window_belongs_to_it() -> None:
    assert read_until("2026-11-25", MONDAY) == utc("2026-11-26T00:00")
    assert read_until("2026-11-25T10:00", MONDAY) == utc("2026-11-25T10:00")


WEDNESDAY = TimeContext(LONDON, datetime(2026, 11, 25, 8, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("start", "until", "end"),
    [
        ("mon", "fri", "2026-12-05T00:00"),
        ("mon", "mon", "2026-12-01T00:00"),
        ("mon", "sun", "2026-12-07T00:00"),
        ("fri", "mon", "2026-12-01T00:00"),
        ("today", "wed", "2026-12-03T00:00"),
        ("today", "fri", "2026-11-28T00:00"),
        ("2026-11-20", "wed", "2026-11-26T00:00"),
        ("mon", "fri 10:00", "2026-12-04T10:00"),
        ("mon", "+3d", "2026-12-04T00:00"),
        ("mon", "in 3 days", "2026-12-04T00:00"),
        ("today", "+3d", "2026-11-29T00:00"),
        ("mon", "tomorrow", "2026-11-27T00:00"),
        ("this week", "this week", "2026-11-30T00:00"),
        ("this week", "next week", "2026-12-07T00:00"),
        ("this week", "fri", "2026-11-28T00:00"),
    ],
)
def test_weekdays_and_distances_that_end_a_window_count_from_its_start(
    start: str, until: str, end: str
) -> None:
    begin = read_from(start, WEDNESDAY)

    assert read_until(until, WEDNESDAY, begin=begin) == utc(end)


def test_this_week_began_on_monday() -> None:
    assert read_from("this week", WEDNESDAY) == utc("2026-11-23T00:00")


@pytest.mark.parametrize(
    ("text", "minutes"), [("30m", 30), ("1h", 60), ("1h30m", 90), ("2d", 2880), ("90s", 1.5)]
)
def test_a_length_is_read(text: str, minutes: float) -> None:
    assert read_length(text) == timedelta(minutes=minutes)


def test_a_plain_number_is_refused_because_nobody_knows_its_unit() -> None:
    with pytest.raises(Usage) as refusal:
        read_length("30")

    assert refusal.value.message == "30 of what? A duration needs its unit"
    assert refusal.value.hint == "write `30m` or `30h`"


@pytest.mark.parametrize("text", ["0m", "", "m", "1.5h", "-30m", "30 minutes", "1m1h"])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(Usage):
        read_length(text)


def test_a_date_of_two_meanings_is_written_plainly_where_no_option_says_the_order() -> None:
    with pytest.raises(Usage) as raised:
        read_start("1/12/2026 11:00", MONDAY)

    assert raised.value.hint == "write 2026-01-12 or 2026-12-01"


@pytest.mark.parametrize(
    ("order", "meant"), [(DateOrder.DMY, "2026-06-05T10:00"), (DateOrder.MDY, "2026-05-06T10:00")]
)
def test_a_date_of_a_spreadsheet_is_read_in_the_order_that_was_chosen(order: DateOrder, meant: str) -> None:
    assert read_start("5/6/2026 11:00", MONDAY._replace(dates=order)) == utc(meant)


def test_an_order_that_makes_no_date_is_refused() -> None:
    with pytest.raises(Usage) as refusal:
        read_start("11/30/2026 11:00", MONDAY._replace(dates=DateOrder.DMY))

    assert "there is no such date" in refusal.value.message
