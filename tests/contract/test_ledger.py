"""What every ledger does. An adapter joins by a subclass with an `open_ledger` fixture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import pytest

from portalcal.adapters.sqlite_ledger import SqliteLedger
from portalcal.core.booking import Booking, Notify, State
from portalcal.core.errands import LEASE, Errand, Task
from portalcal.errors import BookingNotFound
from portalcal.ports import GuardsOverlap, Ledger, Search, StillOwed, Tally
from tests.builders import BEN, SetClock, a_booking, a_wish, at, span


class OpenLedger(Protocol):
    """Makes another handle on the same store, as another process would."""

    def __call__(self, workspace: str = "default") -> Ledger: ...


def confirmed(booking: Booking) -> Booking:
    """The booking as it is when Google has its event."""
    return replace(
        booking.moved_to(State.CONFIRMED, at("08:01")),
        event_id=booking.next_event_id,
        event_url="https://calendar.google.com/event?eid=1",
        meet_url="https://meet.google.com/abc",
        etag='"1"',
        notified=booking.wish.notify,
    )


class LedgerContract:
    """Stated once, held by every ledger."""

    @pytest.fixture
    def clock(self) -> SetClock:
        return SetClock("08:00")

    @pytest.fixture
    def open_ledger(self) -> OpenLedger:
        raise NotImplementedError

    @pytest.fixture
    def ledger(self, open_ledger: OpenLedger) -> Ledger:
        return open_ledger()

    # --- holding

    def test_a_booking_comes_back_as_it_was_held(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        booking = a_booking(
            wish=a_wish(
                guest=BEN,
                title="Zoë's “intro”",
                link="intro",
                guests=("c@example.com", "d@example.com"),
                location="Room 1; DROP TABLE bookings",
                notes="line\nline",
                meet=True,
                notify=Notify.EXTERNAL,
            ),
            buffers=(5, 10),
            key="k-1",
        )

        assert ledger.hold(booking, put=True) == booking
        assert open_ledger().find(str(booking.id)) == booking

    def test_a_booking_made_while_disconnected_needs_no_errand(self, ledger: Ledger) -> None:
        booking = a_booking(state=State.CONFIRMED, calendar=None)

        ledger.hold(booking, put=False)

        assert ledger.errand_of(booking.id) is None
        assert ledger.find(str(booking.id)) == booking

    def test_the_errand_is_recorded_with_the_booking_and_due_at_once(self, ledger: Ledger) -> None:
        booking = a_booking(made_at="08:00")

        ledger.hold(booking, put=True)

        (errand,) = ledger.due(at("08:00"), most=20)
        assert errand == ledger.errand_of(booking.id)
        assert (errand.booking, errand.task, errand.attempts) == (booking.id, Task.PUT, 0)

    def test_fractions_of_a_second_are_not_kept(self, ledger: Ledger) -> None:
        made = at("08:00") + timedelta(microseconds=999_999)

        held = ledger.hold(replace(a_booking(), created_at=made, updated_at=made), put=True)

        assert held.created_at == held.updated_at == at("08:00")
        assert len(ledger.due(made, most=20)) == 1

    @pytest.mark.parametrize(
        "other", ["09:15-09:45", "08:45-09:15", "08:00-11:00", "09:10-09:20", "09:00-09:30"]
    )
    def test_an_overlapping_guard_is_refused_and_says_by_which_booking(
        self, ledger: Ledger, other: str
    ) -> None:
        first = ledger.hold(a_booking("09:00-09:30"), put=True)
        late = a_booking(other)

        with pytest.raises(GuardsOverlap) as caught:
            ledger.hold(late, put=True)

        assert caught.value.other == first
        assert ledger.errand_of(late.id) is None
        with pytest.raises(BookingNotFound):
            ledger.find(str(late.id))

    @pytest.mark.parametrize("other", ["08:30-09:00", "09:30-10:00", "Tue 09:00-09:30"])
    def test_guards_that_touch_do_not_overlap(self, ledger: Ledger, other: str) -> None:
        ledger.hold(a_booking("09:00-09:30"), put=True)

        ledger.hold(a_booking(other), put=True)

        assert len(ledger.search(Search())) == 2

    def test_buffers_count_on_both_sides(self, ledger: Ledger) -> None:
        ledger.hold(a_booking("09:00-09:30", buffers=(0, 15)), put=True)

        with pytest.raises(GuardsOverlap):
            ledger.hold(a_booking("09:40-10:00"), put=True)
        with pytest.raises(GuardsOverlap):
            ledger.hold(a_booking("09:50-10:00", buffers=(10, 0)), put=True)
        ledger.hold(a_booking("09:55-10:00", buffers=(10, 0)), put=True)

    def test_a_long_guard_far_before_is_found(self, ledger: Ledger) -> None:
        long = ledger.hold(a_booking("00:00-23:00"), put=True)

        with pytest.raises(GuardsOverlap) as caught:
            ledger.hold(a_booking("22:30-23:30"), put=True)

        assert caught.value.other == long

    def test_the_first_of_several_in_the_way_is_named(self, ledger: Ledger) -> None:
        first = ledger.hold(a_booking("09:00-09:30"), put=True)
        ledger.hold(a_booking("10:00-10:30"), put=True)

        with pytest.raises(GuardsOverlap) as caught:
            ledger.hold(a_booking("09:00-11:00"), put=True)

        assert caught.value.other == first

    def test_workspaces_do_not_know_of_each_other(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        ours = ledger.hold(a_booking(key="k"), put=True)
        others = open_ledger("sales")

        theirs = others.hold(a_booking(workspace="sales", key="k"), put=True)

        assert others.search(Search()) == (theirs,)
        assert others.tally(at("08:00")).live == 1
        assert [each.booking for each in others.due(at("08:00"), most=20)] == [theirs.id]
        assert others.under_key("k") == theirs
        assert others.errand_of(ours.id) is None
        with pytest.raises(BookingNotFound):
            others.find(str(ours.id))
        with pytest.raises(BookingNotFound):
            others.begin_cancel(ours)

    # --- keys

    def test_the_same_key_gives_the_same_booking_and_writes_nothing(self, ledger: Ledger) -> None:
        first = ledger.hold(a_booking("09:00-09:30", key="k-1"), put=True)

        again = ledger.hold(a_booking("15:00-15:30", key="k-1"), put=True)

        assert again == first
        assert ledger.search(Search()) == (first,)
        assert len(ledger.due(at("09:00"), most=20)) == 1

    def test_a_key_is_recognised_even_where_its_own_booking_is_in_the_way(self, ledger: Ledger) -> None:
        first = ledger.hold(a_booking(key="k-1"), put=True)

        assert ledger.hold(a_booking(key="k-1"), put=True) == first

    def test_a_booking_is_found_under_its_key(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(key="k-1"), put=True)

        assert ledger.under_key("k-1") == booking
        assert ledger.under_key("K-1") is None
        assert ledger.under_key("") is None

    def test_a_cancelled_booking_keeps_its_key(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(key="k-1"), put=True)
        ended = ledger.begin_cancel(booking)

        assert ledger.hold(a_booking(key="k-1"), put=True) == ended

    def test_a_refused_booking_gives_its_key_and_its_time_back(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(key="k-1"), put=True)
        ledger.settle(self.leased(ledger, booking), booking.moved_to(State.REFUSED, at("08:01")))

        assert ledger.under_key("k-1") is None
        another = a_booking(key="k-1")
        assert ledger.hold(another, put=True) == another

    # --- finding

    @pytest.mark.parametrize("length", [4, 8, 13, 36])
    def test_the_beginning_of_an_id_is_enough(self, ledger: Ledger, length: int) -> None:
        booking = ledger.hold(a_booking(id=UUID("6f1a2b3c-0000-4000-8000-000000000001")), put=True)
        ledger.hold(a_booking("10:00-10:30", id=UUID("6f1b2b3c-0000-4000-8000-000000000001")), put=True)

        assert ledger.find(str(booking.id)[:length]) == booking
        assert ledger.find(f" {str(booking.id)[:length].upper()} ") == booking

    def test_a_beginning_of_several_ids_is_refused_as_such(self, ledger: Ledger) -> None:
        ledger.hold(a_booking(id=UUID("6f1a2b3c-0000-4000-8000-000000000001")), put=True)
        ledger.hold(a_booking("10:00-10:30", id=UUID("6f1a2b3c-0000-4000-8000-000000000002")), put=True)

        with pytest.raises(BookingNotFound) as caught:
            ledger.find("6f1a2b")

        assert caught.value.message == "the ids of several bookings begin with 6f1a2b"

    @pytest.mark.parametrize(
        "nothing", ["", " ", "6f1", "%", "____", "6f1a*", "zzzz", "6f1a2b3c-0000-4000-8000-0000000000011"]
    )
    def test_what_is_no_beginning_finds_nothing(self, ledger: Ledger, nothing: str) -> None:
        ledger.hold(a_booking(id=UUID("6f1a2b3c-0000-4000-8000-000000000001")), put=True)

        with pytest.raises(BookingNotFound):
            ledger.find(nothing)

    # --- looking around

    def test_live_bookings_whose_guard_meets_the_window_come_by_start(self, ledger: Ledger) -> None:
        late = ledger.hold(a_booking("12:00-12:30"), put=True)
        early = ledger.hold(a_booking("08:00-10:00"), put=True)
        ledger.hold(a_booking("13:00-13:30"), put=True)
        ledger.hold(a_booking("07:00-07:30"), put=True)
        gone = ledger.hold(a_booking("10:30-11:00"), put=True)
        ledger.begin_cancel(gone)

        assert ledger.live_in(span("09:00-13:00")) == (early, late)

    @pytest.mark.parametrize(
        ("window", "is_met"),
        [("09:40-09:45", True), ("09:45-10:00", False), ("08:50-08:55", False), ("08:50-09:00", True)],
    )
    def test_buffers_reach_into_a_window(self, ledger: Ledger, window: str, is_met: bool) -> None:
        ledger.hold(a_booking("09:00-09:30", buffers=(5, 15)), put=True)

        assert bool(ledger.live_in(span(window))) is is_met

    def test_a_window_of_a_moment_meets_what_begins_there(self, ledger: Ledger) -> None:
        ledger.hold(a_booking("09:00-09:30"), put=True)
        moment = replace(span("09:00-09:01"), end=at("09:00") + timedelta(microseconds=1))

        assert len(ledger.live_in(moment)) == 1
        assert len(ledger.search(Search(start=moment.start, end=moment.end))) == 1

    def test_a_search_without_limits_lists_every_state_by_start(self, ledger: Ledger) -> None:
        second = ledger.hold(a_booking("10:00-10:30"), put=True)
        first = ledger.begin_cancel(ledger.hold(a_booking("09:00-09:30"), put=True))

        assert ledger.search(Search()) == (first, second)

    def test_a_search_is_narrowed_by_window_state_and_guest(self, ledger: Ledger) -> None:
        ana = ledger.hold(a_booking("09:00-11:00"), put=True)
        ben = ledger.hold(a_booking(wish=a_wish("11:00-11:30", guest=BEN)), put=True)
        gone = ledger.begin_cancel(ledger.hold(a_booking("12:00-12:30"), put=True))

        assert ledger.search(Search(start=at("10:59"), end=at("11:00"))) == (ana,)
        assert ledger.search(Search(start=at("11:00"))) == (ben, gone)
        assert ledger.search(Search(end=at("11:00"))) == (ana,)
        assert ledger.search(Search(states=(State.CANCELLED,))) == (gone,)
        assert ledger.search(Search(states=(State.HELD, State.CANCELLED), start=at("11:30"))) == (gone,)
        assert ledger.search(Search(email="BEN@example.com")) == (ben,)
        assert ledger.search(Search(email="ben@example.com", end=at("11:00"))) == ()
        assert ledger.search(Search(email="%")) == ()

    def test_an_empty_ledger_answers(self, ledger: Ledger) -> None:
        assert ledger.search(Search()) == ()
        assert ledger.live_in(span("00:00-23:59")) == ()
        assert ledger.due(at("09:00"), most=20) == ()
        assert ledger.tally(at("09:00")) == Tally(0, 0, 0, 0)
        assert ledger.check() is None

    # --- delivering

    def leased(self, ledger: Ledger, booking: Booking, *, now: str = "08:00") -> Errand:
        """The booking's errand, taken."""
        errand = ledger.errand_of(booking.id)
        assert errand is not None
        taken = ledger.lease(errand, now=at(now))
        assert taken is not None
        return taken

    def test_a_leased_errand_is_nobody_elses(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        (errand,) = ledger.due(at("08:00"), most=20)
        taken = self.leased(ledger, booking)

        assert taken.attempts == 1
        assert open_ledger().lease(errand, now=at("08:01")) is None
        assert open_ledger().due(at("08:01"), most=20) == ()
        assert open_ledger().errand_of(booking.id) == taken

    def test_a_lease_lapses(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        first = self.leased(ledger, booking)
        later = at("08:00") + LEASE

        (errand,) = open_ledger().due(later, most=20)
        second = open_ledger().lease(errand, now=later)

        assert second is not None
        assert second.id == first.id
        assert second.attempts == 2

    def test_a_lease_ends_with_the_process_that_has_it(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        self.leased(ledger, booking)
        other = open_ledger()
        assert other.due(at("08:01"), most=20) == ()
        assert other.tally(at("08:01")).overdue == 0

        ledger.close()

        (errand,) = other.due(at("08:01"), most=20)
        assert other.tally(at("08:01")).overdue == 1
        taken = other.lease(errand, now=at("08:01"))
        assert taken is not None
        assert taken.attempts == 2

    def test_settling_records_the_booking_and_ends_the_errand(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        told = confirmed(booking)

        assert ledger.settle(self.leased(ledger, booking), told) == told

        assert open_ledger().find(str(booking.id)) == told
        assert ledger.errand_of(booking.id) is None
        assert ledger.due(at("Fri 09:00"), most=20) == ()

    def test_a_refused_booking_frees_its_time(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        refused = booking.moved_to(State.REFUSED, at("08:01"))

        assert ledger.settle(self.leased(ledger, booking), refused) == refused

        assert ledger.live_in(span("09:00-09:30")) == ()
        ledger.hold(a_booking(), put=True)

    def test_a_postponed_errand_is_due_when_it_was_said(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)

        ledger.postpone(
            self.leased(ledger, booking), due_at=at("08:30"), why="no network", outcome_unknown=True
        )

        assert ledger.due(at("08:29"), most=20) == ()
        (errand,) = ledger.due(at("08:30"), most=20)
        assert (errand.attempts, errand.last_error, errand.outcome_unknown) == (1, "no network", True)

    def test_a_postponed_errand_may_be_taken_early_by_who_asks_for_it(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        ledger.postpone(
            self.leased(ledger, booking), due_at=at("08:30"), why="no network", outcome_unknown=False
        )

        assert self.leased(ledger, booking, now="08:01").attempts == 2

    def test_a_settled_errand_cannot_be_taken(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        errand = self.leased(ledger, booking)
        ledger.settle(errand, confirmed(booking))

        assert ledger.lease(errand, now=at("12:00")) is None

    def test_a_settled_errand_is_never_mistaken_for_a_later_one(self, ledger: Ledger) -> None:
        first = ledger.hold(a_booking("09:00-09:30"), put=True)
        done = self.leased(ledger, first)
        ledger.settle(done, confirmed(first))

        later = ledger.hold(a_booking("10:00-10:30"), put=True)

        assert ledger.lease(done, now=at("12:00")) is None
        errand = ledger.errand_of(later.id)
        assert errand is not None
        assert errand.attempts == 0

    def test_due_errands_come_oldest_first_and_no_more_than_asked(self, ledger: Ledger) -> None:
        late = ledger.hold(a_booking("09:00-09:30", made_at="08:02"), put=True)
        early = ledger.hold(a_booking("10:00-10:30", made_at="08:01"), put=True)
        ledger.hold(a_booking("11:00-11:30", made_at="08:03"), put=True)

        assert [each.booking for each in ledger.due(at("09:00"), most=2)] == [early.id, late.id]

    # --- reports that come late

    def test_a_report_after_the_lease_was_taken_by_another_is_not_recorded(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        slow = self.leased(ledger, booking)
        self.leased(open_ledger(), booking, now="08:10")

        assert ledger.settle(slow, booking.moved_to(State.REFUSED, at("08:11"))) == booking

        errand = ledger.errand_of(booking.id)
        assert errand is not None
        assert errand.attempts == 2

    def test_a_report_after_another_one_settled_tells_what_is_so(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        slow = self.leased(ledger, booking)
        told = confirmed(booking)
        open_ledger().settle(self.leased(open_ledger(), booking, now="08:10"), told)

        assert ledger.settle(slow, replace(told, event_id="another")) == told

    def test_a_report_on_a_lapsed_lease_that_nobody_took_is_recorded(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        slow = self.leased(ledger, booking)

        assert ledger.settle(slow, confirmed(booking)) == confirmed(booking)

    def test_postponing_what_another_one_took_does_not_end_their_lease(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        slow = self.leased(ledger, booking)
        self.leased(open_ledger(), booking, now="08:10")

        ledger.postpone(slow, due_at=at("08:11"), why="slow", outcome_unknown=True)

        assert ledger.due(at("08:11"), most=20) == ()

    def test_an_event_made_too_late_for_a_booking_that_is_over_is_owed_a_removal(
        self, ledger: Ledger, open_ledger: OpenLedger, clock: SetClock
    ) -> None:
        """A machine slept in the middle of a put; meanwhile another one confirmed, and the booking was cancelled."""
        booking = ledger.hold(a_booking(), put=True)
        slow = self.leased(ledger, booking)
        other = open_ledger()
        told = other.settle(self.leased(other, booking, now="08:10"), confirmed(booking))
        ending = other.begin_cancel(told)
        other.settle(self.leased(other, booking, now="08:11"), ending.moved_to(State.CANCELLED, at("08:11")))
        clock.set("08:20")

        stands = ledger.settle(slow, replace(told, attempt=1, event_id="pc1"))

        assert (stands.state, stands.attempt, stands.event_id) == (State.CANCELLED, 1, "pc1")
        (errand,) = ledger.due(at("08:20"), most=20)
        assert (errand.booking, errand.task) == (booking.id, Task.REMOVE)

    def test_a_late_refusal_of_a_booking_that_is_over_owes_nothing(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        slow = self.leased(ledger, booking)
        refused = booking.moved_to(State.REFUSED, at("08:11"))
        open_ledger().settle(self.leased(open_ledger(), booking, now="08:10"), refused)

        assert ledger.settle(slow, replace(refused, event_id="pc1")) == refused

        assert ledger.errand_of(booking.id) is None

    # --- cancelling

    def test_a_booking_that_was_never_told_ends_at_once(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)

        ended = ledger.begin_cancel(
            replace(booking, ended_by="user", ended_because="ill", updated_at=at("08:05"))
        )

        assert ended == replace(
            booking, state=State.CANCELLED, ended_by="user", ended_because="ill", updated_at=at("08:05")
        )
        assert ledger.errand_of(booking.id) is None
        ledger.hold(a_booking(), put=True)

    def test_a_booking_made_while_disconnected_ends_at_once(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(state=State.CONFIRMED, calendar=None), put=False)

        assert ledger.begin_cancel(booking).state is State.CANCELLED

    def test_a_confirmed_booking_is_cancelling_until_its_event_is_gone(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        told = ledger.settle(self.leased(ledger, booking), confirmed(booking))

        ending = ledger.begin_cancel(replace(told, updated_at=at("08:05")))

        assert ending == replace(told, state=State.CANCELLING, updated_at=at("08:05"))
        (errand,) = ledger.due(at("08:05"), most=20)
        assert (errand.booking, errand.task, errand.attempts) == (booking.id, Task.REMOVE, 0)
        assert ledger.live_in(span("09:00-09:30")) == (ending,)

    def test_a_removed_event_ends_the_booking(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        told = ledger.settle(self.leased(ledger, booking), confirmed(booking))
        ending = ledger.begin_cancel(told)
        ended = ending.moved_to(State.CANCELLED, at("08:06"))

        assert ledger.settle(self.leased(ledger, booking, now="08:05"), ended) == ended

        assert ledger.live_in(span("09:00-09:30")) == ()
        assert ledger.errand_of(booking.id) is None

    def test_cancelling_twice_is_cancelling_once(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        told = ledger.settle(self.leased(ledger, booking), confirmed(booking))
        ending = ledger.begin_cancel(replace(told, ended_because="ill"))

        assert ledger.begin_cancel(replace(told, ended_because="bored")) == ending
        assert len(ledger.due(at("09:00"), most=20)) == 1

        ended = ledger.settle(self.leased(ledger, booking), ending.moved_to(State.CANCELLED, at("08:06")))
        assert ledger.begin_cancel(told) == ended
        assert ledger.errand_of(booking.id) is None

    def test_a_refused_booking_stays_refused(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        refused = ledger.settle(self.leased(ledger, booking), booking.moved_to(State.REFUSED, at("08:01")))

        assert ledger.begin_cancel(booking) == refused

    def test_cancelling_goes_by_what_the_ledger_knows_not_by_an_old_picture(self, ledger: Ledger) -> None:
        picture = ledger.hold(a_booking(), put=True)
        told = ledger.settle(self.leased(ledger, picture), confirmed(picture))

        ending = ledger.begin_cancel(picture)

        assert (ending.state, ending.event_id) == (State.CANCELLING, told.event_id)

    def test_a_put_that_failed_becomes_a_removal_that_is_due_at_once(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        ledger.postpone(self.leased(ledger, booking), due_at=at("09:00"), why="slow", outcome_unknown=True)

        ending = ledger.begin_cancel(replace(booking, updated_at=at("08:05")))

        assert ending.state is State.CANCELLING
        (errand,) = ledger.due(at("08:05"), most=20)
        assert (errand.task, errand.attempts) == (Task.REMOVE, 0)
        ended = ending.moved_to(State.CANCELLED, at("08:06"))
        assert ledger.settle(self.leased(ledger, booking, now="08:05"), ended) == ended

    def test_a_removal_waits_for_the_put_that_is_under_way(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        put = self.leased(ledger, booking)
        canceller = open_ledger()

        ending = canceller.begin_cancel(replace(booking, updated_at=at("08:01")))
        removal = canceller.errand_of(booking.id)
        assert removal is not None
        assert canceller.lease(removal, now=at("08:01")) is None
        assert canceller.due(at("08:01"), most=20) == ()

        stands = ledger.settle(put, confirmed(booking))

        assert stands.state is State.CANCELLING
        assert stands.event_id == booking.next_event_id
        assert stands.notified is Notify.ALL
        assert ending.event_id is None
        (due,) = canceller.due(at("08:01"), most=20)
        assert due.task is Task.REMOVE

    def test_a_removal_is_due_when_the_put_under_way_fails(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        put = self.leased(ledger, booking)
        ledger.begin_cancel(replace(booking, updated_at=at("08:01")))

        ledger.postpone(put, due_at=at("10:00"), why="slow", outcome_unknown=True)

        (due,) = ledger.due(at("08:01"), most=20)
        assert due.task is Task.REMOVE

    def test_a_refusal_of_the_put_under_way_leaves_the_cancelled_booking_to_its_removal(
        self, ledger: Ledger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        put = self.leased(ledger, booking)
        ledger.begin_cancel(booking)

        stands = ledger.settle(put, booking.moved_to(State.REFUSED, at("08:01")))

        assert stands.state is State.CANCELLING
        assert len(ledger.due(at("08:01"), most=20)) == 1

    def test_a_removal_runs_when_the_process_that_was_putting_died(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        self.leased(ledger, booking)
        ledger.begin_cancel(booking)

        (due,) = ledger.due(at("08:00") + LEASE, most=20)

        assert due.task is Task.REMOVE
        assert ledger.lease(due, now=at("08:00") + LEASE) is not None

    def test_the_put_one_saw_cannot_be_taken_once_it_became_a_removal(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        ledger.postpone(self.leased(ledger, booking), due_at=at("08:00"), why="slow", outcome_unknown=False)
        seen = ledger.errand_of(booking.id)
        assert seen is not None
        ledger.begin_cancel(booking)

        assert ledger.lease(seen, now=at("08:10")) is None

    def test_an_unknown_booking_cannot_be_cancelled(self, ledger: Ledger) -> None:
        with pytest.raises(BookingNotFound):
            ledger.begin_cancel(a_booking(id=uuid4()))

    def test_a_released_booking_frees_its_time_and_still_owes_its_removal(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        told = ledger.settle(self.leased(ledger, booking), confirmed(booking))
        ending = ledger.begin_cancel(replace(told, ended_because="ill"))

        released = ledger.release(ending)

        assert released == replace(ending, state=State.CANCELLED, updated_at=at("08:00"))
        ledger.hold(a_booking(), put=False)
        (errand,) = ledger.due(at("09:00"), most=20)
        assert (errand.booking, errand.task) == (booking.id, Task.REMOVE)
        ledger.settle(self.leased(ledger, booking), released)
        assert ledger.errand_of(booking.id) is None

    def test_a_put_under_way_leaves_its_event_to_the_removal_of_a_released_booking(
        self, ledger: Ledger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        put = self.leased(ledger, booking)
        ledger.release(ledger.begin_cancel(booking))

        stands = ledger.settle(put, confirmed(booking))

        assert (stands.state, stands.event_id) == (State.CANCELLED, booking.next_event_id)
        (errand,) = ledger.due(at("09:00"), most=20)
        assert errand.task is Task.REMOVE

    @pytest.mark.parametrize("state", [State.HELD, State.CONFIRMED])
    def test_only_a_booking_that_is_being_cancelled_is_released(self, ledger: Ledger, state: State) -> None:
        booking = ledger.hold(a_booking(state=state), put=True)

        assert ledger.release(booking) == booking

    # --- moving

    def told(self, ledger: Ledger, when: str = "09:00-09:30", **facts: Any) -> Booking:
        """A booking whose event is at Google."""
        booking = ledger.hold(a_booking(when, **facts), put=True)
        return ledger.settle(self.leased(ledger, booking), confirmed(booking))

    def test_a_booking_that_moves_holds_both_times(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        told = self.told(ledger, buffers=(5, 10))
        wanted = replace(
            told, moving_to=span("11:00-11:30"), moved_because="ill", updated_at=at("08:05"),
            wish=replace(told.wish, notify=Notify.NONE),
        )  # fmt: skip

        moving = ledger.begin_move(wanted, at_once=False)

        assert moving == wanted
        assert open_ledger().find(str(told.id)) == wanted
        (errand,) = ledger.due(at("08:05"), most=20)
        assert (errand.booking, errand.task, errand.attempts) == (told.id, Task.MOVE, 0)
        for window in ("09:00-09:30", "11:35-11:38", "08:00-12:00"):
            assert ledger.live_in(span(window)) == (moving,)
        for taken in ("09:30-09:45", "11:30-11:45", "10:50-11:00"):
            with pytest.raises(GuardsOverlap) as caught:
                ledger.hold(a_booking(taken), put=True)
            assert caught.value.other == moving

    def test_a_moved_event_lets_the_old_time_go_and_the_first_request_is_remembered(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        told = self.told(ledger)
        moving = ledger.begin_move(replace(told, moving_to=span("11:00-12:00")), at_once=False)
        moved = replace(moving.at(span("11:00-12:00")), etag='"2"', updated_at=at("08:06"))

        assert ledger.settle(self.leased(ledger, moving), moved) == moved

        stands = open_ledger().find(str(told.id))
        assert (stands.meeting, stands.moving_to, stands.request) == (span("11:00-12:00"), None, told.wish)
        assert ledger.errand_of(told.id) is None
        ledger.hold(a_booking("09:00-09:30"), put=True)

    def test_the_first_request_outlives_several_moves(self, ledger: Ledger) -> None:
        told = self.told(ledger)
        for when in ("11:00-11:30", "12:00-12:30"):
            moving = ledger.begin_move(replace(told, moving_to=span(when)), at_once=False)
            told_again = ledger.settle(self.leased(ledger, moving), moving.at(span(when)))

        assert told_again.request == told.wish

    def test_a_time_that_is_taken_is_not_moved_to(self, ledger: Ledger) -> None:
        told = self.told(ledger)
        other = ledger.hold(a_booking("11:00-11:30"), put=True)

        with pytest.raises(GuardsOverlap) as caught:
            ledger.begin_move(replace(told, moving_to=span("11:15-11:45")), at_once=False)

        assert caught.value.other == other
        assert ledger.find(str(told.id)) == told
        assert ledger.errand_of(told.id) is None

    def test_two_bookings_cannot_move_to_one_time(self, ledger: Ledger) -> None:
        first = ledger.begin_move(
            replace(self.told(ledger, "09:00-09:30"), moving_to=span("11:00-11:30")), at_once=False
        )

        second = self.told(ledger, "10:00-10:30")
        with pytest.raises(GuardsOverlap) as caught:
            ledger.begin_move(replace(second, moving_to=span("11:00-11:30")), at_once=False)

        assert caught.value.other == first

    def test_a_booking_may_move_by_less_than_it_lasts(self, ledger: Ledger) -> None:
        told = self.told(ledger)

        moving = ledger.begin_move(replace(told, moving_to=span("09:15-10:00")), at_once=False)

        assert ledger.live_in(span("09:00-10:00")) == (moving,)

    @pytest.mark.parametrize("at_once", [True, False])
    def test_a_booking_that_is_on_its_way_out_stays(self, ledger: Ledger, at_once: bool) -> None:
        told = self.told(ledger)
        ending = ledger.begin_cancel(told)

        assert ledger.begin_move(replace(told, moving_to=span("11:00-11:30")), at_once=at_once) == ending

    def test_one_change_at_a_time_is_owed(self, ledger: Ledger) -> None:
        held = ledger.hold(a_booking("09:00-09:30"), put=True)
        told = self.told(ledger, "10:00-10:30")
        ledger.begin_move(replace(told, moving_to=span("11:00-11:30")), at_once=False)

        for owed in (held, told):
            with pytest.raises(StillOwed):
                ledger.begin_move(replace(owed, moving_to=span("12:00-12:30")), at_once=False)

    def test_a_move_at_once_frees_the_old_time_and_remembers_where_the_event_stands(
        self, ledger: Ledger
    ) -> None:
        told = self.told(ledger)

        moved = ledger.begin_move(replace(told, moving_to=span("11:00-11:30")), at_once=True)
        again = ledger.begin_move(replace(told, moving_to=span("12:00-12:30")), at_once=True)

        assert (moved.meeting, moved.moving_to, moved.moved_from) == (span("11:00-11:30"), None, told.meeting)
        assert (again.meeting, again.moved_from) == (span("12:00-12:30"), told.meeting)
        assert [each.task for each in ledger.due(at("09:00"), most=20)] == [Task.MOVE]
        ledger.hold(a_booking("09:00-09:30"), put=True)
        ledger.hold(a_booking("11:00-11:30"), put=True)

    def test_a_booking_without_an_event_moves_and_owes_nothing(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(state=State.CONFIRMED, calendar=None), put=False)

        moved = ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=True)

        assert (moved.meeting, moved.moved_from) == (span("11:00-11:30"), None)
        assert ledger.errand_of(booking.id) is None

    def test_a_put_that_was_never_tried_makes_the_event_at_the_new_time(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)

        moved = ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=True)

        assert moved.moved_from is None
        put = self.leased(ledger, booking)
        assert put.task is Task.PUT
        ledger.settle(put, confirmed(moved))
        assert ledger.errand_of(booking.id) is None

    def test_a_put_that_may_have_happened_is_followed_by_a_move(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        ledger.postpone(self.leased(ledger, booking), due_at=at("08:00"), why="slow", outcome_unknown=True)

        moved = ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=True)

        assert moved.moved_from == booking.meeting
        put = self.leased(ledger, booking)
        ledger.settle(put, confirmed(moved))
        assert put.task is Task.PUT
        assert self.leased(ledger, booking).task is Task.MOVE

    def test_nothing_moves_at_once_while_an_errand_is_under_way(
        self, ledger: Ledger, clock: SetClock
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        self.leased(ledger, booking)

        with pytest.raises(StillOwed):
            ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=True)
        clock.advance(LEASE)
        ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=True)

    def test_a_move_becomes_the_removal_when_the_booking_is_cancelled(self, ledger: Ledger) -> None:
        told = self.told(ledger)
        moving = ledger.begin_move(replace(told, moving_to=span("11:00-11:30")), at_once=False)
        move = self.leased(ledger, moving)

        ending = ledger.begin_cancel(replace(moving, updated_at=at("08:05")))
        stands = ledger.settle(move, moving.at(span("11:00-11:30")))

        assert ending.state is State.CANCELLING
        assert (stands.state, stands.meeting) == (State.CANCELLING, told.meeting)
        (errand,) = ledger.due(at("09:00"), most=20)
        assert errand.task is Task.REMOVE
        ledger.settle(self.leased(ledger, told), ending.moved_to(State.CANCELLED, at("08:06")))
        for free in ("09:00-09:30", "11:00-11:30"):
            ledger.hold(a_booking(free), put=True)

    def test_of_several_errands_one_removal_is_left_by_a_cancellation(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        ledger.postpone(self.leased(ledger, booking), due_at=at("08:00"), why="slow", outcome_unknown=True)
        ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=True)

        ending = ledger.begin_cancel(booking)
        ledger.settle(self.leased(ledger, booking), ending.moved_to(State.CANCELLED, at("08:06")))

        assert ledger.errand_of(booking.id) is None

    # --- taking over what the calendar says

    def test_what_the_calendar_says_is_recorded(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        told = self.told(ledger)
        seen = replace(
            told.at(span("11:00-12:00")), etag='"9"', meet_url="https://meet.google.com/xyz", calendar="b@example.com",
            declined=("ben@example.com",), updated_at=at("08:30"),
        )  # fmt: skip
        seen = replace(seen, wish=replace(seen.wish, title="Another", location="Room 9"))

        assert ledger.adopt(told, seen)

        assert open_ledger().find(str(told.id)) == seen
        ledger.hold(a_booking("09:00-09:30"), put=True)

    def test_a_deleted_event_ends_its_booking(self, ledger: Ledger) -> None:
        told = self.told(ledger)
        ended = replace(told.moved_to(State.CANCELLED, at("08:30")), ended_by="calendar")

        assert ledger.adopt(told, ended)

        assert ledger.find(str(told.id)) == ended
        assert ledger.live_in(span("09:00-09:30")) == ()

    def test_a_booking_that_changed_since_it_was_looked_at_stays(self, ledger: Ledger) -> None:
        told = self.told(ledger)
        assert ledger.adopt(told, replace(told, etag='"2"'))

        assert not ledger.adopt(told, told.at(span("11:00-11:30")))

        assert ledger.find(str(told.id)) == replace(told, etag='"2"')

    def test_a_booking_that_google_is_owed_something_for_stays(self, ledger: Ledger) -> None:
        told = self.told(ledger)
        moving = ledger.begin_move(replace(told, moving_to=span("11:00-11:30")), at_once=False)

        assert not ledger.adopt(moving, moving.at(span("12:00-12:30")))

        assert ledger.find(str(told.id)) == moving

    def test_a_time_that_another_booking_holds_is_not_taken_over(self, ledger: Ledger) -> None:
        told, other = self.told(ledger), self.told(ledger, "11:00-11:30")

        with pytest.raises(GuardsOverlap) as caught:
            ledger.adopt(told, told.at(span("11:15-11:45")))

        assert caught.value.other == other
        assert ledger.find(str(told.id)) == told

    def test_an_event_is_owed_once_for_a_booking_that_has_none(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(state=State.CONFIRMED, calendar=None), put=False)

        assert ledger.owe_event(booking, "b@example.com")
        assert not open_ledger().owe_event(booking, "c@example.com")

        assert ledger.find(str(booking.id)) == replace(booking, calendar="b@example.com")
        (errand,) = ledger.due(at("09:00"), most=20)
        assert (errand.booking, errand.task) == (booking.id, Task.PUT)

    def test_no_event_is_owed_for_a_booking_that_is_over(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(state=State.CONFIRMED, calendar=None), put=False)
        ledger.begin_cancel(booking)

        assert not ledger.owe_event(booking, "b@example.com")
        assert ledger.owed() == ()

    def test_a_sync_token_is_kept_for_each_calendar_and_workspace(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        assert ledger.sync_token("a") is None

        for calendar, token in (("a", "1"), ("b", "2"), ("a", "3")):
            ledger.keep_sync_token(calendar, token)

        assert [open_ledger().sync_token(each) for each in ("a", "b", "c")] == ["3", "2", None]
        assert open_ledger("sales").sync_token("a") is None

    def test_all_that_is_owed_is_the_first_errand_of_each_booking(self, ledger: Ledger) -> None:
        first = ledger.hold(a_booking("09:00-09:30"), put=True)
        later = ledger.hold(a_booking("10:00-10:30"), put=True)
        self.leased(ledger, later)
        ledger.postpone(self.leased(ledger, first), due_at=at("12:00"), why="slow", outcome_unknown=True)
        ledger.begin_move(replace(first, moving_to=span("11:00-11:30")), at_once=True)

        assert [(each.booking, each.task) for each in ledger.owed()] == [
            (later.id, Task.PUT),
            (first.id, Task.PUT),
        ]

    # --- counting

    def test_the_tally_counts_what_status_tells(self, ledger: Ledger) -> None:
        told = ledger.hold(a_booking("09:00-09:30"), put=True)
        ledger.settle(self.leased(ledger, told), confirmed(told))
        ledger.hold(a_booking("10:00-10:30"), put=True)
        waiting = ledger.hold(a_booking("11:00-11:30"), put=True)
        ledger.postpone(self.leased(ledger, waiting), due_at=at("12:00"), why="slow", outcome_unknown=False)
        ledger.hold(a_booking("12:00-12:30", state=State.CONFIRMED, calendar=None), put=False)
        ledger.begin_cancel(ledger.hold(a_booking("13:00-13:30"), put=True))

        assert ledger.tally(at("08:00")) == Tally(live=4, held=2, overdue=1, without_event=3)
        assert ledger.tally(at("12:00")) == Tally(live=4, held=2, overdue=2, without_event=1)

    def test_an_errand_that_is_being_seen_to_is_not_overdue(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        self.leased(ledger, booking)

        assert ledger.tally(at("08:01")).overdue == 0
        assert ledger.tally(at("08:02")).overdue == 1


class SharedLedgerContract(LedgerContract):
    """And what every ledger does that threads may share: every one but that of the exploration."""

    def test_threads_share_a_ledger(self, ledger: Ledger) -> None:
        won: list[Booking] = []

        def hold() -> None:
            try:
                won.append(ledger.hold(a_booking(), put=True))
            except GuardsOverlap:
                return

        threads = [threading.Thread(target=hold) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

        assert len(won) == 1
        assert tuple(won) == ledger.search(Search())


class TestSqliteLedger(SharedLedgerContract):
    @pytest.fixture
    def open_ledger(self, tmp_path: Path, clock: SetClock) -> Iterator[Callable[..., Ledger]]:
        opened: list[SqliteLedger] = []

        def open_one(workspace: str = "default") -> Ledger:
            opened.append(SqliteLedger(tmp_path / "data" / "ledger.db", workspace, clock))
            return opened[-1]

        yield open_one
        for each in opened:
            each.close()
