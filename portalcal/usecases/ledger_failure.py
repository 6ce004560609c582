"""A ledger that fails within a command: name the booking, and never claim an outcome that is not known.

An error of the ledger knows its own transaction only. Whether an earlier transaction of the same command has recorded
something is known here. Once a change is recorded, no error may claim that nothing was done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from portalcal.core.outbox import Task
from portalcal.errors import LedgerBusy, LedgerCutOff, LedgerTooNew, LedgerUnusable

LEDGER_FAILURES = (LedgerBusy, LedgerCutOff, LedgerTooNew, LedgerUnusable)
"""What every method of the ledger may raise."""

_MAY_BE_THERE = "It may or may not be there."

_GOES_ON = "The next command that books, moves or cancels goes on with it, or `portalcal sync`."


@contextmanager
def while_recording(booking: UUID, task: Task, *, is_repeatable: bool = True) -> Iterator[None]:
    """Name the booking of a transaction whose commit was cut off.

    `is_repeatable`: running the same command again cannot make a second booking.

    Raises:
        LedgerCutOff: whether the change is recorded is not known.
    """
    try:
        yield
    except LedgerCutOff as error:
        named = LedgerCutOff(error.path, booking=str(booking), task=task.value)
        raise _with(named, _MAY_BE_THERE, is_repeatable=is_repeatable) from error


@contextmanager
def after_recording(booking: UUID, task: Task, *, is_repeatable: bool = True) -> Iterator[None]:
    """Report any failure of the ledger as one that came after the booking's change was recorded; see `while_recording`.

    Raises:
        LedgerCutOff: the ledger failed; how far the change got is not known.
    """
    try:
        yield
    except LEDGER_FAILURES as error:
        is_cut_off = isinstance(error, LedgerCutOff)
        failure = f"the connection to the ledger {error.path} was lost" if is_cut_off else error.sentence
        recorded = LedgerCutOff(error.path, str(booking), task.value, is_recorded=True, failure=failure)
        raise _with(recorded, _GOES_ON, is_repeatable=is_repeatable) from error


@contextmanager
def claiming(outcome: str) -> Iterator[None]:
    """Add an outcome to a failure of the ledger: one that is true wherever in the block it comes."""
    try:
        yield
    except LEDGER_FAILURES as error:
        raise error.with_outcome(outcome) from error.__cause__


def _with(error: LedgerCutOff, outcome: str, *, is_repeatable: bool) -> LedgerCutOff:
    error.retryable = is_repeatable
    return error.with_outcome(outcome)
