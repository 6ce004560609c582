"""Opening hours: weekly ranges and dated exceptions in the owner's zone, turned into openings.

The rules are AVAILABILITY.md section 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from portalcal.core.instants import ONE_DAY, dates, local_date, wall
from portalcal.core.intervals import Interval, Intervals

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# A gap must show within one week of weekly hours; an eighth day covers the spill of an overnight range.
_A_WEEK_AND_ITS_SPILL = 8 * ONE_DAY


@dataclass(frozen=True, slots=True, order=True)
class Hours:
    """A range of wall times in minutes after midnight, 0..1440. An end at or before the start is on the next day.

    >>> str(Hours(22 * 60, 2 * 60))
    '22:00-02:00'
    """

    start: int
    end: int

    @property
    def is_overnight(self) -> bool:
        """Whether the range runs past midnight."""
        return self.end <= self.start

    def on(self, day: date, zone: ZoneInfo) -> Interval | None:
        """The range on one date; None when a clock change swallows all of it."""
        start = wall(day, self.start, zone)
        end = wall(day, self.end + 1440 if self.is_overnight else self.end, zone)
        return Interval(start, end) if start < end else None

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


_CLOSED_WEEK: tuple[tuple[Hours, ...], ...] = ((),) * 7


@dataclass(frozen=True, slots=True)
class Opening:
    """One unbroken stretch of open time.

    `anchors` are the origins of its grid of starts, in order. There is one, the opening's own start, unless the
    schedule never closes: then each local midnight is one, since a stretch without a start has no other origin.
    """

    span: Interval
    anchors: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When meetings may take place. `weekly` has seven entries, Monday first; an exception replaces its date's."""

    zone: ZoneInfo
    weekly: tuple[tuple[Hours, ...], ...] = _CLOSED_WEEK
    exceptions: Mapping[date, tuple[Hours, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_closed_all_week(self) -> bool:
        """Whether no weekday has hours."""
        return not any(self.weekly)

    def hours_on(self, day: date) -> tuple[Hours, ...]:
        """The ranges that start on a date, exceptions first."""
        return self.exceptions[day] if day in self.exceptions else self.weekly[day.weekday()]

    def without_exceptions(self) -> Schedule:
        """The weekly hours alone; tells an explanation whether an exception is to blame."""
        return Schedule(self.zone, self.weekly)

    def _starting_on(self, day: date) -> Iterator[Interval]:
        """What the ranges of one date open, cut where the next date has an exception."""
        cut = wall(day, 1440, self.zone) if day + ONE_DAY in self.exceptions else None
        for hours in self.hours_on(day):
            span = hours.on(day, self.zone)
            if span and cut and cut < span.end:
                span = Interval(span.start, cut) if span.start < cut else None
            if span:
                yield span

    def openings(self, window: Interval, *, reach: timedelta = timedelta(0)) -> tuple[Opening, ...]:
        """The openings that meet the window, each from its true start, followed for at least `reach` past the window.

        Openings are not clipped, since their start anchors the grid; only one that goes on past `window.end + reach`
        may end there, on a local midnight.
        """
        first = local_date(window.start, self.zone) - ONE_DAY
        last = local_date(window.end + reach, self.zone) + ONE_DAY
        spans = [span for day in dates(first, last) for span in self._starting_on(day)]
        is_endless = self._extend_back(spans, first=first, until=window.start)
        found = []
        for span in Intervals.of(spans):
            if span.overlaps(window):
                backless = is_endless and span.start < window.start
                found.append(Opening(span, self._midnights(span) if backless else (span.start,)))
        return tuple(found)

    def _extend_back(self, spans: list[Interval], *, first: date, until: datetime) -> bool:
        """Add earlier days to `spans` until the opening at `until` has its start; True when it never had one."""
        horizon = min((first, *self.exceptions)) - _A_WEEK_AND_ITS_SPILL
        day = first
        while True:
            reached = Intervals.of(spans).around(until)
            # A range of the day before may still touch or overlap a start on the first day looked at.
            if reached is None or wall(day, 1440, self.zone) < reached.start:
                return False
            if day < horizon:
                return True
            for _ in range(7):
                day -= ONE_DAY
                spans.extend(self._starting_on(day))

    def _midnights(self, span: Interval) -> tuple[datetime, ...]:
        first, last = local_date(span.start, self.zone), local_date(span.end, self.zone)
        midnights = (wall(day, 0, self.zone) for day in dates(first, last))
        return tuple(dict.fromkeys(each for each in midnights if each in span))
