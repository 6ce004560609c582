"""What pages are laid out with: sentences with commands in them, labelled facts, columns."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
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


class Facts:
    """Labels on the left, what they say on the right; rows that say nothing are left out.

    What is said wraps at words below itself. Addresses never wrap: they are for copying, so a line with one runs on.
    """

    def __init__(self, rows: Iterable[tuple[str, Text | str | None]], *, indent: int = 2) -> None:
        self._rows = [(label, Text(told) if isinstance(told, str) else told) for label, told in rows if told]
        self._indent = " " * indent
        self._label = max((len(label) for label, _ in self._rows), default=0) + 3

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Every line by itself, so that a long address is not cut to the width of a table."""
        left = len(self._indent) + self._label
        room = max(options.max_width - left, 20)
        for label, told in self._rows:
            lines = list(told.split("\n")) if told.no_wrap else list(told.wrap(console, room))
            for n, line in enumerate(lines):
                line.rstrip()
                head = f"{label if n == 0 else '':<{self._label}}"
                yield Text.assemble(self._indent, (head, "dim"), line, no_wrap=True, overflow="ignore")


def columns(*names: str) -> Table:
    """A table without lines, under quiet headings."""
    page = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in names:
        page.add_column(name, overflow="fold")
    return page


def indented(page: RenderableType) -> Padding:
    """Set off from the headline above."""
    return Padding(page, (0, 0, 0, 2))
