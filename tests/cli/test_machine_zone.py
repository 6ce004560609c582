"""A machine whose zone cannot be told: every command that rests on it says so."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Shell

GUESSED = "which names no zone of the IANA database, so times are taken in UTC and may be hours off"


def unnamed(shell: Shell) -> Shell:
    """The same machine with a configuration that names no zone."""
    path = shell.folder / "config.toml"
    path.write_text(
        "\n".join(line for line in path.read_text().splitlines() if not line.startswith("timezone"))
    )
    return shell


@pytest.fixture(params=["CET-1CEST,M3.5.0,M10.5.0/3", "localtime"])
def lost(request: pytest.FixtureRequest, connected: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A machine with a TZ that names no zone, and a configuration that names none either."""
    connected.environ["TZ"] = request.param
    monkeypatch.setenv("TZ", request.param)
    return unnamed(connected)


@pytest.mark.parametrize(
    "command",
    [
        ("availability",),
        ("availability", "--explain", "2026-11-24T10:00"),
        ("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com"),
        ("bookings",),
        ("sync",),
    ],
    ids=" ".join,
)
def test_every_command_that_computes_times_says_that_they_may_be_off(
    lost: Shell, command: tuple[str, ...]
) -> None:
    ran = lost.json(*command)

    assert ran.exit == 0
    (told,) = (each for each in json.loads(ran.out)["warnings"] if each["code"] == "zone-unknown")
    assert told["message"].startswith(f"TZ is {lost.environ['TZ']}, which names no zone")
    assert 'timezone = "Europe/Berlin" in config.toml' in told["message"]


def test_status_says_it_where_zones_are_compared(lost: Shell) -> None:
    ran = lost.json("status")

    found = next(each for each in ran.result["checks"] if each["name"] == "timezone.agreement")
    assert (ran.result["state"], found["state"]) == ("degraded", "warn")
    assert "which names no zone of the IANA database" in found["detail"]


def test_a_schedule_that_names_its_zone_does_not_rest_on_the_machine(lost: Shell) -> None:
    path = lost.folder / "config.toml"
    path.write_text('timezone = "Europe/London"\n' + path.read_text())

    assert lost.json("availability").warnings == []
    status = lost.json("status")
    found = next(each for each in status.result["checks"] if each["name"] == "timezone.agreement")
    assert found["state"] == "ok"
    assert "names no zone" in found["detail"]
    assert "zone-unknown" not in status.warnings


def test_a_fixed_zone_in_posix_form_is_taken_as_the_c_library_does(
    connected: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "EST5")

    ran = unnamed(connected).json("availability")

    assert ran.warnings == []
    assert ran.result["timezone"] == "Etc/GMT+5"
