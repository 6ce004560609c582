"""The ledger's rules over any SQL database: bookings, claims, the outbox with its leases, sync tokens, history.

Each method is one transaction, and write transactions of a workspace run one at a time. Every write goes through
`writing`, which records what it changes of bookings in the same transaction.

A report on an outbox entry counts only under the entry's latest lease. A worker that was paused for longer than its lease
therefore cannot overwrite what its successor recorded; `settle` returns it the booking as it now stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from portalcal.adapters.ledger import rows, sql
from portalcal.adapters.ledger.journal import Journal
from portalcal.adapters.ledger.transaction import Cursor, Database, Transaction
from portalcal.core.booking import Booking, State
from portalcal.core.email_address import same
from portalcal.core.history import Author, HistoryLine, What, calendar_changes, outcome_changes
from portalcal.core.intervals import Interval
from portalcal.core.outbox import LEASE, OutboxEntry, Task
from portalcal.core.slots import Claim
from portalcal.errors import BookingNotFound, LedgerFault, LedgerUnusable, OtherAccount
from portalcal.ports import (
    ClaimsOverlap,
    Clock,
    Damage,
    EntryPending,
    Exposure,
    Feed,
    HistoryQuery,
    Leased,
    LedgerServer,
    Search,
    Tally,
)

_NO_CALENDAR = ""
"""The row of sync tokens that stands for all calendars: the second at which a sync completed."""
_ACCOUNT = " account"
"""The row of sync tokens that holds the account of the workspace; no calendar's id begins with a blank."""
SHORTEST_PREFIX = 4
"""Characters of an id prefix: an empty variable in a script must not cancel the only booking."""

_LONG_AGO, FAR_AHEAD = -(1 << 40), 1 << 40
"""Instants, and a count of rows, beyond all that are stored."""

T = TypeVar("T")


AccountOf = Callable[[], str | None]
"""The address of the account that is connected; None: none is, or it is not known."""


def no_account() -> None:
    """No account is connected."""


class SqlLedger:
    """The bookings and the outbox of one workspace. Threads may share it.

    What each method promises is said in `ports.Ledger` and `ports.History`; here, how it is kept.

    Machines that share a ledger may be connected to different accounts. The first one that writes is recorded as the
    workspace's, and `due`, `owed` and `under_key_and_due`, with which every command begins that writes, refuse another.
    """

    def __init__(
        self,
        database: Database,
        dialect: sql.Dialect,
        workspace: str,
        clock: Clock,
        *,
        author: Author,
        account: AccountOf = no_account,
    ) -> None:
        self._author = author
        self._connected_account = account
        self._is_account_recorded = True
        self._database = database
        self._dialect = dialect
        self._workspace = workspace
        self._key: dict[str, object] = {"workspace": workspace}
        self._clock = clock

    @property
    def workspace(self) -> str:
        """The workspace whose bookings these are."""
        return self._workspace

    @property
    def name(self) -> str:
        """The path or url of the database."""
        return self._database.name

    @property
    def clock(self) -> Clock:
        """The clock that decides whether an offer has expired."""
        return self._clock

    def close(self) -> None:
        """Close the database's connection; the next use opens another one."""
        self._database.close()

    def stop(self) -> None:
        """Refuse all further writes. A transaction under way on another thread ends first."""
        self._database.stop()

    def check(self) -> Damage | None:
        """Return what is damaged, or None. Raises: LedgerBusy, LedgerTooNew."""
        return self._database.damage()

    def exposure(self) -> Exposure | None:
        """Return who else could read or change the ledger, or None."""
        return self._database.exposure()

    def server(self) -> LedgerServer | None:
        return self._database.server()

    # --- bookings

    def hold(self, booking: Booking, *, put: bool) -> Booking:
        with self.writing() as db:
            key = self._key | {"key": booking.key}
            under_key = db.execute(sql.BOOKING_UNDER_KEY, key)
            overlap = self._select_overlap(db, booking)
            if (row := under_key.fetchone()) is not None:
                return self._booking(row)
            self._refuse(db, overlap)
            return self._insert(db, booking, put=put)

    def get(self, booking: UUID) -> Booking:
        with self._database.reading() as db:
            return self._stored(db, booking)

    def unknown(self, bookings: Iterable[UUID]) -> frozenset[UUID]:
        with self._database.reading() as db:
            # Asked all at once, before the first answer is read.
            asked = {each: db.execute(sql.IS_BOOKING, {"id": str(each)}) for each in bookings}
            return frozenset(each for each, cursor in asked.items() if cursor.fetchone() is None)

    def find(self, booking: str) -> Booking:
        prefix = booking.strip().lower()
        if len(prefix) < SHORTEST_PREFIX:
            raise BookingNotFound(booking)
        with self._database.reading() as db:
            # An id consists of 0-9, a-f and hyphens; "g" sorts after all of them.
            bounds = self._key | {"first": prefix, "after": f"{prefix}g"}
            matches = db.execute(self._dialect.bookings_with_prefix, bounds).fetchall()
        if len(matches) != 1:
            raise BookingNotFound(booking, is_ambiguous=bool(matches))
        return self._booking(matches[0])

    def under_key(self, key: str) -> Booking | None:
        with self._database.reading() as db:
            row = db.execute(sql.BOOKING_UNDER_KEY, self._key | {"key": key}).fetchone()
            return self._booking(row) if row else None

    def under_key_and_due(
        self, key: str, now: datetime, *, most: int
    ) -> tuple[Booking | None, tuple[OutboxEntry, ...]]:
        with self._database.reading() as db:
            account = self._ask_for_account(db)
            known = db.execute(sql.BOOKING_UNDER_KEY, self._key | {"key": key})
            due = db.execute(sql.DUE_ENTRIES, self._due_by(now, most=most))
            self._check_account(account)
            row = known.fetchone()
            return self._booking(row) if row else None, tuple(map(self._entry, due))

    def claims(self, participants: Iterable[str], window: Interval, *, now: datetime) -> tuple[Claim, ...]:
        wanted = self._window(window) | {"now": rows.seconds(now), "participants": rows.keys(participants)}
        with self._database.reading() as db:
            own = db.execute(sql.OWN_CLAIMS, wanted)
            others = db.execute(self._dialect.claims_of_others, wanted)
            claim_rows = [*own, *others]
        claims = [self._claim(row) for row in claim_rows]
        return tuple(sorted(claims, key=lambda each: (each.buffered.start, each.participant, each.booking)))

    def meeting_starts(
        self, participants: Iterable[str], around: Interval, *, but_not: UUID | None = None
    ) -> dict[str, tuple[datetime, ...]]:
        wanted = {
            "participants": rows.keys(participants),
            "start": rows.seconds(around.start),
            "end": rows.seconds_up(around.end),
            "booking": str(but_not or ""),
            "long_ago": _LONG_AGO,
        }
        starts: dict[str, tuple[datetime, ...]] = {}
        with self._database.reading() as db:
            for row in db.execute(self._dialect.meeting_starts, wanted):
                key = row["participant"]
                starts[key] = (*starts.get(key, ()), rows.instant(row["meeting_start"]))
        return starts

    def live_in(self, window: Interval) -> tuple[Booking, ...]:
        parameters = self._window(window)
        with self._database.reading() as db:
            present = self.bookings_of(db.execute(sql.LIVE_BOOKINGS_IN, parameters))
            moving = self.bookings_of(db.execute(sql.MOVING_BOOKINGS_IN, parameters))
        present_ids = {booking.id for booking in present}
        arriving = tuple(booking for booking in moving if booking.id not in present_ids)
        if not arriving:
            return present
        return tuple(sorted((*present, *arriving), key=lambda booking: booking.buffered.start))

    def search(self, search: Search) -> tuple[Booking, ...]:
        """Return bookings in any state, by start and id; e-mail addresses are compared without case."""
        criteria = {
            "workspace": self._workspace,
            "start": rows.seconds(search.start) if search.start else _LONG_AGO,
            "end": rows.seconds_up(search.end) if search.end else FAR_AHEAD,
            "states": json.dumps([state.value for state in search.states or State]),
            "email": search.email,
            "after_start": rows.seconds(search.after.start) if search.after else _LONG_AGO,
            "after_id": str(search.after.booking) if search.after else "",
            "most": FAR_AHEAD if search.most is None else search.most,
            "has_calendar": None if search.has_calendar is None else int(search.has_calendar),
            "has_refusal": int(search.has_refusal),
            "is_narrowed": int(search.touched is not None),
            "touched_events": json.dumps(search.touched.events if search.touched else ()),
            "touched_bookings": rows.keys(map(str, search.touched.bookings if search.touched else ())),
        }
        statement = self._dialect.search if search.email is None else self._dialect.search_by_email
        with self._database.reading() as db:
            return self.bookings_of(db.execute(statement, criteria))

    def calendars_ahead(self, now: datetime) -> tuple[str, ...]:
        ahead = self._key | {"now": rows.seconds(now)}
        with self._database.reading() as db:
            return tuple(row["calendar"] for row in db.execute(sql.CALENDARS_AHEAD, ahead))

    def begin_cancel(self, booking: Booking) -> Booking:
        """Record a booking as `cancelling` and queue the removal of its event; see `ports.Ledger`.

        Only `booking`'s reason, actor and notification setting are used; the rest comes from the ledger.
        A queued put or move becomes the removal. A leased one keeps its lease, so that the removal waits for it: removing
        an event that is about to be inserted would leave the event in the calendar.
        """
        with self.writing() as db:
            stored = self._recorded(db, booking.id)
            if stored.state not in {State.HELD, State.CONFIRMED}:
                return stored
            entry = self._entry_of(db, booking.id)
            has_event = _may_have_event(stored, entry)
            state = State.CANCELLING if has_event else State.CANCELLED
            db.execute(sql.END_BOOKING, rows.columns_of(booking) | {"state": state.value})
            if entry:
                db.execute(sql.DELETE_LATER_ENTRIES, {"id": entry.id, "booking": str(booking.id)})
            self._end_event(db, booking, entry, has_event=has_event)
            return self._recorded(db, booking.id)

    def begin_move(self, booking: Booking, *, at_once: bool) -> Booking:
        """Hold `booking.moving_to` beside the present time and queue the move of its event; see `ports.Ledger`.

        Only `booking`'s new time, new participants, reason and notification setting are used. A booking that moves `at_once` records where
        its event still stands; after several such moves one entry moves the event from there to the booking's last time.
        """
        with self.writing() as db:
            stored, to = self._recorded(db, booking.id), booking.moving_to
            if to is None or stored.state not in {State.HELD, State.CONFIRMED}:
                return stored
            if booking.is_reassigned and not stored.is_as_in(booking):
                return stored
            entry = self._entry_of(db, booking.id)
            if entry and (not at_once or self._is_leased(db, entry)):
                raise EntryPending(str(booking.id))
            moving = replace(
                stored,
                request=replace(stored.request, notify=booking.request.notify),
                moving_to=to,
                new_participants=booking.new_participants,
                moved_because=booking.moved_because,
                updated_at=booking.updated_at,
            )
            self._refuse_overlap(db, moving)
            has_event = _may_have_event(stored, entry)
            if at_once:
                event_time = stored.moved_from or stored.meeting
                moving = replace(moving.at(to), moved_from=event_time if has_event else None)
            db.execute(sql.RECORD_MOVE, rows.columns_of(moving))
            if has_event and (entry is None or entry.task is Task.PUT):
                self._enqueue(db, booking, task=Task.MOVE, due_at=booking.updated_at)
            return self._recorded(db, booking.id)

    def adopt(self, known: Booking, snapshot: Booking) -> bool:
        with self.writing() as db:
            db.describe = calendar_changes
            if self._recorded(db, known.id) != known or self._entry_of(db, known.id) is not None:
                return False
            if snapshot.is_live:
                self._refuse_overlap(db, snapshot)
            db.execute(sql.ADOPT_BOOKING, rows.columns_of(snapshot))
            return True

    def owe_event(self, booking: Booking, calendar: str) -> bool:
        with self.writing() as db:
            stored = self._recorded(db, booking.id)
            if not stored.is_live or stored.calendar is not None:
                return False
            db.execute(sql.SET_CALENDAR, rows.columns_of(stored) | {"calendar": calendar})
            self._enqueue(db, stored, task=Task.PUT, due_at=self._clock.now())
            return True

    # --- sync tokens

    def sync_token(self, calendar: str) -> str | None:
        with self._database.reading() as db:
            row = db.execute(sql.SYNC_TOKEN, self._key | {"calendar": calendar}).fetchone()
            return str(row["token"]) if row else None

    def keep_sync_token(self, calendar: str, token: str) -> None:
        with self.writing() as db:
            columns = self._key | {"calendar": calendar, "token": token}
            db.execute(sql.SAVE_SYNC_TOKEN, columns)

    def last_sync(self) -> datetime | None:
        written = self.sync_token(_NO_CALENDAR)
        return datetime.fromtimestamp(int(written), UTC) if written else None

    def keep_last_sync(self, at: datetime) -> None:
        self.keep_sync_token(_NO_CALENDAR, str(rows.seconds(at)))

    def account(self) -> str | None:
        return self.sync_token(_ACCOUNT)

    def keep_account(self, account: str) -> None:
        self.keep_sync_token(_ACCOUNT, account)

    def release(self, booking: Booking) -> Booking:
        with self.writing() as db:
            stored = self._recorded(db, booking.id)
            if stored.state is State.CANCELLING:
                released = rows.columns_of(stored) | {"state": State.CANCELLED.value}
                db.execute(sql.END_BOOKING, released | {"updated_at": rows.seconds(self._clock.now())})
            return self._recorded(db, booking.id)

    def tally(self, now: datetime) -> Tally:
        """Return the counts for `status`; a leased entry is not overdue."""
        with self._database.reading() as db:
            parameters = self._key | {"now": rows.seconds(now)}
            return Tally(**db.execute(sql.TALLY, parameters).fetchone())

    def totals(self) -> dict[State, int]:
        with self._database.reading() as db:
            totals = db.execute(sql.TOTALS, self._key).fetchall()
        return dict.fromkeys(State, 0) | {State(row["state"]): int(row["bookings"]) for row in totals}

    # --- outbox

    def due(self, now: datetime, *, most: int) -> tuple[OutboxEntry, ...]:
        """Return the entries that are due and not leased, in due order, at most one of each booking."""
        with self._database.reading() as db:
            account = self._ask_for_account(db)
            due = db.execute(sql.DUE_ENTRIES, self._due_by(now, most=most))
            self._check_account(account)
            return tuple(map(self._entry, due))

    def owed(self) -> tuple[OutboxEntry, ...]:
        with self._database.reading() as db:
            account = self._ask_for_account(db)
            owed = db.execute(sql.OWED_ENTRIES, self._key)
            self._check_account(account)
            return tuple(map(self._entry, owed))

    def lease(self, booking: UUID, task: Task, *, now: datetime) -> Leased | None:
        key = self._key | {"booking": str(booking), "task": task.value}
        terms = {"now": rows.seconds(now), "length": int(LEASE.total_seconds())}
        with self.writing() as db:
            owner = {"lease_owner": self._database.owner()}
            leased = db.execute(sql.LEASE_ENTRY, {**key, **terms, **owner})
            stored = db.execute(sql.BOOKING, self._key | {"id": str(booking)})
            row = leased.fetchone()
            return Leased(self._entry(row), self._booking(stored.fetchone())) if row else None

    def entry_of(self, booking: UUID) -> OutboxEntry | None:
        with self._database.reading() as db:
            return self._entry_of(db, booking)

    def settle(self, entry: OutboxEntry, booking: Booking, *, is_rejected: bool = False) -> Booking:
        """Record an attempt's outcome and delete its entry; see `ports.Ledger`.

        If another worker took the entry, an event that was made for a finished booking is still queued for removal.
        """
        with self.writing() as db:
            under_lease = db.execute(sql.ENTRY_UNDER_LEASE, self._lease_key(entry))
            db.prefetch(str(booking.id))
            row = under_lease.fetchone()
            is_over = bool(row) and row["task"] == entry.task
            db.describe = partial(
                outcome_changes, task=entry.task if is_over else None, is_rejected=is_rejected
            )
            if is_over:
                db.execute(sql.RECORD_OUTCOME, rows.outcome_columns(booking))
                db.execute(sql.DELETE_ENTRY, {"id": entry.id})
            elif row:
                db.execute(sql.RECORD_EVENT, rows.outcome_columns(booking))
                db.execute(sql.END_LEASE, {"id": entry.id})
            else:
                self._record_stale_event(db, booking)
            return self._recorded(db, booking.id)

    def postpone(self, entry: OutboxEntry, *, due_at: datetime, why: str, outcome_unknown: bool) -> None:
        """Record a failed attempt, end the lease and make the entry due at `due_at`; nothing if the lease is another's.

        An entry that became a removal meanwhile keeps its own due time.
        """
        failed = {
            "task": entry.task.value,
            "due_at": rows.seconds(due_at),
            "last_error": why,
            "outcome_unknown": int(outcome_unknown),
        }
        with self.writing() as db:
            db.execute(sql.POSTPONE_ENTRY, self._lease_key(entry) | failed)

    # --- history

    def history(self, query: HistoryQuery) -> tuple[HistoryLine, ...]:
        criteria = {
            "workspace": self._workspace,
            "booking": query.booking,
            "since": rows.seconds(query.since) if query.since else _LONG_AGO,
            "actor": query.actor,
            "whats": json.dumps([what.value for what in query.whats or What]),
            "most": FAR_AHEAD if query.latest is None else query.latest,
        }
        if query.booking is not None:
            statement = self._dialect.history_of_booking
        else:
            statement = self._dialect.history_since if query.since else self._dialect.history
        with self._database.reading() as db:
            latest_first = self._lines(db.execute(statement, criteria))
        return latest_first[::-1]

    def changes(self, cursor: int, *, most: int) -> Feed:
        """Return the changes after a cursor.

        A line is visible to others from the end of its transaction on. Writers of a workspace take turns and number
        their lines while it is their turn, so no line can appear below one that was seen.
        """
        key = self._key | {"cursor": cursor, "most": most}
        with self._database.reading() as db:
            lines = self._lines(db.execute(sql.HISTORY_AFTER, key))
            pruned = db.execute(sql.PRUNED, self._key).fetchone()
        return Feed(lines, is_gap=bool(pruned) and 0 < cursor < int(pruned["cursor"]))

    def read_up_to(self, reader: str) -> int | None:
        key = self._key | {"reader": reader}
        with self._database.reading() as db:
            row = db.execute(sql.READER, key).fetchone()
            return int(row["cursor"]) if row else None

    def mark_read(self, reader: str, cursor: int) -> None:
        """Record that a reader was handed the changes up to a cursor; of two runs at once the further one counts."""
        key = self._key | {"reader": reader, "cursor": cursor}
        with self.writing() as db:
            db.execute(sql.SAVE_READER, key)

    def latest_cursor(self) -> int:
        with self._database.reading() as db:
            return int(db.execute(sql.LATEST, self._key).fetchone()["cursor"])

    def prune_history(self, before: datetime, *, most: int) -> int:
        key = {
            "workspace": self._workspace,
            "before": rows.seconds(before),
            "now": rows.seconds(self._clock.now()),
        }
        with self.writing() as db:
            db.execute(sql.ALLOW_PRUNING, key)
            cursors = [int(row["cursor"]) for row in db.execute(sql.PRUNE, key | {"most": most})]
            if cursors:
                db.execute(sql.RECORD_PRUNING, key | {"cursor": max(cursors)})
            return len(cursors)

    # --- within a transaction

    def insert(self, db: Journal, booking: Booking, *, put: bool) -> Booking:
        """Claim the time of a new booking, record it, and with `put` queue its event. Raises: ClaimsOverlap."""
        self._refuse_overlap(db, booking)
        return self._insert(db, booking, put=put)

    def _insert(self, db: Journal, booking: Booking, *, put: bool) -> Booking:
        db.execute(sql.INSERT_BOOKING, rows.columns_of(booking))
        if put:
            self._enqueue(db, booking, task=Task.PUT, due_at=booking.created_at)
        return self._recorded(db, booking.id)

    def end_offered_time(self, db: Transaction, slot: Booking, *, because: str, at: datetime) -> None:
        """Free a time of an offer, and queue the removal of its event as `begin_cancel` does."""
        if not slot.is_live:
            return
        entry = self._entry_of(db, slot.id)
        ended = replace(slot, state=State.CANCELLED, ended_because=because, updated_at=at)
        db.execute(sql.END_BOOKING, rows.columns_of(ended))
        self._end_event(db, ended, entry, has_event=_may_have_event(slot, entry))

    def _end_event(
        self, db: Transaction, ended: Booking, entry: OutboxEntry | None, *, has_event: bool
    ) -> None:
        """Queue the removal of the event of a booking that has ended, in place of its entry if there is one."""
        if entry and not has_event:
            db.execute(sql.DELETE_ENTRY, {"id": entry.id})
        elif entry:
            db.execute(sql.CHANGE_TO_REMOVAL, {"id": entry.id, "now": rows.seconds(ended.updated_at)})
        elif has_event:
            self._enqueue(db, ended, task=Task.REMOVE, due_at=ended.updated_at)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Run a block on one snapshot of the ledger."""
        with self._database.reading() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[Journal]:
        """Run a block in a write transaction, and record what it changed of bookings before the transaction ends."""
        with self._database.writing() as db:
            if not self._is_account_recorded and (account := self._connected_account()):
                columns = self._key | {"calendar": _ACCOUNT, "token": account}
                db.execute(sql.SAVE_FIRST_SYNC_TOKEN, columns)
                self._is_account_recorded = True
            journal = Journal(db, self._workspace, self._booking)
            yield journal
            for booking, change in journal.changes():
                at = rows.seconds(self._clock.now())
                line = self._key | {"booking": booking, "at": at}
                db.execute(sql.INSERT_LINE, line | self._author._asdict() | rows.change_columns(change))

    def _ask_for_account(self, db: Transaction) -> Cursor:
        return db.execute(sql.SYNC_TOKEN, self._key | {"calendar": _ACCOUNT})

    def _check_account(self, asked: Cursor) -> None:
        """Make sure that the workspace is not that of another account. Raises: OtherAccount."""
        row, connected = asked.fetchone(), self._connected_account()
        self._is_account_recorded = row is not None
        if row is not None and connected and not same(row["token"], connected):
            raise OtherAccount(row["token"], connected, self.name, self._workspace)

    def _due_by(self, now: datetime, *, most: int) -> dict[str, object]:
        return self._key | {"now": rows.seconds(now), "most": most}

    def _lease_key(self, entry: OutboxEntry) -> dict[str, object]:
        return {"id": entry.id, "workspace": self._workspace, "lease": entry.lease}

    def _enqueue(self, db: Transaction, booking: Booking, *, task: Task, due_at: datetime) -> None:
        columns = self._key | {"booking": str(booking.id), "task": task.value}
        db.execute(sql.INSERT_ENTRY, columns | {"due_at": rows.seconds(due_at)})

    def _refuse_overlap(self, db: Transaction, booking: Booking) -> None:
        """Raise ClaimsOverlap with the other claim; the database's own constraint does not name it."""
        self._refuse(db, self._select_overlap(db, booking))

    def _select_overlap(self, db: Transaction, booking: Booking) -> Cursor:
        """Select the other claim on the time of a booking.

        Claims that expired are dropped first: they would count for the constraint.
        """
        wanted = {
            "participants": rows.keys(booking.new_claimants if booking.moving_to else booking.claimants),
            "booking": str(booking.id),
            "now": rows.seconds(self._clock.now()),
        }
        if self._dialect.lock_claimants is not None:
            db.execute(self._dialect.lock_claimants, wanted)
        db.execute(sql.DROP_EXPIRED_CLAIMS, wanted)
        window = self._window(booking.with_buffers(booking.moving_to or booking.meeting))
        return db.execute(self._dialect.claims_in_the_way, wanted | window)

    def _refuse(self, db: Transaction, overlap: Cursor) -> None:
        row = overlap.fetchone()
        if row is not None:
            claim = self._claim(row)
            is_ours = not claim.is_foreign and claim.expires_at is None
            raise ClaimsOverlap(claim, self._stored(db, UUID(claim.booking)) if is_ours else None)

    def _record_stale_event(self, db: Journal, late: Booking) -> None:
        """A stale worker reported an event for a finished booking: queue its removal unless one is queued."""
        is_over = not self._recorded(db, late.id).is_live and self._entry_of(db, late.id) is None
        if late.is_live and late.event_id is not None and is_over:
            db.execute(sql.RECORD_EVENT, rows.outcome_columns(late))
            self._enqueue(db, late, task=Task.REMOVE, due_at=self._clock.now())

    def _is_leased(self, db: Transaction, entry: OutboxEntry) -> bool:
        parameters = {"id": entry.id, "now": rows.seconds(self._clock.now())}
        return db.execute(sql.LEASE_IN_FORCE, parameters).fetchone() is not None

    def _entry_of(self, db: Transaction, booking: UUID) -> OutboxEntry | None:
        parameters = self._key | {"booking": str(booking)}
        row = db.execute(sql.ENTRY_OF_BOOKING, parameters).fetchone()
        return self._entry(row) if row else None

    def _recorded(self, db: Journal, booking: UUID) -> Booking:
        if (stored := db.booking(str(booking))) is None:
            raise BookingNotFound(str(booking))
        return stored

    def _stored(self, db: Transaction, booking: UUID) -> Booking:
        row = db.execute(sql.BOOKING, self._key | {"id": str(booking)}).fetchone()
        if row is None:
            raise BookingNotFound(str(booking))
        return self._booking(row)

    def _window(self, window: Interval) -> dict[str, object]:
        return {
            "workspace": self._workspace,
            "start": rows.seconds(window.start),
            "end": rows.seconds_up(window.end),
        }

    def _claim(self, row: rows.Row) -> Claim:
        return self.parsed(
            row, partial(rows.claim_of, workspace=self._workspace), "a claim of booking {booking}"
        )

    def bookings_of(self, cursor: Iterable[rows.Row]) -> tuple[Booking, ...]:
        """Parse bookings. Raises: LedgerUnusable."""
        return tuple(map(self._booking, cursor))

    def _booking(self, row: rows.Row) -> Booking:
        return self.parsed(row, rows.booking_of, "booking {id}")

    def _lines(self, cursor: Iterable[rows.Row]) -> tuple[HistoryLine, ...]:
        return tuple(self.parsed(row, rows.line_of, "line {cursor} of the history") for row in cursor)

    def _entry(self, row: rows.Row) -> OutboxEntry:
        return self.parsed(row, rows.entry_of, "entry {id} of the outbox")

    def parsed(self, row: rows.Row, parse: Callable[[rows.Row], T], name: str) -> T:
        """Parse a row. `name`: what it is, with the column that tells which. Raises: LedgerUnusable."""
        try:
            return parse(row)
        except rows.UNREADABLE as error:
            reason = f"it is damaged: {name.format_map(row)} cannot be read"
            raise LedgerUnusable(self.name, reason, LedgerFault.DAMAGED) from error


def _may_have_event(booking: Booking, entry: OutboxEntry | None) -> bool:
    """Whether an event of the booking may exist at Google: once its insertion was attempted, it may."""
    return booking.event_id is not None or (entry is not None and entry.attempts > 0)
