"""Offer several times to one guest, held until an expiry; extend an offer, or release it.

All times of an offer are claimed in one transaction, or none. An offer that has expired claims nothing, whatever has
run: `expire_offers` only records that and has the events of its times removed.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from portalcal.core.booking import BookingRequest, Notify
from portalcal.core.intervals import Interval
from portalcal.core.offers import LONGEST_HOLD, GuestOffer, OfferState, beside, pick
from portalcal.core.outbox import Rejected, Task
from portalcal.core.people import PanelInputs, panel_offered
from portalcal.core.slots import Claim
from portalcal.core.time import format_time
from portalcal.errors import NotConnected, OfferKeyReused, PortalcalError, SlotNotOffered, SlotTaken, Usage
from portalcal.ports import ClaimsOverlap, Context
from portalcal.results import Offered
from portalcal.usecases.availability import rules_for
from portalcal.usecases.booking.book import new_booking
from portalcal.usecases.booking.precheck import PrecheckRequest, check_offered, describe_holder, slot_taken
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.keyboard_interrupt import translate_offer_interrupt
from portalcal.usecases.ledger_failure import LEDGER_FAILURES, claiming
from portalcal.usecases.offers import check_open, zone_of
from portalcal.usecases.outbox.attempt import attempt
from portalcal.usecases.outbox.run import run_outbox
from portalcal.usecases.scheduling_inputs import gather_inputs

NOTHING_OFFERED = "Nothing was offered."
_MAY_BE_OFFERED = "The offer may or may not be there; `portalcal offers` lists it if it is."
_BEFORE, _AFTER = timedelta(days=3), timedelta(days=7)


class Picked(NamedTuple):
    """Times to be picked of those that are offered in a window."""

    most: int
    window: Interval


class OfferOptions(NamedTuple):
    """What to offer, and how long it is held."""

    request: BookingRequest  # its start is not used
    times: tuple[datetime, ...] | Picked
    lasts: timedelta
    key: str | None = None  # idempotency key
    is_tentative: bool = False  # put an event into the calendar for each time


def offer(options: OfferOptions, context: Context) -> Offered:
    """Hold each of the times for the guest until the offer expires; all of them or none.

    The same `key` with the same request returns the same offer.

    Raises:
        Usage: it would be held for too long.
        SlotTaken, NobodyFree, SlotNotOffered: one of the times is not offered, or not beside the others.
        OfferKeyReused: the key belongs to another offer.
        NotConnected: events are asked for, and nothing is connected.
        PortalcalError: Google was unavailable.
        Interrupted, OfferInterrupted: Ctrl-C.
    """
    _check_length(options.lasts)
    id_ = context.clock.new_id()
    with _interruptible(context, id_, NOTHING_OFFERED):
        return _made(options, context, id_=id_)


def _interruptible(context: Context, offer: UUID, if_not_recorded: str) -> AbstractContextManager[None]:
    return translate_offer_interrupt(
        context, offer, if_not_recorded=if_not_recorded, if_unknown=_MAY_BE_OFFERED
    )


def _made(options: OfferOptions, context: Context, *, id_: UUID) -> Offered:
    try:
        return _replay(options, context) or _offer(options, context, id_=id_)
    except LEDGER_FAILURES as error:
        raise error.with_outcome(_MAY_BE_OFFERED) from error.__cause__
    except PortalcalError as error:
        raise error.with_outcome(NOTHING_OFFERED) from error.__cause__


def _replay(options: OfferOptions, context: Context) -> Offered | None:
    known = context.offers.under_key(options.key) if options.key else None
    if known is None or options.key is None:
        return None
    if known.request != _as_asked(options):
        raise OfferKeyReused(options.key, str(known.id))
    now = context.clock.now()
    is_open = known.state_at(now) is OfferState.OPEN
    if is_open and any(slot.is_live and slot.calendar and slot.event_id is None for slot in known.slots):
        # The command that made it ended before its events were there.
        run_outbox(context)
        known = context.offers.find(str(known.id))
    return Offered(known, options.request.zone, now, is_replayed=True)


def _as_asked(options: OfferOptions) -> str:
    """What was asked for, comparable: the times as given, since those that were picked are offered no more."""
    request, times = options.request, options.times
    asked = (
        [times.most, times.window.start.isoformat(), times.window.end.isoformat()]
        if isinstance(times, Picked)
        else sorted(each.isoformat() for each in times)
    )
    facts = {
        "times": asked,
        "duration": request.duration // timedelta(seconds=1),
        "guest": [request.guest.name, request.guest.email.lower()],
        "link": request.link,
        "notes": request.notes,
        "tentative": options.is_tentative,
    }
    return json.dumps(facts, ensure_ascii=False, sort_keys=True)


def _offer(options: OfferOptions, context: Context, *, id_: UUID) -> Offered:
    selection = calendar_selection(context)
    if options.is_tentative and selection is None:
        raise NotConnected(context.config.workspace)
    expire_offers(context)
    run_outbox(context)
    inputs = gather_inputs(
        context,
        _window(options, context),
        link=options.request.link,
        rules=rules_for(context, options.request.link, duration=options.request.duration),
    )
    meetings = (
        _picked(options.times, inputs)
        if isinstance(options.times, Picked)
        else _given(options, inputs, context)
    )
    now = context.clock.now()
    calendar = selection.booking if selection and options.is_tentative else None
    requests = [replace(options.request, start=each.start, notify=Notify.NONE) for each in meetings]
    made = GuestOffer(
        id_,
        context.config.workspace,
        OfferState.OPEN,
        now + options.lasts,
        tuple(new_booking(each, context, inputs, calendar=calendar, offer=id_) for each in requests),
        _as_asked(options),
        now,
        now,
        options.key,
    )
    held = _hold(options, context, made, inputs=inputs)
    if held.id == id_ and calendar is not None:
        held = _put_holds(context, held, inputs)
    return Offered(held, options.request.zone, now, is_replayed=held.id != id_)


def _window(options: OfferOptions, context: Context) -> Interval:
    if isinstance(options.times, Picked):
        return options.times.window
    now, first, last = context.clock.now(), min(options.times), max(options.times)
    return Interval(min(first, max(now, first - _BEFORE)), last + _AFTER)


def _picked(times: Picked, inputs: PanelInputs) -> tuple[Interval, ...]:
    offered = [each.meeting for each in panel_offered(inputs)]
    zone = inputs.inputs.schedule.zone
    picked = pick(offered, times.most, zone=zone, fits=beside(inputs.inputs))
    if not picked:
        start, end = times.window.start, times.window.end
        when = f"{format_time(start, zone)} to {format_time(end, zone)}"
        raise SlotNotOffered(when, "no time of the window is open", reasons=(), alternatives=())
    return picked


def _given(options: OfferOptions, inputs: PanelInputs, context: Context) -> tuple[Interval, ...]:
    """The times asked for, each checked beside those before it."""
    assert not isinstance(options.times, Picked)  # noqa: S101 - the caller has asked
    about = inputs.inputs
    meetings: list[Interval] = []
    for start in sorted(set(options.times)):
        request = replace(options.request, start=start)
        held = tuple(
            Claim(
                "", about.link, each, about.rules.buffered(each.start), about.owner, about.now + options.lasts
            )
            for each in meetings
        )
        clash = next((each for each in held if each.buffered.overlaps(about.rules.buffered(start))), None)
        if clash is not None:
            other = format_time(clash.meeting.start, request.zone, end=clash.meeting.end)
            raise Usage(
                f"{format_time(start, request.zone)} overlaps another time of the offer, {other}",
                "offer times that leave each other room",
            )
        with_held = inputs._replace(inputs=about._replace(claims=(*about.claims, *held)))
        check_offered(with_held, PrecheckRequest(request), context)
        meetings.append(request.meeting)
    return tuple(meetings)


def _hold(options: OfferOptions, context: Context, made: GuestOffer, *, inputs: PanelInputs) -> GuestOffer:
    try:
        return context.offers.make(made, put=options.is_tentative)
    except ClaimsOverlap as overlap:
        taken = next(
            (each for each in made.slots if each.buffered.overlaps(overlap.claim.buffered)), made.slots[0]
        )
        by = describe_holder(overlap, options.request.zone)
        raise slot_taken(inputs, taken.request, by=by) from None


def _put_holds(context: Context, held: GuestOffer, inputs: PanelInputs) -> GuestOffer:
    """Put the event of each time; a conflict at one of them releases the offer."""
    for slot in held.slots:
        attempted = attempt(context, slot.id, Task.PUT, before=inputs.busy)
        if attempted is not None and isinstance(result := attempted[1], Rejected):
            context.offers.end(held.id, OfferState.RELEASED, now=context.clock.now())
            run_outbox(context, is_silent=True)
            if isinstance(result.why, SlotTaken):
                raise slot_taken(inputs, slot.request, by=result.why.by)
            raise result.why
    return context.offers.find(str(held.id))


def expire_offers(context: Context) -> tuple[UUID, ...]:
    """Record the offers that have expired, so that the events of their times are removed. Returns them."""
    now = context.clock.now()
    over = context.offers.expired(now)
    for expired in over:
        context.offers.end(expired.id, OfferState.EXPIRED, now=now)
    return tuple(each.id for each in over)


def extend_offer(wanted: str, by: timedelta, context: Context) -> Offered:
    """Let an offer expire later. Raises: OfferNotFound, OfferExpired, OfferTaken, Usage (too late)."""
    known, now = context.offers.find(wanted), context.clock.now()
    check_open(known, now)
    _check_length(known.expires_at + by - now)
    extended = context.offers.extend(known.id, known.expires_at + by, now=now)
    check_open(extended, now)
    return Offered(extended, zone_of(extended), now)


def _check_length(length: timedelta) -> None:
    if length > LONGEST_HOLD:
        raise Usage(
            f"an offer is held for at most {LONGEST_HOLD.days} days from now, and this one would be for {length.days}",
            "give a shorter time; it can be extended later with `portalcal offer ID --extend LENGTH`",
        )


def release_offer(wanted: str, context: Context) -> Offered:
    """Free the times of an offer, and remove their events. One that has ended is success, unless it was taken.

    Raises: OfferNotFound, OfferTaken, OfferInterrupted (Ctrl-C).
    """
    known, now = context.offers.find(wanted), context.clock.now()
    with _interruptible(context, known.id, ""):
        ended = context.offers.end(known.id, OfferState.RELEASED, now=now)
        if ended.state is OfferState.TAKEN:
            check_open(ended, now)
        with claiming("The offer has ended, and its times are free."):
            run_outbox(context)
    return Offered(ended, zone_of(ended), now)
