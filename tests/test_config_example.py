"""config.example.toml shows every key, and its values are the defaults."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

from portalcal.config import loader
from portalcal.config.toml_reader import KEYS
from portalcal.core.participants import PanelRequest
from tests.test_config import HOLIDAYS

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
_COMMENTED_KEY = re.compile(r'^# ([a-z_]+ = .*|\[.*\]|"?\d{4}-\d\d-\d\d.* = .*)$', re.MULTILINE)


def uncommented() -> str:
    """The example with every key that is commented out in it."""
    return _COMMENTED_KEY.sub(r"\1", EXAMPLE.read_text(encoding="utf-8"))


def london() -> ZoneInfo:
    return ZoneInfo("Europe/London")


def test_the_example_is_the_defaults() -> None:
    read = loader.read(EXAMPLE, workspace="default", machine_zone=london, holidays=HOLIDAYS)
    default = loader.read(None, workspace="default", machine_zone=london, holidays=HOLIDAYS)

    assert read.schedule == default.schedule
    assert read.rules == default.rules
    assert read.endpoints == default.endpoints
    assert (read.links, read.pins.any, read.ledger, read.vault) == ({}, False, "sqlite", "keyring")
    assert read.directory == default.directory


def test_every_line_that_is_commented_out_is_valid_too(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    (tmp_path / "company.ics").touch()
    path.write_text(uncommented(), encoding="utf-8")

    read = loader.read(path, workspace="NAME", machine_zone=london, holidays=HOLIDAYS)

    assert read.schedule.zone.key == "Europe/Berlin"
    assert list(read.links) == ["intro", "panel"]
    assert read.links["panel"].panel == PanelRequest(
        ("ana",), (("backend", 1),), (), ("lee@example.com",), "oak", owner_attends=False
    )
    assert read.directory.people["ana"].max_per_day == 0
    assert read.links["intro"].title == "Meeting with {name}"
    assert read.pins.conflicts == ("primary",)
    assert [each.name for each in read.schedule.periods] == ["summer hours"]
    assert len(read.schedule.exceptions) == 2
    assert len(read.schedule.holidays) == 3
    assert len(read.schedule.holidays_open) == 1
    assert len(read.schedule.stretches) == 1


def test_no_key_is_missing_from_the_example() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    shown = set(re.findall(r"^(?:# )?([a-z_]+) = ", text, re.MULTILINE))
    headers = re.findall(r"^(?:# )?\[+([a-zA-Z.]+)\]", text, re.MULTILINE)
    tables = {name for header in headers for name in header.split(".")}

    for table, keys in KEYS.items():
        values = {key for key in keys if key not in KEYS and key not in {"exceptions", "pools", "workspace"}}
        assert values <= shown, f"[{table}] lacks {values - shown}"
    assert tables >= set(KEYS) - {""}


def test_the_example_is_toml() -> None:
    assert tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
