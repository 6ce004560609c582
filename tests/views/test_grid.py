"""The grid as it stands on a terminal, whole, without colour."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from portalcal.core.intervals import Interval
from portalcal.core.schedule import Hours, Period, Schedule
from portalcal.core.slots import Rules
from portalcal.results import Availability
from portalcal.views.grid import terminal
from tests.builders import LONDON, at
from tests.views.builders import (
    EVIL,
    NEW_YORK,
    NINE_TO_ONE,
    Stage,
    a_question,
    an_availability,
    london,
    transcript,
)

HOUR = timedelta(hours=1)
NIGHTS = Schedule(LONDON, ((Hours(0, 240),),) * 7)


def _drawn(answer: Availability, *, width: int = 80) -> str:
    stage = Stage(width=width)
    stage.view.show(answer)
    return stage.out


def _window(start: str, end: str) -> Interval:
    return Interval(london(start), london(end))


def test_days_go_across_and_times_down_with_a_glyph_a_kind() -> None:
    assert _drawn(an_availability()) == transcript("""
        1h meetings · times in London

        Week 10 · 2-8 Mar 2026
              Mon 2     Tue 3     Wed 4     Thu 5     Fri 6     Sat 7     Sun 8
              today                                             closed    closed
        09:00 09:00     09:00     09:00     ▓▓▓▓▓▓▓▓▓ 09:00
        10:00 10:00     ░░░░░░░░░ 10:00     10:00     10:00
        11:00 11:00     ░░░░░░░░░ ░░░░░░░░░ 11:00     11:00
        12:00 12:00     12:00     12:00     12:00     12:00

        09:00 offered   ▓▓▓ booked   ░░░ busy
    """)


def test_a_grid_of_offered_times_alone_needs_no_legend() -> None:
    assert _drawn(
        an_availability(a_question(window=_window("2026-03-03", "2026-03-05"), link="intro"))
    ) == transcript("""
        intro · 1h meetings · times in London

        Week 10 · 3-4 Mar 2026
              Tue 3         Wed 4
        09:00 09:00         09:00
        10:00 10:00         10:00
        11:00 11:00         11:00
        12:00 12:00         12:00
    """)


def test_a_narrow_terminal_gets_fewer_days_side_by_side_in_even_pieces() -> None:
    assert _drawn(an_availability(), width=40) == transcript("""
        1h meetings · times in London

        Week 10 · 2-8 Mar 2026
              Mon 2   Tue 3   Wed 4   Thu 5
              today
        09:00 09:00   09:00   09:00   ▓▓▓▓▓▓▓
        10:00 10:00   ░░░░░░░ 10:00   10:00
        11:00 11:00   ░░░░░░░ ░░░░░░░ 11:00
        12:00 12:00   12:00   12:00   12:00

              Fri 6   Sat 7   Sun 8
                      closed  closed
        09:00 09:00
        10:00 10:00
        11:00 11:00
        12:00 12:00

        09:00 offered   ▓▓▓ booked   ░░░ busy
    """)


@pytest.mark.parametrize("width", [24, 40, 60, 80, 100, 140])
@pytest.mark.parametrize("zone", [LONDON, NEW_YORK])
def test_no_line_is_wider_than_the_terminal(width: int, zone: ZoneInfo) -> None:
    lines = _drawn(an_availability(zone=zone), width=width).split("\n")

    assert max(map(len, lines)) <= width


def test_seven_days_and_two_axes_fit_sixty_columns() -> None:
    week = Interval(datetime(2026, 3, 9, 4, tzinfo=UTC), datetime(2026, 3, 16, 4, tzinfo=UTC))

    drawn = _drawn(an_availability(a_question(window=week), zone=NEW_YORK), width=60)

    assert "EDT   GMT   Mon 9  Tue 10 Wed 11 Thu 12 Fri 13 Sat 14 Sun 15" in drawn


def test_another_zone_gets_a_second_axis_that_changes_where_clocks_do() -> None:
    answer = an_availability(a_question(window=_window("2026-03-06", "2026-03-10")), zone=NEW_YORK)

    assert _drawn(answer) == transcript("""
        1h meetings · times in New York, beside them London

        Week 10 · 5-7 Mar 2026
        EST   GMT   Thu 5         Fri 6         Sat 7
                                                closed
        04:00 09:00   –           04:00
        05:00 10:00   –           05:00
        06:00 11:00   –           06:00
        07:00 12:00   –           07:00

        Weeks 10-11 · 8-9 Mar 2026
        EDT   GMT   Sun 8         Mon 9
                    23 h
        05:00 09:00               05:00
        06:00 10:00               06:00
        07:00 11:00               07:00
        08:00 12:00               08:00

        09:00 offered   – open, not offered
    """)


def test_a_day_of_twenty_three_hours_is_labelled_and_shows_what_clocks_skip() -> None:
    assert _drawn(
        an_availability(a_question(schedule=NIGHTS, window=_window("2026-03-28", "2026-03-31")))
    ) == transcript("""
        1h meetings · times in London

        Weeks 13-14 · 28-30 Mar 2026
              Sat 28        Sun 29        Mon 30
                            23 h
        00:00 00:00         00:00         00:00
        01:00 01:00         ××××××××××××× 01:00
        02:00 02:00         02:00         02:00
        03:00 03:00         03:00         03:00

        09:00 offered   ××× skipped by the clocks
    """)


def test_a_day_of_twenty_five_hours_offers_the_same_time_twice() -> None:
    inputs = a_question(
        schedule=NIGHTS, window=_window("2026-10-24", "2026-10-26"), rules=Rules(duration=HOUR, horizon=300)
    )

    assert _drawn(an_availability(inputs)) == transcript("""
        1h meetings · times in London

        Week 43 · 24-25 Oct 2026
              Sat 24        Sun 25
                            25 h
        00:00 00:00         00:00
        01:00 01:00         01:00 ×2
        02:00 02:00         02:00
        03:00 03:00         03:00
    """)


def test_a_long_range_is_a_block_a_week_and_quiet_weeks_a_line() -> None:
    inputs = a_question(
        window=_window("2026-03-01", "2026-03-24"),
        rules=Rules(duration=2 * HOUR, notice=0 * HOUR, horizon=10),
    )

    assert _drawn(an_availability(inputs)) == transcript("""
        2h meetings · times in London

        Week 9 · 1 Mar 2026  closed

        Week 10 · 2-8 Mar 2026
              Mon 2     Tue 3     Wed 4     Thu 5     Fri 6     Sat 7     Sun 8
              today                                             closed    closed
        09:00 09:00     09:00     09:00     09:00     09:00
        11:00 11:00     11:00     11:00     11:00     11:00

        Week 11 · 9-15 Mar 2026
              Mon 9     Tue 10    Wed 11    Thu 12    Fri 13    Sat 14    Sun 15
                                                      later     closed    closed
        09:00 09:00     09:00     09:00     09:00       ›
        11:00 11:00     11:00     11:00     11:00       ›

        Week 12 · 16-22 Mar 2026  too far ahead
        Week 13 · 23 Mar 2026  too far ahead

        Too far ahead: bookings open 10 days ahead, up to Thu 12 Mar

        09:00 offered   › too far ahead
    """)


def test_days_without_an_offered_time_say_so() -> None:
    inputs = a_question(window=_window("2026-03-02", "2026-03-04"), now=at("Tue 12:30"))

    assert _drawn(an_availability(inputs)) == transcript("""
        1h meetings · times in London

        Week 10 · 2-3 Mar 2026
              Mon 2         Tue 3
                            today
        09:00   ·             ·
        10:00   ·             ·
        11:00   ·             ·
        12:00   ·             –

        No time is offered in these days
        why: the same with --explain 2026-03-03

        · past   – open, not offered
    """)


def test_an_item_of_the_legend_stays_on_one_line() -> None:
    inputs = a_question(busy=("Wed 10:00-11:00",), now=at("Tue 12:30"))

    drawn = _drawn(an_availability(inputs), width=48)

    assert drawn.rstrip().endswith("\n\n09:00 offered   ░░░ busy   · past\n– open, not offered")


def test_hours_in_which_no_day_is_open_are_left_out() -> None:
    split = Schedule(LONDON, ((Hours(540, 660), Hours(1200, 1260)),) * 7)

    assert _drawn(
        an_availability(a_question(schedule=split, window=_window("2026-03-03", "2026-03-04")))
    ) == transcript("""
        1h meetings · times in London

        Week 10 · 3 Mar 2026
              Tue 3
        09:00 09:00
        10:00 10:00
          ⋮
        20:00 20:00
    """)


@pytest.mark.parametrize(
    ("width", "cell"), [(110, "09:00 :05"), (80, "09:00 :05"), (70, "09:00 +1"), (60, "09:00+")]
)
def test_starts_that_share_a_row_are_told_as_fully_as_there_is_room(width: int, cell: str) -> None:
    inputs = a_question(rules=Rules(duration=HOUR, step=HOUR / 12, notice=0 * HOUR))

    drawn = _drawn(an_availability(inputs), width=width)

    row = next(line for line in drawn.split("\n") if line.startswith("09:00 "))
    assert row.startswith(f"09:00 {cell}")
    assert ("+ more starts in between" in drawn) is ("+" in cell)


def test_a_window_that_holds_no_open_hour_is_one_line() -> None:
    inputs = a_question(window=_window("2026-03-07", "2026-03-09"))

    assert _drawn(an_availability(inputs)) == transcript("""
        1h meetings · times in London

        Week 10 · 7-8 Mar 2026  closed

        No time is offered in these days
    """)


def test_ascii_terminals_have_a_glyph_a_kind_too() -> None:
    console = Console(file=io.StringIO(), width=80, no_color=True, highlight=False)

    console.print(terminal.page(an_availability(), width=80, is_ascii=True))

    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    assert "09:00 09:00     09:00     09:00     ######### 09:00" in drawn
    assert ":::::::::" in drawn


def test_colour_adds_to_the_glyphs() -> None:
    stage = Stage(environ={"TERM": "xterm", "FORCE_COLOR": "1"})

    stage.view.show(an_availability())

    written = stage.stdout.getvalue()
    assert "\x1b[1;32m09:00\x1b[0m" in written
    assert "\x1b[1;30;46mMon 2\x1b[0m" in written
    assert "\x1b[34m▓▓▓▓▓▓▓▓▓\x1b[0m" in written


def test_the_name_of_a_link_is_made_harmless() -> None:
    assert "Ana␛[31m�gnp[bold]␍␊ · 1h meetings" in _drawn(an_availability(a_question(link=EVIL)))


def test_a_date_that_never_was_is_no_day() -> None:
    apia = ZoneInfo("Pacific/Apia")
    inputs = a_question(schedule=Schedule(apia, ((Hours(540, 660),),) * 7))._replace(
        window=Interval(datetime(2011, 12, 29, 10, tzinfo=UTC), datetime(2011, 12, 31, 9, tzinfo=UTC)),
        now=datetime(2011, 12, 20, tzinfo=UTC),
    )

    assert _drawn(an_availability(inputs, zone=apia)) == transcript("""
        1h meetings · times in Apia

        Week 52 · 29-31 Dec 2011
              Thu 29        Fri 30        Sat 31
                            no day
        09:00 09:00         ××××××××××××× 09:00
        10:00 10:00         ××××××××××××× 10:00

        09:00 offered   ××× skipped by the clocks
    """)


OF_THE_YEAR = NINE_TO_ONE._replace(
    holidays={
        date(2026, 3, 4): "Founders’ day",
        date(2026, 3, 6): f"Bank {EVIL}",
        date(2026, 3, 9): "Monday",
    },
    periods=(
        Period("early hours", date(2026, 3, 2), date(2026, 3, 5), ((Hours(480, 600),), *(None,) * 6)),
        Period("New York", date(2026, 3, 6), date(2026, 3, 6), zone=NEW_YORK),
    ),
)


def test_holidays_and_periods_are_named_under_their_week() -> None:
    answer = an_availability(a_question(schedule=OF_THE_YEAR))

    assert _drawn(answer) == transcript("""
        1h meetings · times in London

        Week 10 · 2-8 Mar 2026
              Mon 2     Tue 3     Wed 4     Thu 5     Fri 6     Sat 7     Sun 8
              today               holiday             holiday   closed    closed
        08:00   –
        09:00 09:00     09:00               09:00
        10:00           10:00               10:00
        11:00           11:00               11:00
        12:00           12:00               12:00
        Mon 2 Mar - Thu 5 Mar: early hours · Wed 4 Mar: Founders’ day · Fri 6 Mar: Bank
        Ana␛[31m�gnp[bold]␍␊ · Fri 6 Mar: New York

        09:00 offered   – open, not offered
    """)


def test_weeks_of_one_line_name_their_holidays_too() -> None:
    answer = an_availability(
        a_question(
            schedule=OF_THE_YEAR._replace(weekly=((Hours(540, 780),), *((),) * 6)),
            window=_window("2026-03-02", "2026-03-16"),
        )
    )

    assert "Week 11 · 9-15 Mar 2026  closed\nMon 9 Mar: Monday\n\n" in _drawn(answer)


def test_days_that_are_out_for_the_horizon_alone_say_so() -> None:
    rules = Rules(duration=HOUR, notice=timedelta(0), horizon=2)
    inputs = a_question(rules=rules, busy=("Thu 09:00-13:00", "Fri 10:00-11:00"))

    assert _drawn(an_availability(inputs)) == transcript("""
        1h meetings · times in London

        Week 10 · 2-8 Mar 2026
              Mon 2     Tue 3     Wed 4     Thu 5     Fri 6     Sat 7     Sun 8
              today                                   later     closed    closed
        09:00 09:00     09:00     09:00     ░░░░░░░░░   ›
        10:00 10:00     10:00     10:00     ░░░░░░░░░ ░░░░░░░░░
        11:00 11:00     11:00     11:00     ░░░░░░░░░   ›
        12:00 12:00     12:00     12:00     ░░░░░░░░░   ›

        Too far ahead: bookings open 2 days ahead, up to Wed 4 Mar

        09:00 offered   ░░░ busy   › too far ahead
    """)


def test_a_week_wholly_beyond_the_horizon_is_one_line() -> None:
    rules = Rules(duration=HOUR, notice=timedelta(0), horizon=2)
    inputs = a_question(rules=rules, window=_window("2026-03-02", "2026-03-16"))

    assert "Week 11 · 9-15 Mar 2026  too far ahead\n" in _drawn(an_availability(inputs))
