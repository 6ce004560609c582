"""Which starts are offered, and every reason why one is not: AVAILABILITY.md sections 3 to 6.

One pure question, one answer: what `offered` lists can be booked, what `reasons` names cannot.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from portalcal.core.instants import ONE_DAY, iso_week, local_date, wall
from portalcal.core.intervals import NOTHING, Interval, Intervals
from portalcal.core.schedule import Opening, Schedule


class Align(StrEnum):
    """Where the grid of starts is anchored: the opening's start, or the local hour it lies in."""

    OPENING = "opening"
    HOUR = "hour"


class Rules(NamedTuple):
    """How meetings of one kind may lie. Elapsed times; `horizon` in local days; a limit of 0 is none."""

    duration: timedelta = timedelta(minutes=30)
    step: timedelta | None = None
    buffer_before: timedelta = timedelta(0)
    buffer_after: timedelta = timedelta(0)
    notice: timedelta = timedelta(hours=4)
    horizon: int = 60
    max_per_day: int = 0
    max_per_week: int = 0
    align: Align = Align.OPENING

    @property
    def stride(self) -> timedelta:
        """The distance between two starts: the step, else the duration."""
        return self.step or self.duration

    def meeting(self, start: datetime) -> Interval:
        """The time the meeting itself takes."""
        return Interval(start, start + self.duration)

    def guard(self, start: datetime) -> Interval:
        """The meeting with its buffers."""
        return self.meeting(start).widened(self.buffer_before, self.buffer_after)


class FreeBusy(NamedTuple):
    """What one calendar said about a window. `unread` is Google's reason when it said nothing."""

    calendar: str
    busy: Intervals = NOTHING
    unread: str | None = None


class Promise(NamedTuple):
    """A live booking as the engine sees it: its meeting and that meeting with the buffers it was made with."""

    booking: str
    link: str | None
    meeting: Interval
    guard: Interval


class Question(NamedTuple):
    """All that an answer depends on.

    `window` bounds the starts. `calendars` is None when nothing is connected. `calendars` and `promises` must
    cover `busy_window` and `promise_window`.
    """

    schedule: Schedule
    rules: Rules
    window: Interval
    now: datetime
    link: str | None = None
    calendars: tuple[FreeBusy, ...] | None = ()
    promises: tuple[Promise, ...] = ()

    @property
    def busy_window(self) -> Interval:
        """What to ask the calendars about: every guard of a start in the window lies inside."""
        return Interval(self.window.start, self.window.end + self.rules.duration).widened(
            self.rules.buffer_before, self.rules.buffer_after
        )

    @property
    def promise_window(self) -> Interval:
        """Where live bookings may matter: the guards, and whole ISO weeks for the limits."""
        zone = self.schedule.zone
        first, last = local_date(self.window.start, zone), local_date(self.window.end, zone)
        weeks = Interval(
            wall(first - first.weekday() * ONE_DAY, 0, zone),
            wall(last + (7 - last.weekday()) * ONE_DAY, 0, zone),
        )
        return Interval(min(weeks.start, self.busy_window.start), max(weeks.end, self.busy_window.end))

    @property
    def blocked(self) -> Intervals:
        """Busy times and guards of promises, united."""
        busy = chain.from_iterable(each.busy for each in self.calendars or ())
        return Intervals.of(chain(busy, (each.guard for each in self.promises)))

    def about(self, start: datetime) -> Self:
        """The same question for one start."""
        return self._replace(window=Interval(start, start + datetime.resolution))

    def without(self, booking: str) -> Self:
        """The question as if this booking were not there: neither its promise nor its own event's time counts."""
        gone = Intervals.of(each.meeting for each in self.promises if each.booking == booking)
        kept = tuple(each for each in self.promises if each.booking != booking)
        calendars = self.calendars and tuple(each._replace(busy=each.busy - gone) for each in self.calendars)
        return self._replace(promises=kept, calendars=calendars)


def offered(question: Question) -> tuple[Interval, ...]:
    """Every meeting that may be booked in the window, in order of start."""
    rules, window = question.rules, question.window
    earliest = max(window.start, question.now + rules.notice)
    if earliest >= window.end:
        return ()
    question = question._replace(window=Interval(earliest, window.end))
    limits = _Limits.of(question)
    blocked = question.blocked.spans
    kept_after = rules.duration + rules.buffer_after
    index = 0
    found = []
    for opening in question.schedule.openings(question.window, reach=rules.duration):
        for start in _grid(opening, question):
            if start >= window.end:
                break
            # The guard, without making an Interval of it: this line runs once for every start there is.
            while index < len(blocked) and blocked[index].end <= start - rules.buffer_before:
                index += 1
            is_clear = index == len(blocked) or blocked[index].start >= start + kept_after
            if is_clear and limits.allow(start):
                found.append(rules.meeting(start))
    return tuple(found)


def _grid(opening: Opening, question: Question) -> Iterator[datetime]:
    """The starts of an opening's grid from just before the window on, whose meeting still fits into the opening."""
    stride, last = question.rules.stride, opening.span.end - question.rules.duration
    for anchor, following in zip(opening.anchors, (*opening.anchors[1:], None), strict=True):
        start = _origin(anchor, question)
        skipped = max(question.window.start, anchor) - start
        if skipped > timedelta(0):
            start += -(-skipped // stride) * stride
        while start <= last and (following is None or start < following):
            yield start
            start += stride


def _origin(anchor: datetime, question: Question) -> datetime:
    """The grid's origin: the anchor, or with `align = "hour"` the local hour it lies in."""
    if question.rules.align is Align.OPENING:
        return anchor
    local = anchor.astimezone(question.schedule.zone)
    return anchor - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


class _Limits(NamedTuple):
    """Conditions 4 and 5: the horizon and the days and weeks that are full."""

    zone: ZoneInfo
    last_date: date
    may_be_beyond: datetime
    full_days: frozenset[date]
    full_weeks: frozenset[tuple[int, int]]

    @classmethod
    def of(cls, question: Question) -> Self:
        zone, rules = question.schedule.zone, question.rules
        days = Counter(
            local_date(each.meeting.start, zone) for each in question.promises if each.link == question.link
        )
        weeks: Counter[tuple[int, int]] = Counter()
        for day, count in days.items():
            weeks[iso_week(day)] += count
        last = local_date(question.now, zone) + rules.horizon * ONE_DAY
        return cls(
            zone=zone,
            last_date=last,
            may_be_beyond=wall(last + ONE_DAY, 0, zone),
            full_days=frozenset(day for day in days if 0 < rules.max_per_day <= days[day]),
            full_weeks=frozenset(week for week in weeks if 0 < rules.max_per_week <= weeks[week]),
        )

    def allow(self, start: datetime) -> bool:
        return not (self.is_beyond(start) or self.is_day_full(start) or self.is_week_full(start))

    def is_beyond(self, start: datetime) -> bool:
        # The first midnight spares most starts the date; the date decides, since after a change at 00:01, as St John's
        # had them, the day before comes back.
        return start >= self.may_be_beyond and local_date(start, self.zone) > self.last_date

    def is_day_full(self, start: datetime) -> bool:
        return bool(self.full_days) and local_date(start, self.zone) in self.full_days

    def is_week_full(self, start: datetime) -> bool:
        return bool(self.full_weeks) and iso_week(local_date(start, self.zone)) in self.full_weeks


class Why(StrEnum):
    """The reasons a start is not offered, in the order they are told."""

    PAST = "past"
    NOTICE = "notice"
    HORIZON = "horizon"
    CLOSED = "closed"
    EXCEPTION = "exception"
    OFF_GRID = "off-grid"
    BUSY = "busy"
    BOOKED = "booked"
    BUFFER = "buffer"
    DAY_FULL = "day-full"
    WEEK_FULL = "week-full"
    UNREADABLE = "unreadable"

    @property
    def is_conflict(self) -> bool:
        """Whether someone else's time is in the way: what `book --force` never overrides."""
        return self in {Why.BUSY, Why.BOOKED, Why.BUFFER, Why.UNREADABLE}


class Reason(NamedTuple):
    """One reason, with the calendar or booking and the interval that cause it, where there are any."""

    why: Why
    calendar: str | None = None
    booking: str | None = None
    span: Interval | None = None


class Seeming(StrEnum):
    """Why something in a calendar that looks as if it took the time does not."""

    TRANSPARENT = "transparent"
    DECLINED = "declined"
    WORKING_LOCATION = "working-location"
    BIRTHDAY = "birthday"
    NOT_SELECTED = "not-selected"


def reasons(question: Question, start: datetime) -> tuple[Reason, ...]:
    """Every reason why `start` is not offered, in the order of `Why`; empty exactly when it is offered."""
    about = question.about(start)
    found = (
        *_of_time(about, start),
        *_of_hours(about, start),
        *_of_conflicts(about, start),
        *_of_limits(about, start),
    )
    order = list(Why)
    return tuple(sorted(found, key=lambda each: order.index(each.why)))


def _of_time(question: Question, start: datetime) -> Iterator[Reason]:
    if start < question.now:
        yield Reason(Why.PAST)
    elif start < question.now + question.rules.notice:
        yield Reason(Why.NOTICE)
    if _Limits.of(question).is_beyond(start):
        yield Reason(Why.HORIZON)


def _of_hours(question: Question, start: datetime) -> Iterator[Reason]:
    meeting = question.rules.meeting(start)
    openings = question.schedule.openings(meeting, reach=question.rules.duration)
    around = next((each for each in openings if each.span.covers(meeting)), None)
    if around is None:
        weekly = question.schedule.without_exceptions().openings(meeting, reach=question.rules.duration)
        would_fit = any(each.span.covers(meeting) for each in weekly)
        partly = next((each.span for each in openings if start in each.span), None)
        yield Reason(Why.EXCEPTION if would_fit else Why.CLOSED, span=partly)
    elif next(_grid(around, question), None) != start:
        anchor = around.anchors[bisect_right(around.anchors, start) - 1]
        yield Reason(Why.OFF_GRID, span=Interval(anchor, around.span.end))


def _of_conflicts(question: Question, start: datetime) -> Iterator[Reason]:
    meeting, guard = question.rules.meeting(start), question.rules.guard(start)
    ours = Intervals.of(each.meeting for each in question.promises)
    for each in question.calendars or ():
        if each.unread is not None:
            yield Reason(Why.UNREADABLE, calendar=each.calendar)
        # Our own events are busy at Google too; the booking is the better cause to name, and what remains is others'.
        for span in (Intervals(each.busy.meeting(guard)) - ours).meeting(guard):
            why = Why.BUSY if span.overlaps(meeting) else Why.BUFFER
            yield Reason(why, calendar=each.calendar, span=span)
    for promise in question.promises:
        if promise.guard.overlaps(guard):
            why = Why.BOOKED if promise.meeting.overlaps(meeting) else Why.BUFFER
            yield Reason(why, booking=promise.booking, span=promise.meeting)


def _of_limits(question: Question, start: datetime) -> Iterator[Reason]:
    limits = _Limits.of(question)
    if limits.is_day_full(start):
        yield Reason(Why.DAY_FULL)
    if limits.is_week_full(start):
        yield Reason(Why.WEEK_FULL)


def nearest(question: Question, start: datetime, *, most: int = 3) -> tuple[Interval, ...]:
    """Up to `most` offered meetings of the window closest to `start`, in order of time."""
    near = sorted(offered(question), key=lambda each: (abs(each.start - start), each.start))[:most]
    return tuple(sorted(near, key=lambda each: each.start))
