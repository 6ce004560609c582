"""Half-open spans of time and sorted disjoint sets of them, with union, difference and intersection."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class Interval:
    """The instants from `start` up to, not including, `end`. Never empty."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError(f"an interval must end after it starts: {self.start} .. {self.end}")

    @property
    def length(self) -> timedelta:
        """Elapsed time."""
        return self.end - self.start

    def overlaps(self, other: Interval) -> bool:
        """Whether they share an instant; touching is not overlapping."""
        return self.start < other.end and other.start < self.end

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def covers(self, other: Interval) -> bool:
        """Whether all of `other` lies inside."""
        return self.start <= other.start and other.end <= self.end

    def widened(self, before: timedelta, after: timedelta) -> Interval:
        """The same span with room on both sides."""
        return Interval(self.start - before, self.end + after)


_start = attrgetter("start")
_end = attrgetter("end")


@dataclass(frozen=True, slots=True)
class Intervals:
    """Sorted intervals that neither overlap nor touch. Make one with `Intervals.of`."""

    spans: tuple[Interval, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Interval]) -> Intervals:
        """The set of all instants in `spans`, whatever their order and overlap; touching spans become one."""
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
        found = []
        for index in range(first, len(self.spans)):
            if self.spans[index].start >= span.end:
                break
            found.append(self.spans[index])
        return tuple(found)

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
