"""What a simulated Google holds, as a test or a demonstration sets it up: people, calendars, sharing, events."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from portalcal.simulator import instants, loading
from portalcal.simulator.clock import Clock
from portalcal.simulator.model import Calendar, Mail, Model
from portalcal.simulator.wire import Json


class World:
    """Everything that is there before anybody asks for it; its owner is the account that is used by default."""

    def __init__(self, clock: Clock, *, owner: str, timezone: str) -> None:
        self.clock = clock
        self.model = Model(clock)
        self.owner = self.model.add_user(owner, timezone=timezone)

    def add_user(self, email: str, *, timezone: str = "Europe/London", name: str = "") -> str:
        """Open another account and return its address."""
        with self.model.lock:
            return self.model.add_user(email, timezone=timezone, name=name).email

    def add_calendar(
        self,
        id: str = "",  # noqa: A002 - Google's word for it
        *,
        summary: str = "",
        timezone: str | None = None,
        role: str | None = "owner",
        owner: str | None = None,
        hidden: bool = False,
        selected: bool = True,
        listed: bool = True,
        description: str = "",
        public_role: str | None = None,
        shared_with: dict[str, str] | None = None,
    ) -> Calendar:
        """Add a secondary calendar, on which the simulator's owner has `role` (None: no access at all).

        `shared_with` gives others their roles; `listed=False` leaves it off the owner's calendar list.
        """
        with self.model.lock:
            holder = owner or (
                self.owner.email if role == "owner" else f"team@{self.owner.email.partition('@')[2]}"
            )
            identifier = id or f"c_{len(self.model.calendars):026d}@group.calendar.google.com"
            roles = dict(shared_with or {}) | ({self.owner.email: role} if role else {}) | {holder: "owner"}
            calendar = self.model.add_calendar(
                Calendar(
                    identifier,
                    summary or identifier,
                    timezone or self.owner.timezone,
                    holder,
                    description=description,
                    roles=roles,
                    public_role=public_role,
                )
            )
            for email in roles:
                if user := self.model.users.get(email):
                    if user is self.owner and not listed:
                        continue
                    self.model.subscribe(
                        user, calendar, hidden=hidden and user is self.owner, selected=selected
                    )
            return calendar

    def share(self, calendar_id: str, email: str, *, role: str | None) -> None:
        """Give somebody a role on a calendar and put it on their list, or take both away with None."""
        with self.model.lock:
            self.model.share(self.calendar(calendar_id), email, role=role)

    def expire_sync_tokens(self, calendar_id: str = "primary") -> None:
        """Make every sync token given for a calendar's events so far answer 410."""
        with self.model.lock:
            self.calendar(calendar_id).synced_since = self.model.next_revision()

    def add_event(
        self, calendar_id: str, start: date | str, end: date | str, summary: str = "", **fields: Any
    ) -> dict[str, Any]:
        """Put an event straight into a calendar and return its JSON.

        `start` and `end` are aware datetimes, RFC 3339 texts with offset, or dates (all-day, end exclusive; texts such
        as "2026-12-25" too); naive datetimes are wall times of the calendar. `fields` are Google's event fields.
        """
        with self.model.lock:
            calendar = self.calendar(calendar_id)
            told = {
                "summary": summary,
                "start": _point(start, calendar),
                "end": _point(end, calendar),
            } | fields
            return dict(loading.place(self.model, calendar, told))

    def load(self, path: Path | str, calendar_id: str = "primary") -> int:
        """Load Google event JSON or an iCalendar file into a calendar, and return how many events there were.

        Raises:
            ValueError: the file is neither, or holds something unreadable; the message says where.
        """
        with self.model.lock:
            return loading.load(self.model, self.calendar(calendar_id), path=Path(path))

    def calendar(self, calendar_id: str) -> Calendar:
        """Return a calendar by its id, or the owner's for "primary"."""
        return self.model.calendars[self.owner.email if calendar_id == "primary" else calendar_id]

    def events(self, calendar_id: str = "primary", *, deleted: bool = False) -> list[dict[str, Any]]:
        """Return the events kept on a calendar as JSON, in order of time; tombstones only if asked for."""
        with self.model.lock:
            kept = sorted(
                self.calendar(calendar_id).events.values(), key=lambda event: (event.start, event.id)
            )
            return [dict(event.body) for event in kept if deleted or not event.is_cancelled]

    @property
    def outbox(self) -> list[Mail]:
        """The e-mails Google would have sent because of `sendUpdates`."""
        return list(self.model.outbox)


def _point(when: date | str, calendar: Calendar) -> Json:
    """Return a start or end in Google's JSON."""
    if isinstance(when, str):
        if "T" not in when:
            return {"date": date.fromisoformat(when).isoformat()}
        when = instants.parse(when)
    if not isinstance(when, datetime):
        return {"date": when.isoformat()}
    if when.tzinfo is None:
        when = instants.at(when, instants.zone(calendar.timezone))
    return {"dateTime": when.astimezone(UTC).isoformat(), "timeZone": calendar.timezone}
