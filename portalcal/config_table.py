"""TOML tables in layers, of which the first that has a key decides, with what is wrong in them noted by key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple, TypeVar

from portalcal.core.instants import DURATION_FORMS, ONE_DAY, read_duration
from portalcal.core.schedule import WEEKDAYS
from portalcal.errors import Problem, did_you_mean

_RULES = (
    "duration", "step", "buffer_before", "buffer_after", "notice", "horizon", "max_per_day", "max_per_week", "align",
)  # fmt: skip
KEYS: dict[str, tuple[str, ...]] = {
    "": ("timezone", "google", "calendars", "schedule", "rules", "links", "ledger", "vault", "workspace"),
    "google": ("client_secrets", "api_root", "revoke_uri", "service_account", "subject"),
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

_Value = TypeVar("_Value")


class Layer(NamedTuple):
    """One TOML table under its dotted name."""

    name: str
    values: Mapping[str, object]

    def dotted(self, key: str) -> str:
        """The key with the table it stands in."""
        return f"{self.name}.{key}" if self.name else key


class Table:
    """The same table in several layers, the first that has a key decides; notes what is wrong with values."""

    def __init__(self, layers: Iterable[Layer], problems: list[Problem]) -> None:
        self.layers = tuple(layers)
        self.problems = problems

    def note(self, layer: Layer, key: str, *, expected: str) -> None:
        """Put one problem on record; the same one, met again through another table, only once."""
        problem = Problem(layer.dotted(key), as_written(layer.values[key]), expected)
        if problem not in self.problems:
            self.problems.append(problem)

    def holder(self, key: str) -> Layer | None:
        """The layer that decides a key."""
        return next((layer for layer in self.layers if key in layer.values), None)

    def check_keys(self, kind: str) -> None:
        """Note every key that the contract does not have."""
        for layer in self.layers:
            for key in layer.values:
                if key not in KEYS[kind]:
                    near = did_you_mean(key, KEYS[kind])
                    self.note(layer, key, expected=f"there is no such key{near}")

    def table(self, key: str) -> Table:
        """The sub-tables of that name, in the same order of layers."""
        found = []
        for layer in self.layers:
            values = layer.values.get(key, {})
            if isinstance(values, dict):
                found.append(Layer(layer.dotted(key), values))
            else:
                self.note(layer, key, expected="expected a table")
        return Table(found, self.problems)

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


def some_time(text: str) -> timedelta:
    """A duration of more than nothing. Raises: ValueError."""
    length = read_duration(text)
    if not length:
        raise ValueError("expected more than nothing")
    return length


def whole_days(text: str) -> timedelta:
    """A duration of whole days. Raises: ValueError."""
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
    """A value as the file has it, for the message about it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # An address may hold a password, and errors end up in tickets.
        return f'"{_without_password(value)}"'
    if isinstance(value, list):
        return f"[{', '.join(map(as_written, value))}]"
    if isinstance(value, dict):
        return ""
    return str(value)


def _without_password(text: str) -> str:
    return re.sub(r"(?<=password=)[^&\s]+", "…", re.sub(r"://\S*@", "://…@", text))
