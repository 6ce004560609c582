"""Errands: calls owed to Google, each safe to repeat, and what trying one comes to."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from portalcal.errors import PortalcalError

LEASE = timedelta(minutes=2)
"""How long one process may work on an errand before another may take it: longer than any one delivery can last.

One that has ended has no errands; the lease is for those that hang, or of which nobody knows.
"""

_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=1)


class Task(StrEnum):
    """What the errand is to bring about."""

    PUT = "put"
    REMOVE = "remove"
    MOVE = "move"


class Errand(NamedTuple):
    """One owed call. `attempts` counts tries begun; `outcome_unknown`: the last one may have reached Google.

    `lease` is the number of its latest lease; the ledger takes a report only under that.
    """

    id: int
    booking: UUID
    task: Task
    attempts: int
    due_at: datetime
    outcome_unknown: bool = False
    last_error: str | None = None
    lease: int = 0


class Delivered(NamedTuple):
    """Google has what it should have. `was_already`: it had it before this attempt."""

    was_already: bool = False


class Retry(NamedTuple):
    """Not now; try again at `at`. `why` is what stood in the way."""

    at: datetime
    why: PortalcalError


class Refused(NamedTuple):
    """Never: `why` is permanent."""

    why: PortalcalError


Delivery = Delivered | Retry | Refused


def next_try(attempts: int, now: datetime) -> datetime:
    """When an errand tried `attempts` times is due again.

    At once after the first failure, so that the very next command delivers it; then doubling from 30 s up to an hour.
    """
    if attempts <= 1:
        return now
    return now + min(_FIRST_PAUSE * (1 << min(attempts - 2, 12)), _LONGEST_PAUSE)
