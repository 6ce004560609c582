"""What travels: a request as it was read, a response as it will be written, and Google's way of refusing.

Two shapes of error exist. The Calendar backend answers `{"error": {"errors": [...], "code", "message"}}`; the API
front end, which checks tokens and scopes before the backend is reached, adds `"status"` and often `"details"`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: header names in lower case, the query decoded, the path as sent."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""
    query_text: str = ""

    def value(self, name: str, default: str = "") -> str:
        """Return a query parameter's first value."""
        return self.query.get(name, [default])[0]

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter; `400 invalidParameter` for anything but true and false."""
        text = self.value(name, "false").lower()
        if text not in {"true", "false"}:
            raise refusal(400, "invalidParameter", f"Invalid boolean value: '{text}'.", location=name)
        return text == "true"

    def number(self, name: str, default: int, *, most: int) -> int:
        """Return a positive integer query parameter, cut down to `most` as Google does."""
        text = self.value(name, str(default))
        if not text.isdecimal() or int(text) < 1:
            raise refusal(400, "invalidParameter", f"Invalid integer value: '{text}'.", location=name)
        return min(int(text), most)

    def form(self) -> dict[str, str]:
        """Return a form body's fields, first values only."""
        return {name: values[0] for name, values in parse_qs(self.body.decode("utf-8", "replace")).items()}

    def json(self) -> Json:
        """Return the JSON object in the body (an empty body is an empty object); `400 parseError` otherwise."""
        if not self.body.strip():
            return {}
        try:
            payload = json.loads(self.body)
        except ValueError:
            raise refusal(400, "parseError", "Parse Error") from None
        if not isinstance(payload, dict):
            raise refusal(400, "parseError", "Parse Error")
        return payload


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response; Content-Length, Date and Connection are added when it is written."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(payload: Json, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response, kept out of caches as Google's are."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    fixed = {
        "Content-Type": "application/json; charset=UTF-8",
        "Cache-Control": "private, max-age=0, must-revalidate",
    }
    return Response(status, body, fixed | dict(headers or {}))


def page(html: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an HTML page that may load nothing from anywhere."""
    fixed = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
        # Not "no-referrer": under that browsers post our own forms with `Origin: null`.
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(status, html.encode(), fixed | dict(headers or {}))


def redirect(location: str, *, status: int = 302) -> Response:
    """Return a redirect that is not cached."""
    return Response(status, b"", {"Location": location, "Cache-Control": "no-store"})


class Refusal(Exception):
    """Google says no: carries the response to send."""

    def __init__(self, response: Response) -> None:
        """Keep the response."""
        super().__init__(response.status)
        self.response = response


def refusal(
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
) -> Refusal:
    """Return Google's error as an exception to raise; `status` or `details` make it the front end's shape.

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
    return Refusal(answer({"error": error}, status=code, headers=headers))


def oauth_refusal(status: int, error: str, description: str | None = None, **more: str) -> Refusal:
    """Return an OAuth endpoint's error (RFC 6749 section 5.2) as an exception to raise."""
    payload: Json = {"error": error}
    if description is not None:
        payload["error_description"] = description
    headers = {"WWW-Authenticate": 'Basic realm="oauth"'} if status == 401 else {}
    return Refusal(answer(payload | more, status=status, headers=headers))
