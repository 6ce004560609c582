"""Standard streams that may be closed, on a full disk, or a pipe without a reader; and delayed SIGINT.

Write errors on stderr are ignored: a booking must not break off because of a log line. Write errors on stdout raise
AnswerLost, since the answer goes there. Imports little: `--version` loads it too.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO, cast

from portalcal.errors import AnswerLost

_LARGEST = 100_000
"""More columns or lines than any terminal has."""


def wrap_standard_streams() -> None:
    """Replace sys.stdout and sys.stderr by wrappers that handle write errors, and reopen closed streams.

    Python sets a stream that was closed at start to None. Its descriptor must be taken: the next file opened, such as the
    ledger, would otherwise become descriptor 1 and receive what is written to stdout.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # Read-only, so that writing an answer to it fails.
            _redirect_to_null(number, os.O_RDONLY)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    # Undecodable input becomes surrogates (PEP 383), which the reader of the input reports.
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    sys.stdout = cast("TextIO", AnswerStream(sys.stdout))
    sys.stderr = cast("TextIO", LossyStream(sys.stderr))


def drop_odd_terminal_size(environ: MutableMapping[str, str]) -> None:
    """Remove COLUMNS and LINES that are no positive number: with COLUMNS=0 Typer's help prints nothing."""
    for name in ("COLUMNS", "LINES"):
        size = environ.get(name, "")
        if not (size.isascii() and size.isdecimal() and 0 < int(size[-9:]) < _LARGEST):
            environ.pop(name, None)


def replace_broken_streams() -> None:
    """Point broken streams at /dev/null; otherwise Python's shutdown flush fails and exits with 120."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if isinstance(stream, _StreamWrapper):
            setattr(sys, name, stream := stream.wrapped)
        try:
            stream.flush()
        except (OSError, ValueError):
            _redirect_to_null(number, os.O_WRONLY)


@contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Delay one SIGINT until the block has ended; a second one interrupts the block, which may wait for a reader."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def record(number: int, frame: FrameType | None) -> None:
        if received:
            signal.default_int_handler(number, frame)
        received.append(number)

    signal.signal(signal.SIGINT, record)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if received:
        raise KeyboardInterrupt


class _StreamWrapper:
    """Delegates everything to the wrapped stream; subclasses handle write errors."""

    def __init__(self, stream: TextIO) -> None:
        self.wrapped = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self.wrapped, name)


class LossyStream(_StreamWrapper):
    """A stream that ignores write errors."""

    def write(self, text: str) -> int:
        """Write, ignoring errors."""
        with suppress(OSError):
            self.wrapped.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, ignoring errors."""
        with suppress(OSError):
            self.wrapped.flush()


class AnswerStream(_StreamWrapper):
    """A stream that turns write errors into AnswerLost; BrokenPipeError passes, since its reader wants no more."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        # Click probes a stream by writing an empty string and ignores the error: keep it, to raise it again.
        self._lost: AnswerLost | None = None
        self.is_read = True
        """False after a BrokenPipeError. `demo` ends successfully when its reader has gone."""

    def write(self, text: str) -> int:
        """Write. Raises: AnswerLost, BrokenPipeError."""
        with self._watched():
            return self.wrapped.write(text)

    def flush(self) -> None:
        """Flush. Raises: AnswerLost, BrokenPipeError."""
        with self._watched():
            self.wrapped.flush()

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
            _redirect_to_null(1, os.O_WRONLY)
            raise self._lost from error


def _redirect_to_null(number: int, flags: int) -> None:
    """Make a descriptor refer to /dev/null."""
    with suppress(OSError):
        null = os.open(os.devnull, flags)
        if null != number:
            os.dup2(null, number)
            os.close(null)
