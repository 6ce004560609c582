"""Classify failed connections: the cause in plain words, a remedy, and whether the request may have been sent. Pure.

`requests`, `urllib3`, `http.client`, `ssl` and `socket` wrap one another's exceptions, so the whole chain is examined.
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

from portalcal.adapters.google.http_session import ResponseOutOfBounds
from portalcal.errors import GoogleUnreachable

CONNECT_SECONDS = 5
READ_SECONDS = 20
_TIMEOUT = (CONNECT_SECONDS, READ_SECONDS)

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

_UNREAD = "see whether it is Google that answers there: run `portalcal status`"

# Raised before the first byte of the request is sent.
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

# Parts of ssl.SSLError.reason that mean a failed handshake; other reasons may also occur on an established connection.
_HANDSHAKE = (
    "WRONG_VERSION",
    "HANDSHAKE",
    "PROTOCOL_VERSION",
    "UNSUPPORTED_PROTOCOL",
    "UNKNOWN_PROTOCOL",
    "CERTIFICATE",
)


class NetworkProblem(NamedTuple):
    """Why no response of Google's was received."""

    reason: str
    remedy: str = _NETWORK
    may_pass: bool = True  # a retry within seconds may succeed


def network_problem(error: BaseException, *, timeout: tuple[float, float] = _TIMEOUT) -> NetworkProblem:
    """Classify a failed request. `timeout`: the seconds to connect and to read that were in force."""
    chain = tuple(_chain(error))
    classifiers = (
        _out_of_bounds, _proxy, _certificate, _connection, partial(_timed_out, timeout=timeout), _tls, _other,
    )  # fmt: skip
    for classify in classifiers:
        if problem := classify(chain):
            return problem
    return NetworkProblem("the connection broke off before the answer was complete")


def was_sent(error: BaseException) -> bool:
    """Whether the request may have reached the server; False only if it certainly failed before."""
    chain = tuple(_chain(error))
    if _proxy(chain) or _certificate(chain) or _any(chain, _BEFORE_SENDING) or _errnos(chain) & _NO_ROUTE:
        return False
    return not any(part in reason for reason in _ssl_reasons(chain) for part in _HANDSHAKE)


def unreachable(
    error: BaseException, *, host: str, writes: bool = False, timeout: tuple[float, float] = _TIMEOUT
) -> GoogleUnreachable:
    """The error to raise for a failed request.

    `writes`: the request would have changed something at Google. `timeout`: as in `network_problem`.
    """
    problem = network_problem(error, timeout=timeout)
    return GoogleUnreachable(host, problem.reason, sent=writes and was_sent(error), remedy=problem.remedy)


def not_google(host: str, *, writes: bool = False, received: str = "a web page") -> GoogleUnreachable:
    """The error for a response that is not Google's: from a captive portal, an inspecting proxy, a wrong host."""
    reason = (
        f"{received} came back instead of Google's answer, as from the sign-in page of a network or a proxy"
    )
    return GoogleUnreachable(host, reason, sent=writes, remedy=_PORTAL)


def endless(host: str, why: str) -> GoogleUnreachable:
    """The error for a paginated list whose last page was not reached."""
    return GoogleUnreachable(host, f"its list does not end: {why}", remedy=_UNREAD)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, its causes and the exceptions among its arguments, outermost first."""
    queue, seen = [error], set()
    while queue:
        current = queue.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (current.__cause__, getattr(current, "reason", None), *current.args)
        queue += [other for other in inner if isinstance(other, BaseException)]


def _any(chain: Iterable[BaseException], kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(each, kinds) for each in chain)


def _errnos(chain: Iterable[BaseException]) -> frozenset[int]:
    return frozenset(each.errno for each in chain if isinstance(each, OSError) and each.errno is not None)


def _ssl_reasons(chain: Iterable[BaseException]) -> tuple[str, ...]:
    # An SSLError raised by Python code, not by OpenSSL, lacks the attribute.
    return tuple(str(getattr(each, "reason", None) or "") for each in chain if isinstance(each, ssl.SSLError))


def _texts(chain: Iterable[BaseException]) -> str:
    return " ".join(each for error in chain for each in error.args if isinstance(each, str))


def _out_of_bounds(chain: tuple[BaseException, ...]) -> NetworkProblem | None:
    """A response read only in part; what was read is discarded, since the rest could change its meaning."""
    error = next((each for each in chain if isinstance(each, ResponseOutOfBounds)), None)
    return (
        NetworkProblem(f"its answer {error}, and counts as unread", _UNREAD, may_pass=False)
        if error
        else None
    )


def _proxy(chain: tuple[BaseException, ...]) -> NetworkProblem | None:
    texts = _texts(chain)
    if "SOCKS support" in texts:
        return NetworkProblem("the proxy is a SOCKS proxy, which is not supported", _PROXY, may_pass=False)
    if not _any(chain, _PROXIES):
        return None
    if _any(chain, (ssl.SSLCertVerificationError,)):
        return NetworkProblem("the certificate of the proxy is not trusted", _TRUST, may_pass=False)
    if " 407" in texts:
        return NetworkProblem("the proxy asks for a name and a password (407)", _PROXY, may_pass=False)
    return next(
        (NetworkProblem(reason, _PROXY) for kind, reason in _PROXY_REASONS if _any(chain, (kind,))),
        _BAD_PROXY,
    )


_PROXY_REASONS = (
    (socket.gaierror, "the name of the proxy cannot be resolved"),
    (ConnectionRefusedError, "the proxy refuses connections"),
    (u3.ConnectTimeoutError, "the proxy does not answer"),
    (u3.ProxyError, "the proxy gives no way through"),
)

_BAD_PROXY = NetworkProblem("the proxy in the environment cannot be used", _PROXY, may_pass=False)


def _certificate(chain: tuple[BaseException, ...]) -> NetworkProblem | None:
    for error in chain:
        if isinstance(error, ssl.SSLCertVerificationError):
            why = getattr(error, "verify_message", None) or "unknown reason"
            # If this machine's clock is wrong by months, every certificate looks expired or not yet valid.
            remedy = _CLOCK if "not yet valid" in why or "expired" in why else _TRUST
            return NetworkProblem(f"its certificate is not trusted ({why})", remedy, may_pass=False)
    # requests raises a plain OSError if the file REQUESTS_CA_BUNDLE names does not exist.
    if _any(chain, (OSError,)) and "CA certificate" in _texts(chain):
        return NetworkProblem(
            "the CA bundle that REQUESTS_CA_BUNDLE names cannot be read", _TRUST, may_pass=False
        )
    return None


def _connection(chain: tuple[BaseException, ...]) -> NetworkProblem | None:
    if _any(chain, (socket.gaierror, u3.NameResolutionError, httplib2.ServerNotFoundError)):
        return NetworkProblem("its name cannot be resolved (DNS)")
    if _any(chain, (ConnectionRefusedError,)):
        return NetworkProblem("the connection was refused (TCP)")
    if _errnos(chain) & _NO_ROUTE:
        return NetworkProblem("the network has no route to it")
    if _any(chain, _ADDRESSES):
        return NetworkProblem("the configured address cannot be used", may_pass=False)
    return None


def _timed_out(chain: tuple[BaseException, ...], *, timeout: tuple[float, float]) -> NetworkProblem | None:
    connecting = (requests.ConnectTimeout, u3.ConnectTimeoutError)
    if any(isinstance(each, connecting) and not isinstance(each, u3.NewConnectionError) for each in chain):
        return NetworkProblem(f"no connection within {timeout[0]:g} s (TCP)")
    if _any(chain, _TIMEOUTS):
        return NetworkProblem(f"no answer within {timeout[1]:g} s")
    return None


def _tls(chain: tuple[BaseException, ...]) -> NetworkProblem | None:
    if not _any(chain, _TLS):
        return None
    if any("WRONG_VERSION" in reason for reason in _ssl_reasons(chain)):
        return NetworkProblem("it does not speak TLS there", may_pass=False)
    return NetworkProblem("no TLS connection could be made")


def _other(chain: tuple[BaseException, ...]) -> NetworkProblem | None:
    if _any(chain, _DECODING):
        return NetworkProblem("its answer cannot be decoded")
    if _any(chain, (u3.NewConnectionError,)):
        return NetworkProblem("no connection could be made")
    return None
