"""The columns: every command that speaks to Google, and every operation of it that a fault can strike."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

from tests.faults import contract, rows
from tests.faults.contract import CONFIRMED, MOVED, NOTHING, Expected
from tests.faults.rows import Do, Row
from tests.faults.stage import SAM, TEN, TWO, Facts, Stage

DAY = "2026-11-24"
_TEAM = "team@example.com"
_BOOK = ("book", f"{DAY}T{TEN}", *SAM, "--key", "order-17")
_DANA, _BEN = "dana@example.com", "ben@example.com"
_BOOK_WITH = (*_BOOK, "--with", _DANA, "--owner", "organises")
_REASSIGN = ("reassign", "BOOKING", "--from", _DANA, "--to", _BEN)
_RESCHEDULE = ("reschedule", "BOOKING", f"{DAY}T{TWO}")


class Scene(NamedTuple):
    """A command line, the operation of it that is struck, what comes before, and the rule for what follows.

    BOOKING stands for the id of the booking that was made before. `spared` requests of the operation go well first.
    """

    name: str
    line: tuple[str, ...]
    operation: str
    rule: Callable[[Row, str], Expected]
    arrange: Callable[[Stage, Row], None]
    rows: tuple[Row, ...]
    spared: int = 0
    changes_people: bool = False

    @property
    def command(self) -> str:
        """The command."""
        return self.line[0]

    def __str__(self) -> str:
        """The column's title."""
        return f"{self.command} / {self.operation}{f' ({self.name})' if self.name else ''}"


# --- what comes before ------------------------------------------------------------------------------------------


def nothing(stage: Stage, row: Row) -> None:
    stage.connect()


def unconnected(stage: Stage, row: Row) -> None:
    """A machine that was never connected."""


def renewal_due(stage: Stage, row: Row) -> None:
    stage.connect()
    stage.google.clock.advance(hours=2)


def booked(stage: Stage, row: Row) -> None:
    stage.connect()
    stage.book()


def booked_and_renewal_due(stage: Stage, row: Row) -> None:
    booked(stage, row)
    stage.google.clock.advance(hours=2)


def booked_and_changed(stage: Stage, row: Row) -> None:
    """Somebody renamed the event: the version we know is not the present one."""
    booked(stage, row)
    stage.change(summary="Renamed")


def token_dies_after_the_check(stage: Stage, row: Row) -> None:
    """The access token ends between the check and the telling, so that the renewal comes after the hold."""
    stage.connect()
    stage.upon("freebusy.query", stage.google.grants.tokens.clear)


def reply_is_lost(operation: str) -> Callable[[Stage, Row], None]:
    """A write that was done and not told; the answers that deny the event are given when it was not done."""

    def arrange(stage: Stage, row: Row) -> None:
        stage.connect()
        if operation == "events.patch":
            stage.book()
        is_denied = row.do in {Do.MISSING, Do.DELETED} and operation == "events.insert"
        stage.google.faults.add(f"{operation}: {'drop' if is_denied else 'lost-reply'} once")

    return arrange


def another_calendar_counts(stage: Stage, row: Row) -> None:
    stage.connect()
    stage.google.add_calendar(_TEAM, summary="Team", role="reader")
    assert stage.json("calendars", "--select", "Team").exit == 0


def dana_is_readable(stage: Stage, row: Row) -> None:
    stage.connect()
    stage.google.add_calendar(_DANA, role="freeBusyReader")


def booked_with_dana(stage: Stage, row: Row) -> None:
    dana_is_readable(stage, row)
    stage.book(TEN, "--with", _DANA, "--owner", "organises")


def booked_with_dana_and_ben_is_readable(stage: Stage, row: Row) -> None:
    booked_with_dana(stage, row)
    stage.google.add_calendar(_BEN, role="freeBusyReader")


def somebody_comes_in_between(stage: Stage, row: Row) -> None:
    """A rival takes the time after it was checked; where Google is to say that our event is gone, it goes."""
    stage.connect()
    stage.upon("freebusy.query", lambda: stage.intrude(TEN))
    if row.do in {Do.MISSING, Do.DELETED}:
        stage.upon("events.list", stage.lose)


def somebody_comes_in_between_the_move(stage: Stage, row: Row) -> None:
    booked(stage, row)
    stage.upon("freebusy.query", lambda: stage.intrude(TWO))


def booked_and_gone_if_said_so(stage: Stage, row: Row) -> None:
    """What Google says of the event itself is so."""
    booked(stage, row)
    if row.do is Do.DELETED:
        stage.change(status="cancelled")
    elif row.do is Do.MISSING:
        stage.lose()


def booked_and_lost(stage: Stage, row: Row) -> None:
    booked(stage, row)
    stage.lose()


def synced(stage: Stage, row: Row) -> None:
    booked(stage, row)
    assert stage.json("sync").exit == 0


def synced_and_renamed(stage: Stage, row: Row) -> None:
    synced(stage, row)
    stage.change(summary="Renamed")


def synced_and_deleted(stage: Stage, row: Row) -> None:
    synced(stage, row)
    stage.change(status="cancelled")


def held(stage: Stage, row: Row) -> None:
    """A put that is owed since Google had enough."""
    stage.connect()
    stage.google.faults.add("events.insert: 403-quotaExceeded once")
    stage.book()
    stage.google.clock.advance(minutes=5)


# --- the columns ------------------------------------------------------------------------------------------------

_API = (*rows.REFUSALS, *rows.WIRE)
_FEW = rows.OF_EACH_KIND
_MORE = (*_API, *rows.PASSING)
_ALL = (*_MORE, *rows.SHAPED)
_TOKEN = (*rows.TOKEN, *rows.WIRE)
_TOKEN_FEW = rows.TOKEN_OF_EACH_KIND


def _asking(before: Facts, after: Facts) -> Callable[[Row, str], Expected]:
    return functools.partial(contract.asking, before=before, after=after)


_SAME, _BOOKS = _asking(NOTHING, NOTHING), _asking(NOTHING, CONFIRMED)
_MOVES, _KEEPS = _asking(CONFIRMED, MOVED), _asking(CONFIRMED, CONFIRMED)

SCENES = (
    Scene("", ("availability",), "freebusy.query", _SAME, nothing, _ALL),
    Scene("", ("availability",), "oauth.token", _SAME, renewal_due, _TOKEN),
    Scene("", ("calendars",), "calendarList.list", _SAME, nothing, _MORE),
    Scene("", ("calendars",), "oauth.token", _SAME, renewal_due, _TOKEN_FEW),
    Scene("", _BOOK, "freebusy.query", _BOOKS, nothing, _FEW),
    Scene("", _BOOK, "oauth.token", _BOOKS, renewal_due, _TOKEN_FEW),
    Scene("", _BOOK, "events.insert", contract.inserting, nothing, _ALL),
    Scene("held", _BOOK, "oauth.token", contract.on_the_way(contract.inserting), token_dies_after_the_check, _TOKEN),
    Scene("reply lost", _BOOK, "events.get", contract.looking_for_ours, reply_is_lost("events.insert"), _FEW),
    Scene("confirm", _BOOK, "events.list", contract.confirming, nothing, _FEW),
    Scene("confirm", _BOOK, "freebusy.query", contract.confirming, another_calendar_counts, _FEW, spared=1),
    Scene("person", _BOOK_WITH, "freebusy.query", _BOOKS, dana_is_readable, _FEW),
    Scene("confirm person", _BOOK_WITH, "freebusy.query", contract.confirming, dana_is_readable, _FEW, spared=1),
    Scene("yield", _BOOK, "events.delete", contract.withdrawing, somebody_comes_in_between, _FEW),
    Scene("", _RESCHEDULE, "freebusy.query", _MOVES, booked, _FEW),
    Scene("", _RESCHEDULE, "oauth.token", _MOVES, booked_and_renewal_due, _TOKEN_FEW),
    Scene("", _RESCHEDULE, "events.patch", contract.moving, booked_and_gone_if_said_so, _ALL),
    Scene("reply lost", _RESCHEDULE, "events.get", contract.looking_where_it_is, reply_is_lost("events.patch"), _FEW),
    Scene("changed", _RESCHEDULE, "events.get", contract.looking_why_it_changed, booked_and_changed, _FEW),
    Scene("confirm", _RESCHEDULE, "events.list", contract.confirming_the_move, booked, _FEW),
    Scene("person", _RESCHEDULE, "freebusy.query", _MOVES, booked_with_dana, _FEW),
    Scene("confirm person", _RESCHEDULE, "freebusy.query", contract.confirming_the_move, booked_with_dana, _FEW, spared=1),
    Scene("yield", _RESCHEDULE, "events.patch", contract.bringing_back, somebody_comes_in_between_the_move, _FEW, spared=1),
    Scene("", _REASSIGN, "freebusy.query", contract.replacing, booked_with_dana_and_ben_is_readable, _ALL),
    Scene("", _REASSIGN, "events.patch", contract.reassigning, booked_with_dana_and_ben_is_readable, _ALL, changes_people=True),
    Scene("confirm", _REASSIGN, "freebusy.query", contract.confirming_who_comes, booked_with_dana_and_ben_is_readable, _FEW, spared=1, changes_people=True),
    Scene("", ("cancel", "BOOKING"), "events.delete", contract.removing, booked_and_gone_if_said_so, _ALL),
    Scene("", ("cancel", "BOOKING"), "oauth.token", contract.on_the_way(contract.removing), booked_and_renewal_due, _TOKEN),
    Scene("gone", ("cancel", "BOOKING"), "calendarList.list", contract.searching_for_the_removed, booked_and_lost, _FEW),
    Scene("gone", ("cancel", "BOOKING"), "events.list", contract.searching_for_the_removed, booked_and_lost, _FEW),
    Scene("", ("sync",), "events.list", contract.reading_changes, synced, _ALL),
    Scene("", ("sync",), "oauth.token", _KEEPS, booked_and_renewal_due, _TOKEN_FEW),
    Scene("renamed", ("sync",), "events.get", contract.reading_a_suspect, synced_and_renamed, _FEW),
    Scene("deleted", ("sync",), "calendarList.list", contract.searching_for_the_deleted, synced_and_deleted, _FEW),
    Scene("deleted", ("sync",), "events.list", contract.searching_for_the_deleted, synced_and_deleted, _FEW, spared=1),
    Scene("owed", ("sync",), "events.insert", contract.delivering_late, held, _FEW),
    Scene("", ("status",), "oauth.token", contract.diagnosing, nothing, _TOKEN),
    Scene("", ("status",), "calendarList.list", contract.diagnosing, nothing, _MORE),
    Scene("", ("status",), "freebusy.query", contract.diagnosing, nothing, _FEW),
    Scene("", ("disconnect", "--yes"), "oauth.revoke", contract.revoking, nothing, _TOKEN),
    Scene("", ("connect",), "oauth.token", contract.exchanging, unconnected, _TOKEN),
    Scene("", ("connect",), "calendarList.list", contract.trying_the_grant, unconnected, _MORE),
)  # fmt: skip
"""Beside each the rule of the contract that says what must follow."""
