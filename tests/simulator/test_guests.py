"""Attendees, sharing between users, the outbox, and conferences."""

from collections.abc import Iterator
from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.simulator.wire import Browserless

START, END = "2026-11-25T10:00:00Z", "2026-11-25T10:30:00Z"
EVENT = "calendars/primary/events/abc12"
MEET = {"createRequest": {"requestId": "r1", "conferenceSolutionKey": {"type": "hangoutsMeet"}}}


@pytest.fixture
def ben(google: Simulator) -> Iterator[Browserless]:
    """Ben, who has an account too."""
    google.add_user("ben@example.com")
    with Browserless(google, google.issue_token(user="ben@example.com")) as client:
        yield client


def invite(ana: Browserless, *emails: str, notify: str = "", **fields: Any) -> dict[str, Any]:
    guests = [{"email": email} for email in emails]
    query = f"?sendUpdates={notify}" if notify else ""
    told: dict[str, Any] = ana.insert(
        START, END, id="abc12", summary="Intro", attendees=guests, query=query, **fields
    ).json
    return told


def outbox(google: Simulator) -> list[tuple[str, str]]:
    return [(mail.kind, mail.to) for mail in google.outbox]


def test_a_guest_with_an_account_gets_a_copy(ana: Browserless, ben: Browserless) -> None:
    invite(ana, "ben@example.com", reminders={"useDefault": False})

    copy = ben.api("GET", EVENT).json

    assert copy["summary"] == "Intro"
    assert copy["organizer"] == {"email": "ana@example.com"}
    assert copy["attendees"] == [{"email": "ben@example.com", "responseStatus": "needsAction", "self": True}]
    assert copy["reminders"] == {"useDefault": True}
    assert ben.busy("2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z") == [(START, END)]


def test_private_properties_stay_on_their_own_copy(ana: Browserless, ben: Browserless) -> None:
    invite(ana, "ben@example.com", extendedProperties={"private": {"a": "1"}, "shared": {"b": "2"}})

    assert ben.api("GET", EVENT).json["extendedProperties"] == {"shared": {"b": "2"}}


def test_a_response_goes_back_to_the_organizer(ana: Browserless, ben: Browserless) -> None:
    invite(ana, "ben@example.com", "cy@example.com")
    guests = ben.api("GET", EVENT).json["attendees"]
    answers = [guest | {"responseStatus": "declined"} if guest.get("self") else guest for guest in guests]

    ben.api("PATCH", EVENT, {"attendees": answers})

    told = {guest["email"]: guest["responseStatus"] for guest in ana.api("GET", EVENT).json["attendees"]}
    assert told == {"ben@example.com": "declined", "cy@example.com": "needsAction"}
    assert ben.busy("2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z") == []


def test_the_organizer_s_changes_reach_every_copy(ana: Browserless, ben: Browserless) -> None:
    invite(ana, "ben@example.com")

    ana.api("PATCH", EVENT, {"summary": "Moved", "start": {"dateTime": "2026-11-25T10:15:00Z"}})

    copy = ben.api("GET", EVENT).json
    assert (copy["summary"], copy["start"]["dateTime"]) == ("Moved", "2026-11-25T10:15:00Z")


def test_the_organizer_s_deletion_cancels_every_copy(ana: Browserless, ben: Browserless) -> None:
    invite(ana, "ben@example.com")

    ana.api("DELETE", EVENT)

    assert ben.api("GET", EVENT).json["status"] == "cancelled"


def test_a_guest_s_deletion_is_a_refusal(ana: Browserless, ben: Browserless) -> None:
    invite(ana, "ben@example.com")

    assert ben.api("DELETE", EVENT).status == 204

    assert ana.api("GET", EVENT).json["attendees"][0]["responseStatus"] == "declined"
    assert ben.api("GET", EVENT).json["status"] == "cancelled"


def test_a_guest_s_own_change_stays_on_their_copy(ana: Browserless, ben: Browserless) -> None:
    invite(ana, "ben@example.com")

    assert ben.api("PATCH", EVENT, {"summary": "My title"}).status == 200

    assert ana.api("GET", EVENT).json["summary"] == "Intro"
    assert ben.api("GET", EVENT).json["summary"] == "My title"


def test_a_guest_cannot_change_what_guests_may_do(ana: Browserless, ben: Browserless) -> None:
    invite(ana, "ben@example.com", guestsCanModify=True)
    times = {"start": {"dateTime": START}, "end": {"dateTime": END}}

    patched = ben.api("PATCH", EVENT, {"guestsCanModify": False})
    updated = ben.api("PUT", EVENT, times)

    assert {(answer.status, answer.reason) for answer in (patched, updated)} == {
        (403, "forbiddenForNonOrganizer")
    }


def test_a_guest_cannot_move_the_event_elsewhere(
    google: Simulator, ana: Browserless, ben: Browserless
) -> None:
    google.add_calendar("team", shared_with={"ben@example.com": "owner"})
    invite(ana, "ben@example.com")

    answer = ben.api("POST", f"{EVENT}/move", destination="team")

    assert (answer.status, answer.reason) == (403, "cannotChangeOrganizer")


@pytest.mark.parametrize(
    ("notify", "expected"),
    [
        ("", []),
        ("none", []),
        ("all", [("invitation", "ben@example.com"), ("invitation", "cy@example.com")]),
        ("externalOnly", [("invitation", "cy@example.com")]),
    ],
)
def test_invitations_go_to_whom_send_updates_says(
    google: Simulator, ana: Browserless, ben: Browserless, notify: str, expected: list[tuple[str, str]]
) -> None:
    invite(ana, "ben@example.com", "cy@example.com", notify=notify)

    assert outbox(google) == expected


def test_changes_and_deletions_are_mailed_too(google: Simulator, ana: Browserless) -> None:
    invite(ana, "cy@example.com", "dee@example.com", notify="all")

    ana.api("PATCH", EVENT, {"attendees": [{"email": "cy@example.com"}]}, sendUpdates="all")
    ana.api("DELETE", EVENT, sendUpdates="all")

    assert outbox(google)[2:] == [
        ("update", "cy@example.com"),
        ("cancellation", "dee@example.com"),
        ("cancellation", "cy@example.com"),
    ]
    assert google.outbox[0].sender == "ana@example.com"
    assert google.outbox[0].summary == "Intro"


def test_a_calendar_can_be_shared_and_unshared(google: Simulator, ben: Browserless) -> None:
    google.add_calendar("team")
    assert ben.api("GET", "calendars/team/events").status == 404

    google.share("team", "ben@example.com", role="reader")
    assert ben.api("GET", "calendars/team/events").status == 200
    assert ben.api("GET", "users/me/calendarList/team").json["accessRole"] == "reader"

    google.share("team", "ben@example.com", role=None)
    assert ben.api("GET", "calendars/team/events").status == 404


def test_a_public_calendar_can_be_read_by_everyone(google: Simulator, ben: Browserless) -> None:
    google.add_calendar("holidays", public_role="reader")

    assert ben.api("GET", "calendars/holidays/events").status == 200


def test_a_conference_is_pending_at_first_and_ready_when_read(ana: Browserless) -> None:
    made = ana.insert(START, END, id="abc12", conferenceData=MEET, query="?conferenceDataVersion=1").json
    ready = ana.api("GET", EVENT).json

    assert made["conferenceData"]["createRequest"]["status"] == {"statusCode": "pending"}
    assert "hangoutLink" not in made
    assert ready["conferenceData"]["createRequest"]["status"] == {"statusCode": "success"}
    assert ready["hangoutLink"] == ready["conferenceData"]["entryPoints"][0]["uri"]
    assert ready["hangoutLink"].startswith("https://meet.google.com/")


def test_without_its_version_conference_data_is_ignored(ana: Browserless) -> None:
    ana.insert(START, END, id="abc12", conferenceData=MEET)

    assert "conferenceData" not in ana.api("GET", EVENT).json


def test_a_request_id_seen_before_changes_nothing(ana: Browserless) -> None:
    ana.insert(START, END, id="abc12", conferenceData=MEET, query="?conferenceDataVersion=1")
    link = ana.api("GET", EVENT).json["hangoutLink"]

    again = ana.api("PATCH", EVENT, {"conferenceData": MEET}, conferenceDataVersion=1).json
    renamed = ana.api("PATCH", EVENT, {"summary": "x"}).json

    assert (again["hangoutLink"], renamed["hangoutLink"]) == (link, link)


def test_a_conference_can_be_ready_at_once_or_fail(google: Simulator, ana: Browserless) -> None:
    google.conference = "success"
    assert "hangoutLink" in ana.insert(START, END, conferenceData=MEET, query="?conferenceDataVersion=1").json

    google.conference = "failure"
    ana.insert(START, END, id="abc12", conferenceData=MEET, query="?conferenceDataVersion=1")
    failed = ana.api("GET", EVENT).json
    assert failed["conferenceData"]["createRequest"]["status"] == {"statusCode": "failure"}

    with pytest.raises(ValueError, match="pending, success, failure"):
        google.conference = "soon"


def test_a_guest_who_is_no_longer_invited_loses_the_event(ana: Browserless, ben: Browserless) -> None:
    invite(ana, "ben@example.com", "cy@example.com")

    ana.api("PATCH", EVENT, {"attendees": [{"email": "cy@example.com"}]})

    assert ben.api("GET", EVENT).json["status"] == "cancelled"


def test_cancelling_one_instance_cancels_it_for_the_guests(ana: Browserless, ben: Browserless) -> None:
    invite(
        ana,
        "ben@example.com",
        start={"dateTime": START, "timeZone": "UTC"},
        end={"dateTime": END, "timeZone": "UTC"},
        recurrence=["RRULE:FREQ=DAILY;COUNT=3"],
    )

    ana.api("DELETE", f"{EVENT}_20261126T100000Z")

    window = ("2026-11-25T00:00:00Z", "2026-11-30T00:00:00Z")
    assert len(ben.busy(*window)) == len(ana.busy(*window)) == 2


def test_an_invitation_to_free_time_takes_none_until_the_guest_says_so(
    ana: Browserless, ben: Browserless
) -> None:
    invite(ana, "ben@example.com", transparency="transparent")
    window = ("2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z")
    assert ben.busy(*window) == []

    ben.api("PATCH", EVENT, {"transparency": "opaque"})
    ana.api("PATCH", EVENT, {"summary": "Renamed"})

    assert len(ben.busy(*window)) == 1
