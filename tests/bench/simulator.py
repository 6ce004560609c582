"""What the simulator does in a second: loading a real export, free/busy over it, requests on a kept connection."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path

from portalcal.simulator.google import Simulator
from tests.bench.scale import Scale

EXPORT = Path(__file__).parent.parent / "data" / "google-export.ics"


def timed(action: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main(scale: Scale) -> None:
    """Print the table."""
    count = scale.simulator_requests
    with Simulator() as google:
        events = 0

        def load() -> None:
            nonlocal events
            events = google.load(EXPORT)

        print("\nThe simulator")
        print(f"  load an export                {timed(load) * 1000:8.0f} ms   aim 1000   {events} events")
        client = _Client(google)
        year = client.free_busy("2027-01-01T00:00:00Z", "2027-03-31T00:00:00Z")
        print(f"  free/busy of 90 days, first   {timed(year) * 1000:8.1f} ms   aim 50")
        print(f"  the same, again               {timed(year) * 1000:8.1f} ms   aim 50")
        week = client.free_busy("2027-03-01T00:00:00Z", "2027-03-08T00:00:00Z")
        for name, ask in (("free/busy of a week", week), ("calendarList", client.calendars)):
            rate = count / timed(lambda ask=ask: [ask() for _ in range(count)])  # type: ignore[misc]
            print(f"  {name:<28} {rate:8.0f} /s   aim 1000")
        client.close()


class _Client:
    """One connection, kept open, with a token."""

    def __init__(self, google: Simulator) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", google.port)
        self._headers = {
            "Authorization": f"Bearer {google.issue_token()}",
            "Content-Type": "application/json",
        }

    def _ask(self, method: str, path: str, body: str | None = None) -> bytes:
        self._connection.request(method, f"/calendar/v3/{path}", body, self._headers)
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status}")
        return told

    def free_busy(self, start: str, end: str) -> Callable[[], bytes]:
        """A request for the primary calendar's busy times."""
        body = json.dumps({"timeMin": start, "timeMax": end, "items": [{"id": "primary"}]})
        return lambda: self._ask("POST", "freeBusy", body)

    def calendars(self) -> bytes:
        """A request for the calendar list."""
        return self._ask("GET", "users/me/calendarList")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
