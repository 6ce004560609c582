"""The sockets the loopback receiver listens on."""

from __future__ import annotations

import errno
import socket

from portalcal.errors import Usage

ADDRESSES = ("127.0.0.1", "::1")
"""Where to listen; the first that can be had is the one the redirect names."""

# Enough that a crowd at the door does not make the browser's connection wait for a second try.
_WAITING = 512
_NO_SUCH_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})
_OTHER_PORT = "name another with `--port`, or leave it out to take any free one"


def listen(port: int, addresses: tuple[str, ...]) -> tuple[socket.socket, ...]:
    """The sockets, the one the redirect names first. A machine may speak only one version of IP.

    Raises:
        Usage: the port cannot be had on any of them.
    """
    listeners: list[socket.socket] = []
    trouble = OSError(errno.EADDRNOTAVAIL, "no loopback address")
    for host in addresses:
        try:
            listeners.append(_bound(host, int(listeners[0].getsockname()[1]) if listeners else port))
        except OverflowError:
            raise Usage(f"port {port} cannot be used", _OTHER_PORT) from None
        except OSError as error:
            trouble = error
            if not listeners and error.errno not in _NO_SUCH_ADDRESS:
                break
    if not listeners:
        raise _no_port(port, trouble) from trouble
    return tuple(listeners)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # On Windows SO_REUSEADDR would let another program take the port over; elsewhere it only skips TIME_WAIT.
        exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        listener.setsockopt(socket.SOL_SOCKET, exclusive or socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(_WAITING)
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener


def _no_port(port: int, error: OSError) -> Usage:
    why = (
        "is in use by another program"
        if error.errno == errno.EADDRINUSE
        else f"cannot be used ({error.strerror})"
    )
    fact = f"port {port} {why}" if port else f"no port on this machine can be used ({error.strerror})"
    return Usage(fact, _OTHER_PORT)
