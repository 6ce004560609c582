"""The callback server: a small HTTP server on loopback that receives the OAuth redirect (RFC 8252 section 7.3).

Stray requests (another page, a port scanner, a slow or silent client) are answered or closed and never end the wait.
The tab with the redirect gets its response once the outcome of the whole command is known.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import math
import queue
import secrets
import selectors
import socket
import time
from collections.abc import Callable
from enum import Enum, auto
from types import TracebackType
from typing import Self

from portalcal.adapters.consent import callback_page as pages
from portalcal.adapters.consent.callback_request import (
    ISSUER,
    MAX_HEAD_BYTES,
    NO_CODE_OR_ERROR,
    PATH,
    START_PATH_USED,
    TOO_LARGE,
    TOO_SLOW,
    WRONG_ISSUER,
    WRONG_STATE,
    AuthorizationResponse,
    BrowserStart,
    ExpectedRedirect,
    StrayRequest,
    parse_head,
    parse_pasted,
)
from portalcal.errors import Usage
from portalcal.run_all import Workers

_log = logging.getLogger("portalcal.loopback")

_ADDRESSES = ("127.0.0.1", "::1")
"""Where to listen. The redirect URI has the first one that is available."""

# The backlog of listen(2): a burst of strays must not make the browser's connection wait for a SYN retry.
_BACKLOG = 512

# Browsers open a handful of connections, most of them speculatively.
_MAX_CONNECTIONS = 64

_REQUEST_SECONDS = 10.0
_SHUTDOWN_SECONDS = 0.5

# How long Ctrl-C or a pasted line may go unnoticed where a wait cannot be interrupted (Windows).
_POLL_SECONDS = 0.1

_NO_SUCH_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})

_OTHER_PORT = "name another with `--port`, or leave it out to take any free one"

# Answered with a page: a person may be looking at it.
_STRAYS_WITH_PAGE = (START_PATH_USED, WRONG_STATE, WRONG_ISSUER, NO_CODE_OR_ERROR)


class CallbackServer:
    """Listens on 127.0.0.1, and on ::1 if the same port is free there, while the `with` block runs.

    `port` 0 takes any free one. `state` and `issuers` are what the redirect must have (RFC 6749, RFC 9207).

    Raises:
        Usage: the port is not available.
    """

    def __init__(
        self,
        port: int,
        *,
        state: str,
        issuers: frozenset[str] = frozenset({ISSUER}),
        addresses: tuple[str, ...] = _ADDRESSES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._listeners = _listen(port, addresses)
        self.port = int(self._listeners[0].getsockname()[1])
        names = ("127.0.0.1", "[::1]", "localhost")
        self.expected = ExpectedRedirect(state, frozenset(f"{name}:{self.port}" for name in names), issuers)
        self._start_target: str | None = None
        self._responses: queue.SimpleQueue[AuthorizationResponse] = queue.SimpleQueue()
        self._first: AuthorizationResponse | None = None
        self._outcome: pages.CallbackPage | None = None
        self._ends_at: float | None = None
        self._connections: dict[socket.socket, _BrowserConnection] = {}
        self._selector = selectors.DefaultSelector()
        # A byte sent through this pair wakes the server thread out of select(2).
        self._wake_sender, self._wake_receiver = socket.socketpair()
        self._workers = Workers(1, name="loopback")

    @property
    def uri(self) -> str:
        """The redirect URI: an IP literal, as RFC 8252 section 8.3 recommends."""
        is_v4 = self._listeners[0].family == socket.AF_INET
        return f"http://{'127.0.0.1' if is_v4 else '[::1]'}:{self.port}{PATH}"

    def one_time_url(self, url: str) -> str:
        """A loopback URL that redirects to `url` once.

        Other users of the machine can see the arguments a browser is started with; a used URL is worthless to them.
        """
        self._start_target = url
        self.expected = self.expected._replace(start_path=f"/{secrets.token_urlsafe(24)}")
        return self.uri.removesuffix(PATH) + self.expected.start_path

    def __enter__(self) -> Self:
        """Start listening."""
        for opened in (*self._listeners, self._wake_receiver):
            opened.settimeout(0)
            self._selector.register(opened, selectors.EVENT_READ)
        self._workers.begin(self._serve)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is not sent yet, for at most half a second, and close everything."""
        if self._outcome is None:
            self.show_outcome(pages.unfinished("portalcal ended before it had a result."))
        self._ends_at = self._monotonic() + _SHUTDOWN_SECONDS
        self._wake()
        self._workers.finish()

    def wait(
        self, seconds: float, *, poll: Callable[[float], AuthorizationResponse | None]
    ) -> AuthorizationResponse | None:
        """Wait for the authorization response; None on timeout.

        `poll` is called ten times a second with the seconds waited so far, and may return a response from elsewhere.
        """
        began = self._monotonic()
        while True:
            with contextlib.suppress(queue.Empty):
                return self._responses.get(timeout=_POLL_SECONDS)
            waited = self._monotonic() - began
            if (response := poll(waited)) is not None:
                return response
            if waited >= seconds:
                return None

    def parse_pasted(self, text: str) -> AuthorizationResponse | StrayRequest:
        """Parse a redirect URL that was pasted into the terminal."""
        return parse_pasted(text, self.expected)

    def show_outcome(self, page: pages.CallbackPage) -> None:
        """Send the page to the tab that waits for the outcome, and to any that repeats the redirect later."""
        self._outcome = page
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_sender.send(b"!")

    def _serve(self) -> None:
        """The server thread: everything below runs in it."""
        try:
            while not self._is_over():
                ready = [key.fileobj for key, _ in self._selector.select(self._until_next_deadline())]
                # Before accepting, which may close a silent connection: its request may have arrived by now.
                for connection in [self._connections[each] for each in ready if each in self._connections]:
                    self._advance(connection)
                for listener in self._listeners:
                    if listener in ready and self._ends_at is None:
                        self._accept(listener)
                with contextlib.suppress(BlockingIOError):
                    self._wake_receiver.recv(64)
                self._send_outcome()
                self._expire_connections()
        finally:
            self._close_all()

    def _accept(self, listener: socket.socket) -> None:
        """Accept the pending connections up to the maximum; at the maximum one, in place of the oldest silent one.

        No connection is closed in the round that accepted it: its request is read first.
        """
        room = _MAX_CONNECTIONS - len(self._connections)
        if room < 1:
            self._make_room()
        for _ in range(max(room, 1)):
            try:
                peer, _address = listener.accept()
            except OSError:
                # None is pending, or no file descriptor is free: select(2) reports the listener again.
                return
            peer.settimeout(0)
            self._connections[peer] = _BrowserConnection(
                peer, self._selector, self._monotonic() + _REQUEST_SECONDS
            )

    def _make_room(self) -> None:
        """Close the oldest connection, except those that wait for the outcome."""
        closable = (each for each in self._connections.values() if each.phase is not _Phase.WAITING)
        if oldest := min(closable, key=lambda connection: connection.ends_at, default=None):
            self._drop(oldest)

    def _advance(self, connection: _BrowserConnection) -> None:
        try:
            head = connection.advance(MAX_HEAD_BYTES)
            if head is not None:
                self._respond(connection, parse_head(head, self.expected))
            elif connection.phase is _Phase.READING and connection.is_too_large:
                self._respond(connection, TOO_LARGE)
        # No request may end the wait for the redirect, whatever it breaks.
        except Exception:  # noqa: BLE001
            _log.exception("a stray request broke the receiver")
            self._drop(connection)
        if connection.phase is _Phase.CLOSED:
            self._drop(connection)

    def _respond(
        self, connection: _BrowserConnection, request: AuthorizationResponse | BrowserStart | StrayRequest
    ) -> None:
        if isinstance(request, BrowserStart):
            target, self._start_target = self._start_target, None
            self._send(connection, pages.redirect(target) if target else _stray_response(START_PATH_USED))
        elif isinstance(request, StrayRequest):
            _log.info("a stray request: %d %s", request.status, request.message)
            self._send(connection, _stray_response(request))
        elif self._first is None or self._first == request:
            connection.hold()
            if self._first is None:
                self._first = request
                self._responses.put(request)
        else:
            self._send(connection, pages.response(pages.already_answered()))

    def _send(self, connection: _BrowserConnection, response: bytes) -> None:
        connection.send(response, ends_at=self._monotonic() + _REQUEST_SECONDS)
        if connection.phase is _Phase.CLOSED:
            self._drop(connection)

    def _send_outcome(self) -> None:
        if self._outcome is None:
            return
        waiting = [each for each in self._connections.values() if each.phase is _Phase.WAITING]
        for connection in waiting:
            self._send(connection, pages.response(self._outcome))

    def _expire_connections(self) -> None:
        now = self._monotonic()
        expired = [each for each in self._connections.values() if each.ends_at <= now]
        for connection in expired:
            if connection.phase is _Phase.READING and connection.has_begun:
                self._send(connection, _stray_response(TOO_SLOW))
            else:
                self._drop(connection)

    def _until_next_deadline(self) -> float | None:
        deadlines = [each.ends_at for each in self._connections.values() if each.phase is not _Phase.WAITING]
        if self._ends_at is not None:
            deadlines.append(self._ends_at)
        return max(0.0, min(deadlines) - self._monotonic()) if deadlines else None

    def _is_over(self) -> bool:
        if self._ends_at is None:
            return False
        # A closed socket still delivers what was sent, so only unsent responses have to be waited for.
        is_all_sent = not any(
            each.phase in {_Phase.WAITING, _Phase.WRITING} for each in self._connections.values()
        )
        return is_all_sent or self._monotonic() >= self._ends_at

    def _drop(self, connection: _BrowserConnection) -> None:
        if self._connections.pop(connection.socket, None) is not None:
            connection.close()

    def _close_all(self) -> None:
        for connection in tuple(self._connections.values()):
            self._drop(connection)
        self._selector.close()
        for opened in (*self._listeners, self._wake_sender, self._wake_receiver):
            opened.close()


def _stray_response(stray: StrayRequest) -> bytes:
    """A page if a person may be looking at it, else a line of text."""
    if stray in _STRAYS_WITH_PAGE:
        return pages.response(pages.stray_request(stray.message, stray.status))
    return pages.plain_response(stray.status, stray.message)


class _Phase(Enum):
    """The state of a connection."""

    READING = auto()
    WAITING = auto()  # for the outcome
    WRITING = auto()
    CLOSING = auto()  # the response is sent; the client closes
    CLOSED = auto()


class _BrowserConnection:
    """A non-blocking socket with the bytes received and the bytes still to be sent."""

    def __init__(self, peer: socket.socket, selector: selectors.BaseSelector, ends_at: float) -> None:
        self.socket = peer
        self.phase = _Phase.READING
        self.ends_at = ends_at
        self.is_too_large = False
        self._selector = selector
        self._received = bytearray()
        self._unsent = b""
        selector.register(peer, selectors.EVENT_READ)

    @property
    def has_begun(self) -> bool:
        """Whether any byte was received; browsers open connections they never use."""
        return bool(self._received)

    def advance(self, max_head: int) -> bytes | None:
        """Do what the socket is ready for; return the head of the request once it is complete."""
        if self.phase is _Phase.WRITING:
            self._send_on()
            return None
        try:
            received = self.socket.recv(65536)
        except BlockingIOError:
            return None
        except OSError:
            received = b""
        if not received:
            self.phase = _Phase.CLOSED
        if self.phase is not _Phase.READING:
            # Closing: read and discard, since closing with unread data sends RST, which may destroy our response.
            return None
        self._received += received
        head, end, _ = self._received.partition(b"\r\n\r\n")
        self.is_too_large = len(head) > max_head
        return bytes(head) if end and not self.is_too_large else None

    def hold(self) -> None:
        """Wait for the outcome, without a deadline."""
        self.phase = _Phase.WAITING
        self.ends_at = math.inf
        self._selector.unregister(self.socket)

    def send(self, response: bytes, *, ends_at: float) -> None:
        """Send the response, then close."""
        if self.phase is _Phase.WAITING:
            self._selector.register(self.socket, selectors.EVENT_READ)
        self.phase = _Phase.WRITING
        self.ends_at = ends_at
        self._unsent = response
        self._send_on()

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(KeyError):
            self._selector.unregister(self.socket)
        self.socket.close()

    def _send_on(self) -> None:
        try:
            sent = self.socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.phase = _Phase.CLOSED
            return
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._selector.modify(self.socket, selectors.EVENT_WRITE)
            return
        self.phase = _Phase.CLOSING
        self._selector.modify(self.socket, selectors.EVENT_READ)
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)


def _listen(port: int, addresses: tuple[str, ...]) -> tuple[socket.socket, ...]:
    """Listening sockets, the one for the redirect URI first. The machine may lack IPv4 or IPv6.

    Raises:
        Usage: the port is not available on any address.
    """
    listeners: list[socket.socket] = []
    failure = OSError(errno.EADDRNOTAVAIL, "no loopback address")
    for host in addresses:
        try:
            listeners.append(_bound(host, int(listeners[0].getsockname()[1]) if listeners else port))
        except OverflowError:
            raise Usage(f"port {port} cannot be used", _OTHER_PORT) from None
        except OSError as error:
            failure = error
            if not listeners and error.errno not in _NO_SUCH_ADDRESS:
                break
    if not listeners:
        raise _no_port(port, failure) from failure
    return tuple(listeners)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # On Windows SO_REUSEADDR would let another program take over the port; elsewhere it only skips TIME_WAIT.
        exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        listener.setsockopt(socket.SOL_SOCKET, exclusive or socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener


def _no_port(port: int, error: OSError) -> Usage:
    why = (
        "is in use by another program"
        if error.errno == errno.EADDRINUSE
        else f"cannot be used ({error.strerror})"
    )
    fact = f"port {port} {why}" if port else f"no port on this machine can be used ({error.strerror})"
    return Usage(fact, _OTHER_PORT)
