"""The PostgreSQL ledger's schema as numbered migrations, and the statements that only PostgreSQL understands.

All objects are in a schema of their own, `portalcal`. No extension is needed, so the right to create a schema is enough.
"""

from __future__ import annotations

from portalcal.adapters.ledger.lease_renewal import LASTS
from portalcal.adapters.ledger.schema import tables
from portalcal.adapters.ledger.sql import dialect

WRITERS, MIGRATING, CLAIMANTS, MOVING = 0x706F7201, 0x706F7203, 0x706F7204, 0x706F7205
"""The first keys of our advisory locks, "por" and a count: all programs that use the database share one key space."""

_LIVE = "state IN ('held', 'confirmed', 'cancelling')"


def _claims() -> tuple[str, str]:
    """Return the SQL that inserts the claims of a live booking's new row: of its time, and of where it is moving to."""
    owner = "CAST(jsonb_build_array('workspace:' || NEW.workspace) AS text)"
    present_ones = f"CAST(coalesce(NEW.claimants, {owner}) AS jsonb)"
    new_ones = f"CAST(coalesce(NEW.new_claimants, NEW.claimants, {owner}) AS jsonb)"
    present, new = (
        f"int8range(NEW.{prefix}start - NEW.buffer_before,"
        f" NEW.{prefix}start + NEW.{prefix}duration + NEW.buffer_after)"
        for prefix in ("", "new_")
    )
    # A participant of both times guards the present one already.
    guarded_new = f"""int8multirange({new}) - CASE WHEN {present_ones} ? claimant.key
        THEN int8multirange({present}) ELSE int8multirange() END"""
    first, second = (
        f"""
        INSERT INTO claims (participant, is_new, buffered_start, buffered_end, meeting_start, meeting_end, booking,
                            workspace, link, offer, expires_at, guarded)
        SELECT claimant.key, {is_new}, lower({span}), upper({span}), NEW.{prefix}start,
               NEW.{prefix}start + NEW.{prefix}duration, NEW.id, NEW.workspace, NEW.link, NEW.offer,
               (SELECT expires_at FROM offers WHERE id = NEW.offer), {guarded}
        FROM jsonb_array_elements_text({claimants}) AS claimant (key)
        WHERE NEW.{_LIVE}{is_moving} ORDER BY claimant.key"""  # noqa: S608 - constants
        for is_new, prefix, span, claimants, guarded, is_moving in (
            (0, "", present, present_ones, f"int8multirange({present})", ""),
            (1, "new_", new, new_ones, guarded_new, " AND NEW.new_start IS NOT NULL"),
        )
    )
    return first, second


_FIRST = (
    # A range of names, so that the exclusion constraint can compare participants: a GiST index supports = of text only
    # with the extension btree_gist, but && of every range type without one.
    'CREATE TYPE names AS RANGE (SUBTYPE = text, COLLATION = "C")',
    *tables(
        id='TEXT COLLATE "C"',
        integer="BIGINT",
        number="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        boolean="BOOLEAN",
        computed="GENERATED ALWAYS AS",
        stored="STORED",
        table="",
        keyed_table="",
    ),
    "CREATE INDEX bookings_by_guest ON bookings (workspace, lower(guest_email), start)",
    # Live bookings of a workspace may overlap where they have nobody in common, so the longest one bounds a search.
    "CREATE INDEX bookings_by_length ON bookings (workspace, (duration + buffer_before + buffer_after))",
    "CREATE INDEX outbox_by_lease_owner ON outbox (lease_owner) WHERE leased_until IS NOT NULL",
    # guarded: the time that no other claim of the participant may overlap. Both times of a booking that is being moved
    # may overlap, so the new one is guarded without the present one.
    """
    ALTER TABLE claims
        ADD COLUMN guarded int8multirange NOT NULL,
        ADD CONSTRAINT claims_never_overlap EXCLUDE USING gist (
            guarded WITH &&, (names(participant, participant, '[]')) WITH &&)
    """,
    # A lease rests on a row and the server's clock, since a pooler gives every transaction another session. The clocks of
    # the hosts of a fleet differ, so the time that a host gives does not count. A lease is short, and its owner renews it.
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
    f"""
    CREATE FUNCTION claim_times() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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
        {"; ".join(_claims())};
        RETURN NULL;
    END $$
    """,  # noqa: S608 - constants
    """
    CREATE TRIGGER claim_times AFTER INSERT OR UPDATE OF
        workspace, state, start, duration, buffer_before, buffer_after, new_start, new_duration, claimants, new_claimants
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
    """
    CREATE TRIGGER count_bookings AFTER INSERT OR DELETE OR UPDATE OF state, workspace ON bookings
    FOR EACH ROW EXECUTE FUNCTION count_bookings()
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

FIRST_VERSION = 6
"""The version of the first released schema; no release reads those before it."""

Migrations = tuple[tuple[str, ...], ...]
MIGRATIONS: Migrations = (_FIRST,)
"""Statements that make the first released schema, and those that take a ledger from each version to the next."""

VERSION = FIRST_VERSION - 1 + len(MIGRATIONS)
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
    # moved_to: the ledger that took the place of this one.
    "CREATE TABLE portalcal.ledger (version INTEGER NOT NULL, moved_to TEXT)",
)
"""What has to exist before the first migration: the schema, and the table that holds its version."""

PRESENCE = """
    SELECT to_regclass('portalcal.ledger') IS NOT NULL AS has_ledger,
           EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('portalcal')) AS has_relations
"""
"""Whether the schema is a ledger, or another program's."""

STORED_VERSION = "SELECT version, to_jsonb(ledger) ->> 'moved_to' AS moved_to FROM portalcal.ledger"
"""The version of a ledger that is there, and which one took its place: unreleased ones have no column `moved_to`."""

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


def _values_of(parameter: str) -> str:
    return f"jsonb_array_elements_text(CAST(:{parameter} AS jsonb))"


_WANTED = f"{_values_of('participants')} AS wanted (value)"


def _wanted(conditions: str) -> str:
    # OFFSET 0 keeps the claims of each apart. Joined, the planner expects most claims of a workspace to match and reads all
    # of them by whatever index it finds.
    return f"""
        FROM {_WANTED} CROSS JOIN LATERAL (
            SELECT * FROM claims WHERE {conditions} ORDER BY claims.buffered_start OFFSET 0) AS claims"""  # noqa: S608 - constants


DIALECT = dialect(
    values_of=lambda parameter: f"SELECT {_values_of(parameter)}",
    wanted=_wanted,
    greatest="greatest",
    position="strpos",
    same_email="lower(guest_email) = lower(CAST(:email AS text))",
    workspace="workspace",
    # Two transactions that insert overlapping claims would each wait for the other, and the server would end one of them.
    # In one order, so that two transactions with several participants in common wait for each other in a row.
    lock_claimants=f"""
        SELECT pg_advisory_xact_lock({CLAIMANTS}, key) FROM (
            SELECT DISTINCT hashtext(value) AS key FROM {_WANTED} ORDER BY key) AS locks
    """,  # noqa: S608 - constants
)
