"""config.toml: what each key does, and what people read when something in it cannot be."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portalcal.cli.context import Invocation
from portalcal.config import loader
from portalcal.config.model import DEFAULT_WEEK, Config, Endpoints, HolidaySources, Pins, read_zone
from portalcal.container import Container
from portalcal.core.schedule import Hours
from portalcal.core.slots import Align, Rules
from portalcal.errors import ConfigInvalid, LinkNotFound

NINE_TO_FIVE = (Hours(540, 1020),)
MORNING = (Hours(540, 720),)


def of_country(code: str) -> dict[date, str]:
    """The holidays of a country: two that there are."""
    if code not in {"DE", "DE-BY"}:
        raise ValueError("expected a country like DE; did you mean DE?")
    epiphany = {date(2027, 1, 6): "Epiphany"} if code == "DE-BY" else {}
    return {date(2027, 1, 1): "New Year's Day"} | epiphany


def of_file(path: Path) -> dict[date, str]:
    """The holidays of a file: one, named after it."""
    if not path.exists():
        raise ValueError("cannot be read: no such file")
    return {date(2027, 1, 1): "closed", date(2027, 5, 14): path.name}


HOLIDAYS = HolidaySources(lambda: True, of_country, of_file)


def machine_zone() -> ZoneInfo:
    """The zone of the machine these tests pretend to run on."""
    return ZoneInfo("Europe/Paris")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the configuration is."""
    return tmp_path / "config.toml"


def read(file: Path, text: str, *, workspace: str = "default") -> Config:
    """The configuration a text makes."""
    file.write_text(text, encoding="utf-8")
    return loader.read(file, workspace=workspace, machine_zone=machine_zone, holidays=HOLIDAYS)


def problems(file: Path, text: str, *, workspace: str = "default") -> list[str]:
    """What is said about a text that cannot be used, without the file's name."""
    with pytest.raises(ConfigInvalid) as caught:
        read(file, text, workspace=workspace)
    assert caught.value.message.startswith(f"{file}: ")
    return [str(each) for each in caught.value.problems]


def problem(file: Path, text: str, *, workspace: str = "default") -> str:
    """The one thing wrong with a text."""
    (only,) = problems(file, text, workspace=workspace)
    return only


# --- what it says -----------------------------------------------------------------------------------------------


def test_without_a_file_everything_has_its_default() -> None:
    found = loader.read(None, workspace="default", machine_zone=machine_zone, holidays=HOLIDAYS)

    assert found.path is None
    assert found.schedule.zone.key == "Europe/Paris"
    assert found.schedule.weekly == DEFAULT_WEEK == (NINE_TO_FIVE,) * 5 + ((), ())
    assert found.schedule.exceptions == {}
    assert found.rules == Rules(duration=timedelta(minutes=30), notice=timedelta(hours=4), horizon=60)
    assert (found.links, found.endpoints, found.pins) == ({}, Endpoints(), Pins())
    assert (found.client_secrets, found.ledger, found.vault) == (None, "sqlite", "keyring")


def test_an_empty_file_is_the_same_but_for_its_path(file: Path) -> None:
    default = loader.read(None, workspace="default", machine_zone=machine_zone, holidays=HOLIDAYS)

    assert read(file, "") == default._replace(path=file)


def test_a_byte_order_mark_before_the_text_is_fine(file: Path) -> None:
    assert read(file, '\ufefftimezone = "Europe/Oslo"\n').schedule.zone.key == "Europe/Oslo"


def test_the_zone_of_the_schedule(file: Path) -> None:
    assert read(file, 'timezone = "America/New_York"').schedule.zone.key == "America/New_York"


def test_weekdays_that_are_not_named_are_closed_once_one_is(file: Path) -> None:
    schedule = read(file, '[schedule]\nmon = ["09:00-12:00", "13:00-24:00"]\nfri = ["22:00-02:00"]').schedule

    assert schedule.weekly == (
        (Hours(540, 720), Hours(780, 1440)), (), (), (), (Hours(1320, 120),), (), ()
    )  # fmt: skip


def test_exceptions_by_date(file: Path) -> None:
    schedule = read(file, '[schedule.exceptions]\n2026-12-25 = []\n2026-12-31 = ["09:00-12:00"]').schedule

    assert schedule.exceptions == {date(2026, 12, 25): (), date(2026, 12, 31): MORNING}
    assert schedule.weekly == DEFAULT_WEEK


def test_every_rule(file: Path) -> None:
    rules = read(
        file,
        """
        [rules]
        duration = "45m"
        step = "15m"
        buffer_before = "5m"
        buffer_after = "10m"
        notice = "1d"
        horizon = "90d"
        max_per_day = 3
        max_per_week = 10
        max_minutes_per_day = 240
        align = "hour"
        """,
    ).rules

    assert rules == Rules(
        duration=timedelta(minutes=45),
        step=timedelta(minutes=15),
        buffer_before=timedelta(minutes=5),
        buffer_after=timedelta(minutes=10),
        notice=timedelta(days=1),
        horizon=90,
        max_per_day=3,
        max_per_week=10,
        align=Align.HOUR,
        max_minutes_per_day=240,
    )


def test_a_link_has_the_rules_and_hours_of_the_workspace_where_it_has_none_of_its_own(file: Path) -> None:
    found = read(
        file,
        """
        [schedule]
        mon = ["09:00-12:00"]
        [schedule.exceptions]
        2026-12-25 = []
        [rules]
        buffer_after = "10m"
        [links.intro]
        duration = "15m"
        title = "Intro of {name} <{email}> by {link}"
        location = "Phone"
        meet = true
        notes = "Bring {{curly}} braces"
        [links.late]
        [links.late.schedule]
        tue = ["18:00-20:00"]
        """,
    )

    intro, late = found.links["intro"], found.links["late"]
    assert (intro.title, intro.location, intro.meet) == ("Intro of {name} <{email}> by {link}", "Phone", True)
    assert intro.notes == "Bring {{curly}} braces"
    assert (intro.rules.duration, intro.rules.buffer_after) == (timedelta(minutes=15), timedelta(minutes=10))
    assert intro.schedule == found.schedule
    assert (late.title, late.location, late.meet, late.notes) == ("Meeting with {name}", "", False, "")
    assert late.schedule.weekly == ((), (Hours(1080, 1200),), (), (), (), (), ())
    assert late.schedule.exceptions == {date(2026, 12, 25): ()}


def test_a_link_is_found_by_name_and_no_name_is_the_plain_meeting(file: Path) -> None:
    found = read(file, "[links.intro]\n[links.review]\n")

    assert found.link("intro").name == "intro"
    assert (found.link(None).name, found.link(None).rules) == ("", found.rules)
    with pytest.raises(LinkNotFound, match="there is no link intor in the configuration; did you mean intro"):
        found.link("intor")


def test_addresses_are_https_or_on_this_machine(file: Path) -> None:
    found = read(
        file, '[google]\napi_root = "http://127.0.0.1:8080/calendar/v3"\nrevoke_uri = "http://[::1]:1/r"'
    )

    assert found.endpoints == Endpoints("http://127.0.0.1:8080/calendar/v3/", "http://[::1]:1/r")


@pytest.mark.parametrize(
    ("written", "meant"),
    [("client.json", "client.json"), ("keys/client.json", "keys/client.json"), ("/etc/client.json", None)],
)
def test_the_client_lies_beside_the_file_unless_its_path_is_absolute(
    file: Path, written: str, meant: str | None
) -> None:
    found = read(file, f'[google]\nclient_secrets = "{written}"').client_secrets

    assert found == (file.parent / meant if meant else Path(written))


def test_a_client_in_the_home_folder(file: Path, tmp_path: Path) -> None:
    found = read(file, '[google]\nclient_secrets = "~/client.json"').client_secrets

    assert found == tmp_path / "home/client.json"


def test_pins_with_the_line_they_stand_in(file: Path) -> None:
    text = 'timezone = "Europe/Oslo"\n\n[ calendars ]  # for good\nconflicts = ["primary"]\nbooking = "work@example.com"\n'

    assert read(file, text).pins == Pins(("primary",), "work@example.com", 3)


def test_the_pins_of_another_workspace_are_not_ours(file: Path) -> None:
    text = '[workspace.sales.calendars]\nbooking = "sales@example.com"\n[calendars]\nbooking = "primary"\n'

    assert read(file, text).pins == Pins(None, "primary", 3)
    assert read(file, text, workspace="sales").pins == Pins(None, "sales@example.com", 1)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("sqlite", "data/ledger.db"), ("sqlite:///own.db", "own.db"), ("sqlite:////var/own.db", "/var/own.db")],
)
def test_the_ledger_lies_where_the_file_says_wherever_a_command_is_run(
    file: Path, written: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(file, f'[ledger]\nurl = "{written}"')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    streams = (io.StringIO(), io.StringIO(), io.StringIO())

    container = Container(Invocation({}, *streams).view("", as_json=True), config_path=file)

    data = container.paths.data_dir / "ledger.db"
    assert container._ledger_path == (data if written == "sqlite" else file.parent / meant)


# --- workspaces -------------------------------------------------------------------------------------------------

TWO_WORKSPACES = """
timezone = "Europe/London"
[google]
client_secrets = "client.json"
[schedule]
mon = ["09:00-12:00"]
tue = ["09:00-12:00"]
[schedule.exceptions]
2026-12-24 = []
2026-12-25 = []
[rules]
duration = "30m"
notice = "2h"
[links.intro]
title = "Intro"
duration = "15m"
[vault]
kind = "keyring"

[workspace.sales]
timezone = "Europe/Berlin"
[workspace.sales.schedule]
fri = ["10:00-11:00"]
[workspace.sales.schedule.exceptions]
2026-12-24 = ["09:00-12:00"]
[workspace.sales.rules]
duration = "1h"
[workspace.sales.links.intro]
location = "Zoom"
[workspace.sales.links.pitch]
"""


def test_a_workspace_overrides_the_top_level_key_by_key(file: Path) -> None:
    sales = read(file, TWO_WORKSPACES, workspace="sales")

    assert sales.schedule.zone.key == "Europe/Berlin"
    assert (sales.rules.duration, sales.rules.notice) == (timedelta(hours=1), timedelta(hours=2))
    assert sales.client_secrets == file.parent / "client.json"


def test_the_weekly_hours_are_taken_as_a_whole_from_the_first_that_has_a_weekday(file: Path) -> None:
    sales = read(file, TWO_WORKSPACES, workspace="sales")

    assert sales.schedule.weekly == ((), (), (), (), (Hours(600, 660),), (), ())


def test_exceptions_are_overridden_date_by_date(file: Path) -> None:
    sales = read(file, TWO_WORKSPACES, workspace="sales")

    assert sales.schedule.exceptions == {date(2026, 12, 24): MORNING, date(2026, 12, 25): ()}


def test_links_are_overridden_key_by_key_and_added_to(file: Path) -> None:
    sales = read(file, TWO_WORKSPACES, workspace="sales")

    assert set(sales.links) == {"intro", "pitch"}
    intro = sales.links["intro"]
    assert (intro.title, intro.location, intro.rules.duration) == ("Intro", "Zoom", timedelta(minutes=15))
    assert sales.links["pitch"].rules.duration == timedelta(hours=1)


def test_other_workspaces_see_nothing_of_it(file: Path) -> None:
    found = read(file, TWO_WORKSPACES)

    assert found.schedule.zone.key == "Europe/London"
    assert found.schedule.weekly == (MORNING, MORNING, (), (), (), (), ())
    assert list(found.links) == ["intro"]
    assert read(file, TWO_WORKSPACES, workspace="support")[2:] == found[2:]


# --- what is wrong ----------------------------------------------------------------------------------------------


def test_every_problem_is_told_at_once_with_file_key_value_and_what_was_expected(file: Path) -> None:
    text = """
timezone = "Berlin"
timezon = "Europe/Berlin"
rule = 3
[google]
client_secrets = 3
api_root = "http://example.com/"
revoke_uri = "http://[::1"
[calendars]
conflicts = "primary"
booking = 3
[schedule]
mon = "09:00-17:00"
tue = ["9-17"]
wed = ["10:00-10:00", "25:00-26:00"]
mondy = []
[schedule.exceptions]
christmas = []
2026-12-26 = "closed"
2026-12-27 = ["9:00"]
[rules]
duration = 30
step = "0m"
notice = "4"
horizon = "36h"
max_per_day = -1
max_per_week = true
align = "hours"
buffer_befor = "5m"
[links.intro]
title = "Hello {nam}"
notes = "Hello {name"
meet = "yes"
location = 3
titel = "x"
[links.intro.schedule]
mun = []
[ledger]
url = "mysql://me:secret@host/db"
[vault]
kind = "paper"
"""
    with pytest.raises(ConfigInvalid) as caught:
        read(file, text)

    assert (
        caught.value.message
        == f"""{file}: 32 problems
  timezon = "Europe/Berlin": there is no such key; did you mean timezone?
  rule = 3: there is no such key; did you mean rules?
  timezone = "Berlin": expected an IANA zone like Europe/London; did you mean Europe/Berlin?
  schedule.mondy = []: there is no such key; did you mean mon?
  schedule.mon = "09:00-17:00": expected a list of ranges like ["09:00-12:30"]
  schedule.tue = ["9-17"]: "9-17": expected a range like "09:00-12:30"
  schedule.wed = ["10:00-10:00", "25:00-26:00"]: "10:00-10:00": expected an end that differs from the start; \
all day is 00:00-24:00
  schedule.wed = ["10:00-10:00", "25:00-26:00"]: "25:00-26:00": expected times from 00:00 to 24:00
  schedule.exceptions.christmas = []: expected a date like 2026-12-25 as the key, or dates like "2026-12-24..2027-01-02"
  schedule.exceptions.2026-12-26 = "closed": expected a list of ranges like ["09:00-12:30"]
  schedule.exceptions.2026-12-27 = ["9:00"]: "9:00": expected a range like "09:00-12:30"
  rules.buffer_befor = "5m": there is no such key; did you mean buffer_before?
  rules.step = "0m": expected more than nothing
  rules.duration = 30: expected a length like 90s, 30m, 1h, 1h30m or 2d, in quotes
  rules.notice = "4": expected a length like 90s, 30m, 1h, 1h30m or 2d
  rules.horizon = "36h": expected whole days like 60d
  rules.max_per_day = -1: expected 0 (no limit) or more
  rules.max_per_week = true: expected a whole number
  rules.align = "hours": expected "opening" or "hour"; did you mean hour?
  links.intro.titel = "x": there is no such key; did you mean title?
  links.intro.schedule.mun = []: there is no such key; did you mean sun?
  links.intro.title = "Hello {{nam}}": there is no placeholder {{nam}}; there are {{name}}, {{email}} and {{link}}
  links.intro.location = 3: expected text in quotes
  links.intro.meet = "yes": expected true or false
  links.intro.notes = "Hello {{name": expected every {{ to have its }}; a brace itself is written {{{{ or }}}}
  google.api_root = "http://example.com/": expected an https:// address (http:// only on 127.0.0.1)
  google.revoke_uri = "http://[::1": expected an https:// address (http:// only on 127.0.0.1)
  google.client_secrets = 3: expected text in quotes
  calendars.conflicts = "primary": expected a list of texts in quotes
  calendars.booking = 3: expected text in quotes
  ledger.url = "mysql://…@host/db": expected "sqlite", "sqlite:///path" or "postgresql://user@host/database"
  vault.kind = "paper": expected "keyring" or "file"
"""[:-1]
    )


def test_a_problem_in_a_workspace_names_the_workspace(file: Path) -> None:
    text = '[workspace.sales.rules]\nduration = "soon"\n'

    assert problem(file, text, workspace="sales") == (
        'workspace.sales.rules.duration = "soon": expected a length like 90s, 30m, 1h, 1h30m or 2d'
    )
    assert read(file, text).rules == Rules()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[rules]\nduration = 30m", "not TOML at line 2, column 14: expected newline or end of document after a statement"),
        ("timezone = Europe/London", "not TOML at line 1, column 12: unexpected value"),
        ("[rules]\n[rules]", "not TOML at line 2, column 7: cannot declare [rules] twice"),
        ('timezone = "Europe', "not TOML at end of document: unterminated string"),
    ],
)  # fmt: skip
def test_what_is_no_toml_names_line_and_column(file: Path, text: str, said: str) -> None:
    assert problem(file, text) == said


def test_what_is_no_toml_says_what_is_usually_the_matter(file: Path) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read(file, "[rules]\nduration = 30m")

    assert caught.value.hint == (
        'texts stand in quotes, lengths like "30m" too; `portalcal config --example` shows every key'
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_windows_redirects_into_a_file_is_read(file: Path, encoding: str) -> None:
    file.write_bytes('timezone = "America/New_York"\r\n'.encode(encoding))

    found = loader.read(file, workspace="default", machine_zone=machine_zone, holidays=HOLIDAYS)

    assert found.schedule.zone.key == "America/New_York"


def test_a_file_in_another_encoding_is_named(file: Path) -> None:
    file.write_bytes(b'timezone = "\xff"')

    with pytest.raises(ConfigInvalid, match="expected UTF-8 text"):
        loader.read(file, workspace="default", machine_zone=machine_zone, holidays=HOLIDAYS)


def test_a_folder_in_the_files_place_is_named(file: Path) -> None:
    file.mkdir()

    with pytest.raises(ConfigInvalid, match="is a directory"):
        loader.read(file, workspace="default", machine_zone=machine_zone, holidays=HOLIDAYS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules = 3", "rules = 3: expected a table"),
        ("workspace = 3", "workspace = 3: expected a table"),
        ("[links]\nintro = 3", "links.intro = 3: expected a table"),
        ("[workspace]\ndefault = 3", "workspace.default = 3: expected a table"),
        ("[schedule]\nexceptions = []", "schedule.exceptions = []: expected a table"),
    ],
)
def test_a_value_in_a_tables_place(file: Path, text: str, said: str) -> None:
    assert problem(file, text) == said


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Berlin", "expected an IANA zone like Europe/London; did you mean Europe/Berlin?"),
        ("new york", "expected an IANA zone like Europe/London; did you mean America/New_York?"),
        ("Europe/Lodnon", "expected an IANA zone like Europe/London; did you mean Europe/London?"),
        ("europe/LONDON ", "expected an IANA zone like Europe/London; did you mean Europe/London?"),
        (" America/New York", "expected an IANA zone like Europe/London; did you mean America/New_York?"),
        ("Atlantis", "expected an IANA zone like Europe/London"),
        ("Europe", "expected an IANA zone like Europe/London"),
        ("", "expected an IANA zone like Europe/London"),
        ("../../etc/passwd", "expected an IANA zone like Europe/London"),
    ],
)
def test_a_zone_that_there_is_not(file: Path, zone: str, expected: str) -> None:
    said = problem(file, f'timezone = "{zone}"')

    assert said.startswith(f'timezone = "{zone}": {expected.partition(";")[0]}')
    if "did you mean" in expected:
        assert said.endswith(expected)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("9:00-17:00", 'expected a range like "09:00-12:30"'),
        ("09:00–17:00", 'expected a range like "09:00-12:30"'),
        ("09:00", 'expected a range like "09:00-12:30"'),
        ("09:60-10:00", 'expected a range like "09:00-12:30"'),
        ("24:00-10:00", "expected times from 00:00 to 24:00"),
        ("09:00-24:01", "expected times from 00:00 to 24:00"),
        ("09:00-09:00", "expected an end that differs from the start; all day is 00:00-24:00"),
    ],
)
def test_a_range_that_is_none(file: Path, written: str, expected: str) -> None:
    assert problem(file, f'[schedule]\nmon = ["{written}"]') == (
        f'schedule.mon = ["{written}"]: "{written}": {expected}'
    )


@pytest.mark.parametrize(
    "title",
    ["{name.__class__}", "{0}", "{}", "{name[0]}", "{names}"],
)
def test_a_title_can_hold_three_placeholders_and_nothing_cleverer(file: Path, title: str) -> None:
    assert problem(file, f'[links.intro]\ntitle = "{title}"') == (
        f'links.intro.title = "{title}": there is no placeholder {title}; there are {{name}}, {{email}} and {{link}}'
    )


@pytest.mark.parametrize(
    "address",
    ["http://www.googleapis.com/", "ftp://127.0.0.1/", "www.googleapis.com", "http://127.0.0.1.example.com/",
     ""],
)  # fmt: skip
def test_an_address_that_could_send_tokens_elsewhere(file: Path, address: str) -> None:
    assert problem(file, f'[google]\napi_root = "{address}"') == (
        f'google.api_root = "{address}": expected an https:// address (http:// only on 127.0.0.1)'
    )


@pytest.mark.parametrize("key", ["api_root", "revoke_uri"])
@pytest.mark.parametrize(
    ("address", "shown", "expected"),
    [
        ("http://127.0.0.2:80\\@127.0.0.1/", "http://…@127.0.0.1/", "blanks, backslashes and control characters"),
        ("http://localhost@example.com/", "http://…@example.com/", "without a name or a password in it"),
        ("https://example.com:99999/", "https://example.com:99999/", "a port from 1 to 65535"),
        ("https://127.1/", "https://127.1/", "an IPv4 address of four plain numbers"),
        ("https://example.com/#a", "https://example.com/#a", "without a fragment"),
    ],
)  # fmt: skip
def test_an_address_that_could_be_read_in_two_ways_is_told_with_its_key(
    file: Path, key: str, address: str, shown: str, expected: str
) -> None:
    told = problem(file, f"[google]\n{key} = '{address}'")

    assert told.startswith(f'google.{key} = "{shown}": expected ')
    assert expected in told


def test_the_root_of_the_api_takes_no_query(file: Path) -> None:
    told = problem(file, '[google]\napi_root = "https://www.googleapis.com/?a=b"')

    assert told.endswith("expected an address without a query (?)")


def test_addresses_are_kept_in_their_normal_form(file: Path) -> None:
    found = read(
        file, '[google]\napi_root = "HTTPS://Calendar.Example:443/v3"\nrevoke_uri = "http://[0:0::1]:9"'
    )

    assert found.endpoints == Endpoints("https://calendar.example/v3/", "http://[::1]:9/")


@pytest.mark.parametrize("key", ["title", "notes"])
@pytest.mark.parametrize(
    "placeholder", ["{name:d}", "{name!x}", "{name!r}", "{email:>99999999}", "{link:{name}}", "{name:%Y}"]
)
def test_a_placeholder_stands_as_it_is(file: Path, key: str, placeholder: str) -> None:
    told = problem(file, f'[links.intro]\n{key} = "Hello {placeholder}"')

    assert told.startswith(f'links.intro.{key} = "Hello {placeholder}": expected {{')
    assert told.endswith("as it stands, with neither : nor ! in it")


@pytest.mark.parametrize("placeholder", ["{0}", "{}", "{name.x}", "{name[x]}", "{ name}", "{"])
def test_what_is_no_placeholder_is_found(file: Path, placeholder: str) -> None:
    assert problem(file, f'[links.intro]\ntitle = "{placeholder}"').startswith("links.intro.title = ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"a = {'[' * 5000}", "expected lists and tables that are not nested by the hundred"),
        (f"a = {'{a=' * 5000}", "expected lists and tables that are not nested by the hundred"),
        (f"[rules]\nmax_per_day = {'9' * 5000}", "expected numbers of less than 4,300 digits"),
        (f"# {'x' * 2**20}", "expected a file of at most 1 MiB"),
    ],
)
def test_a_file_beyond_reason_is_told_as_such(file: Path, text: str, expected: str) -> None:
    assert problem(file, text) == expected
    assert loader.workspaces(file) == ()


def test_a_hexadecimal_number_of_any_length_is_told(file: Path) -> None:
    assert problem(file, f"timezone = 0x{'f' * 9000}") == "timezone = a number: expected text in quotes"


@pytest.mark.parametrize("url", ["", "sqlite:", "sqlite:///", "ledger.db", "oracle://host/db"])
def test_a_ledger_that_is_none(file: Path, url: str) -> None:
    assert problem(file, f'[ledger]\nurl = "{url}"').startswith(f'ledger.url = "{url}": expected "sqlite"')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[schedule]\nmon = ["09:00-10:00"]\n[rules]\nduration = "2h"',
            'rules.duration = "2h": longer than any opening of the schedule',
        ),
        (
            '[rules]\nnotice = "90d"',
            'rules.notice = "90d": the horizon ends before the notice does, so nothing could be booked',
        ),
    ],
)
def test_rules_under_which_nothing_could_ever_be_booked(file: Path, text: str, said: str) -> None:
    assert problem(file, text) == said


def test_a_problem_that_links_inherit_is_told_once(file: Path) -> None:
    text = '[schedule]\nmon = ["9-17"]\n[rules]\nnotice = "soon"\n[links.one]\n[links.two]\n'

    assert len(problems(file, text)) == 2


def test_a_service_account_acts_for_its_subject(file: Path) -> None:
    found = read(file, '[google]\nservice_account = "key.json"\nsubject = "ana@example.com"')

    assert (found.service_account, found.subject) == (file.parent / "key.json", "ana@example.com")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('service_account = "key.json"', 'expected subject = "ana@example.com" beside it'),
        ('service_account = "key.json"\nsubject = "ana"', "expected an e-mail address"),
        ("service_account = true", "expected text in quotes"),
    ],
)
def test_half_a_service_account_is_a_problem(file: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read(file, f"[google]\n{text}")

    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[calendars]\nconflicts = []\n",
        "[workspace.sales.calendars]\nconflicts = []\n",
        '[calendars]\nconflicts = [" "]\n',
        '[calendars]\nbooking = ""\n',
    ],
)
def test_a_choice_of_no_calendar_is_refused(file: Path, text: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read(file, text, workspace="sales")

    assert len(caught.value.problems) == 1
    assert "calendars." in caught.value.problems[0].key


@pytest.mark.parametrize("name", ["localtime", "Factory", "posixrules"])
def test_what_is_the_zone_of_one_machine_or_of_none_is_no_zone(name: str) -> None:
    with pytest.raises(ValueError, match="expected an IANA zone like Europe/London"):
        read_zone(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("UTC+1", "1 h ahead of UTC is Etc/GMT-1 all year"),
        ("gmt+1", "1 h ahead of UTC is Etc/GMT-1 all year"),
        ("GMT-5", "5 h behind UTC is Etc/GMT+5 all year"),
        ("UTC+05:00", "5 h ahead of UTC is Etc/GMT-5 all year"),
        ("+2", "2 h ahead of UTC is Etc/GMT-2 all year"),
        ("UTC+05:30", "no fixed zone is that far from UTC"),
        ("UTC-13", "no fixed zone is that far from UTC"),
    ],
)
def test_a_distance_from_utc_is_answered_with_the_zone_that_has_it(name: str, meant: str) -> None:
    with pytest.raises(ValueError, match="expected an IANA zone") as caught:
        read_zone(name)

    assert meant in str(caught.value)
    if zone := re.search(r"Etc/GMT[+-]\d+", str(caught.value)):
        noon = datetime(2026, 11, 25, 12, tzinfo=UTC)
        hours = noon.astimezone(read_zone(zone[0])).utcoffset()
        assert hours == timedelta(hours=int(re.sub(r":.*|[^0-9+-]", "", name)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[google]\ntimezone = "Europe/London"',
            "there is no such key; timezone belongs above the first [table]",
        ),
        ('[schedule]\nduration = "30m"', "there is no such key; duration belongs under [rules]"),
        ('[rules]\nholidays = ["DE"]', "there is no such key; holidays belongs under [schedule]"),
    ],
)
def test_a_key_under_another_table_is_told_where_it_belongs(file: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read(file, text)

    assert caught.value.message.endswith(told)
