"""Worlds: several people and rooms, who sees what, and who answers invitations how."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from portalcal.simulator.calendar.replies import Habit
from portalcal.simulator.google import Simulator
from portalcal.simulator.world import World, config_tables, read
from tests.simulator.conftest import NOW
from tests.simulator.wire import Browserless

WORLD = """
[people.ben]
email = "Ben@example.com"
name = "Ben Okafor"
timezone = "Europe/Berlin"
busy = ["mon 09:00-10:00", "weekdays 12:00-13:00", "tomorrow 14:00-15:00", "2026-12-01 09:00-17:00"]
answers = "accepts"
answers_after = "2s"

[people.zoe]
email = "zoe@example.com"
answers = "declines"
shares = "nothing"

[people.kim]
email = "kim@example.com"
shares = { ana = "details", zoe = "free/busy" }
busy = ["today 09:00-10:00"]

[people.ana]
email = "ana@example.com"

[rooms.oak]
email = "oak@example.com"
capacity = 8
busy = ["tue 10:00-11:00"]

[pools]
backend = ["ben", "zoe"]
"""
ROOM = {"email": "oak@example.com", "resource": True}


def a_world(folder: Path, text: str = WORLD) -> World:
    path = folder / "world.toml"
    path.write_text(text, encoding="utf-8")
    return read(path, owner="ana@example.com", timezone="Europe/London", now=NOW)


def enter(google: Simulator, folder: Path, text: str = WORLD) -> World:
    world = a_world(folder, text)
    google.enter(world)
    return world


def busy_day(ana: Browserless, email: str, day: str) -> list[str]:
    """The busy times of a day, in UTC; or the reason for which there are none."""
    body = {"timeMin": f"{day}T00:00:00Z", "timeMax": f"{day}T23:59:00Z", "items": [{"id": email}]}
    told = ana.api("POST", "freeBusy", body).json["calendars"][email]
    if "errors" in told:
        return [str(told["errors"][0]["reason"])]
    return [f"{span['start'][11:16]}-{span['end'][11:16]}" for span in told["busy"]]


def invited(ana: Browserless, start: str, *attendees: dict[str, Any], event: str = "abc12") -> None:
    ana.insert(start, start.replace(":00:00Z", ":30:00Z"), id=event, attendees=list(attendees))


def answers(ana: Browserless, event: str = "abc12") -> dict[str, str]:
    told = ana.api("GET", f"calendars/primary/events/{event}").json
    return {each["email"]: each["responseStatus"] for each in told["attendees"]}


def test_people_are_busy_when_their_calendars_say_so_in_their_own_zones(
    google: Simulator, ana: Browserless, tmp_path: Path
) -> None:
    enter(google, tmp_path)

    assert busy_day(ana, "ben@example.com", "2026-11-23") == ["08:00-09:00", "11:00-12:00"]
    assert busy_day(ana, "ben@example.com", "2026-11-24") == ["11:00-12:00", "13:00-14:00"]
    assert busy_day(ana, "ben@example.com", "2026-11-30") == ["08:00-09:00", "11:00-12:00"]
    assert busy_day(ana, "ben@example.com", "2026-12-01") == ["08:00-16:00"]
    assert busy_day(ana, "ben@example.com", "2026-11-28") == []


def test_who_shares_nothing_cannot_be_read_and_a_table_of_names_is_for_those_alone(
    google: Simulator, ana: Browserless, tmp_path: Path
) -> None:
    enter(google, tmp_path)

    assert busy_day(ana, "zoe@example.com", "2026-11-23") == ["notFound"]
    assert busy_day(ana, "kim@example.com", "2026-11-23") == ["09:00-10:00"]
    assert ana.api("GET", "calendars/kim@example.com/events").status == 200
    with Browserless(google, google.issue_token(user="ben@example.com")) as ben:
        assert busy_day(ben, "kim@example.com", "2026-11-23") == ["notFound"]
    with Browserless(google, google.issue_token(user="zoe@example.com")) as zoe:
        assert busy_day(zoe, "kim@example.com", "2026-11-23") == ["09:00-10:00"]


def test_nobodys_calendar_lands_on_anothers_list(google: Simulator, ana: Browserless, tmp_path: Path) -> None:
    enter(google, tmp_path)

    listed = ana.api("GET", "users/me/calendarList").json["items"]
    assert [each["id"] for each in listed] == ["ana@example.com"]


def test_invitations_are_answered_after_a_while_and_never_before(
    google: Simulator, ana: Browserless, tmp_path: Path
) -> None:
    enter(google, tmp_path)
    people = [{"email": f"{name}@example.com"} for name in ("ben", "zoe", "kim")]

    made = ana.insert("2026-11-24T09:00:00Z", "2026-11-24T09:30:00Z", id="abc12", attendees=people).json

    assert {each["responseStatus"] for each in made["attendees"]} == {"needsAction"}
    assert answers(ana) == {
        "ben@example.com": "needsAction",
        "zoe@example.com": "declined",
        "kim@example.com": "needsAction",
    }
    google.clock.advance(seconds=2)
    assert answers(ana)["ben@example.com"] == "accepted"
    assert busy_day(ana, "ben@example.com", "2026-11-24")[0] == "09:00-09:30"


def test_a_room_accepts_what_is_free_and_declines_what_is_not(
    google: Simulator, ana: Browserless, tmp_path: Path
) -> None:
    enter(google, tmp_path)

    invited(ana, "2026-11-24T09:00:00Z", ROOM, event="free0")
    invited(ana, "2026-11-24T10:00:00Z", ROOM, event="taken")
    invited(ana, "2026-11-24T09:00:00Z", ROOM, event="second0")

    assert answers(ana, "free0") == {"oak@example.com": "accepted"}
    assert answers(ana, "taken") == {"oak@example.com": "declined"}
    assert answers(ana, "second0") == {"oak@example.com": "declined"}


def test_a_room_answers_anew_when_the_meeting_moves(
    google: Simulator, ana: Browserless, tmp_path: Path
) -> None:
    enter(google, tmp_path)
    invited(ana, "2026-11-24T10:00:00Z", ROOM)
    assert answers(ana) == {"oak@example.com": "declined"}

    times = {"start": {"dateTime": "2026-11-24T14:00:00Z"}, "end": {"dateTime": "2026-11-24T14:30:00Z"}}
    ana.api("PATCH", "calendars/primary/events/abc12", times)

    assert answers(ana) == {"oak@example.com": "accepted"}


def test_a_cancelled_invitation_is_not_answered(google: Simulator, ana: Browserless, tmp_path: Path) -> None:
    enter(google, tmp_path)
    invited(ana, "2026-11-24T09:00:00Z", {"email": "ben@example.com"})
    ana.api("DELETE", "calendars/primary/events/abc12")

    google.clock.advance(seconds=2)

    assert busy_day(ana, "ben@example.com", "2026-11-24")[0] != "09:00-09:30"


def test_a_test_may_have_anybody_answer(google: Simulator, ana: Browserless) -> None:
    google.add_user("cy@example.com")
    google.answers("cy@example.com", Habit.TENTATIVE)

    invited(ana, "2026-11-24T09:00:00Z", {"email": "cy@example.com"})

    assert answers(ana) == {"cy@example.com": "tentative"}


def test_events_of_files_are_loaded(google: Simulator, ana: Browserless, tmp_path: Path) -> None:
    (tmp_path / "ben.json").write_text(
        '[{"start": {"dateTime": "2026-11-25T09:00:00Z"}, "end": {"dateTime": "2026-11-25T10:00:00Z"}}]'
    )

    enter(google, tmp_path, '[people.ben]\nemail = "ben@example.com"\nevents = "ben.json"\n')

    assert busy_day(ana, "ben@example.com", "2026-11-25") == ["09:00-10:00"]


def test_the_people_and_rooms_are_tables_of_the_configuration(tmp_path: Path) -> None:
    tables = tomllib.loads(config_tables(a_world(tmp_path)))

    assert tables["people"]["ben"] == {
        "email": "ben@example.com",
        "name": "Ben Okafor",
        "timezone": "Europe/Berlin",
    }
    assert list(tables["people"]) == ["ben", "zoe", "kim"]
    assert tables["rooms"] == {"oak": {"email": "oak@example.com", "capacity": 8}}
    assert tables["pools"] == {"backend": ["ben", "zoe"]}


def test_a_config_of_another_world_is_replaced_and_a_changed_one_is_kept(
    google: Simulator, tmp_path: Path
) -> None:
    config = google.write_files(tmp_path / "dir", world=a_world(tmp_path))
    other = a_world(tmp_path, '[people.lee]\nemail = "lee@example.com"\n')

    google.write_files(tmp_path / "dir", world=other)
    assert list(tomllib.loads(config.read_text())["people"]) == ["lee"]
    config.write_text(config.read_text().replace("lee@", "leo@"))
    google.write_files(tmp_path / "dir", world=a_world(tmp_path))
    assert tomllib.loads(config.read_text())["people"] == {
        "lee": {"email": "leo@example.com", "name": "Lee", "timezone": "Europe/London"}
    }
    with Simulator(now=NOW) as another, pytest.raises(FileExistsError):
        another.write_files(tmp_path / "dir")


@pytest.mark.parametrize("owner", ["ben", "Ben@Example.com"])
def test_the_owner_is_named_or_an_address(tmp_path: Path, owner: str) -> None:
    world = a_world(tmp_path, f"owner = '{owner}'\n[people.ben]\nemail = 'ben@example.com'")

    assert world.owner == "ben@example.com"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("people = 1", "people: expected a table"),
        ("[people]\nben = 1", "people.ben: expected a table"),
        ("nonsense = 1", "nonsense: there is no such key"),
        ("[people.ben]\nemail = 'ben@x.example'\nnonsense = 1", "people.ben.nonsense: there is no such key"),
        ("[people.ben]\nname = 'Ben'", "people.ben.email: expected an e-mail address"),
        ("[people.ben]\nemail = 1", "people.ben.email: expected text in quotes"),
        ("[people.ben]\nemail = 'b@x'\n[rooms.oak]\nemail = 'B@X'", "oak: ben has that address already"),
        ("[people.ben]\nemail = 'b@x'\ntimezone = 'Berlin'", "people.ben.timezone: there is no zone Berlin"),
        (
            "[people.ben]\nemail = 'b@x'\nanswers = 'maybe'",
            "people.ben.answers: expected one of accepts, declines",
        ),
        ("[people.ben]\nemail = 'b@x'\nanswers_after = '2'", "people.ben.answers_after: expected a length"),
        (
            "[people.ben]\nemail = 'b@x'\nshares = 'all'",
            "people.ben.shares: expected one of nothing, free/busy",
        ),
        (
            "[people.ben]\nemail = 'b@x'\nshares = { cy = 'details' }",
            "people.ben.shares: there is nobody called cy",
        ),
        ("[people.ben]\nemail = 'b@x'\nbusy = ['noon']", "people.ben.busy: expected times like"),
        ("[people.ben]\nemail = 'b@x'\nbusy = ['mon 10:00-09:00']", "is no time of a day"),
        ("[people.ben]\nemail = 'b@x'\nbusy = ['mon 10:00-25:00']", "is no time of a day"),
        (
            "[people.ben]\nemail = 'b@x'\nbusy = 'mon 10:00-11:00'",
            "people.ben.busy: expected a list of times",
        ),
        ("[rooms.oak]\nemail = 'o@x'\ncapacity = 0", "rooms.oak.capacity: expected a number of seats"),
        ("[pools]\nbackend = 'ben'", "pools.backend: expected a list of names"),
        ("[pools]\nbackend = ['ben']", "pools.backend: there is nobody called ben"),
        ("owner = 'ben'", "owner: expected an e-mail address, or the name of a person"),
        ("owner = 'oak'\n[rooms.oak]\nemail = 'o@x'", "owner: expected an e-mail address"),
        ("[people.ben", "not TOML"),
    ],
)
def test_a_file_that_describes_no_world_is_refused_with_its_key(
    tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        a_world(tmp_path, text)


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"people\.ben\.email: .*; people\.cy\.timezone: "):
        a_world(tmp_path, "[people.ben]\n[people.cy]\nemail = 'c@x'\ntimezone = 'Berlin'\n")
