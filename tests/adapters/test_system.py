"""The clock, the ids and the folders of this machine."""

from __future__ import annotations

import sys
from datetime import UTC
from pathlib import Path

import pytest

from portalcal.adapters.system import SystemClock, paths

pytestmark = pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="states facts about Linux")


def test_the_clock_shows_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_ids_are_random() -> None:
    clock = SystemClock()

    assert clock.new_id().version == 4
    assert clock.new_id() != clock.new_id()


def test_files_are_where_the_desktop_specification_wants_them(tmp_path: Path) -> None:
    found = paths({})

    assert found.config_file == tmp_path / "home/.config/portalcal/config.toml"
    assert found.data_dir == tmp_path / "home/.local/share/portalcal"
    assert not found.config_is_named


def test_the_configuration_file_can_be_named(tmp_path: Path) -> None:
    found = paths({"PORTALCAL_CONFIG": "~/other.toml"})

    assert found.config_file == tmp_path / "home/other.toml"
    assert found.config_is_named
