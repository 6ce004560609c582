"""Terminal pages of the history: of one booking, to be read aloud; of many, a line each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from portalcal import results
from portalcal.core.history import HistoryLine
from portalcal.core.reason_text import count_of
from portalcal.core.time import format_date, local_date, zone_city
from portalcal.facts import SHORT_ID
from portalcal.sanitize import sanitize
from portalcal.views import humanize
from portalcal.views.history_sentences import describe_author, describe_change
from portalcal.views.terminal.layout import DefinitionList


def page(answer: results.HistoryPage, *, now: datetime, is_wide: bool) -> RenderableType:
    """Changes of any bookings, the earliest first. `is_wide`: on one line each, with the whole id and instant."""
    if not answer.lines:
        return Text("No changes", style="dim")
    table = Table.grid(padding=(0, 2, 0, 0))
    for style in ("", "cyan", ""):
        table.add_column(style=style, overflow="fold")
    for line in answer.lines:
        id_ = sanitize(line.booking if is_wide else line.booking[:SHORT_ID])
        at = line.at.astimezone(answer.zone).isoformat() if is_wide else _when(line, answer.zone, now=now)
        table.add_row(at, id_, _told(line, answer.zone, is_wide=is_wide))
    return table if is_wide else Group(table, "", _zone(answer.zone))


def of_booking(lines: Iterable[HistoryLine], zone: ZoneInfo, *, now: datetime) -> RenderableType:
    """What happened to one booking: when, what, and by whom."""
    rows = [(_when(line, zone, now=now), _told(line, zone, is_wide=False)) for line in lines]
    return Group(DefinitionList(rows), "", _zone(zone))


def pruned(answer: results.HistoryPruned) -> RenderableType:
    """How much was forgotten."""
    before = local_date(answer.before, answer.zone)
    lines = count_of(answer.lines, "line")
    return Text(f"Forgot {lines} of bookings that are over, from before {format_date(before)} {before.year}")


def _when(line: HistoryLine, zone: ZoneInfo, *, now: datetime) -> str:
    day = humanize.dated(local_date(line.at, zone), local_date(now, zone))
    return f"{day}, {line.at.astimezone(zone):%H:%M}"


def _told(line: HistoryLine, zone: ZoneInfo, *, is_wide: bool) -> Text:
    sentence = Text(describe_change(line, zone))
    return sentence.append(f"{', ' if is_wide else chr(10)}{describe_author(line)}", style="dim")


def _zone(zone: ZoneInfo) -> Text:
    return Text(f"Times in {zone_city(zone)}", style="dim")
