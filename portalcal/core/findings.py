"""What facts mean for a connection: pure decisions of `status`, each with the words for it and what helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from portalcal.core.diagnosis import Finding, Health
from portalcal.core.errands import Errand, Task
from portalcal.core.lifetimes import TESTING_LIFE, UNUSED_LIFE, ended_like_testing
from portalcal.core.schedule import Schedule

_HALF_A_YEAR = timedelta(days=182)
_WARN_AT = timedelta(days=5)
"""Age of a grant that is expected to end at seven days."""

_LONG_UNUSED = timedelta(days=150)
_MOST_SKEW = timedelta(seconds=30)
_LEAST_ROOM = 1_000_000
_ONE_DAY = timedelta(days=1)

DELIVER = "run `portalcal sync`"
ADD_MISSING = "run `portalcal sync --add-missing`"
SET_THE_CLOCK = "set this machine's clock, on most Linux machines with `timedatectl set-ntp true`"


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


def of_age(age: timedelta, *, last_lived: timedelta | None, unused: timedelta | None) -> Finding:
    """How long a grant will last, as far as the one before it and its last use tell."""
    told = f"{days(age)} old"
    if is_dying(age, last_lived=last_lived):
        return Finding(
            f"{told}; the one before ended after 7 days, as in an OAuth app in Testing, so this one ends in "
            f"{left_in_testing(age)}",
            Health.WARN,
            "publish the app in the Google Cloud console (Audience), then run `portalcal connect --force`; "
            "without publishing, that gives 7 more days",
        )
    if unused is not None and unused >= _LONG_UNUSED:
        left = days(max(UNUSED_LIFE - unused, timedelta(0)), up=True)
        return Finding(
            f"{told}, not used for {days(unused)}; Google ends a grant after six months without use, in {left}",
            Health.WARN,
            "use it: `portalcal calendars`",
        )
    if last_lived is not None and ended_like_testing(last_lived) and age < _WARN_AT:
        return Finding(f"{told}; the one before ended after 7 days")
    return Finding(told)


def left_in_testing(age: timedelta) -> str:
    """How long a grant of an app in Testing still lives, in words."""
    return days(max(TESTING_LIFE - age, timedelta(0)), up=True)


def is_dying(age: timedelta, *, last_lived: timedelta | None) -> bool:
    """Whether a grant is about to end as the one before it did: the OAuth app is in Testing."""
    seemed_testing = last_lived is not None and ended_like_testing(last_lived)
    # One that lived longer is that of an app that was published since.
    return seemed_testing and _WARN_AT <= age < TESTING_LIFE + _ONE_DAY


def of_clock(skew: timedelta | None) -> Finding:
    """Whether this machine's clock shows what Google's does. `skew` is how far it is ahead."""
    if skew is None:
        return Finding("Google's answer tells no time")
    seconds = round(abs(skew).total_seconds())
    if abs(skew) <= _MOST_SKEW:
        return Finding("agrees with Google's" if seconds <= 2 else f"{seconds} s off")
    way = "ahead of" if skew > timedelta(0) else "behind"
    return Finding(f"this machine's clock is {_length(seconds)} {way} Google's", Health.WARN, SET_THE_CLOCK)


def of_errands(owed: Sequence[Errand], now: datetime, *, missing: int) -> Finding:
    """What is owed to Google. `missing`: upcoming bookings without an event, among them those whose event is owed."""
    overdue = [each for each in owed if each.due_at <= now]
    if overdue:
        first = min(overdue, key=lambda each: each.due_at)
        why = next((each.last_error for each in (first, *overdue) if each.last_error), None)
        since = _length(round((now - first.due_at).total_seconds()))
        told = f"{len(overdue)} not told to Google yet, the first due {since} ago"
        return Finding(f"{told}: {why}" if why else told, Health.WARN, DELIVER)
    # A booking whose event is still owed has none either; that comes by itself.
    never = missing - sum(1 for each in owed if each.task is Task.PUT)
    if never > 0:
        return Finding(f"{never} upcoming without a calendar event", Health.WARN, ADD_MISSING)
    if owed:
        wait = _length(round((min(each.due_at for each in owed) - now).total_seconds()))
        return Finding(f"{len(owed)} owed to Google, tried again in {wait} by the next command")
    return Finding("nothing owed to Google")


def of_room(left: int | None) -> str | None:
    """What is wrong with the bytes left on the ledger's disk, or None: the next booking may be one that does not fit."""
    return "the disk is full" if left is not None and left < _LEAST_ROOM else None


def ledger_remedy(reason: str, *, is_on_server: bool = False) -> str:
    """What helps a ledger that cannot be used, by the reason it gives."""
    if "psycopg" in reason:
        return "run `pip install 'portalcal[postgres]'`"
    if is_on_server:
        return (
            "see that its server runs and that the url under [ledger] opens it, then run `portalcal status`"
        )
    if "full" in reason:
        return "free some space on its disk, then run `portalcal status`"
    if any(each in reason for each in ("damaged", "not an SQLite", "another program", "overlaps")):
        return (
            "put back a copy of it, or move it away: a new one begins empty, and events already made stay in Google "
            "Calendar; then run `portalcal status`"
        )
    return "make it and its folder writable for you, then run `portalcal status`"


def days(length: timedelta, *, up: bool = False) -> str:
    """A length in whole days: `3 days`; begun days count with `up`."""
    number = -(-length // _ONE_DAY) if up else length // _ONE_DAY
    return f"{number} day{'' if number == 1 else 's'}"


def _length(seconds: int) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{round(seconds / size)} {unit}"
    return f"{seconds} s"


def _offsets(zone: ZoneInfo, now: datetime) -> tuple[timedelta | None, timedelta | None]:
    """What tells two zones apart in practice: their offsets now and half a year on."""
    return now.astimezone(zone).utcoffset(), (now + _HALF_A_YEAR).astimezone(zone).utcoffset()
