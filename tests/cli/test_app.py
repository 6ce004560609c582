"""The program as a whole: its help, its usage errors, and how it ends."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import portalcal as package
from portalcal.cli.app import COMMANDS, LazyCommand, run
from portalcal.cli.context import Invocation
from portalcal.cli.environment import VARIABLES
from portalcal.container import Container
from portalcal.errors import Exit
from portalcal.simulator.google import Simulator
from tests.cli.conftest import Ran, Shell
from tests.terminal import Terminal

ROOT = Path(package.__file__).parent


def typed(*arguments: str, customize: Callable[[Container], None] | None = None) -> Ran:
    """What a command line comes to on a machine where portalcal was never used."""
    out, err = io.StringIO(), io.StringIO()
    invocation = Invocation({"COLUMNS": "100"}, io.StringIO(), out, err, customize=customize)
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
def test_a_command_is_one_line_of_the_help(help_page: str, command: str) -> None:
    (line,) = (each for each in help_page.splitlines() if each.startswith(f"│ {command} "))

    assert line.strip("│ ").partition(" ")[2].strip() == COMMANDS[command].help
    assert LazyCommand(command, COMMANDS[command]).loaded().help != COMMANDS[command].help, (
        "its own says more"
    )


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
        ("avail", "there is no command avail; did you mean availability?", "see `portalcal --help`"),
        ("frobnicate", "there is no command frobnicate", "see `portalcal --help`"),
        ("--no-input", "a command is missing", "see `portalcal --help`"),
        ("--workspace", "--workspace needs a value", "see `portalcal --help`"),
        ("--jsn status", "there is no option --jsn; did you mean --json?", "see `portalcal --help`"),
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


# --- global options in any position


@pytest.mark.parametrize(
    "line", ["--json bookings", "bookings --json", "--no-input bookings --json --no-input"]
)
def test_json_is_taken_before_and_after_the_command(connected: Shell, line: str) -> None:
    ran = connected(*line.split())

    assert (ran.exit, ran.err, json.loads(ran.out)["result"]) == (0, "", {"bookings": []})


def test_a_command_without_json_says_so() -> None:
    ran = typed("--json", "demo")

    told = json.loads(ran.err)["error"]
    assert (ran.exit, told["message"]) == (2, "demo has no option --json")
    assert told["hint"] == "see `portalcal demo --help`"


@pytest.mark.parametrize(
    "line",
    [
        "--workspace sales bookings",
        "bookings --workspace sales",
        "bookings --workspace=sales",
        "--workspace eu bookings --workspace sales",
    ],
)
def test_the_workspace_is_taken_before_and_after_the_command(connected: Shell, line: str) -> None:
    connected.configure("[workspace.sales]\n[workspace.eu]\n")
    connected("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com", "--force")

    assert connected(*line.split(), "--json").result == {"bookings": []}
    assert len(connected.json("bookings").result["bookings"]) == 1


def test_an_error_repeats_a_workspace_that_stands_after_the_command(portalcal: Shell) -> None:
    portalcal.configure("[workspace.sales]\n")

    ran = portalcal("calendars", "--workspace", "sales", "--json")

    assert ran.error["hint"] == "run `portalcal --workspace sales connect`"


@pytest.mark.parametrize("title", ["--json", "--workspace", "-h", "--read-only"])
def test_a_value_that_looks_like_an_option_stays_a_value(connected: Shell, title: str) -> None:
    sam = ("--name", "Sam", "--email", "sam@example.com", "--force")

    ran = connected("book", "2026-11-24T10:00", *sam, "--title", title)

    assert ran.exit == 0
    assert connected.json("bookings").result["bookings"][0]["title"] == title


def test_a_value_that_looks_like_json_makes_no_error_json() -> None:
    ran = typed("book", "--name", "--json", "tomorrow 10:00")

    assert ran == Ran(2, "", "error: --email is missing\n\nhint: see `portalcal book --help`\n")


def test_usage_errors_before_the_command_are_json_too() -> None:
    ran = typed("--json", "bookings", "--stat", "held")

    told = json.loads(ran.err)
    assert (ran.exit, told["command"]) == (2, "bookings")
    assert told["error"]["message"] == "there is no option --stat; did you mean --state?"


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_h_is_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(*command.split(), "-h").exit == 0

    assert "Usage: portalcal" in capsys.readouterr().out


def test_the_help_names_every_variable_that_is_read() -> None:
    sources = "".join(each.read_text(encoding="utf-8") for each in ROOT.rglob("*.py"))

    assert set(re.findall(r"(?<!_)PORTALCAL_[A-Z][A-Z_]*[A-Z]", sources)) == {
        name for name in VARIABLES if name.startswith("PORTALCAL_")
    }


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
    connected.configure("[workspace.sales]\n")
    config = str(connected.folder / "config.toml")

    ran = connected("--workspace", "sales", "--config", config, "calendars")

    assert ran == Ran(
        4,
        "",
        "error: the workspace sales is not connected to a Google account\n\n"
        f"hint: run `portalcal --workspace sales --config {config} connect`\n",
    )


def test_a_workspace_from_the_environment_needs_no_naming(connected: Shell) -> None:
    connected.configure("[workspace.sales]\n[workspace.support]\n")

    ran = connected("calendars", environ={"PORTALCAL_WORKSPACE": "sales"})

    assert ran.err.startswith("error: the workspace sales is not connected")
    assert ran.err.endswith("hint: run `portalcal connect`\n")


def test_the_flag_beats_the_environment(connected: Shell) -> None:
    connected.configure("[workspace.sales]\n[workspace.support]\n")

    ran = connected("--workspace", "support", "calendars", environ={"PORTALCAL_WORKSPACE": "sales"})

    assert ran.err.startswith("error: the workspace support is not connected")


# --- how it ends ------------------------------------------------------------------------------------------------


def test_a_bug_shows_its_traceback_to_people() -> None:
    ran = typed("bookings", customize=stumble)

    assert (ran.exit, ran.out) == (1, "")
    assert ran.err.startswith("Traceback (most recent call last):\n")
    assert ran.err.endswith("KeyError: '1//secret-token'\n")


def test_a_bug_is_an_internal_error_to_scripts_and_its_text_is_kept_back() -> None:
    ran = typed("bookings", "--json", customize=stumble)

    assert (ran.exit, ran.out) == (1, "")
    error = json.loads(ran.err)["error"]
    assert (error["code"], error["exit"], error["retryable"]) == ("internal-error", 1, False)
    assert error["message"].startswith("a bug in portalcal (KeyError in test_app.py:")
    assert "secret" not in ran.err


def stumble(_: Container) -> None:
    """What nobody foresaw."""
    raise KeyError("1//secret-token")


def test_an_interruption_ends_with_130() -> None:
    def interrupt(_: Container) -> None:
        raise KeyboardInterrupt

    ran = typed("bookings", "--json", customize=interrupt)

    assert (ran.exit, ran.out) == (130, "")


def test_ctrl_c_while_it_waits_ends_it_at_once_and_quietly(tmp_path: Path) -> None:
    client = tmp_path / "client.json"
    uri = "http://127.0.0.1:9/"
    client.write_text(
        json.dumps(
            {"installed": {"client_id": "id", "client_secret": "s", "auth_uri": uri, "token_uri": uri}}
        )
    )
    keyring = os.environ | {"PYTHON_KEYRING_BACKEND": "tests.adapters.vault.keyrings.InMemory"}
    waiting = subprocess.Popen(
        [sys.executable, "-m", "portalcal", "connect", "--no-browser", "--client-secrets", str(client), "--json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=keyring,
    )  # fmt: skip
    try:
        assert waiting.stderr is not None
        asked = waiting.stderr.readline()
        assert asked.startswith(b"http://127.0.0.1:9/"), asked + waiting.stderr.read()

        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=120)
    finally:
        waiting.kill()
        waiting.communicate()

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
    time_context, writing = os.pipe()
    os.close(time_context)

    process = subprocess.Popen(
        [sys.executable, "-m", "portalcal", *line],
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    _, err = process.communicate(timeout=120)

    assert process.returncode == 0
    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err


def test_what_is_typed_is_not_read_as_markup() -> None:
    assert typed("[red]bok[/red]").err.startswith("error: there is no command [red]bok[/red]")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("portalcal av", ["availability"]),
        ("portalcal book --no-i", ["--no-input"]),
        ("portalcal bookings --state conf", ["confirmed"]),
    ],
)
def test_a_shell_that_asks_for_completions_is_answered_with_0(line: str, offered: list[str]) -> None:
    asked = {"_PORTALCAL_COMPLETE": "fish", "_PORTALCAL_LINE": line}

    done = subprocess.run(
        [sys.executable, "-m", "portalcal"],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )

    kind, *candidates = done.stdout.splitlines()
    assert (done.returncode, kind, done.stderr) == (0, "values", "")
    assert [each.partition("\t")[0] for each in candidates] == offered


# --- a pipe that breaks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), SystemExit(1), SystemExit(0)])
def test_only_a_stdout_that_nobody_reads_ends_with_0(error: BaseException) -> None:
    """A broken socket, or a library that ends the process, is no reader who has seen enough."""

    def stumble(_: Container) -> None:
        raise error

    ran = typed("bookings", "--json", customize=stumble)

    assert (ran.exit, ran.out) == (1, "")
    told = json.loads(ran.err)["error"]
    assert told["code"] == "internal-error"
    assert told["message"].startswith(f"a bug in portalcal ({type(error).__name__} in ")


def test_a_broken_socket_inside_a_command_is_told_as_what_it_is() -> None:
    def stumble(_: Container) -> None:
        one, other = socket.socketpair()
        other.close()
        with one:
            one.sendall(b"x")

    ran = typed("bookings", customize=stumble)

    assert (ran.exit, ran.out) == (1, "")
    assert "BrokenPipeError: [Errno 32] Broken pipe" in ran.err


# --- waiting, and the log


def test_a_person_who_waits_reads_why(connected: Shell, google: Simulator) -> None:
    google.faults.add("freebusy.query: 503 once")
    err = Terminal()

    exit_ = run(("availability",), connected.invocation(io.StringIO(), err, {"TERM": "dumb"}))

    assert exit_ == 0
    assert err.getvalue().splitlines()[0] == "Google is busy, trying again (2 of 4)"


def test_a_log_file_has_dates_and_levels_as_json_lines(connected: Shell, google: Simulator) -> None:
    google.faults.add("freebusy.query: 503 once")
    path = connected.folder / "portalcal.log"

    ran = connected("availability", "--log-file", str(path))

    lines = [json.loads(each) for each in path.read_text().splitlines()]
    assert (ran.exit, path.stat().st_mode & 0o777) == (0, 0o600)
    assert {"at", "level", "logger", "message"} == set(lines[0])
    assert "Google is busy, trying again (2 of 4)" in [each["message"] for each in lines]
    assert "ya29." not in path.read_text()


def test_a_log_file_that_cannot_be_written_is_named(connected: Shell) -> None:
    ran = connected.json("bookings", "--log-file", str(connected.folder / "none" / "log"))

    assert (ran.exit, ran.error["message"].endswith("cannot be written: no such file or directory")) == (
        2,
        True,
    )
