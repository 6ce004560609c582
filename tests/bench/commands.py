"""What a command costs: its start against a one-command Typer program, its exchange against a bare script."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from portalcal.simulator import Simulator

RUNS = 21

BARE_TYPER = """
import typer
app = typer.Typer()
def shown(value: bool) -> None:
    if value:
        typer.echo("0.1.0")
        raise typer.Exit
@app.command()
def main(name: str = "x", version: bool = typer.Option(False, "--version", callback=shown, is_eager=True)) -> None:
    typer.echo(name)
app()
"""

# The same request with the same libraries, and nothing else: what a person would write in ten minutes.
BARE_GOOGLE = """
import json, os
import httplib2, requests
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
session = requests.Session()
class Http:
    def request(self, uri, method="GET", body=None, headers=None, **_):
        headers = {**(headers or {}), "authorization": "Bearer " + os.environ["PORTALCAL_ACCESS_TOKEN"]}
        answer = session.request(method, uri, data=body, headers=headers, timeout=20)
        return httplib2.Response({"status": str(answer.status_code), **answer.headers}), answer.content
service = build(
    "calendar", "v3", http=Http(), cache_discovery=False, static_discovery=True,
    client_options={"api_endpoint": os.environ["API_ROOT"]},
)
body = {"timeMin": "2026-11-23T00:00:00Z", "timeMax": "2026-11-30T00:00:00Z", "items": [{"id": "primary"}]}
print(json.dumps(service.freebusy().query(body=body).execute()))
"""

# The same over the library's own transport, which has no proxies, pools or time-outs of ours.
BARE_HTTPLIB2 = """
import json, os
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
service = build(
    "calendar", "v3", credentials=Credentials(os.environ["PORTALCAL_ACCESS_TOKEN"]), cache_discovery=False,
    static_discovery=True, client_options={"api_endpoint": os.environ["API_ROOT"]},
)
body = {"timeMin": "2026-11-23T00:00:00Z", "timeMax": "2026-11-30T00:00:00Z", "items": [{"id": "primary"}]}
print(json.dumps(service.freebusy().query(body=body).execute()))
"""


def _portalcal() -> str:
    return str(Path(sys.executable).with_name("portalcal"))


def medians(commands: dict[str, Sequence[str]], environ: dict[str, str]) -> dict[str, float]:
    """Seconds a command, each run in turn so that a noisy moment meets them all."""
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, env=environ, capture_output=True, check=False, stdin=subprocess.DEVNULL)
            took[name].append(time.perf_counter() - began)
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def table(title: str, took: dict[str, float], *, base: str, aims: dict[str, float]) -> None:
    """Print milliseconds, the ratio to `base`, and what is aimed at."""
    print(f"\n{title} (median of {RUNS})")
    for name, seconds in took.items():
        aim = f"   aim {aims[name]:.1f}" if name in aims else ""
        print(f"  {name:<42} {seconds * 1000:7.0f} ms {seconds / took[base]:6.2f} x{aim}")


def away(folder: str) -> dict[str, str]:
    """An environment whose home is an empty folder, and whose keyring does not exist."""
    # Without bytecode every start compiles our modules anew, which no installation does.
    dropped = ("PORTALCAL_", "XDG_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {
        "HOME": folder,
        "TZ": "Europe/London",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }


def start_up() -> None:
    """Starts that ask Google nothing."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE_TYPER)
        portalcal = _portalcal()
        commands: dict[str, Sequence[str]] = {
            "a one-command Typer program, --version": (sys.executable, str(bare), "--version"),
            "portalcal --version": (portalcal, "--version"),
            "a one-command Typer program, --help": (sys.executable, str(bare), "--help"),
            "portalcal --help": (portalcal, "--help"),
            "portalcal status --offline --json": (portalcal, "status", "--offline", "--json"),
            "portalcal bookings --json": (portalcal, "bookings", "--json"),
            "portalcal availability --json, disconnected": (portalcal, "availability", "--json"),
        }
        took = medians(commands, away(folder))
    aims = {"portalcal --version": 1.3, "portalcal --help": 2.0}
    aims |= {name: 1.6 for name in took if name.endswith(("--json", "disconnected"))}
    table("Start-up", took, base="a one-command Typer program, --version", aims=aims)


def networked() -> None:
    """One exchange with Google, with an access token in the environment."""
    with tempfile.TemporaryDirectory() as folder, Simulator() as google:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE_GOOGLE)
        other = Path(folder) / "other.py"
        other.write_text(BARE_HTTPLIB2)
        environ = away(folder) | {
            "API_ROOT": google.api_root,
            "PORTALCAL_ACCESS_TOKEN": str(google.issue_token()),
            "PORTALCAL_CONFIG": str(google.write_files(folder)),
        }
        portalcal = _portalcal()
        took = medians(
            {
                "a bare script with the same libraries": (sys.executable, str(bare)),
                "a bare script over httplib2": (sys.executable, str(other)),
                "portalcal availability --json": (portalcal, "availability", "--json"),
                "portalcal calendars --json": (portalcal, "calendars", "--json"),
            },
            environ,
        )
    base = "a bare script with the same libraries"
    table(
        "One exchange with Google",
        took,
        base=base,
        aims={name: 1.3 for name in took if name.startswith("portalcal")},
    )


def requests_per_command() -> None:
    """How often each command asks Google, with a cached access token."""
    print("\nRequests a command")
    guest = ("--name", "Sam", "--email", "sam@example.com", "--force", "--json")
    with tempfile.TemporaryDirectory() as folder, Simulator() as google:
        google.add_calendar("team@example.com", summary="Team", role="reader")
        environ = away(folder) | {
            "PORTALCAL_ACCESS_TOKEN": str(google.issue_token()),
            "PORTALCAL_CONFIG": str(google.write_files(folder)),
        }

        def count(name: str, aim: int, *arguments: str) -> str:
            google.forget_requests()
            ran = subprocess.run(
                (_portalcal(), *arguments), env=environ, capture_output=True, text=True, check=True
            )
            asked = ", ".join(each.operation for each in google.requests)
            print(f"  {name:<28} {google.count()}   aim {aim}   {asked}")
            return ran.stdout

        count("availability", 1, "availability", "--json")
        booked = count("book, one calendar", 3, "book", "+3d 10:00", *guest)
        count("cancel", 1, "cancel", booked.partition('"id": "')[2].partition('"')[0], "--json")
        count("calendars", 1, "calendars", "--select", "Team", "--json")
        count("book, two calendars", 4, "book", "+3d 11:00", *guest)
