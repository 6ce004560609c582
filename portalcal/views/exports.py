"""Export formats in plain text: CSV, a list that suits screen readers, and sentences for an e-mail.

iCalendar is in `ics.py`, the HTML page in `grid/html.py`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking
from portalcal.core.history import HistoryLine
from portalcal.core.intervals import Interval
from portalcal.core.reason_text import count_of
from portalcal.core.slots import full_days
from portalcal.core.time import local_date, zone_city
from portalcal.results import Availability, AvailableDay, Bookings, HistoryPage
from portalcal.sanitize import sanitize
from portalcal.views import humanize
from portalcal.views.history_sentences import describe_change
from portalcal.views.json import history_line
from portalcal.views.takers import takers

_BOOKING_COLUMNS = (
    "id", "state", "start", "end", "timezone", "link", "title", "name", "email", "guests", "location", "meet_url",
    "event_url", "key",
)  # fmt: skip
_CHANGE_COLUMNS = (
    "at", "cursor", "booking", "what", "by", "actor", "host", "command", "summary", "before", "after",
)  # fmt: skip
# With the full-width forms, which East Asian spreadsheets treat the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MIN_RANGE = 4
"""Consecutive starts from which a range is shown."""


def as_csv(answer: Availability | HistoryPage) -> str:
    """A header and one line a slot (`start,end`) or a change; instants RFC 3339 in the display zone."""
    if isinstance(answer, HistoryPage):
        rows = (_change_row(each, answer.zone) for each in answer.lines)
        return "".join(_table(_CHANGE_COLUMNS, rows))
    slots = ((_at(s.start, answer.zone), _at(s.end, answer.zone)) for s in answer.slots)
    return "".join(_table(("start", "end"), slots))


def csv_of_bookings(answer: Bookings) -> Iterator[str]:
    """A header and one line a booking; instants RFC 3339 in the display zone."""
    return _table(_BOOKING_COLUMNS, (_booking_row(each, answer.zone) for each in answer.bookings))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    # Every cell, so that a column added later is escaped too.
    for row in chain((header,), (tuple(map(_escaped, row)) for row in rows)):
        writer.writerow(row)
        yield stream.getvalue()
        stream.seek(0)
        stream.truncate()


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat(timespec="seconds")


def _booking_row(booking: Booking, zone: ZoneInfo) -> tuple[str, ...]:
    request = booking.request
    return (
        str(booking.id),
        booking.state.value,
        _at(booking.meeting.start, zone),
        _at(booking.meeting.end, zone),
        zone.key,
        request.link or "",
        request.title,
        request.guest.name,
        request.guest.email,
        " ".join(request.guests),
        request.location,
        booking.meet_url or "",
        booking.event_url or "",
        booking.key or "",
    )


def _change_row(line: HistoryLine, zone: ZoneInfo) -> tuple[str, ...]:
    row = dict[str, object](history_line(line, zone)) | {"summary": describe_change(line, zone)}
    return tuple(
        json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
        for value in map(row.__getitem__, _CHANGE_COLUMNS)
    )


def _escaped(text: str) -> str:
    """Escape a cell that a spreadsheet would run as a formula (OWASP: CSV injection)."""
    return f"'{sanitize(text)}" if text.startswith(_FORMULA) else sanitize(text)


# --- text ---------------------------------------------------------------------------------------------------------------


def as_list(answer: Availability) -> str:
    """One line per slot under its full date, in words that a screen reader reads well."""
    today = local_date(answer.inputs.now, answer.zone)
    full = full_days(answer.inputs)
    lines = [f"Meetings of {_length(answer)}, times in {_zone(answer)}"]
    for day in answer.days:
        word = humanize.day_word(day.date, today)
        date = humanize.long_date(day.date) + (f", {word}" if word else "")
        if day.slots:
            lines += ["", f"{date}: {count_of(len(day.slots), 'time')}"]
            lines += [f"  {_slot(slot, answer)}" for slot in day.slots]
        elif not answer.is_choice:
            limit = answer.inputs.rules.max_per_day
            why = f", full ({full[day.date]} of {limit})" if day.date in full else ""
            lines += ["", f"{date}: no times{why}"]
    return "\n".join(lines) + "\n"


def _slot(slot: Interval, answer: Availability) -> str:
    """`09:00 to 09:30`, and after a colon who could take it."""
    span = f"{_clock(slot.start, answer.zone)} to {_clock(slot.end, answer.zone)}"
    people = takers(slot, answer)
    return f"{span}: {sanitize(people)}" if people else span


def as_text(answer: Availability) -> str:
    """Text to paste into an e-mail: days without slots are omitted, the zone is named."""
    length, zone = _length(answer), _zone(answer)
    open_days = [day for day in answer.days if day.slots]
    if not open_days:
        first, last = (humanize.long_date(day.date) for day in (answer.days[0], answer.days[-1]))
        when = f"on {first}" if first == last else f"from {first} to {last}"
        return f"There is no time for a meeting of {length} {when} ({zone}).\n"
    lines = [f"A meeting of {length} could start at any of these times, all in {zone}:", ""]
    if answer.is_choice:
        lines += [
            f"- {humanize.long_date(day.date)}{_year(day, answer)}, {_clock(slot.start, answer.zone)} to {_clock(slot.end, answer.zone)}"
            for day in open_days
            for slot in day.slots
        ]
        return "\n".join(lines) + "\n"
    lines += [
        f"- {humanize.long_date(day.date)}{_year(day, answer)}: {_starts_text(day, answer)}"
        for day in open_days
    ]
    return "\n".join(lines) + "\n"


def _length(answer: Availability) -> str:
    return humanize.length(answer.inputs.rules.duration)


def _zone(answer: Availability) -> str:
    """The zone, unambiguously: `London (Europe/London, UTC+00:00)`.

    The offset is omitted if it changes within the days shown.
    """
    shown_at = [
        answer.inputs.window.start,
        answer.inputs.window.end,
        *(slot.start for slot in answer.slots),
    ]
    offsets = {each.astimezone(answer.zone).isoformat()[-6:] for each in shown_at}
    offset = f", UTC{offsets.pop()}" if len(offsets) == 1 else ""
    return f"{zone_city(answer.zone)} ({answer.zone.key}{offset})"


def _clock(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%H:%M}"


def _year(day: AvailableDay, answer: Availability) -> str:
    return "" if day.date.year == local_date(answer.inputs.now, answer.zone).year else f" {day.date.year}"


def _starts_text(day: AvailableDay, answer: Availability) -> str:
    """`09:00, 09:30 or every 30 minutes from 14:00 to 16:30`: of a long run nobody may choose a time in between."""
    stride = answer.inputs.rules.stride
    runs = _runs(day.slots, stride)
    parts = [part for run in runs for part in _run_text(run, answer.zone, every=_every(stride))]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def _runs(slots: Sequence[Interval], step: timedelta) -> list[list[Interval]]:
    """Group slots into runs whose starts are one step apart."""
    runs: list[list[Interval]] = []
    for slot in slots:
        if runs and slot.start - runs[-1][-1].start == step:
            runs[-1].append(slot)
        else:
            runs.append([slot])
    return runs


def _every(step: timedelta) -> str:
    """`every 30 minutes`, `every hour`."""
    length = humanize.length(step)
    return f"every {length.removeprefix('1 ') if length.count(' ') == 1 else length}"


def _run_text(run: Sequence[Interval], zone: ZoneInfo, *, every: str) -> list[str]:
    if len(run) < _MIN_RANGE:
        return [_clock(slot.start, zone) for slot in run]
    first, last = _clock(run[0].start, zone), _clock(run[-1].start, zone)
    return [f"{every} from {first} to {last}"]
