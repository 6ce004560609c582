"""`connect --vault file`: secrets sealed under a passphrase, on machines without a keyring."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portalcal.adapters.vault.file import Cost
from portalcal.simulator.google import Simulator
from tests.adapters.vault.keyrings import InMemory
from tests.cli.conftest import ANA, Shell

ROW = '{"start": "2026-11-24T10:00", "name": "Sam", "email": "sam@example.com"}\n'
VARIABLE = "PORTALCAL_VAULT_PASSPHRASE"


@pytest.fixture
def server(portalcal: Shell) -> Iterator[Shell]:
    """A machine whose keyring is not there, with a passphrase in the environment."""
    portalcal.has_own_vault = False
    portalcal.environ[VARIABLE] = "open sesame"
    yield portalcal
    InMemory.clear()


def vault_files(shell: Shell) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in (shell.folder.parent / "home").rglob("*.vault")}


def test_secrets_are_kept_in_sealed_files_and_later_commands_open_them(
    server: Shell, google: Simulator
) -> None:
    ran = server.json("connect", "--vault", "file")

    assert json.loads(ran.out)["result"]["vault"] == "file"
    assert server.json("calendars").result["booking"] == ANA
    assert set(vault_files(server)) == {"refresh-token.vault", "access-token.vault"}
    for content in vault_files(server).values():
        assert not [each for each in {*google.secrets(), "sesame"} if each.encode() in content]


def test_the_configuration_can_say_so(server: Shell) -> None:
    server.configure('[vault]\nkind = "file"\n')

    assert server("connect").exit == 0
    assert server.json("calendars").exit == 0
    assert vault_files(server)


def test_an_expired_access_token_is_renewed_into_the_file(server: Shell, google: Simulator) -> None:
    server("connect", "--vault", "file")
    before = vault_files(server)
    google.clock.advance(hours=2)
    google.grants.policy.rotate = True

    assert server.json("calendars").exit == 0

    after = vault_files(server)
    assert before.keys() == after.keys()
    assert all(before[name] != after[name] for name in before)
    google.clock.advance(hours=2)
    assert server.json("calendars").exit == 0


def test_a_wrong_passphrase_is_a_matter_of_configuration(server: Shell) -> None:
    server("connect", "--vault", "file")

    ran = server("calendars", environ={VARIABLE: "open barley"})

    assert ran.exit == 3
    assert "the passphrase does not open it" in ran.err
    assert "barley" not in ran.err


@pytest.mark.parametrize(
    "command", [("connect", "--vault", "file"), ("calendars",), ("book", "--file", "-"), ("availability",)]
)
def test_without_a_passphrase_and_without_anybody_to_ask_the_variable_is_named(
    server: Shell, google: Simulator, command: tuple[str, ...]
) -> None:
    if command[0] != "connect":
        server("connect", "--vault", "file")
    google.forget_requests()
    server.stdin = io.StringIO(ROW)

    ran = server(*command, "--json", environ={VARIABLE: ""})

    told = json.loads(ran.out or ran.err)["error"]
    assert (ran.exit, told["code"]) == (3, "vault-unavailable")
    assert told["message"] == (
        f"the vault file cannot be used: {VARIABLE} is not set, and nobody can be asked for it here"
        + (". Nothing was booked." if command[0] == "book" else "")
    )
    assert told["hint"] == f"set {VARIABLE}, or {VARIABLE}_FILE to a file that holds it"
    assert google.requests == [], "nobody may be sent to a consent page whose outcome cannot be kept"


def test_the_passphrase_is_taken_from_a_file(server: Shell) -> None:
    file = server.folder / "passphrase"
    file.write_text("open sesame\n")
    server("connect", "--vault", "file")

    ran = server("calendars", "--json", environ={VARIABLE: "", f"{VARIABLE}_FILE": str(file)})

    assert ran.exit == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: no such file or directory"),
        (b"", "does not hold one line of text"),
        (b"open\nsesame\n", "does not hold one line of text"),
        (b"\xff\xfe", "cannot be read: it is not UTF-8"),
    ],
)
def test_a_file_without_a_passphrase_is_named(server: Shell, content: bytes | None, words: str) -> None:
    server("connect", "--vault", "file")
    file = server.folder / "passphrase"
    if content is not None:
        file.write_bytes(content)

    ran = server("calendars", "--json", environ={VARIABLE: "", f"{VARIABLE}_FILE": str(file)})

    assert (ran.exit, ran.error["code"]) == (3, "vault-unavailable")
    assert f"{VARIABLE}_FILE names {file}, which {words}" in ran.error["message"]


def test_a_lost_passphrase_is_replaced_by_a_new_consent_under_another(server: Shell) -> None:
    server("connect", "--vault", "file")
    new = {VARIABLE: "open barley"}
    hint = server("calendars", "--json", environ=new).error["hint"]
    assert "`portalcal connect --vault file --new-passphrase`" in hint

    ran = server("connect", "--vault", "file", "--new-passphrase", "--json", environ=new)

    assert (ran.exit, json.loads(ran.out)["result"]["already"]) == (0, False)
    assert server("calendars", "--json", environ=new).exit == 0
    assert server.json("calendars").error["code"] == "vault-unavailable"


def test_a_new_passphrase_without_consent_leaves_the_vault_as_it_is(server: Shell, google: Simulator) -> None:
    server("connect", "--vault", "file")
    google.consent = "deny"

    ran = server("connect", "--new-passphrase", "--json", environ={VARIABLE: "open barley"})

    assert ran.exit == 4
    assert server.json("calendars").exit == 0


def test_a_new_passphrase_is_for_a_vault_file(server: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.adapters.vault.keyrings.InMemory")

    ran = server.json("connect", "--new-passphrase")

    assert (ran.exit, ran.error["message"]) == (2, "--new-passphrase is for secrets in a vault file")


def test_status_names_the_vault_and_what_is_wrong_with_it(server: Shell) -> None:
    server("connect", "--vault", "file")
    checks = {each["name"]: each for each in server.json("status").result["checks"]}
    assert (checks["vault.backend"]["detail"], checks["vault.read"]["detail"]) == ("file", "readable")

    ran = server("status", "--json", environ={VARIABLE: "open barley"})

    assert ran.exit == 3
    assert ran.result["state"] == "vault-unavailable"


def test_disconnecting_leaves_no_file(server: Shell) -> None:
    server("connect", "--vault", "file")

    assert server.json("disconnect", "--yes").result["revocation"] == "revoked"
    assert vault_files(server) == {}


def test_moving_to_the_file_takes_a_consent_and_leaves_nothing_in_the_keyring(
    server: Shell, google: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.adapters.vault.keyrings.InMemory")
    assert server("connect").exit == 0
    assert InMemory.kept

    assert server("connect", "--vault", "file").exit == 0

    assert not InMemory.kept
    assert server.json("calendars").exit == 0
    google.forget_requests()
    assert server("connect").exit == 0, "and it stays there"
    assert google.count("oauth.authorize") == 0


def test_a_selection_made_with_a_token_of_the_environment_takes_no_secret_away(
    server: Shell, google: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.adapters.vault.keyrings.InMemory")
    google.add_calendar("team@example.com", summary="Team", role="reader")
    token = {"PORTALCAL_ACCESS_TOKEN": str(google.issue_token())}
    assert server("calendars", "--select", "Team", environ=token).exit == 0

    assert server("connect").exit == 0

    assert server.json("calendars").result["conflicts"][-1] == "team@example.com"


def typed(shell: Shell, *arguments: str, answers: tuple[str, ...]) -> tuple[int, str]:
    """Run the program on a terminal of its own, typing an answer at each prompt; its exit and what was seen."""
    leader, terminal = pty.openpty()
    environ = {**os.environ, **shell.environ}
    environ.pop(VARIABLE)
    # A session of its own makes the terminal the one that getpass opens as /dev/tty.
    script = (
        "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
        f"os.execv(sys.executable, [sys.executable, '-m', 'portalcal', *{arguments!r}])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=terminal, stdout=terminal, stderr=terminal, env=environ
    )
    os.close(terminal)
    seen, waiting = "", list(answers)
    try:
        while select.select([leader], [], [], 120)[0]:
            seen += os.read(leader, 4096).decode()
            if waiting and seen.rstrip(" ").endswith((" vault file:", "Once more:")):
                os.write(leader, waiting.pop(0).encode() + b"\n")
    # Linux says so when the last process on the terminal has ended.
    except OSError:
        pass
    finally:
        os.close(leader)
    return process.wait(120), seen


def test_on_a_terminal_the_passphrase_is_typed_and_not_shown(server: Shell) -> None:
    server.vault_file_cost = Cost()
    server("connect", "--vault", "file")

    exit_code, seen = typed(server, "calendars", answers=("open sesame",))

    assert exit_code == 0, seen
    assert ANA in seen
    assert "sesame" not in seen


def test_a_new_passphrase_is_typed_twice_and_must_be_the_same(server: Shell, google: Simulator) -> None:
    exit_code, seen = typed(server, "connect", "--vault", "file", answers=("open sesame", "open simsim"))

    assert exit_code == 2
    assert "the two passphrases differ. Nothing was kept." in seen
    assert google.count("oauth.authorize") == 0


def test_the_file_lies_beside_the_connection(server: Shell, tmp_path: Path) -> None:
    server("connect", "--vault", "file")

    connection = next((tmp_path / "home").rglob("connection.toml"))
    assert 'vault = "file"' in connection.read_text()
    assert {each.stat().st_mode & 0o777 for each in connection.parent.glob("*.vault")} == {0o600}
