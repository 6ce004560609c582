"""Answers line by line: one JSON envelope for each line of a file, and on a terminal how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, tzinfo
from typing import TextIO

from portalcal.answers import Booked
from portalcal.errors import ConfirmationRequired, PortalcalError
from portalcal.views import machine

_PATIENCE = 0.5
"""Seconds after which something that goes on is worth a word."""
_OFTEN = 0.1
_WIDTH = 30


class LineView:
    """What one line has to say before its result: warnings, kept for its envelope. Implements ports.View."""

    def __init__(self) -> None:
        self.cautions: list[machine.Caution] = []

    def warn(self, code: str, message: str) -> None:
        """Keep one warning."""
        self.cautions.append(machine.Caution(code, message))

    def ask_for_consent(self, url: str, *, opens_browser: bool, ways: tuple[str, ...] = ()) -> None:
        """Nobody connects line by line."""

    def ask_secret(self, question: str, *, variable: str) -> str:
        """Nobody can be asked line by line. Raises: ConfirmationRequired."""
        raise ConfirmationRequired(question, variable)

    def confirm(self, question: str, *, consequences: tuple[str, ...], action: str, flag: str) -> bool:  # noqa: ARG002
        """Nobody can be asked line by line. Raises: ConfirmationRequired."""
        raise ConfirmationRequired(action, flag)


class LinesView:
    """Envelopes on stdout in the order of the lines; progress on stderr where that is a terminal and stdout is not.

    `size` is how many bytes there are to read, where that is known; `monotonic` is in seconds.
    """

    def __init__(
        self,
        command: str,
        *,
        stdout: TextIO,
        stderr: TextIO,
        size: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = command
        self._stdout = stdout
        self._stderr = stderr
        self._size = size
        self._monotonic = monotonic
        self._began = self._shown = monotonic()
        self._is_watched = stderr.isatty() and not stdout.isatty()
        self._lines = self._failed = self._width = 0

    def for_line(self) -> LineView:
        """The view of one line, for what it has to say before its result."""
        return LineView()

    def show(self, line: int, outcome: Booked | PortalcalError, *, about: object, zone: tzinfo = UTC) -> None:
        """The envelope of one line; `about` is the view that `for_line` gave it."""
        self._lines += 1
        if isinstance(outcome, PortalcalError):
            self._failed += 1
            told = machine.error_envelope(self._command, outcome, zone=zone, line=line)
        else:
            told = machine.envelope(
                self._command,
                machine.booked(outcome),
                warnings=about.cautions if isinstance(about, LineView) else (),
                line=line,
            )
        print(told, file=self._stdout, flush=True)

    def progress(self, read: int) -> None:
        """How far it is, `read` bytes into what there is; nothing at first, and not more often than an eye can see."""
        now = self._monotonic()
        if not self._is_watched or now - self._began < _PATIENCE or now - self._shown < _OFTEN:
            return
        self._shown = now
        failed = f", {self._failed} failed" if self._failed else ""
        words = f"{self._bar(read)}{self._lines} lines{failed}"
        self._draw(words)

    def end(self) -> None:
        """Take the progress away again."""
        if self._width:
            self._draw("")
            print(end="\r", file=self._stderr, flush=True)

    def log(self, words: str) -> None:
        """One line on stderr."""
        self.end()
        print(words, file=self._stderr, flush=True)

    def _bar(self, read: int) -> str:
        if not self._size:
            return ""
        share = min(read / self._size, 1.0)
        done = int(share * _WIDTH)
        return f"[{'#' * done}{'-' * (_WIDTH - done)}] {share:4.0%}  "

    def _draw(self, words: str) -> None:
        print(f"\r{words:<{self._width}}", end="", file=self._stderr, flush=True)
        self._width = len(words)
