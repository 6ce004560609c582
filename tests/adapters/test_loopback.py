"""The receiver: strays neither end nor block the wait, and the tab hears the true outcome."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import signal
import socket
import threading
import time as real_time
from collections.abc import Iterator
from typing import Self

import pytest

from portalcal.adapters import loopback_page as pages
from portalcal.adapters.loopback import Receiver
from portalcal.adapters.loopback_request import Reply
from portalcal.errors import Usage
from tests.conftest import IMPOSSIBLE

ISS = "iss=https%3A%2F%2Faccounts.google.com"
GOOD = "/?state=the-state&code=4/0A"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(0, state="the-state") as receiver:
        yield receiver


class Client:
    """A raw connection to the receiver."""

    def __init__(self, receiver: Receiver, host: str = "127.0.0.1") -> None:
        self.receiver = receiver
        self.socket = socket.create_connection((host, receiver.port), timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, target: str, *, method: str = "GET", host: str | None = None, more: str = "") -> Client:
        host = host or f"127.0.0.1:{self.receiver.port}"
        return self.send(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode())

    def send(self, raw: bytes) -> Client:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self.socket.sendall(raw)
        return self

    def answer(self) -> str:
        """Everything until the receiver closes; nothing where it only hung up."""
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


def wait(receiver: Receiver, seconds: float = 5.0) -> Reply | None:
    return receiver.wait(seconds, meanwhile=never)


# --- the answer ---------------------------------------------------------------------------------------------------


def test_the_answer_ends_the_wait_and_the_tab_waits_for_the_outcome(receiver: Receiver) -> None:
    with Client(receiver) as tab:
        tab.ask(f"{GOOD}&{ISS}")
        reply = wait(receiver)
        tab.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            tab.socket.recv(1)
        tab.socket.settimeout(5)
        receiver.tell(pages.connected("ana@example.com"))
        page = tab.answer()

    assert reply == Reply(code="4/0A")
    assert page.startswith("HTTP/1.1 200 OK\r\n")
    assert "<title>Connected as ana@example.com" in page


def test_the_address_is_a_literal_with_the_port(receiver: Receiver) -> None:
    assert receiver.uri == f"http://127.0.0.1:{receiver.port}/"


def test_a_denial_ends_the_wait_too(receiver: Receiver) -> None:
    with Client(receiver) as tab:
        tab.ask("/?error=access_denied&state=the-state")

        assert wait(receiver) == Reply(error="access_denied")


def test_an_answer_that_comes_in_pieces_is_put_together(receiver: Receiver) -> None:
    with Client(receiver) as tab:
        for each in f"GET {GOOD} HTTP/1.1\r\nHost: 127.0.0.1:{receiver.port}\r\n\r\n":
            tab.send(each.encode())

        assert wait(receiver) == Reply(code="4/0A")


def test_a_tab_that_is_closed_meanwhile_changes_nothing(receiver: Receiver) -> None:
    with Client(receiver) as tab:
        tab.ask(GOOD)

    assert wait(receiver) == Reply(code="4/0A")
    receiver.tell(pages.connected("ana@example.com"))


def test_a_tab_nobody_told_anything_hears_so_at_the_end() -> None:
    with Receiver(0, state="the-state") as receiver:
        tab = Client(receiver).ask(GOOD)
        wait(receiver)

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
    receiver: Receiver, method: str, target: str, host: str | None, more: str, status: int
) -> None:
    with Client(receiver) as stray:
        assert stray.ask(target, method=method, host=host, more=more).status == status

    with Client(receiver) as tab:
        tab.ask(GOOD)
        assert wait(receiver) == Reply(code="4/0A")


def test_a_stray_hears_which_method_is_allowed_and_may_not_be_kept(receiver: Receiver) -> None:
    with Client(receiver) as stray:
        answer = stray.ask("/", method="DELETE").answer()

    assert "\r\nAllow: GET\r\n" in answer
    assert "\r\nCache-Control: no-store\r\n" in answer
    assert "\r\nConnection: close\r\n" in answer


def test_an_answer_of_another_attempt_tells_the_person_so(receiver: Receiver) -> None:
    with Client(receiver) as tab:
        page = tab.ask("/?state=old&code=4/0A").answer()

    assert "This answer belongs to another attempt to connect" in page


def test_who_says_nothing_and_hangs_up_is_forgotten(receiver: Receiver) -> None:
    for _ in range(5):
        Client(receiver).socket.close()

    with Client(receiver) as tab:
        tab.ask(GOOD)
        assert wait(receiver) == Reply(code="4/0A")


def test_idle_and_slow_connections_block_nothing(receiver: Receiver) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(200):
            idle = stack.enter_context(Client(receiver))
            if number % 2:
                idle.send(b"GET /?state=the-st")

        tab = stack.enter_context(Client(receiver))
        tab.ask(GOOD)
        assert wait(receiver) == Reply(code="4/0A")
        # Two hundred more cannot push out the tab that waits for its outcome.
        for _ in range(200):
            stack.enter_context(Client(receiver))
        receiver.tell(pages.denied())
        assert tab.status == 200


def test_every_tab_with_the_answer_hears_the_outcome_however_many_there_are(receiver: Receiver) -> None:
    with contextlib.ExitStack() as stack:
        tabs = [stack.enter_context(Client(receiver)).ask(GOOD) for _ in range(70)]
        assert wait(receiver) == Reply(code="4/0A")
        stack.enter_context(Client(receiver)).ask("/favicon.ico").answer()
        receiver.tell(pages.denied())

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
        Receiver(0, state="the-state", monotonic=hands.monotonic) as receiver,
        Client(receiver) as slow,
        Client(receiver) as idle,
        Client(receiver) as other,
    ):
        slow.send(b"GET /?sta")
        assert other.ask("/favicon.ico").status == 404
        hands.now = 11.0
        with Client(receiver) as knock:
            assert knock.ask("/favicon.ico").status == 404

        assert slow.status == 408
        assert idle.answer() == ""


def test_a_second_answer_with_the_same_code_hears_the_same_outcome(receiver: Receiver) -> None:
    with Client(receiver) as tab, Client(receiver) as reload:
        tab.ask(GOOD)
        wait(receiver)
        reload.ask(GOOD)
        receiver.tell(pages.connected("ana@example.com"))

        assert "Connected as ana@example.com" in tab.answer()
        assert "Connected as ana@example.com" in reload.answer()

    with Client(receiver) as later:
        assert "Connected as ana@example.com" in later.ask(GOOD).answer()


def test_an_answer_from_another_tab_is_told_politely(receiver: Receiver) -> None:
    with Client(receiver) as tab, Client(receiver) as other:
        tab.ask(GOOD)
        assert wait(receiver) == Reply(code="4/0A")
        page = other.ask("/?state=the-state&code=4/0B").answer()

    assert page.startswith("HTTP/1.1 409 Conflict")
    assert "Already answered" in page
    assert wait(receiver, 0) is None


# --- waiting ------------------------------------------------------------------------------------------------------


def test_the_wait_ends_when_the_time_is_up(receiver: Receiver) -> None:
    assert wait(receiver, 0) is None


def test_another_way_may_bring_the_answer(receiver: Receiver) -> None:
    assert receiver.wait(5, meanwhile=lambda _: Reply(code="pasted")) == Reply(code="pasted")


def test_ctrl_c_ends_the_wait_at_once() -> None:
    began = real_time.monotonic()
    interrupt = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()

    with pytest.raises(KeyboardInterrupt), Receiver(0, state="the-state") as receiver:
        wait(receiver, 60)

    interrupt.join()
    assert real_time.monotonic() - began < 2


def test_nothing_is_left_of_it_afterwards() -> None:
    with Receiver(0, state="the-state") as receiver, Client(receiver) as idle, Client(receiver) as held:
        held.ask(GOOD)
        wait(receiver)
        idle.send(b"GET /")

    assert "loopback" not in {each.name for each in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", receiver.port), timeout=1)


def test_a_tab_that_never_reads_does_not_keep_us() -> None:
    began = real_time.monotonic()

    with Receiver(0, state="the-state") as receiver:
        tab = Client(receiver).ask(GOOD)
        wait(receiver)
        receiver.tell(pages.connected("ana@example.com"))

    tab.socket.close()
    assert real_time.monotonic() - began < 3


# --- ports --------------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Usage) as caught:
            Receiver(port, state="x")

    assert caught.value.message == f"port {port} is in use by another program"
    assert caught.value.hint == "name another with `--port`, or leave it out to take any free one"


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_number_that_is_no_port_is_named(port: int) -> None:
    with pytest.raises(Usage) as caught:
        Receiver(port, state="x")

    assert str(port) in caught.value.message


def test_a_port_that_is_free_is_taken_and_given_back() -> None:
    with Receiver(0, state="x") as first:
        port = first.port
    with Receiver(port, state="x") as second:
        assert second.port == port


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason=f"{IMPOSSIBLE}it has no ::1")


@needs_ipv6
def test_it_listens_on_both_loopback_addresses(receiver: Receiver) -> None:
    with Client(receiver, "::1") as tab:
        tab.ask(GOOD, host=f"[::1]:{receiver.port}")

        assert wait(receiver) == Reply(code="4/0A")


@needs_ipv6
def test_a_machine_with_ipv6_only_is_served_there() -> None:
    # 192.0.2.1 is nobody's address (RFC 5737): what 127.0.0.1 is on such a machine.
    with Receiver(0, state="the-state", addresses=("192.0.2.1", "::1")) as receiver:
        assert receiver.uri == f"http://[::1]:{receiver.port}/"
        with Client(receiver, "::1") as tab:
            tab.ask(GOOD, host=f"[::1]:{receiver.port}")
            assert wait(receiver) == Reply(code="4/0A")


@needs_ipv6
def test_the_other_address_being_taken_is_no_matter() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with Receiver(port, state="the-state") as receiver, Client(receiver) as tab:
            tab.ask(GOOD)
            assert wait(receiver) == Reply(code="4/0A")


def test_no_address_at_all_is_said() -> None:
    with pytest.raises(Usage) as caught:
        Receiver(0, state="x", addresses=("192.0.2.1",))

    assert caught.value.message.startswith("no port on this machine can be used")


def test_only_loopback_is_listened_on(receiver: Receiver) -> None:
    names = {each.getsockname()[0] for each in receiver._listeners}

    assert names <= {"127.0.0.1", "::1"}


# --- secrets and fuzz ---------------------------------------------------------------------------------------------


def test_neither_code_nor_state_reaches_a_log(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    for target in ("/?state=hidden-state&code=hidden-code", "/hidden?code=hidden-code", "/?hidden"):
        with Client(receiver) as stray:
            stray.ask(target).answer()

    assert caplog.records
    assert "hidden" not in caplog.text


def malformed(dice: random.Random, port: int) -> bytes:
    """A request that is wrong in one of many ways, now and then almost right."""
    good = f"GET {GOOD}&{ISS} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode()
    match dice.randrange(8):
        case 0:
            return dice.randbytes(dice.randrange(300))
        case 1:
            return good[: dice.randrange(len(good) - 4)]
        case 2:
            return good.replace(b"the-state", dice.randbytes(9).hex().encode())
        case 3:
            return good.replace(
                b"127.0.0.1", dice.choice([b"evil.example", b"0.0.0.0", b"", b"localhost.evil"])
            )
        case 4:
            return good.replace(b"GET", dice.choice([b"POST", b"PUT", b"get", b"G\x00T", b"GET GET", b""]))
        case 5:
            return good.replace(b"/?", dice.choice([b"/x?", b"//?", b"?", b"/%00?", b"http://127.0.0.1/?"]))
        case 6:
            return good.replace(b"Accept", b"X" * dice.choice([17_000, 70_000]))
        case _:
            at = dice.randrange(len(good) - 4)
            return good.replace(b"state", b"stale")[:at] + dice.randbytes(3) + good[at:]


def test_ten_thousand_malformed_requests_end_in_one_correct_connection(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    port = receiver.port

    def bombard(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(2500):
            raw = malformed(dice, port)
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), timeout=5) as peer,
            ):
                peer.sendall(raw)
                if dice.random() < 0.2:
                    peer.shutdown(socket.SHUT_WR)
                    peer.recv(1024)

    threads = [threading.Thread(target=bombard, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert wait(receiver, 0) is None
    with Client(receiver) as tab:
        tab.ask(f"{GOOD}&{ISS}")
        assert wait(receiver) == Reply(code="4/0A")
        receiver.tell(pages.connected("ana@example.com"))
        assert "Connected as ana@example.com" in tab.answer()
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
