"""A lock on a shared database connection that closes the connection with its last user."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_CLOSE_TIMEOUT = 0.2
"""Seconds to wait for another thread of this process; a transaction takes milliseconds."""


class ConnectionLock:
    """A reentrant lock around a connection. `close` is called when the lock is closed and nobody holds it."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._close_connection = close
        self._lock = threading.RLock()
        self._depth = 0
        self._is_closed = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for a block; a thread may nest blocks."""
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                self._close_if_unused()

    def close(self) -> None:
        """Close the connection now, or when a longer block ends: `status` must not wait for a server that hangs.

        A thread that takes the lock later may open the connection again; it is closed at the end of its block.
        """
        self._is_closed = True
        if self._lock.acquire(timeout=_CLOSE_TIMEOUT):
            try:
                self._close_if_unused()
            finally:
                self._lock.release()

    def wait(self) -> None:
        """Wait for another thread's block to end, but not for a long one."""
        if self._lock.acquire(timeout=_CLOSE_TIMEOUT):
            self._lock.release()

    def _close_if_unused(self) -> None:
        if self._is_closed and not self._depth:
            self._close_connection()
