"""The outbox: calls owed to Google, each safe to repeat, and the result of an attempt."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from portalcal.core.booking import Notify
from portalcal.core.intervals import Interval
from portalcal.errors import (
    AlreadyMoved,
    CalendarLost,
    ConnectError,
    EnvironmentInvalid,
    PortalcalError,
    SlotTaken,
    TryLaterError,
)

LEASE = timedelta(minutes=10)
"""How long one process may work on an outbox entry before another may take it.

A process that has ended loses its leases at once; the time limit is for processes that hang, or whose end cannot be seen.
"""

LONGEST_CALL = timedelta(minutes=4)
"""The longest that one call to Google takes, with renewal of the access token and all retries.

No call begins when less than this is left of the lease, so a lease outlasts every call made under it.
"""

_FIRST_PAUSE = timedelta(seconds=30)

_LONGEST_PAUSE = timedelta(hours=1)

MAY_PASS = (TryLaterError, ConnectError, EnvironmentInvalid)
"""Failures that are no refusal by Google. EnvironmentInvalid: a fault of this machine, such as an unusable proxy."""


class Task(StrEnum):
    """The kind of call."""

    PUT = "put"
    REMOVE = "remove"
    MOVE = "move"


class OutboxEntry(NamedTuple):
    """One call owed to Google."""

    id: int
    booking: UUID
    task: Task
    attempts: int  # begun so far
    due_at: datetime
    outcome_unknown: bool = False  # the last attempt may have reached Google
    last_error: str | None = None
    lease: int = 0  # number of the latest lease; the ledger accepts results under that one only


class Succeeded(NamedTuple):
    """The calendar is as it should be."""

    was_already: bool = False  # before this attempt
    notified: Notify | None = None  # whom Google e-mailed for this attempt; None: nothing was changed
    previous: Interval | None = None  # the time a meeting was moved from


class Postponed(NamedTuple):
    """A temporary failure `why`; the next attempt is due at `at`."""

    at: datetime
    why: PortalcalError


class Rejected(NamedTuple):
    """A permanent failure."""

    why: PortalcalError


AttemptResult = Succeeded | Postponed | Rejected


def next_try(attempts: int, now: datetime) -> datetime:
    """When an entry is due again after `attempts` attempts: exponential backoff from 30 s up to an hour.

    After the first failure it is due at once, so that the next command that runs the outbox tries it.
    """
    if attempts <= 1:
        return now
    return now + min(_FIRST_PAUSE * (1 << min(attempts - 2, 12)), _LONGEST_PAUSE)


class OutcomeUnknown(Exception):
    """Google refused permanently, while our event may exist there or differ from the booking.

    The booking keeps its claims and the outbox entry stays. `why` is the refusal.
    """

    def __init__(self, why: PortalcalError) -> None:
        super().__init__(why.code)
        self.why = why


@contextmanager
def refusals_leave_outcome_unknown(*expected: type[PortalcalError]) -> Iterator[None]:
    """Raise permanent refusals as OutcomeUnknown. Errors in `expected` pass: they are results of the call.

    Raises:
        OutcomeUnknown: Google refused permanently.
    """
    known: tuple[type[PortalcalError], ...] = (
        TryLaterError,
        ConnectError,
        AlreadyMoved,
        SlotTaken,
        CalendarLost,
        *expected,
    )
    try:
        yield
    except known:
        raise
    except PortalcalError as error:
        raise OutcomeUnknown(error) from error
