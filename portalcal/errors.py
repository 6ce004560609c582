"""The errors a user can meet, each with a code, a sentence, a hint and an exit status. Standard library only.

    PortalcalError
    ├── UsageError (2)
    │   ├── Usage  ConfirmationRequired  ReadOnly
    │   └── LineInvalid
    ├── ConfigurationError (3)
    │   ├── ConfigInvalid
    │   │   └── ConnectionDamaged
    │   ├── EnvironmentInvalid  EndpointChanged
    │   ├── ClientInvalid  ClientRejected  ProofMissing  KeyInvalid  ServiceAccountRefused
    │   ├── CalendarNotWritable  ApiNotEnabled
    │   ├── CalendarLost
    │   │   └── BookingOutOfReach
    │   └── LedgerTooNew  LedgerUnusable  VaultUnavailable  AnswerLost
    ├── ConnectError (4)
    │   ├── NotConnected  ConsentDenied  ConsentTimedOut  PermissionMissing
    │   └── GrantRevoked  GrantExpired  ReauthRequired
    ├── ConflictError (5)
    │   ├── SlotTaken  SlotNotOffered  NobodyFree  RoomDeclined
    │   ├── KeyReused  AlreadyMoved  BookingOver  OtherAccount
    │   ├── OfferKeyReused  OfferExpired  OfferTaken
    │   └── GoogleRefused
    ├── NotFoundError (6)
    │   ├── BookingNotFound  CalendarNotFound  LinkNotFound  EventNotFound
    │   └── PersonNotFound  PoolNotFound  WorkspaceNotFound  OfferNotFound
    ├── TryLaterError (7)
    │   ├── GoogleUnreachable  GoogleBusy  QuotaExhausted
    │   ├── CalendarUnreadable
    │   │   └── PersonUnreadable
    │   └── LedgerBusy  LedgerCutOff  BookingBusy  LeaseOver
    └── Interrupted  OfferInterrupted (130)

The facts of an error are its annotated fields, which are its `details` in JSON. `says` and `advice` are templates over
the facts; a class whose texts depend on the facts overrides `sentence` or `remedies`. Times are passed as texts that
name their zone. No field ever holds a token, an authorization code or a client secret.
The number after a class is its exit status; `Exit` lists them with their meanings.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import ClassVar, NamedTuple, Self

from portalcal.facts import Facts, booking_named, offer_named, why_unread


class Exit(IntEnum):
    """The exit statuses. `portalcal --help` ends with this table.

    A script can act on the status alone: 2, 3 and 4 need a person, 5 and 6 another request, 7 a retry of the same
    command. 8 is a result, not an error: the change is in the ledger and the outbox, and `portalcal sync` completes it.
    """

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


_BEGINNING = 3
"""Characters from which the beginning of a name is taken for it."""


def closest(wanted: str, known: Iterable[str]) -> str | None:
    """The name in `known` most similar to `wanted`, or the only one that begins so; None if none is similar."""
    by_folded = {name.casefold(): name for name in known}
    longer = [name for folded, name in by_folded.items() if folded.startswith(wanted.casefold())]
    if len(longer) == 1 and len(wanted) >= _BEGINNING:
        return longer[0]
    near = difflib.get_close_matches(wanted.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[near[0]] if near else None


def did_you_mean(wanted: str, known: Iterable[str]) -> str:
    """The end of a message that suggests the nearest name, or nothing."""
    near = closest(wanted, known)
    return f"; did you mean {near}?" if near else ""


class WaysOut(NamedTuple):
    """The remedies a hint may name, where the configuration fixes what a command would otherwise change.

    `connect` is refused if a token comes from the environment or a service account is configured; `calendars --select`
    and `--book-into` are refused for calendars that config.toml pins. Hints name the variable or the key instead.
    """

    variables: tuple[str, ...] = ()  # environment variables that hold a token
    key_at: str = ""  # where a service account is named: `[google] service_account in FILE`
    conflicts_at: str = ""  # where the conflict calendars are pinned
    booking_at: str = ""  # where the booking calendar is pinned

    @property
    def can_connect(self) -> bool:
        """Whether `connect` is possible."""
        return not self.variables and not self.key_at

    def connect(self, otherwise: str) -> str:
        """The hint to replace a dead or missing grant; `otherwise` is the one that names `portalcal connect`."""
        if self.variables:
            return f"put a token that Google accepts into {self.variables[0]}"
        if self.key_at:
            return f"see that the service account may act for that account; it is named as {self.key_at}"
        return otherwise

    def use_client(self) -> str:
        """The hint to use a downloaded OAuth client."""
        if self.can_connect:
            return "run `portalcal connect --client-secrets FILE`"
        return "name it as [google] client_secrets in the configuration"

    def leave_out(self, calendar: str) -> str:
        """The hint to remove a conflict calendar."""
        if self.conflicts_at:
            return f"take {calendar} out of {self.conflicts_at}"
        return f"leave it out with `portalcal calendars --deselect {calendar}`"

    def count_in(self, calendar: str) -> str:
        """The hint to add a conflict calendar."""
        if self.conflicts_at:
            return f"add it to {self.conflicts_at}"
        return f"`portalcal calendars --select {calendar}`"

    def book_into(self) -> str:
        """The hint to choose another booking calendar."""
        if self.booking_at:
            return f"name an owned one in {self.booking_at}; `portalcal calendars` lists them"
        return "see which calendars are owned with `portalcal calendars`, then `portalcal calendars --book-into ID`"


_CALL = re.compile(r"`portalcal (?!--workspace |[^`]*--help`)")


def called(hint: str | None, program: str) -> str | None:
    """Replace the program in a hint's commands by the way it was called, so that they can be pasted.

    Not for `--help`, nor in a command for another workspace.
    """
    return hint and _CALL.sub(lambda _: f"`{program} ", hint)


class PortalcalError(Facts, Exception):
    """An expected failure."""

    exit: ClassVar[Exit]
    # The same command may succeed later without a change by hand. Not annotated, since it is no fact.
    retryable = False
    retryable_varies = False  # some errors of the class are retryable, others are not
    advice: ClassVar[str | None] = None  # template of the hint

    def __init__(self, *values: object, **named: object) -> None:
        Facts.__init__(self, *values, **named)
        Exception.__init__(self)
        self.outcome = ""
        self.other_workspace = ""
        self.other_remedy = ""
        self.program = "portalcal"
        self.ways_out: Callable[[], WaysOut] = WaysOut

    @property
    def _short_id(self) -> object:
        """Of the booking, for a command in a hint."""
        return self._words["short_id"]

    @property
    def message(self) -> str:
        """What is wrong, where, and what was and was not done."""
        where = f"workspace {self.other_workspace}"
        is_named = not self.other_workspace or where in self.sentence
        sentence = self.sentence if is_named else f"{where}: {self.sentence}"
        if not self.outcome or sentence.endswith(self.outcome):
            return sentence
        return f"{sentence.rstrip('.')}. {self.outcome}"

    @property
    def details(self) -> dict[str, object]:
        """The facts by name, unchanged, and the workspace that failed if it is not the command's."""
        return super().details | ({"workspace": self.other_workspace} if self.other_workspace else {})

    @property
    def impersonal_message(self) -> str:
        """The message without the name of a guest, for what outlives the command: the outbox, a report."""
        if not self._given.get("guest"):
            return self.message
        return type(self)(**self._given | {"guest": ""}).with_outcome(self.outcome).message

    def with_outcome(self, outcome: str) -> Self:
        """Set the sentence about what the command did or did not do: `Nothing was booked.`"""
        self.outcome = outcome
        return self

    def with_program(self, program: str) -> Self:
        """Set how portalcal was called, for the hint: `portalcal --workspace sales`."""
        if not self.other_workspace:
            self.program = program
        return self

    def with_workspace(self, workspace: str, *, program: str, ways_out: Callable[[], WaysOut]) -> Self:
        """Set that another workspace than the command's failed: the message names it, and the hint is for it."""
        self.with_program(program).with_ways_out(ways_out).other_workspace = workspace
        return self

    def with_ways_out(self, ways_out: Callable[[], WaysOut]) -> Self:
        """Set the remedies that are possible under the configuration, for the hint."""
        if not self.other_workspace:
            self.ways_out = ways_out
        return self

    @property
    def remedies(self) -> str | None:
        """The hint, before commands are adapted to how portalcal was called."""
        return self.advice.format_map(self._words) if self.advice else None

    @property
    def hint(self) -> str | None:
        """What to run or edit; None if the message has to be enough."""
        return called(self.other_remedy or self.remedies, self.program)

    def with_remedy(self, remedy: str) -> Self:
        """Set the hint of a command that is helped by something else."""
        self.other_remedy = remedy
        return self

    def __str__(self) -> str:
        return self.message


class UsageError(PortalcalError):
    """The command line cannot be carried out as typed."""

    exit = Exit.USAGE


class ConfigurationError(PortalcalError):
    """A file or the machine must be set up by a person."""

    exit = Exit.CONFIGURATION


class ConnectError(PortalcalError):
    """A person must consent in a browser."""

    exit = Exit.CONNECT
    advice = "run `portalcal connect`"

    @property
    def hint(self) -> str | None:
        """As in the base class; where `connect` is refused, the other way to a working grant."""
        remedies = self.other_remedy or self.remedies or ""
        if "`portalcal connect" in remedies:
            remedies = self.ways_out().connect(remedies)
        return called(remedies, self.program)


class ConflictError(PortalcalError):
    """The request conflicts with something that exists, or Google refused it."""

    exit = Exit.CONFLICT


class NotFoundError(PortalcalError):
    """A name or id that does not exist."""

    exit = Exit.NOT_FOUND


class TryLaterError(PortalcalError):
    """A temporary failure: the same request may succeed later."""

    exit = Exit.TRY_LATER
    retryable = True


class Usage(UsageError):
    """A parameter that cannot be parsed, or cannot be combined with another."""

    code = "usage"
    says = "{fact}"
    fact: str
    remedy: str | None = None

    @property
    def remedies(self) -> str | None:
        return self.remedy


class ConfirmationRequired(UsageError):
    """A confirmation is needed, and the command is not interactive."""

    code = "confirmation-required"
    says = "{action} asks for confirmation, and nobody can be asked here. Nothing was changed."
    advice = "add `{flag}`"
    action: str
    flag: str


class ReadOnly(UsageError):
    """The command would change something, and the user has forbidden changes."""

    code = "read-only"
    says = "{command} as typed would change something, which {setting} forbids. Nothing was changed."
    command: str
    setting: str  # the option or the variable

    @property
    def remedies(self) -> str:
        if self.setting.startswith("--"):
            return f"leave out `{self.setting}` to let it"
        return f"unset {self.setting} to let it"


class Problem(NamedTuple):
    """One problem in a configuration file."""

    key: str  # dotted; empty: the whole file
    value: str  # as written
    expected: str
    remedy: str = ""  # what to run, where editing the file is not what helps

    def __str__(self) -> str:
        shown = f" = {self.value}" if self.value else ""
        return f"{self.key}{shown}: {self.expected}" if self.key else self.expected


class ConfigInvalid(ConfigurationError):
    """The configuration file cannot be used. All its problems are reported at once."""

    code = "config-invalid"
    path: str
    problems: tuple[Problem, ...]
    remedy: str = "`portalcal config --example` shows every key with its default"

    @property
    def sentence(self) -> str:
        if len(self.problems) == 1:
            return f"{self.path}: {self.problems[0]}"
        return "\n".join(
            [f"{self.path}: {len(self.problems)} problems", *(f"  {each}" for each in self.problems)]
        )

    @property
    def remedies(self) -> str:
        return next((each.remedy for each in self.problems if each.remedy), self.remedy)


class ConnectionDamaged(ConfigInvalid):
    """connection.toml is damaged, probably by hand."""

    remedy: str = "mend that by hand, or delete the file"

    @property
    def remedies(self) -> str:
        return f"{self.remedy} and run `portalcal connect`" if self.ways_out().can_connect else self.remedy


class EnvironmentInvalid(ConfigurationError):
    """An environment variable that cannot be used: no proxy URL, or a CA bundle that does not exist."""

    code = "config-invalid"
    says = 'the variable {variable} is "{value}": {expected}'
    advice = "correct or unset {variable}, then run `portalcal status --offline`"
    variable: str
    value: str
    expected: str


class LineInvalid(UsageError):
    """A line of a batch file that cannot be carried out. All its problems are reported; other lines are not affected."""

    code = "line-invalid"
    advice = "correct the line and run the same command again: what is done already is not done twice"
    line: int
    problems: tuple[Problem, ...]

    @property
    def remedies(self) -> str:
        ways = dict.fromkeys(each.remedy for each in self.problems if each.remedy)
        return "; ".join((*ways, self.advice))

    @property
    def sentence(self) -> str:
        return f"line {self.line}: " + "; ".join(map(self._shown, self.problems))

    @staticmethod
    def _shown(problem: Problem) -> str:
        """The problem, with the value where its own sentence only says what was expected."""
        is_needed = (
            problem.expected.startswith("expected ") and problem.value.strip('"') not in problem.expected
        )
        return str(problem if is_needed else problem._replace(value=""))


_MAKE_A_CLIENT = (
    "in the Google Cloud console create a project, enable the Google Calendar API, set up the consent screen, "
    "create an OAuth client of type Desktop app and download its JSON; then "
)


NO_FILE = "no such file or directory"
"""`found` of a path that does not exist: the text of ENOENT."""


class ClientInvalid(ConfigurationError):
    """No OAuth client, or a file that is not a Desktop client."""

    code = "client-invalid"
    path: str | None  # None: no file was named
    found: str  # what the file is, or NO_FILE
    expected: str = "installed"  # the key of a Desktop client in the JSON

    @property
    def remedies(self) -> str:
        if self.found == NO_FILE:
            return "name the file where it was downloaded to: " + self.ways_out().use_client()
        return _MAKE_A_CLIENT + self.ways_out().use_client()

    @property
    def sentence(self) -> str:
        if self.found == NO_FILE:
            return f"{self.path} cannot be read as the OAuth client: there is no such file"
        if self.path is None:
            return "there is no OAuth client yet, so Google cannot be asked for consent"
        return f'{self.path} is not a Desktop client: found {self.found}, expected "{self.expected}"'


class ClientRejected(ConfigurationError):
    """Google does not accept the OAuth client: deleted, unknown, or its secret is wrong."""

    code = "client-invalid"
    says = "Google does not accept this OAuth client: {reason}. The stored grant was kept."
    reason: str

    @property
    def remedies(self) -> str:
        return f"download the client again, then {self.ways_out().use_client()}"


class EndpointChanged(ConfigurationError):
    """The configuration names endpoints at which the grant was not given; nothing was sent to them.

    A grant that was not given by `connect` on this machine is used at Google or on loopback; at other origins only if
    nobody but the user can write the files that name them.
    """

    code = "endpoint-changed"
    origins: tuple[str, ...]  # as configured
    kept: tuple[str, ...] = ()  # at which the grant was given; empty: it was not given here
    files: tuple[str, ...] = ()  # that others can write

    @property
    def sentence(self) -> str:
        named = ", ".join(self.origins)
        if self.kept:
            return f"the configuration names {named}, but the grant was given at {', '.join(self.kept)}. Nothing was sent."
        return f"{named} is neither Google's nor this machine's, and others could have put it into {', '.join(self.files)}. Nothing was sent."

    @property
    def remedies(self) -> str:
        if self.kept:
            return "put the former addresses back; or, if the new ones are meant, run `portalcal connect` to consent there"
        return f"see that the addresses are meant, then let nobody else write there: `chmod go-w {self.files[0]}`"


class ProofMissing(ConfigurationError):
    """The OAuth library omits PKCE (RFC 7636), without which an intercepted authorization code could be redeemed."""

    code = "pkce-missing"
    says = "{library} leaves out the proof that a consent is ours (PKCE, S256). Nothing was asked for or redeemed."
    advice = "install portalcal anew, with the versions of its libraries that it asks for"
    library: str


class KeyInvalid(ConfigurationError):
    """The file named as the key of a service account is no such key."""

    code = "client-invalid"
    path: str
    found: str  # what the file is, or NO_FILE

    @property
    def sentence(self) -> str:
        if self.found == NO_FILE:
            return f"{self.path} cannot be read as the key of a service account: there is no such file"
        return f"{self.path} is not the key of a service account: found {self.found}"

    @property
    def remedies(self) -> str:
        if self.found == NO_FILE:
            return "correct the path under [google] service_account, which is relative to the configuration"
        return (
            "in the Google Cloud console, under IAM, Service accounts, make a key of type JSON and name it in "
            "[google] service_account"
        )


class ServiceAccountRefused(ConfigurationError):
    """The service account may not impersonate the user (domain-wide delegation)."""

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
    """The calendar cannot receive bookings: the scopes portalcal requests allow writing to owned calendars only."""

    code = "calendar-not-writable"
    says = "{calendar} is not owned by the connected account (its role there: {role}), so bookings cannot go to it"
    calendar: str
    role: str = "unknown"  # Google's `accessRole`

    @property
    def remedies(self) -> str:
        return self.ways_out().book_into()


class Unread(NamedTuple):
    """A calendar whose free/busy cannot be read."""

    id: str
    reason: str  # Google's reason


class CalendarLost(ConfigurationError):
    """Calendars that are deleted or no longer shared: a permanent failure."""

    code = "calendar-lost"
    calendars: tuple[Unread, ...]
    account: str = "this account"
    is_for_bookings: bool = False  # the booking calendar; else conflict calendars

    @property
    def sentence(self) -> str:
        which = ", ".join(each.id for each in self.calendars)
        verb = "is" if len(self.calendars) == 1 else "are"
        so = ", so bookings cannot go to it" if self.is_for_bookings else ""
        return f"{which} {verb} deleted, or no longer shared with {self.account}{so}"

    @property
    def remedies(self) -> str:
        first, ways = self.calendars[0].id, self.ways_out()
        way = ways.book_into() if self.is_for_bookings else ways.leave_out(first)
        return f"{way}, or ask the owner of {first} to share it again"


class BookingOutOfReach(CalendarLost):
    """The calendar with the event of a booking is deleted or no longer shared."""

    booking: str = ""

    @property
    def remedies(self) -> str:
        return (
            f"ask the owner of {self.calendars[0].id} to share it again, or end the booking with "
            f"`portalcal cancel {self._short_id}`"
        )


class ApiNotEnabled(ConfigurationError):
    """The Calendar API is not enabled in the Cloud project of the OAuth client."""

    code = "api-not-enabled"
    says = "the Google Calendar API is not enabled in the Cloud project of this OAuth client"
    advice = "enable it at {link}, wait a few minutes, then run `portalcal status`"
    link: str = "https://console.cloud.google.com/apis/library/calendar-json.googleapis.com"


class LedgerTooNew(ConfigurationError):
    """The ledger has the schema of a later version of portalcal; nothing is written to it."""

    code = "ledger-too-new"
    says = "{path} has schema {found}, this portalcal knows up to {known}. The ledger was not touched."
    advice = "upgrade portalcal on this machine, then run `portalcal status`"
    path: str
    found: int  # version of the schema
    known: int  # latest version this portalcal can use


class LedgerFault(StrEnum):
    """What is to be mended where a ledger cannot be used."""

    LIBRARY = "library"  # psycopg is missing
    SERVER = "server"  # it lets nobody in, or is not what its url says
    RIGHTS = "rights"  # of the role that the url names
    STANDBY = "standby"  # its server replays another one's changes, and cannot be written
    FULL = "full"  # its disk
    DAMAGED = "damaged"  # or changed by another program
    FOREIGN = "foreign"  # another program made it, or an unreleased portalcal
    UNWRITABLE = "unwritable"  # the file or its folder
    MOVED = "moved"  # another ledger took its place
    OCCUPIED = "occupied"  # it holds other bookings than those to be copied


class LedgerUnusable(ConfigurationError):
    """The ledger cannot be opened or written: damaged, read-only, the disk is full."""

    code = "ledger-unusable"
    says = "the ledger {path} cannot be used: {reason}"
    advice = "run `portalcal status --offline` to see what is wrong with it"
    path: str
    reason: str
    fault: str = LedgerFault.UNWRITABLE

    def __init__(self, *values: object, **named: object) -> None:
        super().__init__(*values, **named)
        # A command that may have changed something before sets another outcome.
        self.outcome = "Nothing was changed."

    @property
    def remedies(self) -> str | None:
        if self.fault == LedgerFault.LIBRARY:
            return "run `pip install 'portalcal[postgres]'`"
        if self.fault == LedgerFault.MOVED:
            return "set url under [ledger] to that one"
        if self.fault == LedgerFault.OCCUPIED:
            return "name a database after `--copy-to` that is empty"
        return self.advice


class AnswerLost(ConfigurationError):
    """The result of the command could not be written to stdout: the disk is full, stdout is closed."""

    code = "answer-lost"
    says = "the answer cannot be written to stdout: {reason}. What the command did stays done."
    advice = "send stdout elsewhere; what was booked or cancelled is in `portalcal bookings`"
    reason: str


class VaultUnavailable(ConfigurationError):
    """Secrets cannot be stored or read on this machine."""

    code = "vault-unavailable"
    reason: str
    remedy: str
    backend: str | None = None  # name of the keyring backend, or path of the file, if known
    vault: str = "keyring"  # kind of vault

    @property
    def sentence(self) -> str:
        backend = f" ({self.backend})" if self.backend else ""
        subject = "the vault file" if self.vault == "file" else "the keyring"
        return f"{subject} cannot be used{backend}: {self.reason}"

    @property
    def remedies(self) -> str:
        return self.remedy


def passphrase_missing(variable: str) -> VaultUnavailable:
    """The error where a passphrase is needed and nobody can be asked. `variable`: the one that could hold it."""
    return VaultUnavailable(
        f"{variable} is not set, and nobody can be asked for it here",
        f"set {variable}, or {variable}_FILE to a file that holds it",
        vault="file",
    )


class NotConnected(ConnectError):
    """This workspace has no grant."""

    code = "not-connected"
    says = "the workspace {workspace} is not connected to a Google account"
    workspace: str


class ConsentDenied(ConnectError):
    """Consent was denied, or Google ended it."""

    code = "consent-denied"
    reason: str = "access_denied"  # error code of the authorization response, or one of ours

    @property
    def sentence(self) -> str:
        if self.reason == "access_denied":
            return "access was denied on the consent page. Nothing was stored."
        if self.reason == "admin_policy_enforced":
            return "the Workspace administrator does not allow this app (admin_policy_enforced). Nothing was stored."
        if self.reason == "no_refresh_token":
            return "Google gave no lasting access (no refresh token). Nothing was stored."
        if self.reason == "another_account":
            return "the account that gave consent is not the one that was meant. Nothing was stored."
        return f"Google ended the consent ({self.reason}). Nothing was stored."

    @property
    def remedies(self) -> str:
        if self.reason == "admin_policy_enforced":
            return "ask the administrator to trust this OAuth client, then run `portalcal connect`"
        if self.reason == "access_denied":
            return "run `portalcal connect` again, tick every box and choose Allow"
        if self.reason == "no_refresh_token":
            return (
                "remove the app's access at https://myaccount.google.com/connections, so that consent begins anew, "
                "then run `portalcal connect --force`"
            )
        if self.reason == "another_account":
            return "run `portalcal connect --account EMAIL` to suggest the right one"
        return "run `portalcal connect` again, with an account that may use this OAuth client"


class ConsentTimedOut(ConnectError):
    """No authorization response arrived in time."""

    code = "consent-timed-out"
    says = "no answer came from the browser within {seconds} s. Nothing was stored."
    advice = (
        "if the page said “Access blocked”, the account is not a test user of the app or an administrator blocks it; "
        "else run `portalcal connect` again, with `--no-browser` to paste the address by hand"
    )
    seconds: int


class PermissionMissing(ConnectError):
    """Permissions that were not granted."""

    code = "permission-missing"
    permissions: tuple[str, ...]  # values of `Permission`
    shown: tuple[str, ...]  # their names as shown to users
    stored: bool = False  # the stored grant lacks them; else a new one, which is not stored

    @property
    def sentence(self) -> str:
        names = ", ".join(f'"{each}"' for each in self.shown)
        kept = "" if self.stored else ". Nothing was stored."
        return f"{'permission' if len(self.shown) == 1 else 'permissions'} missing: {names}{kept}"

    @property
    def remedies(self) -> str:
        force = " --force" if self.stored else ""
        return f"run `portalcal connect{force}` and tick every box"


class GrantRevoked(ConnectError):
    """Google no longer accepts the refresh token."""

    code = "grant-revoked"
    says = "Google no longer accepts the connection of {account}: {reason}"
    account: str
    reason: str
    is_blocked: bool = False  # an administrator blocks the app, so that connecting again does not help

    @property
    def remedies(self) -> str:
        if self.is_blocked:
            then = ", then run `portalcal connect`" if self.ways_out().can_connect else ""
            return f"ask the administrator to trust this OAuth client{then}"
        return "run `portalcal connect` to connect again; bookings are kept"


class GrantExpired(ConnectError):
    """The grant has expired, or an access token without a refresh token has."""

    code = "grant-expired"
    says = "the connection of {account} has expired: {reason}"
    advice = "run `portalcal connect` to connect again; bookings are kept"
    account: str
    reason: str


class ReauthRequired(ConnectError):
    """The session policy of the organisation requires the user to sign in again (`invalid_rapt`)."""

    code = "reauth-required"
    says = "the administrator of {account} requires signing in again (session policy)"
    advice = "run `portalcal connect`; about the length of sessions, ask the administrator"
    account: str


class Offer(NamedTuple):
    """An offered time, as an alternative."""

    start: datetime
    end: datetime
    words: str  # with the zone


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
    """The time is busy at Google, or claimed by another booking."""

    code = "slot-taken"
    says = "{when} is taken by {by}"
    when: str
    by: str  # in words
    alternatives: tuple[Offer, ...] = ()


class SlotNotOffered(_Unavailable):
    """The schedule or its rules do not offer the time."""

    code = "slot-not-offered"
    says = "{when} is not offered: {why}"
    when: str
    why: str  # in words
    reasons: tuple[str, ...] = ()  # values of `core.slots.ReasonCode`
    alternatives: tuple[Offer, ...] = ()


class NobodyFree(_Unavailable):
    """Too few members of a pool are free, or no room."""

    code = "nobody-free"
    when: str
    why: tuple[str, ...]  # in words: who is short, and who is busy until when
    alternatives: tuple[Offer, ...] = ()

    @property
    def sentence(self) -> str:
        return f"nobody can take {self.when}: {'; '.join(self.why)}"


class RoomDeclined(_Unavailable):
    """The room declined the invitation, so the event was withdrawn."""

    code = "room-declined"
    says = "the room {room} declined {when}"
    when: str
    room: str
    free: tuple[str, ...] = ()  # other rooms that are free then
    alternatives: tuple[Offer, ...] = ()

    @property
    def remedies(self) -> str:
        if self.free:
            return f"free at that time: {', '.join(self.free)}; ask for one with `--room {self.free[0]}`"
        return super().remedies


class KeyReused(ConflictError):
    """The idempotency key belongs to another request."""

    code = "key-reused"
    advice = "see it with `portalcal bookings {short_id}`; a new request needs a new `--key`"
    key: str
    booking: str
    differs: tuple[str, ...]  # names of fields
    guest: str = ""

    @property
    def sentence(self) -> str:
        differs = ", ".join(self.differs)
        named = booking_named(self.booking, self.guest)
        return f"the key {self.key} belongs to {named}, which differs in {differs}. Nothing was booked."


class OfferKeyReused(ConflictError):
    """The idempotency key belongs to another offer."""

    code = "key-reused"
    says = "the key {key} belongs to {named_offer}, which was made for something else. Nothing was offered."
    advice = "see it with `portalcal offers`; a new offer needs a new `--key`"
    key: str
    offer: str


class OfferExpired(ConflictError):
    """The offer holds nothing any more: its time is over, or it was released."""

    code = "offer-expired"
    says = "{named_offer} {ended}"
    advice = "see what is open with `portalcal availability`, and offer or book it anew"
    offer: str
    ended: str  # in words: `expired on Mon 3 Mar, 09:00 (Berlin)`, `was released`


class OfferTaken(ConflictError):
    """The offer became a booking already."""

    code = "offer-taken"
    says = "{named_offer} was taken: it is {named}"
    advice = "see it with `portalcal bookings {short_id}`"
    offer: str
    booking: str


class AlreadyMoved(ConflictError):
    """The event was changed at Google meanwhile."""

    code = "already-moved"
    says = "the event of {named} was changed in Google Calendar: it is now {when}"
    advice = "look at it in the calendar and at `portalcal bookings {short_id}`, then decide again"
    booking: str
    when: str
    guest: str = ""


class BookingOver(ConflictError):
    """The booking is cancelled, being cancelled or refused, so it cannot be rescheduled."""

    code = "booking-over"
    says = "{named} is {state}, so it cannot be moved"
    advice = "see when the new time is open with `portalcal availability`, then book it"
    booking: str
    state: str
    guest: str = ""


class OtherAccount(ConflictError):
    """Another Google account than the one that this workspace belongs to, here or in a ledger that machines share."""

    code = "other-account"
    connected: str
    chosen: str
    ledger: str = ""  # empty: consent was given just now, and differs from the connection
    workspace: str = ""

    @property
    def sentence(self) -> str:
        if self.ledger:
            return (
                f"the bookings of workspace {self.workspace} in {self.ledger} are those of {self.connected}, "
                f"not of {self.chosen}"
            )
        return (
            f"this workspace belongs to {self.connected}, but {self.chosen} gave consent. Nothing was stored."
        )

    @property
    def remedies(self) -> str:
        if self.ledger:
            return (
                "connect a workspace of another name, as in `portalcal --workspace sales connect`, or run "
                f"`portalcal connect --force` and choose {self.chosen} to take this one over"
            )
        return (
            f"run `portalcal connect` and choose {self.connected}, or `portalcal connect --force` to change "
            "the account"
        )


class GoogleRefused(ConflictError):
    """A permanent refusal by Google."""

    code = "google-refused"
    says = "Google refused ({status}): {reason}"
    advice = "run `portalcal status` to see what the connection may do"
    reason: str
    status: int


class BookingNotFound(NotFoundError):
    """No booking of this workspace has that id, or no live one that guest; or several do."""

    code = "booking-not-found"
    booking: str  # an id, the beginning of one, or a guest's address
    is_ambiguous: bool = False  # several ids have that prefix, or the guest several bookings
    matches: tuple[str, ...] = ()  # a guest's bookings: id and time, in words

    @property
    def remedies(self) -> str:
        if self.matches:
            return "name one by its id: " + " · ".join(self.matches)
        if "@" in self.booking:
            return f"cancelled ones are listed with `portalcal bookings --email {self.booking} --state cancelled`, and earlier ones with `--from`"
        return "list them with `portalcal bookings`"

    @property
    def sentence(self) -> str:
        if self.matches:
            return f"{self.booking} has {len(self.matches)} bookings that are still to come"
        if "@" in self.booking:
            return f"{self.booking} has no booking that is still to come in this workspace"
        if self.is_ambiguous:
            return f"the ids of several bookings begin with {self.booking}"
        return f"there is no booking {self.booking} in this workspace"


class OfferNotFound(NotFoundError):
    """No offer of this workspace has that id, or several do."""

    code = "offer-not-found"
    says = "there is no offer {offer} in this workspace"
    advice = "list them with `portalcal offers`"
    offer: str  # an id, or the beginning of one
    is_ambiguous: bool = False

    @property
    def sentence(self) -> str:
        if self.is_ambiguous:
            return f"the ids of several offers begin with {self.offer}"
        return self.says.format(offer=self.offer)


class CalendarNotFound(NotFoundError):
    """The account has no such calendar, or can no longer see it."""

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
            return f"add a table [links.{self.link}] to the configuration; `portalcal config --example` shows one"
        return f"the links are: {', '.join(self.known)}"


class WorkspaceNotFound(NotFoundError):
    """Nobody has connected or configured a workspace of that name."""

    code = "workspace-not-found"
    workspace: str
    known: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        return f"there is no workspace {self.workspace}{did_you_mean(self.workspace, self.known)}"

    @property
    def remedies(self) -> str:
        return f"make it with `portalcal connect`, or name one that is there: {', '.join(self.known)}"


class PersonNotFound(NotFoundError):
    """Neither a name of `[people]` nor an e-mail address."""

    code = "person-not-found"
    person: str
    known: tuple[str, ...] = ()
    is_pool: bool = False  # it is the name of a pool
    booking: str | None = None  # in which they were looked for

    @property
    def sentence(self) -> str:
        if self.booking is not None:
            return f"{self.person} takes no part in {booking_named(self.booking, '')}{did_you_mean(self.person, self.known)}"
        if self.is_pool:
            return f"{self.person} is a pool, not a person"
        return f"there is nobody called {self.person} in the configuration{did_you_mean(self.person, self.known)}"

    @property
    def remedies(self) -> str:
        if self.is_pool:
            return f"ask for one of its members with `--need {self.person}`"
        if self.booking is not None:
            return f"those who do: {', '.join(self.known)}" if self.known else "nobody does besides the owner"
        if not self.known:
            return "give an e-mail address, or add a table [people.NAME] to the configuration"
        return f"give an e-mail address, or one of: {', '.join(self.known)}"


class PoolNotFound(NotFoundError):
    """No such pool in the configuration; or, where a room is asked for, neither a room nor a pool of rooms."""

    code = "pool-not-found"
    pool: str
    known: tuple[str, ...] = ()
    is_of_rooms: bool = False

    @property
    def sentence(self) -> str:
        what = "room, and no pool of rooms," if self.is_of_rooms else "pool of people"
        return (
            f"there is no {what} called {self.pool} in the configuration{did_you_mean(self.pool, self.known)}"
        )

    @property
    def remedies(self) -> str:
        if not self.known or (self.is_of_rooms and len(self.known) == 1):
            table = "[rooms.NAME]" if self.is_of_rooms else "[pools]"
            return f"add it to {table} in the configuration; `portalcal config --example` shows one"
        return f"there are: {', '.join(self.known)}"


class EventNotFound(NotFoundError):
    """Google has no event with that id on that calendar."""

    code = "event-not-found"
    says = "there is no event {event_id} on calendar {calendar}"
    advice = "list bookings with `portalcal bookings`"
    calendar: str
    event_id: str


class GoogleUnreachable(TryLaterError):
    """No response, or none from Google: DNS, TCP, TLS, proxy, time-out, captive portal."""

    code = "google-unreachable"
    says = "{host} cannot be reached: {reason}"
    host: str
    reason: str
    sent: bool = False  # the request may have reached Google, so the outcome of a write is unknown
    remedy: str = "check the network, then run `portalcal status`"

    @property
    def remedies(self) -> str:
        return self.remedy


class GoogleBusy(TryLaterError):
    """Rate limits and 5xx responses that outlasted the retries."""

    code = "google-busy"
    says = "Google is busy ({status}): {reason}"
    advice = "run the same command again in a minute"
    reason: str
    status: int
    sent: bool = False  # the outcome of a write is unknown


class QuotaExhausted(TryLaterError):
    """A quota of Google Calendar that recovers after hours only."""

    code = "quota-exhausted"
    says = "a usage limit of Google Calendar is used up: {reason}"
    advice = "it lifts by itself within some hours; then run the same command again"
    reason: str


class CalendarUnreadable(TryLaterError):
    """Free/busy of a conflict calendar is unknown, so no time can be offered."""

    code = "calendar-unreadable"
    calendars: tuple[Unread, ...]

    @property
    def sentence(self) -> str:
        which = ", ".join(f"{each.id} ({why_unread(each.reason)})" for each in self.calendars)
        return f"busy times cannot be read: {which}"

    @property
    def remedies(self) -> str:
        way = self.ways_out().leave_out(self.calendars[0].id)
        return f"run the same command again in a minute; if that does not help, {way}"


class PersonUnreadable(CalendarUnreadable):
    """The calendars of people, or of rooms, without whom nothing can be offered."""

    account: str = "this account"

    @property
    def remedies(self) -> str:
        return f"ask for the calendar to be shared, at least free/busy, with {self.account}; `portalcal people` shows whether it is"


class LedgerBusy(TryLaterError):
    """Another process locked the ledger for longer than we wait, or its server was unreachable. Nothing was changed."""

    code = "ledger-busy"
    says = "the ledger {path} is {reason}"
    advice = "run the same command again"
    path: str
    reason: str = "locked by another process"


class LedgerCutOff(TryLaterError):
    """The ledger failed during a commit, whose outcome is unknown, or after the change of a booking was recorded.

    The first outcome that is set stays: it is the one of the place that knows what was recorded.
    """

    code = "ledger-cut-off"
    # `book` without a key would be refused by its own booking.
    retryable_varies = True
    path: str
    booking: str | None = None  # whose change it was, if known
    task: str | None = None  # what Google is owed by it: put, move or remove
    is_recorded: bool = False  # False: it is not known
    failure: str = ""  # how the ledger failed after the change was recorded

    @property
    def sentence(self) -> str:
        subject = _SUBJECTS[self.task].format_map(self._words)
        if self.is_recorded:
            known = f"{subject[0].upper()}{subject[1:]} is recorded"
            return f"{self.failure}. {known}, but whether Google was told is not known"
        return f"the connection to the ledger {self.path} was lost while {subject} was being recorded. It may or may not be there."

    @property
    def remedies(self) -> str:
        if self.is_recorded:
            return f"run `portalcal sync` when the ledger works again, then see `portalcal bookings {self._short_id}`"
        if self.task == "put":
            return f"see whether it is there with `portalcal bookings {self._short_id}`; if not, run the same command again"
        return "see what is there with `portalcal bookings`, then run the same command again"

    def with_outcome(self, outcome: str) -> Self:
        return self if self.outcome else super().with_outcome(outcome)


_SUBJECTS = {
    None: "a change",
    "put": "{named}",
    "move": "the move of {named}",
    "remove": "the cancellation of {named}",
}


class LeaseOver(TryLaterError):
    """An attempt was stopped because its lease is about to end, and another process may start the next one."""

    code = "booking-busy"
    says = "telling Google of {named} took too long, and was stopped before another process may begin it"
    advice = "run `portalcal sync`, then the same command again"
    booking: str


class BookingBusy(TryLaterError):
    """Another process has the lease of this booking, or an earlier change is still in the outbox."""

    code = "booking-busy"
    says = "an earlier change of {named} has not reached Google yet"
    advice = "run `portalcal sync`, then the same command again"
    booking: str
    guest: str = ""


class Interrupted(PortalcalError):
    """Ctrl-C."""

    code = "interrupted"
    exit = Exit.INTERRUPTED
    booking: str | None = None  # None: no booking was made or changed
    state: str | None = None  # of the booking in the ledger; "unknown": the ledger failed
    guest: str = ""

    @property
    def sentence(self) -> str:
        if not self.state or not self.booking:
            return "interrupted"
        stands = _STANDS[self.state].format(named=booking_named(self.booking, self.guest))
        return f"interrupted. {stands[0].upper()}{stands[1:]}"

    @property
    def remedies(self) -> str | None:
        if self.state == "unknown":
            return f"see whether it is there with `portalcal bookings {self._short_id}`"
        is_owed = self.state in {"held", "moving", "cancelling"}
        return "run `portalcal sync` to tell Google" if is_owed else None


class OfferInterrupted(PortalcalError):
    """Ctrl-C while an offer was made or released, after the ledger recorded that."""

    code = "interrupted"
    exit = Exit.INTERRUPTED
    offer: str
    state: str  # of the offer in the ledger
    is_owed: bool  # Google may not know its events, or that they are over

    @property
    def sentence(self) -> str:
        stands = "holds its times" if self.state == "open" else f"is {self.state}"
        owed = ", and Google may not know it yet" if self.is_owed else ""
        return f"interrupted. {offer_named(self.offer).capitalize()} {stands}{owed}."

    @property
    def remedies(self) -> str | None:
        if self.state == "open":
            return f"see it with `portalcal offers`, or free its times with `portalcal offer {self._words['short_offer']} --release`"
        return "run `portalcal sync` to tell Google" if self.is_owed else None


_STANDS = {
    "held": "{named} is held, and Google may not know it yet.",
    "confirmed": "{named} is confirmed.",
    "moving": "{named} holds both times, and Google may not have moved it yet.",
    "cancelling": "{named} is cancelled here, and its event may still be in the calendar.",
    "cancelled": "{named} is cancelled.",
    "refused": "{named} was refused.",
    "unknown": "The ledger cannot be read, so the state of {named} is not known.",
}
