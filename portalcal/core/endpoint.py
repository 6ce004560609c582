r"""Parse server URLs once: the address checked here is the one that is connected to and logged.

URL parsers disagree: the host of `http://127.0.0.2:80\@127.0.0.1/` is 127.0.0.1 to `urllib.parse` and 127.0.0.2 to
urllib3 and browsers. Only URLs are accepted that RFC 3986 and the WHATWG URL Standard parse alike.
"""

import ipaddress
import re
from typing import NamedTuple

_PORTS = {"https": 443, "http": 80}

_GOOGLE_ORIGINS = frozenset(
    {"https://www.googleapis.com", "https://oauth2.googleapis.com", "https://accounts.google.com"}
)

_HTTP_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

# RFC 3986 section 2: unreserved, reserved and percent-encoded characters. No blank, backslash or control character.
_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")

_ADDRESS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?",
    re.IGNORECASE,
)

_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?")

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")

# Resolvers and browsers parse a host as IPv4 if its last label is a number, hexadecimal included (WHATWG URL, "ends in a
# number checker").
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")

_EXPECTED = "expected an https:// address (http:// only on 127.0.0.1)"

_DOT_SEGMENTS = frozenset({".", ".."})


class Address(NamedTuple):
    """A normalised URL."""

    scheme: str
    host: str
    port: int | None = None  # None: the default port of the scheme
    path: str = "/"
    query: str | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port: `https://www.googleapis.com`, `http://[::1]:8080` (RFC 6454 section 6.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port is not None else "")

    @property
    def url(self) -> str:
        """The whole URL."""
        return self.origin + self.path + (f"?{self.query}" if self.query is not None else "")

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine: 127.0.0.0/8, ::1 or `localhost`."""
        if self.host == "localhost":
            return True
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return False
        # Not `is_loopback`: its result for ::ffff:127.0.0.1 depends on the version of Python.
        return address.packed[0] == 127 if address.version == 4 else self.host == "::1"

    @property
    def is_google(self) -> bool:
        """Whether it is one of Google's servers for OAuth and the Calendar API.

        Other hosts under google.com do not count: script.google.com, for one, runs code of Google's customers.
        """
        return self.origin in _GOOGLE_ORIGINS

    @property
    def may_use_http(self) -> bool:
        """Whether http is allowed: on 127.0.0.1, ::1 and `localhost` only."""
        return self.host in _HTTP_HOSTS


def read_address(text: str) -> Address:
    """Parse and normalise a URL: lower-case scheme and host, compressed IPv6, no default port.

    Raises:
        ValueError: no URL, or one that parsers could read differently; the message states what was expected.
    """
    if not text.isascii():
        raise ValueError(
            "expected an address in ASCII: a host of other letters has a form that begins with xn--"
        )
    if not _CHARACTERS.fullmatch(text):
        raise ValueError("expected an address without blanks, backslashes and control characters")
    if "#" in text:
        raise ValueError("expected an address without a fragment (#)")
    match = _ADDRESS.fullmatch(text)
    if match is None or (scheme := match["scheme"].lower()) not in _PORTS:
        raise ValueError(_EXPECTED)
    host, port = read_authority(match["authority"])
    path = match["path"] or "/"
    if not _DOT_SEGMENTS.isdisjoint(path.lower().replace("%2e", ".").split("/")):
        raise ValueError("expected a path without . and .. in it")
    return Address(scheme, host, None if port == _PORTS[scheme] else port, path, match["query"])


def read_authority(text: str) -> tuple[str, int | None]:
    """Parse the authority of a URL: `host`, `host:port` or `[IPv6]:port`.

    Raises:
        ValueError: it has userinfo, or the host or the port is not valid.
    """
    if "@" in text:
        raise ValueError("expected an address without a name or a password in it")
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise ValueError(_EXPECTED)
    return _host(match["host"].lower()), _port(match["port"])


def read_endpoint(text: str) -> Address:
    """Parse a URL that tokens may be sent to: https, or http on a loopback address (the simulator).

    Raises:
        ValueError: any other URL, or as `read_address`.
    """
    address = read_address(text)
    if address.scheme != "https" and not address.may_use_http:
        raise ValueError(_EXPECTED)
    return address


def host_of(url: str) -> str:
    """The host of a URL for errors and logs; a fixed text if it cannot be parsed."""
    try:
        return read_address(url).host
    except ValueError:
        return "an address that cannot be used"


def _host(host: str) -> str:
    if host.startswith("["):
        try:
            # A zone id (`%eth0`, RFC 6874) names a local interface; no server of Google needs one.
            return ipaddress.IPv6Address(host[1:-1] if "%" not in host else "").compressed
        except ValueError:
            raise ValueError("expected an IPv6 address like [::1]") from None
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(each) for each in labels):
        raise ValueError("expected a host like www.googleapis.com, 127.0.0.1 or [::1]")
    if _NUMERIC.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError("expected an IPv4 address of four plain numbers, like 127.0.0.1") from None
    return host


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > 65535:
        raise ValueError("expected a port from 1 to 65535")
    return int(text)
