"""Streaming CSV reader (RFC 4180 and Excel's `sep=` line) that recovers from a malformed row at the next line.

An unclosed quote makes the csv module read everything after it as one cell. That row is reported as malformed at its
first line, and reading resumes with the line after it.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

_DELIMITERS = ",;\t"
_SEPARATOR = re.compile(r'"?sep=([^"\r\n])"?[\s,;]*', re.IGNORECASE)
_MOST_LINES = 200
_MOST_CHARACTERS = 64_000
"""Limits of a row over several lines: larger than any note, and how much is read twice after an unclosed quote."""


class CsvRow(NamedTuple):
    """A row: its cells, or why it is malformed; the numbers of its first and last line."""

    first: int
    last: int
    cells: list[str]
    problem: str | None = None


def separator_line(text: str) -> str | None:
    """The delimiter that Excel's first line `sep=;` names; None for any other line."""
    match = _SEPARATOR.fullmatch(text.rstrip("\r\n"))
    return match[1] if match else None


def delimiter_of(header: str) -> str:
    """The delimiter of a header line: the most frequent candidate."""
    return max(_DELIMITERS, key=header.count)


class CsvRows:
    """The rows of CSV, including blank ones. `number`: the line number before the first of `lines`."""

    def __init__(self, lines: Iterator[str], *, delimiter: str, number: int) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._number = number
        self._pushed_back: deque[str] = deque()
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[CsvRow]:
        """Iterate over the rows."""
        return self

    def __next__(self) -> CsvRow:
        """The next row."""
        first = self._number + 1
        self._taken = []
        try:
            cells = next(csv.reader(self._feed(), delimiter=self._delimiter, strict=True))
        except (csv.Error, _RowTooLong) as error:
            is_open = isinstance(error, _RowTooLong) or len(self._taken) > 1 or "end of data" in str(error)
            self.push_back()
            return CsvRow(first, first, [], _UNCLOSED if is_open else f"it is not CSV: {error}")
        return CsvRow(first, self._number, cells)

    def push_back(self) -> None:
        """Push back all lines of the last row but its first: they were not one row."""
        again = self._taken[1:]
        self._pushed_back.extendleft(reversed(again))
        self._number -= len(again)
        self._taken = self._taken[:1]

    def _feed(self) -> Iterator[str]:
        size = 0
        while (
            line := self._pushed_back.popleft() if self._pushed_back else next(self._lines, None)
        ) is not None:
            self._number += 1
            self._taken.append(line)
            size += len(line)
            if len(self._taken) > 1 and (len(self._taken) > _MOST_LINES or size > _MOST_CHARACTERS):
                raise _RowTooLong
            yield line


_UNCLOSED = "a quote is opened in it and not closed"


class _RowTooLong(Exception):
    """The row exceeds the limits, so a quote in it is not closed."""
