"""A movable clock, so that a test can age a grant by a week without waiting."""

import threading
from datetime import UTC, datetime, timedelta

# Wide enough for every grant and booking, and far from datetime's limits, where adding an offset overflows.
_FIRST_YEAR, _LAST_YEAR = 1970, 2999


class SimulatedClock:
    """System time plus an offset; with `now`, frozen at that instant plus the offset.

    Frozen, it makes transcripts repeatable; running, it makes `portalcal simulator` behave like a service.
    """

    def __init__(self, now: datetime | None = None) -> None:
        """Freeze the clock at `now` (aware), or follow the system clock."""
        if now is not None and now.tzinfo is None:
            raise ValueError(f"now must be an aware datetime, not the naive {now.isoformat()}")
        self._frozen = now.astimezone(UTC) if now is not None else None
        self._moved = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the simulator's current instant in UTC."""
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
        """Move the clock by a delta or its parts (negative: backwards) and return the new now.

        Raises:
            ValueError: a part is no number, or the clock would leave the years 1970 to 2999.
        """
        try:
            step = (delta or timedelta()) + timedelta(
                days=days, hours=hours, minutes=minutes, seconds=seconds
            )
            moved = self.now() + step
        except (OverflowError, ValueError):
            moved = None
        if moved is None or not _FIRST_YEAR <= moved.year <= _LAST_YEAR:
            raise ValueError(f"the clock goes from {_FIRST_YEAR} to {_LAST_YEAR} and cannot be moved so far")
        with self._lock:
            self._moved += step
        return self.now()

    def set(self, instant: datetime) -> None:
        """Set the current instant; a running clock continues from there."""
        self.advance(instant - self.now())
