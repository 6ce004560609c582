"""The file for a support ticket, and the line a workspace."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from portalcal.simulator import Simulator
from portalcal.views.report import redacted
from tests.cli.conftest import ANA, NOW, Shell
from tests.cli.hints import assert_can_be_run

GUEST = ("--name", "Samantha Leeuwenhoek", "--email", "samantha@guests.example.org")
PRIVATE = """
[links.intro]
title = "Divorce talk with {name}"
location = "Room 101"
notes = "Bring the papers"

[rules]
notice = "2h"
"""


@pytest.fixture
def lively(connected: Shell, google: Simulator) -> Shell:
    """A machine with a calendar, bookings, one of them owed, and a configuration that is nobody's business."""
    connected.configure(PRIVATE)
    google.add_calendar("team@example.com", summary="Surgery dates", role="reader")
    google.add_event(ANA, NOW, NOW, "Oncologist")
    connected.json("calendars", "--select", "team@example.com")
    assert connected.json("book", "2026-11-24T10:00", "--link", "intro", *GUEST).exit == 0
    google.faults.add("events.insert: 403-quotaExceeded")
    assert (
        connected.json(
            "book", "2026-11-24T12:00", "--title", "Merger", "--guest", "kim@guests.example.org", *GUEST
        ).exit
        == 8
    )
    google.faults.clear()
    google.clock.advance(minutes=5)
    return connected


def written(shell: Shell, *arguments: str) -> str:
    """The report that a `status` writes."""
    path = shell.folder / "report.txt"
    ran = shell("status", "--report", str(path), *arguments)
    assert f"Report written to {path}" in ran.err.replace("\n", "")
    return path.read_text(encoding="utf-8")


def test_a_report_holds_no_secret_no_whole_address_no_title_and_no_guest(
    lively: Shell, google: Simulator
) -> None:
    text = written(lively)

    assert not [each for each in google.secrets() if each in text]
    for each in (
        ANA, "samantha", "kim@", "Samantha", "Leeuwenhoek", "team@example.com", "Divorce", "Room 101", "papers",
        "Merger", "Surgery", "Oncologist", str(lively.folder.parent / "home"),
    ):  # fmt: skip
        assert each not in text, each
    assert "a…@example.com" in text
    assert "t…@example.com" in text


def test_a_report_tells_versions_checks_configuration_and_last_errors(lively: Shell) -> None:
    text = written(lively)

    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "portalcal status report"
    assert any(line.startswith("Python 3.") for line in lines)
    assert any(line.startswith("google-auth 2.") for line in lines)
    assert "state degraded" in lines
    assert any(line.startswith("ok config.file") for line in lines)
    assert "hint: run `portalcal sync`" in lines
    assert any(line.startswith("put, 1 tries: a usage limit of Google Calendar is used up") for line in lines)
    assert any(line.startswith("rules duration 30m, step 30m") and "notice 2h" in line for line in lines)
    assert "schedule.mon 09:00-17:00" in lines
    assert any(line.startswith("links.intro") for line in lines)
    assert "live 2" in lines


def test_a_report_is_for_its_owner_alone(connected: Shell) -> None:
    written(connected)

    assert stat.S_IMODE((connected.folder / "report.txt").stat().st_mode) == 0o600


def test_a_report_can_be_had_of_what_is_broken_and_beside_json(connected: Shell) -> None:
    connected.configure(
        '[ledger]\nurl = "oracle://ana:geheim@db.example.com/x?password=alsogeheim"\n[rule]\n'
    )
    path = connected.folder / "report.txt"

    ran = connected.json("status", "--report", str(path))

    assert (ran.exit, ran.err) == (3, "")
    text = path.read_text(encoding="utf-8")
    assert "state               misconfigured" in text
    assert "geheim" not in text


def test_a_report_that_cannot_be_written_says_so(connected: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    error = connected.json("status", "--report", str(tmp_path / "file" / "report.txt")).error

    assert error["exit"] == 2
    assert "cannot be written" in error["message"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("of ana.lee+x@mail.example.com, today", "of a…@mail.example.com, today"),
        ("c_188f@group.calendar.google.com", "c…@group.calendar.google.com"),
        ("<ana@example.com>", "<a…@example.com>"),
        ("jürgen@exämple.de", "j…@exämple.de"),
        ("postgresql://ana:pw@host/db", "postgresql://(secret)@host/db"),
        ("postgresql://ana:p/w@x@host/db?a=b", "postgresql://(secret)@host/db?a=b"),
        ("Bearer ya29.a0AfB_byC-xyz", "Bearer (secret)"),
        ("1//0gLongRefreshToken", "(secret)"),
        ("/home/ana/.config/portalcal/config.toml", "~/.config/portalcal/config.toml"),
        ("no address here", "no address here"),
    ],
)
def test_addresses_are_shortened_and_secrets_left_out(text: str, shown: str) -> None:
    assert redacted(text, home=Path("/home/ana")) == shown


# --- all workspaces -------------------------------------------------------------------------------------------


@pytest.fixture
def several(connected: Shell, google: Simulator) -> Shell:
    """Three workspaces: one connected, one configured and closed all week, one whose connection was revoked."""
    connected.configure('[workspace.sales]\n[workspace.sales.rules]\nnotice = "1h"\n')
    connected.environ["PORTALCAL_WORKSPACE"] = "support"
    connected.connect()
    del connected.environ["PORTALCAL_WORKSPACE"]
    return connected


def test_all_has_a_line_for_each_workspace_and_the_worst_exit(several: Shell) -> None:
    ran = several("status", "--all")

    assert ran.exit == 4
    lines = ran.out.splitlines()
    assert [line.split()[1] for line in lines] == ["default", "sales", "support"]
    assert lines[0].split("  ")[-1] == "Connected: everything works"
    assert "Not connected: run `portalcal --workspace sales connect`" in " ".join(lines[1].split())


def test_all_as_json_holds_every_diagnosis(several: Shell) -> None:
    ran = several.json("status", "--all")
    result = json.loads(ran.out)["result"]

    assert (ran.exit, result["state"]) == (4, "disconnected")
    assert {each["workspace"]: each["state"] for each in result["workspaces"]} == {
        "default": "connected",
        "sales": "disconnected",
        "support": "connected",
    }
    for workspace in result["workspaces"]:
        for each in workspace["checks"]:
            assert_can_be_run(each["hint"] or "")


def test_what_a_person_must_mend_is_worse_than_what_may_pass(several: Shell, google: Simulator) -> None:
    google.stop()

    assert several("status", "--all").exit == 4


def test_a_machine_that_was_never_connected_has_one_line(portalcal: Shell) -> None:
    ran = portalcal("status", "--all")

    assert (ran.exit, len(ran.out.splitlines())) == (4, 1)


def test_a_report_of_all_tells_every_workspace(several: Shell) -> None:
    text = written(several, "--all")

    assert [line for line in text.splitlines() if line.startswith("==")] == [
        "== workspace default",
        "== workspace sales",
        "== workspace support",
    ]
