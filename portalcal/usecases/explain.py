"""Why one time is offered, or every reason why it is not."""

from __future__ import annotations

from datetime import datetime, timedelta

from portalcal.answers import Availability, Explanation
from portalcal.core.intervals import Interval
from portalcal.core.slots import offered, reasons
from portalcal.ports import World
from portalcal.usecases.availability import Inquiry, rules_for
from portalcal.usecases.deliver import deliver
from portalcal.usecases.situation import gather

_AROUND = timedelta(days=14)


def explain(inquiry: Inquiry, world: World, *, start: datetime) -> Explanation:
    """Every reason against a meeting at `start`, and the nearest offered ones within 14 days on both sides.

    The inquiry's window does not matter; its link, duration, zone and `partial` do.

    Raises:
        CalendarUnreadable: a conflict calendar told nothing, and the inquiry is not `partial`.
        LinkNotFound: no such link.
    """
    rules = rules_for(world, inquiry.link, duration=inquiry.duration)
    window = Interval(start - _AROUND, start + _AROUND)
    deliver(world)
    question = gather(world, window, link=inquiry.link, rules=rules, partial=inquiry.partial)

    against = reasons(question, start)
    slots = offered(question)
    before = next((each for each in reversed(slots) if each.start < start), None)
    after = next((each for each in slots if each.start > start), None)

    shown = Availability(question, inquiry.zone, slots, question.now)
    return Explanation(rules.meeting(start), inquiry.zone, against, before, after, shown)
