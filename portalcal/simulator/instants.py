"""Time as Google writes it: RFC 3339 text, zones by their IANA name, walls that survive DST."""

import functools
import re
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)?")


@functools.cache
def zone_names() -> frozenset[str]:
    """Return every zone name this machine knows, exactly as spelt (file systems may ignore case; Google does not)."""
    return frozenset(zoneinfo.available_timezones())


@functools.cache
def zone(name: str) -> tzinfo:
    """Return a zone by its IANA name.

    Raises:
        ValueError: there is no zone of that name, in that spelling.
    """
    if name in {"UTC", "Etc/UTC", "Z"}:
        return UTC
    if name not in zone_names():
        raise ValueError(f"no time zone is called {name!r}")
    return zoneinfo.ZoneInfo(name)


def parse(text: str) -> datetime:
    """Read an RFC 3339 time, aware if it carries an offset, naive if not; fractions are dropped as Google drops them.

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
    """Read a date.

    Raises:
        ValueError: it is none, or lies where adding a day or an offset would leave the calendar.
    """
    found = date.fromisoformat(text)
    if not 1000 <= found.year <= 9000:
        raise ValueError(f"out of range: {text!r}")
    return found


def at(wall: datetime, where: tzinfo) -> datetime:
    """Return the UTC instant of a wall time, RFC 5545's way.

    A time that does not exist takes the offset before the gap, one that exists twice is the first: `fold=0`.
    """
    return wall.replace(tzinfo=where, fold=0).astimezone(UTC)


def midnight(day: date, where: tzinfo) -> datetime:
    """Return the UTC instant at which a local day begins."""
    return at(datetime.combine(day, time()), where)


def render(instant: datetime, where: tzinfo) -> str:
    """Write an instant to the second in a zone, `Z` when its offset is UTC's.

    >>> render(datetime(2026, 7, 1, 9, tzinfo=UTC), zone("Europe/London"))
    '2026-07-01T10:00:00+01:00'
    """
    local = instant.astimezone(where).replace(microsecond=0)
    text = local.isoformat()
    return text.removesuffix("+00:00") + "Z" if not local.utcoffset() else text


def stamp(instant: datetime) -> str:
    """Write an instant to the millisecond in UTC, as `updated` is written."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def created(instant: datetime) -> str:
    """Write an instant as `created` is written: whole seconds (google-api-nodejs-client#3212 shows one)."""
    return stamp(instant.replace(microsecond=0))


def epoch(instant: datetime) -> int:
    """Return whole seconds since 1970."""
    return int(instant.timestamp())


def from_epoch(seconds: int) -> datetime:
    """Return the UTC instant of whole seconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
