"""Dates of holidays, kept in a file: importing the library takes longer than any command may.

A source is kept with its version and by year: another version of the library or of a file, or a new year, computes it
again. The file is never trusted: what cannot be read from it is computed. This module never imports the library.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import cast

from portalcal.adapters.files import read_ordinary, write_private

_LARGEST_CALENDAR = 2**22
"""Bytes. Two years of a company's public holidays are 20,000; Germany's of all regions since 1970, a million."""

_LARGEST_CACHE = 2**22

_KEPT_SOURCES = 50
"""A region of a country takes 8,000 bytes."""

Compute = Callable[[range], Mapping[date, str]]
"""Computes the holidays of years: names by date. Raises ValueError with what was expected."""

_Document = dict[str, dict[str, object]]


@lru_cache(maxsize=1)
def library_version(path: tuple[str, ...] | None = None) -> str | None:
    """The version of the library, without importing it; None if it is not installed.

    `path`: the folders to look in; None: those of imports. `importlib.metadata` would take 15 ms to import, and reading one folder takes 1 ms (measured).
    """
    spec = importlib.machinery.PathFinder.find_spec("holidays", path)
    if spec is None or spec.origin is None or Path(spec.origin).name != "__init__.py":
        return None
    package = Path(spec.origin).parent
    infos = sorted(each.name for each in package.parent.glob("holidays-*.dist-info"))
    if infos:
        return infos[-1].removeprefix("holidays-").removesuffix(".dist-info")
    # Installed in another way: its newest file stands for the version.
    return f"of {(package / 'registry.py').stat().st_mtime_ns}"


class HolidayCache:
    """Computed holidays in a JSON file: `{source: {"version": …, "years": {year: {date: name}}}}`."""

    def __init__(
        self,
        path: Path,
        *,
        years: range,
        version: Callable[[], str | None] = library_version,
        most_sources: int = _KEPT_SOURCES,
    ) -> None:
        self._path = path
        self._years = years
        self._version = version
        self._most_sources = most_sources

    def of_country(self, code: str, compute: Compute) -> Mapping[date, str]:
        """The holidays of a country or region. Raises: ValueError, from `compute`."""
        return self._dates(code, self._version() or "", compute)

    def of_file(self, path: Path, parse: Callable[[bytes, range], Mapping[date, str]]) -> Mapping[date, str]:
        """The holidays of an iCalendar file. Raises: ValueError, also if it cannot be read."""
        try:
            content = read_ordinary(path, most=_LARGEST_CALENDAR)
        except OSError as error:
            raise ValueError(f"cannot be read: {(error.strerror or str(error)).lower()}") from None
        version = hashlib.sha256(content).hexdigest()
        return self._dates(str(path.absolute()), version, lambda years: parse(content, years))

    def _dates(self, source: str, version: str, compute: Compute) -> Mapping[date, str]:
        kept = self._read().get(source, {})
        holidays = _parse(kept.get("years"), self._years) if kept.get("version") == version else None
        if holidays is not None:
            return holidays
        computed = compute(self._years)
        self._keep(source, version, computed)
        return computed

    def _read(self) -> _Document:
        """The cached sources; none if the file is missing or is no such file."""
        try:
            document = json.loads(read_ordinary(self._path, most=_LARGEST_CACHE))
        # ValueError: no JSON, no UTF-8. RecursionError: deep nesting.
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(document, dict) or not all(isinstance(each, dict) for each in document.values()):
            return {}
        return cast("_Document", document)

    def _keep(self, source: str, version: str, computed: Mapping[date, str]) -> None:
        """Write the file anew with this source last; the oldest ones are dropped."""
        years: dict[str, dict[str, str]] = {str(year): {} for year in self._years}
        for day, name in sorted(computed.items()):
            years.setdefault(str(day.year), {})[day.isoformat()] = name
        others = {name: kept for name, kept in self._read().items() if name != source}
        latest = dict(list(others.items())[-(self._most_sources - 1) :])
        content = json.dumps({**latest, source: {"version": version, "years": years}}, ensure_ascii=False)
        # A cache: where nothing can be written, every command computes.
        with suppress(OSError, UnicodeEncodeError):
            write_private(self._path, content.encode())


def _parse(years: object, wanted: range) -> dict[date, str] | None:
    """The holidays of the cached years; None if a wanted year is missing or anything is malformed."""
    if not isinstance(years, dict) or not all(str(year) in years for year in wanted):
        return None
    try:
        return {
            date.fromisoformat(day): str(name) for year in wanted for day, name in years[str(year)].items()
        }
    except (AttributeError, ValueError, TypeError):
        return None
