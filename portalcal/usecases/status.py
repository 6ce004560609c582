"""Finding out what works, what does not, why, and what mends it."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from portalcal.answers import ChosenCalendar, Diagnosis
from portalcal.core.diagnosis import overall
from portalcal.ports import World
from portalcal.usecases import checks_connection as connection
from portalcal.usecases import checks_google as google
from portalcal.usecases import checks_machine as machine
from portalcal.usecases.examination import Question, Scene, Whose, examine

SECONDS = 10.0
"""How long `status` may take when something never answers."""

_CONFIG = ("config.file",)
_GRANT = ("grant.present", "oauth.client")
_LISTED = ("calendars.list",)

CHECKS = (
    Question("config.file", machine.config_file),
    Question("config.schedule", machine.config_schedule, _CONFIG),
    Question("oauth.client", machine.oauth_client, _CONFIG),
    Question("vault.backend", connection.vault_backend, _CONFIG, whose=Whose.VAULT),
    Question("vault.read", connection.vault_read, ("vault.backend",), whose=Whose.VAULT),
    Question("grant.present", connection.grant_present, ("vault.read",), whose=Whose.VAULT),
    Question("grant.permissions", connection.grant_permissions, ("grant.present",)),
    Question("grant.age", connection.grant_age, ("grant.present",), whose=Whose.VAULT),
    Question("google.reachable", google.google_reachable, _GRANT, whose=Whose.GOOGLE),
    Question("google.clock", google.google_clock, ("google.reachable",)),
    Question("grant.refresh", google.grant_refresh, ("google.reachable",), whose=Whose.GOOGLE),
    Question("calendars.list", google.calendars_list, ("grant.refresh",), whose=Whose.GOOGLE),
    Question("calendars.conflicts", google.calendars_conflicts, _LISTED, whose=Whose.GOOGLE),
    Question("calendars.booking", google.calendars_booking, _LISTED, whose=Whose.GOOGLE),
    Question("timezone.agreement", machine.timezone_agreement, _CONFIG, after=("calendars.list",)),
    Question("ledger.file", machine.ledger_file, _CONFIG, whose=Whose.LEDGER),
    Question("ledger.pending", machine.ledger_pending, ("ledger.file",), ("grant.present",), Whose.LEDGER),
    Question("browser", machine.browser),
    Question("loopback", machine.loopback),
)  # fmt: skip
"""Every check in the order of CLI.md, each with those it rests on."""


def status(world: World, *, workspace: str, offline: bool = False, limit: float = SECONDS) -> Diagnosis:
    """Every check; one that failed skips those that rest on it. Nothing is changed, no errand is run.

    Takes `limit` seconds at the most, whatever does not answer. Never raises a PortalcalError: what other commands
    would fail with is what this one reports.
    """
    scene = Scene(world, workspace, offline=offline)
    checks = examine(CHECKS, scene, limit=limit)

    held = scene.connection.permissions if scene.connection else frozenset()
    return Diagnosis(
        condition=overall(checks),
        workspace=workspace,
        account=(scene.connection.account or None) if scene.connection else None,
        checked_at=world.clock.now(),
        # Not out of the configuration: what did not answer once would not do so now.
        zone=scene.zone or world.machine.zone(),
        checks=checks,
        permissions=held,
        calendars=_chosen(scene),
        tally=scene.tally,
        last_errors=scene.last_errors,
    )


def status_of_each(
    worlds: Mapping[str, World], *, offline: bool = False, limit: float = SECONDS
) -> tuple[Diagnosis, ...]:
    """The same for several workspaces at once, in their order, in no more time."""
    found: dict[str, Diagnosis | BaseException] = {}

    def look(name: str) -> None:
        try:
            found[name] = status(worlds[name], workspace=name, offline=offline, limit=limit)
        # A bug, which belongs to the thread that waits.
        except BaseException as error:  # noqa: BLE001
            found[name] = error

    # Plain threads: the pools of the standard library load the logging that `--json` does without.
    threads = [threading.Thread(target=look, args=(name,), daemon=True) for name in worlds]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return tuple(_told(found[name]) for name in worlds)


def _told(found: Diagnosis | BaseException) -> Diagnosis:
    if isinstance(found, BaseException):
        raise found
    return found


def _chosen(scene: Scene) -> tuple[ChosenCalendar, ...]:
    if not scene.listed or scene.connection is None:
        return ()
    chosen = scene.selection()
    found = ((each, chosen.use_of(each)) for each in scene.listed)
    return tuple(
        ChosenCalendar(each, use, scene.unread.get(each.id, "ok")) for each, use in found if use is not None
    )
