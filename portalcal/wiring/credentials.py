"""What Google is asked with: the client or key, the secrets and where they lie, consent, and access tokens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from portalcal.errors import ConfigInvalid, Usage
from portalcal.wiring.records import Records

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from portalcal.adapters.google_client import OAuthClient
    from portalcal.adapters.google_token_endpoint import Renewed
    from portalcal.adapters.google_tokens import Tokens
    from portalcal.adapters.google_wire import Wire
    from portalcal.adapters.service_account import ServiceAccount
    from portalcal.core.grant import Access
    from portalcal.ports import Connection, Consent, Vault

_VAULT_SECONDS = 5.0
_UNLOCKING_SECONDS = 60.0


class Credentials(Records):
    """How this workspace may ask Google anything."""

    # --- where secrets lie

    @cached_property
    def vault(self) -> Vault:
        """Where secrets live."""
        if self.acts_for:
            from portalcal.adapters.service_account import KeyVault

            return KeyVault(lambda: self.service_account)
        if self.token_variables:
            from portalcal.adapters.env_vault import EnvVault

            return EnvVault(self.environ)
        connection = self.connections.read()
        kind = self.vault_kind or (connection.vault if connection else self.config.vault)
        return self._vault_of(
            kind, backend=connection.backend if connection and not self.is_connecting else None
        )

    def former_vault(self, connection: Connection) -> Vault | None:
        """Where an earlier connection kept secrets, whatever `vault` is now; None if it kept none of its own."""
        if connection.vault not in {"keyring", "file"}:
            return None
        return self._vault_of(connection.vault, backend=connection.backend)

    def _vault_of(self, kind: str, *, backend: str | None) -> Vault:
        if kind == "file":
            from portalcal.adapters.file_vault import FileVault

            return FileVault(self.home, self._passphrase)
        from portalcal.adapters.keyring_vault import KeyringVault

        return KeyringVault(
            self.workspace,
            backend=backend,
            timeout=_seconds(
                self.environ.get("PORTALCAL_VAULT_TIMEOUT"),
                default=_UNLOCKING_SECONDS if self.is_connecting else _VAULT_SECONDS,
            ),
        )

    def _passphrase(self, is_new: bool) -> str:  # noqa: FBT001 - a callback
        """What seals the vault file: from the environment, else typed; a new one twice.

        Raises:
            Usage: it is empty, was typed in two ways, or nobody can be asked.
        """
        variable = "PORTALCAL_VAULT_PASSPHRASE"
        if given := self.environ.get(variable):
            return given
        typed = self.view.ask_secret(
            f"{'New passphrase' if is_new else 'Passphrase'} of the vault file", variable=variable
        )
        if not typed:
            raise Usage("an empty passphrase protects nothing", f"type one, or set {variable}")
        if is_new and self.view.ask_secret("Once more", variable=variable) != typed:
            raise Usage("the two passphrases differ. Nothing was kept.", "run the same command again")
        return typed

    # --- the client, or the key in its place

    @cached_property
    def service_account(self) -> ServiceAccount:
        """The key that config.toml names.

        Raises:
            KeyInvalid: it is none.
        """
        from portalcal.adapters.service_account import ServiceAccount

        return ServiceAccount.read(self.config.service_account)

    @cached_property
    def client(self) -> OAuthClient:
        """The OAuth client: given on the command line, named in config.toml, or kept from an earlier `connect`.

        Raises:
            ClientInvalid: there is none, or it is not a Desktop client.
        """
        from portalcal.adapters.google_client import OAuthClient

        kept = self.connection_file.client_path
        found = self.client_secrets or self.config.client_secrets or (kept if kept.exists() else None)
        return OAuthClient.read(found)

    def check_client(self) -> str:
        """The id of the OAuth client, or the name of the service account."""
        return self.service_account.email if self.acts_for else self.client.client_id

    # --- consent

    @cached_property
    def consent(self) -> Consent:
        """The browser round trip."""
        from portalcal.adapters.google_oauth import BrowserConsent

        return BrowserConsent(
            lambda: self.client,
            self.config.endpoints.revoke_uri,
            clock=self.clock,
            view=self.view,
            open_browser=self.open_browser,
            pasted=self.pasted,
            has_browser=lambda: self.has_browser,
            is_attended=self.is_attended,
            ways=self._ways,
        )

    def _ways(self, redirect_uri: str, opens_browser: bool) -> tuple[str, ...]:  # noqa: FBT001 - a callback
        """What a person can do on another machine."""
        from portalcal.adapters.headless import ways

        can_paste = self.pasted is not None
        return ways(self.environ, redirect_uri, opens_browser=opens_browser, can_paste=can_paste)

    @cached_property
    def pasted(self) -> Callable[[], str | None] | None:
        """What is typed into the terminal while the browser is waited for; None where nobody types."""
        from portalcal.adapters.loopback_paste import lines_of

        return lines_of(self.stdin, is_pipe_meant=self.is_pipe_meant)

    # --- access

    @cached_property
    def tokens(self) -> Tokens:
        """The access token of the kept connection, renewed when it runs out."""
        from portalcal.adapters.google_tokens import Tokens

        connection = self.connections.read()
        return Tokens(
            lambda: self.client,
            self.vault,
            clock=self.clock,
            account=(connection.account or None) if connection else None,
            workspace=self.workspace,
            granted_at=connection.connected_at if connection else None,
            wire=self._new_wire(),
            renewal=self._renewal,
            on_end=self._remember_end,
        )

    @property
    def _renewal(self) -> Callable[[Wire, str, datetime], Renewed] | None:
        """What gives access in place of a refresh token."""
        if not self.acts_for:
            return None
        from portalcal.adapters.service_account import renewal
        from portalcal.core.permissions import scopes_to_ask

        return renewal(lambda: self.service_account, subject=self.acts_for, scopes=scopes_to_ask())

    def _remember_end(self) -> None:
        """Keep the age at which the grant was first found dead: the next one may end at the same age."""
        connection, now = self.connections.read(), self.clock.now()
        is_ours = connection is not None and connection.vault in {"keyring", "file", "memory"}
        if connection is None or not is_ours or connection.lived is not None or now < connection.connected_at:
            return
        # Knowing it is a convenience: a folder that cannot be written must not hide why nothing works.
        with suppress(ConfigInvalid):
            self.connections.write(connection._replace(lived=now - connection.connected_at))

    def keep_access(self, access: Access) -> None:
        """Cache an access token in the vault."""
        self.tokens.keep(access)

    def renew_access(self) -> None:
        """Renew the access token now."""
        self.tokens.renew()

    def clock_skew(self) -> timedelta | None:
        """How far this machine's clock is ahead of Google's, as the last renewal told."""
        return self.tokens.skew

    def renewed_at(self) -> datetime | None:
        """When access was last renewed, to the hour."""
        from portalcal.adapters.kept_access import read_access, renewed_at
        from portalcal.ports import Secret

        written = self.vault.read(Secret.ACCESS_TOKEN)
        return renewed_at(read_access(written)) if written else None

    # --- the way to Google

    def _new_wire(self) -> Wire:
        """A wire of little patience where the command has little time; else one that keeps to Google's pace."""
        from portalcal.adapters.google_wire import Wire

        return Wire(pace=self.pace) if self.limit is None else Wire.within(self.limit)

    @cached_property
    def pace(self) -> Callable[[], None]:
        """Waits until Google may be asked once more."""
        from portalcal.adapters.google_pace import Pace

        return Pace()


def _seconds(text: str | None, *, default: float) -> float:
    """A time limit from the environment, in seconds.

    Raises:
        Usage: it is not a positive number.
    """
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        raise Usage(f"PORTALCAL_VAULT_TIMEOUT is {text}, expected seconds like 5")
    return seconds
