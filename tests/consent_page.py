"""Where the one-time address leads that a browser is started with."""

from __future__ import annotations

import urllib.error
import urllib.request


class _Unfollowed(urllib.request.HTTPRedirectHandler):
    """Does not go where it is led."""

    def redirect_request(self, *_: object) -> None:
        return None


def consent_page(beginning: str) -> str:
    """The address of the consent page; what is no such beginning is taken for the page itself."""
    if "?" in beginning:
        return beginning
    direct = urllib.request.build_opener(_Unfollowed, urllib.request.ProxyHandler({}))
    try:
        direct.open(beginning, timeout=10)
    except urllib.error.HTTPError as led:
        with led:
            return str(led.headers["Location"])
    raise AssertionError(beginning)
