"""The JSON of every result, as types: mypy holds the views to them, and `portalcal schema` is made from them.

A docstring is the description in the schema. `Annotated[str, Kind]`: one of the values of an enum; `Instant` and `Date`:
RFC 3339. `NotRequired` keys appear only with the option that asks for them; all others are always there.
Imported by no command but `schema`; without `from __future__ import annotations`, since the schema reads the types.
"""

from typing import Annotated, NamedTuple, NotRequired, TypedDict

from portalcal.config.model import Origin
from portalcal.core.assignment import Assign
from portalcal.core.booking import Notify, State
from portalcal.core.health import CheckStatus, ConnectionState
from portalcal.core.history import Cause, What
from portalcal.core.offers import OfferState
from portalcal.core.participants import Role
from portalcal.core.permissions import Permission
from portalcal.core.slots import EventKind, FreeReason, ReasonCode
from portalcal.ports import Revocation
from portalcal.results import Basis


class Format(NamedTuple):
    """The `format` of a text."""

    name: str


class OneOf(NamedTuple):
    """The values a text may have."""

    values: tuple[str, ...]


Instant = Annotated[str, Format("date-time")]
Date = Annotated[str, Format("date")]
Permissions = Annotated[dict[str, bool], Permission]
Use = Annotated[str, OneOf(("conflicts", "booking", "both"))]


class WarningJson(TypedDict):
    """Something to know or to do beside a result."""

    code: str
    message: str
    details: object


class ErrorJson(TypedDict):
    """Why a command, or a line of a batch, failed."""

    code: str
    message: str
    hint: str | None
    exit: int
    retryable: bool
    details: object


class ResultEnvelopeJson(TypedDict):
    """What a command that succeeded writes to stdout; with `line`, of a batch, to one of its lines."""

    portalcal: int
    command: str
    line: NotRequired[int]
    result: object
    warnings: list[WarningJson]


class ErrorEnvelopeJson(TypedDict):
    """What a command that failed writes to stderr; a line of a batch, to stdout."""

    portalcal: int
    command: str
    line: NotRequired[int]
    key: NotRequired[str]
    error: ErrorJson


class SpanJson(TypedDict):
    """From `start` to before `end`."""

    start: Instant
    end: Instant


class SlotPersonJson(TypedDict):
    """Somebody who could take a slot."""

    person: str
    email: str
    role: Annotated[str, Role]
    pool: str | None


class SlotJson(SpanJson):
    """A time that is offered."""

    people: NotRequired[list[SlotPersonJson]]


class DayJson(TypedDict):
    """The slots that start on a date of the display zone."""

    date: Date
    holiday: str | None
    period: str | None
    beyond_horizon: bool
    slots: list[SlotJson]


class CalendarReadJson(TypedDict):
    """A calendar that counts for conflicts, and whether it was read."""

    id: str
    state: Annotated[str, OneOf(("checked", "unreadable"))]
    reason: str | None
    workspace: str | None
    account: str | None


class PersonReadJson(TypedDict):
    """A person or a room whose calendar was asked for, and whether it was read."""

    person: str
    email: str
    state: Annotated[str, OneOf(("checked", "unreadable"))]
    reason: str | None


class AvailabilityJson(TypedDict):
    """`availability`: offered slots by day of the display zone, with the calendars checked."""

    window: SpanJson
    timezone: str
    link: str | None
    duration_minutes: int
    basis: Annotated[str, Basis]
    complete: bool
    checked_at: Instant
    calendars: list[CalendarReadJson]
    people: list[PersonReadJson]
    days: list[DayJson]


class ReasonJson(TypedDict):
    """Why a time is not offered."""

    code: Annotated[str, ReasonCode]
    message: str
    calendar: str | None
    booking: str | None
    offer: str | None
    person: str | None
    pool: str | None
    room: str | None
    name: str | None
    start: Instant | None
    end: Instant | None
    title: str | None
    kinds: list[Annotated[str, EventKind]]
    workspace: str | None


class NoteJson(SpanJson):
    """An event at that time that does not count."""

    code: Annotated[str, FreeReason]
    message: str
    calendar: str
    workspace: str | None
    title: str | None


class NearestJson(TypedDict):
    """The nearest offered times."""

    before: SpanJson | None
    after: SpanJson | None


class CandidateJson(TypedDict):
    """A member of a pool, in the order of preference."""

    person: str
    pool: str
    count: int
    last: Instant | None
    state: str


class ChoiceOfPeopleJson(TypedDict):
    """Whom the rule of assignment prefers in each pool."""

    rule: Annotated[str, Assign]
    order: list[CandidateJson]


class ExplanationJson(SpanJson):
    """`availability --explain TIME`: every reason with its cause, and the nearest slots."""

    timezone: str
    offered: bool
    reasons: list[ReasonJson]
    choice: ChoiceOfPeopleJson | None
    notes: list[NoteJson]
    nearest: NearestJson


class ExplainedStartJson(SpanJson):
    """One start of an explained day."""

    offered: bool
    reasons: list[ReasonJson]


class ExplainedDayJson(SpanJson):
    """`availability --explain DATE`: every start of the day; `reasons` says why it has none."""

    timezone: str
    offered: bool
    reasons: list[ReasonJson]
    starts: list[ExplainedStartJson]
    notes: list[NoteJson]
    nearest: NearestJson


class GuestJson(TypedDict):
    """Whom a booking is for."""

    name: str
    email: str


class ParticipantJson(TypedDict):
    """Somebody, or a room, that takes part in a booking; `why`: how they were chosen out of a pool."""

    person: str
    email: str
    role: Annotated[str, Role]
    pool: str | None
    why: str | None
    response: str | None


class BookingJson(SpanJson):
    """A booking, the same in every command. Texts are as the user gave them."""

    id: str | None  # null in a dry run
    state: Annotated[str, State]
    link: str | None
    moving_to: SpanJson | None
    timezone: str
    title: str
    guest: GuestJson
    guests: list[str]
    declined: list[str]
    people: list[ParticipantJson]
    room: str | None
    location: str | None
    notes: str | None
    meet_url: str | None
    calendar: str | None
    event_id: str | None
    event_url: str | None
    key: str | None
    notified: Annotated[str, Notify] | None
    replayed: bool
    created_at: Instant
    updated_at: Instant


class BookedJson(BookingJson):
    """`book`: the booking, and whether it was a dry run."""

    dry_run: bool


class HeldTimeJson(SpanJson):
    """A time of an offer: its number, who takes part, and the event that holds it in the calendar."""

    n: int
    people: list[SlotPersonJson]
    event_id: str | None


class GuestOfferJson(TypedDict):
    """Several times held for one guest; `text` is the paragraph for an e-mail, null once the offer is over."""

    id: str
    state: Annotated[str, OfferState]
    expires_at: Instant
    link: str | None
    duration_minutes: int
    timezone: str
    guest: GuestJson
    slots: list[HeldTimeJson]
    booking: str | None
    key: str | None
    replayed: bool
    text: str | None


class GuestOffersJson(TypedDict):
    """`offers`: by expiry."""

    offers: list[GuestOfferJson]


class RescheduledJson(BookingJson):
    """`reschedule`: the booking, the time it had, and whether there was nothing to do."""

    previous: SpanJson
    reason: str | None
    already: bool
    undo: list[str] | None  # a command line


class ReassignedJson(BookingJson):
    """`reassign`: the booking, who left and who came."""

    left: ParticipantJson
    came: ParticipantJson
    reason: str | None
    dry_run: bool
    undo: list[str] | None  # a command line


class CancelledJson(BookingJson):
    """`cancel`: the booking, and whether there was nothing left to do."""

    already: bool
    undo: list[str] | None  # a command line


class ChangedFactsJson(TypedDict):
    """Facts of a booking that differ before and after a change; of a new booking all there are."""

    state: NotRequired[Annotated[str, State]]
    start: NotRequired[Instant]
    end: NotRequired[Instant]
    moving_to: NotRequired[SpanJson | None]
    link: NotRequired[str | None]
    title: NotRequired[str]
    guest: NotRequired[GuestJson]
    guests: NotRequired[list[str] | None]
    people: NotRequired[list[str] | None]
    declined: NotRequired[list[str] | None]
    location: NotRequired[str | None]
    meet_url: NotRequired[str | None]
    calendar: NotRequired[str | None]
    event_id: NotRequired[str | None]
    offer: NotRequired[str | None]
    reason: NotRequired[str]
    owed: NotRequired[str | None]


class HistoryLineJson(TypedDict):
    """One recorded change of a booking. Cursors grow in the order in which changes became visible."""

    at: Instant
    cursor: int
    booking: str
    what: Annotated[str, What]
    by: Annotated[str, Cause]
    actor: str
    host: str
    command: str
    before: ChangedFactsJson
    after: ChangedFactsJson


class BookingsJson(TypedDict):
    """`bookings`: a list, empty when none match; with `--history` what happened to the one; with `--limit` what is next."""

    bookings: list[BookingJson]
    history: NotRequired[list[HistoryLineJson]]
    next: NotRequired[str | None]  # for `--after`; null: this is the last page


class HistoryJson(TypedDict):
    """`history`: recorded changes, the earliest first."""

    history: list[HistoryLineJson]


class ChangesJson(TypedDict):
    """`changes`: what happened after a cursor, and the cursor to go on with."""

    changes: list[HistoryLineJson]
    cursor: int


class HistoryPrunedJson(TypedDict):
    """`history --prune`: how many lines were forgotten, and from before when."""

    pruned: int
    before: Instant


class SyncedJson(TypedDict):
    """`sync`: ids of bookings by outcome, with `--dry-run` by expected outcome."""

    delivered: list[str]
    still_owed: list[str]
    refused: list[str]
    moved: list[str]
    cancelled: list[str]
    declined: list[str]
    updated: list[str]
    conflicts: list[str]
    needs_replacement: list[str]
    replaced: list[str]
    added: list[str]
    unknown: list[str]
    adopted: list[str]
    dry_run: bool


class CalendarJson(TypedDict):
    """A calendar of the account and what it is used for."""

    id: str
    name: str
    role: str | None
    timezone: str | None
    use: Use | None
    primary: bool
    hidden: bool
    workspace: str | None
    account: str | None


class BusyEventJson(SpanJson):
    """An event that blocks time on a calendar."""

    calendar: str
    workspace: str | None
    account: str | None
    title: str | None
    kinds: list[Annotated[str, EventKind]]
    booking: str | None


class OverlapJson(SpanJson):
    """The time that two events both take."""

    events: list[BusyEventJson]


class OverlapsJson(TypedDict):
    """`calendars --conflicts`: every two events that block the same time."""

    window: SpanJson
    timezone: str
    complete: bool
    checked_at: Instant
    calendars: list[CalendarReadJson]
    overlaps: list[OverlapJson]


class ChoiceJson(TypedDict):
    """`calendars`: the account's calendars and what each is used for."""

    calendars: list[CalendarJson]
    conflicts: list[str]
    booking: str
    pinned: bool


class LoadJson(TypedDict):
    """The meetings of a person or a room that are booked here, in the window and before now."""

    meetings: int
    last_30_days: int
    last: Instant | None
    declined: int


class MemberJson(TypedDict):
    """Somebody, or a room, who can be asked for; `load` with `--load`."""

    email: str
    pools: list[str]
    state: Annotated[str, OneOf(("readable", "unreadable", "unknown"))]
    reason: str | None
    load: LoadJson | None


class PersonJson(MemberJson):
    """A person; `timezone` is null for that of the link, limits of 0 are none."""

    person: str
    name: str | None
    timezone: str | None
    max_per_day: int
    max_per_week: int


class RoomJson(MemberJson):
    """A room."""

    room: str
    capacity: int | None


class PeopleJson(TypedDict):
    """`people`: everybody and every room of the configuration."""

    people: list[PersonJson]
    rooms: list[RoomJson]
    window: SpanJson | None


class SelectionJson(TypedDict):
    """The calendars that count for conflicts, and the one that receives bookings."""

    conflicts: list[str]
    booking: str


class ConnectedJson(TypedDict):
    """`connect`: account, permissions, vault and selected calendars."""

    account: str
    permissions: Permissions
    vault: str
    calendars: SelectionJson
    connected_at: Instant
    already: bool


class DisconnectedJson(TypedDict):
    """`disconnect`: the outcome of the revocation. `account` is null if nothing was connected."""

    account: str | None
    revoked: bool
    revocation: Annotated[str, Revocation]
    forgotten: bool
    upcoming_bookings: int | None


class CheckJson(TypedDict):
    """One check of `status`, with the command that mends what is wrong."""

    name: str
    state: Annotated[str, CheckStatus]
    detail: str
    hint: str | None
    millis: int


class ChosenCalendarJson(TypedDict):
    """A selected calendar and its state."""

    id: str
    name: str
    role: str | None
    timezone: str | None
    use: Use
    state: str
    workspace: str | None
    account: str | None


class TallyJson(TypedDict):
    """Counts of bookings."""

    live: int
    held: int
    overdue: int
    without_event: int


class DiagnosisJson(TypedDict):
    """`status`: the state, and every check in order. Counts that could not be taken are null."""

    state: Annotated[str, ConnectionState]
    workspace: str
    account: str | None
    checked_at: Instant
    checks: list[CheckJson]
    permissions: Permissions
    calendars: list[ChosenCalendarJson]
    bookings: TallyJson | None
    offline: bool
    last_sync: Instant | None
    reads: list[str]


class DiagnosesJson(TypedDict):
    """`status --all`: the worst state, and each workspace's."""

    state: Annotated[str, ConnectionState]
    workspaces: list[DiagnosisJson]


class ConfigPlaceJson(TypedDict):
    """`config`: where the configuration is, and what names it."""

    path: str
    exists: bool
    named_by: str | None


class ConfigExampleJson(TypedDict):
    """`config --example`."""

    example: str


class SettingJson(TypedDict):
    """A key of the configuration with its effective value, and where that comes from."""

    key: str
    value: object
    origin: Annotated[str, Origin]
    written_as: str | None
    line: int | None
    variable: str | None


class VariableJson(TypedDict):
    """A variable that is set; `value` is null for a secret."""

    name: str
    value: str | None


class ConfigShownJson(ConfigPlaceJson):
    """`config --show`: every key with its value and origin, and the variables that are set."""

    workspace: str
    settings: list[SettingJson]
    variables: list[VariableJson]


class ConfigCheckedJson(TypedDict):
    """`config --check` of a file without problems, and the workspaces it has tables for."""

    path: str
    workspaces: list[str]


class LedgerJson(TypedDict):
    """`ledger`: where it is, and what it is kept in; `schema_version` null: there is none yet."""

    location: str
    database: str
    database_version: str
    schema_version: int | None
    bytes: int
    bookings: int
    pooled: bool


class LedgerCheckedJson(LedgerJson):
    """`ledger --check` of a ledger with which nothing is wrong."""

    sound: bool


class LedgerBackedUpJson(LedgerJson):
    """`ledger --backup`: the copy, and the ledger it was made from."""

    backup: str
    backup_bytes: int


class LedgerCopiedJson(TypedDict):
    """`ledger --copy-to`: the old ledger, the new one, and how many rows went there."""

    location: str
    copied_to: str
    bookings: int
    owed: int
    history: int


class LedgerGrantsJson(TypedDict):
    """`ledger --grants`: SQL statements, in order."""

    grants: list[str]


class SchemaJson(TypedDict):
    """`schema`: a JSON Schema."""

    schema: dict[str, object]


class SimulationJson(TypedDict):
    """`simulator`: where it listens, before its first request."""

    url: str
    account: str
    config: str
    events: int
    client_secrets: str
    workspace: str
    people: list[str]
    rooms: list[str]
