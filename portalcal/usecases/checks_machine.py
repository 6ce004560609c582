"""What `status` asks of this machine: configuration, ledger, browser, loopback, zones."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portalcal.core import findings
from portalcal.core.diagnosis import Finding, Health
from portalcal.errors import ClientInvalid, LedgerUnusable
from portalcal.usecases.examination import Scene, failure


def config_file(scene: Scene) -> Finding:
    """Whether config.toml can be used. Raises: ConfigInvalid."""
    config = scene.world.config
    scene.zone = config.schedule.zone
    return Finding(str(config.path) if config.path else "none; the defaults apply")


def config_schedule(scene: Scene) -> Finding:
    """Whether the schedule ever opens."""
    return findings.of_schedule(scene.world.config.schedule)


def oauth_client(scene: Scene) -> Finding:
    """Whether there is an OAuth client of the right kind. Raises: ClientInvalid."""
    try:
        return Finding(scene.world.check_client())
    except ClientInvalid as error:
        if error.path is None and scene.world.connections.read() is None:
            return Finding("none yet", Health.WARN, error.hint)
        raise


def timezone_agreement(scene: Scene) -> Finding:
    """Whether the schedule, this machine and the booking calendar show the same times."""
    schedule, machine = scene.world.config.schedule.zone, scene.world.machine.zone()
    zones = {"the schedule": schedule, "this machine": machine}
    entry = scene.entry(scene.selection().booking) if scene.listed else None
    if entry:
        try:
            zones["the booking calendar"] = ZoneInfo(entry.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            return Finding(f"the booking calendar has an unknown zone, {entry.timezone}", Health.WARN)
    is_chosen = scene.world.config.path is not None
    return findings.of_zones(zones, scene.world.clock.now(), is_chosen=is_chosen)


def ledger_file(scene: Scene) -> Finding:
    """Whether the ledger is sound. Raises: LedgerTooNew, LedgerBusy."""
    is_on_server = scene.world.config.has_ledger_on_server
    try:
        ledger = scene.world.ledger
        scene.tally = ledger.tally(scene.world.clock.now())
        damage = ledger.check() or findings.of_room(scene.world.ledger_room())
    except LedgerUnusable as error:
        return failure(error, hint=findings.ledger_remedy(error.reason, is_on_server=is_on_server))
    if damage:
        place = "on its server" if is_on_server else "of this machine"
        remedy = findings.ledger_remedy(damage, is_on_server=is_on_server)
        return failure(LedgerUnusable(place, damage), hint=remedy)
    live = scene.tally.live
    return Finding(f"sound, {live} live booking{'' if live == 1 else 's'}")


def ledger_pending(scene: Scene) -> Finding:
    """What is owed to Google, since when and why."""
    now = scene.world.clock.now()
    owed = scene.world.ledger.owed()
    scene.last_errors = tuple(
        f"{each.task.value}, {each.attempts} tries: {each.last_error}" for each in owed if each.last_error
    )
    missing = scene.tally.without_event if scene.tally and scene.connection else 0
    return findings.of_errands(owed, now, missing=missing)


def browser(scene: Scene) -> Finding:
    """Whether a consent page can be shown; without one, connecting still works."""
    if scene.world.machine.has_browser():
        return Finding("found")
    return Finding("none; connecting works by pasting an address: `portalcal connect --no-browser`")


def loopback(scene: Scene) -> Finding:
    """Whether a browser could come back."""
    if scene.world.machine.can_listen():
        return Finding("can be listened on")
    return Finding(
        "127.0.0.1 cannot be listened on, so a browser could not come back",
        Health.WARN,
        "run `portalcal connect --no-browser` and paste the address",
    )
