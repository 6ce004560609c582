"""The program as a whole: its help, its usage errors, and how it ends."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import portalcal as package
from portalcal.cli.app import COMMANDS, Deferred, run
from portalcal.cli.invocation import Invocation
from portalcal.errors import Exit
from portalcal.wiring import Portal
from tests.cli.conftest import Ran, Shell


def typed(*arguments: str, fit: Callable[[Portal], None] | None = None) -> Ran:
    """What a command line comes to on a machine where portalcal was never used."""
    out, err = io.StringIO(), io.StringIO()
    invocation = Invocation({"COLUMNS": "100"}, io.StringIO(), out, err, fit=fit)
    return Ran(run(arguments, invocation), out.getvalue(), err.getvalue())


# --- help -------------------------------------------------------------------------------------------------------


@pytest.fixture
def help_page(capsys: pytest.CaptureFixture[str]) -> str:
    """`portalcal --help`."""
    assert typed("--help").exit == 0
    return capsys.readouterr().out


def test_the_help_shows_every_command_in_its_panel(help_page: str) -> None:
    panels: dict[str, list[str]] = {}
    for line in help_page.splitlines():
        if line.startswith("╭─"):
            panel = panels.setdefault(line.strip("╭─╮ "), [])
        elif line.startswith("│ ") and line[2].isalpha():
            panel.append(line.split()[1])

    expected: dict[str, list[str]] = {}
    for command, entry in COMMANDS.items():
        expected.setdefault(entry.panel, []).append(command)
    assert {name: panels[name] for name in expected} == expected


@pytest.mark.parametrize("command", COMMANDS)
def test_the_line_of_a_command_in_the_help_is_the_first_of_its_own(command: str) -> None:
    own_help = Deferred(command, COMMANDS[command]).loaded().help

    assert (own_help or "").partition("\n")[0] == COMMANDS[command].help


def test_the_help_ends_with_the_table_of_exit_statuses(help_page: str) -> None:
    table = help_page[help_page.index("Exit status") :]

    rows = [" ".join(line.split()) for line in table.splitlines()[1:] if line.strip()]
    assert rows == [f"{each.value} {each.meaning}" for each in Exit]


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    ran = typed()

    assert (ran.exit, ran.out) == (2, "")
    assert "Usage: portalcal [OPTIONS] COMMAND" in "".join(capsys.readouterr())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(command, "--help").exit == 0

    shown = capsys.readouterr().out
    assert f"Usage: portalcal {command}" in shown
    assert ("--json" in shown) is (command != "demo")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("--version") == Ran(0, "", "")

    assert capsys.readouterr().out == f"portalcal {package.__version__}\n"


def test_it_runs_as_a_module_too() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "portalcal", "--version"], capture_output=True, text=True, check=True
    )

    assert ran.stdout == f"portalcal {package.__version__}\n"


# --- usage errors -----------------------------------------------------------------------------------------------


QUOTES = 'put quotes around a time of two words, like "tomorrow 10:00"; see `portalcal book --help`'


@pytest.mark.parametrize(
    ("line", "fact", "hint"),
    [
        ("bok", "there is no command bok; did you mean book?", "see `portalcal --help`"),
        ("frobnicate", "there is no command frobnicate", "see `portalcal --help`"),
        ("--no-input", "a command is missing", "see `portalcal --help`"),
        ("--workspace", "--workspace needs a value", "see `portalcal --help`"),
        ("--jsn status", "there is no option --jsn", "see `portalcal --help`"),
        ("book", "START is missing", "see `portalcal book --help`"),
        ("book 'fri 10:00' --name Sam", "--email is missing", "see `portalcal book --help`"),
        (
            "book fri 10:00 --name Sam --email sam@example.com",
            "nothing more was expected, found 10:00",
            QUOTES,
        ),
        ("cancel 1 2 3", "nothing more was expected, found 2 3", "see `portalcal cancel --help`"),
        (
            "status --offlin",
            "there is no option --offlin; did you mean --offline?",
            "see `portalcal status --help`",
        ),
        ("status -x", "there is no option -x", "see `portalcal status --help`"),
        (
            "status --workspace a",
            "--workspace goes before the command",
            "write `portalcal --workspace … status`",
        ),
        ("status --verbose", "--verbose goes before the command", "write `portalcal --verbose status`"),
        ("connect --no-browser=yes", "--no-browser takes no value", "see `portalcal connect --help`"),
        (
            "connect --port http",
            "--port is http, expected a whole number from 0 to 65535",
            "see `portalcal connect --help`",
        ),
        (
            "availability --days 367",
            "--days is 367, expected a whole number from 1 to 366",
            "see `portalcal availability --help`",
        ),
        (
            "bookings --state cancled",
            "--state is cancled, expected held, confirmed, cancelling, cancelled or refused; did you mean cancelled?",
            "see `portalcal bookings --help`",
        ),
        (
            "book 'fri 10:00' --name Sam --email sam@example.com --notify me",
            "--notify is me, expected all, external or none",
            "see `portalcal book --help`",
        ),
        ("connect --timeout 5", "5 of what? A duration needs its unit", "write `5m` or `5h`"),
        (
            "availability --days 2 --until fri",
            "--days and --until both say where the window ends",
            "use one of them",
        ),
        (
            "--workspace a/b status",
            "'a/b' cannot name a workspace",
            "use letters, digits, dots, hyphens and underscores",
        ),
    ],
)
def test_a_line_that_cannot_be_understood_says_what_was_expected(line: str, fact: str, hint: str) -> None:
    assert typed(*shlex.split(line)) == Ran(2, "", f"error: {fact}\n\nhint: {hint}\n")


def test_json_belongs_after_the_command() -> None:
    ran = typed("--json", "bookings")

    told = json.loads(ran.err)
    assert (ran.exit, told["command"]) == (2, "bookings")
    assert told["error"]["message"] == "--json goes after the command"
    assert told["error"]["hint"] == "write `portalcal bookings --json`"


def test_usage_errors_are_json_too() -> None:
    ran = typed("connect", "--port", "http", "--json")

    assert (ran.exit, ran.out) == (2, "")
    assert json.loads(ran.err) == {
        "portalcal": 1,
        "command": "connect",
        "error": {
            "code": "usage",
            "message": "--port is http, expected a whole number from 0 to 65535",
            "hint": "see `portalcal connect --help`",
            "exit": 2,
            "retryable": False,
            "details": {
                "fact": "--port is http, expected a whole number from 0 to 65535",
                "remedy": "see `portalcal connect --help`",
            },
        },
    }


def test_a_value_that_is_a_commands_name_is_not_taken_for_the_command() -> None:
    ran = typed("--workspace", "book", "calendars", "--json")

    assert json.loads(ran.err)["command"] == "calendars"


# --- workspaces -------------------------------------------------------------------------------------------------


def test_advice_is_for_the_workspace_and_the_configuration_that_were_named(connected: Shell) -> None:
    config = str(connected.folder / "config.toml")

    ran = connected("--workspace", "sales", "--config", config, "calendars")

    assert ran == Ran(
        4,
        "",
        "error: the workspace sales is not connected to a Google account\n\n"
        f"hint: run `portalcal --workspace sales --config {config} connect`\n",
    )


def test_a_workspace_from_the_environment_needs_no_naming(connected: Shell) -> None:
    ran = connected("calendars", environ={"PORTALCAL_WORKSPACE": "sales"})

    assert ran.err.startswith("error: the workspace sales is not connected")
    assert ran.err.endswith("hint: run `portalcal connect`\n")


def test_the_flag_beats_the_environment(connected: Shell) -> None:
    ran = connected("--workspace", "support", "calendars", environ={"PORTALCAL_WORKSPACE": "sales"})

    assert ran.err.startswith("error: the workspace support is not connected")


# --- how it ends ------------------------------------------------------------------------------------------------


def test_a_bug_shows_its_traceback_to_people() -> None:
    ran = typed("bookings", fit=stumble)

    assert (ran.exit, ran.out) == (1, "")
    assert ran.err.startswith("Traceback (most recent call last):\n")
    assert ran.err.endswith("KeyError: '1//secret-token'\n")


def test_a_bug_is_an_internal_error_to_scripts_and_its_text_is_kept_back() -> None:
    ran = typed("bookings", "--json", fit=stumble)

    assert (ran.exit, ran.out) == (1, "")
    error = json.loads(ran.err)["error"]
    assert (error["code"], error["exit"], error["retryable"]) == ("internal-error", 1, False)
    assert error["message"].startswith("a bug in portalcal (KeyError in test_app.py:")
    assert "secret" not in ran.err


def stumble(_: Portal) -> None:
    """What nobody foresaw."""
    raise KeyError("1//secret-token")


def test_an_interruption_ends_with_130() -> None:
    def interrupt(_: Portal) -> None:
        raise KeyboardInterrupt

    ran = typed("bookings", "--json", fit=interrupt)

    assert (ran.exit, ran.out) == (130, "")


def test_ctrl_c_while_it_waits_ends_it_at_once_and_quietly(tmp_path: Path) -> None:
    client = tmp_path / "client.json"
    uri = "http://127.0.0.1:9/"
    client.write_text(
        json.dumps(
            {"installed": {"client_id": "id", "client_secret": "s", "auth_uri": uri, "token_uri": uri}}
        )
    )
    keyring = os.environ | {"PYTHON_KEYRING_BACKEND": "tests.adapters.keyrings.InMemory"}
    waiting = subprocess.Popen(
        [sys.executable, "-m", "portalcal", "connect", "--no-browser", "--client-secrets", str(client), "--json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=keyring,
    )  # fmt: skip
    assert waiting.stderr is not None
    asked = waiting.stderr.readline()
    assert asked.startswith(b"http://127.0.0.1:9/"), asked + waiting.stderr.read()

    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=10)

    assert (waiting.returncode, out, err.strip()) == (130, b"", b"")


@pytest.mark.parametrize(
    "line",
    [
        ("--version",),
        ("--help",),
        ("bookings",),
        ("bookings", "--json"),
        ("availability", "--days", "60"),
        ("availability", "--format", "csv", "--days", "60"),
        ("bookings", "--format", "csv"),
    ],
    ids=" ".join,
)
def test_a_reader_that_has_seen_enough_is_no_failure(line: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    process = subprocess.Popen(
        [sys.executable, "-m", "portalcal", *line],
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    _, err = process.communicate(timeout=20)

    assert process.returncode == 0
    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err


def test_what_is_typed_is_not_read_as_markup() -> None:
    assert typed("[red]bok[/red]").err.startswith("error: there is no command [red]bok[/red]")
