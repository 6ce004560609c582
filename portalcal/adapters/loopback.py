"""The receiver of the redirect: one request on a loopback address, among any number of strays.

One thread and a selector rather than a thread a connection: an idle or slow connection then costs a few bytes and
can neither block the answer nor use the threads up. The browser's own connection is held open until the outcome is
known, so that the tab tells what became of it. Nothing of a request is ever logged but its verdict.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import selectors
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from portalcal.adapters import loopback_page as pages
from portalcal.adapters.loopback_connection import Connection, Phase
from portalcal.adapters.loopback_ports import ADDRESSES, listen
from portalcal.adapters.loopback_request import (
    ISSUER,
    LONGEST_HEAD,
    NOTHING_IN_IT,
    OTHER_ISSUER,
    OTHER_STATE,
    PATH,
    TOO_LARGE,
    TOO_SLOW,
    Expected,
    Reply,
    Stray,
    judge_head,
    judge_pasted,
)

_log = logging.getLogger("portalcal.loopback")

# Browsers open a handful of connections, most of them in vain.
_MOST_CONNECTIONS = 64
_SECONDS_TO_ASK = 10.0
_SECONDS_TO_END = 0.5
# How long Ctrl-C or a pasted line may go unnoticed where a wait cannot be interrupted (Windows).
_TICK = 0.1


class Receiver:
    """Listens on 127.0.0.1, and on ::1 where that port is free there too, for as long as the `with` lasts.

    `port` 0 takes any free one. `state` is what the answer must carry; `issuers` in whose name it may come.

    Raises:
        Usage: the port cannot be had.
    """

    def __init__(
        self,
        port: int,
        *,
        state: str,
        issuers: frozenset[str] = frozenset({ISSUER}),
        addresses: tuple[str, ...] = ADDRESSES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._listeners = listen(port, addresses)
        self.port = int(self._listeners[0].getsockname()[1])
        names = ("127.0.0.1", "[::1]", "localhost")
        self.expected = Expected(state, frozenset(f"{name}:{self.port}" for name in names), issuers)
        self._replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self._first: Reply | None = None
        self._outcome: pages.Page | None = None
        self._ends_at: float | None = None
        self._connections: dict[socket.socket, Connection] = {}
        self._selector = selectors.DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="loopback", daemon=True)

    @property
    def uri(self) -> str:
        """The redirect address: an IP literal, as RFC 8252 section 8.3 wants it."""
        is_v4 = self._listeners[0].family == socket.AF_INET
        return f"http://{'127.0.0.1' if is_v4 else '[::1]'}:{self.port}{PATH}"

    def __enter__(self) -> Self:
        """Start listening."""
        for each in (*self._listeners, self._ear):
            each.settimeout(0)
            self._selector.register(each, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is still to be sent, for half a second at most, and close everything."""
        if self._outcome is None:
            self.tell(pages.unfinished("portalcal ended before it had a result."))
        self._ends_at = self._monotonic() + _SECONDS_TO_END
        self._ring()
        self._thread.join()

    def wait(self, seconds: float, *, meanwhile: Callable[[float], Reply | None]) -> Reply | None:
        """The answer, or None when the time is up.

        `meanwhile` is called ten times a second with the seconds waited so far, and may have an answer of its own.
        """
        began = self._monotonic()
        while True:
            with contextlib.suppress(queue.Empty):
                return self._replies.get(timeout=_TICK)
            waited = self._monotonic() - began
            if (other := meanwhile(waited)) is not None:
                return other
            if waited >= seconds:
                return None

    def pasted(self, text: str) -> Reply | Stray:
        """Judge an answer that came by way of the terminal."""
        return judge_pasted(text, self.expected)

    def tell(self, page: pages.Page) -> None:
        """Show the outcome in the tab that waits for it, and in any that asks once more."""
        self._outcome = page
        self._ring()

    def _ring(self) -> None:
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    # --- the thread -------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        try:
            while not self._is_over():
                ready = [key.fileobj for key, _ in self._selector.select(self._until_next_deadline())]
                # Who is inside is served before anybody else is let in, and perhaps somebody silent thrown out.
                for connection in [self._connections[each] for each in ready if each in self._connections]:
                    self._advance(connection)
                for listener in self._listeners:
                    if listener in ready and self._ends_at is None:
                        self._accept(listener)
                with contextlib.suppress(BlockingIOError):
                    self._ear.recv(64)
                self._tell_the_outcome()
                self._end_the_slow()
        finally:
            self._close_all()

    def _accept(self, listener: socket.socket) -> None:
        """Let in whoever waits while there is room; without room one, in place of who has been silent longest.

        Nobody is thrown out in the round that let them in: what they have sent is read first.
        """
        room = _MOST_CONNECTIONS - len(self._connections)
        if room < 1:
            self._make_room()
        for _ in range(max(room, 1)):
            try:
                peer, _address = listener.accept()
            except OSError:
                # Nobody is left, or no descriptors are: the next one may do better.
                return
            peer.settimeout(0)
            self._connections[peer] = Connection(peer, self._selector, self._monotonic() + _SECONDS_TO_ASK)

    def _make_room(self) -> None:
        """Close the connection that has been silent longest; never one that is owed the outcome."""
        silent = (each for each in self._connections.values() if each.phase is not Phase.HELD)
        if oldest := min(silent, key=lambda each: each.ends_at, default=None):
            self._drop(oldest)

    def _advance(self, connection: Connection) -> None:
        try:
            head = connection.advance(LONGEST_HEAD)
            if head is not None:
                self._answer(connection, judge_head(head, self.expected))
            elif connection.phase is Phase.ASKING and connection.is_too_large:
                self._answer(connection, TOO_LARGE)
        # Whatever a stranger manages to break, it must not end the wait for the answer.
        except Exception:  # noqa: BLE001
            _log.exception("a stray request broke the receiver")
            self._drop(connection)
        if connection.phase is Phase.OVER:
            self._drop(connection)

    def _answer(self, connection: Connection, verdict: Reply | Stray) -> None:
        if isinstance(verdict, Stray):
            _log.info("a stray request: %d %s", verdict.status, verdict.why)
            self._send(connection, _as_response(verdict))
        elif self._first is None or self._first == verdict:
            connection.hold()
            if self._first is None:
                self._first = verdict
                self._replies.put(verdict)
        else:
            self._send(connection, pages.response(pages.already_answered()))

    def _send(self, connection: Connection, response: bytes) -> None:
        connection.send(response, ends_at=self._monotonic() + _SECONDS_TO_ASK)
        if connection.phase is Phase.OVER:
            self._drop(connection)

    def _tell_the_outcome(self) -> None:
        if self._outcome is None:
            return
        for each in [each for each in self._connections.values() if each.phase is Phase.HELD]:
            self._send(each, pages.response(self._outcome))

    def _end_the_slow(self) -> None:
        now = self._monotonic()
        for each in [each for each in self._connections.values() if each.ends_at <= now]:
            if each.phase is Phase.ASKING and each.has_begun:
                self._send(each, _as_response(TOO_SLOW))
            else:
                self._drop(each)

    def _until_next_deadline(self) -> float | None:
        ends = [each.ends_at for each in self._connections.values() if each.phase is not Phase.HELD]
        if self._ends_at is not None:
            ends.append(self._ends_at)
        return max(0.0, min(ends) - self._monotonic()) if ends else None

    def _is_over(self) -> bool:
        if self._ends_at is None:
            return False
        # A closed socket still delivers what was sent; only what is not sent yet has to be waited for.
        is_quiet = not any(each.phase in {Phase.HELD, Phase.ANSWERING} for each in self._connections.values())
        return is_quiet or self._monotonic() >= self._ends_at

    def _drop(self, connection: Connection) -> None:
        if self._connections.pop(connection.socket, None) is not None:
            connection.close()

    def _close_all(self) -> None:
        for connection in tuple(self._connections.values()):
            self._drop(connection)
        self._selector.close()
        for each in (*self._listeners, self._bell, self._ear):
            each.close()


_SEEN_BY_PEOPLE = (OTHER_STATE, OTHER_ISSUER, NOTHING_IN_IT)


def _as_response(stray: Stray) -> bytes:
    """A page where a person may be looking, else a line."""
    if stray in _SEEN_BY_PEOPLE:
        return pages.response(pages.astray(stray.why, stray.status))
    return pages.plain_response(stray.status, stray.why)
