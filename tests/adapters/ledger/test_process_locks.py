"""Process locks: whether other processes live."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portalcal.adapters.ledger.process_locks import ProcessLocks

if sys.platform != "win32":
    import fcntl

_OTHER = """
import sys
from pathlib import Path
from portalcal.adapters.ledger.process_locks import ProcessLocks
locks = ProcessLocks(Path(sys.argv[1]))
print(locks.own(), flush=True)
sys.stdin.readline()
if sys.argv[2] == "closes":
    locks.close()
"""


@contextmanager
def another_process(folder: Path, *, closes: bool = True) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a process that takes a lock; yield it with the name of its lock."""
    command = [sys.executable, "-c", _OTHER, str(folder), "closes" if closes else "just ends"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()


def test_our_own_sign_is_there_until_it_is_taken_away(tmp_path: Path) -> None:
    ours, others = ProcessLocks(tmp_path / "locks"), ProcessLocks(tmp_path / "locks")
    assert not (tmp_path / "locks").exists()
    name = ours.own()

    assert name == ours.own()
    assert not ours.is_dead(name)
    assert not others.is_dead(name)
    ours.close()

    assert others.is_dead(name)
    assert not (tmp_path / "locks").exists()
    assert ours.own() not in {name, None}


def test_no_name_says_nothing(tmp_path: Path) -> None:
    assert not ProcessLocks(tmp_path / "locks").is_dead(None)


@pytest.mark.parametrize("closes", [True, False])
def test_a_process_that_ends_is_gone_and_leaves_nothing_behind(tmp_path: Path, closes: bool) -> None:
    locks = ProcessLocks(tmp_path / "locks")
    with another_process(tmp_path / "locks", closes=closes) as (process, name):
        assert not locks.is_dead(name)
        process.communicate("go\n")

        assert locks.is_dead(name)
        assert locks.is_dead(name)
    assert (tmp_path / "locks" / name).exists() is not closes
    locks.own()
    assert not (tmp_path / "locks" / name).exists()
    locks.close()
    assert not (tmp_path / "locks").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals on Windows")
def test_a_process_that_is_stopped_lives_and_one_that_is_killed_does_not(tmp_path: Path) -> None:
    locks = ProcessLocks(tmp_path / "locks")
    with another_process(tmp_path / "locks") as (process, name):
        process.send_signal(signal.SIGSTOP)
        assert not locks.is_dead(name)

        process.kill()
        process.wait()

        assert locks.is_dead(name)


def test_a_program_that_was_started_meanwhile_does_not_live_for_us(tmp_path: Path) -> None:
    """A browser outlives the command that opened it."""
    ours, others = ProcessLocks(tmp_path / "locks"), ProcessLocks(tmp_path / "locks")
    name = ours.own()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as browser:
        ours.close()
        assert others.is_dead(name)
        browser.communicate("\n")


def test_where_no_sign_can_be_given_nobody_knows(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    locks = ProcessLocks(tmp_path / "a file" / "locks")

    assert locks.own() is None
    assert not locks.is_dead("0123")


def test_where_the_disk_has_no_locks_nobody_knows(tmp_path: Path) -> None:
    def refuses(held: int) -> None:
        raise OSError(37, os.strerror(37))

    locks = ProcessLocks(tmp_path / "locks")
    name, lockless = locks.own(), ProcessLocks(tmp_path / "locks", lock=refuses)

    assert lockless.own() is None
    assert not lockless.is_dead(name)
    assert [each.name for each in (tmp_path / "locks").iterdir()] == [name]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks on Windows")
def test_what_killed_processes_left_is_removed_by_the_next_that_takes_a_lock(tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    with another_process(folder) as (alive, living):
        for _ in range(3):
            with another_process(folder) as (process, _):
                process.kill()
                process.wait()
        left = {each.name for each in folder.iterdir()}
        locks = ProcessLocks(folder)

        own = locks.own()

        assert len(left) == 4 - 2  # each of the killed ones removed what the one before left
        assert {each.name for each in folder.iterdir()} == {living, own}
        alive.communicate("go\n")
    locks.close()
    assert not folder.exists()


def test_what_is_no_sign_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    folder.mkdir()
    (folder / "README").touch()

    ProcessLocks(folder).own()

    assert (folder / "README").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks on Windows")
@pytest.mark.parametrize("comes", ["before the lock", "during the lock"])
def test_a_sign_that_is_swept_before_it_is_locked_is_given_anew(tmp_path: Path, comes: str) -> None:
    folder, seen = tmp_path / "locks", list[str]()

    def swept(held: int) -> None:
        if not seen:
            (new,) = folder.iterdir()
            seen.append(new.name)
            ProcessLocks(folder)._sweep()
            assert not new.exists()
            if comes == "during the lock":
                raise BlockingIOError
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)

    locks = ProcessLocks(folder, lock=swept)
    name = locks.own()

    assert name not in {None, *seen}
    assert not ProcessLocks(folder).is_dead(name)
    assert (folder / str(name)).exists()


@pytest.mark.parametrize("kind", ["absolute", "above", "other", "number", "bytes"])
def test_a_name_that_is_none_of_ours_is_never_followed(tmp_path: Path, kind: str) -> None:
    """Names come from a ledger, which somebody else may have written."""
    (tmp_path / "locks").mkdir()
    theirs = tmp_path / "theirs"
    theirs.write_text("kept")
    (tmp_path / "locks" / "notes.txt").write_text("kept")
    names: dict[str, object] = {
        "absolute": str(theirs), "above": "../theirs", "other": "notes.txt", "number": 7, "bytes": b"../theirs",
    }  # fmt: skip
    locks = ProcessLocks(tmp_path / "locks")

    assert not locks.is_dead(names[kind])
    locks.own()
    locks.close()

    assert theirs.read_text() == "kept"
    assert [each.name for each in (tmp_path / "locks").iterdir()] == ["notes.txt"]


def test_a_link_in_the_place_of_a_sign_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "theirs").write_text("kept")
    name = "0123456789abcdef" * 2
    (tmp_path / "locks" / name).symlink_to(tmp_path / "theirs")

    assert not ProcessLocks(tmp_path / "locks").is_dead(name)


def test_a_sign_that_lives_is_not_swept_away(tmp_path: Path) -> None:
    ours, others = ProcessLocks(tmp_path / "locks"), ProcessLocks(tmp_path / "locks")
    name = ours.own()
    others.own()

    assert not others.is_dead(name)
    assert len(list((tmp_path / "locks").iterdir())) == 2
    others.close()
    ours.close()
