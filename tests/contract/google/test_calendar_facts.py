"""Scopes, calendars, settings, and the two shapes of error.

https://developers.google.com/calendar/api/v3/reference and https://developers.google.com/calendar/api/guides/errors.
"""

from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.contract.google.service import DAY, END, START, Service
from tests.simulator.discovery import document

fact = pytest.mark.fact
LIST = "discovery document, calendarList.list"
ERRORS = "developers.google.com/calendar/api/guides/errors"
# What the simulator does, and how to ask for it.
CALLS: dict[str, tuple[str, str, Any]] = {
    "calendarList.list": ("GET", "users/me/calendarList", None),
    "calendarList.get": ("GET", "users/me/calendarList/primary", None),
    "calendars.get": ("GET", "calendars/primary", None),
    "settings.list": ("GET", "users/me/settings", None),
    "settings.get": ("GET", "users/me/settings/timezone", None),
    "freebusy.query": ("POST", "freeBusy", {"timeMin": START, "timeMax": END, "items": []}),
    "events.list": ("GET", "calendars/primary/events", None),
    "events.get": ("GET", "calendars/primary/events/never", None),
    "events.instances": ("GET", "calendars/primary/events/never/instances", None),
    "events.insert": (
        "POST",
        "calendars/primary/events",
        {"start": {"date": DAY}, "end": {"date": "2027-02-04"}},
    ),
    "events.patch": ("PATCH", "calendars/primary/events/never", {}),
    "events.update": ("PUT", "calendars/primary/events/never", {}),
    "events.delete": ("DELETE", "calendars/primary/events/never", None),
    "events.move": ("POST", "calendars/primary/events/never/move?destination=primary", None),
    "events.quickAdd": ("POST", "calendars/primary/events/quickAdd?text=Lunch", None),
}


def accepted(operation: str) -> set[str]:
    resource, name = operation.split(".")
    scopes: list[str] = document()["resources"][resource]["methods"][name]["scopes"]
    return {scope.rpartition("/")[2] for scope in scopes}


def every_scope() -> list[str]:
    return sorted(scope.rpartition("/")[2] for scope in document()["auth"]["oauth2"]["scopes"])


@fact("confirmed", "discovery document, scopes per method")
@pytest.mark.parametrize("operation", list(CALLS))
def test_each_method_accepts_its_scopes_and_no_other(
    simulator: Simulator, google: Service, operation: str
) -> None:
    method, path, body = CALLS[operation]
    let_in = set()

    for scope in every_scope():
        google.token = simulator.issue_token([scope])
        answer = google.call(method, path, body)
        if answer.status != 403:
            let_in.add(scope)

    # Narrow scopes pass the method and stop at the calendar: this one was not made by the app, and is not public.
    narrow = {"calendar.app.created", "calendar.events.public.readonly"}
    assert let_in - narrow == accepted(operation) - narrow


@fact("secondary", "seen live by others")
def test_a_token_without_the_scope_is_refused_by_the_front_end(simulator: Simulator, google: Service) -> None:
    google.token = simulator.issue_token(["calendar.events"])

    error = google.call(*CALLS["freebusy.query"]).json["error"]

    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert error["message"] == "Request had insufficient authentication scopes."
    assert error["errors"] == [
        {"message": "Insufficient Permission", "domain": "global", "reason": "insufficientPermissions"}
    ]
    assert error["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert error["details"][0]["metadata"]["method"] == "calendar.v3.Freebusy.Query"


@fact("secondary", "reports of the front end's 401")
def test_no_token_is_a_login_required(google: Service) -> None:
    google.token = ""

    answer = google.call("GET", "users/me/calendarList")

    assert answer.status in {401, 403}
    assert answer.json["error"]["errors"][0]["message"] == "Login Required."


@fact("secondary", "reports of the front end's 401")
def test_a_made_up_token_is_unauthenticated(google: Service) -> None:
    google.token = "ya29.nonsense"

    answer = google.call("GET", "users/me/calendarList")

    assert answer.status == 401
    assert answer.json["error"]["status"] == "UNAUTHENTICATED"


@fact("confirmed", ERRORS)
def test_an_expired_token_is_invalid_credentials(simulator: Simulator, google: Service) -> None:
    simulator.clock.advance(hours=2)

    answer = google.call("GET", "users/me/calendarList")

    assert answer.error == (401, "authError")
    detail = answer.json["error"]["errors"][0]
    assert (detail["message"], detail["locationType"], detail["location"]) == (
        "Invalid Credentials",
        "header",
        "Authorization",
    )


@fact("secondary", "developers' reports: 403 accessNotConfigured")
def test_an_api_that_is_off_is_not_configured(simulator: Simulator, google: Service) -> None:
    simulator.grants.policy.api_enabled = False

    answer = google.call("GET", "users/me/calendarList")

    assert answer.error == (403, "accessNotConfigured")
    assert answer.json["error"]["details"][0]["reason"] == "SERVICE_DISABLED"


@fact("confirmed", ERRORS)
@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("403-userRateLimitExceeded", (403, "userRateLimitExceeded"), "User Rate Limit Exceeded"),
        ("403-rateLimitExceeded", (403, "rateLimitExceeded"), "Rate Limit Exceeded"),
        ("403-quotaExceeded", (403, "quotaExceeded"), "Calendar usage limits exceeded."),
        ("429", (429, "rateLimitExceeded"), "Rate Limit Exceeded"),
        ("500", (500, "backendError"), "Backend Error"),
    ],
)
def test_limits_and_breakdowns_have_these_words(
    google: Service, kind: str, error: tuple[int, str], message: str, simulator: Simulator
) -> None:
    simulator.faults.add(f"*: {kind} once")

    answer = google.call("GET", "users/me/calendarList")

    assert (answer.error, answer.message) == (error, message)
    assert "status" not in answer.json["error"]


@fact("confirmed", LIST)
def test_the_primary_calendar_is_marked_and_has_a_zone(google: Service) -> None:
    entries = google.call("GET", "users/me/calendarList").json["items"]

    primary = [entry for entry in entries if entry.get("primary")]
    assert len(primary) == 1
    assert "@" in primary[0]["id"]
    assert (primary[0]["accessRole"], "/" in primary[0]["timeZone"]) == ("owner", True)


@fact("confirmed", "discovery document, CalendarListEntry.hidden")
def test_hidden_is_told_only_when_true(simulator: Simulator, google: Service) -> None:
    simulator.add_calendar("attic", hidden=True)

    entries = google.call("GET", "users/me/calendarList", showHidden="true").json["items"]

    assert [entry.get("hidden") for entry in entries] == [None, True]
    assert len(google.call("GET", "users/me/calendarList").json["items"]) == 1


@fact("confirmed", LIST)
def test_a_page_ends_in_a_page_token_or_a_sync_token(simulator: Simulator, google: Service) -> None:
    simulator.add_calendar("team")

    first = google.call("GET", "users/me/calendarList", maxResults=1).json
    last = google.call("GET", "users/me/calendarList", maxResults=1, pageToken=first["nextPageToken"]).json

    assert "nextSyncToken" not in first
    assert "nextPageToken" not in last
    assert "nextSyncToken" in last


@fact("confirmed", LIST)
def test_a_sync_token_excludes_a_least_role(google: Service) -> None:
    token = google.call("GET", "users/me/calendarList", maxResults=250).json["nextSyncToken"]

    assert google.call("GET", "users/me/calendarList", syncToken=token, minAccessRole="owner").status == 400


@fact("confirmed", "discovery document, calendarId: the keyword primary")
def test_primary_names_the_caller_s_calendar(google: Service) -> None:
    assert "@" in google.call("GET", "calendars/primary").json["id"]


@fact("confirmed", "discovery document, CalendarListEntry.dataOwner: set only for secondary calendars")
def test_the_data_owner_is_told_of_secondary_calendars(simulator: Simulator, google: Service) -> None:
    simulator.add_calendar("team", role="writer", owner="boss@example.com")

    entries = {entry["id"]: entry for entry in google.call("GET", "users/me/calendarList").json["items"]}

    assert entries["team"]["dataOwner"] == "boss@example.com"
    assert "dataOwner" not in entries["ana@example.com"]


@fact("confirmed", "developers.google.com/calendar/api/v3/reference/settings")
def test_a_setting_tells_the_zone(google: Service) -> None:
    told = google.call("GET", "users/me/settings/timezone").json

    assert (told["kind"], told["id"]) == ("calendar#setting", "timezone")
    assert "/" in told["value"]


@fact("confirmed", ERRORS)
def test_a_calendar_one_has_no_access_to_is_not_found(google: Service) -> None:
    assert google.call("GET", "calendars/nobody@portalcal.invalid").error == (404, "notFound")


@fact("unconfirmed", "whether 'own' means the role owner or the single data owner")
def test_the_owned_scope_stops_at_calendars_of_others(simulator: Simulator, google: Service) -> None:
    simulator.add_calendar("team", role="writer")
    google.token = simulator.issue_token(["calendar.events.owned"])

    answer = google.call("POST", "calendars/team/events", CALLS["events.insert"][2])

    assert answer.error == (403, "insufficientPermissions")


@fact("unconfirmed", "1000 in current text, 50 elsewhere")
def test_fifty_calls_fit_in_a_batch(simulator: Simulator, google: Service) -> None:
    part = (
        "--x\r\nContent-Type: application/http\r\n\r\nGET /calendar/v3/calendars/primary HTTP/1.1\r\n\r\n\r\n"
    )

    told = google.session.post(
        f"{simulator.url}/batch/calendar/v3",
        data=part * 50 + "--x--\r\n",
        headers={"Content-Type": "multipart/mixed; boundary=x", "Authorization": f"Bearer {google.token}"},
        timeout=20,
    )

    assert told.text.count("HTTP/1.1 200 OK") == 50
