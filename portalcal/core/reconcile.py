"""Reconcile a booking with its event: take over the event's time, calendar, title, place and responses. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from portalcal.core.booking import Booking, BookingRequest, State
from portalcal.core.email_address import folded, is_among
from portalcal.core.intervals import Interval
from portalcal.core.participants import Participant


class EventSnapshot(NamedTuple):
    """The event of a booking as it was just read."""

    calendar: str
    event_id: str
    span: Interval | None  # None: an event of zero length
    title: str
    location: str
    declined: tuple[str, ...]  # addresses of guests
    etag: str
    url: str | None = None
    meet_url: str | None = None
    responses: tuple[tuple[str, str], ...] = ()  # addresses in lower case, each with its `responseStatus`


class Change(StrEnum):
    """A kind of change of a booking; one booking may have several."""

    CANCELLED = "cancelled"
    MOVED = "moved"
    DECLINED = "declined"
    UPDATED = "updated"


def merge_event(booking: Booking, snapshot: EventSnapshot | None, *, now: datetime) -> Booking:
    """Merge the event's current state into the booking. `snapshot=None`: the event was deleted."""
    if snapshot is None:
        return replace(booking.moved_to(State.CANCELLED, now), ended_by="calendar")
    request = replace(booking.request, title=snapshot.title, location=snapshot.location)
    is_another = request != booking.request
    merged = replace(
        booking,
        request=request,
        original_request=booking.first_request if is_another else booking.original_request,
        calendar=snapshot.calendar,
        event_id=snapshot.event_id,
        event_url=snapshot.url,
        meet_url=snapshot.meet_url,
        etag=snapshot.etag,
        declined=_as_invited(snapshot.declined, booking.request),
        participants=_with_responses(booking.participants, snapshot),
    )
    if snapshot.span is not None and snapshot.span != booking.meeting:
        merged = merged.at(snapshot.span)
    return replace(merged, updated_at=now) if changes(booking, merged) else merged


def _with_responses(
    participants: tuple[Participant, ...], snapshot: EventSnapshot
) -> tuple[Participant, ...]:
    """The participants with their responses; one who was removed from the event has none."""
    responses = dict(snapshot.responses)
    return tuple(each._replace(response=responses.get(each.address)) for each in participants)


def _as_invited(declined: tuple[str, ...], request: BookingRequest) -> tuple[str, ...]:
    """Declined addresses as they are spelt in the request: Google returns addresses in lower case."""
    written = {folded(each): each for each in (*request.guests, request.guest.email)}
    return tuple(written.get(folded(each), each) for each in declined)


def changes(before: Booking, after: Booking) -> frozenset[Change]:
    """The changes between two versions of one booking that a user can see; a new etag alone is none."""
    is_changed = {
        Change.CANCELLED: before.state is not after.state,
        Change.MOVED: before.meeting != after.meeting,
        Change.DECLINED: not all(is_among(each, before.declined) for each in after.declined),
        Change.UPDATED: _details(before) != _details(after),
    }
    return frozenset(change for change, holds in is_changed.items() if holds)


def _details(booking: Booking) -> tuple[object, ...]:
    request = booking.request
    return (
        request.title,
        request.location,
        booking.calendar,
        booking.event_id,
        booking.meet_url,
        booking.declined,
    )
