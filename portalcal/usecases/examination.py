"""Asking many questions at once, none of which can hold up the answer: a stopped keyring or a silent network included."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import Enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.answers import Selection
from portalcal.config import Pins
from portalcal.core.diagnosis import Check, Condition, Finding, Health
from portalcal.errors import (
    CalendarNotFound,
    CalendarUnreadable,
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
from portalcal.ports import Calendar, Connection, Tally, World
from portalcal.usecases.situation import selection

_SHORTEST_WAIT = 0.001


class Skip(Exception):
    """The question does not arise; the text says why."""


class Whose(Enum):
    """Who is asked: it decides how long one question may take, and what silence means."""

    MACHINE = "machine"
    VAULT = "vault"
    LEDGER = "ledger"
    GOOGLE = "google"


_SHARES = {Whose.MACHINE: 0.5, Whose.VAULT: 0.7, Whose.LEDGER: 0.7, Whose.GOOGLE: 0.9}
"""Of the whole time, for one question. A keyring and a ledger give up by themselves after 5 s, and say more then."""


class Scene:
    """What is looked at, and what the earlier checks learned for the later ones. `zone` is the schedule's."""

    def __init__(self, world: World, workspace: str, *, offline: bool = False) -> None:
        self.world = world
        self.workspace = workspace
        self.offline = offline
        self.zone: ZoneInfo | None = None
        self.connection: Connection | None = None
        self.listed: tuple[Calendar, ...] = ()
        self.unread: dict[str, str] = {}
        self.tally: Tally | None = None
        self.last_errors: tuple[str, ...] = ()
        self.renewal: PortalcalError | None = None

    def selection(self) -> Selection:
        """The calendars chosen. Raises: NotConnected."""
        chosen = selection(self.world)
        if chosen is None:
            raise NotConnected(self.workspace)
        return chosen

    def entry(self, wanted: str) -> Calendar | None:
        """The listed calendar of that id; the primary one also goes by the name `primary`."""
        return next(
            (e for e in self.listed if e.id == wanted or (e.is_primary and wanted == "primary")), None
        )

    @property
    def pins(self) -> Pins:
        """The calendars that config.toml names, which no command changes."""
        return self.world.config.pins

    def pinned(self, key: str) -> str:
        """Where config.toml names them."""
        line = f" (line {self.pins.line})" if self.pins.line else ""
        return f"[calendars] {key} in {self.world.config.path}{line}"

    def need_google(self) -> None:
        """Raises: Skip, when Google is not to be asked."""
        if self.offline:
            raise Skip("offline")


class Question(NamedTuple):
    """One check: it waits for the answers it `needs`, and is skipped when one of them, or what that needs, failed.

    It also waits for those it comes `after`, but is asked whatever they are.
    """

    name: str
    look: Callable[[Scene], Finding]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    whose: Whose = Whose.MACHINE


def examine(questions: Sequence[Question], scene: Scene, *, limit: float) -> tuple[Check, ...]:
    """The answers in the order of the questions, after `limit` seconds at the latest.

    A question is asked as soon as those before it are answered, on a daemon thread of its own: one that never comes
    back keeps neither this function nor the process from ending.
    """
    return _Examination(questions, scene, limit=limit).run()


class _Examination:
    def __init__(self, questions: Sequence[Question], scene: Scene, *, limit: float) -> None:
        self._questions = questions
        self._scene = scene
        self._limit = limit
        self._seconds = scene.world.clock.monotonic
        self._ends = self._seconds() + limit
        self._waiting = list(questions)
        self._asked: dict[str, tuple[Question, float]] = {}
        self._told: dict[str, Check] = {}
        self._rests_on: dict[str, str] = {}
        self._answers: queue.SimpleQueue[Check | BaseException] = queue.SimpleQueue()

    def run(self) -> tuple[Check, ...]:
        while len(self._told) < len(self._questions):
            self._ask_what_can_be_asked()
            self._hear()
        return tuple(self._told[each.name] for each in self._questions)

    def _ask_what_can_be_asked(self) -> None:
        while ready := [each for each in self._waiting if self._told.keys() >= {*each.needs, *each.after}]:
            for each in ready:
                self._waiting.remove(each)
                failed_ground = next(filter(None, map(self._failure_under, each.needs)), None)
                if failed_ground is not None:
                    self._rests_on[each.name] = failed_ground
                    self._told[each.name] = Check(each.name, Health.SKIPPED, f"rests on {failed_ground}")
                else:
                    self._begin(each)

    def _failure_under(self, name: str) -> str | None:
        """The check itself if it failed, or the failed one it was skipped for."""
        return name if self._told[name].health is Health.FAIL else self._rests_on.get(name)

    def _begin(self, question: Question) -> None:
        began = self._seconds()
        self._asked[question.name] = question, began

        def ask() -> None:
            # Whatever it is, it belongs to the thread that waits, which raises what is a bug.
            try:
                self._answers.put(self._answer(question, began))
            except BaseException as error:  # noqa: BLE001
                self._answers.put(error)

        threading.Thread(target=ask, name=question.name, daemon=True).start()

    def _answer(self, question: Question, began: float) -> Check:
        try:
            found = question.look(self._scene)
        except Skip as why:
            found = Finding(str(why), Health.SKIPPED)
        except PortalcalError as error:
            found = failure(error)
        return self._check(question, found, began)

    def _check(self, question: Question, found: Finding, began: float) -> Check:
        return Check(question.name, found.health, found.detail, found.hint, self._millis(began), found.means)

    def _hear(self) -> None:
        """Take one answer, or give up on what was asked too long ago."""
        if not self._asked:
            return
        first = min(map(self._deadline, self._asked.values()))
        try:
            answer = self._answers.get(timeout=max(first - self._seconds(), _SHORTEST_WAIT))
        except queue.Empty:
            self._give_up()
            return
        if isinstance(answer, BaseException):
            raise answer
        if self._asked.pop(answer.name, None):
            self._told[answer.name] = answer

    def _deadline(self, asked: tuple[Question, float]) -> float:
        question, began = asked
        return min(began + _SHARES[question.whose] * self._limit, self._ends)

    def _give_up(self) -> None:
        now = self._seconds()
        for question, began in [each for each in self._asked.values() if self._deadline(each) <= now]:
            del self._asked[question.name]
            found = self._silence(question.whose, now - began)
            self._told[question.name] = self._check(question, found, began)

    def _silence(self, whose: Whose, seconds: float) -> Finding:
        """No answer in time: what it is in the words of the errors that other commands end with."""
        told = f"no answer within {max(seconds, 0.1):.1f} s"
        match whose:
            case Whose.VAULT:
                return failure(VaultUnavailable(told, _UNLOCK))
            case Whose.LEDGER:
                return failure(LedgerBusy("of this machine"))
            case Whose.GOOGLE:
                return failure(GoogleUnreachable("Google", told))
            case Whose.MACHINE:
                # A folder on a network, for example.
                return Finding(
                    told, Health.FAIL, "run `portalcal status --timeout 60s`", Condition.UNREACHABLE
                )

    def _millis(self, began: float) -> int:
        return timedelta(seconds=self._seconds() - began) // timedelta(milliseconds=1)


_UNLOCK = (
    "if a window asks for the keyring's password, answer that, with `portalcal status --timeout 60s`; "
    "else restart the keyring service by logging in again"
)


def failure(error: PortalcalError, *, detail: str | None = None, hint: str | None = None) -> Finding:
    """A check that ends with the error other commands would end with, in better words where it has them."""
    return Finding(detail or error.message, Health.FAIL, hint or error.hint, means=meaning(error))


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
    (QuotaExhausted, Condition.RATE_LIMITED),
    (TryLaterError, Condition.UNREACHABLE),
    # The passphrase of a vault file that nobody is there to type.
    (UsageError, Condition.VAULT_UNAVAILABLE),
)


def meaning(error: PortalcalError) -> Condition:
    """What an error makes of the whole. Of being busy only "too fast" is a limit; 5xx is Google out of order."""
    if isinstance(error, GoogleBusy):
        return Condition.UNREACHABLE if error.status >= 500 else Condition.RATE_LIMITED
    return next((means for kind, means in _MEANS if isinstance(error, kind)), Condition.DEGRADED)
