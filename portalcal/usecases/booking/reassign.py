"""Put somebody else into the place of a participant, or take another room: same event, same time.

Both claim the time until Google has invited the one and dropped the other, as both times of a booking are held while it
moves. Participants who stay are not checked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.config.people import Directory
from portalcal.core.assignment import assign
from portalcal.core.booking import Booking, Notify
from portalcal.core.email_address import is_among
from portalcal.core.intervals import Interval
from portalcal.core.outbox import Task
from portalcal.core.participants import PanelRequest, Participant, Role
from portalcal.core.people import PanelInputs, panel_reasons
from portalcal.core.time import format_time
from portalcal.errors import NobodyFree, NotConnected, PersonNotFound, RoomDeclined, SlotTaken, Usage
from portalcal.ports import ClaimsOverlap, Context, EntryPending
from portalcal.results import Reassigned
from portalcal.usecases.availability import rules_for
from portalcal.usecases.booking.change import attempt_now, booking_busy, check_open, unchanged_after_errors
from portalcal.usecases.booking.precheck import why_not
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.find_booking import find_booking
from portalcal.usecases.keyboard_interrupt import translate_early_interrupt, translate_interrupt
from portalcal.usecases.ledger_failure import after_recording, while_recording
from portalcal.usecases.outbox.run import run_outbox
from portalcal.usecases.scheduling_inputs import (
    gather_inputs,
    starts_of_participants,
    with_claims,
    without_booking,
)
from portalcal.warnings import ReassignmentNotTold

NOTHING_CHANGED = "The booking stays as it was."

_AROUND = timedelta(hours=12)
"""Google cuts busy times off at the window, and a message has the end of the busy time."""

_MAX_CHOICES = 20
"""How often the newcomer is chosen again after another process has claimed them, or changed the booking."""


class ReassignRequest(NamedTuple):
    """Who leaves a booking, and who comes."""

    booking: str
    zone: ZoneInfo  # of messages and of the result
    leaving: str | None = None  # by name or address; None: the participant who declined, or the only one
    to: str | None = None  # a person or a room
    pool: str | None = None  # to choose from; None without `to`: the pool of who leaves
    reason: str = ""
    notify: Notify | None = None  # whom Google e-mails; None: as before
    dry_run: bool = False  # choose only
    runs_outbox: bool = True  # False: the caller has run it


class _Vacancy(NamedTuple):
    """The place in a booking that becomes free."""

    options: ReassignRequest
    context: Context
    booking: Booking
    leaving: Participant


def reassign(options: ReassignRequest, context: Context) -> Reassigned:
    """Hold the time for somebody else, invite them and drop who leaves.

    Returns the booking with its new participants, or with `moving_to` while the outbox still owes the change.

    Raises:
        BookingNotFound, BookingOver: no such booking, or none that can be changed.
        PersonNotFound, PoolNotFound: who leaves takes no part in it; nobody, or no pool, of that name.
        NobodyFree: nobody who could come is free.
        SlotTaken, RoomDeclined: the person chosen was taken meanwhile; the room declined.
        AlreadyMoved: somebody moved or deleted the event in the calendar.
        Usage: the newcomer takes part already, or the request does not say who leaves or comes.
        NotConnected: it has an event, and the workspace is not connected.
        BookingBusy: an earlier change of the booking is still in the outbox.
        PortalcalError: Google refused, or was unavailable before anything was held.
    """
    with unchanged_after_errors(NOTHING_CHANGED):
        if options.runs_outbox and not options.dry_run:
            run_outbox(context)
        for _ in range(_MAX_CHOICES):
            if reassigned := _reassign(options, context):
                return reassigned
        raise booking_busy(find_booking(options.booking, context))


def _reassign(options: ReassignRequest, context: Context) -> Reassigned | None:
    """Change the booking as it stands now. None: another process changed it meanwhile."""
    booking = find_booking(options.booking, context)
    _check_changeable(context, booking)
    leaving = _leaving(options, booking, context.config.directory)
    _check_not_there(options, booking, context.config.directory)
    with _other_ways(booking, leaving):
        return _change(_Vacancy(options, context, booking, leaving))


@contextmanager
def _other_ways(booking: Booking, leaving: Participant) -> Iterator[None]:
    """What helps where who was to come cannot: another time is no answer to a meeting that stays where it is."""
    try:
        yield
    except (NobodyFree, SlotTaken, RoomDeclined) as error:
        who = "another room" if leaving.role is Role.ROOM else "somebody else"
        raise error.with_remedy(
            f"name {who} with `portalcal reassign {booking.short_id} --from {leaving.key} --to PERSON`, "
            f"or move the meeting with `portalcal reschedule {booking.short_id} START --reassign`"
        ) from error.__cause__


def _change(vacancy: _Vacancy) -> Reassigned | None:
    """Choose who comes, and change the booking. None: another process changed it meanwhile."""
    options, context, booking, leaving = vacancy
    with translate_early_interrupt(NOTHING_CHANGED):
        inputs = _gather(vacancy)
        came = _choose(vacancy, inputs)
    if options.dry_run:
        return Reassigned(booking, options.zone, leaving, came, is_dry_run=True)

    with translate_interrupt(context, booking.id, if_not_recorded=NOTHING_CHANGED):
        with while_recording(booking.id, Task.MOVE):
            changing, came = _begin(vacancy, inputs, came)
        changed, done = changing, None
        if changing.moving_to:
            with after_recording(booking.id, Task.MOVE):
                changed, done = attempt_now(
                    context, changing, Task.MOVE, before=inputs.busy, pending=ReassignmentNotTold
                )
    check_open(changed)
    coming = {each.address: each.role for each in changed.coming}
    if coming.get(came.address) is not came.role or leaving.address in coming:
        return None
    return Reassigned(replace(changed, notified=done.notified if done else None), options.zone, leaving, came)


def _check_changeable(context: Context, booking: Booking) -> None:
    check_open(booking)
    if booking.moving_to is not None:
        raise booking_busy(booking)
    if calendar_selection(context) is None and booking.event_id is not None:
        raise NotConnected(context.config.workspace)


def _leaving(options: ReassignRequest, booking: Booking, directory: Directory) -> Participant:
    """The participant who leaves: as named, else the one who declined, who is of the pool, or who comes alone."""
    others = tuple(each for each in booking.participants if each.role is not Role.OWNER)
    if options.leaving is not None:
        named = next((each for each in others if _is_called(each, options.leaving, directory)), None)
        if named is None:
            raise PersonNotFound(options.leaving, tuple(each.key for each in others), booking=str(booking.id))
        return named
    declined = tuple(each for each in others if each.response == "declined")
    of_pool = tuple(each for each in others if each.pool and each.pool == options.pool)
    candidates = declined or of_pool or tuple(each for each in others if each.role is not Role.OPTIONAL)
    if len(candidates) == 1:
        return candidates[0]
    if not others:
        raise Usage("nobody besides the owner takes part in this booking", "see `portalcal bookings`")
    names = " or ".join(each.key for each in candidates or others)
    raise Usage(f"{names} could leave this booking", "say who leaves with `--from`")


def _check_not_there(options: ReassignRequest, booking: Booking, directory: Directory) -> None:
    """Refuse a participant of the booking as the newcomer; an optional one may take a required place. Raises: Usage."""
    name = options.to
    present = (each for each in booking.participants if each.role is not Role.OPTIONAL)
    if name is not None and any(_is_called(each, name, directory) for each in present):
        raise Usage(f"{name} takes part in this booking already", "name somebody else with `--to`")


def _is_called(participant: Participant, name: str, directory: Directory) -> bool:
    if name in {participant.key, participant.email} or name.lower() == participant.address:
        return True
    entry = directory.people.get(name) or directory.rooms.get(name)
    return entry is not None and entry.address == participant.address


def _gather(vacancy: _Vacancy) -> PanelInputs:
    """The inputs for the place: the candidates, without participants and people who declined."""
    options, context, booking, leaving = vacancy
    rules = rules_for(context, booking.request.link, duration=booking.meeting.length)
    start = booking.meeting.start
    gathered = gather_inputs(
        context,
        Interval(start - _AROUND, start + _AROUND),
        link=booking.request.link,
        rules=rules._replace(buffer_before=booking.buffer_before, buffer_after=booking.buffer_after),
        only=_request(options, leaving, context.config.directory),
        guests=_coming(booking),
    )
    inputs = without_booking(gathered, booking)
    out = {each.address for each in booking.participants}
    panel = inputs.panel
    pools = tuple(
        pool._replace(
            members=tuple(
                each
                for each in pool.members
                if each.address not in out and not is_among(each.address, booking.declined)
            )
        )
        for pool in panel.pools
    )
    rooms = tuple(each for each in panel.rooms if each.address not in out)
    return inputs._replace(panel=panel._replace(pools=pools, rooms=rooms))


def _coming(booking: Booking) -> int:
    """How many people a room has to seat: participants and guests."""
    people = [each for each in booking.participants if each.role not in {Role.ROOM, Role.OPTIONAL}]
    return max(len(people), 1) + 1 + len(booking.request.guests)


def _request(options: ReassignRequest, leaving: Participant, directory: Directory) -> PanelRequest:
    """A request for one person, or a room, in the place of who leaves."""
    nobody = PanelRequest(owner_attends=False)
    if leaving.role is Role.ROOM:
        name = options.to or options.pool or next(iter(directory.pools_with(leaving.address)), None)
        if name is None:
            raise Usage(f"{leaving.key} is in no pool of rooms", "name the other room with `--to`")
        return nobody._replace(room=name)
    if options.to is not None:
        return nobody._replace(required=(directory.person(options.to).address,))
    pool = options.pool or leaving.pool
    if pool is None:
        raise Usage(f"{leaving.key} was not taken out of a pool", "say who comes with `--to` or `--pool`")
    if pool in directory.people_pools or options.pool is not None:
        directory.members(pool)
        return nobody._replace(need=((pool, 1),))
    # A pool of `--any-of`, which is called by its members.
    return nobody._replace(any_of=(tuple(directory.person(each).address for each in pool.split(",")),))


def _choose(vacancy: _Vacancy, inputs: PanelInputs) -> Participant:
    """Who comes, in the role of who leaves. Raises: NobodyFree."""
    options, context, booking, leaving = vacancy
    request, start = booking.request, booking.meeting.start
    against = (each for each in panel_reasons(inputs, start) if each.why.is_of_people)
    why = why_not(against, inputs, booking.meeting, options.zone, context)
    if leaving.role is Role.ROOM and not inputs.panel.rooms:
        why = ("there is no other room",)
    elif lacking := next((pool.name for pool in inputs.panel.pools if not pool.members), None):
        why = (f"{lacking} has nobody else who did not decline",)
    if why:
        when = format_time(start, options.zone, end=request.meeting.end)
        raise NobodyFree(when, why)
    starts = starts_of_participants(context, inputs, start, but_not=booking.id)
    (came,) = assign(inputs, start, starts=starts).participants
    if options.to is not None:
        came = came._replace(why="asked for")
    return came._replace(role=leaving.role, pool=came.pool or leaving.pool, response=None)


def _begin(vacancy: _Vacancy, inputs: PanelInputs, came: Participant) -> tuple[Booking, Participant]:
    """Hold the time for who comes; choose again where another process was first with them."""
    options, context, booking, leaving = vacancy
    for choices_left in reversed(range(_MAX_CHOICES)):
        requested = replace(
            booking,
            request=replace(booking.request, notify=options.notify or booking.request.notify),
            moving_to=booking.meeting,
            new_participants=_replaced(booking.participants, leaving, came),
            moved_because=options.reason,
            updated_at=context.clock.now(),
        )
        try:
            return context.ledger.begin_move(requested, at_once=booking.calendar is None), came
        except EntryPending:
            raise booking_busy(booking) from None
        except ClaimsOverlap:
            if not choices_left:
                raise booking_busy(booking) from None
            inputs = without_booking(with_claims(context, inputs), booking)
            came = _choose(vacancy, inputs)
    raise AssertionError("the last attempt neither returned nor raised")


def _replaced(
    participants: Iterable[Participant], leaving: Participant, came: Participant
) -> tuple[Participant, ...]:
    stay = (each for each in participants if each == leaving or each.address != came.address)
    return tuple(came if each == leaving else each for each in stay)
