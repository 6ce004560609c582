"""Assignment: which free members of a pool take a meeting, and which room. Pure, with the facts that decided.

`fair` takes the member with the fewest meetings in the 30 days around the start, divided by their share of them, then
the one whose last meeting is longest ago. `idle` compares the last meeting only. Ties are broken by key. Pools that
share members are matched so that the sum of the ranks is least; ties are broken in the order of the pools.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from portalcal.core.participants import Participant, Person, Role, Room
from portalcal.core.people import (
    Panel,
    PanelInputs,
    Pool,
    against,
    members_free,
    optional,
    panel_reasons,
    rooms_free,
    zone_of,
)
from portalcal.core.slots import ReasonCode, SchedulingInputs
from portalcal.core.time import format_date, local_date, wall

AROUND = timedelta(days=15)
"""Meetings count towards a fair share within this distance before and after the start."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_OWNER = "owner"
Starts = Mapping[str, Sequence[datetime]]
"""The starts of live bookings of people and rooms, by address: those around the meeting, and the last one before it.
Offers and the booking that is being moved are left out."""


class Assign(StrEnum):
    """The rule by which members of pools are chosen."""

    FAIR = "fair"
    IDLE = "idle"


class Ranked(NamedTuple):
    """A member of a pool, ranked."""

    person: Person
    meetings: int  # live bookings that start within 15 days
    last: datetime | None  # the latest start before the meeting
    share: Fraction  # meetings by weight and by the part of the days after `since`; compared by FAIR only
    against: ReasonCode | None = None  # the first reason why they are not free
    is_chosen: bool = False

    @property
    def state(self) -> str:
        """`chosen`, `free`, or the code of the first reason against them."""
        return "chosen" if self.is_chosen else "free" if self.against is None else self.against.value


class PoolChoice(NamedTuple):
    """The members of one pool in the order of preference: the free ones first, by rank."""

    pool: str
    rule: Assign
    order: tuple[Ranked, ...]


class Assignment(NamedTuple):
    """Who takes part, and how they were chosen."""

    participants: tuple[Participant, ...]  # the room is the one with that role
    choices: tuple[PoolChoice, ...] = ()


def assign(
    inputs: PanelInputs,
    start: datetime,
    *,
    starts: Starts,
    rule: Assign = Assign.FAIR,
    wanted: Sequence[str] = (),
) -> Assignment:
    """Choose the participants of a meeting at an offered start. Addresses in `wanted` come before any rank.

    Raises:
        ValueError: the start is not offered, or somebody wanted cannot fill a place.
    """
    if any(each.why.is_of_people for each in panel_reasons(inputs, start)):
        raise ValueError(f"nobody can be assigned at {start}: it is not offered")
    free = members_free(inputs, start)
    ranks = {
        each.address: _rank(each, start, starts, inputs) for pool in inputs.pools for each in pool.members
    }
    chosen = _match(free, ranks, rule=rule, wanted=wanted)
    choices = _choices(inputs, free, ranks, start=start, rule=rule, chosen=chosen)
    return Assignment(
        (*_participants(inputs, choices, wanted=wanted), *_room(inputs, start, starts)), choices
    )


def keeping(panel: Panel, participants: Sequence[Participant]) -> Panel:
    """The panel that requires exactly the present participants, for a meeting that is rescheduled."""
    known = {each.address: each for pool in panel.pools for each in pool.members}
    known |= {each.address: each for each in panel.required}
    rooms = {each.address: each for each in panel.rooms}

    def people_with(*roles: Role) -> tuple[Person, ...]:
        return tuple(
            known.get(each.email.lower(), Person(each.key, each.email))
            for each in participants
            if each.role in roles
        )

    return panel._replace(
        required=people_with(Role.WITH, Role.NEED),
        pools=(),
        optional=people_with(Role.OPTIONAL),
        rooms=tuple(
            rooms.get(each.email.lower(), Room(each.key, each.email))
            for each in participants
            if each.role is Role.ROOM
        ),
    )


def choices(
    inputs: PanelInputs, start: datetime, *, starts: Starts, rule: Assign = Assign.FAIR
) -> tuple[PoolChoice, ...]:
    """The order of preference in each pool, for an explanation: for any start, nobody marked as chosen."""
    ranks = {
        each.address: _rank(each, start, starts, inputs) for pool in inputs.pools for each in pool.members
    }
    return _choices(
        inputs,
        members_free(inputs, start),
        ranks,
        start=start,
        rule=rule,
        chosen=((),) * len(inputs.pools),
    )


def _rank(person: Person, start: datetime, starts: Starts, inputs: PanelInputs) -> Ranked:
    """Rank a person by their meetings around a start."""
    own = starts.get(person.address, ())
    opens, ends = start - AROUND, start + AROUND
    if person.since is not None:
        opens = max(opens, min(ends, wall(person.since, 0, zone_of(person, inputs.inputs))))
    count = sum(opens <= each < ends for each in own)
    part = Fraction((ends - opens) // timedelta.resolution, (2 * AROUND) // timedelta.resolution)
    # Through `str`, so that 0.1 is exactly a tenth.
    divisor = Fraction(str(person.weight)) * part
    # Without any days after `since`, or with weight 0, a person comes last.
    share = Fraction(count) / divisor if divisor > 0 else Fraction(10**9)
    return Ranked(person, count, max((each for each in own if each < start), default=None), share)


def _merit(ranked: Ranked, rule: Assign) -> tuple[Fraction, datetime]:
    """The sort key of a rank, before the tie-break by key."""
    return (ranked.share if rule is Assign.FAIR else Fraction(0)), ranked.last or _NEVER


def _match(
    free: tuple[Pool, ...], ranks: Mapping[str, Ranked], *, rule: Assign, wanted: Sequence[str]
) -> tuple[tuple[Person, ...], ...]:
    """The members who fill the places of each pool, in the order of the pools.

    Raises:
        ValueError: somebody wanted cannot fill a place.
    """
    people = sorted(
        {each.address: each for pool in free for each in pool.members}.values(), key=lambda each: each.key
    )
    merits = {each.address: _merit(ranks[each.address], rule) for each in people}
    order = sorted(set(merits.values()))
    ahead = frozenset(each.lower() for each in wanted)
    places = [(number, pool) for number, pool in enumerate(free) for _ in range(pool.need)]
    costs = [
        [
            _cost(
                order.index(merits[each.address]), index, number,
                pools=len(free), people=len(people), is_wanted=each.address in ahead,
            )
            if each in pool.members
            else None
            for index, each in enumerate(people)
        ]
        for number, pool in places
    ]  # fmt: skip
    matched = cheapest(costs)
    taken = {people[each].address for each in matched}
    if not ahead <= taken:
        raise ValueError(f"cannot fill a place: {', '.join(sorted(ahead - taken))}")
    return tuple(
        tuple(people[index] for index, (at, _) in zip(matched, places, strict=True) if at == number)
        for number in range(len(free))
    )


def _cost(rank: int, index: int, pool: int, *, pools: int, people: int, is_wanted: bool) -> int:
    """The cost of a person in a place: one integer of digits, the most significant first, that add up independently.

    The digits: not wanted, the rank, the rank if the place is in the first pool, in the second ..., then the person by
    key in the first pool, in the second ... The last digits are bit sets of people, so that the sums of two matchings
    compare by the smallest key in which they differ.
    """
    width = people + 1
    base = 1 << (people.bit_length() * 2 + 2)  # more than the sum of everybody's ranks
    cost = (0 if is_wanted else 1) * base + rank
    for number in range(pools):
        cost = cost * base + (rank if number == pool else 0)
    for number in range(pools):
        cost = (cost << width) + ((1 << width) - (1 << (people - index)) if number == pool else 0)
    return cost


def cheapest(costs: Sequence[Sequence[int | None]]) -> list[int]:
    """Solve the assignment problem (Hungarian method): the column of each row, all different, at the least total cost.

    A cost of None forbids the pair.

    Raises:
        ValueError: there is no assignment of all rows.
    """
    if not costs:
        return []
    columns = len(costs[0])
    if len(costs) > columns:
        raise ValueError("more places than people")
    # More than any permitted assignment costs, so that a forbidden pair is used only if there is no assignment.
    forbidden = 1 + sum(max((each for each in row if each is not None), default=0) for row in costs)
    matching = _Matching([[forbidden if each is None else each for each in row] for row in costs], columns)
    for row in range(1, len(costs) + 1):
        matching.add(row)
    column_of = [matching.row_of.index(row, 1) - 1 for row in range(1, len(costs) + 1)]
    if any(costs[row][column] is None for row, column in enumerate(column_of)):
        raise ValueError("not enough people who may take these places")
    return column_of


class _Matching:
    """The cheapest matching of the rows added so far (Hungarian method).

    Rows and columns are numbered from 1; column 0 stands for the row being added. `_row_price` and `_column_price` are
    the dual variables (potentials).
    """

    def __init__(self, costs: list[list[int]], columns: int) -> None:
        self.costs = costs
        self.row_of = [0] * (columns + 1)  # 0: the column is free
        self._row_price = [0] * (len(costs) + 1)
        self._column_price = [0] * (columns + 1)

    def add(self, row: int) -> None:
        """Match the row along the cheapest augmenting path; rows on the path change their columns."""
        self.row_of[0] = row
        column, visited, unvisited = 0, [0], set(range(1, len(self.row_of)))
        least: dict[int, int] = {}
        came_from: dict[int, int] = {}
        while True:
            at = self.row_of[column]
            for other in unvisited:
                slack = self.costs[at - 1][other - 1] - self._row_price[at] - self._column_price[other]
                if other not in least or slack < least[other]:
                    least[other], came_from[other] = slack, column
            column = min(unvisited, key=lambda each: (least[each], each))
            step = least[column]
            for other in visited:
                self._row_price[self.row_of[other]] += step
                self._column_price[other] -= step
            for other in unvisited:
                least[other] -= step
            if not self.row_of[column]:
                break
            unvisited.remove(column)
            visited.append(column)
        while column:
            self.row_of[column] = self.row_of[came_from[column]]
            column = came_from[column]


def _choices(
    inputs: PanelInputs,
    free: tuple[Pool, ...],
    ranks: Mapping[str, Ranked],
    *,
    start: datetime,
    rule: Assign,
    chosen: tuple[tuple[Person, ...], ...],
) -> tuple[PoolChoice, ...]:
    by_pool = []
    for pool, able, coming in zip(inputs.pools, free, chosen, strict=True):
        order = []
        for person in pool.members:
            why = None if person in able.members else next(against(person, start, inputs)).why
            order.append(ranks[person.address]._replace(against=why, is_chosen=person in coming))
        order.sort(key=lambda each: (each.against is not None, *_merit(each, rule), each.person.key))
        by_pool.append(PoolChoice(pool.name, rule, tuple(order)))
    return tuple(by_pool)


def _participants(
    inputs: PanelInputs, choices: tuple[PoolChoice, ...], *, wanted: Sequence[str]
) -> list[Participant]:
    about = inputs.inputs
    ahead = frozenset(each.lower() for each in wanted)
    required = sorted(inputs.required, key=lambda each: each.address == about.account)
    if about.owner_attends:
        own = next((each for each in required if each.address == about.account), None)
        address = about.account or ""
        participants = [Participant(own.key if own else address or _OWNER, address, Role.OWNER)]
        participants += [Participant(each.key, each.email, Role.WITH) for each in required if each is not own]
    else:
        participants = [_participant(each, Role.WITH, about) for each in required]
    for choice in choices:
        able = [each for each in choice.order if each.against is None]
        chosen = [each for each in able if each.is_chosen]
        for ranked in chosen:
            person = ranked.person
            why = "asked for" if person.address in ahead else _why(ranked, choice.rule, inputs)
            if len(chosen) == len(able) and person.address not in ahead:
                why = "nobody else is free"
            member = _participant(person, Role.NEED, about)
            participants.append(member._replace(pool=choice.pool, why=why))
    return [*participants, *optional(inputs)]


def _participant(person: Person, role: Role, inputs: SchedulingInputs) -> Participant:
    return Participant(person.key, person.email, role, is_account=person.address == inputs.account)


def _why(ranked: Ranked, rule: Assign, inputs: PanelInputs) -> str:
    """The facts that decided the choice, in words."""
    zone = zone_of(ranked.person, inputs.inputs)
    last = (
        "none before" if ranked.last is None else f"the last on {format_date(local_date(ranked.last, zone))}"
    )
    meetings = "1 meeting" if ranked.meetings == 1 else f"{ranked.meetings} meetings"
    return last if rule is Assign.IDLE else f"{meetings} in 30 days, {last}"


def _room(inputs: PanelInputs, start: datetime, starts: Starts) -> tuple[Participant, ...]:
    """The smallest free room that is large enough; ties are broken by the fewest bookings, then by key."""

    def preference(room: Room) -> tuple[bool, int, int, str]:
        own = starts.get(room.address, ())
        count = sum(start - AROUND <= each < start + AROUND for each in own)
        return room.capacity is None, room.capacity or 0, count, room.key

    free = sorted(rooms_free(inputs, start), key=preference)
    return tuple(Participant(each.key, each.email, Role.ROOM) for each in free[:1])
