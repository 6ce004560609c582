"""How the SQLite ledger came to be what it is: numbered migrations of tables, constraints and triggers.

Instants are integer seconds since 1970 UTC, durations seconds. A migration never changes once it was released; a new
one adds. What must hold whatever any caller computed is a constraint or a trigger here.
"""

from __future__ import annotations

_FIRST = (
    # Guards and ends are computed by the database, so that no caller can store one that does not fit its booking.
    # is_live names the states in which a booking guards its time.
    """
    CREATE TABLE bookings (
        id            TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
        workspace     TEXT    NOT NULL,
        state         TEXT    NOT NULL
                      CHECK (state IN ('held', 'confirmed', 'cancelling', 'cancelled', 'refused')),
        start         INTEGER NOT NULL,
        duration      INTEGER NOT NULL CHECK (duration > 0),
        zone          TEXT    NOT NULL,
        guest_name    TEXT    NOT NULL,
        guest_email   TEXT    NOT NULL,
        title         TEXT    NOT NULL,
        link          TEXT,
        guests        TEXT    NOT NULL,
        location      TEXT    NOT NULL,
        notes         TEXT    NOT NULL,
        meet          INTEGER NOT NULL CHECK (meet IN (0, 1)),
        notify        TEXT    NOT NULL CHECK (notify IN ('all', 'external', 'none')),
        buffer_before INTEGER NOT NULL CHECK (buffer_before >= 0),
        buffer_after  INTEGER NOT NULL CHECK (buffer_after >= 0),
        created_at    INTEGER NOT NULL,
        updated_at    INTEGER NOT NULL,
        key           TEXT,
        calendar      TEXT,
        attempt       INTEGER NOT NULL CHECK (attempt >= 0),
        event_id      TEXT,
        event_url     TEXT,
        meet_url      TEXT,
        etag          TEXT,
        notified      TEXT    CHECK (notified IN ('all', 'external', 'none')),
        ended_by      TEXT    CHECK (ended_by IN ('user', 'calendar')),
        ended_because TEXT    NOT NULL,
        meeting_end   INTEGER NOT NULL AS (start + duration),
        guard_start   INTEGER NOT NULL AS (start - buffer_before),
        guard_end     INTEGER NOT NULL AS (start + duration + buffer_after),
        is_live       INTEGER NOT NULL AS (state IN ('held', 'confirmed', 'cancelling'))
    ) STRICT
    """,
    "CREATE INDEX bookings_by_guard ON bookings (workspace, guard_start, guard_end) WHERE is_live",
    "CREATE INDEX bookings_by_start ON bookings (workspace, start)",
    "CREATE INDEX bookings_by_duration ON bookings (workspace, duration)",
    "CREATE INDEX bookings_by_guest ON bookings (workspace, guest_email COLLATE NOCASE, start)",
    "CREATE INDEX bookings_without_event ON bookings (workspace, start) WHERE is_live AND event_id IS NULL",
    # A request that was refused booked nothing, so its key is free for another try.
    """
    CREATE UNIQUE INDEX bookings_by_key ON bookings (workspace, key)
    WHERE key IS NOT NULL AND state <> 'refused'
    """,
    # AUTOINCREMENT: the id of a finished errand never comes back, so that a late report cannot hit another errand.
    # lease counts the leases there were; the latest one's number is what its holder shows when it reports.
    """
    CREATE TABLE errands (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        workspace       TEXT    NOT NULL,
        booking         TEXT    NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
        task            TEXT    NOT NULL CHECK (task IN ('put', 'remove')),
        attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        due_at          INTEGER NOT NULL,
        outcome_unknown INTEGER NOT NULL DEFAULT 0 CHECK (outcome_unknown IN (0, 1)),
        last_error      TEXT,
        lease           INTEGER NOT NULL DEFAULT 0,
        leased_until    INTEGER
    ) STRICT
    """,
    "CREATE INDEX errands_by_time ON errands (workspace, due_at, id)",
    "CREATE INDEX errands_by_booking ON errands (booking, id)",
    # Counting a million bookings takes long, adding one to a number does not.
    """
    CREATE TABLE totals (
        workspace TEXT    NOT NULL,
        state     TEXT    NOT NULL,
        bookings  INTEGER NOT NULL CHECK (bookings >= 0),
        PRIMARY KEY (workspace, state)
    ) STRICT, WITHOUT ROWID
    """,
    # Guards of live bookings are disjoint, so the last one that starts before the new one's end also ends last:
    # if it does not reach into the new one, none does. One step in an index, however many bookings there are.
    """
    CREATE TRIGGER no_overlap_on_insert BEFORE INSERT ON bookings
    WHEN NEW.state IN ('held', 'confirmed', 'cancelling')
    BEGIN
        SELECT RAISE (ABORT, 'guards overlap')
        WHERE NEW.start - NEW.buffer_before < (
            SELECT guard_end FROM bookings
            WHERE workspace = NEW.workspace AND is_live
              AND guard_start < NEW.start + NEW.duration + NEW.buffer_after
            ORDER BY guard_start DESC LIMIT 1);
    END
    """,
    """
    CREATE TRIGGER no_overlap_on_update
    BEFORE UPDATE OF workspace, state, start, duration, buffer_before, buffer_after ON bookings
    WHEN NEW.state IN ('held', 'confirmed', 'cancelling')
    BEGIN
        SELECT RAISE (ABORT, 'guards overlap')
        WHERE NEW.start - NEW.buffer_before < (
            SELECT guard_end FROM bookings
            WHERE workspace = NEW.workspace AND is_live
              AND guard_start < NEW.start + NEW.duration + NEW.buffer_after AND id <> OLD.id
            ORDER BY guard_start DESC LIMIT 1);
    END
    """,
    """
    CREATE TRIGGER bookings_begin_held_or_confirmed BEFORE INSERT ON bookings
    WHEN NEW.state NOT IN ('held', 'confirmed')
    BEGIN
        SELECT RAISE (ABORT, 'a booking begins held or confirmed');
    END
    """,
    """
    CREATE TRIGGER only_legal_moves BEFORE UPDATE OF state ON bookings
    WHEN NEW.state <> OLD.state
     AND NOT (OLD.state = 'held'       AND NEW.state IN ('confirmed', 'cancelling', 'cancelled', 'refused'))
     AND NOT (OLD.state = 'confirmed'  AND NEW.state IN ('cancelling', 'cancelled'))
     AND NOT (OLD.state = 'cancelling' AND NEW.state = 'cancelled')
    BEGIN
        SELECT RAISE (ABORT, 'that move between states is not legal');
    END
    """,
    """
    CREATE TRIGGER one_more AFTER INSERT ON bookings
    BEGIN
        INSERT INTO totals (workspace, state, bookings) VALUES (NEW.workspace, NEW.state, 1)
        ON CONFLICT (workspace, state) DO UPDATE SET bookings = bookings + 1;
    END
    """,
    """
    CREATE TRIGGER another_state AFTER UPDATE OF state ON bookings
    WHEN NEW.state <> OLD.state
    BEGIN
        UPDATE totals SET bookings = bookings - 1 WHERE workspace = OLD.workspace AND state = OLD.state;
        INSERT INTO totals (workspace, state, bookings) VALUES (NEW.workspace, NEW.state, 1)
        ON CONFLICT (workspace, state) DO UPDATE SET bookings = bookings + 1;
    END
    """,
    """
    CREATE TRIGGER one_less AFTER DELETE ON bookings
    BEGIN
        UPDATE totals SET bookings = bookings - 1 WHERE workspace = OLD.workspace AND state = OLD.state;
    END
    """,
)


def _no_overlap(event: str, *, of: str) -> str:
    """The trigger that keeps both guards of a live booking off those of every other one.

    Guards of live bookings are disjoint, and so are the new guards of those that are being moved: in each row the last
    one that starts before the end of a guard also ends last. Two steps in an index for each of the two guards.
    """
    return f"""
    CREATE TRIGGER no_overlap_on_{event.lower()} BEFORE {event} {of} ON bookings
    WHEN NEW.state IN ('held', 'confirmed', 'cancelling')
    BEGIN
        SELECT RAISE (ABORT, 'guards overlap')
        WHERE NEW.start - NEW.buffer_before < {_last_end("NEW.start + NEW.duration + NEW.buffer_after")}
           OR NEW.new_start - NEW.buffer_before < {_last_end("NEW.new_start + NEW.new_duration + NEW.buffer_after")};
    END
    """


def _last_end(end: str) -> str:
    """Where the last guard of another booking that starts before `end` ends; long ago when there is none."""
    ends = (
        f"""coalesce((
            SELECT {which}guard_end FROM bookings
            WHERE workspace = NEW.workspace AND is_live {only} AND {which}guard_start < {end} AND id <> NEW.id
            ORDER BY {which}guard_start DESC LIMIT 1), -(1 << 60))"""  # noqa: S608
        for which, only in (("", ""), ("new_", "AND new_start IS NOT NULL"))
    )
    return f"max({', '.join(ends)})"


_SECOND = (
    # A booking that is being moved holds both times. It lets one of them go when Google has moved the event, or not.
    "ALTER TABLE bookings ADD COLUMN new_start INTEGER",
    """
    ALTER TABLE bookings ADD COLUMN new_duration INTEGER
    CHECK (new_duration > 0 AND (new_start IS NULL) = (new_duration IS NULL))
    """,
    # One that moved while nothing was connected knows where its event still stands; nobody holds that time for it.
    "ALTER TABLE bookings ADD COLUMN old_start INTEGER",
    """
    ALTER TABLE bookings ADD COLUMN old_duration INTEGER
    CHECK (old_duration > 0 AND (old_start IS NULL) = (old_duration IS NULL))
    """,
    "ALTER TABLE bookings ADD COLUMN moved_because TEXT NOT NULL DEFAULT ''",
    # The columns of the wish as it was first made, as JSON, once it is another.
    "ALTER TABLE bookings ADD COLUMN asked TEXT",
    "ALTER TABLE bookings ADD COLUMN new_guard_start INTEGER AS (new_start - buffer_before)",
    "ALTER TABLE bookings ADD COLUMN new_guard_end INTEGER AS (new_start + new_duration + buffer_after)",
    """
    CREATE INDEX bookings_by_new_guard ON bookings (workspace, new_guard_start, new_guard_end)
    WHERE is_live AND new_start IS NOT NULL
    """,
    "DROP TRIGGER no_overlap_on_insert",
    "DROP TRIGGER no_overlap_on_update",
    _no_overlap("INSERT", of=""),
    _no_overlap(
        "UPDATE",
        of="OF workspace, state, start, duration, buffer_before, buffer_after, new_start, new_duration",
    ),
    # SQLite cannot change a CHECK (https://sqlite.org/lang_altertable.html section 7): the table is made anew, and
    # goes on counting where the old one was.
    """
    CREATE TABLE errands_anew (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        workspace       TEXT    NOT NULL,
        booking         TEXT    NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
        task            TEXT    NOT NULL CHECK (task IN ('put', 'move', 'remove')),
        attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        due_at          INTEGER NOT NULL,
        outcome_unknown INTEGER NOT NULL DEFAULT 0 CHECK (outcome_unknown IN (0, 1)),
        last_error      TEXT,
        lease           INTEGER NOT NULL DEFAULT 0,
        leased_until    INTEGER
    ) STRICT
    """,
    "INSERT INTO errands_anew SELECT * FROM errands",
    "DELETE FROM sqlite_sequence WHERE name = 'errands_anew'",
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'errands_anew', seq FROM sqlite_sequence WHERE name = 'errands'",
    "DROP TABLE errands",
    "ALTER TABLE errands_anew RENAME TO errands",
    "CREATE INDEX errands_by_time ON errands (workspace, due_at, id)",
    "CREATE INDEX errands_by_booking ON errands (booking, id)",
)

_THIRD = (
    "ALTER TABLE bookings ADD COLUMN declined TEXT NOT NULL DEFAULT '[]'",
    # Up to where the changes of a calendar's events were read and recorded.
    """
    CREATE TABLE sync_tokens (
        workspace TEXT NOT NULL,
        calendar  TEXT NOT NULL,
        token     TEXT NOT NULL,
        PRIMARY KEY (workspace, calendar)
    ) STRICT, WITHOUT ROWID
    """,
)

# The sign of life of the process that has the lease (life_signs.py).
_FOURTH = ("ALTER TABLE errands ADD COLUMN owner TEXT",)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD, _FOURTH)
"""What takes a ledger from version n to n + 1, by n."""
