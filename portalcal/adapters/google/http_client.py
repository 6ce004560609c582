"""HTTP requests to Google over `requests`: timeouts, retries, rate limiting, and logs without secrets.

`requests` has what httplib2 lacks: proxies and CA bundles from the environment, and connections that threads can share.
Failures are raised as GoogleUnreachable or GoogleBusy; every other response is returned unchanged. Never logs a query
string, a header or a body.
"""

from __future__ import annotations

import email.utils
import http.client
import http.cookiejar
import itertools
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

import requests
import urllib3.exceptions

from portalcal import __version__
from portalcal.adapters.google import api_errors, network_errors
from portalcal.adapters.google.early_connection import EarlyConnection
from portalcal.adapters.google.http_session import EnvironmentOnce, ResponseBounds, guard_session
from portalcal.core.endpoint import host_of, read_address
from portalcal.errors import GoogleBusy, GoogleUnreachable

_log = logging.getLogger("portalcal.http")
_waiting = logging.getLogger("portalcal.waiting")
"""What a person at a terminal reads while a command waits."""
_SHOWN_AFTER = 0.7
"""Seconds, waited and still to wait, from which on a person is shown that: the first pause after a busy server is longer."""


# urllib3's warnings, such as the one about a malformed header, would print whole URLs on stderr.
logging.getLogger("urllib3").setLevel(logging.ERROR)


_TIMEOUT = (network_errors.CONNECT_SECONDS, network_errors.READ_SECONDS)

MAX_CONCURRENT = 8
"""Concurrent requests; Google answers one client no faster with more."""

# Fewer than for a busy server: being offline should be reported before seven seconds of retries have passed.
_MAX_CONNECT_ATTEMPTS = 3

_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Authorize = Callable[[requests.PreparedRequest], requests.PreparedRequest]


class RetryPolicy(NamedTuple):
    """The limits of retrying one request."""

    attempts: int = 4
    total_sleep: float = 20.0  # seconds slept between attempts, in total
    last_start: float = 30.0  # seconds since the first attempt after which no other one starts


class Request(NamedTuple):
    """An HTTP request."""

    method: str
    url: str
    body: bytes | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    writes: bool = False  # it changes something at Google
    is_idempotent: bool = True  # sending it twice has the effect of sending it once (RFC 9110 section 9.2.2)

    @property
    def host(self) -> str:
        """The host it is sent to."""
        return host_of(self.url)

    @property
    def log_text(self) -> str:
        """Method, host and path: never the query, which may hold a code or a token."""
        try:
            address = read_address(self.url)
        except ValueError:
            return f"{self.method} {self.host}"
        return f"{self.method} {address.host}{address.path}"


class Response(NamedTuple):
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    content: bytes
    is_repeat: bool = False  # an earlier attempt of this write, whose response was lost, may have worked


class FailedAttempt(NamedTuple):
    """A failed attempt of a request."""

    error: GoogleUnreachable | GoogleBusy
    max_attempts: int  # the attempt limit for this kind of failure
    retry_after: float = 0.0  # Retry-After in seconds


def anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send the request without credentials. With `auth=None`, requests would look for some in ~/.netrc."""
    return request


class HttpClient:
    """Sends requests over one `requests` session. Thread-safe.

    `timeout`: seconds to connect, and for each read; `bounds` limit a response as a whole. `rate_limiter` is called
    before every attempt and may sleep. `early`: a connection begun while this module was loaded. `sleep`, `jitter` (a random number from 0 to 1) and `monotonic` are arguments so
    that tests are deterministic.
    """

    def __init__(
        self,
        retry_policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - a tuple
        *,
        timeout: tuple[float, float] = _TIMEOUT,
        bounds: ResponseBounds = ResponseBounds(),  # noqa: B008 - a tuple
        rate_limiter: Callable[[], None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
        early: EarlyConnection | None = None,
    ) -> None:
        self._retry_policy = retry_policy
        self._timeout = timeout
        self._rate_limiter = rate_limiter
        self._concurrency = threading.BoundedSemaphore(MAX_CONCURRENT)
        self._sleep = sleep
        self._jitter = jitter
        self._monotonic = monotonic
        self.server_time: datetime | None = None
        """The Date header of the latest response (RFC 9110 section 6.6.1)."""
        self._session = EnvironmentOnce()
        self._session.headers["User-Agent"] = f"portalcal/{__version__} (gzip)"
        # Google's cookies are not needed, and a cookie jar shared between threads can race.
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        guard_session(self._session, pool_size=MAX_CONCURRENT, bounds=bounds, early=early)
        self._early = early

    @classmethod
    def within(
        cls,
        seconds: float,
        *,
        early: EarlyConnection | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> HttpClient:
        """A client for a caller with a deadline: it fails early enough for the cause to be reported by then."""
        timeout = (min(_TIMEOUT[0], seconds / 4), min(_TIMEOUT[1], seconds * 0.4))
        retry_policy = RetryPolicy(attempts=2, total_sleep=seconds / 5, last_start=seconds / 5)
        return cls(
            retry_policy,
            timeout=timeout,
            bounds=ResponseBounds(seconds=min(ResponseBounds().seconds, seconds * 0.6)),
            early=early,
            sleep=sleep,
            monotonic=monotonic,
        )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        if self._early is not None:
            self._early.close()

    def send(self, request: Request, *, authorize: Authorize = anonymous) -> Response:
        """Send the request and return Google's response; transient failures are retried.

        A request that is not idempotent is retried only if it certainly had no effect, or was refused.

        Raises:
            GoogleUnreachable: no response, or one that is not Google's; `sent` if a write may have taken effect.
            GoogleBusy: the server was still busy at the last attempt; `sent` likewise.
        """
        began, slept, may_have_worked = self._monotonic(), 0.0, False
        for number in itertools.count(1):
            result = self._attempt(request, number, authorize=authorize)
            if isinstance(result, Response):
                self.server_time = _date_of(result.headers)
                return result._replace(is_repeat=may_have_worked) if may_have_worked else result
            error = result.error
            may_have_worked = may_have_worked or error.sent
            pause = self._pause(result, number)
            if (
                number >= min(result.max_attempts, self._retry_policy.attempts)
                or slept + pause > self._retry_policy.total_sleep
                or self._monotonic() - began + pause > self._retry_policy.last_start
            ):
                error.sent = may_have_worked
                raise error
            if self._monotonic() - began + pause >= _SHOWN_AFTER:
                what = "Google is busy" if isinstance(error, GoogleBusy) else "Google does not answer"
                most = min(result.max_attempts, self._retry_policy.attempts)
                _waiting.info("%s, trying again (%d of %d)", what, number + 1, most)
            self._sleep(pause)
            slept += pause
        raise AssertionError("a count does not end")

    def _pause(self, failed_attempt: FailedAttempt, number: int) -> float:
        """Seconds before the next attempt: exponential backoff with 25 % jitter, but at least Retry-After."""
        first = 0.5 if isinstance(failed_attempt.error, GoogleUnreachable) else 1.0
        return float(max(failed_attempt.retry_after, first * 2 ** (number - 1) * (0.75 + self._jitter() / 2)))

    def _attempt(self, request: Request, number: int, *, authorize: Authorize) -> Response | FailedAttempt:
        self._rate_limiter()
        began = self._monotonic()
        outcome: object = "no answer"
        try:
            with self._concurrency:
                raw_response = self._session.request(
                    request.method,
                    request.url,
                    data=request.body,
                    headers=request.headers,
                    auth=authorize,
                    timeout=self._timeout,
                    allow_redirects=False,
                )
            outcome = raw_response.status_code
        # requests lets some exceptions of urllib3 and the standard library through; its own are OSErrors.
        except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException, UnicodeError) as error:
            return self._connection_failure(request, error)
        finally:
            millis = (self._monotonic() - began) * 1000
            _log.info("%s: %s in %.0f ms, try %d", request.log_text, outcome, millis, number)
        headers = {name.lower(): value for name, value in raw_response.headers.items()}
        response = Response(raw_response.status_code, headers, raw_response.content)
        return self._foreign_response(request, response) or self._server_busy(request, response) or response

    def _connection_failure(self, request: Request, error: Exception) -> FailedAttempt:
        unreachable = network_errors.unreachable(
            error, host=request.host, writes=request.writes, timeout=self._timeout
        )
        unreachable.__cause__ = error
        _log.info("%s: %s", request.log_text, unreachable.reason)
        is_retryable = network_errors.network_problem(error).may_pass and (
            request.is_idempotent or not unreachable.sent
        )
        return FailedAttempt(unreachable, _MAX_CONNECT_ATTEMPTS if is_retryable else 1)

    def _foreign_response(self, request: Request, response: Response) -> FailedAttempt | None:
        """A web page or a redirect. Redirects are not followed: Google's APIs send none, captive portals do."""
        is_page = response.status < 300 and response.content.strip()[:1] not in {b"", b"{", b"["}
        if (
            is_page
            or response.status in _REDIRECTS
            or response.status == http.HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED
        ):
            received = "a redirect" if response.status in _REDIRECTS else "a web page"
            return FailedAttempt(
                network_errors.not_google(request.host, writes=request.writes, received=received), 1
            )
        return None

    def _server_busy(self, request: Request, response: Response) -> FailedAttempt | None:
        if response.status < 400:
            return None
        api_error = api_errors.read_api_error(response.status, response.content)
        if not api_error.is_busy:
            return None
        # A 5xx may be sent after the write took effect; a rate limit refuses before it.
        may_have_worked = request.writes and response.status not in {403, 409, 429}
        busy = GoogleBusy(api_error.message, response.status, sent=may_have_worked)
        return FailedAttempt(busy, self._retry_policy.attempts, _retry_after(response.headers))


def _date_of(headers: Mapping[str, str]) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _retry_after(headers: Mapping[str, str]) -> float:
    """Retry-After in seconds (RFC 9110 section 10.2.3); a date is compared with the response's own Date header."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        until = email.utils.parsedate_to_datetime(value)
        now = email.utils.parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (until - now).total_seconds())
    # ValueError: not a date. TypeError: only one of them has a zone.
    except (ValueError, TypeError):
        return 0.0


_REQUESTS_PER_MINUTE = 540
"""Google allows a user 600 (https://developers.google.com/calendar/api/guides/quota); the rest is left to other
processes of the same account."""


class RateLimiter:
    """Calling it sleeps until one more request may be sent. Thread-safe.

    A sliding window like Google's own: the first `per_minute` requests are not delayed. `monotonic` and `sleep`, both
    in seconds, are arguments so that tests are deterministic.
    """

    def __init__(
        self,
        per_minute: int = _REQUESTS_PER_MINUTE,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._sent_at: deque[float] = deque(maxlen=per_minute)
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Sleep until this request may be sent."""
        with self._lock:
            now = self._monotonic()
            is_full = len(self._sent_at) == self._sent_at.maxlen
            send_at = max(now, self._sent_at[0] + 60.0) if is_full else now
            self._sent_at.append(send_at)
        if send_at > now:
            self._sleep(send_at - now)
