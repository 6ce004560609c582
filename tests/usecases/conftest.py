"""A machine with a ledger in a real file, and processes on it that share only files, the keyring and Google."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from portalcal.adapters.vault.memory import MemoryVault
from portalcal.container import Container
from portalcal.core.booking import Booking, Guest
from portalcal.core.participants import Participant
from portalcal.core.permissions import Permission, scopes_to_ask
from portalcal.ports import Connection, Secret
from portalcal.simulator.google import Simulator
from portalcal.views.json import JsonView
from portalcal.warnings import PortalcalWarning
from tests.builders import a_booking, a_wish, at

ANA = "ana@example.com"
SAM = Guest("Sam", "sam@example.com")


class Notes(JsonView):
    """A view that keeps warnings, with nobody to ask."""

    def __init__(self) -> None:
        super().__init__("", stdout=io.StringIO(), stderr=io.StringIO())
        self.warnings: list[tuple[str, str]] = []

    def warn(self, warning: PortalcalWarning) -> None:
        """Keep a warning."""
        self.warnings.append((warning.code, warning.sentence))


class Process(Container):
    """One run of portalcal, with its warnings."""

    notes: Notes


@dataclass
class Machine:
    """What processes share: files in a folder, a keyring, the simulator's clock."""

    google: Simulator
    config: Path
    vault: MemoryVault = field(default_factory=MemoryVault)
    running: list[Process] = field(default_factory=list)

    def now(self) -> datetime:
        """The time of the simulator's clock."""
        return self.google.clock.now()

    def new_id(self) -> UUID:
        """A random id."""
        return uuid4()

    def monotonic(self) -> float:
        """Seconds of the same clock."""
        return self.now().timestamp()

    def process(self) -> Process:
        """Another process: it has its own connections to the ledger and to Google."""
        notes = Notes()
        process = Process(notes, environ={"PORTALCAL_CONFIG": str(self.config)})
        process.notes = notes
        process.override(clock=self, vault=self.vault)
        self.running.append(process)
        return process

    def connect(self) -> None:
        """Store a connection, without consent in a browser."""
        token = self.google.issue_token(scopes_to_ask())
        self.vault.write(Secret.REFRESH_TOKEN, token.refresh_token)
        self.vault.write(Secret.ACCESS_TOKEN, json.dumps({"token": str(token), "expires_at": None}))
        self.process().connection_file.write(
            Connection(ANA, frozenset(Permission), (ANA,), ANA, connected_at=self.now(), vault="memory")
        )
        self.google.forget_requests()

    def hold(self, when: str, *participants: Participant) -> Booking:
        """A booking of Sam's that is held, with its put in the outbox."""
        booking = a_booking(request=a_wish(when, guest=SAM), calendar=ANA, participants=participants)
        return self.process().ledger.hold(booking, put=True)


@pytest.fixture
def google() -> Iterator[Simulator]:
    """Ana's Google, on the Monday of the builders' week at eight."""
    with Simulator(now=at("08:00")) as simulator:
        yield simulator


@pytest.fixture
def machine(google: Simulator, tmp_path: Path) -> Iterator[Machine]:
    """A machine that is connected to Ana's calendar."""
    made = Machine(google, google.write_files(tmp_path / "portalcal"))
    made.connect()
    yield made
    for process in made.running:
        process.close()
