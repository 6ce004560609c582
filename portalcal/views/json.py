"""Results, errors and warnings as JSON. Standard library only, so that `--json` does not import Rich.

The keys are a public contract: within one VERSION keys are added, never renamed, removed or given another meaning.
"""

from __future__ import annotations

import json
import shlex
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import Enum
from typing import TYPE_CHECKING, TextIO, assert_never, cast
from zoneinfo import ZoneInfo

from portalcal import results
from portalcal.core.booking import Booking, Guest
from portalcal.core.calendar_id import plain, split
from portalcal.core.history import BookingFacts, Fact, HistoryLine
from portalcal.core.intervals import Interval
from portalcal.core.participants import Participant, Role
from portalcal.core.permissions import Permission
from portalcal.core.slots import FreeBusy, Reason
from portalcal.errors import ConfirmationRequired, PortalcalError, called, passphrase_missing
from portalcal.ports import Calendar, LedgerFacts, Revocation
from portalcal.results import Answer, Document
from portalcal.sanitize import sanitize_lines
from portalcal.views import reason_sentences
from portalcal.views.offer_text import offer_text
from portalcal.warnings import PortalcalWarning

if TYPE_CHECKING:
    # The types of the results are needed by `portalcal schema` alone: they cost 4 ms (measured).
    from portalcal.views import json_types as types

VERSION = 1
"""The version of the envelope, its key `portalcal`."""


Json = Mapping[str, object]


def envelope(
    command: str,
    result: Json,
    *,
    warnings: Iterable[PortalcalWarning] = (),
    zone: tzinfo = UTC,
    program: str = "portalcal",
    line: int | None = None,
    is_indented: bool = False,
) -> str:
    """The JSON of a result for stdout, without a line end. `is_indented`: for a terminal.

    `zone`, `program`: of times in the details of warnings, and for the commands in them.
    `line`: the number of the input line in `book --file`.
    """
    listed: list[types.WarningJson] = [
        {
            "code": each.code,
            "message": called(each.sentence, program) or "",
            "details": _as_json(each.details, zone),
        }
        for each in warnings
    ]
    document: types.ResultEnvelopeJson = {
        "portalcal": VERSION,
        "command": command,
        "result": _with_program(result, program),
        "warnings": listed,
    }
    return _dump(_numbered(document, line), is_indented=is_indented)


def _with_program(result: Json, program: str) -> Json:
    """The result with the words of `undo` as a whole command line, in the workspace of this one."""
    if not isinstance(result, dict) or not result.get("undo"):
        return result
    return {**result, "undo": [*shlex.split(program), *result["undo"]]}


def _numbered(document: Json, line: int | None) -> Json:
    """The document with the number of its line of a batch, before what came of it."""
    if line is None:
        return document
    return {**{key: document[key] for key in ("portalcal", "command")}, "line": line, **document}


def error_envelope(
    command: str,
    error: PortalcalError,
    *,
    zone: tzinfo = UTC,
    line: int | None = None,
    key: str | None = None,
    is_indented: bool = False,
) -> str:
    """The JSON of an error for stderr. `zone`: of the times in `details`. `key`: of the line of a batch."""
    body: types.ErrorJson = {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "exit": int(error.exit),
        "retryable": error.retryable,
        "details": _as_json(error.details, zone),
    }
    document: types.ErrorEnvelopeJson = {"portalcal": VERSION, "command": command, "error": body}
    if key is not None:
        document["key"] = key
    return _dump(_numbered(document, line), is_indented=is_indented)


def _dump(document: Json, *, is_indented: bool) -> str:
    # ASCII only: every stream can encode it, and control characters in foreign text stay escaped.
    return json.dumps(document, indent=2 if is_indented else None)


def _dump_part(part: Json, *, is_indented: bool) -> str:
    """The JSON of a part of a result that is written piece by piece."""
    return json.dumps(part, indent=2 if is_indented else None)


def _as_json(value: object, zone: tzinfo) -> object:
    """Serialize the facts of an error: records by field, instants in `zone`, durations in minutes, sets sorted."""
    match value:
        case _ if names := _fields(value):
            return {name: _as_json(getattr(value, name), zone) for name in names}
        case Enum():
            return _as_json(value.value, zone)
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            # The view that shows a fatal error has no zone yet; its times carry the display zone themselves.
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
    """Field names of a NamedTuple or dataclass; () for any other value."""
    if isinstance(value, tuple):
        return tuple(getattr(value, "_fields", ()))
    return tuple(getattr(value, "__dataclass_fields__", ()))


def _instant(instant: datetime, zone: tzinfo) -> str:
    """RFC 3339 with the offset of `zone`, to the second."""
    return instant.astimezone(zone).isoformat(timespec="seconds")


def _span(span: Interval, zone: tzinfo) -> types.SpanJson:
    return {"start": _instant(span.start, zone), "end": _instant(span.end, zone)}


def _minutes(length: timedelta) -> int:
    return length // timedelta(minutes=1)


def _permissions(granted: frozenset[Permission]) -> dict[str, bool]:
    return {each.value: each in granted for each in Permission}


# --- the `result` of each command -----------------------------------------------------------


def result(answer: Answer | Document) -> Json:  # noqa: C901, PLR0912 - one case per result
    """The JSON `result` of any command."""
    match answer:
        case results.Availability():
            return availability(answer)
        case results.Explanation():
            return explanation(answer)
        case results.ExplainedDay():
            return explained_day(answer)
        case results.Booked():
            return booked(answer)
        case results.Offered():
            return offered(answer)
        case results.Offers():
            return offers(answer)
        case results.Rescheduled():
            return rescheduled(answer)
        case results.Reassigned():
            return reassigned(answer)
        case results.Synced():
            return synced(answer)
        case results.Cancelled():
            return cancelled(answer)
        case results.Bookings():
            return bookings(answer)
        case results.HistoryPage():
            return history(answer)
        case results.Changes():
            return changes(answer)
        case results.HistoryPruned():
            return pruned(answer)
        case results.Choice():
            return choice(answer)
        case results.Overlaps():
            return overlaps(answer)
        case results.People():
            return people(answer)
        case results.Connected():
            return connected(answer)
        case results.Disconnected():
            return disconnected(answer)
        case results.Diagnosis():
            return diagnosis(answer)
        case results.Diagnoses():
            return diagnoses(answer)
        case results.ConfigPlace():
            return config_place(answer)
        case results.ConfigExample():
            return config_example(answer)
        case results.SchemaDocument():
            return schema(answer)
        case results.Simulation():
            return simulation(answer)
        case results.ConfigShown():
            return config_shown(answer)
        case results.ConfigChecked():
            return config_checked(answer)
        case results.LedgerPlace():
            return ledger_place(answer)
        case results.LedgerChecked():
            return ledger_checked(answer)
        case results.LedgerBackedUp():
            return ledger_backed_up(answer)
        case results.LedgerCopied():
            return ledger_copied(answer)
        case results.LedgerGrants():
            return ledger_grants(answer)
        case unknown:
            assert_never(unknown)


def availability(answer: results.Availability) -> types.AvailabilityJson:
    """`availability`: offered slots by day of the display zone, with the calendars checked."""
    inputs, zone = answer.inputs, answer.zone
    return {
        "window": _span(inputs.window, zone),
        "timezone": zone.key,
        "link": inputs.link or None,
        "duration_minutes": _minutes(inputs.rules.duration),
        "basis": answer.basis.value,
        "complete": answer.is_complete,
        "checked_at": _instant(answer.checked_at, zone),
        "calendars": [_read(each, answer.accounts) for each in inputs.calendars or ()],
        "people": _people_read(answer),
        "days": [
            {
                "date": day.date.isoformat(),
                "slots": [_slot(slot, answer) for slot in day.slots],
                "holiday": day.holiday,
                "period": day.period,
                "beyond_horizon": day.is_beyond_horizon,
            }
            for day in answer.days
        ],
    }


def _slot(slot: Interval, answer: results.Availability) -> types.SlotJson:
    """A slot; with those who could take it one by one, where the meeting takes others than the owner."""
    span = _span(slot, answer.zone)
    if answer.panel is None:
        return {"start": span["start"], "end": span["end"]}
    people: list[types.SlotPersonJson] = [
        {"person": each.key, "email": each.email, "role": each.role.value, "pool": each.pool}
        for each in answer.people_for(slot)
    ]
    return {**span, "people": people}


def _people_read(answer: results.Availability) -> list[types.PersonReadJson]:
    """The people and rooms whose calendars were asked for."""
    if answer.panel is None:
        return []
    names = answer.panel.names
    return [
        {
            "person": names.get(each.calendar, each.calendar),
            "email": each.calendar,
            "state": _read(each, ())["state"],
            "reason": each.unread,
        }
        for each in answer.panel.busy or ()
    ]


def _read(calendar: FreeBusy, accounts: Sequence[results.Account]) -> types.CalendarReadJson:
    return {
        "id": plain(calendar.calendar),
        "state": "checked" if calendar.unread is None else "unreadable",
        "reason": calendar.unread,
        "workspace": _workspace_of(calendar.calendar, accounts),
        "account": _account_of(calendar.calendar, accounts),
    }


def _account_of(calendar: str, accounts: Sequence[results.Account]) -> str | None:
    """The account that read a calendar; null if it is not known."""
    account = next((each for each in accounts if each.prefix == split(calendar).workspace), None)
    return account.address or None if account else None


def _workspace_of(calendar: str | None, accounts: Sequence[results.Account]) -> str | None:
    """The workspace whose account read a calendar; null without a calendar."""
    if calendar is None:
        return None
    prefix = split(calendar).workspace
    return next((each.workspace for each in accounts if each.prefix == prefix), prefix)


def explanation(answer: results.Explanation) -> types.ExplanationJson:
    """`availability --explain`: every reason with its cause, and the nearest slots."""
    return {
        **_span(answer.meeting, answer.zone),
        "timezone": answer.zone.key,
        "offered": answer.is_offered,
        "reasons": _reasons(answer),
        "choice": _choice(answer),
        "notes": _notes(answer),
        "nearest": _nearest(answer),
    }


def _choice(answer: results.Explanation) -> types.ChoiceOfPeopleJson | None:
    """Whom the rule of assignment prefers in each pool; None if there is no pool."""
    if not answer.choices:
        return None
    order: list[types.CandidateJson] = [
        {
            "person": each.person.key,
            "pool": choice.pool,
            "count": each.meetings,
            "last": _instant(each.last, answer.zone) if each.last else None,
            "state": each.state,
        }
        for choice in answer.choices
        for each in choice.order
    ]
    return {"rule": answer.choices[0].rule.value, "order": order}


def explained_day(answer: results.ExplainedDay) -> types.ExplainedDayJson:
    """`availability --explain DATE`: every start of the day; `reasons` says why it has none."""
    day = answer.day
    return {
        **_span(day.meeting, day.zone),
        "timezone": day.zone.key,
        "offered": any(each.is_offered for each in answer.starts),
        "reasons": _reasons(day),
        "starts": [
            {**_span(each.meeting, day.zone), "offered": each.is_offered, "reasons": _reasons(each)}
            for each in answer.starts
        ],
        "notes": _notes(day),
        "nearest": _nearest(day),
    }


def _reasons(answer: results.Explanation) -> list[types.ReasonJson]:
    return [
        _reason(each, message, answer)
        for each, message in zip(answer.reasons, reason_sentences.format_reasons(answer), strict=True)
    ]


def _notes(answer: results.Explanation) -> list[types.NoteJson]:
    return [
        {
            "code": each.why.value,
            "message": message,
            "calendar": plain(each.calendar),
            "workspace": _workspace_of(each.calendar, answer.availability.accounts),
            "title": each.title,
            **_span(each.span, answer.zone),
        }
        for each, message in zip(answer.notes, reason_sentences.format_notes(answer), strict=True)
    ]


def _nearest(answer: results.Explanation) -> types.NearestJson:
    return {
        "before": _span(answer.before, answer.zone) if answer.before else None,
        "after": _span(answer.after, answer.zone) if answer.after else None,
    }


def _reason(reason: Reason, message: str, answer: results.Explanation) -> types.ReasonJson:
    span = _span(reason.span, answer.zone) if reason.span else None
    return {
        "code": reason.why.value,
        "message": message,
        "calendar": reason.calendar and plain(reason.calendar),
        "booking": reason.booking,
        "offer": reason.offer,
        "person": reason.person,
        "pool": reason.pool,
        "room": reason.room,
        "name": reason.name,
        "start": span["start"] if span else None,
        "end": span["end"] if span else None,
        "title": reason_sentences.title_of(reason, answer),
        "kinds": [each.value for each in reason_sentences.kinds_of(reason, answer)],
        "workspace": _workspace_of(reason.calendar, answer.availability.accounts),
    }


def offered(answer: results.Offered) -> types.GuestOfferJson:
    """`offer`: the times held, and the paragraph for an e-mail."""
    offer, zone = answer.offer, answer.zone
    request = offer.slots[0].request
    return {
        "id": str(offer.id),
        "state": answer.state,
        "expires_at": _instant(offer.expires_at, zone),
        "link": request.link,
        "duration_minutes": _minutes(request.duration),
        "timezone": zone.key,
        "guest": {"name": request.guest.name, "email": request.guest.email},
        "slots": [_offered_slot(number, each, zone) for number, each in enumerate(offer.slots, start=1)],
        "booking": str(offer.booking) if offer.booking else None,
        "key": offer.key,
        "replayed": answer.is_replayed,
        "text": offer_text(answer),
    }


def _offered_slot(number: int, slot: Booking, zone: ZoneInfo) -> types.HeldTimeJson:
    people: list[types.SlotPersonJson] = [
        {"person": each.key, "email": each.email, "role": each.role.value, "pool": each.pool}
        for each in slot.participants
        if each.role is not Role.OWNER
    ]
    return {"n": number, **_span(slot.meeting, zone), "people": people, "event_id": slot.event_id}


def offers(answer: results.Offers) -> types.GuestOffersJson:
    """`offers`: each as `offer` shows it."""
    return {"offers": [offered(each) for each in answer.offers]}


def booking(one: Booking, zone: ZoneInfo, *, is_replayed: bool = False) -> types.BookingJson:
    """A booking, the same in every command. Texts are as the user gave them."""
    request = one.request
    return {
        "id": str(one.id),
        "state": one.state.value,
        "link": request.link,
        **_span(one.meeting, zone),
        "moving_to": _span(one.moving_to, zone) if one.moving_to else None,
        "timezone": zone.key,
        "title": request.title,
        "guest": {"name": request.guest.name, "email": request.guest.email},
        "guests": list(request.guests),
        "declined": list(one.declined),
        "people": [_participant(each) for each in one.participants if each.role is not Role.OWNER],
        "room": one.room.key if one.room else None,
        "location": request.location or None,
        "notes": request.notes or None,
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


def _participant(participant: Participant) -> types.ParticipantJson:
    return {
        "person": participant.key,
        "email": participant.email,
        "role": participant.role.value,
        "pool": participant.pool,
        "why": participant.why,
        "response": participant.response,
    }


def booked(answer: results.Booked) -> types.BookedJson:
    """`book`: the booking, and whether it was a dry run."""
    return {
        **booking(answer.booking, answer.zone, is_replayed=answer.is_replayed),
        # What was not booked has no id.
        "id": None if answer.is_dry_run else str(answer.booking.id),
        "dry_run": answer.is_dry_run,
    }


def rescheduled(answer: results.Rescheduled) -> types.RescheduledJson:
    """`reschedule`: the booking, the time it had, and whether there was nothing to do."""
    return {
        **booking(answer.booking, answer.zone),
        "previous": _span(answer.previous, answer.zone),
        "reason": answer.booking.moved_because or None,
        "already": answer.was_already,
        "undo": list(answer.undo) if answer.undo else None,
    }


def reassigned(answer: results.Reassigned) -> types.ReassignedJson:
    """`reassign`: the booking, who left and who came."""
    return {
        **booking(answer.booking, answer.zone),
        "left": _participant(answer.left),
        "came": _participant(answer.came),
        "reason": answer.booking.moved_because or None,
        "dry_run": answer.is_dry_run,
        "undo": list(answer.undo) if answer.undo else None,
    }


def synced(answer: results.Synced) -> types.SyncedJson:
    """`sync`: ids of bookings by outcome, with `--dry-run` by expected outcome."""
    listed = {name: [str(each) for each in ids] for name, ids in answer.by_outcome.items()}
    return cast("types.SyncedJson", {**listed, "dry_run": answer.is_dry_run})


def cancelled(answer: results.Cancelled) -> types.CancelledJson:
    """`cancel`: the booking, and whether there was nothing left to do."""
    return {
        **booking(answer.booking, answer.zone),
        "already": answer.was_already,
        "undo": list(answer.undo) if answer.undo else None,
    }


def bookings(answer: results.Bookings) -> types.BookingsJson:
    """`bookings`: a list, empty when none match; with `--history` what happened to the one; with `--limit` what is next."""
    listed: types.BookingsJson = {"bookings": [booking(each, answer.zone) for each in answer.bookings]}
    if answer.history is not None:
        listed["history"] = [history_line(each, answer.zone) for each in answer.history]
    if answer.is_page:
        listed["next"] = answer.next_page
    return listed


def history(answer: results.HistoryPage) -> types.HistoryJson:
    """`history`: recorded changes, the earliest first."""
    return {"history": [history_line(each, answer.zone) for each in answer.lines]}


def _facts(facts: BookingFacts, zone: ZoneInfo) -> types.ChangedFactsJson:
    """Facts by name. Not by `_as_json`, which takes half the time of `changes` (measured)."""
    return cast("types.ChangedFactsJson", {name: _fact(value, zone) for name, value in facts.items()})


def _fact(value: Fact, zone: ZoneInfo) -> object:
    match value:
        case str() | None:
            return value
        case datetime():
            return _instant(value, zone)
        case Interval():
            return _span(value, zone)
        case Guest():
            return value._asdict()
        case _:
            return list(value)


def changes(answer: results.Changes) -> types.ChangesJson:
    """`changes`: what happened after a cursor, and the cursor to go on with."""
    return {
        "changes": [history_line(each, answer.zone) for each in answer.lines],
        "cursor": answer.cursor,
    }


def json_lines(lines: Iterable[HistoryLine], zone: ZoneInfo) -> str:
    """Changes as JSON lines, each with its line end."""
    return "".join(f"{json.dumps(history_line(each, zone))}\n" for each in lines)


def pruned(answer: results.HistoryPruned) -> types.HistoryPrunedJson:
    """`history --prune`: how many lines were forgotten."""
    return {"pruned": answer.lines, "before": _instant(answer.before, answer.zone)}


def history_line(line: HistoryLine, zone: ZoneInfo) -> types.HistoryLineJson:
    """One change of a booking."""
    return {
        "at": _instant(line.at, zone),
        "cursor": line.cursor,
        "booking": line.booking,
        "what": line.change.what.value,
        "by": line.change.cause.value,
        "actor": line.author.actor,
        "host": line.author.host,
        "command": line.author.command,
        "before": _facts(line.change.before, zone),
        "after": _facts(line.change.after, zone),
    }


def choice(answer: results.Choice) -> types.ChoiceJson:
    """`calendars`: the account's calendars and what each is used for."""
    selection = answer.selection
    return {
        "calendars": [_calendar(each, selection, answer.accounts) for each in answer.calendars],
        "conflicts": list(selection.conflicts),
        "booking": selection.booking,
        "pinned": answer.is_pinned,
    }


def _calendar(
    calendar: Calendar, selection: results.Selection, accounts: Sequence[results.Account]
) -> types.CalendarJson:
    """A calendar; what its account could not be asked for is null."""
    return {
        "id": plain(calendar.id),
        "name": calendar.name,
        "role": calendar.role or None,
        "timezone": calendar.timezone or None,
        "use": selection.use_of(calendar),
        "primary": calendar.is_primary,
        "hidden": calendar.is_hidden,
        "workspace": _workspace_of(calendar.id, accounts),
        "account": _account_of(calendar.id, accounts),
    }


def overlaps(answer: results.Overlaps) -> types.OverlapsJson:
    """`calendars --conflicts`: every two events that block the same time."""
    zone, accounts = answer.zone, answer.accounts

    def event(one: results.BusyEvent) -> types.BusyEventJson:
        return {
            "calendar": plain(one.calendar),
            "workspace": _workspace_of(one.calendar, accounts),
            "account": _account_of(one.calendar, accounts),
            **_span(one.span, zone),
            "title": one.title,
            "kinds": [each.value for each in one.kinds],
            "booking": one.booking,
        }

    return {
        "window": _span(answer.window, zone),
        "timezone": zone.key,
        "complete": not answer.unread,
        "checked_at": _instant(answer.checked_at, zone),
        "calendars": [_read(each, accounts) for each in answer.calendars],
        "overlaps": [
            {**_span(each.span, zone), "events": [event(each.first), event(each.second)]}
            for each in answer.overlaps
        ],
    }


def people(answer: results.People) -> types.PeopleJson:
    """`people`: everybody and every room, with their pools and, with `--load`, their meetings."""
    return {
        "people": [_person(each, answer) for each in answer.people],
        "rooms": [_room(each, answer) for each in answer.rooms],
        "window": _span(answer.window, answer.zone) if answer.window else None,
    }


def _member(member: results.Member, answer: results.People) -> types.MemberJson:
    load = member.load
    return {
        "email": member.who.email,
        "pools": list(member.pools),
        "state": _readability(member),
        "reason": member.unread,
        "load": load
        and {
            "meetings": load.in_window,
            "last_30_days": load.in_30_days,
            "last": _instant(load.last, answer.zone) if load.last else None,
            "declined": load.declined,
        },
    }


def _readability(member: results.Member) -> str:
    if not member.is_known:
        return "unknown"
    return "readable" if member.unread is None else "unreadable"


def _person(member: results.PersonMember, answer: results.People) -> types.PersonJson:
    who = member.who
    zone = who.zone or (who.schedule.zone if who.schedule else None)
    return {
        "person": who.key,
        "name": who.name or None,
        "timezone": zone.key if zone else None,
        "max_per_day": who.max_per_day,
        "max_per_week": who.max_per_week,
        **_member(member, answer),
    }


def _room(member: results.RoomMember, answer: results.People) -> types.RoomJson:
    return {"room": member.who.key, "capacity": member.who.capacity, **_member(member, answer)}


def connected(answer: results.Connected, *, zone: tzinfo = UTC) -> types.ConnectedJson:
    """`connect`: account, permissions, vault and selected calendars."""
    connection = answer.connection
    return {
        "account": connection.account,
        "permissions": _permissions(connection.permissions),
        "vault": connection.vault,
        "calendars": {"conflicts": list(answer.selection.conflicts), "booking": answer.selection.booking},
        "connected_at": _instant(connection.connected_at, zone),
        "already": answer.was_already,
    }


def disconnected(answer: results.Disconnected) -> types.DisconnectedJson:
    """`disconnect`: the outcome of the revocation. `account` is null if nothing was connected."""
    return {
        "account": answer.account,
        "revoked": answer.revocation is Revocation.REVOKED,
        "revocation": answer.revocation.value,
        "forgotten": not answer.left,
        "upcoming_bookings": answer.upcoming,
    }


def diagnosis(answer: results.Diagnosis) -> types.DiagnosisJson:
    """`status`: the state, and every check in order."""
    tally = answer.tally
    return {
        "state": answer.state.value,
        "workspace": answer.workspace,
        "account": answer.account,
        "checked_at": _instant(answer.checked_at, answer.zone),
        "checks": [
            {
                "name": each.name,
                "state": each.status.value,
                "detail": each.detail,
                "hint": each.hint,
                "millis": each.millis,
            }
            for each in answer.checks
        ],
        "permissions": _permissions(answer.permissions),
        "calendars": [
            {
                "id": plain(each.calendar.id),
                "name": each.calendar.name,
                "role": each.calendar.role or None,
                "timezone": each.calendar.timezone or None,
                "use": each.use,
                "state": each.state,
                "workspace": _workspace_of(each.calendar.id, answer.accounts),
                "account": _account_of(each.calendar.id, answer.accounts),
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
        "offline": answer.is_offline,
        "last_sync": _instant(answer.last_sync, answer.zone) if answer.last_sync else None,
        "reads": list(answer.reads),
    }


def diagnoses(answer: results.Diagnoses) -> types.DiagnosesJson:
    """`status --all`: the worst state, and each workspace's."""
    return {"state": answer.state.value, "workspaces": [diagnosis(each) for each in answer.diagnoses]}


def config_place(answer: results.ConfigPlace) -> types.ConfigPlaceJson:
    """`config`: where the configuration is, and what names it."""
    return {"path": answer.path, "exists": answer.exists, "named_by": answer.named_by}


def config_shown(answer: results.ConfigShown) -> types.ConfigShownJson:
    """`config --show`: every key with its value and origin, and the variables that are set; `value` null: a secret."""
    return {
        **config_place(answer.place),
        "workspace": answer.workspace,
        "settings": [
            {
                "key": each.key,
                "value": each.value,
                "origin": each.origin.value,
                "written_as": each.written_as,
                "line": each.line,
                "variable": each.variable,
            }
            for each in answer.settings
        ],
        "variables": [{"name": name, "value": value} for name, value in answer.variables],
    }


def config_example(answer: results.ConfigExample) -> types.ConfigExampleJson:
    """`config --example`."""
    return {"example": answer.example}


def config_checked(answer: results.ConfigChecked) -> types.ConfigCheckedJson:
    """`config --check` of a file without problems."""
    return {"path": answer.path, "workspaces": list(answer.workspaces)}


def ledger_place(answer: results.LedgerPlace) -> types.LedgerJson:
    """`ledger`: where it is, and what it is kept in; `schema_version` null: there is none yet."""
    return _ledger(answer.facts)


def ledger_checked(answer: results.LedgerChecked) -> types.LedgerCheckedJson:
    """`ledger --check` of a ledger with which nothing is wrong."""
    return {**_ledger(answer.facts), "sound": True}


def ledger_backed_up(answer: results.LedgerBackedUp) -> types.LedgerBackedUpJson:
    """`ledger --backup`: the copy, and the ledger it was made from."""
    return {**_ledger(answer.facts), "backup": answer.file, "backup_bytes": answer.bytes}


def ledger_copied(answer: results.LedgerCopied) -> types.LedgerCopiedJson:
    """`ledger --copy-to`: the old ledger, the new one, and how many rows went there."""
    copy = answer.copy
    return {
        "location": answer.location,
        "copied_to": copy.location,
        "bookings": copy.bookings,
        "owed": copy.owed,
        "history": copy.history,
    }


def ledger_grants(answer: results.LedgerGrants) -> types.LedgerGrantsJson:
    """`ledger --grants`: SQL statements, in order."""
    return {"grants": list(answer.statements)}


def _ledger(facts: LedgerFacts) -> types.LedgerJson:
    return {
        "location": facts.location,
        "database": facts.database,
        "database_version": facts.database_version,
        "schema_version": facts.schema_version,
        "bytes": facts.bytes,
        "bookings": facts.bookings,
        "pooled": facts.is_pooled,
    }


def schema(answer: results.SchemaDocument) -> types.SchemaJson:
    """`schema`."""
    return {"schema": dict(answer.schema)}


def simulation(answer: results.Simulation) -> types.SimulationJson:
    """`simulator`: where it listens, before its first request."""
    return {
        "url": answer.url,
        "account": answer.account,
        "config": answer.config,
        "events": answer.events,
        "client_secrets": answer.client_secrets,
        "workspace": answer.workspace,
        "people": list(answer.people),
        "rooms": list(answer.rooms),
    }


class JsonView:
    """The view of `--json`: the interface of TerminalView. Collects warnings for the envelope; never prompts."""

    def __init__(self, command: str, *, stdout: TextIO, stderr: TextIO) -> None:
        self._command = command
        self._stdout = stdout
        self._stderr = stderr
        self._warnings: list[PortalcalWarning] = []
        self.zone: tzinfo = UTC
        """The zone of instants whose result has none."""
        self.program = "portalcal"
        """The program with its global options, for commands in warnings."""

    def show(self, answer: Answer | Document) -> None:
        """Print the envelope of a result on stdout."""
        if isinstance(answer, results.Bookings):
            self._show_bookings(answer)
            return
        body = connected(answer, zone=self.zone) if isinstance(answer, results.Connected) else result(answer)
        self.show_result(body)

    def _show_bookings(self, answer: results.Bookings) -> None:
        """Print the envelope with the bookings, once all are read: a ledger that fails midway leaves stdout empty.

        Until then the JSON of each is kept compressed: half a million bookings are hundreds of megabytes of it.
        """
        is_indented = self._stdout.isatty()
        # `bookings` is the first key of the result, and the result comes before the warnings.
        head, empty_list, tail = self._envelope(bookings(answer._replace(bookings=()))).partition("[]")
        before, between, end = ("\n      ", ",\n      ", "\n    ") if is_indented else ("", ", ", "")
        packer, packed, separator = zlib.compressobj(level=1), list[bytes](), f"[{before}"
        for each in answer.bookings:
            text = _dump_part(booking(each, answer.zone), is_indented=is_indented)
            packed.append(packer.compress((separator + text.replace("\n", "\n      ")).encode("ascii")))
            separator = between
        is_empty = separator != between
        packed.append(packer.flush())
        unpacker = zlib.decompressobj()
        self._stdout.write(head)
        for part in filter(None, packed):
            self._stdout.write(unpacker.decompress(part).decode("ascii"))
        print(f"{empty_list}{tail}" if is_empty else f"{end}]{tail}", file=self._stdout, flush=True)

    def show_result(self, body: Json) -> None:
        """Print the envelope of a result that has no type of its own."""
        print(self._envelope(body), file=self._stdout, flush=True)

    def _envelope(self, body: Json) -> str:
        return envelope(
            self._command,
            body,
            warnings=self._warnings,
            zone=self.zone,
            program=self.program,
            is_indented=self._stdout.isatty(),
        )

    def fail(self, error: PortalcalError) -> None:
        """Print the envelope of an error on stderr, always one line."""
        print(error_envelope(self._command, error, zone=self.zone), file=self._stderr)

    def say_basis(self, answer: results.Availability) -> None:
        """Nothing: the result contains it."""

    def say_next(self, answer: results.Bookings) -> None:
        """Nothing: the result contains it."""

    def write(self, text: str, *, for_people: bool = False) -> None:  # noqa: ARG002 - the same calls as TerminalView
        """Write to stderr: stdout is exactly one JSON object."""
        self.log(text)

    def write_all(self, texts: Iterable[str]) -> None:
        """Write to stderr, as `write`."""
        for text in texts:
            self.log(text)

    def narrate(self, line: str, *, is_typed: bool = False) -> None:  # noqa: ARG002 - the same calls as TerminalView
        """Write to stderr, as `write`."""
        self.log(line)

    def log(self, line: str) -> None:
        """Write one line to stderr."""
        print("\n".join(sanitize_lines(line)), file=self._stderr, flush=True)

    def warn(self, warning: PortalcalWarning) -> None:
        """Collect a warning for the envelope."""
        self._warnings.append(warning)

    def ask_for_consent(
        self,
        url: str,
        *,
        opens_browser: bool,  # noqa: ARG002
        ways: tuple[str, ...] = (),  # noqa: ARG002
        boxes: int = 3,  # noqa: ARG002
    ) -> None:
        """Write the bare URL to stderr: a person has to open it even if a script runs the command."""
        print(url, file=self._stderr, flush=True)

    def confirm(self, question: str, *, consequences: tuple[str, ...], action: str, flag: str) -> bool:  # noqa: ARG002
        """Never prompts.

        Raises:
            ConfirmationRequired: always; it names the flag to add.
        """
        raise ConfirmationRequired(action, flag)

    def ask_secret(self, question: str, *, variable: str) -> str:  # noqa: ARG002
        """Never prompts.

        Raises:
            VaultUnavailable: always; it names the variable to set.
        """
        raise passphrase_missing(variable)
