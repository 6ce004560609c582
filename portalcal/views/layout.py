"""What pages are laid out with: sentences with commands in them, labelled facts, columns."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from portalcal.views.foreign import shown

USES = {"conflicts": "conflicts", "booking": "bookings", "both": "conflicts, bookings", None: ""}
"""The words for what a calendar is used for."""

_COMMAND = re.compile(r"`[^`]+`")


def prose(text: str, *, style: str = "") -> Text:
    """A sentence whose backticked commands stand out."""
    told = Text(shown(text), style=style)
    told.highlight_regex(_COMMAND, "cyan")
    return told


def facts(rows: Iterable[tuple[str, RenderableType | None]]) -> Table:
    """Labels on the left, what they say on the right; rows that say nothing are left out."""
    page = Table.grid(padding=(0, 3, 0, 0))
    page.add_column(style="dim", no_wrap=True)
    page.add_column(overflow="fold")
    for label, value in rows:
        if value is not None and value != "":
            page.add_row(label, Text(value) if isinstance(value, str) else value)
    return page


def columns(*names: str) -> Table:
    """A table without lines, under quiet headings."""
    page = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in names:
        page.add_column(name, overflow="fold")
    return page


def indented(page: RenderableType) -> Padding:
    """Set off from the headline above."""
    return Padding(page, (0, 0, 0, 2))
