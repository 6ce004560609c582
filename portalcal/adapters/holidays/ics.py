"""Holidays from an iCalendar file: the days of its all-day events, whether those are marked busy or free.

Calendars of public holidays are exported with TRANSP:TRANSPARENT. Events with a time of day, and cancelled ones, are
no holidays. The file is data: a rule that repeats by the second is refused, and dates are bounded by the wanted years.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from dateutil.rrule import rrulestr
from icalendar import Calendar

from portalcal.config.user_files import encoding_of

_ONE_DAY = timedelta(days=1)
_FREQUENCIES = {"YEARLY", "MONTHLY", "WEEKLY", "DAILY"}
_MOST_STARTS = 10_000
_SAY_WHEN = {"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"}


def all_day_events(content: bytes, years: range) -> Mapping[date, str]:
    """The days of the file's all-day events in those years, with the event's title.

    Raises:
        ValueError: it is no iCalendar file, or has a rule that cannot be read.
    """
    try:
        text = content.decode(encoding_of(content), errors="replace")
        calendars = Calendar.from_ical(text, multiple=True)
        events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
        _refuse_unread(events)
        replaced = {_instance(event) for event in events if "RECURRENCE-ID" in event}
        days = {day: title for event in events for day, title in _days(event, years, replaced)}
    # The library raises several kinds for malformed lines; OverflowError: a date beyond year 9999.
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"expected an iCalendar file (.ics): {error}") from None
    if not calendars:
        raise ValueError("expected an iCalendar file (.ics): it has no calendar")
    return dict(sorted(days.items()))


def _refuse_unread(events: Iterable[Any]) -> None:
    """Refuse events whose times cannot be read: older versions of the library leave such lines out."""
    for event in events:
        for name, reason in event.errors:
            if name in _SAY_WHEN:
                raise ValueError(f"{name}: {reason}")
        if "DTSTART" not in event:
            raise ValueError(f"the event {str(event.get('SUMMARY', ''))!r} has no DTSTART")


def _days(event: Any, years: range, replaced: set[tuple[str, date]]) -> Iterator[tuple[date, str]]:
    """The days of one event; none unless it is all day and not cancelled."""
    first = _date_of(event, "DTSTART")
    if first is None or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    title = str(event.get("SUMMARY", "")).strip() or "holiday"
    length = _length(event, first)
    uid = str(event.get("UID", ""))
    for start in _starts(event, first, years, length=length):
        if "RECURRENCE-ID" not in event and (uid, start) in replaced:
            continue
        before, until = ((date(year, 1, 1) - start).days for year in (years.start, years.stop))
        for n in range(max(before, 0), min(length.days, until)):
            yield start + n * _ONE_DAY, title


def _length(event: Any, first: date) -> timedelta:
    """The days of an event; one if it has no end (RFC 5545 section 3.6.1)."""
    last = _date_of(event, "DTEND")
    if last is not None:
        return max(last - first, _ONE_DAY)
    duration = event.get("DURATION")
    return max(duration.dt, _ONE_DAY) if duration is not None else _ONE_DAY


def _starts(event: Any, first: date, years: range, *, length: timedelta) -> Iterator[date]:
    """The first day of each repetition that may reach into the years."""
    if not _listed(event, "RRULE") and not _listed(event, "RDATE"):
        yield first
        return
    origin = datetime(first.year, first.month, first.day)  # noqa: DTZ001 - all-day events have no zone
    excluded = set(_dates_in(event, "EXDATE"))
    dates = {first, *_dates_in(event, "RDATE")}
    for rule in _listed(event, "RRULE"):
        if not {str(each).upper() for each in rule.get("FREQ", ())} <= _FREQUENCIES:
            raise ValueError("a rule that repeats more often than daily")
        repeated = rrulestr(_without_zone(rule.to_ical().decode()), dtstart=origin, ignoretz=True)
        after = datetime(years.start, 1, 1) - length  # noqa: DTZ001
        for start in islice(repeated.xafter(after, inc=True), _MOST_STARTS):
            if start.year >= years.stop:
                break
            dates.add(start.date())
    yield from sorted(dates - excluded)


def _without_zone(rule: str) -> str:
    """The rule with a last day in place of a last instant, since the days have no zone."""
    return ";".join(
        part[: len("UNTIL=20261231")] if part.startswith("UNTIL=") else part for part in rule.split(";")
    )


def _date_of(event: Any, name: str) -> date | None:
    """A property that is a date; None if it is missing or has a time of day."""
    value = event.get(name)
    moment = None if value is None else value.dt
    return moment if isinstance(moment, date) and not isinstance(moment, datetime) else None


def _dates_in(event: Any, name: str) -> Iterator[date]:
    for listed in _listed(event, name):
        for value in listed.dts:
            if isinstance(value.dt, date):
                yield value.dt.date() if isinstance(value.dt, datetime) else value.dt


def _listed(event: Any, name: str) -> list[Any]:
    """The values of a property that may be repeated."""
    value = event.get(name, [])
    # Some exporters write an empty rule into every event.
    return [each for each in (value if isinstance(value, list) else [value]) if each]


def _instance(event: Any) -> tuple[str, date]:
    """Which repetition a changed one replaces."""
    moment = event["RECURRENCE-ID"].dt
    return str(event.get("UID", "")), moment.date() if isinstance(moment, datetime) else moment
