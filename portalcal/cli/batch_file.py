"""Read the lines of a batch from a file, JSON Lines or CSV, one line at a time in constant memory.

Except for the counters of identical lines: eight bytes of a digest for each line without a key, some 90 bytes in Python.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from portalcal.cli.booking_fields import UnreadableFields
from portalcal.cli.csv_reader import CsvRow, CsvRows, delimiter_of, separator_line
from portalcal.core.email_address import folded
from portalcal.errors import LineInvalid, Problem, Usage, did_you_mean
from portalcal.usecases.booking.batch_line import BatchLine, LineOptions

Row = Mapping[str, object]

_FLAGS = ("meet", "force", "reassign")
_LISTS = dict.fromkeys(("guest", "with", "need", "optional"), r"[\s,;]+") | {"any-of": r"[\s;]+"}
"""Options that may be repeated, with what separates their values in one text."""
_YES, _NO = {"true", "yes", "1", "x"}, {"false", "no", "0", ""}
_FREE_TEXTS = {"title", "notes", "location", "reason"}


Value = str | bool | tuple[str, ...]


class LineFormat(NamedTuple):
    """What a line may hold, and how it becomes what the line asks for."""

    names: tuple[str, ...]  # of its fields
    required: tuple[str, ...]
    read: Callable[[Mapping[str, Value], str], LineOptions]
    """Reads the fields; also given a key that stays the same whenever the line is read. Raises: UnreadableFields."""
    ignores_unknown: bool = False  # columns and keys of other names
    plain: str | None = None  # the field that a line is which is neither JSON nor in a table with a heading

    @property
    def heading_hint(self) -> str:
        """What the first line of a CSV file has to be like."""
        return f"the first line of a CSV file names its columns, like `{','.join(self.required)}`"


class Source(NamedTuple):
    """A named file as an iterator of lines; undecodable bytes are surrogates (PEP 383)."""

    name: str
    lines: Iterator[str]


def read_batch(source: Source, line_format: LineFormat) -> Iterator[BatchLine]:
    """Yield every line of the file with what it asks for, or with all its problems. Blank lines are skipped.

    Each line has a key made from its content and the number of identical lines before it, so that running the same
    file again makes the same keys.

    Raises:
        Usage: the file is neither JSON lines nor CSV with a header of known names.
    """
    keys = _KeyGenerator()
    for number, row in _rows(source, line_format):
        if isinstance(row, Problem):
            yield BatchLine(number, LineInvalid(number, (row,)))
            continue
        # Before validation: correcting a line later must not change the keys of other lines.
        key = keys.key_for(row)
        try:
            yield BatchLine(
                number, _options(row, number, line_format, key=key), _own_key(row, key, line_format)
            )
        except LineInvalid as invalid:
            yield BatchLine(number, invalid, _own_key(row, key, line_format))


def _own_key(row: Row, made: str, line_format: LineFormat) -> str | None:
    """The key of a line, given or made; None where lines have no keys."""
    if "key" not in line_format.names:
        return None
    given = row.get("key")
    return given if isinstance(given, str) and given.strip() else made


class _KeyGenerator:
    """Idempotency keys for lines without one."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}

    def key_for(self, row: Row) -> str:
        # E-mail addresses are compared without case.
        row = {**row} | {name: _as_compared(row[name]) for name in ("email", "guest") if name in row}
        content = json.dumps(row, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(content).hexdigest()[:32]
        short = int(digest[:16], 16)
        self._seen[short] = occurrence = self._seen.get(short, 0) + 1
        return f"line:{digest}:{occurrence}"


def _as_compared(value: object) -> object:
    """Fold one e-mail address, or each of a list."""
    if isinstance(value, str):
        return folded(value)
    return [_as_compared(each) for each in value] if isinstance(value, list | tuple) else value


# --- lines to rows --------------------------------------------------------------------------------------------


def _rows(source: Source, line_format: LineFormat) -> Iterator[tuple[int, Row | Problem]]:
    """Each line number, from 1, with the fields of the line by name."""
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
        elif line_format.plain and _is_plain(first, line_format):
            yield number, {line_format.plain: first.strip()}
            for later, line in numbered:
                if line.strip():
                    yield later, {line_format.plain: line.strip()}
        else:
            yield from _from_csv(first, source, line_format, start=number)
        return


def _is_plain(first: str, line_format: LineFormat) -> bool:
    """Whether the file is a list of one field, by its first line: no delimiter and no heading."""
    word = first.strip()
    is_heading = word.strip('"').casefold() in line_format.names
    return not is_heading and separator_line(word) is None and not re.search(r"[,;\t]", word)


def _from_json(text: str) -> Row | Problem:
    try:
        value = json.loads(text)
    # RecursionError: deeply nested input.
    except (ValueError, RecursionError):
        return Problem("", "", "it is not JSON")
    if not isinstance(value, dict):
        return Problem("", "", "it is not a JSON object")
    return {name: item for name, item in value.items() if item is not None}


def _from_csv(
    first: str, source: Source, line_format: LineFormat, *, start: int
) -> Iterator[tuple[int, Row | Problem]]:
    named, header = separator_line(first), first
    while named and not (header := next(source.lines, "")).strip():
        start += 1
        if not header:
            return
    number = start + bool(named)
    delimiter = named or delimiter_of(header)
    names = _header(header, delimiter, source.name, line_format)
    rows = CsvRows(source.lines, delimiter=delimiter, number=number)
    for row in rows:
        if row.problem:
            yield row.first, Problem("", "", row.problem)
        elif any(cell.strip() for cell in row.cells):
            fields = _named_cells(row, names)
            if row.first != row.last and (
                isinstance(fields, Problem) or not _may_span_lines(row, names, fields)
            ):
                # Valid CSV, but several rows of this table swallowed by a stray quote.
                fields = Problem("", "", f"a quote is opened in it and closed only in line {row.last}")
                rows.push_back()
            yield row.first, fields


def _header(text: str, delimiter: str, file: str, line_format: LineFormat) -> list[str]:
    """The column names, "" for an empty one. Raises: Usage (not a header of known names)."""
    if "\0" in text:
        raise Usage(f"{file} holds NUL bytes, so it is neither JSON lines nor CSV", "save it as CSV in UTF-8")
    try:
        cells = next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise Usage(f"{file}: a quote in the heading is not closed", line_format.heading_hint) from None
    names = [each.strip().casefold() for each in cells]
    unknown = [each for each in names if each and each not in line_format.names]
    if not any(names) or len(unknown) == len([each for each in names if each]):
        # No heading at all, but perhaps the first row of a table.
        near = did_you_mean(unknown[0], line_format.names) if unknown else ""
        fact = f"there is no option {unknown[0]!r}{near}" if unknown else "its heading names no column"
        raise Usage(f"{file} is neither JSON lines nor CSV with a header: {fact}", line_format.heading_hint)
    if unknown and not line_format.ignores_unknown:
        raise _unknown_columns(file, unknown, line_format)
    if twice := next((each for each in names if each and names.count(each) > 1), None):
        raise Usage(f"{file} has two columns {twice}", "name each column once")
    return [_IGNORED if each in unknown else each for each in names]


_IGNORED = "\0"
"""The name of a column that is not read."""


def _unknown_columns(file: str, unknown: list[str], line_format: LineFormat) -> Usage:
    """The error that names the columns nobody knows, and those there are."""
    near = did_you_mean(unknown[0], line_format.names)
    which = ", ".join(map(repr, unknown))
    fact = f"{file} has unknown columns: {which}{near}"
    known = ", ".join(line_format.names)
    return Usage(fact, f"the columns are {known}; add `--ignore-columns` to leave the others out")


def _named_cells(row: CsvRow, names: list[str]) -> Row | Problem:
    """The cells by column name. Empty cells are ignored, even without a column: Excel writes them."""
    filled = {n: cell for n, cell in enumerate(row.cells) if cell.strip()}
    beyond = next((n for n in filled if n >= len(names) or not names[n]), None)
    if beyond is None:
        return {names[n]: cell for n, cell in filled.items() if names[n] != _IGNORED}
    if beyond >= len(names):
        return Problem("", "", f"it has {len(row.cells)} cells, the header has {len(names)}")
    return Problem("", "", f"its cell {beyond + 1} is under no heading")


def _may_span_lines(row: CsvRow, names: list[str], fields: Row) -> bool:
    """Whether a row over several lines is plausible: all columns present, line breaks in free text only."""
    is_whole = len(row.cells) == len(names)
    return is_whole and not any(
        re.search(r"[\r\n]", str(cell)) for name, cell in fields.items() if name not in _FREE_TEXTS
    )


# --- rows to what lines ask for ---------------------------------------------------------------------------------------


def _options(row: Row, number: int, line_format: LineFormat, *, key: str) -> LineOptions:
    """What a row asks for. Raises: LineInvalid (with every problem in it)."""
    problems: list[Problem] = []
    fields = _fields(row, line_format, problems)
    try:
        options = line_format.read(fields, key)
    except UnreadableFields as unreadable:
        reported = {each.key for each in problems}
        problems += [
            Problem(
                each.name,
                json.dumps(row.get(each.name), default=str),
                each.error.message,
                each.error.remedies or "",
            )
            for each in unreadable.errors
            if each.name not in reported
        ]
        raise LineInvalid(number, tuple(problems)) from None
    if problems:
        raise LineInvalid(number, tuple(problems))
    return options


def _fields(row: Row, line_format: LineFormat, problems: list[Problem]) -> dict[str, Value]:
    """The fields of a row; values of the wrong type and unknown names are added to `problems` instead."""
    values: dict[str, Value] = {}
    for name, value in row.items():
        if name not in line_format.names:
            near = did_you_mean(name, line_format.names)
            if not line_format.ignores_unknown:
                problems.append(Problem(name, "", f"there is no option of that name{near}"))
            continue
        try:
            values[name] = _value(name, value)
        except ValueError as error:
            problems.append(Problem(name, json.dumps(value), str(error)))
    problems += [Problem(name, "", "is missing") for name in line_format.required if name not in row]
    return dict.fromkeys(line_format.required, "") | values


def _value(name: str, value: object) -> Value:
    if name in _FLAGS:
        return _flag(value)
    if name == "minutes" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if name not in _LISTS:
        return _text(value)
    if isinstance(value, list):
        return tuple(_text(each) for each in value)
    return tuple(re.split(_LISTS[name], _text(value).strip()))


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
    # Bytes that are not UTF-8 are decoded as surrogates (PEP 383).
    if any("\ud800" <= each <= "\udfff" for each in value):
        raise ValueError("expected UTF-8; Excel writes it as “CSV UTF-8”")
    return value
