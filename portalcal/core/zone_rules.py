"""Which copy of the IANA zone database is newer, how old it is at least, and where two copies differ.

Governments change their clocks at short notice: a copy of a year ago can be an hour off.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_A_YEAR = timedelta(days=366)
_AN_HOUR = timedelta(hours=1)

# 2025b: the second release of 2025. The letter after z is za (https://data.iana.org/time-zones/tz-link.html).
_VERSION = re.compile(r"(\d{4})[a-z]*")


class ZoneDatabase(NamedTuple):
    """A copy of the zone database."""

    place: str  # a folder, or PACKAGE
    version: str | None = None  # like 2025b; None: unknown
    written_on: date | None = None  # of its files: it was released no later

    @property
    def named(self) -> str:
        """The version with its place."""
        return f"{self.version or 'an unknown version'} of {self.place}"

    def is_newer_than(self, other: "ZoneDatabase") -> bool:
        """Whether its version is certainly higher. A known version is newer than an unknown one.

        >>> ZoneDatabase("a", "2026a").is_newer_than(ZoneDatabase("b", "2025z"))
        True
        """
        return (self.version or "") > (other.version or "")

    def is_older_than_a_year(self, today: date) -> bool:
        """Whether it was certainly released more than a year ago, by the year of its version and by its files.

        Files dated before that year are of an installation that sets all dates alike, which tells nothing.
        """
        match = _VERSION.fullmatch(self.version or "")
        if not match:
            return False
        released_by = date(int(match[1]), 12, 31)
        if self.written_on and self.written_on.year >= released_by.year:
            released_by = min(released_by, self.written_on)
        return released_by < today - _A_YEAR


PACKAGE = "the package tzdata"


class ZoneRules(NamedTuple):
    """The copies of the zone database in reach of this process."""

    used: ZoneDatabase
    other: ZoneDatabase | None = None  # the older of two

    @property
    def named(self) -> str:
        """The versions with their places, the one in use first."""
        return ", ".join(each.named for each in (self.used, self.other) if each)

    def are_old(self, today: date) -> bool:
        """Whether every copy is certainly more than a year old."""
        return all(each.is_older_than_a_year(today) for each in (self.used, self.other) if each)


def read_version(text: str) -> str | None:
    r"""The version in the first line of `tzdata.zi` or `+VERSION`.

    >>> read_version("# version 2025b\n# This zic input file is in the public domain.")
    '2025b'
    """
    words = text.partition("\n")[0].replace("#", " ").split()
    last = words[-1].partition("-")[0] if words else ""
    return last if _VERSION.fullmatch(last) else None


def first_difference(one: ZoneInfo, other: ZoneInfo, instants: Iterable[datetime]) -> datetime | None:
    """The first of the instants at which clocks differ; None if they agree at each."""
    return next((at for at in instants if _offset(one, at) != _offset(other, at)), None)


def hours_of_a_year(now: datetime) -> Iterable[datetime]:
    """Every hour from now on for a year."""
    return (now + n * _AN_HOUR for n in range(int(_A_YEAR / _AN_HOUR)))


def _offset(zone: ZoneInfo, at: datetime) -> timedelta | None:
    return at.astimezone(zone).utcoffset()
