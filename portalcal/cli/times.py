"""Parse times, dates and durations as people type them.

A time without an offset is in the display zone. A wall time that a DST change skips or repeats is refused with both
candidates. A bare weekday is the next one, never today; at the end of a window it is the first one from the window's
start on, and a distance like `+3d` counts from that start too. Weeks begin on Monday (ISO 8601).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.core.schedule import WEEKDAYS
from portalcal.core.time import (
    DURATION_FORMS,
    ONE_DAY,
    candidates,
    exists,
    format_date,
    local_date,
    read_duration,
    wall,
    zone_city,
)
from portalcal.errors import Usage, did_you_mean

START_FORMS = (
    "`2026-11-25T10:00`, `tomorrow 10:00`, `fri 10:00`, with an offset or Z where the zone is another"
)


DATE_FORMS = (
    "`2026-11-25`, `today`, `tomorrow`, a weekday, `+3d`, `this week`, `next week`, "
    "or a time like `2026-11-25T10:00`"
)


_CLOCK = r"([01]?\d|2[0-3])[:.]([0-5]\d)(?::([0-5]\d))?"


_CLOCK_OF_12_HOURS = r"(?i)(0?[1-9]|1[0-2])(?:[:.]([0-5]\d))?\s*([ap])\.?m\.?"


_ISO = r"(?i)(\d{4}-\d\d-\d\d)(?:[T ](\S.*))?"


_SPREADSHEET = r"(\d{1,2})([./])(\d{1,2})\2(\d{4})(?:,? +(\S.*))?"
"""As Excel writes dates in English, German and many other languages."""


_OFFSET = r"(?i)(.*?)\s*(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)"


# Far enough from `datetime.min` and `datetime.max` to add buffers, horizons and offsets.
_FIRST_YEAR, _LAST_YEAR = 1970, 2199


_AHEAD = r"(?i)(?:\+(\d{1,4})d|in (\d{1,4}) (day|week)s?)(?: (.*))?"


_WEEK = r"(?i)(this|next) week(?: (.*))?"


_LONG_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class DateOrder(StrEnum):
    """How a spreadsheet writes 11/30/2026: day or month first."""

    DMY = "dmy"
    MDY = "mdy"


class TimeContext(NamedTuple):
    """What a typed time is relative to: the zone of times without an offset, and now."""

    zone: ZoneInfo
    now: datetime
    dates: DateOrder | None = None  # None: 11/30/2026 is read where only one order makes it a date
    is_of_file: bool = False  # a line of a file, for which an option says the order

    @property
    def today(self) -> date:
        """The date in that zone."""
        return local_date(self.now, self.zone)


class _Days(NamedTuple):
    """What the first words name, a date or the dates of a week, and the text after them."""

    first: date
    last: date
    rest: str

    @property
    def is_week(self) -> bool:
        return self.first != self.last


def read_start(text: str, time_context: TimeContext) -> datetime:
    """Parse START as an instant.

    Raises:
        Usage: no known form, or a wall time that does not exist or exists twice; the hint shows both candidates.
    """
    meant = read_start_or_date(text, time_context)
    if not isinstance(meant, datetime):
        raise _unreadable(text, f"a date without a time; expected {START_FORMS}")
    return meant


def read_start_or_date(text: str, time_context: TimeContext) -> datetime | date:
    """Parse START, or a date without a time.

    Raises:
        Usage: as `read_start`.
    """
    days = _split(text.strip(), time_context, forms=START_FORMS)
    if days.is_week:
        raise _unreadable(text, f"a week is not a time; expected {START_FORMS}")
    return _instant(text, days, time_context) if days.rest else days.first


def read_from(text: str, time_context: TimeContext) -> datetime:
    """Parse --from: a time, or the start of a date or week."""
    days = _split(text.strip(), time_context, forms=DATE_FORMS)
    return _instant(text, days, time_context) if days.rest else wall(days.first, 0, time_context.zone)


def read_until(text: str, time_context: TimeContext, *, begin: datetime | None = None) -> datetime:
    """Parse --until: a time, or the end of a date or week, so that it is included.

    `begin`: the start of the window. Weekdays and distances count from it, so that `mon --until fri` is one week.
    """
    since = local_date(begin, time_context.zone) if begin else None
    days = _split(text.strip(), time_context, forms=DATE_FORMS, since=since)
    return _instant(text, days, time_context) if days.rest else wall(days.last, 1440, time_context.zone)


def read_end(
    until: str | None, time_context: TimeContext, *, begin: datetime, days: int | None
) -> datetime | None:
    """The end of a window, by --until or --days; None without either.

    Raises:
        Usage: both are given.
    """
    if days is not None and until is not None:
        raise Usage("--days and --until both say where the window ends", "use one of them")
    if until is not None:
        return read_until(until, time_context, begin=begin)
    if days is None:
        return None
    return wall(local_date(begin, time_context.zone) + days * ONE_DAY, 0, time_context.zone)


def read_length(text: str) -> timedelta:
    """Parse a positive duration.

    Raises:
        Usage: no known form, or zero.
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


def is_length(text: str) -> bool:
    """Whether a text has the form of a duration, as `7d`."""
    try:
        return bool(read_duration(text))
    except ValueError:
        return False


def _split(text: str, time_context: TimeContext, *, forms: str, since: date | None = None) -> _Days:
    """Split into the days and the text after them. `since`: where weekdays and distances count from, if not today."""
    if match := re.fullmatch(_ISO, text):
        if not _FIRST_YEAR <= int(match[1][:4]) <= _LAST_YEAR:
            raise _unreadable(text, f"expected a year from {_FIRST_YEAR} to {_LAST_YEAR}")
        try:
            day = date.fromisoformat(match[1])
        except ValueError:
            raise _unreadable(text, f"there is no date {match[1]}") from None
        return _Days(day, day, (match[2] or "").strip())
    if match := re.fullmatch(_SPREADSHEET, text):
        day = _spreadsheet_date(text, match, time_context.dates, is_of_file=time_context.is_of_file)
        return _Days(day, day, (match[5] or "").strip())
    days = _relative_days(" ".join(text.split()), time_context.today, since or time_context.today)
    if days is None:
        word = text.partition(" ")[0].casefold()
        near = did_you_mean(word, ("today", "tomorrow", *WEEKDAYS, *_LONG_WEEKDAYS)) if word.isalpha() else ""
        raise _unreadable(text, f"expected {forms}{near}")
    if days.is_week and days.rest:
        raise _unreadable(text, f"a week has no time of day, found {days.rest}")
    return days


def _spreadsheet_date(text: str, match: re.Match[str], order: DateOrder | None, *, is_of_file: bool) -> date:
    """The date in `30.11.2026` or `11/30/2026`. With dots the day always stands first.

    Raises:
        Usage: either order makes it a date and none was chosen, or neither does.
    """
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise _unreadable(text, f"expected a year from {_FIRST_YEAR} to {_LAST_YEAR}")
    readings = {DateOrder.DMY: (second, first), DateOrder.MDY: (first, second)}
    if match[2] == "." or order is not None:
        readings = {key: readings[key] for key in (DateOrder.DMY if match[2] == "." else order,) if key}
    days = {day for month, number in readings.values() if (day := _date_or_none(year, month, number))}
    if len(days) > 1:
        one, other = (f"{format_date(day)} {day.year}" for day in sorted(days))
        fact = f"{text!r} may be {one} or {other}"
        hint = " or ".join(f"{day:%Y-%m-%d}" for day in sorted(days))
        if is_of_file:
            hint += ", or say which part is the day with `--dates dmy` or `--dates mdy`"
        raise Usage(fact, f"write {hint}")
    if not days:
        raise _unreadable(text, "there is no such date")
    return days.pop()


def _date_or_none(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _relative_days(text: str, today: date, since: date) -> _Days | None:
    if match := re.fullmatch(_AHEAD, text):
        count = int(match[1] or match[2]) * (7 if (match[3] or "").casefold() == "week" else 1)
        day = since + count * ONE_DAY
        return _Days(day, day, match[4] or "")
    if match := re.fullmatch(_WEEK, text):
        ahead = 7 if match[1].casefold() == "next" else 0
        monday = today + (ahead - today.weekday()) * ONE_DAY
        return _Days(monday, monday + 6 * ONE_DAY, match[2] or "")
    word, _, rest = text.partition(" ")
    named = _named_day(word.casefold(), today, since)
    return _Days(named, named, rest) if named else None


def _named_day(word: str, today: date, since: date) -> date | None:
    if word == "today":
        return today
    if word == "tomorrow":
        return today + ONE_DAY
    for names in (WEEKDAYS, _LONG_WEEKDAYS):
        if word in names:
            # The next one: on a Friday, `fri` is a week away. A window that begins on a Friday may end on it.
            first = today + ONE_DAY if since == today else since
            return first + ((names.index(word) - first.weekday()) % 7) * ONE_DAY
    return None


def _instant(text: str, days: _Days, time_context: TimeContext) -> datetime:
    clock, offset = days.rest, None
    if match := re.fullmatch(_OFFSET, clock):
        clock, offset = match[1], match[2]
    hour, minute, second = _clock(text, clock)
    local = datetime.combine(days.first, time(hour, minute, second))
    if offset:
        return datetime.fromisoformat(f"{local.isoformat()}{_colon(offset)}").astimezone(UTC)
    return _in_zone(text, local, time_context.zone)


def _clock(text: str, clock: str) -> tuple[int, int, int]:
    """Hour, minute and second of `10:00`, `10.30` or `2pm`."""
    if match := re.fullmatch(_CLOCK, clock):
        return int(match[1]), int(match[2]), int(match[3] or 0)
    if match := re.fullmatch(_CLOCK_OF_12_HOURS, clock):
        return int(match[1]) % 12 + (12 if match[3] in "Pp" else 0), int(match[2] or 0), 0
    raise _unreadable(text, f"expected a time like 10:00 after the date, found {clock}")


def _colon(offset: str) -> str:
    if offset in "Zz":
        return "+00:00"
    return offset if ":" in offset else f"{offset[:3]}:{offset[3:]}"


def _in_zone(text: str, local: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall time, which must exist exactly once in the zone."""
    instants = candidates(local, zone)
    if exists(local, zone) and len(instants) == 1:
        return instants[0]
    shown = " or ".join(f"`{each.astimezone(zone).isoformat(timespec='minutes')}`" for each in instants)
    when = f"{format_date(local.date())}, {local:%H:%M}"
    how = "exists twice" if exists(local, zone) else "does not exist"
    raise Usage(f"{text}: {when} {how} in {zone_city(zone)}, because the clocks change", f"write {shown}")


def _unreadable(text: str, why: str) -> Usage:
    # Some say what was expected in examples already.
    return Usage(f"{text!r} cannot be read as a time: {why}", None if "`" in why else _EXAMPLES)


_EXAMPLES = (
    "a time is like mon 14:00, tomorrow 2pm or 2026-12-01T10:00; a date like mon, in 3 days or 2026-12-01"
)
