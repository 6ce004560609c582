"""The TLS context of this process's connections: one for each bundle of certificate authorities.

Reading a bundle takes 20 ms of CPU time, and urllib3 would read it for every connection. The settings are those of
`ssl.create_default_context`. Must not import requests: a context is made while that loads.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Mapping

import certifi

BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""In the order in which `requests` reads them."""

_contexts: dict[str, ssl.SSLContext] = {}
_lock = threading.Lock()


def bundle_in_use(environ: Mapping[str, str]) -> str:
    """The bundle that `requests` uses: a file, or a folder."""
    named = (environ[name] for name in BUNDLE_VARIABLES if environ.get(name))
    return next(named, None) or certifi.where()


def client_context(bundle: str) -> ssl.SSLContext:
    """The context that trusts a bundle; the same one whenever it is asked for.

    Raises:
        OSError, ValueError: it cannot be read, or has no certificate in it.
    """
    with _lock:
        if bundle not in _contexts:
            is_folder = os.path.isdir(bundle)  # noqa: PTH112 - pathlib raises on NUL
            context = ssl.create_default_context(
                cafile=None if is_folder else bundle, capath=bundle if is_folder else None
            )
            context.set_alpn_protocols(["http/1.1"])
            _contexts[bundle] = context
        return _contexts[bundle]
