"""How the PostgreSQL ledger came to be what it is, and what of its statements only PostgreSQL understands.

Everything lies in a schema of its own, `portalcal`. Instants are integer seconds since 1970 UTC, durations seconds. A
migration never changes once it was released; a new one adds. What must hold whatever any caller computed is a
constraint or a trigger here. No extension is needed, and so no right beyond making a schema.
"""

from __future__ import annotations

from portalcal.adapters.ledger_statements import Dialect

WRITERS, OWNERS, MIGRATING = 0x706F7201, 0x706F7202, 0x706F7203
"""The first numbers of our advisory locks, "por" and a count: they are shared with all programs of the database."""

_LIVE = "state IN ('held', 'confirmed', 'cancelling')"
_GUARD = "int8range(start - buffer_before, start + duration + buffer_after)"
_NEW_GUARD = "int8range(new_start - buffer_before, new_start + new_duration + buffer_after)"

_FIRST = (
    # A range of names, so that the constraint below can compare workspaces: a GiST index knows = of text through the
    # extension btree_gist only, and && of every range by itself.
    'CREATE TYPE names AS RANGE (SUBTYPE = text, COLLATION = "C")',
    # Guards and ends are computed by the database, so that no caller can store one that does not fit its booking.
    f"""
    CREATE TABLE bookings (
        id              TEXT    COLLATE "C" PRIMARY KEY CHECK (length(id) = 36),
        workspace       TEXT    NOT NULL,
        state           TEXT    NOT NULL
                        CHECK (state IN ('held', 'confirmed', 'cancelling', 'cancelled', 'refused')),
        start           BIGINT  NOT NULL,
        duration        BIGINT  NOT NULL CHECK (duration > 0),
        zone            TEXT    NOT NULL,
        guest_name      TEXT    NOT NULL,
        guest_email     TEXT    NOT NULL,
        title           TEXT    NOT NULL,
        link            TEXT,
        guests          TEXT    NOT NULL,
        location        TEXT    NOT NULL,
        notes           TEXT    NOT NULL,
        meet            INTEGER NOT NULL CHECK (meet IN (0, 1)),
        notify          TEXT    NOT NULL CHECK (notify IN ('all', 'external', 'none')),
        buffer_before   BIGINT  NOT NULL CHECK (buffer_before >= 0),
        buffer_after    BIGINT  NOT NULL CHECK (buffer_after >= 0),
        created_at      BIGINT  NOT NULL,
        updated_at      BIGINT  NOT NULL,
        key             TEXT,
        calendar        TEXT,
        attempt         INTEGER NOT NULL CHECK (attempt >= 0),
        event_id        TEXT,
        event_url       TEXT,
        meet_url        TEXT,
        etag            TEXT,
        notified        TEXT    CHECK (notified IN ('all', 'external', 'none')),
        ended_by        TEXT    CHECK (ended_by IN ('user', 'calendar')),
        ended_because   TEXT    NOT NULL,
        new_start       BIGINT,
        new_duration    BIGINT  CHECK (new_duration > 0),
        old_start       BIGINT,
        old_duration    BIGINT  CHECK (old_duration > 0),
        moved_because   TEXT    NOT NULL DEFAULT '',
        asked           TEXT,
        declined        TEXT    NOT NULL DEFAULT '[]',
        meeting_end     BIGINT  NOT NULL GENERATED ALWAYS AS (start + duration) STORED,
        guard_start     BIGINT  NOT NULL GENERATED ALWAYS AS (start - buffer_before) STORED,
        guard_end       BIGINT  NOT NULL GENERATED ALWAYS AS (start + duration + buffer_after) STORED,
        new_guard_start BIGINT  GENERATED ALWAYS AS (new_start - buffer_before) STORED,
        new_guard_end   BIGINT  GENERATED ALWAYS AS (new_start + new_duration + buffer_after) STORED,
        is_live         BOOLEAN NOT NULL GENERATED ALWAYS AS ({_LIVE}) STORED,
        CHECK ((new_start IS NULL) = (new_duration IS NULL)),
        CHECK ((old_start IS NULL) = (old_duration IS NULL)),
        -- A booking that is being moved guards both times, which may overlap: one multirange holds them.
        CONSTRAINT guards_never_overlap EXCLUDE USING gist (
            (int8multirange({_GUARD}, CASE WHEN new_start IS NULL THEN 'empty' ELSE {_NEW_GUARD} END)) WITH &&,
            (names(workspace, workspace, '[]')) WITH &&
        ) WHERE ({_LIVE})
    )
    """,
    "CREATE INDEX bookings_by_guard ON bookings (workspace, guard_start, guard_end) WHERE is_live",
    """
    CREATE INDEX bookings_by_new_guard ON bookings (workspace, new_guard_start, new_guard_end)
    WHERE is_live AND new_start IS NOT NULL
    """,
    "CREATE INDEX bookings_by_start ON bookings (workspace, start)",
    "CREATE INDEX bookings_by_duration ON bookings (workspace, duration)",
    "CREATE INDEX bookings_by_guest ON bookings (workspace, lower(guest_email), start)",
    "CREATE INDEX bookings_without_event ON bookings (workspace, start) WHERE is_live AND event_id IS NULL",
    # A request that was refused booked nothing, so its key is free for another try.
    """
    CREATE UNIQUE INDEX bookings_by_key ON bookings (workspace, key)
    WHERE key IS NOT NULL AND state <> 'refused'
    """,
    # The number of a finished errand never comes back, so that a late report cannot hit another errand.
    # lease counts the leases there were; the latest one's number is what its holder shows when it reports.
    """
    CREATE TABLE errands (
        id              BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        workspace       TEXT    NOT NULL,
        booking         TEXT    COLLATE "C" NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
        task            TEXT    NOT NULL CHECK (task IN ('put', 'move', 'remove')),
        attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        due_at          BIGINT  NOT NULL,
        outcome_unknown INTEGER NOT NULL DEFAULT 0 CHECK (outcome_unknown IN (0, 1)),
        last_error      TEXT,
        lease           INTEGER NOT NULL DEFAULT 0,
        leased_until    BIGINT,
        owner           INTEGER
    )
    """,
    "CREATE INDEX errands_by_time ON errands (workspace, due_at, id)",
    "CREATE INDEX errands_by_booking ON errands (booking, id)",
    # Up to where the changes of a calendar's events were read and recorded.
    """
    CREATE TABLE sync_tokens (
        workspace TEXT NOT NULL,
        calendar  TEXT NOT NULL,
        token     TEXT NOT NULL,
        PRIMARY KEY (workspace, calendar)
    )
    """,
    # Counting a million bookings takes long, adding one to a number does not.
    """
    CREATE TABLE totals (
        workspace TEXT    NOT NULL,
        state     TEXT    NOT NULL,
        bookings  INTEGER NOT NULL CHECK (bookings >= 0),
        PRIMARY KEY (workspace, state)
    )
    """,
    # Whoever has a lease holds an advisory lock of this number, which the server takes away when the session ends,
    # however it ends.
    "CREATE SEQUENCE lease_owners AS integer CYCLE",
    f"""
    CREATE FUNCTION is_gone(owner integer) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT owner IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM pg_locks
            WHERE locktype = 'advisory' AND classid = CAST({OWNERS} AS oid) AND objid = CAST(owner AS oid)
              AND objsubid = 2 AND granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    $$
    """,  # noqa: S608 - a number of ours
    """
    CREATE FUNCTION only_legal_moves() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' AND NEW.state NOT IN ('held', 'confirmed') THEN
            RAISE 'a booking begins held or confirmed' USING ERRCODE = 'check_violation';
        ELSIF TG_OP = 'UPDATE' AND NEW.state <> OLD.state
            AND NOT (OLD.state = 'held'       AND NEW.state IN ('confirmed', 'cancelling', 'cancelled', 'refused'))
            AND NOT (OLD.state = 'confirmed'  AND NEW.state IN ('cancelling', 'cancelled'))
            AND NOT (OLD.state = 'cancelling' AND NEW.state = 'cancelled')
        THEN
            RAISE 'that move between states is not legal' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER only_legal_moves BEFORE INSERT OR UPDATE OF state ON bookings
    FOR EACH ROW EXECUTE FUNCTION only_legal_moves()
    """,
    """
    CREATE FUNCTION count_bookings() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            UPDATE totals SET bookings = bookings - 1 WHERE workspace = OLD.workspace AND state = OLD.state;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO totals (workspace, state, bookings) VALUES (NEW.workspace, NEW.state, 1)
            ON CONFLICT (workspace, state) DO UPDATE SET bookings = totals.bookings + 1;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER count_bookings AFTER INSERT OR DELETE OR UPDATE OF state, workspace ON bookings
    FOR EACH ROW EXECUTE FUNCTION count_bookings()
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST,)
"""What takes a ledger from version n to n + 1, by n."""

VERSION = len(MIGRATIONS)
"""The version this program reads and writes."""

BEGINNING = ("CREATE SCHEMA IF NOT EXISTS portalcal", "CREATE TABLE ledger (version INTEGER NOT NULL)")
"""What comes before the first migration: where the version is kept."""

FACTS = """
    SELECT to_regclass('portalcal.ledger') IS NOT NULL AS is_there,
           EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('portalcal')) AS is_taken
"""

GUARDIANS = """
    SELECT (SELECT count(*) FROM pg_constraint
            WHERE conrelid = CAST('bookings' AS regclass) AND conname = 'guards_never_overlap' AND convalidated) = 1
           AS refuses_overlaps,
           (SELECT count(*) FROM pg_trigger
            WHERE tgrelid = CAST('bookings' AS regclass) AND tgname IN ('only_legal_moves', 'count_bookings')
              AND tgenabled IN ('O', 'A')) = 2 AS has_triggers,
           NOT EXISTS (
               SELECT 1 FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
               WHERE relnamespace = CAST('portalcal' AS regnamespace) AND NOT (indisvalid AND indisready)) AS has_indexes,
           (SELECT count(*) FROM pg_class
            WHERE relnamespace = CAST('portalcal' AS regnamespace)
              AND relname IN ('bookings', 'errands', 'totals', 'sync_tokens')) = 4 AS has_tables,
           (SELECT bool_and(has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                            AND has_table_privilege(oid, 'UPDATE'))
            FROM pg_class WHERE relnamespace = CAST('portalcal' AS regnamespace)
              AND relname IN ('bookings', 'errands', 'totals', 'sync_tokens'))
           AND NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off' AS is_writable
"""
"""What keeps the ledger's word, and whether it is still there."""

# Meetings of any state may overlap; none that begins earlier than the longest one lasts can reach into the window.
_SEARCH = """
    SELECT * FROM bookings
    WHERE workspace = :workspace AND meeting_end > :start AND start < :end
      AND start > :start - (SELECT coalesce(max(duration), 0) FROM bookings WHERE workspace = :workspace)
      AND state IN (SELECT jsonb_array_elements_text(CAST(:states AS jsonb)))
"""

DIALECT = Dialect(
    # Two are enough to know that a prefix is not the beginning of one id alone.
    bookings_with_prefix="""
        SELECT * FROM bookings WHERE id >= :first AND id < :after AND workspace = :workspace LIMIT 2
    """,
    search=f"{_SEARCH} ORDER BY start, id",
    search_by_email=f"{_SEARCH} AND lower(guest_email) = lower(CAST(:email AS text)) ORDER BY start, id",
)
