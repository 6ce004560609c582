"""The connection that a token in the environment implies, when nothing was ever connected here."""

from __future__ import annotations

from portalcal.core.permissions import Permission
from portalcal.ports import Clock, Connection, Connections


class EnvConnection:
    """The remembered connection, else one nobody knows more of than its token.

    The account has no name until Google is asked, so the calendars go by `primary`; the permissions are believed, since
    Google refuses by itself what the token may not do.
    """

    def __init__(self, remembered: Connections, clock: Clock) -> None:
        self._remembered = remembered
        self._clock = clock

    def read(self) -> Connection | None:
        """The connection; never None."""
        return self._remembered.read() or Connection(
            account="",
            permissions=frozenset(Permission),
            conflicts=("primary",),
            booking="primary",
            connected_at=self._clock.now(),
            vault="environment",
        )

    def write(self, connection: Connection) -> None:
        """Keep the selection made with such a token."""
        self._remembered.write(connection)

    def forget(self) -> None:
        """Forget the selection."""
        self._remembered.forget()
