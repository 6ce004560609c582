"""Where a session may go: to the host that was checked, directly on loopback, and never where an answer points."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import socket
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import requests
import urllib3.exceptions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portalcal.adapters.google.http_client import Request
from portalcal.adapters.google.http_session import EnvironmentOnce, ResponseBounds, guard_session
from portalcal.adapters.google.network_errors import network_problem, was_sent
from portalcal.core.endpoint import read_endpoint
from portalcal.simulator.google import Simulator
from tests.adapters.scripted import Act, Peer, Scripted, an_http_client, answers
from tests.certificates import private_authority


class Listener:
    """Notes which of this machine's addresses was connected to, and answers."""

    def __init__(self, host: str, port: int = 0) -> None:
        self.host = host
        self._socket = socket.create_server((host, port))
        self.port = int(self._socket.getsockname()[1])
        self.visits = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._is_over = True
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), timeout=5).close()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            peer, _ = self._socket.accept()
            with peer, contextlib.suppress(OSError):
                if self._is_over:
                    return
                self.visits += 1
                peer.recv(65536)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[Listener, Listener]]:
    """Ours on 127.0.0.1, and another's on the same port of 127.0.0.2."""
    ours = Listener("127.0.0.1")
    other = Listener("127.0.0.2", ours.port)
    yield ours, other
    ours.close()
    other.close()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        guard_session(session)
        yield session


_PLACES = st.sampled_from(
    ["127.0.0.1", "127.0.0.2", "127.1", "0x7f.2", "127.0.0.1.", "u:p@127.0.0.1", "LOCALHOST"]
)
_JOINTS = st.sampled_from(["", "@", "\\@", "\\", "/@", "#@", "?@", "%40", "%5c@", ";@", "\t@", ":@"])
_PORTS = st.sampled_from(["", ":PORT"])


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(_PLACES, _PORTS, _JOINTS, st.one_of(st.just(""), _PLACES), _PORTS))
def test_an_accepted_url_connects_to_the_host_that_was_checked(
    two: tuple[Listener, Listener], parts: tuple[str, ...]
) -> None:
    ours, other = two
    url = "http://" + "".join(parts).replace("PORT", str(ours.port)) + "/x"
    before = ours.visits, other.visits

    try:
        address = read_endpoint(url)
    except ValueError:
        address = None
    with requests.Session() as session:
        guard_session(session)
        # Nobody listens where the port is missing. What was refused must not reach the other one all the same.
        with contextlib.suppress(requests.RequestException):
            session.get(address.url if address else url, timeout=5)

    assert other.visits == before[1]
    if address is not None:
        assert ours.visits - before[0] == int(address.port == ours.port)


def test_the_listeners_of_that_test_do_hear(two: tuple[Listener, Listener]) -> None:
    ours, other = two
    before = ours.visits, other.visits

    for each in two:
        requests.get(f"http://{each.host}:{each.port}/", timeout=5, proxies={"http": ""})

    assert (ours.visits, other.visits) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.2:{}/", r"http://127.0.0.2:{}\@127.0.0.1/", "http://u:p@127.0.0.1:{}/"]
)
def test_an_ambiguous_url_is_refused_before_connecting(
    session: requests.Session, two: tuple[Listener, Listener], url: str
) -> None:
    before = [each.visits for each in two]

    with pytest.raises(requests.RequestException):
        session.get(url.format(two[0].port), timeout=5)

    assert [each.visits for each in two] == before


@pytest.mark.parametrize(
    "place", ["{other}elsewhere", "//127.0.0.2/", "http://[", "http://127.0.0.2:x/", "\\\\x", ""]
)
def test_a_redirect_is_not_followed_whatever_it_names(session: requests.Session, place: str) -> None:
    with (
        Scripted(answers()) as other,
        Scripted(answers(302, Location=place.format(other=other.url))) as google,
    ):
        got = session.get(google.url, timeout=5)
        kept = session.get(google.url, timeout=5, allow_redirects=False)

    assert (got.status_code, kept.status_code) == (302, 302)
    assert other.requests == []


SMALL = ResponseBounds(
    seconds=0.5, wire_bytes=100_000, decoded_bytes=200_000, values=1000, depth=10, digits=20
)


def sends(pieces: Iterable[bytes], *, pause: float = 0.0) -> Act:
    """Reads the request and sends what may never end; a wait between the pieces ends with the test."""

    def act(peer: Peer) -> None:
        peer.read()
        for piece in pieces:
            peer.socket.sendall(piece)
            if pause and peer.is_over(pause):
                return

    return act


def zipped(body: bytes, coding: str = "gzip") -> Act:
    return answers(200, body, Content_Encoding=coding)


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BOMB = gzip.compress(b" " * 10_000_000)

TRICKS = {
    "an endless body": (sends(itertools.chain([HEAD + b"\r\n"], itertools.repeat(b"[" * 65536))), "has more than"),
    "endless chunks": (
        sends(itertools.chain([CHUNKED], itertools.repeat(b"10000\r\n" + b" " * 65536 + b"\r\n"))),
        "has more than",
    ),
    "endless provisional answers": (
        sends(itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)),
        "has more than",
    ),
    "a large body": (answers(200, b"[" + b" " * 150_000 + b"]"), "has more than"),
    "a byte a second in the head": (sends(itertools.repeat(b"H"), pause=0.1), "was not complete within 0.5 s"),
    "a byte a second in the body": (
        sends(itertools.chain([HEAD + b"Content-Length: 1000\r\n\r\n"], itertools.repeat(b" ")), pause=0.1),
        "was not complete within 0.5 s",
    ),
    "a gzip bomb": (zipped(BOMB), "has more than"),
    "a deflate bomb": (zipped(zlib.compress(b" " * 10_000_000), "deflate"), "has more than"),
    "two gzips in a row": (zipped(gzip.compress(b" " * 150_000) * 2), "has more than"),
    "a gzip around a gzip": (zipped(gzip.compress(BOMB), "gzip, gzip"), "cannot be decoded"),
    "another coding": (zipped(b"[]", "br"), "cannot be decoded"),
    "no gzip at all": (zipped(b"[]"), "cannot be decoded"),
    "half a gzip": (zipped(gzip.compress(json.dumps(list(range(999))).encode())[:-20]), "ends before it is complete"),
    "deep lists": (answers(200, b"[" * 400 + b"]" * 400), "is nested more than 10 deep"),
    "deep objects": (answers(200, b'{"a":' * 500 + b"1" + b"}" * 500), "is nested more than 10 deep"),
    "deep in UTF-16": (answers(200, ("[" * 50 + "]" * 50).encode("utf-16")), "is nested more than 10 deep"),
    "deep behind a byte order mark": (answers(200, b"\xef\xbb\xbf" + b"[" * 50), "is nested more than 10 deep"),
    "a long number": (answers(200, b'{"a": ' + b"9" * 5000 + b"}"), "has a number of more than 20 digits"),
    "many values": (answers(200, b"[" + b"[]," * 5000 + b"[]]"), "has more than 1,000 values"),
}  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_a_response_beyond_the_bounds_is_reported(trick: str) -> None:
    act, words = TRICKS[trick]
    with Scripted(act) as google, requests.Session() as session:
        guard_session(session, bounds=SMALL)
        with pytest.raises((OSError, urllib3.exceptions.HTTPError)) as caught:
            session.post(google.url, data=b"{}", timeout=(5, 5))

    problem = network_problem(caught.value)
    assert problem.reason.startswith(f"its answer {words}")
    assert not problem.may_pass
    assert was_sent(caught.value)


TOLD = json.dumps({"text": "[{[{[{" * 100 + "9" * 500 + '\\" \\\\ {"', "list": [1.5, None]}).encode()


@pytest.mark.parametrize(
    "act",
    [
        answers(200, TOLD),
        zipped(gzip.compress(TOLD)),
        zipped(gzip.compress(TOLD[:50]) + gzip.compress(TOLD[50:]), "x-gzip"),
        zipped(zlib.compress(TOLD), "deflate"),
        answers(200, TOLD, Content_Encoding="identity"),
        sends([CHUNKED, b"%x\r\n" % len(TOLD), TOLD, b"\r\n0\r\n\r\n"]),
        sends([HEAD + b"Connection: close\r\n\r\n", TOLD[:9], TOLD[9:]]),
    ],
)
def test_a_response_within_the_bounds_is_read_unchanged(act: Act) -> None:
    with Scripted(act) as google, requests.Session() as session:
        guard_session(session, bounds=SMALL._replace(seconds=30))

        assert session.get(google.url, timeout=5).content == TOLD


def test_a_real_page_of_events_is_far_within_the_bounds() -> None:
    guests = [{"self": True, "responseStatus": "accepted"}] * 20
    event = {
        "id": "e" * 60, "status": "confirmed", "summary": "Meeting " * 10, "attendees": guests, "etag": '"1"',
        "start": {"dateTime": "2026-11-25T10:00:00Z"}, "end": {"dateTime": "2026-11-25T10:00:00Z"},
        "conferenceData": {"entryPoints": [{"uri": "https://meet.google.com/abc"}]},
    }  # fmt: skip
    page = json.dumps({"items": [event] * 2500}).encode()

    with Scripted(zipped(gzip.compress(page))) as google, requests.Session() as session:
        guard_session(session)
        assert session.get(google.url, timeout=30).content == page
    assert len(page) < ResponseBounds().decoded_bytes / 8


def test_the_environment_is_read_once_for_each_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.invalid:1")
    monkeypatch.setenv("no_proxy", "direct.invalid")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "bundle.pem")
    urls = ("https://calendar.invalid/a", "https://direct.invalid/a", "http://calendar.invalid/a")

    with EnvironmentOnce() as session, requests.Session() as usual:
        read = [session.merge_environment_settings(url, {}, None, None, None) for url in urls]
        as_usual = [usual.merge_environment_settings(url, {}, None, None, None) for url in urls]
        monkeypatch.delenv("https_proxy")
        again = session.merge_environment_settings("https://calendar.invalid/b?c=d", {}, None, None, None)

    assert read == as_usual
    assert [each["proxies"].get("https") for each in read] == [
        "http://proxy.invalid:1",
        None,
        "http://proxy.invalid:1",
    ]
    assert again == read[0]


def test_an_endless_chunk_size_line_is_bounded_too() -> None:
    act = sends(itertools.chain([CHUNKED], itertools.repeat(b"0" * 65536)))

    with Scripted(act) as google, requests.Session() as session:
        guard_session(session, bounds=SMALL)
        # urllib3 bounds it by itself, or our bytes do.
        with pytest.raises((OSError, urllib3.exceptions.HTTPError)) as caught:
            session.get(google.url, timeout=5)

    assert was_sent(caught.value)


def test_a_connection_is_used_again_after_an_answer() -> None:
    with Simulator() as google, requests.Session() as session:
        guard_session(session)
        for _ in range(3):
            session.get(google.url, timeout=5)
        adapter = session.get_adapter(google.url)
        assert isinstance(adapter, requests.adapters.HTTPAdapter)
        (key,) = adapter.poolmanager.pools.keys()
        pool = adapter.poolmanager.pools[key]

    assert (pool.num_connections, pool.num_requests) == (1, 3)


def test_the_bundle_of_authorities_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, tls = private_authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with Scripted(answers(), tls=tls) as google:
        for _ in range(2):
            with contextlib.closing(an_http_client()) as http_client:
                assert http_client.send(Request("GET", google.url)).status == 200
            bundle.write_text("no certificate")
