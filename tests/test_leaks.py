"""Nothing tells a secret: every command runs with --verbose as a process of its own, and then everything is searched.

What it printed, every file it left, the ledger among them, the command lines of all processes while Google was being
asked, and the environment of the browser it started.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portalcal.cli.app import COMMANDS
from portalcal.simulator.google import Simulator
from portalcal.simulator.http.request_log import LoggedExchange

PASSPHRASE = "open-sesame-0451"

_BROWSER = """
import json, os, pathlib, sys, urllib.request
with open(sys.argv[1], "w") as file:
    json.dump(dict(os.environ), file)
urllib.request.urlopen(sys.argv[2], timeout=60).read()
"""

SAM = ("--name", "Sam", "--email", "sam@example.com")
LINES = (
    ("connect", "--vault", "file"),
    ("connect", "--vault", "file", "--force", "--json"),
    ("calendars",),
    ("availability",),
    ("availability", "--explain", "tomorrow 10:00", "--json"),
    ("book", "tomorrow 10:00", *SAM, "--force", "--key", "k"),
    ("bookings", "--json"),
    ("history", "--json"),
    ("changes",),
    ("config", "--show"),
    ("ledger", "--check"),
    ("schema",),
    ("reschedule", "BOOKING", "tomorrow 14:00", "--force"),
    ("people",),
    ("reassign", "BOOKING"),
    ("offer", "--pick", "1", *SAM),
    ("offers", "--json"),
    ("sync",),
    ("status",),
    ("cancel", "BOOKING"),
    ("disconnect", "--yes"),
    ("status", "--json"),
)
"""Command lines in an order in which each has something to do; BOOKING is the id of what was booked."""
EXITS: dict[tuple[str, ...], int] = {("reassign", "BOOKING"): 2, LINES[-1]: 4}
"""Nobody but the owner takes part, and in the end nothing is connected."""


class Watched:
    """A machine on which whatever happens is kept, to be searched in the end."""

    def __init__(self, google: Simulator, folder: Path) -> None:
        self.google = google
        self.folder = folder
        self.secrets = {PASSPHRASE.encode()}
        self.found: list[str] = []
        self.files: set[str] = set()
        self.running: set[bytes] = set()
        self.booking = self.log = ""
        script = folder / "browser.py"
        script.write_text(_BROWSER, encoding="utf-8")
        browser = shlex.join([sys.executable, str(script), str(folder / "browser.json")])
        self.environ = {
            **os.environ,
            "BROWSER": f"{browser} %s &",
            "PORTALCAL_CONFIG": str(google.write_files(folder / "google")),
            "PORTALCAL_VAULT_PASSPHRASE": PASSPHRASE,
        }
        google.observe(self.look_around)

    def look_around(self, _: LoggedExchange) -> None:
        """Note every command line there is while a process of ours waits for Google."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                self.running.add(path.read_bytes())

    def run(self, line: tuple[str, ...]) -> None:
        """Run one command line, and search everything there is after it."""
        words = [self.booking if word == "BOOKING" else word for word in line]
        ran = subprocess.run(
            [sys.executable, "-m", "portalcal", "--verbose", *words],
            env=self.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert ran.returncode == EXITS.get(line, 0), (line, ran.stderr)
        if line[0] == "book":
            self.booking = ran.stdout.split()[0]
        self.secrets |= {each.encode() for each in self.google.secrets()}
        self.log += ran.stderr
        if self.tells((ran.stdout + ran.stderr).encode()):
            self.found.append(f"printed by {shlex.join(line)}")
        for path in (each for each in self.folder.rglob("*") if each.is_file()):
            self.files.add(path.name)
            allowed = self.google.client.secret if path.name == "client_secret.json" else ""
            if self.tells(path.read_bytes().replace(allowed.encode(), b"")):
                self.found.append(f"in the file {path.name} after {shlex.join(line)}")

    def tells(self, text: bytes) -> bool:
        """Whether any secret can be read in it."""
        return any(secret in text for secret in self.secrets)


@pytest.fixture
def google() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def watched(google: Simulator, tmp_path: Path) -> Watched:
    return Watched(google, tmp_path)


def test_every_command_is_among_them() -> None:
    assert set(COMMANDS) - {line[0] for line in LINES} <= {"demo", "simulator"}


@pytest.mark.full
def test_no_secret_is_told_anywhere(watched: Watched, google: Simulator) -> None:
    for number, line in enumerate(LINES):
        if number == 3:
            # From here on everything is renewed, and renewed again.
            google.grants.policy.rotate = True
            google.grants.tokens.clear()
        watched.run(line)
    watched.found += [f"in a process list: {line!r}" for line in watched.running if watched.tells(line)]

    assert watched.found == []
    # And the search was one that could have found something.
    assert len(watched.secrets) > 8
    assert "POST" in watched.log
    assert {"ledger.db", "connection.toml", "refresh-token.vault", "browser.json"} <= watched.files
    assert any(b"portalcal" in line and b"--verbose" in line for line in watched.running)
