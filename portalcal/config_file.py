"""`config.toml` to a Config. Every problem in the file is reported at once, with its key and what was expected.

The file belongs to people: nothing here, or anywhere in portalcal, writes it.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from portalcal.config import (
    DEFAULT_WEEK,
    SERVERS,
    Config,
    Endpoints,
    Link,
    Pins,
    check_url,
    read_hours,
    read_zone,
)
from portalcal.config_table import Layer, Table, as_written, some_time, whole_days
from portalcal.core.instants import ONE_DAY, read_duration
from portalcal.core.schedule import WEEKDAYS, Hours, Schedule
from portalcal.core.slots import Align, Rules
from portalcal.errors import ConfigInvalid, Problem, did_you_mean


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


def workspaces(path: Path) -> tuple[str, ...]:
    """The workspaces a file has tables for; none where it cannot be read, which `read` then says."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig")).get("workspace")
    # TOMLDecodeError and UnicodeDecodeError are ValueErrors.
    except (OSError, ValueError):
        return ()
    return tuple(tables) if isinstance(tables, dict) else ()


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


_PLACEHOLDERS = ("name", "email", "link")


def _build(
    document: Mapping[str, object],
    path: Path,
    *,
    workspace: str,
    machine_zone: Callable[[], ZoneInfo],
    problems: list[Problem],
) -> Config:
    top = Table(_workspace_layers(document, workspace, problems), problems)
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
        client_secrets=_file(top, "client_secrets", beside=path),
        service_account=_file(top, "service_account", beside=path),
        subject=_subject(top),
        pins=_pins(top),
        ledger=_ledger(top),
        vault=_vault(top),
    )


def _workspace_layers(document: Mapping[str, object], workspace: str, problems: list[Problem]) -> list[Layer]:
    """The workspace's own table over the top level."""
    base = Layer("", document)
    tables = Table([base], problems).table("workspace").layers
    own = tables[0].values.get(workspace) if tables else None
    if own is None:
        return [base]
    if not isinstance(own, dict):
        problems.append(Problem(f"workspace.{workspace}", as_written(own), "expected a table"))
        return [base]
    return [Layer(f"workspace.{workspace}", own), base]


def _schedule(table: Table, zone: ZoneInfo) -> Schedule:
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


def _hours(table: Table, layer: Layer, key: str) -> tuple[Hours, ...]:
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


def _align(text: str) -> Align:
    if text not in set(Align):
        raise ValueError(f'expected "opening" or "hour"{did_you_mean(text, list(Align))}')
    return Align(text)


def _rules(table: Table) -> Rules:
    default = Rules()
    step = table.read("step", some_time, timedelta(0))
    return Rules(
        duration=table.read("duration", some_time, default.duration),
        step=step or None,
        buffer_before=table.read("buffer_before", read_duration, default.buffer_before),
        buffer_after=table.read("buffer_after", read_duration, default.buffer_after),
        notice=table.read("notice", read_duration, default.notice),
        horizon=table.read("horizon", whole_days, default.horizon * ONE_DAY) // ONE_DAY,
        max_per_day=_limit(table, "max_per_day"),
        max_per_week=_limit(table, "max_per_week"),
        align=table.read("align", _align, default.align),
    )


def _check_possible(table: Table, rules: Rules, schedule: Schedule) -> None:
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


def _limit(table: Table, key: str) -> int:
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


def _links(top: Table, *, schedule: Table, rules: Table, zone: ZoneInfo) -> Mapping[str, Link]:
    tables = top.table("links")
    names = dict.fromkeys(name for layer in tables.layers for name in layer.values)
    return MappingProxyType(
        {name: _link(name, tables.table(name), schedule=schedule, rules=rules, zone=zone) for name in names}
    )


def _link(name: str, table: Table, *, schedule: Table, rules: Table, zone: ZoneInfo) -> Link:
    table.check_keys("links")
    own_hours = table.table("schedule")
    own_hours.check_keys("schedule")
    default = Link(name, rules=Rules(), schedule=Schedule(zone))
    layered = Table((*table.layers, *rules.layers), table.problems)
    own_rules, week = (
        _rules(layered),
        _schedule(Table((*own_hours.layers, *schedule.layers), table.problems), zone),
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


def _endpoints(top: Table) -> Endpoints:
    google = top.table("google")
    google.check_keys("google")
    default = Endpoints()
    api_root = google.read("api_root", check_url, default.api_root)
    return Endpoints(api_root.rstrip("/") + "/", google.read("revoke_uri", check_url, default.revoke_uri))


def _file(top: Table, key: str, *, beside: Path) -> Path | None:
    written = top.table("google").get(key, str, "")
    return beside.parent / Path(written).expanduser() if written else None


def _subject(top: Table) -> str:
    """Whom the service account acts for: without one it has no calendar that anybody uses."""
    google = top.table("google")
    subject = google.get("subject", str, "").strip()
    key, said = google.holder("service_account"), google.holder("subject")
    if said and subject and not re.fullmatch(r"[^@\s]+@[^@\s]+", subject):
        google.note(said, "subject", expected="expected an e-mail address")
    if key and google.get("service_account", str, "") and not subject:
        google.note(key, "service_account", expected='expected subject = "ana@example.com" beside it')
    return subject


def _pins(top: Table) -> Pins:
    calendars = top.table("calendars")
    calendars.check_keys("calendars")
    return Pins(calendars.texts("conflicts"), calendars.get("booking", str, "") or None)


def _ledger_url(text: str) -> str:
    beginnings = ("sqlite:///", *SERVERS)
    if text != "sqlite" and not any(text.startswith(each) and text != each for each in beginnings):
        raise ValueError('expected "sqlite", "sqlite:///path" or "postgresql://user@host/database"')
    return text


def _ledger(top: Table) -> str:
    table = top.table("ledger")
    table.check_keys("ledger")
    return table.read("url", _ledger_url, "sqlite")


def _vault_kind(text: str) -> str:
    if text not in {"keyring", "file"}:
        raise ValueError(f'expected "keyring" or "file"{did_you_mean(text, ("keyring", "file"))}')
    return text


def _vault(top: Table) -> str:
    table = top.table("vault")
    table.check_keys("vault")
    return table.read("kind", _vault_kind, "keyring")
