"""Run a batch: `book --file`, `reschedule --file`, `cancel --file`. One JSON envelope for each line of the file."""

from __future__ import annotations

import codecs
import io
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, assert_never
from zoneinfo import ZoneInfo

from portalcal.cli.batch_file import LineFormat, Source, read_batch
from portalcal.cli.context import CommandContext
from portalcal.cli.input_checks import unreadable
from portalcal.cli.streams import deferred_interrupt
from portalcal.container import lines_view
from portalcal.core.booking import State
from portalcal.errors import Exit, PortalcalError, Usage
from portalcal.results import Booked, Cancelled, LineResult, Rescheduled
from portalcal.usecases.booking.batch import Batch, BatchAnswer, is_hopeless

_STDIN = "-"


class BatchKind(NamedTuple):
    """The command that a batch repeats, and how its lines are read."""

    command: str
    line_format: LineFormat
    nothing_done: str  # what is true if it fails before its first line: `Nothing was booked.`


def run_file(
    name: str, command: CommandContext, kind: BatchKind, *, zone: ZoneInfo, dry_run: bool = False
) -> int:
    """Carry out every line, several at the same time, and print the outcomes in input order."""
    with _opened(name, command) as (stream, size), _as_text(stream) as text:
        invocation, container = command.invocation, command.container
        view = lines_view(
            kind.command,
            stdout=invocation.stdout,
            stderr=invocation.stderr,
            size=size,
            clock=invocation.clock,
            is_json=command.is_json,
        )
        view.program = invocation.program
        lines = LineSource(text)
        exits: set[int] = set()
        batch = Batch(
            read_batch(Source(name, lines), kind.line_format),
            container,
            beside=lambda: container.with_view(view.for_line()),
            nothing_done=kind.nothing_done,
            dry_run=dry_run,
        )

        def show(answered: BatchAnswer) -> None:
            # Delay SIGINT, so that each envelope is printed whole and exactly once.
            with deferred_interrupt():
                line, outcome, context = answered
                if isinstance(outcome, PortalcalError):
                    outcome.with_program(invocation.program).with_ways_out(lambda: container.ways_out)
                view.show(line.number, outcome, line_view=context.view, zone=zone, key=line.key)
                batch.acknowledge()

        try:
            for answered in batch.answers():
                show(answered)
                view.progress(lines.bytes_before(answered.line.number))
                exits.add(_exit(answered.outcome))
                if is_hopeless(answered.outcome):
                    view.log(
                        f"stopped after line {answered.line.number}: the lines after it would fail in the same way"
                    )
        except KeyboardInterrupt:
            for answered in batch.interrupted():
                show(answered)
            raise
        finally:
            view.end()
            view.summarize()
        if not exits:
            why = "has a heading and no rows" if lines.has_text else "is empty"
            view.log(
                f"{'stdin' if name == _STDIN else name} {why}: {kind.nothing_done[:1].lower()}{kind.nothing_done[1:].rstrip('.')}"
            )
    return _worst(exits)


def refuse_without_file(value: object, option: str) -> None:
    """Refuse an option that only a file needs. Raises: Usage."""
    if value:
        raise Usage(f"{option} is about a file", "name it with `--file FILE`")


class LineSource:
    """Passes lines on, and records whether any was not blank, and where each ends, until it is asked for."""

    def __init__(self, lines: io.TextIOWrapper) -> None:
        self._lines = lines
        self.has_text = False
        self._read = 0  # bytes
        self._ends: deque[int] = deque()
        self._first = 1  # the number of the line whose end comes first

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        # What the wrapper has read is a block ahead, which is all of a small file.
        self._read += len(line.encode(self._lines.encoding, "surrogateescape"))
        self._ends.append(self._read)
        self.has_text = self.has_text or bool(line.strip("\ufeff \t\r\n"))
        return line

    def bytes_before(self, number: int) -> int:
        """The bytes up to the end of a line; lines are asked for in their order."""
        end = 0
        while self._ends and self._first <= number:
            end = self._ends.popleft()
            self._first += 1
        return end


def pending_or_done(answer: LineResult) -> Exit:
    """The exit status: pending while the outbox has a call for the booking."""
    match answer:
        case Booked(booking=booking, is_dry_run=is_dry_run):
            # CANCELLING: cancelled while its event was being inserted, so the removal is pending.
            is_pending = booking.state in {State.HELD, State.CANCELLING} and not is_dry_run
        case Cancelled(booking=booking):
            is_pending = booking.state is State.CANCELLING
        case Rescheduled(booking=booking):
            is_pending = booking.moving_to is not None
        case unknown:
            assert_never(unknown)
    return Exit.PENDING if is_pending else Exit.DONE


@contextmanager
def _opened(name: str, command: CommandContext) -> Iterator[tuple[BinaryIO, int | None]]:
    """Open the file; also its size in bytes, None for stdin."""
    if name == _STDIN:
        stdin = command.invocation.stdin
        binary = getattr(stdin, "buffer", None)
        yield binary or io.BytesIO(stdin.read().encode()), None
        return
    try:
        stream = Path(name).open("rb")  # noqa: SIM115 - the except clause is for errors of opening only
    except OSError as error:
        raise unreadable(name, error) from error
    with stream:
        yield stream, os.fstat(stream.fileno()).st_size


@contextmanager
def _as_text(stream: BinaryIO) -> Iterator[io.TextIOWrapper]:
    """Decode to lines: UTF-8, with undecodable bytes as surrogates (PEP 383), or UTF-16, Excel's "Unicode text"."""
    encoding = _encoding(stream)
    errors = "surrogateescape" if encoding == "utf-8" else "replace"
    text = io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")
    try:
        yield text
    finally:
        text.detach()


def _encoding(stream: BinaryIO) -> str:
    """UTF-16 by its byte-order mark, or by zero bytes among the first four; else UTF-8."""
    head = stream.peek(4)[:4] if isinstance(stream, io.BufferedReader) else b""
    if isinstance(stream, io.BytesIO):
        head = stream.getvalue()[:4]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = [n for n, byte in enumerate(head) if byte == 0]
    if zeros == [1, 3]:
        return "utf-16-le"
    return "utf-16-be" if zeros == [0, 2] else "utf-8"


def _exit(outcome: LineResult | PortalcalError) -> int:
    return outcome.exit if isinstance(outcome, PortalcalError) else pending_or_done(outcome)


def _worst(exits: set[int]) -> int:
    """The exit status of the batch: a configuration or connection error, else partial failure, else pending."""
    for fatal in (Exit.CONFIGURATION, Exit.CONNECT):
        if fatal in exits:
            return fatal
    if exits - {Exit.DONE, Exit.PENDING}:
        return Exit.PARTIAL
    return Exit.PENDING if Exit.PENDING in exits else Exit.DONE
