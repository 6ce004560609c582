"""Renews the leases of this process on a background thread, so that they lapse soon after it ends, however it ends.

A pooler hands out sessions by the transaction, so a lease cannot rest on a session, nor on a lock that belongs to one.
The thread must never fail the command: a lease that lapses is taken by another process, which repeats the attempt safely.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from portalcal.core.outbox import LEASE
from portalcal.run_all import in_background

LASTS = 20
"""Seconds that a lease lasts from its last renewal, by the server's clock."""

EVERY = 4.0
"""Seconds between renewals, so that a short outage of the server ends no lease."""


class LeaseRenewal:
    """The leases this process holds. `renew` renews them all; while there are any, it is called every few seconds."""

    def __init__(
        self,
        renew: Callable[[], None],
        *,
        every: float = EVERY,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._renew = renew
        self._every = every
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._since: dict[int, float] = {}
        """By outbox entry, when its lease was taken: a process that hangs may hold it for `core.outbox.LEASE` only."""
        self._ended = threading.Event()
        self._is_running = False

    def add(self, entry: int) -> None:
        """Keep a lease alive from now on."""
        with self._lock:
            self._since[entry] = self._monotonic()
            if not self._is_running:
                self._is_running = True
                self._ended = threading.Event()
                in_background(partial(self._run, self._ended), name="leases")

    def discard(self, entry: int) -> None:
        """The lease has ended."""
        with self._lock:
            self._since.pop(entry, None)

    def stop(self) -> bool:
        """Renew nothing more. Returns whether there were leases."""
        with self._lock:
            self._ended.set()
            self._is_running = False
            had_leases = bool(self._since)
            self._since.clear()
        return had_leases

    def _run(self, ended: threading.Event) -> None:
        while not ended.wait(self._every) and self._has_leases(ended):
            self._renew()

    def _has_leases(self, ended: threading.Event) -> bool:
        with self._lock:
            oldest = self._monotonic() - LEASE.total_seconds()
            self._since = {entry: since for entry, since in self._since.items() if since > oldest}
            if not self._since and not ended.is_set():
                self._is_running = False
            return bool(self._since)
