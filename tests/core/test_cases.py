"""Facts from the test suites of other scheduling systems (tests/cases/README.md), put to our engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portalcal.core.intervals import Interval, Intervals
from portalcal.core.schedule import WEEKDAYS, Hours, Schedule
from portalcal.core.slots import Claim, FreeBusy, Rules, SchedulingInputs, offered

Case = dict[str, Any]

DIFFERENCES = {
    "wh-07": "the peer takes every day for 24 hours; here a day lasts 23 to 25",
}
"""Cases that the engine decides otherwise, each with the reason; a test makes sure that they do differ."""

_FOREVER = 100_000
_CASES: dict[str, Case] = {
    each["id"]: each
    for path in sorted((Path(__file__).parent.parent / "cases").glob("*.json"))
    for each in json.loads(path.read_text("utf-8"))
}
_KNOWN_RULES = {
    "duration_min", "step_min", "buffer_before_min", "buffer_after_min", "notice_min", "window_days", "window",
    "max_per_day", "max_minutes_per_day",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in _CASES if name not in DIFFERENCES])
def test_the_engine_answers_as_the_other_system_does(name: str) -> None:
    assert _disagreements(_CASES[name]) == []


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_case_listed_as_different_is_different(name: str) -> None:
    assert _disagreements(_CASES[name]) != []


def test_only_cases_that_are_not_plain_or_that_our_definitions_decide_are_listed_as_different() -> None:
    assert set(DIFFERENCES) == {name for name, case in _CASES.items() if not case["plain"]}


def _disagreements(case: Case) -> list[str]:
    expect = dict(case["expect"])
    may_refuse = expect.pop("error_ok", False)
    try:
        answer = _slots(case) if case["kind"] == "slots" else _free(case)
    except ValueError:
        return [] if may_refuse or expect.get("error") else ["refused"]
    return [key for key, wanted in expect.items() if not _HOLDS[key](answer, wanted)]


# --- the case as our question ------------------------------------------------------------------------------------------


def _schedule(case: Case) -> Schedule:
    weekly: dict[str, list[Hours]] = {day: [] for day in WEEKDAYS}
    for each in case["weekly"]:
        for day in each["days"]:
            weekly[day].append(_hours(each))
    dated = {
        date.fromisoformat(each["date"]): tuple(map(_hours, each["hours"])) for each in case["overrides"]
    }
    return Schedule(ZoneInfo(case["timezone"]), tuple(map(tuple, weekly.values())), MappingProxyType(dated))


def _hours(written: dict[str, str]) -> Hours:
    start, end = (int(written[key][:2]) * 60 + int(written[key][3:5]) for key in ("start", "end"))
    return Hours(start, end)


def _window(case: Case) -> Interval:
    start, end = _instant(case["query"]["from"]), _instant(case["query"]["to"])
    if "window" in case["rule"]:
        zone, dates = ZoneInfo(case["timezone"]), case["rule"]["window"]
        first, last = date.fromisoformat(dates["from_date"]), date.fromisoformat(dates["to_date"])
        start = max(start, datetime(first.year, first.month, first.day, tzinfo=zone))
        end = min(end, datetime(last.year, last.month, last.day, tzinfo=zone) + timedelta(days=1))
    return Interval(start.astimezone(UTC), end.astimezone(UTC))


def _slots(case: Case) -> list[datetime]:
    rule = case["rule"]
    assert rule.keys() <= _KNOWN_RULES

    def minutes(key: str) -> timedelta:
        return timedelta(minutes=rule.get(key, 0))

    rules = Rules(
        duration=minutes("duration_min"),
        step=minutes("step_min") or None,
        buffer_before=minutes("buffer_before_min"),
        buffer_after=minutes("buffer_after_min"),
        notice=minutes("notice_min"),
        horizon=rule.get("window_days", _FOREVER),
        max_per_day=rule.get("max_per_day", 0),
        max_minutes_per_day=rule.get("max_minutes_per_day", 0),
    )
    booked = [_span(each) for each in case["busy"] if each.get("booking")]
    busy = Intervals.of(_span(each) for each in case["busy"] if not each.get("booking"))
    claims = tuple(Claim(f"b{n}", None, span, span) for n, span in enumerate(booked))
    inputs = SchedulingInputs(
        _schedule(case),
        rules,
        _window(case),
        _instant(case["now"]),
        None,
        (FreeBusy("busy", busy),),
        claims,
    )
    return [each.start for each in offered(inputs)]


def _free(case: Case) -> Intervals:
    window = _window(case)
    openings = Intervals.of(each.span for each in _schedule(case).openings(window))
    return (openings & Intervals((window,))) - Intervals.of(map(_span, case["busy"]))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _span(written: dict[str, str]) -> Interval:
    return Interval(_instant(written["start"]), _instant(written["end"]))


def _pairs(written: list[list[str]]) -> list[Interval]:
    return [Interval(_instant(start), _instant(end)) for start, end in written]


# --- what a case may claim -----------------------------------------------------------------------------------------------

_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "slots": lambda got, wanted: got == list(map(_instant, wanted)),
    "slot_count": lambda got, wanted: len(got) == wanted,
    "min_slot_count": lambda got, wanted: len(got) >= wanted,
    "first_slot": lambda got, wanted: got[:1] == [_instant(wanted)],
    "last_slot": lambda got, wanted: got[-1:] == [_instant(wanted)],
    "includes": lambda got, wanted: set(map(_instant, wanted)) <= set(got),
    "excludes": lambda got, wanted: not set(map(_instant, wanted)) & set(got),
    "not_before": lambda got, wanted: all(each >= _instant(wanted) for each in got),
    "none_in": lambda got, wanted: not any(each in span for span in _pairs(wanted) for each in got),
    "free": lambda got, wanted: list(got) == _pairs(wanted),
    "free_count": lambda got, wanted: len(got) == wanted,
    "min_free_count": lambda got, wanted: len(got) >= wanted,
    "first_free": lambda got, wanted: list(got)[:1] == _pairs([wanted]),
    "free_includes": lambda got, wanted: all(
        any(each.covers(span) for each in got) for span in _pairs(wanted)
    ),
    "not_free": lambda got, wanted: not any(each.covers(span) for span in _pairs(wanted) for each in got),
    "points": lambda got, wanted: all((_instant(each["at"]) in got) == each["free"] for each in wanted),
    "free_total_min": lambda got, wanted: (
        sum((each.length for each in got), timedelta(0)) == timedelta(minutes=wanted)
    ),
    "error": lambda _got, _wanted: False,
}
