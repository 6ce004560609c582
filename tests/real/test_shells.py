"""Completion in real shells, on a terminal, with the files of `completions/` and the installed program."""

from __future__ import annotations

import json
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

    def until(self, *words: str) -> str:
        """Everything shown since the last call, once all `words` are among it; they come in any order."""
        shown, ends = "", time.monotonic() + _SECONDS
        while not all(each in shown for each in words):
            ready, _, _ = select.select([self.keyboard], [], [], ends - time.monotonic())
            assert ready, f"{words} did not all appear; what did is {shown!r}"
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


ENDED = {"bash": "echo ended-$((0+1))", "zsh": "echo ended-$((0+1))", "fish": "echo ended-(math 0+1)"}
_KILL_LINE = "\x15"


def portalcal(*arguments: str) -> str:
    """Run the installed program; it is connected to nothing."""
    ran = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True)
    return ran.stdout


@pytest.fixture
def bookings(tmp_path: Path) -> list[str]:
    """Two bookings of the next days, by their short ids."""
    (tmp_path / "home/.config/portalcal").mkdir(parents=True)
    config = tmp_path / "home/.config/portalcal/config.toml"
    config.write_text(
        'timezone = "Europe/London"\n[links.intro]\n[people.ana]\nemail = "ana@example.com"\n'
        '[pools]\nbackend = ["ana"]\n[workspace.sales]\n',
        encoding="utf-8",
    )
    guests = {"Sam Lee": "tomorrow 10:00", "Zoë $(touch evil) `touch evil` \"'; touch evil": "tomorrow 11:00"}
    return [
        portalcal("book", when, "--name", name, "--email", "sam@example.com", "--force").strip()[:8]
        for name, when in guests.items()
    ]


def ended(prompt: Terminal, shell: str) -> str:
    """Everything shown until the line was given up."""
    prompt.type(f"{_KILL_LINE}{ENDED[shell]}\n")
    return prompt.until("ended-1")


@pytest.fixture
def shell(request: pytest.FixtureRequest) -> str:
    """The name of the shell at the prompt."""
    return str(request.node.callspec.params["prompt"])


def test_bookings_are_offered_with_name_and_time_and_nothing_of_a_name_is_run(
    bookings: list[str], prompt: Terminal, shell: str, tmp_path: Path
) -> None:
    prompt.type("portalcal cancel \t\t")

    prompt.until(*bookings, "Sam Lee, ", "10:00-10:30 (London)")
    ended(prompt, shell)
    assert not (tmp_path / "evil").exists()


def test_a_booking_is_completed(bookings: list[str], prompt: Terminal, shell: str) -> None:
    prompt.type(f"portalcal cancel {bookings[0][:5]}\t")

    assert bookings[0] in prompt.until(bookings[0])


@pytest.mark.full
def test_an_offered_time_is_completed(bookings: list[str], prompt: Terminal) -> None:
    offered = portalcal("offer", "--pick", "1", "--name", "Kim", "--email", "kim@example.com", "--json")
    short = str(json.loads(offered)["result"]["id"])[:8]

    prompt.type(f"portalcal book --offer {short[:5]}\t")

    assert f"{short}/1" in prompt.until(f"{short}/1")


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("portalcal book --link in", "intro"),
        ("portalcal availability --timezone Europe/Lond", "Europe/London"),
        ("portalcal availability --with a", "ana"),
        pytest.param("portalcal availability --need back", "backend", marks=pytest.mark.full),
        pytest.param("portalcal reassign --from a", "ana", marks=pytest.mark.full),
        pytest.param("portalcal reassign --to a", "ana", marks=pytest.mark.full),
        pytest.param("portalcal --workspace sa", "sales", marks=pytest.mark.full),
    ],
)
def test_names_of_the_configuration_and_zones_are_completed(
    bookings: list[str], prompt: Terminal, typed: str, word: str
) -> None:
    prompt.type(f"{typed}\t")

    assert word in prompt.until(word)


def test_files_are_offered_only_where_one_is_meant(prompt: Terminal, shell: str, tmp_path: Path) -> None:
    (tmp_path / "aa-notes.txt").touch()

    prompt.type("portalcal book --name aa-\t")
    without = ended(prompt, shell)
    prompt.type("portalcal config --check aa-\t")

    assert "aa-notes" not in without
    assert "aa-notes.txt" in prompt.until("aa-notes.txt")


@pytest.mark.parametrize(
    ("name", "file"), [("bash", "portalcal.bash"), ("zsh", "_portalcal"), ("fish", "portalcal.fish")]
)
def test_the_script_of_the_shell_that_asks_is_shown(name: str, file: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"apt-get install {name}")

    # Not as the shell's last command, in whose place some shells put the program.
    ran = subprocess.run(
        [name, "-c", f"'{PROGRAM}' --show-completion; true"], capture_output=True, text=True, check=True
    )

    assert (ran.stderr, ran.stdout.strip()) == ("", (COMPLETIONS / file).read_text(encoding="utf-8").strip())
