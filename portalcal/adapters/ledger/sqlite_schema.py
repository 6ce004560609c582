"""The SQLite ledger's schema as numbered migrations, and the statements that only SQLite understands."""

from __future__ import annotations

from portalcal.adapters.ledger.schema import tables
from portalcal.adapters.ledger.sql import dialect

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

_LIVE = "IN ('held', 'confirmed', 'cancelling')"


def _claims() -> tuple[str, str]:
    """Return the SQL that inserts the claims of a live booking's new row: of its time, and of where it is moving to."""
    # A name of a workspace needs no escape in JSON. json_array() may not be used in a trigger of an untrusted schema.
    owner = """'["workspace:' || NEW.workspace || '"]'"""
    present_ones = f"json_each(coalesce(NEW.claimants, {owner}))"
    new_ones = f"json_each(coalesce(NEW.new_claimants, NEW.claimants, {owner}))"
    present, new = (
        f"""
        INSERT INTO claims (participant, is_new, buffered_start, buffered_end, meeting_start, meeting_end, booking,
                            workspace, link, offer, expires_at)
        SELECT claimant.value, {is_new}, NEW.{new}start - NEW.buffer_before,
               NEW.{new}start + NEW.{new}duration + NEW.buffer_after,
               NEW.{new}start, NEW.{new}start + NEW.{new}duration, NEW.id,
               NEW.workspace, NEW.link, NEW.offer,
               (SELECT expires_at FROM offers WHERE id = NEW.offer)
        FROM {claimants} AS claimant
        WHERE NEW.state {_LIVE}{is_moving}"""  # noqa: S608 - constants
        for is_new, new, claimants, is_moving in (
            (0, "", present_ones, ""),
            (1, "new_", new_ones, " AND NEW.new_start IS NOT NULL"),
        )
    )
    return present, new


def _last_claim_end(is_new: int) -> str:
    """Return the SQL for the latest end among other bookings' claims of the participant that start before a claim ends."""
    return f"""coalesce((
            SELECT buffered_end FROM claims
            WHERE participant = NEW.participant AND is_new = {is_new} AND buffered_start < NEW.buffered_end
              AND booking <> NEW.booking
            ORDER BY buffered_start DESC LIMIT 1), {_NO_BOOKING})"""  # noqa: S608 - constants


_FIRST = (
    *tables(
        id="TEXT",
        integer="INTEGER",
        number="INTEGER PRIMARY KEY AUTOINCREMENT",
        boolean="INTEGER",
        computed="AS",
        stored="",
        table="STRICT",
        keyed_table="STRICT, WITHOUT ROWID",
    ),
    "CREATE INDEX bookings_by_guest ON bookings (workspace, guest_email COLLATE NOCASE, start)",
    # Live bookings of a workspace may overlap where they have nobody in common, so the longest one bounds a search.
    "CREATE INDEX bookings_by_length ON bookings (workspace, duration + buffer_before + buffer_after)",
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
        {"; ".join(_claims())};
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
        {"; ".join(_claims())};
    END
    """,  # noqa: S608 - constants
    """
    CREATE TRIGGER extend_claims AFTER UPDATE OF expires_at ON offers
    BEGIN
        UPDATE claims SET expires_at = NEW.expires_at
        WHERE booking IN (SELECT id FROM bookings WHERE offer = NEW.id);
    END
    """,
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

Migrations = tuple[tuple[str, ...], ...]
"""Statements that make the first released schema, and those that take a ledger from each version to the next."""

FIRST_VERSION = 4
"""The version of the first released schema; no release reads those before it."""

MIGRATIONS: Migrations = (_FIRST,)

VERSION = FIRST_VERSION - 1 + len(MIGRATIONS)
"""The version this program reads and writes (`PRAGMA user_version`)."""


def _wanted(conditions: str) -> str:
    # CROSS JOIN keeps SQLite from joining the other way round (https://sqlite.org/optoverview.html#crossjoin).
    return f"FROM json_each(:participants) AS wanted CROSS JOIN claims WHERE {conditions}"


DIALECT = dialect(
    values_of=lambda parameter: f"SELECT value FROM json_each(:{parameter})",  # noqa: S608 - constants
    wanted=_wanted,
    greatest="max",
    position="instr",
    same_email="guest_email = :email COLLATE NOCASE",
    # The unary plus keeps SQLite from scanning the workspace: its planner takes an equality for more selective than a range.
    workspace="+workspace",
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
