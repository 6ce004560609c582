"""The offers of a workspace in its ledger: times that are claimed until an expiry, each a row of the bookings' table.

Each method is one transaction of the ledger, so that an offer becomes a booking and frees its other times at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from uuid import UUID

from portalcal.adapters.ledger import rows, sql
from portalcal.adapters.ledger.journal import Journal
from portalcal.adapters.ledger.repository import FAR_AHEAD, SHORTEST_PREFIX, SqlLedger
from portalcal.adapters.ledger.transaction import Transaction
from portalcal.core.booking import Booking
from portalcal.core.history import expiry_changes
from portalcal.core.offers import GuestOffer, OfferState
from portalcal.errors import OfferNotFound


class SqlOffers:
    """The offers beside the bookings of one ledger; implements `ports.OfferBook`, which says what each method promises."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger
        self._key: dict[str, object] = {"workspace": ledger.workspace}

    def make(self, offer: GuestOffer, *, put: bool) -> GuestOffer:
        with self._ledger.writing() as db:
            if offer.key is not None and (known := self._under_key(db, offer.key)):
                return known
            db.execute(sql.INSERT_OFFER, rows.offer_columns(offer))
            for slot in offer.slots:
                self._ledger.insert(db, slot, put=put)
            return self._stored(db, offer.id)

    def find(self, offer: str) -> GuestOffer:
        prefix = offer.strip().lower()
        if len(prefix) < SHORTEST_PREFIX:
            raise OfferNotFound(offer)
        with self._ledger.reading() as db:
            candidates = db.execute(sql.OFFERS_WITH_PREFIX, {"first": prefix, "after": f"{prefix}g"})
            matches = [row for row in candidates.fetchall() if row["workspace"] == self._ledger.workspace]
            if len(matches) != 1:
                raise OfferNotFound(offer, is_ambiguous=bool(matches))
            return self._offer(db, matches[0])

    def under_key(self, key: str) -> GuestOffer | None:
        with self._ledger.reading() as db:
            return self._under_key(db, key)

    def all(self, states: Iterable[OfferState] = ()) -> tuple[GuestOffer, ...]:
        offers = [
            offer
            for state in tuple(states) or tuple(OfferState)
            for offer in self._in_state(state, until=FAR_AHEAD)
        ]
        return tuple(sorted(offers, key=lambda each: (each.expires_at, str(each.id))))

    def expired(self, now: datetime) -> tuple[GuestOffer, ...]:
        return self._in_state(OfferState.OPEN, until=rows.seconds(now))

    def extend(self, offer: UUID, until: datetime, *, now: datetime) -> GuestOffer:
        with self._ledger.writing() as db:
            if self._stored(db, offer).state_at(now) is OfferState.OPEN:
                change = {"expires_at": rows.seconds(until), "updated_at": rows.seconds(now)}
                db.execute(sql.EXTEND_OFFER, self._key | {"id": str(offer)} | change)
            return self._stored(db, offer)

    def end(self, offer: UUID, state: OfferState, *, now: datetime) -> GuestOffer:
        with self._ledger.writing() as db:
            stored = self._stored(db, offer)
            if stored.state is not OfferState.OPEN:
                return stored
            over = stored.state_at(now)
            self._end(db, stored, over if over is OfferState.EXPIRED else state, now=now)
            return self._stored(db, offer)

    def take(self, offer: UUID, booking: Booking, *, put: bool) -> Booking | None:
        with self._ledger.writing() as db:
            stored = self._stored(db, offer)
            now = self._ledger.clock.now()
            if stored.state_at(now) is not OfferState.OPEN:
                return None
            self._end(db, stored, OfferState.TAKEN, now=now, booking=booking.id)
            return self._ledger.insert(db, booking, put=put)

    def _end(
        self,
        db: Journal,
        offer: GuestOffer,
        state: OfferState,
        *,
        now: datetime,
        booking: UUID | None = None,
    ) -> None:
        if state is OfferState.EXPIRED:
            db.describe = expiry_changes
        for slot in offer.slots:
            self._ledger.end_offered_time(db, slot, because=f"offer {state.value}", at=now)
        change = {"state": state.value, "booking": str(booking) if booking else None}
        db.execute(sql.END_OFFER, self._key | {"id": str(offer.id), "updated_at": rows.seconds(now)} | change)

    def _in_state(self, state: OfferState, *, until: int) -> tuple[GuestOffer, ...]:
        with self._ledger.reading() as db:
            open_offers = db.execute(sql.OFFERS_IN_STATE, self._key | {"state": state.value, "end": until})
            return tuple(self._offer(db, row) for row in open_offers.fetchall())

    def _under_key(self, db: Transaction, key: str) -> GuestOffer | None:
        row = db.execute(sql.OFFER_UNDER_KEY, self._key | {"key": key}).fetchone()
        return self._offer(db, row) if row else None

    def _stored(self, db: Transaction, offer: UUID) -> GuestOffer:
        row = db.execute(sql.OFFER, self._key | {"id": str(offer)}).fetchone()
        if row is None:
            raise OfferNotFound(str(offer))
        return self._offer(db, row)

    def _offer(self, db: Transaction, row: rows.Row) -> GuestOffer:
        slots = self._ledger.bookings_of(db.execute(sql.OFFERED_TIMES, {"offer": row["id"]}))
        return self._ledger.parsed(row, partial(rows.offer_of, slots=slots), "offer {id}")
