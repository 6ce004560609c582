"""Signs that processes live, which the kernel takes away when they end, however they end.

A sign is an empty file that its process holds a lock on (flock(2)). Unlike a process id it is not given to somebody else
later, and it means the same in every container that shares the folder. Where there are no such locks, nobody knows.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4


class LifeSigns:
    """The signs in one folder, and this process's own among them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: tuple[str, int] | None = None

    def own(self) -> str | None:
        """The name of our own sign, which is given at first use; None where none can be."""
        if self._own is None:
            with suppress(OSError, ImportError):
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
            _lock(held)
        except (OSError, ImportError):
            return False
        else:
            # Nobody will miss it.
            with suppress(OSError):
                (self._folder / name).unlink()
            return True
        finally:
            os.close(held)

    def close(self) -> None:
        """Take our own sign away, as our end would."""
        if self._own is not None:
            name, held = self._own
            self._own = None
            with suppress(OSError):
                (self._folder / name).unlink()
            os.close(held)

    def _given(self) -> tuple[str, int]:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        name = uuid4().hex
        held = os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _lock(held)
        except BaseException:
            os.close(held)
            (self._folder / name).unlink()
            raise
        return name, held


def _lock(held: int) -> None:
    """Lock an open file for as long as it is open.

    Raises:
        OSError: another process has it, or the disk has no locks.
        ImportError: the system has none of this kind.
    """
    import fcntl  # noqa: PLC0415 - there is none on Windows

    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
