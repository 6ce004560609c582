"""Holds every request and answer against calendar.v3.json, as google-api-python-client ships it.

Methods, parameters, bodies, required fields, types, enumerations, formats and scopes; unknown fields are problems.
A request that was refused may be as wrong as its test wanted it; what was accepted must be right.
"""

import functools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from portalcal.simulator.google import Simulator
from portalcal.simulator.http.request_log import LoggedExchange

_ROOT = "/calendar/v3/"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
# The two texts "such as" these list is complete in; others say that more may be added.
_LISTED = re.compile(r"Possible values are:(.*)", re.DOTALL)
_VALUE = re.compile(r'^\s*- "([^"]+)"', re.MULTILINE)
# Said by the fault on purpose.
_UNCHECKED_FAULTS = {"not-json", "502-html", "truncate", "drop", "hang"}
# Accepted beside the document's own: how a token may travel (RFC 6750 section 2.3).
_ALSO = {"access_token", "$unique"}

Schema = dict[str, Any]


@functools.cache
def document() -> Schema:
    """Return the discovery document."""
    place = files("googleapiclient") / "discovery_cache" / "documents" / "calendar.v3.json"
    told: Schema = json.loads(place.read_text(encoding="utf-8"))
    return told


@functools.cache
def methods() -> tuple[tuple[str, re.Pattern[str], Schema], ...]:
    """Return (HTTP method, path pattern, description) of every method, the most literal paths first."""
    found = [
        method for resource in document()["resources"].values() for method in resource["methods"].values()
    ]
    found.sort(key=lambda method: method["path"].count("{"))
    return tuple((one["httpMethod"], _pattern(one["path"]), one) for one in found)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))


@dataclass
class Verifier:
    """Collects what is wrong with the exchanges of one simulator."""

    google: Simulator
    problems: list[str] = field(default_factory=list)
    seen: int = 0

    def __call__(self, exchange: LoggedExchange) -> None:
        """Check one exchange."""
        if not exchange.path.startswith(_ROOT) or exchange.fault in _UNCHECKED_FAULTS:
            return
        self.seen += 1
        label = f"{exchange.number} {exchange.method} {exchange.path} -> {exchange.status}"
        self.problems += [f"{label}: {problem}" for problem in self.check(exchange)]

    def check(self, exchange: LoggedExchange) -> Iterator[str]:
        """Yield what is wrong with an exchange."""
        method = find(exchange.method, exchange.path.removeprefix(_ROOT))
        if method is None:
            if exchange.status not in {401, 404}:
                yield "no such method, and yet an answer"
            return
        name = method["id"].removeprefix("calendar.")
        if exchange.operation not in {name, "unknown"}:
            yield f"taken for {exchange.operation}, is {name}"
        if exchange.status >= 400:
            yield from _error(exchange)
            return
        yield from self._scopes(exchange, method)
        yield from _parameters(exchange, method)
        yield from _request_body(exchange, method)
        yield from _response(exchange, method)

    def _scopes(self, exchange: LoggedExchange, method: Schema) -> Iterator[str]:
        value = exchange.request_headers.get("authorization", "").removeprefix("Bearer ")
        value = value or parse_qs(exchange.query).get("access_token", [""])[0]
        token = self.google.grants.tokens.get(value)
        if token is None:
            yield "done without a token"
        elif not set(token.scopes) & set(method["scopes"]):
            yield f"done with the wrong scopes: {token.scopes}"


def attach(google: Simulator) -> Verifier:
    """Check everything `google` is asked and answers from now on; read `problems` at the end."""
    verifier = Verifier(google)
    google.observe(verifier)
    return verifier


@contextmanager
def every_simulator() -> Iterator[None]:
    """Check every simulator that starts inside, and fail at the end if anything was wrong."""
    verifiers: list[Verifier] = []

    def check(google: Simulator) -> None:
        verifiers.append(attach(google))

    Simulator.on_start.append(check)
    try:
        yield
    finally:
        Simulator.on_start.remove(check)
    if problems := [problem for verifier in verifiers for problem in verifier.problems]:
        raise AssertionError("\n".join(problems))


def find(verb: str, path: str) -> Schema | None:
    """Return the method a request is for."""
    return next(
        (method for http, pattern, method in methods() if http == verb and pattern.fullmatch(path)), None
    )


def _error(exchange: LoggedExchange) -> Iterator[str]:
    try:
        error = json.loads(exchange.response_body)["error"]
        details = error["errors"]
    except (ValueError, KeyError, TypeError):
        yield f"an error in no shape of Google's: {exchange.response_body[:200]!r}"
        return
    if error["code"] != exchange.status:
        yield f"an error that calls itself {error['code']}"
    if unknown := set(error) - {"errors", "code", "message", "status", "details"}:
        yield f"an error with unknown parts {unknown}"
    for detail in details:
        if not {"domain", "reason", "message"} <= set(detail):
            yield f"an error without domain, reason or message: {detail}"


def _parameters(exchange: LoggedExchange, method: Schema) -> Iterator[str]:
    known = document()["parameters"] | method.get("parameters", {})
    asked = parse_qs(exchange.query, keep_blank_values=True)
    for name, values in asked.items():
        if name in _ALSO:
            continue
        if name not in known:
            yield f"unknown parameter {name}"
            continue
        if len(values) > 1 and not known[name].get("repeated"):
            yield f"{name} given {len(values)} times"
        for value in values:
            yield from _parameter(name, value, known[name])
    for name, schema in method.get("parameters", {}).items():
        if schema.get("required") and schema["location"] == "query" and name not in asked:
            yield f"{name} is missing"


def _parameter(name: str, value: str, schema: Schema) -> Iterator[str]:
    kind, form = schema["type"], schema.get("format")
    if "enum" in schema and value not in schema["enum"]:
        yield f"{name} is none of {schema['enum']}: {value}"
    fine = {
        "integer": value.isdecimal() and schema.get("minimum", "0") <= value,
        "boolean": value in {"true", "false"},
    }.get(kind, True)
    if not fine or (form == "date-time" and not _RFC3339.fullmatch(value)):
        yield f"{name} is no {form or kind}: {value}"


def _request_body(exchange: LoggedExchange, method: Schema) -> Iterator[str]:
    schema = method.get("request")
    if schema is None:
        if exchange.request_body.strip() not in {b"", b"{}"}:
            yield "a body where none belongs"
        return
    try:
        body = json.loads(exchange.request_body or b"{}")
    except ValueError:
        yield "a body that is not JSON"
        return
    properties = document()["schemas"][schema["$ref"]]["properties"]
    for name, described in properties.items():
        if method["id"] in described.get("annotations", {}).get("required", ()) and body.get(name) is None:
            yield f"body: {name} is missing"
    # Null says "leave out", and in a patch "take away"; Google's own clients send it for optional fields.
    yield from validate(body, {"$ref": schema["$ref"]}, "request", nullable=True)


def _response(exchange: LoggedExchange, method: Schema) -> Iterator[str]:
    schema = method.get("response")
    if schema is None or exchange.status in {204, 304}:
        if exchange.response_body:
            yield "an answer with a body where none belongs"
        return
    if not exchange.response_headers.get("Content-Type", "").startswith("application/json"):
        yield "an answer that is not JSON"
        return
    body = json.loads(exchange.response_body)
    if "fields=" not in exchange.query:
        kind = document()["schemas"][schema["$ref"]]["properties"].get("kind", {}).get("default")
        if kind and body.get("kind") != kind:
            yield f"kind is {body.get('kind')}, not {kind}"
    yield from validate(body, schema, "answer")


def validate(value: Any, schema: Schema, place: str, *, nullable: bool = False) -> Iterator[str]:
    """Yield where a JSON value departs from a schema of the document."""
    if "$ref" in schema:
        schema = document()["schemas"][schema["$ref"]]
    if value is None:
        if not nullable:
            yield f"{place} is null"
        return
    match schema.get("type"):
        case "object":
            yield from _object(value, schema, place, nullable=nullable)
        case "array":
            if not isinstance(value, list):
                yield f"{place} is no list"
                return
            for number, one in enumerate(value):
                yield from validate(one, schema["items"], f"{place}[{number}]", nullable=nullable)
        case kind:
            yield from _scalar(value, schema, place, kind=str(kind))


def _object(value: Any, schema: Schema, place: str, *, nullable: bool) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place} is no object"
        return
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties")
    for name, one in value.items():
        described = properties.get(name, rest)
        if described is None:
            yield f"{place}.{name} is not in the document"
        else:
            yield from validate(one, described, f"{place}.{name}", nullable=nullable)


def _scalar(value: Any, schema: Schema, place: str, *, kind: str) -> Iterator[str]:
    types: dict[str, type | tuple[type, ...]] = {
        "integer": int,
        "boolean": bool,
        "number": (int, float),
        "any": object,
    }
    fits = isinstance(value, types.get(kind, str)) and not (kind == "integer" and isinstance(value, bool))
    if not fits:
        yield f"{place} is no {kind}: {value!r}"
        return
    form = schema.get("format")
    if form == "date-time" and not _RFC3339.fullmatch(value) and not (place.startswith("request") and value):
        yield f"{place} is no RFC 3339 time: {value!r}"
    if form == "date":
        try:
            date.fromisoformat(value)
        except ValueError:
            yield f"{place} is no date: {value!r}"
    listed = _LISTED.search(schema.get("description", ""))
    allowed = schema.get("enum") or (_VALUE.findall(listed[1]) if listed else [])
    if allowed and value not in allowed:
        yield f"{place} is none of {allowed}: {value!r}"
