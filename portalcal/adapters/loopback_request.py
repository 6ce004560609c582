"""What reaches the loopback address, judged: the answer we wait for, or something astray. Pure.

RFC 8252 section 7.3 (loopback redirect), RFC 6749 section 4.1.2 (its parameters), RFC 9207 (`iss`).
"""

from __future__ import annotations

import hmac
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

ISSUER = "https://accounts.google.com"
"""Who answers. Google sends `iss` since 2026 without promising it, so it is checked where it is sent."""

PATH = "/"

# Google's codes have up to 256 bytes, its longest callback well under 2 kB.
LONGEST_HEAD = 16 * 1024
_MOST_PARAMETERS = 40
_CODE = re.compile(r"[\x21-\x7e]{1,1024}")
_ERROR = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (/[\x21-\x7e]*) HTTP/1\.[01]")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)")


class Expected(NamedTuple):
    """What the answer must show: one of our names in `Host`, and the state we sent."""

    state: str
    hosts: frozenset[str] = frozenset()
    issuers: frozenset[str] = frozenset({ISSUER})

    def __repr__(self) -> str:
        return f"Expected(hosts={sorted(self.hosts)})"


class Reply(NamedTuple):
    """The answer of the consent page: a code, or the error it ended with. `repr` shows no code."""

    code: str | None = None
    error: str | None = None

    def __repr__(self) -> str:
        return "Reply(code=…)" if self.code else f"Reply(error={self.error!r})"


class Stray(NamedTuple):
    """Something else. `status`: what to answer over HTTP. `why`: one sentence, for the person or the log."""

    status: int
    why: str


NOT_FOUND = Stray(404, "There is nothing at this address.")
ONLY_GET = Stray(405, "Only GET is answered here.")
NOT_HTTP = Stray(400, "This is not a request portalcal can read.")
OTHER_HOST = Stray(400, "This request was meant for another host.")
TOO_LARGE = Stray(431, "This request is too large.")
TOO_SLOW = Stray(408, "The request did not arrive in time.")
OTHER_STATE = Stray(
    400, "This answer belongs to another attempt to connect, not to the one that is waiting now."
)
OTHER_ISSUER = Stray(400, "This answer does not come from Google.")
NOTHING_IN_IT = Stray(400, "This address holds neither a code nor an error.")


def issuers_of(auth_uri: str) -> frozenset[str]:
    """Who may answer for an authorization endpoint: Google, and an endpoint elsewhere in the name of its own origin."""
    parts = urlsplit(auth_uri)
    is_googles = (parts.hostname or "").endswith(".google.com")
    return frozenset({ISSUER} if is_googles else {ISSUER, f"{parts.scheme}://{parts.netloc}"})


def judge_head(head: bytes, expected: Expected) -> Reply | Stray:
    """Judge the head of an HTTP request, up to and without its empty line."""
    first, *lines = head.split(b"\r\n")
    request = _REQUEST_LINE.fullmatch(first)
    headers = [_HEADER.fullmatch(line) for line in lines]
    if request is None or not all(headers):
        return NOT_HTTP
    hosts = [each[2].strip().lower() for each in headers if each and each[1].lower() == b"host"]
    # A page that had its name point at us (DNS rebinding) shows that name here.
    if len(hosts) != 1 or hosts[0].decode("latin-1") not in expected.hosts:
        return OTHER_HOST
    method, target = request[1].decode("ascii"), request[2].decode("ascii")
    path, _, query = target.partition("?")
    if path != PATH:
        return NOT_FOUND
    return judge_query(query, expected) if method == "GET" else ONLY_GET


def judge_query(query: str, expected: Expected) -> Reply | Stray:
    """Judge the parameters of a redirect. The state comes first: without it nothing else is believed."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return NOT_HTTP
    told = dict(pairs)
    names = [name for name, _ in pairs]
    if any(names.count(name) > 1 for name in ("state", "code", "error", "iss")):
        return NOT_HTTP
    if "state" not in told:
        return NOTHING_IN_IT
    if not hmac.compare_digest(told["state"].encode("utf-8", "replace"), expected.state.encode()):
        return OTHER_STATE
    if "iss" in told and told["iss"] not in expected.issuers:
        return OTHER_ISSUER
    if error := told.get("error"):
        return Reply(error=error if _ERROR.fullmatch(error) else "unknown_error")
    code = told.get("code", "")
    return Reply(code=code) if _CODE.fullmatch(code) else NOTHING_IN_IT


def judge_pasted(text: str, expected: Expected) -> Reply | Stray:
    """Judge what a person pasted: the whole address of the last page, or only what follows its question mark."""
    line = text.strip().strip("'\"<>").strip()
    if "?" in line:
        try:
            line = urlsplit(line).query
        except ValueError:
            return NOTHING_IN_IT
    line = line.partition("#")[0]
    if "=" not in line:
        return NOTHING_IN_IT
    return judge_query(line, expected)
