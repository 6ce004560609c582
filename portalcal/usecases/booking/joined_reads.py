"""Join what concurrent bookings read from Google: questions about near times go out as one request.

A question gathers members for a moment, and for as long as the one before it is under way; it covers the windows and
calendars of all. It begins after every member has asked, so each gets an answer as fresh as its own request would
bring: "checked before held" and "re-read after inserted" stay literally true. Nothing is asked in advance or kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Generic, NamedTuple, TypeVar, cast

from portalcal.core.intervals import Interval, Intervals
from portalcal.core.slots import FreeBusy
from portalcal.ports import Calendars, Context, Event
from portalcal.run_all import Running

_T = TypeVar("_T")


class JoinLimits(NamedTuple):
    """How far questions are joined."""

    calendars: int
    window: timedelta
    gathering: float = 0.15  # seconds that a question waits for members
    max_wait: float = 10.0  # seconds to wait for the one before it; less than `core.outbox.LONGEST_CALL`


# One request at Google, whatever is joined; a page or two of one calendar's events.
_FREE_BUSY = JoinLimits(calendars=50, window=timedelta(days=30))
_EVENTS = JoinLimits(calendars=1, window=timedelta(days=7))


class JoinedReads:
    """Makes the contexts of concurrent lines, whose free/busy questions and lists of events are joined. Thread-safe."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lines = 0
        self._lock = threading.Lock()
        self._free_busy = Questions(self._ask_free_busy, limits=_FREE_BUSY, lines=lambda: self._lines)
        self._events = Questions(self._ask_events, limits=_EVENTS, lines=lambda: self._lines)

    @contextmanager
    def line(self, context: Context) -> Iterator[Context]:
        """The context for one line, while it is being booked."""
        with self._lock:
            self._lines += 1
        try:
            yield cast("Context", _JoinedContext(context, self))
        finally:
            with self._lock:
                self._lines -= 1

    def free_busy(self, calendars: Iterable[str], window: Interval) -> tuple[FreeBusy, ...]:
        """Busy times within the window. A calendar that cannot be read is unread for every member."""
        ids = tuple(calendars)
        answers = {each.calendar: each for each in self._free_busy.answer(ids, window)}
        within = Intervals((window,))
        return tuple(answers[each]._replace(busy=answers[each].busy & within) for each in ids)

    def events(self, calendar: str, window: Interval) -> tuple[Event, ...]:
        """The live events that overlap the window."""
        return tuple(event for event in self._events.answer((calendar,), window) if event.meets(window))

    def _ask_free_busy(self, calendars: tuple[str, ...], window: Interval) -> tuple[FreeBusy, ...]:
        return self._context.calendars.free_busy(calendars, window)

    def _ask_events(self, calendars: tuple[str, ...], window: Interval) -> tuple[Event, ...]:
        return self._context.calendars.events(calendars[0], window)


class _JoinedContext:
    """A context whose calendars are read jointly, and written as ever."""

    def __init__(self, context: Context, reads: JoinedReads) -> None:
        self._context = context
        self._reads = reads

    @property
    def calendars(self) -> Calendars:
        return cast("Calendars", _JoinedCalendars(self._context.calendars, self._reads))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


class _JoinedCalendars:
    def __init__(self, calendars: Calendars, reads: JoinedReads) -> None:
        self._calendars = calendars
        self.free_busy = reads.free_busy
        self.events = reads.events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calendars, name)


Ask = Callable[[tuple[str, ...], Interval], _T]


class _Question(Generic[_T]):
    """One request: about calendars and a window that grow until it begins."""

    def __init__(self, calendars: tuple[str, ...], window: Interval, ask: Ask[_T]) -> None:
        self.calendars = calendars
        self.window = window
        self.members = 0
        self.is_full = threading.Event()  # nobody else can become a member
        self.has_begun = False
        self.after: Running[_T] | None = None  # the question that has to end first
        self.next: _Question[_T] | None = None  # the one that waits for this one
        self.running = Running(lambda: ask(self.calendars, self.window))


class Questions(Generic[_T]):
    """Questions of one kind. Those too far from the ones under way do not wait for them.

    `lines`: how many lines are being booked, so that a question does not wait for members when it has them all.
    """

    def __init__(self, ask: Ask[_T], *, limits: JoinLimits, lines: Callable[[], int]) -> None:
        self._ask = ask
        self._limits = limits
        self._lines = lines
        self._lock = threading.Lock()
        self._open: list[_Question[_T]] = []  # under way or gathering; the others wait behind them

    def answer(self, calendars: tuple[str, ...], window: Interval) -> _T:
        """The answer to a question that covers these calendars and this window, and begins after this call.

        Raises: what the question raises; each member a copy of its own.
        """
        with self._lock:
            question = self._join(calendars, window)
        if question.after and not question.after.wait(self._limits.max_wait) and self._leaves(question):
            return self._ask(calendars, window)
        question.is_full.wait(self._limits.gathering)
        with self._lock:
            leads, question.has_begun = not question.has_begun, True
        if leads:
            question.running.run()
            with self._lock:
                self._end(question)
            return question.running.result()
        question.running.wait()
        if question.running.error is not None:
            raise _copy(question.running.error)
        return question.running.result()

    def _join(self, calendars: tuple[str, ...], window: Interval) -> _Question[_T]:
        """Become a member of a question that has not begun."""
        question = self._nearest(calendars, window)
        if question is None:
            question = _Question(calendars, window, self._ask)
            self._open.append(question)
        question.calendars = _together(question.calendars, calendars)
        question.window = _spanning(question.window, window)
        question.members += 1
        if question.members >= self._lines():
            question.is_full.set()
        return question

    def _nearest(self, calendars: tuple[str, ...], window: Interval) -> _Question[_T] | None:
        """A question that gathers members, or a new one behind one under way, if it is near enough; else None."""
        for first in self._open:
            waiting = first.next if first.has_begun else first
            nearest = waiting or first
            if (
                len(_together(nearest.calendars, calendars)) > self._limits.calendars
                or _spanning(nearest.window, window).length > self._limits.window
            ):
                continue
            if waiting is None:
                waiting = first.next = _Question(calendars, window, self._ask)
                waiting.after = first.running
            return waiting
        return None

    def _leaves(self, question: _Question[_T]) -> bool:
        """Leave a question, unless it has begun meanwhile."""
        with self._lock:
            if question.has_begun:
                return False
            question.members -= 1
            return True

    def _end(self, question: _Question[_T]) -> None:
        """Let the question that waits behind this one take its place."""
        self._open.remove(question)
        if question.next is not None and question.next.members:
            self._open.append(question.next)


def _together(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*some, *others)))


def _spanning(one: Interval, other: Interval) -> Interval:
    return Interval(min(one.start, other.start), max(one.end, other.end))


def _copy(error: BaseException) -> BaseException:
    """The same error as an object of its own: what one line adds to its error must not reach another line's."""
    other = type(error).__new__(type(error), *error.args)
    vars(other).update(vars(error))
    other.__cause__ = error.__cause__
    return other
