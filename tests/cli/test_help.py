"""The help of every command, whole, as a terminal of 80 columns shows it; `python -m tests.cli.test_help` writes it anew.

The pages are in `tests/cli/help/`, to be read as prose when they change. Their words are compared, in order: where a
column ends and a line breaks is Rich's decision, and Rich 14 and 15 differ in it.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import re
import sys
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pytest
from typer import _click as click
from typer.main import get_command, get_command_from_info
from typer.models import CommandInfo

from portalcal.cli.app import COMMANDS, app, run
from portalcal.cli.context import Invocation
from tests.cli.hints import assert_can_be_run

FOLDER = Path(__file__).parent / "help"
PAGES = {"portalcal": (), **{name: (name,) for name in COMMANDS}}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BOX = str.maketrans(dict.fromkeys("╭╮╰╯│─", " "))


def page(*command: str, columns: int = 80) -> str:
    """What `portalcal COMMAND --help` prints, without the blanks that fill its lines."""
    out = io.StringIO()
    with patch.dict(os.environ, {"COLUMNS": str(columns)}), contextlib.redirect_stdout(out):
        assert run((*command, "--help"), Invocation({}, io.StringIO(), out, out)) == 0
    lines = _COLOUR.sub("", out.getvalue()).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


def as_declared(*command: str) -> click.Command:
    """A command as Typer makes it of its function."""
    if not command:
        return get_command(app)
    (name,) = command
    function = getattr(import_module(f"portalcal.cli.commands.{name}"), name)
    return get_command_from_info(
        CommandInfo(name, callback=function), pretty_exceptions_short=False, rich_markup_mode="rich"
    )


def words(text: str) -> str:
    return " ".join(text.translate(_BOX).split())


def test_a_value_is_called_after_what_it_holds() -> None:
    for name, command in PAGES.items():
        assert not re.search(r"<(str|path|int|float|text)>", page(*command)), name


@pytest.mark.parametrize("name", PAGES)
def test_the_help_is_the_page_that_was_read(name: str) -> None:
    assert words(page(*PAGES[name])) == words((FOLDER / f"{name}.txt").read_text(encoding="utf-8"))


def test_no_page_is_left_of_a_command_that_is_gone() -> None:
    assert {each.stem for each in FOLDER.iterdir()} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_no_word_of_a_help_text_is_taken_for_markup(name: str) -> None:
    declared = as_declared(*PAGES[name])
    texts = [
        inspect.cleandoc(declared.help or ""),
        *(getattr(each, "help", None) for each in declared.params),
    ]

    # Nothing is broken in so wide a terminal.
    shown = words(page(*PAGES[name], columns=2000))

    missing = [each for each in texts if each and words(re.sub(r"\[/?bold\]", "", each)) not in shown]
    assert missing == []


@pytest.mark.parametrize("name", PAGES)
def test_no_line_of_a_page_is_cut_off(name: str) -> None:
    assert [each for each in page(*PAGES[name]).splitlines() if len(each) > 80 or "…" in each] == []


@pytest.mark.parametrize("columns", [60, 79])
@pytest.mark.parametrize("name", PAGES)
def test_a_narrow_page_has_every_word_and_cuts_no_name(name: str, columns: int) -> None:
    shown = page(*PAGES[name], columns=columns)

    # Commands to copy are not broken.
    examples = [each for each in shown.splitlines() if "portalcal " in each]
    assert [each for each in shown.splitlines() if len(each) > columns and each not in examples] == []
    assert not re.search(r"\\\[|\[/?bold\]|…|\.\.\.$", shown)
    declared = as_declared(*PAGES[name])
    texts = [
        re.split(r"\[/?bold\]", declared.help or "")[0],
        *(getattr(each, "help", "") for each in declared.params),
    ]
    # Click breaks lines at hyphens too.
    assert [each for each in texts if "".join(words(each).split()) not in "".join(words(shown).split())] == []
    assert all(
        each in shown.split() for param in declared.params for each in param.opts if each.startswith("--")
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_that_parse(name: str) -> None:
    _, _, examples = inspect.cleandoc(as_declared(name).help or "").partition("[bold]Examples[/bold]")

    lines = [each.strip() for each in examples.splitlines() if "portalcal " in each]
    assert lines
    for line in lines:
        assert_can_be_run(f"`portalcal {re.split(' [|>] ', line.partition('portalcal ')[2])[0]}`")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for name, command in PAGES.items():
        (FOLDER / f"{name}.txt").write_text(page(*command), encoding="utf-8")
    sys.exit(0)
