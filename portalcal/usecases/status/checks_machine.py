"""Checks of this machine: configuration, OAuth client, zones, ledger, browser, loopback."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portalcal.core import health
from portalcal.core.health import CheckResult, CheckStatus
from portalcal.core.intervals import Interval
from portalcal.core.time import local_date
from portalcal.core.zone_rules import first_difference, hours_of_a_year
from portalcal.errors import ClientInvalid, LedgerFault, LedgerUnusable
from portalcal.ports import Damage, HistoryQuery, Ledger, LedgerServer
from portalcal.usecases.status.runner import CheckContext, SkipCheck, failed_result

_LAST_CHANGES = 20
"""Changes of bookings that a report shows."""


def config_file(check_context: CheckContext) -> CheckResult:
    """Whether config.toml and the network settings of the environment can be used.

    Raises:
        ConfigInvalid, EnvironmentInvalid: one of them cannot.
    """
    config = check_context.ports.config
    check_context.zone = config.schedule.zone
    check_context.ports.proxy_on_the_way()
    if files := check_context.ports.open_to_others():
        return CheckResult(
            f"others can write {', '.join(files)}",
            CheckStatus.WARN,
            f"keep it to yourself: `chmod go-w {files[0]}`",
        )
    place = check_context.ports.config_file.path
    return CheckResult(str(config.path) if config.path else f"none; the defaults apply. It would be {place}")


def config_schedule(check_context: CheckContext) -> CheckResult:
    """Whether the schedule ever opens."""
    config = check_context.ports.config
    of_links = {name: link.rules for name, link in config.links.items()}
    return health.judge_schedule(config.schedule, {"": config.rules} | of_links)


def oauth_client(check_context: CheckContext) -> CheckResult:
    """Whether there is an OAuth client of the right kind. Raises: ClientInvalid."""
    if not check_context.ports.can_renew:
        raise SkipCheck("not needed: an access token is not renewed")
    try:
        return CheckResult(check_context.ports.check_client())
    except ClientInvalid as error:
        if error.path is None and check_context.ports.connections.read() is None:
            return CheckResult(
                "none yet", CheckStatus.WARN, error.with_ways_out(lambda: check_context.ports.ways_out).hint
            )
        raise


def timezone_agreement(check_context: CheckContext) -> CheckResult:
    """Whether the schedule, this machine and the booking calendar agree on the time zone."""
    schedule, machine = check_context.ports.config.schedule.zone, check_context.ports.machine.zone()
    zones = {"the schedule": schedule, "this machine": machine}
    entry = check_context.entry(check_context.selection().booking) if check_context.listed else None
    if entry:
        try:
            zones["the booking calendar"] = ZoneInfo(entry.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            return CheckResult(
                f"the booking calendar has an unknown zone, {entry.timezone}", CheckStatus.WARN
            )
    config, problem = check_context.ports.config, check_context.ports.machine.zone_problem()
    result = health.judge_zones(
        zones,
        check_context.ports.clock.now(),
        is_chosen=config.path is not None,
        problem=None if config.names_zone else problem,
    )
    # A schedule that names its zone does not depend on the machine's.
    return result._replace(detail=f"{result.detail}; {problem}") if problem and config.names_zone else result


def timezone_database(check_context: CheckContext) -> CheckResult:
    """Which zone rules are used, and whether those of the other database differ for a zone in use."""
    rules = check_context.ports.zone_rules
    now = check_context.ports.clock.now()
    differing = {}
    for zone in _zones_in_use(check_context) if rules.other else ():
        other = check_context.ports.other_zone(zone.key)
        if other and (at := first_difference(zone, other, hours_of_a_year(now))):
            differing[zone.key] = at
    return health.judge_zone_rules(rules, now.date(), differing=differing)


def _zones_in_use(check_context: CheckContext) -> Iterable[ZoneInfo]:
    """The zones of the schedules, of the people, of this machine and of the booking calendar."""
    config = check_context.ports.config
    people = config.directory.people.values()
    schedules = [config.schedule, *(link.schedule for link in config.links.values())]
    schedules += [person.schedule for person in people if person.schedule]
    zones = [schedule.zone for schedule in schedules]
    zones += [period.zone for schedule in schedules for period in schedule.periods if period.zone]
    zones += [person.zone for person in people if person.zone]
    zones.append(check_context.ports.machine.zone())
    entry = check_context.entry(check_context.selection().booking) if check_context.listed else None
    if entry:
        # `timezone_agreement` reports a zone that is unknown.
        with suppress(ZoneInfoNotFoundError, ValueError):
            zones.append(ZoneInfo(entry.timezone))
    return dict.fromkeys(zones)


def schedule_holidays(check_context: CheckContext) -> CheckResult:
    """Whether bookings fall on a holiday: made before it was named here, with `--force`, or moved in the calendar."""
    config, now = check_context.ports.config, check_context.ports.clock.now()
    schedules = [config.schedule, *(link.schedule for link in config.links.values())]
    if not any(schedule.holidays for schedule in schedules):
        return CheckResult("no holidays in the configuration")
    booked = []
    for booking in check_context.ports.ledger.live_in(Interval(now, now + _YEARS_AHEAD)):
        link = config.links.get(booking.request.link or "")
        schedule = link.schedule if link else config.schedule
        day = local_date(booking.meeting.start, schedule.zone)
        name = schedule.holiday_on(day)
        if name and schedule.exception_on(day) is None:
            booked.append((booking.short_id, day, name))
    return health.judge_holidays(booked)


_YEARS_AHEAD = timedelta(days=4000)
"""As far as holidays are known."""


def ledger_file(check_context: CheckContext) -> CheckResult:
    """Whether the ledger is intact, has room and is private. Raises: LedgerTooNew, LedgerBusy."""
    ports, is_on_server = check_context.ports, check_context.ports.config.has_ledger_on_server
    try:
        ledger = ports.ledger
        check_context.tally = ledger.tally(ports.clock.now())
        server = ledger.server()
        damage = _damage(ledger, server) or _full_disk(check_context)
    except LedgerUnusable as error:
        return failed_result(error, ports, hint=health.ledger_remedy(error.fault, is_on_server=is_on_server))
    if damage:
        place = "on its server" if is_on_server else "of this machine"
        unusable = LedgerUnusable(place, damage.reason, damage.fault)
        return failed_result(
            unusable, ports, hint=health.ledger_remedy(damage.fault, is_on_server=is_on_server)
        )
    live = check_context.tally.live
    sound = f"sound, {live} live booking{'' if live == 1 else 's'}{_on_server(server)}"
    if exposure := ledger.exposure():
        return CheckResult(f"{sound}, but {exposure.detail}", CheckStatus.WARN, exposure.hint)
    return CheckResult(sound)


def _damage(ledger: Ledger, server: LedgerServer | None) -> Damage | None:
    """What is wrong with the ledger; of a standby also how old it is."""
    damage = ledger.check()
    if damage and server and server.is_standby and server.lag is not None:
        return damage._replace(
            reason=f"{damage.reason}; its newest change is {health.short_length(server.lag)} old"
        )
    return damage


def _on_server(server: LedgerServer | None) -> str:
    """What a ledger is kept in, and how far its standby is behind; nothing of a file."""
    if server is None:
        return ""
    pooled = " behind a pooler" if server.is_pooled else ""
    lag = f", its standby {health.short_length(server.lag)} behind" if server.lag is not None else ""
    return f"; PostgreSQL {server.version}{pooled}{lag}"


def _full_disk(check_context: CheckContext) -> Damage | None:
    reason = health.judge_disk_space(check_context.ports.ledger_room())
    return Damage(reason, LedgerFault.FULL) if reason else None


def ledger_pending(check_context: CheckContext) -> CheckResult:
    """How many entries the outbox has, since when and why."""
    now = check_context.ports.clock.now()
    owed = check_context.ports.ledger.owed()
    check_context.last_errors = tuple(
        f"{entry.task.value}, {entry.attempts} tries: {entry.last_error}"
        for entry in owed
        if entry.last_error
    )
    check_context.last_changes = check_context.ports.history.history(HistoryQuery(latest=_LAST_CHANGES))
    missing = check_context.tally.without_event if check_context.tally and check_context.connection else 0
    check_context.last_sync = check_context.ports.ledger.last_sync()
    result = health.judge_outbox(owed, now, missing=missing)
    is_used = bool(check_context.tally and check_context.tally.live and check_context.connection)
    if result.status is CheckStatus.OK and is_used and check_context.last_sync is None:
        return health.SYNC_NEVER_RAN
    return result


def browser(check_context: CheckContext) -> CheckResult:
    """Whether a browser can show the consent page; connecting works without one too."""
    if check_context.ports.machine.has_browser():
        return CheckResult("found")
    if not check_context.ports.ways_out.can_connect:
        return CheckResult("none, and none is needed: nobody consents here")
    return CheckResult("none; connecting works by pasting an address: `portalcal connect --no-browser`")


def loopback(check_context: CheckContext) -> CheckResult:
    """Whether the consent's redirect to a loopback address can be received."""
    if check_context.ports.machine.can_listen():
        return CheckResult("can be listened on")
    if not check_context.ports.ways_out.can_connect:
        return CheckResult("127.0.0.1 cannot be listened on, and need not be: nobody consents here")
    return CheckResult(
        "127.0.0.1 cannot be listened on, so a browser could not come back",
        CheckStatus.WARN,
        "run `portalcal connect --no-browser` and paste the address",
    )
