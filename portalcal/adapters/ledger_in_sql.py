"""What the ledger decides, whichever SQL database keeps it.

Each method is one transaction. The order of bookings and errands is the database's: whoever writes is the only writer.

A report on an errand counts only under the latest lease of it. A process that was stopped for longer than its lease
lasts therefore cannot undo what its successor recorded; `settle` tells it what is so instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from portalcal.adapters import ledger_rows as rows
from portalcal.adapters import ledger_statements as sql
from portalcal.core.booking import Booking, State
from portalcal.core.errands import LEASE, Errand, Task
from portalcal.core.intervals import Interval
from portalcal.errors import BookingNotFound, LedgerUnusable
from portalcal.ports import Clock, GuardsOverlap, Search, StillOwed, Tally

_FEWEST_CHARACTERS = 4
"""Of an id that stands for a booking: a script's empty variable must not cancel the only one."""

_LONG_AGO, _FAR_AHEAD = -(1 << 40), 1 << 40


class Rows(Protocol):
    """What a statement found."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """A database inside a transaction. Statements name their parameters `:so`; rows are read by the names of columns."""

    def execute(self, statement: str, parameters: Mapping[str, object] = ..., /) -> Rows:
        """Run one statement."""


class Store(Protocol):
    """Where the ledger lies. Translates every error of its database into ours."""

    @property
    def name(self) -> str:
        """What a person knows it by; no secret in it."""

    def reading(self) -> AbstractContextManager[Database]:
        """One state of the ledger, whatever others write meanwhile."""

    def writing(self) -> AbstractContextManager[Database]:
        """The only writer of the workspace for as long as the block runs; an exception undoes all of it."""

    def owner(self) -> str | int | None:
        """What the database's `is_gone` knows us by, for use inside `writing`; None where nobody could tell."""

    def damage(self) -> str | None:
        """What is damaged, or None."""

    def close(self) -> None:
        """Let go of it; the next use opens it again. Our leases end."""


class LedgerInSql:
    """The bookings and errands of one workspace. Threads may share it."""

    def __init__(self, store: Store, dialect: sql.Dialect, workspace: str, clock: Clock) -> None:
        self._store = store
        self._dialect = dialect
        self._workspace = workspace
        self._clock = clock

    def close(self) -> None:
        """Let go of the store; the next use opens it again."""
        self._store.close()

    def check(self) -> str | None:
        """Say what is damaged, or None. Raises: LedgerBusy, LedgerTooNew."""
        return self._store.damage()

    # --- bookings

    def hold(self, booking: Booking, *, put: bool) -> Booking:
        """Record a new booking and, with `put`, the errand that makes its event; see `ports.Ledger`."""
        with self._store.writing() as db:
            if booking.key is not None and (known := self._under_key(db, booking.key)):
                return known
            self._refuse_overlap(db, booking)
            db.execute(sql.INSERT_BOOKING, rows.columns_of(booking))
            if put:
                self._owe(db, booking, task=Task.PUT, due_at=booking.created_at)
            return self._stored(db, booking.id)

    def find(self, booking: str) -> Booking:
        """The booking of that id, or of that beginning of one, four characters or more, if only one begins so."""
        prefix = booking.strip().lower()
        if len(prefix) < _FEWEST_CHARACTERS:
            raise BookingNotFound(booking)
        with self._store.reading() as db:
            # An id is of 0-9, a-f and hyphens: "g" comes after all of them.
            within = {"workspace": self._workspace, "first": prefix, "after": f"{prefix}g"}
            found = db.execute(self._dialect.bookings_with_prefix, within).fetchall()
        if len(found) != 1:
            raise BookingNotFound(booking, is_ambiguous=bool(found))
        return self._booking(found[0])

    def under_key(self, key: str) -> Booking | None:
        """The booking made with that key; a refused one has given its key back."""
        with self._store.reading() as db:
            return self._under_key(db, key)

    def live_in(self, window: Interval) -> tuple[Booking, ...]:
        """Live bookings whose guard overlaps the window, by start."""
        with self._store.reading() as db:
            return self._live_in(db, window)

    def search(self, search: Search) -> tuple[Booking, ...]:
        """Bookings in any state, by start; e-mail addresses are compared without case."""
        within = {
            "workspace": self._workspace,
            "start": rows.seconds(search.start) if search.start else _LONG_AGO,
            "end": rows.seconds_up(search.end) if search.end else _FAR_AHEAD,
            "states": json.dumps([each.value for each in search.states or State]),
            "email": search.email,
        }
        statement = self._dialect.search if search.email is None else self._dialect.search_by_email
        with self._store.reading() as db:
            return self._bookings(db.execute(statement, within))

    def begin_cancel(self, booking: Booking) -> Booking:
        """Record a booking as `cancelling` and owe Google the removal of its event; see `ports.Ledger`.

        Of `booking` only why, by whom and with what mail it ends is used; where it stands, the ledger knows better.
        A put or a move becomes the removal. One that is under way keeps its lease, so that the removal waits for
        it: removing an event that is about to be made would leave it standing.
        """
        with self._store.writing() as db:
            stored = self._stored(db, booking.id)
            if stored.state not in {State.HELD, State.CONFIRMED}:
                return stored
            owed = self._errand_of(db, booking.id)
            ends_at_once = stored.event_id is None and (owed is None or owed.attempts == 0)
            state = State.CANCELLED if ends_at_once else State.CANCELLING
            db.execute(sql.END_BOOKING, rows.columns_of(booking) | {"state": state.value})
            if owed:
                db.execute(sql.DELETE_LATER_ERRANDS, {"id": owed.id, "booking": str(booking.id)})
            if owed and ends_at_once:
                db.execute(sql.DELETE_ERRAND, {"id": owed.id})
            elif owed:
                db.execute(sql.TURN_INTO_REMOVAL, {"id": owed.id, "now": rows.seconds(booking.updated_at)})
            elif not ends_at_once:
                self._owe(db, booking, task=Task.REMOVE, due_at=booking.updated_at)
            return self._stored(db, booking.id)

    def begin_move(self, booking: Booking, *, at_once: bool) -> Booking:
        """Hold `booking.moving_to` beside the present time and owe Google the move; see `ports.Ledger`.

        Of `booking` only where it goes, why and with what mail is used. A booking that moves `at_once` remembers where
        its event stands; of several such moves in a row one errand brings it from there to where the booking then is.
        """
        with self._store.writing() as db:
            stored, to = self._stored(db, booking.id), booking.moving_to
            if to is None or stored.state not in {State.HELD, State.CONFIRMED}:
                return stored
            owed = self._errand_of(db, booking.id)
            if owed and (not at_once or self._is_leased(db, owed)):
                raise StillOwed(str(booking.id))
            moving = replace(
                stored,
                wish=replace(stored.wish, notify=booking.wish.notify),
                moving_to=to,
                moved_because=booking.moved_because,
                updated_at=booking.updated_at,
            )
            self._refuse_overlap(db, moving)
            has_event = stored.event_id is not None or (owed is not None and owed.attempts > 0)
            if at_once:
                left = stored.moved_from or stored.meeting
                moving = replace(moving.at(to), moved_from=left if has_event else None)
            db.execute(sql.RECORD_MOVE, rows.columns_of(moving))
            if has_event and (owed is None or owed.task is Task.PUT):
                self._owe(db, booking, task=Task.MOVE, due_at=booking.updated_at)
            return self._stored(db, booking.id)

    def adopt(self, known: Booking, seen: Booking) -> bool:
        """Record what the calendar says of a booking, if nothing else happened to it; see `ports.Ledger`."""
        with self._store.writing() as db:
            if self._stored(db, known.id) != known or self._errand_of(db, known.id) is not None:
                return False
            if seen.is_live:
                self._refuse_overlap(db, seen)
            db.execute(sql.ADOPT_BOOKING, rows.columns_of(seen))
            return True

    def owe_event(self, booking: Booking, calendar: str) -> bool:
        """Owe Google the event of a booking that was made while disconnected; see `ports.Ledger`."""
        with self._store.writing() as db:
            stored = self._stored(db, booking.id)
            if not stored.is_live or stored.calendar is not None:
                return False
            db.execute(sql.GIVE_CALENDAR, rows.columns_of(stored) | {"calendar": calendar})
            self._owe(db, stored, task=Task.PUT, due_at=self._clock.now())
            return True

    # --- what was read of the calendars

    def sync_token(self, calendar: str) -> str | None:
        """Up to where the changes of a calendar were recorded; None before the first time."""
        with self._store.reading() as db:
            row = db.execute(sql.SYNC_TOKEN, {"workspace": self._workspace, "calendar": calendar}).fetchone()
            return str(row["token"]) if row else None

    def keep_sync_token(self, calendar: str, token: str) -> None:
        """Remember up to where the changes of a calendar were recorded."""
        with self._store.writing() as db:
            kept = {"workspace": self._workspace, "calendar": calendar, "token": token}
            db.execute(sql.KEEP_SYNC_TOKEN, kept)

    def release(self, booking: Booking) -> Booking:
        """Free the time of a `cancelling` booking at once; its removal stays owed to Google."""
        with self._store.writing() as db:
            stored = self._stored(db, booking.id)
            if stored.state is State.CANCELLING:
                released = rows.columns_of(stored) | {"state": State.CANCELLED.value}
                db.execute(sql.END_BOOKING, released | {"updated_at": rows.seconds(self._clock.now())})
            return self._stored(db, booking.id)

    def tally(self, now: datetime) -> Tally:
        """Counts for `status`; an errand under a lease is being seen to."""
        with self._store.reading() as db:
            counted = {"workspace": self._workspace, "now": rows.seconds(now)}
            return Tally(**db.execute(sql.TALLY, counted).fetchone())

    # --- errands

    def due(self, now: datetime, *, most: int) -> tuple[Errand, ...]:
        """Errands that may be tried now, oldest first, at most one of a booking, none under a lease."""
        with self._store.reading() as db:
            limits = {"workspace": self._workspace, "now": rows.seconds(now), "most": most}
            return tuple(rows.errand_of(row) for row in db.execute(sql.DUE_ERRANDS, limits))

    def owed(self) -> tuple[Errand, ...]:
        """The first errand of every booking that has any, due or not, leased or not, oldest first."""
        with self._store.reading() as db:
            owed = db.execute(sql.OWED_ERRANDS, {"workspace": self._workspace})
            return tuple(rows.errand_of(row) for row in owed)

    def lease(self, errand: Errand, *, now: datetime) -> Errand | None:
        """Take the errand for `errands.LEASE`, counting the attempt; from a process that has ended, at once.

        None when another process has it, did it, or turned it into another task, or when an earlier one comes first.
        """
        until = {"now": rows.seconds(now), "until": rows.seconds(now + LEASE), "task": errand.task.value}
        with self._store.writing() as db:
            owner = {"owner": self._store.owner()}
            row = db.execute(sql.LEASE_ERRAND, self._named(errand) | until | owner).fetchone()
            return rows.errand_of(row) if row else None

    def errand_of(self, booking: UUID) -> Errand | None:
        """The first errand still owed for a booking, leased or not."""
        with self._store.reading() as db:
            return self._errand_of(db, booking)

    def settle(self, errand: Errand, booking: Booking) -> Booking:
        """Record the booking as it came out and the errand as done; returns the booking as it stands then.

        That is another one than was given where the errand is no longer the caller's. Its lease ran out and somebody
        else took it: then nothing is recorded, but an event that was made for a booking that is over is owed a
        removal. Or the booking was cancelled while its event was made: then only the event is recorded, and its removal
        is due at once. Either way the caller must not tell anybody that the time is booked.
        """
        with self._store.writing() as db:
            owed = db.execute(sql.ERRAND_UNDER_LEASE, self._named(errand)).fetchone()
            if owed and owed["task"] == errand.task:
                db.execute(sql.RECORD_OUTCOME, rows.outcome_of(booking))
                db.execute(sql.DELETE_ERRAND, {"id": errand.id})
            elif owed:
                db.execute(sql.RECORD_EVENT, rows.outcome_of(booking))
                db.execute(sql.END_LEASE, {"id": errand.id})
            else:
                self._disown(db, booking)
            return self._stored(db, booking.id)

    def postpone(self, errand: Errand, *, due_at: datetime, why: str, outcome_unknown: bool) -> None:
        """Record a failed attempt, end the lease and try again at `due_at`; nothing where the lease is another's.

        What became a removal meanwhile does not wait for `due_at`.
        """
        failed = {
            "task": errand.task.value,
            "due_at": rows.seconds(due_at),
            "why": why,
            "outcome_unknown": int(outcome_unknown),
        }
        with self._store.writing() as db:
            db.execute(sql.POSTPONE_ERRAND, self._named(errand) | failed)

    # --- inside a transaction

    def _named(self, errand: Errand) -> dict[str, object]:
        return {"id": errand.id, "workspace": self._workspace, "lease": errand.lease}

    def _owe(self, db: Database, booking: Booking, *, task: Task, due_at: datetime) -> None:
        owed = {"workspace": self._workspace, "booking": str(booking.id), "task": task.value}
        db.execute(sql.INSERT_ERRAND, owed | {"due_at": rows.seconds(due_at)})

    def _refuse_overlap(self, db: Database, booking: Booking) -> None:
        """Say who is in the way of the time a booking has, or is moving to, before the database just refuses it."""
        for other in self._live_in(db, booking.promises[-1].guard):
            if other.id != booking.id:
                raise GuardsOverlap(other)

    def _disown(self, db: Database, late: Booking) -> None:
        """See to the event of a late report, if its booking is over and nobody is about to remove it."""
        is_over = not self._stored(db, late.id).is_live and self._errand_of(db, late.id) is None
        if late.is_live and late.event_id is not None and is_over:
            db.execute(sql.RECORD_EVENT, rows.outcome_of(late))
            self._owe(db, late, task=Task.REMOVE, due_at=self._clock.now())

    def _is_leased(self, db: Database, errand: Errand) -> bool:
        in_force = {"id": errand.id, "now": rows.seconds(self._clock.now())}
        return db.execute(sql.LEASE_IN_FORCE, in_force).fetchone() is not None

    def _errand_of(self, db: Database, booking: UUID) -> Errand | None:
        of = {"workspace": self._workspace, "booking": str(booking)}
        row = db.execute(sql.ERRAND_OF_BOOKING, of).fetchone()
        return rows.errand_of(row) if row else None

    def _under_key(self, db: Database, key: str) -> Booking | None:
        row = db.execute(sql.BOOKING_UNDER_KEY, {"workspace": self._workspace, "key": key}).fetchone()
        return self._booking(row) if row else None

    def _stored(self, db: Database, booking: UUID) -> Booking:
        row = db.execute(sql.BOOKING, {"workspace": self._workspace, "id": str(booking)}).fetchone()
        if row is None:
            raise BookingNotFound(str(booking))
        return self._booking(row)

    def _live_in(self, db: Database, window: Interval) -> tuple[Booking, ...]:
        span = {"start": rows.seconds(window.start), "end": rows.seconds_up(window.end)}
        within = {"workspace": self._workspace} | span
        live = self._bookings(db.execute(sql.LIVE_BOOKINGS_IN, within))
        moving = self._bookings(db.execute(sql.MOVING_BOOKINGS_IN, within))
        known = {each.id for each in live}
        coming = tuple(each for each in moving if each.id not in known)
        return tuple(sorted((*live, *coming), key=lambda each: each.guard.start)) if coming else live

    def _bookings(self, found: Iterable[rows.Row]) -> tuple[Booking, ...]:
        return tuple(self._booking(row) for row in found)

    def _booking(self, row: rows.Row) -> Booking:
        try:
            return rows.booking_of(row)
        except (KeyError, ValueError) as error:
            reason = f"it is damaged: booking {row['id']} cannot be read"
            raise LedgerUnusable(self._store.name, reason) from error
