"""Opening hours: weekly ranges and dated exceptions in the owner's zone, turned into openings.

The rules are AVAILABILITY.md section 2.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from portalcal.core.instants import ONE_DAY, dates, local_date, local_day, wall
from portalcal.core.intervals import Interval, Intervals

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# A gap must show within one week of weekly hours; an eighth day covers the spill of an overnight range.
_A_WEEK_AND_ITS_SPILL = 8 * ONE_DAY


class Hours(NamedTuple):
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


class Opening(NamedTuple):
    """One unbroken stretch of open time.

    `anchors` are the origins of its grid of starts, in order. There is one, the opening's own start, unless the
    schedule never closes: then each local midnight is one, since a stretch without a start has no other origin.
    """

    span: Interval
    anchors: tuple[datetime, ...]


class Schedule(NamedTuple):
    """When meetings may take place. `weekly` has seven entries, Monday first; an exception replaces its date's."""

    zone: ZoneInfo
    weekly: tuple[tuple[Hours, ...], ...] = _CLOSED_WEEK
    exceptions: Mapping[date, tuple[Hours, ...]] = MappingProxyType({})

    @property
    def is_closed_all_week(self) -> bool:
        """Whether no weekday has hours."""
        return not any(self.weekly)

    def hours_on(self, day: date) -> tuple[Hours, ...]:
        """The ranges that start on a date, exceptions first."""
        return self.exceptions[day] if day in self.exceptions else self.weekly[day.weekday()]

    def without_exceptions(self) -> Self:
        """The weekly hours alone; tells an explanation whether an exception is to blame."""
        return self._replace(exceptions=MappingProxyType({}))

    def _starting_on(self, day: date) -> Iterator[Interval]:
        """What the ranges of one date open, cut where the next date has an exception; a skipped date opens nothing."""
        midnight, next_midnight = wall(day, 0, self.zone), wall(day, 1440, self.zone)
        if midnight >= next_midnight:
            return
        is_cut = bool(self.exceptions) and self._day_after(day) in self.exceptions
        for hours in self.hours_on(day):
            span = hours.on(day, self.zone)
            if span and is_cut and next_midnight < span.end:
                span = Interval(span.start, next_midnight) if span.start < next_midnight else None
            if span:
                yield span

    def _day_after(self, day: date) -> date:
        """The next date on the calendars of the zone; Apia had no 30 December 2011."""
        following = day + ONE_DAY
        return following if local_day(following, self.zone) else following + ONE_DAY

    def openings(self, window: Interval, *, reach: timedelta = timedelta(0)) -> tuple[Opening, ...]:
        """The openings that meet the window, each from its true start, followed for at least `reach` past the window.

        Openings are not clipped, since their start anchors the grid; only one that goes on past `window.end + reach`
        may end there, on a local midnight, and one without a start begins at some midnight before the window.
        """
        first = local_date(window.start, self.zone) - ONE_DAY
        last = local_date(window.end + reach, self.zone) + ONE_DAY
        spans = Intervals.of(span for day in dates(first, last) for span in self._starting_on(day))
        found = []
        for span in spans:
            if span.overlaps(window):
                start = self._true_start(span, first) if span.start < window.start else span.start
                if start is None:
                    found.append(Opening(span, self._midnights(span)))
                else:
                    found.append(Opening(Interval(start, span.end), (start,)))
        return tuple(found)

    def _true_start(self, span: Interval, first: date) -> datetime | None:
        """Where the opening of `span` begins, if ranges of dates before `first` reach into it; None: it never does."""
        earliest = min((first, *self.exceptions)) - _A_WEEK_AND_ITS_SPILL
        # A range of the date before `first` may run into `first`, but never to its end.
        while span.start < wall(first, 1440, self.zone):
            if first < earliest:
                return None
            week = [first - n * ONE_DAY for n in range(1, 8)]
            earlier = chain.from_iterable(map(self._starting_on, week))
            span = next(each for each in Intervals.of((*earlier, span)) if each.covers(span))
            first = week[-1]
        return span.start

    def _midnights(self, span: Interval) -> tuple[datetime, ...]:
        first, last = local_date(span.start, self.zone), local_date(span.end, self.zone)
        midnights = (wall(day, 0, self.zone) for day in dates(first, last))
        return tuple(dict.fromkeys(each for each in midnights if each in span))
