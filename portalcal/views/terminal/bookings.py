"""Terminal pages of bookings: one booking in detail, many as a list by day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain, groupby
from uuid import UUID
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from portalcal import results
from portalcal.core.booking import Booking, Notify, State
from portalcal.core.email_address import is_among
from portalcal.core.participants import Role
from portalcal.core.time import local_date
from portalcal.facts import SHORT_ID
from portalcal.sanitize import sanitize, sanitize_lines
from portalcal.views import humanize, reason_sentences
from portalcal.views.terminal import history
from portalcal.views.terminal.layout import DefinitionList, Indented

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


def booked(answer: results.Booked, *, now: datetime, is_id_on_stdout: bool = False) -> RenderableType:
    """A booking just made: what became of it, and the booking, with its id unless that is on stdout already."""
    if answer.is_dry_run:
        title = Text("This can be booked; nothing was held or sent (--dry-run)", style="bold")
        return Group(title, "", _card(answer.booking, answer.zone, now=now, is_planned=True))
    card = _card(answer.booking, answer.zone, now=now, is_answer=True, shows_id=not is_id_on_stdout)
    return Group(Text(_booked_headline(answer), style="bold"), "", card)


def _booked_headline(answer: results.Booked) -> str:
    booking = answer.booking
    if answer.is_replayed:
        return "Booked before: the same request, under this key; nothing new was made"
    if booking.state is State.HELD:
        return "Held here; the event will be made as soon as Google can be told"
    if booking.state is not State.CONFIRMED:
        return "Booked, and cancelled meanwhile"
    return "Booked" if booking.calendar else "Booked here, without an event"


def cancelled(answer: results.Cancelled, *, now: datetime) -> RenderableType:
    """The outcome of a cancellation."""
    booking = answer.booking
    if answer.was_gone:
        headline = Text("Cancelled; the event was gone from the calendar already", style="bold")
    elif answer.was_already and booking.notified:
        headline = Text("Already cancelled; the event that was left is removed now", style="bold")
    elif answer.was_already:
        headline = Text("Already cancelled; nothing was left to do", style="bold")
    elif booking.state is State.CANCELLING:
        headline = Text(
            "Cancelled here; the event will be removed as soon as Google can be told", style="bold"
        )
    else:
        headline = Text("Cancelled", style="bold")
    return Group(headline, "", _card(booking, answer.zone, now=now, is_answer=True))


def rescheduled(answer: results.Rescheduled, *, now: datetime) -> RenderableType:
    """The outcome of a move: the previous time, and the booking."""
    booking, zone = answer.booking, answer.zone
    if answer.was_already and not booking.notified:
        headline = "Already at that time; nothing was left to do"
    elif booking.moving_to:
        headline = "Both times are held; the event will be moved as soon as Google can be told"
    else:
        headline = f"Moved from {humanize.meeting(answer.previous, zone)}"
    return Group(Text(headline, style="bold"), "", _card(booking, zone, now=now, is_answer=True))


def reassigned(answer: results.Reassigned, *, now: datetime) -> RenderableType:
    """The outcome of a change of people: who left, who came and why, and the booking."""
    left, came = sanitize(answer.left.key), sanitize(answer.came.key)
    why = f" ({sanitize(answer.came.why)})" if answer.came.why else ""
    if answer.is_dry_run:
        headline = f"{came}{why} could come instead of {left}; nothing was held or sent (--dry-run)"
    elif answer.booking.moving_to:
        headline = f"{left} and {came} are both held; the event is changed as soon as Google can be told"
    else:
        headline = f"{came}{why} comes instead of {left}"
    return Group(
        Text(headline, style="bold"), "", _card(answer.booking, answer.zone, now=now, is_answer=True)
    )


_OUTCOMES = {
    "delivered": "delivered to Google",
    "still_owed": "still owed to Google",
    "refused": "refused by Google",
    "moved": "moved in the calendar",
    "cancelled": "deleted in the calendar",
    "declined": "declined by somebody invited",
    "updated": "changed in the calendar",
    "conflicts": "in conflict with another booking",
    "needs_replacement": "declined by who should come",
    "replaced": "with somebody else now",
    "added": "given an event",
    "unknown": "in the calendar alone",
    "adopted": "taken back from the calendar",
}


def synced(answer: results.Synced) -> RenderableType:
    """What `sync` did: by booking where the answer describes them, else the beginnings of their ids by outcome."""
    would = " (--dry-run: nothing was changed)" if answer.is_dry_run else ""
    outcomes = {name: ids for name, ids in answer.by_outcome.items() if ids}
    if not outcomes:
        return Text(f"Bookings and calendar agree{would}", style="bold")
    headline = Text(f"Brought in line{would}", style="bold")
    if answer.bookings:
        return Group(headline, "", DefinitionList(_by_booking(answer, outcomes), gap=2))
    facts = [
        (_OUTCOMES[name], " ".join(str(each)[:SHORT_ID] for each in ids)) for name, ids in outcomes.items()
    ]
    return Group(headline, "", DefinitionList(facts))


def _by_booking(
    answer: results.Synced, outcomes: Mapping[str, Sequence[UUID]]
) -> Iterator[tuple[Text, Text]]:
    """The beginning of each id; guest and time, if known, and under them what became of it."""
    for each in dict.fromkeys(chain.from_iterable(outcomes.values())):
        what = [_OUTCOMES[name] for name, ids in outcomes.items() if each in ids]
        lines = [Text(" · ".join(what), style="dim")]
        if booking := answer.bookings.get(str(each)):
            when = humanize.meeting(booking.meeting, answer.zone)
            lines.insert(0, Text(f"{sanitize(booking.request.guest.name)}  {when}"))
        yield Text(str(each)[:SHORT_ID], style="cyan"), Text("\n").join(lines)


def _one(booking: Booking, zone: ZoneInfo, *, now: datetime) -> RenderableType:
    return Group(Text(str(booking.id), style="bold"), "", _card(booking, zone, now=now))


def _card(
    booking: Booking,
    zone: ZoneInfo,
    *,
    now: datetime,
    is_planned: bool = False,
    is_answer: bool = False,
    shows_id: bool = False,
) -> DefinitionList:
    """A booking in detail. `is_answer`: for a command that may send e-mail, so also show that none was sent."""
    request = booking.request
    state, colour = _STATES[booking.state]
    when = Text(humanize.meeting(booking.meeting, zone), style="bold").append(
        f"\n{humanize.near(booking.meeting, zone, now=now)}", style="not bold dim"
    )
    return DefinitionList([
        ("id", str(booking.id) if shows_id else None),
        ("what", Text(sanitize(request.title), style="bold")),
        ("when", when),
        ("moves to", _destination(booking, zone)),
        ("who", _people(booking)),
        ("with", _participants(booking)),
        ("where", sanitize(request.location)),
        ("Meet", _meet(booking, is_planned=is_planned)),
        ("notes", Text("\n").join(map(Text, sanitize_lines(request.notes))) if request.notes else None),
        ("link", sanitize(request.link or "")),
        ("state", None if is_planned else Text(state, style=colour).append(_ending(booking), style="dim")),
        ("sent", None if is_planned else _sent(booking, is_answer=is_answer)),
        ("event", _event(booking, is_planned=is_planned)),
        ("key", sanitize(booking.key or "")),
    ])  # fmt: skip


def _destination(booking: Booking, zone: ZoneInfo) -> Text | None:
    """The time a pending move goes to. After the move, the `state` row shows its reason."""
    if booking.moving_to is None:
        return None
    return Text(humanize.meeting(booking.moving_to, zone), style="yellow")


def _meet(booking: Booking, *, is_planned: bool) -> Text | None:
    """The Meet link, which Google may create later than the event."""
    if not booking.is_live:
        return None
    if booking.meet_url or not booking.request.meet:
        return _link(booking.meet_url)
    status = (
        "a link will be made" if is_planned or booking.event_id is None else "Google is still making the link"
    )
    return Text(status, style="dim")


def _people(booking: Booking) -> Text:
    """The guests, and those of them who declined; what participants answered stands beside them in `with`."""
    guest, guests = booking.request.guest, booking.request.guests
    declined = (each for each in booking.declined if is_among(each, (guest.email, *guests)))
    lines = [Text(sanitize(guest.name)).append(f" <{sanitize(guest.email)}>", style="dim")]
    lines += [Text(sanitize(each)) for each in guests]
    lines += [Text(f"{sanitize(each)} declined", style="yellow") for each in declined]
    return Text("\n").join(lines)


_ANSWERS = {"declined": ("declined", "yellow"), "accepted": ("accepted", "green")}


def _participants(booking: Booking) -> Text | None:
    """Who takes part besides the owner: of a pool with why, and with what they answered."""
    lines = []
    for each in booking.participants:
        if each.role is Role.OWNER:
            continue
        line = Text(sanitize(each.key))
        if each.role is Role.NEED:
            line.append(f"  of {sanitize(each.pool or '')}: {sanitize(each.why or '')}", style="dim")
        elif each.role is not Role.WITH:
            line.append(f"  {each.role.value}", style="dim")
        answer, style = _ANSWERS.get(each.response or "", ("", ""))
        lines.append(line.append(f"  {answer}" if answer else "", style=style))
    return Text("\n").join(lines) if lines else None


def _event(booking: Booking, *, is_planned: bool) -> Text | None:
    if booking.calendar is None and not is_planned:
        return Text("none: booked while no calendar was connected", style="yellow")
    return _link(booking.event_url) if is_planned or booking.is_live else None


def _link(url: str | None) -> Text | None:
    """The URL, never wrapped, as a hyperlink (OSC 8) if it is printable ASCII, which cannot break out of the escape."""
    if url is None:
        return None
    is_plain = url.isascii() and url.isprintable() and " " not in url
    return Text(no_wrap=True).append(sanitize(url), style=f"link {url}" if is_plain else "")


def _ending(booking: Booking) -> str:
    if booking.is_live:
        verb = "moved" if booking.first_request.start != booking.request.start else "changed"
        return f", {verb}: {sanitize(booking.moved_because)}" if booking.moved_because else ""
    by = " in Google Calendar" if booking.ended_by == "calendar" else ""
    because = f": {sanitize(booking.ended_because)}" if booking.ended_because else ""
    return f"{by}{because}"


def _sent(booking: Booking, *, is_answer: bool) -> str | None:
    # What was sent when it was made says nothing about a booking that is over.
    if booking.notified is not None and (is_answer or booking.is_live):
        people = [booking.request.guest.email, *booking.request.guests]
        people += [
            each.email
            for each in booking.participants
            if each.role not in {Role.OWNER, Role.ROOM} and not each.is_account
        ]
        return _SENT[booking.notified].format(everybody=", ".join(map(sanitize, people)))
    if not is_answer:
        return None
    is_owed = booking.state in {State.HELD, State.CANCELLING} or booking.moving_to is not None
    return "nobody was e-mailed yet" if is_owed else "nobody was e-mailed by this command"


def bookings(answer: results.Bookings, *, now: datetime, is_wide: bool) -> Iterator[RenderableType]:
    """Bookings by day, a part a day. `is_wide`: show whole ids instead of their start, which commands accept too."""
    if answer.is_by_id:
        yield from (_one(each, answer.zone, now=now) for each in answer.bookings)
        if answer.history is not None:
            yield Group("", history.of_booking(answer.history, answer.zone, now=now))
        return
    today, is_first = local_date(now, answer.zone), True
    for day, group in groupby(answer.bookings, key=lambda each: local_date(each.meeting.start, answer.zone)):
        table = Table.grid(padding=(0, 2, 0, 0))
        for style in ("", "cyan", "", ""):
            table.add_column(style=style, overflow="fold")
        for booking in group:
            table.add_row(*_booking_row(booking, answer.zone, is_wide=is_wide))
        yield Group(*(() if is_first else ("",)), _heading(day, today), Indented(table))
        is_first = False
    if is_first:
        yield Text("No bookings", style="dim")


def _heading(day: date, today: date) -> Text:
    word = humanize.day_word(day, today)
    return Text(humanize.dated(day, today), style="bold").append(
        f"  {word}" if word else "", style="not bold dim"
    )


def _booking_row(booking: Booking, zone: ZoneInfo, *, is_wide: bool) -> tuple[RenderableType, ...]:
    when = reason_sentences.format_span(booking.meeting, zone, beside=local_date(booking.meeting.start, zone))
    moving = "moving" if booking.moving_to else ""
    state = moving if booking.state is State.CONFIRMED else booking.state.value
    who = Text(sanitize(booking.request.guest.name)).append(
        f"  {sanitize(booking.request.title)}", style="dim"
    )
    id_ = str(booking.id) if is_wide else booking.short_id
    return when, id_, who, Text(state, style=_STATES[booking.state][1])
