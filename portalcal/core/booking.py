"""A booking: our promise of a time to a guest, its states, its legal moves and the id of its event."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.core.intervals import Interval
from portalcal.core.slots import Promise


class State(StrEnum):
    """Where a booking stands: `held -> confirmed -> cancelling -> cancelled`, or `held -> refused`."""

    HELD = "held"
    CONFIRMED = "confirmed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    REFUSED = "refused"

    @property
    def is_live(self) -> bool:
        """Whether the booking still guards its time."""
        return self in {State.HELD, State.CONFIRMED, State.CANCELLING}

    def may_become(self, other: State) -> bool:
        """Whether the move is legal."""
        return other in _MOVES[self]


_MOVES: dict[State, frozenset[State]] = {
    State.HELD: frozenset({State.CONFIRMED, State.CANCELLING, State.CANCELLED, State.REFUSED}),
    State.CONFIRMED: frozenset({State.CANCELLING, State.CANCELLED}),
    State.CANCELLING: frozenset({State.CANCELLED}),
    State.CANCELLED: frozenset(),
    State.REFUSED: frozenset(),
}


class Notify(StrEnum):
    """Whom Google e-mails about a change (`sendUpdates` of its API)."""

    ALL = "all"
    EXTERNAL = "external"
    NONE = "none"


class Guest(NamedTuple):
    """The person the time is promised to."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks to have booked: everything that makes two requests the same or not.

    Two wishes under one idempotency key must be equal; `differences` names what is not.
    """

    start: datetime
    duration: timedelta
    zone: ZoneInfo
    guest: Guest
    title: str
    link: str | None = None
    guests: tuple[str, ...] = ()
    location: str = ""
    notes: str = ""
    meet: bool = False
    notify: Notify = Notify.ALL

    @property
    def meeting(self) -> Interval:
        """The time asked for."""
        return Interval(self.start, self.start + self.duration)


@dataclass(frozen=True, slots=True)
class Booking:
    """A wish with what became of it.

    `calendar` is None when it was made while disconnected. `attempt` counts event ids: a tombstone at Google needs a
    new one. `notified` is None until Google was told to send mail. `ended_by` is "user" or "calendar".

    `moving_to` is the time held beside the present one until Google has moved the event there. `moved_from` is where
    the event still stands when the booking moved while disconnected. `asked` is the wish as it was first made, once
    it is another: a request that comes again is compared with that. `etag` is None while the event has to be read. `declined` are the guests who will not come.
    """

    id: UUID
    workspace: str
    state: State
    wish: Wish
    buffer_before: timedelta
    buffer_after: timedelta
    created_at: datetime
    updated_at: datetime
    key: str | None = None
    calendar: str | None = None
    attempt: int = 0
    event_id: str | None = None
    event_url: str | None = None
    meet_url: str | None = None
    etag: str | None = None
    notified: Notify | None = None
    ended_by: str | None = None
    ended_because: str = ""
    moving_to: Interval | None = None
    moved_from: Interval | None = None
    moved_because: str = ""
    asked: Wish | None = None
    declined: tuple[str, ...] = ()

    @property
    def meeting(self) -> Interval:
        """The promised time."""
        return self.wish.meeting

    @property
    def guard(self) -> Interval:
        """The promised time with the buffers it was made with; guards of live bookings never overlap."""
        return self._guarding(self.meeting)

    @property
    def is_live(self) -> bool:
        """Whether it still guards its time."""
        return self.state.is_live

    @property
    def promises(self) -> tuple[Promise, ...]:
        """The booking as the engine sees it: its time, and the one it is moving to."""
        times = (self.meeting, self.moving_to) if self.moving_to else (self.meeting,)
        return tuple(Promise(str(self.id), self.wish.link, each, self._guarding(each)) for each in times)

    @property
    def request(self) -> Wish:
        """What was asked for when it was made, whatever changed since."""
        return self.asked or self.wish

    @property
    def next_event_id(self) -> str:
        """The id its event has or will have at Google, for the present attempt."""
        return event_id(self.id, attempt=self.attempt)

    def moved_to(self, state: State, now: datetime) -> Booking:
        """The booking in another state.

        Raises:
            ValueError: the move is not legal.
        """
        if not self.state.may_become(state):
            raise ValueError(f"a {self.state} booking cannot become {state}")
        return replace(self, state=state, updated_at=now)

    def at(self, meeting: Interval) -> Booking:
        """The booking at another time, nothing held beside it; what was first asked for is remembered."""
        wish = replace(self.wish, start=meeting.start, duration=meeting.length)
        return replace(self, wish=wish, asked=self.request, moving_to=None, moved_from=None)

    def _guarding(self, meeting: Interval) -> Interval:
        return meeting.widened(self.buffer_before, self.buffer_after)


def event_id(booking: UUID, *, attempt: int) -> str:
    """The id we give the event, so that inserting twice cannot make two.

    Google allows base32hex, `[a-v0-9]{5,1024}` (events.insert reference).

    >>> event_id(UUID(int=1), attempt=0)
    'pc000000000000000000000000040'
    """
    encoded = base64.b32hexencode(booking.bytes).decode("ascii").rstrip("=").lower()
    return f"pc{encoded}{attempt}"


def differences(ours: Wish, theirs: Wish) -> tuple[str, ...]:
    """The fields in which two wishes are not the same request.

    Whom to e-mail does not make another meeting, nor does another zone that shows the same instants.
    """
    names = ("start", "duration", "guest", "title", "link", "guests", "location", "notes", "meet")
    return tuple(name for name in names if getattr(ours, name) != getattr(theirs, name))
