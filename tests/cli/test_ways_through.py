"""Three ways through portalcal, as an operator, an engineer and a support person walk them: the lines they go by."""

from __future__ import annotations

import io
import json

from portalcal.cli.app import run
from portalcal.simulator.google import Simulator
from tests.cli.conftest import Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")


class Terminal(io.StringIO):
    """A terminal, on which lines are for people."""

    def isatty(self) -> bool:
        return True


def test_an_operator_connects_offers_times_books_moves_and_cancels(
    portalcal: Shell, google: Simulator
) -> None:
    google.add_event("primary", "2026-11-24T09:00:00Z", "2026-11-24T12:00:00Z", "Course")

    connected = portalcal("connect")
    offered = portalcal("availability", "tomorrow", "--until", "fri", "--pick", "3", "--format", "text")
    booked = portalcal("book", "tue 2pm", *SAM)
    taken = portalcal("book", "tue 2pm", "--name", "Kim", "--email", "kim@example.com")
    moved = portalcal("reschedule", "sam@example.com", "wed 10.30", "--reason", "Sam is late")
    cancelled = portalcal("cancel", "sam@example.com")

    short = booked.out[:8]
    assert [connected.exit, booked.exit, taken.exit, moved.exit, cancelled.exit] == [0, 0, 5, 0, 0]
    assert "Google shows 3 boxes for them, all unticked. Tick every one." in connected.err
    assert connected.out.startswith("Connected as ana@example.com\n")
    assert offered.out == (
        "A meeting of 30 minutes could start at any of these times, all in London (Europe/London, UTC+00:00):\n"
        "\n"
        "- Tuesday 24 November, 12:00 to 12:30\n"
        "- Wednesday 25 November, 09:00 to 09:30\n"
        "- Thursday 26 November, 09:00 to 09:30\n"
    )
    assert booked.err.startswith("Booked\n\n  what    Meeting with Sam Lee\n")
    assert taken.err.startswith(
        f"error: Tue 24 Nov, 14:00-14:30 (London) is taken by Sam Lee's booking {short}. Nothing was booked.\n"
    )
    assert moved.out.startswith("Moved from Tue 24 Nov, 14:00-14:30 (London)\n")
    assert cancelled.out.startswith("Cancelled\n")
    assert "http" not in cancelled.out
    assert google.events() == [each for each in google.events() if each.get("summary") == "Course"]


def test_an_engineer_rehearses_a_file_books_it_and_runs_it_again(connected: Shell, google: Simulator) -> None:
    rows = (
        "start;name;email;minutes\n24.11.2026 10:00;Sam;sam@example.com;30\nsomeday;Kim;kim@example.com;30\n"
    )
    path = connected.folder / "bookings.csv"
    path.write_text(rows)

    slip = connected("--json", "avail")
    rehearsed = connected("--json", "book", "--file", str(path), "--dry-run", "--no-input")
    summary = Terminal()
    exit_ = run(("book", "--file", str(path)), connected.invocation(Terminal(), summary, {"TERM": "dumb"}))
    again = connected("book", "--file", str(path), "--require-event")
    refused = connected("bookings", "--workspace", "simulater", "--json")

    first, second = (json.loads(each) for each in rehearsed.out.splitlines())
    assert (slip.exit, slip.error["message"]) == (2, "there is no command avail; did you mean availability?")
    assert (rehearsed.exit, first["result"]["id"]) == (9, None)
    assert second["error"]["details"]["problems"][0]["value"] == '"someday"'
    assert (exit_, summary.getvalue()) == (9, "2 rows: 1 booked, 1 not (line 3)\n")
    assert json.loads(again.out.splitlines()[0])["result"]["replayed"] is True
    assert len(google.events()) == 1
    assert (refused.exit, refused.error["code"]) == (6, "workspace-not-found")


def test_a_support_person_finds_what_is_wrong_and_writes_the_report(
    connected: Shell, google: Simulator
) -> None:
    google.add_event("primary", "2026-11-24T10:00:00Z", "2026-11-24T17:00:00Z", "Course")
    booked = connected("book", "wed 10:00", *SAM)
    google.faults.add("freebusy.query: 503")
    failed = connected("availability")
    google.faults.clear()

    offline = connected("status", "--offline")
    explained = connected("availability", "--explain", "tomorrow")
    found = connected("bookings", "sam@example.com")
    report = connected("status", "--report", "-")

    assert (failed.exit, offline.exit) == (7, 0)
    assert offline.out.startswith("✓ Looks connected") or offline.out.startswith("! Looks connected")
    assert "Google was not asked" in offline.out.splitlines()[0]
    assert explained.out.splitlines()[:4] == [
        "Tue 24 Nov (London): 2 of 16 starts are offered",
        "",
        "  09:00 … 09:30  offered",
        "  10:00 … 16:30  busy     busy 10:00-17:00 on ana@example.com",
    ]
    assert found.out.startswith(booked.out.strip())
    assert "availability  google-busy  Google is busy (503)" in report.out
    assert "Sam" not in report.out
