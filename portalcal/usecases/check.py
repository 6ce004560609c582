"""The first beat of booking and moving: is the time offered, and free at Google right now?"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from portalcal.core.booking import Booking, Wish
from portalcal.core.instants import say
from portalcal.core.intervals import Interval
from portalcal.core.objections import Objections
from portalcal.core.slots import Question, Reason, Rules, Why, reasons
from portalcal.errors import SlotNotOffered, SlotTaken
from portalcal.ports import World
from portalcal.usecases.availability import rules_for
from portalcal.usecases.situation import alternatives, gather

# Where alternatives are looked for; one free/busy request covers it with the check itself.
_BEFORE, _AFTER = timedelta(days=3), timedelta(days=7)


class Plan(NamedTuple):
    """A wish to be checked. `force` overrides the schedule and its rules, never a conflict; `moving` is whose it is."""

    wish: Wish
    force: bool = False
    moving: Booking | None = None


def check(plan: Plan, world: World) -> Question:
    """Make sure that the time is offered and free; the question that was asked comes back, for alternatives.

    Raises:
        SlotTaken: somebody else has the time, at Google or here.
        SlotNotOffered: the schedule or its rules do not offer it.
        LinkNotFound: no such link.
        PortalcalError: Google could not be asked.
    """
    wish, now = plan.wish, world.clock.now()
    window = Interval(min(wish.start, max(now, wish.start - _BEFORE)), wish.start + _AFTER)
    question = gather(world, window, link=wish.link, rules=_rules(plan, world))
    if plan.moving:
        question = question.without(str(plan.moving.id))

    found = reasons(question, wish.start)
    against = [each for each in found if not plan.force or each.why.is_conflict or each.why is Why.PAST]
    if any(each.why.is_conflict for each in against):
        raise taken(question, wish, by=_holder(next(each for each in against if each.why.is_conflict), wish))
    if against:
        raise SlotNotOffered(
            say(wish.start, wish.zone, end=wish.meeting.end),
            "; ".join(Objections(question, wish.meeting, wish.zone).tell(each) for each in against),
            reasons=tuple(each.why.value for each in against),
            alternatives=alternatives(question, wish.meeting, wish.zone),
        )
    return question


def _rules(plan: Plan, world: World) -> Rules:
    """The link's rules for that length. A booking that moves keeps the buffers it was made with."""
    rules = rules_for(world, plan.wish.link, duration=plan.wish.duration)
    if plan.moving is None:
        return rules
    return rules._replace(buffer_before=plan.moving.buffer_before, buffer_after=plan.moving.buffer_after)


def _holder(reason: Reason, wish: Wish) -> str:
    """Who has the time, in words."""
    is_same = reason.span is None or reason.span == wish.meeting
    span = (
        ""
        if is_same or reason.span is None
        else f", {say(reason.span.start, wish.zone, end=reason.span.end)}"
    )
    near = "the buffer of " if reason.why is Why.BUFFER else ""
    if reason.booking:
        return f"{near}booking {reason.booking}{span}"
    return f"{near}a meeting on {reason.calendar}{span}"


def promised(other: Booking) -> str:
    """The booking that has the time, in words."""
    made = say(other.created_at, other.wish.zone)
    return f"booking {other.id}, made {made}"


def taken(question: Question, wish: Wish, *, by: str) -> SlotTaken:
    """The refusal, with the nearest times that could be had instead."""
    when = say(wish.start, wish.zone, end=wish.meeting.end)
    return SlotTaken(when, by, alternatives=alternatives(question, wish.meeting, wish.zone))
