"""Free/busy: https://developers.google.com/calendar/api/v3/reference/freebusy/query."""

from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.contract.google.service import DAY, END, START, Service

fact = pytest.mark.fact
DISCOVERY = "discovery document, freebusy.query"
WINDOW = {"timeMin": f"{DAY}T00:00:00Z", "timeMax": f"{DAY}T23:00:00Z"}


def ask(google: Service, *names: str, **body: Any) -> Any:
    return google.call("POST", "freeBusy", WINDOW | {"items": [{"id": name} for name in names]} | body)


@fact("confirmed", DISCOVERY)
def test_the_answer_has_its_kind_its_window_and_half_open_spans(google: Service) -> None:
    google.insert()

    told = ask(google, google.calendar).json

    assert told["kind"] == "calendar#freeBusy"
    assert {"timeMin", "timeMax"} <= set(told)
    assert {"start": START, "end": END} in told["calendars"][google.calendar]["busy"]


@fact("confirmed", DISCOVERY)
def test_the_zone_of_the_answer_is_utc_unless_asked_otherwise(google: Service) -> None:
    google.insert()

    told = ask(google, google.calendar, timeZone="Asia/Tokyo").json["calendars"][google.calendar]["busy"]

    assert google.busy()[0]["start"].endswith("Z")
    assert told[0]["start"].endswith("+09:00")


@fact("secondary", "reports of clients that ask for `primary`")
def test_a_calendar_is_keyed_by_the_id_as_requested(google: Service) -> None:
    assert list(ask(google, "primary").json["calendars"]) == ["primary"]


@fact("confirmed", DISCOVERY)
def test_an_unknown_calendar_is_an_error_inside_a_200(google: Service) -> None:
    answer = ask(google, "nobody@portalcal.invalid")

    assert answer.status == 200
    told = answer.json["calendars"]["nobody@portalcal.invalid"]
    assert told["errors"] == [{"domain": "global", "reason": "notFound"}]
    assert told["busy"] == []


@fact("unconfirmed", "discovery document names the reason; whether it is a 400 or inside a 200 is not said")
def test_more_than_fifty_calendars_are_too_many(google: Service) -> None:
    answer = ask(google, *(f"n{number}@portalcal.invalid" for number in range(51)))

    if answer.status == 200:
        reasons = {error["reason"] for one in answer.json["calendars"].values() for error in one["errors"]}
        assert "tooManyCalendarsRequested" in reasons
    else:
        assert answer.status == 400


@fact("secondary", "calcom/cal.com#11704: refused past about three months; 30 days are safe")
def test_a_very_long_window_is_too_long(google: Service) -> None:
    answer = ask(google, google.calendar, timeMin="2027-01-01T00:00:00Z", timeMax="2028-06-01T00:00:00Z")

    assert answer.error == (400, "timeRangeTooLong")


@fact("secondary", "calcom/cal.com#11704")
def test_thirty_days_are_fine(google: Service) -> None:
    answer = ask(google, google.calendar, timeMin="2027-01-01T00:00:00Z", timeMax="2027-01-31T00:00:00Z")

    assert answer.status == 200


@fact("secondary", "developers' reports: 400 timeRangeEmpty")
def test_an_empty_window_is_refused(google: Service) -> None:
    answer = ask(google, google.calendar, timeMin=WINDOW["timeMax"], timeMax=WINDOW["timeMin"])

    assert answer.error == (400, "timeRangeEmpty")


@fact("secondary", "aaronsb/google-workspace-mcp#98")
def test_a_window_without_a_start_is_refused(google: Service) -> None:
    answer = google.call("POST", "freeBusy", {"timeMax": WINDOW["timeMax"], "items": [{"id": "primary"}]})

    assert answer.error == (400, "required")
    assert answer.message == "Missing timeMin parameter."


@fact("confirmed", "discovery document, Event.transparency")
def test_a_transparent_event_takes_no_time(google: Service) -> None:
    google.insert(transparency="transparent")

    assert google.busy() == []


@fact("secondary", "derekantrican/GAS-ICS-Sync#384")
def test_a_tentative_event_takes_time(google: Service) -> None:
    google.insert(status="tentative")

    assert len(google.busy()) == 1


@fact("confirmed", "discovery document, Event.status")
def test_a_cancelled_event_takes_no_time(google: Service) -> None:
    event_id = google.insert().json["id"]
    google.call("DELETE", f"{google.events}/{event_id}")

    assert google.busy() == []


@fact("confirmed", "discovery document, Event.transparency: opaque is the default")
def test_an_all_day_event_made_through_the_api_takes_its_day(google: Service) -> None:
    google.insert(start={"date": DAY}, end={"date": "2027-02-04"})

    assert len(google.busy()) == 1


@fact("confirmed", "developers.google.com/calendar/api/guides/calendar-status")
def test_focus_time_and_out_of_office_take_time(simulator: Simulator, google: Service) -> None:
    google.insert(eventType="focusTime")
    google.insert(eventType="outOfOffice", start={"dateTime": END}, end={"dateTime": f"{DAY}T11:00:00Z"})

    assert google.busy() == [{"start": START, "end": f"{DAY}T11:00:00Z"}]


@fact("confirmed", "developers.google.com/calendar/api/guides/calendar-status")
def test_a_working_location_takes_no_time(simulator: Simulator, google: Service) -> None:
    google.insert(eventType="workingLocation", transparency="transparent")

    assert google.busy() == []


@fact("unconfirmed", "no page of Google's says so")
def test_a_birthday_takes_no_time(simulator: Simulator, google: Service) -> None:
    simulator.add_event("primary", DAY, "2027-02-04", eventType="birthday")

    assert google.busy() == []


@fact("unconfirmed", "secondary reports only")
@pytest.mark.parametrize(
    ("response", "spans"), [("declined", 0), ("needsAction", 1), ("tentative", 1), ("accepted", 1)]
)
def test_my_own_refusal_frees_my_time(
    simulator: Simulator, google: Service, response: str, spans: int
) -> None:
    google.insert(attendees=[{"email": "ana@example.com", "responseStatus": response}])

    assert len(google.busy()) == spans


@fact("unconfirmed", "clients must merge for themselves")
def test_overlapping_spans_are_merged(google: Service) -> None:
    google.insert()
    google.insert(start={"dateTime": f"{DAY}T10:15:00Z"}, end={"dateTime": f"{DAY}T11:00:00Z"})

    assert google.busy() == [{"start": START, "end": f"{DAY}T11:00:00Z"}]


@fact("unconfirmed", "clients must clip for themselves")
def test_spans_are_clipped_to_the_window(google: Service) -> None:
    google.insert()

    assert google.busy(high=f"{DAY}T10:10:00Z") == [{"start": START, "end": f"{DAY}T10:10:00Z"}]


@fact("confirmed", "discovery document: groupTooBig, groupExpansionMax")
def test_a_group_expands_into_its_members(simulator: Simulator, google: Service) -> None:
    simulator.model.groups["sales@example.com"] = ["ana@example.com", "ben@example.com"]

    assert ask(google, "sales@example.com").json["groups"]["sales@example.com"]["calendars"] == [
        "ana@example.com",
        "ben@example.com",
    ]
    small = ask(google, "sales@example.com", groupExpansionMax=1).json["groups"]["sales@example.com"]
    assert small["errors"][0]["reason"] == "groupTooBig"
