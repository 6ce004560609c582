"""What Google says when it refuses, read from the body of its answer. Pure.

Three shapes exist: the Calendar backend's, the API front end's, which adds `status` and `details`, and the token
endpoint's (RFC 6749 section 5.2). What is none of them, a proxy's page for example, is not Google's refusal: it must
never be read as "deleted" or "not allowed".

Sources: https://developers.google.com/calendar/api/guides/errors and .../quota; Google's OAuth pages.
"""

from __future__ import annotations

import http
import json
import re
import unicodedata
from typing import NamedTuple
from urllib.parse import urlsplit

RATE = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "rate_limit_exceeded", "slow_down"})
QUOTA = frozenset({"quotaExceeded", "dailyLimitExceeded", "variableTermLimitExceeded"})
PASSING = frozenset(
    {"internal_failure", "server_error", "temporarily_unavailable", "conflict", "backendError"}
)
BUSY_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

_LONGEST = 200
_CONSOLES = frozenset({"console.cloud.google.com", "console.developers.google.com"})
_ADDRESS = re.compile(r"https://[^\s\"'<>]+")


class Refusal(NamedTuple):
    """A refusal. `reasons`: Google's codes, the most telling first. `link`: a page of its console that mends it.

    `is_google`: the body has one of Google's shapes; else `words` is the plain meaning of the status.
    """

    status: int
    reasons: tuple[str, ...]
    words: str
    link: str | None = None
    is_google: bool = True

    def says(self, *codes: str) -> bool:
        """Whether any of these codes is among the reasons."""
        return not frozenset(codes).isdisjoint(self.reasons)

    @property
    def is_quota(self) -> bool:
        """A usage limit that lasts hours."""
        return self.says(*QUOTA)

    @property
    def is_busy(self) -> bool:
        """Worth trying again within seconds (GOOGLE.md section 4; https://developers.google.com/calendar/api/guides/quota)."""
        return not self.is_quota and (self.status in BUSY_STATUSES or self.says(*RATE, *PASSING))


class Refused(Exception):
    """An answer of 300 or more, on its way through google-api-python-client.

    The library looks into the body of an error itself, and ends in a TypeError or AttributeError where "error" or
    "message" is no text (measured with 2.202.0).
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status)
        self.refusal = refusal


def read_refusal(status: int, content: bytes) -> Refusal:
    """What an answer of 300 or more says, whatever its body is."""
    found = _parsed(content)
    if isinstance(found, list) and found:
        found = found[0]
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(found, dict) and isinstance(error, str):
        return _of_token_endpoint(status, found)
    if isinstance(error, dict):
        return _of_api(status, error)
    return Refusal(status, (), phrase(status), is_google=False)


def phrase(status: int) -> str:
    """The plain meaning of an HTTP status."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"


def clean(words: object) -> str:
    """Foreign text as one short line without control characters."""
    visible = "".join(
        " " if unicodedata.category(each).startswith(("C", "Z")) else each for each in str(words)
    )
    line = " ".join(visible.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content)
    # UnicodeDecodeError and JSONDecodeError are ValueErrors; a page nested by malice is a RecursionError.
    except (ValueError, RecursionError):
        return None


def _of_token_endpoint(status: int, body: dict[str, object]) -> Refusal:
    codes = [body.get("error"), body.get("error_subtype")]
    reasons = tuple(clean(each) for each in codes if isinstance(each, str) and each)
    return Refusal(status, reasons, clean(body.get("error_description") or body["error"]))


def _of_api(status: int, error: dict[str, object]) -> Refusal:
    errors, details = _tables(error.get("errors")), _tables(error.get("details"))
    codes = [*(each.get("reason") for each in (*errors, *details)), error.get("status")]
    reasons = tuple(dict.fromkeys(clean(each) for each in codes if isinstance(each, str) and each))
    told = (error.get("message"), *(each.get("message") for each in errors))
    words = next((clean(each) for each in told if isinstance(each, str) and each.strip()), phrase(status))
    return Refusal(status, reasons, words, link=_console_link(error))


def _tables(value: object) -> tuple[dict[str, object], ...]:
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _console_link(error: dict[str, object]) -> str | None:
    """The first address of Google's console anywhere in the error; an address of anybody else is not passed on."""
    for address in _ADDRESS.findall(json.dumps(error)):
        trimmed = address.rstrip("\\.,)")
        if urlsplit(trimmed).hostname in _CONSOLES:
            return str(trimmed)
    return None
