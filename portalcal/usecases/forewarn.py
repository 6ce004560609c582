"""What any command says of a connection that is dying or of calls that stay owed: one line with the command that mends it."""

from __future__ import annotations

from datetime import timedelta

from portalcal.core import findings
from portalcal.core.errands import Errand
from portalcal.errors import ConfigInvalid, ConnectError, PortalcalError
from portalcal.ports import World

# What is owed for less has only just failed, and whoever ran that command was told.
_PATIENCE = timedelta(minutes=2)


def forewarn(world: World) -> None:
    """Warn of a grant that is about to end and of errands that are overdue; nothing while disconnected."""
    try:
        connection = world.connections.read()
    except ConfigInvalid:
        # A command that needs the connection says so itself; `bookings` works without.
        return
    if connection is None:
        return
    now = world.clock.now()
    age = now - connection.connected_at
    if findings.is_dying(age, last_lived=connection.last_lived):
        left = findings.left_in_testing(age)
        world.view.warn(
            "grant-ending",
            f"the connection of {connection.account} ends in {left}, as the one before did after 7 days; "
            "renew it with `portalcal connect --force`",
        )
    late = [each for each in world.ledger.owed() if each.attempts and now - each.due_at > _PATIENCE]
    if late:
        _warn_overdue(world, late)


def _warn_overdue(world: World, late: list[Errand]) -> None:
    count = len(late)
    why = next((each.last_error for each in late if each.last_error), None)
    world.view.warn(
        "errands-overdue",
        f"Google was not told of {count} booking{'' if count == 1 else 's'} yet"
        f"{f': {why}' if why else ''}; deliver with `portalcal sync`",
    )


def what_follows(why: PortalcalError, otherwise: str) -> str:
    """What becomes of a call that stays owed: a dead connection is mended by a person, all else by the next command."""
    return why.hint or otherwise if isinstance(why, ConnectError) else otherwise
