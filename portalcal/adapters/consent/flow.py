"""OAuth consent in a browser: the port `ConsentFlow`.

The redirect goes to our own callback server. `InstalledAppFlow.run_local_server` (google-auth-oauthlib) accepts any
first request as the redirect, shows "completed" before the code is exchanged, and by default waits without a timeout.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from portalcal.adapters.consent import browser
from portalcal.adapters.consent import callback_page as pages
from portalcal.adapters.consent.callback_request import AuthorizationResponse, StrayRequest, accepted_issuers
from portalcal.adapters.consent.callback_server import CallbackServer
from portalcal.core.grant import Grant
from portalcal.errors import ConsentDenied, ConsentTimedOut, PermissionMissing, PortalcalError
from portalcal.ports import AuthorizationServer, Clock, CodeFlow, ConsentRequest, Revocation, View
from portalcal.warnings import BrowserFailed, BrowserNotStarted, NoAnswerYet, NotTheAnswer

# After a launcher fails, seconds in which the redirect may still come through another browser.
_LAUNCH_FAILURE_DELAY = 2.0

# Google's error pages for a blocked app do not redirect, so the only sign of them is that no redirect comes.
_SILENCE_SECONDS = 60.0


class BrowserConsentFlow:
    """Asks for consent in a browser, or through a URL that the user opens on another machine."""

    def __init__(
        self,
        authorization_server: AuthorizationServer,
        *,
        clock: Clock,
        view: View,
        open_browser: Callable[[str], bool],  # opens a URL; False if no browser could be started
        pasted: Callable[[], str | None] | None = None,  # the next line typed or piped in; never blocks
        has_browser: Callable[[], bool] = lambda: True,
        browser_failed: Callable[[], bool] = lambda: False,  # the browser exited with an error
        is_attended: bool = True,  # a person may read the output and act on it
        ways: Callable[[str, bool], tuple[str, ...]] = lambda _uri, _opens: (),  # see `browser.other_ways`
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._authorization_server = authorization_server
        self._clock = clock
        self._view = view
        self._open_browser = open_browser
        self._pasted = pasted or _nothing
        self._has_browser = has_browser
        self._browser_failed = browser_failed
        self._is_attended = is_attended
        self._ways = ways
        self._monotonic = monotonic

    @contextmanager
    def session(self, request: ConsentRequest) -> Iterator[BrowserConsentSession]:
        """Listen for the redirect while the block runs; an exception that ends it is shown in the browser's tab.

        Raises:
            ClientInvalid: there is no OAuth client, or it is not a Desktop client.
            Usage: the port is not available; or there is neither a browser nor a person to open one elsewhere.
        """
        auth_uri = self._authorization_server.auth_uri
        opens_browser = request.open_browser and self._has_browser()
        if request.open_browser and not opens_browser and not self._is_attended:
            raise browser.no_browser_advice()
        state = secrets.token_urlsafe(32)
        with CallbackServer(
            request.port, state=state, issuers=accepted_issuers(auth_uri), monotonic=self._monotonic
        ) as server:
            code_flow = self._authorization_server.start(request, redirect_uri=server.uri, state=state)
            try:
                yield BrowserConsentSession(
                    request._replace(open_browser=opens_browser),
                    server,
                    code_flow=code_flow,
                    clock=self._clock,
                    view=self._view,
                    open_browser=self._open_browser,
                    browser_failed=self._browser_failed,
                    pasted=self._pasted,
                    ways=self._ways(server.uri, opens_browser),
                )
            # Ctrl-C too: the user is looking at the tab.
            except BaseException as error:
                server.show_outcome(page_for(error))
                raise
            finally:
                code_flow.close()

    def revoke(self, refresh_token: str) -> Revocation:
        """Revoke the grant at Google; never raises for what Google or the network answer."""
        return self._authorization_server.revoke(refresh_token)


class BrowserConsentSession:
    """One consent, from the authorization URL to the page that shows the outcome."""

    def __init__(
        self,
        request: ConsentRequest,
        server: CallbackServer,
        *,
        code_flow: CodeFlow,
        clock: Clock,
        view: View,
        open_browser: Callable[[str], bool],
        browser_failed: Callable[[], bool],
        pasted: Callable[[], str | None],
        ways: tuple[str, ...],
    ) -> None:
        self._request = request
        self._server = server
        self._code_flow = code_flow
        self._clock = clock
        self._view = view
        self._open_browser = open_browser
        self._browser_failed = browser_failed
        self._pasted = pasted
        self._ways = ways
        self._has_warned_of_browser = False
        self._has_warned_of_silence = False

    @property
    def url(self) -> str:
        """The authorization URL."""
        return self._code_flow.url

    def grant(self) -> Grant:
        """Show the URL, open the browser, wait for the redirect, exchange the code.

        The grant lists its scopes; fewer than requested are not an error here.

        Raises:
            ConsentDenied: the user or Google denied it.
            ConsentTimedOut: no redirect came in time.
            ClientRejected: Google rejects the OAuth client.
            GoogleUnreachable, GoogleBusy: the code could not be exchanged.
        """
        self._view.ask_for_consent(
            self.url,
            opens_browser=self._request.open_browser,
            ways=self._ways,
            boxes=len(self._request.scopes),
        )
        if self._request.open_browser and not self._open_browser(self._server.one_time_url(self.url)):
            self._view.warn(BrowserNotStarted())
        response = self._server.wait(self._request.timeout, poll=self._poll)
        if response is None:
            raise ConsentTimedOut(self._request.timeout)
        if response.code is None:
            raise ConsentDenied(response.error or "access_denied")
        return self._code_flow.redeem(response.code, now=self._clock.now())

    def succeed(self, account: str) -> None:
        """Show the connected account in the browser's tab."""
        self._server.show_outcome(pages.connected(account))

    def _poll(self, waited: float) -> AuthorizationResponse | None:
        """Warn of what may be wrong, and read a redirect URL pasted into the terminal."""
        if waited >= _LAUNCH_FAILURE_DELAY and not self._has_warned_of_browser and self._browser_failed():
            self._has_warned_of_browser = True
            self._view.warn(BrowserFailed())
        if waited >= _SILENCE_SECONDS and not self._has_warned_of_silence:
            self._has_warned_of_silence = True
            self._view.warn(NoAnswerYet())
        line = self._pasted()
        if line is None or not line.strip():
            return None
        response = self._server.parse_pasted(line)
        if isinstance(response, StrayRequest):
            self._view.warn(NotTheAnswer(response.message))
            return None
        return response


def page_for(error: BaseException) -> pages.CallbackPage:
    """The page for the exception that ended the session."""
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
    """Without a terminal no line is pasted."""
