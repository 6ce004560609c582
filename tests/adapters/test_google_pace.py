"""Staying under Google's limit of requests a minute."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from portalcal.adapters.google_pace import Pace
from portalcal.adapters.google_wire import Call, Wire
from portalcal.simulator import Simulator


class Watch:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.time = 0.0
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds


def test_the_first_ones_go_at_once_and_the_next_waits_for_the_minute_to_pass() -> None:
    watch = Watch()
    pace = Pace(3, monotonic=watch.now, sleep=watch.sleep)

    for _ in range(3):
        pace()
    watch.time = 20.0
    pace()

    assert watch.sleeps == [40.0]


def test_no_minute_sees_more_than_its_share() -> None:
    watch = Watch()
    pace, sent = Pace(10, monotonic=watch.now, sleep=watch.sleep), []

    for number in range(45):
        pace()
        sent.append(watch.time)
        watch.time += number % 7

    assert max(sum(start <= each < start + 60 for each in sent) for start in sent) <= 10


def test_threads_share_it() -> None:
    waits: list[float] = []
    pace = Pace(5, monotonic=lambda: 0.0, sleep=waits.append)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: pace(), range(12)))

    assert sorted(waits) == [60.0] * 5 + [120.0] * 2


def test_every_try_of_a_request_counts() -> None:
    turns: list[None] = []
    with Simulator() as google:
        google.faults.add("calendarList.list: 503 times=2")
        wire = Wire(pace=lambda: turns.append(None), sleep=lambda _: None)

        wire.send(Call("GET", f"{google.api_root}users/me/calendarList"))
        wire.close()

    assert len(turns) == 3
