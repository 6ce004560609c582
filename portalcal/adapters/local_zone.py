"""This machine's time zone, by its IANA name. Every command without a configured zone loads this: no sockets, no browser."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import tzlocal

from portalcal.config.model import read_zone, zone_names

# tzlocal warns about a stale /etc/timezone; without a handler Python would print that on stderr.
logging.getLogger("tzlocal").addHandler(logging.NullHandler())


_UTC = ZoneInfo("UTC")

# A POSIX TZ (XBD 8.3) without daylight saving time: a name and hours west of Greenwich, the sign that Etc/GMT+3 has.
_FIXED_OFFSET = re.compile(r"(?:<[A-Za-z0-9+-]{3,}>|[A-Za-z]{3,})([+-]?)(\d{1,2})(?::00){0,2}")


class LocalZone(NamedTuple):
    """This machine's time zone."""

    zone: ZoneInfo
    problem: str | None = None  # why the zone had to be guessed


def local_zone() -> LocalZone:
    """This machine's time zone by its IANA name; UTC if none is configured, as in most containers.

    TZ has priority. A zone without an IANA name is not usable, since the Calendar API takes names.
    """
    tz = os.environ.get("TZ", "").removeprefix(":")
    if tz:
        return _from_tz(tz)
    try:
        name = tzlocal.get_localzone_name()
        if name:
            return LocalZone(read_zone(name))
    # Unknown: ZoneInfoNotFoundError, a KeyError. A path outside the database: ValueError.
    except (KeyError, ValueError, OSError):
        return _guessed("this machine's zone cannot be told")
    if Path("/etc/localtime").exists():
        return _guessed("this machine's zone has no name")
    return LocalZone(_UTC)


def machine_zone() -> ZoneInfo:
    """This machine's time zone; UTC if it had to be guessed."""
    return local_zone().zone


def _from_tz(tz: str) -> LocalZone:
    """Interpret TZ: a zone's name, a file of the database, or a fixed offset from UTC."""
    name = _name_of_file(tz) if tz.startswith("/") else tz
    try:
        return LocalZone(read_zone(_fixed_offset(name) or name))
    except ValueError as error:
        _, _, suggestion = str(error).partition("; ")
        return _guessed(
            f"TZ is {tz}, which names no zone of the IANA database{f' ({suggestion})' if suggestion else ''}"
        )


def _name_of_file(path: str) -> str:
    """The name of the zone in that file of the database; the path if it is none."""
    parts = Path(os.path.realpath(path)).parts
    return next((name for at in range(1, len(parts)) if (name := "/".join(parts[at:])) in zone_names()), path)


def _fixed_offset(name: str) -> str | None:
    """The zone with a fixed offset that a POSIX TZ means; None if it is not one."""
    match = _FIXED_OFFSET.fullmatch(name)
    if match is None:
        return None
    hours = int(match[2])
    return f"Etc/GMT{match[1] or '+'}{hours}" if hours else "UTC"


def _guessed(why: str) -> LocalZone:
    return LocalZone(_UTC, f"{why}, so times are taken in UTC and may be hours off")
