"""Find the event of a booking, wherever in the account it is.

A person may drag the event to another calendar, which leaves a cancelled event under its id, or make it recurring. It
still carries the booking's id in a private extended property. No error is ever read as "there is no event".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from portalcal.core.booking import Booking
from portalcal.core.email_address import same
from portalcal.core.intervals import Interval
from portalcal.core.outbox import MAY_PASS
from portalcal.errors import (
    BookingOutOfReach,
    CalendarLost,
    CalendarNotFound,
    CalendarNotWritable,
    EventNotFound,
    GoogleBusy,
    PortalcalError,
    Unread,
)
from portalcal.ports import Context, Event
from portalcal.usecases.outbox.event_mapping import calendar_of

_A_DAY = timedelta(days=1)

_INSTANCE_WINDOW = timedelta(days=400)
"""Searched on both sides of the meeting: a yearly series has an instance in it."""


def find_event(context: Context, booking: Booking, *, at: Interval | None = None) -> Event | None:
    """The live event of a booking: under its id, or on any calendar the account owns; None if there is none.

    `at`: its last known time, if that is not the booking's. One request if it is in its place.

    Raises:
        BookingOutOfReach: it was not found, and its calendar is lost.
        PortalcalError: Google's own refusals (ports.Calendars).
    """
    return event_at_known_place(context, booking, at=at) or find_dragged_event(
        context, booking, owned=owned(context), at=at
    )


def event_at_known_place(context: Context, booking: Booking, *, at: Interval | None = None) -> Event | None:
    """The live event under the booking's id on its calendar, or None; of a series, the instance that is the meeting."""
    calendar = calendar_of(booking)
    event = _read(context, calendar, booking.event_id or booking.next_event_id)
    if event is None and is_instance(booking):
        # Changing a series as a whole gives its instances other ids.
        event = _read(context, calendar, booking.next_event_id)
    if event is None or event.is_cancelled:
        return None
    return _instance(context, event, at or booking.meeting) if event.is_series else event


def is_instance(booking: Booking) -> bool:
    """Whether the recorded event is an instance: its owner made the event recurring."""
    return booking.event_id not in {None, booking.next_event_id}


def owned(context: Context) -> tuple[str, ...]:
    """The calendars the account owns, which are the ones events of ours can be on."""
    return tuple(each.id for each in context.calendars.list() if each.is_owned)


def find_dragged_event(
    context: Context, booking: Booking, *, owned: tuple[str, ...], at: Interval | None = None
) -> Event | None:
    """The live event that carries the booking's id in its extended property: on its own calendar, else on other owned ones.

    Raises:
        BookingOutOfReach: there is none, and its own calendar is lost.
        PortalcalError: Google's own refusals (ports.Calendars).
    """
    own, lost = calendar_of(booking), None
    for calendar in (own, *(other for other in owned if not same(other, own))):
        try:
            events = context.calendars.events_of(calendar, booking.id)
        except CalendarNotFound as error:
            lost = verified_refusal(context, booking, error)
            if not isinstance(lost, CalendarLost):
                raise lost from error
            continue
        for event in events:
            if meeting := _meeting_in(context, booking, event, at=at or booking.meeting):
                return meeting
    if lost is not None:
        raise lost
    return None


@contextmanager
def verify_calendar_refusals(context: Context, booking: Booking) -> Iterator[None]:
    """Check a refusal because of the booking's calendar, raised inside, against the account's calendar list.

    Raises:
        BookingOutOfReach: the list does not have the calendar any more.
        CalendarNotWritable: the account does not own it, or Google refuses all the same.
        GoogleBusy: the list still has it, so the 404 is likely transient.
    """
    try:
        yield
    except (CalendarNotFound, CalendarNotWritable) as error:
        raise verified_refusal(context, booking, error) from error


@contextmanager
def undone_if_refused(context: Context, booking: Booking, undo: Callable[[], None]) -> Iterator[None]:
    """Undo what was written at Google if the check after it can never succeed; raise the error of the check.

    After a failure that may pass, what was written stays, and the check is repeated.
    """
    try:
        with verify_calendar_refusals(context, booking):
            yield
    except MAY_PASS:
        raise
    except PortalcalError:
        undo()
        raise


def verified_refusal(
    context: Context, booking: Booking, error: CalendarNotFound | CalendarNotWritable
) -> PortalcalError:
    """The error that a refusal because of a calendar amounts to: a single 404 does not prove that a calendar is lost.

    Raises:
        PortalcalError: the list of calendars cannot be read (ports.Calendars).
    """
    calendar = error.calendar
    listed = next((entry for entry in context.calendars.list() if same(entry.id, calendar)), None)
    if listed is None:
        connection = context.connections.read()
        account = (connection.account if connection else "") or "this account"
        return BookingOutOfReach((Unread(calendar, "notFound"),), account, booking=str(booking.id))
    if not listed.is_owned:
        return CalendarNotWritable(calendar, listed.role)
    if isinstance(error, CalendarNotFound):
        return GoogleBusy(f"it does not find calendar {calendar}, which the account's list still has", 404)
    return error


def _read(context: Context, calendar: str, event_id: str) -> Event | None:
    try:
        return context.calendars.event(calendar, event_id)
    except EventNotFound:
        return None


def _instance(context: Context, series: Event, at: Interval) -> Event | None:
    """The live instance of a series that is the meeting at that time; None if it was deleted.

    If no instance starts there, the series was moved as a whole, and the nearest instance is the meeting; or the series
    ends before.
    """
    calendar, start = series.calendar, at.start
    for original in (start, series.span.start if series.span else start):
        if instances := context.calendars.instances(calendar, series.id, original=original):
            return None if instances[0].is_cancelled else instances[0]
        if original == start and not (series.span and series.span.start > start):
            break
    near = context.calendars.instances(
        calendar, series.id, window=at.widened(_INSTANCE_WINDOW, _INSTANCE_WINDOW)
    )
    starts = {instance: instance.span.start for instance in near if instance.span}
    if not any(instance_start > start - _A_DAY for instance_start in starts.values()):
        return None
    return min(starts, key=lambda instance: abs(starts[instance] - start))


def _meeting_in(context: Context, booking: Booking, event: Event, *, at: Interval) -> Event | None:
    """The booking's meeting in an event that carries its id: the event itself, or an instance of a series."""
    if event.series is not None:
        return event if event.id == booking.event_id or event.original == at.start else None
    if not event.is_series:
        return event
    if is_instance(booking) and (instance := _read(context, event.calendar, booking.event_id or "")):
        return None if instance.is_cancelled else instance
    return _instance(context, event, at)
