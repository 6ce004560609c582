"""The matrix, printed as it was observed, for who asks with -s or -v."""

from __future__ import annotations

import pytest

Observed = dict[tuple[str, str], tuple[int, str | None]]

OBSERVED = pytest.StashKey[Observed]()


def pytest_configure(config: pytest.Config) -> None:
    """Nothing was observed yet."""
    config.stash[OBSERVED] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show for each command what came of every fault at each of its operations."""
    observed = config.stash[OBSERVED]
    if not observed or (config.get_verbosity() < 1 and config.getoption("capture") != "no"):
        return
    for command in dict.fromkeys(column.split()[0] for column, _ in sorted(observed)):
        columns = sorted({column for column, _ in observed if column.split()[0] == command})
        told = {where: what for where, what in observed.items() if where[0] in columns}
        faults = sorted({fault for _, fault in told if not _is_like_the_other_shape(fault, told)})
        terminalreporter.write_sep("-", f"what came of each fault: {command}")
        for line in _table(columns, faults, observed=observed):
            terminalreporter.write_line(line)


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
