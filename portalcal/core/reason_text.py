"""Sentences for the reasons why a start is not offered, one for each reason. Pure.

`book` and `availability --explain` share them. Times are in the zone of the reader, which the caller states once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple, assert_never
from zoneinfo import ZoneInfo

from portalcal.core.intervals import Interval
from portalcal.core.slots import MAX_MINUTES, Align, Reason, ReasonCode, SchedulingInputs, dates_near
from portalcal.core.time import ONE_DAY, format_date, format_duration, iso_week, local_date, zone_city
from portalcal.facts import booking_named, offer_named

_A_MINUTE = timedelta(minutes=1)


def count_of(count: int, noun: str) -> str:
    """Format a number with its noun.

    >>> count_of(2, "booking")
    '2 bookings'
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def opens_until(inputs: SchedulingInputs) -> str:
    """What the horizon allows: `bookings open 60 days ahead, up to Mon 25 Jan`."""
    horizon = inputs.rules.horizon
    last = local_date(inputs.now, inputs.schedule.zone) + horizon * ONE_DAY
    return f"bookings open {count_of(horizon, 'day')} ahead, up to {format_date(last)}"


class ReasonText(NamedTuple):
    """The sentences about one meeting."""

    inputs: SchedulingInputs
    meeting: Interval
    zone: ZoneInfo  # of the reader
    guests: Mapping[str, str] = MappingProxyType({})  # names by id of a booking, where they are known

    def sentence(self, reason: Reason) -> str:
        """The sentence for a reason that is no conflict."""
        match reason.why:
            case ReasonCode.PAST | ReasonCode.NOTICE | ReasonCode.HORIZON:
                return self._of_time(reason.why)
            case (
                ReasonCode.CLOSED
                | ReasonCode.EXCEPTION
                | ReasonCode.HOLIDAY
                | ReasonCode.PERIOD
                | ReasonCode.OFF_GRID
            ):
                return self._of_hours(reason)
            case ReasonCode.DAY_FULL | ReasonCode.WEEK_FULL:
                return self._of_limits(reason)
            case ReasonCode.OFFERED:
                held = (
                    f"{self._clock(reason.span.start)}-{self._clock(reason.span.end)} is "
                    if reason.span
                    else ""
                )
                return f"{held}held for {offer_named(reason.offer or '')}"
            case ReasonCode.POOL_SHORT:
                return f"{reason.there or 'nobody'} of {reason.pool} can come, and {reason.wanted} must"
            case ReasonCode.ROOM_BUSY:
                return self._of_room(reason)
            case (
                ReasonCode.PERSON_BUSY
                | ReasonCode.PERSON_BOOKED
                | ReasonCode.PERSON_CLOSED
                | ReasonCode.PERSON_DAY_FULL
                | ReasonCode.PERSON_WEEK_FULL
                | ReasonCode.PERSON_UNREADABLE
            ):
                return self._of_person(reason)
            case ReasonCode.BUSY | ReasonCode.BOOKED | ReasonCode.BUFFER | ReasonCode.UNREADABLE:
                raise ValueError(reason.why)
            case unknown:
                assert_never(unknown)

    @property
    def _day(self) -> date:
        return local_date(self.meeting.start, self.zone)

    @property
    def _scheduled_day(self) -> date:
        """The date whose hours and limits apply: the meeting's in the schedule's zone."""
        return local_date(self.meeting.start, self.inputs.schedule.zone)

    def _clock(self, instant: datetime) -> str:
        """Format a time of day, with its date unless it is the date of the meeting."""
        local = instant.astimezone(self.zone)
        return (
            f"{local:%H:%M}" if local.date() == self._day else f"{format_date(local.date())}, {local:%H:%M}"
        )

    def _of_time(self, why: ReasonCode) -> str:
        now, rules = self.inputs.now, self.inputs.rules
        if why is ReasonCode.PAST:
            return f"in the past: it is {self._clock(now)} now"
        if why is ReasonCode.NOTICE:
            # Seconds are not shown, so round up to the next whole minute.
            earliest = self._clock(now + rules.notice + _A_MINUTE - datetime.resolution)
            return f"too soon: with {format_duration(rules.notice)} notice the earliest start is {earliest}"
        return f"too far ahead: {opens_until(self.inputs)}"

    def _of_hours(self, reason: Reason) -> str:
        schedule, minutes = self.inputs.schedule, f"{format_duration(self.inputs.rules.duration)} meeting"
        if reason.why is ReasonCode.OFF_GRID and reason.span:
            return f"not a start of the grid: {self._grid(reason.span)}"
        if reason.why is ReasonCode.EXCEPTION:
            return self._exception()
        if reason.why is ReasonCode.HOLIDAY:
            day = self._day_that(lambda day: schedule.holiday_on(day) == reason.name)
            return f"{format_date(day)} is a holiday: {reason.name}"
        if reason.why is ReasonCode.PERIOD:
            return self._period(reason.name)
        if reason.span:
            closes = self._clock(reason.span.end)
            return f"closes at {closes}, before a {minutes} would end"
        return f"closed at this time: {self._hours_of(self._scheduled_day)}"

    def _day_that(self, holds: Callable[[date], bool]) -> date:
        """The first date near the meeting for which `holds` is true."""
        near = dates_near(self.inputs.schedule, self.meeting)
        return next((each for each in near if holds(each)), self._scheduled_day)

    def _exception(self) -> str:
        schedule = self.inputs.schedule
        day = self._day_that(lambda day: schedule.exception_on(day) is not None)
        hours = schedule.hours_on(day)
        own = "is closed by an exception" if not hours else "has hours of its own"
        return f"{format_date(day)} {own}" + (
            f": {', '.join(map(str, hours))}{self._place_of(day)}" if hours else ""
        )

    def _period(self, name: str | None) -> str:
        schedule = self.inputs.schedule

        def has_it(day: date) -> bool:
            period = schedule.period_on(day)
            return period is not None and period.name == name

        day = self._day_that(has_it)
        hours = ", ".join(map(str, schedule.hours_on(day)))
        return f"{format_date(day)} lies in {name}: {f'open {hours}{self._place_of(day)}' if hours else 'closed'}"

    def _hours_of(self, day: date) -> str:
        hours = self.inputs.schedule.hours_on(day)
        if not hours:
            return f"{format_date(day)} has no opening hours"
        return f"{format_date(day)} is open {', '.join(map(str, hours))}{self._place_of(day)}"

    def _place_of(self, day: date) -> str:
        """The zone of the hours of a date, if it is not the reader's."""
        zone = self.inputs.schedule.zone_on(day)
        return "" if zone.key == self.zone.key else f" ({zone_city(zone)})"

    def _grid(self, span: Interval) -> str:
        rules = self.inputs.rules
        step = format_duration(rules.stride)
        if rules.align is Align.HOUR:
            return f"starts lie every {step} from the full hour"
        anchor = self._clock(span.start)
        return f"starts lie every {step} from {anchor}"

    def _of_limits(self, reason: Reason) -> str:
        rules, day = self.inputs.rules, self._scheduled_day
        if reason.name == MAX_MINUTES:
            most = format_duration(timedelta(minutes=rules.max_minutes_per_day))
            return f"{format_date(day)} is full: with this meeting it would have more than {most} ({MAX_MINUTES})"
        if reason.why is ReasonCode.DAY_FULL:
            return f"{format_date(day)} is full: it has its {count_of(rules.max_per_day, 'booking')} (max_per_day)"
        week = iso_week(day)[1]
        return f"week {week} is full: it has its {count_of(rules.max_per_week, 'booking')} (max_per_week)"

    def _of_person(self, reason: Reason) -> str:
        who, when = reason.person, self._from_to(reason.span)
        match reason.why:
            case ReasonCode.PERSON_BUSY:
                return f"{who} is busy{when}"
            case ReasonCode.PERSON_BOOKED if reason.offer:
                return f"{who} is held{when} for {offer_named(reason.offer)}"
            case ReasonCode.PERSON_BOOKED:
                return f"{who} is booked{when} by {self._booking(reason)}"
            case ReasonCode.PERSON_CLOSED:
                return f"{who} has no hours at this time"
            case ReasonCode.PERSON_DAY_FULL:
                return f"{who} has no room that day: it has their {count_of(reason.wanted or 0, 'meeting')}"
            case ReasonCode.PERSON_WEEK_FULL:
                return f"{who} has no room that week: it has their {count_of(reason.wanted or 0, 'meeting')}"
            case _:
                return f"unknown whether {who} is free: the calendar cannot be read"

    def _of_room(self, reason: Reason) -> str:
        if reason.wanted is not None:
            return f"{reason.room} seats {reason.there}, and {reason.wanted} come"
        if reason.booking or reason.offer:
            by = self._booking(reason) if reason.booking else offer_named(reason.offer or "")
            return f"{reason.room} is taken{self._from_to(reason.span)} by {by}"
        if reason.span:
            return f"{reason.room} is taken{self._from_to(reason.span)}"
        return f"unknown whether {reason.room} is free: its calendar cannot be read"

    def _booking(self, reason: Reason) -> str:
        id_ = reason.booking or ""
        return booking_named(id_, self.guests.get(id_, ""))

    def _from_to(self, span: Interval | None) -> str:
        return f" {self._clock(span.start)}-{self._clock(span.end)}" if span else ""
