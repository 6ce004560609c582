"""The simulator as a command: a Google for other processes."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from portalcal.simulator import Simulator
from tests.cli.conftest import Shell
from tests.simulator.wire import Browserless

EXPORT = Path(__file__).parent.parent / "data/google-export.ics"


@dataclass(frozen=True)
class Client:
    """An OAuth client, as its file has it."""

    id: str
    secret: str


@dataclass(frozen=True)
class Running:
    """A simulator in a process of its own."""

    process: subprocess.Popen[str]
    told: dict[str, Any]

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.told["url"]).port or 0

    @property
    def client(self) -> Client:
        """The client it wrote a file for."""
        config = Path(self.told["config"])
        written = json.loads((config.parent / "client_secret.json").read_text())["installed"]
        return Client(written["client_id"], written["client_secret"])

    def refresh_token(self) -> str:
        """A grant, as a browser in automatic mode gets it."""
        with Browserless(cast("Simulator", self)) as browser:
            return str(browser.connect()["refresh_token"])

    def interrupt(self, by: signal.Signals = signal.SIGINT) -> tuple[int, str, str]:
        """Ctrl-C: how it ends, and what it printed since."""
        self.process.send_signal(by)
        out, err = self.process.communicate(timeout=10)
        return self.process.returncode, out, err


@contextmanager
def simulator(*arguments: str) -> Iterator[Running]:
    """`portalcal simulator --json` until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "portalcal", "simulator", "--json", *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], 30)[0], "nothing was printed"
        line = process.stdout.readline()
        assert line, process.communicate()
        envelope = json.loads(line)
        assert (envelope["portalcal"], envelope["command"]) == (1, "simulator")
        yield Running(process, envelope["result"])
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ask(running: Running, *arguments: str, token: str) -> subprocess.CompletedProcess[str]:
    """Another process that uses it."""
    environ = os.environ | {"PORTALCAL_CONFIG": running.told["config"], "PORTALCAL_REFRESH_TOKEN": token}
    return subprocess.run(
        [sys.executable, "-m", "portalcal", *arguments, "--json"],
        capture_output=True, text=True, check=False, env=environ, timeout=30,
    )  # fmt: skip


def test_it_says_where_it_is_and_another_process_books_there(tmp_path: Path) -> None:
    with simulator("--dir", str(tmp_path / "google"), "--consent", "auto") as running:
        assert running.told == {
            "url": f"http://127.0.0.1:{running.port}",
            "account": "ana@example.com",
            "config": str(tmp_path / "google/config.toml"),
            "events": 0,
        }
        token = running.refresh_token()
        who = ("--name", "Sam", "--email", "sam@example.com")

        booked = ask(running, "book", "tomorrow 10:00", "--force", *who, token=token)
        again = ask(running, "book", "tomorrow 10:00", "--force", *who, token=token)

        assert json.loads(booked.stdout)["result"]["state"] == "confirmed", booked.stderr
        assert (again.returncode, json.loads(again.stderr)["error"]["code"]) == (5, "slot-taken")
        exit_, out, err = running.interrupt()

    assert (exit_, out) == (130, "")
    assert "events.insert" in err
    assert token not in err


def test_ctrl_c_ends_it_at_once_and_quietly(tmp_path: Path) -> None:
    with simulator("--dir", str(tmp_path)) as running:
        exit_, out, err = running.interrupt()

    assert (exit_, out, err.strip()) == (130, "", "")


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_a_folder_of_its_own_goes_with_it(ended_by: signal.Signals) -> None:
    with simulator() as running:
        folder = Path(running.told["config"]).parent
        assert folder.parent == Path(tempfile.gettempdir())
        assert {each.name for each in folder.iterdir()} == {"config.toml", "client_secret.json"}
        running.interrupt(ended_by)

    assert not folder.exists()


def test_a_folder_that_was_named_stays(tmp_path: Path) -> None:
    with simulator("--dir", str(tmp_path / "deep/google")) as running:
        running.interrupt()

    assert (tmp_path / "deep/google/config.toml").exists()
    assert (tmp_path / "deep/google/client_secret.json").stat().st_mode & 0o777 == 0o600


def test_a_real_export_fills_the_calendar(tmp_path: Path) -> None:
    with simulator("--dir", str(tmp_path), "--consent", "auto", "--events", str(EXPORT)) as running:
        ran = ask(running, "availability", "--days", "30", token=running.refresh_token())

    assert running.told["events"] == 4778
    result = json.loads(ran.stdout)["result"]
    assert (result["basis"], result["complete"], len(result["days"])) == ("calendars", True, 30)


def test_faults_are_in_force_from_the_start(tmp_path: Path) -> None:
    faults = ("--fault", "freebusy.query: 403-quotaExceeded once", "--fault", "calendarList.*: not-json")
    with simulator("--dir", str(tmp_path), "--consent", "auto", *faults) as running:
        token = running.refresh_token()

        first = ask(running, "availability", token=token)
        second = ask(running, "availability", token=token)
        listed = ask(running, "calendars", token=token)

    assert (first.returncode, json.loads(first.stderr)["error"]["code"]) == (7, "quota-exhausted")
    assert second.returncode == 0
    assert (listed.returncode, json.loads(listed.stderr)["error"]["code"]) == (7, "google-unreachable")


def printed(folder: Path, *, lines: int) -> tuple[int, str]:
    """What a person sees first, and how it ends."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "portalcal", "simulator", "--dir", str(folder)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = "".join(process.stdout.readline() for _ in range(lines))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    return process.returncode, said


def test_people_are_told_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    exit_, said = printed(tmp_path / "my google", lines=7)

    assert said.startswith("A small Google runs at http://127.0.0.1:")
    assert said.endswith(
        "In another terminal:\n\n"
        f"  export PORTALCAL_CONFIG='{tmp_path}/my google/config.toml'\n"
        "  export PORTALCAL_WORKSPACE=simulator\n"
        "  portalcal connect\n"
    )
    assert exit_ == 130


def test_what_is_to_be_typed_is_never_wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    _, said = printed(tmp_path / "a folder with a name that is long enough to be wrapped", lines=6)

    assert (
        f"export PORTALCAL_CONFIG='{tmp_path}/a folder with a name that is long enough to be wrapped/" in said
    )


# --- what it does not take --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--fault", "everything explodes"),
            "expected a fault as <operation|*>: <kind>[=VALUE] [once] [times=N] [rate=5%] [after=N] ",
        ),
        (("--fault", "*: 418"), "expected a kind of fault out of 400-invalid, "),
        (
            ("--fault", "*: 429 sometimes"),
            "expected once, times=N, rate=5%, after=N, retry-after=SECONDS, shape=backend or shape=frontend, ",
        ),
        (("--fault", "*: latency"), "expected latency=SECONDS, not 'latency' in '*: latency'"),
        (("--latency", "soon"), "soon is not a duration"),
        (("--latency", "5"), "5 of what? A duration needs its unit"),
        (("--consent", "never"), "--consent is never, expected page, auto, deny or partial"),
        (("--port", "70000"), "--port is 70000, expected a whole number from 0 to 65535"),
        (("--events", "missing.ics"), "missing.ics cannot be read: no such file or directory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_a_usage_error_in_words(
    portalcal: Shell, arguments: tuple[str, ...], message: str
) -> None:
    ran = portalcal.json("simulator", *arguments)

    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert ran.error["message"].startswith(message)


def test_events_that_are_none(portalcal: Shell, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Call Sam back\n")

    ran = portalcal.json("simulator", "--events", str(file))

    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert ran.error["message"].startswith(f"{file} cannot be loaded: ")
    assert ran.error["hint"] == "give Google event JSON or an .ics file"


def test_a_port_that_is_taken(portalcal: Shell, google: Simulator) -> None:
    ran = portalcal.json("simulator", "--port", str(google.port))

    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert ran.error["message"] == f"port {google.port} cannot be listened on: address already in use"
    assert ran.error["hint"] == "choose another `--port`"
