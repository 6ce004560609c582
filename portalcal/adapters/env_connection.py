"""The connection that a token in the environment implies, when nothing was ever connected here."""

from __future__ import annotations

from portalcal.core.permissions import Permission
from portalcal.ports import Clock, Connection, Connections


class EnvConnection:
    """The remembered connection, else one nobody knows more of than its token.

    The account has no name until Google is asked, so the calendars go by `primary`; the permissions are believed, since
    Google refuses by itself what the token may not do. A service account names the `account` it acts for.
    """

    def __init__(
        self, remembered: Connections, clock: Clock, *, account: str = "", vault: str = "environment"
    ) -> None:
        self._remembered = remembered
        self._clock = clock
        self._account = account
        self._vault = vault

    def read(self) -> Connection | None:
        """The connection; never None."""
        remembered = self._remembered.read()
        # What was chosen for one account means nothing for another.
        if remembered and self._account in {"", remembered.account}:
            return remembered
        return Connection(
            account=self._account,
            permissions=frozenset(Permission),
            conflicts=(self._account or "primary",),
            booking=self._account or "primary",
            connected_at=self._clock.now(),
            vault=self._vault,
        )

    def write(self, connection: Connection) -> None:
        """Keep the selection made with such a token."""
        self._remembered.write(connection)

    def forget(self) -> None:
        """Forget the selection."""
        self._remembered.forget()

    def others_of(self, account: str) -> tuple[str, ...]:
        """The other workspaces that are connected to an account."""
        return self._remembered.others_of(account)
