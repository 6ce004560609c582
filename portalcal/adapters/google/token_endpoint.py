"""Google's token endpoint: refresh access tokens, revoke grants, and interpret its errors (RFC 6749, RFC 7009).

Form posts through `HttpClient`. google-auth would post the same form, but it uses its own clock, really sleeps between
attempts, treats 502 and web pages as final, fails with a TypeError on a captive portal's 200, sends an empty secret for
a client without one, and advises `gcloud auth` when a session policy requires a new login (measured with 2.62.2).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from portalcal.adapters.google import api_errors, network_errors
from portalcal.adapters.google.api_errors import ApiErrorDetails
from portalcal.adapters.google.client import OAuthClient
from portalcal.adapters.google.http_client import HttpClient, Request, Response
from portalcal.core.endpoint import host_of
from portalcal.core.grant import UNUSED_LIFE, AccessToken, ended_like_testing
from portalcal.errors import (
    ClientRejected,
    ConsentDenied,
    GoogleBusy,
    GoogleRefused,
    GrantExpired,
    GrantRevoked,
    PortalcalError,
    ReauthRequired,
    TryLaterError,
)
from portalcal.ports import Revocation

FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}

_CLIENT_CODES = ("invalid_client", "deleted_client", "unauthorized_client", "disabled_client", "org_internal")
_REAUTH_CODES = ("invalid_rapt", "rapt_required")
_ADMIN_CODES = ("admin_policy_enforced", "access_denied")


class Renewed(NamedTuple):
    """The result of a renewal. `repr` shows no token."""

    access: AccessToken
    refresh_token: str | None  # the new one to store, if Google rotated it

    def __repr__(self) -> str:
        return "Renewed(…)"


def renew(
    http_client: HttpClient, client: OAuthClient, refresh_token: str, *, account: str, now: datetime
) -> Renewed:
    """Exchange a refresh token for a new access token.

    No `scope` is sent: Google answers `invalid_scope` if one of them was not granted.

    Raises:
        GrantRevoked, GrantExpired, ReauthRequired: the grant can no longer be used.
        ClientRejected: Google rejects the OAuth client; the grant may still be valid.
        GoogleUnreachable, GoogleBusy: the state of the grant is unknown.
    """
    response = http_client.send(
        _post(client, {"grant_type": "refresh_token", "refresh_token": refresh_token}, client.token_uri)
    )
    host = host_of(client.token_uri)
    if response.status >= 300:
        raise renewal_error(
            api_errors.read_api_error(response.status, response.content), host=host, account=account
        )
    rotated = _body(response).get("refresh_token")
    is_new = isinstance(rotated, str) and rotated not in {"", refresh_token}
    return Renewed(
        access_token_of(response, host=host, now=now),
        rotated if is_new and isinstance(rotated, str) else None,
    )


def access_token_of(response: Response, *, host: str, now: datetime) -> AccessToken:
    """The access token in a token response. Raises: GoogleUnreachable, if the response is not Google's."""
    body = _body(response)
    token = body.get("access_token")
    if not isinstance(token, str) or not token:
        raise network_errors.not_google(host, received="an answer without a token")
    return AccessToken(token, expiry(body.get("expires_in"), now))


def revoke(http_client: HttpClient, revoke_uri: str, token: str) -> Revocation:
    """Revoke a grant (RFC 7009). One that is already invalid gets `400 invalid_token`, which is as good."""
    request = Request("POST", revoke_uri, urlencode({"token": token}).encode(), FORM)
    try:
        response = http_client.send(request)
    except TryLaterError:
        return Revocation.UNREACHABLE
    if response.status < 300:
        return Revocation.REVOKED
    api_error = api_errors.read_api_error(response.status, response.content)
    return Revocation.ALREADY_DEAD if api_error.has_reason("invalid_token") else Revocation.UNREACHABLE


def expiry(seconds: object, now: datetime) -> datetime | None:
    """The expiry for an `expires_in`, a number or a string of digits; None if it is not usable."""
    # Limited because Python refuses to parse integers of thousands of digits.
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit() and len(seconds) < 20:
        seconds = int(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 10**9:
        return None
    return now + timedelta(seconds=int(seconds))


def renewal_error(api_error: ApiErrorDetails, *, host: str, account: str) -> PortalcalError:
    """The error for a refused renewal. Only errors about the grant itself tell a person to connect again."""
    if unrelated := _unrelated_to_grant(api_error, host):
        return unrelated
    if api_error.has_reason(*_REAUTH_CODES) or "rapt" in api_error.message:
        return ReauthRequired(account)
    if api_error.has_reason(*_ADMIN_CODES):
        why = f"the administrator does not allow this app ({api_error.reasons[0]})"
        return GrantRevoked(account, why, is_blocked=True)
    if api_error.has_reason("invalid_grant"):
        message = api_error.message.rstrip(".")
        is_expiry = "expired" in message.lower() and "revoked" not in message.lower()
        return GrantExpired(account, message) if is_expiry else GrantRevoked(account, message)
    return GoogleRefused(f"{_code(api_error)}: {api_error.message}", api_error.status)


def exchange_error(api_error: ApiErrorDetails, *, host: str) -> PortalcalError:
    """The error for a refused code exchange: the consent failed, or the OAuth client is rejected."""
    return _unrelated_to_grant(api_error, host) or ConsentDenied(_code(api_error))


def _unrelated_to_grant(api_error: ApiErrorDetails, host: str) -> PortalcalError | None:
    """The error if it concerns the client, a transient condition or the network, and not the grant."""
    if api_error.has_reason(*_CLIENT_CODES) or (
        api_error.has_reason("invalid_request") and "client" in api_error.message
    ):
        return ClientRejected(api_error.message.rstrip("."))
    if api_error.is_busy or api_error.is_quota or api_error.status >= 500:
        return GoogleBusy(api_error.message, api_error.status)
    return None if api_error.is_google else network_errors.not_google(host)


def with_likely_cause(
    error: GrantRevoked | GrantExpired,
    *,
    granted_at: datetime | None,
    now: datetime,
    used_at: datetime | None = None,
) -> GrantRevoked | GrantExpired:
    """The same error with its likely cause, from the grant's age and last use.

    Google answers "Token has been expired or revoked." whether a grant ended after 7 days (app in Testing), after six
    months without use, by revocation, or because 100 newer refresh tokens were issued to the same account and client
    (https://developers.google.com/identity/protocols/oauth2#expiration).
    """
    if "revoked" not in error.reason:
        return error
    if used_at is not None and now - used_at >= UNUSED_LIFE:
        unused = (now - used_at).days
        reason = f"it was not used for {unused} days, and Google ends a grant after six months without use"
        return GrantExpired(error.account, reason)
    if granted_at is not None and ended_like_testing(now - granted_at):
        reason = (
            "it ended after 7 days, as every grant does while the OAuth app is in Testing; "
            "publish the app to keep it"
        )
        return GrantExpired(error.account, reason)
    causes = "ended in the account's settings, by disconnecting on another machine, or by a hundred newer connections"
    if granted_at is None:
        # The commonest cause, which the age would show or rule out.
        causes = f"after 7 days, as while the OAuth app is in Testing, {causes}"
    return GrantRevoked(error.account, f"{error.reason}: {causes}")


def _post(client: OAuthClient, form: dict[str, str], url: str) -> Request:
    """The client's credentials go into the form: strict servers reject Basic authentication with an empty secret."""
    credentials = {"client_id": client.client_id} | (
        {"client_secret": client.client_secret} if client.client_secret else {}
    )
    return Request("POST", url, urlencode(form | credentials).encode(), FORM)


def _body(response: Response) -> dict[str, object]:
    body = api_errors.parse_json(response.content)
    return body if isinstance(body, dict) else {}


def _code(api_error: ApiErrorDetails) -> str:
    return api_error.reasons[0] if api_error.reasons else api_errors.phrase(api_error.status)
