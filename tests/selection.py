"""What the quick run leaves out: how that is decided stands here, and nowhere else.

`PORTALCAL_TESTS=quick`, the default, is for every change; `PORTALCAL_TESTS=full` is for what lands, and runs everything.
Where hundreds of cases are one test with other values, the quick run takes a fixed part of them: those with a trait that is
new, or the first. A single test that starts dozens of processes is marked `full` where it stands. A case that is named by its id (`pytest "tests/x.py::test_it[case]"`) is run in either.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import pytest
from _pytest.mark import ParameterSet
from hypothesis import HealthCheck, settings

T = TypeVar("T")

VARIABLE = "PORTALCAL_TESTS"
CHOSEN = os.environ.get(VARIABLE) or "quick"
IS_FULL = CHOSEN == "full"

_PART = 4
"""Quick tries one in so many of Hypothesis's examples, and of the kinds of clock change in tzdata."""


def check() -> None:
    """Refuse a selection that there is none of."""
    if CHOSEN not in {"quick", "full"}:
        raise pytest.UsageError(f"{VARIABLE} is {CHOSEN!r}: expected quick or full")


def deselect(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take what is marked as belonging to the full run out of the quick one."""
    if IS_FULL or any("::" in each for each in config.args):
        return
    left_out = [each for each in items if each.get_closest_marker("full")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [each for each in items if not each.get_closest_marker("full")]


def cases(
    values: Iterable[T], *, traits: Callable[[T], Iterable[Hashable]], name: Callable[[T], str] = str
) -> list[ParameterSet]:
    """Parameters of a test. The quick run takes those that have a trait which none before them has: every trait is there."""
    seen: set[Hashable] = set()
    found = []
    for each in values:
        new = set(traits(each)) - seen
        seen |= new
        found.append(pytest.param(each, id=name(each), marks=() if new else pytest.mark.full))
    return found


def first(values: Iterable[T], number: int) -> list[ParameterSet]:
    """Parameters of a test. The quick run takes so many, from the beginning."""
    return [pytest.param(each, marks=() if n < number else pytest.mark.full) for n, each in enumerate(values)]


def some(values: Sequence[T], *, one_in: int = _PART) -> Sequence[T]:
    """All of many values, or those that the quick run takes, inside of one test."""
    return values if IS_FULL else values[::one_in]


def examples(number: int) -> int:
    """How many of Hypothesis's examples there are where the full run has that many."""
    return number if IS_FULL else max(1, number // _PART)


# How long an example takes to make or to try says how busy the machine is.
settings.register_profile("full", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("full"), max_examples=examples(100))
