"""Leases are renewed while there are any, and no longer than one attempt may take."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from portalcal.adapters.ledger.lease_renewal import LeaseRenewal


class Counter:
    """Counts renewals; `wait` waits for the next one."""

    def __init__(self) -> None:
        self.times = 0
        self._came = threading.Semaphore(0)

    def __call__(self) -> None:
        self.times += 1
        self._came.release()

    def wait(self) -> bool:
        return self._came.acquire(timeout=30)


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def renewal(counter: Counter) -> Iterator[LeaseRenewal]:
    made = LeaseRenewal(counter, every=0.001)
    yield made
    made.stop()


def test_a_lease_is_renewed_again_and_again(renewal: LeaseRenewal, counter: Counter) -> None:
    renewal.add(1)

    assert all(counter.wait() for _ in range(3))


def test_once_all_leases_have_ended_nothing_is_renewed_until_there_is_one(
    renewal: LeaseRenewal, counter: Counter
) -> None:
    renewal.add(1)
    renewal.add(2)
    assert counter.wait()
    renewal.discard(1)
    renewal.discard(2)
    while renewal._is_running:
        threading.Event().wait(0.001)
    times = counter.times

    renewal.add(3)

    assert all(counter.wait() for _ in range(times))
    assert renewal.stop() is True
    assert renewal.stop() is False


def test_a_process_that_hangs_does_not_keep_its_lease_for_ever(counter: Counter) -> None:
    seconds = [0.0]
    renewal = LeaseRenewal(counter, every=0.001, monotonic=lambda: seconds[0])
    renewal.add(1)
    assert counter.wait()

    seconds[0] = 601.0

    while renewal._is_running:
        threading.Event().wait(0.001)
    assert renewal.stop() is False
