"""Checks of `status`: how results are judged, and the state of the workspace that follows from them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.core.grant import TESTING_LIFE, UNUSED_LIFE, ended_like_testing
from portalcal.core.outbox import OutboxEntry, Task
from portalcal.core.schedule import Schedule
from portalcal.core.slots import Rules
from portalcal.core.time import format_date, format_duration
from portalcal.core.zone_rules import PACKAGE, ZoneRules
from portalcal.errors import Exit, LedgerFault


class CheckStatus(StrEnum):
    """The outcome of one check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


class ConnectionState(StrEnum):
    """The state of a workspace as a whole."""

    CONNECTED = "connected"
    DEGRADED = "degraded"
    BLOCKED = "blocked"
    DISCONNECTED = "disconnected"
    EXPIRED = "expired"
    REVOKED = "revoked"
    PERMISSION_MISSING = "permission-missing"
    REAUTH_REQUIRED = "reauth-required"
    VAULT_UNAVAILABLE = "vault-unavailable"
    MISCONFIGURED = "misconfigured"
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate-limited"

    @property
    def exit(self) -> Exit:
        """The exit status of `status` in this state."""
        return _EXITS[self]


_EXITS = {
    ConnectionState.CONNECTED: Exit.DONE,
    ConnectionState.DEGRADED: Exit.DONE,
    ConnectionState.BLOCKED: Exit.CONFIGURATION,
    ConnectionState.DISCONNECTED: Exit.CONNECT,
    ConnectionState.EXPIRED: Exit.CONNECT,
    ConnectionState.REVOKED: Exit.CONNECT,
    ConnectionState.PERMISSION_MISSING: Exit.CONNECT,
    ConnectionState.REAUTH_REQUIRED: Exit.CONNECT,
    ConnectionState.VAULT_UNAVAILABLE: Exit.CONFIGURATION,
    ConnectionState.MISCONFIGURED: Exit.CONFIGURATION,
    ConnectionState.UNREACHABLE: Exit.TRY_LATER,
    ConnectionState.RATE_LIMITED: Exit.TRY_LATER,
}


class CheckResult(NamedTuple):
    """The result of one check."""

    detail: str
    status: CheckStatus = CheckStatus.OK
    hint: str | None = None
    means: ConnectionState = ConnectionState.BLOCKED  # the state of the workspace if this failed


class Check(NamedTuple):
    """A check with its result."""

    name: str
    status: CheckStatus
    detail: str
    hint: str | None = None
    millis: int = 0  # how long it took
    means: ConnectionState = ConnectionState.BLOCKED  # the state of the workspace if this failed


def overall_state(checks: Iterable[Check]) -> ConnectionState:
    """The state that follows from checks, in their order.

    The first failure decides, since later failures may be its consequences. Warnings alone make it degraded.
    """
    in_order = tuple(checks)
    for check in in_order:
        if check.status is CheckStatus.FAIL:
            return check.means
    return (
        ConnectionState.DEGRADED
        if any(each.status is CheckStatus.WARN for each in in_order)
        else ConnectionState.CONNECTED
    )


_SEVERITY = (Exit.CONFIGURATION, Exit.CONNECT, Exit.TRY_LATER, Exit.DONE)


def worst_state(states: Iterable[ConnectionState]) -> ConnectionState:
    """The worst of several states: first those that need a person, then transient ones, then degraded."""
    return min(
        states,
        default=ConnectionState.CONNECTED,
        key=lambda each: (_SEVERITY.index(each.exit), each is ConnectionState.CONNECTED),
    )


_HALF_A_YEAR = timedelta(days=182)

_WARN_AT = timedelta(days=5)
"""Age from which a grant that is expected to end at seven days is warned about."""

_WARN_UNUSED = timedelta(days=150)

_MAX_SKEW = timedelta(seconds=30)

_MIN_FREE_BYTES = 1_000_000

_ONE_DAY = timedelta(days=1)

RUN_SYNC = "run `portalcal sync`"

ADD_MISSING = "run `portalcal sync --add-missing`"

SET_THE_CLOCK = "set this machine's clock, on most Linux machines with `timedatectl set-ntp true`"

NAME_A_ZONE = 'set TZ to a name like Europe/Berlin, or timezone = "Europe/Berlin" in config.toml'


def judge_schedule(schedule: Schedule, rules: Mapping[str, Rules] = MappingProxyType({})) -> CheckResult:
    """Judge whether the schedule ever opens. `rules`: by link, those of no link under ""; where starts lie closer than a
    meeting with its buffers, that is mentioned once.
    """
    if schedule.is_closed_all_week:
        return CheckResult(
            "closed all week, so nothing is ever offered",
            CheckStatus.WARN,
            "give [schedule] some hours; `portalcal config --example` shows how",
        )
    days = sum(1 for each in schedule.weekly if each)
    opens = f"open {days} day{'' if days == 1 else 's'} a week, {schedule.zone.key}"
    remarks = (_tight(*each) for each in rules.items())
    return CheckResult(next((f"{opens}; {remark}" for remark in remarks if remark), opens))


def _tight(link: str, rules: Rules) -> str:
    """A remark where two meetings do not fit one after the other though their starts do."""
    buffers = rules.buffer_before + rules.buffer_after
    if not buffers or rules.stride >= rules.duration + buffers:
        return ""
    step, whole = format_duration(rules.stride), format_duration(rules.duration + buffers)
    of_link = f"{link}: " if link else ""
    return f"{of_link}starts lie every {step}, a meeting with its buffers takes {whole}"


def judge_zones(
    zones: Mapping[str, ZoneInfo], now: datetime, *, is_chosen: bool, problem: str | None = None
) -> CheckResult:
    """Judge whether the zones of the schedule, this machine and, if known, the booking calendar agree.

    A machine whose zone differs from a configured zone (`is_chosen`) is fine: servers run in UTC. `problem`: why the
    schedule's zone had to be guessed.
    """
    if problem:
        return CheckResult(problem, CheckStatus.WARN, NAME_A_ZONE)
    schedule = zones["the schedule"]
    odd = [owner for owner, zone in zones.items() if _offsets(zone, now) != _offsets(schedule, now)]
    if not odd:
        return CheckResult(schedule.key)
    detail = ", ".join(f"{owner} is in {zone.key}" for owner, zone in zones.items())
    if "the booking calendar" not in odd and is_chosen:
        return CheckResult(detail)
    other = zones.get("the booking calendar", zones["this machine"])
    return CheckResult(
        detail,
        CheckStatus.WARN,
        f'if the schedule is meant otherwise, set timezone = "{other.key}" in config.toml',
    )


def judge_zone_rules(
    rules: ZoneRules, today: date, *, differing: Mapping[str, datetime] = MappingProxyType({})
) -> CheckResult:
    """Judge the zone database. `differing`: zones in use for which the other database differs, with the first instant."""
    used, other = rules.used, rules.other
    detail = used.named
    if other:
        is_newer = used.is_newer_than(other)
        detail = f"{used.named}, {'newer than' if is_newer else 'not older than'} {other.named}"
    if rules.are_old(today):
        return CheckResult(f"{detail}: more than a year old", CheckStatus.WARN, UPGRADE_ZONES)
    if not other or not differing:
        return CheckResult(detail)
    where = ", ".join(f"{zone} from {format_date(at.date())} on" for zone, at in differing.items())
    remedy = UPGRADE_ZONES if other.place == PACKAGE else _UPGRADE_MACHINE
    return CheckResult(f"{detail}, which differs: {where}", CheckStatus.WARN, remedy)


def judge_holidays(booked: Sequence[tuple[str, date, str]]) -> CheckResult:
    """Judge bookings on holidays: the short id of each, its date and the name of the holiday."""
    if not booked:
        return CheckResult("no booking falls on one")
    shown = [f"{booking} on {format_date(day)}, {name}" for booking, day, name in booked[:_MOST_LISTED]]
    shown += [f"and {len(booked) - _MOST_LISTED} more"] if len(booked) > _MOST_LISTED else []
    count = "1 booking falls" if len(booked) == 1 else f"{len(booked)} bookings fall"
    return CheckResult(
        f"{count} on a holiday: {'; '.join(shown)}",
        CheckStatus.WARN,
        f"see `portalcal bookings {booked[0][0]}` and move or cancel it, or add the date to holidays_open in config.toml",
    )


_MOST_LISTED = 5

UPGRADE_ZONES = "run `pip install --upgrade tzdata`"
_UPGRADE_MACHINE = "times are right here; for other programs, upgrade this machine's zones, on Debian with `apt-get install tzdata`"


def judge_grant_age(
    age: timedelta, *, last_lived: timedelta | None, unused: timedelta | None, is_offline: bool = False
) -> CheckResult:
    """Judge how long the grant will last, by the lifetime of the previous grant and by its last use.

    Whether a grant past its life has ended is for Google to say; `is_offline`: Google is not asked.
    """
    detail = "less than a day old" if age < _ONE_DAY else f"{days(age)} old"
    if is_near_end(age, last_lived=last_lived):
        return CheckResult(
            f"{detail}; the one before ended after 7 days, as in an OAuth app in Testing, so this one ends in "
            f"{time_left_in_testing(age)}",
            CheckStatus.WARN,
            "publish the app in the Google Cloud console (Audience), then run `portalcal connect --force`; "
            "without publishing, that gives 7 more days",
        )
    if unused is not None and unused >= _WARN_UNUSED:
        detail = f"{detail}, not used for {days(unused)}; Google ends a grant after six months without use"
        if unused < UNUSED_LIFE:
            left = days(UNUSED_LIFE - unused, up=True)
            return CheckResult(f"{detail}, in {left}", CheckStatus.WARN, "use it: `portalcal calendars`")
        if is_offline:
            return CheckResult(detail, CheckStatus.WARN, "see whether it has ended: `portalcal status`")
        return CheckResult(detail)
    if last_lived is not None and ended_like_testing(last_lived) and age < _WARN_AT:
        return CheckResult(f"{detail}; the one before ended after 7 days")
    return CheckResult(detail)


def time_left_in_testing(age: timedelta) -> str:
    """The remaining lifetime of a grant of an app in Testing, in words."""
    return days(max(TESTING_LIFE - age, timedelta(0)), up=True)


def is_near_end(age: timedelta, *, last_lived: timedelta | None) -> bool:
    """Whether the grant is about to end because the OAuth app is in Testing, judged by the previous grant."""
    seemed_testing = last_lived is not None and ended_like_testing(last_lived)
    # A grant older than that belongs to an app that has been published since.
    return seemed_testing and _WARN_AT <= age < TESTING_LIFE + _ONE_DAY


def judge_clock(skew: timedelta | None) -> CheckResult:
    """Judge this machine's clock against Google's. `skew`: how far it is ahead."""
    if skew is None:
        return CheckResult("Google's answer tells no time")
    seconds = round(abs(skew).total_seconds())
    if abs(skew) <= _MAX_SKEW:
        return CheckResult("agrees with Google's" if seconds <= 2 else f"{seconds} s off")
    way = "ahead of" if skew > timedelta(0) else "behind"
    return CheckResult(
        f"this machine's clock is {short_length(timedelta(seconds=seconds))} {way} Google's",
        CheckStatus.WARN,
        SET_THE_CLOCK,
    )


SYNC_NEVER_RAN = CheckResult(
    "sync has never run, so nothing that people change in Google Calendar is noticed here",
    CheckStatus.WARN,
    "run `portalcal sync`, and let cron or systemd run it from now on",
)
"""Where there are bookings."""


def judge_outbox(owed: Sequence[OutboxEntry], now: datetime, *, missing: int) -> CheckResult:
    """Judge the outbox. `missing`: upcoming bookings without an event, with those whose event is in the outbox."""
    overdue = [each for each in owed if each.due_at <= now]
    if overdue:
        first = min(overdue, key=lambda each: each.due_at)
        why = next((each.last_error for each in (first, *overdue) if each.last_error), None)
        since = short_length(now - first.due_at)
        detail = f"{len(overdue)} not told to Google yet, the first due {since} ago"
        return CheckResult(f"{detail}: {why}" if why else detail, CheckStatus.WARN, RUN_SYNC)
    # Bookings whose event is in the outbox are in `missing` too, and need no repair.
    never = missing - sum(1 for each in owed if each.task is Task.PUT)
    if never > 0:
        return CheckResult(f"{never} upcoming without a calendar event", CheckStatus.WARN, ADD_MISSING)
    if owed:
        wait = short_length(min(each.due_at for each in owed) - now)
        return CheckResult(
            f"{len(owed)} owed to Google, tried again in {wait}, by the next command that books, moves or cancels or by `portalcal sync`"
        )
    return CheckResult("nothing owed to Google")


def judge_disk_space(left: int | None) -> str | None:
    """A problem text if so few bytes are left on the ledger's disk that the next booking may not fit, else None."""
    return "the disk is full" if left is not None and left < _MIN_FREE_BYTES else None


def ledger_remedy(fault: str, *, is_on_server: bool) -> str:
    """The hint for a ledger that cannot be used."""
    if is_on_server:
        return _SERVER_REMEDIES.get(LedgerFault(fault), _LEDGER_REMEDIES[LedgerFault(fault)])
    return _LEDGER_REMEDIES[LedgerFault(fault)]


_PUT_BACK = (
    "put back a copy of it, or move it away: a new one begins empty, and events already made stay in Google "
    "Calendar; then run `portalcal status`"
)

_LEDGER_REMEDIES = {
    LedgerFault.LIBRARY: "run `pip install 'portalcal[postgres]'`",
    LedgerFault.SERVER: "see that the url under [ledger] opens it, then run `portalcal status`",
    LedgerFault.STANDBY: (
        "name the primary under [ledger], or all its servers with commas between the hosts: the one that can be "
        "written is used; then run `portalcal status`"
    ),
    LedgerFault.RIGHTS: "let its role read and write the schema portalcal, then run `portalcal status`",
    LedgerFault.FULL: "free some space on its disk, then run `portalcal status`",
    LedgerFault.DAMAGED: _PUT_BACK,
    LedgerFault.FOREIGN: _PUT_BACK,
    LedgerFault.MOVED: "set url under [ledger] to that one, then run `portalcal status`",
    LedgerFault.OCCUPIED: "name another one under [ledger], then run `portalcal status`",
    LedgerFault.UNWRITABLE: "make it and its folder writable for you, then run `portalcal status`",
}

_SERVER_REMEDIES = {
    LedgerFault.DAMAGED: "restore its schema portalcal from a backup, then run `portalcal status`",
    LedgerFault.FOREIGN: (
        "name another database under [ledger], or give that schema another name: "
        "`ALTER SCHEMA portalcal RENAME TO former`; then run `portalcal status`"
    ),
}


def days(length: timedelta, *, up: bool = False) -> str:
    """Format a duration in whole days, `3 days`; rounded up with `up`, else down."""
    number = -(-length // _ONE_DAY) if up else length // _ONE_DAY
    return f"{number} day{'' if number == 1 else 's'}"


def short_length(length: timedelta) -> str:
    """Format a duration in its largest unit of which there are two or more, `3 min`."""
    seconds = round(length.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{round(seconds / size)} {unit}"
    return f"{seconds} s"


def _offsets(zone: ZoneInfo, now: datetime) -> tuple[timedelta | None, timedelta | None]:
    """The offsets now and in half a year; zones that agree in both are treated as the same."""
    return now.astimezone(zone).utcoffset(), (now + _HALF_A_YEAR).astimezone(zone).utcoffset()
