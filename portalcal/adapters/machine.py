"""Facts about this machine that connecting depends on: time zone, browser, loopback."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from portalcal.adapters.consent.browser import browser_available
from portalcal.adapters.local_zone import local_zone, machine_zone


class ThisMachine:
    """The port `Machine` for the real machine."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def zone(self) -> ZoneInfo:
        """The machine's time zone; UTC if it has none."""
        return machine_zone()

    def zone_problem(self) -> str | None:
        """Why the zone had to be guessed; None if it was not."""
        return local_zone().problem

    def has_browser(self) -> bool:
        """Whether a graphical browser can be started on the user's screen."""
        return browser_available(self._environ)

    def can_listen(self) -> bool:
        """Whether a socket can be bound to 127.0.0.1."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", 0))
            except OSError:
                return False
        return True
