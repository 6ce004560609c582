"""Humanized times: `in 3 hours`, `2 days ago`, `tomorrow, 09:00`. For pages; JSON has RFC 3339 instants.

Always English, independent of the locale.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pendulum

from portalcal.core.intervals import Interval
from portalcal.core.time import format_date, local_date, zone_city
from portalcal.views.reason_sentences import format_span

_MOMENT = timedelta(seconds=45)


def relative(instant: datetime, now: datetime) -> str:
    """An instant relative to now: `in 3 hours`, `2 days ago`, `just now`."""
    if abs(instant - now) < _MOMENT:
        return "just now" if instant <= now else "in a moment"
    distance = pendulum.instance(instant).diff_for_humans(pendulum.instance(now), absolute=True, locale="en")
    return f"in {distance}" if instant > now else f"{distance} ago"


def length(elapsed: timedelta) -> str:
    """A duration: `1 hour 30 minutes`."""
    return pendulum.duration(seconds=elapsed.total_seconds()).in_words(locale="en")


def long_date(day: date) -> str:
    """A date in full: `Monday 23 November`."""
    return pendulum.datetime(day.year, day.month, day.day).format("dddd D MMMM", locale="en")


def day_word(day: date, today: date) -> str | None:
    """`yesterday`, `today` or `tomorrow`; None for other dates."""
    return {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((day - today).days)


def dated(day: date, today: date) -> str:
    """A date, with its year if not the present one: `Mon 23 Nov`, `Mon 4 Jan 2027`."""
    return format_date(day) if day.year == today.year else f"{format_date(day)} {day.year}"


def meeting(span: Interval, zone: ZoneInfo) -> str:
    """A meeting's time with its zone: `Mon 23 Nov, 10:00-10:30 (London)`."""
    return f"{format_span(span, zone, beside=date.min)} ({zone_city(zone)})"


def near(span: Interval, zone: ZoneInfo, *, now: datetime) -> str:
    """A meeting relative to now: `tomorrow, in 18 hours`; `in 4 days`, which counts dates of that zone."""
    if now in span:
        return "now"
    day, today = local_date(span.start, zone), local_date(now, zone)
    word = day_word(day, today)
    if word is None:
        return relative(_midnight(day), _midnight(today))
    # "tomorrow, in 1 day" would be redundant.
    return word if abs(span.start - now) >= timedelta(days=1) else f"{word}, {relative(span.start, now)}"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
