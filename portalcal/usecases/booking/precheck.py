"""The first beat of booking and rescheduling: does the schedule offer the time, and is it free at Google right now?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking, BookingRequest
from portalcal.core.calendar_id import split
from portalcal.core.intervals import Interval
from portalcal.core.participants import Participant
from portalcal.core.people import PanelInputs, panel_reasons, rooms_free
from portalcal.core.reason_text import ReasonText
from portalcal.core.slots import Reason, ReasonCode, Rules
from portalcal.core.time import format_time
from portalcal.errors import NobodyFree, RoomDeclined, SlotNotOffered, SlotTaken
from portalcal.facts import booking_named, offer_named
from portalcal.ports import ClaimsOverlap, Context
from portalcal.usecases.availability import rules_for
from portalcal.usecases.find_booking import guests_behind
from portalcal.usecases.scheduling_inputs import alternatives, gather_inputs, without_booking

# The window searched for alternatives. One free/busy request covers it and the check itself.
_BEFORE, _AFTER = timedelta(days=3), timedelta(days=7)


class PrecheckRequest(NamedTuple):
    """A booking request to check."""

    request: BookingRequest
    force: bool = False  # overrides the schedule and its rules, never a conflict
    moving: Booking | None = None  # the booking to reschedule, whose own claims are no conflict
    keeps_people: bool = True  # of `moving`; else they are chosen again
    converting: Booking | None = None  # the time of an offer that becomes the booking; likewise


def precheck(options: PrecheckRequest, context: Context) -> PanelInputs:
    """Check that the time is offered and free. Returns the inputs, from which alternatives can be computed later.

    Raises:
        SlotTaken, NobodyFree, SlotNotOffered: as `check_offered`.
        LinkNotFound: no such link.
        PortalcalError: Google was unavailable.
    """
    request, now = options.request, context.clock.now()
    window = Interval(min(request.start, max(now, request.start - _BEFORE)), request.start + _AFTER)
    inputs = gather_inputs(
        context,
        window,
        link=request.link,
        rules=_rules(options, context),
        panel=request.people,
        present=_present(options),
        guests=1 + len(request.guests),
    )
    if options.moving:
        inputs = without_booking(inputs, options.moving)
    if options.converting:
        inputs = _without_offer(inputs, options.converting)
    if options.force:
        inputs = inputs.forced()
    check_offered(inputs, options, context)
    return inputs


def _present(options: PrecheckRequest) -> tuple[Participant, ...] | None:
    """Who takes part already; None where people are chosen."""
    if options.converting:
        return options.converting.participants
    return options.moving.participants if options.moving and options.keeps_people else None


def _without_offer(inputs: PanelInputs, slot: Booking) -> PanelInputs:
    """The inputs without the claims of an offer; its times are busy at Google only where it has events."""
    offer = str(slot.offer)
    if slot.event_id is not None:
        # Nobody is invited to these events, so those who take part are busy with something else.
        return inputs._replace(inputs=inputs.inputs.without(offer))
    kept = tuple(each for each in inputs.inputs.claims if each.booking != offer)
    return inputs._replace(inputs=inputs.inputs._replace(claims=kept))


def check_offered(inputs: PanelInputs, options: PrecheckRequest, context: Context) -> None:
    """Check that the time is offered; with `force`, that there is no conflict.

    Raises:
        SlotTaken: somebody else has the time, of the owner or of somebody who must come.
        NobodyFree: too few members of a pool are free, or no room.
        SlotNotOffered: the schedule or its rules do not offer it.
    """
    request, force = options.request, options.force
    against = [
        reason
        for reason in panel_reasons(inputs, request.start)
        if not force or reason.why.is_conflict or reason.why is ReasonCode.PAST
    ]
    conflict = next((reason for reason in against if reason.why.is_conflict), None)
    if conflict is not None and not conflict.why.is_of_people:
        raise slot_taken(inputs, request, by=_describe_conflict(conflict, request, context))
    if any(reason.why in {ReasonCode.POOL_SHORT, ReasonCode.ROOM_BUSY} for reason in against):
        people = [reason for reason in against if reason.why.is_of_people]
        raise nobody_free(
            inputs, request, why=why_not(people, inputs, request.meeting, request.zone, context)
        )
    if conflict is not None:
        raise slot_taken(inputs, request, by=_describe_conflict(conflict, request, context))
    if against:
        raise SlotNotOffered(
            format_time(request.start, request.zone, end=request.meeting.end),
            "; ".join(why_not(against, inputs, request.meeting, request.zone, context)),
            reasons=tuple(each.why.value for each in against),
            alternatives=alternatives(inputs, request.meeting, request.zone),
        )


def why_not(
    against: Iterable[Reason], inputs: PanelInputs, meeting: Interval, zone: ZoneInfo, context: Context
) -> tuple[str, ...]:
    """A sentence for each reason but a conflict of the owner's, which name bookings by their guests."""
    against = tuple(against)
    text = ReasonText(inputs.inputs, meeting, zone, guests_behind(against, context))
    return tuple(map(text.sentence, against))


def describe_holder(overlap: ClaimsOverlap, zone: ZoneInfo) -> str:
    """The booking or offer that holds the time, for a message; of another workspace's no more than the time."""
    claim, other = overlap.claim, overlap.other
    when = format_time(claim.meeting.start, zone, end=claim.meeting.end)
    if claim.is_foreign:
        return f"a meeting that another workspace holds for {claim.participant}, {when}"
    if other is not None:
        return f"{other.named}, made {format_time(other.created_at, other.request.zone)}"
    return f"{offer_named(str(claim.booking))}, {when}"


def slot_taken(inputs: PanelInputs, request: BookingRequest, *, by: str) -> SlotTaken:
    """The error, with the nearest times that are offered instead."""
    when = format_time(request.start, request.zone, end=request.meeting.end)
    return SlotTaken(when, by, alternatives=alternatives(inputs, request.meeting, request.zone))


def nobody_free(inputs: PanelInputs, request: BookingRequest, *, why: tuple[str, ...]) -> NobodyFree:
    """The error, with the nearest times at which enough people and a room are free."""
    when = format_time(request.start, request.zone, end=request.meeting.end)
    return NobodyFree(when, why, alternatives=alternatives(inputs, request.meeting, request.zone))


def room_declined(inputs: PanelInputs, booking: Booking, why: RoomDeclined) -> RoomDeclined:
    """The error, with the other rooms that are free at that time, and the nearest times that are offered."""
    meeting = booking.moving_to or booking.meeting
    free = tuple(each.key for each in rooms_free(inputs, meeting.start) if each.key != why.room)
    near = alternatives(inputs, meeting, booking.request.zone)
    return RoomDeclined(why.when, why.room, free, alternatives=near)


def _rules(options: PrecheckRequest, context: Context) -> Rules:
    """The link's rules with the requested duration. A rescheduled booking keeps the buffers it was made with."""
    request, moving = options.request, options.moving
    rules = rules_for(context, request.link, duration=request.duration)
    if moving is None:
        return rules
    return rules._replace(buffer_before=moving.buffer_before, buffer_after=moving.buffer_after)


def _describe_conflict(reason: Reason, request: BookingRequest, context: Context) -> str:
    """What holds the time, for a message."""
    is_same = reason.span is None or reason.span == request.meeting
    span = (
        ""
        if is_same or reason.span is None
        else f", {format_time(reason.span.start, request.zone, end=reason.span.end)}"
    )
    near = "the buffer of " if reason.why is ReasonCode.BUFFER else ""
    who = f" of {reason.person}" if reason.person else ""
    if reason.booking:
        guest = guests_behind((reason,), context).get(reason.booking, "")
        return f"{near}{booking_named(reason.booking, guest)}{who}{span}"
    if reason.offer:
        return f"{near}{offer_named(reason.offer)}{who}{span}"
    if who:
        return f"a meeting{who}{span}"
    return f"{near}a meeting on {split(reason.calendar or '').shown}{span}"
