"""The lock on a shared connection closes the connection with its last user."""

from __future__ import annotations

import threading

from portalcal.adapters.ledger.connection_lock import ConnectionLock


def test_an_unused_connection_is_closed_at_once() -> None:
    closed: list[str] = []
    lock = ConnectionLock(lambda: closed.append("closed"))

    lock.close()

    assert closed == ["closed"]


def test_a_connection_in_use_is_closed_by_the_thread_that_uses_it() -> None:
    closed: list[str] = []
    lock = ConnectionLock(lambda: closed.append(threading.current_thread().name))
    has_begun, may_end = threading.Event(), threading.Event()

    def wait() -> None:
        with lock.held(), lock.held():
            has_begun.set()
            may_end.wait()

    waiting = threading.Thread(target=wait, name="waiting")
    waiting.start()
    has_begun.wait()

    lock.close()
    before = list(closed)
    may_end.set()
    waiting.join()

    assert (before, closed) == ([], ["waiting"])


def test_a_later_user_closes_the_connection_again() -> None:
    closed: list[str] = []
    lock = ConnectionLock(lambda: closed.append("closed"))
    lock.close()

    with lock.held():
        pass

    assert closed == ["closed", "closed"]
