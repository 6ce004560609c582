"""The line of each key of a TOML file, which `tomllib` does not tell. For files that are TOML as a whole."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping


def key_lines(text: str) -> dict[str, int]:
    """The line on which each key begins, by dotted name; tables of an array are numbered from 1: `periods[1].name`."""
    lines: dict[str, int] = {}
    tables: Counter[str] = Counter()
    header = ""
    for number, statement in _statements(text):
        values = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            header = ".".join(_header(values))
            if statement.lstrip().startswith("[["):
                tables[header] += 1
                header = f"{header}[{tables[header]}]"
            lines.setdefault(header, number)
        else:
            for path in _paths(values):
                lines.setdefault(f"{header}.{path}" if header else path, number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Every header and every key with its value, and the line it begins on.

    A statement ends with the first line that makes it TOML: a list, or a text in triple quotes, may take several.
    """
    pending: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        pending.append(line)
        # No statement ends with a comma; this spares long lists a parse for every line.
        if line.partition("#")[0].rstrip().endswith(","):
            continue
        statement = "\n".join(pending)
        try:
            is_empty = not tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        if not is_empty:
            yield number - len(pending) + 1, statement
        pending.clear()


def _header(values: Mapping[str, object]) -> Iterator[str]:
    """The names in the header of a table, as in `{"a": {"b": {}}}`."""
    inner: object = values
    while inner:
        if isinstance(inner, list):
            (inner,) = inner
        elif isinstance(inner, dict):
            ((name, inner),) = inner.items()
            yield name


def _paths(values: Mapping[str, object]) -> Iterator[str]:
    """The dotted name of every key, in inline tables too."""
    for name, value in values.items():
        yield name
        if isinstance(value, dict):
            yield from (f"{name}.{inner}" for inner in _paths(value))
