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

from portalcal.adapters.google import early_connection
from portalcal.core.endpoint import Address
from portalcal.simulator.google import Simulator
from tests.adapters.scripted import Scripted, answers
from tests.certificates import private_authority
from tests.cli.conftest import ANA, NOW, Shell, visit

ELSEWHERE = "calendar.test"
"""Another machine's name; only the proxy knows the way to it (RFC 6761 section 6.2)."""


class Proxy:
    """A proxy that opens tunnels (CONNECT, RFC 9110 section 9.3.6) and passes plain requests on."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []
        self._is_over = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._is_over = True
        with contextlib.suppress(OSError), socket.create_connection(self._listener.getsockname(), timeout=60):
            pass
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._is_over:
                client.close()
                return
            threading.Thread(target=self._secured, args=(client,), daemon=True).start()

    def _secured(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            self._pass_on(self._tls.wrap_socket(client, server_side=True) if self._tls else client)

    def _pass_on(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = client.recv(65536)
            self.asked.append(head.split(b"\r\n")[0].decode())
            method, target, _ = self.asked[-1].split()
            place = target if method == "CONNECT" else target.split("/")[2]
            # Names are looked up by the proxy: all of them lead to this machine.
            port = place.rpartition(":")[2]
            with socket.create_connection(("127.0.0.1", int(port)), timeout=60) as server:
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
    _, context = private_authority(tmp_path, ELSEWHERE)
    with Simulator(now=NOW, ssl_context=context) as google:
        shell = Shell(google, tmp_path / "portalcal")
        shell.configure()
        shell.browser = lambda url: visit_securely(url, bundle)
        yield shell


def visit_securely(url: str, bundle: Path) -> bool:
    """A browser that knows the authority; proxies are none of its business."""
    trusting = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(bundle)))
    return visit(url, urllib.request.build_opener(trusting, urllib.request.ProxyHandler({})))


def connections_of(google: Simulator) -> list[socket.socket]:
    """The connections that this simulator accepts from now on."""
    accepted: list[socket.socket] = []
    server = google._server
    opened = server.opened

    def noting(connection: socket.socket) -> None:
        accepted.append(connection)
        opened(connection)

    server.opened = noting  # type: ignore[method-assign]
    return accepted


def test_everything_goes_through_tls_with_a_private_authority(
    secure: Shell, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))

    assert secure("connect").exit == 0
    booked = secure.json("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com")
    assert booked.result["state"] == "confirmed"
    assert secure.json("disconnect", "--yes").result["revocation"] == "revoked"


def test_a_browser_that_shows_no_page_ends_the_wait(secure: Shell, tmp_path: Path) -> None:
    (other := tmp_path / "other").mkdir()
    stranger, _ = private_authority(other)
    secure.browser = lambda url: visit_securely(url, stranger)

    ran = secure("connect")

    assert ran.exit == 4
    assert "Nothing was stored" in ran.err


@pytest.mark.parametrize("command", ["connect", "calendars"])
def test_a_certificate_that_nobody_here_trusts_is_named(secure: Shell, bundle: Path, command: str) -> None:
    if command != "connect":
        secure.connect()

    ran = secure(command)

    assert ran.exit == 7
    assert "127.0.0.1 cannot be reached: its certificate is not trusted" in ran.err
    assert "name its CA bundle in REQUESTS_CA_BUNDLE" in ran.err


def test_a_command_opens_one_connection_and_begins_it_while_libraries_load(
    secure: Shell, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    secure.connect()
    began: list[str] = []

    def noting(address: Address) -> early_connection.EarlyConnection | None:
        began.append(address.url)
        return early_connection.begin(address)

    secure.parts["connect_early"] = noting
    opened = connections_of(secure.google)

    assert secure("availability").exit == 0

    assert began == [secure.google.api_root]
    assert len(opened) == 1


def test_no_connection_is_opened_by_commands_that_ask_nothing(
    secure: Shell, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    opened = connections_of(secure.google)

    assert secure("availability").exit == 0
    secure.connect()
    assert secure("status", "--offline").exit == 0
    assert secure("availability", "--help").exit == 0

    assert opened == []


def test_no_connection_is_opened_to_an_origin_that_the_grant_was_not_given_at(
    secure: Shell, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert secure("connect").exit == 0
    with socket.create_server(("127.0.0.1", 0)) as listener:
        lies_at(secure, f"https://127.0.0.1:{listener.getsockname()[1]}")

        assert secure.json("calendars").error["code"] == "endpoint-changed"

        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_bundle_that_is_not_there_is_named(
    secure: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure.connect()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))

    error = secure.json("calendars").error

    assert (error["code"], error["exit"]) == ("config-invalid", 3)
    assert error["message"].startswith(
        f'the variable REQUESTS_CA_BUNDLE is "{tmp_path}/nowhere.pem": expected a file of certific'
    )


def test_a_tunnel_through_a_proxy_carries_tls(
    secure: Shell, bundle: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    secure.connect()
    lies_at(secure, f"https://{ELSEWHERE}:{secure.google.port}")

    assert secure.json("calendars").result["booking"] == ANA
    assert [line.split()[:2] for line in proxy.asked] == [["CONNECT", f"{ELSEWHERE}:{secure.google.port}"]]


def test_a_proxy_that_is_spoken_to_over_tls_is_trusted_like_a_server(
    secure: Shell, bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (own := tmp_path / "proxy").mkdir()
    authority, context = private_authority(own)
    both = tmp_path / "both.pem"
    both.write_bytes(bundle.read_bytes() + authority.read_bytes())
    secure.connect()
    lies_at(secure, f"https://{ELSEWHERE}:{secure.google.port}")
    with contextlib.closing(Proxy(context)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)

        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(both))
        assert secure.json("calendars").result["booking"] == ANA
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        error = secure.json("calendars").error

    assert "the certificate of the proxy is not trusted" in error["message"]


def test_status_names_the_proxy_that_google_answers_through_and_keeps_its_password(
    secure: Shell, bundle: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    secure.environ["HTTPS_PROXY"] = proxy.url.replace("http://", "http://ana:open-sesame@")
    monkeypatch.setenv("HTTPS_PROXY", secure.environ["HTTPS_PROXY"])
    secure.connect()
    lies_at(secure, f"https://{ELSEWHERE}:{secure.google.port}")

    checks = {each["name"]: each["detail"] for each in secure.json("status").result["checks"]}

    place = proxy.url.removeprefix("http://")
    assert checks["google.reachable"] == f"answers, through the proxy {place}"


def test_no_proxy_names_hosts_that_are_spoken_to_directly(
    secure: Shell, bundle: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", ".test")
    secure.connect()
    lies_at(secure, f"https://{ELSEWHERE}:{secure.google.port}")

    # That name is nobody's (RFC 6761 section 6.2), so without the proxy it leads nowhere.
    assert "its name cannot be resolved (DNS)" in secure.json("calendars").error["message"]
    assert proxy.asked == []


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_loopback_is_spoken_to_directly_whatever_proxy_the_environment_names(
    google: Simulator, tmp_path: Path, proxy: Proxy, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy.url)
    monkeypatch.setenv("NO_PROXY", "")
    shell = Shell(google, tmp_path / "portalcal")
    shell.configure()

    # Consent, the exchange of the code, renewal, the API and the revocation.
    assert shell("connect").exit == 0
    assert shell("status").exit == 0
    assert shell.json("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com").exit == 0
    assert shell.json("disconnect", "--yes").result["revocation"] == "revoked"
    assert proxy.asked == []


def lies_at(shell: Shell, origin: str) -> None:
    """Let the configuration name another server for the API."""
    path = Path(shell.environ["PORTALCAL_CONFIG"])
    path.write_text(path.read_text().replace(f'api_root = "{shell.google.url}', f'api_root = "{origin}'))


def test_a_proxy_that_refuses_connections_is_named(connected: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    lies_at(connected, f"https://{ELSEWHERE}")

    error = connected.json("calendars").error

    assert (error["code"], error["exit"]) == ("google-unreachable", 7)
    assert "the proxy refuses connections" in error["message"]
    assert "HTTPS_PROXY and NO_PROXY" in error["hint"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "garbage"),
        ("all_proxy", "foo://proxy:1"),
        ("https_proxy", "socks5://127.0.0.1:1"),
        ("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem"),
    ],
)
@pytest.mark.parametrize(
    "line",
    [("calendars",), ("availability",), ("status",), ("status", "--offline")],
    ids=" ".join,
)
def test_what_waiting_cannot_mend_is_exit_3_and_names_the_variable(
    connected: Shell, line: tuple[str, ...], variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    # For what `status --offline` looks at itself.
    connected.environ[variable] = value
    lies_at(connected, f"https://{ELSEWHERE}")

    ran = connected(*line)

    assert ran.exit == 3
    assert f'{variable} is "{value}"' in " ".join((ran.out + ran.err).split())


@pytest.mark.parametrize("line", [("calendars",), ("status", "--offline"), ("book", "2026-11-24T10:00")])
def test_a_port_that_is_none_is_found_in_the_configuration(connected: Shell, line: tuple[str, ...]) -> None:
    lies_at(connected, "https://www.googleapis.com:99999")

    ran = connected(*line, *(("--name", "Sam", "--email", "sam@example.com") if line[0] == "book" else ()))

    assert ran.exit == 3
    told = " ".join((ran.out + ran.err).split())
    assert 'google.api_root = "https://www.googleapis.com:99999' in told
    assert "expected a port from 1 to 65535" in told


def test_what_is_owed_stays_owed_while_the_proxy_is_none(
    connected: Shell, google: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.faults.add("events.insert: drop")
    who = ("--name", "Sam", "--email", "sam@example.com")
    booked = connected.json("book", "2026-11-24T10:00", *who)
    assert booked.exit == 8
    lies_at(connected, f"https://{ELSEWHERE}")
    monkeypatch.setenv("HTTPS_PROXY", "garbage")

    connected("sync")

    (booking,) = connected.json("bookings").result["bookings"]
    assert booking["state"] == "held"


def test_a_proxy_that_asks_for_a_password_says_so_and_keeps_ours(
    secure: Shell, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure.connect()
    lies_at(secure, f"https://{ELSEWHERE}")
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
    lies_at(connected, f"https://127.0.0.1:{google.port}")

    assert "it does not speak TLS there" in connected.json("calendars").error["message"]
