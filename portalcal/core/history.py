"""The history of bookings: what a change was, worked out from the booking before and after it. Pure.

Lines are facts about the past: nothing here, and nobody else, changes one. Applied in their order they give the facts of
the booking as it stands (`facts_of`).
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from portalcal.core.booking import Booking, Guest, State
from portalcal.core.intervals import Interval
from portalcal.core.outbox import Task
from portalcal.core.participants import Role


class What(StrEnum):
    """What happened to a booking."""

    HELD = "held"
    CONFIRMED = "confirmed"
    MOVED = "moved"
    REASSIGNED = "reassigned"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    DECLINED = "declined"
    RENAMED = "renamed"
    OFFERED = "offered"
    EXPIRED = "expired"
    DELIVERED = "delivered"


class Cause(StrEnum):
    """The origin of a change: a command, the calendar, a guest's response, or the clock."""

    COMMAND = "command"
    CALENDAR = "calendar"
    GUEST = "guest"
    EXPIRY = "expiry"


class Author(NamedTuple):
    """On whose behalf a process acts, on which machine it runs, and which command it is."""

    actor: str = ""
    host: str = ""
    command: str = ""


NOBODY = Author()

Fact = str | datetime | Interval | Guest | tuple[str, ...] | None
"""The value of a fact."""

BookingFacts = Mapping[str, Fact]
"""BookingFacts of a booking by name; the names are those of a booking in JSON."""


class BookingChange(NamedTuple):
    """One change of a booking: the facts that differ, as they were and as they are."""

    what: What
    cause: Cause
    before: BookingFacts
    after: BookingFacts


class HistoryLine(NamedTuple):
    """One recorded change. `cursor` grows in the order in which changes of a workspace became visible to others."""

    cursor: int
    at: datetime
    booking: str  # its id
    change: BookingChange
    author: Author


_WORDS = {
    "start": What.MOVED,
    "end": What.MOVED,
    "calendar": What.MOVED,
    "event_id": What.MOVED,
    "title": What.RENAMED,
    "location": What.RENAMED,
    "meet_url": What.RENAMED,
    "declined": What.DECLINED,
    "people": What.REASSIGNED,
}
"""What it is called when a fact changes in the calendar."""


def facts_of(booking: Booking) -> BookingFacts:
    """The facts of a booking whose changes are recorded.

    Of an event that is not made yet the calendar is only an intention, so it is left out.
    """
    request = booking.request
    return {
        "state": booking.state.value,
        "start": booking.meeting.start,
        "end": booking.meeting.end,
        "moving_to": booking.moving_to,
        "link": request.link,
        "title": request.title,
        "guest": request.guest,
        "guests": request.guests or None,
        # Who takes part and in which room; the owner, who always does unless others stand in, is left out.
        "people": tuple(each.email for each in booking.participants if each.role is not Role.OWNER) or None,
        "declined": booking.declined or None,
        "location": request.location or None,
        "meet_url": booking.meet_url,
        "calendar": booking.calendar if booking.event_id else None,
        "event_id": booking.event_id,
        "offer": str(booking.offer) if booking.offer else None,
    }


def first_change(booking: Booking) -> BookingChange:
    """The change that makes a booking: held until Google has its event, or confirmed without one."""
    facts = {name: value for name, value in facts_of(booking).items() if value is not None}
    what = _word_for(booking.state) if booking.offer is None else What.OFFERED
    return BookingChange(what, Cause.COMMAND, {}, facts)


def expiry_changes(before: Booking, after: Booking) -> tuple[BookingChange, ...]:
    """What the expiry of an offer has changed of one of its times."""
    old, new = _differing(before, after)
    return (BookingChange(What.EXPIRED, Cause.EXPIRY, old, new),) if new else ()


def command_changes(before: Booking, after: Booking) -> tuple[BookingChange, ...]:
    """What a command has changed; nothing if no fact differs."""
    old, new = _differing(before, after)
    if not new:
        return ()
    what = _word_for_command(before, after)
    reason = after.ended_because if what is What.CANCELLED else after.moved_because
    if reason and what in {What.CANCELLED, What.MOVED, What.HELD, What.REASSIGNED}:
        new = {**new, "reason": reason}
    return (BookingChange(what, Cause.COMMAND, old, new),)


def outcome_changes(
    before: Booking, after: Booking, *, task: Task | None, is_rejected: bool
) -> tuple[BookingChange, ...]:
    """What the outcome of an attempt has changed. `task`: the call that is owed no more; None: it still is, or never was.

    A call that ends is a line of its own also where the booking stays as it was: an event that is removed after its
    booking has ended, or one that Google will not make.
    """
    old, new = _differing(before, after)
    if not new and task is None:
        return ()
    if task is not None:
        old, new = {**old, "owed": task.value}, {**new, "owed": None}
    return (
        BookingChange(_word_for_outcome(before, after, is_rejected=is_rejected), Cause.COMMAND, old, new),
    )


def calendar_changes(before: Booking, after: Booking) -> tuple[BookingChange, ...]:
    """What was taken over from the calendar: a change for each kind, so that a guest's answer is no move."""
    old, new = _differing(before, after)
    if before.state is not after.state:
        return (BookingChange(What.CANCELLED, Cause.CALENDAR, old, new),)
    by_kind: dict[What, list[str]] = {}
    for name in new:
        by_kind.setdefault(_WORDS.get(name, What.RENAMED), []).append(name)
    return tuple(
        BookingChange(
            kind,
            Cause.GUEST if kind is What.DECLINED else Cause.CALENDAR,
            {name: old[name] for name in names},
            {name: new[name] for name in names},
        )
        for kind, names in by_kind.items()
    )


def _differing(before: Booking, after: Booking) -> tuple[BookingFacts, BookingFacts]:
    """The facts that differ, as they were and as they are."""
    old, new = facts_of(before), facts_of(after)
    names = [name for name in new if old[name] != new[name]]
    if "start" in names or "end" in names:
        # Both: each line is read by itself.
        names = [*dict.fromkeys((*names, "start", "end"))]
    return {name: old[name] for name in names}, {name: new[name] for name in names}


def _word_for(state: State) -> What:
    return {State.HELD: What.HELD, State.CONFIRMED: What.CONFIRMED, State.REFUSED: What.REFUSED}.get(
        state, What.CANCELLED
    )


def _word_for_command(before: Booking, after: Booking) -> What:
    if before.state is not after.state:
        return _word_for(after.state)
    return _moved_or_reassigned(before, after) or What.HELD


def _word_for_outcome(before: Booking, after: Booking, *, is_rejected: bool) -> What:
    if is_rejected:
        return What.REFUSED
    if before.state is not after.state and after.state is not State.CANCELLED:
        return _word_for(after.state)
    return _moved_or_reassigned(before, after) or What.DELIVERED


def _moved_or_reassigned(before: Booking, after: Booking) -> What | None:
    if before.meeting != after.meeting:
        return What.MOVED
    return What.REASSIGNED if facts_of(before)["people"] != facts_of(after)["people"] else None
