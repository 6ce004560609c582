"""Versions of the zone database, how old they certainly are, and where two differ."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from portalcal.core.health import CheckStatus, judge_zone_rules
from portalcal.core.zone_rules import (
    PACKAGE,
    ZoneDatabase,
    ZoneRules,
    first_difference,
    hours_of_a_year,
    read_version,
)

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("version", "written_on", "is_old"),
    [
        ("2024b", None, True),
        ("2025b", None, False),  # it may be of December 2025
        ("2025b", date(2025, 8, 24), True),
        ("2025b", date(2025, 11, 26), False),
        ("2026f", date(2026, 11, 20), False),
        ("2026f", date(1970, 1, 1), False),  # a packager set all dates to the beginning of time
        ("2025b", date(1970, 1, 1), False),
        (None, date(2020, 1, 1), False),
        ("2099z", date(2099, 1, 1), False),
    ],
)
def test_a_database_is_old_when_it_cannot_have_been_released_within_a_year(
    version: str | None, written_on: date | None, is_old: bool
) -> None:
    assert ZoneDatabase("/zones", version, written_on).is_older_than_a_year(TODAY) is is_old


def test_rules_are_old_when_both_databases_are() -> None:
    old, new = ZoneDatabase("/old", "2020a"), ZoneDatabase("/new", "2026f")

    assert ZoneRules(old).are_old(TODAY)
    assert ZoneRules(old, old).are_old(TODAY)
    assert not ZoneRules(new, old).are_old(TODAY)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("# version 2025b\n# more", "2025b"),
        ("2025za\n", "2025za"),
        ("2025b-12-gabcdef\n", "2025b"),
        ("# version unknown\n", None),
        ("", None),
        ("\n2025b", None),
    ],
)
def test_the_version_stands_in_the_first_line(text: str, version: str | None) -> None:
    assert read_version(text) == version


def test_two_zones_differ_from_the_hour_on_at_which_their_clocks_do() -> None:
    now = datetime(2026, 9, 1, 12, tzinfo=UTC)
    london, lisbon, lagos = (ZoneInfo(key) for key in ("Europe/London", "Europe/Lisbon", "Africa/Lagos"))

    assert first_difference(london, lisbon, hours_of_a_year(now)) is None
    assert first_difference(london, lagos, hours_of_a_year(now)) == datetime(2026, 10, 25, 1, tzinfo=UTC)


def test_what_to_upgrade_is_the_database_that_is_older() -> None:
    newer, older = ZoneDatabase("/usr/share/zoneinfo", "2027a"), ZoneDatabase(PACKAGE, "2026f")
    differing = {"Africa/Lagos": datetime(2026, 11, 1, tzinfo=UTC)}

    judged = judge_zone_rules(ZoneRules(newer, older), TODAY, differing=differing)

    assert judged.status is CheckStatus.WARN
    assert judged.detail == (
        "2027a of /usr/share/zoneinfo, newer than 2026f of the package tzdata, which differs: "
        "Africa/Lagos from Sun 1 Nov on"
    )
    assert judged.hint == "run `pip install --upgrade tzdata`"
    assert judge_zone_rules(ZoneRules(newer, newer), TODAY).detail.endswith(
        ", not older than 2027a of /usr/share/zoneinfo"
    )
