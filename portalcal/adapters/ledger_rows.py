"""Bookings and errands as rows of a database and back. Instants are integer seconds UTC, durations seconds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking, Guest, Notify, State, Wish
from portalcal.core.errands import Errand, Task
from portalcal.core.intervals import Interval


class Row(Protocol):
    """A row by the names of its columns, whichever database it comes from."""

    def __getitem__(self, column: str, /) -> Any: ...


def seconds(instant: datetime) -> int:
    """An instant as the ledger keeps it; fractions of a second are dropped."""
    return int(instant.timestamp() // 1)


def seconds_up(instant: datetime) -> int:
    """The end of a window as the ledger compares it: what it cuts within a second it still touches."""
    return -int(-instant.timestamp() // 1)


def instant(stored: int) -> datetime:
    """An instant out of the ledger."""
    return datetime.fromtimestamp(stored, UTC)


def columns_of(booking: Booking) -> dict[str, object]:
    """The parameters of every statement that writes a booking."""
    return {**_wish_columns(booking.wish), **outcome_of(booking)} | {
        "buffer_before": _length(booking.buffer_before),
        "buffer_after": _length(booking.buffer_after),
        "created_at": seconds(booking.created_at),
        "key": booking.key,
    }


def _wish_columns(wish: Wish) -> dict[str, object]:
    return {
        "start": seconds(wish.start),
        "duration": _length(wish.duration),
        "zone": wish.zone.key,
        "guest_name": wish.guest.name,
        "guest_email": wish.guest.email,
        "title": wish.title,
        "link": wish.link,
        "guests": json.dumps(wish.guests, ensure_ascii=False),
        "location": wish.location,
        "notes": wish.notes,
        "meet": int(wish.meet),
        "notify": wish.notify.value,
    }


def outcome_of(booking: Booking) -> dict[str, object]:
    """What an attempt, a move or an ending changes about a booking."""
    return {
        "start": seconds(booking.wish.start),
        "duration": _length(booking.wish.duration),
        **_span_columns("new", booking.moving_to),
        **_span_columns("old", booking.moved_from),
        "notify": booking.wish.notify.value,
        "asked": json.dumps(_wish_columns(booking.asked), ensure_ascii=False) if booking.asked else None,
        "moved_because": booking.moved_because,
        "declined": json.dumps(booking.declined, ensure_ascii=False),
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


def booking_of(row: Row) -> Booking:
    """The booking a row holds. Raises: ValueError, KeyError (no booking ever wrote that)."""
    return Booking(
        id=UUID(row["id"]),
        workspace=row["workspace"],
        state=State(row["state"]),
        wish=_wish_of(row),
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
        asked=_wish_of(json.loads(row["asked"])) if row["asked"] else None,
        declined=tuple(json.loads(row["declined"])),
    )


def _wish_of(row: Row) -> Wish:
    return Wish(
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
    )


def errand_of(row: Row) -> Errand:
    """The errand a row holds. Raises: ValueError (no errand ever wrote that)."""
    return Errand(
        id=row["id"],
        booking=UUID(row["booking"]),
        task=Task(row["task"]),
        attempts=row["attempts"],
        due_at=instant(row["due_at"]),
        outcome_unknown=bool(row["outcome_unknown"]),
        last_error=row["last_error"],
        lease=row["lease"],
    )


def _length(length: timedelta) -> int:
    return int(length.total_seconds() // 1)
