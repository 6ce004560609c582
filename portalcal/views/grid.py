"""The grid of an availability on a terminal: days across, times down, a block a week.

Every kind of cell has a glyph of its own, so that nothing rests on colour; colours are the sixteen that follow the
terminal's theme. Where starts are offered their times stand in the cells.
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

from portalcal.answers import Availability
from portalcal.core.instants import place, say_duration
from portalcal.views import cells
from portalcal.views.cells import Cell, Day, Kind, Sheet
from portalcal.views.foreign import shown

_NARROWEST, _WIDEST = 6, 13
"""Columns of a cell: room for `Mon 23` and `09:00+`; and as wide as three starts in a row can use."""
_AXIS = 6
_QUIET_WEEK = {Kind.CLOSED, Kind.PAST, Kind.UNOFFERED, Kind.SKIPPED}


class _Look(NamedTuple):
    """How one kind of cell is drawn: a glyph, a style, its name in the legend, whether it fills the cell."""

    glyph: str
    ascii: str
    style: str
    legend: str
    fills: bool = False


_LOOKS = {
    Kind.ROOM: _Look("│", "|", "green", "free, no start"),
    Kind.BUSY: _Look("░", ":", "bright_black", "busy", fills=True),
    Kind.BOOKED: _Look("▓", "#", "blue", "booked", fills=True),
    Kind.PAST: _Look("·", ".", "bright_black", "past"),
    Kind.UNOFFERED: _Look("–", "-", "bright_black", "open, not offered"),
    Kind.SKIPPED: _Look("×", "x", "bright_black", "skipped by the clocks", fills=True),
}
_OFFERED = "bold green"
_TODAY = "bold black on cyan"


def page(answer: Availability, *, width: int, is_ascii: bool = False) -> RenderableType:
    """The whole grid with its title, and a legend of what is in it besides offered times."""
    sheet = cells.sheet(answer)
    zones = (answer.zone, answer.question.schedule.zone)
    pen = _Pen(sheet, zones=zones, width=width, is_ascii=is_ascii)
    parts: list[RenderableType] = [_title(answer)]
    was_line = False
    for week in sheet.weeks:
        block = pen.week(week)
        # Weeks of one line stand together.
        parts += block if was_line and len(block) == 1 else ["", *block]
        was_line = len(block) == 1
    if not answer.slots:
        parts += ["", Text("No time is offered in these days", style="bold yellow")]
    if legend := pen.legend():
        parts += ["", legend]
    return Group(*parts)


def _title(answer: Availability) -> Text:
    question = answer.question
    link = f"{shown(question.link)} · " if question.link else ""
    title = Text(f"{link}{say_duration(question.rules.duration)} meetings", style="bold")
    zones = f"times in {place(answer.zone)}"
    if answer.zone.key != question.schedule.zone.key:
        zones += f", beside them {place(question.schedule.zone)}"
    return title.append(f" · {zones}", style="not bold dim")


class _Pen:
    """Draws the weeks of one sheet at one width."""

    def __init__(self, sheet: Sheet, *, zones: tuple[ZoneInfo, ZoneInfo], width: int, is_ascii: bool) -> None:
        self._sheet = sheet
        self._zones = zones
        self._is_ascii = is_ascii
        self._axis = 2 * _AXIS if sheet.is_two_zoned else _AXIS
        self._is_cut = False
        across = min(7, max((len(each) for each in sheet.weeks), default=7))
        fitting = max(1, (width - self._axis + 1) // (_NARROWEST + 1))
        # Seven days that do not fit become four and three rather than six and one.
        pieces = -(-across // fitting)
        self._across = -(-across // pieces)
        self._cell = max(_NARROWEST, min(_WIDEST, (width - self._axis + 1) // self._across - 1))

    def week(self, days: Sequence[Day]) -> list[RenderableType]:
        """The block of one week, folded into pieces where it is too wide; one line where nothing happens."""
        label = Text(cells.week_label(days), style="bold").append(
            f" · {cells.date_range(days[0].date, days[-1].date)}", style="not bold dim"
        )
        kinds = set().union(*(day.kinds for day in days))
        is_closed = kinds <= {Kind.CLOSED}
        if is_closed or (kinds <= _QUIET_WEEK and len(self._sheet.weeks) > 1):
            return [label.append("  closed" if is_closed else "  nothing offered", style="not bold dim")]
        lines: list[RenderableType] = [label]
        for first in range(0, len(days), self._across):
            piece = days[first : first + self._across]
            lines += [*([""] if first else []), *self._head(piece), *self._body(piece)]
        return lines

    def _head(self, days: Sequence[Day]) -> list[Text]:
        names, notes = Text(self._axis_title(days[0])), Text(" " * self._axis)
        for day in days:
            style = _TODAY if day.is_today else "dim" if day.kinds <= {Kind.CLOSED} else "bold"
            names.append_text(self._field(f"{day.date:%a} {day.date.day}", style))
            note, style = _note(day)
            notes.append_text(self._field(note, style))
        names.rstrip()
        notes.rstrip()
        return [names, notes] if notes.plain else [names]

    def _axis_title(self, day: Day) -> str:
        """The zones' abbreviations above their times, where there are two."""
        if not self._sheet.is_two_zoned:
            return " " * self._axis
        noon = datetime.combine(day.date, time(12))
        return "".join(f"{noon.replace(tzinfo=zone):%Z}"[: _AXIS - 1].ljust(_AXIS) for zone in self._zones)

    def _body(self, days: Sequence[Day]) -> list[Text]:
        """The rows in which any day is open; where none is, they would only push the rest off the screen."""
        lines: list[Text] = []
        rows = enumerate(self._sheet.rows)
        groups = groupby(rows, key=lambda row: all(day.cells[row[0]].kind is Kind.CLOSED for day in days))
        pending: list[Text] = []
        for is_empty, group in groups:
            drawn = [self._row(n, minutes, days) for n, minutes in group]
            if is_empty:
                pending = (
                    drawn if len(drawn) <= 2 else [Text("  :" if self._is_ascii else "  ⋮", style="dim")]
                )
            else:
                lines += [*(pending if lines else []), *drawn]
        return lines

    def _row(self, n: int, minutes: int, days: Sequence[Day]) -> Text:
        is_full_hour = minutes % 60 == 0
        line = Text()
        line.append(f"{cells.clock(minutes):<{_AXIS}}", style="" if is_full_hour else "dim")
        if days[0].ahead is not None:
            there = minutes + days[0].ahead // timedelta(minutes=1)
            line.append(f"{cells.clock(there):<{_AXIS}}", style="dim")
        for day in days:
            line.append_text(self._cell_text(day.cells[n]))
        line.rstrip()
        return line

    def _cell_text(self, cell: Cell) -> Text:
        if cell.kind is Kind.OFFERED:
            times = _times(cell, self._cell)
            self._is_cut |= "+" in times
            return self._field(times, _OFFERED)
        if cell.kind is Kind.CLOSED:
            return self._field("", "")
        look = _LOOKS[cell.kind]
        glyph = look.ascii if self._is_ascii else look.glyph
        return self._field(glyph * self._cell if look.fills else f"  {glyph}", look.style)

    def _field(self, text: str, style: str) -> Text:
        """A text in the width of a cell, with the gap that follows it."""
        text = text[: self._cell]
        return Text().append(text, style=style).append(" " * (self._cell + 1 - cell_len(text)))

    def legend(self) -> Text | None:
        """What the glyphs mean that were drawn; None when only times were."""
        kinds = self._sheet.kinds
        items = [Text.assemble(("09:00", _OFFERED), " offered")] if Kind.OFFERED in kinds else []
        items += [Text.assemble(("+", _OFFERED), " more starts in between")] if self._is_cut else []
        items += [self._legend_item(_LOOKS[kind]) for kind in Kind if kind in kinds & _LOOKS.keys()]
        return Text("   ").join(items) if kinds - {Kind.OFFERED, Kind.CLOSED} or self._is_cut else None

    def _legend_item(self, look: _Look) -> Text:
        glyph = look.ascii if self._is_ascii else look.glyph
        return Text.assemble((glyph * (3 if look.fills else 1), look.style), f" {look.legend}")


def _note(day: Day) -> tuple[str, str]:
    """What is particular about a day, and its style."""
    today = "today " if day.is_today else ""
    if day.hours is not None:
        return ("no day" if day.hours == 0 else f"{today}{day.hours:g} h"), "yellow"
    if today:
        return today, "cyan"
    return ("closed" if day.kinds <= {Kind.CLOSED} else ""), "dim"


def _times(cell: Cell, room: int) -> str:
    """The starts in a cell, as fully as there is room: `09:00 :15 :30`, `09:00 +2`, `09:00+`."""
    first, *rest = (f"{start:%H:%M}" for start in cell.starts)
    if not rest:
        return first
    if set(rest) == {first}:
        return f"{first} ×{len(cell.starts)}" if room >= 8 else f"{first}+"
    listed = " ".join((first, *(each[2:] if each[:2] == first[:2] else each for each in rest)))
    if len(listed) <= room:
        return listed
    return f"{first} +{len(rest)}" if room >= 8 else f"{first}+"
