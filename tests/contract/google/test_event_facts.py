"""Events: https://developers.google.com/calendar/api/v3/reference/events."""

import re
from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.contract.google.service import DAY, END, START, Service, fresh_id

fact = pytest.mark.fact
RESOURCE = "discovery document, Event"
LIST = "discovery document, events.list"
ERRORS = "developers.google.com/calendar/api/guides/errors"


def path(google: Service, event_id: str) -> str:
    return f"{google.events}/{event_id}"


def listed(google: Service, **query: Any) -> Any:
    return google.call("GET", google.events, **query)


@fact("secondary", "googleapis/google-api-nodejs-client#3212 shows an answer")
def test_what_an_inserted_event_comes_back_with(google: Service) -> None:
    told = google.insert().json

    assert re.fullmatch(r'"\d+"', told["etag"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", told["created"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["updated"])
    assert told["iCalUID"] == f"{told['id']}@google.com"
    assert told["htmlLink"].startswith("https://www.google.com/calendar/event?eid=")
    assert (told["status"], told["sequence"], told["eventType"]) == ("confirmed", 0, "default")
    assert told["reminders"] == {"useDefault": True}
    assert not {"transparency", "visibility"} & set(told)


@fact(
    "secondary", "googleapis/google-api-nodejs-client#3212: the etag is twice the microseconds of `updated`"
)
def test_the_etag_follows_from_the_last_change(simulator: Simulator, google: Service) -> None:
    assert google.insert().json["etag"] == '"3590841600000000"'


@fact("confirmed", f"{RESOURCE}.id")
@pytest.mark.parametrize("event_id", ["abcd", "has-a-dash", "wxyz0", "UPPER"])
def test_an_id_is_base32hex_of_five_characters_or_more(google: Service, event_id: str) -> None:
    answer = google.insert(id=event_id)

    assert answer.error == (400, "invalid")
    assert answer.message == "Invalid resource id value."


@fact("confirmed", f"{RESOURCE}.id")
def test_a_uuid_in_hexadecimal_is_an_id(google: Service) -> None:
    assert google.insert(id=fresh_id()).status == 200


@fact("confirmed", ERRORS)
def test_an_id_in_use_is_a_duplicate(google: Service) -> None:
    event_id = google.insert().json["id"]

    again = google.insert(id=event_id)

    assert again.error == (409, "duplicate")
    assert again.message == "The requested identifier already exists."


@fact("secondary", "googleapis/google-api-python-client#846, #210")
def test_the_id_of_a_deleted_event_stays_in_use(google: Service) -> None:
    event_id = google.insert().json["id"]
    google.call("DELETE", path(google, event_id))

    assert google.insert(id=event_id).error == (409, "duplicate")


@fact("confirmed", f"{RESOURCE}.status: get always returns them; googleapis/google-api-java-client#1535")
def test_a_deleted_event_can_still_be_read(google: Service) -> None:
    event_id = google.insert().json["id"]
    google.call("DELETE", path(google, event_id))

    answer = google.call("GET", path(google, event_id))

    assert (answer.status, answer.json["status"]) == (200, "cancelled")


@fact("unconfirmed", f"{RESOURCE}.status: 'so that they can be restored'")
def test_a_deleted_event_can_be_restored(google: Service) -> None:
    event_id = google.insert().json["id"]
    google.call("DELETE", path(google, event_id))

    answer = google.call("PATCH", path(google, event_id), {"status": "confirmed"})

    assert (answer.status, answer.json["status"]) == (200, "confirmed")


@fact("confirmed", "discovery document, events.delete")
def test_deleting_answers_nothing(google: Service) -> None:
    answer = google.call("DELETE", path(google, google.insert().json["id"]))

    assert (answer.status, answer.text) == (204, "")


@fact("secondary", "googleapis/google-api-python-client#210")
def test_deleting_twice_is_gone(google: Service) -> None:
    event_id = google.insert().json["id"]
    google.call("DELETE", path(google, event_id))

    again = google.call("DELETE", path(google, event_id))

    assert again.error == (410, "deleted")
    assert again.message == "Resource has been deleted"


@fact("confirmed", ERRORS)
def test_an_unknown_event_is_not_found(google: Service) -> None:
    for method in ("GET", "DELETE"):
        assert google.call(method, path(google, fresh_id())).error == (404, "notFound")


@fact("secondary", "developers' reports, kewisch/gdata-provider#12 among them")
@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        ({"end": None}, "required", "Missing end time."),
        (
            {"start": {"dateTime": f"{DAY}T10:00:00"}},
            "required",
            "Missing time zone definition for start time.",
        ),
    ],
)
def test_an_event_without_its_times_is_refused(
    google: Service, body: dict[str, Any], reason: str, message: str
) -> None:
    answer = google.insert(**body)

    assert (answer.error, answer.message) == ((400, reason), message)


@fact("secondary", "kewisch/gdata-provider#12")
def test_an_event_that_ends_before_it_starts_is_refused(google: Service) -> None:
    answer = google.insert(start={"dateTime": END}, end={"dateTime": START})

    assert answer.error == (400, "timeRangeEmpty")
    detail = answer.json["error"]["errors"][0]
    assert (detail["domain"], detail["locationType"], detail["location"]) == (
        "calendar",
        "parameter",
        "timeMax",
    )


@fact("confirmed", f"{RESOURCE}.recurrence")
def test_a_recurring_event_needs_a_zone(google: Service) -> None:
    assert google.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=2"]).error == (400, "required")


@fact(
    "confirmed",
    "https://developers.google.com/calendar/api/v3/reference/events/insert names no check for conflicts",
)
def test_two_events_may_be_at_the_same_time(google: Service) -> None:
    assert [google.insert().status for _ in range(2)] == [200, 200]


@fact("confirmed", "developers.google.com/calendar/api/guides/extended-properties")
def test_long_property_names_are_dropped_and_long_values_cut(google: Service) -> None:
    told = google.insert(extendedProperties={"private": {"k" * 45: "v", "k" * 44: "v" * 1025}}).json

    assert told["extendedProperties"]["private"] == {"k" * 44: "v" * 1024}


@fact("confirmed", LIST)
def test_a_private_property_finds_its_event(google: Service) -> None:
    mark = fresh_id()
    event_id = google.insert(extendedProperties={"private": {"portalcal": mark}}).json["id"]

    told = listed(google, privateExtendedProperty=f"portalcal={mark}").json["items"]

    assert [event["id"] for event in told] == [event_id]


@fact("confirmed", "discovery document, events.insert.conferenceDataVersion")
def test_without_its_version_conference_data_is_ignored(google: Service) -> None:
    request = {"requestId": fresh_id(), "conferenceSolutionKey": {"type": "hangoutsMeet"}}

    assert "conferenceData" not in google.insert(conferenceData={"createRequest": request}).json


@fact("confirmed", "discovery document, CreateConferenceRequest.status")
def test_a_conference_is_pending_until_it_is_ready(google: Service) -> None:
    request = {"requestId": fresh_id(), "conferenceSolutionKey": {"type": "hangoutsMeet"}}

    made = google.insert(conferenceData={"createRequest": request}, query={"conferenceDataVersion": 1}).json
    later = google.call("GET", path(google, made["id"])).json

    assert made["conferenceData"]["createRequest"]["status"]["statusCode"] in {"pending", "success"}
    assert later["conferenceData"]["createRequest"]["status"]["statusCode"] in {"pending", "success"}


@fact("confirmed", "https://developers.google.com/calendar/api/v3/reference/events/patch")
def test_patching_removes_with_null_and_replaces_lists(google: Service) -> None:
    event_id = google.insert(location="here", attendees=[{"email": "a@portalcal.invalid"}]).json["id"]

    told = google.call("PATCH", path(google, event_id), {"location": None, "attendees": []}).json

    assert not {"location", "attendees"} & set(told) or told.get("attendees") == []


@fact("confirmed", "https://developers.google.com/calendar/api/v3/reference/events/update")
def test_updating_replaces_everything(google: Service) -> None:
    event_id = google.insert(location="here").json["id"]

    told = google.call(
        "PUT", path(google, event_id), {"start": {"dateTime": START}, "end": {"dateTime": END}}
    ).json

    assert not {"location", "summary"} & set(told)


@fact("confirmed", "developers.google.com/calendar/api/guides/version-resources")
@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_a_change_to_another_version_is_refused(google: Service, method: str) -> None:
    event = google.insert().json
    google.call("PATCH", path(google, event["id"]), {"summary": "changed"})
    body = None if method == "DELETE" else {"start": {"dateTime": START}, "end": {"dateTime": END}}

    answer = google.call(method, path(google, event["id"]), body, headers={"If-Match": event["etag"]})

    assert answer.error == (412, "conditionNotMet")


@fact("confirmed", "developers.google.com/calendar/api/guides/version-resources")
def test_an_unchanged_event_is_not_sent_again(google: Service) -> None:
    event = google.insert().json

    answer = google.call("GET", path(google, event["id"]), headers={"If-None-Match": event["etag"]})

    assert answer.status == 304


@fact("confirmed", f"{LIST}.timeMin and timeMax")
def test_time_min_bounds_the_end_and_time_max_the_start(google: Service) -> None:
    event_id = google.insert().json["id"]

    def found(low: str, high: str) -> bool:
        answer = listed(google, timeMin=f"{DAY}T{low}Z", timeMax=f"{DAY}T{high}Z")
        return event_id in [event["id"] for event in answer.json["items"]]

    assert found("10:29:59", "23:00:00")
    assert not found("10:30:00", "23:00:00")
    assert found("00:00:00", "10:00:01")
    assert not found("00:00:00", "10:00:00")


@fact("confirmed", f"{LIST}.timeMin: mandatory time zone offset")
def test_a_bound_needs_an_offset(google: Service) -> None:
    assert listed(google, timeMin=f"{DAY}T10:00:00").error == (400, "badRequest")


@fact("confirmed", f"{LIST}.timeMax must be greater than timeMin")
def test_an_empty_window_is_refused(google: Service) -> None:
    assert listed(google, timeMin=START, timeMax=START).status == 400


@fact(
    "secondary",
    "developers' reports; https://developers.google.com/calendar/api/v3/reference/events/list, orderBy",
)
def test_ordering_by_start_needs_single_events(google: Service) -> None:
    answer = listed(google, orderBy="startTime")

    assert answer.status == 400
    assert answer.message == "The requested ordering is not available for the particular query."


@fact("confirmed", f"{LIST}.maxResults; Events.nextPageToken and nextSyncToken")
def test_a_page_ends_in_a_page_token_or_a_sync_token(google: Service) -> None:
    for _ in range(2):
        google.insert()

    first = listed(google, maxResults=1).json

    assert "nextPageToken" in first
    assert "nextSyncToken" not in first


@fact("confirmed", f"{LIST}.syncToken")
@pytest.mark.parametrize(
    "name",
    [
        "iCalUID",
        "orderBy",
        "privateExtendedProperty",
        "q",
        "sharedExtendedProperty",
        "timeMin",
        "timeMax",
        "updatedMin",
    ],
)
def test_a_sync_token_excludes_filters(simulator: Simulator, google: Service, name: str) -> None:
    token = listed(google).json["nextSyncToken"]
    value = {"orderBy": "updated", "q": "x", "iCalUID": "x"}.get(
        name, START if name[:4] in {"time", "upda"} else "a=b"
    )

    assert listed(google, syncToken=token, **{name: value}).status == 400


@fact("confirmed", f"{LIST}.syncToken: deletions always included")
def test_a_sync_token_brings_deletions(simulator: Simulator, google: Service) -> None:
    event_id = google.insert().json["id"]
    token = listed(google).json["nextSyncToken"]
    google.call("DELETE", path(google, event_id))

    told = listed(google, syncToken=token).json["items"]

    assert [(event["id"], event["status"]) for event in told] == [(event_id, "cancelled")]


@fact("confirmed", ERRORS)
def test_an_expired_sync_token_wants_a_full_sync(simulator: Simulator, google: Service) -> None:
    token = listed(google).json["nextSyncToken"]
    simulator.expire_sync_tokens()

    assert listed(google, syncToken=token).error == (410, "fullSyncRequired")


@fact("confirmed", ERRORS)
def test_changes_too_long_ago_are_gone(google: Service) -> None:
    assert listed(google, updatedMin="2015-01-01T00:00:00Z").error == (410, "updatedMinTooLongAgo")


@fact("confirmed", f"{LIST}.showDeleted")
def test_deleted_events_are_listed_only_when_asked_for(google: Service) -> None:
    event_id = google.insert().json["id"]
    google.call("DELETE", path(google, event_id))

    def ids(**query: str) -> list[str]:
        return [event["id"] for event in listed(google, timeMin=START, timeMax=END, **query).json["items"]]

    assert event_id not in ids()
    assert event_id in ids(showDeleted="true")


@fact("confirmed", "discovery document, events.list.singleEvents; Event.originalStartTime")
def test_instances_carry_their_series_and_their_original_start(google: Service) -> None:
    zone = {"timeZone": "Europe/London"}
    event_id = google.insert(
        start={"dateTime": START} | zone,
        end={"dateTime": END} | zone,
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"],
    ).json["id"]

    told = google.call("GET", f"{path(google, event_id)}/instances").json["items"]

    assert [event["id"] for event in told] == [f"{event_id}_20270203T100000Z", f"{event_id}_20270210T100000Z"]
    assert {event["recurringEventId"] for event in told} == {event_id}
    assert all("originalStartTime" in event for event in told)


@fact("confirmed", f"{RESOURCE}.eventType cannot be modified")
def test_the_type_of_an_event_cannot_be_changed(google: Service) -> None:
    event_id = google.insert().json["id"]

    assert google.call("PATCH", path(google, event_id), {"eventType": "focusTime"}).status in {400, 403}


@fact("confirmed", ERRORS)
def test_a_reader_may_not_write(simulator: Simulator, google: Service) -> None:
    simulator.add_calendar("team", role="reader")
    body = {"start": {"dateTime": START}, "end": {"dateTime": END}}

    answer = google.call("POST", "calendars/team/events", body)

    assert answer.error == (403, "requiredAccessLevel")
    assert answer.message == "You need to have writer access to this calendar."


@fact("confirmed", ERRORS)
def test_a_guest_may_not_change_shared_properties(simulator: Simulator, google: Service) -> None:
    simulator.add_user("ben@example.com")
    event_id = google.insert(attendees=[{"email": "ben@example.com"}], guestsCanModify=True).json["id"]
    google.token = simulator.issue_token(user="ben@example.com")

    answer = google.call(
        "PUT", path(google, event_id), {"start": {"dateTime": START}, "end": {"dateTime": END}}
    )

    assert answer.error == (403, "forbiddenForNonOrganizer")


@fact("confirmed", "discovery document, events.insert.sendUpdates")
def test_no_mail_is_sent_unless_asked_for(simulator: Simulator, google: Service) -> None:
    guests = [{"email": "cy@example.org"}]

    google.insert(attendees=guests)
    google.insert(attendees=guests, query={"sendUpdates": "none"})
    google.insert(attendees=guests, query={"sendUpdates": "all"})

    assert [mail.to for mail in simulator.outbox] == ["cy@example.org"]


@fact("secondary", "google/googleapis.dart#151, googleworkspace/go-samples#33")
def test_a_free_busy_reader_sees_times_and_nothing_else(simulator: Simulator, google: Service) -> None:
    simulator.add_calendar("team", role="freeBusyReader")
    simulator.add_event("team", START, END, "Salaries")

    event = google.call("GET", "calendars/team/events").json["items"][0]

    assert set(event) == {
        "kind",
        "etag",
        "id",
        "status",
        "htmlLink",
        "updated",
        "start",
        "end",
        "iCalUID",
        "visibility",
    }
    assert event["visibility"] == "private"


@fact("unconfirmed", "simulator's choice; Google names no number of days")
def test_tombstones_eventually_disappear(simulator: Simulator, google: Service) -> None:
    event_id = google.insert().json["id"]
    google.call("DELETE", path(google, event_id))
    simulator.clock.advance(days=31)
    google.token = simulator.issue_token()

    assert google.call("GET", path(google, event_id)).status == 404


@fact("secondary", "odoo/odoo#67826: an attendee's address comes back in lower case")
def test_the_addresses_of_attendees_come_back_in_lower_case(google: Service) -> None:
    event_id = google.insert(attendees=[{"email": "Sam@Portalcal.invalid"}]).json["id"]

    (guest,) = google.call("GET", path(google, event_id)).json["attendees"]

    assert guest["email"] == "sam@portalcal.invalid"


# --- series -----------------------------------------------------------------------------------------------------

GUIDE = "developers.google.com/workspace/calendar/api/guides/recurringevents"
FIRST, SECOND = "2027-02-03T10:00:00Z", "2027-02-10T10:00:00Z"
WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=4"


def a_series(google: Service) -> str:
    """The id of a series that began as a single event."""
    zone = {"timeZone": "UTC"}
    made = google.insert(start={"dateTime": START, **zone}, end={"dateTime": END, **zone})
    event_id = str(made.json["id"])
    assert google.call("PATCH", path(google, event_id), {"recurrence": [WEEKLY]}).status == 200
    return event_id


def instances(google: Service, event_id: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = google.call("GET", f"{path(google, event_id)}/instances", **query).json[
        "items"
    ]
    return found


@fact("confirmed", f"{RESOURCE}.recurrence; {RESOURCE}.recurringEventId; {GUIDE}")
def test_an_event_that_is_made_a_series_keeps_its_id_and_has_instances_with_their_own(
    google: Service,
) -> None:
    event_id = a_series(google)

    series = google.call("GET", path(google, event_id)).json
    first, *others = instances(google, event_id)

    assert (series["recurrence"], "recurringEventId" in series) == ([WEEKLY], False)
    assert (first["recurringEventId"], "recurrence" in first) == (event_id, False)
    assert first["id"] != event_id
    assert len(others) == 3


@fact("confirmed", "discovery document, events.instances.originalStart and .showDeleted")
def test_an_instance_is_found_by_the_time_it_would_have_started(google: Service) -> None:
    event_id = a_series(google)
    (second,) = instances(google, event_id, originalStart=SECOND)
    google.call("DELETE", path(google, second["id"]))

    (deleted,) = instances(google, event_id, originalStart=SECOND, showDeleted="true")

    assert (deleted["id"], deleted["status"]) == (second["id"], "cancelled")
    assert instances(google, event_id, originalStart="2027-02-04T10:00:00Z") == []


@fact("confirmed", f"{GUIDE}: deleting or changing an instance makes an exception and leaves the others")
def test_an_instance_that_is_moved_or_deleted_leaves_the_series_as_it_is(google: Service) -> None:
    event_id = a_series(google)
    first, second, *_ = instances(google, event_id)
    later = {"start": {"dateTime": "2027-02-03T15:00:00Z"}, "end": {"dateTime": "2027-02-03T15:30:00Z"}}

    google.call("PATCH", path(google, first["id"]), later)
    google.call("DELETE", path(google, second["id"]))

    moved, *others = instances(google, event_id)
    assert (moved["id"], moved["start"]["dateTime"]) == (first["id"], "2027-02-03T15:00:00Z")
    assert moved["originalStartTime"]["dateTime"] == FIRST
    assert len(others) == 2
    assert google.call("GET", path(google, event_id)).json["status"] == "confirmed"


@fact("confirmed", f"{RESOURCE}.status: cancelled exceptions of an uncancelled recurring event")
def test_a_deleted_instance_is_listed_as_a_cancelled_exception_also_after_a_sync_token(
    google: Service,
) -> None:
    event_id = a_series(google)
    token = listed(google).json["nextSyncToken"]
    first = instances(google, event_id)[0]
    google.call("DELETE", path(google, first["id"]))

    (exception,) = listed(google, syncToken=token).json["items"]

    assert (exception["id"], exception["status"]) == (first["id"], "cancelled")
    assert exception["recurringEventId"] == event_id
    assert exception["originalStartTime"]["dateTime"] == FIRST


@fact(
    "confirmed",
    "developers.google.com/workspace/calendar/api/guides/version-resources: conditional modification",
)
def test_a_deletion_that_names_another_version_is_refused(google: Service) -> None:
    made = google.insert().json
    google.call("PATCH", path(google, made["id"]), {"summary": "changed"})

    refused = google.call("DELETE", path(google, made["id"]), headers={"If-Match": made["etag"]})

    assert refused.error == (412, "conditionNotMet")
    assert google.call("GET", path(google, made["id"])).json["status"] == "confirmed"


@fact("secondary", f"{GUIDE}: a series that is cut short resets the exceptions after its end")
def test_a_series_that_is_cut_short_has_no_exceptions_behind_its_end(google: Service) -> None:
    event_id = a_series(google)
    *_, last = instances(google, event_id)
    google.call("PATCH", path(google, last["id"]), {"summary": "the last one"})

    google.call("PATCH", path(google, event_id), {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"]})

    assert [each["id"] == last["id"] for each in instances(google, event_id)] == [False, False]
    assert google.call("GET", path(google, last["id"])).status == 404


@fact("confirmed", f"{RESOURCE}.attendees[].optional, .resource")
def test_optional_people_and_rooms_are_attendees_with_a_mark(google: Service) -> None:
    attendees = [
        {"email": "dana@portalcal.invalid"},
        {"email": "lee@portalcal.invalid", "optional": True},
        {"email": "oak@portalcal.invalid", "resource": True},
    ]

    told = google.insert(attendees=attendees).json["attendees"]

    assert {each["email"]: (each.get("optional", False), each.get("resource", False)) for each in told} == {
        "dana@portalcal.invalid": (False, False),
        "lee@portalcal.invalid": (True, False),
        "oak@portalcal.invalid": (False, True),
    }


@fact("confirmed", f"{RESOURCE}.attendees[].responseStatus: needsAction, declined, tentative or accepted")
def test_who_is_invited_has_not_answered_yet(google: Service) -> None:
    told = google.insert(attendees=[{"email": "dana@portalcal.invalid"}]).json["attendees"]

    assert [each["responseStatus"] for each in told] == ["needsAction"]


@fact(
    "confirmed",
    "developers.google.com/calendar/v3/reference/events/patch: array fields overwrite the existing arrays",
)
def test_a_patch_of_attendees_replaces_them_all(google: Service) -> None:
    attendees = [{"email": f"{name}@portalcal.invalid"} for name in ("dana", "ben")]
    event_id = google.insert(attendees=attendees).json["id"]

    told = google.call("PATCH", path(google, event_id), {"attendees": attendees[1:]}).json

    assert [each["email"] for each in told["attendees"]] == ["ben@portalcal.invalid"]


@fact(
    "confirmed",
    f"{RESOURCE}.attendees[].resource: only when first added, subsequent modifications are ignored",
)
def test_an_attendee_cannot_become_a_room_later(google: Service) -> None:
    attendees = [{"email": f"{name}@portalcal.invalid"} for name in ("dana", "oak")]
    event_id = google.insert(attendees=attendees).json["id"]

    told = google.call(
        "PATCH", path(google, event_id), {"attendees": [each | {"resource": True} for each in attendees]}
    ).json

    assert [each.get("resource", False) for each in told["attendees"]] == [False, False]


@fact(
    "secondary",
    "support.google.com/calendar/answer/16107253; support.robinpowered.com/hc/en-us/articles/204728920: "
    '"Auto-accept invitations that do not conflict"',
)
def test_a_room_accepts_what_is_free_and_declines_the_rest(simulator: Simulator, google: Service) -> None:
    room = simulator.add_user("oak@portalcal.invalid")
    simulator.answers(room, "if free")
    invited = [{"email": room, "resource": True}]

    first, second = (google.insert(attendees=invited).json["id"] for _ in range(2))

    answers = [google.call("GET", path(google, each)).json["attendees"][0] for each in (first, second)]
    assert [each["responseStatus"] for each in answers] == ["accepted", "declined"]


@fact(
    "secondary",
    "gemini-cli-extensions/workspace#433: with sendUpdates=all, who is removed gets a cancellation",
)
def test_whoever_is_removed_is_told_when_all_are(simulator: Simulator, google: Service) -> None:
    attendees = [{"email": f"{name}@portalcal.invalid"} for name in ("dana", "ben")]
    first, second = (google.insert(attendees=attendees).json["id"] for _ in range(2))

    google.call("PATCH", path(google, first), {"attendees": attendees[1:]}, sendUpdates="all")
    google.call("PATCH", path(google, second), {"attendees": attendees[1:]}, sendUpdates="none")

    sent = {(mail.kind, mail.to) for mail in simulator.outbox}
    assert sent == {("cancellation", "dana@portalcal.invalid"), ("update", "ben@portalcal.invalid")}
