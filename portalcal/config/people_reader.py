"""Read people, rooms, pools, and what a link asks of them, from layered TOML tables.

Every name is checked against the directory of the same file. Problems are collected, never raised.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import TypeVar
from zoneinfo import ZoneInfo

from portalcal.config.model import read_zone
from portalcal.config.people import Directory, is_address
from portalcal.config.schedule_reader import ScheduleReader
from portalcal.config.toml_reader import Layer, Table, as_written
from portalcal.core.participants import NO_ROOM, PanelRequest, Person, Room
from portalcal.core.schedule import WEEKDAYS
from portalcal.errors import Problem, did_you_mean

_T = TypeVar("_T", Person, Room)

_ALWAYS = Layer("", {day: ["00:00-24:00"] for day in WEEKDAYS})
"""Under a person's own schedule: dates and weekdays of which it has nothing to say are those of the link."""

_SEPARATORS = "@,:"
"""An address has an @; the options of the command line separate names with the others."""


def read_directory(top: Table, zone: ZoneInfo, *, hours: ScheduleReader) -> Directory:
    """Everybody in the file. `zone`: of people who have none of their own."""
    people = _entries(top.table("people"), lambda name, table: _person(name, table, zone, hours=hours))
    rooms = _entries(top.table("rooms"), _room)
    _check_addresses("people", people, top.problems)
    _check_addresses("rooms", rooms, top.problems)
    _check_names(top, people, rooms)
    known = Directory(people, rooms)
    pools = top.table("pools")
    members = {name: _members(pools, name, known) for name in pools.names()}
    return known._replace(pools=MappingProxyType(members))


def read_panel(table: Table, directory: Directory) -> PanelRequest:
    """Whom a link takes."""
    owner = table.read("owner", _owner, None)
    required = _people(table, "with", directory)
    optional = _people(table, "optional", directory)
    room = table.read("room", lambda text: _room_name(text, directory), None)
    need = tuple(_needs(table, directory, {directory.person(each).address for each in required}))
    return PanelRequest(required, need, (), optional, room, owner)


def _entries(tables: Table, read: Callable[[str, Table], _T | None]) -> Mapping[str, _T]:
    entries = ((name, read(name, table)) for name, table in tables.tables())
    return MappingProxyType({name: entry for name, entry in entries if entry is not None})


def _person(name: str, table: Table, zone: ZoneInfo, *, hours: ScheduleReader) -> Person | None:
    table.check_keys("people")
    own_zone = table.read("timezone", read_zone, None)
    own_hours = table.table("schedule")
    schedule = None
    if table.holder("schedule"):
        schedule = hours(Table((*own_hours.layers, _ALWAYS), table.problems), own_zone or zone)
    person = Person(
        key=name,
        email=_email(table),
        name=table.get("name", str, "").strip(),
        schedule=schedule,
        zone=own_zone,
        max_per_day=table.limit("max_per_day"),
        max_per_week=table.limit("max_per_week"),
        weight=_weight(table),
        since=_since(table),
    )
    return person if table.layers else None


def _room(name: str, table: Table) -> Room | None:
    table.check_keys("rooms")
    room = Room(name, _email(table), _capacity(table))
    return room if table.layers else None


def _email(table: Table) -> str:
    """The address of a person or a room, which is required."""
    email = table.get("email", str, "").strip()
    layer = table.holder("email") or (table.layers[0] if table.layers else None)
    if layer and not is_address(email) and isinstance(layer.values.get("email", ""), str):
        table.note(layer, "email", expected="expected an e-mail address")
    return email


def _weight(table: Table) -> float:
    layer = table.holder("weight")
    value = layer.values["weight"] if layer else 1.0
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value < math.inf:  # type: ignore[operator]  # checked just before
        return float(value)  # type: ignore[arg-type]
    if layer:
        table.note(layer, "weight", expected="expected a number of 0 or more like 1.0")
    return 1.0


def _since(table: Table) -> date | None:
    layer = table.holder("since")
    if layer is None:
        return None
    value = layer.values["since"]
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        day = None
    if isinstance(day, date) and not isinstance(day, datetime):
        return day
    table.note(layer, "since", expected="expected a date like 2026-11-01")
    return None


def _capacity(table: Table) -> int | None:
    layer = table.holder("capacity")
    if layer is None:
        return None
    seats = table.get("capacity", int, 1)
    if seats < 1:
        table.note(layer, "capacity", expected="expected 1 seat or more")
        return None
    return seats


def _check_addresses(kind: str, entries: Mapping[str, Person | Room], problems: list[Problem]) -> None:
    """Report addresses that two entries share: they would be one participant."""
    first: dict[str, str] = {}
    for name, entry in entries.items():
        if entry.email and (other := first.setdefault(entry.address, name)) != name:
            expected = f"{kind}.{other} has that address already"
            problems.append(Problem(f"{kind}.{name}.email", as_written(entry.email), expected))


def _check_names(top: Table, people: Mapping[str, Person], rooms: Mapping[str, Room]) -> None:
    """Report names that no option could name, and rooms called as something else that a room may be chosen from."""
    for kind in ("people", "rooms", "pools"):
        tables = top.table(kind)
        for layer in tables.layers:
            for name in layer.values:
                if not name.strip() or any(each in _SEPARATORS or each.isspace() for each in name):
                    expected = "expected a name without spaces, @, commas and colons"
                elif kind != "people" and name == NO_ROOM:
                    expected = f'expected another name: room = "{NO_ROOM}" means that there is none'
                elif kind == "rooms" and name in people:
                    expected = f"people.{name} has that name already"
                elif kind == "pools" and name in rooms:
                    expected = f"rooms.{name} has that name already"
                else:
                    continue
                tables.note(layer, name, expected=expected)


def _members(pools: Table, name: str, known: Directory) -> tuple[str, ...]:
    """The members of a pool, each once and all of one kind."""
    layer = pools.holder(name)
    written = pools.texts(name, at_least="expected at least one member")
    if layer is None or written is None:
        return ()
    members: dict[str, str] = {}
    for member in written:
        address = _address_of(member, known)
        if address is None:
            names = (*known.people, *known.rooms)
            expected = f'there is nobody called "{member}"{did_you_mean(member, names)}'
            pools.note(layer, name, expected=expected)
        elif address in members:
            pools.note(layer, name, expected=f'"{member}" is in it twice')
        else:
            members[address] = member
    kinds = {known.is_room(each) for each in members.values()}
    if len(kinds) == 2:
        pools.note(layer, name, expected="expected people or rooms, not both")
        return ()
    return tuple(members.values())


def _address_of(name: str, known: Directory) -> str | None:
    """The address of a person or a room, by name or address; None if there is neither."""
    entry = known.people.get(name) or known.rooms.get(name)
    if entry is not None:
        return entry.address
    return name.lower() if is_address(name) else None


def _owner(text: str) -> bool:
    if text not in {"attends", "organises"}:
        raise ValueError(f'expected "attends" or "organises"{did_you_mean(text, ("attends", "organises"))}')
    return text == "attends"


def _room_name(text: str, known: Directory) -> str:
    rooms = (*known.rooms, *known.room_pools)
    if text not in rooms and text != NO_ROOM and not is_address(text):
        raise ValueError(f"there is no room and no pool of rooms of that name{did_you_mean(text, rooms)}")
    return text


def _people(table: Table, key: str, known: Directory) -> tuple[str, ...]:
    """The people of a list, each once, as they are written."""
    layer, written = table.holder(key), table.texts(key)
    if layer is None or written is None:
        return ()
    people: dict[str, str] = {}
    for name in written:
        if name not in known.people and not is_address(name):
            is_pool = "; a pool goes into need" if name in known.pools else ""
            expected = f'there is nobody called "{name}"{is_pool or did_you_mean(name, known.people)}'
            table.note(layer, key, expected=expected)
        elif (address := known.person(name).address) in people:
            table.note(layer, key, expected=f'"{name}" is in it twice')
        else:
            people[address] = name
    return tuple(people.values())


def _needs(table: Table, known: Directory, coming: Iterable[str]) -> Iterator[tuple[str, int]]:
    """The pools a link needs members of, with the number of each. `coming`: who fills no place, having to come anyway."""
    needs = table.table("need")
    for name in needs.names():
        count, layer = needs.get(name, int, 0), needs.holder(name)
        if layer is None or not isinstance(layer.values[name], int) or isinstance(layer.values[name], bool):
            continue
        if name not in known.people_pools:
            expected = f"there is no pool of people of that name{did_you_mean(name, known.people_pools)}"
            needs.note(layer, name, expected=expected)
        elif count < 1:
            needs.note(layer, name, expected="expected 1 or more")
        else:
            able = {each.address for each in known.members(name)} - set(coming)
            if known.pools[name] and len(able) < count:
                who = "member" if len(able) == 1 else "members"
                needs.note(layer, name, expected=f"pools.{name} has {len(able)} {who} who could fill a place")
            yield name, count
