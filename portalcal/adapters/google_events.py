"""Google's events and calendars to our values and back. Pure; missing and unknown fields are survived."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.core.booking import Notify
from portalcal.core.instants import wall
from portalcal.core.intervals import Interval
from portalcal.core.slots import Seeming
from portalcal.ports import Calendar, Draft, Event

Json = Mapping[str, object]

BOOKING_KEY = "portalcal"
MOVED_KEY = "portalcal-moved"
"""Marks an event that portalcal moved: its claim on its time is as old as its latest change, not as the event."""
SEND_UPDATES = {Notify.ALL: "all", Notify.EXTERNAL: "externalOnly", Notify.NONE: "none"}

# Google's own: where somebody works and whose birthday it is takes no time (GOOGLE.md 3.2).
_NEVER_BUSY = {"workingLocation": Seeming.WORKING_LOCATION, "birthday": Seeming.BIRTHDAY}

CALENDAR_FIELDS = "nextPageToken,items(id,summary,summaryOverride,accessRole,timeZone,primary,hidden,deleted)"
# What an Event is made of, and not the guests and notes of other people's meetings.
EVENT_FIELDS = (
    "nextPageToken,timeZone,items(id,status,start,end,created,updated,etag,htmlLink,hangoutLink,conferenceData/entryPoints,"
    "summary,location,transparency,eventType,attendees(self,responseStatus),extendedProperties/private)"
)
CHANGE_FIELDS = f"nextSyncToken,{EVENT_FIELDS}"


class Place(NamedTuple):
    """Where an event was found: its calendar, and the zone in which that calendar's all-day events lie."""

    calendar: str
    zone: ZoneInfo = ZoneInfo("UTC")


def calendar(entry: Json) -> Calendar | None:
    """An entry of the calendar list; None without an id."""
    id_ = text(entry, "id")
    if id_ is None or entry.get("deleted") is True:
        return None
    return Calendar(
        id_,
        name=text(entry, "summaryOverride") or text(entry, "summary") or id_,
        role=text(entry, "accessRole") or "none",
        timezone=text(entry, "timeZone") or "UTC",
        is_primary=entry.get("primary") is True,
        is_hidden=entry.get("hidden") is True,
    )


def body(draft: Draft) -> dict[str, object]:
    """The event to insert. Its instants carry their offset; the zone says how to show them."""
    event: dict[str, object] = {
        "id": draft.id,
        "summary": draft.title,
        **_times(draft),
        "extendedProperties": {"private": {BOOKING_KEY: str(draft.booking)}},
    }
    if draft.guests:
        first, *others = draft.guests
        event["attendees"] = [
            {"email": first, "displayName": draft.guest_name},
            *({"email": each} for each in others),
        ]
    if draft.location:
        event["location"] = draft.location
    if draft.notes:
        event["description"] = draft.notes
    if draft.meet:
        # The same requestId again is ignored, so a repeated insert cannot make a second conference.
        request = {"requestId": draft.id, "conferenceSolutionKey": {"type": "hangoutsMeet"}}
        event["conferenceData"] = {"createRequest": request}
    return event


def other_time(draft: Draft) -> dict[str, object]:
    """The patch that moves an event of ours to the draft's time."""
    marks = {BOOKING_KEY: str(draft.booking), MOVED_KEY: "yes"}
    return {**_times(draft), "extendedProperties": {"private": marks}}


def _times(draft: Draft) -> dict[str, object]:
    return {
        "start": {"dateTime": rfc3339(draft.span.start), "timeZone": draft.timezone},
        "end": {"dateTime": rfc3339(draft.span.end), "timeZone": draft.timezone},
    }


def event(found: Json, place: Place) -> Event | None:
    """An event as Google tells it; None without an id."""
    id_ = text(found, "id")
    if id_ is None:
        return None
    free_because = _free_because(found)
    marks = table(table(found, "extendedProperties"), "private")
    return Event(
        id=id_,
        calendar=place.calendar,
        span=_span(found, place.zone),
        is_cancelled=found.get("status") == "cancelled",
        is_busy=found.get("status") != "cancelled" and free_because is None and not _is_moment(found),
        free_because=free_because,
        created=_created(found),
        etag=text(found, "etag") or "",
        url=text(found, "htmlLink"),
        meet_url=text(found, "hangoutLink") or _video_link(found),
        booking=text(marks, BOOKING_KEY),
        title=text(found, "summary"),
        location=text(found, "location") or "",
        is_all_day="date" in table(found, "start"),
        is_moved=MOVED_KEY in marks,
        moved_at=instant(found.get("updated")) if MOVED_KEY in marks else None,
        declined=_declined(found),
    )


def _created(found: Json) -> datetime | None:
    """When it was made: `created` tells the second, `updated` of an event nobody changed since the millisecond.

    Seen in answers of Google's (GOOGLE.md section 3). Of two events of one second the second decides nothing.
    """
    created, updated = instant(found.get("created")), instant(found.get("updated"))
    if created is None or updated is None or updated < created:
        return created
    return updated if updated.replace(microsecond=0) == created else created


def rfc3339(moment: datetime, *, round_up: bool = False) -> str:
    """An instant in whole seconds UTC; Google ignores fractions, so a bound is rounded outwards."""
    whole = moment.astimezone(UTC).replace(microsecond=0)
    if round_up and whole < moment:
        whole += timedelta(seconds=1)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(value: object) -> datetime | None:
    """An RFC 3339 time as an instant; None for anything else, a time without offset among it."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    # OverflowError: the first and last day of the calendar, moved over its edge by their offset.
    except (ValueError, OverflowError):
        return None


def zone(value: object) -> ZoneInfo:
    """The zone of that name, else UTC."""
    try:
        return ZoneInfo(value) if isinstance(value, str) else ZoneInfo("UTC")
    # ZoneInfoNotFoundError is a KeyError; a name that leaves the database is a ValueError, a folder's an OSError.
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def text(found: Json, key: str) -> str | None:
    """A text that is there and not empty."""
    value = found.get(key)
    return value if isinstance(value, str) and value else None


def table(found: Json, key: str) -> Json:
    """The object under a key, or an empty one."""
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def tables(found: Json, key: str) -> tuple[Json, ...]:
    """The objects of the list under a key."""
    value = found.get(key)
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _span(found: Json, all_day_zone: ZoneInfo) -> Interval | None:
    start, end = _edge(table(found, "start"), all_day_zone), _edge(table(found, "end"), all_day_zone)
    return Interval(start, end) if start and end and start < end else None


def _edge(point: Json, all_day_zone: ZoneInfo) -> datetime | None:
    """A start or end: an instant, a wall time in the zone beside it, or midnight of a date in the calendar's zone."""
    if moment := instant(point.get("dateTime")):
        return moment
    try:
        if "dateTime" in point and isinstance(point.get("timeZone"), str):
            # "A time zone offset is required unless a time zone is explicitly specified" (the Events resource).
            local = datetime.fromisoformat(str(point["dateTime"]))
            return local.replace(tzinfo=ZoneInfo(str(point["timeZone"]))).astimezone(UTC)
        return wall(date.fromisoformat(str(point.get("date"))), 0, all_day_zone)
    # What ZoneInfo raises for a zone nobody knows: see `zone`.
    except (ValueError, OverflowError, KeyError, OSError):
        return None


def _declined(found: Json) -> tuple[str, ...]:
    """The guests who said no, by address; the account itself is no guest."""
    guests = (each for each in tables(found, "attendees") if each.get("self") is not True)
    return tuple(
        address
        for each in guests
        if each.get("responseStatus") == "declined" and (address := text(each, "email"))
    )


def _free_because(found: Json) -> Seeming | None:
    """Why it takes none of the account's time, by the table of GOOGLE.md 3.2; what is not known to be free is busy."""
    if kind := _NEVER_BUSY.get(text(found, "eventType") or ""):
        return kind
    if found.get("transparency") == "transparent":
        return Seeming.TRANSPARENT
    ours = (each for each in tables(found, "attendees") if each.get("self") is True)
    has_declined = any(each.get("responseStatus") == "declined" for each in ours)
    return Seeming.DECLINED if has_declined else None


def _is_moment(found: Json) -> bool:
    """Whether it ends as it starts: Google allows such events, and they take no time."""
    start, end = instant(table(found, "start").get("dateTime")), instant(table(found, "end").get("dateTime"))
    return start is not None and start == end


def _video_link(found: Json) -> str | None:
    ways = tables(table(found, "conferenceData"), "entryPoints")
    return next((text(each, "uri") for each in ways if each.get("entryPointType") == "video"), None)
