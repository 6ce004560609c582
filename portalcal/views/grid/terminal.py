"""The availability grid on a terminal: a column per day, a row per time, a block per week.

Every kind of cell has its own glyph, so that the grid is readable without colour; colours are the 16 of the terminal's
theme. Cells with offered starts show their times.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from portalcal.core.reason_text import opens_until
from portalcal.core.time import format_duration, zone_city
from portalcal.results import Availability
from portalcal.sanitize import sanitize
from portalcal.views.grid import cells
from portalcal.views.grid.cells import Cell, CellKind, GridDay, Sheet

_NARROWEST, _WIDEST = 6, 13
"""Columns of a cell: enough for `Mon 23` and `09:00+`; at most what three starts need."""


_WITH_COUNT = 8
"""Columns of a cell that also shows how many of a pool could come: `09:00 ▄2`."""

_SHADES = {False: "▂▄█", True: ".:#"}
"""By whether the terminal has only ASCII: few, some, most of a pool."""


_AXIS = 6


_QUIET_WEEK = {CellKind.CLOSED, CellKind.PAST, CellKind.BEYOND, CellKind.UNOFFERED, CellKind.SKIPPED}


class _CellStyle(NamedTuple):
    """How one kind of cell is drawn."""

    glyph: str
    ascii: str
    """The glyph for terminals without Unicode."""
    style: str
    legend: str
    fills: bool = False
    """Repeat the glyph over the width of the cell."""


_CELL_STYLES = {
    CellKind.ROOM: _CellStyle("│", "|", "green", "free, no start"),
    CellKind.BUSY: _CellStyle("░", ":", "bright_black", "busy", fills=True),
    CellKind.BOOKED: _CellStyle("▓", "#", "blue", "booked", fills=True),
    CellKind.HELD: _CellStyle("▒", "%", "blue", "held by an offer", fills=True),
    CellKind.PAST: _CellStyle("·", ".", "bright_black", "past"),
    CellKind.BEYOND: _CellStyle("›", ">", "bright_black", "too far ahead"),
    CellKind.UNOFFERED: _CellStyle("–", "-", "bright_black", "open, not offered"),
    CellKind.SKIPPED: _CellStyle("×", "x", "bright_black", "skipped by the clocks", fills=True),
}


_OFFERED = "bold green"

_GAP = "   "
"""Between the items of the legend."""


_TODAY = "bold black on cyan"


def page(answer: Availability, *, width: int, is_ascii: bool = False) -> RenderableType:
    """The grid with its title, and a legend of the other glyphs used."""
    sheet = cells.sheet(answer)
    zones = (answer.zone, answer.inputs.schedule.zone)
    renderer = _GridRenderer(sheet, zones=zones, width=width, is_ascii=is_ascii)
    parts: list[RenderableType] = [_title(answer)]
    is_after_line = False
    for week in sheet.weeks:
        block = renderer.week(week)
        # No empty line between weeks of one line.
        parts += block if is_after_line and len(block) == 1 else ["", *block]
        is_after_line = len(block) == 1
    if not answer.slots:
        parts += ["", _none_offered(sheet)]
    if answer.beyond:
        parts += ["", Text(f"Too far ahead: {opens_until(answer.inputs)}", style="yellow")]
    if legend := renderer.legend():
        parts += ["", legend]
    return Group(*parts)


_HELD_BACK = {CellKind.BOOKED, CellKind.HELD, CellKind.BUSY, CellKind.UNOFFERED}
"""Kinds of cells within the opening hours that an explanation says something about."""


def _none_offered(sheet: Sheet) -> Text:
    text = Text("No time is offered in these days", style="bold yellow")
    day = next((day.date for day in sheet.days if day.kinds & _HELD_BACK), None)
    return text.append(f"\nwhy: the same with --explain {day}", style="not bold dim") if day else text


def _title(answer: Availability) -> Text:
    inputs = answer.inputs
    link = f"{sanitize(inputs.link)} · " if inputs.link else ""
    title = Text(f"{link}{format_duration(inputs.rules.duration)} meetings", style="bold")
    zones = f"times in {zone_city(answer.zone)}"
    if answer.zone.key != inputs.schedule.zone.key:
        zones += f", beside them {zone_city(inputs.schedule.zone)}"
    return title.append(f" · {zones}", style="not bold dim")


class _GridRenderer:
    """Renders the weeks of a sheet at a given width."""

    def __init__(self, sheet: Sheet, *, zones: tuple[ZoneInfo, ZoneInfo], width: int, is_ascii: bool) -> None:
        self._sheet = sheet
        self._zones = zones
        self._width = width
        self._is_ascii = is_ascii
        self._axis = 2 * _AXIS if sheet.is_two_zoned else _AXIS
        self._is_cut = False
        self._is_counted = sheet.members > 0
        narrowest = _WITH_COUNT if self._is_counted else _NARROWEST
        most_days = min(7, max((len(each) for each in sheet.weeks), default=7))
        fitting = max(1, (width - self._axis + 1) // (narrowest + 1))
        # Split evenly: seven days become four and three, not six and one.
        pieces = -(-most_days // fitting)
        self._days_across = -(-most_days // pieces)
        self._cell_width = max(narrowest, min(_WIDEST, (width - self._axis + 1) // self._days_across - 1))

    def week(self, days: Sequence[GridDay]) -> list[RenderableType]:
        """The block of one week, split into pieces if it is too wide; one line if nothing is offered or busy."""
        label = Text(cells.week_label(days), style="bold").append(
            f" · {cells.date_range(days[0].date, days[-1].date)}", style="not bold dim"
        )
        kinds = set().union(*(day.kinds for day in days))
        is_closed = kinds <= {CellKind.CLOSED}
        if is_closed or (kinds <= _QUIET_WEEK and len(self._sheet.weeks) > 1):
            why = "closed" if is_closed else "nothing offered"
            why = "too far ahead" if any(day.is_beyond for day in days) else why
            return [label.append(f"  {why}", style="not bold dim"), *_names(days)]
        lines: list[RenderableType] = [label]
        for first in range(0, len(days), self._days_across):
            piece = days[first : first + self._days_across]
            lines += [*([""] if first else []), *self._head(piece), *self._body(piece), *_names(piece)]
        return lines

    def _head(self, days: Sequence[GridDay]) -> list[Text]:
        names, notes = Text(self._axis_title(days[0])), Text(" " * self._axis)
        for day in days:
            style = _TODAY if day.is_today else "dim" if day.kinds <= {CellKind.CLOSED} else "bold"
            names.append_text(self._field(f"{day.date:%a} {day.date.day}", style))
            note, style = _note(day, self._cell_width)
            notes.append_text(self._field(note, style))
        names.rstrip()
        notes.rstrip()
        return [names, notes] if notes.plain else [names]

    def _axis_title(self, day: GridDay) -> str:
        """The zone abbreviations above their times, if two zones are shown."""
        if not self._sheet.is_two_zoned:
            return " " * self._axis
        noon = datetime.combine(day.date, time(12))
        return "".join(f"{noon.replace(tzinfo=zone):%Z}"[: _AXIS - 1].ljust(_AXIS) for zone in self._zones)

    def _body(self, days: Sequence[GridDay]) -> list[Text]:
        """The rows in which any day is open; longer gaps are shortened to one line."""
        lines: list[Text] = []
        rows = enumerate(self._sheet.rows)
        groups = groupby(rows, key=lambda row: all(day.cells[row[0]].kind is CellKind.CLOSED for day in days))
        pending: list[Text] = []
        for is_empty, group in groups:
            lines_of_group = [self._row(n, minutes, days) for n, minutes in group]
            if is_empty:
                pending = (
                    lines_of_group
                    if len(lines_of_group) <= 2
                    else [Text("  :" if self._is_ascii else "  ⋮", style="dim")]
                )
            else:
                lines += [*(pending if lines else []), *lines_of_group]
        return lines

    def _row(self, n: int, minutes: int, days: Sequence[GridDay]) -> Text:
        is_full_hour = minutes % 60 == 0
        line = Text()
        line.append(f"{cells.clock(minutes):<{_AXIS}}", style="" if is_full_hour else "dim")
        if days[0].ahead is not None:
            schedule_minutes = minutes + days[0].ahead // timedelta(minutes=1)
            line.append(f"{cells.clock(schedule_minutes):<{_AXIS}}", style="dim")
        for day in days:
            line.append_text(self._cell_text(day.cells[n]))
        line.rstrip()
        return line

    def _cell_text(self, cell: Cell) -> Text:
        if cell.kind is CellKind.OFFERED:
            count = self._count(cell)
            times = _times(cell, self._cell_width - len(count))
            self._is_cut |= "+" in times
            return self._field(f"{times}{count}", _OFFERED)
        if cell.kind is CellKind.CLOSED:
            return self._field("", "")
        cell_style = _CELL_STYLES[cell.kind]
        glyph = cell_style.ascii if self._is_ascii else cell_style.glyph
        return self._field(glyph * self._cell_width if cell_style.fills else f"  {glyph}", cell_style.style)

    def _count(self, cell: Cell) -> str:
        """How many of the pool could come, as a shade and a number."""
        if cell.able is None:
            return ""
        level = cells.shade(cell.able, self._sheet.members)
        return f" {_SHADES[self._is_ascii][level - 1]}{cell.able}"

    def _field(self, text: str, style: str) -> Text:
        """Text cut or padded to the width of a cell, plus the gap after it."""
        text = text[: self._cell_width]
        return Text().append(text, style=style).append(" " * (self._cell_width + 1 - cell_len(text)))

    def legend(self) -> Text | None:
        """The legend of the glyphs drawn; None if only times were."""
        kinds = self._sheet.kinds
        items = [Text.assemble(("09:00", _OFFERED), " offered")] if CellKind.OFFERED in kinds else []
        items += [Text.assemble(("+", _OFFERED), " more starts in between")] if self._is_cut else []
        if self._is_counted and items:
            sample = f"{_SHADES[self._is_ascii][1]}2"
            items.append(Text.assemble((sample, _OFFERED), " so many of the pool can come"))
        items += [
            self._legend_item(_CELL_STYLES[kind]) for kind in CellKind if kind in kinds & _CELL_STYLES.keys()
        ]
        has_more = kinds - {CellKind.OFFERED, CellKind.CLOSED} or self._is_cut or self._is_counted
        return _in_lines(items, self._width) if has_more else None

    def _legend_item(self, cell_style: _CellStyle) -> Text:
        glyph = cell_style.ascii if self._is_ascii else cell_style.glyph
        return Text.assemble(
            (glyph * (3 if cell_style.fills else 1), cell_style.style), f" {cell_style.legend}"
        )


def _in_lines(items: Sequence[Text], width: int) -> Text:
    """Items beside each other, in lines that are broken between two of them only."""
    lines: list[Text] = []
    for item in items:
        if lines and lines[-1].cell_len + len(_GAP) + item.cell_len <= width:
            lines[-1].append(_GAP).append_text(item)
        else:
            lines.append(item.copy())
    return Text("\n").join(lines)


def _names(days: Sequence[GridDay]) -> list[Text]:
    """A line with the holidays and periods of the days, if they have any."""
    names = " · ".join(sanitize(each) for each in cells.named_days(days))
    return [Text(names, style="magenta")] if names else []


def _note(day: GridDay, room: int) -> tuple[str, str]:
    """The note under the heading of a day (today, full, closed, too far ahead, DST length), in `room` columns, and its style."""
    today = "today " if day.is_today else ""
    if day.hours is not None:
        return ("no day" if day.hours == 0 else f"{today}{day.hours:g} h"), "yellow"
    if day.full:
        forms = (f"{today}full ({day.full})", f"{today}full", "full")
        return next((form for form in forms if len(form) <= room), "full"), "blue"
    if today:
        return today, "cyan"
    if day.is_beyond:
        return "later", "yellow"
    closed = "holiday" if day.holiday and room >= len("holiday") else "closed"
    return (closed if day.kinds <= {CellKind.CLOSED} else ""), "dim"


def _times(cell: Cell, room: int) -> str:
    """The starts in a cell, in the longest form that fits: `09:00 :15 :30`, `09:00 +2`, `09:00+`."""
    first, *rest = (f"{start:%H:%M}" for start in cell.starts)
    if not rest:
        return first
    if set(rest) == {first}:
        return f"{first} ×{len(cell.starts)}" if room >= 8 else f"{first}+"
    listed = " ".join((first, *(each[2:] if each[:2] == first[:2] else each for each in rest)))
    if len(listed) <= room:
        return listed
    return f"{first} +{len(rest)}" if room >= 8 else f"{first}+"
