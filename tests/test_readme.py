"""What the README shows is so: its commands parse, its tables are those of the program."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from portalcal.core.permissions import Permission
from portalcal.errors import Exit

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
_SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def command_lines() -> list[str]:
    lines = "\n".join(_SHELL.findall(README)).splitlines()
    return [line.partition("   #")[0].strip() for line in lines if line.startswith("portalcal ")]


@pytest.mark.parametrize("line", command_lines())
def test_a_command_of_the_readme_parses(line: str) -> None:
    from typer.main import get_command

    from portalcal.cli.app import app

    group = get_command(app)
    name, *arguments = shlex.split(line)[1:]
    command = group.get_command(None, name)  # type: ignore[attr-defined]

    assert command is not None, name
    command.make_context(name, arguments, resilient_parsing=False)


def test_the_table_of_exit_statuses_is_the_programs() -> None:
    rows = "".join(f"| {each.value} | {each.meaning} |\n" for each in Exit)

    assert rows in README


def test_the_permissions_are_the_programs() -> None:
    rows = "".join(f"| {each.shown} | {each.why} |\n" for each in Permission)

    assert rows in README


def test_both_set_up_commands_are_there() -> None:
    blocks = [block.strip() for block in _SHELL.findall(README)]

    assert blocks[0].endswith("portalcal demo")
    assert blocks[1].endswith("-m pytest")
    assert all("\n" not in block for block in blocks[:2])
