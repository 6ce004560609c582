"""Bookings on a terminal: the card of one, the list of many."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from portalcal import answers
from portalcal.core.booking import Booking, Notify, State
from portalcal.core.instants import local_date
from portalcal.views import reasons, words
from portalcal.views.foreign import shown, shown_lines
from portalcal.views.layout import Facts, indented, prose

_SHORT_ID = 8
"""Of a booking: enough to find it again, and to tell any two apart that one person will ever compare."""


_STATES = {
    State.HELD: ("held: recorded here, Google not told yet", "yellow"),
    State.CONFIRMED: ("confirmed", "green"),
    State.CANCELLING: ("cancelling: cancelled here, Google not told yet", "yellow"),
    State.CANCELLED: ("cancelled", "dim"),
    State.REFUSED: ("refused by Google", "red"),
}
_SENT = {
    Notify.ALL: "Google e-mailed {everybody}",
    Notify.EXTERNAL: "Google e-mailed only guests of other organisations, of {everybody}",
    Notify.NONE: "nobody was e-mailed",
}


def booked(answer: answers.Booked, *, now: datetime, is_id_told: bool = False) -> RenderableType:
    """The card of a booking just made: its id first, unless stdout told it already; what was sent to whom last."""
    if answer.is_dry_run:
        title = Text("This can be booked; nothing was held or sent (--dry-run)", style="bold")
        return Group(title, "", _card(answer.booking, answer.zone, now=now, is_planned=True))
    note = [prose("The same request was booked before under this key; nothing new was made", style="dim")]
    card = _card(answer.booking, answer.zone, now=now)
    head = [] if is_id_told else [Text(str(answer.booking.id), style="bold")]
    head += note if answer.is_replayed else []
    return Group(*head, *([""] if head else []), card)


def cancelled(answer: answers.Cancelled, *, now: datetime) -> RenderableType:
    """What became of a cancelled booking."""
    booking = answer.booking
    if answer.was_already:
        headline = Text("Already cancelled; nothing was left to do", style="bold")
    elif booking.state is State.CANCELLING:
        headline = Text(
            "Cancelled here; the event will be removed as soon as Google can be told", style="bold"
        )
    else:
        headline = Text("Cancelled", style="bold")
    return Group(headline, "", _card(booking, answer.zone, now=now))


def rescheduled(answer: answers.Rescheduled, *, now: datetime) -> RenderableType:
    """A booking with the time it had and the one it has or is going to have."""
    booking, zone = answer.booking, answer.zone
    if answer.was_already:
        headline = "Already at that time; nothing was left to do"
    elif booking.moving_to:
        headline = "Both times are held; the event will be moved as soon as Google can be told"
    else:
        headline = f"Moved from {words.meeting(answer.previous, zone)}"
    return Group(Text(headline, style="bold"), "", _card(booking, zone, now=now))


_OUTCOMES = {
    "delivered": "delivered to Google",
    "still_owed": "still owed to Google",
    "refused": "refused by Google",
    "moved": "moved in the calendar",
    "cancelled": "deleted in the calendar",
    "declined": "declined by a guest",
    "updated": "changed in the calendar",
    "conflicts": "in conflict with another booking",
    "added": "given an event",
}


def synced(answer: answers.Synced) -> RenderableType:
    """What was brought in line, by kind; each booking by the beginning of its id."""
    would = " (--dry-run: nothing was changed)" if answer.is_dry_run else ""
    found = {name: ids for name, ids in answer.by_outcome.items() if ids}
    if not found:
        return Text(f"Bookings and calendar agree{would}", style="bold")
    facts = [
        (_OUTCOMES[name], " ".join(str(each)[:_SHORT_ID] for each in ids)) for name, ids in found.items()
    ]
    return Group(Text(f"Brought in line{would}", style="bold"), "", Facts(facts))


def _one(booking: Booking, zone: ZoneInfo, *, now: datetime) -> RenderableType:
    return Group(Text(str(booking.id), style="bold"), "", _card(booking, zone, now=now))


def _card(booking: Booking, zone: ZoneInfo, *, now: datetime, is_planned: bool = False) -> Facts:
    wish = booking.wish
    state, colour = _STATES[booking.state]
    when = Text(words.meeting(booking.meeting, zone), style="bold").append(
        f"\n{words.near(booking.meeting, zone, now=now)}", style="not bold dim"
    )
    return Facts([
        ("what", Text(shown(wish.title), style="bold")),
        ("when", when),
        ("moves to", _destination(booking, zone)),
        ("who", _people(booking)),
        ("where", shown(wish.location)),
        ("Meet", _meet(booking, is_planned=is_planned)),
        ("notes", Text("\n").join(map(Text, shown_lines(wish.notes))) if wish.notes else None),
        ("link", shown(wish.link or "")),
        ("state", None if is_planned else Text(state, style=colour).append(_ending(booking), style="dim")),
        ("sent", None if is_planned else _sent(booking)),
        ("event", _event(booking, is_planned=is_planned)),
        ("key", shown(booking.key or "")),
    ])  # fmt: skip


def _destination(booking: Booking, zone: ZoneInfo) -> Text | None:
    """The time held beside the present one; once the booking is there, why it moved is told by `state`."""
    if booking.moving_to is None:
        return None
    return Text(words.meeting(booking.moving_to, zone), style="yellow")


def _meet(booking: Booking, *, is_planned: bool) -> Text | None:
    """The link of the video call; Google may still be making it when the event is there already."""
    if booking.meet_url or not booking.wish.meet:
        return _link(booking.meet_url)
    words = (
        "a link will be made" if is_planned or booking.event_id is None else "Google is still making the link"
    )
    return Text(words, style="dim") if booking.is_live else None


def _people(booking: Booking) -> Text:
    guest = booking.wish.guest
    lines = [Text(shown(guest.name)).append(f" <{shown(guest.email)}>", style="dim")]
    lines += [Text(shown(each)) for each in booking.wish.guests]
    lines += [Text(f"{shown(each)} declined", style="yellow") for each in booking.declined]
    return Text("\n").join(lines)


def _event(booking: Booking, *, is_planned: bool) -> Text | None:
    if booking.calendar is None and not is_planned:
        return Text("none: booked while no calendar was connected", style="yellow")
    return _link(booking.event_url)


def _link(url: str | None) -> Text | None:
    """The address whole; clickable where the terminal can. Only plain characters may enter the escape that does that."""
    if url is None:
        return None
    is_plain = url.isascii() and url.isprintable() and " " not in url
    return Text(no_wrap=True).append(shown(url), style=f"link {url}" if is_plain else "")


def _ending(booking: Booking) -> str:
    if booking.is_live:
        return f", moved: {shown(booking.moved_because)}" if booking.moved_because else ""
    by = " in Google Calendar" if booking.ended_by == "calendar" else ""
    because = f": {shown(booking.ended_because)}" if booking.ended_because else ""
    return f"{by}{because}"


def _sent(booking: Booking) -> str | None:
    if booking.notified is None:
        return None
    people = [booking.wish.guest.email, *booking.wish.guests]
    return _SENT[booking.notified].format(everybody=", ".join(map(shown, people)))


def bookings(answer: answers.Bookings, *, now: datetime, is_wide: bool) -> RenderableType:
    """Bookings by day. `is_wide` shows whole ids; narrow pages the start of each, which commands accept too."""
    if not answer.bookings:
        return Text("No bookings", style="dim")
    if answer.is_by_id:
        return _one(answer.bookings[0], answer.zone, now=now)
    today = local_date(now, answer.zone)
    parts: list[RenderableType] = []
    for day, group in groupby(answer.bookings, key=lambda each: local_date(each.meeting.start, answer.zone)):
        word = words.day_word(day, today)
        heading = Text(words.dated(day, today), style="bold").append(
            f"  {word}" if word else "", style="not bold dim"
        )
        table = Table.grid(padding=(0, 2, 0, 0))
        for style in ("", "cyan", "", ""):
            table.add_column(style=style, overflow="fold")
        for each in group:
            table.add_row(*_booking_row(each, answer.zone, is_wide=is_wide))
        parts += [heading, indented(table), ""]
    return Group(*parts[:-1])


def _booking_row(booking: Booking, zone: ZoneInfo, *, is_wide: bool) -> tuple[RenderableType, ...]:
    when = reasons.span_in_words(booking.meeting, zone, beside=local_date(booking.meeting.start, zone))
    moving = "moving" if booking.moving_to else ""
    state = moving if booking.state is State.CONFIRMED else booking.state.value
    who = Text(shown(booking.wish.guest.name)).append(f"  {shown(booking.wish.title)}", style="dim")
    id_ = str(booking.id) if is_wide else str(booking.id)[:_SHORT_ID]
    return when, id_, who, Text(state, style=_STATES[booking.state][1])
