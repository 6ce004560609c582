"""PORTALCAL_TESTS_REQUIRE_REAL=1 turns skipped tests into failed ones: nothing is left out unnoticed in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import IMPOSSIBLE

_ROOT = Path(__file__).parent.parent
_SUITE = """
import pytest

@pytest.mark.skip(reason="no chromium here")
def test_skipped(): ...

def test_skips_itself():
    pytest.skip("no keyring here")

@pytest.mark.xfail(reason="known", strict=True)
def test_known_to_fail():
    assert False

def test_passes(): ...
"""


def outcome_of(folder: Path, suite: str, *, demanded: str) -> str:
    """What pytest says about a suite of its own that uses our conftest."""
    (folder / "conftest.py").write_text("from tests.conftest import *\n")
    (folder / "test_suite.py").write_text(suite)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=dict(os.environ) | {"PYTHONPATH": str(_ROOT), "PORTALCAL_TESTS_REQUIRE_REAL": demanded},
    )
    return ran.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place for a suite."""
    place = tmp_path / "suite"
    place.mkdir()
    return place


def test_skipped_tests_fail_where_real_parts_are_demanded(folder: Path) -> None:
    said = outcome_of(folder, _SUITE, demanded="1")

    assert "1 failed, 1 passed, 1 xfailed, 1 error" in said
    assert "PORTALCAL_TESTS_REQUIRE_REAL=1, but this was skipped. Skipped: no chromium here" in said
    assert "Skipped: no keyring here" in said


@pytest.mark.full
def test_skipped_tests_are_skipped_elsewhere(folder: Path) -> None:
    assert "1 passed, 2 skipped, 1 xfailed" in outcome_of(folder, _SUITE, demanded="")


@pytest.mark.full
def test_what_no_package_can_bring_is_not_demanded(folder: Path) -> None:
    suite = f'import pytest\ndef test_mounts(): pytest.skip("{IMPOSSIBLE}mounting")\n'

    assert "1 skipped" in outcome_of(folder, suite, demanded="1")


@pytest.mark.full
def test_a_module_that_skips_itself_fails_too(folder: Path) -> None:
    suite = 'import pytest\npytest.skip("no fish here", allow_module_level=True)\n'

    assert "1 error" in outcome_of(folder, suite, demanded="1")
