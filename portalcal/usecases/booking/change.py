"""What booking, rescheduling and reassigning share: the call to Google that is attempted as soon as it is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import assert_never

from portalcal.core.booking import Booking, State
from portalcal.core.outbox import Postponed, Rejected, Succeeded, Task
from portalcal.core.slots import FreeBusy
from portalcal.errors import (
    AlreadyMoved,
    BookingBusy,
    BookingNotFound,
    BookingOver,
    Interrupted,
    PortalcalError,
)
from portalcal.ports import Context
from portalcal.usecases.outbox.attempt import attempt
from portalcal.usecases.status.early_warnings import next_step_for
from portalcal.warnings import BookingNotTold, MoveNotTold, ReassignmentNotTold


def check_open(booking: Booking) -> None:
    """Raises: BookingOver: it is cancelled, on its way out or refused."""
    if booking.state not in {State.HELD, State.CONFIRMED}:
        raise BookingOver(str(booking.id), booking.state.value, booking.request.guest.name)


def booking_busy(booking: Booking) -> BookingBusy:
    """The error for a booking whose earlier change is still in the outbox."""
    return BookingBusy(str(booking.id), booking.request.guest.name)


@contextmanager
def unchanged_after_errors(outcome: str) -> Iterator[None]:
    """Add to every error that the booking stays as it was, unless its message has the state of the booking already."""
    try:
        yield
    except (BookingNotFound, BookingOver, AlreadyMoved, Interrupted):
        raise
    except PortalcalError as error:
        raise error.with_outcome(outcome) from error.__cause__


def attempt_now(
    context: Context,
    held: Booking,
    task: Task,
    *,
    before: tuple[FreeBusy, ...] | None,
    pending: type[BookingNotTold | MoveNotTold | ReassignmentNotTold],
) -> tuple[Booking, Succeeded | None]:
    """Attempt the call that was just recorded. Returns the booking, and the result if this attempt succeeded.

    `before`: what the command has read of people's free/busy. After a transient failure the entry stays in the outbox and
    everything stays held, with the warning `pending`.

    Raises:
        PortalcalError: why Google, or another booking, refused the call.
    """
    attempted = attempt(context, held.id, task, before=before)
    if attempted is None:
        return context.ledger.find(str(held.id)), None
    changed, result = attempted
    match result:
        case Succeeded():
            return changed, result
        case Postponed(why=why):
            context.view.warn(pending(str(changed.id), why.message, next_step_for(why, context)))
            return changed, None
        case Rejected(why):
            raise why
        case _:
            assert_never(result)
