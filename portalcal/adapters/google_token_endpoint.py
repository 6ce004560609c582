"""Google's token endpoint: renewing, revoking, and what its refusals mean.

Plain form posts over our own wire. google-auth would post the same form, but it keeps time by its own clock, sleeps
for real between tries, takes 502 and pages for final answers, ends in a TypeError on a captive portal's 200, sends
an empty secret for a client without one, and advises `gcloud auth` when a session policy asks to sign in again
(measured with 2.62.2).
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from portalcal.adapters import google_refusals, google_unreachable
from portalcal.adapters.google_client import OAuthClient
from portalcal.adapters.google_refusals import Refusal
from portalcal.adapters.google_wire import Answer, Call, Wire
from portalcal.core.grant import Access
from portalcal.core.lifetimes import UNUSED_LIFE, ended_like_testing
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
_CLIENT = ("invalid_client", "deleted_client", "unauthorized_client", "disabled_client", "org_internal")
_REAUTH = ("invalid_rapt", "rapt_required")
_ADMIN = ("admin_policy_enforced", "access_denied")


class Renewed(NamedTuple):
    """What a renewal gave: the new access, and the refresh token to keep from now on where Google rotated it."""

    access: Access
    refresh_token: str | None

    def __repr__(self) -> str:
        return "Renewed(…)"


def renew(wire: Wire, client: OAuthClient, refresh_token: str, *, account: str, now: datetime) -> Renewed:
    """Exchange a refresh token for a new access token.

    No `scope` is sent: Google answers one that was not granted with `invalid_scope`.

    Raises:
        GrantRevoked, GrantExpired, ReauthRequired: the grant is dead.
        ClientRejected: the grant may be alive, the client is not accepted.
        GoogleUnreachable, GoogleBusy: nothing is known about the grant.
    """
    answer = wire.send(
        _post(client, {"grant_type": "refresh_token", "refresh_token": refresh_token}, client.token_uri)
    )
    host = host_of(client.token_uri)
    if answer.status >= 300:
        raise refused(google_refusals.read_refusal(answer.status, answer.content), host=host, account=account)
    rotated = _body(answer).get("refresh_token")
    is_new = isinstance(rotated, str) and rotated not in {"", refresh_token}
    return Renewed(
        access_in(answer, host=host, now=now), rotated if is_new and isinstance(rotated, str) else None
    )


def access_in(answer: Answer, *, host: str, now: datetime) -> Access:
    """The access token that an answer brings. Raises: GoogleUnreachable, when somebody else than Google answered."""
    body = _body(answer)
    token = body.get("access_token")
    if not isinstance(token, str) or not token:
        raise google_unreachable.not_google(host, found="an answer without a token")
    return Access(token, expiry(body.get("expires_in"), now))


def host_of(url: str) -> str:
    """Whom an address is for, as errors name it."""
    return urlsplit(url).hostname or url


def revoke(wire: Wire, revoke_uri: str, token: str) -> Revocation:
    """End a grant. A dead one answers `400 invalid_token`, which is as good."""
    call = Call("POST", revoke_uri, urlencode({"token": token}).encode(), FORM)
    try:
        answer = wire.send(call)
    except TryLaterError:
        return Revocation.UNREACHABLE
    if answer.status < 300:
        return Revocation.REVOKED
    refusal = google_refusals.read_refusal(answer.status, answer.content)
    return Revocation.ALREADY_DEAD if refusal.says("invalid_token") else Revocation.UNREACHABLE


def expiry(seconds: object, now: datetime) -> datetime | None:
    """When an `expires_in`, a number or digits, runs out; None when it says nothing usable."""
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = int(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 10**9:
        return None
    return now + timedelta(seconds=int(seconds))


def refused(refusal: Refusal, *, host: str, account: str) -> PortalcalError:
    """What a refusal to renew means. Only what is said of the grant itself makes a person connect again."""
    if known := _of_others(refusal, host):
        return known
    if refusal.says(*_REAUTH) or "rapt" in refusal.words:
        return ReauthRequired(account)
    if refusal.says(*_ADMIN):
        why = f"the administrator does not allow this app ({refusal.reasons[0]})"
        return GrantRevoked(account, why, is_blocked=True)
    if refusal.says("invalid_grant"):
        words = refusal.words.rstrip(".")
        is_expiry = "expired" in words.lower() and "revoked" not in words.lower()
        return GrantExpired(account, words) if is_expiry else GrantRevoked(account, words)
    return GoogleRefused(f"{_code(refusal)}: {refusal.words}", refusal.status)


def exchange_refused(refusal: Refusal, *, host: str) -> PortalcalError:
    """What a refusal to exchange a code means: the consent came to nothing, or the client is not accepted."""
    return _of_others(refusal, host) or ConsentDenied(_code(refusal))


def _of_others(refusal: Refusal, host: str) -> PortalcalError | None:
    """A refusal that is about the client, the moment or the network, and says nothing about the grant."""
    if refusal.says(*_CLIENT) or (refusal.says("invalid_request") and "client" in refusal.words):
        return ClientRejected(refusal.words.rstrip("."))
    if refusal.is_busy or refusal.is_quota or refusal.status >= 500:
        return GoogleBusy(refusal.words, refusal.status)
    return None if refusal.is_google else google_unreachable.not_google(host)


def aged(
    error: GrantRevoked | GrantExpired,
    *,
    granted_at: datetime | None,
    now: datetime,
    used_at: datetime | None = None,
) -> GrantRevoked | GrantExpired:
    """The same news with its likely cause.

    Google has the same words for a grant that ended by age, by disuse, by the person's will and by a hundred newer
    ones (GOOGLE.md 1.6): only its age and its last use tell them apart.
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
    return GrantRevoked(error.account, f"{error.reason}: {causes}")


def _post(client: OAuthClient, form: dict[str, str], url: str) -> Call:
    """The client's credentials go into the form: strict servers refuse Basic ones with an empty secret."""
    own = {"client_id": client.client_id} | (
        {"client_secret": client.client_secret} if client.client_secret else {}
    )
    return Call("POST", url, urlencode(form | own).encode(), FORM)


def _body(answer: Answer) -> dict[str, object]:
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _code(refusal: Refusal) -> str:
    return refusal.reasons[0] if refusal.reasons else google_refusals.phrase(refusal.status)
