"""A process killed at every boundary of every command; then the same command again, or `sync`; then an audit.

`pytest tests/crash -s` prints the table.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from portalcal.adapters.sqlite_ledger import SqliteLedger
from portalcal.core.booking import Booking, State
from portalcal.core.errands import LEASE
from portalcal.ports import Search
from portalcal.simulator import Simulator
from tests.builders import SetClock

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
BOOK = ("book", "2026-11-24T10:00", *SAM, "--key", "order-17")
KILLED = -9


class Driver:
    """A process whose children run portalcal, and die where they are told to."""

    def __init__(self) -> None:
        command = (sys.executable, "-m", "tests.crash.driver")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Have one command line run."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(job), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()
        assert self._process.returncode == 0


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    driver = Driver()
    yield driver
    driver.close()


class Scene:
    """One machine, one Google, and what is known of both."""

    def __init__(self, driver: Driver, google: Simulator, folder: Path) -> None:
        self.google = google
        self._driver = driver
        self._data = folder
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "TZ": "Europe/London",
            "PORTALCAL_ACCESS_TOKEN": str(google.issue_token()),
            "PORTALCAL_CONFIG": str(google.write_files(folder)),
        }

    def run(self, *arguments: str, dies_at: int | None = None) -> dict[str, Any]:
        """Run `portalcal ARGUMENTS --json`."""
        job = {
            "arguments": [*arguments, "--json"],
            "environ": self._environ,
            "now": self.google.clock.now().isoformat(),
            "dies_at": dies_at,
        }
        return self._driver.run(job)

    def book(self, start: str = "2026-11-24T10:00", *more: str) -> str:
        """The id of a booking that went well."""
        ran = self.run("book", start, *SAM, *more)
        assert ran["exit"] == 0, ran["err"]
        self.google.clock.advance(seconds=60)
        identifier: str = json.loads(ran["out"])["result"]["id"]
        return identifier

    def change(self, booking: str, **fields: Any) -> None:
        """Somebody changes the event of a booking in the calendar."""
        event = next(
            each
            for each in self.google.events()
            if each["extendedProperties"]["private"]["portalcal"] == booking
        )
        self.google.model.put(self.google.calendar("primary"), event | fields)
        self.google.clock.advance(seconds=60)

    def audit(self) -> list[str]:
        """Everything in which ledger and calendar differ, or that is left over; nothing when all is well."""
        ledger = SqliteLedger(self._data / "data/portalcal/ledger.db", "default", SetClock())
        bookings, owed, damage = ledger.search(Search()), ledger.owed(), ledger.check()
        ledger.close()
        events = {each["id"]: each for each in self.google.events()}
        found = [f"{each.task} is owed for {each.booking}" for each in owed]
        found += [damage] if damage else []
        for each in bookings:
            event = events.pop(each.event_id or "", None) if each.is_live else None
            found += _differences(each, event)
        return found + [f"the event {each} belongs to no live booking" for each in events]


def _differences(booking: Booking, event: dict[str, Any] | None) -> list[str]:
    if booking.is_live and event is None:
        return [f"booking {booking.id} is {booking.state} and has no event"]
    if event is None:
        return []
    start = datetime.fromisoformat(event["start"]["dateTime"]).astimezone(UTC)
    end = datetime.fromisoformat(event["end"]["dateTime"]).astimezone(UTC)
    is_there = (start, end) == (booking.meeting.start, booking.meeting.end) and booking.moving_to is None
    is_well = is_there and booking.state is State.CONFIRMED
    return [] if is_well else [f"booking {booking.id} ({booking.state}) and its event differ"]


class Case(NamedTuple):
    """A command with what has to be there before. `ends_with` is how many events there are in the end.

    `step` 2 kills after every call only: between that and the next call nothing leaves the process's memory.
    """

    name: str
    prepare: Callable[[Scene], tuple[str, ...]]
    ends_with: frozenset[int]
    step: int = 1


def _reschedule(scene: Scene) -> tuple[str, ...]:
    return ("reschedule", scene.book(), "2026-11-24T11:00")


def _cancel(scene: Scene) -> tuple[str, ...]:
    return ("cancel", scene.book())


def _sync(scene: Scene) -> tuple[str, ...]:
    """A sync that has to deliver, to follow a move and to follow a deletion."""
    moved, gone, owed = (scene.book(f"2026-11-24T{hour}:00") for hour in (10, 11, 12))
    scene.google.faults.add("events.patch: 403-quotaExceeded once")
    assert scene.run("reschedule", owed, "2026-11-24T14:00")["exit"] == 8
    scene.change(moved, start={"dateTime": "2026-11-24T15:00:00Z"}, end={"dateTime": "2026-11-24T15:30:00Z"})
    scene.change(gone, status="cancelled")
    return ("sync",)


CASES = (
    Case("book", lambda _: BOOK, frozenset({0, 1})),
    Case("reschedule", _reschedule, frozenset({1})),
    Case("cancel", _cancel, frozenset({0, 1})),
    Case("sync", _sync, frozenset({2}), step=2),
)


def cut(driver: Driver, case: Case, folder: Path, *, at: int, again: bool) -> tuple[str | None, list[str]]:
    """Kill the command at a boundary and let another run set things right; the boundary, and what is wrong still."""
    with Simulator(now=NOW) as google:
        scene = Scene(driver, google, folder / f"{case.name}-{at}-{again}")
        command = case.prepare(scene)
        killed = scene.run(*command, dies_at=at)
        if killed["exit"] != KILLED:
            assert killed["exit"] == 0, killed["err"]
            return None, scene.audit()
        google.clock.advance(LEASE)
        mended = scene.run(*(command if again else ("sync",)))
        wrong = [] if mended["exit"] == 0 else [f"it ended with {mended['exit']}: {mended['err']}"]
        wrong += scene.audit()
        if len(google.events()) not in case.ends_with:
            wrong.append(f"there are {len(google.events())} events")
        if again and case.name in {"book", "cancel"} and len(google.events()) != (case.name == "book"):
            wrong.append("the same command again did not do what it is for")
        return killed["points"][-1], wrong


@pytest.mark.parametrize(
    ("case", "again"),
    # For `sync` the same command again is `sync`.
    [(case, again) for case in CASES for again in (True, False) if again or case.name != "sync"],
    ids=lambda value: value.name if isinstance(value, Case) else ("then sync", "then the same again")[value],
)
def test_killed_anywhere_nothing_is_lost_or_doubled(
    driver: Driver, tmp_path: Path, case: Case, again: bool
) -> None:
    passed: dict[int, str] = {}
    wrong: dict[int, list[str]] = {}
    for at in range(case.step, 200, case.step):
        point, found = cut(driver, case, tmp_path, at=at, again=again)
        if point is None:
            assert found == []
            break
        passed[at] = point
        if found:
            wrong[at] = found

    then = "the same again" if again else "sync"
    print(f"\n{case.name}, killed at each of {len(passed)} boundaries, then {then}: {len(wrong)} went wrong")
    for at, point in passed.items():
        print(f"  {at:3} {point:<34} {'WRONG' if at in wrong else 'ok'}")
    assert wrong == {}
    assert len(passed) >= 10
