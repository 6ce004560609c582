"""A command loads what it uses, and nothing else: checked in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from portalcal.cli.app import COMMANDS

_PROBE = """
import json, sys
sys.argv = {argv!r}
from portalcal.cli.app import main
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
HEAVY = {"google", "googleapiclient", "google_auth_oauthlib", "httplib2", "requests", "oauthlib", "pendulum"}
COMPLETING = {"_PORTALCAL_COMPLETE": "complete_bash", "COMP_WORDS": "portalcal ca", "COMP_CWORD": "1"}


def modules_loaded_by(*arguments: str, environ: dict[str, str] | None = None) -> set[str]:
    """The modules a command line loads."""
    import os

    script = _PROBE.format(argv=["portalcal", *arguments])
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ) | (environ or {}),
    )
    return set(json.loads(ran.stderr.strip().splitlines()[-1]))


def loaded_by(*arguments: str, environ: dict[str, str] | None = None) -> set[str]:
    """The top-level packages a command line loads."""
    return {name.partition(".")[0] for name in modules_loaded_by(*arguments, environ=environ)}


def test_importing_the_package_imports_nothing() -> None:
    script = "import sys; before = set(sys.modules); import portalcal; print(set(sys.modules) - before)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "{'portalcal'}"


def test_the_version_loads_no_command_and_no_rich() -> None:
    loaded = loaded_by("--version")

    assert not loaded & (HEAVY | {"rich", "keyring", "sqlite3"})


def test_help_loads_rich_but_nothing_of_google() -> None:
    loaded = loaded_by("--help")

    assert "rich" in loaded
    assert not loaded & (HEAVY | {"keyring", "sqlite3"})


@pytest.mark.parametrize("environ", [{}, COMPLETING], ids=["help", "completion"])
def test_the_list_of_commands_is_told_without_loading_any(environ: dict[str, str]) -> None:
    loaded = modules_loaded_by("--help", environ=environ)

    assert not loaded & {f"portalcal.cli.{command}" for command in COMMANDS}


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "--offline", "--json"),
        ("availability", "--json"),
        ("bookings", "--json"),
        ("book", "--json", "--help-me"),
        ("book", "tomorrow 10:00", "--name", "Sam", "--email", "sam@example.com", "--force", "--json"),
        ("disconnect", "--json"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_json_command_that_needs_no_google_loads_none_of_it_and_no_rich(arguments: tuple[str, ...]) -> None:
    unwanted = loaded_by(*arguments) & (HEAVY | {"rich", "keyring"})

    assert unwanted == set()


def test_completion_loads_nothing_heavy() -> None:
    assert not loaded_by(environ=COMPLETING) & (HEAVY | {"rich", "keyring", "sqlite3"})


def test_a_terminal_command_loads_rich_but_nothing_of_google(tmp_path: Path) -> None:
    loaded = loaded_by("bookings")

    assert "rich" in loaded
    assert not loaded & (HEAVY - {"pendulum"})


def test_what_is_left_at_the_end_is_not_searched_once_more() -> None:
    # Called last of all: what is registered first.
    script = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count())); import portalcal.__main__"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert int(ran.stdout) > 10_000
