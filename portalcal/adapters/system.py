"""This machine: its clock and randomness, its folders.

The only place, with the simulator, that reads the clock. What depends on the environment takes it as an argument.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import platformdirs


class SystemClock:
    """The machine's clock and its source of randomness."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)

    def new_id(self) -> UUID:
        """A random id (RFC 9562 version 4)."""
        return uuid4()

    def monotonic(self) -> float:
        """Seconds of a clock that only runs forward, whatever becomes of the other one."""
        return time.monotonic()


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
