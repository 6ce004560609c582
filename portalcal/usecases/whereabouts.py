"""Finding the event of a booking, wherever in the account it went."""

from __future__ import annotations

from portalcal.core.booking import Booking
from portalcal.errors import EventNotFound
from portalcal.ports import Event, World
from portalcal.usecases.drafts import calendar_of


def whereabouts(world: World, booking: Booking) -> Event | None:
    """The live event of a booking: under its id, or on any calendar the account owns; None when there is none.

    One exchange where it is in its place. Every error is raised: none is ever read as "there is none".
    """
    calendar = calendar_of(booking)
    try:
        event = world.calendars.event(calendar, booking.event_id or booking.next_event_id)
    except EventNotFound:
        return elsewhere(world, booking)
    return elsewhere(world, booking) if event.is_cancelled else event


def elsewhere(world: World, booking: Booking) -> Event | None:
    """A live event that carries the booking's id, on its own calendar first and then on every other owned one.

    Who drags an event to another calendar leaves a deleted one behind under its id.
    """
    own = calendar_of(booking)
    others = (each.id for each in world.calendars.list() if each.is_owned and each.id != own)
    for calendar in (own, *others):
        found = world.calendars.events_of(calendar, booking.id)
        if found:
            return found[0]
    return None
