"""Ending a connection: at Google, and here."""

from __future__ import annotations

from portalcal.answers import Disconnected
from portalcal.core.booking import State
from portalcal.ports import Connection, Revocation, Search, Secret, World


def disconnect(world: World, *, is_confirmed: bool, keep_grant: bool) -> Disconnected | None:
    """Revoke the grant and forget it. None when the person, told what follows, decided against it.

    Forgets even if Google cannot be reached or the grant is dead already. Bookings and events stay.

    Raises:
        ConfirmationRequired: nobody can be asked, and `is_confirmed` is off.
        VaultUnavailable: the secrets cannot be read, so they cannot be forgotten either; nothing was changed.
    """
    connection = world.connections.read()
    if connection is None:
        return Disconnected(None, Revocation.ALREADY_DEAD, upcoming=0)
    now = world.clock.now()
    live = tuple(each for each in State if each.is_live)
    upcoming = len(world.ledger.search(Search(start=now, states=live)))
    others = () if keep_grant else world.connections.others_of(connection.account)
    if not is_confirmed and not _agreed(
        world, connection, upcoming=upcoming, others=others, keep_grant=keep_grant
    ):
        return None

    refresh_token = world.vault.read(Secret.REFRESH_TOKEN)
    if keep_grant:
        revocation = Revocation.KEPT
    else:
        revocation = world.consent.revoke(refresh_token) if refresh_token else Revocation.ALREADY_DEAD
    world.vault.forget()
    world.connections.forget()

    if others and revocation is Revocation.REVOKED:
        world.view.warn("other-workspaces", f"{_lost(others, connection)}; connect again there")
    return Disconnected(connection.account, revocation, upcoming=upcoming)


def _lost(others: tuple[str, ...], connection: Connection) -> str:
    names = ", ".join(others)
    if len(others) == 1:
        return f"the workspace {names}, on {connection.account} as well, loses its connection with this one"
    return f"the workspaces {names}, on {connection.account} as well, lose their connections with this one"


def _agreed(
    world: World, connection: Connection, *, upcoming: int, others: tuple[str, ...], keep_grant: bool
) -> bool:
    held = f"{upcoming} upcoming booking{'' if upcoming == 1 else 's'}"
    consequences = [
        f"no calendar events for new bookings; {held} here stay promised",
        "availability rests on the configured schedule alone and may double-book",
        "existing calendar events stay; later changes to their bookings do not reach them",
    ]
    if not keep_grant:
        consequences.append(
            f"Google ends every grant of this OAuth project for {connection.account}, on all machines "
            "(`--keep-grant` leaves them)"
        )
    if others:
        consequences.append(_lost(others, connection))
    return world.view.confirm(
        f"Disconnect {connection.account}?",
        consequences=tuple(consequences),
        action="disconnecting",
        flag="--yes",
    )
