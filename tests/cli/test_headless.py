"""Connecting where no browser can be opened: over SSH, inside Windows, through a pipe, in cron."""

from __future__ import annotations

import io
import json
import os
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from portalcal.adapters.consent import browser
from portalcal.cli.app import run
from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Ran, Shell
from tests.terminal import Terminal

OVER_SSH = {"SSH_CONNECTION": "198.51.100.3 50022 203.0.113.7 22", "USER": "ana"}


@pytest.fixture
def server(portalcal: Shell) -> Shell:
    """A machine without a browser."""
    portalcal.has_browser = False
    return portalcal


class Pipe:
    """Somebody far away, who reads stderr, consents in a browser over there and sends back where that ended."""

    def __init__(self, *, is_terminal: bool = False) -> None:
        self._in, self.out = os.openpty() if is_terminal else reversed(os.pipe())

    def consent(self, url: str, *, end: bytes) -> None:
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_: object, **__: object) -> None:
                return None

        try:
            urllib.request.build_opener(Stay).open(url, timeout=60)
        except urllib.error.HTTPError as answer:
            os.write(self._in, answer.headers["Location"].encode() + end)
            answer.close()
        if not os.isatty(self.out):
            os.close(self._in)

    def reads(self, shell: Shell, *arguments: str, end: bytes = b"\n") -> Ran:
        """Run a command, and consent at the address that it shows."""
        consent = partial(self.consent, end=end)

        class Watched(io.StringIO):
            def write(self, text: str) -> int:
                if text.startswith("http"):
                    threading.Thread(target=consent, args=(text,)).start()
                return super().write(text)

        out, err = io.StringIO(), Watched()
        exit_status = run([*arguments, "--json"], shell.invocation(out, err))
        return Ran(exit_status, out.getvalue(), err.getvalue())


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.out)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""], ids=["a line", "a Windows line", "no line end"])
def test_an_address_that_comes_through_a_pipe_connects(server: Shell, pipe: Pipe, end: bytes) -> None:
    with os.fdopen(pipe.out, encoding="utf-8", closefd=False) as server.stdin:
        ran = pipe.reads(server, "connect", "--no-browser", end=end)

    assert ran.exit == 0, ran.err
    assert json.loads(ran.out)["result"]["account"] == ANA


def test_a_terminal_on_a_machine_without_a_browser_takes_the_address_at_once(server: Shell) -> None:
    terminal = Pipe(is_terminal=True)
    with os.fdopen(terminal.out, encoding="utf-8") as server.stdin:
        ran = terminal.reads(server, "connect")
    os.close(terminal._in)

    assert ran.exit == 0, ran.err


def test_nobody_and_no_browser_is_a_usage_error_that_names_the_ways(server: Shell, google: Simulator) -> None:
    ran = server("connect")

    assert ran.exit == 2
    assert (
        "consent needs a browser, or a terminal to paste an address into, and there is neither here"
        in ran.err
    )
    for way in ("--no-browser", "PORTALCAL_REFRESH_TOKEN", "service account"):
        assert way in ran.err
    assert google.requests == []


def test_no_input_means_nobody(server: Shell) -> None:
    server.stdin = Terminal()

    assert server("--no-input", "connect").exit == 2
    assert server("connect", environ={"PORTALCAL_NO_INPUT": "1"}).exit == 2


def test_an_empty_stdin_neither_spins_nor_ends_the_wait(server: Shell) -> None:
    with Path(os.devnull).open(encoding="utf-8") as server.stdin:
        began = os.times()
        ran = server("connect", "--no-browser", "--timeout", "1s")
        spent = os.times().user + os.times().system - began.user - began.system

    assert ran.exit == 4
    assert "no answer came from the browser within 1 s" in ran.err
    assert spent < 0.9


def test_over_ssh_the_tunnel_is_shown(server: Shell, google: Simulator) -> None:
    server.stdin = Terminal()

    told = server("connect", "--timeout", "1s", environ=OVER_SSH).err

    port = re.search(r"redirect_uri=http%3A%2F%2F127.0.0.1%3A(\d+)", told)
    assert port
    assert (
        "You are logged in over SSH. Run this on the machine you sit at, then open the address there:" in told
    )
    assert f"\n  ssh -L {port[1]}:127.0.0.1:{port[1]} ana@203.0.113.7\n" in told
    assert "Open this address in a browser" in told


def test_a_browser_that_opens_needs_no_explanation(portalcal: Shell) -> None:
    told = portalcal("connect", environ=OVER_SSH).err

    assert "Your browser opens at" in told
    assert "ssh" not in told


def ways(environ: dict[str, str], *, opens: bool = False, pastes: bool = True) -> tuple[str, ...]:
    return browser.other_ways(environ, "http://127.0.0.1:40001/", opens_browser=opens, can_paste=pastes)


def test_a_plain_server_says_how_to_paste() -> None:
    assert ways({}) == (
        "Open it on any machine. Its last page will not load there: paste the address of that page here.",
    )
    assert ways({}, pastes=False) == ()
    assert ways({}, opens=True) == ()


def test_linux_inside_windows_is_explained_also_where_windows_browser_opens() -> None:
    wsl = {"WSL_DISTRO_NAME": "Debian"}

    assert ways(wsl, opens=True) == (
        "This is Linux inside Windows: if the last page of Windows' browser does not load, paste its address here.",
    )
    assert ways(wsl)[1].startswith("Or open it on any machine")
    assert "run this again in a terminal" in ways(wsl, opens=True, pastes=False)[0]


@pytest.mark.parametrize(
    ("environ", "uri", "command"),
    [
        (OVER_SSH, "http://127.0.0.1:40001/", "ssh -L 40001:127.0.0.1:40001 ana@203.0.113.7"),
        (OVER_SSH, "http://[::1]:40001/", "ssh -L 40001:[::1]:40001 ana@203.0.113.7"),
        ({"SSH_CONNECTION": "::1 1 2001:db8::7 2222"}, "http://127.0.0.1:9/", "ssh -L 9:127.0.0.1:9 -p 2222 2001:db8::7"),
        ({"SSH_TTY": "/dev/pts/1", "LOGNAME": "ana"}, "http://127.0.0.1:9/", "ssh -L 9:127.0.0.1:9 ana@HOST"),
        ({"SSH_CONNECTION": "what?"}, "http://127.0.0.1:9/", "ssh -L 9:127.0.0.1:9 HOST"),
    ],
)  # fmt: skip
def test_the_tunnel_leads_to_where_the_redirect_goes(environ: dict[str, str], uri: str, command: str) -> None:
    assert browser.ssh_tunnel(environ, uri) == command
