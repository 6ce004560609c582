"""Why hours and rules do not offer a start, one sentence a reason. Pure.

`book` refuses in the words in which `availability --explain` explains. Times are in the reader's zone; the caller names
it once.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple, assert_never
from zoneinfo import ZoneInfo

from portalcal.core.instants import ONE_DAY, iso_week, local_date, place, say_date, say_duration
from portalcal.core.intervals import Interval
from portalcal.core.slots import Align, Question, Reason, Why

_A_MINUTE = timedelta(minutes=1)


def in_words(count: int, noun: str) -> str:
    """A number with its noun.

    >>> in_words(2, "booking")
    '2 bookings'
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class Objections(NamedTuple):
    """What the sentences about one meeting have in common."""

    question: Question
    meeting: Interval
    zone: ZoneInfo

    def tell(self, reason: Reason) -> str:
        """The sentence for a reason that is no conflict."""
        match reason.why:
            case Why.PAST | Why.NOTICE | Why.HORIZON:
                return self._of_time(reason.why)
            case Why.CLOSED | Why.EXCEPTION | Why.OFF_GRID:
                return self._of_hours(reason)
            case Why.DAY_FULL | Why.WEEK_FULL:
                return self._of_limits(reason.why)
            case Why.BUSY | Why.BOOKED | Why.BUFFER | Why.UNREADABLE:
                raise ValueError(reason.why)
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

    def _of_limits(self, why: Why) -> str:
        rules, day = self.question.rules, self._scheduled_day
        if why is Why.DAY_FULL:
            return (
                f"{say_date(day)} is full: it has its {in_words(rules.max_per_day, 'booking')} (max_per_day)"
            )
        week = iso_week(day)[1]
        return f"week {week} is full: it has its {in_words(rules.max_per_week, 'booking')} (max_per_week)"
