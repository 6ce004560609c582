"""A connection begun early is used if it stands, and otherwise makes no difference."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from pathlib import Path

import pytest

from portalcal.adapters.google import early_connection
from portalcal.adapters.google.early_connection import EarlyConnection
from portalcal.adapters.google.http_client import HttpClient, Request, RetryPolicy
from portalcal.adapters.tls import client_context
from portalcal.core.endpoint import read_endpoint
from portalcal.errors import GoogleUnreachable
from tests.adapters.scripted import Peer, Scripted, answers
from tests.certificates import private_authority


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tmp_path / "authority.pem"


@pytest.fixture
def tls(tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    return private_authority(tmp_path)[1]


def begun(url: str) -> EarlyConnection:
    early = early_connection.begin(read_endpoint(url))
    assert early is not None
    return early


def asks(early: EarlyConnection, url: str) -> bytes:
    """The answer to one request of a client that was given the connection."""
    with closing(HttpClient(RetryPolicy(attempts=1), early=early)) as http_client:
        return http_client.send(Request("GET", url)).content


def hangs_up_at_once(_: Peer) -> None:
    """Closes the connection before anything was asked."""


def test_the_request_goes_over_the_connection_that_was_begun(tls: ssl.SSLContext) -> None:
    with Scripted(answers(body=b'{"x": 1}'), tls=tls) as google:
        assert asks(begun(google.url), google.url) == b'{"x": 1}'

    assert google.connections == 1


def test_a_second_request_gets_a_connection_of_its_own(tls: ssl.SSLContext) -> None:
    with Scripted(answers(), tls=tls) as google:
        early = begun(google.url)
        asks(early, google.url)
        asks(early, google.url)

    assert google.connections == 2


def test_nothing_is_sent_on_a_connection_that_no_request_uses(tls: ssl.SSLContext) -> None:
    received: list[bytes] = []
    # Closing a socket with tickets unread resets the connection, and a reset may overtake what was sent before it.
    tls.num_tickets = 0

    with Scripted(lambda peer: received.append(peer.socket.recv(1)), tls=tls) as google:
        early = begun(google.url)
        early._opening.wait()
        early.close()

    assert (google.connections, received) == (1, [b""])


def test_one_that_the_server_has_closed_meanwhile_is_not_used(tls: ssl.SSLContext) -> None:
    with Scripted(hangs_up_at_once, answers(body=b'{"x": 2}'), tls=tls) as google:
        early = begun(google.url)
        early._opening.wait()
        assert early._socket is not None
        # Until the end of the stream has arrived.
        early._socket.settimeout(60)
        assert early._socket.recv(1) == b""

        assert asks(early, google.url) == b'{"x": 2}'


def test_one_that_was_idle_for_long_is_not_used(tls: ssl.SSLContext, bundle: Path) -> None:
    with Scripted(Peer.wait, tls=tls) as google:
        early = EarlyConnection(read_endpoint(google.url), str(bundle), max_idle=-1.0)

        assert early.take("127.0.0.1", google.port, client_context(str(bundle))) is None


def test_one_to_another_server_is_not_used(tls: ssl.SSLContext) -> None:
    with Scripted(answers(), tls=tls) as other, Scripted(answers(), tls=tls) as google:
        asks(begun(other.url), google.url)

    assert google.connections == 1
    assert other.requests == []


def test_one_with_other_authorities_is_not_used(tls: ssl.SSLContext) -> None:
    with Scripted(Peer.wait, tls=tls) as google:
        early = begun(google.url)

        assert early.take("127.0.0.1", google.port, ssl.create_default_context()) is None


def test_a_refused_connection_is_reported_as_without_it(tls: ssl.SSLContext) -> None:
    with Scripted(answers(), tls=tls) as google:
        url = google.url
    early = begun(url)

    with pytest.raises(GoogleUnreachable, match="refused"):
        asks(early, url)


def test_a_certificate_that_is_not_trusted_is_reported_as_without_it(
    tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (other := tmp_path / "other").mkdir()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(private_authority(other)[0]))
    with Scripted(answers(), tls=tls) as google:
        early = begun(google.url)

        with pytest.raises(GoogleUnreachable, match="certificate is not trusted"):
            asks(early, google.url)


def test_one_that_takes_too_long_is_not_waited_for(tls: ssl.SSLContext, bundle: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = read_endpoint(f"https://127.0.0.1:{silent.getsockname()[1]}/")
        early = EarlyConnection(address, str(bundle), max_wait=0.01)

        assert early.take("127.0.0.1", address.port or 0, tls) is None
        peer, _ = silent.accept()
        with peer:
            # Ends the handshake.
            pass
    early._opening.wait()


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("http://127.0.0.1:1/", {}),
        ("https://127.0.0.1:1/", {"HTTPS_PROXY": "http://proxy.example:3128"}),
        ("https://127.0.0.1:1/", {"all_Proxy": "http://proxy.example:3128", "NO_PROXY": "*"}),
    ],
)
def test_none_is_begun_without_tls_or_where_a_proxy_may_apply(url: str, environ: dict[str, str]) -> None:
    assert early_connection.begin(read_endpoint(url), environ) is None
