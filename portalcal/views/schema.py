"""The JSON Schema of results, errors and warnings, made from the types that the views and the errors are made of.

Nothing here names a key of a result: those stand in `json_types`, which mypy holds the views to. Keys are added within a
version, so objects may have more than the schema says. https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, NotRequired, get_args, get_origin, get_type_hints

from portalcal.errors import PortalcalError
from portalcal.facts import Facts
from portalcal.views import json as views
from portalcal.views import json_types
from portalcal.warnings import PortalcalWarning

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

RESULTS: Mapping[str, Sequence[Callable[..., object]]] = {
    "connect": [views.connected],
    "disconnect": [views.disconnected],
    "status": [views.diagnosis, views.diagnoses],
    "calendars": [views.choice, views.overlaps],
    "availability": [views.availability, views.explanation, views.explained_day],
    "book": [views.booked],
    "reschedule": [views.rescheduled],
    "people": [views.people],
    "reassign": [views.reassigned],
    "cancel": [views.cancelled],
    "offer": [views.offered],
    "offers": [views.offers],
    "bookings": [views.bookings],
    "history": [views.history, views.pruned],
    "changes": [views.changes],
    "sync": [views.synced],
    "config": [views.config_place, views.config_example, views.config_shown, views.config_checked],
    "ledger": [
        views.ledger_place,
        views.ledger_checked,
        views.ledger_backed_up,
        views.ledger_copied,
        views.ledger_grants,
    ],
    "schema": [views.schema],
    "simulator": [views.simulation],
}
"""The functions that make the results of each command that has `--json`."""

_PLAIN: dict[object, Schema] = {
    NoneType: {"type": "null"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    object: {},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    # In whole minutes.
    timedelta: {"type": "integer"},
}


def schema(command: str | None = None) -> Schema:
    """The schema of what a command writes: an object on stdout, or on failure one on stderr. None: of all commands."""
    makes = _Definitions()
    commands = [command] if command else list(RESULTS)
    answers = [makes.result(name) for name in commands]
    failure = makes.failure(command)
    return {
        "$schema": DIALECT,
        "title": f"portalcal {command or 'COMMAND'} --json",
        "description": "One object on stdout; on failure stdout stays empty, and stderr has one.",
        "anyOf": [*answers, failure],
        "$defs": makes.definitions,
    }


class _Definitions:
    """Makes schemas of types; those with a name are defined once."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def result(self, command: str) -> Schema:
        """The envelope of a result."""
        kinds = [_returned_by(view) for view in RESULTS[command]]
        own: dict[str, Schema] = {
            "portalcal": {"const": views.VERSION},
            "command": {"const": command},
            "result": _any_of([self._of_type(kind) for kind in kinds]),
            "warnings": {
                "type": "array",
                "items": self._by_code("warning", json_types.WarningJson, PortalcalWarning),
            },
        }
        return self._define(f"{command}.result", json_types.ResultEnvelopeJson, own)

    def failure(self, command: str | None) -> Schema:
        """The envelope of an error."""
        own: dict[str, Schema] = {
            "portalcal": {"const": views.VERSION},
            "command": {"const": command} if command else {"type": "string"},
            "error": self._by_code("error", json_types.ErrorJson, PortalcalError),
        }
        return self._define("failure", json_types.ErrorEnvelopeJson, own)

    def _by_code(self, name: str, body: Any, parent: type[Facts]) -> Schema:
        """Any error or warning: what it is, by its code."""
        by_code: dict[str, list[type[Facts]]] = {}
        for kind in _with_a_code(parent):
            by_code.setdefault(kind.code, []).append(kind)
        self.definitions[name] = _any_of(
            [self._of_code(f"{name}.{code}", body, kinds) for code, kinds in by_code.items()]
        )
        return _reference(name)

    def _of_code(self, name: str, body: Any, kinds: list[type[Facts]]) -> Schema:
        first = kinds[0]
        own = {"code": {"const": first.code}, "details": _any_of([self._facts(each) for each in kinds])}
        if issubclass(first, PortalcalError):
            own["exit"] = {"const": int(first.exit)}
            own["retryable"] = {"type": "boolean"} if first.retryable_varies else {"const": first.retryable}
        return self._define(name, body, own, description=" ".join(map(_summary, kinds)))

    def _facts(self, kind: type[Facts]) -> Schema:
        """The facts of an error or a warning; of an error also the workspace that failed, if not the command's."""
        hints = get_type_hints(kind, include_extras=True)
        schema = self._object({name: hints[name] for name in kind.fact_names()})
        properties = schema["properties"]
        if issubclass(kind, PortalcalError) and isinstance(properties, dict):
            properties.setdefault("workspace", {"type": "string"})
        return schema

    def _of_type(self, kind: Any) -> Schema:
        if kind in _PLAIN:
            return _PLAIN[kind]
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return self._annotated(arguments[0], arguments[1])
        if origin is NotRequired:
            return self._of_type(arguments[0])
        if origin in {typing.Union, UnionType}:
            return _any_of([self._of_type(each) for each in arguments])
        if origin in {list, tuple, frozenset, set, Sequence}:
            return {"type": "array", "items": self._of_type(arguments[0])}
        if origin in {dict, Mapping}:
            return {"type": "object", "additionalProperties": self._of_type(arguments[1])}
        if isinstance(kind, type) and issubclass(kind, Enum):
            return {"enum": [each.value for each in kind]}
        if typing.is_typeddict(kind) or hasattr(kind, "_fields") or hasattr(kind, "__dataclass_fields__"):
            return self._record(kind)
        raise TypeError(f"{kind} has no JSON")

    def _annotated(self, kind: object, meaning: object) -> Schema:
        schema = self._of_type(kind)
        if isinstance(meaning, json_types.Format):
            return {**schema, "format": meaning.name}
        if isinstance(meaning, json_types.OneOf):
            return {**schema, "enum": list(meaning.values)}
        if isinstance(meaning, type) and issubclass(meaning, Enum):
            values = [each.value for each in meaning]
            if schema["type"] == "object":
                return self._object(dict.fromkeys(values, get_args(kind)[1]))
            return {**schema, "enum": values}
        raise TypeError(f"{meaning} says nothing of JSON")

    def _record(self, kind: Any) -> Schema:
        name = kind.__name__.removesuffix("Json")
        if name not in self.definitions:
            # Its place first: a record may hold others of its kind.
            self.definitions[name] = {}
            self._define(name, kind, {})
        return _reference(name)

    def _define(
        self, name: str, kind: Any, own: Mapping[str, Schema], *, description: str | None = None
    ) -> Schema:
        """Define a record under a name; `own` are keys of which more is known than their types."""
        hints = get_type_hints(kind, include_extras=True)
        self.definitions[name] = {
            "description": description or cleandoc(kind.__doc__ or ""),
            "type": "object",
            "properties": {
                key: own[key] if key in own else self._of_type(hint) for key, hint in hints.items()
            },
            "required": [key for key, hint in hints.items() if get_origin(hint) is not NotRequired],
        }
        return _reference(name)

    def _object(self, hints: Mapping[str, Any]) -> Schema:
        return {
            "type": "object",
            "properties": {name: self._of_type(hint) for name, hint in hints.items()},
            "required": list(hints),
        }


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _any_of(schemas: list[Schema]) -> Schema:
    unique = [each for n, each in enumerate(schemas) if each not in schemas[:n]]
    if len(unique) == 1:
        return unique[0]
    if all(each.keys() == {"type"} for each in unique):
        return {"type": [each["type"] for each in unique]}
    return {"anyOf": unique}


def _returned_by(view: Callable[..., object]) -> Any:
    """The type that a view returns, which its module imports for mypy alone."""
    return get_type_hints(view, {**vars(views), "types": json_types}, include_extras=True)["return"]


def _with_a_code(parent: type[Facts]) -> Iterator[type[Facts]]:
    """The classes that can be met. One of an application that embeds portalcal, or of a test, is none of ours."""
    for kind in parent.__subclasses__():
        if hasattr(kind, "code") and kind.__module__.startswith("portalcal.") and not _only_gathers(kind):
            yield kind
        yield from _with_a_code(kind)


def _only_gathers(kind: type[Facts]) -> bool:
    """Whether a class has no sentence of its own, and only others have."""
    return not hasattr(kind, "says") and kind.sentence is Facts.sentence


def _summary(kind: type[Facts]) -> str:
    return cleandoc(kind.__doc__ or "").partition("\n")[0]
