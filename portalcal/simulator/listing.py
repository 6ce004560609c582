"""events.list and events.instances: bounds, order, filters, pages, and what changed since a sync token."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from portalcal.simulator import bodies, instants, paging, refusals
from portalcal.simulator.calls import Call
from portalcal.simulator.event import Event
from portalcal.simulator.model import Calendar
from portalcal.simulator.rules import expand
from portalcal.simulator.showing import collection_etag, etag, instance, show
from portalcal.simulator.wire import Json, Request, Response, answer, refusal

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
# Instances of an endless event in a list without timeMax. Google stops somewhere; where is not documented.
_HORIZON = timedelta(days=2 * 365)
_SEARCHED = ("summary", "description", "location")


@dataclass(frozen=True, slots=True)
class Question:
    """What a list asks for; bounds in epoch seconds, `since` a revision (0: everything)."""

    single: bool
    deleted: bool
    low: int | None
    high: int | None
    since: int = 0

    def admits(self, event: Event) -> bool:
        """Whether an event ends after `low` and starts before `high`: both bounds are exclusive."""
        return (self.low is None or event.end > self.low) and (self.high is None or event.start < self.high)


def list_events(call: Call) -> Response:
    """Answer events.list."""
    calendar, role = call.readable()
    request = call.request
    order = request.value("orderBy")
    single = request.flag("singleEvents")
    if order not in {"", "startTime", "updated"}:
        raise refusals.bad_request("Invalid value for: orderBy")
    if order == "startTime" and not single:
        message = "The requested ordering is not available for the particular query."
        raise refusal(400, "badRequest", message, location="orderBy")
    about = [calendar.id, single]
    question = _question(call, calendar, about)
    found = [event for event in _candidates(call, calendar, question) if _matches(event, request)]
    # Without orderBy the order is "unspecified, stable"; by id, nobody will take it for the order of time.
    key = {"startTime": lambda event: [event.start, event.id], "updated": _by_update}.get(
        order, lambda event: [event.id]
    )
    return _page(call, calendar, role, question=question, found=found, about=[*about, order], key=key)


def list_instances(call: Call) -> Response:
    """Answer events.instances: one series' instances, changed ones included."""
    calendar, role = call.readable()
    series = call.model.find(calendar, call.parts["eventId"])
    if series is None or not series.is_recurring:
        raise refusals.not_found()
    request = call.request
    question = Question(
        single=True,
        deleted=request.flag("showDeleted"),
        low=_bound(request, "timeMin"),
        high=_bound(request, "timeMax"),
    )
    found = [
        event
        for event in _expanded(call, calendar, question)
        if event.series == series.id and event is not series
    ]
    if wanted := request.value("originalStart"):
        found = [event for event in found if _original_is(event, wanted)]
    return _page(
        call,
        calendar,
        role,
        question=question,
        found=found,
        about=[calendar.id, series.id],
        key=lambda event: [event.start, event.id],
        synced=False,
    )


def _page(
    call: Call,
    calendar: Calendar,
    role: str,
    *,
    question: Question,
    found: list[Event],
    about: list[Any],
    key: Any,
    synced: bool = True,
) -> Response:
    request = call.request
    withheld = any(name in request.query for name in _NOT_WITH_SYNC if name not in {"timeMin", "timeMax"})

    def token(revision: int) -> str:
        bounds = {"low": question.low, "high": question.high}
        return paging.sync_token(call.model, about=about[:2], revision=revision, **bounds)

    page = paging.cut(
        found,
        request,
        key=key,
        size=request.number("maxResults", 250, most=2500),
        about=about,
        revision=call.model.revision,
        sync=token if synced and not withheld else None,
    )
    shown = _shown(call, calendar, role, events=page.shown, brief=question.since > 0 and not question.deleted)
    return answer(_head(call, calendar, role) | page.token | {"items": shown})


def _shown(call: Call, calendar: Calendar, role: str, *, events: list[Event], brief: bool) -> list[Json]:
    zone, most = call.display_zone(calendar), call.request.number("maxAttendees", 10_000, most=10_000)
    return [
        _brief(event)
        if brief and event.is_cancelled
        else show(event, calendar, role=role, zone=zone, most_guests=most)
        for event in events
    ]


def _head(call: Call, calendar: Calendar, role: str) -> Json:
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


def _question(call: Call, calendar: Calendar, about: list[Any]) -> Question:
    request = call.request
    single, deleted = request.flag("singleEvents"), request.flag("showDeleted")
    if token := request.value("syncToken"):
        paging.forbid_with_sync(request, _NOT_WITH_SYNC)
        if request.value("showDeleted") == "false":
            raise refusal(
                400, "badRequest", "showDeleted cannot be false with a sync token.", location="showDeleted"
            )
        told = paging.synced(call.model, token, about=about, since=calendar.synced_since)
        return Question(
            single=single, deleted=deleted, low=told["low"], high=told["high"], since=int(told["revision"])
        )
    low, high = _bound(request, "timeMin"), _bound(request, "timeMax")
    if low is not None and high is not None and low >= high:
        raise refusals.empty_range()
    if oldest := _bound(request, "updatedMin"):
        if call.model.clock.now() - instants.from_epoch(oldest) > paging.SYNC_LIFE:
            raise refusals.updated_min_too_long_ago()
        deleted = True
    return Question(single=single, deleted=deleted, low=low, high=high)


def _candidates(call: Call, calendar: Calendar, question: Question) -> Iterator[Event]:
    events = _expanded(call, calendar, question) if question.single else _stored(call, calendar, question)
    return (event for event in events if event.revision > question.since)


def _stored(call: Call, calendar: Calendar, question: Question) -> Iterator[Event]:
    """Yield events as they are kept: series whole, changed and cancelled instances beside them."""
    recurring: set[str] | None = None
    for event in calendar.events.values():
        if event.is_tombstone and (
            not (question.deleted or question.since) or not call.model.find(calendar, event.id)
        ):
            continue
        if event.is_recurring and not event.is_cancelled:
            if question.low is not None or question.high is not None:
                recurring = recurring if recurring is not None else _series_within(call, calendar, question)
                if event.id not in recurring:
                    continue
        elif not question.admits(event):
            continue
        yield event


def _expanded(call: Call, calendar: Calendar, question: Question) -> Iterator[Event]:
    """Yield single events and every instance; deleted ones too where they are asked for."""
    low, high = _window(call, calendar, question)
    for occurrence in calendar.timeline.between(low, high):
        yield instance(occurrence, calendar)
    if not (question.deleted or question.since):
        return
    for event in list(calendar.events.values()):
        if not event.is_cancelled or call.model.find(calendar, event.id) is None:
            continue
        if event.is_recurring:
            # "Only single instances of deleted events (but not the underlying recurring events)".
            yield from (instance(one, calendar) for one in expand(event, (low, high), without=()))
        elif question.admits(event):
            yield event


def _series_within(call: Call, calendar: Calendar, question: Question) -> set[str]:
    low, high = _window(call, calendar, question)
    return {occurrence.event.series for occurrence in calendar.timeline.between(low, high)}


def _window(call: Call, calendar: Calendar, question: Question) -> tuple[int, int]:
    low = question.low if question.low is not None else instants.epoch(datetime(1900, 1, 1, tzinfo=UTC))
    if question.high is not None:
        return low, question.high
    singles = (event.end for event in calendar.events.values() if not event.is_recurring)
    return low, max(instants.epoch(call.model.clock.now() + _HORIZON), low + 1, max(singles, default=0) + 1)


def _matches(event: Event, request: Request) -> bool:
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
    words = [body.get(name, "") for name in _SEARCHED]
    words += [person.get(name, "") for person in people for name in ("displayName", "email")]
    return " ".join(words).casefold()


def _bound(request: Request, name: str) -> int | None:
    text = request.value(name)
    if not text:
        return None
    try:
        bound = instants.parse(text)
    except ValueError:
        raise refusals.bad_request() from None
    if bound.tzinfo is None:
        raise refusals.bad_request()
    return instants.epoch(bound)


def _brief(event: Event) -> Json:
    """Return a cancelled event as incremental sync shows it: only what identifies it."""
    names = ("id", "status", "recurringEventId", "originalStartTime")
    kept = {name: event.body[name] for name in names if name in event.body}
    return {"kind": "calendar#event", "etag": etag(event), **kept}


def _by_update(event: Event) -> list[Any]:
    return [instants.stamp(event.updated), event.id]


def _original_is(event: Event, wanted: str) -> bool:
    start = event.body["originalStartTime"]
    if "date" in start:
        return bool(start["date"] == wanted[:10])
    return event.original == instants.epoch(instants.parse(wanted))
