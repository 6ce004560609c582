"""Checks of the vault and of the grant in it."""

from __future__ import annotations

import shlex
from contextlib import suppress

from portalcal.core import health
from portalcal.core.health import CheckResult, CheckStatus
from portalcal.core.permissions import Permission
from portalcal.errors import ClientInvalid, NotConnected, PermissionMissing, PortalcalError, VaultUnavailable
from portalcal.ports import ConnectionAdmin, Secret
from portalcal.usecases.status.runner import CheckContext, SkipCheck, failed_result


def vault_backend(check_context: CheckContext) -> CheckResult:
    """Which vault is used, and whether others on this machine can read it. Raises: VaultUnavailable."""
    if check_context.ports.connections.read() is None:
        raise SkipCheck("not connected")
    vault = check_context.ports.vault
    if exposed := check_context.ports.open_vault_files():
        return CheckResult(
            f"{vault.kind}; others on this machine can read or write {', '.join(exposed)}",
            CheckStatus.WARN,
            f"run `chmod 600 {' '.join(map(shlex.quote, exposed))}`",
        )
    return CheckResult(f"{vault.kind}, {vault.backend}" if vault.backend else vault.kind)


def vault_read(check_context: CheckContext) -> CheckResult:
    """Whether the vault can be read. Raises: VaultUnavailable."""
    if check_context.ports.connections.read() is None:
        raise SkipCheck("not connected")
    return CheckResult("readable" if _has_secrets(check_context) else "readable, but empty")


def grant_present(check_context: CheckContext) -> CheckResult:
    """Whether there is a grant. Raises: NotConnected, EndpointChanged."""
    ports = check_context.ports
    check_context.connection = ports.connections.read()
    if check_context.connection is None or not _has_secrets(check_context):
        error = NotConnected(check_context.workspace)
        # Consent needs a client: without one, `connect` would only ask for it.
        return failed_result(error, ports, hint=ports.ways_out.use_client() if _lacks_client(ports) else None)
    others = check_context.ports.check_endpoints()
    if variables := check_context.ports.ways_out.variables:
        source = f"from the environment, {' and '.join(variables)}"
    else:
        source = check_context.connection.account
    return CheckResult(f"{source}, used at {', '.join(others)}" if others else source)


def _lacks_client(ports: ConnectionAdmin) -> bool:
    try:
        ports.check_client()
    except ClientInvalid as error:
        return error.path is None
    except PortalcalError:
        # `oauth.client` reports it.
        return False
    return False


def grant_permissions(check_context: CheckContext) -> CheckResult:
    """Whether all four permissions were granted. Raises: PermissionMissing, SkipCheck (a token does not say)."""
    if variables := check_context.ports.ways_out.variables:
        raise SkipCheck(f"unknown: {variables[0]} does not say what it may do")
    granted = check_context.connection.permissions if check_context.connection else frozenset()
    missing = [permission for permission in Permission if permission not in granted]
    if missing:
        names = tuple(each.shown for each in missing)
        raise PermissionMissing(tuple(each.value for each in missing), names, stored=True)
    return CheckResult("all four granted")


def grant_age(check_context: CheckContext) -> CheckResult:
    """Whether the grant is about to expire: by its age, or for not being used."""
    connection, now = check_context.connection, check_context.ports.clock.now()
    if connection is None or not check_context.ports.ways_out.can_connect:
        raise SkipCheck("unknown")
    renewed = check_context.ports.renewed_at()
    return health.judge_grant_age(
        now - connection.connected_at,
        last_lived=connection.last_lived,
        unused=now - renewed if renewed else None,
        is_offline=check_context.offline,
    )


def _has_secrets(check_context: CheckContext) -> bool:
    if check_context.ports.vault.read(Secret.REFRESH_TOKEN) is not None:
        return True
    # A cached access token that cannot be read is as good as none.
    with suppress(VaultUnavailable):
        return check_context.ports.vault.read(Secret.ACCESS_TOKEN) is not None
    return False
