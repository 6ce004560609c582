"""Which calendars count for conflicts, and which one receives bookings.

Apart from what gathers the inputs of scheduling: commands that only list bookings do not load the engine.
"""

from __future__ import annotations

from portalcal.core.email_address import unique
from portalcal.ports import Context
from portalcal.results import Selection
from portalcal.usecases.accounts import canonical


def calendar_selection(context: Context) -> Selection | None:
    """The selected calendars: config.toml takes precedence over `calendars --select`. None while disconnected.

    The connection is parsed once a command, so calling this again costs nothing and, unless the command
    itself changes the selection, has the same result.

    Raises:
        ConfigInvalid: connection.toml is damaged.
    """
    connection = context.connections.read()
    if connection is None:
        return None
    pins = context.config.pins
    conflicts = pins.conflicts if pins.conflicts is not None else connection.conflicts
    return Selection(
        unique(canonical(context, each) for each in conflicts),
        canonical(context, pins.booking or connection.booking),
    )
