"""Tokens from the environment: nothing is said of them that Google did not say, and hints name the variable."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portalcal.core.permissions import scopes_to_ask
from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Ran, Shell

ACCESS, REFRESH = "PORTALCAL_ACCESS_TOKEN", "PORTALCAL_REFRESH_TOKEN"
COMMANDS = [
    ("availability",),
    ("availability", "--explain", "2026-11-24T10:00"),
    ("calendars",),
    ("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com"),
    ("sync",),
]


def check(ran: Ran, name: str) -> Any:
    return next(each for each in json.loads(ran.out)["result"]["checks"] if each["name"] == name)


def state(ran: Ran) -> tuple[int, str]:
    return ran.exit, json.loads(ran.out)["result"]["state"]


@pytest.fixture(params=["never connected", "connected before"])
def shell(request: pytest.FixtureRequest, portalcal: Shell) -> Shell:
    """A machine that has a token in its environment, beside a connection of its own or without one."""
    if request.param == "connected before":
        portalcal.connect()
    return portalcal


def test_a_good_access_token_is_tried_at_google_and_found_good(shell: Shell, google: Simulator) -> None:
    shell.environ[ACCESS] = str(google.issue_token(scopes_to_ask()))

    ran = shell.json("status")

    assert state(ran) == (0, "connected")
    assert google.count("calendarList.list") > 0
    assert ran.result["account"] == ANA
    assert check(ran, "google.reachable")["detail"] == "answers"
    assert check(ran, "grant.present")["detail"] == "from the environment, PORTALCAL_ACCESS_TOKEN"
    assert check(ran, "grant.age")["state"] == "skipped"
    assert all(ran.result["permissions"].values())


def test_nothing_is_said_of_a_google_that_is_out_of_reach(shell: Shell, google: Simulator) -> None:
    shell.environ[ACCESS] = str(google.issue_token(scopes_to_ask()))
    google.stop()

    ran = shell.json("status")

    assert state(ran) == (7, "unreachable")
    assert check(ran, "google.reachable")["state"] == "fail"
    assert check(ran, "grant.refresh")["state"] == "skipped"


@pytest.mark.parametrize(("variable", "expected"), [(ACCESS, "expired"), (REFRESH, "revoked")])
def test_a_dead_token_is_told_with_its_variable(
    shell: Shell, google: Simulator, variable: str, expected: str
) -> None:
    shell.environ[variable] = "dead-token-of-a-year-ago"

    ran = shell.json("status")

    assert state(ran) == (4, expected)
    assert google.count() > 0
    assert check(ran, "grant.refresh")["hint"] == f"put a token that Google accepts into {variable}"
    assert check(ran, "grant.permissions")["state"] == "skipped"
    assert not any(ran.result["permissions"].values())
    assert "portalcal connect" not in ran.out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("variable", [ACCESS, REFRESH])
def test_no_command_sends_whoever_has_a_dead_token_to_a_command_that_refuses(
    shell: Shell, variable: str, command: tuple[str, ...]
) -> None:
    shell.environ[variable] = "dead-token-of-a-year-ago"

    ran = shell.json(*command)

    assert "portalcal connect" not in ran.out + ran.err
    if ran.exit:
        assert (ran.exit, ran.error["hint"]) == (4, f"put a token that Google accepts into {variable}")


def test_a_batch_with_a_dead_token_names_the_variable(shell: Shell) -> None:
    shell.environ[ACCESS] = "dead-token-of-a-year-ago"
    orders = shell.folder / "orders.jsonl"
    orders.write_text(json.dumps({"start": "2026-11-24T10:00", "name": "Sam", "email": "sam@example.com"}))

    ran = shell.json("book", "--file", str(orders))

    assert ran.exit == 4
    assert f"put a token that Google accepts into {ACCESS}" in ran.out + ran.err
    assert "portalcal connect" not in ran.out + ran.err


def test_an_access_token_alone_needs_no_client(shell: Shell, google: Simulator) -> None:
    (shell.folder / "client_secret.json").unlink()
    shell.environ[ACCESS] = str(google.issue_token(scopes_to_ask()))

    ran = shell.json("status")

    assert state(ran) == (0, "connected")
    assert check(ran, "oauth.client")["state"] == "skipped"


def test_a_refresh_token_without_its_client_is_told_where_to_name_one(shell: Shell) -> None:
    (shell.folder / "client_secret.json").unlink()
    shell.environ[REFRESH] = "some-token"

    ran = shell.json("availability")

    assert (ran.exit, ran.error["code"]) == (3, "client-invalid")
    assert ran.error["hint"].endswith("name it as [google] client_secrets in the configuration")


def test_a_selection_made_with_such_a_token_leaves_the_kept_connection_as_it_is(
    connected: Shell, google: Simulator
) -> None:
    google.add_calendar("team@example.com", summary="Team", role="reader")
    connected.environ[ACCESS] = str(google.issue_token(scopes_to_ask()))

    assert connected.json("calendars", "--select", "Team").exit == 0

    del connected.environ[ACCESS]
    ran = connected.json("status")
    assert state(ran) == (0, "connected")
    assert {each["id"] for each in ran.result["calendars"]} == {ANA, "team@example.com"}


def test_a_damaged_connection_file_is_not_mended_by_a_command_that_refuses(
    connected: Shell, google: Simulator
) -> None:
    path = next(connected.folder.parent.rglob("connection.toml"))
    path.write_text("conflicts = 7\n")
    connected.environ[ACCESS] = str(google.issue_token(scopes_to_ask()))

    error = connected.json("availability").error

    assert error["hint"] == "mend that by hand, or delete the file"
