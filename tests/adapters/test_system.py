from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portalcal.adapters import browser
from portalcal.adapters.browser import browser_available, is_over_ssh, is_wsl, open_browser
from portalcal.adapters.system import SystemClock, paths

pytestmark = pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="states facts about Linux")


def a_program(folder: Path, name: str, *, script: str = "exit 0") -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def zone_of_a_process_with(tz: str | None) -> str:
    environ = {name: value for name, value in os.environ.items() if name != "TZ"}
    code = "from portalcal.adapters.local_zone import machine_zone; print(machine_zone().key)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environ | ({"TZ": tz} if tz is not None else {}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_the_clock_shows_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_ids_are_random() -> None:
    clock = SystemClock()

    assert clock.new_id().version == 4
    assert clock.new_id() != clock.new_id()


@pytest.mark.parametrize(
    ("tz", "zone"),
    [
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        (":Europe/Berlin", "Europe/Berlin"),
        ("/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
    ],
)
def test_the_zone_of_this_machine_has_its_iana_name(tz: str, zone: str) -> None:
    assert zone_of_a_process_with(tz) == zone


@pytest.mark.parametrize("tz", [None, "", "EST5EDT,M3.2.0,M11.1.0", "Mars/Olympus"])
def test_a_machine_without_a_nameable_zone_still_has_one(tz: str | None) -> None:
    ZoneInfo(zone_of_a_process_with(tz))


def test_files_are_where_the_desktop_specification_wants_them(tmp_path: Path) -> None:
    found = paths({})

    assert found.config_file == tmp_path / "home/.config/portalcal/config.toml"
    assert found.data_dir == tmp_path / "home/.local/share/portalcal"
    assert not found.config_is_named


def test_the_configuration_file_can_be_named(tmp_path: Path) -> None:
    found = paths({"PORTALCAL_CONFIG": "~/other.toml"})

    assert found.config_file == tmp_path / "home/other.toml"
    assert found.config_is_named


def test_a_session_over_ssh_is_noticed() -> None:
    assert is_over_ssh({"SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"})
    assert not is_over_ssh({"SSH_CONNECTION": "", "SSH_AUTH_SOCK": "/run/agent"})


def test_linux_inside_windows_is_noticed() -> None:
    assert is_wsl({"WSL_DISTRO_NAME": "Debian"})
    assert not is_wsl({})


def test_a_server_without_a_display_has_no_browser(tmp_path: Path) -> None:
    a_program(tmp_path / "bin", "firefox")

    assert not browser_available({"PATH": str(tmp_path / "bin")})


@pytest.mark.parametrize("display", [{"DISPLAY": ":0"}, {"WAYLAND_DISPLAY": "wayland-0"}])
def test_a_desktop_with_a_browser_has_one(tmp_path: Path, display: dict[str, str]) -> None:
    a_program(tmp_path / "bin", "firefox")

    assert browser_available({"PATH": str(tmp_path / "bin"), **display})


def test_a_desktop_without_any_browser_has_none(tmp_path: Path) -> None:
    assert not browser_available({"PATH": str(tmp_path), "DISPLAY": ":0"})


def test_windows_lends_its_browser_to_the_linux_inside_it(tmp_path: Path) -> None:
    a_program(tmp_path / "bin", "wslview")

    assert browser_available({"PATH": str(tmp_path / "bin"), "WSL_DISTRO_NAME": "Debian"})


@pytest.mark.parametrize(
    "words", ["mybrowser", "mybrowser --new-window %s", "mybrowser %s &", "nothing:mybrowser"]
)
def test_a_browser_that_is_named_counts_without_a_display(tmp_path: Path, words: str) -> None:
    a_program(tmp_path / "bin", "mybrowser")

    assert browser_available({"PATH": str(tmp_path / "bin"), "BROWSER": words})


@pytest.mark.parametrize("words", ["lynx", "nothing", "", "'unclosed", "/nowhere/firefox"])
def test_text_browsers_and_missing_ones_do_not_count(tmp_path: Path, words: str) -> None:
    a_program(tmp_path / "bin", "lynx")

    assert not browser_available({"PATH": str(tmp_path / "bin"), "BROWSER": words, "TERM": "xterm"})


def test_no_browser_is_said_and_nothing_is_started(tmp_path: Path) -> None:
    assert not open_browser("http://127.0.0.1/", environ={"PATH": str(tmp_path)})


def opened(tmp_path: Path, *, browser: str) -> subprocess.CompletedProcess[str]:
    """What a process that opens a browser and then waits for a file writes itself; the file holds the address."""
    note = tmp_path / "note"
    os.mkfifo(note)
    shown = tmp_path / "bin" / "mybrowser"
    a_program(
        shown.parent, shown.name, script=f'echo noise; echo noise >&2; echo "$1" > {shlex.quote(str(note))}'
    )
    code = (
        "import sys; from pathlib import Path; from portalcal.adapters.browser import open_browser\n"
        "started = open_browser(sys.argv[1])\n"
        f"print(started, Path({str(note)!r}).read_text().strip())"
    )
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, "http://127.0.0.1:1/?a=1&b=$(id)"],
        env=os.environ | {"BROWSER": browser.format(shown)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )


@pytest.mark.parametrize("browser", ["{} %s", "{} %s &", "{}"])
def test_the_browser_gets_the_address_and_keeps_its_noise_to_itself(tmp_path: Path, browser: str) -> None:
    done = opened(tmp_path, browser=browser)

    assert done.stdout == "True http://127.0.0.1:1/?a=1&b=$(id)\n"
    assert done.stderr == ""


def test_a_browser_that_never_ends_does_not_hold_us_up(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    a_program(tmp_path / "bin", "mybrowser", script=f"cat < {shlex.quote(str(gate))}")
    environ = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "BROWSER": "mybrowser %s"}

    assert open_browser("http://127.0.0.1/", environ=environ)

    # Only here may the browser end: writing to the gate waits until it reads.
    gate.write_text("", encoding="utf-8")


def test_ctrl_c_in_our_terminal_does_not_reach_the_browser(tmp_path: Path) -> None:
    """It is sent to the session of the terminal, which the browser is not in (the sixth field of proc_pid_stat(5))."""
    note = tmp_path / "note"
    os.mkfifo(note)
    a_program(
        tmp_path / "bin", "mybrowser", script=f"cut -d ' ' -f 6 /proc/$$/stat > {shlex.quote(str(note))}"
    )
    environ = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "BROWSER": "mybrowser %s"}

    open_browser("http://127.0.0.1/", environ=environ)

    assert int(note.read_text(encoding="utf-8")) != os.getsid(0)


def test_what_tzlocal_thinks_of_a_machine_does_not_reach_our_output() -> None:
    code = "import portalcal.adapters.local_zone, logging; logging.getLogger('tzlocal').warning('deprecated')"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("", "")


def test_text_browsers_and_our_secrets_are_kept_from_the_process_that_opens_one(tmp_path: Path) -> None:
    a_program(tmp_path / "bin", "lynx")
    a_program(tmp_path / "bin", "mybrowser")
    environ = {"PATH": str(tmp_path / "bin"), "BROWSER": "lynx:mybrowser %s", "TERM": "xterm"}
    environ["PORTALCAL_VAULT_PASSPHRASE"] = "open sesame"

    assert browser._for_graphical_browsers(environ) == {
        "PATH": str(tmp_path / "bin"),
        "BROWSER": "mybrowser %s",
    }
