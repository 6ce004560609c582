"""The machine's clock, randomness and folders.

Only this module and the simulator read the clock. The environment is an argument.
"""

from __future__ import annotations

import getpass
import os
import shutil
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import platformdirs

from portalcal.config.user_files import expand_home


class SystemClock:
    """The system clock and a source of random ids."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        return datetime.now(UTC)

    def new_id(self) -> UUID:
        """A random id (RFC 9562 version 4)."""
        return uuid4()

    def monotonic(self) -> float:
        """Seconds of a monotonic clock, which changes of the system time do not affect."""
        return time.monotonic()


class Paths(NamedTuple):
    """Where portalcal's files are."""

    config_file: Path
    config_is_named: bool  # PORTALCAL_CONFIG names it, so it must exist
    data_dir: Path


def paths(environ: Mapping[str, str]) -> Paths:
    """The configuration file and the data folder, in the platform's usual places; PORTALCAL_CONFIG has priority.

    On Linux these are the XDG base directories.
    """
    named = environ.get("PORTALCAL_CONFIG")
    folder = platformdirs.user_config_path("portalcal", appauthor=False)
    return Paths(
        config_file=expand_home(named) if named else folder / "config.toml",
        config_is_named=bool(named),
        data_dir=platformdirs.user_data_path("portalcal", appauthor=False),
    )


def user_name() -> str:
    """Who runs this process, by the name of the login; the number of the user where it has no name."""
    try:
        return getpass.getuser()
    # Which of them depends on the Python version and the platform.
    except (ImportError, KeyError, OSError):
        if sys.platform == "win32":
            return "unknown"
        return str(os.getuid())


def host_name(environ: Mapping[str, str]) -> str:
    """The name of this machine in its network."""
    if sys.platform == "win32":
        return environ.get("COMPUTERNAME", "")
    return os.uname().nodename


def program_words() -> tuple[str, ...]:
    """How this program is run by something that has no PATH of ours: its file, or Python and the module."""
    program = shutil.which("portalcal", path=str(Path(sys.executable).parent)) or shutil.which("portalcal")
    return (program,) if program else (sys.executable, "-m", "portalcal")
