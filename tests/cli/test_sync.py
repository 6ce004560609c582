"""Bringing ledger and calendar in line, whatever happened to either."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest

from portalcal.core.booking import State
from portalcal.ports import Search
from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Ran, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
TEN, ELEVEN = "2026-11-24T10:00:00+00:00", "2026-11-24T11:00:00+00:00"
LISTS = (
    "delivered",
    "still_owed",
    "refused",
    "moved",
    "cancelled",
    "declined",
    "updated",
    "conflicts",
    "needs_replacement",
    "replaced",
    "added",
    "unknown",
    "adopted",
)


def booked(shell: Shell, start: str = "2026-11-24T10:00", *more: str) -> str:
    identifier: str = shell.json("book", start, *SAM, *more).result["id"]
    shell.google.clock.advance(seconds=60)
    return identifier


def sync(shell: Shell, *more: str) -> Ran:
    shell.google.forget_requests()
    return shell.json("sync", *more)


def found(ran: Ran) -> dict[str, list[str]]:
    """The lists that are not empty."""
    return {name: ran.result[name] for name in LISTS if ran.result[name]}


def shown(shell: Shell, identifier: str) -> Any:
    return shell.json("bookings", identifier).result["bookings"][0]


def change(google: Simulator, booking: str, **fields: Any) -> None:
    """Somebody changes the event of a booking in the calendar."""
    google.clock.advance(seconds=60)
    google.model.put(google.calendar("primary"), event_of(google, booking) | fields)


def event_of(google: Simulator, booking: str) -> dict[str, Any]:
    marks = ((each, each.get("extendedProperties", {}).get("private", {})) for each in google.events())
    return next(each for each, mark in marks if mark.get("portalcal") == booking)


def times(start: str, end: str) -> dict[str, Any]:
    return {"start": {"dateTime": f"2026-11-24T{start}:00Z"}, "end": {"dateTime": f"2026-11-24T{end}:00Z"}}


def drag(google: Simulator, booking: str, calendar: str) -> None:
    """Somebody drags an event to another calendar, which leaves a deleted one behind."""
    event = event_of(google, booking)
    google.model.put(google.calendar(calendar), event)
    google.model.put(google.calendar("primary"), event | {"status": "cancelled"})


@pytest.fixture(params=["the first time", "with a token", "after the token expired"])
def before(request: pytest.FixtureRequest, connected: Shell, google: Simulator) -> Any:
    """Brings the shell to where a sync reads everything, reads changes, or has to read everything again."""

    def run() -> None:
        if request.param == "the first time":
            return
        assert sync(connected).exit == 0
        if request.param == "after the token expired":
            google.expire_sync_tokens()

    return run


def test_when_nothing_changed_it_is_one_request(connected: Shell, google: Simulator) -> None:
    booked(connected)

    first, second = sync(connected), sync(connected)

    assert (first.exit, found(first)) == (0, {})
    assert (second.exit, found(second)) == (0, {})
    assert [each.operation for each in google.requests] == ["events.list"]
    assert set(second.result) == {*LISTS, "dry_run"}


def test_an_event_deleted_in_the_calendar_ends_its_booking(
    connected: Shell, google: Simulator, before: Any
) -> None:
    identifier = booked(connected)
    before()
    change(google, identifier, status="cancelled")

    ran = sync(connected)

    assert (ran.exit, found(ran)) == (0, {"cancelled": [identifier]})
    assert shown(connected, identifier)["state"] == "cancelled"
    assert connected.json("book", "2026-11-24T10:00", *SAM).exit == 0
    assert "in Google Calendar" in connected("bookings", identifier).out


def test_an_event_that_is_gone_without_a_trace_ends_its_booking(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    event = event_of(google, identifier)
    google.calendar("primary").events.pop(event["id"])

    assert found(sync(connected)) == {"cancelled": [identifier]}


def test_an_event_moved_in_the_calendar_moves_its_booking(
    connected: Shell, google: Simulator, before: Any
) -> None:
    identifier = booked(connected, "2026-11-24T10:00", "--key", "order-17")
    before()
    change(google, identifier, **times("11:00", "12:00"))

    ran = sync(connected)

    assert found(ran) == {"moved": [identifier]}
    assert (shown(connected, identifier)["start"], shown(connected, identifier)["end"]) == (
        ELEVEN,
        "2026-11-24T12:00:00+00:00",
    )
    assert connected.json("book", "2026-11-24T10:00", *SAM).exit == 0
    assert connected.json("book", "2026-11-24T11:30", *SAM).error["code"] == "slot-taken"
    again = connected.json("book", "2026-11-24T10:00", *SAM, "--key", "order-17").result
    assert (again["id"], again["replayed"]) == (identifier, True)
    assert found(sync(connected)) == {}


def test_a_time_that_another_booking_holds_is_a_conflict_until_somebody_resolves_it(
    connected: Shell, google: Simulator, before: Any
) -> None:
    first, second = booked(connected), booked(connected, "2026-11-24T11:00")
    before()
    change(google, first, **times("11:15", "11:45"))

    ran, again = sync(connected), sync(connected)

    for each in (ran, again):
        assert (each.exit, found(each), each.warnings) == (0, {"conflicts": [first]}, ["booking-conflict"])
    assert shown(connected, first)["start"] == TEN
    connected.json("cancel", second)
    assert found(sync(connected)) == {"moved": [first]}
    assert found(sync(connected)) == {}


def test_one_event_may_take_the_time_that_another_one_left(
    connected: Shell, google: Simulator, before: Any
) -> None:
    ids = [booked(connected, f"2026-11-24T{hour}:00") for hour in (10, 11, 12)]
    before()
    for identifier, hour in zip(ids, (11, 12, 13), strict=True):
        change(google, identifier, **times(f"{hour}:00", f"{hour}:30"))

    assert {name: sorted(each) for name, each in found(sync(connected)).items()} == {"moved": sorted(ids)}


def test_a_guest_who_declined_is_noted(connected: Shell, google: Simulator, before: Any) -> None:
    identifier = booked(connected)
    before()
    change(google, identifier, attendees=[{"email": "sam@example.com", "responseStatus": "declined"}])

    ran, again = sync(connected), sync(connected)

    assert found(ran)["declined"] == [identifier]
    assert found(again) == {}
    assert shown(connected, identifier)["declined"] == ["sam@example.com"]
    assert shown(connected, identifier)["state"] == "confirmed"
    assert "sam@example.com declined" in connected("bookings", identifier).out


def test_title_and_place_are_kept_up_and_the_key_still_stands_for_the_request(
    connected: Shell, google: Simulator, before: Any
) -> None:
    identifier = booked(connected, "2026-11-24T10:00", "--key", "order-17")
    before()
    change(google, identifier, summary="Second interview", location="Room 9")

    ran = sync(connected)

    assert found(ran) == {"updated": [identifier]}
    assert (shown(connected, identifier)["title"], shown(connected, identifier)["location"]) == (
        "Second interview",
        "Room 9",
    )
    again = connected.json("book", "2026-11-24T10:00", *SAM, "--key", "order-17")
    assert (again.exit, again.result["id"]) == (0, identifier)


def test_an_answer_of_the_guest_only_brings_the_new_version(
    connected: Shell, google: Simulator, before: Any
) -> None:
    identifier = booked(connected)
    before()
    change(google, identifier, attendees=[{"email": "sam@example.com", "responseStatus": "accepted"}])

    assert found(sync(connected)) == {}
    google.forget_requests()
    connected.json("reschedule", identifier, "2026-11-24T11:00")
    assert google.count("events.patch") == 1


def test_a_meet_link_that_came_late_is_taken_over(connected: Shell, google: Simulator) -> None:
    google.conference = "pending"
    identifier = booked(connected, "2026-11-24T10:00", "--meet")
    event = event_of(google, identifier)
    connected.json("availability")
    link = {"hangoutLink": "https://meet.google.com/abc-defg-hij"}
    google.model.put(google.calendar("primary"), event | link)

    sync(connected)

    assert shown(connected, identifier)["meet_url"].startswith("https://meet.google.com/")


def test_an_event_dragged_to_another_calendar_is_followed(
    connected: Shell, google: Simulator, before: Any
) -> None:
    google.add_calendar("second@example.com", summary="Second")
    identifier = booked(connected)
    before()
    drag(google, identifier, "second@example.com")

    ran = sync(connected)
    assert found(ran) == {"updated": [identifier]}
    assert shown(connected, identifier)["calendar"] == "second@example.com"

    (event,) = google.events("second@example.com")
    google.model.put(google.calendar("second@example.com"), event | times("13:00", "13:30"))
    assert found(sync(connected)) == {"moved": [identifier]}
    assert connected.json("cancel", identifier).result["state"] == "cancelled"
    assert google.events("second@example.com") == []


def test_changes_of_many_pages_are_read(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    for number in range(2600):
        google.add_event("primary", "2026-12-01", "2026-12-02", f"Day {number}", transparency="transparent")
    change(google, identifier, **times("11:00", "11:30"))

    ran = sync(connected)

    assert found(ran) == {"moved": [identifier]}
    assert google.count("events.list") == 2
    assert found(sync(connected)) == {}
    assert google.count("events.list") == 1


# --- errors are not deletions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("events.list: 403-quotaExceeded", "quota-exhausted"),
        ("events.list: not-json", "google-unreachable"),
        ("events.list: drop", "google-unreachable"),
        ("events.list: 401", "grant-revoked"),
        ("events.get: 403-quotaExceeded", "quota-exhausted"),
        ("events.get: not-json", "google-unreachable"),
        ("calendarList.list: 403-quotaExceeded", "quota-exhausted"),
    ],
)
def test_an_error_is_never_read_as_a_deletion(
    connected: Shell, google: Simulator, fault: str, code: str
) -> None:
    identifier = booked(connected)
    sync(connected)
    change(google, identifier, status="cancelled")
    google.faults.add(fault)

    ran = sync(connected)

    assert ran.error["code"] == code
    google.faults.clear()
    assert shown(connected, identifier)["state"] == "confirmed"
    assert found(sync(connected)) == {"cancelled": [identifier]}


def test_a_calendar_that_cannot_be_seen_is_no_empty_one(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.list: 404")

    ran = sync(connected)

    assert (ran.exit, found(ran), ran.warnings) == (0, {}, ["calendar-not-found"])
    assert shown(connected, identifier)["state"] == "confirmed"


def test_an_event_that_is_listed_but_not_found_is_left_for_the_next_time(
    connected: Shell, google: Simulator
) -> None:
    identifier = booked(connected)
    change(google, identifier, **times("11:00", "11:30"))
    google.faults.add("events.get: 404 once")

    assert found(sync(connected)) == {}
    assert found(sync(connected)) == {"moved": [identifier]}


def test_what_is_over_is_history(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.clock.advance(seconds=3 * 24 * 3600)
    change(google, identifier, status="cancelled")

    assert found(sync(connected)) == {}
    assert shown(connected, identifier)["state"] == "confirmed"


# --- what nobody knew of ----------------------------------------------------------------------------------------


def test_an_event_made_after_its_booking_was_cancelled_is_removed(
    connected: Shell, google: Simulator, before: Any
) -> None:
    """A process that slept past its lease made it, and died before it could say so."""
    identifier = booked(connected)
    event = event_of(google, identifier)
    assert connected.json("cancel", identifier).exit == 0
    before()
    google.clock.advance(seconds=60)
    google.model.put(
        google.calendar("primary"), event | {"id": "pclate", "created": google.clock.now().isoformat()}
    )

    tried = sync(connected, "--dry-run")
    assert (tried.exit, tried.warnings, len(google.events())) == (0, ["event-left-over"], 1)
    ran = sync(connected)

    assert (ran.exit, found(ran), ran.warnings) == (0, {}, ["event-left-over"])
    assert google.events() == []
    assert sync(connected).warnings == []


def test_an_event_that_somebody_took_back_out_of_the_bin_stays(
    connected: Shell, google: Simulator, before: Any
) -> None:
    identifier = booked(connected)
    event = event_of(google, identifier)
    assert connected.json("cancel", identifier).exit == 0
    before()
    google.clock.advance(seconds=60)
    google.model.put(google.calendar("primary"), event)

    ran = sync(connected)

    assert (ran.exit, found(ran), ran.warnings) == (0, {}, [])
    assert [each["id"] for each in google.events()] == [event["id"]]


def test_an_event_of_a_booking_that_was_refused_is_removed(connected: Shell, google: Simulator) -> None:
    other = event_of(google, booked(connected))
    google.faults.add("events.insert: 403-forbidden once")
    ran = connected.json("book", "2026-11-24T11:00", *SAM)
    assert ran.exit == 3
    with closing(connected.ledger()) as ledger:
        (refused,) = ledger.search(Search(states=(State.REFUSED,)))
    marks = {"private": {"portalcal": str(refused.id)}}
    late = other | times("11:00", "11:30") | {"id": refused.next_event_id, "extendedProperties": marks}
    google.model.put(google.calendar("primary"), late)

    assert sync(connected).warnings == ["event-left-over"]
    assert len(google.events()) == 1


# --- what is owed -----------------------------------------------------------------------------------------------


def test_everything_owed_is_delivered_whenever_it_is_due(connected: Shell, google: Simulator) -> None:
    google.faults.add("events.insert: 403-quotaExceeded")
    ids = [booked(connected, f"2026-11-{day}T{hour:02}:00") for day in (24, 25) for hour in range(9, 17)]
    ids += [booked(connected, f"2026-11-26T{hour:02}:00") for hour in range(9, 17)]
    assert len(ids) == 24
    google.faults.clear()

    ran = sync(connected)

    assert ran.exit == 0
    assert sorted(ran.result["delivered"]) == sorted(ids)
    assert len(google.events()) == 24


def test_what_is_still_owed_is_pending(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    google.faults.add("events.delete: 403-quotaExceeded")
    connected.json("cancel", identifier)

    ran = sync(connected)

    assert (ran.exit, found(ran)) == (8, {"still_owed": [identifier]})


def test_a_cancellation_made_while_disconnected_reaches_the_calendar(
    connected: Shell, google: Simulator
) -> None:
    identifier = booked(connected)
    connected.json("disconnect", "--yes")
    connected.json("cancel", identifier)
    connected.connect()

    assert found(sync(connected)) == {"delivered": [identifier]}
    assert google.events() == []


def test_a_move_that_cannot_be_is_taken_back_to_where_the_event_is(
    connected: Shell, google: Simulator
) -> None:
    identifier = booked(connected)
    connected.json("disconnect", "--yes")
    connected.json("reschedule", identifier, "2026-11-24T11:00")
    google.add_event("primary", ELEVEN, "2026-11-24T12:00:00+00:00", "Dentist")
    connected.connect()

    ran = sync(connected)

    assert found(ran) == {"refused": [identifier], "moved": [identifier]}
    assert ran.warnings == ["booking-not-moved"]
    assert shown(connected, identifier)["start"] == TEN


def test_the_time_after_an_event_that_somebody_moved_first_is_learned(
    connected: Shell, google: Simulator
) -> None:
    identifier = booked(connected)
    sync(connected)
    change(google, identifier, **times("14:00", "14:30"))
    assert connected.json("reschedule", identifier, "2026-11-24T11:00").error["code"] == "already-moved"

    assert found(sync(connected)) == {"moved": [identifier]}
    assert shown(connected, identifier)["start"] == "2026-11-24T14:00:00+00:00"


# --- bookings without an event ----------------------------------------------------------------------------------


def test_bookings_made_while_disconnected_are_given_events_when_asked(
    portalcal: Shell, google: Simulator
) -> None:
    identifier = booked(portalcal)
    portalcal.connect()

    assert found(sync(portalcal)) == {}
    assert google.events() == []
    ran = sync(portalcal, "--add-missing")
    assert found(ran) == {"delivered": [identifier], "added": [identifier]}
    told = shown(portalcal, identifier)
    assert (told["state"], told["calendar"], told["event_id"]) == ("confirmed", ANA, google.events()[0]["id"])
    assert found(sync(portalcal, "--add-missing")) == {}


def test_a_time_that_is_taken_by_now_leaves_the_promise_without_an_event_and_says_so(
    portalcal: Shell, google: Simulator
) -> None:
    identifier = booked(portalcal)
    google.add_event("primary", TEN, ELEVEN, "Dentist")
    portalcal.connect()

    ran = sync(portalcal, "--add-missing")

    assert (found(ran), ran.warnings) == ({"refused": [identifier]}, ["event-not-made"])
    assert [each["summary"] for each in google.events()] == ["Dentist"]
    told = shown(portalcal, identifier)
    assert (told["state"], told["calendar"], told["event_id"]) == ("confirmed", None, None)


def test_a_lost_reply_makes_no_second_event(portalcal: Shell, google: Simulator) -> None:
    booked(portalcal)
    portalcal.connect()
    google.faults.add("events.insert: lost-reply once")

    sync(portalcal, "--add-missing")

    assert len(google.events()) == 1


# --- only looking -----------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_and_changes_nothing(connected: Shell, google: Simulator) -> None:
    moved, gone, owed, taken = (booked(connected, f"2026-11-24T{hour}:00") for hour in (10, 11, 12, 13))
    google.faults.add("events.delete: 403-quotaExceeded")
    connected.json("cancel", owed)
    google.faults.clear()
    change(google, moved, **times("15:00", "15:30"))
    change(google, gone, status="cancelled")
    change(google, taken, **times("12:00", "12:30"))
    before = connected.json("bookings", "--state", "confirmed", "--state", "cancelling").out

    ran = sync(connected, "--dry-run")

    assert (ran.exit, ran.result["dry_run"]) == (0, True)
    assert found(ran) == {"still_owed": [owed], "moved": [moved], "cancelled": [gone], "conflicts": [taken]}
    assert connected.json("bookings", "--state", "confirmed", "--state", "cancelling").out == before
    assert google.count("events.delete") == 0
    assert found(sync(connected)) == {
        "delivered": [owed], "moved": sorted([moved, taken], key=ran.out.find), "cancelled": [gone],
    }  # fmt: skip


def test_a_dry_run_names_the_bookings_that_would_be_given_events(portalcal: Shell, google: Simulator) -> None:
    identifier = booked(portalcal)
    portalcal.connect()

    assert found(sync(portalcal, "--add-missing", "--dry-run")) == {"added": [identifier]}
    assert google.events() == []
    assert shown(portalcal, identifier)["calendar"] is None


def test_without_a_connection_there_is_nothing_to_be_in_line_with(portalcal: Shell) -> None:
    assert sync(portalcal).error["code"] == "not-connected"


def test_a_change_made_here_while_the_calendar_was_read_stays(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    change(google, identifier, **times("14:00", "14:30"))

    def interrupt(exchange: Any) -> None:
        if exchange.operation == "events.get" and shown(connected, identifier)["state"] == "confirmed":
            connected.json("cancel", identifier)

    google.observe(interrupt)

    assert found(sync(connected)) == {}
    assert shown(connected, identifier)["state"] == "cancelled"
    assert google.events() == []


def test_people_read_what_was_brought_in_line(connected: Shell, google: Simulator) -> None:
    identifier = booked(connected)
    change(google, identifier, status="cancelled")

    first, second = connected("sync"), connected("sync")

    assert first.out == (
        "Brought in line\n\n"
        f"  {identifier[:8]}  Sam Lee  Tue 24 Nov, 10:00-10:30 (London)\n"
        "            deleted in the calendar\n"
    )
    assert second.out == "Bookings and calendar agree\n"


def test_of_many_the_beginnings_of_their_ids_are_shown(connected: Shell, google: Simulator) -> None:
    starts = [f"2026-11-{day}T{hour:02}:00" for day in (24, 25, 26) for hour in range(9, 16)]
    made = [connected.json("book", each, *SAM).result["id"] for each in starts]
    for each in made:
        change(google, each, status="cancelled")

    out = connected("sync").out

    assert out.startswith("Brought in line\n\n  deleted in the calendar   ")
    assert {each[:8] for each in made} <= set(out.split())
    assert "Sam Lee" not in out


def test_bookings_without_an_event_are_counted_with_what_makes_one(
    portalcal: Shell, google: Simulator
) -> None:
    assert portalcal("book", "2026-11-24T10:00", *SAM).exit == 0
    portalcal.connect()

    ran = portalcal.json("sync")

    assert (ran.exit, ran.warnings) == (0, ["events-missing"])
    assert json.loads(ran.out)["warnings"][0]["message"] == (
        "1 booking has no event; make it with `portalcal sync --add-missing`"
    )
    assert portalcal.json("sync", "--add-missing").warnings == []
    assert len(google.events()) == 1
