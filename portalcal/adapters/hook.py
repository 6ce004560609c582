"""Run a shell command of the user's with a text on stdin. Its stdout is discarded."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import IO

from portalcal.run_all import in_background

_SECONDS = 60
"""How long one run may take: a command that hangs must not hold up a sync for ever."""

_TAIL = 4096
"""Bytes of the end of stderr that are kept: its last line is reported."""

_SECRETS = frozenset({"PORTALCAL_ACCESS_TOKEN", "PORTALCAL_REFRESH_TOKEN", "PORTALCAL_VAULT_PASSPHRASE"})
"""Variables of ours that a command finds no use for, and could tell in its own log."""


def run_hook(command: str, text: str, *, environ: Mapping[str, str]) -> str | None:
    """Run the command; return why it failed, or None. It gets the text on stdin and no secret of portalcal's."""
    kept: deque[int] = deque(maxlen=_TAIL)
    try:
        with tempfile.TemporaryFile() as stdin:
            stdin.write(text.encode())
            stdin.seek(0)
            process = subprocess.Popen(  # noqa: S602 - it is the user's own command line, written for a shell
                command,
                shell=True,
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={name: value for name, value in environ.items() if name not in _SECRETS},
            )
    except OSError as error:
        return (error.strerror or str(error)).lower()
    # A background process of the command may hold stderr open, so its end is not awaited for long.
    reader = in_background(partial(_keep_tail, process.stderr, kept), name="hook")
    try:
        status = process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        _kill(process)
        return f"it took longer than {_SECONDS} s"
    except BaseException:
        _kill(process)
        raise
    if status == 0:
        return None
    reader.wait(1)
    words = bytes(kept).decode(errors="replace").strip().splitlines()
    ended = f"it ended with {status}" if status > 0 else f"signal {-status} ended it"
    return f"{ended}: {words[-1]}" if words else ended


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _keep_tail(stderr: IO[bytes] | None, kept: deque[int]) -> None:
    if stderr is None:
        return
    with stderr:
        while chunk := os.read(stderr.fileno(), _TAIL):
            kept.extend(chunk)
