"""Why one time is offered, or every reason why it is not; and what only seems to be in the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from portalcal.answers import Availability, Explanation, Note, Selection
from portalcal.core.intervals import Interval
from portalcal.core.slots import Question, Seeming, offered, reasons
from portalcal.errors import PortalcalError
from portalcal.ports import Calendar, Event, World
from portalcal.usecases.availability import Inquiry, rules_for
from portalcal.usecases.deliver import deliver
from portalcal.usecases.situation import gather, selection

_AROUND = timedelta(days=14)
_HALF_A_DAY = timedelta(hours=12)


def explain(inquiry: Inquiry, world: World, *, start: datetime) -> Explanation:
    """Every reason against a meeting at `start`, and the nearest offered ones within 14 days on both sides.

    The inquiry's window does not matter; its link, duration, zone and `partial` do. Connected, the account's calendars
    and the events around that time are read as well: for names, for titles where they may be shown, and for what looks
    as if it blocked the time but does not. What of that cannot be read is left out, with a warning.

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
    told = Explanation(rules.meeting(start), inquiry.zone, against, before, after, shown)
    return _with_events(told, question, world, guard=rules.guard(start))


def _with_events(told: Explanation, question: Question, world: World, *, guard: Interval) -> Explanation:
    """The explanation with what the calendars hold around that time."""
    chosen = selection(world)
    if chosen is None:
        return told
    try:
        listed = world.calendars.list()
        events = tuple(_around(world, question, guard))
        elsewhere = tuple(_elsewhere(world, listed, chosen, guard=guard))
    except PortalcalError as error:
        world.view.warn("events-unread", f"the events around that time cannot be read: {error.message}")
        return told
    connection = world.connections.read()
    shows_titles = connection is not None and connection.titles
    return told._replace(
        calendar_names={each.id: each.name for each in listed},
        blocking=tuple(each for each in events if each.is_busy) if shows_titles else (),
        notes=(*_notes(events, shows_titles=shows_titles), *elsewhere),
    )


def _around(world: World, question: Question, guard: Interval) -> Iterator[Event]:
    """The events of the conflict calendars that meet the guard; one that cannot be read was told of already."""
    for each in question.calendars or ():
        if each.unread is None:
            yield from world.calendars.events(each.calendar, guard)


def _notes(events: tuple[Event, ...], *, shows_titles: bool) -> Iterator[Note]:
    for event in events:
        if event.free_because and event.span:
            yield Note(event.free_because, event.calendar, event.span, event.title if shows_titles else None)


def _elsewhere(
    world: World, listed: tuple[Calendar, ...], chosen: Selection, *, guard: Interval
) -> Iterator[Note]:
    """Busy times on calendars that nobody selected: the commonest reason for a time that should not be offered."""
    others = tuple(
        each.id for each in listed if not each.is_hidden and chosen.use_of(each) not in {"both", "conflicts"}
    )
    # Google clips what it tells to the window; a wider one shows when such a time begins and ends.
    day = guard.widened(_HALF_A_DAY, _HALF_A_DAY)
    for each in world.calendars.free_busy(others, day) if others else ():
        for span in each.busy.meeting(guard):
            yield Note(Seeming.NOT_SELECTED, each.calendar, span)
