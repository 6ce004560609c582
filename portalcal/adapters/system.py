"""This machine: its clock and randomness, its zone, its folders, its browser.

The only place, with the simulator, that reads the clock. What depends on the environment takes it as an argument.
"""

from __future__ import annotations

import logging
import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import NamedTuple
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import platformdirs
import tzlocal

# tzlocal warns about a stale /etc/timezone; without a handler Python would print that on our stderr.
logging.getLogger("tzlocal").addHandler(logging.NullHandler())


class SystemClock:
    """The machine's clock and its source of randomness."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)

    def new_id(self) -> UUID:
        """A random id (RFC 9562 version 4)."""
        return uuid4()


def machine_zone() -> ZoneInfo:
    """The zone this machine is set to, under its IANA name; UTC when it has none, as in most containers.

    A zone without a name is no use: calendars are told names. The variable TZ decides where it names a zone.
    """
    try:
        name = tzlocal.get_localzone_name()
        return ZoneInfo(name) if name else ZoneInfo("UTC")
    # ZoneInfoNotFoundError is a KeyError; a name that leaves the database is a ValueError.
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


class Paths(NamedTuple):
    """Where portalcal's files are (CLI.md, Files). `config_is_named`: somebody named that file, so it must exist."""

    config_file: Path
    config_is_named: bool
    data_dir: Path


def paths(environ: Mapping[str, str]) -> Paths:
    """The configuration file and the folder of what portalcal writes; PORTALCAL_CONFIG names another file."""
    named = environ.get("PORTALCAL_CONFIG")
    folder = platformdirs.user_config_path("portalcal", appauthor=False)
    return Paths(
        config_file=Path(named).expanduser() if named else folder / "config.toml",
        config_is_named=bool(named),
        data_dir=platformdirs.user_data_path("portalcal", appauthor=False),
    )


def is_over_ssh(environ: Mapping[str, str]) -> bool:
    """Whether the person sits at another machine (variables of sshd(8))."""
    return any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))


def is_wsl(environ: Mapping[str, str]) -> bool:
    """Whether this is Linux inside Windows, whose browser reaches our loopback address."""
    return bool(environ.get("WSL_DISTRO_NAME")) or "microsoft" in platform.release().lower()


_TEXT_BROWSERS = {"www-browser", "links", "links2", "elinks", "lynx", "w3m", "browsh"}
_LAUNCHERS = (
    "xdg-open", "gio", "x-www-browser", "sensible-browser", "firefox", "google-chrome", "chromium", "chromium-browser",
    "epiphany", "konqueror", "opera",
)  # fmt: skip


def browser_available(environ: Mapping[str, str]) -> bool:
    """Whether a browser with pictures can be shown to the person; BROWSER decides where it names one."""
    if _named_browsers(environ):
        return True
    if sys.platform in {"darwin", "win32"}:
        return not is_over_ssh(environ)
    if is_wsl(environ) and _finds("wslview", environ):
        return True
    has_display = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    return has_display and any(_finds(each, environ) for each in _LAUNCHERS)


def open_browser(url: str, *, environ: Mapping[str, str] | None = None) -> bool:
    """Show the address in a browser and return at once; False when there is none to start.

    A process of its own does it: `webbrowser` waits for some browsers to end, and what they write must not mix with
    what we write. The session of its own keeps Ctrl-C from ending the browser with us.
    """
    known = dict(os.environ if environ is None else environ)
    if not browser_available(known) or not sys.executable:
        return False
    try:
        opener = subprocess.Popen(  # noqa: S603 - our own interpreter; the address is one argument, no shell
            [sys.executable, "-I", "-m", "webbrowser", "-t", url],
            env=_for_graphical_browsers(known),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    # Somebody must collect its exit status, or it stays in the process table as long as we run.
    threading.Thread(target=opener.wait, name="browser", daemon=True).start()
    return True


def _named_browsers(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The commands of BROWSER that exist and show pictures."""
    named = environ.get("BROWSER", "").split(os.pathsep)
    return tuple(each for each in named if _is_graphical(each, environ))


def _is_graphical(command: str, environ: Mapping[str, str]) -> bool:
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    if not words or PurePath(words[0]).name in _TEXT_BROWSERS:
        return False
    return _finds(words[0], environ)


def _finds(command: str, environ: Mapping[str, str]) -> bool:
    return shutil.which(command, path=environ.get("PATH", os.defpath)) is not None


def _for_graphical_browsers(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment under which `webbrowser` finds no text browser: it looks for those only where TERM is set."""
    named = _named_browsers(environ)
    if not named and is_wsl(environ) and _finds("wslview", environ):
        named = ("wslview",)
    kept = {name: value for name, value in environ.items() if name not in {"TERM", "BROWSER"}}
    return kept | {"BROWSER": os.pathsep.join(named)} if named else kept


class ThisMachine:
    """This machine, as far as connecting depends on it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def zone(self) -> ZoneInfo:
        """The zone it is set to; UTC when it has none."""
        return machine_zone()

    def has_browser(self) -> bool:
        """Whether a browser with pictures can be shown to the person."""
        return browser_available(self._environ)

    def can_listen(self) -> bool:
        """Whether 127.0.0.1 can be listened on."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", 0))
            except OSError:
                return False
        return True
