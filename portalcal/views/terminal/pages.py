"""Terminal pages of connect, disconnect, calendars, simulator and `availability --explain`.

Foreign text is sanitized and never parsed as Rich markup.
"""

from __future__ import annotations

import shlex
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from portalcal import results
from portalcal.core.calendar_id import split
from portalcal.core.intervals import Interval
from portalcal.core.permissions import Permission
from portalcal.core.reason_text import count_of
from portalcal.core.slots import ReasonCode
from portalcal.core.time import format_date, format_time, local_date, zone_city
from portalcal.facts import why_unread
from portalcal.ports import Calendar, Revocation
from portalcal.sanitize import sanitize
from portalcal.views import humanize, reason_sentences
from portalcal.views.terminal.layout import USES, DefinitionList, Indented, columns, highlight_commands

if TYPE_CHECKING:
    from portalcal.core.assignment import PoolChoice


def calendars(choice: results.Choice, *, width: int) -> RenderableType:
    """Use, name, id, role and zone of each calendar, those in use first; stacked where they have no room on one line."""
    in_use = sorted(choice.calendars, key=lambda each: choice.selection.use_of(each) is None)
    rows = [_row(each, choice) for each in in_use]
    widest = (max(cell.cell_len for cell in column) for column in zip(_COLUMNS, *rows, strict=True))
    has_room = sum(widest) + _GAP * len(_COLUMNS) <= width
    page = _side_by_side(rows) if has_room else _stacked(in_use, choice)
    if not choice.is_pinned:
        return page
    return Group(
        page,
        "",
        highlight_commands("The selection is pinned in config.toml, so commands leave it alone", style="dim"),
    )


_COLUMNS = tuple(map(Text, ("Use", "Name", "Id", "Role", "Zone")))
_GAP = 2


def _row(calendar: Calendar, choice: results.Choice) -> tuple[Text, ...]:
    use = choice.selection.use_of(calendar)
    name = _calendar_name(calendar, is_used=use is not None)
    id_ = Text(sanitize(calendar.id), style="dim")
    return (
        Text(USES[use], style="green"),
        name,
        id_,
        *map(Text, map(sanitize, (calendar.role, calendar.timezone))),
    )


def _side_by_side(rows: list[tuple[Text, ...]]) -> RenderableType:
    page = columns(*(each.plain for each in _COLUMNS))
    for row in rows:
        page.add_row(*row)
    return page


def _stacked(calendars: list[Calendar], choice: results.Choice) -> RenderableType:
    """Three lines per calendar; the id has its own, so that it can be copied."""
    lines = []
    for calendar in calendars:
        use = choice.selection.use_of(calendar)
        name = _calendar_name(calendar, is_used=use is not None)
        lines.append(name.append(f"  {USES[use]}", style="not bold green") if use else name)
        lines.append(Text(f"  {sanitize(calendar.id)}", style="dim", overflow="fold"))
        lines.append(Text(f"  {sanitize(calendar.role)} · {sanitize(calendar.timezone)}", style="dim"))
    return Group(*lines)


def overlaps(answer: results.Overlaps) -> RenderableType:
    """The time that two events share, and under it the two; then the calendars that could not be read."""
    lines = []
    for overlap in answer.overlaps:
        start = overlap.span.start
        lines.append(Text(format_time(start, answer.zone, end=overlap.span.end), style="bold yellow"))
        day = local_date(start, answer.zone)
        lines += [_busy_event(each, answer.zone, day) for each in (overlap.first, overlap.second)]
    if not lines:
        lines = [Text("Nothing overlaps", style="green")]
    for each in answer.unread:
        name, why = sanitize(split(each.calendar).shown), sanitize(why_unread(each.unread or ""))
        lines.append(Text(f"not read: {name}: {why}", style="red"))
        hint = each.failure.hint if each.failure else None
        lines += [highlight_commands(f"  {sanitize(hint)}")] if hint else []
    return Group(*lines)


def _busy_event(event: results.BusyEvent, zone: ZoneInfo, day: date) -> Text:
    when = reason_sentences.format_span(event.span, zone, beside=day)
    title = f"  {sanitize(event.title)}" if event.title else ""
    kinds = reason_sentences.name_kinds(event.kinds)
    return Text(f"  {when}  {sanitize(split(event.calendar).shown)}{title}{kinds}")


def _calendar_name(calendar: Calendar, *, is_used: bool) -> Text:
    name = Text(sanitize(calendar.name), style="bold" if is_used else "")
    marks = [mark for mark, has in (("primary", calendar.is_primary), ("hidden", calendar.is_hidden)) if has]
    return name.append(f" ({', '.join(marks)})", style="not bold dim") if marks else name


def permissions_asked() -> RenderableType:
    """The permissions that consent asks for, each with its reason."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for permission in Permission:
        table.add_row(Text(f"• {permission.shown}", style="bold"), Text(permission.why, style="dim"))
    return table


def _ticked(granted: frozenset[Permission]) -> Text:
    marks = (
        (("✓", "green") if each in granted else ("✗ missing:", "red"), each.shown) for each in Permission
    )
    return Text("\n").join(Text.assemble(mark, f" {name}") for mark, name in marks)


def connected(answer: results.Connected, *, now: datetime) -> RenderableType:
    """The account, its permissions, and the selected calendars."""
    connection = answer.connection
    verb = "Already connected as" if answer.was_already else "Connected as"
    since = humanize.relative(connection.connected_at, now) if answer.was_already else None
    rows = DefinitionList([
        ("permissions", _ticked(connection.permissions)),
        ("conflicts", Text("\n").join(Text(sanitize(each)) for each in answer.selection.conflicts)),
        ("bookings", Text(sanitize(answer.selection.booking))),
        ("secrets in", _vault(connection.vault)),
        ("connected", since),
    ])  # fmt: skip
    headline = Text(f"{verb} ", style="bold").append(sanitize(connection.account), style="green")
    return Group(headline, "", rows)


def _vault(kind: str) -> str:
    return {"keyring": "the keyring of this machine", "file": "an encrypted file"}.get(kind, kind)


_END_AT_GOOGLE = "end it at https://myaccount.google.com/connections"


_REVOKED = {
    Revocation.REVOKED: "Google ended the grant, on all machines",
    Revocation.ALREADY_DEAD: "Google had ended the grant already",
    Revocation.UNREACHABLE: f"Google could not be reached: the grant may still stand there; {_END_AT_GOOGLE}",
    Revocation.KEPT: "the grant at Google was kept (--keep-grant)",
}


def disconnected(answer: results.Disconnected) -> RenderableType:
    """What was removed here and at Google, and the effect on bookings."""
    if answer.account is None and not answer.is_account_unknown:
        return Text("Not connected; nothing to do", style="bold")
    headline = Text("Disconnected ", style="bold").append(sanitize(answer.account or "an unknown account"))
    at_google = (
        f"the grant may still stand there; {_END_AT_GOOGLE}" if answer.why else _REVOKED[answer.revocation]
    )
    rows = DefinitionList([
        ("here", "not everything could be forgotten" if answer.left else "the account and its secrets are forgotten"),
        ("at Google", at_google),
        ("bookings", _kept_events(answer.upcoming)),
        ("from now on", "times rest on the configured schedule alone and may double-book"),
    ])  # fmt: skip
    return Group(headline, "", rows)


def _kept_events(upcoming: int | None) -> str:
    if upcoming is None:
        return "unknown; their events stay"
    keeps = "keeps its event" if upcoming == 1 else "keep their events"
    return f"{count_of(upcoming, 'upcoming booking')} {keeps}" if upcoming else "none upcoming"


def explanation(answer: results.Explanation, *, now: datetime) -> RenderableType:
    """Whether the time is offered, every reason, and the nearest offered times before and after."""
    when = humanize.meeting(answer.meeting, answer.zone)
    if answer.is_offered:
        headline = Text.assemble(("✓ ", "green"), f"{when} ", ("is offered", "green"), style="bold")
    else:
        headline = Text.assemble(("✗ ", "red"), f"{when} ", ("is not offered", "red"), style="bold")
    reasons: list[tuple[Text | str, Text | str]] = [
        (Text(_label(reason.why), style="yellow"), sentence)
        for reason, sentence in zip(answer.reasons, reason_sentences.format_reasons(answer), strict=True)
    ]
    reasons += _notes(answer)
    parts: list[RenderableType] = ["", DefinitionList(reasons, gap=2)] if reasons else []
    if answer.choices:
        parts += ["", DefinitionList([(each.pool, _order(each)) for each in answer.choices])]
    return Group(headline, *parts, "", _nearest(answer, now=now))


def _notes(answer: results.Explanation) -> list[tuple[Text | str, Text | str]]:
    return [("note", highlight_commands(each)) for each in reason_sentences.format_notes(answer)]


def _label(code: ReasonCode) -> str:
    """The code of a reason; a time that is held for an offer is not called "offered" beside those that are."""
    return "held" if code is ReasonCode.OFFERED else code.value


def _order(choice: PoolChoice) -> Text:
    """The members of a pool in the order of preference, and why those at the end cannot."""
    keys = [sanitize(each.person.key) for each in choice.order]
    widest = max(map(cell_len, keys), default=0)
    lines = []
    for key, each in zip(keys, choice.order, strict=True):
        count = count_of(each.meetings, "meeting")
        state = f"{count} in 30 days" if each.against is None else each.state
        lines.append(Text(key + " " * (widest - cell_len(key) + 2)).append(state, style="dim"))
    return Text("\n").join(lines)


def explained_day(answer: results.ExplainedDay, *, now: datetime) -> RenderableType:
    """How many starts of a day are offered, every start with its reasons, and the nearest offered times around the day.

    Starts in a row with the same reasons share a line.
    """
    day = answer.day
    offered = sum(each.is_offered for each in answer.starts)
    date = local_date(day.meeting.start, day.zone)
    count = f"{offered} of {count_of(len(answer.starts), 'start')}" if answer.starts else "no start"
    verb = "are" if len(answer.starts) > 1 else "is"
    headline = Text(f"{format_date(date)} ({zone_city(day.zone)}): {count} {verb} offered", style="bold")
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(style="yellow", no_wrap=True)
    table.add_column(overflow="fold")
    for reason, sentence in zip(day.reasons, reason_sentences.format_reasons(day), strict=True):
        table.add_row("all day", _label(reason.why), sentence)
    for sentences, group in groupby(answer.starts, key=reason_sentences.format_reasons):
        _add_starts(table, tuple(group), sentences)
    notes: list[RenderableType] = [DefinitionList(_notes(day), gap=2)] if day.notes else []
    return Group(headline, "", Indented(table), *notes, "", _nearest(day, now=now))


def _add_starts(table: Table, starts: tuple[results.Explanation, ...], sentences: tuple[str, ...]) -> None:
    first, last = (f"{each.meeting.start.astimezone(each.zone):%H:%M}" for each in (starts[0], starts[-1]))
    when = first if len(starts) == 1 else f"{first} … {last}"
    if not sentences:
        table.add_row(when, Text("offered", style="green"), "")
    for reason, sentence in zip(starts[0].reasons, sentences, strict=True):
        table.add_row(when, _label(reason.why), sentence)
        when = ""


def _nearest(answer: results.Explanation, *, now: datetime) -> RenderableType:
    around = [("earlier", answer.before), ("later", answer.after)]
    return DefinitionList([
        (side, _near(span, answer.zone, now=now) if span else Text("none within reach", style="dim"))
        for side, span in around
    ])  # fmt: skip


def _near(span: Interval, zone: ZoneInfo, *, now: datetime) -> Text:
    return Text(humanize.meeting(span, zone)).append(f"  {humanize.near(span, zone, now=now)}", style="dim")


def simulation(answer: results.Simulation) -> RenderableType:
    """The commands for another terminal, never wrapped, so that they can be copied."""
    lines = Text(no_wrap=True, overflow="ignore")
    lines.append("A small Google runs at ").append(answer.url, style="bold").append(f" for {answer.account}")
    lines.append(f", with {answer.events} events" if answer.events else "").append(".\n")
    for word, names in (("People", answer.people), ("Rooms", answer.rooms)):
        lines.append(f"{word}: {sanitize(', '.join(names))}.\n" if names else "")
    lines.append("\n")
    lines.append("In another terminal:\n\n")
    lines.append(f"  export PORTALCAL_CONFIG={shlex.quote(answer.config)}\n", style="bold cyan")
    if not answer.is_pinned:
        # A configuration that a person wrote. Its own workspace keeps test bookings apart from real ones.
        lines.append(f"  export PORTALCAL_WORKSPACE={answer.workspace}\n", style="bold cyan")
    lines.append("  portalcal connect\n\n", style="bold cyan")
    lines.append("Ctrl-C ends it. Requests:", style="dim")
    # In a Group: Rich loses `no_wrap` when it prints a lone Text.
    return Group(lines)
