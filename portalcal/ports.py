"""The ports: one protocol for each thing outside. `portalcal.container` chooses the adapter that implements it.

Methods raise the errors of `portalcal.errors`. The exceptions defined here are outcomes that use cases handle; no user
sees them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.config.model import Config, Setting
from portalcal.core.booking import Booking, Guest, Notify, State
from portalcal.core.history import HistoryLine, What
from portalcal.core.intervals import Interval
from portalcal.core.offers import GuestOffer, OfferState
from portalcal.core.outbox import OutboxEntry, Task
from portalcal.core.permissions import Permission
from portalcal.core.slots import Claim, EventKind, FreeBusy, FreeReason
from portalcal.core.zone_rules import ZoneRules
from portalcal.errors import WaysOut
from portalcal.warnings import PortalcalWarning

if TYPE_CHECKING:
    from portalcal.core.grant import AccessToken, Grant


class Clock(Protocol):
    """Time and randomness."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""

    def new_id(self) -> UUID:
        """A random UUID for a booking (RFC 9562 version 4)."""

    def monotonic(self) -> float:
        """Seconds of a monotonic clock, for measuring."""


# --- Google Calendar ------------------------------------------------------------------------------------------


class Calendar(NamedTuple):
    """An entry of the account's calendar list."""

    id: str
    name: str
    role: str  # Google's `accessRole`
    timezone: str
    is_primary: bool = False
    is_hidden: bool = False

    @property
    def is_owned(self) -> bool:
        """Whether events can be written with the scopes portalcal requests."""
        return self.role == "owner"


class Invitee(NamedTuple):
    """Somebody, or a room, that takes part in a meeting and is invited by Google."""

    email: str
    is_optional: bool = False
    is_room: bool = False


class EventDraft(NamedTuple):
    """An event to be inserted, or the time to move one to."""

    id: str  # chosen by us
    booking: UUID  # goes into the private extended properties
    title: str
    span: Interval
    timezone: str
    guests: tuple[str, ...]
    guest_name: str
    location: str = ""
    notes: str = ""
    meet: bool = False
    people: tuple[Invitee, ...] = ()  # who takes part besides the guests


class Event(NamedTuple):
    """An event as Google returned it."""

    id: str
    calendar: str
    span: Interval | None  # None: cancelled, and Google returned no times; of a series: its first instance
    is_cancelled: bool
    is_busy: bool  # opaque, not cancelled, not declined by the account
    created: datetime | None
    etag: str
    url: str | None = None
    meet_url: str | None = None
    booking: str | None = None  # our booking id in its private extended properties
    title: str | None = None
    kinds: tuple[EventKind, ...] = ()
    location: str = ""
    free_because: FreeReason | None = None  # why it does not block its time
    is_all_day: bool = False
    is_moved: bool = False  # portalcal moved it to another time
    moved_at: datetime | None = None  # when, if Google returned `updated`
    declined: tuple[str, ...] = ()  # addresses of guests; read by `Calendars.event` only, as `responses`
    responses: tuple[tuple[str, str], ...] = ()  # addresses in lower case, each with its `responseStatus`
    guest: Guest | None = None  # the first guest who is invited, by name and address
    further_guests: tuple[str, ...] = ()  # addresses of the others
    room_response: str | None = None  # `responseStatus` of its room; None: it has none
    is_series: bool = False  # a recurring event
    series: str | None = None  # id of the recurring event of which this is an instance
    original: datetime | None = None  # `originalStartTime` of an instance

    def meets(self, window: Interval) -> bool:
        """Whether it may overlap the window. All-day events may: their instants depend on the calendar's zone."""
        return self.is_all_day or self.span is None or self.span.overlaps(window)

    def is_upcoming(self, now: datetime) -> bool:
        """Whether it is not over, and was not cancelled."""
        return not self.is_cancelled and self.span is not None and self.span.end > now

    @property
    def recurs(self) -> bool:
        """Whether its owner made it recurring: it is a series, or an instance of one."""
        return self.is_series or self.series is not None

    def is_version(self, etag: str | None) -> bool:
        """Whether it certainly has that etag; an event without an etag is never certain."""
        return bool(self.etag) and self.etag == etag


class EventChanges(NamedTuple):
    """One incremental sync of a calendar."""

    events: tuple[Event, ...]  # those that portalcal may have made, and deleted ones
    token: str | None  # for the next sync; None: the next one is a full sync


class SyncTokenExpired(Exception):
    """events.list answered 410: the sync token has expired, so a full sync is needed."""


class EventIdTaken(Exception):
    """events.insert answered 409: an event with this id exists, or existed and was deleted."""


class EventChanged(Exception):
    """A conditional change (If-Match) answered 412: the event has another etag by now.

    `may_be_ours`: the response to an earlier attempt of the same change was lost, so that attempt may have succeeded.
    """

    may_be_ours = False


class DeleteResult(StrEnum):
    """The result of events.delete."""

    DONE = "done"
    ALREADY_GONE = "already-gone"


class Calendars(Protocol):
    """Google Calendar. A method makes one request, apart from retries, pages and more than 50 calendars.

    Raises, all methods: GoogleUnreachable, GoogleBusy, QuotaExhausted, GoogleRefused, ApiNotEnabled,
    PermissionMissing, GrantRevoked, GrantExpired, ReauthRequired, ClientRejected, NotConnected.
    """

    def list(self) -> tuple[Calendar, ...]:
        """The account's calendar list, hidden ones included."""

    def free_busy(self, calendars: Iterable[str], window: Interval) -> tuple[FreeBusy, ...]:
        """Busy times of each calendar, in the given order; `unread` is set for those that cannot be read."""

    def insert(self, calendar: str, draft: EventDraft, *, notify: Notify) -> Event:
        """Create the event. Raises also EventIdTaken, CalendarNotFound, CalendarNotWritable."""

    def event(self, calendar: str, event_id: str) -> Event:
        """One event, cancelled or not. Raises also EventNotFound."""

    def events(self, calendar: str, window: Interval) -> tuple[Event, ...]:
        """Every live event that overlaps the window, recurring events expanded to instances."""

    def changes(self, calendar: str, token: str | None) -> EventChanges:
        """Events changed or deleted since the sync token; without a token, all events (full sync).

        Events without a booking id are left out. Raises also SyncTokenExpired, CalendarNotFound.
        """

    def events_of(self, calendar: str, booking: UUID) -> tuple[Event, ...]:
        """Every live event with the booking id in its private extended properties."""

    def move(self, calendar: str, draft: EventDraft, *, etag: str | None, notify: Notify) -> Event:
        """Move an event to the time of the draft, if it still has that etag; None matches any.

        Raises also EventChanged, EventNotFound, CalendarNotWritable.
        """

    def invite(
        self,
        calendar: str,
        event_id: str,
        *,
        people: Iterable[Invitee],
        but_not: Iterable[str],
        notify: Notify,
    ) -> Event:
        """Add attendees that are not there, and remove addresses that are; the answers of the others stay.

        One request, which reads the event, if there is nothing to change; else two.
        Raises also EventChanged (between the two), EventNotFound, CalendarNotWritable.
        """

    def room_answer(self, calendar: str, event_id: str) -> Event:
        """The event once its room has accepted or declined, or as it is after some seconds. One request or more.

        Raises also EventNotFound.
        """

    def close(self) -> None:
        """Close the connections to Google."""

    def delete(
        self, calendar: str, event_id: str, *, notify: Notify, etag: str | None = None
    ) -> DeleteResult:
        """Delete the event, if it still has that etag; None matches any. A series is deleted with all instances.

        Raises also EventChanged, EventNotFound (404: never there, or on a calendar we no longer see).
        """

    def instances(
        self,
        calendar: str,
        series: str,
        *,
        original: datetime | None = None,
        window: Interval | None = None,
    ) -> tuple[Event, ...]:
        """The instances of a series: those with that original start, deleted ones too; or live ones in the window.

        Raises also EventNotFound.
        """


# --- consent and secrets --------------------------------------------------------------------------------------


class ConsentRequest(NamedTuple):
    """Parameters of one consent."""

    scopes: tuple[str, ...]
    timeout: int  # seconds
    port: int = 0  # of the callback server; 0: any free port
    open_browser: bool = True
    login_hint: str | None = None  # account to pre-select
    account_must_choose: bool = False  # `prompt=select_account`


class ConsentSession(Protocol):
    """One consent: from the authorization URL to the final page in the browser."""

    @property
    def url(self) -> str:
        """The authorization URL."""

    def grant(self) -> "Grant":
        """Wait for the authorization response and exchange the code for tokens.

        Raises: ConsentDenied, ConsentTimedOut, ClientRejected, GoogleUnreachable, GoogleBusy.
        """

    def succeed(self, account: str) -> None:
        """Show the connected account in the browser. An exception that leaves the session is shown instead."""


class Revocation(StrEnum):
    """The result of revoking a grant."""

    REVOKED = "revoked"
    ALREADY_DEAD = "already-dead"
    UNREACHABLE = "unreachable"
    KEPT = "kept"


class CodeFlow(Protocol):
    """One OAuth authorization code flow with PKCE (RFC 6749 section 4.1, RFC 7636)."""

    @property
    def url(self) -> str:
        """The authorization URL: the consent page."""

    def redeem(self, code: str, *, now: datetime) -> "Grant":
        """Exchange the code for a grant.

        Raises: ConsentDenied, ClientRejected, GoogleUnreachable, GoogleBusy.
        """

    def close(self) -> None:
        """Close the connections."""


class AuthorizationServer(Protocol):
    """Google's OAuth endpoints, as a consent flow needs them."""

    @property
    def auth_uri(self) -> str:
        """The authorization endpoint. Raises: ClientInvalid."""

    def start(self, request: ConsentRequest, *, redirect_uri: str, state: str) -> CodeFlow:
        """Start an authorization code flow. Raises: ClientInvalid, ProofMissing."""

    def revoke(self, refresh_token: str) -> Revocation:
        """Revoke the grant (RFC 7009). Never raises for what Google or the network answer."""


class ConsentFlow(Protocol):
    """The OAuth consent in a browser, and revocation."""

    def session(self, request: ConsentRequest) -> AbstractContextManager[ConsentSession]:
        """Run the callback server for the duration of the `with` block.

        Raises: ClientInvalid (no client, or not a Desktop client), Usage (the port is in use).
        """

    def revoke(self, refresh_token: str) -> Revocation:
        """Revoke the grant at Google. Failures of Google or the network are results, not exceptions."""


class Secret(StrEnum):
    """The secrets of a workspace."""

    REFRESH_TOKEN = "refresh-token"  # noqa: S105 - the name of the secret, not the secret
    ACCESS_TOKEN = "access-token"  # noqa: S105


class Vault(Protocol):
    """Storage of secrets. Raises, all methods: VaultUnavailable."""

    @property
    def kind(self) -> str:
        """`keyring`, `file`, `memory` or `environment`."""

    @property
    def backend(self) -> str | None:
        """The name of the keyring backend, so that later processes load it without a search."""

    def read(self, secret: Secret) -> str | None:
        """The secret, or None."""

    def write(self, secret: Secret, value: str) -> None:
        """Store the secret and verify it by reading it back."""

    def forget(self) -> None:
        """Remove all secrets of the workspace; succeeds if there are none."""


class Connection(NamedTuple):
    """The content of connection.toml: what portalcal learned when it connected. It holds no secret."""

    account: str  # e-mail address
    permissions: frozenset[Permission]
    conflicts: tuple[str, ...]  # ids of calendars
    booking: str  # id of the calendar
    connected_at: datetime
    vault: str = "keyring"
    backend: str | None = None
    titles: bool = False  # titles of events may be shown in explanations
    lived: timedelta | None = None  # age of this grant when it was found dead
    last_lived: timedelta | None = None  # the same of the previous grant
    own_client: bool = False  # the OAuth client stored beside this file is used, not that of config.toml
    origins: tuple[str, ...] = ()  # of the endpoints at which the grant was given; it is used at these only


class Connections(Protocol):
    """The file connection.toml of the workspace."""

    def read(self) -> Connection | None:
        """The connection, or None. Raises: ConfigInvalid (the file is damaged)."""

    def update(self, change: Callable[[Connection | None], Connection | None]) -> Connection | None:
        """Read, apply `change` and write, under a lock; if `change` returns None nothing is written."""

    def write(self, connection: Connection) -> None:
        """Replace the file atomically. Changes that depend on its content go through `update`."""

    def forget(self) -> None:
        """Remove the connection, but keep the selected calendars; succeeds if there is none. Raises: ConfigInvalid."""

    def selection_of(self, account: str) -> tuple[tuple[str, ...], str] | None:
        """The conflict calendars and the booking calendar selected in an earlier connection of that account."""

    def others_of(self, account: str) -> tuple[str, ...]:
        """The names of other workspaces on this machine that are connected to the account, sorted."""


# --- the ledger -----------------------------------------------------------------------------------------------


class ClaimsOverlap(Exception):
    """The ledger refused a booking: one of its participants is claimed by `claim`, which is another booking's or offer's.

    `other`: the booking, if it is one of this workspace. Of a claim that is foreign only the times may be shown.
    """

    def __init__(self, claim: Claim, other: Booking | None = None) -> None:
        super().__init__(claim.booking)
        self.claim = claim
        self.other = other


class EntryPending(Exception):
    """The ledger refused a change of a booking: an earlier change is still in the outbox."""


class Position(NamedTuple):
    """A place in a list of bookings, which are in the order of their start and id."""

    start: datetime
    booking: UUID


class Touched(NamedTuple):
    """What changes in a calendar name. Bookings whose event was never read count as named."""

    events: tuple[str, ...]  # ids
    bookings: tuple[UUID, ...]


class Search(NamedTuple):
    """A filter for bookings; None and () match all."""

    start: datetime | None = None  # meetings that overlap the window from `start` to `end` match
    end: datetime | None = None
    states: tuple[State, ...] = ()
    email: str | None = None
    after: Position | None = None  # only those behind this one
    most: int | None = None  # only so many, the first
    has_calendar: bool | None = None  # whether an event was made or is to be made
    has_refusal: bool = False  # only those of whose participants one may have declined
    touched: Touched | None = None  # only those that changes in a calendar may be about


class Tally(NamedTuple):
    """Counts for `status`."""

    live: int  # bookings
    held: int  # bookings
    overdue: int  # outbox entries
    without_event: int  # live upcoming bookings


class HistoryQuery(NamedTuple):
    """A filter for recorded changes; None and () match all."""

    booking: str | None = None  # the whole id
    since: datetime | None = None
    actor: str | None = None
    whats: tuple[What, ...] = ()
    latest: int | None = None  # only so many, the latest


class Feed(NamedTuple):
    """Recorded changes after a cursor."""

    lines: tuple[HistoryLine, ...]
    is_gap: bool = False  # lines after the cursor were pruned before they were read


class Damage(NamedTuple):
    """Why the ledger cannot be relied on."""

    reason: str
    fault: str  # what is to be mended, a value of `errors.LedgerFault`


class LedgerServer(NamedTuple):
    """The PostgreSQL server that a ledger is on."""

    version: str
    is_pooled: bool  # a pooler stands before it
    is_standby: bool  # it replays another server's changes, and cannot be written
    # Of a standby the age of its newest change, else how far the slowest of its standbys is behind. None: there is none,
    # or the role may not see it.
    lag: timedelta | None


class LedgerFacts(NamedTuple):
    """Where the ledger is, and what it is kept in."""

    location: str  # path, or url without user and password
    database: str  # `SQLite` or `PostgreSQL`
    database_version: str
    schema_version: int | None  # None: there is no ledger yet
    bytes: int
    bookings: int  # in any state, of all workspaces
    is_pooled: bool = False  # a pooler stands before the server


class LedgerCopy(NamedTuple):
    """What was copied into another ledger."""

    location: str
    bookings: int
    owed: int  # outbox entries
    history: int  # lines


class LedgerStore(Protocol):
    """The whole ledger, of all workspaces, for who looks after it.

    Raises, all methods: LedgerBusy, LedgerUnusable, LedgerTooNew.
    """

    @property
    def name(self) -> str:
        """The path or url for messages, without a secret."""

    def close(self) -> None:
        """Close the database."""

    def facts(self) -> LedgerFacts:
        """Where it is and what it is kept in."""

    def check_all(self) -> Damage | None:
        """Read all of it, however long that takes."""

    def back_up(self, file: Path) -> int:
        """Write a copy of a ledger file; returns its bytes. Raises: Usage."""

    def copy_to(self, target: "LedgerStore") -> LedgerCopy:
        """Copy everything into another ledger, which takes the place of this one."""

    def grants(self, role: str) -> tuple[str, ...]:
        """The SQL statements that give a role of the server what commands need. Raises: Usage."""


class Exposure(NamedTuple):
    """A problem with access rights: who else could read or change the ledger, and the hint that ends it."""

    detail: str
    hint: str


class Leased(NamedTuple):
    """An outbox entry under a lease of ours, and its booking as it then stands."""

    entry: OutboxEntry
    booking: Booking


class Ledger(Protocol):
    """The durable record of bookings, claims and the outbox of one workspace. Each method is one transaction.

    Raises, all methods: LedgerBusy, LedgerUnusable, LedgerTooNew. `due`, `owed` and `under_key_and_due`, with which
    commands begin that write, also OtherAccount: the workspace is that of another account than the connected one.
    """

    def hold(self, booking: Booking, *, put: bool) -> Booking:
        """Record a new booking and, with `put`, the outbox entry that makes its event.

        If its idempotency key exists, nothing is written and the booking with that key is returned.
        Raises also ClaimsOverlap.
        """

    def get(self, booking: UUID) -> Booking:
        """The booking with exactly that id, or the time of an offer; `find` finds no times of offers.

        Raises also BookingNotFound.
        """

    def unknown(self, bookings: Iterable[UUID]) -> frozenset[UUID]:
        """Those of the ids that no booking has, in any workspace, and no time of an offer."""

    def find(self, booking: str) -> Booking:
        """The booking with that id, or the only one whose id has that prefix of four characters or more.

        Raises also BookingNotFound.
        """

    def under_key_and_due(
        self, key: str, now: datetime, *, most: int
    ) -> tuple[Booking | None, tuple[OutboxEntry, ...]]:
        """What `under_key` and `due` return, read at once."""

    def under_key(self, key: str) -> Booking | None:
        """The booking with that idempotency key; a refused booking does not keep its key."""

    def claims(self, participants: Iterable[str], window: Interval, *, now: datetime) -> tuple[Claim, ...]:
        """The claims in force that overlap the window with their buffers, by start: what availability depends on.

        They are all claims of this workspace (of whichever participant: limits of links count them), and those that
        other workspaces made for `participants`, which are marked `is_foreign`. Participants are keys of claims
        (`core.participants`): addresses in lower case, and `owner_of(workspace)`. An offer that has expired at `now`
        claims nothing.
        """

    def meeting_starts(
        self, participants: Iterable[str], around: Interval, *, but_not: UUID | None = None
    ) -> Mapping[str, Sequence[datetime]]:
        """By participant, when live bookings of any workspace start within `around`, and the last one before it.

        Offers are left out, and so is the booking `but_not`. In order; who has none is missing.
        """

    def live_in(self, window: Interval) -> tuple[Booking, ...]:
        """Live bookings of this workspace whose buffered time overlaps the window, by start."""

    def search(self, search: Search) -> tuple[Booking, ...]:
        """Bookings in any state, by start and id."""

    def calendars_ahead(self, now: datetime) -> tuple[str, ...]:
        """The calendars of held and confirmed bookings that end after `now`, sorted."""

    def begin_cancel(self, booking: Booking) -> Booking:
        """Make a booking `cancelling` and add an outbox entry `remove`.

        A `put` that was never attempted is deleted instead. A booking without an event becomes `cancelled` at once.
        Returns the updated booking; a cancelled one is returned unchanged.
        """

    def begin_move(self, booking: Booking, *, at_once: bool) -> Booking:
        """Claim `booking.moving_to` beside the present time and add an outbox entry `move`.

        It may be the present time, with other participants.

        With `at_once`, for a booking without an event or while disconnected, the present time is released at once and
        the event is moved later; a `put` that was never attempted makes the event at the new time.
        A booking that is neither `held` nor `confirmed` is returned unchanged; so is one that is to stay at its time
        with other participants, where the ledger has another time or others than `booking` by now.
        Raises also ClaimsOverlap; EntryPending: an earlier entry is pending or, with `at_once`, leased.
        """

    def adopt(self, known: Booking, snapshot: Booking) -> bool:
        """Record the reconciled booking; False if it differs from `known` by now, or has an outbox entry.

        Raises also ClaimsOverlap: its event was moved to a time claimed by another booking.
        """

    def owe_event(self, booking: Booking, calendar: str) -> bool:
        """Add an entry `put` for a live booking without a calendar; False if it has one by now, or is not live."""

    def sync_token(self, calendar: str) -> str | None:
        """The sync token of a calendar; None before the first sync."""

    def keep_sync_token(self, calendar: str, token: str) -> None:
        """Store the sync token of a calendar, once all changes before it are recorded."""

    def last_sync(self) -> datetime | None:
        """When `sync` last completed, on any machine; None before the first time."""

    def keep_last_sync(self, at: datetime) -> None:
        """Record that `sync` completed."""

    def account(self) -> str | None:
        """The address of the account whose bookings these are; None: nothing was written for one yet."""

    def keep_account(self, account: str) -> None:
        """Record whose bookings these are from now on."""

    def owed(self) -> tuple[OutboxEntry, ...]:
        """The first outbox entry of each booking, due or not, leased or not, oldest first."""

    def due(self, now: datetime, *, most: int) -> tuple[OutboxEntry, ...]:
        """Outbox entries to attempt now: due, not leased, the first of their booking, oldest first."""

    def lease(self, booking: UUID, task: Task, *, now: datetime) -> Leased | None:
        """Lease the first entry of a booking for `core.outbox.LEASE` and count the attempt.

        None: it has none, the first is of another task, or another process has the lease. The lease of a process that is
        known to have ended is void: it closed its ledger, or was killed.
        """

    def entry_of(self, booking: UUID) -> OutboxEntry | None:
        """The first outbox entry of a booking, leased or not."""

    def release(self, booking: Booking) -> Booking:
        """Release the claims of a `cancelling` booking at once: it is `cancelled`, the entry `remove` stays."""

    def settle(self, entry: OutboxEntry, booking: Booking, *, is_rejected: bool = False) -> Booking:
        """Record the result of a finished attempt and delete the entry; returns the booking as it is recorded.

        `is_rejected`: Google refused permanently, which the history tells apart from success.
        If another process has taken over the lease, nothing is recorded. If the booking was cancelled meanwhile, it
        stays cancelled: the event is recorded and an entry `remove` is due. In both cases the returned booking differs
        from the given one, and the caller must not report it as booked.
        """

    def postpone(self, entry: OutboxEntry, *, due_at: datetime, why: str, outcome_unknown: bool) -> None:
        """Record a failed attempt and end the lease; the next attempt is due at `due_at`."""

    def tally(self, now: datetime) -> Tally:
        """Counts for `status`."""

    def close(self) -> None:
        """Close the database."""

    def stop(self) -> None:
        """Refuse all further writes, so that background threads record nothing while the process exits."""

    def check(self) -> Damage | None:
        """Check the integrity of the whole ledger."""

    def exposure(self) -> Exposure | None:
        """Access by others on this machine, or on the network path to a server; None if there is none."""

    def server(self) -> LedgerServer | None:
        """The server that it is on; None for a file."""


class History(Protocol):
    """The recorded changes of the bookings of one workspace, which the ledger writes, and how many they came to.

    Raises, all methods: LedgerBusy, LedgerUnusable, LedgerTooNew.
    """

    def history(self, query: HistoryQuery) -> tuple[HistoryLine, ...]:
        """The lines that match, in the order of the changes."""

    def changes(self, cursor: int, *, most: int) -> Feed:
        """The lines after a cursor, 0 for all, at most so many, in order. No line ever appears below one returned."""

    def read_up_to(self, reader: str) -> int | None:
        """The cursor up to which a reader was handed the changes; None if it never was."""

    def mark_read(self, reader: str, cursor: int) -> None:
        """Record that a reader was handed the changes up to a cursor."""

    def latest_cursor(self) -> int:
        """The cursor of the latest change, 0 before the first."""

    def totals(self) -> dict[State, int]:
        """How many bookings there are in each state."""

    def prune_history(self, before: datetime, *, most: int) -> int:
        """Delete lines older than `before` of bookings that are over, at most so many; returns how many."""


class OfferBook(Protocol):
    """The offers in the ledger of a workspace. Each method is one transaction.

    The times of an offer claim like bookings until the offer expires; from then on they claim nothing, whatever has run.
    What ends an offer frees its times at once and adds an outbox entry `remove` for the events they have.

    Raises, all methods: as `Ledger`.
    """

    def make(self, offer: GuestOffer, *, put: bool) -> GuestOffer:
        """Record an offer and claim its times; with `put`, add an outbox entry for the event of each.

        If its idempotency key exists, nothing is written and the offer with that key is returned.
        Raises also ClaimsOverlap.
        """

    def find(self, offer: str) -> GuestOffer:
        """The offer with that id, or the only one whose id has that prefix of four characters or more.

        Raises also OfferNotFound.
        """

    def under_key(self, key: str) -> GuestOffer | None:
        """The offer with that idempotency key."""

    def all(self, states: Iterable[OfferState] = ()) -> tuple[GuestOffer, ...]:
        """Offers recorded in one of these states, or all, the latest expiry last."""

    def expired(self, now: datetime) -> tuple[GuestOffer, ...]:
        """Offers that are recorded as open and have expired."""

    def extend(self, offer: UUID, until: datetime, *, now: datetime) -> GuestOffer:
        """Let an offer expire at `until`; one that is not open at `now` is returned unchanged."""

    def end(self, offer: UUID, state: OfferState, *, now: datetime) -> GuestOffer:
        """Record an open offer as released or expired, and free its times; another one is returned unchanged."""

    def take(self, offer: UUID, booking: Booking, *, put: bool) -> Booking | None:
        """End an offer and record the booking that one of its times becomes, in one transaction.

        None: the offer is not open any more when the booking is made, and nothing is written. Raises also ClaimsOverlap.
        """


# --- the person in front --------------------------------------------------------------------------------------


class View(Protocol):
    """Output and questions of a use case before it has a result."""

    def warn(self, warning: PortalcalWarning) -> None:
        """Show a warning: one actionable sentence."""

    def ask_for_consent(
        self, url: str, *, opens_browser: bool, ways: tuple[str, ...] = (), boxes: int = 3
    ) -> None:
        """Show the permissions with reasons, the URL for consent, and ways to consent on another machine.

        `boxes`: the number of checkboxes on Google's page, all of them unticked.
        """

    def confirm(self, question: str, *, consequences: tuple[str, ...], action: str, flag: str) -> bool:
        """Show the consequences and ask. Raises: ConfirmationRequired (not interactive)."""

    def ask_secret(self, question: str, *, variable: str) -> str:
        """Ask for a secret without echo. Raises: VaultUnavailable (not interactive; it names the variable)."""


class Machine(Protocol):
    """Facts about this machine that connecting depends on."""

    def zone(self) -> ZoneInfo:
        """The configured zone; UTC if there is none."""

    def zone_problem(self) -> str | None:
        """Why the zone had to be guessed, in words; None if it is known."""

    def has_browser(self) -> bool:
        """Whether a browser can be opened for the user."""

    def can_listen(self) -> bool:
        """Whether the callback server can listen on a loopback address (RFC 8252 section 7.3)."""


class ConfigFile(Protocol):
    """`config.toml` as a file. What is in it is read through `Context.config`."""

    @property
    def path(self) -> Path:
        """Where it is, or would be."""

    @property
    def named_by(self) -> str | None:
        """The option or the variable that names it; None: it is in the usual place."""

    def exists(self) -> bool:
        """Whether there is one."""

    def example(self) -> str:
        """The commented example with every key and its default."""

    def settings(self) -> tuple[Setting, ...]:
        """Every key with its effective value. Raises: ConfigInvalid."""

    def variables(self) -> tuple[tuple[str, str | None], ...]:
        """The variables of portalcal that are set, with their values; None for a secret."""

    def check(self, path: Path) -> tuple[str, ...]:
        """Check any file for all its workspaces, and return those. Raises: ConfigInvalid, with all problems."""


class Context(Protocol):
    """The ports of a use case, each made on first use. `container.Container` implements it."""

    @property
    def config(self) -> Config: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def calendars(self) -> Calendars: ...
    @property
    def connections(self) -> Connections: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def history(self) -> History: ...
    @property
    def offers(self) -> OfferBook: ...
    @property
    def view(self) -> View: ...

    @property
    def zone_rules(self) -> ZoneRules:
        """The zone database in use and, of two, the other one."""

    @property
    def program(self) -> str:
        """The command line that calls portalcal for this workspace, for hints."""

    def other(self, workspace: str) -> "Context":
        """The ports of another workspace, with its own account. Raises: Usage (no name of a workspace)."""

    def workspaces(self) -> tuple[str, ...]:
        """Every workspace of this machine, by name: those ever connected, those configured, and this one."""

    @property
    def ways_out(self) -> WaysOut:
        """The remedies that hints may name under this configuration."""


class ConnectionAdmin(Context, Protocol):
    """What `connect`, `disconnect` and `status` need besides: consent, secrets, clients, endpoints, this machine."""

    @property
    def consent(self) -> ConsentFlow: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def machine(self) -> Machine: ...
    @property
    def config_file(self) -> ConfigFile: ...

    def other_zone(self, key: str) -> ZoneInfo | None:
        """A zone by the rules of the other database; None if there is none, or it has no such zone."""

    @property
    def ledger_store(self) -> LedgerStore: ...

    def ledger_store_at(self, url: str) -> LedgerStore:
        """The ledger of another url than the configured one. Raises: Usage, it is no url of a ledger."""

    @property
    def can_renew(self) -> bool:
        """Whether the access token can be renewed; False if it comes from the environment without a grant."""

    def vaults(self) -> tuple[Vault, ...]:
        """The vaults that may have secrets of this workspace; every kind of vault if connection.toml is damaged."""

    def former_vault(self, connection: Connection) -> Vault | None:
        """The vault of an earlier connection, whatever `vault` is now; None if it had none of its own."""

    def calendars_with(self, grant: "Grant") -> Calendars:
        """Google Calendar with a grant that is not stored yet."""

    def keep_access(self, access: "AccessToken") -> None:
        """Cache an access token in the vault."""

    def renew_access(self) -> None:
        """Renew the access token now, expired or not. Raises as `Calendars` does."""

    def clock_skew(self) -> timedelta | None:
        """How far this machine's clock is ahead of Google's, by the Date header of the last renewal; None: unknown."""

    def renewed_at(self) -> datetime | None:
        """When the access token was last renewed, to the hour; None: unknown.

        Raises: VaultUnavailable.
        """

    def proxy_on_the_way(self) -> str | None:
        """The proxy for requests to Google as `host:port`; None without one, and for endpoints on loopback.

        Raises:
            EnvironmentInvalid: the environment sets a proxy, or a CA bundle, that cannot be used.
        """

    def ledger_room(self) -> int | None:
        """Bytes by which the ledger can still grow; None if it is not a local file."""

    def brings_client(self) -> bool:
        """Whether the given OAuth client differs from that of the stored grant. Raises: ClientInvalid."""

    def origins(self) -> tuple[str, ...]:
        """The origins of all endpoints, like `https://oauth2.googleapis.com`. Raises: ClientInvalid."""

    def check_endpoints(self) -> tuple[str, ...]:
        """Check that the grant is used only at the origins it was given at. Returns origins of neither Google nor loopback.

        Raises: EndpointChanged.
        """

    def open_to_others(self) -> tuple[str, ...]:
        """Files of configuration and state that other users of this machine can write."""

    def keep_client(self) -> bool:
        """Store the given OAuth client beside the connection; False if none was given. Raises: ConfigInvalid."""

    def open_vault_files(self) -> tuple[str, ...]:
        """Vault files that other users of this machine can read or write."""

    def check_client(self) -> str:
        """The id of the OAuth client. Raises: ClientInvalid (no client, or not a Desktop client)."""
