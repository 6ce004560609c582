"""Slots and bookings as iCalendar (RFC 5545), for calendar programs. Times in UTC, so that no VTIMEZONE is needed."""

from __future__ import annotations

from datetime import datetime

from icalendar import Calendar, Event, vCalAddress, vText

from portalcal import __version__
from portalcal.answers import Availability, Bookings
from portalcal.core.booking import Booking, State
from portalcal.core.instants import say_duration
from portalcal.core.intervals import Interval
from portalcal.views.foreign import shown, shown_lines

_STATUS = {
    State.HELD: "TENTATIVE",
    State.CONFIRMED: "CONFIRMED",
    State.CANCELLING: "CANCELLED",
    State.CANCELLED: "CANCELLED",
    State.REFUSED: "CANCELLED",
}


def as_ics(answer: Availability | Bookings) -> str:
    """One VEVENT a slot (transparent) or booking; lines end in CRLF, UIDs are stable.

    Stamped with when an availability was checked or a booking last changed, so that the same answer is the same file.
    """
    calendar = Calendar()
    calendar.add("prodid", f"-//portalcal//portalcal {__version__}//EN")
    calendar.add("version", "2.0")
    if isinstance(answer, Availability):
        calendar.add("x-wr-calname", "Open times")
        for slot in answer.slots:
            calendar.add_component(_open(slot, answer))
    else:
        calendar.add("x-wr-calname", "Bookings")
        for booking in answer.bookings:
            calendar.add_component(_booked(booking))
    text: str = calendar.to_ical().decode("utf-8")
    return text


def _event(uid: str, span: Interval, stamp: datetime) -> Event:
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", stamp.replace(microsecond=0))
    event.add("dtstart", span.start)
    event.add("dtend", span.end)
    return event


def _open(slot: Interval, answer: Availability) -> Event:
    link = answer.question.link or ""
    uid = f"open-{slot.start:%Y%m%dT%H%M%SZ}-{slot.end:%Y%m%dT%H%M%SZ}{'-' + link if link else ''}@portalcal"
    event = _event(uid, slot, answer.checked_at)
    event.add(
        "summary", f"Open for a {say_duration(slot.length)} meeting{f' ({shown(link)})' if link else ''}"
    )
    event.add("transp", "TRANSPARENT")
    return event


def _booked(booking: Booking) -> Event:
    wish = booking.wish
    event = _event(f"{booking.id}@portalcal", booking.meeting, booking.updated_at)
    event.add("summary", shown(wish.title))
    event.add("status", _STATUS[booking.state])
    event.add("created", booking.created_at.replace(microsecond=0))
    event.add("last-modified", booking.updated_at.replace(microsecond=0))
    if wish.location:
        event.add("location", shown(wish.location))
    if wish.notes:
        event.add("description", "\n".join(shown_lines(wish.notes)))
    if booking.meet_url or booking.event_url:
        event.add("url", booking.meet_url or booking.event_url)
    for email, name in ((wish.guest.email, wish.guest.name), *((each, "") for each in wish.guests)):
        guest = vCalAddress(f"mailto:{shown(email)}")
        if name:
            guest.params["cn"] = vText(shown(name).replace('"', "'"))
        event.add("attendee", guest, encode=False)
    return event
