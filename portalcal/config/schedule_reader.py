"""Read opening hours from layered TOML tables: the week, exceptions, holidays and periods.

Every schedule is read here, so that all have the same keys. Problems are collected, never raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from portalcal.config.model import DEFAULT_WEEK, HolidaySources, read_hours, read_zone
from portalcal.config.toml_reader import Layer, Table
from portalcal.config.user_files import expand_home
from portalcal.core.schedule import WEEKDAYS, Hours, Period, Schedule, Stretch

_BETWEEN = ".."
_YEARS = range(1900, 3000)
"""Python has no dates before year 1 or after 9999, and openings are looked for some days around those in the file."""

ScheduleReader = Callable[[Table, ZoneInfo], Schedule]
"""`read_schedule` with the sources of holidays and the folder of the file."""


def read_schedule(table: Table, zone: ZoneInfo, *, holidays: HolidaySources, folder: Path) -> Schedule:
    """The schedule of the layers, the innermost first. Paths in it are relative to `folder`.

    The week is that of the first layer that has a weekday; countries, a file of holidays and worked holidays are each
    those of the first layer that names them. Exceptions are merged by date. Periods of all layers apply, those of an
    inner layer last, so that they override where both cover a date.
    """
    table.check_keys("schedule")
    owner = next((layer for layer in table.layers if any(day in layer.values for day in WEEKDAYS)), None)
    weekly = tuple(_hours(table, owner, day) for day in WEEKDAYS) if owner else DEFAULT_WEEK
    dated: dict[date, tuple[Hours, ...]] = {}
    stretches: dict[tuple[date, date], Stretch] = {}
    exceptions = table.table("exceptions")
    for layer in reversed(exceptions.layers):
        for key in layer.values:
            try:
                first, last = _read_dates(key)
            except ValueError as error:
                exceptions.note(layer, key, expected=str(error))
                continue
            hours = _hours(exceptions, layer, key)
            if _BETWEEN in key:
                stretches[first, last] = Stretch(first, last, hours)
            else:
                dated[first] = hours
    return Schedule(
        zone,
        weekly,
        MappingProxyType(dated),
        stretches=tuple(stretches.values()),
        holidays=MappingProxyType(_holidays_in_file(table, holidays, folder) | _holidays(table, holidays)),
        holidays_open=_worked_holidays(table),
        periods=tuple(_periods(table)),
    )


def _read_dates(key: str) -> tuple[date, date]:
    """The first and last date of an exception: `2026-12-25`, or `2026-12-24..2027-01-02`. Raises: ValueError."""
    first, between, last = key.partition(_BETWEEN)
    try:
        span = _read_date(first), _read_date(last if between else first)
    except ValueError:
        raise ValueError(
            'expected a date like 2026-12-25 as the key, or dates like "2026-12-24..2027-01-02"'
        ) from None
    if span[1] < span[0]:
        raise ValueError("expected the earlier date first")
    return span


def _read_date(value: object) -> date:
    """A date: TOML's own, or text. Raises: ValueError."""
    with_time = isinstance(value, datetime)
    day = date.fromisoformat(value.strip()) if isinstance(value, str) else value
    if with_time or not isinstance(day, date) or day.year not in _YEARS:
        raise ValueError("expected a date like 2027-07-15")
    return day


def _hours(table: Table, layer: Layer, key: str) -> tuple[Hours, ...]:
    ranges = layer.values.get(key, [])
    if not isinstance(ranges, list) or not all(isinstance(each, str) for each in ranges):
        table.note(layer, key, expected='expected a list of ranges like ["09:00-12:30"]')
        return ()
    hours = []
    for text in ranges:
        try:
            hours.append(read_hours(text))
        except ValueError as error:
            table.note(layer, key, expected=f'"{text}": {error}')
    return tuple(hours)


def _holidays(table: Table, sources: HolidaySources) -> dict[date, str]:
    """The holidays of the countries and regions, by date. Where several have one, the first names it."""
    layer = table.holder("holidays")
    if layer is None:
        return {}
    codes = layer.values["holidays"]
    if not isinstance(codes, list) or not all(isinstance(each, str) for each in codes):
        table.note(layer, "holidays", expected='expected a list of countries or regions like ["DE-BY"]')
        return {}
    if codes and not sources.has_library():
        table.note(layer, "holidays", expected="the library for it is not installed here", remedy=_PIP)
        return {}
    named: dict[date, str] = {}
    for code in codes:
        try:
            named = {**sources.of_country(code), **named}
        except ValueError as error:
            table.note(layer, "holidays", expected=f'"{code}": {error}')
    return named


_PIP = "run `pip install 'portalcal[holidays]'`"


def _holidays_in_file(table: Table, sources: HolidaySources, folder: Path) -> dict[date, str]:
    """The holidays of the iCalendar file, by date."""
    layer, written = table.holder("holidays_file"), table.get("holidays_file", str, "")
    if layer is None or not written:
        return {}
    try:
        return dict(sources.of_file(folder / expand_home(written)))
    except ValueError as error:
        table.note(layer, "holidays_file", expected=str(error))
        return {}


def _worked_holidays(table: Table) -> frozenset[date]:
    layer = table.holder("holidays_open")
    if layer is None:
        return frozenset()
    try:
        listed = layer.values["holidays_open"]
        if isinstance(listed, list):
            return frozenset(map(_read_date, listed))
    except ValueError:
        pass
    table.note(layer, "holidays_open", expected='expected a list of dates like ["2026-12-24"]')
    return frozenset()


def _periods(table: Table) -> Iterator[Period]:
    """The periods of all layers, those of the innermost last."""
    for layer in reversed(table.layers):
        written = layer.values.get("periods", [])
        if not isinstance(written, list) or not all(isinstance(each, dict) for each in written):
            table.note(layer, "periods", expected="expected tables that begin with [[schedule.periods]]")
            continue
        for number, values in enumerate(written, start=1):
            inner = Layer(f"{layer.dotted('periods')}[{number}]", values)
            if period := _period(Table([inner], table.problems), inner):
                yield period


def _period(table: Table, layer: Layer) -> Period | None:
    """One period; None after a report that its dates or its name cannot be used."""
    table.check_keys("periods")
    name = table.get("name", str, "").strip()
    first, last = _date(table, layer, "from"), _date(table, layer, "until")
    weekly = tuple(_hours(table, layer, day) if day in layer.values else None for day in WEEKDAYS)
    zone = table.read("timezone", read_zone, None)
    if not name and isinstance(layer.values.get("name", ""), str):
        table.note(layer, "name", expected='expected a name like "summer hours", which explanations show')
    if first and last and last < first:
        table.note(layer, "until", expected=f"expected {first}, the first date, or later")
    if not any(key in layer.values for key in (*WEEKDAYS, "timezone")):
        table.note(layer, "name", expected="changes nothing: expected hours of a weekday, or a timezone")
    return Period(name, first, last, weekly, zone) if first and last else None


def _date(table: Table, layer: Layer, key: str) -> date | None:
    """A date of a period, which is required; None after a report."""
    try:
        return _read_date(layer.values.get(key))
    except ValueError:
        table.note(layer, key, expected="expected a date like 2027-07-15")
        return None
