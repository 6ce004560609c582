"""The PostgreSQL ledger's schema as numbered migrations, and the statements that only PostgreSQL understands.

All objects are in a schema of their own, `portalcal`. Instants are integer seconds since 1970 UTC, durations are
seconds. A released migration never changes; a change of the schema is a new migration. Invariants are constraints and
triggers here, so that no caller can break them. No extension is needed, so the right to create a schema is enough.
"""

from __future__ import annotations

from portalcal.adapters.ledger.lease_renewal import LASTS
from portalcal.adapters.ledger.sql import Dialect, claims_in_the_way, claims_of_others, meeting_starts

WRITERS, MIGRATING, CLAIMANTS, MOVING = 0x706F7201, 0x706F7203, 0x706F7204, 0x706F7205
"""The first keys of our advisory locks, "por" and a count: all programs that use the database share one key space."""


_LIVE = "state IN ('held', 'confirmed', 'cancelling')"


_BUFFERED = "int8range(start - buffer_before, start + duration + buffer_after)"


_NEW_BUFFERED = "int8range(new_start - buffer_before, new_start + new_duration + buffer_after)"


_FIRST = (
    # A range of names, so that the exclusion constraint can compare workspaces: a GiST index supports = of text only
    # with the extension btree_gist, but && of every range type without one.
    'CREATE TYPE names AS RANGE (SUBTYPE = text, COLLATION = "C")',
    # Ends and buffered times are computed by the database, so that no caller can store one that does not fit.
    # new_*: where a booking is being moved to; it holds both times until Google has moved the event, or refused to.
    # old_*: where the event of a booking that moved while disconnected still stands; that time is held by nobody.
    # original_request: the columns of the request as it was first made, as JSON, once the booking differs from it.
    # is_live: the states in which a booking holds its time.
    f"""
    CREATE TABLE bookings (
        id                 TEXT    COLLATE "C" PRIMARY KEY CHECK (length(id) = 36),
        workspace          TEXT    NOT NULL,
        state              TEXT    NOT NULL
                           CHECK (state IN ('held', 'confirmed', 'cancelling', 'cancelled', 'refused')),
        start              BIGINT  NOT NULL,
        duration           BIGINT  NOT NULL CHECK (duration > 0),
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
        buffer_before      BIGINT  NOT NULL CHECK (buffer_before >= 0),
        buffer_after       BIGINT  NOT NULL CHECK (buffer_after >= 0),
        created_at         BIGINT  NOT NULL,
        updated_at         BIGINT  NOT NULL,
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
        new_start          BIGINT,
        new_duration       BIGINT  CHECK (new_duration > 0),
        old_start          BIGINT,
        old_duration       BIGINT  CHECK (old_duration > 0),
        moved_because      TEXT    NOT NULL DEFAULT '',
        original_request   TEXT,
        declined           TEXT    NOT NULL DEFAULT '[]',
        meeting_end        BIGINT  NOT NULL GENERATED ALWAYS AS (start + duration) STORED,
        buffered_start     BIGINT  NOT NULL GENERATED ALWAYS AS (start - buffer_before) STORED,
        buffered_end       BIGINT  NOT NULL GENERATED ALWAYS AS (start + duration + buffer_after) STORED,
        new_buffered_start BIGINT  GENERATED ALWAYS AS (new_start - buffer_before) STORED,
        new_buffered_end   BIGINT  GENERATED ALWAYS AS (new_start + new_duration + buffer_after) STORED,
        is_live            BOOLEAN NOT NULL GENERATED ALWAYS AS ({_LIVE}) STORED,
        CHECK ((new_start IS NULL) = (new_duration IS NULL)),
        CHECK ((old_start IS NULL) = (old_duration IS NULL)),
        -- A booking that is being moved holds both times, which may overlap: one multirange contains them.
        CONSTRAINT bookings_never_overlap EXCLUDE USING gist (
            (int8multirange({_BUFFERED}, CASE WHEN new_start IS NULL THEN 'empty' ELSE {_NEW_BUFFERED} END)) WITH &&,
            (names(workspace, workspace, '[]')) WITH &&
        ) WHERE ({_LIVE})
    )
    """,
    "CREATE INDEX bookings_by_buffered ON bookings (workspace, buffered_start, buffered_end) WHERE is_live",
    """
    CREATE INDEX bookings_by_new_buffered ON bookings (workspace, new_buffered_start, new_buffered_end)
    WHERE is_live AND new_start IS NOT NULL
    """,
    "CREATE INDEX bookings_by_start ON bookings (workspace, start)",
    "CREATE INDEX bookings_by_duration ON bookings (workspace, duration)",
    "CREATE INDEX bookings_by_guest ON bookings (workspace, lower(guest_email), start)",
    "CREATE INDEX bookings_without_event ON bookings (workspace, start) WHERE is_live AND event_id IS NULL",
    # A refused request booked nothing, so its key may be used again.
    """
    CREATE UNIQUE INDEX bookings_by_key ON bookings (workspace, key)
    WHERE key IS NOT NULL AND state <> 'refused'
    """,
    # IDENTITY: the id of a finished entry is never reused, so that a late report cannot hit another entry.
    # lease counts the leases of an entry; a holder reports under its number, and only the latest one counts.
    # lease_owner: the advisory lock of the session that holds the lease.
    """
    CREATE TABLE outbox (
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
        lease_owner     INTEGER
    )
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
    )
    """,
    # Counting a million bookings is slow, so a trigger keeps the count of each state.
    """
    CREATE TABLE totals (
        workspace TEXT    NOT NULL,
        state     TEXT    NOT NULL,
        bookings  INTEGER NOT NULL CHECK (bookings >= 0),
        PRIMARY KEY (workspace, state)
    )
    """,
    # A lease owner's session holds an advisory lock of its number, which the server releases when the session ends,
    # by a crash too.
    "CREATE SEQUENCE lease_owners AS integer CYCLE",
    f"""
    CREATE FUNCTION is_dead(lease_owner integer) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT lease_owner IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM pg_locks
            WHERE locktype = 'advisory' AND classid = CAST({0x706F7202} AS oid) AND objid = CAST(lease_owner AS oid)
              AND objsubid = 2 AND granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    $$
    """,  # noqa: S608 - a constant
    """
    CREATE FUNCTION legal_transitions() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' AND NEW.state NOT IN ('held', 'confirmed') THEN
            RAISE 'a booking begins held or confirmed' USING ERRCODE = 'check_violation';
        ELSIF TG_OP = 'UPDATE' AND NEW.state <> OLD.state
            AND NOT (OLD.state = 'held'       AND NEW.state IN ('confirmed', 'cancelling', 'cancelled', 'refused'))
            AND NOT (OLD.state = 'confirmed'  AND NEW.state IN ('cancelling', 'cancelled'))
            AND NOT (OLD.state = 'cancelling' AND NEW.state = 'cancelled')
        THEN
            RAISE 'that transition between states is not legal' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER legal_transitions BEFORE INSERT OR UPDATE OF state ON bookings
    FOR EACH ROW EXECUTE FUNCTION legal_transitions()
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


_HISTORY = (
    # IDENTITY: numbers are given out while the writer has its turn, so that they are in the order of the commits.
    # old, new: the facts that differ, as JSON.
    """
    CREATE TABLE history (
        cursor    BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        workspace TEXT    NOT NULL,
        booking   TEXT    COLLATE "C" NOT NULL,
        at        BIGINT  NOT NULL,
        what      TEXT    NOT NULL CHECK (what IN (
                      'held', 'confirmed', 'moved', 'reassigned', 'cancelled', 'refused', 'declined', 'renamed',
                      'offered', 'expired', 'delivered')),
        cause     TEXT    NOT NULL CHECK (cause IN ('command', 'calendar', 'guest', 'expiry')),
        actor     TEXT    NOT NULL,
        host      TEXT    NOT NULL,
        command   TEXT    NOT NULL,
        old       TEXT    NOT NULL,
        new       TEXT    NOT NULL
    )
    """,
    "CREATE INDEX history_by_booking ON history (booking, cursor)",
    "CREATE INDEX history_by_workspace ON history (workspace, cursor)",
    "CREATE INDEX history_by_time ON history (workspace, at)",
    # Up to where a reader, such as the hook of `sync`, was handed the changes.
    """
    CREATE TABLE history_readers (
        workspace TEXT    NOT NULL,
        reader    TEXT    NOT NULL,
        cursor    BIGINT  NOT NULL,
        PRIMARY KEY (workspace, reader)
    )
    """,
    # Up to where the history was pruned, and before which time lines may be deleted.
    """
    CREATE TABLE history_pruned (
        workspace TEXT   NOT NULL PRIMARY KEY,
        before    BIGINT NOT NULL,
        cursor    BIGINT NOT NULL
    )
    """,
    """
    CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            RAISE 'the history is never changed' USING ERRCODE = 'check_violation';
        ELSIF OLD.at >= coalesce(
            (SELECT before FROM history_pruned WHERE workspace = OLD.workspace), OLD.at)
        THEN
            RAISE 'the history is never deleted, only pruned' USING ERRCODE = 'check_violation';
        END IF;
        RETURN OLD;
    END $$
    """,
    """
    CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON history
    FOR EACH ROW EXECUTE FUNCTION keep_history()
    """,
)


_LEASES = (
    # A lease rests on a row and the server's clock, since a pooler gives every transaction another session.
    "DROP FUNCTION is_dead(integer)",
    "DROP SEQUENCE lease_owners",
    "ALTER TABLE outbox ALTER COLUMN lease_owner TYPE text USING NULL",
    "CREATE INDEX outbox_by_lease_owner ON outbox (lease_owner) WHERE leased_until IS NOT NULL",
    # The clocks of the hosts of a fleet differ, so the time that a host gives does not count. A lease is short, and its
    # owner renews it.
    f"""
    CREATE FUNCTION lease_until(host_time bigint, length bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
        SELECT CAST(floor(extract(epoch FROM statement_timestamp())) AS bigint) + least(length, {LASTS})
    $$
    """,  # noqa: S608 - a constant
    """
    CREATE FUNCTION lease_has_ended(leased_until bigint, lease_owner text, host_time bigint)
    RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT leased_until <= extract(epoch FROM statement_timestamp())
    $$
    """,
)


def _claims_of(booking: str, *, newcomers: str = "NULL") -> tuple[str, str]:
    """Return the SQL that inserts the claims of a live booking's row: of its time, and of where it is moving to.

    `newcomers`: the column with the claimants of the latter, if those are not the same.
    """
    owner = f"CAST(jsonb_build_array('workspace:' || {booking}.workspace) AS text)"
    present_ones = f"CAST(coalesce({booking}.claimants, {owner}) AS jsonb)"
    new_ones = f"CAST(coalesce({newcomers}, {booking}.claimants, {owner}) AS jsonb)"
    columns = """participant, is_new, buffered_start, buffered_end, meeting_start, meeting_end, booking, workspace, link,
        offer, expires_at, guarded"""
    common = f"""{booking}.id, {booking}.workspace, {booking}.link, {booking}.offer,
        (SELECT expires_at FROM offers WHERE id = {booking}.offer)"""  # noqa: S608 - constants
    present, new = (
        f"int8range({booking}.{new}start - {booking}.buffer_before,"
        f" {booking}.{new}start + {booking}.{new}duration + {booking}.buffer_after)"
        for new in ("", "new_")
    )
    # Whoever takes part at both times guards the present one already.
    guarded_new = f"""int8multirange({new}) - CASE WHEN {present_ones} ? claimant.key
        THEN int8multirange({present}) ELSE int8multirange() END"""
    spans = (
        (0, "", present, present_ones, f"int8multirange({present})", ""),
        (1, "new_", new, new_ones, guarded_new, f" AND {booking}.new_start IS NOT NULL"),
    )
    rows = "" if booking == "NEW" else "bookings CROSS JOIN LATERAL"
    first, second = (
        f"""
        INSERT INTO claims ({columns})
        SELECT claimant.key, {is_new}, lower({span}), upper({span}), {booking}.{prefix}start,
               {booking}.{prefix}start + {booking}.{prefix}duration, {common}, {guarded}
        FROM {rows} jsonb_array_elements_text({claimants}) AS claimant (key)
        WHERE {booking}.{_LIVE}{is_moving} ORDER BY claimant.key"""  # noqa: S608 - constants
        for is_new, prefix, span, claimants, guarded, is_moving in spans
    )
    return first, second


_CLAIMS = (
    # Several times held for one guest, each a row of `bookings` with this offer. request: what was asked for, as JSON.
    """
    CREATE TABLE offers (
        id         TEXT   COLLATE "C" PRIMARY KEY CHECK (length(id) = 36),
        workspace  TEXT   NOT NULL,
        state      TEXT   NOT NULL CHECK (state IN ('open', 'taken', 'expired', 'released')),
        expires_at BIGINT NOT NULL,
        key        TEXT,
        request    TEXT   NOT NULL,
        booking    TEXT   COLLATE "C",
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )
    """,
    "CREATE INDEX offers_by_expiry ON offers (workspace, state, expires_at)",
    "CREATE UNIQUE INDEX offers_by_key ON offers (workspace, key) WHERE key IS NOT NULL",
    # participants: people and the room, as JSON. claimants: the keys that claim the time, as JSON; NULL: the owner alone.
    # offer: the offer of which this is one time, which is no booking yet.
    """
    ALTER TABLE bookings
        ADD COLUMN participants TEXT NOT NULL DEFAULT '[]',
        ADD COLUMN claimants TEXT,
        ADD COLUMN offer TEXT COLLATE "C" REFERENCES offers (id),
        DROP CONSTRAINT bookings_never_overlap
    """,
    "CREATE INDEX bookings_by_offer ON bookings (offer, start) WHERE offer IS NOT NULL",
    # Live bookings of a workspace may overlap where they have nobody in common, so the longest one bounds a search.
    "DROP INDEX bookings_by_duration",
    "CREATE INDEX bookings_by_length ON bookings (workspace, (duration + buffer_before + buffer_after))",
    # The time that a live booking, an offered time or a move holds of each participant, written by triggers only.
    # is_new: of where a booking is moving to. expires_at: of an offer; from then on the claim holds nothing.
    # guarded: the time that no other claim of the participant may overlap. Both times of a booking that is being moved
    # may overlap, so the new one is guarded without the present one.
    """
    CREATE TABLE claims (
        participant    TEXT           COLLATE "C" NOT NULL,
        is_new         INTEGER        NOT NULL CHECK (is_new IN (0, 1)),
        buffered_start BIGINT         NOT NULL,
        buffered_end   BIGINT         NOT NULL,
        meeting_start  BIGINT         NOT NULL,
        meeting_end    BIGINT         NOT NULL,
        booking        TEXT           COLLATE "C" NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
        workspace      TEXT           NOT NULL,
        link           TEXT,
        offer          TEXT           COLLATE "C",
        expires_at     BIGINT,
        guarded        int8multirange NOT NULL,
        CHECK ((offer IS NULL) = (expires_at IS NULL)),
        PRIMARY KEY (participant, is_new, buffered_start, booking),
        CONSTRAINT claims_never_overlap EXCLUDE USING gist (
            guarded WITH &&, (names(participant, participant, '[]')) WITH &&)
    )
    """,
    "CREATE INDEX claims_by_booking ON claims (booking)",
    "CREATE INDEX claims_by_workspace ON claims (workspace, buffered_start)",
    "CREATE INDEX claims_by_expiry ON claims (expires_at) WHERE expires_at IS NOT NULL",
    *_claims_of("bookings"),
    f"""
    CREATE FUNCTION claim_times() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF (NEW.{_LIVE}, NEW.workspace, NEW.start, NEW.duration, NEW.buffer_before, NEW.buffer_after, NEW.new_start,
                NEW.new_duration, NEW.claimants)
               IS NOT DISTINCT FROM
               (OLD.{_LIVE}, OLD.workspace, OLD.start, OLD.duration, OLD.buffer_before, OLD.buffer_after, OLD.new_start,
                OLD.new_duration, OLD.claimants)
            THEN
                RETURN NULL;
            END IF;
            DELETE FROM claims WHERE booking = OLD.id;
        END IF;
        {"; ".join(_claims_of("NEW"))};
        RETURN NULL;
    END $$
    """,  # noqa: S608 - constants
    """
    CREATE TRIGGER claim_times AFTER INSERT OR UPDATE OF
        workspace, state, start, duration, buffer_before, buffer_after, new_start, new_duration, claimants
    ON bookings FOR EACH ROW EXECUTE FUNCTION claim_times()
    """,
    """
    CREATE FUNCTION extend_claims() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        UPDATE claims SET expires_at = NEW.expires_at
        WHERE booking IN (SELECT id FROM bookings WHERE offer = NEW.id);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER extend_claims AFTER UPDATE OF expires_at ON offers
    FOR EACH ROW EXECUTE FUNCTION extend_claims()
    """,
    # An offered time is not counted: it is no booking yet.
    """
    CREATE OR REPLACE FUNCTION count_bookings() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        IF TG_OP <> 'INSERT' AND OLD.offer IS NULL THEN
            UPDATE totals SET bookings = bookings - 1 WHERE workspace = OLD.workspace AND state = OLD.state;
        END IF;
        IF TG_OP <> 'DELETE' AND NEW.offer IS NULL THEN
            INSERT INTO totals (workspace, state, bookings) VALUES (NEW.workspace, NEW.state, 1)
            ON CONFLICT (workspace, state) DO UPDATE SET bookings = totals.bookings + 1;
        END IF;
        RETURN NULL;
    END $$
    """,
)


_MOVED = (
    # The ledger that took the place of this one.
    "ALTER TABLE portalcal.ledger ADD COLUMN moved_to TEXT",
)


_PEOPLE = (
    # people: whom the booking takes besides those of its link, as it was asked for, as JSON.
    # new_participants, new_claimants: of the time it is moving to, which may be the present one; NULL: the same.
    """
    ALTER TABLE bookings
        ADD COLUMN people TEXT NOT NULL DEFAULT '{}',
        ADD COLUMN new_participants TEXT,
        ADD COLUMN new_claimants TEXT
    """,
    f"""
    CREATE OR REPLACE FUNCTION claim_times() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF (NEW.{_LIVE}, NEW.workspace, NEW.start, NEW.duration, NEW.buffer_before, NEW.buffer_after, NEW.new_start,
                NEW.new_duration, NEW.claimants, NEW.new_claimants)
               IS NOT DISTINCT FROM
               (OLD.{_LIVE}, OLD.workspace, OLD.start, OLD.duration, OLD.buffer_before, OLD.buffer_after, OLD.new_start,
                OLD.new_duration, OLD.claimants, OLD.new_claimants)
            THEN
                RETURN NULL;
            END IF;
            DELETE FROM claims WHERE booking = OLD.id;
        END IF;
        {"; ".join(_claims_of("NEW", newcomers="NEW.new_claimants"))};
        RETURN NULL;
    END $$
    """,  # noqa: S608 - constants
    "DROP TRIGGER claim_times ON bookings",
    """
    CREATE TRIGGER claim_times AFTER INSERT OR UPDATE OF
        workspace, state, start, duration, buffer_before, buffer_after, new_start, new_duration, claimants, new_claimants
    ON bookings FOR EACH ROW EXECUTE FUNCTION claim_times()
    """,
)


MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _HISTORY, _LEASES, _CLAIMS, _MOVED, _PEOPLE)
"""The statements that take a ledger from version n to n + 1, by n."""


VERSION = len(MIGRATIONS)
"""The version this program reads and writes."""


RENEW_LEASES = """
    UPDATE outbox SET leased_until = greatest(leased_until, lease_until(0, :length))
    WHERE lease_owner = :owner AND leased_until IS NOT NULL
"""


END_LEASES = "UPDATE outbox SET leased_until = NULL WHERE lease_owner = :owner AND leased_until IS NOT NULL"


COUNT_BOOKINGS = """
    INSERT INTO totals (workspace, state, bookings)
    SELECT workspace, state, count(*) FROM bookings WHERE offer IS NULL GROUP BY workspace, state
"""


COLUMNS = """
    SELECT column_name AS name FROM information_schema.columns
    WHERE table_schema = 'portalcal' AND table_name = :name AND is_generated = 'NEVER'
    ORDER BY ordinal_position
"""


LAST_NUMBER = """
    SELECT coalesce(pg_sequence_last_value(CAST(pg_get_serial_sequence(:name, :column) AS regclass)), 0) AS number
"""


SET_LAST_NUMBER = "SELECT setval(pg_get_serial_sequence(:name, :column), :number)"


BEFORE_MIGRATIONS = (
    # IF NOT EXISTS would need the right to create one even where an administrator has made it.
    "DO $$ BEGIN IF to_regnamespace('portalcal') IS NULL THEN CREATE SCHEMA portalcal; END IF; END $$",
    "CREATE TABLE portalcal.ledger (version INTEGER NOT NULL)",
)
"""What has to exist before the first migration: the schema, and the table that holds its version."""


PRESENCE = """
    SELECT to_regclass('portalcal.ledger') IS NOT NULL AS has_ledger,
           to_regclass('portalcal.errands') IS NOT NULL AS is_unreleased,
           EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('portalcal')) AS has_relations
"""
"""Whether the schema is a ledger, one of the schemas before 0.1.0 (which no release reads), or another program's."""


STORED_VERSION = """
    SELECT version, to_jsonb(ledger) ->> 'moved_to' AS moved_to,
           to_regclass('portalcal.errands') IS NOT NULL AS is_unreleased
    FROM portalcal.ledger
"""
"""The version of a ledger that is there, and which one took its place: earlier versions have no column `moved_to`."""


TRIAL = (
    """
    INSERT INTO bookings (
        id, workspace, state, start, duration, zone, guest_name, guest_email, title, guests, location, notes, meet, notify,
        buffer_before, buffer_after, created_at, updated_at, attempt, ended_because
    ) VALUES (
        '00000000-0000-4000-8000-000000000000', ' ', 'held', 253402000000, 60, 'UTC', '', '', '', '[]', '', '', 0, 'none',
        0, 0, 0, 0, 0, ''
    )
    """,
    "INSERT INTO outbox (workspace, booking, task, due_at) SELECT workspace, id, 'put', 0 FROM bookings WHERE workspace = ' '",
    "UPDATE outbox SET attempts = 1 WHERE workspace = ' '",
    "DELETE FROM outbox WHERE workspace = ' '",
    "UPDATE bookings SET state = 'confirmed' WHERE workspace = ' '",
    """
    INSERT INTO history (workspace, booking, at, what, cause, actor, host, command, old, new)
    VALUES (' ', ' ', 0, 'held', 'command', '', '', '', '{}', '{}')
    """,
    "INSERT INTO sync_tokens (workspace, calendar, token) VALUES (' ', ' ', '')",
)
"""What booking writes, in a workspace that nobody can name, in the year 9999; it is rolled back."""


HAS_CLAIM = "SELECT count(*) AS claims FROM claims WHERE workspace = ' '"


# `pg_stat_replication` shows nothing of a standby to a role without `pg_monitor`
# (https://www.postgresql.org/docs/current/monitoring-stats.html).
SERVER = """
    SELECT pg_backend_pid() AS pid, current_setting('server_version') AS version, pg_is_in_recovery() AS is_standby,
           CASE WHEN pg_is_in_recovery() THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
                ELSE (SELECT extract(epoch FROM max(coalesce(replay_lag, interval '0'))) FROM pg_stat_replication
                      WHERE state = 'streaming') END AS lag
"""


SIZE = """
    SELECT (SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class
            WHERE relnamespace = CAST('portalcal' AS regnamespace) AND relkind = 'r') AS bytes,
           (SELECT coalesce(sum(bookings), 0) FROM totals) AS bookings
"""


SOUNDNESS = """
    SELECT (SELECT count(*) FROM pg_constraint
            WHERE conrelid = to_regclass('claims') AND conname = 'claims_never_overlap' AND convalidated) = 1
           AS refuses_overlaps,
           (SELECT count(*) FROM pg_trigger
            WHERE tgrelid = CAST('bookings' AS regclass)
              AND tgname IN ('legal_transitions', 'count_bookings', 'claim_times')
              AND tgenabled IN ('O', 'A')) = 3
           AND (SELECT count(*) FROM pg_trigger
                WHERE tgrelid = CAST('history' AS regclass) AND tgname = 'keep_history'
                  AND tgenabled IN ('O', 'A')) = 1 AS has_triggers,
           NOT EXISTS (
               SELECT 1 FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
               WHERE relnamespace = CAST('portalcal' AS regnamespace) AND NOT (indisvalid AND indisready)) AS has_indexes,
           (SELECT count(*) FROM pg_class
            WHERE relnamespace = CAST('portalcal' AS regnamespace)
              AND relname IN ('bookings', 'claims', 'offers', 'outbox', 'totals', 'sync_tokens', 'history',
                              'history_pruned', 'history_readers')) = 9 AS has_tables,
           (SELECT bool_and(has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                            AND has_table_privilege(oid, 'UPDATE'))
            FROM pg_class WHERE relnamespace = CAST('portalcal' AS regnamespace)
              AND relname IN ('bookings', 'claims', 'offers', 'outbox', 'totals', 'sync_tokens'))
           AND has_table_privilege('history', 'SELECT') AND has_table_privilege('history', 'INSERT')
           AND current_setting('default_transaction_read_only') = 'off' AS is_writable
"""
"""Whether the constraints, triggers, indexes, tables and rights that the ledger depends on are all in place."""


# Meetings in any state may overlap each other. A meeting that reaches into the window begins at most the longest
# buffered duration before it. One lower bound for both that and the position, so that a page does not read those before it.
_SEARCH = """
    SELECT * FROM bookings
    WHERE workspace = :workspace AND meeting_end > :start AND start < :end
      AND start >= greatest(:after_start, :start + 1 - (
            SELECT coalesce(max(duration + buffer_before + buffer_after), 0)
            FROM bookings WHERE workspace = :workspace))
      AND (start > :after_start OR id > :after_id)
      AND offer IS NULL AND state IN (SELECT jsonb_array_elements_text(CAST(:states AS jsonb)))
      AND (CAST(:has_calendar AS int) IS NULL OR (calendar IS NOT NULL) = (CAST(:has_calendar AS int) = 1))
      AND (CAST(:has_refusal AS int) = 0 OR strpos(participants, '"declined"') > 0)
      AND (CAST(:is_narrowed AS int) = 0 OR etag IS NULL
           OR event_id IN (SELECT jsonb_array_elements_text(CAST(:touched_events AS jsonb)))
           OR id IN (SELECT jsonb_array_elements_text(CAST(:touched_bookings AS jsonb))))
"""


_HISTORY_LINES = """
    SELECT * FROM history
    WHERE {where} AND (CAST(:actor AS text) IS NULL OR actor = CAST(:actor AS text))
      AND what IN (SELECT jsonb_array_elements_text(CAST(:whats AS jsonb)))
    ORDER BY cursor DESC LIMIT :most
"""


_WANTED = "jsonb_array_elements_text(CAST(:participants AS jsonb)) AS wanted (value)"


def _wanted(conditions: str) -> str:
    # OFFSET 0 keeps the claims of each apart. Joined, the planner expects most claims of a workspace to match and reads all
    # of them by whatever index it finds.
    return f"""
        FROM {_WANTED} CROSS JOIN LATERAL (
            SELECT * FROM claims WHERE {conditions} ORDER BY claims.buffered_start OFFSET 0) AS claims"""  # noqa: S608 - constants


DIALECT = Dialect(
    # Two rows are enough to know that a prefix is ambiguous.
    bookings_with_prefix="""
        SELECT * FROM bookings WHERE id >= :first AND id < :after AND workspace = :workspace AND offer IS NULL LIMIT 2
    """,
    search=f"{_SEARCH} ORDER BY start, id LIMIT :most",
    search_by_email=f"{_SEARCH} AND lower(guest_email) = lower(CAST(:email AS text)) ORDER BY start, id LIMIT :most",
    history=_HISTORY_LINES.format(where="workspace = :workspace"),
    history_since=_HISTORY_LINES.format(where="workspace = :workspace AND at >= :since"),
    history_of_booking=_HISTORY_LINES.format(
        where="booking = :booking AND workspace = :workspace AND at >= :since"
    ),
    claims_of_others=claims_of_others(_wanted),
    claims_in_the_way=claims_in_the_way(_wanted),
    meeting_starts=meeting_starts(_wanted),
    # Two transactions that insert overlapping claims would each wait for the other, and the server would end one of them.
    # In one order, so that two transactions with several participants in common wait for each other in a row.
    lock_claimants=f"""
        SELECT pg_advisory_xact_lock({CLAIMANTS}, key) FROM (
            SELECT DISTINCT hashtext(value) AS key FROM {_WANTED} ORDER BY key) AS locks
    """,  # noqa: S608 - constants
)
