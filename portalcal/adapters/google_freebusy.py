"""Free/busy in parts Google takes, asked at once and put together again. What was not told is unknown, never free."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple, TypeVar

from portalcal.adapters.google_events import Json, instant, rfc3339, table, tables, text
from portalcal.core.intervals import Interval, Intervals
from portalcal.core.slots import FreeBusy

# calendarExpansionMax of freebusy.query; and as long a range as Google has never been seen to refuse (GOOGLE.md 3.2).
MOST_CALENDARS = 50
LONGEST = timedelta(days=30)

_AT_ONCE = 8
_PRIMARY = "primary"

_Given = TypeVar("_Given")
_Result = TypeVar("_Result")


class Part(NamedTuple):
    """One query: some of the calendars, a stretch of the window."""

    calendars: tuple[str, ...]
    window: Interval

    @property
    def body(self) -> dict[str, object]:
        """The request, its bounds rounded outwards to the seconds Google counts in."""
        return {
            "timeMin": rfc3339(self.window.start),
            "timeMax": rfc3339(self.window.end, round_up=True),
            "calendarExpansionMax": MOST_CALENDARS,
            "items": [{"id": each} for each in self.calendars],
        }


def parts(calendars: Sequence[str], window: Interval) -> tuple[Part, ...]:
    """The queries that together ask each calendar once about the whole window."""
    asked = tuple(dict.fromkeys(calendars))
    groups = [asked[at : at + MOST_CALENDARS] for at in range(0, len(asked), MOST_CALENDARS)]
    return tuple(Part(group, stretch) for group, stretch in itertools.product(groups, _stretches(window)))


def merged(calendars: Sequence[str], answers: Iterable[tuple[Part, Json]]) -> tuple[FreeBusy, ...]:
    """One FreeBusy for each calendar, in the order asked.

    A calendar that one part did not tell about is unread as a whole; the busy times other parts told are kept.
    """
    spans: dict[str, list[Interval]] = {each: [] for each in calendars}
    unread: dict[str, str] = {}
    for part, answer in answers:
        told = _by_asked(part, table(answer, "calendars"))
        for each in part.calendars:
            found = _read(told.get(each))
            if isinstance(found, str):
                unread.setdefault(each, found)
            else:
                spans[each] += found
    return tuple(FreeBusy(each, Intervals.of(spans[each]), unread.get(each)) for each in calendars)


def at_once(ask: Callable[[_Given], _Result], given: Sequence[_Given]) -> list[_Result]:
    """The results for all of `given`, in order, asked on several threads; the first failure in order is raised.

    Daemon threads rather than a pool: a pool is waited for at exit, and Ctrl-C must not wait for Google.
    """
    if len(given) < 2:
        return [ask(each) for each in given]
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(len(given)):
        todo.put(index)
    results: dict[int, _Result] = {}
    failures: dict[int, BaseException] = {}

    def work() -> None:
        while not failures:
            try:
                index = todo.get_nowait()
            except queue.Empty:
                return
            try:
                results[index] = ask(given[index])
            # Whatever it is, it belongs to the thread that asked, which raises it below.
            except BaseException as error:  # noqa: BLE001
                failures[index] = error

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(_AT_ONCE, len(given)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[min(failures)]
    return [results[index] for index in range(len(given))]


def _stretches(window: Interval) -> Iterator[Interval]:
    start = window.start
    while start < window.end:
        end = min(start + LONGEST, window.end)
        yield Interval(start, end)
        start = end


def _by_asked(part: Part, told: Json) -> Json:
    """The answer under the ids that were asked for. Google gives them back as they came (GOOGLE.md 3.2), and it is not
    documented: `primary` may come back as the address it stands for, an address in lower case.
    """
    unclaimed = {key: each for key, each in told.items() if key not in part.calendars}
    if not unclaimed:
        return told
    folded = {key.casefold(): each for key, each in unclaimed.items()}
    # Only addresses know no case.
    missing = [each for each in part.calendars if each not in told and ("@" in each or each == _PRIMARY)]
    found = {each: folded.pop(each.casefold()) for each in missing if each.casefold() in folded}
    if _PRIMARY in missing and len(folded) == 1 and _PRIMARY not in found:
        found[_PRIMARY] = next(iter(folded.values()))
    return {**told, **found}


def _read(found: object) -> list[Interval] | str:
    """The busy spans of one calendar in one answer, or why there are none to rely on."""
    if not isinstance(found, dict):
        return "Google did not answer for it"
    if errors := tables(found, "errors"):
        return next((reason for each in errors if (reason := text(each, "reason"))), "unknown reason")
    if found.get("errors") or not isinstance(found.get("busy", []), list):
        return "Google's answer cannot be understood"
    spans = []
    for each in tables(found, "busy"):
        start, end = instant(each.get("start")), instant(each.get("end"))
        if start is None or end is None or end < start:
            return "Google's answer cannot be understood"
        if start < end:
            spans.append(Interval(start, end))
    if len(tables(found, "busy")) < len(found.get("busy", [])):
        return "Google's answer cannot be understood"
    return spans
