"""The cells of an availability grid, shared by the terminal and HTML views. Standard library only.

A cell is a range of wall time on one date. On a day of a DST change it may contain less time than its height, none, or
the same wall time twice; so cells are computed from instants, never by adding hours to midnight.
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

from portalcal.core.intervals import Interval, Intervals
from portalcal.core.slots import full_days
from portalcal.core.time import format_date, iso_week, local_date, local_day
from portalcal.results import Availability
from portalcal.views.takers import takers

_HEIGHTS = (5, 10, 15, 20, 30, 60, 120, 180, 240)


_MOST_ROWS = 34
"""Rows of a day before several steps share one: a working day in quarters of an hour still fits."""


_DAY = 1440


class CellKind(Enum):
    """The kind of a cell, in order of precedence for a cell that contains several."""

    OFFERED = auto()
    ROOM = auto()
    """Free: part of an offered meeting that starts in a row above."""
    BOOKED = auto()
    HELD = auto()
    """A time of an open offer."""
    BUSY = auto()
    PAST = auto()
    BEYOND = auto()
    """Open and free, and part of a meeting that the horizon alone excludes."""
    UNOFFERED = auto()
    """Open and free, but no meeting may start: notice, limits, buffers, or too short."""
    CLOSED = auto()
    SKIPPED = auto()
    """The wall time does not exist: DST starts."""


class Cell(NamedTuple):
    """One date and one row."""

    kind: CellKind
    starts: tuple[datetime, ...] = ()  # the offered starts in it, in local time
    able: int | None = None  # how many of a pool could take the best of them; None where no pool is asked for
    takers: tuple[str, ...] = ()  # who could take each start, in words


class GridDay(NamedTuple):
    """A column of the grid."""

    date: date
    cells: tuple[Cell, ...]
    is_today: bool
    hours: float | None
    """The length of the day if it is not 24 hours."""
    ahead: timedelta | None
    """How far the zone of the schedule is ahead of the display zone; None if they are the same."""
    full: str = ""
    """`4 of 4` where the day has as many bookings as it may have."""
    holiday: str | None = None  # its name, here and below
    period: str | None = None
    is_beyond: bool = False  # for the horizon alone nothing is offered

    @property
    def names(self) -> tuple[str, ...]:
        """The holiday and the period of the day, as far as it has them."""
        return tuple(filter(None, (self.holiday, self.period)))

    @property
    def kinds(self) -> set[CellKind]:
        """The kinds of cells in the column."""
        return {each.kind for each in self.cells}


class Sheet(NamedTuple):
    """The grid of one result. Row `n` starts `rows[n]` minutes after midnight in the display zone."""

    days: tuple[GridDay, ...]
    rows: tuple[int, ...]
    height: int
    members: int = 0  # of the smallest pool

    @property
    def is_two_zoned(self) -> bool:
        """Whether times are also shown in the zone of the schedule."""
        return any(day.ahead is not None for day in self.days)

    @property
    def weeks(self) -> tuple[tuple[GridDay, ...], ...]:
        """The days by ISO week; up to seven days are one piece.

        With two zones, a DST change in one of them starts a new piece, since the row labels change.
        """
        is_short = len(self.days) <= 7
        pieces = groupby(self.days, key=lambda day: (None if is_short else iso_week(day.date), day.ahead))
        return tuple(tuple(days) for _, days in pieces)

    @property
    def kinds(self) -> set[CellKind]:
        """The kinds of cells in the sheet."""
        return set().union(*(day.kinds for day in self.days))


def clock(minutes: int) -> str:
    """Minutes after midnight as a time: `09:00`, `24:00` for the end of the day."""
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}" if minutes != _DAY else "24:00"


def shade(able: int, members: int) -> int:
    """How dark a cell is, from 1 to 3: by the third of the pool's members who could come."""
    return min(3, 1 + 3 * (able - 1) // max(members - 1, 1)) if able > 1 else 1


def sheet(answer: Availability) -> Sheet:
    """Lay out an answer over the dates of its window, in the display zone."""
    context = _CellInputs.of(answer)
    available = answer.days
    dates = [day.date for day in available]
    segments = {day: tuple(_clock_segments(day, answer.zone)) for day in dates}
    rows, height = _rows(context, segments, answer)
    schedule_zone = answer.inputs.schedule.zone
    is_same = schedule_zone.key == answer.zone.key
    today = local_date(answer.inputs.now, answer.zone)
    limit, full = answer.inputs.rules.max_per_day, full_days(answer.inputs)
    days = tuple(
        GridDay(
            day.date,
            tuple(context.cell(segments[day.date], row, height) for row in rows),
            is_today=day.date == today,
            hours=_odd_length(day.date, answer.zone),
            ahead=None if is_same else _ahead(day.date, answer.zone, schedule_zone),
            holiday=day.holiday,
            period=day.period,
            is_beyond=day.is_beyond_horizon,
            full=f"{full[day.date]} of {limit}" if day.date in full else "",
        )
        for day in available
    )
    pools = answer.panel.pools if answer.panel else ()
    return Sheet(days, rows, height, min((len(each.members) for each in pools), default=0))


class _ClockSegment(NamedTuple):
    """Part of a local day with one UTC offset: wall minutes since midnight = instant - `midnight`."""

    span: Interval
    midnight: datetime

    def wall(self, minutes: int) -> datetime:
        return self.midnight + timedelta(minutes=minutes)


def _clock_segments(day: date, zone: ZoneInfo) -> Iterator[_ClockSegment]:
    whole = local_day(day, zone)
    if whole is None:
        return
    start, last = whole.start, whole.end - datetime.resolution
    naive = datetime(day.year, day.month, day.day, tzinfo=UTC)
    while start < whole.end:
        offset = _offset(start, zone)
        end = whole.end if _offset(last, zone) == offset else _change(start, whole.end, zone)
        yield _ClockSegment(Interval(start, end), naive - offset)
        start = end


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Bisect for the first second after `low` with another offset."""
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
    context: _CellInputs, segments: dict[date, tuple[_ClockSegment, ...]], answer: Availability
) -> tuple[tuple[int, ...], int]:
    """Row starts from the earliest opening to the latest closing of any day, and the row height in minutes.

    Rows are aligned to most starts, so that 11:00 is in the row labelled 11:00 even if rows are two hours high.
    """
    open_minutes = [
        each for parts in segments.values() for part in parts for each in _walls(part, context.open)
    ]
    if not open_minutes:
        return (), 30
    first, last = min(start for start, _ in open_minutes), max(end for _, end in open_minutes)
    step = answer.inputs.rules.stride
    wanted = max((each for each in _HEIGHTS if timedelta(minutes=each) <= step), default=_HEIGHTS[0])
    height = next(
        (each for each in _HEIGHTS if each >= wanted and (last - first) / each <= _MOST_ROWS), _HEIGHTS[-1]
    )
    local = (start.astimezone(answer.zone) for start in context.starts)
    phases = Counter((each.hour * 60 + each.minute) % height for each in local)
    phase = phases.most_common(1)[0][0] if phases else 0
    return tuple(range(first - (first - phase) % height, last, height)), height


def _walls(part: _ClockSegment, spans: Intervals) -> Iterator[tuple[int, int]]:
    """The wall minutes that spans cover in a segment, rounded outwards."""
    minute = timedelta(minutes=1)
    for span in spans.meeting(part.span):
        start, end = max(span.start, part.span.start), min(span.end, part.span.end)
        yield (start - part.midnight) // minute, -((part.midnight - end) // minute)


class _CellInputs(NamedTuple):
    """Sets of time that decide the kind of a cell."""

    open: Intervals
    busy: Intervals
    booked: Intervals
    held: Intervals
    room: Intervals
    beyond: Intervals
    starts: tuple[datetime, ...]
    zone: ZoneInfo
    now: datetime
    answer: Availability

    @classmethod
    def of(cls, answer: Availability) -> _CellInputs:
        inputs = answer.inputs
        window = Intervals((_whole_days(answer),))
        return cls(
            open=Intervals.of(each.span for each in inputs.schedule.openings(window.spans[0])) & window,
            busy=Intervals.of(span for each in inputs.calendars or () for span in each.busy),
            booked=Intervals.of(each.meeting for each in inputs.own_claims if each.expires_at is None),
            held=Intervals.of(each.meeting for each in inputs.own_claims if each.expires_at is not None),
            room=Intervals.of(answer.slots),
            beyond=Intervals.of(answer.beyond),
            starts=tuple(each.start for each in answer.slots),
            zone=answer.zone,
            now=inputs.now,
            answer=answer,
        )

    def cell(self, segments: Iterable[_ClockSegment], row: int, height: int) -> Cell:
        """The cell between two wall times of a date."""
        parts = []
        for segment in segments:
            start = max(segment.wall(row), segment.span.start)
            end = min(segment.wall(row + height), segment.span.end)
            if start < end:
                parts.append(Interval(start, end))
        if not parts:
            return Cell(CellKind.SKIPPED)
        starts = tuple(start for part in parts for start in self._starts_in(part))
        if not starts:
            return Cell(min(map(self._kind, parts), key=lambda kind: kind.value))
        return self._offered(starts)

    def _offered(self, starts: tuple[datetime, ...]) -> Cell:
        local = tuple(start.astimezone(self.zone) for start in starts)
        if self.answer.panel is None:
            return Cell(CellKind.OFFERED, local)
        length = self.answer.inputs.rules.duration
        able = (self.answer.free_for(start) for start in starts)
        return Cell(
            CellKind.OFFERED,
            local,
            max((each for each in able if each is not None), default=None),
            tuple(takers(Interval(start, start + length), self.answer) for start in starts),
        )

    def _starts_in(self, span: Interval) -> tuple[datetime, ...]:
        return self.starts[bisect_left(self.starts, span.start) : bisect_left(self.starts, span.end)]

    def _kind(self, span: Interval) -> CellKind:
        opened = self.open.meeting(span)
        if not opened:
            return CellKind.CLOSED
        if self.room.meeting(span):
            return CellKind.ROOM
        if self.booked.meeting(span):
            return CellKind.BOOKED
        if self.held.meeting(span):
            return CellKind.HELD
        if self.busy.meeting(span):
            return CellKind.BUSY
        if self.beyond.meeting(span):
            return CellKind.BEYOND
        return CellKind.PAST if min(span.end, opened[-1].end) <= self.now else CellKind.UNOFFERED


def _whole_days(answer: Availability) -> Interval:
    """The window extended to whole days of the display zone."""
    first, last = answer.days[0].date, answer.days[-1].date
    start, end = local_day(first, answer.zone), local_day(last, answer.zone)
    window = answer.inputs.window
    return Interval(start.start if start else window.start, end.end if end else window.end)


def week_label(days: Iterable[GridDay]) -> str:
    """`Week 48`, or `Weeks 48-49` if the days span two weeks."""
    numbers = list(dict.fromkeys(iso_week(each.date)[1] for each in days))
    return f"Week {numbers[0]}" if len(numbers) == 1 else f"Weeks {numbers[0]}-{numbers[-1]}"


def named_days(days: Iterable[GridDay]) -> Iterator[str]:
    """The holidays and periods of the days, in their order: `Fri 25 Dec: Christmas Day`."""
    dated = [(day.date, name) for day in days for name in day.names]
    for name in dict.fromkeys(name for _, name in dated):
        own = [day for day, each in dated if each == name]
        # A holiday on two dates that are not neighbours has two spans.
        spans = groupby(enumerate(own), key=lambda each: each[1].toordinal() - each[0])
        for _, span in spans:
            (_, first), *rest = span
            until = f" - {format_date(rest[-1][1])}" if rest else ""
            yield f"{format_date(first)}{until}: {name}"


def date_range(first: date, last: date) -> str:
    """`23-29 Nov 2026`, `30 Nov - 6 Dec 2026`, with both years where they differ."""
    if first == last:
        return f"{first.day} {first:%b} {first.year}"
    if first.year != last.year:
        return f"{first.day} {first:%b} {first.year} - {last.day} {last:%b} {last.year}"
    if first.month != last.month:
        return f"{first.day} {first:%b} - {last.day} {last:%b} {last.year}"
    return f"{first.day}-{last.day} {last:%b} {last.year}"
