"""The wire under every fault: what is tried again, what is not, and in which words it gives up."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portalcal.adapters.google_wire import MOST_AT_ONCE, Answer, Call, Patience, Wire
from portalcal.errors import GoogleBusy, GoogleUnreachable
from portalcal.simulator import Simulator
from tests.adapters.scripted import (
    Act,
    Peer,
    Scripted,
    Time,
    a_wire,
    answers,
    hangs,
    hangs_up,
    refuses,
    resets_after_reading,
    resets_unread,
    speaks_nonsense,
    truncates,
)

LOST = [resets_unread, resets_after_reading, hangs_up, truncates, speaks_nonsense]


def get(url: str) -> Call:
    return Call("GET", url)


def insert(url: str) -> Call:
    return Call("POST", url, b'{"id": "pc1"}', writes=True, repeats=False)


def send(
    call: Call, time: Time | None = None, *, timeout: float = 5.0, patience: Patience | None = None
) -> Answer:
    with closing(a_wire(time, timeout=timeout, patience=patience)) as wire:
        return wire.send(call)


def unreachable(call: Call, time: Time | None = None, *, timeout: float = 5.0) -> GoogleUnreachable:
    with pytest.raises(GoogleUnreachable) as caught:
        send(call, time, timeout=timeout)
    return caught.value


# --- answers ------------------------------------------------------------------------------------------------------


def test_an_answer_is_handed_on_whatever_its_status() -> None:
    with Scripted(refuses(404, "notFound")) as google:
        answer = send(get(google.url))

    assert (answer.status, answer.headers["connection"]) == (404, "close")
    assert google.connections == 1


def test_connections_are_used_again() -> None:
    def twice(peer: Peer) -> None:
        for _ in range(2):
            peer.read()
            peer.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with Scripted(twice) as google, closing(a_wire()) as wire:
        wire.send(get(google.url))
        wire.send(get(google.url))

    assert (google.connections, len(google.requests)) == (1, 2)


def test_cookies_are_not_kept() -> None:
    with Scripted(answers(Set_Cookie="NID=1; Path=/")) as google, closing(a_wire()) as wire:
        wire.send(get(google.url))
        wire.send(get(google.url))

    assert b"cookie" not in google.requests[1].lower()


def test_credentials_in_netrc_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password hidden\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    with Scripted(answers()) as google:
        send(get(google.url))

    assert b"\r\nauthorization:" not in google.requests[0].lower()


# --- busy ---------------------------------------------------------------------------------------------------------

BUSY = [
    refuses(429, "rateLimitExceeded"),
    refuses(403, "rateLimitExceeded"),
    refuses(403, "userRateLimitExceeded"),
    refuses(500, "backendError"),
    answers(502, b"<html>Bad Gateway</html>"),
    refuses(503, "backendError"),
    answers(504, b""),
    answers(400, {"error": "temporarily_unavailable"}),
]


@pytest.mark.parametrize("busy", BUSY)
@pytest.mark.parametrize("call", [get, insert])
def test_a_busy_google_is_asked_again(busy: Act, call: object) -> None:
    time = Time()

    with Scripted(busy, busy, answers(body={"ok": 1})) as google:
        answer = send(call(google.url), time)  # type: ignore[operator]

    assert answer.content == b'{"ok": 1}'
    assert time.sleeps == [1.0, 2.0]


@pytest.mark.parametrize(("dice", "expected"), [(0.0, [0.75, 1.5, 3.0]), (1.0, [1.25, 2.5, 5.0])])
def test_the_pauses_double_and_differ_by_a_quarter(dice: float, expected: list[float]) -> None:
    time = Time()
    wire = Wire(sleep=time.sleep, dice=lambda: dice, monotonic=time.monotonic)

    with Scripted(BUSY[0]) as google, closing(wire), pytest.raises(GoogleBusy):
        wire.send(get(google.url))

    assert time.sleeps == expected


def test_after_four_tries_it_gives_up_and_says_in_googles_words_why() -> None:
    with (
        Scripted(refuses(429, "rateLimitExceeded", "Rate Limit Exceeded")) as google,
        pytest.raises(GoogleBusy) as caught,
    ):
        send(get(google.url))

    assert google.connections == 4
    assert caught.value.details == {"reason": "Rate Limit Exceeded", "status": 429, "sent": False}


@pytest.mark.parametrize(
    "reason", ["quotaExceeded", "forbidden", "insufficientPermissions", "accessNotConfigured"]
)
def test_what_will_not_pass_is_not_asked_again(reason: str) -> None:
    with Scripted(refuses(403, reason)) as google:
        assert send(get(google.url)).status == 403

    assert google.connections == 1


def test_a_quota_that_answers_429_is_not_asked_again() -> None:
    with Scripted(refuses(429, "quotaExceeded")) as google:
        assert send(get(google.url)).status == 429

    assert google.connections == 1


def test_retry_after_is_waited_for() -> None:
    time = Time()

    with Scripted(refuses(429, "rateLimitExceeded", Retry_After="7"), answers()) as google:
        send(get(google.url), time)

    assert time.sleeps == [7.0]


def test_retry_after_may_be_a_date() -> None:
    time = Time()
    dates = {"Date": "Mon, 02 Mar 2026 09:00:00 GMT", "Retry_After": "Mon, 02 Mar 2026 09:00:05 GMT"}

    with Scripted(refuses(503, "backendError", **dates), answers()) as google:
        send(get(google.url), time)

    assert time.sleeps == [5.0]


@pytest.mark.parametrize("value", ["soon", "-5", "1e9999", "Mon, 99 Mar", "²"])
def test_a_retry_after_that_says_nothing_is_passed_over(value: str) -> None:
    time = Time()

    with Scripted(
        refuses(503, "backendError", Retry_After=value.encode().decode("latin-1")), answers()
    ) as google:
        send(get(google.url), time)

    assert time.sleeps == [1.0]


@pytest.mark.parametrize("seconds", ["21", "3600"])
def test_who_asks_for_too_long_a_wait_is_not_waited_for(seconds: str) -> None:
    time = Time()

    with (
        Scripted(refuses(429, "rateLimitExceeded", Retry_After=seconds)) as google,
        pytest.raises(GoogleBusy),
    ):
        send(get(google.url), time)

    assert (google.connections, time.sleeps) == (1, [])


def test_no_try_begins_after_the_time_is_up() -> None:
    with Scripted(BUSY[0]) as google, pytest.raises(GoogleBusy):
        send(get(google.url), patience=Patience(tries=9, begin=4.0))

    assert google.connections == 3


@pytest.mark.parametrize(("status", "sent"), [(500, True), (503, True), (429, False), (403, False)])
def test_a_server_error_after_a_write_leaves_its_outcome_open(status: int, sent: bool) -> None:
    with Scripted(refuses(status, "rateLimitExceeded")) as google, pytest.raises(GoogleBusy) as caught:
        send(insert(google.url))

    assert caught.value.sent is sent


def test_an_outcome_once_open_stays_open_however_the_last_try_ends() -> None:
    with (
        Scripted(refuses(500, "backendError"), refuses(429, "rateLimitExceeded")) as google,
        pytest.raises(GoogleBusy) as caught,
    ):
        send(insert(google.url))

    assert (caught.value.status, caught.value.sent) == (429, True)


# --- no answer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", LOST)
def test_a_read_whose_answer_is_lost_is_sent_again(lost: Act) -> None:
    time = Time()

    with Scripted(lost, answers()) as google:
        assert send(get(google.url), time).status == 200

    assert time.sleeps == [0.5]


@pytest.mark.parametrize("lost", LOST)
def test_an_insert_whose_answer_is_lost_is_never_sent_again(lost: Act) -> None:
    with Scripted(lost, answers()) as google:
        error = unreachable(insert(google.url))

    assert (google.connections, error.sent) == (1, True)
    assert error.reason == "the connection broke off before the answer was complete"


def test_a_delete_whose_answers_are_lost_is_sent_again_and_its_outcome_stays_open() -> None:
    with Scripted(resets_after_reading) as google:
        error = unreachable(Call("DELETE", google.url, writes=True, repeats=True))

    assert (google.connections, error.sent) == (3, True)


def test_a_hanging_google_is_given_up() -> None:
    with Scripted(hangs) as google:
        error = unreachable(insert(google.url), timeout=0.1)

    assert (error.reason, error.sent) == ("no answer within 0.1 s", True)


def test_a_refused_connection_is_tried_three_times_and_nothing_was_sent() -> None:
    time = Time()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    error = unreachable(insert(f"http://127.0.0.1:{port}/"), time)

    assert (error.reason, error.sent, error.host) == ("the connection was refused (TCP)", False, "127.0.0.1")
    assert time.sleeps == [0.5, 1.0]


def test_a_name_that_does_not_resolve_is_said_to_be_dns() -> None:
    error = unreachable(insert("http://calendar.invalid/"))

    assert (error.reason, error.sent) == ("its name cannot be resolved (DNS)", False)


@pytest.mark.parametrize("url", ["http:///x", "ftp://example.com/", "http://a..b/", "nonsense"])
def test_an_address_that_is_none_says_so_at_once(url: str) -> None:
    time = Time()

    error = unreachable(insert(url), time)

    assert (error.reason, error.sent, time.sleeps) == ("the configured address cannot be used", False, [])


# --- somebody else answers ----------------------------------------------------------------------------------------


def test_the_page_of_a_captive_portal_is_named_and_not_asked_again() -> None:
    with Scripted(answers(200, b"<!doctype html><title>Hotel WiFi</title>")) as google:
        error = unreachable(insert(google.url))

    assert google.connections == 1
    assert error.reason == (
        "a web page came back instead of Google's answer, as from the sign-in page of a network or a proxy"
    )
    assert (
        error.hint == "open a web page in a browser to sign in to this network, then run `portalcal status`"
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(status: int) -> None:
    with Scripted(answers()) as elsewhere, Scripted(answers(status, b"", Location=elsewhere.url)) as google:
        error = unreachable(get(google.url))

    assert elsewhere.connections == 0
    assert error.reason.startswith("a redirect came back instead of Google's answer")


def test_network_authentication_required_is_a_captive_portal() -> None:
    with Scripted(answers(511, b"<html>")) as google:
        assert "sign-in page" in unreachable(get(google.url)).reason


# --- proxies and certificates -------------------------------------------------------------------------------------


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Scripted(answers(body={"by": "proxy"})) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        answer = send(get("http://calendar.invalid/x"))

    assert answer.content == b'{"by": "proxy"}'
    assert proxy.requests[0].startswith(b"GET http://calendar.invalid/x HTTP/1.1")


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    with Scripted(answers()) as google:
        assert send(get(google.url)).status == 200


def test_a_proxy_that_wants_a_password_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with Scripted(answers(407, b"")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        error = unreachable(insert("https://calendar.invalid/"))

    assert (error.reason, error.sent) == ("the proxy asks for a name and a password (407)", False)
    assert error.hint == "check HTTPS_PROXY and NO_PROXY in the environment, then run `portalcal status`"


def test_a_proxy_that_is_not_there_says_so_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://me:hidden@127.0.0.1:1/")

    error = unreachable(insert("https://calendar.invalid/"))

    assert (error.reason, error.sent) == ("the proxy refuses connections", False)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "nonsense://127.0.0.1:1", "http://"])
def test_a_proxy_that_cannot_be_used_says_so(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", proxy)

    error = unreachable(insert("https://calendar.invalid/"))

    assert error.reason.startswith("the proxy")
    assert not error.sent


def test_a_proxy_that_refuses_the_way_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with Scripted(answers(403, b"")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        error = unreachable(insert("https://calendar.invalid/"))

    assert (error.reason, error.sent) == ("the proxy gives no way through", False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a CA of one's own")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


def tls_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_nobody_trusts_is_named_and_not_tried_again(certificate: Path) -> None:
    with Scripted(answers(), tls=tls_of(certificate)) as google:
        error = unreachable(insert(google.url.replace("127.0.0.1", "localhost")))

    assert google.connections == 1
    assert (error.reason, error.sent) == ("its certificate is not trusted (self-signed certificate)", False)
    assert (error.hint or "").startswith(
        "if a proxy of your organisation inspects TLS, name its CA bundle in REQUESTS_CA_BUNDLE"
    )


def test_a_bundle_of_ones_own_is_trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    with Scripted(answers(), tls=tls_of(certificate)) as google:
        assert send(get(google.url.replace("127.0.0.1", "localhost"))).status == 200


def test_a_certificate_for_another_name_is_not_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    with Scripted(answers(), tls=tls_of(certificate)) as google:
        error = unreachable(insert(google.url))

    assert error.reason.startswith("its certificate is not trusted (IP address mismatch")
    assert not error.sent


def test_a_bundle_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")

    error = unreachable(insert("https://127.0.0.1:1/"))

    assert (error.reason, error.sent) == ("the CA bundle that REQUESTS_CA_BUNDLE names cannot be read", False)


def test_a_server_without_tls_is_told_apart() -> None:
    def plain(peer: Peer) -> None:
        peer.socket.recv(4096)
        peer.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Scripted(plain) as google:
        error = unreachable(insert(google.url.replace("http:", "https:")))

    assert (error.reason, error.sent) == ("it does not speak TLS there", False)


# --- what it tells ------------------------------------------------------------------------------------------------


def test_the_log_says_what_happened_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    with Scripted(refuses(503, "backendError"), answers()) as google:
        send(Call("POST", f"{google.url}token?code=hidden", b"refresh_token=hidden", {"x-secret": "hidden"}))

    own = [each.getMessage() for each in caplog.records if each.name == "portalcal.http"]
    assert own == [
        "POST 127.0.0.1/token: 503 in 0 ms, try 1",
        "POST 127.0.0.1/token: 200 in 0 ms, try 2",
    ]


def test_a_header_that_cannot_be_read_is_nobodys_warning(caplog: pytest.LogCaptureFixture) -> None:
    def odd(peer: Peer) -> None:
        peer.read()
        peer.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nnonsense\r\n\r\n{}")

    with Scripted(odd) as google:
        send(get(f"{google.url}?code=hidden"))

    assert "hidden" not in caplog.text
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


# --- many at once -------------------------------------------------------------------------------------------------


def test_no_more_than_eight_requests_are_with_google_at_once() -> None:
    with Simulator(latency=0.03) as google, closing(a_wire()) as wire:
        most, present, lock = 0, 0, threading.Lock()
        send = wire._session.request

        def counted(*values: Any, **named: Any) -> Any:
            nonlocal most, present
            with lock:
                present += 1
                most = max(most, present)
            try:
                return send(*values, **named)
            finally:
                with lock:
                    present -= 1

        wire._session.request = counted  # type: ignore[method-assign]
        with ThreadPoolExecutor(max_workers=24) as pool:
            answers = list(pool.map(wire.send, [get(f"{google.api_root}colors")] * 48))

    assert len(answers) == 48
    assert most == MOST_AT_ONCE
