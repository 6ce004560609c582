"""Reading times, dates and lengths as people type them (CLI.md, Times and durations)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.core.instants import (
    DURATION_FORMS,
    ONE_DAY,
    candidates,
    exists,
    local_date,
    place,
    read_duration,
    say_date,
    wall,
)
from portalcal.core.schedule import WEEKDAYS
from portalcal.errors import Usage, did_you_mean

START_FORMS = (
    "`2026-11-25T10:00`, `tomorrow 10:00`, `fri 10:00`, with an offset or Z where the zone is another"
)
DATE_FORMS = "`2026-11-25`, `today`, `tomorrow`, a weekday, `+3d`, or a time like `2026-11-25T10:00`"

_CLOCK = r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?"
_ISO = r"(?i)(\d{4}-\d\d-\d\d)(?:[T ](\S.*))?"
_OFFSET = r"(?i)(.*?)\s*(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)"
# Far enough from the ends of the calendar for a buffer, a horizon and an offset.
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_AHEAD = r"\+(\d{1,4})d"
_LONG_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Reading(NamedTuple):
    """What a text is read against: the zone of times without an offset, and now."""

    zone: ZoneInfo
    now: datetime

    @property
    def today(self) -> date:
        """The date in that zone."""
        return local_date(self.now, self.zone)


def read_start(text: str, reading: Reading) -> datetime:
    """The instant a person means by a START.

    Raises:
        Usage: it cannot be read, or the wall time does not exist that day or exists twice; both candidates are shown.
    """
    day, rest = _split(text.strip(), reading, forms=START_FORMS)
    if not rest:
        raise _unreadable(text, f"a date without a time; expected {START_FORMS}")
    return _instant(text, day, rest, reading)


def read_from(text: str, reading: Reading) -> datetime:
    """The first instant of a window: a time, or the start of a date."""
    day, rest = _split(text.strip(), reading, forms=DATE_FORMS)
    return _instant(text, day, rest, reading) if rest else wall(day, 0, reading.zone)


def read_until(text: str, reading: Reading) -> datetime:
    """The end of a window: a time, or the end of a date, which so belongs to the window."""
    day, rest = _split(text.strip(), reading, forms=DATE_FORMS)
    return _instant(text, day, rest, reading) if rest else wall(day, 1440, reading.zone)


def read_length(text: str) -> timedelta:
    """A duration of more than nothing.

    Raises:
        Usage: it cannot be read.
    """
    try:
        length = read_duration(text)
    except ValueError:
        length = timedelta(0)
    if not length:
        if text.strip().isdigit():
            raise Usage(f"{text} of what? A duration needs its unit", f"write `{text}m` or `{text}h`")
        raise Usage(f"{text} is not a duration", f"write {DURATION_FORMS}")
    return length


def _split(text: str, reading: Reading, *, forms: str) -> tuple[date, str]:
    """The date that is meant, and what follows it."""
    if match := re.fullmatch(_ISO, text):
        if not _FIRST_YEAR <= int(match[1][:4]) <= _LAST_YEAR:
            raise _unreadable(text, f"expected a year from {_FIRST_YEAR} to {_LAST_YEAR}")
        try:
            return date.fromisoformat(match[1]), (match[2] or "").strip()
        except ValueError:
            raise _unreadable(text, f"there is no date {match[1]}") from None
    word, _, rest = text.partition(" ")
    day = _named_day(word.casefold(), reading.today)
    if day is None:
        near = did_you_mean(word, ("today", "tomorrow", *WEEKDAYS, *_LONG_WEEKDAYS)) if word.isalpha() else ""
        raise _unreadable(text, f"expected {forms}{near}")
    return day, rest.strip()


def _named_day(word: str, today: date) -> date | None:
    if word == "today":
        return today
    if word == "tomorrow":
        return today + ONE_DAY
    if match := re.fullmatch(_AHEAD, word):
        return today + int(match[1]) * ONE_DAY
    for names in (WEEKDAYS, _LONG_WEEKDAYS):
        if word in names:
            # The next one: a Friday typed on a Friday is a week away.
            return today + ((names.index(word) - today.weekday() - 1) % 7 + 1) * ONE_DAY
    return None


def _instant(text: str, day: date, clock: str, reading: Reading) -> datetime:
    offset = None
    if match := re.fullmatch(_OFFSET, clock):
        clock, offset = match[1], match[2]
    match = re.fullmatch(_CLOCK, clock)
    if not match:
        raise _unreadable(text, f"expected a time like 10:00 after the date, found {clock}")
    local = datetime(day.year, day.month, day.day, int(match[1]), int(match[2]), int(match[3] or 0))  # noqa: DTZ001
    if offset:
        return datetime.fromisoformat(f"{local.isoformat()}{_colon(offset)}").astimezone(UTC)
    return _in_zone(text, local, reading.zone)


def _colon(offset: str) -> str:
    if offset in "Zz":
        return "+00:00"
    return offset if ":" in offset else f"{offset[:3]}:{offset[3:]}"


def _in_zone(text: str, local: datetime, zone: ZoneInfo) -> datetime:
    """A wall time in a zone, which must exist there exactly once."""
    meant = candidates(local, zone)
    if exists(local, zone) and len(meant) == 1:
        return meant[0]
    shown = " or ".join(f"`{each.astimezone(zone).isoformat(timespec='minutes')}`" for each in meant)
    when = f"{say_date(local.date())}, {local:%H:%M}"
    how = "exists twice" if exists(local, zone) else "does not exist"
    raise Usage(f"{text}: {when} {how} in {place(zone)}, because the clocks change", f"write {shown}")


def _unreadable(text: str, why: str) -> Usage:
    return Usage(f"{text!r} cannot be read as a time: {why}", None)
