"""Files and folders for this user alone, replaced as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4


def make_private_folder(folder: Path) -> None:
    """Make the folder, and those above it that are missing, 0700 as the XDG base directory specification asks.

    Folders that exist keep their mode: they may be shared on purpose. Raises: OSError.
    """
    if not folder.is_dir():
        make_private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Put the content at `path`, 0600: after a crash at any moment either the old file is there or the new one.

    Raises: OSError; what was there is then still there.
    """
    make_private_folder(path.parent)
    # A random name, so that a file left by a killed process is never in the way.
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable; Windows has no such call on folders and does it by itself."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
