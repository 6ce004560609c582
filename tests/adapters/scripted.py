"""A server of raw sockets that does one scripted thing a connection, for what no HTTP library would do by itself."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from portalcal.adapters.google.http_client import HttpClient, RetryPolicy


class Peer:
    """One connection, from the server's side."""

    def __init__(self, connection: socket.socket, server: Scripted) -> None:
        self.socket = connection
        self._server = server

    def read(self) -> bytes:
        """The whole request, noted down."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += self._more()
        self._server.requests.append(head + b"\r\n\r\n" + body)
        return self._server.requests[-1]

    def _more(self) -> bytes:
        received = self.socket.recv(65536)
        if not received:
            raise ConnectionResetError
        return received

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def is_over(self, seconds: float) -> bool:
        """Wait so long; whether the test ended meanwhile."""
        return self._server.over.wait(seconds)

    def wait(self) -> None:
        """Do nothing until the test is over."""
        self._server.over.wait()


Act = Callable[[Peer], None]


class Scripted:
    """Answers connection after connection by its acts; the last one is repeated. `requests` are the ones read."""

    def __init__(self, *acts: Act, tls: ssl.SSLContext | None = None) -> None:
        self._acts = acts
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self.over = threading.Event()
        self.connections = 0
        self.requests: list[bytes] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self.over.is_set():
            connection, _ = self._listener.accept()
            # A client that hangs up in the middle is part of the play.
            with connection, contextlib.suppress(OSError):
                if not self.over.is_set():
                    self._play(connection)

    def _play(self, connection: socket.socket) -> None:
        act = self._acts[min(self.connections, len(self._acts) - 1)]
        self.connections += 1
        if self._tls is None:
            act(Peer(connection, self))
            return
        with self._tls.wrap_socket(connection, server_side=True) as wrapped:
            act(Peer(wrapped, self))


def answers(status: int = 200, body: object = b"{}", **headers: str) -> Act:
    """Reads the request and answers; a body that is no bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    def act(peer: Peer) -> None:
        peer.read()
        peer.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + content)

    return act


def refuses(status: int, reason: str, message: str = "No", **headers: str) -> Act:
    """Answers with an error in the Calendar API's shape."""
    errors = [{"domain": "global", "reason": reason, "message": message}]
    return answers(status, {"error": {"errors": errors, "code": status, "message": message}}, **headers)


def resets_unread(peer: Peer) -> None:
    """Drops the connection once the request is on its way, without reading it.

    Any earlier and the client may see its connection refused, so that surely nothing was sent.
    """
    peer.socket.recv(1, socket.MSG_PEEK)
    peer.reset()


def resets_after_reading(peer: Peer) -> None:
    """Reads the request, perhaps does what it asks, and drops the connection."""
    peer.read()
    peer.reset()


def hangs_up(peer: Peer) -> None:
    """Reads the request and closes in good order without an answer."""
    peer.read()


def truncates(peer: Peer) -> None:
    """Stops in the middle of the answer."""
    peer.read()
    peer.socket.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id": "')


def hangs(peer: Peer) -> None:
    """Never answers."""
    peer.read()
    peer.wait()


def speaks_nonsense(peer: Peer) -> None:
    """Answers in no protocol at all."""
    peer.read()
    peer.socket.sendall(b"\x00\x01\x02 what?\r\n\r\n")


class Time:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def an_http_client(
    time: Time | None = None, *, timeout: float = 60.0, retry_policy: RetryPolicy | None = None
) -> HttpClient:
    """A client that never really sleeps, and whose jitter is always 0.5."""
    time = time or Time()
    return HttpClient(
        retry_policy or RetryPolicy(),
        timeout=(timeout, timeout),
        sleep=time.sleep,
        jitter=lambda: 0.5,
        monotonic=time.monotonic,
    )
