"""The facts of other schedulers about several people (tests/cases/people), through the configuration and the commands.

tests/core/test_people_cases.py puts the same to the engine. Here people and pools are tables of config.toml, their busy
times events in their own calendars, and the answer is that of `availability`; `book` has to agree with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests import selection
from tests.cli.conftest import ANA, Shell
from tests.core.test_people_cases import DIFFERENCES

Case = dict[str, Any]

_KINDS = {"slots", "free", "fit"}
_CASES: dict[str, Case] = {
    each["id"]: each
    for path in sorted((Path(__file__).parent.parent / "cases" / "people").glob("*.json"))
    for each in json.loads(path.read_text("utf-8"))
    if each["kind"] in _KINDS and each["id"] not in DIFFERENCES
}
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_A_DAY, _A_MINUTE = timedelta(days=1), timedelta(minutes=1)


def _traits(name: str) -> Iterable[Hashable]:
    """Every kind of question, of need, and of hours."""
    case = _CASES[name]
    yield case["kind"]
    yield from case["needs"]
    for who in case["people"]:
        yield from who.keys() - {"id"}


@pytest.mark.parametrize("name", selection.cases(_CASES, traits=_traits))
def test_a_command_finds_people_as_the_other_system_does(
    portalcal: Shell, google: Simulator, name: str
) -> None:
    case = _CASES[name]
    google.clock.advance(seconds=(_first_instant(case) - 2 * _A_DAY - google.clock.now()).total_seconds())
    _fill(google, case)
    portalcal.configure(_config(case))
    config = Path(portalcal.environ["PORTALCAL_CONFIG"])
    config.write_text(config.read_text().replace("Europe/London", case.get("zone", "UTC"), 1))
    portalcal.connect()

    assert [key for key, wanted in case["expect"].items() if not _holds(portalcal, case, key, wanted)] == []


# --- the case as a calendar and a configuration ------------------------------------------------------------------------


def _fill(google: Simulator, case: Case) -> None:
    for who in (*case["people"], *case.get("rooms", ())):
        google.add_user(_email(who["id"]), timezone="UTC")
        google.share(_email(who["id"]), ANA, role="freeBusyReader")
        for each in who.get("busy", ()):
            google.add_event(_email(who["id"]), each["start"], each["end"], "Busy")


def _config(case: Case) -> str:
    rule, needs = case.get("rule", {}), case["needs"]
    duration = rule.get("duration_min", 1)
    step = rule.get("step_min", duration) if case["kind"] == "slots" else 1
    lines = [
        "[rules]",
        f'duration = "{duration}m"',
        f'step = "{step}m"',
        'notice = "0m"',
        'horizon = "3650d"',
        '[links.case]\nowner = "organises"',
    ]
    if needs.get("all"):
        lines.append(f"with = {json.dumps(list(map(_name, needs['all'])))}")
    if needs.get("pools"):
        counts = ", ".join(f"{_name(each['id'])} = {each['n']}" for each in needs["pools"])
        lines.append(f"need = {{ {counts} }}")
    if needs.get("rooms"):
        lines.append('room = "any_room"')
    lines += _hours("links.case", case.get("link", {"always": True}))
    for who in case["people"]:
        lines += [f"[people.{_name(who['id'])}]", f'email = "{_email(who["id"])}"']
        lines += [f'timezone = "{who["zone"]}"'] if "zone" in who else []
        if who.keys() & {"weekly", "overrides", "always"}:
            lines += _hours(f"people.{_name(who['id'])}", who)
        elif "free" in who:
            lines += _hours_as_instants(f"people.{_name(who['id'])}", who["free"])
    for room in case.get("rooms", ()):
        lines += [f"[rooms.{_name(room['id'])}]", f'email = "{_email(room["id"])}"']
    lines.append("[pools]")
    lines += [
        f"{_name(each['id'])} = {json.dumps(list(map(_name, each['members'])))}"
        for each in needs.get("pools", ())
    ]
    if needs.get("rooms"):
        lines.append(f"any_room = {json.dumps(list(map(_name, needs['rooms'])))}")
    return "\n".join(lines) + "\n"


def _hours(table: str, written: dict[str, Any]) -> list[str]:
    week = {day: ["00:00-24:00"] if written.get("always") else [] for day in _WEEK}
    for each in written.get("weekly", ()):
        for day in each["days"]:
            week[day].append(f"{each['start']}-{each['end']}")
    lines = [f"[{table}.schedule]", *(f"{day} = {json.dumps(ranges)}" for day, ranges in week.items())]
    exceptions = {
        each["date"] if "date" in each else f"{each['from']}..{each['until']}": [
            f"{one['start']}-{one['end']}" for one in each["hours"]
        ]
        for each in written.get("overrides", ())
    }
    return lines + _exceptions(table, exceptions)


def _hours_as_instants(table: str, spans: list[list[str]]) -> list[str]:
    """Closed but for these stretches, in UTC; one that ends before it starts is nothing."""
    dated: dict[str, list[str]] = {}
    for start, end in spans:
        if start < end:
            closing = "24:00" if end[:10] > start[:10] else end[11:16]
            dated.setdefault(start[:10], []).append(f"{start[11:16]}-{closing}")
    return [f"[{table}.schedule]", *(f"{day} = []" for day in _WEEK), *_exceptions(table, dated)]


def _exceptions(table: str, dated: dict[str, list[str]]) -> list[str]:
    return [
        f"[{table}.schedule.exceptions]",
        *(f"{json.dumps(day)} = {json.dumps(each)}" for day, each in dated.items()),
    ]


def _name(identifier: str) -> str:
    return "".join(each if each.isalnum() else "_" for each in identifier).lower()


def _email(identifier: str) -> str:
    return f"{_name(identifier)}@people.example.com"


# --- the answer ------------------------------------------------------------------------------------------------------


def _holds(shell: Shell, case: Case, key: str, wanted: Any) -> bool:
    if case["kind"] == "fit":
        return all(_fits(shell, *each) is (key == "fits") for each in wanted)
    starts = _starts(shell, case)
    assert _booked_otherwise(shell, case, starts) == []
    if case["kind"] == "slots":
        about_slots: dict[str, Callable[[], bool]] = {
            "slots": lambda: starts == list(map(_instant, wanted)),
            "slot_count": lambda: len(starts) == wanted,
            "min_slot_count": lambda: len(starts) >= wanted,
            "first_slot": lambda: starts[:1] == [_instant(wanted)],
            "includes": lambda: set(map(_instant, wanted)) <= set(starts),
            "excludes": lambda: not set(map(_instant, wanted)) & set(starts),
        }
        return about_slots[key]()
    free = _stretches(starts, timedelta(minutes=case.get("rule", {}).get("duration_min", 1)))
    about_free: dict[str, Callable[[], bool]] = {
        "free": lambda: free == [tuple(map(_instant, each)) for each in wanted],
        "free_count": lambda: len(free) == wanted,
        "earliest": lambda: free[:1] != [] and free[0][0] == _instant(wanted),
    }
    return about_free[key]()


def _starts(shell: Shell, case: Case) -> list[datetime]:
    """The offered starts in the window; of `free` those of meetings that end in it."""
    start, end = (_instant(case["query"][name]) for name in ("from", "to"))
    length = (
        timedelta(minutes=case.get("rule", {}).get("duration_min", 1))
        if case["kind"] == "free"
        else _A_MINUTE
    )
    answer = shell.json(
        "availability", f"{start - _A_DAY:%Y-%m-%d}", "--until", f"{end + _A_DAY:%Y-%m-%d}", "--link", "case", "--timezone", "UTC"
    ).result  # fmt: skip
    offered = [datetime.fromisoformat(each["start"]) for day in answer["days"] for each in day["slots"]]
    return [each for each in offered if start <= each and each + length <= end]


def _stretches(starts: list[datetime], length: timedelta) -> list[tuple[datetime, datetime]]:
    """Meetings of that length merged where they touch or overlap."""
    merged: list[tuple[datetime, datetime]] = []
    for start in starts:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], start + length)
        else:
            merged.append((start, start + length))
    return merged


def _fits(shell: Shell, start: str, end: str) -> bool:
    minutes = int((_instant(end) - _instant(start)) / _A_MINUTE)
    explained = shell.json(
        "availability", "--link", "case", "--explain", start, "--duration", f"{minutes}m"
    ).result
    codes = {each["code"] for each in explained["reasons"]}
    assert _can_be_booked(shell, start, "--duration", f"{minutes}m") is (not codes)
    return codes <= {"off-grid"}


def _booked_otherwise(shell: Shell, case: Case, starts: list[datetime]) -> list[datetime]:
    """Those of the first and last offered starts, and of those asked about, of which `book` says something else."""
    asked = [_instant(case["query"]["from"]), *map(_instant, case["expect"].get("excludes", ()))]
    return [
        each
        for each in dict.fromkeys([*starts[:1], *starts[-1:], *(asked if case["kind"] == "slots" else ())])
        if _can_be_booked(shell, each.isoformat()) is not (each in starts)
    ]


def _can_be_booked(shell: Shell, start: str, *options: str) -> bool:
    guest = ("--name", "Sam", "--email", "sam@example.com")
    ran = shell.json("book", start, *guest, "--link", "case", *options, "--dry-run")
    assert ran.exit in {0, 5}, ran.err
    return ran.exit == 0


def _first_instant(case: Case) -> datetime:
    if "query" in case:
        return _instant(case["query"]["from"])
    return min(_instant(each[0]) for spans in case["expect"].values() for each in spans)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
