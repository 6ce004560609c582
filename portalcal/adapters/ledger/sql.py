"""The SQL statements of the ledger that both databases understand; those that differ are in each one's `Dialect`.

Instants are integer seconds since 1970 UTC, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Dialect(NamedTuple):
    """The statements that differ between databases: index hints, unnesting a list, comparing without case."""

    bookings_with_prefix: str
    search: str
    search_by_email: str
    history: str
    history_since: str
    history_of_booking: str
    claims_of_others: str
    claims_in_the_way: str
    meeting_starts: str
    lock_claimants: str | None  # None: write transactions of all workspaces run one at a time


def _insert(table: str, columns: str) -> str:
    """Return the statement that inserts a row, each column from the parameter of its name."""
    values = ", ".join(f":{column}" for column in columns.split(", "))
    return f"INSERT INTO {table} ({columns}) VALUES ({values})"  # noqa: S608 - our own names


def _update(table: str, columns: str) -> str:
    """Return the statement that updates the row with an id, each column from the parameter of its name."""
    changes = ", ".join(f"{column} = :{column}" for column in columns.split(", "))
    return f"UPDATE {table} SET {changes} WHERE id = :id AND workspace = :workspace"  # noqa: S608 - our own names


# --- bookings -------------------------------------------------------------------------------------------------

INSERT_BOOKING = _insert(
    "bookings",
    "id, workspace, state, start, duration, zone, guest_name, guest_email, title, link, guests, "
    "location, notes, meet, notify, buffer_before, buffer_after, created_at, updated_at, key, calendar, "
    "attempt, event_id, event_url, meet_url, etag, notified, ended_by, ended_because, participants, "
    "claimants, people, offer",
)

BOOKING = "SELECT * FROM bookings WHERE id = :id AND workspace = :workspace"

IS_BOOKING = "SELECT 1 FROM bookings WHERE id = :id"

BOOKING_UNDER_KEY = """
    SELECT * FROM bookings WHERE workspace = :workspace AND key = :key AND state <> 'refused'
"""

# Bookings with nobody in common may overlap, so the longest one bounds the search for those that reach into a window.
_LONGEST = """
    (SELECT coalesce(max(duration + buffer_before + buffer_after), 0) FROM bookings WHERE workspace = :workspace)
"""

LIVE_BOOKINGS_IN = f"""
    SELECT * FROM bookings
    WHERE workspace = :workspace AND is_live AND offer IS NULL AND buffered_start < :end AND buffered_end > :start
      AND buffered_start > :start - {_LONGEST}
    ORDER BY buffered_start, id
"""  # noqa: S608 - constants

MOVING_BOOKINGS_IN = """
    SELECT * FROM bookings
    WHERE workspace = :workspace AND is_live AND new_start IS NOT NULL
      AND new_buffered_start < :end AND new_buffered_end > :start
"""

# As in a search, the longest booking bounds how long before now one may have begun.
CALENDARS_AHEAD = f"""
    SELECT DISTINCT calendar FROM bookings
    WHERE workspace = :workspace AND meeting_end > :now AND start > :now - {_LONGEST}
      AND state IN ('held', 'confirmed') AND offer IS NULL AND calendar IS NOT NULL
    ORDER BY calendar
"""  # noqa: S608 - constants

# --- offers ---------------------------------------------------------------------------------------------------

INSERT_OFFER = _insert("offers", "id, workspace, state, expires_at, key, request, created_at, updated_at")

OFFER = "SELECT * FROM offers WHERE id = :id AND workspace = :workspace"

OFFER_UNDER_KEY = "SELECT * FROM offers WHERE workspace = :workspace AND key = :key"

# Of all workspaces, since SQLite would search by workspace; with four characters of an id they are few.
OFFERS_WITH_PREFIX = "SELECT * FROM offers WHERE id >= :first AND id < :after"

OFFERS_IN_STATE = """
    SELECT * FROM offers WHERE workspace = :workspace AND state = :state AND expires_at <= :end
    ORDER BY expires_at, id
"""

OFFERED_TIMES = "SELECT * FROM bookings WHERE offer = :offer ORDER BY start"

EXTEND_OFFER = _update("offers", "expires_at, updated_at")

END_OFFER = _update("offers", "state, booking, updated_at")

# --- claims ---------------------------------------------------------------------------------------------------

DROP_EXPIRED_CLAIMS = "DELETE FROM claims WHERE expires_at <= :now"

OWN_CLAIMS = f"""
    SELECT * FROM claims
    WHERE workspace = :workspace AND buffered_start < :end AND buffered_end > :start
      AND buffered_start > :start - {_LONGEST}
      AND (expires_at IS NULL OR expires_at > :now)
"""  # noqa: S608 - constants

Wanted = Callable[[str], str]
"""Returns the FROM clause with the claims that satisfy conditions, for each of the parameter's keys, `wanted.value`."""


def _claims_in_the_way(wanted: Wanted) -> str:
    """Return the statement for the earliest claim that overlaps a time of those wanted and is not the booking's own."""
    claims = _claims_of(wanted, condition="AND claims.booking <> :booking")
    return f"SELECT * FROM ({claims}) AS claims ORDER BY buffered_start, participant LIMIT 1"  # noqa: S608


_CLAIMS_IN_A_WINDOW = """
    claims.participant = wanted.value AND claims.is_new = {is_new}
    AND claims.buffered_start < :end AND claims.buffered_end > :start
    AND claims.buffered_start >= coalesce((
        SELECT earlier.buffered_start FROM claims AS earlier
        WHERE earlier.participant = wanted.value AND earlier.is_new = {is_new} AND earlier.buffered_start <= :start
        ORDER BY earlier.buffered_start DESC LIMIT 1), :start)
    AND (claims.expires_at IS NULL OR claims.expires_at > :now) {condition}
"""


def _claims_of(wanted: Wanted, *, condition: str) -> str:
    """Claims of a participant are disjoint: of those that start before the window only the last can reach into it.

    That holds for present and new ones apart, and leaving out one booking changes nothing.
    """
    present, new = (
        wanted(_CLAIMS_IN_A_WINDOW.format(is_new=is_new, condition=condition)) for is_new in (0, 1)
    )
    return f"SELECT claims.* {present} UNION ALL SELECT claims.* {new}"


def _meeting_starts(wanted: Wanted) -> str:
    """Return the statement for the starts of those wanted from `:start` to `:end`, and of the last booking before.

    Buffered times that are disjoint are in the order of their meetings.
    """
    claims = wanted("""
        claims.participant = wanted.value AND claims.is_new = 0 AND claims.offer IS NULL
        AND claims.booking <> :booking AND claims.meeting_start < :end AND claims.buffered_start < :end
        AND claims.buffered_start >= coalesce((
            SELECT earlier.buffered_start FROM claims AS earlier
            WHERE earlier.participant = wanted.value AND earlier.is_new = 0 AND earlier.offer IS NULL
              AND earlier.booking <> :booking AND earlier.meeting_start < :start
              AND earlier.buffered_start < :start
            ORDER BY earlier.buffered_start DESC LIMIT 1), :long_ago)""")
    return f"""
        SELECT claims.participant, claims.meeting_start {claims}
        ORDER BY claims.participant, claims.meeting_start
    """


RECORD_OUTCOME = _update(
    "bookings",
    "state, calendar, attempt, event_id, event_url, meet_url, etag, notified, ended_by, ended_because, "
    "updated_at, start, duration, new_start, new_duration, old_start, old_duration, original_request, "
    "participants, claimants, new_participants, new_claimants",
)

RECORD_EVENT = _update("bookings", "attempt, event_id, event_url, meet_url, etag, notified, updated_at")

END_BOOKING = _update("bookings", "state, notify, ended_by, ended_because, updated_at")

RECORD_MOVE = _update(
    "bookings",
    "start, duration, new_start, new_duration, old_start, old_duration, original_request, notify, "
    "moved_because, updated_at, participants, claimants, new_participants, new_claimants",
)

ADOPT_BOOKING = _update(
    "bookings",
    "state, start, duration, title, location, original_request, calendar, event_id, event_url, meet_url, "
    "etag, declined, ended_by, updated_at, participants, claimants",
)

SET_CALENDAR = _update("bookings", "calendar")

# --- sync tokens ----------------------------------------------------------------------------------------------

SYNC_TOKEN = "SELECT token FROM sync_tokens WHERE workspace = :workspace AND calendar = :calendar"  # noqa: S105

_INSERT_SYNC_TOKEN = _insert("sync_tokens", "workspace, calendar, token")

SAVE_SYNC_TOKEN = f"{_INSERT_SYNC_TOKEN} ON CONFLICT (workspace, calendar) DO UPDATE SET token = :token"

SAVE_FIRST_SYNC_TOKEN = f"{_INSERT_SYNC_TOKEN} ON CONFLICT (workspace, calendar) DO NOTHING"

# --- outbox ---------------------------------------------------------------------------------------------------

INSERT_ENTRY = _insert("outbox", "workspace, booking, task, due_at")

ENTRY_OF_BOOKING = """
    SELECT * FROM outbox WHERE booking = :booking AND workspace = :workspace ORDER BY id LIMIT 1
"""

# Two SQL functions of ours differ between the databases: `lease_until`, when a lease that is taken now lapses, and
# `lease_has_ended`, whether it did, by time or with the process that had it.
_LEASABLE = """
    workspace = :workspace AND (leased_until IS NULL OR lease_has_ended(leased_until, lease_owner, :now))
      AND NOT EXISTS (
            SELECT 1 FROM outbox AS earlier WHERE earlier.booking = outbox.booking AND earlier.id < outbox.id)
"""

DUE_ENTRIES = f"SELECT * FROM outbox WHERE due_at <= :now AND {_LEASABLE} ORDER BY due_at, id LIMIT :most"  # noqa: S608

OWED_ENTRIES = """
    SELECT * FROM outbox
    WHERE workspace = :workspace
      AND NOT EXISTS (
            SELECT 1 FROM outbox AS earlier WHERE earlier.booking = outbox.booking AND earlier.id < outbox.id)
    ORDER BY due_at, id
"""

# Writers run one at a time, so of two processes the second finds the entry leased.
LEASE_ENTRY = f"""
    UPDATE outbox SET
        attempts = attempts + 1, lease = lease + 1, leased_until = lease_until(:now, :length),
        lease_owner = :lease_owner
    WHERE booking = :booking AND task = :task AND {_LEASABLE}
    RETURNING *
"""  # noqa: S608

ENTRY_UNDER_LEASE = """
    SELECT * FROM outbox WHERE id = :id AND workspace = :workspace AND lease = :lease
"""

POSTPONE_ENTRY = """
    UPDATE outbox SET
        leased_until = NULL, last_error = :last_error,
        due_at = CASE task WHEN :task THEN :due_at ELSE due_at END,
        outcome_unknown = :outcome_unknown
    WHERE id = :id AND workspace = :workspace AND lease = :lease
"""

# A lease is kept, so that an attempt under way ends before the removal looks for the event.
CHANGE_TO_REMOVAL = """
    UPDATE outbox SET task = 'remove', attempts = 0, due_at = :now WHERE id = :id
"""

LEASE_IN_FORCE = """
    SELECT 1 FROM outbox
    WHERE id = :id AND leased_until IS NOT NULL AND NOT lease_has_ended(leased_until, lease_owner, :now)
"""

DELETE_LATER_ENTRIES = "DELETE FROM outbox WHERE booking = :booking AND id > :id"

END_LEASE = "UPDATE outbox SET leased_until = NULL WHERE id = :id"

DELETE_ENTRY = "DELETE FROM outbox WHERE id = :id"

# --- history --------------------------------------------------------------------------------------------------

INSERT_LINE = _insert("history", "workspace, booking, at, what, cause, actor, host, command, old, new")

HISTORY_AFTER = """
    SELECT * FROM history WHERE workspace = :workspace AND cursor > :cursor ORDER BY cursor LIMIT :most
"""

# A booking that still holds its time and is not past keeps its history whole.
PRUNE = """
    DELETE FROM history WHERE cursor IN (
        SELECT cursor FROM history
        WHERE workspace = :workspace AND at < :before
          AND NOT EXISTS (
                SELECT 1 FROM bookings WHERE id = history.booking AND is_live AND meeting_end > :now)
        ORDER BY at LIMIT :most)
    RETURNING cursor
"""

# A trigger refuses to delete what this does not allow.
ALLOW_PRUNING = """
    INSERT INTO history_pruned (workspace, before, cursor) VALUES (:workspace, :before, 0)
    ON CONFLICT (workspace) DO UPDATE SET before = :before
"""

RECORD_PRUNING = """
    UPDATE history_pruned SET cursor = :cursor WHERE workspace = :workspace AND cursor < :cursor
"""

READER = "SELECT cursor FROM history_readers WHERE workspace = :workspace AND reader = :reader"

SAVE_READER = """
    INSERT INTO history_readers (workspace, reader, cursor) VALUES (:workspace, :reader, :cursor)
    ON CONFLICT (workspace, reader) DO UPDATE SET cursor = :cursor WHERE history_readers.cursor < :cursor
"""

LATEST = "SELECT coalesce(max(cursor), 0) AS cursor FROM history WHERE workspace = :workspace"

TOTALS = "SELECT state, bookings FROM totals WHERE workspace = :workspace"

PRUNED = "SELECT cursor FROM history_pruned WHERE workspace = :workspace"

# --- counts ---------------------------------------------------------------------------------------------------

TALLY = """
    SELECT
        (SELECT coalesce(sum(bookings), 0) FROM totals
         WHERE workspace = :workspace AND state IN ('held', 'confirmed', 'cancelling')) AS live,
        (SELECT coalesce(sum(bookings), 0) FROM totals
         WHERE workspace = :workspace AND state = 'held') AS held,
        (SELECT count(*) FROM outbox
         WHERE workspace = :workspace AND due_at <= :now
           AND (leased_until IS NULL OR lease_has_ended(leased_until, lease_owner, :now))) AS overdue,
        (SELECT count(*) FROM bookings
         WHERE workspace = :workspace AND is_live AND event_id IS NULL AND start >= :now AND offer IS NULL) AS without_event
"""

WRONG_COUNTS = """
    SELECT counted.state FROM (
        SELECT workspace, state, count(*) AS bookings FROM bookings WHERE offer IS NULL
        GROUP BY workspace, state) AS counted
    LEFT JOIN totals ON totals.workspace = counted.workspace AND totals.state = counted.state
    WHERE coalesce(totals.bookings, -1) <> counted.bookings
    LIMIT 1
"""

# --- what differs between the databases -----------------------------------------------------------------------

# Meetings in any state may overlap each other. A meeting that reaches into the window begins at most the longest
# buffered duration before it. One lower bound for both that and the position, so that a page does not read those before it.
_SEARCH = """
    SELECT * FROM bookings
    WHERE workspace = :workspace AND meeting_end > :start AND start < :end
      AND start >= {greatest}(:after_start, :start + 1 - {longest})
      AND (+start > :after_start OR id > :after_id)
      AND offer IS NULL AND state IN ({states})
      AND (CAST(:has_calendar AS INTEGER) IS NULL OR (calendar IS NOT NULL) = (CAST(:has_calendar AS INTEGER) = 1))
      AND (CAST(:has_refusal AS INTEGER) = 0 OR {position}(participants, '"declined"') > 0)
      AND (CAST(:is_narrowed AS INTEGER) = 0 OR etag IS NULL OR event_id IN ({events}) OR id IN ({bookings}))
      {and_email}
    ORDER BY start, id LIMIT :most
"""

_HISTORY_LINES = """
    SELECT * FROM history
    WHERE {where} AND (CAST(:actor AS TEXT) IS NULL OR actor = CAST(:actor AS TEXT)) AND what IN ({whats})
    ORDER BY cursor DESC LIMIT :most
"""


def dialect(
    *,
    values_of: Callable[[str], str],
    wanted: Wanted,
    greatest: str,
    position: str,
    same_email: str,
    workspace: str,
    lock_claimants: str | None,
) -> Dialect:
    """Return the statements in the SQL of one database.

    `values_of`: a SELECT of the values of a parameter, a list as JSON. `greatest`, `position`: names of functions.
    `workspace`: the column where another index is to be used.
    """

    def search(and_email: str = "") -> str:
        return _SEARCH.format(
            greatest=greatest,
            longest=_LONGEST,
            position=position,
            states=values_of("states"),
            events=values_of("touched_events"),
            bookings=values_of("touched_bookings"),
            and_email=and_email,
        )

    def history(where: str) -> str:
        return _HISTORY_LINES.format(where=where, whats=values_of("whats"))

    return Dialect(
        # Two rows are enough to know that a prefix is ambiguous.
        bookings_with_prefix=f"""
            SELECT * FROM bookings
            WHERE id >= :first AND id < :after AND {workspace} = :workspace AND offer IS NULL LIMIT 2
        """,  # noqa: S608 - constants
        search=search(),
        search_by_email=search(f"AND {same_email}"),
        history=history("workspace = :workspace"),
        history_since=history("workspace = :workspace AND at >= :since"),
        history_of_booking=history(f"booking = :booking AND {workspace} = :workspace AND at >= :since"),
        claims_of_others=_claims_of(wanted, condition="AND claims.workspace <> :workspace"),
        claims_in_the_way=_claims_in_the_way(wanted),
        meeting_starts=_meeting_starts(wanted),
        lock_claimants=lock_claimants,
    )
