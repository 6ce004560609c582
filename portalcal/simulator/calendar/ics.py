"""Convert iCalendar files to Google event JSON with the icalendar library. Errors name the line.

The library parses the heads of content lines (cached) and values that are times, durations and rules. Its component parser
is not used: it takes seven times as long (2.6 s against 0.4 s for the 4,778 events of a real export; icalendar 7.3,
Python 3.11, 2 busy cores) and drops what it cannot parse without an error or a line number.
"""

import base64
import functools
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from urllib.parse import unquote

from dateutil import tz
from icalendar import vDate, vDatetime, vDuration
from icalendar.parser import Contentline

from portalcal.simulator.calendar import instants
from portalcal.simulator.calendar.event import check_rule, instance_id
from portalcal.simulator.http.messages import Json

# Head and value of a content line; quoted parameters may contain colons.
_HEAD = re.compile(r'((?:[^":]|"[^"]*")*):(.*)', re.DOTALL)

# TEXT escapes (RFC 5545 section 3.3.11). The library undoes them in different places in versions 6 and 7.
_ESCAPES = re.compile(r"\\([\\;,nN])")
_STATUS = {"CONFIRMED": "confirmed", "TENTATIVE": "tentative", "CANCELLED": "cancelled"}
_RESPONSE = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
_VISIBILITY = {"PUBLIC": "public", "PRIVATE": "private", "CONFIDENTIAL": "confidential"}
_RULES = ("RRULE", "EXRULE", "RDATE", "EXDATE")


@dataclass(frozen=True, slots=True)
class Line:
    """A content line: parameters by upper-case name, unquoted; `number` is its first line in the file."""

    value: str
    parameters: dict[str, str]
    number: int = 0


@dataclass(slots=True)
class Component:
    """The lines of a component by name, without nested components; `number` is the line of its BEGIN."""

    number: int = 0
    lines: dict[str, list[Line]] = field(default_factory=dict)

    def one(self, name: str) -> Line | None:
        """Return the first line with a name."""
        return self.lines[name][0] if name in self.lines else None

    def text(self, name: str) -> str:
        """Return a TEXT property unescaped, or an empty text."""
        line = self.one(name)
        return _ESCAPES.sub(lambda match: "\n" if match[1] in "nN" else match[1], line.value) if line else ""


class LoadedEvent(NamedTuple):
    """An event of a file: Google's JSON, and its place for error messages."""

    body: Json
    place: str


def events(text: str) -> list[LoadedEvent]:
    """Return the events of an iCalendar file in Google's JSON, changed instances after their series.

    Of events with the same UID the last one of the highest SEQUENCE counts, as when Google imports them in order.

    Raises:
        ValueError: a line, a time or a zone is malformed; the message names it.
    """
    calendar, components, zones = _components(text)
    reader = _Reader(calendar.text("X-WR-TIMEZONE") or "UTC", zones)
    latest: dict[str, LoadedEvent] = {}
    for n, component in enumerate(components):
        loaded = _load_event(reader, component)
        key = str(loaded.body.get("id") or f"without UID, number {n}")
        if key not in latest or loaded.body["sequence"] >= latest[key].body["sequence"]:
            latest[key] = loaded
    return sorted(latest.values(), key=lambda loaded: "recurringEventId" in loaded.body)


def _load_event(reader: "_Reader", component: Component) -> LoadedEvent:
    uid = component.text("UID")
    place = (
        f"line {component.number}: event {uid}" if uid else f"line {component.number}: an event without UID"
    )
    try:
        return LoadedEvent(reader.event(component), place)
    # OverflowError: a time outside the range of datetime.
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{place} {error}") from error


def event_id(uid: str) -> str:
    """Return the event id Google assigns to an imported UID: its own id, or an underscore and base32hex of the UID."""
    local = uid.removesuffix("@google.com")
    if local != uid and re.fullmatch(r"[a-v0-9]{5,1024}", local):
        return local
    return "_" + base64.b32hexencode(uid.encode()).decode().rstrip("=").lower()


def _components(text: str) -> tuple[Component, list[Component], dict[str, str]]:
    """Return the calendar's properties, its VEVENTs, and the text of each VTIMEZONE by TZID."""
    calendar = Component()
    components: list[Component] = []
    zones: dict[str, str] = {}
    stack: list[Line] = []
    current = calendar
    zone_lines: list[str] | None = None
    for number, raw in _unfolded(text):
        name, line = _line(raw, number)
        if name == "BEGIN":
            stack.append(Line(line.value.strip().upper(), {}, number))
            if stack[-1].value == "VEVENT":
                components.append(current := Component(number))
            elif stack[-1].value == "VTIMEZONE":
                zone_lines = []
        if zone_lines is not None:
            zone_lines.append(raw)
        if name == "END":
            if _ended(stack, line) == "VTIMEZONE":
                zones |= _described(zone_lines or [])
                zone_lines = None
            elif not stack or stack[-1].value != "VEVENT":
                current = calendar
        elif name != "BEGIN" and stack and stack[-1].value in {"VCALENDAR", "VEVENT"}:
            current.lines.setdefault(name, []).append(line)
    _check_closed(stack)
    return calendar, components, zones


def _ended(stack: list[Line], line: Line) -> str:
    """Pop the component that an END line closes, and return its name."""
    ended = stack.pop().value if stack else ""
    if ended != line.value.strip().upper():
        raise ValueError(f"line {line.number}: END:{line.value} closes nothing that was begun")
    return ended


def _check_closed(stack: list[Line]) -> None:
    if stack:
        began = stack[-1]
        raise ValueError(f"line {began.number}: BEGIN:{began.value} is never closed; the file is cut off")


def _described(block: list[str]) -> dict[str, str]:
    """Return the text of a VTIMEZONE by its TZID; empty without one, since no time can refer to it."""
    named = next((line for line in block if re.match(r"TZID[;:]", line, re.IGNORECASE)), None)
    return {named.partition(":")[2].strip(): "\n".join(block)} if named else {}


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Yield unfolded content lines with their numbers (RFC 5545 section 3.1)."""
    whole, began = "", 0
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if line[:1] in {" ", "\t"} and whole:
            whole += line[1:]
            continue
        if whole:
            yield began, whole
        whole, began = line, number
    if whole:
        yield began, whole


def _line(raw: str, number: int) -> tuple[str, Line]:
    head, colon, value = raw.partition(":")
    if '"' in head and (parts := _HEAD.fullmatch(raw)):
        head, value = parts.groups()
    try:
        name, parameters = _head(head if colon else "")
    except ValueError:
        raise ValueError(f"line {number}: not a content line: {raw[:60]!r}") from None
    return name, Line(value, parameters, number)


@functools.lru_cache(maxsize=4096)
def _head(text: str) -> tuple[str, dict[str, str]]:
    """Return name and parameters of a content line. Cached, since a file has few different heads."""
    if re.fullmatch(r"[A-Za-z0-9-]+", text):
        return text.upper(), {}
    # Without the value, which the library would scan character by character.
    name, parameters, _ = Contentline(f"{text}:").parts()  # type: ignore[no-untyped-call]
    unquoted = {
        key.upper(): value if isinstance(value, str) else ",".join(value) for key, value in parameters.items()
    }
    return str(name).upper(), unquoted


@dataclass(slots=True)
class _Reader:
    """Converts components to events, with the zones of the file."""

    default: str
    zones: dict[str, str]
    _names: dict[str, str] = field(default_factory=dict)

    def event(self, component: Component) -> Json:
        uid, original = component.text("UID"), component.one("RECURRENCE-ID")
        start_line = component.one("DTSTART")
        if start_line is None:
            raise ValueError("has no DTSTART")
        start = self._point("DTSTART", start_line)
        body: Json = {"start": start, "end": self._end(component, start)} | _words(component)
        if uid:
            body |= {"id": event_id(uid), "iCalUID": uid}
        elif original:
            raise ValueError("has a RECURRENCE-ID, which without UID says of nothing what it changes")
        lines = ((name, line) for name in _RULES for line in component.lines.get(name, ()) if line.value)
        # A changed instance does not recur, even where a writer copied the rule into it.
        if original is None and (rules := [self._rule(name, line) for name, line in lines]):
            body["recurrence"] = rules
        if guests := [_guest(line) for line in component.lines.get("ATTENDEE", ())]:
            body["attendees"] = guests
        if original:
            body |= self._instance(body["id"], original)
        return body

    def _instance(self, series: str, original: Line) -> Json:
        if "RANGE" in original.parameters:
            raise ValueError(f"changes a range of instances (line {original.number}), which is not supported")
        point = self._point("RECURRENCE-ID", original)
        if "date" in point:
            started: date = date.fromisoformat(point["date"])
        else:
            parsed = instants.parse(point["dateTime"])
            started = parsed if parsed.tzinfo else instants.at(parsed, instants.zone(point["timeZone"]))
        return {"id": instance_id(series, started), "recurringEventId": series, "originalStartTime": point}

    def _point(self, name: str, line: Line) -> Json:
        text = line.value.strip()
        try:
            if line.parameters.get("VALUE", "").upper() == "DATE" or len(text) == 8:
                return {"date": vDate.from_ical(text).isoformat()}  # type: ignore[no-untyped-call]
            parsed: datetime = vDatetime.from_ical(text)  # type: ignore[no-untyped-call]
        except ValueError:
            raise ValueError(f"has a {name} that is no time (line {line.number}): {text[:40]!r}") from None
        if parsed.tzinfo is not None:
            return {"dateTime": parsed.isoformat(), "timeZone": "UTC"}
        return {
            "dateTime": parsed.isoformat(),
            "timeZone": self._zone(line.parameters.get("TZID", self.default), line),
        }

    def _end(self, component: Component, start: Json) -> Json:
        """Return DTEND, or start plus DURATION; without either one day for a date, else no length (RFC 5545 section 3.6.1)."""
        if line := component.one("DTEND"):
            end = self._point("DTEND", line)
            return _at_least_a_day(start, end) if "date" in start and "date" in end else end
        duration = component.one("DURATION")
        length = _duration(duration) if duration else timedelta(days=1 if "date" in start else 0)
        if "date" in start:
            return _at_least_a_day(start, {"date": (date.fromisoformat(start["date"]) + length).isoformat()})
        parsed = instants.parse(start["dateTime"])
        zone = instants.zone(start["timeZone"])
        instant = parsed if parsed.tzinfo else instants.at(parsed, zone)
        return {"dateTime": (instant + length).isoformat(), "timeZone": start["timeZone"]}

    def _rule(self, name: str, line: Line) -> str:
        if name in {"RRULE", "EXRULE"}:
            try:
                check_rule(line.value)
            except ValueError as error:
                raise ValueError(f"has an {name} that Google refuses (line {line.number}): {error}") from None
        zone = f";TZID={self._zone(line.parameters['TZID'], line)}" if "TZID" in line.parameters else ""
        return f"{name}{zone}:{line.value}"

    def _zone(self, tzid: str, line: Line) -> str:
        if tzid not in self._names:
            try:
                self._names[tzid] = self._known_zone(tzid)
            except ValueError as error:
                raise ValueError(
                    f"has a time in a zone that is unknown (line {line.number}): {error}"
                ) from None
        return self._names[tzid]

    def _known_zone(self, tzid: str) -> str:
        """Return the IANA name of a TZID: itself if it is one, else a zone with the offsets of its VTIMEZONE.

        The VTIMEZONE wins over a similar name: in the export, `Europe/lisbon` is defined with central European time.
        """
        if tzid in instants.zone_names():
            return tzid
        if tzid not in self.zones:
            raise ValueError(f"no time zone is called {tzid!r}, and the file does not describe it")
        wanted = _offsets_of_block(self.zones[tzid])
        for name in [self.default, *self.zones, *sorted(instants.zone_names())]:
            if name in instants.zone_names() and _offsets(name) == wanted:
                return name
        raise ValueError(f"no time zone keeps the time the file describes for {tzid!r}")


def _words(component: Component) -> Json:
    fields = {
        "summary": component.text("SUMMARY"),
        "description": component.text("DESCRIPTION"),
        "location": component.text("LOCATION"),
        "status": _STATUS.get(component.text("STATUS").upper()),
        "transparency": "transparent" if component.text("TRANSP").upper() == "TRANSPARENT" else None,
        "visibility": _VISIBILITY.get(component.text("CLASS").upper()),
        "sequence": _sequence(component),
    }
    return {name: value for name, value in fields.items() if value not in {None, ""}}


def _sequence(component: Component) -> int:
    """Return SEQUENCE, or 0 if it is not a number."""
    text = component.text("SEQUENCE").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def _guest(line: Line) -> Json:
    """Return an attendee by the mailto: address, or by EMAIL= as iCloud writes it (RFC 7986 section 6.2)."""
    value = unquote(re.sub(r"(?i)^mailto:", "", line.value.strip()))
    email = value if "@" in value else re.sub(r"(?i)^mailto:", "", line.parameters.get("EMAIL", ""))
    if "@" not in email:
        raise ValueError(
            f"has an ATTENDEE without an e-mail address (line {line.number}): {line.value[:60]!r}"
        )
    response = _RESPONSE.get(line.parameters.get("PARTSTAT", "").upper(), "needsAction")
    name = {"displayName": line.parameters["CN"]} if "CN" in line.parameters else {}
    return {"email": email, "responseStatus": response, **name}


def _duration(line: Line) -> timedelta:
    try:
        length: timedelta = vDuration.from_ical(line.value.strip())  # type: ignore[no-untyped-call]
    except ValueError:
        raise ValueError(f"has a DURATION that is none (line {line.number}): {line.value[:40]!r}") from None
    return length


def _at_least_a_day(start: Json, end: Json) -> Json:
    """Return an all-day end at least a day after the start: some writers give the same date for both."""
    if end["date"] > start["date"]:
        return end
    return {"date": (date.fromisoformat(start["date"]) + timedelta(days=1)).isoformat()}


# Recent instants suffice to compare offsets; few VTIMEZONEs contain history.
_SAMPLES = tuple(
    datetime.fromisoformat(f"{2020 + month // 12}-{month % 12 + 1:02}-{day:02}T12:00")
    for month in range(192)
    for day in (1, 15, 28)
)


@functools.cache
def _offsets(name: str) -> tuple[timedelta | None, ...]:
    zone = instants.zone(name)
    return tuple(zone.utcoffset(sample) for sample in _SAMPLES)


def _offsets_of_block(block: str) -> tuple[timedelta | None, ...]:
    # dateutil rejects X- properties; Google writes X-LIC-LOCATION.
    known = "\n".join(line for line in block.split("\n") if not line.upper().startswith("X-"))
    # dateutil loops forever on a rule that never advances.
    for rule in re.findall(r"(?im)^RRULE[^:]*:(.*)$", known):
        check_rule(rule)
    try:
        described = tz.tzical(io.StringIO(f"BEGIN:VCALENDAR\n{known}\nEND:VCALENDAR\n")).get()
    # dateutil raises any of these for a malformed VTIMEZONE.
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError):
        described = None
    if described is None:
        raise ValueError("its VTIMEZONE cannot be read")
    return tuple(described.utcoffset(sample) for sample in _SAMPLES)
