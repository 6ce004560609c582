"""config.example.toml shows every key, and its values are the defaults."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from portalcal import config_file
from portalcal.config_table import KEYS

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
_COMMENTED_KEY = re.compile(r"^# ([a-z_]+ = .*|\[.*\]|\d{4}-\d\d-\d\d = .*)$", re.MULTILINE)


def london() -> ZoneInfo:
    return ZoneInfo("Europe/London")


def test_the_example_is_the_defaults() -> None:
    read = config_file.read(EXAMPLE, workspace="default", machine_zone=london)
    default = config_file.read(None, workspace="default", machine_zone=london)

    assert read.schedule == default.schedule
    assert read.rules == default.rules
    assert read.endpoints == default.endpoints
    assert (read.links, read.pins.any, read.ledger, read.vault) == ({}, False, "sqlite", "keyring")


def test_every_line_that_is_commented_out_is_valid_too(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(_COMMENTED_KEY.sub(r"\1", EXAMPLE.read_text(encoding="utf-8")), encoding="utf-8")

    read = config_file.read(path, workspace="NAME", machine_zone=london)

    assert read.schedule.zone.key == "Europe/Berlin"
    assert list(read.links) == ["intro"]
    assert read.links["intro"].title == "Meeting with {name}"
    assert read.pins.conflicts == ("primary",)


def test_no_key_is_missing_from_the_example() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    shown = set(re.findall(r"^(?:# )?([a-z_]+) = ", text, re.MULTILINE))
    tables = set(re.findall(r"^(?:# )?\[([a-z]+)", text, re.MULTILINE))

    for table, keys in KEYS.items():
        values = {key for key in keys if key not in KEYS and key not in {"exceptions", "workspace"}}
        assert values <= shown, f"[{table}] lacks {values - shown}"
    assert tables >= set(KEYS) - {""}


def test_the_example_is_toml_and_travels_with_the_program() -> None:
    assert tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    packaged = files("portalcal") / "config.example.toml"
    if packaged.is_file():
        assert packaged.read_text(encoding="utf-8") == EXAMPLE.read_text(encoding="utf-8")
