"""Which starts are offered for a meeting of several participants: people, members of pools, a room. Pure.

Grid and buffers are those of the link. Participants only remove starts: by their free/busy, their claims, their own
hours, and their limits by day and week in their own zone. Free times of several people are never merged: each person
must be free for the whole meeting. Participants are identified by address, in lower case.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import combinations
from operator import attrgetter
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from portalcal.core.intervals import Interval, Intervals
from portalcal.core.participants import Participant, Person, Role, Room
from portalcal.core.schedule import Schedule
from portalcal.core.slots import (
    Claim,
    FreeBusy,
    Reason,
    ReasonCode,
    Rules,
    SchedulingInputs,
    beyond_horizon,
    full_dates,
    in_order,
    is_open,
    offered,
    reason_of,
    reasons,
)
from portalcal.core.time import iso_week, local_date

NOT_ASKED = "notAsked"
"""`FreeBusy.unread` of a participant whose free/busy was never requested; such a participant is not free."""

_buffered_start: Callable[[Claim], datetime] = attrgetter("buffered.start")


class Pool(NamedTuple):
    """A pool, and the number of its members that a meeting needs."""

    name: str
    members: tuple[Person, ...]
    need: int = 1  # members each meeting needs


class Panel(NamedTuple):
    """The participants a meeting needs besides its owner."""

    required: tuple[Person, ...] = ()
    pools: tuple[Pool, ...] = ()
    optional: tuple[Person, ...] = ()  # invited; their free/busy is never read
    rooms: tuple[Room, ...] = ()  # the meeting takes one of them; empty: it needs no room
    owner: Person | None = None  # the owner's own hours and limits, if configured
    guests: int = 1


class PanelInputs(NamedTuple):
    """Everything the slots of a meeting of several participants depend on."""

    inputs: SchedulingInputs  # of the link and its owner, with the claims of all participants over `claims_window`
    panel: Panel
    busy: tuple[FreeBusy, ...] | None = ()  # of people and rooms over the busy window; None: not connected

    @property
    def required(self) -> tuple[Person, ...]:
        """Everybody who must come, once each; an attending owner only if their own hours or limits are configured."""
        panel, owner = self.panel, self.inputs.account
        people = {each.address: each for each in panel.required}
        if self.inputs.owner_attends and owner is not None:
            own = panel.owner or next((each for each in self._everybody if each.address == owner), None)
            people.pop(owner, None)
            if own is not None:
                people[owner] = own
        return tuple(people.values())

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The pools without those who must come anyway, who fill no place of a pool, and without duplicates."""
        coming = {each.address for each in self.required}
        if self.inputs.owner_attends and self.inputs.account is not None:
            coming.add(self.inputs.account)
        pools = []
        for pool in self.panel.pools:
            members = {each.address: each for each in pool.members if each.address not in coming}
            pools.append(pool._replace(members=tuple(members.values())))
        return tuple(pools)

    @property
    def seats(self) -> int:
        """The seats needed: participants, the guest and further guests, without optional people."""
        owner = self.inputs.account
        coming = {each.address for each in self.required}
        if self.inputs.owner_attends:
            coming.add(owner or "")
        return len(coming) + sum(each.need for each in self.panel.pools) + self.panel.guests

    @property
    def _everybody(self) -> Iterator[Person]:
        yield from self.panel.required
        for pool in self.panel.pools:
            yield from pool.members

    @property
    def names(self) -> Mapping[str, str]:
        """The keys of everybody who could take part, optional people excepted, and of the rooms, by address."""
        people = (*self.required, *(each for pool in self.pools for each in pool.members))
        rooms = {each.address: each.key for each in self.panel.rooms}
        return {each.address: each.key for each in people} | rooms

    @property
    def asked(self) -> tuple[str, ...]:
        """The addresses for the free/busy query: people and rooms, without the owner and optional people."""
        own = {self.inputs.account} if self.inputs.owner_attends else set()
        people = [each.address for each in self.required]
        people += [each.address for pool in self.pools for each in pool.members]
        people += [each.address for each in self.panel.rooms]
        return tuple(dict.fromkeys(each for each in people if each not in own))

    @property
    def claims_window(self) -> Interval:
        """Where live bookings and offers may matter: whole ISO weeks in the zone of every person."""
        windows = [self.inputs.claims_window]
        for person in (*self.required, *(each for pool in self.pools for each in pool.members)):
            schedule = self.inputs.schedule._replace(zone=zone_of(person, self.inputs))
            windows.append(self.inputs._replace(schedule=schedule).claims_window)
        return Interval(min(each.start for each in windows), max(each.end for each in windows))

    def about(self, start: datetime) -> Self:
        """The same inputs with a window that holds one start."""
        return self._replace(inputs=self.inputs.about(start))

    def without(self, booking: str, *, invited: Collection[str] = ()) -> Self:
        """The inputs without a booking or an offer: without its claims and without the busy time of its own event.

        `invited`: addresses in whose calendars the event stands although they claim no time.
        """
        own_claims = [each for each in self.inputs.claims if each.booking == booking]

        def without_own_event(free_busy: FreeBusy) -> FreeBusy:
            address = free_busy.calendar.lower()
            claimant = self.inputs.claimant(address)
            own_times = Intervals.of(
                each.meeting for each in own_claims if each.participant == claimant or address in invited
            )
            return free_busy._replace(busy=free_busy.busy - own_times)

        busy = self.busy and tuple(map(without_own_event, self.busy))
        return self._replace(inputs=self.inputs.without(booking), busy=busy)

    def forced(self) -> Self:
        """The inputs without people's hours and limits: reasons that remain are never overridden by `--force`."""

        def unlimited(person: Person) -> Person:
            return person._replace(schedule=None, max_per_day=0, max_per_week=0)

        panel = self.panel
        pools = tuple(each._replace(members=tuple(map(unlimited, each.members))) for each in panel.pools)
        required, owner = tuple(map(unlimited, panel.required)), panel.owner and unlimited(panel.owner)
        return self._replace(panel=panel._replace(required=required, pools=pools, owner=owner))

    @property
    def unread(self) -> tuple[FreeBusy, ...]:
        """The calendars of people and rooms that could not be read; they count as busy."""
        if self.busy is None:
            return ()
        by_address = {each.calendar.lower(): each for each in self.busy}
        needed = (by_address.get(each, FreeBusy(each, unread=NOT_ASKED)) for each in self.asked)
        return tuple(each for each in needed if each.unread is not None)

    @property
    def needed_but_unread(self) -> tuple[FreeBusy, ...]:
        """The unread calendars that leave every start undecided.

        They are those of required people, of pools with too few readable members, and of all rooms if none is readable.
        """
        unread = {each.calendar.lower(): each for each in self.unread}
        readable = tuple(
            each._replace(members=tuple(one for one in each.members if one.address not in unread))
            for each in self.pools
        )
        short = {pool.name for group in _short(readable) for pool in group}
        needed = {each.address for each in self.required}
        needed |= {each.address for pool in self.pools if pool.name in short for each in pool.members}
        rooms = {each.address for each in self.panel.rooms}
        needed |= rooms if rooms <= unread.keys() else set()
        return tuple(each for address, each in unread.items() if address in needed)


def zone_of(person: Person, inputs: SchedulingInputs) -> ZoneInfo:
    """The zone of a person's limits by day and week."""
    if person.zone is not None:
        return person.zone
    return person.schedule.zone if person.schedule is not None else inputs.schedule.zone


def shortages(inputs: PanelInputs) -> tuple[Pool, ...]:
    """The pools with fewer members than they need, once those who must come anyway are left out."""
    short = {pool.name for group in _short(inputs.pools) for pool in group}
    return tuple(each for each in inputs.pools if each.name in short)


def _short(pools: tuple[Pool, ...]) -> Iterator[tuple[Pool, ...]]:
    """Sets of pools that together have fewer people than they need."""
    for group in _groups(pools):
        if len({each.address for pool in group for each in pool.members}) < sum(each.need for each in group):
            yield group


def _groups(pools: tuple[Pool, ...]) -> Iterator[tuple[Pool, ...]]:
    """Every set of pools connected by common members, small sets first.

    Pools can be filled by different people if and only if every set of them has, together, as many people as it needs
    (Hall's marriage theorem). Checking connected sets is enough: the condition of any other set follows from its parts.
    """
    for size in range(1, len(pools) + 1):
        for group in combinations(pools, size):
            if _is_connected(group):
                yield group


def _is_connected(group: tuple[Pool, ...]) -> bool:
    separate = [{each.address for each in pool.members} for pool in group]
    connected = separate.pop()
    while adjacent := [each for each in separate if each & connected]:
        connected.update(*adjacent)
        separate = [each for each in separate if not each & connected]
    return not separate


class PanelSlot(NamedTuple):
    """An offered meeting with the participants who are free for it."""

    meeting: Interval
    free: _Free
    number: int  # of the start in `free.starts`

    @property
    def people(self) -> tuple[Participant, ...]:
        """Required people, the free members of each pool, optional people, and the free rooms."""
        return self.free.people(self.number)

    def free_in(self, pool: str) -> int:
        """The number of free members of a pool."""
        return sum(each.role is Role.NEED and each.pool == pool for each in self.people)


def panel_offered(inputs: PanelInputs) -> tuple[PanelSlot, ...]:
    """Every meeting of the window for which all needed participants are free, in order of start."""
    return _slots(inputs, offered(inputs.inputs))


def panel_beyond_horizon(inputs: PanelInputs) -> tuple[Interval, ...]:
    """The meetings of the window that are not offered for the horizon alone."""
    return tuple(each.meeting for each in _slots(inputs, beyond_horizon(inputs.inputs)))


def _slots(inputs: PanelInputs, meetings: tuple[Interval, ...]) -> tuple[PanelSlot, ...]:
    """Those of the meetings for which all needed participants are free."""
    free = _Free.of(inputs, tuple(each.start for each in meetings))
    suited = free.suited
    return tuple(PanelSlot(each, free, index) for index, each in enumerate(meetings) if suited >> index & 1)


def panel_reasons(inputs: PanelInputs, start: datetime) -> tuple[Reason, ...]:
    """Every reason why `start` is not offered, in the order of `ReasonCode`; empty exactly when it is offered."""
    about = inputs.about(start)
    free = _Free.of(about, (start,))
    unordered = [*reasons(about.inputs, start)]
    for person in about.required:
        unordered += against(person, start, about)
    short = next((group for group in _groups(about.pools) if not free.can_fill(group)), ())
    for pool in short:
        there = sum(free.of_person(each) for each in pool.members)
        unordered.append(Reason(ReasonCode.POOL_SHORT, pool=pool.name, there=there, wanted=pool.need))
    for member in {each.address: each for pool in short for each in pool.members}.values():
        unordered += against(member, start, about)
    if about.panel.rooms and not free.rooms:
        for room in about.panel.rooms:
            unordered += _against_room(room, start, about)
    return in_order(unordered)


def members_free(inputs: PanelInputs, start: datetime) -> tuple[Pool, ...]:
    """The pools, reduced to the members who are free at a start."""
    free = _Free.of(inputs.about(start), (start,))
    return tuple(
        pool._replace(members=tuple(each for each in pool.members if free.of_person(each)))
        for pool in inputs.pools
    )


def rooms_free(inputs: PanelInputs, start: datetime) -> tuple[Room, ...]:
    """The rooms that are free at a start and large enough."""
    masks = _Free.of(inputs.about(start), (start,)).masks
    return tuple(each for each in inputs.panel.rooms if masks[each.address] and each.seats(inputs.seats))


def against(person: Person, start: datetime, inputs: PanelInputs) -> Iterator[Reason]:
    """Why a person cannot take a start; nothing when they can."""
    about, key = inputs.inputs, person.key
    if not _is_owner(person, about):
        yield from _taken(
            person.address,
            start,
            inputs,
            busy=Reason(ReasonCode.PERSON_BUSY, person=key),
            booked=Reason(ReasonCode.PERSON_BOOKED, person=key),
            unread=Reason(ReasonCode.PERSON_UNREADABLE, person=key),
        )
    if person.schedule is not None and not is_open(person.schedule, about.rules.meeting(start)):
        yield Reason(ReasonCode.PERSON_CLOSED, person=key)
    days, weeks = _full(person, about)
    day = local_date(start, zone_of(person, about))
    if day in days:
        yield Reason(ReasonCode.PERSON_DAY_FULL, person=key, wanted=person.max_per_day)
    if iso_week(day) in weeks:
        yield Reason(ReasonCode.PERSON_WEEK_FULL, person=key, wanted=person.max_per_week)


def _against_room(room: Room, start: datetime, inputs: PanelInputs) -> Iterator[Reason]:
    why = Reason(ReasonCode.ROOM_BUSY, room=room.key)
    if not room.seats(inputs.seats):
        yield why._replace(there=room.capacity, wanted=inputs.seats)
    yield from _taken(room.address, start, inputs, busy=why, booked=why, unread=why)


def _taken(
    address: str, start: datetime, inputs: PanelInputs, *, busy: Reason, booked: Reason, unread: Reason
) -> Iterator[Reason]:
    """The busy times and claims of a participant that overlap the buffered meeting, as reasons."""
    buffered = inputs.inputs.rules.buffered(start)
    claims = inputs.inputs.claims_of(inputs.inputs.claimant(address))
    free_busy = _free_busy_of(address, inputs)
    if free_busy.unread is not None:
        yield unread
    # Our own events are busy at Google too. They are subtracted: naming the booking explains more.
    ours = Intervals.of(each.meeting for each in claims)
    for span in (Intervals(free_busy.busy.meeting(buffered)) - ours).meeting(buffered):
        yield busy._replace(span=span)
    for claim in claims:
        if claim.buffered.overlaps(buffered):
            named = reason_of(booked.why, claim)
            yield booked._replace(booking=named.booking, offer=named.offer, span=named.span)


def _is_owner(person: Person, inputs: SchedulingInputs) -> bool:
    """Whether this is the attending owner, whose calendars and claims `core.slots` checks."""
    return inputs.owner_attends and person.address == inputs.account


def _free_busy_of(address: str, inputs: PanelInputs) -> FreeBusy:
    """The free/busy of a participant; without busy times when disconnected."""
    if inputs.busy is None:
        return FreeBusy(address)
    free_busy = next((each for each in inputs.busy if each.calendar.lower() == address), None)
    return free_busy or FreeBusy(address, unread=NOT_ASKED)


def _full(person: Person, inputs: SchedulingInputs) -> tuple[frozenset[date], frozenset[tuple[int, int]]]:
    """The dates and ISO weeks in which a person's limits are reached."""
    if not (person.max_per_day or person.max_per_week):
        return frozenset(), frozenset()
    return full_dates(
        (each.meeting for each in inputs.claims_of(inputs.claimant(person.address))),
        zone_of(person, inputs),
        max_per_day=person.max_per_day,
        max_per_week=person.max_per_week,
    )


class _Free:
    """Who is free at which of many starts: one bit mask for each person and room, with a bit for each start."""

    def __init__(self, inputs: PanelInputs, starts: Sequence[datetime]) -> None:
        self.inputs = inputs
        self.starts = starts
        self.required, self.pools, self.seats = inputs.required, inputs.pools, inputs.seats
        self.everything = (1 << len(starts)) - 1
        self.masks: dict[str, int] = {}
        self._dates: dict[ZoneInfo, tuple[dict[date, int], dict[tuple[int, int], int]]] = {}
        self._claims: dict[str, list[Claim]] = {}
        self._free_busy = {each.calendar.lower(): each for each in inputs.busy or ()}

    @classmethod
    def of(cls, inputs: PanelInputs, starts: Sequence[datetime]) -> Self:
        """Compute the mask of every person and room."""
        free = cls(inputs, starts)
        about = inputs.inputs
        for claim in sorted(about.claims, key=_buffered_start):
            if claim.is_held(about.now):
                free._claims.setdefault(claim.participant, []).append(claim)
        for person in (*free.required, *(each for pool in free.pools for each in pool.members)):
            if person.address not in free.masks:
                free.masks[person.address] = free._mask(person)
        for room in inputs.panel.rooms:
            free.masks[room.address] = free._untaken(room.address)
        return free

    def _mask(self, person: Person) -> int:
        about = self.inputs.inputs
        mask = self.everything if _is_owner(person, about) else self._untaken(person.address)
        if person.schedule is not None and mask:
            mask &= self._open(person.schedule)
        return mask & ~self._full(person) if mask else 0

    def _claims_of(self, address: str) -> list[Claim]:
        return self._claims.get(self.inputs.inputs.claimant(address), [])

    def _untaken(self, address: str) -> int:
        """The starts whose buffered meeting overlaps no busy time and no claim."""
        rules = self.inputs.inputs.rules
        mask = self.everything
        if self.inputs.busy is not None:
            free_busy = self._free_busy.get(address)
            if free_busy is None or free_busy.unread is not None:
                return 0
            mask &= ~_overlapping(free_busy.busy.spans, self.starts, rules)
        claimed = [each.buffered for each in self._claims_of(address)]
        return mask & ~_overlapping(claimed, self.starts, rules)

    def _open(self, schedule: Schedule) -> int:
        """The starts whose meeting one opening covers."""
        if not self.starts:
            return 0
        length = self.inputs.inputs.rules.duration
        mask = 0
        for opening in schedule.openings(Interval(self.starts[0], self.starts[-1] + length)):
            low = bisect_left(self.starts, opening.span.start)
            high = bisect_right(self.starts, opening.span.end - length)
            if low < high:
                mask |= ((1 << (high - low)) - 1) << low
        return mask

    def _full(self, person: Person) -> int:
        """The starts on days and in weeks in which a person's limits are reached."""
        if not (person.max_per_day or person.max_per_week):
            return 0
        zone = zone_of(person, self.inputs.inputs)
        days, weeks = full_dates(
            (each.meeting for each in self._claims_of(person.address)),
            zone,
            max_per_day=person.max_per_day,
            max_per_week=person.max_per_week,
        )
        if not (days or weeks):
            return 0
        mask_of_day, mask_of_week = self._calendar(zone)
        mask = 0
        for day in days:
            mask |= mask_of_day.get(day, 0)
        for week in weeks:
            mask |= mask_of_week.get(week, 0)
        return mask

    def _calendar(self, zone: ZoneInfo) -> tuple[dict[date, int], dict[tuple[int, int], int]]:
        """The mask of the starts on each date and in each ISO week of a zone."""
        if zone not in self._dates:
            days: dict[date, int] = {}
            for index, start in enumerate(self.starts):
                day = local_date(start, zone)
                days[day] = days.get(day, 0) | 1 << index
            weeks: dict[tuple[int, int], int] = {}
            for day, mask in days.items():
                weeks[iso_week(day)] = weeks.get(iso_week(day), 0) | mask
            self._dates[zone] = days, weeks
        return self._dates[zone]

    @property
    def suited(self) -> int:
        """The starts at which all needed people, and a room, are free."""
        suited = self.everything
        for person in self.required:
            suited &= self.masks[person.address]
        for group in _groups(self.pools):
            suited &= self.can_fill(group)
        return suited & self.rooms if self.inputs.panel.rooms else suited

    def can_fill(self, group: tuple[Pool, ...]) -> int:
        """The starts at which a set of pools together has as many free people as it needs."""
        people = {each.address for pool in group for each in pool.members}
        return _at_least(
            sum(each.need for each in group),
            (self.masks[each] for each in people),
            everything=self.everything,
        )

    @property
    def rooms(self) -> int:
        """The starts at which a room is free and large enough."""
        free = 0
        for room in self.inputs.panel.rooms:
            if room.seats(self.seats):
                free |= self.masks[room.address]
        return free

    def of_person(self, person: Person) -> bool:
        """Whether a person is free, where there is only one start."""
        return bool(self.masks[person.address])

    def people(self, index: int) -> tuple[Participant, ...]:
        """Everybody who is free at a start, with required and optional people."""
        inputs = self.inputs

        def is_free(one: Person | Room) -> bool:
            return bool(self.masks[one.address] >> index & 1)

        participants = [
            Participant(
                each.key,
                each.email,
                Role.OWNER if _is_owner(each, inputs.inputs) else Role.WITH,
            )
            for each in self.required
        ]
        for pool in self.pools:
            participants += [
                Participant(each.key, each.email, Role.NEED, pool.name)
                for each in pool.members
                if is_free(each)
            ]
        participants += optional(inputs)
        participants += [
            Participant(each.key, each.email, Role.ROOM)
            for each in inputs.panel.rooms
            if each.seats(self.seats) and is_free(each)
        ]
        return tuple(participants)


def optional(inputs: PanelInputs) -> list[Participant]:
    """The optional participants, without those who must come anyway."""
    coming = {each.address for each in inputs.required}
    return [
        Participant(each.key, each.email, Role.OPTIONAL)
        for each in inputs.panel.optional
        if each.address not in coming
    ]


def _overlapping(spans: Iterable[Interval], starts: Sequence[datetime], rules: Rules) -> int:
    """The mask of the starts whose buffered meeting overlaps any of the spans, which are sorted by start."""
    before, kept_after = rules.buffer_before, rules.duration + rules.buffer_after
    mask, low, count = 0, 0, len(starts)
    for span in spans:
        low = bisect_right(starts, span.start - kept_after, low)
        if low == count:
            break
        high = bisect_left(starts, span.end + before, low)
        if low < high:
            mask |= ((1 << (high - low)) - 1) << low
    return mask


def _at_least(count: int, masks: Iterable[int], *, everything: int) -> int:
    """The bits that are set in at least `count` of the masks."""
    reached = [everything] + [0] * count
    for mask in masks:
        for number in range(count, 0, -1):
            reached[number] |= reached[number - 1] & mask
    return reached[count]
