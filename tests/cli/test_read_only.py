"""`--read-only`: whatever is typed, nothing here or at Google changes; what would change something is refused first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.core import TyperOption

from portalcal.cli.app import COMMANDS
from portalcal.core.booking import Booking
from portalcal.core.outbox import OutboxEntry
from portalcal.ports import Search
from portalcal.simulator.google import Simulator
from tests import selection
from tests.cli.conftest import Shell
from tests.cli.test_help import as_declared

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
READS = ("/freeBusy", "/token")
"""What is asked of Google by POST and changes nothing: busy times, and the renewal of access."""

CHANGES: dict[str, list[tuple[str, ...]]] = {
    "connect": [()],
    "disconnect": [(), ("--yes",)],
    "calendars": [("--select", "Team"), ("--deselect", "primary"), ("--book-into", "primary")],
    "book": [("2026-11-24T14:00", *SAM), ("--file", "-")],
    "reschedule": [("ID", "2026-11-24T15:00")],
    "reassign": [("ID",), ("ID", "--from", "ben", "--to", "zoe")],
    "cancel": [("ID",)],
    "offer": [("2026-11-24T14:00", *SAM), ("--pick", "2", *SAM), ("5d16c341", "--release")],
    "sync": [(), ("--add-missing",), ("--replace-declined",)],
    "history": [("--prune", "400d")],
    "ledger": [("--copy-to", "sqlite:///new.db")],
    "changes": [("--follow",)],
}
"""By command, the arguments with which it changes something."""

READING: dict[str, tuple[str, ...]] = {
    "status": (),
    "calendars": (),
    "availability": (),
    "book": ("2026-11-24T14:00", *SAM, "--dry-run"),
    "bookings": (),
    "people": (),
    "config": (),
    "ledger": (),
    "offers": (),
    "history": (),
    "changes": (),
    "schema": (),
    "sync": ("--dry-run",),
}
"""By command, the arguments with which it only looks."""

ON_THEIR_OWN = {
    "demo": "it has a ledger, a vault and a Google of its own, and runs without the environment's settings",
    "simulator": "it is a Google of its own; what it writes is the folder that was named",
}

VALUES = {
    "--from": "today", "--until": "fri", "--explain": "fri 10:00", "--duration": "30m", "--since": "7d", "--prune": "1m", "--what": "moved", "--booking": "sam@example.com", "--days": "3",
    "--timezone": "Europe/Paris", "--timeout": "5s", "--replace-before": "1h", "--owner": "attends", "--port": "0", "--email": "sam@example.com", "--state": "held",
    "--account": "ana@example.com", "--guest": "kim@example.com", "--select": "primary", "--deselect": "primary",
    "--book-into": "primary", "--format": "csv", "--notify": "none", "--vault": "file", "--file": "-", "--copy-to": "sqlite:///new.db", "--for": "24h", "--extend": "24h", "--pick": "2", "--offer": "5d16c341/1",
}  # fmt: skip
"""A value of each option for which no plain word will do."""


@pytest.fixture
def owing(connected: Shell, google: Simulator) -> Shell:
    """A machine with a booking, and with another whose event is owed and due: whoever delivers it changes something."""
    google.add_calendar("team@example.com", summary="Team")
    connected.json("book", "2026-11-24T10:00", *SAM)
    google.faults.add("events.insert: 403-quotaExceeded once")
    assert connected.json("book", "2026-11-24T11:00", *SAM).exit == 8
    google.forget_requests()
    return connected


State = tuple[tuple[Booking, ...], tuple[OutboxEntry, ...], dict[Path, bytes], list[object]]


def state_of(shell: Shell, google: Simulator) -> State:
    """All that a command could change: bookings, outbox, the files of the connection, events."""
    with closing(shell.ledger()) as ledger:
        bookings, owed = ledger.search(Search()), ledger.owed()
    files = {path: path.read_bytes() for path in sorted(shell.folder.parent.rglob("*.toml"))}
    return bookings, owed, files, list(google.events())


def writes(google: Simulator) -> list[str]:
    """The requests that may change something at Google."""
    return [each.path for each in google.requests if each.method != "GET" and not each.path.endswith(READS)]


def identified(shell: Shell, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Arguments with the id of the booking that is there."""
    if "ID" not in arguments:
        return arguments
    (first, *_) = shell.json("bookings").result["bookings"]
    return tuple(first["id"] if each == "ID" else each for each in arguments)


def test_every_change_is_refused_before_the_network_and_before_any_write(
    owing: Shell, google: Simulator
) -> None:
    before = state_of(owing, google)

    for command, arguments in ((name, each) for name, lines in CHANGES.items() for each in lines):
        line = identified(owing, arguments)
        google.forget_requests()

        by_option = owing("--read-only", command, *line, "--json")
        by_variable = owing(command, *line, "--json", environ={"PORTALCAL_READ_ONLY": "1"})

        assert (by_option.exit, by_option.error["code"]) == (2, "read-only"), (command, line)
        assert (by_variable.exit, by_variable.error["code"]) == (2, "read-only"), (command, line)
        assert google.requests == []
    assert state_of(owing, google) == before


def test_no_flag_of_any_command_changes_anything(
    owing: Shell, google: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A copy of the ledger, which changes nothing, goes where the command runs.
    monkeypatch.chdir(tmp_path)
    before = state_of(owing, google)

    for command, arguments, option in selection.some(list(lines_with_flags(owing))):
        name = option.opts[0]
        value = () if option.is_flag or name == "--report" else (VALUES.get(name, "x"),)
        ran = owing("--read-only", command, *arguments, name, *value)

        assert ran.exit != 1, (command, name, ran.err)
        assert state_of(owing, google) == before, (command, name)
        assert writes(google) == [], (command, name)


def lines_with_flags(shell: Shell) -> Iterator[tuple[str, tuple[str, ...], TyperOption]]:
    """Every option of every command, added to arguments that change something and to some that only look."""
    for command in COMMANDS.keys() - ON_THEIR_OWN.keys():
        beginnings = [READING[command]] if command in READING else []
        beginnings += [identified(shell, each) for each in CHANGES.get(command, [])[:1]]
        options = [each for each in as_declared(command).params if isinstance(each, TyperOption)]
        for arguments, option in itertools.product(beginnings, options):
            yield command, arguments, option


def test_what_only_looks_is_allowed(owing: Shell) -> None:
    ran = {command: owing("--read-only", command, *arguments) for command, arguments in READING.items()}

    assert {command: each.exit for command, each in ran.items()} == dict.fromkeys(READING, 0)


def test_every_command_is_known_to_change_something_or_not() -> None:
    assert {*CHANGES, *READING, *ON_THEIR_OWN} == set(COMMANDS)


def test_the_refusal_says_what_to_leave_out(owing: Shell) -> None:
    by_option = owing("--read-only", "sync")
    by_variable = owing("sync", environ={"PORTALCAL_READ_ONLY": "1"})

    assert by_option.err == (
        "error: sync as typed would change something, which --read-only forbids. Nothing was changed.\n\n"
        "hint: leave out `--read-only` to let it\n"
    )
    assert by_variable.err == (
        "error: sync as typed would change something, which PORTALCAL_READ_ONLY forbids. Nothing was changed.\n\n"
        "hint: unset PORTALCAL_READ_ONLY to let it\n"
    )


def test_the_variable_may_be_there_and_off(owing: Shell) -> None:
    for value in ("", "0"):
        assert owing("sync", environ={"PORTALCAL_READ_ONLY": value}).exit == 0
