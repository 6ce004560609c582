"""What a use-case sees of the world here, and commands as a person would give them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, cast
from uuid import UUID

from portalcal.config.model import Config
from portalcal.core.booking import BookingRequest, Guest
from portalcal.core.intervals import Interval
from portalcal.core.participants import PanelRequest
from portalcal.core.permissions import Permission
from portalcal.core.schedule import Hours, Schedule
from portalcal.core.slots import Rules
from portalcal.core.zone_rules import ZoneDatabase, ZoneRules
from portalcal.errors import WaysOut
from portalcal.ports import Calendars, Connection, Context, Ledger, OfferBook
from portalcal.usecases.booking.book import BookOptions, book
from portalcal.usecases.booking.book_offered import book_offered
from portalcal.usecases.booking.cancel import CancelRequest, cancel
from portalcal.usecases.booking.reassign import ReassignRequest, reassign
from portalcal.usecases.booking.reschedule import RescheduleRequest, reschedule
from portalcal.usecases.offer import OfferOptions, offer, release_offer
from portalcal.usecases.sync.sync import SyncOptions, sync
from portalcal.warnings import PortalcalWarning
from tests.builders import LONDON, at, span

ANA = "ana@example.com"
BEN, CLEO, DANA = "ben@example.com", "cleo@example.com", "dana@example.com"
BEGAN = at("08:00")
SLOT, OTHER, THIRD = span("09:00-09:30"), span("10:00-10:30"), span("11:00-11:30")
CONFIG = Config(
    Path("config.toml"),
    "default",
    # One opening a week: nothing here is about the grid.
    Schedule(LONDON, ((Hours(9 * 60, 12 * 60),), (), (), (), (), (), ())),
    Rules(notice=timedelta(0)),
)


CONNECTION = Connection(ANA, frozenset(Permission), (ANA,), ANA, connected_at=BEGAN)


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

    def warn(self, warning: PortalcalWarning) -> None:
        """Let it pass."""


class Connected:
    """The connection, which does not change."""

    def read(self) -> Connection:
        """Ana's calendar, for conflicts and for bookings."""
        return CONNECTION


class LittleWorld(NamedTuple):
    """As much of `Context` as scheduling uses."""

    clock: Moment
    ledger: Ledger
    calendars: Calendars
    offers: OfferBook
    config: Config = CONFIG
    view: Silence = Silence()
    connections: Connected = Connected()
    ways_out: WaysOut = WaysOut()
    zone_rules: ZoneRules = ZoneRules(ZoneDatabase("/usr/share/zoneinfo", "2026f"))


class Command(NamedTuple):
    """What one process runs, by its name. `key` is that of a booking it makes; `does` is what kind it is."""

    name: str
    run: Callable[[Context], object]
    does: str
    key: str | None = None
    takes: frozenset[str] = frozenset({ANA})  # whose time a booking it makes claims


def run(command: Command, context: LittleWorld) -> object:
    """What a command answers."""
    return command.run(cast("Context", context))


def a_book(guest: str, *, key: str, when: Interval = SLOT) -> Command:
    """Book the slot for somebody."""
    return _a_book(f"book for {guest}", guest, key=key, when=when, people=PanelRequest())


def a_panel(guest: str, *people: str, key: str, owner_attends: bool = False) -> Command:
    """Book the slot for somebody with these people; the account attends or only organises."""
    panel = PanelRequest(required=people, owner_attends=owner_attends)
    coming = (*people, ANA) if owner_attends else people
    names = " and ".join(each.partition("@")[0].title() for each in coming)
    made = _a_book(f"book {names} for {guest}", guest, key=key, when=SLOT, people=panel)
    return made._replace(takes=frozenset(coming))


def _a_book(name: str, guest: str, *, key: str, when: Interval, people: PanelRequest) -> Command:
    person = Guest(guest, f"{guest.lower()}@example.com")
    request = BookingRequest(when.start, when.length, LONDON, person, f"Meeting with {guest}", people=people)
    return Command(name, lambda context: book(BookOptions(request, key), context), "book", key)


def a_cancel(booking: UUID) -> Command:
    """Cancel a booking."""
    return Command("cancel", lambda context: cancel(CancelRequest(str(booking)), context), "cancel")


def a_reschedule(booking: UUID, to: Interval, words: str) -> Command:
    """Move a booking."""
    request = RescheduleRequest(str(booking), to.start, LONDON)
    return Command(f"reschedule to {words}", lambda context: reschedule(request, context), "reschedule")


def a_reassign(booking: UUID, leaving: str, to: str) -> Command:
    """Put somebody else into a booking."""
    request = ReassignRequest(str(booking), LONDON, leaving, to)
    names = [each.partition("@")[0].title() for each in (leaving, to)]
    return Command(
        f"reassign {names[0]} to {names[1]}", lambda context: reassign(request, context), "reassign"
    )


def an_offer(guest: str, *, key: str, lasts: timedelta) -> Command:
    """Hold the slot and a third time for somebody."""
    person = Guest(guest, f"{guest.lower()}@example.com")
    request = BookingRequest(SLOT.start, SLOT.length, LONDON, person, f"Meeting with {guest}")
    options = OfferOptions(request, (SLOT.start, THIRD.start), lasts, key)
    return Command(f"offer to {guest}", lambda context: offer(options, context), "offer")


def a_conversion(offered: UUID, number: int) -> Command:
    """Make one of the times of an offer the booking."""
    return Command(
        f"book time {number} of the offer",
        lambda context: book_offered(str(offered), number, context),
        "convert",
    )


def a_release(offered: UUID) -> Command:
    """Free the times of an offer."""
    return Command("release the offer", lambda context: release_offer(str(offered), context), "release")


def a_sync() -> Command:
    """Bring ledger and calendar in line."""
    return Command("sync", lambda context: sync(SyncOptions(LONDON), context), "sync")


def by_hand(name: str, deed: str, *values: object) -> Command:
    """What a person does in the calendar, in one step; `deed` is a method of `LittleGoogle`."""

    def act(context: Context) -> object:
        return getattr(context.calendars, deed)(*values)

    return Command(name, act, "hand")


def one_by_one(tasks: Sequence[Callable[[], Any]], **_: object) -> list[Any]:
    """The results of all tasks, done in their order."""
    return [each() for each in tasks]
