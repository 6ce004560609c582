"""Booking meetings of several people, from the command line to the invitations and the ledger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portalcal.errors import Exit
from portalcal.run_all import run_all
from portalcal.simulator.google import Simulator
from portalcal.simulator.http.request_log import LoggedExchange
from tests.cli.conftest import Ran, Shell
from tests.cli.test_people import TEAM, TUESDAY, busy, team

__all__ = ["team"]

SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
TEN = f"{TUESDAY}T10:00"


def book(shell: Shell, *options: str, start: str = TEN) -> Ran:
    """Book Sam's meeting at ten on Tuesday."""
    return shell.json("book", start, *SAM, *options)


def keys(booking: dict[str, Any]) -> list[str]:
    """Who takes part, in their order."""
    return [each["person"] for each in booking["people"]]


def rooms_answer(google: Simulator, habit: str) -> None:
    """Rooms answer every invitation as soon as it is there."""
    for room in ("oak@rooms.example.com", "elm@rooms.example.com"):
        google.answers(room, habit)


def decline(google: Simulator, who: str) -> None:
    """Somebody declines the meeting that they were invited to."""
    (event,) = google.events()
    attendees = [
        each | ({"responseStatus": "declined"} if each["email"] == who else {}) for each in event["attendees"]
    ]
    google.model.put(google.calendar("primary"), event | {"attendees": attendees})


def test_interviewers_optional_people_and_the_room_are_invited(team: Shell, google: Simulator) -> None:
    rooms_answer(google, "if free")

    booked = book(team, "--link", "panel", "--optional", "lee@example.com").result

    assert booked["state"] == "confirmed"
    assert booked["room"] == "oak"
    assert booked["people"] == [
        {"person": "dana", "email": "dana@example.com", "role": "with", "pool": None, "why": None, "response": None},
        {"person": "ben", "email": "ben@example.com", "role": "need", "pool": "backend", "why": "0 meetings in 30 days, none before", "response": None},
        {"person": "cleo", "email": "cleo@example.com", "role": "need", "pool": "backend", "why": "0 meetings in 30 days, none before", "response": None},
        {"person": "lee@example.com", "email": "lee@example.com", "role": "optional", "pool": None, "why": None, "response": None},
        {"person": "oak", "email": "oak@rooms.example.com", "role": "room", "pool": None, "why": None, "response": "accepted"},
    ]  # fmt: skip
    (event,) = google.events()
    assert [
        (each["email"], each.get("optional", False), each.get("resource", False))
        for each in event["attendees"]
    ] == [
        ("sam@example.com", False, False),
        ("dana@example.com", False, False),
        ("ben@example.com", False, False),
        ("cleo@example.com", False, False),
        ("lee@example.com", True, False),
        ("oak@rooms.example.com", False, True),
    ]


def test_a_panel_of_five_is_booked_with_four_requests(team: Shell, google: Simulator) -> None:
    rooms_answer(google, "if free")
    google.forget_requests()

    assert book(team, "--link", "panel").exit == 0

    operations = sorted(each.operation for each in google.requests)
    assert operations == ["events.insert", "events.list", "freebusy.query", "freebusy.query"]


def test_the_booking_says_whom_it_chose_and_why(team: Shell, google: Simulator) -> None:
    busy(google, "cleo@example.com", "10:00", "11:00")
    busy(google, "zoe@example.com", "10:00", "11:00")

    ran = team("book", TEN, *SAM, "--need", "backend", "--with", "dana")

    assert "  with    dana\n          ben  of backend: nobody else is free\n" in ran.err, ran.err


def test_members_of_a_pool_take_turns(team: Shell) -> None:
    chosen = [
        keys(book(team, "--need", "backend", start=f"{TUESDAY}T{hour}:00").result)
        for hour in (10, 11, 12, 13)
    ]

    assert chosen == [["ben"], ["cleo"], ["zoe"], ["ben"]]


def test_somebody_asked_for_comes_before_any_rank(team: Shell) -> None:
    booked = book(team, "--need", "backend", "--assign", "zoe").result

    assert [(each["person"], each["why"]) for each in booked["people"]] == [("zoe", "asked for")]


def test_somebody_asked_for_who_is_busy_is_named(team: Shell, google: Simulator) -> None:
    busy(google, "zoe@example.com", "10:00", "11:00")

    ran = book(team, "--need", "backend", "--assign", "zoe")

    assert (ran.exit, ran.error["code"]) == (5, "nobody-free")
    assert "zoe is busy 10:00-11:00" in ran.error["message"]


def test_somebody_asked_for_has_to_be_in_a_pool(team: Shell) -> None:
    ran = book(team, "--need", "backend", "--assign", "dana")

    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert ran.error["message"] == (
        "--assign dana@example.com: nobody of that name is in a pool of this meeting (backend). Nothing was booked."
    )


def test_the_same_person_is_not_in_two_places_at_once(team: Shell) -> None:
    first = book(team, "--need", "backend:2", "--owner", "organises").result

    second = book(team, "--need", "backend", "--owner", "organises").result
    third = book(team, "--need", "backend", "--owner", "organises")

    assert keys(first) == ["ben", "cleo"]
    assert keys(second) == ["zoe"]
    assert (third.exit, third.error["code"]) == (5, "nobody-free")
    assert third.error["message"].startswith("nobody can take Tue 24 Nov, 10:00-10:30 (London): ")
    assert "ben is booked 10:00-10:30 by Sam Lee's booking" in third.error["message"]
    assert third.error["details"]["alternatives"][0]["start"] == f"{TUESDAY}T09:00:00+00:00"


def test_of_many_who_want_two_of_a_pool_of_five_at_once_two_get_them_and_nobody_is_in_two_places(
    team: Shell, google: Simulator
) -> None:
    five = [f"p{number}@example.com" for number in range(5)]
    for each in five:
        google.add_calendar(each, role="freeBusyReader")
    team.configure(TEAM.replace("[links.panel]", f"five = {json.dumps(five)}\n[links.panel]"))

    ran = run_all([lambda: book(team, "--need", "five:2", "--owner", "organises")] * 8, limit=8, name="rival")

    # One is pending where another command delivered its event before it could itself.
    booked = [keys(each.result) for each in ran if each.exit in {Exit.DONE, Exit.PENDING}]
    chosen = [person for people in booked for person in people]
    assert len(booked) == 2, [each.err for each in ran]
    assert len(chosen) == len(set(chosen)) == 4
    assert {each.error["code"] for each in ran if each.exit == Exit.CONFLICT} == {"nobody-free"}


def test_a_room_that_stays_is_not_asked_again(team: Shell, google: Simulator) -> None:
    booked = book(team, "--need", "backend", "--room", "oak").result

    changed = team.json("reassign", booked["id"], "--from", "ben")

    assert (changed.exit, changed.warnings) == (0, [])


def test_meetings_with_nobody_in_common_may_lie_at_one_time(team: Shell, google: Simulator) -> None:
    for person in ("ben", "cleo", "zoe", "dana"):
        assert book(team, "--with", person, "--owner", "organises").exit == 0

    assert len(google.events()) == 4


def test_the_owners_time_is_taken_only_by_what_they_attend(team: Shell) -> None:
    assert book(team, "--with", "ben").exit == 0

    again = book(team, "--with", "cleo")

    assert (again.exit, again.error["code"]) == (5, "slot-taken")


def test_what_the_owner_organises_takes_their_time_only_where_google_shows_it_as_busy(
    team: Shell, google: Simulator
) -> None:
    """The owner claims nothing, but an event in a calendar that counts for conflicts is busy like any other."""
    google.add_calendar("panels@example.com", summary="Panels", role="owner")
    assert book(team, "--with", "ben", "--owner", "organises").exit == 0
    assert team("calendars", "--book-into", "panels@example.com", "--select", "primary").exit == 0
    assert book(team, "--with", "ben", "--owner", "organises", start=f"{TUESDAY}T11:00").exit == 0
    google.clock.advance(minutes=1)

    shown, apart = book(team), book(team, start=f"{TUESDAY}T11:00")

    assert (shown.exit, shown.error["details"]["by"]) == (5, "a meeting on ana@example.com")
    assert apart.exit == 0, apart


def test_who_must_come_and_is_busy_takes_the_time(team: Shell, google: Simulator) -> None:
    busy(google, "dana@example.com", "09:30", "10:30")

    ran = book(team, "--with", "dana")

    assert (ran.exit, ran.error["code"]) == (5, "slot-taken")
    assert ran.error["message"] == (
        "Tue 24 Nov, 10:00-10:30 (London) is taken by a meeting of dana, Tue 24 Nov, 09:30-10:30 (London). "
        "Nothing was booked."
    )


def test_no_room_is_free(team: Shell, google: Simulator) -> None:
    busy(google, "elm@rooms.example.com", "10:00", "11:00")

    ran = book(team, "--room", "berlin", *(f"--guest=g{n}@example.com" for n in range(5)))

    assert (ran.exit, ran.error["code"]) == (5, "nobody-free")
    assert "oak seats 5, and 7 come; elm is taken 10:00-11:00" in ran.error["message"]


def test_limits_of_a_person_are_counted_over_all_links_and_forced_past(team: Shell) -> None:
    assert book(team, "--with", "zoe").exit == 0

    full = book(team, "--with", "zoe", start=f"{TUESDAY}T11:00")
    forced = book(team, "--with", "zoe", "--force", start=f"{TUESDAY}T11:00")

    assert (full.exit, full.error["code"]) == (5, "slot-not-offered")
    assert full.error["details"]["reasons"] == ["person-day-full"]
    assert forced.exit == 0


def test_a_booking_that_google_was_not_told_of_yet_counts_for_the_limit(
    team: Shell, google: Simulator
) -> None:
    google.faults.add("events.insert: 403-quotaExceeded once")
    assert book(team, "--with", "zoe").exit == 8
    google.faults.add("events.insert: 403-quotaExceeded")

    full = book(team, "--with", "zoe", start=f"{TUESDAY}T11:00")

    assert full.error["details"]["reasons"] == ["person-day-full"]


def test_a_cancelled_booking_counts_no_more(team: Shell) -> None:
    booked = book(team, "--with", "zoe").result
    assert team.json("cancel", booked["id"]).exit == 0

    assert book(team, "--with", "zoe", start=f"{TUESDAY}T11:00").exit == 0


def test_another_workspace_sees_the_claims_of_a_person_and_not_whose_they_are(team: Shell) -> None:
    team.configure(f"{TEAM}\n[workspace.sales]\n")
    assert book(team, "--with", "ben", "--owner", "organises").exit == 0

    ran = team.json("--workspace", "sales", "book", TEN, *SAM, "--with", "ben")

    assert (ran.exit, ran.error["code"]) == (5, "slot-taken")
    assert "Sam" not in ran.error["message"]


def test_a_room_that_declines_takes_the_event_away_and_names_free_ones(
    team: Shell, google: Simulator
) -> None:
    rooms_answer(google, "declines")

    ran = book(team, "--room", "berlin")

    assert (ran.exit, ran.error["code"]) == (5, "room-declined")
    assert ran.error["message"] == (
        "the room oak declined Tue 24 Nov, 10:00-10:30 (London). Nothing was booked."
    )
    assert ran.error["hint"] == "free at that time: elm; ask for one with `--room elm`"
    assert google.events() == []
    assert team.json("bookings", "--state", "refused").result["bookings"][0]["room"] == "oak"


def test_a_room_that_does_not_answer_is_waited_for_and_then_a_warning(team: Shell) -> None:
    ran = book(team, "--room", "oak")

    assert 15 < team.slept <= 20

    assert (ran.exit, ran.result["state"], ran.warnings) == (0, "confirmed", ["room-pending"])


def test_whoever_was_taken_meanwhile_makes_ours_yield(team: Shell, google: Simulator) -> None:
    def take_dana(exchange: LoggedExchange) -> None:
        if exchange.operation == "events.insert" and exchange.status == 200:
            busy(google, "dana@example.com", "10:15", "11:00")

    google.observe(take_dana)

    ran = book(team, "--with", "dana")

    assert (ran.exit, ran.error["code"]) == (5, "slot-taken")
    assert "a meeting on dana@example.com" in ran.error["message"]
    assert [each for each in google.events() if each["status"] != "cancelled"] == []


def test_the_same_key_asks_for_the_same_people(team: Shell) -> None:
    first = book(team, "--need", "backend", "--key", "k1").result

    replayed = book(team, "--need", "backend", "--key", "k1").result
    other = book(team, "--need", "backend:2", "--key", "k1")

    assert (replayed["id"], keys(replayed)) == (first["id"], keys(first))
    assert (other.exit, other.error["details"]["differs"]) == (5, ["people"])


def test_a_dry_run_chooses_and_holds_nothing(team: Shell, google: Simulator) -> None:
    planned = book(team, "--need", "backend:2", "--dry-run").result

    assert keys(planned) == ["ben", "cleo"]
    assert google.events() == []


def test_disconnected_hours_and_claims_decide(team: Shell) -> None:
    assert team.json("disconnect", "--yes").exit == 0

    first, second = (
        book(team, "--need", "backend:2").result,
        book(team, "--with", "ben", "--owner", "organises"),
    )

    assert keys(first) == ["ben", "cleo"]
    assert (second.exit, second.error["code"]) == (5, "slot-taken")


def test_a_batch_takes_people_by_the_names_of_the_options(team: Shell, google: Simulator) -> None:
    path = team.folder / "panels.csv"
    path.write_text(
        "start,name,email,with,need,any-of,owner\n"
        f"{TEN},Sam,sam@example.com,dana,backend:2,,organises\n"
        f'{TEN},Kim,kim@example.com,,,"zoe,ben",organises\n'
        f"{TEN},Lou,lou@example.com,dan,,,organises\n"
    )

    ran = team("book", "--file", str(path))

    first, second, third = map(json.loads, ran.out.splitlines())
    assert ran.exit == 9
    assert keys(first["result"]) == ["dana", "ben", "cleo"]
    assert keys(second["result"]) == ["zoe"]
    assert third["error"]["message"] == (
        "line 4: with: there is nobody called dan in the configuration; did you mean dana?"
    )


# --- moved and reassigned ---------------------------------------------------------------------------------------


def test_a_move_keeps_the_people_and_checks_them_for_the_new_time(team: Shell, google: Simulator) -> None:
    booked = book(team, "--need", "backend", "--with", "dana").result
    busy(google, "ben@example.com", "11:00", "12:00")

    taken = team.json("reschedule", booked["id"], f"{TUESDAY}T11:00")
    moved = team.json("reschedule", booked["id"], f"{TUESDAY}T12:00").result

    assert (taken.exit, taken.error["code"]) == (5, "slot-taken")
    assert keys(moved) == ["dana", "ben"]
    assert moved["start"] == f"{TUESDAY}T12:00:00+00:00"


def test_a_move_by_half_its_length_is_not_in_its_own_way(team: Shell) -> None:
    booked = book(team, "--need", "backend", "--duration", "1h").result

    moved = team.json("reschedule", booked["id"], f"{TUESDAY}T10:30", "--force")

    assert moved.exit == 0, moved


def test_a_move_may_choose_people_again(team: Shell, google: Simulator) -> None:
    booked = book(team, "--need", "backend").result
    busy(google, "ben@example.com", "11:00", "12:00")

    moved = team.json("reschedule", booked["id"], f"{TUESDAY}T11:00", "--reassign").result

    assert (keys(moved), moved["moving_to"]) == (["cleo"], None)
    (event,) = google.events()
    assert [each["email"] for each in event["attendees"]] == ["sam@example.com", "cleo@example.com"]
    assert event["start"]["dateTime"].startswith(f"{TUESDAY}T11:00")


@pytest.mark.parametrize("is_said_by_the_line", [True, False])
def test_the_moves_of_a_file_may_choose_people_again(
    team: Shell, google: Simulator, is_said_by_the_line: bool
) -> None:
    booked = book(team, "--need", "backend").result
    busy(google, "ben@example.com", "11:00", "12:00")
    line = {"id": booked["id"], "start": f"{TUESDAY}T11:00"} | (
        {"reassign": True} if is_said_by_the_line else {}
    )
    (team.folder / "moves").write_text(json.dumps(line))

    ran = team(
        "reschedule", "--file", str(team.folder / "moves"), *(() if is_said_by_the_line else ("--reassign",))
    )

    assert ran.exit == 0, ran
    assert keys(json.loads(ran.out)["result"]) == ["cleo"]


def test_somebody_else_takes_a_place(team: Shell, google: Simulator) -> None:
    booked = book(team, "--need", "backend:2", "--with", "dana").result

    changed = team.json("reassign", booked["id"], "--from", "ben", "--reason", "Ben is ill").result

    assert keys(changed) == ["dana", "zoe", "cleo"]
    assert (changed["left"]["person"], changed["came"]["person"]) == ("ben", "zoe")
    (event,) = google.events()
    assert [each["email"] for each in event["attendees"]] == [
        "sam@example.com", "dana@example.com", "cleo@example.com", "zoe@example.com",
    ]  # fmt: skip
    assert book(team, "--with", "ben", "--owner", "organises").exit == 0
    assert book(team, "--with", "zoe", "--owner", "organises", "--force").exit == 5


def test_who_comes_can_be_named_and_keeps_the_role(team: Shell) -> None:
    booked = book(team, "--with", "dana").result

    changed = team.json("reassign", booked["id"], "--to", "zoe").result

    assert [(each["person"], each["role"], each["why"]) for each in changed["people"]] == [
        ("zoe", "with", "asked for")
    ]


def test_everything_of_one_person_can_be_cancelled_in_one_line(team: Shell) -> None:
    hers = book(team, "--with", "dana", "--owner", "organises").result["id"]
    book(team, "--with", "zoe", "--owner", "organises")

    ids = team("bookings", "--with", "dana", "--ids").out
    nobody = team.json("bookings", "--with", "dan")

    assert ids == f"{hers}\n"
    assert team("bookings", "--with", "dana@example.com", "--ids").out == ids
    assert (nobody.exit, nobody.error["code"]) == (6, "person-not-found")


def test_a_replacement_and_a_cancellation_are_taken_back(team: Shell) -> None:
    booked = book(team, "--with", "dana", "--room", "oak", "--owner", "organises").result

    changed = team.json("reassign", booked["id"], "--from", "dana", "--to", "zoe").result
    back = team.json(*changed["undo"][1:]).result
    cancelled = team.json("cancel", booked["id"]).result
    again = team.json(*cancelled["undo"][1:]).result

    assert sorted(keys(back)) == sorted(keys(again)) == sorted(keys(booked))
    told = team.json("history", "--booking", booked["id"], "--what", "reassigned").result["history"]
    assert [(each["before"]["people"], each["after"]["people"]) for each in told] != []


def test_whoever_declined_and_was_replaced_is_no_guest_on_the_page(team: Shell, google: Simulator) -> None:
    booked = book(team, "--need", "backend").result
    google.clock.advance(minutes=5)
    decline(google, "ben@example.com")
    assert team("sync").exit == 0
    before = team("bookings", booked["id"]).out

    changed = team("reassign", booked["id"]).out

    assert "with    ben  of backend: 0 meetings in 30 days, none before  declined\n" in before
    assert changed.startswith("cleo (0 meetings in 30 days, none before) comes instead of ben\n")
    assert "ben@example.com declined" not in before + changed


def test_nobody_else_can_come(team: Shell, google: Simulator) -> None:
    booked = book(team, "--need", "backend").result
    busy(google, "cleo@example.com", "09:00", "12:00")
    busy(google, "zoe@example.com", "10:00", "11:00")

    ran = team.json("reassign", booked["id"])

    assert (ran.exit, ran.error["code"]) == (5, "nobody-free")
    assert ran.error["message"] == (
        "nobody can take Tue 24 Nov, 10:00-10:30 (London): cleo is busy 09:00-12:00; zoe is busy 10:00-11:00; "
        "nobody of backend can come, and 1 must. The booking stays as it was."
    )
    assert ran.error["hint"] == (
        f"name somebody else with `portalcal reassign {booked['id'][:8]} --from ben --to PERSON`, "
        f"or move the meeting with `portalcal reschedule {booked['id'][:8]} START --reassign`"
    )
    assert keys(team.json("bookings", booked["id"]).result["bookings"][0]) == ["ben"]


def test_a_pool_that_has_nobody_else_is_said_to_have_nobody(team: Shell) -> None:
    booked = book(team, "--need", "backend:3").result

    ran = team.json("reassign", booked["id"], "--from", "ben")

    assert (ran.exit, ran.error["code"]) == (5, "nobody-free")
    assert ran.error["details"]["why"] == ["backend has nobody else who did not decline"]


@pytest.mark.parametrize(
    ("options", "status", "code", "message"),
    [
        ((), 2, "usage", "dana or ben could leave this booking. The booking stays as it was."),
        (("--from", "zoe"), 6, "person-not-found", "zoe takes no part in booking"),
        (("--from", "dana"), 2, "usage", "dana was not taken out of a pool. The booking stays as it was."),
        (("--from", "dana", "--to", "zo"), 6, "person-not-found", "there is nobody called zo in the configuration; did you mean zoe?"),
        (("--from", "dana", "--pool", "berlin"), 6, "pool-not-found", "there is no pool of people called berlin"),
        (("--from", "dana", "--to", "zoe", "--pool", "backend"), 2, "usage", "--to and --pool both say who comes"),
    ],
)  # fmt: skip
def test_who_leaves_and_who_comes_must_be_plain(
    team: Shell, options: tuple[str, ...], status: int, code: str, message: str
) -> None:
    booked = book(team, "--need", "backend", "--with", "dana").result

    ran = team.json("reassign", booked["id"], *options)

    assert (ran.exit, ran.error["code"]) == (status, code)
    assert ran.error["message"].startswith(message)


def test_of_a_pool_that_one_takes_part_for_that_one_leaves(team: Shell) -> None:
    booked = book(team, "--need", "backend", "--with", "dana").result

    changed = team.json("reassign", booked["id"], "--pool", "backend").result

    assert (keys(booked), keys(changed)) == (["dana", "ben"], ["dana", "cleo"])


def test_whoever_takes_part_already_cannot_come_once_more(team: Shell, google: Simulator) -> None:
    booked = book(team, "--link", "panel").result

    ran = team.json("reassign", booked["id"], "--from", "dana", "--to", "ben")

    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert ran.error["message"] == "ben takes part in this booking already. The booking stays as it was."
    assert keys(team.json("bookings", booked["id"]).result["bookings"][0]) == keys(booked)


def test_an_optional_person_may_take_a_place_that_counts(team: Shell, google: Simulator) -> None:
    booked = book(team, "--with", "dana", "--optional", "zoe").result

    changed = team.json("reassign", booked["id"], "--from", "dana", "--to", "zoe").result

    assert [(each["person"], each["role"]) for each in changed["people"]] == [("zoe", "with")]


def test_a_guest_is_not_busy_with_the_meeting_that_is_changed(team: Shell, google: Simulator) -> None:
    needs = ("--need", "backend:1", "--guest", "cleo@example.com")
    booked = book(team, *needs).result
    busy(google, "ben@example.com", "10:30", "11:00")
    busy(google, "zoe@example.com", "10:30", "11:00")

    moved = team.json("reschedule", booked["id"], f"{TUESDAY}T10:15", "--force", "--reassign").result
    other = team.json("reassign", booked["id"], "--to", "dana").result
    again = team.json("reassign", booked["id"], "--to", "cleo").result

    assert [keys(each) for each in (moved, other, again)] == [["cleo"], ["dana"], ["cleo"]]


def test_a_room_is_exchanged(team: Shell, google: Simulator) -> None:
    rooms_answer(google, "if free")
    booked = book(team, "--room", "berlin").result

    changed = team.json("reassign", booked["id"], "--from", "oak").result

    assert (booked["room"], changed["room"]) == ("oak", "elm")
    assert google.events()[0]["attendees"][-1]["email"] == "elm@rooms.example.com"


def test_a_room_that_declines_a_meeting_leaves_it_in_its_own(team: Shell, google: Simulator) -> None:
    rooms_answer(google, "if free")
    booked = book(team, "--room", "berlin").result["id"]
    google.answers("elm@rooms.example.com", "declines")

    ran = team.json("reassign", booked, "--from", "oak")

    other_time = f"`portalcal reschedule {booked[:8]} START --reassign`"
    assert (ran.exit, ran.error["code"]) == (5, "room-declined")
    assert ran.error["hint"] == (
        f"name another room with `portalcal reassign {booked[:8]} --from oak --to PERSON`, or move the meeting with {other_time}"
    )
    words = other_time.strip("`").replace("START", f"{TUESDAY}T11:00").split()[1:]
    assert team.json(*words).result["room"] == "oak"


def test_a_meeting_whose_room_declines_the_new_time_moves_with_another_one(
    team: Shell, google: Simulator
) -> None:
    rooms_answer(google, "if free")
    booked = book(team, "--room", "berlin").result["id"]
    google.answers("oak@rooms.example.com", "declines")

    ran = team.json("reschedule", booked, f"{TUESDAY}T11:00", "--reassign")

    other_room = f"`portalcal reassign {booked[:8]} --from oak --to elm`"
    assert (ran.exit, ran.error["code"]) == (5, "room-declined")
    assert ran.error["hint"] == f"free at that time: elm; take one with {other_room}, then move the meeting"
    assert team(*other_room.strip("`").split()[1:]).exit == 0
    assert team.json("reschedule", booked, f"{TUESDAY}T11:00").result["room"] == "elm"


def test_a_dry_run_of_a_change_says_who_would_come(team: Shell, google: Simulator) -> None:
    booked = book(team, "--need", "backend").result

    planned = team.json("reassign", booked["id"], "--dry-run").result

    assert (planned["came"]["person"], keys(planned)) == ("cleo", ["ben"])
    assert google.events()[0]["attendees"][-1]["email"] == "ben@example.com"


def test_while_google_is_not_told_both_are_held(team: Shell, google: Simulator) -> None:
    booked = book(team, "--need", "backend").result
    google.faults.add("events.patch: 503")

    ran = team.json("reassign", booked["id"], "--to", "cleo")

    assert (ran.exit, ran.warnings) == (8, ["google-not-told"])
    for person in ("ben", "cleo"):
        assert book(team, "--with", person, "--owner", "organises").exit == 5
    google.faults.clear()
    google.clock.advance(hours=1)
    assert team.json("sync").exit == 0
    assert keys(team.json("bookings", booked["id"]).result["bookings"][0]) == ["cleo"]
    assert book(team, "--with", "ben", "--owner", "organises").exit == 0


def test_somebody_who_is_taken_while_they_are_invited_makes_it_go_back(
    team: Shell, google: Simulator
) -> None:
    booked = book(team, "--need", "backend").result

    def take_cleo(exchange: LoggedExchange) -> None:
        if exchange.operation == "events.patch" and exchange.status == 200:
            busy(google, "cleo@example.com", "10:15", "11:00")

    google.observe(take_cleo)

    ran = team.json("reassign", booked["id"], "--to", "cleo")

    assert (ran.exit, ran.error["code"]) == (5, "slot-taken")
    assert keys(team.json("bookings", booked["id"]).result["bookings"][0]) == ["ben"]
    (event,) = google.events()
    assert [each["email"] for each in event["attendees"]] == ["sam@example.com", "ben@example.com"]


def test_sync_names_what_needs_a_replacement_and_replaces_from_the_pool(
    team: Shell, google: Simulator
) -> None:
    booked = book(team, "--need", "backend", start=f"{TUESDAY}T15:00").result
    google.clock.advance(minutes=5)
    decline(google, "ben@example.com")

    found = team.json("sync").result
    planned = team.json("sync", "--replace-declined", "--dry-run").result
    replaced = team.json("sync", "--replace-declined").result

    assert (found["declined"], found["needs_replacement"], found["replaced"]) == (
        [booked["id"]],
        [booked["id"]],
        [],
    )
    assert planned["replaced"] == [booked["id"]]
    assert (replaced["needs_replacement"], replaced["replaced"]) == ([], [booked["id"]])
    assert keys(team.json("bookings", booked["id"]).result["bookings"][0]) == ["cleo"]


def test_sync_replaces_nobody_shortly_before_the_meeting(team: Shell, google: Simulator) -> None:
    booked = book(team, "--need", "backend", start="2026-11-23T15:00").result
    google.clock.advance(minutes=5)
    decline(google, "ben@example.com")

    late = team.json("sync", "--replace-declined").result
    words = team("sync", "--replace-declined").err
    allowed = team.json("sync", "--replace-declined", "--replace-before", "1h").result

    assert (late["needs_replacement"], late["replaced"]) == ([booked["id"]], [])
    assert words == (
        f"warning: ben declined booking {booked['id'][:8]} and was not replaced: "
        "the meeting starts within 1d (--replace-before)\n"
    )
    assert allowed["replaced"] == [booked["id"]]


def test_somebody_who_was_named_is_left_to_people(team: Shell, google: Simulator) -> None:
    booked = book(team, "--with", "dana", start="2026-11-26T10:00").result
    google.clock.advance(minutes=5)
    decline(google, "dana@example.com")

    result = team.json("sync", "--replace-declined").result

    assert (result["needs_replacement"], result["replaced"]) == ([booked["id"]], [])
    assert team("sync", "--replace-declined").err == (
        f"warning: dana declined booking {booked['id'][:8]} and was not replaced: no pool was asked for; "
        f"`portalcal reassign {booked['id'][:8]} --from dana --to NAME` takes somebody else\n"
    )
    assert team.json("reassign", booked["id"], "--from", "dana", "--to", "zoe").exit == 0


# --- people -----------------------------------------------------------------------------------------------------


def test_everybody_is_listed_with_their_pools_and_whether_they_are_readable(team: Shell) -> None:
    team.configure(TEAM.replace('"zoe"]', '"zoe", "mia@example.com"]'))

    result = team.json("people").result

    assert [(each["person"], each["pools"], each["state"], each["reason"]) for each in result["people"]] == [
        ("dana", [], "readable", None),
        ("ben", ["backend"], "readable", None),
        ("cleo", ["backend"], "readable", None),
        ("zoe", ["backend"], "readable", None),
        ("mia@example.com", ["backend"], "unreadable", "notFound"),
    ]
    assert [(each["room"], each["capacity"], each["pools"]) for each in result["rooms"]] == [
        ("oak", 5, ["berlin"]),
        ("elm", None, ["berlin"]),
    ]


def test_the_load_counts_meetings_of_the_week_the_month_and_refusals(team: Shell, google: Simulator) -> None:
    book(team, "--need", "backend", start=f"{TUESDAY}T15:00")
    google.clock.advance(minutes=5)
    decline(google, "ben@example.com")
    team.json("sync")

    result = team.json("people", "--load").result

    assert result["people"][1]["load"] == {"meetings": 1, "last_30_days": 0, "last": None, "declined": 1}
    assert result["window"] == {"start": "2026-11-23T00:00:00+00:00", "end": "2026-11-30T00:00:00+00:00"}


def test_the_page_of_people(team: Shell, google: Simulator) -> None:
    team.configure(
        "[people.ben]\nemail = 'ben@example.com'\nname = 'Ben Ode'\nmax_per_week = 5\n[pools]\nbackend = ['ben']\n"
    )

    piped = team("people", "--load").out
    shown = team.on_terminal("people", "--load", columns=80)

    line = "ben   ben@example.com  Ben Ode  readable  in backend  0 of 5 meetings; 0 in the last 30 days\n"
    assert piped == f"Meetings from Mon 23 Nov to Sun 29 Nov\n\n{line}"
    assert shown == (
        "Meetings from Mon 23 Nov to Sun 29 Nov\n"
        "\n"
        "ben   ben@example.com  Ben Ode\n"
        "      readable  in backend\n"
        "      0 of 5 meetings; 0 in the last 30 days\n"
    )


def test_nobody_is_configured(connected: Shell) -> None:
    assert connected("people").out == (
        "Nobody is configured: add tables [people.NAME] and [pools] to the configuration\n"
    )
    assert connected("people", "--from", "mon").exit == 2


def test_status_says_whose_calendar_cannot_be_read(team: Shell) -> None:
    team.configure(TEAM.replace('"zoe"]', '"zoe", "mia@example.com"]'))

    ran = team.json("status")

    (check,) = (each for each in json.loads(ran.out)["result"]["checks"] if each["name"] == "people")
    assert (ran.exit, check["state"]) == (0, "warn")
    assert check["detail"] == "not readable, so never free: mia@example.com (deleted, or not shared)"
    assert check["hint"] == (
        "ask for these calendars to be shared, at least free/busy, with ana@example.com, then run `portalcal people`"
    )
