"""events.insert, get, patch, update, delete, move and quickAdd."""

from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.simulator.wire import Answer, Browserless

START, END = "2026-11-25T10:00:00Z", "2026-11-25T10:30:00Z"


def path(event: Answer | str, *, calendar: str = "primary") -> str:
    """Return the path of an event by its id, or of the one an answer shows."""
    return f"calendars/{calendar}/events/{event if isinstance(event, str) else event.json['id']}"


def test_an_inserted_event_comes_back_with_what_google_fills_in(ana: Browserless) -> None:
    answer = ana.insert(START, END, summary="Intro", id="abc12")

    assert answer.json == {
        "kind": "calendar#event",
        "etag": '"3590841600000000"',
        "id": "abc12",
        "status": "confirmed",
        "htmlLink": "https://www.google.com/calendar/event?eid=YWJjMTIgYW5hQGV4YW1wbGUuY29t",
        "created": "2026-11-23T08:00:00.000Z",
        "updated": "2026-11-23T08:00:00.000Z",
        "summary": "Intro",
        "creator": {"email": "ana@example.com", "self": True},
        "organizer": {"email": "ana@example.com", "self": True},
        "start": {"dateTime": START, "timeZone": "Europe/London"},
        "end": {"dateTime": END, "timeZone": "Europe/London"},
        "iCalUID": "abc12@google.com",
        "sequence": 0,
        "reminders": {"useDefault": True},
        "eventType": "default",
    }
    assert answer.headers["etag"] == answer.json["etag"]


def test_an_id_that_was_not_chosen_is_made_up(ana: Browserless) -> None:
    first, second = ana.insert(START, END).json, ana.insert(START, END).json

    assert first["id"] != second["id"]
    assert set(first["id"]) <= set("0123456789abcdefghijklmnopqrstuv")


@pytest.mark.parametrize("event_id", ["abc1", "ABCDE", "abcdw", "a" * 1025, "abc-12", "abc_12"])
def test_an_id_outside_base32hex_is_invalid(ana: Browserless, event_id: str) -> None:
    answer = ana.insert(START, END, id=event_id)

    assert (answer.status, answer.reason, answer.message) == (400, "invalid", "Invalid resource id value.")


def test_an_id_in_use_is_a_duplicate_even_of_a_deleted_event(ana: Browserless) -> None:
    ana.insert(START, END, id="abc12")
    again = ana.insert(START, END, id="abc12")
    ana.api("DELETE", path("abc12"))
    after = ana.insert(START, END, id="abc12")

    for answer in (again, after):
        assert (answer.status, answer.reason) == (409, "duplicate")
        assert answer.message == "The requested identifier already exists."


def test_an_id_is_unique_per_calendar_only(google: Simulator, ana: Browserless) -> None:
    google.add_calendar("team")

    assert ana.insert(START, END, id="abc12").status == 200
    assert ana.insert(START, END, id="abc12", calendar="team").status == 200


def test_a_deleted_event_is_still_there_to_be_read(ana: Browserless) -> None:
    ana.insert(START, END, id="abc12", summary="Intro")
    assert ana.api("DELETE", path("abc12")).status == 204

    told = ana.api("GET", path("abc12"))

    assert (told.status, told.json["status"], told.json["summary"]) == (200, "cancelled", "Intro")


def test_deleting_again_is_gone_and_deleting_nothing_not_found(ana: Browserless) -> None:
    ana.insert(START, END, id="abc12")
    ana.api("DELETE", path("abc12"))

    again, never = ana.api("DELETE", path("abc12")), ana.api("DELETE", path("never1"))

    assert (again.status, again.reason, again.message) == (410, "deleted", "Resource has been deleted")
    assert (never.status, never.reason) == (404, "notFound")


def test_tombstones_fade(google: Simulator, ana: Browserless) -> None:
    ana.insert(START, END, id="abc12")
    ana.api("DELETE", path("abc12"))
    google.clock.advance(days=31)
    ana.token = google.issue_token()

    assert ana.api("GET", path("abc12")).status == 404
    assert ana.insert(START, END, id="abc12").status == 200


def test_a_deleted_event_can_be_restored(ana: Browserless) -> None:
    ana.insert(START, END, id="abc12")
    ana.api("DELETE", path("abc12"))

    restored = ana.api("PATCH", path("abc12"), {"status": "confirmed"})

    assert (restored.status, restored.json["status"]) == (200, "confirmed")
    assert ana.busy("2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z") == [(START, END)]


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        ({"start": {"dateTime": START}}, "required", "Missing end time."),
        ({"end": {"dateTime": END}}, "required", "Missing start time."),
        (
            {"start": {"dateTime": "2026-11-25T10:00:00"}, "end": {"dateTime": END}},
            "required",
            "Missing time zone definition for start time.",
        ),
        (
            {"start": {"dateTime": START}, "end": {"dateTime": END}, "recurrence": ["RRULE:FREQ=DAILY"]},
            "required",
            "Missing time zone definition for start time.",
        ),
        (
            {"start": {"dateTime": START, "timeZone": "Mars/Base"}, "end": {"dateTime": END}},
            "invalid",
            "Invalid time zone definition for start time.",
        ),
        (
            {"start": {"date": "2026-11-25"}, "end": {"dateTime": END}},
            "invalid",
            "Start and end times must either both be date or both be dateTime.",
        ),
        ({"start": {"dateTime": END}, "end": {"dateTime": START}}, "timeRangeEmpty", "The specified time range is empty."),
        ({"start": {"date": "2026-11-25"}, "end": {"date": "2026-11-25"}}, "timeRangeEmpty", "The specified time range is empty."),
    ],
)  # fmt: skip
def test_times_google_refuses(ana: Browserless, body: dict[str, Any], reason: str, message: str) -> None:
    answer = ana.api("POST", "calendars/primary/events", body)

    assert (answer.status, answer.reason, answer.message) == (400, reason, message)


def test_a_wall_time_with_a_zone_needs_no_offset(ana: Browserless) -> None:
    told = ana.api(
        "POST",
        "calendars/primary/events",
        {
            "start": {"dateTime": "2026-07-01T10:00:00", "timeZone": "America/New_York"},
            "end": {"dateTime": "2026-07-01T11:00:00", "timeZone": "America/New_York"},
        },
    ).json

    assert told["start"] == {"dateTime": "2026-07-01T15:00:00+01:00", "timeZone": "America/New_York"}


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "maybe"},
        {"transparency": "glass"},
        {"visibility": "secret"},
        {"eventType": "fromGmail"},
        {"attendees": [{"email": "nobody"}]},
        {"reminders": {"useDefault": False, "overrides": [{"method": "sms", "minutes": 5}]}},
        {"reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 40321}]}},
        {
            "reminders": {
                "useDefault": False,
                "overrides": [{"method": "popup", "minutes": n} for n in range(6)],
            }
        },
        {"eventType": "workingLocation"},
        {"eventType": "focusTime", "transparency": "transparent"},
    ],
)
def test_values_google_does_not_know_are_invalid(ana: Browserless, fields: dict[str, Any]) -> None:
    answer = ana.insert(START, END, **fields)

    assert (answer.status, answer.reason) == (400, "invalid")


def test_default_reminders_and_overrides_exclude_each_other(ana: Browserless) -> None:
    overrides = {"useDefault": True, "overrides": [{"method": "popup", "minutes": 5}]}

    answer = ana.insert(START, END, reminders=overrides)

    assert answer.reason == "cannotUseDefaultRemindersAndSpecifyOverride"


def test_a_status_event_belongs_on_the_primary_calendar(google: Simulator, ana: Browserless) -> None:
    google.add_calendar("team")

    assert ana.insert(START, END, eventType="focusTime", calendar="team").status == 400


def test_a_body_that_is_not_json_is_a_parse_error(ana: Browserless) -> None:
    answer = ana.send(
        "POST",
        "/calendar/v3/calendars/primary/events",
        body=b"{",
        headers={"Authorization": f"Bearer {ana.token}"},
    )

    assert (answer.status, answer.reason) == (400, "parseError")


def test_patching_merges_objects_replaces_lists_and_removes_nulls(ana: Browserless) -> None:
    event = ana.insert(
        START,
        END,
        summary="Intro",
        location="Room 1",
        attendees=[{"email": "ben@example.com"}, {"email": "cy@example.com"}],
        extendedProperties={"private": {"a": "1", "b": "2"}},
    )

    told = ana.api(
        "PATCH",
        path(event),
        {
            "location": None,
            "attendees": [{"email": "cy@example.com"}],
            "extendedProperties": {"private": {"b": "3"}},
        },
    ).json

    assert told["summary"] == "Intro"
    assert "location" not in told
    assert [guest["email"] for guest in told["attendees"]] == ["cy@example.com"]
    assert told["extendedProperties"]["private"] == {"a": "1", "b": "3"}


def test_updating_replaces_everything_but_who_made_it(ana: Browserless) -> None:
    event = ana.insert(START, END, summary="Intro", location="Room 1", id="abc12")

    told = ana.api(
        "PUT", path(event), {"start": {"dateTime": START}, "end": {"dateTime": END}, "summary": "Second"}
    ).json

    assert (told["summary"], told["id"], told["created"]) == ("Second", "abc12", event.json["created"])
    assert "location" not in told


def test_updating_without_an_end_is_refused(ana: Browserless) -> None:
    event = ana.insert(START, END)

    assert ana.api("PUT", path(event), {"start": {"dateTime": START}}).message == "Missing end time."


def test_moving_in_time_counts_up_the_sequence(ana: Browserless) -> None:
    event = ana.insert(START, END)

    renamed = ana.api("PATCH", path(event), {"summary": "New"}).json
    later = ana.api("PATCH", path(event), {"end": {"dateTime": "2026-11-25T11:00:00Z"}}).json

    assert (renamed["sequence"], later["sequence"]) == (0, 1)
    old = ana.api("PATCH", path(event), {"sequence": 0})
    assert (old.status, old.reason) == (400, "invalid")


def test_the_type_of_an_event_cannot_be_changed(ana: Browserless) -> None:
    event = ana.insert(START, END)

    assert ana.api("PATCH", path(event), {"eventType": "outOfOffice"}).reason == "eventTypeRestriction"


def test_a_change_for_another_version_is_refused(ana: Browserless) -> None:
    event = ana.insert(START, END)
    stale = {"If-Match": event.json["etag"]}
    assert ana.api("PATCH", path(event), {"summary": "a"}, headers=stale).status == 200

    for method, body in (("PATCH", {"summary": "b"}), ("PUT", event.json), ("DELETE", None)):
        answer = ana.api(method, path(event), body, headers=stale)
        assert (answer.status, answer.reason, answer.message) == (
            412,
            "conditionNotMet",
            "Precondition Failed",
        )

    assert ana.api("DELETE", path(event), headers={"If-Match": "*"}).status == 204


def test_an_unchanged_event_need_not_be_sent_again(ana: Browserless) -> None:
    event = ana.insert(START, END)
    known = {"If-None-Match": event.json["etag"]}

    same = ana.api("GET", path(event), headers=known)
    ana.api("PATCH", path(event), {"summary": "b"})
    other = ana.api("GET", path(event), headers=known)

    assert (same.status, same.body, other.status) == (304, b"", 200)


def test_every_version_has_an_etag_of_its_own_though_the_clock_stands_still(ana: Browserless) -> None:
    event = ana.insert(START, END)

    etags = {ana.api("PATCH", path(event), {"summary": str(n)}).json["etag"] for n in range(5)}

    assert len(etags | {event.json["etag"]}) == 6


def test_extended_properties_are_cut_down_silently(ana: Browserless) -> None:
    told = ana.insert(
        START, END, extendedProperties={"private": {"k" * 45: "gone", "k" * 44: "v" * 1025}}
    ).json

    assert told["extendedProperties"]["private"] == {"k" * 44: "v" * 1024}


def test_more_than_three_hundred_extended_properties_are_too_many(ana: Browserless) -> None:
    many = {f"k{number}": "v" for number in range(301)}

    assert ana.insert(START, END, extendedProperties={"private": many}).status == 400


def test_unknown_fields_are_not_kept(ana: Browserless) -> None:
    ana.api(
        "POST", "calendars/primary/events", {"start": {"date": "2026-11-25"}, "end": {"date": "2026-11-26"}}
    )
    answer = ana.insert(START, END, summary="Intro")

    assert "colour" not in ana.api("PATCH", path(answer), {"summary": "x"}).json


def test_moving_an_event_to_another_calendar_changes_its_organizer(
    google: Simulator, ana: Browserless
) -> None:
    google.add_calendar("team", summary="Team")
    event = ana.insert(START, END, id="abc12")

    moved = ana.api("POST", path(event) + "/move", destination="team")

    assert moved.json["organizer"] == {"email": "team", "displayName": "Team", "self": True}
    assert ana.api("GET", path("abc12")).json["status"] == "cancelled"
    assert ana.api("GET", path("abc12", calendar="team")).json["status"] == "confirmed"
    assert ana.api("POST", path(event) + "/move").reason == "required"


def test_quick_add_is_refused_for_what_it_is(ana: Browserless) -> None:
    answer = ana.api("POST", "calendars/primary/events/quickAdd", text="Lunch at noon")

    assert answer.status == 501
    assert "events.insert" in answer.message


@pytest.mark.parametrize(
    ("method", "name"),
    [("GET", "colors"), ("GET", "calendars/primary/acl"), ("POST", "calendars/primary/events/import")],
)
def test_what_the_simulator_does_not_do_it_says(ana: Browserless, method: str, name: str) -> None:
    answer = ana.api(method, name)

    assert (answer.status, answer.reason) == (501, "notImplemented")


def test_what_google_does_not_have_is_not_found(ana: Browserless) -> None:
    assert ana.api("GET", "calendars/primary/meetings").status == 404
    assert ana.send("GET", "/elsewhere").status == 404


@pytest.mark.parametrize(
    ("role", "status", "reason"),
    [
        ("freeBusyReader", 403, "forbidden"),
        ("reader", 403, "requiredAccessLevel"),
        ("writerWithoutPrivateAccess", 200, ""),
        ("writer", 200, ""),
        ("owner", 200, ""),
    ],
)
def test_the_role_decides_who_may_write(
    google: Simulator, ana: Browserless, role: str, status: int, reason: str
) -> None:
    google.add_calendar("team", role=role)

    answer = ana.insert(START, END, calendar="team")

    assert answer.status == status
    assert not reason or answer.reason == reason


def test_a_calendar_that_is_not_shared_is_not_found(google: Simulator, ana: Browserless) -> None:
    google.add_calendar("secret", role=None, owner="boss@example.com")

    assert ana.insert(START, END, calendar="secret").status == 404
    assert ana.api("GET", "calendars/secret/events").status == 404


def test_details_are_kept_from_those_who_may_only_see_free_and_busy(
    google: Simulator, ana: Browserless
) -> None:
    google.add_calendar("team", role="freeBusyReader")
    google.add_event("team", START, END, "Salaries", location="Room 1")

    told = ana.api("GET", "calendars/team/events").json

    assert told["accessRole"] == "freeBusyReader"
    assert told["items"][0]["visibility"] == "private"
    assert not {"summary", "location", "organizer", "attendees"} & set(told["items"][0])


@pytest.mark.parametrize(
    ("role", "seen"),
    [("reader", False), ("writerWithoutPrivateAccess", False), ("writer", True), ("owner", True)],
)
def test_private_events_hide_from_readers(google: Simulator, ana: Browserless, role: str, seen: bool) -> None:
    google.add_calendar("team", role=role)
    google.add_event("team", START, END, "Salaries", visibility="private")

    assert ("summary" in ana.api("GET", "calendars/team/events").json["items"][0]) is seen


def test_attachments_count_only_for_clients_that_support_them(ana: Browserless) -> None:
    files = [{"fileUrl": "https://drive.google.com/open?id=1", "title": "Agenda"}]
    without = ana.insert(START, END, attachments=files).json
    made = ana.insert(START, END, attachments=files, query="?supportsAttachments=true", id="abc12").json

    kept = ana.api("PATCH", path("abc12"), {"attachments": []}).json
    gone = ana.api("PATCH", path("abc12"), {"attachments": []}, supportsAttachments="true").json

    assert "attachments" not in without
    assert made["attachments"] == kept["attachments"] == files
    assert gone.get("attachments", []) == []


def test_a_source_is_a_web_address(ana: Browserless) -> None:
    assert ana.insert(START, END, source={"title": "x", "url": "ftp://example.com"}).status == 400
    assert ana.insert(START, END, source={"title": "x", "url": "https://example.com"}).status == 200
