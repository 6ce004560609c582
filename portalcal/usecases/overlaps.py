"""What overlaps what across the calendars that count for conflicts, those of other accounts among them."""

from __future__ import annotations

from functools import partial
from zoneinfo import ZoneInfo

from portalcal.core.calendar_id import split
from portalcal.core.intervals import Interval
from portalcal.core.slots import FreeBusy
from portalcal.errors import CalendarNotFound, GoogleRefused, NotConnected, PortalcalError
from portalcal.ports import Context
from portalcal.results import BusyEvent, Overlap, Overlaps
from portalcal.run_all import run_all
from portalcal.usecases.accounts import accounts_of, events_on, of_workspace, read_free_busy
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.status.early_warnings import warn_early

_AT_ONCE = 8


def overlaps(window: Interval, context: Context, *, zone: ZoneInfo) -> Overlaps:
    """Every two events that block the same time, on one calendar or on two. One request a calendar.

    A calendar that cannot be read is named, and the others are compared.

    Raises:
        NotConnected: there is no connection.
        PortalcalError: no calendar could be read at all.
    """
    selection = calendar_selection(context)
    if selection is None:
        raise NotConnected(context.config.workspace)
    warn_early(context)
    tasks = [partial(_read, context, calendar, window) for calendar in selection.conflicts]
    read = run_all(tasks, limit=_AT_ONCE, name="overlaps")
    failures = [answer.failure for answer, _ in read if answer.failure]
    if len(failures) == len(read):
        raise failures[0]
    events = [event for _, of_calendar in read for event in of_calendar]
    return Overlaps(
        window=window,
        zone=zone,
        calendars=tuple(answer for answer, _ in read),
        overlaps=tuple(_pairs(events)),
        checked_at=context.clock.now(),
        accounts=accounts_of(context, selection.conflicts),
    )


def _read(context: Context, calendar: str, window: Interval) -> tuple[FreeBusy, tuple[BusyEvent, ...]]:
    """Whether a calendar could be read, and what blocks its time."""
    workspace = split(calendar).workspace
    try:
        return FreeBusy(calendar), _events(context, calendar, window)
    except PortalcalError as error:
        failure = error if workspace is None else of_workspace(error, context, workspace)
        return FreeBusy(calendar, unread=error.sentence, failure=failure), ()


def _events(context: Context, calendar: str, window: Interval) -> tuple[BusyEvent, ...]:
    """The events that block time; of a calendar that shows only free/busy, its busy times."""
    try:
        events = events_on(context, calendar, window)
    except (CalendarNotFound, GoogleRefused):
        (answer,) = read_free_busy(context, (calendar,), window)
        if answer.unread is not None:
            raise
        return tuple(BusyEvent(calendar, span) for span in answer.busy)
    return tuple(
        BusyEvent(calendar, event.span, event.title, event.kinds, event.id, event.booking)
        for event in events
        if event.is_busy and event.span and event.span.overlaps(window)
    )


def _pairs(events: list[BusyEvent]) -> list[Overlap]:
    """Every two events that overlap, by time. Two copies of one meeting are one event."""
    overlapping, open_events = [], list[BusyEvent]()
    for event in sorted(events, key=lambda each: (each.span.start, each.span.end, each.calendar)):
        open_events = [each for each in open_events if each.span.end > event.span.start]
        for other in open_events:
            if not other.is_copy_of(event):
                shared = Interval(event.span.start, min(event.span.end, other.span.end))
                overlapping.append(Overlap(shared, other, event))
        open_events.append(event)
    return overlapping
