"""Every failure a user can meet: a code, a sentence, a hint and an exit status. Standard library only.

    PortalcalError
    ├── UsageError (2)           Usage  ConfirmationRequired  LineInvalid
    ├── ConfigurationError (3)   ConfigInvalid  ClientInvalid  ClientRejected  KeyInvalid  ServiceAccountRefused
    │                            CalendarNotWritable  ApiNotEnabled  LedgerTooNew  LedgerUnusable  AnswerLost
    │                            VaultUnavailable
    ├── ConnectError (4)         NotConnected  ConsentDenied  ConsentTimedOut  PermissionMissing
    │                            GrantRevoked  GrantExpired  ReauthRequired
    ├── ConflictError (5)        SlotTaken  SlotNotOffered  KeyReused  AlreadyMoved  BookingOver  OtherAccount
    │                            GoogleRefused
    ├── NotFoundError (6)        BookingNotFound  CalendarNotFound  LinkNotFound  EventNotFound
    └── TryLaterError (7)        GoogleUnreachable  GoogleBusy  QuotaExhausted  CalendarUnreadable  LedgerBusy
                                 LedgerCutOff  BookingBusy

An error carries facts: its annotated fields, which are its `details` for scripts. `says` and `advice` put them into
words, beside the facts they speak of; a class whose words depend on the facts overrides `sentence` or `remedies`.
Times arrive already worded with their zone. No field ever holds a token, a code or a client secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum
from typing import ClassVar, NamedTuple, Self, dataclass_transform


class Exit(IntEnum):
    """What the process says to the shell. `portalcal --help` ends with this table."""

    DONE = 0
    BUG = 1
    USAGE = 2
    CONFIGURATION = 3
    CONNECT = 4
    CONFLICT = 5
    NOT_FOUND = 6
    TRY_LATER = 7
    PENDING = 8
    PARTIAL = 9
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """One line for the table in the help."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.DONE: "done",
    Exit.BUG: "a bug in portalcal",
    Exit.USAGE: "usage: the command line cannot be understood, or needs a flag",
    Exit.CONFIGURATION: "configuration: a file must be edited",
    Exit.CONNECT: "a person must run `portalcal connect`",
    Exit.CONFLICT: "conflict: nothing was booked",
    Exit.NOT_FOUND: "not found",
    Exit.TRY_LATER: "try later: the same command may succeed",
    Exit.PENDING: "pending: recorded here, Google not told yet",
    Exit.PARTIAL: "part of a batch did not go through; each line says which",
    Exit.INTERRUPTED: "interrupted",
}


def closest(wanted: str, known: Iterable[str]) -> str | None:
    """The one of `known` a person who typed `wanted` most likely meant, or None when nothing is near."""
    by_folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(wanted.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[near[0]] if near else None


def did_you_mean(wanted: str, known: Iterable[str]) -> str:
    """The end of a sentence that offers the nearest name, or nothing."""
    near = closest(wanted, known)
    return f"; did you mean {near}?" if near else ""


_CALL = re.compile(r"`portalcal (?![^`]*--help`)")


def called(hint: str | None, program: str) -> str | None:
    """A hint whose commands call portalcal as it was called, so that they can be pasted; help is the same for all."""
    return hint and _CALL.sub(lambda _: f"`{program} ", hint)


@dataclass_transform(eq_default=False)
class PortalcalError(Exception):
    """An expected failure.

    A subclass lists its facts as annotated fields, like a dataclass; `dataclass` itself would cost every start 6 ms
    for this module (measured), so the fields are bound here. `retryable`: the same command may succeed later with
    nothing changed by hand. `outcome` is what the command that failed did or did not do.
    """

    code: ClassVar[str]
    exit: ClassVar[Exit]
    retryable: ClassVar[bool] = False
    says: ClassVar[str]
    advice: ClassVar[str | None] = None
    _names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = (
            name
            for name, kind in cls.__dict__.get("__annotations__", {}).items()  # noqa: RUF063 - inspect is slow to load
            if "ClassVar" not in str(kind)
        )
        cls._names = (*cls._names, *own)

    def __init__(self, *values: object, **named: object) -> None:
        given = dict(zip(self._names, values, strict=False)) | named
        missing = [name for name in self._names if name not in given and not hasattr(type(self), name)]
        if missing or len(values) > len(self._names) or not given.keys() <= set(self._names):
            raise TypeError(f"{type(self).__name__} takes {self._names}, was given {values} and {named}")
        super().__init__()
        self.__dict__.update(given)
        self.outcome = ""
        self.program = "portalcal"

    @property
    def details(self) -> dict[str, object]:
        """The facts by name."""
        return {name: getattr(self, name) for name in self._names}

    @property
    def sentence(self) -> str:
        """What is so; no full stop, unless it is more than one sentence."""
        return self.says.format_map(self.details)

    @property
    def message(self) -> str:
        """What is so, and what was and was not done."""
        if not self.outcome or self.sentence.endswith(self.outcome):
            return self.sentence
        return f"{self.sentence.rstrip('.')}. {self.outcome}"

    def with_outcome(self, outcome: str) -> Self:
        """The same error, which now also says what its command did or did not do: `Nothing was booked.`"""
        self.outcome = outcome
        return self

    def with_program(self, program: str) -> Self:
        """The same error, whose hint calls portalcal as it was called: `portalcal --workspace sales`."""
        self.program = program
        return self

    @property
    def remedies(self) -> str | None:
        """The hint before it knows how portalcal was called."""
        return self.advice.format_map(self.details) if self.advice else None

    @property
    def hint(self) -> str | None:
        """What to run or edit; None when nothing helps but the message."""
        return called(self.remedies, self.program)

    def __str__(self) -> str:
        return self.message


class UsageError(PortalcalError):
    """The command line cannot be carried out as typed."""

    exit = Exit.USAGE


class ConfigurationError(PortalcalError):
    """A person must edit a file or set up a part of the machine."""

    exit = Exit.CONFIGURATION


class ConnectError(PortalcalError):
    """Only a person in front of a consent page can mend it."""

    exit = Exit.CONNECT
    advice = "run `portalcal connect`"


class ConflictError(PortalcalError):
    """Something else stands where this wanted to stand, or Google will not have it."""

    exit = Exit.CONFLICT


class NotFoundError(PortalcalError):
    """A name that stands for nothing here."""

    exit = Exit.NOT_FOUND


class TryLaterError(PortalcalError):
    """Nothing is wrong with the request; the world was not ready."""

    exit = Exit.TRY_LATER
    retryable = True


class Usage(UsageError):
    """A parameter that cannot be read or does not go with another."""

    code = "usage"
    says = "{fact}"
    fact: str
    remedy: str | None = None

    @property
    def remedies(self) -> str | None:
        return self.remedy


class ConfirmationRequired(UsageError):
    """A question that nobody is there to answer."""

    code = "confirmation-required"
    says = "{action} asks for confirmation, and nobody can be asked here. Nothing was changed."
    advice = "add `{flag}`"
    action: str
    flag: str


class Problem(NamedTuple):
    """One thing wrong in a configuration file: dotted key, value as written, what was expected."""

    key: str
    value: str
    expected: str

    def __str__(self) -> str:
        shown = f" = {self.value}" if self.value else ""
        return f"{self.key}{shown}: {self.expected}" if self.key else self.expected


class ConfigInvalid(ConfigurationError):
    """The configuration file cannot be used; every problem in it is reported at once."""

    code = "config-invalid"
    path: str
    problems: tuple[Problem, ...]
    remedy: str = "every key with its default is in `config.example.toml`"

    @property
    def sentence(self) -> str:
        if len(self.problems) == 1:
            return f"{self.path}: {self.problems[0]}"
        return "\n".join(
            [f"{self.path}: {len(self.problems)} problems", *(f"  {each}" for each in self.problems)]
        )

    @property
    def remedies(self) -> str:
        return self.remedy


class LineInvalid(UsageError):
    """A line of a file that cannot be booked as it stands; every problem in it is told, and it costs itself alone."""

    code = "line-invalid"
    advice = "correct the line and run the same command again: what is booked already is not booked twice"
    line: int
    problems: tuple[Problem, ...]

    @property
    def sentence(self) -> str:
        return f"line {self.line}: " + "; ".join(str(each) for each in self.problems)


_MAKE_A_CLIENT = (
    "in the Google Cloud console create a project, enable the Google Calendar API, set up the consent screen, "
    "create an OAuth client of type Desktop app and download its JSON; then run "
    "`portalcal connect --client-secrets FILE`"
)


class ClientInvalid(ConfigurationError):
    """No OAuth client, or a file that is not a Desktop client. `found` says what is there."""

    code = "client-invalid"
    advice = _MAKE_A_CLIENT
    path: str | None
    found: str
    expected: str = "installed"

    @property
    def sentence(self) -> str:
        if self.path is None:
            return "there is no OAuth client yet, so Google cannot be asked for consent"
        return f'{self.path} is not a Desktop client: found {self.found}, expected "{self.expected}"'


class ClientRejected(ConfigurationError):
    """Google does not accept the OAuth client: deleted, unknown, or its secret is wrong."""

    code = "client-invalid"
    says = "Google does not accept this OAuth client: {reason}. The stored grant was kept."
    advice = "download the client again, then run `portalcal connect --client-secrets FILE`"
    reason: str


class KeyInvalid(ConfigurationError):
    """The file named as the key of a service account is none. `found` says what is there."""

    code = "client-invalid"
    says = "{path} is not the key of a service account: found {found}"
    advice = (
        "in the Google Cloud console, under IAM, Service accounts, make a key of type JSON and name it in "
        "[google] service_account"
    )
    path: str
    found: str


class ServiceAccountRefused(ConfigurationError):
    """Google does not let the service account act for the person. `remedy` says who can mend that."""

    code = "client-invalid"
    says = "Google does not let {account} act for {subject}: {reason}"
    account: str
    subject: str
    reason: str
    remedy: str

    @property
    def remedies(self) -> str:
        return self.remedy


class CalendarNotWritable(ConfigurationError):
    """Bookings cannot go to this calendar with the permissions portalcal asks for."""

    code = "calendar-not-writable"
    says = "{calendar} is not owned by the connected account (its role there: {role}), so bookings cannot go to it"
    advice = (
        "see which calendars are owned with `portalcal calendars`, then `portalcal calendars --book-into ID`"
    )
    calendar: str
    role: str = "unknown"


class ApiNotEnabled(ConfigurationError):
    """The Cloud project of the OAuth client has the Calendar API switched off."""

    code = "api-not-enabled"
    says = "the Google Calendar API is not enabled in the Cloud project of this OAuth client"
    advice = "enable it at {link}, wait a few minutes, then run `portalcal status`"
    link: str = "https://console.cloud.google.com/apis/library/calendar-json.googleapis.com"


class LedgerTooNew(ConfigurationError):
    """The ledger was written by a later portalcal; it is left exactly as it is."""

    code = "ledger-too-new"
    says = "{path} has schema {found}, this portalcal knows up to {known}. The ledger was not touched."
    advice = "upgrade portalcal on this machine, then run `portalcal status`"
    path: str
    found: int
    known: int


class LedgerUnusable(ConfigurationError):
    """The ledger cannot be opened or written: damaged, read-only, the disk is full."""

    code = "ledger-unusable"
    says = "the ledger {path} cannot be used: {reason}. Nothing was changed."
    advice = "run `portalcal status --offline` to see what is wrong with it"
    path: str
    reason: str

    @property
    def remedies(self) -> str | None:
        return "run `pip install 'portalcal[postgres]'`" if "psycopg" in self.reason else self.advice


class AnswerLost(ConfigurationError):
    """What the command answered could not be written: the disk is full, stdout is closed."""

    code = "answer-lost"
    says = "the answer cannot be written to stdout: {reason}. What the command did stays done."
    advice = "send stdout elsewhere; what was booked or cancelled is in `portalcal bookings`"
    reason: str


class VaultUnavailable(ConfigurationError):
    """Secrets cannot be kept or read on this machine. `backend` names the keyring, or the file, where known."""

    code = "vault-unavailable"
    reason: str
    remedy: str
    backend: str | None = None
    vault: str = "keyring"

    @property
    def sentence(self) -> str:
        backend = f" ({self.backend})" if self.backend else ""
        subject = "the vault file" if self.vault == "file" else "the keyring"
        return f"{subject} cannot be used{backend}: {self.reason}"

    @property
    def remedies(self) -> str:
        return self.remedy


class NotConnected(ConnectError):
    """This workspace has no grant."""

    code = "not-connected"
    says = "the workspace {workspace} is not connected to a Google account"
    workspace: str


class ConsentDenied(ConnectError):
    """Consent was refused, or Google ended it. `reason` is Google's error code."""

    code = "consent-denied"
    reason: str = "access_denied"

    @property
    def sentence(self) -> str:
        if self.reason == "access_denied":
            return "access was denied on the consent page. Nothing was stored."
        if self.reason == "admin_policy_enforced":
            return "the Workspace administrator does not allow this app (admin_policy_enforced). Nothing was stored."
        if self.reason == "no_refresh_token":
            return "Google gave no lasting access (no refresh token). Nothing was stored."
        return f"Google ended the consent ({self.reason}). Nothing was stored."

    @property
    def remedies(self) -> str:
        if self.reason == "admin_policy_enforced":
            return "ask the administrator to trust this OAuth client, then run `portalcal connect`"
        if self.reason == "access_denied":
            return "run `portalcal connect` again and choose Allow"
        if self.reason == "no_refresh_token":
            return (
                "remove the app's access at https://myaccount.google.com/connections, so that consent begins anew, "
                "then run `portalcal connect --force`"
            )
        return "run `portalcal connect` again, with an account that may use this OAuth client"


class ConsentTimedOut(ConnectError):
    """Nobody answered on the consent page in time."""

    code = "consent-timed-out"
    says = "no answer came from the browser within {seconds} s. Nothing was stored."
    advice = (
        "if the page said `Access blocked`, the account is not a test user of the app or an administrator blocks it; "
        "else run `portalcal connect` again, with `--no-browser` to paste the address by hand"
    )
    seconds: int


class PermissionMissing(ConnectError):
    """Permissions that were not granted, by key and in the words of CLI.md. `stored`: a kept grant lacks them."""

    code = "permission-missing"
    permissions: tuple[str, ...]
    shown: tuple[str, ...]
    stored: bool = False

    @property
    def sentence(self) -> str:
        names = ", ".join(f'"{each}"' for each in self.shown)
        kept = "" if self.stored else ". Nothing was stored."
        return f"{'permission' if len(self.shown) == 1 else 'permissions'} missing: {names}{kept}"

    @property
    def remedies(self) -> str:
        force = " --force" if self.stored else ""
        return f"run `portalcal connect{force}` and leave every box ticked"


class GrantRevoked(ConnectError):
    """Google no longer honours the refresh token. `is_blocked`: an administrator forbids the app, whoever connects."""

    code = "grant-revoked"
    says = "Google no longer accepts the connection of {account}: {reason}"
    account: str
    reason: str
    is_blocked: bool = False

    @property
    def remedies(self) -> str:
        if self.is_blocked:
            return "ask the administrator to trust this OAuth client, then run `portalcal connect`"
        return "run `portalcal connect` to connect again; bookings are kept"


class GrantExpired(ConnectError):
    """The grant ended by age, or an access token that cannot be renewed ran out."""

    code = "grant-expired"
    says = "the connection of {account} has expired: {reason}"
    advice = "run `portalcal connect` to connect again; bookings are kept"
    account: str
    reason: str


class ReauthRequired(ConnectError):
    """The organisation's session policy asks the person to sign in again."""

    code = "reauth-required"
    says = "the administrator of {account} requires signing in again (session policy)"
    advice = "run `portalcal connect`; about the length of sessions, ask the administrator"
    account: str


class Offer(NamedTuple):
    """A time that could be had instead. `words` name its zone."""

    start: datetime
    end: datetime
    words: str


class _Unavailable(ConflictError):
    @property
    def message(self) -> str:
        return f"{self.sentence}. {self.outcome or 'Nothing was booked.'}"

    @property
    def remedies(self) -> str:
        offers = self.details["alternatives"]
        if isinstance(offers, tuple) and offers:
            return "nearest: " + " · ".join(each.words for each in offers)
        return "see what is open with `portalcal availability`"


class SlotTaken(_Unavailable):
    """The time is busy at Google or promised to another booking. `by` says by whom, in words."""

    code = "slot-taken"
    says = "{when} is taken by {by}"
    when: str
    by: str
    alternatives: tuple[Offer, ...] = ()


class SlotNotOffered(_Unavailable):
    """The schedule or its rules do not offer the time. `reasons` are codes of AVAILABILITY.md section 6."""

    code = "slot-not-offered"
    says = "{when} is not offered: {why}"
    when: str
    why: str
    reasons: tuple[str, ...] = ()
    alternatives: tuple[Offer, ...] = ()


class KeyReused(ConflictError):
    """The idempotency key belongs to another request; `differs` names the fields."""

    code = "key-reused"
    advice = "see it with `portalcal bookings {booking}`; a new request needs a new `--key`"
    key: str
    booking: str
    differs: tuple[str, ...]

    @property
    def sentence(self) -> str:
        differs = ", ".join(self.differs)
        return f"the key {self.key} belongs to booking {self.booking}, which differs in {differs}. Nothing was booked."


class AlreadyMoved(ConflictError):
    """Someone changed the event at Google meanwhile."""

    code = "already-moved"
    says = "the event of booking {booking} was changed in Google Calendar: it is now {when}"
    advice = "look at it in the calendar and at `portalcal bookings {booking}`, then decide again"
    booking: str
    when: str


class BookingOver(ConflictError):
    """The booking is not live any more, or is on its way out: there is nothing to move. `state` is its state."""

    code = "booking-over"
    says = "booking {booking} is {state}, so it cannot be moved"
    advice = "see when the new time is open with `portalcal availability`, then book it"
    booking: str
    state: str


class OtherAccount(ConflictError):
    """Consent was given with another Google account than this workspace is connected to."""

    code = "other-account"
    says = "this workspace belongs to {connected}, but {chosen} gave consent. Nothing was stored."
    advice = (
        "run `portalcal connect` and choose {connected}, or `portalcal connect --force` to change the account"
    )
    connected: str
    chosen: str


class GoogleRefused(ConflictError):
    """Google understood the request and will not carry it out, now or later."""

    code = "google-refused"
    says = "Google refused ({status}): {reason}"
    advice = "run `portalcal status` to see what the connection may do"
    reason: str
    status: int


class BookingNotFound(NotFoundError):
    """No booking of this workspace has that id, or several have an id that begins so (`is_ambiguous`)."""

    code = "booking-not-found"
    advice = "list them with `portalcal bookings`"
    booking: str
    is_ambiguous: bool = False

    @property
    def sentence(self) -> str:
        if self.is_ambiguous:
            return f"the ids of several bookings begin with {self.booking}"
        return f"there is no booking {self.booking} in this workspace"


class CalendarNotFound(NotFoundError):
    """The account has no such calendar, or cannot see it any more."""

    code = "calendar-not-found"
    advice = "list them with `portalcal calendars --all`"
    calendar: str
    known: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        return (
            f"there is no calendar {self.calendar} in this account{did_you_mean(self.calendar, self.known)}"
        )


class LinkNotFound(NotFoundError):
    """No `[links.NAME]` in the configuration."""

    code = "link-not-found"
    link: str
    known: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        return f"there is no link {self.link} in the configuration{did_you_mean(self.link, self.known)}"

    @property
    def remedies(self) -> str:
        if not self.known:
            return f"add a table [links.{self.link}] to the configuration; `config.example.toml` shows one"
        return f"the links are: {', '.join(self.known)}"


class EventNotFound(NotFoundError):
    """Google has no event with that id on that calendar."""

    code = "event-not-found"
    says = "there is no event {event_id} on calendar {calendar}"
    advice = "list bookings with `portalcal bookings`"
    calendar: str
    event_id: str


class GoogleUnreachable(TryLaterError):
    """No answer, or none of Google's: DNS, TCP, TLS, proxy, time-out, captive portal.

    `sent`: the request may have reached Google, so the outcome of a write is unknown.
    """

    code = "google-unreachable"
    says = "{host} cannot be reached: {reason}"
    host: str
    reason: str
    sent: bool = False
    remedy: str = "check the network, then run `portalcal status`"

    @property
    def remedies(self) -> str:
        return self.remedy


class GoogleBusy(TryLaterError):
    """Rate limits and 5xx that outlasted the retries. `sent`: the outcome of a write is unknown."""

    code = "google-busy"
    says = "Google is busy ({status}): {reason}"
    advice = "run the same command again in a minute"
    reason: str
    status: int
    sent: bool = False


class QuotaExhausted(TryLaterError):
    """A usage limit that lasts hours."""

    code = "quota-exhausted"
    says = "a usage limit of Google Calendar is used up: {reason}"
    advice = "it lifts by itself within some hours; then run the same command again"
    reason: str


class Unread(NamedTuple):
    """A calendar that did not tell its busy times, with Google's reason."""

    id: str
    reason: str


class CalendarUnreadable(TryLaterError):
    """Busy times of a conflict calendar are unknown, so nothing can be called free."""

    code = "calendar-unreadable"
    calendars: tuple[Unread, ...]

    @property
    def sentence(self) -> str:
        which = ", ".join(f"{each.id} ({each.reason})" for each in self.calendars)
        return f"busy times cannot be read: {which}"

    @property
    def remedies(self) -> str:
        first = self.calendars[0].id
        return (
            f"leave it out with `portalcal calendars --deselect {first}`, or ask its owner to share it again"
        )


class LedgerBusy(TryLaterError):
    """Another process kept the ledger locked for longer than we wait, or its server was out of reach. Nothing was changed."""

    code = "ledger-busy"
    says = "the ledger {path} is {reason}"
    advice = "run the same command again"
    path: str
    reason: str = "locked by another process"


class LedgerCutOff(TryLaterError):
    """The connection to the ledger's server was lost before it said whether it recorded a change."""

    code = "ledger-cut-off"
    says = "the connection to the ledger {path} was lost while a change was being recorded. It may or may not be there."
    advice = "see what is there with `portalcal bookings`, then run the same command again"
    path: str

    def with_outcome(self, outcome: str) -> Self:  # noqa: ARG002 - nobody knows what came of it
        return self


class BookingBusy(TryLaterError):
    """Another process is at this booking, or an earlier change of it is still owed to Google."""

    code = "booking-busy"
    says = "an earlier change of booking {booking} has not reached Google yet"
    advice = "run `portalcal sync`, then the same command again"
    booking: str
