"""The way to Google as operators have it: proxies, an authority of their own, captive portals; as commands tell of it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from portalcal.simulator import Simulator
from tests.adapters.scripted import Scripted, answers
from tests.certificates import private_authority
from tests.cli.conftest import ANA, NOW, Shell


class Proxy:
    """A proxy that opens tunnels (CONNECT, RFC 9110 section 9.3.6) and passes plain requests on."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []
        self._is_over = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._is_over = True
        with contextlib.suppress(OSError), socket.create_connection(self._listener.getsockname(), timeout=1):
            pass
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._is_over:
                client.close()
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = client.recv(65536)
            self.asked.append(head.split(b"\r\n")[0].decode())
            method, target, _ = self.asked[-1].split()
            place = target if method == "CONNECT" else target.split("/")[2]
            host, _, port = place.partition(":")
            with socket.create_connection((host, int(port)), timeout=5) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    server.sendall(head.replace(f"http://{place}".encode(), b"", 1))
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.close()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tmp_path / "authority.pem"


@pytest.fixture
def secure(tmp_path: Path, bundle: Path) -> Iterator[Shell]:
    """A machine whose Google speaks TLS with a certificate of the organisation's own authority."""
    _, context = private_authority(tmp_path)
    with Simulator(now=NOW, ssl_context=context) as google:
        shell = Shell(google, tmp_path / "portalcal")
        shell.configure()
        shell.browser = lambda url: visit_securely(url, bundle)
        yield shell


def visit_securely(url: str, bundle: Path) -> bool:
    """A browser that knows the authority; proxies are none of its business."""
    trusting = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(bundle)))
    opener = urllib.request.build_opener(trusting, urllib.request.ProxyHandler({}))

    def look() -> None:
        with contextlib.suppress(OSError), opener.open(url, timeout=10) as page:
            page.read()

    threading.Thread(target=look, daemon=True).start()
    return True


def test_everything_goes_through_tls_with_a_private_authority(
    secure: Shell, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))

    assert secure("connect").exit == 0
    booked = secure.json("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com")
    assert booked.result["state"] == "confirmed"
    assert secure.json("disconnect", "--yes").result["revocation"] == "revoked"


@pytest.mark.parametrize("command", ["connect", "calendars"])
def test_a_certificate_that_nobody_here_trusts_is_named(secure: Shell, bundle: Path, command: str) -> None:
    if command != "connect":
        secure.connect()

    ran = secure(command)

    assert ran.exit == 7
    assert "127.0.0.1 cannot be reached: its certificate is not trusted" in ran.err
    assert "name its CA bundle in REQUESTS_CA_BUNDLE" in ran.err


def test_a_bundle_that_is_not_there_is_named(
    secure: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure.connect()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))

    error = secure.json("calendars").error

    assert error["code"] == "google-unreachable"
    assert "the CA bundle that REQUESTS_CA_BUNDLE names cannot be read" in error["message"]


def test_a_tunnel_through_a_proxy_carries_tls(
    secure: Shell, bundle: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)

    assert secure("connect").exit == 0
    assert secure.json("calendars").result["booking"] == ANA
    assert {line.split()[0] for line in proxy.asked} == {"CONNECT"}


def test_a_proxy_of_the_environment_is_used_unless_no_proxy_names_the_host(
    connected: Shell, google: Simulator, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)

    assert connected.json("calendars").exit == 0
    assert [line.split()[0] for line in proxy.asked] == ["GET"]

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert connected.json("calendars").exit == 0
    assert len(proxy.asked) == 1


@pytest.mark.parametrize(
    ("proxy_url", "words"),
    [
        ("http://127.0.0.1:1", "the proxy refuses connections"),
        ("socks5://127.0.0.1:1", "the proxy is a SOCKS proxy, which is not supported"),
        ("http://", "the proxy in the environment cannot be used"),
    ],
)
def test_a_proxy_that_is_no_way_through_is_named(
    connected: Shell, proxy_url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy_url)

    error = connected.json("calendars").error

    assert (error["code"], error["exit"]) == ("google-unreachable", 7)
    assert words in error["message"]
    assert "HTTPS_PROXY and NO_PROXY" in error["hint"]


def test_a_proxy_that_asks_for_a_password_says_so_and_keeps_ours(
    secure: Shell, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure.connect()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with Scripted(answers(407)) as gate:
        monkeypatch.setenv("https_proxy", gate.url.replace("http://", "http://ana:open-sesame@"))
        ran = secure("--verbose", "calendars")

    assert ran.exit == 7
    assert "the proxy asks for a name and a password (407)" in ran.err
    assert "open-sesame" not in ran.err


@pytest.mark.parametrize("command", [("calendars",), ("availability",), ("status",)])
def test_the_page_of_a_captive_portal_is_named(
    connected: Shell, google: Simulator, command: tuple[str, ...]
) -> None:
    google.faults.add("oauth.token: not-json")
    google.faults.add("calendarList.list: not-json")
    google.faults.add("freebusy.query: not-json")

    ran = connected(*command)

    assert ran.exit == 7
    told = " ".join((ran.out + ran.err).split())
    assert "a web page came back instead of Google's answer" in told


def test_a_server_that_speaks_no_tls_is_named(connected: Shell, google: Simulator) -> None:
    path = Path(connected.environ["PORTALCAL_CONFIG"])
    path.write_text(
        path.read_text().replace(f'api_root = "{google.url}', f'api_root = "https://127.0.0.1:{google.port}')
    )

    assert "it does not speak TLS there" in connected.json("calendars").error["message"]
