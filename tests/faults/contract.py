"""The expected outcome of each fault, derived from the public exit codes, the booking sequence and Google's error guide.

Nothing here asks the program. A rule takes a row and the operation that it strikes, and gives code, exit status, what
ledger and calendar hold then, and what they hold once the fault is over and the same command was run again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.faults.rows import Do, Row
from tests.faults.stage import TEN, TWO, Facts

Told = tuple[int, str | None]
"""An exit status with the code of the error, or of the one warning; None where there is neither."""

DONE: Told = (0, None)
PENDING: Told = (8, "google-not-told")
"""After the hold a transient failure is exit 8: the time stays held, and the next command or `sync` delivers."""

NOTHING = Facts()
HELD = Facts("held", (TEN,), "put")
REFUSED = Facts("refused")
CONFIRMED = Facts("confirmed", (TEN,), events=(TEN,))
CANCELLING = Facts("cancelling", (TEN,), "remove", (TEN,))
CANCELLED = Facts("cancelled")
MOVED = Facts("confirmed", (TWO,), events=(TWO,))
MOVING = Facts("confirmed", (TEN, TWO), "move", (TEN,))
"""While a booking moves, both times are held until Google has moved the event."""

_WRITES = frozenset({"events.insert", "events.patch", "events.delete"})


class Expected(NamedTuple):
    """What a command must say under a fault and leave behind; `again` and `settled`: once the fault is over."""

    told: Told
    facts: Facts
    settled: Facts
    again: Told = DONE


def with_event(facts: Facts, *at: str) -> Facts:
    """The same, but our events stand at these times."""
    return facts._replace(events=at)


_CODES: dict[Do, Told] = {
    Do.BE_PATIENT: DONE,
    Do.SIGN_IN: (4, "grant-revoked"),
    Do.SIGN_IN_AGAIN: (4, "reauth-required"),
    Do.CONSENT: (4, "permission-missing"),
    Do.ENABLE: (3, "api-not-enabled"),
    Do.MEND_CLIENT: (3, "client-invalid"),
    Do.BACK_OFF: (7, "google-busy"),
    Do.WAIT_HOURS: (7, "quota-exhausted"),
    Do.NOT_SENT: (7, "google-unreachable"),
    Do.NOT_TOLD: (7, "google-unreachable"),
}


def said_of(row: Row, operation: str) -> Told:
    """The code and the exit status of a refusal when it is the command that ends with it."""
    if row.do is Do.NO_ACCESS and operation in _WRITES:
        return 3, "calendar-not-writable"
    # A calendar that the account's list still has may be found again. Of the account as a whole nothing can be missing.
    if _is_out_of_sight(row, operation):
        return 7, "google-busy"
    return _CODES.get(row.do, (5, "google-refused"))


def _is_out_of_sight(row: Row, operation: str) -> bool:
    """Whether a calendar is said to be missing."""
    return row.do in {Do.MISSING, Do.DELETED} and operation in {"events.list", "events.insert"}


def on_the_way(rule: Callable[[Row, str], Expected]) -> Callable[[Row, str], Expected]:
    """The same rule where the fault strikes the renewal of access: what it was for was not even sent."""

    def ruled(row: Row, operation: str) -> Expected:
        return rule(Row("drop", Do.NOT_SENT) if row.do is Do.NOT_TOLD else row, operation)

    return ruled


# --- before anything is recorded --------------------------------------------------------------------------------


def asking(row: Row, operation: str, before: Facts, after: Facts) -> Expected:
    """ "Google fails before the hold: exit 7, nothing booked" — and for what is permanent its own code and exit."""
    told = said_of(row, operation)
    return Expected(told, after if told == DONE else before, after)


def replacing(row: Row, operation: str) -> Expected:
    """Google fails before both are held: who takes part stays so. Whoever was replaced cannot be replaced again."""
    told = said_of(row, operation)
    return Expected(told, CONFIRMED, CONFIRMED, _REPLACED if told == DONE else DONE)


# --- book -------------------------------------------------------------------------------------------------------


def inserting(row: Row, operation: str) -> Expected:
    """ "A transient failure after the hold stays `held`. A permanent refusal frees the time"; a lost reply is found out.

    409 is followed by GET: where that finds nothing either, two answers of Google's contradict each other, and nothing may
    be concluded from them yet.
    """
    if row.do in {Do.BE_PATIENT, Do.NOT_TOLD}:
        return Expected(DONE, CONFIRMED, CONFIRMED)
    if row.do.is_transient or row.do.needs_person or row.do is Do.TAKEN or _is_out_of_sight(row, operation):
        return Expected(PENDING, HELD, CONFIRMED)
    return Expected(said_of(row, operation), REFUSED, CONFIRMED)


def looking_for_ours(row: Row, operation: str) -> Expected:
    """ "Outcome unknown, so the next attempt GETs that id first": until that is answered, the event may be there.

    Only an answer about the event itself ends the doubt, and only towards making it again.
    """
    if row.do in {Do.BE_PATIENT, Do.MISSING, Do.DELETED}:
        return Expected(DONE, CONFIRMED, CONFIRMED)
    return Expected(PENDING, with_event(HELD, TEN), CONFIRMED)


def confirming(row: Row, operation: str) -> Expected:
    """The event is made. What passes is waited for; what does not frees the time, so the event must go as well."""
    told = said_of(row, operation)
    if told == DONE:
        return Expected(DONE, CONFIRMED, CONFIRMED)
    if row.do.is_transient or row.do.needs_person or _is_out_of_sight(row, operation):
        return Expected(PENDING, with_event(HELD, TEN), CONFIRMED)
    return Expected(told, REFUSED, CONFIRMED)


def withdrawing(row: Row, operation: str) -> Expected:
    """ "Ours is withdrawn, `slot-taken`" is said when it is so; until then the time stays held. Gone already is success."""
    taken: Told = (5, "slot-taken")
    if row.do in {Do.BE_PATIENT, Do.MISSING, Do.DELETED} or row.kind == "truncate":
        return Expected(taken, REFUSED, REFUSED, taken)
    left = () if row.do is Do.NOT_TOLD else (TEN,)
    return Expected(PENDING, with_event(HELD, *left), REFUSED, taken)


# --- reschedule -------------------------------------------------------------------------------------------------


def moving(row: Row, operation: str) -> Expected:
    """As for `book`; a version that is not the named one is read again, and an event that is gone was changed by others."""
    if row.do in {Do.BE_PATIENT, Do.NOT_TOLD}:
        return Expected(DONE, MOVED, MOVED)
    if row.do in {Do.MISSING, Do.DELETED}:
        gone: Told = (5, "already-moved")
        return Expected(gone, with_event(CONFIRMED), CANCELLED, gone)
    if row.do.is_transient or row.do.needs_person or row.do is Do.READ_AGAIN:
        return Expected(PENDING, MOVING, MOVED)
    return Expected(said_of(row, operation), CONFIRMED, MOVED)


def looking_where_it_is(row: Row, operation: str) -> Expected:
    """The patch may have worked: both times stay held until it is known. What is not under its id is searched for."""
    if row.do in {Do.BE_PATIENT, Do.MISSING, Do.DELETED}:
        return Expected(DONE, MOVED, MOVED)
    return Expected(PENDING, with_event(MOVING, TWO), MOVED)


def looking_why_it_changed(row: Row, operation: str) -> Expected:
    """The patch was refused, so a reading that is refused as well leaves everything as it was."""
    if row.do in {Do.BE_PATIENT, Do.MISSING, Do.DELETED}:
        return Expected(DONE, MOVED, MOVED)
    if row.do.is_transient or row.do.needs_person:
        return Expected(PENDING, MOVING, MOVED)
    return Expected(said_of(row, operation), CONFIRMED, MOVED)


def confirming_the_move(row: Row, operation: str) -> Expected:
    """ "The booking stays where it was" is said when the event is there again as well."""
    told = said_of(row, operation)
    if told == DONE:
        return Expected(DONE, MOVED, MOVED)
    if row.do.is_transient or row.do.needs_person or _is_out_of_sight(row, operation):
        return Expected(PENDING, with_event(MOVING, TWO), MOVED)
    return Expected(told, CONFIRMED, MOVED)


def bringing_back(row: Row, operation: str) -> Expected:
    """Somebody has the new time: the event goes back, and until it is back both times stay held."""
    taken: Told = (5, "slot-taken")
    if row.do in {Do.BE_PATIENT, Do.NOT_TOLD}:
        return Expected(taken, CONFIRMED, CONFIRMED, taken)
    return Expected(PENDING, with_event(MOVING, TWO), CONFIRMED, taken)


# --- reassign ---------------------------------------------------------------------------------------------------


_DANA, _BEN = "dana@example.com", "ben@example.com"
_WITH_DANA = CONFIRMED._replace(people=(_DANA,), invited=(_DANA,))
_WITH_BEN = CONFIRMED._replace(people=(_BEN,), invited=(_BEN,))
_REPLACING = Facts("confirmed", (TEN, TEN), "move", (TEN,), people=(_BEN, _DANA), invited=(_DANA,))
_REPLACED: Told = (6, "person-not-found")
"""Whoever was replaced takes no part, so cannot be replaced again."""


def reassigning(row: Row, operation: str) -> Expected:
    """Whoever leaves stays held, and invited, until who comes is invited; a lost reply is found out by reading."""
    if row.do in {Do.BE_PATIENT, Do.NOT_TOLD}:
        return Expected(DONE, _WITH_BEN, _WITH_BEN, _REPLACED)
    if row.do in {Do.MISSING, Do.DELETED}:
        return Expected((5, "already-moved"), _WITH_DANA, _WITH_BEN)
    if row.do.is_transient or row.do.needs_person or row.do is Do.READ_AGAIN:
        return Expected(PENDING, _REPLACING, _WITH_BEN, _REPLACED)
    return Expected(said_of(row, operation), _WITH_DANA, _WITH_BEN)


def confirming_who_comes(row: Row, operation: str) -> Expected:
    """Who comes is invited. What passes is waited for; after what does not, they are invited no more."""
    told = said_of(row, operation)
    if told == DONE:
        return Expected(DONE, _WITH_BEN, _WITH_BEN, _REPLACED)
    if row.do.is_transient or row.do.needs_person:
        return Expected(PENDING, _REPLACING._replace(invited=(_BEN,)), _WITH_BEN, _REPLACED)
    return Expected(told, _WITH_DANA, _WITH_BEN)


# --- cancel -----------------------------------------------------------------------------------------------------


def removing(row: Row, operation: str) -> Expected:
    """ "Exit 8, `cancelling`, delivered later", whatever Google says but that the event is gone: "404 and 410 are success"."""
    # A 204 has no body to be cut short.
    if row.do in {Do.BE_PATIENT, Do.MISSING, Do.DELETED} or row.kind == "truncate":
        return Expected(DONE, CANCELLED, CANCELLED)
    left = () if row.do is Do.NOT_TOLD else (TEN,)
    return Expected(PENDING, with_event(CANCELLING, *left), CANCELLED)


def searching_for_the_removed(row: Row, operation: str) -> Expected:
    """Not under its id: it is success once it is sure that it was not dragged elsewhere, and not before."""
    if row.do is Do.BE_PATIENT:
        return Expected(DONE, CANCELLED, CANCELLED)
    return Expected(PENDING, with_event(CANCELLING), CANCELLED)


# --- sync -------------------------------------------------------------------------------------------------------


def reading_changes(row: Row, operation: str) -> Expected:
    """ "An error is never read as a deletion." A calendar out of sight is told and left; the others go on."""
    if row.do in {Do.MISSING, Do.DELETED}:
        return Expected((0, "calendar-not-found"), CONFIRMED, CONFIRMED)
    return asking(row, operation, CONFIRMED, CONFIRMED)


def reading_a_suspect(row: Row, operation: str) -> Expected:
    """An event that is listed as live and not found under its id is no news either way."""
    if row.do in {Do.MISSING, Do.DELETED}:
        return Expected(DONE, CONFIRMED, CONFIRMED)
    return asking(row, operation, CONFIRMED, CONFIRMED)


def searching_for_the_deleted(row: Row, operation: str) -> Expected:
    """Deleted means deleted when every calendar was read; until then the booking stays as it is."""
    return asking(row, operation, with_event(CONFIRMED), CANCELLED)


def delivering_late(row: Row, operation: str) -> Expected:
    """As for `book`, but nobody asked for it just now: a refusal is a warning, what stays owed is exit 8 without one."""
    first = inserting(row, operation)
    if first.told == DONE:
        return first
    if first.told == PENDING:
        return first._replace(told=(8, None))
    return Expected((0, "booking-refused"), REFUSED, REFUSED)


# --- status, connect, disconnect --------------------------------------------------------------------------------


def diagnosing(row: Row, operation: str) -> Expected:
    """The connection state and exit status `status` reports; it changes nothing.

    "How long it may take, whatever does not answer": a second of silence leaves no time to try again.
    """
    exit_, code = said_of(Row("hang", Do.NOT_SENT) if row.kind == "hang" else row, operation)
    is_limit = row.do is Do.WAIT_HOURS or (row.do is Do.BACK_OFF and row.status < 500)
    state = {
        None: "connected",
        "grant-revoked": "revoked",
        "api-not-enabled": "misconfigured",
        "client-invalid": "misconfigured",
        "google-busy": "rate-limited" if is_limit else "unreachable",
        "quota-exhausted": "rate-limited",
        "google-unreachable": "unreachable",
        "google-refused": "blocked",
    }
    told = (3 if code == "google-refused" else exit_, state.get(code, code))
    return Expected(told, NOTHING, NOTHING, (0, "connected"))


def exchanging(row: Row, operation: str) -> Expected:
    """Nothing is stored unless all of it went well; a refused code ends the consent, whatever the reason."""
    before = NOTHING._replace(connected=False)
    if row.do in {Do.SIGN_IN, Do.SIGN_IN_AGAIN}:
        return Expected((4, "consent-denied"), before, NOTHING)
    return asking(row, operation, before, NOTHING)


def trying_the_grant(row: Row, operation: str) -> Expected:
    """ "Success is printed only after ... one real calendarList call". A token of a moment ago is not renewed."""
    tried = Row("401", Do.SIGN_IN) if row.kind == "401" else row
    return asking(tried, operation, NOTHING._replace(connected=False), NOTHING)


def revoking(row: Row, operation: str) -> Expected:
    """ "Always forgets locally, even if Google cannot be reached or the grant is dead already"."""
    forgotten = NOTHING._replace(connected=False)
    revocation = "revoked" if row.do is Do.BE_PATIENT else "unreachable"
    return Expected((0, revocation), forgotten, forgotten, (0, "already-dead"))
