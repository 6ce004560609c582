"""No answer, or none of Google's: what went wrong on the way, in plain words. Pure.

`requests`, `urllib3`, `http.client`, `ssl` and `socket` wrap one another's exceptions; the innermost ones tell most.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

import httplib2
import requests
import urllib3.exceptions as u3

from portalcal.errors import GoogleUnreachable

CONNECT_SECONDS = 5
READ_SECONDS = 20
_LIMITS = (CONNECT_SECONDS, READ_SECONDS)

_NETWORK = "check the network, then run `portalcal status`"
_PROXY = "check HTTPS_PROXY and NO_PROXY in the environment, then run `portalcal status`"
_TRUST = (
    "if a proxy of your organisation inspects TLS, name its CA bundle in REQUESTS_CA_BUNDLE, "
    "then run `portalcal status`"
)
_CLOCK = (
    "check the date of this machine's clock; on most Linux machines `timedatectl set-ntp true` sets it; "
    "then run `portalcal status`"
)
_PORTAL = "open a web page in a browser to sign in to this network, then run `portalcal status`"

# What these mean happened before a single byte of the request could leave.
_BEFORE_SENDING = (
    u3.NewConnectionError, u3.ConnectTimeoutError, u3.LocationValueError, requests.ConnectTimeout,
    requests.URLRequired, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, socket.gaierror, ConnectionRefusedError,
    httplib2.ServerNotFoundError, httplib2.RelativeURIError, http.client.InvalidURL, UnicodeError,
)  # fmt: skip
_PROXIES = (
    u3.ProxyError, u3.ProxySchemeUnknown, u3.ProxySchemeUnsupported, requests.exceptions.ProxyError,
    requests.exceptions.InvalidProxyURL, httplib2.ProxiesUnavailableError,
)  # fmt: skip
_ADDRESSES = (
    u3.LocationValueError, requests.URLRequired, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL, httplib2.RelativeURIError, http.client.InvalidURL, UnicodeError,
)  # fmt: skip
_TIMEOUTS = (requests.ReadTimeout, u3.ReadTimeoutError, TimeoutError)
_TLS = (ssl.SSLError, u3.SSLError, requests.exceptions.SSLError)
_DECODING = (
    u3.DecodeError, requests.exceptions.ContentDecodingError, requests.exceptions.InvalidJSONError,
    httplib2.FailedToDecompressContent,
)  # fmt: skip
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
# ssl.SSLError.reason of a handshake that came to nothing; others may also happen to an established connection.
_HANDSHAKE = (
    "WRONG_VERSION",
    "HANDSHAKE",
    "PROTOCOL_VERSION",
    "UNSUPPORTED_PROTOCOL",
    "UNKNOWN_PROTOCOL",
    "CERTIFICATE",
)


class Obstacle(NamedTuple):
    """What is in the way. `may_pass`: the next try, seconds later, may find it gone."""

    reason: str
    remedy: str = _NETWORK
    may_pass: bool = True


def obstacle(error: BaseException, *, waited: tuple[float, float] = _LIMITS) -> Obstacle:
    """The words for a failure to exchange a request and an answer. `waited`: the limits, as in `unreachable`."""
    chain = tuple(_chain(error))
    for judge in (_proxy, _trust, _way, partial(_time, waited=waited), _tls, _rest):
        if found := judge(chain):
            return found
    return Obstacle("the connection broke off before the answer was complete")


def was_sent(error: BaseException) -> bool:
    """Whether the request may have reached the other side; only what surely failed before counts as not sent."""
    chain = tuple(_chain(error))
    if _proxy(chain) or _trust(chain) or _any(chain, _BEFORE_SENDING) or _errnos(chain) & _NO_ROUTE:
        return False
    return not any(word in reason for reason in _ssl_reasons(chain) for word in _HANDSHAKE)


def unreachable(
    error: BaseException, *, host: str, writes: bool = False, waited: tuple[float, float] = _LIMITS
) -> GoogleUnreachable:
    """The error that says so.

    `writes`: the request would have changed something at Google. `waited`: the limits for connecting and for reading
    that were in force, in seconds.
    """
    told = obstacle(error, waited=waited)
    return GoogleUnreachable(host, told.reason, sent=writes and was_sent(error), remedy=told.remedy)


def not_google(host: str, *, writes: bool = False, found: str = "a web page") -> GoogleUnreachable:
    """Somebody else answered: a captive portal, an inspecting proxy, a wrong address."""
    reason = f"{found} came back instead of Google's answer, as from the sign-in page of a network or a proxy"
    return GoogleUnreachable(host, reason, sent=writes, remedy=_PORTAL)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and all it was made from, outermost first."""
    waiting, seen = [error], set()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = (each.__cause__, getattr(each, "reason", None), *each.args)
        waiting += [other for other in inner if isinstance(other, BaseException)]


def _any(chain: Iterable[BaseException], kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(each, kinds) for each in chain)


def _errnos(chain: Iterable[BaseException]) -> frozenset[int]:
    return frozenset(each.errno for each in chain if isinstance(each, OSError) and each.errno is not None)


def _ssl_reasons(chain: Iterable[BaseException]) -> tuple[str, ...]:
    # An SSLError that Python code has raised, and not OpenSSL, lacks the attribute.
    return tuple(str(getattr(each, "reason", None) or "") for each in chain if isinstance(each, ssl.SSLError))


def _texts(chain: Iterable[BaseException]) -> str:
    return " ".join(each for error in chain for each in error.args if isinstance(each, str))


def _proxy(chain: tuple[BaseException, ...]) -> Obstacle | None:
    told = _texts(chain)
    if "SOCKS support" in told:
        return Obstacle("the proxy is a SOCKS proxy, which is not supported", _PROXY, may_pass=False)
    if not _any(chain, _PROXIES):
        return None
    if _any(chain, (ssl.SSLCertVerificationError,)):
        return Obstacle("the certificate of the proxy is not trusted", _TRUST, may_pass=False)
    if " 407" in told:
        return Obstacle("the proxy asks for a name and a password (407)", _PROXY, may_pass=False)
    return next((Obstacle(words, _PROXY) for kind, words in _PROXY_WORDS if _any(chain, (kind,))), _BAD_PROXY)


_PROXY_WORDS = (
    (socket.gaierror, "the name of the proxy cannot be resolved"),
    (ConnectionRefusedError, "the proxy refuses connections"),
    (u3.ConnectTimeoutError, "the proxy does not answer"),
    (u3.ProxyError, "the proxy gives no way through"),
)
_BAD_PROXY = Obstacle("the proxy in the environment cannot be used", _PROXY, may_pass=False)


def _trust(chain: tuple[BaseException, ...]) -> Obstacle | None:
    for each in chain:
        if isinstance(each, ssl.SSLCertVerificationError):
            why = getattr(each, "verify_message", None) or "unknown reason"
            # Every certificate looks expired, or not valid yet, to a machine whose clock is wrong by months.
            remedy = _CLOCK if "not yet valid" in why or "expired" in why else _TRUST
            return Obstacle(f"its certificate is not trusted ({why})", remedy, may_pass=False)
    # requests raises a plain OSError for a REQUESTS_CA_BUNDLE that is not there.
    if _any(chain, (OSError,)) and "CA certificate" in _texts(chain):
        return Obstacle("the CA bundle that REQUESTS_CA_BUNDLE names cannot be read", _TRUST, may_pass=False)
    return None


def _way(chain: tuple[BaseException, ...]) -> Obstacle | None:
    if _any(chain, (socket.gaierror, u3.NameResolutionError, httplib2.ServerNotFoundError)):
        return Obstacle("its name cannot be resolved (DNS)")
    if _any(chain, (ConnectionRefusedError,)):
        return Obstacle("the connection was refused (TCP)")
    if _errnos(chain) & _NO_ROUTE:
        return Obstacle("the network has no route to it")
    if _any(chain, _ADDRESSES):
        return Obstacle("the configured address cannot be used", may_pass=False)
    return None


def _time(chain: tuple[BaseException, ...], *, waited: tuple[float, float]) -> Obstacle | None:
    connecting = (requests.ConnectTimeout, u3.ConnectTimeoutError)
    if any(isinstance(each, connecting) and not isinstance(each, u3.NewConnectionError) for each in chain):
        return Obstacle(f"no connection within {waited[0]:g} s (TCP)")
    if _any(chain, _TIMEOUTS):
        return Obstacle(f"no answer within {waited[1]:g} s")
    return None


def _tls(chain: tuple[BaseException, ...]) -> Obstacle | None:
    if not _any(chain, _TLS):
        return None
    if any("WRONG_VERSION" in reason for reason in _ssl_reasons(chain)):
        return Obstacle("it does not speak TLS there", may_pass=False)
    return Obstacle("no TLS connection could be made")


def _rest(chain: tuple[BaseException, ...]) -> Obstacle | None:
    if _any(chain, _DECODING):
        return Obstacle("its answer cannot be decoded")
    if _any(chain, (u3.NewConnectionError,)):
        return Obstacle("no connection could be made")
    return None
