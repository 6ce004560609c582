"""Concurrency: run tasks on daemon threads, with waits that Ctrl-C interrupts at once. Nothing else starts threads.

The interpreter joins the threads of `concurrent.futures` pools at exit, so that one server that never responds would
block every exit. Daemon threads end with the process instead; what they write must survive that like a crash.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from time import monotonic
from typing import Generic, Self, TypeVar

_T = TypeVar("_T")

_STEP = 0.1 if sys.platform == "win32" else 3600.0
"""Seconds of one wait. On Windows Ctrl-C does not interrupt waiting for a lock, so the wait is polled there."""


class Dropped(Exception):
    """The task was not started, because its workers were stopped."""


class Running(Generic[_T]):
    """A task with its result, as a future: pending, running or done."""

    def __init__(self, task: Callable[[], _T]) -> None:
        self._task = task
        self._ended = threading.Event()
        self.has_begun = False
        self._value: _T
        self._error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        """Whether it has a result or an error."""
        return self._ended.is_set()

    @property
    def error(self) -> BaseException | None:
        """The exception it raised, if it is done and failed."""
        return self._error

    def wait(self, seconds: float | None = None) -> bool:
        """Wait at most `seconds` until it is done; returns whether it is."""
        ends = None if seconds is None else monotonic() + seconds
        while not self._ended.wait(_STEP if ends is None else min(_STEP, max(ends - monotonic(), 0))):
            if ends is not None and monotonic() >= ends:
                return False
        return True

    def result(self) -> _T:
        """Wait for the result. Raises: the exception of the task; Dropped."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._value

    def run(self) -> None:
        """Run the task on the calling thread."""
        self.has_begun = True
        try:
            self._value = self._task()
        # Every exception is re-raised in the thread that waits for the result.
        except BaseException as error:  # noqa: BLE001
            self._error = error
        self._ended.set()

    def drop(self) -> None:
        """End it without running it."""
        self._error = Dropped()
        self._ended.set()


class Workers:
    """A pool of at most `limit` daemon threads, started as needed, that run tasks in order."""

    def __init__(self, limit: int, *, name: str) -> None:
        self._limit = limit
        self._name = name
        self._given: SimpleQueue[Running[object] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_stopped = False
        self._lock = threading.RLock()

    def begin(self, task: Callable[[], _T]) -> Running[_T]:
        """Run the task as soon as a worker is free."""
        running = Running(task)
        self.add(running)
        return running

    def add(self, running: Running[_T]) -> None:
        """As `begin`, for a task the caller has wrapped already."""
        with self._lock:
            if self._is_stopped:
                running.drop()
                return
            self._given.put(running)  # type: ignore[arg-type]  # the queue never reads the result
            if len(self._threads) < self._limit:
                self._threads.append(threading.Thread(target=self._work, name=self._name, daemon=True))
                self._threads[-1].start()

    def stop(self) -> None:
        """Start no more tasks. Running tasks continue; this does not wait for them."""
        with self._lock:
            self._is_stopped = True
            for _ in self._threads:
                self._given.put(None)

    def __enter__(self) -> Self:
        """The workers, which are stopped at the end of the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop, and wait for running tasks unless the block was interrupted by Ctrl-C."""
        self.stop()
        if kind is None or issubclass(kind, Exception):
            self.finish()

    def finish(self) -> None:
        """Stop, and wait for running tasks."""
        self.stop()
        for thread in self._threads:
            while thread.is_alive():
                thread.join(_STEP)

    def _work(self) -> None:
        while (running := self._given.get()) is not None:
            if self._is_stopped:
                running.drop()
            else:
                running.run()


def in_background(task: Callable[[], _T], *, name: str) -> Running[_T]:
    """Run a task on a daemon thread of its own."""
    running = Running(task)
    threading.Thread(target=running.run, name=name, daemon=True).start()
    return running


def run_all(
    tasks: Sequence[Callable[[], _T]], *, limit: int, deadline: float | None = None, name: str = "task"
) -> list[_T]:
    """Run tasks concurrently, at most `limit` at once, and return their results in order.

    After a failure no more tasks are started; running ones are waited for, and the first failure in the order of the
    tasks is raised. Ctrl-C ends the wait at once.

    Raises:
        TimeoutError: not all tasks were done within `deadline` seconds.
    """
    if len(tasks) == 1 and deadline is None:
        return [tasks[0]()]
    ends = None if deadline is None else monotonic() + deadline
    workers = Workers(limit, name=name)

    def stopping(task: Callable[[], _T]) -> _T:
        try:
            return task()
        except BaseException:
            workers.stop()
            raise

    running = [workers.begin(partial(stopping, each)) for each in tasks]
    try:
        for task in running:
            if not task.wait(None if ends is None else max(ends - monotonic(), 0)):
                raise TimeoutError
    finally:
        workers.stop()
    failed = next((each.error for each in running if not isinstance(each.error, Dropped | None)), None)
    if failed is not None:
        raise failed
    return [each.result() for each in running]
