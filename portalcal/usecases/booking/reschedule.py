"""Reschedule a booking. Both times are held until Google has moved the event.

Precheck the new time; hold it beside the old one, with the outbox entry *move*, in one transaction; patch the event's
time; re-read the calendar, and move the event back if an older event has the new time. Then the old time is freed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking, Notify
from portalcal.core.intervals import Interval
from portalcal.core.outbox import Succeeded, Task
from portalcal.core.people import PanelInputs
from portalcal.core.time import format_time
from portalcal.errors import AlreadyMoved, RoomDeclined, SlotTaken
from portalcal.ports import ClaimsOverlap, Context, EntryPending
from portalcal.results import Rescheduled
from portalcal.usecases.booking.change import attempt_now, booking_busy, check_open, unchanged_after_errors
from portalcal.usecases.booking.choose import choose_participants
from portalcal.usecases.booking.precheck import (
    PrecheckRequest,
    describe_holder,
    precheck,
    room_declined,
    slot_taken,
)
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.find_booking import find_booking
from portalcal.usecases.keyboard_interrupt import translate_early_interrupt, translate_interrupt
from portalcal.usecases.ledger_failure import after_recording, while_recording
from portalcal.usecases.outbox.run import OutboxRun, run_outbox
from portalcal.usecases.status.early_warnings import LATER
from portalcal.warnings import EventLeftInPlace, MoveNotTold

NOTHING_MOVED = "The booking stays where it was."
NOTHING_MOVED_AT_ALL = "Nothing was moved."


class RescheduleRequest(NamedTuple):
    """Which booking to move, and where to."""

    booking: str
    start: datetime
    zone: ZoneInfo  # of messages and of the result
    duration: timedelta | None = None  # None: as before
    reason: str = ""
    notify: Notify | None = None  # whom Google e-mails; None: as before
    force: bool = False  # overrides the schedule and its rules, never a conflict
    is_batch_line: bool = False  # the batch has run the outbox already
    reassign: bool = False  # choose people and the room again; else they stay


def reschedule(options: RescheduleRequest, context: Context) -> Rescheduled:
    """Hold the new time, move the event, then free the old time.

    Returns the booking at its new time, or with `moving_to` while the outbox still owes the move: then both times are
    held. While disconnected, or without an event, it moves in the ledger at once, with a warning if an event stays.

    Raises:
        BookingNotFound, BookingOver: no such booking, or none that can be moved.
        SlotTaken, NobodyFree, SlotNotOffered: somebody has the new time, or the schedule does not offer it.
        RoomDeclined: the room is taken then.
        AlreadyMoved: somebody moved or deleted the event in the calendar.
        BookingBusy: an earlier change of the booking is still in the outbox.
        LedgerCutOff: the ledger failed, and the new time may be held.
        PortalcalError: Google refused, or was unavailable before anything was held.
    """
    with unchanged_after_errors(NOTHING_MOVED):
        return _reschedule(options, context)


def _reschedule(options: RescheduleRequest, context: Context) -> Rescheduled:
    outbox_run = OutboxRun() if options.is_batch_line else run_outbox(context)
    booking = find_booking(options.booking, context)
    check_open(booking)
    to = Interval(options.start, options.start + (options.duration or booking.request.duration))
    if to in {booking.meeting, booking.moving_to}:
        return _already_requested(
            options, context, booking, to=to, just_now=outbox_run.successes.get(booking.id)
        )

    request = replace(booking.request, start=to.start, duration=to.length, zone=options.zone)
    check = PrecheckRequest(request, force=options.force, moving=booking, keeps_people=not options.reassign)
    people = None
    with translate_early_interrupt(NOTHING_MOVED):
        inputs = precheck(check, context)
        if options.reassign:
            people = choose_participants(context, inputs, request, but_not=booking.id)
    wanted = replace(booking, moving_to=to, new_participants=people)

    with translate_interrupt(context, booking.id, if_not_recorded=NOTHING_MOVED):
        with while_recording(booking.id, Task.MOVE):
            moving = _begin_move(options, context, wanted, inputs=inputs)
        check_open(moving)
        moved, notified = moving, None
        if moving.moving_to:
            with after_recording(booking.id, Task.MOVE):
                moved, notified = _move_now(moving, context, inputs, zone=options.zone)
    check_open(moved)
    if to not in {moved.meeting, moved.moving_to}:
        # This process slept past its lease, and another one moved the booking elsewhere.
        meeting = moved.moving_to or moved.meeting
        when = format_time(meeting.start, options.zone, end=meeting.end)
        raise AlreadyMoved(str(moved.id), when, moved.request.guest.name)
    return Rescheduled(replace(moved, notified=notified), options.zone, booking.meeting)


def _already_requested(
    options: RescheduleRequest,
    context: Context,
    booking: Booking,
    *,
    to: Interval,
    just_now: Succeeded | None,
) -> Rescheduled:
    """The booking is at the requested time or already moving there, as when the same command is repeated.

    `just_now`: this command's own outbox run may have carried out the pending move.
    """
    is_there = to == booking.meeting and booking.moving_to is None
    if not is_there and to == booking.meeting:
        raise booking_busy(booking)
    if not is_there:
        why = "another process is at it, or a failed attempt has to wait"
        context.view.warn(MoveNotTold(str(booking.id), why, LATER))
    if just_now and just_now.previous:
        return Rescheduled(
            replace(booking, notified=just_now.notified), options.zone, just_now.previous, was_already=True
        )
    booking = replace(booking, notified=None)
    return Rescheduled(booking, options.zone, booking.meeting, was_already=is_there)


def _begin_move(
    options: RescheduleRequest, context: Context, booking: Booking, *, inputs: PanelInputs
) -> Booking:
    """Hold the new time beside the old one; while disconnected, or without an event, move the booking at once."""
    is_connected = calendar_selection(context) is not None
    requested = replace(
        booking,
        request=replace(booking.request, notify=options.notify or booking.request.notify),
        moved_because=options.reason,
        updated_at=context.clock.now(),
    )
    try:
        moving = context.ledger.begin_move(requested, at_once=not is_connected or booking.calendar is None)
    except ClaimsOverlap as overlap:
        request = replace(requested.at(inputs.inputs.rules.meeting(options.start)).request, zone=options.zone)
        raise slot_taken(inputs, request, by=describe_holder(overlap, options.zone)) from None
    except EntryPending:
        raise booking_busy(booking) from None
    if not is_connected and moving.moved_from:
        context.view.warn(EventLeftInPlace(str(moving.id), moving.event_id))
    return moving


def _move_now(
    moving: Booking, context: Context, inputs: PanelInputs, *, zone: ZoneInfo
) -> tuple[Booking, Notify | None]:
    """Attempt the move. Returns the booking and whom this attempt had Google e-mail."""
    try:
        moved, done = attempt_now(context, moving, Task.MOVE, before=inputs.busy, pending=MoveNotTold)
    except RoomDeclined as why:
        raise _with_free_room(room_declined(inputs, moving, why), moving) from None
    except SlotTaken as why:
        if not moving.moving_to:
            raise
        raise slot_taken(inputs, replace(moving.at(moving.moving_to).request, zone=zone), by=why.by) from None
    return moved, done.notified if done else None


def _with_free_room(declined: RoomDeclined, moving: Booking) -> RoomDeclined:
    """The error with the command that takes another room: a booking that is moved keeps its own."""
    if not declined.free:
        return declined
    free = declined.free[0]
    return declined.with_remedy(
        f"free at that time: {', '.join(declined.free)}; take one with "
        f"`portalcal reassign {moving.short_id} --from {declined.room} --to {free}`, then move the meeting"
    )
