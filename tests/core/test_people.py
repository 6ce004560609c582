"""Several people, pools and a room: each test of the first part is a fault that other schedulers had."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portalcal.core.assignment import Assign, assign, cheapest, choices, keeping
from portalcal.core.intervals import Interval, Intervals
from portalcal.core.offers import beside, pick
from portalcal.core.participants import OWNER, Participant, Person, Role, Room
from portalcal.core.people import (
    NOT_ASKED,
    Panel,
    PanelInputs,
    Pool,
    members_free,
    panel_offered,
    panel_reasons,
    shortages,
)
from portalcal.core.reason_text import ReasonText
from portalcal.core.schedule import Hours, Period, Schedule
from portalcal.core.slots import Claim, FreeBusy, Reason, ReasonCode, SchedulingInputs, offered, reasons
from portalcal.core.time import wall
from tests import oracle, people_oracle, selection
from tests.core import zones
from tests.core.scheduling_inputs import (
    LONDON,
    LONG_AGO,
    a_claim,
    a_schedule,
    between,
    clocks,
    minutes,
    rules,
    utc,
)

NINE_TO_ONE = a_schedule("09:00-13:00")
MONDAY = "2026-03-02 00:00/2026-03-03 00:00"


def a_person(key: str, **facts: object) -> Person:
    return Person(key, f"{key.title()}@Example.com")._replace(**facts)  # type: ignore[arg-type]


ANA, BEN, ZOE = map(a_person, ("ana", "ben", "zoe"))
OAK, ELM = Room("oak", "oak@r", 4), Room("elm", "elm@r", 8)


def a_panel(
    panel: Panel,
    *,
    busy: Mapping[str, tuple[str, ...]] | None = None,
    held: tuple[Claim, ...] = (),
    window: str = MONDAY,
    schedule: Schedule = NINE_TO_ONE,
    unread: tuple[str, ...] = (),
    **rule: float,
) -> PanelInputs:
    """Everybody's calendar is read; the owner only organises. Keys stand for addresses."""
    inputs = SchedulingInputs(
        schedule,
        rules(**{"duration": 60, **rule}),  # type: ignore[arg-type]
        between(window),
        LONG_AGO,
        claims=held,
        account="owner@example.com",
        owner_attends=False,
    )
    asked = PanelInputs(inputs, panel).asked
    told = tuple(
        FreeBusy(
            each,
            Intervals.of(map(between, (busy or {}).get(each.partition("@")[0], ()))),
            "notFound" if each.partition("@")[0] in unread else None,
        )
        for each in asked
    )
    return PanelInputs(inputs, panel, told)


def held(
    who: str, text: str, *, booking: str = "b1", before: float = 0, after: float = 0, link: str | None = None
) -> Claim:
    meeting = between(text)
    address = who if "@" in who else f"{who}@example.com"
    return Claim(booking, link, meeting, meeting.widened(minutes(before), minutes(after)), address)


def _starts(inputs: PanelInputs) -> str:
    return clocks(tuple(each.meeting for each in panel_offered(inputs)), LONDON)


def _codes(inputs: PanelInputs, start: str) -> list[str]:
    return [each.why.value for each in panel_reasons(inputs, utc(start))]


# --- where others fell -------------------------------------------------------------------------------------------------


def test_a_pool_of_rooms_is_not_offered_an_hour_that_no_single_room_has() -> None:
    inputs = a_panel(
        Panel(required=(ANA,), rooms=(OAK, ELM)),
        busy={"oak": ("2026-03-02 09:00/09:30",), "elm": ("2026-03-02 09:30/10:00",)},
    )

    assert _starts(inputs) == "10:00 11:00 12:00"
    assert _codes(inputs, "2026-03-02 09:00") == ["room-busy", "room-busy"]


def test_free_times_of_a_pool_are_not_merged_into_one_meeting() -> None:
    inputs = a_panel(
        Panel(pools=(Pool("backend", (ANA, BEN)),)),
        busy={"ana": ("2026-03-02 09:30/10:00",), "ben": ("2026-03-02 09:00/09:30",)},
    )

    assert _starts(inputs) == "10:00 11:00 12:00"


def test_nobody_in_common_is_not_nobody_required() -> None:
    inputs = a_panel(
        Panel(required=(ANA, BEN), pools=(Pool("backend", (ZOE,)),)),
        busy={"ana": ("2026-03-02 09:00/11:00",), "ben": ("2026-03-02 11:00/13:00",)},
    )

    assert panel_offered(inputs) == ()


def test_a_panel_that_needs_nobody_is_the_link_alone() -> None:
    assert _starts(a_panel(Panel())) == "09:00 10:00 11:00 12:00"


def test_pools_that_share_people_are_filled_by_different_ones_and_not_greedily() -> None:
    pools = (Pool("senior", (ANA, BEN)), Pool("backend", (ANA,)))

    assert _starts(a_panel(Panel(pools=pools))) == "09:00 10:00 11:00 12:00"
    # Taking Ana for the first pool would leave none for the second.
    both = assign(a_panel(Panel(pools=pools)), utc("2026-03-02 09:00"), starts={})
    assert [(each.key, each.pool) for each in both.participants] == [("ben", "senior"), ("ana", "backend")]


def test_one_person_in_two_pools_is_counted_once() -> None:
    inputs = a_panel(Panel(pools=(Pool("senior", (ANA,)), Pool("backend", (ANA,)))))

    assert panel_offered(inputs) == ()
    assert _codes(inputs, "2026-03-02 09:00") == ["pool-short", "pool-short"]
    assert [each.name for each in shortages(inputs)] == ["senior", "backend"]


def test_a_member_who_is_free_for_part_of_the_meeting_is_not_free() -> None:
    inputs = a_panel(
        Panel(pools=(Pool("backend", (ANA, BEN), 2),)), busy={"ben": ("2026-03-02 10:59/11:30",)}
    )

    assert _starts(inputs) == "09:00 12:00"


def test_a_persons_day_is_that_of_their_own_zone() -> None:
    # 09:00 on Monday in London is 22:00 in Auckland; 11:00 is Tuesday there.
    kiwi = ANA._replace(zone=ZoneInfo("Pacific/Auckland"), max_per_day=1)
    booked = held("ana", "2026-03-02 00:00/01:00")
    inputs = a_panel(Panel(required=(kiwi,)), held=(booked,))

    assert _starts(inputs) == "11:00 12:00"
    assert _codes(inputs, "2026-03-02 09:00") == ["person-day-full"]


def test_a_persons_week_is_an_iso_week_of_their_own_zone() -> None:
    # Sunday evening in London is Monday in Auckland, and so the week of the booking.
    kiwi = ANA._replace(zone=ZoneInfo("Pacific/Auckland"), max_per_week=1)
    inputs = a_panel(
        Panel(required=(kiwi,)),
        held=(held("ana", "2026-03-06 00:00/01:00"),),
        window="2026-03-01 00:00/2026-03-02 00:00",
        schedule=a_schedule("09:00-13:00"),
    )

    assert _starts(inputs) == "09:00 10:00"
    assert _codes(inputs, "2026-03-01 12:00") == ["person-week-full"]


def test_limits_count_meetings_of_every_link_and_offers_until_they_expire() -> None:
    limited = ANA._replace(max_per_day=1)
    offer = held("ana", "2026-03-02 18:00/19:00", link="another")._replace(expires_at=utc("2026-03-01 12:00"))
    inputs = a_panel(Panel(required=(limited,)), held=(offer,))
    late = inputs._replace(inputs=inputs.inputs._replace(now=utc("2026-03-01 12:00")))

    assert _starts(inputs) == ""
    assert _starts(late) == "09:00 10:00 11:00 12:00"


def test_a_move_is_blocked_neither_by_the_limit_it_fills_nor_by_its_own_event() -> None:
    inputs = a_panel(
        Panel(required=(ANA._replace(max_per_day=1), BEN)),
        busy={
            "ana": ("2026-03-02 09:00/10:00",),
            "ben": ("2026-03-02 09:00/10:00", "2026-03-02 12:00/13:00"),
        },
        held=(held("ana", "2026-03-02 09:00/10:00"), held("ben", "2026-03-02 09:00/10:00")),
    )

    assert _starts(inputs) == ""
    assert _starts(inputs.without("b1")) == "09:00 10:00 11:00"


def test_a_moved_booking_leaves_out_the_busy_time_of_its_own_people_alone() -> None:
    inputs = a_panel(
        Panel(required=(ANA, BEN)),
        busy={"ana": ("2026-03-02 09:00/10:00",), "ben": ("2026-03-02 09:00/10:00",)},
        held=(held("ana", "2026-03-02 09:00/10:00"),),
    )

    assert _starts(inputs.without("b1")) == "10:00 11:00 12:00"


def test_a_person_whose_calendar_cannot_be_read_or_was_not_asked_is_not_free() -> None:
    pool = Pool("backend", (ANA, BEN), 2)
    unread = a_panel(Panel(pools=(pool,)), unread=("ben",))
    nobody_asked = a_panel(Panel(pools=(pool,)))._replace(busy=())

    assert _starts(unread) == ""
    assert _codes(unread, "2026-03-02 09:00") == ["person-unreadable", "pool-short"]
    assert _starts(nobody_asked) == ""
    assert [each.unread for each in nobody_asked.unread] == [NOT_ASKED, NOT_ASKED]


def test_a_pool_with_enough_readable_members_is_answered_and_says_who_is_unread() -> None:
    inputs = a_panel(Panel(pools=(Pool("backend", (ANA, BEN)),)), unread=("ben",))

    assert _starts(inputs) == "09:00 10:00 11:00 12:00"
    assert [each.calendar for each in inputs.unread] == ["ben@example.com"]
    assert inputs.needed_but_unread == ()


@pytest.mark.parametrize(
    "panel",
    [
        Panel(required=(BEN,)),
        Panel(pools=(Pool("backend", (ANA, BEN), 2),)),
        Panel(pools=(Pool("one", (ANA, BEN)), Pool("two", (ANA, BEN)))),
    ],
)
def test_an_unread_calendar_without_which_a_place_stays_empty_hinders(panel: Panel) -> None:
    assert "ben@example.com" in [each.calendar for each in a_panel(panel, unread=("ben",)).needed_but_unread]


def test_disconnected_only_hours_claims_and_limits_are_known() -> None:
    inputs = a_panel(Panel(required=(ANA,)), held=(held("ana", "2026-03-02 09:00/10:00"),))._replace(
        busy=None
    )

    assert _starts(inputs) == "10:00 11:00 12:00"
    assert inputs.unread == ()


def test_the_same_member_is_not_chosen_for_two_meetings_at_once() -> None:
    panel = Panel(pools=(Pool("backend", (ANA, BEN)),))
    first = assign(a_panel(panel), utc("2026-03-02 09:00"), starts={})
    claims = tuple(held(each.address, "2026-03-02 09:00/10:00") for each in first.participants)

    second = assign(a_panel(panel, held=claims), utc("2026-03-02 09:00"), starts={})

    assert {each.key for each in first.participants} != {each.key for each in second.participants}


def test_two_meetings_with_nobody_in_common_may_lie_at_one_time() -> None:
    inputs = a_panel(Panel(required=(ANA,)), held=(held("ben", "2026-03-02 09:00/10:00"),))

    assert _starts(inputs) == "09:00 10:00 11:00 12:00"


# --- hours, grid, buffers -------------------------------------------------------------------------------------------------


def test_the_hours_of_a_person_take_starts_away_and_never_move_them() -> None:
    own = ANA._replace(schedule=a_schedule("09:10-12:30"))
    inputs = a_panel(Panel(required=(own,)))

    assert _starts(inputs) == "10:00 11:00"
    assert _codes(inputs, "2026-03-02 12:00") == ["person-closed"]


def test_a_persons_holiday_and_journey_count_as_those_of_any_schedule() -> None:
    away = Period("away", date(2026, 3, 2), date(2026, 3, 2), zone=ZoneInfo("America/New_York"))
    traveller = ANA._replace(schedule=a_schedule("07:00-15:00")._replace(periods=(away,)))
    at_home = BEN._replace(schedule=a_schedule("07:00-15:00", holidays={"2026-03-02": "St. Monday"}))

    assert _starts(a_panel(Panel(required=(traveller,)))) == "12:00"
    assert _starts(a_panel(Panel(required=(at_home,)))) == ""


def test_the_buffers_of_the_link_keep_away_from_what_is_in_somebodys_calendar() -> None:
    panel = Panel(required=(ANA,), rooms=(OAK,))
    busy = {"ana": ("2026-03-02 11:00/11:01",), "oak": ("2026-03-02 09:30/09:31",)}

    assert _starts(a_panel(panel, busy=busy, duration=30, step=30)) == "09:00 10:00 10:30 11:30 12:00 12:30"
    assert (
        _starts(a_panel(panel, busy=busy, duration=30, step=30, before=29))
        == "09:00 10:00 10:30 11:30 12:00 12:30"
    )
    assert _starts(a_panel(panel, busy=busy, duration=30, step=30, before=30)) == "09:00 10:30 12:00 12:30"
    assert _starts(a_panel(panel, busy=busy, duration=30, step=30, after=1)) == "10:00 11:30 12:00 12:30"


def test_buffers_are_the_links_and_add_to_those_of_what_is_held() -> None:
    inputs = a_panel(
        Panel(required=(ANA,)),
        held=(held("ana", "2026-03-02 10:00/10:30", before=10, after=10),),
        duration=30,
        step=10,
        before=10,
        after=10,
    )

    found = _starts(inputs).split()
    assert ("09:10" in found, "09:20" in found, "10:40" in found, "10:50" in found) == (
        True,
        False,
        False,
        True,
    )


# --- who counts ------------------------------------------------------------------------------------------------------------


def test_who_must_come_anyway_fills_no_place_of_a_pool() -> None:
    inputs = a_panel(
        Panel(required=(ANA,), pools=(Pool("backend", (ANA, BEN)),)),
        busy={"ben": ("2026-03-02 09:00/10:00",)},
    )

    assert _starts(inputs) == "10:00 11:00 12:00"


def test_an_attending_owner_counts_once_with_their_own_hours_and_limits() -> None:
    owner = Person("me", "Owner@Example.com", schedule=a_schedule("10:00-13:00"), max_per_day=1)
    base = a_panel(Panel(pools=(Pool("backend", (owner, BEN)),)))
    attending = base._replace(inputs=base.inputs._replace(owner_attends=True))
    full = attending._replace(inputs=attending.inputs._replace(claims=(a_claim("2026-03-02 20:00/21:00"),)))

    assert _starts(attending) == "10:00 11:00 12:00"
    assert _codes(attending, "2026-03-02 09:00") == ["person-closed"]
    assert attending.asked == ("ben@example.com",)
    assert _starts(full) == ""
    assert [(each.key, each.role) for each in panel_offered(attending)[0].people] == [
        ("me", Role.OWNER),
        ("ben", Role.NEED),
    ]


def test_an_owner_who_attends_takes_their_own_calendars_into_account() -> None:
    base = a_panel(Panel(required=(ANA,)))
    taken = FreeBusy("owner@example.com", Intervals.of([between("2026-03-02 09:00/10:00")]))
    inputs = base.inputs._replace(calendars=(taken,))

    assert _starts(base._replace(inputs=inputs)) == "09:00 10:00 11:00 12:00"
    assert _starts(base._replace(inputs=inputs._replace(owner_attends=True))) == "10:00 11:00 12:00"


def test_the_account_as_a_member_of_a_pool_is_not_free_where_the_owner_has_a_meeting() -> None:
    account = Person("me", "Owner@example.com")
    inputs = a_panel(Panel(pools=(Pool("backend", (account,)),)), held=(a_claim("2026-03-02 09:00/10:00"),))

    (chosen,) = assign(inputs, utc("2026-03-02 10:00"), starts={}).participants

    assert _starts(inputs) == "10:00 11:00 12:00"
    assert (chosen.role, chosen.claimant("sales")) == (Role.NEED, "workspace:sales")


def test_an_attending_owner_takes_part_while_disconnected_too() -> None:
    inputs = a_panel(Panel(required=(ANA,)))
    alone = inputs._replace(
        inputs=inputs.inputs._replace(owner_attends=True, account=None, calendars=None), busy=None
    )

    participants = assign(alone, utc("2026-03-02 10:00"), starts={}).participants

    assert [each.claimant("sales") for each in participants] == ["workspace:sales", "ana@example.com"]


def test_optional_people_are_invited_and_never_looked_at() -> None:
    inputs = a_panel(Panel(required=(ANA,), optional=(ZOE, ANA), rooms=(OAK._replace(capacity=2),)))

    (slot, *_) = panel_offered(inputs)
    assert [(each.key, each.role) for each in slot.people] == [
        ("ana", Role.WITH),
        ("zoe", Role.OPTIONAL),
        ("oak", Role.ROOM),
    ]
    assert inputs.asked == ("ana@example.com", "oak@r")


def test_addresses_that_differ_in_case_are_one_person() -> None:
    twice = a_panel(
        Panel(required=(ANA,), pools=(Pool("backend", (Person("a", "ANA@example.COM"), BEN, BEN), 2),))
    )

    assert panel_offered(twice) == ()


def test_a_slot_names_those_who_could_take_it_one_by_one() -> None:
    inputs = a_panel(
        Panel(pools=(Pool("backend", (ANA, BEN, ZOE), 2),), rooms=(OAK, ELM)),
        busy={"zoe": ("2026-03-02 09:00/10:00",), "oak": ("2026-03-02 10:00/11:00",)},
    )

    nine, ten, *_ = panel_offered(inputs)

    assert [each.key for each in nine.people] == ["ana", "ben", "oak", "elm"]
    assert [each.key for each in ten.people] == ["ana", "ben", "zoe", "elm"]
    assert (nine.free_in("backend"), ten.free_in("backend")) == (2, 3)


def test_a_room_has_to_seat_participants_and_guests() -> None:
    panel = Panel(required=(ANA,), pools=(Pool("backend", (BEN, ZOE), 2),), rooms=(OAK,), guests=1)
    inputs = a_panel(panel)

    assert len(panel_offered(inputs)) == 4
    crowded = inputs._replace(panel=panel._replace(guests=2))
    assert panel_reasons(crowded, utc("2026-03-02 09:00")) == (
        Reason(ReasonCode.ROOM_BUSY, room="oak", there=4, wanted=5),
    )


def test_claims_are_asked_for_in_whole_weeks_of_every_zone() -> None:
    far = ANA._replace(zone=ZoneInfo("Pacific/Auckland"))
    window = a_panel(Panel(required=(far,))).claims_window

    assert window.start == utc("2026-03-01 11:00")
    assert window.end == utc("2026-03-09 00:00")


def test_a_forced_question_leaves_hours_and_limits_of_people_aside_but_no_conflict() -> None:
    closed = ANA._replace(schedule=a_schedule(), max_per_day=1)
    inputs = a_panel(
        Panel(required=(closed,), pools=(Pool("backend", (BEN._replace(schedule=a_schedule()),)),)),
        held=(held("ana", "2026-03-02 09:00/10:00"),),
    )

    assert _codes(inputs.forced(), "2026-03-02 09:00") == ["person-booked"]
    assert _codes(inputs.forced(), "2026-03-02 10:00") == []


# --- reasons ---------------------------------------------------------------------------------------------------------------


def test_every_reason_of_people_has_its_sentence() -> None:
    limited = ANA._replace(max_per_day=1, max_per_week=1, schedule=a_schedule("20:00-21:00"))
    offer = held("ana", "2026-03-02 09:30/10:00", booking="o1")._replace(expires_at=utc("2026-03-01 12:00"))
    inputs = a_panel(
        Panel(required=(limited,), pools=(Pool("backend", (BEN, ZOE)),), rooms=(OAK, ELM)),
        busy={
            "ana": ("2026-03-02 09:00/09:15",),
            "ben": ("2026-03-02 09:00/10:00",),
            "oak": ("2026-03-02 09:00/10:00",),
        },
        held=(
            offer,
            held("zoe", "2026-03-02 09:00/10:00"),
            held("elm@r", "2026-03-02 09:00/10:00", booking="b2"),
        ),
        unread=("zoe",),
    )
    start = utc("2026-03-02 09:00")
    text = ReasonText(inputs.inputs, Interval(start, start + minutes(60)), LONDON)

    sentences = {each.why.value: text.sentence(each) for each in panel_reasons(inputs, start)}

    assert sentences == {
        "person-busy": "ben is busy 09:00-10:00",
        "person-booked": "zoe is booked 09:00-10:00 by booking b1",
        "person-closed": "ana has no hours at this time",
        "person-day-full": "ana has no room that day: it has their 1 meeting",
        "person-week-full": "ana has no room that week: it has their 1 meeting",
        "person-unreadable": "unknown whether zoe is free: the calendar cannot be read",
        "pool-short": "nobody of backend can come, and 1 must",
        "room-busy": "elm is taken 09:00-10:00 by booking b2",
    }
    assert {*sentences} == {each.value for each in ReasonCode if each.is_of_people}


def test_our_own_event_in_somebodys_calendar_is_told_as_the_booking() -> None:
    inputs = a_panel(
        Panel(required=(ANA,)),
        busy={"ana": ("2026-03-02 09:00/10:00",)},
        held=(held("ana", "2026-03-02 09:00/10:00"),),
    )

    assert panel_reasons(inputs, utc("2026-03-02 09:00")) == (
        Reason(ReasonCode.PERSON_BOOKED, person="ana", booking="b1", span=between("2026-03-02 09:00/10:00")),
    )


# --- the choice --------------------------------------------------------------------------------------------------------------

POOL = a_panel(Panel(pools=(Pool("backend", (ANA, BEN, ZOE)),)))
NINE = utc("2026-03-02 09:00")


def _days(*offsets: float) -> list[datetime]:
    return [NINE + timedelta(days=each) for each in offsets]


def _chosen(inputs: PanelInputs, rule: Assign = Assign.FAIR, **starts: list[datetime]) -> str:
    own = {f"{key}@example.com": each for key, each in starts.items()}
    return assign(inputs, NINE, starts=own, rule=rule).participants[0].key


def test_the_fair_choice_is_who_has_the_fewest_meetings_within_fifteen_days() -> None:
    assert _chosen(POOL, ana=_days(-1, 1), ben=_days(3), zoe=_days(-1, 2)) == "ben"
    # The fifteenth day before counts, the fifteenth after does not.
    assert _chosen(POOL, ana=_days(-15), ben=_days(15, 16, 17), zoe=_days(1)) == "ben"


def test_among_equals_it_is_whose_last_meeting_is_longest_ago_and_then_the_key() -> None:
    assert _chosen(POOL, ana=_days(-2), ben=_days(-3), zoe=_days(-1)) == "ben"
    assert _chosen(POOL, ana=_days(-20), ben=_days(-30), zoe=_days(-40)) == "zoe"
    assert _chosen(POOL, ana=_days(-20)) == "ben"
    assert _chosen(POOL) == "ana"


def test_the_idle_choice_does_not_count() -> None:
    assert _chosen(POOL, Assign.IDLE, ana=_days(-1), ben=_days(-3, -4, 2), zoe=_days(-2)) == "ben"


def test_shares_go_by_weight_and_by_the_part_of_the_days_since_somebody_came() -> None:
    def inputs(**facts: object) -> PanelInputs:
        return a_panel(Panel(pools=(Pool("backend", (ANA, BEN._replace(**facts))),)))  # type: ignore[arg-type]

    assert _chosen(inputs(weight=0.5), ana=_days(1, 2, 3), ben=_days(1, 2)) == "ana"
    assert _chosen(inputs(weight=2.0), ana=_days(1, 2, 3), ben=_days(1, 2, 3, 4, 5)) == "ben"
    # Ben came on the day: his two meetings are those of half of the days.
    assert _chosen(inputs(since=date(2026, 3, 2)), ana=_days(1, 2, 3), ben=_days(1, 2)) == "ana"
    # What he had before is nobody's business.
    assert _chosen(inputs(since=date(2026, 3, 2)), ana=_days(1, 2), ben=_days(-5, -6, -7)) == "ben"
    assert _chosen(inputs(since=date(2026, 5, 1)), ana=_days(1, 2), ben=[]) == "ana"


def test_the_choice_is_the_same_whatever_order_the_members_stand_in() -> None:
    backwards = a_panel(Panel(pools=(Pool("backend", (ZOE, BEN, ANA)),)))

    assert _chosen(backwards) == _chosen(POOL) == "ana"


def test_pools_that_share_members_are_matched_so_that_ranks_add_up_to_the_least() -> None:
    lee = a_person("lee")
    inputs = a_panel(Panel(pools=(Pool("senior", (ANA, BEN)), Pool("backend", (ANA, lee)))))
    own = {"ben@example.com": _days(1), "lee@example.com": _days(1, 2)}

    both = assign(inputs, NINE, starts=own)

    # Ana comes first in both pools; where she goes, the other pool gets Lee or Ben, of whom Ben has the fewer.
    assert [(each.key, each.pool) for each in both.participants] == [("ben", "senior"), ("ana", "backend")]


def test_among_equal_sums_the_first_pool_has_the_first_choice() -> None:
    inputs = a_panel(Panel(pools=(Pool("senior", (ANA, BEN)), Pool("backend", (ANA, BEN, ZOE)))))
    own = {"ben@example.com": _days(1), "zoe@example.com": _days(1, 2)}

    both = assign(inputs, NINE, starts=own)

    assert [(each.key, each.pool) for each in both.participants] == [("ana", "senior"), ("ben", "backend")]


def test_the_answer_says_who_was_chosen_and_why() -> None:
    inputs = a_panel(
        Panel(required=(ZOE,), pools=(Pool("backend", (ANA, BEN, a_person("lee"))),)),
        busy={"lee": ("2026-03-02 09:00/10:00",)},
    )
    own = {"ana@example.com": _days(-3, 1), "ben@example.com": _days(-2)}

    found = assign(inputs, NINE, starts=own)

    assert found.participants == (
        Participant("zoe", "Zoe@Example.com", Role.WITH),
        Participant(
            "ben", "Ben@Example.com", Role.NEED, "backend", "1 meeting in 30 days, the last on Sat 28 Feb"
        ),
    )
    assert [(each.person.key, each.meetings, each.state) for each in found.choices[0].order] == [
        ("ben", 1, "chosen"),
        ("ana", 2, "free"),
        ("lee", 0, "person-busy"),
    ]
    assert [each.claimant("default") for each in found.participants] == ["zoe@example.com", "ben@example.com"]
    assert [each.state for each in choices(inputs, NINE, starts=own)[0].order] == [
        "free",
        "free",
        "person-busy",
    ]


def test_somebody_asked_for_goes_before_any_rank_or_is_refused() -> None:
    own = {"zoe@example.com": _days(1, 2, 3)}

    assert assign(POOL, NINE, starts=own, wanted=("Zoe@example.com",)).participants[0] == Participant(
        "zoe", "Zoe@Example.com", Role.NEED, "backend", "asked for"
    )
    with pytest.raises(ValueError, match="lee"):
        assign(POOL, NINE, starts={}, wanted=("lee@example.com",))


def test_nobody_is_assigned_where_the_start_is_not_offered() -> None:
    inputs = a_panel(Panel(required=(ANA,)), busy={"ana": ("2026-03-02 09:00/10:00",)})

    with pytest.raises(ValueError, match="not offered"):
        assign(inputs, NINE, starts={})


def test_the_room_is_the_smallest_that_seats_all_then_the_one_with_the_fewest_bookings() -> None:
    ash, fir, any_size = Room("ash", "ash@r", 2), Room("fir", "fir@r", 4), Room("attic", "attic@r")
    inputs = a_panel(Panel(required=(ANA,), rooms=(any_size, ELM, OAK, fir, ash), guests=2))

    def room(**starts: list[datetime]) -> str:
        own = {f"{key}@r": each for key, each in starts.items()}
        return assign(inputs, NINE, starts=own).participants[-1].key

    assert room() == "fir"
    assert room(fir=_days(1)) == "oak"
    assert room(fir=_days(1), oak=_days(-1)) == "fir"
    assert room(fir=_days(20)) == "fir"


def test_a_meeting_that_moves_keeps_its_people_and_its_room() -> None:
    panel = Panel(
        required=(ANA,), pools=(Pool("backend", (BEN, ZOE)),), optional=(a_person("lee"),), rooms=(OAK, ELM)
    )
    first = assign(a_panel(panel), NINE, starts={})

    kept = keeping(panel, first.participants)

    assert kept == Panel(required=(ANA, BEN), optional=(a_person("lee"),), rooms=(OAK,))
    assert _starts(a_panel(kept, busy={"ben": ("2026-03-02 10:00/11:00",)})) == "09:00 11:00 12:00"


# --- offers ------------------------------------------------------------------------------------------------------------------


def test_picks_go_round_the_days_and_alternate_between_halves() -> None:
    inputs = SchedulingInputs(
        a_schedule("10:00-15:00"), rules(60), between("2026-03-02 00:00/2026-03-04 00:00"), LONG_AGO
    )
    meetings = offered(inputs)

    def picked(count: int) -> list[str]:
        return [f"{each.start:%a %H}" for each in pick(meetings, count, zone=LONDON, fits=beside(inputs))]

    assert picked(1) == ["Mon 10"]
    assert picked(2) == ["Mon 10", "Tue 10"]
    assert picked(3) == ["Mon 10", "Mon 12", "Tue 10"]
    assert picked(5) == ["Mon 10", "Mon 11", "Mon 12", "Tue 10", "Tue 12"]
    assert len(picked(99)) == 10


def test_picks_leave_room_for_one_another_by_buffers_and_limits() -> None:
    inputs = SchedulingInputs(
        a_schedule("09:00-12:00"),
        rules(60, 15, after=30, max_per_day=2),
        between("2026-03-02 00:00/2026-03-04 00:00"),
        LONG_AGO,
    )

    found = pick(offered(inputs), 9, zone=LONDON, fits=beside(inputs))

    assert [f"{each.start:%a %H:%M}" for each in found] == [
        "Mon 09:00",
        "Mon 10:30",
        "Tue 09:00",
        "Tue 10:30",
    ]


# --- against the oracle ------------------------------------------------------------------------------------------------------

_KEYS = ("ana", "ben", "zoe", "lee")
_PATIENT = settings(
    max_examples=selection.examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@st.composite
def _worlds(draw: st.DrawFn) -> PanelInputs:
    """A panel on a day on which clocks change somewhere, its people in zones far apart."""
    name = draw(st.sampled_from(("Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")))
    changes = zones.transitions(name)
    day = changes[draw(st.integers(0, len(changes) - 1))].astimezone(ZoneInfo(name)).date()
    zone = ZoneInfo(name)
    origin = wall(day, 0, zone)
    spans = st.builds(
        lambda start, length: Interval(origin + minutes(start), origin + minutes(start + length)),
        st.integers(-60, 1500), st.integers(1, 240),
    )  # fmt: skip
    people = [draw(_people(key, day)) for key in _KEYS]
    rooms = (Room("oak", "oak@r", 3), Room("elm", "elm@r"))[: draw(st.integers(0, 2))]
    addresses = [*(each.address for each in people), *(each.address for each in rooms), "owner@x"]
    account = draw(st.sampled_from([None, "owner@x", people[0].address]))
    claims = []
    for number in range(draw(st.integers(0, 4))):
        meeting, booking = draw(spans), draw(st.sampled_from(["b1", "b2"]))
        expires = draw(st.sampled_from([None, None, origin, origin - minutes(5000)]))
        is_foreign = draw(st.booleans())
        buffered = meeting.widened(minutes(draw(st.sampled_from([0, 30]))), minutes(0))
        who = draw(st.sets(st.sampled_from(addresses), min_size=1, max_size=2))
        claims += [
            Claim(
                f"{booking}{number}",
                None,
                meeting,
                buffered,
                OWNER if each == account else each,
                expires,
                is_foreign,
            )
            for each in sorted(who)
        ]
    busy = [
        FreeBusy(
            each,
            Intervals.of(draw(st.lists(spans, max_size=2))),
            draw(st.sampled_from([None] * 9 + ["notFound"])),
        )
        for each in addresses
    ]
    subsets = st.lists(st.sampled_from(people), min_size=1, max_size=5)
    pools = tuple(
        Pool(f"pool{number}", tuple(members), draw(st.integers(1, 2)))
        for number, members in enumerate(draw(st.lists(subsets, max_size=2)))
    )
    inputs = SchedulingInputs(
        Schedule(zone, ((Hours(9 * 60, 17 * 60),),) * 7),
        rules(
            draw(st.sampled_from([30, 60])),
            before=draw(st.sampled_from([0, 15])),
            after=draw(st.sampled_from([0, 15])),
            max_per_day=draw(st.sampled_from([0, 0, 2])),
        ),
        Interval(origin, origin + minutes(1440)),
        origin - minutes(draw(st.sampled_from([0, 3000]))),
        claims=tuple(claims),
        account=account,
        owner_attends=draw(st.booleans()),
    )
    panel = Panel(
        required=tuple(draw(st.lists(st.sampled_from(people), max_size=1))),
        pools=pools,
        rooms=rooms,
        owner=draw(st.none() | st.just(people[0])) if account == people[0].address else None,
    )
    return PanelInputs(inputs, panel, draw(st.sampled_from([tuple(busy), tuple(busy), None])))


@st.composite
def _people(draw: st.DrawFn, key: str, day: date) -> Person:
    zone = draw(st.sampled_from((None, ZoneInfo("America/New_York"), ZoneInfo("Pacific/Auckland"))))
    schedule = None
    if draw(st.integers(0, 2)) == 0:
        hours = draw(st.sampled_from(((Hours(0, 1440),), (Hours(480, 900),), (Hours(1320, 360),))))
        schedule = Schedule(
            zone or ZoneInfo("Europe/London"),
            (hours,) * 7,
            MappingProxyType(draw(st.dictionaries(st.just(day), st.just(()), max_size=1))),
        )
    return Person(
        key, f"{key}@x", schedule=schedule, zone=zone,
        max_per_day=draw(st.sampled_from([0, 0, 1])), max_per_week=draw(st.sampled_from([0, 0, 2])),
        weight=draw(st.sampled_from([1.0, 0.5])), since=draw(st.sampled_from([None, None, day])),
    )  # fmt: skip


@_PATIENT
@given(_worlds())
def test_people_are_offered_what_the_oracle_offers(world: PanelInputs) -> None:
    assert [each.meeting.start for each in panel_offered(world)] == people_oracle.starts(world)


@_PATIENT
@given(_worlds(), st.integers(0, 95))
def test_there_is_a_reason_exactly_when_people_are_not_offered_a_start(
    world: PanelInputs, quarter: int
) -> None:
    start = world.inputs.window.start + minutes(15 * quarter)

    found = panel_reasons(world, start)

    is_listed = start in [each.meeting.start for each in panel_offered(world.about(start))]
    assert is_listed == (not found)
    assert bool([each for each in found if each.why.is_of_people]) == (
        not people_oracle.can_meet(world, start)
    )
    assert [each for each in found if not each.why.is_of_people] == [
        *reasons(world.about(start).inputs, start)
    ]


@_PATIENT
@given(_worlds(), st.data())
def test_the_choice_is_the_cheapest_of_all_there_are(world: PanelInputs, data: st.DataObject) -> None:
    slots = panel_offered(world)
    if not slots:
        return
    start = data.draw(st.sampled_from(slots)).meeting.start
    days = st.lists(st.integers(-40, 40).map(lambda each: start + timedelta(hours=12 * each)), max_size=3)
    own = {f"{key}@x": data.draw(days) for key in _KEYS}
    rule = data.draw(st.sampled_from(Assign))

    found = assign(world, start, starts=own, rule=rule)

    ours = tuple(
        tuple(
            sorted(
                each.key for each in found.participants if each.pool == pool.name and each.role is Role.NEED
            )
        )
        for pool in world.panel.pools
    )
    assert ours == people_oracle.chosen(world, start, own=own, is_fair=rule is Assign.FAIR)
    able = {each.name: {one.key for one in each.members} for each in members_free(world, start)}
    assert all(set(group) <= able[pool.name] for group, pool in zip(ours, world.panel.pools, strict=True))


@given(st.data())
def test_the_cheapest_matching_is_as_cheap_as_the_best_of_all(data: st.DataObject) -> None:
    from itertools import permutations

    rows, columns = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 5)))
    costs = [[data.draw(st.none() | st.integers(0, 9)) for _ in range(columns)] for _ in range(rows)]
    sums = [
        sum(each for each in chosen if each is not None)
        for way in permutations(range(columns), rows)
        if None not in (chosen := [costs[row][column] for row, column in enumerate(way)])
    ]

    if not sums:
        with pytest.raises(ValueError, match="people"):
            cheapest(costs)
    else:
        found = cheapest(costs)
        assert len(set(found)) == rows
        assert sum(costs[row][column] or 0 for row, column in enumerate(found)) == min(sums)


def test_the_oracle_of_people_reads_minutes() -> None:
    assert oracle.starts(POOL.inputs) == people_oracle.starts(POOL)
