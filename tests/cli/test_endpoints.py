"""A grant is used only at the servers it was given at; a token from the environment goes to Google or this machine."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portalcal.core.permissions import scopes_to_ask
from portalcal.simulator.google import Simulator
from tests.cli.conftest import NOW, Ran, Shell

COMMANDS = [
    ("availability",),
    ("availability", "--explain", "2026-11-24T10:00"),
    ("calendars",),
    ("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com"),
    ("sync",),
]


@pytest.fixture
def thief() -> Iterator[Simulator]:
    """Another server, which would take any token."""
    with Simulator(now=NOW) as other:
        yield other


@pytest.fixture
def shell(portalcal: Shell) -> Shell:
    """A machine that connected with the addresses it has now."""
    assert portalcal("connect").exit == 0
    return portalcal


def lead_api_to(shell: Shell, url: str) -> None:
    path = shell.folder / "config.toml"
    google = str(shell.google.url)
    path.write_text(path.read_text().replace(f'api_root = "{google}', f'api_root = "{url}'))
    assert url in path.read_text()


def lead_renewal_to(shell: Shell, url: str) -> None:
    path = shell.folder / "client_secret.json"
    document = json.loads(path.read_text())
    document["installed"]["token_uri"] = f"{url}/token"
    path.write_text(json.dumps(document))


def check(ran: Ran, name: str) -> Any:
    return next(each for each in json.loads(ran.out)["result"]["checks"] if each["name"] == name)


def test_the_servers_of_the_grant_are_kept(shell: Shell) -> None:
    (path,) = (shell.folder.parent / "home").rglob("connection.toml")

    assert tomllib.loads(path.read_text())["origins"] == [shell.google.url]


@pytest.mark.parametrize("lead", [lead_api_to, lead_renewal_to])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_is_sent_to_servers_that_were_named_later(
    shell: Shell, google: Simulator, thief: Simulator, command: tuple[str, ...], lead: Any
) -> None:
    lead(shell, thief.url)
    google.forget_requests()

    ran = shell.json(*command)

    assert (ran.exit, ran.error["code"]) == (3, "endpoint-changed")
    assert thief.url in ran.error["message"]
    assert google.requests == thief.requests == []


@pytest.mark.parametrize("options", [(), ("--offline",)], ids=["online", "offline"])
def test_status_says_so_and_sends_nothing(shell: Shell, thief: Simulator, options: tuple[str, ...]) -> None:
    lead_api_to(shell, thief.url)

    ran = shell.json("status", *options)

    assert (ran.exit, ran.result["state"]) == (3, "misconfigured")
    assert thief.url in check(ran, "grant.present")["detail"]
    assert thief.requests == []


def test_disconnecting_forgets_and_sends_the_token_nowhere(shell: Shell, thief: Simulator) -> None:
    lead_renewal_to(shell, thief.url)

    ran = shell.json("disconnect", "--yes")

    assert (ran.exit, ran.result["forgotten"], ran.result["revocation"]) == (0, True, "unreachable")
    assert ran.warnings == ["grant-not-ended"]
    assert thief.requests == []


def test_consent_at_the_new_servers_is_what_mends_it(shell: Shell, google: Simulator) -> None:
    with Simulator(now=NOW) as moved:
        lead_api_to(shell, moved.url)
        path = shell.folder / "client_secret.json"
        path.write_text(json.dumps(moved.client_config()))
        config = shell.folder / "config.toml"
        config.write_text(config.read_text().replace(google.url, moved.url))

        assert shell("connect").exit == 0

        assert shell.json("availability").exit == 0


STRANGE = "https://calendar.invalid"


@pytest.mark.parametrize("variable", ["PORTALCAL_ACCESS_TOKEN", "PORTALCAL_REFRESH_TOKEN"])
@pytest.mark.parametrize("mode", [0o666, 0o620])
def test_a_token_of_the_environment_goes_nowhere_else_because_of_a_file_that_others_can_write(
    portalcal: Shell, google: Simulator, variable: str, mode: int
) -> None:
    lead_api_to(portalcal, STRANGE)
    (portalcal.folder / "config.toml").chmod(mode)
    portalcal.environ[variable] = str(google.issue_token(scopes_to_ask()))
    google.forget_requests()

    ran = portalcal.json("availability")

    assert (ran.exit, ran.error["code"]) == (3, "endpoint-changed")
    assert STRANGE in ran.error["message"]
    assert f"`chmod go-w {portalcal.folder / 'config.toml'}`" in ran.error["hint"]
    assert google.requests == []


def test_it_goes_where_a_file_of_the_user_alone_says(portalcal: Shell, google: Simulator) -> None:
    lead_api_to(portalcal, STRANGE)
    (portalcal.folder / "config.toml").chmod(0o644)
    portalcal.environ["PORTALCAL_ACCESS_TOKEN"] = str(google.issue_token(scopes_to_ask()))

    ran = portalcal.json("availability")

    assert (ran.exit, ran.error["code"]) == (7, "google-unreachable")
    assert "calendar.invalid" in ran.error["message"]


def test_status_names_servers_that_are_not_googles(portalcal: Shell, google: Simulator) -> None:
    lead_api_to(portalcal, STRANGE)
    portalcal.environ["PORTALCAL_ACCESS_TOKEN"] = str(google.issue_token(scopes_to_ask()))

    ran = portalcal.json("status", "--offline")

    assert f"used at {STRANGE}" in check(ran, "grant.present")["detail"]


@pytest.mark.parametrize("name", ["config.toml", "client_secret.json", "connection.toml"])
def test_status_names_files_that_others_can_write(connected: Shell, name: str) -> None:
    path: Path = next(connected.folder.parent.rglob(name))
    path.chmod(0o666)

    ran = connected.json("status")

    found = check(ran, "config.file")
    assert (ran.result["state"], found["state"]) == ("degraded", "warn")
    assert found["detail"] == f"others can write {path}"
    assert found["hint"] == f"keep it to yourself: `chmod go-w {path}`"
