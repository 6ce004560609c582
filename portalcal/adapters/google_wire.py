"""One exchange with Google over `requests`: time-outs, patience, and a log that can hold no secret.

`requests` brings what httplib2 lacks: proxies and CA bundles from the environment, and connections that several
threads share. What goes wrong comes out as GoogleUnreachable or GoogleBusy; every other answer is handed on as it is.
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
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
import requests.adapters
import urllib3.exceptions

from portalcal import __version__
from portalcal.adapters import google_refusals, google_unreachable
from portalcal.errors import GoogleBusy, GoogleUnreachable

_log = logging.getLogger("portalcal.http")
# Its warnings, about a header it cannot read for example, would reach stderr with whole addresses in them.
logging.getLogger("urllib3").setLevel(logging.ERROR)

_TIMEOUT = (google_unreachable.CONNECT_SECONDS, google_unreachable.READ_SECONDS)
MOST_AT_ONCE = 8
"""Requests with Google at the same time: it answers one client no faster with more."""
# Without a connection three tries tell enough; who is offline should not wait for seven seconds to hear it.
_TRIES_TO_CONNECT = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Authorize = Callable[[requests.PreparedRequest], requests.PreparedRequest]


class Patience(NamedTuple):
    """How long to keep trying: tries in all, seconds of sleep in all, and seconds after which no try begins."""

    tries: int = 4
    sleep: float = 20.0
    begin: float = 30.0


class Call(NamedTuple):
    """One request. `writes`: it changes something at Google. `repeats`: sending it twice does what sending it once does."""

    method: str
    url: str
    body: bytes | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    writes: bool = False
    repeats: bool = True

    @property
    def host(self) -> str:
        """Whom it is for."""
        return urlsplit(self.url).hostname or self.url

    @property
    def shown(self) -> str:
        """What a log may say of it: never the query, where a code or a token could stand."""
        return f"{self.method} {self.host}{urlsplit(self.url).path}"


class Answer(NamedTuple):
    """What came back; the names of headers are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class _Setback(NamedTuple):
    """A try that came to nothing. `wait`: seconds the server asks for. `tries`: how many this kind is worth."""

    error: GoogleUnreachable | GoogleBusy
    tries: int
    wait: float = 0.0


def anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send the request as it is. Without any `auth`, requests would look for credentials in ~/.netrc."""
    return request


class Wire:
    """Exchanges over one `requests` session; safe to share between threads.

    `timeout` is for connecting and for every read, in seconds. `pace` is called before every try and may wait. `sleep`, `dice` (a number from 0 to 1) and
    `monotonic` are arguments so that tests neither wait nor guess.
    """

    def __init__(
        self,
        patience: Patience = Patience(),  # noqa: B008 - a tuple
        *,
        timeout: tuple[float, float] = _TIMEOUT,
        pace: Callable[[], None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
        dice: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience = patience
        self._timeout = timeout
        self._pace = pace
        self._turns = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._sleep = sleep
        self._dice = dice
        self._monotonic = monotonic
        self.their_time: datetime | None = None
        """What the clock of the other side showed in its last answer: the Date header (RFC 9110 section 6.6.1)."""
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"portalcal/{__version__} (gzip)"
        # Google's cookies are of no use here, and a cookie jar is what threads could trip over.
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=MOST_AT_ONCE))

    @classmethod
    def within(cls, seconds: float) -> Wire:
        """A wire for who waits no longer than that: it gives up early enough to say what is in the way."""
        timeout = (min(_TIMEOUT[0], seconds / 4), min(_TIMEOUT[1], seconds * 0.4))
        return cls(Patience(tries=2, sleep=seconds / 5, begin=seconds / 5), timeout=timeout)

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def send(self, call: Call, *, authorize: Authorize = anonymous) -> Answer:
        """Exchange the request for an answer of Google's, trying again where that can help.

        A request that must not be repeated is tried again only while it surely had no effect, or was refused.

        Raises:
            GoogleUnreachable: no answer, or none of Google's; `sent` if a write may have had its effect.
            GoogleBusy: still refused for being busy after every try; `sent` likewise.
        """
        began, slept, may_have_worked = self._monotonic(), 0.0, False
        for number in itertools.count(1):
            result = self._once(call, number, authorize=authorize)
            if isinstance(result, Answer):
                self.their_time = _date_of(result.headers)
                return result
            error = result.error
            may_have_worked = may_have_worked or error.sent
            pause = self._pause(result, number)
            if (
                number >= min(result.tries, self._patience.tries)
                or slept + pause > self._patience.sleep
                or self._monotonic() - began + pause > self._patience.begin
            ):
                error.sent = may_have_worked
                raise error
            self._sleep(pause)
            slept += pause
        raise AssertionError("a count does not end")

    def _pause(self, setback: _Setback, number: int) -> float:
        """Doubling from a second, a quarter more or less so that many clients spread out; never less than asked for."""
        shorter = 0.5 if isinstance(setback.error, GoogleUnreachable) else 1.0
        return float(max(setback.wait, shorter * 2 ** (number - 1) * (0.75 + self._dice() / 2)))

    def _once(self, call: Call, number: int, *, authorize: Authorize) -> Answer | _Setback:
        self._pace()
        began = self._monotonic()
        outcome: object = "no answer"
        try:
            with self._turns:
                response = self._session.request(
                    call.method,
                    call.url,
                    data=call.body,
                    headers=call.headers,
                    auth=authorize,
                    timeout=self._timeout,
                    allow_redirects=False,
                )
            outcome = response.status_code
        # requests lets some exceptions of urllib3 and the standard library through; its own are OSErrors.
        except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException, UnicodeError) as error:
            return self._not_reached(call, error)
        finally:
            millis = (self._monotonic() - began) * 1000
            _log.info("%s: %s in %.0f ms, try %d", call.shown, outcome, millis, number)
        headers = {name.lower(): value for name, value in response.headers.items()}
        answer = Answer(response.status_code, headers, response.content)
        return self._not_google(call, answer) or self._busy(call, answer) or answer

    def _not_reached(self, call: Call, error: Exception) -> _Setback:
        told = google_unreachable.unreachable(error, host=call.host, writes=call.writes, waited=self._timeout)
        told.__cause__ = error
        _log.info("%s: %s", call.shown, told.reason)
        is_worth_it = google_unreachable.obstacle(error).may_pass and (call.repeats or not told.sent)
        return _Setback(told, _TRIES_TO_CONNECT if is_worth_it else 1)

    def _not_google(self, call: Call, answer: Answer) -> _Setback | None:
        """A page instead of an answer. Redirects are not followed: Google's APIs send none, captive portals do."""
        is_page = answer.status < 300 and answer.content.strip()[:1] not in {b"", b"{", b"["}
        if (
            is_page
            or answer.status in _REDIRECTS
            or answer.status == http.HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED
        ):
            found = "a redirect" if answer.status in _REDIRECTS else "a web page"
            return _Setback(google_unreachable.not_google(call.host, writes=call.writes, found=found), 1)
        return None

    def _busy(self, call: Call, answer: Answer) -> _Setback | None:
        if answer.status < 400:
            return None
        refusal = google_refusals.read_refusal(answer.status, answer.content)
        if not refusal.is_busy:
            return None
        # 5xx can follow the writing as well as precede it; a rate limit refuses beforehand.
        may_have_worked = call.writes and answer.status not in {403, 409, 429}
        busy = GoogleBusy(refusal.words, answer.status, sent=may_have_worked)
        return _Setback(busy, self._patience.tries, _retry_after(answer.headers))


def _date_of(headers: Mapping[str, str]) -> datetime | None:
    try:
        told = email.utils.parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds the server asks to wait (RFC 9110 section 10.2.3); a date is measured against the answer's own Date."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        until = email.utils.parsedate_to_datetime(value)
        now = email.utils.parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (until - now).total_seconds())
    # ValueError: no date. TypeError: one of them names a zone and the other does not.
    except (ValueError, TypeError):
        return 0.0
