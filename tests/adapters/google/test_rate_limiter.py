"""Staying under Google's limit of requests a minute."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from portalcal.adapters.google.http_client import HttpClient, RateLimiter, Request
from portalcal.simulator.google import Simulator


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


def test_requests_beyond_the_limit_wait_for_the_window_to_move() -> None:
    watch = Watch()
    rate_limiter = RateLimiter(3, monotonic=watch.now, sleep=watch.sleep)

    for _ in range(3):
        rate_limiter()
    watch.time = 20.0
    rate_limiter()

    assert watch.sleeps == [40.0]


def test_no_minute_has_more_requests_than_the_limit() -> None:
    watch = Watch()
    rate_limiter, sent = RateLimiter(10, monotonic=watch.now, sleep=watch.sleep), []

    for number in range(45):
        rate_limiter()
        sent.append(watch.time)
        watch.time += number % 7

    assert max(sum(start <= each < start + 60 for each in sent) for start in sent) <= 10


def test_threads_share_it() -> None:
    waits: list[float] = []
    rate_limiter = RateLimiter(5, monotonic=lambda: 0.0, sleep=waits.append)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: rate_limiter(), range(12)))

    assert sorted(waits) == [60.0] * 5 + [120.0] * 2


def test_every_attempt_counts_against_the_limit() -> None:
    turns: list[None] = []
    with Simulator() as google:
        google.faults.add("calendarList.list: 503 times=2")
        http_client = HttpClient(rate_limiter=lambda: turns.append(None), sleep=lambda _: None)

        http_client.send(Request("GET", f"{google.api_root}users/me/calendarList"))
        http_client.close()

    assert len(turns) == 3
