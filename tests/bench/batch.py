"""`book --file`: its rate against one process a booking, and its memory against the length of the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from portalcal.simulator.google import Simulator
from tests.bench.commands import away
from tests.bench.scale import QUICK, Scale, progress

_PER_MINUTE = 540  # requests that portalcal allows itself
_MONDAY = datetime(2027, 1, 4, 9, tzinfo=UTC)


def orders(count: int) -> list[dict[str, object]]:
    """Half hours, eight hours a day."""
    return [
        {
            "start": (
                _MONDAY + number // 16 * timedelta(days=1) + number % 16 * timedelta(minutes=30)
            ).strftime("%Y-%m-%dT%H:%MZ"),
            "name": "Sam",
            "email": f"g{number}@example.com",
            "force": True,
        }
        for number in range(count)
    ]


# Without the wait for Google's limit a minute, which the simulator does not have.
_UNPACED = """
import sys
from portalcal.cli.app import run
from portalcal.cli.context import Invocation
def customize(container):
    container.override(rate_limiter=lambda: None)
sys.exit(run(("book", "--file", sys.argv[1]), Invocation.here()._replace(customize=customize)))
"""


def rate(scale: Scale) -> None:
    """Bookings a second at 50 ms a request, and requests a booking, which Google's limit a minute counts."""
    count = scale.batch_lines
    print(f"\nBooking, 50 ms a request ({count} lines; {scale.batch_processes} processes)")
    with tempfile.TemporaryDirectory() as folder, Simulator(latency=0.05) as google:
        google.add_calendar("team@example.com", summary="Team", role="reader")
        environ = away(folder) | {
            "PORTALCAL_ACCESS_TOKEN": str(google.issue_token()),
            "PORTALCAL_CONFIG": str(google.write_files(folder)),
        }
        made = orders(2 * count + scale.batch_processes)
        alone = _one_by_one(made[2 * count :], environ)
        print(f"  one process a booking      {alone:7.1f} /s")
        for name, lines in (("one calendar", made[:count]), ("two calendars", made[count : 2 * count])):
            progress(f"  {name}")
            google.forget_requests()
            together = _one_file(Path(folder) / "lines", lines, environ)
            requests = google.count() / count
            print(
                f"  book --file, {name:<13} {together:7.1f} /s {together / alone:5.1f} x   {requests:.2f} requests each, "
                f"aim 1.30: {_PER_MINUTE / 60 / requests:.1f} /s under {_PER_MINUTE} a minute, aim 6.5"
            )
            selecting = (sys.executable, "-m", "portalcal", "calendars", "--select", "Team", "--json")
            subprocess.run(selecting, env=environ, capture_output=True, check=True)


def _one_file(path: Path, lines: list[dict[str, object]], environ: dict[str, str]) -> float:
    """Bookings a second of one process."""
    path.write_text("\n".join(json.dumps(each) for each in lines))
    began = time.perf_counter()
    command = (sys.executable, "-c", _UNPACED, str(path))
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert ran.stdout.count('"confirmed"') == len(lines)
    return len(lines) / (time.perf_counter() - began)


def _one_by_one(lines: list[dict[str, object]], environ: dict[str, str]) -> float:
    """Bookings a second of a process each."""
    began = time.perf_counter()
    for each in lines:
        guest = ("--name", "Sam", "--email", str(each["email"]), "--force", "--json")
        command = (sys.executable, "-m", "portalcal", "book", str(each["start"]), *guest)
        subprocess.run(command, env=environ, capture_output=True, check=True)
    return len(lines) / (time.perf_counter() - began)


_PEAK = """
import io, os, re, sys
from portalcal.cli.app import run
from portalcal.cli.context import Invocation
out = open(os.devnull, "w")
run(("book", "--file", sys.argv[1], "--dry-run"), Invocation(os.environ, io.StringIO(), out, sys.stderr))
# Not ru_maxrss, which begins with the memory of the process that forked this one.
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024)
"""


def memory(scale: Scale) -> None:
    """Peak memory of a dry run, disconnected: reading, checking and answering."""
    print("\nMemory of book --file --dry-run")
    with tempfile.TemporaryDirectory() as folder:
        for count in (scale.dry_run_lines // 10, scale.dry_run_lines):
            progress(f"  {count} lines")
            path = Path(folder) / "lines"
            path.write_text("\n".join(json.dumps(each) for each in orders(count)))
            began = time.perf_counter()
            ran = subprocess.run(
                (sys.executable, "-c", _PEAK, str(path)),
                env=os.environ | away(folder),
                capture_output=True,
                text=True,
                check=True,
            )
            took = time.perf_counter() - began
            print(f"  {count:7} lines   {float(ran.stdout):6.1f} MB   {took:6.1f} s")


if __name__ == "__main__":
    rate(QUICK)
    memory(QUICK)
