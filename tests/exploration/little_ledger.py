"""A ledger as one immutable value, so that every state of it can be kept, compared and gone back to.

`tests/exploration/test_models.py` holds it to the contract that the real one keeps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from portalcal.core.booking import Booking, State
from portalcal.core.intervals import Interval
from portalcal.core.offers import GuestOffer, OfferState
from portalcal.core.outbox import LEASE, OutboxEntry, Task
from portalcal.core.slots import Claim
from portalcal.errors import BookingNotFound, OfferNotFound
from portalcal.ports import ClaimsOverlap, Clock, Damage, EntryPending, Leased, Search, Tally, Touched

_FEWEST_CHARACTERS = 4
_LONG_AGO, _FAR_AHEAD = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_OPEN = frozenset({State.HELD, State.CONFIRMED})


def _is_touched(booking: Booking, touched: Touched | None) -> bool:
    if touched is None or booking.etag is None:
        return True
    return booking.event_id in touched.events or booking.id in touched.bookings


class Owed(NamedTuple):
    """An outbox entry, the end of its lease, and the lease's owner: the number of a handle."""

    workspace: str
    entry: OutboxEntry
    leased_until: datetime | None = None
    owner: int = 0


class Books(NamedTuple):
    """Everything a ledger knows; `bookings` in the order they were held, `owed` in that of the entries' ids.

    The times of offers are bookings, and `offers` are kept without them. `lapsed` are those of expired offers whose claims
    had to make room.
    """

    bookings: tuple[Booking, ...] = ()
    owed: tuple[Owed, ...] = ()
    tokens: tuple[tuple[str, str, str], ...] = ()
    next_entry: int = 1
    offers: tuple[GuestOffer, ...] = ()
    lapsed: frozenset[UUID] = frozenset()

    def claims_of(self, booking: Booking) -> tuple[Claim, ...]:
        """The claims of a live booking, or of the time of an offer, which end with it."""
        if not booking.is_live or booking.id in self.lapsed:
            return ()
        offer = next((each for each in self.offers if each.id == booking.offer), None)
        if offer is None:
            return booking.claims
        return tuple(
            each._replace(booking=str(offer.id), expires_at=_whole(offer.expires_at))
            for each in booking.claims
        )

    def without(self, owner: int) -> Books:
        """The books once a process has ended: nothing is leased to it."""
        freed = (each._replace(leased_until=None) if each.owner == owner else each for each in self.owed)
        return self._replace(owed=tuple(freed))

    def overlap(self) -> tuple[Booking, Booking] | None:
        """Two live bookings whose buffered claims overlap, which must never be."""
        live = [each for each in self.bookings if each.is_live]
        for number, one in enumerate(live):
            for other in live[number + 1 :]:
                if any(_collide(a, b) for a in self.claims_of(one) for b in self.claims_of(other)):
                    return one, other
        return None


class Store:
    """Where several handles find the same books."""

    def __init__(self, books: Books | None = None) -> None:
        self.books = books or Books()


class LittleLedger:
    """The port `Ledger` over a store: each method reads the books, and puts new ones in their place.

    `owner` is the number of the process that has this handle.
    """

    def __init__(self, store: Store, workspace: str, clock: Clock, *, owner: int = 0) -> None:
        self._store = store
        self._workspace = workspace
        self._clock = clock
        self._owner = owner

    def close(self) -> None:
        """Let go of every lease."""
        self._store.books = self._store.books.without(self._owner)

    def check(self) -> Damage | None:
        """What is damaged: buffered claims that overlap."""
        found = self._store.books.overlap()
        return Damage(f"bookings {found[0].id} and {found[1].id} overlap", "damaged") if found else None

    def stop(self) -> None:
        """Nobody interrupts here."""

    def exposure(self) -> None:
        """Nobody else can reach it."""

    def server(self) -> None:
        """There is none."""

    # --- bookings

    def hold(self, booking: Booking, *, put: bool) -> Booking:
        """Record a new booking."""
        if booking.key is not None and (known := self.under_key(booking.key)):
            return known
        return self._insert(booking, put=put)

    def _insert(self, booking: Booking, *, put: bool) -> Booking:
        self._refuse_overlap(booking)
        stored = replace(
            booking, created_at=_whole(booking.created_at), updated_at=_whole(booking.updated_at)
        )
        self._change(bookings=(*self._store.books.bookings, stored))
        if put:
            self._owe(booking.id, Task.PUT, due_at=booking.created_at)
        return stored

    def get(self, booking: UUID) -> Booking:
        """The booking with that id."""
        return self._stored(booking)

    def unknown(self, bookings: Iterable[UUID]) -> frozenset[UUID]:
        """The ids that no booking has."""
        return frozenset(bookings) - {each.id for each in self._store.books.bookings}

    def find(self, booking: str) -> Booking:
        """The booking whose id begins so."""
        prefix = booking.strip().lower()
        if len(prefix) < _FEWEST_CHARACTERS:
            raise BookingNotFound(booking)
        found = [each for each in self._ours() if str(each.id).startswith(prefix) and each.offer is None]
        if len(found) != 1:
            raise BookingNotFound(booking, is_ambiguous=bool(found))
        return found[0]

    def under_key(self, key: str) -> Booking | None:
        """The booking made with that key, unless it was refused."""
        holders = (each for each in self._ours() if each.key == key and each.state is not State.REFUSED)
        return next(holders, None)

    def under_key_and_due(
        self, key: str, now: datetime, *, most: int
    ) -> tuple[Booking | None, tuple[OutboxEntry, ...]]:
        """Both at once."""
        return self.under_key(key), self.due(now, most=most)

    def claims(self, participants: Iterable[str], window: Interval, *, now: datetime) -> tuple[Claim, ...]:
        """Our claims in force, and those of others for the participants."""
        window, wanted = Interval(_whole(window.start), _whole_up(window.end)), set(participants)
        found = [
            claim._replace(is_foreign=each.workspace != self._workspace)
            for each in self._store.books.bookings
            for claim in self._store.books.claims_of(each)
            if claim.buffered.overlaps(window) and claim.is_held(now)
            if each.workspace == self._workspace or claim.participant in wanted
        ]
        return tuple(sorted(found, key=lambda each: (each.buffered.start, each.participant, each.booking)))

    def meeting_starts(
        self, participants: Iterable[str], around: Interval, *, but_not: UUID | None = None
    ) -> dict[str, tuple[datetime, ...]]:
        """When bookings of the participants start, and the last one before."""
        starts: dict[str, tuple[datetime, ...]] = {}
        live = [
            each
            for each in self._store.books.bookings
            if each.is_live and each.offer is None and each.id != but_not
        ]
        for key in participants:
            own = sorted(each.meeting.start for each in live if key in each.claimants)
            before = [each for each in own if each < around.start][-1:]
            if found := (*before, *(each for each in own if around.start <= each < around.end)):
                starts[key] = found
        return starts

    def live_in(self, window: Interval) -> tuple[Booking, ...]:
        """Live bookings with a buffered claim that overlaps the window."""
        window = Interval(_whole(window.start), _whole_up(window.end))
        live = (each for each in self._ours() if each.is_live and each.offer is None)
        met = (each for each in live if any(one.buffered.overlaps(window) for one in each.claims))
        return tuple(sorted(met, key=lambda each: each.buffered.start))

    def search(self, search: Search) -> tuple[Booking, ...]:
        """Bookings in any state."""
        start, end = search.start or _LONG_AGO, _whole_up(search.end) if search.end else _FAR_AHEAD
        found = (
            each
            for each in self._ours()
            if each.offer is None
            if each.meeting.end > start and each.meeting.start < end
            if each.state in (search.states or tuple(State))
            if search.email is None or search.email.lower() == each.request.guest.email.lower()
            if search.has_calendar is None or search.has_calendar == (each.calendar is not None)
            if not search.has_refusal or any(one.response == "declined" for one in each.participants)
            if _is_touched(each, search.touched)
        )
        ordered = sorted(found, key=lambda each: (each.meeting.start, str(each.id)))
        if (after := search.after) is not None:
            place = (after.start, str(after.booking))
            ordered = [each for each in ordered if (each.meeting.start, str(each.id)) > place]
        return tuple(ordered[: search.most])

    def calendars_ahead(self, now: datetime) -> tuple[str, ...]:
        """The calendars of bookings to come."""
        ahead = self.search(Search(start=now, states=(State.HELD, State.CONFIRMED)))
        return tuple(sorted({each.calendar for each in ahead if each.calendar is not None}))

    def begin_cancel(self, booking: Booking) -> Booking:
        """Record a booking as on its way out, and owe the removal."""
        stored = self._stored(booking.id)
        if stored.state not in _OPEN:
            return stored
        owed = self._first_owed(booking.id)
        ends_at_once = stored.event_id is None and (owed is None or owed.entry.attempts == 0)
        self._record(
            replace(
                stored,
                state=State.CANCELLED if ends_at_once else State.CANCELLING,
                request=replace(stored.request, notify=booking.request.notify),
                ended_by=booking.ended_by,
                ended_because=booking.ended_because,
                updated_at=_whole(booking.updated_at),
            )
        )
        now = _whole(booking.updated_at)
        kept = [each for each in self._store.books.owed if each.entry.booking != booking.id]
        if owed and not ends_at_once:
            turned = owed.entry._replace(task=Task.REMOVE, attempts=0, due_at=now)
            kept.append(owed._replace(entry=turned))
        self._change(owed=tuple(sorted(kept, key=lambda each: each.entry.id)))
        if not owed and not ends_at_once:
            self._owe(booking.id, Task.REMOVE, due_at=now)
        return self._stored(booking.id)

    def begin_move(self, booking: Booking, *, at_once: bool) -> Booking:
        """Hold the new time beside the present one, or move there at once."""
        stored, to = self._stored(booking.id), booking.moving_to
        if to is None or stored.state not in _OPEN:
            return stored
        if booking.is_reassigned and not stored.is_as_in(booking):
            return stored
        owed = self._first_owed(booking.id)
        is_leased = owed and owed.leased_until and owed.leased_until > _whole(self._clock.now())
        if owed and (not at_once or is_leased):
            raise EntryPending(str(booking.id))
        moving = replace(
            stored,
            request=replace(stored.request, notify=booking.request.notify),
            moving_to=to,
            new_participants=booking.new_participants,
            moved_because=booking.moved_because,
            updated_at=_whole(booking.updated_at),
        )
        self._refuse_overlap(moving)
        has_event = stored.event_id is not None or (owed is not None and owed.entry.attempts > 0)
        if at_once:
            left = stored.moved_from or stored.meeting
            moving = replace(moving.at(to), moved_from=left if has_event else None)
        self._record(moving)
        if has_event and (owed is None or owed.entry.task is Task.PUT):
            self._owe(booking.id, Task.MOVE, due_at=booking.updated_at)
        return moving

    def adopt(self, known: Booking, seen: Booking) -> bool:
        """Record what the calendar says, if nothing else happened."""
        if self._stored(known.id) != known or self._first_owed(known.id) is not None:
            return False
        if seen.is_live:
            self._refuse_overlap(seen)
        self._record(replace(seen, updated_at=_whole(seen.updated_at)))
        return True

    def owe_event(self, booking: Booking, calendar: str) -> bool:
        """Owe the event of a booking that has no calendar."""
        stored = self._stored(booking.id)
        if not stored.is_live or stored.calendar is not None:
            return False
        self._record(replace(stored, calendar=calendar))
        self._owe(booking.id, Task.PUT, due_at=self._clock.now())
        return True

    def release(self, booking: Booking) -> Booking:
        """Free the time of a booking that is on its way out."""
        stored = self._stored(booking.id)
        if stored.state is State.CANCELLING:
            self._record(replace(stored, state=State.CANCELLED, updated_at=_whole(self._clock.now())))
        return self._stored(booking.id)

    def sync_token(self, calendar: str) -> str | None:
        """Up to where changes were recorded."""
        kept = {
            of: token for workspace, of, token in self._store.books.tokens if workspace == self._workspace
        }
        return kept.get(calendar)

    def keep_sync_token(self, calendar: str, token: str) -> None:
        """Remember up to where changes were recorded."""
        others = (each for each in self._store.books.tokens if each[:2] != (self._workspace, calendar))
        self._change(tokens=tuple(sorted((*others, (self._workspace, calendar, token)))))

    def account(self) -> str | None:
        """Not kept: there is one."""
        return None

    def keep_account(self, account: str) -> None:
        """Nothing, likewise."""

    def last_sync(self) -> datetime | None:
        """Not kept: no command but `status` looks at it."""
        return None

    def keep_last_sync(self, at: datetime) -> None:
        """Nothing: it would make a state of every instant."""

    def tally(self, now: datetime) -> Tally:
        """Counts for `status`."""
        live = [each for each in self._ours() if each.is_live and each.offer is None]
        owed = [each for each in self._store.books.owed if each.workspace == self._workspace]
        return Tally(
            live=len(live),
            held=sum(each.state is State.HELD for each in live),
            overdue=sum(each.entry.due_at <= now and _is_free(each, now) for each in owed),
            without_event=sum(each.event_id is None and each.meeting.start >= now for each in live),
        )

    # --- outbox

    def owed(self) -> tuple[OutboxEntry, ...]:
        """The first entry of every booking that has any."""
        return tuple(each.entry for each in self._heads())

    def due(self, now: datetime, *, most: int) -> tuple[OutboxEntry, ...]:
        """Errands that may be tried now."""
        ready = (
            each.entry
            for each in self._heads()
            if each.entry.due_at <= _whole(now) and _is_free(each, _whole(now))
        )
        return tuple(ready)[:most]

    def lease(self, booking: UUID, task: Task, *, now: datetime) -> Leased | None:
        """Lease the first entry of a booking, if nobody holds a lease on it and it is of that task."""
        now = _whole(now)
        for each in self._heads():
            if each.entry.booking == booking and each.entry.task is task and _is_free(each, now):
                taken = each.entry._replace(attempts=each.entry.attempts + 1, lease=each.entry.lease + 1)
                self._replace(each, Owed(each.workspace, taken, now + LEASE, self._owner))
                return Leased(taken, self._stored(booking))
        return None

    def entry_of(self, booking: UUID) -> OutboxEntry | None:
        """The first entry of a booking."""
        owed = self._first_owed(booking)
        return owed.entry if owed else None

    def settle(
        self,
        entry: OutboxEntry,
        booking: Booking,
        *,
        is_rejected: bool = False,  # noqa: ARG002 - for the history, which is not kept here
    ) -> Booking:
        """Record the result of an attempt, if the lease is still the caller's."""
        owed = self._under_lease(entry)
        stored = self._stored(booking.id)
        if owed and owed.entry.task is entry.task:
            self._replace(owed, None)
            # The words of an ending or a move, and who declined, are not what an attempt learns.
            self._record(replace(
                booking,
                updated_at=_whole(booking.updated_at),
                moved_because=stored.moved_because,
                declined=stored.declined,
                request=replace(stored.request, start=booking.request.start, duration=booking.request.duration),
            ))  # fmt: skip
        elif owed:
            self._record_event(stored, booking)
            self._replace(owed, owed._replace(leased_until=None))
        elif booking.event_id and booking.is_live > stored.is_live and not self._first_owed(booking.id):
            self._record_event(stored, booking)
            self._owe(booking.id, Task.REMOVE, due_at=self._clock.now())
        return self._stored(booking.id)

    def postpone(self, entry: OutboxEntry, *, due_at: datetime, why: str, outcome_unknown: bool) -> None:
        """Record a failed attempt."""
        owed = self._under_lease(entry)
        if owed is None:
            return
        is_same = owed.entry.task is entry.task
        failed = owed.entry._replace(
            due_at=_whole(due_at) if is_same else owed.entry.due_at,
            last_error=why,
            outcome_unknown=outcome_unknown,
        )
        self._replace(owed, Owed(owed.workspace, failed))

    # --- inside

    def _ours(self) -> list[Booking]:
        return [each for each in self._store.books.bookings if each.workspace == self._workspace]

    def _stored(self, booking: UUID) -> Booking:
        for each in self._ours():
            if each.id == booking:
                return each
        raise BookingNotFound(str(booking))

    def _heads(self) -> list[Owed]:
        """The first entry of each booking, in due order."""
        first: dict[UUID, Owed] = {}
        for each in self._store.books.owed:
            if each.workspace == self._workspace:
                first.setdefault(each.entry.booking, each)
        return sorted(first.values(), key=lambda each: (each.entry.due_at, each.entry.id))

    def _first_owed(self, booking: UUID) -> Owed | None:
        return next((each for each in self._heads() if each.entry.booking == booking), None)

    def _under_lease(self, entry: OutboxEntry) -> Owed | None:
        for each in self._store.books.owed:
            if (each.workspace, each.entry.id, each.entry.lease) == (
                self._workspace, entry.id, entry.lease,
            ):  # fmt: skip
                return each
        return None

    def _refuse_overlap(self, booking: Booking) -> None:
        """Raise ClaimsOverlap; what an expired offer claimed makes room."""
        wanted, now = booking.claims, _whole(self._clock.now())
        others = [each for each in self._store.books.bookings if each.id != booking.id]
        expired = {
            each.id
            for each in others
            for claim in self._store.books.claims_of(each)
            if not claim.is_held(now)
        }
        self._change(lapsed=self._store.books.lapsed | expired)
        taken = [
            (claim, each)
            for each in others
            for claim in self._store.books.claims_of(each)
            if any(
                own.participant == claim.participant and own.buffered.overlaps(claim.buffered)
                for own in wanted
            )
        ]
        for claim, other in sorted(taken, key=lambda each: each[0].buffered.start):
            is_ours = other.workspace == self._workspace
            raise ClaimsOverlap(claim._replace(is_foreign=not is_ours), other if is_ours else None)

    def _owe(self, booking: UUID, task: Task, *, due_at: datetime) -> None:
        books = self._store.books
        entry = OutboxEntry(books.next_entry, booking, task, 0, _whole(due_at))
        self._change(owed=(*books.owed, Owed(self._workspace, entry)), next_entry=books.next_entry + 1)

    def _record(self, booking: Booking) -> None:
        bookings = self._store.books.bookings
        self._change(bookings=tuple(booking if each.id == booking.id else each for each in bookings))

    def _record_event(self, stored: Booking, told: Booking) -> None:
        self._record(replace(
            stored,
            attempt=told.attempt,
            event_id=told.event_id,
            event_url=told.event_url,
            meet_url=told.meet_url,
            etag=told.etag,
            notified=told.notified,
            updated_at=_whole(told.updated_at),
        ))  # fmt: skip

    def _replace(self, owed: Owed, by: Owed | None) -> None:
        kept = (by if each == owed else each for each in self._store.books.owed)
        self._change(owed=tuple(each for each in kept if each is not None))

    def _change(self, **parts: object) -> None:
        self._store.books = self._store.books._replace(**parts)  # type: ignore[arg-type]


class LittleOffers:
    """The port `OfferBook` over the store of a little ledger, whose parts it uses; offers without events."""

    def __init__(self, store: Store, ledger: LittleLedger, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock

    def make(self, offer: GuestOffer, *, put: bool) -> GuestOffer:
        """Record an offer and claim its times."""
        if offer.key is not None and (known := self.under_key(offer.key)):
            return known
        before = self._store.books
        try:
            for slot in offer.slots:
                self._ledger._insert(slot, put=put)
        except ClaimsOverlap:
            self._store.books = before
            raise
        self._keep(replace(offer, expires_at=_whole(offer.expires_at), slots=()))
        return self._with_slots(offer.id)

    def find(self, offer: str) -> GuestOffer:
        """The offer whose id begins so."""
        found = [each for each in self._store.books.offers if str(each.id).startswith(offer.strip().lower())]
        if len(found) != 1:
            raise OfferNotFound(offer, is_ambiguous=bool(found))
        return self._with_slots(found[0].id)

    def under_key(self, key: str) -> GuestOffer | None:
        """The offer with that key."""
        found = (each for each in self._store.books.offers if each.key == key)
        return next((self._with_slots(each.id) for each in found), None)

    def all(self, states: Iterable[OfferState] = ()) -> tuple[GuestOffer, ...]:
        """The offers recorded in these states."""
        wanted = tuple(states) or tuple(OfferState)
        return tuple(self._with_slots(each.id) for each in self._store.books.offers if each.state in wanted)

    def expired(self, now: datetime) -> tuple[GuestOffer, ...]:
        """Offers recorded as open that have expired."""
        return tuple(each for each in self.all((OfferState.OPEN,)) if each.expires_at <= _whole(now))

    def extend(self, offer: UUID, until: datetime, *, now: datetime) -> GuestOffer:
        """Let an open offer expire later."""
        stored = self._with_slots(offer)
        if stored.state_at(now) is OfferState.OPEN:
            self._keep(replace(stored, expires_at=_whole(until), updated_at=_whole(now), slots=()))
        return self._with_slots(offer)

    def end(self, offer: UUID, state: OfferState, *, now: datetime) -> GuestOffer:
        """Record an open offer as over, and free its times."""
        stored = self._with_slots(offer)
        if stored.state is OfferState.OPEN:
            over = stored.state_at(now)
            self._end(stored, over if over is OfferState.EXPIRED else state, now=now)
        return self._with_slots(offer)

    def take(self, offer: UUID, booking: Booking, *, put: bool) -> Booking | None:
        """End an offer and record the booking that one of its times becomes, or neither."""
        before, now = self._store.books, self._clock.now()
        stored = self._with_slots(offer)
        if stored.state_at(now) is not OfferState.OPEN:
            return None
        self._end(stored, OfferState.TAKEN, now=now, booking=booking.id)
        try:
            return self._ledger._insert(booking, put=put)
        except ClaimsOverlap:
            self._store.books = before
            raise

    def _end(
        self, offer: GuestOffer, state: OfferState, *, now: datetime, booking: UUID | None = None
    ) -> None:
        for slot in offer.slots:
            if slot.is_live:
                because = f"offer {state.value}"
                ended = replace(slot, state=State.CANCELLED, ended_because=because, updated_at=_whole(now))
                self._ledger._record(ended)
        self._keep(replace(offer, state=state, booking=booking, updated_at=_whole(now), slots=()))

    def _with_slots(self, offer: UUID) -> GuestOffer:
        stored = next((each for each in self._store.books.offers if each.id == offer), None)
        if stored is None:
            raise OfferNotFound(str(offer))
        slots = (each for each in self._store.books.bookings if each.offer == offer)
        return replace(stored, slots=tuple(sorted(slots, key=lambda each: each.meeting.start)))

    def _keep(self, offer: GuestOffer) -> None:
        others = tuple(each for each in self._store.books.offers if each.id != offer.id)
        self._store.books = self._store.books._replace(offers=(*others, offer))


def _collide(one: Claim, other: Claim) -> bool:
    return one.participant == other.participant and one.buffered.overlaps(other.buffered)


def _is_free(owed: Owed, now: datetime) -> bool:
    return owed.leased_until is None or owed.leased_until <= now


def _whole(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)


def _whole_up(instant: datetime) -> datetime:
    return instant if instant.microsecond == 0 else _whole(instant) + timedelta(seconds=1)
