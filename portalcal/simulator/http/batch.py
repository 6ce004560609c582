"""Batch endpoint: several calls in one multipart/mixed request (https://developers.google.com/calendar/api/guides/batch)."""

import secrets
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from http import HTTPStatus
from urllib.parse import parse_qs

from portalcal.simulator.calendar import errors
from portalcal.simulator.http.messages import HttpRequest, HttpResponse, error_response

# Google documents 50 on some pages and 1000 on others; a client that keeps to 50 is safe under either.
MOST_CALLS = 50


def run_batch(request: HttpRequest, perform: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    """Run each call of a batch and return the multipart response.

    A part without an Authorization header inherits that of the outer request.

    Raises:
        ErrorResponse: 400 for a body that is not multipart, or with too many calls.
    """
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = message_from_bytes(head + request.body)
    parts = [part for part in message.walk() if part.get_content_type() == "application/http"]
    if not message.is_multipart() or not parts:
        raise errors.bad_request("Failed to parse batch request, error: 0 items. Received batch body: ")
    if len(parts) > MOST_CALLS:
        message_text = f"The batch request holds {len(parts)} calls, over the limit of {MOST_CALLS}."
        raise error_response(400, "badRequest", message_text)
    boundary = f"batch_{secrets.token_urlsafe(24)}"
    lines = b"".join(_serialize_part(part, perform(_parse_part(part, request)), boundary) for part in parts)
    headers = {"Content-Type": f"multipart/mixed; boundary={boundary}"}
    return HttpResponse(200, lines + f"--{boundary}--\r\n".encode(), headers)


def _parse_part(part: Message, outer: HttpRequest) -> HttpRequest:
    """Parse the HTTP request inside a part."""
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *rest = head.decode().strip().split("\n")
    request_line = first.split()
    if len(request_line) < 2:
        raise errors.bad_request("A part of the batch is no HTTP request.")
    named = (line.partition(":") for line in rest)
    headers = {name.strip().lower(): value.strip() for name, _, value in named}
    headers.setdefault("authorization", outer.headers.get("authorization", ""))
    url = request_line[1]
    target = url.partition("://")[2].partition("/")[2] if "://" in url else url.lstrip("/")
    path, _, query = target.partition("?")
    return HttpRequest(
        request_line[0], f"/{path}", parse_qs(query, keep_blank_values=True), headers, body.strip(), query
    )


def _serialize_part(part: Message, response: HttpResponse, boundary: str) -> bytes:
    given = part.get("Content-ID", "").strip("<>")
    identity = f"Content-ID: <response-{given}>\r\n" if given else ""
    status = f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n"
    headers = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    length = f"Content-Length: {len(response.body)}\r\n\r\n"
    head = f"--{boundary}\r\nContent-Type: application/http\r\n{identity}\r\n{status}{headers}{length}"
    return head.encode() + response.body + b"\r\n"
