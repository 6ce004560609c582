"""People, rooms and pools in config.toml: what each key does, and every problem with its key."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portalcal.config import loader
from portalcal.config.model import Config
from portalcal.config.people import Directory
from portalcal.core.participants import PanelRequest, Person, Room
from portalcal.core.schedule import Hours
from portalcal.errors import ConfigInvalid, PersonNotFound, PoolNotFound
from tests.test_config import HOLIDAYS

TEAM = """
[people.ana]
email = "Ana@example.com"
[people.ben]
email = "ben@example.com"
[rooms.oak]
email = "c_1888oak@resource.calendar.google.com"
capacity = 8
[rooms.elm]
email = "c_1888elm@resource.calendar.google.com"
[pools]
backend = ["ana", "ben", "zoe@example.com"]
berlin = ["oak", "elm"]
"""


def read(folder: Path, text: str, *, workspace: str = "default") -> Config:
    """The configuration a text makes, on a machine in London."""
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return loader.read(
        file, workspace=workspace, machine_zone=lambda: ZoneInfo("Europe/London"), holidays=HOLIDAYS
    )


def problems(folder: Path, text: str) -> list[str]:
    """What is reported of a text that cannot be used."""
    with pytest.raises(ConfigInvalid) as caught:
        read(folder, text)
    return [str(each) for each in caught.value.problems]


@pytest.fixture
def team(tmp_path: Path) -> Directory:
    """Ana, Ben, two rooms and two pools."""
    return read(tmp_path, TEAM).directory


def test_every_key_of_a_person(tmp_path: Path) -> None:
    text = """
    [people.ana]
    email = "ana@example.com"
    name = "Ana Pérez"
    timezone = "Europe/Madrid"
    max_per_day = 3
    max_per_week = 10
    weight = 0.5
    since = 2026-11-01
    [people.ana.schedule]
    mon = ["10:00-16:00"]
    """

    ana = read(tmp_path, text).directory.people["ana"]

    assert ana._replace(schedule=None) == Person(
        "ana", "ana@example.com", "Ana Pérez", None, ZoneInfo("Europe/Madrid"), 3, 10, 0.5, date(2026, 11, 1)
    )
    assert ana.schedule is not None
    assert ana.schedule.zone.key == "Europe/Madrid"
    assert ana.schedule.weekly == ((Hours(600, 960),), (), (), (), (), (), ())


def test_who_has_no_hours_of_their_own_has_those_of_the_link(team: Directory) -> None:
    assert (team.people["ana"].schedule, team.people["ana"].zone) == (None, None)


def test_exceptions_alone_leave_the_other_days_to_the_link(tmp_path: Path) -> None:
    text = '[people.ana]\nemail = "a@x.org"\n[people.ana.schedule.exceptions]\n2026-12-24 = []'

    schedule = read(tmp_path, text).directory.people["ana"].schedule

    assert schedule is not None
    assert schedule.hours_on(date(2026, 12, 24)) == ()
    assert schedule.hours_on(date(2026, 12, 27)) == (Hours(0, 1440),)


def test_a_link_takes_people_pools_and_a_room(tmp_path: Path) -> None:
    text = f"""{TEAM}
    [links.panel]
    owner = "organises"
    with = ["ben"]
    need = {{ backend = 2 }}
    optional = ["lee@example.com"]
    room = "berlin"
    [links.intro]
    """

    links = read(tmp_path, text).links

    assert links["panel"].panel == PanelRequest(
        ("ben",), (("backend", 2),), (), ("lee@example.com",), "berlin", owner_attends=False
    )
    assert links["intro"].panel.is_empty


def test_a_workspace_overrides_a_person_key_by_key(tmp_path: Path) -> None:
    text = f'{TEAM}\n[workspace.sales.people.ana]\nname = "Ana"\n[workspace.sales.pools]\nbackend = ["ben"]'

    directory = read(tmp_path, text, workspace="sales").directory

    assert (directory.people["ana"].email, directory.people["ana"].name) == ("Ana@example.com", "Ana")
    assert [each.key for each in directory.members("backend")] == ["ben"]


def test_a_person_is_found_by_name_and_by_address_in_any_case(team: Directory) -> None:
    assert team.person("ana") is team.person("ANA@example.com")
    assert team.person("zoe@example.com") == Person("zoe@example.com", "zoe@example.com")


@pytest.mark.parametrize(
    ("name", "sentence", "hint"),
    [
        ("anna", "there is nobody called anna in the configuration; did you mean ana?", "give an e-mail address, or one of: ana, ben"),
        ("backend", "backend is a pool, not a person", "ask for one of its members with `--need backend`"),
    ],
)  # fmt: skip
def test_nobody_of_that_name(team: Directory, name: str, sentence: str, hint: str) -> None:
    with pytest.raises(PersonNotFound) as caught:
        team.person(name)

    assert (caught.value.message, caught.value.hint) == (sentence, hint)


def test_no_pool_of_that_name(team: Directory) -> None:
    with pytest.raises(PoolNotFound) as caught:
        team.members("backnd")

    assert caught.value.message == (
        "there is no pool of people called backnd in the configuration; did you mean backend?"
    )
    assert caught.value.hint == "there are: backend"


def test_a_pool_of_rooms_has_no_people(team: Directory) -> None:
    with pytest.raises(PoolNotFound):
        team.members("berlin")


def test_a_room_is_one_or_those_of_a_pool_or_an_address(team: Directory) -> None:
    assert [each.key for each in team.rooms_called("berlin")] == ["oak", "elm"]
    assert [each.key for each in team.rooms_called("oak")] == ["oak"]
    assert team.rooms_called("ash@example.com") == (Room("ash@example.com", "ash@example.com"),)
    with pytest.raises(PoolNotFound, match="did you mean oak"):
        team.rooms_called("oakk")


def test_requests_add_up_and_the_later_room_and_owner_count() -> None:
    link = PanelRequest(("ana",), (("backend", 2),), (), ("lee",), "oak", owner_attends=False)
    typed = PanelRequest(("ben", "ana"), (("backend", 1), ("sales", 1)), (("a", "b"),), (), "none", True)

    assert link.plus(typed) == PanelRequest(
        ("ana", "ben"), (("backend", 3), ("sales", 1)), (("a", "b"),), ("lee",), "none", owner_attends=True
    )
    assert link.plus(PanelRequest()) == link


def test_all_problems_at_once_with_their_keys(tmp_path: Path) -> None:
    text = f"""{TEAM}
    few = ["ana"]
    mixed = ["ben", "oak"]
    odd = ["annna", "ben", "ben@example.com"]
    empty = []
    [people.zoe]
    email = "zoe at example.com"
    weight = -1
    since = "soon"
    max_per_day = -1
    timezone = "Madrid"
    nmae = "Zoe"
    [people.ana2]
    email = "ana@example.com"
    [people.nobody]
    [rooms.ash]
    email = "ash@example.com"
    capacity = 0
    [links.panel]
    owner = "attend"
    with = ["bem", "backend"]
    need = {{ few = 2, berlin = 1, backend = 0 }}
    optional = ["ben", "ben"]
    room = "oka"
    """

    assert problems(tmp_path, text) == [
        'people.zoe.nmae = "Zoe": there is no such key; did you mean name?',
        'people.zoe.timezone = "Madrid": expected an IANA zone like Europe/London; did you mean Europe/Madrid?',
        'people.zoe.email = "zoe at example.com": expected an e-mail address',
        "people.zoe.max_per_day = -1: expected 0 (no limit) or more",
        "people.zoe.weight = -1: expected a number of 0 or more like 1.0",
        'people.zoe.since = "soon": expected a date like 2026-11-01',
        "people.nobody.email: expected an e-mail address",
        "rooms.ash.capacity = 0: expected 1 seat or more",
        'people.ana2.email = "ana@example.com": people.ana has that address already',
        'pools.mixed = ["ben", "oak"]: expected people or rooms, not both',
        'pools.odd = ["annna", "ben", "ben@example.com"]: there is nobody called "annna"; did you mean ana?',
        'pools.odd = ["annna", "ben", "ben@example.com"]: "ben@example.com" is in it twice',
        "pools.empty = []: expected at least one member",
        'links.panel.owner = "attend": expected "attends" or "organises"; did you mean attends?',
        'links.panel.with = ["bem", "backend"]: there is nobody called "bem"; did you mean ben?',
        'links.panel.with = ["bem", "backend"]: there is nobody called "backend"; a pool goes into need',
        'links.panel.optional = ["ben", "ben"]: "ben" is in it twice',
        'links.panel.room = "oka": there is no room and no pool of rooms of that name; did you mean oak?',
        "links.panel.need.few = 2: pools.few has 1 member who could fill a place",
        "links.panel.need.berlin = 1: there is no pool of people of that name",
        "links.panel.need.backend = 0: expected 1 or more",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[people."ana p"]\nemail = "a@x.org"', "people.ana p: expected a name without spaces, @, commas and colons"),
        ('[rooms.none]\nemail = "a@x.org"', 'rooms.none: expected another name: room = "none" means that there is none'),
        ('[people.oak]\nemail = "a@x.org"\n[rooms.oak]\nemail = "b@x.org"', "rooms.oak: people.oak has that name already"),
        ('[rooms.oak]\nemail = "b@x.org"\n[pools]\noak = ["oak"]', 'pools.oak = ["oak"]: rooms.oak has that name already'),
        ("[people]\nana = 3", "people.ana = 3: expected a table"),
        ('[people.a]\nemail = "a@x.org"\nweight = true', "people.a.weight = true: expected a number of 0 or more like 1.0"),
        ('[people.a]\nemail = "a@x.org"\nweight = inf', "people.a.weight = inf: expected a number of 0 or more like 1.0"),
        ('[pools]\na = ["a@x.org"]\n[links.l]\nneed = { a = "2" }', 'links.l.need.a = "2": expected a whole number'),
        ('[pools]\na = ["a@x.org", "b@x.org"]\n[links.l]\nwith = ["a@x.org"]\nneed = { a = 2 }',
         "links.l.need.a = 2: pools.a has 1 member who could fill a place"),
        ('[people.a]\nemail = "a@x.org"\n[people.a.schedule]\nmoon = []', "people.a.schedule.moon = []: there is no such key; did you mean mon?"),
    ],
)  # fmt: skip
def test_what_cannot_be(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(tmp_path, text) == [problem]
