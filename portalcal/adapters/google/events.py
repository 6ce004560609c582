"""Map Google's events and calendars to our values and back. Pure; tolerates missing and unknown fields.

Resources: https://developers.google.com/calendar/api/v3/reference/events and .../calendarList.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.core.booking import Guest, Notify
from portalcal.core.intervals import Interval
from portalcal.core.slots import EventKind, FreeReason
from portalcal.core.time import wall
from portalcal.ports import Calendar, Event, EventDraft, Invitee

Json = Mapping[str, object]

BOOKING_KEY = "portalcal"
"""The private extended property that holds the booking's id."""

MOVED_KEY = "portalcal-moved"
"""Marks an event that portalcal moved: it claims its slot since `updated`, not since `created`."""

SEND_UPDATES = {Notify.ALL: "all", Notify.EXTERNAL: "externalOnly", Notify.NONE: "none"}

# Event types that never block time, whatever their `transparency` is.
_NEVER_BUSY = {"workingLocation": FreeReason.WORKING_LOCATION, "birthday": FreeReason.BIRTHDAY}

_KINDS = {"outOfOffice": EventKind.OUT_OF_OFFICE, "focusTime": EventKind.FOCUS_TIME}

CALENDAR_FIELDS = "nextPageToken,items(id,summary,summaryOverride,accessRole,timeZone,primary,hidden,deleted)"

# Only the fields an Event needs: not the guests and notes of other people's meetings.
EVENT_FIELDS = (
    "nextPageToken,timeZone,items(id,status,recurrence,recurringEventId,originalStartTime,start,end,created,updated,etag,htmlLink,hangoutLink,conferenceData/entryPoints,"
    "summary,location,transparency,eventType,attendees(self,resource,responseStatus),extendedProperties/private)"
)

CHANGE_FIELDS = f"nextSyncToken,{EVENT_FIELDS}"


class Place(NamedTuple):
    """Where an event was read."""

    calendar: str
    zone: ZoneInfo = ZoneInfo("UTC")  # the calendar's zone, in which its all-day events begin and end


def calendar(entry: Json) -> Calendar | None:
    """Parse an entry of the calendar list; None if it is deleted or has no id."""
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


def body(draft: EventDraft) -> dict[str, object]:
    """The resource to insert. Times carry their UTC offset; `timeZone` is for display only."""
    event: dict[str, object] = {
        "id": draft.id,
        "summary": draft.title,
        **_times(draft),
        "extendedProperties": {"private": {BOOKING_KEY: str(draft.booking)}},
    }
    if attendees := _attendees(draft):
        event["attendees"] = attendees
    if draft.location:
        event["location"] = draft.location
    if draft.notes:
        event["description"] = draft.notes
    if draft.meet:
        # Google ignores a repeated requestId, so a retried insert cannot create a second conference.
        request = {"requestId": draft.id, "conferenceSolutionKey": {"type": "hangoutsMeet"}}
        event["conferenceData"] = {"createRequest": request}
    return event


def _attendees(draft: EventDraft) -> list[dict[str, object]]:
    """The guests, the first with their name, and the people and the room that take part. Nobody twice."""
    attendees: list[dict[str, object]] = [{"email": address} for address in draft.guests]
    if attendees:
        attendees[0]["displayName"] = draft.guest_name
    guests = {address.lower() for address in draft.guests}
    return attendees + [_attendee(each) for each in draft.people if each.email.lower() not in guests]


def _attendee(person: Invitee) -> dict[str, object]:
    marks = {"optional": person.is_optional, "resource": person.is_room}
    return {"email": person.email} | {name: True for name, holds in marks.items() if holds}


def changed_attendees(
    resource: Json, *, people: Iterable[Invitee], but_not: Iterable[str]
) -> list[Json] | None:
    """The attendees of an event with these people and without those addresses; None if nothing changes."""
    leaving = {address.lower() for address in but_not}
    present = tables(resource, "attendees")
    kept = [each for each in present if (text(each, "email") or "").lower() not in leaving]
    known = {(text(each, "email") or "").lower() for each in kept}
    coming = [_attendee(each) for each in people if each.email.lower() not in known]
    return [*kept, *coming] if coming or len(kept) < len(present) else None


def time_patch(draft: EventDraft) -> dict[str, object]:
    """The patch that moves an event of ours to the draft's time."""
    properties = {BOOKING_KEY: str(draft.booking), MOVED_KEY: "yes"}
    return {**_times(draft), "extendedProperties": {"private": properties}}


def _times(draft: EventDraft) -> dict[str, object]:
    return {
        "start": {"dateTime": rfc3339(draft.span.start), "timeZone": draft.timezone},
        "end": {"dateTime": rfc3339(draft.span.end), "timeZone": draft.timezone},
    }


def event(resource: Json, place: Place) -> Event | None:
    """Parse an event resource; None if it has no id."""
    id_ = text(resource, "id")
    if id_ is None:
        return None
    free_because = _free_because(resource)
    properties = table(table(resource, "extendedProperties"), "private")
    return Event(
        id=id_,
        calendar=place.calendar,
        span=_span(resource, place.zone),
        is_cancelled=resource.get("status") == "cancelled",
        is_busy=resource.get("status") != "cancelled" and free_because is None and not _is_empty(resource),
        free_because=free_because,
        created=_created(resource),
        etag=text(resource, "etag") or "",
        url=text(resource, "htmlLink"),
        meet_url=text(resource, "hangoutLink") or _video_link(resource),
        booking=text(properties, BOOKING_KEY),
        title=text(resource, "summary"),
        kinds=tuple(_kinds(resource)),
        location=text(resource, "location") or "",
        is_all_day="date" in table(resource, "start"),
        is_moved=MOVED_KEY in properties,
        moved_at=instant(resource.get("updated")) if MOVED_KEY in properties else None,
        declined=_declined(resource),
        responses=_responses(resource),
        guest=next(iter(guests := _guests(resource)), None),
        further_guests=tuple(each.email for each in guests[1:]),
        room_response=_room_response(resource),
        is_series=bool(resource.get("recurrence")),
        series=text(resource, "recurringEventId"),
        original=_edge(table(resource, "originalStartTime"), place.zone),
    )


def _created(resource: Json) -> datetime | None:
    """When the event was created, as precisely as Google reports it.

    `created` has whole seconds, `updated` milliseconds. While an event is unchanged both are the same moment, so that
    `updated` can order two events of the same second (response in googleapis/google-api-nodejs-client#3212).
    """
    created, updated = instant(resource.get("created")), instant(resource.get("updated"))
    if created is None or updated is None or updated < created:
        return created
    return updated if updated.replace(microsecond=0) == created else created


def rfc3339(moment: datetime, *, round_up: bool = False) -> str:
    """Format an instant in whole seconds UTC. Google ignores fractions, so an upper bound is rounded up."""
    whole = moment.astimezone(UTC).replace(microsecond=0)
    if round_up and whole < moment:
        whole += timedelta(seconds=1)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(value: object) -> datetime | None:
    """Parse an RFC 3339 timestamp; None for anything else, such as a time without an offset."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    # OverflowError: the offset moves the time out of the years 1 to 9999.
    except (ValueError, OverflowError):
        return None


def zone(value: object) -> ZoneInfo:
    """The zone of that name; UTC if there is none."""
    try:
        return ZoneInfo(value) if isinstance(value, str) else ZoneInfo("UTC")
    # Unknown: ZoneInfoNotFoundError, a KeyError. A path outside the database: ValueError. A folder in it: OSError.
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def text(resource: Json, key: str) -> str | None:
    """The non-empty string under a key."""
    value = resource.get(key)
    return value if isinstance(value, str) and value else None


def table(resource: Json, key: str) -> Json:
    """The object under a key, or an empty one if there is none."""
    value = resource.get(key)
    return value if isinstance(value, dict) else {}


def tables(resource: Json, key: str) -> tuple[Json, ...]:
    """The objects in the list under a key."""
    value = resource.get(key)
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _span(resource: Json, all_day_zone: ZoneInfo) -> Interval | None:
    start, end = _edge(table(resource, "start"), all_day_zone), _edge(table(resource, "end"), all_day_zone)
    return Interval(start, end) if start and end and start < end else None


def _edge(point: Json, all_day_zone: ZoneInfo) -> datetime | None:
    """A start or end: an instant, a local time with `timeZone`, or a date's midnight in the calendar's zone."""
    if moment := instant(point.get("dateTime")):
        return moment
    try:
        if "dateTime" in point and isinstance(point.get("timeZone"), str):
            # Events resource: "A time zone offset is required unless a time zone is explicitly specified".
            local = datetime.fromisoformat(str(point["dateTime"]))
            return local.replace(tzinfo=ZoneInfo(str(point["timeZone"]))).astimezone(UTC)
        return wall(date.fromisoformat(str(point.get("date"))), 0, all_day_zone)
    # KeyError, OSError: an unknown zone; see `zone`.
    except (ValueError, OverflowError, KeyError, OSError):
        return None


def _declined(resource: Json) -> tuple[str, ...]:
    """The addresses of the guests who declined; the account itself is not a guest."""
    guests = (each for each in tables(resource, "attendees") if each.get("self") is not True)
    return tuple(
        address
        for guest in guests
        if guest.get("responseStatus") == "declined" and (address := text(guest, "email"))
    )


def _guests(resource: Json) -> tuple[Guest, ...]:
    """Who is invited, without the account itself and rooms; who has no name is called by the address."""
    invited = (
        each
        for each in tables(resource, "attendees")
        if each.get("self") is not True and each.get("resource") is not True
    )
    read = ((text(each, "email"), text(each, "displayName")) for each in invited)
    return tuple(Guest(name or address, address) for address, name in read if address)


def _responses(resource: Json) -> tuple[tuple[str, str], ...]:
    """The addresses of attendees with their responses, as far as both were returned."""
    read = ((text(each, "email"), text(each, "responseStatus")) for each in tables(resource, "attendees"))
    return tuple((address.lower(), response) for address, response in read if address and response)


def _room_response(resource: Json) -> str | None:
    """The response of the first room; None if there is none."""
    rooms = (each for each in tables(resource, "attendees") if each.get("resource") is True)
    return next((text(each, "responseStatus") or "needsAction" for each in rooms), None)


def _free_because(resource: Json) -> FreeReason | None:
    """Why the event does not block the account's time; None if it does.

    Free are working locations and birthdays, transparent events, and those the account declined, in this order.
    Anything else is busy, tentative and unanswered invitations too.
    """
    if reason := _NEVER_BUSY.get(text(resource, "eventType") or ""):
        return reason
    if resource.get("transparency") == "transparent":
        return FreeReason.TRANSPARENT
    account = (each for each in tables(resource, "attendees") if each.get("self") is True)
    has_declined = any(attendee.get("responseStatus") == "declined" for attendee in account)
    return FreeReason.DECLINED if has_declined else None


def _kinds(resource: Json) -> Iterator[EventKind]:
    """What the event is, as far as explanations name it."""
    if kind := _KINDS.get(text(resource, "eventType") or ""):
        yield kind
    account = [each for each in tables(resource, "attendees") if each.get("self") is True]
    responses = {each.get("responseStatus") for each in account}
    if resource.get("status") == "tentative" or "tentative" in responses:
        yield EventKind.TENTATIVE
    if "needsAction" in responses:
        yield EventKind.UNANSWERED


def _is_empty(resource: Json) -> bool:
    """Whether the event ends when it starts: Google allows that, and such an event takes no time."""
    start, end = (
        instant(table(resource, "start").get("dateTime")),
        instant(table(resource, "end").get("dateTime")),
    )
    return start is not None and start == end


def _video_link(resource: Json) -> str | None:
    entry_points = tables(table(resource, "conferenceData"), "entryPoints")
    return next((text(each, "uri") for each in entry_points if each.get("entryPointType") == "video"), None)
