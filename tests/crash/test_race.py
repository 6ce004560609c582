"""Many processes at once on one ledger and one calendar."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from portalcal.errors import Exit
from portalcal.simulator.google import Simulator
from tests.crash.scene import FIVE, KILLED, NOW, SAM, Driver, Scene

PROCESSES = 32
ROUNDS, AT_ONCE, SLOTS = 12, 8, 20


def test_of_32_processes_that_want_one_time_one_gets_it(driver: Driver, tmp_path: Path) -> None:
    with Simulator(now=NOW) as google:
        race_for_one_time(Scene(driver, google, tmp_path))


@pytest.mark.full
def test_of_32_processes_that_want_panels_out_of_five_every_refused_one_was_truly_refused(
    driver: Driver, tmp_path: Path
) -> None:
    with Simulator(now=NOW) as google:
        race_for_panels(Scene(driver, google, tmp_path))


@pytest.mark.full
def test_whatever_runs_at_once_ledger_and_calendar_agree_in_the_end(driver: Driver, tmp_path: Path) -> None:
    """Random commands, some of them killed, on few slots; `python -m tests.crash` does it for a minute."""
    with Simulator(now=NOW) as google:
        play_at_random(Scene(driver, google, tmp_path))


def race_for_one_time(scene: Scene) -> None:
    """Have 32 processes book one time, and check that one has it."""
    ran = scene.together(*[
        ("book", "2026-11-24T10:00", "--name", "Sam", "--email", f"g{number}@example.com")
        for number in range(PROCESSES)
    ])  # fmt: skip

    lost = [json.loads(each["err"])["error"]["code"] for each in ran if each["exit"] == 5]
    # The winner is pending where another process delivered its event before it could itself.
    won = [each["exit"] for each in ran if each["exit"] in {0, 8}]
    assert (len(won), lost) == (1, ["slot-taken"] * (PROCESSES - 1)), [each["err"] for each in ran]
    assert scene.run("sync")["exit"] == 0
    assert scene.audit() == []
    assert len(scene.google.events()) == 1


def play_at_random(scene: Scene) -> None:
    """Run rounds of random commands, and check how they ended and that ledger and calendar agree."""
    dice, exits = random.Random(7), Counter[int]()
    for number in range(ROUNDS):
        exits += play(scene, dice, number)

    assert scene.run("sync")["exit"] == 0
    assert scene.audit() == []
    assert set(exits) <= {0, 5, 7, 8, KILLED}
    assert {0, 5, KILLED} <= set(exits)


def race_for_panels(scene: Scene) -> None:
    """Have 32 processes book panels at one time out of a pool of five, and check who got whom, and who nobody."""
    needs = [1 + number % 3 for number in range(PROCESSES)]
    scene.add_team()

    ran = scene.together(*[
        ("book", "2026-11-24T10:00", "--name", "Sam", "--email", f"g{number}@example.com", "--key", f"k{number}",
         "--need", f"five:{need}", "--owner", "organises")
        for number, need in enumerate(needs)
    ])  # fmt: skip

    refused = [need for need, each in zip(needs, ran, strict=True) if each["exit"] not in {0, 8}]
    codes = {json.loads(each["err"])["error"]["code"] for each in ran if each["exit"] not in {0, 8}}
    assert codes == {"nobody-free"}, [each["err"] for each in ran]
    assert scene.run("sync")["exit"] == 0
    assert scene.audit() == []
    listed = json.loads(scene.run("bookings")["out"])["result"]["bookings"]
    taken = [each["person"] for booking in listed for each in booking["people"]]
    assert len(taken) == len(set(taken)) <= len(FIVE)
    assert len(listed) == PROCESSES - len(refused)
    assert min(refused) > len(FIVE) - len(taken)


def play(scene: Scene, dice: random.Random, number: int, *, at_once: int = AT_ONCE) -> Counter[int]:
    """One round of commands that run at once, one in eight of which is killed somewhere; how they ended."""
    known = ids(scene)
    commands = [_command(dice, known, f"{number}-{one}") for one in range(at_once)]
    deaths = {one: dice.randrange(1, 30) for one in range(at_once) if dice.random() < 1 / 8}
    ran = scene.together(*commands, deaths=deaths)
    scene.google.clock.advance(seconds=5)
    assert [each["err"] for each in ran if each["exit"] == Exit.BUG] == []
    return Counter(each["exit"] for each in ran)


def ids(scene: Scene) -> list[str]:
    """The bookings there are."""
    listed = json.loads(scene.run("bookings")["out"])["result"]["bookings"]
    return [each["id"] for each in listed]


def _slot(dice: random.Random) -> str:
    number = dice.randrange(SLOTS)
    return f"2026-11-{24 + number // 10}T{9 + number % 10 // 2:02}:{number % 2 * 30:02}"


def _command(dice: random.Random, known: list[str], key: str) -> tuple[str, ...]:
    kind = dice.choice(["book", "book", "cancel", "reschedule", "reschedule", "sync"])
    if kind == "sync":
        return ("sync",)
    if kind == "book" or not known:
        return ("book", _slot(dice), *SAM, "--key", key)
    booking = dice.choice(known)
    return ("cancel", booking) if kind == "cancel" else ("reschedule", booking, _slot(dice))
