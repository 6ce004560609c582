"""The program's half of OAuth: token, revoke and tokeninfo (GOOGLE.md sections 1.5 to 1.7; RFC 6749, 7636, 7009, 7523)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import unquote

from portalcal.simulator import scopes
from portalcal.simulator.grants import CODE_LIFE, Client, Code, Grant, Grants
from portalcal.simulator.model import Model
from portalcal.simulator.service_accounts import GRANT_TYPE, ServiceAccount, believed
from portalcal.simulator.wire import Request, Response, answer, oauth_refusal


class Tokens:
    """The token endpoint and its neighbours."""

    def __init__(self, grants: Grants, model: Model) -> None:
        self.grants = grants
        self.model = model
        self.service_accounts: dict[str, ServiceAccount] = {}

    def token(self, request: Request) -> Response:
        """Exchange a code or a refresh token; every refusal is RFC 6749's JSON."""
        form = request.form()
        if form.get("grant_type") == GRANT_TYPE:
            return self._assert(form.get("assertion", ""))
        client = self._client(request, form)
        if self.grants.policy.admin_blocks:
            raise oauth_refusal(400, "admin_policy_enforced", "Your administrator has blocked this app.")
        match form.get("grant_type"):
            case "authorization_code":
                return self._exchange(client, form)
            case "refresh_token":
                return self._refresh(client, form)
            case None:
                raise oauth_refusal(400, "invalid_request", "Required parameter is missing: grant_type")
            case other:
                raise oauth_refusal(400, "unsupported_grant_type", f"Invalid grant_type: {other}")

    def revoke(self, request: Request) -> Response:
        """End every grant of the token's person and project; a dead token is `400 invalid_token`."""
        value = request.form().get("token") or request.value("token")
        if not value:
            raise oauth_refusal(400, "invalid_request", "Missing required parameter: token")
        access = self.grants.by_access(value)
        grant = access.grant if access else self.grants.by_refresh(value)
        if grant is None:
            raise oauth_refusal(400, "invalid_token", "Token expired or revoked")
        self.grants.revoke(grant)
        return answer({})

    def tokeninfo(self, request: Request) -> Response:
        """Describe a live access token; numbers are strings here."""
        value = request.value("access_token") or request.form().get("access_token", "")
        token = self.grants.by_access(value)
        if token is None:
            raise oauth_refusal(400, "invalid_token", "Invalid Value")
        left = int((token.expires - self.grants.clock.now()).total_seconds())
        told = {
            "azp": token.grant.client.id,
            "aud": token.grant.client.id,
            "scope": " ".join(token.scopes),
            "exp": str(int(token.expires.timestamp())),
            "expires_in": str(left),
            "access_type": "offline",
        }
        if any(scope in {"email", scopes.PREFIX + "userinfo.email"} for scope in token.scopes):
            told |= {"email": token.grant.user, "email_verified": "true"}
        return answer(told)

    def _client(self, request: Request, form: Mapping[str, str]) -> Client:
        basic = _basic(request.headers.get("authorization", ""))
        identifier, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        if not identifier:
            raise oauth_refusal(400, "invalid_request", "Could not determine client ID from request.")
        client = self.grants.clients.get(identifier)
        if client is None:
            raise oauth_refusal(401, "invalid_client", "The OAuth client was not found.")
        if client.deleted:
            raise oauth_refusal(401, "deleted_client", "The OAuth client was deleted.")
        if not secret:
            raise oauth_refusal(400, "invalid_request", "client_secret is missing.")
        if not hmac.compare_digest(secret.encode(), client.secret.encode()):
            raise oauth_refusal(401, "invalid_client", "The provided client secret is invalid.")
        return client

    def _exchange(self, client: Client, form: Mapping[str, str]) -> Response:
        code = self.grants.codes.get(form.get("code", ""))
        if code is None or code.client is not client:
            raise oauth_refusal(400, "invalid_grant", "Malformed auth code.")
        if code.redeemed or self.grants.clock.now() - code.issued >= CODE_LIFE:
            raise oauth_refusal(400, "invalid_grant", "Bad Request")
        if form.get("redirect_uri") != code.redirect:
            raise oauth_refusal(400, "redirect_uri_mismatch", "Bad Request")
        _verify(code, form.get("code_verifier", ""))
        self._check_account()
        code.redeemed = self.grants.open(client, code.user, scopes=code.scopes)
        token = self.grants.issue_access(code.redeemed)
        return answer(_bearer(token.value, token.scopes) | {"refresh_token": code.redeemed.refresh_token})

    def _refresh(self, client: Client, form: Mapping[str, str]) -> Response:
        if not form.get("refresh_token"):
            raise oauth_refusal(400, "invalid_request", "Missing required parameter: refresh_token")
        self._check_account()
        grant = self.grants.by_refresh(form["refresh_token"])
        if grant is None or grant.client is not client:
            raise oauth_refusal(400, "invalid_grant", "Token has been expired or revoked.")
        if self.grants.policy.reauthenticate:
            subtype = {"error_subtype": "invalid_rapt"}
            raise oauth_refusal(400, "invalid_grant", "reauth related error (invalid_rapt)", **subtype)
        wanted = tuple(form.get("scope", "").split())
        if not set(wanted) <= set(grant.scopes):
            raise oauth_refusal(400, "invalid_scope", "Bad Request")
        told = _bearer((token := self.grants.issue_access(grant, scopes=wanted or None)).value, token.scopes)
        if self.grants.policy.rotate:
            told["refresh_token"] = self.grants.rotate(grant)
        return answer(told)

    def _assert(self, assertion: str) -> Response:
        """Give an administrator's delegate access as a person; neither a refresh token nor a scope comes with it."""
        now = self.grants.clock.now()
        asked = believed(assertion, self.service_accounts, now=now)
        if asked.subject not in self.model.users:
            raise oauth_refusal(400, "invalid_grant", "Invalid email or User ID")
        grant = Grant(asked.account.client, asked.subject, asked.scopes, "", now, now)
        told = _bearer(self.grants.issue_access(grant).value, asked.scopes)
        del told["scope"]
        return answer(told)

    def _check_account(self) -> None:
        if self.grants.policy.account_deleted:
            raise oauth_refusal(400, "invalid_grant", "The account has been deleted")


def _verify(code: Code, verifier: str) -> None:
    if not code.challenge:
        return
    if not verifier:
        raise oauth_refusal(400, "invalid_grant", "Missing code verifier.")
    proof = verifier
    if code.method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not hmac.compare_digest(proof.encode(), code.challenge.encode()):
        raise oauth_refusal(400, "invalid_grant", "Invalid code verifier.")


def _bearer(value: str, granted: tuple[str, ...]) -> dict[str, object]:
    return {"access_token": value, "expires_in": 3599, "scope": " ".join(granted), "token_type": "Bearer"}


def _basic(header: str) -> tuple[str, str] | None:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        identifier, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        raise oauth_refusal(
            401, "invalid_client", "The Authorization header is not Basic credentials."
        ) from None
    return unquote(identifier), unquote(secret)
