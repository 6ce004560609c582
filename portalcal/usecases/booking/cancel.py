"""Cancel a booking and delete its event.

One ledger transaction sets the booking to `cancelling` and writes the outbox entry *remove*; a *put* that was never
attempted is dropped instead. The claims end at once. The event is deleted now, or by a later run of the outbox.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, assert_never

from portalcal.core.booking import Booking, Notify, State
from portalcal.core.outbox import Postponed, Rejected, Succeeded, Task
from portalcal.ports import Context
from portalcal.results import Cancelled
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.find_booking import find_booking
from portalcal.usecases.keyboard_interrupt import translate_interrupt
from portalcal.usecases.ledger_failure import after_recording, claiming, while_recording
from portalcal.usecases.outbox.attempt import attempt
from portalcal.usecases.outbox.run import event_left, run_outbox
from portalcal.usecases.status.early_warnings import next_step_for, warn_early
from portalcal.warnings import EventLeftAsItWas, RemovalNotTold

NOTHING_CANCELLED = "Nothing was cancelled."


class CancelRequest(NamedTuple):
    """Which booking to cancel."""

    booking: str
    reason: str = ""
    notify: Notify | None = None  # whom Google e-mails; None: as when it was booked
    is_batch_line: bool = False  # the batch has run the outbox already


def cancel(options: CancelRequest, context: Context) -> Cancelled:
    """Free the time at once, and delete the event now or through the outbox.

    A booking that is cancelled already, or whose event is gone, is success. While disconnected the event stays in the
    calendar, with a warning.

    Raises:
        BookingNotFound: no such booking in this workspace, or several of that guest.
        LedgerCutOff: the ledger failed, and the booking may be cancelled.
    """
    with claiming(NOTHING_CANCELLED):
        return _cancel(options, context)


def _cancel(options: CancelRequest, context: Context) -> Cancelled:
    booking = find_booking(options.booking, context)
    with translate_interrupt(context, booking.id, if_not_recorded=NOTHING_CANCELLED):
        with while_recording(booking.id, Task.REMOVE):
            cancelling = _begin_cancel(options, context, booking) if booking.is_live else booking
        with after_recording(booking.id, Task.REMOVE):
            # Only after the ledger has it as cancelling: the run must not carry out a pending put of this booking.
            if not options.is_batch_line:
                run_outbox(context, exclude=booking.id, is_silent=True)
            ended, removal = _remove_now(context, cancelling)
            if not options.is_batch_line:
                warn_early(context, after_outbox_run=True)
    was_gone = removal.was_already and booking.is_live
    return Cancelled(
        replace(ended, notified=removal.notified),
        booking.request.zone,
        was_already=was_gone or not booking.is_live,
        was_gone=was_gone,
    )


def _begin_cancel(options: CancelRequest, context: Context, booking: Booking) -> Booking:
    cancelling = replace(
        booking,
        request=replace(booking.request, notify=options.notify or booking.request.notify),
        ended_because=options.reason,
        ended_by="user",
        updated_at=context.clock.now(),
    )
    return context.ledger.begin_cancel(cancelling)


def _remove_now(context: Context, cancelling: Booking) -> tuple[Booking, Succeeded]:
    """Attempt the removal if the outbox has it. After a transient failure it stays there, with a warning."""
    nothing_done = Succeeded()
    if calendar_selection(context) is None:
        if cancelling.state is not State.CANCELLING:
            return cancelling, nothing_done
        context.view.warn(EventLeftAsItWas(str(cancelling.id), cancelling.event_id))
        return context.ledger.release(cancelling), nothing_done
    attempted = attempt(context, cancelling.id, Task.REMOVE)
    if attempted is None:
        if cancelling.state is State.CANCELLING:
            other, next_step = "another process is at it", "it removes it, or `portalcal sync` does"
            context.view.warn(RemovalNotTold(str(cancelling.id), other, next_step))
            return context.ledger.find(str(cancelling.id)), nothing_done
        return cancelling, nothing_done
    ended, result = attempted
    match result:
        case Succeeded():
            return ended, result
        case Rejected(why=why):
            context.view.warn(event_left(ended, why))
            return ended, nothing_done
        case Postponed(why=why):
            context.view.warn(RemovalNotTold(str(ended.id), why.message, next_step_for(why, context)))
            return ended, nothing_done
        case _:
            assert_never(result)
