"""One connection to the loopback receiver: asking, held until there is an outcome, answered, parting."""

from __future__ import annotations

import contextlib
import math
import selectors
import socket
from enum import Enum, auto


class Phase(Enum):
    """Where a connection stands."""

    ASKING = auto()
    HELD = auto()
    ANSWERING = auto()
    PARTING = auto()
    OVER = auto()


class Connection:
    """A socket that never blocks, what has come in, and what is still to go out."""

    def __init__(self, peer: socket.socket, selector: selectors.BaseSelector, ends_at: float) -> None:
        self.socket = peer
        self.phase = Phase.ASKING
        self.ends_at = ends_at
        self.is_too_large = False
        self._selector = selector
        self._received = bytearray()
        self._unsent = b""
        selector.register(peer, selectors.EVENT_READ)

    @property
    def has_begun(self) -> bool:
        """Whether anything came; browsers open connections they never use."""
        return bool(self._received)

    def advance(self, longest: int) -> bytes | None:
        """Do what the socket is ready for; the head of the request once it is whole."""
        if self.phase is Phase.ANSWERING:
            self._send_on()
            return None
        try:
            received = self.socket.recv(65536)
        except BlockingIOError:
            return None
        except OSError:
            received = b""
        if not received:
            self.phase = Phase.OVER
        if self.phase is not Phase.ASKING:
            # Parting: what still comes in is read and let go, so that closing does not cut off our answer.
            return None
        self._received += received
        head, end, _ = self._received.partition(b"\r\n\r\n")
        self.is_too_large = len(head) > longest
        return bytes(head) if end and not self.is_too_large else None

    def hold(self) -> None:
        """Wait, without a limit, for the outcome."""
        self.phase = Phase.HELD
        self.ends_at = math.inf
        self._selector.unregister(self.socket)

    def send(self, response: bytes, *, ends_at: float) -> None:
        """Answer, then part."""
        if self.phase is Phase.HELD:
            self._selector.register(self.socket, selectors.EVENT_READ)
        self.phase = Phase.ANSWERING
        self.ends_at = ends_at
        self._unsent = response
        self._send_on()

    def close(self) -> None:
        """Let go of the socket."""
        with contextlib.suppress(KeyError):
            self._selector.unregister(self.socket)
        self.socket.close()

    def _send_on(self) -> None:
        try:
            sent = self.socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.phase = Phase.OVER
            return
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._selector.modify(self.socket, selectors.EVENT_WRITE)
            return
        self.phase = Phase.PARTING
        self._selector.modify(self.socket, selectors.EVENT_READ)
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
