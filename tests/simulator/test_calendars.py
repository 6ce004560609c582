"""calendarList, calendars, settings, tokens and scopes."""

import pytest

from portalcal.simulator.google import Simulator
from tests.simulator.wire import Browserless

READ_LIST = "users/me/calendarList"


def test_the_primary_calendar_is_the_account(ana: Browserless) -> None:
    told = ana.api("GET", READ_LIST).json

    assert [entry["id"] for entry in told["items"]] == ["ana@example.com"]
    entry = told["items"][0]
    assert (entry["primary"], entry["accessRole"], entry["timeZone"]) == (True, "owner", "Europe/London")
    assert "hidden" not in entry
    assert "dataOwner" not in entry


def test_every_role_shows_and_a_least_role_filters(google: Simulator, ana: Browserless) -> None:
    for role in ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner"):
        google.add_calendar(role, role=role)

    told = {entry["id"]: entry["accessRole"] for entry in ana.api("GET", READ_LIST).json["items"]}
    writers = [entry["id"] for entry in ana.api("GET", READ_LIST, minAccessRole="writer").json["items"]]

    assert told == {role: role for role in told if role != "ana@example.com"} | {"ana@example.com": "owner"}
    assert set(writers) == {"ana@example.com", "owner", "writer"}
    assert ana.api("GET", READ_LIST, minAccessRole="king").status == 400


def test_hidden_calendars_show_only_when_asked_for(google: Simulator, ana: Browserless) -> None:
    google.add_calendar("attic", hidden=True)

    assert len(ana.api("GET", READ_LIST).json["items"]) == 1
    attic = ana.api("GET", READ_LIST, showHidden="true").json["items"][1]
    assert (attic["id"], attic["hidden"]) == ("attic", True)


def test_a_secondary_calendar_names_its_owner(google: Simulator, ana: Browserless) -> None:
    google.add_calendar(
        "team", role="writer", owner="boss@example.com", summary="Team", description="All of us"
    )

    entry = ana.api("GET", f"{READ_LIST}/team").json

    assert (entry["dataOwner"], entry["description"], entry["summary"]) == (
        "boss@example.com",
        "All of us",
        "Team",
    )


def test_the_list_comes_in_pages_and_ends_in_a_sync_token(google: Simulator, ana: Browserless) -> None:
    for number in range(3):
        google.add_calendar(f"c{number}")

    first = ana.api("GET", READ_LIST, maxResults=3).json
    second = ana.api("GET", READ_LIST, maxResults=3, pageToken=first["nextPageToken"]).json

    assert [entry["id"] for entry in first["items"] + second["items"]] == [
        "ana@example.com",
        "c0",
        "c1",
        "c2",
    ]
    assert "nextSyncToken" not in first
    assert ana.api("GET", READ_LIST, syncToken=second["nextSyncToken"]).json["items"] == []


def test_a_sync_token_brings_calendars_that_came_and_went(google: Simulator, ana: Browserless) -> None:
    google.add_calendar("old")
    token = ana.api("GET", READ_LIST).json["nextSyncToken"]
    google.add_calendar("new")
    google.share("old", "ana@example.com", role=None)

    told = ana.api("GET", READ_LIST, syncToken=token).json["items"]

    assert [(entry["id"], entry.get("deleted", False)) for entry in told] == [("new", False), ("old", True)]
    assert ana.api("GET", READ_LIST, syncToken=token, minAccessRole="owner").status == 400


def test_an_old_sync_token_wants_a_full_sync(google: Simulator, ana: Browserless) -> None:
    token = ana.api("GET", READ_LIST).json["nextSyncToken"]
    google.clock.advance(days=31)
    ana.token = google.issue_token()

    assert ana.api("GET", READ_LIST, syncToken=token).reason == "fullSyncRequired"


def test_primary_is_a_name_for_the_own_calendar(ana: Browserless) -> None:
    assert ana.api("GET", f"{READ_LIST}/primary").json["id"] == "ana@example.com"
    assert ana.api("GET", "calendars/primary").json["timeZone"] == "Europe/London"
    assert ana.api("GET", "calendars/nobody").status == 404
    assert ana.api("GET", f"{READ_LIST}/nobody").status == 404


def test_an_id_with_a_hash_in_it_can_be_asked_for(google: Simulator, ana: Browserless) -> None:
    google.add_calendar("en.usa#holiday@group.v.calendar.google.com", role="reader")

    assert ana.api("GET", "calendars/en.usa%23holiday%40group.v.calendar.google.com").status == 200


def test_settings_tell_the_zone(ana: Browserless) -> None:
    assert ana.api("GET", "users/me/settings/timezone").json["value"] == "Europe/London"
    assert "timezone" in {one["id"] for one in ana.api("GET", "users/me/settings").json["items"]}
    assert ana.api("GET", "users/me/settings/shoe-size").status == 404


def test_no_token_a_wrong_token_and_a_dead_token_are_told_apart(
    google: Simulator, stranger: Browserless
) -> None:
    missing = stranger.api("GET", READ_LIST)
    stranger.token = "ya29.madeup"
    wrong = stranger.api("GET", READ_LIST)
    stranger.token = google.issue_token()
    google.clock.advance(hours=1)
    dead = stranger.api("GET", READ_LIST)

    assert [answer.status for answer in (missing, wrong, dead)] == [401, 401, 401]
    assert (missing.reason, missing.json["error"]["status"]) == ("required", "UNAUTHENTICATED")
    assert missing.message.startswith("Request is missing required authentication credential.")
    assert (wrong.reason, wrong.json["error"]["status"]) == ("authError", "UNAUTHENTICATED")
    assert (dead.reason, dead.message, "status" in dead.json["error"]) == (
        "authError",
        "Invalid Credentials",
        False,
    )


def test_a_token_without_the_scope_is_refused_in_google_s_words(
    google: Simulator, stranger: Browserless
) -> None:
    stranger.token = google.issue_token(["calendar.calendarlist.readonly"])

    answer = stranger.freebusy("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z")

    assert (answer.status, answer.reason) == (403, "insufficientPermissions")
    assert answer.message == "Request had insufficient authentication scopes."
    assert answer.json["error"]["status"] == "PERMISSION_DENIED"
    assert answer.json["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert answer.json["error"]["details"][0]["metadata"] == {
        "service": "calendar-json.googleapis.com",
        "method": "calendar.v3.Freebusy.Query",
    }


def test_an_api_that_is_off_says_how_to_switch_it_on(google: Simulator, ana: Browserless) -> None:
    google.grants.policy.api_enabled = False

    answer = ana.api("GET", READ_LIST)

    assert (answer.status, answer.reason) == (403, "accessNotConfigured")
    assert answer.json["error"]["details"][0]["reason"] == "SERVICE_DISABLED"
    assert "has not been used in project" in answer.message


@pytest.mark.parametrize(("role", "status"), [("owner", 200), ("writer", 403)])
def test_the_owned_scope_reaches_owned_calendars_only(
    google: Simulator, stranger: Browserless, role: str, status: int
) -> None:
    google.add_calendar("team", role=role)
    stranger.token = google.issue_token(["calendar.events.owned"])

    assert stranger.insert("2026-11-25", "2026-11-26", calendar="team").status == status
    assert stranger.api("GET", "calendars/team/events").status == status


def test_the_freebusy_scope_reads_events_without_their_details(
    google: Simulator, stranger: Browserless
) -> None:
    google.add_event("primary", "2026-11-25", "2026-11-26", "Secret")
    stranger.token = google.issue_token(["calendar.events.freebusy"])

    event = stranger.api("GET", "calendars/primary/events").json["items"][0]

    assert "summary" not in event
