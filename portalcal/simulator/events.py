"""events.get, insert, patch, update, delete, move and quickAdd (GOOGLE.md sections 3.3 and 3.4)."""

from portalcal.simulator import bodies, conferences, guests, instants, refusals
from portalcal.simulator.calls import Call
from portalcal.simulator.event import Event, instance_start
from portalcal.simulator.model import Calendar
from portalcal.simulator.showing import etag, instance, show
from portalcal.simulator.wire import Json, Response, answer, refusal

# What Google fills in, and a request cannot change.
_KEPT = (
    "id",
    "iCalUID",
    "created",
    "creator",
    "organizer",
    "recurringEventId",
    "originalStartTime",
    "eventType",
)


def get(call: Call) -> Response:
    """Answer events.get; a deleted event is a 200 with status cancelled."""
    calendar, role = call.readable()
    event = _find(call, calendar)
    if call.request.headers.get("if-none-match") == etag(event):
        return Response(304, b"", {"ETag": etag(event)})
    ready = conferences.settled(event.body, call.conference)
    if ready is not event.body:
        event = call.model.put(calendar, ready)
    return _shown(call, calendar, event, role=role)


def insert(call: Call) -> Response:
    """Answer events.insert."""
    calendar = call.writeable()
    asked = call.request.json()
    event_id = asked.get("id")
    if event_id is None:
        event_id = bodies.new_id()
    bodies.check_id(event_id)
    if call.model.find(calendar, event_id) is not None:
        raise refusals.duplicate()
    if asked.get("eventType") == "fromGmail":
        raise refusals.invalid("Events of type fromGmail cannot be created.", "eventType")
    asked = _with_attachments(call, asked, {})
    body = bodies.checked(asked, zone_name=calendar.timezone, primary=calendar.primary)
    body |= {
        "id": event_id,
        "status": body.get("status", "confirmed"),
        "created": instants.created(call.model.clock.now()),
        "iCalUID": body.get("iCalUID", f"{event_id}@google.com"),
        "creator": guests.person(call.caller.email, calendar),
        "organizer": guests.organizer(calendar),
    }
    body = _with_conference(call, body, None)
    event = call.model.put(calendar, guests.marked(body, calendar))
    guests.propagate(call.model, calendar, event)
    guests.mail(call, calendar, None, event)
    return _shown(call, calendar, event)


def patch(call: Call) -> Response:
    """Answer events.patch."""
    calendar = call.writeable()
    event = _find(call, calendar)
    return _changed(call, calendar, event, bodies.merged(event.body, call.request.json()))


def update(call: Call) -> Response:
    """Answer events.update: everything not sent is lost."""
    calendar = call.writeable()
    event = _find(call, calendar)
    asked = call.request.json()
    if not event.body["organizer"].get("self") and any(
        name in event.body and name not in asked for name in bodies.SHARED_RIGHTS
    ):
        raise refusals.not_the_organizer()
    return _changed(call, calendar, event, {"status": "confirmed"} | asked)


def delete(call: Call) -> Response:
    """Answer events.delete: a tombstone stays; deleting it again is 410."""
    calendar = call.writeable()
    event = _find(call, calendar)
    _check_version(call, event)
    if event.is_cancelled:
        raise refusals.deleted()
    gone = call.model.put(calendar, event.body | {"status": "cancelled"})
    for exception in list(calendar.exceptions_of(event.id)):
        del calendar.events[exception.id]
        calendar.timeline.replace(exception, None)
    guests.withdraw(call.model, calendar, gone)
    guests.mail(call, calendar, event, gone)
    return Response(204)


def move(call: Call) -> Response:
    """Answer events.move: the event changes its organizer and leaves a tombstone behind."""
    calendar = call.writeable()
    destination = call.request.value("destination")
    if not destination:
        raise refusals.required("Required parameter: destination", "destination")
    target = call.writeable(destination)
    event = _find(call, calendar)
    if event.is_cancelled:
        raise refusals.not_found()
    if event.is_exception or event.body.get("eventType", "default") != "default":
        raise refusals.bad_request("Only default events, and series as a whole, can be moved.")
    if not event.body["organizer"].get("self"):
        raise refusal(
            403, "cannotChangeOrganizer", "Cannot change the organizer of an event.", domain="calendar"
        )
    if call.model.find(target, event.id) is not None and target is not calendar:
        raise refusals.duplicate()
    body = event.body | {"organizer": guests.organizer(target)}
    call.model.put(calendar, event.body | {"status": "cancelled"})
    moved = call.model.put(target, guests.marked(body, target))
    guests.mail(call, target, event, moved)
    return _shown(call, target, moved)


def quick_add(call: Call) -> Response:
    """Refuse events.quickAdd: it reads English, and a stand-in's reading would be a guess."""
    call.writeable()
    if not call.request.value("text"):
        raise refusals.required("Required parameter: text", "text")
    raise refusal(
        501,
        "notImplemented",
        "This simulator does not read sentences; insert the event with events.insert.",
        domain="simulator",
    )


def _changed(call: Call, calendar: Calendar, event: Event, asked: Json) -> Response:
    _check_version(call, event)
    if "eventType" in asked and asked["eventType"] != event.body.get("eventType", "default"):
        raise refusal(400, "eventTypeRestriction", "The event type cannot be changed.", domain="calendar")
    if isinstance(asked.get("sequence"), int) and asked["sequence"] < event.body.get("sequence", 0):
        raise refusals.invalid(
            "Invalid sequence value. The specified sequence number is below the current sequence number of the "
            "resource. Re-fetch the resource and use its sequence number on the following request."
        )
    asked = _with_attachments(call, asked, event.body)
    asked = asked | {name: event.body[name] for name in _KEPT if name in event.body}
    body = bodies.checked(asked, zone_name=calendar.timezone, primary=calendar.primary)
    body |= {name: event.body[name] for name in _KEPT if name in event.body}
    body["status"] = body.get("status", "confirmed")
    foreign = not event.body["organizer"].get("self")
    if foreign and any(body.get(name) != event.body.get(name) for name in bodies.SHARED_RIGHTS):
        raise refusals.not_the_organizer()
    body["sequence"] = max(body.get("sequence", 0), event.body.get("sequence", 0))
    if not foreign and any(body.get(name) != event.body.get(name) for name in ("start", "end", "recurrence")):
        body["sequence"] += 1
    body = _with_conference(call, body, event.body)
    changed = call.model.put(calendar, guests.marked(body, calendar))
    if foreign:
        guests.respond(call.model, calendar, changed)
    else:
        guests.propagate(call.model, calendar, changed)
        guests.release(call.model, calendar, before=event, after=changed)
    guests.mail(call, calendar, event, changed)
    return _shown(call, calendar, changed)


def _find(call: Call, calendar: Calendar) -> Event:
    """Return the event the path names, an unchanged instance of a series included; `404` otherwise."""
    event_id = call.parts["eventId"]
    if event := call.model.find(calendar, event_id):
        return event
    try:
        series_id, start = instance_start(event_id)
    except ValueError:
        raise refusals.not_found() from None
    series = call.model.find(calendar, series_id)
    if series is None or not series.is_recurring or series.is_cancelled:
        raise refusals.not_found()
    # A day's width around it: the id of an all-day instance names a day of the calendar's zone.
    near, day = instants.epoch(start), 24 * 3600
    for occurrence in calendar.timeline.between(near - day, near + day):
        if occurrence.id == event_id:
            return instance(occurrence, calendar)
    raise refusals.not_found()


def _check_version(call: Call, event: Event) -> None:
    wanted = call.request.headers.get("if-match")
    if wanted not in {None, "*", etag(event)}:
        raise refusals.condition_not_met()


def _with_attachments(call: Call, asked: Json, before: Json) -> Json:
    """Return a request whose attachments count: only a client that says it supports them may change them."""
    if call.request.flag("supportsAttachments"):
        return asked
    others = {name: value for name, value in asked.items() if name != "attachments"}
    return others | ({"attachments": before["attachments"]} if "attachments" in before else {})


def _with_conference(call: Call, body: Json, before: Json | None) -> Json:
    version = call.request.value("conferenceDataVersion", "0")
    if version not in {"0", "1"}:
        raise refusals.invalid("Invalid value for: conferenceDataVersion", "conferenceDataVersion")
    return conferences.applied(body, before, understood=version == "1", outcome=call.conference)


def _shown(call: Call, calendar: Calendar, event: Event, *, role: str = "owner") -> Response:
    most = call.request.number("maxAttendees", 10_000, most=10_000)
    told = show(event, calendar, role=role, zone=call.display_zone(calendar), most_guests=most)
    return answer(told, headers={"ETag": etag(event)})
