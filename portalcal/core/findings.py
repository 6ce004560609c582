"""What facts mean for a connection: pure decisions of `status`, each with the words for it and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from portalcal.core.diagnosis import Finding, Health
from portalcal.core.schedule import Schedule

_HALF_A_YEAR = timedelta(days=182)


def of_schedule(schedule: Schedule) -> Finding:
    """Whether the schedule ever opens."""
    if schedule.is_closed_all_week:
        return Finding(
            "closed all week, so nothing is ever offered",
            Health.WARN,
            "give [schedule] some hours; `config.example.toml` shows how",
        )
    days = sum(1 for each in schedule.weekly if each)
    return Finding(f"open {days} day{'' if days == 1 else 's'} a week, {schedule.zone.key}")


def of_zones(zones: Mapping[str, ZoneInfo], now: datetime, *, is_chosen: bool) -> Finding:
    """Whether zones by their owners agree: those of the schedule, this machine and, where known, the booking calendar.

    A machine in another zone than a schedule somebody chose (`is_chosen`) is no trouble: servers run in UTC.
    """
    schedule = zones["the schedule"]
    odd = [owner for owner, zone in zones.items() if _offsets(zone, now) != _offsets(schedule, now)]
    if not odd:
        return Finding(schedule.key)
    told = ", ".join(f"{owner} is in {zone.key}" for owner, zone in zones.items())
    if "the booking calendar" not in odd and is_chosen:
        return Finding(told)
    other = zones.get("the booking calendar", zones["this machine"])
    return Finding(
        told,
        Health.WARN,
        f'if the schedule is meant otherwise, set timezone = "{other.key}" in config.toml',
    )


def _offsets(zone: ZoneInfo, now: datetime) -> tuple[timedelta | None, timedelta | None]:
    """What tells two zones apart in practice: their offsets now and half a year on."""
    return now.astimezone(zone).utcoffset(), (now + _HALF_A_YEAR).astimezone(zone).utcoffset()
