"""The whole of it with real parts: the installed program, Debian's Chromium, a real gnome-keyring, and the simulator.

Only Google is not itself. The keyring runs in a D-Bus session of its own, the browser is driven by `person.py`.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from portalcal.simulator.google import Simulator
from tests.real.browser import missing_browser_packages
from tests.real.keyring_session import KeyringSession, keyring_session, missing_packages

ANA = "ana@example.com"
PROGRAM = Path(sys.executable).with_name("portalcal")
MISSING = (*missing_packages(), *missing_browser_packages())

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(MISSING), reason=f"apt-get install {' '.join(MISSING)}"),
    pytest.mark.skipif(not PROGRAM.exists(), reason=f"pip install -e .: there is no {PROGRAM.name} beside {sys.executable}"),
]  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """A process of the program, when it has ended."""

    exit: int
    out: str
    err: str

    @property
    def result(self) -> Any:
        """What a `--json` command that succeeded answered."""
        assert self.exit == 0, self.err
        return json.loads(self.out)["result"]

    @property
    def error(self) -> Any:
        """What a `--json` command that failed said, on the last line of stderr."""
        assert self.out == ""
        return json.loads(self.err.splitlines()[-1])["error"]


@dataclass
class Machine:
    """A desktop: a home, an unlocked keyring, and somebody at the browser."""

    google: Simulator
    session: KeyringSession
    folder: Path

    def __call__(self, *arguments: str, person: str = "allow") -> Ended:
        """Run the installed program."""
        script = Path(__file__).with_name("person.py")
        browser = shlex.join([sys.executable, str(script), str(self.folder), person])
        environ = {
            **self.session.environ,
            "BROWSER": f"{browser} %s &",
            "PORTALCAL_CONFIG": str(self.folder / "google/config.toml"),
        }
        environ.pop("PYTHON_KEYRING_BACKEND")
        ran = subprocess.run(
            [PROGRAM, *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environ, timeout=90,
        )  # fmt: skip
        return Ended(ran.returncode, ran.stdout, ran.stderr)

    def visit(self, *arguments: str, person: str) -> tuple[Ended, dict[str, Any]]:
        """Run `portalcal … connect`, and tell what the tab said in the end."""
        os.mkfifo(self.folder / "said")
        pipe = os.open(self.folder / "said", os.O_RDONLY | os.O_NONBLOCK)
        try:
            ended = self(*arguments, "--timeout", "45s", person=person)
            assert select.select([pipe], [], [], 20)[0], f"the person said nothing; {ended}"
            return ended, json.loads(os.read(pipe, 100_000))
        finally:
            os.close(pipe)

    def files_that_hold(self, secrets: set[str]) -> list[Path]:
        """Every file but the client's own in which one of these can be read."""
        files = (each for each in self.folder.parent.rglob("*") if each.is_file())
        return [
            file
            for file in files
            if file.name != "client_secret.json"
            and any(secret.encode() in file.read_bytes() for secret in secrets)
        ]


@pytest.fixture
def google() -> Iterator[Simulator]:
    """A Google that asks for consent on a page."""
    with Simulator(consent="page") as simulator:
        yield simulator


@pytest.fixture
def machine(google: Simulator, tmp_path: Path) -> Iterator[Machine]:
    """A desktop on which portalcal is configured and was never connected."""
    folder = tmp_path / "desk"
    google.write_files(folder / "google")
    with keyring_session(tmp_path / "session") as session:
        session.start_daemon(password="open sesame")
        yield Machine(google, session, folder)


def test_a_person_connects_in_the_browser_and_other_processes_book_and_cancel(
    machine: Machine, google: Simulator
) -> None:
    connected, tab = machine.visit("connect", "--json", person="allow")

    assert tab["headline"] == f"Connected as {ANA}"
    assert tab["title"] == f"Connected as {ANA} · portalcal"
    assert urlsplit(tab["address"]).query == ""
    assert connected.result["account"] == ANA
    assert (connected.result["vault"], set(connected.result["permissions"].values())) == ("keyring", {True})

    who = ("--name", "Sam Lee", "--email", "sam@example.com")
    booked = machine("book", "tomorrow 10:00", "--force", *who, "--json").result

    assert booked["state"] == "confirmed"
    assert [each["id"] for each in google.events()] == [booked["event_id"]]

    cancelled = machine("cancel", booked["id"][:8], "--json").result

    assert cancelled["state"] == "cancelled"
    assert google.events() == []
    assert machine.files_that_hold(google.secrets()) == []


def test_the_keyring_has_the_token_and_disconnecting_takes_it_away(
    machine: Machine, google: Simulator
) -> None:
    machine.visit("connect", "--json", person="allow")
    checks = {each["name"]: each for each in machine("status", "--json").result["checks"]}
    assert checks["vault.backend"]["detail"] == "keyring, keyring.backends.SecretService.Keyring"
    assert checks["vault.read"]["detail"] == "readable"

    assert machine("disconnect", "--yes", "--json").result["revocation"] == "revoked"
    assert machine("calendars", "--json").error["code"] == "not-connected"


def test_people_see_what_will_be_asked_and_how_it_came_out(machine: Machine, google: Simulator) -> None:
    connected, tab = machine.visit("--verbose", "connect", person="allow")

    assert connected.exit == 0
    assert f"Connected as {ANA}" in connected.out
    assert "View when you are busy" in connected.err
    assert "Your browser opens at:" in connected.err
    assert tab["advice"] == "Everything else happens in the terminal. You can close this tab."
    assert not [secret for secret in google.secrets() if secret in connected.out + connected.err]


def test_the_tab_asks_nobody_but_google_and_this_machine(machine: Machine, google: Simulator) -> None:
    _, tab = machine.visit("connect", "--json", person="allow")

    hosts = {urlsplit(each).hostname for each in tab["requests"] if not each.startswith("data:")}
    assert hosts == {"127.0.0.1"}


def test_a_person_denies(machine: Machine, google: Simulator) -> None:
    ended, tab = machine.visit("connect", "--json", person="deny")

    assert tab["headline"] == "Denied"
    assert tab["advice"].startswith("Nothing was stored.")
    assert (ended.exit, ended.error["code"]) == (4, "consent-denied")
    assert machine("calendars", "--json").error["code"] == "not-connected"


def test_a_box_left_empty_is_named_in_the_tab_and_in_the_terminal(
    machine: Machine, google: Simulator
) -> None:
    ended, tab = machine.visit("connect", "--json", person="leave=calendar.events.owned")

    assert tab["headline"] == "Permissions missing: Create events, Edit events"
    assert (ended.exit, ended.error["code"]) == (4, "permission-missing")
    assert ended.error["details"]["permissions"] == ["create_events", "edit_events"]
    assert machine("calendars", "--json").error["code"] == "not-connected"
    assert machine.files_that_hold(google.secrets()) == []


def test_a_locked_keyring_is_found_out_before_anybody_is_sent_to_a_page(
    machine: Machine, google: Simulator
) -> None:
    machine.visit("connect", "--json", person="allow")
    machine.session.lock()
    google.forget_requests()

    ended = machine("connect", "--force", "--json")

    assert (ended.exit, ended.error["code"]) == (3, "vault-unavailable")
    assert "it is locked" in ended.error["message"]
    assert google.count("oauth.authorize") == 0
