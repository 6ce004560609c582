"""Every `--json` answer of the suite is held against the schema that `portalcal schema` prints.

A reader of the published schema ignores keys it does not know; here none may be there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from functools import cache
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch

from portalcal.cli.app import COMMANDS
from portalcal.views import json as json_view
from portalcal.views.schema import RESULTS, schema

IS_INSTALLED = find_spec("jsonschema") is not None
"""An environment made before it was a dependency has no jsonschema; test_schema.py then fails and names it."""


@contextmanager
def every_answer() -> Iterator[None]:
    """Within the block, every answer that does not fit the schema is an error."""
    dump, dump_part = json_view._dump, json_view._dump_part

    def checked(document: Mapping[str, object], *, is_indented: bool) -> str:
        text = dump(document, is_indented=is_indented)
        if document["command"] in {*COMMANDS, ""}:
            check(json.loads(text))
        return text

    def checked_booking(part: Mapping[str, object], *, is_indented: bool) -> str:
        text = dump_part(part, is_indented=is_indented)
        result = {"bookings": [json.loads(text)]}
        check({"portalcal": 1, "command": "bookings", "result": result, "warnings": []})
        return text

    with ExitStack() as patches:
        if IS_INSTALLED:
            patches.enter_context(patch.object(json_view, "_dump", checked))
            patches.enter_context(patch.object(json_view, "_dump_part", checked_booking))
        yield


def check(document: Any) -> None:
    """Hold an envelope against its schema. Raises: AssertionError."""
    command = document["command"]
    if "result" in document:
        assert command in RESULTS, f"{command} has a result and no schema"
        parts = [(f"{command}.result", document)]
        parts += [(f"warning.{each['code']}", each) for each in document["warnings"]]
    else:
        parts = [("failure", document), (f"error.{document['error']['code']}", document["error"])]
    for name, part in parts:
        problems = [f"{each.json_path}: {each.message}" for each in validator(name).iter_errors(part)]
        assert not problems, f"{name}: {'; '.join(problems)}"


@cache
def _definitions() -> dict[str, Any]:
    """Those of all commands, in which other keys than those that are named are not allowed.

    Lists of all errors and warnings are left out: each is checked by its code.
    """
    return {**_closed(schema()["$defs"]), "error": {}, "warning": {}}


@cache
def validator(name: str) -> Any:
    """A validator of one definition."""
    from jsonschema import Draft202012Validator, FormatChecker

    definitions = _definitions()
    checker = FormatChecker(formats=())
    checker.checks("date-time", raises=ValueError)(_is_instant)
    checker.checks("date", raises=ValueError)(lambda text: bool(date.fromisoformat(text)))
    assert name in definitions, f"the schema has no {name}"
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions}, format_checker=checker)


def _is_instant(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


def _closed(part: Any) -> Any:
    if isinstance(part, list):
        return [_closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    inner = {key: _closed(value) for key, value in part.items()}
    return {"additionalProperties": False, **inner} if part.get("type") == "object" else inner
