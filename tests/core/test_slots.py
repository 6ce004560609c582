from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portalcal.core.slots import (
    Align,
    FreeBusy,
    Reason,
    ReasonCode,
    SchedulingInputs,
    beyond_horizon,
    nearest,
    offered,
    reasons,
)
from tests.core.scheduling_inputs import (
    LONDON,
    a_claim,
    a_period,
    a_question,
    a_schedule,
    between,
    clocks,
    minutes,
    rules,
    utc,
)

NINE_TO_ONE = a_schedule("09:00-13:00")
MONDAY = "2026-03-02 00:00/2026-03-03 00:00"


def _starts(inputs: SchedulingInputs) -> str:
    return clocks(offered(inputs), inputs.schedule.zone)


def _codes(inputs: SchedulingInputs, start: str) -> list[str]:
    return [each.why.value for each in reasons(inputs, utc(start))]


# --- the grid ----------------------------------------------------------------------------------------------------------


def test_starts_lie_a_duration_apart_from_the_opening_on() -> None:
    assert _starts(a_question(NINE_TO_ONE, MONDAY)) == "09:00 10:00 11:00 12:00"


def test_a_meeting_may_end_exactly_when_the_opening_does() -> None:
    assert _starts(a_question(a_schedule("09:00-10:30"), MONDAY, rules=rules(90))) == "09:00"


def test_a_step_shorter_than_the_meeting_lets_starts_overlap() -> None:
    assert _starts(a_question(a_schedule("09:00-11:00"), MONDAY, rules=rules(60, 30))) == "09:00 09:30 10:00"


def test_the_grid_does_not_move_when_meetings_come() -> None:
    inputs = a_question(NINE_TO_ONE, MONDAY, busy=("2026-03-02 09:00/09:20",))

    assert _starts(inputs) == "10:00 11:00 12:00"


def test_the_grid_of_a_window_that_begins_inside_the_opening_is_the_openings() -> None:
    inputs = a_question(a_schedule("09:10-17:00"), "2026-03-02 11:00/13:00")

    assert _starts(inputs) == "11:10 12:10"


def test_touching_ranges_have_one_grid() -> None:
    inputs = a_question(a_schedule("09:00-10:30 10:30-12:00"), MONDAY)

    assert _starts(inputs) == "09:00 10:00 11:00"


def test_the_window_holds_its_start_and_not_its_end() -> None:
    assert _starts(a_question(NINE_TO_ONE, "2026-03-02 10:00/12:00")) == "10:00 11:00"


def test_a_meeting_may_end_after_the_window() -> None:
    assert _starts(a_question(NINE_TO_ONE, "2026-03-02 12:00/12:30")) == "12:00"


def test_a_grid_aligned_to_the_hour_starts_at_the_hour_of_the_opening() -> None:
    inputs = a_question(a_schedule("09:10-12:00"), MONDAY, rules=rules(30, align=Align.HOUR))

    assert _starts(inputs) == "09:30 10:00 10:30 11:00 11:30"


@pytest.mark.parametrize(
    ("zone", "date"), [("Asia/Kathmandu", "2026-03-02"), ("Australia/Lord_Howe", "2026-10-04")]
)
def test_the_hour_is_the_local_one_where_offsets_are_not_whole_hours(zone: str, date: str) -> None:
    local = ZoneInfo(zone)
    day = datetime.fromisoformat(date).replace(tzinfo=local)
    week = a_schedule("09:20-12:00", zone)
    inputs = SchedulingInputs(
        week, rules(60, align=Align.HOUR), between(f"{day - timedelta(days=1):%F} 12:00/{date} 12:00"), day
    )

    assert clocks(offered(inputs), local).startswith("10:00 11:00")


def test_a_day_that_never_closes_starts_its_grid_at_midnight() -> None:
    inputs = a_question(a_schedule("00:00-24:00"), "2026-03-02 20:00/2026-03-03 06:00", rules=rules(300))

    # Twenty-four hours are no multiple of five: the last start before midnight may run over it.
    assert _starts(inputs) == "20:00 00:00 05:00"


def test_starts_on_the_day_the_clocks_go_forward_are_an_hour_apart_in_elapsed_time() -> None:
    inputs = a_question(a_schedule("00:00-04:00"), "2026-03-28 12:00/2026-03-29 12:00")

    assert _starts(inputs) == "00:00 02:00 03:00"


def test_starts_on_the_day_the_clocks_go_back_show_the_same_hour_twice() -> None:
    inputs = a_question(a_schedule("00:00-03:00"), "2026-10-24 12:00/2026-10-25 12:00")

    assert _starts(inputs) == "00:00 01:00 01:00 02:00"


# --- conflicts ---------------------------------------------------------------------------------------------------------


def test_busy_times_that_touch_a_meeting_do_not_meet_it() -> None:
    inputs = a_question(NINE_TO_ONE, MONDAY, busy=("2026-03-02 08:00/10:00", "2026-03-02 11:00/12:00"))

    assert _starts(inputs) == "10:00 12:00"


def test_what_lasts_for_days_is_in_the_way_on_each_of_them() -> None:
    busy = ("2026-03-02 10:00/2026-03-04 12:00",)
    inputs = a_question(NINE_TO_ONE, "2026-03-02 00:00/2026-03-05 00:00", busy=busy)

    assert _starts(inputs) == "09:00 12:00"


def test_buffers_keep_time_free_on_both_sides() -> None:
    inputs = a_question(
        NINE_TO_ONE, MONDAY, rules=rules(60, 30, before=15, after=30), busy=("2026-03-02 11:00/11:01",)
    )

    assert _starts(inputs) == "09:00 09:30 11:30 12:00"


def test_buffers_need_not_lie_inside_opening_hours() -> None:
    assert _starts(a_question(NINE_TO_ONE, MONDAY, rules=rules(240, before=60, after=60))) == "09:00"


def test_the_buffers_of_two_bookings_add_up() -> None:
    inputs = a_question(
        NINE_TO_ONE,
        MONDAY,
        rules=rules(30, 10, before=10, after=10),
        claims=(a_claim("2026-03-02 10:00/10:30", before=10, after=10),),
    )

    assert "09:10" in _starts(inputs).split()
    assert "09:20" not in _starts(inputs).split()
    assert "10:50" in _starts(inputs).split()
    assert "10:40" not in _starts(inputs).split()


def test_without_its_own_claim_and_event_a_booking_may_take_its_place_again() -> None:
    inputs = a_question(
        NINE_TO_ONE,
        MONDAY,
        busy=("2026-03-02 10:00/11:30",),
        claims=(a_claim("2026-03-02 10:00/11:00", booking="b1", after=15),),
    )

    assert "10:00" not in _starts(inputs)
    assert _starts(inputs.without("b1")) == "09:00 10:00 12:00"
    assert inputs.without("another") == inputs


# --- notice, horizon, limits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "first"),
    [("08:00:00", "10:00"), ("08:00:00.000001", "11:00"), ("07:59:59", "10:00"), ("08:00:01", "11:00")],
)
def test_notice_is_kept_to_the_microsecond_and_equality_is_enough(now: str, first: str) -> None:
    inputs = a_question(NINE_TO_ONE, MONDAY, rules=rules(60, notice=120), now=utc(f"2026-03-02 {now}"))

    assert _starts(inputs).split()[0] == first


def test_a_window_that_ends_when_notice_does_offers_nothing() -> None:
    inputs = a_question(
        NINE_TO_ONE, "2026-03-02 09:00/11:00", rules=rules(notice=60), now=utc("2026-03-02 10:00")
    )

    assert offered(inputs) == ()


@pytest.mark.parametrize(
    ("zone", "last"), [("Europe/London", 4), ("Pacific/Auckland", 5), ("America/Los_Angeles", 4)]
)
def test_the_horizon_counts_local_dates(zone: str, last: int) -> None:
    inputs = a_question(
        a_schedule("00:00-23:00", zone),
        "2026-03-02 00:00/2026-03-09 00:00",
        rules=rules(60, horizon=2),
        now=utc("2026-03-02 13:00"),
    )

    assert offered(inputs)[-1].start.astimezone(ZoneInfo(zone)).strftime("%d %H") == f"{last:02} 22"


def test_the_midnight_after_the_horizon_is_beyond_it() -> None:
    inputs = a_question(
        a_schedule("00:00-24:00"),
        "2026-03-02 22:00/2026-03-03 02:00",
        rules=rules(60, horizon=0),
        now=utc("2026-03-02 12:00"),
    )

    assert _starts(inputs) == "22:00 23:00"


def test_an_hour_of_the_last_date_that_comes_back_after_midnight_is_within_the_horizon() -> None:
    # Until 2011 St John's set its clocks back at 00:01, to 23:01 of the day before.
    inputs = a_question(
        a_schedule("00:00-24:00", "America/St_Johns"),
        "2006-10-29 01:00/05:00",
        rules=rules(30, horizon=0),
        now=utc("2006-10-28 14:00"),
    )

    assert _starts(inputs) == "22:30 23:00 23:30 23:30"


def test_a_full_day_offers_nothing_more() -> None:
    inputs = a_question(
        NINE_TO_ONE,
        "2026-03-02 00:00/2026-03-04 00:00",
        rules=rules(240, max_per_day=1),
        claims=(a_claim("2026-03-02 20:00/21:00"),),
    )

    assert [each.start for each in offered(inputs)] == [utc("2026-03-03 09:00")]


def test_a_full_week_is_an_iso_week() -> None:
    inputs = a_question(
        NINE_TO_ONE,
        "2026-03-01 00:00/2026-03-10 00:00",
        rules=rules(240, max_per_week=2),
        claims=(a_claim("2026-03-02 20:00/21:00"), a_claim("2026-03-08 20:00/21:00", booking="b2")),
    )

    assert [f"{each.start:%a %d}" for each in offered(inputs)] == ["Sun 01", "Mon 09"]


def test_only_bookings_of_the_same_link_count_for_its_limit() -> None:
    inputs = a_question(
        NINE_TO_ONE,
        MONDAY,
        rules=rules(240, max_per_day=1),
        claims=(a_claim("2026-03-02 20:00/21:00", link="intro"),),
    )

    assert _starts(inputs) == "09:00"
    assert offered(inputs._replace(link="intro")) == ()


# --- reasons -------------------------------------------------------------------------------------------------------------


def test_an_offered_start_has_no_reason_against_it() -> None:
    assert reasons(a_question(NINE_TO_ONE, MONDAY), utc("2026-03-02 10:00")) == ()


def test_every_reason_is_told_in_its_order() -> None:
    inputs = a_question(
        NINE_TO_ONE,
        MONDAY,
        rules=rules(60, horizon=0, max_per_day=1, max_per_week=1, before=30, after=30),
        now=utc("2026-03-02 12:00"),
        busy=("2026-03-02 10:00/11:00", "2026-03-02 11:45/11:50"),
        claims=(a_claim("2026-03-02 10:30/11:00"),),
    )

    told = _codes(inputs, "2026-03-02 10:20")

    assert told == ["past", "off-grid", "busy", "booked", "buffer", "day-full", "week-full"]


def test_notice_is_told_until_the_start_is_far_enough_and_the_past_instead_of_it() -> None:
    inputs = a_question(NINE_TO_ONE, MONDAY, rules=rules(notice=60), now=utc("2026-03-02 10:00"))

    assert _codes(inputs, "2026-03-02 09:00") == ["past"]
    assert _codes(inputs, "2026-03-02 10:00") == ["notice"]
    assert _codes(inputs, "2026-03-02 11:00") == []


def test_the_last_date_of_the_horizon_is_inside_it() -> None:
    inputs = a_question(NINE_TO_ONE, MONDAY, rules=rules(horizon=1), now=utc("2026-03-02 06:00"))

    assert _codes(inputs, "2026-03-03 09:00") == []
    assert _codes(inputs, "2026-03-04 09:00") == ["horizon"]


def test_a_meeting_that_would_run_past_closing_is_told_with_the_opening() -> None:
    (reason,) = reasons(a_question(NINE_TO_ONE, MONDAY), utc("2026-03-02 12:30"))

    assert reason == Reason(ReasonCode.CLOSED, span=between("2026-03-02 09:00/13:00"))


def test_an_exception_is_blamed_only_where_the_weekly_hours_would_have_had_room() -> None:
    inputs = a_question(a_schedule("09:00-13:00", exceptions={"2026-03-02": ""}), MONDAY)

    assert _codes(inputs, "2026-03-02 10:00") == ["exception"]
    assert _codes(inputs, "2026-03-02 14:00") == ["closed"]


def test_a_start_off_the_grid_is_told_with_the_stretch_its_grid_lies_in() -> None:
    inputs = a_question(a_schedule("00:00-24:00"), MONDAY)

    (reason,) = reasons(inputs, utc("2026-03-02 10:20"))

    assert reason.why is ReasonCode.OFF_GRID
    assert reason.span is not None
    assert reason.span.start == utc("2026-03-02 00:00")


def test_our_own_event_is_told_as_the_booking_and_what_is_left_of_it_as_busy() -> None:
    inputs = a_question(
        NINE_TO_ONE,
        MONDAY,
        rules=rules(60, 30),
        busy=("2026-03-02 10:00/11:30",),
        claims=(a_claim("2026-03-02 10:00/11:00"),),
    )

    assert _codes(inputs, "2026-03-02 10:00") == ["booked"]
    assert reasons(inputs, utc("2026-03-02 10:30")) == (
        Reason(ReasonCode.BUSY, calendar="work", span=between("2026-03-02 11:00/11:30")),
        Reason(ReasonCode.BOOKED, booking="b1", span=between("2026-03-02 10:00/11:00")),
    )


def test_a_calendar_that_could_not_be_read_stands_against_every_start() -> None:
    inputs = a_question(NINE_TO_ONE, MONDAY)
    blind = inputs._replace(calendars=(FreeBusy("work"), FreeBusy("team", unread="notFound")))

    assert reasons(blind, utc("2026-03-02 10:00")) == (Reason(ReasonCode.UNREADABLE, calendar="team"),)


@pytest.mark.parametrize("why", ReasonCode)
def test_only_the_time_of_others_is_a_conflict(why: ReasonCode) -> None:
    assert why.is_conflict == (why.value in CONFLICTS)


CONFLICTS = {
    "busy", "booked", "offered", "buffer", "unreadable",
    "person-busy", "person-booked", "person-unreadable", "pool-short", "room-busy",
}  # fmt: skip


# --- hours that know the year ----------------------------------------------------------------------------------------------


def test_a_holiday_is_told_with_its_name() -> None:
    inputs = a_question(a_schedule("09:00-13:00", holidays={"2026-03-02": "St. Monday"}), MONDAY)

    assert reasons(inputs, utc("2026-03-02 10:00")) == (Reason(ReasonCode.HOLIDAY, name="St. Monday"),)
    assert _codes(inputs, "2026-03-02 14:00") == ["closed"]


def test_a_period_is_told_with_its_name() -> None:
    week = a_schedule(
        "09:00-17:00", periods=(a_period("2026-03-02..2026-03-08", "summer hours", mon="09:00-13:00"),)
    )
    inputs = a_question(week, MONDAY)

    assert reasons(inputs, utc("2026-03-02 14:00")) == (Reason(ReasonCode.PERIOD, name="summer hours"),)
    assert _codes(inputs, "2026-03-02 12:00") == []


def test_an_exception_on_a_holiday_decides_its_date_and_is_told_alone() -> None:
    week = a_schedule("09:00-17:00", exceptions={"2026-03-02": ""}, holidays={"2026-03-02": "St. Monday"})

    assert _codes(a_question(week, MONDAY), "2026-03-02 10:00") == ["exception"]


def test_a_holiday_in_a_period_that_would_have_been_open_is_told() -> None:
    week = a_schedule(
        holidays={"2026-03-02": "St. Monday"},
        periods=(a_period("2026-03-01..2026-03-08", mon="09:00-17:00"),),
    )

    assert _codes(a_question(week, MONDAY), "2026-03-02 10:00") == ["holiday"]


def test_a_day_has_room_for_no_more_minutes_than_it_may_have() -> None:
    inputs = a_question(
        a_schedule("09:00-12:00"),
        "2026-03-02 00:00/2026-03-04 00:00",
        rules=rules(60, max_minutes_per_day=120),
        claims=(a_claim("2026-03-02 18:00/19:01"), a_claim("2026-03-03 18:00/19:00", booking="b2")),
    )

    assert [f"{each.start:%a %H}" for each in offered(inputs)] == ["Tue 09", "Tue 10", "Tue 11"]
    assert reasons(inputs, utc("2026-03-02 09:00")) == (
        Reason(ReasonCode.DAY_FULL, name="max_minutes_per_day"),
    )


def test_a_meeting_longer_than_the_minutes_of_a_day_is_never_offered() -> None:
    inputs = a_question(NINE_TO_ONE, MONDAY, rules=rules(60, max_minutes_per_day=59))

    assert offered(inputs) == ()
    assert _codes(inputs, "2026-03-02 09:00") == ["day-full"]


def test_what_the_horizon_alone_keeps_back_is_known() -> None:
    inputs = a_question(
        a_schedule("09:00-11:00"),
        "2026-03-02 00:00/2026-03-06 00:00",
        rules=rules(60, horizon=1, max_per_day=1),
        now=utc("2026-03-02 06:00"),
        busy=("2026-03-05 10:00/11:00",),
        claims=(a_claim("2026-03-04 20:00/21:00"),),
    )

    assert [f"{each.start:%a %H}" for each in beyond_horizon(inputs)] == ["Thu 09"]
    assert beyond_horizon(inputs._replace(rules=rules(60, horizon=10))) == ()


# --- claims and offers -----------------------------------------------------------------------------------------------------


def test_an_open_offer_holds_its_time_and_counts_for_limits_until_the_instant_it_expires() -> None:
    offer = a_claim("2026-03-02 10:00/11:00", booking="o1")._replace(expires_at=utc("2026-03-01 12:00"))
    inputs = a_question(NINE_TO_ONE, MONDAY, rules=rules(60, max_per_day=2), claims=(offer,))
    before, after = (inputs._replace(now=utc(f"2026-03-01 {at}")) for at in ("11:59", "12:00"))

    assert _starts(before) == "09:00 11:00 12:00"
    assert reasons(before, utc("2026-03-02 10:00")) == (
        Reason(ReasonCode.OFFERED, offer="o1", span=between("2026-03-02 10:00/11:00")),
    )
    assert _starts(after) == "09:00 10:00 11:00 12:00"
    assert offered(before._replace(rules=rules(60, max_per_day=1))) == ()
    assert len(offered(after._replace(rules=rules(60, max_per_day=1)))) == 4


def test_the_holders_own_offer_is_not_in_the_way_of_its_conversion() -> None:
    offer = a_claim("2026-03-02 10:00/11:00", booking="o1")._replace(expires_at=utc("2026-03-01 12:00"))
    inputs = a_question(NINE_TO_ONE, MONDAY, claims=(offer,), now=utc("2026-03-01 09:00"))

    assert _starts(inputs.without("o1")) == "09:00 10:00 11:00 12:00"


def test_what_is_held_of_somebody_else_is_not_in_the_owners_way_and_counts_once_for_the_link() -> None:
    theirs = a_claim("2026-03-02 10:00/11:00")
    inputs = a_question(
        NINE_TO_ONE,
        MONDAY,
        rules=rules(60, max_per_day=2),
        claims=(theirs._replace(participant="ana@x"), theirs._replace(participant="ben@x")),
    )

    assert _starts(inputs) == "09:00 10:00 11:00 12:00"
    assert offered(inputs._replace(rules=rules(60, max_per_day=1))) == ()


def test_what_another_workspace_holds_is_in_the_way_and_does_not_count_for_a_link_of_ours() -> None:
    theirs = a_claim("2026-03-02 10:00/11:00")._replace(is_foreign=True)
    inputs = a_question(NINE_TO_ONE, MONDAY, rules=rules(60, max_per_day=1), claims=(theirs,))

    assert _starts(inputs) == "09:00 11:00 12:00"


def test_an_owner_who_only_organises_is_not_looked_at() -> None:
    inputs = a_question(
        NINE_TO_ONE, MONDAY, busy=("2026-03-02 09:00/10:00",), claims=(a_claim("2026-03-02 10:00/11:00"),)
    )
    blind = inputs._replace(calendars=(*(inputs.calendars or ()), FreeBusy("team", unread="notFound")))

    assert _starts(blind._replace(owner_attends=False)) == "09:00 10:00 11:00 12:00"
    assert _codes(blind._replace(owner_attends=False), "2026-03-02 10:00") == []


# --- what is gathered and what is near --------------------------------------------------------------------------------------


def test_calendars_are_asked_about_the_window_widened_by_a_meeting_and_its_buffers() -> None:
    inputs = a_question(NINE_TO_ONE, "2026-03-02 09:00/12:00", rules=rules(60, before=15, after=30))

    assert inputs.busy_window == between("2026-03-02 08:45/13:30")


def test_claims_are_asked_for_in_whole_local_weeks() -> None:
    inputs = a_question(NINE_TO_ONE, "2026-03-04 09:00/12:00")

    assert inputs.claims_window == between("2026-03-02 00:00/2026-03-09 00:00")


def test_a_calendar_not_asked_leaves_the_claims_to_block() -> None:
    inputs = SchedulingInputs(
        NINE_TO_ONE, rules(), between(MONDAY), utc("2026-01-01 00:00"),
        calendars=None, claims=(a_claim("2026-03-02 09:00/10:00"),),
    )  # fmt: skip

    assert clocks(offered(inputs), LONDON) == "10:00 11:00 12:00"
    assert inputs.without("b1").calendars is None


def test_the_nearest_meetings_come_in_order_of_time() -> None:
    inputs = a_question(NINE_TO_ONE, MONDAY, busy=("2026-03-02 11:00/12:00",))

    assert clocks(nearest(offered(inputs), utc("2026-03-02 11:00"), most=2)) == "10:00 12:00"
    assert clocks(nearest(offered(inputs), utc("2026-03-02 10:30"), most=1)) == "10:00"


def test_a_start_is_not_among_the_nearest_to_itself() -> None:
    inputs = a_question(NINE_TO_ONE, MONDAY)

    assert clocks(nearest(offered(inputs), utc("2026-03-02 10:00"), most=2)) == "09:00 11:00"


def test_the_step_is_the_duration_unless_it_is_given() -> None:
    assert (rules(45).stride, rules(45, 15).stride) == (minutes(45), minutes(15))
