"""The tables and indexes of the ledger, which are the same in both databases but for the names of types.

Instants are integer seconds since 1970 UTC, durations are seconds. A released migration never changes; a change of the
schema is a new migration. Invariants are constraints and triggers, so that no caller can break them; the triggers are in
each database's own module.
"""

from __future__ import annotations

from string import Template


def tables(**types: str) -> tuple[str, ...]:
    """Return the statements that create the tables and indexes.

    `types`: SQL for `id`, `integer`, `number` (a primary key that is never used again), `boolean`, `computed` and `stored`
    (before and after the expression of a computed column), `table` and `keyed_table` (what ends a statement).
    """
    return tuple(Template(statement).substitute(types) for statement in _TABLES)


_TABLES = (
    # Several times held for one guest, each a row of `bookings` with this offer. request: what was asked for, as JSON.
    """
    CREATE TABLE offers (
        id         $id NOT NULL PRIMARY KEY CHECK (length(id) = 36),
        workspace  TEXT NOT NULL,
        state      TEXT NOT NULL CHECK (state IN ('open', 'taken', 'expired', 'released')),
        expires_at $integer NOT NULL,
        key        TEXT,
        request    TEXT NOT NULL,
        booking    $id,
        created_at $integer NOT NULL,
        updated_at $integer NOT NULL
    ) $table
    """,
    "CREATE INDEX offers_by_expiry ON offers (workspace, state, expires_at)",
    "CREATE UNIQUE INDEX offers_by_key ON offers (workspace, key) WHERE key IS NOT NULL",
    # Ends and buffered times are computed by the database, so that no caller can store one that does not fit.
    # new_*: where a booking is being moved to; it holds both times until Google has moved the event, or refused to.
    # old_*: where the event of a booking that moved while disconnected still stands; that time is held by nobody.
    # original_request: the columns of the request as it was first made, as JSON, once the booking differs from it.
    # is_live: the states in which a booking holds its time.
    # participants: people and the room, as JSON. claimants: the keys that claim the time, as JSON; NULL: the owner alone.
    # offer: the offer of which this is one time, which is no booking yet.
    # people: whom the booking takes besides those of its link, as it was asked for, as JSON.
    # new_participants, new_claimants: of the time it is moving to, which may be the present one; NULL: the same.
    """
    CREATE TABLE bookings (
        id                 $id NOT NULL PRIMARY KEY CHECK (length(id) = 36),
        workspace          TEXT NOT NULL,
        state              TEXT NOT NULL
                           CHECK (state IN ('held', 'confirmed', 'cancelling', 'cancelled', 'refused')),
        start              $integer NOT NULL,
        duration           $integer NOT NULL CHECK (duration > 0),
        zone               TEXT NOT NULL,
        guest_name         TEXT NOT NULL,
        guest_email        TEXT NOT NULL,
        title              TEXT NOT NULL,
        link               TEXT,
        guests             TEXT NOT NULL,
        location           TEXT NOT NULL,
        notes              TEXT NOT NULL,
        meet               INTEGER NOT NULL CHECK (meet IN (0, 1)),
        notify             TEXT NOT NULL CHECK (notify IN ('all', 'external', 'none')),
        buffer_before      $integer NOT NULL CHECK (buffer_before >= 0),
        buffer_after       $integer NOT NULL CHECK (buffer_after >= 0),
        created_at         $integer NOT NULL,
        updated_at         $integer NOT NULL,
        key                TEXT,
        calendar           TEXT,
        attempt            INTEGER NOT NULL CHECK (attempt >= 0),
        event_id           TEXT,
        event_url          TEXT,
        meet_url           TEXT,
        etag               TEXT,
        notified           TEXT CHECK (notified IN ('all', 'external', 'none')),
        ended_by           TEXT CHECK (ended_by IN ('user', 'calendar')),
        ended_because      TEXT NOT NULL,
        new_start          $integer,
        new_duration       $integer CHECK (new_duration > 0),
        old_start          $integer,
        old_duration       $integer CHECK (old_duration > 0),
        moved_because      TEXT NOT NULL DEFAULT '',
        original_request   TEXT,
        declined           TEXT NOT NULL DEFAULT '[]',
        meeting_end        $integer NOT NULL $computed (start + duration) $stored,
        buffered_start     $integer NOT NULL $computed (start - buffer_before) $stored,
        buffered_end       $integer NOT NULL $computed (start + duration + buffer_after) $stored,
        new_buffered_start $integer $computed (new_start - buffer_before) $stored,
        new_buffered_end   $integer $computed (new_start + new_duration + buffer_after) $stored,
        is_live            $boolean NOT NULL $computed (state IN ('held', 'confirmed', 'cancelling')) $stored,
        participants       TEXT NOT NULL DEFAULT '[]',
        claimants          TEXT,
        offer              $id REFERENCES offers (id),
        people             TEXT NOT NULL DEFAULT '{}',
        new_participants   TEXT,
        new_claimants      TEXT,
        CHECK ((new_start IS NULL) = (new_duration IS NULL)),
        CHECK ((old_start IS NULL) = (old_duration IS NULL))
    ) $table
    """,
    "CREATE INDEX bookings_by_buffered ON bookings (workspace, buffered_start, buffered_end) WHERE is_live",
    """
    CREATE INDEX bookings_by_new_buffered ON bookings (workspace, new_buffered_start, new_buffered_end)
    WHERE is_live AND new_start IS NOT NULL
    """,
    "CREATE INDEX bookings_by_start ON bookings (workspace, start)",
    "CREATE INDEX bookings_without_event ON bookings (workspace, start) WHERE is_live AND event_id IS NULL",
    "CREATE INDEX bookings_by_offer ON bookings (offer, start) WHERE offer IS NOT NULL",
    # A refused request booked nothing, so its key may be used again.
    """
    CREATE UNIQUE INDEX bookings_by_key ON bookings (workspace, key)
    WHERE key IS NOT NULL AND state <> 'refused'
    """,
    # The time that a live booking, an offered time or a move holds of each participant, written by triggers only.
    # is_new: of where a booking is moving to. expires_at: of an offer; from then on the claim holds nothing.
    """
    CREATE TABLE claims (
        participant    $id NOT NULL,
        is_new         INTEGER NOT NULL CHECK (is_new IN (0, 1)),
        buffered_start $integer NOT NULL,
        buffered_end   $integer NOT NULL,
        meeting_start  $integer NOT NULL,
        meeting_end    $integer NOT NULL,
        booking        $id NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
        workspace      TEXT NOT NULL,
        link           TEXT,
        offer          $id,
        expires_at     $integer,
        CHECK ((offer IS NULL) = (expires_at IS NULL)),
        PRIMARY KEY (participant, is_new, buffered_start, booking)
    ) $keyed_table
    """,
    "CREATE INDEX claims_by_booking ON claims (booking)",
    "CREATE INDEX claims_by_workspace ON claims (workspace, buffered_start)",
    "CREATE INDEX claims_by_expiry ON claims (expires_at) WHERE expires_at IS NOT NULL",
    # The id of a finished entry is never reused, so that a late report cannot hit another entry.
    # lease counts the leases of an entry; a holder reports under its number, and only the latest one counts.
    # lease_owner: the process that holds the lease.
    """
    CREATE TABLE outbox (
        id              $number,
        workspace       TEXT NOT NULL,
        booking         $id NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
        task            TEXT NOT NULL CHECK (task IN ('put', 'move', 'remove')),
        attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        due_at          $integer NOT NULL,
        outcome_unknown INTEGER NOT NULL DEFAULT 0 CHECK (outcome_unknown IN (0, 1)),
        last_error      TEXT,
        lease           INTEGER NOT NULL DEFAULT 0,
        leased_until    $integer,
        lease_owner     TEXT
    ) $table
    """,
    "CREATE INDEX outbox_by_due_at ON outbox (workspace, due_at, id)",
    "CREATE INDEX outbox_by_booking ON outbox (booking, id)",
    # The point up to which a calendar's changes were read and recorded.
    """
    CREATE TABLE sync_tokens (
        workspace TEXT NOT NULL,
        calendar  TEXT NOT NULL,
        token     TEXT NOT NULL,
        PRIMARY KEY (workspace, calendar)
    ) $keyed_table
    """,
    # Counting a million bookings is slow, so triggers keep the count of each state. An offered time is not counted: it is
    # no booking yet.
    """
    CREATE TABLE totals (
        workspace TEXT NOT NULL,
        state     TEXT NOT NULL,
        bookings  INTEGER NOT NULL CHECK (bookings >= 0),
        PRIMARY KEY (workspace, state)
    ) $keyed_table
    """,
    # A cursor is never used again, also after the latest lines were pruned, and cursors are in the order of the commits:
    # they are given out while the writer has its turn. old, new: the facts that differ, as JSON.
    """
    CREATE TABLE history (
        cursor    $number,
        workspace TEXT NOT NULL,
        booking   $id NOT NULL,
        at        $integer NOT NULL,
        what      TEXT NOT NULL CHECK (what IN (
                      'held', 'confirmed', 'moved', 'reassigned', 'cancelled', 'refused', 'declined', 'renamed',
                      'offered', 'expired', 'delivered')),
        cause     TEXT NOT NULL CHECK (cause IN ('command', 'calendar', 'guest', 'expiry')),
        actor     TEXT NOT NULL,
        host      TEXT NOT NULL,
        command   TEXT NOT NULL,
        old       TEXT NOT NULL,
        new       TEXT NOT NULL
    ) $table
    """,
    "CREATE INDEX history_by_booking ON history (booking, cursor)",
    "CREATE INDEX history_by_workspace ON history (workspace, cursor)",
    "CREATE INDEX history_by_time ON history (workspace, at)",
    # Up to where a reader, such as the hook of `sync`, was handed the changes.
    """
    CREATE TABLE history_readers (
        workspace TEXT NOT NULL,
        reader    TEXT NOT NULL,
        cursor    $integer NOT NULL,
        PRIMARY KEY (workspace, reader)
    ) $keyed_table
    """,
    # Up to where the history was pruned, and before which time lines may be deleted.
    """
    CREATE TABLE history_pruned (
        workspace TEXT NOT NULL PRIMARY KEY,
        before    $integer NOT NULL,
        cursor    $integer NOT NULL
    ) $keyed_table
    """,
)
