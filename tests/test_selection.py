"""How much a run runs, on how many workers, and what it says of that: pytest on a suite of its own with our conftest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent
_SUITE = """
import pytest
from hypothesis import given, settings, strategies as st
from tests import selection

@pytest.mark.parametrize("number", selection.cases(range(8), traits=lambda number: [number // 4]))
def test_case(number, count_in_summary, add_to_summary):
    count_in_summary("gone through", cases=1, sum=number)
    add_to_summary(f"case {number}")

tried = []

@settings(max_examples=selection.examples(40), database=None)
@given(st.integers())
def test_property(number):
    tried.append(number)

def test_examples(add_to_summary):
    add_to_summary(f"{len(selection.some(range(40)))} of 40")
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite of one module that uses our conftest."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "conftest.py").write_text("from tests.conftest import *\n")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = full\n")
    (folder / "test_suite.py").write_text(_SUITE)
    return folder


def said(folder: Path, *arguments: str, selected: str | None = None) -> str:
    """What pytest prints about it."""
    chosen = {} if selected is None else {"PORTALCAL_TESTS": selected}
    without = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    without.pop("PORTALCAL_TESTS", None)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        capture_output=True, text=True, check=False, cwd=folder, env=without | chosen | {"PYTHONPATH": str(_ROOT)},
    )  # fmt: skip
    return ran.stdout + ran.stderr


def test_the_quick_run_takes_a_part_and_says_so(suite: Path) -> None:
    told = said(suite)

    assert "selection: quick; PORTALCAL_TESTS=full runs everything" in told
    assert "4 passed, 6 deselected" in told
    assert "gone through: 2 cases, 4 sum" in told
    assert "10 of 40" in told


@pytest.mark.full
def test_the_full_run_takes_everything_and_tells_what_its_workers_went_through(suite: Path) -> None:
    told = said(suite, "-n", "2", selected="full")

    assert "10 passed" in told
    assert "gone through: 8 cases, 28 sum" in told
    assert [f"case {number}" in told for number in range(8)] == [True] * 8
    assert "40 of 40" in told


@pytest.mark.full
def test_a_case_that_is_named_runs_in_the_quick_run_too_and_without_workers(suite: Path) -> None:
    told = said(suite, "-n", "auto", "test_suite.py::test_case[5]")

    assert "1 passed" in told
    assert "created: " not in told


@pytest.mark.full
def test_a_selection_that_there_is_none_of_is_a_usage_error(suite: Path) -> None:
    assert "PORTALCAL_TESTS is 'fast': expected quick or full" in said(suite, selected="fast")
