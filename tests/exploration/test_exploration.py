"""Two commands on one slot, in every order of their calls, with a death, a lost reply and a sleep anywhere.

The use-cases are the real ones; ledger and Google are small (`test_models.py` holds them to the real ones' manners).
`python -m tests.exploration` explores more: a sleep in every scene.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

import pytest

from tests import selection
from tests.exploration.scenes import A_SHORT_OFFER, Scene, scenes


def _kinds(scene: Scene) -> Iterable[Hashable]:
    """Every kind of command beside every kind, on one machine and on two."""
    yield frozenset(each.command.does for each in scene.processes)
    yield len({each.machine for each in scene.processes})


def _traits(scene: Scene) -> Iterable[Hashable]:
    """The same, and every beginning."""
    yield from _kinds(scene)
    yield scene.before.name


def _sleepers(scene: Scene) -> Iterable[Hashable]:
    """Every beginning."""
    yield scene.before.name


SLEEPLESS = tuple(scenes(may_sleep=False))
SLEEPY = tuple(
    each
    for each in scenes(may_sleep=True)
    if each.before.name in {"nothing is booked", "X is booked", A_SHORT_OFFER}
)


@pytest.mark.parametrize("scene", selection.cases(SLEEPLESS, traits=_traits))
def test_whoever_goes_on_when_ledger_and_calendar_agree_and_every_word_is_kept(
    count_in_summary: Callable[..., None], scene: Scene
) -> None:
    explore(scene, count_in_summary)


@pytest.mark.parametrize("scene", selection.cases(SLEEPY, traits=_sleepers))
def test_that_is_so_for_whoever_sleeps_past_the_lease_too(
    count_in_summary: Callable[..., None], scene: Scene
) -> None:
    explore(scene, count_in_summary)


def explore(scene: Scene, count_in_summary: Callable[..., None]) -> None:
    found = scene.explore()

    too = ", and a sleep" if scene.may_sleep else ""
    count_in_summary(
        f"explored, with a death and a lost reply{too}", scenes=1, states=found.states, ends=found.ends
    )
    wrong = min(found.wrong, key=len, default="")
    assert wrong == "", f"{len(found.wrong)} times, as in\n{wrong}"
    # A use-case that ends at its first call would be easily explored.
    is_a_race = scene.before.name == "nothing is booked" and all(each.command.key for each in scene.processes)
    assert found.states >= (1_000 if is_a_race else 8)
