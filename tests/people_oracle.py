"""A slow, literal reading of who can come, to hold `core/people.py` and `core/assignment.py` against.

One person, one start, one minute at a time; every way of filling the pools is tried. It calls nothing of portalcal.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import combinations
from zoneinfo import ZoneInfo

from portalcal.core.intervals import Interval
from portalcal.core.participants import Person, Room
from portalcal.core.people import PanelInputs
from tests import oracle

_A_MINUTE = timedelta(minutes=1)


def starts(inputs: PanelInputs) -> list[datetime]:
    """Every start in the window at which everybody needed can come."""
    return [each for each in oracle.starts(inputs.inputs) if can_meet(inputs, each)]


def can_meet(inputs: PanelInputs, start: datetime) -> bool:
    """Whether people and rooms allow a start; the link and the owner's own calendars are not asked."""
    if not all(is_free(each, inputs, start) for each in required(inputs)):
        return False
    if not any(True for _ in fillings(inputs, start)):
        return False
    rooms = inputs.panel.rooms
    return not rooms or any(room_is_free(each, inputs, start) for each in rooms)


def required(inputs: PanelInputs) -> list[Person]:
    """Who must come, once each, an attending owner as far as something is known of them."""
    panel, owner = inputs.panel, inputs.inputs.account
    people = [*panel.required]
    if inputs.inputs.owner_attends:
        if panel.owner is not None:
            people = [each for each in people if each.email.lower() != owner] + [panel.owner]
        elif not any(each.email.lower() == owner for each in people):
            people += [one for pool in panel.pools for one in pool.members if one.email.lower() == owner][:1]
    return list({each.email.lower(): each for each in people}.values())


def _coming(inputs: PanelInputs) -> set[str]:
    coming = {each.email.lower() for each in required(inputs)}
    return coming | ({inputs.inputs.account or ""} if inputs.inputs.owner_attends else set())


def fillings(inputs: PanelInputs, start: datetime) -> Iterator[tuple[tuple[Person, ...], ...]]:
    """Every way to fill the pools with different people who are free."""
    coming = _coming(inputs)

    def fill(number: int, used: set[str]) -> Iterator[tuple[tuple[Person, ...], ...]]:
        if number == len(inputs.panel.pools):
            yield ()
            return
        pool = inputs.panel.pools[number]
        able = {
            each.email.lower(): each
            for each in pool.members
            if each.email.lower() not in coming | used and is_free(each, inputs, start)
        }
        for group in combinations(able.values(), pool.need):
            for rest in fill(number + 1, used | {each.email.lower() for each in group}):
                yield (group, *rest)

    yield from fill(0, set())


def is_free(person: Person, inputs: PanelInputs, start: datetime) -> bool:
    """Whether one person can take one start."""
    about = inputs.inputs
    address = person.email.lower()
    is_owner = about.owner_attends and address == about.account
    if not is_owner and _is_taken(address, inputs, start):
        return False
    length = about.rules.duration // _A_MINUTE
    if person.schedule is not None:
        first = oracle._minute(start)
        own = oracle.Sheet(
            about._replace(schedule=person.schedule, window=Interval(start, start + _A_MINUTE))
        )
        if not all(each in own.run_of for each in range(first, first + length)):
            return False
    zone = person.zone or (person.schedule.zone if person.schedule else about.schedule.zone)
    day = start.astimezone(zone).date()
    days = [each.meeting.start.astimezone(zone).date() for each in _held(address, inputs)]
    if person.max_per_day and days.count(day) >= person.max_per_day:
        return False
    week = sum(each.isocalendar()[:2] == day.isocalendar()[:2] for each in days)
    return not (person.max_per_week and week >= person.max_per_week)


def room_is_free(room: Room, inputs: PanelInputs, start: datetime) -> bool:
    """Whether a room is free and large enough."""
    needed = sum(each.need for each in inputs.panel.pools)
    seats = len(_coming(inputs)) + needed + inputs.panel.guests
    if room.capacity is not None and room.capacity < seats:
        return False
    return not _is_taken(room.email.lower(), inputs, start)


def _held(address: str, inputs: PanelInputs):  # type: ignore[no-untyped-def]  # noqa: ANN202
    about = inputs.inputs
    key = about.owner if address == about.account else address
    return [
        each
        for each in about.claims
        if each.participant == key and (each.expires_at is None or about.now < each.expires_at)
    ]


def _is_taken(address: str, inputs: PanelInputs, start: datetime) -> bool:
    rules = inputs.inputs.rules
    first = oracle._minute(start) - rules.buffer_before // _A_MINUTE
    last = oracle._minute(start) + (rules.duration + rules.buffer_after) // _A_MINUTE
    buffered = set(range(first, last))
    for each in _held(address, inputs):
        if buffered & oracle._minutes(each.buffered.start, each.buffered.end):
            return True
    if inputs.busy is None:
        return False
    told = [each for each in inputs.busy if each.calendar.lower() == address]
    if not told or told[0].unread is not None:
        return True
    return any(buffered & oracle._minutes(each.start, each.end) for each in told[0].busy)


# --- the choice --------------------------------------------------------------------------------------------------------


def chosen(
    inputs: PanelInputs, start: datetime, *, own: dict[str, list[datetime]], is_fair: bool
) -> tuple[tuple[str, ...], ...]:
    """The keys that fill each pool: of all ways to fill them the one that costs least."""
    merits = {
        each.email.lower(): _merit(each, inputs, start, own, is_fair=is_fair)
        for pool in inputs.panel.pools
        for each in pool.members
    }
    able = {each.email.lower() for way in fillings(inputs, start) for group in way for each in group}
    free = {
        each.email.lower()
        for pool in inputs.panel.pools
        for each in pool.members
        if each.email.lower() not in _coming(inputs) and is_free(each, inputs, start)
    }
    assert able <= free
    order = sorted({merits[each] for each in free})

    def cost(way: tuple[tuple[Person, ...], ...]) -> tuple[object, ...]:
        ranks = [sum(order.index(merits[each.email.lower()]) for each in group) for group in way]
        return sum(ranks), ranks, [sorted(each.key for each in group) for group in way]

    best = min(fillings(inputs, start), key=cost)
    return tuple(tuple(sorted(each.key for each in group)) for group in best)


def _merit(
    person: Person, inputs: PanelInputs, start: datetime, own: dict[str, list[datetime]], *, is_fair: bool
) -> tuple[Fraction, float]:
    mine = own.get(person.email.lower(), [])
    last = max((each.timestamp() for each in mine if each < start), default=float("-inf"))
    if not is_fair:
        return Fraction(0), last
    opens, ends = start - timedelta(days=15), start + timedelta(days=15)
    if person.since is not None:
        opens = max(opens, _midnight(person.since, person.zone or inputs.inputs.schedule.zone))
    if opens >= ends:
        return Fraction(10**9), last
    count = sum(opens <= each < ends for each in mine)
    part = Fraction(int((ends - opens).total_seconds()), 30 * 86400)
    return Fraction(count) / (Fraction(str(person.weight)) * part), last


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return oracle.instant(oracle.wall(day, 0, zone))
