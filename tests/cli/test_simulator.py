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

from portalcal.simulator.google import Simulator
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
        out, err = self.process.communicate(timeout=120)
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
        assert select.select([process.stdout], [], [], 120)[0], "nothing was printed"
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
        capture_output=True, text=True, check=False, env=environ, timeout=120,
    )  # fmt: skip


def test_it_says_where_it_is_and_another_process_books_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with simulator("--dir", "google", "--consent", "auto") as running:
        assert running.told == {
            "url": f"http://127.0.0.1:{running.port}",
            "account": "ana@example.com",
            "config": str(tmp_path / "google/config.toml"),
            "events": 0,
            "client_secrets": str(tmp_path / "google/client_secret.json"),
            "workspace": "simulator",
            "people": [],
            "rooms": [],
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


def test_in_the_background_of_a_script_it_ends_in_order_too() -> None:
    # There Ctrl-C is ignored, which is meant for what runs in the foreground.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with simulator() as running:
            folder = Path(running.told["config"]).parent
            running.process.send_signal(signal.SIGINT)
            exit_, out, err = running.interrupt(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)

    assert (exit_, out, err.strip()) == (130, "", "")
    assert not folder.exists()


def test_a_folder_that_was_named_stays(tmp_path: Path) -> None:
    with simulator("--dir", str(tmp_path / "deep/google")) as running:
        running.interrupt()

    assert (tmp_path / "deep/google/config.toml").exists()
    assert (tmp_path / "deep/google/client_secret.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.full
def test_a_real_export_fills_the_calendar(tmp_path: Path) -> None:
    with simulator("--dir", str(tmp_path), "--consent", "auto", "--events", str(EXPORT)) as running:
        ran = ask(running, "availability", "--days", "30", token=running.refresh_token())

    assert running.told["events"] == 4778
    result = json.loads(ran.stdout)["result"]
    assert (result["basis"], result["complete"], len(result["days"])) == ("calendars", True, 30)


@pytest.mark.full
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
    try:
        said = "".join(process.stdout.readline() for _ in range(lines))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    finally:
        process.kill()
        process.communicate()
    return process.returncode, said


def test_people_are_told_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    exit_, said = printed(tmp_path / "my google", lines=6)

    assert said.startswith("A small Google runs at http://127.0.0.1:")
    assert said.endswith(
        "In another terminal:\n\n"
        f"  export PORTALCAL_CONFIG='{tmp_path}/my google/config.toml'\n"
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
        (("--fault", "*: slow=inf"), "expected seconds such as 2, 0.5 or 250ms, not 'inf' in '*: slow=inf'"),
        (("--latency", "inf"), "inf is not a duration"),
        (("--latency", "2d"), "expected a latency from 0 to 86400 seconds, not 172800"),
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


def test_a_file_that_cannot_be_read_has_a_hint(portalcal: Shell) -> None:
    for option in ("--events", "--world"):
        assert (
            portalcal.json("simulator", option, "missing")
            .error["hint"]
            .startswith("name a file that is there")
        )


def test_events_in_another_encoding_are_refused_in_words(portalcal: Shell, tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    file.write_bytes(b"\xff{}")

    ran = portalcal.json("simulator", "--events", str(file))

    assert (ran.exit, ran.error["message"]) == (2, f"{file} cannot be loaded: {file}: expected UTF-8 text")


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


@pytest.mark.parametrize("command", [("simulator", "--dir"), ("demo", "--keep")])
def test_a_folder_that_is_a_file(portalcal: Shell, tmp_path: Path, command: tuple[str, str]) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Call Sam back\n")

    ran = portalcal(*command, str(file))
    below = portalcal(*command, str(file / "deeper"))

    assert (ran.exit, ran.out, file.read_text()) == (2, "", "Call Sam back\n")
    assert ran.err == (
        f"error: {file} is a file, not a folder\n\nhint: name another folder with `{command[1]}`\n"
    )
    assert (below.exit, "cannot be written: not a directory" in below.err.replace("\n", " ")) == (2, True)


@pytest.mark.parametrize("command", [("simulator", "--dir"), ("demo", "--keep")])
@pytest.mark.parametrize("name", ["config.toml", "client_secret.json"])
def test_a_file_of_somebody_else_is_never_overwritten(
    portalcal: Shell, tmp_path: Path, command: tuple[str, str], name: str
) -> None:
    (tmp_path / name).write_text('timezone = "Europe/Berlin"\n')

    ran = portalcal(*command, str(tmp_path))

    assert (ran.exit, ran.out) == (2, "")
    assert ran.err == (
        f"error: {tmp_path / name} was not written by a simulator, or was changed since. It is left as it is\n"
        f"\nhint: name another folder with `{command[1]}`, or move that file away\n"
    )
    assert (tmp_path / name).read_text() == 'timezone = "Europe/Berlin"\n'


WORLD = """
[people.ben]
email = "ben@example.com"
busy = ["tomorrow 09:00-17:00"]
[rooms.oak]
email = "oak@example.com"
"""


def test_a_world_is_entered_and_its_people_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "world.toml").write_text(WORLD)

    with simulator(
        "--consent", "auto", "--world", str(tmp_path / "world.toml"), "--dir", str(tmp_path)
    ) as running:
        told, environ = running.told, os.environ | {"PORTALCAL_CONFIG": running.told["config"]}
        environ["PORTALCAL_REFRESH_TOKEN"] = running.refresh_token()
        command = [
            sys.executable,
            "-m",
            "portalcal",
            "availability",
            "tomorrow",
            "--days",
            "1",
            "--with",
            "ben",
            "--json",
        ]
        ran = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)

    assert (told["people"], told["rooms"]) == (["ben"], ["oak"])
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)["result"]
    assert result["people"] == [
        {"person": "ben", "email": "ben@example.com", "state": "checked", "reason": None}
    ]
    assert [each["slots"] for each in result["days"]] == [[]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[people.ben]\n", "describes no world: people.ben.email: expected an e-mail address"),
        (
            '[people.ben]\nemail = "b@x.example"\nevents = "nowhere.ics"\n',
            "names, cannot be read: no such file or directory",
        ),
    ],
)
def test_a_file_that_describes_no_world_is_a_usage_error(
    portalcal: Shell, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "world.toml").write_text(text)

    ran = portalcal.json("simulator", "--world", str(tmp_path / "world.toml"))

    assert (ran.exit, message in ran.error["message"]) == (2, True), ran
