"""Orders out of a file, JSON lines or CSV, one at a time: a file of any length takes the same memory.

But for what tells equal lines apart: eight bytes of a digest for each line without a key, some 90 bytes in Python.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from portalcal.cli.orders import Unreadable, Words, order_of
from portalcal.cli.when import Reading
from portalcal.errors import LineInvalid, Problem, Usage, did_you_mean
from portalcal.usecases.batch import Line
from portalcal.usecases.book import Order
from portalcal.wiring import Portal

Row = Mapping[str, object]

_REQUIRED = ("start", "name", "email")
_FLAGS = ("meet", "force")
_YES, _NO = {"true", "yes", "1", "x"}, {"false", "no", "0", ""}
_DELIMITERS = ",;\t"


class Source(NamedTuple):
    """A file that is read line by line, as text whose undecodable bytes are surrogates."""

    name: str
    lines: Iterator[str]


def orders_in(source: Source, portal: Portal, reading: Reading, *, dry_run: bool) -> Iterator[Line]:
    """Every line of the file with its order, or with every problem in it. Empty lines are passed over.

    A line without a key is given one made of what it says and of how many lines before it say the same: the same file
    again makes the same keys.

    Raises:
        Usage: the file is neither JSON lines nor CSV with a header of known names.
    """
    keys = _Keys()
    for number, row in _rows(source):
        if isinstance(row, Problem):
            yield Line(number, LineInvalid(number, (row,)))
            continue
        # Counted before it is looked at: a line that is corrected later must not change the keys of others.
        key = keys.key_for(row)
        try:
            order = _order(row, number, portal, reading=reading, dry_run=dry_run)
        except LineInvalid as invalid:
            yield Line(number, invalid)
        else:
            yield Line(number, order._replace(key=order.key or key))


class _Keys:
    """Keys for lines that bring none."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}

    def key_for(self, row: Row) -> str:
        told = json.dumps(row, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(told).hexdigest()[:32]
        short = int(digest[:16], 16)
        self._seen[short] = occurrence = self._seen.get(short, 0) + 1
        return f"line:{digest}:{occurrence}"


# --- lines to rows --------------------------------------------------------------------------------------------


def _rows(source: Source) -> Iterator[tuple[int, Row | Problem]]:
    """Each line's number, counted from 1 as editors do, and what it says by name."""
    numbered = enumerate(source.lines, start=1)
    for number, text in numbered:
        first = text.removeprefix("\ufeff")
        if not first.strip():
            continue
        if first.lstrip().startswith("{"):
            yield number, _from_json(first)
            for later, line in numbered:
                if line.strip():
                    yield later, _from_json(line)
        else:
            yield from _from_csv(first, source, start=number)
        return


def _from_json(text: str) -> Row | Problem:
    try:
        found = json.loads(text)
    # RecursionError: a line nested by malice.
    except (ValueError, RecursionError):
        return Problem("", "", "it is not JSON")
    if not isinstance(found, dict):
        return Problem("", "", "it is not a JSON object")
    return {name: value for name, value in found.items() if value is not None}


def _from_csv(header: str, source: Source, *, start: int) -> Iterator[tuple[int, Row | Problem]]:
    delimiter = max(_DELIMITERS, key=header.count)
    names = [each.strip().casefold() for each in next(csv.reader([header], delimiter=delimiter))]
    _check_header(names, source.name)
    reader = csv.reader(source.lines, delimiter=delimiter)
    while True:
        # A quoted cell may hold line ends: the line a row begins on is what an editor goes to.
        number = start + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, Problem("", "", f"it is not CSV: {error}")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(names):
            yield number, Problem("", "", f"it has {len(cells)} cells, the header has {len(names)}")
            continue
        yield number, {name: cell for name, cell in zip(names, cells, strict=False) if cell.strip()}


def _check_header(names: list[str], file: str) -> None:
    unknown = [each for each in names if each not in Words._fields]
    if unknown:
        near = did_you_mean(unknown[0], Words._fields)
        raise Usage(
            f"{file} is neither JSON lines nor CSV with a header: there is no option {unknown[0]!r}{near}",
            f"the first line of a CSV file names its columns, like `{','.join(_REQUIRED)}`",
        )
    if twice := next((each for each in names if names.count(each) > 1), None):
        raise Usage(f"{file} has two columns {twice}", "name each column once")


# --- rows to orders -------------------------------------------------------------------------------------------


def _order(row: Row, number: int, portal: Portal, *, reading: Reading, dry_run: bool) -> Order:
    """The order a row stands for. Raises: LineInvalid (with every problem in it)."""
    problems: list[Problem] = []
    words = _words(row, problems)
    try:
        order = order_of(words, portal, reading, dry_run=dry_run)
    except Unreadable as unreadable:
        known = {each.key for each in problems}
        told = [each for each in unreadable.complaints if each.name not in known]
        problems += [Problem(each.name, "", each.error.message) for each in told]
        raise LineInvalid(number, tuple(problems)) from None
    if problems:
        raise LineInvalid(number, tuple(problems))
    return order


def _words(row: Row, problems: list[Problem]) -> Words:
    """What a row says by the names of the options; what cannot be is added to the problems and left out."""
    given: dict[str, Any] = {}
    for name, value in row.items():
        if name not in Words._fields:
            problems.append(
                Problem(name, "", f"there is no option of that name{did_you_mean(name, Words._fields)}")
            )
            continue
        try:
            given[name] = _value(name, value)
        except ValueError as error:
            problems.append(Problem(name, json.dumps(value), str(error)))
    problems += [Problem(name, "", "is missing") for name in _REQUIRED if name not in row]
    return Words(**dict.fromkeys(_REQUIRED, "") | given)


def _value(name: str, value: object) -> str | bool | tuple[str, ...]:
    if name in _FLAGS:
        return _flag(value)
    if name == "guest" and isinstance(value, list):
        return tuple(_text(each) for each in value)
    text = _text(value)
    return tuple(re.split(r"[\s,;]+", text.strip())) if name == "guest" else text


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().casefold() if isinstance(value, str) else ""
    if word in _YES:
        return True
    if word in _NO and isinstance(value, str):
        return False
    raise ValueError("expected true or false")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected text")  # noqa: TRY004 - a problem of the line, not of the program
    # Bytes that are not UTF-8 were read as surrogates (PEP 383).
    if any("\ud800" <= each <= "\udfff" for each in value):
        raise ValueError("expected UTF-8")
    return value
