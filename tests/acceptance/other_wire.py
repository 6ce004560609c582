"""The other Google's wire, and the choices it makes where Google promises nothing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

Json = dict[str, Any]


@dataclass
class Habits:
    """What this Google does where it may choose."""

    protocol: str = "HTTP/1.0"
    body: str = "plain"
    """`plain` until the connection closes, `chunked`, or `gzip`."""
    token: Json = field(default_factory=lambda: {"expires_in": 3599})
    """More keys of an answer to a consent; `scope` is there only if it is here."""
    refreshed: Json = field(default_factory=dict)
    """More keys of an answer to a renewal."""
    has_etags: bool = False
    offset: timedelta = timedelta(hours=5, minutes=45)
    decimals: bool = True
    """Whether seconds carry a fraction."""
    pages: str = "empty-first"
    """`whole`, or `empty-first`: a page without `items` that only leads to the next."""
    key: str = "asked"
    """Under which id freeBusy answers: the one `asked` for, or the `canonical` one."""
    minimal: bool = False
    """Whether writing answers with no more than the id."""
    deleted: str = "body"
    """What follows a deletion: a `body`, or `nothing`."""
    revoked: int = 200
    insert_is_silent: int = 0
    """So many inserts are carried out and answered with a closed connection."""
    knows_created: bool = False
    narrows: bool = True
    """Whether a list keeps to the bounds and the property it was asked for."""
    has_sync_tokens: bool = True
    marks_primary: bool = True


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int
    body: Any = None
    headers: Json = field(default_factory=dict)


Ask = Callable[[str, str, bytes, Json], Answer | None]
"""Takes method, target, body and headers with lower-case names; None closes the connection without a word."""


def _chunks(content: bytes) -> Iterable[bytes]:
    for at in range(0, len(content), 7):
        part = content[at : at + 7]
        yield b"%x\r\n%b\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


def handler(ask: Ask, habits: Habits) -> type[BaseHTTPRequestHandler]:
    """What speaks HTTP for a server that answers `ask`."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            answer = ask(self.command, self.path, body, headers)
            self.close_connection = True
            if answer is None:
                return
            content = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            raw = b"" if answer.body is None else content.encode()
            sent = dict(answer.headers) | {"content-type": "application/json"}
            # Who does not say so while speaking HTTP/1.1 breaks the next request.
            sent |= {"connection": "close"} if habits.protocol == "HTTP/1.1" else {}
            if habits.body == "gzip" and raw:
                raw, sent = gzip.compress(raw), sent | {"content-encoding": "gzip"}
            if habits.body == "chunked" and raw:
                raw, sent = b"".join(_chunks(raw)), sent | {"transfer-encoding": "chunked"}
            lines = [f"{habits.protocol} {answer.status} whatever", *(f"{k}: {v}" for k, v in sent.items())]
            self.wfile.write("\r\n".join([*lines, "", ""]).encode() + raw)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve  # noqa: N815 - the names are http.server's

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
