"""What the calendar says about a booking, taken over: where its event is now and what it says. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from portalcal.core.booking import Booking, State
from portalcal.core.intervals import Interval


class Seen(NamedTuple):
    """The event of a booking as it was just read. `span` is None for one without a length, which is no meeting."""

    calendar: str
    event_id: str
    span: Interval | None
    title: str
    location: str
    declined: tuple[str, ...]
    etag: str
    url: str | None = None
    meet_url: str | None = None


class Change(StrEnum):
    """What became different about a booking; one may change in several ways at once."""

    CANCELLED = "cancelled"
    MOVED = "moved"
    DECLINED = "declined"
    UPDATED = "updated"


def agreed(booking: Booking, seen: Seen | None, *, now: datetime) -> Booking:
    """The booking as its event says, which was read live (`seen`) or was found to be deleted (None)."""
    if seen is None:
        return replace(booking.moved_to(State.CANCELLED, now), ended_by="calendar")
    wish = replace(booking.wish, title=seen.title, location=seen.location)
    is_another = wish != booking.wish
    told = replace(
        booking,
        wish=wish,
        asked=booking.request if is_another else booking.asked,
        calendar=seen.calendar,
        event_id=seen.event_id,
        event_url=seen.url,
        meet_url=seen.meet_url,
        etag=seen.etag,
        declined=seen.declined,
    )
    if seen.span is not None and seen.span != booking.meeting:
        told = told.at(seen.span)
    return replace(told, updated_at=now) if changes(booking, told) else told


def changes(before: Booking, after: Booking) -> frozenset[Change]:
    """How two states of one booking differ for whoever looks at it. A new version of its event alone is no change."""
    found = {
        Change.CANCELLED: before.state is not after.state,
        Change.MOVED: before.meeting != after.meeting,
        Change.DECLINED: not set(after.declined) <= set(before.declined),
        Change.UPDATED: _look(before) != _look(after),
    }
    return frozenset(change for change, is_so in found.items() if is_so)


def _look(booking: Booking) -> tuple[object, ...]:
    wish = booking.wish
    return wish.title, wish.location, booking.calendar, booking.event_id, booking.meet_url, booking.declined
