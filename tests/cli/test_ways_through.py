"""Three ways through portalcal, as an operator, an engineer and a support person walk them: the lines they go by."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path

import jsonschema
import pytest

from portalcal.cli.app import run
from portalcal.core.schedule import WEEKDAYS
from portalcal.simulator.google import Simulator
from tests.cli.conftest import Shell
from tests.terminal import Terminal

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
WINTER = """
[schedule.exceptions]
"2026-12-24..2027-01-02" = []
[rules]
duration = "45m"
buffer_after = "15m"
"""


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


def test_an_operator_begins_a_configuration_and_ticks_the_boxes(portalcal: Shell, google: Simulator) -> None:
    elsewhere = {"PORTALCAL_CONFIG": str(portalcal.folder / "none.toml")}

    located = portalcal("config", environ=elsewhere)
    example = portalcal("config", "--example")
    unconnected = portalcal("status", "--offline")
    google.consent = "partial"
    unticked = portalcal("connect")
    google.consent = "auto"
    ticked = portalcal("connect")

    place = elsewhere["PORTALCAL_CONFIG"]
    assert (located.exit, located.out.splitlines()[-1]) == (0, f"  portalcal config --example > {place}")
    assert example.out.startswith("# portalcal's configuration.")
    assert (unconnected.exit, unconnected.out.splitlines()[0]) == (4, "✗ Not connected")
    assert (unticked.exit, unticked.err.splitlines()[-3:]) == (
        4,
        [
            'error: permissions missing: "Create events", "Edit events". Nothing was stored.',
            "",
            "hint: run `portalcal connect` and tick every box",
        ],
    )
    assert (ticked.exit, ticked.out.splitlines()[0]) == (0, "Connected as ana@example.com")


def test_an_operator_closes_the_holidays_and_spaces_the_starts(connected: Shell) -> None:
    connected.configure(WINTER)

    crowded = connected("status", "--offline")
    connected.configure(WINTER.replace("[rules]", '[rules]\nstep = "60m"'))
    spaced = connected("status", "--offline")
    closed = connected("availability", "--explain", "2026-12-28")
    open_again = connected("availability", "2026-12-24", "--until", "2027-01-08", "--limit", "1")

    remark = "open 5 days a week, Europe/London; starts lie every 45m, a meeting with its buffers takes 1h\n"
    assert (remark in crowded.out, remark in spaced.out) == (True, False)
    assert closed.out.splitlines()[:3] == [
        "Mon 28 Dec (London): no start is offered",
        "",
        "  all day  exception  Mon 28 Dec is closed by an exception",
    ]
    assert open_again.out.splitlines()[2:] == ["Monday 4 January: 1 time", "  09:00 to 09:45"]


@pytest.mark.parametrize(
    ("window", "first"),
    [
        (("mon", "--until", "fri"), "Monday 30 November"),
        (("this week",), "Wednesday 25 November, today"),
        (("next week",), "Monday 30 November"),
        (("in 3 days",), "Saturday 28 November"),
        (("in 1 week", "--days", "1"), "Wednesday 2 December"),
    ],
)
def test_an_operator_says_on_a_wednesday_which_days_are_meant(
    connected: Shell, google: Simulator, window: tuple[str, ...], first: str
) -> None:
    connected.configure("[schedule]\n" + "".join(f'{day} = ["09:00-17:00"]\n' for day in WEEKDAYS))
    google.clock.advance(days=2)

    ran = connected("availability", *window, "--limit", "1")

    assert (ran.exit, ran.out.splitlines()[2]) == (0, f"{first}: 1 time")


def test_an_operator_reads_of_a_day_that_is_full_and_of_a_link_that_is_being_made(
    connected: Shell, google: Simulator
) -> None:
    connected.configure("[rules]\nmax_per_day = 2\n")
    google.conference = "pending"

    booked = connected("book", "fri 2pm", *SAM, "--meet")
    shown = connected("bookings", booked.out.strip())
    connected("book", "fri 10.30", "--name", "Kim", "--email", "kim@example.com")
    grid = connected("availability", "fri", "--days", "1")
    listed = connected("bookings", "--from", "mon", "--until", "sun")
    days = connected("bookings", "--days", "3")
    page = connected("availability", "next week", "--limit", "2", "--format", "html", "--for-guests")

    assert "  Meet    Google is still making the link\n" in booked.err
    assert "  Meet    https://meet.google.com/" in shown.out
    assert "full (2 of 2)" in grid.out
    assert (listed.out, days.out) == ("No bookings\n", "No bookings\n")
    assert page.out.count("<time ") == 2
    assert "<table" not in page.out


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


def test_an_engineer_sets_a_script_up_where_nobody_is_asked(
    portalcal: Shell, google: Simulator, tmp_path: Path
) -> None:
    portalcal.configure("[workspace.jobs]\n")
    secrets = tmp_path / "passphrase"
    secrets.write_text("open barley\n")
    portalcal.has_own_vault = False
    nobody = {"PORTALCAL_NO_INPUT": "1", "PORTALCAL_WORKSPACE": "jobs"}
    server = nobody | {"PORTALCAL_VAULT_PASSPHRASE_FILE": str(secrets)}

    connected = portalcal("connect", "--vault", "file", environ=server)
    locked = [portalcal(*words, environ=nobody).exit for words in (("sync",), ("calendars",), ("status",))]
    before = portalcal("--json", "--workspace", "jobs", "calendars", environ=server)
    behind = portalcal("calendars", "--workspace", "jobs", "--json", environ=server)

    assert (connected.exit, locked) == (0, [3, 3, 3])
    assert before.out == behind.out
    assert before.result["calendars"][0]["id"] == "ana@example.com"


def test_an_engineer_reads_what_is_waited_for_and_what_went_wrong(
    connected: Shell, google: Simulator
) -> None:
    google.faults.add("freebusy.query: 503 once")
    log, attended = connected.folder / "portalcal.log", Terminal()

    line = ("availability", "--limit", "1", "--log-file", str(log))
    exit_ = run(line, connected.invocation(io.StringIO(), attended, {"TERM": "dumb"}))
    logged = [json.loads(each) for each in log.read_text().splitlines()]
    google.faults.add("freebusy.query: 503")
    failed = connected("book", "tue 2pm", *SAM, "--json")

    waited = "Google is busy, trying again (2 of 4)"
    assert (exit_, attended.getvalue().splitlines()[0]) == (0, waited)
    assert [each["level"] for each in logged if each["message"] == waited] == ["info"]
    assert all(datetime.fromisoformat(each["at"]).tzinfo for each in logged)
    assert (failed.exit, failed.error["code"], failed.error["retryable"]) == (7, "google-busy", True)


def test_an_engineer_makes_sure_that_bookings_have_events(portalcal: Shell, google: Simulator) -> None:
    refused = portalcal.json("book", "tue 2pm", *SAM, "--require-event")
    recorded = portalcal.json("book", "tue 2pm", *SAM)
    portalcal.connect()
    counted = portalcal("sync")
    added = portalcal.json("sync", "--add-missing")

    assert (refused.exit, refused.error["code"]) == (4, "not-connected")
    booked = json.loads(recorded.out)["result"]
    assert (recorded.exit, booked["event_id"]) == (0, None)
    assert "1 booking has no event; make it with `portalcal sync --add-missing`" in counted.err
    assert added.result["added"] == [booked["id"]]
    assert [each["summary"] for each in google.events()] == ["Meeting with Sam Lee"]


def test_an_engineer_checks_answers_against_the_published_schema(connected: Shell) -> None:
    published = connected("schema", "book")
    answer = connected("book", "tue 2pm", *SAM, "--json")
    refusal = connected("book", "tue 2pm", "--name", "Kim", "--email", "kim@example.com", "--json")

    schema = jsonschema.Draft202012Validator(json.loads(published.out))
    for text in (answer.out, refusal.err):
        schema.validate(json.loads(text))
    assert not schema.is_valid(json.loads(answer.out) | {"result": {"id": 1}})


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


def test_a_support_person_reads_names_and_dates_and_no_value(connected: Shell, google: Simulator) -> None:
    connected.configure(WINTER)
    connected("book", "tue 09:45", *SAM)
    never = connected("status")
    connected("sync")
    connected.vault.forget()

    report = connected("status", "--report", "-", environ={"PORTALCAL_ACTOR": "portal-7"})

    assert "sync has never run" in never.out
    lines = [" ".join(each.split()) for each in report.out.splitlines()]
    assert "account a…@example.com" in lines
    assert "last sync" in lines
    assert "schedule.exceptions 2026-12-24..2027-01-02" in " ".join(lines)
    assert any(each.startswith("variables set ") and "PORTALCAL_ACTOR" in each for each in lines)
    assert any(each.startswith("locale ") for each in lines)
    assert "portal-7" not in report.out
    assert report.out.count("rests on") >= 5


def test_a_support_person_is_told_why_a_grant_is_dead_and_what_mends_it(
    connected: Shell, google: Simulator
) -> None:
    google.grants.policy.testing = True
    google.clock.advance(days=8)

    ended = connected("status", environ={"COLUMNS": "60"})

    lines = [each.strip() for each in ended.out.splitlines()]
    assert (ended.exit, lines[0]) == (4, "✗ The connection has expired")
    assert "portalcal connect" in lines
    assert sum(each.startswith("·") for each in lines) == 1
