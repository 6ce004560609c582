"""Booking a file of lines: each answered by itself, in order, and none booked twice."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from portalcal.cli.app import run
from portalcal.cli.invocation import Invocation
from portalcal.simulator import Simulator
from tests.cli.conftest import Ran, Shell

SAM = {"name": "Sam Lee", "email": "sam@example.com"}


class Told(NamedTuple):
    """How a batch ended and the envelope of each line."""

    exit: int
    lines: list[dict[str, Any]]
    err: str

    @property
    def codes(self) -> list[str]:
        """What became of each line: its booking's state, or its error's code."""
        return [each["error"]["code"] if "error" in each else each["result"]["state"] for each in self.lines]


def told(ran: Ran) -> Told:
    return Told(ran.exit, [json.loads(each) for each in ran.out.splitlines()], ran.err)


def book(shell: Shell, text: str | bytes, *more: str) -> Told:
    path = shell.folder / "lines"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return told(shell("book", "--file", str(path), *more))


def line(start: str = "2026-11-24T10:00", **more: object) -> str:
    return json.dumps({"start": start, **SAM, **more})


def half_hours(day: int, count: int) -> list[str]:
    return [
        line(f"2026-11-{day:02}T{9 + n // 2:02}:{n % 2 * 30:02}", email=f"g{n}@example.com")
        for n in range(count)
    ]


def test_every_line_is_answered_in_its_order(connected: Shell, google: Simulator) -> None:
    ran = book(connected, "\n".join(half_hours(24, 16)))

    assert (ran.exit, ran.err) == (0, "")
    assert [each["line"] for each in ran.lines] == list(range(1, 17))
    assert ran.codes == ["confirmed"] * 16
    assert [each["result"]["guest"]["email"] for each in ran.lines] == [
        f"g{n}@example.com" for n in range(16)
    ]
    assert len(google.events()) == 16
    assert {(each["portalcal"], each["command"]) for each in ran.lines} == {(1, "book")}


def test_csv_with_a_header_is_the_same(connected: Shell, google: Simulator) -> None:
    ran = book(
        connected,
        "\ufeffStart,name,email,guest,title,meet,duration\r\n"
        '2026-11-24T10:00,"Lee, Sam",sam@example.com,"a@example.com b@example.com","Two\nlines",yes,1h\r\n'
        "\r\n"
        "2026-11-24T12:00,Kim,kim@example.com,,,,\r\n",
    )

    assert (ran.exit, ran.codes) == (0, ["confirmed", "confirmed"])
    assert [each["line"] for each in ran.lines] == [2, 5]
    first = ran.lines[0]["result"]
    assert (first["guest"]["name"], first["guests"]) == ("Lee, Sam", ["a@example.com", "b@example.com"])
    assert (first["title"], first["end"]) == ("Two\nlines", "2026-11-24T11:00:00+00:00")
    assert "conferenceData" in google.events()[0]


def test_semicolons_are_understood(connected: Shell) -> None:
    ran = book(connected, "start;name;email\n2026-11-24T10:00;Sam;sam@example.com\n")

    assert ran.codes == ["confirmed"]


def test_stdin_is_a_file_too(connected: Shell) -> None:
    out, err = io.StringIO(), io.StringIO()
    stdin = io.StringIO(line() + "\n")
    invocation = Invocation(connected.environ, stdin, out, err, fit=connected.fit)

    status = run(("book", "--file", "-"), invocation)

    assert (status, told(Ran(status, out.getvalue(), "")).codes) == (0, ["confirmed"])


def test_the_same_file_again_books_nothing_twice(connected: Shell, google: Simulator) -> None:
    text = "\n".join(half_hours(24, 8))
    first = book(connected, text)

    again = book(connected, text)

    assert again.exit == 0
    assert [each["result"]["id"] for each in again.lines] == [each["result"]["id"] for each in first.lines]
    assert {each["result"]["replayed"] for each in again.lines} == {True}
    assert len(google.events()) == 8


def test_a_file_that_was_cut_off_goes_on_where_it_was(connected: Shell, google: Simulator) -> None:
    lines = half_hours(24, 8)
    book(connected, "\n".join(lines[:3]))

    ran = book(connected, "\n".join(lines))

    assert [each["result"]["replayed"] for each in ran.lines] == [True] * 3 + [False] * 5
    assert len(google.events()) == 8


def test_the_same_request_as_json_and_as_csv_is_the_same(connected: Shell, google: Simulator) -> None:
    book(connected, line())

    ran = book(connected, "name,email,start\nSam Lee,sam@example.com,2026-11-24T10:00\n")

    assert ran.lines[0]["result"]["replayed"] is True
    assert len(google.events()) == 1


def test_equal_lines_are_two_requests_and_the_first_has_the_time(connected: Shell, google: Simulator) -> None:
    ran = book(connected, f"{line()}\n{line()}\n")

    assert (ran.exit, ran.codes) == (9, ["confirmed", "slot-taken"])
    assert len(google.events()) == 1
    assert book(connected, f"{line()}\n{line()}\n").codes == ["confirmed", "slot-taken"]


def test_of_lines_for_one_time_the_first_gets_it(connected: Shell) -> None:
    lines = [line(email=f"g{n}@example.com") for n in range(12)]

    ran = book(connected, "\n".join(lines))

    assert ran.codes == ["confirmed"] + ["slot-taken"] * 11


def test_a_key_of_its_own_is_used(connected: Shell) -> None:
    ran = book(connected, f"{line(key='order-17')}\n{line(key='order-17')}")

    assert [each["result"]["key"] for each in ran.lines] == ["order-17"] * 2
    assert [each["result"]["replayed"] for each in ran.lines] == [False, True]


def test_a_broken_line_costs_itself_alone_and_tells_every_problem(
    connected: Shell, google: Simulator
) -> None:
    broken = json.dumps({"start": "noon", "email": "sam", "durtion": "30m", "meet": "perhaps", "name": 7})
    ran = book(connected, f"{line()}\n{broken}\n{{\n[]\n{line('2026-11-24T11:00')}\n")

    assert ran.exit == 9
    assert ran.codes == ["confirmed", "line-invalid", "line-invalid", "line-invalid", "confirmed"]
    error = ran.lines[1]["error"]
    assert (error["exit"], error["details"]["line"]) == (2, 2)
    assert [each["key"] for each in error["details"]["problems"]] == [
        "durtion",
        "meet",
        "name",
        "start",
        "email",
    ]
    assert "there is no option of that name; did you mean duration?" in error["message"]
    assert len(google.events()) == 2


def test_what_is_missing_is_said(connected: Shell) -> None:
    ran = book(connected, "start,name,email\n,Sam,\n")

    assert ran.lines[0]["error"]["message"] == "line 2: start: is missing; email: is missing"


def test_bytes_that_are_no_text_cost_their_line(connected: Shell) -> None:
    ran = book(
        connected,
        b"start,name,email\n2026-11-24T10:00,S\xe4m,sam@example.com\n2026-11-24T11:00,Kim,kim@example.com\n",
    )

    assert ran.codes == ["line-invalid", "confirmed"]
    assert "expected UTF-8" in ran.lines[0]["error"]["message"]


def test_a_line_of_csv_with_too_many_cells_is_told(connected: Shell) -> None:
    ran = book(connected, "start,name,email\n2026-11-24T10:00,Lee, Sam,sam@example.com\n")

    assert ran.lines[0]["error"]["message"] == "line 2: it has 4 cells, the header has 3"


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("hello\nworld\n", "is neither JSON lines nor CSV with a header: there is no option 'hello'"),
        ("start,name,mail\n", "did you mean email?"),
        ("start,start,name\n", "has two columns start"),
    ],
)
def test_a_file_that_is_neither_is_a_usage_error(connected: Shell, text: str, fact: str) -> None:
    path = connected.folder / "lines"
    path.write_text(text)

    ran = connected.json("book", "--file", str(path))

    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert fact in ran.error["message"]


def test_an_empty_file_is_nothing_to_do(connected: Shell) -> None:
    assert book(connected, "\n \n") == Told(0, [], "")


def test_a_file_that_is_not_there_is_named(connected: Shell) -> None:
    ran = connected.json("book", "--file", "/nowhere.csv")

    assert (ran.exit, ran.error["message"]) == (2, "/nowhere.csv cannot be read: no such file or directory")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("2026-11-24T10:00",), "START"),
        (("--name", "Sam"), "--name"),
        (("--meet",), "--meet"),
        (("--key", "k"), "--key"),
    ],
)
def test_a_file_and_a_booking_on_the_line_exclude_each_other(
    connected: Shell, tmp_path: Path, arguments: tuple[str, ...], name: str
) -> None:
    ran = connected.json("book", *arguments, "--file", str(tmp_path / "lines"))

    assert (ran.exit, ran.error["message"]) == (2, f"{name} and --file exclude each other")


def test_lines_that_google_could_not_be_told_are_pending(connected: Shell, google: Simulator) -> None:
    google.faults.add("events.insert: 403-quotaExceeded")

    ran = book(connected, "\n".join(half_hours(24, 3)))

    assert (ran.exit, ran.codes) == (8, ["held"] * 3)
    assert [each["warnings"][0]["code"] for each in ran.lines] == ["google-not-told"] * 3


def test_what_a_person_must_mend_stops_early(connected: Shell, google: Simulator) -> None:
    google.faults.add("freebusy.query: 401")

    ran = book(connected, "\n".join(half_hours(24, 16) + half_hours(25, 16) + half_hours(26, 16)))

    assert ran.exit == 4
    assert set(ran.codes) == {"grant-revoked"}
    assert len(ran.lines) < 30
    assert "stopped after line 1" in ran.err


def test_disconnected_every_line_warns(portalcal: Shell) -> None:
    ran = book(portalcal, "\n".join(half_hours(24, 2)))

    assert (ran.exit, ran.codes) == (0, ["confirmed"] * 2)
    assert [each["warnings"][0]["code"] for each in ran.lines] == ["not-connected"] * 2


def test_a_dry_run_books_nothing(connected: Shell, google: Simulator) -> None:
    ran = book(connected, "\n".join(half_hours(24, 3)), "--dry-run")

    assert ran.exit == 0
    assert {each["result"]["dry_run"] for each in ran.lines} == {True}
    assert google.events() == []


def test_a_zone_can_be_given_for_all_lines_or_for_one(connected: Shell) -> None:
    text = f"{line('2026-11-24T11:00')}\n{line('2026-11-24T07:00', timezone='America/New_York')}"

    ran = book(connected, text, "--timezone", "Europe/Berlin")

    assert [each["result"]["start"] for each in ran.lines] == [
        "2026-11-24T11:00:00+01:00",
        "2026-11-24T07:00:00-05:00",
    ]


def test_a_person_sees_how_far_it_is_and_only_after_a_while() -> None:
    from portalcal.errors import Usage
    from portalcal.views.lines import LinesView
    from tests.views.scene import Terminal

    now = [0.0]
    out, err = io.StringIO(), Terminal()
    view = LinesView("book", stdout=out, stderr=err, size=200, monotonic=lambda: now[0])

    view.progress(50)
    assert err.getvalue() == ""
    view.show(1, Usage("no"), about=view.for_line())
    now[0] = 0.6
    view.progress(100)
    assert err.getvalue() == "\r[###############---------------]  50%  1 lines, 1 failed"
    view.end()
    assert err.getvalue().endswith(" \r")
