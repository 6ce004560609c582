"""Instants, local days and wall times that survive daylight-saving changes.

An instant is an aware datetime in UTC. Wall times are read as RFC 5545 section 3.3.5 reads them; zones are
`zoneinfo.ZoneInfo`. Naive datetimes never leave this module.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portalcal.core.intervals import Interval

ONE_DAY = timedelta(days=1)
DURATION_FORMS = "a length like 90s, 30m, 1h, 1h30m or 2d"
_DURATION = r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def wall(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The instant at which clocks in `zone` show `minutes` after midnight of `day`; 1440 is the next midnight.

    A time that does not exist that day takes the offset before the gap, a time that exists twice is the first
    (RFC 5545 section 3.3.5; PEP 495 `fold=0`).

    >>> wall(date(2026, 3, 29), 90, ZoneInfo("Europe/London"))  # 01:30 does not exist: 02:30 BST
    datetime.datetime(2026, 3, 29, 1, 30, tzinfo=datetime.timezone.utc)
    """
    days, minutes = divmod(minutes, 1440)
    local = datetime.combine(day + days * ONE_DAY, time(minutes // 60, minutes % 60), tzinfo=zone)
    return local.astimezone(UTC)


def candidates(local: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """What a naive wall time may mean in `zone`, in order: one instant normally, two when it exists twice.

    A wall time that does not exist gives the two readings of RFC 5545 (offset after, offset before the gap), none of
    which shows that wall time; `exists` tells the cases apart.
    """
    both = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(both))


def exists(local: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks in `zone` ever show this naive wall time."""
    return any(each.astimezone(zone).replace(tzinfo=None) == local for each in candidates(local, zone))


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The date on the calendars of `zone` at that instant."""
    return instant.astimezone(zone).date()


def local_day(day: date, zone: ZoneInfo) -> Interval | None:
    """The stretch of time that is `day` in `zone`: 23 to 25 hours, or None for a day that was skipped."""
    start, end = wall(day, 0, zone), wall(day, 1440, zone)
    return Interval(start, end) if start < end else None


def dates(first: date, last: date) -> tuple[date, ...]:
    """Every date from `first` to `last`, both included."""
    return tuple(first + n * ONE_DAY for n in range((last - first).days + 1))


def iso_week(day: date) -> tuple[int, int]:
    """Year and number of the ISO 8601 week."""
    year, week, _ = day.isocalendar()
    return year, week


def place(zone: ZoneInfo) -> str:
    """The zone as people say it: its city.

    >>> place(ZoneInfo("America/Argentina/Buenos_Aires"))
    'Buenos Aires'
    """
    return zone.key.rsplit("/", 1)[-1].replace("_", " ")


def say_date(day: date) -> str:
    """A date in words, `Mon 3 Mar`; English whatever the locale, so that scripts and tests agree."""
    return f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"


def say(start: datetime, zone: ZoneInfo, *, end: datetime | None = None) -> str:
    """A time or a span in words, always with its zone.

    >>> say(
    ...     datetime(2025, 3, 3, 8, tzinfo=UTC),
    ...     ZoneInfo("Europe/Berlin"),
    ...     end=datetime(2025, 3, 3, 8, 30, tzinfo=UTC),
    ... )
    'Mon 3 Mar, 09:00-09:30 (Berlin)'
    """
    local = start.astimezone(zone)
    words = f"{say_date(local.date())}, {_clock(local)}"
    if end is not None:
        until = end.astimezone(zone)
        words += (
            f"-{_clock(until)}"
            if until.date() == local.date()
            else f" - {say_date(until.date())}, {_clock(until)}"
        )
    return f"{words} ({place(zone)})"


def _clock(local: datetime) -> str:
    """A time of day; seconds only where there are any, or two times would read alike."""
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def say_duration(length: timedelta) -> str:
    """An elapsed time the way the configuration writes it.

    >>> say_duration(timedelta(hours=1, minutes=30))
    '1h30m'
    """
    seconds = int(length.total_seconds())
    parts = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
    words = ""
    for size, unit in parts:
        count, seconds = divmod(seconds, size)
        words += f"{count}{unit}" if count else ""
    return words or "0m"


def read_duration(text: str) -> timedelta:
    """An elapsed time as people write it: `90s`, `30m`, `1h30m`, `2d`. Plain numbers are refused: minutes or hours?

    Raises:
        ValueError: anything else; the message says what was expected.
    """
    match = re.fullmatch(_DURATION, text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"expected {DURATION_FORMS}")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
