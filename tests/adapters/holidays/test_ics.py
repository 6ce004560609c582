"""The all-day events of iCalendar files, those of real exports among them."""

from __future__ import annotations

import codecs
from datetime import date
from pathlib import Path

import pytest

from portalcal.adapters.holidays.ics import all_day_events

YEARS = range(2026, 2029)
DATA = Path(__file__).parent.parent.parent / "data"


def calendar(*lines: str) -> bytes:
    """A calendar with one event of those lines; `--` begins another."""
    events = "\r\n".join(lines).replace("--", "END:VEVENT\r\nBEGIN:VEVENT")
    return f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{events}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n".encode()


def days(*lines: str) -> list[str]:
    return [f"{day:%d.%m.%y} {name}" for day, name in all_day_events(calendar(*lines), YEARS).items()]


def test_all_day_events_close_every_one_of_their_days() -> None:
    found = days(
        "DTSTART;VALUE=DATE:20261228", "DTEND;VALUE=DATE:20261231", "SUMMARY:Closed\\, all of us",
        "--", "DTSTART;VALUE=DATE:20270514", "SUMMARY:Bridge day", "TRANSP:TRANSPARENT",
        "--", "DTSTART;VALUE=DATE:20270601", "DURATION:P2D",
    )  # fmt: skip

    assert found == [
        "28.12.26 Closed, all of us",
        "29.12.26 Closed, all of us",
        "30.12.26 Closed, all of us",
        "14.05.27 Bridge day",
        "01.06.27 holiday",
        "02.06.27 holiday",
    ]


def test_events_with_a_time_and_cancelled_ones_are_no_holidays() -> None:
    found = days(
        "DTSTART:20261228T090000Z", "DTEND:20261229T090000Z", "SUMMARY:a",
        "--", "DTSTART;VALUE=DATE:20261228", "STATUS:CANCELLED", "SUMMARY:b",
    )  # fmt: skip

    assert found == []


def test_an_event_that_repeats_closes_each_of_its_days_but_those_excluded_or_moved() -> None:
    found = days(
        "UID:a", "DTSTART;VALUE=DATE:20201224", "RRULE:FREQ=YEARLY", "EXDATE;VALUE=DATE:20271224", "SUMMARY:Eve",
        "--", "UID:b", "DTSTART;VALUE=DATE:20261101", "RRULE:FREQ=YEARLY;UNTIL=20271231T235959Z", "SUMMARY:Founders",
        "--", "UID:b", "RECURRENCE-ID;VALUE=DATE:20271101", "DTSTART;VALUE=DATE:20271102", "SUMMARY:Founders, moved",
    )  # fmt: skip

    assert found == ["01.11.26 Founders", "24.12.26 Eve", "02.11.27 Founders, moved", "24.12.28 Eve"]


def test_an_event_of_a_century_closes_the_wanted_years_and_takes_no_time_for_the_others() -> None:
    assert len(days("DTSTART;VALUE=DATE:19700101", "DTEND;VALUE=DATE:21000101")) == 365 + 365 + 366


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_byte_order_mark_says_how_the_file_is_written(encoding: str) -> None:
    mark = codecs.BOM_UTF16_LE if encoding == "utf-16-le" else b""
    content = calendar("DTSTART;VALUE=DATE:20261228", "SUMMARY:Día")

    assert all_day_events(mark + content.decode().encode(encoding), YEARS) == {date(2026, 12, 28): "Día"}


def test_a_real_calendar_of_holidays_whose_events_have_empty_rules() -> None:
    found = all_day_events((DATA / "Germany_Holidays.ics").read_bytes(), range(2019, 2021))

    assert found[date(2019, 1, 1)] == "New Year's Day"
    assert found[date(2020, 12, 25)] == "Christmas Day"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\xff\xfe\x00",
        b"BEGIN:VCALENDAR\r\n",
        calendar("DTSTART;VALUE=DATE:20261228", "RRULE:FREQ=SECONDLY"),
        calendar("DTSTART;VALUE=DATE:20261228", "RRULE:FREQ=SOMETIMES"),
        calendar("DTSTART;VALUE=DATE:20261228", "--", "SUMMARY:some day"),
    ],
)
def test_what_is_no_calendar_is_an_error_that_names_the_reason(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^expected an iCalendar file \(\.ics\): ."):
        all_day_events(content, YEARS)
