"""The command that takes a change back, as the words that follow `portalcal`. Pure.

It overrides hours, grid, notice and limits, since the time was promised before; never a conflict.
"""

from __future__ import annotations

from portalcal.core.booking import Booking
from portalcal.core.intervals import Interval
from portalcal.core.participants import Role
from portalcal.core.time import format_duration

_OPTIONS = {Role.WITH: "--with", Role.NEED: "--with", Role.OPTIONAL: "--optional", Role.ROOM: "--room"}


def undo_move(booking: Booking, previous: Interval) -> tuple[str, ...]:
    """Move a booking back to the time it had."""
    return ("reschedule", str(booking.id), *_time(booking, previous), "--force")


def undo_reassign(booking: Booking, *, left: str, came: str) -> tuple[str, ...]:
    """Let somebody have their place back. `left`, `came`: addresses."""
    return ("reassign", str(booking.id), "--from", came, "--to", left)


def undo_cancel(booking: Booking) -> tuple[str, ...]:
    """Book the same once more: a cancelled booking stays cancelled, so it is another one, with another event."""
    request = booking.request
    options = [
        ("--name", request.guest.name),
        ("--email", request.guest.email),
        *(("--guest", each) for each in request.guests),
        ("--title", request.title),
        ("--timezone", request.zone.key),
        ("--notify", request.notify.value),
        *_given(("--link", request.link), ("--location", request.location), ("--notes", request.notes)),
        *((_OPTIONS[each.role], each.key) for each in booking.participants if each.role in _OPTIONS),
    ]
    if booking.participants and all(each.role is not Role.OWNER for each in booking.participants):
        options.append(("--owner", "organises"))
    flags = ("--meet", "--force") if request.meet else ("--force",)
    words = (word for name, value in options for word in _option(name, value))
    return ("book", *_time(booking, booking.meeting), *words, *flags)


def _time(booking: Booking, meeting: Interval) -> tuple[str, ...]:
    start = meeting.start.astimezone(booking.request.zone)
    return start.isoformat(), "--duration", format_duration(meeting.length)


def _given(*options: tuple[str, str | None]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in options if value)


def _option(name: str, value: str) -> tuple[str, ...]:
    """An option with its value; one that looks like an option itself is joined to its name."""
    return (f"{name}={value}",) if value.startswith("-") else (name, value)
