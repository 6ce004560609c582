"""Results of use cases: frozen values without wording, which the views render for a terminal, as JSON or in a file."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.config.model import Setting
from portalcal.core.booking import Booking, State
from portalcal.core.calendar_id import split
from portalcal.core.email_address import is_among
from portalcal.core.health import Check, ConnectionState, worst_state
from portalcal.core.history import HistoryLine
from portalcal.core.intervals import Interval
from portalcal.core.participants import Participant, Person, Role, Room
from portalcal.core.permissions import Permission
from portalcal.core.slots import EventKind, FreeBusy, FreeReason, Reason, SchedulingInputs
from portalcal.core.time import dates, local_date, wall
from portalcal.core.undo import undo_cancel, undo_move, undo_reassign
from portalcal.errors import Exit, PortalcalError, WaysOut
from portalcal.ports import Calendar, Connection, Event, LedgerCopy, LedgerFacts, Revocation, Tally, View

if TYPE_CHECKING:
    from portalcal.core.assignment import PoolChoice
    from portalcal.core.offers import GuestOffer
    from portalcal.core.people import PanelInputs, PanelSlot


class Basis(StrEnum):
    """The source of an availability."""

    CALENDARS = "calendars"
    SCHEDULE = "schedule"


class Account(NamedTuple):
    """An account whose calendars were asked for."""

    prefix: str | None  # in ids of calendars; None: the account of the command's workspace
    workspace: str
    address: str  # empty: not known


class AvailableDay(NamedTuple):
    """The offered meetings that start on one date of the display zone."""

    date: date
    slots: tuple[Interval, ...]
    holiday: str | None = None  # its name, here and below
    period: str | None = None
    is_beyond_horizon: bool = False  # nothing is offered, and the horizon alone excludes some start


class Availability(NamedTuple):
    """The offered meetings of a window, with the inputs they were computed from."""

    inputs: SchedulingInputs
    zone: ZoneInfo  # for display
    slots: tuple[Interval, ...]
    checked_at: datetime
    panel: "PanelInputs | None" = None  # None: it takes nobody besides the owner
    takers: Mapping[datetime, "PanelSlot"] = MappingProxyType({})  # who could take it, by start of the slot
    accounts: tuple[Account, ...] = ()  # that read the calendars
    beyond: tuple[Interval, ...] = ()  # meetings of the window that are not offered for the horizon alone
    is_choice: bool = False  # `slots` are some of those offered

    @property
    def basis(self) -> Basis:
        """Whether free/busy was read, or the schedule alone was used."""
        return Basis.SCHEDULE if self.inputs.calendars is None else Basis.CALENDARS

    @property
    def checked(self) -> tuple[FreeBusy, ...]:
        """The calendars that were asked for, those of people and rooms included."""
        return (*(self.inputs.calendars or ()), *(self.panel.busy or () if self.panel else ()))

    @property
    def account_count(self) -> int:
        """How many accounts were asked for calendars."""
        return len({split(each.calendar).workspace for each in self.checked})

    @property
    def unread(self) -> tuple[FreeBusy, ...]:
        """The calendars that could not be read."""
        return tuple(each for each in self.checked if each.unread is not None)

    @property
    def is_complete(self) -> bool:
        """Whether every calendar that was asked for was read."""
        return not self.unread

    def people_for(self, slot: Interval) -> tuple[Participant, ...]:
        """Who could take a slot one by one, without the owner; empty if it takes nobody else."""
        taker = self.takers.get(slot.start)
        return tuple(each for each in taker.people if each.role is not Role.OWNER) if taker else ()

    def free_for(self, start: datetime) -> int | None:
        """How many members could come, of the pool that has the fewest; None where no pool is asked for."""
        taker = self.takers.get(start)
        if taker is None or self.panel is None or not self.panel.panel.pools:
            return None
        return min(taker.free_in(each.name) for each in self.panel.panel.pools)

    @property
    def days(self) -> tuple[AvailableDay, ...]:
        """Every date of the window in the display zone with its slots; an end at midnight does not add a date."""
        window = self.inputs.window
        first = local_date(window.start, self.zone)
        last = local_date(window.end - datetime.resolution, self.zone)
        by_date: dict[date, list[Interval]] = {day: [] for day in dates(first, last)}
        for slot in self.slots:
            by_date[local_date(slot.start, self.zone)].append(slot)
        later = {local_date(each.start, self.zone) for each in self.beyond}
        return tuple(self._day(day, tuple(slots), later) for day, slots in by_date.items())

    def _day(self, day: date, slots: tuple[Interval, ...], later: set[date]) -> AvailableDay:
        schedule = self.inputs.schedule
        # The date that most of the day has in the schedule's zone.
        own = local_date(wall(day, 12 * 60, self.zone), schedule.zone)
        period = schedule.period_on(own)
        return AvailableDay(
            day, slots, schedule.holiday_on(own), period.name if period else None, not slots and day in later
        )


class Note(NamedTuple):
    """An event at the time of the meeting that does not block it."""

    why: FreeReason
    calendar: str
    span: Interval
    title: str | None = None  # None: titles may not be shown


class Explanation(NamedTuple):
    """Why one meeting is offered or not."""

    meeting: Interval
    zone: ZoneInfo
    reasons: tuple[Reason, ...]
    before: Interval | None  # the nearest offered meetings of the window, here and below
    after: Interval | None
    availability: Availability
    calendar_names: Mapping[str, str] = MappingProxyType({})  # by calendar id, as far as they are known
    blocking: tuple[Event, ...] = ()  # the events behind the busy times, if titles may be shown
    notes: tuple[Note, ...] = ()  # events that do not block
    ways_out: WaysOut = WaysOut()
    choices: tuple["PoolChoice", ...] = ()  # the order of preference in each pool
    guests: Mapping[str, str] = MappingProxyType({})  # by id of the bookings that are a reason

    @property
    def is_offered(self) -> bool:
        """Whether there is no reason against it."""
        return not self.reasons


class ExplainedDay(NamedTuple):
    """Why each start of a day is offered or not."""

    day: Explanation  # the day as the meeting: what is near it, and why it has no starts if it has none
    starts: tuple[Explanation, ...]  # on the grid of the opening hours


class Booked(NamedTuple):
    """The result of `book`.

    Here and below, `booking.notified` is whom Google e-mailed for this command; None if it changed nothing at Google.
    """

    booking: Booking
    zone: ZoneInfo
    is_replayed: bool = False  # the same idempotency key and request as before
    is_dry_run: bool = False  # prechecked only


class Cancelled(NamedTuple):
    """The result of `cancel`."""

    booking: Booking
    zone: ZoneInfo
    was_already: bool  # the booking was cancelled, or its event deleted, before
    was_gone: bool = False  # only the event was deleted before; the booking was cancelled now

    @property
    def undo(self) -> tuple[str, ...] | None:
        """The words that take it back; None if this command has cancelled nothing."""
        return None if self.was_already and not self.was_gone else undo_cancel(self.booking)


class Rescheduled(NamedTuple):
    """The result of `reschedule`."""

    booking: Booking
    zone: ZoneInfo
    previous: Interval  # the time before
    was_already: bool = False  # it had the new time before

    @property
    def undo(self) -> tuple[str, ...] | None:
        """The words that take it back; None if this command has moved nothing."""
        return None if self.was_already else undo_move(self.booking, self.previous)


class Offered(NamedTuple):
    """An offer, as `offer` made or changed it; one of the results of `offers`."""

    offer: "GuestOffer"
    zone: ZoneInfo
    now: datetime
    is_replayed: bool = False  # the same idempotency key and request as before

    @property
    def state(self) -> str:
        """The state of the offer now."""
        return self.offer.state_at(self.now).value


class Offers(NamedTuple):
    """The result of `offers`, by expiry."""

    offers: tuple[Offered, ...]
    now: datetime


LineResult = Booked | Cancelled | Rescheduled
"""What became of a line of a batch."""


class Reassigned(NamedTuple):
    """The result of `reassign`."""

    booking: Booking
    zone: ZoneInfo
    left: Participant
    came: Participant
    is_dry_run: bool = False  # chosen only

    @property
    def undo(self) -> tuple[str, ...] | None:
        """The words that take it back; None if nothing was changed."""
        if self.is_dry_run:
            return None
        return undo_reassign(self.booking, left=self.left.email, came=self.came.email)


class Synced(NamedTuple):
    """The result of `sync`, or with `is_dry_run` what it would do: booking ids by outcome."""

    zone: ZoneInfo
    # Of the outbox: entries that succeeded, stayed or were refused permanently.
    delivered: tuple[UUID, ...] = ()
    still_owed: tuple[UUID, ...] = ()
    refused: tuple[UUID, ...] = ()
    # Of reconciling: changes read from the calendar, and those that conflict with another booking.
    moved: tuple[UUID, ...] = ()
    cancelled: tuple[UUID, ...] = ()
    declined: tuple[UUID, ...] = ()
    updated: tuple[UUID, ...] = ()
    conflicts: tuple[UUID, ...] = ()
    # Bookings of whose participants one declined, and those in which somebody else came in their place.
    needs_replacement: tuple[UUID, ...] = ()
    replaced: tuple[UUID, ...] = ()
    added: tuple[UUID, ...] = ()  # an event was made for a booking without one
    # Named by events of ours, and not in the ledger: those left so, and those that are bookings again.
    unknown: tuple[UUID, ...] = ()
    adopted: tuple[UUID, ...] = ()
    is_dry_run: bool = False
    bookings: Mapping[str, Booking] = MappingProxyType({})  # as they are now, by id; of few outcomes only

    @property
    def by_outcome(self) -> Mapping[str, tuple[UUID, ...]]:
        """The booking ids by JSON key, in the order of the JSON object."""
        return {
            name: getattr(self, name)
            for name in self._fields
            if name not in {"zone", "is_dry_run", "bookings"}
        }


class Bookings(NamedTuple):
    """The result of `bookings`, by start."""

    bookings: Iterable[Booking]  # read once, while they are shown: half a million do not fit in memory
    zone: ZoneInfo  # for display
    is_by_id: bool = False  # one booking was asked for by id
    history: tuple[HistoryLine, ...] | None = None  # of that booking, if it was asked for
    is_page: bool = False  # a number of bookings was asked for
    next_page: str | None = None  # where the next page begins, for `--after`; None: this is the last one


class HistoryPage(NamedTuple):
    """The result of `history`: recorded changes, the earliest first."""

    lines: tuple[HistoryLine, ...]
    zone: ZoneInfo  # for display


class Metrics(NamedTuple):
    """What monitoring asks of a workspace."""

    workspace: str
    is_up: bool  # the last `sync` succeeded
    grant_age: timedelta | None  # None: not connected
    bookings: Mapping[State, int]
    owed: int | None  # outbox entries; None, and no bookings: the ledger cannot be read
    oldest_owed: timedelta | None  # since the oldest of them was recorded
    synced_at: datetime | None  # None: this run failed


class Changes(NamedTuple):
    """The result of `changes`: changes after a cursor, in order."""

    lines: tuple[HistoryLine, ...]
    cursor: int  # where to go on
    zone: ZoneInfo  # for display


class HistoryPruned(NamedTuple):
    """The result of `history --prune`."""

    lines: int  # that were forgotten
    before: datetime
    zone: ZoneInfo


class Load(NamedTuple):
    """The meetings of a person or a room that are booked here."""

    in_window: int  # that start in the window asked about
    in_30_days: int  # the last ones
    last: datetime | None  # the start of the latest before now
    declined: int  # of those from 30 days ago on


class PersonMember(NamedTuple):
    """Somebody who can be asked for."""

    who: Person
    pools: tuple[str, ...]
    is_known: bool  # whether the calendar was asked for
    unread: str | None = None  # why it cannot be read
    load: Load | None = None  # None: not asked for
    is_optional: bool = False  # only ever invited as optional, so that the calendar is never read


class RoomMember(NamedTuple):
    """A room that can be asked for; its fields are those of PersonMember."""

    who: Room
    pools: tuple[str, ...]
    is_known: bool
    unread: str | None = None
    load: Load | None = None


Member = PersonMember | RoomMember


class People(NamedTuple):
    """The result of `people`, in the order of the configuration."""

    people: tuple[PersonMember, ...]
    rooms: tuple[RoomMember, ...]
    zone: ZoneInfo  # for display
    window: Interval | None = None  # of `Load.in_window`; None: no meetings were counted


class Selection(NamedTuple):
    """The conflict calendars and the booking calendar, by id."""

    conflicts: tuple[str, ...]
    booking: str

    def use_of(self, calendar: Calendar) -> str | None:
        """`conflicts`, `booking`, `both`, or None. The id `primary` stands for the primary calendar (Google's alias)."""
        names = (calendar.id, "primary") if calendar.is_primary else (calendar.id,)
        counts = any(is_among(each, self.conflicts) for each in names)
        books = is_among(self.booking, names)
        if counts and books:
            return "both"
        if books:
            return "booking"
        return "conflicts" if counts else None


class Choice(NamedTuple):
    """The result of `calendars`: the calendars of the account, and the selection."""

    calendars: tuple[Calendar, ...]
    selection: Selection
    is_pinned: bool = False  # by config.toml, so that `--select` and `--book-into` are refused
    accounts: tuple[Account, ...] = ()  # that read the calendars

    def without_hidden(self) -> Self:
        """The choice without calendars the account hides, unless they are chosen."""
        kept = tuple(each for each in self.calendars if not each.is_hidden or self.selection.use_of(each))
        return self._replace(calendars=kept)


class BusyEvent(NamedTuple):
    """Something that blocks time on a calendar."""

    calendar: str
    span: Interval
    title: str | None = None  # None: titles may not be shown
    kinds: tuple[EventKind, ...] = ()
    id: str | None = None  # of the event; None: only the busy time is known
    booking: str | None = None

    def is_copy_of(self, other: Self) -> bool:
        """Whether both are one meeting: an invitation has one id in the calendars of all who are invited."""
        return self.id is not None and self.id == other.id


class Overlap(NamedTuple):
    """Two events that block the same time."""

    span: Interval  # the time that both take
    first: BusyEvent
    second: BusyEvent


class Overlaps(NamedTuple):
    """The result of `calendars --conflicts`."""

    window: Interval
    zone: ZoneInfo
    calendars: tuple[FreeBusy, ...]  # whether each could be read; without busy times
    overlaps: tuple[Overlap, ...]
    checked_at: datetime
    accounts: tuple[Account, ...] = ()

    @property
    def unread(self) -> tuple[FreeBusy, ...]:
        """The calendars that could not be read."""
        return tuple(each for each in self.calendars if each.unread is not None)

    @property
    def exit(self) -> Exit:
        """Nothing overlaps, something does, or not every calendar could be read."""
        if self.unread:
            return Exit.TRY_LATER
        return Exit.CONFLICT if self.overlaps else Exit.DONE


class Connected(NamedTuple):
    """The result of `connect`: a working connection."""

    connection: Connection
    selection: Selection
    was_already: bool  # it worked before


class Disconnected(NamedTuple):
    """The result of `disconnect`."""

    account: str | None  # None: not connected, or the account is unknown
    revocation: Revocation
    upcoming: int | None  # affected bookings; None: the ledger cannot be read
    why: str = ""  # why the grant could not be revoked, if Google was reachable
    left: tuple[str, ...] = ()  # what could not be deleted, in words
    is_account_unknown: bool = False


class ChosenCalendar(NamedTuple):
    """A selected calendar and its state in `status`."""

    calendar: Calendar
    use: str  # as of `Selection.use_of`
    state: str  # `ok` or a problem


class Diagnosis(NamedTuple):
    """The result of `status` for one workspace."""

    state: ConnectionState
    workspace: str
    account: str | None
    checked_at: datetime
    zone: ZoneInfo
    checks: tuple[Check, ...]
    permissions: frozenset[Permission]
    calendars: tuple[ChosenCalendar, ...]
    tally: Tally | None
    last_errors: tuple[str, ...] = ()
    is_offline: bool = False  # Google was not asked
    last_sync: datetime | None = None  # when `sync` last completed
    last_changes: tuple[HistoryLine, ...] = ()
    accounts: tuple[Account, ...] = ()  # that read the conflict calendars, its own first

    @property
    def reads(self) -> tuple[str, ...]:
        """The other workspaces whose accounts read conflict calendars of this one."""
        return tuple(each.workspace for each in self.accounts if each.prefix is not None)


class Diagnoses(NamedTuple):
    """The result of `status` for all workspaces of this machine."""

    diagnoses: tuple[Diagnosis, ...]

    @property
    def state(self) -> ConnectionState:
        """The worst state of all workspaces."""
        return worst_state(each.state for each in self.diagnoses)


class ConfigPlace(NamedTuple):
    """The result of `config`: where the configuration is, or would be."""

    path: str
    exists: bool
    named_by: str | None  # the option or the variable; None: the usual place
    folder_exists: bool


class ConfigExample(NamedTuple):
    """The result of `config --example`."""

    example: str


class ConfigShown(NamedTuple):
    """The result of `config --show`: every key of one workspace, and the variables that are set."""

    place: ConfigPlace
    workspace: str
    settings: tuple[Setting, ...]
    variables: tuple[tuple[str, str | None], ...]  # with their values; None for a secret


class ConfigChecked(NamedTuple):
    """The result of `config --check` of a file without problems."""

    path: str
    workspaces: tuple[str, ...]  # that have a table in it


class LedgerPlace(NamedTuple):
    """The result of `ledger`: where it is, and what it is kept in."""

    facts: LedgerFacts


class LedgerChecked(NamedTuple):
    """The result of `ledger --check` of a ledger with which nothing is wrong."""

    facts: LedgerFacts


class LedgerBackedUp(NamedTuple):
    """The result of `ledger --backup`."""

    file: str
    bytes: int
    facts: LedgerFacts


class LedgerCopied(NamedTuple):
    """The result of `ledger --copy-to`."""

    location: str  # of the old one
    copy: LedgerCopy


class LedgerGrants(NamedTuple):
    """The result of `ledger --grants`: SQL statements."""

    statements: tuple[str, ...]


class SchemaDocument(NamedTuple):
    """The result of `schema`: a JSON Schema."""

    schema: Mapping[str, object]


class Simulation(NamedTuple):
    """A running simulator."""

    url: str
    account: str
    config: str  # path for PORTALCAL_CONFIG
    events: int  # loaded from a file
    client_secrets: str  # path of the OAuth client
    workspace: str  # for bookings made there
    is_pinned: bool  # the configuration names that workspace
    people: tuple[str, ...] = ()  # of its world
    rooms: tuple[str, ...] = ()


Answer = (
    Availability
    | Explanation
    | ExplainedDay
    | Booked
    | Offered
    | Offers
    | Rescheduled
    | Reassigned
    | Synced
    | Cancelled
    | Bookings
    | HistoryPage
    | HistoryPruned
    | Changes
    | Choice
    | Overlaps
    | People
    | Connected
    | Disconnected
    | Diagnosis
    | Diagnoses
    | ConfigPlace
    | ConfigShown
    | ConfigChecked
    | LedgerPlace
    | LedgerChecked
    | LedgerBackedUp
    | LedgerCopied
    | Simulation
)


Document = ConfigExample | LedgerGrants | SchemaDocument
"""Results that are written to stdout as they are: a person redirects them into a file."""


class CommandView(View, Protocol):
    """The view of a command: results and errors as well."""

    zone: tzinfo
    program: str

    def show(self, answer: Answer | Document) -> None:
        """Write a result to stdout."""

    def write(self, text: str, *, for_people: bool = False) -> None:
        """Write text to stdout unchanged: in UTF-8, or with `for_people` in the encoding of the terminal."""

    def write_all(self, texts: Iterable[str]) -> None:
        """Write texts to stdout one by one, unchanged, in UTF-8."""

    def say_basis(self, answer: Availability) -> None:
        """Write the basis of an availability to stderr."""

    def say_next(self, answer: Bookings) -> None:
        """Write to stderr where the next page of bookings begins, if there is one."""

    def narrate(self, line: str, *, is_typed: bool = False) -> None:
        """Write a line of the demo: a sentence, or with `is_typed` a command line."""

    def log(self, line: str) -> None:
        """Write one line of progress to stderr."""

    def fail(self, error: PortalcalError) -> None:
        """Write an error to stderr."""
