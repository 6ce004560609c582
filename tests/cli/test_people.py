"""Meetings of several people: who is asked, what is offered, and why a time is not."""

from __future__ import annotations

import json

import pytest

from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Shell

TEAM = """
[people.dana]
email = "dana@example.com"
[people.ben]
email = "ben@example.com"
[people.cleo]
email = "cleo@example.com"
[people.zoe]
email = "zoe@example.com"
max_per_day = 1
[rooms.oak]
email = "oak@rooms.example.com"
capacity = 5
[rooms.elm]
email = "elm@rooms.example.com"
[pools]
backend = ["ben", "cleo", "zoe"]
berlin = ["oak", "elm"]
[links.panel]
with = ["dana"]
need = { backend = 2 }
room = "berlin"
"""
CALENDARS = (
    "dana@example.com", "ben@example.com", "cleo@example.com", "zoe@example.com", "oak@rooms.example.com",
    "elm@rooms.example.com",
)  # fmt: skip
TUESDAY = "2026-11-24"


@pytest.fixture
def team(connected: Shell, google: Simulator) -> Shell:
    """A machine that knows a team of four and two rooms, whose calendars are shared with Ana."""
    for calendar in CALENDARS:
        google.add_user(calendar)
        google.share(calendar, ANA, role="freeBusyReader")
    connected.configure(TEAM)
    return connected


def busy(google: Simulator, who: str, start: str, end: str) -> None:
    """Somebody has a meeting on Tuesday."""
    google.add_event(who, f"{TUESDAY}T{start}:00Z", f"{TUESDAY}T{end}:00Z", "Meeting")


def starts(shell: Shell, *options: str) -> list[str]:
    """The times of day that are offered on Tuesday."""
    result = shell.json("availability", TUESDAY, "--days", "1", *options).result
    return [slot["start"][11:16] for day in result["days"] for slot in day["slots"]]


def slot(shell: Shell, time: str, *options: str) -> dict[str, object]:
    """The slot of Tuesday at that time."""
    result = shell.json("availability", TUESDAY, "--days", "1", *options).result
    (found,) = (each for day in result["days"] for each in day["slots"] if each["start"][11:16] == time)
    return dict(found)


def test_somebody_who_must_come_takes_starts_away(team: Shell, google: Simulator) -> None:
    busy(google, "dana@example.com", "09:00", "16:00")

    assert starts(team, "--with", "dana") == ["16:00", "16:30"]
    assert len(starts(team)) == 16


def test_an_address_that_nobody_has_is_a_person_too(team: Shell, google: Simulator) -> None:
    google.add_calendar("lee@example.com", role="freeBusyReader")
    busy(google, "lee@example.com", "09:00", "16:30")

    assert starts(team, "--with", "lee@example.com") == ["16:30"]


def test_free_times_of_a_pool_are_not_merged(team: Shell, google: Simulator) -> None:
    busy(google, "ben@example.com", "09:30", "17:00")
    busy(google, "cleo@example.com", "09:00", "09:30")
    busy(google, "cleo@example.com", "10:00", "17:00")
    busy(google, "zoe@example.com", "09:00", "17:00")

    assert starts(team, "--need", "backend") == ["09:00", "09:30"]
    assert starts(team, "--need", "backend", "--duration", "1h") == []


def test_a_pool_of_rooms_is_not_offered_an_hour_that_no_single_room_has(
    team: Shell, google: Simulator
) -> None:
    busy(google, "oak@rooms.example.com", "09:00", "09:30")
    busy(google, "elm@rooms.example.com", "09:30", "10:00")
    busy(google, "oak@rooms.example.com", "10:00", "17:00")
    busy(google, "elm@rooms.example.com", "10:00", "17:00")

    assert starts(team, "--room", "berlin") == ["09:00", "09:30"]
    assert starts(team, "--room", "berlin", "--duration", "1h") == []
    assert starts(team, "--room", "oak") == ["09:30"]


def test_a_link_says_whom_it_takes_and_options_add_to_it(team: Shell, google: Simulator) -> None:
    busy(google, "dana@example.com", "09:00", "15:00")
    busy(google, "oak@rooms.example.com", "15:00", "16:00")
    busy(google, "elm@rooms.example.com", "15:00", "16:00")
    busy(google, "zoe@example.com", "16:00", "16:30")

    assert starts(team, "--link", "panel") == ["16:00", "16:30"]
    assert starts(team, "--link", "panel", "--room", "none") == ["15:00", "15:30", "16:00", "16:30"]
    assert starts(team, "--link", "panel", "--need", "backend") == ["16:30"]


def test_an_owner_who_organises_is_not_asked(team: Shell, google: Simulator) -> None:
    busy(google, "primary", "09:00", "16:30")

    assert starts(team, "--with", "dana") == ["16:30"]
    assert len(starts(team, "--with", "dana", "--owner", "organises")) == 16


def test_any_of_is_a_pool_without_a_name(team: Shell, google: Simulator) -> None:
    busy(google, "ben@example.com", "09:00", "16:00")
    busy(google, "dana@example.com", "09:30", "17:00")

    assert starts(team, "--any-of", "ben,dana") == ["09:00", "16:00", "16:30"]
    assert slot(team, "09:00", "--any-of", "ben,dana")["people"] == [
        {"person": "dana", "email": "dana@example.com", "role": "need", "pool": "ben,dana"}
    ]


def test_a_slot_names_those_who_could_take_it(team: Shell, google: Simulator) -> None:
    busy(google, "cleo@example.com", "09:00", "10:00")

    people = slot(team, "09:00", "--link", "panel", "--optional", "lee@example.com")["people"]

    assert people == [
        {"person": "dana", "email": "dana@example.com", "role": "with", "pool": None},
        {"person": "ben", "email": "ben@example.com", "role": "need", "pool": "backend"},
        {"person": "zoe", "email": "zoe@example.com", "role": "need", "pool": "backend"},
        {"person": "lee@example.com", "email": "lee@example.com", "role": "optional", "pool": None},
        {"person": "oak", "email": "oak@rooms.example.com", "role": "room", "pool": None},
        {"person": "elm", "email": "elm@rooms.example.com", "role": "room", "pool": None},
    ]


def test_a_meeting_of_the_owner_alone_has_slots_as_before(team: Shell) -> None:
    result = team.json("availability", TUESDAY, "--days", "1").result

    assert result["people"] == []
    assert result["days"][0]["slots"][0].keys() == {"start", "end"}


def test_everybody_is_read_in_one_request(team: Shell, google: Simulator) -> None:
    google.forget_requests()

    result = team.json("availability", "--link", "panel").result

    assert [each.operation for each in google.requests] == ["freebusy.query"]
    assert [(each["person"], each["state"]) for each in result["people"]] == [
        (name, "checked") for name in ("dana", "ben", "cleo", "zoe", "oak", "elm")
    ]


def test_somebody_unreadable_without_whom_nothing_is_offered_ends_it(team: Shell) -> None:
    ran = team.json("availability", TUESDAY, "--with", "mia@example.com")

    assert (ran.exit, ran.error["code"]) == (7, "calendar-unreadable")
    assert ran.error["message"] == "busy times cannot be read: mia@example.com (deleted, or not shared)"
    assert ran.error["hint"] == (
        "ask for the calendar to be shared, at least free/busy, with ana@example.com; "
        "`portalcal people` shows whether it is; the others are shown with `portalcal availability --partial`"
    )


def test_the_rest_is_shown_with_partial_and_the_unread_one_counts_as_busy(team: Shell) -> None:
    ran = team.json("availability", TUESDAY, "--days", "1", "--with", "mia@example.com", "--partial")

    assert ran.result["complete"] is False
    assert ran.result["days"][0]["slots"] == []
    assert ran.warnings == ["person-unreadable"]


def test_a_pool_with_enough_readable_members_is_answered_and_says_who_is_unread(team: Shell) -> None:
    team.configure(TEAM.replace('"zoe"]', '"zoe", "mia@example.com"]'))

    ran = team.json("availability", TUESDAY, "--days", "1", "--need", "backend:2")

    assert ran.exit == 0
    assert len(ran.result["days"][0]["slots"]) == 16
    assert ran.result["complete"] is False
    assert ran.result["people"][-1] == {
        "person": "mia@example.com", "email": "mia@example.com", "state": "unreadable", "reason": "notFound",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "status", "code", "message"),
    [
        (("--with", "dan"), 6, "person-not-found", "there is nobody called dan in the configuration; did you mean dana?"),
        (("--with", "backend"), 6, "person-not-found", "backend is a pool, not a person"),
        (("--need", "bakend"), 6, "pool-not-found", "there is no pool of people called bakend in the configuration; did you mean backend?"),
        (("--need", "berlin"), 6, "pool-not-found", "there is no pool of people called berlin in the configuration"),
        (("--room", "oka"), 6, "pool-not-found", "there is no room, and no pool of rooms, called oka in the configuration; did you mean oak?"),
        (("--need", "backend:0"), 2, "usage", "--need backend:0: expected POOL or POOL:N, N from 1 on"),
        (("--any-of", ","), 2, "usage", "--any-of names nobody"),
        (("--need", "backend:4"), 2, "usage", "the meeting takes 4 of backend, and there are 3 people who could fill a place"),
        (("--need", "backend:3", "--with", "ben"), 2, "usage", "the meeting takes 3 of backend, and there are 2 people who could fill a place"),
    ],
)  # fmt: skip
def test_whom_nobody_can_ask_for(
    team: Shell, options: tuple[str, ...], status: int, code: str, message: str
) -> None:
    ran = team.json("availability", *options)

    assert (ran.exit, ran.error["code"], ran.error["message"]) == (status, code, message)


def test_a_person_of_the_question_is_no_calendar_to_select(team: Shell, google: Simulator) -> None:
    busy(google, "ben@example.com", "09:00", "10:00")
    busy(google, "zoe@example.com", "09:00", "10:00")

    told = team.json("availability", "--with", "ben", "--explain", f"{TUESDAY}T09:00").result

    assert [each["calendar"] for each in told["notes"]] == ["zoe@example.com"]


def test_an_explanation_names_each_person_and_the_order_of_the_choice(team: Shell, google: Simulator) -> None:
    busy(google, "ben@example.com", "09:00", "10:00")
    busy(google, "cleo@example.com", "08:00", "09:15")

    told = team.json("availability", "--link", "panel", "--explain", f"{TUESDAY}T09:00").result

    assert told["offered"] is False
    assert [(each["code"], each["person"], each["pool"], each["message"]) for each in told["reasons"]] == [
        ("person-busy", "ben", None, "ben is busy 09:00-10:00"),
        ("person-busy", "cleo", None, "cleo is busy 08:00-09:15"),
        ("pool-short", None, "backend", "1 of backend can come, and 2 must"),
    ]
    assert told["choice"] == {
        "rule": "fair",
        "order": [
            {"person": "zoe", "pool": "backend", "count": 0, "last": None, "state": "free"},
            {"person": "ben", "pool": "backend", "count": 0, "last": None, "state": "person-busy"},
            {"person": "cleo", "pool": "backend", "count": 0, "last": None, "state": "person-busy"},
        ],
    }
    assert told["nearest"]["after"]["start"] == "2026-11-24T09:30:00+00:00"


def test_the_explanation_for_people_in_full(team: Shell, google: Simulator) -> None:
    busy(google, "dana@example.com", "09:00", "10:00")
    busy(google, "ben@example.com", "09:00", "10:00")

    ran = team("availability", "--with", "dana", "--need", "backend:2", "--explain", f"{TUESDAY}T09:00")

    assert ran.out == (
        "✗ Tue 24 Nov, 09:00-09:30 (London) is not offered\n"
        "\n"
        "  person-busy  dana is busy 09:00-10:00\n"
        "\n"
        "  backend   cleo  0 meetings in 30 days\n"
        "            zoe   0 meetings in 30 days\n"
        "            ben   person-busy\n"
        "\n"
        "  earlier   Mon 23 Nov, 16:30-17:00 (London)  today, in 8 hours\n"
        "  later     Tue 24 Nov, 10:00-10:30 (London)  tomorrow\n"
    )


def test_the_grid_shows_how_many_of_a_pool_could(team: Shell, google: Simulator) -> None:
    busy(google, "ben@example.com", "09:00", "10:00")
    busy(google, "cleo@example.com", "09:00", "09:30")
    busy(google, "zoe@example.com", "10:30", "17:00")
    team.environ["COLUMNS"] = "60"

    ran = team("availability", TUESDAY, "--until", f"{TUESDAY}T11:00", "--need", "backend")

    assert ran.out.splitlines()[2:8] == [
        "Week 48 · 24 Nov 2026",
        "      Tue 24",
        "09:00 09:00 ▂1",
        "09:30 09:30 ▄2",
        "10:00 10:00 █3",
        "10:30 10:30 ▄2",
    ]
    assert "▄2 so many of the pool can come" in ran.out


def test_the_list_names_who_could(team: Shell, google: Simulator) -> None:
    busy(google, "ben@example.com", "09:00", "10:00")

    ran = team("availability", TUESDAY, "--days", "1", "--link", "panel", "--format", "list")

    assert ran.out.splitlines()[3] == "  09:00 to 09:30: dana; backend: cleo, zoe; room: oak, elm"


def test_the_page_names_who_could_in_the_titles_of_its_cells(team: Shell, google: Simulator) -> None:
    busy(google, "ben@example.com", "09:00", "10:00")

    ran = team("availability", TUESDAY, "--days", "1", "--need", "backend", "--format", "html")

    assert '<td class="offered able2"><span title="09:00 backend: cleo, zoe">' in ran.out
    assert '<time datetime="2026-11-24T09:00+00:00">09:00</time> <b>2</b></span>' in ran.out


def test_the_calendar_of_somebody_who_is_only_ever_optional_is_never_read(
    team: Shell, google: Simulator
) -> None:
    team.configure(TEAM + 'optional = ["lee@example.com", "zoe"]\n')
    google.forget_requests()

    listed = team.json("people").result["people"]
    shown = team("people").out
    status = json.loads(team.json("status").out)["result"]

    states = {each["person"]: each["state"] for each in listed}
    assert (states["lee@example.com"], states["zoe"]) == ("unknown", "readable")
    assert "\nlee@example.com   lee@example.com  optional: never read\n" in shown
    assert [each["state"] for each in status["checks"] if each["name"] == "people"] == ["ok"]
    assert not any(b"lee@example.com" in each.request_body for each in google.requests)
