"""Questions asked at once: who waits for whom, and what becomes of one that is never answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portalcal.core.diagnosis import Check, Condition, Finding, Health
from portalcal.errors import NotConnected
from portalcal.ports import World
from portalcal.usecases.examination import Question, Scene, Skip, Whose, examine


@pytest.fixture
def forever() -> Iterator[Callable[[Scene], Finding]]:
    """A look that does not come back before the test is over."""
    over = threading.Event()

    def look(scene: Scene) -> Finding:
        over.wait(10)
        return Finding("late")

    yield look
    over.set()


def well(scene: Scene) -> Finding:
    return Finding("well")


def badly(scene: Scene) -> Finding:
    raise NotConnected("default")


def not_at_all(scene: Scene) -> Finding:
    raise Skip("why not")


def answers(*questions: Question, limit: float = 5.0) -> dict[str, Check]:
    """The checks by name. The order is that of the questions."""
    world = cast("World", SimpleNamespace(clock=SimpleNamespace(monotonic=time.monotonic)))
    checks = examine(questions, Scene(world, "default"), limit=limit)
    assert [each.name for each in checks] == [each.name for each in questions]
    return {each.name: each for each in checks}


def test_a_failed_check_skips_those_that_rest_on_it_and_only_those() -> None:
    told = answers(
        Question("a", badly),
        Question("b", well, needs=("a",)),
        Question("c", well, after=("a",)),
        Question("d", well, needs=("c", "b")),
    )

    assert (told["a"].health, told["a"].means) == (Health.FAIL, Condition.DISCONNECTED)
    assert (told["b"].health, told["b"].detail) == (Health.SKIPPED, "rests on a")
    assert told["c"].health is Health.OK
    assert (told["d"].health, told["d"].detail) == (Health.SKIPPED, "rests on a")


def test_a_skipped_check_is_no_failed_one() -> None:
    told = answers(Question("a", not_at_all), Question("b", well, needs=("a",)))

    assert (told["a"].health, told["a"].detail) == (Health.SKIPPED, "why not")
    assert told["b"].health is Health.OK


def test_questions_that_do_not_rest_on_each_other_are_asked_at_once() -> None:
    both = threading.Barrier(2)

    def meets(scene: Scene) -> Finding:
        both.wait(5)
        return Finding("met")

    told = answers(Question("a", meets), Question("b", meets))

    assert {each.detail for each in told.values()} == {"met"}


@pytest.mark.parametrize(
    ("whose", "means"),
    [
        (Whose.VAULT, Condition.VAULT_UNAVAILABLE),
        (Whose.GOOGLE, Condition.UNREACHABLE),
        (Whose.LEDGER, Condition.UNREACHABLE),
        (Whose.MACHINE, Condition.UNREACHABLE),
    ],
)
def test_silence_is_a_failure_in_the_name_of_who_was_asked(
    forever: Callable[[Scene], Finding], whose: Whose, means: Condition
) -> None:
    began = time.monotonic()

    told = answers(
        Question("silent", forever, whose=whose),
        Question("rests", well, needs=("silent",)),
        Question("other", well),
        limit=0.1,
    )

    assert time.monotonic() - began < 2
    assert (told["silent"].health, told["silent"].means) == (Health.FAIL, means)
    assert told["silent"].hint
    assert told["rests"].detail == "rests on silent"
    assert told["other"].health is Health.OK


def test_the_limit_bounds_the_whole_of_a_chain(forever: Callable[[Scene], Finding]) -> None:
    began = time.monotonic()

    told = answers(
        Question("a", forever), Question("b", forever, after=("a",)), Question("c", forever, after=("b",)),
        limit=0.1,
    )  # fmt: skip

    assert time.monotonic() - began < 2
    assert {each.health for each in told.values()} == {Health.FAIL}


def test_a_bug_in_a_check_is_raised_and_not_reported_as_a_trouble_of_the_users() -> None:
    def buggy(scene: Scene) -> Finding:
        return cast("Any", None).detail  # type: ignore[no-any-return]

    with pytest.raises(AttributeError):
        answers(Question("a", buggy), Question("b", well))


def test_the_time_a_check_took_is_told() -> None:
    def slow(scene: Scene) -> Finding:
        threading.Event().wait(0.02)
        return Finding("slow")

    assert 15 <= answers(Question("a", slow))["a"].millis < 2000
