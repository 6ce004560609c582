"""Request log: one line per exchange for people, headers and bodies for tests."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

_KEPT = 5_000


@dataclass(frozen=True, slots=True)
class LoggedExchange:
    """One request and its response; `repr` omits fields that may hold secrets."""

    number: int
    at: datetime
    method: str
    path: str
    query: str = field(repr=False)
    operation: str
    status: int  # 0: the connection was dropped without a response
    millis: float
    fault: str = ""
    request_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    request_body: bytes = field(default=b"", repr=False)
    response_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    response_body: bytes = field(default=b"", repr=False)

    def line(self) -> str:
        """Return a line for people, without the query: authorization codes and states are in it."""
        status = str(self.status) if self.status else "---"
        fault = f"  ({self.fault})" if self.fault else ""
        return f"{self.at:%H:%M:%S}  {status}  {self.millis:6.1f} ms  {self.operation:<20} {self.method} {self.path}{fault}"


class RequestLog:
    """The latest exchanges, a counter per operation, and observers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[LoggedExchange] = deque(maxlen=_KEPT)
        self._counts: Counter[str] = Counter()
        self._number = 0
        self._observers: list[Callable[[LoggedExchange], None]] = []
        # Errors of the simulator and of observers; `Simulator.__exit__` raises the first.
        self.internal_errors: list[Exception] = []

    def number(self) -> int:
        """Return the number of the next exchange."""
        with self._lock:
            self._number += 1
            return self._number

    def write(self, exchange: LoggedExchange) -> None:
        """Record an exchange and call the observers, before the response is sent.

        An observer's exception goes to `internal_errors`, not into the response.
        """
        with self._lock:
            self._kept.append(exchange)
            self._counts[exchange.operation] += 1
            observers = list(self._observers)
        for observer in observers:
            try:
                observer(exchange)
            except Exception as error:  # noqa: BLE001 - any error of an observer belongs to the test
                self.internal_errors.append(error)

    def observe(self, observer: Callable[[LoggedExchange], None]) -> None:
        """Call `observer` with every further exchange, on the server's threads."""
        with self._lock:
            self._observers.append(observer)

    def last(self, most: int = _KEPT) -> list[LoggedExchange]:
        """Return the latest exchanges, oldest first."""
        with self._lock:
            return list(self._kept)[-most:]

    def count(self, operation: str | None = None) -> int:
        """Return the number of requests since the last `forget`, of one operation or of all."""
        with self._lock:
            return self._counts.total() if operation is None else self._counts[operation]

    def forget(self) -> None:
        """Clear the log and its counters."""
        with self._lock:
            self._kept.clear()
            self._counts.clear()
