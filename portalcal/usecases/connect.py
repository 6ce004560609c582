"""Connect a Google account: consent, code exchange, scopes compared, calendarList called, grant stored and read back.

Only then does the command report "Connected".
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import NamedTuple

from portalcal.core.email_address import same
from portalcal.core.grant import Grant
from portalcal.core.permissions import Permission, granted_by, scopes_to_ask, shows_titles
from portalcal.errors import (
    ConnectError,
    ConsentDenied,
    EndpointChanged,
    GoogleRefused,
    LedgerBusy,
    LedgerTooNew,
    LedgerUnusable,
    OtherAccount,
    PermissionMissing,
    PortalcalError,
    VaultUnavailable,
)
from portalcal.ports import Calendar, Connection, ConnectionAdmin, ConsentRequest, Context, Secret
from portalcal.results import Connected, Selection
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.warnings import FormerVault


class ConnectOptions(NamedTuple):
    """How to connect."""

    timeout: int = 300  # seconds to wait for consent
    port: int = 0  # of the callback server; 0: any
    open_browser: bool = True
    account: str | None = None  # the only account that may give consent
    force: bool = False  # new consent even if the connection works
    titles: bool = False  # ask for event titles too
    renews_vault: bool = False  # new consent, sealed under a new passphrase
    asks: bool = False  # a person is there to confirm the account


def connect(options: ConnectOptions, context: ConnectionAdmin) -> Connected:
    """Ask for consent, try the grant at Google, store it and read it back.

    A working connection is left as it is, without a browser, unless `force`.

    Raises:
        ConsentDenied, ConsentTimedOut, PermissionMissing: consent was refused, not given in time, or given in part.
        OtherAccount: another account than this workspace's, or than `options.account`, gave consent.
        ClientInvalid, ClientRejected: there is no OAuth client, or Google does not accept it.
        VaultUnavailable: secrets cannot be stored on this machine.
        PortalcalError: Google was unavailable.
    """
    before = context.connections.read()
    is_vault_changed = before is not None and before.vault != context.vault.kind
    is_kept = not options.force and not options.renews_vault and not is_vault_changed
    is_settled = before is not None and is_kept and not context.brings_client()
    if before and is_settled and (connected := _reuse(before, options, context)):
        return connected
    # Fails before the consent page rather than after it, when the grant could not be stored.
    context.vault.read(Secret.REFRESH_TOKEN)

    with context.consent.session(_consent_request(options, before)) as session:
        grant = session.grant()
        _check_permissions(grant)
        account = _account(context.calendars_with(grant).list())
        _check_account(account, before, options)
        _confirm_account(account, before, options, context)
        _claim_workspace(account, options, context)
        connection = _store(grant, account, before, context)
        if before and is_vault_changed:
            _empty_former_vault(before, context)
        session.succeed(account)

    return _connected(connection, context, was_already=False)


def _empty_former_vault(before: Connection, context: ConnectionAdmin) -> None:
    """Delete the secrets in the vault used so far. If it is unavailable the new connection stands, with a warning."""
    vault = context.former_vault(before)
    if vault is None:
        return
    try:
        vault.forget()
    except PortalcalError as error:
        context.view.warn(FormerVault(error.message))


def _reuse(before: Connection, options: ConnectOptions, context: ConnectionAdmin) -> Connected | None:
    """The present connection if it works; None if it needs new consent."""
    expected = options.account
    if expected and not same(expected, before.account):
        raise OtherAccount(before.account, expected)
    try:
        # A cached access token alone proves nothing: it works for up to an hour after the grant was revoked.
        context.renew_access()
        context.calendars.list()
    except (ConnectError, VaultUnavailable, EndpointChanged):
        return None
    is_complete = before.permissions == frozenset(Permission) and (before.titles or not options.titles)
    return _connected(before, context, was_already=True) if is_complete else None


def _connected(connection: Connection, context: Context, *, was_already: bool) -> Connected:
    selection = calendar_selection(context) or Selection(connection.conflicts, connection.booking)
    return Connected(connection, selection, was_already=was_already)


def _consent_request(options: ConnectOptions, before: Connection | None) -> ConsentRequest:
    return ConsentRequest(
        # Installed apps have no incremental authorization: scopes granted before have to be asked for again.
        scopes=scopes_to_ask(titles=options.titles or (before is not None and before.titles)),
        timeout=options.timeout,
        port=options.port,
        open_browser=options.open_browser,
        login_hint=options.account or (before.account if before and not options.force else None),
        account_must_choose=options.force,
    )


def _check_permissions(grant: Grant) -> None:
    granted = granted_by(grant.scopes)
    missing = [permission for permission in Permission if permission not in granted]
    if missing:
        raise PermissionMissing(tuple(each.value for each in missing), tuple(each.shown for each in missing))


def _account(listed: tuple[Calendar, ...]) -> str:
    """The address of the account: the id of its primary calendar, so that no identity scope is needed."""
    for calendar in listed:
        if calendar.is_primary:
            return calendar.id
    raise GoogleRefused("the account has no primary calendar, so Google Calendar is not set up for it", 200)


def _check_account(account: str, before: Connection | None, options: ConnectOptions) -> None:
    expected = options.account or (before.account if before and not options.force else None)
    if expected and not same(account, expected):
        raise OtherAccount(expected, account)


def _claim_workspace(account: str, options: ConnectOptions, context: ConnectionAdmin) -> None:
    """Make the account that of the workspace in the ledger too, which other machines may share.

    A ledger that cannot be used now does not stop a connection: whatever writes to it asks again.

    Raises:
        OtherAccount: the workspace has live bookings of another account there, and `force` was not given.
    """
    with suppress(LedgerBusy, LedgerUnusable, LedgerTooNew):
        recorded = context.ledger.account()
        if recorded is None or same(recorded, account):
            return
        if not options.force and context.ledger.tally(context.clock.now()).live:
            other = OtherAccount(recorded, account, context.ledger_store.name, context.config.workspace)
            raise other.with_outcome("Nothing was stored.")
        context.ledger.keep_account(account)


def _confirm_account(
    account: str, before: Connection | None, options: ConnectOptions, context: Context
) -> None:
    """Ask the person to confirm an account that nobody has named: the browser may be signed in to another one.

    Raises:
        ConsentDenied: the person did not confirm it.
    """
    is_known = options.account is not None or (
        before is not None and before.account.casefold() == account.casefold()
    )
    if is_known or not options.asks:
        return
    consequences = (f"{account} gave consent; its calendars will be read, and bookings go to it",)
    if not context.view.confirm(
        f"Keep {account}?", consequences=consequences, action="keeping an account", flag="--account EMAIL"
    ):
        raise ConsentDenied("another_account")


def _store(grant: Grant, account: str, before: Connection | None, context: ConnectionAdmin) -> Connection:
    """Store the secrets, then connection.toml, which refers to them. A failure of a first connection is rolled back."""
    vault = context.vault
    # The selection this account had before, if another one replaced it or it was disconnected.
    conflicts, booking = context.connections.selection_of(account) or ((account,), account)
    try:
        vault.write(Secret.REFRESH_TOKEN, grant.refresh_token)
        context.keep_access(grant.access)
        own_client = context.keep_client()
        connection = Connection(
            account=account,
            permissions=granted_by(grant.scopes),
            conflicts=conflicts,
            booking=booking,
            connected_at=context.clock.now(),
            vault=vault.kind,
            backend=vault.backend,
            titles=shows_titles(grant.scopes),
            own_client=own_client,
            origins=context.origins(),
        )
        return context.connections.update(partial(_merge_present, connection)) or connection
    except PortalcalError:
        if before is None:
            vault.forget()
        raise


def _merge_present(connection: Connection, present: Connection | None) -> Connection:
    """The new connection; of the same account, with the selection and the grant lifetime of the present one."""
    if present is None or not same(present.account, connection.account):
        return connection
    return connection._replace(
        conflicts=present.conflicts,
        booking=present.booking,
        last_lived=present.lived or present.last_lived,
    )
