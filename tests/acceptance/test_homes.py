"""Machines on which nothing was done yet, and homes in which nothing can be done."""

from __future__ import annotations

import pytest

from tests import selection
from tests.acceptance.conftest import WHO, Machine, in_days

LOOKING = [
    ("bookings",),
    ("bookings", "none"),
    ("availability",),
    ("availability", "--explain", in_days(3)),
    ("status",),
    ("status", "--all"),
    ("calendars",),
    ("sync", "--dry-run"),
    ("disconnect", "--yes"),
    ("cancel", "none"),
    ("reschedule", "none", in_days(3)),
    ("book", in_days(3), *WHO, "--dry-run"),
]


@pytest.mark.full
@pytest.mark.parametrize("arguments", LOOKING, ids=lambda arguments: " ".join(arguments[:2]))
def test_who_only_looks_leaves_nothing_behind(machine: Machine, arguments: tuple[str, ...]) -> None:
    before = set(machine.folder.rglob("*"))

    ended = machine.process(*arguments, "--json")

    assert ended.exit in {0, 4, 6}
    assert set(machine.folder.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments", selection.first(LOOKING, 4), ids=lambda arguments: " ".join(arguments[:2])
)
def test_who_only_looks_needs_no_home_that_can_be_written(
    machine: Machine, arguments: tuple[str, ...]
) -> None:
    at_home, elsewhere = (machine.process(*arguments, "--json", **at) for at in ({}, {"HOME": "/dev/null"}))

    assert elsewhere.exit == at_home.exit


def test_a_booking_that_could_not_be_kept_is_not_made(connected: Machine) -> None:
    connected.configure('[ledger]\nurl = "sqlite:///ledger.db"\n')
    (connected.folder / "ledger.db").mkdir()

    ended = connected.book(in_days(3))

    assert (ended.exit, ended.error["code"]) == (3, "ledger-unusable")
    assert connected.google.live() == []


def test_status_says_that_no_booking_could_be_kept(machine: Machine) -> None:
    told = machine.process("status", "--offline", "--json", HOME="/dev/null")

    checks = {each["name"]: each for each in told.document["result"]["checks"]}
    assert (checks["ledger.file"]["state"], "cannot be" in checks["ledger.file"]["detail"]) == ("fail", True)
