"""Methods of calendarList, calendars, settings and freeBusy."""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from portalcal.simulator.calendar import errors, instants, paging
from portalcal.simulator.calendar.calls import MethodCall
from portalcal.simulator.calendar.model import ROLES, CalendarListEntry, Model, User, at_least
from portalcal.simulator.calendar.recurrence import busy
from portalcal.simulator.calendar.serialize import collection_etag
from portalcal.simulator.http.messages import HttpResponse, Json, answer

MOST_CALENDARS = 50
MOST_MEMBERS = 100

# Undocumented; 90 days are accepted and about three months refused (calcom/cal.com#11704).
LONGEST_QUERY = timedelta(days=90)


def list_calendars(call: MethodCall) -> HttpResponse:
    """Answer calendarList.list."""
    request, user = call.request, call.caller
    least = request.value("minAccessRole")
    if least and least not in ROLES:
        raise errors.bad_request("Invalid value for: minAccessRole")
    since = 0
    if token := request.value("syncToken"):
        paging.forbid_with_sync(request, ("minAccessRole", "showOwnOrganizationOnly"))
        since = int(paging.read_sync_token(call.model, token, about=[user.email], since=0)["revision"])
    deleted, hidden = request.flag("showDeleted") or since > 0, request.flag("showHidden") or since > 0
    matching = [
        entry
        for entry in user.entries.values()
        if entry.revision > since
        and (deleted or not entry.deleted)
        and (hidden or not entry.hidden)
        and (not least or at_least(_role(call, entry), least))
    ]
    page = paging.cut(
        matching,
        request,
        key=lambda entry: [entry.calendar_id != user.email, entry.calendar_id],
        size=request.number("maxResults", 100, most=250),
        about=[user.email],
        revision=call.model.revision,
        sync=None
        if least
        else lambda revision: paging.sync_token(call.model, about=[user.email], revision=revision),
    )
    items = [_entry(entry, call.model, user) for entry in page.items]
    head = {"kind": "calendar#calendarList", "etag": collection_etag(call.model.revision)}
    return answer(head | page.token | {"items": items})


def get_list_entry(call: MethodCall) -> HttpResponse:
    """Answer calendarList.get; a calendar that is shared but not on the list is not found."""
    name = call.parts["calendarId"]
    entry = call.caller.entries.get(call.caller.email if name == "primary" else name)
    if entry is None or entry.deleted:
        raise errors.not_found()
    return answer(_entry(entry, call.model, call.caller))


def get_calendar(call: MethodCall) -> HttpResponse:
    """Answer calendars.get."""
    calendar = call.calendar()
    resource: Json = {
        "kind": "calendar#calendar",
        "etag": collection_etag(len(calendar.id)),
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.timezone,
        "conferenceProperties": _CONFERENCES,
    }
    if calendar.description:
        resource["description"] = calendar.description
    if not calendar.primary:
        resource["dataOwner"] = calendar.data_owner
    return answer(resource)


def list_settings(call: MethodCall) -> HttpResponse:
    """Answer settings.list."""
    items = [_setting(name, value) for name, value in _settings(call.caller).items()]
    token = paging.sync_token(call.model, about=["settings"], revision=call.model.revision)
    return answer(
        {"kind": "calendar#settings", "etag": collection_etag(1), "nextSyncToken": token, "items": items}
    )


def get_setting(call: MethodCall) -> HttpResponse:
    """Answer settings.get."""
    name = call.parts["setting"]
    value = _settings(call.caller).get(name)
    if value is None:
        raise errors.not_found()
    return answer(_setting(name, value))


def query_freebusy(call: MethodCall) -> HttpResponse:
    """Answer freebusy.query: per-calendar errors inside a 200, merged and clipped busy spans, keys as requested."""
    query = call.request.json()
    low, high = _bound(query, "timeMin"), _bound(query, "timeMax")
    if high <= low:
        raise errors.empty_range()
    if high - low > LONGEST_QUERY:
        raise errors.range_too_long()
    zone = _response_zone(query)
    names, groups = _names(call, query)
    limit = _limit(query, "calendarExpansionMax", most=MOST_CALENDARS)
    if len(names) > limit:
        calendars = {name: _error("tooManyCalendarsRequested") for name in names}
    else:
        calendars = {name: _busy(call, name, window=(low, high), zone=zone) for name in names}
    resource: Json = {
        "kind": "calendar#freeBusy",
        "timeMin": instants.stamp(low),
        "timeMax": instants.stamp(high),
        "calendars": calendars,
    }
    return answer(resource | ({"groups": groups} if groups else {}))


def _bound(query: Json, name: str) -> datetime:
    text = query.get(name)
    if not text:
        raise errors.required(f"Missing {name} parameter.", name)
    try:
        bound = instants.parse(str(text))
    except ValueError:
        raise errors.bad_request() from None
    if bound.tzinfo is None:
        raise errors.bad_request()
    return bound


def _response_zone(query: Json) -> tzinfo:
    try:
        return instants.zone(str(query.get("timeZone") or "UTC"))
    except ValueError:
        raise errors.invalid(
            f"Invalid value for: Invalid time zone: '{query['timeZone']}'.", "timeZone"
        ) from None


def _limit(query: Json, name: str, *, most: int) -> int:
    value = query.get(name)
    if value is None:
        return most
    if not isinstance(value, int) or value < 1:
        raise errors.bad_request(f"Invalid value for: {name}")
    return min(value, most)


def _names(call: MethodCall, query: Json) -> tuple[list[str], Json]:
    items = query.get("items") or []
    if not isinstance(items, list) or not all(isinstance(item, dict) and item.get("id") for item in items):
        raise errors.required("Required", "items.id")
    limit = _limit(query, "groupExpansionMax", most=MOST_MEMBERS)
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


def _busy(call: MethodCall, name: str, *, window: tuple[datetime, datetime], zone: tzinfo) -> Json:
    calendar = call.model.calendars.get(call.caller.email if name == "primary" else name)
    if calendar is None or calendar.role_of(call.caller.email) is None:
        return _error("notFound")
    if reason := call.model.unreadable.get(calendar.id):
        return _error(reason)
    span = (instants.epoch(window[0]), instants.epoch(window[1]))
    spans = busy(calendar.timeline.between(*span), span)
    return {
        "busy": [
            {"start": instants.render_seconds(start, zone), "end": instants.render_seconds(end, zone)}
            for start, end in spans
        ]
    }


def _error(reason: str) -> Json:
    return {"errors": [{"domain": "global", "reason": reason}], "busy": []}


_CONFERENCES = {"allowedConferenceSolutionTypes": ["hangoutsMeet"]}


def _role(call: MethodCall, entry: CalendarListEntry) -> str | None:
    calendar = call.model.calendars.get(entry.calendar_id)
    return calendar.role_of(call.caller.email) if calendar else None


def _entry(entry: CalendarListEntry, model: Model, user: User) -> Json:
    resource: Json = {
        "kind": "calendar#calendarListEntry",
        "etag": collection_etag(entry.revision),
        "id": entry.calendar_id,
    }
    calendar = model.calendars.get(entry.calendar_id)
    if entry.deleted or calendar is None:
        return resource | {"deleted": True}
    role = calendar.role_of(user.email) or "freeBusyReader"
    resource |= {
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
    return resource | {name: value for name, value in optional.items() if value}


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
