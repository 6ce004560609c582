from __future__ import annotations

from datetime import date, timedelta

import pytest

from portalcal.views import humanize
from tests.builders import LONDON, at, span
from tests.core.scheduling_inputs import between


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"), (-30, "just now"), (30, "in a moment"), (-60, "1 minute ago"), (3 * 3600, "in 3 hours"),
        (-2 * 86400, "2 days ago"), (15 * 86400, "in 2 weeks"), (40 * 86400, "in 1 month"),
    ],
)  # fmt: skip
def test_distances_in_time_are_said_as_people_say_them(seconds: int, said: str) -> None:
    assert humanize.relative(at("08:00") + timedelta(seconds=seconds), at("08:00")) == said


def test_lengths_are_spelled_out() -> None:
    assert humanize.length(timedelta(minutes=90)) == "1 hour 30 minutes"


def test_dates_are_said_in_full_or_with_their_year_where_it_is_another() -> None:
    assert humanize.long_date(date(2026, 3, 2)) == "Monday 2 March"
    assert humanize.dated(date(2026, 3, 2), date(2026, 1, 1)) == "Mon 2 Mar"
    assert humanize.dated(date(2027, 1, 4), date(2026, 1, 1)) == "Mon 4 Jan 2027"


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("08:00-09:00", "now"),
        ("10:10-11:00", "today, in 2 hours"),
        ("Tue 07:00-08:00", "tomorrow, in 22 hours"),
        ("Tue 10:00-11:00", "tomorrow"),
        ("Fri 10:00-11:00", "in 4 days"),
        ("Fri 07:00-08:00", "in 4 days"),
    ],
)
def test_nearness_says_nothing_twice(when: str, said: str) -> None:
    assert humanize.near(span(when), LONDON, now=at("08:10")) == said


def test_a_meeting_names_its_zone_and_both_dates_when_it_runs_over_midnight() -> None:
    assert humanize.meeting(span("Tue 10:00-10:30"), LONDON) == "Tue 3 Mar, 10:00-10:30 (London)"
    assert (
        humanize.meeting(between("2026-03-03 22:00/2026-03-04 00:00"), LONDON)
        == "Tue 3 Mar, 22:00-24:00 (London)"
    )
    overnight = humanize.meeting(between("2026-03-03 22:00/2026-03-04 01:00"), LONDON)
    assert overnight == "Tue 3 Mar, 22:00 - Wed 4 Mar, 01:00 (London)"
