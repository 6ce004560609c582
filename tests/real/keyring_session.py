"""A real gnome-keyring in a D-Bus session of its own, in every state a machine can have it in.

Nothing of the machine's own session is touched: the bus starts no services by itself, and home is the test's.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PACKAGES = {"dbus-daemon": "dbus", "gnome-keyring-daemon": "gnome-keyring", "gdbus": "libglib2.0-bin"}

_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def missing_packages() -> tuple[str, ...]:
    """The Debian packages to install before any of this runs."""
    return tuple(package for program, package in _PACKAGES.items() if shutil.which(program) is None)


@dataclass
class KeyringSession:
    """A bus, and a daemon on it where there is one. `environ` is what a process needs to be in the session."""

    environ: dict[str, str]
    daemon: subprocess.Popen[bytes] | None = None

    def start_daemon(self, *, password: str | None = None) -> None:
        """Start gnome-keyring; with a password it opens its keyring, or makes one."""
        unlock = [] if password is None else ["--unlock"]
        self.daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--components=secrets", *unlock],
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert self.daemon.stdin is not None
        self.daemon.stdin.write((password or "").encode())
        self.daemon.stdin.close()
        subprocess.run(
            ["gdbus", "wait", "--session", "--timeout", "10", "org.freedesktop.secrets"],
            env=self.environ,
            check=True,
        )

    def stop_daemon(self) -> None:
        """End the daemon, if there is one, and wait for its end."""
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGCONT)
            self.daemon.terminate()
            self.daemon.wait(timeout=10)
            self.daemon = None

    def lock(self) -> None:
        """A keyring that exists, in a daemon that nobody told the password."""
        self.stop_daemon()
        self.start_daemon()

    def freeze(self) -> None:
        """Stop the daemon in its tracks: it keeps its name on the bus and answers nothing."""
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGSTOP)


@contextmanager
def keyring_session(folder: Path) -> Iterator[KeyringSession]:
    """A session without a daemon; `folder` becomes its home. Whatever it started ends with the block."""
    places = {name: folder / name.lower() for name in ("HOME", "XDG_DATA_HOME")}
    # Bus and daemon make sockets, whose paths have at most 107 bytes: under pytest-xdist the test's own is too long.
    with tempfile.TemporaryDirectory(prefix="bus") as short, _bus(Path(short)) as address:
        places["XDG_RUNTIME_DIR"] = Path(short) / "run"
        for each in places.values():
            each.mkdir(mode=0o700, parents=True)
        environ = {name: str(place) for name, place in places.items()}
        session = KeyringSession({**os.environ, **environ, "DBUS_SESSION_BUS_ADDRESS": address})
        try:
            yield session
        finally:
            session.stop_daemon()


@contextmanager
def _bus(folder: Path) -> Iterator[str]:
    """The address of a bus in a folder whose name is short."""
    config = folder / "bus.conf"
    config.write_text(_BUS.format(socket=folder / "bus"), encoding="utf-8")
    bus = subprocess.Popen(
        ["dbus-daemon", "--nofork", "--print-address", f"--config-file={config}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert bus.stdout is not None
        yield bus.stdout.readline().strip()
    finally:
        bus.terminate()
        bus.communicate(timeout=10)
