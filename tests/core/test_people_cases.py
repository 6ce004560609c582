"""Facts from the test suites of other schedulers about several people (tests/cases/people/README.md)."""

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
from portalcal.core.participants import Person, Room
from portalcal.core.people import Panel, PanelInputs, Pool, panel_offered, panel_reasons
from portalcal.core.schedule import WEEKDAYS, Hours, Period, Schedule, Stretch
from portalcal.core.slots import Claim, FreeBusy, ReasonCode, Rules, SchedulingInputs

Case = dict[str, Any]

DIFFERENCES = {
    "step-13": "the peer keeps optional people's time free where it can; here they are invited and never looked at",
    "step-15": "as step-13",
    "step-16": "as step-13: with nobody mandatory the peer treats optional people as mandatory",
    "step-17": "as step-13",
    "finder-17": "the peer offers nothing when nobody is asked; here the link alone decides",
    "prange-09": "the peer refuses two stretches that overlap; here the last written counts",
}
"""Cases that come out differently here, each with the reason; a test makes sure that they do differ."""

AGREEING = {"prange-02": "the peer prefers the stretch with a year, which is also the last written"}
"""Cases whose rule is another one and whose answer is the same."""

_A_MINUTE = timedelta(minutes=1)
_CASES: dict[str, Case] = {
    each["id"]: each
    for path in sorted((Path(__file__).parent.parent / "cases" / "people").glob("*.json"))
    for each in json.loads(path.read_text("utf-8"))
}


@pytest.mark.parametrize("name", [name for name in _CASES if name not in DIFFERENCES])
def test_people_are_found_as_the_other_system_finds_them(name: str) -> None:
    assert _disagreements(_CASES[name]) == []


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_case_of_people_listed_as_different_is_different(name: str) -> None:
    assert _disagreements(_CASES[name]) != []


def test_only_cases_of_people_that_are_not_plain_are_listed_as_different() -> None:
    assert DIFFERENCES.keys() | AGREEING.keys() == {
        name for name, case in _CASES.items() if not case["plain"]
    }


def _disagreements(case: Case) -> list[str]:
    answer = _ANSWERS[case["kind"]](case)
    return [key for key, wanted in case["expect"].items() if not _HOLDS[key](answer, wanted)]


# --- the case as our question ------------------------------------------------------------------------------------------


def _zone(case: Case) -> ZoneInfo:
    return ZoneInfo(case.get("zone", "UTC"))


def _schedule(written: dict[str, Any], zone: ZoneInfo) -> Schedule:
    """Hours as a link or a person has them."""
    if written.get("always"):
        return Schedule(zone, ((Hours(0, 1440),),) * 7)
    dated = {
        _day(each["date"]): _hours(each["hours"]) for each in written.get("overrides", ()) if "date" in each
    }
    return Schedule(
        zone,
        _weekly(written.get("weekly", ())),
        MappingProxyType(dated),
        tuple(
            Stretch(_day(each["from"]), _day(each["until"]), _hours(each["hours"]))
            for each in written.get("overrides", ())
            if "from" in each
        ),
        MappingProxyType({_day(each): each for each in written.get("holidays", ())}),
        frozenset(map(_day, written.get("holidays_open", ()))),
        tuple(
            Period(
                each["name"],
                _day(each["from"]),
                _day(each["until"]) if each["until"] else date.max,
                _weekly_of_period(each.get("weekly", ())),
                ZoneInfo(each["zone"]) if each.get("zone") else None,
            )
            for each in written.get("periods", ())
        ),
    )


def _weekly(written: Any) -> tuple[tuple[Hours, ...], ...]:
    week: dict[str, list[Hours]] = {day: [] for day in WEEKDAYS}
    for each in written:
        for day in each["days"]:
            week[day] += _hours([each])
    return tuple(map(tuple, week.values()))


def _weekly_of_period(written: Any) -> tuple[tuple[Hours, ...] | None, ...]:
    named = {day for each in written for day in each["days"]}
    return tuple(
        hours if day in named else None for day, hours in zip(WEEKDAYS, _weekly(written), strict=True)
    )


def _hours(written: Any) -> tuple[Hours, ...]:
    def minutes(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:5])

    return tuple(Hours(minutes(each["start"]), minutes(each["end"])) for each in written)


def _from_instants(spans: list[list[str]]) -> Schedule:
    """Hours given as instants; a range that ends before it starts is nothing."""
    dated: dict[date, list[Hours]] = {}
    for start, end in (map(_instant, each) for each in spans):
        if start < end:
            first = start.hour * 60 + start.minute
            length = (end - start) // _A_MINUTE
            assert first + length <= 1440
            dated.setdefault(start.date(), []).append(Hours(first, first + length))
    return Schedule(
        ZoneInfo("UTC"), exceptions=MappingProxyType({day: tuple(each) for day, each in dated.items()})
    )


def _person(written: dict[str, Any], case: Case) -> Person:
    zone = ZoneInfo(written["zone"]) if "zone" in written else _zone(case)
    schedule = None
    if "free" in written:
        schedule = _from_instants(written["free"])
    elif written.keys() & {"weekly", "overrides", "periods", "holidays", "always"}:
        schedule = _schedule(written, zone)
    return Person(
        written["id"],
        written["id"],
        schedule=schedule,
        zone=zone,
        weight=written.get("weight", 1.0),
        **written.get("limits", {}),
    )


def _question(case: Case, *, duration: timedelta, step: timedelta, window: Interval) -> PanelInputs:
    rule, needs = case.get("rule", {}), case["needs"]
    people = {each["id"]: _person(each, case) for each in case["people"]}
    held = [
        Claim(each["id"], None, _span(each), _span(each), who["id"].lower())
        for who in (*case["people"], *case.get("rooms", ()))
        for each in who.get("bookings", ())
    ]
    rules = Rules(
        duration,
        step,
        timedelta(minutes=rule.get("buffer_before_min", 0)),
        timedelta(minutes=rule.get("buffer_after_min", 0)),
        timedelta(minutes=rule.get("notice_min", 0)),
        rule.get("horizon_days", 100_000),
    )
    inputs = SchedulingInputs(
        _schedule(case.get("link", {"always": True}), _zone(case)),
        rules,
        window,
        _instant(case["now"]),
        claims=tuple(held),
        account="owner",
        owner_attends=False,
    )
    panel = Panel(
        required=tuple(people[each] for each in needs.get("all", ())),
        pools=tuple(
            Pool(each["id"], tuple(people[one] for one in each["members"]), each["n"])
            for each in needs.get("pools", ())
        ),
        optional=tuple(people[each] for each in needs.get("optional", ())),
        rooms=tuple(Room(each, each) for each in needs.get("rooms", ())),
    )
    return PanelInputs(inputs, panel, tuple(map(_told, (*case["people"], *case.get("rooms", ())))))


def _told(who: dict[str, Any]) -> FreeBusy:
    return FreeBusy(who["id"], Intervals.of(map(_span, who.get("busy", ()))))


def _slots(case: Case) -> list[datetime]:
    rule = case["rule"]
    duration = timedelta(minutes=rule["duration_min"])
    step = timedelta(minutes=rule.get("step_min", rule["duration_min"]))
    inputs = _question(case, duration=duration, step=step, window=_window(case))
    return [each.meeting.start for each in panel_offered(inputs)]


def _free(case: Case) -> list[Interval]:
    """The stretches made of meetings of that length that lie in the window, a minute apart."""
    duration = timedelta(minutes=case.get("rule", {}).get("duration_min", 1))
    window = _window(case)
    if window.length < duration:
        return []
    latest = Interval(window.start, window.end - duration + datetime.resolution)
    inputs = _question(case, duration=duration, step=_A_MINUTE, window=latest)
    return list(Intervals.of(each.meeting for each in panel_offered(inputs)))


class _Fits:
    """Answers whether a meeting of exactly some span can be held."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def __call__(self, written: list[str]) -> bool:
        start, end = map(_instant, written)
        window = Interval(start, start + _A_MINUTE)
        inputs = _question(self.case, duration=end - start, step=_A_MINUTE, window=window)
        return all(each.why is ReasonCode.OFF_GRID for each in panel_reasons(inputs, start))


def _hours_of_dates(case: Case) -> Schedule:
    return _schedule(case["link"], _zone(case))


def _window(case: Case) -> Interval:
    return Interval(_instant(case["query"]["from"]), _instant(case["query"]["to"]))


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _span(written: dict[str, str]) -> Interval:
    return Interval(_instant(written["start"]), _instant(written["end"]))


_ANSWERS: dict[str, Callable[[Case], Any]] = {
    "slots": _slots,
    "free": _free,
    "fit": _Fits,
    "hours": _hours_of_dates,
    "config": _hours_of_dates,
}

# --- what a case may claim -----------------------------------------------------------------------------------------------

_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "slots": lambda got, wanted: got == list(map(_instant, wanted)),
    "slot_count": lambda got, wanted: len(got) == wanted,
    "min_slot_count": lambda got, wanted: len(got) >= wanted,
    "first_slot": lambda got, wanted: got[:1] == [_instant(wanted)],
    "last_slot": lambda got, wanted: got[-1:] == [_instant(wanted)],
    "includes": lambda got, wanted: set(map(_instant, wanted)) <= set(got),
    "excludes": lambda got, wanted: not set(map(_instant, wanted)) & set(got),
    "free": lambda got, wanted: got == [Interval(*map(_instant, each)) for each in wanted],
    "free_count": lambda got, wanted: len(got) == wanted,
    "earliest": lambda got, wanted: got[:1] != [] and got[0].start == _instant(wanted),
    "fits": lambda fits, wanted: all(map(fits, wanted)),
    "not_fits": lambda fits, wanted: not any(map(fits, wanted)),
    "hours": lambda schedule, wanted: all(
        list(map(str, schedule.hours_on(_day(day)))) == hours for day, hours in wanted.items()
    ),
    "error": lambda _schedule, _wanted: False,
}
