"""Questions to the engine, built from times as people write them. The zone is London unless it is said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from portalcal.core.intervals import Interval, Intervals
from portalcal.core.schedule import WEEKDAYS, Hours, Period, Schedule, Stretch
from portalcal.core.slots import Align, Claim, FreeBusy, Rules, SchedulingInputs

LONDON = ZoneInfo("Europe/London")
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def utc(text: str) -> datetime:
    """`2026-03-02 09:00` as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def between(text: str) -> Interval:
    """`2026-03-02 09:00/10:00`, or with a date on both sides, in UTC."""
    start, end = text.split("/")
    return Interval(utc(start), utc(end if " " in end else f"{start.split()[0]} {end}"))


def hours(text: str) -> tuple[Hours, ...]:
    """`09:00-12:00 13:00-17:00`."""
    found = []
    for each in text.split():
        start, end = ((int(t[:2]) * 60 + int(t[3:])) for t in each.split("-"))
        found.append(Hours(start, end))
    return tuple(found)


def a_schedule(
    every_day: str = "",
    zone: str = "Europe/London",
    *,
    exceptions: dict[str, str] | None = None,
    holidays: dict[str, str] | None = None,
    holidays_open: tuple[str, ...] = (),
    periods: tuple[Period, ...] = (),
    **days: str,
) -> Schedule:
    """`every_day` for all weekdays but those given: `a_schedule("09:00-17:00", sat="", sun="")`.

    A key of `exceptions` is a date or a stretch, `2026-12-24..2027-01-02`.
    """
    weekly = tuple(hours(days.get(each, every_day)) for each in WEEKDAYS)
    written = {key: hours(text) for key, text in (exceptions or {}).items()}
    return Schedule(
        ZoneInfo(zone),
        weekly,
        MappingProxyType({_day(key): own for key, own in written.items() if ".." not in key}),
        tuple(Stretch(_day(key[:10]), _day(key[-10:]), own) for key, own in written.items() if ".." in key),
        MappingProxyType({_day(day): name for day, name in (holidays or {}).items()}),
        frozenset(map(_day, holidays_open)),
        periods,
    )


def _day(text: str) -> date:
    return date.fromisoformat(text)


def a_period(stretch: str, name: str = "away", zone: str | None = None, **days: str) -> Period:
    """`2026-07-15..2026-09-05`, with hours of its own for the weekdays given."""
    first, last = map(_day, stretch.split(".."))
    weekly = tuple(hours(days[each]) if each in days else None for each in WEEKDAYS)
    return Period(name, first, last, weekly, ZoneInfo(zone) if zone else None)


def rules(
    duration: float = 60,
    step: float | None = None,
    *,
    before: float = 0,
    after: float = 0,
    notice: float = 0,
    horizon: int = 100_000,
    max_per_day: int = 0,
    max_per_week: int = 0,
    max_minutes_per_day: int = 0,
    align: Align = Align.OPENING,
) -> Rules:
    """Rules in minutes that forbid nothing unless asked to."""
    return Rules(
        minutes(duration), None if step is None else minutes(step), minutes(before), minutes(after),
        minutes(notice), horizon, max_per_day, max_per_week, align, max_minutes_per_day,
    )  # fmt: skip


def a_claim(
    text: str, *, booking: str = "b1", link: str | None = None, before: float = 0, after: float = 0
) -> Claim:
    meeting = between(text)
    return Claim(booking, link, meeting, meeting.widened(minutes(before), minutes(after)))


def a_question(
    schedule: Schedule,
    window: str,
    *,
    rules: Rules = rules(),  # noqa: B008 - frozen
    now: datetime = LONG_AGO,
    busy: tuple[str, ...] = (),
    claims: tuple[Claim, ...] = (),
    link: str | None = None,
) -> SchedulingInputs:
    """One calendar named `work` with the busy spans."""
    told = FreeBusy("work", Intervals.of(map(between, busy)))
    return SchedulingInputs(schedule, rules, between(window), now, link, (told,), claims)


def clocks(meetings: tuple[Interval, ...], zone: ZoneInfo = LONDON) -> str:
    """The starts as wall times: `09:00 10:00`."""
    return " ".join(f"{each.start.astimezone(zone):%H:%M}" for each in meetings)
