"""What a use-case sees of the world here, and commands as a person would give them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self, cast
from uuid import UUID

from portalcal.config import Config
from portalcal.core.booking import Guest, Wish
from portalcal.core.intervals import Interval
from portalcal.core.permissions import Permission
from portalcal.core.schedule import Hours, Schedule
from portalcal.core.slots import Rules
from portalcal.ports import Calendars, Connection, Ledger, World
from portalcal.usecases.book import Order, book
from portalcal.usecases.cancel import Cancellation, cancel
from portalcal.usecases.reschedule import Rescheduling, reschedule
from portalcal.usecases.sync import Synchronisation, sync
from tests.builders import LONDON, at, span

ANA = "ana@example.com"
BEGAN = at("08:00")
SLOT, OTHER, THIRD = span("09:00-09:30"), span("10:00-10:30"), span("11:00-11:30")
CONFIG = Config(
    Path("config.toml"),
    "default",
    # One opening a week: nothing here is about the grid.
    Schedule(LONDON, ((Hours(9 * 60, 12 * 60),), (), (), (), (), (), ())),
    Rules(notice=timedelta(0)),
)


class Moment:
    """A clock that shows what it is told, and makes ids that say whose they are and count."""

    def __init__(self, now: datetime, process: int) -> None:
        self._now = now
        self._process = process
        self._made = 0

    def now(self) -> datetime:
        """The instant it was told."""
        return self._now

    def tell(self, now: datetime) -> None:
        """Show another instant."""
        self._now = now

    def new_id(self) -> UUID:
        """The next id of the process."""
        self._made += 1
        return UUID(int=(self._process << 64) + self._made)

    def monotonic(self) -> float:
        """Seconds of the same clock."""
        return self._now.timestamp()


class Silence:
    """A view that nobody looks at."""

    def warn(self, code: str, message: str) -> None:
        """Let it pass."""


class Connected:
    """The connection, which does not change."""

    def read(self) -> Connection:
        """Ana's calendar, for conflicts and for bookings."""
        return Connection(ANA, frozenset(Permission), (ANA,), ANA, connected_at=BEGAN)


class LittleWorld(NamedTuple):
    """As much of `World` as scheduling uses."""

    clock: Moment
    ledger: Ledger
    calendars: Calendars
    config: Config = CONFIG
    view: Silence = Silence()
    connections: Connected = Connected()


class Command(NamedTuple):
    """What one process runs, by its name. `key` is that of a booking it makes; `does` is what kind it is."""

    name: str
    run: Callable[[World], object]
    does: str
    key: str | None = None


def run(command: Command, world: LittleWorld) -> object:
    """What a command answers."""
    return command.run(cast("World", world))


def a_book(guest: str, *, key: str, when: Interval = SLOT) -> Command:
    """Book the slot for somebody."""
    person = Guest(guest, f"{guest.lower()}@example.com")
    wish = Wish(when.start, when.length, LONDON, person, f"Meeting with {guest}")
    return Command(f"book for {guest}", lambda world: book(Order(wish, key), world), "book", key)


def a_cancel(booking: UUID) -> Command:
    """Cancel a booking."""
    return Command("cancel", lambda world: cancel(Cancellation(str(booking)), world), "cancel")


def a_reschedule(booking: UUID, to: Interval, words: str) -> Command:
    """Move a booking."""
    request = Rescheduling(str(booking), to.start, LONDON)
    return Command(f"reschedule to {words}", lambda world: reschedule(request, world), "reschedule")


def a_sync() -> Command:
    """Bring ledger and calendar in line."""
    return Command("sync", lambda world: sync(Synchronisation(LONDON), world), "sync")


def by_hand(name: str, deed: str, *values: object) -> Command:
    """What a person does in the calendar, in one step; `deed` is a method of `LittleGoogle`."""

    def act(world: World) -> object:
        return getattr(world.calendars, deed)(*values)

    return Command(name, act, "hand")


class AtOnce:
    """A pool whose work is done when it is given, so that a command makes its calls in one order."""

    def __init__(self, max_workers: int | None = None) -> None:
        """Take as many workers as are asked for, and use none."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Everything is done already."""

    def submit(self, work: Callable[..., Any], *values: Any, **named: Any) -> Future[Any]:
        """Do it now."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*values, **named))
        except Exception as error:  # noqa: BLE001 - as a pool does
            future.set_exception(error)
        return future

    def map(self, work: Callable[..., Any], *values: Any) -> list[Any]:
        """Do all of it now."""
        return [work(*each) for each in zip(*values, strict=True)]
