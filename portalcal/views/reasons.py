"""Why a start is not offered, one sentence a reason, with its cause and time. Standard library only.

The terminal page and the JSON `message` say the same words. Times are in the display zone; the caller names it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple, assert_never
from zoneinfo import ZoneInfo

from portalcal.answers import Explanation, Note
from portalcal.core.instants import ONE_DAY, iso_week, local_date, place, say_date, say_duration
from portalcal.core.intervals import Interval
from portalcal.core.slots import Align, Question, Reason, Seeming, Why
from portalcal.ports import Event
from portalcal.views.foreign import shown

_A_MINUTE = timedelta(minutes=1)


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


def in_words(count: int, noun: str) -> str:
    """A number with its noun.

    >>> in_words(2, "booking")
    '2 bookings'
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


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
            case Why.PAST | Why.NOTICE | Why.HORIZON:
                return self._of_time(reason.why)
            case Why.CLOSED | Why.EXCEPTION | Why.OFF_GRID:
                return self._of_hours(reason)
            case Why.BUSY | Why.BOOKED:
                return f"{reason.why} {self._cause(reason)}"
            case Why.BUFFER:
                return f"too close to {self._neighbour(reason)}: {self._buffers(reason)}"
            case Why.DAY_FULL | Why.WEEK_FULL:
                return self._of_limits(reason.why)
            case Why.UNREADABLE:
                return self._of_unread(reason)
            case unknown:
                assert_never(unknown)

    @property
    def _day(self) -> date:
        return local_date(self.meeting.start, self.zone)

    @property
    def _scheduled_day(self) -> date:
        """The date whose hours and limits count: in the schedule's own zone."""
        return local_date(self.meeting.start, self.question.schedule.zone)

    def _clock(self, instant: datetime) -> str:
        """A time of day, with its date unless that is the meeting's."""
        local = instant.astimezone(self.zone)
        return f"{local:%H:%M}" if local.date() == self._day else f"{say_date(local.date())}, {local:%H:%M}"

    def _calendar(self, calendar: str) -> str:
        return shown(self.names.get(calendar, calendar))

    def _of_time(self, why: Why) -> str:
        now, rules = self.question.now, self.question.rules
        if why is Why.PAST:
            return f"in the past: it is {self._clock(now)} now"
        if why is Why.NOTICE:
            # Seconds are not shown, so the minute told is the first whole one that is late enough.
            earliest = self._clock(now + rules.notice + _A_MINUTE - datetime.resolution)
            return f"too soon: with {say_duration(rules.notice)} notice the earliest start is {earliest}"
        last = local_date(now, self.question.schedule.zone) + rules.horizon * ONE_DAY
        return f"too far ahead: bookings open {in_words(rules.horizon, 'day')} ahead, up to {say_date(last)}"

    def _of_hours(self, reason: Reason) -> str:
        minutes = f"{say_duration(self.question.rules.duration)} meeting"
        if reason.why is Why.OFF_GRID and reason.span:
            return f"not a start of the grid: {self._grid(reason.span)}"
        if reason.why is Why.EXCEPTION:
            return self._exception()
        if reason.span:
            closes = self._clock(reason.span.end)
            return f"closes at {closes}, before a {minutes} would end"
        return f"closed at this time: {self._hours_of(self._scheduled_day)}"

    def _exception(self) -> str:
        schedule = self.question.schedule
        last = local_date(self.meeting.end - datetime.resolution, schedule.zone)
        near = (self._scheduled_day, last, self._scheduled_day - ONE_DAY)
        day = next((each for each in near if each in schedule.exceptions), self._scheduled_day)
        hours = schedule.hours_on(day)
        own = "is closed by an exception" if not hours else "has hours of its own"
        return f"{say_date(day)} {own}" + (
            f": {', '.join(map(str, hours))}{self._schedule_place}" if hours else ""
        )

    def _hours_of(self, day: date) -> str:
        hours = self.question.schedule.hours_on(day)
        if not hours:
            return f"{say_date(day)} has no opening hours"
        return f"{say_date(day)} is open {', '.join(map(str, hours))}{self._schedule_place}"

    @property
    def _schedule_place(self) -> str:
        """The schedule's zone, where its wall times are not the reader's."""
        zone = self.question.schedule.zone
        return "" if zone.key == self.zone.key else f" ({place(zone)})"

    def _grid(self, span: Interval) -> str:
        rules = self.question.rules
        step = say_duration(rules.stride)
        if rules.align is Align.HOUR:
            return f"starts lie every {step} from the full hour"
        anchor = self._clock(span.start)
        return f"starts lie every {step} from {anchor}"

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

    def _of_limits(self, why: Why) -> str:
        rules, day = self.question.rules, self._scheduled_day
        if why is Why.DAY_FULL:
            return (
                f"{say_date(day)} is full: it has its {in_words(rules.max_per_day, 'booking')} (max_per_day)"
            )
        week = iso_week(day)[1]
        return f"week {week} is full: it has its {in_words(rules.max_per_week, 'booking')} (max_per_week)"

    def _of_unread(self, reason: Reason) -> str:
        calendars = self.question.calendars or ()
        why = next((each.unread for each in calendars if each.calendar == reason.calendar), None)
        told = f" ({shown(why)})" if why else ""
        return f"unknown whether it is free: {self._calendar(reason.calendar or '')} cannot be read{told}"
