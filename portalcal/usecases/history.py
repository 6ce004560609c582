"""Read the history of bookings, and forget old parts of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.core.history import What
from portalcal.core.reason_text import count_of
from portalcal.ports import Context, HistoryQuery
from portalcal.results import HistoryPage, HistoryPruned
from portalcal.usecases.find_booking import find_booking
from portalcal.usecases.ledger_failure import claiming

_USUAL = timedelta(days=30)
"""How far back the history goes unless another time, or one booking, is asked for."""

_AT_ONCE = 10_000
"""Lines forgotten in one transaction, so that other writers wait for milliseconds only."""


class HistoryOptions(NamedTuple):
    """Which changes to show."""

    zone: ZoneInfo  # of display
    since: datetime | None = None
    booking: str | None = None  # as it is found by `find_booking`
    actor: str | None = None
    whats: tuple[What, ...] = ()


def history(options: HistoryOptions, context: Context) -> HistoryPage:
    """The recorded changes, the earliest first: of one booking all of them, else those of the last 30 days.

    Raises:
        BookingNotFound: no booking has that id, or not exactly one live booking that guest.
    """
    booking = str(find_booking(options.booking, context).id) if options.booking else None
    since = options.since
    if since is None and booking is None:
        since = context.clock.now() - _USUAL
    lines = context.history.history(HistoryQuery(booking, since, options.actor, options.whats))
    return HistoryPage(lines, options.zone)


def prune(age: timedelta, context: Context, *, zone: ZoneInfo) -> HistoryPruned:
    """Forget lines older than `age` of bookings that are over."""
    before = context.clock.now() - age
    forgotten = context.history.prune_history(before, most=_AT_ONCE)
    last = forgotten
    while last:
        with claiming(f"{count_of(forgotten, 'line')} of the history had been forgotten."):
            last = context.history.prune_history(before, most=_AT_ONCE)
        forgotten += last
    return HistoryPruned(forgotten, before, zone)
