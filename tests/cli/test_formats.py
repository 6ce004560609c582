"""Availability and bookings in formats for other programs, from the command line."""

from __future__ import annotations

import csv
import io

import icalendar
import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import Shell


def test_csv_is_start_and_end(connected: Shell, google: Simulator) -> None:
    google.add_event("primary", "2026-11-24T09:00:00Z", "2026-11-24T16:00:00Z", "Course")

    ran = connected("availability", "2026-11-24", "--days", "1", "--format", "csv")

    assert ran.exit == 0
    assert list(csv.reader(io.StringIO(ran.out))) == [
        ["start", "end"],
        ["2026-11-24T16:00:00+00:00", "2026-11-24T16:30:00+00:00"],
        ["2026-11-24T16:30:00+00:00", "2026-11-24T17:00:00+00:00"],
    ]
    assert ran.err == "Checked 1 calendar at 08:00 (London)\n"


def test_ics_holds_transparent_events(connected: Shell) -> None:
    ran = connected("availability", "2026-11-24", "--days", "1", "--format", "ics")

    events = icalendar.Calendar.from_ical(ran.out).walk("VEVENT")
    assert len(events) == 16
    assert {str(event["TRANSP"]) for event in events} == {"TRANSPARENT"}


def test_text_names_the_zone(connected: Shell) -> None:
    ran = connected("availability", "2026-11-24", "--days", "1", "--format", "text")

    assert "London" in ran.out
    assert "24 November" in ran.out


def test_html_is_one_page(connected: Shell) -> None:
    ran = connected("availability", "2026-11-24", "--days", "1", "--format", "html")

    assert ran.out.lower().startswith("<!doctype html>")
    assert "http://" not in ran.out.replace("http://www.w3.org", "")


def test_bookings_can_be_taken_into_a_spreadsheet(connected: Shell) -> None:
    connected.json("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com")

    rows = list(csv.DictReader(io.StringIO(connected("bookings", "--format", "csv").out)))

    assert [(row["name"], row["start"]) for row in rows] == [("Sam", "2026-11-24T10:00:00+00:00")]


@pytest.mark.parametrize("command", [("availability", "--format", "csv"), ("bookings", "--format", "csv")])
def test_json_and_another_format_are_one_too_many(connected: Shell, command: tuple[str, ...]) -> None:
    ran = connected.json(*command)

    assert (ran.exit, ran.error["code"]) == (2, "usage")
