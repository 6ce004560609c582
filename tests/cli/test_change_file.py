"""Cancelling and moving a file of bookings: each line answered by itself, in order, and safe to run again."""

from __future__ import annotations

import io
import json

import pytest

from portalcal.cli.app import run
from portalcal.simulator.google import Simulator
from portalcal.views.lines import LinesView
from tests.cli.conftest import Ran, Shell
from tests.cli.test_book_file import Told, book, half_hours, told


@pytest.fixture
def booked(connected: Shell) -> list[str]:
    """The ids of six bookings, one each half hour from nine on."""
    return [each["result"]["id"] for each in book(connected, "\n".join(half_hours(24, 6))).lines]


def carry_out(shell: Shell, command: str, text: str, *more: str) -> Told:
    out, err = io.StringIO(), io.StringIO()
    status = run((command, "--file", "-", *more), shell.invocation(out, err, stdin=io.StringIO(text)))
    return told(Ran(status, out.getvalue(), err.getvalue()))


def starts(shell: Shell) -> list[str]:
    return [each["start"][11:16] for each in shell.json("bookings").result["bookings"]]


# --- cancel -----------------------------------------------------------------------------------------------------


def test_a_list_of_ids_is_cancelled_line_by_line(
    connected: Shell, google: Simulator, booked: list[str]
) -> None:
    ran = carry_out(connected, "cancel", "\n".join(booked), "--reason", "Ana is ill")

    assert (ran.exit, ran.err) == (0, "")
    assert [(each["line"], each["command"]) for each in ran.lines] == [(n, "cancel") for n in range(1, 7)]
    assert [each["result"]["id"] for each in ran.lines] == booked
    assert ran.codes == ["cancelled"] * 6
    assert google.events() == []
    (line,) = connected.json("history", "--booking", booked[3], "--what", "cancelled").result["history"]
    assert line["after"]["reason"] == "Ana is ill"


def test_ids_that_were_listed_can_be_piped(connected: Shell, google: Simulator, booked: list[str]) -> None:
    ids = connected("bookings", "--until", "2026-11-24", "--ids").out

    assert carry_out(connected, "cancel", ids).codes == ["cancelled"] * 6


def test_every_line_may_have_a_reason_of_its_own(connected: Shell, booked: list[str]) -> None:
    text = f"id,reason\n{booked[0]},rain\n{booked[1]},\n"
    carry_out(connected, "cancel", text, "--reason", "ill")
    lines = connected.json("history", "--what", "cancelled").result["history"]

    assert {each["booking"]: each["after"]["reason"] for each in lines} == {
        booked[0]: "rain",
        booked[1]: "ill",
    }


def test_cancelling_the_same_file_again_is_success(
    connected: Shell, google: Simulator, booked: list[str]
) -> None:
    text = "\n".join(booked)
    carry_out(connected, "cancel", text)
    google.forget_requests()

    again = carry_out(connected, "cancel", text)

    assert again.exit == 0
    assert {each["result"]["already"] for each in again.lines} == {True}
    assert google.count() == 0


def test_a_line_that_fails_takes_no_other_with_it(connected: Shell, booked: list[str]) -> None:
    lines = [
        json.dumps({"id": booked[0]}),
        "{",
        json.dumps({"id": "ffffffff"}),
        json.dumps({"ids": booked[1]}),
    ]
    ran = carry_out(connected, "cancel", "\n".join(lines))

    assert ran.exit == 9
    assert ran.codes == ["cancelled", "line-invalid", "booking-not-found", "line-invalid"]
    assert ran.lines[3]["error"]["message"] == (
        "line 4: ids: there is no option of that name; did you mean id?; id: is missing"
    )


def test_one_booking_named_twice_is_cancelled_once(
    connected: Shell, google: Simulator, booked: list[str]
) -> None:
    ran = carry_out(connected, "cancel", f"{booked[0]}\n{booked[0][:8]}\n")

    assert [each["result"]["already"] for each in ran.lines] == [False, True]


def test_a_thousand_cancellations_make_a_request_each(
    connected: Shell, google: Simulator, booked: list[str]
) -> None:
    google.forget_requests()

    carry_out(connected, "cancel", "\n".join(booked))

    assert [each.operation for each in google.requests] == ["events.delete"] * 6


def test_what_is_owed_ends_with_8(connected: Shell, google: Simulator, booked: list[str]) -> None:
    google.faults.add("events.delete: 403-quotaExceeded once")
    ran = carry_out(connected, "cancel", "\n".join(booked[:1]))

    assert (ran.exit, ran.codes) == (8, ["cancelling"])
    assert ran.lines[0]["warnings"][0]["code"] == "google-not-told"


# --- reschedule -------------------------------------------------------------------------------------------------


def test_every_line_is_moved(connected: Shell, google: Simulator, booked: list[str]) -> None:
    lines = [f"{each},2026-11-24T{13 + n // 2}:{n % 2 * 30:02}" for n, each in enumerate(booked)]
    ran = carry_out(connected, "reschedule", "id,start\n" + "\n".join(lines))

    assert (ran.exit, ran.err) == (0, "")
    assert [each["line"] for each in ran.lines] == list(range(2, 8))
    assert {each["command"] for each in ran.lines} == {"reschedule"}
    assert starts(connected) == ["13:00", "13:30", "14:00", "14:30", "15:00", "15:30"]


def test_a_line_may_move_to_the_time_that_the_line_before_leaves(connected: Shell, booked: list[str]) -> None:
    lines = [
        {"id": booked[n], "start": f"2026-11-24T{9 + (n + 1) // 2:02}:{(n + 1) % 2 * 30:02}"}
        for n in reversed(range(6))
    ]
    ran = carry_out(connected, "reschedule", "\n".join(map(json.dumps, lines)))

    assert (ran.exit, ran.codes) == (0, ["confirmed"] * 6)
    assert starts(connected) == ["09:30", "10:00", "10:30", "11:00", "11:30", "12:00"]


def test_moving_the_same_file_again_moves_nothing(
    connected: Shell, google: Simulator, booked: list[str]
) -> None:
    text = f"id,start\n{booked[0]},2026-11-24T14:00\n"
    carry_out(connected, "reschedule", text)
    google.forget_requests()

    again = carry_out(connected, "reschedule", text)

    assert (again.exit, again.lines[0]["result"]["already"]) == (0, True)
    assert google.count() == 0


def test_options_hold_for_all_lines_that_do_not_say_otherwise(connected: Shell, booked: list[str]) -> None:
    lines = [
        {"id": booked[0], "start": "2026-11-24T14:00", "duration": "1h"},
        {"id": booked[1], "start": "2026-11-24T17:00"},
        {"id": booked[2], "start": "2026-11-24T11:00", "timezone": "America/New_York"},
    ]
    ran = carry_out(
        connected, "reschedule", "\n".join(map(json.dumps, lines)), "--duration", "15m", "--force"
    )

    assert ran.exit == 0
    times = [(each["result"]["start"][11:16], each["result"]["end"][11:16]) for each in ran.lines]
    assert times[:2] == [("14:00", "15:00"), ("17:00", "17:15")]
    assert ran.lines[2]["result"]["start"] == "2026-11-24T11:00:00-05:00"


def test_every_problem_of_a_line_is_told(connected: Shell, booked: list[str]) -> None:
    line = json.dumps({"id": " ", "start": "nine", "duration": 30, "notify": "me"})
    ran = carry_out(connected, "reschedule", line)

    assert (ran.exit, ran.codes) == (9, ["line-invalid"])
    told_problems = ran.lines[0]["error"]["message"]
    for name in (
        "id: expected the id of a booking",
        "start: ",
        "duration = 30: expected text",
        'notify = "me": expected ',
    ):
        assert name in told_problems


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        (("cancel",), "ID is missing"),
        (("reschedule", "5d16c341"), "START is missing"),
        (("cancel", "5d16c341", "--file", "-"), "ID and --file exclude each other"),
        (("reschedule", "5d16c341", "--file", "-"), "ID and --file exclude each other"),
        (("cancel", "--file", "missing"), "missing cannot be read: no such file or directory"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(connected: Shell, line: tuple[str, ...], fact: str) -> None:
    ran = connected(*line)

    assert ran.exit == 2
    assert fact in ran.err


@pytest.mark.parametrize("table", ["id,owner\n{},ana\n", "id,start,owner\n{},2026-11-24T14:00,ana\n"])
def test_columns_that_nobody_knows_are_left_out_as_the_hint_says(
    connected: Shell, booked: list[str], table: str
) -> None:
    command = "reschedule" if "start" in table else "cancel"

    refused = carry_out(connected, command, table.format(booked[0]))
    ran = carry_out(connected, command, table.format(booked[0]), "--ignore-columns")

    assert (refused.exit, refused.lines) == (2, [])
    assert "add `--ignore-columns` to leave the others out" in refused.err
    assert (ran.exit, len(ran.lines)) == (0, 1)


def test_the_dates_and_minutes_of_a_spreadsheet_are_read(connected: Shell, booked: list[str]) -> None:
    table = f"id,start,minutes\n{booked[0]},1/12/2026 13:30,45\n"

    refused = carry_out(connected, "reschedule", table)
    ran = carry_out(connected, "reschedule", table, "--dates", "dmy")

    assert refused.lines[0]["error"]["hint"].startswith(
        "write 2026-01-12 or 2026-12-01, or say which part is the day with `--dates dmy` or `--dates mdy`"
    )
    (moved,) = ran.lines
    assert (moved["result"]["start"], moved["result"]["end"]) == (
        "2026-12-01T13:30:00+00:00",
        "2026-12-01T14:15:00+00:00",
    )


def test_an_export_of_bookings_is_a_list_of_what_to_cancel(connected: Shell, booked: list[str]) -> None:
    table = connected("bookings", "--format", "csv").out

    ran = carry_out(connected, "cancel", table, "--ignore-columns")

    assert (ran.exit, ran.codes) == (0, ["cancelled"] * 6)


@pytest.mark.parametrize("line", [("cancel", "5d16c341"), ("reschedule", "5d16c341", "2026-11-24T14:00")])
def test_what_is_about_files_needs_a_file(connected: Shell, line: tuple[str, ...]) -> None:
    ran = connected.json(*line, "--ignore-columns")

    assert (ran.exit, ran.error["message"]) == (2, "--ignore-columns is about a file")


def test_a_line_that_fails_is_not_said_to_be_about_a_new_booking(connected: Shell) -> None:
    ran = carry_out(connected, "cancel", json.dumps({"id": ""}))

    assert ran.lines[0]["error"]["hint"].endswith("what is done already is not done twice")


def test_an_empty_file_cancels_nothing_and_says_so(connected: Shell) -> None:
    ran = carry_out(connected, "cancel", "\n\n")

    assert (ran.exit, ran.lines, ran.err) == (0, [], "stdin is empty: nothing was cancelled\n")


# --- progress ---------------------------------------------------------------------------------------------------


class Minutes:
    """A stopwatch that is ten seconds further at every look."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 10
        return self.seconds


def test_a_log_gets_a_plain_line_every_half_minute() -> None:
    out, err = io.StringIO(), io.StringIO()
    view = LinesView("cancel", stdout=out, stderr=err, size=100, monotonic=Minutes())

    for read in range(10, 80, 10):
        view.progress(read)

    assert err.getvalue() == "30%, 0 lines\n60%, 0 lines\n"
