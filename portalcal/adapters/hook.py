"""Run a shell command of the user's with a text on stdin. Its own output is nobody's answer and is thrown away."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

_SECONDS = 60
"""How long one run may take: a command that hangs must not hold up a sync for ever."""


def run_hook(command: str, text: str, *, environ: Mapping[str, str]) -> str | None:
    """Run the command; return why it failed, or None. stdin is closed after the text."""
    try:
        ran = subprocess.run(  # noqa: S602 - it is the user's own command line, written for a shell
            command,
            shell=True,
            input=text.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=dict(environ),
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it took longer than {_SECONDS} s"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    if ran.returncode == 0:
        return None
    words = ran.stderr.decode(errors="replace").strip().splitlines()
    ended = f"it ended with {ran.returncode}" if ran.returncode > 0 else f"signal {-ran.returncode} ended it"
    return f"{ended}: {words[-1]}" if words else ended
