"""The named statements that the ledger runs on either database, each of which says itself what it says differently.

Instants are integer seconds since 1970 UTC, durations seconds.
"""

from __future__ import annotations

from typing import NamedTuple


class Dialect(NamedTuple):
    """What the databases do not have in common: how they narrow an index, unfold a list and compare without case."""

    bookings_with_prefix: str
    search: str
    search_by_email: str


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

# `is_gone` is a function of ours in either database: the process with that sign of life has ended.
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

# Of two processes the second finds the lease taken: whoever writes is the only writer.
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


# --- counts ---------------------------------------------------------------------------------------------------

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
