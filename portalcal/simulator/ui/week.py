"""HTML grid of a week: days across, hours down, overlapping events side by side."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from html import escape

from portalcal.simulator.calendar import instants
from portalcal.simulator.calendar.model import StoredCalendar
from portalcal.simulator.calendar.recurrence import Occurrence

_PER_HOUR = 2.6  # rem

STYLE = """
.week { display: grid; grid-template-columns: 3.2rem repeat(7, minmax(6.5rem, 1fr)); overflow-x: auto; }
.week .head { padding: .4rem .5rem; border-bottom: 1px solid var(--line); font-size: .85rem; color: var(--soft); }
.week .head b { display: block; font-size: 1.25rem; font-weight: 500; color: var(--ink); }
.week .today b { color: var(--blue); }
.week .allday { min-height: 1.6rem; padding: 2px; border-bottom: 1px solid var(--line); border-left: 1px solid var(--line); }
.week .hours, .week .day { position: relative; }
.week .hours span { position: absolute; right: .5rem; transform: translateY(-50%); font-size: .72rem; color: var(--soft); }
.week .day { border-left: 1px solid var(--line); background: repeating-linear-gradient(to bottom, var(--line) 0 1px,
  transparent 1px 2.6rem); }
.event { border-radius: .4rem; padding: 1px .4rem; font-size: .75rem; line-height: 1.3; overflow: hidden; color: #fff;
  background: var(--c); border: 1px solid var(--paper); }
.day .event { position: absolute; }
.event.free { background: var(--paper); color: var(--ink); border: 1px solid var(--c); border-left-width: 4px; }
.event b { font-weight: 600; display: block; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.allday .event { margin-bottom: 2px; }
"""


@dataclass(frozen=True, slots=True)
class ColoredOccurrence:
    """An occurrence with the color and name of its calendar."""

    occurrence: Occurrence
    color: str
    calendar: str


def table(calendars: Iterable[tuple[StoredCalendar, str]], monday: date, *, zone: tzinfo, today: date) -> str:
    """Return the grid of the week from `monday` in `zone`; each calendar comes with its color."""
    low = instants.epoch(instants.midnight(monday, zone))
    high = instants.epoch(instants.midnight(monday + timedelta(days=7), zone))
    shown = [
        ColoredOccurrence(occurrence, color, calendar.summary)
        for calendar, color in calendars
        for occurrence in calendar.timeline.between(low, high)
    ]
    days = [monday + timedelta(days=number) for number in range(7)]
    timed = [
        _of_day([one for one in shown if not one.occurrence.event.is_all_day], day, zone) for day in days
    ]
    first, last = _hours(span for day in timed for span in day)
    heads = "".join(
        f'<div class="head{" today" if day == today else ""}">{day:%a}<b>{day.day}</b></div>' for day in days
    )
    whole = "".join(f'<div class="allday">{_all_day(shown, day, zone)}</div>' for day in days)
    hours = "".join(
        f'<span style="top:{(hour - first) * _PER_HOUR}rem">{hour:02}:00</span>'
        for hour in range(first + 1, last)
    )
    height = (last - first) * _PER_HOUR
    columns = "".join(
        f'<div class="day" style="height:{height}rem">{_column(day, first)}</div>' for day in timed
    )
    return (
        f'<div class="week" role="region" aria-label="Week of {monday:%d %B %Y}" tabindex="0"><div class="head"></div>{heads}'
        f'<div class="head"></div>{whole}<div class="hours">{hours}</div>{columns}</div>'
    )


Span = tuple[float, float, ColoredOccurrence]


def _of_day(shown: list[ColoredOccurrence], day: date, zone: tzinfo) -> list[Span]:
    """Return the events of a day as hours since midnight, clipped to the day."""
    midnight = instants.epoch(instants.midnight(day, zone))
    end = instants.epoch(instants.midnight(day + timedelta(days=1), zone))
    return sorted(
        (
            (
                (max(one.occurrence.start, midnight) - midnight) / 3600,
                (min(one.occurrence.end, end) - midnight) / 3600,
                one,
            )
            for one in shown
            if one.occurrence.start < end and one.occurrence.end > midnight
        ),
        key=lambda span: (span[0], -span[1]),
    )


def _hours(spans: Iterable[Span]) -> tuple[int, int]:
    """Return the hours to draw: 8 to 19, extended to include every event."""
    first, last = 8, 19
    for start, end, _ in spans:
        first, last = min(first, int(start)), max(last, int(end) + 1)
    return first, min(last, 25)


def _column(spans: list[Span], first: int) -> str:
    """Return the blocks of a day; events that overlap, directly or through others, share the width."""
    blocks: list[str] = []
    crowd: list[Span] = []
    for span in spans:
        if crowd and span[0] >= max(end for _, end, _ in crowd):
            blocks += _side_by_side(crowd, first)
            crowd = []
        crowd.append(span)
    return "".join(blocks + _side_by_side(crowd, first))


def _side_by_side(spans: list[Span], first: int) -> list[str]:
    lanes: list[float] = []
    placed: list[tuple[Span, int]] = []
    for span in spans:
        lane = next((number for number, free in enumerate(lanes) if free <= span[0]), len(lanes))
        lanes[lane : lane + 1] = [span[1]]
        placed.append((span, lane))
    width = 100 / max(len(lanes), 1)
    return [_block(span, lane * width, width, first=first) for span, lane in placed]


def _block(span: Span, left: float, width: float, *, first: int) -> str:
    start, end, shown = span
    top, height = (start - first) * _PER_HOUR, max((end - start) * _PER_HOUR, 1.1)
    place = f"top:{top:.2f}rem;height:{height:.2f}rem;left:{left:.2f}%;width:{width:.2f}%"
    clock = f"{int(start):02}:{round(start % 1 * 60):02}"
    return _event(shown, f"{place};", clock)


def _all_day(shown: list[ColoredOccurrence], day: date, zone: tzinfo) -> str:
    noon = instants.epoch(instants.midnight(day, zone)) + 12 * 3600
    whole_day = [
        colored
        for colored in shown
        if colored.occurrence.event.is_all_day and colored.occurrence.start <= noon < colored.occurrence.end
    ]
    return "".join(_event(colored, "", "") for colored in whole_day)


def _event(shown: ColoredOccurrence, place: str, clock: str) -> str:
    event = shown.occurrence.event
    title = escape(str(event.body.get("summary") or "(No title)"))
    free = "" if event.is_busy else " free"
    start, end = (instants.from_epoch(at) for at in (shown.occurrence.start, shown.occurrence.end))
    hint = escape(
        f"{event.body.get('summary', '')} · {shown.calendar} · {start:%d %b %H:%M} to {end:%d %b %H:%M} UTC"
    )
    return f'<div class="event{free}" style="{place}--c:{escape(shown.color)}" title="{hint}"><b>{title}</b>{clock}</div>'


def monday_of(text: str, now: datetime) -> date:
    """Return the Monday of the week of an ISO date; of the current week for any other text."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = now.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())
