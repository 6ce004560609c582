"""events.get, insert, patch, update, delete, move and quickAdd (https://developers.google.com/calendar/api/v3/reference/events)."""

from portalcal.simulator.calendar import bodies, conferences, errors, guests, instants
from portalcal.simulator.calendar.calls import MethodCall
from portalcal.simulator.calendar.event import StoredEvent, instance_start
from portalcal.simulator.calendar.model import StoredCalendar
from portalcal.simulator.calendar.recurrence import expand
from portalcal.simulator.calendar.serialize import etag, instance, show
from portalcal.simulator.http.messages import HttpResponse, Json, answer, error_response

# Set by the server; an update cannot change them.
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


def get(call: MethodCall) -> HttpResponse:
    """Answer events.get; a deleted event is a 200 with status cancelled."""
    calendar, role = call.readable()
    event = _find(call, calendar)
    if call.request.headers.get("if-none-match") == etag(event):
        return HttpResponse(304, b"", {"ETag": etag(event)})
    ready = conferences.complete_pending(event.body, call.conference)
    if ready is not event.body:
        event = call.model.put(calendar, ready)
    return _resource(call, calendar, event, role=role)


def insert(call: MethodCall) -> HttpResponse:
    """Answer events.insert."""
    calendar = call.writeable()
    sent = call.request.json()
    event_id = sent.get("id")
    if event_id is None:
        event_id = bodies.new_id()
    bodies.check_id(event_id)
    if call.model.find(calendar, event_id) is not None:
        raise errors.duplicate()
    if sent.get("eventType") == "fromGmail":
        raise errors.invalid("Events of type fromGmail cannot be created.", "eventType")
    sent = _with_attachments(call, sent, {})
    body = bodies.validate(sent, zone_name=calendar.timezone, primary=calendar.primary)
    body |= {
        "id": event_id,
        "status": body.get("status", "confirmed"),
        "created": instants.created(call.model.clock.now()),
        "iCalUID": body.get("iCalUID", f"{event_id}@google.com"),
        "creator": guests.creator(call.caller.email, calendar),
        "organizer": guests.organizer(calendar),
    }
    body = _with_conference(call, body, None)
    event = call.model.put(calendar, guests.mark_attendees(body, calendar))
    guests.propagate(call.model, calendar, event)
    guests.mail(call, calendar, None, event)
    return _resource(call, calendar, event)


def patch(call: MethodCall) -> HttpResponse:
    """Answer events.patch."""
    calendar = call.writeable()
    event = _find(call, calendar)
    return _apply_change(call, calendar, event, bodies.merge_patch(event.body, call.request.json()))


def update(call: MethodCall) -> HttpResponse:
    """Answer events.update: fields that are not sent are removed."""
    calendar = call.writeable()
    event = _find(call, calendar)
    sent = call.request.json()
    if not event.body["organizer"].get("self") and any(
        name in event.body and name not in sent for name in bodies.SHARED_RIGHTS
    ):
        raise errors.not_the_organizer()
    return _apply_change(call, calendar, event, {"status": "confirmed"} | sent)


def delete(call: MethodCall) -> HttpResponse:
    """Answer events.delete: a tombstone remains; deleting it again is 410."""
    calendar = call.writeable()
    event = _find(call, calendar)
    _check_version(call, event)
    if event.is_cancelled:
        raise errors.deleted()
    gone = call.model.put(calendar, event.body | {"status": "cancelled"})
    for exception in list(calendar.exceptions_of(event.id)):
        del calendar.events[exception.id]
        calendar.timeline.replace(exception, None)
    guests.withdraw(call.model, calendar, gone)
    guests.mail(call, calendar, event, gone)
    return HttpResponse(204)


def move(call: MethodCall) -> HttpResponse:
    """Answer events.move: the event changes its organizer, and a tombstone remains on the old calendar."""
    calendar = call.writeable()
    destination = call.request.value("destination")
    if not destination:
        raise errors.required("Required parameter: destination", "destination")
    target = call.writeable(destination)
    event = _find(call, calendar)
    if event.is_cancelled:
        raise errors.not_found()
    if event.is_exception or event.body.get("eventType", "default") != "default":
        raise errors.bad_request("Only default events, and series as a whole, can be moved.")
    if not event.body["organizer"].get("self"):
        raise error_response(
            403, "cannotChangeOrganizer", "Cannot change the organizer of an event.", domain="calendar"
        )
    if call.model.find(target, event.id) is not None and target is not calendar:
        raise errors.duplicate()
    body = event.body | {"organizer": guests.organizer(target)}
    call.model.put(calendar, event.body | {"status": "cancelled"})
    moved = call.model.put(target, guests.mark_attendees(body, target))
    guests.mail(call, target, event, moved)
    return _resource(call, target, moved)


def quick_add(call: MethodCall) -> HttpResponse:
    """Answer events.quickAdd with 501: parsing English text as Google does cannot be reproduced."""
    call.writeable()
    if not call.request.value("text"):
        raise errors.required("Required parameter: text", "text")
    raise error_response(
        501,
        "notImplemented",
        "This simulator does not read sentences; insert the event with events.insert.",
        domain="simulator",
    )


def _apply_change(call: MethodCall, calendar: StoredCalendar, event: StoredEvent, sent: Json) -> HttpResponse:
    _check_version(call, event)
    if "eventType" in sent and sent["eventType"] != event.body.get("eventType", "default"):
        raise error_response(
            400, "eventTypeRestriction", "The event type cannot be changed.", domain="calendar"
        )
    if isinstance(sent.get("sequence"), int) and sent["sequence"] < event.body.get("sequence", 0):
        raise errors.invalid(
            "Invalid sequence value. The specified sequence number is below the current sequence number of the "
            "resource. Re-fetch the resource and use its sequence number on the following request."
        )
    sent = _with_attachments(call, sent, event.body)
    sent = sent | {name: event.body[name] for name in _KEPT if name in event.body}
    body = bodies.validate(sent, zone_name=calendar.timezone, primary=calendar.primary)
    body |= {name: event.body[name] for name in _KEPT if name in event.body}
    body["status"] = body.get("status", "confirmed")
    foreign = not event.body["organizer"].get("self")
    if foreign and any(body.get(name) != event.body.get(name) for name in bodies.SHARED_RIGHTS):
        raise errors.not_the_organizer()
    body["sequence"] = max(body.get("sequence", 0), event.body.get("sequence", 0))
    if not foreign and any(body.get(name) != event.body.get(name) for name in ("start", "end", "recurrence")):
        body["sequence"] += 1
    body = _with_conference(call, guests.keep_rooms(body, event.body), event.body)
    changed = call.model.put(calendar, guests.mark_attendees(body, calendar))
    _drop_lost_exceptions(calendar, event, changed)
    if foreign:
        guests.respond(call.model, calendar, changed)
    else:
        guests.propagate(call.model, calendar, changed)
        guests.release(call.model, calendar, before=event, after=changed)
    guests.mail(call, calendar, event, changed)
    return _resource(call, calendar, changed)


def _drop_lost_exceptions(calendar: StoredCalendar, before: StoredEvent, after: StoredEvent) -> None:
    """Remove exceptions whose original start the changed series no longer has.

    "This resets any exceptions" (the guide to recurring events, on changing all following instances).
    """
    if not before.is_recurring or all(
        before.body.get(name) == after.body.get(name) for name in ("start", "recurrence")
    ):
        return
    for exception in list(calendar.exceptions_of(after.id)):
        original = exception.original
        stays = (
            after.is_recurring
            and original is not None
            and any(kept.original == original for kept in expand(after, (original, original + 1), without=()))
        )
        if not stays:
            del calendar.events[exception.id]
            calendar.timeline.replace(exception, None)


def _find(call: MethodCall, calendar: StoredCalendar) -> StoredEvent:
    """Return the event of the path, unchanged instances of a series included; `404` otherwise."""
    event_id = call.parts["eventId"]
    if event := call.model.find(calendar, event_id):
        return event
    try:
        series_id, start = instance_start(event_id)
    except ValueError:
        raise errors.not_found() from None
    series = call.model.find(calendar, series_id)
    if series is None or not series.is_recurring or series.is_cancelled:
        raise errors.not_found()
    # One day to either side: the id of an all-day instance names a date in the calendar's zone.
    near, day = instants.epoch(start), 24 * 3600
    for occurrence in calendar.timeline.between(near - day, near + day):
        if occurrence.id == event_id:
            return instance(occurrence, calendar)
    raise errors.not_found()


def _check_version(call: MethodCall, event: StoredEvent) -> None:
    wanted = call.request.headers.get("if-match")
    if wanted not in {None, "*", etag(event)}:
        raise errors.condition_not_met()


def _with_attachments(call: MethodCall, sent: Json, before: Json) -> Json:
    """Return the body with stored attachments unless the client sent `supportsAttachments=true`."""
    if call.request.flag("supportsAttachments"):
        return sent
    others = {name: value for name, value in sent.items() if name != "attachments"}
    return others | ({"attachments": before["attachments"]} if "attachments" in before else {})


def _with_conference(call: MethodCall, body: Json, before: Json | None) -> Json:
    version = call.request.value("conferenceDataVersion", "0")
    if version not in {"0", "1"}:
        raise errors.invalid("Invalid value for: conferenceDataVersion", "conferenceDataVersion")
    return conferences.apply_request(body, before, understood=version == "1", outcome=call.conference)


def _resource(
    call: MethodCall, calendar: StoredCalendar, event: StoredEvent, *, role: str = "owner"
) -> HttpResponse:
    most = call.request.number("maxAttendees", 10_000, most=10_000)
    resource = show(event, calendar, role=role, zone=call.display_zone(calendar), most_guests=most)
    return answer(resource, headers={"ETag": etag(event)})
