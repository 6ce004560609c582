"""Non-blocking reads of lines from a terminal or a pipe.

A thread blocked in readline() cannot be cancelled: it would take the input of the next prompt, and crash the
interpreter if it is still blocked at exit.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from typing import TextIO

if sys.platform == "win32":
    import msvcrt


# No redirect URL is longer.
_MAX_LINE = 16 * 1024


class TerminalLines:
    """Returns the next complete line from a file descriptor, without blocking."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._typed = b""
        self._is_open = True

    def __call__(self) -> str | None:
        """The next line without its line break; None if there is none yet."""
        while self._is_open and b"\n" not in self._typed and self._is_ready():
            try:
                chunk = os.read(self._descriptor, 4096)
            except OSError:
                chunk = b""
            self._is_open = bool(chunk)
            # The last line may lack its line break: `printf %s URL | portalcal connect --no-browser`.
            last = b"\n" if self._typed and not self._is_open else b""
            self._typed = (self._typed + (chunk or last))[-_MAX_LINE:]
        line, end, rest = self._typed.partition(b"\n")
        if not end:
            return None
        self._typed = rest
        return line.decode("utf-8", "replace").rstrip("\r")

    def _is_ready(self) -> bool:
        try:
            return bool(select.select([self._descriptor], [], [], 0)[0])
        # The descriptor was closed, or is not supported by select(2).
        except (OSError, ValueError):
            self._is_open = False
            return False


class ConsoleLines:
    """The same for Windows, where `select` supports only sockets: reads and echoes single keys."""

    def __init__(
        self, is_key_waiting: Callable[[], bool], read_key: Callable[[], str], echo: Callable[[str], object]
    ) -> None:
        self._is_key_waiting = is_key_waiting
        self._read_key = read_key
        self._echo = echo
        self._typed = ""

    def __call__(self) -> str | None:
        """The next line without its line break; None if there is none yet."""
        while self._is_key_waiting():
            key = self._read_key()
            if key == "\x03":
                raise KeyboardInterrupt
            if key in {"\r", "\n"}:
                line, self._typed = self._typed, ""
                self._echo("\n")
                return line
            self._typed = self._typed[:-1] if key == "\b" else (self._typed + key)[-_MAX_LINE:]
            self._echo("\b \b" if key == "\b" else key)
        return None


def lines_of(stdin: TextIO | None, *, is_pipe_meant: bool) -> Callable[[], str | None] | None:
    """A reader for the terminal, or for a pipe if it is meant to be read; None if stdin is neither."""
    if stdin is None or not (stdin.isatty() or is_pipe_meant):
        return None
    return _reader(stdin)


if sys.platform == "win32":

    def _reader(_stdin: TextIO) -> Callable[[], str | None] | None:
        return ConsoleLines(msvcrt.kbhit, msvcrt.getwch, _put)

    def _put(text: str) -> None:
        for character in text:
            msvcrt.putwch(character)
else:

    def _reader(stdin: TextIO) -> Callable[[], str | None] | None:
        try:
            return TerminalLines(stdin.fileno())
        # io.UnsupportedOperation: a stream without a file descriptor.
        except (OSError, ValueError):
            return None
