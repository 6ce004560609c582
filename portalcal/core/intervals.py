"""Half-open intervals of time, and sorted disjoint sets of them with union, difference and intersection."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter


@dataclass(frozen=True, slots=True, init=False)
class Interval:
    """The instants from `start` up to, not including, `end`. Never empty."""

    start: datetime
    end: datetime

    def __init__(self, start: datetime, end: datetime) -> None:
        if not start < end:
            raise ValueError(f"an interval must end after it starts: {start} .. {end}")
        _set_start(self, start)
        _set_end(self, end)

    @property
    def length(self) -> timedelta:
        """Elapsed time."""
        return self.end - self.start

    def overlaps(self, other: Interval) -> bool:
        """Whether both share an instant; intervals that only touch do not."""
        return self.start < other.end and other.start < self.end

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def covers(self, other: Interval) -> bool:
        """Whether `other` lies inside."""
        return self.start <= other.start and other.end <= self.end

    def widened(self, before: timedelta, after: timedelta) -> Interval:
        """The interval extended on both sides."""
        return Interval(self.start - before, self.end + after)


# One query builds thousands of intervals. Setting the slots directly takes half the time of the `__init__` of a frozen
# dataclass, which calls `object.__setattr__` (measured).
_set_start: Callable[[Interval, datetime], None] = vars(Interval)["start"].__set__
_set_end: Callable[[Interval, datetime], None] = vars(Interval)["end"].__set__

_start = attrgetter("start")
_end = attrgetter("end")


def spaced(first: datetime, last: datetime, *, stride: timedelta, length: timedelta) -> list[Interval]:
    """Intervals of `length` that start at `first` and every `stride` after it, up to a start at `last`.

    >>> hour = timedelta(hours=1)
    >>> [
    ...     each.start.hour
    ...     for each in spaced(datetime(2026, 3, 2, 9), datetime(2026, 3, 2, 11), stride=hour, length=hour)
    ... ]
    [9, 10, 11]

    Raises:
        ValueError: the stride or the length is not positive.
    """
    if stride <= timedelta(0) or length <= timedelta(0):
        raise ValueError("a grid needs a stride and a length")
    grid = []
    new, start = object.__new__, first
    while start <= last:
        span = new(Interval)
        _set_start(span, start)
        _set_end(span, start + length)
        grid.append(span)
        start += stride
    return grid


@dataclass(frozen=True, slots=True)
class Intervals:
    """Sorted intervals that neither overlap nor touch. `Intervals.of` normalises any others."""

    spans: tuple[Interval, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Interval]) -> Intervals:
        """Merge intervals in any order; those that overlap or touch become one."""
        merged: list[Interval] = []
        for span in sorted(spans, key=_start):
            if merged and span.start <= merged[-1].end:
                if span.end > merged[-1].end:
                    merged[-1] = Interval(merged[-1].start, span.end)
            else:
                merged.append(span)
        return cls(tuple(merged))

    def __iter__(self) -> Iterator[Interval]:
        return iter(self.spans)

    def __len__(self) -> int:
        return len(self.spans)

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __contains__(self, instant: datetime) -> bool:
        before = bisect_right(self.spans, instant, key=_start)
        return before > 0 and instant < self.spans[before - 1].end

    def meeting(self, span: Interval) -> tuple[Interval, ...]:
        """The members that overlap `span`, in order."""
        first = bisect_right(self.spans, span.start, key=_end)
        overlapping = []
        for index in range(first, len(self.spans)):
            if self.spans[index].start >= span.end:
                break
            overlapping.append(self.spans[index])
        return tuple(overlapping)

    def around(self, instant: datetime) -> Interval | None:
        """The member that contains the instant."""
        before = bisect_right(self.spans, instant, key=_start)
        return self.spans[before - 1] if before and instant < self.spans[before - 1].end else None

    def __or__(self, other: Intervals) -> Intervals:
        return Intervals.of((*self.spans, *other.spans))

    def __and__(self, other: Intervals) -> Intervals:
        both: list[Interval] = []
        mine, theirs = iter(self.spans), iter(other.spans)
        a, b = next(mine, None), next(theirs, None)
        while a and b:
            start, end = max(a.start, b.start), min(a.end, b.end)
            if start < end:
                both.append(Interval(start, end))
            if a.end <= b.end:
                a = next(mine, None)
            else:
                b = next(theirs, None)
        return Intervals(tuple(both))

    def __sub__(self, other: Intervals) -> Intervals:
        left: list[Interval] = []
        cuts = other.spans
        first = 0
        for span in self.spans:
            start = span.start
            while first < len(cuts) and cuts[first].end <= start:
                first += 1
            index = first
            while index < len(cuts) and cuts[index].start < span.end:
                if start < cuts[index].start:
                    left.append(Interval(start, cuts[index].start))
                start = max(start, cuts[index].end)
                index += 1
            if start < span.end:
                left.append(Interval(start, span.end))
        return Intervals(tuple(left))


NOTHING = Intervals()
