"""A stored event: Google's JSON and the times derived from it.

Immutable: every version of an event is a new object, so derived values may be cached.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo

from dateutil.rrule import rrule, rruleset, rrulestr
from icalendar import vRecur

from portalcal.simulator.calendar import instants
from portalcal.simulator.http.messages import Json

_UNTIL = re.compile(r"UNTIL=(\d{8})(?:T(\d{6})(Z?))?", re.IGNORECASE)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")


@dataclass(frozen=True)
class StoredEvent:
    """One version of one copy of an event: Google's JSON without the fields added by `serialize`."""

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
        """Whether this is a changed or cancelled instance of a series."""
        return "recurringEventId" in self.body

    @property
    def is_recurring(self) -> bool:
        """Whether this is a recurring event."""
        return bool(self.body.get("recurrence")) and not self.is_exception

    @property
    def is_cancelled(self) -> bool:
        """Whether its status is cancelled."""
        return bool(self.body.get("status") == "cancelled")

    @property
    def is_tombstone(self) -> bool:
        """Whether it is a deleted event; cancelled instances are kept as long as their series."""
        return self.is_cancelled and not self.is_exception

    @property
    def is_all_day(self) -> bool:
        """Whether it is an all-day event."""
        return "date" in self.body["start"]

    @functools.cached_property
    def where(self) -> tzinfo:
        """The zone in which its recurrence is expanded: that of its start, or its calendar's."""
        name = None if self.is_all_day else self.body["start"].get("timeZone")
        return instants.zone(name or self.zone_name)

    @functools.cached_property
    def start(self) -> int:
        """Start in epoch seconds; of a series that of its first instance."""
        return instants.epoch(moment(self.body["start"], instants.zone(self.zone_name)))

    @functools.cached_property
    def end(self) -> int:
        """End in epoch seconds; of a series that of its first instance."""
        return instants.epoch(moment(self.body["end"], instants.zone(self.zone_name)))

    @functools.cached_property
    def original(self) -> int | None:
        """Original start of a changed instance in epoch seconds."""
        start = self.body.get("originalStartTime")
        return instants.epoch(moment(start, instants.zone(self.zone_name))) if start else None

    @functools.cached_property
    def days(self) -> int:
        """Length of an all-day event in days."""
        return (_date(self.body["end"]) - _date(self.body["start"])).days

    @functools.cached_property
    def first(self) -> datetime:
        """Wall time of its first start in `where`."""
        if self.is_all_day:
            return datetime.combine(_date(self.body["start"]), time())
        return moment(self.body["start"], self.where).astimezone(self.where).replace(tzinfo=None)

    @functools.cached_property
    def rules(self) -> rruleset:
        """The recurrence set over wall times, DTSTART included (RFC 5545 section 3.8.5.3)."""
        rules = rule_set(self.body["recurrence"], self.first, where=self.where, whole_days=self.is_all_day)
        rules.rdate(self.first)
        return rules

    @functools.cached_property
    def is_busy(self) -> bool:
        """Whether free/busy reports it: live, opaque, not declined, no birthday and no working location."""
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
    parsed = instants.parse(point["dateTime"])
    if parsed.tzinfo is None:
        return instants.at(parsed, instants.zone(point["timeZone"]))
    return parsed.astimezone(UTC)


def instance_id(series: str, start: date) -> str:
    """Return the id of an instance by its series and original start.

    >>> instance_id("abc", datetime(2026, 11, 25, 10, tzinfo=UTC))
    'abc_20261125T100000Z'
    """
    if isinstance(start, datetime):
        return f"{series}_{start.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{series}_{start:%Y%m%d}"


def instance_start(instance: str) -> tuple[str, datetime]:
    """Return series and original start of an instance id (of a date: midnight UTC).

    Raises:
        ValueError: it is not the id of an instance.
    """
    series, _, tail = instance.rpartition("_")
    start = datetime.fromisoformat(tail)
    return series, start if start.tzinfo else start.replace(tzinfo=UTC)


def rule_set(lines: Iterable[str], first: datetime, *, where: tzinfo, whole_days: bool) -> rruleset:
    """Return RRULE, EXRULE, RDATE and EXDATE lines as a dateutil set over naive wall times in `where`.

    Raises:
        ValueError: a line is not RFC 5545, or recurs more often than daily, which Google Calendar does not.
    """
    # Cached: the timeline expands year by year, and dateutil would start from the first instance each time.
    rules = rruleset(cache=True)
    for line in lines:
        name, _, value = line.partition(":")
        kind = name.partition(";")[0].upper()
        if kind in {"RRULE", "EXRULE"}:
            check_rule(value)
            text = _UNTIL.sub(lambda until: _local_until(until, where, whole_days=whole_days), value)
            (rules.rrule if kind == "RRULE" else rules.exrule)(_rule(text, first))
        elif kind in {"RDATE", "EXDATE"}:
            for wall in _walls(name, value, where=where):
                (rules.rdate if kind == "RDATE" else rules.exdate)(wall)
        else:
            raise ValueError(f"a recurrence line is RRULE, EXRULE, RDATE or EXDATE, not {line!r}")
    return rules


def check_rule(text: str) -> None:
    """Validate a recurrence rule, since dateutil loops forever on one that never advances.

    Raises:
        ValueError: not a rule of RFC 5545 section 3.3.10, or a frequency above daily.
    """
    parts = [part.partition("=")[::2] for part in text.strip().rstrip(";").upper().split(";")]
    by_name = dict(parts)
    if len(by_name) < len(parts) or not all(value for _, value in parts):
        raise ValueError(f"a rule names each of its parts once and gives it a value, not as in {text!r}")
    if by_name.get("FREQ") not in _FREQUENCIES:
        raise ValueError(f"a rule recurs daily, weekly, monthly or yearly, not as in {text!r}")
    for name in ("INTERVAL", "COUNT"):
        if not re.fullmatch(r"0*[1-9][0-9]{0,5}", by_name.get(name, "1")):
            raise ValueError(
                f"{name} is a whole number from 1 on, not {by_name[name][:20]!r} as in {text[:200]!r}"
            )
    if "COUNT" in by_name and "UNTIL" in by_name:
        raise ValueError(f"a rule ends by COUNT or by UNTIL, not by both as in {text!r}")
    vRecur.from_ical(text)


def _rule(text: str, first: datetime) -> rrule:
    """Parse one rule; dateutil raises several exception types for a malformed one."""
    try:
        rule = rrulestr(text, dtstart=first)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"not a recurrence rule: {text!r}") from error
    if not isinstance(rule, rrule):
        raise ValueError(f"not one recurrence rule: {text!r}")  # noqa: TRY004 - the caller's text is at fault
    return rule


def _local_until(until: re.Match[str], where: tzinfo, *, whole_days: bool) -> str:
    """Return UNTIL as naive wall time, as dateutil compares it with naive starts. A date includes the whole day."""
    day, clock, utc = until.groups()
    if whole_days or not clock:
        return f"UNTIL={day}T235959"
    wall = datetime.fromisoformat(f"{instants.day(day)}T{clock}")
    if utc:
        wall = wall.replace(tzinfo=UTC).astimezone(where)
    return f"UNTIL={wall:%Y%m%dT%H%M%S}"


def _walls(name: str, value: str, *, where: tzinfo) -> Iterable[datetime]:
    """Yield the times of an RDATE or EXDATE line as wall times in `where`."""
    parameters = dict(part.partition("=")[::2] for part in name.split(";")[1:])
    line_zone = instants.zone(parameters["TZID"]) if "TZID" in parameters else where
    for text in value.split(","):
        stamp = text.strip().partition("/")[0]
        wall = datetime.fromisoformat(stamp.removesuffix("Z"))
        instants.day(wall.date().isoformat())
        zone = UTC if stamp.endswith("Z") else line_zone
        yield wall if zone is where else instants.at(wall, zone).astimezone(where).replace(tzinfo=None)


def _date(point: Json) -> date:
    return date.fromisoformat(point["date"])
