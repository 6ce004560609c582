"""What the README shows is so: its commands work one after the other, its tables are those of the program."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from portalcal.cli.environment import VARIABLES
from portalcal.core.permissions import Permission
from portalcal.errors import Exit
from portalcal.simulator.google import Simulator
from tests.cli.conftest import Ran, Shell, connected, google, portalcal

__all__ = ["connected", "google", "portalcal"]

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
_SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


_SCRIPT = re.compile(r"```bash\n(.*?)```", re.DOTALL)


_INLINE = re.compile(r"`(portalcal -?-?[a-z][^`]*)`")


def command_lines() -> list[str]:
    """The lines of its blocks, in their order."""
    lines = "\n".join(_SHELL.findall(README)).splitlines()
    return [line.partition("   #")[0].strip() for line in lines if line.startswith("portalcal ")]


@pytest.mark.parametrize("line", [*command_lines(), *sorted(set(_INLINE.findall(README)))])
def test_a_command_of_the_readme_parses(line: str) -> None:
    from typer.main import get_command

    from portalcal.cli.app import app

    group = get_command(app)
    root = group.make_context("portalcal", [], resilient_parsing=True)
    _, words, _ = group.make_parser(root).parse_args(shlex.split(line)[1:])
    if words:
        command = group.get_command(root, words[0])  # type: ignore[attr-defined]
        assert command is not None, words[0]
        command.make_context(words[0], words[1:], resilient_parsing=False)


@pytest.fixture
def newcomer(google: Simulator, portalcal: Shell) -> Shell:
    """Somebody who follows the README: a client downloaded from Google, a calendar of the team."""
    google.add_calendar("team@example.com", summary="Team", role="writer")
    google.conference = "success"
    (downloads := Path.home() / "Downloads").mkdir()
    (portalcal.folder / "client_secret.json").rename(downloads / "client_secret.json")
    path = Path(portalcal.environ["PORTALCAL_CONFIG"])
    # Where Google is remains; which client there is comes from the command line.
    path.write_text(path.read_text().replace('client_secrets = "client_secret.json"\n', ""))
    return portalcal


def typed(shell: Shell, line: str) -> Ran:
    """A line as a shell passes it on, with the booking there is for the one that is shown."""
    words = [each.replace("~", str(Path.home())) for each in shlex.split(line)[1:]]
    if "5d16c341" in words:
        (booking,) = shell.json("bookings").result["bookings"]
        words[words.index("5d16c341")] = booking["id"][:8]
    return shell(*words)


def test_its_commands_work_one_after_the_other(newcomer: Shell, google: Simulator) -> None:
    *lines, last = command_lines()
    assert last == "portalcal disconnect"

    for line in lines:
        ran = typed(newcomer, line)
        assert ran.exit == 0, (line, ran)
        google.clock.advance(seconds=60)

    # The last one asks first, and where nobody can be asked its hint names the flag.
    refused = typed(newcomer, last)
    assert (refused.exit, "hint: add `--yes`" in refused.err) == (2, True), refused
    assert newcomer("disconnect", "--yes").exit == 0


@pytest.mark.full
@pytest.mark.skipif(sys.platform == "win32", reason="bash is not there")
def test_its_script_for_a_machine_without_anybody_works(tmp_path: Path) -> None:
    (script,) = _SCRIPT.findall(README)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    assert "Connected as ana@example.com" in ran.stdout
    assert "state   confirmed" in ran.stderr


@pytest.mark.parametrize(
    "line", sorted(each for each in set(_INLINE.findall(README)) if each.startswith("portalcal status"))
)
def test_its_ways_to_look_for_trouble_work(
    connected: Shell, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert typed(connected, line).exit == 0

    reports = re.findall(r"--report (\S+)", line)
    assert all((tmp_path / each).stat().st_size for each in reports)


def test_the_table_of_exit_statuses_is_the_programs() -> None:
    rows = "".join(f"| {each.value} | {each.meaning} |\n" for each in Exit)

    assert rows in README


def test_the_table_of_variables_is_the_programs() -> None:
    rows = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in VARIABLES.items())

    assert rows in README


def test_the_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)

    assert len(pictures) == 2
    assert all((ROOT / each).is_file() for each in pictures)


def test_the_permissions_are_the_programs() -> None:
    rows = "".join(f"| {each.shown} | {each.why} |\n" for each in Permission)

    assert rows in README


def test_both_set_up_commands_are_there() -> None:
    blocks = [block.strip() for block in _SHELL.findall(README)]

    assert blocks[0].endswith("portalcal demo")
    assert blocks[1].endswith("-m pytest")
    assert all("\n" not in block for block in blocks[:2])
