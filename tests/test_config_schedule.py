"""The opening hours of config.toml: exceptions for several dates, periods, and what no schedule can be."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from portalcal.config import loader
from portalcal.core.schedule import Hours, Period, Stretch
from portalcal.errors import ConfigInvalid
from tests.test_config import HOLIDAYS, MORNING, file, machine_zone, problem, problems, read

__all__ = ["file"]

PERIODS = """
[schedule]
mon = ["09:00-12:00"]
[schedule.exceptions]
"2026-12-24..2027-01-02" = []
2026-12-31 = ["09:00-12:00"]
[[schedule.periods]]
name = "summer hours"
from = 2027-07-15
until = 2027-09-05
fri = ["09:00-13:00"]
mon = []
[[schedule.periods]]
name = "New York"
from = "2027-08-01"
until = "2027-08-07"
timezone = "America/New_York"
"""
SUMMER = Period(
    "summer hours",
    date(2027, 7, 15),
    date(2027, 9, 5),
    ((), None, None, None, (Hours(540, 780),), None, None),
)


def test_an_exception_for_several_dates_beside_one_for_a_single_date(file: Path) -> None:
    schedule = read(file, PERIODS).schedule

    assert schedule.stretches == (Stretch(date(2026, 12, 24), date(2027, 1, 2)),)
    assert schedule.exceptions == {date(2026, 12, 31): MORNING}


def test_periods_in_the_order_of_the_file_with_their_zone(file: Path) -> None:
    schedule = read(file, PERIODS).schedule

    summer, away = schedule.periods
    assert summer == SUMMER
    assert (away.name, away.first, away.last) == ("New York", date(2027, 8, 1), date(2027, 8, 7))
    assert away.zone
    assert away.zone.key == "America/New_York"
    assert away.weekly == (None,) * 7


def test_the_periods_and_exceptions_of_a_link_come_after_those_of_the_workspace_and_so_take_precedence(
    file: Path,
) -> None:
    text = (
        PERIODS
        + """
[links.intro]
[links.intro.schedule.exceptions]
"2026-12-24..2027-01-02" = ["09:00-12:00"]
"2026-12-01..2026-12-02" = []
[[links.intro.schedule.periods]]
name = "intros in August"
from = 2027-08-01
until = 2027-08-31
tue = ["09:00-12:00"]
"""
    )
    schedule = read(file, text).links["intro"].schedule

    assert [each.name for each in schedule.periods] == ["summer hours", "New York", "intros in August"]
    assert [(each.first.day, each.hours) for each in schedule.stretches] == [(24, MORNING), (1, ())]


def test_the_periods_of_a_workspace_are_its_own(file: Path) -> None:
    text = """
[[workspace.sales.schedule.periods]]
name = "fair"
from = 2027-03-01
until = 2027-03-05
timezone = "Europe/Berlin"
"""
    assert [each.name for each in read(file, text, workspace="sales").schedule.periods] == ["fair"]
    assert read(file, text).schedule.periods == ()


def test_every_problem_of_exceptions_and_periods_is_reported_with_its_key(file: Path) -> None:
    text = """
[schedule.exceptions]
"2027-01-02..2026-12-24" = []
"2026-12-24.." = []
0001-01-01 = []
[[schedule.periods]]
name = "backwards"
from = 2027-09-05
until = 2027-07-15
fri = "09:00-13:00"
[[schedule.periods]]
from = 2027-09-05T09:00:00
timezone = "New York"
frj = []
[[schedule.periods]]
name = ""
from = 2027-09-05
until = 2027-09-05
[links.intro.schedule]
periods = "summer"
"""
    assert problems(file, text) == [
        "schedule.exceptions.2027-01-02..2026-12-24 = []: expected the earlier date first",
        'schedule.exceptions.2026-12-24.. = []: expected a date like 2026-12-25 as the key, or dates like "2026-12-24..2027-01-02"',
        'schedule.exceptions.0001-01-01 = []: expected a date like 2026-12-25 as the key, or dates like "2026-12-24..2027-01-02"',
        'schedule.periods[1].fri = "09:00-13:00": expected a list of ranges like ["09:00-12:30"]',
        "schedule.periods[1].until = 2027-07-15: expected 2027-09-05, the first date, or later",
        "schedule.periods[2].frj = []: there is no such key; did you mean fri?",
        "schedule.periods[2].from = 2027-09-05 09:00:00: expected a date like 2027-07-15",
        "schedule.periods[2].until: expected a date like 2027-07-15",
        'schedule.periods[2].timezone = "New York": expected an IANA zone like Europe/London; did you mean America/New_York?',
        'schedule.periods[2].name: expected a name like "summer hours", which explanations show',
        'schedule.periods[3].name = "": expected a name like "summer hours", which explanations show',
        'schedule.periods[3].name = "": changes nothing: expected hours of a weekday, or a timezone',
        'links.intro.schedule.periods = "summer": expected tables that begin with [[schedule.periods]]',
    ]


@pytest.mark.parametrize(
    "hours",
    [
        '[schedule.exceptions]\n"2027-01-04..2027-01-05" = ["08:00-20:00"]',
        '[[schedule.periods]]\nname = "long"\nfrom = 2027-01-04\nuntil = 2027-01-05\nmon = ["08:00-20:00"]',
    ],
)
def test_a_long_meeting_is_possible_if_an_exception_or_a_period_has_room_for_it(
    file: Path, hours: str
) -> None:
    text = '[rules]\nduration = "10h"\n[schedule]\nmon = ["09:00-12:00"]\n'

    assert "longer than any opening" in problem(file, text)
    assert read(file, text + hours).rules.duration.total_seconds() == 36000


def test_fewer_minutes_a_day_than_one_meeting_has_are_reported(file: Path) -> None:
    text = "[rules]\nmax_minutes_per_day = 20\n"

    assert problem(file, text) == (
        "rules.max_minutes_per_day = 20: one meeting is 30m long, so nothing could be booked"
    )
    assert read(file, '[rules]\nmax_minutes_per_day = 20\nduration = "20m"').rules.max_minutes_per_day == 20
    assert "expected 0 (no limit) or more" in problem(file, "[rules]\nmax_minutes_per_day = -1\n")


# --- holidays ---------------------------------------------------------------------------------------------------

NEW_YEAR, EPIPHANY, FRIDAY = date(2027, 1, 1), date(2027, 1, 6), date(2027, 5, 14)


def test_holidays_of_countries_and_of_a_file_beside_the_configuration(file: Path) -> None:
    (file.parent / "company.ics").touch()
    text = '[schedule]\nholidays = ["DE", "DE-BY"]\nholidays_file = "company.ics"\n'

    schedule = read(file, text + 'holidays_open = ["2027-01-06", 2027-05-14]').schedule

    assert schedule.holidays == {NEW_YEAR: "New Year's Day", EPIPHANY: "Epiphany", FRIDAY: "company.ics"}
    assert schedule.holidays_open == {EPIPHANY, FRIDAY}


def test_a_link_and_a_workspace_may_have_other_holidays_or_none(file: Path) -> None:
    text = """
[schedule]
holidays = ["DE-BY"]
holidays_open = [2027-01-06]
[links.all_year.schedule]
holidays = []
[links.intro]
[workspace.north.schedule]
holidays = ["DE"]
"""
    config = read(file, text)

    assert list(config.links["intro"].schedule.holidays) == [NEW_YEAR, EPIPHANY]
    assert config.links["all_year"].schedule.holidays == {}
    assert config.links["all_year"].schedule.holidays_open == {EPIPHANY}
    assert list(read(file, text, workspace="north").schedule.holidays) == [NEW_YEAR]


def test_every_problem_of_holidays_is_reported_with_its_key(file: Path) -> None:
    text = """
[schedule]
holidays = ["DE", "GE"]
holidays_file = "none.ics"
holidays_open = ["Christmas"]
holiday = []
[links.a.schedule]
holidays = "DE"
holidays_file = 3
holidays_open = 2026-12-24
"""
    assert problems(file, text) == [
        "schedule.holiday = []: there is no such key; did you mean holidays?",
        'schedule.holidays_file = "none.ics": cannot be read: no such file',
        'schedule.holidays = ["DE", "GE"]: "GE": expected a country like DE; did you mean DE?',
        'schedule.holidays_open = ["Christmas"]: expected a list of dates like ["2026-12-24"]',
        "links.a.schedule.holidays_file = 3: expected text in quotes",
        'links.a.schedule.holidays = "DE": expected a list of countries or regions like ["DE-BY"]',
        'links.a.schedule.holidays_open = 2026-12-24: expected a list of dates like ["2026-12-24"]',
    ]


def test_without_the_library_the_way_to_get_it_is_the_hint(file: Path) -> None:
    file.write_text('[schedule]\nholidays = ["DE"]', encoding="utf-8")
    without = HOLIDAYS._replace(has_library=lambda: False)

    with pytest.raises(ConfigInvalid) as caught:
        loader.read(file, workspace="default", machine_zone=machine_zone, holidays=without)

    assert [str(each) for each in caught.value.problems] == [
        'schedule.holidays = ["DE"]: the library for it is not installed here'
    ]
    assert caught.value.hint == "run `pip install 'portalcal[holidays]'`"
    assert read(file, "[schedule]\nholidays = []").schedule.holidays == {}
