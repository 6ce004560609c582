"""Run the outbox: attempt the calls owed to Google, in due order, each under a lease.

Commands that write run it before their own work; `sync` drains it. Commands that only read never run it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never
from uuid import UUID

from portalcal.core.booking import Booking
from portalcal.core.outbox import MAY_PASS, OutboxEntry, Postponed, Rejected, Succeeded, Task
from portalcal.errors import PortalcalError
from portalcal.ports import Context
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.outbox.attempt import attempt
from portalcal.usecases.outbox.event_mapping import meeting_time
from portalcal.usecases.status.early_warnings import warn_early
from portalcal.warnings import BookingNotKept, BookingNotMoved, EventLeft, EventNotMade

MAX_ENTRIES = 20
"""Entries one command attempts before its own work; `sync` attempts them all."""


@dataclass(frozen=True, slots=True)
class OutboxRun:
    """The bookings whose entries were attempted, by result."""

    succeeded: tuple[UUID, ...] = ()
    postponed: tuple[UUID, ...] = ()
    rejected: tuple[UUID, ...] = ()
    successes: Mapping[UUID, Succeeded] = field(default_factory=dict, compare=False)  # by booking


def run_outbox(
    context: Context,
    *,
    limit: int = MAX_ENTRIES,
    drain: bool = False,
    exclude: UUID | None = None,
    due: tuple[OutboxEntry, ...] | None = None,
    is_silent: bool = False,
) -> OutboxRun:
    """Attempt the entries that are due, oldest first; none while disconnected.

    `drain`: attempt entries in back-off too, and the entries that follow them. `exclude`: a booking whose entry the
    caller attempts itself. `due`: the entries that the caller has found due. `is_silent`: no early warnings.
    Stops at the first failure that every other entry would meet too. A rejection is reported as a warning, since it
    belongs to an earlier command.
    """
    if calendar_selection(context) is None:
        return OutboxRun()
    if drain:
        # The result of `sync` lists what stays in the outbox, so there it needs no warning.
        return _drain(context, exclude=exclude)
    if due is None:
        due = context.ledger.due(context.clock.now(), most=limit)
    outbox_run, _ = _run_entries(context, OutboxRun(), [each for each in due if each.booking != exclude])
    if not is_silent:
        # Where nothing was due nothing is overdue.
        warn_early(context, after_outbox_run=True, may_be_overdue=bool(due))
    return outbox_run


def event_left(booking: Booking, why: PortalcalError) -> EventLeft:
    """The warning about a cancelled booking whose event cannot be deleted."""
    return EventLeft(
        str(booking.id), why.sentence, meeting_time(booking), booking.calendar, booking.request.guest.name
    )


def _drain(context: Context, *, exclude: UUID | None) -> OutboxRun:
    """Attempt every entry once, and those that follow them."""
    outbox_run, attempted, goes_on = OutboxRun(), set[int](), True
    while goes_on:
        owed = context.ledger.owed()
        entries = [each for each in owed if each.id not in attempted and each.booking != exclude]
        if not entries:
            break
        attempted.update(each.id for each in entries)
        outbox_run, goes_on = _run_entries(context, outbox_run, entries)
    return outbox_run


def _run_entries(
    context: Context, outbox_run: OutboxRun, entries: list[OutboxEntry]
) -> tuple[OutboxRun, bool]:
    """Attempt entries in their order. Returns the run with their results, and whether more is worth an attempt."""
    for entry in entries:
        outbox_run, goes_on = _run_entry(context, entry, outbox_run)
        if not goes_on:
            return outbox_run, False
    return outbox_run, True


def _run_entry(context: Context, entry: OutboxEntry, outbox_run: OutboxRun) -> tuple[OutboxRun, bool]:
    """Attempt one entry. Returns the run with its result, and whether the next entry is worth an attempt."""
    attempted = attempt(context, entry.booking, entry.task)
    if attempted is None:
        return outbox_run, True
    booking, result = attempted
    match result:
        case Succeeded():
            successes = {**outbox_run.successes, booking.id: result}
            succeeded = (*outbox_run.succeeded, booking.id)
            return replace(outbox_run, succeeded=succeeded, successes=successes), True
        case Rejected(why):
            _warn_rejected(context, entry, booking, why=why)
            return replace(outbox_run, rejected=(*outbox_run.rejected, booking.id)), True
        case Postponed(why=why):
            goes_on = not isinstance(why, MAY_PASS)
            return replace(outbox_run, postponed=(*outbox_run.postponed, booking.id)), goes_on
        case _:
            assert_never(result)


def _warn_rejected(context: Context, entry: OutboxEntry, booking: Booking, *, why: PortalcalError) -> None:
    guest = booking.request.guest.name
    if entry.task is Task.REMOVE:
        context.view.warn(event_left(booking, why))
    elif entry.task is Task.MOVE:
        context.view.warn(BookingNotMoved(str(booking.id), why.sentence, guest))
    elif booking.is_live:
        context.view.warn(EventNotMade(str(booking.id), why.sentence, guest))
    else:
        context.view.warn(BookingNotKept(str(booking.id), why.message, guest))
