"""The public JSON of every command, shape by shape."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from portalcal.core.booking import Booking, Notify, State
from portalcal.core.health import ConnectionState
from portalcal.core.slots import FreeBusy
from portalcal.errors import (
    ConfigInvalid,
    ConfirmationRequired,
    GrantRevoked,
    LedgerBusy,
    Offer,
    PortalcalError,
    Problem,
    SlotTaken,
)
from portalcal.ports import Revocation
from portalcal.results import Bookings, Cancelled, Choice, Disconnected, Rescheduled
from portalcal.views import json as json_view
from portalcal.warnings import DeliveriesOverdue, NotForgotten
from tests.builders import LONDON, at, span
from tests.terminal import Terminal
from tests.views.builders import (
    ACCOUNTS,
    CALENDARS,
    EVIL,
    ID,
    NEW_YORK,
    SELECTION,
    TEAM,
    a_diagnosis,
    a_full_booking,
    a_question,
    an_availability,
    an_explanation,
    booked,
    connected,
    the_booking,
)

PERMISSIONS = {"view_calendars": True, "view_events": True, "create_events": True, "edit_events": True}
BOOKING: dict[str, object] = {
    "id": str(ID),
    "state": "confirmed",
    "link": "intro",
    "start": "2026-03-03T10:00:00+00:00",
    "end": "2026-03-03T10:30:00+00:00",
    "moving_to": None,
    "timezone": "Europe/London",
    "title": "Meeting with Ana",
    "guest": {"name": "Ana", "email": "ana@example.com"},
    "guests": ["ben@example.com"],
    "declined": [],
    "people": [],
    "room": None,
    "location": "Room 4",
    "notes": "Bring the contract.\nAsk about the old account.",
    "meet_url": "https://meet.example.com/abc",
    "calendar": "ana@example.com",
    "event_id": "pc1",
    "event_url": "https://calendar.example.com/event?eid=1",
    "key": "crm-4711",
    "notified": "all",
    "replayed": False,
    "created_at": "2026-03-02T08:00:00+00:00",
    "updated_at": "2026-03-02T08:00:00+00:00",
}

OWN: dict[str, str | None] = {"workspace": "default", "account": "ana@example.com"}


def test_a_result_is_one_line_in_its_envelope() -> None:
    text = json_view.envelope("book", {"a": 1}, warnings=[NotForgotten("the token")])

    assert text == (
        '{"portalcal": 1, "command": "book", "result": {"a": 1}, '
        '"warnings": [{"code": "not-forgotten", "message": "something of the connection is still here: the token", '
        '"details": {"why": "the token"}}]}'
    )


def test_a_person_at_a_terminal_gets_it_indented() -> None:
    assert json_view.envelope("book", {}, is_indented=True).split("\n")[1] == '  "portalcal": 1,'


def test_no_foreign_character_reaches_a_terminal_unescaped() -> None:
    text = json_view.envelope("book", {"title": EVIL + "\x9b2J é"})

    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["result"]["title"] == EVIL + "\x9b2J é"


# --- results ---------------------------------------------------------------------------------------------------------------


def test_availability_lists_every_day_of_the_window_in_the_display_zone() -> None:
    told: Any = json_view.result(an_availability(zone=NEW_YORK))

    assert {key: value for key, value in told.items() if key != "days"} == {
        "window": {"start": "2026-03-01T19:00:00-05:00", "end": "2026-03-08T20:00:00-04:00"},
        "timezone": "America/New_York",
        "link": None,
        "duration_minutes": 60,
        "basis": "calendars",
        "complete": True,
        "checked_at": "2026-03-02T03:10:00-05:00",
        "calendars": [
            {"id": "ana@example.com", "state": "checked", "reason": None} | OWN,
            {"id": TEAM, "state": "checked", "reason": None} | OWN,
        ],
        "people": [],
    }
    assert [day["date"] for day in told["days"]][:2] == ["2026-03-01", "2026-03-02"]
    assert told["days"][0]["slots"] == []
    assert told["days"][1]["slots"][0] == {
        "start": "2026-03-02T04:00:00-05:00",
        "end": "2026-03-02T05:00:00-05:00",
    }


def test_availability_says_what_could_not_be_read_and_what_it_rests_on() -> None:
    blind = a_question()._replace(calendars=(FreeBusy("boss@example.com", unread="notFound"),))
    alone = a_question()._replace(calendars=None)

    unread: Any = json_view.availability(an_availability(blind))
    schedule: Any = json_view.availability(an_availability(alone))

    assert (unread["complete"], unread["calendars"]) == (
        False,
        [{"id": "boss@example.com", "state": "unreadable", "reason": "notFound"} | OWN],
    )
    assert (schedule["basis"], schedule["calendars"]) == ("schedule", [])


def test_an_explanation_gives_every_reason_with_its_cause() -> None:
    inputs = a_question(busy=("Tue 10:00-11:00",))

    assert json_view.result(an_explanation(inputs, "Tue 10:30")) == {
        "start": "2026-03-03T10:30:00+00:00",
        "end": "2026-03-03T11:30:00+00:00",
        "timezone": "Europe/London",
        "offered": False,
        "reasons": [
            {
                "code": "off-grid",
                "message": "not a start of the grid: starts lie every 1h from 09:00",
                "calendar": None,
                "booking": None,
                "offer": None,
                "person": None,
                "pool": None,
                "room": None,
                "name": None,
                "start": "2026-03-03T09:00:00+00:00",
                "end": "2026-03-03T13:00:00+00:00",
                "title": None,
                "kinds": [],
                "workspace": None,
            },
            {
                "code": "busy",
                "message": "busy 10:00-11:00 on Team calendar",
                "calendar": TEAM,
                "booking": None,
                "offer": None,
                "person": None,
                "pool": None,
                "room": None,
                "name": None,
                "start": "2026-03-03T10:00:00+00:00",
                "end": "2026-03-03T11:00:00+00:00",
                "title": None,
                "kinds": [],
                "workspace": "default",
            },
        ],
        "choice": None,
        "notes": [],
        "nearest": {
            "before": {"start": "2026-03-03T09:00:00+00:00", "end": "2026-03-03T10:00:00+00:00"},
            "after": {"start": "2026-03-03T11:00:00+00:00", "end": "2026-03-03T12:00:00+00:00"},
        },
    }


def test_an_offered_start_has_no_reason_and_nothing_near_is_null() -> None:
    explanation = an_explanation(a_question(), "Tue 10:00")._replace(before=None, after=None)
    told: Any = json_view.result(explanation)

    assert (told["offered"], told["reasons"]) == (True, [])
    assert told["nearest"] == {"before": None, "after": None}


def test_a_booking_has_every_key_of_the_contract() -> None:
    assert json_view.booking(a_full_booking(), LONDON) == BOOKING


def test_what_a_booking_does_not_have_is_null() -> None:
    told: Mapping[str, object] = json_view.booking(the_booking(calendar=None), LONDON)

    assert told.keys() == BOOKING.keys()
    absent = ("link", "location", "notes", "meet_url", "calendar", "event_id", "event_url", "key", "notified")
    assert [told[key] for key in absent] == [None] * len(absent)


def test_book_and_cancel_add_their_own_keys_to_the_booking() -> None:
    dry: Any = json_view.result(booked(is_dry_run=True))
    replayed: Any = json_view.result(booked(is_replayed=True))
    cancelled: Any = json_view.result(Cancelled(a_full_booking(), LONDON, was_already=True))
    moving = replace(a_full_booking(), moving_to=span("Tue 11:00-11:30"), moved_because="ill")
    moved: Any = json_view.result(Rescheduled(moving, LONDON, span("Tue 10:00-10:30")))

    assert dry == BOOKING | {"id": None, "dry_run": True}
    assert (replayed["replayed"], replayed["dry_run"]) == (True, False)
    assert cancelled == BOOKING | {"already": True, "undo": None}
    to = {"start": "2026-03-03T11:00:00+00:00", "end": "2026-03-03T11:30:00+00:00"}
    was = {"start": "2026-03-03T10:00:00+00:00", "end": "2026-03-03T10:30:00+00:00"}
    undo = ["reschedule", str(ID), was["start"], "--duration", "30m", "--force"]
    assert moved == BOOKING | {
        "moving_to": to,
        "previous": was,
        "reason": "ill",
        "already": False,
        "undo": undo,
    }


def test_bookings_are_a_list_also_when_there_are_none() -> None:
    assert json_view.result(Bookings((), LONDON)) == {"bookings": []}
    assert json_view.result(Bookings((a_full_booking(),), LONDON)) == {"bookings": [BOOKING]}


def test_a_page_of_bookings_names_where_the_next_one_begins() -> None:
    page = Bookings((a_full_booking(),), LONDON, is_page=True, next_page="1772532000-5d16c341")

    assert json_view.result(page) == {"bookings": [BOOKING], "next": "1772532000-5d16c341"}
    assert json_view.result(page._replace(next_page=None)) == {"bookings": [BOOKING], "next": None}


@pytest.mark.parametrize("number", [0, 1, 3])
@pytest.mark.parametrize("is_terminal", [False, True])
def test_bookings_that_are_written_one_by_one_are_the_json_of_all(number: int, is_terminal: bool) -> None:
    bookings = (a_full_booking(),) * number
    stdout, stderr = Terminal() if is_terminal else io.StringIO(), io.StringIO()
    view = json_view.JsonView("bookings", stdout=stdout, stderr=stderr)

    view.show(Bookings(iter(bookings), LONDON, is_page=True))

    whole = json_view.result(Bookings(bookings, LONDON, is_page=True))
    expected = json_view.envelope("bookings", whole, is_indented=is_terminal)
    assert stdout.getvalue() == f"{expected}\n"


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_ledger_that_fails_in_the_middle_of_a_list_leaves_stdout_empty(is_terminal: bool) -> None:
    def pages() -> Iterator[Booking]:
        yield a_full_booking()
        raise LedgerBusy("ledger.db")

    stdout = Terminal() if is_terminal else io.StringIO()
    view = json_view.JsonView("bookings", stdout=stdout, stderr=io.StringIO())

    with pytest.raises(LedgerBusy):
        view.show(Bookings(pages(), LONDON))

    assert stdout.getvalue() == ""


def test_calendars_say_what_each_is_used_for() -> None:
    told: Any = json_view.result(Choice(CALENDARS, SELECTION, accounts=ACCOUNTS))

    assert [each["use"] for each in told["calendars"]] == ["both", "conflicts", None]
    assert told["calendars"][0] == {
        "id": "ana@example.com", "name": "Ana Ferreira", "role": "owner", "timezone": "Europe/London",
        "use": "both", "primary": True, "hidden": False,
    } | OWN  # fmt: skip
    assert (told["conflicts"], told["booking"], told["pinned"]) == (
        list(SELECTION.conflicts),
        "ana@example.com",
        False,
    )


def test_a_connection_names_account_permissions_vault_and_calendars() -> None:
    assert json_view.connected(connected(), zone=NEW_YORK) == {
        "account": "ana@example.com",
        "permissions": PERMISSIONS,
        "vault": "keyring",
        "calendars": {"conflicts": ["ana@example.com", TEAM], "booking": "ana@example.com"},
        "connected_at": "2026-03-02T03:00:00-05:00",
        "already": False,
    }


@pytest.mark.parametrize(
    ("revocation", "revoked"), [(each, each is Revocation.REVOKED) for each in Revocation]
)
def test_disconnecting_says_what_became_of_the_grant(revocation: Revocation, revoked: bool) -> None:
    assert json_view.result(Disconnected("ana@example.com", revocation, 2)) == {
        "account": "ana@example.com",
        "revoked": revoked,
        "revocation": revocation.value,
        "forgotten": True,
        "upcoming_bookings": 2,
    }


def test_a_diagnosis_has_every_check_in_its_order() -> None:
    told: Any = json_view.result(a_diagnosis(ConnectionState.DEGRADED))

    assert told["state"] == "degraded"
    assert told["checked_at"] == "2026-03-02T08:09:00+00:00"
    assert told["checks"][1] == {
        "name": "grant.refresh", "state": "ok", "detail": "renewed", "hint": None, "millis": 140,
    }  # fmt: skip
    assert told["permissions"] == PERMISSIONS
    assert told["calendars"][0] == {
        "id": "ana@example.com", "name": "Ana Ferreira", "role": "owner", "timezone": "Europe/London",
        "use": "both", "state": "ok",
    } | OWN  # fmt: skip
    assert told["bookings"] == {"live": 14, "held": 0, "overdue": 0, "without_event": 0}


def test_counts_that_could_not_be_taken_are_null() -> None:
    assert json_view.diagnosis(a_diagnosis()._replace(tally=None))["bookings"] is None


# --- errors ----------------------------------------------------------------------------------------------------------------


def test_an_error_is_one_line_with_its_facts() -> None:
    offer = Offer(at("Tue 09:00"), at("Tue 09:30"), "Tue 3 Mar, 09:00-09:30 (London)")
    error = SlotTaken("Mon 2 Mar, 09:00-09:30 (London)", "another booking", alternatives=(offer,))

    text = json_view.error_envelope("book", error, zone=NEW_YORK)

    assert "\n" not in text
    assert json.loads(text) == {
        "portalcal": 1,
        "command": "book",
        "error": {
            "code": "slot-taken",
            "message": error.message,
            "hint": "nearest: Tue 3 Mar, 09:00-09:30 (London)",
            "exit": 5,
            "retryable": False,
            "details": {
                "when": "Mon 2 Mar, 09:00-09:30 (London)",
                "by": "another booking",
                "alternatives": [
                    {
                        "start": "2026-03-03T04:00:00-05:00",
                        "end": "2026-03-03T04:30:00-05:00",
                        "words": "Tue 3 Mar, 09:00-09:30 (London)",
                    }
                ],
            },
        },
    }


def test_records_inside_an_error_become_objects() -> None:
    told = json.loads(
        json_view.error_envelope("status", ConfigInvalid("c.toml", (Problem("a", "1", "two"),)))
    )

    assert told["error"]["details"]["problems"] == [
        {"key": "a", "value": "1", "expected": "two", "remedy": ""}
    ]


class _Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class _Record:
    colour: _Colour
    day: date


class _Odd(PortalcalError):
    code = "odd"
    exit = GrantRevoked.exit
    says = "odd"
    what: object


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        (at("09:00"), "2026-03-02T09:00:00+00:00"),
        (timedelta(minutes=90), 90),
        (_Record(_Colour.RED, date(2026, 3, 2)), {"colour": "red", "day": "2026-03-02"}),
        (frozenset({"b", "a"}), ["a", "b"]),
        ((1, None, True, 2.5), [1, None, True, 2.5]),
        ({State.HELD: Notify.ALL}, {"held": "all"}),
        (Path("a/b"), "a/b"),
        (ID, str(ID)),
    ],
)
def test_facts_of_any_kind_become_plain_json(fact: object, told: object) -> None:
    assert json.loads(json_view.error_envelope("x", _Odd(fact)))["error"]["details"] == {"what": told}


# --- the view --------------------------------------------------------------------------------------------------------------


def _view(stdout: io.StringIO | None = None) -> tuple[json_view.JsonView, io.StringIO, io.StringIO]:
    out, err = stdout or io.StringIO(), io.StringIO()
    return json_view.JsonView("book", stdout=out, stderr=err), out, err


def test_warnings_wait_for_the_answer_and_go_with_it() -> None:
    view, out, err = _view()

    view.program = "portalcal --workspace sales"
    view.warn(DeliveriesOverdue(2, None))
    view.show(booked())

    told = json.loads(out.getvalue())
    assert told["warnings"] == [
        {
            "code": "errands-overdue",
            "message": "Google was not told of 2 bookings yet; deliver with `portalcal --workspace sales sync`",
            "details": {"count": 2, "why": None},
        }
    ]
    assert told["result"]["id"] == str(ID)
    assert err.getvalue() == ""


def test_an_answer_is_one_line_in_a_pipe_and_indented_on_a_terminal() -> None:
    for stdout, lines in ((io.StringIO(), 1), (Terminal(), 30)):
        view, out, _ = _view(stdout)
        view.show(booked())
        assert out.getvalue().count("\n") >= lines
        assert (out.getvalue().count("\n") == 1) == (lines == 1)


def test_a_failure_leaves_stdout_empty() -> None:
    view, out, err = _view()

    view.fail(GrantRevoked("ana@example.com", "revoked"))

    assert out.getvalue() == ""
    assert json.loads(err.getvalue())["error"]["exit"] == 4


def test_nobody_is_asked_under_json() -> None:
    view, _, _ = _view()

    with pytest.raises(ConfirmationRequired, match="Nothing was changed"):
        view.confirm("Sure?", consequences=(), action="disconnect", flag="--yes")


def test_the_address_for_consent_goes_to_stderr_whole() -> None:
    view, out, err = _view()

    view.ask_for_consent("https://example.com/?a=b", opens_browser=True)

    assert (out.getvalue(), err.getvalue()) == ("", "https://example.com/?a=b\n")


def test_a_connection_is_told_in_the_zone_of_the_view() -> None:
    view, out, _ = _view()

    view.zone = NEW_YORK
    view.show(connected())

    assert json.loads(out.getvalue())["result"]["connected_at"] == "2026-03-02T03:00:00-05:00"
    assert json_view.JsonView("x", stdout=io.StringIO(), stderr=io.StringIO()).zone is UTC


def test_a_script_pays_for_neither_rich_nor_pendulum() -> None:
    probe = "import sys, portalcal.views.json; print(*{m.split('.')[0] for m in sys.modules})"

    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout

    assert not {"rich", "pendulum", "icalendar", "typer"} & set(loaded.split())
