"""Load events from files: Google's JSON, or iCalendar.

Loading is not inserting: ids and other values of a real calendar are kept even where events.insert would refuse them.
"""

import codecs
import json
from datetime import date, timedelta
from pathlib import Path

from portalcal.simulator.calendar import bodies, guests, ics, instants
from portalcal.simulator.calendar.model import Model, StoredCalendar
from portalcal.simulator.http.messages import ErrorResponse, Json


def _text(path: Path) -> str:
    """The text of a file: UTF-16 where a byte order mark says so, as PowerShell redirects, else UTF-8."""
    content = path.read_bytes()
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: expected UTF-8 text") from None


def load(model: Model, calendar: StoredCalendar, *, path: Path) -> int:
    """Load the events of a file into a calendar and return their number.

    Deleted events without a time are skipped.

    Raises:
        ValueError: the file is neither Google event JSON nor iCalendar, or one of its events is malformed; the message
            names the file and the place.
        OSError: the file cannot be read.
    """
    text = _text(path)
    try:
        loaded = ics.events(text) if text.lstrip()[:15].upper() == "BEGIN:VCALENDAR" else _from_json(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    loaded = [
        event
        for event in loaded
        if "start" in event.body
        or "originalStartTime" in event.body
        or event.body.get("status") != "cancelled"
    ]
    for body, where in loaded:
        try:
            place(model, calendar, body)
        # A file may hold any JSON; TypeError and AttributeError: not the shape of an event.
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, ErrorResponse) as error:
            raise ValueError(f"{path}: {where}: {_why(error)}") from error
    # Expand rules while loading: dateutil starts at the first instance, which would delay the first request.
    calendar.timeline.warm_up(instants.epoch(model.clock.now()))
    return len(loaded)


def place(model: Model, calendar: StoredCalendar, source: Json) -> Json:
    """Store one event on a calendar with missing fields filled in, and return its JSON.

    Raises:
        ErrorResponse: the event is not valid.
        ValueError: a zone or a date does not exist.
    """
    if source.get("status") == "cancelled" and "start" not in source:
        source = source | _times(source["originalStartTime"])
    body = bodies.validate(source, zone_name=calendar.timezone, primary=True)
    event_id = str(source.get("id") or bodies.new_id())
    now = instants.created(model.clock.now())
    body |= {
        "id": event_id,
        "status": body.get("status", "confirmed"),
        "created": source.get("created", now),
        "iCalUID": source.get("iCalUID") or f"{event_id}@google.com",
        "creator": source.get("creator") or guests.creator(calendar.data_owner, calendar),
        "organizer": source.get("organizer") or guests.organizer(calendar),
    }
    if "recurringEventId" in source:
        # A changed instance does not recur.
        body.pop("recurrence", None)
    body |= {
        name: source[name]
        for name in ("recurringEventId", "originalStartTime", "hangoutLink")
        if name in source
    }
    return model.put(calendar, guests.mark_attendees(body, calendar)).body


def _times(original: Json) -> Json:
    """Return start and end for a cancelled instance without them, from its original start."""
    if "date" not in original:
        return {"start": original, "end": original}
    day = date.fromisoformat(original["date"]) + timedelta(days=1)
    return {"start": original, "end": {"date": day.isoformat()}}


def _from_json(text: str) -> list[ics.LoadedEvent]:
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("its JSON is nested too deep") from None
    items = document
    if isinstance(document, dict):
        items = document.get("items", [document] if "start" in document else None)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError('expected a list of Google events, {"items": [...]}, or an .ics file')
    return [
        ics.LoadedEvent(body, f"event {number} ({body.get('id') or body.get('iCalUID')})")
        for number, body in enumerate(items, start=1)
    ]


def _why(error: Exception) -> str:
    if isinstance(error, ErrorResponse):
        return str(json.loads(error.response.body)["error"]["message"])
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
