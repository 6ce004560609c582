"""events.list and events.instances: bounds, order, filters, pages, incremental sync."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from portalcal.simulator.calendar import bodies, errors, instants, paging
from portalcal.simulator.calendar.calls import MethodCall
from portalcal.simulator.calendar.event import StoredEvent
from portalcal.simulator.calendar.model import StoredCalendar
from portalcal.simulator.calendar.recurrence import expand
from portalcal.simulator.calendar.serialize import collection_etag, instance, show
from portalcal.simulator.http.messages import HttpRequest, HttpResponse, Json, answer, error_response

_NOT_WITH_SYNC = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
)

# How far a list without timeMax expands endless series. Google has a limit too, but documents none.
_HORIZON = timedelta(days=2 * 365)
_SEARCHED = ("summary", "description", "location")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The parameters of a list."""

    single: bool  # singleEvents: series expanded to instances
    deleted: bool  # showDeleted
    low: int | None  # timeMin in epoch seconds
    high: int | None  # timeMax in epoch seconds
    since: int = 0  # the revision of the sync token; 0: full sync

    def admits(self, event: StoredEvent) -> bool:
        """Whether an event ends after `low` and starts before `high`: both bounds are exclusive."""
        return (self.low is None or event.end > self.low) and (self.high is None or event.start < self.high)


def list_events(call: MethodCall) -> HttpResponse:
    """Answer events.list."""
    calendar, role = call.readable()
    request = call.request
    order = request.value("orderBy")
    single = request.flag("singleEvents")
    if order not in {"", "startTime", "updated"}:
        raise errors.bad_request("Invalid value for: orderBy")
    if order == "startTime" and not single:
        message = "The requested ordering is not available for the particular query."
        raise error_response(400, "badRequest", message, location="orderBy")
    about = [calendar.id, single]
    query = _query(call, calendar, about)
    matching = [event for event in _candidates(call, calendar, query) if _matches(event, request)]
    # Without orderBy the order is "unspecified, stable": by id, so that no client mistakes it for time order.
    key = {"startTime": lambda event: [event.start, event.id], "updated": _by_update}.get(
        order, lambda event: [event.id]
    )
    return _page(call, calendar, role, query=query, matching=matching, about=[*about, order], key=key)


def list_instances(call: MethodCall) -> HttpResponse:
    """Answer events.instances: the instances of a series, changed ones included."""
    calendar, role = call.readable()
    series = call.model.find(calendar, call.parts["eventId"])
    if series is None or not series.is_recurring:
        raise errors.not_found()
    request = call.request
    query = ListQuery(
        single=True,
        deleted=request.flag("showDeleted"),
        low=_bound(request, "timeMin"),
        high=_bound(request, "timeMax"),
    )
    matching = [
        event
        for event in _expanded(call, calendar, query)
        if event.series == series.id and event is not series
    ]
    if wanted := request.value("originalStart"):
        matching = [event for event in matching if _original_is(event, wanted)]
    return _page(
        call,
        calendar,
        role,
        query=query,
        matching=matching,
        about=[calendar.id, series.id],
        key=lambda event: [event.start, event.id],
        synced=False,
    )


def _page(
    call: MethodCall,
    calendar: StoredCalendar,
    role: str,
    *,
    query: ListQuery,
    matching: list[StoredEvent],
    about: list[Any],
    key: Any,
    synced: bool = True,
) -> HttpResponse:
    request = call.request
    withheld = any(name in request.query for name in _NOT_WITH_SYNC if name not in {"timeMin", "timeMax"})

    def token(revision: int) -> str:
        bounds = {"low": query.low, "high": query.high}
        return paging.sync_token(call.model, about=about[:2], revision=revision, **bounds)

    page = paging.cut(
        matching,
        request,
        key=key,
        size=request.number("maxResults", 250, most=2500),
        about=about,
        revision=call.model.revision,
        sync=token if synced and not withheld else None,
    )
    items = _resources(call, calendar, role, events=page.items, brief=query.since > 0 and not query.deleted)
    return answer(_head(call, calendar, role) | page.token | {"items": items})


def _resources(
    call: MethodCall, calendar: StoredCalendar, role: str, *, events: list[StoredEvent], brief: bool
) -> list[Json]:
    zone, most = call.display_zone(calendar), call.request.number("maxAttendees", 10_000, most=10_000)
    resources = (show(event, calendar, role=role, zone=zone, most_guests=most) for event in events)
    return [
        _brief(resource) if brief and resource.get("status") == "cancelled" else resource
        for resource in resources
    ]


def _head(call: MethodCall, calendar: StoredCalendar, role: str) -> Json:
    head: Json = {
        "kind": "calendar#events",
        "etag": collection_etag(call.model.revision),
        "summary": calendar.summary,
        "updated": instants.stamp(calendar.updated or call.model.clock.now()),
        "timeZone": str(call.display_zone(calendar)),
        "accessRole": role,
        "defaultReminders": [{"method": "popup", "minutes": 10}] if role == "owner" else [],
    }
    return head | ({"description": calendar.description} if calendar.description else {})


def _query(call: MethodCall, calendar: StoredCalendar, about: list[Any]) -> ListQuery:
    request = call.request
    single, deleted = request.flag("singleEvents"), request.flag("showDeleted")
    if token := request.value("syncToken"):
        paging.forbid_with_sync(request, _NOT_WITH_SYNC)
        if request.value("showDeleted") == "false":
            raise error_response(
                400, "badRequest", "showDeleted cannot be false with a sync token.", location="showDeleted"
            )
        sync = paging.read_sync_token(call.model, token, about=about, since=calendar.synced_since)
        return ListQuery(
            single=single, deleted=deleted, low=sync["low"], high=sync["high"], since=int(sync["revision"])
        )
    low, high = _bound(request, "timeMin"), _bound(request, "timeMax")
    if low is not None and high is not None and low >= high:
        raise errors.empty_range()
    if oldest := _bound(request, "updatedMin"):
        if call.model.clock.now() - instants.from_epoch(oldest) > paging.SYNC_LIFE:
            raise errors.updated_min_too_long_ago()
        deleted = True
    return ListQuery(single=single, deleted=deleted, low=low, high=high)


def _candidates(call: MethodCall, calendar: StoredCalendar, query: ListQuery) -> Iterator[StoredEvent]:
    events = _expanded(call, calendar, query) if query.single else _stored(call, calendar, query)
    return (event for event in events if event.revision > query.since)


def _stored(call: MethodCall, calendar: StoredCalendar, query: ListQuery) -> Iterator[StoredEvent]:
    """Yield events as stored: series unexpanded, their exceptions as separate events."""
    recurring: set[str] | None = None
    for event in calendar.events.values():
        if event.is_tombstone and (
            not (query.deleted or query.since) or not call.model.find(calendar, event.id)
        ):
            continue
        if event.is_recurring and not event.is_cancelled:
            if query.low is not None or query.high is not None:
                recurring = recurring if recurring is not None else _series_within(call, calendar, query)
                if event.id not in recurring:
                    continue
        elif not query.admits(event):
            continue
        yield event


def _expanded(call: MethodCall, calendar: StoredCalendar, query: ListQuery) -> Iterator[StoredEvent]:
    """Yield single events and instances of series; deleted ones too if requested."""
    low, high = _window(call, calendar, query)
    for occurrence in calendar.timeline.between(low, high):
        yield instance(occurrence, calendar)
    if not (query.deleted or query.since):
        return
    for event in list(calendar.events.values()):
        if not event.is_cancelled or call.model.find(calendar, event.id) is None:
            continue
        if event.is_recurring:
            # "Only single instances of deleted events (but not the underlying recurring events)" (showDeleted).
            yield from (
                instance(occurrence, calendar) for occurrence in expand(event, (low, high), without=())
            )
        elif query.admits(event):
            yield event


def _series_within(call: MethodCall, calendar: StoredCalendar, query: ListQuery) -> set[str]:
    low, high = _window(call, calendar, query)
    return {occurrence.event.series for occurrence in calendar.timeline.between(low, high)}


def _window(call: MethodCall, calendar: StoredCalendar, query: ListQuery) -> tuple[int, int]:
    low = query.low if query.low is not None else instants.epoch(datetime(1900, 1, 1, tzinfo=UTC))
    if query.high is not None:
        return low, query.high
    singles = (event.end for event in calendar.events.values() if not event.is_recurring)
    return low, max(instants.epoch(call.model.clock.now() + _HORIZON), low + 1, max(singles, default=0) + 1)


def _matches(event: StoredEvent, request: HttpRequest) -> bool:
    body = event.body
    if (uid := request.value("iCalUID")) and body.get("iCalUID") != uid:
        return False
    kinds = request.query.get("eventTypes")
    if kinds and body.get("eventType", "default") not in kinds:
        return False
    if (oldest := _bound(request, "updatedMin")) and instants.epoch(event.updated) < oldest:
        return False
    if not all(word in _text(body) for word in request.value("q").casefold().split()):
        return False
    return all(
        bodies.matches_properties(body, kind, request.query.get(f"{kind}ExtendedProperty", ()))
        for kind in ("private", "shared")
    )


def _text(body: Json) -> str:
    people = [body.get("organizer", {}), *body.get("attendees", [])]
    texts = [body.get(name, "") for name in _SEARCHED]
    texts += [person.get(name, "") for person in people for name in ("displayName", "email")]
    return " ".join(texts).casefold()


def _bound(request: HttpRequest, name: str) -> int | None:
    text = request.value(name)
    if not text:
        return None
    try:
        bound = instants.parse(text)
    except ValueError:
        raise errors.bad_request() from None
    if bound.tzinfo is None:
        raise errors.bad_request()
    return instants.epoch(bound)


def _brief(resource: Json) -> Json:
    """Return a cancelled event as in incremental sync: identifying fields only."""
    names = ("kind", "etag", "id", "status", "recurringEventId", "originalStartTime")
    return {name: resource[name] for name in names if name in resource}


def _by_update(event: StoredEvent) -> list[Any]:
    return [instants.stamp(event.updated), event.id]


def _original_is(event: StoredEvent, wanted: str) -> bool:
    start = event.body["originalStartTime"]
    if "date" in start:
        return bool(start["date"] == wanted[:10])
    return event.original == instants.epoch(instants.parse(wanted))
