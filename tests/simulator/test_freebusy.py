"""Which events make somebody busy, and how freebusy.query says so."""

import pytest

from portalcal.simulator.google import Simulator
from tests.simulator.wire import Browserless

MONDAY = ("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z")


def test_busy_spans_are_sorted_merged_and_clipped_to_the_window(ana: Browserless) -> None:
    ana.insert("2026-11-23T15:00:00Z", "2026-11-23T16:00:00Z")
    ana.insert("2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z")
    ana.insert("2026-11-23T09:30:00Z", "2026-11-23T11:00:00Z")
    ana.insert("2026-11-23T11:00:00Z", "2026-11-23T12:00:00Z")
    ana.insert("2026-11-22T23:00:00Z", "2026-11-23T01:00:00Z")

    assert ana.busy("2026-11-23T00:00:00Z", "2026-11-23T15:30:00Z") == [
        ("2026-11-23T00:00:00Z", "2026-11-23T01:00:00Z"),
        ("2026-11-23T09:00:00Z", "2026-11-23T12:00:00Z"),
        ("2026-11-23T15:00:00Z", "2026-11-23T15:30:00Z"),
    ]


@pytest.mark.parametrize(
    ("fields", "busy"),
    [
        ({}, True),
        ({"transparency": "opaque"}, True),
        ({"transparency": "transparent"}, False),
        ({"status": "tentative"}, True),
        ({"visibility": "private"}, True),
        ({"eventType": "focusTime"}, True),
        ({"eventType": "outOfOffice"}, True),
        ({"eventType": "workingLocation", "transparency": "transparent"}, False),
    ],
)
def test_transparency_status_and_type_decide(ana: Browserless, fields: dict[str, str], busy: bool) -> None:
    answer = ana.insert("2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z", **fields)

    assert answer.status == 200, answer.body
    assert bool(ana.busy(*MONDAY)) is busy


@pytest.mark.parametrize(
    ("response", "busy"),
    [("declined", False), ("needsAction", True), ("tentative", True), ("accepted", True)],
)
def test_an_event_i_declined_leaves_me_free(ana: Browserless, response: str, busy: bool) -> None:
    me = {"email": "ana@example.com", "responseStatus": response}
    ana.insert("2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z", attendees=[me, {"email": "ben@example.com"}])

    assert bool(ana.busy(*MONDAY)) is busy


def test_what_somebody_else_declined_still_takes_my_time(ana: Browserless) -> None:
    guest = {"email": "ben@example.com", "responseStatus": "declined"}
    ana.insert("2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z", attendees=[guest])

    assert ana.busy(*MONDAY)


def test_a_birthday_is_free(google: Simulator, ana: Browserless) -> None:
    google.add_event("primary", "2026-11-23", "2026-11-24", "Ben", eventType="birthday")

    assert ana.busy(*MONDAY) == []


def test_a_deleted_event_is_free(ana: Browserless) -> None:
    event_id = ana.insert("2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z").json["id"]
    ana.api("DELETE", f"calendars/primary/events/{event_id}")

    assert ana.busy(*MONDAY) == []


def test_an_all_day_event_is_a_day_of_its_calendar_s_zone(google: Simulator, ana: Browserless) -> None:
    google.add_calendar("tokyo", timezone="Asia/Tokyo")
    google.add_event("tokyo", "2026-11-25", "2026-11-26", "Holiday")

    assert ana.busy("2026-11-20T00:00:00Z", "2026-11-30T00:00:00Z", "tokyo") == [
        ("2026-11-24T15:00:00Z", "2026-11-25T15:00:00Z")
    ]


def test_a_day_that_changes_its_clock_has_twenty_five_hours(ana: Browserless) -> None:
    ana.insert("2026-10-25", "2026-10-26")

    assert ana.busy("2026-10-20T00:00:00Z", "2026-10-30T00:00:00Z") == [
        ("2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z")
    ]


def test_an_event_of_no_length_takes_no_time(google: Simulator, ana: Browserless) -> None:
    google.add_event("primary", "2026-11-23T09:00:00Z", "2026-11-23T09:00:00Z")

    assert ana.busy(*MONDAY) == []


def test_the_answer_is_in_the_zone_asked_for_and_in_utc_by_default(ana: Browserless) -> None:
    ana.insert("2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z")

    answer = ana.freebusy(*MONDAY, timeZone="America/New_York")

    assert answer.json["calendars"]["primary"]["busy"] == [
        {"start": "2026-11-23T04:00:00-05:00", "end": "2026-11-23T05:00:00-05:00"}
    ]
    assert ana.freebusy(*MONDAY, timeZone="Mars/Base").status == 400


def test_calendars_are_keyed_by_the_id_as_it_was_asked_for(ana: Browserless) -> None:
    answer = ana.freebusy(*MONDAY, "primary", "ana@example.com", "nobody@example.com")

    assert answer.status == 200
    assert list(answer.json["calendars"]) == ["primary", "ana@example.com", "nobody@example.com"]
    assert answer.json["calendars"]["nobody@example.com"] == {
        "busy": [],
        "errors": [{"domain": "global", "reason": "notFound"}],
    }


def test_a_calendar_that_is_not_shared_is_not_found(google: Simulator, ana: Browserless) -> None:
    google.add_calendar("secret", role=None, owner="boss@example.com")

    assert ana.freebusy(*MONDAY, "secret").json["calendars"]["secret"]["errors"][0]["reason"] == "notFound"


@pytest.mark.parametrize("role", ["freeBusyReader", "reader", "writer", "owner"])
def test_every_role_may_see_free_and_busy(google: Simulator, ana: Browserless, role: str) -> None:
    google.add_calendar("team", role=role)
    google.add_event("team", "2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z")

    assert len(ana.busy(*MONDAY, "team")) == 1


def test_a_calendar_can_fail_by_itself(google: Simulator, ana: Browserless) -> None:
    google.add_calendar("team")
    google.model.unreadable["team"] = "internalError"

    told = ana.freebusy(*MONDAY, "primary", "team").json["calendars"]

    assert "errors" not in told["primary"]
    assert told["team"] == {"busy": [], "errors": [{"domain": "global", "reason": "internalError"}]}


def test_more_than_fifty_calendars_are_too_many(ana: Browserless) -> None:
    names = [f"c{number}@example.com" for number in range(51)]

    answer = ana.freebusy(*MONDAY, *names)

    assert answer.status == 200
    assert {one["errors"][0]["reason"] for one in answer.json["calendars"].values()} == {
        "tooManyCalendarsRequested"
    }
    assert not any(one["busy"] for one in answer.json["calendars"].values())


def test_fewer_calendars_can_be_made_too_many(ana: Browserless) -> None:
    told = ana.freebusy(*MONDAY, "primary", "other", calendarExpansionMax=1).json["calendars"]

    assert told["primary"]["errors"][0]["reason"] == "tooManyCalendarsRequested"


def test_a_group_stands_for_its_members(google: Simulator, ana: Browserless) -> None:
    google.model.groups["sales@example.com"] = ["ana@example.com", "ben@example.com"]

    told = ana.freebusy(*MONDAY, "sales@example.com").json

    assert told["groups"] == {"sales@example.com": {"calendars": ["ana@example.com", "ben@example.com"]}}
    assert set(told["calendars"]) == {"ana@example.com", "ben@example.com"}
    small = ana.freebusy(*MONDAY, "sales@example.com", groupExpansionMax=1).json
    assert small["groups"]["sales@example.com"]["errors"][0]["reason"] == "groupTooBig"


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        ({"timeMax": MONDAY[1]}, "required", "Missing timeMin parameter."),
        ({"timeMin": MONDAY[0]}, "required", "Missing timeMax parameter."),
        (
            {"timeMin": MONDAY[1], "timeMax": MONDAY[0]},
            "timeRangeEmpty",
            "The specified time range is empty.",
        ),
        (
            {"timeMin": MONDAY[0], "timeMax": MONDAY[0]},
            "timeRangeEmpty",
            "The specified time range is empty.",
        ),
        (
            {"timeMin": "2026-01-01T00:00:00Z", "timeMax": "2026-04-01T00:00:01Z"},
            "timeRangeTooLong",
            "The requested time range is too long.",
        ),
        ({"timeMin": "2026-11-23T00:00:00", "timeMax": MONDAY[1]}, "badRequest", "Bad Request"),
        ({"timeMin": "monday", "timeMax": MONDAY[1]}, "badRequest", "Bad Request"),
    ],
)
def test_a_window_google_refuses(ana: Browserless, body: dict[str, str], reason: str, message: str) -> None:
    answer = ana.api("POST", "freeBusy", body | {"items": [{"id": "primary"}]})

    assert (answer.status, answer.reason, answer.message) == (400, reason, message)


def test_ninety_days_are_not_too_long(ana: Browserless) -> None:
    assert ana.freebusy("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z").status == 200
