"""HTTP itself, and what is written down about it."""

import http.client
import json
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from portalcal.simulator.google import Simulator
from portalcal.simulator.http.request_log import LoggedExchange
from tests.simulator.wire import Browserless

LIST = "users/me/calendarList"


def raw(google: Simulator, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", google.port), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_it_listens_on_loopback_and_says_where(google: Simulator) -> None:
    assert google.url == f"http://127.0.0.1:{google.port}"
    assert google.api_root == f"{google.url}/calendar/v3/"
    assert google.revoke_uri == f"{google.url}/revoke"


def test_a_connection_is_kept_alive(google: Simulator, ana: Browserless) -> None:
    ana.api("GET", LIST)
    socket_before = ana.connection.sock

    ana.api("GET", LIST)

    assert ana.connection.sock is socket_before is not None


def test_requests_can_be_pipelined_and_the_connection_closed(google: Simulator) -> None:
    one = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    assert raw(google, one + last).count(b"HTTP/1.1 404 Not Found") == 2


def test_a_body_may_come_in_chunks(google: Simulator) -> None:
    body = json.dumps(
        {"timeMin": "2026-11-23T00:00:00Z", "timeMax": "2026-11-24T00:00:00Z", "items": []}
    ).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:10], body[10:])) + b"0\r\n\r\n"
    head = (
        f"POST /calendar/v3/freeBusy HTTP/1.1\r\nAuthorization: Bearer {google.issue_token()}\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )

    assert raw(google, head.encode() + chunks).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_a_bad_request(google: Simulator, request_bytes: bytes) -> None:
    assert raw(google, request_bytes).startswith(b"HTTP/1.1 400 Bad Request")


def test_a_client_that_hangs_up_in_the_middle_does_no_harm(google: Simulator, ana: Browserless) -> None:
    assert raw(google, b"POST /token HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf") == b""
    assert ana.api("GET", LIST).status == 200


def test_a_get_too_long_for_a_url_may_travel_as_a_post(google: Simulator, ana: Browserless) -> None:
    answer = ana.send(
        "POST",
        "/calendar/v3/calendars/primary/events",
        body=b"maxResults=1&singleEvents=true",
        headers={
            "Authorization": f"Bearer {ana.token}",
            "x-http-method-override": "GET",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )

    assert answer.json["kind"] == "calendar#events"
    assert google.requests[-1].operation == "events.list"


def test_the_date_header_follows_the_simulator_s_clock(google: Simulator, ana: Browserless) -> None:
    assert ana.api("GET", LIST).headers["date"] == "Mon, 23 Nov 2026 08:00:00 GMT"

    google.clock.advance(minutes=10)

    assert ana.api("GET", LIST).headers["date"] == "Mon, 23 Nov 2026 08:10:00 GMT"


def test_every_exchange_is_written_down_before_its_answer_arrives(
    google: Simulator, ana: Browserless
) -> None:
    ana.api("GET", LIST, maxResults=5)

    exchange = google.requests[-1]
    assert (exchange.method, exchange.path) == ("GET", "/calendar/v3/users/me/calendarList")
    assert (exchange.operation, exchange.query, exchange.status) == ("calendarList.list", "maxResults=5", 200)
    assert json.loads(exchange.response_body)["kind"] == "calendar#calendarList"
    assert google.count("calendarList.list") == google.count() == 1


def test_counting_can_start_over(google: Simulator, ana: Browserless) -> None:
    ana.api("GET", LIST)

    google.forget_requests()

    assert (google.requests, google.count()) == ([], 0)


def test_a_line_for_people_holds_no_secret(google: Simulator, stranger: Browserless) -> None:
    code = stranger.authorize().returned["code"]
    stranger.exchange(code)

    lines = "\n".join(exchange.line() for exchange in google.requests)

    assert "oauth.authorize" in lines
    assert "oauth.token" in lines
    assert not any(secret in lines or secret in repr(google.requests) for secret in google.secrets())


def test_observers_hear_of_every_exchange_and_their_trouble_is_not_hidden() -> None:
    heard: list[str] = []

    def observer(exchange: LoggedExchange) -> None:
        heard.append(exchange.operation)
        raise AssertionError(exchange.operation)

    def visit() -> None:
        with Simulator() as google, Browserless(google) as stranger:
            google.observe(observer)
            assert stranger.send("GET", "/nowhere").status == 404

    with pytest.raises(AssertionError, match="unknown"):
        visit()

    assert heard == ["unknown"]


def test_many_clients_at_once_get_their_own_answers(google: Simulator) -> None:
    token, wrong = google.issue_token(), []

    def work(number: int) -> None:
        with Browserless(google, token) as client:
            for turn in range(10):
                event_id = f"id{number:03}{turn:03}"
                told = client.insert("2026-11-25", "2026-11-26", id=event_id).json
                if told["id"] != event_id:
                    wrong.append(told["id"])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert len(google.events()) == google.count("events.insert") == 80


def test_it_can_speak_tls(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)

    with Simulator(ssl_context=server) as google:
        context = ssl.create_default_context(cafile=str(certificate))
        connection = http.client.HTTPSConnection("127.0.0.1", google.port, context=context, timeout=60)
        connection.request("GET", "/nowhere")
        status = connection.getresponse().status
        connection.close()

    assert google.url.startswith("https://")
    assert status == 404


def test_stopping_twice_is_harmless() -> None:
    google = Simulator().start()

    google.stop()
    google.stop()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", google.port), timeout=1)
