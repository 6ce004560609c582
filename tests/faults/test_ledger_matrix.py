"""A fault at every call of the ledger, in every command that uses it: no outcome is claimed that is not so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from portalcal.container import Container
from portalcal.core.booking import State
from portalcal.core.offers import OfferState
from portalcal.errors import LedgerBusy, LedgerCutOff, LedgerUnusable, PortalcalError
from portalcal.ports import Ledger, OfferBook, Search
from portalcal.simulator.google import Simulator
from tests import selection
from tests.cli.conftest import ANA, NOW, Ran
from tests.cli.status_failures import ledger_path
from tests.faults.contract import CANCELLED, CONFIRMED, MOVED, NOTHING
from tests.faults.stage import SAM, TEN, TWO, Facts, Stage

DAY = "2026-11-24"
_BOOK = ("book", f"{DAY}T{TEN}", *SAM)
_DANA, _BEN = "dana@example.com", "ben@example.com"
_SERVER = "postgresql://db.example.com/portal"

WRITES = {"hold", "begin_cancel", "begin_move", "adopt", "owe_event", "keep_sync_token", "keep_last_sync", "keep_account", "offers.make", "offers.take", "offers.extend", "offers.end", "prune_history", "lease", "release", "settle", "postpone"}  # fmt: skip


class Fault(NamedTuple):
    """How a call fails. `is_done`: its transaction was committed before."""

    name: str
    error: Callable[[], PortalcalError]
    is_done: bool = False


FAULTS = (
    Fault("busy", lambda: LedgerBusy("ledger.db")),
    Fault("disk full", lambda: LedgerUnusable("ledger.db", "the disk is full")),
    Fault("commit cut off, not done", lambda: LedgerCutOff(_SERVER)),
    Fault("commit cut off, done", lambda: LedgerCutOff(_SERVER), is_done=True),
)


@dataclass
class FailingLedger:
    """A ledger whose call number `at` fails, and every one after it. `calls`: the names of those that were made."""

    ledger: Ledger
    fault: Fault | None = None
    at: int = 0
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.ledger, name)
        return method if name in {"close", "stop"} else partial(self.call, name, method)

    def call(self, name: str, method: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        self.calls.append(name)
        if self.fault is None or len(self.calls) <= self.at:
            return method(*args, **named)
        if len(self.calls) == self.at + 1:
            if self.fault.is_done:
                method(*args, **named)
            raise self.fault.error()
        raise LedgerBusy("ledger.db", "out of reach: the connection was lost")


@dataclass
class FailingOffers:
    """The offers of a ledger that fails, whose calls count among the ledger's."""

    offers: OfferBook
    ledger: FailingLedger

    def __getattr__(self, name: str) -> Any:
        return partial(self.ledger.call, f"offers.{name}", getattr(self.offers, name))


@dataclass
class LedgerStage(Stage):
    """A machine whose ledger may fail."""

    failing: FailingLedger | None = None

    def customize(self, container: Container) -> None:
        """Put the failing ledger in place of a sound one."""
        super().customize(container)
        if self.failing is not None:
            self.failing.ledger = container.ledger
            container.override(offers=FailingOffers(container.offers, self.failing), ledger=self.failing)

    def run_failing(self, fault: Fault | None, at: int, *words: str) -> tuple[Ran, list[str]]:
        """Run a command whose call number `at` of the ledger fails. Returns the calls it made, too."""
        self.failing = FailingLedger(self.ledger(), fault, at)
        try:
            return self(*words, "--json"), self.failing.calls
        finally:
            self.failing = None


class Scene(NamedTuple):
    """A command, what comes before it, the ledger's calls it makes, and what ledger and calendar come to in the end."""

    line: tuple[str, ...]
    arrange: Callable[[Stage], None]
    calls: str
    settled: Facts
    name: str = ""

    def __str__(self) -> str:
        """The command, and which of its scenes."""
        return f"{self.line[0]}{f' ({self.name})' if self.name else ''}"


def connected(stage: Stage) -> None:
    stage.connect()


def booked(stage: Stage) -> None:
    stage.connect()
    stage.book()


def booked_with_dana(stage: Stage) -> None:
    stage.connect()
    for person in (_DANA, _BEN):
        stage.google.add_user(person)
        stage.google.share(person, ANA, role="freeBusyReader")
    stage.book(TEN, "--with", _DANA, "--owner", "organises")


def offered(stage: Stage) -> None:
    stage.connect()
    made = stage.json("offer", f"{DAY}T{TEN}", f"{DAY}T{TWO}", *SAM).result["id"]
    stage.booking = f"{made}/1"
    stage.google.clock.advance(seconds=60)


def open_offer(stage: Stage) -> None:
    offered(stage)
    stage.booking = stage.booking.removesuffix("/1")


def over(stage: Stage) -> None:
    """The booking and its history are of the past."""
    booked(stage)
    stage.google.clock.advance(days=9)


def deleted(stage: Stage) -> None:
    booked(stage)
    assert stage.json("sync").exit == 0
    stage.change(status="cancelled")


def owed(stage: Stage) -> None:
    stage.connect()
    stage.google.faults.add("events.insert: 403-quotaExceeded once")
    stage.book()
    stage.google.clock.advance(minutes=5)


def lost(stage: Stage) -> None:
    """The booking is in the calendar alone."""
    booked(stage)
    path = ledger_path(stage)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def refused(stage: Stage) -> None:
    """Google will not have the event."""
    stage.connect()
    stage.google.faults.add("events.insert: 400-invalid once")


def busy(stage: Stage) -> None:
    """Google has had enough when the event is to be made."""
    stage.connect()
    stage.google.faults.add("events.insert: 403-quotaExceeded once")


def never_connected(stage: Stage) -> None:
    stage.configure('[calendars]\nconflicts = ["primary"]\n')


SCENES = (
    Scene((*_BOOK, "--key", "k"), connected, "under_key_and_due claims hold lease settle", CONFIRMED),
    Scene(_BOOK, connected, "due claims hold lease settle", CONFIRMED, "no key"),
    Scene((*_BOOK, "--key", "k"), refused, "under_key_and_due claims hold lease settle", CONFIRMED, "refused"),
    Scene((*_BOOK, "--key", "k"), busy, "under_key_and_due claims hold lease postpone", CONFIRMED, "postponed"),
    Scene((*_BOOK, "--key", "order-17"), owed, "under_key_and_due lease settle", CONFIRMED, "again"),
    Scene(("reschedule", "BOOKING", f"{DAY}T{TWO}"), booked, "due find claims begin_move lease settle", MOVED),
    Scene(("reassign", "BOOKING", "--from", _DANA, "--to", _BEN), booked_with_dana, "due find claims meeting_starts begin_move lease settle", CONFIRMED),
    Scene(("offer", f"{DAY}T{TEN}", *SAM, "--key", "o"), connected, "offers.under_key offers.expired due claims offers.make", NOTHING),
    Scene(("book", "--offer", "BOOKING"), offered, "offers.find due claims offers.take due lease settle", CONFIRMED, "offered"),
    Scene(("cancel", "BOOKING"), booked, "find begin_cancel due lease settle owed", CANCELLED),
    Scene(("sync",), owed, "offers.expired owed lease settle owed calendars_ahead owed sync_token search owed keep_sync_token search keep_last_sync owed search find", CONFIRMED, "owed"),
    Scene(("sync",), deleted, "offers.expired owed calendars_ahead owed sync_token search owed adopt keep_sync_token search keep_last_sync owed search find", CANCELLED, "deleted"),
    Scene(("sync", "--adopt"), lost, "offers.expired owed calendars_ahead owed search get unknown hold owed find keep_sync_token search keep_last_sync owed search find", CONFIRMED, "lost"),
    Scene(("bookings",), booked, "owed search", CONFIRMED),
    Scene(("availability",), booked, "owed claims", CONFIRMED),
    Scene(("calendars",), booked, "owed", CONFIRMED),
    Scene(("history",), booked, "history", CONFIRMED),
    Scene(("history", "--prune", "1d"), over, "prune_history prune_history", CONFIRMED, "pruned"),
    Scene(("changes",), booked, "changes changes", CONFIRMED),
    Scene(("offers",), open_offer, "owed offers.all", NOTHING),
    Scene(("offer", "BOOKING", "--extend", "1h"), open_offer, "offers.find offers.extend", NOTHING, "extended"),
    Scene(("offer", "BOOKING", "--release"), open_offer, "offers.find offers.end due", NOTHING, "released"),
    Scene(("disconnect", "--yes"), connected, "search due", NOTHING._replace(connected=False)),
)  # fmt: skip


class Cell(NamedTuple):
    """A scene, the number of the call that fails, and how."""

    scene: Scene
    at: int
    fault: Fault

    @property
    def method(self) -> str:
        """The call that fails."""
        return self.scene.calls.split()[self.at]

    @property
    def is_written(self) -> bool:
        """Whether the command has written when it ends."""
        done = self.scene.calls.split()[: self.at + self.fault.is_done]
        return not WRITES.isdisjoint(done)

    def __str__(self) -> str:
        """Scene, call and fault."""
        return f"{self.scene}: {self.at + 1} {self.method}: {self.fault.name}"


def _cells() -> Iterator[Cell]:
    for scene in SCENES:
        for at, method in enumerate(scene.calls.split()):
            # What only reads commits nothing.
            yield from (Cell(scene, at, fault) for fault in FAULTS[: None if method in WRITES else 2])


def _traits(cell: Cell) -> Iterable[object]:
    """Every fault in every command, and every call that fails, those that write also after they are done."""
    yield cell.scene.line[0], cell.fault.name
    yield cell.method, cell.fault.is_done


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[LedgerStage]:
    with Simulator(now=NOW) as google:
        stage = LedgerStage(google, tmp_path / "portalcal")
        stage.configure()
        yield stage
        stage.nobody.close()


def words(stage: Stage, scene: Scene) -> list[str]:
    return [stage.booking if word == "BOOKING" else word for word in scene.line]


def what_is_so(stage: Stage) -> tuple[str | None, State | None, bool]:
    """The id and the state of the one booking, and whether it is being moved or given to others, or was."""
    ledger = stage.ledger()
    try:
        bookings = ledger.search(Search())
    finally:
        ledger.close()
    assert len(bookings) <= 1
    if not bookings:
        return None, None, False
    (booking,) = bookings
    is_moved = (
        booking.moving_to is not None or f"{booking.meeting.start:%H:%M}" == TWO or _BEN in booking.claimants
    )
    return str(booking.id), booking.state, is_moved


def has_offer(stage: Stage) -> bool:
    """Whether an offer was made."""
    return bool(stage.json("offers", *(f"--state={each.value}" for each in OfferState)).result["offers"])


def is_false(
    claim: str,
    state: State | None,
    *,
    is_moved: bool,
    is_known: bool,
    has_offer: bool,
    is_written: bool = True,
) -> bool:
    """Whether a sentence of an error contradicts the ledger. `is_written`: a transaction was committed."""
    return (
        ("Nothing was offered" in claim and has_offer)
        or ("Nothing was booked" in claim and state not in {None, State.REFUSED})
        or ("Nothing new was booked" in claim and not is_known)
        or ("Nothing was cancelled" in claim and state in {State.CANCELLING, State.CANCELLED})
        or (("stays where it was" in claim or "stays as it was" in claim) and is_moved)
        or ("Nothing was changed" in claim and is_written)
    )


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_these_are_the_calls_a_command_makes(stage: LedgerStage, scene: Scene) -> None:
    scene.arrange(stage)

    _, calls = stage.run_failing(None, 0, *words(stage, scene))

    assert " ".join(calls) == scene.calls


@pytest.mark.parametrize("cell", selection.cases(_cells(), traits=_traits))
def test_a_ledger_that_fails_claims_no_outcome_that_is_not_so(stage: LedgerStage, cell: Cell) -> None:
    scene = cell.scene
    scene.arrange(stage)
    before = what_is_so(stage)

    ran, calls = stage.run_failing(cell.fault, cell.at, *words(stage, scene))

    assert len(calls) > cell.at
    if ran.exit in {0, 8}:
        assert scene.line[0] == "disconnect"
        return
    error, (booking, state, is_moved) = json.loads(ran.err.splitlines()[-1])["error"], what_is_so(stage)
    assert not is_false(
        error["message"],
        state,
        is_moved=is_moved,
        is_known=before[0] == booking,
        has_offer=scene.line[0] == "offer" and has_offer(stage),
        is_written=cell.is_written,
    )
    if (booking, state, is_moved) != before and scene.line[0] != "sync":
        # Something was recorded: it is named, and not known to have gone to its end.
        assert (error["code"], error["exit"]) == ("ledger-cut-off", 7)
        assert error["details"]["booking"] == booking
        assert str(booking)[:8] in error["message"]
        assert error["retryable"] is (scene.name != "no key")

    stage.lift()
    assert stage.json("sync").exit == 0 or scene.line[0] == "disconnect"
    if scene.name != "no key" or booking is None:
        # Whoever was replaced cannot be replaced again.
        assert stage(*words(stage, scene), "--json").exit in ({0, 6} if scene.line[0] == "reassign" else {0})
    assert stage.facts().without_people() == scene.settled


_LINE = {"start": f"{DAY}T{TEN}", "name": "Sam Lee", "email": "sam@example.com", "key": "k"}
_LINE_CALLS = "due under_key claims hold lease settle"


@pytest.mark.parametrize(
    "cell",
    selection.cases(
        [
            (at, fault)
            for at, method in enumerate(_LINE_CALLS.split())
            # What only reads commits nothing.
            for fault in FAULTS[: None if method in WRITES else 2]
        ],
        traits=lambda cell: [cell[1].name],
        name=lambda cell: f"{cell[0] + 1} {_LINE_CALLS.split()[cell[0]]}: {cell[1].name}",
    ),
)
def test_no_line_of_a_file_claims_an_outcome_that_is_not_so(
    stage: LedgerStage, tmp_path: Path, cell: tuple[int, Fault]
) -> None:
    at, fault = cell
    stage.connect()
    path = tmp_path / "lines"
    path.write_text(json.dumps(_LINE))

    ran, calls = stage.run_failing(fault, at, "book", "--file", str(path))

    assert calls[: at + 1] == _LINE_CALLS.split()[: at + 1]
    # What fails before the first line is no line's.
    error = json.loads(ran.out.splitlines()[0] if ran.out else ran.err.splitlines()[-1])["error"]
    booking, state, is_moved = what_is_so(stage)
    assert not is_false(error["message"], state, is_moved=is_moved, is_known=booking is None, has_offer=False)
    if booking is not None:
        assert (error["code"], error["details"]["booking"]) == ("ledger-cut-off", booking)
    stage.lift()
    assert stage("book", "--file", str(path)).exit == 0
    assert stage.facts().without_people() == CONFIRMED


@pytest.mark.parametrize(
    ("arrange", "line", "calls", "outcome"),
    [
        (over, ("history", "--prune", "1d"), 1, "2 lines of the history had been forgotten."),
        (open_offer, ("offer", "BOOKING", "--release"), 2, "The offer has ended, and its times are free."),
    ],
)
def test_what_was_done_before_the_ledger_failed_is_said(
    stage: LedgerStage, arrange: Callable[[Stage], None], line: tuple[str, ...], calls: int, outcome: str
) -> None:
    arrange(stage)
    words = [stage.booking if word == "BOOKING" else word for word in line]

    ran, _ = stage.run_failing(FAULTS[1], calls, *words)

    assert (ran.exit, ran.error["code"]) == (3, "ledger-unusable")
    assert ran.error["message"] == f"the ledger ledger.db cannot be used: the disk is full. {outcome}"


@pytest.mark.parametrize("at", [0, 1, pytest.param(4, marks=pytest.mark.full)])
def test_a_feed_that_is_followed_loses_no_line_to_a_ledger_that_fails(stage: LedgerStage, at: int) -> None:
    booked(stage)
    every_line = stage("changes").out.splitlines()
    follow = ("changes", "--follow", "--every", "1s", "--limit", "99")

    stage.failing = FailingLedger(stage.ledger(), FAULTS[1], at)
    cut_off = stage(*follow)
    stage.failing = None
    since = json.loads(cut_off.out.splitlines()[-1])["cursor"] if cut_off.out else 0
    rest = stage("changes", "--since", str(since))

    assert cut_off.exit in {3, 7}
    assert "error: the ledger ledger.db" in cut_off.err
    assert cut_off.out.splitlines() + rest.out.splitlines() == every_line
