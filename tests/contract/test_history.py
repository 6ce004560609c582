"""The contract of the history: every change of a booking is one line of it, written with the change."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from portalcal.adapters.ledger.repository import SqlLedger
from portalcal.adapters.ledger.rows import columns_of
from portalcal.adapters.ledger.sql import INSERT_BOOKING
from portalcal.adapters.ledger.sqlite import SqliteLedger
from portalcal.core.booking import Booking, State
from portalcal.core.history import Author, HistoryLine, What, facts_of
from portalcal.core.outbox import OutboxEntry, Task
from portalcal.core.participants import Participant, Role
from portalcal.ports import ClaimsOverlap, HistoryQuery, Search
from tests.builders import SetClock, a_booking, at, lease, span
from tests.replay import replayed

OpenSqlLedger = Callable[..., SqlLedger]
AUTHOR = Author("ana", "desk", "book")


def unfaithful_histories(ledger: SqlLedger) -> list[str]:
    """The bookings whose history, replayed, does not give their state."""
    return [
        str(booking.id)
        for booking in ledger.search(Search())
        if replayed(each.change for each in lines_of(ledger, booking)) != facts_of(booking)
    ]


def lines_of(ledger: SqlLedger, booking: Booking) -> tuple[HistoryLine, ...]:
    return ledger.history(HistoryQuery(booking=str(booking.id)))


def story(ledger: SqlLedger, booking: Booking) -> list[tuple[str, str, set[str]]]:
    """What happened to a booking, by whom, and the facts that changed."""
    return [
        (each.change.what.value, each.change.cause.value, set(each.change.after))
        for each in lines_of(ledger, booking)
    ]


class HistoryContract:
    """The tests that the history of every ledger passes. A subclass has the fixture `open_ledger`."""

    @pytest.fixture
    def clock(self) -> SetClock:
        return SetClock("08:00")

    @pytest.fixture
    def ledger(self, open_ledger: OpenSqlLedger) -> SqlLedger:
        return open_ledger()

    @pytest.fixture
    def held(self, ledger: SqlLedger) -> Booking:
        return ledger.hold(a_booking("09:00-09:30", key="k"), put=True)

    def settled(
        self, ledger: SqlLedger, booking: Booking, *, is_rejected: bool = False, **facts: object
    ) -> Booking:
        """The booking after its outbox entry was attempted, with that outcome."""
        entry = self.leased(ledger, booking)
        after = replace(ledger.find(str(booking.id)), **facts)  # type: ignore[arg-type]
        return ledger.settle(entry, after, is_rejected=is_rejected)

    def leased(self, ledger: SqlLedger, booking: Booking) -> OutboxEntry:
        entry = ledger.entry_of(booking.id)
        assert entry
        leased = lease(ledger, entry, now=at("08:00"))
        assert leased
        return leased

    def confirmed(self, ledger: SqlLedger, booking: Booking) -> Booking:
        return self.settled(ledger, booking, state=State.CONFIRMED, event_id=booking.next_event_id)

    def test_a_booking_that_is_held_and_confirmed_has_two_lines(
        self, ledger: SqlLedger, held: Booking
    ) -> None:
        self.confirmed(ledger, held)

        first, second = lines_of(ledger, held)
        assert (first.change.what, first.change.before) == (What.HELD, {})
        assert (first.at, first.booking, first.author) == (at("08:00"), str(held.id), AUTHOR)
        assert first.change.after["start"] == at("09:00")
        assert first.change.after["guest"] == held.request.guest
        assert (second.change.what, second.change.before["state"]) == (What.CONFIRMED, "held")
        assert second.change.after["calendar"] == "primary"
        assert second.cursor > first.cursor
        assert unfaithful_histories(ledger) == []

    def test_a_booking_made_while_disconnected_is_confirmed_and_its_event_delivered_later(
        self, ledger: SqlLedger
    ) -> None:
        booking = ledger.hold(a_booking(state=State.CONFIRMED, calendar=None), put=False)
        ledger.owe_event(booking, "primary")
        self.settled(ledger, booking, event_id=booking.next_event_id)

        assert [what for what, _, _ in story(ledger, booking)] == ["confirmed", "delivered"]
        assert unfaithful_histories(ledger) == []

    def test_a_refused_request_says_so(self, ledger: SqlLedger, held: Booking) -> None:
        self.settled(ledger, held, state=State.REFUSED, is_rejected=True)

        assert [what for what, _, _ in story(ledger, held)] == ["held", "refused"]
        assert unfaithful_histories(ledger) == []

    def test_an_event_that_google_will_not_make_later_is_told_though_the_booking_stays(
        self, ledger: SqlLedger
    ) -> None:
        booking = ledger.hold(a_booking(state=State.CONFIRMED, calendar=None), put=False)
        ledger.owe_event(booking, "primary")
        self.settled(ledger, booking, calendar=None, is_rejected=True)

        last = lines_of(ledger, booking)[-1].change
        assert (last.what, last.before, last.after) == (What.REFUSED, {"owed": "put"}, {"owed": None})

    def test_a_move_is_held_then_moved(self, ledger: SqlLedger, held: Booking) -> None:
        booking = self.confirmed(ledger, held)
        moving = replace(booking, moving_to=span("11:00-11:30"), moved_because="ill")
        ledger.begin_move(moving, at_once=False)
        self.settled(ledger, booking, request=booking.at(span("11:00-11:30")).request, moving_to=None)

        *_, holds, moves = lines_of(ledger, booking)
        assert (holds.change.what, holds.change.after) == (
            What.HELD,
            {"moving_to": span("11:00-11:30"), "reason": "ill"},
        )
        assert moves.change.what is What.MOVED
        assert moves.change.before["start"] == at("09:00")
        assert moves.change.after == {
            "start": at("11:00"), "end": at("11:30"), "moving_to": None, "owed": None,
        }  # fmt: skip
        assert unfaithful_histories(ledger) == []

    def test_a_move_that_google_refused_says_so(self, ledger: SqlLedger, held: Booking) -> None:
        booking = self.confirmed(ledger, held)
        ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=False)
        self.settled(ledger, booking, moving_to=None, is_rejected=True)

        assert [what for what, _, _ in story(ledger, booking)] == ["held", "confirmed", "held", "refused"]
        assert unfaithful_histories(ledger) == []

    def test_a_cancellation_says_why_and_when_the_event_was_gone(
        self, ledger: SqlLedger, held: Booking
    ) -> None:
        booking = self.confirmed(ledger, held)
        ledger.begin_cancel(replace(booking, ended_because="ill", ended_by="user"))
        self.settled(ledger, booking, state=State.CANCELLED)

        assert story(ledger, booking)[2:] == [
            ("cancelled", "command", {"state", "reason"}),
            ("delivered", "command", {"state", "owed"}),
        ]
        assert unfaithful_histories(ledger) == []

    def test_an_event_removed_after_its_booking_ended_is_a_line(
        self, ledger: SqlLedger, held: Booking
    ) -> None:
        booking = self.confirmed(ledger, held)
        ledger.release(ledger.begin_cancel(booking))
        self.settled(ledger, booking)

        assert [what for what, _, _ in story(ledger, booking)][2:] == ["cancelled", "cancelled", "delivered"]
        assert unfaithful_histories(ledger) == []

    def test_what_the_calendar_says_is_a_line_for_each_kind(self, ledger: SqlLedger, held: Booking) -> None:
        booking = self.confirmed(ledger, held)
        seen = replace(
            booking.at(span("10:00-10:30")),
            request=replace(booking.at(span("10:00-10:30")).request, title="Renamed"),
            declined=("ana@example.com",),
            etag='"2"',
        )
        ledger.adopt(booking, seen)

        assert story(ledger, booking)[2:] == [
            ("moved", "calendar", {"start", "end"}),
            ("renamed", "calendar", {"title"}),
            ("declined", "guest", {"declined"}),
        ]
        assert unfaithful_histories(ledger) == []

    def test_other_people_are_a_line(self, ledger: SqlLedger) -> None:
        ben, zoe = (Participant(each, f"{each}@example.com", Role.WITH) for each in ("ben", "zoe"))
        booking = ledger.hold(a_booking(participants=(ben,)), put=True)
        self.settled(ledger, booking, state=State.CONFIRMED, participants=(zoe,))
        seen = replace(ledger.find(str(booking.id)), participants=(ben,), etag='"2"')
        ledger.adopt(ledger.find(str(booking.id)), seen)

        first, confirmed, reassigned = (each.change for each in lines_of(ledger, booking))
        assert first.after["people"] == ("ben@example.com",)
        assert confirmed.what is What.CONFIRMED
        assert (reassigned.what, reassigned.after) == (What.REASSIGNED, {"people": ("ben@example.com",)})
        assert unfaithful_histories(ledger) == []

    def test_a_deletion_in_the_calendar_is_a_line(self, ledger: SqlLedger, held: Booking) -> None:
        booking = self.confirmed(ledger, held)
        ledger.adopt(booking, replace(booking.moved_to(State.CANCELLED, at("08:30")), ended_by="calendar"))

        assert story(ledger, booking)[-1] == ("cancelled", "calendar", {"state"})
        assert unfaithful_histories(ledger) == []

    def test_a_version_that_changes_no_fact_is_no_line(self, ledger: SqlLedger, held: Booking) -> None:
        booking = self.confirmed(ledger, held)
        ledger.adopt(booking, replace(booking, etag='"2"'))

        assert len(lines_of(ledger, booking)) == 2

    def test_what_was_not_done_is_not_told(self, ledger: SqlLedger, held: Booking) -> None:
        with pytest.raises(ClaimsOverlap):
            ledger.hold(a_booking("09:15-09:45"), put=True)
        assert ledger.hold(a_booking("12:00-12:30", key="k"), put=True) == held

        assert len(ledger.history(HistoryQuery())) == 1

    def test_a_late_report_of_a_stale_worker_is_told(
        self, ledger: SqlLedger, held: Booking, clock: SetClock
    ) -> None:
        stale = self.leased(ledger, held)
        clock.advance(timedelta(hours=1))
        ledger.begin_cancel(held)
        self.settled_late(ledger, held)
        ledger.settle(
            stale, replace(held.moved_to(State.CONFIRMED, at("08:01")), event_id=held.next_event_id)
        )

        assert unfaithful_histories(ledger) == []
        assert story(ledger, held)[-1] == ("delivered", "command", {"calendar", "event_id"})

    def settled_late(self, ledger: SqlLedger, booking: Booking) -> None:
        entry = ledger.entry_of(booking.id)
        assert entry
        assert entry.task is Task.REMOVE
        leased = lease(ledger, entry, now=at("09:30"))
        assert leased
        ledger.settle(leased, ledger.find(str(booking.id)).moved_to(State.CANCELLED, at("09:30")))

    # --- reading

    def test_lines_are_filtered(self, ledger: SqlLedger, held: Booking, clock: SetClock) -> None:
        clock.set("08:30")
        other = ledger.hold(a_booking("11:00-11:30"), put=True)
        self.settled(ledger, other, state=State.REFUSED, is_rejected=True)

        def found(query: HistoryQuery) -> list[str]:
            return [each.change.what.value for each in ledger.history(query)]

        assert found(HistoryQuery()) == ["held", "held", "refused"]
        assert found(HistoryQuery(since=at("08:30"))) == ["held", "refused"]
        assert found(HistoryQuery(booking=str(held.id))) == ["held"]
        assert found(HistoryQuery(whats=(What.REFUSED, What.MOVED))) == ["refused"]
        assert found(HistoryQuery(actor="ana")) == ["held", "held", "refused"]
        assert found(HistoryQuery(actor="ben")) == []
        assert found(HistoryQuery(latest=2)) == ["held", "refused"]

    def test_another_workspace_has_a_history_of_its_own(
        self, ledger: SqlLedger, held: Booking, open_ledger: OpenSqlLedger
    ) -> None:
        sales = open_ledger("sales")
        sales.hold(a_booking("09:00-09:30", workspace="sales"), put=True)

        assert [each.booking for each in ledger.history(HistoryQuery())] == [str(held.id)]
        assert [each.booking for each in ledger.changes(0, most=9).lines] == [str(held.id)]
        assert sales.history(HistoryQuery(booking=str(held.id))) == ()

    def test_changes_go_on_where_they_were_left(self, ledger: SqlLedger, held: Booking) -> None:
        self.confirmed(ledger, held)
        (first,) = ledger.changes(0, most=1).lines
        (second,) = ledger.changes(first.cursor, most=9).lines

        assert (first.change.what, second.change.what) == (What.HELD, What.CONFIRMED)
        assert ledger.changes(second.cursor, most=9).lines == ()

    def test_a_reader_never_skips_what_is_committed_late(
        self, ledger: SqlLedger, open_ledger: OpenSqlLedger
    ) -> None:
        """A writer that was first to begin and is last to commit must not write below what others have read."""
        slow, quick, seen = open_ledger(), open_ledger(), list[HistoryLine]()
        late, other = a_booking("09:00-09:30"), a_booking("11:00-11:30")

        def read() -> None:
            seen.extend(ledger.changes(seen[-1].cursor if seen else 0, most=9).lines)

        with slow.writing() as db:
            db.execute(INSERT_BOOKING, columns_of(late))
            writer = threading.Thread(target=quick.hold, args=(other,), kwargs={"put": True})
            writer.start()
            writer.join(timeout=0.2)
            read()
            was_waiting = writer.is_alive()
        writer.join()
        read()

        assert was_waiting
        assert [each.booking for each in seen] == [str(late.id), str(other.id)]

    def test_a_reader_is_known_by_how_far_it_got(self, ledger: SqlLedger, held: Booking) -> None:
        assert ledger.read_up_to("exec") is None

        ledger.mark_read("exec", 3)
        ledger.mark_read("exec", 2)

        assert ledger.read_up_to("exec") == 3
        assert ledger.read_up_to("another") is None
        assert ledger.latest_cursor() == lines_of(ledger, held)[-1].cursor

    @pytest.mark.usefixtures("held")
    def test_bookings_are_counted_by_state(self, ledger: SqlLedger) -> None:
        assert ledger.totals() == dict.fromkeys(State, 0) | {State.HELD: 1}

    # --- pruning

    def test_pruning_forgets_old_lines_of_bookings_that_are_over(
        self, ledger: SqlLedger, held: Booking, clock: SetClock
    ) -> None:
        over = ledger.hold(a_booking("11:00-11:30"), put=True)
        self.settled(ledger, over, state=State.REFUSED, is_rejected=True)
        last = lines_of(ledger, over)[-1].cursor
        clock.set("08:45")

        assert ledger.prune_history(at("08:45"), most=1) == 1
        assert ledger.prune_history(at("08:45"), most=9) == 1
        assert ledger.prune_history(at("08:45"), most=9) == 0

        assert lines_of(ledger, over) == ()
        assert len(lines_of(ledger, held)) == 1
        assert ledger.changes(last - 1, most=9).is_gap
        assert not ledger.changes(last, most=9).is_gap
        assert not ledger.changes(0, most=9).is_gap

    def test_pruning_keeps_what_is_younger(self, ledger: SqlLedger, clock: SetClock) -> None:
        over = ledger.hold(a_booking("11:00-11:30"), put=True)
        clock.set("08:30")
        self.settled(ledger, over, state=State.REFUSED, is_rejected=True)

        assert ledger.prune_history(at("08:15"), most=9) == 1
        assert [what for what, _, _ in story(ledger, over)] == ["refused"]

    def test_a_booking_whose_time_has_passed_is_over(
        self, ledger: SqlLedger, held: Booking, clock: SetClock
    ) -> None:
        self.confirmed(ledger, held)
        clock.set("Tue 09:00")

        assert ledger.prune_history(at("Tue 08:00"), most=9) == 2


class TestSqliteHistory(HistoryContract):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "data" / "ledger.db"

    @pytest.fixture
    def open_ledger(self, path: Path, clock: SetClock) -> Iterator[OpenSqlLedger]:
        opened: list[SqliteLedger] = []

        def open_one(workspace: str = "default") -> SqlLedger:
            opened.append(SqliteLedger(path, workspace, clock, author=AUTHOR))
            return opened[-1]

        yield open_one
        for each in opened:
            each.close()

    @pytest.mark.parametrize(
        ("statement", "refusal"),
        [
            ("UPDATE history SET actor = 'somebody else'", "the history is never changed"),
            ("DELETE FROM history", "the history is never deleted, only pruned"),
        ],
    )
    @pytest.mark.usefixtures("held")
    def test_no_other_program_changes_a_line(self, path: Path, statement: str, refusal: str) -> None:
        with (
            closing(sqlite3.connect(path)) as database,
            pytest.raises(sqlite3.IntegrityError, match=refusal),
        ):
            database.execute(statement)
