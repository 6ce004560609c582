"""What happened to a booking, in sentences that can be read aloud. Standard library only.

Times are in the display zone, which the page names once. Foreign text is sanitized here.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from portalcal.core.booking import Guest
from portalcal.core.history import BookingChange, BookingFacts, Cause, HistoryLine, What
from portalcal.core.intervals import Interval
from portalcal.facts import offer_named
from portalcal.sanitize import sanitize
from portalcal.views.reason_sentences import format_span

_GONE = {"put": "made", "move": "moved", "remove": "removed"}
"""What has become of the event, by the call that was owed."""


def describe_change(line: HistoryLine, zone: ZoneInfo) -> str:
    """What happened, without who did it: `moved from Tue 24 Nov, 10:00-10:30 to Tue 24 Nov, 11:00-11:30: ill`."""
    reason = line.change.after.get("reason")
    return _sentence(line.change, zone) + (f": {_text(reason)}" if reason else "")


def describe_author(line: HistoryLine) -> str:
    """Who did it: `by ana@desk, with reschedule`. For what was read from the calendar also who read it."""
    actor, host, command = map(sanitize, line.author)
    who = actor or "somebody"
    if host and not who.endswith(f"@{host}"):
        who = f"{who} on {host}"
    match line.change.cause:
        case Cause.COMMAND:
            return f"by {who}, with {command}" if command else f"by {who}"
        case Cause.CALENDAR:
            return f"in Google Calendar, read by {command or 'sync'} of {who}"
        case Cause.GUEST:
            return f"answered in Google Calendar, read by {command or 'sync'} of {who}"
        case Cause.EXPIRY:
            return f"by itself, seen by {command or 'sync'} of {who}"


def _sentence(change: BookingChange, zone: ZoneInfo) -> str:
    match change.what:
        case What.HELD:
            return _held(change, zone)
        case What.CONFIRMED:
            return _confirmed(change, zone)
        case What.MOVED:
            return _moved(change, zone)
        case What.REFUSED:
            return _refused(change)
        case What.CANCELLED:
            return _cancelled(change)
        case What.DECLINED | What.RENAMED | What.REASSIGNED:
            return _changed(change)
        case What.DELIVERED:
            return f"its event {_GONE.get(str(change.before.get('owed')), 'made')}"
        case What.OFFERED:
            by = offer_named(str(change.after.get("offer", "")))
            return f"offered {_meeting(change.after, zone)}{_guest_after('to', change)}, {by}"
        case What.EXPIRED:
            return "its offer expired, and its time is free"


def _changed(change: BookingChange) -> str:
    if change.what is What.REASSIGNED:
        return f"reassigned from {_people(change.before)} to {_people(change.after)}"
    if change.what is What.RENAMED:
        return _renamed(change)
    names = change.after.get("declined")
    return f"declined by {_text(names)}" if names else "declined by nobody any more"


def _held(change: BookingChange, zone: ZoneInfo) -> str:
    to = change.after.get("moving_to")
    if isinstance(to, Interval):
        return f"also held {_span(to, zone)}, to be moved there"
    return f"held {_meeting(change.after, zone)}{_guest_after('for', change)}"


def _confirmed(change: BookingChange, zone: ZoneInfo) -> str:
    if not change.before:
        return f"booked {_meeting(change.after, zone)}{_guest_after('for', change)}, without an event"
    calendar = change.after.get("calendar")
    return f"confirmed, with its event on {_text(calendar)}" if calendar else "confirmed"


def _moved(change: BookingChange, zone: ZoneInfo) -> str:
    if "start" not in change.after:
        return f"its event dragged to {_text(change.after.get('calendar'))}"
    return f"moved from {_meeting(change.before, zone)} to {_meeting(change.after, zone)}"


def _cancelled(change: BookingChange) -> str:
    if change.cause is Cause.CALENDAR:
        return "cancelled, since its event was deleted"
    if change.before.get("state") == "cancelling":
        return "its time freed, and its event left for later"
    return "cancelled"


def _refused(change: BookingChange) -> str:
    if "moving_to" in change.after:
        return "not moved: the new time was refused and is free again"
    if change.after.get("state") == "refused":
        return "refused, and its time freed"
    return {
        "put": "no event made: Google refused it",
        "move": "its event not moved: Google refused it",
        "remove": "its event left in the calendar: Google refused to remove it",
    }.get(str(change.before.get("owed")), "refused")


def _renamed(change: BookingChange) -> str:
    names = {"title": "its title", "location": "its place", "meet_url": "its Meet link"}
    parts = [
        f"{names[name]} is now {_text(value) if value else 'empty'}"
        for name, value in change.after.items()
        if name in names
    ]
    return ", ".join(parts) or "changed in the calendar"


def _meeting(facts: BookingFacts, zone: ZoneInfo) -> str:
    start, end = facts.get("start"), facts.get("end")
    if isinstance(start, datetime) and isinstance(end, datetime):
        return _span(Interval(start, end), zone)
    return "another time"


def _people(facts: BookingFacts) -> str:
    people = facts.get("people")
    return _text(people) if people else "the owner alone"


def _span(span: Interval, zone: ZoneInfo) -> str:
    return format_span(span, zone, beside=date.min)


def _guest_after(preposition: str, change: BookingChange) -> str:
    guest = change.after.get("guest")
    return f" {preposition} {sanitize(guest.name)}" if isinstance(guest, Guest) else ""


def _text(value: object) -> str:
    """A fact as text: several of them one after another."""
    return (
        ", ".join(sanitize(str(each)) for each in value) if isinstance(value, tuple) else sanitize(str(value))
    )
