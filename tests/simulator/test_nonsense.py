"""Whatever is sent, the simulator answers; an exception inside it would end these tests (`Simulator.__exit__`)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portalcal.simulator.google import Simulator
from tests.selection import examples
from tests.simulator.wire import Browserless

SCALARS = (
    st.none() | st.booleans() | st.integers(-9, 60_000) | st.text(max_size=8) | st.floats(allow_nan=False)
)
TIMES = st.sampled_from(
    [
        "2026-11-25",
        "2026-11-25T10:00:00Z",
        "2026-11-25T10:00:00",
        "0001-01-01",
        "9999-12-31T23:59:59-12:00",
        "2026-02-30",
    ]
)
VALUES = st.recursive(
    SCALARS | TIMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
)
POINTS = st.dictionaries(
    st.sampled_from(["date", "dateTime", "timeZone"]),
    TIMES | st.sampled_from(["Europe/London", "x"]) | VALUES,
    max_size=3,
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "start": POINTS | VALUES,
        "end": POINTS | VALUES,
        "id": VALUES | st.just("abcde"),
        "attendees": VALUES
        | st.lists(st.fixed_dictionaries({"email": st.just("a@b.c") | VALUES}), max_size=2),
        "recurrence": VALUES
        | st.lists(st.sampled_from(["RRULE:FREQ=DAILY", "EXDATE:x", "RDATE;TZID=x:20261125"])),
        "reminders": VALUES | st.fixed_dictionaries({"useDefault": VALUES, "overrides": VALUES}),
        "extendedProperties": VALUES | st.fixed_dictionaries({"private": VALUES}),
        "conferenceData": VALUES | st.fixed_dictionaries({"createRequest": VALUES}),
        "status": VALUES | st.sampled_from(["confirmed", "cancelled"]),
        "sequence": VALUES,
        "eventType": VALUES | st.sampled_from(["focusTime", "birthday"]),
        "transparency": VALUES,
        "summary": VALUES,
    },
)
QUERIES = st.fixed_dictionaries(
    {"timeMin": TIMES | VALUES, "timeMax": TIMES | VALUES, "items": VALUES}
) | st.fixed_dictionaries(
    {
        "timeMin": st.just("2026-11-25T00:00:00Z"),
        "timeMax": st.just("2026-11-26T00:00:00Z"),
        "items": VALUES,
        "timeZone": VALUES,
        "calendarExpansionMax": VALUES,
        "groupExpansionMax": VALUES,
    }
)


@pytest.fixture(scope="module")
def ana() -> Iterator[Browserless]:
    """One simulator for all nonsense, with an event to change."""
    with Simulator() as google, Browserless(google, google.issue_token()) as client:
        client.insert("2026-11-25", "2026-11-26", id="aaaaa", attendees=[{"email": "ana@example.com"}])
        yield client


@settings(max_examples=examples(300))
@given(body=EVENTS)
def test_any_event_is_taken_or_refused(ana: Browserless, body: dict[str, Any]) -> None:
    inserted = ana.api("POST", "calendars/primary/events?conferenceDataVersion=1", body)
    patched = ana.api("PATCH", "calendars/primary/events/aaaaa", body)

    assert {inserted.status, patched.status} <= {200, 400, 409}


@settings(max_examples=examples(200))
@given(body=QUERIES)
def test_any_free_busy_question_is_answered_or_refused(ana: Browserless, body: dict[str, Any]) -> None:
    assert ana.api("POST", "freeBusy", body).status in {200, 400}


@settings(max_examples=examples(200))
@given(
    query=st.dictionaries(
        st.sampled_from(
            [
                "timeMin",
                "timeMax",
                "maxResults",
                "pageToken",
                "syncToken",
                "q",
                "orderBy",
                "singleEvents",
                "updatedMin",
                "fields",
                "timeZone",
            ]
        ),
        st.text(max_size=12) | TIMES | st.sampled_from(["true", "startTime", "bnVsbA", "W10"]),
        max_size=4,
    )
)
def test_any_list_is_answered_or_refused(ana: Browserless, query: dict[str, Any]) -> None:
    assert ana.api("GET", "calendars/primary/events", None, headers=None, **query).status in {200, 400, 410}


@settings(max_examples=examples(200))
@given(
    body=st.binary(max_size=60),
    path=st.sampled_from(["token", "revoke", "signin/consent", "batch/calendar/v3"]),
)
def test_any_body_gets_an_answer(ana: Browserless, body: bytes, path: str) -> None:
    assert ana.send("POST", f"/{path}", body=body).status in {400, 401}


@settings(max_examples=examples(100))
@given(told=VALUES)
def test_any_json_is_a_body_or_a_parse_error(ana: Browserless, told: Any) -> None:
    answer = ana.send(
        "POST",
        "/calendar/v3/calendars/primary/events",
        body=json.dumps(told).encode(),
        headers={"Authorization": f"Bearer {ana.token}"},
    )

    assert answer.status == 400
