"""The fault language, and what each fault does on the wire."""

import http.client
import socket
import threading
import time

import pytest

from portalcal.simulator.faults.faults import FAULT_KINDS, parse_fault
from portalcal.simulator.google import Simulator
from tests.simulator.wire import Browserless

LIST = "users/me/calendarList"


def test_a_fault_says_what_how_often_and_after_how_many() -> None:
    fault = parse_fault("events.insert: 429 times=3 rate=5% after=2 retry-after=7")

    assert (fault.operation, fault.kind, fault.left, fault.rate) == ("events.insert", "429", 3, 0.05)
    assert (fault.skip, fault.retry_after) == (2, 7)


@pytest.mark.parametrize(("text", "seconds"), [("2", 2), ("0.5", 0.5), ("3s", 3), ("250ms", 0.25)])
def test_lengths_of_time_are_seconds_unless_they_say_otherwise(text: str, seconds: float) -> None:
    assert parse_fault(f"*: latency={text}").value == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("429", "expected a fault as <operation|*>: <kind>"),
        ("*: 418", "expected a kind of fault out of 400-invalid, 400-required"),
        ("*: slow", "expected slow=SECONDS"),
        ("*: slow=inf", "expected seconds such as 2, 0.5 or 250ms, not 'inf'"),
        ("*: jitter=nan", "expected seconds such as 2, 0.5 or 250ms, not 'nan'"),
        ("*: latency=-1", "expected seconds such as 2, 0.5 or 250ms, not '-1'"),
        ("*: latency=86401", "expected at most 86400 seconds, not '86401'"),
        (f"*: slow={'9' * 400}", "expected at most 86400 seconds"),
        (f"*: 429 times={'9' * 5000}", "expected once, times=N, rate=5%"),
        ("*: 429 retry-after=9999999999", "expected once, times=N, rate=5%"),
        ("*: slow=soon", "expected seconds such as 2, 0.5 or 250ms, not 'soon'"),
        ("*: 429=3", "expected no value for 429"),
        ("*: 429 twice", "expected once, times=N, rate=5%"),
        ("*: 429 times=many", "expected once, times=N, rate=5%"),
        ("*: 429 shape=round", "expected once, times=N, rate=5%"),
        ("*: drop shape=frontend", "expected no shape for drop"),
        ("*: 502-html shape=frontend", "expected no shape for 502-html"),
    ],
)
def test_what_is_no_fault_is_refused_with_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("|", r"\|").replace("*", r"\*")):
        parse_fault(text)


@pytest.mark.parametrize("latency", [float("inf"), float("nan"), -1.0, 86_401.0])
def test_a_simulator_refuses_to_start_with_a_latency_that_is_no_wait(latency: float) -> None:
    with pytest.raises(ValueError, match="expected a latency from 0 to 86400 seconds"):
        Simulator(latency=latency)


def test_a_simulator_refuses_to_start_with_a_wrong_fault() -> None:
    with pytest.raises(ValueError, match="expected a kind of fault"):
        Simulator(faults=["*: teapot"])


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("400-invalid", 400, "invalid"),
        ("400-required", 400, "required"),
        ("400-badRequest", 400, "badRequest"),
        ("400-timeRangeEmpty", 400, "timeRangeEmpty"),
        ("400-timeRangeTooLong", 400, "timeRangeTooLong"),
        ("401", 401, "authError"),
        ("401-frontend", 401, "authError"),
        ("403-rateLimitExceeded", 403, "rateLimitExceeded"),
        ("403-userRateLimitExceeded", 403, "userRateLimitExceeded"),
        ("403-quotaExceeded", 403, "quotaExceeded"),
        ("403-insufficient", 403, "insufficientPermissions"),
        ("403-not-enabled", 403, "accessNotConfigured"),
        ("403-forbidden", 403, "forbidden"),
        ("403-requiredAccessLevel", 403, "requiredAccessLevel"),
        ("403-forbiddenForNonOrganizer", 403, "forbiddenForNonOrganizer"),
        ("403-forbiddenForServiceAccounts", 403, "forbiddenForServiceAccounts"),
        ("404", 404, "notFound"),
        ("409-duplicate", 409, "duplicate"),
        ("409-conflict", 409, "conflict"),
        ("410-deleted", 410, "deleted"),
        ("410-fullSyncRequired", 410, "fullSyncRequired"),
        ("410-updatedMinTooLongAgo", 410, "updatedMinTooLongAgo"),
        ("412", 412, "conditionNotMet"),
        ("429", 429, "rateLimitExceeded"),
        ("500", 500, "backendError"),
        ("502", 502, "backendError"),
        ("503", 503, "backendError"),
        ("504", 504, "backendError"),
    ],
)
def test_an_error_strikes_once_and_then_all_is_well(
    google: Simulator, ana: Browserless, kind: str, status: int, reason: str
) -> None:
    google.faults.add(f"calendarList.list: {kind} once")

    struck, well = ana.api("GET", LIST), ana.api("GET", LIST)

    assert (struck.status, struck.reason, well.status) == (status, reason, 200)


def test_both_shapes_of_a_401_can_be_had(google: Simulator, ana: Browserless) -> None:
    google.faults.add("*: 401 once")
    google.faults.add("*: 401-frontend once")

    backend, frontend = ana.api("GET", LIST).json["error"], ana.api("GET", LIST).json["error"]

    assert "status" not in backend
    assert frontend["status"] == "UNAUTHENTICATED"


REFUSALS = sorted(kind for kind in FAULT_KINDS if kind[0].isdigit() and kind != "502-html")


@pytest.mark.parametrize("kind", REFUSALS)
def test_every_refusal_can_be_had_in_both_shapes(google: Simulator, ana: Browserless, kind: str) -> None:
    google.faults.add(f"*: {kind} once shape=backend")
    google.faults.add(f"*: {kind} once shape=frontend")

    backend, frontend = ana.api("GET", LIST), ana.api("GET", LIST)

    assert (backend.status, backend.reason) == (frontend.status, frontend.reason)
    assert set(backend.json["error"]) == {"errors", "code", "message"}
    assert frontend.json["error"]["status"].isupper()


def test_the_front_end_says_in_its_own_words_that_one_is_too_fast(
    google: Simulator, ana: Browserless
) -> None:
    google.faults.add("*: 403-userRateLimitExceeded shape=frontend")

    (detail,) = ana.api("GET", LIST).json["error"]["details"]

    assert detail["reason"] == "RATE_LIMIT_EXCEEDED"


def test_the_token_endpoint_has_one_shape(google: Simulator, stranger: Browserless) -> None:
    google.faults.add("oauth.token: 503 shape=frontend")

    answer = stranger.refresh(google.issue_token().refresh_token)

    assert answer.json["error"] == "temporarily_unavailable"


def test_retry_after_travels_with_the_answer(google: Simulator, ana: Browserless) -> None:
    google.faults.add("*: 429 retry-after=3")

    assert ana.api("GET", LIST).headers["retry-after"] == "3"


@pytest.mark.parametrize(("kind", "status"), [("502-html", 502), ("not-json", 200)])
def test_a_page_can_come_instead_of_json(google: Simulator, ana: Browserless, kind: str, status: int) -> None:
    google.faults.add(f"*: {kind}")

    answer = ana.api("GET", LIST)

    assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("401", 401, "invalid_client"),
        ("429", 429, "rate_limit_exceeded"),
        ("500", 500, "internal_failure"),
        ("503", 503, "temporarily_unavailable"),
        ("invalid-grant", 400, "invalid_grant"),
        ("invalid-rapt", 400, "invalid_grant"),
        ("invalid-client", 401, "invalid_client"),
    ],
)
def test_the_token_endpoint_fails_in_its_own_shape(
    google: Simulator, stranger: Browserless, kind: str, status: int, error: str
) -> None:
    google.faults.add(f"oauth.token: {kind}")

    answer = stranger.refresh(google.issue_token().refresh_token)

    assert (answer.status, answer.json["error"]) == (status, error)


def test_a_lost_reply_means_done_and_not_told(google: Simulator, ana: Browserless) -> None:
    google.faults.add("events.insert: lost-reply once")

    with pytest.raises(http.client.RemoteDisconnected):
        ana.insert("2026-11-25", "2026-11-26", id="abc12")

    assert ana.api("GET", "calendars/primary/events/abc12").status == 200


def test_a_dropped_connection_means_not_done(google: Simulator, ana: Browserless) -> None:
    google.faults.add("events.insert: drop once")

    with pytest.raises(http.client.RemoteDisconnected):
        ana.insert("2026-11-25", "2026-11-26", id="abc12")

    assert ana.api("GET", "calendars/primary/events/abc12").status == 404
    assert [exchange.status for exchange in google.requests] == [0, 404]


def test_a_truncated_answer_means_done_and_half_told(google: Simulator, ana: Browserless) -> None:
    google.faults.add("events.insert: truncate once")

    with pytest.raises(http.client.IncompleteRead):
        ana.insert("2026-11-25", "2026-11-26", id="abc12")

    assert ana.api("GET", "calendars/primary/events/abc12").status == 200


def test_a_server_that_hangs_answers_nothing(google: Simulator, ana: Browserless) -> None:
    google.faults.add("*: hang once")
    ana.connection.timeout = 0.05

    with pytest.raises(TimeoutError):
        ana.api("GET", LIST)


def test_a_slow_answer_arrives_whole(google: Simulator, ana: Browserless) -> None:
    google.faults.add("*: slow=0.1 once")
    started = time.perf_counter()

    answer = ana.api("GET", LIST)

    assert answer.json["items"]
    assert time.perf_counter() - started >= 0.1


def test_latency_and_jitter_add_up(google: Simulator, ana: Browserless) -> None:
    google.faults.add("*: latency=30ms")
    google.faults.add("*: jitter=10ms")
    started = time.perf_counter()

    assert ana.api("GET", LIST).status == 200

    assert time.perf_counter() - started >= 0.03
    assert google.requests[-1].millis >= 30


def test_a_fault_concerns_its_operation_only(google: Simulator, ana: Browserless) -> None:
    google.faults.add("events.*: 500")

    assert ana.api("GET", LIST).status == 200
    assert ana.api("GET", "calendars/primary/events").status == 500


def test_a_fault_can_wait_for_its_turn(google: Simulator, ana: Browserless) -> None:
    google.faults.add("calendarList.list: 500 after=2 once")

    assert [ana.api("GET", LIST).status for _ in range(4)] == [200, 200, 500, 200]


def test_the_same_seed_strikes_the_same_requests() -> None:
    def run(seed: int) -> list[int]:
        with Simulator(faults=["*: 503 rate=50%"], seed=seed) as google, Browserless(google) as ana:
            ana.token = google.issue_token()
            return [ana.api("GET", LIST).status for _ in range(20)]

    assert run(1) == run(1) != run(2)
    assert set(run(1)) == {200, 503}


def test_faults_can_be_lifted(google: Simulator, ana: Browserless) -> None:
    google.faults.add("*: 500")
    google.faults.add("*: 503")
    google.faults.remove("*: 500")
    assert ana.api("GET", LIST).status == 503

    google.faults.clear()
    assert ana.api("GET", LIST).status == 200


def test_every_kind_of_fault_says_what_it_does() -> None:
    assert all(words for _, words in FAULT_KINDS.values())


def test_stopping_does_not_wait_for_a_hanging_client() -> None:
    google = Simulator(faults=["*: hang"]).start()
    is_hanging = threading.Event()
    google.observe(lambda _: is_hanging.set())
    with socket.create_connection(("127.0.0.1", google.port)) as connection:
        connection.sendall(f"GET /calendar/v3/{LIST} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert is_hanging.wait(60)

        google.stop()

        # The client still waits: it has neither hung up nor got an answer.
        connection.settimeout(60)
        assert connection.recv(1) == b""
