"""Gather what monitoring asks of a workspace. Reads only, and never asks Google."""

from __future__ import annotations

from portalcal.core.booking import State
from portalcal.errors import PortalcalError
from portalcal.ports import Context
from portalcal.results import Metrics


def metrics(context: Context, *, is_up: bool) -> Metrics:
    """The figures after a run of `sync`. `is_up`: it succeeded. What cannot be read is left out."""
    try:
        return _metrics(context, is_up=is_up)
    except PortalcalError:
        return Metrics(
            context.config.workspace,
            is_up=False,
            grant_age=None,
            bookings={},
            owed=None,
            oldest_owed=None,
            synced_at=None,
        )


def _metrics(context: Context, *, is_up: bool) -> Metrics:
    now = context.clock.now()
    connection = context.connections.read()
    owed = [context.ledger.find(str(entry.booking)).updated_at for entry in context.ledger.owed()]
    totals = context.history.totals()
    return Metrics(
        workspace=context.config.workspace,
        is_up=is_up,
        grant_age=now - connection.connected_at if connection else None,
        bookings={state: totals[state] for state in State},
        owed=len(owed),
        oldest_owed=now - min(owed) if owed else None,
        synced_at=now if is_up else None,
    )
