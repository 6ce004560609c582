"""The answer of a meeting's room: rooms accept or decline invitations by themselves."""

from __future__ import annotations

from dataclasses import replace

from portalcal.core.booking import Booking
from portalcal.core.participants import Participant, Role
from portalcal.errors import RoomDeclined
from portalcal.ports import Context, Event
from portalcal.usecases.outbox.event_mapping import meeting_time
from portalcal.warnings import RoomPending

ACCEPTED, DECLINED = "accepted", "declined"


def wait_for_room(context: Context, booking: Booking, event: Event) -> Booking:
    """The booking with the answer of its room, which is waited for unless `event` has it. A silent room is a warning.

    Raises:
        RoomDeclined: the room is taken.
        PortalcalError: Google's own refusals (ports.Calendars).
    """
    room = booking.room
    if room is None:
        return booking
    response = event.room_response
    if response not in {ACCEPTED, DECLINED}:
        response = context.calendars.room_answer(event.calendar, event.id).room_response
    if response == DECLINED:
        raise RoomDeclined(meeting_time(booking), room.key)
    if response != ACCEPTED:
        context.view.warn(RoomPending(str(booking.id), room.key))
    return replace(
        booking, participants=tuple(_with_response(each, response) for each in booking.participants)
    )


def _with_response(participant: Participant, response: str | None) -> Participant:
    return participant._replace(response=response) if participant.role is Role.ROOM else participant
