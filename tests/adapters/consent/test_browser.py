"""Finding and starting a browser."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from portalcal.adapters.consent import browser
from portalcal.adapters.consent.browser import browser_available, is_over_ssh, is_wsl, open_browser

pytestmark = pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="states facts about Linux")


def a_program(folder: Path, name: str, *, script: str = "exit 0") -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_an_ssh_session_is_detected() -> None:
    assert is_over_ssh({"SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"})
    assert not is_over_ssh({"SSH_CONNECTION": "", "SSH_AUTH_SOCK": "/run/agent"})


def test_wsl_is_detected() -> None:
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


def test_wsl_uses_the_browser_of_windows(tmp_path: Path) -> None:
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


def test_without_a_browser_no_process_is_started(tmp_path: Path) -> None:
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
        "import sys; from pathlib import Path; from portalcal.adapters.consent.browser import open_browser\n"
        "started = open_browser(sys.argv[1])\n"
        f"print(started, Path({str(note)!r}).read_text().strip())"
    )
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, "http://127.0.0.1:1/?a=1&b=$(id)"],
        env=os.environ | {"BROWSER": browser.format(shown)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


@pytest.mark.parametrize("browser", ["{} %s", "{} %s &", "{}"])
def test_the_browser_gets_the_address_and_keeps_its_noise_to_itself(tmp_path: Path, browser: str) -> None:
    done = opened(tmp_path, browser=browser)

    assert done.stdout == "True http://127.0.0.1:1/?a=1&b=$(id)\n"
    assert done.stderr == ""


def test_a_browser_that_never_exits_does_not_block(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    a_program(tmp_path / "bin", "mybrowser", script=f"cat < {shlex.quote(str(gate))}")
    environ = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "BROWSER": "mybrowser %s"}

    assert open_browser("http://127.0.0.1/", environ=environ)

    # Only here may the browser end: writing to the gate waits until it reads.
    gate.write_text("", encoding="utf-8")


@pytest.mark.parametrize(
    ("script", "is_failure"), [("exit 3", True), ("exit 0", False)], ids=["fails", "ends well"]
)
def test_a_browser_that_exits_with_an_error_is_detected(
    tmp_path: Path, script: str, is_failure: bool
) -> None:
    a_program(tmp_path / "bin", "mybrowser", script=script)
    environ = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "BROWSER": "mybrowser %s"}
    has_failed = threading.Event()

    open_browser("http://127.0.0.1/", environ=environ, has_failed=has_failed)
    for each in (each for each in threading.enumerate() if each.name == "browser"):
        each.join()

    assert has_failed.is_set() is is_failure


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


def test_text_browsers_and_our_secrets_are_kept_from_the_process_that_opens_one(tmp_path: Path) -> None:
    a_program(tmp_path / "bin", "lynx")
    a_program(tmp_path / "bin", "mybrowser")
    environ = {"PATH": str(tmp_path / "bin"), "BROWSER": "lynx:mybrowser %s", "TERM": "xterm"}
    environ["PORTALCAL_VAULT_PASSPHRASE"] = "open sesame"

    assert browser._browser_environment(environ) == {
        "PATH": str(tmp_path / "bin"),
        "BROWSER": "mybrowser %s",
    }


def test_only_named_variables_reach_the_browser() -> None:
    its = {
        "PATH": "/usr/bin",
        "HOME": "/home/ana",
        "DISPLAY": ":0",
        "XDG_RUNTIME_DIR": "/run",
        "LC_TIME": "C",
    }
    its |= {
        "DBUS_SESSION_BUS_ADDRESS": "unix:",
        "WAYLAND_DISPLAY": "w",
        "https_proxy": "http://127.0.0.1:3128",
    }
    others = {
        "AWS_SECRET_ACCESS_KEY": "x",
        "PGPASSWORD": "x",
        "GH_TOKEN": "x",
        "PORTALCAL_REFRESH_TOKEN": "x",
    }

    assert browser._browser_environment(its | others) == its
