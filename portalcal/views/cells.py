"""What lies in each cell of a grid of days and times: shared by the terminal's grid and the page. Standard library only.

A cell is a stretch of wall time on one date. On the days clocks change it may hold less time than its height, none at
all, or the same wall time twice; so cells are found from instants, never by adding hours to a midnight.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from enum import Enum, auto
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.answers import Availability
from portalcal.core.instants import iso_week, local_date, local_day
from portalcal.core.intervals import Interval, Intervals

_HEIGHTS = (5, 10, 15, 20, 30, 60, 120, 180, 240)
_MOST_ROWS = 34
"""Rows of a day before steps share one: a working day by the quarter of an hour still has a row each."""
_DAY = 1440


class Kind(Enum):
    """What a cell is, in the order in which one of them is told when a cell is several."""

    OFFERED = auto()
    ROOM = auto()
    """Free until the end of an offered meeting that starts above."""
    BOOKED = auto()
    BUSY = auto()
    PAST = auto()
    UNOFFERED = auto()
    """Open and free, but no meeting may start: notice, horizon, limits, buffers, or too short."""
    CLOSED = auto()
    SKIPPED = auto()
    """Clocks jumped over it."""


class Cell(NamedTuple):
    """One date and one row. `starts` are the offered ones within, as local times."""

    kind: Kind
    starts: tuple[datetime, ...] = ()


class Day(NamedTuple):
    """A column. `hours` is how long the day lasts when that is not 24; `ahead` how far the schedule's clocks are ahead
    of the display zone's, None in the same zone.
    """

    date: date
    cells: tuple[Cell, ...]
    is_today: bool
    hours: float | None
    ahead: timedelta | None

    @property
    def kinds(self) -> set[Kind]:
        """What is in the column."""
        return {each.kind for each in self.cells}


class Sheet(NamedTuple):
    """The grid of one answer. Row `n` begins at `rows[n]` minutes after midnight of the display zone."""

    days: tuple[Day, ...]
    rows: tuple[int, ...]
    height: int

    @property
    def is_two_zoned(self) -> bool:
        """Whether the schedule's clocks are shown beside the display zone's."""
        return any(day.ahead is not None for day in self.days)

    @property
    def weeks(self) -> tuple[tuple[Day, ...], ...]:
        """The days by ISO week; up to seven days are kept in one piece.

        Where clocks change in one of two zones a new piece begins, since the times side by side are others from then on.
        """
        is_short = len(self.days) <= 7
        pieces = groupby(self.days, key=lambda day: (None if is_short else iso_week(day.date), day.ahead))
        return tuple(tuple(days) for _, days in pieces)

    @property
    def kinds(self) -> set[Kind]:
        """What is anywhere in the sheet."""
        return set().union(*(day.kinds for day in self.days))


def clock(minutes: int) -> str:
    """Minutes after midnight on a clock: `09:00`, `24:00` for the end of the day."""
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}" if minutes != _DAY else "24:00"


def sheet(answer: Availability) -> Sheet:
    """Lay out an answer over the dates of its window, in the display zone."""
    world = _World.of(answer)
    dates = [day.date for day in answer.days]
    stretches = {day: tuple(_stretches(day, answer.zone)) for day in dates}
    rows, height = _rows(world, stretches, answer)
    schedule_zone = answer.question.schedule.zone
    is_same = schedule_zone.key == answer.zone.key
    today = local_date(answer.question.now, answer.zone)
    days = tuple(
        Day(
            day,
            tuple(world.cell(stretches[day], row, height) for row in rows),
            is_today=day == today,
            hours=_odd_length(day, answer.zone),
            ahead=None if is_same else _ahead(day, answer.zone, schedule_zone),
        )
        for day in dates
    )
    return Sheet(days, rows, height)


class _Stretch(NamedTuple):
    """Part of a local day in which clocks run evenly: wall minutes since midnight = instant - `midnight`."""

    span: Interval
    midnight: datetime

    def wall(self, minutes: int) -> datetime:
        return self.midnight + timedelta(minutes=minutes)


def _stretches(day: date, zone: ZoneInfo) -> Iterator[_Stretch]:
    whole = local_day(day, zone)
    if whole is None:
        return
    start, last = whole.start, whole.end - datetime.resolution
    naive = datetime(day.year, day.month, day.day, tzinfo=UTC)
    while start < whole.end:
        offset = _offset(start, zone)
        end = whole.end if _offset(last, zone) == offset else _change(start, whole.end, zone)
        yield _Stretch(Interval(start, end), naive - offset)
        start = end


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first second after `low` at which the offset is another."""
    before = _offset(low, zone)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high.replace(microsecond=0)


def _odd_length(day: date, zone: ZoneInfo) -> float | None:
    whole = local_day(day, zone)
    hours = whole.length / timedelta(hours=1) if whole else 0.0
    return None if hours == 24 else hours


def _ahead(day: date, zone: ZoneInfo, schedule_zone: ZoneInfo) -> timedelta:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    return (noon.astimezone(schedule_zone).utcoffset() or timedelta(0)) - (noon.utcoffset() or timedelta(0))


def _rows(
    world: _World, stretches: dict[date, tuple[_Stretch, ...]], answer: Availability
) -> tuple[tuple[int, ...], int]:
    """The wall times from the first opening of any day to the last closing, and the height of a row in minutes.

    Rows begin where most starts lie, so that 11:00 stands in the row of 11:00 also where rows are two hours high.
    """
    reached = [each for parts in stretches.values() for part in parts for each in _walls(part, world.open)]
    if not reached:
        return (), 30
    first, last = min(start for start, _ in reached), max(end for _, end in reached)
    step = answer.question.rules.stride
    wanted = max((each for each in _HEIGHTS if timedelta(minutes=each) <= step), default=_HEIGHTS[0])
    height = next(
        (each for each in _HEIGHTS if each >= wanted and (last - first) / each <= _MOST_ROWS), _HEIGHTS[-1]
    )
    local = (start.astimezone(answer.zone) for start in world.starts)
    phases = Counter((each.hour * 60 + each.minute) % height for each in local)
    phase = phases.most_common(1)[0][0] if phases else 0
    return tuple(range(first - (first - phase) % height, last, height)), height


def _walls(part: _Stretch, spans: Intervals) -> Iterator[tuple[int, int]]:
    """The wall minutes that spans cover in a stretch, rounded outwards."""
    minute = timedelta(minutes=1)
    for span in spans.meeting(part.span):
        start, end = max(span.start, part.span.start), min(span.end, part.span.end)
        yield (start - part.midnight) // minute, -((part.midnight - end) // minute)


class _World(NamedTuple):
    """Everything a cell may be, as sets of time."""

    open: Intervals
    busy: Intervals
    booked: Intervals
    room: Intervals
    starts: tuple[datetime, ...]
    zone: ZoneInfo
    now: datetime

    @classmethod
    def of(cls, answer: Availability) -> _World:
        question = answer.question
        window = Intervals((_whole_days(answer),))
        return cls(
            open=Intervals.of(each.span for each in question.schedule.openings(window.spans[0])) & window,
            busy=Intervals.of(span for each in question.calendars or () for span in each.busy),
            booked=Intervals.of(each.meeting for each in question.promises),
            room=Intervals.of(answer.slots),
            starts=tuple(each.start for each in answer.slots),
            zone=answer.zone,
            now=question.now,
        )

    def cell(self, stretches: Iterable[_Stretch], row: int, height: int) -> Cell:
        """What lies between two wall times of a date."""
        parts = []
        for each in stretches:
            start, end = max(each.wall(row), each.span.start), min(each.wall(row + height), each.span.end)
            if start < end:
                parts.append(Interval(start, end))
        if not parts:
            return Cell(Kind.SKIPPED)
        starts = tuple(start.astimezone(self.zone) for part in parts for start in self._starts_in(part))
        return (
            Cell(Kind.OFFERED, starts)
            if starts
            else Cell(min(map(self._kind, parts), key=lambda kind: kind.value))
        )

    def _starts_in(self, span: Interval) -> tuple[datetime, ...]:
        return self.starts[bisect_left(self.starts, span.start) : bisect_left(self.starts, span.end)]

    def _kind(self, span: Interval) -> Kind:
        opened = self.open.meeting(span)
        if not opened:
            return Kind.CLOSED
        if self.room.meeting(span):
            return Kind.ROOM
        if self.booked.meeting(span):
            return Kind.BOOKED
        if self.busy.meeting(span):
            return Kind.BUSY
        return Kind.PAST if min(span.end, opened[-1].end) <= self.now else Kind.UNOFFERED


def _whole_days(answer: Availability) -> Interval:
    """From the first midnight of the window's dates to the last; a window may begin at any hour of its first date."""
    first, last = answer.days[0].date, answer.days[-1].date
    start, end = local_day(first, answer.zone), local_day(last, answer.zone)
    window = answer.question.window
    return Interval(start.start if start else window.start, end.end if end else window.end)


def week_label(days: Iterable[Day]) -> str:
    """`Week 48`, or `Weeks 48-49` when a piece runs over a Sunday."""
    numbers = list(dict.fromkeys(iso_week(each.date)[1] for each in days))
    return f"Week {numbers[0]}" if len(numbers) == 1 else f"Weeks {numbers[0]}-{numbers[-1]}"


def date_range(first: date, last: date) -> str:
    """`23-29 Nov 2026`, `30 Nov - 6 Dec 2026`, with both years where they differ."""
    if first == last:
        return f"{first.day} {first:%b} {first.year}"
    if first.year != last.year:
        return f"{first.day} {first:%b} {first.year} - {last.day} {last:%b} {last.year}"
    if first.month != last.month:
        return f"{first.day} {first:%b} - {last.day} {last:%b} {last.year}"
    return f"{first.day}-{last.day} {last:%b} {last.year}"
