"""Authorization endpoint: authorization request, consent page, redirect.

As at Google, most errors are pages without a redirect, so the waiting program receives no callback
(https://developers.google.com/identity/protocols/oauth2/native-app#authorization-errors).
"""

import http.client
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlencode, urlsplit

from portalcal.simulator.calendar.model import Model, User
from portalcal.simulator.http.messages import ErrorResponse, HttpRequest, HttpResponse, page, redirect
from portalcal.simulator.oauth import scopes
from portalcal.simulator.oauth.grants import Client, Grants
from portalcal.simulator.ui import pages

ISSUER = "https://accounts.google.com"

CONSENT_MODES = {
    "auto": "allow everything at once, without a page",
    "page": "show the consent page",
    "deny": "refuse at once",
    "partial": "allow everything but `unticked` (without it: all but the last permission)",
    "wrong-state": "come back with another state",
    "wrong-iss": "come back in the name of another issuer",
    "no-iss": "come back without iss, as before 2026",
    "favicon-first": "ask the redirect address for /favicon.ico first, as browsers do",
    "no-redirect": "show an 'Access blocked' page and never come back",
    "policy-redirect": "come back with error=admin_policy_enforced",
}


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """An authorization request that has passed every check."""

    client: Client
    redirect: str  # redirect_uri
    scopes: tuple[str, ...]
    state: str | None
    challenge: str  # code_challenge (RFC 7636); empty: none was sent
    method: str  # code_challenge_method
    login_hint: str


class Authorization:
    """The authorization endpoint; `consent` (a key of `CONSENT_MODES`) and `unticked` script the user's decision."""

    def __init__(self, model: Model, grants: Grants, *, owner: str, consent: str) -> None:
        self.model = model
        self.grants = grants
        self.owner = owner
        self.consent = consent
        self.unticked: frozenset[str] = frozenset()
        # Google does not require PKCE; RFC 9700 section 2.1.1 does, so a client without it fails here.
        self.require_pkce = True
        self._waiting: dict[str, AuthorizationRequest] = {}

    def authorize(self, request: HttpRequest) -> HttpResponse:
        """Answer an authorization request according to the consent mode."""
        checked = self._check(request)
        return self._decide_by_mode(checked, self._account(checked.login_hint))

    def _decide_by_mode(self, pending: AuthorizationRequest, user: User) -> HttpResponse:
        match self.consent:
            case "page":
                return self._consent_page(pending, user)
            case "deny" | "policy-redirect":
                error = {"deny": "access_denied", "policy-redirect": "admin_policy_enforced"}[self.consent]
                return self._redirect_back(pending, {"error": error})
            case "no-redirect":
                raise _blocked(
                    403,
                    "access_denied",
                    f"{pending.client.name} has not completed the Google verification process.",
                )
            case "partial":
                unticked = self.unticked or {scopes.short(pending.scopes[-1])}
                return self._allow(
                    pending, user, ticked=[s for s in pending.scopes if scopes.short(s) not in unticked]
                )
            case _:
                if self.consent == "favicon-first":
                    _ask_for_favicon(urlsplit(pending.redirect))
                return self._allow(pending, user)

    def decide(self, request: HttpRequest) -> HttpResponse:
        """Handle the consent form: `decision`, `account`, and one field per ticked box."""
        form = request.form()
        pending = self._waiting.pop(form.get("ticket", ""), None)
        if pending is None:
            raise _blocked(400, "invalid_request", "This consent page was answered before, or is too old.")
        user = self.model.users.get(form.get("account", ""))
        if form.get("decision") != "allow" or user is None:
            return self._redirect_back(pending, {"error": "access_denied"})
        # With a single permission Google shows no box; "Allow" grants it.
        single = len(pending.scopes) == 1
        ticked = [scope for scope in pending.scopes if single or scopes.short(scope) in form]
        return (
            self._allow(pending, user, ticked=ticked)
            if ticked
            else self._redirect_back(pending, {"error": "access_denied"})
        )

    def _check(self, request: HttpRequest) -> AuthorizationRequest:
        client = self._client(request.value("client_id"))
        for name in ("redirect_uri", "response_type", "scope"):
            if not request.value(name):
                raise _blocked(400, "invalid_request", f"Missing required parameter: {name}")
        if request.value("response_type") != "code":
            raise _blocked(400, "unsupported_response_type", "An installed app asks for response_type=code.")
        redirect_uri, hint = request.value("redirect_uri"), request.value("login_hint")
        if not is_loopback(redirect_uri):
            message = "A Desktop client returns to http on a loopback address."
            raise _blocked(400, "redirect_uri_mismatch", message)
        wanted = tuple(dict.fromkeys(request.value("scope").split()))
        if unknown := scopes.unknown(list(wanted)):
            message = f"Some requested scopes were invalid. {{invalid=[{', '.join(unknown)}]}}"
            raise _blocked(400, "invalid_scope", message)
        self._check_policy(client, hint)
        return AuthorizationRequest(
            client, redirect_uri, wanted, request.value("state") or None, *self._pkce(request), hint
        )

    def _client(self, identifier: str) -> Client:
        if not identifier:
            raise _blocked(400, "invalid_request", "Missing required parameter: client_id")
        client = self.grants.clients.get(identifier)
        if client is None:
            raise _blocked(401, "invalid_client", "The OAuth client was not found.")
        if client.deleted:
            raise _blocked(401, "deleted_client", "The OAuth client was deleted.")
        return client

    def _check_policy(self, client: Client, hint: str) -> None:
        policy = self.grants.policy
        if policy.admin_blocks:
            raise _blocked(400, "admin_policy_enforced", "Your administrator has to allow this app first.")
        listed = policy.test_users
        if policy.testing and listed is not None and (hint or self.owner) not in listed:
            raise _blocked(
                403, "access_denied", f"{client.name} is being tested; only listed testers may use it."
            )

    def _pkce(self, request: HttpRequest) -> tuple[str, str]:
        challenge = request.value("code_challenge")
        method = request.value("code_challenge_method", "plain")
        if self.require_pkce and (not challenge or method != "S256"):
            raise _blocked(400, "invalid_request", "PKCE with code_challenge_method=S256 is required here.")
        if challenge and method not in {"S256", "plain"}:
            raise _blocked(400, "invalid_request", f"Unsupported code_challenge_method: {method}")
        return challenge, method

    def _account(self, hint: str) -> User:
        return self.model.users.get(hint) or self.model.users[self.owner]

    def _consent_page(self, pending: AuthorizationRequest, user: User) -> HttpResponse:
        ticket = secrets.token_urlsafe(24)
        self._waiting[ticket] = pending
        accounts = sorted(self.model.users.values(), key=lambda other: (other is not user, other.email))
        return page(
            pages.consent(ticket, pending.client.name, accounts, [scopes.short(s) for s in pending.scopes])
        )

    def _allow(
        self, pending: AuthorizationRequest, user: User, *, ticked: list[str] | None = None
    ) -> HttpResponse:
        granted = tuple(pending.scopes if ticked is None else ticked)
        if not granted:
            return self._redirect_back(pending, {"error": "access_denied"})
        code = self.grants.issue_code(
            pending.client,
            user.email,
            scopes=granted,
            redirect=pending.redirect,
            challenge=pending.challenge,
            method=pending.method,
        )
        return self._redirect_back(
            pending, {"code": code.value, "scope": " ".join(granted), "authuser": "0", "prompt": "consent"}
        )

    def _redirect_back(self, pending: AuthorizationRequest, parameters: Mapping[str, str]) -> HttpResponse:
        state = secrets.token_urlsafe(16) if self.consent == "wrong-state" else pending.state
        issuer = {"wrong-iss": "https://accounts.example.com", "no-iss": None}.get(self.consent, ISSUER)
        callback = {"state": state, "iss": issuer} | dict(parameters)
        query = urlencode({name: value for name, value in callback.items() if value is not None}, safe="/:")
        return redirect(f"{pending.redirect}{'&' if urlsplit(pending.redirect).query else '?'}{query}")


def is_loopback(uri: str) -> bool:
    """Whether a Desktop client may use a redirect URI: http, loopback host, any port and path (RFC 8252 section 7.3)."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    loopback = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    return parts.scheme == "http" and loopback and not parts.fragment and not parts.username


def _blocked(status: int, error: str, message: str) -> ErrorResponse:
    return ErrorResponse(page(pages.blocked(status, error, message), status=status))


def _ask_for_favicon(target: SplitResult) -> None:
    """Request /favicon.ico from the waiting program, as a browser may before it follows the redirect."""
    connection = http.client.HTTPConnection(target.hostname or "127.0.0.1", target.port or 80, timeout=2)
    try:
        connection.request("GET", "/favicon.ico")
        connection.getresponse().read()
    except OSError:
        # The program may close connections for unknown paths.
        return
    finally:
        connection.close()
