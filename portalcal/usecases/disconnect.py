"""Disconnect: run the outbox a last time, revoke the grant at Google, delete secrets and connection.toml here.

Deleting what is here always happens; a failure of any other step is reported and never prevents it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from portalcal.core.booking import State
from portalcal.errors import ConfigInvalid, Interrupted, PortalcalError
from portalcal.ports import Connection, ConnectionAdmin, Context, Revocation, Search, Secret
from portalcal.results import Disconnected
from portalcal.usecases.outbox.run import run_outbox
from portalcal.usecases.pages_of_bookings import in_pages
from portalcal.warnings import AccountUnknown, GrantNotEnded, LedgerUnread, NotForgotten, OtherWorkspaces

_MAY_BE_REVOKED = "Google may have ended the grant, and it is still kept here; run `portalcal disconnect` again to forget it."


def disconnect(context: ConnectionAdmin, *, is_confirmed: bool, keep_grant: bool) -> Disconnected | None:
    """Revoke the grant and delete it here. None: the person did not confirm.

    Works whatever is unavailable or damaged: Google, the grant, the passphrase, the vault, the ledger, connection.toml.
    What could not be done is part of the result, not an error, since by then the grant may be revoked. Bookings and
    events stay, and the calendar selection is kept for the next connection of the same account.

    Raises:
        ConfirmationRequired: nobody can be asked, and `is_confirmed` is False.
        Interrupted: Ctrl-C while Google was asked to revoke the grant.
    """
    try:
        connection = context.connections.read()
        if connection is None:
            return Disconnected(None, Revocation.ALREADY_DEAD, upcoming=0)
    except ConfigInvalid as error:
        connection = None
        context.view.warn(AccountUnknown(error.sentence))
    upcoming = _upcoming(context)
    others = context.connections.others_of(connection.account) if connection and not keep_grant else ()
    if not is_confirmed and not _confirm(
        context, connection, upcoming=upcoming, others=others, keep_grant=keep_grant
    ):
        return None

    if connection is not None:
        _run_outbox_last(context)
    try:
        revocation, why = (Revocation.KEPT, "") if keep_grant else _revoke(context)
    except KeyboardInterrupt:
        raise Interrupted().with_outcome(_MAY_BE_REVOKED) from None
    deletions = (*(vault.forget for vault in context.vaults()), context.connections.forget)
    left = tuple(filter(None, map(_failure_of, deletions)))

    if others and connection and revocation is Revocation.REVOKED:
        context.view.warn(OtherWorkspaces(others, _also_disconnected(others, connection)))
    if why:
        context.view.warn(GrantNotEnded(why))
    for failure in left:
        context.view.warn(NotForgotten(failure))
    account = connection.account if connection else None
    return Disconnected(account, revocation, upcoming, why, left, is_account_unknown=connection is None)


def _upcoming(context: Context) -> int | None:
    """The number of upcoming bookings; None if the ledger cannot be read."""
    live = tuple(state for state in State if state.is_live)
    try:
        upcoming = in_pages(context.ledger, Search(start=context.clock.now(), states=live))
        return sum(1 for _ in upcoming)
    except PortalcalError as error:
        context.view.warn(LedgerUnread(error.message))
        return None


def _revoke(context: ConnectionAdmin) -> tuple[Revocation, str]:
    """Revoke the grant. Returns the outcome, and the reason if it could not be revoked for a fault other than Google's."""
    try:
        tokens = [token for vault in context.vaults() if (token := vault.read(Secret.REFRESH_TOKEN))]
        if not tokens:
            return Revocation.ALREADY_DEAD, ""
        context.check_endpoints()
        return context.consent.revoke(tokens[0]), ""
    except PortalcalError as error:
        return Revocation.UNREACHABLE, error.sentence.rstrip(".")


def _failure_of(delete: Callable[[], None]) -> str | None:
    """Delete, and describe the failure with its hint; None on success."""
    try:
        delete()
    except PortalcalError as error:
        return f"{error.sentence}; {error.hint}" if error.hint else error.sentence
    return None


def _run_outbox_last(context: Context) -> None:
    """Run the outbox while the grant is still valid; a failure does not prevent disconnecting."""
    with suppress(PortalcalError):
        run_outbox(context, is_silent=True)


def _also_disconnected(others: tuple[str, ...], connection: Connection) -> str:
    names = ", ".join(others)
    if len(others) == 1:
        return f"the workspace {names}, on {connection.account} as well, loses its connection with this one"
    return f"the workspaces {names}, on {connection.account} as well, lose their connections with this one"


def _confirm(
    context: Context,
    connection: Connection | None,
    *,
    upcoming: int | None,
    others: tuple[str, ...],
    keep_grant: bool,
) -> bool:
    whose = connection.account if connection else "this workspace"
    count = (
        "upcoming bookings"
        if upcoming is None
        else f"{upcoming} upcoming booking{'' if upcoming == 1 else 's'}"
    )
    consequences = [
        f"no calendar events for new bookings; {count} here stay promised",
        "availability rests on the configured schedule alone and may double-book",
        "existing calendar events stay; later changes to their bookings do not reach them",
    ]
    if not keep_grant:
        consequences.append(
            f"Google ends every grant of this OAuth project for {whose}, on all machines "
            "(`--keep-grant` leaves them)"
        )
    if others and connection:
        consequences.append(_also_disconnected(others, connection))
    return context.view.confirm(
        f"Disconnect {whose}?",
        consequences=tuple(consequences),
        action="disconnecting",
        flag="--yes",
    )
