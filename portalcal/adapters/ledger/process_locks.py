"""Process locks: one flock(2)ed file per process, released by the kernel on exit or crash.

Unlike a process id, a lock's name is never reused, and it means the same in every container that shares the folder. On
disks without flock nobody has a lock, and no process counts as dead.

A killed process leaves its file behind. A process that takes its own lock removes such files, each while holding its lock,
so a file is removed only by its owner or after its owner has ended. Between creating and locking a file a process holds no
lock yet, and its file may be removed: it then checks that the file it locked is still in place, and creates another if not.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

if sys.platform != "win32":
    import fcntl

    def _flock(held: int) -> None:
        """Lock an open file until it is closed.

        Raises:
            OSError: another process holds the lock, or the disk does not support flock.
        """
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)

else:

    def _flock(held: int) -> None:  # noqa: ARG001 - as above
        """Windows has no flock. Raises: OSError."""
        raise OSError("this system has no flock")


_ATTEMPTS = 5

_NAME = re.compile(r"[0-9a-f]{32}")

_OPEN_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class ProcessLocks:
    """The locks in one folder, this process's own included. `lock` locks an open file or raises OSError."""

    def __init__(self, folder: Path, *, lock: Callable[[int], None] | None = None) -> None:
        self._folder = folder
        self._lock = lock or _flock
        self._own: tuple[str, int] | None = None

    def own(self) -> str | None:
        """Return the name of our own lock, taken at first use; None if it cannot be taken here."""
        if self._own is None:
            with suppress(OSError):
                self._own = self._taken()
                self._sweep()
        return self._own[0] if self._own else None

    def is_dead(self, name: object) -> bool:
        """Whether the process with that lock has ended; False if unknown. Changes nothing.

        Names come from a ledger that anybody may have written: a name in another format than ours is never used as a path.
        """
        is_name = isinstance(name, str) and _NAME.fullmatch(name)
        return bool(is_name) and self._has_ended(str(name), removing=False)

    def _has_ended(self, name: str, *, removing: bool) -> bool:
        if self._own and self._own[0] == name:
            return False
        try:
            held = os.open(self._folder / name, _OPEN_FLAGS)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        try:
            self._lock(held)
        except OSError:
            return False
        else:
            if removing:
                self._remove(name)
            return True
        finally:
            os.close(held)

    def close(self) -> None:
        """Remove our own lock, as the end of the process would."""
        if self._own is not None:
            name, held = self._own
            self._own = None
            self._remove(name)
            os.close(held)

    def _taken(self) -> tuple[str, int]:
        """Create and lock a file, and return its name and descriptor.

        Raises:
            OSError: files cannot be created or locked here.
        """
        for _ in range(_ATTEMPTS):
            name = uuid4().hex
            held = self._created(name)
            try:
                self._lock(held)
            except BlockingIOError:
                # Another process is checking whether this new file is a dead process's, and removes it.
                os.close(held)
                continue
            except BaseException:
                os.close(held)
                self._remove(name)
                raise
            if self._is_in_place(name, held):
                return name, held
            os.close(held)
        raise BlockingIOError(self._folder)

    def _is_in_place(self, name: str, held: int) -> bool:
        """Whether the open file is still the one with that name."""
        try:
            return os.path.samestat((self._folder / name).stat(), os.fstat(held))
        except FileNotFoundError:
            return False

    def _sweep(self) -> None:
        """Remove the lock files of killed processes; nothing else does."""
        for file in self._folder.iterdir():
            if _NAME.fullmatch(file.name):
                self._has_ended(file.name, removing=True)

    def _created(self, name: str) -> int:
        """Create a file, and its folder, which other processes remove when it is empty."""
        for _ in range(_ATTEMPTS):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileNotFoundError):
                return os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        raise FileNotFoundError(self._folder)

    def _remove(self, name: str) -> None:
        """Remove a file, and the folder if it is empty; another process may have done so already."""
        with suppress(OSError):
            (self._folder / name).unlink()
            self._folder.rmdir()
