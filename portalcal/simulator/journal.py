"""What was asked and answered: for people a line a request, for tests every byte."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

_KEPT = 5_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. `status` 0: the connection was dropped without one. `repr` leaves out what is secret."""

    number: int
    at: datetime
    method: str
    path: str
    query: str = field(repr=False)
    operation: str
    status: int
    millis: float
    fault: str = ""
    request_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    request_body: bytes = field(default=b"", repr=False)
    response_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    response_body: bytes = field(default=b"", repr=False)

    def line(self) -> str:
        """Return one line for a person: no query, since that is where codes and states travel."""
        status = str(self.status) if self.status else "---"
        fault = f"  ({self.fault})" if self.fault else ""
        return f"{self.at:%H:%M:%S}  {status}  {self.millis:6.1f} ms  {self.operation:<20} {self.method} {self.path}{fault}"


class Journal:
    """The last exchanges, how many there were of each operation, and who wants to hear of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Exchange] = deque(maxlen=_KEPT)
        self._counts: Counter[str] = Counter()
        self._number = 0
        self._observers: list[Callable[[Exchange], None]] = []
        # What went wrong in the simulator itself, to be raised where somebody sees it.
        self.troubles: list[Exception] = []

    def number(self) -> int:
        """Return the next exchange's number."""
        with self._lock:
            self._number += 1
            return self._number

    def write(self, exchange: Exchange) -> None:
        """Record an exchange and tell the observers, before the answer is on its way.

        An observer's exception is kept in `troubles`: the client is not to blame for it.
        """
        with self._lock:
            self._kept.append(exchange)
            self._counts[exchange.operation] += 1
            observers = list(self._observers)
        for observer in observers:
            try:
                observer(exchange)
            except Exception as error:  # noqa: BLE001 - whatever a test's observer raises is the test's to see
                self.troubles.append(error)

    def observe(self, observer: Callable[[Exchange], None]) -> None:
        """Call `observer` with every exchange from now on, on the server's threads."""
        with self._lock:
            self._observers.append(observer)

    def last(self, most: int = _KEPT) -> list[Exchange]:
        """Return the latest exchanges, oldest first."""
        with self._lock:
            return list(self._kept)[-most:]

    def count(self, operation: str | None = None) -> int:
        """Return how many requests of an operation (or of any) there were since the last `forget`."""
        with self._lock:
            return self._counts.total() if operation is None else self._counts[operation]

    def forget(self) -> None:
        """Start counting from nothing."""
        with self._lock:
            self._kept.clear()
            self._counts.clear()
