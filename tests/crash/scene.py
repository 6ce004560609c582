"""One machine with many processes and one Google; and what is found when both are compared in the end."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

from portalcal.adapters.ledger.offers import SqlOffers
from portalcal.adapters.ledger.postgres import PostgresLedger
from portalcal.adapters.ledger.sqlite import SqliteLedger
from portalcal.core.booking import Booking, State
from portalcal.core.offers import GuestOffer, OfferState
from portalcal.ports import Search
from portalcal.simulator.google import Simulator
from tests.builders import SetClock
from tests.contract.test_history import unfaithful_histories

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
KILLED = -9
_OAK = "oak@rooms.example.com"
FIVE = ("ann", "ben", "cleo", "dan", "eve")
_TEAM = """
{people}
[rooms.oak]
email = "{oak}"
capacity = 10
[pools]
five = {five}
"""


class Driver:
    """A process whose children run portalcal, and die where they are told to."""

    def __init__(self) -> None:
        command = (sys.executable, "-m", "tests.crash.driver")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def run(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Have command lines run, all at once."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(jobs), file=self._process.stdin, flush=True)
        answers: list[dict[str, Any]] = json.loads(self._process.stdout.readline())
        return answers

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()
        assert self._process.returncode == 0


class Scene:
    """One machine, one Google, and what is known of both."""

    def __init__(
        self,
        driver: Driver,
        google: Simulator,
        folder: Path,
        *,
        database_url: str | None = None,
        let_leases_lapse: Callable[[], None] = lambda: None,
    ) -> None:
        """`let_leases_lapse`: on a server the leases of a killed process last some seconds more, which pass in it."""
        self._let_leases_lapse = let_leases_lapse
        self.google = google
        self._driver = driver
        self._data = folder
        self._database_url = database_url
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "TZ": "Europe/London",
            "PORTALCAL_ACCESS_TOKEN": str(google.issue_token()),
            "PORTALCAL_CONFIG": str(google.write_files(folder)),
        }
        if database_url is not None:
            with Path(self._environ["PORTALCAL_CONFIG"]).open("a") as config:
                config.write(f'[ledger]\nurl = "{database_url}"\n')

    def add_team(self) -> None:
        """Dana, a pool of five and a room that accepts what is free; Ana sees when they are busy."""
        for email in (*(f"{name}@example.com" for name in ("dana", *FIVE)), _OAK):
            self.google.add_user(email)
            self.google.share(email, self.google.owner.email, role="freeBusyReader")
        self.google.answers(_OAK, "if free")
        people = "\n".join(f'[people.{name}]\nemail = "{name}@example.com"' for name in ("dana", *FIVE))
        with Path(self._environ["PORTALCAL_CONFIG"]).open("a") as config:
            config.write(_TEAM.format(people=people, oak=_OAK, five=json.dumps(FIVE)))

    def run(self, *arguments: str, dies_at: int | None = None) -> dict[str, Any]:
        """Run `portalcal ARGUMENTS --json`."""
        (answer,) = self._run([self._job(arguments, dies_at)])
        return answer

    def together(
        self, *lines: tuple[str, ...], deaths: Mapping[int, int] = MappingProxyType({})
    ) -> list[dict[str, Any]]:
        """Run many command lines at once, each in a process of its own; `deaths` says which die at which boundary."""
        jobs = [self._job(each, deaths.get(number)) for number, each in enumerate(lines)]
        return self._run(jobs)

    def _run(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answers = self._driver.run(jobs)
        if any(each["exit"] == KILLED for each in answers):
            self._let_leases_lapse()
        return answers

    def _job(self, arguments: tuple[str, ...], dies_at: int | None = None) -> dict[str, Any]:
        return {
            "arguments": [*arguments, "--json"],
            "environ": self._environ,
            "now": self.google.clock.now().isoformat(),
            "dies_at": dies_at,
        }

    def book(self, start: str = "2026-11-24T10:00", *more: str) -> str:
        """The id of a booking that went well."""
        return self.made_by("book", start, *SAM, *more)

    def made_by(self, *arguments: str) -> str:
        """The id of what a command made."""
        ran = self.run(*arguments)
        assert ran["exit"] == 0, ran["err"]
        self.google.clock.advance(seconds=60)
        identifier: str = json.loads(ran["out"])["result"]["id"]
        return identifier

    def change(self, booking: str, **fields: Any) -> None:
        """Somebody changes the event of a booking in the calendar."""
        event = next(
            each
            for each in self.google.events()
            if each["extendedProperties"]["private"]["portalcal"] == booking
        )
        self.google.model.put(self.google.calendar("primary"), event | fields)
        self.google.clock.advance(seconds=60)

    def audit(self) -> list[str]:
        """Everything in which ledger and calendar differ, or that is left over; nothing when all is well."""
        ledger = self._open_ledger()
        offers = SqlOffers(ledger).all()
        bookings, owed, damage = ledger.search(Search()), ledger.owed(), ledger.check()
        unfaithful = unfaithful_histories(ledger)
        ledger.close()
        events = {each["id"]: each for each in self.google.events()}
        found = [f"{each.task} is owed for {each.booking}" for each in owed]
        found += [f"the history of {each}, replayed, is not the booking" for each in unfaithful]
        found += [damage.reason] if damage else []
        offered = [slot for offer in offers for slot in offer.slots if slot.is_live]
        found += _double_bookings([*bookings, *offered])
        found += _broken_offers(offers, {each.id for each in bookings})
        for each in bookings:
            event = events.pop(each.event_id or "", None) if each.is_live else None
            found += _differences(each, event)
        # Without a calendar nothing is tentative: the time is held here alone.
        found += [
            f"the offered time {slot.id} has no event"
            for slot in offered
            if slot.calendar and events.pop(slot.event_id or "", None) is None
        ]
        return found + [f"the event {each} belongs to no live booking" for each in events]

    def _open_ledger(self) -> SqliteLedger | PostgresLedger:
        if self._database_url is not None:
            return PostgresLedger(self._database_url, "default", SetClock())
        return SqliteLedger(self._data / "data/portalcal/ledger.db", "default", SetClock())


def _double_bookings(bookings: Iterable[Booking]) -> list[str]:
    """Whoever takes part in two live bookings at one time."""
    live = [each for each in bookings if each.is_live]
    return [
        f"{who} takes part in {one.id} and {other.id} at one time"
        for one, other in itertools.combinations(live, 2)
        if one.meeting.overlaps(other.meeting)
        for who in set(one.claimants) & set(other.claimants)
    ]


def _broken_offers(offers: Iterable[GuestOffer], bookings: set[UUID]) -> list[str]:
    """Offers that are over and hold a time still, or were taken by a booking that is not there."""
    found = [
        f"offer {each.id} is {each.state} and holds a time"
        for each in offers
        if each.state is not OfferState.OPEN and any(slot.is_live for slot in each.slots)
    ]
    return found + [
        f"offer {each.id} is {each.state}, its booking is {each.booking}"
        for each in offers
        if (each.state is OfferState.TAKEN) is not (each.booking in bookings)
    ]


def _differences(booking: Booking, event: dict[str, Any] | None) -> list[str]:
    if booking.is_live and event is None:
        return [f"booking {booking.id} is {booking.state} and has no event"]
    if event is None:
        return []
    start = datetime.fromisoformat(event["start"]["dateTime"]).astimezone(UTC)
    end = datetime.fromisoformat(event["end"]["dateTime"]).astimezone(UTC)
    is_there = (start, end) == (booking.meeting.start, booking.meeting.end) and booking.moving_to is None
    invited = {each["email"] for each in event["attendees"]}
    coming = {
        booking.request.guest.email,
        *booking.request.guests,
        *(each.email for each in booking.participants),
    }
    is_well = is_there and invited == coming and booking.state is State.CONFIRMED
    return [] if is_well else [f"booking {booking.id} ({booking.state}) and its event differ"]
