"""Two commands on one slot, in every order of their calls, with a death, a lost reply and a sleep anywhere.

The use-cases are the real ones; ledger and Google are small (`test_models.py` holds them to the real ones' manners).
`python -m tests.exploration` explores more: a sleep in every scene.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from tests.exploration.explorer import Explored
from tests.exploration.scenes import Scene, explored, scenes

SLEEPLESS = tuple(scenes(may_sleep=False))
SLEEPY = tuple(
    each for each in scenes(may_sleep=True) if each.before.name in {"nothing is booked", "X is booked"}
)


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Scenes know nothing of each other."""
    with ProcessPoolExecutor() as pool:
        yield pool


@pytest.mark.parametrize(
    ("all_of_them", "may_sleep"),
    [(SLEEPLESS, False), (SLEEPY, True)],
    ids=["a death and a lost reply", "a sleep past the lease too"],
)
def test_whoever_goes_on_when_ledger_and_calendar_agree_and_every_word_is_kept(
    pool: ProcessPoolExecutor, tell: Callable[[str], None], all_of_them: tuple[Scene, ...], may_sleep: bool
) -> None:
    found = list(pool.map(partial(explored, may_sleep=may_sleep), range(len(all_of_them)), chunksize=4))

    told = {scene.name: each.wrong for scene, each in zip(all_of_them, found, strict=True) if each.wrong}
    tell(f"explored, with a death and a lost reply{', and a sleep' if may_sleep else ''}: {summary(found)}")
    assert {name: f"{len(wrong)} times, as in\n{min(wrong, key=len)}" for name, wrong in told.items()} == {}
    # A use-case that ends at its first call would be easily explored.
    assert sum(each.states for each in found) > 100_000


def summary(found: list[Explored]) -> str:
    """How much was explored."""
    states, schedules = sum(each.states for each in found), sum(each.schedules for each in found)
    ends = sum(each.ends for each in found)
    return f"{len(found)} scenes: {schedules:,} schedules through {states:,} states to {ends:,} ends"
