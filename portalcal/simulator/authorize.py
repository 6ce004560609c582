"""The browser's half of OAuth: an authorization request, the consent page, the way back (GOOGLE.md section 1.1 to 1.4).

Most errors here are pages without a redirect, as they are at Google: the program that sent the browser hears nothing.
"""

import http.client
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlencode, urlsplit

from portalcal.simulator import pages, scopes
from portalcal.simulator.grants import Client, Grants
from portalcal.simulator.model import Model, User
from portalcal.simulator.wire import Refusal, Request, Response, page, redirect

ISSUER = "https://accounts.google.com"
MODES = {
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
class Asked:
    """An authorization request that has passed every check."""

    client: Client
    redirect: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str
    method: str
    login_hint: str


class Authorization:
    """The authorization endpoint; `consent` and `unticked` say what the person in front of the browser does."""

    def __init__(self, model: Model, grants: Grants, *, owner: str, consent: str) -> None:
        self.model = model
        self.grants = grants
        self.owner = owner
        self.consent = consent
        self.unticked: frozenset[str] = frozenset()
        # Google does not insist on PKCE; RFC 9700 does, and a client that forgets it should hear of it here.
        self.require_pkce = True
        self._waiting: dict[str, Asked] = {}

    def authorize(self, request: Request) -> Response:
        """Answer a browser that asks for consent, as the present mode says."""
        asked = self._check(request)
        return self._consented(asked, self._account(asked.login_hint))

    def _consented(self, asked: Asked, user: User) -> Response:
        match self.consent:
            case "page":
                return self._consent_page(asked, user)
            case "deny" | "policy-redirect":
                error = {"deny": "access_denied", "policy-redirect": "admin_policy_enforced"}[self.consent]
                return self._back(asked, {"error": error})
            case "no-redirect":
                raise _blocked(
                    403,
                    "access_denied",
                    f"{asked.client.name} has not completed the Google verification process.",
                )
            case "partial":
                unticked = self.unticked or {scopes.short(asked.scopes[-1])}
                return self._allow(
                    asked, user, ticked=[s for s in asked.scopes if scopes.short(s) not in unticked]
                )
            case _:
                if self.consent == "favicon-first":
                    _ask_for_favicon(urlsplit(asked.redirect))
                return self._allow(asked, user)

    def decide(self, request: Request) -> Response:
        """Answer the consent page's form: `decision`, `account`, and one field for each box that is ticked."""
        form = request.form()
        asked = self._waiting.pop(form.get("ticket", ""), None)
        if asked is None:
            raise _blocked(400, "invalid_request", "This consent page was answered before, or is too old.")
        user = self.model.users.get(form.get("account", ""))
        if form.get("decision") != "allow" or user is None:
            return self._back(asked, {"error": "access_denied"})
        # With a single permission Google shows no box: allowing is ticking it.
        single = len(asked.scopes) == 1
        ticked = [scope for scope in asked.scopes if single or scopes.short(scope) in form]
        return (
            self._allow(asked, user, ticked=ticked)
            if ticked
            else self._back(asked, {"error": "access_denied"})
        )

    def _check(self, request: Request) -> Asked:
        client = self._client(request.value("client_id"))
        for name in ("redirect_uri", "response_type", "scope"):
            if not request.value(name):
                raise _blocked(400, "invalid_request", f"Missing required parameter: {name}")
        if request.value("response_type") != "code":
            raise _blocked(400, "unsupported_response_type", "An installed app asks for response_type=code.")
        redirect_uri, hint = request.value("redirect_uri"), request.value("login_hint")
        if not is_loopback(redirect_uri):
            words = "A Desktop client returns to http on a loopback address."
            raise _blocked(400, "redirect_uri_mismatch", words)
        wanted = tuple(dict.fromkeys(request.value("scope").split()))
        if unknown := scopes.unknown(list(wanted)):
            words = f"Some requested scopes were invalid. {{invalid=[{', '.join(unknown)}]}}"
            raise _blocked(400, "invalid_scope", words)
        self._check_policy(client, hint)
        return Asked(client, redirect_uri, wanted, request.value("state") or None, *self._pkce(request), hint)

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

    def _pkce(self, request: Request) -> tuple[str, str]:
        challenge = request.value("code_challenge")
        method = request.value("code_challenge_method", "plain")
        if self.require_pkce and (not challenge or method != "S256"):
            raise _blocked(400, "invalid_request", "PKCE with code_challenge_method=S256 is required here.")
        if challenge and method not in {"S256", "plain"}:
            raise _blocked(400, "invalid_request", f"Unsupported code_challenge_method: {method}")
        return challenge, method

    def _account(self, hint: str) -> User:
        return self.model.users.get(hint) or self.model.users[self.owner]

    def _consent_page(self, asked: Asked, user: User) -> Response:
        ticket = secrets.token_urlsafe(24)
        self._waiting[ticket] = asked
        accounts = sorted(self.model.users.values(), key=lambda other: (other is not user, other.email))
        return page(
            pages.consent(ticket, asked.client.name, accounts, [scopes.short(s) for s in asked.scopes])
        )

    def _allow(self, asked: Asked, user: User, *, ticked: list[str] | None = None) -> Response:
        granted = tuple(asked.scopes if ticked is None else ticked)
        if not granted:
            return self._back(asked, {"error": "access_denied"})
        code = self.grants.issue_code(
            asked.client,
            user.email,
            scopes=granted,
            redirect=asked.redirect,
            challenge=asked.challenge,
            method=asked.method,
        )
        return self._back(
            asked, {"code": code.value, "scope": " ".join(granted), "authuser": "0", "prompt": "consent"}
        )

    def _back(self, asked: Asked, parameters: Mapping[str, str]) -> Response:
        state = secrets.token_urlsafe(16) if self.consent == "wrong-state" else asked.state
        issuer = {"wrong-iss": "https://accounts.example.com", "no-iss": None}.get(self.consent, ISSUER)
        told = {"state": state, "iss": issuer} | dict(parameters)
        query = urlencode({name: value for name, value in told.items() if value is not None}, safe="/:")
        return redirect(f"{asked.redirect}{'&' if urlsplit(asked.redirect).query else '?'}{query}")


def is_loopback(uri: str) -> bool:
    """Whether a redirect is one a Desktop client may use: http, a loopback name, any port and path (RFC 8252 7.3)."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    loopback = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    return parts.scheme == "http" and loopback and not parts.fragment and not parts.username


def _blocked(status: int, error: str, message: str) -> Refusal:
    return Refusal(page(pages.blocked(status, error, message), status=status))


def _ask_for_favicon(target: SplitResult) -> None:
    """Ask the waiting program for an icon, as a browser may before it follows the redirect."""
    connection = http.client.HTTPConnection(target.hostname or "127.0.0.1", target.port or 80, timeout=2)
    try:
        connection.request("GET", "/favicon.ico")
        connection.getresponse().read()
    except OSError:
        # A receiver that hangs up on strangers is within its rights.
        return
    finally:
        connection.close()
