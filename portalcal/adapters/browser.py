"""A browser that can be shown to the person, and how to show it. What depends on the environment takes it along."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import PurePath


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
    # What PORTALCAL_ variables hold, tokens and a passphrase among it, is no business of a browser's.
    kept = {
        name: value
        for name, value in environ.items()
        if name not in {"TERM", "BROWSER"} and not name.startswith("PORTALCAL_")
    }
    return kept | {"BROWSER": os.pathsep.join(named)} if named else kept
