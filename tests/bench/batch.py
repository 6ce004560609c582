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

from portalcal.simulator import Simulator
from tests.bench.commands import away

LINES, SINGLE = 1000, 25
_MONDAY = datetime(2027, 1, 4, 9, tzinfo=UTC)


def main() -> None:
    """Print both tables."""
    rate()
    memory()


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
from portalcal.cli.invocation import Invocation
def fit(portal):
    portal.__dict__["pace"] = lambda: None
sys.exit(run(("book", "--file", sys.argv[1]), Invocation.here()._replace(fit=fit)))
"""


def rate() -> None:
    """Bookings a second at 50 ms a request."""
    with tempfile.TemporaryDirectory() as folder, Simulator(latency=0.05) as google:
        environ = away(folder) | {
            "PORTALCAL_ACCESS_TOKEN": str(google.issue_token()),
            "PORTALCAL_CONFIG": str(google.write_files(folder)),
        }
        made = orders(LINES + SINGLE)
        path = Path(folder) / "lines"
        path.write_text("\n".join(json.dumps(each) for each in made[:LINES]))

        began = time.perf_counter()
        command = (sys.executable, "-c", _UNPACED, str(path))
        ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        together = LINES / (time.perf_counter() - began)
        assert ran.stdout.count('"confirmed"') == LINES

        began = time.perf_counter()
        for each in made[LINES:]:
            guest = ("--name", "Sam", "--email", str(each["email"]), "--force", "--json")
            alone_command = (sys.executable, "-m", "portalcal", "book", str(each["start"]), *guest)
            subprocess.run(alone_command, env=environ, capture_output=True, check=True)
        alone = SINGLE / (time.perf_counter() - began)

    print(f"\nBooking, 50 ms a request ({LINES} lines; {SINGLE} processes)")
    print(f"  one process a booking   {alone:7.1f} /s")
    print(f"  book --file             {together:7.1f} /s {together / alone:6.1f} x   aim 20")


_PEAK = """
import io, os, resource, sys
from portalcal.cli.app import run
from portalcal.cli.invocation import Invocation
out = open(os.devnull, "w")
run(("book", "--file", sys.argv[1], "--dry-run"), Invocation(os.environ, io.StringIO(), out, sys.stderr))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def memory() -> None:
    """Peak memory of a dry run, disconnected: reading, checking and answering."""
    print("\nMemory of book --file --dry-run")
    with tempfile.TemporaryDirectory() as folder:
        for count in (1_000, 100_000):
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
    main()
