"""Test fixtures: users, calendars, sharing and events, created directly in the model."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from portalcal.simulator.calendar import instants, loading
from portalcal.simulator.calendar.model import Mail, Model, StoredCalendar
from portalcal.simulator.clock import SimulatedClock
from portalcal.simulator.http.messages import Json


class Fixtures:
    """Methods that create and read state without HTTP; `owner` is the default account."""

    def __init__(self, clock: SimulatedClock, *, owner: str, timezone: str) -> None:
        self.clock = clock
        self.model = Model(clock)
        self.owner = self.model.add_user(owner, timezone=timezone)

    def add_user(self, email: str, *, timezone: str = "Europe/London", name: str = "") -> str:
        """Create an account and return its e-mail address."""
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
    ) -> StoredCalendar:
        """Add a secondary calendar, on which the owner has `role` (None: no access).

        `shared_with` maps other users to roles; `listed=False` leaves it off the owner's calendar list.
        """
        with self.model.lock:
            holder = owner or (
                self.owner.email if role == "owner" else f"team@{self.owner.email.partition('@')[2]}"
            )
            identifier = id or f"c_{len(self.model.calendars):026d}@group.calendar.google.com"
            roles = dict(shared_with or {}) | ({self.owner.email: role} if role else {}) | {holder: "owner"}
            calendar = self.model.add_calendar(
                StoredCalendar(
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
        """Grant a user a role on a calendar and subscribe them, or revoke both with None."""
        with self.model.lock:
            self.model.share(self.calendar(calendar_id), email, role=role)

    def expire_sync_tokens(self, calendar_id: str = "primary") -> None:
        """Invalidate every sync token issued for a calendar's events: 410 from now on."""
        with self.model.lock:
            self.calendar(calendar_id).synced_since = self.model.next_revision()

    def add_event(
        self, calendar_id: str, start: date | str, end: date | str, summary: str = "", **fields: Any
    ) -> dict[str, Any]:
        """Store an event in a calendar and return its JSON.

        `start` and `end` are aware datetimes, RFC 3339 texts with offset, or dates (all-day, end exclusive; texts such
        as "2026-12-25" too); naive datetimes are wall times of the calendar. `fields` are Google's event fields.
        """
        with self.model.lock:
            calendar = self.calendar(calendar_id)
            body = {
                "summary": summary,
                "start": _point(start, calendar),
                "end": _point(end, calendar),
            } | fields
            return dict(loading.place(self.model, calendar, body))

    def load(self, path: Path | str, calendar_id: str = "primary") -> int:
        """Load Google event JSON or an iCalendar file into a calendar, and return the number of events.

        Raises:
            ValueError: the file is neither, or an event is malformed; the message names the place.
        """
        with self.model.lock:
            return loading.load(self.model, self.calendar(calendar_id), path=Path(path))

    def calendar(self, calendar_id: str) -> StoredCalendar:
        """Return a calendar by its id; "primary" is the owner's."""
        return self.model.calendars[self.owner.email if calendar_id == "primary" else calendar_id]

    def events(self, calendar_id: str = "primary", *, deleted: bool = False) -> list[dict[str, Any]]:
        """Return the stored events of a calendar as JSON, ordered by time; tombstones only on request."""
        with self.model.lock:
            kept = sorted(
                self.calendar(calendar_id).events.values(), key=lambda event: (event.start, event.id)
            )
            return [dict(event.body) for event in kept if deleted or not event.is_cancelled]

    @property
    def outbox(self) -> list[Mail]:
        """The mail Google would have sent because of `sendUpdates`."""
        return list(self.model.outbox)


def _point(when: date | str, calendar: StoredCalendar) -> Json:
    """Return `start` or `end` in Google's JSON."""
    if isinstance(when, str):
        if "T" not in when:
            return {"date": date.fromisoformat(when).isoformat()}
        when = instants.parse(when)
    if not isinstance(when, datetime):
        return {"date": when.isoformat()}
    if when.tzinfo is None:
        when = instants.at(when, instants.zone(calendar.timezone))
    return {"dateTime": when.astimezone(UTC).isoformat(), "timeZone": calendar.timezone}
