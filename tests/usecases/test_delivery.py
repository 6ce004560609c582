"""One attempt at one errand, after crashes, against rivals, and while somebody cancels."""

from __future__ import annotations

import pytest

from portalcal.adapters.sqlite_ledger import SqliteLedger
from portalcal.core.booking import Booking, Notify, State
from portalcal.core.errands import LEASE, Errand
from portalcal.ports import Draft
from portalcal.simulator import Exchange, Simulator
from portalcal.usecases.book import Order, book
from portalcal.usecases.cancel import Cancellation, cancel
from portalcal.usecases.deliver import Deliveries, deliver
from tests.builders import a_booking, a_wish, at
from tests.usecases.conftest import ANA, SAM, Machine


def operations(google: Simulator) -> list[str]:
    """What Google was asked, in order."""
    return [each.operation for each in google.requests]


def leased(machine: Machine, booking: Booking) -> Errand:
    """The errand of a booking, taken by a process that will not come back."""
    ledger = machine.process().ledger
    errand = ledger.errand_of(booking.id)
    assert errand
    taken = ledger.lease(errand, now=machine.now())
    assert taken
    return taken


def make_event(machine: Machine, booking: Booking) -> None:
    """What the process that crashed had done already: the event is there, the ledger does not know."""
    wish = booking.wish
    draft = Draft(
        id=booking.next_event_id,
        booking=booking.id,
        title=wish.title,
        span=wish.meeting,
        timezone=wish.zone.key,
        guests=(wish.guest.email,),
        guest_name=wish.guest.name,
    )
    machine.process().calendars.insert(ANA, draft, notify=Notify.ALL)


def stored(machine: Machine, booking: Booking) -> Booking:
    """The booking as the ledger has it now."""
    return machine.process().ledger.find(str(booking.id))


def lapse(machine: Machine, google: Simulator) -> None:
    """Let the lease of a process that crashed run out."""
    google.clock.advance(LEASE)
    google.forget_requests()


# --- crashed before it was recorded -----------------------------------------------------------------------------


def test_an_event_that_the_crashed_process_made_is_found_and_not_made_again(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("09:00-09:30")
    leased(machine, held)
    make_event(machine, held)
    lapse(machine, google)

    assert deliver(machine.process()) == Deliveries(delivered=(held.id,))

    assert operations(google) == ["events.get", "events.list"]
    assert stored(machine, held).state is State.CONFIRMED
    assert len(google.events()) == len(google.outbox) == 1


def test_an_event_that_the_crashed_process_did_not_make_is_looked_for_and_made(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("09:00-09:30")
    leased(machine, held)
    lapse(machine, google)

    assert deliver(machine.process()) == Deliveries(delivered=(held.id,))

    assert operations(google) == ["events.get", "freebusy.query", "events.insert", "events.list"]
    assert [each["id"] for each in google.events()] == [held.next_event_id]


def test_an_event_that_was_made_and_deleted_meanwhile_is_made_under_a_new_id(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("09:00-09:30")
    leased(machine, held)
    make_event(machine, held)
    machine.process().calendars.delete(ANA, held.next_event_id, notify=Notify.NONE)
    lapse(machine, google)

    assert deliver(machine.process()) == Deliveries(delivered=(held.id,))

    booking = stored(machine, held)
    assert booking.event_id == held.next_event_id[:-1] + "1"
    assert [each["id"] for each in google.events()] == [booking.event_id]


def test_an_id_that_is_a_tombstone_at_the_first_attempt_is_replaced_too(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("09:00-09:30")
    make_event(machine, held)
    machine.process().calendars.delete(ANA, held.next_event_id, notify=Notify.NONE)

    assert deliver(machine.process()) == Deliveries(delivered=(held.id,))

    assert stored(machine, held).event_id == held.next_event_id[:-1] + "1"
    assert len(google.events()) == 1


def test_a_process_that_was_only_slow_can_undo_nothing(machine: Machine, google: Simulator) -> None:
    held = machine.hold("09:00-09:30")
    stale = leased(machine, held)
    lapse(machine, google)
    deliver(machine.process())
    confirmed = stored(machine, held)

    refused = held.moved_to(State.REFUSED, machine.now())
    machine.process().ledger.settle(stale, refused)

    assert stored(machine, held) == confirmed


@pytest.mark.parametrize("fault", ["events.insert: lost-reply once", "events.insert: truncate once"])
def test_a_reply_that_is_lost_leads_to_one_event(machine: Machine, google: Simulator, fault: str) -> None:
    held = machine.hold("09:00-09:30")
    google.faults.add(fault)

    assert deliver(machine.process()) == Deliveries(delivered=(held.id,))

    assert len(google.events()) == len(google.outbox) == 1
    assert stored(machine, held).event_id == google.events()[0]["id"]


# --- refused for good, while an event of ours may stand in the calendar ---------------------------------------


def test_a_second_look_that_is_refused_leaves_no_event_behind(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")
    google.faults.add("events.list: 403-forbidden once")

    assert deliver(machine.process()) == Deliveries(refused=(held.id,))

    assert google.events() == []
    assert [mail.kind for mail in google.outbox] == ["invitation", "cancellation"]
    assert stored(machine, held).state is State.REFUSED


def test_an_event_that_cannot_be_taken_away_keeps_its_time(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")
    google.faults.add("events.list: 403-forbidden times=2")
    google.faults.add("events.delete: 403-forbidden once")

    assert deliver(machine.process()) == Deliveries(owed=(held.id,))
    assert (stored(machine, held).state, len(google.events())) == (State.HELD, 1)

    assert deliver(machine.process()) == Deliveries(refused=(held.id,))
    assert google.events() == []


def test_an_event_that_is_gone_before_it_is_taken_away_is_no_news(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")
    google.add_event("primary", at("14:15"), at("15:00"), "Dentist")
    google.clock.advance(seconds=1)
    google.faults.add("events.delete: 404 once")
    process = machine.process()

    assert deliver(process) == Deliveries(refused=(held.id,))

    assert "is taken by an event on ana@example.com" in process.notes.warnings[0][1]


@pytest.mark.parametrize("kind", ["400-invalid", "403-forbidden", "403-not-enabled", "409-duplicate", "412"])
def test_a_refused_look_for_an_event_that_may_be_there_ends_no_promise(
    machine: Machine, google: Simulator, kind: str
) -> None:
    held = machine.hold("14:00-14:30")
    google.faults.add("events.insert: lost-reply once")
    google.faults.add(f"events.get: {kind} once")

    assert deliver(machine.process()) == Deliveries(owed=(held.id,))
    assert stored(machine, held).state is State.HELD

    assert deliver(machine.process()) == Deliveries(delivered=(held.id,))
    assert len(google.events()) == len(google.outbox) == 1


def test_an_id_that_is_taken_by_nothing_is_asked_for_again(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")
    google.faults.add("events.insert: 409-duplicate times=3")

    assert deliver(machine.process()) == Deliveries(owed=(held.id,))
    assert stored(machine, held).state is State.HELD

    assert deliver(machine.process()) == Deliveries(delivered=(held.id,))
    assert [each["id"] for each in google.events()] == [held.next_event_id]


# --- somebody else was there first ------------------------------------------------------------------------------


def test_a_late_put_of_a_time_that_was_taken_meanwhile_is_refused_without_an_invitation(
    machine: Machine, google: Simulator
) -> None:
    google.faults.add("events.insert: 403-quotaExceeded")
    held = machine.hold("14:00-14:30")
    deliver(machine.process())
    google.faults.clear()
    google.add_event("primary", at("14:15"), at("15:00"), "Dentist")
    google.forget_requests()
    process = machine.process()

    assert deliver(process) == Deliveries(refused=(held.id,))

    assert google.count("events.insert") == 0
    assert google.outbox == []
    ((code, message),) = process.notes.warnings
    assert code == "booking-refused"
    assert "Mon 2 Mar, 14:00-14:30 (London) is taken by a meeting on ana@example.com" in message
    assert stored(machine, held).state is State.REFUSED


def test_the_time_of_a_refused_booking_is_free_again(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")
    google.faults.add("events.insert: 403-forbidden once")
    deliver(machine.process())
    assert stored(machine, held).state is State.REFUSED

    again = machine.hold("14:00-14:30")

    assert deliver(machine.process()) == Deliveries(delivered=(again.id,))


def test_an_event_that_is_older_than_ours_wins_and_ours_goes(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")
    google.add_event("primary", at("14:15"), at("15:00"), "Dentist")
    google.clock.advance(seconds=1)
    process = machine.process()

    assert deliver(process) == Deliveries(refused=(held.id,))

    assert [each["summary"] for each in google.events()] == ["Dentist"]
    assert "is taken by an event on ana@example.com" in process.notes.warnings[0][1]


def test_an_event_that_is_younger_than_ours_yields(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")

    def intrude(exchange: Exchange) -> None:
        if exchange.operation == "events.insert":
            google.clock.advance(seconds=1)
            google.add_event("primary", at("14:15"), at("15:00"), "Late comer")

    google.observe(intrude)

    assert deliver(machine.process()) == Deliveries(delivered=(held.id,))


@pytest.mark.parametrize("transparency", ["transparent", "opaque"])
def test_only_what_takes_time_is_in_the_way(machine: Machine, google: Simulator, transparency: str) -> None:
    held = machine.hold("14:00-14:30")
    google.add_event("primary", at("14:00"), at("15:00"), "Lunch?", transparency=transparency)
    google.clock.advance(seconds=1)

    delivered = deliver(machine.process())

    expected = {"transparent": Deliveries(delivered=(held.id,)), "opaque": Deliveries(refused=(held.id,))}
    assert delivered == expected[transparency]


def test_of_two_tools_without_a_common_ledger_exactly_one_gets_the_time(
    machine: Machine, google: Simulator
) -> None:
    ours = machine.hold("14:00-14:30")
    theirs = a_booking(wish=a_wish("14:00-14:30", guest=SAM), calendar=ANA)
    other = machine.process()
    other.__dict__["ledger"] = SqliteLedger(machine.config.with_name("other.db"), "default", machine)
    came_of_it: list[Deliveries] = []

    def rival(exchange: Exchange) -> None:
        # Between our insert and our second look the other tool, which saw a free calendar, makes its event.
        if exchange.operation == "events.insert" and not came_of_it:
            came_of_it.append(Deliveries())
            google.clock.advance(seconds=1)
            other.ledger.hold(theirs, put=True)
            came_of_it[0] = deliver(other)

    google.observe(rival)

    assert deliver(machine.process()) == Deliveries(delivered=(ours.id,))
    assert came_of_it == [Deliveries(refused=(theirs.id,))]
    assert [each["id"] for each in google.events()] == [ours.next_event_id]


# --- cancelled meanwhile ----------------------------------------------------------------------------------------


def test_a_booking_that_is_cancelled_while_its_event_is_made_ends_without_one(
    machine: Machine, google: Simulator
) -> None:
    ended: list[State] = []

    def give_up(exchange: Exchange) -> None:
        if exchange.operation == "events.insert" and not ended:
            (held,) = machine.process().ledger.live_in(a_wish("14:00-14:30").meeting)
            ended.append(
                cancel(Cancellation(str(held.id), "changed my mind"), machine.process()).booking.state
            )

    google.observe(give_up)

    booked = book(Order(a_wish("14:00-14:30", guest=SAM)), machine.process()).booking
    delivered = deliver(machine.process())

    assert ended == [State.CANCELLING]
    assert booked.state is State.CANCELLING
    assert delivered == Deliveries(delivered=(booked.id,))
    assert google.events() == []
    last = stored(machine, booked)
    assert (last.state, last.ended_by, last.ended_because) == (State.CANCELLED, "user", "changed my mind")


def test_a_booking_that_was_never_put_is_cancelled_without_a_word_to_google(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")

    answer = cancel(Cancellation(str(held.id)), machine.process())

    assert (answer.booking.state, answer.was_already) == (State.CANCELLED, False)
    assert deliver(machine.process()) == Deliveries()
    assert google.count() == 0


def test_a_put_whose_outcome_is_unknown_is_removed_when_it_is_cancelled(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")
    leased(machine, held)
    make_event(machine, held)
    lapse(machine, google)

    answer = cancel(Cancellation(str(held.id)), machine.process())

    assert answer.booking.state is State.CANCELLED
    assert google.events() == []


def test_removing_what_is_gone_is_success(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")
    deliver(machine.process())
    machine.process().calendars.delete(ANA, held.next_event_id, notify=Notify.NONE)

    answer = cancel(Cancellation(str(held.id)), machine.process())

    assert answer.booking.state is State.CANCELLED


def test_an_event_that_has_another_id_by_now_is_found_by_the_booking_it_carries(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")
    leased(machine, held)
    lapse(machine, google)
    carried = {"private": {"portalcal": str(held.id)}}
    google.add_event("primary", at("14:00"), at("14:30"), "Moved by hand", extendedProperties=carried)

    answer = cancel(Cancellation(str(held.id)), machine.process())

    assert answer.booking.state is State.CANCELLED
    assert google.events() == []


def test_cancelled_while_google_is_away_the_event_goes_later(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")
    deliver(machine.process())
    google.faults.add("events.delete: not-json once")
    process = machine.process()

    answer = cancel(Cancellation(str(held.id)), process)
    assert answer.booking.state is State.CANCELLING
    assert [code for code, _ in process.notes.warnings] == ["google-not-told"]

    assert deliver(machine.process()) == Deliveries(delivered=(held.id,))
    assert google.events() == []
    assert stored(machine, held).state is State.CANCELLED


def test_cancelled_while_disconnected_the_event_goes_with_the_next_connection(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")
    deliver(machine.process())
    process = machine.process()
    process.connections.forget()

    answer = cancel(Cancellation(str(held.id)), process)
    assert answer.booking.state is State.CANCELLED
    assert [code for code, _ in process.notes.warnings] == ["event-left"]
    assert len(google.events()) == 1

    machine.connect()
    assert deliver(machine.process()) == Deliveries(delivered=(held.id,))
    assert google.events() == []
