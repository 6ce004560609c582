"""Make one time of an offer the booking, in the four beats of `book`.

Converting one time and freeing the others is one transaction, so that a crash anywhere leaves the offer as it was, or
one booking, which the same command goes on with.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from portalcal.core.booking import Booking, Notify, State
from portalcal.core.email_address import is_among
from portalcal.core.intervals import Interval
from portalcal.core.offers import GuestOffer, OfferState
from portalcal.core.outbox import Task
from portalcal.core.people import PanelInputs
from portalcal.core.time import format_time
from portalcal.errors import OfferExpired, SlotTaken, Usage
from portalcal.facts import SHORT_ID, offer_named
from portalcal.ports import ClaimsOverlap, Context
from portalcal.results import Booked
from portalcal.usecases.availability import rules_for
from portalcal.usecases.booking.book import NOTHING_BOOKED, NOTHING_NEW, nothing_booked, put_now
from portalcal.usecases.booking.precheck import PrecheckRequest, describe_holder, precheck, slot_taken
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.keyboard_interrupt import translate_interrupt
from portalcal.usecases.ledger_failure import after_recording, while_recording
from portalcal.usecases.offers import check_open
from portalcal.usecases.outbox.run import run_outbox
from portalcal.usecases.scheduling_inputs import gather_inputs

_SEARCHED = timedelta(days=7)
"""Where alternatives to a time that is lost are looked for."""


def book_offered(
    wanted: str, number: int | None, context: Context, *, notify: Notify | None = None
) -> Booked:
    """Make one of the times of an offer the booking, and free the others in the same transaction.

    The time was promised to the guest, so hours and limits count no more; a conflict at Google does.

    Raises:
        OfferNotFound, OfferExpired, OfferTaken: there is no such offer, or it is over.
        SlotTaken: somebody else has the time, at Google; the offer stays.
        Usage: no such time, or several and none was named.
    """
    # The offer may have become a booking that could not be read.
    with nothing_booked(if_ledger_fails=NOTHING_NEW):
        return _book_offered(wanted, number, context, notify=notify)


def _book_offered(wanted: str, number: int | None, context: Context, *, notify: Notify | None) -> Booked:
    known = context.offers.find(wanted)
    slot = _chosen(known, number)
    if known.state_at(context.clock.now()) is not OfferState.OPEN:
        return _go_on(context, known, slot)
    run_outbox(context)
    slot = replace(slot, request=replace(slot.request, notify=notify or Notify.ALL))
    try:
        inputs = precheck(PrecheckRequest(slot.request, force=True, converting=slot), context)
        _check_beside_hold(context, slot, inputs)
    except SlotTaken:
        # Another process may have made a booking of the offer just now, whose event it is.
        current = context.offers.find(str(known.id))
        if current.state_at(context.clock.now()) is not OfferState.OPEN:
            return _go_on(context, current, slot)
        raise
    booking = _booking_of(slot, context)
    with translate_interrupt(context, booking.id, if_not_recorded=NOTHING_BOOKED):
        try:
            with while_recording(booking.id, Task.PUT):
                held = context.offers.take(known.id, booking, put=booking.calendar is not None)
        except ClaimsOverlap as overlap:
            raise slot_taken(inputs, slot.request, by=describe_holder(overlap, slot.request.zone)) from None
        if held is not None:
            with after_recording(held.id, Task.PUT):
                return _with_event(context, held, inputs=inputs)
    return _go_on(context, context.offers.find(str(known.id)), slot)


def _booking_of(slot: Booking, context: Context) -> Booking:
    """The booking that a time of an offer becomes, without the event that held the time."""
    selection, now = calendar_selection(context), context.clock.now()
    return replace(
        slot,
        id=context.clock.new_id(),
        state=State.HELD if selection else State.CONFIRMED,
        created_at=now,
        updated_at=now,
        calendar=selection.booking if selection else None,
        attempt=0,
        event_id=None,
        event_url=None,
        etag=None,
        notified=None,
        offer=None,
    )


def _check_beside_hold(context: Context, slot: Booking, inputs: PanelInputs) -> None:
    """Look behind the tentative event, which hides from free/busy what lies at the same time. Raises: SlotTaken."""
    selection = calendar_selection(context)
    if selection is None or slot.event_id is None or slot.calendar is None:
        return
    if not is_among(slot.calendar, selection.conflicts):
        return
    others = (
        each for each in context.calendars.events(slot.calendar, slot.buffered) if each.id != slot.event_id
    )
    if any(each.is_busy for each in others):
        raise slot_taken(inputs, slot.request, by=f"an event on {slot.calendar}")


def _chosen(known: GuestOffer, number: int | None) -> Booking:
    """The time of that number; without one, the only time. Raises: Usage."""
    count, named = len(known.slots), offer_named(str(known.id))
    if number is None and count > 1:
        times = ", ".join(
            f"{n}: {format_time(each.meeting.start, each.request.zone)}"
            for n, each in enumerate(known.slots, start=1)
        )
        raise Usage(
            f"{named} has {count} times ({times})", f"name one: `--offer {str(known.id)[:SHORT_ID]}/1`"
        )
    if number is not None and not 0 < number <= count:
        raise Usage(f"{named} has no time {number}", f"its times are 1 to {count}")
    return known.slots[(number or 1) - 1]


def _go_on(context: Context, known: GuestOffer, slot: Booking) -> Booked:
    """The booking that this time became before, with an event that is still owed attempted.

    Raises: OfferExpired, OfferTaken: the offer is over, and did not become this.
    """
    made = context.ledger.get(known.booking) if known.booking else None
    if made is None or made.first_request.start != slot.meeting.start:
        check_open(known, context.clock.now())
        raise OfferExpired(str(known.id), "is over")
    if made.state is State.HELD and made.calendar and calendar_selection(context):
        inputs = _inputs_around(context, made)
        with after_recording(made.id, Task.PUT):
            return _with_event(context, made, inputs=inputs)._replace(is_replayed=True)
    return Booked(replace(made, notified=None), made.request.zone, is_replayed=True)


def _inputs_around(context: Context, made: Booking) -> PanelInputs:
    """The inputs from which alternatives to a booking are computed."""
    rules = rules_for(context, made.request.link, duration=made.request.duration)
    window = Interval(made.meeting.start, made.meeting.start + _SEARCHED)
    return gather_inputs(context, window, link=made.request.link, rules=rules)


def _with_event(context: Context, held: Booking, *, inputs: PanelInputs) -> Booked:
    """Remove the events of the offer's times, which are due before, and put that of the booking."""
    if held.calendar is None:
        return Booked(held, held.request.zone)
    run_outbox(context, exclude=held.id, is_silent=True)
    booking, notified = put_now(held, context, inputs)
    return Booked(replace(booking, notified=notified), held.request.zone)
