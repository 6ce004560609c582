"""Maps bookings, claims, outbox entries and lines of the history to rows and back.

Instants are integer seconds UTC, durations are seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking, BookingRequest, Guest, Notify, State
from portalcal.core.history import Author, BookingChange, BookingFacts, Cause, Fact, HistoryLine, What
from portalcal.core.intervals import Interval
from portalcal.core.offers import GuestOffer, OfferState
from portalcal.core.outbox import OutboxEntry, Task
from portalcal.core.participants import PanelRequest, Participant, Role
from portalcal.core.slots import Claim


class Row(Protocol):
    """A row of either database, by column name."""

    def __getitem__(self, column: str, /) -> Any: ...


def seconds(instant: datetime) -> int:
    """Return an instant as the ledger stores it; fractions of a second are dropped."""
    return int(instant.timestamp() // 1)


def seconds_up(instant: datetime) -> int:
    """Return the end of a window, rounded up: a window that ends within a second includes that second."""
    return -int(-instant.timestamp() // 1)


def instant(stored: int) -> datetime:
    """Return a stored instant."""
    return datetime.fromtimestamp(stored, UTC)


def columns_of(booking: Booking) -> dict[str, object]:
    """Return the parameters of every statement that writes a booking."""
    return {**_request_columns(booking.request), **outcome_columns(booking)} | {
        "buffer_before": _length(booking.buffer_before),
        "buffer_after": _length(booking.buffer_after),
        "created_at": seconds(booking.created_at),
        "key": booking.key,
        "offer": str(booking.offer) if booking.offer else None,
    }


def _request_columns(request: BookingRequest) -> dict[str, object]:
    return {
        "start": seconds(request.start),
        "duration": _length(request.duration),
        "zone": request.zone.key,
        "guest_name": request.guest.name,
        "guest_email": request.guest.email,
        "title": request.title,
        "link": request.link,
        "guests": json.dumps(request.guests, ensure_ascii=False),
        "location": request.location,
        "notes": request.notes,
        "meet": int(request.meet),
        "notify": request.notify.value,
        "people": _people_json(request.people),
    }


def outcome_columns(booking: Booking) -> dict[str, object]:
    """Return the columns that an attempt, a move or an ending may change."""
    return {
        "start": seconds(booking.request.start),
        "duration": _length(booking.request.duration),
        **_span_columns("new", booking.moving_to),
        **_span_columns("old", booking.moved_from),
        "notify": booking.request.notify.value,
        "original_request": json.dumps(_request_columns(booking.original_request), ensure_ascii=False)
        if booking.original_request
        else None,
        "moved_because": booking.moved_because,
        "declined": json.dumps(booking.declined, ensure_ascii=False),
        "participants": _participants_json(booking.participants),
        "claimants": keys(booking.claimants) if booking.participants else None,
        **_newcomer_columns(booking),
        "id": str(booking.id),
        "workspace": booking.workspace,
        "state": booking.state.value,
        "updated_at": seconds(booking.updated_at),
        "calendar": booking.calendar,
        "attempt": booking.attempt,
        "event_id": booking.event_id,
        "event_url": booking.event_url,
        "meet_url": booking.meet_url,
        "etag": booking.etag,
        "notified": booking.notified.value if booking.notified else None,
        "ended_by": booking.ended_by,
        "ended_because": booking.ended_because,
    }


def _newcomer_columns(booking: Booking) -> dict[str, object]:
    """Return who takes part where a booking is moving to, if those are others."""
    newcomers = booking.new_participants
    return {
        "new_participants": None if newcomers is None else _participants_json(newcomers),
        "new_claimants": None if newcomers is None else keys(booking.new_claimants),
    }


def _participants_json(participants: Iterable[Participant]) -> str:
    return json.dumps([_facts_of(each) for each in participants], ensure_ascii=False)


def _participants_of(stored: str) -> tuple[Participant, ...]:
    return tuple(map(_participant_of, json.loads(stored)))


def keys(claimants: Iterable[str]) -> str:
    """Return the keys of claimants as a parameter: a list as JSON."""
    return json.dumps(tuple(claimants), ensure_ascii=False)


def _facts_of(participant: Participant) -> dict[str, object]:
    """Return a participant without the facts that are not known."""
    return {name: value for name, value in participant._asdict().items() if value}


def _participant_of(facts: dict[str, Any]) -> Participant:
    return Participant(**facts | {"email": facts.get("email", ""), "role": Role(facts["role"])})


def _span_columns(name: str, span: Interval | None) -> dict[str, object]:
    return {
        f"{name}_start": seconds(span.start) if span else None,
        f"{name}_duration": _length(span.length) if span else None,
    }


def _span_of(row: Row, name: str) -> Interval | None:
    start = row[f"{name}_start"]
    if start is None:
        return None
    return Interval(instant(start), instant(start + row[f"{name}_duration"]))


_NUMBERS = (
    "start",
    "duration",
    "buffer_before",
    "buffer_after",
    "created_at",
    "updated_at",
    "attempt",
    "meet",
)

_TEXTS = (
    "id", "workspace", "state", "zone", "guest_name", "guest_email", "title", "link", "guests", "location", "notes",
    "notify", "key", "calendar", "event_id", "event_url", "meet_url", "etag", "notified", "ended_by", "ended_because",
    "moved_because", "original_request",
    "declined", "participants", "new_participants", "people", "offer",
)  # fmt: skip

UNREADABLE = (KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError)
"""The errors that parsing a row may raise if portalcal did not write it."""


def booking_of(row: Row) -> Booking:
    """Parse a booking. Raises: one of UNREADABLE, if portalcal did not write the row."""
    # A file can hold other types than its STRICT tables allow, since another program can have written it.
    if not all(isinstance(row[name], int) for name in _NUMBERS):
        raise TypeError("not a number")
    if not all(isinstance(row[name], str | None) for name in _TEXTS):
        raise TypeError("not a text")
    return Booking(
        id=UUID(row["id"]),
        workspace=row["workspace"],
        state=State(row["state"]),
        request=_request_of(row),
        buffer_before=timedelta(seconds=row["buffer_before"]),
        buffer_after=timedelta(seconds=row["buffer_after"]),
        created_at=instant(row["created_at"]),
        updated_at=instant(row["updated_at"]),
        key=row["key"],
        calendar=row["calendar"],
        attempt=row["attempt"],
        event_id=row["event_id"],
        event_url=row["event_url"],
        meet_url=row["meet_url"],
        etag=row["etag"],
        notified=Notify(row["notified"]) if row["notified"] else None,
        ended_by=row["ended_by"],
        ended_because=row["ended_because"],
        moving_to=_span_of(row, "new"),
        moved_from=_span_of(row, "old"),
        moved_because=row["moved_because"],
        # One that was stored before there was a column `people` lacks it.
        original_request=_request_of({"people": "{}"} | json.loads(row["original_request"]))
        if row["original_request"]
        else None,
        declined=tuple(json.loads(row["declined"])),
        participants=_participants_of(row["participants"]),
        new_participants=_participants_of(row["new_participants"]) if row["new_participants"] else None,
        offer=UUID(row["offer"]) if row["offer"] else None,
    )


def offer_columns(offer: GuestOffer) -> dict[str, object]:
    """Return the parameters of the statement that inserts an offer."""
    return {
        "id": str(offer.id),
        "workspace": offer.workspace,
        "state": offer.state.value,
        "expires_at": seconds(offer.expires_at),
        "key": offer.key,
        "request": offer.request,
        "created_at": seconds(offer.created_at),
        "updated_at": seconds(offer.updated_at),
    }


def offer_of(row: Row, slots: Iterable[Booking]) -> GuestOffer:
    """Parse an offer. Raises: one of UNREADABLE, if portalcal did not write the row."""
    return GuestOffer(
        id=UUID(row["id"]),
        workspace=row["workspace"],
        state=OfferState(row["state"]),
        expires_at=instant(row["expires_at"]),
        slots=tuple(slots),
        request=row["request"],
        created_at=instant(row["created_at"]),
        updated_at=instant(row["updated_at"]),
        key=row["key"],
        booking=UUID(row["booking"]) if row["booking"] else None,
    )


def claim_of(row: Row, *, workspace: str) -> Claim:
    """Parse a claim, as `workspace` sees it. Raises: one of UNREADABLE, if portalcal did not write the row."""
    return Claim(
        booking=row["offer"] or row["booking"],
        link=row["link"],
        meeting=Interval(instant(row["meeting_start"]), instant(row["meeting_end"])),
        buffered=Interval(instant(row["buffered_start"]), instant(row["buffered_end"])),
        participant=row["participant"],
        expires_at=None if row["expires_at"] is None else instant(row["expires_at"]),
        is_foreign=row["workspace"] != workspace,
    )


def _request_of(row: Row) -> BookingRequest:
    return BookingRequest(
        start=instant(row["start"]),
        duration=timedelta(seconds=row["duration"]),
        zone=ZoneInfo(row["zone"]),
        guest=Guest(row["guest_name"], row["guest_email"]),
        title=row["title"],
        link=row["link"],
        guests=tuple(json.loads(row["guests"])),
        location=row["location"],
        notes=row["notes"],
        meet=bool(row["meet"]),
        notify=Notify(row["notify"]),
        people=_people_of(row["people"]),
    )


def _people_json(people: PanelRequest) -> str:
    """Return what was asked for, without what was not."""
    asked = {name: value for name, value in people._asdict().items() if value not in (None, ())}
    return json.dumps(asked, ensure_ascii=False)


def _people_of(stored: str) -> PanelRequest:
    asked = json.loads(stored)
    lists = {"required", "optional"} & asked.keys()
    pairs = {"need", "any_of"} & asked.keys()
    return PanelRequest(
        **asked
        | {name: tuple(asked[name]) for name in lists}
        | {name: tuple(map(tuple, asked[name])) for name in pairs}
    )


def entry_of(row: Row) -> OutboxEntry:
    """Parse an outbox entry. Raises: one of UNREADABLE, if portalcal did not write the row."""
    if not isinstance(row["last_error"], str | None):
        raise TypeError("not a text")
    return OutboxEntry(
        id=row["id"],
        booking=UUID(row["booking"]),
        task=Task(row["task"]),
        attempts=row["attempts"],
        due_at=instant(row["due_at"]),
        outcome_unknown=bool(row["outcome_unknown"]),
        last_error=row["last_error"],
        lease=row["lease"],
    )


# --- history --------------------------------------------------------------------------------------------------


def change_columns(change: BookingChange) -> dict[str, object]:
    """Return the columns of a change in the history."""
    return {
        "what": change.what.value,
        "cause": change.cause.value,
        "old": _facts_json(change.before),
        "new": _facts_json(change.after),
    }


def line_of(row: Row) -> HistoryLine:
    """Parse a line of the history. Raises: one of UNREADABLE, if portalcal did not write the row."""
    if not all(isinstance(row[name], str) for name in ("booking", "actor", "host", "command")):
        raise TypeError("not a text")
    change = BookingChange(What(row["what"]), Cause(row["cause"]), _facts(row["old"]), _facts(row["new"]))
    author = Author(row["actor"], row["host"], row["command"])
    return HistoryLine(int(row["cursor"]), instant(row["at"]), row["booking"], change, author)


def _facts_json(facts: BookingFacts) -> str:
    return json.dumps({name: _stored_fact(value) for name, value in facts.items()}, ensure_ascii=False)


def _stored_fact(value: Fact) -> object:
    match value:
        case datetime():
            return seconds(value)
        case Interval(start=start, end=end):
            return [seconds(start), seconds(end)]
        case _:
            return value


def _facts(stored: str) -> BookingFacts:
    return {name: _fact(name, value) for name, value in json.loads(stored).items()}


def _fact(name: str, value: Any) -> Fact:
    if name in {"start", "end"}:
        return instant(value)
    if name == "moving_to" and value is not None:
        return Interval(*map(instant, value))
    if name == "guest":
        return Guest(*map(str, value))
    return tuple(map(str, value)) if isinstance(value, list) else value if value is None else str(value)


def _length(length: timedelta) -> int:
    return int(length.total_seconds() // 1)
