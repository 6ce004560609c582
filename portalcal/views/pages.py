"""Pages about the connection and its calendars, and the one that says why a time is not offered.

Foreign text passes through `shown` everywhere and is never read as markup.
"""

from __future__ import annotations

import shlex
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from portalcal import answers
from portalcal.core.intervals import Interval
from portalcal.core.objections import in_words
from portalcal.core.permissions import Permission
from portalcal.ports import Calendar, Revocation
from portalcal.views import reasons, words
from portalcal.views.foreign import shown
from portalcal.views.layout import USES, Facts, columns, indented, prose


def calendars(choice: answers.Choice, *, width: int) -> RenderableType:
    """Use, name, id, role and zone of each calendar, those in use first; a narrow page stacks them."""
    in_use = sorted(choice.calendars, key=lambda each: choice.selection.use_of(each) is None)
    page = _side_by_side(in_use, choice) if width >= 100 else _stacked(in_use, choice)
    if not choice.is_pinned:
        return page
    return Group(
        page, "", prose("The selection is pinned in config.toml, so commands leave it alone", style="dim")
    )


def _side_by_side(calendars: list[Calendar], choice: answers.Choice) -> RenderableType:
    page = columns("Use", "Name", "Id", "Role", "Zone")
    for each in calendars:
        use = choice.selection.use_of(each)
        name, id_ = _calendar_name(each, is_used=use is not None), Text(shown(each.id), style="dim")
        page.add_row(Text(USES[use], style="green"), name, id_, shown(each.role), shown(each.timezone))
    return page


def _stacked(calendars: list[Calendar], choice: answers.Choice) -> RenderableType:
    """An id on a line of its own can still be copied."""
    lines = []
    for each in calendars:
        use = choice.selection.use_of(each)
        name = _calendar_name(each, is_used=use is not None)
        lines.append(name.append(f"  {USES[use]}", style="not bold green") if use else name)
        lines.append(Text(f"  {shown(each.id)}", style="dim", overflow="fold"))
        lines.append(Text(f"  {shown(each.role)} · {shown(each.timezone)}", style="dim"))
    return Group(*lines)


def _calendar_name(calendar: Calendar, *, is_used: bool) -> Text:
    name = Text(shown(calendar.name), style="bold" if is_used else "")
    marks = [mark for mark, has in (("primary", calendar.is_primary), ("hidden", calendar.is_hidden)) if has]
    return name.append(f" ({', '.join(marks)})", style="not bold dim") if marks else name


def permissions_asked() -> RenderableType:
    """What consent will be asked for, and why."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for each in Permission:
        table.add_row(Text(f"• {each.shown}", style="bold"), Text(each.why, style="dim"))
    return table


def _ticked(granted: frozenset[Permission]) -> Text:
    marks = (
        (("✓", "green") if each in granted else ("✗ missing:", "red"), each.shown) for each in Permission
    )
    return Text("\n").join(Text.assemble(mark, f" {name}") for mark, name in marks)


def connected(answer: answers.Connected, *, now: datetime) -> RenderableType:
    """Who is connected, with what permissions, and which calendars count."""
    connection = answer.connection
    verb = "Already connected as" if answer.was_already else "Connected as"
    since = words.relative(connection.connected_at, now) if answer.was_already else None
    rows = Facts([
        ("permissions", _ticked(connection.permissions)),
        ("conflicts", Text("\n").join(Text(shown(each)) for each in answer.selection.conflicts)),
        ("bookings", Text(shown(answer.selection.booking))),
        ("secrets in", _vault(connection.vault)),
        ("connected", since),
    ])  # fmt: skip
    headline = Text(f"{verb} ", style="bold").append(shown(connection.account), style="green")
    return Group(headline, "", rows)


def _vault(kind: str) -> str:
    return {"keyring": "the keyring of this machine", "file": "an encrypted file"}.get(kind, kind)


_REVOKED = {
    Revocation.REVOKED: "Google ended the grant, on all machines",
    Revocation.ALREADY_DEAD: "Google had ended the grant already",
    Revocation.UNREACHABLE: "Google could not be reached: the grant may still stand there; "
    "end it at https://myaccount.google.com/connections",
    Revocation.KEPT: "the grant at Google was kept (--keep-grant)",
}


def disconnected(answer: answers.Disconnected) -> RenderableType:
    """What was forgotten, what Google did, and what that means for bookings."""
    if answer.account is None:
        return Text("Not connected; nothing to do", style="bold")
    headline = Text("Disconnected ", style="bold").append(shown(answer.account))
    upcoming = in_words(answer.upcoming, "upcoming booking")
    keeps = "keeps its event" if answer.upcoming == 1 else "keep their events"
    rows = Facts([
        ("here", "the account and its secrets are forgotten"),
        ("at Google", _REVOKED[answer.revocation]),
        ("bookings", f"{upcoming} {keeps}" if answer.upcoming else "none upcoming"),
        ("from now on", "times rest on the configured schedule alone and may double-book"),
    ])  # fmt: skip
    return Group(headline, "", rows)


def explanation(answer: answers.Explanation, *, now: datetime) -> RenderableType:
    """Offered or not, every reason, and the nearest meetings before and after."""
    when = words.meeting(answer.meeting, answer.zone)
    if answer.is_offered:
        headline = Text.assemble(("✓ ", "green"), f"{when} ", ("is offered", "green"), style="bold")
    else:
        headline = Text.assemble(("✗ ", "red"), f"{when} ", ("is not offered", "red"), style="bold")
    told = Table.grid(padding=(0, 2, 0, 0))
    told.add_column(style="yellow", no_wrap=True)
    told.add_column(overflow="fold")
    for reason, sentence in zip(answer.reasons, reasons.sentences(answer), strict=True):
        told.add_row(reason.why.value, sentence)
    for sentence in reasons.note_sentences(answer):
        told.add_row(Text("note", style="dim"), prose(sentence))
    around = [("earlier", answer.before), ("later", answer.after)]
    nearest = Facts([
        (side, _near(span, answer.zone, now=now) if span else Text("none within reach", style="dim"))
        for side, span in around
    ])  # fmt: skip
    parts: list[RenderableType] = ["", indented(told)] if answer.reasons or answer.notes else []
    return Group(headline, *parts, "", nearest)


def _near(span: Interval, zone: ZoneInfo, *, now: datetime) -> Text:
    return Text(words.meeting(span, zone)).append(f"  {words.near(span, zone, now=now)}", style="dim")


def simulation(answer: answers.Simulation) -> RenderableType:
    """What to type in another terminal, each line whole so that it can be copied."""
    lines = Text(no_wrap=True, overflow="ignore")
    lines.append("A small Google runs at ").append(answer.url, style="bold").append(f" for {answer.account}")
    lines.append(f", with {answer.events} events" if answer.events else "").append(".\n\n")
    lines.append("In another terminal:\n\n")
    lines.append(f"  export PORTALCAL_CONFIG={shlex.quote(answer.config)}\n", style="bold cyan")
    # A workspace of its own keeps play bookings apart from real ones.
    lines.append("  export PORTALCAL_WORKSPACE=simulator\n", style="bold cyan")
    lines.append("  portalcal connect\n\n", style="bold cyan")
    lines.append("Ctrl-C ends it. Requests:", style="dim")
    # A Text printed by itself is joined anew by Rich, which forgets that it must not be wrapped.
    return Group(lines)
