"""A command parses connection.toml once, whatever asks for the connection or the calendar selection."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import tomli_w

from portalcal.adapters.connection_file import ConnectionFile
from portalcal.errors import PortalcalError
from portalcal.ports import Connection
from portalcal.simulator.google import Simulator
from portalcal.usecases.booking.batch import Batch
from portalcal.usecases.booking.batch_line import BatchLine
from portalcal.usecases.booking.book import NOTHING_BOOKED, BookOptions, book
from portalcal.usecases.booking.cancel import CancelRequest, cancel
from portalcal.usecases.status.status import status
from portalcal.usecases.sync.sync import SyncOptions, sync
from tests.builders import a_wish
from tests.usecases.conftest import SAM, Machine, Notes, Process


class CountingFile(ConnectionFile):
    """connection.toml, counting how often it is parsed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, dumps=tomli_w.dumps)
        self.parses = 0

    def read_now(self) -> Connection | None:
        """Parse the file."""
        self.parses += 1
        return super().read_now()


def counting(machine: Machine) -> tuple[Process, CountingFile]:
    """A process whose connection.toml counts its parses."""
    process = machine.process()
    file = CountingFile(process.home / "connection.toml")
    process.connection_file = file
    return process, file


def test_booking_parses_the_connection_once(machine: Machine, google: Simulator) -> None:
    process, file = counting(machine)

    book(BookOptions(a_wish("Tue 09:00-09:30", guest=SAM)), process)

    assert file.parses == 1


def test_cancelling_parses_the_connection_once(machine: Machine, google: Simulator) -> None:
    held = machine.hold("09:00-09:30")
    process, file = counting(machine)

    cancel(CancelRequest(str(held.id)), process)

    assert file.parses == 1


def test_sync_parses_the_connection_once(machine: Machine, google: Simulator) -> None:
    machine.hold("09:00-09:30")
    process, file = counting(machine)

    sync(SyncOptions(ZoneInfo("Europe/Berlin")), process)

    assert file.parses == 1


def test_status_parses_the_connection_once(machine: Machine, google: Simulator) -> None:
    process, file = counting(machine)

    status(process, workspace="default")

    assert file.parses == 1


def test_a_batch_parses_the_connection_once_for_all_its_lines(machine: Machine, google: Simulator) -> None:
    process, file = counting(machine)
    spans = [f"{day} {hour:02}:00-{hour:02}:30" for day in ("Tue", "Wed") for hour in range(9, 17)]
    lines = [
        BatchLine(number, BookOptions(a_wish(span, guest=SAM))) for number, span in enumerate(spans, start=1)
    ]
    batch = Batch(lines, process, beside=lambda: process.with_view(Notes()), nothing_done=NOTHING_BOOKED)

    failures = []
    for answer in batch.answers():
        if isinstance(answer.outcome, PortalcalError):
            failures.append(answer.outcome)
        batch.acknowledge()

    assert failures == []
    assert len(google.events()) == len(spans)
    assert file.parses == 1
