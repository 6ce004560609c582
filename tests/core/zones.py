"""Every zone of tzdata and the days on which its clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_FIRST, _LAST = datetime(1975, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
_STRIDE = timedelta(days=10)


def names() -> list[str]:
    """Zones of the world; the rest of the database are aliases for POSIX rules and files for leap seconds."""
    return sorted(
        each for each in available_timezones() if "/" in each and not each.startswith(("Etc/", "SystemV/"))
    )


@cache
def transitions(name: str) -> tuple[datetime, ...]:
    """The instants from 1975 to 2030 at which the zone's offset changes, to the minute."""
    zone = ZoneInfo(name)
    found = []
    at, offset = _FIRST, _FIRST.astimezone(zone).utcoffset()
    while at < _LAST:
        before, offset = offset, (at + _STRIDE).astimezone(zone).utcoffset()
        if before != offset:
            found.append(_between(at, at + _STRIDE, zone))
        at += _STRIDE
    return tuple(found)


def _between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(minutes=1):
        middle = low + (high - low) // 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(second=0, microsecond=0)


@cache
def kinds_of_transition() -> tuple[tuple[str, date], ...]:
    """For every distinct way in which clocks were ever changed (offsets, time of day) each zone's latest example day.

    The date is the local one just before the change. Zones with the same history are looked at once.
    """
    histories: dict[tuple[datetime, ...], str] = {}
    for name in names():
        histories.setdefault(transitions(name), name)
    examples: dict[tuple[object, ...], tuple[str, date]] = {}
    for name in histories.values():
        zone = ZoneInfo(name)
        for each in transitions(name):
            before, after = (each - timedelta(minutes=2)).astimezone(zone), each.astimezone(zone)
            examples[name, before.utcoffset(), after.utcoffset(), before.time()] = name, before.date()
    return tuple(examples.values())
