"""The batch endpoint: many calls in one multipart/mixed request, answered one by one (GOOGLE.md section 3.4)."""

import secrets
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from http import HTTPStatus
from urllib.parse import parse_qs

from portalcal.simulator import refusals
from portalcal.simulator.wire import Request, Response, refusal

# Google's pages name 50 and, lately, 1000; a client that keeps to 50 is safe under either.
MOST_CALLS = 50


def answered(request: Request, perform: Callable[[Request], Response]) -> Response:
    """Answer each call of a batch by itself; they share nothing but the Authorization they do not bring.

    Raises:
        Refusal: 400 when it is no multipart request, or holds too many calls.
    """
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = message_from_bytes(head + request.body)
    parts = [part for part in message.walk() if part.get_content_type() == "application/http"]
    if not message.is_multipart() or not parts:
        raise refusals.bad_request("Failed to parse batch request, error: 0 items. Received batch body: ")
    if len(parts) > MOST_CALLS:
        words = f"The batch request holds {len(parts)} calls, over the limit of {MOST_CALLS}."
        raise refusal(400, "badRequest", words)
    boundary = f"batch_{secrets.token_urlsafe(24)}"
    lines = b"".join(_written(part, perform(_call(part, request)), boundary) for part in parts)
    headers = {"Content-Type": f"multipart/mixed; boundary={boundary}"}
    return Response(200, lines + f"--{boundary}--\r\n".encode(), headers)


def _call(part: Message, outer: Request) -> Request:
    """Return the HTTP request inside a part."""
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *rest = head.decode().strip().split("\n")
    words = first.split()
    if len(words) < 2:
        raise refusals.bad_request("A part of the batch is no HTTP request.")
    named = (line.partition(":") for line in rest)
    headers = {name.strip().lower(): value.strip() for name, _, value in named}
    headers.setdefault("authorization", outer.headers.get("authorization", ""))
    target = words[1].partition("://")[2].partition("/")[2] if "://" in words[1] else words[1].lstrip("/")
    path, _, query = target.partition("?")
    return Request(
        words[0], f"/{path}", parse_qs(query, keep_blank_values=True), headers, body.strip(), query
    )


def _written(part: Message, response: Response, boundary: str) -> bytes:
    given = part.get("Content-ID", "").strip("<>")
    identity = f"Content-ID: <response-{given}>\r\n" if given else ""
    status = f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n"
    headers = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    length = f"Content-Length: {len(response.body)}\r\n\r\n"
    head = f"--{boundary}\r\nContent-Type: application/http\r\n{identity}\r\n{status}{headers}{length}"
    return head.encode() + response.body + b"\r\n"
