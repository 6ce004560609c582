"""CSV a row at a time: every line is answered for, whatever quotes stand in it."""

from __future__ import annotations

import csv
import io
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from portalcal.cli.csv_reader import CsvRows, separator_line

LINES = st.lists(st.text('a,"; \t', max_size=8), max_size=12)


def rows_of(lines: list[str]) -> CsvRows:
    return CsvRows(iter(f"{each}\n" for each in lines), delimiter=",", number=0)


@given(lines=LINES)
def test_every_line_belongs_to_a_row_or_to_a_problem(lines: list[str]) -> None:
    rows = list(islice(rows_of(lines), 100))

    numbers = [number for row in rows for number in range(row.first, row.last + 1)]
    assert numbers == list(range(1, len(lines) + 1))


@given(lines=LINES)
def test_rows_that_are_taken_back_are_read_again_a_line_later(lines: list[str]) -> None:
    rows, numbers = rows_of(lines), []
    for row in islice(rows, 100):
        numbers.append(row.first)
        if row.first != row.last:
            rows.push_back()

    assert numbers == list(range(1, len(lines) + 1))


@given(table=st.lists(st.lists(st.text('a,"\n é', max_size=5), min_size=2, max_size=3), max_size=8))
def test_what_the_library_writes_is_read_as_it_was(table: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows(table)
    written.seek(0)

    rows = CsvRows(written, delimiter=",", number=0)

    assert [row.cells for row in rows] == table


def test_an_unclosed_quote_is_given_up_before_it_has_read_a_whole_file() -> None:
    stream = io.StringIO('x,"y\n' + "x,y\n" * 100_000)

    first = next(CsvRows(iter(stream), delimiter=",", number=0))

    assert first.problem == "a quote is opened in it and not closed"
    assert stream.tell() < 2_000


def test_only_a_line_of_a_separator_is_one() -> None:
    assert [separator_line(each) for each in ("sep=;\r\n", '"SEP=,"', "sep=\t\n", "sep=;;", "sep,start", "sep=")] == [
        ";", ",", "\t", ";", None, None,
    ]  # fmt: skip
