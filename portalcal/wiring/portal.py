"""One workspace with all its ports."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING

from portalcal.errors import NotConnected
from portalcal.wiring.credentials import Credentials

if TYPE_CHECKING:
    from portalcal.core.grant import Grant
    from portalcal.ports import Calendars, View


class Portal(Credentials):
    """One workspace with its ports, each made on first use. Tests and the demo put their own in by assigning them."""

    @cached_property
    def calendars(self) -> Calendars:
        """Google Calendar through the kept connection.

        Raises:
            NotConnected: there is none.
        """
        from portalcal.adapters.google_calendar import GoogleCalendars
        from portalcal.adapters.google_http import GoogleHttp

        connection = self.connections.read()
        if connection is None:
            raise NotConnected(self.workspace)
        return GoogleCalendars(
            GoogleHttp(self.tokens, wire=self._new_wire()),
            self.config.endpoints,
            account=connection.account or None,
        )

    def calendars_with(self, grant: Grant) -> Calendars:
        """Google Calendar through a grant that is not kept yet."""
        from portalcal.adapters.google_calendar import GoogleCalendars
        from portalcal.adapters.google_http import GoogleHttp
        from portalcal.adapters.google_tokens import GrantTokens

        return GoogleCalendars(GoogleHttp(GrantTokens(grant)), self.config.endpoints)

    def beside(self, view: View) -> Portal:
        """The same portal for one of several pieces of work at once: its parts are shared, its view is its own."""
        for name in ("config", "clock", "connections", "ledger"):
            getattr(self, name)
        if self.connections.read() is not None:
            _ = self.calendars
        other = copy.copy(self)
        other.view = view
        return other

    def close(self) -> None:
        """Let go of files and connections; what was never used has nothing to let go of."""
        for name in ("ledger", "calendars"):
            made = self.__dict__.pop(name, None)
            if made is not None:
                made.close()
