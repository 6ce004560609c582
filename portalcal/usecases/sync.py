"""Bringing ledger and calendar in line: what is owed to Google is delivered, what changed there is recorded.

An error is never read as a deletion: an event counts as deleted when its calendar was read, the event was asked for by
its own id, and no other calendar of the account has it. What could not be recorded now is read again the next time,
since the sync token is kept only when everything it stands for was recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.answers import Selection, Synced
from portalcal.core.agreement import Change, Seen, agreed, changes
from portalcal.core.booking import Booking, State
from portalcal.core.instants import say
from portalcal.errors import BookingNotFound, CalendarNotFound, NotConnected
from portalcal.ports import Changes, Event, GuardsOverlap, Search, SyncTokenExpired, World
from portalcal.usecases.deliver import Deliveries, deliver
from portalcal.usecases.leftovers import remove_leftovers
from portalcal.usecases.situation import selection
from portalcal.usecases.whereabouts import elsewhere, in_its_place, owned

_AT_ONCE = 8
"""Events read at the same time."""


class Synchronisation(NamedTuple):
    """How to bring things in line. `zone` is that of the words; `dry_run` only says what would be done."""

    zone: ZoneInfo
    add_missing: bool = False
    dry_run: bool = False


class _Reading(NamedTuple):
    """A calendar's changes beside the bookings whose events are on it. `is_full`: all there is, not what changed."""

    calendar: str
    changes: Changes
    is_full: bool
    known: dict[str, Booking]


@dataclass
class _Found:
    """What the calendars were found to say otherwise, as it is collected."""

    by_change: dict[Change, list[UUID]] = field(default_factory=lambda: {each: [] for each in Change})
    conflicts: list[UUID] = field(default_factory=list)


def sync(request: Synchronisation, world: World) -> Synced:
    """Deliver everything owed, then take over what people changed in the calendar about upcoming bookings.

    Two runs at once do no harm: an errand is one process's, and a booking that changed since it was looked at is left
    for the next time.

    Raises:
        NotConnected: nothing is connected.
        PortalcalError: Google could not be read; what was recorded until then stays.
    """
    chosen = selection(world)
    if chosen is None:
        raise NotConnected(world.config.workspace)
    added = _owe_missing(request, world, chosen)
    deliveries = Deliveries() if request.dry_run else deliver(world, everything=True)

    found = _Found()
    for calendar in _calendars(world, chosen):
        _read(request, world, calendar, found=found)

    return Synced(
        request.zone,
        delivered=deliveries.delivered,
        still_owed=tuple(each.booking for each in world.ledger.owed()),
        refused=deliveries.refused,
        moved=tuple(found.by_change[Change.MOVED]),
        cancelled=tuple(found.by_change[Change.CANCELLED]),
        declined=tuple(found.by_change[Change.DECLINED]),
        updated=tuple(found.by_change[Change.UPDATED]),
        conflicts=tuple(found.conflicts),
        added=added if request.dry_run else _with_event(world, added),
        is_dry_run=request.dry_run,
    )


def _upcoming(world: World) -> tuple[Booking, ...]:
    return world.ledger.search(Search(start=world.clock.now(), states=(State.HELD, State.CONFIRMED)))


def _calendars(world: World, chosen: Selection) -> tuple[str, ...]:
    """The calendars that events of ours are on, the one for bookings first."""
    used = (each.calendar for each in _upcoming(world) if each.calendar)
    return tuple(dict.fromkeys((chosen.booking, *used)))


# --- bookings without an event --------------------------------------------------------------------------------


def _owe_missing(request: Synchronisation, world: World, chosen: Selection) -> tuple[UUID, ...]:
    """Bookings made while disconnected, whose events are owed from now on."""
    if not request.add_missing:
        return ()
    lacking = [each for each in _upcoming(world) if each.calendar is None]
    if not request.dry_run:
        lacking = [each for each in lacking if world.ledger.owe_event(each, chosen.booking)]
    return tuple(each.id for each in lacking)


def _with_event(world: World, bookings: Iterable[UUID]) -> tuple[UUID, ...]:
    return tuple(each for each in bookings if world.ledger.find(str(each)).event_id is not None)


# --- what changed at Google -----------------------------------------------------------------------------------


def _read(request: Synchronisation, world: World, calendar: str, *, found: _Found) -> None:
    """Take over the changes of one calendar; one that cannot be seen any more is left as it was, with a warning."""
    busy = {each.booking for each in world.ledger.owed()}
    known = {each.event_id: each for each in _upcoming(world) if each.event_id and each.calendar == calendar}
    settled = {id_: each for id_, each in known.items() if each.id not in busy}
    try:
        changed, is_full = _changes(world, calendar)
    except CalendarNotFound:
        message = f"calendar {calendar} cannot be seen any more, so its bookings were left as they are"
        world.view.warn("calendar-not-found", f"{message}; look at `portalcal calendars --all`")
        return
    reading = _Reading(calendar, changed, is_full, settled)

    strangers = [each for each in changed.events if each.id not in known]
    is_tidy = remove_leftovers(world, strangers, dry_run=request.dry_run)
    suspects, is_told = _suspects(reading), _is_all_known(world, reading)
    sightings = _look(world, reading, suspects)
    is_recorded = _record(request, world, sightings, found=found)

    is_complete = is_tidy and is_told and is_recorded and len(sightings) == len(suspects)
    if is_complete and changed.token is not None and not request.dry_run:
        world.ledger.keep_sync_token(calendar, changed.token)


def _changes(world: World, calendar: str) -> tuple[Changes, bool]:
    """What changed since the last time, or everything: the first time, and when Google does not know any more."""
    token = world.ledger.sync_token(calendar)
    if token is not None:
        try:
            return world.calendars.changes(calendar, token), False
        except SyncTokenExpired:
            pass
    return world.calendars.changes(calendar, None), True


def _suspects(reading: _Reading) -> tuple[Booking, ...]:
    """Bookings whose event is another version than the one known, is gone, or has to be looked at anyway."""
    seen = {each.id: each for each in reading.changes.events}

    def is_suspect(id_: str, booking: Booking) -> bool:
        event = seen.get(id_)
        if event is None:
            return reading.is_full or booking.etag is None
        return event.is_cancelled or not event.is_version(booking.etag)

    return tuple(booking for id_, booking in reading.known.items() if is_suspect(id_, booking))


def _is_all_known(world: World, reading: _Reading) -> bool:
    """Whether no change was passed over: one of a booking that Google is owed something for, or that is new."""
    others = [each for each in reading.changes.events if each.id not in reading.known and each.booking]
    owed = {str(each.booking) for each in world.ledger.owed()}
    return not any(each.booking in owed or _is_news(world, each) for each in others)


def _is_news(world: World, event: Event) -> bool:
    """Whether it is the event of an upcoming booking here, in a version that is not recorded."""
    if event.is_cancelled or event.span is None or event.span.end <= world.clock.now():
        return False
    try:
        booking = world.ledger.find(event.booking or "")
    except BookingNotFound:
        return False
    is_ours = booking.state in {State.HELD, State.CONFIRMED} and booking.event_id in {None, event.id}
    return is_ours and not event.is_version(booking.etag)


def _look(world: World, reading: _Reading, suspects: Sequence[Booking]) -> list[tuple[Booking, Event | None]]:
    """Read the event of each suspect itself. One that is listed as live but not found is no news either way."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        events = list(pool.map(lambda each: in_its_place(world, each), suspects))
    live = {each.id for each in reading.changes.events if not each.is_cancelled}
    looked = [
        (booking, event)
        for booking, event in zip(suspects, events, strict=True)
        if event is not None or booking.event_id not in live
    ]
    if any(event is None for _, event in looked):
        places = owned(world)
        looked = [(booking, event or _found_elsewhere(world, booking, places)) for booking, event in looked]
    return looked


def _found_elsewhere(world: World, booking: Booking, places: tuple[str, ...]) -> Event | None:
    listed = elsewhere(world, booking, owned=places)
    # Lists leave out who declined.
    return listed and world.calendars.event(listed.calendar, listed.id)


# --- recording it ---------------------------------------------------------------------------------------------


def _record(
    request: Synchronisation,
    world: World,
    sightings: Iterable[tuple[Booking, Event | None]],
    *,
    found: _Found,
) -> bool:
    """Record what was seen; whether all of it could be. A time that frees up makes room for another, in any order."""
    now = world.clock.now()
    waiting = [(known, agreed(known, _seen(event), now=now)) for known, event in sightings]
    is_complete, has_moved = True, True
    blocked: list[tuple[Booking, Booking, Booking]] = []
    while waiting and has_moved:
        blocked, has_moved = [], False
        for known, seen in waiting:
            try:
                is_adopted = _adopt(request, world, known, seen)
            except GuardsOverlap as overlap:
                blocked.append((known, seen, overlap.other))
                continue
            has_moved = True
            is_complete = is_complete and is_adopted
            for change in changes(known, seen) if is_adopted else ():
                found.by_change[change].append(known.id)
        waiting = [(known, seen) for known, seen, _ in blocked]
    for known, seen, other in blocked:
        found.conflicts.append(known.id)
        _warn_of_conflict(request, world, seen, other=other)
    return is_complete and not blocked


def _seen(event: Event | None) -> Seen | None:
    if event is None:
        return None
    return Seen(
        calendar=event.calendar,
        event_id=event.id,
        span=event.span,
        title=event.title or "",
        location=event.location,
        declined=event.declined,
        etag=event.etag,
        url=event.url,
        meet_url=event.meet_url,
    )


def _adopt(request: Synchronisation, world: World, known: Booking, seen: Booking) -> bool:
    if not request.dry_run:
        return world.ledger.adopt(known, seen)
    for other in world.ledger.live_in(seen.guard) if seen.is_live else ():
        if other.id != seen.id:
            raise GuardsOverlap(other)
    return True


def _warn_of_conflict(request: Synchronisation, world: World, seen: Booking, *, other: Booking) -> None:
    when = say(seen.meeting.start, request.zone, end=seen.meeting.end)
    world.view.warn(
        "booking-conflict",
        f"the event of booking {seen.id} now lies at {when}, a time that booking {other.id} holds; "
        "move one of them in the calendar, or cancel one here",
    )
