"""Running things at once: in order, bounded, stopped by a failure, a deadline and Ctrl-C."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from portalcal.run_all import Dropped, Running, Workers, run_all

PRODUCT = Path(__file__).parent.parent / "portalcal"


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a task waits for that hangs until the test is over."""
    opened = threading.Event()
    yield opened
    opened.set()


def test_results_come_in_the_order_of_the_tasks_that_run_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=30)

    def task(number: int) -> int:
        together.wait()
        return number * 10

    assert run_all([partial(task, each) for each in (1, 2, 3)], limit=3) == [10, 20, 30]


def test_no_more_run_at_once_than_the_limit() -> None:
    lock, now, most = threading.Lock(), 0, 0
    pairs = threading.Barrier(2, timeout=30)

    def task() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        pairs.wait()
        with lock:
            now -= 1

    run_all([task] * 10, limit=2)

    assert most == 2


def test_the_first_failure_in_order_is_raised_on_the_thread_that_waits() -> None:
    both = threading.Barrier(2, timeout=30)

    def task(number: int) -> int:
        both.wait()
        raise ValueError(number)

    with pytest.raises(ValueError, match="1"):
        run_all([partial(task, 1), partial(task, 2)], limit=2)


def test_after_a_failure_none_is_begun_any_more() -> None:
    begun = []

    def task(number: int) -> None:
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        run_all([partial(task, each) for each in range(50)], limit=1)

    assert begun == [0]


def test_a_single_task_needs_no_thread() -> None:
    assert run_all([lambda: threading.current_thread().name], limit=8) == [threading.current_thread().name]


def test_nothing_to_run_gives_nothing() -> None:
    assert run_all([], limit=8) == []


@pytest.mark.parametrize("tasks", [1, 3])
def test_a_deadline_ends_the_wait_for_what_hangs(gate: threading.Event, tasks: int) -> None:
    with pytest.raises(TimeoutError):
        run_all([lambda: gate.wait(60)] * tasks, limit=2, deadline=0.01)


def test_what_waits_for_a_worker_is_never_begun_once_they_are_stopped(gate: threading.Event) -> None:
    workers = Workers(1, name="one")
    first, second = workers.begin(lambda: gate.wait(60)), workers.begin(lambda: True)

    workers.stop()
    gate.set()

    assert first.result()
    with pytest.raises(Dropped):
        second.result()
    assert not second.has_begun


def test_the_end_of_the_block_waits_for_what_is_under_way(gate: threading.Event) -> None:
    begun, done = threading.Event(), []

    def task() -> None:
        begun.set()
        done.append(gate.wait(60))

    with Workers(1, name="one") as workers:
        workers.begin(task)
        begun.wait(60)
        threading.Timer(0.05, gate.set).start()

    assert done == [True]


def test_ctrl_c_does_not_wait_for_what_is_under_way(gate: threading.Event) -> None:
    def interrupted() -> None:
        with Workers(1, name="one") as workers:
            workers.begin(lambda: gate.wait(60))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


def test_a_task_that_ends_its_thread_is_raised_where_its_result_is_wanted() -> None:
    def task() -> None:
        raise SystemExit(3)

    running = Running(task)
    running.run()

    with pytest.raises(SystemExit):
        running.result()


_HANGS = """
import os, sys, threading
from portalcal.run_all import Workers, run_all
def hang():
    # In one write: print writes the line end apart, and the other task may come between.
    os.write(1, b"under way\\n")
    threading.Event().wait(600)
try:
    {how}
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(
    "how",
    [
        "run_all([hang, hang], limit=2)",
        "run_all([hang], limit=1, deadline=500)",
        "Workers(1, name='one').begin(hang).result()",
        "with Workers(1, name='one') as workers: workers.begin(hang)",
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_ctrl_c_ends_the_wait_and_the_process_at_once(how: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HANGS.format(how=how)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        process.send_signal(signal.SIGINT)

        _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (130, "")


def test_a_process_ends_while_a_task_hangs() -> None:
    code = (
        "import threading; from portalcal.run_all import Workers\n"
        "Workers(1, name='one').begin(lambda: threading.Event().wait(600))\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def _starts_threads(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in {"Thread", "Timer", "ThreadPoolExecutor", "ProcessPoolExecutor"}
    if isinstance(node, ast.Import):
        return any(
            each.name.startswith(("concurrent", "asyncio", "multiprocessing", "_thread"))
            for each in node.names
        )
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").startswith(("concurrent", "asyncio", "multiprocessing", "_thread")) or any(
            each.name == "Thread" for each in node.names
        )
    return False


def test_nothing_else_starts_threads() -> None:
    """The simulator imports nothing of the product, and has its own."""
    starters = {
        str(path.relative_to(PRODUCT))
        for path in PRODUCT.rglob("*.py")
        if "simulator" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if _starts_threads(node)
    }

    assert starters == {"run_all.py"}
