"""List bookings."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking
from portalcal.errors import PortalcalError
from portalcal.ports import Context, HistoryQuery, Search
from portalcal.results import Bookings
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.find_booking import find_booking
from portalcal.usecases.status.early_warnings import warn_early
from portalcal.warnings import MeetUnread


def bookings(
    search: Search,
    context: Context,
    *,
    zone: ZoneInfo,
    booking: str | None = None,
    with_history: bool = False,
    participant: str | None = None,
) -> Bookings:
    """The bookings that match the search, ordered by start; or the one with that id, and its Meet link if that was pending.

    `with_history`: also every recorded change of that one booking. `participant`: only meetings that this person, by name
    or address, takes part in.

    Raises:
        PersonNotFound: the participant is neither a configured name nor an address.
        BookingNotFound: no booking has that id, or not exactly one live booking that guest.
    """
    warn_early(context)
    if booking:
        one = _with_meet_link(find_booking(booking, context), context)
        lines = context.history.history(HistoryQuery(str(one.id))) if with_history else None
        return Bookings((one,), zone, is_by_id=True, history=lines)
    found = context.ledger.search(search)
    if participant is not None:
        address = context.config.directory.person(participant).address
        found = tuple(each for each in found if any(other.address == address for other in each.participants))
    return Bookings(found, zone)


def _with_meet_link(booking: Booking, context: Context) -> Booking:
    """The booking with the Meet link that Google made after the event. Nothing is written: `sync` records it."""
    is_pending = booking.is_live and booking.request.meet and booking.meet_url is None
    if not is_pending or booking.calendar is None or booking.event_id is None:
        return booking
    if calendar_selection(context) is None:
        return booking
    try:
        event = context.calendars.event(booking.calendar, booking.event_id)
    except PortalcalError as error:
        context.view.warn(MeetUnread(str(booking.id), error.message))
        return booking
    return replace(booking, meet_url=event.meet_url)
