"""Offers: several times held for one guest, until one becomes the booking or the offer is over."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import Ran, Shell

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
TUE, WED = "2026-11-24T10:00", "2026-11-25T14:00"
TWO_DAYS = 48 * 3600


def offer(shell: Shell, *times: str, more: tuple[str, ...] = ()) -> Any:
    return shell.json("offer", *(times or (TUE, WED)), *SAM, *more).result


def book(shell: Shell, start: str, *more: str) -> Ran:
    return shell.json("book", start, "--name", "Kim", "--email", "kim@example.com", *more)


def live_events(google: Simulator) -> list[Any]:
    return [each for each in google.events() if each["status"] != "cancelled"]


def test_an_offer_holds_its_times_and_says_so_in_words_for_the_guest(
    connected: Shell, google: Simulator
) -> None:
    ran = connected("offer", TUE, "2026-11-25T11:00", *SAM, "--for", "24h", "--timezone", "America/New_York")

    offered = connected.json("offers").result["offers"][0]
    assert ran.exit == 0
    assert ran.out == (
        f"  id      {offered['id']}\n"
        "  what    Meeting with Sam Lee\n"
        "  who     Sam Lee <sam@example.com>\n"
        "  times   1  Tue 24 Nov, 10:00-10:30 (New York)\n"
        "          2  Wed 25 Nov, 11:00-11:30 (New York)\n"
        "  until   Tue 24 Nov, 03:00 (New York)  in 1 day\n"
        "  state   open\n"
        "\n"
        "These times are held for you, for a meeting of 30 minutes; choose one. All are in New York"
        "\n(America/New_York):\n"
        "\n"
        "1. Tue 24 Nov, 10:00-10:30\n"
        "2. Wed 25 Nov, 11:00-11:30\n"
        "\n"
        "They are held until Tue 24 Nov, 03:00.\n"
    )
    assert google.events() == []


def test_the_guest_is_told_no_seconds(connected: Shell, google: Simulator) -> None:
    google.clock.advance(seconds=7)

    text = connected("offer", TUE, *SAM, "--for", "1h").out

    assert "  until   Mon 23 Nov, 09:00 (London)" in text
    assert text.endswith("It is held until Mon 23 Nov, 09:00.\n")


def test_an_offer_in_json(connected: Shell) -> None:
    offered = offer(connected, TUE, more=("--key", "k1"))

    assert offered == {
        "id": offered["id"],
        "state": "open",
        "expires_at": "2026-11-25T08:00:00+00:00",
        "link": None,
        "duration_minutes": 30,
        "timezone": "Europe/London",
        "guest": {"name": "Sam Lee", "email": "sam@example.com"},
        "slots": [
            {
                "n": 1,
                "start": "2026-11-24T10:00:00+00:00",
                "end": "2026-11-24T10:30:00+00:00",
                "people": [],
                "event_id": None,
            }
        ],
        "booking": None,
        "key": "k1",
        "replayed": False,
        "text": "This time is held for you, for a meeting of 30 minutes: Tue 24 Nov, 10:00-10:30 in London "
        "(Europe/London). It is held until Wed 25 Nov, 08:00.",
    }


def test_an_offered_time_is_not_open_to_anybody_else_and_the_explanation_names_the_offer(
    connected: Shell,
) -> None:
    offered = offer(connected)

    taken = book(connected, TUE)
    explained = connected.json("availability", "--explain", TUE).result
    listed = connected.json("availability", "2026-11-24", "--days", "1").result
    moved = connected.json("reschedule", book(connected, "2026-11-26T10:00").result["id"], WED)

    assert taken.error["code"] == "slot-taken"
    assert f"offer {offered['id'][:8]}" in taken.error["message"]
    assert [(each["code"], each["offer"]) for each in explained["reasons"]] == [("offered", offered["id"])]
    assert (
        f"  held  10:00-10:30 is held for offer {offered['id'][:8]}\n"
        in connected("availability", "--explain", TUE).out
    )
    assert "2026-11-24T10:00:00+00:00" not in [each["start"] for each in listed["days"][0]["slots"]]
    assert moved.error["code"] == "slot-taken"
    assert connected.json("bookings").result["bookings"][0]["start"] == "2026-11-26T10:00:00+00:00"


def test_one_of_the_times_becomes_the_booking_and_the_others_are_free(
    connected: Shell, google: Simulator
) -> None:
    offered = offer(connected)

    booked = connected.json("book", "--offer", f"{offered['id'][:8]}/2").result

    assert (booked["state"], booked["start"]) == ("confirmed", "2026-11-25T14:00:00+00:00")
    assert booked["guest"] == {"name": "Sam Lee", "email": "sam@example.com"}
    assert [each["summary"] for each in live_events(google)] == ["Meeting with Sam Lee"]
    assert [mail.to for mail in google.outbox] == ["sam@example.com"]
    (taken,) = connected.json("offers", "--state", "taken").result["offers"]
    assert (taken["booking"], taken["text"]) == (booked["id"], None)
    assert book(connected, TUE).exit == 0


def test_converting_twice_is_converting_once_and_another_time_is_too_late(
    connected: Shell, google: Simulator
) -> None:
    offered = offer(connected)
    booked = connected.json("book", "--offer", f"{offered['id']}/1").result

    again = connected.json("book", "--offer", f"{offered['id']}/1").result
    other = connected.json("book", "--offer", f"{offered['id']}/2")

    assert (again["id"], again["replayed"]) == (booked["id"], True)
    assert (other.exit, other.error["code"]) == (5, "offer-taken")
    assert other.error["message"] == (
        f"offer {offered['id'][:8]} was taken: it is booking {booked['id'][:8]}. Nothing was booked."
    )
    assert len(live_events(google)) == 1


def test_an_offer_that_expired_holds_nothing_though_nothing_has_run(
    connected: Shell, google: Simulator
) -> None:
    offered = offer(connected, WED, "2026-11-26T10:00")
    google.clock.advance(seconds=TWO_DAYS)

    listed = connected.json("availability", "2026-11-25", "--days", "1").result["days"][0]["slots"]
    assert "2026-11-25T14:00:00+00:00" in [each["start"] for each in listed]
    assert connected.json("offers").result == {"offers": []}
    assert [each["state"] for each in connected.json("offers", "--state", "expired").result["offers"]] == [
        "expired"
    ]
    assert book(connected, WED).exit == 0
    late = connected.json("book", "--offer", f"{offered['id']}/2")
    assert (late.exit, late.error["code"]) == (5, "offer-expired")
    assert late.error["message"] == (
        f"offer {offered['id'][:8]} expired on Wed 25 Nov, 08:00 (London). Nothing was booked."
    )
    extended = connected.json("offer", offered["id"], "--extend", "24h")
    assert (extended.exit, extended.error["code"]) == (5, "offer-expired")


def test_a_moment_before_its_expiry_an_offer_holds_and_can_be_extended(
    connected: Shell, google: Simulator
) -> None:
    offered = offer(connected, "2026-11-26T10:00")
    google.clock.advance(seconds=TWO_DAYS - 1)

    extended = connected.json("offer", offered["id"], "--extend", "24h").result
    google.clock.advance(seconds=3600)

    assert extended["expires_at"] == "2026-11-26T08:00:00+00:00"
    assert book(connected, "2026-11-26T10:00").error["code"] == "slot-taken"


def test_an_offer_is_not_held_for_ever_however_often_it_is_extended(connected: Shell) -> None:
    longest = offer(connected, "2026-11-26T10:00", "--for", "366d")

    extended = connected.json("offer", longest["id"], "--extend", "1d")
    made = connected.json("offer", "2026-11-27T10:00", *SAM, "--for", "367d")

    message = "an offer is held for at most 366 days from now, and this one would be for 367"
    assert [(each.exit, each.error["message"]) for each in (extended, made)] == [(2, message)] * 2
    assert connected.json("offers").result["offers"] == [longest]


def test_a_released_offer_frees_its_times_and_releasing_twice_is_fine(connected: Shell) -> None:
    offered = offer(connected)

    released = connected.json("offer", offered["id"], "--release").result

    assert (released["state"], released["text"]) == ("released", None)
    assert connected.json("offer", offered["id"], "--release").result["state"] == "released"
    assert book(connected, TUE).exit == 0
    gone = connected.json("book", "--offer", f"{offered['id']}/1")
    assert gone.error["message"] == f"offer {offered['id'][:8]} was released. Nothing was booked."


def test_picked_times_are_spread_over_days_and_halves_of_days(connected: Shell) -> None:
    connected.json("offer", "--pick", "1", "--from", "2026-11-26", "--until", "2026-11-26", *SAM)

    picked = connected.json(
        "offer", "--pick", "4", "--from", "2026-11-24", "--until", "2026-11-26", *SAM
    ).result

    assert [each["start"][:16] for each in picked["slots"]] == [
        "2026-11-24T09:00",
        "2026-11-24T12:00",
        "2026-11-25T09:00",
        "2026-11-26T09:30",
    ]


def test_the_key_makes_an_offer_idempotent_also_where_times_are_picked(connected: Shell) -> None:
    words = ("offer", "--pick", "2", "--from", "2026-11-24", *SAM, "--key", "k1")
    first = connected.json(*words).result

    again = connected.json(*words).result
    other = connected.json("offer", TUE, *SAM, "--key", "k1")

    assert again == first | {"replayed": True}
    assert len(connected.json("offers").result["offers"]) == 1
    assert (other.exit, other.error["code"]) == (5, "key-reused")


def test_of_times_of_which_one_is_taken_none_is_held(connected: Shell) -> None:
    book(connected, WED)

    refused = connected.json("offer", TUE, WED, *SAM)

    assert refused.error["code"] == "slot-taken"
    assert refused.error["message"].endswith("Nothing was offered.")
    assert connected.json("offers").result == {"offers": []}
    assert book(connected, TUE).exit == 0


def test_limits_of_a_day_count_what_is_offered(connected: Shell) -> None:
    connected.configure("[rules]\nmax_per_day = 1\n")
    offer(connected, TUE)

    assert book(connected, "2026-11-24T15:00").error["code"] == "slot-not-offered"
    assert connected.json("offer", WED, "2026-11-25T15:00", *SAM).error["code"] == "slot-not-offered"


def test_tentative_events_hold_the_times_in_the_calendar_without_guests(
    connected: Shell, google: Simulator
) -> None:
    offered = offer(connected, more=("--tentative",))

    events = live_events(google)
    assert [each["summary"] for each in events] == ["Hold: Meeting with Sam Lee"] * 2
    assert [each.get("attendees") for each in events] == [None, None]
    assert [each["event_id"] for each in offered["slots"]] == [each["id"] for each in events]
    assert google.outbox == []
    explained = connected.json("availability", "--explain", TUE).result
    assert [each["code"] for each in explained["reasons"]] == ["offered"]


def test_a_conversion_replaces_the_tentative_events_by_that_of_the_booking(
    connected: Shell, google: Simulator
) -> None:
    offered = offer(connected, more=("--tentative",))

    booked = connected.json("book", "--offer", f"{offered['id']}/1").result

    assert booked["state"] == "confirmed"
    assert [each["id"] for each in live_events(google)] == [booked["event_id"]]


def test_tentative_events_that_google_cannot_be_told_yet_are_owed_and_the_times_held(
    connected: Shell, google: Simulator
) -> None:
    google.faults.add("events.insert: 503")

    ran = connected.json("offer", TUE, WED, *SAM, "--tentative")
    google.faults.clear()
    google.clock.advance(seconds=60)

    assert ran.exit == 8
    assert [each["event_id"] for each in ran.result["slots"]] == [None, None]
    assert book(connected, TUE).error["code"] == "slot-taken"
    connected.json("sync")
    assert len(live_events(google)) == 2


@pytest.mark.parametrize("how", ["released", "expired"])
def test_tentative_events_go_when_the_offer_is_over(connected: Shell, google: Simulator, how: str) -> None:
    offered = offer(connected, WED, "2026-11-26T10:00", more=("--tentative",))

    if how == "released":
        connected.json("offer", offered["id"], "--release")
    else:
        google.clock.advance(seconds=TWO_DAYS)
        connected.json("sync")

    assert live_events(google) == []
    assert [each["state"] for each in connected.json("offers", "--state", how).result["offers"]] == [how]


def test_a_tentative_event_that_cannot_be_removed_yet_is_in_nobodys_way(
    connected: Shell, google: Simulator
) -> None:
    offered = offer(connected, more=("--tentative",))
    google.faults.add("events.delete: 503 times=20")

    booked = connected.json("book", "--offer", f"{offered['id']}/1").result
    google.faults.clear()
    google.clock.advance(seconds=60)
    connected.json("sync")

    assert booked["state"] == "confirmed"
    assert [each["id"] for each in live_events(google)] == [booked["event_id"]]


@pytest.mark.parametrize("more", [(), ("--tentative",)], ids=["", "tentative"])
def test_a_meeting_put_into_the_calendar_meanwhile_keeps_the_offer_from_being_taken(
    connected: Shell, google: Simulator, more: tuple[str, ...]
) -> None:
    offered = offer(connected, more=more)
    google.add_event("primary", "2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z", "Dentist")

    refused = connected.json("book", "--offer", f"{offered['id']}/1")

    assert refused.error["code"] == "slot-taken"
    assert connected.json("offers").result["offers"][0]["state"] == "open"
    assert connected.json("book", "--offer", f"{offered['id']}/2").result["state"] == "confirmed"


def test_of_two_conversions_at_once_one_wins_and_there_is_one_event(
    connected: Shell, google: Simulator
) -> None:
    offered = offer(connected)
    answers: list[Ran] = []

    def convert(number: int) -> None:
        answers.append(connected.json("book", "--offer", f"{offered['id']}/{number}"))

    threads = [threading.Thread(target=convert, args=(number,)) for number in (1, 2, 1, 2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    # Pending: another process is still at the same booking.
    booked = {each.result["id"] for each in answers if each.exit in {0, 8}}
    assert len(booked) == 1
    assert {each.error["code"] for each in answers if each.exit == 5} == {"offer-taken"}
    assert {each.exit for each in answers} <= {0, 5, 8}
    assert len(live_events(google)) == 1


def test_an_offer_while_disconnected_rests_on_the_schedule(portalcal: Shell) -> None:
    ran = portalcal.json("offer", TUE, WED, *SAM)

    assert ran.warnings == ["not-connected"]
    tentative = portalcal.json("offer", "2026-11-26T10:00", *SAM, "--tentative")
    assert (tentative.exit, tentative.error["code"]) == (4, "not-connected")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((TUE, "2026-11-24T10:15", *SAM), "overlaps another time of the offer"),
        ((TUE, *SAM, "--pick", "2"), "START and --pick exclude each other"),
        (SAM, "START is missing"),
        ((TUE, *SAM, "--until", "fri"), "--from and --until go with --pick"),
        ((TUE, "--name", "Sam"), "--email is missing"),
        (
            tuple(f"2026-11-24T{hour:02}:00" for hour in range(6, 17)) + SAM,
            "at most 10 times, and 11 are given",
        ),
        (("5d16", "--release", "--extend", "1h"), "--extend and --release exclude each other"),
        (("--release",), "--release takes the ID of one offer"),
    ],
)
def test_what_cannot_be_offered_is_said(connected: Shell, words: tuple[str, ...], message: str) -> None:
    ran = connected.json("offer", *words)

    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert message in ran.error["message"]


def test_which_of_several_times_must_be_said(connected: Shell) -> None:
    offered = offer(connected)

    unnamed = connected.json("book", "--offer", offered["id"])
    beyond = connected.json("book", "--offer", f"{offered['id']}/3")
    beside = connected.json("book", TUE, "--offer", offered["id"])
    unknown = connected.json("book", "--offer", "5d16c341/1")

    assert unnamed.exit == beyond.exit == beside.exit == 2
    assert "1: Tue 24 Nov, 10:00 (London), 2: Wed 25 Nov, 14:00 (London)" in unnamed.error["message"]
    assert (unknown.exit, unknown.error["code"]) == (6, "offer-not-found")


def test_the_times_of_an_offer_are_no_bookings(connected: Shell, google: Simulator) -> None:
    offered = offer(connected, more=("--tentative",))
    slot = google.events()[0]["extendedProperties"]["private"]["portalcal"]

    assert connected.json("bookings").result["bookings"] == []
    assert connected.json("cancel", slot).error["code"] == "booking-not-found"
    assert connected.json("status").result["bookings"]["live"] == 0
    assert connected.json("sync").exit == 0
    assert len(live_events(google)) == 2
    assert connected.json("history").result["history"][0]["what"] == "offered"
    assert offered["state"] == "open"


def test_the_people_of_an_offered_time_are_held_and_come_to_the_booking(
    connected: Shell, google: Simulator
) -> None:
    for name in ("ben", "zoe"):
        google.add_calendar(f"{name}@example.com", summary=name, role="freeBusyReader")
    connected.configure(
        '[pools]\nbackend = ["ben@example.com", "zoe@example.com"]\n[links.panel]\nneed = { backend = 1 }\n'
    )
    offered = offer(connected, TUE, more=("--link", "panel"))
    (held,) = (each["person"] for each in offered["slots"][0]["people"])
    shown = connected.on_terminal("offers", columns=80)
    assert f"\n  with    {held}\n  times   1  Tue 24 Nov" in shown

    taken = connected.json("book", TUE, *SAM, "--with", held, "--owner", "organises")
    booked = connected.json("book", "--offer", f"{offered['id']}/1").result

    assert taken.error["code"] == "slot-taken"
    assert [each["person"] for each in booked["people"] if each["role"] == "need"] == [held]


def test_in_a_pipe_an_offer_is_a_line(connected: Shell) -> None:
    offered = offer(connected, TUE, "2026-11-25T11:00")

    assert connected("offers").out == (
        f"{offered['id']}  open  until Wed 25 Nov, 08:00 (London)  Sam Lee <sam@example.com>  "
        "Tue 24 Nov, 10:00-10:30 (London) · Wed 25 Nov, 11:00-11:30 (London)\n"
    )


def test_no_line_of_the_text_for_the_guest_is_broken_within_a_time(connected: Shell) -> None:
    # The line would end within the date.
    shown = connected.on_terminal("offer", TUE, *SAM, columns=64)

    assert "Tue 24 Nov, 10:00-10:30" in shown.partition("This time is held for you")[2]


def test_times_for_which_different_people_come_name_them(connected: Shell, google: Simulator) -> None:
    for name, day in (("ben", "24"), ("zoe", "25")):
        google.add_calendar(f"{name}@example.com", summary=name, role="freeBusyReader")
        google.add_event(
            f"{name}@example.com", f"2026-11-{day}T09:00:00Z", f"2026-11-{day}T17:00:00Z", "Course"
        )
    connected.configure(
        '[pools]\nbackend = ["ben@example.com", "zoe@example.com"]\n[links.panel]\nneed = { backend = 1 }\n'
    )

    page = connected("offer", TUE, WED, *SAM, "--link", "panel").out

    assert "1  Tue 24 Nov, 10:00-10:30 (London)  zoe@example.com\n" in page
    assert "2  Wed 25 Nov, 14:00-14:30 (London)  ben@example.com\n" in page


def test_the_history_of_an_offer_is_told_in_sentences(connected: Shell, google: Simulator) -> None:
    named = f"offer {offer(connected, TUE, WED, more=('--for', '1h'))['id'][:8]}"
    google.clock.advance(hours=2)
    connected("sync")

    sentences = [line.split("  ", 2)[2].split(", by ")[0] for line in connected("history").out.splitlines()]
    assert sentences == [
        f"offered Tue 24 Nov, 10:00-10:30 to Sam Lee, {named}",
        f"offered Wed 25 Nov, 14:00-14:30 to Sam Lee, {named}",
        "its offer expired, and its time is free",
        "its offer expired, and its time is free",
    ]


def test_the_grid_tells_a_time_of_an_offer_from_a_booked_one(connected: Shell) -> None:
    offer(connected, "2026-11-26T10:00")
    assert book(connected, "2026-11-26T11:00").exit == 0

    grid = connected("availability", "2026-11-26", "--days", "1").out
    page = connected("availability", "2026-11-26", "--days", "1", "--format", "html").out

    assert "▓▓▓ booked   ▒▒▒ held by an offer" in grid
    assert re.findall(r'class="(\w+)"[^>]*><span title="[^"]*">(booked|held)</span>', page) == [
        ("held", "held"),
        ("booked", "booked"),
    ]
