"""The wheel holds the program, its example configuration and its licence, and nothing of the tests."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The files in a wheel built from this tree, with the build backend that is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    script = f"import os; os.chdir({str(ROOT)!r}); from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    built = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return zipfile.ZipFile(folder / built.stdout.strip().splitlines()[-1]).namelist()


def test_the_example_configuration_is_in_the_wheel(names: list[str]) -> None:
    assert "portalcal/config.example.toml" in names


def test_the_licence_and_the_type_marker_are_in_the_wheel(names: list[str]) -> None:
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert "portalcal/py.typed" in names


def test_nothing_of_the_tests_is_in_the_wheel(names: list[str]) -> None:
    assert not [name for name in names if name.startswith(("tests", "completions", "config"))]


def test_the_version_is_the_same_everywhere() -> None:
    from importlib.metadata import version

    from portalcal import __version__

    assert version("portalcal") == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
