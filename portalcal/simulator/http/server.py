"""HTTP/1.1 server on loopback: keep-alive, one write per response.

Not `http.server`: it writes head and body separately, which Nagle's algorithm and delayed acknowledgement turn into
44 ms per response (measured), and faults of the connection need the socket.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from portalcal.simulator.http.messages import HttpRequest, HttpResponse, page

_LONGEST_LINE = 65_536
_LARGEST_BODY = 16 * 1024 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class ResponseDelivery:
    """A response and the way to send it: "whole", "drop", "truncate", "slow" (over `seconds`) or "hang"."""

    response: HttpResponse | None
    manner: str = "whole"
    seconds: float = 0.0


class MalformedRequest(Exception):
    """The bytes received are not an HTTP/1.x request."""


class Server:
    """Listens on 127.0.0.1 only; one thread per connection."""

    def __init__(
        self,
        answer: Callable[[HttpRequest], ResponseDelivery],
        now: Callable[[], datetime],
        *,
        report: Callable[[Exception], None],
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.answer = answer
        self.now = now
        self.report = report
        self.ssl_context = ssl_context
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self._thread: threading.Thread | None = None
        self.port: int = self._listener.getsockname()[1]

    def start(self) -> None:
        """Serve on a background thread."""
        self._thread = threading.Thread(target=self.serve_forever, name="simulator", daemon=True)
        self._thread.start()

    def serve_forever(self) -> None:
        """Serve on this thread until `stop` is called from another."""
        while not self.stopping.is_set():
            accepted, _ = self._listener.accept()
            connection = _ServerConnection(self, accepted)
            threading.Thread(target=connection.run, name="simulator-connection", daemon=True).start()

    def stop(self) -> None:
        """Stop listening and shut every connection down; waits at most 5 seconds for the accept loop."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        # Closing a listening socket does not interrupt accept() on every platform; a connection does.
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)
        self._listener.close()

    def opened(self, connection: socket.socket) -> None:
        """Register a connection, so that `stop` can shut it down."""
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Unregister a connection."""
        with self._lock:
            self._open.discard(connection)


class _ServerConnection:
    """One keep-alive connection: reads requests and sends responses until either side closes it."""

    def __init__(self, owner: Server, accepted: socket.socket) -> None:
        self.owner = owner
        self.request = accepted

    def run(self) -> None:
        """Serve the connection; a client that disconnects is normal, any other error is reported."""
        try:
            with contextlib.suppress(OSError):
                self._serve()
        except Exception as error:  # noqa: BLE001 - nobody joins this thread, so an error is reported here or lost
            self.owner.report(error)
        finally:
            self.owner.closed(self.request)
            with contextlib.suppress(OSError):
                self.request.shutdown(socket.SHUT_RDWR)
            self.request.close()

    def _serve(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.owner.ssl_context is not None:
            self.request = self.owner.ssl_context.wrap_socket(self.request, server_side=True)
        self.owner.opened(self.request)
        with self.request.makefile("rb", 65_536) as self.reader:
            while not self.owner.stopping.is_set() and self._exchange():
                pass

    def _exchange(self) -> bool:
        """Answer one request; False when the connection is to close."""
        try:
            request = _read(self.reader, self.request)
        except MalformedRequest as error:
            self._send(page(f"<!doctype html><title>400</title><p>{error}", status=400), "GET", keep=False)
            return False
        if request is None:
            return False
        keep = request.headers.get("connection", "").lower() != "close"
        return self._send_delivery(self.owner.answer(request), request.method, keep=keep)

    def _send_delivery(self, delivery: ResponseDelivery, method: str, *, keep: bool) -> bool:
        """Send a response in its manner; False when the connection is to close."""
        response = delivery.response
        if response is None or delivery.manner == "drop":
            return False
        match delivery.manner:
            case "hang":
                self._hang()
                return False
            case "truncate":
                whole = self._serialize(response, method, keep=False)
                self.request.sendall(whole[: len(whole) - max(1, len(response.body) // 2)])
                return False
            case "slow":
                return self._trickle(self._serialize(response, method, keep=keep), delivery) and keep
            case _:
                self._send(response, method, keep=keep)
                return keep

    def _send(self, response: HttpResponse, method: str, *, keep: bool) -> None:
        self.request.sendall(self._serialize(response, method, keep=keep))

    def _serialize(self, response: HttpResponse, method: str, *, keep: bool) -> bytes:
        head = [
            f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}",
            f"Date: {format_datetime(self.owner.now(), usegmt=True)}",
            "Server: ESF",
        ]
        head += [f"{name}: {value}" for name, value in response.headers.items()]
        if response.status not in {204, 304}:
            head.append(f"Content-Length: {len(response.body)}")
        if not keep:
            head.append("Connection: close")
        body = b"" if method == "HEAD" or response.status in {204, 304} else response.body
        return "\r\n".join(head).encode("latin-1", "replace") + b"\r\n\r\n" + body

    def _trickle(self, whole: bytes, delivery: ResponseDelivery) -> bool:
        pieces = 20
        size = max(1, -(-len(whole) // pieces))
        for start in range(0, len(whole), size):
            if self.owner.stopping.wait(delivery.seconds / pieces):
                return False
            self.request.sendall(whole[start : start + size])
        return True

    def _hang(self) -> None:
        """Block until the client disconnects or the simulator stops; either ends the read."""
        with contextlib.suppress(OSError):
            while self.request.recv(4096):
                pass


def _read(reader: Any, connection: socket.socket) -> HttpRequest | None:
    """Read one request; None when the client closed the connection between two."""
    line = reader.readline(_LONGEST_LINE)
    while line in {b"\r\n", b"\n"}:
        line = reader.readline(_LONGEST_LINE)
    if not line:
        return None
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise MalformedRequest("That was not an HTTP/1.1 request.")
    headers: dict[str, str] = {}
    while (raw := reader.readline(_LONGEST_LINE)) not in {b"\r\n", b"\n", b""}:
        name, colon, value = raw.decode("latin-1").partition(":")
        if not colon:
            raise MalformedRequest("That was not a header.")
        headers[name.strip().lower()] = value.strip()
    if parts[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = _body(reader, headers)
    path, _, query = parts[1].partition("?")
    method = headers.get("x-http-method-override", parts[0]).upper() if parts[0] == "POST" else parts[0]
    if (
        method != parts[0]
        and method == "GET"
        and "application/x-www-form-urlencoded" in headers.get("content-type", "")
    ):
        # googleapiclient sends a GET that is too long for a URL as a POST with the query as its body.
        query, body = body.decode(), b""
    return HttpRequest(method, path, parse_qs(query, keep_blank_values=True), headers, body, query)


def _body(reader: Any, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunks(reader)
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > _LARGEST_BODY:
        raise MalformedRequest("The body is too large, or its length is no number.")
    body: bytes = reader.read(int(length)) if int(length) else b""
    if len(body) < int(length):
        raise ConnectionResetError("the client hung up in the middle of its request")
    return body


def _chunks(reader: Any) -> bytes:
    body = bytearray()
    while True:
        try:
            size = int(reader.readline(_LONGEST_LINE).split(b";")[0], 16)
        except ValueError:
            raise MalformedRequest("That was not a chunk.") from None
        if size > _LARGEST_BODY or len(body) + size > _LARGEST_BODY:
            raise MalformedRequest("The body is too large.")
        body += reader.read(size)
        reader.readline(_LONGEST_LINE)
        if size == 0:
            return bytes(body)
