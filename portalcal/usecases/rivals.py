"""Who else has the time of a booking, at Google, just now.

Google checks nothing when an event is inserted or moved. So every write is followed by a reading, and of two that met
in one time the one that wrote later yields: it is sure to see the other. How old a claim is, Google says itself: an
event's `created`, or `updated` for one that portalcal moved and so marked.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from portalcal.answers import Selection
from portalcal.core.booking import Booking
from portalcal.core.intervals import NOTHING, Intervals
from portalcal.errors import CalendarUnreadable, SlotTaken, Unread
from portalcal.ports import Event, World
from portalcal.usecases.drafts import when
from portalcal.usecases.situation import selection


def check_still_free(world: World, booking: Booking, *, own: Intervals = NOTHING) -> None:
    """Before a late write: an invitation sent and withdrawn is worse than none.

    `own` is the time its own event takes already.

    Raises:
        SlotTaken: somebody has the time.
        CalendarUnreadable: nobody can tell.
    """
    chosen = selection(world)
    for each in world.calendars.free_busy(chosen.conflicts if chosen else (), booking.guard):
        if each.unread is not None:
            raise CalendarUnreadable((Unread(each.calendar, each.unread),))
        if (each.busy - own).meeting(booking.guard):
            raise SlotTaken(when(booking), f"a meeting on {each.calendar}")


def read_again(
    world: World, booking: Booking, ours: Event, *, own: Intervals = NOTHING
) -> tuple[Event, str | None]:
    """Our event as it now stands, and who else has its time, in words: all conflict calendars, read at once.

    `own` is the time its event had before, which a guest's calendar may show for a while yet.
    """
    chosen = selection(world)
    if chosen is None:
        return ours, None
    others = tuple(each for each in chosen.conflicts if each != ours.calendar)
    if not others:
        return _among_events(world, booking, ours, chosen=chosen)
    with ThreadPoolExecutor(max_workers=1) as pool:
        elsewhere = pool.submit(_rival_calendar, world, booking, calendars=others, own=own)
        fresh, rival = _among_events(world, booking, ours, chosen=chosen)
        return fresh, rival or elsewhere.result()


def _among_events(
    world: World, booking: Booking, ours: Event, *, chosen: Selection
) -> tuple[Event, str | None]:
    """An older claim on the booking calendar wins; of two tools without a common ledger exactly one so yields.

    A booking calendar that does not count for conflicts yields to other bookings only. Our own event is in the answer
    too, by now perhaps with the Meet link that was pending when it was made, and with the times that the answer to an
    insert may have left out.
    """
    found = world.calendars.events(ours.calendar, booking.guard)
    fresh = next((each for each in found if each.id == ours.id), ours)
    counts = ours.calendar in chosen.conflicts
    rivals = (
        each
        for each in found
        if each.id != ours.id
        and each.is_busy
        and each.booking != str(booking.id)
        and (counts or each.booking)
    )
    has_lost = any(_is_older(each, fresh) for each in rivals)
    return fresh, f"an event on {ours.calendar}" if has_lost else None


def _is_older(other: Event, ours: Event) -> bool:
    """Whether the other claim goes first. Where nobody can tell, a stranger's does, and of two bookings' the lower id."""
    theirs, own = _claimed_at(other), _claimed_at(ours)
    if theirs is None or own is None:
        return other.booking is None or other.id < ours.id
    return (theirs, other.id) < (own, ours.id)


def _claimed_at(event: Event) -> datetime | None:
    return event.moved_at if event.is_moved else event.created


def _rival_calendar(
    world: World, booking: Booking, *, calendars: tuple[str, ...], own: Intervals
) -> str | None:
    """Busy time on another conflict calendar. A guest's own calendar shows our meeting too, which is no conflict."""
    invited = {booking.wish.guest.email, *booking.wish.guests}
    for each in world.calendars.free_busy(calendars, booking.guard):
        if each.unread is not None:
            raise CalendarUnreadable((Unread(each.calendar, each.unread),))
        shown = Intervals.of((booking.meeting, *own)) if each.calendar in invited else NOTHING
        if (each.busy - shown).meeting(booking.guard):
            return f"a meeting on {each.calendar}"
    return None
