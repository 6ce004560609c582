"""The JSON Schema of results, errors and warnings. That answers fit it is seen in every test: tests/published_schema.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portalcal.cli.app import COMMANDS
from portalcal.views.schema import RESULTS, schema
from tests import published_schema
from tests.test_errors import EXAMPLES as ERRORS
from tests.test_warnings import LEAVES

BOOKING: dict[str, Any] = {
    "id": "a", "state": "held", "link": None, "start": "2026-11-24T10:00:00+00:00", "end": "2026-11-24T10:30:00+00:00",
    "moving_to": None, "timezone": "Europe/London", "title": "t", "guest": {"name": "Sam", "email": "sam@example.com"},
    "guests": [], "declined": [], "people": [], "room": None, "location": None, "notes": None, "meet_url": None, "calendar": None, "event_id": None,
    "event_url": None, "key": None, "notified": None, "replayed": False, "created_at": "2026-11-24T10:00:00+00:00",
    "updated_at": "2026-11-24T10:00:00+00:00",
}  # fmt: skip


def a_list(*bookings: object) -> dict[str, Any]:
    return {"portalcal": 1, "command": "bookings", "result": {"bookings": list(bookings)}, "warnings": []}


def test_the_answers_of_the_suite_are_held_against_it() -> None:
    assert published_schema.IS_INSTALLED, "run: pip install -e '.[dev]'"


def test_every_command_with_json_has_one() -> None:
    assert set(RESULTS) == set(COMMANDS) - {"demo"}


@pytest.mark.parametrize("command", [None, "book"])
def test_it_is_a_schema_whose_references_lead_somewhere(command: str | None) -> None:
    from jsonschema import Draft202012Validator

    made = schema(command)

    Draft202012Validator.check_schema(made)
    referred = {text.partition('"')[0] for text in json.dumps(made).split('"#/$defs/')[1:]}
    assert referred <= set(made["$defs"])


def test_the_whole_schema_knows_one_answer_from_another() -> None:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(schema())
    answer = a_list(BOOKING)

    assert validator.is_valid(answer)
    assert validator.is_valid(a_list(BOOKING | {"added in a later version": 1}))
    assert not validator.is_valid(answer | {"portalcal": 2})
    assert not validator.is_valid(answer | {"command": "book"})
    assert not validator.is_valid(
        answer | {"warnings": [{"code": "unheard-of", "message": "", "details": {}}]}
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"state": "happy"}, "is not one of"),
        ({"start": "2026-11-24T10:00:00"}, "is not a 'date-time'"),
        ({"guests": None}, "is not of type 'array'"),
        ({"guest": {"name": "Sam"}}, "'email' is a required property"),
        ({"unheard_of": 1}, "Additional properties are not allowed"),
    ],
)
def test_an_answer_that_does_not_fit_is_found(change: dict[str, object], problem: str) -> None:
    published_schema.check(a_list(BOOKING))

    with pytest.raises(AssertionError, match=problem):
        published_schema.check(a_list(BOOKING | change))


def test_errors_and_warnings_are_listed_by_their_codes() -> None:
    names = set(schema("bookings")["$defs"])

    assert {f"warning.{kind.code}" for kind in LEAVES} <= names
    assert {f"error.{each.error.code}" for each in ERRORS} <= names
