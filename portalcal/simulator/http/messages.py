"""HTTP request and response values, and Google's error responses.

Google's errors have two shapes. The Calendar backend answers `{"error": {"errors": [...], "code", "message"}}`; the API
front end, which checks tokens and scopes first, adds `"status"` and often `"details"`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request: header names in lower case, query decoded, path as sent."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""
    query_text: str = ""

    def value(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter, or an empty text."""
        return self.query.get(name, [default])[0]

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter; `400 invalidParameter` for anything but true and false."""
        text = self.value(name, "false").lower()
        if text not in {"true", "false"}:
            raise error_response(400, "invalidParameter", f"Invalid boolean value: '{text}'.", location=name)
        return text == "true"

    def number(self, name: str, default: int, *, most: int) -> int:
        """Return a positive integer query parameter, capped at `most` as Google does."""
        text = self.value(name, str(default))
        if not text.isdecimal() or int(text) < 1:
            raise error_response(400, "invalidParameter", f"Invalid integer value: '{text}'.", location=name)
        return min(int(text), most)

    def form(self) -> dict[str, str]:
        """Return the fields of a form body, first values only."""
        return {name: values[0] for name, values in parse_qs(self.body.decode("utf-8", "replace")).items()}

    def json(self) -> Json:
        """Return the JSON object in the body (an empty body is an empty object); `400 parseError` otherwise."""
        if not self.body.strip():
            return {}
        try:
            payload = json.loads(self.body)
        except ValueError:
            raise error_response(400, "parseError", "Parse Error") from None
        if not isinstance(payload, dict):
            raise error_response(400, "parseError", "Parse Error")
        return payload


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP response; the server adds Content-Length, Date and Connection."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(payload: Json, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a JSON response with Google's no-cache headers."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    fixed = {
        "Content-Type": "application/json; charset=UTF-8",
        "Cache-Control": "private, max-age=0, must-revalidate",
    }
    return HttpResponse(status, body, fixed | dict(headers or {}))


def page(html: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return an HTML page with a Content-Security-Policy that allows no external resource."""
    fixed = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
        # Not "no-referrer": with that, browsers send our own forms with `Origin: null`.
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(status, html.encode(), fixed | dict(headers or {}))


def redirect(location: str, *, status: int = 302) -> HttpResponse:
    """Return a redirect that is not cached."""
    return HttpResponse(status, b"", {"Location": location, "Cache-Control": "no-store"})


class ErrorResponse(Exception):
    """An error to be sent as a response."""

    def __init__(self, response: HttpResponse) -> None:
        """Store the response to send."""
        super().__init__(response.status)
        self.response = response


def error_response(
    code: int,
    reason: str,
    message: str,
    *,
    domain: str = "global",
    location: str | None = None,
    location_type: str = "parameter",
    status: str | None = None,
    top: str | None = None,
    details: list[Json] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ErrorResponse:
    """Return an API error as an exception; `status` or `details` give it the front end's shape.

    `top` is the outer message where it differs from the inner one.
    """
    detail: Json = {"domain": domain, "reason": reason, "message": message}
    if location is not None:
        detail |= {"locationType": location_type, "location": location}
    error: Json = {"errors": [detail], "code": code, "message": top or message}
    if status is not None:
        error["status"] = status
    if details is not None:
        error["details"] = details
    return ErrorResponse(answer({"error": error}, status=code, headers=headers))


def oauth_error_response(
    status: int, error: str, description: str | None = None, **more: str
) -> ErrorResponse:
    """Return an OAuth error (RFC 6749 section 5.2) as an exception."""
    payload: Json = {"error": error}
    if description is not None:
        payload["error_description"] = description
    headers = {"WWW-Authenticate": 'Basic realm="oauth"'} if status == 401 else {}
    return ErrorResponse(answer(payload | more, status=status, headers=headers))
