"""A slow, literal reading of AVAILABILITY.md to hold the engine against: sets of minutes, one question a minute.

It reads the fields of a Question and calls nothing of portalcal. Instants are whole minutes since 1970; inputs must
have anchors, durations and steps of whole minutes (`now` and busy times may have seconds).

Where AVAILABILITY.md is silent it says the same as the engine's docstrings: a schedule that never closes has an
anchor at each local midnight, and a date the zone skipped opens nothing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from portalcal.core.slots import Question

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOK_BACK = 12
"""Days before the window after which an opening is taken to have no start."""

Ranges = tuple[tuple[int, int], ...]


def starts(question: Question) -> list[datetime]:
    """Every start in the window that AVAILABILITY.md offers."""
    sheet = Sheet(question)
    first, last = _minute(question.window.start, up=True), _minute(question.window.end, up=True)
    return [instant(each) for each in range(first, last) if not sheet.against(each, only_first=True)]


def against(question: Question, start: datetime) -> set[str]:
    """The codes of every reason against a start on a whole minute."""
    return Sheet(question).against(_minute(start))


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


class Sheet:
    """All minutes a question is about, by what they are."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.zone = question.schedule.zone
        self.run_of = self._runs(dict(question.schedule.exceptions))
        self.weekly_run_of = self._runs({}) if question.schedule.exceptions else self.run_of
        self.busy: set[int] = set()
        for calendar in question.calendars or ():
            for each in calendar.busy.spans:
                self.busy |= _minutes(each.start, each.end)
        self.guarded: set[int] = set()
        self.promised: set[int] = set()
        for promise in question.promises:
            self.guarded |= _minutes(promise.guard.start, promise.guard.end)
            self.promised |= _minutes(promise.meeting.start, promise.meeting.end)

    def _runs(self, exceptions: dict[date, tuple[object, ...]]) -> dict[int, int]:
        """For every open minute the first of its unbroken run; a run that fills the sheet has no start: -1."""
        question, zone = self.question, self.zone
        first = _local(_minute(question.window.start), zone).date() - timedelta(days=_LOOK_BACK)
        last = _local(_minute(question.window.end + question.rules.duration), zone).date() + timedelta(days=2)
        is_open: set[int] = set()
        for n in range((last - first).days + 1):
            is_open |= self._opened_by(first + timedelta(days=n), exceptions)
        start_of: dict[int, int] = {}
        filled = wall(first, 1440, zone)
        for minute in sorted(is_open):
            start_of[minute] = start_of.get(minute - 1, -1 if minute < filled else minute)
        return start_of

    def _opened_by(self, day: date, exceptions: dict[date, tuple[object, ...]]) -> set[int]:
        schedule, zone = self.question.schedule, self.zone
        if not exists(day, zone):
            return set()
        opened: set[int] = set()
        for hours in schedule.exceptions[day] if day in exceptions else schedule.weekly[day.weekday()]:
            runs_over = hours.end <= hours.start
            end = wall(day, hours.end + (1440 if runs_over else 0), zone)
            opened |= set(range(wall(day, hours.start, zone), end))
        after = day + timedelta(days=1)
        while not exists(after, zone):
            after += timedelta(days=1)
        if after in exceptions:
            cut = wall(after, 0, zone)
            opened = {each for each in opened if each < cut}
        return opened

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
        length = self.question.rules.duration // timedelta(minutes=1)
        meeting = range(start, start + length)

        def fits(run_of: dict[int, int]) -> bool:
            return all(each in run_of for each in meeting)

        if not fits(self.run_of):
            return {"exception"} if fits(self.weekly_run_of) else {"closed"}
        return {"off-grid"} if self._is_off_grid(start) else set()

    def _is_off_grid(self, start: int) -> bool:
        stride = (self.question.rules.step or self.question.rules.duration) // timedelta(minutes=1)
        return (start - self._origin(start)) % stride != 0

    def _origin(self, start: int) -> int:
        origin = self.run_of[start]
        if origin == -1:
            local = _local(start, self.zone).date()
            origin = max(
                each for n in (-1, 0, 1) if (each := wall(local + timedelta(days=n), 0, self.zone)) <= start
            )
        if self.question.rules.align == "hour":
            origin -= _local(origin, self.zone).minute
        return origin

    def _of_time(self, start: int) -> set[str]:
        question, found = self.question, set()
        if instant(start) < question.now:
            found.add("past")
        elif instant(start) < question.now + question.rules.notice:
            found.add("notice")
        today = question.now.astimezone(self.zone).date()
        if (_local(start, self.zone).date() - today).days > question.rules.horizon:
            found.add("horizon")
        return found

    def _of_conflicts(self, start: int) -> set[str]:
        rules = self.question.rules
        end = start + rules.duration // timedelta(minutes=1)
        meeting = set(range(start, end))
        before, after = (each // timedelta(minutes=1) for each in (rules.buffer_before, rules.buffer_after))
        guard = set(range(start - before, end + after))
        found = {"unreadable" for each in self.question.calendars or () if each.unread is not None}
        for calendar in self.question.calendars or ():
            busy: set[int] = set()
            for each in calendar.busy.spans:
                busy |= _minutes(each.start, each.end)
            found |= {
                "busy" if piece & meeting else "buffer"
                for piece in _pieces(busy - self.promised)
                if piece & guard
            }
        for promise in self.question.promises:
            if _minutes(promise.guard.start, promise.guard.end) & guard:
                collides = _minutes(promise.meeting.start, promise.meeting.end) & meeting
                found.add("booked" if collides else "buffer")
        if not guard & (self.busy | self.guarded):
            return found & {"unreadable"}
        return found

    def _of_limits(self, start: int) -> set[str]:
        question = self.question
        day = _local(start, self.zone).date()
        booked = [
            each.meeting.start.astimezone(self.zone).date()
            for each in question.promises
            if each.link == question.link
        ]
        found = set()
        if question.rules.max_per_day and booked.count(day) >= question.rules.max_per_day:
            found.add("day-full")
        same_week = sum(each.isocalendar()[:2] == day.isocalendar()[:2] for each in booked)
        if question.rules.max_per_week and same_week >= question.rules.max_per_week:
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
