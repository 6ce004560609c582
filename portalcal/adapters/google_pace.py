"""Staying under Google's limit of requests a minute, so that a batch is slowed down here and not refused there."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

MOST = 540
"""Requests in any minute. Google allows a user 600 (https://developers.google.com/calendar/api/guides/quota); what
others send for the same account, such as a second process, has the rest."""

_MINUTE = 60.0


class Pace:
    """Calling it waits until one more request may be sent. Threads may share it.

    A sliding window like Google's own: the first `most` requests go at once. `monotonic` and `sleep` are arguments so
    that tests neither wait nor guess; both in seconds.
    """

    def __init__(
        self,
        most: int = MOST,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._sent: deque[float] = deque(maxlen=most)
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Wait for this request's turn."""
        with self._lock:
            now = self._monotonic()
            is_full = len(self._sent) == self._sent.maxlen
            turn = max(now, self._sent[0] + _MINUTE) if is_full else now
            self._sent.append(turn)
        if turn > now:
            self._sleep(turn - now)
