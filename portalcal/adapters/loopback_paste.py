"""Lines typed or pasted into a terminal, read without ever waiting for them.

A thread that waits for a line cannot be called back: it would swallow the next prompt's answer, and end the
interpreter with a fatal error if it still waits at exit.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from typing import TextIO

if sys.platform == "win32":
    import msvcrt

# A line longer than any address; more than that is not one.
_LONGEST = 16 * 1024


class TerminalLines:
    """The next whole line from a file descriptor, if there is one by now. Call it as often as you like."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._typed = b""
        self._is_open = True

    def __call__(self) -> str | None:
        """A line without its end, or None."""
        while self._is_open and b"\n" not in self._typed and self._is_ready():
            try:
                chunk = os.read(self._descriptor, 4096)
            except OSError:
                chunk = b""
            self._is_open = bool(chunk)
            # What ends without a line end is a line as well: `printf %s ADDRESS | portalcal connect --no-browser`.
            last = b"\n" if self._typed and not self._is_open else b""
            self._typed = (self._typed + (chunk or last))[-_LONGEST:]
        line, end, rest = self._typed.partition(b"\n")
        if not end:
            return None
        self._typed = rest
        return line.decode("utf-8", "replace").rstrip("\r")

    def _is_ready(self) -> bool:
        try:
            return bool(select.select([self._descriptor], [], [], 0)[0])
        # Closed meanwhile, or a descriptor select knows nothing of.
        except (OSError, ValueError):
            self._is_open = False
            return False


class ConsoleLines:
    """The same on Windows, whose `select` knows only sockets: keys are collected one at a time, and echoed."""

    def __init__(
        self, is_key_waiting: Callable[[], bool], read_key: Callable[[], str], echo: Callable[[str], object]
    ) -> None:
        self._is_key_waiting = is_key_waiting
        self._read_key = read_key
        self._echo = echo
        self._typed = ""

    def __call__(self) -> str | None:
        """A line without its end, or None."""
        while self._is_key_waiting():
            key = self._read_key()
            if key == "\x03":
                raise KeyboardInterrupt
            if key in {"\r", "\n"}:
                line, self._typed = self._typed, ""
                self._echo("\n")
                return line
            self._typed = self._typed[:-1] if key == "\b" else (self._typed + key)[-_LONGEST:]
            self._echo("\b \b" if key == "\b" else key)
        return None


def lines_of(stdin: TextIO | None, *, is_pipe_meant: bool) -> Callable[[], str | None] | None:
    """A reader of the terminal, or of a pipe that was meant for us; None where there is neither."""
    if stdin is None or not (stdin.isatty() or is_pipe_meant):
        return None
    if sys.platform == "win32":
        return ConsoleLines(msvcrt.kbhit, msvcrt.getwch, _put)
    try:
        return TerminalLines(stdin.fileno())
    # A stream without a file behind it (io.UnsupportedOperation).
    except (OSError, ValueError):
        return None


if sys.platform == "win32":

    def _put(text: str) -> None:
        for each in text:
            msvcrt.putwch(each)
