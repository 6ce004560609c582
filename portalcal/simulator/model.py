"""What this Google remembers: people, calendars and who may use them, events, mail it would have sent.

Holds state and keeps it consistent; decides nothing about HTTP. Every copy of an event is immutable: a change is a new
copy with a new revision, so that indexes and sync tokens can rely on what they saw.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portalcal.simulator.clock import Clock
from portalcal.simulator.event import Event
from portalcal.simulator.instants import zone
from portalcal.simulator.rules import Timeline
from portalcal.simulator.wire import Json

ROLES = ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")
# "Tombstones eventually disappear" (events resource): Google names no number of days, so this one is ours.
TOMBSTONE_LIFE = timedelta(days=30)


@dataclass(slots=True)
class Entry:
    """A calendar on one user's calendar list."""

    calendar_id: str
    revision: int
    hidden: bool = False
    selected: bool = False
    deleted: bool = False
    summary_override: str = ""
    color: str = "#0b8043"


@dataclass(slots=True)
class User:
    """A person with a Google account; the address is the primary calendar's id."""

    email: str
    name: str
    timezone: str
    entries: dict[str, Entry] = field(default_factory=dict)
    deleted: bool = False


@dataclass(slots=True, eq=False)
class Calendar:
    """A calendar, who may use it, and its events (tombstones included)."""

    id: str
    summary: str
    timezone: str
    data_owner: str
    primary: bool = False
    description: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    public_role: str | None = None
    made_by_app: bool = False
    events: dict[str, Event] = field(default_factory=dict)
    timeline: Timeline = field(init=False)
    updated: datetime | None = None
    # Sync tokens older than this revision have expired.
    synced_since: int = 0

    def __post_init__(self) -> None:
        """Index the events by time."""
        zone(self.timezone)
        self.timeline = Timeline()

    def role_of(self, email: str) -> str | None:
        """Return what `email` may do here, or None."""
        return self.roles.get(email, self.public_role)

    def exceptions_of(self, series: str) -> Iterator[Event]:
        """Yield the changed and cancelled instances kept for a recurring event."""
        return self.timeline.exceptions_of(series)


@dataclass(frozen=True, slots=True)
class Mail:
    """A message Google would have sent because of `sendUpdates`."""

    at: datetime
    kind: str  # "invitation", "update", "cancellation" or "response"
    sender: str
    to: str
    event_id: str
    summary: str
    start: str


class Model:
    """The state behind one simulator, guarded by one lock: `with model.lock:` around anything that reads or writes."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.calendars: dict[str, Calendar] = {}
        self.groups: dict[str, list[str]] = {}
        self.outbox: list[Mail] = []
        # Calendars whose free/busy cannot be computed just now: id to reason.
        self.unreadable: dict[str, str] = {}
        self.revision = 0

    def add_user(self, email: str, *, name: str = "", timezone: str = "Europe/London") -> User:
        """Open an account with its primary calendar; an account that exists is returned as it is."""
        if email in self.users:
            return self.users[email]
        user = User(email, name or email.partition("@")[0].capitalize(), timezone)
        self.users[email] = user
        calendar = Calendar(email, email, timezone, email, primary=True, roles={email: "owner"})
        self.calendars[email] = calendar
        self.subscribe(user, calendar, selected=True, color="#4285f4")
        return user

    def add_calendar(self, calendar: Calendar) -> Calendar:
        """Add a calendar; the people it is shared with do not see it in their list until they are subscribed.

        Raises:
            ValueError: the id is taken, a role is not one of Google's, or the zone does not exist.
        """
        if calendar.id in self.calendars:
            raise ValueError(f"there is already a calendar {calendar.id!r}")
        for role in (*calendar.roles.values(), calendar.public_role or ROLES[0]):
            known_role(role)
        self.calendars[calendar.id] = calendar
        return calendar

    def subscribe(
        self,
        user: User,
        calendar: Calendar,
        *,
        hidden: bool = False,
        selected: bool = True,
        color: str = "#0b8043",
    ) -> Entry:
        """Put a calendar on a user's list."""
        entry = Entry(calendar.id, self.next_revision(), hidden=hidden, selected=selected, color=color)
        user.entries[calendar.id] = entry
        return entry

    def share(self, calendar: Calendar, email: str, *, role: str | None) -> None:
        """Give `email` a role on a calendar, or take it away with None; a role gained puts it on their list."""
        if role is None:
            calendar.roles.pop(email, None)
            if user := self.users.get(email):
                self.unsubscribe(user, calendar.id)
            return
        calendar.roles[email] = known_role(role)
        user = self.users.get(email)
        if user and calendar.id not in user.entries:
            self.subscribe(user, calendar)

    def unsubscribe(self, user: User, calendar_id: str) -> None:
        """Take a calendar off a user's list; sync tokens will report it as deleted."""
        if entry := user.entries.get(calendar_id):
            entry.deleted = True
            entry.revision = self.next_revision()

    def next_revision(self) -> int:
        """Return a number larger than any given before."""
        self.revision += 1
        return self.revision

    def put(self, calendar: Calendar, body: Json) -> Event:
        """Store `body` as the next version of the event with its id, and index it by time."""
        before = calendar.events.get(str(body["id"]))
        event = Event(body, self.next_revision(), self._stamp(before), calendar.timezone)
        calendar.events[event.id] = event
        calendar.updated = event.updated
        calendar.timeline.replace(before, event)
        return event

    def _stamp(self, before: Event | None) -> datetime:
        """Return now to the millisecond, or just after the version before: two versions never share an ETag."""
        now = self.clock.now()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        return max(now, before.updated + timedelta(milliseconds=1)) if before else now

    def find(self, calendar: Calendar, event_id: str) -> Event | None:
        """Return a stored event, tombstones included until they have faded."""
        event = calendar.events.get(event_id)
        if event is not None and event.is_tombstone and self.clock.now() - event.updated > TOMBSTONE_LIFE:
            return None
        return event


def known_role(role: str) -> str:
    """Return `role` if Google has it.

    Raises:
        ValueError: it does not.
    """
    if role not in ROLES:
        raise ValueError(f"a calendar role is one of {', '.join(ROLES)}, not {role!r}")
    return role


def at_least(role: str | None, least: str) -> bool:
    """Return whether `role` includes everything `least` may do."""
    return role is not None and ROLES.index(role) >= ROLES.index(least)
