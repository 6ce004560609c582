"""Google Calendar as one immutable value, so that every state of it can be kept, compared and gone back to.

`tests/exploration/test_models.py` plays the same calls to it and to the simulator and compares what they answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from portalcal.core.booking import Notify
from portalcal.core.intervals import Interval, Intervals
from portalcal.core.slots import FreeBusy
from portalcal.errors import EventNotFound
from portalcal.ports import (
    Calendar,
    DeleteResult,
    Event,
    EventChanged,
    EventChanges,
    EventDraft,
    EventIdTaken,
    Invitee,
)


class Kept(NamedTuple):
    """An event and the number of its latest change."""

    event: Event
    version: int
    attendees: tuple[str, ...] = ()  # addresses in lower case, in order; guests are not kept

    @property
    def participants(self) -> tuple[str, ...]:
        """Whose time it takes: of everybody invited, else of the calendar's owner."""
        return self.attendees or (self.event.calendar,)


class Cloud(NamedTuple):
    """Everything Google knows of one account: its events by calendar and id, and how many changes there were."""

    owned: tuple[str, ...]
    events: tuple[tuple[tuple[str, str], Kept], ...] = ()
    version: int = 0

    def live(self) -> tuple[Event, ...]:
        """Every event that is there."""
        return tuple(kept.event for kept in self.kept())

    def kept(self) -> tuple[Kept, ...]:
        """Every event that is there, with what is kept of it."""
        return tuple(kept for _, kept in self.events if not kept.event.is_cancelled)


class Place:
    """Where several handles find the same account."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud


class LittleGoogle:
    """The port `Calendars` over a place, and what a person does by hand. `now` is what time it is there."""

    def __init__(self, place: Place, now: datetime) -> None:
        self._place = place
        self._now = now

    def close(self) -> None:
        """There is nothing to let go of."""

    def list(self) -> tuple[Calendar, ...]:
        """The calendars, all of them owned."""
        first = self._place.cloud.owned[0]
        return tuple(Calendar(each, each, "owner", "UTC", each == first) for each in self._place.cloud.owned)

    def free_busy(self, calendars: Iterable[str], window: Interval) -> tuple[FreeBusy, ...]:
        """Busy times, cut to the window."""
        within = Intervals((window,))
        return tuple(FreeBusy(each, Intervals.of(self._busy(each)) & within) for each in calendars)

    def insert(self, calendar: str, draft: EventDraft, *, notify: Notify) -> Event:
        """Create the event, unless its id was ever used."""
        if self._kept(calendar, draft.id):
            raise EventIdTaken
        event = Event(
            id=draft.id,
            calendar=calendar,
            span=draft.span,
            is_cancelled=False,
            is_busy=True,
            created=None,
            etag="",
            booking=str(draft.booking),
            title=draft.title,
            location=draft.location,
        )
        made = self._put(event, attendees=tuple(sorted(each.email.lower() for each in draft.people)))
        return self._put(made._replace(created=self._moment()), is_new=False)

    def event(self, calendar: str, event_id: str) -> Event:
        """One event, a cancelled one too."""
        return self._there(calendar, event_id).event

    def invite(
        self,
        calendar: str,
        event_id: str,
        *,
        people: Iterable[Invitee],
        but_not: Iterable[str],
        notify: Notify,
    ) -> Event:
        """Add and remove attendees; a new version only if there is something to change."""
        kept = self._there(calendar, event_id)
        if kept.event.is_cancelled:
            raise EventNotFound(calendar, event_id)
        leaving = {each.lower() for each in but_not}
        attendees = {each.email.lower() for each in people} | set(kept.attendees)
        changed = tuple(sorted(attendees - leaving))
        return kept.event if changed == kept.attendees else self._put(kept.event, attendees=changed)

    def room_answer(self, calendar: str, event_id: str) -> Event:
        """As `event`: a room answers at once, or never."""
        return self.event(calendar, event_id)

    def events(self, calendar: str, window: Interval) -> tuple[Event, ...]:
        """The live events that overlap the window."""
        return tuple(each for each in self._on(calendar) if each.span and each.span.overlaps(window))

    def changes(self, calendar: str, token: str | None) -> EventChanges:
        """What changed since the token, or the live events."""
        cloud = self._place.cloud
        found = tuple(
            # A deleted one does not tell whose it was.
            kept.event._replace(booking=None) if kept.event.is_cancelled else kept.event
            for (on, _), kept in cloud.events
            if on == calendar and (kept.event.booking or kept.event.is_cancelled)
            if (kept.version > int(token) if token else not kept.event.is_cancelled)
        )
        return EventChanges(found, str(cloud.version))

    def events_of(self, calendar: str, booking: UUID) -> tuple[Event, ...]:
        """The live events that carry the booking's id."""
        return tuple(each for each in self._on(calendar) if each.booking == str(booking))

    def move(self, calendar: str, draft: EventDraft, *, etag: str | None, notify: Notify) -> Event:
        """Give an event another time, if it still is the version of that etag."""
        event = self._there(calendar, draft.id).event
        if etag and event.etag != etag:
            raise EventChanged
        moved = self._put(event._replace(span=draft.span))
        if moved.is_cancelled:
            # Google patches a deleted event, which stays deleted; the adapter says that there is none.
            raise EventNotFound(calendar, draft.id)
        return self._put(moved._replace(is_moved=True, moved_at=self._moment()), is_new=False)

    def instances(
        self,
        calendar: str,
        series: str,
        *,
        original: datetime | None = None,
        window: Interval | None = None,
    ) -> tuple[Event, ...]:
        """Nothing recurs here."""
        raise EventNotFound(calendar, series)

    def delete(
        self, calendar: str, event_id: str, *, notify: Notify, etag: str | None = None
    ) -> DeleteResult:
        """Remove an event, if it still is the version of that etag."""
        event = self._there(calendar, event_id).event
        if etag and event.etag != etag:
            raise EventChanged
        if event.is_cancelled:
            return DeleteResult.ALREADY_GONE
        self._put(event._replace(is_cancelled=True, is_busy=False))
        return DeleteResult.DONE

    # --- what a person does by hand

    def add_by_hand(self, calendar: str, event_id: str, span: Interval) -> None:
        """Somebody makes an event that is not ours."""
        event = Event(event_id, calendar, span, is_cancelled=False, is_busy=True, created=None, etag="")
        made = self._put(event)
        self._put(made._replace(created=self._moment()), is_new=False)

    def move_by_hand(self, booking: UUID, span: Interval) -> None:
        """Somebody drags the event of a booking to another time, if it has one."""
        for event in self._of(booking):
            moved = self._put(event._replace(span=span))
            if moved.is_moved:
                self._put(moved._replace(moved_at=self._moment()), is_new=False)

    def delete_by_hand(self, booking: UUID) -> None:
        """Somebody deletes the event of a booking, if it has one."""
        for event in self._of(booking):
            self._put(event._replace(is_cancelled=True, is_busy=False))

    # --- inside

    def _moment(self) -> datetime:
        """When the latest change was made: no two in one millisecond."""
        return self._now + timedelta(milliseconds=self._place.cloud.version)

    def _of(self, booking: UUID) -> tuple[Event, ...]:
        return tuple(each for each in self._place.cloud.live() if each.booking == str(booking))

    def _on(self, calendar: str) -> tuple[Event, ...]:
        return tuple(each for each in self._place.cloud.live() if each.calendar == calendar)

    def _busy(self, calendar: str) -> tuple[Interval, ...]:
        """The busy times on a calendar, which are also those of events elsewhere to which it is invited."""
        return tuple(
            each.event.span
            for each in self._place.cloud.kept()
            if each.event.span and each.event.is_busy
            if calendar in (each.event.calendar, *each.attendees)
        )

    def _kept(self, calendar: str, event_id: str) -> Kept | None:
        return dict(self._place.cloud.events).get((calendar, event_id))

    def _there(self, calendar: str, event_id: str) -> Kept:
        kept = self._kept(calendar, event_id)
        if kept is None:
            raise EventNotFound(calendar, event_id)
        return kept

    def _put(self, event: Event, *, is_new: bool = True, attendees: tuple[str, ...] | None = None) -> Event:
        """Keep a new version of an event, or what else there is to say of the present one. None: attendees as before."""
        cloud = self._place.cloud
        version = cloud.version + is_new
        stored = event._replace(etag=f'"{version}"')
        if attendees is None:
            before = self._kept(event.calendar, event.id)
            attendees = before.attendees if before else ()
        events = dict(cloud.events) | {(event.calendar, event.id): Kept(stored, version, attendees)}
        self._place.cloud = cloud._replace(version=version, events=tuple(sorted(events.items(), key=_key)))
        return stored


def _key(item: tuple[tuple[str, str], Kept]) -> tuple[str, str]:
    return item[0]
