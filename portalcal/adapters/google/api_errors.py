"""Parse the bodies of Google's error responses. Pure.

Three formats exist: the Calendar backend's, the API front end's, which adds `status` and `details`, and the token
endpoint's (RFC 6749 section 5.2). Anything else, such as a proxy's error page, does not come from Google and must never
be read as "deleted" or "not allowed".

Sources: https://developers.google.com/calendar/api/guides/errors,
https://developers.google.com/calendar/api/guides/quota, https://developers.google.com/identity/protocols/oauth2
"""

from __future__ import annotations

import http
import json
import re
import unicodedata
from typing import NamedTuple

from portalcal.core.endpoint import host_of

_RATE_LIMIT_REASONS = frozenset({
    "rateLimitExceeded", "userRateLimitExceeded", "rate_limit_exceeded", "slow_down",
})  # fmt: skip
_QUOTA_REASONS = frozenset({"quotaExceeded", "dailyLimitExceeded", "variableTermLimitExceeded"})
_TRANSIENT_REASONS = frozenset({
    "internal_failure", "server_error", "temporarily_unavailable", "conflict", "backendError",
})  # fmt: skip
_TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

_MAX_TEXT = 200
_CONSOLE_HOSTS = frozenset({"console.cloud.google.com", "console.developers.google.com"})
_HTTPS_URL = re.compile(r"https://[^\s\"'<>]+")


class ApiErrorDetails(NamedTuple):
    """An error response of Google's, parsed."""

    status: int
    reasons: tuple[str, ...]  # Google's error codes, the most specific first
    message: str  # Google's text without its full stop; the standard phrase of the status when the body is not Google's
    link: str | None = None  # a page of Google's console where the problem can be solved
    is_google: bool = True  # whether the body has one of Google's formats

    def has_reason(self, *codes: str) -> bool:
        """Whether any of these codes is among the reasons."""
        return not frozenset(codes).isdisjoint(self.reasons)

    @property
    def is_quota(self) -> bool:
        """Whether a usage limit was reached that lasts for hours."""
        return self.has_reason(*_QUOTA_REASONS)

    @property
    def is_busy(self) -> bool:
        """Whether a retry within seconds may succeed (https://developers.google.com/calendar/api/guides/quota).

        That is so for 408, 429 and 5xx, and for a rate limit under any status: Google sends some of them as 403.
        """
        is_transient = self.has_reason(*_RATE_LIMIT_REASONS, *_TRANSIENT_REASONS)
        return not self.is_quota and (self.status in _TRANSIENT_STATUSES or is_transient)


class ApiError(Exception):
    """A response with status 300 or above, raised through google-api-python-client.

    The library must not see such a response: it parses the body of an error itself, and fails with a TypeError or
    AttributeError where "error" or "message" is not a string (measured with 2.202.0). `is_repeat`: as in `Response`.
    """

    def __init__(self, api_error: ApiErrorDetails, *, is_repeat: bool = False) -> None:
        super().__init__(api_error.status)
        self.api_error = api_error
        self.is_repeat = is_repeat


def read_api_error(status: int, content: bytes) -> ApiErrorDetails:
    """Parse a response with status 300 or above; any body is accepted."""
    document = parse_json(content)
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(document, dict) and isinstance(error, str):
        return _from_token_endpoint(status, document)
    if isinstance(error, dict):
        return _from_calendar_api(status, error)
    return ApiErrorDetails(status, (), phrase(status), is_google=False)


def phrase(status: int) -> str:
    """The reason phrase of an HTTP status (RFC 9110 section 15)."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"


def clean(text: object) -> str:
    """Untrusted text as one line of at most 200 characters, without control characters."""
    visible = "".join(
        " " if unicodedata.category(character).startswith(("C", "Z")) else character
        for character in str(text)
    )
    line = " ".join(visible.split())
    return line if len(line) <= _MAX_TEXT else f"{line[: _MAX_TEXT - 1]}…"


def parse_json(content: bytes) -> object:
    """The JSON value of a body; None if it is no JSON."""
    try:
        return json.loads(content)
    # UnicodeDecodeError and JSONDecodeError are ValueErrors; deep nesting raises RecursionError.
    except (ValueError, RecursionError):
        return None


def _from_token_endpoint(status: int, body: dict[str, object]) -> ApiErrorDetails:
    codes = [body.get("error"), body.get("error_subtype")]
    reasons = tuple(clean(code) for code in codes if isinstance(code, str) and code)
    return ApiErrorDetails(status, reasons, clean(body.get("error_description") or body["error"]))


def _from_calendar_api(status: int, error: dict[str, object]) -> ApiErrorDetails:
    errors, details = _objects(error.get("errors")), _objects(error.get("details"))
    codes = [*(each.get("reason") for each in (*errors, *details)), error.get("status")]
    reasons = tuple(dict.fromkeys(clean(code) for code in codes if isinstance(code, str) and code))
    messages = (error.get("message"), *(each.get("message") for each in errors))
    message = next(
        (clean(text).rstrip(".") for text in messages if isinstance(text, str) and text.strip()),
        phrase(status),
    )
    return ApiErrorDetails(status, reasons, message, link=_console_link(error))


def _objects(value: object) -> tuple[dict[str, object], ...]:
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _console_link(error: dict[str, object]) -> str | None:
    """The first link to Google's console anywhere in the error; links to other hosts are not passed on."""
    for url in _HTTPS_URL.findall(json.dumps(error)):
        trimmed = url.rstrip("\\.,)")
        if host_of(trimmed) in _CONSOLE_HOSTS:
            return str(trimmed)
    return None
