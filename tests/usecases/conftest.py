"""A machine with a ledger in a real file, and processes on it that share nothing else but Google."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from portalcal.adapters.memory_vault import MemoryVault
from portalcal.core.booking import Booking, Guest
from portalcal.core.permissions import Permission, scopes_to_ask
from portalcal.ports import Connection, Secret
from portalcal.simulator import Simulator
from portalcal.views.machine import MachineView
from portalcal.wiring import Portal
from tests.builders import a_booking, a_wish, at

ANA = "ana@example.com"
SAM = Guest("Sam", "sam@example.com")


class Notes(MachineView):
    """A view that keeps what it is warned of, and can ask nobody."""

    def __init__(self) -> None:
        super().__init__("", stdout=io.StringIO(), stderr=io.StringIO())
        self.warnings: list[tuple[str, str]] = []

    def warn(self, code: str, message: str) -> None:
        """Keep a warning."""
        self.warnings.append((code, message))


class Process(Portal):
    """One run of portalcal, with what it warned of."""

    notes: Notes


@dataclass
class Machine:
    """Where processes run: files in a folder, a keyring, the simulator's clock."""

    google: Simulator
    config: Path
    vault: MemoryVault = field(default_factory=MemoryVault)
    running: list[Process] = field(default_factory=list)

    def now(self) -> datetime:
        """The simulator's present instant is ours."""
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
        process.__dict__ |= {"clock": self, "vault": self.vault}
        self.running.append(process)
        return process

    def connect(self) -> None:
        """Be connected, without a browser's round trip."""
        token = self.google.issue_token(scopes_to_ask())
        self.vault.write(Secret.REFRESH_TOKEN, token.refresh_token)
        self.vault.write(Secret.ACCESS_TOKEN, json.dumps({"token": str(token), "expires_at": None}))
        self.process().connection_file.write(
            Connection(ANA, frozenset(Permission), (ANA,), ANA, connected_at=self.now(), vault="memory")
        )
        self.google.forget_requests()

    def hold(self, when: str) -> Booking:
        """A time that is promised to Sam and of which Google was not told yet."""
        booking = a_booking(wish=a_wish(when, guest=SAM), calendar=ANA)
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
