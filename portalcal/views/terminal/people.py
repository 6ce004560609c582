"""The terminal page of `people`."""

from __future__ import annotations

from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from portalcal import results
from portalcal.core.intervals import Interval
from portalcal.core.participants import Person, Room
from portalcal.core.reason_text import count_of
from portalcal.core.time import format_date, local_date
from portalcal.facts import why_unread
from portalcal.sanitize import sanitize
from portalcal.views import humanize
from portalcal.views.terminal.layout import DefinitionList


def people(answer: results.People, *, now: datetime, is_line_each: bool = False) -> RenderableType:
    """Everybody with address, state and pools; with their meetings, if those were counted. Rooms at the end.

    `is_line_each`: one line for each, for a pipe.
    """
    if not (answer.people or answer.rooms):
        return Text(
            "Nobody is configured: add tables [people.NAME] and [pools] to the configuration", style="dim"
        )
    window: list[RenderableType] = (
        [Text(_dates(answer.window, answer), style="dim"), ""] if answer.window else []
    )
    between = Text("  " if is_line_each else "\n")
    members: list[results.Member] = [*answer.people, *answer.rooms]
    rows = [(sanitize(each.who.key), between.join(_member(each, now=now))) for each in members]
    return Group(*window, DefinitionList(rows, indent=0))


def _dates(window: Interval, answer: results.People) -> str:
    first, last = (local_date(each, answer.zone) for each in (window.start, window.end - datetime.resolution))
    return f"Meetings from {format_date(first)} to {format_date(last)}"


def _member(member: results.Member, *, now: datetime) -> list[Text]:
    who = member.who
    name = who.name if isinstance(who, Person) else _seats(who)
    head = Text(sanitize(who.email)).append(f"  {sanitize(name)}" if name else "", style="dim")
    state = Text(*_state(member))
    if member.unread:
        state.append(f": {sanitize(why_unread(member.unread))}")
    if member.pools:
        state.append(f"  in {', '.join(map(sanitize, member.pools))}", style="dim")
    lines = [head, state]
    if member.load is not None:
        lines.append(Text(_load(member, member.load, now=now)))
    return lines


def _state(member: results.Member) -> tuple[str, str]:
    """Whether the calendar can be read, and the style of that."""
    if isinstance(member, results.PersonMember) and member.is_optional:
        return "optional: never read", "dim"
    if not member.is_known:
        return "not asked: no connection", "dim"
    return ("readable", "green") if member.unread is None else ("unreadable", "red")


def _seats(room: Room) -> str:
    return "room" if room.capacity is None else f"room, {count_of(room.capacity, 'seat')}"


def _load(member: results.Member, load: results.Load, *, now: datetime) -> str:
    limit = member.who.max_per_week if isinstance(member.who, Person) else 0
    counted = f"{load.in_window} of {limit} meetings" if limit else count_of(load.in_window, "meeting")
    last = f", the last {humanize.relative(load.last, now)}" if load.last else ""
    declined = f", {load.declined} declined" if load.declined else ""
    return f"{counted}; {load.in_30_days} in the last 30 days{last}{declined}"
