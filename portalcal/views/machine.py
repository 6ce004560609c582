"""Answers and errors as JSON, exactly as CLI.md promises. Standard library only: a script pays for no terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import Enum
from typing import NamedTuple, TextIO, assert_never
from zoneinfo import ZoneInfo

from portalcal import answers
from portalcal.answers import Answer
from portalcal.core.booking import Booking
from portalcal.core.intervals import Interval
from portalcal.core.permissions import Permission
from portalcal.core.slots import FreeBusy, Reason
from portalcal.errors import ConfirmationRequired, PortalcalError, Usage, called
from portalcal.ports import Calendar, Revocation
from portalcal.views import reasons

VERSION = 1
"""Of the envelope. A key is never renamed or taken away under the same number."""

Json = dict[str, object]


class Caution(NamedTuple):
    """A warning: its code and one actionable sentence."""

    code: str
    message: str


def envelope(
    command: str,
    result: Json,
    *,
    warnings: Iterable[Caution] = (),
    line: int | None = None,
    is_indented: bool = False,
) -> str:
    """What `--json` puts on stdout: one line, or indented for a person at a terminal. No line end.

    `line` is the number of the line of a file that this is the answer to.
    """
    told = [{"code": each.code, "message": each.message} for each in warnings]
    return _dump(
        {"portalcal": VERSION, "command": command, **_numbered(line), "result": result, "warnings": told},
        is_indented=is_indented,
    )


def _numbered(line: int | None) -> Json:
    return {} if line is None else {"line": line}


def error_envelope(
    command: str,
    error: PortalcalError,
    *,
    zone: tzinfo = UTC,
    line: int | None = None,
    is_indented: bool = False,
) -> str:
    """What `--json` puts on stderr when the command did not succeed. `zone` is that of the times in `details`."""
    told = {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "exit": int(error.exit),
        "retryable": error.retryable,
        "details": _as_json(error.details, zone),
    }
    return _dump(
        {"portalcal": VERSION, "command": command, **_numbered(line), "error": told}, is_indented=is_indented
    )


def _dump(told: Json, *, is_indented: bool) -> str:
    # ASCII only: any stream can carry it, and no foreign byte reaches a terminal unescaped.
    return json.dumps(told, indent=2 if is_indented else None)


def _as_json(value: object, zone: tzinfo) -> object:
    """Facts of any error: records by field, instants in `zone`, lengths in minutes, sets sorted."""
    match value:
        case _ if names := _fields(value):
            return {name: _as_json(getattr(value, name), zone) for name in names}
        case Enum():
            return _as_json(value.value, zone)
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            # An error that ends the command meets a view that knows no zone; its times bring the reader's along.
            return _instant(value, value.tzinfo if isinstance(value.tzinfo, ZoneInfo) else zone)
        case date():
            return value.isoformat()
        case timedelta():
            return _minutes(value)
        case Mapping():
            return {str(key): _as_json(each, zone) for key, each in value.items()}
        case frozenset() | set():
            return sorted(map(str, (_as_json(each, zone) for each in value)))
        case Sequence():
            return [_as_json(each, zone) for each in value]
        case _:
            return str(value)


def _fields(value: object) -> tuple[str, ...]:
    """The names of a record's fields: a NamedTuple's or a dataclass's; none for any other value."""
    if isinstance(value, tuple):
        return tuple(getattr(value, "_fields", ()))
    return tuple(getattr(value, "__dataclass_fields__", ()))


def _instant(instant: datetime, zone: tzinfo) -> str:
    """RFC 3339 with the offset of `zone`, to the second."""
    return instant.astimezone(zone).isoformat(timespec="seconds")


def _span(span: Interval, zone: tzinfo) -> Json:
    return {"start": _instant(span.start, zone), "end": _instant(span.end, zone)}


def _minutes(length: timedelta) -> int:
    return length // timedelta(minutes=1)


def _permissions(granted: frozenset[Permission]) -> Json:
    return {each.value: each in granted for each in Permission}


# --- one function an answer: the contract's `result` -----------------------------------------------------------


def result(answer: Answer) -> Json:  # noqa: C901, PLR0912 - one line an answer
    """The contract's `result` of any answer."""
    match answer:
        case answers.Availability():
            return availability(answer)
        case answers.Explanation():
            return explanation(answer)
        case answers.Booked():
            return booked(answer)
        case answers.Rescheduled():
            return rescheduled(answer)
        case answers.Synced():
            return synced(answer)
        case answers.Cancelled():
            return cancelled(answer)
        case answers.Bookings():
            return bookings(answer)
        case answers.Choice():
            return choice(answer)
        case answers.Connected():
            return connected(answer)
        case answers.Disconnected():
            return disconnected(answer)
        case answers.Diagnosis():
            return diagnosis(answer)
        case answers.Diagnoses():
            return {
                "state": answer.condition.value,
                "workspaces": [diagnosis(each) for each in answer.diagnoses],
            }
        case answers.Simulation():
            return dict(answer._asdict())
        case unknown:
            assert_never(unknown)


def availability(answer: answers.Availability) -> Json:
    """`availability`: the offered meetings by day of the display zone, and what they rest on."""
    question, zone = answer.question, answer.zone
    return {
        "window": _span(question.window, zone),
        "timezone": zone.key,
        "link": question.link or None,
        "duration_minutes": _minutes(question.rules.duration),
        "basis": answer.basis.value,
        "complete": answer.is_complete,
        "checked_at": _instant(answer.checked_at, zone),
        "calendars": [_read(each) for each in question.calendars or ()],
        "days": [
            {"date": day.date.isoformat(), "slots": [_span(slot, zone) for slot in day.slots]}
            for day in answer.days
        ],
    }


def _read(calendar: FreeBusy) -> Json:
    state = "checked" if calendar.unread is None else "unreadable"
    return {"id": calendar.calendar, "state": state, "reason": calendar.unread}


def explanation(answer: answers.Explanation) -> Json:
    """`availability --explain`: every reason with its cause, and the nearest meetings."""
    zone = answer.zone
    told = zip(answer.reasons, reasons.sentences(answer), strict=True)
    notes = zip(answer.notes, reasons.note_sentences(answer), strict=True)
    return {
        **_span(answer.meeting, zone),
        "timezone": zone.key,
        "offered": answer.is_offered,
        "reasons": [
            _reason(each, message, zone) | {"title": reasons.title_of(each, answer)} for each, message in told
        ],
        "notes": [
            {
                "code": each.why.value,
                "message": message,
                "calendar": each.calendar,
                "title": each.title,
                **_span(each.span, zone),
            }
            for each, message in notes
        ],
        "nearest": {
            "before": _span(answer.before, zone) if answer.before else None,
            "after": _span(answer.after, zone) if answer.after else None,
        },
    }


def _reason(reason: Reason, message: str, zone: ZoneInfo) -> Json:
    span = _span(reason.span, zone) if reason.span else {"start": None, "end": None}
    return {
        "code": reason.why.value,
        "message": message,
        "calendar": reason.calendar,
        "booking": reason.booking,
        **span,
    }


def booking(one: Booking, zone: ZoneInfo, *, is_replayed: bool = False) -> Json:
    """A booking as every command shows it. `title`, `notes` and names come as they were given."""
    wish = one.wish
    return {
        "id": str(one.id),
        "state": one.state.value,
        "link": wish.link,
        **_span(one.meeting, zone),
        "moving_to": _span(one.moving_to, zone) if one.moving_to else None,
        "timezone": zone.key,
        "title": wish.title,
        "guest": {"name": wish.guest.name, "email": wish.guest.email},
        "guests": list(wish.guests),
        "declined": list(one.declined),
        "location": wish.location or None,
        "notes": wish.notes or None,
        "meet_url": one.meet_url,
        "calendar": one.calendar,
        "event_id": one.event_id,
        "event_url": one.event_url,
        "key": one.key,
        "notified": one.notified.value if one.notified else None,
        "replayed": is_replayed,
        "created_at": _instant(one.created_at, zone),
        "updated_at": _instant(one.updated_at, zone),
    }


def booked(answer: answers.Booked) -> Json:
    """`book`: the booking; with `--dry-run` it says so and none of it was kept."""
    return booking(answer.booking, answer.zone, is_replayed=answer.is_replayed) | {
        "dry_run": answer.is_dry_run
    }


def rescheduled(answer: answers.Rescheduled) -> Json:
    """`reschedule`: the booking, the time it had, and whether there was nothing to do."""
    return booking(answer.booking, answer.zone) | {
        "previous": _span(answer.previous, answer.zone),
        "reason": answer.booking.moved_because or None,
        "already": answer.was_already,
    }


def synced(answer: answers.Synced) -> Json:
    """`sync`: ids of bookings by what became of them, or with `--dry-run` would."""
    listed: Json = {name: [str(each) for each in ids] for name, ids in answer.by_outcome.items()}
    return listed | {"dry_run": answer.is_dry_run}


def cancelled(answer: answers.Cancelled) -> Json:
    """`cancel`: the booking, and whether there was nothing left to do."""
    return booking(answer.booking, answer.zone) | {"already": answer.was_already}


def bookings(answer: answers.Bookings) -> Json:
    """`bookings`: a list, empty when none match."""
    return {"bookings": [booking(each, answer.zone) for each in answer.bookings]}


def choice(answer: answers.Choice) -> Json:
    """`calendars`: the account's calendars and what each is used for."""
    selection = answer.selection
    return {
        "calendars": [_calendar(each, selection) for each in answer.calendars],
        "conflicts": list(selection.conflicts),
        "booking": selection.booking,
        "pinned": answer.is_pinned,
    }


def _calendar(calendar: Calendar, selection: answers.Selection) -> Json:
    return {
        "id": calendar.id,
        "name": calendar.name,
        "role": calendar.role,
        "timezone": calendar.timezone,
        "use": selection.use_of(calendar),
        "primary": calendar.is_primary,
        "hidden": calendar.is_hidden,
    }


def connected(answer: answers.Connected, *, zone: tzinfo = UTC) -> Json:
    """`connect`: who, with what permissions, and where the secrets went."""
    connection = answer.connection
    return {
        "account": connection.account,
        "permissions": _permissions(connection.permissions),
        "vault": connection.vault,
        "calendars": {"conflicts": list(answer.selection.conflicts), "booking": answer.selection.booking},
        "connected_at": _instant(connection.connected_at, zone),
        "already": answer.was_already,
    }


def disconnected(answer: answers.Disconnected) -> Json:
    """`disconnect`: what became of the grant. `account` is null when nothing was connected."""
    return {
        "account": answer.account,
        "revoked": answer.revocation is Revocation.REVOKED,
        "revocation": answer.revocation.value,
        "forgotten": True,
        "upcoming_bookings": answer.upcoming,
    }


def diagnosis(answer: answers.Diagnosis) -> Json:
    """`status`: the state, and every check in its order."""
    tally = answer.tally
    return {
        "state": answer.condition.value,
        "workspace": answer.workspace,
        "account": answer.account,
        "checked_at": _instant(answer.checked_at, answer.zone),
        "checks": [
            {
                "name": each.name,
                "state": each.health.value,
                "detail": each.detail,
                "hint": each.hint,
                "millis": each.millis,
            }
            for each in answer.checks
        ],
        "permissions": _permissions(answer.permissions),
        "calendars": [
            {
                "id": each.calendar.id,
                "name": each.calendar.name,
                "role": each.calendar.role,
                "timezone": each.calendar.timezone,
                "use": each.use,
                "state": each.state,
            }
            for each in answer.calendars
        ],
        "bookings": tally
        and {
            "live": tally.live,
            "held": tally.held,
            "overdue": tally.overdue,
            "without_event": tally.without_event,
        },
    }


class MachineView:
    """The view under `--json`: the same calls as TerminalView. Warnings are kept for the envelope; nobody is asked."""

    def __init__(self, command: str, *, stdout: TextIO, stderr: TextIO) -> None:
        self._command = command
        self._stdout = stdout
        self._stderr = stderr
        self._cautions: list[Caution] = []
        self.zone: tzinfo = UTC
        """Of the instants whose answer names none."""
        self.program = "portalcal"
        """How portalcal was called, for the commands in warnings."""

    def show(self, answer: Answer) -> None:
        """The envelope of an answer on stdout."""
        told = connected(answer, zone=self.zone) if isinstance(answer, answers.Connected) else result(answer)
        self.show_result(told)

    def show_result(self, told: Json) -> None:
        """The envelope of a result made by hand: for commands whose answer has no type of its own."""
        is_indented = self._stdout.isatty()
        text = envelope(self._command, told, warnings=self._cautions, is_indented=is_indented)
        print(text, file=self._stdout, flush=True)

    def fail(self, error: PortalcalError) -> None:
        """The error's envelope on stderr, always one line."""
        print(error_envelope(self._command, error, zone=self.zone), file=self._stderr)

    def say_basis(self, answer: answers.Availability) -> None:
        """The result says it already."""

    def write(self, text: str) -> None:
        """Text that is no answer goes to stderr: stdout holds one JSON object and nothing else."""
        self.log(text)

    def narrate(self, line: str, *, is_typed: bool = False) -> None:  # noqa: ARG002 - the same calls as TerminalView
        """A story is no answer either."""
        self.log(line)

    def log(self, line: str) -> None:
        """One line on stderr."""
        print(line, file=self._stderr, flush=True)

    def warn(self, code: str, message: str) -> None:
        """Keep one warning for the envelope."""
        self._cautions.append(Caution(code, called(message, self.program) or ""))

    def ask_for_consent(self, url: str, *, opens_browser: bool, ways: tuple[str, ...] = ()) -> None:  # noqa: ARG002
        """The bare address on stderr: someone must open it even when a script drives us."""
        print(url, file=self._stderr, flush=True)

    def confirm(self, question: str, *, consequences: tuple[str, ...], action: str, flag: str) -> bool:  # noqa: ARG002
        """Never asks: whoever reads JSON cannot answer.

        Raises:
            ConfirmationRequired: always; it names the flag to add.
        """
        raise ConfirmationRequired(action, flag)

    def ask_secret(self, question: str, *, variable: str) -> str:  # noqa: ARG002
        """Never asks, as `confirm`.

        Raises:
            Usage: always; it names the variable to set.
        """
        raise Usage(f"{variable} is not set, and nobody can be asked for it here", f"set {variable}")
