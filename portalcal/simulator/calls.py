"""One authorized call of a Calendar method: who asks, with which permissions, about which calendar."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

from portalcal.simulator import instants, refusals
from portalcal.simulator.model import Calendar, Model, User, at_least
from portalcal.simulator.wire import Request

_WIDE = {"calendar", "calendar.readonly", "calendar.events", "calendar.events.readonly"}
_OWNED = {"calendar.events.owned", "calendar.events.owned.readonly"}


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose token is good and whose scopes accept the operation; `parts` are the path's variables."""

    operation: str
    model: Model
    caller: User
    scopes: frozenset[str]
    request: Request
    parts: Mapping[str, str]
    conference: str = "pending"

    def calendar(self, name: str | None = None) -> Calendar:
        """Return the calendar the path names; `404 notFound` when it is missing or not shared with the caller."""
        wanted = self.parts["calendarId"] if name is None else name
        calendar = self.model.calendars.get(self.caller.email if wanted == "primary" else wanted)
        if calendar is None or calendar.role_of(self.caller.email) is None:
            raise refusals.not_found()
        return calendar

    def readable(self) -> tuple[Calendar, str]:
        """Return the calendar and the role its events are seen with, which narrow scopes may lower."""
        calendar = self.calendar()
        role = calendar.role_of(self.caller.email) or "freeBusyReader"
        if self.scopes & _WIDE or (self.scopes & _OWNED and role == "owner"):
            return calendar, role
        if "calendar.events.public.readonly" in self.scopes and calendar.public_role in {"reader", "writer"}:
            return calendar, calendar.public_role
        if "calendar.app.created" in self.scopes and calendar.made_by_app:
            return calendar, role
        if "calendar.events.freebusy" in self.scopes:
            return calendar, "freeBusyReader"
        raise refusals.insufficient_scope(self.operation)

    def writeable(self, name: str | None = None) -> Calendar:
        """Return the calendar if the caller may write it and the scopes reach it."""
        calendar = self.calendar(name)
        role = calendar.role_of(self.caller.email)
        if not at_least(role, "writerWithoutPrivateAccess"):
            raise refusals.writer_needed() if at_least(role, "reader") else refusals.forbidden()
        reach = self.scopes & _WIDE or (self.scopes & _OWNED and role == "owner")
        if not reach and not ("calendar.app.created" in self.scopes and calendar.made_by_app):
            raise refusals.insufficient_scope(self.operation)
        return calendar

    def display_zone(self, calendar: Calendar) -> tzinfo:
        """Return the zone to show times in: the `timeZone` asked for, else the calendar's."""
        asked = self.request.value("timeZone")
        try:
            return instants.zone(asked or calendar.timezone)
        except ValueError:
            raise refusals.invalid(f"Invalid value for: Invalid time zone: '{asked}'.", "timeZone") from None
