"""Book a time, in four beats, so that a crash at any step ends in exactly one event or none.

1. Precheck: the schedule offers the time and Google reports it free right now.
2. Hold: one ledger transaction writes the booking as `held`, its claims and the outbox entry *put*. The ledger refuses
   overlapping claims. The same key with the same request gives the same booking.
3. Put: lease the outbox entry and insert the event under an id derived from the booking, which makes retries idempotent.
4. Confirm: re-read the calendar. An older event on the time wins: ours is withdrawn and the booking `refused`; otherwise
   the booking becomes `confirmed`.

A transient failure after the hold leaves the booking `held` and the entry in the outbox. A permanent refusal frees the
time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

from portalcal.core.booking import Booking, BookingRequest, Notify, State, differences
from portalcal.core.intervals import Interval
from portalcal.core.outbox import OutboxEntry, Task
from portalcal.core.participants import Role
from portalcal.core.people import Panel, PanelInputs
from portalcal.core.slots import SchedulingInputs
from portalcal.errors import (
    CalendarLost,
    Interrupted,
    KeyReused,
    NotConnected,
    PortalcalError,
    RoomDeclined,
    SlotTaken,
)
from portalcal.ports import ClaimsOverlap, Context
from portalcal.results import Booked
from portalcal.usecases.availability import rules_for
from portalcal.usecases.booking.change import attempt_now
from portalcal.usecases.booking.choose import choose_participants
from portalcal.usecases.booking.precheck import (
    PrecheckRequest,
    check_offered,
    describe_holder,
    precheck,
    room_declined,
    slot_taken,
)
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.keyboard_interrupt import translate_interrupt
from portalcal.usecases.ledger_failure import LEDGER_FAILURES, after_recording, while_recording
from portalcal.usecases.outbox.run import MAX_ENTRIES, run_outbox
from portalcal.usecases.scheduling_inputs import with_claims
from portalcal.usecases.status.early_warnings import warn_early
from portalcal.warnings import BookingNotTold, MeetPending

NOTHING_BOOKED = "Nothing was booked."
NOTHING_NEW = "Nothing new was booked."

_MAX_CHOICES = 20
"""How often participants are chosen again after another process has claimed one of them."""


class BookOptions(NamedTuple):
    """A booking request and how to carry it out."""

    request: BookingRequest
    key: str | None = None  # idempotency key
    force: bool = False  # overrides the schedule and its rules, never a conflict
    dry_run: bool = False  # precheck only
    is_batch_line: bool = False  # the batch has run the outbox already


def require_connection(context: Context) -> None:
    """Make sure that events can be made.

    Raises:
        NotConnected: nothing is connected, so that a booking would have no event.
    """
    if calendar_selection(context) is None:
        raise NotConnected(context.config.workspace).with_outcome(NOTHING_BOOKED)


def book(options: BookOptions, context: Context) -> Booked:
    """Hold the time, insert the event and check for conflicts.

    Returns the booking `confirmed`; `held` while the outbox still owes Google its event; or the existing booking of
    the same `key`. While disconnected it is recorded without an event, with a warning.

    Raises:
        SlotTaken: somebody else has the time, at Google or here.
        SlotNotOffered: the schedule or its rules do not offer it.
        KeyReused: the key belongs to another request.
        LinkNotFound: no such link.
        LedgerCutOff: the ledger failed, and the time may be held.
        PortalcalError: Google refused, or was unavailable before anything was held.
    """
    # The key may have a booking that could not be read.
    with nothing_booked(if_ledger_fails=NOTHING_NEW if options.key else NOTHING_BOOKED):
        known, due = _look_up(options, context)
        return _replay_booking(options, known, context) if known else _book(options, context, due)


@contextmanager
def nothing_booked(*, if_ledger_fails: str) -> Iterator[None]:
    """Add to every error, Ctrl-C included, that nothing was booked, unless its message has the state of the booking."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted().with_outcome(NOTHING_BOOKED) from None
    except LEDGER_FAILURES as error:
        raise error.with_outcome(if_ledger_fails) from error.__cause__
    except PortalcalError as error:
        raise error.with_outcome(NOTHING_BOOKED) from error.__cause__


def _look_up(options: BookOptions, context: Context) -> tuple[Booking | None, tuple[OutboxEntry, ...] | None]:
    """The booking made earlier under the idempotency key, and the entries that are due, if they are run first."""
    if options.key is None:
        return None, None
    if options.dry_run or options.is_batch_line:
        return context.ledger.under_key(options.key), None
    return context.ledger.under_key_and_due(options.key, context.clock.now(), most=MAX_ENTRIES)


def _book(options: BookOptions, context: Context, due: tuple[OutboxEntry, ...] | None) -> Booked:
    if options.dry_run and not options.is_batch_line:
        warn_early(context)
    elif not options.is_batch_line:
        run_outbox(context, due=due)
    inputs = precheck(PrecheckRequest(options.request, force=options.force), context)
    selection = calendar_selection(context)
    calendar = selection.booking if selection else None
    booking = new_booking(options.request, context, inputs, calendar=calendar, key=options.key)
    if options.dry_run:
        return Booked(booking, booking.request.zone, is_dry_run=True)

    with translate_interrupt(context, booking.id, if_not_recorded=NOTHING_BOOKED):
        held = _hold(options, context, booking, inputs)
        if held.id == booking.id:
            if held.calendar is None:
                return Booked(held, held.request.zone)
            with after_recording(held.id, Task.PUT, is_repeatable=options.key is not None):
                booking, notified = put_now(held, context, inputs)
            return Booked(replace(booking, notified=notified), held.request.zone)
    # Another process with the same key was first.
    return _replay_booking(options, held, context)


def new_booking(
    request: BookingRequest,
    context: Context,
    inputs: PanelInputs,
    *,
    calendar: str | None,
    key: str | None = None,
    offer: UUID | None = None,
) -> Booking:
    """The booking to hold, or a time of an offer. Without a `calendar` there is no event to wait for: it is confirmed."""
    now = context.clock.now()
    return Booking(
        id=context.clock.new_id(),
        workspace=context.config.workspace,
        state=State.HELD if calendar else State.CONFIRMED,
        request=request,
        buffer_before=inputs.inputs.rules.buffer_before,
        buffer_after=inputs.inputs.rules.buffer_after,
        created_at=now,
        updated_at=now,
        key=key,
        calendar=calendar,
        participants=choose_participants(context, inputs, request),
        offer=offer,
    )


def _hold(options: BookOptions, context: Context, booking: Booking, inputs: PanelInputs) -> Booking:
    """Record the booking. Where somebody of a pool, or a room, was just taken, choose again among the others.

    Raises:
        SlotTaken, NobodyFree: the time of the owner or of somebody who must come is taken; nobody else is free.
    """
    for choices_left in reversed(range(_MAX_CHOICES)):
        try:
            with while_recording(booking.id, Task.PUT, is_repeatable=options.key is not None):
                return context.ledger.hold(booking, put=booking.calendar is not None)
        except ClaimsOverlap as overlap:
            if not choices_left or not _is_chosen(booking, overlap.claim.participant):
                by = describe_holder(overlap, options.request.zone)
                raise slot_taken(inputs, options.request, by=by) from None
            inputs = with_claims(context, inputs)
            check_offered(inputs, PrecheckRequest(options.request, force=options.force), context)
            participants = choose_participants(context, inputs, options.request)
            booking = replace(booking, participants=participants)
    raise AssertionError("the last attempt neither returned nor raised")


def _is_chosen(booking: Booking, claimant: str) -> bool:
    """Whether a participant was chosen out of several, so that another one might do."""
    return any(
        each.role in {Role.NEED, Role.ROOM} and each.claimant(booking.workspace) == claimant
        for each in booking.participants
    )


def put_now(held: Booking, context: Context, inputs: PanelInputs) -> tuple[Booking, Notify | None]:
    """Put and confirm. Returns the booking and whom this attempt had Google e-mail.

    After a transient failure the entry stays in the outbox, with a warning.
    """
    try:
        booking, done = attempt_now(context, held, Task.PUT, before=inputs.busy, pending=BookingNotTold)
    except SlotTaken as why:
        raise slot_taken(inputs, held.request, by=why.by) from None
    except RoomDeclined as why:
        raise room_declined(inputs, held, why) from None
    except CalendarLost as why:
        # Nothing is booked, so the hint is to choose another calendar.
        raise CalendarLost(why.calendars, why.account, is_for_bookings=True) from None
    if done and booking.request.meet and booking.is_live and booking.meet_url is None:
        context.view.warn(MeetPending(str(booking.id)))
    return booking, done.notified if done else None


def _replay_booking(options: BookOptions, known: Booking, context: Context) -> Booked:
    """The booking made earlier under this idempotency key, with its put attempted if it is still in the outbox."""
    differs = differences(known.first_request, options.request)
    if differs and options.key:
        raise KeyReused(options.key, str(known.id), differs, known.request.guest.name)
    notified = None
    if known.state is State.HELD and known.calendar and calendar_selection(context) and not options.dry_run:
        rules = rules_for(context, known.request.link, duration=known.request.duration)
        window = Interval(known.meeting.start, known.meeting.start + rules.duration)
        schedule = context.config.link(known.request.link).schedule
        inputs = PanelInputs(SchedulingInputs(schedule, rules, window, context.clock.now()), Panel())
        with (
            translate_interrupt(context, known.id, if_not_recorded=NOTHING_BOOKED),
            after_recording(known.id, Task.PUT),
        ):
            known, notified = put_now(known, context, inputs)
    return Booked(replace(known, notified=notified), known.request.zone, is_replayed=True)
