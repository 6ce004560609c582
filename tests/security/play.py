"""Playing one row: a command, run as a process within limits of memory and time, in a folder of its own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MEMORY = 1_500 * 2**20
"""Of addresses, of which Python and its libraries take a third; an answer without bounds takes all of it."""
SECONDS = 180
"""For a command on a loaded machine; one without bounds never ends."""

_LIMITED = f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
os.execv(sys.executable, [sys.executable, "-m", "portalcal", *sys.argv[1:]])
"""
BOOK = ("book", "2030-11-26T10:00", "--name", "Sam", "--email", "sam@example.com", "--force")
READING = ("calendars",), ("availability", "2030-11-25"), ("status",), ("sync",), BOOK
TOKEN = {"PORTALCAL_ACCESS_TOKEN": "ya29.hostile-test"}
REFRESH = {"PORTALCAL_REFRESH_TOKEN": "1//hostile-test"}
SEALED = {"PORTALCAL_VAULT_PASSPHRASE": "open sesame 0451"}
UNREAD = frozenset({"google-unreachable", "calendar-unreadable"})


class Ran(NamedTuple):
    """How a command ended."""

    exit: int
    out: str
    err: str

    @property
    def code(self) -> str:
        """Its error code, the state it found, or that of the booking."""
        try:
            # connect shows the consent address before it fails.
            last = self.err.splitlines()[-1:]
            if last and last[0].startswith('{"portalcal": 1'):
                return str(json.loads(last[0])["error"]["code"])
            found = json.loads(self.out.splitlines()[0])["result"]
            return str(found.get("state", "done"))
        except (ValueError, LookupError, AttributeError):
            return "no JSON"


class Row(NamedTuple):
    """`plays` runs the command in a folder; `holds` says whether it came to what must come of it."""

    trick: str
    command: str
    plays: Callable[[Path], Ran]
    holds: Callable[[Ran], bool]
    happened: str
    is_slow: bool = False


def run(folder: Path, *words: str, environ: dict[str, str], json: bool = True) -> Ran:
    """Run a command within limits of memory and time."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    places = {name: str(home) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")}
    kept = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
    mine = {"PORTALCAL_CONFIG": str(folder / "config.toml"), "TZ": "Europe/London"}
    ran = subprocess.run(
        [sys.executable, "-c", _LIMITED, *words, *(("--json",) if json else ())],
        env=kept | places | mine | environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def configured(folder: Path, google: str, text: str = "") -> None:
    """Let the configuration and the client lead to a server."""
    client = {
        "client_id": "c",
        "client_secret": "s",
        "auth_uri": f"{google}/auth",
        "token_uri": f"{google}/token",
    }
    (folder / "client.json").write_text(json.dumps({"installed": client}))
    (folder / "config.toml").write_text(
        f'timezone = "Europe/London"\n{text}\n[google]\nclient_secrets = "client.json"\n'
        f'api_root = "{google}/calendar/v3/"\nrevoke_uri = "{google}/revoke"\n'
    )


_BROWSER = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=60).read()"


def connected(folder: Path, google: str) -> Ran:
    """Connect the workspace to a server that consents, with a vault file."""
    configured(folder, google)
    browser = shlex.join([sys.executable, "-c", _BROWSER])
    environ = {**SEALED, "BROWSER": f"{browser} %s &"}
    return run(folder, "connect", "--vault", "file", "--timeout", "60s", environ=environ)
