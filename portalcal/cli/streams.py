"""The streams of the process, also where one is closed, a disk is full, or nobody reads any more.

What cannot be said on stderr is let go: nothing that is promised or told to Google may break off because of a log.
What cannot be written to stdout is an error, since it is the answer. Light, since `--version` loads it too.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, cast

from portalcal.errors import AnswerLost


def take_standard_streams() -> None:
    """Make the standard streams behave as said above, closed ones too.

    Python leaves a stream that is closed at None. Something must take its number, or the next file that is opened, the
    ledger for one, would be file 1 and receive what is written to stdout.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # Opened for reading alone, so that an answer that nobody can get is noticed.
            _put_in_place_of(number, os.O_RDONLY)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    sys.stdout = cast("TextIO", Answers(sys.stdout))
    sys.stderr = cast("TextIO", Lossy(sys.stderr))


def let_go() -> None:
    """Give up what could not be written: at its end Python would try again, complain, and exit with 120."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if isinstance(stream, _Wrapped):
            setattr(sys, name, stream := stream.plain)
        try:
            stream.flush()
        except (OSError, ValueError):
            _put_in_place_of(number, os.O_WRONLY)


class _Wrapped:
    """A stream whose writing is looked after; in everything else it is as it was."""

    def __init__(self, stream: TextIO) -> None:
        self.plain = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self.plain, name)


class Lossy(_Wrapped):
    """A stream that lets go of what cannot be written."""

    def write(self, text: str) -> int:
        """Write it if that is possible."""
        with suppress(OSError):
            self.plain.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush if that is possible."""
        with suppress(OSError):
            self.plain.flush()


class Answers(_Wrapped):
    """A stream that tells what cannot be written in our words; a reader who has seen enough is told as ever."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        # Click writes nothing to see whether it may write text, and overlooks what that ends in.
        self._lost: AnswerLost | None = None
        self.is_read = True
        """Nobody has closed the other end of the pipe yet. A command of the demo ends well when its reader has gone."""

    def write(self, text: str) -> int:
        """Write it. Raises: AnswerLost, BrokenPipeError."""
        with self._watched():
            return self.plain.write(text)

    def flush(self) -> None:
        """Write what is waiting. Raises: AnswerLost, BrokenPipeError."""
        with self._watched():
            self.plain.flush()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        if self._lost:
            raise self._lost
        try:
            yield
        except BrokenPipeError:
            self.is_read = False
            raise
        except OSError as error:
            is_closed = error.errno == errno.EBADF
            self._lost = AnswerLost("it is closed" if is_closed else (error.strerror or str(error)).lower())
            _put_in_place_of(1, os.O_WRONLY)
            raise self._lost from error


def _put_in_place_of(number: int, flags: int) -> None:
    """Let the null device have the number of a stream."""
    with suppress(OSError):
        null = os.open(os.devnull, flags)
        if null != number:
            os.dup2(null, number)
            os.close(null)
