"""Opening hours: weekly ranges, exceptions, holidays and periods, expanded to openings across DST changes.

The hours of a date are those of its exception; else none on a holiday, unless it is worked; else those of the last
period that covers it; else the weekly hours. An exception for a single date overrides one for several dates; of two for
several dates the one written last counts.
A period may have its own zone (travel): all hours of its dates, exceptions included, are wall times in that zone.
A range that runs past midnight is cut at midnight if the next date has an exception or is a holiday. A period does not
cut it.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from portalcal.core.intervals import Interval, Intervals
from portalcal.core.time import ONE_DAY, dates, local_date, local_day, wall

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# Weekly hours that ever close have a gap within one week; the eighth day covers an overnight range into it.
_A_WEEK_AND_ITS_SPILL = 8 * ONE_DAY

# A range of one date runs into the next at most. That is two dates on where a zone skipped one, and none skipped two.
_INTO_THE_NEXT_DATE = 2 * ONE_DAY

# Zones range from UTC-12 to UTC+14: 26 hours, rounded up to whole days.
_BETWEEN_ZONES = 2 * ONE_DAY


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
        """The range on one date; None if all of it lies in a DST gap."""
        start = wall(day, self.start, zone)
        end = wall(day, self.end + 1440 if self.is_overnight else self.end, zone)
        return Interval(start, end) if start < end else None

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


@lru_cache(maxsize=8192)
def _opened(hours: Hours, day: date, zone: ZoneInfo) -> Interval | None:
    """The opening of a range on a date; None on a date the zone skipped. Cached: people of one office share hours."""
    span = hours.on(day, zone)
    # The cheap comparison first; most starts lie on their date.
    if span and local_date(span.start, zone) != day and local_day(day, zone) is None:
        return None
    return span


_CLOSED_WEEK: tuple[tuple[Hours, ...], ...] = ((),) * 7


class Stretch(NamedTuple):
    """An exception for several dates, the first and the last included."""

    first: date
    last: date
    hours: tuple[Hours, ...] = ()

    def covers(self, day: date) -> bool:
        """Whether the exception applies to the date."""
        return self.first <= day <= self.last


class Period(NamedTuple):
    """A range of dates with its own weekly hours, and its own zone while the owner travels."""

    name: str
    first: date
    last: date  # included
    weekly: tuple[tuple[Hours, ...] | None, ...] = (
        None,
    ) * 7  # None: this weekday keeps the schedule's hours
    zone: ZoneInfo | None = None  # None: the schedule's

    def covers(self, day: date) -> bool:
        """Whether the period includes the date."""
        return self.first <= day <= self.last


class Opening(NamedTuple):
    """One unbroken interval of opening hours."""

    span: Interval
    # The origins of its grids of starts, in order: the opening's start or, if the schedule never closes, each midnight.
    anchors: tuple[datetime, ...]


class Schedule(NamedTuple):
    """Opening hours in a zone."""

    zone: ZoneInfo
    weekly: tuple[tuple[Hours, ...], ...] = _CLOSED_WEEK  # seven entries, Monday first
    exceptions: Mapping[date, tuple[Hours, ...]] = MappingProxyType({})  # replace all hours of their date
    stretches: tuple[Stretch, ...] = ()  # in the order of the file: the last that covers a date counts
    holidays: Mapping[date, str] = MappingProxyType({})  # name of the holiday by date
    holidays_open: frozenset[date] = frozenset()  # holidays that are worked
    periods: tuple[Period, ...] = ()  # in the order of the file: the last that covers a date counts

    @property
    def is_closed_all_week(self) -> bool:
        """Whether neither the weekly hours nor any period ever opens."""
        return not any(self.weekly) and not any(hours for each in self.periods for hours in each.weekly)

    @property
    def all_hours(self) -> Iterator[tuple[Hours, ...]]:
        """The ranges of every weekday, exception and period."""
        yield from self.weekly
        yield from self.exceptions.values()
        yield from (each.hours for each in self.stretches)
        yield from (hours or () for each in self.periods for hours in each.weekly)

    def hours_on(self, day: date) -> tuple[Hours, ...]:
        """The ranges that start on a date."""
        own = self.exception_on(day)
        if own is not None:
            return own
        if self.holiday_on(day) is not None:
            return ()
        period = self.period_on(day)
        hours = period.weekly[day.weekday()] if period else None
        return self.weekly[day.weekday()] if hours is None else hours

    def zone_on(self, day: date) -> ZoneInfo:
        """The zone of the hours of a date."""
        period = self.period_on(day)
        return period.zone if period and period.zone else self.zone

    def exception_on(self, day: date) -> tuple[Hours, ...] | None:
        """The hours of the date by its exception; None: it has no exception."""
        if day in self.exceptions:
            return self.exceptions[day]
        if not self.stretches:
            return None
        return next((each.hours for each in reversed(self.stretches) if each.covers(day)), None)

    def holiday_on(self, day: date) -> str | None:
        """The name of the holiday on a date; None if there is none or it is worked."""
        return None if day in self.holidays_open else self.holidays.get(day)

    def period_on(self, day: date) -> Period | None:
        """The period that applies to a date."""
        if not self.periods:
            return None
        return next((each for each in reversed(self.periods) if each.covers(day)), None)

    def without_exceptions(self) -> Self:
        """The schedule without exceptions, for finding out whether one excludes a meeting."""
        return self._replace(exceptions=MappingProxyType({}), stretches=())

    def without_holidays(self) -> Self:
        """The schedule without holidays."""
        return self._replace(holidays=MappingProxyType({}))

    def without_periods(self) -> Self:
        """The schedule without periods: weekly hours in its own zone all year."""
        return self._replace(periods=())

    def _starting_on(self, day: date) -> Iterator[Interval]:
        """The intervals of the ranges that start on a date, cut where the next date has an exception or a holiday."""
        ranges = self.hours_on(day)
        if not ranges:
            return
        zone, cut = self.zone_on(day), self._cut_after(day)
        for hours in ranges:
            span = _opened(hours, day, zone)
            if span is None:
                continue
            if cut is None or span.end <= cut:
                yield span
            elif span.start < cut:
                yield Interval(span.start, cut)

    def _cut_after(self, day: date) -> datetime | None:
        """The midnight at which ranges of `day` are cut: if the next date has an exception or is a holiday."""
        if not (self.exceptions or self.stretches or self.holidays):
            return None
        following = self._day_after(day)
        if self.exception_on(following) is None and self.holiday_on(following) is None:
            return None
        return wall(following, 0, self.zone_on(following))

    def _day_after(self, day: date) -> date:
        """The next local date that exists: Pacific/Apia skipped 30 December 2011."""
        following = day + ONE_DAY
        return following if local_day(following, self.zone_on(following)) else following + ONE_DAY

    @property
    def _away(self) -> timedelta:
        """How far the zone of a period may shift hours against the schedule's zone."""
        return _BETWEEN_ZONES if any(each.zone for each in self.periods) else timedelta(0)

    def openings(self, window: Interval, *, reach: timedelta = timedelta(0)) -> tuple[Opening, ...]:
        """The openings that overlap the window, each with its true start, followed at least `reach` past the window.

        Openings are not clipped to the window, since their start is the origin of the grid. An opening that continues
        past `window.end + reach` may end at a local midnight after it. If the schedule never closes, the opening begins
        at some local midnight before the window.
        """
        first = local_date(window.start - self._away, self.zone) - _INTO_THE_NEXT_DATE
        last = local_date(window.end + reach + self._away, self.zone) + ONE_DAY
        spans = Intervals.of(span for day in dates(first, last) for span in self._starting_on(day))
        openings = []
        for span in spans:
            if span.overlaps(window):
                start = self._true_start(span, first) if span.start < window.start else span.start
                if start is None:
                    openings.append(Opening(span, self._midnights(span)))
                else:
                    openings.append(Opening(Interval(start, span.end), (start,)))
        return tuple(openings)

    def _true_start(self, span: Interval, first: date) -> datetime | None:
        """The start of the opening that contains `span`, looking at dates before `first`; None: the schedule never closes."""
        stretches = (each.first for each in self.stretches)
        periods = (each.first for each in self.periods)
        earliest = (
            min((first, *self.exceptions, *self.holidays, *stretches, *periods))
            - _A_WEEK_AND_ITS_SPILL
            - self._away
        )
        # A range of the date before `first` may run into `first` or, if that was skipped, into the date after it.
        while span.start < wall(first + _INTO_THE_NEXT_DATE, 0, self.zone) + self._away:
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
