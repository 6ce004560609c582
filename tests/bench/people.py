"""200 people over 90 days, 500 busy blocks each, through the command and 80 ms from Google.

Run `python -m tests.bench.people`. The aims: 12 requests, 2.5 s.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from portalcal.simulator.client_config import client_config, write_files
from portalcal.simulator.google import Simulator
from tests.bench.commands import away, fixed, medians
from tests.bench.distance import at_a_distance
from tests.bench.scale import QUICK, Scale

PEOPLE, DAYS, BLOCKS = 200, 90, 500
ROUND_TRIP = 0.08


def main(scale: Scale) -> None:
    """Print requests and seconds for all of the people, and for three of a pool of all."""
    with tempfile.TemporaryDirectory() as folder, Simulator() as google:
        _fill(google)
        with at_a_distance(google.port, round_trip=ROUND_TRIP) as port:
            environ = _environ(folder, google, f"http://127.0.0.1:{port}")
            _write_people(Path(environ["PORTALCAL_CONFIG"]))
            portalcal = str(Path(sys.executable).with_name("portalcal"))
            questions = {
                "all of them": ("--link", "everybody"),
                "3 of a pool": ("--need", "pool:3", "--owner", "organises"),
            }
            commands = {
                name: fixed(portalcal, "availability", "today", "--days", str(DAYS), *options, "--json")
                for name, options in questions.items()
            }
            google.forget_requests()
            took = medians(commands, environ, runs=scale.people_runs)
    asked = Counter(each.operation for each in google.requests)
    print(
        f"\n{PEOPLE} people, {DAYS} days, {BLOCKS} busy blocks each, {ROUND_TRIP * 1000:.0f} ms away (median of {scale.people_runs})"
    )
    for name, cost in took.items():
        print(f"  {name:<14} {cost.wall:5.2f} s, CPU {cost.cpu:5.2f} s   aim 2.50")
    requests = sum(asked.values()) / scale.people_runs / len(commands)
    print(f"  requests a command: {requests:.0f}   aim 12   {', '.join(sorted(asked))}")


def _environ(folder: str, google: Simulator, url: str) -> dict[str, str]:
    config = write_files(
        Path(folder), client_config(google.client, url), timezone=google.owner.timezone, url=url
    )
    return away(folder) | {
        "PORTALCAL_ACCESS_TOKEN": str(google.issue_token()),
        "PORTALCAL_CONFIG": str(config),
    }


def _fill(google: Simulator) -> None:
    now = google.clock.now()
    dice = random.Random(1)
    for number in range(PEOPLE):
        address = _address(number)
        google.add_user(address)
        google.share(address, google.owner.email, role="freeBusyReader")
        for _ in range(BLOCKS):
            start = now + timedelta(minutes=15 * dice.randrange(DAYS * 96))
            end = start + timedelta(minutes=dice.choice((15, 30)))
            google.add_event(address, start.isoformat(), end.isoformat(), "Busy")
    # What is measured is portalcal, not how the simulator expands a year when it is first asked for.
    for calendar in google.model.calendars.values():
        for instant in (now, now + timedelta(days=DAYS)):
            calendar.timeline.warm_up(int(instant.timestamp()))


def _write_people(config: Path) -> None:
    names = json.dumps([f"p{number}" for number in range(PEOPLE)])
    people = [
        f'[people.p{number}]\nemail = "{_address(number)}"\nmax_per_day = 3' for number in range(PEOPLE)
    ]
    tables = [*people, f"[pools]\npool = {names}", f'[links.everybody]\nowner = "organises"\nwith = {names}']
    with config.open("a") as file:
        file.write("\n".join(['[rules]\nhorizon = "120d"', *tables]))


def _address(number: int) -> str:
    return f"p{number}@example.com"


if __name__ == "__main__":
    main(QUICK)
