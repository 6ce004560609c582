"""Holidays of countries and regions from the real library."""

from __future__ import annotations

from datetime import date

import pytest

pytest.importorskip("holidays")

from portalcal.adapters.holidays.library import public_holidays

YEARS = range(2026, 2028)


def test_a_region_has_the_holidays_of_its_country_and_its_own() -> None:
    germany, bavaria = public_holidays("DE", YEARS), public_holidays("DE-BY", YEARS)

    assert germany[date(2026, 12, 25)] == "Christmas Day"
    assert germany.items() < bavaria.items()
    assert bavaria[date(2027, 1, 6)] == "Epiphany"
    assert date(2027, 1, 6) not in germany
    assert {day.year for day in bavaria} == set(YEARS)


def test_holidays_that_are_moved_from_a_weekend_close_the_day_they_are_moved_to() -> None:
    assert "observed" in public_holidays("US", YEARS)[date(2026, 7, 3)]


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("de", "DE"),
        ("de-by", "DE-BY"),
        ("Germny", "DE"),
        ("US-NYC", "US-NY"),
        ("DE-BY-1", "DE-BY"),
    ],
)
def test_an_unknown_country_or_region_is_an_error_that_suggests_the_nearest(code: str, meant: str) -> None:
    with pytest.raises(ValueError, match=rf"^expected a country like DE.*; did you mean {meant}\?$"):
        public_holidays(code, YEARS)


@pytest.mark.parametrize("code", ["", "-", "XX", "HolidayBase", "__doc__"])
def test_what_resembles_nothing_is_an_error_without_a_suggestion(code: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a country like DE, or a region like DE-BY$"):
        public_holidays(code, YEARS)


def test_names_do_not_depend_on_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "de")

    assert public_holidays("DE", YEARS)[date(2027, 1, 1)] == "New Year's Day"
