"""Holidays, periods and the minutes of a day as the commands answer by them. The clocks: see NOW, a Monday in November 2026."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date

import pytest

from portalcal.container import Container
from portalcal.simulator.google import Simulator
from tests.cli.conftest import Ran, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
YEAR = """
[schedule]
mon = ["09:00-12:00"]
tue = ["09:00-12:00"]
wed = ["09:00-12:00"]
thu = ["09:00-12:00"]
fri = ["09:00-12:00"]
holidays_file = "company.ics"
holidays_open = ["2026-11-26"]
[schedule.exceptions]
2026-11-25 = ["10:00-11:00"]
[[schedule.periods]]
name = "Advent"
from = 2026-11-30
until = 2026-12-24
fri = ["09:00-10:00"]
[rules]
duration = "1h"
"""
COMPANY = """\
BEGIN:VCALENDAR
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261124
DTEND;VALUE=DATE:20261128
SUMMARY:Fair
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def year(connected: Shell) -> Shell:
    """A configuration with a company's holidays from Tuesday to Friday, one of which is worked."""
    (connected.folder / "company.ics").write_text(COMPANY, encoding="utf-8")
    connected.configure(YEAR)
    return connected


def hours_of(ran: Ran) -> dict[str, list[str]]:
    """The offered wall times by date."""
    return {
        day["date"]: [slot["start"][11:16] for slot in day["slots"]]
        for day in ran.result["days"]
        if day["slots"]
    }


def reasons(ran: Ran) -> list[tuple[str, str, str | None]]:
    """Code, sentence and name of each reason."""
    return [(each["code"], each["message"], each["name"]) for each in ran.result["reasons"]]


def test_an_exception_beats_a_holiday_and_a_worked_holiday_is_a_day_like_any_other(year: Shell) -> None:
    ran = year.json("availability", "2026-11-24", "--days", "4")

    assert hours_of(ran) == {"2026-11-25": ["10:00"], "2026-11-26": ["09:00", "10:00", "11:00"]}
    assert [(day["holiday"], day["period"]) for day in ran.result["days"]] == [
        ("Fair", None), ("Fair", None), (None, None), ("Fair", None),
    ]  # fmt: skip


def test_a_holiday_and_a_period_are_explained_by_name(year: Shell) -> None:
    holiday = year.json("availability", "--explain", "2026-11-24T10:00")
    period = year.json("availability", "--explain", "2026-12-04T11:00")

    assert reasons(holiday) == [("holiday", "Tue 24 Nov is a holiday: Fair", "Fair")]
    assert reasons(period) == [("period", "Fri 4 Dec lies in Advent: open 09:00-10:00", "Advent")]
    assert (
        "holiday  Tue 24 Nov is a holiday: Fair" in year("availability", "--explain", "2026-11-24T10:00").out
    )


def test_a_holiday_explains_its_day_though_the_schedule_never_opens_at_noon(year: Shell) -> None:
    year.configure(YEAR.replace('"09:00-12:00"', '"09:00-11:00", "13:00-17:00"'))

    ran = year("availability", "--explain", "2026-11-24")

    assert ran.out.splitlines()[2] == "  all day  holiday  Tue 24 Nov is a holiday: Fair"


def test_a_booking_on_a_holiday_is_refused_by_its_name_and_forced_all_the_same(year: Shell) -> None:
    refused = year.json("book", "2026-11-24T10:00", *SAM)
    forced = year.json("book", "2026-11-24T10:00", *SAM, "--force")

    assert refused.exit == 5
    assert refused.error["code"] == "slot-not-offered"
    assert "Tue 24 Nov is a holiday: Fair" in refused.error["message"]
    assert refused.error["details"]["reasons"] == ["holiday"]
    assert forced.result["state"] == "confirmed"


def test_the_grid_names_them(year: Shell) -> None:
    page = year("availability", "2026-11-23", "--days", "14").out

    assert "Tue 24 Nov - Wed 25 Nov: Fair · Fri 27 Nov: Fair" in page
    assert "Mon 30 Nov - Sun 6 Dec: Advent" in page


JOURNEY = """
[[schedule.periods]]
name = "New York"
from = 2027-01-01
until = 2027-12-31
timezone = "America/New_York"
[rules]
horizon = "600d"
"""


@pytest.mark.parametrize(
    ("monday", "first"),
    [
        ("2027-03-08", "14:00"),
        ("2027-03-15", "13:00"),  # New York changed its clocks on 14 March, London not yet
        ("2027-03-29", "14:00"),
        ("2027-10-25", "14:00"),
        ("2027-11-01", "13:00"),  # London changed on 31 October, New York not yet
        ("2027-11-08", "14:00"),
    ],
)
def test_on_a_journey_hours_are_on_the_clocks_there_whichever_zone_changes(
    year: Shell, monday: str, first: str
) -> None:
    year.configure(YEAR.replace("[rules]\n", JOURNEY))

    ran = year.json("availability", monday, "--days", "1")

    assert hours_of(ran)[monday][0] == first
    assert len(hours_of(ran)[monday]) == 3
    assert reasons(year.json("availability", "--explain", f"{monday}T09:00")) == [
        (
            "period",
            f"{date.fromisoformat(monday):%a %-d %b} lies in New York: open 09:00-12:00 (New York)",
            "New York",
        )
    ]


def test_a_booking_of_a_journey_is_made_at_its_time(year: Shell, google: Simulator) -> None:
    year.configure(YEAR.replace("[rules]\n", JOURNEY))

    booked = year.json("book", "2027-03-15T09:00", "--timezone", "America/New_York", *SAM)

    assert booked.result["start"] == "2027-03-15T09:00:00-04:00"
    assert year.json("book", "2027-03-15T09:00", *SAM).error["details"]["reasons"] == ["period"]


def test_the_minutes_of_a_day_are_a_limit_with_a_reason(year: Shell) -> None:
    year.configure(f"{YEAR}max_minutes_per_day = 90\n")
    assert year.json("book", "2026-11-26T09:00", *SAM).exit == 0

    ran = year.json("availability", "--explain", "2026-11-26T11:00")

    assert reasons(ran) == [
        (
            "day-full",
            "Thu 26 Nov is full: with this meeting it would have more than 1h30m (max_minutes_per_day)",
            "max_minutes_per_day",
        )
    ]
    assert hours_of(year.json("availability", "2026-11-26", "--days", "1")) == {}


def test_days_that_only_the_horizon_excludes_are_told_from_others(year: Shell) -> None:
    year.configure(f'{YEAR}horizon = "3d"\n')

    ran = year.json("availability", "2026-11-26", "--days", "5")

    beyond = [day["date"] for day in ran.result["days"] if day["beyond_horizon"]]
    assert beyond == ["2026-11-30"]
    assert (
        "Too far ahead: bookings open 3 days ahead, up to Thu 26 Nov"
        in year("availability", "2026-11-26", "--days", "5").out
    )


def test_without_the_library_a_country_is_a_problem_of_the_file_with_the_way_out(year: Shell) -> None:
    class Bare(Shell):
        """A machine on which the library is not installed."""

        def customize(self, container: Container) -> None:
            super().customize(container)
            container.override(holidays=container.holidays._replace(has_library=lambda: False))

    bare = Bare(year.google, year.folder, year.environ, year.vault)
    bare.configure('[schedule]\nholidays = ["DE-BY"]\n')

    ran = bare.json("availability")

    assert ran.exit == 3
    assert ran.error["code"] == "config-invalid"
    assert ran.error["message"].endswith(
        'config.toml: schedule.holidays = ["DE-BY"]: the library for it is not installed here'
    )
    assert ran.error["hint"] == "run `pip install 'portalcal[holidays]'`"


def test_public_holidays_of_a_region_close_their_days(year: Shell) -> None:
    pytest.importorskip("holidays")
    year.configure('[schedule]\nholidays = ["DE-BY"]\n')

    ran = year.json("availability", "2027-01-05", "--days", "2")

    assert list(hours_of(ran)) == ["2027-01-05"]
    assert ran.result["days"][1]["holiday"] == "Epiphany"


_PROBE = """
import json, sys
from portalcal.cli.app import main
sys.argv = ["portalcal", "bookings", "--json"]
try:
    main()
except SystemExit:
    pass
print(sorted({"holidays", "icalendar", "dateutil"} & set(sys.modules)), file=sys.stderr)
"""


def test_only_the_first_command_pays_for_the_libraries(year: Shell) -> None:
    pytest.importorskip("holidays")
    year.configure('[schedule]\nholidays = ["DE-BY"]\nholidays_file = "company.ics"\n')
    environ = os.environ | year.environ

    first, second = (
        subprocess.run(
            [sys.executable, "-c", _PROBE], env=environ, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    )

    assert first.stderr == "['dateutil', 'holidays', 'icalendar']\n"
    assert second.stderr == "[]\n"
