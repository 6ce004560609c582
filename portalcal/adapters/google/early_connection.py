"""Open the TLS connection to Google while the libraries load that will use it: two round trips less to wait for.

Begun only by a command that is about to ask the origin, after the origin was checked, and where no proxy applies.
Nothing but the TLS handshake is sent on it. If it fails it is forgotten: the HTTP client connects as ever, and reports
what is wrong. Must not import requests.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
from collections.abc import Mapping
from time import monotonic

from portalcal.adapters.tls import bundle_in_use, client_context
from portalcal.core.endpoint import Address
from portalcal.run_all import in_background

_CONNECT_SECONDS = 5.0
_MAX_WAIT = 2.0
"""Seconds that a request waits for it. One that takes longer is not worth waiting for."""

_MAX_IDLE = 30.0
"""Seconds, since a router on the way may have forgotten an idle connection without a word: a person may be typing a
passphrase before the first request."""


def begin(address: Address, environ: Mapping[str, str] = os.environ) -> EarlyConnection | None:
    """Begin to connect; None where that saves nothing (http on loopback), or where a proxy may apply."""
    if address.scheme != "https" or _may_have_proxy(environ):
        return None
    return EarlyConnection(address, bundle_in_use(environ))


def _may_have_proxy(environ: Mapping[str, str]) -> bool:
    # `requests` also reads the settings of macOS and Windows, and variables in any case.
    return sys.platform in {"darwin", "win32"} or any(
        value and name.lower() in {"https_proxy", "all_proxy"} for name, value in environ.items()
    )


class EarlyConnection:
    """A connection to one origin, for one request. Thread-safe."""

    def __init__(
        self, address: Address, bundle: str, *, max_wait: float = _MAX_WAIT, max_idle: float = _MAX_IDLE
    ) -> None:
        self._max_wait = max_wait
        self._max_idle = max_idle
        self._connected_at = 0.0
        self._host, self._port = address.host, address.port or 443
        self._lock = threading.Lock()
        self._is_claimed = False
        self._is_over = False  # `take` has returned, or will not be called
        self._socket: ssl.SSLSocket | None = None
        # Read at the same time as the name is looked up and TCP connects.
        self._context = in_background(lambda: client_context(bundle), name="certificates")
        self._opening = in_background(self._open, name="early connection")

    def take(self, host: str, port: int, context: ssl.SSLContext | None) -> ssl.SSLSocket | None:
        """The connected socket, for the first who asks; None if it is not for that server and these authorities."""
        with self._lock:
            if self._is_claimed or (host, port) != (self._host, self._port):
                return None
            self._is_claimed = True
        self._opening.wait(self._max_wait)
        sock = self._end()
        if sock is not None and (sock.context is not context or self._is_stale() or not _is_alive(sock)):
            sock.close()
            return None
        return sock

    def _is_stale(self) -> bool:
        return monotonic() - self._connected_at > self._max_idle

    def close(self) -> None:
        """Close it, unless it was taken."""
        if (sock := self._end()) is not None:
            sock.close()

    def _end(self) -> ssl.SSLSocket | None:
        with self._lock:
            self._is_over = True
            sock, self._socket = self._socket, None
            return sock

    def _open(self) -> None:
        plain = socket.create_connection((self._host, self._port), timeout=_CONNECT_SECONDS)
        with plain:
            # As urllib3 does: head and body are two writes, and the second must not wait for an acknowledgement.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Takes the descriptor over, so that closing `plain` does nothing to it.
            secured = self._context.result().wrap_socket(plain, server_hostname=self._host)
        self._connected_at = monotonic()
        with self._lock:
            if not self._is_over:
                self._socket = secured
                return
        secured.close()


def _is_alive(sock: ssl.SSLSocket) -> bool:
    """Whether the server has neither closed the connection nor sent anything but TLS session tickets."""
    timeout = sock.gettimeout()
    sock.settimeout(0)
    try:
        sock.recv(1)
    except ssl.SSLWantReadError:
        sock.settimeout(timeout)
        return True
    except OSError:
        pass
    return False
