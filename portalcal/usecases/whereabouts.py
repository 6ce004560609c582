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
    return in_its_place(world, booking) or elsewhere(world, booking, owned=owned(world))


def in_its_place(world: World, booking: Booking) -> Event | None:
    """The live event under the booking's id on its calendar, or None."""
    try:
        event = world.calendars.event(calendar_of(booking), booking.event_id or booking.next_event_id)
    except EventNotFound:
        return None
    return None if event.is_cancelled else event


def owned(world: World) -> tuple[str, ...]:
    """The calendars on which events of ours can be."""
    return tuple(each.id for each in world.calendars.list() if each.is_owned)


def elsewhere(world: World, booking: Booking, *, owned: tuple[str, ...]) -> Event | None:
    """A live event that carries the booking's id, on its own calendar first and then on every other owned one.

    Who drags an event to another calendar leaves a deleted one behind under its id.
    """
    own = calendar_of(booking)
    for calendar in (own, *(each for each in owned if each != own)):
        found = world.calendars.events_of(calendar, booking.id)
        if found:
            return found[0]
    return None
