"""Warnings that any command gives: old zone rules, a grant about to end, and entries that stay in the outbox."""

from __future__ import annotations

from datetime import timedelta

from portalcal.core import health
from portalcal.core.outbox import OutboxEntry
from portalcal.errors import ConfigInvalid, ConnectError, PortalcalError
from portalcal.ports import Context
from portalcal.warnings import DeliveriesOverdue, GrantEnding, ZoneRulesOld

# An entry overdue for less has only just failed, and the command that attempted it has warned of it.
_OVERDUE_AFTER = timedelta(minutes=2)

_NO_LIMIT = 1 << 30

LATER = "the next command that books, moves or cancels tells it, or `portalcal sync`"
"""When an entry that stays in the outbox is attempted again."""


def warn_early(context: Context, *, after_outbox_run: bool = False, may_be_overdue: bool = True) -> None:
    """Warn of old zone rules and, while connected, of a grant that is about to end and of entries in the outbox.

    A command that only reads does not run the outbox, and warns of every entry that is due or has failed. After an
    outbox run, only entries that are overdue for long are worth a warning. With `may_be_overdue` False none is looked for.
    """
    now = context.clock.now()
    if context.zone_rules.are_old(now.date()):
        context.view.warn(ZoneRulesOld(context.zone_rules.named))
    try:
        connection = context.connections.read()
    except ConfigInvalid:
        # A command that needs the connection fails with this error itself; `bookings` works without it.
        return
    if connection is None:
        return
    age = now - connection.connected_at
    if context.ways_out.can_connect and health.is_near_end(age, last_lived=connection.last_lived):
        left = health.time_left_in_testing(age)
        context.view.warn(GrantEnding(connection.account, left))
    if not may_be_overdue:
        return
    owed = context.ledger.owed()
    if after_outbox_run:
        overdue = [entry for entry in owed if entry.attempts and now - entry.due_at > _OVERDUE_AFTER]
    else:
        due = {entry.id for entry in context.ledger.due(now, most=_NO_LIMIT)} if owed else set()
        overdue = [entry for entry in owed if entry.last_error or entry.id in due]
    if overdue:
        _warn_overdue(context, overdue)


def next_step_for(why: PortalcalError, context: Context) -> str:
    """The next step for an entry that stays in the outbox: an ended connection needs a person."""
    if not isinstance(why, ConnectError):
        return LATER
    return why.with_ways_out(lambda: context.ways_out).hint or LATER


def _warn_overdue(context: Context, overdue: list[OutboxEntry]) -> None:
    why = next((entry.last_error for entry in overdue if entry.last_error), None)
    context.view.warn(DeliveriesOverdue(len(overdue), why))
