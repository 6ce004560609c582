"""List bookings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, islice
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking
from portalcal.errors import PortalcalError, Usage
from portalcal.ports import Context, HistoryQuery, Position, Search
from portalcal.results import Bookings
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.find_booking import find_booking
from portalcal.usecases.pages_of_bookings import PAGE, in_pages, position_of
from portalcal.usecases.status.early_warnings import warn_early
from portalcal.warnings import MeetUnread

_POSITION = re.compile(r"(-?[0-9]{1,12})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def bookings(
    search: Search,
    context: Context,
    *,
    zone: ZoneInfo,
    booking: str | None = None,
    with_history: bool = False,
    participant: str | None = None,
    limit: int | None = None,
) -> Bookings:
    """The bookings that match the search, ordered by start; or the one with that id, and its Meet link if that was pending.

    `with_history`: also every recorded change of that one booking. `participant`: only meetings that this person, by name
    or address, takes part in. `limit`: only so many, and where the next page begins. Without it the bookings are read while
    they are shown, and only the first page of them here.

    Raises:
        PersonNotFound: the participant is neither a configured name nor an address.
        BookingNotFound: no booking has that id, or not exactly one live booking that guest.
    """
    warn_early(context)
    if booking:
        one = _with_meet_link(find_booking(booking, context), context)
        lines = context.history.history(HistoryQuery(str(one.id))) if with_history else None
        return Bookings((one,), zone, is_by_id=True, history=lines)
    size = PAGE if limit is None or participant else min(PAGE, limit + 1)
    matching = in_pages(context.ledger, search, size=size)
    if participant is not None:
        address = context.config.directory.person(participant).address
        matching = (each for each in matching if any(other.address == address for other in each.participants))
    if limit is None:
        return Bookings(_begun(matching), zone)
    *page, behind = *islice(matching, limit), next(matching, None)
    next_page = format_position(position_of(page[-1])) if behind else None
    return Bookings(tuple(page), zone, is_page=True, next_page=next_page)


def _begun(bookings: Iterator[Booking]) -> Iterable[Booking]:
    """The same bookings, the first of them read now: a ledger that cannot be read is an error before anything is shown."""
    return chain(tuple(islice(bookings, 1)), bookings)


def format_position(position: Position) -> str:
    """A position as people pass it on: opaque to them."""
    return f"{int(position.start.timestamp())}-{position.booking}"


def read_position(text: str) -> Position:
    """The position that `format_position` wrote. Raises: Usage."""
    if match := _POSITION.fullmatch(text.strip()):
        try:
            return Position(datetime.fromtimestamp(int(match[1]), UTC), UUID(match[2]))
        except (OverflowError, ValueError):
            pass
    raise Usage(f"{text!r} is not where a page of bookings begins", "use `next` of the page before")


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
