"""`HttpClient` under every fault: what is retried, what is not, and which error it raises in the end."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portalcal.adapters.google.http_client import MAX_CONCURRENT, HttpClient, Request, Response, RetryPolicy
from portalcal.errors import EnvironmentInvalid, GoogleBusy, GoogleUnreachable
from portalcal.simulator.google import Simulator
from tests import certificates
from tests.adapters.scripted import (
    Act,
    Peer,
    Scripted,
    Time,
    an_http_client,
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


def get(url: str) -> Request:
    return Request("GET", url)


def insert(url: str) -> Request:
    return Request("POST", url, b'{"id": "pc1"}', writes=True, is_idempotent=False)


def send(
    call: Request, time: Time | None = None, *, timeout: float = 60.0, retry_policy: RetryPolicy | None = None
) -> Response:
    with closing(an_http_client(time, timeout=timeout, retry_policy=retry_policy)) as http_client:
        return http_client.send(call)


def unreachable(call: Request, time: Time | None = None, *, timeout: float = 60.0) -> GoogleUnreachable:
    with pytest.raises(GoogleUnreachable) as caught:
        send(call, time, timeout=timeout)
    return caught.value


# --- answers ------------------------------------------------------------------------------------------------------


def test_a_response_is_returned_whatever_its_status() -> None:
    with Scripted(refuses(404, "notFound")) as google:
        answer = send(get(google.url))

    assert (answer.status, answer.headers["connection"]) == (404, "close")
    assert google.connections == 1


def test_connections_are_used_again() -> None:
    def twice(peer: Peer) -> None:
        for _ in range(2):
            peer.read()
            peer.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with Scripted(twice) as google, closing(an_http_client()) as http_client:
        http_client.send(get(google.url))
        http_client.send(get(google.url))

    assert (google.connections, len(google.requests)) == (1, 2)


def test_cookies_are_not_kept() -> None:
    with Scripted(answers(Set_Cookie="NID=1; Path=/")) as google, closing(an_http_client()) as http_client:
        http_client.send(get(google.url))
        http_client.send(get(google.url))

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
def test_a_busy_response_is_retried(busy: Act, call: object) -> None:
    time = Time()

    with Scripted(busy, busy, answers(body={"ok": 1})) as google:
        answer = send(call(google.url), time)  # type: ignore[operator]

    assert answer.content == b'{"ok": 1}'
    assert time.sleeps == [1.0, 2.0]


@pytest.mark.parametrize(("jitter", "expected"), [(0.0, [0.75, 1.5, 3.0]), (1.0, [1.25, 2.5, 5.0])])
def test_backoff_doubles_with_a_quarter_of_jitter(jitter: float, expected: list[float]) -> None:
    time = Time()
    http_client = HttpClient(sleep=time.sleep, jitter=lambda: jitter, monotonic=time.monotonic)

    with Scripted(BUSY[0]) as google, closing(http_client), pytest.raises(GoogleBusy):
        http_client.send(get(google.url))

    assert time.sleeps == expected


def test_after_four_attempts_the_error_has_googles_message() -> None:
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
def test_a_permanent_refusal_is_not_retried(reason: str) -> None:
    with Scripted(refuses(403, reason)) as google:
        assert send(get(google.url)).status == 403

    assert google.connections == 1


def test_a_429_for_an_exhausted_quota_is_not_retried() -> None:
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
def test_an_invalid_retry_after_is_ignored(value: str) -> None:
    time = Time()

    with Scripted(
        refuses(503, "backendError", Retry_After=value.encode().decode("latin-1")), answers()
    ) as google:
        send(get(google.url), time)

    assert time.sleeps == [1.0]


@pytest.mark.parametrize("seconds", ["21", "3600"])
def test_a_retry_after_beyond_the_policy_ends_the_retries(seconds: str) -> None:
    time = Time()

    with (
        Scripted(refuses(429, "rateLimitExceeded", Retry_After=seconds)) as google,
        pytest.raises(GoogleBusy),
    ):
        send(get(google.url), time)

    assert (google.connections, time.sleeps) == (1, [])


def test_no_attempt_starts_after_the_time_limit() -> None:
    with Scripted(BUSY[0]) as google, pytest.raises(GoogleBusy):
        send(get(google.url), retry_policy=RetryPolicy(attempts=9, last_start=4.0))

    assert google.connections == 3


@pytest.mark.parametrize(("status", "sent"), [(500, True), (503, True), (429, False), (403, False)])
def test_a_server_error_after_a_write_leaves_its_outcome_unknown(status: int, sent: bool) -> None:
    with Scripted(refuses(status, "rateLimitExceeded")) as google, pytest.raises(GoogleBusy) as caught:
        send(insert(google.url))

    assert caught.value.sent is sent


def test_an_outcome_once_unknown_stays_unknown_however_the_last_attempt_ends() -> None:
    with (
        Scripted(refuses(500, "backendError"), refuses(429, "rateLimitExceeded")) as google,
        pytest.raises(GoogleBusy) as caught,
    ):
        send(insert(google.url))

    assert (caught.value.status, caught.value.sent) == (429, True)


# --- no answer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", LOST)
def test_a_read_whose_response_is_lost_is_retried(lost: Act) -> None:
    time = Time()

    with Scripted(lost, answers()) as google:
        assert send(get(google.url), time).status == 200

    assert time.sleeps == [0.5]


@pytest.mark.parametrize("lost", LOST)
def test_an_insert_whose_response_is_lost_is_never_retried(lost: Act) -> None:
    with Scripted(lost, answers()) as google:
        error = unreachable(insert(google.url))

    assert (google.connections, error.sent) == (1, True)
    assert error.reason == "the connection broke off before the answer was complete"


def test_a_delete_whose_responses_are_lost_is_retried_and_its_outcome_stays_unknown() -> None:
    with Scripted(resets_after_reading) as google:
        error = unreachable(Request("DELETE", google.url, writes=True, is_idempotent=True))

    assert (google.connections, error.sent) == (3, True)


def test_a_server_that_never_responds_times_out() -> None:
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


def test_an_unresolvable_name_is_reported_as_dns() -> None:
    error = unreachable(insert("https://calendar.invalid/"))

    assert (error.reason, error.sent) == ("its name cannot be resolved (DNS)", False)


@pytest.mark.parametrize("url", ["http:///x", "ftp://example.com/", "http://a..b/", "nonsense"])
def test_an_invalid_url_is_reported_without_retries(url: str) -> None:
    time = Time()

    error = unreachable(insert(url), time)

    assert (error.reason, error.sent, time.sleeps) == ("the configured address cannot be used", False, [])


# --- somebody else answers ----------------------------------------------------------------------------------------


def test_a_captive_portals_page_is_reported_and_not_retried() -> None:
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
    with Scripted(answers(407)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        unreachable(get("https://calendar.invalid/x"))

    assert proxy.requests[0].startswith(b"CONNECT calendar.invalid:443 HTTP/1.")


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy", "ALL_PROXY"])
def test_loopback_goes_through_no_proxy(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1/")
    monkeypatch.setenv("no_proxy", "")

    with Scripted(answers()) as google:
        assert send(get(google.url)).status == 200


def test_a_proxy_that_requires_a_password_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with Scripted(answers(407, b"")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        error = unreachable(insert("https://calendar.invalid/"))

    assert (error.reason, error.sent) == ("the proxy asks for a name and a password (407)", False)
    assert error.hint == "check HTTPS_PROXY and NO_PROXY in the environment, then run `portalcal status`"


def test_an_unreachable_proxy_is_reported_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://me:hidden@127.0.0.1:1/")

    error = unreachable(insert("https://calendar.invalid/"))

    assert (error.reason, error.sent) == ("the proxy refuses connections", False)


@pytest.mark.parametrize(
    "proxy",
    ["socks5://127.0.0.1:1", "nonsense://127.0.0.1:1", "http://", "garbage", "http://proxy:99999", "http://a b:1",
     "http://ana:open-sesame@proxy:x", "http://prox\udcffy:1"],
)  # fmt: skip
def test_an_unusable_proxy_is_reported_with_its_variable(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    with pytest.raises(EnvironmentInvalid) as caught:
        send(insert("https://calendar.invalid/"))

    assert caught.value.message.startswith("the variable HTTPS_PROXY is ")
    assert "open-sesame" not in caught.value.message
    assert "unset HTTPS_PROXY" in str(caught.value.hint)


@pytest.mark.parametrize("hosts", ["localhost .example.com", "http://intranet", "a\x01b"])
def test_no_proxy_is_checked_too(hosts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", hosts)

    with pytest.raises(EnvironmentInvalid, match=r"NO_PROXY is .*: expected hosts with commas between them"):
        send(insert("https://calendar.invalid/"))


def test_a_proxy_that_refuses_connect_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with Scripted(answers(403, b"")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        error = unreachable(insert("https://calendar.invalid/"))

    assert (error.reason, error.sent) == ("the proxy gives no way through", False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a CA of one's own")])
    made = (
        certificates.builder(name, name, key=key, by=key, is_authority=True)
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


def test_an_untrusted_certificate_is_reported_and_not_retried(certificate: Path) -> None:
    with Scripted(answers(), tls=tls_of(certificate)) as google:
        error = unreachable(insert(google.url.replace("127.0.0.1", "localhost")))

    assert google.connections == 1
    assert (error.reason, error.sent) == ("its certificate is not trusted (self-signed certificate)", False)
    assert (error.hint or "").startswith(
        "if a proxy of your organisation inspects TLS, name its CA bundle in REQUESTS_CA_BUNDLE"
    )


def test_a_custom_ca_bundle_is_trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "words"), [(None, "no such file or directory"), ("no certificate", "there is none in it")]
)
def test_an_unusable_ca_bundle_is_reported(
    tmp_path: Path, variable: str, content: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv(variable, str(bundle))

    with pytest.raises(EnvironmentInvalid) as caught:
        send(insert("https://127.0.0.1:1/"))

    assert (
        caught.value.message
        == f'the variable {variable} is "{bundle}": expected a file of certificates ({words})'
    )


def test_a_server_without_tls_is_recognized() -> None:
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
        send(
            Request("POST", f"{google.url}token?code=hidden", b"refresh_token=hidden", {"x-secret": "hidden"})
        )

    own = [each.getMessage() for each in caplog.records if each.name == "portalcal.http"]
    assert own == [
        "POST 127.0.0.1/token: 503 in 0 ms, try 1",
        "POST 127.0.0.1/token: 200 in 0 ms, try 2",
    ]


def test_a_malformed_header_prints_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    def odd(peer: Peer) -> None:
        peer.read()
        peer.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nnonsense\r\n\r\n{}")

    with Scripted(odd) as google:
        send(get(f"{google.url}?code=hidden"))

    assert "hidden" not in caplog.text
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


# --- many at once -------------------------------------------------------------------------------------------------


def test_at_most_eight_requests_are_concurrent() -> None:
    with Simulator(latency=0.03) as google, closing(an_http_client()) as http_client:
        most, present, lock = 0, 0, threading.Lock()
        send = http_client._session.request

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

        http_client._session.request = counted  # type: ignore[method-assign]
        with ThreadPoolExecutor(max_workers=24) as pool:
            answers = list(pool.map(http_client.send, [get(f"{google.api_root}colors")] * 48))

    assert len(answers) == 48
    assert most == MAX_CONCURRENT
