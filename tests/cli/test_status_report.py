"""The file for a support ticket, and the line a workspace."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from pathlib import Path

import pytest

from portalcal.simulator.google import Simulator
from portalcal.views.report import redacted, secrets_in
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


def test_a_report_tells_the_last_changes_without_titles_guests_and_reasons(lively: Shell) -> None:
    (first, _) = lively.json("bookings").result["bookings"]
    lively("--actor", "ana.lee@example.com", "cancel", first["id"], "--reason", "Divorce is off")

    report = written(lively)

    (line,) = [each for each in report.splitlines() if "cancelling -> cancelled" in each]
    assert line.split() == [
        "2026-11-23T08:05:00Z", first["id"], "delivered", "command", "a…@example.com", "cancel",
        "state", "cancelling", "->", "cancelled;", "owed", "remove", "->", "none",
    ]  # fmt: skip
    assert not {"Divorce", "Samantha", "Merger", "Room"} & set(re.findall(r"\w+", report))


def test_a_report_tells_versions_checks_configuration_and_last_errors(lively: Shell) -> None:
    text = written(lively)

    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "portalcal status report"
    assert any(line.startswith("Python 3.") for line in lines)
    assert any(re.match(r"zone rules +\d{4}\w* of ", line) for line in lines)
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


def test_a_report_on_stdout_is_the_answer(connected: Shell) -> None:
    ran = connected("status", "--report", "-")

    assert (ran.exit, ran.err) == (0, "")
    assert ran.out.startswith("portalcal status report\n")
    assert not Path("-").exists()


def test_a_report_on_stdout_is_not_mixed_with_json(connected: Shell) -> None:
    error = connected.json("status", "--report", "-").error

    assert (error["exit"], error["message"]) == (2, "--json and --report - are two answers on stdout")


@pytest.mark.parametrize("device", ["/dev/null", "/dev/stderr"])
def test_a_device_is_written_into_and_stays_one(connected: Shell, device: str) -> None:
    before = Path(device).stat().st_mode

    assert connected("status", "--report", device).exit == 0

    assert Path(device).stat().st_mode == before


def test_a_pipe_gets_the_report(connected: Shell, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    ran = connected("status", "--report", str(pipe))
    text = os.read(reader, 60_000).decode()
    os.close(reader)

    assert (ran.exit, text[:23]) == (0, "portalcal status report")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_is_followed_and_stays_one(connected: Shell, tmp_path: Path, is_there: bool) -> None:
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    if is_there:
        target.write_text("old")
    link.symlink_to("target.txt")

    assert connected("status", "--report", str(link)).exit == 0

    assert link.is_symlink()
    assert target.read_text().startswith("portalcal status report\n")


def test_an_ordinary_file_is_replaced_as_a_whole_and_keeps_its_mode(connected: Shell, tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    file.write_text("old " * 100_000)
    file.chmod(0o640)
    with file.open() as opened:
        assert connected("status", "--report", str(file)).exit == 0

        # Who reads the old file reads all of it.
        assert opened.read() == "old " * 100_000

    assert file.read_text().startswith("portalcal status report\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert not list(tmp_path.glob(".report.txt*"))


def test_a_file_of_two_names_keeps_both(connected: Shell, tmp_path: Path) -> None:
    file, other = tmp_path / "report.txt", tmp_path / "other.txt"
    file.write_text("old")
    other.hardlink_to(file)

    assert connected("status", "--report", str(file)).exit == 0

    assert other.read_text() == file.read_text() != "old"


@pytest.mark.parametrize("name", ["missing/report.txt", "missing/deeper/report.txt", "dangling.txt"])
def test_a_folder_that_is_missing_is_not_made(connected: Shell, tmp_path: Path, name: str) -> None:
    (tmp_path / "dangling.txt").symlink_to("missing/report.txt")

    error = connected.json("status", "--report", str(tmp_path / name)).error

    assert (error["exit"], error["code"]) == (2, "usage")
    assert error["message"] == f"{tmp_path / name} cannot be written: no such file or directory"
    assert not (tmp_path / "missing").exists()


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
        ("ana@[10.0.0.1] and ana.lee@[IPv6:::1]", "a…@[10.0.0.1] and a…@[IPv6:::1]"),
        ('"ana b"@example.com', '"…"@example.com'),
        ("calendars/ana.lee%40example.com/events", "calendars/a…%40example.com/events"),
        ("ana.lee%2540example.com", "a…%2540example.com"),
        ("a@b@example.com", "a…@b…@example.com"),
        ("password=se&cret password = x", "password=(secret)&cret password = x"),
    ],
)
def test_addresses_are_shortened_and_secrets_left_out(text: str, shown: str) -> None:
    assert redacted(text, home=Path("/home/ana")) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a", "a"),
        ("://", "://"),
        ('"', '"'),
        ("a@", "a…@"),
        ("a%40", "a…%40"),
        ("password=", "password=(secret)"),
    ],
)
def test_a_text_as_long_as_anybody_makes_it_is_gone_through_once(text: str, shown: str) -> None:
    # What looks from every character to the end of the text takes half an hour for this.
    told = redacted(text * (500_000 // len(text)))

    assert told.startswith(shown)


def test_what_is_known_to_be_secret_is_left_out_wherever_it_stands() -> None:
    document = tomllib.loads(
        '[google]\nclient_secret = "hunter22"\n[ledger]\nurl = "postgresql://ana:p@ss/w ord@host/db?sslpassword=other1"\n'
        '[workspace.x.vault]\npassphrase = "open sesame"\n'
    )

    text = redacted(
        "said hunter22, p@ss/w ord, p%40ss%2Fw%20ord, other1 and open sesame", secrets=secrets_in(document)
    )

    assert text == "said (secret), (secret), (secret), (secret) and (secret)"


@pytest.mark.parametrize("is_readable", [True, False])
def test_no_secret_of_the_configuration_or_the_environment_is_in_a_report(
    connected: Shell, is_readable: bool
) -> None:
    connected.configure(
        '[ledger]\nurl = "oracle://ana:ge heim@db.example.com/x"\n' + ("" if is_readable else "[rule]\n")
    )
    connected.environ["PORTALCAL_VAULT_PASSPHRASE"] = "oracle"

    connected("status", "--report", str(connected.folder / "report.txt"))

    text = (connected.folder / "report.txt").read_text()
    assert "ge heim" not in text
    assert "oracle" not in text


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


def test_on_a_terminal_the_command_that_mends_a_workspace_has_a_line_of_its_own(
    connected: Shell, google: Simulator
) -> None:
    google.add_calendar("team@example.com", summary="Team", role="reader")
    assert connected.json("calendars", "--select", "Team").exit == 0
    google.share("team@example.com", ANA, role=None)

    shown = connected.on_terminal("status", "--all", columns=60)

    assert shown == (
        "✗  default  ana@example.com\n"
        "            Connected, but bookings are refused until this\n"
        "            is mended\n"
        "            hint: leave it out with\n"
        "       portalcal calendars --deselect team@example.com\n"
        "            or ask the owner of team@example.com to share it\n"
        "            again\n"
    )


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


# --- what a support person asks next


def report(shell: Shell) -> str:
    ran = shell("status", "--report", "-")
    return ran.out


def test_the_report_has_the_last_errors_of_commands_with_time_and_command(
    connected: Shell, google: Simulator
) -> None:
    google.faults.add("freebusy.query: 503")
    assert connected("book", "2026-11-24T10:00", "--name", "Sam Lee", "--email", "sam@example.com").exit == 7
    google.faults.clear()
    assert connected("cancel", "sam@example.com").exit == 6

    lines = report(connected).splitlines()

    first, second, *_ = lines[lines.index("last errors of commands") + 1 :]
    assert re.fullmatch(
        r"  2026-11-23T08:\d\d:\d\dZ  default  book  google-busy  Google is busy \(503\).*", first
    )
    assert re.fullmatch(r"  2026-11-23T08:\d\d:\d\dZ  default  cancel  booking-not-found", second)


def test_the_last_twenty_errors_are_kept_and_none_of_them_holds_a_guest(connected: Shell) -> None:
    connected("book", "2026-11-24T10:00", "--name", "Sam Lee", "--email", "sam@example.com")
    for _ in range(25):
        assert connected("book", "2026-11-24T10:00", "--name", "Kim", "--email", "kim@example.com").exit == 5

    (kept,) = (connected.folder.parent / "home").rglob("last-errors.jsonl")

    assert len(kept.read_text().splitlines()) == 20
    assert kept.stat().st_mode & 0o777 == 0o600
    assert not {"Sam", "Kim", "sam@", "kim@"} & set(re.findall(r"Sam|Kim|sam@|kim@", kept.read_text()))


def test_a_slip_of_the_keyboard_is_not_kept(connected: Shell) -> None:
    connected("bok")
    connected("book", "someday", "--name", "Sam", "--email", "sam@example.com")

    assert not list((connected.folder.parent / "home").rglob("last-errors.jsonl"))


def test_nothing_is_kept_where_nothing_may_be_changed(portalcal: Shell) -> None:
    assert portalcal("--read-only", "calendars").exit == 4

    assert not list((portalcal.folder.parent / "home").rglob("last-errors.jsonl"))


def test_a_damaged_log_of_errors_stops_nothing(connected: Shell) -> None:
    path = connected.folder.parent / "home/.local/share/portalcal/last-errors.jsonl"
    path.write_bytes(b"\xff\xfe[[[[\n{\n7\n")

    assert connected("cancel", "00000000").exit == 6
    assert "booking-not-found" in report(connected)


def test_the_report_names_variables_terminal_and_locale_and_no_value(connected: Shell) -> None:
    connected.environ |= {"LANG": "de_DE.UTF-8", "TERM": "xterm-256color", "PORTALCAL_VAULT_TIMEOUT": "7"}

    text = report(connected)

    assert "  locale              de_DE.UTF-8\n" in text
    assert "  terminal            xterm-256color, no terminal\n" in text
    assert "COLUMNS, PORTALCAL_CONFIG, PORTALCAL_VAULT_TIMEOUT, TZ" in text


def test_the_report_has_the_last_sync_and_the_dates_of_exceptions(connected: Shell) -> None:
    connected.configure(
        '[schedule.exceptions]\n2026-12-25 = []\n2026-12-31 = ["09:00-12:00"]\n"2027-07-24..2027-08-02" = []\n'
        '[[schedule.periods]]\nname = "Kim is away"\nfrom = 2027-09-01\nuntil = 2027-09-05\nfri = []\n'
    )
    assert "last sync\n  never, or not known\n" in report(connected)
    connected("sync")

    text = report(connected)

    assert "last sync\n  2026-11-23T08:00:00Z\n" in text
    assert "  schedule.exceptions 2026-12-25, 2026-12-31, 2027-07-24..2027-08-02\n" in text
    assert " ".join(text.split()).count("schedule.periods 2027-09-01..2027-09-05") == 1
    assert "Kim" not in text
