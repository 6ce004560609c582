"""Which starts are offered, and every reason why one is not. Pure; `offered` and `reasons` always agree.

Intervals are half-open, instants are in UTC. For an opening `[a, b)` and rules with duration d, step s (default d),
buffers p and q, notice n and a horizon of h days, the start `t = a + k*s` (k = 0, 1, 2 ...) is offered if and only if

1. `t + d <= b`: the meeting ends within the opening;
2. `[t - p, t + d + q)` overlaps no busy interval and no claim; buffers may lie outside the opening hours;
3. `t >= now + n`;
4. the local date of t is at most h days after today, in the schedule's zone;
5. the limits of the link allow it: fewer than `max_per_day` and `max_per_week` (ISO weeks) live bookings of the link
   start on that local date and in that week, and `max_minutes_per_day` has room for d more minutes;
6. t lies in the window.

The grid starts at the opening's start, so it does not shift when meetings come and go. `align = "hour"` starts it at
the local hour of that start. A schedule that never closes has a grid from each local midnight.
A calendar that cannot be read is never treated as free.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import chain
from operator import attrgetter
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from portalcal.core.intervals import NOTHING, Interval, Intervals, spaced
from portalcal.core.participants import OWNER
from portalcal.core.schedule import Opening, Schedule
from portalcal.core.time import ONE_DAY, iso_week, local_date, wall
from portalcal.errors import PortalcalError

MAX_MINUTES = "max_minutes_per_day"
_NO_TIME = timedelta(0)
_end = attrgetter("end")


class Align(StrEnum):
    """The origin of the grid of starts: the opening's start, or the local hour it lies in."""

    OPENING = "opening"
    HOUR = "hour"


class Rules(NamedTuple):
    """Scheduling rules of one kind of meeting. Lengths are elapsed time."""

    duration: timedelta = timedelta(minutes=30)
    step: timedelta | None = None  # between two starts; None: the duration
    buffer_before: timedelta = timedelta(0)
    buffer_after: timedelta = timedelta(0)
    notice: timedelta = timedelta(hours=4)  # from now to the earliest start
    horizon: int = 60  # in local days
    max_per_day: int = 0  # 0, here and below: no limit
    max_per_week: int = 0
    align: Align = Align.OPENING
    max_minutes_per_day: int = 0

    @property
    def stride(self) -> timedelta:
        """The distance between two starts: the step, else the duration."""
        return self.step or self.duration

    def meeting(self, start: datetime) -> Interval:
        """The time the meeting itself takes."""
        return Interval(start, start + self.duration)

    def buffered(self, start: datetime) -> Interval:
        """The meeting with its buffers."""
        return self.meeting(start).widened(self.buffer_before, self.buffer_after)


class FreeBusy(NamedTuple):
    """The busy times of one calendar in a window."""

    calendar: str
    busy: Intervals = NOTHING
    unread: str | None = None  # Google's reason why the calendar could not be read
    failure: PortalcalError | None = None  # of the account that should have read it, if that is the reason


class Claim(NamedTuple):
    """The time that a live booking or an open offer takes of one participant.

    A meeting with several participants has one claim for each.
    """

    booking: str  # id of the booking or the offer
    link: str | None
    meeting: Interval
    buffered: Interval  # the meeting with the buffers it was booked with
    participant: str = OWNER  # an address in lower case, or `owner_of` a workspace
    expires_at: datetime | None = None  # of an offer: the claim ends then
    is_foreign: bool = False  # of another workspace, whose links are not ours and whose guests are not shown

    def is_held(self, now: datetime) -> bool:
        """Whether the claim is in force."""
        return self.expires_at is None or now < self.expires_at


class SchedulingInputs(NamedTuple):
    """Everything the slots of a window depend on."""

    schedule: Schedule
    rules: Rules
    window: Interval  # bounds the starts
    now: datetime
    link: str | None = None  # limits count all claims of this link
    calendars: tuple[FreeBusy, ...] | None = ()  # covers `busy_window`; None: not connected
    claims: tuple[Claim, ...] = ()  # covers `claims_window`
    owner: str = OWNER  # the key of the owner's claims
    account: str | None = None  # the owner's address in lower case; None: not connected
    owner_attends: bool = True  # False: the owner only organises, so their calendars and claims do not block

    @property
    def busy_window(self) -> Interval:
        """The window of the free/busy query: every start in `window` with its buffers lies inside."""
        return Interval(self.window.start, self.window.end + self.rules.duration).widened(
            self.rules.buffer_before, self.rules.buffer_after
        )

    @property
    def claims_window(self) -> Interval:
        """Where live bookings may matter: `busy_window`, and whole ISO weeks for the limits."""
        zone = self.schedule.zone
        first, last = local_date(self.window.start, zone), local_date(self.window.end, zone)
        weeks = Interval(
            wall(first - first.weekday() * ONE_DAY, 0, zone),
            wall(last + (7 - last.weekday()) * ONE_DAY, 0, zone),
        )
        return Interval(min(weeks.start, self.busy_window.start), max(weeks.end, self.busy_window.end))

    @property
    def blocked(self) -> Intervals:
        """The union of the owner's busy times and buffered claims."""
        calendars, claims = self.own_calendars, self.own_claims
        if not claims and len(calendars) == 1:
            return calendars[0].busy
        busy = chain.from_iterable(each.busy for each in calendars)
        return Intervals.of(chain(busy, (each.buffered for each in claims)))

    @property
    def own_calendars(self) -> tuple[FreeBusy, ...]:
        """The calendars that can block the owner."""
        return (self.calendars or ()) if self.owner_attends else ()

    @property
    def own_claims(self) -> tuple[Claim, ...]:
        """The claims that can block the owner."""
        return self.claims_of(self.owner) if self.owner_attends else ()

    def claimant(self, address: str) -> str:
        """The key of the claims of the person with that address: the owner's for the account."""
        return self.owner if address == self.account else address

    def claims_of(self, participant: str) -> tuple[Claim, ...]:
        """A participant's claims in force, so without expired offers."""
        return tuple(
            each for each in self.claims if each.participant == participant and each.is_held(self.now)
        )

    def about(self, start: datetime) -> Self:
        """The same inputs with a window that holds one start."""
        return self._replace(window=Interval(start, start + datetime.resolution))

    def without(self, booking: str) -> Self:
        """The inputs without this booking: without its claims and without the busy time of its own event."""
        own_times = Intervals.of(each.meeting for each in self.claims if each.booking == booking)
        kept = tuple(each for each in self.claims if each.booking != booking)
        calendars = self.calendars and tuple(
            each._replace(busy=each.busy - own_times) for each in self.calendars
        )
        return self._replace(claims=kept, calendars=calendars)


def offered(inputs: SchedulingInputs) -> tuple[Interval, ...]:
    """Every meeting that may be booked in the window, in order of start."""
    rules, window = inputs.rules, inputs.window
    earliest = max(window.start, inputs.now + rules.notice)
    if earliest >= window.end:
        return ()
    inputs = inputs._replace(window=Interval(earliest, window.end))
    limits = _Limits.of(inputs)
    stride, length = rules.stride, rules.duration
    slots: list[Interval] = []
    for first, last in _free_runs(inputs):
        run = spaced(first, last, stride=stride, length=length)
        if limits.may_refuse(last):
            run = [each for each in run if limits.allow(each.start)]
        slots += run
    return tuple(slots)


def on_grid(inputs: SchedulingInputs) -> tuple[Interval, ...]:
    """Every meeting of the window within the opening hours and on their grid, offered or not."""
    stride, length = inputs.rules.stride, inputs.rules.duration
    openings = inputs.schedule.openings(inputs.window, reach=length)
    grids = chain.from_iterable(_grids(opening, inputs) for opening in openings)
    return tuple(chain.from_iterable(spaced(*each, stride=stride, length=length) for each in grids))


def _free_runs(inputs: SchedulingInputs) -> Iterator[tuple[datetime, datetime]]:
    """Runs of free starts: the first start of each, and the latest instant up to which the grid starts are free.

    Iterates over blocked intervals, not over starts, so that long free stretches cost nothing.
    """
    rules, blocked = inputs.rules, inputs.blocked.spans
    stride, before, kept_after = rules.stride, rules.buffer_before, rules.duration + rules.buffer_after
    index, count = 0, len(blocked)
    for opening in inputs.schedule.openings(inputs.window, reach=rules.duration):
        for first, last in _grids(opening, inputs):
            start = first
            # Skips blocked intervals between two openings.
            index = bisect_right(blocked, start - before, index, key=_end)
            while index < count and (gap_end := blocked[index].start - kept_after) < last:
                if start <= gap_end:
                    yield start, gap_end
                # The first start whose buffer begins at the end of the blocked interval or later.
                start += -((start - before - blocked[index].end) // stride) * stride
                if start > last:
                    # The blocked interval may reach into the next openings.
                    break
                free_from = start - before
                while index < count and blocked[index].end <= free_from:
                    index += 1
            if start <= last:
                yield start, last


def _grids(opening: Opening, inputs: SchedulingInputs) -> Iterator[tuple[datetime, datetime]]:
    """For each grid of an opening: its first start in the window, and the latest instant a start may have."""
    window, stride = inputs.window, inputs.rules.stride
    last_of_all = min(opening.span.end - inputs.rules.duration, window.end - datetime.resolution)
    for index, anchor in enumerate(opening.anchors, start=1):
        start = _origin(anchor, inputs)
        skipped = max(window.start, anchor) - start
        if skipped > _NO_TIME:
            start += -(-skipped // stride) * stride
        is_last = index == len(opening.anchors)
        last = last_of_all if is_last else min(last_of_all, opening.anchors[index] - datetime.resolution)
        if start <= last:
            yield start, last


def _origin(anchor: datetime, inputs: SchedulingInputs) -> datetime:
    """The grid's origin: the anchor, or with `align = "hour"` the local hour it lies in."""
    if inputs.rules.align is Align.OPENING:
        return anchor
    local = anchor.astimezone(inputs.schedule.zone)
    return anchor - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


class _Limits(NamedTuple):
    """The horizon, and the days and weeks whose limits are reached."""

    zone: ZoneInfo
    last_date: date  # the last date of the horizon
    may_be_beyond: datetime  # the first midnight after it
    full_days: frozenset[date]
    full_weeks: frozenset[tuple[int, int]]
    days_without_minutes: frozenset[date]
    is_too_long: bool  # one meeting alone has more minutes than a day may have

    @classmethod
    def of(cls, inputs: SchedulingInputs) -> Self:
        zone, rules = inputs.schedule.zone, inputs.rules
        last = local_date(inputs.now, zone) + rules.horizon * ONE_DAY
        # A meeting of several people has several claims and counts once.
        meetings = {
            (each.booking, each.meeting)
            for each in inputs.claims
            if each.link == inputs.link and not each.is_foreign and each.is_held(inputs.now)
        }
        days, weeks = full_dates(
            (meeting for _, meeting in meetings),
            zone,
            max_per_day=rules.max_per_day,
            max_per_week=rules.max_per_week,
        )
        return cls(
            zone=zone,
            last_date=last,
            may_be_beyond=wall(last + ONE_DAY, 0, zone),
            full_days=days,
            full_weeks=weeks,
            days_without_minutes=_days_without_minutes((meeting for _, meeting in meetings), rules, zone),
            is_too_long=_NO_TIME < timedelta(minutes=rules.max_minutes_per_day) < rules.duration,
        )

    def may_refuse(self, last: datetime) -> bool:
        """Whether the starts up to `last` must be checked one by one."""
        full = self.full_days or self.full_weeks or self.days_without_minutes or self.is_too_long
        return bool(full) or last >= self.may_be_beyond

    def allow(self, start: datetime) -> bool:
        return not (
            self.is_beyond(start)
            or self.is_day_full(start)
            or self.has_no_minutes(start)
            or self.is_week_full(start)
        )

    def is_beyond(self, start: datetime) -> bool:
        # Comparing with the first midnight avoids computing most local dates. The date decides: clocks of St John's
        # changed at 00:01 (until 2011), which brought back the day before.
        return start >= self.may_be_beyond and local_date(start, self.zone) > self.last_date

    def is_day_full(self, start: datetime) -> bool:
        return bool(self.full_days) and local_date(start, self.zone) in self.full_days

    def has_no_minutes(self, start: datetime) -> bool:
        days = self.days_without_minutes
        return self.is_too_long or (bool(days) and local_date(start, self.zone) in days)

    def is_week_full(self, start: datetime) -> bool:
        return bool(self.full_weeks) and iso_week(local_date(start, self.zone)) in self.full_weeks


def full_days(inputs: SchedulingInputs) -> dict[date, int]:
    """The local dates on which `max_per_day` is reached, with the number of bookings that count."""
    meetings = {
        (each.booking, each.meeting)
        for each in inputs.claims
        if each.link == inputs.link and each.is_held(inputs.now)
    }
    count = Counter(local_date(meeting.start, inputs.schedule.zone) for _, meeting in meetings)
    return {day: number for day, number in count.items() if 0 < inputs.rules.max_per_day <= number}


def full_dates(
    meetings: Iterable[Interval], zone: ZoneInfo, *, max_per_day: int, max_per_week: int
) -> tuple[frozenset[date], frozenset[tuple[int, int]]]:
    """The local dates and ISO weeks whose limit of meetings is reached; a limit of 0 is none."""
    days = Counter(local_date(each.start, zone) for each in meetings)
    weeks: Counter[tuple[int, int]] = Counter()
    for day, count in days.items():
        weeks[iso_week(day)] += count
    return (
        frozenset(day for day, count in days.items() if 0 < max_per_day <= count),
        frozenset(week for week, count in weeks.items() if 0 < max_per_week <= count),
    )


def _days_without_minutes(meetings: Iterable[Interval], rules: Rules, zone: ZoneInfo) -> frozenset[date]:
    """The dates on which another meeting would exceed `max_minutes_per_day`."""
    if not rules.max_minutes_per_day:
        return frozenset()
    room = timedelta(minutes=rules.max_minutes_per_day) - rules.duration
    taken: dict[date, timedelta] = {}
    for meeting in meetings:
        day = local_date(meeting.start, zone)
        taken[day] = taken.get(day, _NO_TIME) + meeting.length
    return frozenset(day for day, length in taken.items() if length > room)


class ReasonCode(StrEnum):
    """The reasons a start is not offered, in the order in which they are listed.

    `busy` and `booked` mean that the meeting itself collides, `buffer` that only its buffers do.
    """

    PAST = "past"
    NOTICE = "notice"
    HORIZON = "horizon"
    CLOSED = "closed"
    EXCEPTION = "exception"
    HOLIDAY = "holiday"
    PERIOD = "period"
    OFF_GRID = "off-grid"
    BUSY = "busy"
    BOOKED = "booked"
    OFFERED = "offered"
    BUFFER = "buffer"
    DAY_FULL = "day-full"
    WEEK_FULL = "week-full"
    UNREADABLE = "unreadable"
    PERSON_BUSY = "person-busy"
    PERSON_BOOKED = "person-booked"
    PERSON_CLOSED = "person-closed"
    PERSON_DAY_FULL = "person-day-full"
    PERSON_WEEK_FULL = "person-week-full"
    PERSON_UNREADABLE = "person-unreadable"
    POOL_SHORT = "pool-short"
    ROOM_BUSY = "room-busy"

    @property
    def is_conflict(self) -> bool:
        """Whether the start collides with someone else's time, which `book --force` never overrides."""
        return self in _CONFLICTS

    @property
    def is_of_hours(self) -> bool:
        """Whether the schedule is the reason."""
        return self in _OF_HOURS

    @property
    def is_of_people(self) -> bool:
        """Whether a participant other than the owner, or a room, is the reason."""
        return self in _OF_PEOPLE


_OF_HOURS = frozenset(
    {
        ReasonCode.CLOSED,
        ReasonCode.EXCEPTION,
        ReasonCode.HOLIDAY,
        ReasonCode.PERIOD,
        ReasonCode.OFF_GRID,
    }
)
_OF_PEOPLE = frozenset(
    {
        ReasonCode.PERSON_BUSY, ReasonCode.PERSON_BOOKED, ReasonCode.PERSON_CLOSED, ReasonCode.PERSON_DAY_FULL, ReasonCode.PERSON_WEEK_FULL,
        ReasonCode.PERSON_UNREADABLE, ReasonCode.POOL_SHORT, ReasonCode.ROOM_BUSY,
    }
)  # fmt: skip
# `book --force` overrides people's hours and limits, so these are no conflicts.
_CONFLICTS = frozenset({ReasonCode.BUSY, ReasonCode.BOOKED, ReasonCode.OFFERED, ReasonCode.BUFFER, ReasonCode.UNREADABLE}) | _OF_PEOPLE - {
    ReasonCode.PERSON_CLOSED, ReasonCode.PERSON_DAY_FULL, ReasonCode.PERSON_WEEK_FULL,
}  # fmt: skip


class Reason(NamedTuple):
    """One reason, with its cause where that is known."""

    why: ReasonCode
    calendar: str | None = None
    booking: str | None = None  # id of the booking that collides
    span: Interval | None = None  # the interval that collides, or the opening it lies in
    offer: str | None = None  # id of the offer that collides, in place of a booking
    name: str | None = None  # of a holiday or a period, or MAX_MINUTES
    person: str | None = None  # the key of a person
    pool: str | None = None
    room: str | None = None  # the key of a room
    there: int | None = None  # free members of a pool, or the room's capacity
    wanted: int | None = None  # members or seats needed; a person's limit


class EventKind(StrEnum):
    """What an event that blocks its time is besides a meeting that was agreed on."""

    OUT_OF_OFFICE = "out-of-office"
    FOCUS_TIME = "focus-time"
    TENTATIVE = "tentative"  # the meeting itself, or the account's answer to the invitation
    UNANSWERED = "unanswered"  # an invitation


class FreeReason(StrEnum):
    """Why an event does not block the time it lies at."""

    TRANSPARENT = "transparent"
    DECLINED = "declined"
    WORKING_LOCATION = "working-location"
    BIRTHDAY = "birthday"
    NOT_SELECTED = "not-selected"


def reasons(inputs: SchedulingInputs, start: datetime) -> tuple[Reason, ...]:
    """Every reason why `start` is not offered, in the order of `ReasonCode`; empty exactly when it is offered."""
    about = inputs.about(start)
    unordered = (
        *_of_time(about, start),
        *_of_hours(about, start),
        *_of_conflicts(about, start),
        *_of_limits(about, start),
    )
    return in_order(unordered)


def in_order(unordered: Iterable[Reason]) -> tuple[Reason, ...]:
    """Sort reasons in the order of `ReasonCode`."""
    order = list(ReasonCode)
    return tuple(sorted(unordered, key=lambda each: order.index(each.why)))


def _of_time(inputs: SchedulingInputs, start: datetime) -> Iterator[Reason]:
    if start < inputs.now:
        yield Reason(ReasonCode.PAST)
    elif start < inputs.now + inputs.rules.notice:
        yield Reason(ReasonCode.NOTICE)
    if _Limits.of(inputs).is_beyond(start):
        yield Reason(ReasonCode.HORIZON)


def _of_hours(inputs: SchedulingInputs, start: datetime) -> Iterator[Reason]:
    meeting = inputs.rules.meeting(start)
    openings = inputs.schedule.openings(meeting, reach=inputs.rules.duration)
    around = next((each for each in openings if each.span.covers(meeting)), None)
    if around is None:
        partly = next((each.span for each in openings if start in each.span), None)
        for why in _closed_by(inputs.schedule, meeting):
            yield Reason(why, span=partly, name=_name_of(why, inputs.schedule, meeting))
    elif not any(first == start for first, _ in _grids(around, inputs)):
        anchor = around.anchors[bisect_right(around.anchors, start) - 1]
        yield Reason(ReasonCode.OFF_GRID, span=Interval(anchor, around.span.end))


def _closed_by(schedule: Schedule, meeting: Interval) -> tuple[ReasonCode, ...]:
    """The parts of the schedule that exclude a meeting: each part without which the meeting would fit.

    Where no single part does it, the deciding one: an exception on a holiday overrides the holiday, and the meeting
    would not fit without either of them alone.
    """
    without = {
        ReasonCode.EXCEPTION: schedule.without_exceptions(),
        ReasonCode.HOLIDAY: schedule.without_holidays(),
        ReasonCode.PERIOD: schedule.without_periods(),
    }
    sufficient = tuple(code for code, other in without.items() if is_open(other, meeting))
    if sufficient:
        return sufficient
    if is_open(schedule.without_holidays().without_periods(), meeting):
        return (ReasonCode.HOLIDAY,)
    usual = schedule.without_exceptions().without_holidays()
    if is_open(usual, meeting) or is_open(usual.without_periods(), meeting):
        return (ReasonCode.EXCEPTION,)
    return (ReasonCode.CLOSED,)


def is_open(schedule: Schedule, meeting: Interval) -> bool:
    """Whether one opening covers the meeting."""
    return any(each.span.covers(meeting) for each in schedule.openings(meeting))


def _name_of(why: ReasonCode, schedule: Schedule, meeting: Interval) -> str | None:
    """The name of the holiday or period that excludes the meeting."""
    near = dates_near(schedule, meeting)
    if why is ReasonCode.HOLIDAY:
        return next((name for day in near if (name := schedule.holiday_on(day))), None)
    if why is ReasonCode.PERIOD:
        return next((period.name for day in near if (period := schedule.period_on(day))), None)
    return None


def dates_near(schedule: Schedule, meeting: Interval) -> tuple[date, ...]:
    """The dates whose hours may cover a meeting: that of its start, that of its end, and the dates before and after."""
    first = local_date(meeting.start, schedule.zone)
    last = local_date(meeting.end - datetime.resolution, schedule.zone)
    return tuple(dict.fromkeys((first, last, first - ONE_DAY, last + ONE_DAY)))


def _of_conflicts(inputs: SchedulingInputs, start: datetime) -> Iterator[Reason]:
    meeting, buffered = inputs.rules.meeting(start), inputs.rules.buffered(start)
    claims = inputs.own_claims
    ours = Intervals.of(each.meeting for each in claims)
    for free_busy in inputs.own_calendars:
        if free_busy.unread is not None:
            yield Reason(ReasonCode.UNREADABLE, calendar=free_busy.calendar)
        # Our own events are busy at Google too. They are subtracted: naming the booking explains more.
        for span in (Intervals(free_busy.busy.meeting(buffered)) - ours).meeting(buffered):
            why = ReasonCode.BUSY if span.overlaps(meeting) else ReasonCode.BUFFER
            yield Reason(why, calendar=free_busy.calendar, span=span)
    for claim in claims:
        if claim.buffered.overlaps(buffered):
            held = ReasonCode.BOOKED if claim.expires_at is None else ReasonCode.OFFERED
            why = held if claim.meeting.overlaps(meeting) else ReasonCode.BUFFER
            yield reason_of(why, claim)


def reason_of(why: ReasonCode, claim: Claim) -> Reason:
    """A reason caused by a claim, with the id of its booking or offer."""
    if claim.expires_at is None:
        return Reason(why, booking=claim.booking, span=claim.meeting)
    return Reason(why, offer=claim.booking, span=claim.meeting)


def _of_limits(inputs: SchedulingInputs, start: datetime) -> Iterator[Reason]:
    limits = _Limits.of(inputs)
    if limits.is_day_full(start):
        yield Reason(ReasonCode.DAY_FULL)
    elif limits.has_no_minutes(start):
        yield Reason(ReasonCode.DAY_FULL, name=MAX_MINUTES)
    if limits.is_week_full(start):
        yield Reason(ReasonCode.WEEK_FULL)


def beyond_horizon(inputs: SchedulingInputs) -> tuple[Interval, ...]:
    """The meetings of the window for which the horizon is the only reason not to be offered."""
    limits = _Limits.of(inputs)
    first = max(inputs.window.start, limits.may_be_beyond)
    if first >= inputs.window.end:
        return ()
    days_ahead = (inputs.window.end - inputs.now).days + 2
    endless = inputs._replace(
        window=Interval(first, inputs.window.end),
        rules=inputs.rules._replace(horizon=days_ahead),
    )
    return tuple(each for each in offered(endless) if limits.is_beyond(each.start))


def nearest(offered: Iterable[Interval], start: datetime, *, most: int = 3) -> tuple[Interval, ...]:
    """Up to `most` of the offered meetings closest to `start` and not at it, in order of time.

    A start that was lost after the precheck, to an event of somebody else, may be among the offered ones still.
    """
    others = (each for each in offered if each.start != start)
    near = sorted(others, key=lambda each: (abs(each.start - start), each.start))[:most]
    return tuple(sorted(near, key=lambda each: each.start))
