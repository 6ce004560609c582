"""Export slots and bookings as iCalendar (RFC 5545). Times are in UTC, so that no VTIMEZONE is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from urllib.parse import quote

from icalendar import Calendar, Event, vCalAddress, vText

from portalcal import __version__
from portalcal.core.booking import Booking, State
from portalcal.core.intervals import Interval
from portalcal.core.time import format_duration
from portalcal.results import Availability, Bookings
from portalcal.sanitize import sanitize, sanitize_lines

_URI_CHARACTERS = "%:/?#[]@!$&'()*+,;=-._~"
_END = "END:VCALENDAR\r\n"
_STATUS = {
    State.HELD: "TENTATIVE",
    State.CONFIRMED: "CONFIRMED",
    State.CANCELLING: "CANCELLED",
    State.CANCELLED: "CANCELLED",
    State.REFUSED: "CANCELLED",
}


def as_ics(answer: Availability) -> str:
    """One transparent VEVENT per slot; lines end in CRLF, UIDs are stable.

    DTSTAMP is when the availability was checked, so that equal results make equal files.
    """
    return "".join(_calendar("Open times", (_open(slot, answer) for slot in answer.slots)))


def ics_of_bookings(answer: Bookings) -> Iterator[str]:
    """One VEVENT per booking, as `as_ics`. DTSTAMP is when the booking last changed."""
    return _calendar("Bookings", map(_booked, answer.bookings))


def _calendar(name: str, events: Iterable[Event]) -> Iterator[str]:
    """A calendar, component by component."""
    calendar = Calendar()
    calendar.add("prodid", f"-//portalcal//portalcal {__version__}//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", name)
    yield calendar.to_ical().decode("utf-8").removesuffix(_END)
    for event in events:
        yield event.to_ical().decode("utf-8")
    yield _END


def _put(event: Event, name: str, value: str | datetime) -> None:
    """Add a property. Every value passes here, so that all foreign text is sanitized."""
    if isinstance(value, vCalAddress):
        event.add(name, value, encode=False)
    elif not isinstance(value, str):
        event.add(name, value)
    elif name == "url":
        # A URI value is not escaped by icalendar: percent-encode what must not be in one (RFC 3986 section 2.1), line ends above all.
        event.add(name, quote(value, safe=_URI_CHARACTERS, errors="replace"))
    elif name == "description":
        event.add(name, "\n".join(sanitize_lines(value)))
    else:
        event.add(name, sanitize(value))


def _event(uid: str, span: Interval, stamp: datetime) -> Event:
    event = Event()
    _put(event, "uid", uid)
    _put(event, "dtstamp", stamp.replace(microsecond=0))
    _put(event, "dtstart", span.start)
    _put(event, "dtend", span.end)
    return event


def _open(slot: Interval, answer: Availability) -> Event:
    link = answer.inputs.link or ""
    uid = f"open-{slot.start:%Y%m%dT%H%M%SZ}-{slot.end:%Y%m%dT%H%M%SZ}{'-' + link if link else ''}@portalcal"
    event = _event(uid, slot, answer.checked_at)
    _put(event, "summary", f"Open for a {format_duration(slot.length)} meeting{f' ({link})' if link else ''}")
    _put(event, "transp", "TRANSPARENT")
    return event


def _booked(booking: Booking) -> Event:
    request = booking.request
    event = _event(f"{booking.id}@portalcal", booking.meeting, booking.updated_at)
    _put(event, "summary", request.title)
    _put(event, "status", _STATUS[booking.state])
    _put(event, "created", booking.created_at.replace(microsecond=0))
    _put(event, "last-modified", booking.updated_at.replace(microsecond=0))
    if request.location:
        _put(event, "location", request.location)
    if request.notes:
        _put(event, "description", request.notes)
    if booking.meet_url or booking.event_url:
        _put(event, "url", booking.meet_url or booking.event_url or "")
    for email, name in ((request.guest.email, request.guest.name), *((each, "") for each in request.guests)):
        guest = vCalAddress(f"mailto:{sanitize(email)}")
        if name:
            guest.params["cn"] = vText(sanitize(name).replace('"', "'"))
        _put(event, "attendee", guest)
    return event
