"""`config.toml` to a frozen Config. Every problem in the file is reported at once, with its key and what was expected.

The file belongs to people: nothing here, or anywhere in portalcal, writes it.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from portalcal.core.instants import DURATION_FORMS, ONE_DAY, read_duration
from portalcal.core.schedule import WEEKDAYS, Hours, Schedule
from portalcal.core.slots import Align, Rules
from portalcal.errors import ConfigInvalid, LinkNotFound, Problem, did_you_mean

NINE_TO_FIVE = Hours(9 * 60, 17 * 60)
DEFAULT_WEEK = ((NINE_TO_FIVE,),) * 5 + ((), ())

_RANGE = r"(\d\d):([0-5]\d)\s*-\s*(\d\d):([0-5]\d)"


class Endpoints(NamedTuple):
    """Where Google is: https, or http on a loopback address. The OAuth ones come with the client file."""

    api_root: str = "https://www.googleapis.com/calendar/v3/"
    revoke_uri: str = "https://oauth2.googleapis.com/revoke"


class Pins(NamedTuple):
    """Calendars named in the file, which `calendars --select` then leaves alone. None: not pinned."""

    conflicts: tuple[str, ...] | None = None
    booking: str | None = None
    line: int | None = None

    @property
    def any(self) -> bool:
        """Whether the file pins anything."""
        return self.conflicts is not None or self.booking is not None


class Link(NamedTuple):
    """A named kind of meeting. `title` and `notes` may hold {name}, {email} and {link}."""

    name: str
    rules: Rules
    schedule: Schedule
    title: str = "Meeting with {name}"
    location: str = ""
    meet: bool = False
    notes: str = ""


class Config(NamedTuple):
    """Everything the file decides for one workspace. `path` is None when there is no file."""

    path: Path | None
    workspace: str
    schedule: Schedule
    rules: Rules = Rules()
    links: Mapping[str, Link] = MappingProxyType({})
    endpoints: Endpoints = Endpoints()
    client_secrets: Path | None = None
    pins: Pins = Pins()
    ledger: str = "sqlite"
    vault: str = "keyring"

    def link(self, name: str | None) -> Link:
        """The link of that name; without a name, the plain meeting of the workspace's own schedule and rules.

        Raises:
            LinkNotFound: the file has no such link.
        """
        if name is None:
            return Link("", rules=self.rules, schedule=self.schedule)
        if name not in self.links:
            raise LinkNotFound(name, tuple(self.links))
        return self.links[name]


@cache
def zone_names() -> frozenset[str]:
    """Every IANA zone this machine knows."""
    return frozenset(available_timezones())


def read_zone(name: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        ValueError: there is none; the message offers the nearest name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        cities = {each.rsplit("/", 1)[-1]: each for each in sorted(zone_names())}
        by_city = cities.get(name.strip().replace(" ", "_").title())
        near = f"; did you mean {by_city}?" if by_city else did_you_mean(name, zone_names())
        raise ValueError(f"expected an IANA zone like Europe/London{near}") from None


def read_hours(text: str) -> Hours:
    """A range of wall times, `09:00-12:30`; an end at or before the start is on the next day.

    Raises:
        ValueError: it is no such range, or an empty one.
    """
    match = re.fullmatch(_RANGE, text.strip())
    if not match:
        raise ValueError('expected a range like "09:00-12:30"')
    hour, minute, end_hour, end_minute = map(int, match.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if start >= 1440 or end > 1440:
        raise ValueError("expected times from 00:00 to 24:00")
    if start == end:
        raise ValueError("expected an end that differs from the start; all day is 00:00-24:00")
    return Hours(start, end)


def read(path: Path | None, *, workspace: str, machine_zone: Callable[[], ZoneInfo]) -> Config:
    """The configuration of one workspace; the defaults when `path` is None.

    Raises:
        ConfigInvalid: the file is not TOML, or values in it cannot be used; every problem is named.
    """
    if path is None:
        return Config(None, workspace, Schedule(machine_zone(), DEFAULT_WEEK))
    try:
        # "-sig": Windows' Notepad puts a byte order mark before the text.
        text = path.read_text(encoding="utf-8-sig")
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid(str(path), (_not_toml(str(error)),), _QUOTES) from None
    except UnicodeDecodeError:
        raise ConfigInvalid(str(path), (Problem("", "", "expected UTF-8 text"),)) from None
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ConfigInvalid(str(path), (Problem("", "", reason),)) from None
    problems: list[Problem] = []
    config = _build(document, path, workspace=workspace, machine_zone=machine_zone, problems=problems)
    if problems:
        raise ConfigInvalid(str(path), tuple(problems))
    return config._replace(pins=config.pins._replace(line=_line_of_calendars(text, workspace)))


_QUOTES = 'texts stand in quotes, lengths like "30m" too; `config.example.toml` shows every key'


def _not_toml(said: str) -> Problem:
    """What tomllib says, `Invalid value (at line 3, column 12)`, with the place first and in our words."""
    what, _, where = said.partition(" (at ")
    what = what[:1].lower() + what[1:].replace("('", "[").replace("',)", "]").replace("')", "]").replace(
        "', '", "."
    )
    return Problem("", "", f"not TOML at {where.rstrip(')')}: {what.replace('invalid ', 'unexpected ')}")


def _line_of_calendars(text: str, workspace: str) -> int | None:
    """Where the table of the pins begins: the workspace's own if it has one."""
    headers = [re.sub(r"[\s\"']", "", line.partition("#")[0]) for line in text.splitlines()]
    for header in (f"[workspace.{workspace}.calendars]", "[calendars]"):
        if header in headers:
            return headers.index(header) + 1
    return None


_RULES = (
    "duration", "step", "buffer_before", "buffer_after", "notice", "horizon", "max_per_day", "max_per_week", "align",
)  # fmt: skip
KEYS: dict[str, tuple[str, ...]] = {
    "": ("timezone", "google", "calendars", "schedule", "rules", "links", "ledger", "vault", "workspace"),
    "google": ("client_secrets", "api_root", "revoke_uri"),
    "calendars": ("conflicts", "booking"),
    "schedule": (*WEEKDAYS, "exceptions"),
    "rules": _RULES,
    "links": ("title", "location", "meet", "notes", "schedule", *_RULES),
    "ledger": ("url",),
    "vault": ("kind",),
}
_KINDS: dict[type, str] = {
    str: "text in quotes",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
}
_PLACEHOLDERS = ("name", "email", "link")

_Value = TypeVar("_Value")


class _Layer(NamedTuple):
    """One TOML table under its dotted name."""

    name: str
    values: Mapping[str, object]

    def dotted(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key


class _Table:
    """The same table in several layers, the first that has a key decides; notes what is wrong with values."""

    def __init__(self, layers: Iterable[_Layer], problems: list[Problem]) -> None:
        self.layers = tuple(layers)
        self.problems = problems

    def note(self, layer: _Layer, key: str, *, expected: str) -> None:
        """Put one problem on record; the same one, met again through another table, only once."""
        problem = Problem(layer.dotted(key), _as_written(layer.values[key]), expected)
        if problem not in self.problems:
            self.problems.append(problem)

    def holder(self, key: str) -> _Layer | None:
        """The layer that decides a key."""
        return next((layer for layer in self.layers if key in layer.values), None)

    def check_keys(self, kind: str) -> None:
        """Note every key that the contract does not have."""
        for layer in self.layers:
            for key in layer.values:
                if key not in KEYS[kind]:
                    near = did_you_mean(key, KEYS[kind])
                    self.note(layer, key, expected=f"there is no such key{near}")

    def table(self, key: str) -> _Table:
        """The sub-tables of that name, in the same order of layers."""
        found = []
        for layer in self.layers:
            values = layer.values.get(key, {})
            if isinstance(values, dict):
                found.append(_Layer(layer.dotted(key), values))
            else:
                self.note(layer, key, expected="expected a table")
        return _Table(found, self.problems)

    def get(self, key: str, kind: type[_Value], default: _Value) -> _Value:
        """A value of exactly that type, or the default when it is absent or of another type."""
        layer = self.holder(key)
        if layer is None:
            return default
        value = layer.values[key]
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        self.note(layer, key, expected=f"expected {_KINDS[kind]}")
        return default

    def read(self, key: str, parse: Callable[[str], _Value], default: _Value) -> _Value:
        """A text value through `parse`, whose ValueError says what was expected."""
        layer = self.holder(key)
        if layer is None:
            return default
        value = layer.values[key]
        if not isinstance(value, str):
            self.note(layer, key, expected=_expected_text(parse))
            return default
        try:
            return parse(value)
        except ValueError as error:
            self.note(layer, key, expected=str(error))
            return default

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, or None when the key is absent."""
        layer = self.holder(key)
        if layer is None:
            return None
        value = layer.values[key]
        if isinstance(value, list) and all(isinstance(each, str) and each for each in value):
            return tuple(value)
        self.note(layer, key, expected="expected a list of texts in quotes")
        return None


def _expected_text(parse: Callable[[str], object]) -> str:
    return (
        f"expected {DURATION_FORMS}, in quotes"
        if parse in {read_duration, _some, _days}
        else "expected text in quotes"
    )


def _as_written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # An address may hold a password, and errors end up in tickets.
        return f'"{re.sub("://[^/@]*@", "://…@", value)}"'
    if isinstance(value, list):
        return f"[{', '.join(map(_as_written, value))}]"
    if isinstance(value, dict):
        return ""
    return str(value)


def _build(
    document: Mapping[str, object],
    path: Path,
    *,
    workspace: str,
    machine_zone: Callable[[], ZoneInfo],
    problems: list[Problem],
) -> Config:
    top = _Table(_workspace_layers(document, workspace, problems), problems)
    top.check_keys("")
    schedule = top.table("schedule")
    schedule.check_keys("schedule")
    zone = top.read("timezone", read_zone, None) or machine_zone()
    week = _schedule(schedule, zone)
    rules_table = top.table("rules")
    rules_table.check_keys("rules")
    rules = _rules(rules_table)
    _check_possible(rules_table, rules, week)
    return Config(
        path=path,
        workspace=workspace,
        schedule=week,
        rules=rules,
        links=_links(top, schedule=schedule, rules=rules_table, zone=zone),
        endpoints=_endpoints(top),
        client_secrets=_client_secrets(top, path),
        pins=_pins(top),
        ledger=_ledger(top),
        vault=_vault(top),
    )


def _workspace_layers(
    document: Mapping[str, object], workspace: str, problems: list[Problem]
) -> list[_Layer]:
    """The workspace's own table over the top level."""
    base = _Layer("", document)
    tables = _Table([base], problems).table("workspace").layers
    own = tables[0].values.get(workspace) if tables else None
    if own is None:
        return [base]
    if not isinstance(own, dict):
        problems.append(Problem(f"workspace.{workspace}", _as_written(own), "expected a table"))
        return [base]
    return [_Layer(f"workspace.{workspace}", own), base]


def _schedule(table: _Table, zone: ZoneInfo) -> Schedule:
    """The week of the first layer that has a weekday, as a whole; the exceptions of all layers, by date."""
    owner = next((layer for layer in table.layers if any(day in layer.values for day in WEEKDAYS)), None)
    weekly = tuple(_hours(table, owner, day) for day in WEEKDAYS) if owner else DEFAULT_WEEK
    dated: dict[date, tuple[Hours, ...]] = {}
    exceptions = table.table("exceptions")
    for layer in reversed(exceptions.layers):
        for key in layer.values:
            try:
                dated[date.fromisoformat(key)] = _hours(exceptions, layer, key)
            except ValueError:
                exceptions.note(layer, key, expected="expected a date like 2026-12-25 as the key")
    return Schedule(zone, weekly, MappingProxyType(dated))


def _hours(table: _Table, layer: _Layer, key: str) -> tuple[Hours, ...]:
    written = layer.values.get(key, [])
    if not isinstance(written, list) or not all(isinstance(each, str) for each in written):
        table.note(layer, key, expected='expected a list of ranges like ["09:00-12:30"]')
        return ()
    found = []
    for each in written:
        try:
            found.append(read_hours(each))
        except ValueError as error:
            table.note(layer, key, expected=f'"{each}": {error}')
    return tuple(found)


def _some(text: str) -> timedelta:
    length = read_duration(text)
    if not length:
        raise ValueError("expected more than nothing")
    return length


def _days(text: str) -> timedelta:
    length = read_duration(text)
    if length % ONE_DAY:
        raise ValueError("expected whole days like 60d")
    return length


def _align(text: str) -> Align:
    if text not in set(Align):
        raise ValueError(f'expected "opening" or "hour"{did_you_mean(text, list(Align))}')
    return Align(text)


def _rules(table: _Table) -> Rules:
    default = Rules()
    step = table.read("step", _some, timedelta(0))
    return Rules(
        duration=table.read("duration", _some, default.duration),
        step=step or None,
        buffer_before=table.read("buffer_before", read_duration, default.buffer_before),
        buffer_after=table.read("buffer_after", read_duration, default.buffer_after),
        notice=table.read("notice", read_duration, default.notice),
        horizon=table.read("horizon", _days, default.horizon * ONE_DAY) // ONE_DAY,
        max_per_day=_limit(table, "max_per_day"),
        max_per_week=_limit(table, "max_per_week"),
        align=table.read("align", _align, default.align),
    )


def _check_possible(table: _Table, rules: Rules, schedule: Schedule) -> None:
    """Rules under which nothing could ever be booked are a mistake in the file, not an empty calendar.

    What is wrong is noted at the key that says so; a duration nobody wrote fits any opening worth the name.
    """
    lengths = [_minutes(each) for day in (*schedule.weekly, *schedule.exceptions.values()) for each in day]
    layer = table.holder("duration")
    # Ranges that touch are one opening, over midnight too, so that only their sum bounds how long one can be.
    if layer and lengths and rules.duration > timedelta(minutes=sum(lengths)):
        table.note(layer, "duration", expected="longer than any opening of the schedule")
    layer = table.holder("notice") or table.holder("horizon")
    if layer and rules.notice > (rules.horizon + 1) * ONE_DAY:
        key = "notice" if "notice" in layer.values else "horizon"
        table.note(layer, key, expected="the horizon ends before the notice does, so nothing could be booked")


def _minutes(hours: Hours) -> int:
    return hours.end - hours.start + (1440 if hours.is_overnight else 0)


def _limit(table: _Table, key: str) -> int:
    value = table.get(key, int, 0)
    if value < 0 and (layer := table.holder(key)):
        table.note(layer, key, expected="expected 0 (no limit) or more")
    return value


def _template(text: str) -> str:
    """Text with {name}, {email} and {link} in it, and no other placeholder."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    except ValueError:
        raise ValueError("expected every { to have its }; a brace itself is written {{ or }}") from None
    for name in names:
        if name not in _PLACEHOLDERS:
            raise ValueError(
                f"there is no placeholder {{{name}}}; there are {{name}}, {{email}} and {{link}}"
            )
    return text


def _links(top: _Table, *, schedule: _Table, rules: _Table, zone: ZoneInfo) -> Mapping[str, Link]:
    tables = top.table("links")
    names = dict.fromkeys(name for layer in tables.layers for name in layer.values)
    return MappingProxyType(
        {name: _link(name, tables.table(name), schedule=schedule, rules=rules, zone=zone) for name in names}
    )


def _link(name: str, table: _Table, *, schedule: _Table, rules: _Table, zone: ZoneInfo) -> Link:
    table.check_keys("links")
    own_hours = table.table("schedule")
    own_hours.check_keys("schedule")
    default = Link(name, rules=Rules(), schedule=Schedule(zone))
    layered = _Table((*table.layers, *rules.layers), table.problems)
    own_rules, week = (
        _rules(layered),
        _schedule(_Table((*own_hours.layers, *schedule.layers), table.problems), zone),
    )
    _check_possible(layered, own_rules, week)
    return Link(
        name,
        rules=own_rules,
        schedule=week,
        title=table.read("title", _template, default.title),
        location=table.get("location", str, default.location),
        meet=table.get("meet", bool, default.meet),
        notes=table.read("notes", _template, default.notes),
    )


def check_url(url: str) -> str:
    """An address of Google's: https, or http on a loopback address (the simulator's).

    Raises:
        ValueError: any other scheme or host.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        # An address in brackets that is none.
        parts = urlsplit("")
    is_local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_local)):
        raise ValueError("expected an https:// address (http:// only on 127.0.0.1)")
    return url


def _endpoints(top: _Table) -> Endpoints:
    google = top.table("google")
    google.check_keys("google")
    default = Endpoints()
    api_root = google.read("api_root", check_url, default.api_root)
    return Endpoints(api_root.rstrip("/") + "/", google.read("revoke_uri", check_url, default.revoke_uri))


def _client_secrets(top: _Table, path: Path) -> Path | None:
    written = top.table("google").get("client_secrets", str, "")
    return path.parent / Path(written).expanduser() if written else None


def _pins(top: _Table) -> Pins:
    calendars = top.table("calendars")
    calendars.check_keys("calendars")
    return Pins(calendars.texts("conflicts"), calendars.get("booking", str, "") or None)


def _ledger_url(text: str) -> str:
    if text != "sqlite" and not (text.startswith("sqlite:///") and text.removeprefix("sqlite:///")):
        raise ValueError('expected "sqlite" or "sqlite:///path"')
    return text


def _ledger(top: _Table) -> str:
    table = top.table("ledger")
    table.check_keys("ledger")
    return table.read("url", _ledger_url, "sqlite")


def _vault_kind(text: str) -> str:
    if text != "keyring":
        raise ValueError('expected "keyring"')
    return text


def _vault(top: _Table) -> str:
    table = top.table("vault")
    table.check_keys("vault")
    return table.read("kind", _vault_kind, "keyring")
