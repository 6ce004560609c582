"""A sample of the table: every trick on two ways in, every way in with two tricks. All of it: `python -m tests.security`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.hostile import TRICKS
from tests.security.play import Row
from tests.security.rows import rows

ALL = [each for each in rows() if not each.is_slow]
ADDRESSES = [each for each in ALL if each.command == "calendars" and " = " in each.trick]
# Of each trick's ways in the next two are taken, of each odd address the next place where it may stand.
ROWS = [
    of_trick[(2 * number + each) % len(of_trick)]
    for number, trick in enumerate(dict.fromkeys(row.trick for row in ALL if row not in ADDRESSES))
    for of_trick in [[row for row in ALL if row.trick == trick]]
    for each in range(2)
] + [ADDRESSES[(3 * number + number % 3)] for number in range(len(ADDRESSES) // 3)]
# tests/cli/test_hostile_files.py has those that matter most, in one process.
QUICK = [row for row in ROWS[::4] if row.trick in TRICKS or row in ADDRESSES]


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=() if row in QUICK else pytest.mark.full) for row in ROWS],
    ids=lambda row: f"{row.command}, {row.trick}",
)
def test_what_an_adversary_does_comes_to_what_it_must(row: Row, tmp_path: Path) -> None:
    ran = row.plays(tmp_path)

    assert row.holds(ran), ran
    assert "Traceback" not in ran.err
