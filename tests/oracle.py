"""A slow, literal reading of the definitions to hold the engine against: sets of minutes, one question a minute.

It reads the fields of `SchedulingInputs` and calls nothing of portalcal. Instants are whole minutes since 1970; inputs must
have anchors, durations and steps of whole minutes (`now` and busy times may have seconds).

Where those are silent it says the same as the engine's docstrings: a schedule that never closes has an
anchor at each local midnight, and a date the zone skipped opens nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from portalcal.core.schedule import Hours, Period, Schedule
from portalcal.core.slots import SchedulingInputs

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOK_BACK = 24
"""Days before the window after which an opening is taken to have no start.

A weekday that is closed shows within seven days, or fourteen where its date was skipped; exceptions lie a few days off.
"""

Ranges = tuple[tuple[int, int], ...]


def starts(inputs: SchedulingInputs) -> list[datetime]:
    """Every start in the window that the definitions offer."""
    sheet = Sheet(inputs)
    first, last = _minute(inputs.window.start, up=True), _minute(inputs.window.end, up=True)
    return [instant(each) for each in range(first, last) if not sheet.against(each, only_first=True)]


def against(inputs: SchedulingInputs, start: datetime) -> set[str]:
    """The codes of every reason against a start on a whole minute."""
    return Sheet(inputs).against(_minute(start))


def instant(minute: int) -> datetime:
    return _EPOCH + timedelta(minutes=minute)


def _minute(when: datetime, *, up: bool = False) -> int:
    whole, rest = divmod(when - _EPOCH, timedelta(minutes=1))
    return whole + (1 if up and rest else 0)


def _minutes(start: datetime, end: datetime) -> set[int]:
    """Every minute of which any part lies in the span."""
    return set(range(_minute(start), _minute(end, up=True)))


def _local(minute: int, zone: ZoneInfo) -> datetime:
    return instant(minute).astimezone(zone).replace(tzinfo=None)


@cache
def _offsets_near(day: date, zone: ZoneInfo) -> tuple[timedelta, ...]:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    found = {(noon + timedelta(hours=n)).astimezone(zone).utcoffset() for n in range(-52, 53)}
    return tuple(each for each in found if each is not None)


@cache
def wall(day: date, minutes: int, zone: ZoneInfo) -> int:
    """RFC 5545: the first minute that shows the wall time, else the reading with the offset before the gap."""
    naive = datetime.combine(day, time()) + timedelta(minutes=minutes)
    as_utc = _minute(naive.replace(tzinfo=UTC))
    shifts = {offset // timedelta(minutes=1) for offset in _offsets_near(naive.date(), zone)}
    showing = sorted(each for shift in shifts if _local(each := as_utc - shift, zone) == naive)
    if showing:
        return showing[0]
    minute = as_utc - 60 * 30
    while _local(minute + 1, zone) < naive:
        minute += 1
    before = (_local(minute, zone) - instant(minute).replace(tzinfo=None)) // timedelta(minutes=1)
    return as_utc - before


@cache
def exists(day: date, zone: ZoneInfo) -> bool:
    """Whether calendars in the zone ever showed the date."""
    noon = wall(day, 720, zone)
    return any(_local(each, zone).date() == day for each in range(noon - 720, noon + 720, 30))


class Year:
    """The hours of every date; parts of the schedule that are `gone` are as if nobody had written them."""

    def __init__(self, schedule: Schedule, gone: frozenset[str] = frozenset()) -> None:
        self.schedule = schedule
        self.gone = gone

    def exception(self, day: date) -> tuple[Hours, ...] | None:
        if "exception" in self.gone:
            return None
        found = None
        for each in self.schedule.stretches:
            if each.first <= day <= each.last:
                found = each.hours
        return self.schedule.exceptions.get(day, found)

    def is_holiday(self, day: date) -> bool:
        schedule = self.schedule
        return "holiday" not in self.gone and day in schedule.holidays and day not in schedule.holidays_open

    def period(self, day: date) -> Period | None:
        found = None
        for each in self.schedule.periods:
            if each.first <= day <= each.last and "period" not in self.gone:
                found = each
        return found

    def zone(self, day: date) -> ZoneInfo:
        period = self.period(day)
        return self.schedule.zone if period is None or period.zone is None else period.zone

    def hours(self, day: date) -> tuple[Hours, ...]:
        exception, period, weekday = self.exception(day), self.period(day), day.weekday()
        if exception is not None:
            return exception
        if self.is_holiday(day):
            return ()
        own = period.weekly[weekday] if period else None
        return self.schedule.weekly[weekday] if own is None else own

    def opened_by(self, day: date) -> set[int]:
        """The minutes that the ranges of a date open, in the zone its hours are read in."""
        zone = self.zone(day)
        if not exists(day, zone):
            return set()
        opened: set[int] = set()
        for hours in self.hours(day):
            runs_over = hours.end <= hours.start
            end = wall(day, hours.end + (1440 if runs_over else 0), zone)
            opened |= set(range(wall(day, hours.start, zone), end))
        after = day + timedelta(days=1)
        while not exists(after, self.zone(after)):
            after += timedelta(days=1)
        if self.exception(after) is not None or self.is_holiday(after):
            cut = wall(after, 0, self.zone(after))
            opened = {each for each in opened if each < cut}
        return opened


class Sheet:
    """All minutes a question is about, by what they are."""

    def __init__(self, inputs: SchedulingInputs) -> None:
        self.inputs = inputs
        self.zone = inputs.schedule.zone
        self.run_of = self._runs(Year(inputs.schedule))
        self.busy: set[int] = set()
        attends = inputs.owner_attends
        self.calendars = (inputs.calendars or ()) if attends else ()
        self.held = [
            each for each in inputs.claims if each.expires_at is None or inputs.now < each.expires_at
        ]
        self.claims = [each for each in self.held if attends and each.participant == inputs.owner]
        for calendar in self.calendars:
            for each in calendar.busy.spans:
                self.busy |= _minutes(each.start, each.end)
        self.buffered: set[int] = set()
        self.claimed: set[int] = set()
        for claim in self.claims:
            self.buffered |= _minutes(claim.buffered.start, claim.buffered.end)
            self.claimed |= _minutes(claim.meeting.start, claim.meeting.end)

    def _runs(self, year: Year) -> dict[int, int]:
        """For every open minute the first of its unbroken run; a run that fills the sheet has no start: -1."""
        inputs, zone = self.inputs, self.zone
        first = _local(_minute(inputs.window.start), zone).date() - timedelta(days=_LOOK_BACK)
        last = _local(_minute(inputs.window.end + inputs.rules.duration), zone).date() + timedelta(days=3)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        self.midnights = sorted(wall(each, 0, zone) for each in days)
        is_open: set[int] = set()
        for day in days:
            is_open |= year.opened_by(day)
        filled = wall(first, 3 * 1440, zone)
        minute, end = (
            _minute(inputs.window.start),
            _minute(inputs.window.end + inputs.rules.duration, up=True),
        )
        while minute >= filled and minute - 1 in is_open:
            minute -= 1
        start_of: dict[int, int] = {}
        for each in range(minute, end + 1):
            if each in is_open:
                start_of[each] = start_of.get(each - 1, -1 if each < filled else each)
        return start_of

    def against(self, start: int, *, only_first: bool = False) -> set[str]:
        """The codes of what stands against a start; with `only_first` at least one of them."""
        found: set[str] = set()
        if only_first and (start not in self.run_of or self._is_off_grid(start)):
            return {"off-grid"}
        for finder in (self._of_hours, self._of_time, self._of_conflicts, self._of_limits):
            found |= finder(start)
            if found and only_first:
                break
        return found

    def _of_hours(self, start: int) -> set[str]:
        length = self.inputs.rules.duration // timedelta(minutes=1)
        meeting = range(start, start + length)

        def fits(run_of: dict[int, int]) -> bool:
            return all(each in run_of for each in meeting)

        if not fits(self.run_of):
            return self._closed_by(fits)
        return {"off-grid"} if self._is_off_grid(start) else set()

    def _closed_by(self, fits: Callable[[dict[int, int]], bool]) -> set[str]:
        """The parts of the schedule without which a meeting would fit; if it takes several, the strongest of them."""

        def fits_without(*gone: str) -> bool:
            return fits(self._runs(Year(self.inputs.schedule, frozenset(gone))))

        parts = ("exception", "holiday", "period")
        alone = {each for each in parts if fits_without(each)}
        if alone:
            return alone
        if fits_without("holiday", "period"):
            return {"holiday"}
        if fits_without("exception", "holiday") or fits_without(*parts):
            return {"exception"}
        return {"closed"}

    def _is_off_grid(self, start: int) -> bool:
        stride = (self.inputs.rules.step or self.inputs.rules.duration) // timedelta(minutes=1)
        return (start - self._origin(start)) % stride != 0

    def _origin(self, start: int) -> int:
        origin = self.run_of[start]
        if origin == -1:
            origin = self.midnights[bisect_right(self.midnights, start) - 1]
        if self.inputs.rules.align == "hour":
            origin -= _local(origin, self.zone).minute
        return origin

    def _of_time(self, start: int) -> set[str]:
        inputs, found = self.inputs, set()
        if instant(start) < inputs.now:
            found.add("past")
        elif instant(start) < inputs.now + inputs.rules.notice:
            found.add("notice")
        today = inputs.now.astimezone(self.zone).date()
        if (_local(start, self.zone).date() - today).days > inputs.rules.horizon:
            found.add("horizon")
        return found

    def _of_conflicts(self, start: int) -> set[str]:
        rules = self.inputs.rules
        end = start + rules.duration // timedelta(minutes=1)
        meeting = set(range(start, end))
        before, after = (each // timedelta(minutes=1) for each in (rules.buffer_before, rules.buffer_after))
        buffered = set(range(start - before, end + after))
        found = {"unreadable" for each in self.calendars if each.unread is not None}
        for calendar in self.calendars:
            busy: set[int] = set()
            for each in calendar.busy.spans:
                busy |= _minutes(each.start, each.end)
            found |= {
                "busy" if piece & meeting else "buffer"
                for piece in _pieces(busy - self.claimed)
                if piece & buffered
            }
        for claim in self.claims:
            if _minutes(claim.buffered.start, claim.buffered.end) & buffered:
                collides = _minutes(claim.meeting.start, claim.meeting.end) & meeting
                held = "booked" if claim.expires_at is None else "offered"
                found.add(held if collides else "buffer")
        if not buffered & (self.busy | self.buffered):
            return found & {"unreadable"}
        return found

    def _of_limits(self, start: int) -> set[str]:
        inputs = self.inputs
        day = _local(start, self.zone).date()
        # Several participants of one meeting make it several claims.
        meetings = {
            (each.booking, each.meeting)
            for each in self.held
            if each.link == inputs.link and not each.is_foreign
        }
        booked = [each.start.astimezone(self.zone).date() for _, each in meetings]
        found = set()
        minutes = sum(
            (each.end - each.start) // timedelta(minutes=1)
            for _, each in meetings
            if each.start.astimezone(self.zone).date() == day
        )
        most = inputs.rules.max_minutes_per_day
        if most and minutes + inputs.rules.duration // timedelta(minutes=1) > most:
            found.add("day-full")
        if inputs.rules.max_per_day and booked.count(day) >= inputs.rules.max_per_day:
            found.add("day-full")
        same_week = sum(each.isocalendar()[:2] == day.isocalendar()[:2] for each in booked)
        if inputs.rules.max_per_week and same_week >= inputs.rules.max_per_week:
            found.add("week-full")
        return found


def _pieces(minutes: set[int]) -> list[set[int]]:
    """The unbroken runs of a set of minutes."""
    pieces: list[set[int]] = []
    for each in sorted(minutes):
        if pieces and each - 1 in pieces[-1]:
            pieces[-1].add(each)
        else:
            pieces.append({each})
    return pieces
