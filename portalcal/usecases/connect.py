"""Connecting a Google account. "Connected" is said only when it is true."""

from __future__ import annotations

from typing import NamedTuple

from portalcal.answers import Connected, Selection
from portalcal.core.grant import Grant
from portalcal.core.permissions import Permission, granted_by, scopes_to_ask, shows_titles
from portalcal.errors import (
    ConnectError,
    GoogleRefused,
    OtherAccount,
    PermissionMissing,
    PortalcalError,
    VaultUnavailable,
)
from portalcal.ports import Calendar, Connection, ConsentRequest, Secret, World
from portalcal.usecases.situation import selection


class Introduction(NamedTuple):
    """How to connect. `timeout` in seconds; `account` is expected to be the one that gives consent."""

    timeout: int = 300
    port: int = 0
    open_browser: bool = True
    account: str | None = None
    force: bool = False
    titles: bool = False


def connect(request: Introduction, world: World) -> Connected:
    """Ask for consent, try the grant at Google, keep it and read it back.

    A connection that works is left as it is, without a browser, unless `force`.

    Raises:
        ConsentDenied, ConsentTimedOut, PermissionMissing: the person did not, or not wholly, agree.
        OtherAccount: another account than this workspace's, or than `request.account`, gave consent.
        ClientInvalid, ClientRejected: there is no OAuth client, or Google does not accept it.
        VaultUnavailable: secrets cannot be kept on this machine.
        PortalcalError: Google could not be asked.
    """
    before = world.connections.read()
    moves = before is not None and before.vault != world.vault.kind
    if before and not request.force and not moves and (working := _working(before, request, world)):
        return working
    # Learned before a person is sent to a consent page whose outcome could not be kept.
    world.vault.read(Secret.REFRESH_TOKEN)

    with world.consent.visit(_consent(request, before)) as visit:
        grant = visit.grant()
        _check_permissions(grant)
        account = _account(world.calendars_with(grant).list())
        _check_account(account, before, request)
        connection = _keep(grant, account, before, world)
        if before and moves:
            _empty(before, world)
        visit.succeed(account)

    return _connected(connection, world, was_already=False)


def _empty(before: Connection, world: World) -> None:
    """Leave no secret in the vault used so far; that it cannot be reached any more does not undo the connection."""
    vault = world.former_vault(before)
    if vault is None:
        return
    try:
        vault.forget()
    except PortalcalError as error:
        world.view.warn(
            "former-vault", f"secrets of the earlier connection may still be there: {error.message}"
        )


def _working(before: Connection, request: Introduction, world: World) -> Connected | None:
    """The present connection if it really works; None when only a new consent can mend it."""
    expected = request.account
    if expected and expected.casefold() != before.account.casefold():
        raise OtherAccount(before.account, expected)
    try:
        world.calendars.list()
    except (ConnectError, VaultUnavailable):
        return None
    complete = before.permissions == frozenset(Permission) and (before.titles or not request.titles)
    return _connected(before, world, was_already=True) if complete else None


def _connected(connection: Connection, world: World, *, was_already: bool) -> Connected:
    chosen = selection(world) or Selection(connection.conflicts, connection.booking)
    return Connected(connection, chosen, was_already=was_already)


def _consent(request: Introduction, before: Connection | None) -> ConsentRequest:
    return ConsentRequest(
        # Installed apps cannot add to a grant: whoever allowed titles once is asked for them again.
        scopes=scopes_to_ask(titles=request.titles or (before is not None and before.titles)),
        timeout=request.timeout,
        port=request.port,
        open_browser=request.open_browser,
        login_hint=request.account or (before.account if before and not request.force else None),
        account_must_choose=request.force,
    )


def _check_permissions(grant: Grant) -> None:
    held = granted_by(grant.scopes)
    missing = [each for each in Permission if each not in held]
    if missing:
        raise PermissionMissing(tuple(each.value for each in missing), tuple(each.shown for each in missing))


def _account(listed: tuple[Calendar, ...]) -> str:
    """The address of the account: the id of its primary calendar, so that no identity scope is needed."""
    for each in listed:
        if each.is_primary:
            return each.id
    raise GoogleRefused("the account has no primary calendar, so Google Calendar is not set up for it", 200)


def _check_account(account: str, before: Connection | None, request: Introduction) -> None:
    expected = request.account or (before.account if before and not request.force else None)
    if expected and account.casefold() != expected.casefold():
        raise OtherAccount(expected, account)


def _keep(grant: Grant, account: str, before: Connection | None, world: World) -> Connection:
    """Secrets first, then the file that says they are there; half of it is undone."""
    same = before if before and before.account == account else None
    vault = world.vault
    try:
        vault.write(Secret.REFRESH_TOKEN, grant.refresh_token)
        world.keep_access(grant.access)
        connection = Connection(
            account=account,
            permissions=granted_by(grant.scopes),
            conflicts=same.conflicts if same else (account,),
            booking=same.booking if same else account,
            connected_at=world.clock.now(),
            vault=vault.kind,
            backend=vault.backend,
            titles=shows_titles(grant.scopes),
            last_lived=(same.lived or same.last_lived) if same else None,
        )
        world.connections.write(connection)
    except PortalcalError:
        if before is None:
            vault.forget()
        raise
    return connection
