"""Attendees: whose copy is whose, responses going back to the organizer, and the mail `sendUpdates` would cause."""

from portalcal.simulator.calls import Call
from portalcal.simulator.event import Event
from portalcal.simulator.model import Calendar, Mail, Model
from portalcal.simulator.wire import Json

# Belongs to one copy of an event and does not travel to the others.
_OWN = {"reminders", "colorId", "created", "eventLabelId", "extendedProperties"}
# Travels with the invitation; from then on each copy has its own.
_AT_FIRST = {"transparency", "visibility"}


def person(email: str, calendar: Calendar) -> Json:
    """Return a creator as a calendar shows them."""
    return {"email": email} | ({"self": True} if email == calendar.id else {})


def organizer(calendar: Calendar) -> Json:
    """Return a calendar as the organizer of its own events; a secondary calendar organizes under its own id."""
    name = {} if calendar.primary else {"displayName": calendar.summary}
    return {"email": calendar.id, **name, "self": True}


def marked(body: Json, calendar: Calendar) -> Json:
    """Return a body whose attendees say which of them is this calendar and which the organizer."""
    if "attendees" not in body:
        return body
    host = body["organizer"]["email"]
    return body | {"attendees": [_marked(guest, calendar.id, host) for guest in body["attendees"]]}


def propagate(model: Model, calendar: Calendar, event: Event, *, but_not: Calendar | None = None) -> None:
    """Give every attendee who is a user here their copy of the organizer's event, or the changes to it."""
    if event.body.get("privateCopy"):
        return
    for guest in event.body.get("attendees", []):
        theirs = model.calendars.get(guest["email"])
        if theirs and theirs.primary and theirs is not calendar and theirs is not but_not:
            model.put(theirs, marked(_copy(event, model.find(theirs, event.id)), theirs))


def _copy(event: Event, before: Event | None) -> Json:
    """Return a guest's copy of an event: what is shared from the organizer's, what is their own from their last."""
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


def release(model: Model, calendar: Calendar, *, before: Event, after: Event) -> None:
    """Cancel the copies of guests who are guests no longer."""
    still = {guest["email"] for guest in after.body.get("attendees", [])}
    for guest in before.body.get("attendees", []):
        if guest["email"] not in still:
            _cancel_copy(model, calendar, after, email=guest["email"])


def _cancel_copy(model: Model, calendar: Calendar, event: Event, *, email: str) -> None:
    theirs = model.calendars.get(email)
    if theirs is None or theirs is calendar:
        return
    copy = model.find(theirs, event.id)
    # A guest's copy of an unchanged instance is kept nowhere yet; cancelling it makes one.
    if copy is not None or event.is_exception:
        body = copy.body if copy else _copy(event, None)
        model.put(theirs, marked(body | {"status": "cancelled"}, theirs))


def respond(model: Model, calendar: Calendar, event: Event) -> None:
    """Carry this calendar's own response to the organizer's copy and from there to everybody else's."""
    mine = next((guest for guest in event.body.get("attendees", []) if guest.get("self")), None)
    host = model.calendars.get(event.body["organizer"]["email"])
    original = model.find(host, event.id) if host else None
    if mine is None or host is None or original is None:
        return
    said = {name: mine[name] for name in ("responseStatus", "comment", "additionalGuests") if name in mine}
    answered = [
        guest | said if guest["email"] == calendar.id else guest
        for guest in original.body.get("attendees", [])
    ]
    if answered != original.body.get("attendees"):
        told = marked(original.body | {"attendees": answered}, host)
        propagate(model, host, model.put(host, told), but_not=calendar)


def withdraw(model: Model, calendar: Calendar, gone: Event) -> None:
    """Carry a deletion on: the organizer's cancels every copy, a guest's declines."""
    guests = gone.body.get("attendees", [])
    if gone.body["organizer"].get("self"):
        for guest in guests:
            _cancel_copy(model, calendar, gone, email=guest["email"])
        return
    declined = [guest | {"responseStatus": "declined"} if guest.get("self") else guest for guest in guests]
    said = Event(gone.body | {"attendees": declined}, gone.revision, gone.updated, gone.zone_name)
    respond(model, calendar, said)


def mail(call: Call, calendar: Calendar, before: Event | None, after: Event) -> None:
    """Write the e-mails this change causes to the outbox: none unless `sendUpdates` asks for them.

    "externalOnly" reaches guests who do not use Google Calendar: here, those without an account.
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


def _marked(guest: Json, calendar_id: str, host: str) -> Json:
    plain = {name: value for name, value in guest.items() if name not in {"self", "organizer"}}
    own = {"self": True} if guest["email"] == calendar_id else {}
    return plain | ({"organizer": True} if guest["email"] == host else {}) | own
