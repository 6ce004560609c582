"""events.list: bounds, order, filters, pages and sync tokens."""

from collections.abc import Iterator
from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.simulator.wire import Answer, Browserless

LIST = "calendars/primary/events"


@pytest.fixture
def hours(ana: Browserless) -> list[str]:
    """Three hours of a Wednesday, made in the order b, c, a."""
    for name, hour in (("bbbbb", "10"), ("ccccc", "11"), ("aaaaa", "12")):
        ana.insert(f"2026-11-25T{hour}:00:00Z", f"2026-11-25T{hour}:59:00Z", id=name, summary=f"Hour {hour}")
    return ["aaaaa", "bbbbb", "ccccc"]


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [str(event["id"]) for event in answer.json["items"]]


def pages(ana: Browserless, **query: Any) -> Iterator[dict[str, Any]]:
    """Yield the pages of a list."""
    told = ana.api("GET", LIST, **query).json
    yield told
    while token := told.get("nextPageToken"):
        told = ana.api("GET", LIST, **query, pageToken=token).json
        yield told


def synced(ana: Browserless, **query: Any) -> str:
    return str(list(pages(ana, **query))[-1]["nextSyncToken"])


def test_time_min_bounds_the_end_and_time_max_the_start(ana: Browserless, hours: list[str]) -> None:
    answer = ana.api("GET", LIST, timeMin="2026-11-25T10:30:00Z", timeMax="2026-11-25T11:30:00Z")

    assert ids(answer) == ["bbbbb", "ccccc"]


def test_both_bounds_are_exclusive(ana: Browserless, hours: list[str]) -> None:
    assert ids(ana.api("GET", LIST, timeMin="2026-11-25T11:59:00Z")) == ["aaaaa"]
    assert ids(ana.api("GET", LIST, timeMax="2026-11-25T11:00:00Z")) == ["bbbbb"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"timeMin": "2026-11-25T10:00:00"}, "badRequest"),
        ({"timeMin": "2026-11-25T10:00:00Z", "timeMax": "2026-11-25T10:00:00Z"}, "timeRangeEmpty"),
        ({"orderBy": "startTime"}, "badRequest"),
        ({"orderBy": "colour", "singleEvents": "true"}, "badRequest"),
        ({"singleEvents": "perhaps"}, "invalidParameter"),
        ({"maxResults": "many"}, "invalidParameter"),
        ({"pageToken": "nonsense"}, "invalid"),
        ({"syncToken": "nonsense"}, "invalid"),
        ({"timeZone": "Mars/Base"}, "invalid"),
    ],
)
def test_questions_google_refuses(ana: Browserless, query: dict[str, str], reason: str) -> None:
    answer = ana.api("GET", LIST, None, headers=None, **query)

    assert (answer.status, answer.reason) == (400, reason)


def test_ordering_by_start_needs_single_events(ana: Browserless, hours: list[str]) -> None:
    refused = ana.api("GET", LIST, orderBy="startTime")
    answer = ana.api("GET", LIST, orderBy="startTime", singleEvents="true")

    assert refused.message == "The requested ordering is not available for the particular query."
    assert ids(answer) == ["bbbbb", "ccccc", "aaaaa"]


def test_ordering_by_update_puts_the_last_change_last(
    google: Simulator, ana: Browserless, hours: list[str]
) -> None:
    google.clock.advance(minutes=1)
    ana.api("PATCH", f"{LIST}/bbbbb", {"summary": "Moved"})

    assert ids(ana.api("GET", LIST, orderBy="updated"))[-1] == "bbbbb"


def test_a_series_is_one_event_unless_single_events_are_asked_for(ana: Browserless) -> None:
    ana.insert(
        "2026-11-25", "2026-11-26", id="feast", recurrence=["RRULE:FREQ=DAILY;COUNT=5"], summary="Fast"
    )
    window = {"timeMin": "2026-11-26T00:00:00Z", "timeMax": "2026-11-28T00:00:00Z"}

    assert ids(ana.api("GET", LIST, None, headers=None, **window)) == ["feast"]
    assert ids(ana.api("GET", LIST, None, headers=None, singleEvents="true", **window)) == [
        "feast_20261126",
        "feast_20261127",
    ]
    assert ids(ana.api("GET", LIST, timeMin="2026-12-01T00:00:00Z")) == []


def test_an_endless_series_ends_somewhere_in_a_list_without_bounds(ana: Browserless) -> None:
    ana.insert("2026-11-25", "2026-11-26", id="feast", recurrence=["RRULE:FREQ=WEEKLY"])

    assert 100 < len(ids(ana.api("GET", LIST, singleEvents="true", maxResults=2500))) < 110


def test_deleted_events_are_left_out_unless_asked_for(ana: Browserless, hours: list[str]) -> None:
    ana.api("DELETE", f"{LIST}/bbbbb")

    assert ids(ana.api("GET", LIST)) == ["aaaaa", "ccccc"]
    assert ids(ana.api("GET", LIST, showDeleted="true")) == hours
    assert ids(ana.api("GET", LIST, showDeleted="true", singleEvents="true")) == hours


@pytest.mark.parametrize("kind", ["private", "shared"])
def test_extended_properties_find_events(ana: Browserless, kind: str) -> None:
    ana.insert(
        "2026-11-25", "2026-11-26", id="aaaaa", extendedProperties={kind: {"portalcal": "1", "x": "y"}}
    )
    ana.insert("2026-11-25", "2026-11-26", id="bbbbb", extendedProperties={kind: {"portalcal": "2"}})
    name = f"{kind}ExtendedProperty"

    assert ids(ana.api("GET", LIST, None, headers=None, **{name: "portalcal=1"})) == ["aaaaa"]
    assert ids(ana.api("GET", LIST, None, headers=None, **{name: ["portalcal=1", "x=z"]})) == []


def test_words_find_events_in_titles_places_and_guests(ana: Browserless) -> None:
    ana.insert("2026-11-25", "2026-11-26", id="aaaaa", summary="Quarterly REVIEW", location="Room 12")
    ana.insert(
        "2026-11-25", "2026-11-26", id="bbbbb", attendees=[{"email": "zoe@example.com", "displayName": "Zoë"}]
    )

    assert ids(ana.api("GET", LIST, q="review room")) == ["aaaaa"]
    assert ids(ana.api("GET", LIST, q="zoë")) == ["bbbbb"]


def test_types_and_icaluids_find_events(ana: Browserless) -> None:
    uid = ana.insert("2026-11-25", "2026-11-26", id="aaaaa").json["iCalUID"]
    ana.insert("2026-11-25T10:00:00Z", "2026-11-25T11:00:00Z", id="bbbbb", eventType="outOfOffice")

    assert ids(ana.api("GET", LIST, iCalUID=uid)) == ["aaaaa"]
    assert ids(ana.api("GET", LIST, eventTypes=["outOfOffice", "focusTime"])) == ["bbbbb"]


def test_pages_hold_everything_once(ana: Browserless, hours: list[str]) -> None:
    told = list(pages(ana, maxResults=2))

    assert [len(page["items"]) for page in told] == [2, 1]
    assert [event["id"] for page in told for event in page["items"]] == hours
    assert ["nextSyncToken" in page for page in told] == [False, True]


def test_a_page_token_belongs_to_its_question(google: Simulator, ana: Browserless, hours: list[str]) -> None:
    token = ana.api("GET", LIST, maxResults=1).json["nextPageToken"]
    google.add_calendar("team")

    assert ana.api("GET", "calendars/team/events", maxResults=1, pageToken=token).status == 400


def test_what_is_written_between_two_pages_hides_nothing(ana: Browserless, hours: list[str]) -> None:
    first = ana.api("GET", LIST, maxResults=1).json
    ana.insert("2026-11-25", "2026-11-26", id="aaaa0")
    rest = ana.api("GET", LIST, pageToken=first["nextPageToken"]).json

    assert [event["id"] for event in first["items"] + rest["items"]] == hours
    assert ids(ana.api("GET", LIST, syncToken=rest["nextSyncToken"])) == ["aaaa0"]


def test_a_sync_token_brings_what_changed_and_what_was_deleted(ana: Browserless, hours: list[str]) -> None:
    token = synced(ana)
    ana.api("PATCH", f"{LIST}/aaaaa", {"summary": "New"})
    ana.api("DELETE", f"{LIST}/bbbbb")

    told = ana.api("GET", LIST, syncToken=token).json

    assert [(event["id"], event["status"]) for event in told["items"]] == [
        ("aaaaa", "confirmed"),
        ("bbbbb", "cancelled"),
    ]
    assert set(told["items"][1]) == {"kind", "etag", "id", "status"}
    assert ana.api("GET", LIST, syncToken=told["nextSyncToken"]).json["items"] == []


def test_a_sync_token_remembers_the_window_it_was_given_for(ana: Browserless, hours: list[str]) -> None:
    token = synced(ana, timeMin="2026-11-25T11:30:00Z")
    for name in hours:
        ana.api("PATCH", f"{LIST}/{name}", {"summary": "New"})

    assert ids(ana.api("GET", LIST, syncToken=token)) == ["aaaaa", "ccccc"]


@pytest.mark.parametrize(
    "name", ["iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMin", "timeMax", "updatedMin"]
)  # fmt: skip
def test_some_parameters_cannot_come_with_a_sync_token(ana: Browserless, name: str) -> None:
    answer = ana.api("GET", LIST, None, headers=None, syncToken=synced(ana), **{name: "2026-11-25T11:30:00Z"})

    assert answer.status == 400


def test_hiding_the_deleted_cannot_come_with_a_sync_token(ana: Browserless) -> None:
    assert ana.api("GET", LIST, syncToken=synced(ana), showDeleted="false").status == 400


def test_a_filtered_list_gives_no_sync_token(ana: Browserless, hours: list[str]) -> None:
    assert "nextSyncToken" not in ana.api("GET", LIST, q="hour").json


def test_an_old_sync_token_wants_a_full_sync(google: Simulator, ana: Browserless) -> None:
    token = synced(ana)
    google.clock.advance(days=31)
    ana.token = google.issue_token()

    answer = ana.api("GET", LIST, syncToken=token)

    assert (answer.status, answer.reason) == (410, "fullSyncRequired")


def test_sync_tokens_can_be_made_to_expire_now(google: Simulator, ana: Browserless) -> None:
    token = synced(ana)
    google.expire_sync_tokens()

    assert ana.api("GET", LIST, syncToken=token).status == 410
    assert ana.api("GET", LIST, syncToken=synced(ana)).status == 200


def test_updated_min_brings_changes_and_deletions(
    google: Simulator, ana: Browserless, hours: list[str]
) -> None:
    google.clock.advance(minutes=5)
    ana.api("PATCH", f"{LIST}/aaaaa", {"summary": "New"})
    ana.api("DELETE", f"{LIST}/bbbbb")

    assert ids(ana.api("GET", LIST, updatedMin="2026-11-23T08:01:00Z")) == ["aaaaa", "bbbbb"]


def test_updated_min_cannot_lie_too_far_back(ana: Browserless) -> None:
    answer = ana.api("GET", LIST, updatedMin="2026-10-01T00:00:00Z")

    assert (answer.status, answer.reason) == (410, "updatedMinTooLongAgo")


def test_times_are_shown_in_the_zone_asked_for(ana: Browserless, hours: list[str]) -> None:
    told = ana.api("GET", LIST, timeZone="Asia/Tokyo").json

    assert told["timeZone"] == "Asia/Tokyo"
    assert told["items"][0]["start"]["dateTime"] == "2026-11-25T21:00:00+09:00"


def test_guests_are_trimmed_to_as_many_as_asked_for(ana: Browserless) -> None:
    guests = [{"email": f"g{number}@example.com"} for number in range(3)]
    ana.insert("2026-11-25", "2026-11-26", attendees=[{"email": "ana@example.com"}, *guests])

    event = ana.api("GET", LIST, maxAttendees=2).json["items"][0]

    assert [guest["email"] for guest in event["attendees"]] == ["ana@example.com"]
    assert event["attendeesOmitted"] is True


def test_a_deleted_series_is_told_instance_by_instance(ana: Browserless) -> None:
    ana.insert("2026-11-25", "2026-11-26", id="feast", recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    token = synced(ana, singleEvents="true")
    ana.api("DELETE", f"{LIST}/feast")

    told = ana.api("GET", LIST, singleEvents="true", syncToken=token).json["items"]

    assert [(event["id"], event["status"]) for event in told] == [
        ("feast_20261125", "cancelled"),
        ("feast_20261126", "cancelled"),
    ]
    assert {event["recurringEventId"] for event in told} == {"feast"}
