"""Typed reading of layered TOML tables: the first layer that has a key wins, problems are collected by key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple, TypeVar

from portalcal.core.schedule import WEEKDAYS
from portalcal.core.time import DURATION_FORMS, ONE_DAY, read_duration
from portalcal.errors import Problem, did_you_mean

_RULES = (
    "duration", "step", "buffer_before", "buffer_after", "notice", "horizon", "max_per_day", "max_per_week",
    "max_minutes_per_day", "align",
)  # fmt: skip

KEYS: dict[str, tuple[str, ...]] = {
    "": (
        "timezone", "google", "calendars", "schedule", "rules", "links", "people", "rooms", "pools", "ledger", "vault",
        "workspace", "default_workspace",
    ),
    "google": ("client_secrets", "api_root", "revoke_uri", "service_account", "subject"),
    "calendars": ("conflicts", "booking"),
    "schedule": (*WEEKDAYS, "exceptions", "periods", "holidays", "holidays_file", "holidays_open"),
    "periods": ("name", "from", "until", "timezone", *WEEKDAYS),
    "rules": _RULES,
    "links": (
        "title", "location", "meet", "notes", "owner", "with", "need", "optional", "room", "schedule", *_RULES,
    ),
    "people": ("email", "name", "timezone", "max_per_day", "max_per_week", "weight", "since", "schedule"),
    "rooms": ("email", "capacity"),
    "ledger": ("url",),
    "vault": ("kind",),
}  # fmt: skip

_KINDS: dict[type, str] = {
    str: "text in quotes",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
}

_Value = TypeVar("_Value")


def _where_it_belongs(key: str) -> str:
    """The end of a message about a key of another table, or nothing. TOML gives every key to the last table above it."""
    if key in KEYS[""]:
        return f"; {key} belongs above the first [table]"
    tables = [
        kind for kind in ("google", "calendars", "schedule", "rules", "ledger", "vault") if key in KEYS[kind]
    ]
    return f"; {key} belongs under [{tables[0]}]" if tables else ""


class Layer(NamedTuple):
    """One TOML table with its dotted name."""

    name: str
    values: Mapping[str, object]

    def dotted(self, key: str) -> str:
        """The dotted name of a key of this table."""
        return f"{self.name}.{key}" if self.name else key


class Table:
    """A table in several layers, of which the first that has a key wins. Collects problems instead of raising."""

    def __init__(self, layers: Iterable[Layer], problems: list[Problem]) -> None:
        self.layers = tuple(layers)
        self.problems = problems

    def note(self, layer: Layer, key: str, *, expected: str, remedy: str = "") -> None:
        """Record a problem once, even if several tables share the layer. The key may be absent."""
        written = as_written(layer.values[key]) if key in layer.values else ""
        problem = Problem(layer.dotted(key), written, expected, remedy)
        if problem not in self.problems:
            self.problems.append(problem)

    def holder(self, key: str) -> Layer | None:
        """The first layer that has a key."""
        return next((layer for layer in self.layers if key in layer.values), None)

    def check_keys(self, kind: str) -> None:
        """Report every key that is not in KEYS."""
        for layer in self.layers:
            for key in layer.values:
                if key not in KEYS[kind]:
                    near = _where_it_belongs(key) or did_you_mean(key, KEYS[kind])
                    self.note(layer, key, expected=f"there is no such key{near}")

    def table(self, key: str) -> Table:
        """The sub-tables of that name, in the same order of layers."""
        sub_tables = []
        for layer in self.layers:
            values = layer.values.get(key, {})
            if isinstance(values, dict):
                sub_tables.append(Layer(layer.dotted(key), values))
            else:
                self.note(layer, key, expected="expected a table")
        return Table(sub_tables, self.problems)

    def section(self, key: str) -> Table:
        """The sub-tables of that name, their keys checked."""
        section = self.table(key)
        section.check_keys(key)
        return section

    def names(self) -> tuple[str, ...]:
        """The keys of all layers, each once."""
        return tuple(dict.fromkeys(key for layer in self.layers for key in layer.values))

    def tables(self) -> Iterator[tuple[str, Table]]:
        """The sub-tables, each with its name."""
        return ((name, self.table(name)) for name in self.names())

    def get(self, key: str, kind: type[_Value], default: _Value) -> _Value:
        """A value of that type; the default if it is absent or, after a report, of another type."""
        layer = self.holder(key)
        if layer is None:
            return default
        value = layer.values[key]
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        self.note(layer, key, expected=f"expected {_KINDS[kind]}")
        return default

    def read(self, key: str, parse: Callable[[str], _Value], default: _Value) -> _Value:
        """A text value parsed by `parse`, whose ValueError states what was expected; else the default."""
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

    def limit(self, key: str) -> int:
        """A limit, 0 (none) or more; 0 if it is absent or, after a report, of another kind."""
        value = self.get(key, int, 0)
        if value < 0 and (layer := self.holder(key)):
            self.note(layer, key, expected="expected 0 (no limit) or more")
            return 0
        return value

    def texts(self, key: str, *, at_least: str = "") -> tuple[str, ...] | None:
        """A list of texts, or None if the key is absent. An empty list is reported with the text `at_least`, if given."""
        layer = self.holder(key)
        if layer is None:
            return None
        value = layer.values[key]
        if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
            self.note(layer, key, expected="expected a list of texts in quotes")
            return None
        if not value and at_least:
            self.note(layer, key, expected=at_least)
            return None
        return tuple(value)


def some_time(text: str) -> timedelta:
    """Parse a positive duration. Raises: ValueError."""
    length = read_duration(text)
    if not length:
        raise ValueError("expected more than nothing")
    return length


def whole_days(text: str) -> timedelta:
    """Parse a duration of whole days. Raises: ValueError."""
    length = read_duration(text)
    if length % ONE_DAY:
        raise ValueError("expected whole days like 60d")
    return length


def _expected_text(parse: Callable[[str], object]) -> str:
    return (
        f"expected {DURATION_FORMS}, in quotes"
        if parse in {read_duration, some_time, whole_days}
        else "expected text in quotes"
    )


def as_written(value: object) -> str:
    """Format a value as it is written in the file, for messages."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # A URL may contain a password, and error messages end up in tickets.
        return f'"{without_password(value)}"'
    if isinstance(value, list):
        return f"[{', '.join(map(as_written, value))}]"
    if isinstance(value, dict):
        return ""
    # Hexadecimal integers may have any length, but Python formats at most 4,300 decimal digits.
    return str(value) if not isinstance(value, int) or value.bit_length() < 10_000 else "a number"


def without_password(text: str) -> str:
    """A text without the passwords of URLs in it."""
    return re.sub(r"(?<=password=)[^&\s]+", "…", re.sub(r"://\S*@", "://…@", text))
