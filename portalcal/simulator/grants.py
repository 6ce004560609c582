"""Who allowed what: authorization codes, grants with their refresh tokens, access tokens, and how each of them ends.

GOOGLE.md sections 1.5 to 1.7. Ends are computed from the clock when a token is used, as an outsider would notice them.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portalcal.simulator.clock import Clock

ACCESS_LIFE = timedelta(seconds=3599)
CODE_LIFE = timedelta(minutes=10)
TESTING_LIFE = timedelta(days=7)
UNUSED_LIFE = timedelta(days=182)
TOKENS_PER_ACCOUNT = 100


@dataclass(slots=True)
class Client:
    """An OAuth client of type Desktop app; siblings of one project share consent and revocation."""

    id: str
    secret: str
    project: str
    name: str = "portalcal"
    deleted: bool = False


@dataclass(slots=True)
class Code:
    """An authorization code: good once, for ten minutes, for one client, redirect and verifier."""

    value: str
    client: Client
    user: str
    scopes: tuple[str, ...]
    redirect: str
    challenge: str
    method: str
    issued: datetime
    redeemed: "Grant | None" = None


@dataclass(slots=True)
class Grant:
    """What a person allowed a client, and the refresh token that stands for it."""

    client: Client
    user: str
    scopes: tuple[str, ...]
    refresh_token: str
    issued: datetime
    used: datetime
    ended: str | None = None  # "revoked", "superseded" or "policy"; expiry follows from the clock


@dataclass(slots=True)
class AccessToken:
    """A bearer token, good for an hour unless its grant is revoked."""

    value: str
    grant: Grant
    scopes: tuple[str, ...]
    expires: datetime


@dataclass(slots=True)
class Policy:
    """What the Cloud project and the person's administrator have decided; every switch may be thrown at any time."""

    testing: bool = False  # publishing status "Testing": refresh tokens live seven days
    rotate: bool = False  # send a new refresh token with every refresh, and end the old one
    admin_blocks: bool = False  # the Workspace administrator blocks this app
    reauthenticate: bool = False  # session control: sign in again
    api_enabled: bool = True
    account_deleted: bool = False
    test_users: tuple[str, ...] | None = None  # who may consent while testing; None: everyone


@dataclass(slots=True)
class Grants:
    """Every client, code, grant and token of this simulator."""

    clock: Clock
    policy: Policy = field(default_factory=Policy)
    clients: dict[str, Client] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    live: list[Grant] = field(default_factory=list)
    tokens: dict[str, AccessToken] = field(default_factory=dict)
    # Refresh tokens that rotation has replaced still name their grant, so that using one is noticed.
    by_refresh_token: dict[str, Grant] = field(default_factory=dict)

    def add_client(self, *, project: str = "") -> Client:
        """Register a Desktop client, in a project of its own or as a sibling in `project`."""
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
        """Return a fresh authorization code; like Google's it contains a slash and stays under 256 bytes."""
        value = f"4/0A{secrets.token_urlsafe(48)}"
        code = Code(value, client, user, scopes, redirect, challenge, method, self.clock.now())
        self.codes[value] = code
        return code

    def open(self, client: Client, user: str, *, scopes: tuple[str, ...]) -> Grant:
        """Return a new grant with its refresh token; past a hundred, the oldest ends without a word."""
        now = self.clock.now()
        grant = Grant(client, user, scopes, f"1//0{secrets.token_urlsafe(70)}", now, now)
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

    def issue_access(self, grant: Grant, *, scopes: tuple[str, ...] | None = None) -> AccessToken:
        """Return a new access token on a grant, for all of its scopes unless fewer were asked for."""
        grant.used = self.clock.now()
        value = f"ya29.a0{secrets.token_urlsafe(120)}"
        token = AccessToken(value, grant, scopes or grant.scopes, grant.used + ACCESS_LIFE)
        self.tokens[value] = token
        return token

    def rotate(self, grant: Grant) -> str:
        """Give a grant a new refresh token; the old one is dead from now on."""
        grant.refresh_token = f"1//0{secrets.token_urlsafe(70)}"
        self.by_refresh_token[grant.refresh_token] = grant
        return grant.refresh_token

    def by_refresh(self, refresh_token: str) -> Grant | None:
        """Return the live grant that a refresh token stands for now."""
        grant = self.by_refresh_token.get(refresh_token)
        return grant if grant and grant.refresh_token == refresh_token and self.is_live(grant) else None

    def by_access(self, value: str) -> AccessToken | None:
        """Return a live access token. It outlives its grant's expiry, but not a revocation."""
        token = self.tokens.get(value)
        if token is None or token.grant.ended == "revoked" or self.clock.now() >= token.expires:
            return None
        return token

    def is_live(self, grant: Grant) -> bool:
        """Whether a grant can still be refreshed (the six reasons of GOOGLE.md section 1.6)."""
        now = self.clock.now()
        if grant.ended or self.policy.account_deleted or now - grant.used >= UNUSED_LIFE:
            return False
        return not (self.policy.testing and now - grant.issued >= TESTING_LIFE)

    def revoke(self, grant: Grant) -> list[Grant]:
        """End every grant this person gave this project, and return those that were live."""
        ended = [
            other
            for other in self.live
            if other.user == grant.user and other.client.project == grant.client.project and not other.ended
        ]
        for other in ended:
            other.ended = "revoked"
        return ended

    def secrets(self) -> set[str]:
        """Return every secret ever issued, for tests that look for leaks."""
        return {*self.by_refresh_token, *self.tokens, *self.codes, *(c.secret for c in self.clients.values())}
