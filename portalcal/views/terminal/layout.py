"""Layout for terminal pages: text with highlighted commands, labelled rows, columns, indentation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from portalcal.sanitize import sanitize

USES = {"conflicts": "conflicts", "booking": "bookings", "both": "conflicts, bookings", None: ""}
"""Labels for the use of a calendar."""


_COMMAND = re.compile(r"`[^`]+`")


def highlight_commands(text: str, *, style: str = "") -> Text:
    """Text whose commands in backticks are highlighted."""
    highlighted = Text(sanitize(text), style=style)
    highlighted.highlight_regex(_COMMAND, "cyan")
    return highlighted


_TIME = r"[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2}(?: \d{4})?, \d\d:\d\d\S*(?: \([^()]*\))?(?: ·)?"
_WORD = re.compile(rf"(?:`[^`]+`|{_TIME}|[^\s`]|`)+")
"""What a line is never broken within: a word, a time, or a command in backticks with what touches it."""


def wrap_around_commands(text: Text, width: int) -> Text:
    """The text in lines of that width, broken neither within commands, which are copied as a whole, nor within times."""
    breaks, start, is_begun = [], 0, False
    for word in _WORD.finditer(text.plain):
        if is_begun and cell_len(text.plain[start : word.end()]) > width:
            start = word.start()
            breaks.append(start)
        is_begun = True
    lines = text.divide(breaks)
    for line in lines:
        line.rstrip()
    return Text("\n").join(lines)


def _wrap(text: Text, width: int) -> Iterator[Text]:
    """The text in lines of that width; two spaces separate parts, of which one that has no room begins a line."""
    for line in text.split("\n", allow_blank=True):
        joined: list[Text] = []
        for part in line.split("  "):
            if joined and joined[-1].cell_len + 2 + part.cell_len <= width:
                joined[-1] = Text("  ").join((joined[-1], part))
            else:
                joined.append(part)
        for each in joined:
            yield from wrap_around_commands(each, width).split("\n", allow_blank=True)


class DefinitionList:
    """Labels on the left, values on the right; rows without a value are omitted.

    Values wrap with a hanging indent. `no_wrap` values, which are URLs, stay on one line so that they can be copied.
    """

    def __init__(
        self, rows: Iterable[tuple[Text | str, Text | str | None]], *, indent: int = 2, gap: int = 3
    ) -> None:
        self._rows = [(_text(label, "dim"), _text(value, "")) for label, value in rows if value]
        self._indent = " " * indent
        self._label = max((label.cell_len for label, _ in self._rows), default=0) + gap

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield lines one by one: a Rich table would cut a long URL to its width."""
        left = len(self._indent) + self._label
        room = max(options.max_width - left, 20)
        for label, value in self._rows:
            head = label.copy()
            for line in value.split("\n") if value.no_wrap else _wrap(value, room):
                line.rstrip()
                head.append(" " * (self._label - head.cell_len))
                yield Text.assemble(self._indent, head, line, no_wrap=True, overflow="ignore")
                head = Text()


def _text(value: Text | str, style: str) -> Text:
    return Text(value, style=style) if isinstance(value, str) else value


class Paragraphs:
    """Lines of text, wrapped neither within commands nor within times."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield each line, wrapped to the width."""
        for line in self._text.splitlines():
            yield wrap_around_commands(Text(line), options.max_width)


class Findings:
    """Lines of a mark, a name and a text; every command and URL in a text has a line of its own and is never broken.

    Texts wrap with a hanging indent. Commands are in backticks; options alone, like `--yes`, stay in their sentence.
    """

    def __init__(self, rows: Iterable[Finding]) -> None:
        self._rows = tuple(rows)
        self._name = max((cell_len(row.name.plain) for row in self._rows), default=0)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield lines one by one: a Rich table would break a long command."""
        left = 3 + self._name + 2
        for row in self._rows:
            if not row.texts:
                yield Text("")
                continue
            gap = " " * (self._name - cell_len(row.name.plain) + 2)
            head = Text.assemble(row.mark, "  ", row.name, gap)
            for line in row.lines(console, max(options.max_width - left, 20)):
                is_too_wide = left + line.cell_len > options.max_width and bool(line.no_wrap)
                indent = Text(" " * (_NEAR if is_too_wide else left))
                if is_too_wide and head.plain.strip():
                    yield _unwrapped(head)
                yield _unwrapped(
                    Text.assemble(indent if is_too_wide or not head.plain.strip() else head, line)
                )
                head = Text("")
            if head.plain.strip():
                yield _unwrapped(head)


class Finding(NamedTuple):
    """A row of Findings."""

    mark: Text
    name: Text
    texts: tuple[Text, ...]  # sentences, one below the other; none: an empty line

    def lines(self, console: Console, room: int) -> Iterator[Text]:
        """The sentences, wrapped, with each command on its own line."""
        for text in self.texts:
            for paragraph in text.split("\n", allow_blank=True):
                for piece in _around_commands(paragraph):
                    yield from [piece] if piece.no_wrap else piece.wrap(console, room)


_NEAR = 5
"""Columns before a command that has no room under its sentence."""


_OWN_LINE = re.compile(r"[,;]? ?(?:`([^`-][^`]*)`|(?<!\S)(https?://[^\s,;]*[^\s,;.)]))[,;.]? ?")


def _around_commands(text: Text) -> Iterator[Text]:
    """Split a sentence at its commands, which lose their backticks, and at its URLs; neither wraps."""
    end = 0
    for match in _OWN_LINE.finditer(text.plain):
        before = text[end : match.start()]
        before.rstrip()
        if before.plain:
            yield before
        yield Text(f"  {match[1] or match[2]}", style="cyan", no_wrap=True)
        end = match.end()
    rest = text[end:]
    if rest.plain.strip() or not end:
        yield rest


def _unwrapped(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ignore"
    line.rstrip()
    return line


def columns(*names: str) -> Table:
    """A table without borders, with dim headings."""
    page = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in names:
        page.add_column(name, overflow="fold")
    return page


class Indented:
    """Indent by two columns. Unlike Rich's Padding it does not fill lines with trailing spaces."""

    def __init__(self, page: RenderableType) -> None:
        self._page = page

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Prefix every rendered line with two spaces."""
        inner = options.update_width(max(options.max_width - 2, 1))
        for line in console.render_lines(self._page, inner, pad=False):
            yield Segment("  ")
            yield from line
            yield Segment.line()
