"""Find and start a graphical browser, and describe the alternatives where there is none.

The environment is an argument; only `open_browser` defaults to `os.environ`.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import PurePath
from urllib.parse import urlsplit

from portalcal.errors import Usage
from portalcal.run_all import in_background

# Not in the `if` itself: on those platforms mypy would report the code after its return as unreachable.
_ALWAYS_HAS_BROWSER = sys.platform in {"darwin", "win32"}

_TEXT_BROWSERS = {"www-browser", "links", "links2", "elinks", "lynx", "w3m", "browsh"}

_LAUNCHERS = (
    "xdg-open", "gio", "x-www-browser", "sensible-browser", "firefox", "google-chrome", "chromium", "chromium-browser",
    "epiphany", "konqueror", "opera",
)  # fmt: skip

_OPEN = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1], 2))"
"""Like `python -m webbrowser -t`, which exits with 0 even if no browser could be started."""

_PASSED_VARIABLES = frozenset({
    # User and locale: POSIX (XBD 8.3), and the dynamic linker for an interpreter that needs it.
    "HOME", "USER", "LOGNAME", "PATH", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH",
    # The display and its session.
    "DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DBUS_SESSION_BUS_ADDRESS", "DESKTOP_SESSION",
    "SESSION_MANAGER", "GNOME_DESKTOP_SESSION_ID", "GNOME_SETUP_DISPLAY", "KDE_FULL_SESSION", "KDE_SESSION_VERSION",
    "GDK_BACKEND", "GDK_SCALE", "GDK_DPI_SCALE", "GTK_THEME", "QT_QPA_PLATFORM", "QT_SCALE_FACTOR", "MOZ_ENABLE_WAYLAND",
    # The network.
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
    # Linux inside Windows; Windows; macOS.
    "WSL_DISTRO_NAME", "WSL_INTEROP", "WSLENV", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP",
    "USERNAME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES",
    "PROGRAMFILES(X86)", "__CF_USER_TEXT_ENCODING",
})  # fmt: skip

_PASSED_PREFIXES = ("LC_", "XDG_")

_PASTE = "open it on any machine. Its last page will not load there: paste the address of that page here"


def is_over_ssh(environ: Mapping[str, str]) -> bool:
    """Whether this is an SSH session (variables of ssh(1))."""
    return any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))


def is_wsl(environ: Mapping[str, str]) -> bool:
    """Whether this is WSL: the browser of Windows can reach our loopback address."""
    return bool(environ.get("WSL_DISTRO_NAME")) or "microsoft" in platform.release().lower()


def browser_available(environ: Mapping[str, str]) -> bool:
    """Whether a graphical browser can be started on the user's screen; BROWSER has priority."""
    if _named_browsers(environ):
        return True
    if _ALWAYS_HAS_BROWSER:
        return not is_over_ssh(environ)
    if is_wsl(environ) and _is_on_path("wslview", environ):
        return True
    has_display = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    return has_display and any(_is_on_path(launcher, environ) for launcher in _LAUNCHERS)


def open_browser(
    url: str, *, environ: Mapping[str, str] | None = None, has_failed: threading.Event | None = None
) -> bool:
    """Open the URL in a browser without waiting for it; False if no browser is available.

    `has_failed` is set if the browser exits with an error, or none could be started.

    This runs in a child process: `webbrowser` waits for some browsers to exit, and their output must not mix with ours.
    The child has its own session, so that Ctrl-C does not end the browser.
    """
    variables = dict(os.environ if environ is None else environ)
    if not browser_available(variables) or not sys.executable:
        return False
    try:
        opener = subprocess.Popen(  # noqa: S603 - our own interpreter; the address is one argument, no shell
            [sys.executable, "-I", "-c", _OPEN, url],
            env=_browser_environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    # wait(2) for the child, or it stays a zombie while we run.
    in_background(partial(_watch, opener, has_failed), name="browser")
    return True


def other_ways(
    environ: Mapping[str, str], redirect_uri: str, *, opens_browser: bool, can_paste: bool
) -> tuple[str, ...]:
    """Lines that say how to give consent on another machine; none where a browser opens on this one."""
    lines: list[str] = []
    if is_wsl(environ):
        lines.append("This is Linux inside Windows: if the last page of Windows' browser does not load, ")
        lines[-1] += (
            "paste its address here." if can_paste else "run this again in a terminal, to paste its address."
        )
    if opens_browser:
        return tuple(lines)
    if is_over_ssh(environ):
        lines += [
            "You are logged in over SSH. Run this on the machine you sit at, then open the address there:",
            f"  {ssh_tunnel(environ, redirect_uri)}",
        ]
    if can_paste:
        lines.append(f"Or {_PASTE}." if lines else f"{_PASTE[0].upper()}{_PASTE[1:]}.")
    return tuple(lines)


def ssh_tunnel(environ: Mapping[str, str], redirect_uri: str) -> str:
    """The command that forwards the redirect to this machine: ssh(1), option -L."""
    url = urlsplit(redirect_uri)
    # An IPv6 address keeps its brackets.
    address = redirect_uri.removeprefix("http://").partition("/")[0].rpartition(":")[0]
    # ssh(1): SSH_CONNECTION is client address, client port, server address, server port.
    connection = environ.get("SSH_CONNECTION", "").split()
    host, port = (connection[2], connection[3]) if len(connection) == 4 else ("HOST", "22")
    user = environ.get("USER") or environ.get("LOGNAME")
    destination = f"{user}@{host}" if user else host
    port_option = "" if port == "22" else f" -p {port}"
    return f"ssh -L {url.port}:{address}:{url.port}{port_option} {destination}"


def no_browser_advice() -> Usage:
    """The error if there is neither a browser nor a terminal."""
    return Usage(
        "consent needs a browser, or a terminal to paste an address into, and there is neither here",
        "run it in a terminal; or pipe the address in with `portalcal connect --no-browser`; or do without consent: "
        "a token in PORTALCAL_REFRESH_TOKEN, or a service account in the configuration",
    )


def _watch(opener: subprocess.Popen[bytes], has_failed: threading.Event | None) -> None:
    if opener.wait() != 0 and has_failed is not None:
        has_failed.set()


def _named_browsers(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The commands in BROWSER that exist and are graphical."""
    commands = environ.get("BROWSER", "").split(os.pathsep)
    return tuple(command for command in commands if _is_graphical(command, environ))


def _is_graphical(command: str, environ: Mapping[str, str]) -> bool:
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    if not words or PurePath(words[0]).name in _TEXT_BROWSERS:
        return False
    return _is_on_path(words[0], environ)


def _is_on_path(command: str, environ: Mapping[str, str]) -> bool:
    return shutil.which(command, path=environ.get("PATH", os.defpath)) is not None


def _is_passed_on(name: str) -> bool:
    """Whether a browser needs that variable. All others are withheld, since they may hold secrets."""
    return name.upper() in _PASSED_VARIABLES or name.startswith(_PASSED_PREFIXES)


def _browser_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The child's environment. It lacks TERM, without which `webbrowser` considers no text browsers."""
    commands = _named_browsers(environ)
    if not commands and is_wsl(environ) and _is_on_path("wslview", environ):
        commands = ("wslview",)
    passed = {name: value for name, value in environ.items() if _is_passed_on(name)}
    return passed | {"BROWSER": os.pathsep.join(commands)} if commands else passed
