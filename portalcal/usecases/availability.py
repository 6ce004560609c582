"""Which meetings can be booked in a window."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.answers import Availability
from portalcal.core.intervals import Interval
from portalcal.core.slots import Rules, offered
from portalcal.ports import World
from portalcal.usecases.deliver import deliver
from portalcal.usecases.situation import gather


class Inquiry(NamedTuple):
    """What is asked: starts in `window`, shown in `zone`. `duration` replaces the link's."""

    window: Interval
    zone: ZoneInfo
    link: str | None = None
    duration: timedelta | None = None
    partial: bool = False


def rules_for(world: World, link: str | None, *, duration: timedelta | None) -> Rules:
    """The link's rules, with another length where one is asked for."""
    rules = world.config.link(link).rules
    return rules._replace(duration=duration) if duration else rules


def availability(inquiry: Inquiry, world: World) -> Availability:
    """The offered meetings of the window. Nothing is written.

    Raises:
        CalendarUnreadable: a conflict calendar told nothing, and the inquiry is not `partial`.
        LinkNotFound: no such link.
        PortalcalError: Google's own refusals (ports.Calendars).
    """
    rules = rules_for(world, inquiry.link, duration=inquiry.duration)
    deliver(world)
    question = gather(world, inquiry.window, link=inquiry.link, rules=rules, partial=inquiry.partial)

    slots = offered(question)

    return Availability(question, inquiry.zone, slots, question.now)
