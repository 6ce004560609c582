"""What of the ledger's statements only SQLite understands. Its tables, constraints and triggers are in `sqlite_migrations`."""

from __future__ import annotations

from portalcal.adapters import sqlite_migrations
from portalcal.adapters.ledger_statements import Dialect

APPLICATION_ID = 0x706F7274
"""Tells our ledger from the databases of other programs (`PRAGMA application_id`): "port" in ASCII."""

MIGRATIONS = sqlite_migrations.MIGRATIONS
"""What takes a ledger from version n to n + 1, by n."""

VERSION = len(MIGRATIONS)
"""The version this program reads and writes (`PRAGMA user_version`)."""

# Two are enough to know that a prefix is not the beginning of one id alone. The plus keeps SQLite from reading all
# of a workspace by another index: it takes an equality for more selective than a range.
_BOOKINGS_WITH_PREFIX = """
    SELECT * FROM bookings WHERE id >= :first AND id < :after AND +workspace = :workspace LIMIT 2
"""

# Meetings of any state may overlap; none that begins earlier than the longest one lasts can reach into the window.
_SEARCH = """
    SELECT * FROM bookings
    WHERE workspace = :workspace AND meeting_end > :start AND start < :end
      AND start > :start - (SELECT coalesce(max(duration), 0) FROM bookings WHERE workspace = :workspace)
      AND state IN (SELECT value FROM json_each(:states))
"""
DIALECT = Dialect(
    bookings_with_prefix=_BOOKINGS_WITH_PREFIX,
    search=f"{_SEARCH} ORDER BY start, id",
    search_by_email=f"{_SEARCH} AND guest_email = :email COLLATE NOCASE ORDER BY start, id",
)

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
