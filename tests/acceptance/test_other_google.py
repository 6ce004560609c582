"""The whole of a booking's life against a Google that makes every choice otherwise than the simulator does."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from portalcal.core.permissions import scopes_to_ask
from tests import selection
from tests.acceptance.conftest import WHO, Machine, in_days, moment
from tests.acceptance.other_google import ANA, OtherGoogle, refusal
from tests.acceptance.other_wire import Answer

ALL_SCOPES = " ".join(scopes_to_ask())
HABITS: dict[str, dict[str, Any]] = {
    "as little as Google promises": {},
    "bodies in chunks": {"protocol": "HTTP/1.1", "body": "chunked"},
    "bodies in gzip": {"body": "gzip"},
    "times in Z": {"offset": timedelta(0), "decimals": False},
    "times behind UTC": {"offset": -timedelta(hours=9, minutes=30)},
    "whole pages": {"pages": "whole"},
    "etags and times of making": {"has_etags": True, "knows_created": True},
    "writing answers with an id": {"minimal": True},
    "writing answers with an id, reading with etags": {"minimal": True, "has_etags": True},
    "deleting answers with nothing": {"deleted": "nothing"},
    "lists of everything, whatever is asked for": {"narrows": False},
    "no sync tokens": {"has_sync_tokens": False},
    "no calendar marked as primary": {"marks_primary": False},
    "no scope in the answer to consent": {"token": {"expires_in": 3599}},
    "scopes in a list": {"token": {"expires_in": 3599, "scope": ALL_SCOPES.split()}},
    "seconds in words": {"token": {"expires_in": "3599", "scope": ALL_SCOPES}},
    "an access token without an end": {"token": {"scope": ALL_SCOPES, "token_type": "bearer"}},
    "null in place of what is missing": {
        "token": {"expires_in": None, "scope": ALL_SCOPES, "id_token": None}
    },
    "a token that ends at once, renewed with nothing but a token": {
        "token": {"expires_in": 1, "scope": ALL_SCOPES},
    },
    "a renewal that rotates": {
        "token": {"expires_in": -5, "scope": ALL_SCOPES},
        "refreshed": {"expires_in": "1", "scope": "openid", "refresh_token": "rotated"},
    },
}


@pytest.mark.parametrize(
    "habits",
    [
        pytest.param(*case.values, id=name, marks=case.marks)
        for name, case in zip(HABITS, selection.cases(HABITS.values(), traits=list), strict=True)
    ],
)
def test_a_booking_lives_from_consent_to_disconnecting(
    machine: Machine, google: OtherGoogle, habits: dict[str, Any]
) -> None:
    google.habits.__dict__.update(habits)
    google.put(moment(2), moment(2, "11:00"))

    assert machine.json("connect").exit == 0
    assert machine.json("calendars").result["booking"] == ANA
    shown = machine.json("availability", in_days(2, "09:00"), "--until", in_days(2, "12:00")).result
    assert [slot["start"][11:16] for day in shown["days"] for slot in day["slots"]] == [
        "09:00", "09:30", "11:00", "11:30",
    ]  # fmt: skip

    booking = machine.book(in_days(3), "--key", "k").result
    assert (booking["state"], machine.book(in_days(3), "--key", "k").result["id"]) == (
        "confirmed",
        booking["id"],
    )
    assert machine.book(in_days(3)).error["code"] == "slot-taken"
    assert machine.book(in_days(2)).error["code"] == "slot-taken"
    assert [each["id"] for each in google.live()] == ["theirs0", booking["event_id"]]

    moved = machine.json("reschedule", booking["id"], in_days(4)).result
    assert moved["start"].startswith(in_days(4)[:-1])
    assert google.times(booking["event_id"]) == (moment(4), moment(4, "10:30"))
    assert not any(machine.json("sync").result[each] for each in ("moved", "cancelled", "conflicts"))

    google.drag(booking["event_id"], moment(5), moment(5, "10:30"))
    assert machine.json("sync").result["moved"] == [booking["id"]]

    assert [machine.json("cancel", booking["id"]).result["already"] for _ in range(2)] == [False, True]
    assert [each["id"] for each in google.live()] == ["theirs0"]

    other = machine.book(in_days(6)).result
    google.remove(other["event_id"])
    assert machine.json("sync").result["cancelled"] == [other["id"]]

    assert machine.json("status").result["state"] in {"connected", "degraded"}
    assert machine.json("disconnect", "--yes").result["revocation"] == "revoked"
    assert not google.refresh_tokens


@pytest.mark.full
def test_the_installed_program_does_the_same_with_a_vault_file(machine: Machine, google: OtherGoogle) -> None:
    assert machine.process("connect", "--json").exit == 0
    booked = machine.process("book", in_days(3), *WHO, "--json").result
    assert [each["id"] for each in google.live()] == [booked["event_id"]]
    assert machine.process("cancel", booked["id"], "--json").result["state"] == "cancelled"
    assert machine.process("disconnect", "--yes", "--json").result["revocation"] == "revoked"


# --- somebody is faster -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "habits",
    [{}, {"minimal": True}, {"knows_created": True, "minimal": True}],
    ids=["bare", "minimal", "created"],
)
@pytest.mark.parametrize("name", ["aaaaa", "zzzzz"])
def test_of_two_meetings_that_meet_in_one_time_ours_yields(
    connected: Machine, google: OtherGoogle, habits: dict[str, Any], name: str
) -> None:
    google.habits.__dict__.update(habits)
    made_before = {"created": "2026-01-01T00:00:00.000Z"} if google.habits.knows_created else {}
    google.once("POST", "/events", lambda: google.put(moment(3), moment(3, "11:00"), id=name, **made_before))

    assert connected.book(in_days(3)).error["code"] == "slot-taken"

    assert [each["id"] for each in google.live()] == [name]
    assert connected.json("bookings").result["bookings"] == []


@pytest.mark.parametrize(
    "habits", [{}, {"has_etags": True}, {"knows_created": True}], ids=["bare", "etags", "created"]
)
def test_a_meeting_made_while_ours_moves_there_keeps_its_time(
    connected: Machine, google: OtherGoogle, habits: dict[str, Any]
) -> None:
    google.habits.__dict__.update(habits)
    booking = connected.book(in_days(3)).result
    google.once("PATCH", booking["event_id"], lambda: google.put(moment(4), moment(4, "11:00"), id="zzzzz"))

    assert connected.json("reschedule", booking["id"], in_days(4)).error["code"] == "slot-taken"

    assert google.times(booking["event_id"]) == (moment(3), moment(3, "10:30"))


def test_a_lost_answer_to_an_insert_books_once(connected: Machine, google: OtherGoogle) -> None:
    google.habits.insert_is_silent = 1

    booked = connected.book(in_days(3)).result

    assert booked["state"] == "confirmed"
    assert [each["id"] for each in google.live()] == [booked["event_id"]]
    assert google.count("POST", "/events") == 1


def test_a_meeting_in_the_place_of_a_deleted_one_is_left_alone(
    connected: Machine, google: OtherGoogle
) -> None:
    google.habits.narrows = False
    booking = connected.book(in_days(3)).result
    google.forget(booking["event_id"])
    google.put(moment(3), moment(3, "11:00"), id="zzzzz")

    assert connected.json("cancel", booking["id"]).result["already"] is True

    assert [each["id"] for each in google.live()] == ["zzzzz"]


# --- ids --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["asked", "canonical"])
def test_a_token_from_the_environment_asks_for_primary_and_takes_either_name_in_the_answer(
    machine: Machine, google: OtherGoogle, key: str
) -> None:
    google.habits.key = key
    google.put(moment(2), moment(2, "11:00"))
    machine.environ["PORTALCAL_ACCESS_TOKEN"] = google.new_token()

    shown = machine.json("availability", in_days(2, "09:00"), "--until", in_days(2, "12:00")).result

    assert [slot["start"][11:16] for day in shown["days"] for slot in day["slots"]] == [
        "09:00", "09:30", "11:00", "11:30",
    ]  # fmt: skip
    assert shown["calendars"][0]["state"] == "checked"
    assert machine.book(in_days(2)).error["code"] == "slot-taken"


# --- refusals of every shape ------------------------------------------------------------------------------------

SHAPES: dict[str, Any] = {
    "nothing": None,
    "a text": "forbidden",
    "a list": [{"error": {"code": 403, "message": "No."}}],
    "an error that is text": {"error": "forbidden"},
    "an error that is a list": {"error": [{"reason": "forbidden"}]},
    "an error that is a number": {"error": 403},
    "errors of texts": {"error": {"errors": ["forbidden"], "message": None}},
    "the front end's": {
        "error": {"code": 403, "message": "No.", "status": "PERMISSION_DENIED", "details": [7]}
    },
    "a page": "<html><h1>No</h1></html>",
}


STATUSES = (400, 401, 403, 404, 409, 410, 412)
PLACES = (("POST", "/freeBusy"), ("POST", "/events"), ("GET", "/calendarList"))


@pytest.mark.parametrize(
    "refused",
    selection.cases(
        product(PLACES, STATUSES, SHAPES),
        traits=lambda refused: [refused[0], refused[1], refused[2]],
        name=lambda refused: f"{''.join(refused[0])}-{refused[1]}-{refused[2]}",
    ),
)
def test_a_refusal_of_any_shape_ends_in_an_error_with_a_code_and_loses_nothing(
    connected: Machine, google: OtherGoogle, refused: tuple[tuple[str, str], int, str]
) -> None:
    place, status, shape = refused
    for _ in range(2):
        google.once(*place, Answer(status, SHAPES[shape]))

    ended = connected.json("calendars") if place[0] == "GET" else connected.book(in_days(3))

    assert ended.exit in {0, 3, 4, 5, 6, 7, 8}, ended
    google.script.clear()
    assert connected.json("sync").exit == 0
    booked = connected.json("bookings").result["bookings"]
    assert [each["event_id"] for each in booked] == [each["id"] for each in google.live()]


def test_one_refused_token_is_renewed_in_silence(connected: Machine, google: OtherGoogle) -> None:
    for place in (("POST", "/freeBusy"), ("POST", "/events"), ("GET", "/events")):
        google.once(*place, refusal(401, "authError"))

        assert connected.book(in_days(3 + len(google.live()))).result["state"] == "confirmed"


@pytest.mark.parametrize("wait", ["1", "Sun, 22 Nov 2026 10:00:01 GMT", "soon", "-1", ""])
@pytest.mark.parametrize("place", [("POST", "/freeBusy"), ("POST", "/events")], ids="".join)
def test_who_is_told_to_wait_waits_and_then_books_once(
    connected: Machine, google: OtherGoogle, wait: str, place: tuple[str, str]
) -> None:
    headers = {"retry-after": wait, "date": "Sun, 22 Nov 2026 10:00:00 GMT"}
    google.once(*place, Answer(429, {"error": {"code": 429, "message": "Slow down."}}, headers))

    assert connected.book(in_days(3)).result["state"] == "confirmed"
    assert len(google.live()) == 1


# --- consent ----------------------------------------------------------------------------------------------------


def test_a_consent_without_a_refresh_token_says_how_to_get_one(
    connected: Machine, google: OtherGoogle
) -> None:
    google.habits.token["refresh_token"] = None

    ended = connected.json("connect", "--force")

    assert (ended.exit, ended.failure["code"]) == (4, "consent-denied")
    assert "no lasting access" in ended.failure["message"]
    assert "https://myaccount.google.com/connections" in ended.failure["hint"]
    assert connected.json("calendars").exit == 0


TOKEN_BODIES: tuple[Any, ...] = (
    None, "", "[]", "null", {}, {"access_token": None}, {"access_token": 7, "refresh_token": []}, "<html>", {"error": {}},
)  # fmt: skip


@pytest.mark.parametrize(
    "answered",
    selection.cases(
        product([200, 400, 401, 403, 404], TOKEN_BODIES),
        traits=lambda answered: [answered[0], str(answered[1])],
        name=lambda answered: f"{answered[0]}-{answered[1]}",
    ),
)
def test_a_token_answer_of_any_shape_ends_in_an_error_with_a_code(
    machine: Machine, google: OtherGoogle, answered: tuple[int, Any]
) -> None:
    status, body = answered
    for _ in range(3):
        google.once("POST", "/token", Answer(status, body))

    ended = machine.json("connect")

    assert ended.exit in {3, 4, 7}, ended
    assert machine.json("calendars").error["code"] == "not-connected"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_grant_that_google_does_not_know_any_more_is_forgotten_all_the_same(
    connected: Machine, google: OtherGoogle, status: int
) -> None:
    google.habits.revoked = status

    assert connected.json("disconnect", "--yes").result["forgotten"] is True
    assert connected.json("calendars").error["code"] == "not-connected"
