"""Times as people say them: `in 3 hours`, `2 days ago`, `tomorrow, 09:00`. For pages only; scripts get instants.

English whatever the locale, so that pages, tests and support staff agree.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pendulum

from portalcal.core.instants import local_date, place, say_date
from portalcal.core.intervals import Interval
from portalcal.views.reasons import span_in_words

_MOMENT = timedelta(seconds=45)


def relative(instant: datetime, now: datetime) -> str:
    """How far away an instant is: `in 3 hours`, `2 days ago`, `just now`."""
    if abs(instant - now) < _MOMENT:
        return "just now" if instant <= now else "in a moment"
    distance = pendulum.instance(instant).diff_for_humans(pendulum.instance(now), absolute=True, locale="en")
    return f"in {distance}" if instant > now else f"{distance} ago"


def length(elapsed: timedelta) -> str:
    """An elapsed time: `1 hour 30 minutes`."""
    return pendulum.duration(seconds=elapsed.total_seconds()).in_words(locale="en")


def long_date(day: date) -> str:
    """A date in full: `Monday 23 November`."""
    return pendulum.datetime(day.year, day.month, day.day).format("dddd D MMMM", locale="en")


def day_word(day: date, today: date) -> str | None:
    """`yesterday`, `today` or `tomorrow`; None for other dates."""
    return {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((day - today).days)


def dated(day: date, today: date) -> str:
    """A date with its year where that is not this one: `Mon 23 Nov`, `Mon 4 Jan 2027`."""
    return say_date(day) if day.year == today.year else f"{say_date(day)} {day.year}"


def meeting(span: Interval, zone: ZoneInfo) -> str:
    """A meeting's time with its zone: `Mon 23 Nov, 10:00-10:30 (London)`."""
    return f"{span_in_words(span, zone, beside=date.min)} ({place(zone)})"


def near(span: Interval, zone: ZoneInfo, *, now: datetime) -> str:
    """How near a meeting is: `tomorrow, in 18 hours`; `in 2 weeks`."""
    if now in span:
        return "now"
    word, distance = day_word(local_date(span.start, zone), local_date(now, zone)), relative(span.start, now)
    if word is None:
        return distance
    # "tomorrow, in 1 day" says the same twice.
    return word if abs(span.start - now) >= timedelta(days=1) else f"{word}, {distance}"
