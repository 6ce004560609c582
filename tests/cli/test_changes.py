"""A portal follows what happens to bookings, line by line."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from portalcal.cli.app import run
from portalcal.simulator.google import Simulator
from tests.cli.conftest import Ran, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")


@pytest.fixture
def busy(connected: Shell) -> Shell:
    """Two bookings, one of them moved: six changes."""
    connected("book", "2026-11-24T10:00", *SAM, "--key", "a")
    connected("book", "2026-11-24T12:00", *SAM, "--key", "b")
    (first, _) = connected.json("bookings").result["bookings"]
    connected("reschedule", first["id"], "2026-11-24T14:00")
    return connected


def lines(ran: Ran) -> list[dict[str, Any]]:
    assert ran.exit == 0, ran.err
    return [json.loads(each) for each in ran.out.splitlines()]


def test_every_change_is_a_line_in_order(busy: Shell) -> None:
    found = lines(busy("changes"))

    assert [each["what"] for each in found] == ["held", "confirmed", "held", "confirmed", "held", "moved"]
    cursors = [each["cursor"] for each in found]
    assert cursors == sorted(set(cursors))
    assert found == busy.json("history").result["history"]


def test_a_reader_goes_on_where_it_stopped(busy: Shell) -> None:
    first = lines(busy("changes", "--limit", "4"))
    rest = lines(busy("changes", "--since", str(first[-1]["cursor"])))

    assert first + rest == lines(busy("changes"))
    assert len(first) == 4
    assert lines(busy("changes", "--since", str(rest[-1]["cursor"]))) == []


def test_as_one_object_it_says_where_to_go_on(busy: Shell) -> None:
    result = busy.json("changes", "--limit", "2").result
    last = busy.json("changes", "--since", "99").result

    assert [each["what"] for each in result["changes"]] == ["held", "confirmed"]
    assert result["cursor"] == result["changes"][-1]["cursor"]
    assert last == {"changes": [], "cursor": 99}


def test_who_comes_after_pruning_is_told_that_something_is_missing(busy: Shell, google: Simulator) -> None:
    google.clock.advance(days=3)
    busy("history", "--prune", "1m")

    late = busy("changes", "--since", "2")

    assert late.out == ""
    assert late.err.startswith("warning: changes after cursor 2 were pruned from the history")
    assert busy("changes").err == ""


class Patience:
    """Sleeps by letting time pass, does something at each second, and interrupts when there is nothing left to do."""

    def __init__(self, shell: Shell, *deeds: Any) -> None:
        self._shell = shell
        self._deeds = list(deeds)
        self.seconds = 0.0

    def __call__(self, seconds: float) -> None:
        self.seconds += seconds
        if not self._deeds:
            raise KeyboardInterrupt
        self._deeds.pop(0)()


class _Stopwatch:
    """The machine's clock; its stopwatch shows what was slept."""

    def __init__(self, shell: Shell, wait: Patience) -> None:
        self.now, self.new_id = shell.now, shell.new_id
        self.monotonic = lambda: wait.seconds


def follow(shell: Shell, wait: Patience, *more: str) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    invocation = shell.invocation(out, err)._replace(clock=_Stopwatch(shell, wait))

    def customize(container: Any) -> None:
        shell.customize(container)
        container.override(wait=wait)

    status = run(("changes", "--follow", *more), invocation._replace(customize=customize))
    return Ran(status, out.getvalue(), err.getvalue())


def test_following_shows_what_comes_and_what_the_calendar_says(busy: Shell, google: Simulator) -> None:
    def move() -> None:
        event = google.events()[0]
        times = {"start": {"dateTime": "2026-11-24T16:00:00Z"}, "end": {"dateTime": "2026-11-24T16:30:00Z"}}
        google.model.put(google.calendar("primary"), event | times)

    def book() -> None:
        busy("book", "2026-11-25T10:00", *SAM, "--key", "c")

    since = lines(busy("changes"))[-1]["cursor"]
    ran = follow(busy, Patience(busy, move, book, lambda: None), "--since", str(since), "--every", "1s")

    found = [json.loads(each) for each in ran.out.splitlines()]
    assert ran.exit == 130
    assert [(each["what"], each["by"], each["command"]) for each in found] == [
        ("moved", "calendar", "changes"),
        ("held", "command", "book"),
        ("confirmed", "command", "book"),
    ]


def test_following_goes_on_when_google_is_away(busy: Shell, google: Simulator) -> None:
    google.faults.add("events.list: 503")
    # Three times while it tries again, then until it looks again.
    ran = follow(busy, Patience(busy, *[lambda: None] * 4), "--since", "99")

    assert ran.exit == 130
    assert ran.err.count("warning: the calendar was not synchronised: Google is busy (503)") == 1


def test_following_ends_with_the_limit(busy: Shell) -> None:
    assert len(lines(follow(busy, Patience(busy), "--limit", "3"))) == 3


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        (("--every", "5m"), "--every says how often --follow runs `sync`"),
        (("--json", "--follow"), "--json is one object, and --follow never ends"),
        (("--since", "-1"), "--since is -1"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    portalcal: Shell, line: tuple[str, ...], fact: str
) -> None:
    ran = portalcal("changes", *line)

    assert ran.exit == 2
    assert fact in ran.err
