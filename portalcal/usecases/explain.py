"""Explain one start, or each of a day: every reason against it, the nearest offered ones, events that only seem to block."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain

from portalcal.core.assignment import PoolChoice, choices
from portalcal.core.intervals import Interval
from portalcal.core.people import PanelInputs, panel_reasons
from portalcal.core.slots import FreeReason, Reason, SchedulingInputs, on_grid, reasons
from portalcal.errors import PortalcalError
from portalcal.ports import Calendar, Context, Event
from portalcal.results import ExplainedDay, Explanation, Note, Selection
from portalcal.usecases.accounts import events_on
from portalcal.usecases.availability import AvailabilityQuery, availability_of, gather_query
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.find_booking import guests_behind
from portalcal.usecases.panels import rule_of
from portalcal.usecases.scheduling_inputs import starts_of_participants
from portalcal.usecases.status.early_warnings import warn_early
from portalcal.warnings import EventsUnread

_SEARCHED = timedelta(days=14)
_HALF_A_DAY = timedelta(hours=12)


def explain(query: AvailabilityQuery, context: Context, *, start: datetime) -> Explanation:
    """Every reason against a meeting at `start`, and the nearest offered ones within 14 days on both sides.

    The window of the query is not used; its link, duration, zone and `partial` are. While connected, the calendar list
    and the events around `start` are read too: for names, for titles if they may be shown, and for events that do not
    block the time although they overlap it. If they cannot be read they are left out, with a warning.

    Raises:
        CalendarLost, CalendarUnreadable: a conflict calendar could not be read, and the query is not `partial`.
        LinkNotFound: no such link.
    """
    warn_early(context)
    inputs = gather_query(context, query, Interval(start - _SEARCHED, start + _SEARCHED))
    rules = inputs.inputs.rules

    against = panel_reasons(inputs, start)
    availability = availability_of(inputs, query.zone, context)
    before = next((slot for slot in reversed(availability.slots) if slot.start < start), None)
    after = next((slot for slot in availability.slots if slot.start > start), None)

    explanation = Explanation(rules.meeting(start), query.zone, against, before, after, availability)
    explanation = explanation._replace(
        choices=_choices(context, query, inputs, start), guests=guests_behind(against, context)
    )
    return _with_events(explanation, inputs.inputs, context, buffered=rules.buffered(start))


def explain_day(query: AvailabilityQuery, context: Context, *, day: Interval) -> ExplainedDay:
    """Every start on the grid of a day with the reasons against it; or why the day has none. Otherwise as `explain`.

    Raises:
        CalendarLost, CalendarUnreadable, LinkNotFound: as `explain`.
    """
    warn_early(context)
    inputs = gather_query(context, query, day.widened(_SEARCHED, _SEARCHED))

    grid = on_grid(inputs.inputs._replace(window=day))
    starts = {each: panel_reasons(inputs, each.start) for each in grid}
    against = () if starts else _closing(inputs.inputs, day)
    availability = availability_of(inputs, query.zone, context)
    slots = availability.slots
    before = next((slot for slot in reversed(slots) if slot.start < day.start), None)
    after = next((slot for slot in slots if slot.start >= day.end), None)

    whole = Explanation(day, query.zone, against, before, after, availability)
    whole = _with_events(whole, inputs.inputs, context, buffered=day)
    guests = guests_behind(chain.from_iterable(starts.values()), context)
    alone = whole._replace(before=None, after=None, notes=(), guests=guests)
    return ExplainedDay(
        whole, tuple(alone._replace(meeting=each, reasons=why) for each, why in starts.items())
    )


def _choices(
    context: Context, query: AvailabilityQuery, inputs: PanelInputs, start: datetime
) -> tuple[PoolChoice, ...]:
    """The order of preference in each pool at that start."""
    if not inputs.pools:
        return ()
    rule, _ = rule_of(query.panel)
    return choices(inputs, start, starts=starts_of_participants(context, inputs, start), rule=rule)


def _closing(inputs: SchedulingInputs, day: Interval) -> tuple[Reason, ...]:
    """Why a day has no start on the grid: what closes it when its weekday would open, or at noon if that never opens."""
    usual = inputs.schedule.without_exceptions().without_holidays().without_periods()
    opens = min((each.span.start for each in usual.openings(day)), default=day.start + _HALF_A_DAY)
    return tuple(each for each in reasons(inputs, max(opens, day.start)) if each.why.is_of_hours)


def _with_events(
    explanation: Explanation, inputs: SchedulingInputs, context: Context, *, buffered: Interval
) -> Explanation:
    """The explanation with the events around that time."""
    selection = calendar_selection(context)
    if selection is None:
        return explanation
    try:
        listed = context.calendars.list()
        events = tuple(_events_around(context, inputs, buffered))
        asked = {each.calendar.casefold() for each in explanation.availability.checked}
        others = tuple(each for each in listed if each.id.casefold() not in asked)
        unselected = tuple(_unselected_notes(context, others, selection, buffered=buffered))
    except PortalcalError as error:
        context.view.warn(EventsUnread(error.message))
        return explanation
    return explanation._replace(
        calendar_names={calendar.id: calendar.name for calendar in listed},
        blocking=tuple(event for event in events if event.is_busy and (event.title or event.kinds)),
        notes=(*_notes(events), *unselected),
        ways_out=context.ways_out,
    )


def _events_around(context: Context, inputs: SchedulingInputs, buffered: Interval) -> Iterator[Event]:
    """The events of the conflict calendars that overlap the buffered time. An unread calendar has its own reason already."""
    for free_busy in inputs.calendars or ():
        if free_busy.unread is None:
            yield from events_on(context, free_busy.calendar, buffered)


def _notes(events: tuple[Event, ...]) -> Iterator[Note]:
    for event in events:
        if event.free_because and event.span:
            yield Note(event.free_because, event.calendar, event.span, event.title)


def _unselected_notes(
    context: Context, listed: tuple[Calendar, ...], selection: Selection, *, buffered: Interval
) -> Iterator[Note]:
    """Busy times on unselected calendars: the commonest cause of an offered time that should not be."""
    others = tuple(
        calendar.id
        for calendar in listed
        if not calendar.is_hidden and selection.use_of(calendar) not in {"both", "conflicts"}
    )
    # Google clips busy times to the queried window; a wider window shows where they begin and end.
    day = buffered.widened(_HALF_A_DAY, _HALF_A_DAY)
    for free_busy in context.calendars.free_busy(others, day) if others else ():
        for span in free_busy.busy.meeting(buffered):
            yield Note(FreeReason.NOT_SELECTED, free_busy.calendar, span)
