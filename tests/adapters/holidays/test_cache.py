"""Holidays are computed once for each year and version, and a cache that is damaged or cannot be written costs time only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from portalcal.adapters.holidays.cache import HolidayCache, library_version

YEARS = range(2026, 2029)


class Computer:
    """Computes one holiday a year, and counts how often."""

    def __init__(self) -> None:
        self.years: list[range] = []

    def __call__(self, years: range) -> Mapping[date, str]:
        self.years.append(years)
        return {date(year, 1, 1): "New Year’s Day" for year in years}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "holidays.json"


def a_cache(path: Path, *, years: range = YEARS, version: str = "1.0") -> HolidayCache:
    return HolidayCache(path, years=years, version=lambda: version)


def test_a_country_is_computed_once(path: Path) -> None:
    compute = Computer()

    first = a_cache(path).of_country("DE", compute)
    second = a_cache(path).of_country("DE", compute)

    assert first == second == {date(year, 1, 1): "New Year’s Day" for year in YEARS}
    assert compute.years == [YEARS]
    assert path.stat().st_mode & 0o777 == 0o600 or os.name != "posix"


def test_another_country_a_new_year_and_another_version_are_computed(path: Path) -> None:
    compute, next_year = Computer(), range(2027, 2030)

    a_cache(path).of_country("DE", compute)
    a_cache(path).of_country("DE-BY", compute)
    a_cache(path, years=next_year).of_country("DE", compute)
    a_cache(path, years=next_year, version="1.1").of_country("DE", compute)

    assert compute.years == [YEARS, YEARS, next_year, next_year]


def test_years_that_passed_are_not_returned(path: Path) -> None:
    a_cache(path).of_country("DE", Computer())

    found = a_cache(path, years=range(2027, 2028)).of_country("DE", Computer())

    assert list(found) == [date(2027, 1, 1)]


def test_a_file_is_parsed_again_when_its_content_changes(path: Path, tmp_path: Path) -> None:
    parsed: list[bytes] = []

    def parse(content: bytes, years: range) -> Mapping[date, str]:
        parsed.append(content)
        return {date(2026, 5, 1): content.decode()}

    calendar = tmp_path / "company.ics"
    calendar.write_text("one")
    a_cache(path).of_file(calendar, parse)
    a_cache(path).of_file(calendar, parse)
    calendar.write_text("two")
    found = a_cache(path).of_file(calendar, parse)

    assert parsed == [b"one", b"two"]
    assert found == {date(2026, 5, 1): "two"}


def test_a_file_that_cannot_be_read_is_an_error_with_the_reason(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read: no such file or directory"):
        a_cache(path).of_file(tmp_path / "none.ics", lambda _content, _years: {})
    with pytest.raises(ValueError, match="cannot be read: is a directory"):
        a_cache(path).of_file(tmp_path, lambda _content, _years: {})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"DE": 3}',
        b'{"DE": {"version": "1.0"}}',
        b'{"DE": {"version": "1.0", "years": {"2026": {}, "2027": {}}}}',
        b'{"DE": {"version": "1.0", "years": {"2026": [], "2027": {}, "2028": {}}}}',
        b'{"DE": {"version": "1.0", "years": {"2026": {"soon": "x"}, "2027": {}, "2028": {}}}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_cache_is_computed_anew(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    compute = Computer()

    found = a_cache(path).of_country("DE", compute)
    again = a_cache(path).of_country("DE", compute)

    assert len(found) == len(again) == 3
    assert compute.years == [YEARS]


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")

    found = a_cache(tmp_path / "data" / "holidays.json").of_country("DE", Computer())

    assert len(found) == 3


def test_the_oldest_sources_are_dropped(path: Path) -> None:
    cache = HolidayCache(path, years=range(2026, 2027), version=lambda: "1.0", most_sources=2)

    for code in ("DE", "FR", "DE", "IT"):
        cache.of_country(code, Computer())

    # Reading does not make a source younger.
    assert list(json.loads(path.read_text(encoding="utf-8"))) == ["FR", "IT"]


def test_the_version_of_the_library_is_read_without_importing_it() -> None:
    from importlib.metadata import version

    pytest.importorskip("holidays")
    script = (
        "import sys; from portalcal.adapters.holidays.cache import library_version; print(library_version()); "
        "print(sorted({'holidays', 'importlib.metadata'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert ran.stdout.split("\n")[:2] == [version("holidays"), "[]"]


def test_a_folder_of_that_name_is_not_the_library(tmp_path: Path) -> None:
    (tmp_path / "holidays").mkdir()

    assert library_version((str(tmp_path),)) is None
