"""Access tokens: the cached one while it lasts, a new one when it does not, and what becomes of both."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from portalcal.adapters import google_token_endpoint as endpoint
from portalcal.adapters.google_client import OAuthClient
from portalcal.adapters.google_wire import Wire
from portalcal.adapters.kept_access import read_access, renewed_at, write_access
from portalcal.core.grant import Access, Grant
from portalcal.errors import GrantExpired, GrantRevoked, NotConnected, VaultUnavailable
from portalcal.ports import Clock, Secret, Vault

_log = logging.getLogger("portalcal.http")

_MARGIN = timedelta(minutes=2)
"""A token that ends sooner is renewed at once. Clocks that differ by more meet a 401, which renews as well."""

# Kinds of vaults to which another process may write, and how long its writing is waited for.
_SHARED = frozenset({"keyring", "file"})
_RACE_SECONDS = (0.05, 0.15, 0.4)
# As many processes may renew between our two looks at the vault before we believe that the grant is dead.
_MOST_RIVALS = 10


class Tokens:
    """The bearer token of a stored connection. One vault read a process while the cached token lasts.

    `renewal` takes the place of the exchange with a refresh token, where something else gives access (a key).
    `granted_at`, when consent was given, tells an expired grant from a revoked one; `on_end` is called when Google no
    longer honours it. Safe to share between threads;
    two processes may renew at once: whoever finds its token refused looks whether the other has stored a newer one.
    """

    def __init__(
        self,
        client: Callable[[], OAuthClient],
        vault: Vault,
        *,
        clock: Clock,
        account: str | None = None,
        workspace: str = "default",
        granted_at: datetime | None = None,
        wire: Wire | None = None,
        renewal: Callable[[Wire, str, datetime], endpoint.Renewed] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._renewal = renewal
        self._sleep = sleep
        self._on_end = on_end
        self.skew: timedelta | None = None
        """How far this machine's clock was ahead of Google's at the last renewal, as far as its answer told."""
        self._client = client
        self._vault = vault
        self._clock = clock
        self._account = account or "this account"
        self._workspace = workspace
        self._granted_at = granted_at
        self._wire = wire
        self._access: Access | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the connections."""
        if self._wire is not None:
            self._wire.close()

    def token(self) -> str:
        """A token to send, renewed first if it is about to end.

        Raises: as `renew`.
        """
        with self._lock:
            if not self._lasts(self._access):
                self._access = self._cached()
            if self._access is None or not self._lasts(self._access):
                self._access = self._renewed(stale=None)
            return self._access.token

    def renew(self, stale: str | None = None) -> str:
        """Another token than `stale`, which Google refused; None renews whatever there is.

        Raises:
            NotConnected: there is no grant.
            GrantRevoked, GrantExpired, ReauthRequired: a person must connect again.
            ClientInvalid, ClientRejected: the OAuth client is missing or not accepted.
            GoogleUnreachable, GoogleBusy: nothing was learned about the grant.
            VaultUnavailable: secrets can be neither read nor kept.
        """
        with self._lock:
            if self._access is None or self._access.token == stale or stale is None:
                self._access = self._renewed(stale=stale)
            return self._access.token

    def _lasts(self, access: Access | None) -> bool:
        return access is not None and (
            access.expires_at is None or access.expires_at - self._clock.now() > _MARGIN
        )

    def _renewed(self, *, stale: str | None) -> Access:
        """A new access token, stored. Another process may have stored one meanwhile, which then serves as well."""
        if stale is not None and (other := self._cached_but(stale)):
            return other
        refresh_token = self._refresh_token()
        for _ in range(_MOST_RIVALS):
            try:
                return self._refreshed(refresh_token)
            except (GrantRevoked, GrantExpired) as error:
                # With rotation the loser of a race holds a dead refresh token, and the vault the live one.
                newer = self._rotated_by_another(refresh_token)
                if newer is None:
                    raise self._ended(error) from error
                if other := self._cached_but(stale):
                    return other
                refresh_token = newer
        return self._refreshed(refresh_token)

    def _rotated_by_another(self, refresh_token: str) -> str | None:
        """The refresh token that another process has stored meanwhile, or is about to store.

        Writing takes a vault some ten milliseconds; only who is about to hear that a grant is dead waits for that.
        """
        for pause in (0.0, *(_RACE_SECONDS if self._vault.kind in _SHARED else ())):
            self._sleep(pause)
            newer = self._vault.read(Secret.REFRESH_TOKEN)
            if newer and newer != refresh_token:
                return newer
        return None

    def _ended(self, error: GrantRevoked | GrantExpired) -> GrantRevoked | GrantExpired:
        """The same news with what the grant's age and its last use tell of the cause."""
        if isinstance(error, GrantRevoked) and error.is_blocked:
            # The grant itself may be alive.
            return error
        self._on_end()
        cached = self._cached()
        return endpoint.aged(
            error, granted_at=self._granted_at, used_at=renewed_at(cached), now=self._clock.now()
        )

    def _refreshed(self, refresh_token: str) -> Access:
        self._wire = self._wire or Wire()
        now = self._clock.now()
        try:
            told = self._exchanged(self._wire, refresh_token, now)
        finally:
            # A refusal tells the time as well, and a wrong clock may be its cause.
            theirs = self._wire.their_time
            self.skew = self._clock.now() - theirs if theirs else None
        if told.refresh_token is not None:
            # At once and first: the one in the vault may be dead from now on.
            self._vault.write(Secret.REFRESH_TOKEN, told.refresh_token)
        self.keep(told.access)
        return told.access

    def _exchanged(self, wire: Wire, refresh_token: str, now: datetime) -> endpoint.Renewed:
        if self._renewal:
            return self._renewal(wire, refresh_token, now)
        return endpoint.renew(wire, self._client(), refresh_token, account=self._account, now=now)

    def _refresh_token(self) -> str:
        refresh_token = self._vault.read(Secret.REFRESH_TOKEN)
        if refresh_token:
            return refresh_token
        if self._vault.kind == "environment":
            reason = (
                "PORTALCAL_ACCESS_TOKEN is no longer valid, and without a refresh token it cannot be renewed"
            )
            raise GrantExpired(self._account, reason)
        raise NotConnected(self._workspace)

    def _cached(self) -> Access | None:
        written = self._vault.read(Secret.ACCESS_TOKEN)
        return read_access(written) if written else None

    def _cached_but(self, stale: str | None) -> Access | None:
        """The stored token, if it is another one and lasts."""
        access = self._cached()
        return access if access and access.token != stale and self._lasts(access) else None

    def keep(self, access: Access) -> None:
        """Cache the token for the next command. That is a convenience: a vault without room for it stops nothing.

        Windows' vault takes 1280 characters, an access token may have 2048 bytes.
        """
        try:
            self._vault.write(Secret.ACCESS_TOKEN, write_access(access))
        except VaultUnavailable as error:
            _log.info("the access token is not cached: %s", error)


class GrantTokens:
    """The bearer token of a grant that is not stored yet: what consent just gave, and nothing else."""

    def __init__(self, grant: Grant) -> None:
        self._grant = grant

    def close(self) -> None:
        """There is nothing to let go of."""

    def token(self) -> str:
        """The token that came with the grant."""
        return self._grant.access.token

    def renew(self, stale: str | None = None) -> str:  # noqa: ARG002 - called as `Tokens.renew` is
        """There is no other.

        Raises:
            GrantRevoked: always; Google does not accept what it issued a moment ago.
        """
        raise GrantRevoked("this account", "it does not accept the access token it issued a moment ago")
