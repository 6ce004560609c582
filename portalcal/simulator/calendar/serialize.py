"""Event resources: computed fields added, times in the requested zone, details withheld by role."""

import base64
from datetime import timedelta, tzinfo
from typing import Any

from portalcal.simulator.calendar import instants
from portalcal.simulator.calendar.event import StoredEvent, moment
from portalcal.simulator.calendar.model import StoredCalendar
from portalcal.simulator.calendar.recurrence import Occurrence
from portalcal.simulator.http.messages import Json

# Fields visible to a freeBusyReader (google/googleapis.dart#151 shows such a response).
_BARE = (
    "id",
    "status",
    "start",
    "end",
    "iCalUID",
    "recurrence",
    "recurringEventId",
    "originalStartTime",
    "transparency",
)


def etag(event: StoredEvent) -> str:
    """Return the ETag in Google's form: twice the microseconds of `updated`, quoted."""
    return f'"{int(event.updated.timestamp() * 1000) * 2000}"'


def collection_etag(revision: int) -> str:
    """Return the ETag of a list."""
    return f'"p{revision:012d}g"'


def show(
    event: StoredEvent, calendar: StoredCalendar, *, role: str, zone: tzinfo, most_guests: int | None = None
) -> Json:
    """Return the resource of an event for a caller with `role` on its calendar, times in `zone`."""
    body = dict(event.body)
    secret = body.get("visibility") in {"private", "confidential"}
    if role == "freeBusyReader" or (secret and role in {"reader", "writerWithoutPrivateAccess"}):
        body = {name: body[name] for name in _BARE if name in body} | {"visibility": "private"}
    else:
        body.setdefault("sequence", 0)
        body.setdefault("reminders", {"useDefault": True})
    for name in ("start", "end", "originalStartTime"):
        if name in body:
            body[name] = _point(body[name], calendar, zone)
    if "attendees" in body:
        _trim_guests(body, calendar, most_guests)
    return {
        "kind": "calendar#event",
        "etag": etag(event),
        "htmlLink": _link(str(body["id"]), calendar),
        "updated": instants.stamp(event.updated),
        **body,
    }


def instance(occurrence: Occurrence, calendar: StoredCalendar) -> StoredEvent:
    """Return an unchanged instance of a series as a separate event."""
    series = occurrence.event
    if occurrence.original is None:
        return series
    body = {name: value for name, value in series.body.items() if name != "recurrence"}
    start, end = series.body["start"], series.body["end"]
    if series.is_all_day:
        day = instants.from_epoch(occurrence.start).astimezone(instants.zone(calendar.timezone)).date()
        begins: Json = {"date": day.isoformat()}
        ends: Json = {"date": (day + timedelta(days=series.days)).isoformat()}
    else:
        begins = start | {"dateTime": instants.from_epoch(occurrence.start).isoformat()}
        ends = end | {"dateTime": instants.from_epoch(occurrence.end).isoformat()}
    body |= {
        "id": occurrence.id,
        "recurringEventId": series.id,
        "start": begins,
        "end": ends,
        "originalStartTime": begins,
    }
    return StoredEvent(body, series.revision, series.updated, series.zone_name)


def _point(point: Json, calendar: StoredCalendar, zone: tzinfo) -> Json:
    if "date" in point:
        return {"date": point["date"]}
    instant = moment(point, instants.zone(calendar.timezone))
    return {
        "dateTime": instants.render(instant, zone),
        "timeZone": point.get("timeZone") or calendar.timezone,
    }


def _trim_guests(body: Json, calendar: StoredCalendar, most: int | None) -> None:
    guests: list[dict[str, Any]] = body["attendees"]
    if most is not None and len(guests) > most:
        # "If there are more than the specified number, only the participant is returned" (discovery document).
        guests = [guest for guest in guests if guest["email"] == calendar.id]
        body["attendeesOmitted"] = True
    body["attendees"] = guests


def _link(event_id: str, calendar: StoredCalendar) -> str:
    eid = base64.urlsafe_b64encode(f"{event_id} {calendar.id}".encode()).decode().rstrip("=")
    return f"https://www.google.com/calendar/event?eid={eid}"
