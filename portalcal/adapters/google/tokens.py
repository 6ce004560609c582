"""Access tokens for API requests: cached while they are valid, renewed and stored when they are not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from portalcal.adapters.google import token_endpoint as endpoint
from portalcal.adapters.google.client import OAuthClient
from portalcal.adapters.google.http_client import HttpClient
from portalcal.adapters.token_cache import cached_access, renewed_at, write_access
from portalcal.core.grant import AccessToken, Grant
from portalcal.errors import GrantExpired, GrantRevoked, NotConnected, VaultUnavailable
from portalcal.ports import Clock, Secret, Vault

_log = logging.getLogger("portalcal.http")

_EXPIRY_MARGIN = timedelta(minutes=2)
"""A token that expires within it is renewed beforehand. If the clocks differ by more, a 401 renews it."""

# Vaults to which another process may write, and the pauses before rereading one while waiting for that.
_SHARED_VAULTS = frozenset({"keyring", "file"})
_REREAD_PAUSES = (0.05, 0.15, 0.4)

# How many times another process may rotate the refresh token under us before we give up.
_MAX_ROTATIONS = 10


class AccessTokens:
    """The access token of a stored connection; thread-safe. While the cached token is valid, the vault is read once.

    `renewal` replaces the refresh-token request where access comes from elsewhere (a service account key).
    `granted_at`, when consent was given, distinguishes an expired grant from a revoked one. `on_end` is called when
    Google reports the grant invalid. Two processes may renew at once: one whose refresh token is rejected looks for the
    one that the other has stored.
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
        http_client: HttpClient | None = None,
        renewal: Callable[[HttpClient, str, datetime], endpoint.Renewed] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._renewal = renewal
        self._sleep = sleep
        self._on_end = on_end
        self.skew: timedelta | None = None
        """How far this machine's clock was ahead of Google's at the last renewal; None if unknown."""
        self._client = client
        self._vault = vault
        self._clock = clock
        self._account = account or "this account"
        self._workspace = workspace
        self._granted_at = granted_at
        self._http_client = http_client
        self._access: AccessToken | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        if self._http_client is not None:
            self._http_client.close()

    def token(self) -> str:
        """A valid access token, renewed first if it is about to expire.

        Raises: as `renew`.
        """
        with self._lock:
            if not self._is_valid(self._access):
                self._access = self._cached()
            if self._access is None or not self._is_valid(self._access):
                self._access = self._renewed(stale=None)
            return self._access.token

    def renew(self, stale: str | None = None) -> str:
        """An access token other than `stale`, which Google rejected; None renews unconditionally.

        Raises:
            NotConnected: there is no grant.
            GrantRevoked, GrantExpired, ReauthRequired: a person must connect again.
            ClientInvalid, ClientRejected: the OAuth client is missing or rejected.
            GoogleUnreachable, GoogleBusy: the state of the grant is unknown.
            VaultUnavailable: secrets cannot be read or stored.
        """
        with self._lock:
            if self._access is None or self._access.token == stale or stale is None:
                self._access = self._renewed(stale=stale)
            return self._access.token

    def _is_valid(self, access: AccessToken | None) -> bool:
        return access is not None and (
            access.expires_at is None or access.expires_at - self._clock.now() > _EXPIRY_MARGIN
        )

    def _renewed(self, *, stale: str | None) -> AccessToken:
        """A new access token, stored, or one that another process has stored meanwhile."""
        if stale is not None and (other := self._cached_other_than(stale)):
            return other
        refresh_token = self._refresh_token()
        for _ in range(_MAX_ROTATIONS):
            try:
                return self._refreshed(refresh_token)
            except (GrantRevoked, GrantExpired) as error:
                # Refresh token rotation: the loser of a race holds the old token, and the vault the new one.
                newer = self._rotated_by_another_process(refresh_token)
                if newer is None:
                    raise self._ended(error) from error
                if other := self._cached_other_than(stale):
                    return other
                refresh_token = newer
        return self._refreshed(refresh_token)

    def _rotated_by_another_process(self, refresh_token: str) -> str | None:
        """The refresh token that another process has stored meanwhile; None if it has not.

        A vault takes some ten milliseconds to write, so it is read several times before the grant is reported invalid.
        """
        for pause in (0.0, *(_REREAD_PAUSES if self._vault.kind in _SHARED_VAULTS else ())):
            self._sleep(pause)
            newer = self._vault.read(Secret.REFRESH_TOKEN)
            if newer and newer != refresh_token:
                return newer
        return None

    def _ended(self, error: GrantRevoked | GrantExpired) -> GrantRevoked | GrantExpired:
        """The same error with its likely cause; reports the end of the grant to `on_end`."""
        if isinstance(error, GrantRevoked) and error.is_blocked:
            # An administrator blocks the app; the grant itself may still be valid.
            return error
        self._on_end()
        cached = self._cached()
        return endpoint.with_likely_cause(
            error, granted_at=self._granted_at, used_at=renewed_at(cached), now=self._clock.now()
        )

    def _refreshed(self, refresh_token: str) -> AccessToken:
        self._http_client = self._http_client or HttpClient()
        now = self._clock.now()
        try:
            renewed = self._request_renewal(self._http_client, refresh_token, now)
        finally:
            # Measured after an error response too: a wrong clock may be its cause.
            server_time = self._http_client.server_time
            self.skew = self._clock.now() - server_time if server_time else None
        if renewed.refresh_token is not None:
            # Stored first: after rotation the one in the vault may be invalid.
            self._vault.write(Secret.REFRESH_TOKEN, renewed.refresh_token)
        self.keep(renewed.access)
        return renewed.access

    def _request_renewal(
        self, http_client: HttpClient, refresh_token: str, now: datetime
    ) -> endpoint.Renewed:
        if self._renewal:
            return self._renewal(http_client, refresh_token, now)
        return endpoint.renew(http_client, self._client(), refresh_token, account=self._account, now=now)

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

    def _cached(self) -> AccessToken | None:
        return cached_access(self._vault)

    def _cached_other_than(self, stale: str | None) -> AccessToken | None:
        """The cached access token, if it is valid and not `stale`."""
        access = self._cached()
        return access if access and access.token != stale and self._is_valid(access) else None

    def keep(self, access: AccessToken) -> None:
        """Cache the token in the vault for the next command; failing to do so is logged and otherwise ignored.

        Windows' credential store takes 1280 characters; an access token may have 2048 bytes.
        """
        try:
            self._vault.write(Secret.ACCESS_TOKEN, write_access(access))
        except VaultUnavailable as error:
            _log.info("the access token is not cached: %s", error)


class GrantAccessTokens:
    """The access token of a grant that was just given and is not stored yet."""

    def __init__(self, grant: Grant) -> None:
        self._grant = grant

    def close(self) -> None:
        """Nothing to close."""

    def token(self) -> str:
        """The access token that came with the grant."""
        return self._grant.access.token

    def renew(self, stale: str | None = None) -> str:  # noqa: ARG002 - the signature of `AccessTokens.renew`
        """There is no other token.

        Raises:
            GrantRevoked: always: Google rejects a token it has just issued.
        """
        raise GrantRevoked("this account", "it does not accept the access token it issued a moment ago")
