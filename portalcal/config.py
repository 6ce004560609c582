"""What `config.toml` decides, as frozen values, and the readers of single values that the command line shares."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from portalcal.core.schedule import Hours, Schedule
from portalcal.core.slots import Rules
from portalcal.errors import LinkNotFound, did_you_mean

NINE_TO_FIVE = Hours(9 * 60, 17 * 60)
SERVERS = ("postgresql://", "postgres://")
"""How the url of a ledger on a server begins."""

DEFAULT_WEEK = ((NINE_TO_FIVE,),) * 5 + ((), ())

_RANGE = r"(\d\d):([0-5]\d)\s*-\s*(\d\d):([0-5]\d)"


class Endpoints(NamedTuple):
    """Where Google is: https, or http on a loopback address. The OAuth ones come with the client file."""

    api_root: str = "https://www.googleapis.com/calendar/v3/"
    revoke_uri: str = "https://oauth2.googleapis.com/revoke"


class Pins(NamedTuple):
    """Calendars named in the file, which `calendars --select` then leaves alone. None: not pinned."""

    conflicts: tuple[str, ...] | None = None
    booking: str | None = None
    line: int | None = None

    @property
    def any(self) -> bool:
        """Whether the file pins anything."""
        return self.conflicts is not None or self.booking is not None


class Link(NamedTuple):
    """A named kind of meeting. `title` and `notes` may hold {name}, {email} and {link}."""

    name: str
    rules: Rules
    schedule: Schedule
    title: str = "Meeting with {name}"
    location: str = ""
    meet: bool = False
    notes: str = ""


class Config(NamedTuple):
    """Everything the file decides for one workspace. `path` is None when there is no file.

    `service_account` is a key that acts for `subject`, an address, instead of consent.
    """

    path: Path | None
    workspace: str
    schedule: Schedule
    rules: Rules = Rules()
    links: Mapping[str, Link] = MappingProxyType({})
    endpoints: Endpoints = Endpoints()
    client_secrets: Path | None = None
    service_account: Path | None = None
    subject: str = ""
    pins: Pins = Pins()
    ledger: str = "sqlite"
    vault: str = "keyring"

    @property
    def has_ledger_on_server(self) -> bool:
        """Whether the ledger is a database on a server and no file of this machine."""
        return self.ledger.startswith(SERVERS)

    def link(self, name: str | None) -> Link:
        """The link of that name; without a name, the plain meeting of the workspace's own schedule and rules.

        Raises:
            LinkNotFound: the file has no such link.
        """
        if name is None:
            return Link("", rules=self.rules, schedule=self.schedule)
        if name not in self.links:
            raise LinkNotFound(name, tuple(self.links))
        return self.links[name]


@cache
def zone_names() -> frozenset[str]:
    """Every IANA zone this machine knows."""
    return frozenset(available_timezones())


def read_zone(name: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        ValueError: there is none; the message offers the nearest name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        cities = {each.rsplit("/", 1)[-1]: each for each in sorted(zone_names())}
        by_city = cities.get(name.strip().replace(" ", "_").title())
        near = f"; did you mean {by_city}?" if by_city else did_you_mean(name, zone_names())
        raise ValueError(f"expected an IANA zone like Europe/London{near}") from None


def read_hours(text: str) -> Hours:
    """A range of wall times, `09:00-12:30`; an end at or before the start is on the next day.

    Raises:
        ValueError: it is no such range, or an empty one.
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


def check_url(url: str) -> str:
    """An address of Google's: https, or http on a loopback address (the simulator's).

    Raises:
        ValueError: any other scheme or host.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        # An address in brackets that is none.
        parts = urlsplit("")
    is_local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_local)):
        raise ValueError("expected an https:// address (http:// only on 127.0.0.1)")
    return url
