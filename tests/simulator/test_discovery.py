"""The verifier itself: it must notice what it is there to notice."""

import dataclasses
import json
from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from portalcal.simulator.http.request_log import LoggedExchange
from tests.simulator import discovery
from tests.simulator.wire import Browserless

DAY = {"start": {"date": "2026-11-25"}, "end": {"date": "2026-11-26"}}


@pytest.fixture
def inserted(google: Simulator, ana: Browserless) -> LoggedExchange:
    """A flawless exchange."""
    ana.insert("2026-11-25", "2026-11-26", summary="Intro")
    return google.requests[-1]


def problems(google: Simulator, exchange: LoggedExchange, **changes: Any) -> list[str]:
    return list(discovery.Verifier(google).check(dataclasses.replace(exchange, **changes)))


def body(exchange: LoggedExchange, **changes: Any) -> bytes:
    return json.dumps(json.loads(exchange.response_body) | changes).encode()


def test_a_flawless_exchange_has_no_problem(google: Simulator, inserted: LoggedExchange) -> None:
    assert problems(google, inserted) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"colour": "red"}, "answer.colour is not in the document"),
        ({"summary": 3}, "answer.summary is no string: 3"),
        ({"sequence": "0"}, "answer.sequence is no integer: '0'"),
        ({"status": "maybe"}, "answer.status is none of"),
        ({"updated": "yesterday"}, "answer.updated is no RFC 3339 time: 'yesterday'"),
        ({"start": {"date": "soon"}}, "answer.start.date is no date: 'soon'"),
        ({"attendees": {}}, "answer.attendees is no list"),
        ({"attendees": [{"mail": "x"}]}, "answer.attendees[0].mail is not in the document"),
        ({"summary": None}, "answer.summary is null"),
        ({"kind": "calendar#thing"}, "kind is calendar#thing, not calendar#event"),
    ],
)
def test_an_answer_that_departs_from_the_document_is_noticed(
    google: Simulator, inserted: LoggedExchange, changes: dict[str, Any], problem: str
) -> None:
    found = problems(google, inserted, response_body=body(inserted, **changes))

    assert len(found) == 1
    assert found[0].startswith(problem)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("colour=red", "unknown parameter colour"),
        ("sendUpdates=some", "sendUpdates is none of"),
        ("supportsAttachments=yes", "supportsAttachments is no boolean: yes"),
        ("maxAttendees=few", "maxAttendees is no int32: few"),
        ("sendUpdates=all&sendUpdates=all", "sendUpdates given 2 times"),
    ],
)
def test_a_parameter_that_is_none_is_noticed(
    google: Simulator, inserted: LoggedExchange, query: str, problem: str
) -> None:
    assert problems(google, inserted, query=query)[0].startswith(problem)


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ({"start": DAY["start"]}, "body: end is missing"),
        (DAY | {"colour": "red"}, "request.colour is not in the document"),
        (DAY | {"guestsCanModify": "yes"}, "request.guestsCanModify is no boolean: 'yes'"),
    ],
)
def test_a_request_that_departs_from_the_document_is_noticed(
    google: Simulator, inserted: LoggedExchange, sent: dict[str, Any], problem: str
) -> None:
    assert problems(google, inserted, request_body=json.dumps(sent).encode()) == [problem]


def test_an_answer_to_the_wrong_scopes_is_noticed(google: Simulator, inserted: LoggedExchange) -> None:
    token = google.issue_token(["calendar.events.freebusy"])

    found = problems(google, inserted, request_headers={"authorization": f"Bearer {token}"})

    assert found[0].startswith("done with the wrong scopes")
    assert problems(google, inserted, request_headers={}) == ["done without a token"]


def test_an_error_in_another_shape_is_noticed(google: Simulator, inserted: LoggedExchange) -> None:
    error = {"error": {"code": 404, "message": "x", "errors": [{"reason": "y"}], "extra": 1}}

    found = problems(google, inserted, status=400, response_body=json.dumps(error).encode())

    assert [problem.split(" ")[0:3] for problem in found] == [
        ["an", "error", "that"],
        ["an", "error", "with"],
        ["an", "error", "without"],
    ]
    assert problems(google, inserted, status=500, response_body=b"<html>")[0].startswith(
        "an error in no shape"
    )


def test_a_method_that_does_not_exist_is_noticed(google: Simulator, inserted: LoggedExchange) -> None:
    assert problems(google, inserted, path="/calendar/v3/meetings") == ["no such method, and yet an answer"]
    assert (
        problems(google, inserted, operation="events.patch")[0] == "taken for events.patch, is events.insert"
    )


def strange_client() -> None:
    """Ask a simulator for something with a parameter nobody has heard of."""
    with (
        discovery.every_simulator(),
        Simulator() as google,
        Browserless(google, google.issue_token()) as client,
    ):
        assert client.api("GET", "users/me/calendarList", colour="red").status == 200


def test_every_simulator_that_starts_can_be_checked() -> None:
    before = list(Simulator.on_start)

    with pytest.raises(AssertionError, match="unknown parameter colour"):
        strange_client()

    assert Simulator.on_start == before
