"""Fault injection: one line per fault, parsed here, drawn before each request is handled.

    <operation|*>: <kind>[=VALUE] [once] [times=N] [rate=5%] [after=N] [retry-after=S] [shape=backend|frontend]

`operation` is a discovery name (`events.insert`), an OAuth one (`oauth.token`) or a pattern (`events.*`).
`once` and `times` limit how often it strikes, `rate` is a probability (seeded), `after` lets that many matching requests
pass first. `shape` is that of the error: the Calendar backend's, or the API front end's with a `google.rpc.Code` status.
"""

import fnmatch
import random
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

# kind: (what it needs after "=", what it does)
FAULT_KINDS: dict[str, tuple[str | None, str]] = {
    "400-invalid": (None, "a value is not acceptable"),
    "400-required": (None, "something mandatory is missing"),
    "400-badRequest": (None, "the request cannot be understood"),
    "400-timeRangeEmpty": (None, "the end does not come after the start"),
    "400-timeRangeTooLong": (None, "more time than is told for at once"),
    "401": (None, "credentials refused, the backend's shape"),
    "401-frontend": (None, "credentials refused, the API front end's shape"),
    "403-rateLimitExceeded": (None, "too fast for the project"),
    "403-userRateLimitExceeded": (None, "too fast for the user"),
    "403-quotaExceeded": (None, "calendar usage limits exceeded; lasts hours"),
    "403-insufficient": (None, "the token's scopes do not reach"),
    "403-not-enabled": (None, "the Calendar API is off in the project"),
    "403-forbidden": (None, "forbidden"),
    "403-requiredAccessLevel": (None, "the calendar can be read but not written"),
    "403-forbiddenForNonOrganizer": (None, "what all guests see belongs to the organizer"),
    "403-forbiddenForServiceAccounts": (None, "only people may do this"),
    "404": (None, "not found"),
    "409-duplicate": (None, "the event id is in use"),
    "409-conflict": (None, "two requests met"),
    "410-deleted": (None, "the event was deleted before"),
    "410-fullSyncRequired": (None, "the sync token is not honoured any more"),
    "410-updatedMinTooLongAgo": (None, "what changed so long ago is not known any more"),
    "412": (None, "If-Match names another version"),
    "429": (None, "too many requests"),
    "500": (None, "backend error"),
    "502": (None, "bad gateway, said by Google"),
    "502-html": (None, "a proxy's page instead of an answer"),
    "503": (None, "service unavailable"),
    "504": (None, "gateway timeout"),
    "invalid-grant": (None, "oauth.token: the grant is dead"),
    "invalid-rapt": (None, "oauth.token: sign in again"),
    "invalid-client": (None, "oauth.token: the client is wrong"),
    "lost-reply": (None, "done, but the connection drops before the answer"),
    "drop": (None, "the connection drops before anything is done"),
    "truncate": (None, "done, but the answer stops halfway"),
    "not-json": (None, "200 with a captive portal's page"),
    "slow": ("seconds", "the answer's body trickles in over so long"),
    "hang": (None, "no answer until the client gives up"),
    "latency": ("seconds", "wait so long before answering"),
    "jitter": ("seconds", "wait up to so long before answering"),
}

LONGEST = 86_400.0
"""The longest delay in seconds: beyond any client's time-out, and accepted by `threading.Event.wait`."""

DELAYS = frozenset({"latency", "jitter"})
SHAPES = ("backend", "frontend")
_SHAPELESS = frozenset(kind for kind in FAULT_KINDS if not kind[0].isdigit()) | {"502-html"}
_SHAPE = re.compile(r"\s*([A-Za-z.*?\[\]-]+)\s*:\s*([A-Za-z0-9-]+)(?:=(\S+))?((?:\s+\S+)*)\s*")

_EXPECTED = (
    "<operation|*>: <kind>[=VALUE] [once] [times=N] [rate=5%] [after=N] [retry-after=S] [shape=backend|frontend], "
    "for example 'events.insert: lost-reply once'"
)


@dataclass(slots=True)
class Fault:
    """A scripted fault with its remaining strikes."""

    text: str  # the line it was parsed from
    operation: str  # a discovery name or a pattern
    kind: str  # a key of FAULT_KINDS
    value: float = 0.0  # seconds
    left: int | None = None  # remaining strikes; None: unlimited
    rate: float = 1.0  # probability of a strike
    skip: int = 0  # matching requests still to let pass
    retry_after: int | None = None  # Retry-After in seconds
    shape: str = ""  # one of SHAPES, or the kind's own
    struck: int = 0  # strikes so far

    @property
    def is_spent(self) -> bool:
        """Whether no strikes remain."""
        return self.left == 0

    def matches(self, operation: str) -> bool:
        """Whether it applies to an operation."""
        return fnmatch.fnmatchcase(operation.lower(), self.operation.lower())


@dataclass(frozen=True, slots=True)
class DrawnFault:
    """The faults drawn for one request: a delay in seconds, and at most one other fault."""

    delay: float = 0.0
    fault: Fault | None = None

    @property
    def kind(self) -> str:
        """The kind of the fault, or an empty text."""
        return self.fault.kind if self.fault else ""


@dataclass(slots=True)
class Faults:
    """The active faults; may be changed while the simulator runs."""

    latency: float = 0.0
    seed: int = 1
    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Seed the random generator, so that runs repeat.

        Raises:
            ValueError: the latency is negative, NaN or longer than a day.
        """
        # In this form the comparison refuses NaN too.
        if not 0 <= self.latency <= LONGEST:
            raise ValueError(f"expected a latency from 0 to {LONGEST:.0f} seconds, not {self.latency:g}")
        self._dice = random.Random(self.seed)

    def __iter__(self) -> Iterator[Fault]:
        """Yield the active faults, oldest first."""
        with self._lock:
            return iter(list(self._faults))

    def add(self, text: str) -> Fault:
        """Activate a fault.

        Raises:
            ValueError: the text is not a fault; the message names what was expected.
        """
        fault = parse_fault(text)
        with self._lock:
            self._faults.append(fault)
        return fault

    def remove(self, text: str) -> None:
        """Deactivate the faults written as `text`."""
        with self._lock:
            self._faults = [fault for fault in self._faults if fault.text != text]

    def clear(self) -> None:
        """Deactivate every fault."""
        with self._lock:
            self._faults.clear()

    def draw(self, operation: str) -> DrawnFault:
        """Draw the faults for one request: the first one that strikes, and the sum of all delays."""
        delay, struck = self.latency, None
        with self._lock:
            for fault in self._faults:
                if not fault.matches(operation) or fault.is_spent or (struck and fault.kind not in DELAYS):
                    continue
                if not self._strikes(fault):
                    continue
                if fault.kind == "latency":
                    delay += fault.value
                elif fault.kind == "jitter":
                    delay += self._dice.uniform(0, fault.value)
                else:
                    struck = fault
        return DrawnFault(delay, struck)

    def _strikes(self, fault: Fault) -> bool:
        if fault.skip:
            fault.skip -= 1
            return False
        if fault.rate < 1 and self._dice.random() >= fault.rate:
            return False
        if fault.left is not None:
            fault.left -= 1
        fault.struck += 1
        return True


def parse_fault(text: str) -> Fault:
    """Parse one fault.

    >>> parse_fault("*: 429 retry-after=3 rate=5%").rate
    0.05

    Raises:
        ValueError: the message names the faulty part and what was expected there.
    """
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise ValueError(f"expected a fault as {_EXPECTED}, not {text!r}")
    operation, kind, value, options = shape.groups()
    kinds = {known.lower(): known for known in FAULT_KINDS}
    if kind.lower() not in kinds:
        raise ValueError(
            f"expected a kind of fault out of {', '.join(FAULT_KINDS)}, not {kind!r} in {text!r}"
        )
    fault = Fault(text, operation, kinds[kind.lower()])
    needs = FAULT_KINDS[fault.kind][0]
    if needs and value is None:
        raise ValueError(f"expected {fault.kind}=SECONDS, not {kind!r} in {text!r}")
    if value is not None:
        if not needs:
            raise ValueError(f"expected no value for {fault.kind}, not {value!r} in {text!r}")
        fault.value = seconds(value, text)
    for option in options.split():
        _apply(fault, option)
    return fault


def seconds(text: str, whole: str) -> float:
    """Parse a duration in seconds: `2`, `0.5`, `2s` or `250ms`.

    Raises:
        ValueError: it is none of these, or longer than a day; the message quotes `whole`.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)?", text)
    if match is None:
        raise ValueError(f"expected seconds such as 2, 0.5 or 250ms, not {text!r} in {whole!r}")
    length = float(match[1]) / (1000 if match[2] == "ms" else 1)
    if length > LONGEST:
        raise ValueError(f"expected at most {LONGEST:.0f} seconds, not {text!r} in {whole!r}")
    return length


def _apply(fault: Fault, option: str) -> None:
    name, _, value = option.partition("=")
    if option == "once":
        fault.left = 1
    elif name in {"times", "after", "retry-after"} and (match := re.fullmatch(r"([0-9]{1,9})s?", value)):
        number = int(match[1])
        if name == "times":
            fault.left = number
        elif name == "after":
            fault.skip = number
        else:
            fault.retry_after = number
    elif name == "rate" and (match := re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", value)):
        fault.rate = min(float(match[1]) / (100 if match[2] else 1), 1.0)
    elif name == "shape" and value in SHAPES:
        if fault.kind in _SHAPELESS:
            raise ValueError(f"expected no shape for {fault.kind}, not {option!r} in {fault.text!r}")
        fault.shape = value
    else:
        raise ValueError(
            "expected once, times=N, rate=5%, after=N, retry-after=SECONDS, shape=backend or shape=frontend, "
            f"not {option!r} in {fault.text!r}"
        )
