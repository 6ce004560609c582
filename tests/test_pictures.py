"""The pictures of the README are what the commands show; `python -m tests.test_pictures` draws them anew."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from portalcal.cli.app import run
from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, NOW, Shell
from tests.terminal import Terminal

FOLDER = Path(__file__).parent / "pictures"
PICTURES = {
    "availability": ("availability", "--days", "5", "--link", "intro"),
    "status": ("status",),
}
"""The week as it is, and what is wrong once somebody no longer shares a calendar that counts."""
_WIDTH = 84
# From machine to machine, and from run to run.
_DIFFERS = {
    r"/\S*/portalcal/": "~/.config/portalcal/",
    # The tests' keyring is kept in memory.
    r"(vault\.backend\S*\s+)memory": r"\1keyring",
    r"20\d\d[a-z] of \S+": "2026c of /usr/share/zoneinfo",
    r"\d+-[0-9a-f]{8,}\.apps\.googleuse\s+rcontent\.com": "1012345678901-ab12cd34.apps.googleusercontent.com",
}
# Fonts of another server are not loaded by whoever looks at a README.
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


@contextmanager
def machine(folder: Path) -> Iterator[Shell]:
    """Ana's machine on a Monday morning: connected, with a week as weeks are."""
    folder.mkdir(parents=True, exist_ok=True)
    with Simulator(now=NOW) as google:
        google.add_calendar("team@example.com", summary="Team", role="reader")
        for day, start, end in ((23, 10, 12), (24, 9, 11), (25, 14, 16), (26, 9, 13), (27, 11, 12)):
            google.add_event(
                "primary", f"2026-11-{day}T{start:02}:00:00Z", f"2026-11-{day}T{end:02}:00:00Z", "Busy"
            )
        shell = Shell(google, folder)
        shell.configure('[links.intro]\nduration = "60m"\nstep = "60m"\n')
        shell.connect()
        assert shell.json("calendars", "--select", "Team").exit == 0
        assert (
            shell.json(
                "book", "2026-11-25T10:00", "--name", "Sam", "--email", "sam@example.com", "--link", "intro"
            ).exit
            == 0
        )
        yield shell


def shown(shell: Shell, *command: str) -> str:
    """What a terminal shows, with its colours."""
    screen = Terminal()
    colours = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(_WIDTH)}
    invocation = shell.invocation(screen, screen, colours)
    run(command, invocation)
    text = screen.getvalue()
    for what_differs, example in _DIFFERS.items():
        text = re.sub(what_differs, example, text)
    return text


def picture(shell: Shell, name: str) -> str:
    """The picture of a command with what it shows."""
    if name == "status":
        assert shell.json("sync").exit == 0
        shell.google.share("team@example.com", ANA, role=None)
    console = Console(
        record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    line = " ".join(("portalcal", *PICTURES[name]))
    console.print(Text.from_ansi(f"$ {line}\n\n{shown(shell, *PICTURES[name])}"), crop=False)
    return console.export_svg(title=line, code_format=_FORMAT, unique_id=name)


def words(svg: str) -> list[str]:
    """What stands in a picture: how a version of Rich draws it is its own affair."""
    return " ".join(re.findall(r">([^<>]+)</text>", svg)).replace("&#160;", " ").split()


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_what_the_command_shows(name: str) -> None:
    # Not pytest's folder: its long name would break lines elsewhere.
    with tempfile.TemporaryDirectory(prefix="p") as folder, machine(Path(folder) / "portalcal") as shell:
        drawn = picture(shell, name)

    kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert words(kept) == words(drawn)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_loads_nothing(name: str) -> None:
    kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")

    assert re.findall(r"https?://[^\"' ]+", kept.replace("http://www.w3.org/2000/svg", "")) in (
        [],
        ["https://www.textualize.io"],
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="p") as home:
        names = {"HOME": home, "XDG_DATA_HOME": f"{home}/data", "TZ": "Europe/London", "BROWSER": "true"}
        with patch.dict(os.environ, names), machine(Path(home) / "portalcal") as shell:
            for each in PICTURES:
                (FOLDER / f"{each}.svg").write_text(picture(shell, each), encoding="utf-8")
