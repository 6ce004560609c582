"""A booking: a time promised to a guest, with its states, its legal transitions and the id of its event."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.core import email_address
from portalcal.core.intervals import Interval
from portalcal.core.participants import NOBODY, PanelRequest, Participant, Role, owner_of
from portalcal.core.slots import Claim
from portalcal.facts import SHORT_ID, booking_named


class State(StrEnum):
    """The state of a booking: `held -> confirmed -> cancelling -> cancelled`, or `held -> refused`."""

    HELD = "held"
    CONFIRMED = "confirmed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    REFUSED = "refused"

    @property
    def is_live(self) -> bool:
        """Whether the booking claims its time."""
        return self in {State.HELD, State.CONFIRMED, State.CANCELLING}

    def may_become(self, other: State) -> bool:
        """Whether the transition is legal."""
        return other in _MOVES[self]


_MOVES: dict[State, frozenset[State]] = {
    State.HELD: frozenset({State.CONFIRMED, State.CANCELLING, State.CANCELLED, State.REFUSED}),
    State.CONFIRMED: frozenset({State.CANCELLING, State.CANCELLED}),
    State.CANCELLING: frozenset({State.CANCELLED}),
    State.CANCELLED: frozenset(),
    State.REFUSED: frozenset(),
}


class Notify(StrEnum):
    """Whom Google e-mails about a change (parameter `sendUpdates` of events.insert, patch and delete)."""

    ALL = "all"
    EXTERNAL = "external"
    NONE = "none"


class Guest(NamedTuple):
    """The person who is met."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """What was asked to be booked.

    Two requests with one idempotency key must be equal; `differences` lists the fields that are not.
    """

    start: datetime
    duration: timedelta
    zone: ZoneInfo
    guest: Guest
    title: str
    link: str | None = None
    guests: tuple[str, ...] = ()  # addresses of further guests
    location: str = ""
    notes: str = ""
    meet: bool = False
    notify: Notify = Notify.ALL
    people: PanelRequest = NOBODY  # whom it takes besides those of its link, as it was asked for

    @property
    def meeting(self) -> Interval:
        """The time asked for."""
        return Interval(self.start, self.start + self.duration)


@dataclass(frozen=True, slots=True)
class Booking:
    """A request with its state and the event made for it."""

    id: UUID
    workspace: str
    state: State
    request: BookingRequest  # as it stands now
    buffer_before: timedelta
    buffer_after: timedelta
    created_at: datetime
    updated_at: datetime
    key: str | None = None  # idempotency key
    calendar: str | None = None  # of the event; None: booked while disconnected
    attempt: int = 0  # part of the event id: an id whose event was deleted cannot be used again
    event_id: str | None = None
    event_url: str | None = None
    meet_url: str | None = None
    etag: str | None = None  # None: the event must be read before it is changed
    notified: Notify | None = None  # whom Google e-mailed; None: nobody yet
    ended_by: str | None = None  # "user" or "calendar"
    ended_because: str = ""
    moving_to: Interval | None = None  # claimed beside the present time until the event is moved there
    moved_from: Interval | None = None  # where the event still lies after a move while disconnected
    moved_because: str = ""
    original_request: BookingRequest | None = None  # as first made, for replays, if `request` differs
    declined: tuple[str, ...] = ()  # addresses of guests and participants who declined
    participants: tuple[Participant, ...] = ()  # besides the guests; empty: the owner alone
    new_participants: tuple[Participant, ...] | None = None  # who take part at `moving_to`; None: the same
    offer: UUID | None = None  # the offer of which this is one time, which is no booking yet

    @property
    def short_id(self) -> str:
        """The first characters of the id: enough to look it up, and to distinguish the bookings of one list."""
        return str(self.id)[:SHORT_ID]

    @property
    def named(self) -> str:
        """How messages name it: `Sam Lee's booking 5d16c341`."""
        return booking_named(str(self.id), self.request.guest.name)

    @property
    def meeting(self) -> Interval:
        """The promised time."""
        return self.request.meeting

    @property
    def buffered(self) -> Interval:
        """The promised time with the buffers it was booked with, which no other claim of a participant overlaps."""
        return self.with_buffers(self.meeting)

    @property
    def is_live(self) -> bool:
        """Whether it claims its time."""
        return self.state.is_live

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims of the booking: for each claimant its time, and for each new one the time it is moving to."""
        held = [(self.meeting, claimant) for claimant in self.claimants]
        if self.moving_to:
            held += [(self.moving_to, claimant) for claimant in self.new_claimants]
        return tuple(
            Claim(str(self.id), self.request.link, time, self.with_buffers(time), claimant)
            for time, claimant in dict.fromkeys(held)
        )

    @property
    def claimants(self) -> tuple[str, ...]:
        """The keys under which the booking claims time, once each: the owner's, people's and the room's."""
        return self._keys(self.participants)

    @property
    def new_claimants(self) -> tuple[str, ...]:
        """The keys under which it claims the time it is moving to."""
        return self._keys(self.coming)

    def _keys(self, participants: tuple[Participant, ...]) -> tuple[str, ...]:
        if not participants:
            return (owner_of(self.workspace),)
        keys = (each.claimant(self.workspace) for each in participants)
        return tuple(dict.fromkeys(key for key in keys if key is not None))

    @property
    def coming(self) -> tuple[Participant, ...]:
        """Who takes part once what is owed to Google is done."""
        return self.participants if self.new_participants is None else self.new_participants

    @property
    def invited_without_claim(self) -> frozenset[str]:
        """Addresses of guests and optional people: the event takes their time in their calendars, and none here."""
        request = self.request
        optional = (each.address for each in self.participants if each.role is Role.OPTIONAL)
        return frozenset({*map(email_address.folded, (request.guest.email, *request.guests)), *optional})

    @property
    def owner_attends(self) -> bool:
        """Whether the meeting takes the time of the account's owner."""
        return owner_of(self.workspace) in self.claimants

    @property
    def room(self) -> Participant | None:
        """The room of the meeting."""
        return next((each for each in self.participants if each.role is Role.ROOM), None)

    @property
    def absent(self) -> tuple[Participant, ...]:
        """Who should come, or the room, and has declined."""
        return tuple(
            each
            for each in self.participants
            if each.response == "declined" and each.role not in {Role.OWNER, Role.OPTIONAL}
        )

    @property
    def is_reassigned(self) -> bool:
        """Whether other people are to take part at the same time."""
        return self.moving_to == self.meeting

    def is_as_in(self, known: Booking) -> bool:
        """Whether time and participants are still those that a command has read."""
        return (self.meeting, self.participants) == (known.meeting, known.participants)

    @property
    def first_request(self) -> BookingRequest:
        """The request as it was first made."""
        return self.original_request or self.request

    @property
    def next_event_id(self) -> str:
        """The event id for the present attempt."""
        return event_id(self.id, attempt=self.attempt)

    def moved_to(self, state: State, now: datetime) -> Booking:
        """The booking in another state.

        Raises:
            ValueError: the transition is not legal.
        """
        if not self.state.may_become(state):
            raise ValueError(f"a {self.state} booking cannot become {state}")
        return replace(self, state=state, updated_at=now)

    def at(self, meeting: Interval) -> Booking:
        """The booking at another time with its new participants and no second claim. `original_request` stays the first."""
        request = replace(self.request, start=meeting.start, duration=meeting.length)
        return replace(
            self,
            request=request,
            original_request=self.first_request if request != self.request else self.original_request,
            moving_to=None,
            moved_from=None,
            participants=self.coming,
            new_participants=None,
        )

    def with_buffers(self, meeting: Interval) -> Interval:
        """A time with the buffers of this booking."""
        return meeting.widened(self.buffer_before, self.buffer_after)


def event_id(booking: UUID, *, attempt: int) -> str:
    """The event id, chosen by us so that a repeated events.insert answers 409 and makes no second event.

    Google allows base32hex, `[a-v0-9]{5,1024}` (events.insert reference).

    >>> event_id(UUID(int=1), attempt=0)
    'pc000000000000000000000000040'
    """
    encoded = base64.b32hexencode(booking.bytes).decode("ascii").rstrip("=").lower()
    return f"pc{encoded}{attempt}"


def booking_of_event(event: str) -> UUID | None:
    """The booking of an event id that we chose; None: it is not one.

    >>> booking_of_event("pc000000000000000000000000040")
    UUID('00000000-0000-0000-0000-000000000001')
    """
    encoded, attempt = event[2:28], event[28:]
    if not event.startswith("pc") or not attempt.isdecimal():
        return None
    try:
        return UUID(bytes=base64.b32hexdecode(f"{encoded}======", casefold=True))
    except ValueError:
        return None


def differences(ours: BookingRequest, theirs: BookingRequest) -> tuple[str, ...]:
    """The fields in which two requests differ.

    `notify`, the zone of the same instants, and the case of addresses are not compared.
    """
    names = ("start", "duration", "guest", "title", "link", "guests", "location", "notes", "meet", "people")
    ours, theirs = _comparable(ours), _comparable(theirs)
    return tuple(name for name in names if getattr(ours, name) != getattr(theirs, name))


def _comparable(request: BookingRequest) -> BookingRequest:
    """The request with folded addresses, also in the title and notes made from them, and without duplicate guests."""
    email = request.guest.email
    return replace(
        request,
        guest=request.guest._replace(email=email_address.folded(email)),
        guests=tuple(map(email_address.folded, email_address.unique(request.guests, but_not=(email,)))),
        title=request.title.replace(email, email_address.folded(email)),
        notes=request.notes.replace(email, email_address.folded(email)),
    )
