"""Expansion of series, timeline of occurrences, free/busy.

Occurrences are indexed by year: expanding 174 rules for every request would take longer than everything else the
simulator does. A change re-expands only its series.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from portalcal.simulator.calendar import instants
from portalcal.simulator.calendar.event import StoredEvent, instance_id

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A span of an event in epoch seconds; `original` is set for an unchanged instance of a series."""

    start: int
    end: int
    id: str
    event: StoredEvent
    original: int | None = None

    def __lt__(self, other: "Occurrence") -> bool:
        """Order by time, then id; events themselves have no order."""
        return (self.start, self.end, self.id) < (other.start, other.end, other.id)


def expand(series: StoredEvent, window: Span, *, without: Iterable[int]) -> Iterator[Occurrence]:
    """Yield the unchanged instances of a series that overlap a window of epoch seconds.

    `without`: original starts of changed and cancelled instances.
    Instances keep the series' exact duration (RFC 5545 section 3.8.5.3), all-day ones their number of days.
    """
    low, high = window
    length, replaced = series.end - series.start, frozenset(without)
    margin = timedelta(days=2)
    after = instants.from_epoch(low - length).replace(tzinfo=None) - margin
    before = instants.from_epoch(high).replace(tzinfo=None) + margin
    for wall in series.rules.between(after, before, inc=True):
        start = instants.at(wall, series.where)
        begins = instants.epoch(start)
        if begins in replaced:
            continue
        ends = begins + length
        if series.is_all_day:
            ends = instants.epoch(instants.midnight(wall.date() + timedelta(days=series.days), series.where))
        if _touches(begins, ends, window):
            name = instance_id(series.id, wall.date() if series.is_all_day else start)
            yield Occurrence(begins, ends, name, series, begins)


class Timeline:
    """The occurrences of a calendar by time, expanded by year and cached until the event changes."""

    def __init__(self) -> None:
        self._series: dict[str, dict[str, StoredEvent]] = {}
        self._years: dict[int, dict[str, list[Occurrence]]] = {}
        self._sorted: dict[int, list[Occurrence]] = {}
        self._earliest: int | None = None

    def replace(self, before: StoredEvent | None, after: StoredEvent | None) -> None:
        """Replace one version of an event by another; None: there was or is none."""
        for event in (before, after):
            if event is not None:
                self._series.setdefault(event.series, {}).pop(event.id, None)
        if after is not None:
            self._series[after.series][after.id] = after
            # Computed now, since otherwise the first request would wait for it.
            self._earliest = min(after.start, self._earliest or after.start, after.end)
            if after.is_recurring:
                _ = after.rules
        for series in {event.series for event in (before, after) if event is not None}:
            self._expand_again(series)

    def exceptions_of(self, series: str) -> Iterator[StoredEvent]:
        """Yield the changed and cancelled instances of a series."""
        return (event for event in self._series.get(series, {}).values() if event.is_exception)

    def between(self, low: int, high: int) -> Iterator[Occurrence]:
        """Yield live occurrences that end after `low` and start before `high`, ordered by start."""
        if self._earliest is None:
            return
        low = max(low, self._earliest - 1)
        first = time.gmtime(low).tm_year
        for year in range(first, time.gmtime(max(low, high - 1)).tm_year + 1):
            opened = _year(year)[0]
            for occurrence in self._year(year):
                if occurrence.start >= high:
                    break
                # An occurrence across New Year is in both years; yield it in the first of them only.
                if occurrence.end > low and (year == first or occurrence.start >= opened):
                    yield occurrence

    def warm_up(self, at: int) -> None:
        """Expand the year around an instant ahead of the first request."""
        self._year(time.gmtime(at).tm_year)

    def _year(self, year: int) -> list[Occurrence]:
        if year not in self._sorted:
            if year not in self._years:
                window = _year(year)
                expanded = (
                    (series, self._occurrences(events, window)) for series, events in self._series.items()
                )
                self._years[year] = {series: spans for series, spans in expanded if spans}
            spans = [span for spans in self._years[year].values() for span in spans]
            self._sorted[year] = sorted(spans, key=lambda span: (span.start, span.end, span.id))
        return self._sorted[year]

    def _expand_again(self, series: str) -> None:
        for year, kept in self._years.items():
            had = kept.pop(series, None)
            if spans := self._occurrences(self._series[series], _year(year)):
                kept[series] = spans
            if had or spans:
                self._sorted.pop(year, None)

    def _occurrences(self, events: dict[str, StoredEvent], window: Span) -> list[Occurrence]:
        spans: list[Occurrence] = []
        for event in events.values():
            if event.is_cancelled:
                continue
            if event.is_recurring:
                changed = [other.original for other in events.values() if other.original is not None]
                spans += expand(event, window, without=changed)
            elif _touches(event.start, event.end, window):
                spans.append(Occurrence(event.start, event.end, event.id, event))
        return spans


def busy(occurrences: Iterable[Occurrence], window: Span) -> list[Span]:
    """Return the busy spans in a window: clipped, sorted, overlapping and adjacent ones merged."""
    low, high = window
    merged: list[Span] = []
    for occurrence in sorted(occurrences, key=lambda span: span.start):
        start, end = max(occurrence.start, low), min(occurrence.end, high)
        if not occurrence.event.is_busy or start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _touches(start: int, end: int, window: Span) -> bool:
    low, high = window
    return start < high and (end > low or start >= low)


def _year(year: int) -> Span:
    return instants.epoch(datetime(year, 1, 1, tzinfo=UTC)), instants.epoch(
        datetime(year + 1, 1, 1, tzinfo=UTC)
    )
