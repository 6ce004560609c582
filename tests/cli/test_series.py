"""An event of ours that its owner made a weekly series is still one meeting: the instance at the booking's time.

What the owner does goes through the simulator's API, as Google's own pages do.
"""

from __future__ import annotations

from typing import Any

import pytest

from portalcal.core.permissions import scopes_to_ask
from portalcal.simulator.google import Simulator
from tests.cli.conftest import Ran, Shell
from tests.simulator.wire import Browserless

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
TEN, ELEVEN = "2026-11-24T10:00:00+00:00", "2026-11-24T11:00:00+00:00"
WEEKLY = ["RRULE:FREQ=WEEKLY"]
OURS, NEXT, LAST = "20261124T100000Z", "20261201T100000Z", "20261208T100000Z"
"""The ends of instance ids: of the booking's instance, and of those one and two weeks later."""


def call(google: Simulator, token: str, method: str, path: str, body: Any = None) -> Any:
    """One call of the Calendar API, which is not counted among ours."""
    with Browserless(google, token) as browserless:
        answer = browserless.api(method, path, body)
    google.forget_requests()
    assert answer.status < 300, answer.body
    return answer.json if answer.body else None


class Owner:
    """Who works with the calendar by hand."""

    def __init__(self, google: Simulator) -> None:
        self._google = google
        self._token = str(google.issue_token(scopes_to_ask()))

    def does(self, method: str, event: str, body: Any = None) -> Any:
        self._google.clock.advance(seconds=60)
        path = f"calendars/primary/events/{event}"
        return call(self._google, self._token, method, path, body)

    def repeats(self, event: str, *rules: str) -> None:
        self.does("PATCH", event, {"recurrence": list(rules or WEEKLY)})

    def drags(self, event: str, start: str, end: str, day: str = "2026-11-24") -> None:
        zone = {"timeZone": "Europe/London"}
        self.does(
            "PATCH",
            event,
            {
                "start": {"dateTime": f"{day}T{start}:00Z", **zone},
                "end": {"dateTime": f"{day}T{end}:00Z", **zone},
            },
        )

    def deletes(self, event: str) -> None:
        self.does("DELETE", event)


@pytest.fixture
def owner(google: Simulator) -> Owner:
    """Ana, in her calendar."""
    return Owner(google)


def booked(shell: Shell) -> tuple[str, str]:
    """A booking and the id of its event."""
    made = shell.json("book", TEN, *SAM).result
    shell.google.clock.advance(seconds=60)
    return made["id"], made["event_id"]


def shown(shell: Shell, identifier: str) -> Any:
    return shell.json("bookings", identifier).result["bookings"][0]


def sync(shell: Shell) -> dict[str, list[str]]:
    """What a sync found, by kind."""
    ran: Ran = shell.json("sync")
    assert ran.exit == 0
    return {name: ids for name, ids in ran.result.items() if isinstance(ids, list) and ids}


def starts(google: Simulator) -> list[str]:
    """When the instances of the next weeks start."""
    token = str(google.issue_token(scopes_to_ask()))
    path = (
        "calendars/primary/events?singleEvents=true&orderBy=startTime"
        "&timeMin=2026-11-23T00:00:00Z&timeMax=2026-12-14T00:00:00Z"
    )
    listed = call(google, token, "GET", path)["items"]
    return [each["start"]["dateTime"].replace("Z", "+00:00")[:16] for each in listed]


@pytest.fixture(params=["never seen", "seen by sync"])
def series(
    request: pytest.FixtureRequest, connected: Shell, google: Simulator, owner: Owner
) -> tuple[str, str]:
    """A booking whose event became a weekly series, which `sync` has seen or not."""
    identifier, event = booked(connected)
    sync(connected)
    owner.repeats(event)
    if request.param == "seen by sync":
        assert "cancelled" not in sync(connected)
        sync(connected)
    return identifier, event


def test_what_was_made_a_series_is_still_the_booking(
    connected: Shell, series: tuple[str, str], google: Simulator
) -> None:
    identifier, _ = series

    assert {"cancelled", "moved", "conflicts"}.isdisjoint(sync(connected))

    assert (shown(connected, identifier)["state"], shown(connected, identifier)["start"]) == (
        "confirmed",
        TEN,
    )
    assert sync(connected) == {}


def test_cancelling_deletes_that_instance_alone(
    connected: Shell, series: tuple[str, str], google: Simulator
) -> None:
    identifier, _ = series

    ran = connected.json("cancel", identifier)

    assert (ran.exit, ran.result["state"], ran.result["already"]) == (0, "cancelled", False)
    assert starts(google) == ["2026-12-01T10:00", "2026-12-08T10:00"]
    assert sync(connected) == {}
    assert starts(google) == ["2026-12-01T10:00", "2026-12-08T10:00"]


def test_moving_moves_that_instance_alone(
    connected: Shell, series: tuple[str, str], google: Simulator
) -> None:
    identifier, _ = series

    ran = connected.json("reschedule", identifier, ELEVEN)

    assert (ran.exit, ran.result["start"]) == (0, ELEVEN)
    assert starts(google) == ["2026-11-24T11:00", "2026-12-01T10:00", "2026-12-08T10:00"]
    assert sync(connected) == {}
    assert connected.json("cancel", identifier).result["state"] == "cancelled"
    assert starts(google) == ["2026-12-01T10:00", "2026-12-08T10:00"]


def test_a_move_whose_reply_was_lost_is_found_on_that_instance(
    connected: Shell, series: tuple[str, str], google: Simulator
) -> None:
    identifier, _ = series
    google.faults.add("events.patch: lost-reply once")
    google.faults.add("events.get: 403-quotaExceeded")
    assert connected.json("reschedule", identifier, ELEVEN).exit == 8
    google.faults.clear()

    sync(connected)

    assert (shown(connected, identifier)["start"], shown(connected, identifier)["moving_to"]) == (
        ELEVEN,
        None,
    )
    assert starts(google) == ["2026-11-24T11:00", "2026-12-01T10:00", "2026-12-08T10:00"]


def test_deleting_this_event_ends_the_booking(
    connected: Shell, series: tuple[str, str], owner: Owner
) -> None:
    identifier, event = series
    owner.deletes(f"{event}_{OURS}")

    assert sync(connected) == {"cancelled": [identifier]}
    assert shown(connected, identifier)["state"] == "cancelled"


def test_dragging_this_event_moves_the_booking(
    connected: Shell, series: tuple[str, str], owner: Owner, google: Simulator
) -> None:
    identifier, event = series
    owner.drags(f"{event}_{OURS}", "11:00", "11:30")

    assert sync(connected)["moved"] == [identifier]

    assert shown(connected, identifier)["start"] == ELEVEN
    owner.deletes(f"{event}_{OURS}")
    assert sync(connected) == {"cancelled": [identifier]}


def test_what_happens_to_another_instance_is_not_about_the_booking(
    connected: Shell, series: tuple[str, str], owner: Owner, google: Simulator
) -> None:
    identifier, event = series
    sync(connected)
    owner.deletes(f"{event}_{NEXT}")
    owner.drags(f"{event}_{LAST}", "15:00", "15:30", day="2026-12-08")

    assert sync(connected) == {}
    assert connected.json("cancel", identifier).exit == 0
    assert starts(google) == ["2026-12-08T15:00"]


def test_dragging_the_whole_series_moves_the_booking(
    connected: Shell, series: tuple[str, str], owner: Owner, google: Simulator
) -> None:
    identifier, event = series
    owner.drags(event, "11:00", "11:30")

    assert sync(connected)["moved"] == [identifier]

    assert shown(connected, identifier)["start"] == ELEVEN
    assert connected.json("cancel", identifier).exit == 0
    assert starts(google) == ["2026-12-01T11:00", "2026-12-08T11:00"]


def test_dragging_the_whole_series_to_an_earlier_time_moves_the_booking(
    connected: Shell, series: tuple[str, str], owner: Owner
) -> None:
    identifier, event = series
    owner.drags(event, "09:00", "09:30")

    assert sync(connected)["moved"] == [identifier]


def test_deleting_the_whole_series_ends_the_booking(
    connected: Shell, series: tuple[str, str], owner: Owner
) -> None:
    identifier, event = series
    owner.deletes(event)

    assert sync(connected) == {"cancelled": [identifier]}
    assert connected.json("cancel", identifier).result["already"] is True


def test_a_whole_series_that_is_gone_is_nothing_to_cancel(
    connected: Shell, series: tuple[str, str], owner: Owner, google: Simulator
) -> None:
    identifier, event = series
    owner.deletes(event)

    ran = connected.json("cancel", identifier)

    assert (ran.exit, ran.result["already"], ran.result["notified"]) == (0, True, None)


def test_a_series_that_ends_after_our_instance_keeps_the_booking(
    connected: Shell, series: tuple[str, str], owner: Owner
) -> None:
    identifier, event = series
    owner.repeats(event, "RRULE:FREQ=WEEKLY;UNTIL=20261130T000000Z")

    assert {"cancelled", "moved"}.isdisjoint(sync(connected))
    assert shown(connected, identifier)["state"] == "confirmed"


@pytest.mark.parametrize("was_dragged", [False, True])
def test_a_series_that_no_longer_reaches_our_instance_ends_the_booking(
    connected: Shell, google: Simulator, owner: Owner, was_dragged: bool
) -> None:
    """The booking was made the third instance: its owner let the series begin two days before it."""
    identifier, event = booked(connected)
    sync(connected)
    zone = {"timeZone": "Europe/London"}
    first = {
        "start": {"dateTime": "2026-11-23T10:00:00Z", **zone},
        "end": {"dateTime": "2026-11-23T10:30:00Z", **zone},
    }
    owner.does("PATCH", event, {**first, "recurrence": ["RRULE:FREQ=DAILY"]})
    assert "cancelled" not in sync(connected)
    assert shown(connected, identifier)["start"] == TEN
    if was_dragged:
        owner.drags(f"{event}_{OURS}", "11:00", "11:30")
        assert sync(connected)["moved"] == [identifier]

    owner.repeats(event, "RRULE:FREQ=DAILY;UNTIL=20261123T235959Z")

    assert sync(connected) == {"cancelled": [identifier]}


def test_a_series_that_repeats_no_more_is_the_booking_again(
    connected: Shell, series: tuple[str, str], owner: Owner, google: Simulator
) -> None:
    identifier, event = series
    owner.does("PATCH", event, {"recurrence": None})

    assert {"cancelled", "moved"}.isdisjoint(sync(connected))
    assert shown(connected, identifier)["event_id"] == event
    assert connected.json("cancel", identifier).result["already"] is False
    assert starts(google) == []


def test_a_series_on_another_calendar_is_found_there(
    connected: Shell, series: tuple[str, str], google: Simulator, owner: Owner
) -> None:
    google.add_calendar("second@example.com", summary="Second")
    identifier, event = series
    master = next(each for each in google.events() if each["id"] == event)
    google.model.put(google.calendar("second@example.com"), master)
    google.model.put(google.calendar("primary"), master | {"status": "cancelled"})
    google.clock.advance(seconds=60)

    assert "cancelled" not in sync(connected)

    assert shown(connected, identifier)["calendar"] == "second@example.com"
    assert connected.json("cancel", identifier).result["state"] == "cancelled"
    kept = google.events("second@example.com")
    assert [each["id"] for each in kept] == [event]


def test_changes_of_an_event_that_is_no_series_cost_two_more_requests(
    connected: Shell, google: Simulator, owner: Owner
) -> None:
    identifier, event = booked(connected)
    owner.does("PATCH", event, {"summary": "Other words"})

    assert connected.json("cancel", identifier).result["state"] == "cancelled"

    assert [each.operation for each in google.requests] == ["events.delete", "events.get", "events.delete"]
