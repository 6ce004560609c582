"""Authorization codes, grants with their refresh tokens, access tokens, and the expiry of each.

Expiry is computed from the clock when a token is used. Rules of expiry:
https://developers.google.com/identity/protocols/oauth2#expiration
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portalcal.simulator.clock import SimulatedClock

ACCESS_LIFE = timedelta(seconds=3599)
CODE_LIFE = timedelta(minutes=10)
TESTING_LIFE = timedelta(days=7)  # of grants in publishing status "Testing"
UNUSED_LIFE = timedelta(days=182)  # six months without a refresh
TOKENS_PER_ACCOUNT = 100  # live refresh tokens per account and client


@dataclass(slots=True)
class Client:
    """An OAuth client of type Desktop app; clients of one project share consent and revocation."""

    id: str
    secret: str
    project: str
    name: str = "portalcal"
    deleted: bool = False


@dataclass(slots=True)
class Code:
    """An authorization code: single-use, valid for ten minutes, bound to client, redirect URI and PKCE verifier."""

    value: str
    client: Client
    user: str
    scopes: tuple[str, ...]
    redirect: str  # redirect_uri, which the exchange must repeat
    challenge: str  # code_challenge of the request
    method: str  # code_challenge_method
    issued: datetime
    redeemed: "StoredGrant | None" = None  # set by the exchange


@dataclass(slots=True)
class StoredGrant:
    """A user's grant to a client, with its refresh token."""

    client: Client
    user: str
    scopes: tuple[str, ...]
    refresh_token: str
    issued: datetime
    used: datetime  # last exchange or refresh; after UNUSED_LIFE the grant expires
    ended: str | None = None  # "revoked", "superseded" or "policy"; expiry follows from the clock


@dataclass(slots=True)
class StoredAccessToken:
    """A bearer token, valid for an hour unless its grant is revoked."""

    value: str
    grant: StoredGrant
    scopes: tuple[str, ...]
    expires: datetime


@dataclass(slots=True)
class Policy:
    """Settings of the Cloud project and the Workspace administrator; tests change them at any time."""

    testing: bool = False  # publishing status "Testing": refresh tokens expire after seven days
    rotate: bool = False  # every refresh returns a new refresh token and revokes the old one
    admin_blocks: bool = False  # the Workspace administrator blocks this app
    reauthenticate: bool = False  # session control: invalid_rapt until the user signs in again
    api_enabled: bool = True
    account_deleted: bool = False
    test_users: tuple[str, ...] | None = None  # who may consent while testing; None: everyone


@dataclass(slots=True)
class Grants:
    """Every client, code, grant and token of this simulator."""

    clock: SimulatedClock
    policy: Policy = field(default_factory=Policy)
    clients: dict[str, Client] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    live: list[StoredGrant] = field(default_factory=list)
    tokens: dict[str, StoredAccessToken] = field(default_factory=dict)
    # Includes refresh tokens replaced by rotation, so that the use of one is recognized.
    by_refresh_token: dict[str, StoredGrant] = field(default_factory=dict)

    def add_client(self, *, project: str = "") -> Client:
        """Register a Desktop client, in a new project or in `project`."""
        number = project or "".join(secrets.choice("123456789") for _ in range(12))
        identifier = f"{number}-{secrets.token_hex(16)}.apps.googleusercontent.com"
        client = Client(identifier, f"GOCSPX-{secrets.token_urlsafe(21)}", number)
        self.clients[client.id] = client
        return client

    def issue_code(
        self,
        client: Client,
        user: str,
        *,
        scopes: tuple[str, ...],
        redirect: str,
        challenge: str,
        method: str,
    ) -> Code:
        """Return a new authorization code; like Google's it contains a slash and has at most 256 bytes."""
        value = f"4/0A{secrets.token_urlsafe(48)}"
        code = Code(value, client, user, scopes, redirect, challenge, method, self.clock.now())
        self.codes[value] = code
        return code

    def open(self, client: Client, user: str, *, scopes: tuple[str, ...]) -> StoredGrant:
        """Return a new grant with its refresh token; past 100 per account and client the oldest is invalidated silently."""
        now = self.clock.now()
        grant = StoredGrant(client, user, scopes, f"1//0{secrets.token_urlsafe(70)}", now, now)
        self.live.append(grant)
        self.by_refresh_token[grant.refresh_token] = grant
        held = [
            other
            for other in self.live
            if other.user == user and other.client is client and self.is_live(other)
        ]
        for oldest in held[:-TOKENS_PER_ACCOUNT]:
            oldest.ended = "superseded"
        return grant

    def issue_access(self, grant: StoredGrant, *, scopes: tuple[str, ...] | None = None) -> StoredAccessToken:
        """Return a new access token of a grant, for all its scopes or the given ones."""
        grant.used = self.clock.now()
        value = f"ya29.a0{secrets.token_urlsafe(120)}"
        token = StoredAccessToken(value, grant, scopes or grant.scopes, grant.used + ACCESS_LIFE)
        self.tokens[value] = token
        return token

    def rotate(self, grant: StoredGrant) -> str:
        """Replace the refresh token of a grant."""
        grant.refresh_token = f"1//0{secrets.token_urlsafe(70)}"
        self.by_refresh_token[grant.refresh_token] = grant
        return grant.refresh_token

    def by_refresh(self, refresh_token: str) -> StoredGrant | None:
        """Return the live grant of a refresh token."""
        grant = self.by_refresh_token.get(refresh_token)
        return grant if grant and grant.refresh_token == refresh_token and self.is_live(grant) else None

    def by_access(self, value: str) -> StoredAccessToken | None:
        """Return a live access token. It survives the expiry of its grant, but not a revocation."""
        token = self.tokens.get(value)
        if token is None or token.grant.ended == "revoked" or self.clock.now() >= token.expires:
            return None
        return token

    def is_live(self, grant: StoredGrant) -> bool:
        """Whether a grant can still be refreshed (https://developers.google.com/identity/protocols/oauth2#expiration)."""
        now = self.clock.now()
        if grant.ended or self.policy.account_deleted or now - grant.used >= UNUSED_LIFE:
            return False
        return not (self.policy.testing and now - grant.issued >= TESTING_LIFE)

    def revoke(self, grant: StoredGrant) -> list[StoredGrant]:
        """Revoke every grant of the user to the project, and return those that were live."""
        ended = [
            other
            for other in self.live
            if other.user == grant.user and other.client.project == grant.client.project and not other.ended
        ]
        for other in ended:
            other.ended = "revoked"
        return ended

    def secrets(self) -> set[str]:
        """Return every secret ever issued, for leak tests."""
        return {*self.by_refresh_token, *self.tokens, *self.codes, *(c.secret for c in self.clients.values())}
