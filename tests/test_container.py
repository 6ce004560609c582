"""The parts of a container: each is made once, whichever thread uses it first, and can be overridden."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import cast

import pytest

from portalcal.container import Container, once
from portalcal.ports import Clock, View


class Workshop:
    """Makes one thing slowly, and one at once."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.begun: list[int] = []

    @once
    def slow(self) -> object:
        self.begun.append(threading.get_ident())
        self.may_end.wait()
        return object()

    @once
    def quick(self) -> object:
        return object()


def test_threads_that_use_a_part_first_at_the_same_time_get_the_same_one() -> None:
    workshop, all_at_once = Workshop(), threading.Barrier(5)

    def ask() -> object:
        all_at_once.wait()
        return workshop.slow

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask) for _ in range(4)]
        all_at_once.wait()
        workshop.may_end.set()

    assert len({id(each.result()) for each in asked}) == 1
    assert len(workshop.begun) == 1


def test_a_part_that_hangs_holds_up_no_other_part_and_nobody_elses() -> None:
    workshop, other = Workshop(), Workshop()
    other.may_end.set()
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(lambda: workshop.slow)

        assert workshop.quick is workshop.quick
        assert other.slow is not None

        workshop.may_end.set()
        assert hanging.result() is workshop.slow


def test_a_part_that_is_overridden_is_not_made() -> None:
    container = Container(cast("View", None), environ={})
    clock = cast("Clock", object())

    container.override(clock=clock, ledger_room=lambda: 1)

    assert (container.clock, container.ledger_room()) == (clock, 1)


@pytest.mark.parametrize("name", ["no_such_part", "can_renew"], ids=["unknown", "a plain property"])
def test_overriding_what_is_no_part_is_an_error(name: str) -> None:
    container = Container(cast("View", None), environ={})

    with pytest.raises(TypeError, match=name):
        container.override(**{name: None})


def test_no_part_of_a_container_is_made_twice() -> None:
    unlocked = {name for name, value in vars(Container).items() if type(value) is cached_property}

    assert unlocked == set()
