"""Batches and partial answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.http import BatchHttpRequest

from portalcal.simulator.google import Simulator
from tests.simulator.wire import Browserless


@pytest.fixture
def service(google: Simulator) -> Iterator[Any]:
    """Google's own client library."""
    credentials = Credentials(str(google.issue_token()))  # type: ignore[no-untyped-call]
    options = {"api_endpoint": google.api_root}
    with build(
        "calendar", "v3", credentials=credentials, static_discovery=True, client_options=options
    ) as built:
        yield built


def test_google_s_own_client_can_send_a_batch(google: Simulator, service: Any) -> None:
    told: dict[str, Any] = {}
    failed: dict[str, int] = {}

    def done(number: str, response: Any, error: Any) -> None:
        if error is None:
            told[number] = response
        else:
            failed[number] = error.resp.status

    day = {"start": {"date": "2026-11-25"}, "end": {"date": "2026-11-26"}}
    batch = BatchHttpRequest(callback=done, batch_uri=f"{google.url}/batch/calendar/v3")
    batch.add(service.events().insert(calendarId="primary", body=day | {"id": "abc12"}), request_id="in")
    batch.add(service.calendarList().list(), request_id="list")
    batch.add(service.events().get(calendarId="primary", eventId="never"), request_id="get")
    batch.execute()

    assert told["in"]["id"] == "abc12"
    assert told["list"]["kind"] == "calendar#calendarList"
    assert failed == {"get": 404}
    assert [google.count(name) for name in ("batch", "events.insert", "calendarList.list")] == [1, 1, 1]


def test_faults_strike_the_calls_of_a_batch_one_by_one(google: Simulator, service: Any) -> None:
    google.faults.add("calendarList.list: 403-rateLimitExceeded once")
    statuses: list[int] = []

    def done(number: str, response: Any, error: Any) -> None:
        statuses.append(error.resp.status if error else 200)

    batch = BatchHttpRequest(callback=done, batch_uri=f"{google.url}/batch/calendar/v3")
    batch.add(service.calendarList().list())
    batch.add(service.calendarList().list())
    batch.execute()

    assert sorted(statuses) == [200, 403]


def test_more_than_fifty_calls_are_too_many(ana: Browserless) -> None:
    part = "--x\r\nContent-Type: application/http\r\n\r\nGET /calendar/v3/colors HTTP/1.1\r\n\r\n\r\n"

    answer = ana.send(
        "POST",
        "/batch/calendar/v3",
        body=(part * 51 + "--x--\r\n").encode(),
        headers={"Content-Type": "multipart/mixed; boundary=x"},
    )

    assert (answer.status, answer.reason) == (400, "badRequest")


def test_what_is_no_batch_is_refused(ana: Browserless) -> None:
    assert ana.send("POST", "/batch/calendar/v3", body=b"hello").status == 400


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("items(id)", {"items": [{"id": "abc12"}]}),
        ("items/id,kind", {"kind": "calendar#events", "items": [{"id": "abc12"}]}),
        ("items(id,start/date)", {"items": [{"id": "abc12", "start": {"date": "2026-11-25"}}]}),
        ("items(start(*))", {"items": [{"start": {"date": "2026-11-25"}}]}),
    ],
)
def test_an_answer_can_be_cut_down_to_fields(ana: Browserless, fields: str, expected: dict[str, Any]) -> None:
    ana.insert("2026-11-25", "2026-11-26", id="abc12")

    assert ana.api("GET", "calendars/primary/events", fields=fields).json == expected


@pytest.mark.parametrize("fields", ["items(", "items(id))", "a,,b", "/id"])
def test_a_selection_that_is_none_is_refused(ana: Browserless, fields: str) -> None:
    assert ana.api("GET", "calendars/primary/events", fields=fields).status == 400
