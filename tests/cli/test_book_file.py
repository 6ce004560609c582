"""Booking a file of lines: each answered by itself, in order, and none booked twice."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from portalcal.cli.app import run
from portalcal.cli.batch_run import LineSource
from portalcal.run_all import in_background
from portalcal.simulator.google import Simulator
from tests.cli.conftest import Ran, Shell
from tests.terminal import Terminal

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


def test_lines_share_their_reads(connected: Shell, google: Simulator) -> None:
    ran = book(connected, "\n".join(half_hours(24, 16) + half_hours(25, 16)))

    assert ran.codes == ["confirmed"] * 32
    reads = google.count("freebusy.query") + google.count("events.list")
    assert (google.count("events.insert"), reads < 32) == (32, True), reads


def test_of_two_files_for_the_same_times_at_once_each_time_goes_to_one(
    connected: Shell, google: Simulator, tmp_path: Path
) -> None:
    other = Shell(google, tmp_path / "beside", vault=connected.vault)
    other.configure()
    google.faults.latency = 0.01
    lines = "\n".join(half_hours(24, 16))
    beside = in_background(lambda: book(other, lines.replace("@example", "@other.example")), name="beside")

    mine, theirs = book(connected, lines), beside.result()

    for pair in zip(mine.codes, theirs.codes, strict=True):
        assert sorted(pair) == ["confirmed", "slot-taken"]
    starts = [each["start"]["dateTime"] for each in google.events() if each["status"] != "cancelled"]
    assert len(starts) == len(set(starts)) == 16


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
    invocation = connected.invocation(out, err, stdin=stdin)

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
        ("start,Name, NAME ,,\n", "has two columns name"),
        (",,,\n", "its heading names no column"),
        ('start,"name,email\n', "a quote in the heading is not closed"),
        ("start,na\0me,email\n", "holds NUL bytes"),
    ],
)
def test_a_file_that_is_neither_is_a_usage_error(connected: Shell, text: str, fact: str) -> None:
    path = connected.folder / "lines"
    path.write_text(text)

    ran = connected.json("book", "--file", str(path))

    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert fact in ran.error["message"]


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff", "\r\n"])
def test_an_empty_file_is_nothing_to_do_and_says_so(connected: Shell, text: str) -> None:
    ran = book(connected, text)

    assert ran == Told(0, [], f"{connected.folder / 'lines'} is empty: nothing was booked\n")


@pytest.mark.parametrize(
    "text", ["start,name,email", "sep=;\r\nstart;name;email\r\n", "start,name,email\n,,\n\n"]
)
def test_a_heading_without_rows_is_nothing_to_do_and_says_so(connected: Shell, text: str) -> None:
    ran = book(connected, text)

    told = f"{connected.folder / 'lines'} has a heading and no rows: nothing was booked\n"
    assert ran == Told(0, [], told)


def test_an_unclosed_quote_names_its_line_and_takes_no_other(connected: Shell, google: Simulator) -> None:
    ran = book(
        connected,
        "start,name,email\n"
        '2026-11-24T09:00,"Lee,a@example.com\n'
        "2026-11-24T09:30,B,b@example.com\n"
        '2026-11-24T10:00,"C, D",c@example.com\n'
        '2026-11-24T10:30,"E,e@example.com\n'
        "2026-11-24T11:00,F,f@example.com",
    )

    assert (ran.exit, [each["line"] for each in ran.lines]) == (9, [2, 3, 4, 5, 6])
    assert ran.codes == ["line-invalid", "confirmed", "confirmed", "line-invalid", "confirmed"]
    for number in (2, 5):
        message = ran.lines[number - 2]["error"]["message"]
        assert message == f"line {number}: a quote is opened in it and not closed"
    assert len(google.events()) == 3


def test_a_quote_that_is_closed_in_another_row_takes_none_with_it(connected: Shell) -> None:
    ran = book(
        connected,
        'start,name,email\n2026-11-24T09:00,"Lee,a@example.com\n2026-11-24T09:30,B",b@example.com\n',
        "--dry-run",
    )

    assert [each["line"] for each in ran.lines] == [2, 3]
    told = ran.lines[0]["error"]["message"]
    assert told == "line 2: a quote is opened in it and closed only in line 3"


TWO_ROWS = (("2026-11-24T09:00", "Lee", "a@example.com"), ("2026-11-24T10:00", "Zoë", "z@example.com"))


def table(delimiter: str = ",", end: str = "\n", *, before: str = "", tail: str = "") -> str:
    rows = (("start", "name", "email"), *TWO_ROWS)
    return before + "".join(delimiter.join(row) + tail + end for row in rows)


@pytest.mark.parametrize(
    ("content", "first"),
    [
        (table(tail=",,").encode(), 2),
        (table(tail=", ,").encode(), 2),
        (table(";", tail=";").encode(), 2),
        (table(";", "\r\n", before="sep=;\r\n").encode("utf-8-sig"), 3),
        (table("|", before='"sep=|"\n\n').encode(), 4),
        (table("\t", "\r\n").encode("utf-16"), 2),
        (table("\t", "\r\n").encode("utf-16-le"), 2),
        (table("\t", "\r\n", before="\ufeff").encode("utf-16-be"), 2),
        (table(end="\r").encode(), 2),
        (table(before="\ufeff\n\n").encode(), 4),
    ],
)
def test_a_table_of_excel_is_read(connected: Shell, content: bytes, first: int) -> None:
    ran = book(connected, content, "--dry-run")

    assert (ran.exit, ran.err) == (0, "")
    assert [each["line"] for each in ran.lines] == [first, first + 1]
    assert [each["result"]["guest"]["name"] for each in ran.lines] == ["Lee", "Zoë"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("2026-11-24T09:00,Lee,x,a@example.com", "line 2: its cell 3 is under no heading"),
        ("2026-11-24T09:00,Lee,,a@example.com,x", "line 2: it has 5 cells, the header has 4"),
        ("2026-11-24T09:00,L\0ee,,a@example.com", "line 2: name: --name holds a control character"),
        ('2026-11-24T09:00,"Lee"x,,a@example.com', "line 2: it is not CSV: ',' expected after '\"'"),
    ],
)
def test_a_cell_in_the_wrong_place_is_told(connected: Shell, row: str, told: str) -> None:
    ran = book(connected, f"start,name,,email\n{row}\n", "--dry-run")

    assert ran.lines[0]["error"]["message"].startswith(told)


def test_stdin_of_excel_is_read(connected: Shell) -> None:
    connected.stdin = io.TextIOWrapper(io.BytesIO(table("\t").encode("utf-16")))

    ran = told(connected("book", "--file", "-", "--dry-run"))

    assert [each["result"]["guest"]["name"] for each in ran.lines] == ["Lee", "Zoë"]


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

    now = [0.0]
    out, err = io.StringIO(), Terminal()
    view = LinesView("book", stdout=out, stderr=err, size=200, monotonic=lambda: now[0])

    view.progress(50)
    assert err.getvalue() == ""
    view.show(1, Usage("no"), line_view=view.for_line())
    now[0] = 0.6
    view.progress(100)
    assert err.getvalue() == "\r[###############---------------]  50%  1 lines, 1 failed"
    view.end()
    assert err.getvalue().endswith(" \r")


# --- on a terminal


def on_terminal(shell: Shell, text: str, *more: str) -> tuple[int, str, str]:
    path = shell.folder / "lines"
    path.write_text(text)
    out, err = Terminal(), Terminal()
    environ = {"TERM": "dumb"}
    exit_ = run(("book", "--file", str(path), *more), shell.invocation(out, err, environ))
    return exit_, out.getvalue(), err.getvalue()


def test_a_person_reads_a_line_for_each_row_and_the_sum_at_the_end(connected: Shell) -> None:
    rows = [line(), line("2026-11-24T10:15"), line("someday"), line("2026-11-24T11:00", key="k")]

    exit_, out, err = on_terminal(connected, "\n".join(rows))

    ids = {each["start"]: each["id"][:8] for each in connected.json("bookings").result["bookings"]}
    assert exit_ == 9
    assert out.splitlines()[0] == (
        f"line   1  booked  Tue 24 Nov, 10:00-10:30 (London)  Sam Lee  {ids['2026-11-24T10:00:00+00:00']}"
    )
    assert out.splitlines()[1].startswith("line   2  not: Tue 24 Nov, 10:15-10:45 (London) is ")
    assert out.splitlines()[2].startswith("line   3  not: start: 'someday' cannot be read as a time")
    assert err == "4 rows: 2 booked, 2 not (lines 2, 3)\n"


def test_the_same_file_again_says_what_was_booked_already(connected: Shell) -> None:
    on_terminal(connected, f"{line()}\n")

    _, _, err = on_terminal(connected, f"{line()}\n{line('2026-11-24T11:00')}")

    assert err == "2 rows: 1 already booked, 1 booked\n"


def test_with_json_a_terminal_gets_envelopes(connected: Shell) -> None:
    _, out, _ = on_terminal(connected, f"{line()}\n", "--json")

    assert json.loads(out)["result"]["state"] == "confirmed"


# --- what an answer says


def test_an_error_has_the_key_of_its_row(connected: Shell) -> None:
    ran = book(connected, f"{line('someday', key='order-17')}\n{line('someday')}")

    assert ran.lines[0]["key"] == "order-17"
    assert ran.lines[1]["key"].startswith("line:")


def test_a_problem_has_the_value_that_was_written(connected: Shell) -> None:
    (ran,) = book(connected, line("someday")).lines

    assert ran["error"]["details"]["problems"][0]["value"] == '"someday"'


def test_a_dry_run_sees_two_rows_for_one_time_and_invents_no_ids(connected: Shell, google: Simulator) -> None:
    ran = book(
        connected, f"{line()}\n{line('2026-11-24T11:00')}\n{line(email='kim@example.com')}", "--dry-run"
    )

    assert (ran.exit, ran.codes) == (9, ["held", "held", "slot-taken"])
    assert [each["result"]["id"] for each in ran.lines[:2]] == [None, None]
    assert ran.lines[2]["error"]["message"] == (
        "Tue 24 Nov, 10:00-10:30 (London) is taken by line 1 of this file. Nothing was booked."
    )
    assert google.events() == []


# --- spreadsheets


def test_the_dates_and_minutes_of_excel_are_read(connected: Shell) -> None:
    ran = book(
        connected,
        "start;name;email;minutes\n30.11.2026 11:15;Sam;sam@example.com;45\n11/30/2026 2:00 PM;Kim;kim@example.com;30\n",
    )

    assert ran.codes == ["confirmed", "confirmed"]
    assert [(each["result"]["start"], each["result"]["end"]) for each in ran.lines] == [
        ("2026-11-30T11:15:00+00:00", "2026-11-30T12:00:00+00:00"),
        ("2026-11-30T14:00:00+00:00", "2026-11-30T14:30:00+00:00"),
    ]


@pytest.mark.parametrize(("order", "start"), [("dmy", "2026-12-01"), ("mdy", "2027-01-12")])
def test_a_date_of_two_meanings_needs_its_order(connected: Shell, order: str, start: str) -> None:
    text = "start,name,email\n1/12/2026 10:00,Sam,sam@example.com\n".replace(
        "1/12/2026", "1/12/2026" if order == "dmy" else "1/12/2027"
    )

    refused = book(connected, text)
    ran = book(connected, text, "--dates", order)

    assert "may be" in refused.lines[0]["error"]["message"]
    assert ran.lines[0]["result"]["start"].startswith(start)


def test_a_line_names_all_that_is_wrong_with_it_and_what_helps(connected: Shell) -> None:
    (ran,) = book(connected, "start,name,email,minutes\n01/12/2026 3pm,Sam,sam,7x\n").lines

    assert [each["key"] for each in ran["error"]["details"]["problems"]] == ["minutes", "start", "email"]
    assert ran["error"]["hint"].startswith("write 2026-01-12 or 2026-12-01, or say which part is the day")


@pytest.mark.parametrize("minutes", ["0", "-5", "1.5", "an hour"])
def test_minutes_are_whole_numbers(connected: Shell, minutes: str) -> None:
    (ran,) = book(
        connected, f"start,name,email,minutes\n2026-11-24T10:00,Sam,s@example.com,{minutes}\n"
    ).lines

    assert ran["error"]["message"] == f"line 2: minutes: expected whole minutes, found {minutes}"


def test_columns_that_nobody_knows_are_named_with_those_there_are_and_may_be_left_out(
    connected: Shell,
) -> None:
    text = "start,name,email,Telephone,source\n2026-11-24T10:00,Sam,sam@example.com,123,web\n"
    path = connected.folder / "lines"
    path.write_text(text)

    refused = connected("book", "--file", str(path), "--json")
    ran = book(connected, text, "--ignore-columns")

    assert (refused.exit, refused.error["message"]) == (
        2,
        f"{path} has unknown columns: 'telephone', 'source'",
    )
    assert refused.error["hint"].startswith("the columns are start, name, email, link, duration, ")
    assert refused.error["hint"].endswith("add `--ignore-columns` to leave the others out")
    assert ran.codes == ["confirmed"]


def test_another_encoding_is_named_with_what_to_do(connected: Shell) -> None:
    (ran,) = book(
        connected, "start,name,email\n2026-11-24T10:00,Jos\u00e9,j@example.com\n".encode("cp1252")
    ).lines

    assert "expected UTF-8; Excel writes it as “CSV UTF-8”" in ran["error"]["message"]


@pytest.mark.parametrize("option", [("--dates", "dmy"), ("--ignore-columns",)])
def test_what_is_about_files_needs_a_file(connected: Shell, option: tuple[str, ...]) -> None:
    ran = connected.json("book", "2026-11-24T10:00", "--name", "Sam", "--email", "s@example.com", *option)

    assert (ran.exit, ran.error["message"]) == (2, f"{option[0]} is about a file")


def test_the_bar_tells_how_much_was_answered() -> None:
    text = io.TextIOWrapper(io.BytesIO(b"one\ntwo\n\xc3\xa9\n"), encoding="utf-8", newline="")
    lines = LineSource(text)

    assert len(list(lines)) == 3
    assert [lines.bytes_before(number) for number in (1, 2, 3)] == [4, 8, 11]
