"""Private files and folders, atomic replacement, write locks, and checks of file permissions."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

if sys.platform == "win32":
    import msvcrt

    def _user_id() -> int:
        """On Windows `st_uid` is always 0."""
        return 0
else:
    import fcntl

    def _user_id() -> int:
        """The owner of the user's files."""
        return os.geteuid()


_LOCK_SECONDS = 10.0

_LOCK_PAUSE = 0.01

EMPTIED = b"\n"
"""The content of a file that should have been removed from a folder that is not writable."""

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP}


def make_private_folder(folder: Path) -> None:
    """Create the folder and its missing parents with mode 0700, as the XDG base directory specification requires.

    Existing folders keep their mode: they may be shared on purpose. Raises: OSError.
    """
    if not folder.is_dir():
        make_private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace the file atomically and durably: after a crash at any moment, the old or the new content is there.

    Raises: OSError; the old file is then unchanged.
    """
    make_private_folder(path.parent)
    # A random name, so that a file left by a killed process does not block this one.
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if mode != 0o600:
                beside.chmod(mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_named(path: Path, content: bytes) -> None:
    """Write an output file that a person named; a new one gets mode 0600.

    A regular file is replaced atomically and keeps its mode; symbolic links are followed. Devices, pipes, sockets,
    other users' files and files with several hard links are written in place. Raises: OSError; folders are not created.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        status = None
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir() and status is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent))
    if status is None:
        write_private(target, content)
    elif _is_replaceable(target, status):
        write_private(target, content, mode=stat.S_IMODE(status.st_mode))
    else:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_TRUNC | getattr(os, "O_NOCTTY", 0)), "wb") as file:
            file.write(content)


def _is_replaceable(target: Path, status: os.stat_result) -> bool:
    """Whether replacing the file has the effect of writing in place, and the user may write it."""
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or status.st_uid != _user_id():
        return False
    # A shell redirection (`>FILE`) has the file open and would continue to write into the old one.
    is_redirected_to = any(_is_open_as(descriptor, status) for descriptor in (1, 2))
    return not is_redirected_to and os.access(target, os.W_OK) and os.access(target.parent, os.W_OK | os.X_OK)


def _is_open_as(descriptor: int, status: os.stat_result) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), status)
    return False


def close_to_others(path: Path) -> None:
    """Set mode 0600 on the user's own file if the group or others have permissions; a missing file is ignored.

    By path, never by descriptor: closing one would release the locks SQLite holds on the file (fcntl(2)).
    """
    with suppress(OSError):
        status = path.stat()
        if os.name == "posix" and status.st_mode & 0o077 and status.st_uid == _user_id():
            path.chmod(0o600)


def is_open_to_others(path: Path) -> bool:
    """Whether the group or others can read or write a file: by its mode, and by search permission on its folders."""
    if os.name != "posix":
        return False
    try:
        modes = [stat.S_IMODE(part.stat().st_mode) for part in (path, *path.absolute().parents)]
    except OSError:
        return False
    # shift 3: the group's bits; 0: those of others.
    return any(modes[0] & 0o6 << shift and all(mode & 0o1 << shift for mode in modes[1:]) for shift in (3, 0))


def read_ordinary(path: Path, *, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes. Never blocks on a named pipe.

    Raises: OSError, also if it is not a regular file, or longer.
    """
    flags = (getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"))
    descriptor = os.open(path, os.O_RDONLY | sum(flags))
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, "it is no ordinary file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(most + 1)
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is longer than {most} bytes")
    return content


def remove_private(path: Path) -> None:
    """Remove a file if it exists; in a folder that is not writable, replace its content with `EMPTIED`.

    Raises: OSError; the file is then unchanged.
    """
    try:
        path.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError:
        if path.is_dir():
            raise
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)), "wb") as file:
            file.write(EMPTIED)


@contextmanager
def write_lock(path: Path, *, seconds: float = _LOCK_SECONDS) -> Iterator[None]:
    """Hold the exclusive lock, among all processes and threads, for replacing the file at `path`.

    The lock is a flock(2) on a file beside it, removed afterwards: `path` itself is a new file after every write.
    Readers need no lock, since they see the old content or the new.

    Raises:
        TimeoutError: another process held the lock for `seconds`.
        OSError: the folder is not writable.
    """
    make_private_folder(path.parent)
    beside = path.with_name(f".{path.name}.lock")
    ends_at = time.monotonic() + seconds
    while (descriptor := _try_lock(beside)) is None:
        if time.monotonic() >= ends_at:
            raise TimeoutError(None, f"another process has been writing it for {seconds:g} s")
        time.sleep(_LOCK_PAUSE)
    try:
        yield
    finally:
        # Removed while locked; the next holder checks that its file is still at the path. Windows keeps open files.
        with suppress(OSError):
            beside.unlink()
        os.close(descriptor)


def _try_lock(path: Path) -> int | None:
    """The descriptor of the locked file; None if another process holds the lock. Raises: OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(path, descriptor):
            return descriptor
    except OSError as error:
        # Raised by flock and msvcrt if another process holds the lock.
        if isinstance(error, BlockingIOError | PermissionError):
            os.close(descriptor)
            return None
        # The file system has no locks; replacing the file is still atomic.
        if error.errno in _NO_LOCKS:
            return descriptor
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is still the one at `path`: the previous holder of the lock may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """fsync(2) the folder, which makes the rename durable; Windows has no such call for folders."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_writable_by_others(path: Path) -> bool:
    """Whether another user than root can write the file: as its owner, through its group, or as anybody.

    False if the file cannot be examined, and on Windows, which has no such mode bits.
    """
    if os.name != "posix":
        return False
    try:
        status = path.stat()
    except OSError:
        return False
    return status.st_uid not in {_user_id(), 0} or bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
