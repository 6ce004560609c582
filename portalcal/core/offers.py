"""Several times held for one guest until an expiry, and how times are picked to be offered. Pure and deterministic.

An offered time is held like a booking, as a `Booking` that carries the id of its offer and is none yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import chain, zip_longest
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking
from portalcal.core.intervals import Interval
from portalcal.core.slots import Claim, SchedulingInputs, offered

MOST_TIMES = 10
"""Times that one offer may hold."""
LONGEST_HOLD = timedelta(days=366)
"""From now to the expiry of an offer, also of one that is extended again and again."""

_NOON = 12


class OfferState(StrEnum):
    """The state of an offer: `open -> taken`, or `open -> expired`, or `open -> released`."""

    OPEN = "open"
    TAKEN = "taken"
    EXPIRED = "expired"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class GuestOffer:
    """Times that are held for one guest."""

    id: UUID
    workspace: str
    state: OfferState  # as recorded: an open one may have expired
    expires_at: datetime
    slots: tuple[Booking, ...]  # the times, in order
    request: str  # what was asked for: two requests with one idempotency key must be equal
    created_at: datetime
    updated_at: datetime
    key: str | None = None  # idempotency key
    booking: UUID | None = None  # the booking that one of the times became

    def state_at(self, now: datetime) -> OfferState:
        """The state at an instant: an open offer has expired from `expires_at` on, whether or not that is recorded."""
        is_over = self.state is OfferState.OPEN and self.expires_at <= now
        return OfferState.EXPIRED if is_over else self.state


Fits = Callable[[Interval, Sequence[Interval]], bool]
"""Whether a meeting is free beside those already picked: every offered time makes a claim."""


def pick(meetings: Sequence[Interval], count: int, *, zone: ZoneInfo, fits: Fits) -> tuple[Interval, ...]:
    """Pick up to `count` offered meetings: days in turn, halves of a day alternating, earliest first.

    Days are local to `zone`; halves are before and after noon. The result is in order of start.
    """
    days: dict[date, tuple[list[Interval], list[Interval]]] = {}
    for meeting in sorted(meetings, key=lambda each: each.start):
        local = meeting.start.astimezone(zone)
        days.setdefault(local.date(), ([], []))[local.hour >= _NOON].append(meeting)
    queues = [_alternating(*halves) for _, halves in sorted(days.items())]
    picked: list[Interval] = []
    while queues and len(picked) < count:
        for queue in queues:
            while queue and not fits(queue[0], picked):
                del queue[0]
            if queue and len(picked) < count:
                picked.append(queue.pop(0))
        queues = [each for each in queues if each]
    return tuple(sorted(picked, key=lambda each: each.start))


def _alternating(morning: list[Interval], afternoon: list[Interval]) -> list[Interval]:
    """Interleave both halves of a day."""
    return [each for each in chain.from_iterable(zip_longest(morning, afternoon)) if each is not None]


def beside(inputs: SchedulingInputs) -> Fits:
    """A test whether a meeting is still offered while those picked are claimed, counting buffers and limits."""

    def fits(meeting: Interval, picked: Sequence[Interval]) -> bool:
        held = tuple(
            Claim(f"picked {number}", inputs.link, each, inputs.rules.buffered(each.start), inputs.owner)
            for number, each in enumerate(picked)
        )
        with_picked = inputs._replace(claims=(*inputs.claims, *held)).about(meeting.start)
        return bool(offered(with_picked))

    return fits
