"""What rescheduling and reassigning share: both are an outbox entry *move* of a booking that is still open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import assert_never

from portalcal.core.booking import Booking, Notify, State
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
from portalcal.warnings import MoveNotTold, ReassignmentNotTold


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


def attempt_change(
    context: Context,
    changing: Booking,
    *,
    before: tuple[FreeBusy, ...] | None,
    pending: type[MoveNotTold | ReassignmentNotTold],
) -> tuple[Booking, Notify | None]:
    """Attempt the change. Returns the booking and whom this attempt had Google e-mail.

    `before`: what the command has read of people's free/busy. After a transient failure the entry stays in the outbox and
    everything stays held, with the warning `pending`.

    Raises:
        PortalcalError: why Google, or another booking, refused the change.
    """
    attempted = attempt(context, changing.id, Task.MOVE, before=before)
    if attempted is None:
        return context.ledger.find(str(changing.id)), None
    changed, result = attempted
    match result:
        case Succeeded(notified=notified):
            return changed, notified
        case Postponed(why=why):
            context.view.warn(pending(str(changed.id), why.message, next_step_for(why, context)))
            return changed, None
        case Rejected(why):
            raise why
        case _:
            assert_never(result)
