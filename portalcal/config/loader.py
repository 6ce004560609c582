"""Load `config.toml` as a Config. All problems are reported at once, each with its key and what was expected.

The file belongs to the user: portalcal never writes it.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from portalcal.config.model import (
    DEFAULT_WEEK,
    SERVERS,
    Config,
    Endpoints,
    HolidaySources,
    Link,
    Pins,
    read_workspace,
    read_zone,
    same_but_for_case,
)
from portalcal.config.people import Directory
from portalcal.config.people_reader import read_directory, read_panel
from portalcal.config.schedule_reader import ScheduleReader, read_schedule
from portalcal.config.toml_reader import Layer, Table, as_written, some_time, whole_days
from portalcal.config.user_files import encoding_of, expand_home
from portalcal.core.calendar_id import split
from portalcal.core.endpoint import read_endpoint
from portalcal.core.schedule import Hours, Schedule
from portalcal.core.slots import Align, Rules
from portalcal.core.time import ONE_DAY, format_duration, read_duration
from portalcal.errors import ConfigInvalid, Problem, did_you_mean


def read(
    path: Path | None, *, workspace: str, machine_zone: Callable[[], ZoneInfo], holidays: HolidaySources
) -> Config:
    """Load the configuration of one workspace; the defaults when `path` is None.

    Raises:
        ConfigInvalid: the file cannot be read, is not TOML, or has values that cannot be used.
    """
    if path is None:
        return Config(None, workspace, Schedule(machine_zone(), DEFAULT_WEEK))
    text, document = read_document(path)
    problems: list[Problem] = []
    hours = partial(read_schedule, holidays=holidays, folder=path.parent)
    config = _build(
        document, path, workspace=workspace, machine_zone=machine_zone, hours=hours, problems=problems
    )
    if problems:
        raise ConfigInvalid(str(path), tuple(problems))
    return config._replace(pins=config.pins._replace(line=_line_of_calendars(text, workspace)))


def read_document(path: Path) -> tuple[str, Mapping[str, object]]:
    """The file as text and as TOML.

    Raises:
        ConfigInvalid: the file cannot be read, or is not TOML.
    """
    try:
        text = read_text(path)
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid(str(path), (_not_toml(str(error)),), _QUOTES) from None
    except UnicodeDecodeError:
        raise ConfigInvalid(str(path), (Problem("", "", "expected UTF-8 text"),)) from None
    except (ValueError, RecursionError) as error:
        # tomllib passes on Python's ValueError for integers of more than 4,300 digits and RecursionError for deep nesting.
        raise ConfigInvalid(str(path), (Problem("", "", _beyond(error)),)) from None
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ConfigInvalid(str(path), (Problem("", "", reason),)) from None


def check(path: Path, *, machine_zone: Callable[[], ZoneInfo], holidays: HolidaySources) -> tuple[str, ...]:
    """Check a file for every workspace that it has a table for, and without one. Returns those workspaces.

    Raises:
        ConfigInvalid: with all problems of all workspaces.
    """
    _, document = read_document(path)
    names = workspaces(path)
    problems: dict[Problem, None] = {}
    hours = partial(read_schedule, holidays=holidays, folder=path.parent)
    for name in ("", *names):
        own: list[Problem] = []
        _build(document, path, workspace=name, machine_zone=machine_zone, hours=hours, problems=own)
        problems |= dict.fromkeys(own)
    if problems:
        raise ConfigInvalid(str(path), tuple(problems))
    return names


def workspaces(path: Path) -> tuple[str, ...]:
    """The workspaces that have a table in the file; none if it cannot be read, an error that `read` raises."""
    try:
        tables = tomllib.loads(read_text(path)).get("workspace")
    # TOMLDecodeError and UnicodeDecodeError are ValueErrors.
    except (OSError, ValueError, RecursionError):
        return ()
    return tuple(tables) if isinstance(tables, dict) else ()


def default_workspace(path: Path) -> str | None:
    """The workspace that the file names for commands that name none; None without one, or if it cannot be read."""
    try:
        name = tomllib.loads(read_text(path)).get("default_workspace")
    # As in `workspaces`; `read` reports a name that is no text.
    except (OSError, ValueError, RecursionError):
        return None
    return name if isinstance(name, str) else None


_LARGEST = 2**20
"""Bytes. A file of a hundred workspaces with ten links each is a third of that."""


def read_text(path: Path) -> str:
    """The file as text. Raises: OSError, ValueError."""
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("expected a file of at most 1 MiB")
    return content.decode(encoding_of(content)).replace("\r\n", "\n")


def _beyond(error: ValueError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "expected lists and tables that are not nested by the hundred"
    return str(error) if "1 MiB" in str(error) else "expected numbers of less than 4,300 digits"


_QUOTES = 'texts stand in quotes, lengths like "30m" too; `portalcal config --example` shows every key'


def _not_toml(message: str) -> Problem:
    """Reword tomllib's message, `Invalid value (at line 3, column 12)`, with the position first."""
    what, _, where = message.partition(" (at ")
    what = what[:1].lower() + what[1:].replace("('", "[").replace("',)", "]").replace("')", "]").replace(
        "', '", "."
    )
    return Problem("", "", f"not TOML at {where.rstrip(')')}: {what.replace('invalid ', 'unexpected ')}")


def _line_of_calendars(text: str, workspace: str) -> int | None:
    """The line of the table of pins: the workspace's own, else the general one."""
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
    hours: ScheduleReader,
    problems: list[Problem],
) -> Config:
    top = Table(workspace_layers(document, workspace, problems), problems)
    top.check_keys("")
    top.read("default_workspace", read_workspace, "")
    schedule = top.table("schedule")
    zone = top.read("timezone", read_zone, None) or machine_zone()
    week = hours(schedule, zone)
    rules_table = top.section("rules")
    rules = _rules(rules_table)
    _check_possible(rules_table, rules, week)
    directory = read_directory(top, zone, hours=hours)
    return Config(
        path=path,
        workspace=workspace,
        schedule=week,
        rules=rules,
        links=_links(
            top, directory, partial(_link, schedule=schedule, rules=rules_table, zone=zone, hours=hours)
        ),
        directory=directory,
        endpoints=_endpoints(top),
        client_secrets=_file(top, "client_secrets", beside=path),
        service_account=_file(top, "service_account", beside=path),
        subject=_subject(top),
        pins=_pins(top),
        names_zone=top.holder("timezone") is not None,
        ledger=top.section("ledger").read("url", read_ledger_url, "sqlite"),
        vault=top.section("vault").read("kind", _vault_kind, "keyring"),
    )


def workspace_layers(document: Mapping[str, object], workspace: str, problems: list[Problem]) -> list[Layer]:
    """The table of the workspace, which overrides the top level."""
    base = Layer("", document)
    tables = Table([base], problems).table("workspace").layers
    for table in tables:
        _check_workspaces(Table([table], problems), {workspace, *table.values})
    own = tables[0].values.get(workspace) if tables else None
    if own is None:
        return [base]
    if not isinstance(own, dict):
        problems.append(Problem(f"workspace.{workspace}", as_written(own), "expected a table"))
        return [base]
    return [Layer(f"workspace.{workspace}", own), base]


def _check_workspaces(table: Table, known: set[str]) -> None:
    """Report workspaces whose name no command accepts, or that differ from another in case only."""
    for layer in table.layers:
        for name in layer.values:
            try:
                read_workspace(name)
            except ValueError as error:
                table.note(layer, name, expected=str(error))
            if other := same_but_for_case(name, known):
                table.note(layer, name, expected=f"differs from {other} in case only")


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
        max_per_day=table.limit("max_per_day"),
        max_per_week=table.limit("max_per_week"),
        align=table.read("align", _align, default.align),
        max_minutes_per_day=table.limit("max_minutes_per_day"),
    )


def _check_possible(table: Table, rules: Rules, schedule: Schedule) -> None:
    """Report rules under which no slot could ever be offered.

    The problem is reported at the key that causes it, so the default duration is not checked.
    """
    lengths = [_minutes(hours) for ranges in schedule.all_hours for hours in ranges]
    layer = table.holder("duration")
    # Ranges that touch merge into one opening, also across midnight, so the sum of all bounds the longest opening.
    if layer and lengths and rules.duration > timedelta(minutes=sum(lengths)):
        table.note(layer, "duration", expected="longer than any opening of the schedule")
    layer = table.holder("notice") or table.holder("horizon")
    if layer and rules.notice > (rules.horizon + 1) * ONE_DAY:
        key = "notice" if "notice" in layer.values else "horizon"
        table.note(layer, key, expected="the horizon ends before the notice does, so nothing could be booked")
    layer = table.holder("max_minutes_per_day")
    if layer and timedelta(0) < timedelta(minutes=rules.max_minutes_per_day) < rules.duration:
        expected = f"one meeting is {format_duration(rules.duration)} long, so nothing could be booked"
        table.note(layer, "max_minutes_per_day", expected=expected)


def _minutes(hours: Hours) -> int:
    return hours.end - hours.start + (1440 if hours.is_overnight else 0)


def _template(text: str) -> str:
    """Check a template: its placeholders are {name}, {email} and {link}."""
    try:
        fields = [each for each in string.Formatter().parse(text) if each[1] is not None]
    except ValueError:
        raise ValueError("expected every { to have its }; a brace itself is written {{ or }}") from None
    for _, name, format_spec, conversion in fields:
        if name in _PLACEHOLDERS and (format_spec or conversion):
            raise ValueError(f"expected {{{name}}} as it stands, with neither : nor ! in it")
        if name not in _PLACEHOLDERS:
            raise ValueError(
                f"there is no placeholder {{{name}}}; there are {{name}}, {{email}} and {{link}}"
            )
    return text


def _links(top: Table, directory: Directory, read_link: Callable[[str, Table], Link]) -> Mapping[str, Link]:
    links = {}
    for name, table in top.table("links").tables():
        links[name] = read_link(name, table)._replace(panel=read_panel(table, directory))
    return MappingProxyType(links)


def _link(
    name: str, table: Table, *, schedule: Table, rules: Table, zone: ZoneInfo, hours: ScheduleReader
) -> Link:
    table.check_keys("links")
    own_hours = table.table("schedule")
    default = Link(name, rules=Rules(), schedule=Schedule(zone))
    layered = Table((*table.layers, *rules.layers), table.problems)
    own_rules = _rules(layered)
    week = hours(Table((*own_hours.layers, *schedule.layers), table.problems), zone)
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
    google = top.section("google")
    default = Endpoints()
    return Endpoints(
        google.read("api_root", _api_root, default.api_root),
        google.read("revoke_uri", lambda text: read_endpoint(text).url, default.revoke_uri),
    )


def _api_root(text: str) -> str:
    """Parse the base URL of the API: paths are appended to it, so it has no query and ends with a slash."""
    address = read_endpoint(text)
    if address.query is not None:
        raise ValueError("expected an address without a query (?)")
    return address.url.rstrip("/") + "/"


def _file(top: Table, key: str, *, beside: Path) -> Path | None:
    written = top.table("google").get(key, str, "")
    return beside.parent / expand_home(written) if written else None


def _subject(top: Table) -> str:
    """The user whom the service account impersonates; required, since its own calendar is of no use."""
    google = top.table("google")
    subject = google.get("subject", str, "").strip()
    key_layer, subject_layer = google.holder("service_account"), google.holder("subject")
    if subject_layer and subject and not re.fullmatch(r"[^@\s]+@[^@\s]+", subject):
        google.note(subject_layer, "subject", expected="expected an e-mail address")
    if key_layer and google.get("service_account", str, "") and not subject:
        google.note(key_layer, "service_account", expected='expected subject = "ana@example.com" beside it')
    return subject


def _pins(top: Table) -> Pins:
    calendars = top.section("calendars")
    conflicts = calendars.texts(
        "conflicts", at_least="expected at least one calendar: with none every time would seem free"
    )
    return Pins(conflicts, calendars.read("booking", _some_calendar, None))


def _some_calendar(text: str) -> str:
    if not text.strip():
        raise ValueError("expected the id of a calendar, or primary")
    if split(text).workspace is not None:
        raise ValueError("expected a calendar of this workspace's own account, without a workspace before it")
    return text


def read_ledger_url(text: str) -> str:
    """Return the url of a ledger. Raises: ValueError, it is none; what it is may be a password, so it is not quoted."""
    beginnings = ("sqlite:///", *SERVERS)
    if text != "sqlite" and not any(text.startswith(each) and text != each for each in beginnings):
        raise ValueError('expected "sqlite", "sqlite:///path" or "postgresql://user@host/database"')
    return text


def _vault_kind(text: str) -> str:
    if text not in {"keyring", "file"}:
        raise ValueError(f'expected "keyring" or "file"{did_you_mean(text, ("keyring", "file"))}')
    return text
