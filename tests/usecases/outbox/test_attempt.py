"""One attempt at one outbox entry: after crashes, with conflicting events, during a cancellation, under a lease."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from portalcal.adapters.google import network_errors
from portalcal.adapters.google.http_client import RetryPolicy
from portalcal.adapters.ledger.sqlite import SqliteLedger
from portalcal.core.booking import Booking, Notify, State
from portalcal.core.outbox import LEASE, LONGEST_CALL, OutboxEntry
from portalcal.core.participants import Participant, Role
from portalcal.ports import EventDraft
from portalcal.simulator.google import Simulator
from portalcal.simulator.http.request_log import LoggedExchange
from portalcal.usecases.booking.book import BookOptions, book
from portalcal.usecases.booking.cancel import CancelRequest, cancel
from portalcal.usecases.outbox.run import OutboxRun, run_outbox
from tests.builders import a_booking, a_wish, at, lease, span
from tests.usecases.conftest import ANA, SAM, Machine


def operations(google: Simulator) -> list[str]:
    """The operations Google received, in order."""
    return [each.operation for each in google.requests]


def leased(machine: Machine, booking: Booking) -> OutboxEntry:
    """The outbox entry of a booking, leased by a process that has crashed."""
    ledger = machine.process().ledger
    entry = ledger.entry_of(booking.id)
    assert entry
    taken = lease(ledger, entry, now=machine.now())
    assert taken
    return taken


def make_event(machine: Machine, booking: Booking) -> None:
    """Insert the event as a process that crashed before it recorded it."""
    request = booking.request
    draft = EventDraft(
        id=booking.next_event_id,
        booking=booking.id,
        title=request.title,
        span=request.meeting,
        timezone=request.zone.key,
        guests=(request.guest.email,),
        guest_name=request.guest.name,
    )
    machine.process().calendars.insert(ANA, draft, notify=Notify.ALL)


def stored(machine: Machine, booking: Booking) -> Booking:
    """The booking as the ledger has it now."""
    return machine.process().ledger.find(str(booking.id))


def lapse(machine: Machine, google: Simulator) -> None:
    """Let the lease of a crashed process expire."""
    google.clock.advance(LEASE)
    google.forget_requests()


def test_an_event_that_a_crashed_process_inserted_is_found_and_not_inserted_again(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("09:00-09:30")
    leased(machine, held)
    make_event(machine, held)
    lapse(machine, google)

    assert run_outbox(machine.process()) == OutboxRun(succeeded=(held.id,))

    assert operations(google) == ["events.get", "events.list"]
    assert stored(machine, held).state is State.CONFIRMED
    assert len(google.events()) == len(google.outbox) == 1


def test_an_event_that_a_crashed_process_did_not_insert_is_looked_up_and_inserted(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("09:00-09:30")
    leased(machine, held)
    lapse(machine, google)

    assert run_outbox(machine.process()) == OutboxRun(succeeded=(held.id,))

    assert operations(google) == ["events.get", "freebusy.query", "events.insert", "events.list"]
    assert [each["id"] for each in google.events()] == [held.next_event_id]


def test_an_event_that_was_inserted_and_deleted_meanwhile_is_inserted_under_a_new_id(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("09:00-09:30")
    leased(machine, held)
    make_event(machine, held)
    machine.process().calendars.delete(ANA, held.next_event_id, notify=Notify.NONE)
    lapse(machine, google)

    assert run_outbox(machine.process()) == OutboxRun(succeeded=(held.id,))

    booking = stored(machine, held)
    assert booking.event_id == held.next_event_id[:-1] + "1"
    assert [each["id"] for each in google.events()] == [booking.event_id]


def test_a_tombstone_at_the_first_attempt_is_replaced_by_a_new_id_too(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("09:00-09:30")
    make_event(machine, held)
    machine.process().calendars.delete(ANA, held.next_event_id, notify=Notify.NONE)

    assert run_outbox(machine.process()) == OutboxRun(succeeded=(held.id,))

    assert stored(machine, held).event_id == held.next_event_id[:-1] + "1"
    assert len(google.events()) == 1


def test_a_stale_worker_cannot_undo_a_confirmed_booking(machine: Machine, google: Simulator) -> None:
    held = machine.hold("09:00-09:30")
    stale = leased(machine, held)
    lapse(machine, google)
    run_outbox(machine.process())
    confirmed = stored(machine, held)

    refused = held.moved_to(State.REFUSED, machine.now())
    machine.process().ledger.settle(stale, refused)

    assert stored(machine, held) == confirmed


@pytest.mark.parametrize("fault", ["events.insert: lost-reply once", "events.insert: truncate once"])
def test_a_lost_reply_leads_to_exactly_one_event(machine: Machine, google: Simulator, fault: str) -> None:
    held = machine.hold("09:00-09:30")
    google.faults.add(fault)

    assert run_outbox(machine.process()) == OutboxRun(succeeded=(held.id,))

    assert len(google.events()) == len(google.outbox) == 1
    assert stored(machine, held).event_id == google.events()[0]["id"]


def test_a_conflict_check_that_is_refused_withdraws_the_event(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")
    google.faults.add("events.list: 403-forbidden once")

    assert run_outbox(machine.process()) == OutboxRun(rejected=(held.id,))

    assert google.events() == []
    assert [mail.kind for mail in google.outbox] == ["invitation", "cancellation"]
    assert stored(machine, held).state is State.REFUSED


def test_an_event_that_cannot_be_withdrawn_keeps_its_time_held(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")
    google.faults.add("events.list: 403-forbidden times=2")
    google.faults.add("events.delete: 403-forbidden once")

    assert run_outbox(machine.process()) == OutboxRun(postponed=(held.id,))
    assert (stored(machine, held).state, len(google.events())) == (State.HELD, 1)

    assert run_outbox(machine.process()) == OutboxRun(rejected=(held.id,))
    assert google.events() == []


def test_an_event_that_is_gone_before_it_is_withdrawn_counts_as_withdrawn(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")
    google.add_event("primary", at("14:15"), at("15:00"), "Dentist")
    google.clock.advance(seconds=1)
    google.faults.add("events.delete: 404 once")
    process = machine.process()

    assert run_outbox(process) == OutboxRun(rejected=(held.id,))

    assert "is taken by an event on ana@example.com" in process.notes.warnings[0][1]


@pytest.mark.parametrize("kind", ["400-invalid", "403-forbidden", "403-not-enabled", "409-duplicate", "412"])
def test_a_refused_read_of_an_event_that_may_exist_keeps_the_booking_held(
    machine: Machine, google: Simulator, kind: str
) -> None:
    held = machine.hold("14:00-14:30")
    google.faults.add("events.insert: lost-reply once")
    google.faults.add(f"events.get: {kind} once")

    assert run_outbox(machine.process()) == OutboxRun(postponed=(held.id,))
    assert stored(machine, held).state is State.HELD

    assert run_outbox(machine.process()) == OutboxRun(succeeded=(held.id,))
    assert len(google.events()) == len(google.outbox) == 1


def test_a_taken_id_without_an_event_is_retried(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")
    google.faults.add("events.insert: 409-duplicate times=3")

    assert run_outbox(machine.process()) == OutboxRun(postponed=(held.id,))
    assert stored(machine, held).state is State.HELD

    assert run_outbox(machine.process()) == OutboxRun(succeeded=(held.id,))
    assert [each["id"] for each in google.events()] == [held.next_event_id]


def test_a_late_put_of_a_time_that_was_taken_meanwhile_is_rejected_without_an_invitation(
    machine: Machine, google: Simulator
) -> None:
    google.faults.add("events.insert: 403-quotaExceeded")
    held = machine.hold("14:00-14:30")
    run_outbox(machine.process())
    google.faults.clear()
    google.add_event("primary", at("14:15"), at("15:00"), "Dentist")
    google.forget_requests()
    process = machine.process()

    assert run_outbox(process) == OutboxRun(rejected=(held.id,))

    assert google.count("events.insert") == 0
    assert google.outbox == []
    ((code, message),) = process.notes.warnings
    assert code == "booking-refused"
    assert "Mon 2 Mar, 14:00-14:30 (London) is taken by a meeting on ana@example.com" in message
    assert stored(machine, held).state is State.REFUSED


def test_a_first_attempt_by_another_process_finds_who_was_taken_meanwhile(
    machine: Machine, google: Simulator
) -> None:
    """Once they are invited, a meeting at the same time cannot be told from ours."""
    google.add_user("ben@example.com")
    google.share("ben@example.com", ANA, role="freeBusyReader")
    held = machine.hold("14:00-14:30", Participant("ben", "ben@example.com", Role.WITH))
    google.add_event("ben@example.com", at("14:00"), at("14:30"), "Dentist")

    assert run_outbox(machine.process()) == OutboxRun(rejected=(held.id,))

    assert google.outbox == []


def test_a_first_attempt_to_move_by_another_process_finds_who_was_taken_meanwhile(
    machine: Machine, google: Simulator
) -> None:
    google.add_user("ben@example.com")
    google.share("ben@example.com", ANA, role="freeBusyReader")
    held = machine.hold("14:00-14:30", Participant("ben", "ben@example.com", Role.WITH))
    run_outbox(machine.process())
    wanted = replace(stored(machine, held), moving_to=span("16:00-16:30"))
    machine.process().ledger.begin_move(wanted, at_once=False)
    google.add_event("ben@example.com", at("16:00"), at("16:30"), "Dentist")
    google.forget_requests()

    assert run_outbox(machine.process()) == OutboxRun(rejected=(held.id,))

    assert google.count("events.patch") == 0


def test_a_first_attempt_to_invite_by_another_process_finds_who_was_taken_meanwhile(
    machine: Machine, google: Simulator
) -> None:
    for person in ("ben@example.com", "zoe@example.com"):
        google.add_user(person)
        google.share(person, ANA, role="freeBusyReader")
    held = machine.hold("14:00-14:30", Participant("ben", "ben@example.com", Role.WITH))
    run_outbox(machine.process())
    zoe = Participant("zoe", "zoe@example.com", Role.WITH)
    wanted = replace(stored(machine, held), moving_to=held.meeting, new_participants=(zoe,))
    machine.process().ledger.begin_move(wanted, at_once=False)
    google.add_event("zoe@example.com", at("14:00"), at("14:30"), "Dentist")
    google.forget_requests()

    assert run_outbox(machine.process()) == OutboxRun(rejected=(held.id,))

    assert google.count("events.patch") == 0


def test_the_time_of_a_refused_booking_is_free_again(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")
    google.faults.add("events.insert: 403-forbidden once")
    run_outbox(machine.process())
    assert stored(machine, held).state is State.REFUSED

    again = machine.hold("14:00-14:30")

    assert run_outbox(machine.process()) == OutboxRun(succeeded=(again.id,))


def test_an_event_that_is_older_than_ours_wins_and_ours_is_withdrawn(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")
    google.add_event("primary", at("14:15"), at("15:00"), "Dentist")
    google.clock.advance(seconds=1)
    process = machine.process()

    assert run_outbox(process) == OutboxRun(rejected=(held.id,))

    assert [each["summary"] for each in google.events()] == ["Dentist"]
    assert "is taken by an event on ana@example.com" in process.notes.warnings[0][1]


def test_an_event_that_is_younger_than_ours_yields(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")

    def intrude(exchange: LoggedExchange) -> None:
        if exchange.operation == "events.insert":
            google.clock.advance(seconds=1)
            google.add_event("primary", at("14:15"), at("15:00"), "Late comer")

    google.observe(intrude)

    assert run_outbox(machine.process()) == OutboxRun(succeeded=(held.id,))


@pytest.mark.parametrize("transparency", ["transparent", "opaque"])
def test_only_an_opaque_event_is_a_conflict(machine: Machine, google: Simulator, transparency: str) -> None:
    held = machine.hold("14:00-14:30")
    google.add_event("primary", at("14:00"), at("15:00"), "Lunch?", transparency=transparency)
    google.clock.advance(seconds=1)

    outbox_run = run_outbox(machine.process())

    expected = {"transparent": OutboxRun(succeeded=(held.id,)), "opaque": OutboxRun(rejected=(held.id,))}
    assert outbox_run == expected[transparency]


def test_of_two_tools_without_a_common_ledger_exactly_one_gets_the_time(
    machine: Machine, google: Simulator
) -> None:
    ours = machine.hold("14:00-14:30")
    theirs = a_booking(request=a_wish("14:00-14:30", guest=SAM), calendar=ANA)
    other = machine.process()
    other.override(ledger=SqliteLedger(machine.config.with_name("other.db"), "default", machine))
    outbox_runs: list[OutboxRun] = []

    def other_tool_books(exchange: LoggedExchange) -> None:
        # Between our insert and our conflict check the other tool, which saw a free calendar, inserts its event.
        if exchange.operation == "events.insert" and not outbox_runs:
            outbox_runs.append(OutboxRun())
            google.clock.advance(seconds=1)
            other.ledger.hold(theirs, put=True)
            outbox_runs[0] = run_outbox(other)

    google.observe(other_tool_books)

    assert run_outbox(machine.process()) == OutboxRun(succeeded=(ours.id,))
    assert outbox_runs == [OutboxRun(rejected=(theirs.id,))]
    assert [each["id"] for each in google.events()] == [ours.next_event_id]


def test_a_booking_that_is_cancelled_during_its_put_ends_without_an_event(
    machine: Machine, google: Simulator
) -> None:
    ended: list[State] = []

    def cancel_meanwhile(exchange: LoggedExchange) -> None:
        if exchange.operation == "events.insert" and not ended:
            (held,) = machine.process().ledger.live_in(a_wish("14:00-14:30").meeting)
            ended.append(
                cancel(CancelRequest(str(held.id), "changed my mind"), machine.process()).booking.state
            )

    google.observe(cancel_meanwhile)

    booked = book(BookOptions(a_wish("14:00-14:30", guest=SAM)), machine.process()).booking
    outbox_run = run_outbox(machine.process())

    assert ended == [State.CANCELLING]
    assert booked.state is State.CANCELLING
    assert outbox_run == OutboxRun(succeeded=(booked.id,))
    assert google.events() == []
    last = stored(machine, booked)
    assert (last.state, last.ended_by, last.ended_because) == (State.CANCELLED, "user", "changed my mind")


def test_a_booking_whose_put_was_never_attempted_is_cancelled_without_a_request(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")

    answer = cancel(CancelRequest(str(held.id)), machine.process())

    assert (answer.booking.state, answer.was_already) == (State.CANCELLED, False)
    assert run_outbox(machine.process()) == OutboxRun()
    assert google.count() == 0


def test_a_put_whose_outcome_is_unknown_is_removed_when_it_is_cancelled(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")
    leased(machine, held)
    make_event(machine, held)
    lapse(machine, google)

    answer = cancel(CancelRequest(str(held.id)), machine.process())

    assert answer.booking.state is State.CANCELLED
    assert google.events() == []


def test_removing_an_event_that_is_gone_is_success(machine: Machine, google: Simulator) -> None:
    held = machine.hold("14:00-14:30")
    run_outbox(machine.process())
    machine.process().calendars.delete(ANA, held.next_event_id, notify=Notify.NONE)

    answer = cancel(CancelRequest(str(held.id)), machine.process())

    assert answer.booking.state is State.CANCELLED


def test_an_event_under_another_id_is_found_by_its_extended_property(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")
    leased(machine, held)
    lapse(machine, google)
    carried = {"private": {"portalcal": str(held.id)}}
    google.add_event("primary", at("14:00"), at("14:30"), "Moved by hand", extendedProperties=carried)

    answer = cancel(CancelRequest(str(held.id)), machine.process())

    assert answer.booking.state is State.CANCELLED
    assert google.events() == []


def test_a_booking_cancelled_while_google_is_unreachable_has_its_event_removed_later(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")
    run_outbox(machine.process())
    google.faults.add("events.delete: not-json once")
    process = machine.process()

    answer = cancel(CancelRequest(str(held.id)), process)
    assert answer.booking.state is State.CANCELLING
    assert [code for code, _ in process.notes.warnings] == ["google-not-told"]

    assert run_outbox(machine.process()) == OutboxRun(succeeded=(held.id,))
    assert google.events() == []
    assert stored(machine, held).state is State.CANCELLED


def test_a_booking_cancelled_while_disconnected_has_its_event_removed_after_the_next_connect(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")
    run_outbox(machine.process())
    process = machine.process()
    process.connections.forget()

    answer = cancel(CancelRequest(str(held.id)), process)
    assert answer.booking.state is State.CANCELLED
    assert [code for code, _ in process.notes.warnings] == ["event-left"]
    assert len(google.events()) == 1

    machine.connect()
    assert run_outbox(machine.process()) == OutboxRun(succeeded=(held.id,))
    assert google.events() == []


def test_the_longest_call_leaves_room_for_its_retries_and_a_renewed_token() -> None:
    one = RetryPolicy().last_start + network_errors.CONNECT_SECONDS + network_errors.READ_SECONDS

    # The call, the renewal of a token that was refused, and the call again.
    assert timedelta(seconds=3 * one) <= LONGEST_CALL
    # Seven calls of twenty seconds, as a put that meets everything makes them, are done in time.
    assert timedelta(seconds=7 * 20) <= LEASE - LONGEST_CALL


@pytest.mark.parametrize("seconds", [20, 59, 150, 230])
def test_no_other_process_can_lease_an_entry_while_a_call_for_it_is_under_way(
    machine: Machine, google: Simulator, seconds: int
) -> None:
    """Every exchange takes that long; another process runs the outbox after each of them."""
    held = machine.hold("14:00-14:30")
    leased(machine, held)
    google.clock.advance(LEASE)
    beside = machine.process()
    free: list[tuple[OutboxEntry, ...]] = []

    def slow(exchange: LoggedExchange) -> None:
        google.clock.advance(seconds=seconds)
        free.append(beside.ledger.due(machine.now(), most=20))

    google.observe(slow)
    outbox_run = run_outbox(machine.process())

    assert free
    assert not any(free)
    if seconds == 20:
        assert outbox_run == OutboxRun(succeeded=(held.id,))


def test_an_attempt_that_ran_out_of_lease_is_finished_by_the_next_one(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("14:00-14:30")
    slow = [True]

    def wait(exchange: LoggedExchange) -> None:
        google.clock.advance(seconds=400 if slow else 0)

    google.observe(wait)

    first = run_outbox(machine.process())
    slow.clear()
    google.clock.advance(minutes=2)
    second = run_outbox(machine.process())

    assert (first, second) == (OutboxRun(postponed=(held.id,)), OutboxRun(succeeded=(held.id,)))
    assert stored(machine, held).state is State.CONFIRMED
    assert len(google.events()) == len(google.outbox) == 1
