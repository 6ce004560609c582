"""The OAuth authorization code flow: the authorization URL with PKCE, and the exchange of the code for a grant.

`google_auth_oauthlib.flow.Flow` implements both, with PKCE S256 (RFC 7636). Added here: timeouts, no redirects, http to
loopback hosts only, clients without a secret, and grants with fewer scopes than requested.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2.rfc6749 import errors as oauthlib_errors  # type: ignore[import-untyped]

from portalcal import __version__
from portalcal.adapters.google import api_errors, network_errors
from portalcal.adapters.google.api_errors import ApiErrorDetails, clean
from portalcal.adapters.google.client import OAuthClient
from portalcal.adapters.google.errors import FOREIGN, ApiCall, explain
from portalcal.adapters.google.http_client import HttpClient, RetryPolicy
from portalcal.adapters.google.http_session import ResponseBounds, guard_session
from portalcal.adapters.google.token_endpoint import exchange_error, expiry, revoke
from portalcal.core.endpoint import host_of, read_endpoint
from portalcal.core.grant import AccessToken, Grant
from portalcal.errors import (
    ClientInvalid,
    ConsentDenied,
    GoogleBusy,
    GoogleUnreachable,
    PortalcalError,
    ProofMissing,
)
from portalcal.ports import ConsentRequest, EventIdTaken, Revocation

# At DEBUG both log whole requests and responses: codes, tokens, the client secret.
for _name in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_name).setLevel(logging.WARNING)


_log = logging.getLogger("portalcal.http")

LIMITS = (network_errors.CONNECT_SECONDS, network_errors.READ_SECONDS)

# Seconds between attempts. If a lost response had redeemed the code, the retry is refused, which ends the consent.
_PAUSES = (1.0, 3.0)

# The response contains two tokens of at most 2,048 bytes.
_BOUNDS = ResponseBounds(wire_bytes=2**20, decoded_bytes=2**20)

_INSECURE = "OAUTHLIB_INSECURE_TRANSPORT"
_environ_lock = threading.Lock()


class GoogleAuthorizationServer:
    """Google's authorization, token and revocation endpoints: the port `AuthorizationServer`.

    `client` is read when a flow starts. `limits` and `sleep` are those of `AuthorizationCodeFlow`; `http_client` sends
    revocations.
    """

    def __init__(
        self,
        client: Callable[[], OAuthClient],
        revoke_uri: str,
        *,
        http_client: HttpClient | None = None,
        limits: tuple[float, float] = LIMITS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._revoke_uri = revoke_uri
        self._http_client = http_client
        self._limits = limits
        self._sleep = sleep

    @property
    def auth_uri(self) -> str:
        """The authorization endpoint of the client."""
        return self._client().auth_uri

    def start(self, request: ConsentRequest, *, redirect_uri: str, state: str) -> AuthorizationCodeFlow:
        """Start an authorization code flow; raises what `AuthorizationCodeFlow` does."""
        return AuthorizationCodeFlow(
            self._client(),
            request,
            redirect_uri=redirect_uri,
            state=state,
            limits=self._limits,
            sleep=self._sleep,
        )

    def revoke(self, refresh_token: str) -> Revocation:
        """Revoke the grant; never raises for what Google or the network answer."""
        http_client = self._http_client or HttpClient(RetryPolicy(attempts=2))
        try:
            return revoke(http_client, self._revoke_uri, refresh_token)
        finally:
            if http_client is not self._http_client:
                http_client.close()


class AuthorizationCodeFlow:
    """One authorization code flow. `url` is the consent page; `redeem` exchanges its code for a grant.

    `limits`: seconds to connect to the token endpoint and to read its response. `new_flow` makes the library's object,
    whose URL is verified because its defaults for PKCE changed between versions.

    Raises:
        ClientInvalid: an endpoint of the client is neither https nor http to a loopback host.
        ProofMissing: the URL lacks the S256 challenge for our verifier.
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
        new_flow: Callable[..., Flow] = Flow.from_client_config,
    ) -> None:
        self._client = client
        self._scopes = request.scopes
        self._limits = limits
        self._sleep = sleep
        # 64 random bytes in 86 characters: RFC 7636 section 4.1 requires 43 to 128.
        self._verifier = secrets.token_urlsafe(64)
        self._flow = new_flow(
            {"installed": _config(client)},
            scopes=request.scopes,
            redirect_uri=redirect_uri,
            code_verifier=self._verifier,
            autogenerate_code_verifier=False,
        )
        session: requests.Session = self._flow.oauth2session
        guard_session(session, bounds=_BOUNDS)
        session.headers["User-Agent"] = f"portalcal/{__version__}"
        self._flow.oauth2session.register_compliance_hook("access_token_response", self._check_response)
        with (
            _plain_http_on_loopback(client.auth_uri),
            translate_consent_errors(host=host_of(client.auth_uri)),
        ):
            self.url = str(self._flow.authorization_url(state=state, **_authorization_parameters(request))[0])
        _check_proof(self.url, self._verifier)

    def close(self) -> None:
        """Close the connections."""
        self._flow.oauth2session.close()

    def redeem(self, code: str, *, now: datetime) -> Grant:
        """Exchange the code. The grant lists its scopes; fewer than requested are not an error here.

        Raises:
            ConsentDenied: Google rejects the code, or issues no refresh token.
            ClientRejected: Google rejects the OAuth client.
            GoogleUnreachable, GoogleBusy: after three attempts.
        """
        token = self._fetch_with_retries(code)
        refresh_token = token.get("refresh_token")
        if not isinstance(refresh_token, str) or not refresh_token:
            raise ConsentDenied("no_refresh_token")
        scope = token.get("scope")
        # RFC 6749 section 5.1: `scope` may be omitted if it is the one requested.
        scopes = scope.split() if isinstance(scope, str) else scope or self._scopes
        access = AccessToken(str(token["access_token"]), expiry(token.get("expires_in"), now))
        return Grant(refresh_token, access, frozenset(map(str, scopes)))

    def _fetch_with_retries(self, code: str) -> dict[str, Any]:
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
        if not self._verifier or self._flow.code_verifier != self._verifier:
            # Without PKCE the code may be injected by an attacker (RFC 9700 section 2.1.1).
            raise ProofMissing("google-auth-oauthlib")
        # With a scope to compare, oauthlib raises a builtin Warning if the user unticked a permission.
        self._flow.oauth2session.scope = None
        with _plain_http_on_loopback(self._client.token_uri), translate_consent_errors(host=self._token_host):
            # Client credentials in the form: strict servers reject Basic authentication with an empty secret.
            return dict(
                self._flow.fetch_token(
                    code=code, code_verifier=self._verifier, include_client_id=True, timeout=self._limits
                )
            )

    @property
    def _token_host(self) -> str:
        return host_of(self._client.token_uri)

    def _check_response(self, response: requests.Response) -> requests.Response:
        """Handle errors before oauthlib does: it drops the status and reads a web page as an empty token."""
        address = read_endpoint(self._client.token_uri)
        _log.info("POST %s%s: %d", address.host, address.path, response.status_code)
        if response.status_code >= 300:
            api_error = api_errors.read_api_error(response.status_code, response.content)
            raise exchange_error(api_error, host=self._token_host)
        if not isinstance(api_errors.parse_json(response.content), dict):
            raise network_errors.not_google(self._token_host)
        # RFC 8259 section 8.1; without it requests would detect the encoding from the whole body.
        response.encoding = "utf-8"
        return response


def _may_pass(error: GoogleBusy | GoogleUnreachable) -> bool:
    """Whether a retry within seconds may succeed: not for a captive portal's page or an untrusted certificate."""
    if isinstance(error, GoogleBusy):
        return True
    return error.__cause__ is not None and network_errors.network_problem(error.__cause__).may_pass


def _config(client: OAuthClient) -> dict[str, str | None]:
    return {
        "client_id": client.client_id,
        "client_secret": client.client_secret or None,
        "auth_uri": client.auth_uri,
        "token_uri": client.token_uri,
    }


def _authorization_parameters(request: ConsentRequest) -> dict[str, str]:
    """Parameters of the authorization request (https://developers.google.com/identity/protocols/oauth2/native-app).

    `prompt=consent` shows the permissions again to a user who agreed before, so that unticked ones can be ticked and a
    refresh token is issued. `include_granted_scopes` does not work for installed apps.
    """
    prompt = "select_account consent" if request.account_must_choose else "consent"
    return {"prompt": prompt} | ({"login_hint": request.login_hint} if request.login_hint else {})


def _check_proof(url: str, verifier: str) -> None:
    """Verify that the authorization URL has exactly one PKCE challenge, S256, of our verifier (RFC 7636 section 4.3).

    Raises:
        ProofMissing: it has not.
    """
    parameters = parse_qs(urlsplit(url).query)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if parameters.get("code_challenge_method") != ["S256"] or parameters.get("code_challenge") != [challenge]:
        raise ProofMissing("google-auth-oauthlib")


@contextmanager
def _plain_http_on_loopback(url: str) -> Iterator[None]:
    """Let oauthlib use http to a loopback host; the only switch it has for that is an environment variable.

    Raises:
        ClientInvalid: the URL is http to another host, or not valid.
    """
    try:
        address = read_endpoint(url)
    except ValueError as error:
        raise ClientInvalid("the OAuth client", f'"{url[:100]}"', expected="https://…") from error
    if address.scheme != "http":
        yield
        return
    with _environ_lock:
        before = os.environ.get(_INSECURE)
        os.environ[_INSECURE] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[_INSECURE]
            else:
                os.environ[_INSECURE] = before


# A response that is neither a token nor an OAuth error.
_NO_TOKEN = (oauthlib_errors.MissingTokenError, oauthlib_errors.MissingTokenTypeError)


@contextmanager
def translate_consent_errors(*, host: str) -> Iterator[None]:
    """Translate exceptions of oauthlib and the libraries below it.

    Raises:
        ConsentDenied, ClientRejected, ClientInvalid, GoogleUnreachable, GoogleBusy.
    """
    try:
        yield
    except (oauthlib_errors.OAuth2Error, *FOREIGN) as error:
        raise consent_error(error, host=host) from error


def consent_error(error: Exception, *, host: str) -> PortalcalError | Exception:
    """The error of ours for a library's exception during consent."""
    match error:
        case oauthlib_errors.InsecureTransportError():
            return ClientInvalid("the OAuth client file", "an http:// address", expected="https://…")
        case oauthlib_errors.OAuth2Error() if isinstance(error, _NO_TOKEN):
            return network_errors.not_google(host, received="an answer without a token")
        case oauthlib_errors.OAuth2Error():
            message = clean(error.description or error.error or "unknown")
            return exchange_error(ApiErrorDetails(error.status_code, (str(error.error),), message), host=host)
        case _:
            translated = explain(error, ApiCall(host))
            return network_errors.not_google(host) if isinstance(translated, EventIdTaken) else translated
