"""Checks, and the one state they add up to."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from portalcal.errors import Exit


class Health(StrEnum):
    """How one check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


class Condition(StrEnum):
    """The state of a workspace as a whole."""

    CONNECTED = "connected"
    DEGRADED = "degraded"
    DISCONNECTED = "disconnected"
    EXPIRED = "expired"
    REVOKED = "revoked"
    PERMISSION_MISSING = "permission-missing"
    REAUTH_REQUIRED = "reauth-required"
    VAULT_UNAVAILABLE = "vault-unavailable"
    MISCONFIGURED = "misconfigured"
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate-limited"

    @property
    def exit(self) -> Exit:
        """The exit status `status` reports it with (CLI.md)."""
        return _EXITS[self]


_EXITS = {
    Condition.CONNECTED: Exit.DONE,
    Condition.DEGRADED: Exit.DONE,
    Condition.DISCONNECTED: Exit.CONNECT,
    Condition.EXPIRED: Exit.CONNECT,
    Condition.REVOKED: Exit.CONNECT,
    Condition.PERMISSION_MISSING: Exit.CONNECT,
    Condition.REAUTH_REQUIRED: Exit.CONNECT,
    Condition.VAULT_UNAVAILABLE: Exit.CONFIGURATION,
    Condition.MISCONFIGURED: Exit.CONFIGURATION,
    Condition.UNREACHABLE: Exit.TRY_LATER,
    Condition.RATE_LIMITED: Exit.TRY_LATER,
}


class Finding(NamedTuple):
    """What a look at one thing came to. `means` is what it makes of the whole, if it is a failure."""

    detail: str
    health: Health = Health.OK
    hint: str | None = None
    means: Condition = Condition.DEGRADED


class Check(NamedTuple):
    """One question and its answer. `means` is what a failure makes of the whole; `millis` the time it took."""

    name: str
    health: Health
    detail: str
    hint: str | None = None
    millis: int = 0
    means: Condition = Condition.DEGRADED


def overall(checks: Iterable[Check]) -> Condition:
    """The first failure decides, since later ones may only follow from it; a warning degrades."""
    told = tuple(checks)
    for check in told:
        if check.health is Health.FAIL:
            return check.means
    return Condition.DEGRADED if any(each.health is Health.WARN for each in told) else Condition.CONNECTED


_SEVERITY = (Exit.CONFIGURATION, Exit.CONNECT, Exit.TRY_LATER, Exit.DONE)


def worst(conditions: Iterable[Condition]) -> Condition:
    """The one to tell of several: what a person must mend, then what may pass, then what is only to be looked at."""
    return min(
        conditions,
        default=Condition.CONNECTED,
        key=lambda each: (_SEVERITY.index(each.exit), each is Condition.CONNECTED),
    )
