"""What a library warns of, at its import or later, is for developers and not for users."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_LIBRARY = """
import warnings

warnings.simplefilter("always")  # as urllib3 does for warnings of its own
for kind in (FutureWarning, DeprecationWarning, PendingDeprecationWarning, UserWarning, RuntimeWarning, ResourceWarning):
    warnings.warn(f"{kind.__name__} of a library", kind, stacklevel=1)

def get_localzone_name():
    warnings.warn("this Python is past its end of life", FutureWarning, stacklevel=1)
    return "Europe/London"
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A machine on which the library that knows its zone warns of everything there is."""
    (tmp_path / "tzlocal.py").write_text(_LIBRARY)
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    return inherited | {"PYTHONPATH": str(tmp_path)}


def bookings(
    environ: dict[str, str], *options: str, python: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """`portalcal bookings`, which asks for the machine's zone."""
    return subprocess.run(
        [sys.executable, *python, "-m", "portalcal", "bookings", *options],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environ,
    )  # fmt: skip


def test_a_script_gets_its_one_line_and_nothing_beside_it(environ: dict[str, str]) -> None:
    ran = bookings(environ, "--json")

    assert ran.stderr == ""
    assert json.loads(ran.stdout)["command"] == "bookings"


def test_a_person_gets_the_page_and_nothing_beside_it(environ: dict[str, str]) -> None:
    assert bookings(environ).stderr == ""


@pytest.mark.parametrize("kind", ["FutureWarning", "UserWarning"])
def test_a_developer_gets_them_by_option(environ: dict[str, str], kind: str) -> None:
    assert f"{kind}: {kind} of a library" in bookings(environ, "--json", python=("-W", "default")).stderr


def test_a_developer_gets_them_by_variable(environ: dict[str, str]) -> None:
    told = bookings(environ | {"PYTHONWARNINGS": "default"}, "--json").stderr

    assert "FutureWarning: FutureWarning of a library" in told
