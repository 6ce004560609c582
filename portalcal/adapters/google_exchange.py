"""The OAuth half of a visit: the address of the consent page, and the exchange of its code for a grant.

`google_auth_oauthlib.flow.Flow` does both, with PKCE S256. What it leaves open is settled here: time-outs, redirects,
plain http on loopback only, a client without a secret, fewer scopes than asked for.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from google_auth_oauthlib.flow import Flow

from portalcal import __version__
from portalcal.adapters import google_refusals, google_unreachable
from portalcal.adapters.google_client import OAuthClient
from portalcal.adapters.google_oauth_errors import consent_translated
from portalcal.adapters.google_token_endpoint import exchange_refused, expiry
from portalcal.config import check_url
from portalcal.core.grant import Access, Grant
from portalcal.errors import ClientInvalid, ConsentDenied, GoogleBusy, GoogleUnreachable
from portalcal.ports import ConsentRequest

# Both log requests and answers whole at DEBUG: codes, tokens, the client secret.
for _name in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_log = logging.getLogger("portalcal.http")

LIMITS = (google_unreachable.CONNECT_SECONDS, google_unreachable.READ_SECONDS)
# Between tries. A code that Google did take is refused the second time, which ends the consent as it should.
_PAUSES = (1.0, 3.0)
_INSECURE = "OAUTHLIB_INSECURE_TRANSPORT"
_environment = threading.Lock()


class Exchange:
    """One authorization request. `url` is the consent page; `redeem` turns its code into a grant.

    `limits` are for connecting to the token endpoint and for its answer, in seconds.

    Raises:
        ClientInvalid: the client's addresses are neither https nor http on loopback.
    """

    def __init__(
        self,
        client: OAuthClient,
        request: ConsentRequest,
        *,
        redirect_uri: str,
        state: str,
        limits: tuple[float, float] = LIMITS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._scopes = request.scopes
        self._limits = limits
        self._sleep = sleep
        self._flow = Flow.from_client_config(
            {"installed": _config(client)}, scopes=request.scopes, redirect_uri=redirect_uri
        )
        session: requests.Session = self._flow.oauth2session
        # A redirect would carry the code and the client's secret elsewhere.
        session.max_redirects = 0
        session.headers["User-Agent"] = f"portalcal/{__version__}"
        self._flow.oauth2session.register_compliance_hook("access_token_response", self._refuse)
        with _plain_http_on_loopback(client.auth_uri), consent_translated(host=_host(client.auth_uri)):
            self.url = str(self._flow.authorization_url(state=state, **_wishes(request))[0])

    def close(self) -> None:
        """Let go of the connections."""
        self._flow.oauth2session.close()

    def redeem(self, code: str, *, now: datetime) -> Grant:
        """Exchange the code. The grant says which scopes there are; fewer than asked for is no failure here.

        Raises:
            ConsentDenied: Google does not take the code, or gives no lasting grant for it.
            ClientRejected: Google does not accept the client.
            GoogleUnreachable, GoogleBusy: after three tries.
        """
        token = self._patiently(code)
        refresh_token = token.get("refresh_token")
        if not isinstance(refresh_token, str) or not refresh_token:
            raise ConsentDenied("no_refresh_token")
        scope = token.get("scope")
        # RFC 6749 section 5.1: a scope that is not named is the one asked for.
        scopes = scope.split() if isinstance(scope, str) else scope or self._scopes
        access = Access(str(token["access_token"]), expiry(token.get("expires_in"), now))
        return Grant(refresh_token, access, frozenset(map(str, scopes)))

    def _patiently(self, code: str) -> dict[str, Any]:
        for pause in _PAUSES:
            try:
                return self._fetch(code)
            except (GoogleBusy, GoogleUnreachable) as error:
                if not _may_pass(error):
                    raise
                _log.info("the code could not be exchanged yet: %s", error.sentence)
                self._sleep(pause)
        return self._fetch(code)

    def _fetch(self, code: str) -> dict[str, Any]:
        # With a scope to compare, oauthlib raises a builtin Warning when the person unticked a box.
        self._flow.oauth2session.scope = None
        with _plain_http_on_loopback(self._client.token_uri), consent_translated(host=self._token_host):
            # In the form rather than in a Basic header: that one is refused by strict servers when the secret is empty.
            return dict(self._flow.fetch_token(code=code, include_client_id=True, timeout=self._limits))

    @property
    def _token_host(self) -> str:
        return _host(self._client.token_uri)

    def _refuse(self, response: requests.Response) -> requests.Response:
        """Read a refusal before oauthlib does, which would lose the status and take a page for an empty token."""
        _log.info(
            "POST %s%s: %d", self._token_host, urlsplit(self._client.token_uri).path, response.status_code
        )
        if response.status_code >= 300:
            refusal = google_refusals.read_refusal(response.status_code, response.content)
            raise exchange_refused(refusal, host=self._token_host)
        try:
            is_object = isinstance(json.loads(response.content), dict)
        except (ValueError, RecursionError):
            is_object = False
        if not is_object:
            raise google_unreachable.not_google(self._token_host)
        return response


def _may_pass(error: GoogleBusy | GoogleUnreachable) -> bool:
    """Whether seconds can mend it: not the page of a captive portal, nor a certificate that nobody trusts."""
    if isinstance(error, GoogleBusy):
        return True
    return error.__cause__ is not None and google_unreachable.obstacle(error.__cause__).may_pass


def _config(client: OAuthClient) -> dict[str, str | None]:
    return {
        "client_id": client.client_id,
        "client_secret": client.client_secret or None,
        "auth_uri": client.auth_uri,
        "token_uri": client.token_uri,
    }


def _wishes(request: ConsentRequest) -> dict[str, str]:
    """What the consent page is asked for beside the scopes.

    `consent` shows it again to those who agreed before, so that a box they left unticked can be ticked and a refresh
    token comes back. `include_granted_scopes` is not for installed apps.
    """
    prompt = "select_account consent" if request.account_must_choose else "consent"
    return {"prompt": prompt} | ({"login_hint": request.login_hint} if request.login_hint else {})


@contextmanager
def _plain_http_on_loopback(url: str) -> Iterator[None]:
    """Let oauthlib speak http, which it allows by an environment variable only, to a loopback address only.

    Raises:
        ClientInvalid: another http address.
    """
    try:
        check_url(url)
    except ValueError as error:
        raise ClientInvalid("the OAuth client", f'"{url[:100]}"', expected="https://…") from error
    if urlsplit(url).scheme != "http":
        yield
        return
    with _environment:
        before = os.environ.get(_INSECURE)
        os.environ[_INSECURE] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[_INSECURE]
            else:
                os.environ[_INSECURE] = before


def _host(url: str) -> str:
    return urlsplit(url).hostname or url
