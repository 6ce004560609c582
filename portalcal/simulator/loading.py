"""Events from files: Google's own JSON, or an iCalendar export.

Loading is not inserting: what a real calendar has come to hold is taken as it is, odd ids and all.
"""

import json
from datetime import date, timedelta
from pathlib import Path

from portalcal.simulator import bodies, guests, ics, instants
from portalcal.simulator.model import Calendar, Model
from portalcal.simulator.wire import Json, Refusal


def load(model: Model, calendar: Calendar, *, path: Path) -> int:
    """Put a file's events on a calendar and return how many there were.

    Deleted events of which only the id is left are passed over: there is no time to place them at.

    Raises:
        ValueError: the file is neither Google event JSON nor iCalendar, or one of its events cannot be read; the
            message names the file and the place.
        OSError: it cannot be read at all.
    """
    text = path.read_text(encoding="utf-8-sig")
    try:
        found = ics.events(text) if text.lstrip()[:15].upper() == "BEGIN:VCALENDAR" else _from_json(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    found = [
        body
        for body in found
        if "start" in body or "originalStartTime" in body or body.get("status") != "cancelled"
    ]
    for number, body in enumerate(found, start=1):
        try:
            place(model, calendar, body)
        except (ValueError, KeyError, Refusal) as error:
            raise ValueError(
                f"{path}: event {number} ({body.get('id') or body.get('iCalUID')}): {_why(error)}"
            ) from error
    # Rules are expanded from their first start on: loading may take that moment, the first question should not.
    calendar.timeline.warm_up(instants.epoch(model.clock.now()))
    return len(found)


def place(model: Model, calendar: Calendar, told: Json) -> Json:
    """Put one event on a calendar as it is told, with what it leaves out filled in, and return its JSON.

    Raises:
        Refusal: its times make no sense.
        ValueError: a zone or a date in it does not exist.
    """
    if told.get("status") == "cancelled" and "start" not in told:
        told = told | _times(told["originalStartTime"])
    body = bodies.checked(told, zone_name=calendar.timezone, primary=True)
    event_id = str(told.get("id") or bodies.new_id())
    now = instants.created(model.clock.now())
    body |= {
        "id": event_id,
        "status": body.get("status", "confirmed"),
        "created": told.get("created", now),
        "iCalUID": told.get("iCalUID") or f"{event_id}@google.com",
        "creator": told.get("creator") or guests.person(calendar.data_owner, calendar),
        "organizer": told.get("organizer") or guests.organizer(calendar),
    }
    body |= {
        name: told[name] for name in ("recurringEventId", "originalStartTime", "hangoutLink") if name in told
    }
    return model.put(calendar, guests.marked(body, calendar)).body


def _times(original: Json) -> Json:
    """Return start and end for a cancelled instance that kept none: when it would have begun."""
    if "date" not in original:
        return {"start": original, "end": original}
    day = date.fromisoformat(original["date"]) + timedelta(days=1)
    return {"start": original, "end": {"date": day.isoformat()}}


def _from_json(text: str) -> list[Json]:
    told = json.loads(text)
    found = told.get("items", [told] if "start" in told else None) if isinstance(told, dict) else told
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError('expected a list of Google events, {"items": [...]}, or an .ics file')
    return found


def _why(error: Exception) -> str:
    if isinstance(error, Refusal):
        return str(json.loads(error.response.body)["error"]["message"])
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
