"""The cells of a sheet against the instants they stand for, on ordinary days and on those clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from portalcal.core.intervals import Interval
from portalcal.core.schedule import Hours, Schedule
from portalcal.core.slots import Rules
from portalcal.core.time import wall
from portalcal.views.grid import cells
from portalcal.views.grid.cells import CellKind
from tests.builders import LONDON, at
from tests.core import zones
from tests.selection import examples
from tests.views.builders import NEW_YORK, a_question, an_availability, london, the_booking

_HOUR = timedelta(hours=1)


@st.composite
def _windows(draw: st.DrawFn) -> tuple[ZoneInfo, Interval]:
    name = draw(st.sampled_from(zones.names()))
    changes = zones.transitions(name)
    near = changes[draw(st.integers(0, len(changes) - 1))] if changes else at("00:00")
    day = near.astimezone(ZoneInfo(name)).date() + timedelta(days=draw(st.integers(-1, 1)))
    start = wall(day, -1440, ZoneInfo(name))
    return ZoneInfo(name), Interval(start, start + timedelta(days=draw(st.integers(1, 10))))


def _goes_back(zone: ZoneInfo, window: Interval) -> bool:
    """Whether a date begins, ends and begins again: clocks went back at 00:01, in Canada, for the last time in 2011."""
    return any(
        (each - timedelta(minutes=1)).astimezone(zone).date() > each.astimezone(zone).date()
        for each in zones.transitions(zone.key)
        if each in window
    )


@settings(max_examples=examples(60))
@given(_windows(), st.sampled_from([5, 15, 30, 45, 60]), st.sampled_from([0, 540, 1320]))
def test_every_offered_start_stands_in_one_cell_under_its_own_date_and_row(
    where: tuple[ZoneInfo, Interval], step: int, opening: int
) -> None:
    zone, window = where
    assume(not _goes_back(zone, window))
    schedule = Schedule(LONDON, ((Hours(opening, (opening + 480) % 1440),),) * 7)
    rules = Rules(duration=timedelta(minutes=step), notice=timedelta(0), horizon=100_000)
    answer = an_availability(
        a_question(
            window=window, schedule=schedule, rules=rules, now=datetime.fromisoformat("1970-01-01T00:00:00Z")
        ),
        zone=zone,
    )

    sheet = cells.sheet(answer)

    found = [
        (start, day.date, row)
        for day in sheet.days
        for row, cell in zip(sheet.rows, day.cells, strict=True)
        for start in cell.starts
    ]
    assert sorted(start.astimezone(UTC) for start, _, _ in found) == [slot.start for slot in answer.slots]
    for start, day, row in found:
        assert start.tzinfo is zone
        assert start.date() == day
        assert row <= start.hour * 60 + start.minute < row + sheet.height


def _column(answer_day: int, **inputs: object) -> list[str]:
    sheet = cells.sheet(an_availability(a_question(**inputs)))  # type: ignore[arg-type]
    return [each.kind.name for each in sheet.days[answer_day].cells]


def test_a_cell_is_what_lies_in_it() -> None:
    busy, booking = ("Tue 10:00-10:30",), the_booking("Tue 11:00-12:00")

    kinds = _column(1, busy=busy, claims=(booking,))

    assert kinds == ["OFFERED", "BUSY", "BOOKED", "OFFERED"]


def test_our_own_event_is_booked_rather_than_busy() -> None:
    assert _column(1, busy=("Tue 10:00-11:00",), claims=(the_booking("Tue 10:00-11:00"),))[1] == "BOOKED"


def test_what_is_over_is_past_and_what_is_too_soon_is_not_offered() -> None:
    rules = Rules(duration=_HOUR, notice=2 * _HOUR)

    assert _column(1, now=at("Tue 10:00"), rules=rules) == ["PAST", "UNOFFERED", "UNOFFERED", "OFFERED"]


def test_the_end_of_a_long_meeting_is_room() -> None:
    assert _column(1, rules=Rules(duration=2 * _HOUR, step=_HOUR, notice=0 * _HOUR))[-1] == "ROOM"


def test_a_date_clocks_skipped_has_no_time_in_any_row() -> None:
    apia = ZoneInfo("Pacific/Apia")
    window = Interval(wall(date(2011, 12, 29), 0, apia), wall(date(2012, 1, 1), 0, apia))
    schedule = Schedule(apia, ((Hours(540, 720),),) * 7)
    answer = an_availability(a_question(schedule=schedule, window=window, now=window.start), zone=apia)

    skipped = cells.sheet(answer).days[1]

    assert (skipped.hours, skipped.kinds) == (0, {CellKind.SKIPPED})


def test_a_sheet_of_a_week_is_one_piece_and_a_longer_one_goes_by_iso_weeks() -> None:
    short = an_availability(a_question(window=Interval(london("2026-03-06"), london("2026-03-13"))))
    long = an_availability(a_question(window=Interval(london("2026-03-06"), london("2026-03-17"))))

    assert [len(week) for week in cells.sheet(short).weeks] == [7]
    assert [len(week) for week in cells.sheet(long).weeks] == [3, 7, 1]


def test_where_the_distance_of_two_zones_changes_a_new_piece_begins() -> None:
    answer = an_availability(
        a_question(window=Interval(london("2026-03-06"), london("2026-03-11"))), zone=NEW_YORK
    )

    pieces = cells.sheet(answer).weeks

    assert [[day.date.day for day in piece] for piece in pieces] == [[5, 6, 7], [8, 9, 10]]
    assert [piece[0].ahead for piece in pieces] == [5 * _HOUR, 4 * _HOUR]


def test_dates_and_weeks_are_said_briefly() -> None:
    days = cells.sheet(an_availability()).days

    assert cells.week_label(days) == "Week 10"
    assert cells.date_range(date(2026, 3, 2), date(2026, 3, 2)) == "2 Mar 2026"
    assert cells.date_range(date(2026, 3, 2), date(2026, 3, 8)) == "2-8 Mar 2026"
    assert cells.date_range(date(2026, 3, 30), date(2026, 4, 5)) == "30 Mar - 5 Apr 2026"
    assert cells.date_range(date(2026, 12, 28), date(2027, 1, 3)) == "28 Dec 2026 - 3 Jan 2027"
    assert (cells.clock(540), cells.clock(1440), cells.clock(1500), cells.clock(-60)) == (
        "09:00",
        "24:00",
        "01:00",
        "23:00",
    )
