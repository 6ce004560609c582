"""Exports: read by programs, pasted into e-mails, heard aloud, opened in a browser."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from portalcal.core.booking import Guest, State
from portalcal.core.intervals import Interval
from portalcal.core.schedule import Hours, Period, Schedule
from portalcal.core.slots import FreeBusy, Rules, SchedulingInputs
from portalcal.results import Bookings
from portalcal.views.exports import as_csv, as_list, as_text, csv_of_bookings
from portalcal.views.grid import html
from portalcal.views.ics import as_ics, ics_of_bookings
from tests.builders import LONDON, a_wish, at
from tests.views.builders import (
    EVIL,
    ID,
    NEW_YORK,
    NINE_TO_ONE,
    a_full_booking,
    a_question,
    an_availability,
    london,
    the_booking,
    transcript,
)

HOUR = timedelta(hours=1)


def _two_days(**inputs: object) -> SchedulingInputs:
    return a_question(window=Interval(london("2026-03-03"), london("2026-03-05")), **inputs)  # type: ignore[arg-type]


# --- csv -------------------------------------------------------------------------------------------------------------------


def test_slots_as_csv_are_starts_and_ends_in_the_display_zone() -> None:
    assert as_csv(an_availability(_two_days(busy=("Tue 10:00-13:00",)), zone=NEW_YORK)) == transcript("""
        start,end
        2026-03-03T04:00:00-05:00,2026-03-03T05:00:00-05:00
        2026-03-04T04:00:00-05:00,2026-03-04T05:00:00-05:00
        2026-03-04T05:00:00-05:00,2026-03-04T06:00:00-05:00
        2026-03-04T06:00:00-05:00,2026-03-04T07:00:00-05:00
        2026-03-04T07:00:00-05:00,2026-03-04T08:00:00-05:00
    """)


def test_no_slots_as_csv_are_a_header() -> None:
    assert as_csv(an_availability(_two_days(now=at("Fri 09:00")))) == "start,end\n"


def test_bookings_as_csv_have_a_column_a_fact() -> None:
    (row,) = csv.DictReader(io.StringIO("".join(csv_of_bookings(Bookings((a_full_booking(),), LONDON)))))

    assert row == {
        "id": str(ID), "state": "confirmed", "start": "2026-03-03T10:00:00+00:00",
        "end": "2026-03-03T10:30:00+00:00", "timezone": "Europe/London", "link": "intro",
        "title": "Meeting with Ana", "name": "Ana", "email": "ana@example.com", "guests": "ben@example.com",
        "location": "Room 4", "meet_url": "https://meet.example.com/abc",
        "event_url": "https://calendar.example.com/event?eid=1", "key": "crm-4711",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum", "\t=1"])
def test_a_spreadsheet_runs_nothing_a_guest_wrote(name: str) -> None:
    request = a_wish("Tue 10:00-10:30", guest=Guest(name, "a@example.com"))

    (row,) = csv.DictReader(
        io.StringIO("".join(csv_of_bookings(Bookings((the_booking(request=request),), LONDON))))
    )

    assert row["name"].startswith("'")


# --- words -------------------------------------------------------------------------------------------------------------------


def test_the_text_is_ready_for_an_e_mail_and_names_the_zone() -> None:
    inputs = a_question(rules=Rules(duration=HOUR / 2, notice=0 * HOUR), busy=("Tue 09:30-11:30",))

    assert as_text(an_availability(inputs)) == transcript("""
        A meeting of 30 minutes could start at any of these times, all in London (Europe/London, UTC+00:00):

        - Monday 2 March: every 30 minutes from 09:00 to 12:30
        - Tuesday 3 March: 09:00, 11:30, 12:00 or 12:30
        - Wednesday 4 March: every 30 minutes from 09:00 to 12:30
        - Thursday 5 March: every 30 minutes from 09:00 to 12:30
        - Friday 6 March: every 30 minutes from 09:00 to 12:30
    """)


@pytest.mark.parametrize(
    ("minutes", "words"), [(60, "every hour"), (90, "every 1 hour 30 minutes"), (15, "every 15 minutes")]
)
def test_a_range_of_starts_says_how_often(minutes: int, words: str) -> None:
    rules = Rules(duration=HOUR, step=timedelta(minutes=minutes), notice=0 * HOUR)

    schedule = Schedule(LONDON, ((Hours(540, 1020),),) * 7)

    assert f"- Monday 2 March: {words} from 09:00 to " in as_text(
        an_availability(a_question(rules=rules, schedule=schedule))
    )


def test_a_text_without_ranges_explains_none() -> None:
    assert as_text(an_availability(_two_days(busy=("Wed 09:00-13:00", "Tue 09:00-12:00")))) == transcript("""
        A meeting of 1 hour could start at any of these times, all in London (Europe/London, UTC+00:00):

        - Tuesday 3 March: 12:00
    """)


def test_a_text_over_a_clock_change_does_not_name_one_offset() -> None:
    inputs = a_question(window=Interval(london("2026-03-27"), london("2026-03-31")))

    assert "all in London (Europe/London):" in as_text(an_availability(inputs))


def test_a_text_names_the_year_where_it_is_another() -> None:
    inputs = a_question(
        window=Interval(london("2027-01-04"), london("2027-01-05")), rules=Rules(HOUR, horizon=400)
    )

    assert "- Monday 4 January 2027: " in as_text(an_availability(inputs))


def test_a_text_without_times_is_a_sentence() -> None:
    nothing = as_text(an_availability(_two_days(now=at("Fri 09:00"))))

    assert nothing == (
        "There is no time for a meeting of 1 hour from Tuesday 3 March to Wednesday 4 March "
        "(London (Europe/London, UTC+00:00)).\n"
    )


def test_a_list_is_a_line_a_time_under_each_date() -> None:
    assert as_list(an_availability(_two_days(busy=("Tue 10:00-12:00", "Wed 09:00-13:00")))) == transcript("""
        Meetings of 1 hour, times in London (Europe/London, UTC+00:00)

        Tuesday 3 March, tomorrow: 2 times
          09:00 to 10:00
          12:00 to 13:00

        Wednesday 4 March: no times
    """)


def _events(text: str) -> list[Any]:
    """The VEVENTs another reader finds."""
    return list(Calendar.from_ical(text).walk("VEVENT"))


# --- iCalendar -----------------------------------------------------------------------------------------------------------------


def test_slots_as_icalendar_are_transparent_and_keep_their_uids() -> None:
    answer = an_availability(_two_days(busy=("Tue 10:00-13:00", "Wed 09:00-13:00"), link="intro"))

    text = as_ics(answer)
    (event,) = _events(text)

    assert text == as_ics(answer)
    assert (event["dtstart"].dt, event["dtend"].dt) == (at("Tue 09:00"), at("Tue 10:00"))
    assert event["dtstamp"].dt == at("08:10")
    assert event["transp"] == "TRANSPARENT"
    assert event["uid"] == "open-20260303T090000Z-20260303T100000Z-intro@portalcal"
    assert event["summary"] == "Open for a 1h meeting (intro)"


def test_lines_of_icalendar_end_and_fold_as_rfc_5545_wants() -> None:
    request = a_wish("Tue 10:00-10:30", title="é" * 200)

    text = "".join(ics_of_bookings(Bookings((the_booking(request=request),), LONDON)))

    assert text.count("\n") == text.count("\r\n")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))


def test_bookings_as_icalendar_carry_guests_and_state() -> None:
    bookings = (
        a_full_booking(),
        the_booking("Wed 09:00-09:30", state=State.HELD),
        the_booking(state=State.CANCELLED),
    )

    first, second, third = _events("".join(ics_of_bookings(Bookings(bookings, LONDON))))

    assert first["uid"] == f"{ID}@portalcal"
    assert [str(each) for each in first["attendee"]] == ["mailto:ana@example.com", "mailto:ben@example.com"]
    assert first["attendee"][0].params["CN"] == "Ana"
    assert first["description"] == "Bring the contract.\nAsk about the old account."
    assert [each["status"] for each in (first, second, third)] == ["CONFIRMED", "TENTATIVE", "CANCELLED"]


def test_foreign_text_cannot_add_a_line_to_icalendar() -> None:
    request = a_wish(
        "Tue 10:00-10:30", title=f"{EVIL}END:VEVENT", guest=Guest('A";X=1:\r\nY', "a@example.com\r\nX:1")
    )

    text = "".join(ics_of_bookings(Bookings((the_booking(request=request),), LONDON)))

    assert text.count("\r\nEND:VEVENT\r\n") == 1
    assert "\x1b" not in text
    assert len(_events(text)) == 1


@pytest.mark.real
@pytest.mark.skipif(shutil.which("khal") is None, reason="khal is not installed")
def test_khal_reads_what_we_export(tmp_path: Path) -> None:
    khal = tmp_path / "khal.conf"
    (tmp_path / "calendar").mkdir()
    khal.write_text(
        f"[calendars]\n[[one]]\npath = {tmp_path}/calendar\n[locale]\nlocal_timezone = Europe/London\n"
        "default_timezone = Europe/London\ntimeformat = %H:%M\ndateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\n"
        f"datetimeformat = %Y-%m-%d %H:%M\nlongdatetimeformat = %Y-%m-%d %H:%M\n[sqlite]\npath = {tmp_path}/khal.db\n"
    )
    slots = tmp_path / "open.ics"
    slots.write_bytes(
        as_ics(an_availability(_two_days(busy=("Tue 10:00-13:00", "Wed 09:00-12:00")))).encode()
    )

    def run(*words: str) -> str:
        command = ["khal", "--config", str(khal), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    run("import", "--batch", "-a", "one", str(slots))
    told = run("list", "--format", "{start} {end} {title}", "--day-format", "", "2026-03-02", "7d")

    assert told.split("\n")[:2] == [
        "2026-03-03 09:00 2026-03-03 10:00 Open for a 1h meeting",
        "2026-03-04 12:00 2026-03-04 13:00 Open for a 1h meeting",
    ]


# --- the page ------------------------------------------------------------------------------------------------------------------


class _Reader(HTMLParser):
    """Tags that are balanced, with what the page refers to and the offered times."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.references: list[str] = []
        self.times: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.references += [
            value or "" for name, value in attrs if name in {"src", "href", "srcset", "action"}
        ]
        self.times += [value or "" for name, value in attrs if name == "datetime"]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_has_every_offered_time_and_no_outside_resource() -> None:
    answer = an_availability()

    page = html.as_page(answer)
    read = _Reader(page)

    assert read.open == []
    assert read.references == []
    assert not read.tags & {"script", "link", "img", "iframe", "object"}
    assert not re.search(r"url\(|@import|https?:", page)
    assert sorted(map(datetime.fromisoformat, read.times)) == [slot.start for slot in answer.slots]


def test_every_row_of_the_page_is_full() -> None:
    page = html.as_page(an_availability(zone=NEW_YORK))

    for table in re.findall(r"<tbody>(.*?)</tbody>", page, re.DOTALL):
        rows = re.findall(r"<tr>(.*?)</tr>", table)
        reached = [0] * len(rows)
        for n, row in enumerate(rows):
            for tall in re.findall(r"<t[dh][^>]*?(?: rowspan=\"(\d+)\")?>", row):
                for below in range(n, n + int(tall or 1)):
                    reached[below] += 1
        assert len(set(reached)) == 1


def test_the_page_names_no_calendar_booking_or_guest() -> None:
    page = html.as_page(an_availability())

    assert "ana@example.com" not in page
    assert str(ID) not in page


def test_what_is_foreign_on_the_page_is_escaped() -> None:
    page = html.as_page(an_availability(a_question(link="<script>\x1b'\"&")))

    assert "&lt;script&gt;␛&#x27;&quot;&amp; · times in London" in page


def test_the_page_is_light_and_dark_and_can_be_printed() -> None:
    page = html.as_page(an_availability())

    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_the_page_says_what_it_rests_on() -> None:
    inputs = a_question()
    alone = SchedulingInputs(inputs.schedule, inputs.rules, inputs.window, inputs.now, calendars=None)
    blind = SchedulingInputs(
        inputs.schedule, inputs.rules, inputs.window, inputs.now,
        calendars=(FreeBusy("a"), FreeBusy("b", unread="notFound")),
    )  # fmt: skip

    assert "Checked 2 calendars on Monday 2 March, 08:10." in html.as_page(an_availability())
    assert "From the configured hours alone" in html.as_page(an_availability(alone))
    assert "1 calendar could not be read, so times are not verified." in html.as_page(an_availability(blind))


def test_odd_days_closed_weeks_and_nothing_at_all_are_said_on_the_page() -> None:
    nights = Schedule(LONDON, ((Hours(0, 240),),) * 7)
    odd = a_question(schedule=nights, window=Interval(london("2026-03-28"), london("2026-03-31")))
    closed = a_question(window=Interval(london("2026-03-07"), london("2026-03-09")))

    assert "a day of 23 hours" in html.as_page(an_availability(odd))
    assert "No time is offered in these days." in html.as_page(an_availability(closed))
    assert ">closed<" in html.as_page(an_availability(closed))


def test_a_date_that_never_was_is_said_on_the_page() -> None:
    apia = ZoneInfo("Pacific/Apia")
    window = Interval(datetime(2011, 12, 29, 10, tzinfo=UTC), datetime(2011, 12, 31, 9, tzinfo=UTC))
    schedule = Schedule(apia, ((Hours(540, 660),),) * 7, {date(2012, 1, 1): ()})
    inputs = a_question(schedule=schedule, window=window, now=window.start)

    assert "no such day" in html.as_page(an_availability(inputs, zone=apia))


def test_a_page_names_holidays_periods_and_days_too_far_ahead() -> None:
    schedule = NINE_TO_ONE._replace(
        holidays={date(2026, 3, 3): "<b>Founders</b>"},
        periods=(
            Period("summer hours", date(2026, 3, 2), date(2026, 3, 2), ((Hours(540, 600),), *(None,) * 6)),
        ),
    )
    rules = Rules(duration=timedelta(hours=1), notice=timedelta(0), horizon=2)

    page = html.as_page(an_availability(a_question(schedule=schedule, rules=rules)))

    assert "Mon 2 Mar<small>today, summer hours</small>" in page
    assert "Tue 3 Mar<small>closed, &lt;b&gt;Founders&lt;/b&gt;</small>" in page
    assert "Fri 6 Mar<small>too far ahead</small>" in page
    assert "<p>Too far ahead: bookings open 2 days ahead, up to Wed 4 Mar.</p>" in page
    assert '<span title="too far ahead">›</span>' in page
    assert "<span>› too far ahead</span>" in page
