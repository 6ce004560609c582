"""The zone this machine is set to. Asked only where the configuration names none."""

from __future__ import annotations

import logging
from zoneinfo import ZoneInfo

import tzlocal

# tzlocal warns about a stale /etc/timezone; without a handler Python would print that on our stderr.
logging.getLogger("tzlocal").addHandler(logging.NullHandler())


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
