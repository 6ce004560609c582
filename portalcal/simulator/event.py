"""One event as it is kept: Google's JSON, and what follows from it about time.

Never changes: another version of an event is another object, so whatever was computed from it stays true.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo

from dateutil.rrule import rrule, rruleset, rrulestr

from portalcal.simulator import instants
from portalcal.simulator.wire import Json

_UNTIL = re.compile(r"UNTIL=(\d{8})(?:T(\d{6})(Z?))?", re.IGNORECASE)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")


@dataclass(frozen=True)
class Event:
    """One version of one copy of an event: Google's JSON without what is computed when it is shown."""

    body: Json
    revision: int
    updated: datetime
    zone_name: str

    @property
    def id(self) -> str:
        """The event's id, unique on its calendar."""
        return str(self.body["id"])

    @property
    def series(self) -> str:
        """The id of the recurring event this is an instance of, else its own."""
        return str(self.body.get("recurringEventId") or self.body["id"])

    @property
    def is_exception(self) -> bool:
        """Whether this is an instance that was changed or cancelled by itself."""
        return "recurringEventId" in self.body

    @property
    def is_recurring(self) -> bool:
        """Whether this is a series."""
        return bool(self.body.get("recurrence"))

    @property
    def is_cancelled(self) -> bool:
        """Whether it was deleted."""
        return bool(self.body.get("status") == "cancelled")

    @property
    def is_tombstone(self) -> bool:
        """Whether it is a deleted event; a cancelled instance lives as long as its series."""
        return self.is_cancelled and not self.is_exception

    @property
    def is_all_day(self) -> bool:
        """Whether it takes whole days."""
        return "date" in self.body["start"]

    @functools.cached_property
    def where(self) -> tzinfo:
        """The zone its recurrence runs in: its own, or its calendar's."""
        name = None if self.is_all_day else self.body["start"].get("timeZone")
        return instants.zone(name or self.zone_name)

    @functools.cached_property
    def start(self) -> int:
        """Epoch seconds of its (first) start."""
        return instants.epoch(moment(self.body["start"], instants.zone(self.zone_name)))

    @functools.cached_property
    def end(self) -> int:
        """Epoch seconds of its (first) end."""
        return instants.epoch(moment(self.body["end"], instants.zone(self.zone_name)))

    @functools.cached_property
    def original(self) -> int | None:
        """Epoch seconds at which this instance would have started without its change."""
        start = self.body.get("originalStartTime")
        return instants.epoch(moment(start, instants.zone(self.zone_name))) if start else None

    @functools.cached_property
    def days(self) -> int:
        """How many days an all-day event takes."""
        return (_date(self.body["end"]) - _date(self.body["start"])).days

    @functools.cached_property
    def first(self) -> datetime:
        """The wall time, in the zone its recurrence runs in, of its first start."""
        if self.is_all_day:
            return datetime.combine(_date(self.body["start"]), time())
        return moment(self.body["start"], self.where).astimezone(self.where).replace(tzinfo=None)

    @functools.cached_property
    def rules(self) -> rruleset:
        """Its recurrence over wall times; the first start always belongs to it (RFC 5545 section 3.8.5.3)."""
        rules = rule_set(self.body["recurrence"], self.first, where=self.where, whole_days=self.is_all_day)
        rules.rdate(self.first)
        return rules

    @functools.cached_property
    def is_busy(self) -> bool:
        """Whether it makes this calendar's owner busy (GOOGLE.md section 3.2, the table)."""
        if self.is_cancelled or self.body.get("transparency") == "transparent":
            return False
        if self.body.get("eventType") in {"workingLocation", "birthday"}:
            return False
        guests = self.body.get("attendees", [])
        return not any(guest.get("self") and guest.get("responseStatus") == "declined" for guest in guests)


def moment(point: Json, calendar_zone: tzinfo) -> datetime:
    """Return the UTC instant of a Google `start` or `end`: a `date`, or a `dateTime` with an offset or a `timeZone`."""
    if "date" in point:
        return instants.midnight(instants.day(point["date"]), calendar_zone)
    told = instants.parse(point["dateTime"])
    if told.tzinfo is None:
        return instants.at(told, instants.zone(point["timeZone"]))
    return told.astimezone(UTC)


def instance_id(series: str, start: date) -> str:
    """Return the id of a series' instance by its original start.

    >>> instance_id("abc", datetime(2026, 11, 25, 10, tzinfo=UTC))
    'abc_20261125T100000Z'
    """
    if isinstance(start, datetime):
        return f"{series}_{start.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{series}_{start:%Y%m%d}"


def instance_start(instance: str) -> tuple[str, datetime]:
    """Return an instance id's series and original start (a day: its midnight in UTC).

    Raises:
        ValueError: it is no instance's id.
    """
    series, _, tail = instance.rpartition("_")
    start = datetime.fromisoformat(tail)
    return series, start if start.tzinfo else start.replace(tzinfo=UTC)


def rule_set(lines: Iterable[str], first: datetime, *, where: tzinfo, whole_days: bool) -> rruleset:
    """Return RRULE, EXRULE, RDATE and EXDATE lines as a dateutil set over naive wall times in `where`.

    Raises:
        ValueError: a line is not RFC 5545, or recurs more often than daily, which Google Calendar does not.
    """
    # Cached: the index asks for one year after another, and dateutil would start over from the first each time.
    rules = rruleset(cache=True)
    for line in lines:
        name, _, value = line.partition(":")
        kind = name.partition(";")[0].upper()
        if kind in {"RRULE", "EXRULE"}:
            if not any(f"FREQ={frequency}" in value.upper() for frequency in _FREQUENCIES):
                raise ValueError(f"a rule recurs daily, weekly, monthly or yearly, not as in {line!r}")
            text = _UNTIL.sub(lambda until: _local_until(until, where, whole_days=whole_days), value)
            (rules.rrule if kind == "RRULE" else rules.exrule)(_rule(text, first))
        elif kind in {"RDATE", "EXDATE"}:
            for wall in _walls(name, value, where=where):
                (rules.rdate if kind == "RDATE" else rules.exdate)(wall)
        else:
            raise ValueError(f"a recurrence line is RRULE, EXRULE, RDATE or EXDATE, not {line!r}")
    return rules


def _rule(text: str, first: datetime) -> rrule:
    """Return one rule; dateutil's own word for a broken one may also be a KeyError or a TypeError."""
    try:
        rule = rrulestr(text, dtstart=first)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a recurrence rule: {text!r}") from error
    if not isinstance(rule, rrule):
        raise ValueError(f"not one recurrence rule: {text!r}")  # noqa: TRY004 - the caller's text is at fault
    return rule


def _local_until(until: re.Match[str], where: tzinfo, *, whole_days: bool) -> str:
    """Return UNTIL as a wall time: dateutil compares it with naive starts. A bare date includes its whole day."""
    day, clock, utc = until.groups()
    if whole_days or not clock:
        return f"UNTIL={day}T235959"
    wall = datetime.fromisoformat(f"{day}T{clock}")
    if utc:
        wall = wall.replace(tzinfo=UTC).astimezone(where)
    return f"UNTIL={wall:%Y%m%dT%H%M%S}"


def _walls(name: str, value: str, *, where: tzinfo) -> Iterable[datetime]:
    """Return the times of an RDATE or EXDATE line as wall times in `where`."""
    parameters = dict(part.partition("=")[::2] for part in name.split(";")[1:])
    told_in = instants.zone(parameters["TZID"]) if "TZID" in parameters else where
    for text in value.split(","):
        stamp = text.strip().partition("/")[0]
        wall = datetime.fromisoformat(stamp.removesuffix("Z"))
        zone = UTC if stamp.endswith("Z") else told_in
        yield wall if zone is where else instants.at(wall, zone).astimezone(where).replace(tzinfo=None)


def _date(point: Json) -> date:
    return date.fromisoformat(point["date"])
