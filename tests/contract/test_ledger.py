"""The contract of every ledger. An adapter is tested by a subclass with an `open_ledger` fixture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, cast
from uuid import UUID, uuid4

import pytest

from portalcal.adapters.ledger.offers import SqlOffers
from portalcal.adapters.ledger.repository import SqlLedger
from portalcal.adapters.ledger.sqlite import SqliteLedger
from portalcal.core.booking import Booking, Notify, State
from portalcal.core.offers import GuestOffer, OfferState
from portalcal.core.outbox import LEASE, OutboxEntry, Task
from portalcal.core.participants import PanelRequest, Participant, Role
from portalcal.errors import BookingNotFound, OfferNotFound
from portalcal.ports import ClaimsOverlap, EntryPending, Ledger, Position, Search, Tally, Touched
from tests.builders import BEN, SetClock, a_booking, a_wish, at, lease, span


class OpenLedger(Protocol):
    """Opens another handle on the same database, as another process would."""

    def __call__(self, workspace: str = "default") -> Ledger: ...


def a_person(name: str, role: Role = Role.WITH) -> Participant:
    """Return somebody who takes part."""
    return Participant(name, f"{name}@example.com", role)


def confirmed(booking: Booking) -> Booking:
    """Return the booking as it is once its event was inserted."""
    return replace(
        booking.moved_to(State.CONFIRMED, at("08:01")),
        event_id=booking.next_event_id,
        event_url="https://calendar.google.com/event?eid=1",
        meet_url="https://meet.google.com/abc",
        etag='"1"',
        notified=booking.request.notify,
    )


def reason_of(ledger: Ledger) -> str:
    """What a ledger finds wrong with itself."""
    damage = ledger.check()
    return damage.reason if damage else ""


class LedgerContract:
    """The tests that every ledger passes. A subclass has the fixture `open_ledger`."""

    @pytest.fixture
    def clock(self) -> SetClock:
        return SetClock("08:00")

    @pytest.fixture
    def ledger(self, open_ledger: OpenLedger) -> Ledger:
        return open_ledger()

    # --- holding

    def test_a_booking_comes_back_as_it_was_held(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        booking = a_booking(
            request=a_wish(
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

    def test_a_booking_made_while_disconnected_needs_no_outbox_entry(self, ledger: Ledger) -> None:
        booking = a_booking(state=State.CONFIRMED, calendar=None)

        ledger.hold(booking, put=False)

        assert ledger.entry_of(booking.id) is None
        assert ledger.find(str(booking.id)) == booking

    def test_the_outbox_entry_is_recorded_with_the_booking_and_due_at_once(self, ledger: Ledger) -> None:
        booking = a_booking(made_at="08:00")

        ledger.hold(booking, put=True)

        (entry,) = ledger.due(at("08:00"), most=20)
        assert entry == ledger.entry_of(booking.id)
        assert (entry.booking, entry.task, entry.attempts) == (booking.id, Task.PUT, 0)

    def test_fractions_of_a_second_are_not_kept(self, ledger: Ledger) -> None:
        made = at("08:00") + timedelta(microseconds=999_999)

        held = ledger.hold(replace(a_booking(), created_at=made, updated_at=made), put=True)

        assert held.created_at == held.updated_at == at("08:00")
        assert len(ledger.due(made, most=20)) == 1

    @pytest.mark.parametrize(
        "other", ["09:15-09:45", "08:45-09:15", "08:00-11:00", "09:10-09:20", "09:00-09:30"]
    )
    def test_an_overlapping_claim_is_refused_and_says_by_which_booking(
        self, ledger: Ledger, other: str
    ) -> None:
        first = ledger.hold(a_booking("09:00-09:30"), put=True)
        late = a_booking(other)

        with pytest.raises(ClaimsOverlap) as caught:
            ledger.hold(late, put=True)

        assert caught.value.other == first
        assert ledger.entry_of(late.id) is None
        with pytest.raises(BookingNotFound):
            ledger.find(str(late.id))

    @pytest.mark.parametrize("other", ["08:30-09:00", "09:30-10:00", "Tue 09:00-09:30"])
    def test_claims_that_touch_do_not_overlap(self, ledger: Ledger, other: str) -> None:
        ledger.hold(a_booking("09:00-09:30"), put=True)

        ledger.hold(a_booking(other), put=True)

        assert len(ledger.search(Search())) == 2

    def test_buffers_count_on_both_sides(self, ledger: Ledger) -> None:
        ledger.hold(a_booking("09:00-09:30", buffers=(0, 15)), put=True)

        with pytest.raises(ClaimsOverlap):
            ledger.hold(a_booking("09:40-10:00"), put=True)
        with pytest.raises(ClaimsOverlap):
            ledger.hold(a_booking("09:50-10:00", buffers=(10, 0)), put=True)
        ledger.hold(a_booking("09:55-10:00", buffers=(10, 0)), put=True)

    def test_a_long_claim_far_before_is_found(self, ledger: Ledger) -> None:
        long = ledger.hold(a_booking("00:00-23:00"), put=True)

        with pytest.raises(ClaimsOverlap) as caught:
            ledger.hold(a_booking("22:30-23:30"), put=True)

        assert caught.value.other == long

    def test_the_first_of_several_in_the_way_is_named(self, ledger: Ledger) -> None:
        first = ledger.hold(a_booking("09:00-09:30"), put=True)
        ledger.hold(a_booking("10:00-10:30"), put=True)

        with pytest.raises(ClaimsOverlap) as caught:
            ledger.hold(a_booking("09:00-11:00"), put=True)

        assert caught.value.other == first

    # --- claims of participants

    def test_people_and_the_room_of_a_booking_come_back(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        participants = (
            Participant("me", "me@example.com", Role.OWNER),
            Participant("zoë", "Zoë@Example.com", Role.NEED, "backend", "nobody else is free", "accepted"),
            Participant("lee", "lee@example.com", Role.OPTIONAL),
            Participant("oak", "oak@rooms.example.com", Role.ROOM),
            Participant("hr", "hr@example.com", Role.WITH, is_account=True),
        )
        booking = a_booking(participants=participants)

        assert ledger.hold(booking, put=True) == booking
        assert open_ledger().find(str(booking.id)).participants == participants
        assert [each.participant for each in ledger.claims((), span("09:00-10:00"), now=at("08:00"))] == [
            "oak@rooms.example.com",
            "workspace:default",
            "zoë@example.com",
        ]

    def test_two_meetings_at_one_time_with_nobody_in_common_are_both_held(self, ledger: Ledger) -> None:
        ana = ledger.hold(a_booking(participants=(a_person("ana"),)), put=True)
        ben = ledger.hold(a_booking(participants=(a_person("ben"), a_person("lee"))), put=True)

        assert {each.id for each in ledger.live_in(span("09:00-09:30"))} == {ana.id, ben.id}

    def test_a_person_is_in_one_place_at_a_time_whatever_their_role_and_spelling(
        self, ledger: Ledger
    ) -> None:
        first = ledger.hold(
            a_booking("09:00-09:30", participants=(a_person("ana"), a_person("ben"))), put=True
        )
        late = Participant("benjamin", "BEN@Example.com", Role.NEED, "backend")

        with pytest.raises(ClaimsOverlap) as caught:
            ledger.hold(a_booking("09:15-09:45", participants=(a_person("lee"), late)), put=True)

        assert caught.value.other == first
        assert caught.value.claim == first.claims[1]
        assert caught.value.claim.participant == "ben@example.com"

    def test_a_person_whom_another_workspace_has_booked_is_taken_and_the_guest_stays_unknown(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        theirs = a_booking(workspace="sales", participants=(a_person("ana"),), buffers=(0, 15))
        open_ledger("sales").hold(theirs, put=True)

        with pytest.raises(ClaimsOverlap) as caught:
            ledger.hold(a_booking("09:40-10:00", participants=(a_person("ana"),)), put=True)

        assert caught.value.other is None
        assert caught.value.claim == theirs.claims[0]._replace(is_foreign=True)
        ledger.hold(a_booking("09:45-10:00", participants=(a_person("ana"),)), put=True)
        ledger.hold(a_booking("09:00-09:45"), put=True)

    def test_an_optional_person_is_never_in_the_way(self, ledger: Ledger) -> None:
        optional = a_person("ana", Role.OPTIONAL)

        for _ in range(2):
            ledger.hold(a_booking(participants=(a_person(f"p{uuid4()}"), optional)), put=True)
        ledger.hold(a_booking(participants=(a_person("ana"),)), put=True)

        assert len(ledger.live_in(span("09:00-09:30"))) == 3

    def test_a_move_holds_both_times_of_each_participant_and_a_cancellation_frees_them(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        people = (a_person("ana"), a_person("oak", Role.ROOM))
        held = ledger.hold(a_booking("09:00-09:30", participants=people), put=True)
        booking = ledger.settle(self.leased(ledger, held), confirmed(held))
        ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=False)
        sales = open_ledger("sales")

        for taken in ("09:15-09:45", "11:15-11:45"):
            for person in ("ana", "oak"):
                with pytest.raises(ClaimsOverlap):
                    sales.hold(
                        a_booking(taken, workspace="sales", participants=(a_person(person),)), put=True
                    )
        there = ledger.find(str(booking.id)).at(span("11:00-11:30"))
        moved = ledger.settle(self.leased(ledger, booking, now="08:02"), there)
        sales.hold(a_booking("09:00-09:30", workspace="sales", participants=(a_person("ana"),)), put=True)
        ledger.release(ledger.begin_cancel(moved))

        assert ledger.claims(("oak@example.com",), span("00:00-23:00"), now=at("08:02")) == ()

    def test_while_somebody_is_replaced_both_are_held_and_afterwards_the_newcomer_alone(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        asked = replace(
            a_wish("09:00-09:30"), people=PanelRequest(("hr@example.com",), (("backend", 2),), (("a", "b"),))
        )
        held = ledger.hold(
            a_booking(request=asked, participants=(a_person("ana"), a_person("ben"))), put=True
        )
        booking = ledger.settle(self.leased(ledger, held), confirmed(held))
        newcomers = (a_person("ana"), a_person("zoe"))

        changing = ledger.begin_move(
            replace(booking, moving_to=booking.meeting, new_participants=newcomers), at_once=False
        )

        assert open_ledger().find(str(booking.id)) == changing
        assert (changing.new_participants, changing.request.people) == (newcomers, asked.people)
        sales = open_ledger("sales")
        for person in ("ana", "ben", "zoe"):
            with pytest.raises(ClaimsOverlap):
                sales.hold(
                    a_booking("09:15-09:45", workspace="sales", participants=(a_person(person),)), put=True
                )
        ledger.settle(self.leased(ledger, changing, now="08:02"), changing.at(booking.meeting))
        sales.hold(a_booking("09:15-09:45", workspace="sales", participants=(a_person("ben"),)), put=True)
        with pytest.raises(ClaimsOverlap):
            sales.hold(a_booking("09:15-09:45", workspace="sales", participants=(a_person("zoe"),)), put=True)

    def test_a_newcomer_who_is_taken_is_refused(self, ledger: Ledger) -> None:
        held = ledger.hold(a_booking("09:00-09:30", participants=(a_person("ana"),)), put=True)
        booking = ledger.settle(self.leased(ledger, held), confirmed(held))
        other = ledger.hold(a_booking("09:15-09:45", participants=(a_person("zoe"),)), put=True)

        with pytest.raises(ClaimsOverlap) as caught:
            ledger.begin_move(
                replace(booking, moving_to=booking.meeting, new_participants=(a_person("zoe"),)),
                at_once=False,
            )

        assert caught.value.other == other

    @pytest.mark.parametrize("meanwhile", ["moved", "reassigned"])
    def test_nobody_is_replaced_in_a_booking_that_changed_since_it_was_read(
        self, ledger: Ledger, meanwhile: str
    ) -> None:
        held = ledger.hold(a_booking("09:00-09:30", participants=(a_person("ana"),)), put=True)
        read = ledger.settle(self.leased(ledger, held), confirmed(held))
        newcomers = (a_person("ben"),) if meanwhile == "reassigned" else None
        to = span("11:00-11:30") if meanwhile == "moved" else read.meeting
        ledger.begin_move(replace(read, moving_to=to, new_participants=newcomers), at_once=False)
        moving = ledger.find(str(read.id))
        changed = ledger.settle(self.leased(ledger, moving, now="08:02"), moving.at(to))

        answer = ledger.begin_move(
            replace(read, moving_to=read.meeting, new_participants=(a_person("zoe"),)), at_once=False
        )

        assert answer == changed == ledger.find(str(read.id))

    def test_the_claims_of_a_workspace_are_all_of_its_own_and_those_of_others_for_people_asked_about(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        ours = ledger.hold(
            a_booking(request=a_wish("09:00-09:30", link="intro"), participants=(a_person("ana"),)), put=True
        )
        others = open_ledger("sales")
        of_ben = others.hold(
            a_booking("10:00-11:00", workspace="sales", participants=(a_person("ben"), a_person("lee"))),
            put=True,
        )
        others.hold(a_booking("12:00-12:30", workspace="sales", participants=(a_person("zoe"),)), put=True)
        others.hold(
            a_booking("Tue 10:00-11:00", workspace="sales", participants=(a_person("ben"),)), put=True
        )

        claims = ledger.claims(("ben@example.com", "ana@example.com"), span("09:15-10:30"), now=at("08:00"))

        assert claims == (*ours.claims, of_ben.claims[0]._replace(is_foreign=True))
        assert claims[0].link == "intro"

    def test_a_long_claim_of_another_workspace_that_began_long_before_is_found(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        long = a_booking("00:00-23:00", workspace="sales", participants=(a_person("ana"),))
        open_ledger("sales").hold(long, put=True)

        (claim,) = ledger.claims(("ana@example.com",), span("22:30-22:45"), now=at("08:00"))

        assert claim.meeting == long.meeting

    def test_the_meetings_of_people_are_counted_in_every_workspace_with_the_last_one_before(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        ana, ben = (a_person("ana"),), (a_person("ben"),)
        held = {}
        for number, when in enumerate(
            ("06:00-06:30", "08:00-08:30", "10:00-10:30", "11:00-11:30", "14:00-14:30")
        ):
            workspace = ("default", "sales")[number % 2]
            booking = a_booking(when, workspace=workspace, participants=ana, buffers=(30, 0))
            held[when[:5]] = open_ledger(workspace).hold(booking, put=True)
        ledger.hold(a_booking("12:00-12:30", participants=ben), put=True)
        around = span("10:00-14:00")

        starts = ledger.meeting_starts(("ana@example.com", "ben@example.com", "lee@example.com"), around)

        assert starts == {
            "ana@example.com": (at("08:00"), at("10:00"), at("11:00")),
            "ben@example.com": (at("12:00"),),
        }
        without = ledger.meeting_starts(("ana@example.com",), around, but_not=held["08:00"].id)
        assert without == {"ana@example.com": (at("06:00"), at("10:00"), at("11:00"))}

    def test_workspaces_do_not_know_of_each_other(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        ours = ledger.hold(a_booking(key="k"), put=True)
        others = open_ledger("sales")

        theirs = others.hold(a_booking(workspace="sales", key="k"), put=True)

        assert others.search(Search()) == (theirs,)
        assert others.tally(at("08:00")).live == 1
        assert [each.booking for each in others.due(at("08:00"), most=20)] == [theirs.id]
        assert others.under_key("k") == theirs
        assert others.entry_of(ours.id) is None
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

    # --- listing

    def test_live_bookings_whose_claim_meets_the_window_come_by_start(self, ledger: Ledger) -> None:
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
        ben = ledger.hold(a_booking(request=a_wish("11:00-11:30", guest=BEN)), put=True)
        gone = ledger.begin_cancel(ledger.hold(a_booking("12:00-12:30"), put=True))

        assert ledger.search(Search(start=at("10:59"), end=at("11:00"))) == (ana,)
        assert ledger.search(Search(start=at("11:00"))) == (ben, gone)
        assert ledger.search(Search(end=at("11:00"))) == (ana,)
        assert ledger.search(Search(states=(State.CANCELLED,))) == (gone,)
        assert ledger.search(Search(states=(State.HELD, State.CANCELLED), start=at("11:30"))) == (gone,)
        assert ledger.search(Search(email="BEN@example.com")) == (ben,)
        assert ledger.search(Search(email="ben@example.com", end=at("11:00"))) == ()
        assert ledger.search(Search(email="%")) == ()

    def test_a_search_is_narrowed_to_what_changes_in_a_calendar_may_be_about(self, ledger: Ledger) -> None:
        confirmed = State.CONFIRMED
        one, by_id, other = (
            ledger.hold(replace(each, event_id=f"event{each.request.start:%H}", etag='"1"'), put=False)
            for each in (
                a_booking("09:00-09:30", state=confirmed),
                a_booking("10:00-10:30", state=confirmed),
                a_booking("11:00-11:30", state=confirmed),
            )
        )
        never_read = ledger.hold(a_booking("12:00-12:30"), put=True)

        found = ledger.search(Search(touched=Touched(("event09", "else"), (by_id.id,))))

        assert found == (one, by_id, never_read)
        assert ledger.search(Search(touched=Touched((), ()))) == (never_read,)
        assert ledger.search(Search()) == (one, by_id, other, never_read)

    def test_a_search_tells_bookings_with_an_event_from_those_without(self, ledger: Ledger) -> None:
        without = ledger.hold(a_booking("09:00-09:30", state=State.CONFIRMED, calendar=None), put=False)
        with_one = ledger.hold(a_booking("10:00-10:30"), put=True)

        assert ledger.search(Search(has_calendar=False)) == (without,)
        assert ledger.search(Search(has_calendar=True)) == (with_one,)

    def test_a_search_finds_what_participants_declined(self, ledger: Ledger) -> None:
        ana, ben = a_person("ana"), a_person("ben")
        ledger.hold(a_booking("09:00-09:30", participants=(ana,)), put=True)
        declined = a_booking("10:00-10:30", participants=(ana, ben._replace(response="declined")))
        ledger.hold(declined, put=True)

        assert [each.id for each in ledger.search(Search(has_refusal=True))] == [declined.id]

    def test_calendars_are_those_of_bookings_to_come(self, ledger: Ledger) -> None:
        for time, calendar in (("09:00-09:30", "past"), ("10:00-10:30", "b"), ("11:00-11:30", "a")):
            ledger.hold(a_booking(time, calendar=calendar), put=True)
        ledger.hold(a_booking("12:00-12:30", state=State.CONFIRMED, calendar=None), put=False)
        ledger.begin_cancel(ledger.hold(a_booking("13:00-13:30", calendar="cancelled"), put=True))

        assert ledger.calendars_ahead(at("09:30")) == ("a", "b")

    def test_pages_of_a_search_join_to_the_whole(self, ledger: Ledger) -> None:
        made = [
            *(ledger.hold(a_booking(f"{hour}:00-{hour}:30"), put=True) for hour in ("09", "10", "11")),
            # Two at one start, since the first of them was cancelled.
            ledger.begin_cancel(ledger.hold(a_booking("12:00-12:30"), put=True)),
            ledger.hold(a_booking("12:00-12:30"), put=True),
        ]

        pages, search = [], Search(most=2)
        while page := ledger.search(search):
            pages.append(page)
            search = search._replace(after=Position(page[-1].request.start, page[-1].id))

        assert [len(page) for page in pages] == [2, 2, 1]
        assert sum(pages, ()) == tuple(sorted(made, key=lambda each: (each.request.start, str(each.id))))

    def test_an_empty_ledger_answers(self, ledger: Ledger) -> None:
        assert ledger.search(Search()) == ()
        assert ledger.live_in(span("00:00-23:59")) == ()
        assert ledger.due(at("09:00"), most=20) == ()
        assert ledger.tally(at("09:00")) == Tally(0, 0, 0, 0)
        assert ledger.check() is None

    # --- outbox

    def leased(self, ledger: Ledger, booking: Booking, *, now: str = "08:00") -> OutboxEntry:
        """The booking's outbox entry, leased."""
        entry = ledger.entry_of(booking.id)
        assert entry is not None
        taken = lease(ledger, entry, now=at(now))
        assert taken is not None
        return taken

    def test_a_leased_outbox_entry_is_nobody_elses(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        (entry,) = ledger.due(at("08:00"), most=20)
        taken = self.leased(ledger, booking)

        assert taken.attempts == 1
        assert lease(open_ledger(), entry, now=at("08:01")) is None
        assert open_ledger().due(at("08:01"), most=20) == ()
        assert open_ledger().entry_of(booking.id) == taken

    def test_a_lease_comes_with_the_booking_as_it_stands(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        self.leased(ledger, booking)
        ending = ledger.begin_cancel(replace(booking, updated_at=at("08:05")))
        ledger.close()

        leased = open_ledger().lease(booking.id, Task.REMOVE, now=at("08:10"))

        assert leased is not None
        assert (leased.entry.task, leased.booking) == (Task.REMOVE, ending)

    def test_an_entry_is_leased_for_its_own_task_only(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)

        assert ledger.lease(booking.id, Task.MOVE, now=at("08:00")) is None
        assert ledger.lease(uuid4(), Task.PUT, now=at("08:00")) is None

    def test_a_key_and_what_is_due_are_read_at_once(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(key="k"), put=True)
        other = ledger.hold(a_booking("10:00-10:30"), put=True)

        known, due = ledger.under_key_and_due("k", at("08:00"), most=20)
        unknown, first = ledger.under_key_and_due("another", at("08:00"), most=1)

        assert (known, {each.booking for each in due}) == (booking, {booking.id, other.id})
        assert (unknown, len(first)) == (None, 1)

    def test_a_lease_lapses(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        first = self.leased(ledger, booking)
        later = at("08:00") + LEASE

        (entry,) = open_ledger().due(later, most=20)
        second = lease(open_ledger(), entry, now=later)

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

        (entry,) = other.due(at("08:01"), most=20)
        assert other.tally(at("08:01")).overdue == 1
        taken = lease(other, entry, now=at("08:01"))
        assert taken is not None
        assert taken.attempts == 2

    def test_settling_records_the_booking_and_ends_the_outbox_entry(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        booked = confirmed(booking)

        assert ledger.settle(self.leased(ledger, booking), booked) == booked

        assert open_ledger().find(str(booking.id)) == booked
        assert ledger.entry_of(booking.id) is None
        assert ledger.due(at("Fri 09:00"), most=20) == ()

    def test_a_refused_booking_frees_its_time(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        refused = booking.moved_to(State.REFUSED, at("08:01"))

        assert ledger.settle(self.leased(ledger, booking), refused) == refused

        assert ledger.live_in(span("09:00-09:30")) == ()
        ledger.hold(a_booking(), put=True)

    def test_a_postponed_outbox_entry_is_due_when_it_was_said(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)

        ledger.postpone(
            self.leased(ledger, booking), due_at=at("08:30"), why="no network", outcome_unknown=True
        )

        assert ledger.due(at("08:29"), most=20) == ()
        (entry,) = ledger.due(at("08:30"), most=20)
        assert (entry.attempts, entry.last_error, entry.outcome_unknown) == (1, "no network", True)

    def test_a_postponed_outbox_entry_may_be_taken_early_by_who_asks_for_it(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        ledger.postpone(
            self.leased(ledger, booking), due_at=at("08:30"), why="no network", outcome_unknown=False
        )

        assert self.leased(ledger, booking, now="08:01").attempts == 2

    def test_a_settled_outbox_entry_cannot_be_taken(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        entry = self.leased(ledger, booking)
        ledger.settle(entry, confirmed(booking))

        assert lease(ledger, entry, now=at("12:00")) is None

    def test_a_settled_outbox_entry_is_never_mistaken_for_a_later_one(self, ledger: Ledger) -> None:
        first = ledger.hold(a_booking("09:00-09:30"), put=True)
        done = self.leased(ledger, first)
        ledger.settle(done, confirmed(first))

        later = ledger.hold(a_booking("10:00-10:30"), put=True)

        assert lease(ledger, done, now=at("12:00")) is None
        entry = ledger.entry_of(later.id)
        assert entry is not None
        assert entry.attempts == 0

    def test_due_outbox_entries_come_oldest_first_and_no_more_than_asked(self, ledger: Ledger) -> None:
        late = ledger.hold(a_booking("09:00-09:30", made_at="08:02"), put=True)
        early = ledger.hold(a_booking("10:00-10:30", made_at="08:01"), put=True)
        ledger.hold(a_booking("11:00-11:30", made_at="08:03"), put=True)

        assert [each.booking for each in ledger.due(at("09:00"), most=2)] == [early.id, late.id]

    # --- stale reports

    def test_a_report_after_the_lease_was_taken_by_another_is_not_recorded(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        slow = self.leased(ledger, booking)
        self.leased(open_ledger(), booking, now="08:10")

        assert ledger.settle(slow, booking.moved_to(State.REFUSED, at("08:11"))) == booking

        entry = ledger.entry_of(booking.id)
        assert entry is not None
        assert entry.attempts == 2

    def test_a_report_after_another_one_settled_tells_what_is_so(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        slow = self.leased(ledger, booking)
        booked = confirmed(booking)
        open_ledger().settle(self.leased(open_ledger(), booking, now="08:10"), booked)

        assert ledger.settle(slow, replace(booked, event_id="another")) == booked

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
        """A machine slept during a put; meanwhile another one confirmed the booking, and it was cancelled."""
        booking = ledger.hold(a_booking(), put=True)
        slow = self.leased(ledger, booking)
        other = open_ledger()
        booked = other.settle(self.leased(other, booking, now="08:10"), confirmed(booking))
        ending = other.begin_cancel(booked)
        other.settle(self.leased(other, booking, now="08:11"), ending.moved_to(State.CANCELLED, at("08:11")))
        clock.set("08:20")

        stands = ledger.settle(slow, replace(booked, attempt=1, event_id="pc1"))

        assert (stands.state, stands.attempt, stands.event_id) == (State.CANCELLED, 1, "pc1")
        (entry,) = ledger.due(at("08:20"), most=20)
        assert (entry.booking, entry.task) == (booking.id, Task.REMOVE)

    def test_a_late_refusal_of_a_booking_that_is_over_owes_nothing(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        slow = self.leased(ledger, booking)
        refused = booking.moved_to(State.REFUSED, at("08:11"))
        open_ledger().settle(self.leased(open_ledger(), booking, now="08:10"), refused)

        assert ledger.settle(slow, replace(refused, event_id="pc1")) == refused

        assert ledger.entry_of(booking.id) is None

    # --- cancelling

    def test_a_booking_that_was_never_attempted_ends_at_once(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)

        ended = ledger.begin_cancel(
            replace(booking, ended_by="user", ended_because="ill", updated_at=at("08:05"))
        )

        assert ended == replace(
            booking, state=State.CANCELLED, ended_by="user", ended_because="ill", updated_at=at("08:05")
        )
        assert ledger.entry_of(booking.id) is None
        ledger.hold(a_booking(), put=True)

    def test_a_booking_made_while_disconnected_ends_at_once(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(state=State.CONFIRMED, calendar=None), put=False)

        assert ledger.begin_cancel(booking).state is State.CANCELLED

    def test_a_confirmed_booking_is_cancelling_until_its_event_is_gone(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        booked = ledger.settle(self.leased(ledger, booking), confirmed(booking))

        ending = ledger.begin_cancel(replace(booked, updated_at=at("08:05")))

        assert ending == replace(booked, state=State.CANCELLING, updated_at=at("08:05"))
        (entry,) = ledger.due(at("08:05"), most=20)
        assert (entry.booking, entry.task, entry.attempts) == (booking.id, Task.REMOVE, 0)
        assert ledger.live_in(span("09:00-09:30")) == (ending,)

    def test_a_removed_event_ends_the_booking(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        booked = ledger.settle(self.leased(ledger, booking), confirmed(booking))
        ending = ledger.begin_cancel(booked)
        ended = ending.moved_to(State.CANCELLED, at("08:06"))

        assert ledger.settle(self.leased(ledger, booking, now="08:05"), ended) == ended

        assert ledger.live_in(span("09:00-09:30")) == ()
        assert ledger.entry_of(booking.id) is None

    def test_cancelling_twice_is_cancelling_once(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        booked = ledger.settle(self.leased(ledger, booking), confirmed(booking))
        ending = ledger.begin_cancel(replace(booked, ended_because="ill"))

        assert ledger.begin_cancel(replace(booked, ended_because="bored")) == ending
        assert len(ledger.due(at("09:00"), most=20)) == 1

        ended = ledger.settle(self.leased(ledger, booking), ending.moved_to(State.CANCELLED, at("08:06")))
        assert ledger.begin_cancel(booked) == ended
        assert ledger.entry_of(booking.id) is None

    def test_a_refused_booking_stays_refused(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        refused = ledger.settle(self.leased(ledger, booking), booking.moved_to(State.REFUSED, at("08:01")))

        assert ledger.begin_cancel(booking) == refused

    def test_cancelling_goes_by_what_the_ledger_knows_not_by_an_old_picture(self, ledger: Ledger) -> None:
        picture = ledger.hold(a_booking(), put=True)
        booked = ledger.settle(self.leased(ledger, picture), confirmed(picture))

        ending = ledger.begin_cancel(picture)

        assert (ending.state, ending.event_id) == (State.CANCELLING, booked.event_id)

    def test_a_put_that_failed_becomes_a_removal_that_is_due_at_once(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        ledger.postpone(self.leased(ledger, booking), due_at=at("09:00"), why="slow", outcome_unknown=True)

        ending = ledger.begin_cancel(replace(booking, updated_at=at("08:05")))

        assert ending.state is State.CANCELLING
        (entry,) = ledger.due(at("08:05"), most=20)
        assert (entry.task, entry.attempts) == (Task.REMOVE, 0)
        ended = ending.moved_to(State.CANCELLED, at("08:06"))
        assert ledger.settle(self.leased(ledger, booking, now="08:05"), ended) == ended

    def test_a_removal_waits_for_the_put_that_is_under_way(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        put = self.leased(ledger, booking)
        canceller = open_ledger()

        ending = canceller.begin_cancel(replace(booking, updated_at=at("08:01")))
        removal = canceller.entry_of(booking.id)
        assert removal is not None
        assert lease(canceller, removal, now=at("08:01")) is None
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
        assert lease(ledger, due, now=at("08:00") + LEASE) is not None

    def test_the_put_one_saw_cannot_be_taken_once_it_became_a_removal(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        ledger.postpone(self.leased(ledger, booking), due_at=at("08:00"), why="slow", outcome_unknown=False)
        seen = ledger.entry_of(booking.id)
        assert seen is not None
        ledger.begin_cancel(booking)

        assert lease(ledger, seen, now=at("08:10")) is None

    def test_an_unknown_booking_cannot_be_cancelled(self, ledger: Ledger) -> None:
        with pytest.raises(BookingNotFound):
            ledger.begin_cancel(a_booking(id=uuid4()))

    def test_a_released_booking_frees_its_time_and_still_owes_its_removal(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        booked = ledger.settle(self.leased(ledger, booking), confirmed(booking))
        ending = ledger.begin_cancel(replace(booked, ended_because="ill"))

        released = ledger.release(ending)

        assert released == replace(ending, state=State.CANCELLED, updated_at=at("08:00"))
        ledger.hold(a_booking(), put=False)
        (entry,) = ledger.due(at("09:00"), most=20)
        assert (entry.booking, entry.task) == (booking.id, Task.REMOVE)
        ledger.settle(self.leased(ledger, booking), released)
        assert ledger.entry_of(booking.id) is None

    def test_a_put_under_way_leaves_its_event_to_the_removal_of_a_released_booking(
        self, ledger: Ledger
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        put = self.leased(ledger, booking)
        ledger.release(ledger.begin_cancel(booking))

        stands = ledger.settle(put, confirmed(booking))

        assert (stands.state, stands.event_id) == (State.CANCELLED, booking.next_event_id)
        (entry,) = ledger.due(at("09:00"), most=20)
        assert entry.task is Task.REMOVE

    @pytest.mark.parametrize("state", [State.HELD, State.CONFIRMED])
    def test_only_a_booking_that_is_being_cancelled_is_released(self, ledger: Ledger, state: State) -> None:
        booking = ledger.hold(a_booking(state=state), put=True)

        assert ledger.release(booking) == booking

    # --- moving

    def booked(self, ledger: Ledger, when: str = "09:00-09:30", **facts: Any) -> Booking:
        """Return a booking with an event at Google."""
        booking = ledger.hold(a_booking(when, **facts), put=True)
        return ledger.settle(self.leased(ledger, booking), confirmed(booking))

    def test_a_booking_that_moves_holds_both_times(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        booked = self.booked(ledger, buffers=(5, 10))
        wanted = replace(
            booked, moving_to=span("11:00-11:30"), moved_because="ill", updated_at=at("08:05"),
            request=replace(booked.request, notify=Notify.NONE),
        )  # fmt: skip

        moving = ledger.begin_move(wanted, at_once=False)

        assert moving == wanted
        assert open_ledger().find(str(booked.id)) == wanted
        (entry,) = ledger.due(at("08:05"), most=20)
        assert (entry.booking, entry.task, entry.attempts) == (booked.id, Task.MOVE, 0)
        for window in ("09:00-09:30", "11:35-11:38", "08:00-12:00"):
            assert ledger.live_in(span(window)) == (moving,)
        for taken in ("09:30-09:45", "11:30-11:45", "10:50-11:00"):
            with pytest.raises(ClaimsOverlap) as caught:
                ledger.hold(a_booking(taken), put=True)
            assert caught.value.other == moving

    def test_a_moved_event_lets_the_old_time_go_and_the_first_request_is_remembered(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booked = self.booked(ledger)
        moving = ledger.begin_move(replace(booked, moving_to=span("11:00-12:00")), at_once=False)
        moved = replace(moving.at(span("11:00-12:00")), etag='"2"', updated_at=at("08:06"))

        assert ledger.settle(self.leased(ledger, moving), moved) == moved

        stands = open_ledger().find(str(booked.id))
        assert (stands.meeting, stands.moving_to, stands.first_request) == (
            span("11:00-12:00"),
            None,
            booked.request,
        )
        assert ledger.entry_of(booked.id) is None
        ledger.hold(a_booking("09:00-09:30"), put=True)

    def test_the_first_request_outlives_several_moves(self, ledger: Ledger) -> None:
        booked = self.booked(ledger)
        for when in ("11:00-11:30", "12:00-12:30"):
            moving = ledger.begin_move(replace(booked, moving_to=span(when)), at_once=False)
            moved = ledger.settle(self.leased(ledger, moving), moving.at(span(when)))

        assert moved.first_request == booked.request

    def test_a_time_that_is_taken_is_not_moved_to(self, ledger: Ledger) -> None:
        booked = self.booked(ledger)
        other = ledger.hold(a_booking("11:00-11:30"), put=True)

        with pytest.raises(ClaimsOverlap) as caught:
            ledger.begin_move(replace(booked, moving_to=span("11:15-11:45")), at_once=False)

        assert caught.value.other == other
        assert ledger.find(str(booked.id)) == booked
        assert ledger.entry_of(booked.id) is None

    def test_two_bookings_cannot_move_to_one_time(self, ledger: Ledger) -> None:
        first = ledger.begin_move(
            replace(self.booked(ledger, "09:00-09:30"), moving_to=span("11:00-11:30")), at_once=False
        )

        second = self.booked(ledger, "10:00-10:30")
        with pytest.raises(ClaimsOverlap) as caught:
            ledger.begin_move(replace(second, moving_to=span("11:00-11:30")), at_once=False)

        assert caught.value.other == first

    def test_a_booking_may_move_by_less_than_it_lasts(self, ledger: Ledger) -> None:
        booked = self.booked(ledger)

        moving = ledger.begin_move(replace(booked, moving_to=span("09:15-10:00")), at_once=False)

        assert ledger.live_in(span("09:00-10:00")) == (moving,)

    @pytest.mark.parametrize("at_once", [True, False])
    def test_a_booking_that_is_on_its_way_out_stays(self, ledger: Ledger, at_once: bool) -> None:
        booked = self.booked(ledger)
        ending = ledger.begin_cancel(booked)

        assert ledger.begin_move(replace(booked, moving_to=span("11:00-11:30")), at_once=at_once) == ending

    def test_one_change_at_a_time_is_owed(self, ledger: Ledger) -> None:
        held = ledger.hold(a_booking("09:00-09:30"), put=True)
        booked = self.booked(ledger, "10:00-10:30")
        ledger.begin_move(replace(booked, moving_to=span("11:00-11:30")), at_once=False)

        for owed in (held, booked):
            with pytest.raises(EntryPending):
                ledger.begin_move(replace(owed, moving_to=span("12:00-12:30")), at_once=False)

    def test_a_move_at_once_frees_the_old_time_and_remembers_where_the_event_stands(
        self, ledger: Ledger
    ) -> None:
        booked = self.booked(ledger)

        moved = ledger.begin_move(replace(booked, moving_to=span("11:00-11:30")), at_once=True)
        again = ledger.begin_move(replace(booked, moving_to=span("12:00-12:30")), at_once=True)

        assert (moved.meeting, moved.moving_to, moved.moved_from) == (
            span("11:00-11:30"),
            None,
            booked.meeting,
        )
        assert (again.meeting, again.moved_from) == (span("12:00-12:30"), booked.meeting)
        assert [each.task for each in ledger.due(at("09:00"), most=20)] == [Task.MOVE]
        ledger.hold(a_booking("09:00-09:30"), put=True)
        ledger.hold(a_booking("11:00-11:30"), put=True)

    def test_a_booking_without_an_event_moves_and_owes_nothing(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(state=State.CONFIRMED, calendar=None), put=False)

        moved = ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=True)

        assert (moved.meeting, moved.moved_from) == (span("11:00-11:30"), None)
        assert ledger.entry_of(booking.id) is None

    def test_a_put_that_was_never_tried_makes_the_event_at_the_new_time(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)

        moved = ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=True)

        assert moved.moved_from is None
        put = self.leased(ledger, booking)
        assert put.task is Task.PUT
        ledger.settle(put, confirmed(moved))
        assert ledger.entry_of(booking.id) is None

    def test_a_put_that_may_have_happened_is_followed_by_a_move(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        ledger.postpone(self.leased(ledger, booking), due_at=at("08:00"), why="slow", outcome_unknown=True)

        moved = ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=True)

        assert moved.moved_from == booking.meeting
        put = self.leased(ledger, booking)
        ledger.settle(put, confirmed(moved))
        assert put.task is Task.PUT
        assert self.leased(ledger, booking).task is Task.MOVE

    def test_nothing_moves_at_once_while_an_outbox_entry_is_under_way(
        self, ledger: Ledger, clock: SetClock
    ) -> None:
        booking = ledger.hold(a_booking(), put=True)
        self.leased(ledger, booking)

        with pytest.raises(EntryPending):
            ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=True)
        clock.advance(LEASE)
        ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=True)

    def test_a_move_becomes_the_removal_when_the_booking_is_cancelled(self, ledger: Ledger) -> None:
        booked = self.booked(ledger)
        moving = ledger.begin_move(replace(booked, moving_to=span("11:00-11:30")), at_once=False)
        move = self.leased(ledger, moving)

        ending = ledger.begin_cancel(replace(moving, updated_at=at("08:05")))
        stands = ledger.settle(move, moving.at(span("11:00-11:30")))

        assert ending.state is State.CANCELLING
        assert (stands.state, stands.meeting) == (State.CANCELLING, booked.meeting)
        (entry,) = ledger.due(at("09:00"), most=20)
        assert entry.task is Task.REMOVE
        ledger.settle(self.leased(ledger, booked), ending.moved_to(State.CANCELLED, at("08:06")))
        for free in ("09:00-09:30", "11:00-11:30"):
            ledger.hold(a_booking(free), put=True)

    def test_of_several_outbox_entries_one_removal_is_left_by_a_cancellation(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        ledger.postpone(self.leased(ledger, booking), due_at=at("08:00"), why="slow", outcome_unknown=True)
        ledger.begin_move(replace(booking, moving_to=span("11:00-11:30")), at_once=True)

        ending = ledger.begin_cancel(booking)
        ledger.settle(self.leased(ledger, booking), ending.moved_to(State.CANCELLED, at("08:06")))

        assert ledger.entry_of(booking.id) is None

    # --- adopting the calendar's state

    def test_what_the_calendar_says_is_recorded(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        booked = self.booked(ledger)
        seen = replace(
            booked.at(span("11:00-12:00")), etag='"9"', meet_url="https://meet.google.com/xyz", calendar="b@example.com",
            declined=("ben@example.com",), updated_at=at("08:30"),
        )  # fmt: skip
        seen = replace(seen, request=replace(seen.request, title="Another", location="Room 9"))

        assert ledger.adopt(booked, seen)

        assert open_ledger().find(str(booked.id)) == seen
        ledger.hold(a_booking("09:00-09:30"), put=True)

    def test_a_deleted_event_ends_its_booking(self, ledger: Ledger) -> None:
        booked = self.booked(ledger)
        ended = replace(booked.moved_to(State.CANCELLED, at("08:30")), ended_by="calendar")

        assert ledger.adopt(booked, ended)

        assert ledger.find(str(booked.id)) == ended
        assert ledger.live_in(span("09:00-09:30")) == ()

    def test_a_booking_that_changed_since_it_was_looked_at_stays(self, ledger: Ledger) -> None:
        booked = self.booked(ledger)
        assert ledger.adopt(booked, replace(booked, etag='"2"'))

        assert not ledger.adopt(booked, booked.at(span("11:00-11:30")))

        assert ledger.find(str(booked.id)) == replace(booked, etag='"2"')

    def test_a_booking_that_google_is_owed_something_for_stays(self, ledger: Ledger) -> None:
        booked = self.booked(ledger)
        moving = ledger.begin_move(replace(booked, moving_to=span("11:00-11:30")), at_once=False)

        assert not ledger.adopt(moving, moving.at(span("12:00-12:30")))

        assert ledger.find(str(booked.id)) == moving

    def test_a_time_that_another_booking_holds_is_not_taken_over(self, ledger: Ledger) -> None:
        booked, other = self.booked(ledger), self.booked(ledger, "11:00-11:30")

        with pytest.raises(ClaimsOverlap) as caught:
            ledger.adopt(booked, booked.at(span("11:15-11:45")))

        assert caught.value.other == other
        assert ledger.find(str(booked.id)) == booked

    def test_an_event_is_owed_once_for_a_booking_that_has_none(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        booking = ledger.hold(a_booking(state=State.CONFIRMED, calendar=None), put=False)

        assert ledger.owe_event(booking, "b@example.com")
        assert not open_ledger().owe_event(booking, "c@example.com")

        assert ledger.find(str(booking.id)) == replace(booking, calendar="b@example.com")
        (entry,) = ledger.due(at("09:00"), most=20)
        assert (entry.booking, entry.task) == (booking.id, Task.PUT)

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

    def test_all_that_is_owed_is_the_first_outbox_entry_of_each_booking(self, ledger: Ledger) -> None:
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
        booked = ledger.hold(a_booking("09:00-09:30"), put=True)
        ledger.settle(self.leased(ledger, booked), confirmed(booked))
        ledger.hold(a_booking("10:00-10:30"), put=True)
        waiting = ledger.hold(a_booking("11:00-11:30"), put=True)
        ledger.postpone(self.leased(ledger, waiting), due_at=at("12:00"), why="slow", outcome_unknown=False)
        ledger.hold(a_booking("12:00-12:30", state=State.CONFIRMED, calendar=None), put=False)
        ledger.begin_cancel(ledger.hold(a_booking("13:00-13:30"), put=True))

        assert ledger.tally(at("08:00")) == Tally(live=4, held=2, overdue=1, without_event=3)
        assert ledger.tally(at("12:00")) == Tally(live=4, held=2, overdue=2, without_event=1)

    def test_an_outbox_entry_that_is_being_seen_to_is_not_overdue(self, ledger: Ledger) -> None:
        booking = ledger.hold(a_booking(), put=True)
        self.leased(ledger, booking)

        assert ledger.tally(at("08:01")).overdue == 0
        assert ledger.tally(at("08:00") + LEASE).overdue == 1


class SharedLedgerContract(LedgerContract):
    """The tests for ledgers in a database, which have offers too: all but the model in `tests/exploration`."""

    # --- offers

    @staticmethod
    def an_offer(
        *times: str, key: str | None = None, participants: tuple[Participant, ...] = ()
    ) -> GuestOffer:
        """Return an offer that expires on Tuesday at eight, without events."""
        id_ = uuid4()
        slots = tuple(
            a_booking(each, state=State.CONFIRMED, calendar=None, offer=id_, participants=participants)
            for each in times
        )
        made = at("08:00")
        return GuestOffer(id_, "default", OfferState.OPEN, at("Tue 08:00"), slots, "asked", made, made, key)

    def test_an_offer_comes_back_as_it_was_made_and_its_times_are_no_bookings(
        self, ledger: SqlLedger
    ) -> None:
        offers, offer = SqlOffers(ledger), self.an_offer("09:00-09:30", "11:00-11:30", key="k")

        assert offers.make(offer, put=False) == offer

        assert offers.find(str(offer.id)[:8]) == offers.under_key("k") == offer
        assert offers.all() == offers.all((OfferState.OPEN,)) == (offer,)
        assert offers.make(self.an_offer("13:00-13:30", key="k"), put=False) == offer
        assert ledger.search(Search()) == ledger.live_in(span("08:00-12:00")) == ()
        assert ledger.tally(at("08:00")) == Tally(live=0, held=0, overdue=0, without_event=0)
        assert ledger.get(offer.slots[0].id) == offer.slots[0]
        with pytest.raises(BookingNotFound):
            ledger.find(str(offer.slots[0].id))

    def test_the_times_of_an_offer_are_all_claimed_or_none(self, ledger: SqlLedger) -> None:
        offers = SqlOffers(ledger)
        held = ledger.hold(a_booking("11:00-11:30"), put=True)

        with pytest.raises(ClaimsOverlap) as caught:
            offers.make(self.an_offer("09:00-09:30", "11:15-11:45"), put=False)

        assert caught.value.other == held
        assert offers.all() == ()
        ledger.hold(a_booking("09:00-09:30"), put=True)

    def test_an_offered_time_is_claimed_until_the_instant_of_its_expiry(
        self, ledger: SqlLedger, open_ledger: OpenLedger, clock: SetClock
    ) -> None:
        ana = (a_person("ana"),)
        offer = self.an_offer("Tue 09:00-09:30", participants=ana)
        SqlOffers(ledger).make(offer, put=False)
        sales = open_ledger("sales")
        late = a_booking("Tue 09:00-09:30", workspace="sales", participants=ana)
        clock.set("Tue 07:59")

        with pytest.raises(ClaimsOverlap) as caught:
            sales.hold(late, put=True)
        assert (caught.value.other, caught.value.claim.booking) == (None, str(offer.id))
        asked = ("ana@example.com",), span("Tue 08:00-10:00")
        assert [each.expires_at for each in sales.claims(*asked, now=clock.now())] == [at("Tue 08:00")]
        clock.set("Tue 08:00")
        assert sales.claims(*asked, now=clock.now()) == ledger.claims((), asked[1], now=clock.now()) == ()
        assert sales.hold(late, put=True) == late
        assert ledger.check() is None

    def test_an_expired_offer_whose_time_is_taken_ends_without_harm(
        self, ledger: SqlLedger, clock: SetClock
    ) -> None:
        offers, offer = SqlOffers(ledger), self.an_offer("Tue 09:00-09:30")
        offers.make(offer, put=False)
        clock.set("Tue 08:00")
        booked = ledger.hold(a_booking("Tue 09:00-09:30"), put=True)

        assert offers.expired(at("Tue 07:59")) == ()
        assert offers.expired(clock.now()) == (offer,)
        assert offers.extend(offer.id, at("Wed 08:00"), now=clock.now()) == offer
        assert offers.take(offer.id, a_booking("Tue 09:00-09:30"), put=True) is None
        ended = offers.end(offer.id, OfferState.RELEASED, now=clock.now())

        assert ended.state is OfferState.EXPIRED
        assert [each.state for each in ended.slots] == [State.CANCELLED]
        assert ledger.live_in(span("Tue 08:00-10:00")) == (booked,)
        assert ledger.check() is None

    def test_an_offer_that_is_extended_claims_longer(self, ledger: SqlLedger, clock: SetClock) -> None:
        offers, offer = SqlOffers(ledger), self.an_offer("Thu 09:00-09:30")
        offers.make(offer, put=False)

        extended = offers.extend(offer.id, at("Wed 08:00"), now=at("Mon 09:00"))
        clock.set("Wed 07:59")

        assert extended.expires_at == at("Wed 08:00")
        with pytest.raises(ClaimsOverlap):
            ledger.hold(a_booking("Thu 09:00-09:30"), put=True)

    def test_a_time_of_an_offer_becomes_a_booking_and_frees_the_others(self, ledger: SqlLedger) -> None:
        offers, offer = SqlOffers(ledger), self.an_offer("09:00-09:30", "11:00-11:30")
        offers.make(offer, put=False)
        booking = a_booking("11:00-11:30")

        assert offers.take(offer.id, booking, put=True) == booking

        taken = offers.find(str(offer.id))
        assert (taken.state, taken.booking) == (OfferState.TAKEN, booking.id)
        assert [each.state for each in taken.slots] == [State.CANCELLED] * 2
        assert ledger.claims((), span("08:00-12:00"), now=at("08:00")) == booking.claims
        assert [each.booking for each in ledger.owed()] == [booking.id]
        assert offers.take(offer.id, a_booking("09:00-09:30"), put=True) is None
        assert offers.end(offer.id, OfferState.RELEASED, now=at("08:01")) == taken
        assert ledger.check() is None

    def test_a_conversion_that_is_refused_leaves_the_offer_as_it_was(self, ledger: SqlLedger) -> None:
        offers, offer = SqlOffers(ledger), self.an_offer("09:00-09:30")
        offers.make(offer, put=False)
        ledger.hold(a_booking("09:30-10:00"), put=True)

        with pytest.raises(ClaimsOverlap):
            offers.take(offer.id, a_booking("09:00-09:45"), put=True)

        assert offers.find(str(offer.id)) == offer
        with pytest.raises(ClaimsOverlap):
            ledger.hold(a_booking("09:00-09:30"), put=True)

    def test_events_of_offered_times_are_owed_and_removed_when_the_offer_ends(
        self, ledger: SqlLedger
    ) -> None:
        offers, id_ = SqlOffers(ledger), uuid4()
        slots = tuple(a_booking(each, offer=id_) for each in ("09:00-09:30", "11:00-11:30"))
        made = at("08:00")
        offer = GuestOffer(id_, "default", OfferState.OPEN, at("Tue 08:00"), slots, "asked", made, made)
        offers.make(offer, put=True)
        first, second = slots
        ledger.settle(self.leased(ledger, first), confirmed(first))

        offers.end(id_, OfferState.RELEASED, now=at("08:05"))

        assert ledger.entry_of(second.id) is None
        (entry,) = ledger.owed()
        assert (entry.booking, entry.task) == (first.id, Task.REMOVE)
        assert ledger.get(first.id).state is State.CANCELLED
        ledger.hold(a_booking("09:00-09:30"), put=True)

    def test_an_offer_is_found_by_its_id_alone_and_in_its_workspace(
        self, ledger: SqlLedger, open_ledger: OpenLedger
    ) -> None:
        offer = self.an_offer("09:00-09:30")
        SqlOffers(ledger).make(offer, put=False)

        for wanted in ("", str(offer.id)[:3], "0000"):
            with pytest.raises(OfferNotFound):
                SqlOffers(ledger).find(wanted)
        with pytest.raises(OfferNotFound):
            SqlOffers(cast("SqlLedger", open_ledger("sales"))).find(str(offer.id))

    def test_the_last_sync_is_kept_by_workspace(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        assert ledger.last_sync() is None

        ledger.keep_last_sync(at("08:00"))
        ledger.keep_last_sync(at("09:00"))

        assert open_ledger().last_sync() == at("09:00")
        assert open_ledger("sales").last_sync() is None

    def test_threads_share_a_ledger(self, ledger: Ledger) -> None:
        won: list[Booking] = []

        def hold() -> None:
            try:
                won.append(ledger.hold(a_booking(), put=True))
            except ClaimsOverlap:
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
