"""Completion in real shells, on a terminal, with the files of `completions/` and the installed program."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

COMPLETIONS = Path(__file__).parent.parent.parent / "completions"
PROGRAM = Path(sys.executable).with_name("portalcal")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not PROGRAM.exists(), reason=f"pip install -e .: there is no {PROGRAM.name} beside {sys.executable}"),
]  # fmt: skip

_SECONDS = 20.0
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?<>=]*[A-Za-z]|\][^\x07]*\x07|[=>()][0-9A-Z]?)|[\x07\r]|.\x08")
# A shell edits lines only on the terminal that controls its session.
_ON_A_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """A terminal with a shell in it: keys go in, a screenful comes out."""

    def __init__(self, keyboard: int) -> None:
        self.keyboard = keyboard
        self.seen = ""

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.keyboard, keys.encode())

    def until(self, words: str) -> str:
        """Everything shown since the last call, once `words` are among it."""
        shown, ends = "", time.monotonic() + _SECONDS
        while words not in shown:
            ready, _, _ = select.select([self.keyboard], [], [], ends - time.monotonic())
            assert ready, f"{words!r} did not appear; what did is {shown!r}"
            self.seen += os.read(self.keyboard, 10_000).decode(errors="replace")
            shown = _ESCAPES.sub("", self.seen)
        self.seen = ""
        return shown


@contextmanager
def terminal(*shell: str, folder: Path) -> Iterator[Terminal]:
    """A terminal in which a shell runs that finds the installed program first."""
    keyboard, screen = pty.openpty()
    environ = os.environ | {
        "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}",
        "TERM": "xterm",
        "LANG": "C.UTF-8",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _ON_A_TERMINAL, *shell],
        stdin=screen, stdout=screen, stderr=screen, env=environ, cwd=folder,
    )  # fmt: skip
    os.close(screen)
    try:
        yield Terminal(keyboard)
    finally:
        process.kill()
        process.wait()
        os.close(keyboard)


# Each without anybody's start-up files, and with what a person puts into them. What is echoed when all of that is done
# does not stand in the line that is typed.
STARTED = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
SET_UP = {
    "bash": f"source '{COMPLETIONS}/portalcal.bash'; bind 'set show-all-if-ambiguous on'; echo ready-$((0+1))",
    "zsh": f"autoload -Uz compinit; compinit -u -D; source '{COMPLETIONS}/_portalcal'; echo ready-$((0+1))",
    "fish": f"source '{COMPLETIONS}/portalcal.fish'; echo ready-(math 0+1)",
}


@pytest.fixture(params=STARTED)
def prompt(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    """A shell that has been set up and waits."""
    shell = str(request.param)
    if shutil.which(shell) is None:
        pytest.skip(f"apt-get install {shell}")
    with terminal(*STARTED[shell], folder=tmp_path) as opened:
        opened.type(f"{SET_UP[shell]}\n")
        opened.until("ready-1")
        yield opened


def test_a_command_is_completed(prompt: Terminal) -> None:
    prompt.type("portalcal av\t")

    assert "portalcal availability" in prompt.until("portalcal availability")


def test_the_options_of_a_command_are_offered(prompt: Terminal) -> None:
    # Twice: zsh first adds what is common to all.
    prompt.type("portalcal book --no\t\t")

    shown = prompt.until("--notify")
    assert "--notes" in shown


def test_the_values_of_an_option_are_offered(prompt: Terminal) -> None:
    prompt.type("portalcal bookings --state conf\t")

    assert "--state confirmed" in prompt.until("--state confirmed")


@pytest.mark.skipif(shutil.which("zsh") is None, reason="apt-get install zsh")
def test_in_zsh_the_file_works_from_the_folder_of_functions_at_the_first_tab(tmp_path: Path) -> None:
    with terminal(*STARTED["zsh"], folder=tmp_path) as opened:
        opened.type(
            f"fpath=('{COMPLETIONS}' $fpath); autoload -Uz compinit; compinit -u -D; echo ready-$((0+1))\n"
        )
        opened.until("ready-1")

        # The line that stands there after the tab is echoed: to its beginning, to its end, return.
        opened.type("portalcal av\t\x01echo \x05 ended-$((0+1))\n")

        assert "portalcal availability" in opened.until("ended-1")
