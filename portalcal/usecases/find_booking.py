"""Find the booking that a command line means, by its id or by a guest's address. Reads the ledger only."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from portalcal.core.booking import Booking, State
from portalcal.core.slots import Reason
from portalcal.core.time import format_time
from portalcal.errors import BookingNotFound
from portalcal.ports import Context, Search


def find_booking(wanted: str, context: Context) -> Booking:
    """The booking with that id or unique beginning of one, in any state; or the one live booking of that guest.

    A guest's bookings that are over do not count: an address stands for the meeting that is still to come.

    Raises:
        BookingNotFound: there is none, or more than one.
    """
    if "@" not in wanted:
        return context.ledger.find(wanted)
    live = tuple(each for each in State if each.is_live)
    matches = context.ledger.search(Search(start=context.clock.now(), states=live, email=wanted.strip()))
    if len(matches) != 1:
        raise BookingNotFound(wanted, is_ambiguous=bool(matches), matches=tuple(map(_words, matches)))
    return matches[0]


def bookings_of(ids: Iterable[str], context: Context) -> dict[str, Booking]:
    """The bookings of these ids that the ledger of this workspace has."""
    found = {}
    for each in dict.fromkeys(ids):
        with suppress(BookingNotFound):
            found[each] = context.ledger.find(each)
    return found


def guests_behind(against: Iterable[Reason], context: Context) -> dict[str, str]:
    """The names of the guests of bookings that are a reason, by id; without those of other workspaces."""
    found = bookings_of((each.booking for each in against if each.booking), context)
    return {id_: booking.request.guest.name for id_, booking in found.items()}


def _words(booking: Booking) -> str:
    meeting = booking.meeting
    when = format_time(meeting.start, booking.request.zone, end=meeting.end)
    return f"{booking.short_id}, {when}"
