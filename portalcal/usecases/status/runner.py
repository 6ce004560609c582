"""Run checks concurrently, each with a deadline, so that a hung keyring or network cannot block `status`."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.core.email_address import same
from portalcal.core.health import Check, CheckResult, CheckStatus, ConnectionState
from portalcal.core.history import HistoryLine
from portalcal.errors import (
    CalendarLost,
    CalendarNotWritable,
    ConfigurationError,
    GoogleBusy,
    GoogleUnreachable,
    GrantExpired,
    GrantRevoked,
    LedgerBusy,
    NotConnected,
    PermissionMissing,
    PortalcalError,
    QuotaExhausted,
    ReauthRequired,
    TryLaterError,
    UsageError,
    VaultUnavailable,
)
from portalcal.ports import Calendar, Connection, ConnectionAdmin, Context, Tally
from portalcal.results import Selection
from portalcal.run_all import Workers
from portalcal.usecases.calendar_selection import calendar_selection

_MIN_WAIT = 0.001


class SkipCheck(Exception):
    """The check does not apply; the text says why."""


class Dependency(Enum):
    """What a check waits for: it decides the deadline, and the error when the deadline passes."""

    MACHINE = "machine"
    VAULT = "vault"
    LEDGER = "ledger"
    GOOGLE = "google"


_DEADLINE_SHARES = {
    Dependency.MACHINE: 0.5,
    Dependency.VAULT: 0.7,
    Dependency.LEDGER: 0.7,
    Dependency.GOOGLE: 0.9,
}
"""Deadline of one check, as a share of the limit. A keyring and a ledger time out by themselves after 5 s, with a better error."""


class CheckContext:
    """The ports that checks use, and what earlier checks learned for later ones."""

    def __init__(self, ports: ConnectionAdmin, workspace: str, *, offline: bool = False) -> None:
        self.ports = ports
        self.workspace = workspace
        self.offline = offline
        self.zone: ZoneInfo | None = None  # the schedule's
        self.connection: Connection | None = None
        self.listed: tuple[Calendar, ...] = ()  # the account's calendar list
        self.unread: dict[str, str] = {}  # Google's reason, by conflict calendar that could not be read
        self.tally: Tally | None = None
        self.last_errors: tuple[str, ...] = ()  # of outbox entries
        self.last_sync: datetime | None = None
        self.last_changes: tuple[HistoryLine, ...] = ()  # of bookings
        self.renewal_error: PortalcalError | None = None

    @property
    def account(self) -> str:
        """The account for a message."""
        return self.known_account or "this account"

    @property
    def known_account(self) -> str | None:
        """The account, if known. For a token from the environment it comes from the calendar list."""
        if self.connection is None:
            return self._account_on_file()
        return self.connection.account or next(
            (calendar.id for calendar in self.listed if calendar.is_primary), None
        )

    def _account_on_file(self) -> str | None:
        """The account of a connection whose vault cannot be read, so that the checks of it did not run."""
        with suppress(PortalcalError):
            connection = self.ports.connections.read()
            return connection.account or None if connection else None
        return None

    def selection(self) -> Selection:
        """The selected calendars. Raises: NotConnected."""
        selection = calendar_selection(self.ports)
        if selection is None:
            raise NotConnected(self.workspace)
        return selection

    def entry(self, calendar_id: str) -> Calendar | None:
        """The entry of the calendar list with that id; `primary` is an id of the primary calendar too."""
        return next(
            (
                calendar
                for calendar in self.listed
                if same(calendar.id, calendar_id) or (calendar.is_primary and calendar_id == "primary")
            ),
            None,
        )

    def need_google(self) -> None:
        """Raises: SkipCheck, when `status` runs offline."""
        if self.offline:
            raise SkipCheck("offline")


class CheckSpec(NamedTuple):
    """One check and the checks it depends on."""

    name: str
    run: Callable[[CheckContext], CheckResult]
    needs: tuple[str, ...] = ()  # it runs after these, unless one of them, or what that needs, failed
    after: tuple[str, ...] = ()  # it runs after these, whatever their result
    dependency: Dependency = Dependency.MACHINE


def run_checks(specs: Sequence[CheckSpec], check_context: CheckContext, *, limit: float) -> tuple[Check, ...]:
    """Run all checks within `limit` seconds. Returns the results in the order of `specs`.

    A check starts as soon as those it waits for are done, on a daemon thread of its own: a check that hangs blocks
    neither this function nor the exit of the process.
    """
    return _Runner(specs, check_context, limit=limit).run()


class _Runner:
    def __init__(self, specs: Sequence[CheckSpec], check_context: CheckContext, *, limit: float) -> None:
        self._specs = specs
        self._check_context = check_context
        self._limit = limit
        self._seconds = check_context.ports.clock.monotonic
        self._ends = self._seconds() + limit
        self._waiting = list(specs)
        self._running: dict[str, tuple[CheckSpec, float]] = {}  # with the time it began
        self._done: dict[str, Check] = {}
        self._skipped_for: dict[str, str] = {}  # by skipped check, the failed one
        self._raised: set[str] = set()  # checks that failed with an error, not by a deadline
        self._workers = Workers(len(specs), name="check")
        self._results: queue.SimpleQueue[Check | BaseException] = queue.SimpleQueue()

    def run(self) -> tuple[Check, ...]:
        try:
            while len(self._done) < len(self._specs):
                self._begin_ready()
                self._take_result()
        finally:
            self._workers.stop()
        return tuple(self._told_once())

    def _told_once(self) -> Iterator[Check]:
        """The results in order. An error that several checks met is reported by one of them: that which others needed,
        else the first.
        """
        checks = [self._done[spec.name] for spec in self._specs]
        raised = [each for each in checks if each.status is CheckStatus.FAIL and each.name in self._raised]
        needed = self._skipped_for.values()
        told: dict[tuple[str, str | None], str] = {}
        for each in sorted(raised, key=lambda check: check.name not in needed):
            told.setdefault((each.detail, each.hint), each.name)
        for each in checks:
            by = told.get((each.detail, each.hint), each.name) if each in raised else each.name
            yield each if by == each.name else self._resting(each.name, by)

    def _begin_ready(self) -> None:
        while ready := [spec for spec in self._waiting if self._done.keys() >= {*spec.needs, *spec.after}]:
            for spec in ready:
                self._waiting.remove(spec)
                failed = next(filter(None, map(self._failure_under, spec.needs)), None)
                if failed is not None:
                    self._skipped_for[spec.name] = failed
                    self._done[spec.name] = self._resting(spec.name, failed)
                else:
                    self._begin(spec)

    def _resting(self, name: str, failed: str) -> Check:
        return Check(name, CheckStatus.SKIPPED, f"rests on {failed}")

    def _failure_under(self, name: str) -> str | None:
        """The check itself if it failed, or the failed one it was skipped for."""
        return name if self._done[name].status is CheckStatus.FAIL else self._skipped_for.get(name)

    def _begin(self, spec: CheckSpec) -> None:
        began = self._seconds()
        self._running[spec.name] = spec, began

        def run() -> None:
            # Every error goes to the thread that waits, which raises one that is a bug.
            try:
                self._results.put(self._run_check(spec, began))
            except BaseException as error:  # noqa: BLE001
                self._results.put(error)

        self._workers.begin(run)

    def _run_check(self, spec: CheckSpec, began: float) -> Check:
        try:
            result = spec.run(self._check_context)
        except SkipCheck as why:
            result = CheckResult(str(why), CheckStatus.SKIPPED)
        except PortalcalError as error:
            self._raised.add(spec.name)
            result = failed_result(error, self._check_context.ports)
        return self._check(spec, result, began)

    def _check(self, spec: CheckSpec, result: CheckResult, began: float) -> Check:
        return Check(spec.name, result.status, result.detail, result.hint, self._millis(began), result.means)

    def _take_result(self) -> None:
        """Wait for one result, or for the first deadline."""
        if not self._running:
            return
        first = min(map(self._deadline, self._running.values()))
        try:
            result = self._results.get(timeout=max(first - self._seconds(), _MIN_WAIT))
        except queue.Empty:
            self._time_out()
            return
        if isinstance(result, BaseException):
            raise result
        # A check that has timed out is done already: its late result is dropped.
        if self._running.pop(result.name, None):
            self._done[result.name] = result

    def _deadline(self, running: tuple[CheckSpec, float]) -> float:
        spec, began = running
        return min(began + _DEADLINE_SHARES[spec.dependency] * self._limit, self._ends)

    def _time_out(self) -> None:
        now = self._seconds()
        for spec, began in [running for running in self._running.values() if self._deadline(running) <= now]:
            del self._running[spec.name]
            result = self._timed_out_result(spec.dependency, now - began)
            self._done[spec.name] = self._check(spec, result, began)

    def _timed_out_result(self, dependency: Dependency, seconds: float) -> CheckResult:
        """The result of a check past its deadline: the error other commands would fail with."""
        ports = self._check_context.ports
        message = f"no answer within {max(seconds, 0.1):.1f} s"
        match dependency:
            case Dependency.VAULT:
                return failed_result(VaultUnavailable(message, _UNLOCK), ports)
            case Dependency.LEDGER:
                return failed_result(LedgerBusy("of this machine"), ports)
            case Dependency.GOOGLE:
                return failed_result(GoogleUnreachable("Google", message), ports)
            case Dependency.MACHINE:
                # A network file system, for example.
                return CheckResult(
                    message,
                    CheckStatus.FAIL,
                    "run `portalcal status --timeout 60s`",
                    ConnectionState.UNREACHABLE,
                )

    def _millis(self, began: float) -> int:
        return timedelta(seconds=self._seconds() - began) // timedelta(milliseconds=1)


_UNLOCK = (
    "if a window asks for the keyring's password, answer that, with `portalcal status --timeout 60s`; "
    "else restart the keyring service by logging in again"
)


def failed_result(error: PortalcalError, ports: Context, *, hint: str | None = None) -> CheckResult:
    """The result of a check that fails with an error of the other commands; `hint` replaces the error's own."""
    adapted = error.with_ways_out(lambda: ports.ways_out)
    return CheckResult(adapted.message, CheckStatus.FAIL, hint or adapted.hint, means=state_for_error(error))


_STATES: tuple[tuple[type[PortalcalError], ConnectionState], ...] = (
    (NotConnected, ConnectionState.DISCONNECTED),
    (GrantExpired, ConnectionState.EXPIRED),
    (GrantRevoked, ConnectionState.REVOKED),
    (PermissionMissing, ConnectionState.PERMISSION_MISSING),
    (ReauthRequired, ConnectionState.REAUTH_REQUIRED),
    (VaultUnavailable, ConnectionState.VAULT_UNAVAILABLE),
    (CalendarLost, ConnectionState.BLOCKED),
    (CalendarNotWritable, ConnectionState.BLOCKED),
    (ConfigurationError, ConnectionState.MISCONFIGURED),
    (QuotaExhausted, ConnectionState.RATE_LIMITED),
    (TryLaterError, ConnectionState.UNREACHABLE),
    # The passphrase of a vault file, if it can be read neither from the environment nor from a terminal.
    (UsageError, ConnectionState.VAULT_UNAVAILABLE),
)


def state_for_error(error: PortalcalError) -> ConnectionState:
    """The state that an error puts the connection in. Of GoogleBusy, 5xx is an outage and the rest are rate limits."""
    if isinstance(error, GoogleBusy):
        return ConnectionState.UNREACHABLE if error.status >= 500 else ConnectionState.RATE_LIMITED
    return next((state for kind, state in _STATES if isinstance(error, kind)), ConnectionState.BLOCKED)
