"""Streams that are closed, full or cut off: a clear end, what was done stays done, and nothing is told as a bug."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from tests import selection
from tests.acceptance.conftest import WHO, Ended, Machine, in_days

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")

READING = [
    ("bookings",),
    ("bookings", "--json"),
    ("bookings", "--format", "ics"),
    ("availability", "--format", "csv"),
    ("status", "--offline", "--json"),
    ("--version",),
    ("--help",),
    ("book", "--help"),
]


def run(
    machine: Machine, redirection: str, *arguments: str, before: str = "", buffered: bool = True
) -> Ended:
    """Run `portalcal ARGUMENTS REDIRECTION` in a shell."""
    environ = machine.environ | ({} if buffered else {"PYTHONUNBUFFERED": "1"})
    words = ["sh", "-c", f'{before}"$@" {redirection}', "sh", sys.executable, "-m", "portalcal", *arguments]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, env=environ, timeout=300)
    assert "Traceback" not in ran.stderr, ran.stderr
    assert "internal-error" not in ran.stderr, ran.stderr
    assert "Exception ignored" not in ran.stderr, ran.stderr
    return Ended(ran.returncode, ran.stdout, ran.stderr)


LOST = {">/dev/full": "no space left on device", ">&-": "it is closed"}


@pytest.mark.parametrize(
    "lost",
    selection.cases(
        product(READING, LOST, (True, False)),
        traits=lambda lost: [lost[1], lost[2]],
        name=lambda lost: f"{' '.join(lost[0])}-{lost[1]}-{'buffered' if lost[2] else 'unbuffered'}",
    ),
)
def test_an_answer_that_cannot_be_written_is_told_on_stderr(
    machine: Machine, lost: tuple[tuple[str, ...], str, bool]
) -> None:
    arguments, redirection, buffered = lost
    reason = LOST[redirection]
    ended = run(machine, redirection, *arguments, buffered=buffered)

    says = f"the answer cannot be written to stdout: {reason}. What the command did stays done."
    assert ended.exit == 3
    if "--json" in arguments:
        assert (ended.error["code"], ended.error["message"]) == ("answer-lost", says)
    else:
        assert f"error: {says}\n\nhint: " in ended.err


@pytest.mark.parametrize("arguments", selection.first(READING, 3), ids=" ".join)
def test_a_reader_that_has_seen_enough_is_no_failure(machine: Machine, arguments: tuple[str, ...]) -> None:
    ended = run(machine, "; echo ended with $? >&2; } | true", *arguments, before="{ ")

    assert ended.err.endswith("ended with 0\n")
    assert "error" not in ended.err


@pytest.mark.parametrize("lines", selection.first([3, 1, 20], 1))
def test_the_demo_ends_where_its_reader_does(machine: Machine, lines: int) -> None:
    ended = run(machine, f"; echo ended with $? >&2; }} | head -{lines}", "demo", before="{ ")

    assert ended.err.endswith("ended with 0\n")
    assert "error" not in ended.err


def test_a_booking_whose_answer_is_lost_is_there(machine: Machine) -> None:
    ended = run(machine, ">/dev/full", "book", in_days(3), *WHO, "--json")

    assert ended.failure["code"] == "answer-lost"
    (kept,) = machine.process("bookings", "--json").result["bookings"]
    assert kept["state"] == "confirmed"


def test_lines_of_a_file_that_are_booked_while_the_answers_are_lost_are_there(machine: Machine) -> None:
    orders = machine.folder / "orders.csv"
    orders.write_text(f"start,name,email\n{in_days(3)},Sam,sam@example.com\n")

    ended = run(machine, ">/dev/full", "book", "--file", str(orders))

    assert (ended.exit, "the answer cannot be written" in ended.err) == (3, True)
    assert len(machine.process("bookings", "--json").result["bookings"]) == 1


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_what_cannot_be_said_on_stderr_changes_nothing(machine: Machine, redirection: str) -> None:
    booked = run(machine, redirection, "book", in_days(3), *WHO)
    mistaken = run(machine, redirection, "nonsense")

    assert (booked.exit, booked.out.count("\n"), mistaken.exit) == (0, 1, 2)


def test_a_closed_stdin_is_an_empty_one(machine: Machine) -> None:
    assert run(machine, "<&-", "bookings").exit == 0
    assert run(machine, "<&-", "book", "--file", "-").exit == 0


def test_no_file_of_ours_takes_the_number_of_a_closed_stream(machine: Machine) -> None:
    assert run(machine, "<&- >&- 2>&-", "book", in_days(3), *WHO).exit == 3

    kept = machine.process("bookings", "--json").result["bookings"]
    ledger = machine.folder / ".local/share/portalcal/ledger.db"
    assert (len(kept), ledger.read_bytes()[:15]) == (1, b"SQLite format 3")


@pytest.mark.parametrize("encoding", selection.first(["ascii", "latin-1", "utf-8:strict"], 1))
def test_every_page_is_shown_in_a_small_encoding(machine: Machine, encoding: str) -> None:
    machine.process("book", in_days(3), "--name", "Zoë Łukasz 王", "--email", "z@example.com")

    for arguments in (
        ("bookings",),
        ("availability",),
        ("--help",),
        ("status", "--offline"),
        ("bookings", "--json"),
    ):
        environ = {"PYTHONIOENCODING": encoding, "LANG": "C", "LC_ALL": "C"}
        ended = subprocess.run(
            [sys.executable, "-m", "portalcal", *arguments],
            capture_output=True, check=False, env=machine.environ | environ, timeout=300,
        )  # fmt: skip
        assert ended.returncode in {0, 3, 4}, ended.stderr
        assert b"Traceback" not in ended.stderr
        assert json.loads(ended.stdout) if "--json" in arguments else ended.stdout


def test_the_status_of_a_command_whose_stderr_is_full_is_its_own(machine: Machine) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "portalcal", "cancel", "unknown", "--json"],
            stdout=subprocess.PIPE, stderr=full, check=False, env=dict(os.environ) | machine.environ, timeout=300,
        )  # fmt: skip

    assert (ended.returncode, ended.stdout) == (6, b"")


@pytest.mark.parametrize("columns", selection.first(["0", "-1", "²", "99999999999"], 1))
@pytest.mark.parametrize("arguments", [("--help",), ("book", "--help"), ("bookings", "--nonsense")])
def test_a_size_of_the_terminal_that_is_none_hides_nothing(
    machine: Machine, columns: str, arguments: tuple[str, ...]
) -> None:
    ran = run(machine, "", *arguments, before=f"export COLUMNS={columns} LINES={columns}; ")

    assert len((ran.out + ran.err).split()) > 5


@pytest.mark.parametrize("encoding", selection.first(["ascii", "latin-1", "utf-16"], 1))
def test_exports_are_utf_8_in_every_locale(machine: Machine, encoding: str) -> None:
    booked = run(machine, "", "book", in_days(3), "--name", "Zoë 会", "--email", "zoe@example.com", "--force")
    before = f"export LC_ALL=C PYTHONUTF8=0 PYTHONIOENCODING={encoding}; "

    found = [run(machine, "", "bookings", "--format", form, before=before) for form in ("csv", "ics")]

    assert booked.exit == 0
    assert ["Zoë 会" in each.out for each in found] == [True, True]
