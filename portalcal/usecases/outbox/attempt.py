"""Attempt one outbox entry under its lease, and record the result in the ledger.

Every call may be repeated: the event id is derived from the booking, so a second insert meets the first one's event
(409), and deleting an event that is gone is success. A transient failure postpones the entry with back-off. A permanent
refusal ends it, unless our event may exist at Google: then the outcome is unknown and the entry is postponed as well.

Google is called only while the lease surely lasts, since another process may take the entry once it is over. How many calls
an attempt makes depends on what it finds, so no fixed lease outlasts every attempt. Instead no call begins that could end
after the lease; the entry is postponed and a later attempt continues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never, cast
from uuid import UUID

from portalcal.core.booking import Booking, State
from portalcal.core.outbox import (
    LEASE,
    LONGEST_CALL,
    MAY_PASS,
    AttemptResult,
    OutboxEntry,
    OutcomeUnknown,
    Postponed,
    Rejected,
    Succeeded,
    Task,
    next_try,
)
from portalcal.core.slots import FreeBusy
from portalcal.errors import CalendarLost, CalendarNotWritable, GoogleUnreachable, LeaseOver, PortalcalError
from portalcal.ports import Calendars, Context, Leased
from portalcal.usecases.ledger_failure import after_recording
from portalcal.usecases.outbox.find_event import verify_calendar_refusals
from portalcal.usecases.outbox.move import move
from portalcal.usecases.outbox.put import put
from portalcal.usecases.outbox.remove import remove


def attempt(
    context: Context, booking: UUID, task: Task, *, before: tuple[FreeBusy, ...] | None = ()
) -> tuple[Booking, AttemptResult] | None:
    """Lease the entry of a booking and attempt it. Returns the booking as it stands now, and the result.

    `before`: what the command has read of people's free/busy.

    None: `task` is not the booking's next entry, or another process holds its lease.

    Raises:
        LedgerCutOff: the ledger failed under the lease, so that the result may not be recorded.
    """
    now = context.clock.now()
    leased = context.ledger.lease(booking, task, now=now)
    if leased is None:
        return None
    with after_recording(booking, task):
        return _attempt(_under_lease(context, booking, since=now), leased, before or ())


def _attempt(context: Context, leased: Leased, before: tuple[FreeBusy, ...]) -> tuple[Booking, AttemptResult]:
    # As it is under the lease: another process may have confirmed, moved or ended it before.
    entry, booking = leased
    if entry.task is not Task.REMOVE and not booking.is_live:
        # This process slept past its lease, and another one has ended the booking.
        return context.ledger.settle(entry, booking), Succeeded()
    try:
        with verify_calendar_refusals(context, booking):
            settled, result = _carry_out(context, entry, booking, before)
    except MAY_PASS as error:
        return _postpone(context, entry, booking, why=error)
    except OutcomeUnknown as unknown:
        return _postpone(context, entry, booking, why=unknown.why)
    except PortalcalError as error:
        if entry.task is Task.REMOVE and not _is_calendar_lost(error):
            return _postpone(context, entry, booking, why=error)
        rejected = _after_rejection(context, entry, booking)
        return context.ledger.settle(entry, rejected, is_rejected=True), Rejected(error)
    return context.ledger.settle(entry, settled), result


def _carry_out(
    context: Context, entry: OutboxEntry, booking: Booking, before: tuple[FreeBusy, ...]
) -> tuple[Booking, Succeeded]:
    match entry.task:
        case Task.PUT:
            return put(context, entry, booking, before=before)
        case Task.MOVE:
            return move(context, entry, booking, before=before)
        case Task.REMOVE:
            return remove(context, booking)
        case _:
            assert_never(entry.task)


def _is_calendar_lost(error: PortalcalError) -> bool:
    """Whether the account's calendar list shows that nothing can be deleted on that calendar any more."""
    return isinstance(error, CalendarLost) or (
        isinstance(error, CalendarNotWritable) and error.role != CalendarNotWritable.role
    )


def _after_rejection(context: Context, entry: OutboxEntry, booking: Booking) -> Booking:
    """The booking after a permanent refusal.

    A *put* of a held booking: refused. A late *put* of a confirmed one: confirmed without an event. A *move*: at its old
    time, with no ETag, so that `sync` reads the event. A *remove*: cancelled, the event stays.
    """
    now = context.clock.now()
    if entry.task is Task.REMOVE:
        ended = booking.moved_to(State.CANCELLED, now) if booking.is_live else booking
        return replace(ended, notified=None)
    if entry.task is Task.MOVE:
        return replace(
            booking, moving_to=None, new_participants=None, moved_from=None, etag=None, updated_at=now
        )
    if booking.state is State.CONFIRMED:
        return replace(booking, calendar=None, updated_at=now)
    return booking.moved_to(State.REFUSED, now)


def _postpone(
    context: Context, entry: OutboxEntry, booking: Booking, *, why: PortalcalError
) -> tuple[Booking, AttemptResult]:
    due_at = next_try(entry.attempts, context.clock.now())
    is_unknown = isinstance(why, GoogleUnreachable) and why.sent
    context.ledger.postpone(entry, due_at=due_at, why=why.impersonal_message, outcome_unknown=is_unknown)
    return booking, Postponed(due_at, why)


def _under_lease(context: Context, booking: UUID, *, since: datetime) -> Context:
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
