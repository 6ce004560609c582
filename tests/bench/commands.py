"""What a command costs: its start against a one-command Typer program, its exchange against a bare script."""

from __future__ import annotations

import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import certifi

from portalcal.simulator.client_config import client_config, write_files
from portalcal.simulator.google import Simulator
from tests.bench.distance import at_a_distance
from tests.bench.scale import Scale, progress
from tests.certificates import private_authority

ROUND_TRIP = 0.05
_MONDAY = datetime(2027, 1, 4, 9, tzinfo=UTC)

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


class Cost(NamedTuple):
    """The medians of one command, in seconds."""

    wall: float
    cpu: float


Command = Callable[[int], Sequence[str]]
"""The command line of the n-th run."""


def fixed(*command: str) -> Command:
    """The same command line in every run."""
    return lambda _: command


def medians(
    commands: Mapping[str, Command], environ: dict[str, str], *, runs: int, good: Container[int] = (0,)
) -> dict[str, Cost]:
    """What each command costs, all run in turn so that a noisy moment meets them all.

    Raises:
        RuntimeError: an exit status is not a good one, so that the time would say nothing.
    """
    took: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(runs):
        progress(f"  run {number + 1} of {runs}")
        for name, command in commands.items():
            status, shown, cost = _once(command(number), environ)
            if status not in good:
                raise RuntimeError(f"{name} ended with {status}: {shown}")
            took[name].append(cost)
    return {
        name: Cost(
            statistics.median(each.wall for each in costs), statistics.median(each.cpu for each in costs)
        )
        for name, costs in took.items()
    }


def _once(command: Sequence[str], environ: dict[str, str]) -> tuple[int, str, Cost]:
    """Exit status, what was written to stderr, and the cost of one run."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        shown = process.stderr.read() if process.stderr else b""
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, shown.decode(), Cost(wall, used.ru_utime + used.ru_stime)


def table(
    title: str,
    took: dict[str, Cost],
    *,
    base: str,
    aims: Mapping[str, float],
    by: str = "cpu",
    runs: int,
) -> None:
    """Print milliseconds and ratios to `base`, and the ratio that is aimed at, of wall or CPU time."""
    print(f"\n{title} (median of {runs}; aims: {by} time)\n  {'':<42}    wall             CPU")
    for name, cost in took.items():
        aim = f"   aim {aims[name]:.2f}" if name in aims else ""
        ratios = (
            f"{mine * 1000:7.0f} ms {mine / its:5.2f} x" for mine, its in zip(cost, took[base], strict=True)
        )
        print(f"  {name:<42}{' '.join(ratios)}{aim}")


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


def start_up(scale: Scale) -> None:
    """Starts that ask Google nothing."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE_TYPER)
        portalcal = _portalcal()
        commands = {
            "a one-command Typer program, --version": fixed(sys.executable, str(bare), "--version"),
            "portalcal --version": fixed(portalcal, "--version"),
            "a one-command Typer program, --help": fixed(sys.executable, str(bare), "--help"),
            "portalcal --help": fixed(portalcal, "--help"),
            "portalcal status --offline --json": fixed(portalcal, "status", "--offline", "--json"),
            "portalcal bookings --json": fixed(portalcal, "bookings", "--json"),
            "portalcal availability --json, disconnected": fixed(portalcal, "availability", "--json"),
        }
        # `status` ends with 4, since nobody is connected.
        took = medians(commands, away(folder), runs=scale.runs, good=(0, 4))
    aims = {"portalcal --version": 1.3, "portalcal --help": 2.0, "portalcal bookings --json": 1.35}
    table("Start-up", took, base="a one-command Typer program, --version", aims=aims, runs=scale.runs)


TAB_AIM = 0.15
"""Seconds within which a tab is to be answered."""
_TABS = (
    "portalcal ca",
    "portalcal cancel ",
    "portalcal book --offer ",
    "portalcal reassign --from ",
    "portalcal book --need ",
    "portalcal --workspace ",
    "portalcal book --timezone Eu",
)
_BOOKINGS = 100
_TEAM = """
[people.ana]
email = "ana@example.com"
[pools]
backend = ["ana"]
[workspace.sales]
"""


def completion(scale: Scale) -> None:
    """What a tab costs on a machine with a hundred bookings to come and an open offer."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE_TYPER)
        environ = away(folder) | {"PORTALCAL_CONFIG": _busy_machine(folder)}
        commands = {_BARE_START: fixed(sys.executable, str(bare), "--version")}
        commands |= {f"{line}⇥": _tab(line) for line in _TABS}
        took = medians(commands, environ, runs=scale.runs)
    aim = TAB_AIM / took[_BARE_START].wall
    title = f"Completion, {TAB_AIM * 1000:.0f} ms aimed at"
    table(
        title,
        took,
        base=_BARE_START,
        aims={name: aim for name in commands if "⇥" in name},
        by="wall",
        runs=scale.runs,
    )


_BARE_START = "a one-command Typer program, --version"


def _tab(line: str) -> Command:
    return fixed("env", "_PORTALCAL_COMPLETE=fish", f"_PORTALCAL_LINE={line}", _portalcal())


def _busy_machine(folder: str) -> str:
    """Book a hundred times, offer one, and return the path of the configuration."""
    config = Path(folder) / "config.toml"
    config.write_text(_TEAM)
    environ = away(folder) | {"PORTALCAL_CONFIG": str(config)}
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=7)
    starts = [first + number * timedelta(hours=1) for number in range(_BOOKINGS)]
    rows = [f"{start:%Y-%m-%dT%H:%MZ},Sam,sam@example.com,true" for start in starts]
    _run("book", "--file", "-", environ=environ, text="\n".join(("start,name,email,force", *rows)))
    _run("offer", "--pick", "1", "--name", "Sam", "--email", "sam@example.com", environ=environ)
    return str(config)


def _run(*arguments: str, environ: Mapping[str, str], text: str = "") -> None:
    command = (_portalcal(), *arguments)
    subprocess.run(command, env=environ, input=text, text=True, check=True, capture_output=True)


_BASE = "a bare script with the same libraries"


def networked(scale: Scale) -> None:
    """One exchange with Google on loopback, with an access token in the environment: the CPU time of a command."""
    with tempfile.TemporaryDirectory() as folder, Simulator() as google:
        environ = _with_google(folder, google, google.url)
        portalcal = _portalcal()
        commands = _bare_scripts(folder) | {
            "portalcal availability --json": fixed(portalcal, "availability", "--json"),
            "portalcal calendars --json": fixed(portalcal, "calendars", "--json"),
        }
        took = medians(commands, environ, runs=scale.runs)
    aims = {name: 0.8 for name in took if name.startswith("portalcal")}
    table("One exchange with Google on loopback", took, base=_BASE, aims=aims, runs=scale.runs)


def far_away(scale: Scale) -> None:
    """The same behind 50 ms of round-trip time and TLS 1.3, which is what a person waits for."""
    with tempfile.TemporaryDirectory() as folder:
        bundle, context = private_authority(Path(folder))
        # As long as any machine's, since reading it costs time at every start.
        bundle.write_bytes(bundle.read_bytes() + Path(certifi.where()).read_bytes())
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        with (
            Simulator(ssl_context=context) as google,
            at_a_distance(google.port, round_trip=ROUND_TRIP) as port,
        ):
            environ = _with_google(folder, google, f"https://127.0.0.1:{port}")
            environ |= {"REQUESTS_CA_BUNDLE": str(bundle), "HTTPLIB2_CA_CERTS": str(bundle)}
            took = medians(_far_commands(folder, environ), environ, runs=scale.far_runs)
    aims = {"portalcal availability --json": 0.65}
    title = f"The same behind {ROUND_TRIP * 1000:.0f} ms of round trip and TLS 1.3"
    table(title, took, base=_BASE, aims=aims, by="wall", runs=scale.far_runs)


def _far_commands(folder: str, environ: Mapping[str, str]) -> dict[str, Command]:
    portalcal, root = _portalcal(), environ["API_ROOT"]
    body = (
        '{"timeMin": "2026-11-23T00:00:00Z", "timeMax": "2026-11-30T00:00:00Z", "items": [{"id": "primary"}]}'
    )
    bearer = f"Authorization: Bearer {environ['PORTALCAL_ACCESS_TOKEN']}"
    options = ("--silent", "--fail", "--cacert", environ["REQUESTS_CA_BUNDLE"], "--header", bearer)

    def book(number: int) -> Sequence[str]:
        start = (_MONDAY + number * timedelta(hours=1)).strftime("%Y-%m-%dT%H:%MZ")
        guest = ("--name", "Sam", "--email", "sam@example.com", "--force", "--json")
        return (portalcal, "book", start, *guest)

    return {
        "curl": fixed(
            "curl", *options, "--header", "Content-Type: application/json", "--data", body, f"{root}freeBusy"
        ),
        **_bare_scripts(folder),
        "portalcal availability --json": fixed(portalcal, "availability", "--json"),
        "portalcal calendars --json": fixed(portalcal, "calendars", "--json"),
        "portalcal book --json": book,
        "portalcal status --json": fixed(portalcal, "status", "--json"),
    }


def _bare_scripts(folder: str) -> dict[str, Command]:
    bare, other = Path(folder) / "bare.py", Path(folder) / "other.py"
    bare.write_text(BARE_GOOGLE)
    other.write_text(BARE_HTTPLIB2)
    return {
        _BASE: fixed(sys.executable, str(bare)),
        "a bare script over httplib2": fixed(sys.executable, str(other)),
    }


def _with_google(folder: str, google: Simulator, url: str) -> dict[str, str]:
    """An environment connected to a simulator that is reached at `url`."""
    config = write_files(
        Path(folder), client_config(google.client, url), timezone=google.owner.timezone, url=url
    )
    return away(folder) | {
        "API_ROOT": f"{url}/calendar/v3/",
        "PORTALCAL_ACCESS_TOKEN": str(google.issue_token()),
        "PORTALCAL_CONFIG": str(config),
    }


def requests_per_command(_: Scale) -> None:
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
