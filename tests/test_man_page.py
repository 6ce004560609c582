"""The manual page is as generated from the help; `python -m tests.test_man_page` writes it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer import _click as click
from typer.main import get_command

from portalcal import __version__
from portalcal.cli.app import COMMANDS, app
from portalcal.cli.environment import VARIABLES
from portalcal.errors import Exit

PAGE = Path(__file__).parent.parent / "portalcal/portalcal.1"

_DATE = "2026-11-26"
"""When this generator last changed; a page that changes with the day it is made on could not be compared."""

_MARKUP = re.compile(r"\[/?bold\]|\\(?=\[)")
_FILES = {
    "~/.config/portalcal/config.toml": "the configuration, which portalcal never writes; `portalcal config` says where it is",
    "~/.local/share/portalcal/ledger.db": "bookings, their history, and what is still owed to Google",
    "~/.local/share/portalcal/NAME/connection.toml": "the account, the granted permissions and the selected calendars of a workspace",
}


def man_page() -> str:
    """The page in the macros of man(7)."""
    group: Any = get_command(app)
    context = click.Context(group, info_name="portalcal")
    lines = [
        '.\\" Generated from the help by tests/test_man_page.py.',
        f'.TH PORTALCAL 1 "{_DATE}" "portalcal {__version__}" "User Commands"',
        ".SH NAME",
        "portalcal \\- connect a portal's scheduling to a Google Calendar",
        ".SH SYNOPSIS",
        ".B portalcal",
        "[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]",
        ".SH DESCRIPTION",
        *paragraphs(group.help or ""),
        ".SH OPTIONS",
        *options(group, context),
        ".SH COMMANDS",
    ]
    for name in COMMANDS:
        lines += command(name, group.get_command(context, name).loaded(), context)
    lines += [".SH ENVIRONMENT", *terms(VARIABLES)]
    lines += [".SH FILES", "On Linux; elsewhere in the usual places of the system.", *terms(_FILES)]
    lines += [".SH EXIT STATUS", *terms({str(each.value): each.meaning for each in Exit})]
    lines += [
        ".SH EXAMPLES",
        ".EX",
        *map(escaped, ("portalcal demo", "portalcal connect --client-secrets client_secret.json")),
    ]
    lines += [*map(escaped, ("portalcal availability mon --days 5", "portalcal status")), ".EE"]
    return "\n".join(lines) + "\n"


def command(name: str, loaded: Any, parent: click.Context) -> Iterator[str]:
    """A command: its line, what it does, its arguments and options."""
    context = click.Context(loaded, info_name=name, parent=parent)
    arguments = [each for each in loaded.params if each.param_type_name == "argument"]
    words = " ".join(f"\\fI{escaped(each.make_metavar(context))}\\fR" for each in arguments)
    yield f'.SS "portalcal {name}"'
    yield f"\\fBportalcal {name}\\fR [\\fIOPTIONS\\fR] {words}".rstrip()
    yield ".PP"
    yield from paragraphs(loaded.help or "")
    yield from terms({each.make_metavar(context): each.help or "" for each in arguments})
    yield from options(loaded, context)


def options(loaded: Any, context: click.Context) -> Iterator[str]:
    """The options with what they take and do."""
    for each in loaded.get_params(context):
        # What every command takes stands above all of them.
        is_general = isinstance(context.parent, click.Context) and not {"--json", "--help"}.isdisjoint(
            each.opts
        )
        if each.param_type_name == "option" and not getattr(each, "hidden", False) and not is_general:
            takes = "" if each.is_flag else f" \\fI{escaped(each.make_metavar(context))}\\fR"
            names = ", ".join(f"\\fB{escaped(name)}\\fR" for name in sorted(each.opts, key=len))
            yield from (".TP", f"{names}{takes}", text(each.help or ""))


def terms(described: dict[str, str]) -> Iterator[str]:
    """A list of words with what they mean."""
    for term, meaning in described.items():
        yield from (".TP", f"\\fB{escaped(term)}\\fR", text(meaning))


def paragraphs(help_text: str) -> Iterator[str]:
    """The paragraphs of a help text; command lines stand as they are typed."""
    is_first = True
    for paragraph in _MARKUP.sub("", help_text).split("\n\n"):
        lines = [line.strip() for line in paragraph.strip("\b\n").splitlines()]
        if all(re.match("portalcal |[A-Z_]+=", line) for line in lines):
            yield from (".EX", *map(escaped, lines), ".EE")
            continue
        if not is_first:
            yield ".PP"
        yield text(" ".join(lines))
        is_first = False


def text(words: str) -> str:
    """Running text, in lines of less than 80: what stands in backquotes is bold."""
    plain = " ".join(_MARKUP.sub("", words).replace("\\", "\\e").replace("-", "\\-").split())
    lines = textwrap.wrap(
        re.sub(r"`([^`]+)`", r"\\fB\1\\fR", plain), 78, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(map(_guarded, lines)) or "\\&"


def escaped(words: str) -> str:
    """Words that roff takes as they are: hyphens can be copied, and no line begins with a request."""
    return _guarded(words.replace("\\", "\\e").replace("-", "\\-"))


def _guarded(line: str) -> str:
    return f"\\&{line}" if line.startswith((".", "'")) else line


def test_the_page_is_as_generated() -> None:
    assert PAGE.read_text(encoding="utf-8") == man_page(), "run: python -m tests.test_man_page"


def test_every_command_and_option_has_its_place() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [name for name in COMMANDS if f'.SS "portalcal {name}"' not in page] == []
    for word in ("\\-\\-workspace", "\\-\\-client\\-secrets", "PORTALCAL_CONFIG", "130"):
        assert f"\\fB{word}\\fR" in page


@pytest.mark.real
@pytest.mark.parametrize(
    ("program", "package"),
    [
        (("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"), "man-db"),
        (("mandoc", "-Tlint"), "mandoc"),
    ],
    ids=["man", "mandoc"],
)
def test_the_programs_that_show_it_have_nothing_against_it(program: tuple[str, ...], package: str) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"apt-get install {package}")

    # mandoc has something against a page of tomorrow, which this one is where `.ci/run` moves the clock back.
    real_clock = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    ran = subprocess.run([*program, str(PAGE)], env=real_clock, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert program[0] == "man" or ran.stdout == ""


@pytest.mark.real
def test_it_can_be_searched_for() -> None:
    if shutil.which("lexgrog") is None:
        pytest.skip("apt-get install man-db")

    ran = subprocess.run(["lexgrog", str(PAGE)], capture_output=True, text=True, check=True)

    assert ran.stdout == f'{PAGE}: "portalcal - connect a portal\'s scheduling to a Google Calendar"\n'


if __name__ == "__main__":
    PAGE.write_text(man_page(), encoding="utf-8")
