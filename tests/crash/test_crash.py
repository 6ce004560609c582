"""A process killed at every boundary of every command; then the same command again, or `sync`; then an audit.

`pytest tests/crash -s` prints the table.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from portalcal.simulator.google import Simulator
from tests import selection
from tests.crash.scene import KILLED, NOW, SAM, Driver, Scene

BOOK = ("book", "2026-11-24T10:00", *SAM, "--key", "order-17")
PANEL = ("--with", "dana", "--need", "five:2", "--room", "oak", "--owner", "organises")


class Case(NamedTuple):
    """A command with what has to be there before. `ends_with` is how many events there are in the end.

    `again` is how the same command may end when it is run again after its death.

    `step` 2 kills after every call only: between that and the next call nothing leaves the process's memory.
    """

    name: str
    prepare: Callable[[Scene], tuple[str, ...]]
    ends_with: frozenset[int]
    step: int = 1
    again: frozenset[int] = frozenset({0})


NewScene = Callable[[Simulator, str], Scene]
"""Makes a scene, in a folder of that name."""


def _reschedule(scene: Scene) -> tuple[str, ...]:
    return ("reschedule", scene.book(), "2026-11-24T11:00")


def _cancel(scene: Scene) -> tuple[str, ...]:
    return ("cancel", scene.book())


def _book_panel(scene: Scene) -> tuple[str, ...]:
    scene.add_team()
    return (*BOOK, *PANEL)


def _reschedule_panel(scene: Scene) -> tuple[str, ...]:
    scene.add_team()
    return ("reschedule", scene.book("2026-11-24T10:00", *PANEL), "2026-11-24T11:00")


def _reassign(scene: Scene) -> tuple[str, ...]:
    scene.add_team()
    return ("reassign", scene.book("2026-11-24T10:00", *PANEL), "--from", "ann", "--to", "eve")


OFFER = ("offer", "2026-11-24T10:00", "2026-11-24T11:00", *SAM, "--key", "offer-17")


def _book_offered(scene: Scene) -> tuple[str, ...]:
    return ("book", "--offer", f"{scene.made_by(*OFFER)}/1")


def _book_tentative(scene: Scene) -> tuple[str, ...]:
    return ("book", "--offer", f"{scene.made_by(*OFFER, '--tentative')}/1")


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
    Case("book a panel", _book_panel, frozenset({0, 1}), step=2),
    Case("reschedule a panel", _reschedule_panel, frozenset({1}), step=2),
    # Ann has left already where the killed command, or the outbox, came that far.
    Case("reassign", _reassign, frozenset({1}), step=2, again=frozenset({0, 6})),
    Case("offer", lambda _: OFFER, frozenset({0})),
    Case("offer with events", lambda _: (*OFFER, "--tentative"), frozenset({0, 2}), step=2),
    Case("book an offered time", _book_offered, frozenset({0, 1}), step=2),
    # As before, or converted: the events of both times, or that of the booking.
    Case("book a tentative time", _book_tentative, frozenset({1, 2}), step=2),
    Case("sync", _sync, frozenset({2}), step=2),
)

DONE = {
    "book": 1,
    "book a panel": 1,
    "cancel": 0,
    "offer with events": 2,
    "book an offered time": 1,
    "book a tentative time": 1,
}
"""How many events there are once a command did what it is for, where a command that did nothing leaves another number."""


def cut(new_scene: NewScene, case: Case, *, at: int, again: bool) -> tuple[str | None, list[str]]:
    """Kill the command at a boundary and let another run set things right; the boundary, and what is wrong still."""
    with Simulator(now=NOW) as google:
        scene = new_scene(google, f"{case.name}-{at}-{again}")
        command = case.prepare(scene)
        killed = scene.run(*command, dies_at=at)
        if killed["exit"] != KILLED:
            assert killed["exit"] == 0, killed["err"]
            return None, scene.audit()
        mended = scene.run(*(command if again else ("sync",)))
        wrong = (
            []
            if mended["exit"] in (case.again if again else {0})
            else [f"it ended with {mended['exit']}: {mended['err']}"]
        )
        wrong += scene.audit()
        if len(google.events()) not in case.ends_with:
            wrong.append(f"there are {len(google.events())} events")
        if again and case.name in DONE and len(google.events()) != DONE[case.name]:
            wrong.append("the same command again did not do what it is for")
        return killed["points"][-1], wrong


@pytest.mark.parametrize(
    "of_case",
    # For `sync` the same command again is `sync`.
    selection.cases(
        [(case, again) for case in CASES for again in (True, False) if again or case.name != "sync"],
        traits=lambda case: [case[0].name == "sync", case[1]],
        name=lambda case: f"{case[0].name}-{('then sync', 'then the same again')[case[1]]}",
    ),
)
def test_killed_anywhere_nothing_is_lost_or_doubled(
    driver: Driver, tmp_path: Path, add_to_summary: Callable[[str], None], of_case: tuple[Case, bool]
) -> None:
    def new_scene(google: Simulator, folder: str) -> Scene:
        return Scene(driver, google, tmp_path / folder)

    kill_at_every_boundary(new_scene, of_case, add_to_summary)


def kill_at_every_boundary(
    new_scene: NewScene, of_case: tuple[Case, bool], add_to_summary: Callable[[str], None]
) -> None:
    """Kill the command of a case at each of its boundaries in turn, and check what comes of it."""
    case, again = of_case
    passed: dict[int, str] = {}
    wrong: dict[int, list[str]] = {}
    # An odd number, so that the quick run kills before calls and after them.
    boundaries = selection.some(range(case.step, 200, case.step), one_in=4)
    for at in boundaries:
        point, found = cut(new_scene, case, at=at, again=again)
        if point is None:
            assert found == []
            break
        passed[at] = point
        if found:
            wrong[at] = found

    then = "the same again" if again else "sync"
    add_to_summary(f"{case.name}, killed at {len(passed)} boundaries, then {then}: {len(wrong)} went wrong")
    print()
    for at, point in passed.items():
        print(f"{case.name:<10}  {at:3} {point:<34} {'WRONG' if at in wrong else 'ok'}")
    assert wrong == {}
    assert len(passed) >= (10 if selection.IS_FULL else 4)
