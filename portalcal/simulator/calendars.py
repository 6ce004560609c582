"""calendarList, calendars, settings and freeBusy: what can be asked about calendars rather than events."""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from portalcal.simulator import instants, paging, refusals
from portalcal.simulator.calls import Call
from portalcal.simulator.model import ROLES, Entry, Model, User, at_least
from portalcal.simulator.rules import busy
from portalcal.simulator.showing import collection_etag
from portalcal.simulator.wire import Json, Response, answer

MOST_CALENDARS = 50
MOST_MEMBERS = 100
# Undocumented; reported as refused past about three months, and 90 days pass (GOOGLE.md section 3.2).
LONGEST_QUERY = timedelta(days=90)


def list_calendars(call: Call) -> Response:
    """Answer calendarList.list."""
    request, user = call.request, call.caller
    least = request.value("minAccessRole")
    if least and least not in ROLES:
        raise refusals.bad_request("Invalid value for: minAccessRole")
    since = 0
    if token := request.value("syncToken"):
        paging.forbid_with_sync(request, ("minAccessRole", "showOwnOrganizationOnly"))
        since = int(paging.synced(call.model, token, about=[user.email], since=0)["revision"])
    deleted, hidden = request.flag("showDeleted") or since > 0, request.flag("showHidden") or since > 0
    found = [
        entry
        for entry in user.entries.values()
        if entry.revision > since
        and (deleted or not entry.deleted)
        and (hidden or not entry.hidden)
        and (not least or at_least(_role(call, entry), least))
    ]
    page = paging.cut(
        found,
        request,
        key=lambda entry: [entry.calendar_id != user.email, entry.calendar_id],
        size=request.number("maxResults", 100, most=250),
        about=[user.email],
        revision=call.model.revision,
        sync=None
        if least
        else lambda revision: paging.sync_token(call.model, about=[user.email], revision=revision),
    )
    items = [_entry(entry, call.model, user) for entry in page.shown]
    head = {"kind": "calendar#calendarList", "etag": collection_etag(call.model.revision)}
    return answer(head | page.token | {"items": items})


def get_list_entry(call: Call) -> Response:
    """Answer calendarList.get; a calendar one may use but has not put on the list is not found."""
    name = call.parts["calendarId"]
    entry = call.caller.entries.get(call.caller.email if name == "primary" else name)
    if entry is None or entry.deleted:
        raise refusals.not_found()
    return answer(_entry(entry, call.model, call.caller))


def get_calendar(call: Call) -> Response:
    """Answer calendars.get."""
    calendar = call.calendar()
    told: Json = {
        "kind": "calendar#calendar",
        "etag": collection_etag(len(calendar.id)),
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.timezone,
        "conferenceProperties": _CONFERENCES,
    }
    if calendar.description:
        told["description"] = calendar.description
    if not calendar.primary:
        told["dataOwner"] = calendar.data_owner
    return answer(told)


def list_settings(call: Call) -> Response:
    """Answer settings.list."""
    items = [_setting(name, value) for name, value in _settings(call.caller).items()]
    token = paging.sync_token(call.model, about=["settings"], revision=call.model.revision)
    return answer(
        {"kind": "calendar#settings", "etag": collection_etag(1), "nextSyncToken": token, "items": items}
    )


def get_setting(call: Call) -> Response:
    """Answer settings.get."""
    name = call.parts["setting"]
    value = _settings(call.caller).get(name)
    if value is None:
        raise refusals.not_found()
    return answer(_setting(name, value))


def query_freebusy(call: Call) -> Response:
    """Answer freebusy.query: per-calendar errors inside a 200, merged and clipped busy spans, keys as requested."""
    asked = call.request.json()
    low, high = _bound(asked, "timeMin"), _bound(asked, "timeMax")
    if high <= low:
        raise refusals.empty_range()
    if high - low > LONGEST_QUERY:
        raise refusals.range_too_long()
    zone = _response_zone(asked)
    names, groups = _names(call, asked)
    limit = _limit(asked, "calendarExpansionMax", most=MOST_CALENDARS)
    if len(names) > limit:
        calendars = {name: _error("tooManyCalendarsRequested") for name in names}
    else:
        calendars = {name: _busy(call, name, window=(low, high), zone=zone) for name in names}
    told: Json = {
        "kind": "calendar#freeBusy",
        "timeMin": instants.stamp(low),
        "timeMax": instants.stamp(high),
        "calendars": calendars,
    }
    return answer(told | ({"groups": groups} if groups else {}))


def _bound(asked: Json, name: str) -> datetime:
    text = asked.get(name)
    if not text:
        raise refusals.required(f"Missing {name} parameter.", name)
    try:
        bound = instants.parse(str(text))
    except ValueError:
        raise refusals.bad_request() from None
    if bound.tzinfo is None:
        raise refusals.bad_request()
    return bound


def _response_zone(asked: Json) -> tzinfo:
    try:
        return instants.zone(str(asked.get("timeZone") or "UTC"))
    except ValueError:
        raise refusals.invalid(
            f"Invalid value for: Invalid time zone: '{asked['timeZone']}'.", "timeZone"
        ) from None


def _limit(asked: Json, name: str, *, most: int) -> int:
    value = asked.get(name)
    if value is None:
        return most
    if not isinstance(value, int) or value < 1:
        raise refusals.bad_request(f"Invalid value for: {name}")
    return min(value, most)


def _names(call: Call, asked: Json) -> tuple[list[str], Json]:
    items = asked.get("items") or []
    if not isinstance(items, list) or not all(isinstance(item, dict) and item.get("id") for item in items):
        raise refusals.required("Required", "items.id")
    limit = _limit(asked, "groupExpansionMax", most=MOST_MEMBERS)
    names: list[str] = []
    groups: Json = {}
    for item in items:
        members = call.model.groups.get(str(item["id"]))
        if members is None:
            names.append(str(item["id"]))
        elif len(members) > limit:
            groups[item["id"]] = {"errors": [{"domain": "global", "reason": "groupTooBig"}]}
        else:
            groups[item["id"]] = {"calendars": members}
            names += members
    return list(dict.fromkeys(names)), groups


def _busy(call: Call, name: str, *, window: tuple[datetime, datetime], zone: tzinfo) -> Json:
    calendar = call.model.calendars.get(call.caller.email if name == "primary" else name)
    if calendar is None or calendar.role_of(call.caller.email) is None:
        return _error("notFound")
    if reason := call.model.unreadable.get(calendar.id):
        return _error(reason)
    span = (instants.epoch(window[0]), instants.epoch(window[1]))
    spans = busy(calendar.timeline.between(*span), span)
    return {"busy": [{"start": _render(start, zone), "end": _render(end, zone)} for start, end in spans]}


def _render(seconds: int, zone: tzinfo) -> str:
    return instants.render(instants.from_epoch(seconds), zone)


def _error(reason: str) -> Json:
    return {"errors": [{"domain": "global", "reason": reason}], "busy": []}


_CONFERENCES = {"allowedConferenceSolutionTypes": ["hangoutsMeet"]}


def _role(call: Call, entry: Entry) -> str | None:
    calendar = call.model.calendars.get(entry.calendar_id)
    return calendar.role_of(call.caller.email) if calendar else None


def _entry(entry: Entry, model: Model, user: User) -> Json:
    told: Json = {
        "kind": "calendar#calendarListEntry",
        "etag": collection_etag(entry.revision),
        "id": entry.calendar_id,
    }
    calendar = model.calendars.get(entry.calendar_id)
    if entry.deleted or calendar is None:
        return told | {"deleted": True}
    role = calendar.role_of(user.email) or "freeBusyReader"
    told |= {
        "summary": calendar.summary,
        "timeZone": calendar.timezone,
        "colorId": "14",
        "backgroundColor": entry.color,
        "foregroundColor": "#ffffff",
        "accessRole": role,
        "defaultReminders": [{"method": "popup", "minutes": 10}] if calendar.primary else [],
        "conferenceProperties": _CONFERENCES,
    }
    optional: dict[str, Any] = {
        "description": calendar.description,
        "summaryOverride": entry.summary_override,
        "hidden": entry.hidden,
        "selected": entry.selected,
        "primary": calendar.id == user.email,
        "dataOwner": "" if calendar.primary else calendar.data_owner,
    }
    return told | {name: value for name, value in optional.items() if value}


def _settings(user: User) -> dict[str, str]:
    return {
        "timezone": user.timezone,
        "locale": "en_GB",
        "weekStart": "1",
        "format24HourTime": "true",
        "dateFieldOrder": "DMY",
        "defaultEventLength": "30",
        "hideInvitations": "false",
        "remindOnRespondedEventsOnly": "false",
        "showDeclinedEvents": "true",
        "useKeyboardShortcuts": "true",
        "autoAddHangouts": "false",
        "hideWeekends": "false",
    }


def _setting(name: str, value: str) -> Json:
    return {"kind": "calendar#setting", "etag": f'"{name}-{value}"', "id": name, "value": value}
