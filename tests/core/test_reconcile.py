"""What the calendar says about a booking, taken over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from portalcal.core.booking import Booking, State
from portalcal.core.reconcile import Change, EventSnapshot, changes, merge_event
from tests.builders import a_booking, at, span

TOLD = replace(a_booking("09:00-09:30", state=State.CONFIRMED), event_id="pc1", etag='"1"')


def seen(**facts: Any) -> EventSnapshot:
    """The event exactly as the booking has it, but for `facts`."""
    request = TOLD.request
    same = EventSnapshot(TOLD.calendar or "", "pc1", TOLD.meeting, request.title, request.location, (), '"1"')
    return same._replace(**facts)


def after(sighting: EventSnapshot | None) -> Booking:
    return merge_event(TOLD, sighting, now=at("12:00"))


def test_an_event_as_it_was_changes_nothing() -> None:
    assert after(seen()) == TOLD


def test_a_new_version_alone_is_kept_and_is_no_change() -> None:
    told = after(seen(etag='"2"'))

    assert (told.etag, told.updated_at) == ('"2"', TOLD.updated_at)
    assert changes(TOLD, told) == frozenset()


def test_a_deleted_event_ends_the_booking() -> None:
    told = after(None)

    assert (told.state, told.ended_by, told.updated_at) == (State.CANCELLED, "calendar", at("12:00"))
    assert changes(TOLD, told) == {Change.CANCELLED}


@pytest.mark.parametrize(
    ("facts", "change"),
    [
        ({"span": span("11:00-11:30")}, Change.MOVED),
        ({"span": span("09:00-10:00")}, Change.MOVED),
        ({"title": "Another"}, Change.UPDATED),
        ({"location": "Room 9"}, Change.UPDATED),
        ({"calendar": "b@example.com"}, Change.UPDATED),
        ({"meet_url": "https://meet.google.com/xyz"}, Change.UPDATED),
    ],
)
def test_every_difference_has_its_kind(facts: dict[str, object], change: Change) -> None:
    told = after(seen(**facts))

    assert changes(TOLD, told) == {change}
    assert told.updated_at == at("12:00")


def test_who_declines_is_noted_and_who_thinks_better_of_it_too() -> None:
    declined = after(seen(declined=("ana@example.com",)))
    back = merge_event(declined, seen(), now=at("13:00"))

    assert changes(TOLD, declined) == {Change.DECLINED, Change.UPDATED}
    assert changes(declined, back) == {Change.UPDATED}
    assert back.declined == ()


def test_what_was_first_asked_for_is_remembered() -> None:
    assert after(seen(span=span("11:00-11:30"), title="Another")).first_request == TOLD.request
    assert after(seen(etag='"2"')).original_request is None


def test_an_event_without_a_length_does_not_move_its_booking() -> None:
    assert after(seen(span=None)).meeting == TOLD.meeting
