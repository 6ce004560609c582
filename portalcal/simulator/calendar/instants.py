"""Time values of the API: RFC 3339 texts, IANA zones, wall times across DST changes."""

import functools
import re
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)?")


@functools.cache
def zone_names() -> frozenset[str]:
    """Return every IANA zone name with its exact case, which Google requires and some file systems ignore."""
    return frozenset(zoneinfo.available_timezones())


@functools.cache
def zone(name: str) -> tzinfo:
    """Return a zone by its IANA name.

    Raises:
        ValueError: there is no zone of that name in that case.
    """
    if name in {"UTC", "Etc/UTC", "Z"}:
        return UTC
    if name not in zone_names():
        raise ValueError(f"no time zone is called {name!r}")
    return zoneinfo.ZoneInfo(name)


def parse(text: str) -> datetime:
    """Parse an RFC 3339 time, naive if it has no offset; fractions of a second are dropped, as by Google.

    Raises:
        ValueError: it is not RFC 3339.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 time: {text!r}")
    text_of_day, clock, offset = match.groups()
    day(text_of_day)
    return datetime.fromisoformat(f"{text_of_day}T{clock}{(offset or '').upper()}")


def day(text: str) -> date:
    """Parse an ISO date.

    Raises:
        ValueError: not a date, or outside the years 1000 to 9000, near whose ends arithmetic would overflow.
    """
    parsed = date.fromisoformat(text)
    if not 1000 <= parsed.year <= 9000:
        raise ValueError(f"out of range: {text!r}")
    return parsed


def at(wall: datetime, where: tzinfo) -> datetime:
    """Return the UTC instant of a wall time (RFC 5545 section 3.3.5).

    A time in a gap takes the offset before the gap, an ambiguous one is the first (`fold=0`).
    """
    return wall.replace(tzinfo=where, fold=0).astimezone(UTC)


def midnight(day: date, where: tzinfo) -> datetime:
    """Return the UTC instant at which a local day begins."""
    return at(datetime.combine(day, time()), where)


def render(instant: datetime, where: tzinfo) -> str:
    """Format an instant to the second in a zone, with `Z` for UTC.

    >>> render(datetime(2026, 7, 1, 9, tzinfo=UTC), zone("Europe/London"))
    '2026-07-01T10:00:00+01:00'
    """
    local = instant.astimezone(where).replace(microsecond=0)
    text = local.isoformat()
    return text.removesuffix("+00:00") + "Z" if not local.utcoffset() else text


def render_seconds(seconds: int, where: tzinfo) -> str:
    """Format seconds since 1970 as `render` does; in UTC eight times as fast, for tens of thousands of busy times.

    >>> render_seconds(1_782_898_200, UTC)
    '2026-07-01T09:30:00Z'
    """
    if where is not UTC:
        return render(from_epoch(seconds), where)
    days, of_day = divmod(seconds, 86_400)
    minutes, second = divmod(of_day, 60)
    return f"{_utc_date(days)}T{minutes // 60:02}:{minutes % 60:02}:{second:02}Z"


@functools.lru_cache(maxsize=4096)
def _utc_date(days: int) -> str:
    """The ISO date so many days after 1970 began."""
    return from_epoch(days * 86_400).date().isoformat()


def stamp(instant: datetime) -> str:
    """Format an instant as `updated`: milliseconds, UTC."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def created(instant: datetime) -> str:
    """Format an instant as `created`: whole seconds (google-api-nodejs-client#3212 shows one)."""
    return stamp(instant.replace(microsecond=0))


def epoch(instant: datetime) -> int:
    """Return whole seconds since 1970."""
    return int(instant.timestamp())


def from_epoch(seconds: int) -> datetime:
    """Return the UTC instant of whole seconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
