"""Diagnose a connection: what works, what does not, why, and which command mends it.

To add a check: write its function in a `checks_` module and list it in CHECKS with the checks it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from portalcal.core.calendar_id import split
from portalcal.core.health import Check, CheckStatus, overall_state
from portalcal.core.permissions import Permission
from portalcal.ports import Calendar, ConnectionAdmin
from portalcal.results import Account, ChosenCalendar, Diagnosis
from portalcal.run_all import run_all
from portalcal.usecases.accounts import accounts_of
from portalcal.usecases.status import checks_connection as connection
from portalcal.usecases.status import checks_google as google
from portalcal.usecases.status import checks_machine as machine
from portalcal.usecases.status.runner import CheckContext, CheckSpec, Dependency, run_checks

SECONDS = 10.0
"""Default limit for all checks together, in seconds."""

_CONFIG = ("config.file",)

_GRANT = ("grant.present", "oauth.client")

_LISTED = ("calendars.list",)

_ANSWERED = {CheckStatus.OK, CheckStatus.WARN}

CHECKS = (
    CheckSpec("config.file", machine.config_file),
    CheckSpec("config.schedule", machine.config_schedule, _CONFIG),
    CheckSpec("oauth.client", machine.oauth_client, _CONFIG),
    CheckSpec("vault.backend", connection.vault_backend, _CONFIG, dependency=Dependency.VAULT),
    CheckSpec("vault.read", connection.vault_read, ("vault.backend",), dependency=Dependency.VAULT),
    CheckSpec("grant.present", connection.grant_present, ("vault.read",), dependency=Dependency.VAULT),
    CheckSpec("grant.permissions", connection.grant_permissions, ("grant.present",)),
    CheckSpec("grant.age", connection.grant_age, ("grant.present",), dependency=Dependency.VAULT),
    CheckSpec("google.reachable", google.google_reachable, _GRANT, dependency=Dependency.GOOGLE),
    CheckSpec("google.clock", google.google_clock, ("google.reachable",)),
    CheckSpec("grant.refresh", google.grant_refresh, ("google.reachable",), dependency=Dependency.GOOGLE),
    CheckSpec("calendars.list", google.calendars_list, ("grant.refresh",), dependency=Dependency.GOOGLE),
    CheckSpec("calendars.conflicts", google.calendars_conflicts, _LISTED, dependency=Dependency.GOOGLE),
    CheckSpec("calendars.booking", google.calendars_booking, _LISTED, dependency=Dependency.GOOGLE),
    CheckSpec("timezone.agreement", machine.timezone_agreement, _CONFIG, after=("calendars.list",)),
    CheckSpec("timezone.database", machine.timezone_database, _CONFIG, after=("calendars.list",)),
    CheckSpec("schedule.holidays", machine.schedule_holidays, (*_CONFIG, "ledger.file"), dependency=Dependency.LEDGER),
    CheckSpec("people", google.people, ("config.file", "calendars.list"), dependency=Dependency.GOOGLE),
    CheckSpec("ledger.file", machine.ledger_file, _CONFIG, dependency=Dependency.LEDGER),
    CheckSpec("ledger.pending", machine.ledger_pending, ("ledger.file",), ("grant.present",), Dependency.LEDGER),
    CheckSpec("browser", machine.browser),
    CheckSpec("loopback", machine.loopback),
)  # fmt: skip
"""Every check in the order of the output, with the checks it needs. A name is public: it is a key of `--json`."""


def status(
    context: ConnectionAdmin, *, workspace: str, offline: bool = False, limit: float = SECONDS
) -> Diagnosis:
    """Run every check; a failed one skips those that need it. Changes nothing and does not run the outbox.

    Takes at most `limit` seconds, even if a dependency hangs. Never raises a PortalcalError: errors that other commands
    fail with are results of checks here.
    """
    check_context = CheckContext(context, workspace, offline=offline)
    checks = run_checks(CHECKS, check_context, limit=limit)

    return Diagnosis(
        state=overall_state(checks),
        workspace=workspace,
        account=check_context.known_account,
        checked_at=context.clock.now(),
        # Not read from the configuration again: if it hung once, it would hang now.
        zone=check_context.zone or context.machine.zone(),
        checks=checks,
        permissions=_known_permissions(check_context, checks),
        calendars=_chosen_calendars(check_context),
        accounts=_accounts(check_context),
        tally=check_context.tally,
        is_offline=offline,
        last_sync=check_context.last_sync,
        last_errors=check_context.last_errors,
        last_changes=check_context.last_changes,
    )


def _known_permissions(check_context: CheckContext, checks: Iterable[Check]) -> frozenset[Permission]:
    """What the grant allows. Of a token from the environment that is unknown until Google has accepted it."""
    if check_context.connection is None:
        return frozenset()
    is_accepted = any(each.name == "grant.refresh" and each.status in _ANSWERED for each in checks)
    if check_context.ports.ways_out.variables and not is_accepted:
        return frozenset()
    return check_context.connection.permissions


def status_of_each(
    contexts: Mapping[str, ConnectionAdmin], *, offline: bool = False, limit: float = SECONDS
) -> tuple[Diagnosis, ...]:
    """Diagnose several workspaces concurrently, in the time of one. Returns their order."""
    diagnoses = [
        partial(status, context, workspace=name, offline=offline, limit=limit)
        for name, context in contexts.items()
    ]
    return tuple(run_all(diagnoses, limit=max(len(diagnoses), 1), name="status"))


def _chosen_calendars(check_context: CheckContext) -> tuple[ChosenCalendar, ...]:
    if not check_context.listed or check_context.connection is None:
        return ()
    selection = check_context.selection()
    selected = dict.fromkeys((*selection.conflicts, selection.booking))
    # Of another workspace's account, or no longer in the list.
    unlisted = [
        Calendar(each, split(each).id, "", "") for each in selected if check_context.entry(each) is None
    ]
    chosen = []
    for calendar in (*check_context.listed, *unlisted):
        use = selection.use_of(calendar)
        if use is None:
            continue
        is_lost = calendar in unlisted and use in {"booking", "both"}
        state = check_context.unread.get(calendar.id, "notFound" if is_lost else "ok")
        chosen.append(ChosenCalendar(calendar, use, state))
    return tuple(chosen)


def _accounts(check_context: CheckContext) -> tuple[Account, ...]:
    """The accounts that read the conflict calendars; none while disconnected."""
    if check_context.connection is None:
        return ()
    return accounts_of(check_context.ports, check_context.selection().conflicts)
