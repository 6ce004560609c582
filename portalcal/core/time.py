"""Instants, local days, wall times and durations, correct across daylight-saving changes.

An instant is an aware datetime in UTC. Wall times are converted by the rules of RFC 5545 section 3.3.5; zones are
`zoneinfo.ZoneInfo`. No function here returns a naive datetime.
"""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from portalcal.core.intervals import Interval

ONE_DAY = timedelta(days=1)

_A_DAY_OF_MINUTES = 1440

DURATION_FORMS = "a length like 90s, 30m, 1h, 1h30m or 2d"

_DURATION = r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?"

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def wall(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The instant at which clocks in `zone` show `minutes` after midnight of `day`; 1440 is the next midnight.

    A time in a gap takes the offset before the gap; of an ambiguous time the first is taken (RFC 5545 section 3.3.5;
    PEP 495 `fold=0`).

    >>> wall(date(2026, 3, 29), 90, ZoneInfo("Europe/London"))  # 01:30 does not exist: 02:30 BST
    datetime.datetime(2026, 3, 29, 1, 30, tzinfo=datetime.timezone.utc)
    """
    if not 0 <= minutes < _A_DAY_OF_MINUTES:
        days, minutes = divmod(minutes, _A_DAY_OF_MINUTES)
        day += days * ONE_DAY
    hour, minute = divmod(minutes, 60)
    # Called for every range of every date: the constructor takes half the time of `datetime.combine` (measured).
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


def candidates(local: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants a naive wall time may stand for in `zone`, in order: normally one, two if it is ambiguous.

    A wall time in a gap gives two instants (by the offset after and the offset before the gap), at neither of which
    clocks show it; `exists` distinguishes the cases.
    """
    both = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(both))


def exists(local: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks in `zone` ever show this naive wall time."""
    return any(each.astimezone(zone).replace(tzinfo=None) == local for each in candidates(local, zone))


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The local date in `zone` at that instant."""
    return instant.astimezone(zone).date()


def local_day(day: date, zone: ZoneInfo) -> Interval | None:
    """The interval of a local day: usually 23 to 25 hours; None for a date the zone skipped."""
    start, end = wall(day, 0, zone), wall(day, 1440, zone)
    return Interval(start, end) if start < end else None


def dates(first: date, last: date) -> tuple[date, ...]:
    """Every date from `first` to `last`, both included."""
    return tuple(first + n * ONE_DAY for n in range((last - first).days + 1))


def iso_week(day: date) -> tuple[int, int]:
    """Year and number of the ISO 8601 week."""
    year, week, _ = day.isocalendar()
    return year, week


def zone_city(zone: ZoneInfo) -> str:
    """The display name of a zone: its city.

    >>> zone_city(ZoneInfo("America/Argentina/Buenos_Aires"))
    'Buenos Aires'
    """
    return zone.key.rsplit("/", 1)[-1].replace("_", " ")


def format_date(day: date) -> str:
    """Format a date as `Mon 3 Mar`, in English whatever the locale."""
    return f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"


def format_time(start: datetime, zone: ZoneInfo, *, end: datetime | None = None) -> str:
    """Format a time or a span, always with its zone.

    >>> format_time(
    ...     datetime(2025, 3, 3, 8, tzinfo=UTC),
    ...     ZoneInfo("Europe/Berlin"),
    ...     end=datetime(2025, 3, 3, 8, 30, tzinfo=UTC),
    ... )
    'Mon 3 Mar, 09:00-09:30 (Berlin)'
    """
    local = start.astimezone(zone)
    words = f"{format_date(local.date())}, {_clock(local)}"
    if end is not None:
        until = end.astimezone(zone)
        words += (
            f"-{_clock(until)}"
            if until.date() == local.date()
            else f" - {format_date(until.date())}, {_clock(until)}"
        )
    return f"{words} ({zone_city(zone)})"


def _clock(local: datetime) -> str:
    """Format a time of day; seconds only if there are any, so that different times look different."""
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def format_duration(length: timedelta) -> str:
    """Format a duration as it is written in the configuration.

    >>> format_duration(timedelta(hours=1, minutes=30))
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
    """Parse a duration: `90s`, `30m`, `1h30m`, `2d`. A plain number is refused, since its unit is unknown.

    Raises:
        ValueError: anything else; the message states what was expected.
    """
    match = re.fullmatch(_DURATION, text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"expected {DURATION_FORMS}")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
