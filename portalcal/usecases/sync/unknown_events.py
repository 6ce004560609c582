"""Events of ours without a booking: the ledger lost its tail, for instance to a backup, or another ledger made them.

An event has its booking's time, title, place, guests and Meet link, and neither the kind of meeting nor the notes. Invited
people of the configuration take part again. Whether the owner did is unknown, so the owner's time is claimed too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from portalcal.core.booking import Booking, BookingRequest, Guest, State, event_id
from portalcal.core.email_address import folded, same
from portalcal.core.participants import OWNER, Participant, Role
from portalcal.core.time import format_time
from portalcal.errors import EventNotFound
from portalcal.facts import booking_named
from portalcal.ports import ClaimsOverlap, Context, Event
from portalcal.warnings import EventNotAdopted, EventsUnknown

_MOST_ATTEMPTS = 10


@dataclass
class UnknownEvents:
    """The bookings that events name and the ledger does not have, collected over all calendars."""

    left: list[UUID] = field(default_factory=list)
    adopted: list[UUID] = field(default_factory=list)


def look_at_unknown(
    context: Context, events: Iterable[Event], collected: UnknownEvents, *, adopt: bool, dry_run: bool
) -> None:
    """Warn of upcoming events of one calendar whose bookings no workspace has; with `adopt`, make bookings of them.

    Raises:
        PortalcalError: Google's own refusals (ports.Calendars).
    """
    unknown = _unknown(context, events)
    left = []
    for booking, event in unknown.items():
        if adopt and _adopt(context, booking, event, dry_run=dry_run):
            collected.adopted.append(booking)
        else:
            left.append(booking)
    collected.left.extend(left)
    if left and not adopt:
        context.view.warn(EventsUnknown(unknown[left[0]].calendar, tuple(map(str, left))))


def _unknown(context: Context, events: Iterable[Event]) -> dict[UUID, Event]:
    named = {booking: event for event in events if (booking := _named_by(context, event))}
    missing = context.ledger.unknown(tuple(named)) if named else frozenset()
    return {booking: event for booking, event in named.items() if booking in missing}


def _named_by(context: Context, event: Event) -> UUID | None:
    """The booking that an upcoming event was made for; None: it is over, a copy, or its owner made it recurring."""
    if not event.is_upcoming(context.clock.now()) or event.recurs or event.booking is None:
        return None
    try:
        booking = UUID(event.booking)
    except ValueError:
        return None
    return None if _attempt_of(event.id, booking) is None else booking


def _attempt_of(event: str, booking: UUID) -> int | None:
    """The attempt with which the event of a booking was made; None: it is not the one that we made."""
    attempts = range(_MOST_ATTEMPTS)
    return next((each for each in attempts if event_id(booking, attempt=each) == event), None)


def _adopt(context: Context, booking: UUID, listed: Event, *, dry_run: bool) -> bool:
    """Make a booking of an event, and claim its time; False, with a warning: that cannot be."""
    try:
        # The list leaves out who is invited.
        event = context.calendars.event(listed.calendar, listed.id)
    except EventNotFound:
        return False
    if event.is_cancelled or event.span is None:
        return False
    if event.guest is None:
        return _refuse(context, booking, event, why="it names no guest")
    adopted = _booking_of(context, booking, event, guest=event.guest)
    try:
        _hold(context, adopted, dry_run=dry_run)
    except ClaimsOverlap as overlap:
        claim = overlap.claim
        taken = format_time(claim.meeting.start, adopted.request.zone, end=claim.meeting.end)
        by = "somebody else's meeting" if claim.is_foreign else booking_named(str(claim.booking), "")
        return _refuse(context, booking, event, why=f"{taken} is taken by {by}")
    return True


def _hold(context: Context, adopted: Booking, *, dry_run: bool) -> None:
    """Record the booking, whose event exists. Raises: ClaimsOverlap."""
    if dry_run:
        check_claims(context, adopted)
    else:
        context.ledger.hold(adopted, put=False)


def check_claims(context: Context, booking: Booking) -> None:
    """Make sure that the ledger would let the booking claim its time. Raises: ClaimsOverlap."""
    claimants, now = booking.claimants, context.clock.now()
    for claim in context.ledger.claims(claimants, booking.buffered, now=now):
        if claim.participant in claimants and claim.booking != str(booking.id):
            raise ClaimsOverlap(claim)


def _refuse(context: Context, booking: UUID, event: Event, *, why: str) -> bool:
    assert event.span is not None  # noqa: S101 - looked at before
    when = format_time(event.span.start, context.config.schedule.zone, end=event.span.end)
    context.view.warn(EventNotAdopted(str(booking), when, event.calendar, why))
    return False


def _booking_of(context: Context, booking: UUID, event: Event, *, guest: Guest) -> Booking:
    assert event.span is not None  # noqa: S101 - looked at before
    config, now = context.config, context.clock.now()
    participants = _participants(context, event, guest)
    taking_part = {each.address for each in participants}
    request = BookingRequest(
        start=event.span.start,
        duration=event.span.length,
        zone=config.schedule.zone,
        guest=guest,
        title=event.title or "",
        guests=tuple(each for each in event.further_guests if folded(each) not in taking_part),
        location=event.location,
        meet=event.meet_url is not None,
    )
    return Booking(
        id=booking,
        workspace=config.workspace,
        state=State.CONFIRMED,
        request=request,
        buffer_before=config.rules.buffer_before,
        buffer_after=config.rules.buffer_after,
        created_at=event.created or now,
        updated_at=now,
        calendar=event.calendar,
        attempt=_attempt_of(event.id, booking) or 0,
        event_id=event.id,
        event_url=event.url,
        meet_url=event.meet_url,
        etag=event.etag,
        declined=event.declined,
        participants=participants,
    )


def _participants(context: Context, event: Event, guest: Guest) -> tuple[Participant, ...]:
    """The owner, and the people and the room of the configuration who are invited besides the guest; empty: nobody is."""
    directory, connection = context.config.directory, context.connections.read()
    account = connection.account if connection else ""
    known = {each.address: (each.key, Role.WITH) for each in directory.people.values()}
    known |= {each.address: (each.key, Role.ROOM) for each in directory.rooms.values()}
    invited = tuple(
        Participant(known[address][0], address, known[address][1], response=response)
        for address, response in event.responses
        if address in known and not same(address, guest.email) and not same(address, account)
    )
    return (Participant(account or OWNER, account, Role.OWNER), *invited) if invited else ()
