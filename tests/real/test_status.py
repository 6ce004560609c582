"""`status` as a process of its own, with a real keyring in every state, a clock that is wrong, and a Google that hangs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from portalcal.adapters.connection_file import ConnectionFile
from portalcal.core.permissions import Permission, scopes_to_ask
from portalcal.ports import Connection
from portalcal.simulator.google import Simulator
from tests.cli.hints import assert_can_be_run
from tests.real.keyring_session import KeyringSession, keyring_session, missing_packages

ANA = "ana@example.com"
_BACKEND = "keyring.backends.SecretService.Keyring"
_KEEP = """
import sys
from portalcal.adapters.vault.keyring import KeyringVault
from portalcal.ports import Secret
KeyringVault("default", timeout=10).write(Secret.REFRESH_TOKEN, sys.argv[1])
"""
# Seconds for a process on a loaded machine; what hangs would take longer by far.
_MOST = 90

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Status:
    """What one `portalcal status --json` said."""

    exit: int
    result: dict[str, Any]

    def check(self, name: str) -> dict[str, Any]:
        """One check of it."""
        return next(each for each in self.result["checks"] if each["name"] == name)

    @property
    def troubled(self) -> list[str]:
        """The checks that did not come out well; every hint of theirs can be run."""
        found = [each for each in self.result["checks"] if each["state"] in {"fail", "warn"}]
        for each in found:
            assert_can_be_run(each["hint"] or "")
        return [each["name"] for each in found]


def status(environ: Mapping[str, str], *arguments: str, through: tuple[str, ...] = ()) -> Status:
    """Run the command, which ends whatever hangs; `through` is a program that starts it."""
    ran = subprocess.run(
        [*through, sys.executable, "-m", "portalcal", "status", "--json", *arguments],
        env=environ, capture_output=True, text=True, check=False, timeout=_MOST,
    )  # fmt: skip
    assert ran.stderr == ""
    return Status(ran.returncode, json.loads(ran.stdout)["result"])


@pytest.fixture
def google() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


# --- a real keyring -------------------------------------------------------------------------------------------


@pytest.fixture
def session(tmp_path: Path) -> Iterator[KeyringSession]:
    """A session in which portalcal is connected, and whose keyring is open."""
    if missing := missing_packages():
        pytest.skip(f"apt-get install {' '.join(missing)}")
    with keyring_session(tmp_path / "session") as opened:
        opened.start_daemon(password="open sesame")
        opened.environ.pop("PYTHON_KEYRING_BACKEND", None)
        yield opened


@pytest.fixture
def connected(session: KeyringSession, google: Simulator, tmp_path: Path) -> KeyringSession:
    session.environ["PORTALCAL_CONFIG"] = str(google.write_files(tmp_path / "portalcal"))
    token = google.issue_token(scopes_to_ask())
    subprocess.run([sys.executable, "-c", _KEEP, token.refresh_token], env=session.environ, check=True)
    remember(Path(session.environ["XDG_DATA_HOME"]), backend=_BACKEND)
    return session


def remember(data: Path, *, backend: str | None) -> None:
    """The file that says who is connected."""

    def dumps(document: Mapping[str, object]) -> str:
        import tomli_w

        return tomli_w.dumps(document)

    connection = Connection(
        ANA, frozenset(Permission), (ANA,), ANA, connected_at=datetime.now(UTC), backend=backend
    )
    ConnectionFile(data / "portalcal" / "default" / "connection.toml", dumps=dumps).write(connection)


def test_a_healthy_connection_is_told(connected: KeyringSession) -> None:
    told = status(connected.environ)

    assert (told.exit, told.result["state"], told.troubled) == (0, "connected", [])


def test_a_locked_keyring_is_said_to_be_locked(connected: KeyringSession) -> None:
    connected.lock()

    told = status(connected.environ)

    assert (told.exit, told.result["state"], told.troubled) == (3, "vault-unavailable", ["vault.read"])
    assert "it is locked" in told.check("vault.read")["detail"]
    assert "gnome-keyring-daemon --unlock" in told.check("vault.read")["hint"]


def test_a_frozen_keyring_holds_up_neither_the_answer_nor_the_end_of_the_process(
    connected: KeyringSession,
) -> None:
    connected.freeze()

    told = status(connected.environ, "--timeout", "2s")

    assert (told.exit, told.result["state"]) == (3, "vault-unavailable")
    assert len(told.troubled) == 1
    # Of the two seconds, what was left when the keyring's turn came.
    assert re.search(r"no answer within [01]\.\d s", told.check(told.troubled[0])["detail"])
    assert told.check("ledger.file")["state"] == "ok"


def test_a_keyring_that_is_not_running_is_said_not_to(connected: KeyringSession) -> None:
    connected.stop_daemon()

    told = status(connected.environ)

    assert (told.exit, told.result["state"]) == (3, "vault-unavailable")
    assert "no keyring service runs in this session" in told.check(told.troubled[0])["detail"]


def test_a_session_without_a_bus_is_said_to_have_none(connected: KeyringSession) -> None:
    nowhere = connected.environ | {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}

    told = status(nowhere)

    assert (told.exit, told.result["state"]) == (3, "vault-unavailable")
    assert "this session has no D-Bus" in told.check(told.troubled[0])["detail"]


# --- a real clock, a real hang --------------------------------------------------------------------------------


@pytest.fixture
def bare(google: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a machine that is given a token and needs no keyring."""
    import os

    token = google.issue_token(scopes_to_ask())
    return dict(os.environ) | {
        "PORTALCAL_CONFIG": str(google.write_files(tmp_path / "portalcal")),
        "PORTALCAL_REFRESH_TOKEN": token.refresh_token,
    }


@pytest.mark.parametrize(("offset", "says"), [("+3m", "3 min ahead of"), ("-3h", "3 h behind")])
def test_a_machine_whose_clock_is_wrong_is_told_by_how_much(
    bare: dict[str, str], offset: str, says: str
) -> None:
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("apt-get install faketime")

    told = status(bare, through=(faketime, "-f", offset))

    assert (told.exit, told.result["state"], told.troubled) == (0, "degraded", ["google.clock"])
    assert f"this machine's clock is {says} Google's" in told.check("google.clock")["detail"]


@pytest.mark.parametrize("operation", ["oauth.token", "calendarList.list", "freebusy.query"])
def test_a_google_that_hangs_does_not_keep_the_process_from_ending(
    bare: dict[str, str], google: Simulator, operation: str
) -> None:
    google.faults.add(f"{operation}: hang")

    told = status(bare, "--timeout", "5s")

    assert (told.exit, told.result["state"]) == (7, "unreachable")
    assert len(told.troubled) == 1
