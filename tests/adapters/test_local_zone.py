"""The time zone of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="states facts about Linux")


def zone_of_a_process_with(tz: str | None) -> str:
    environ = {name: value for name, value in os.environ.items() if name != "TZ"}
    code = "from portalcal.adapters.local_zone import machine_zone; print(machine_zone().key)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environ | ({"TZ": tz} if tz is not None else {}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("tz", "zone"),
    [
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        (":Europe/Berlin", "Europe/Berlin"),
        ("/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        ("EST5EDT", "EST5EDT"),
        # POSIX counts hours west of Greenwich.
        ("UTC0", "UTC"),
        ("UTC+3", "Etc/GMT+3"),
        ("<+05>-5", "Etc/GMT-5"),
        ("JST-9:00", "Etc/GMT-9"),
    ],
)
def test_the_zone_of_this_machine_has_its_iana_name(tz: str, zone: str) -> None:
    assert zone_of_a_process_with(tz) == zone


@pytest.mark.parametrize("tz", [None, "", "EST5EDT,M3.2.0,M11.1.0", "Mars/Olympus"])
def test_a_machine_without_a_nameable_zone_still_has_one(tz: str | None) -> None:
    ZoneInfo(zone_of_a_process_with(tz))


def test_tzlocals_warnings_are_not_printed() -> None:
    code = "import portalcal.adapters.local_zone, logging; logging.getLogger('tzlocal').warning('deprecated')"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("", "")
