"""Booking many times at once, answered in the order they were asked.

Two that want times which touch each other are not in flight together, so that of two lines for one time the first one
gets it, as if they had been run one by one. So are two with the same key.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from portalcal.answers import Booked
from portalcal.core.intervals import Interval
from portalcal.errors import Exit, PortalcalError
from portalcal.ports import World
from portalcal.usecases.book import Order, book
from portalcal.usecases.deliver import deliver

AT_ONCE = 12
"""Bookings under way: while some of them are worked on here, eight requests are with Google, and never more."""

_AHEAD = 2 * AT_ONCE
"""Lines that may be under way or waiting for an earlier one to be told; bounds what is in memory."""


class Line(NamedTuple):
    """One line of a file: what it orders, or what is wrong with it."""

    number: int
    order: Order | PortalcalError


class Answered(NamedTuple):
    """A line with what became of it, and the world it was booked in, for what was said on the way."""

    line: Line
    outcome: Booked | PortalcalError
    world: World


class _Flight(NamedTuple):
    line: Line
    world: World
    result: Future[Booked | PortalcalError]
    guard: Interval | None


def batch(lines: Iterable[Line], world: World, *, beside: Callable[[], World]) -> Iterator[Answered]:
    """Book every line, at most `AT_ONCE` at the same time, and tell what became of each, in their order.

    `beside` gives the world of one line, which shares its parts with `world`. Ends early after a line that shows that
    a person has to mend something first, a configuration or the connection: every other line would fail alike.
    """
    deliver(world)
    under_way: deque[_Flight] = deque()
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="book") as pool:
        try:
            for line in lines:
                guard = _guard(world, line)
                while under_way and (len(under_way) >= _AHEAD or _has_to_wait(line, guard, under_way)):
                    yield (answered := _landed(under_way))
                    if is_hopeless(answered.outcome):
                        yield from _begun(under_way)
                        return
                own = beside()
                under_way.append(_Flight(line, own, pool.submit(_booked, line, own), guard))
            while under_way:
                yield (answered := _landed(under_way))
                if is_hopeless(answered.outcome):
                    yield from _begun(under_way)
                    return
        finally:
            _begun(under_way)


def is_hopeless(outcome: Booked | PortalcalError) -> bool:
    """Whether the lines that follow cannot fare better."""
    return isinstance(outcome, PortalcalError) and outcome.exit in {Exit.CONFIGURATION, Exit.CONNECT}


def _booked(line: Line, world: World) -> Booked | PortalcalError:
    if isinstance(line.order, PortalcalError):
        return line.order
    try:
        return book(line.order._replace(is_one_of_many=True), world)
    except PortalcalError as error:
        return error


def _landed(under_way: deque[_Flight]) -> Answered:
    """The earliest line, once it is done."""
    first = under_way.popleft()
    return Answered(first.line, first.result.result(), first.world)


def _begun(under_way: deque[_Flight]) -> list[Answered]:
    """What became of the lines that were begun already; those that were not never are."""
    begun = [each for each in under_way if not each.result.cancel()]
    under_way.clear()
    return [Answered(each.line, each.result.result(), each.world) for each in begun]


def _guard(world: World, line: Line) -> Interval | None:
    """The time a line wants, with its buffers."""
    if isinstance(line.order, PortalcalError):
        return None
    wish = line.order.wish
    rules = world.config.link(wish.link).rules
    return wish.meeting.widened(rules.buffer_before, rules.buffer_after)


def _has_to_wait(line: Line, guard: Interval | None, under_way: Iterable[_Flight]) -> bool:
    return any(
        (guard is not None and each.guard is not None and guard.overlaps(each.guard))
        or (_key(line) is not None and _key(line) == _key(each.line))
        for each in under_way
        if not each.result.done()
    )


def _key(line: Line) -> str | None:
    return None if isinstance(line.order, PortalcalError) else line.order.key
