"""All SQL of the SQLite ledger: the numbered migrations and the named statements.

Instants are integer seconds since 1970 UTC, durations seconds. A migration never changes once it was released; a new
one adds. What must hold whatever any caller computed is a constraint or a trigger here.
"""

from __future__ import annotations

APPLICATION_ID = 0x706F7274
"""Tells our ledger from the databases of other programs (`PRAGMA application_id`): "port" in ASCII."""

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

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST,)
"""What takes a ledger from version n to n + 1, by n."""

VERSION = len(MIGRATIONS)
"""The version this program reads and writes (`PRAGMA user_version`)."""


# --- bookings -------------------------------------------------------------------------------------------------

INSERT_BOOKING = """
    INSERT INTO bookings (
        id, workspace, state, start, duration, zone, guest_name, guest_email, title, link, guests, location, notes,
        meet, notify, buffer_before, buffer_after, created_at, updated_at, key, calendar, attempt, event_id, event_url,
        meet_url, etag, notified, ended_by, ended_because
    ) VALUES (
        :id, :workspace, :state, :start, :duration, :zone, :guest_name, :guest_email, :title, :link, :guests,
        :location, :notes, :meet, :notify, :buffer_before, :buffer_after, :created_at, :updated_at, :key, :calendar,
        :attempt, :event_id, :event_url, :meet_url, :etag, :notified, :ended_by, :ended_because
    )
"""

BOOKING = "SELECT * FROM bookings WHERE id = :id AND workspace = :workspace"

# Two are enough to know that a prefix is not the beginning of one id alone. The plus keeps SQLite from reading all
# of a workspace by another index: it takes an equality for more selective than a range.
BOOKINGS_WITH_PREFIX = """
    SELECT * FROM bookings WHERE id >= :first AND id < :after AND +workspace = :workspace LIMIT 2
"""

BOOKING_UNDER_KEY = """
    SELECT * FROM bookings WHERE workspace = :workspace AND key = :key AND state <> 'refused'
"""

# The guard that begins last before the window may reach into it; all others that do begin inside.
LIVE_BOOKINGS_IN = """
    SELECT * FROM bookings
    WHERE workspace = :workspace AND is_live AND guard_start < :end AND guard_end > :start
      AND guard_start >= coalesce((
            SELECT guard_start FROM bookings
            WHERE workspace = :workspace AND is_live AND guard_start <= :start
            ORDER BY guard_start DESC LIMIT 1), :start)
    ORDER BY guard_start
"""

# Meetings of any state may overlap; none that begins earlier than the longest one lasts can reach into the window.
_SEARCH = """
    SELECT * FROM bookings
    WHERE workspace = :workspace AND meeting_end > :start AND start < :end
      AND start > :start - (SELECT coalesce(max(duration), 0) FROM bookings WHERE workspace = :workspace)
      AND state IN (SELECT value FROM json_each(:states))
"""
SEARCH = f"{_SEARCH} ORDER BY start, id"
SEARCH_BY_EMAIL = f"{_SEARCH} AND guest_email = :email COLLATE NOCASE ORDER BY start, id"

RECORD_OUTCOME = """
    UPDATE bookings SET
        state = :state, calendar = :calendar, attempt = :attempt, event_id = :event_id, event_url = :event_url,
        meet_url = :meet_url, etag = :etag, notified = :notified, ended_by = :ended_by,
        ended_because = :ended_because, updated_at = :updated_at
    WHERE id = :id AND workspace = :workspace
"""

RECORD_EVENT = """
    UPDATE bookings SET
        attempt = :attempt, event_id = :event_id, event_url = :event_url, meet_url = :meet_url, etag = :etag,
        notified = :notified, updated_at = :updated_at
    WHERE id = :id AND workspace = :workspace
"""

END_BOOKING = """
    UPDATE bookings SET
        state = :state, notify = :notify, ended_by = :ended_by, ended_because = :ended_because,
        updated_at = :updated_at
    WHERE id = :id AND workspace = :workspace
"""


# --- errands --------------------------------------------------------------------------------------------------

INSERT_ERRAND = """
    INSERT INTO errands (workspace, booking, task, due_at) VALUES (:workspace, :booking, :task, :due_at)
"""

ERRAND_OF_BOOKING = """
    SELECT * FROM errands WHERE booking = :booking AND workspace = :workspace ORDER BY id LIMIT 1
"""

_FREE_AT_NOW = """
    workspace = :workspace AND (leased_until IS NULL OR leased_until <= :now)
      AND NOT EXISTS (
            SELECT 1 FROM errands AS earlier WHERE earlier.booking = errands.booking AND earlier.id < errands.id)
"""
DUE_ERRANDS = f"SELECT * FROM errands WHERE due_at <= :now AND {_FREE_AT_NOW} ORDER BY due_at, id LIMIT :most"  # noqa: S608

# Of two processes the second finds the lease taken, since the first one's transaction is over by then.
LEASE_ERRAND = f"""
    UPDATE errands SET attempts = attempts + 1, lease = lease + 1, leased_until = :until
    WHERE id = :id AND task = :task AND {_FREE_AT_NOW}
    RETURNING *
"""  # noqa: S608

ERRAND_UNDER_LEASE = """
    SELECT * FROM errands WHERE id = :id AND workspace = :workspace AND lease = :lease
"""

POSTPONE_ERRAND = """
    UPDATE errands SET
        leased_until = NULL, last_error = :why,
        due_at = CASE task WHEN :task THEN :due_at ELSE due_at END,
        outcome_unknown = :outcome_unknown
    WHERE id = :id AND workspace = :workspace AND lease = :lease
"""

# The lease stays: whoever is at the put right now comes to its end before the event is looked for.
TURN_INTO_REMOVAL = """
    UPDATE errands SET task = 'remove', attempts = 0, due_at = :now WHERE id = :id
"""

END_LEASE = "UPDATE errands SET leased_until = NULL WHERE id = :id"

DELETE_ERRAND = "DELETE FROM errands WHERE id = :id"


# --- counts and checks ----------------------------------------------------------------------------------------

TALLY = """
    SELECT
        (SELECT coalesce(sum(bookings), 0) FROM totals
         WHERE workspace = :workspace AND state IN ('held', 'confirmed', 'cancelling')) AS live,
        (SELECT coalesce(sum(bookings), 0) FROM totals
         WHERE workspace = :workspace AND state = 'held') AS held,
        (SELECT count(*) FROM errands
         WHERE workspace = :workspace AND due_at <= :now
           AND (leased_until IS NULL OR leased_until <= :now)) AS overdue,
        (SELECT count(*) FROM bookings
         WHERE workspace = :workspace AND is_live AND event_id IS NULL AND start >= :now) AS without_event
"""

OVERLAPPING = """
    SELECT id FROM (
        SELECT id, guard_start, lag(guard_end) OVER (PARTITION BY workspace ORDER BY guard_start) AS before
        FROM bookings WHERE is_live)
    WHERE guard_start < before LIMIT 1
"""
