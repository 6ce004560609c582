"""What the use-cases answer with. Frozen and free of words: the views put them on a terminal, in JSON or in a file."""

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, Protocol, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.core.booking import Booking
from portalcal.core.diagnosis import Check, Condition, worst
from portalcal.core.instants import dates, local_date
from portalcal.core.intervals import Interval
from portalcal.core.permissions import Permission
from portalcal.core.slots import FreeBusy, Question, Reason, Seeming
from portalcal.errors import PortalcalError
from portalcal.ports import Calendar, Connection, Event, Revocation, Tally, View


class Basis(StrEnum):
    """What an availability rests on."""

    CALENDARS = "calendars"
    SCHEDULE = "schedule"


class Day(NamedTuple):
    """The offered meetings that start on one date of the display zone."""

    date: date
    slots: tuple[Interval, ...]


class Availability(NamedTuple):
    """The offered meetings of a window with all that they rest on. `zone` is the display zone."""

    question: Question
    zone: ZoneInfo
    slots: tuple[Interval, ...]
    checked_at: datetime

    @property
    def basis(self) -> Basis:
        """Whether calendars were asked."""
        return Basis.SCHEDULE if self.question.calendars is None else Basis.CALENDARS

    @property
    def unread(self) -> tuple[FreeBusy, ...]:
        """The calendars that could not be read."""
        return tuple(each for each in self.question.calendars or () if each.unread is not None)

    @property
    def is_complete(self) -> bool:
        """Whether every conflict calendar was read."""
        return not self.unread

    @property
    def days(self) -> tuple[Day, ...]:
        """Every date of the window in the display zone, with its slots; a window that ends at midnight ends the day before."""
        window = self.question.window
        first = local_date(window.start, self.zone)
        last = local_date(window.end - datetime.resolution, self.zone)
        by_date: dict[date, list[Interval]] = {day: [] for day in dates(first, last)}
        for slot in self.slots:
            by_date[local_date(slot.start, self.zone)].append(slot)
        return tuple(Day(day, tuple(slots)) for day, slots in by_date.items())


class Note(NamedTuple):
    """Something in the calendars that looks as if it took the time asked about, and why it does not.

    `title` is None where titles may not be shown.
    """

    why: Seeming
    calendar: str
    span: Interval
    title: str | None = None


class Explanation(NamedTuple):
    """Why one meeting is offered or not. `before` and `after` are the nearest offered ones of the window asked.

    `calendar_names` are the names of calendars by id, as far as they are known; `blocking` the events behind the busy
    times, where their titles may be shown; `notes` what only seems to be in the way.
    """

    meeting: Interval
    zone: ZoneInfo
    reasons: tuple[Reason, ...]
    before: Interval | None
    after: Interval | None
    availability: Availability
    calendar_names: Mapping[str, str] = MappingProxyType({})
    blocking: tuple[Event, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def is_offered(self) -> bool:
        """Offered means that there is no reason against it."""
        return not self.reasons


class Booked(NamedTuple):
    """A booking as it stands after `book`. `is_dry_run`: it was only checked; nothing was held or told."""

    booking: Booking
    zone: ZoneInfo
    is_replayed: bool = False
    is_dry_run: bool = False


class Cancelled(NamedTuple):
    """A booking as it stands after `cancel`. `was_already`: it had been cancelled, or its event was gone, before."""

    booking: Booking
    zone: ZoneInfo
    was_already: bool


class Rescheduled(NamedTuple):
    """A booking as it stands after `reschedule`; `previous` is the time it had. `was_already`: it had the new one."""

    booking: Booking
    zone: ZoneInfo
    previous: Interval
    was_already: bool = False


class Synced(NamedTuple):
    """What `sync` did, or with `is_dry_run` would do: bookings by what became of them.

    `delivered`, `still_owed` and `refused` are about calls owed to Google; `moved`, `cancelled`, `declined`, `updated`
    and `conflicts` about what was read there; `added` got an event that had none.
    """

    zone: ZoneInfo
    delivered: tuple[UUID, ...] = ()
    still_owed: tuple[UUID, ...] = ()
    refused: tuple[UUID, ...] = ()
    moved: tuple[UUID, ...] = ()
    cancelled: tuple[UUID, ...] = ()
    declined: tuple[UUID, ...] = ()
    updated: tuple[UUID, ...] = ()
    conflicts: tuple[UUID, ...] = ()
    added: tuple[UUID, ...] = ()
    is_dry_run: bool = False

    @property
    def by_outcome(self) -> Mapping[str, tuple[UUID, ...]]:
        """The bookings under the names of the contract, in its order."""
        return {name: getattr(self, name) for name in self._fields if name not in {"zone", "is_dry_run"}}


class Bookings(NamedTuple):
    """Bookings by start, to be shown in `zone`. `is_by_id`: one was asked for, not a list."""

    bookings: tuple[Booking, ...]
    zone: ZoneInfo
    is_by_id: bool = False


class Selection(NamedTuple):
    """The calendars that count for conflicts and the one that receives bookings."""

    conflicts: tuple[str, ...]
    booking: str

    def use_of(self, calendar: Calendar) -> str | None:
        """`conflicts`, `booking`, `both`, or None. The primary calendar is also meant by the name `primary`."""
        names = {calendar.id, "primary"} if calendar.is_primary else {calendar.id}
        counts, books = not names.isdisjoint(self.conflicts), self.booking in names
        if counts and books:
            return "both"
        if books:
            return "booking"
        return "conflicts" if counts else None


class Choice(NamedTuple):
    """The account's calendars and what is chosen among them. `is_pinned`: config.toml decides, not the command."""

    calendars: tuple[Calendar, ...]
    selection: Selection
    is_pinned: bool = False

    def without_hidden(self) -> Self:
        """The choice without calendars the account hides, unless they are chosen."""
        kept = tuple(each for each in self.calendars if not each.is_hidden or self.selection.use_of(each))
        return self._replace(calendars=kept)


class Connected(NamedTuple):
    """A working connection. `was_already`: nothing had to be done."""

    connection: Connection
    selection: Selection
    was_already: bool


class Disconnected(NamedTuple):
    """What `disconnect` did. `account` is None when nothing was connected."""

    account: str | None
    revocation: Revocation
    upcoming: int


class ChosenCalendar(NamedTuple):
    """A selected calendar as `status` found it. `state` is `ok`, or what is wrong with it."""

    calendar: Calendar
    use: str
    state: str


class Diagnosis(NamedTuple):
    """What works, what does not, and why."""

    condition: Condition
    workspace: str
    account: str | None
    checked_at: datetime
    zone: ZoneInfo
    checks: tuple[Check, ...]
    permissions: frozenset[Permission]
    calendars: tuple[ChosenCalendar, ...]
    tally: Tally | None
    last_errors: tuple[str, ...] = ()


class Diagnoses(NamedTuple):
    """Those of every workspace of this machine."""

    diagnoses: tuple[Diagnosis, ...]

    @property
    def condition(self) -> Condition:
        """The worst: what a person must mend before what may pass by itself."""
        return worst(each.condition for each in self.diagnoses)


class Simulation(NamedTuple):
    """A simulator that is up. `config` is the file to name in PORTALCAL_CONFIG; `events` how many were loaded."""

    url: str
    account: str
    config: str
    events: int


Answer = (
    Availability
    | Explanation
    | Booked
    | Rescheduled
    | Synced
    | Cancelled
    | Bookings
    | Choice
    | Connected
    | Disconnected
    | Diagnosis
    | Diagnoses
    | Simulation
)


class CommandView(View, Protocol):
    """A view that can also show answers and errors: what a command talks to."""

    zone: tzinfo
    program: str

    def show(self, answer: Answer) -> None:
        """Put an answer on stdout."""

    def write(self, text: str) -> None:
        """Put text on stdout as it is."""

    def say_basis(self, answer: Availability) -> None:
        """Say on stderr what an availability rests on."""

    def narrate(self, line: str, *, is_typed: bool = False) -> None:
        """Tell the demo's story: a sentence, or a command line as it would be typed."""

    def log(self, line: str) -> None:
        """Put one line on stderr: what is happening just now."""

    def fail(self, error: PortalcalError) -> None:
        """Put an error on stderr."""
