from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portalcal.core.intervals import NOTHING, Interval, Intervals
from tests.core.scheduling_inputs import between, minutes, utc

_ORIGIN = datetime(2026, 3, 2, tzinfo=UTC)
_REACH = 60

_SPANS = st.builds(
    lambda start, length: Interval(_ORIGIN + minutes(start), _ORIGIN + minutes(start + length)),
    st.integers(0, _REACH),
    st.integers(1, 12),
)
_LISTS = st.lists(_SPANS, max_size=12)
_SETS = _LISTS.map(Intervals.of)


def _members(spans: Intervals) -> set[int]:
    """The minutes in a set, found one by one."""
    return {n for n in range(-5, _REACH + 20) if any(s.start <= _ORIGIN + minutes(n) < s.end for s in spans)}


def _is_tidy(spans: Intervals) -> bool:
    return all(one.end < other.start for one, other in zip(spans.spans, spans.spans[1:], strict=False))


def test_an_interval_that_would_be_empty_is_refused() -> None:
    with pytest.raises(ValueError, match="must end after it starts"):
        Interval(_ORIGIN, _ORIGIN)


def test_touching_is_not_overlapping_on_either_side() -> None:
    early, late = between("2026-03-02 09:00/10:00"), between("2026-03-02 10:00/11:00")

    assert (early.overlaps(late), late.overlaps(early)) == (False, False)


def test_a_set_contains_the_start_of_a_span_and_not_its_end() -> None:
    spans = Intervals.of([between("2026-03-02 09:00/10:00")])

    assert (utc("2026-03-02 09:00") in spans, utc("2026-03-02 10:00") in spans) == (True, False)


def test_touching_spans_become_one() -> None:
    united = Intervals.of([between("2026-03-02 10:00/11:00"), between("2026-03-02 09:00/10:00")])

    assert list(united) == [between("2026-03-02 09:00/11:00")]


def test_an_interval_contains_its_start_and_not_its_end() -> None:
    span = between("2026-03-02 09:00/10:00")

    assert (span.start in span, span.end in span) == (True, False)


def test_widening_adds_room_on_both_sides() -> None:
    span = between("2026-03-02 09:00/10:00").widened(minutes(15), minutes(30))

    assert span == between("2026-03-02 08:45/10:30")


def test_the_member_around_an_instant_is_found_at_its_start_and_not_at_its_end() -> None:
    spans = Intervals.of([between("2026-03-02 09:00/10:00")])

    assert spans.around(utc("2026-03-02 09:00")) == between("2026-03-02 09:00/10:00")
    assert spans.around(utc("2026-03-02 10:00")) is None


def test_nothing_is_false_and_empty() -> None:
    assert (bool(NOTHING), len(NOTHING)) == (False, 0)


@given(_LISTS)
def test_a_set_is_sorted_disjoint_and_holds_what_its_spans_held(spans: list[Interval]) -> None:
    united = Intervals.of(spans)

    assert _is_tidy(united)
    assert _members(united) == _members(Intervals(tuple(spans)))


@given(_SETS, _SETS)
def test_union_difference_and_intersection_are_those_of_sets(one: Intervals, other: Intervals) -> None:
    mine, theirs = _members(one), _members(other)

    assert _members(one | other) == mine | theirs
    assert _members(one & other) == mine & theirs
    assert _members(one - other) == mine - theirs


@given(_SETS, _SETS)
def test_every_operation_leaves_a_tidy_set(one: Intervals, other: Intervals) -> None:
    assert all(_is_tidy(each) for each in (one | other, one & other, one - other))


@given(_SETS, _SETS)
def test_cutting_and_keeping_make_up_the_whole(one: Intervals, other: Intervals) -> None:
    assert (one - other) | (one & other) == one


@given(_SETS, _SPANS)
def test_meeting_a_span_means_sharing_an_instant_with_it(spans: Intervals, span: Interval) -> None:
    assert spans.meeting(span) == tuple(each for each in spans if each.overlaps(span))


@given(_SETS, st.integers(-5, _REACH + 20))
def test_containing_and_around_agree(spans: Intervals, minute: int) -> None:
    instant = _ORIGIN + timedelta(minutes=minute)

    assert (instant in spans) == (spans.around(instant) is not None) == (minute in _members(spans))
