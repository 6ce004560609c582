"""Attendees: guests' copies of events, responses to the organizer, and mail caused by `sendUpdates`."""

from portalcal.simulator.calendar.calls import MethodCall
from portalcal.simulator.calendar.event import StoredEvent
from portalcal.simulator.calendar.model import Mail, Model, StoredCalendar
from portalcal.simulator.http.messages import Json

# Per copy of an event; not propagated.
_OWN = {"reminders", "colorId", "created", "eventLabelId", "extendedProperties"}

# Propagated with the invitation only; later each copy has its own.
_AT_FIRST = {"transparency", "visibility"}


def creator(email: str, calendar: StoredCalendar) -> Json:
    """Return the `creator` of an event on a calendar."""
    return {"email": email} | ({"self": True} if email == calendar.id else {})


def organizer(calendar: StoredCalendar) -> Json:
    """Return the `organizer` of a calendar's own events; a secondary calendar organizes under its id."""
    name = {} if calendar.primary else {"displayName": calendar.summary}
    return {"email": calendar.id, **name, "self": True}


def mark_attendees(body: Json, calendar: StoredCalendar) -> Json:
    """Return a body with `self` and `organizer` set on its attendees."""
    if "attendees" not in body:
        return body
    host = body["organizer"]["email"]
    return body | {"attendees": [_mark_attendee(guest, calendar.id, host) for guest in body["attendees"]]}


def keep_rooms(body: Json, before: Json) -> Json:
    """Return a body whose attendees are rooms, or are not, as when they were added: a later `resource` is ignored."""
    if "attendees" not in body:
        return body
    was_room = {guest["email"]: guest.get("resource", False) for guest in before.get("attendees", [])}
    return body | {"attendees": [_as_added(guest, was_room) for guest in body["attendees"]]}


def _as_added(guest: Json, was_room: dict[str, bool]) -> Json:
    if guest["email"] not in was_room:
        return guest
    plain = {name: value for name, value in guest.items() if name != "resource"}
    return plain | ({"resource": True} if was_room[guest["email"]] else {})


def propagate(
    model: Model, calendar: StoredCalendar, event: StoredEvent, *, but_not: StoredCalendar | None = None
) -> None:
    """Create or update the copy of every attendee who has an account in the simulator."""
    if event.body.get("privateCopy"):
        return
    for guest in event.body.get("attendees", []):
        theirs = model.calendars.get(guest["email"])
        if theirs and theirs.primary and theirs is not calendar and theirs is not but_not:
            before = model.find(theirs, event.id)
            copy = model.put(theirs, mark_attendees(_copy(event, before), theirs))
            for tell in model.invited:
                tell(theirs, before, copy)


def _copy(event: StoredEvent, before: StoredEvent | None) -> Json:
    """Return a guest's copy: shared fields from the organizer's event, own fields from the previous copy."""
    kept = _OWN | _AT_FIRST if before else _OWN
    body = {name: value for name, value in event.body.items() if name not in kept}
    body |= {name: before.body[name] for name in kept if before and name in before.body}
    body.setdefault("created", event.body["created"])
    properties = dict(body.pop("extendedProperties", {}))
    if shared := event.body.get("extendedProperties", {}).get("shared"):
        properties["shared"] = shared
    for role in ("organizer", "creator"):
        body[role] = {name: value for name, value in body[role].items() if name != "self"}
    return body | ({"extendedProperties": properties} if properties else {})


def release(model: Model, calendar: StoredCalendar, *, before: StoredEvent, after: StoredEvent) -> None:
    """Cancel the copies of guests who were removed."""
    still = {guest["email"] for guest in after.body.get("attendees", [])}
    for guest in before.body.get("attendees", []):
        if guest["email"] not in still:
            _cancel_copy(model, calendar, after, email=guest["email"])


def _cancel_copy(model: Model, calendar: StoredCalendar, event: StoredEvent, *, email: str) -> None:
    theirs = model.calendars.get(email)
    if theirs is None or theirs is calendar:
        return
    copy = model.find(theirs, event.id)
    # A guest's copy of an unchanged instance is not stored; cancelling it creates one.
    if copy is not None or event.is_exception:
        body = copy.body if copy else _copy(event, None)
        model.put(theirs, mark_attendees(body | {"status": "cancelled"}, theirs))


def respond(model: Model, calendar: StoredCalendar, event: StoredEvent) -> None:
    """Propagate this guest's response to the organizer's event and from there to the other copies."""
    mine = next((guest for guest in event.body.get("attendees", []) if guest.get("self")), None)
    host = model.calendars.get(event.body["organizer"]["email"])
    original = model.find(host, event.id) if host else None
    if mine is None or host is None or original is None:
        return
    response = {
        name: mine[name] for name in ("responseStatus", "comment", "additionalGuests") if name in mine
    }
    answered = [
        guest | response if guest["email"] == calendar.id else guest
        for guest in original.body.get("attendees", [])
    ]
    if answered != original.body.get("attendees"):
        updated = mark_attendees(original.body | {"attendees": answered}, host)
        propagate(model, host, model.put(host, updated), but_not=calendar)


def withdraw(model: Model, calendar: StoredCalendar, gone: StoredEvent) -> None:
    """Propagate a deletion: the organizer's cancels every copy, a guest's declines."""
    guests = gone.body.get("attendees", [])
    if gone.body["organizer"].get("self"):
        for guest in guests:
            _cancel_copy(model, calendar, gone, email=guest["email"])
        return
    declined = [guest | {"responseStatus": "declined"} if guest.get("self") else guest for guest in guests]
    copy = StoredEvent(gone.body | {"attendees": declined}, gone.revision, gone.updated, gone.zone_name)
    respond(model, calendar, copy)


def mail(call: MethodCall, calendar: StoredCalendar, before: StoredEvent | None, after: StoredEvent) -> None:
    """Append the mail of a change to the outbox, as `sendUpdates` requests it.

    "externalOnly" selects guests without Google Calendar: here those without an account.
    """
    notify = call.request.value("sendUpdates") or (
        "all" if call.request.flag("sendNotifications") else "none"
    )
    now = {guest["email"] for guest in after.body.get("attendees", [])}
    then = {guest["email"] for guest in before.body.get("attendees", [])} if before else set()
    for email in sorted(now | then):
        if (
            email == calendar.id
            or notify == "none"
            or (notify == "externalOnly" and email in call.model.users)
        ):
            continue
        if after.is_cancelled or email not in now:
            kind = "cancellation"
        else:
            kind = "update" if email in then else "invitation"
        start = after.body["start"]
        call.model.outbox.append(
            Mail(
                call.model.clock.now(),
                kind,
                str(after.body["organizer"]["email"]),
                email,
                after.id,
                str(after.body.get("summary", "")),
                str(start.get("dateTime") or start.get("date")),
            )
        )


def _mark_attendee(guest: Json, calendar_id: str, host: str) -> Json:
    plain = {name: value for name, value in guest.items() if name not in {"self", "organizer"}}
    own = {"self": True} if guest["email"] == calendar_id else {}
    return plain | ({"organizer": True} if guest["email"] == host else {}) | own
