"""Why a start is not offered, one sentence a reason, with its cause and time. Standard library only.

The terminal page and the JSON `message` say the same words. Times are in the display zone; the caller names it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple, assert_never
from zoneinfo import ZoneInfo

from portalcal.answers import Explanation, Note
from portalcal.core.instants import local_date, say_date, say_duration
from portalcal.core.intervals import Interval
from portalcal.core.objections import Objections
from portalcal.core.slots import Question, Reason, Seeming, Why
from portalcal.ports import Event
from portalcal.views.foreign import shown


def sentences(explanation: Explanation) -> tuple[str, ...]:
    """The reasons of an explanation, in its order."""
    teller = _Teller(
        question=explanation.availability.question,
        meeting=explanation.meeting,
        zone=explanation.zone,
        names=explanation.calendar_names,
        blocking=explanation.blocking,
    )
    return tuple(teller.tell(each) for each in explanation.reasons)


def title_of(reason: Reason, explanation: Explanation) -> str | None:
    """The titles of the events behind a busy time, where they may be shown."""
    return _titles(reason, explanation.blocking)


def _titles(reason: Reason, blocking: Sequence[Event]) -> str | None:
    if reason.span is None:
        return None
    behind = (
        each.title
        for each in blocking
        if each.calendar == reason.calendar and each.span and each.span.overlaps(reason.span) and each.title
    )
    return " / ".join(dict.fromkeys(behind)) or None


def note_sentences(explanation: Explanation) -> tuple[str, ...]:
    """What only seems to be in the way, one sentence each."""
    return tuple(_note(each, explanation) for each in explanation.notes)


def _note(note: Note, explanation: Explanation) -> str:
    day = local_date(explanation.meeting.start, explanation.zone)
    when = span_in_words(note.span, explanation.zone, beside=day)
    name = shown(explanation.calendar_names.get(note.calendar, note.calendar))
    what = f"“{shown(note.title)}”" if note.title else "an event"
    match note.why:
        case Seeming.NOT_SELECTED:
            return f"{name} is busy {when} but does not count: `portalcal calendars --select {shown(note.calendar)}`"
        case Seeming.TRANSPARENT:
            return f"{what} on {name}, {when}, is shown as free, so it does not count"
        case Seeming.DECLINED:
            return f"{what} on {name}, {when}, was declined, so it does not count"
        case Seeming.WORKING_LOCATION:
            return f"a working location on {name}, {when}, takes no time"
        case Seeming.BIRTHDAY:
            return f"a birthday on {name}, {when}, takes no time"
        case unknown:
            assert_never(unknown)


def span_in_words(span: Interval, zone: ZoneInfo, *, beside: date) -> str:
    """A span as briefly as it stays clear next to something on the date `beside`.

    `14:00-15:00` on that date, `Tue 24 Nov, 14:00-15:00` on another, both dates when it runs over midnight.
    """
    start, end = span.start.astimezone(zone), span.end.astimezone(zone)
    last = (span.end - datetime.resolution).astimezone(zone)
    if start.date() == last.date():
        until = "24:00" if end.date() > start.date() else f"{end:%H:%M}"
        day = "" if start.date() == beside else f"{say_date(start.date())}, "
        return f"{day}{start:%H:%M}-{until}"
    return f"{say_date(start.date())}, {start:%H:%M} - {say_date(end.date())}, {end:%H:%M}"


class _Teller(NamedTuple):
    """What the sentences about one meeting have in common."""

    question: Question
    meeting: Interval
    zone: ZoneInfo
    names: Mapping[str, str] = MappingProxyType({})
    blocking: Sequence[Event] = ()

    def tell(self, reason: Reason) -> str:
        match reason.why:
            case Why.BUSY | Why.BOOKED:
                return f"{reason.why} {self._cause(reason)}"
            case Why.BUFFER:
                return f"too close to {self._neighbour(reason)}: {self._buffers(reason)}"
            case Why.UNREADABLE:
                return self._of_unread(reason)
            case _:
                return Objections(self.question, self.meeting, self.zone).tell(reason)

    @property
    def _day(self) -> date:
        return local_date(self.meeting.start, self.zone)

    def _calendar(self, calendar: str) -> str:
        return shown(self.names.get(calendar, calendar))

    def _cause(self, reason: Reason) -> str:
        when = span_in_words(reason.span, self.zone, beside=self._day) if reason.span else "then"
        if reason.booking is not None:
            return f"{when} by booking {reason.booking}"
        title = _titles(reason, self.blocking)
        named = f": {shown(title)}" if title else ""
        return f"{when} on {self._calendar(reason.calendar or '')}{named}"

    def _neighbour(self, reason: Reason) -> str:
        when = span_in_words(reason.span, self.zone, beside=self._day) if reason.span else "then"
        if reason.booking is not None:
            return f"booking {reason.booking} at {when}"
        return f"busy {when} on {self._calendar(reason.calendar or '')}"

    def _buffers(self, reason: Reason) -> str:
        rules = self.question.rules
        if reason.booking is not None:
            return "the time kept free around both would overlap"
        is_after = reason.span is not None and reason.span.start >= self.meeting.end
        kept, side = (rules.buffer_after, "after") if is_after else (rules.buffer_before, "before")
        return f"{say_duration(kept)} {side} the meeting must be free"

    def _of_unread(self, reason: Reason) -> str:
        calendars = self.question.calendars or ()
        why = next((each.unread for each in calendars if each.calendar == reason.calendar), None)
        told = f" ({shown(why)})" if why else ""
        return f"unknown whether it is free: {self._calendar(reason.calendar or '')} cannot be read{told}"
