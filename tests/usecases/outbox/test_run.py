"""Running the outbox: in order, each entry once, up to the first failure that all entries would meet."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from portalcal.core.booking import State
from portalcal.core.outbox import LEASE
from portalcal.simulator.google import Simulator
from portalcal.usecases.booking.cancel import CancelRequest, cancel
from portalcal.usecases.outbox.run import MAX_ENTRIES, OutboxRun, run_outbox
from tests.builders import lease
from tests.usecases.conftest import Machine


def inserted(google: Simulator) -> list[str]:
    """The event ids of all insert requests, in order, whatever their response."""
    asked = (each for each in google.requests if each.operation == "events.insert")
    return [str(json.loads(each.request_body)["id"]) for each in asked]


def test_an_empty_outbox_makes_no_request(machine: Machine, google: Simulator) -> None:
    assert run_outbox(machine.process()) == OutboxRun()
    assert google.count() == 0


def test_entries_are_attempted_in_the_order_in_which_they_were_written(
    machine: Machine, google: Simulator
) -> None:
    made = [machine.hold(when) for when in ("11:00-11:30", "09:00-09:30", "10:00-10:30")]

    outbox_run = run_outbox(machine.process())

    assert outbox_run == OutboxRun(succeeded=tuple(each.id for each in made))
    assert inserted(google) == [each.next_event_id for each in made]


def test_the_bookings_are_confirmed_and_the_guests_invited(machine: Machine, google: Simulator) -> None:
    held = machine.hold("09:00-09:30")

    run_outbox(machine.process())

    booking = machine.process().ledger.find(str(held.id))
    (event,) = google.events()
    assert (booking.state, booking.event_id) == (State.CONFIRMED, event["id"])
    assert [mail.kind for mail in google.outbox] == ["invitation"]


def test_one_command_attempts_up_to_the_limit_and_the_next_one_the_rest(
    machine: Machine, google: Simulator
) -> None:
    spans = [f"{day} {hour:02}:00-{hour:02}:30" for day in ("Tue", "Wed", "Thu") for hour in range(9, 17)]
    made = [machine.hold(when).id for when in spans]

    first = run_outbox(machine.process())
    second = run_outbox(machine.process())

    assert first.succeeded == tuple(made[:MAX_ENTRIES])
    assert second.succeeded == tuple(made[MAX_ENTRIES:])
    assert len(google.events()) == len(made)


@pytest.mark.parametrize(
    "fault",
    ["events.insert: 403-quotaExceeded", "events.insert: not-json", "*: 403-insufficient"],
)
def test_a_failure_that_every_entry_would_meet_stops_the_run(
    machine: Machine, google: Simulator, fault: str
) -> None:
    first, second = machine.hold("09:00-09:30"), machine.hold("10:00-10:30")
    google.faults.add(fault)

    outbox_run = run_outbox(machine.process())

    assert outbox_run == OutboxRun(postponed=(first.id,))
    ledger = machine.process().ledger
    attempted, unattempted = ledger.entry_of(first.id), ledger.entry_of(second.id)
    assert attempted
    assert unattempted
    assert (attempted.attempts, unattempted.attempts) == (1, 0)
    assert attempted.last_error
    assert ledger.find(str(first.id)).state is State.HELD


def test_after_the_failure_the_next_run_attempts_every_entry(machine: Machine, google: Simulator) -> None:
    made = [machine.hold("09:00-09:30").id, machine.hold("10:00-10:30").id]
    google.faults.add("events.insert: 403-quotaExceeded once")
    run_outbox(machine.process())

    assert set(run_outbox(machine.process()).succeeded) == set(made)
    assert len(google.events()) == 2


def test_an_entry_that_keeps_failing_is_attempted_with_growing_back_off(
    machine: Machine, google: Simulator
) -> None:
    machine.hold("15:00-15:30")
    google.faults.add("events.insert: 403-quotaExceeded")
    tries = []

    for _ in range(12):
        google.forget_requests()
        run_outbox(machine.process())
        tries.append(google.count("events.insert"))
        google.clock.advance(timedelta(seconds=15))

    # At once, then 30, 60 and 120 seconds after the attempt before.
    assert tries == [1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]


def test_a_rejected_entry_is_warned_of_and_the_next_one_attempted(
    machine: Machine, google: Simulator
) -> None:
    first, second = machine.hold("09:00-09:30"), machine.hold("10:00-10:30")
    google.faults.add("events.insert: 403-forbidden once")
    process = machine.process()

    outbox_run = run_outbox(process)

    assert outbox_run == OutboxRun(succeeded=(second.id,), rejected=(first.id,))
    ((code, message),) = process.notes.warnings
    assert code == "booking-refused"
    assert message.startswith(f"{first.named} could not be kept: ")
    assert process.ledger.find(str(first.id)).state is State.REFUSED


def test_a_removal_that_google_refuses_does_not_block_other_entries(
    machine: Machine, google: Simulator
) -> None:
    first, second = machine.hold("09:00-09:30"), machine.hold("10:00-10:30")
    run_outbox(machine.process())
    google.faults.add("events.delete: 403-forbidden")
    for each in (first, second):
        cancel(CancelRequest(str(each.id)), machine.process())
    google.faults.clear()
    google.faults.add("events.delete: 403-forbidden once")
    # The second cancellation tried the first removal again, which waits longer for its next turn.
    google.clock.advance(minutes=1)

    outbox_run = run_outbox(machine.process())

    assert outbox_run == OutboxRun(succeeded=(first.id,), postponed=(second.id,))
    assert [each["id"] for each in google.events()] == [second.next_event_id]


def test_while_disconnected_no_entry_is_attempted(machine: Machine, google: Simulator) -> None:
    held = machine.hold("09:00-09:30")
    process = machine.process()
    process.connections.forget()

    assert run_outbox(process) == OutboxRun()
    assert google.count() == 0
    assert process.ledger.find(str(held.id)).state is State.HELD


def test_an_entry_leased_by_another_process_is_left_to_it(machine: Machine, google: Simulator) -> None:
    held = machine.hold("09:00-09:30")
    elsewhere = machine.process().ledger
    entry = elsewhere.entry_of(held.id)
    assert entry
    assert lease(elsewhere, entry, now=machine.now())

    assert run_outbox(machine.process()) == OutboxRun()
    assert google.count() == 0


def test_concurrent_processes_carry_out_each_entry_once(machine: Machine, google: Simulator) -> None:
    made = {machine.hold(f"{hour:02}:00-{hour:02}:30").id for hour in range(9, 17)}
    start = threading.Barrier(3)
    outbox_runs: list[OutboxRun] = []

    def run() -> None:
        process = machine.process()
        start.wait()
        outbox_runs.append(run_outbox(process))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    everything = [each for one in outbox_runs for each in one.succeeded]
    assert sorted(everything) == sorted(made)
    assert len(inserted(google)) == len(google.outbox) == len(google.events()) == len(made)


def test_an_entry_can_be_leased_again_only_when_its_lease_is_over(
    machine: Machine, google: Simulator
) -> None:
    held = machine.hold("09:00-09:30")
    elsewhere = machine.process().ledger
    entry = elsewhere.entry_of(held.id)
    assert entry
    lease(elsewhere, entry, now=machine.now())

    google.clock.advance(LEASE - timedelta(seconds=1))
    before = run_outbox(machine.process())
    google.clock.advance(seconds=1)
    after = run_outbox(machine.process())

    assert (before, after) == (OutboxRun(), OutboxRun(succeeded=(held.id,)))
