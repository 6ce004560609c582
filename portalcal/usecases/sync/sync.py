"""Reconcile the ledger with the calendar: drain the outbox, then record what people changed in the calendar.

An error is never read as a deletion: an event counts as deleted only if its calendar was read, a GET of its own id found
none, and no other calendar of the account has it. A sync token is stored only when every change before it was recorded,
so that what could not be recorded is listed again the next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking, State, booking_of_event
from portalcal.core.email_address import same, unique
from portalcal.core.reconcile import Change, EventSnapshot, changes, merge_event
from portalcal.core.slots import Claim
from portalcal.core.time import format_time
from portalcal.errors import BookingNotFound, CalendarNotFound, NotConnected
from portalcal.ports import ClaimsOverlap, Context, Event, EventChanges, Search, SyncTokenExpired, Touched
from portalcal.results import Selection, Synced
from portalcal.run_all import run_all
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.find_booking import bookings_of
from portalcal.usecases.ledger_failure import claiming
from portalcal.usecases.offer import expire_offers
from portalcal.usecases.outbox.find_event import event_at_known_place, find_dragged_event, owned
from portalcal.usecases.outbox.run import OutboxRun, run_outbox
from portalcal.usecases.pages_of_bookings import in_pages
from portalcal.usecases.sync.orphans import remove_orphans
from portalcal.usecases.sync.replace_declined import replace_declined
from portalcal.usecases.sync.unknown_events import UnknownEvents, check_claims, look_at_unknown
from portalcal.warnings import (
    BookingConflict,
    CalendarOutOfSight,
    EventsMissing,
    OfferConflict,
    ParticipantConflict,
)

_CONCURRENCY = 8
"""Concurrent reads of events."""


class SyncOptions(NamedTuple):
    """How to reconcile."""

    zone: ZoneInfo  # of messages and of the result
    add_missing: bool = False  # put events for bookings made while disconnected
    dry_run: bool = False  # report only
    adopt: bool = False  # make bookings of events of ours that have none
    replace_declined: bool = False  # put somebody else of the same pool into the place of who declined
    replace_before: timedelta = timedelta(hours=24)  # but not within this time of the start


class _CalendarRead(NamedTuple):
    """The events listed for a calendar, with the bookings to reconcile with them."""

    calendar: str
    changes: EventChanges
    is_full: bool  # a full list; else the changes since the last sync token
    known: dict[str, Booking]  # by event id; without bookings that have an outbox entry


@dataclass
class _Reconciled:
    """The bookings that were changed, collected over all calendars."""

    by_change: dict[Change, list[UUID]] = field(default_factory=lambda: {change: [] for change in Change})
    conflicts: list[UUID] = field(default_factory=list)
    unknown: UnknownEvents = field(default_factory=UnknownEvents)


@claiming("What it had recorded before stays, and the next `portalcal sync` goes on from there.")
def sync(options: SyncOptions, context: Context) -> Synced:
    """Drain the outbox, then merge what people changed in the calendar into the upcoming bookings.

    Concurrent runs are safe: outbox entries are leased, and a booking that changed since it was read is left for the
    next run.

    Raises:
        NotConnected: nothing is connected.
        PortalcalError: Google could not be read; what was recorded before stays.
    """
    selection = calendar_selection(context)
    if selection is None:
        raise NotConnected(context.config.workspace)
    if not options.dry_run:
        expire_offers(context)
    added = _queue_missing(options, context, selection)
    outbox_run = OutboxRun() if options.dry_run else run_outbox(context, drain=True)

    reconciled = _Reconciled()
    for calendar in _calendars(context, selection):
        _reconcile_calendar(options, context, calendar, reconciled=reconciled)

    if missing := () if options.add_missing else _without_event(context):
        context.view.warn(EventsMissing(len(missing)))
    replaced: tuple[UUID, ...] = ()
    if options.replace_declined:
        replaced = replace_declined(
            context,
            _upcoming(context, Search(has_refusal=True)),
            zone=options.zone,
            before=options.replace_before,
            dry_run=options.dry_run,
        )
    if not options.dry_run:
        context.ledger.keep_last_sync(context.clock.now())

    answer = Synced(
        options.zone,
        delivered=outbox_run.succeeded,
        still_owed=tuple(entry.booking for entry in context.ledger.owed()),
        refused=outbox_run.rejected,
        moved=tuple(reconciled.by_change[Change.MOVED]),
        cancelled=tuple(reconciled.by_change[Change.CANCELLED]),
        declined=tuple(reconciled.by_change[Change.DECLINED]),
        updated=tuple(reconciled.by_change[Change.UPDATED]),
        conflicts=tuple(reconciled.conflicts),
        needs_replacement=tuple(
            each.id for each in _upcoming(context, Search(has_refusal=True)) if each.absent
        ),
        replaced=replaced,
        added=added if options.dry_run else _with_event(context, added),
        unknown=tuple(reconciled.unknown.left),
        adopted=tuple(reconciled.unknown.adopted),
        is_dry_run=options.dry_run,
    )
    touched = set(map(str, chain.from_iterable(answer.by_outcome.values())))
    return answer._replace(bookings=bookings_of(touched, context)) if len(touched) <= _MOST_NAMED else answer


_MOST_NAMED = 20
"""Bookings that an answer describes; of more, it has the ids alone."""


def _upcoming(context: Context, search: Search = Search()) -> Iterator[Booking]:  # noqa: B008 - immutable
    """The bookings to come that match, read in pages: only those that are wanted are kept in memory."""
    upcoming = search._replace(start=context.clock.now(), states=(State.HELD, State.CONFIRMED))
    return in_pages(context.ledger, upcoming)


def _calendars(context: Context, selection: Selection) -> tuple[str, ...]:
    """The calendars with events of upcoming bookings, the booking calendar first."""
    return unique((selection.booking, *context.ledger.calendars_ahead(context.clock.now())))


def _queue_missing(options: SyncOptions, context: Context, selection: Selection) -> tuple[UUID, ...]:
    """Write outbox entries for bookings made while disconnected. Returns the bookings."""
    if not options.add_missing:
        return ()
    missing = _without_event(context)
    if not options.dry_run:
        missing = [booking for booking in missing if context.ledger.owe_event(booking, selection.booking)]
    return tuple(booking.id for booking in missing)


def _without_event(context: Context) -> list[Booking]:
    return list(_upcoming(context, Search(has_calendar=False)))


def _with_event(context: Context, bookings: Iterable[UUID]) -> tuple[UUID, ...]:
    return tuple(id_ for id_ in bookings if context.ledger.find(str(id_)).event_id is not None)


def _reconcile_calendar(
    options: SyncOptions, context: Context, calendar: str, *, reconciled: _Reconciled
) -> None:
    """Record the changes of one calendar. Bookings on a calendar that is gone stay as they are, with a warning."""
    pending = {entry.booking for entry in context.ledger.owed()}
    try:
        listed, is_full = _list_changes(context, calendar, is_full=options.adopt)
    except CalendarNotFound:
        context.view.warn(CalendarOutOfSight(calendar))
        return
    known = _known(context, calendar, listed, is_full=is_full)
    settled = {event_id: booking for event_id, booking in known.items() if booking.id not in pending}
    reading = _CalendarRead(calendar, listed, is_full, settled)

    other_events = [event for event in listed.events if event.id not in known]
    are_orphans_done = remove_orphans(context, other_events, dry_run=options.dry_run)
    look_at_unknown(context, other_events, reconciled.unknown, adopt=options.adopt, dry_run=options.dry_run)
    candidates, is_nothing_skipped = _candidates(reading), _is_nothing_skipped(context, reading)
    current_events = _read_events(context, reading, candidates)
    is_recorded = _record(options, context, current_events, reconciled=reconciled)

    is_complete = (
        are_orphans_done and is_nothing_skipped and is_recorded and len(current_events) == len(candidates)
    )
    if is_complete and listed.token is not None and not options.dry_run:
        context.ledger.keep_sync_token(calendar, listed.token)


def _known(context: Context, calendar: str, listed: EventChanges, *, is_full: bool) -> dict[str, Booking]:
    """The upcoming bookings with an event on the calendar, by its id; without a full list only those that it may be about.

    These are the bookings whose event or its series is listed, and those whose event was never read.
    """
    ids = {event.id for event in listed.events}
    series = _series_of(listed)
    bookings = tuple(booking for each in sorted(series) if (booking := booking_of_event(each)))
    search = Search() if is_full else Search(touched=Touched(tuple(sorted(ids)), bookings))
    return {
        booking.event_id: booking
        for booking in _upcoming(context, search)
        if booking.event_id and same(booking.calendar, calendar)
        if is_full or booking.etag is None or booking.event_id in ids or booking.next_event_id in series
    }


def _series_of(listed: EventChanges) -> set[str]:
    """The listed events, for an instance its series: a change of either may be one of the instance that is the meeting."""
    return {event.series or event.id for event in listed.events}


def _list_changes(context: Context, calendar: str, *, is_full: bool) -> tuple[EventChanges, bool]:
    """The changes since the stored sync token; a full list without one, when it has expired (410), or if that is asked for.

    And which it is.
    """
    token = None if is_full else context.ledger.sync_token(calendar)
    if token is not None:
        try:
            return context.calendars.changes(calendar, token), False
        except SyncTokenExpired:
            pass
    return context.calendars.changes(calendar, None), True


def _candidates(reading: _CalendarRead) -> tuple[Booking, ...]:
    """Bookings whose event may have changed: another ETag, cancelled, missing in a full list, or no ETag recorded."""
    listed = {event.id: event for event in reading.changes.events}
    changed_series = _series_of(reading.changes)

    def may_have_changed(event_id: str, booking: Booking) -> bool:
        event = listed.get(event_id)
        if event is None:
            return reading.is_full or booking.etag is None or booking.next_event_id in changed_series
        return event.is_cancelled or not event.is_version(booking.etag)

    return tuple(
        booking for event_id, booking in reading.known.items() if may_have_changed(event_id, booking)
    )


def _is_nothing_skipped(context: Context, reading: _CalendarRead) -> bool:
    """Whether no listed change has to wait for the next run: its booking has an outbox entry, or is newer than `known`."""
    others = [event for event in reading.changes.events if event.id not in reading.known and event.booking]
    pending = {str(entry.booking) for entry in context.ledger.owed()}
    return not any(event.booking in pending or _is_unrecorded(context, event) for event in others)


def _is_unrecorded(context: Context, event: Event) -> bool:
    """Whether it is the event of an upcoming live booking, in a version that is not recorded."""
    if not event.is_upcoming(context.clock.now()):
        return False
    try:
        booking = context.ledger.find(event.booking or "")
    except BookingNotFound:
        return False
    is_ours = booking.state in {State.HELD, State.CONFIRMED} and booking.event_id in {None, event.id}
    return is_ours and not event.is_version(booking.etag)


def _read_events(
    context: Context, reading: _CalendarRead, candidates: Sequence[Booking]
) -> list[tuple[Booking, Event | None]]:
    """GET the event of each candidate; None: deleted. One that is listed as live but not found is left out."""
    events = run_all(
        [partial(event_at_known_place, context, booking) for booking in candidates],
        limit=_CONCURRENCY,
        name="sync",
    )
    # A series is listed as live even where the one instance was deleted.
    live = {event.id for event in reading.changes.events if not event.is_cancelled and not event.is_series}
    current = [
        (booking, event)
        for booking, event in zip(candidates, events, strict=True)
        if event is not None or booking.event_id not in live
    ]
    if any(event is None for _, event in current):
        calendars = owned(context)
        current = [
            (booking, event or _read_dragged_event(context, booking, calendars)) for booking, event in current
        ]
    return current


def _read_dragged_event(context: Context, booking: Booking, calendars: tuple[str, ...]) -> Event | None:
    listed = find_dragged_event(context, booking, owned=calendars)
    # The list leaves out who declined.
    return listed and context.calendars.event(listed.calendar, listed.id)


def _record(
    options: SyncOptions,
    context: Context,
    current_events: Iterable[tuple[Booking, Event | None]],
    *,
    reconciled: _Reconciled,
) -> bool:
    """Merge the events into their bookings. Returns whether all of them were recorded.

    Repeats as long as one was recorded: a booking that leaves its time may make room for another.
    """
    now = context.clock.now()
    waiting = [(known, merge_event(known, _snapshot_of(event), now=now)) for known, event in current_events]
    is_complete, has_progress = True, True
    blocked: list[tuple[Booking, Booking, Claim]] = []
    while waiting and has_progress:
        blocked, has_progress = [], False
        for known, merged in waiting:
            try:
                is_adopted = _adopt(options, context, known, merged)
            except ClaimsOverlap as overlap:
                blocked.append((known, merged, overlap.claim))
                continue
            has_progress = True
            is_complete = is_complete and is_adopted
            for change in changes(known, merged) if is_adopted else ():
                reconciled.by_change[change].append(known.id)
        waiting = [(known, merged) for known, merged, _ in blocked]
    for known, merged, claim in blocked:
        reconciled.conflicts.append(known.id)
        _warn_of_conflict(options, context, merged, claim)
    return is_complete and not blocked


def _snapshot_of(event: Event | None) -> EventSnapshot | None:
    if event is None:
        return None
    return EventSnapshot(
        calendar=event.calendar,
        event_id=event.id,
        span=event.span,
        title=event.title or "",
        location=event.location,
        declined=event.declined,
        etag=event.etag,
        url=event.url,
        meet_url=event.meet_url,
        responses=event.responses,
    )


def _adopt(options: SyncOptions, context: Context, known: Booking, merged: Booking) -> bool:
    """Record the merged booking; False if it changed since `known` was read. Raises: ClaimsOverlap."""
    if not options.dry_run:
        return context.ledger.adopt(known, merged)
    if merged.is_live:
        check_claims(context, merged)
    return True


def _warn_of_conflict(options: SyncOptions, context: Context, merged: Booking, claim: Claim) -> None:
    booking, guest = str(merged.id), merged.request.guest.name
    when = format_time(merged.meeting.start, options.zone, end=merged.meeting.end)
    if claim.is_foreign:
        context.view.warn(ParticipantConflict(booking, claim.participant, when, guest))
    elif claim.expires_at is not None:
        context.view.warn(OfferConflict(booking, claim.booking, when, guest))
    else:
        other = context.ledger.find(claim.booking)
        context.view.warn(BookingConflict(booking, str(other.id), when, guest, other.request.guest.name))
