"""Of the system's zone database and the package's the newer one is used; folders stand for the system here."""

from __future__ import annotations

import os
import subprocess
import sys
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import tzdata

from portalcal.adapters.zone_database import search_path, zone_in, zone_rules
from portalcal.core.zone_rules import PACKAGE, ZoneDatabase

PACKAGE_ZONES = Path(tzdata.__path__[0]) / "zoneinfo"
VANCOUVER = "America/Vancouver"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return database(tmp_path / "package", {"tzdata.zi": "# version 2026f\nR …"})


def database(folder: Path, files: Mapping[str, str]) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {"tzdata.zi": "# version 2025b\n# This zic input file is in the public domain."},
        {"+VERSION": "2025b\n"},
        {"tzdata.zi": "# version 2025b-dirty\n"},
        {"tzdata.zi": "# redirected"},
        {},
    ],
    ids=["Linux", "macOS", "built by hand", "of no version", "without a version"],
)
def test_the_package_comes_before_older_rules_and_those_of_unknown_age(
    tmp_path: Path, package: Path, files: Mapping[str, str]
) -> None:
    system = database(tmp_path / "system", files)

    assert search_path((str(system), "/none"), package=str(package)) == (str(package), str(system), "/none")


@pytest.mark.parametrize("version", ["2026f", "2026za", "2027a"])
def test_rules_of_the_system_that_are_as_new_are_used(tmp_path: Path, package: Path, version: str) -> None:
    system = database(tmp_path / "system", {"tzdata.zi": f"# version {version}\n"})

    assert search_path((str(system),), package=str(package)) == (str(system),)


def test_the_first_folder_that_exists_decides_as_it_is_the_one_that_is_read(
    tmp_path: Path, package: Path
) -> None:
    new = database(tmp_path / "new", {"tzdata.zi": "# version 2027a"})
    old = database(tmp_path / "old", {"tzdata.zi": "# version 2020a"})
    link = tmp_path / "link"
    link.symlink_to(new)

    assert search_path(("/none", str(link), str(old)), package=str(package)) == ("/none", str(link), str(old))
    assert search_path((str(old), str(new)), package=str(package))[0] == str(package)


@pytest.mark.parametrize("folders", [(), ("/none",)])
def test_without_a_system_database_the_package_is_used(package: Path, folders: tuple[str, ...]) -> None:
    path = search_path(folders, package=str(package))

    assert path == (str(package), *folders)
    assert zone_rules(path, package=str(package)).named == "2026f of the package tzdata"


@pytest.mark.parametrize("folder", [None, "/none/tzdata.zip/tzdata/zoneinfo"])
def test_without_the_package_the_system_database_is_used(tmp_path: Path, folder: str | None) -> None:
    system = database(tmp_path / "system", {"tzdata.zi": "# version 2020a"})

    assert search_path((str(system),), package=folder) == (str(system),)
    assert zone_rules((str(system),), package=None).used == ZoneDatabase(
        str(system), "2020a", zone_rules((str(system),), package=None).used.written_on
    )


def test_choosing_twice_changes_nothing(tmp_path: Path, package: Path) -> None:
    system = database(tmp_path / "system", {})
    once = search_path((str(system),), package=str(package))

    assert search_path(once, package=str(package)) == once


def test_both_databases_are_known_the_one_in_use_first(tmp_path: Path, package: Path) -> None:
    system = database(tmp_path / "system", {"tzdata.zi": "# version 2025b"})
    os.utime(system / "tzdata.zi", (0, 1_750_000_000))

    older = zone_rules((str(package), str(system)), package=str(package))
    (system / "tzdata.zi").write_text("# version 2027a")
    newer = zone_rules((str(system),), package=str(package))

    assert (older.used.place, older.used.version) == (PACKAGE, "2026f")
    assert older.other == ZoneDatabase(str(system), "2025b", date(2025, 6, 15))
    assert newer.named == f"2027a of {system}, 2026f of the package tzdata"


def test_a_zone_by_the_rules_of_one_of_them(tmp_path: Path) -> None:
    system = database(tmp_path / "system", {})
    (system / "America").mkdir()
    (system / VANCOUVER).write_bytes((PACKAGE_ZONES / "America/Los_Angeles").read_bytes())
    at = datetime(2026, 11, 30, 12, tzinfo=UTC)

    old, new = (zone_in(ZoneDatabase(place), VANCOUVER) for place in (str(system), PACKAGE))

    assert old
    assert new
    assert at.astimezone(old).hour == 4
    assert at.astimezone(new).hour == 5
    assert zone_in(ZoneDatabase(str(system)), "Europe/London") is None
    assert zone_in(ZoneDatabase(str(system)), "America") is None


def old_rules(tmp_path: Path) -> Path:
    """A database of 2025 in which Vancouver still changes its clocks, as Los Angeles does."""
    system = database(tmp_path / "system", {"tzdata.zi": "# version 2025b\n"})
    (system / "America").mkdir()
    for zone in (VANCOUVER, "America/Los_Angeles"):
        (system / zone).write_bytes((PACKAGE_ZONES / "America/Los_Angeles").read_bytes())
    return system


def test_every_library_of_the_process_uses_the_newer_rules(tmp_path: Path) -> None:
    script = (
        "from datetime import UTC, datetime\n"
        "from portalcal.container import use_newest_zone_rules\n"
        "use_newest_zone_rules()\n"
        "import pendulum, tzlocal\n"
        "from zoneinfo import ZoneInfo\n"
        "from icalendar import vDatetime\n"
        "from icalendar.parser import Parameters\n"
        "at = datetime(2026, 11, 30, 12, tzinfo=UTC)\n"
        "read = vDatetime.from_ical('20261130T050000', 'America/Vancouver')\n"
        "zones = [ZoneInfo('America/Vancouver'), pendulum.timezone('America/Vancouver'), tzlocal.get_localzone(), read.tzinfo]\n"
        "print([at.astimezone(zone).hour for zone in zones])\n"
    )
    environ = os.environ | {"PYTHONTZPATH": str(old_rules(tmp_path)), "TZ": VANCOUVER}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    )

    assert ran.stdout == "[5, 5, 5, 5]\n"


def test_the_program_offers_by_the_newer_rules(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f'timezone = "{VANCOUVER}"\n[rules]\nhorizon = "4000d"\n')
    environ = os.environ | {
        "PYTHONTZPATH": str(old_rules(tmp_path)),
        "PORTALCAL_CONFIG": str(tmp_path / "config.toml"),
    }
    command = [sys.executable, "-m", "portalcal", "availability", "2031-12-01", "--days", "1", "--json"]

    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)

    assert '"start": "2031-12-01T09:00:00-07:00"' in ran.stdout
    assert "2031-12-01T09:00:00-08:00" not in ran.stdout


def test_the_tests_run_as_the_program_does() -> None:
    assert search_path(zoneinfo.TZPATH, package=str(PACKAGE_ZONES)) == zoneinfo.TZPATH
