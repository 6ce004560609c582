"""Token, revocation and tokeninfo endpoints (RFC 6749, 7009, 7523, 7636)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import unquote

from portalcal.simulator.calendar.model import Model
from portalcal.simulator.http.messages import HttpRequest, HttpResponse, answer, oauth_error_response
from portalcal.simulator.oauth import scopes
from portalcal.simulator.oauth.grants import CODE_LIFE, Client, Code, Grants, StoredGrant
from portalcal.simulator.oauth.service_accounts import GRANT_TYPE, RegisteredServiceAccount, verify_assertion


class TokenEndpoint:
    """The token, revocation and tokeninfo endpoints."""

    def __init__(self, grants: Grants, model: Model) -> None:
        self.grants = grants
        self.model = model
        self.service_accounts: dict[str, RegisteredServiceAccount] = {}

    def token(self, request: HttpRequest) -> HttpResponse:
        """Exchange a code, a refresh token or an assertion; errors are JSON of RFC 6749 section 5.2."""
        form = request.form()
        if form.get("grant_type") == GRANT_TYPE:
            return self._assert(form.get("assertion", ""))
        client = self._client(request, form)
        if self.grants.policy.admin_blocks:
            raise oauth_error_response(
                400, "admin_policy_enforced", "Your administrator has blocked this app."
            )
        match form.get("grant_type"):
            case "authorization_code":
                return self._exchange(client, form)
            case "refresh_token":
                return self._refresh(client, form)
            case None:
                raise oauth_error_response(
                    400, "invalid_request", "Required parameter is missing: grant_type"
                )
            case other:
                raise oauth_error_response(400, "unsupported_grant_type", f"Invalid grant_type: {other}")

    def revoke(self, request: HttpRequest) -> HttpResponse:
        """Revoke every grant of the token's user to the project; an invalid token is `400 invalid_token`."""
        value = request.form().get("token") or request.value("token")
        if not value:
            raise oauth_error_response(400, "invalid_request", "Missing required parameter: token")
        access = self.grants.by_access(value)
        grant = access.grant if access else self.grants.by_refresh(value)
        if grant is None:
            raise oauth_error_response(400, "invalid_token", "Token expired or revoked")
        self.grants.revoke(grant)
        return answer({})

    def tokeninfo(self, request: HttpRequest) -> HttpResponse:
        """Describe a live access token; numbers are JSON strings, as at Google."""
        value = request.value("access_token") or request.form().get("access_token", "")
        token = self.grants.by_access(value)
        if token is None:
            raise oauth_error_response(400, "invalid_token", "Invalid Value")
        left = int((token.expires - self.grants.clock.now()).total_seconds())
        info = {
            "azp": token.grant.client.id,
            "aud": token.grant.client.id,
            "scope": " ".join(token.scopes),
            "exp": str(int(token.expires.timestamp())),
            "expires_in": str(left),
            "access_type": "offline",
        }
        if any(scope in {"email", scopes.PREFIX + "userinfo.email"} for scope in token.scopes):
            info |= {"email": token.grant.user, "email_verified": "true"}
        return answer(info)

    def _client(self, request: HttpRequest, form: Mapping[str, str]) -> Client:
        basic = _basic(request.headers.get("authorization", ""))
        identifier, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        if not identifier:
            raise oauth_error_response(400, "invalid_request", "Could not determine client ID from request.")
        client = self.grants.clients.get(identifier)
        if client is None:
            raise oauth_error_response(401, "invalid_client", "The OAuth client was not found.")
        if client.deleted:
            raise oauth_error_response(401, "deleted_client", "The OAuth client was deleted.")
        if not secret:
            raise oauth_error_response(400, "invalid_request", "client_secret is missing.")
        if not hmac.compare_digest(secret.encode(), client.secret.encode()):
            raise oauth_error_response(401, "invalid_client", "The provided client secret is invalid.")
        return client

    def _exchange(self, client: Client, form: Mapping[str, str]) -> HttpResponse:
        code = self.grants.codes.get(form.get("code", ""))
        if code is None or code.client is not client:
            raise oauth_error_response(400, "invalid_grant", "Malformed auth code.")
        if code.redeemed or self.grants.clock.now() - code.issued >= CODE_LIFE:
            raise oauth_error_response(400, "invalid_grant", "Bad Request")
        if form.get("redirect_uri") != code.redirect:
            raise oauth_error_response(400, "redirect_uri_mismatch", "Bad Request")
        _verify(code, form.get("code_verifier", ""))
        self._check_account()
        code.redeemed = self.grants.open(client, code.user, scopes=code.scopes)
        token = self.grants.issue_access(code.redeemed)
        return answer(_bearer(token.value, token.scopes) | {"refresh_token": code.redeemed.refresh_token})

    def _refresh(self, client: Client, form: Mapping[str, str]) -> HttpResponse:
        if not form.get("refresh_token"):
            raise oauth_error_response(400, "invalid_request", "Missing required parameter: refresh_token")
        self._check_account()
        grant = self.grants.by_refresh(form["refresh_token"])
        if grant is None or grant.client is not client:
            raise oauth_error_response(400, "invalid_grant", "Token has been expired or revoked.")
        if self.grants.policy.reauthenticate:
            subtype = {"error_subtype": "invalid_rapt"}
            raise oauth_error_response(400, "invalid_grant", "reauth related error (invalid_rapt)", **subtype)
        wanted = tuple(form.get("scope", "").split())
        if not set(wanted) <= set(grant.scopes):
            raise oauth_error_response(400, "invalid_scope", "Bad Request")
        token = self.grants.issue_access(grant, scopes=wanted or None)
        tokens = _bearer(token.value, token.scopes)
        if self.grants.policy.rotate:
            tokens["refresh_token"] = self.grants.rotate(grant)
        return answer(tokens)

    def _assert(self, assertion: str) -> HttpResponse:
        """Exchange an assertion for an access token of the subject; the response has no refresh token and no scope."""
        now = self.grants.clock.now()
        claims = verify_assertion(assertion, self.service_accounts, now=now)
        if claims.subject not in self.model.users:
            raise oauth_error_response(400, "invalid_grant", "Invalid email or User ID")
        grant = StoredGrant(claims.account.client, claims.subject, claims.scopes, "", now, now)
        tokens = _bearer(self.grants.issue_access(grant).value, claims.scopes)
        del tokens["scope"]
        return answer(tokens)

    def _check_account(self) -> None:
        if self.grants.policy.account_deleted:
            raise oauth_error_response(400, "invalid_grant", "The account has been deleted")


def _verify(code: Code, verifier: str) -> None:
    if not code.challenge:
        return
    if not verifier:
        raise oauth_error_response(400, "invalid_grant", "Missing code verifier.")
    proof = verifier
    if code.method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not hmac.compare_digest(proof.encode(), code.challenge.encode()):
        raise oauth_error_response(400, "invalid_grant", "Invalid code verifier.")


def _bearer(value: str, granted: tuple[str, ...]) -> dict[str, object]:
    return {"access_token": value, "expires_in": 3599, "scope": " ".join(granted), "token_type": "Bearer"}


def _basic(header: str) -> tuple[str, str] | None:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        identifier, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        raise oauth_error_response(
            401, "invalid_client", "The Authorization header is not Basic credentials."
        ) from None
    return unquote(identifier), unquote(secret)
