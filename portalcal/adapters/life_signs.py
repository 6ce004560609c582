"""Signs that processes live, which the kernel takes away when they end, however they end.

A sign is an empty file that its process holds a lock on (flock(2)). Unlike a process id it is not given to somebody else
later, and it means the same in every container that shares the folder. Where there are no such locks, nobody knows.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

if sys.platform != "win32":
    import fcntl

_TRIES = 5


class LifeSigns:
    """The signs in one folder, and this process's own among them. `lock` locks an open file, or raises OSError."""

    def __init__(self, folder: Path, *, lock: Callable[[int], None] | None = None) -> None:
        self._folder = folder
        self._lock = lock or _flock
        self._own: tuple[str, int] | None = None

    def own(self) -> str | None:
        """The name of our own sign, which is given at first use; None where none can be."""
        if self._own is None:
            with suppress(OSError):
                self._own = self._given()
        return self._own[0] if self._own else None

    def is_gone(self, name: str | None) -> bool:
        """Whether the process of that sign has ended; False where nobody knows."""
        if name is None or (self._own and self._own[0] == name):
            return False
        try:
            held = os.open(self._folder / name, os.O_RDWR)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        try:
            self._lock(held)
        except OSError:
            return False
        else:
            self._remove(name)
            return True
        finally:
            os.close(held)

    def close(self) -> None:
        """Take our own sign away, as our end would."""
        if self._own is not None:
            name, held = self._own
            self._own = None
            self._remove(name)
            os.close(held)

    def _given(self) -> tuple[str, int]:
        name = uuid4().hex
        held = self._made(name)
        try:
            self._lock(held)
        except BaseException:
            os.close(held)
            self._remove(name)
            raise
        return name, held

    def _made(self, name: str) -> int:
        """A new file, open; its folder with it, which others take away when they were the last in it."""
        for _ in range(_TRIES):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileNotFoundError):
                return os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        raise FileNotFoundError(self._folder)

    def _remove(self, name: str) -> None:
        """Take a sign away, and the folder after the last one; another process may have been faster."""
        with suppress(OSError):
            (self._folder / name).unlink()
            self._folder.rmdir()


def _flock(held: int) -> None:
    """Lock an open file for as long as it is open.

    Raises:
        OSError: another process has it, or the disk or the system has no such locks.
    """
    if sys.platform == "win32":
        raise OSError("locks of this kind are not to be had")
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
