"""The constraints and triggers of the SQLite schema, and the query plans of the statements."""

from __future__ import annotations

import operator
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portalcal.adapters.ledger import sql as statements
from portalcal.adapters.ledger import sqlite_schema as sql
from portalcal.adapters.ledger.rows import columns_of
from portalcal.adapters.ledger.sqlite import SqliteDatabase
from portalcal.core.booking import Booking, State
from tests.builders import a_booking, at
from tests.selection import examples


def built() -> sqlite3.Connection:
    """Return a database in memory with the schema."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.row_factory = sqlite3.Row
    database.create_function("lease_until", 2, operator.add)
    database.create_function("lease_has_ended", 3, lambda until, _, now: until <= now)
    for migration in sql.MIGRATIONS:
        for statement in migration:
            database.execute(statement)
    return database


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(built()) as database:
        yield database


def insert(db: sqlite3.Connection, booking: Booking) -> None:
    db.execute(statements.INSERT_BOOKING, columns_of(booking))


def overlapping(db: sqlite3.Connection) -> bool:
    return db.execute(sql.OVERLAPPING).fetchone() is not None


def test_an_overlapping_claim_cannot_be_inserted(db: sqlite3.Connection) -> None:
    insert(db, a_booking("09:00-09:30"))

    with pytest.raises(sqlite3.IntegrityError, match="claims overlap"):
        insert(db, a_booking("09:29-10:00"))


def test_a_booking_cannot_be_moved_into_another_one(db: sqlite3.Connection) -> None:
    insert(db, a_booking("09:00-09:30"))
    other = a_booking("10:00-10:30")
    insert(db, other)

    with pytest.raises(sqlite3.IntegrityError, match="claims overlap"):
        db.execute("UPDATE bookings SET start = start - 3600 WHERE id = ?", (str(other.id),))
    with pytest.raises(sqlite3.IntegrityError, match="claims overlap"):
        db.execute("UPDATE bookings SET buffer_before = 1801 WHERE id = ?", (str(other.id),))
    with pytest.raises(sqlite3.IntegrityError, match="claims overlap"):
        db.execute("UPDATE bookings SET duration = 3601 WHERE start < ?", (at("10:00").timestamp(),))


def test_a_booking_may_be_moved_by_less_than_it_lasts(db: sqlite3.Connection) -> None:
    insert(db, a_booking("09:00-09:30"))

    db.execute("UPDATE bookings SET start = start + 60")


def test_claims_of_another_workspace_are_in_nobodys_way_until_they_come_over(db: sqlite3.Connection) -> None:
    insert(db, a_booking("09:00-09:30"))
    insert(db, a_booking("09:00-09:30", workspace="sales"))

    with pytest.raises(sqlite3.IntegrityError, match="claims overlap"):
        db.execute("UPDATE bookings SET workspace = 'default' WHERE workspace = 'sales'")


def test_both_times_of_a_booking_that_is_being_moved_are_held(db: sqlite3.Connection) -> None:
    first = a_booking("09:00-09:30", buffers=(5, 10))
    insert(db, first)
    other = a_booking("11:00-11:30")
    insert(db, other)
    goes = "UPDATE bookings SET new_start = ?, new_duration = 1800 WHERE id = ?"
    db.execute(goes, (at("10:00").timestamp(), str(first.id)))

    for span in ("08:50-08:56", "09:30-09:45", "09:50-09:56", "10:39-10:45", "08:00-12:00"):
        with pytest.raises(sqlite3.IntegrityError, match="claims overlap"):
            insert(db, a_booking(span))
    for start in ("09:35", "10:35"):
        with pytest.raises(sqlite3.IntegrityError, match="claims overlap"):
            db.execute(goes, (at(start).timestamp(), str(other.id)))
    insert(db, a_booking("09:40-09:55"))
    db.execute(
        "UPDATE bookings SET start = new_start, new_start = NULL, new_duration = NULL WHERE id = ?",
        (str(first.id),),
    )
    insert(db, a_booking("09:00-09:30"))
    assert not overlapping(db)


def test_a_booking_may_move_by_less_than_it_lasts_and_hold_both_times(db: sqlite3.Connection) -> None:
    insert(db, a_booking("09:00-09:30"))

    db.execute("UPDATE bookings SET new_start = start + 600, new_duration = 3600")

    assert not overlapping(db)


def test_a_new_time_has_a_start_and_a_length(db: sqlite3.Connection) -> None:
    insert(db, a_booking())

    for change in ("new_start = 1", "new_duration = 60", "new_start = 1, new_duration = 0", "old_start = 1"):
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(f"UPDATE bookings SET {change}")


_MINUTES = st.integers(min_value=0, max_value=180)
_SPANS = st.tuples(_MINUTES, st.integers(1, 60), st.integers(0, 20), st.integers(0, 20))


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spans=st.lists(_SPANS, max_size=25), moves=st.lists(st.tuples(st.integers(0, 24), _MINUTES), max_size=15)
)
def test_claims_stay_disjoint_and_nothing_that_fits_is_refused(
    spans: list[tuple[int, int, int, int]], moves: list[tuple[int, int]]
) -> None:
    """Compared with an oracle that checks every pair."""
    kept: dict[str, tuple[int, int, int, int]] = {}

    def fits(span: tuple[int, int, int, int], *, but: str | None = None) -> bool:
        start, length, before, after = span
        return all(
            start + length + after <= other[0] - other[2] or other[0] + other[1] + other[3] <= start - before
            for name, other in kept.items()
            if name != but
        )

    with closing(built()) as db:
        for span in spans:
            booking = a_booking("00:00-00:01", buffers=(span[2], span[3]))
            columns = columns_of(booking) | {"start": span[0] * 60, "duration": span[1] * 60}
            try:
                db.execute(statements.INSERT_BOOKING, columns)
                assert fits(span)
                kept[str(booking.id)] = span
            except sqlite3.IntegrityError:
                assert not fits(span)
        for index, minute in moves:
            if index >= len(kept):
                continue
            name = list(kept)[index]
            span = (minute, *kept[name][1:])
            try:
                db.execute("UPDATE bookings SET start = ? WHERE id = ?", (minute * 60, name))
                assert fits(span, but=name)
                kept[name] = span
            except sqlite3.IntegrityError:
                assert not fits(span, but=name)
        assert not overlapping(db)


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_the_database_allows_the_moves_that_the_booking_allows(
    db: sqlite3.Connection, before: State, after: State
) -> None:
    ways = {
        State.HELD: (State.HELD,),
        State.CONFIRMED: (State.CONFIRMED,),
        State.CANCELLING: (State.CONFIRMED, State.CANCELLING),
        State.CANCELLED: (State.CONFIRMED, State.CANCELLED),
        State.REFUSED: (State.HELD, State.REFUSED),
    }
    first, *others = ways[before]
    insert(db, a_booking(state=first))
    for state in others:
        db.execute("UPDATE bookings SET state = ?", (state,))

    if before is after or before.may_become(after):
        db.execute("UPDATE bookings SET state = ?", (after,))
    else:
        with pytest.raises(sqlite3.IntegrityError, match="not legal"):
            db.execute("UPDATE bookings SET state = ?", (after,))


@pytest.mark.parametrize("state", [State.CANCELLING, State.CANCELLED, State.REFUSED])
def test_a_booking_begins_held_or_confirmed(db: sqlite3.Connection, state: State) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="begins held or confirmed"):
        insert(db, a_booking(state=state))


def test_the_states_that_claim_their_time_are_those_of_the_booking(db: sqlite3.Connection) -> None:
    for hour, state in enumerate(State):
        begins = state if state is State.CONFIRMED else State.HELD
        insert(db, a_booking(f"{hour + 9:02}:00-{hour + 9:02}:30", state=begins, key=state.value))
        db.execute("UPDATE bookings SET state = ? WHERE key = ?", (state, state.value))

    live = {row["state"] for row in db.execute("SELECT state FROM bookings WHERE is_live")}
    assert live == {each.value for each in State if each.is_live}


def test_a_key_is_one_bookings_within_a_workspace(db: sqlite3.Connection) -> None:
    insert(db, a_booking("09:00-09:30", key="k"))
    insert(db, a_booking("09:00-09:30", key="k", workspace="sales"))

    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        insert(db, a_booking("10:00-10:30", key="k"))


@pytest.mark.parametrize(
    "change",
    [
        "duration = 0",
        "buffer_before = -1",
        "buffer_after = -1",
        "state = 'lost'",
        "notify = 'some'",
        "notified = 'some'",
        "ended_by = 'chance'",
        "meet = 2",
        "attempt = -1",
        "start = 'noon'",
        "title = NULL",
    ],
)
def test_values_that_no_booking_has_are_refused(db: sqlite3.Connection, change: str) -> None:
    insert(db, a_booking())

    with pytest.raises(sqlite3.IntegrityError):
        db.execute(f"UPDATE bookings SET {change}")


def test_an_entry_belongs_to_a_booking(tmp_path: Path) -> None:
    file = SqliteDatabase(tmp_path / "ledger.db")

    with pytest.raises(ValueError, match="FOREIGN KEY"), file.writing() as db:
        db.execute(
            statements.INSERT_ENTRY, {"workspace": "default", "booking": "none", "task": "put", "due_at": 0}
        )

    file.close()


@settings(max_examples=examples(100))
@given(moves=st.lists(st.tuples(st.integers(0, 9), st.sampled_from(State)), max_size=40))
def test_the_totals_are_the_counts(moves: list[tuple[int, State]]) -> None:
    with closing(built()) as db:
        for hour in range(10):
            insert(db, a_booking(f"{hour:02}:00-{hour:02}:30", key=str(hour)))
        for number, state in moves:
            try:
                db.execute("UPDATE bookings SET state = ? WHERE key = ?", (state, str(number)))
            except sqlite3.IntegrityError:
                continue
        db.execute("DELETE FROM bookings WHERE key IN ('3', '4')")

        counted = dict(map(tuple, db.execute("SELECT state, count(*) FROM bookings GROUP BY state")))
        totals = dict(map(tuple, db.execute("SELECT state, bookings FROM totals WHERE bookings > 0")))
        assert totals == counted


_PARAMETERS = dict.fromkeys(
    [
        "workspace",
        "id",
        "key",
        "start",
        "end",
        "states",
        "email",
        "now",
        "most",
        "booking",
        "first",
        "after",
        "after_start",
        "after_id",
        "has_calendar",
        "has_refusal",
        "is_narrowed",
        "touched_events",
        "touched_bookings",
        "task",
        "length",
        "lease_owner",
        "lease",
        "last_error",
        "due_at",
        "outcome_unknown",
        "state",
        "cursor",
        "before",
        "since",
        "actor",
        "whats",
        "long_ago",
        "reader",
        "expires_at",
    ],
    1,
) | {**columns_of(a_booking()), "participants": "[]"}


_STATEMENTS = {name: text for name, text in vars(statements).items() if name.isupper() and name[0] != "_"} | {
    name.upper(): text for name, text in sql.DIALECT._asdict().items() if text is not None
}
_BY_ID = "sqlite_autoindex_bookings_1 (id=?)"
_BY_NUMBER = "INTEGER PRIMARY KEY (rowid=?)"
_CLAIMS = [
    "PRIMARY KEY (participant=? AND is_new=? AND buffered_start>? AND buffered_start<?)",
    "PRIMARY KEY (participant=? AND is_new=? AND buffered_start<?)",
]
_WHERE_TO_LOOK = {
    "CLAIMS_OF_OTHERS": _CLAIMS * 2,
    "CLAIMS_IN_THE_WAY": _CLAIMS * 2,
    "MEETING_STARTS": _CLAIMS,
    "OWN_CLAIMS": [
        "claims_by_workspace (workspace=? AND buffered_start>? AND buffered_start<?)",
        "bookings_by_length (workspace=?)",
    ],
    "OFFER": ["sqlite_autoindex_offers_1 (id=?)"],
    "OFFER_UNDER_KEY": ["offers_by_key (workspace=? AND key=?)"],
    "OFFERS_WITH_PREFIX": ["sqlite_autoindex_offers_1 (id>? AND id<?)"],
    "OFFERS_IN_STATE": ["offers_by_expiry (workspace=? AND state=? AND expires_at<?)"],
    "OFFERED_TIMES": ["bookings_by_offer (offer=?)"],
    "EXTEND_OFFER": ["sqlite_autoindex_offers_1 (id=?)"],
    "END_OFFER": ["sqlite_autoindex_offers_1 (id=?)"],
    "DROP_EXPIRED_CLAIMS": ["claims_by_expiry (expires_at<?)"],
    "BOOKING": [_BY_ID],
    "BOOKINGS_WITH_PREFIX": ["sqlite_autoindex_bookings_1 (id>? AND id<?)"],
    "BOOKING_UNDER_KEY": ["bookings_by_key (workspace=? AND key=?)"],
    "LIVE_BOOKINGS_IN": [
        "bookings_by_buffered (workspace=? AND buffered_start>? AND buffered_start<?)",
        "bookings_by_length (workspace=?)",
    ],
    "MOVING_BOOKINGS_IN": ["bookings_by_new_buffered (workspace=? AND new_buffered_start<?)"],
    "SEARCH": [
        "bookings_by_start (workspace=? AND start>? AND start<?)",
        "bookings_by_length (workspace=?)",
    ],
    "SEARCH_BY_EMAIL": [
        "bookings_by_guest (workspace=? AND guest_email=? AND start>? AND start<?)",
        "bookings_by_length (workspace=?)",
    ],
    "RECORD_OUTCOME": [_BY_ID],
    "RECORD_EVENT": [_BY_ID],
    "RECORD_MOVE": [_BY_ID],
    "ADOPT_BOOKING": [_BY_ID],
    "SET_CALENDAR": [_BY_ID],
    "HISTORY": ["history_by_workspace (workspace=?)"],
    "HISTORY_SINCE": ["history_by_time (workspace=? AND at>?)"],
    "HISTORY_OF_BOOKING": ["history_by_booking (booking=?)"],
    "HISTORY_AFTER": ["history_by_workspace (workspace=? AND cursor>?)"],
    "PRUNE": [_BY_NUMBER, "history_by_time (workspace=? AND at<?)", _BY_ID],
    "READER": ["PRIMARY KEY (workspace=? AND reader=?)"],
    "LATEST": ["history_by_workspace (workspace=?)"],
    "TOTALS": ["PRIMARY KEY (workspace=?)"],
    "PRUNED": ["PRIMARY KEY (workspace=?)"],
    "RECORD_PRUNING": ["PRIMARY KEY (workspace=?)"],
    "IS_BOOKING": [_BY_ID],
    "CALENDARS_AHEAD": ["bookings_by_start (workspace=? AND start>?)", "bookings_by_length (workspace=?)"],
    "SYNC_TOKEN": ["PRIMARY KEY (workspace=? AND calendar=?)"],
    "OWED_ENTRIES": ["outbox_by_due_at (workspace=?)", "outbox_by_booking (booking=? AND id<?)"],
    "END_BOOKING": [_BY_ID],
    "ENTRY_OF_BOOKING": ["outbox_by_booking (booking=?)"],
    "DUE_ENTRIES": ["outbox_by_due_at (workspace=? AND due_at<?)", "outbox_by_booking (booking=? AND id<?)"],
    "LEASE_ENTRY": ["outbox_by_booking (booking=?)", "outbox_by_booking (booking=? AND id<?)"],
    "ENTRY_UNDER_LEASE": [_BY_NUMBER],
    "POSTPONE_ENTRY": [_BY_NUMBER],
    "CHANGE_TO_REMOVAL": [_BY_NUMBER],
    "LEASE_IN_FORCE": [_BY_NUMBER],
    "DELETE_LATER_ENTRIES": ["outbox_by_booking (booking=? AND id>?)"],
    "END_LEASE": [_BY_NUMBER],
    "DELETE_ENTRY": [_BY_NUMBER],
    "TALLY": [
        "PRIMARY KEY (workspace=? AND state=?)",
        "PRIMARY KEY (workspace=? AND state=?)",
        "outbox_by_due_at (workspace=? AND due_at<?)",
        "bookings_without_event (workspace=? AND start>?)",
    ],
}


@pytest.mark.parametrize("statement", _WHERE_TO_LOOK)
def test_every_statement_goes_straight_to_its_rows(db: sqlite3.Connection, statement: str) -> None:
    """Indexes keep a ledger of a million bookings as fast as one of a thousand; `tests/bench` measures it."""
    plan = db.execute(f"EXPLAIN QUERY PLAN {_STATEMENTS[statement]}", _PARAMETERS).fetchall()

    steps = [row["detail"] for row in plan]
    searches = [
        re.split(r" USING (?:COVERING )?(?:INDEX )?", each)[1] for each in steps if each.startswith("SEARCH")
    ]
    scans = [each for each in steps if each.startswith("SCAN") and "VIRTUAL TABLE" not in each]
    assert searches == _WHERE_TO_LOOK[statement]
    assert [each for each in scans if each != "SCAN CONSTANT ROW"] == []


def test_every_statement_is_looked_at() -> None:
    assert _STATEMENTS.keys() - _WHERE_TO_LOOK.keys() == {
        "INSERT_BOOKING",
        "INSERT_ENTRY",
        "INSERT_OFFER",
        "INSERT_LINE",
        "ALLOW_PRUNING",
        "SAVE_READER",
        # Of `ledger --check`, which reads everything.
        "WRONG_COUNTS",
        "SAVE_FIRST_SYNC_TOKEN",
        "SAVE_SYNC_TOKEN",
    }


def test_the_database_computes_the_claim_as_the_booking_does(db: sqlite3.Connection) -> None:
    booking = a_booking("09:00-09:30", buffers=(5, 10))
    insert(db, booking)

    row = db.execute("SELECT buffered_start, buffered_end, meeting_end FROM bookings").fetchone()

    assert tuple(row) == tuple(
        int(each.timestamp()) for each in (booking.buffered.start, booking.buffered.end, booking.meeting.end)
    )
    assert booking.buffered.length == timedelta(minutes=45)
