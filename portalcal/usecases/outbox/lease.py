"""Call Google only while the lease of the outbox entry surely lasts.

Another process may take an entry once its lease is over. How many calls an attempt makes depends on what it finds, so
no fixed lease outlasts every attempt. Instead no call begins that could end after the lease; the entry is postponed and
a later attempt continues.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from portalcal.core.outbox import LEASE, LONGEST_CALL
from portalcal.errors import LeaseOver
from portalcal.ports import Calendars, Context


def under_lease(context: Context, booking: UUID, *, since: datetime) -> Context:
    """The context for one attempt, leased `since`: its calendars raise LeaseOver when a call could outlast the lease."""
    last = since + LEASE - LONGEST_CALL

    def check() -> None:
        if context.clock.now() > last:
            raise LeaseOver(str(booking))

    return cast("Context", _LeasedContext(context, check))


class _LeasedContext:
    """A context whose calendars call `check` before each use."""

    def __init__(self, context: Context, check: Callable[[], None]) -> None:
        self._context = context
        self._check = check

    @property
    def calendars(self) -> Calendars:
        return cast("Calendars", _LeasedCalendars(self._context, self._check))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


class _LeasedCalendars:
    """Calendars that call `check` before each method."""

    def __init__(self, context: Context, check: Callable[[], None]) -> None:
        self._context = context
        self._check = check

    def __getattr__(self, name: str) -> Any:
        self._check()
        return getattr(self._context.calendars, name)
