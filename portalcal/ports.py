"""All we ask of the world, on one page. Each protocol is answered by an adapter; `wiring` says which.

Methods raise the errors of `portalcal.errors`; the two exceptions below are answers a use-case acts on.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.config import Config
from portalcal.core.booking import Booking, Notify, State
from portalcal.core.errands import Errand
from portalcal.core.intervals import Interval
from portalcal.core.permissions import Permission
from portalcal.core.slots import FreeBusy, Seeming

if TYPE_CHECKING:
    from portalcal.core.grant import Access, Grant


class Clock(Protocol):
    """Time and randomness."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""

    def new_id(self) -> UUID:
        """A random id for a booking (RFC 9562 version 4)."""

    def monotonic(self) -> float:
        """Seconds of a clock that only runs forward, to measure with."""


# --- Google Calendar ------------------------------------------------------------------------------------------


class Calendar(NamedTuple):
    """An entry of the account's calendar list. `role` is Google's accessRole, kept as it came."""

    id: str
    name: str
    role: str
    timezone: str
    is_primary: bool = False
    is_hidden: bool = False

    @property
    def is_owned(self) -> bool:
        """Whether events can be written with the permissions we ask for."""
        return self.role == "owner"


class Draft(NamedTuple):
    """An event as we want it at Google: `id` is ours, `booking` goes into its private properties."""

    id: str
    booking: UUID
    title: str
    span: Interval
    timezone: str
    guests: tuple[str, ...]
    guest_name: str
    location: str = ""
    notes: str = ""
    meet: bool = False


class Event(NamedTuple):
    """An event as Google has it.

    `span` is None for a cancelled event that kept no times. `booking` is our id in its private properties.
    `is_moved`: portalcal moved it to another time, at `moved_at`, if Google tells when it was last changed. `declined` are
    the guests who said no; only `Calendars.event` tells them.
    `is_busy`: it takes time (opaque, not cancelled, not declined by the account); `free_because` says why one that may
    look as if it did does not.
    """

    id: str
    calendar: str
    span: Interval | None
    is_cancelled: bool
    is_busy: bool
    created: datetime | None
    etag: str
    url: str | None = None
    meet_url: str | None = None
    booking: str | None = None
    title: str | None = None
    location: str = ""
    free_because: Seeming | None = None
    is_all_day: bool = False
    is_moved: bool = False
    moved_at: datetime | None = None
    declined: tuple[str, ...] = ()

    def meets(self, window: Interval) -> bool:
        """Whether it may take some of that time. An all-day event lies where its calendar's zone puts it."""
        return self.is_all_day or self.span is None or self.span.overlaps(window)

    def is_version(self, etag: str | None) -> bool:
        """Whether it surely is the version of that etag; an event that has none may be any."""
        return bool(self.etag) and self.etag == etag


class Changes(NamedTuple):
    """The events of a calendar that portalcal may have made, and deleted ones; `token` asks for what comes after.

    Without a token everything is read again the next time.
    """

    events: tuple[Event, ...]
    token: str | None


class SyncTokenExpired(Exception):
    """events.list answered 410: what changed since that token cannot be told; everything has to be read."""


class EventIdTaken(Exception):
    """events.insert answered 409: an event with this id exists, or existed (a tombstone)."""


class EventChanged(Exception):
    """A change that named the version of the event it was about answered 412: the event has another one by now."""


class Removal(StrEnum):
    """What deleting came to."""

    DONE = "done"
    ALREADY_GONE = "already-gone"


class Calendars(Protocol):
    """Google Calendar. Every method is one exchange with Google, but for retries, pages and more than 50 calendars.

    Raises, all methods: GoogleUnreachable, GoogleBusy, QuotaExhausted, GoogleRefused, ApiNotEnabled,
    PermissionMissing, GrantRevoked, GrantExpired, ReauthRequired, ClientRejected, NotConnected.
    """

    def list(self) -> tuple[Calendar, ...]:
        """The account's calendar list, hidden ones included."""

    def free_busy(self, calendars: Iterable[str], window: Interval) -> tuple[FreeBusy, ...]:
        """Busy times of each calendar, in the order asked; one that cannot be read says why (`unread`)."""

    def insert(self, calendar: str, draft: Draft, *, notify: Notify) -> Event:
        """Create the event. Raises also EventIdTaken, CalendarNotFound, CalendarNotWritable."""

    def event(self, calendar: str, event_id: str) -> Event:
        """One event, a cancelled one too. Raises also EventNotFound."""

    def events(self, calendar: str, window: Interval) -> tuple[Event, ...]:
        """Every live event that overlaps the window, recurring ones as their instances."""

    def changes(self, calendar: str, token: str | None) -> Changes:
        """What changed since the token was given, deletions among it; without one, all that is there.

        Events that carry no booking's id are left out. Raises also SyncTokenExpired, CalendarNotFound.
        """

    def events_of(self, calendar: str, booking: UUID) -> tuple[Event, ...]:
        """Every live event that carries the booking's id in its private properties."""

    def move(self, calendar: str, draft: Draft, *, etag: str | None, notify: Notify) -> Event:
        """Give an event the time of the draft, if it still is the version of that etag; None is any.

        Raises also EventChanged, EventNotFound, CalendarNotWritable.
        """

    def close(self) -> None:
        """Let go of the connections to Google."""

    def delete(self, calendar: str, event_id: str, *, notify: Notify) -> Removal:
        """Remove the event. Raises also EventNotFound (404: never there, or on a calendar we no longer see)."""


# --- consent and secrets --------------------------------------------------------------------------------------


class ConsentRequest(NamedTuple):
    """How to ask. `port` 0 takes any free one; `login_hint` pre-selects an account; `timeout` is in seconds."""

    scopes: tuple[str, ...]
    timeout: int
    port: int = 0
    open_browser: bool = True
    login_hint: str | None = None
    account_must_choose: bool = False


class Visit(Protocol):
    """One round trip of the browser, from the address to the page that tells the outcome."""

    @property
    def url(self) -> str:
        """Where consent is given."""

    def grant(self) -> "Grant":
        """Wait for the answer and exchange the code.

        Raises: ConsentDenied, ConsentTimedOut, ClientRejected, GoogleUnreachable, GoogleBusy.
        """

    def succeed(self, account: str) -> None:
        """Let the tab say who is connected. Leaving the visit by an exception makes it say that instead."""


class Revocation(StrEnum):
    """What asking Google to end a grant came to."""

    REVOKED = "revoked"
    ALREADY_DEAD = "already-dead"
    UNREACHABLE = "unreachable"
    KEPT = "kept"


class Consent(Protocol):
    """The browser round trip, and its undoing."""

    def visit(self, request: ConsentRequest) -> AbstractContextManager[Visit]:
        """Listen for the answer while the block runs.

        Raises: ClientInvalid (no client, or not a Desktop one), Usage (the port is taken).
        """

    def revoke(self, refresh_token: str) -> Revocation:
        """End the grant at Google; never raises for what Google or the network answer."""


class Secret(StrEnum):
    """What a vault keeps for a workspace."""

    REFRESH_TOKEN = "refresh-token"  # noqa: S105 - the name of the secret, not the secret
    ACCESS_TOKEN = "access-token"  # noqa: S105


class Vault(Protocol):
    """Where secrets live. Raises, all methods: VaultUnavailable."""

    @property
    def kind(self) -> str:
        """`keyring`, `file`, `memory` or `environment`."""

    @property
    def backend(self) -> str | None:
        """The keyring's own name, so that a later start finds it without a search."""

    def read(self, secret: Secret) -> str | None:
        """The secret, or None when there is none."""

    def write(self, secret: Secret, value: str) -> None:
        """Keep the secret and read it back; returns only when it is really there."""

    def forget(self) -> None:
        """Remove every secret of the workspace; nothing there is fine."""


class Connection(NamedTuple):
    """What portalcal learned when it connected: no secret among it.

    `account` is an e-mail address; `titles`: the titles of events may be shown in explanations. `lived` is how old the
    grant was when Google was found not to honour it any more; `last_lived` the same of the one before it.
    """

    account: str
    permissions: frozenset[Permission]
    conflicts: tuple[str, ...]
    booking: str
    connected_at: datetime
    vault: str = "keyring"
    backend: str | None = None
    titles: bool = False
    lived: timedelta | None = None
    last_lived: timedelta | None = None


class Connections(Protocol):
    """The file beside the ledger that remembers the connection."""

    def read(self) -> Connection | None:
        """The connection, or None. Raises: ConfigInvalid (damaged by hand)."""

    def write(self, connection: Connection) -> None:
        """Replace it, atomically."""

    def forget(self) -> None:
        """Remove it; nothing there is fine."""

    def others_of(self, account: str) -> tuple[str, ...]:
        """The names of the other workspaces on this machine that are connected to an account, in order."""


# --- the ledger -----------------------------------------------------------------------------------------------


class GuardsOverlap(Exception):
    """The ledger refused a booking, because its guard overlaps that of a live one."""

    def __init__(self, other: Booking) -> None:
        super().__init__(str(other.id))
        self.other = other


class StillOwed(Exception):
    """The ledger did not take a change of a booking, because Google is owed an earlier one."""


class Search(NamedTuple):
    """Which bookings to list; None and () do not narrow. A window matches meetings that overlap it."""

    start: datetime | None = None
    end: datetime | None = None
    states: tuple[State, ...] = ()
    email: str | None = None


class Tally(NamedTuple):
    """Counts for `status`: live bookings, held ones, errands past due, live upcoming ones without an event."""

    live: int
    held: int
    overdue: int
    without_event: int


class Ledger(Protocol):
    """The durable record of bookings and errands of one workspace. Each method is one transaction.

    Raises, all methods: LedgerBusy, LedgerUnusable, LedgerTooNew.
    """

    def hold(self, booking: Booking, *, put: bool) -> Booking:
        """Record a new booking and, with `put`, the errand that makes its event.

        If its key is taken already, nothing is written and the booking under that key comes back.
        Raises also GuardsOverlap.
        """

    def find(self, booking: str) -> Booking:
        """The booking of that id, or whose id starts so (four characters or more), if only one does.

        Raises also BookingNotFound.
        """

    def under_key(self, key: str) -> Booking | None:
        """The booking made with that idempotency key; one that was refused has given it back."""

    def live_in(self, window: Interval) -> tuple[Booking, ...]:
        """Live bookings whose guard overlaps the window, by start."""

    def search(self, search: Search) -> tuple[Booking, ...]:
        """Bookings in any state, by start."""

    def begin_cancel(self, booking: Booking) -> Booking:
        """Record a booking as `cancelling` and owe Google the removal of its event.

        A `put` that was never tried is dropped instead, and a booking without an event ends at once: `cancelled`.
        Returns the booking as it now stands; one that is cancelled already is returned as it is.
        """

    def begin_move(self, booking: Booking, *, at_once: bool) -> Booking:
        """Hold `booking.moving_to` beside the present time and owe Google the move of the event.

        With `at_once`, for a booking that has no event or cannot tell Google now, the present time is let go here and
        now, and the event follows when it can; a `put` that was never tried will make it at the new time.
        A booking that is not `held` or `confirmed` is returned as it is.
        Raises also GuardsOverlap; StillOwed: an earlier errand is not done, or with `at_once` under way just now.
        """

    def adopt(self, known: Booking, seen: Booking) -> bool:
        """Record what the calendar says of a booking; False if it is not as it was known, or something is owed for it.

        Raises also GuardsOverlap: the calendar has it at a time that another booking holds.
        """

    def owe_event(self, booking: Booking, calendar: str) -> bool:
        """Owe Google the event of a live booking that has no calendar; False if it has one by now, or is over."""

    def sync_token(self, calendar: str) -> str | None:
        """Up to where the changes of a calendar were recorded; None before the first time."""

    def keep_sync_token(self, calendar: str, token: str) -> None:
        """Remember up to where the changes of a calendar were recorded, every one of them."""

    def owed(self) -> tuple[Errand, ...]:
        """The first errand of every booking that has any, due or not, leased or not, oldest first."""

    def due(self, now: datetime, *, most: int) -> tuple[Errand, ...]:
        """Errands that may be tried now, oldest first, at most one of a booking, none under a lease."""

    def lease(self, errand: Errand, *, now: datetime) -> Errand | None:
        """Take the errand for `errands.LEASE`, counting the attempt; None when another process has it.

        A process that is known to have ended has none: whoever closed its ledger, or was killed.
        """

    def errand_of(self, booking: UUID) -> Errand | None:
        """The first errand still owed for a booking, leased or not."""

    def release(self, booking: Booking) -> Booking:
        """Free the time of a `cancelling` booking at once: it is `cancelled`, its removal stays owed to Google."""

    def settle(self, errand: Errand, booking: Booking) -> Booking:
        """Record the booking as it came out and the errand as done; returns the booking as it stands then.

        Under a lease that somebody else has taken since, nothing is recorded. A booking that was cancelled while its
        event was made stays so: the event is recorded and its removal due. Either way another booking than the given
        one comes back, and nobody must be told that the time is booked.
        """

    def postpone(self, errand: Errand, *, due_at: datetime, why: str, outcome_unknown: bool) -> None:
        """Record a failed attempt, end the lease and try again at `due_at`."""

    def tally(self, now: datetime) -> Tally:
        """Counts for `status`."""

    def close(self) -> None:
        """Let go of the file."""

    def check(self) -> str | None:
        """Read the whole ledger and say what is damaged, or None."""


# --- the person in front --------------------------------------------------------------------------------------


class View(Protocol):
    """What a use-case may say before it has its result."""

    def warn(self, code: str, message: str) -> None:
        """One actionable sentence."""

    def ask_for_consent(self, url: str, *, opens_browser: bool, ways: tuple[str, ...] = ()) -> None:
        """Show the permissions, why each is needed, where to grant them, and ways to do so on another machine."""

    def confirm(self, question: str, *, consequences: tuple[str, ...], action: str, flag: str) -> bool:
        """Tell what will follow and ask. Raises: ConfirmationRequired (nobody can be asked)."""

    def ask_secret(self, question: str, *, variable: str) -> str:
        """Ask for something that must not be shown. Raises: Usage (nobody can be asked; it names the variable)."""


class Machine(Protocol):
    """This machine, as far as connecting depends on it."""

    def zone(self) -> ZoneInfo:
        """The zone it is set to; UTC when it has none."""

    def has_browser(self) -> bool:
        """Whether a browser can be shown to the person."""

    def can_listen(self) -> bool:
        """Whether a loopback address can be listened on, as the consent's redirect needs."""

    def proxy(self) -> str | None:
        """The proxy that the environment names for https, without a name or a password in it."""


class World(Protocol):
    """The ports together, each made on first use. `Portal` of `wiring` is one."""

    @property
    def config(self) -> Config: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def calendars(self) -> Calendars: ...
    @property
    def consent(self) -> Consent: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def connections(self) -> Connections: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def machine(self) -> Machine: ...
    @property
    def view(self) -> View: ...

    def former_vault(self, connection: Connection) -> Vault | None:
        """Where an earlier connection kept secrets, whatever `vault` is now; None if it kept none of its own."""

    def calendars_with(self, grant: "Grant") -> Calendars:
        """Google Calendar through a grant that is not kept yet."""

    def keep_access(self, access: "Access") -> None:
        """Cache an access token in the vault."""

    def renew_access(self) -> None:
        """Renew the access token now, whether or not it has run out. Raises as `Calendars` does."""

    def clock_skew(self) -> timedelta | None:
        """How far this machine's clock is ahead of Google's, as the last renewal told; None where it did not."""

    def renewed_at(self) -> datetime | None:
        """When access was last renewed, to the hour, as the vault tells; None where nobody knows.

        Raises: VaultUnavailable.
        """

    def ledger_room(self) -> int | None:
        """Bytes that the ledger may still grow by; None where it is no file of this machine."""

    def check_client(self) -> str:
        """The id of the OAuth client. Raises: ClientInvalid (none, or not a Desktop client)."""
