"""This machine, as far as connecting depends on it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from portalcal.adapters.browser import browser_available
from portalcal.adapters.local_zone import machine_zone


class ThisMachine:
    """Its zone, its browser, its loopback addresses."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def zone(self) -> ZoneInfo:
        """The zone it is set to; UTC when it has none."""
        return machine_zone()

    def has_browser(self) -> bool:
        """Whether a browser with pictures can be shown to the person."""
        return browser_available(self._environ)

    def can_listen(self) -> bool:
        """Whether 127.0.0.1 can be listened on."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", 0))
            except OSError:
                return False
        return True

    def proxy(self) -> str | None:
        """The proxy for https, as `host:port`: what `requests` takes from the environment, but for NO_PROXY."""
        named = (self._environ.get(each) for each in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"))
        given = next(filter(None, named), "")
        return given.rpartition("@")[2].rpartition("//")[2].strip("/") or None
