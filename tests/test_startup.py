"""A command loads what it uses, and nothing else: checked in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from portalcal.cli.app import COMMANDS
from portalcal.simulator.google import Simulator

_PROBE = """
import json, sys
sys.argv = {argv!r}
from portalcal.__main__ import main
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
HEAVY = {"google", "googleapiclient", "google_auth_oauthlib", "httplib2", "requests", "oauthlib", "pendulum"}
COMPLETING = {"_PORTALCAL_COMPLETE": "bash", "_PORTALCAL_LINE": "portalcal ca"}


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

    assert not loaded & {f"portalcal.cli.commands.{command}" for command in COMMANDS}


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


@pytest.mark.full
def test_a_command_that_asks_nobody_loads_no_sockets() -> None:
    assert not modules_loaded_by("bookings", "--json") & {"socket", "portalcal.adapters.machine"}


@pytest.mark.parametrize(
    ("line", "needed"),
    [("portalcal ca", set()), ("portalcal book --link ", set()), ("portalcal cancel ", {"sqlite3"})],
)
def test_completion_loads_no_command_and_nothing_heavy(line: str, needed: set[str]) -> None:
    loaded = modules_loaded_by(environ=COMPLETING | {"_PORTALCAL_LINE": line})

    packages = {name.partition(".")[0] for name in loaded}
    assert not packages & (HEAVY | {"rich", "typer", "keyring", "sqlite3"} - needed)
    assert not {name for name in loaded if name.startswith(("portalcal.usecases", "portalcal.cli.commands"))}


def test_a_terminal_command_loads_rich_but_nothing_of_google(tmp_path: Path) -> None:
    loaded = loaded_by("bookings")

    assert "rich" in loaded
    assert not loaded & (HEAVY - {"pendulum"})


def test_asking_google_loads_neither_cryptography_nor_what_no_request_uses() -> None:
    with Simulator() as google, tempfile.TemporaryDirectory() as folder:
        environ = {
            "PORTALCAL_CONFIG": str(google.write_files(folder)),
            "PORTALCAL_ACCESS_TOKEN": str(google.issue_token()),
        }

        loaded = modules_loaded_by("availability", "--json", environ=environ)

        assert google.count() == 1
    assert "googleapiclient.http" in loaded
    assert not loaded & {
        "googleapiclient.discovery",
        "cryptography",
        "pyparsing",
        "asyncio",
        "oauthlib",
        "rich",
    }


def test_a_deferred_part_of_a_library_works_when_it_is_used() -> None:
    script = """
import sys
import portalcal.adapters.google
import httplib2
print("pyparsing" in sys.modules, httplib2.auth._parse_www_authenticate({"www-authenticate": 'Basic realm="a"'}))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "False {'basic': {'realm': 'a'}}"


def test_what_is_left_at_the_end_is_not_searched_once_more() -> None:
    # Called last of all: what is registered first.
    script = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count())); import portalcal.__main__"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert int(ran.stdout) > 10_000
