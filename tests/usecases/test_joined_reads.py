"""Reads of concurrent bookings go out together, and each answer is as fresh as if its line had asked alone."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import pytest

from portalcal.core.intervals import Interval
from portalcal.errors import GoogleBusy, PortalcalError
from portalcal.run_all import Running, Workers, in_background
from portalcal.usecases.booking.joined_reads import JoinLimits, Questions
from tests.builders import at, span

NEAR = (span("09:00-09:30"), span("10:00-10:30"), span("11:00-11:30"))
ANA = ("ana@example.com",)
LIMITS = JoinLimits(calendars=2, window=timedelta(hours=12), gathering=0.0)
_SOON = 60.0


class Asked(NamedTuple):
    """One request that went out."""

    calendars: tuple[str, ...]
    window: Interval


class SlowGoogle:
    """Answers with what it was asked, once it is let; notes every request when it begins."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.error: Exception | None = None
        self._turns = threading.Semaphore(0)
        self._begun = threading.Semaphore(0)

    def __call__(self, calendars: tuple[str, ...], window: Interval) -> Asked:
        asked = Asked(calendars, window)
        self.asked.append(asked)
        self._begun.release()
        assert self._turns.acquire(timeout=_SOON)
        if self.error:
            raise self.error
        return asked

    def answer(self, count: int = 1) -> None:
        """Let so many requests have their answers."""
        self._turns.release(count)

    def wait_for_request(self) -> None:
        """Until one more request has begun."""
        assert self._begun.acquire(timeout=_SOON)


@pytest.fixture
def google() -> SlowGoogle:
    return SlowGoogle()


class Line:
    """One who asks, on a thread of its own."""

    def __init__(
        self, questions: Questions[Asked], window: Interval, calendars: tuple[str, ...] = ANA
    ) -> None:
        self._running: Running[Asked] = in_background(
            partial(questions.answer, calendars, window), name="line"
        )

    @property
    def answer(self) -> Asked:
        """What it was answered."""
        assert self._running.wait(_SOON)
        return self._running.result()

    @property
    def error(self) -> BaseException | None:
        """What was raised."""
        assert self._running.wait(_SOON)
        return self._running.error


def questions_of(google: SlowGoogle, *, limits: JoinLimits = LIMITS, lines: int = 99) -> Questions[Asked]:
    return Questions(google, limits=limits, lines=lambda: lines)


def wait_until(is_so: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(6000):
        if is_so():
            return
        waited.wait(0.01)
    raise TimeoutError


def members(questions: Questions[Asked]) -> int:
    """How many wait behind the question that is under way."""
    waiting = questions._open[0].next
    return waiting.members if waiting else 0


def gathering(questions: Questions[Asked]) -> int:
    """How many gather for a question that has not begun."""
    return sum(question.members for question in questions._open if not question.has_begun)


def test_who_asks_while_a_question_is_under_way_joins_the_next_one(google: SlowGoogle) -> None:
    questions = questions_of(google)
    first = Line(questions, NEAR[0])
    google.wait_for_request()
    others = [Line(questions, window) for window in NEAR[1:]]
    wait_until(lambda: members(questions) == 2)

    google.answer(2)

    assert first.answer == Asked(ANA, NEAR[0])
    assert {other.answer for other in others} == {Asked(ANA, span("10:00-11:30"))}
    assert len(google.asked) == 2


def test_calendars_are_joined_up_to_as_many_as_one_request_takes(google: SlowGoogle) -> None:
    questions = questions_of(google)
    Line(questions, NEAR[0])
    google.wait_for_request()
    joined = [Line(questions, NEAR[1]), Line(questions, NEAR[1], ("ben@example.com",))]
    wait_until(lambda: members(questions) == 2)

    alone = Line(questions, NEAR[1], ("zoe@example.com",))

    google.wait_for_request()
    google.answer(3)
    assert alone.answer.calendars == ("zoe@example.com",)
    assert {frozenset(line.answer.calendars) for line in joined} == {frozenset((*ANA, "ben@example.com"))}


def test_who_asks_about_a_far_day_does_not_wait(google: SlowGoogle) -> None:
    questions = questions_of(google)
    first = Line(questions, NEAR[0])
    google.wait_for_request()
    day_after = Interval(NEAR[0].start + timedelta(days=1), NEAR[0].end + timedelta(days=1))

    far = Line(questions, day_after)

    google.wait_for_request()
    google.answer(2)
    assert (first.answer.window, far.answer.window) == (NEAR[0], day_after)


def test_a_question_gathers_members_only_until_it_has_every_line(google: SlowGoogle) -> None:
    questions = questions_of(google, limits=LIMITS._replace(gathering=60 * _SOON), lines=3)
    lines = [Line(questions, window) for window in NEAR[:2]]
    wait_until(lambda: gathering(questions) == 2)
    asked_without_the_third = list(google.asked)

    lines.append(Line(questions, NEAR[2]))

    google.answer()
    assert asked_without_the_third == []
    assert {line.answer for line in lines} == {Asked(ANA, span("09:00-11:30"))}
    assert len(google.asked) == 1


def test_a_question_that_lacks_a_line_begins_when_it_has_gathered_long_enough(google: SlowGoogle) -> None:
    questions = questions_of(google, limits=LIMITS._replace(gathering=0.01), lines=2)

    only = Line(questions, NEAR[0])

    google.wait_for_request()
    google.answer()
    assert only.answer == Asked(ANA, NEAR[0])


def test_who_waited_long_enough_asks_alone(google: SlowGoogle) -> None:
    questions = questions_of(google, limits=LIMITS._replace(max_wait=0.01))
    first = Line(questions, NEAR[0])
    google.wait_for_request()

    impatient = Line(questions, NEAR[1])

    google.wait_for_request()
    google.answer(2)
    assert (first.answer.window, impatient.answer.window) == (NEAR[0], NEAR[1])
    google.answer()
    assert Line(questions, NEAR[2]).answer.window == NEAR[2]


def test_each_member_of_a_failed_question_gets_an_error_of_its_own(google: SlowGoogle) -> None:
    questions = questions_of(google)
    Line(questions, NEAR[0])
    google.wait_for_request()
    lines = [Line(questions, window) for window in NEAR]
    wait_until(lambda: members(questions) == 3)
    google.error = GoogleBusy("Backend Error", 503)

    google.answer(2)

    errors = [line.error for line in lines]
    assert {str(error) for error in errors} == {str(google.error)}
    assert len({id(error) for error in errors}) == 3
    first = errors[0]
    assert isinstance(first, PortalcalError)
    first.with_outcome("Nothing was booked.")
    assert "Nothing" not in f"{errors[1]} {errors[2]}"


def test_every_answer_covers_what_was_asked_and_was_asked_for_afterwards() -> None:
    """Twelve lines that ask about random times: no answer is older than the question, or about less."""
    clock = [0]
    lock = threading.Lock()

    def tick() -> int:
        with lock:
            clock[0] += 1
            return clock[0]

    def ask(calendars: tuple[str, ...], window: Interval) -> tuple[int, Asked]:
        return tick(), Asked(calendars, window)

    limits = JoinLimits(calendars=2, window=timedelta(hours=12), gathering=0.001, max_wait=0.001)
    questions = Questions(ask, limits=limits, lines=lambda: 12)

    def line(number: int) -> None:
        dice = random.Random(number)
        for _ in range(40):
            start = at("09:00") + timedelta(hours=dice.randrange(36))
            window, calendars = Interval(start, start + timedelta(hours=1)), (dice.choice("abc"),)
            asked_at = tick()
            begun_at, asked = questions.answer(calendars, window)
            assert begun_at > asked_at
            assert asked.window.covers(window)
            assert set(asked.calendars) >= set(calendars)
            assert (len(asked.calendars), asked.window.length) <= (2, limits.window)

    with Workers(12, name="line") as workers:
        running = [workers.begin(partial(line, number)) for number in range(12)]
    for each in running:
        each.result()
    assert questions._open == []
