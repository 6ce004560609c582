"""Running what is owed to Google: in order, once, and only as far as it makes sense."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from portalcal.core.booking import State
from portalcal.core.errands import LEASE
from portalcal.simulator import Simulator
from portalcal.usecases.cancel import Cancellation, cancel
from portalcal.usecases.deliver import MOST, Deliveries, deliver
from tests.usecases.conftest import Machine


def inserted(google: Simulator) -> list[str]:
    """The ids of the events that were asked for, in order, whatever came of it."""
    asked = (each for each in google.requests if each.operation == "events.insert")
    return [str(json.loads(each.request_body)["id"]) for each in asked]


def test_nothing_owed_asks_google_nothing(machine: Machine, google: Simulator) -> None:
    assert deliver(machine.process()) == Deliveries()
    assert google.count() == 0


def test_errands_are_run_in_the_order_in_which_they_were_made(machine: Machine, google: Simulator) -> None:
    made = [machine.hold(when) for when in ("11:00-11:30", "09:00-09:30", "10:00-10:30")]

    delivered = deliver(machine.process())

    assert delivered == Deliveries(delivered=tuple(each.id for each in made))
    assert inserted(google) == [each.next_event_id for each in made]


def test_the_bookings_are_confirmed_and_the_guests_told(machine: Machine, google: Simulator) -> None:
    held = machine.hold("09:00-09:30")

    deliver(machine.process())

    booking = machine.process().ledger.find(str(held.id))
    (event,) = google.events()
    assert (booking.state, booking.event_id) == (State.CONFIRMED, event["id"])
    assert [mail.kind for mail in google.outbox] == ["invitation"]


def test_one_command_runs_so_many_and_the_next_one_the_rest(machine: Machine, google: Simulator) -> None:
    spans = [f"{day} {hour:02}:00-{hour:02}:30" for day in ("Tue", "Wed", "Thu") for hour in range(9, 17)]
    made = [machine.hold(when).id for when in spans]

    first = deliver(machine.process())
    second = deliver(machine.process())

    assert first.delivered == tuple(made[:MOST])
    assert second.delivered == tuple(made[MOST:])
    assert len(google.events()) == len(made)


@pytest.mark.parametrize(
    "fault",
    ["events.insert: 403-quotaExceeded", "events.insert: not-json", "*: 403-insufficient"],
)
def test_a_failure_that_the_next_one_would_meet_too_stops_the_run(
    machine: Machine, google: Simulator, fault: str
) -> None:
    first, second = machine.hold("09:00-09:30"), machine.hold("10:00-10:30")
    google.faults.add(fault)

    delivered = deliver(machine.process())

    assert delivered == Deliveries(owed=(first.id,))
    ledger = machine.process().ledger
    tried, untried = ledger.errand_of(first.id), ledger.errand_of(second.id)
    assert tried
    assert untried
    assert (tried.attempts, untried.attempts) == (1, 0)
    assert tried.last_error
    assert ledger.find(str(first.id)).state is State.HELD


def test_after_the_failure_the_next_command_delivers_everything(machine: Machine, google: Simulator) -> None:
    made = [machine.hold("09:00-09:30").id, machine.hold("10:00-10:30").id]
    google.faults.add("events.insert: 403-quotaExceeded once")
    deliver(machine.process())

    assert set(deliver(machine.process()).delivered) == set(made)
    assert len(google.events()) == 2


def test_what_keeps_failing_is_tried_less_and_less_often(machine: Machine, google: Simulator) -> None:
    machine.hold("15:00-15:30")
    google.faults.add("events.insert: 403-quotaExceeded")
    tries = []

    for _ in range(12):
        google.forget_requests()
        deliver(machine.process())
        tries.append(google.count("events.insert"))
        google.clock.advance(timedelta(seconds=15))

    # At once, then 30, 60 and 120 seconds after the try before.
    assert tries == [1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]


def test_a_refused_one_is_told_of_and_the_next_one_delivered(machine: Machine, google: Simulator) -> None:
    first, second = machine.hold("09:00-09:30"), machine.hold("10:00-10:30")
    google.faults.add("events.insert: 403-forbidden once")
    process = machine.process()

    delivered = deliver(process)

    assert delivered == Deliveries(delivered=(second.id,), refused=(first.id,))
    ((code, message),) = process.notes.warnings
    assert code == "booking-refused"
    assert message.startswith(f"booking {first.id} could not be kept: ")
    assert process.ledger.find(str(first.id)).state is State.REFUSED


def test_a_removal_that_google_refuses_holds_up_nobody_else(machine: Machine, google: Simulator) -> None:
    first, second = machine.hold("09:00-09:30"), machine.hold("10:00-10:30")
    deliver(machine.process())
    google.faults.add("events.delete: 403-forbidden")
    for each in (first, second):
        cancel(Cancellation(str(each.id)), machine.process())
    google.faults.clear()
    google.faults.add("events.delete: 403-forbidden once")

    delivered = deliver(machine.process())

    assert delivered == Deliveries(delivered=(second.id,), owed=(first.id,))
    assert [each["id"] for each in google.events()] == [first.next_event_id]


def test_disconnected_nothing_is_tried(machine: Machine, google: Simulator) -> None:
    held = machine.hold("09:00-09:30")
    process = machine.process()
    process.connections.forget()

    assert deliver(process) == Deliveries()
    assert google.count() == 0
    assert process.ledger.find(str(held.id)).state is State.HELD


def test_what_another_process_has_under_way_is_left_to_it(machine: Machine, google: Simulator) -> None:
    held = machine.hold("09:00-09:30")
    elsewhere = machine.process().ledger
    errand = elsewhere.errand_of(held.id)
    assert errand
    assert elsewhere.lease(errand, now=machine.now())

    assert deliver(machine.process()) == Deliveries()
    assert google.count() == 0


def test_two_processes_deliver_each_errand_once(machine: Machine, google: Simulator) -> None:
    made = {machine.hold(f"{hour:02}:00-{hour:02}:30").id for hour in range(9, 17)}
    start = threading.Barrier(3)
    came_of_it: list[Deliveries] = []

    def run() -> None:
        process = machine.process()
        start.wait()
        came_of_it.append(deliver(process))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    everything = [each for one in came_of_it for each in one.delivered]
    assert sorted(everything) == sorted(made)
    assert len(inserted(google)) == len(google.outbox) == len(google.events()) == len(made)


def test_a_lease_outlives_any_one_delivery(machine: Machine, google: Simulator) -> None:
    held = machine.hold("09:00-09:30")
    elsewhere = machine.process().ledger
    errand = elsewhere.errand_of(held.id)
    assert errand
    elsewhere.lease(errand, now=machine.now())

    google.clock.advance(LEASE - timedelta(seconds=1))
    before = deliver(machine.process())
    google.clock.advance(seconds=1)
    after = deliver(machine.process())

    assert (before, after) == (Deliveries(), Deliveries(delivered=(held.id,)))
