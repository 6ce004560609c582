"""Validate event bodies: writable fields, types, limits, and Google's error for the first violation.

Takes the JSON of a request and returns the JSON to store, without unknown and read-only fields
(https://developers.google.com/calendar/api/v3/reference/events).
"""

import re
import secrets
from collections.abc import Iterable
from typing import Any

from portalcal.simulator.calendar import errors, instants
from portalcal.simulator.calendar.event import moment, rule_set
from portalcal.simulator.http.messages import Json, error_response

_ID = re.compile(r"[a-v0-9]{5,1024}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")

# Only the organizer may change these; a guest's copy cannot.
SHARED_RIGHTS = ("guestsCanInviteOthers", "guestsCanModify", "guestsCanSeeOtherGuests")

WRITEABLE = (
    "anyoneCanAddSelf", "attachments", "attendees", "birthdayProperties", "colorId", "conferenceData", "description",
    "end", "eventLabelId", "eventType", "extendedProperties", "focusTimeProperties", "gadget", *SHARED_RIGHTS,
    "iCalUID", "id", "location", "outOfOfficeProperties", "privateCopy", "recurrence", "reminders", "sequence",
    "source", "start", "status", "summary", "transparency", "visibility", "workingLocationProperties",
)  # fmt: skip

_ENUMS = {
    "status": {"confirmed", "tentative", "cancelled"},
    "transparency": {"opaque", "transparent"},
    "visibility": {"default", "public", "private", "confidential"},
    "eventType": {"birthday", "default", "focusTime", "outOfOffice", "workingLocation"},
}

# JSON types that Google's front end enforces before the backend sees the request.
_TYPES: dict[str, type] = {
    **dict.fromkeys(("attachments", "attendees", "recurrence"), list),
    **dict.fromkeys(("conferenceData", "end", "extendedProperties", "reminders", "source", "start"), dict),
    **dict.fromkeys(("colorId", "description", "iCalUID", "id", "location", "summary", *_ENUMS), str),
    **dict.fromkeys(("anyoneCanAddSelf", "privateCopy", *SHARED_RIGHTS), bool),
    "sequence": int,
}

_RESPONSES = {"needsAction", "declined", "tentative", "accepted"}

_ATTENDEE = (
    "additionalGuests",
    "comment",
    "displayName",
    "email",
    "id",
    "optional",
    "resource",
    "responseStatus",
)

_DEFAULTS = {
    "transparency": "opaque",
    "visibility": "default",
    "anyoneCanAddSelf": False,
    "privateCopy": False,
}


def merge_patch(stored: Json, changes: Json) -> Json:
    """Return `stored` patched: null removes, objects merge, arrays are replaced whole.

    >>> merge_patch({"a": 1, "b": {"c": 1, "d": 2}}, {"a": None, "b": {"c": 3}})
    {'b': {'c': 3, 'd': 2}}
    """
    result = dict(stored)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merge_patch(result[name], value)
        else:
            result[name] = value
    return result


def validate(body: Json, *, zone_name: str, primary: bool) -> Json:
    """Validate a complete event body and return it as stored.

    Raises:
        ErrorResponse: 400 with Google's reason for the first violation.
    """
    kept = {name: body[name] for name in WRITEABLE if body.get(name) is not None}
    _check_types(kept)
    for name, allowed in _ENUMS.items():
        if name in kept and kept[name] not in allowed:
            raise errors.invalid(f"Invalid value for: {kept[name]} is not a valid value", name)
    for name, default in _DEFAULTS.items():
        if kept.get(name) == default:
            del kept[name]
    _check_times(kept, zone_name)
    _check_type(kept, primary=primary)
    _check_reminders(kept.get("reminders", {}))
    if not str(kept.get("source", {}).get("url", "https:")).startswith(("http:", "https:")):
        raise errors.invalid("Invalid source url.", "source.url")
    if len(kept.get("attachments", [])) > 25:
        raise errors.invalid("Too many attachments.", "attachments")
    if "attendees" in kept:
        kept["attendees"] = [_attendee(guest) for guest in kept["attendees"]]
    if "extendedProperties" in kept:
        kept["extendedProperties"] = _properties(kept["extendedProperties"])
    return kept


def new_id() -> str:
    """Return a new event id in Google's form: 26 characters of base32hex."""
    return "".join(secrets.choice("0123456789abcdefghijklmnopqrstuv") for _ in range(26))


def check_id(event_id: object) -> None:
    """Raise 400 for an id that is not 5 to 1024 characters of base32hex."""
    if not isinstance(event_id, str) or not _ID.fullmatch(event_id):
        raise errors.invalid("Invalid resource id value.")


def _check_types(body: Json) -> None:
    for name, value in body.items():
        if not isinstance(value, _TYPES.get(name, object)):
            raise errors.bad_request(f"Invalid value for: {name}")
    overrides = (body.get("reminders") or {}).get("overrides") or []
    if not isinstance(overrides, list):
        raise errors.bad_request("Invalid value for: overrides")
    properties = [one for one in (body.get("extendedProperties") or {}).values() if one is not None]
    if not all(isinstance(one, dict) for one in (*body.get("attendees", []), *properties, *overrides)):
        raise errors.bad_request("Invalid value")


def _check_times(body: Json, zone_name: str) -> None:
    for name in ("start", "end"):
        if not isinstance(body.get(name), dict):
            raise errors.required(f"Missing {name} time.")
        body[name] = {
            key: value
            for key, value in body[name].items()
            if key in {"date", "dateTime", "timeZone"} and value
        }
    start, end = body["start"], body["end"]
    if any(("date" in point) == ("dateTime" in point) for point in (start, end)) or ("date" in start) != (
        "date" in end
    ):
        raise errors.invalid("Start and end times must either both be date or both be dateTime.")
    for name, point in (("start", start), ("end", end)):
        _check_point(name, point, recurring=bool(body.get("recurrence")))
    zone = instants.zone(zone_name)
    begins, ends = moment(start, zone), moment(end, zone)
    if ends < begins or ("date" in start and ends == begins):
        raise errors.empty_range()
    if body.get("recurrence"):
        _check_recurrence(body, zone_name)


def _check_point(name: str, point: Json, *, recurring: bool) -> None:
    if "timeZone" in point:
        try:
            instants.zone(str(point["timeZone"]))
        except ValueError:
            raise errors.invalid(f"Invalid time zone definition for {name} time.") from None
    try:
        if "date" in point:
            instants.day(point["date"])
            return
        parsed = instants.parse(point["dateTime"])
    except (TypeError, ValueError):
        raise errors.bad_request(f"Invalid value for: {name}") from None
    if "timeZone" not in point and (parsed.tzinfo is None or recurring):
        raise errors.required(f"Missing time zone definition for {name} time.")
    # Stored normalized: without fractions of a second, with the offset in one spelling.
    point["dateTime"] = parsed.isoformat()


def _check_recurrence(body: Json, zone_name: str) -> None:
    start = body["start"]
    where = instants.zone(start.get("timeZone") or zone_name)
    first = moment(start, where).astimezone(where).replace(tzinfo=None)
    try:
        rule_set([str(line) for line in body["recurrence"]], first, where=where, whole_days="date" in start)
    except ValueError:
        raise errors.invalid("Invalid recurrence rule.", "recurrence") from None


def _check_type(body: Json, *, primary: bool) -> None:
    kind = body.setdefault("eventType", "default")
    all_day = "date" in body["start"]
    transparent = body.get("transparency") == "transparent"
    if kind in {"focusTime", "outOfOffice", "workingLocation"} and not primary:
        raise errors.invalid(f"A {kind} event can only be created on the primary calendar.", "eventType")
    if kind in {"focusTime", "outOfOffice"} and (all_day or transparent):
        raise errors.invalid(f"A {kind} event must be timed and opaque.", "eventType")
    if kind == "workingLocation" and not transparent:
        raise errors.invalid("A workingLocation event must be transparent.", "transparency")
    if kind == "birthday" and not all_day:
        raise errors.invalid("A birthday event must be an all-day event.", "eventType")


def _check_reminders(reminders: Json) -> None:
    overrides = reminders.get("overrides") or []
    if reminders.get("useDefault") and overrides:
        raise error_response(
            400, "cannotUseDefaultRemindersAndSpecifyOverride",
            "Cannot specify both default reminders and overrides at the same time.", domain="calendar",
        )  # fmt: skip
    is_valid = all(
        reminder.get("method") in {"email", "popup"}
        and isinstance(reminder.get("minutes"), int)
        and 0 <= reminder["minutes"] <= 40320
        for reminder in overrides
    )
    if len(overrides) > 5 or not is_valid:
        raise errors.invalid("Invalid reminder overrides.", "reminders")


def _attendee(guest: Json) -> Json:
    kept = {name: guest[name] for name in _ATTENDEE if guest.get(name) is not None}
    if "email" not in kept:
        raise errors.required("Missing attendee email.")
    if not isinstance(kept["email"], str) or not _EMAIL.fullmatch(kept["email"]):
        raise errors.invalid("Invalid attendee email.")
    if kept.setdefault("responseStatus", "needsAction") not in _RESPONSES:
        raise errors.invalid("Invalid attendee response status.")
    # "An email address with uppercases will be converted with lowercases" (odoo/odoo#67826).
    return kept | {"email": kept["email"].lower()}


def _properties(sent: Json) -> Json:
    """Drop keys over 44 characters and cut values at 1024, silently as Google does; raise 400 over 300 or 32 kB.

    https://developers.google.com/calendar/api/guides/extended-properties
    """
    kept: Json = {}
    for kind in ("private", "shared"):
        pairs = sent.get(kind) or {}
        fitting = {
            name: str(value)[:1024] for name, value in pairs.items() if value is not None and len(name) <= 44
        }
        if fitting:
            kept[kind] = fitting
    size = sum(len(name) + len(value) for pairs in kept.values() for name, value in pairs.items())
    if sum(map(len, kept.values())) > 300 or size > 32 * 1024:
        raise errors.bad_request("The event has too many extended properties.")
    return kept


def matches_properties(body: Json, kind: str, constraints: Iterable[str]) -> bool:
    """Whether an event has every `name=value` of a kind (so the reference; the guide says any of them)."""
    pairs: dict[str, Any] = body.get("extendedProperties", {}).get(kind, {})
    return all(pairs.get(name) == value for name, _, value in (text.partition("=") for text in constraints))
