"""Finding out what works, what does not, why, and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portalcal.answers import ChosenCalendar, Diagnosis, Selection
from portalcal.core.diagnosis import Check, Condition, Health, overall
from portalcal.core.intervals import Interval
from portalcal.core.permissions import Permission
from portalcal.errors import (
    CalendarNotFound,
    CalendarNotWritable,
    CalendarUnreadable,
    ClientInvalid,
    ConfigInvalid,
    ConfigurationError,
    GoogleBusy,
    GoogleUnreachable,
    GrantExpired,
    GrantRevoked,
    LedgerUnusable,
    NotConnected,
    PermissionMissing,
    PortalcalError,
    QuotaExhausted,
    ReauthRequired,
    TryLaterError,
    Unread,
    VaultUnavailable,
)
from portalcal.ports import Calendar, Connection, Secret, Tally, World
from portalcal.usecases.situation import selection

_HALF_A_YEAR = timedelta(days=182)


class Finding(NamedTuple):
    """What a check saw when nothing failed outright."""

    detail: str
    health: Health = Health.OK
    hint: str | None = None


class _Skip(Exception):
    """The question does not arise; the text says why."""


def status(world: World, *, workspace: str, offline: bool = False) -> Diagnosis:
    """Every check in order; one that failed skips those that rest on it. Nothing is changed, no errand is run.

    Never raises a PortalcalError: what other commands would fail with is what this one reports.
    """
    examination = _Examination(world, workspace, offline=offline)
    for name, needs, look in examination.questions():
        examination.ask(name, needs=needs, look=look)
    return examination.diagnosis()


_Question = tuple[str, tuple[str, ...], Callable[[], Finding]]


class _Examination:
    """The checks of one `status`, with what the earlier ones learned for the later ones."""

    def __init__(self, world: World, workspace: str, *, offline: bool) -> None:
        self.world = world
        self.workspace = workspace
        self.offline = offline
        self.checks: list[Check] = []
        self.connection: Connection | None = None
        self.listed: tuple[Calendar, ...] = ()
        self.unread: dict[str, str] = {}
        self.tally: Tally | None = None
        self.renewal: PortalcalError | None = None

    def questions(self) -> tuple[_Question, ...]:
        """The checks in the order of CLI.md, each with those it rests on."""
        config, ledger = ("config.file",), ("config.file", "ledger.file")
        grant = ("config.file", "oauth.client", "vault.read", "grant.present")
        reach = (*grant, "google.reachable", "grant.refresh")
        listed = (*reach, "calendars.list")
        return (
            ("config.file", (), self._config_file),
            ("config.schedule", config, self._config_schedule),
            ("oauth.client", config, self._oauth_client),
            ("vault.backend", config, self._vault_backend),
            ("vault.read", ("config.file", "vault.backend"), self._vault_read),
            ("grant.present", ("config.file", "vault.read"), self._grant_present),
            ("grant.permissions", ("config.file", "grant.present"), self._grant_permissions),
            ("google.reachable", grant, self._google_reachable),
            ("grant.refresh", (*grant, "google.reachable"), self._grant_refresh),
            ("calendars.list", reach, self._calendars_list),
            ("calendars.conflicts", listed, self._calendars_conflicts),
            ("calendars.booking", listed, self._calendars_booking),
            ("timezone.agreement", config, self._timezone_agreement),
            ("ledger.file", config, self._ledger_file),
            ("ledger.pending", ledger, self._ledger_pending),
            ("browser", (), self._browser),
            ("loopback", (), self._loopback),
        )

    def ask(self, name: str, *, needs: tuple[str, ...], look: Callable[[], Finding]) -> None:
        """Put one check on record."""
        lame = next((each.name for each in self.checks if each.name in needs and _is_no_ground(each)), None)
        if lame:
            self.checks.append(Check(name, Health.SKIPPED, f"rests on {lame}"))
            return
        began = self.world.clock.now()
        try:
            found = look()
            check = Check(name, found.health, found.detail, found.hint)
        except _Skip as why:
            check = Check(name, Health.SKIPPED, str(why))
        except PortalcalError as error:
            check = Check(name, Health.FAIL, error.message, error.hint, means=_means(error))
        millis = (self.world.clock.now() - began) // timedelta(milliseconds=1)
        self.checks.append(Check(name, check.health, check.detail, check.hint, millis, check.means))

    def diagnosis(self) -> Diagnosis:
        """All that was found."""
        return Diagnosis(
            condition=overall(self.checks),
            workspace=self.workspace,
            account=(self.connection.account or None) if self.connection else None,
            checked_at=self.world.clock.now(),
            zone=self._zone(),
            checks=tuple(self.checks),
            permissions=self.connection.permissions if self.connection else frozenset(),
            calendars=self._chosen(),
            tally=self.tally,
        )

    def _zone(self) -> ZoneInfo:
        try:
            return self.world.config.schedule.zone
        except ConfigInvalid:
            return self.world.machine.zone()

    def _selection(self) -> Selection:
        chosen = selection(self.world)
        if chosen is None:
            raise NotConnected(self.workspace)
        return chosen

    # --- configuration and client

    def _config_file(self) -> Finding:
        config = self.world.config
        return Finding(str(config.path) if config.path else "none; the defaults apply")

    def _config_schedule(self) -> Finding:
        schedule = self.world.config.schedule
        if schedule.is_closed_all_week:
            return Finding(
                "closed all week, so nothing is ever offered",
                Health.WARN,
                "give [schedule] some hours; `config.example.toml` shows how",
            )
        days = sum(1 for each in schedule.weekly if each)
        return Finding(f"open {days} day{'' if days == 1 else 's'} a week, {schedule.zone.key}")

    def _oauth_client(self) -> Finding:
        try:
            return Finding(self.world.check_client())
        except ClientInvalid as error:
            if error.path is None and self.world.connections.read() is None:
                return Finding("none yet", Health.WARN, error.hint)
            raise

    # --- vault and grant

    def _vault_backend(self) -> Finding:
        if self.world.connections.read() is None:
            raise _Skip("not connected")
        vault = self.world.vault
        return Finding(f"{vault.kind}, {vault.backend}" if vault.backend else vault.kind)

    def _vault_read(self) -> Finding:
        if self.world.connections.read() is None:
            raise _Skip("not connected")
        found = any(self.world.vault.read(each) is not None for each in Secret)
        return Finding("readable" if found else "readable, but empty")

    def _grant_present(self) -> Finding:
        self.connection = self.world.connections.read()
        if self.connection is None or all(self.world.vault.read(each) is None for each in Secret):
            raise NotConnected(self.workspace)
        age = (self.world.clock.now() - self.connection.connected_at).days
        return Finding(f"{self.connection.account or 'from the environment'}, {age} d old")

    def _grant_permissions(self) -> Finding:
        held = self.connection.permissions if self.connection else frozenset()
        missing = [each for each in Permission if each not in held]
        if missing:
            names = tuple(each.shown for each in missing)
            raise PermissionMissing(tuple(each.value for each in missing), names, stored=True)
        return Finding("all four granted")

    # --- Google

    def _google_reachable(self) -> Finding:
        if self.offline:
            raise _Skip("offline")
        try:
            self.world.renew_access()
        except (GoogleUnreachable, GoogleBusy):
            raise
        except PortalcalError as error:
            self.renewal = error
        return Finding("answers")

    def _grant_refresh(self) -> Finding:
        if self.offline:
            raise _Skip("offline")
        if self.renewal:
            raise self.renewal
        return Finding("access renewed")

    def _calendars_list(self) -> Finding:
        if self.offline:
            raise _Skip("offline")
        self.listed = self.world.calendars.list()
        count = len(self.listed)
        return Finding(f"{count} calendar{'' if count == 1 else 's'}")

    def _calendars_conflicts(self) -> Finding:
        if self.offline:
            raise _Skip("offline")
        chosen = self._selection().conflicts
        now = self.world.clock.now()
        answers = self.world.calendars.free_busy(chosen, Interval(now, now + timedelta(days=1)))
        self.unread = {each.calendar: each.unread for each in answers if each.unread is not None}
        if self.unread:
            raise CalendarUnreadable(tuple(Unread(*each) for each in self.unread.items()))
        return Finding(f"{len(chosen)} readable")

    def _calendars_booking(self) -> Finding:
        if self.offline:
            raise _Skip("offline")
        wanted = self._selection().booking
        calendar = self._entry(wanted)
        if calendar is None:
            raise CalendarNotFound(wanted, tuple(each.id for each in self.listed))
        if not calendar.is_owned:
            raise CalendarNotWritable(calendar.id, calendar.role)
        return Finding(f"{calendar.name}, owned")

    def _entry(self, wanted: str) -> Calendar | None:
        return next(
            (e for e in self.listed if e.id == wanted or (e.is_primary and wanted == "primary")), None
        )

    def _chosen(self) -> tuple[ChosenCalendar, ...]:
        if not self.listed or self.connection is None:
            return ()
        chosen = self._selection()
        found = ((each, chosen.use_of(each)) for each in self.listed)
        return tuple(
            ChosenCalendar(each, use, self.unread.get(each.id, "ok"))
            for each, use in found
            if use is not None
        )

    # --- this machine

    def _timezone_agreement(self) -> Finding:
        schedule, machine = self.world.config.schedule.zone, self.world.machine.zone()
        entry = self._entry(self._selection().booking) if self.listed else None
        zones = {"the schedule": schedule, "this machine": machine}
        if entry:
            try:
                zones["the booking calendar"] = ZoneInfo(entry.timezone)
            except (ZoneInfoNotFoundError, ValueError):
                return Finding(f"the booking calendar has an unknown zone, {entry.timezone}", Health.WARN)
        now = self.world.clock.now()
        if len({_offsets(zone, now) for zone in zones.values()}) == 1:
            return Finding(schedule.key)
        told = ", ".join(f"{name} is in {zone.key}" for name, zone in zones.items())
        calendar_differs = entry is not None and _offsets(zones["the booking calendar"], now) != _offsets(
            schedule, now
        )
        if not calendar_differs and self.world.config.path is not None:
            return Finding(told)
        return Finding(
            told,
            Health.WARN,
            f'if the schedule is meant otherwise, set timezone = "{(entry.timezone if entry else machine.key)}" '
            "in config.toml",
        )

    def _ledger_file(self) -> Finding:
        damage = self.world.ledger.check()
        if damage:
            raise LedgerUnusable("of this workspace", damage)
        self.tally = self.world.ledger.tally(self.world.clock.now())
        live = self.tally.live
        return Finding(f"sound, {live} live booking{'' if live == 1 else 's'}")

    def _ledger_pending(self) -> Finding:
        tally = self.tally
        if tally and tally.overdue:
            return Finding(
                f"{tally.overdue} not told to Google yet",
                Health.WARN,
                "any command that talks to Google delivers them, for example `portalcal availability`",
            )
        if tally and tally.without_event and self.connection:
            return Finding(f"{tally.without_event} upcoming without a calendar event", Health.WARN)
        return Finding("nothing owed to Google")

    def _browser(self) -> Finding:
        if self.world.machine.has_browser():
            return Finding("found")
        return Finding("none; connecting works by pasting an address: `portalcal connect --no-browser`")

    def _loopback(self) -> Finding:
        if self.world.machine.can_listen():
            return Finding("can be listened on")
        return Finding(
            "127.0.0.1 cannot be listened on, so a browser could not come back",
            Health.WARN,
            "run `portalcal connect --no-browser` and paste the address",
        )


def _is_no_ground(check: Check) -> bool:
    return check.health is Health.FAIL


def _offsets(zone: ZoneInfo, now: datetime) -> tuple[timedelta | None, timedelta | None]:
    """What tells two zones apart in practice: their offsets now and half a year on."""
    return now.astimezone(zone).utcoffset(), (now + _HALF_A_YEAR).astimezone(zone).utcoffset()


_MEANS: tuple[tuple[type[PortalcalError], Condition], ...] = (
    (NotConnected, Condition.DISCONNECTED),
    (GrantExpired, Condition.EXPIRED),
    (GrantRevoked, Condition.REVOKED),
    (PermissionMissing, Condition.PERMISSION_MISSING),
    (ReauthRequired, Condition.REAUTH_REQUIRED),
    (VaultUnavailable, Condition.VAULT_UNAVAILABLE),
    (ConfigurationError, Condition.MISCONFIGURED),
    (CalendarNotFound, Condition.MISCONFIGURED),
    (CalendarUnreadable, Condition.DEGRADED),
    (GoogleBusy, Condition.RATE_LIMITED),
    (QuotaExhausted, Condition.RATE_LIMITED),
    (TryLaterError, Condition.UNREACHABLE),
)


def _means(error: PortalcalError) -> Condition:
    """What an error makes of the whole."""
    return next((means for kind, means in _MEANS if isinstance(error, kind)), Condition.DEGRADED)
