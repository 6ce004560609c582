"""The named statements of the SQLite ledger. Its tables, constraints and triggers are in `sqlite_migrations`.

Instants are integer seconds since 1970 UTC, durations seconds.
"""

from __future__ import annotations

from portalcal.adapters import sqlite_migrations

APPLICATION_ID = 0x706F7274
"""Tells our ledger from the databases of other programs (`PRAGMA application_id`): "port" in ASCII."""

MIGRATIONS = sqlite_migrations.MIGRATIONS
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

MOVING_BOOKINGS_IN = """
    SELECT * FROM bookings
    WHERE workspace = :workspace AND is_live AND new_start IS NOT NULL
      AND new_guard_start < :end AND new_guard_end > :start
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
        ended_because = :ended_because, updated_at = :updated_at, start = :start, duration = :duration,
        new_start = :new_start, new_duration = :new_duration, old_start = :old_start, old_duration = :old_duration,
        asked = :asked
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

RECORD_MOVE = """
    UPDATE bookings SET
        start = :start, duration = :duration, new_start = :new_start, new_duration = :new_duration,
        old_start = :old_start, old_duration = :old_duration, asked = :asked, notify = :notify,
        moved_because = :moved_because, updated_at = :updated_at
    WHERE id = :id AND workspace = :workspace
"""

ADOPT_BOOKING = """
    UPDATE bookings SET
        state = :state, start = :start, duration = :duration, title = :title, location = :location, asked = :asked,
        calendar = :calendar, event_id = :event_id, event_url = :event_url, meet_url = :meet_url, etag = :etag,
        declined = :declined, ended_by = :ended_by, updated_at = :updated_at
    WHERE id = :id AND workspace = :workspace
"""

GIVE_CALENDAR = "UPDATE bookings SET calendar = :calendar WHERE id = :id AND workspace = :workspace"


# --- sync tokens ----------------------------------------------------------------------------------------------

SYNC_TOKEN = "SELECT token FROM sync_tokens WHERE workspace = :workspace AND calendar = :calendar"  # noqa: S105

KEEP_SYNC_TOKEN = """
    INSERT INTO sync_tokens (workspace, calendar, token) VALUES (:workspace, :calendar, :token)
    ON CONFLICT (workspace, calendar) DO UPDATE SET token = :token
"""  # noqa: S105


# --- errands --------------------------------------------------------------------------------------------------

INSERT_ERRAND = """
    INSERT INTO errands (workspace, booking, task, due_at) VALUES (:workspace, :booking, :task, :due_at)
"""

ERRAND_OF_BOOKING = """
    SELECT * FROM errands WHERE booking = :booking AND workspace = :workspace ORDER BY id LIMIT 1
"""

# `is_gone` is a function of ours (sqlite_file.py): the process with that sign of life has ended.
_FREE_AT_NOW = """
    workspace = :workspace AND (leased_until IS NULL OR leased_until <= :now OR is_gone(owner))
      AND NOT EXISTS (
            SELECT 1 FROM errands AS earlier WHERE earlier.booking = errands.booking AND earlier.id < errands.id)
"""
DUE_ERRANDS = f"SELECT * FROM errands WHERE due_at <= :now AND {_FREE_AT_NOW} ORDER BY due_at, id LIMIT :most"  # noqa: S608

OWED_ERRANDS = """
    SELECT * FROM errands
    WHERE workspace = :workspace
      AND NOT EXISTS (
            SELECT 1 FROM errands AS earlier WHERE earlier.booking = errands.booking AND earlier.id < errands.id)
    ORDER BY due_at, id
"""

# Of two processes the second finds the lease taken, since the first one's transaction is over by then.
LEASE_ERRAND = f"""
    UPDATE errands SET attempts = attempts + 1, lease = lease + 1, leased_until = :until, owner = :owner
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

LEASE_IN_FORCE = "SELECT 1 FROM errands WHERE id = :id AND leased_until > :now AND NOT is_gone(owner)"

DELETE_LATER_ERRANDS = "DELETE FROM errands WHERE booking = :booking AND id > :id"

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
           AND (leased_until IS NULL OR leased_until <= :now OR is_gone(owner))) AS overdue,
        (SELECT count(*) FROM bookings
         WHERE workspace = :workspace AND is_live AND event_id IS NULL AND start >= :now) AS without_event
"""

OVERLAPPING = """
    SELECT id FROM (
        SELECT id, guard_start, lag(guard_end) OVER (PARTITION BY workspace ORDER BY guard_start) AS before
        FROM bookings WHERE is_live)
    WHERE guard_start < before
    UNION ALL
    SELECT moving.id FROM bookings AS moving JOIN bookings AS other USING (workspace)
    WHERE moving.is_live AND moving.new_start IS NOT NULL AND other.is_live AND other.id <> moving.id
      AND (other.guard_start < moving.new_guard_end AND other.guard_end > moving.new_guard_start
           OR other.new_guard_start < moving.new_guard_end AND other.new_guard_end > moving.new_guard_start)
    LIMIT 1
"""
