"""Ctrl-C on a Google that never answers: at once, exit 130, and an answer for all that was begun."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from portalcal.core.permissions import scopes_to_ask
from portalcal.simulator.google import Simulator
from tests import selection

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
_BROWSER = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=60).read()"
_MOST = 90
"""Seconds for a process on a loaded machine; what hangs would take 600."""


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    exit: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.out.splitlines()]

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = json.loads(self.err)["error"]
        return error


class Desk(NamedTuple):
    """A machine on which real processes run, with a Google of its own."""

    google: Simulator
    environ: dict[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "portalcal", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environ,
        )  # fmt: skip

    def run(self, *arguments: str) -> Any:
        with self.start(*arguments, "--json") as process:
            out, err = process.communicate(timeout=_MOST)
        assert out, err
        return json.loads(out)["result"]

    def interrupted(self, *arguments: str, once: str, times: int = 1) -> Ended:
        """Run a command, and send Ctrl-C once Google keeps it waiting at an operation."""
        with hanging(self.google, once) as arrived, self.start(*arguments) as process:
            arrived(times, process)
            process.send_signal(signal.SIGINT)
            try:
                out, err = process.communicate(timeout=_MOST)
            finally:
                process.kill()
        return Ended(process.returncode, out, err)


@contextmanager
def hanging(google: Simulator, operation: str) -> Iterator[Any]:
    """A Google that does not answer an operation; what is yielded waits until it was asked so often."""
    fault = google.faults.add(f"{operation}: hang")
    pause = threading.Event()

    def arrived(times: int, process: subprocess.Popen[str]) -> None:
        for _ in range(_MOST * 50):
            if fault.struck >= times:
                return
            assert process.poll() is None, process.communicate()
            pause.wait(0.02)
        process.kill()
        pytest.fail(f"Google was asked {fault.struck} times")

    try:
        yield arrived
    finally:
        google.faults.clear()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Simulator() as google:
        config = google.write_files(tmp_path / "google")
        config.write_text(config.read_text() + '[rules]\nnotice = "0m"\n')
        token = google.issue_token(scopes_to_ask())
        environ = os.environ | {
            "PORTALCAL_CONFIG": str(config),
            "PORTALCAL_REFRESH_TOKEN": token.refresh_token,
        }
        yield Desk(google, environ)


def test_a_booking_that_google_was_being_told_of_is_held_and_named(desk: Desk) -> None:
    ended = desk.interrupted("book", "tomorrow 10:00", "--force", *SAM, "--json", once="events.insert")

    (held,) = desk.run("bookings")["bookings"]
    assert (ended.exit, ended.out) == (130, "")
    assert held["state"] == "held"
    assert (ended.error["code"], ended.error["exit"]) == ("interrupted", 130)
    assert ended.error["details"] == {"booking": held["id"], "state": "held", "guest": "Sam Lee"}
    assert ended.error["message"] == (
        f"interrupted. Sam Lee's booking {held['id'][:8]} is held, and Google may not know it yet."
    )
    assert desk.run("sync")["delivered"] == [held["id"]]


@pytest.mark.parametrize("once", selection.first(["freebusy.query", "oauth.token"], 1))
def test_before_anything_was_held_nothing_was_booked(desk: Desk, once: str) -> None:
    ended = desk.interrupted("book", "tomorrow 10:00", "--force", *SAM, "--json", once=once)

    assert (ended.exit, ended.out) == (130, "")
    assert ended.error["message"] == "interrupted. Nothing was booked."
    assert desk.run("bookings")["bookings"] == []


@pytest.mark.full
def test_the_second_look_is_not_waited_for(desk: Desk) -> None:
    """It reads several calendars at once, on threads of its own."""
    desk.google.add_calendar("team@example.com", summary="Team", role="reader")
    desk.run("calendars", "--select", "Team")

    ended = desk.interrupted("book", "tomorrow 10:00", "--force", *SAM, once="events.list")

    assert (ended.exit, ended.out) == (130, "")
    assert "is held, and Google may not know it yet." in ended.err
    assert "Traceback" not in ended.err
    assert len(desk.run("sync")["delivered"]) == 1


@pytest.mark.full
def test_a_cancellation_is_named(desk: Desk) -> None:
    booked = desk.run("book", "tomorrow 10:00", "--force", *SAM)["id"]

    ended = desk.interrupted("cancel", booked, "--json", once="events.delete")

    assert (ended.exit, ended.error["details"]) == (
        130,
        {"booking": booked, "state": "cancelling", "guest": "Sam Lee"},
    )
    desk.run("sync")
    assert desk.run("bookings", booked)["bookings"][0]["state"] == "cancelled"


@pytest.mark.full
def test_a_move_is_named(desk: Desk) -> None:
    booked = desk.run("book", "tomorrow 10:00", "--force", *SAM)["id"]

    ended = desk.interrupted("reschedule", booked, "tomorrow 14:00", "--force", "--json", once="events.patch")

    assert (ended.exit, ended.error["details"]) == (
        130,
        {"booking": booked, "state": "moving", "guest": "Sam Lee"},
    )
    assert desk.run("sync")["delivered"] == [booked]


@pytest.mark.full
def test_a_replacement_that_google_was_being_told_of_is_named(desk: Desk) -> None:
    booked = team_meeting(desk)

    ended = desk.interrupted(
        "reassign", booked, "--from", "ben", "--to", "cleo", "--json", once="events.patch"
    )

    (pending,) = desk.run("bookings", booked)["bookings"]
    assert (ended.exit, ended.error["details"]) == (
        130,
        {"booking": booked, "state": "moving", "guest": "Sam Lee"},
    )
    assert [each["person"] for each in pending["people"]] == ["ben"]
    assert desk.run("sync")["delivered"] == [booked]
    assert [each["person"] for each in desk.run("bookings", booked)["bookings"][0]["people"]] == ["cleo"]


@pytest.mark.full
def test_while_the_people_are_read_nobody_is_replaced(desk: Desk) -> None:
    booked = team_meeting(desk)

    ended = desk.interrupted(
        "reassign", booked, "--from", "ben", "--to", "cleo", "--json", once="freebusy.query"
    )

    (kept,) = desk.run("bookings", booked)["bookings"]
    assert ended.exit == 130
    assert ended.error["message"] == "interrupted. The booking stays as it was."
    assert (kept["state"], [each["person"] for each in kept["people"]]) == ("confirmed", ["ben"])


@pytest.mark.full
def test_while_the_new_time_is_checked_nothing_is_moved(desk: Desk) -> None:
    booked = desk.run("book", "tomorrow 10:00", "--force", *SAM)["id"]

    ended = desk.interrupted(
        "reschedule", booked, "tomorrow 14:00", "--force", "--json", once="freebusy.query"
    )

    assert ended.exit == 130
    assert ended.error["message"] == "interrupted. The booking stays where it was."
    assert desk.run("bookings", booked)["bookings"][0]["state"] == "confirmed"


def team_meeting(desk: Desk) -> str:
    """The id of a meeting with Ben, whom Cleo may replace at any hour."""
    with Path(desk.environ["PORTALCAL_CONFIG"]).open("a") as config:
        for name in ("ben", "cleo"):
            desk.google.add_calendar(f"{name}@example.com", role="freeBusyReader")
            config.write(f'[people.{name}]\nemail = "{name}@example.com"\n')
        config.write("[schedule]\n")
        config.writelines(
            f'{day} = ["00:00-24:00"]\n' for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        )
    booked: str = desk.run("book", "tomorrow 10:00", "--with", "ben", *SAM)["id"]
    return booked


OFFER = ("offer", "tomorrow 10:00", "tomorrow 14:00", "--name", "Sam Lee", "--email", "sam@example.com")


@pytest.fixture
def any_hour(desk: Desk) -> Desk:
    """Whatever day it is, every hour is open."""
    config = Path(desk.environ["PORTALCAL_CONFIG"])
    week = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    hours = "".join(f'{each} = ["00:00-24:00"]\n' for each in week)
    config.write_text(f"{config.read_text()}[schedule]\n{hours}")
    return desk


@pytest.mark.full
def test_an_offer_that_google_was_being_told_of_is_open_and_named(any_hour: Desk) -> None:
    ended = any_hour.interrupted(*OFFER, "--tentative", "--json", once="events.insert")

    (held,) = any_hour.run("offers")["offers"]
    assert (ended.exit, ended.out) == (130, "")
    assert ended.error["details"] == {"offer": held["id"], "state": "open", "is_owed": True}
    assert ended.error["hint"].endswith(f"free its times with `portalcal offer {held['id'][:8]} --release`")
    assert any_hour.run("offer", held["id"], "--release")["state"] == "released"


def test_before_any_time_was_held_nothing_was_offered(any_hour: Desk) -> None:
    ended = any_hour.interrupted(*OFFER, "--json", once="freebusy.query")

    assert (ended.exit, ended.error["message"]) == (130, "interrupted. Nothing was offered.")
    assert any_hour.run("offers")["offers"] == []


@pytest.mark.full
def test_an_offer_that_is_released_is_named(any_hour: Desk) -> None:
    made = any_hour.run(*OFFER, "--tentative")["id"]

    ended = any_hour.interrupted("offer", made, "--release", "--json", once="events.delete")

    assert ended.error["details"] == {"offer": made, "state": "released", "is_owed": True}
    any_hour.run("sync")
    assert any_hour.google.events() == []


@pytest.mark.full  # two renewals of a slow key
def test_a_revocation_that_may_have_happened_is_reported(desk: Desk) -> None:
    desk.google.consent = "auto"
    browser = shlex.join([sys.executable, "-c", _BROWSER])
    environ = desk.environ | {"BROWSER": f"{browser} %s &", "PORTALCAL_VAULT_PASSPHRASE": "correct horse"}
    del environ["PORTALCAL_REFRESH_TOKEN"]
    desk = desk._replace(environ=environ)
    desk.run("connect", "--vault", "file")

    ended = desk.interrupted("disconnect", "--yes", "--json", once="oauth.revoke")

    assert (ended.exit, ended.out) == (130, "")
    assert ended.error["message"].startswith("interrupted. Google may have ended the grant")
    assert desk.run("disconnect", "--yes")["forgotten"] is True


@pytest.mark.parametrize(
    "command",
    selection.first([("availability",), ("status", "--all"), ("calendars",), ("sync",), ("status",)], 2),
    ids=" ".join,
)
def test_what_only_reads_ends_quietly(desk: Desk, command: tuple[str, ...]) -> None:
    ended = desk.interrupted(*command, once="*")

    assert (ended.exit, ended.out, ended.err.strip()) == (130, "", "")


# --- many lines -----------------------------------------------------------------------------------------------


def a_file(folder: Path, lines: int, *, days_apart: int = 0) -> str:
    """Half hours of tomorrow, or each so many days after the one before it."""
    path = folder / "lines.jsonl"
    starts = [
        f"+{1 + number * days_apart}d {9 + number // 2:02}:{number % 2 * 30:02}" for number in range(lines)
    ]
    orders = [{"start": each, "name": "Sam", "email": "sam@example.com", "force": True} for each in starts]
    path.write_text("\n".join(json.dumps(each) for each in orders))
    return str(path)


def test_every_line_that_was_begun_is_answered_with_what_stands(desk: Desk, tmp_path: Path) -> None:
    ended = desk.interrupted("book", "--file", a_file(tmp_path, 16), once="events.insert", times=8)

    standing = {each["id"]: each["state"] for each in desk.run("bookings")["bookings"]}
    held = [each["result"] for each in ended.lines if "result" in each]
    others = [each["error"] for each in ended.lines if "error" in each]
    assert ended.exit == 130
    assert [each["line"] for each in ended.lines] == list(range(1, len(ended.lines) + 1))
    assert {each["id"]: each["state"] for each in held} == standing
    assert len(held) >= 8
    assert {each["state"] for each in held} == {"held"}
    assert {each["warnings"][0]["code"] for each in ended.lines if "result" in each} == {"interrupted"}
    assert {(each["code"], each["message"]) for each in others} <= {
        ("interrupted", "interrupted. Nothing was booked.")
    }
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", selection.first(["cancel", "reschedule"], 1))
def test_every_change_that_was_begun_is_answered_with_what_stands(
    desk: Desk, tmp_path: Path, command: str
) -> None:
    with desk.start("book", "--file", a_file(tmp_path, 12)) as process:
        process.communicate(timeout=_MOST)
    ids = [each["id"] for each in desk.run("bookings")["bookings"]]
    starts = [f"tomorrow {16 + number // 2:02}:{number % 2 * 30:02}" for number in range(12)]
    changes = [
        {"id": each} | ({"start": start, "force": True} if command == "reschedule" else {})
        for each, start in zip(ids, starts, strict=True)
    ]
    path = tmp_path / "changes.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in changes))
    operation = "events.delete" if command == "cancel" else "events.patch"

    ended = desk.interrupted(command, "--file", str(path), once=operation, times=8)

    now = {
        each["id"]: each
        for each in desk.run("bookings", "--state", "cancelling", "--state", "confirmed")["bookings"]
    }
    done = [each["result"] for each in ended.lines if "result" in each]
    others = [each["error"] for each in ended.lines if "error" in each]
    assert ended.exit == 130
    assert [each["line"] for each in ended.lines] == list(range(1, len(ended.lines) + 1))
    assert len(done) >= 8
    assert {(each["id"], each["state"], str(each["moving_to"])) for each in done} <= {
        (each["id"], each["state"], str(each["moving_to"])) for each in now.values()
    }
    assert all(each["state"] == "cancelling" or each["moving_to"] for each in done)
    assert {each["code"] for each in others} <= {"interrupted"}
    assert "Traceback" not in ended.err


def test_lines_that_are_done_keep_their_answer_and_those_that_only_asked_are_told_so(
    desk: Desk, tmp_path: Path
) -> None:
    fault = desk.google.faults.add("freebusy.query: hang after=2")

    # Too far apart for one question about all of them.
    with desk.start("book", "--file", a_file(tmp_path, 6, days_apart=40)) as process:
        pause = threading.Event()
        for _ in range(_MOST * 50):
            if fault.struck >= 4 and len(desk.google.events()) == 2:
                break
            pause.wait(0.02)
        assert process.stdout is not None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=_MOST)
    desk.google.faults.clear()

    ended = Ended(process.returncode, out, err)
    standing = [each["id"] for each in desk.run("bookings")["bookings"]]
    assert ended.exit == 130
    assert [each["line"] for each in ended.lines] == [1, 2, 3, 4, 5, 6]
    assert sorted(each["result"]["id"] for each in ended.lines if "result" in each) == sorted(standing)
    assert [each["error"]["code"] for each in ended.lines if "error" in each] == ["interrupted"] * 4


def test_the_same_file_again_books_the_rest_and_nothing_twice(desk: Desk, tmp_path: Path) -> None:
    lines = a_file(tmp_path, 10)
    desk.interrupted("book", "--file", lines, once="events.insert", times=8)

    with desk.start("book", "--file", lines) as process:
        out, err = process.communicate(timeout=_MOST)

    assert process.returncode == 0, err
    assert [each["result"]["state"] for each in Ended(0, out, err).lines] == ["confirmed"] * 10
    assert len(desk.google.events()) == 10


# --- at any moment --------------------------------------------------------------------------------------------

_AT_AN_IMPORT = """
import os, runpy, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            os.kill(os.getpid(), signal.SIGINT)

wanted = sys.argv[1]
sys.argv[1:] = sys.argv[2:]
sys.meta_path.insert(0, Interrupting())
runpy.run_module("portalcal", run_name="__main__")
"""


@pytest.mark.parametrize(
    "module",
    selection.first([
        "portalcal.cli.app", "portalcal.cli.commands.book", "portalcal.adapters.ledger.sqlite", "typer",
        "portalcal.errors", "portalcal.cli.streams", "portalcal.container", "portalcal.usecases.booking.book",
        "portalcal.adapters.google.calendar", "googleapiclient", "requests", "portalcal.views.json",
    ], 3),
)  # fmt: skip
def test_while_it_starts_it_ends_with_130_and_no_traceback(desk: Desk, module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _AT_AN_IMPORT, module, "book", "tomorrow 10:00", "--force", *SAM, "--json"],
        capture_output=True, text=True, env=desk.environ, timeout=_MOST, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (130, "")
    assert "Traceback" not in done.stderr
    assert desk.run("bookings")["bookings"] == []


_IN_A_STRING = """
import builtins, os, signal, sys

def interrupted(source, *names):
    builtins.exec = as_ever
    as_ever("import os, signal; os.kill(os.getpid(), signal.SIGINT)\\nwhile True: pass", {})

class Waiting:
    def find_spec(self, name, path=None, target=None):
        if name == "portalcal.cli.commands.book":
            builtins.exec = interrupted

as_ever = builtins.exec
sys.meta_path.insert(0, Waiting())
from portalcal.__main__ import main
main()
"""


def test_while_a_class_is_made_of_a_string_it_is_130_too(desk: Desk, tmp_path: Path) -> None:
    """CPython then ends by the signal itself, unless the process ends without its help."""
    (tmp_path / "in_a_string.py").write_text(_IN_A_STRING)

    done = subprocess.run(
        [sys.executable, "-m", "in_a_string", "book", "tomorrow 10:00", "--force", *SAM, "--json"],
        capture_output=True, text=True, cwd=tmp_path, env=desk.environ, timeout=_MOST, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (130, "")
    assert "Traceback" not in done.stderr


def test_in_the_demo_it_is_130_and_the_simulator_ends_with_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "portalcal", "demo"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        begun = process.stdout.readline() + process.stdout.readline() + process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=_MOST)

    assert process.returncode == 130, err
    assert "Traceback" not in begun + out + err
