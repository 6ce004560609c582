"""`portalcal schema`."""

from __future__ import annotations

import json

from portalcal.views.schema import schema
from tests.cli.conftest import Shell


def test_the_schema_of_a_command_is_printed_to_be_kept_in_a_file(portalcal: Shell) -> None:
    ran = portalcal("schema", "book")

    assert (ran.exit, ran.err) == (0, "")
    assert json.loads(ran.out) == schema("book")
    assert json.loads(ran.out)["title"] == "portalcal book --json"


def test_without_a_command_it_is_that_of_all(portalcal: Shell) -> None:
    assert json.loads(portalcal("schema").out) == schema()


def test_a_script_gets_it_in_an_envelope(portalcal: Shell) -> None:
    assert portalcal.json("schema", "book").result == {"schema": schema("book")}


def test_a_command_that_has_no_json_has_no_schema(portalcal: Shell) -> None:
    ran = portalcal("schema", "boook")

    assert (ran.exit, ran.err) == (
        2,
        "error: there is no command boook; did you mean book?\n\nhint: see `portalcal --help`\n",
    )
    assert portalcal("schema", "demo").exit == 2
