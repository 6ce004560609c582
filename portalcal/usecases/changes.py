"""Hand out the changes of bookings, in order and at least once: for a portal that keeps a copy, and for hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.core.history import HistoryLine
from portalcal.errors import PortalcalError
from portalcal.ports import Context
from portalcal.usecases.sync.sync import SyncOptions, sync
from portalcal.warnings import ChangesPruned, SyncFailed

_PAGE = 1000
"""Lines read in one transaction."""

_PAUSE = 1.0
"""Seconds between two looks into the ledger."""


class ChangesOptions(NamedTuple):
    """Which changes to hand out."""

    zone: ZoneInfo  # of messages
    since: int = 0  # a cursor; 0: from the first change on
    limit: int | None = None  # at most so many
    follow: bool = False  # wait for more
    every: float = 60.0  # seconds between two runs of `sync` while waiting


def changes(
    options: ChangesOptions, context: Context, *, wait: Callable[[float], None]
) -> Iterator[tuple[HistoryLine, ...]]:
    """Yield pages of the changes after a cursor. With `follow` it never ends; `wait` sleeps for so many seconds.

    A page that was yielded is not yielded again; a reader that ends before it has kept a page asks for it again by the
    cursor of the last line it kept.
    """
    cursor, left = options.since, options.limit
    following = _Following(options, context)
    while left is None or left > 0:
        feed = context.history.changes(cursor, most=_PAGE if left is None else min(left, _PAGE))
        if feed.is_gap:
            context.view.warn(ChangesPruned(cursor))
        if feed.lines:
            cursor = feed.lines[-1].cursor
            left = None if left is None else left - len(feed.lines)
            yield feed.lines
        elif not options.follow:
            return
        elif not following.sync_if_due():
            wait(_PAUSE)


class _Following:
    """Runs `sync` now and then, and never fails because of it."""

    def __init__(self, options: ChangesOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._last_run: float | None = None
        self._last_failure = ""

    def sync_if_due(self) -> bool:
        """Run `sync` if its time has come. A failure is a warning, once as long as it stays the same."""
        now = self._context.clock.monotonic()
        if self._last_run is not None and now - self._last_run < self._options.every:
            return False
        self._last_run = now
        try:
            sync(SyncOptions(self._options.zone), self._context)
            self._last_failure = ""
        except PortalcalError as error:
            if error.message != self._last_failure:
                self._context.view.warn(SyncFailed(error.message))
            self._last_failure = error.message
        return True
