"""An authorized call of a Calendar method: caller, scopes, path parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

from portalcal.simulator.calendar import errors, instants
from portalcal.simulator.calendar.model import Model, StoredCalendar, User, at_least
from portalcal.simulator.http.messages import HttpRequest

_WIDE = {"calendar", "calendar.readonly", "calendar.events", "calendar.events.readonly"}
_OWNED = {"calendar.events.owned", "calendar.events.owned.readonly"}


@dataclass(frozen=True, slots=True)
class MethodCall:
    """A request with a valid token and a sufficient scope; `parts` are the path parameters."""

    operation: str
    model: Model
    caller: User
    scopes: frozenset[str]
    request: HttpRequest
    parts: Mapping[str, str]
    conference: str = "pending"

    def calendar(self, name: str | None = None) -> StoredCalendar:
        """Return the calendar of the path; `404 notFound` when it is missing or not shared with the caller."""
        wanted = self.parts["calendarId"] if name is None else name
        calendar = self.model.calendars.get(self.caller.email if wanted == "primary" else wanted)
        if calendar is None or calendar.role_of(self.caller.email) is None:
            raise errors.not_found()
        return calendar

    def readable(self) -> tuple[StoredCalendar, str]:
        """Return the calendar and the effective role for reading events, which narrow scopes may lower."""
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
        raise errors.insufficient_scope(self.operation)

    def writeable(self, name: str | None = None) -> StoredCalendar:
        """Return the calendar; `403` unless role and scopes allow writing."""
        calendar = self.calendar(name)
        role = calendar.role_of(self.caller.email)
        if not at_least(role, "writerWithoutPrivateAccess"):
            raise errors.writer_needed() if at_least(role, "reader") else errors.forbidden()
        reach = self.scopes & _WIDE or (self.scopes & _OWNED and role == "owner")
        if not reach and not ("calendar.app.created" in self.scopes and calendar.made_by_app):
            raise errors.insufficient_scope(self.operation)
        return calendar

    def display_zone(self, calendar: StoredCalendar) -> tzinfo:
        """Return the zone for times in the response: the `timeZone` parameter, or the calendar's."""
        zone_name = self.request.value("timeZone")
        try:
            return instants.zone(zone_name or calendar.timezone)
        except ValueError:
            raise errors.invalid(
                f"Invalid value for: Invalid time zone: '{zone_name}'.", "timeZone"
            ) from None
