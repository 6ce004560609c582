"""Booking a time in four beats: check, hold, tell, confirm (DESIGN.md section 3)."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, assert_never

from portalcal.answers import Booked
from portalcal.core.booking import Booking, State, Wish, differences
from portalcal.core.errands import Delivered, Refused, Retry, Task
from portalcal.core.intervals import Interval
from portalcal.core.slots import Question
from portalcal.errors import KeyReused, PortalcalError, SlotTaken
from portalcal.ports import GuardsOverlap, World
from portalcal.usecases.availability import rules_for
from portalcal.usecases.check import Plan, check, promised, taken
from portalcal.usecases.deliver import deliver
from portalcal.usecases.delivery import attempt_now
from portalcal.usecases.forewarn import what_follows
from portalcal.usecases.situation import selection

NOTHING_BOOKED = "Nothing was booked."


class Order(NamedTuple):
    """A wish with how to treat it. `force` overrides the schedule and its rules, never a conflict.

    `is_one_of_many`: what is owed was delivered already, for all of them.
    """

    wish: Wish
    key: str | None = None
    force: bool = False
    dry_run: bool = False
    is_one_of_many: bool = False


def book(order: Order, world: World) -> Booked:
    """Promise the time, make the event and make sure that it is ours.

    The booking comes back `confirmed`, or `held` when Google could not be told yet, or under `key` as it was made
    before. Disconnected, it is recorded without an event, with a warning.

    Raises:
        SlotTaken: somebody else has the time, at Google or here.
        SlotNotOffered: the schedule or its rules do not offer it.
        KeyReused: the key belongs to another request.
        LinkNotFound: no such link.
        PortalcalError: Google refused, or could not be asked before anything was held.
    """
    try:
        replayed = _replay(order, world)
        return replayed or _book(order, world)
    except PortalcalError as error:
        raise error.with_outcome(NOTHING_BOOKED) from error.__cause__


def _book(order: Order, world: World) -> Booked:
    if not order.is_one_of_many:
        deliver(world)
    question = check(Plan(order.wish, force=order.force), world)
    booking = _draft(order, world, question)
    if order.dry_run:
        return Booked(booking, booking.wish.zone, is_dry_run=True)

    try:
        held = world.ledger.hold(booking, put=booking.calendar is not None)
    except GuardsOverlap as overlap:
        raise taken(question, order.wish, by=promised(overlap.other)) from None
    if held.id != booking.id:
        return _same(order, held, world)

    return Booked(held if held.calendar is None else _tell(held, world, question), held.wish.zone)


def _draft(order: Order, world: World, question: Question) -> Booking:
    """The booking as it would be held; without a calendar it is confirmed at once, since nobody is to be told."""
    chosen = selection(world)
    now = world.clock.now()
    return Booking(
        id=world.clock.new_id(),
        workspace=world.config.workspace,
        state=State.HELD if chosen else State.CONFIRMED,
        wish=order.wish,
        buffer_before=question.rules.buffer_before,
        buffer_after=question.rules.buffer_after,
        created_at=now,
        updated_at=now,
        key=order.key,
        calendar=chosen.booking if chosen else None,
    )


def _tell(held: Booking, world: World, question: Question) -> Booking:
    """The third and fourth beat, now; what cannot be done now stays owed, and what another command asked for is its."""
    tried = attempt_now(world, held, Task.PUT)
    if tried is None:
        return world.ledger.find(str(held.id))
    booking, delivery = tried
    match delivery:
        case Delivered():
            if booking.wish.meet and booking.is_live and booking.meet_url is None:
                follows = "`portalcal sync` in a minute brings it here"
                world.view.warn("meet-pending", f"Google has not told the Meet link yet; {follows}")
            return booking
        case Retry(why=why):
            follows = what_follows(why, "the next command delivers it")
            world.view.warn(
                "google-not-told",
                f"the time is held, but Google has not confirmed it: {why.message}; {follows}",
            )
            return booking
        case Refused(why):
            if isinstance(why, SlotTaken):
                raise taken(question, held.wish, by=why.by)
            raise why
        case _:
            assert_never(delivery)


# --- the same request again -----------------------------------------------------------------------------------


def _replay(order: Order, world: World) -> Booked | None:
    """The booking made under this key before, told to Google if that is still owed."""
    known = world.ledger.under_key(order.key) if order.key else None
    return _same(order, known, world) if known else None


def _same(order: Order, known: Booking, world: World) -> Booked:
    differs = differences(known.request, order.wish)
    if differs and order.key:
        raise KeyReused(order.key, str(known.id), differs)
    if known.state is State.HELD and known.calendar and selection(world) and not order.dry_run:
        rules = rules_for(world, known.wish.link, duration=known.wish.duration)
        window = Interval(known.meeting.start, known.meeting.start + rules.duration)
        nothing_else = Question(world.config.link(known.wish.link).schedule, rules, window, world.clock.now())
        known = _tell(known, world, nothing_else)
    return Booked(replace(known), known.wish.zone, is_replayed=True)
