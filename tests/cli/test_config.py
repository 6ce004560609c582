"""`portalcal config`: where the file is, what is in effect and why, and whether a file can be used."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from portalcal.config.key_lines import key_lines
from portalcal.config.settings import SettingsReader
from portalcal.config.toml_reader import KEYS
from tests.cli.conftest import Shell
from tests.test_config_example import EXAMPLE, uncommented

SMALL = """\
timezone = "Europe/London"

[schedule]
mon = [
  "09:00-12:30",  # the morning,
  "13:30-17:00",
]

[rules]
duration = "45m"

[links.intro]
title = "Intro"

[ledger]
url = "postgresql://bob:secret@db.example.com/portal?password=secret"

[workspace.sales.rules]
notice = "1h"
"""


@pytest.fixture
def newcomer(portalcal: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """A machine where nothing was set up yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "etc"))
    del portalcal.environ["PORTALCAL_CONFIG"]
    return portalcal


def written(shell: Shell, text: str) -> Path:
    path = shell.folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def shown(shell: Shell, text: str, *options: str) -> dict[str, Any]:
    """Every setting of a file by its key."""
    ran = shell.json("--config", str(written(shell, text)), *options, "config", "--show")
    return {each["key"]: each for each in ran.result["settings"]}


# --- where it is ------------------------------------------------------------------------------------------------------


def test_who_has_no_file_reads_how_to_begin_one(newcomer: Shell, tmp_path: Path) -> None:
    ran = newcomer("config")

    assert (ran.exit, ran.err) == (0, "")
    assert ran.out.replace(str(tmp_path), "…") == (
        "…/etc/portalcal/config.toml\n"
        "\n"
        "There is no such file, so the defaults apply. To begin one:\n"
        "\n"
        "  mkdir -p …/etc/portalcal\n"
        "  portalcal config --example > …/etc/portalcal/config.toml\n"
    )


def test_what_begins_a_file_puts_it_where_portalcal_looks(newcomer: Shell, tmp_path: Path) -> None:
    place = Path(newcomer("config", "--path").out.removesuffix("\n"))
    place.parent.mkdir(parents=True)

    place.write_text(newcomer("config", "--example").out, encoding="utf-8")

    assert newcomer.json("config").result == {"path": str(place), "exists": True, "named_by": None}
    assert newcomer("config").out == f"{place}\n"
    assert newcomer("config", "--check", str(place)).out == f"{place}: no problems\n"


@pytest.mark.parametrize("named_by", ["--config", "PORTALCAL_CONFIG"])
def test_what_names_the_file_is_shown(newcomer: Shell, named_by: str) -> None:
    path = written(newcomer, SMALL)
    options = ("--config", str(path)) if named_by == "--config" else ()
    environ = {} if options else {named_by: str(path)}

    ran = newcomer(*options, "config", environ=environ)

    assert ran.out == f"{path} (named by {named_by})\n"
    assert newcomer(*options, "config", "--path", environ=environ).out == f"{path}\n"


def test_status_says_where_a_file_would_be(newcomer: Shell, tmp_path: Path) -> None:
    ran = newcomer.json("status", "--offline")

    checks = {each["name"]: each["detail"] for each in ran.result["checks"]}
    assert (
        checks["config.file"] == f"none; the defaults apply. It would be {tmp_path}/etc/portalcal/config.toml"
    )


# --- the example ------------------------------------------------------------------------------------------------------


def test_the_example_is_printed_byte_for_byte(newcomer: Shell) -> None:
    assert newcomer("config", "--example").out.encode() == EXAMPLE.read_bytes()
    assert newcomer.json("config", "--example").result == {"example": EXAMPLE.read_text(encoding="utf-8")}


# --- what is in effect ------------------------------------------------------------------------------------------------


IN_EFFECT = [
    """
[schedule]
  mon            ["09:00-12:30", "13:30-17:00"]  line 4
  tue            []                              line 3, [schedule]
""",
    """
[rules]
  duration             "45m"      line 10
  step                 "45m"      line 10, rules.duration
  buffer_before        "0m"       default
  buffer_after         "0m"       default
  notice               "1h"       line 19, [workspace.sales.rules]
""",
    """
[links.intro]
  title                "Intro"    line 13
  location             ""         default
""",
    """
[ledger]
  url  "postgresql://…@db.example.com/portal?password=…"  line 16
""",
    """
[vault]
  kind  "keyring"  default
""",
]


def test_every_key_is_shown_with_its_value_and_where_that_comes_from(newcomer: Shell) -> None:
    path = written(newcomer, SMALL)

    ran = newcomer(
        "--config", str(path), "--workspace", "sales", "config", "--show", environ={"COLUMNS": "80"}
    )

    assert (ran.exit, ran.err) == (0, "")
    assert ran.out.startswith(
        f'{path} (named by --config)\nworkspace sales\n\n  timezone  "Europe/London"  line 1\n'
    )
    for block in IN_EFFECT:
        assert block in ran.out


def test_scripts_get_the_same_by_key(newcomer: Shell) -> None:
    settings = shown(newcomer, SMALL, "--workspace", "sales")

    assert settings["rules.notice"] == {
        "key": "rules.notice",
        "value": "1h",
        "origin": "file",
        "written_as": "workspace.sales.rules.notice",
        "line": 19,
        "variable": None,
    }
    assert settings["links.intro.duration"]["written_as"] == "rules.duration"
    assert (settings["rules.horizon"]["value"], settings["rules.horizon"]["origin"]) == ("60d", "default")
    assert (settings["schedule.tue"]["value"], settings["schedule.tue"]["origin"]) == ([], "file")


@pytest.mark.parametrize("text", ["", uncommented()], ids=["an empty file", "the whole example"])
def test_no_key_that_the_loader_knows_is_left_out(text: str) -> None:
    defaults = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    reader = SettingsReader(text, tomllib.loads(text), workspace="NAME", defaults=defaults)
    keys = [re.sub(r"\[\d+\]", "", each.key) for each in reader.read(machine_zone="UTC", zone_variable=None)]
    parts = {part for key in keys for part in key.split(".")}

    for table in KEYS if text else ("google", "calendars", "rules", "ledger", "vault"):
        assert set(KEYS[table]) - parts <= {"workspace"}, table


def test_a_default_week_is_shown_and_a_named_day_closes_the_others(newcomer: Shell) -> None:
    default, named = shown(newcomer, ""), shown(newcomer, '[schedule]\nsat = ["10:00-12:00"]\n')

    assert (default["schedule.mon"]["value"], default["schedule.mon"]["origin"]) == (
        ["09:00-17:00"],
        "default",
    )
    assert (named["schedule.mon"]["value"], named["schedule.mon"]["origin"]) == ([], "file")


def test_an_exception_for_several_dates_is_one_key(newcomer: Shell) -> None:
    newcomer.configure('[schedule.exceptions]\n2026-12-31 = []\n"2026-12-24..2026-12-27" = []\n')

    shown = newcomer("config", "--show").out.partition("[schedule.exceptions]\n")[2].splitlines()

    assert [line.split()[:3] for line in shown[:2]] == [
        ["2026-12-31", "[]", "line"],
        ["2026-12-24..2026-12-27", "[]", "line"],
    ]


def test_the_machines_zone_is_shown_with_the_variable_that_sets_it(newcomer: Shell) -> None:
    setting = shown(newcomer, "")["timezone"]

    assert (setting["value"], setting["origin"], setting["variable"]) == (
        "Europe/London",
        "environment",
        "TZ",
    )


def test_variables_that_are_set_are_shown_without_secrets(newcomer: Shell) -> None:
    secret = {"PORTALCAL_REFRESH_TOKEN": "1//very-secret", "PORTALCAL_VAULT_PASSPHRASE": "very-secret"}

    ran = newcomer("config", "--show", environ=secret | {"PORTALCAL_VAULT_TIMEOUT": "3"})

    assert "very-secret" not in ran.out + ran.err
    assert ran.out.endswith(
        "environment\n"
        "  PORTALCAL_REFRESH_TOKEN      set; not shown\n"
        "  PORTALCAL_VAULT_PASSPHRASE   set; not shown\n"
        "  PORTALCAL_VAULT_TIMEOUT      3\n"
    )


def test_a_file_that_cannot_be_used_has_no_effective_values(newcomer: Shell) -> None:
    path = written(newcomer, '[rules]\nduration = "half an hour"\n')

    ran = newcomer.json("--config", str(path), "config", "--show")

    assert (ran.exit, ran.error["code"]) == (3, "config-invalid")


# --- whether a file can be used ---------------------------------------------------------------------------------------


def test_all_problems_of_a_file_are_reported_at_once_for_every_workspace(newcomer: Shell) -> None:
    path = written(
        newcomer,
        '[rules]\nduration = "half an hour"\n[workspace.sales]\ntimezone = "Berlin"\n[workspace.ops.rules]\nnotise = "1h"\n',
    )

    ran = newcomer("config", "--check", str(path))

    assert (ran.exit, ran.out) == (3, "")
    assert ran.err == (
        f"error: {path}: 3 problems\n"
        '  rules.duration = "half an hour": expected a length like 90s, 30m, 1h, 1h30m or 2d\n'
        '  workspace.sales.timezone = "Berlin": expected an IANA zone like Europe/London; did you mean Europe/Berlin?\n'
        '  workspace.ops.rules.notise = "1h": there is no such key; did you mean notice?\n'
        "\n"
        "hint: `portalcal config --example` shows every key with its default\n"
    )


def test_a_file_without_problems_is_said_to_have_none(newcomer: Shell) -> None:
    path = written(newcomer, SMALL)

    assert newcomer("config", "--check", str(path)).out == f"{path}: no problems, with its tables for sales\n"
    assert newcomer.json("config", "--check", str(path)).result == {
        "path": str(path),
        "workspaces": ["sales"],
    }


def test_a_file_that_is_not_there_is_a_problem(newcomer: Shell) -> None:
    ran = newcomer.json("config", "--check", "nowhere.toml")

    assert (ran.exit, ran.error["message"]) == (3, "nowhere.toml: no such file or directory")


def test_two_questions_at_once_are_refused(newcomer: Shell) -> None:
    ran = newcomer("config", "--path", "--show")

    assert (ran.exit, ran.err) == (2, "error: --path and --show are two questions\n\nhint: use one of them\n")


# --- lines ------------------------------------------------------------------------------------------------------------


def test_every_key_of_a_file_has_its_line() -> None:
    text = '''\
top = 1  # a comment, with a comma,
dotted.key = 2
[table]
list = [ # [not a table]
  "a,b",
  "[c]",
]
text = """
[no.table]
key = 1
"""
inline = { a = 1, b = { c = 2 } }
"quoted key" = 3
[[many.times]]
name = "one"
[[many.times]]
name = "two"
'''
    lines = key_lines(text)

    assert tomllib.loads(text)["table"]["inline"]["b"]["c"] == 2
    assert lines == {
        "top": 1, "dotted": 2, "dotted.key": 2, "table": 3, "table.list": 4, "table.text": 8, "table.inline": 12,
        "table.inline.a": 12, "table.inline.b": 12, "table.inline.b.c": 12, "table.quoted key": 13,
        "many.times[1]": 14, "many.times[1].name": 15, "many.times[2]": 16, "many.times[2].name": 17,
    }  # fmt: skip
