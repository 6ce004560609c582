"""A world for the simulator, from a TOML file: several people and rooms, their calendars, who sees what, who answers how.

    timezone = "Europe/London"         # of everybody who has none; default: the simulator's
    owner = "ana"                      # of the connected account: a person or an address; likewise

    [people.ben]
    email = "ben@example.com"
    name = "Ben Okafor"
    timezone = "Europe/Berlin"
    busy = ["mon 09:00-10:00", "weekdays 12:00-13:00", "tomorrow 14:00-15:00", "2026-12-01 09:00-17:00"]
    events = "ben.ics"                 # Google event JSON or .ics, relative to this file
    answers = "accepts"                # declines, tentative, "if free", or ignores, the default
    answers_after = "2s"
    shares = "free/busy"               # with everybody, the default; "nothing", "details", or { ana = "details" }

    [rooms.oak]                        # the same keys; a room answers "if free" by itself
    email = "oak@resource.calendar.google.com"
    capacity = 8

    [pools]                            # for the configuration that the simulator writes
    backend = ["ben", "zoe"]

Everything in the file is checked before anything is made; all problems are reported at once.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from portalcal.simulator.calendar import instants, loading
from portalcal.simulator.calendar.model import Model, StoredCalendar
from portalcal.simulator.calendar.replies import Answering, Habit, Replies
from portalcal.simulator.http.messages import Json

_TOP = {"owner", "timezone", "people", "rooms", "pools"}
_KEYS = {
    "people": {"email", "name", "timezone", "busy", "events", "answers", "answers_after", "shares"},
    "rooms": {
        "email",
        "name",
        "timezone",
        "busy",
        "events",
        "answers",
        "answers_after",
        "shares",
        "capacity",
    },
}
_ROLES = {"nothing": None, "free/busy": "freeBusyReader", "details": "reader"}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_BUSY = re.compile(r"(\S+) (\d\d):(\d\d)-(\d\d):(\d\d)")
_LENGTH = re.compile(r"(\d+)(s|m)")
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Inhabitant:
    """A person or a room."""

    key: str  # its name in the file
    email: str
    name: str
    timezone: str
    answering: Answering
    shares: Mapping[str, str | None]  # roles by the name of who has them; "" stands for everybody else
    busy: tuple[Json, ...] = ()  # events
    events: Path | None = None
    is_room: bool = False
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class World:
    """What a file describes."""

    owner: str  # address of the account that consents
    timezone: str
    inhabitants: tuple[Inhabitant, ...] = ()
    pools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # names in the file

    @property
    def people(self) -> tuple[Inhabitant, ...]:
        """Those who are no rooms."""
        return tuple(each for each in self.inhabitants if not each.is_room)

    @property
    def rooms(self) -> tuple[Inhabitant, ...]:
        """The rooms."""
        return tuple(each for each in self.inhabitants if each.is_room)


def read(path: Path, *, owner: str, timezone: str, now: datetime) -> World:
    """Read a world. `owner` and `timezone`: of a file that names none; `now`: what `today` is reckoned from.

    Raises:
        ValueError: the file is not TOML, or does not describe a world; the message has all problems.
        OSError: the file, or one that it names, cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("expected a file of at most 1 MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("expected UTF-8 text") from None
    return read_text(text, owner=owner, timezone=timezone, now=now, folder=path.parent)


def read_text(text: str, *, owner: str, timezone: str, now: datetime, folder: Path = Path()) -> World:
    """Read a world from the text of such a file. `folder`: of the files that it names. Raises: ValueError."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not TOML: {error}") from None
    reader = _WorldReader(folder, default_zone=timezone, now=now)
    world = reader.world(document, owner=owner)
    if reader.problems:
        raise ValueError("; ".join(reader.problems))
    return world


def settle_in(world: World, model: Model, replies: Replies) -> None:
    """Make the accounts of a world, with their calendars, and the roles they have on each other's.

    Raises:
        ValueError: a file of events cannot be read as such; the message names it.
        OSError: it cannot be read at all.
    """
    for each in world.inhabitants:
        user = model.users.get(each.email) or model.add_user(
            each.email, name=each.name, timezone=each.timezone
        )
        user.name, user.timezone = each.name, each.timezone
        calendar = model.calendars[each.email]
        calendar.summary, calendar.timezone = (
            (each.name, each.timezone) if each.is_room else (each.email, each.timezone)
        )
        for body in each.busy:
            loading.place(model, calendar, body)
        if each.events:
            loading.load(model, calendar, path=each.events)
        replies.have(each.email, each.answering)
    addresses = {each.key: each.email for each in world.inhabitants}
    everybody = {world.owner, *addresses.values()}
    for each in world.inhabitants:
        _share(model.calendars[each.email], each, addresses=addresses, everybody=everybody)


def config_tables(world: World) -> str:
    """The people, rooms and pools as tables of portalcal's configuration; the owner needs none."""
    tables = [
        _table_of("rooms" if each.is_room else "people", each)
        for each in (*world.people, *world.rooms)
        if each.email != world.owner
    ]
    if world.pools:
        # JSON's texts and lists are TOML's.
        lines = [f"{_key(pool)} = {json.dumps(members)}" for pool, members in world.pools.items()]
        tables.append("\n".join(["[pools]", *lines, ""]))
    return "\n".join(tables)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _table_of(kind: str, one: Inhabitant) -> str:
    lines = [f"[{kind}.{_key(one.key)}]", f"email = {json.dumps(one.email)}"]
    if not one.is_room:
        lines += [
            f"name = {json.dumps(one.name, ensure_ascii=False)}",
            f"timezone = {json.dumps(one.timezone)}",
        ]
    elif one.capacity:
        lines.append(f"capacity = {one.capacity}")
    return "\n".join(lines) + "\n"


def _share(
    calendar: StoredCalendar, one: Inhabitant, *, addresses: Mapping[str, str], everybody: set[str]
) -> None:
    named = {addresses[key]: role for key, role in one.shares.items() if key}
    for email in everybody - {one.email}:
        role = named.get(email, one.shares.get(""))
        if role is None:
            calendar.roles.pop(email, None)
        else:
            calendar.roles[email] = role


class _WorldReader:
    """Reads the tables of a file, and collects its problems."""

    def __init__(self, folder: Path, *, default_zone: str, now: datetime) -> None:
        self.problems: list[str] = []
        self._folder = folder
        self._zone = default_zone
        self._now = now

    def world(self, document: Json, *, owner: str) -> World:
        self._check_keys(document, _TOP, "")
        self._zone = self._timezone(document, "", default=self._zone)
        entries = [
            (kind, key, table)
            for kind in ("people", "rooms")
            for key, table in self._table(document, kind).items()
        ]
        names = {key for _, key, _ in entries}
        inhabitants = [self._inhabitant(kind, key, table, names=names) for kind, key, table in entries]
        self._check_addresses(inhabitants)
        address = self._owner(document, inhabitants, default=owner)
        return World(address, self._zone, tuple(inhabitants), self._pools(document, names))

    def _owner(self, document: Json, inhabitants: list[Inhabitant], *, default: str) -> str:
        """The owner's address, which may be written as the name of a person."""
        owner = self._text(document, "owner", "", default=default)
        address = {each.key: each.email for each in inhabitants if not each.is_room}.get(owner, owner.lower())
        if not _is_address(address):
            self.problems.append("owner: expected an e-mail address, or the name of a person")
        return address

    def _pools(self, document: Json, names: set[str]) -> dict[str, tuple[str, ...]]:
        pools = {}
        for pool, members in self._table(document, "pools").items():
            if not isinstance(members, list) or not all(isinstance(each, str) for each in members):
                self.problems.append(f"pools.{pool}: expected a list of names")
                continue
            self.problems += [
                f"pools.{pool}: there is nobody called {each}" for each in members if each not in names
            ]
            pools[pool] = tuple(members)
        return pools

    def _table(self, values: Json, key: str) -> Json:
        table = values.get(key, {})
        if isinstance(table, dict):
            return table
        self.problems.append(f"{key}: expected a table")
        return {}

    def _check_keys(self, table: Json, known: set[str], where: str) -> None:
        self.problems += [f"{where}{key}: there is no such key" for key in table if key not in known]

    def _check_addresses(self, inhabitants: list[Inhabitant]) -> None:
        seen: dict[str, str] = {}
        for each in inhabitants:
            if each.email and seen.setdefault(each.email, each.key) != each.key:
                self.problems.append(f"{each.key}: {seen[each.email]} has that address already")

    def _inhabitant(self, kind: str, key: str, table: object, *, names: set[str]) -> Inhabitant:
        where = f"{kind}.{key}."
        if not isinstance(table, dict):
            self.problems.append(f"{kind}.{key}: expected a table")
            table = {}
        self._check_keys(table, _KEYS[kind], where)
        email = self._text(table, "email", where, default="").lower()
        if not _is_address(email):
            self.problems.append(f"{where}email: expected an e-mail address")
        zone = self._timezone(table, where, default=self._zone)
        events = self._text(table, "events", where, default="")
        return Inhabitant(
            key=key,
            email=email,
            name=self._text(table, "name", where, default=key.capitalize()),
            timezone=zone,
            answering=self._answering(
                table, where, default=Habit.IF_FREE if kind == "rooms" else Habit.IGNORES
            ),
            shares=self._shares(table, where, names=names),
            busy=tuple(self._busy(table, where, zone)),
            events=self._folder / events if events else None,
            is_room=kind == "rooms",
            capacity=self._capacity(table, where),
        )

    def _text(self, table: Json, key: str, where: str, *, default: str) -> str:
        value = table.get(key, default)
        if isinstance(value, str):
            return value
        self.problems.append(f"{where}{key}: expected text in quotes")
        return default

    def _timezone(self, table: Json, where: str, *, default: str) -> str:
        name = self._text(table, "timezone", where, default=default)
        try:
            instants.zone(name)
        except ValueError:
            self.problems.append(f"{where}timezone: there is no zone {name}")
            return default
        return name

    def _capacity(self, table: Json, where: str) -> int | None:
        seats = table.get("capacity")
        if seats is None or (isinstance(seats, int) and not isinstance(seats, bool) and seats > 0):
            return seats
        self.problems.append(f"{where}capacity: expected a number of seats")
        return None

    def _answering(self, table: Json, where: str, *, default: Habit) -> Answering:
        answers = self._text(table, "answers", where, default=default)
        if answers not in set(Habit):
            self.problems.append(f"{where}answers: expected one of {', '.join(Habit)}")
            answers = default
        after = self._text(table, "answers_after", where, default="0s")
        length = _LENGTH.fullmatch(after)
        if length is None:
            self.problems.append(f'{where}answers_after: expected a length like "2s" or "5m"')
            return Answering(Habit(answers))
        return Answering(Habit(answers), int(length[1]) * timedelta(seconds=1 if length[2] == "s" else 60))

    def _shares(self, table: Json, where: str, *, names: set[str]) -> dict[str, str | None]:
        written = table.get("shares", "free/busy")
        shares = written if isinstance(written, dict) else {"": written}
        expected = f"expected one of {', '.join(_ROLES)}"
        for name, share in shares.items():
            if name and name not in names:
                self.problems.append(f"{where}shares: there is nobody called {name}")
            if not isinstance(share, str) or share not in _ROLES:
                self.problems.append(f"{where}shares: {expected}")
        return {name: _ROLES.get(str(share)) for name, share in shares.items() if not name or name in names}

    def _busy(self, table: Json, where: str, zone: str) -> Iterator[Json]:
        """Events for the times that are taken."""
        written = table.get("busy", [])
        if not isinstance(written, list):
            self.problems.append(f"{where}busy: expected a list of times")
            return
        for text in written:
            match = _BUSY.fullmatch(text) if isinstance(text, str) else None
            day = self._first_day(match[1], zone) if match else None
            if match is None or day is None:
                self.problems.append(f'{where}busy: expected times like "mon 09:00-10:00", found {text!r}')
                continue
            try:
                yield _event(day, match, zone)
            except ValueError:
                self.problems.append(f"{where}busy: {text!r} is no time of a day")

    def _first_day(self, word: str, zone: str) -> date | None:
        """The day; of a weekday that of the present week, from which it is repeated. None: not understood."""
        today = self._now.astimezone(instants.zone(zone)).date()
        if word in {"today", "tomorrow"}:
            return today + timedelta(days=word == "tomorrow")
        if word in {*_DAYS, "weekdays"}:
            weekday = 0 if word == "weekdays" else _DAYS.index(word)
            monday = today - timedelta(days=today.weekday())
            return monday + timedelta(days=weekday)
        try:
            return date.fromisoformat(word)
        except ValueError:
            return None


def _is_address(text: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+", text) is not None


def _event(day: date, match: re.Match[str], zone: str) -> dict[str, Any]:
    """An event at that time of a day, repeated where the text names weekdays. Raises: ValueError (no such time)."""
    start, end = time(int(match[2]), int(match[3])), time(int(match[4]), int(match[5]))
    if end <= start:
        raise ValueError("the end comes first")
    days = {"weekdays": "MO,TU,WE,TH,FR"} | {name: name[:2].upper() for name in _DAYS}
    rule = {"recurrence": [f"RRULE:FREQ=WEEKLY;BYDAY={days[match[1]]}"]} if match[1] in days else {}
    return {
        "summary": "Busy",
        "start": {"dateTime": f"{day}T{start}", "timeZone": zone},
        "end": {"dateTime": f"{day}T{end}", "timeZone": zone},
    } | rule
