"""The server: strays neither end nor block the wait, and the tab hears the true outcome."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Self

import pytest

from portalcal.adapters.consent import callback_page as pages
from portalcal.adapters.consent.callback_request import AuthorizationResponse
from portalcal.adapters.consent.callback_server import CallbackServer
from portalcal.errors import Usage
from tests import selection
from tests.conftest import IMPOSSIBLE

ISS = "iss=https%3A%2F%2Faccounts.google.com"
GOOD = "/?state=the-state&code=4/0A"


@pytest.fixture
def server() -> Iterator[CallbackServer]:
    with CallbackServer(0, state="the-state") as server:
        yield server


class Client:
    """A raw connection to the server."""

    def __init__(self, server: CallbackServer, host: str = "127.0.0.1") -> None:
        self.server = server
        self.socket = socket.create_connection((host, server.port), timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, target: str, *, method: str = "GET", host: str | None = None, more: str = "") -> Client:
        host = host or f"127.0.0.1:{self.server.port}"
        return self.send(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode())

    def send(self, raw: bytes) -> Client:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self.socket.sendall(raw)
        return self

    def answer(self) -> str:
        """Everything until the server closes; nothing where it only hung up."""
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := self.socket.recv(65536):
                received += chunk
        return received.decode()

    @property
    def status(self) -> int:
        return int((self.answer().split() or ["", "0"])[1])


def never(_: float) -> None:
    """Nothing comes by way of the terminal."""


def wait(server: CallbackServer, seconds: float = 5.0) -> AuthorizationResponse | None:
    return server.wait(seconds, poll=never)


# --- the answer ---------------------------------------------------------------------------------------------------


def test_the_answer_ends_the_wait_and_the_tab_waits_for_the_outcome(server: CallbackServer) -> None:
    with Client(server) as tab:
        tab.ask(f"{GOOD}&{ISS}")
        response = wait(server)
        tab.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            tab.socket.recv(1)
        tab.socket.settimeout(60)
        server.show_outcome(pages.connected("ana@example.com"))
        page = tab.answer()

    assert response == AuthorizationResponse(code="4/0A")
    assert page.startswith("HTTP/1.1 200 OK\r\n")
    assert "<title>Connected as ana@example.com" in page


def test_a_browser_is_led_to_the_consent_page_once(server: CallbackServer) -> None:
    start_path = server.one_time_url("https://accounts.google.com/o/oauth2/v2/auth?state=the-state")
    path = start_path.removeprefix(f"http://127.0.0.1:{server.port}")

    with Client(server) as tab:
        led = tab.ask(path).answer()
    with Client(server) as later:
        replayed = later.ask(path).answer()

    assert led.startswith("HTTP/1.1 302 Found\r\n")
    assert "\r\nLocation: https://accounts.google.com/o/oauth2/v2/auth?state=the-state\r\n" in led
    assert "\r\nCache-Control: no-store\r\n" in led
    assert replayed.startswith("HTTP/1.1 410 Gone\r\n")
    assert "the-state" not in replayed


@pytest.mark.parametrize(
    ("path", "method", "host"),
    [("/guessed", "GET", None), ("{}", "POST", None), ("{}", "HEAD", None), ("{}", "GET", "evil.example")],
)
def test_who_does_not_know_the_way_is_not_led_and_does_not_use_it_up(
    server: CallbackServer, path: str, method: str, host: str | None
) -> None:
    start_path = server.one_time_url("https://accounts.google.com/auth")
    known = start_path.removeprefix(f"http://127.0.0.1:{server.port}")

    with Client(server) as stray:
        assert "Location" not in stray.ask(path.format(known), method=method, host=host).answer()

    with Client(server) as tab:
        assert tab.ask(known).status == 302


def test_the_address_is_a_literal_with_the_port(server: CallbackServer) -> None:
    assert server.uri == f"http://127.0.0.1:{server.port}/"


def test_a_denial_ends_the_wait_too(server: CallbackServer) -> None:
    with Client(server) as tab:
        tab.ask("/?error=access_denied&state=the-state")

        assert wait(server) == AuthorizationResponse(error="access_denied")


def test_an_answer_that_comes_in_pieces_is_put_together(server: CallbackServer) -> None:
    with Client(server) as tab:
        for each in f"GET {GOOD} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n":
            tab.send(each.encode())

        assert wait(server) == AuthorizationResponse(code="4/0A")


def test_a_tab_that_is_closed_meanwhile_changes_nothing(server: CallbackServer) -> None:
    with Client(server) as tab:
        tab.ask(GOOD)

    assert wait(server) == AuthorizationResponse(code="4/0A")
    server.show_outcome(pages.connected("ana@example.com"))


def test_a_tab_without_an_outcome_gets_a_page_at_shutdown() -> None:
    with CallbackServer(0, state="the-state") as server:
        tab = Client(server).ask(GOOD)
        wait(server)

    with tab:
        assert "Could not finish: portalcal ended before it had a result." in tab.answer()


# --- strays -------------------------------------------------------------------------------------------------------

STRAYS = [
    ("GET", "/favicon.ico", None, "", 404),
    ("GET", "/callback?state=the-state&code=4/0A", None, "", 404),
    ("GET", "/", None, "", 400),
    ("GET", "/?state=wrong&code=4/0A", None, "", 400),
    ("GET", "/?code=4/0A", None, "", 400),
    ("GET", "/?error=access_denied", None, "", 400),
    ("GET", f"{GOOD}&iss=https://evil.example", None, "", 400),
    ("GET", GOOD, "evil.example", "", 400),
    ("GET", GOOD, "evil.example:80", "", 400),
    ("POST", GOOD, None, "Content-Length: 5\r\n", 405),
    ("HEAD", GOOD, None, "", 405),
    ("OPTIONS", "/", None, "Origin: https://evil.example\r\n", 405),
    ("GET", GOOD, None, f"X: {'x' * 20_000}\r\n", 431),
    ("GET", f"/?{'x' * 20_000}", None, "", 431),
    ("nonsense", "/", None, "", 400),
]


@pytest.mark.parametrize(("method", "target", "host", "more", "status"), STRAYS)
def test_a_stray_is_answered_and_the_wait_goes_on(  # noqa: PLR0917
    server: CallbackServer, method: str, target: str, host: str | None, more: str, status: int
) -> None:
    with Client(server) as stray:
        assert stray.ask(target, method=method, host=host, more=more).status == status

    with Client(server) as tab:
        tab.ask(GOOD)
        assert wait(server) == AuthorizationResponse(code="4/0A")


def test_a_stray_hears_which_method_is_allowed_and_may_not_be_kept(server: CallbackServer) -> None:
    with Client(server) as stray:
        answer = stray.ask("/", method="DELETE").answer()

    assert "\r\nAllow: GET\r\n" in answer
    assert "\r\nCache-Control: no-store\r\n" in answer
    assert "\r\nConnection: close\r\n" in answer


def test_an_answer_of_another_attempt_tells_the_person_so(server: CallbackServer) -> None:
    with Client(server) as tab:
        page = tab.ask("/?state=old&code=4/0A").answer()

    assert "This answer belongs to another attempt to connect" in page


def test_who_says_nothing_and_hangs_up_is_forgotten(server: CallbackServer) -> None:
    for _ in range(5):
        Client(server).socket.close()

    with Client(server) as tab:
        tab.ask(GOOD)
        assert wait(server) == AuthorizationResponse(code="4/0A")


def test_idle_and_slow_connections_block_nothing(server: CallbackServer) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(200):
            idle = stack.enter_context(Client(server))
            if number % 2:
                idle.send(b"GET /?state=the-st")

        tab = stack.enter_context(Client(server))
        tab.ask(GOOD)
        assert wait(server) == AuthorizationResponse(code="4/0A")
        # Two hundred more cannot push out the tab that waits for its outcome.
        for _ in range(200):
            stack.enter_context(Client(server))
        server.show_outcome(pages.denied())
        assert tab.status == 200


def test_every_tab_with_the_answer_hears_the_outcome_however_many_there_are(server: CallbackServer) -> None:
    with contextlib.ExitStack() as stack:
        tabs = [stack.enter_context(Client(server)).ask(GOOD) for _ in range(70)]
        assert wait(server) == AuthorizationResponse(code="4/0A")
        stack.enter_context(Client(server)).ask("/favicon.ico").answer()
        server.show_outcome(pages.denied())

        assert {tab.status for tab in tabs} == {200}


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_a_request_that_does_not_arrive_in_time_is_ended() -> None:
    hands = Hands()

    with (
        CallbackServer(0, state="the-state", monotonic=hands.monotonic) as server,
        Client(server) as slow,
        Client(server) as idle,
        Client(server) as other,
    ):
        slow.send(b"GET /?sta")
        assert other.ask("/favicon.ico").status == 404
        hands.now = 11.0
        with Client(server) as knock:
            assert knock.ask("/favicon.ico").status == 404

        assert slow.status == 408
        assert idle.answer() == ""


def test_a_repeated_redirect_gets_the_same_outcome(server: CallbackServer) -> None:
    with Client(server) as tab, Client(server) as reload:
        tab.ask(GOOD)
        wait(server)
        reload.ask(GOOD)
        server.show_outcome(pages.connected("ana@example.com"))

        assert "Connected as ana@example.com" in tab.answer()
        assert "Connected as ana@example.com" in reload.answer()

    with Client(server) as later:
        assert "Connected as ana@example.com" in later.ask(GOOD).answer()


def test_a_second_tabs_response_gets_its_own_page(server: CallbackServer) -> None:
    with Client(server) as tab, Client(server) as other:
        tab.ask(GOOD)
        assert wait(server) == AuthorizationResponse(code="4/0A")
        page = other.ask("/?state=the-state&code=4/0B").answer()

    assert page.startswith("HTTP/1.1 409 Conflict")
    assert "Already answered" in page
    assert wait(server, 0) is None


# --- waiting ------------------------------------------------------------------------------------------------------


def test_the_wait_ends_when_the_time_is_up(server: CallbackServer) -> None:
    assert wait(server, 0) is None


def test_the_poll_callback_may_return_the_response(server: CallbackServer) -> None:
    assert server.wait(5, poll=lambda _: AuthorizationResponse(code="pasted")) == AuthorizationResponse(
        code="pasted"
    )


def test_ctrl_c_ends_the_wait_at_once() -> None:
    interrupt = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()

    with pytest.raises(KeyboardInterrupt), CallbackServer(0, state="the-state") as server:
        wait(server, 60)

    interrupt.join()


def test_no_thread_or_socket_is_left_after_shutdown() -> None:
    with CallbackServer(0, state="the-state") as server, Client(server) as idle, Client(server) as held:
        held.ask(GOOD)
        wait(server)
        idle.send(b"GET /")

    assert "loopback" not in {each.name for each in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)


def test_a_tab_that_never_reads_does_not_delay_shutdown() -> None:
    with CallbackServer(0, state="the-state") as server:
        tab = Client(server).ask(GOOD)
        wait(server)
        server.show_outcome(pages.connected("ana@example.com"))

    assert "loopback" not in {each.name for each in threading.enumerate()}
    tab.socket.close()


# --- ports --------------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Usage) as caught:
            CallbackServer(port, state="x")

    assert caught.value.message == f"port {port} is in use by another program"
    assert caught.value.hint == "name another with `--port`, or leave it out to take any free one"


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_number_that_is_no_port_is_named(port: int) -> None:
    with pytest.raises(Usage) as caught:
        CallbackServer(port, state="x")

    assert str(port) in caught.value.message


def test_a_port_that_is_free_is_taken_and_given_back() -> None:
    with CallbackServer(0, state="x") as first:
        port = first.port
    with CallbackServer(port, state="x") as second:
        assert second.port == port


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason=f"{IMPOSSIBLE}it has no ::1")


@needs_ipv6
def test_it_listens_on_both_loopback_addresses(server: CallbackServer) -> None:
    with Client(server, "::1") as tab:
        tab.ask(GOOD, host=f"[::1]:{server.port}")

        assert wait(server) == AuthorizationResponse(code="4/0A")


@needs_ipv6
def test_a_machine_with_ipv6_only_is_served_there() -> None:
    # 192.0.2.1 is nobody's address (RFC 5737): what 127.0.0.1 is on such a machine.
    with CallbackServer(0, state="the-state", addresses=("192.0.2.1", "::1")) as server:
        assert server.uri == f"http://[::1]:{server.port}/"
        with Client(server, "::1") as tab:
            tab.ask(GOOD, host=f"[::1]:{server.port}")
            assert wait(server) == AuthorizationResponse(code="4/0A")


@needs_ipv6
def test_the_other_address_being_taken_is_no_matter() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with CallbackServer(port, state="the-state") as server, Client(server) as tab:
            tab.ask(GOOD)
            assert wait(server) == AuthorizationResponse(code="4/0A")


def test_no_loopback_address_at_all_is_reported() -> None:
    with pytest.raises(Usage) as caught:
        CallbackServer(0, state="x", addresses=("192.0.2.1",))

    assert caught.value.message.startswith("no port on this machine can be used")


def test_only_loopback_is_listened_on(server: CallbackServer) -> None:
    names = {each.getsockname()[0] for each in server._listeners}

    assert names <= {"127.0.0.1", "::1"}


# --- secrets and fuzz ---------------------------------------------------------------------------------------------


def test_neither_code_nor_state_reaches_a_log(
    server: CallbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    for target in ("/?state=hidden-state&code=hidden-code", "/hidden?code=hidden-code", "/?hidden"):
        with Client(server) as stray:
            stray.ask(target).answer()

    assert caplog.records
    assert "hidden" not in caplog.text


def malformed(jitter: random.Random, port: int) -> bytes:
    """A request that is wrong in one of many ways, now and then almost right."""
    good = f"GET {GOOD}&{ISS} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode()
    match jitter.randrange(8):
        case 0:
            return jitter.randbytes(jitter.randrange(300))
        case 1:
            return good[: jitter.randrange(len(good) - 4)]
        case 2:
            return good.replace(b"the-state", jitter.randbytes(9).hex().encode())
        case 3:
            return good.replace(
                b"127.0.0.1", jitter.choice([b"evil.example", b"0.0.0.0", b"", b"localhost.evil"])
            )
        case 4:
            return good.replace(b"GET", jitter.choice([b"POST", b"PUT", b"get", b"G\x00T", b"GET GET", b""]))
        case 5:
            return good.replace(b"/?", jitter.choice([b"/x?", b"//?", b"?", b"/%00?", b"http://127.0.0.1/?"]))
        case 6:
            return good.replace(b"Accept", b"X" * jitter.choice([17_000, 70_000]))
        case _:
            at = jitter.randrange(len(good) - 4)
            return good.replace(b"state", b"stale")[:at] + jitter.randbytes(3) + good[at:]


def test_thousands_of_malformed_requests_end_in_one_correct_connection(
    server: CallbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    port = server.port

    def bombard(seed: int) -> None:
        jitter = random.Random(seed)
        for _ in range(selection.examples(2500)):
            raw = malformed(jitter, port)
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), timeout=60) as peer,
            ):
                peer.sendall(raw)
                if jitter.random() < 0.2:
                    peer.shutdown(socket.SHUT_WR)
                    peer.recv(1024)

    threads = [threading.Thread(target=bombard, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert wait(server, 0) is None
    with Client(server) as tab:
        tab.ask(f"{GOOD}&{ISS}")
        assert wait(server) == AuthorizationResponse(code="4/0A")
        server.show_outcome(pages.connected("ana@example.com"))
        assert "Connected as ana@example.com" in tab.answer()
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
