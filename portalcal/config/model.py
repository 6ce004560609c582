"""The values of `config.toml`, and the parsers of single values that the command line uses too."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from portalcal.config.people import Directory
from portalcal.core.participants import PanelRequest
from portalcal.core.schedule import Hours, Schedule
from portalcal.core.slots import Rules
from portalcal.errors import LinkNotFound, did_you_mean

NINE_TO_FIVE = Hours(9 * 60, 17 * 60)

SERVERS = ("postgresql://", "postgres://")
"""URL prefixes of a ledger on a server."""

DEFAULT_WEEK = ((NINE_TO_FIVE,),) * 5 + ((), ())

_RANGE = r"(\d\d):([0-5]\d)\s*-\s*(\d\d):([0-5]\d)"


class Endpoints(NamedTuple):
    """Google's endpoints, normalised by `read_endpoint`. Those for OAuth are in the client file."""

    api_root: str = "https://www.googleapis.com/calendar/v3/"
    revoke_uri: str = "https://oauth2.googleapis.com/revoke"


class Pins(NamedTuple):
    """Calendars named in the file, which `calendars --select` then refuses to change. None: not pinned."""

    conflicts: tuple[str, ...] | None = None
    booking: str | None = None
    line: int | None = None  # of the table in the file

    @property
    def any(self) -> bool:
        """Whether the file pins anything."""
        return self.conflicts is not None or self.booking is not None


class Link(NamedTuple):
    """A named kind of meeting. `title` and `notes` are templates with {name}, {email} and {link}."""

    name: str
    rules: Rules
    schedule: Schedule
    title: str = "Meeting with {name}"
    location: str = ""
    meet: bool = False
    notes: str = ""
    panel: PanelRequest = PanelRequest()  # the people and the room it takes


class HolidaySources(NamedTuple):
    """Where the dates of holidays come from. The callables return names by date.

    They raise ValueError for what is unknown or cannot be read; the message states what was expected.
    """

    has_library: Callable[[], bool]  # whether the optional library of countries is installed
    of_country: Callable[[str], Mapping[date, str]]  # `DE` or `DE-BY`
    of_file: Callable[[Path], Mapping[date, str]]  # iCalendar


class Config(NamedTuple):
    """The configuration of one workspace."""

    path: Path | None  # None: there is no file
    workspace: str
    schedule: Schedule
    rules: Rules = Rules()
    links: Mapping[str, Link] = MappingProxyType({})
    directory: Directory = Directory()  # of people, rooms and pools
    endpoints: Endpoints = Endpoints()
    client_secrets: Path | None = None
    service_account: Path | None = None  # its key file, used in place of a user's consent
    subject: str = ""  # address of the user whom the service account impersonates
    pins: Pins = Pins()
    names_zone: bool = False  # the file sets the schedule's zone; else it is this machine's
    ledger: str = "sqlite"
    vault: str = "keyring"

    @property
    def has_ledger_on_server(self) -> bool:
        """Whether the ledger is a database on a server, not a local file."""
        return self.ledger.startswith(SERVERS)

    def link(self, name: str | None) -> Link:
        """The link of that name; without a name, one with the workspace's schedule and rules.

        Raises:
            LinkNotFound: the file has no such link.
        """
        if name is None:
            return Link("", rules=self.rules, schedule=self.schedule)
        if name not in self.links:
            raise LinkNotFound(name, tuple(self.links))
        return self.links[name]


class Origin(StrEnum):
    """Where the value of a setting comes from."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"


class Setting(NamedTuple):
    """One key of the configuration with its effective value."""

    key: str  # dotted, without the workspace's table
    value: object  # as TOML has it; None: there is none
    origin: Origin
    written_as: str | None = None  # the dotted key of the file that has it
    line: int | None = None  # of that key
    variable: str | None = None  # of the environment


@cache
def zone_names() -> frozenset[str]:
    """The IANA zones available on this machine."""
    return frozenset(available_timezones())


def read_zone(name: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        ValueError: there is no such zone; the message suggests the nearest name.
    """
    try:
        if name not in _NO_ZONES:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise ValueError(f"expected an IANA zone like Europe/London{_meant(name)}")


_NO_ZONES = frozenset({"localtime", "Factory", "posixrules"})
"""Files of the zone database that are no IANA zones: `localtime` is the zone of this machine."""

_FROM_UTC = re.compile(r"(?:UTC|GMT)?\s*([+-])\s*(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)


def _meant(name: str) -> str:
    """The end of a message that suggests the zone most likely meant, or nothing."""
    if match := _FROM_UTC.fullmatch(name.strip()):
        return _at_distance(match[1], int(match[2]), int(match[3] or 0))
    typed = "_".join(name.split()).casefold()
    known = sorted(zone_names() - _NO_ZONES)
    same = next((each for each in known if each.casefold() == typed), None)
    city = next((each for each in known if each.rpartition("/")[2].casefold() == typed), None)
    return f"; did you mean {same or city}?" if same or city else did_you_mean(name, known)


def _at_distance(sign: str, hours: int, minutes: int) -> str:
    """The end of a message that names the zone at an offset. Signs of Etc/ zones are inverted: Etc/GMT-1 is UTC+1."""
    way, most = ("ahead of", 14) if sign == "+" else ("behind", 12)
    if minutes or hours > most:
        return "; no fixed zone is that far from UTC: name a place, like Asia/Kolkata"
    zone = f"Etc/GMT{'-' if sign == '+' else '+'}{hours}" if hours else "UTC"
    return f"; {hours} h {way} UTC is {zone} all year (the signs of the Etc/ zones are inverted)"


_WORKSPACE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")

# Device names of Windows, with any extension: learn.microsoft.com/windows/win32/fileio/naming-a-file.
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)

# Files beside the workspaces' folders: the ledger with SQLite's and our side files, and the configuration.
_OURS = re.compile(
    r"(?:ledger\.db|last-errors\.jsonl|holidays\.json|config\.toml|connection\.toml|client_secret\.json)(?:[.-].*)?",
    re.IGNORECASE,
)


def read_workspace(name: str) -> str:
    """Check the name of a workspace, which becomes the name of a folder on any operating system.

    Raises:
        ValueError: the name is not allowed, or reserved; the message states what was expected.
    """
    if not _WORKSPACE.fullmatch(name):
        at_the_ends = ", and no dot at either end" if name.strip(".") != name else ""
        raise ValueError(f"expected letters, digits, dots, hyphens and underscores{at_the_ends}")
    if _DEVICES.fullmatch(name):
        raise ValueError("expected another name: Windows has a device of this one")
    if _OURS.fullmatch(name):
        raise ValueError("expected another name: portalcal has a file of this one")
    return name


def same_but_for_case(name: str, known: Iterable[str]) -> str | None:
    """A name in `known` that differs in case only: the same folder on a case-insensitive file system."""
    return next((each for each in sorted(known) if each != name and each.casefold() == name.casefold()), None)


def read_hours(text: str) -> Hours:
    """Parse a range of wall times, `09:00-12:30`; an end at or before the start is on the next day.

    Raises:
        ValueError: no such range, or an empty one.
    """
    match = re.fullmatch(_RANGE, text.strip())
    if not match:
        raise ValueError('expected a range like "09:00-12:30"')
    hour, minute, end_hour, end_minute = map(int, match.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if start >= 1440 or end > 1440:
        raise ValueError("expected times from 00:00 to 24:00")
    if start == end:
        raise ValueError("expected an end that differs from the start; all day is 00:00-24:00")
    return Hours(start, end)
