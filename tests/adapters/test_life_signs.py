"""Who is alive, as other processes can tell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portalcal.adapters.life_signs import LifeSigns

_OTHER = """
import sys
from pathlib import Path
from portalcal.adapters.life_signs import LifeSigns
signs = LifeSigns(Path(sys.argv[1]))
print(signs.own(), flush=True)
sys.stdin.readline()
if sys.argv[2] == "closes":
    signs.close()
"""


@contextmanager
def another_process(folder: Path, *, closes: bool = True) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process with a sign, and the name of that."""
    command = [sys.executable, "-c", _OTHER, str(folder), "closes" if closes else "just ends"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()


def test_our_own_sign_is_there_until_it_is_taken_away(tmp_path: Path) -> None:
    ours, others = LifeSigns(tmp_path / "signs"), LifeSigns(tmp_path / "signs")
    assert not (tmp_path / "signs").exists()
    name = ours.own()

    assert name == ours.own()
    assert not ours.is_gone(name)
    assert not others.is_gone(name)
    ours.close()

    assert others.is_gone(name)
    assert not (tmp_path / "signs").exists()
    assert ours.own() not in {name, None}


def test_no_name_says_nothing(tmp_path: Path) -> None:
    assert not LifeSigns(tmp_path / "signs").is_gone(None)


@pytest.mark.parametrize("closes", [True, False])
def test_a_process_that_ends_is_gone_and_leaves_nothing_behind(tmp_path: Path, closes: bool) -> None:
    signs = LifeSigns(tmp_path / "signs")
    with another_process(tmp_path / "signs", closes=closes) as (process, name):
        assert not signs.is_gone(name)
        process.communicate("go\n")

        assert signs.is_gone(name)
        assert signs.is_gone(name)
    assert not (tmp_path / "signs").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals on Windows")
def test_a_process_that_is_stopped_lives_and_one_that_is_killed_does_not(tmp_path: Path) -> None:
    signs = LifeSigns(tmp_path / "signs")
    with another_process(tmp_path / "signs") as (process, name):
        process.send_signal(signal.SIGSTOP)
        assert not signs.is_gone(name)

        process.kill()
        process.wait()

        assert signs.is_gone(name)


def test_a_program_that_was_started_meanwhile_does_not_live_for_us(tmp_path: Path) -> None:
    """A browser outlives the command that opened it."""
    ours, others = LifeSigns(tmp_path / "signs"), LifeSigns(tmp_path / "signs")
    name = ours.own()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as browser:
        ours.close()
        assert others.is_gone(name)
        browser.communicate("\n")


def test_where_no_sign_can_be_given_nobody_knows(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    signs = LifeSigns(tmp_path / "a file" / "signs")

    assert signs.own() is None
    assert not signs.is_gone("0123")


def test_where_the_disk_has_no_locks_nobody_knows(tmp_path: Path) -> None:
    def refuses(held: int) -> None:
        raise OSError(37, os.strerror(37))

    signs = LifeSigns(tmp_path / "signs")
    name, lockless = signs.own(), LifeSigns(tmp_path / "signs", lock=refuses)

    assert lockless.own() is None
    assert not lockless.is_gone(name)
    assert [each.name for each in (tmp_path / "signs").iterdir()] == [name]
