"""Split a free/busy question into queries within Google's limits and merge their responses. Pure.

A calendar missing from a response is unread, never free.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from portalcal.adapters.google.events import Json, instant, rfc3339, table, tables, text
from portalcal.core.intervals import Interval, Intervals
from portalcal.core.slots import FreeBusy

MAX_CALENDARS = 50
"""The maximum of calendarExpansionMax (https://developers.google.com/calendar/api/v3/reference/freebusy/query)."""

MAX_RANGE = timedelta(days=46)
"""Google documents no limit, yet answers `timeRangeTooLong` to about three months (calcom/cal.com#11704).

Half of that, and a day for buffers and clock changes: 201 calendars and 90 days are 10 queries, in parts of 30 days 20.
"""

MAX_CONCURRENT = 8
"""Concurrent queries."""

_PRIMARY = "primary"


class FreeBusyQuery(NamedTuple):
    """One query: some of the calendars, a part of the window."""

    calendars: tuple[str, ...]
    window: Interval

    @property
    def body(self) -> dict[str, object]:
        """The request body. Google counts in whole seconds, so the bounds are rounded outwards."""
        return {
            "timeMin": rfc3339(self.window.start),
            "timeMax": rfc3339(self.window.end, round_up=True),
            "calendarExpansionMax": MAX_CALENDARS,
            "items": [{"id": calendar} for calendar in self.calendars],
        }


def queries(calendars: Sequence[str], window: Interval) -> tuple[FreeBusyQuery, ...]:
    """The queries that together cover each calendar once for the whole window."""
    unique = tuple(dict.fromkeys(calendars))
    groups = [unique[at : at + MAX_CALENDARS] for at in range(0, len(unique), MAX_CALENDARS)]
    return tuple(FreeBusyQuery(group, part) for group, part in itertools.product(groups, _split(window)))


def merge(calendars: Sequence[str], responses: Iterable[tuple[FreeBusyQuery, Json]]) -> tuple[FreeBusy, ...]:
    """One FreeBusy per calendar, in the order of `calendars`.

    A calendar missing from one response is unread as a whole; its busy times from other responses are kept.
    """
    busy: dict[str, list[Interval]] = {calendar: [] for calendar in calendars}
    unread: dict[str, str] = {}
    for query, response in responses:
        entries = _by_requested_id(query, table(response, "calendars"))
        for calendar in query.calendars:
            entry = _busy_or_reason(entries.get(calendar))
            if isinstance(entry, str):
                unread.setdefault(calendar, entry)
            else:
                busy[calendar] += entry
    return tuple(FreeBusy(each, Intervals.of(busy[each]), unread.get(each)) for each in calendars)


def _split(window: Interval) -> Iterator[Interval]:
    """Parts of equal length, in whole seconds."""
    count = -(-window.length // MAX_RANGE)
    part = timedelta(seconds=-(-window.length // count // timedelta(seconds=1))) if count else MAX_RANGE
    start = window.start
    while start < window.end:
        end = min(start + part, window.end)
        yield Interval(start, end)
        start = end


def _by_requested_id(query: FreeBusyQuery, entries: Json) -> Json:
    """The response's entries under the ids that were requested.

    Google returns the ids as requested, but does not document it. So `primary` is also accepted under the address it
    stands for, and an address in another case.
    """
    unmatched = {id_: entry for id_, entry in entries.items() if id_ not in query.calendars}
    if not unmatched:
        return entries
    casefolded = {id_.casefold(): entry for id_, entry in unmatched.items()}
    # Only addresses are case-insensitive.
    missing = [id_ for id_ in query.calendars if id_ not in entries and ("@" in id_ or id_ == _PRIMARY)]
    matched = {id_: casefolded.pop(id_.casefold()) for id_ in missing if id_.casefold() in casefolded}
    if _PRIMARY in missing and len(casefolded) == 1 and _PRIMARY not in matched:
        matched[_PRIMARY] = next(iter(casefolded.values()))
    return {**entries, **matched}


def _busy_or_reason(entry: object) -> list[Interval] | str:
    """The busy times of one calendar in one response, or the reason why they are unknown."""
    if not isinstance(entry, dict):
        return "Google did not answer for it"
    if errors := tables(entry, "errors"):
        return next((reason for each in errors if (reason := text(each, "reason"))), "unknown reason")
    if entry.get("errors") or not isinstance(entry.get("busy", []), list):
        return "Google's answer cannot be understood"
    busy = []
    periods = tables(entry, "busy")
    for period in periods:
        start, end = instant(period.get("start")), instant(period.get("end"))
        if start is None or end is None or end < start:
            return "Google's answer cannot be understood"
        if start < end:
            busy.append(Interval(start, end))
    if len(periods) < len(entry.get("busy", [])):
        return "Google's answer cannot be understood"
    return busy
