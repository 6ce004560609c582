"""The SQLite ledger's schema as numbered migrations, and the statements that only SQLite understands.

Instants are integer seconds since 1970 UTC, durations are seconds. A released migration never changes; a change of the
schema is a new migration. Invariants are constraints and triggers here, so that no caller can break them.
"""

from __future__ import annotations

from portalcal.adapters.ledger.sql import Dialect, claims_in_the_way, claims_of_others, meeting_starts

APPLICATION_ID = 0x7063616C
"""`PRAGMA application_id` of a ledger: "pcal" in ASCII."""


MOVED_APPLICATION_ID = 0x7063616D
"""The same of a ledger whose place another one took."""


MARK_MOVED = (
    "CREATE TABLE moved (target TEXT NOT NULL) STRICT",
    "INSERT INTO moved (target) VALUES (:target)",
    f"PRAGMA application_id = {MOVED_APPLICATION_ID}",
)


UNRELEASED_APPLICATION_ID = 0x706F7274
"""The application id of the schemas before 0.1.0, which no release reads."""


_NO_BOOKING = "-(1 << 60)"
"""The end where there is no other booking: before every start."""


def _last_end(end: str) -> str:
    """Return the SQL for the latest end among other live bookings' buffered times that start before `end`."""
    ends = (
        f"""coalesce((
            SELECT {prefix}buffered_end FROM bookings
            WHERE workspace = NEW.workspace AND is_live {only} AND {prefix}buffered_start < {end} AND id <> NEW.id
            ORDER BY {prefix}buffered_start DESC LIMIT 1), {_NO_BOOKING})"""  # noqa: S608
        for prefix, only in (("", ""), ("new_", "AND new_start IS NOT NULL"))
    )
    return f"max({', '.join(ends)})"


def _no_overlap(event: str, *, of: str) -> str:
    """Return the trigger that refuses a live booking whose present or new buffered time overlaps another booking's.

    Buffered times of live bookings are disjoint, and so are the new ones of those being moved. Of each set, the last
    one that starts before a given end therefore also ends last: two index look-ups for each time, however many bookings
    there are.
    """
    return f"""
    CREATE TRIGGER no_overlap_on_{event.lower()} BEFORE {event} {of} ON bookings
    WHEN NEW.state IN ('held', 'confirmed', 'cancelling')
    BEGIN
        SELECT RAISE (ABORT, 'bookings overlap')
        WHERE NEW.start - NEW.buffer_before < {_last_end("NEW.start + NEW.duration + NEW.buffer_after")}
           OR NEW.new_start - NEW.buffer_before < {_last_end("NEW.new_start + NEW.new_duration + NEW.buffer_after")};
    END
    """


_FIRST = (
    # Ends and buffered times are computed by the database, so that no caller can store one that does not fit.
    # new_*: where a booking is being moved to; it holds both times until Google has moved the event, or refused to.
    # old_*: where the event of a booking that moved while disconnected still stands; that time is held by nobody.
    # original_request: the columns of the request as it was first made, as JSON, once the booking differs from it.
    # is_live: the states in which a booking holds its time.
    """
    CREATE TABLE bookings (
        id                 TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
        workspace          TEXT    NOT NULL,
        state              TEXT    NOT NULL
                           CHECK (state IN ('held', 'confirmed', 'cancelling', 'cancelled', 'refused')),
        start              INTEGER NOT NULL,
        duration           INTEGER NOT NULL CHECK (duration > 0),
        zone               TEXT    NOT NULL,
        guest_name         TEXT    NOT NULL,
        guest_email        TEXT    NOT NULL,
        title              TEXT    NOT NULL,
        link               TEXT,
        guests             TEXT    NOT NULL,
        location           TEXT    NOT NULL,
        notes              TEXT    NOT NULL,
        meet               INTEGER NOT NULL CHECK (meet IN (0, 1)),
        notify             TEXT    NOT NULL CHECK (notify IN ('all', 'external', 'none')),
        buffer_before      INTEGER NOT NULL CHECK (buffer_before >= 0),
        buffer_after       INTEGER NOT NULL CHECK (buffer_after >= 0),
        created_at         INTEGER NOT NULL,
        updated_at         INTEGER NOT NULL,
        key                TEXT,
        calendar           TEXT,
        attempt            INTEGER NOT NULL CHECK (attempt >= 0),
        event_id           TEXT,
        event_url          TEXT,
        meet_url           TEXT,
        etag               TEXT,
        notified           TEXT    CHECK (notified IN ('all', 'external', 'none')),
        ended_by           TEXT    CHECK (ended_by IN ('user', 'calendar')),
        ended_because      TEXT    NOT NULL,
        new_start          INTEGER,
        new_duration       INTEGER CHECK (new_duration > 0),
        old_start          INTEGER,
        old_duration       INTEGER CHECK (old_duration > 0),
        moved_because      TEXT    NOT NULL DEFAULT '',
        original_request   TEXT,
        declined           TEXT    NOT NULL DEFAULT '[]',
        meeting_end        INTEGER NOT NULL AS (start + duration),
        buffered_start     INTEGER NOT NULL AS (start - buffer_before),
        buffered_end       INTEGER NOT NULL AS (start + duration + buffer_after),
        new_buffered_start INTEGER AS (new_start - buffer_before),
        new_buffered_end   INTEGER AS (new_start + new_duration + buffer_after),
        is_live            INTEGER NOT NULL AS (state IN ('held', 'confirmed', 'cancelling')),
        CHECK ((new_start IS NULL) = (new_duration IS NULL)),
        CHECK ((old_start IS NULL) = (old_duration IS NULL))
    ) STRICT
    """,
    "CREATE INDEX bookings_by_buffered ON bookings (workspace, buffered_start, buffered_end) WHERE is_live",
    """
    CREATE INDEX bookings_by_new_buffered ON bookings (workspace, new_buffered_start, new_buffered_end)
    WHERE is_live AND new_start IS NOT NULL
    """,
    "CREATE INDEX bookings_by_start ON bookings (workspace, start)",
    "CREATE INDEX bookings_by_duration ON bookings (workspace, duration)",
    "CREATE INDEX bookings_by_guest ON bookings (workspace, guest_email COLLATE NOCASE, start)",
    "CREATE INDEX bookings_without_event ON bookings (workspace, start) WHERE is_live AND event_id IS NULL",
    # A refused request booked nothing, so its key may be used again.
    """
    CREATE UNIQUE INDEX bookings_by_key ON bookings (workspace, key)
    WHERE key IS NOT NULL AND state <> 'refused'
    """,
    # AUTOINCREMENT: the id of a finished entry is never reused, so that a late report cannot hit another entry.
    # lease counts the leases of an entry; a holder reports under its number, and only the latest one counts.
    # lease_owner: the process lock of the process that holds the lease.
    """
    CREATE TABLE outbox (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        workspace       TEXT    NOT NULL,
        booking         TEXT    NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
        task            TEXT    NOT NULL CHECK (task IN ('put', 'move', 'remove')),
        attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        due_at          INTEGER NOT NULL,
        outcome_unknown INTEGER NOT NULL DEFAULT 0 CHECK (outcome_unknown IN (0, 1)),
        last_error      TEXT,
        lease           INTEGER NOT NULL DEFAULT 0,
        leased_until    INTEGER,
        lease_owner     TEXT
    ) STRICT
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
    ) STRICT, WITHOUT ROWID
    """,
    # Counting a million bookings is slow, so triggers keep the count of each state.
    """
    CREATE TABLE totals (
        workspace TEXT    NOT NULL,
        state     TEXT    NOT NULL,
        bookings  INTEGER NOT NULL CHECK (bookings >= 0),
        PRIMARY KEY (workspace, state)
    ) STRICT, WITHOUT ROWID
    """,
    _no_overlap("INSERT", of=""),
    _no_overlap(
        "UPDATE",
        of="OF workspace, state, start, duration, buffer_before, buffer_after, new_start, new_duration",
    ),
    """
    CREATE TRIGGER legal_first_state BEFORE INSERT ON bookings
    WHEN NEW.state NOT IN ('held', 'confirmed')
    BEGIN
        SELECT RAISE (ABORT, 'a booking begins held or confirmed');
    END
    """,
    """
    CREATE TRIGGER legal_transitions BEFORE UPDATE OF state ON bookings
    WHEN NEW.state <> OLD.state
     AND NOT (OLD.state = 'held'       AND NEW.state IN ('confirmed', 'cancelling', 'cancelled', 'refused'))
     AND NOT (OLD.state = 'confirmed'  AND NEW.state IN ('cancelling', 'cancelled'))
     AND NOT (OLD.state = 'cancelling' AND NEW.state = 'cancelled')
    BEGIN
        SELECT RAISE (ABORT, 'that transition between states is not legal');
    END
    """,
    """
    CREATE TRIGGER count_inserted AFTER INSERT ON bookings
    BEGIN
        INSERT INTO totals (workspace, state, bookings) VALUES (NEW.workspace, NEW.state, 1)
        ON CONFLICT (workspace, state) DO UPDATE SET bookings = bookings + 1;
    END
    """,
    """
    CREATE TRIGGER count_transition AFTER UPDATE OF state ON bookings
    WHEN NEW.state <> OLD.state
    BEGIN
        UPDATE totals SET bookings = bookings - 1 WHERE workspace = OLD.workspace AND state = OLD.state;
        INSERT INTO totals (workspace, state, bookings) VALUES (NEW.workspace, NEW.state, 1)
        ON CONFLICT (workspace, state) DO UPDATE SET bookings = bookings + 1;
    END
    """,
    """
    CREATE TRIGGER count_deleted AFTER DELETE ON bookings
    BEGIN
        UPDATE totals SET bookings = bookings - 1 WHERE workspace = OLD.workspace AND state = OLD.state;
    END
    """,
)


_HISTORY = (
    # AUTOINCREMENT: a cursor is never used again, also after the latest lines were pruned.
    # old, new: the facts that differ, as JSON.
    """
    CREATE TABLE history (
        cursor    INTEGER PRIMARY KEY AUTOINCREMENT,
        workspace TEXT    NOT NULL,
        booking   TEXT    NOT NULL,
        at        INTEGER NOT NULL,
        what      TEXT    NOT NULL CHECK (what IN (
                      'held', 'confirmed', 'moved', 'reassigned', 'cancelled', 'refused', 'declined', 'renamed',
                      'offered', 'expired', 'delivered')),
        cause     TEXT    NOT NULL CHECK (cause IN ('command', 'calendar', 'guest', 'expiry')),
        actor     TEXT    NOT NULL,
        host      TEXT    NOT NULL,
        command   TEXT    NOT NULL,
        old       TEXT    NOT NULL,
        new       TEXT    NOT NULL
    ) STRICT
    """,
    "CREATE INDEX history_by_booking ON history (booking, cursor)",
    "CREATE INDEX history_by_workspace ON history (workspace, cursor)",
    "CREATE INDEX history_by_time ON history (workspace, at)",
    # Up to where a reader, such as the hook of `sync`, was handed the changes.
    """
    CREATE TABLE history_readers (
        workspace TEXT    NOT NULL,
        reader    TEXT    NOT NULL,
        cursor    INTEGER NOT NULL,
        PRIMARY KEY (workspace, reader)
    ) STRICT, WITHOUT ROWID
    """,
    # Up to where the history was pruned, and before which time lines may be deleted.
    """
    CREATE TABLE history_pruned (
        workspace TEXT    NOT NULL PRIMARY KEY,
        before    INTEGER NOT NULL,
        cursor    INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TRIGGER history_is_kept BEFORE UPDATE ON history
    BEGIN
        SELECT RAISE (ABORT, 'the history is never changed');
    END
    """,
    """
    CREATE TRIGGER history_is_pruned BEFORE DELETE ON history
    WHEN OLD.at >= coalesce((SELECT before FROM history_pruned WHERE workspace = OLD.workspace), OLD.at)
    BEGIN
        SELECT RAISE (ABORT, 'the history is never deleted, only pruned');
    END
    """,
)


_LIVE = "IN ('held', 'confirmed', 'cancelling')"


def _claims_of(booking: str, *, newcomers: str = "NULL") -> tuple[str, str]:
    """Return the SQL that inserts the claims of a live booking's row: of its time, and of where it is moving to.

    `newcomers`: the column with the claimants of the latter, if those are not the same.
    """
    # A name of a workspace needs no escape in JSON. json_array() may not be used in a trigger of an untrusted schema.
    owner = f"""'["workspace:' || {booking}.workspace || '"]'"""
    present_ones = f"json_each(coalesce({booking}.claimants, {owner}))"
    new_ones = f"json_each(coalesce({newcomers}, {booking}.claimants, {owner}))"
    inserts = (
        f"""
        INSERT INTO claims (participant, is_new, buffered_start, buffered_end, meeting_start, meeting_end, booking,
                            workspace, link, offer, expires_at)
        SELECT claimant.value, {is_new}, {booking}.{new}start - {booking}.buffer_before,
               {booking}.{new}start + {booking}.{new}duration + {booking}.buffer_after,
               {booking}.{new}start, {booking}.{new}start + {booking}.{new}duration, {booking}.id,
               {booking}.workspace, {booking}.link, {booking}.offer,
               (SELECT expires_at FROM offers WHERE id = {booking}.offer)
        FROM {"" if booking == "NEW" else "bookings CROSS JOIN"} {claimants} AS claimant
        WHERE {booking}.state {_LIVE}{is_moving}"""  # noqa: S608 - constants
        for is_new, new, claimants, is_moving in (
            (0, "", present_ones, ""),
            (1, "new_", new_ones, f" AND {booking}.new_start IS NOT NULL"),
        )
    )
    present, new = inserts
    return present, new


def _last_claim_end(is_new: int) -> str:
    """Return the SQL for the latest end among other bookings' claims of the participant that start before a claim ends."""
    return f"""coalesce((
            SELECT buffered_end FROM claims
            WHERE participant = NEW.participant AND is_new = {is_new} AND buffered_start < NEW.buffered_end
              AND booking <> NEW.booking
            ORDER BY buffered_start DESC LIMIT 1), {_NO_BOOKING})"""  # noqa: S608 - constants


_CLAIMS = (
    # Several times held for one guest, each a row of `bookings` with this offer. request: what was asked for, as JSON.
    """
    CREATE TABLE offers (
        id         TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
        workspace  TEXT    NOT NULL,
        state      TEXT    NOT NULL CHECK (state IN ('open', 'taken', 'expired', 'released')),
        expires_at INTEGER NOT NULL,
        key        TEXT,
        request    TEXT    NOT NULL,
        booking    TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX offers_by_expiry ON offers (workspace, state, expires_at)",
    "CREATE UNIQUE INDEX offers_by_key ON offers (workspace, key) WHERE key IS NOT NULL",
    # participants: people and the room, as JSON. claimants: the keys that claim the time, as JSON; NULL: the owner alone.
    # offer: the offer of which this is one time, which is no booking yet.
    "ALTER TABLE bookings ADD COLUMN participants TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE bookings ADD COLUMN claimants TEXT",
    "ALTER TABLE bookings ADD COLUMN offer TEXT REFERENCES offers (id)",
    "CREATE INDEX bookings_by_offer ON bookings (offer, start) WHERE offer IS NOT NULL",
    # Live bookings of a workspace may overlap where they have nobody in common, so the longest one bounds a search.
    "DROP INDEX bookings_by_duration",
    "CREATE INDEX bookings_by_length ON bookings (workspace, duration + buffer_before + buffer_after)",
    # The time that a live booking, an offered time or a move holds of each participant, written by triggers only.
    # is_new: of where a booking is moving to. expires_at: of an offer; from then on the claim holds nothing.
    """
    CREATE TABLE claims (
        participant    TEXT    NOT NULL,
        is_new         INTEGER NOT NULL CHECK (is_new IN (0, 1)),
        buffered_start INTEGER NOT NULL,
        buffered_end   INTEGER NOT NULL,
        meeting_start  INTEGER NOT NULL,
        meeting_end    INTEGER NOT NULL,
        booking        TEXT    NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
        workspace      TEXT    NOT NULL,
        link           TEXT,
        offer          TEXT,
        expires_at     INTEGER,
        CHECK ((offer IS NULL) = (expires_at IS NULL)),
        PRIMARY KEY (participant, is_new, buffered_start, booking)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX claims_by_booking ON claims (booking)",
    "CREATE INDEX claims_by_workspace ON claims (workspace, buffered_start)",
    "CREATE INDEX claims_by_expiry ON claims (expires_at) WHERE expires_at IS NOT NULL",
    *_claims_of("bookings"),
    "DROP TRIGGER no_overlap_on_insert",
    "DROP TRIGGER no_overlap_on_update",
    # Claims of one participant are disjoint, whichever workspace made them, apart from the two times of a booking that
    # is being moved. Of the present ones, and of the new ones, the last that starts before a given end therefore also
    # ends last: two index look-ups for each claim, however many there are.
    f"""
    CREATE TRIGGER no_overlap BEFORE INSERT ON claims
    BEGIN
        SELECT RAISE (ABORT, 'claims overlap')
        WHERE NEW.buffered_start < max({_last_claim_end(0)}, {_last_claim_end(1)});
    END
    """,
    """
    CREATE TRIGGER no_change BEFORE UPDATE OF participant, is_new, buffered_start, buffered_end, booking ON claims
    BEGIN
        SELECT RAISE (ABORT, 'a claim is made anew, not changed');
    END
    """,
    f"""
    CREATE TRIGGER claim_on_insert AFTER INSERT ON bookings
    WHEN NEW.state {_LIVE}
    BEGIN
        {"; ".join(_claims_of("NEW"))};
    END
    """,
    f"""
    CREATE TRIGGER claim_on_update
    AFTER UPDATE OF workspace, state, start, duration, buffer_before, buffer_after, new_start, new_duration, claimants
    ON bookings
    WHEN (NEW.state {_LIVE}) <> (OLD.state {_LIVE}) OR NEW.workspace <> OLD.workspace
      OR NEW.start <> OLD.start OR NEW.duration <> OLD.duration
      OR NEW.buffer_before <> OLD.buffer_before OR NEW.buffer_after <> OLD.buffer_after
      OR NEW.new_start IS NOT OLD.new_start OR NEW.new_duration IS NOT OLD.new_duration
      OR NEW.claimants IS NOT OLD.claimants
    BEGIN
        DELETE FROM claims WHERE booking = OLD.id;
        {"; ".join(_claims_of("NEW"))};
    END
    """,  # noqa: S608 - constants
    """
    CREATE TRIGGER extend_claims AFTER UPDATE OF expires_at ON offers
    BEGIN
        UPDATE claims SET expires_at = NEW.expires_at
        WHERE booking IN (SELECT id FROM bookings WHERE offer = NEW.id);
    END
    """,
    # An offered time is not counted: it is no booking yet.
    "DROP TRIGGER count_inserted",
    "DROP TRIGGER count_transition",
    "DROP TRIGGER count_deleted",
    """
    CREATE TRIGGER count_inserted AFTER INSERT ON bookings
    WHEN NEW.offer IS NULL
    BEGIN
        INSERT INTO totals (workspace, state, bookings) VALUES (NEW.workspace, NEW.state, 1)
        ON CONFLICT (workspace, state) DO UPDATE SET bookings = bookings + 1;
    END
    """,
    """
    CREATE TRIGGER count_transition AFTER UPDATE OF state ON bookings
    WHEN NEW.state <> OLD.state AND NEW.offer IS NULL
    BEGIN
        UPDATE totals SET bookings = bookings - 1 WHERE workspace = OLD.workspace AND state = OLD.state;
        INSERT INTO totals (workspace, state, bookings) VALUES (NEW.workspace, NEW.state, 1)
        ON CONFLICT (workspace, state) DO UPDATE SET bookings = bookings + 1;
    END
    """,
    """
    CREATE TRIGGER count_deleted AFTER DELETE ON bookings
    WHEN OLD.offer IS NULL
    BEGIN
        UPDATE totals SET bookings = bookings - 1 WHERE workspace = OLD.workspace AND state = OLD.state;
    END
    """,
)


_PEOPLE = (
    # people: whom the booking takes besides those of its link, as it was asked for, as JSON.
    # new_participants, new_claimants: of the time it is moving to, which may be the present one; NULL: the same.
    "ALTER TABLE bookings ADD COLUMN people TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE bookings ADD COLUMN new_participants TEXT",
    "ALTER TABLE bookings ADD COLUMN new_claimants TEXT",
    "DROP TRIGGER claim_on_insert",
    "DROP TRIGGER claim_on_update",
    f"""
    CREATE TRIGGER claim_on_insert AFTER INSERT ON bookings
    WHEN NEW.state {_LIVE}
    BEGIN
        {"; ".join(_claims_of("NEW", newcomers="NEW.new_claimants"))};
    END
    """,
    f"""
    CREATE TRIGGER claim_on_update
    AFTER UPDATE OF workspace, state, start, duration, buffer_before, buffer_after, new_start, new_duration, claimants,
        new_claimants
    ON bookings
    WHEN (NEW.state {_LIVE}) <> (OLD.state {_LIVE}) OR NEW.workspace <> OLD.workspace
      OR NEW.start <> OLD.start OR NEW.duration <> OLD.duration
      OR NEW.buffer_before <> OLD.buffer_before OR NEW.buffer_after <> OLD.buffer_after
      OR NEW.new_start IS NOT OLD.new_start OR NEW.new_duration IS NOT OLD.new_duration
      OR NEW.claimants IS NOT OLD.claimants OR NEW.new_claimants IS NOT OLD.new_claimants
    BEGIN
        DELETE FROM claims WHERE booking = OLD.id;
        {"; ".join(_claims_of("NEW", newcomers="NEW.new_claimants"))};
    END
    """,  # noqa: S608 - constants
)


Migrations = tuple[tuple[str, ...], ...]
"""The statements that take a ledger from version n to n + 1, by n."""


MIGRATIONS: Migrations = (_FIRST, _HISTORY, _CLAIMS, _PEOPLE)


VERSION = len(MIGRATIONS)
"""The version this program reads and writes (`PRAGMA user_version`)."""


# Two rows are enough to know that a prefix is ambiguous. The unary plus keeps SQLite from scanning the workspace by
# another index: its planner takes an equality for more selective than a range.
_BOOKINGS_WITH_PREFIX = """
    SELECT * FROM bookings
    WHERE id >= :first AND id < :after AND +workspace = :workspace AND offer IS NULL LIMIT 2
"""


# Meetings in any state may overlap each other. A meeting that reaches into the window begins at most the longest
# buffered duration before it. One lower bound for both that and the position, so that a page does not read those before it.
_SEARCH = """
    SELECT * FROM bookings
    WHERE workspace = :workspace AND meeting_end > :start AND start < :end
      AND start >= max(:after_start, :start + 1 - (
            SELECT coalesce(max(duration + buffer_before + buffer_after), 0)
            FROM bookings WHERE workspace = :workspace))
      AND (+start > :after_start OR id > :after_id)
      AND offer IS NULL AND state IN (SELECT value FROM json_each(:states))
      AND (:has_calendar IS NULL OR (calendar IS NOT NULL) = (:has_calendar = 1))
      AND (:has_refusal = 0 OR instr(participants, '"declined"') > 0)
      AND (:is_narrowed = 0 OR etag IS NULL
           OR event_id IN (SELECT value FROM json_each(:touched_events))
           OR id IN (SELECT value FROM json_each(:touched_bookings)))
"""


_HISTORY_LINES = """
    SELECT * FROM history
    WHERE {where} AND (CAST(:actor AS TEXT) IS NULL OR actor = :actor)
      AND what IN (SELECT value FROM json_each(:whats))
    ORDER BY cursor DESC LIMIT :most
"""


def _wanted(conditions: str) -> str:
    # CROSS JOIN keeps SQLite from joining the other way round (https://sqlite.org/optoverview.html#crossjoin).
    return f"FROM json_each(:participants) AS wanted CROSS JOIN claims WHERE {conditions}"


DIALECT = Dialect(
    bookings_with_prefix=_BOOKINGS_WITH_PREFIX,
    search=f"{_SEARCH} ORDER BY start, id LIMIT :most",
    search_by_email=f"{_SEARCH} AND guest_email = :email COLLATE NOCASE ORDER BY start, id LIMIT :most",
    history=_HISTORY_LINES.format(where="workspace = :workspace"),
    history_since=_HISTORY_LINES.format(where="workspace = :workspace AND at >= :since"),
    # The unary plus: as above.
    history_of_booking=_HISTORY_LINES.format(
        where="booking = :booking AND +workspace = :workspace AND at >= :since"
    ),
    claims_of_others=claims_of_others(_wanted),
    claims_in_the_way=claims_in_the_way(_wanted),
    meeting_starts=meeting_starts(_wanted),
    # Write transactions of a file run one at a time, so nothing has to be locked.
    lock_claimants=None,
)


OVERLAPPING = """
    SELECT booking FROM (
        SELECT booking, buffered_start,
               lag(buffered_end) OVER (PARTITION BY participant ORDER BY buffered_start) AS previous_end
        FROM claims WHERE is_new = 0)
    WHERE buffered_start < previous_end
    UNION ALL
    SELECT moving.booking FROM claims AS moving JOIN claims AS other USING (participant)
    WHERE moving.is_new = 1 AND other.booking <> moving.booking
      AND other.buffered_start < moving.buffered_end AND other.buffered_end > moving.buffered_start
    LIMIT 1
"""
"""A booking with a claim that overlaps one of another booking; no row in an intact ledger."""


UNCLAIMED = """
    SELECT id FROM bookings
    WHERE is_live AND offer IS NULL AND coalesce(claimants, '') <> '[]'
      AND NOT EXISTS (SELECT 1 FROM claims WHERE claims.booking = bookings.id)
    LIMIT 1
"""
"""A live booking that claims nothing although somebody takes part; no row in an intact ledger."""
