"""Why a start is not offered: one sentence per reason, with its cause and time. Standard library only.

The terminal page and the JSON `message` share these texts. Times are in the display zone, which the page names once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple, assert_never
from zoneinfo import ZoneInfo

from portalcal.core.calendar_id import split
from portalcal.core.intervals import Interval
from portalcal.core.reason_text import ReasonText
from portalcal.core.slots import EventKind, FreeReason, Reason, ReasonCode, SchedulingInputs
from portalcal.core.time import format_date, format_duration, local_date
from portalcal.facts import booking_named, why_unread
from portalcal.ports import Event
from portalcal.results import Explanation, Note
from portalcal.sanitize import sanitize


def format_reasons(explanation: Explanation) -> tuple[str, ...]:
    """One sentence per reason, in the order of the explanation."""
    formatter = _ReasonFormatter(
        inputs=explanation.availability.inputs,
        meeting=explanation.meeting,
        zone=explanation.zone,
        names=explanation.calendar_names,
        blocking=explanation.blocking,
        guests=explanation.guests,
    )
    return tuple(formatter.format(each) for each in explanation.reasons)


def title_of(reason: Reason, explanation: Explanation) -> str | None:
    """Titles of the events that cause a busy time, if they may be shown."""
    return _titles(reason, explanation.blocking)


def kinds_of(reason: Reason, explanation: Explanation) -> tuple[EventKind, ...]:
    """What the events are that cause a busy time, if titles may be shown."""
    return _kinds(reason, explanation.blocking)


def _titles(reason: Reason, blocking: Sequence[Event]) -> str | None:
    titles = (each.title for each in _behind(reason, blocking) if each.title)
    return " / ".join(dict.fromkeys(titles)) or None


def _kinds(reason: Reason, blocking: Sequence[Event]) -> tuple[EventKind, ...]:
    return tuple(dict.fromkeys(kind for each in _behind(reason, blocking) for kind in each.kinds))


def _behind(reason: Reason, blocking: Sequence[Event]) -> Iterator[Event]:
    """The events that cause a reason."""
    span = reason.span
    for each in blocking if span else ():
        if span and each.calendar == reason.calendar and each.span and each.span.overlaps(span):
            yield each


_KIND_NAMES = {
    EventKind.OUT_OF_OFFICE: "out of office",
    EventKind.FOCUS_TIME: "focus time",
    EventKind.TENTATIVE: "tentative",
    EventKind.UNANSWERED: "an invitation not answered yet",
}


def name_kinds(kinds: Sequence[EventKind]) -> str:
    """What an event is, in brackets; empty for an ordinary meeting."""
    return f" ({', '.join(_KIND_NAMES[each] for each in kinds)})" if kinds else ""


def format_notes(explanation: Explanation) -> tuple[str, ...]:
    """One sentence per event that looks like a conflict and is none."""
    return tuple(_note(each, explanation) for each in explanation.notes)


def _note(note: Note, explanation: Explanation) -> str:
    day = local_date(explanation.meeting.start, explanation.zone)
    when = format_span(note.span, explanation.zone, beside=day)
    name = sanitize(explanation.calendar_names.get(note.calendar) or split(note.calendar).shown)
    what = f"“{sanitize(note.title)}”" if note.title else "an event"
    match note.why:
        case FreeReason.NOT_SELECTED:
            way = explanation.ways_out.count_in(sanitize(note.calendar))
            return f"{name} is busy {when} but does not count: {way}"
        case FreeReason.TRANSPARENT:
            return f"{what} on {name}, {when}, is shown as free, so it does not count"
        case FreeReason.DECLINED:
            return f"{what} on {name}, {when}, was declined, so it does not count"
        case FreeReason.WORKING_LOCATION:
            return f"a working location on {name}, {when}, takes no time"
        case FreeReason.BIRTHDAY:
            return f"a birthday on {name}, {when}, takes no time"
        case unknown:
            assert_never(unknown)


def format_span(span: Interval, zone: ZoneInfo, *, beside: date) -> str:
    """A span without the dates that the context `beside` implies.

    `14:00-15:00` on that date, `Tue 24 Nov, 14:00-15:00` on another; both dates if it spans midnight.
    """
    start, end = span.start.astimezone(zone), span.end.astimezone(zone)
    last = (span.end - datetime.resolution).astimezone(zone)
    if start.date() == last.date():
        until = "24:00" if end.date() > start.date() else f"{end:%H:%M}"
        day = "" if start.date() == beside else f"{format_date(start.date())}, "
        return f"{day}{start:%H:%M}-{until}"
    return f"{format_date(start.date())}, {start:%H:%M} - {format_date(end.date())}, {end:%H:%M}"


class _ReasonFormatter(NamedTuple):
    """Formats the reasons of one meeting."""

    inputs: SchedulingInputs
    meeting: Interval
    zone: ZoneInfo
    names: Mapping[str, str] = MappingProxyType({})
    blocking: Sequence[Event] = ()
    guests: Mapping[str, str] = MappingProxyType({})

    def format(self, reason: Reason) -> str:
        match reason.why:
            case ReasonCode.BUSY | ReasonCode.BOOKED:
                return f"{reason.why} {self._cause(reason)}"
            case ReasonCode.BUFFER:
                return f"too close to {self._neighbour(reason)}: {self._buffers(reason)}"
            case ReasonCode.UNREADABLE:
                return self._unreadable(reason)
            case _:
                # Names of holidays come out of files of others.
                return sanitize(
                    ReasonText(self.inputs, self.meeting, self.zone, self.guests).sentence(reason)
                )

    @property
    def _day(self) -> date:
        return local_date(self.meeting.start, self.zone)

    def _calendar(self, calendar: str) -> str:
        return sanitize(self.names.get(calendar) or split(calendar).shown)

    def _booking(self, booking: str) -> str:
        return sanitize(booking_named(booking, self.guests.get(booking, "")))

    def _cause(self, reason: Reason) -> str:
        when = format_span(reason.span, self.zone, beside=self._day) if reason.span else "then"
        if reason.booking is not None:
            return f"{when} by {self._booking(reason.booking)}"
        title = _titles(reason, self.blocking)
        named = f": {sanitize(title)}" if title else ""
        kinds = name_kinds(_kinds(reason, self.blocking))
        return f"{when} on {self._calendar(reason.calendar or '')}{named}{kinds}"

    def _neighbour(self, reason: Reason) -> str:
        when = format_span(reason.span, self.zone, beside=self._day) if reason.span else "then"
        if reason.booking is not None:
            return f"{self._booking(reason.booking)} at {when}"
        return f"busy {when} on {self._calendar(reason.calendar or '')}"

    def _buffers(self, reason: Reason) -> str:
        rules = self.inputs.rules
        if reason.booking is not None:
            return "the time kept free around both would overlap"
        is_after = reason.span is not None and reason.span.start >= self.meeting.end
        kept, side = (rules.buffer_after, "after") if is_after else (rules.buffer_before, "before")
        return f"{format_duration(kept)} {side} the meeting must be free"

    def _unreadable(self, reason: Reason) -> str:
        calendars = self.inputs.calendars or ()
        why = next((each.unread for each in calendars if each.calendar == reason.calendar), None)
        cause = f" ({sanitize(why_unread(why))})" if why else ""
        return f"unknown whether it is free: {self._calendar(reason.calendar or '')} cannot be read{cause}"
