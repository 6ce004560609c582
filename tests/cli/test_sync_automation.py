"""What lets `sync` run by itself: a hook for every change, figures for monitoring, units to install."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")


def book(shell: Shell, hour: int) -> str:
    identifier: str = shell.json("book", f"2026-11-24T{hour}:00", *SAM).result["id"]
    return identifier


# --- a hook -----------------------------------------------------------------------------------------------------


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "in box.jsonl"


@pytest.fixture
def hooked(connected: Shell, inbox: Path) -> Shell:
    """A machine on which a hook has run before."""
    connected("sync", "--exec", f"cat >> '{inbox}'")
    return connected


def received(inbox: Path) -> list[dict[str, Any]]:
    return [json.loads(each) for each in inbox.read_text().splitlines()] if inbox.exists() else []


def test_every_change_since_the_last_run_is_handed_over_once(
    hooked: Shell, google: Simulator, inbox: Path
) -> None:
    booking = book(hooked, 10)
    google.model.put(google.calendar("primary"), google.events()[0] | {"status": "cancelled"})

    for _ in range(2):
        ran = hooked.json("sync", "--exec", f"cat >> '{inbox}'")
        assert (ran.exit, ran.warnings) == (0, [])

    told = received(inbox)
    assert [(each["booking"], each["what"], each["by"]) for each in told] == [
        (booking, "held", "command"),
        (booking, "confirmed", "command"),
        (booking, "cancelled", "calendar"),
    ]
    assert told == hooked.json("history").result["history"]


def test_the_first_time_what_was_before_is_not_handed_over(connected: Shell, inbox: Path) -> None:
    book(connected, 10)
    connected("sync", "--exec", f"cat >> '{inbox}'")

    assert received(inbox) == []


def test_a_hook_that_fails_is_a_warning_and_is_tried_again(hooked: Shell, inbox: Path) -> None:
    booking = book(hooked, 10)

    failed = hooked.json("sync", "--exec", "echo no such host >&2; exit 3")
    (warning,) = json.loads(failed.out)["warnings"]
    mended = hooked.json("sync", "--exec", f"cat >> '{inbox}'")

    assert (failed.exit, warning["code"], warning["details"]["booking"]) == (0, "hook-failed", booking)
    assert warning["details"]["why"] == "it ended with 3: no such host"
    assert (mended.exit, mended.warnings) == (0, [])
    assert [each["what"] for each in received(inbox)] == ["held", "confirmed"]


def test_of_what_a_hook_says_only_the_end_is_kept(hooked: Shell) -> None:
    book(hooked, 10)

    failed = hooked.json("sync", "--exec", "yes noise | head -c 3000000 >&2; echo no such host >&2; exit 3")

    (warning,) = json.loads(failed.out)["warnings"]
    assert warning["details"]["why"] == "it ended with 3: no such host"


def test_a_hook_is_given_no_secret(hooked: Shell, inbox: Path) -> None:
    book(hooked, 10)
    secrets = ("PORTALCAL_VAULT_PASSPHRASE", "PORTALCAL_REFRESH_TOKEN", "PORTALCAL_ACCESS_TOKEN")
    token = str(hooked.google.issue_token())
    environ = {"PORTALCAL_VAULT_PASSPHRASE": "correct horse", "PORTALCAL_ACCESS_TOKEN": token, "KEPT": "yes"}

    hooked("sync", "--exec", f"env > '{inbox}'", environ=environ)

    given = inbox.read_text()
    assert "KEPT=yes" in given
    assert not any(f"{name}=" in given for name in secrets)


def test_after_a_failure_the_order_is_kept(hooked: Shell, inbox: Path) -> None:
    book(hooked, 10)
    only_confirmations = f"""grep '"what": "confirmed"' >> '{inbox}'"""

    hooked("sync", "--exec", only_confirmations)

    assert received(inbox) == []


def test_a_sync_that_fails_still_hands_over_what_commands_did(
    hooked: Shell, google: Simulator, inbox: Path
) -> None:
    book(hooked, 10)
    google.faults.add("events.list: 503")

    ran = hooked("sync", "--exec", f"cat >> '{inbox}'")

    assert ran.exit == 7
    assert [each["what"] for each in received(inbox)] == ["held", "confirmed"]


def test_what_a_hook_prints_is_not_part_of_the_answer(hooked: Shell) -> None:
    book(hooked, 10)
    ran = hooked.json("sync", "--exec", "echo noise; echo more >&2; cat > /dev/null")

    assert ran.result["delivered"] == []


# --- figures ----------------------------------------------------------------------------------------------------


FIGURES = """\
# HELP portalcal_up Whether the last run of sync succeeded.
# TYPE portalcal_up gauge
portalcal_up 1
# HELP portalcal_grant_age_seconds Time since consent was given.
# TYPE portalcal_grant_age_seconds gauge
portalcal_grant_age_seconds 60
# HELP portalcal_bookings Bookings by state.
# TYPE portalcal_bookings gauge
portalcal_bookings{state="held"} 1
portalcal_bookings{state="confirmed"} 1
portalcal_bookings{state="cancelling"} 0
portalcal_bookings{state="cancelled"} 0
portalcal_bookings{state="refused"} 0
# HELP portalcal_owed Calls that are owed to Google.
# TYPE portalcal_owed gauge
portalcal_owed 1
# HELP portalcal_oldest_owed_seconds Age of the oldest call owed to Google.
# TYPE portalcal_oldest_owed_seconds gauge
portalcal_oldest_owed_seconds 60
# HELP portalcal_last_sync_timestamp_seconds When sync last succeeded.
# TYPE portalcal_last_sync_timestamp_seconds gauge
portalcal_last_sync_timestamp_seconds 1795420860
"""


def test_the_figures_of_a_run(connected: Shell, google: Simulator, tmp_path: Path) -> None:
    book(connected, 10)
    google.faults.add("events.insert: 403-quotaExceeded")
    assert connected.json("book", "2026-11-24T12:00", *SAM).exit == 8
    google.clock.advance(seconds=60)
    path = tmp_path / "portalcal.prom"

    ran = connected("sync", "--metrics", str(path))

    assert ran.exit == 8
    assert path.read_text() == FIGURES
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_run_that_fails_is_down_and_remembers_when_it_was_up(
    connected: Shell, google: Simulator, tmp_path: Path
) -> None:
    path = tmp_path / "portalcal.prom"
    connected("sync", "--metrics", str(path))
    google.faults.add("events.list: 503")
    google.clock.advance(seconds=60)

    ran = connected("sync", "--metrics", str(path))

    assert ran.exit == 7
    assert "\nportalcal_up 0\n" in path.read_text()
    assert "\nportalcal_last_sync_timestamp_seconds 1795420800\n" in path.read_text()


def test_a_ledger_that_cannot_be_read_is_down(connected: Shell, tmp_path: Path) -> None:
    book(connected, 10)
    path = tmp_path / "portalcal.prom"
    next(tmp_path.rglob("ledger.db")).write_bytes(b"no ledger" * 1000)

    ran = connected("sync", "--metrics", str(path))

    assert ran.exit == 3
    assert path.read_text().splitlines()[2:] == ["portalcal_up 0"]


def test_another_workspace_is_named(connected: Shell, tmp_path: Path) -> None:
    path = tmp_path / "portalcal.prom"
    connected.configure("[workspace.sales]\n")

    ran = connected("--workspace", "sales", "sync", "--metrics", str(path))

    assert ran.exit == 4
    assert 'portalcal_up{workspace="sales"} 0' in path.read_text()
    assert 'portalcal_bookings{workspace="sales",state="held"} 0' in path.read_text()


# --- units ------------------------------------------------------------------------------------------------------


def units(shell: Shell, *more: str) -> dict[str, str]:
    """The files that are printed for systemd, by their names."""
    parts = re.split(
        r"^# ~/\.config/systemd/user/(\S+)\n",
        shell("sync", *more, "--print-unit", "systemd").out,
        flags=re.MULTILINE,
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_units_run_this_very_command(connected: Shell, tmp_path: Path) -> None:
    printed = units(connected, "--exec", 'echo "100%" $HOME', "--metrics", "x.prom")

    service, timer = printed["portalcal-sync.service"], printed["portalcal-sync.timer"]
    (command,) = re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)
    assert command.partition(" ")[0].endswith("portalcal")
    assert command.endswith(
        f'--config {connected.environ["PORTALCAL_CONFIG"]} sync --exec "echo \\"100%%\\" $$HOME" --metrics {Path("x.prom").absolute()}'
    )
    assert "SuccessExitStatus=8" in service
    assert "LoadCredential" not in service
    assert "RandomizedDelaySec=60" in timer


def test_a_vault_file_gets_its_passphrase(connected: Shell) -> None:
    path = next(connected.folder.parent.rglob("connection.toml"))
    path.write_text(path.read_text().replace('vault = "memory"', 'vault = "file"'))

    service = units(connected)["portalcal-sync.service"]
    crontab = connected("sync", "--print-unit", "cron").out

    assert "LoadCredential=passphrase:%h/.config/portalcal/portalcal-sync.passphrase\n" in service
    assert "Environment=PORTALCAL_VAULT_PASSPHRASE_FILE=%d/passphrase\n" in service
    assert f"\nPORTALCAL_VAULT_PASSPHRASE_FILE={Path.home()}/.config/portalcal/" in crontab


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="apt-get install systemd")
def test_systemd_finds_nothing_wrong_with_the_units(connected: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "units"
    folder.mkdir()
    for name, text in units(connected, "--exec", "true").items():
        (folder / name).write_text(text)

    checked = subprocess.run(
        ["systemd-analyze", "verify", *map(str, folder.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_line_for_cron_runs_this_very_command(connected: Shell) -> None:
    connected.configure("[workspace.sales]\n")

    ran = connected("--workspace", "sales", "sync", "--exec", "date +%F", "--print-unit", "cron")

    *_, line = ran.out.splitlines()
    assert re.match(r"[0-4]-59/5 \* \* \* \* \S*portalcal --workspace sales --config \S+ sync --exec ", line)
    assert line.endswith(r"'date +\%F' > /dev/null")


def test_printing_a_unit_changes_nothing_and_asks_nobody(connected: Shell, google: Simulator) -> None:
    assert connected("--read-only", "sync", "--print-unit", "systemd").exit == 0
    assert google.count() == 0


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        (("--dry-run", "--exec", "true"), "--dry-run and --exec exclude each other"),
        (("--dry-run", "--metrics", "x"), "--dry-run and --metrics exclude each other"),
        (("--json", "--print-unit", "cron"), "--json and --print-unit are two formats"),
        (
            ("--metrics", "/no/such/folder/x"),
            "/no/such/folder/x cannot be written: no such file or directory",
        ),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    connected: Shell, line: tuple[str, ...], fact: str
) -> None:
    ran = connected("sync", *line)

    assert ran.exit == 2
    assert fact in ran.err
