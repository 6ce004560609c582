"""Scripted misbehaviour: one line a fault, parsed here, drawn before each request is answered.

    <operation|*>: <kind>[=VALUE] [once] [times=N] [rate=5%] [after=N] [retry-after=S] [shape=backend|frontend]

`operation` is a discovery name (`events.insert`), an OAuth one (`oauth.token`) or a pattern (`events.*`).
`once` and `times` count down; `rate` rolls seeded dice; `after` lets that many matching requests pass first. `shape` is
the one in which a refusal is written: the Calendar backend's, or the API front end's with a status (GOOGLE.md section 4).
"""

import fnmatch
import random
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

# kind: (what it needs after "=", what it does)
KINDS: dict[str, tuple[str | None, str]] = {
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
DELAYS = frozenset({"latency", "jitter"})
SHAPES = ("backend", "frontend")
_SHAPELESS = frozenset(kind for kind in KINDS if not kind[0].isdigit()) | {"502-html"}
_SHAPE = re.compile(r"\s*([A-Za-z.*?\[\]-]+)\s*:\s*([A-Za-z0-9-]+)(?:=(\S+))?((?:\s+\S+)*)\s*")
_EXPECTED = (
    "<operation|*>: <kind>[=VALUE] [once] [times=N] [rate=5%] [after=N] [retry-after=S] [shape=backend|frontend], "
    "for example 'events.insert: lost-reply once'"
)


@dataclass(slots=True)
class Fault:
    """One scripted misbehaviour and how much of it is left; `value` and `retry_after` are seconds."""

    text: str
    operation: str
    kind: str
    value: float = 0.0
    left: int | None = None
    rate: float = 1.0
    skip: int = 0
    retry_after: int | None = None
    shape: str = ""
    struck: int = 0

    @property
    def is_spent(self) -> bool:
        """Whether it has struck as often as it may."""
        return self.left == 0

    def concerns(self, operation: str) -> bool:
        """Whether it is about this operation."""
        return fnmatch.fnmatchcase(operation.lower(), self.operation.lower())


@dataclass(frozen=True, slots=True)
class Mischief:
    """What was drawn for one request: seconds to wait first, and at most one fault."""

    delay: float = 0.0
    fault: Fault | None = None

    @property
    def kind(self) -> str:
        """The fault's kind, or nothing."""
        return self.fault.kind if self.fault else ""


@dataclass(slots=True)
class Faults:
    """The faults now in force; may be changed while the simulator runs."""

    latency: float = 0.0
    seed: int = 1
    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Seed the dice: the same script gives the same run."""
        self._dice = random.Random(self.seed)

    def __iter__(self) -> Iterator[Fault]:
        """Yield the faults in force, oldest first."""
        with self._lock:
            return iter(list(self._faults))

    def add(self, text: str) -> Fault:
        """Put a fault in force.

        Raises:
            ValueError: the text is no fault; the message says what was expected.
        """
        fault = parse(text)
        with self._lock:
            self._faults.append(fault)
        return fault

    def remove(self, text: str) -> None:
        """Lift the faults written as `text`."""
        with self._lock:
            self._faults = [fault for fault in self._faults if fault.text != text]

    def clear(self) -> None:
        """Lift every fault."""
        with self._lock:
            self._faults.clear()

    def draw(self, operation: str) -> Mischief:
        """Return what happens to one request; the first fault that strikes is the one, delays add up."""
        delay, struck = self.latency, None
        with self._lock:
            for fault in self._faults:
                if not fault.concerns(operation) or fault.is_spent or (struck and fault.kind not in DELAYS):
                    continue
                if not self._strikes(fault):
                    continue
                if fault.kind == "latency":
                    delay += fault.value
                elif fault.kind == "jitter":
                    delay += self._dice.uniform(0, fault.value)
                else:
                    struck = fault
        return Mischief(delay, struck)

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


def parse(text: str) -> Fault:
    """Read one fault.

    >>> parse("*: 429 retry-after=3 rate=5%").rate
    0.05

    Raises:
        ValueError: it cannot be read; the message names the part and what was expected there.
    """
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise ValueError(f"expected a fault as {_EXPECTED}, not {text!r}")
    operation, kind, value, options = shape.groups()
    kinds = {known.lower(): known for known in KINDS}
    if kind.lower() not in kinds:
        raise ValueError(f"expected a kind of fault out of {', '.join(KINDS)}, not {kind!r} in {text!r}")
    fault = Fault(text, operation, kinds[kind.lower()])
    needs = KINDS[fault.kind][0]
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
    """Read a length of time in seconds: `2`, `0.5`, `2s` or `250ms`.

    Raises:
        ValueError: it is none of these; `whole` is quoted as the place.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)?", text)
    if match is None:
        raise ValueError(f"expected seconds such as 2, 0.5 or 250ms, not {text!r} in {whole!r}")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def _apply(fault: Fault, option: str) -> None:
    name, _, value = option.partition("=")
    if option == "once":
        fault.left = 1
    elif name in {"times", "after", "retry-after"} and value.removesuffix("s").isdecimal():
        number = int(value.removesuffix("s"))
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
