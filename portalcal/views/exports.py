"""Answers as plain text for other programs and for e-mails: csv, a list that reads well aloud, sentences to paste.

Calendars for calendar programs are in `ics.py`, the page to send or print in `html_grid.py`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from portalcal.answers import Availability, Bookings, Day
from portalcal.core.booking import Booking
from portalcal.core.instants import local_date, place
from portalcal.core.intervals import Interval
from portalcal.core.objections import in_words
from portalcal.views import words
from portalcal.views.foreign import shown

_BOOKING_COLUMNS = (
    "id", "state", "start", "end", "timezone", "link", "title", "name", "email", "guests", "location", "meet_url",
    "event_url", "key",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ENOUGH_FOR_A_RANGE = 4
"""Starts in a row that are better said as a range."""


def as_csv(answer: Availability | Bookings) -> str:
    """A header and one line a slot (`start,end`) or a booking; instants RFC 3339 in the display zone."""
    if isinstance(answer, Availability):
        return _table(
            ("start", "end"), ((_at(s.start, answer.zone), _at(s.end, answer.zone)) for s in answer.slots)
        )
    return _table(_BOOKING_COLUMNS, (_booking_row(each, answer.zone) for each in answer.bookings))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat(timespec="seconds")


def _booking_row(booking: Booking, zone: ZoneInfo) -> tuple[str, ...]:
    wish = booking.wish
    foreign = (wish.title, wish.guest.name, wish.guest.email, " ".join(wish.guests), wish.location)
    return (
        str(booking.id),
        booking.state.value,
        _at(booking.meeting.start, zone),
        _at(booking.meeting.end, zone),
        zone.key,
        wish.link or "",
        *map(_harmless, foreign),
        booking.meet_url or "",
        booking.event_url or "",
        _harmless(booking.key or ""),
    )


def _harmless(text: str) -> str:
    """Foreign text that a spreadsheet will not run as a formula (OWASP: CSV injection)."""
    return f"'{shown(text)}" if text.startswith(_FORMULA) else shown(text)


# --- words ---------------------------------------------------------------------------------------------------------------


def as_list(answer: Availability) -> str:
    """A line a slot under its date in full: good to hear as well as to read."""
    today = local_date(answer.question.now, answer.zone)
    lines = [f"Meetings of {_length(answer)}, times in {_zone(answer)}"]
    for day in answer.days:
        word = words.day_word(day.date, today)
        date = words.long_date(day.date) + (f", {word}" if word else "")
        if day.slots:
            lines += ["", f"{date}: {in_words(len(day.slots), 'time')}"]
            lines += [f"  {_clock(s.start, answer.zone)} to {_clock(s.end, answer.zone)}" for s in day.slots]
        else:
            lines += ["", f"{date}: no times"]
    return "\n".join(lines) + "\n"


def as_text(answer: Availability) -> str:
    """Sentences to paste into an e-mail. Days without a slot are left out, and the zone is named."""
    length, zone = _length(answer), _zone(answer)
    open_days = [day for day in answer.days if day.slots]
    if not open_days:
        first, last = (words.long_date(day.date) for day in (answer.days[0], answer.days[-1]))
        when = f"on {first}" if first == last else f"from {first} to {last}"
        return f"There is no time for a meeting of {length} {when} ({zone}).\n"
    lines = [f"A meeting of {length} could start at any of these times, all in {zone}:", ""]
    lines += [f"- {words.long_date(day.date)}{_year(day, answer)}: {_said(day, answer)}" for day in open_days]
    if " to " in "".join(lines[2:]):
        step = words.length(answer.question.rules.stride)
        lines += ["", f"A range gives the first and the last start; between them there is one every {step}."]
    return "\n".join(lines) + "\n"


def _length(answer: Availability) -> str:
    return words.length(answer.question.rules.duration)


def _zone(answer: Availability) -> str:
    """The zone so that nobody can take it for another: `London (Europe/London, UTC+00:00)`.

    An offset that changes among the days shown is left out.
    """
    shown_at = [
        answer.question.window.start,
        answer.question.window.end,
        *(slot.start for slot in answer.slots),
    ]
    offsets = {each.astimezone(answer.zone).isoformat()[-6:] for each in shown_at}
    offset = f", UTC{offsets.pop()}" if len(offsets) == 1 else ""
    return f"{place(answer.zone)} ({answer.zone.key}{offset})"


def _clock(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%H:%M}"


def _year(day: Day, answer: Availability) -> str:
    return "" if day.date.year == local_date(answer.question.now, answer.zone).year else f" {day.date.year}"


def _said(day: Day, answer: Availability) -> str:
    """`09:00, 09:30 or 14:00 to 16:30`: starts in a long row become a range."""
    rows = _rows(day.slots, answer.question.rules.stride)
    parts = [part for row in rows for part in _row_said(row, answer.zone)]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def _rows(slots: Sequence[Interval], step: timedelta) -> list[list[Interval]]:
    """Slots in rows, in each of which starts follow one another by one step."""
    rows: list[list[Interval]] = []
    for slot in slots:
        if rows and slot.start - rows[-1][-1].start == step:
            rows[-1].append(slot)
        else:
            rows.append([slot])
    return rows


def _row_said(row: Sequence[Interval], zone: ZoneInfo) -> list[str]:
    if len(row) < _ENOUGH_FOR_A_RANGE:
        return [_clock(slot.start, zone) for slot in row]
    first, last = _clock(row[0].start, zone), _clock(row[-1].start, zone)
    return [f"{first} to {last}"]
