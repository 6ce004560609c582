"""Consent in the browser and its undoing: the port `Consent`.

The redirect comes to our own receiver. `InstalledAppFlow.run_local_server` takes one request whatever it is, says
"completed" before anything is, and waits without a limit (GOOGLE.md 5.1).

Commands that are connected already need `google_tokens` only, which loads none of this.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from portalcal.adapters import google_token_endpoint, headless
from portalcal.adapters import loopback_page as pages
from portalcal.adapters.google_client import OAuthClient
from portalcal.adapters.google_exchange import LIMITS, Exchange
from portalcal.adapters.google_tokens import GrantTokens, Tokens
from portalcal.adapters.google_wire import Patience, Wire
from portalcal.adapters.loopback import Receiver
from portalcal.adapters.loopback_request import Reply, Stray, issuers_of
from portalcal.core.grant import Grant
from portalcal.errors import ConsentDenied, ConsentTimedOut, PermissionMissing, PortalcalError
from portalcal.ports import Clock, ConsentRequest, Revocation, View

__all__ = ["BrowserConsent", "BrowserVisit", "GrantTokens", "OAuthClient", "Tokens", "page_for"]

# Google's dead-end pages cannot redirect, so silence is all that is heard of them.
_SILENCE = 60.0
_SILENCE_MEANS = (
    "still waiting for the browser. A page that says `Access blocked` or `App not verified` never comes back: then the "
    "account is not among the test users of the OAuth app, or an administrator blocks it"
)


class BrowserConsent:
    """Asks for consent in a browser.

    `client` is read at the visit; `open_browser` takes an address and says whether a browser was started; `pasted`
    gives a line typed into the terminal since it was last asked, or None, and never waits (`loopback_paste`).
    `has_browser` tells beforehand whether one can be opened; `is_attended`, whether somebody reads what is shown;
    `limits` are those of the exchange of the code, `wire` is for ending a grant.
    `ways` takes the redirect's address and says what to do where none opens.
    """

    def __init__(
        self,
        client: Callable[[], OAuthClient],
        revoke_uri: str,
        *,
        clock: Clock,
        view: View,
        open_browser: Callable[[str], bool],
        pasted: Callable[[], str | None] | None = None,
        has_browser: Callable[[], bool] = lambda: True,
        is_attended: bool = True,
        ways: Callable[[str, bool], tuple[str, ...]] = lambda _uri, _opens: (),
        wire: Wire | None = None,
        limits: tuple[float, float] = LIMITS,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._revoke_uri = revoke_uri
        self._clock = clock
        self._view = view
        self._open_browser = open_browser
        self._pasted = pasted or _nothing
        self._has_browser = has_browser
        self._is_attended = is_attended
        self._ways = ways
        self._wire = wire
        self._limits = limits
        self._sleep = sleep
        self._monotonic = monotonic

    @contextmanager
    def visit(self, request: ConsentRequest) -> Iterator[BrowserVisit]:
        """Listen for the answer while the block runs; its end tells the browser's tab how it went.

        Raises:
            ClientInvalid: there is no client, or not a Desktop one.
            Usage: the port is taken; or a browser is wanted where there is none, nor anybody to open one elsewhere.
        """
        client = self._client()
        opens_browser = request.open_browser and self._has_browser()
        if request.open_browser and not opens_browser and not self._is_attended:
            raise headless.nobody_here()
        state = secrets.token_urlsafe(32)
        with Receiver(
            request.port, state=state, issuers=issuers_of(client.auth_uri), monotonic=self._monotonic
        ) as receiver:
            exchange = Exchange(
                client,
                request,
                redirect_uri=receiver.uri,
                state=state,
                limits=self._limits,
                sleep=self._sleep,
            )
            try:
                yield BrowserVisit(
                    request._replace(open_browser=opens_browser),
                    receiver,
                    exchange=exchange,
                    clock=self._clock,
                    view=self._view,
                    open_browser=self._open_browser,
                    pasted=self._pasted,
                    ways=self._ways(receiver.uri, opens_browser),
                )
            # Whatever ends the visit, the person in front of the tab hears of it; it goes on as it came.
            except BaseException as error:
                receiver.tell(page_for(error))
                raise
            finally:
                exchange.close()

    def revoke(self, refresh_token: str) -> Revocation:
        """End the grant at Google; never raises for what Google or the network answer."""
        wire = self._wire or Wire(Patience(tries=2))
        try:
            return google_token_endpoint.revoke(wire, self._revoke_uri, refresh_token)
        finally:
            if wire is not self._wire:
                wire.close()


class BrowserVisit:
    """One round trip of the browser."""

    def __init__(
        self,
        request: ConsentRequest,
        receiver: Receiver,
        *,
        exchange: Exchange,
        clock: Clock,
        view: View,
        open_browser: Callable[[str], bool],
        pasted: Callable[[], str | None],
        ways: tuple[str, ...],
    ) -> None:
        self._request = request
        self._receiver = receiver
        self._exchange = exchange
        self._clock = clock
        self._view = view
        self._open_browser = open_browser
        self._pasted = pasted
        self._ways = ways
        self._has_explained = False

    @property
    def url(self) -> str:
        """Where consent is given."""
        return self._exchange.url

    def grant(self) -> Grant:
        """Show the address, open the browser, wait for the answer, exchange the code.

        Fewer scopes than asked for are no failure here: the grant says which there are.

        Raises:
            ConsentDenied: consent was refused, or Google ended it.
            ConsentTimedOut: nobody answered.
            ClientRejected: Google does not accept the client.
            GoogleUnreachable, GoogleBusy: the code could not be exchanged.
        """
        self._view.ask_for_consent(self.url, opens_browser=self._request.open_browser, ways=self._ways)
        if self._request.open_browser and not self._open_browser(self.url):
            self._view.warn("no-browser", "no browser could be started; open the address above by hand")
        reply = self._receiver.wait(self._request.timeout, meanwhile=self._meanwhile)
        if reply is None:
            raise ConsentTimedOut(self._request.timeout)
        if reply.code is None:
            raise ConsentDenied(reply.error or "access_denied")
        return self._exchange.redeem(reply.code, now=self._clock.now())

    def succeed(self, account: str) -> None:
        """Let the tab say who is connected."""
        self._receiver.tell(pages.connected(account))

    def _meanwhile(self, waited: float) -> Reply | None:
        if waited >= _SILENCE and not self._has_explained:
            self._has_explained = True
            self._view.warn("no-answer-yet", _SILENCE_MEANS)
        line = self._pasted()
        if line is None or not line.strip():
            return None
        verdict = self._receiver.pasted(line)
        if isinstance(verdict, Stray):
            advice = "Paste the whole address of the page the browser ended on"
            self._view.warn("not-the-answer", f"{verdict.why} {advice}")
            return None
        return verdict


def page_for(error: BaseException) -> pages.Page:
    """What the tab says when the visit ends with this."""
    match error:
        case PermissionMissing():
            return pages.permission_missing(error.shown)
        case ConsentDenied(reason="access_denied"):
            return pages.denied()
        case PortalcalError():
            return pages.unfinished(error.message)
        case KeyboardInterrupt():
            return pages.unfinished("portalcal was interrupted in the terminal. Nothing was stored.")
        case _:
            return pages.unfinished("portalcal met an error of its own. Nothing more is known here.")


def _nothing() -> None:
    """No terminal, so nobody pastes."""
