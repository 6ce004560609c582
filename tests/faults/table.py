"""The matrix as it was observed, for who asks for it with -s or -v."""

from __future__ import annotations

from collections.abc import Iterable

Observed = dict[tuple[str, str], tuple[int, str | None]]

OBSERVED = "observed fault"
"""The property of a test that has a cell of the matrix: column, fault, exit status and code."""


def matrix(cells: Iterable[tuple[str, str, int, str | None]]) -> Iterable[tuple[str, list[str]]]:
    """For each command a table of what came of every fault at each of its operations."""
    observed: Observed = {(column, fault): (status, code) for column, fault, status, code in cells}
    for command in dict.fromkeys(column.split()[0] for column, _ in sorted(observed)):
        columns = sorted({column for column, _ in observed if column.split()[0] == command})
        told = {where: what for where, what in observed.items() if where[0] in columns}
        faults = sorted({fault for _, fault in told if not _is_like_the_other_shape(fault, told)})
        yield command, _table(columns, faults, observed=observed)


def _is_like_the_other_shape(fault: str, told: Observed) -> bool:
    """Whether the shape of a refusal made no difference, so that it needs no line of its own."""
    usual, _, shape = fault.partition(" shape=")
    here = {column: what for (column, each), what in told.items() if each == fault}
    return bool(shape) and all(told.get((column, usual)) == what for column, what in here.items())


def _table(columns: list[str], faults: list[str], *, observed: Observed) -> list[str]:
    heads = ["fault", *(column.partition(" / ")[2] for column in columns)]
    rows = [heads] + [
        [fault, *(_cell(observed.get((column, fault))) for column in columns)] for fault in faults
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _cell(told: tuple[int, str | None] | None) -> str:
    if told is None:
        return "·"
    status, code = told
    return f"{status} {code}" if code else str(status)
