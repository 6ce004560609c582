"""Hand every change of a booking to a command of the user's, one by one and in order.

A change counts as handed over once the command succeeded for it. After a failure the rest waits, so that the order is
kept, and the next run begins with the same change. Nothing here ever stops a sync.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from portalcal.core.history import HistoryLine
from portalcal.errors import PortalcalError
from portalcal.ports import Context
from portalcal.warnings import HookFailed

RunHook = Callable[[HistoryLine], str | None]
"""Runs the command for one change; returns why it failed, or None."""

_READER = "exec"
"""One reader a workspace, whatever the command: who corrects a failing command gets what it has missed."""

_PAGE = 100


@contextmanager
def hook(run: RunHook | None, context: Context) -> Iterator[None]:
    """Hand over all changes when the block ends, well or not. The first time: only those that are made in it."""
    if run is None:
        yield
        return
    if context.history.read_up_to(_READER) is None:
        context.history.mark_read(_READER, context.history.latest_cursor())
    try:
        yield
    except PortalcalError:
        _hand_over(run, context)
        raise
    _hand_over(run, context)


def _hand_over(run: RunHook, context: Context) -> None:
    cursor = context.history.read_up_to(_READER) or 0
    while lines := context.history.changes(cursor, most=_PAGE).lines:
        for line in lines:
            if failure := run(line):
                context.view.warn(HookFailed(line.cursor, line.booking, failure))
                return
            cursor = line.cursor
            context.history.mark_read(_READER, cursor)
