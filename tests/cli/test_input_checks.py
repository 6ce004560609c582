"""What comes in by the command line, the environment and files, and is no text or no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from portalcal.cli.app import COMMANDS, run
from portalcal.cli.crash_report import redacted, redacted_traceback
from portalcal.cli.input_checks import PATH_OPTIONS
from tests.cli.conftest import Shell

BOOK = ("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com")
BROKEN = "S\udce4m"
TOKEN = "ya29.a0AfH6SMBx-very_secret"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_word_that_is_not_utf_8_is_a_usage_error_everywhere(portalcal: Shell, command: str) -> None:
    ran = portalcal(command, BROKEN)

    assert (ran.exit, ran.out) == (2, "")
    assert "word 2 of the command line is not UTF-8" in ran.err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--name", BROKEN), "--name"),
        ((f"--title={BROKEN}",), "--title"),
        (("--notes", BROKEN), "--notes"),
        (("--key", "a\x00b"), "--key"),
        (("--name", "Sam\nLee"), "--name"),
        (("--title", "a\x1b[2Jb"), "--title"),
        (("--email", "sam@exa\rmple.com"), "--email"),
        (("--notes", "a\x00b"), "--notes"),
        (("--timezone", BROKEN), "--timezone"),
    ],
)
def test_the_option_is_named(connected: Shell, words: tuple[str, ...], named: str) -> None:
    error = connected.json(*BOOK, *words).error

    assert (error["code"], error["exit"]) == ("usage", 2)
    assert error["message"].startswith(f"the value of {named} ")


def test_global_options_are_seen_as_well(portalcal: Shell) -> None:
    assert "the value of --workspace is not UTF-8" in portalcal("--workspace", BROKEN, "status").err
    assert "the value of --config is not UTF-8" in portalcal("--config", BROKEN, "status").err


# --- files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--offline", "--report=~/new.txt"),
        ("ledger", "--backup=~/new.db"),
        ("sync", "--metrics=~/new.prom"),
        ("--log-file=~/new.jsonl", "bookings"),
        # Quoted, so that the shell left them alone.
        ("ledger", "--backup", "~/new.db"),
        ("sync", "--metrics", "~/new.prom"),
    ],
    ids=" ".join,
)
def test_a_home_folder_that_the_shell_left_is_expanded(
    connected: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    assert connected(*BOOK).exit == 0
    monkeypatch.setenv("HOME", str(tmp_path))

    ran = connected(*words)

    assert ran.exit == 0, ran
    assert [each.stem for each in tmp_path.glob("new.*")] == ["new"]


@pytest.mark.parametrize("command", ["cancel", "reschedule", "book"])
def test_lines_are_read_from_a_home_folder(
    connected: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "lines").touch()
    monkeypatch.setenv("HOME", str(tmp_path))

    assert "is empty" in connected(command, "--file=~/lines").err


def test_every_option_that_names_a_file_is_among_those_that_are_expanded() -> None:
    grammar = json.loads((files("portalcal") / "cli" / "grammar.json").read_text(encoding="utf-8"))

    assert set(options_of_paths(grammar)) == PATH_OPTIONS


def options_of_paths(grammar: object) -> Iterator[str]:
    """The options whose values a shell completes with files or folders."""
    if isinstance(grammar, list):
        for each in grammar:
            yield from options_of_paths(each)
    if isinstance(grammar, dict):
        if grammar.get("completes") in {"files", "folders"}:
            yield from (each for each in grammar["names"] if each.startswith("--"))
        yield from options_of_paths(list(grammar.values()))


@pytest.mark.parametrize(
    "text",
    [
        '[google]\nclient_secrets = "~nobody-at-all/client.json"',
        '[google]\nservice_account = "~nobody-at-all/key.json"\nsubject = "ana@example.com"',
        '[ledger]\nurl = "sqlite:///~nobody-at-all/ledger.db"',
        '[schedule]\nholidays_file = "~nobody-at-all/days.ics"',
    ],
)
def test_the_home_folder_of_nobody_is_a_file_that_is_not_there(
    portalcal: Shell, tmp_path: Path, text: str
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text)

    ran = portalcal("--config", str(config), "status", "--offline")

    # A ledger that is not there yet is made by the first booking.
    assert (ran.exit, "Traceback" in ran.err) == (4 if "[ledger]" in text else 3, False), ran


@pytest.mark.parametrize(
    "line", [("--config=~nobody-at-all/x", "offers"), ("connect", "--client-secrets=~nobody-at-all/x")]
)
def test_an_option_may_name_the_home_folder_of_nobody(portalcal: Shell, line: tuple[str, ...]) -> None:
    error = portalcal.json(*line).error

    assert error["exit"] == 3
    assert "~nobody-at-all/x" in error["message"]


@pytest.mark.parametrize(
    "words",
    [("ledger", "--backup", "-"), ("sync", "--metrics", "-"), ("--log-file", "-", "offers")],
    ids=" ".join,
)
def test_what_cannot_be_beside_the_answer_does_not_go_to_stdout(
    connected: Shell, words: tuple[str, ...]
) -> None:
    ran = connected(*words)

    assert (ran.exit, ran.out) == (2, "")
    assert "takes a file: stdout is for the answer" in ran.err
    assert not Path("-").exists()


@pytest.mark.parametrize("option", ["--notes", "--title", "--location"])
def test_texts_for_people_may_have_lines(connected: Shell, option: str) -> None:
    assert connected.json(*BOOK, option, "first\n\tsecond\r\n").exit == 0


@pytest.mark.parametrize("name", ["WORKSPACE", "CONFIG", "ACTOR", "VAULT_PASSPHRASE", "VAULT_TIMEOUT"])
@pytest.mark.parametrize("value", [BROKEN, "a\x07b", "a\nb"])
def test_a_variable_that_is_no_text_is_named(connected: Shell, name: str, value: str) -> None:
    ran = connected("bookings", environ={f"PORTALCAL_{name}": value})

    assert (ran.exit, ran.out) == (2, "")
    assert f"PORTALCAL_{name} " in ran.err


@pytest.mark.parametrize("name", ["PORTALCAL_ACCESS_TOKEN", "PORTALCAL_REFRESH_TOKEN"])
@pytest.mark.parametrize(
    "value",
    [f"{TOKEN}\nX", f"{TOKEN}\r\nX: y", f"“{TOKEN}”", f'"{TOKEN}"', f"{TOKEN} {TOKEN}", f"Bearer {TOKEN}", f"{TOKEN}é",
     f"{TOKEN}\udcff", f"{TOKEN}\x00", f"{TOKEN}\u00a0x"],
)  # fmt: skip
@pytest.mark.parametrize(
    "line", [("calendars",), ("status",), ("status", "--offline", "--json"), BOOK, ("sync",)]
)
def test_a_token_that_can_be_none_is_never_repeated(
    portalcal: Shell, name: str, value: str, line: tuple[str, ...]
) -> None:
    ran = portalcal(*line, environ={name: value})

    assert (ran.exit, ran.out) == (2, "")
    assert name in ran.err
    assert "ya29" not in ran.err


def test_the_line_end_a_shell_left_is_no_part_of_a_token(connected: Shell) -> None:
    token = str(connected.google.issue_token())

    assert connected("calendars", environ={"PORTALCAL_ACCESS_TOKEN": f"{token}\n"}).exit == 0


def test_the_process_itself_refuses_bytes_that_are_no_text(tmp_path: Path) -> None:
    def ran(*words: bytes, **environ: bytes) -> subprocess.CompletedProcess[bytes]:
        known = {os.fsencode(name): os.fsencode(value) for name, value in os.environ.items()}
        added = {name.encode(): value for name, value in environ.items()}
        command = (os.fsencode(sys.executable), b"-m", b"portalcal", *words)
        return subprocess.run(command, env=known | added, capture_output=True, check=False)

    for each in (
        ran(b"bookings", b"--email", b"\xff\xfe"),
        ran(b"bookings", PORTALCAL_ACCESS_TOKEN=b"ya29\xe2x"),
    ):
        assert each.returncode == 2
        assert b"is not UTF-8" in each.stderr
        assert b"Traceback" not in each.stderr


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("name", "Sam\nLee", "--name holds a control character"),
        ("title", "a\x1bb", "--title holds a control character"),
        ("notes", "a\x00b", "--notes holds a control character"),
        ("email", "sam\x07@example.com", "is not an e-mail address"),
        ("name", "\ud83d", "expected UTF-8"),
        ("key", "a\x00b", "--key holds a control character"),
        ("timezone", "Europe\x00/London", "is not a zone"),
        ("link", "a\x00b", "there is no link"),
    ],
)
def test_lines_of_a_file_are_held_to_the_same(
    connected: Shell, tmp_path: Path, field: str, value: str, complaint: str
) -> None:
    line = {"start": "2026-11-24T10:00", "name": "Sam", "email": "sam@example.com"}
    (tmp_path / "lines").write_text(json.dumps(line | {field: value}) + "\n" + json.dumps(line))

    ran = connected("book", "--file", str(tmp_path / "lines"), "--json")

    first, second = map(json.loads, ran.out.splitlines())
    assert ran.exit == 9
    assert complaint in first["error"]["message"]
    assert second["result"]["state"] == "confirmed"


def test_a_column_that_is_no_text_costs_its_line_alone(connected: Shell, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text('{"start": "2026-11-24T10:00", "\\ud800": "x"}\n')

    assert connected("book", "--file", str(tmp_path / "lines"), "--json").exit == 9


# --- the last resort


def failing(*, environ: dict[str, str], words: str) -> str:
    error = RuntimeError(f"while sending {words}")
    error.__cause__ = ValueError(words)
    return redacted_traceback(error, environ)


@pytest.mark.parametrize(
    "words",
    [
        f"Invalid header value b'Bearer {TOKEN}'",
        "grant_type=refresh_token&refresh_token=1//0gshort&client_secret=GOCSPX-x1",
        "{'access_token': 'abc', 'code': '4/0x'}",
        "the passphrase correct horse battery staple is odd",
        f"a line\n{TOKEN}",
    ],
)
def test_no_traceback_holds_a_secret(words: str) -> None:
    told = failing(
        environ={
            "PORTALCAL_VAULT_PASSPHRASE": "correct horse battery staple",
            "PORTALCAL_ACCESS_TOKEN": TOKEN,
        },
        words=words,
    )

    for secret in (TOKEN, "1//0gshort", "GOCSPX-x1", "abc", "4/0x", "horse", "battery"):
        assert secret not in told
    assert told.count("Traceback (most recent call last):") == 2
    assert "The above exception was the direct cause" in told
    assert "RuntimeError: while sending" in told


def test_what_is_no_secret_is_still_told() -> None:
    told = "KeyError: 'when' of 6f1c2f3e-0000-4000-8000-3b1f0a2b3c4d in MutableMappingFactory"

    assert redacted(told) == told


def test_a_bug_is_told_through_it(connected: Shell) -> None:
    def broken(_portal: object) -> None:
        raise LookupError(f"Bearer {TOKEN}")

    import io

    from portalcal.cli.context import Invocation

    err = io.StringIO()
    status = run(
        ("bookings",), Invocation(connected.environ, io.StringIO(), io.StringIO(), err, customize=broken)
    )

    assert status == 1
    assert "LookupError: Bearer …" in err.getvalue()
    assert "test_input_checks.py" in err.getvalue()
    assert TOKEN not in err.getvalue()
