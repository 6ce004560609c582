"""Public holidays of countries and regions by the library `holidays`, named in English as everything is here.

The names must not depend on the locale of the process, since they are cached.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import holidays
from holidays.registry import COUNTRIES

from portalcal.errors import closest, did_you_mean

_LANGUAGE = "en_US"
"""A country that the library does not translate keeps the names of its own language."""


def public_holidays(code: str, years: range) -> Mapping[date, str]:
    """The public holidays of `DE` or `DE-BY`, by date, with those moved to another day.

    Raises:
        ValueError: there is no such country or region; the message suggests the nearest.
    """
    country, has_region, region = code.partition("-")
    if country not in holidays.list_supported_countries(include_aliases=True) or (has_region and not region):
        raise ValueError(_expected(code))
    try:
        public = holidays.country_holidays(country, subdiv=region or None, years=years, language=_LANGUAGE)
    except NotImplementedError:
        raise ValueError(_expected(code)) from None
    return dict(sorted((day, name) for day, name in public.items() if day.year in years))


def _expected(code: str) -> str:
    country = code.partition("-")[0].upper()
    regions = holidays.list_supported_countries(include_aliases=True).get(country, ())
    near = did_you_mean(code, [f"{country}-{each}" for each in regions]) or _meant_country(country)
    return f"expected a country like DE, or a region like DE-BY{near}"


def _meant_country(wanted: str) -> str:
    """The end of a message that suggests the code of a country, by its name or a code; or nothing."""
    codes = {name: entity[1] for entity in COUNTRIES.values() for name in entity[:3]}
    typed = "".join(wanted.split())
    near = closest(typed, codes)
    return f"; did you mean {codes[near]}?" if near else ""
