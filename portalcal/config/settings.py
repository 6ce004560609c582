"""Every key of the configuration with its effective value and where that comes from, for `config --show`.

The keys are those the loader knows (`KEYS`), and whatever else stands in the file; the defaults are those of the
commented example, which a test compares with the model's. Secrets and passwords are left out. Never reads a file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

from portalcal.config.key_lines import key_lines
from portalcal.config.loader import workspace_layers
from portalcal.config.model import Link, Origin, Setting
from portalcal.config.toml_reader import KEYS, Layer, Table, without_password
from portalcal.core.participants import Person, Room
from portalcal.core.schedule import WEEKDAYS

_NAMED: dict[str, type[Link | Person | Room]] = {"links": Link, "people": Person, "rooms": Room}
"""Tables of tables, by the model whose fields have the defaults."""

_TABLES = {*KEYS, "exceptions", "need", "pools", "workspace"}


class SettingsReader:
    """Reads the settings of one workspace from a file that the loader accepted."""

    def __init__(
        self, text: str, document: Mapping[str, object], *, workspace: str, defaults: Mapping[str, object]
    ) -> None:
        self._lines = key_lines(text)
        self._top = Table(workspace_layers(document, workspace, []), [])
        self._example = Table([Layer("", defaults)], [])
        self._prefix = f"workspace.{workspace}."

    def read(self, *, machine_zone: str, zone_variable: str | None) -> Iterator[Setting]:
        """Every setting, in the order of the example. `zone_variable`: what sets this machine's zone, if anything does."""
        for key in KEYS[""]:
            if key == "timezone":
                yield self._zone(machine_zone, zone_variable)
            elif key in _NAMED:
                yield from self._named(key)
            elif key == "schedule":
                yield from self._schedule("schedule", self._top.table(key), self._example.table(key))
            elif key in KEYS:
                yield from self._table(key, KEYS[key], self._top.table(key), self._example.table(key))
            elif key != "workspace":
                yield from self._written_in(key, self._top)

    def _zone(self, machine_zone: str, zone_variable: str | None) -> Setting:
        if layer := self._top.holder("timezone"):
            return self._of("timezone", "timezone", layer)
        origin = Origin.ENVIRONMENT if zone_variable else Origin.DEFAULT
        return Setting("timezone", machine_zone, origin, variable=zone_variable)

    def _named(self, kind: str) -> Iterator[Setting]:
        """The entries of `[links]`, `[people]` or `[rooms]`; links inherit the rules."""
        tables = self._top.table(kind)
        fallback = Table([Layer("", getattr(_NAMED[kind], "_field_defaults", {}))], [])
        for name in dict.fromkeys(name for layer in tables.layers for name in layer.values):
            prefix, own = f"{kind}.{name}", tables.table(name)
            keys = [key for key in KEYS[kind] if key not in KEYS["rules"]]
            yield from self._table(prefix, keys, own, fallback)
            if own.holder("schedule"):
                hours = own.table("schedule")
                yield from self._schedule(f"{prefix}.schedule", hours, Table([], []))
            if kind == "links":
                rules = Table((*own.layers, *self._top.table("rules").layers), [])
                yield from self._table(prefix, KEYS["rules"], rules, self._example.table("rules"))
            elif kind == "people":
                limits = [key for key in KEYS[kind] if key in KEYS["rules"]]
                yield from self._table(prefix, limits, own, fallback)

    def _schedule(self, prefix: str, table: Table, defaults: Table) -> Iterator[Setting]:
        """Hours: once one weekday is named, the others are closed."""
        owner = next((layer for layer in table.layers if any(day in layer.values for day in WEEKDAYS)), None)
        for day in WEEKDAYS:
            if owner and day not in owner.values:
                name = owner.name
                yield Setting(f"{prefix}.{day}", [], Origin.FILE, name, self._lines.get(name))
            elif owner or defaults.holder(day):
                yield from self._table(prefix, [day], Table([owner] if owner else [], []), defaults)
        keys = [key for key in KEYS["schedule"] if key not in WEEKDAYS]
        written = [key for key in keys if table.holder(key) or defaults.layers]
        yield from self._table(prefix, written, table, defaults)

    def _table(
        self, prefix: str, keys: list[str] | tuple[str, ...], table: Table, defaults: Table
    ) -> Iterator[Setting]:
        for key in keys:
            if key in _TABLES:
                if key != "schedule":
                    yield from self._written_in(key, table)
            elif layer := table.holder(key):
                yield self._of(f"{prefix}.{key}", key, layer)
            elif key == "step" and not defaults.holder(key):
                # Without a step, starts are as far apart as meetings are long.
                (duration,) = self._table(prefix, ["duration"], table, defaults)
                yield duration._replace(key=f"{prefix}.{key}")
            else:
                default = defaults.holder(key)
                value = _shown(default.values[key]) if default else None
                yield Setting(f"{prefix}.{key}", value, Origin.DEFAULT)

    def _written_in(self, key: str, table: Table) -> Iterator[Setting]:
        """What stands in a table of any depth; of two layers with one key the first has the say."""
        seen: set[str] = set()
        for layer in table.layers:
            for name, value in _leaves(layer.dotted(key), layer.values.get(key, {})):
                canonical = name.removeprefix(self._prefix)
                if canonical not in seen or "[" in name:
                    seen.add(canonical)
                    yield Setting(canonical, _shown(value), Origin.FILE, name, self._lines.get(name))

    def _of(self, key: str, name: str, layer: Layer) -> Setting:
        written_as = layer.dotted(name)
        return Setting(key, _shown(layer.values[name]), Origin.FILE, written_as, self._lines.get(written_as))


def _leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    """The keys of tables and of arrays of tables, with their dotted names."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        for number, inner in enumerate(value, start=1):
            yield from _leaves(f"{name}[{number}]", inner)
    else:
        yield name, value


def _shown(value: object) -> object:
    """A value without passwords; dates as texts."""
    if isinstance(value, str):
        return without_password(value)
    if isinstance(value, list | tuple):
        return [_shown(each) for each in value]
    if isinstance(value, dict):
        return {key: _shown(inner) for key, inner in value.items()}
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value if isinstance(value, bool | int | float) else None
