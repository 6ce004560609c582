"""Parse and validate requests to the callback server: the OAuth redirect, or a stray request. Pure.

RFC 8252 section 7.3 (loopback redirect), RFC 6749 section 4.1.2 (its parameters), RFC 9207 (`iss`).
"""

from __future__ import annotations

import hmac
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from portalcal.core.endpoint import read_endpoint

ISSUER = "https://accounts.google.com"
"""Google's issuer identifier (RFC 9207). Google does not document that it sends `iss`, so it may be missing."""

PATH = "/"

# Google's codes have up to 256 bytes, its longest redirect is well under 2 kB.
MAX_HEAD_BYTES = 16 * 1024

_MAX_PARAMETERS = 40
_CODE = re.compile(r"[\x21-\x7e]{1,1024}")
_ERROR = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (/[\x21-\x7e]*) HTTP/1\.[01]")

_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)")


class ExpectedRedirect(NamedTuple):
    """What a request must have. `repr` does not show the state."""

    state: str  # the `state` of the authorization request (RFC 6749 section 10.12)
    hosts: frozenset[str] = frozenset()  # the values accepted in the Host header
    issuers: frozenset[str] = frozenset({ISSUER})  # the values accepted in `iss`
    start_path: str = ""  # the path that redirects to the consent page; empty if no browser is opened

    def __repr__(self) -> str:
        return f"ExpectedRedirect(hosts={sorted(self.hosts)})"


class AuthorizationResponse(NamedTuple):
    """The authorization response (RFC 6749 section 4.1.2): a code or an error. `repr` shows no code."""

    code: str | None = None
    error: str | None = None

    def __repr__(self) -> str:
        return (
            "AuthorizationResponse(code=…)" if self.code else f"AuthorizationResponse(error={self.error!r})"
        )


class BrowserStart(NamedTuple):
    """The browser's first request, which is redirected to the consent page."""


class StrayRequest(NamedTuple):
    """Any other request."""

    status: int  # of the HTTP response
    message: str  # one sentence, for the page or the log


NOT_FOUND = StrayRequest(404, "There is nothing at this address.")

ONLY_GET = StrayRequest(405, "Only GET is answered here.")

NOT_HTTP = StrayRequest(400, "This is not a request portalcal can read.")

WRONG_HOST = StrayRequest(400, "This request was meant for another host.")

START_PATH_USED = StrayRequest(
    410,
    "This address has led to the consent page already. To go there once more, use the address in the terminal.",
)

TOO_LARGE = StrayRequest(431, "This request is too large.")

TOO_SLOW = StrayRequest(408, "The request did not arrive in time.")

WRONG_STATE = StrayRequest(
    400, "This answer belongs to another attempt to connect, not to the one that is waiting now."
)

WRONG_ISSUER = StrayRequest(400, "This answer does not come from Google.")

NO_CODE_OR_ERROR = StrayRequest(400, "This address holds neither a code nor an error.")


def accepted_issuers(auth_uri: str) -> frozenset[str]:
    """The issuers accepted for an authorization endpoint: Google, and an endpoint elsewhere its own origin."""
    try:
        address = read_endpoint(auth_uri)
    except ValueError:
        # An endpoint that is not valid is reported when the authorization URL is made.
        return frozenset({ISSUER})
    return frozenset({ISSUER} if address.host.endswith(".google.com") else {ISSUER, address.origin})


def parse_head(
    head: bytes, expected: ExpectedRedirect
) -> AuthorizationResponse | BrowserStart | StrayRequest:
    """Parse the head of an HTTP request, without the empty line at its end."""
    first, *lines = head.split(b"\r\n")
    request = _REQUEST_LINE.fullmatch(first)
    headers = [_HEADER.fullmatch(line) for line in lines]
    if request is None or not all(headers):
        return NOT_HTTP
    hosts = [header[2].strip().lower() for header in headers if header and header[1].lower() == b"host"]
    # In a DNS rebinding attack, Host is the attacker's name.
    if len(hosts) != 1 or hosts[0].decode("latin-1") not in expected.hosts:
        return WRONG_HOST
    method, target = request[1].decode("ascii"), request[2].decode("ascii")
    path, _, query = target.partition("?")
    if expected.start_path and hmac.compare_digest(path, expected.start_path):
        return BrowserStart() if method == "GET" else ONLY_GET
    if path != PATH:
        return NOT_FOUND
    return parse_redirect(query, expected) if method == "GET" else ONLY_GET


def parse_redirect(query: str, expected: ExpectedRedirect) -> AuthorizationResponse | StrayRequest:
    """Validate the parameters of a redirect: `state` first, since anybody can send the others."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        return NOT_HTTP
    parameters = dict(pairs)
    names = [name for name, _ in pairs]
    if any(names.count(name) > 1 for name in ("state", "code", "error", "iss")):
        return NOT_HTTP
    if "state" not in parameters:
        return NO_CODE_OR_ERROR
    if not hmac.compare_digest(parameters["state"].encode("utf-8", "replace"), expected.state.encode()):
        return WRONG_STATE
    if "iss" in parameters and parameters["iss"] not in expected.issuers:
        return WRONG_ISSUER
    if error := parameters.get("error"):
        return AuthorizationResponse(error=error if _ERROR.fullmatch(error) else "unknown_error")
    code = parameters.get("code", "")
    return AuthorizationResponse(code=code) if _CODE.fullmatch(code) else NO_CODE_OR_ERROR


def parse_pasted(text: str, expected: ExpectedRedirect) -> AuthorizationResponse | StrayRequest:
    """Parse pasted text: the whole redirect URL, or only its query."""
    line = text.strip().strip("'\"<>").strip()
    if "?" in line:
        try:
            line = urlsplit(line).query
        except ValueError:
            return NO_CODE_OR_ERROR
    line = line.partition("#")[0]
    if "=" not in line:
        return NO_CODE_OR_ERROR
    return parse_redirect(line, expected)
