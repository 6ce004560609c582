"""What stands under the results of a run: how much was gone through, where a test that passes does not say it all.

It travels as properties in the reports of tests, and so arrives from whatever process ran them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.table import OBSERVED, matrix

LINE, COUNT = "summary line", "summary count"


def write(terminal: pytest.TerminalReporter, *, with_tables: bool) -> None:
    """Write the lines, the counts added up by title, and the tables for who asked for them."""
    found = list(_properties(terminal))
    if with_tables:
        for command, rows in matrix(value for name, value in found if name == OBSERVED):
            terminal.write_sep("-", f"what came of each fault: {command}")
            terminal.write_line("\n".join(rows))
    counts: dict[str, Counter[str]] = {}
    for title, numbers in (value for name, value in found if name == COUNT):
        counts.setdefault(title, Counter()).update(numbers)
    lines = [value for name, value in found if name == LINE]
    lines += [
        f"{title}: " + ", ".join(f"{number:,} {of}" for of, number in numbers.items())
        for title, numbers in counts.items()
    ]
    if lines:
        terminal.write_sep("-", "what was gone through")
        terminal.write_line("\n".join(sorted(lines)))


def _properties(terminal: pytest.TerminalReporter) -> Iterator[tuple[str, Any]]:
    for report in (*terminal.getreports("passed"), *terminal.getreports("failed")):
        if report.when == "call":
            yield from report.user_properties
