"""Debian's gnome-keyring in every state a machine can have it in, each in a process of its own as a command is.

The states and what the keyring package makes of them were measured: unlocked, locked, no keyring made, daemon stopped,
no daemon, no D-Bus, dead socket, plain-text backend.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.real.keyring_session import KeyringSession, keyring_session, missing_packages

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(missing_packages()), reason=f"apt-get install {' '.join(missing_packages())}"),
]

SECRET_SERVICE = "keyring.backends.SecretService.Keyring"
NO_DESKTOP = (
    "on a machine without a desktop, keep secrets in a sealed file with `portalcal connect --vault file`, "
    "or give a token in PORTALCAL_REFRESH_TOKEN"
)

LIMIT = 60.0  # seconds that a keyring which answers keeps to on a loaded machine too
WHOLE_PROCESS = 200.0  # seconds for a process that starts, waits for that once and ends

_SCRIPT = """
import json, sys
from portalcal.adapters.vault.keyring import KeyringVault
from portalcal.errors import VaultUnavailable
from portalcal.ports import Secret

vault = KeyringVault("default", backend=sys.argv[1] or None, timeout=float(sys.argv[2]))
try:
    if sys.argv[3] == "read":
        told = {"secret": vault.read(Secret.REFRESH_TOKEN), "backend": vault.backend}
    elif sys.argv[3] == "write":
        told = {"written": vault.write(Secret.REFRESH_TOKEN, "1//s3cret")}
    else:
        told = {"forgotten": vault.forget()}
except VaultUnavailable as error:
    told = {"message": error.message, "hint": error.hint}
print(json.dumps(told))
"""


def ask(
    environ: Mapping[str, str], question: str, *, backend: str = SECRET_SERVICE, limit: float = LIMIT
) -> dict[str, str | None]:
    """Ask a vault in a process of its own, and return its answer. That process ends, whatever the keyring does."""
    known = {name: value for name, value in environ.items() if name != "PYTHON_KEYRING_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, backend, str(limit), question],
        env=known,
        capture_output=True,
        text=True,
        check=True,
        timeout=WHOLE_PROCESS,
    )
    assert done.stderr == ""
    answer: dict[str, str | None] = json.loads(done.stdout)
    return answer


@pytest.fixture
def session(tmp_path: Path) -> Iterator[KeyringSession]:
    with keyring_session(tmp_path / "session") as opened:
        yield opened


@pytest.fixture
def unlocked(session: KeyringSession) -> KeyringSession:
    session.start_daemon(password="open sesame")
    return session


@pytest.mark.parametrize("backend", ["", SECRET_SERVICE], ids=["searched", "remembered"])
def test_an_unlocked_keyring_keeps_a_secret_from_one_process_to_the_next(
    unlocked: KeyringSession, backend: str
) -> None:
    assert ask(unlocked.environ, "read", backend=backend) == {
        "secret": None,
        "backend": SECRET_SERVICE,
    }

    assert ask(unlocked.environ, "write", backend=backend) == {"written": None}
    assert ask(unlocked.environ, "read", backend=backend) == {
        "secret": "1//s3cret",
        "backend": SECRET_SERVICE,
    }

    assert ask(unlocked.environ, "forget", backend=backend) == {"forgotten": None}
    assert ask(unlocked.environ, "read", backend=backend)["secret"] is None


def test_a_secret_lies_in_no_file_in_the_clear(unlocked: KeyringSession) -> None:
    ask(unlocked.environ, "write")

    files = [each for each in Path(unlocked.environ["XDG_DATA_HOME"]).rglob("*") if each.is_file()]

    assert files
    assert [each for each in files if b"s3cret" in each.read_bytes()] == []


@pytest.mark.parametrize("question", ["read", "write", "forget"])
def test_a_locked_keyring_says_how_to_unlock_it(unlocked: KeyringSession, question: str) -> None:
    ask(unlocked.environ, "write")
    unlocked.lock()

    answer = ask(unlocked.environ, question)

    assert answer == {
        "message": "the keyring cannot be used (Secret Service): it is locked, and nobody could be asked for its password",
        "hint": f"unlock it by logging in on the desktop, or with `gnome-keyring-daemon --unlock`; {NO_DESKTOP}",
    }


@pytest.mark.parametrize("question", ["read", "write", "forget"])
def test_a_machine_where_no_keyring_was_made_says_how_to_make_one(
    session: KeyringSession, question: str
) -> None:
    session.start_daemon()

    answer = ask(session.environ, question)

    assert answer == {
        "message": "the keyring cannot be used (Secret Service): no keyring was made yet, and nobody could be asked for "
        "the password of a new one",
        "hint": "log in on the desktop once, or make one with `gnome-keyring-daemon --unlock`, which reads the password "
        f"from its input; {NO_DESKTOP}",
    }


@pytest.mark.parametrize("question", ["read", "write", "forget"])
def test_a_daemon_that_was_stopped_is_given_up_in_time_and_the_process_ends(
    unlocked: KeyringSession, question: str
) -> None:
    unlocked.freeze()

    answer = ask(unlocked.environ, question, limit=2)

    assert answer == {
        "message": "the keyring cannot be used (Secret Service): it did not answer within 2 s",
        "hint": "if a window asks for its password, set PORTALCAL_VAULT_TIMEOUT=60 and answer that; else restart the "
        "keyring service by logging in again",
    }


@pytest.mark.parametrize("backend", ["", SECRET_SERVICE], ids=["searched", "remembered"])
def test_a_session_without_a_keyring_service_says_so(session: KeyringSession, backend: str) -> None:
    answer = ask(session.environ, "read", backend=backend)

    assert answer == {
        "message": "the keyring cannot be used: no keyring service runs in this session",
        "hint": f"install and start one (Debian: the package gnome-keyring); {NO_DESKTOP}",
    }


@pytest.mark.parametrize("address", [None, "unix:path=/nowhere/bus"], ids=["no address", "dead socket"])
@pytest.mark.parametrize("backend", ["", SECRET_SERVICE], ids=["searched", "remembered"])
def test_a_session_without_d_bus_says_so(session: KeyringSession, address: str | None, backend: str) -> None:
    environ = {name: value for name, value in session.environ.items() if name != "DBUS_SESSION_BUS_ADDRESS"}

    answer = ask(
        environ | ({"DBUS_SESSION_BUS_ADDRESS": address} if address else {}), "write", backend=backend
    )

    assert answer == {
        "message": "the keyring cannot be used: this session has no D-Bus, over which keyrings are reached; cron jobs, "
        "containers and `su` have none",
        "hint": "run it in a login session, or under `dbus-run-session` with a keyring unlocked; "
        + NO_DESKTOP,
    }


def test_a_daemon_that_ends_leaves_the_next_process_with_the_sentence_for_that(
    unlocked: KeyringSession,
) -> None:
    ask(unlocked.environ, "write")
    unlocked.stop_daemon()

    answer = ask(unlocked.environ, "read")

    assert answer["message"] == "the keyring cannot be used: no keyring service runs in this session"
