"""State of the simulator: users, calendars with their roles, events, sent mail.

Independent of HTTP. Events are immutable: a change stores a new version with a new revision, on which indexes and sync
tokens rely.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portalcal.simulator.calendar.event import StoredEvent
from portalcal.simulator.calendar.instants import zone
from portalcal.simulator.calendar.recurrence import Timeline
from portalcal.simulator.clock import SimulatedClock
from portalcal.simulator.http.messages import Json

ROLES = ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")

# "Tombstones eventually disappear" (events resource): no lifetime is documented; this one is ours.
TOMBSTONE_LIFE = timedelta(days=30)


@dataclass(slots=True)
class CalendarListEntry:
    """A calendar on one user's calendar list."""

    calendar_id: str
    revision: int  # of the last change, for incremental sync
    hidden: bool = False
    selected: bool = False
    deleted: bool = False
    summary_override: str = ""
    color: str = "#0b8043"


@dataclass(slots=True)
class User:
    """A Google account; the e-mail address is the id of its primary calendar."""

    email: str
    name: str
    timezone: str
    entries: dict[str, CalendarListEntry] = field(default_factory=dict)
    deleted: bool = False


@dataclass(slots=True, eq=False)
class StoredCalendar:
    """A calendar with its roles and events (tombstones included)."""

    id: str
    summary: str
    timezone: str
    data_owner: str  # e-mail address of the account that owns the data
    primary: bool = False
    description: str = ""
    roles: dict[str, str] = field(default_factory=dict)  # by e-mail address
    public_role: str | None = None  # of users without a role of their own
    made_by_app: bool = False  # visible to the scope calendar.app.created
    events: dict[str, StoredEvent] = field(default_factory=dict)
    timeline: Timeline = field(init=False)
    updated: datetime | None = None  # of the latest event
    synced_since: int = 0  # sync tokens of an earlier revision are expired

    def __post_init__(self) -> None:
        """Check the zone and create the timeline.

        Raises:
            ValueError: the zone does not exist.
        """
        zone(self.timezone)
        self.timeline = Timeline()

    def role_of(self, email: str) -> str | None:
        """Return the role of `email`, or None."""
        return self.roles.get(email, self.public_role)

    def exceptions_of(self, series: str) -> Iterator[StoredEvent]:
        """Yield the changed and cancelled instances of a series."""
        return self.timeline.exceptions_of(series)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that Google would have sent because of `sendUpdates`."""

    at: datetime
    kind: str  # "invitation", "update", "cancellation" or "response"
    sender: str
    to: str
    event_id: str
    summary: str
    start: str


class Model:
    """The state of one simulator; hold `lock` while reading or writing."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.calendars: dict[str, StoredCalendar] = {}
        self.groups: dict[str, list[str]] = {}
        self.outbox: list[Mail] = []
        # Calendars for which freebusy.query reports an error: id to reason.
        self.unreadable: dict[str, str] = {}
        self.revision = 0
        # Called with a guest's calendar and the previous and present copy of an event that reached it.
        self.invited: list[Callable[[StoredCalendar, StoredEvent | None, StoredEvent], None]] = []

    def add_user(self, email: str, *, name: str = "", timezone: str = "Europe/London") -> User:
        """Create an account with its primary calendar; an existing account is returned unchanged."""
        if email in self.users:
            return self.users[email]
        user = User(email, name or email.partition("@")[0].capitalize(), timezone)
        self.users[email] = user
        calendar = StoredCalendar(email, email, timezone, email, primary=True, roles={email: "owner"})
        self.calendars[email] = calendar
        self.subscribe(user, calendar, selected=True, color="#4285f4")
        return user

    def add_calendar(self, calendar: StoredCalendar) -> StoredCalendar:
        """Add a calendar; users it is shared with do not have it on their list until subscribed.

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
        calendar: StoredCalendar,
        *,
        hidden: bool = False,
        selected: bool = True,
        color: str = "#0b8043",
    ) -> CalendarListEntry:
        """Put a calendar on a user's list."""
        entry = CalendarListEntry(
            calendar.id, self.next_revision(), hidden=hidden, selected=selected, color=color
        )
        user.entries[calendar.id] = entry
        return entry

    def share(self, calendar: StoredCalendar, email: str, *, role: str | None) -> None:
        """Grant `email` a role on a calendar and subscribe them, or revoke it with None."""
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
        """Remove a calendar from a user's list; incremental sync reports it as deleted."""
        if entry := user.entries.get(calendar_id):
            entry.deleted = True
            entry.revision = self.next_revision()

    def next_revision(self) -> int:
        """Return the next revision, larger than all before."""
        self.revision += 1
        return self.revision

    def put(self, calendar: StoredCalendar, body: Json) -> StoredEvent:
        """Store `body` as the next version of the event with its id, and index it by time."""
        before = calendar.events.get(str(body["id"]))
        event = StoredEvent(body, self.next_revision(), self._stamp(before), calendar.timezone)
        calendar.events[event.id] = event
        calendar.updated = event.updated
        calendar.timeline.replace(before, event)
        return event

    def _stamp(self, before: StoredEvent | None) -> datetime:
        """Return now in milliseconds, later than the previous version, so that no two versions share an ETag."""
        now = self.clock.now()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        return max(now, before.updated + timedelta(milliseconds=1)) if before else now

    def find(self, calendar: StoredCalendar, event_id: str) -> StoredEvent | None:
        """Return a stored event, tombstones included until they expire."""
        event = calendar.events.get(event_id)
        if event is not None and event.is_tombstone and self.clock.now() - event.updated > TOMBSTONE_LIFE:
            return None
        return event


def known_role(role: str) -> str:
    """Return `role` if it is one of Google's.

    Raises:
        ValueError: it is not.
    """
    if role not in ROLES:
        raise ValueError(f"a calendar role is one of {', '.join(ROLES)}, not {role!r}")
    return role


def at_least(role: str | None, least: str) -> bool:
    """Return whether `role` includes the rights of `least`."""
    return role is not None and ROLES.index(role) >= ROLES.index(least)
