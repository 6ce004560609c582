"""The view of a batch (`--file`): one JSON envelope per input line, with progress on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TextIO, assert_never
from zoneinfo import ZoneInfo

from portalcal.core.booking import State
from portalcal.core.reason_text import count_of
from portalcal.core.time import format_time
from portalcal.errors import ConfirmationRequired, PortalcalError, passphrase_missing
from portalcal.results import Booked, Cancelled, LineResult, Rescheduled
from portalcal.sanitize import sanitize
from portalcal.views import json as json_view
from portalcal.warnings import PortalcalWarning

_PROGRESS_DELAY = 0.5
"""Seconds before progress is shown."""
_REDRAW_INTERVAL = 0.1
_LOG_INTERVAL = 30.0
"""Seconds between two plain lines of progress, where stderr is a file or a pipe."""
_BAR_WIDTH = 30


_NAMED_LINES = 10
"""Lines that failed and are named at the end."""


def line_label(outcome: LineResult) -> str:
    """What a line came to, to be counted."""
    match outcome:
        case Booked(is_dry_run=True):
            return "can be booked"
        case Booked(is_replayed=True):
            return "already booked"
        case Booked(booking=booking):
            return "held" if booking.state is State.HELD else "booked"
        case Cancelled(was_already=True):
            return "already cancelled"
        case Cancelled(booking=booking):
            return "cancelled" if booking.state is State.CANCELLED else "pending"
        case Rescheduled(was_already=True):
            return "already there"
        case Rescheduled(booking=booking):
            return "pending" if booking.moving_to else "moved"
        case unknown:
            assert_never(unknown)


def line_words(line: int, outcome: LineResult | PortalcalError, zone: ZoneInfo) -> str:
    """A line for a person: its number, what it came to, when, who."""
    head = f"line {line:>3}  "
    if isinstance(outcome, PortalcalError):
        message = " ".join(outcome.message.removeprefix(f"line {line}: ").split())
        return sanitize(f"{head}not: {message}")
    booking = outcome.booking
    meeting = booking.moving_to or booking.meeting
    is_made = not (isinstance(outcome, Booked) and outcome.is_dry_run)
    facts = (
        line_label(outcome),
        format_time(meeting.start, zone, end=meeting.end),
        booking.request.guest.name,
        *((booking.short_id,) if is_made else ()),
    )
    return sanitize(head + "  ".join(facts))


class LineView:
    """The view of one input line: collects warnings for its envelope. Implements ports.View."""

    def __init__(self) -> None:
        self.warnings: list[PortalcalWarning] = []

    def warn(self, warning: PortalcalWarning) -> None:
        """Collect a warning."""
        self.warnings.append(warning)

    def ask_for_consent(
        self, url: str, *, opens_browser: bool, ways: tuple[str, ...] = (), boxes: int = 3
    ) -> None:
        """Not used: a batch never connects."""

    def ask_secret(self, question: str, *, variable: str) -> str:  # noqa: ARG002
        """A batch never prompts. Raises: VaultUnavailable (always)."""
        raise passphrase_missing(variable)

    def confirm(self, inputs: str, *, consequences: tuple[str, ...], action: str, flag: str) -> bool:  # noqa: ARG002
        """A batch never prompts. Raises: ConfirmationRequired (always)."""
        raise ConfirmationRequired(action, flag)


class LinesView:
    """Envelopes on stdout in input order; progress on stderr if that is a terminal and stdout is not.

    `size`: bytes of the input, where known. `monotonic`: in seconds.
    """

    def __init__(
        self,
        command: str,
        *,
        stdout: TextIO,
        stderr: TextIO,
        size: int | None = None,
        monotonic: Callable[[], float],
        is_json: bool = True,
    ) -> None:
        self._is_text = stdout.isatty() and not is_json
        self._is_attended = stderr.isatty() or self._is_text
        self._counts: Counter[str] = Counter()
        self._first_failed: list[int] = []
        self._command = command
        self._stdout = stdout
        self._stderr = stderr
        self._size = size
        self._monotonic = monotonic
        self._began = self._shown = monotonic()
        self._is_watched = stderr.isatty() and not stdout.isatty()
        self._is_log = not stderr.isatty()
        self._lines = self._failed = self._width = 0
        self.program = "portalcal"
        """The program with its global options, for commands in results and warnings."""

    def for_line(self) -> LineView:
        """Make the view of one line."""
        return LineView()

    def show(
        self,
        line: int,
        outcome: LineResult | PortalcalError,
        *,
        line_view: object,
        zone: ZoneInfo | None = None,
        key: str | None = None,
    ) -> None:
        """Print one line: its envelope, or words on a terminal. `line_view`: the view that `for_line` made for it."""
        self._lines += 1
        zone = zone or ZoneInfo("UTC")
        label = "not" if isinstance(outcome, PortalcalError) else line_label(outcome)
        self._counts[label] += 1
        if isinstance(outcome, PortalcalError):
            self._failed += 1
            if self._failed <= _NAMED_LINES:
                self._first_failed.append(line)
        if self._is_text:
            print(line_words(line, outcome, zone), file=self._stdout, flush=True)
            return
        if isinstance(outcome, PortalcalError):
            envelope = json_view.error_envelope(self._command, outcome, zone=zone, line=line, key=key)
        else:
            envelope = json_view.envelope(
                self._command,
                json_view.result(outcome),
                warnings=line_view.warnings if isinstance(line_view, LineView) else (),
                zone=zone,
                program=self.program,
                line=line,
            )
        print(envelope, file=self._stdout, flush=True)

    def summarize(self) -> None:
        """Say on a terminal how many lines came to what, and which did not."""
        if not self._is_attended or not self._lines:
            return
        labels = sorted(self._counts, key=lambda label: label == "not")
        parts = [f"{self._counts[label]} {label}" for label in labels]
        if self._failed:
            more = f" and {self._failed - _NAMED_LINES} more" if self._failed > _NAMED_LINES else ""
            noun = "line" if self._failed == 1 else "lines"
            parts[-1] += f" ({noun} {', '.join(map(str, self._first_failed))}{more})"
        self.log(f"{count_of(self._lines, 'row')}: {', '.join(parts)}")

    def progress(self, read: int) -> None:
        """Show the progress, `read` bytes into the input: redrawn on a terminal, in a log a plain line every 30 s."""
        now = self._monotonic()
        if self._is_log and now - self._shown >= _LOG_INTERVAL:
            self._shown = now
            print(f"{self._share(read)}{self._words}", file=self._stderr, flush=True)
        if (
            self._is_watched
            and now - self._began >= _PROGRESS_DELAY
            and now - self._shown >= _REDRAW_INTERVAL
        ):
            self._shown = now
            self._draw(f"{self._bar(read)}{self._words}")

    @property
    def _words(self) -> str:
        return f"{self._lines} lines{f', {self._failed} failed' if self._failed else ''}"

    def _share(self, read: int) -> str:
        return f"{min(read / self._size, 1.0):.0%}, " if self._size else ""

    def end(self) -> None:
        """Erase the progress."""
        if self._width:
            self._draw("")
            print(end="\r", file=self._stderr, flush=True)

    def log(self, words: str) -> None:
        """Write one line to stderr."""
        self.end()
        print(sanitize(words), file=self._stderr, flush=True)

    def _bar(self, read: int) -> str:
        if not self._size:
            return ""
        share = min(read / self._size, 1.0)
        done = int(share * _BAR_WIDTH)
        return f"[{'#' * done}{'-' * (_BAR_WIDTH - done)}] {share:4.0%}  "

    def _draw(self, words: str) -> None:
        print(f"\r{words:<{self._width}}", end="", file=self._stderr, flush=True)
        self._width = len(words)
