"""Carry out the lines of a file concurrently and answer them in their order.

Lines that touch the same booking, key or time are never in flight together: of two lines for one time the earlier one
gets it, as if they had been run one after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from portalcal.core.intervals import Interval
from portalcal.core.time import format_time
from portalcal.errors import Exit, Interrupted, PortalcalError, SlotTaken
from portalcal.ports import Context
from portalcal.results import Booked, LineResult
from portalcal.run_all import Running, Workers
from portalcal.usecases.booking.batch_line import (
    BatchLine,
    Footprint,
    carry_out,
    footprint_of,
    recorded_outcome,
)
from portalcal.usecases.booking.joined_reads import JoinedReads
from portalcal.usecases.ledger_failure import claiming
from portalcal.usecases.outbox.run import run_outbox

CONCURRENCY = 36
"""Bookings in flight. A third of them is in each phase: with 36, one question serves ten, and Google's limit a minute
allows more than twice the bookings that it does with one request a question (measured)."""

_MAX_UNANSWERED = 2 * CONCURRENCY
"""Lines begun but not yet acknowledged, which bounds memory."""

_MAX_UNTRIED = 12
"""The same before the first line is acknowledged: where nobody is connected, all that were begun fail alike."""


class BatchAnswer(NamedTuple):
    """The outcome of a line."""

    line: BatchLine
    outcome: LineResult | PortalcalError
    context: Context  # the line's own, whose view has its warnings


class _InFlight(NamedTuple):
    line: BatchLine
    context: Context
    running: Running[LineResult | PortalcalError]
    footprint: Footprint


class Rehearsal:
    """What the lines of a dry run would take, so that two lines of one file for one time are noticed."""

    def __init__(self) -> None:
        self._taken: dict[str | None, list[tuple[Interval, int]]] = {}
        self._keys: set[str] = set()

    def checked(self, number: int, outcome: LineResult | PortalcalError) -> LineResult | PortalcalError:
        """The outcome of a line, or the conflict with an earlier line that would get its time."""
        if not isinstance(outcome, Booked) or not outcome.is_dry_run or outcome.booking.key in self._keys:
            return outcome
        claims = outcome.booking.claims
        for claim in claims:
            for interval, earlier in self._taken.get(claim.participant, ()):
                if interval.overlaps(claim.buffered):
                    meeting = outcome.booking.meeting
                    when = format_time(meeting.start, outcome.zone, end=meeting.end)
                    return SlotTaken(when, f"line {earlier} of this file")
        for claim in claims:
            self._taken.setdefault(claim.participant, []).append((claim.buffered, number))
        if outcome.booking.key:
            self._keys.add(outcome.booking.key)
        return outcome


class Batch:
    """Carries out lines, at most `CONCURRENCY` at the same time.

    `beside` makes the context of one line: a view of its own, everything else shared with `context`. `nothing_done`: what
    is true if the batch fails before its first line.
    """

    def __init__(
        self,
        lines: Iterable[BatchLine],
        context: Context,
        *,
        beside: Callable[[], Context],
        nothing_done: str,
        dry_run: bool = False,
    ) -> None:
        self._dry_run = dry_run
        self._nothing_done = nothing_done
        self._lines = lines
        self._context = context
        self._beside = beside
        self._reads = JoinedReads(context)
        self._rehearsal = Rehearsal()
        self._workers = Workers(CONCURRENCY, name="batch")
        self._in_flight: deque[_InFlight] = deque()
        """Lines that were begun and not acknowledged, the earliest first."""
        self._max_unanswered = _MAX_UNTRIED

    def answers(self) -> Iterator[BatchAnswer]:
        """The outcome of each line, in their order. Call `acknowledge` after each one.

        Ends early after a failure of the configuration or the connection, since every other line would fail alike.
        """
        if not self._dry_run:
            with claiming(self._nothing_done):
                run_outbox(self._context)
        with self._workers:
            for line in self._lines:
                # Again after each answer: the line before may have changed the booking that this one names.
                while self._has_to_wait(footprint := footprint_of(line, self._context)):
                    yield (answer := self._earliest())
                    if is_hopeless(answer.outcome):
                        yield from self._rest()
                        return
                self._begin(line, footprint)
            while self._in_flight:
                yield (answer := self._earliest())
                if is_hopeless(answer.outcome):
                    yield from self._rest()
                    return

    def acknowledge(self) -> None:
        """The latest answer was written out."""
        self._in_flight.popleft()
        self._max_unanswered = _MAX_UNANSWERED

    def interrupted(self) -> Iterator[BatchAnswer]:
        """After Ctrl-C: the outcome of every line that was begun and not acknowledged. The ledger records nothing more.

        The outcome is what the ledger has; without anything there, nothing was done.
        """
        self._workers.stop()
        if not self._in_flight:
            return
        self._context.ledger.stop()
        while self._in_flight:
            earliest = self._in_flight[0]
            yield BatchAnswer(earliest.line, _outcome_so_far(earliest), earliest.context)

    def _begin(self, line: BatchLine, footprint: Footprint) -> None:
        context = self._beside()
        running = Running(lambda: self._carry_out(line, context))
        in_flight = _InFlight(line, context, running, footprint)
        # Appended first: Ctrl-C may come between any two statements, and every line that was begun needs an answer.
        self._in_flight.append(in_flight)
        self._workers.add(in_flight.running)

    def _carry_out(self, line: BatchLine, context: Context) -> LineResult | PortalcalError:
        with self._reads.line(context) as joined:
            return carry_out(line, joined)

    def _has_to_wait(self, footprint: Footprint) -> bool:
        """Whether too many lines are unanswered, or one that is not done yet touches the same thing."""
        return len(self._in_flight) >= self._max_unanswered or any(
            footprint.touches(other.footprint) for other in self._in_flight if not other.running.is_done
        )

    def _earliest(self) -> BatchAnswer:
        """Wait for the earliest line in flight."""
        earliest = self._in_flight[0]
        outcome = earliest.running.result()
        if self._dry_run:
            outcome = self._rehearsal.checked(earliest.line.number, outcome)
        return BatchAnswer(earliest.line, outcome, earliest.context)

    def _rest(self) -> Iterator[BatchAnswer]:
        """The outcome of the lines that a worker has begun; the others are dropped."""
        self._workers.stop()
        while self._in_flight:
            if self._in_flight[0].running.has_begun:
                yield self._earliest()
            else:
                self._in_flight.popleft()


def is_hopeless(outcome: LineResult | PortalcalError) -> bool:
    """Whether every later line would fail in the same way."""
    return isinstance(outcome, PortalcalError) and outcome.exit in {Exit.CONFIGURATION, Exit.CONNECT}


def _outcome_so_far(in_flight: _InFlight) -> LineResult | PortalcalError:
    """The outcome of a line as far as it got."""
    if in_flight.running.is_done and in_flight.running.error is None:
        outcome = in_flight.running.result()
        if not isinstance(outcome, Interrupted):
            return outcome
    return recorded_outcome(in_flight.line, in_flight.context, in_flight.footprint)
