"""The simulator's own time, so that a test can make a grant a week old without waiting a week."""

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """Real time plus whatever it was moved by; given a `now`, it stands still until it is moved.

    Standing still makes transcripts repeatable; running makes `portalcal simulator` behave like a service.
    """

    def __init__(self, now: datetime | None = None) -> None:
        """Start at `now` (aware) and stand still, or follow this machine's clock."""
        if now is not None and now.tzinfo is None:
            raise ValueError(f"now must be an aware datetime, not the naive {now.isoformat()}")
        self._frozen = now.astimezone(UTC) if now is not None else None
        self._moved = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the simulator's present instant in UTC."""
        with self._lock:
            return (self._frozen or datetime.now(UTC)) + self._moved

    def advance(
        self,
        delta: timedelta | None = None,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
    ) -> datetime:
        """Move the clock by a delta or its parts (negative: backwards) and return the new now."""
        step = (delta or timedelta()) + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        with self._lock:
            self._moved += step
        return self.now()

    def set(self, instant: datetime) -> None:
        """Make it `instant` now; a running clock runs on from there."""
        self.advance(instant - self.now())
