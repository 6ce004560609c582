"""What `status` tells a person: the state first, then a calm line a check."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from portalcal import answers
from portalcal.core.diagnosis import Check, Condition, Health
from portalcal.views import words
from portalcal.views.foreign import shown, shown_lines
from portalcal.views.layout import USES, Facts, indented, prose

_MARKS = {
    Health.OK: ("✓", "green"),
    Health.WARN: ("!", "yellow"),
    Health.FAIL: ("✗", "red"),
    Health.SKIPPED: ("·", "dim"),
}
_WORST_FIRST = (Health.FAIL, Health.WARN, Health.OK, Health.SKIPPED)
_HEADLINES = {
    Condition.CONNECTED: "Connected: everything works",
    Condition.DEGRADED: "Connected, with something to look at",
    Condition.DISCONNECTED: "Not connected",
    Condition.EXPIRED: "The connection has expired",
    Condition.REVOKED: "The connection was ended at Google",
    Condition.PERMISSION_MISSING: "A permission is missing",
    Condition.REAUTH_REQUIRED: "Google wants the person to sign in again",
    Condition.VAULT_UNAVAILABLE: "The vault for secrets cannot be used",
    Condition.MISCONFIGURED: "Something must be configured",
    Condition.UNREACHABLE: "Google cannot be reached",
    Condition.RATE_LIMITED: "Google asks to slow down",
}


def status(answer: answers.Diagnosis, *, now: datetime) -> RenderableType:
    """The state as first line, then a line a check; when something is wrong, that comes first, each with its fix."""
    mark, colour = _MARKS[_health_of(answer.condition)]
    headline = Text(f"{mark} {_headline(answer)}", style=f"bold {colour}")
    about = [shown(each) for each in (answer.account, f"workspace {answer.workspace}") if each]
    about.append(f"checked {words.relative(answer.checked_at, now)}")
    sick = _sick(answer)
    well = sorted(
        (each for each in answer.checks if each not in sick),
        key=lambda each: bool(sick) and each.health is Health.SKIPPED,
    )
    return Group(
        headline,
        indented(Text(" · ".join(about), style="dim")),
        "",
        _checks(sick, well),
        *_of_calendars(answer),
        *_of_bookings(answer),
    )


def overview(answer: answers.Diagnoses) -> RenderableType:
    """A line a workspace: whether it works, and if not, the first thing that helps."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=1)
    for _ in range(3):
        table.add_column(overflow="fold")
    for each in answer.diagnoses:
        mark, colour = _MARKS[_health_of(each.condition)]
        told = Text(_headline(each))
        hint = next((check.hint for check in _sick(each) if check.hint), None)
        if hint:
            told = Text.assemble(told, ": ", prose(hint))
        table.add_row(
            Text(mark, style=colour),
            Text(shown(each.workspace), style="bold"),
            shown(each.account or "-"),
            told,
        )
    return table


def _sick(answer: answers.Diagnosis) -> list[Check]:
    """The checks that did not come out well, the worst first."""
    found = [each for each in answer.checks if each.health in {Health.FAIL, Health.WARN}]
    return sorted(found, key=lambda each: _WORST_FIRST.index(each.health))


def _headline(answer: answers.Diagnosis) -> str:
    """The state in words. What cannot be reached is not always Google."""
    first = next((each.name for each in _sick(answer)), "")
    if answer.condition is Condition.UNREACHABLE and not first.startswith(("google", "grant", "calendars")):
        return f"Something on this machine does not answer: {first}"
    return _HEADLINES[answer.condition]


def _health_of(condition: Condition) -> Health:
    if condition is Condition.CONNECTED:
        return Health.OK
    return Health.WARN if condition is Condition.DEGRADED else Health.FAIL


def _checks(sick: Sequence[Check], well: Sequence[Check]) -> Table:
    """A line a check under one set of columns; what is wrong stands apart at the top."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in (*sick, *well):
        if sick and well and each is well[0]:
            table.add_row()
        mark, colour = _MARKS[each.health]
        detail = prose(
            "\n".join(shown_lines(each.detail)), style="dim" if each.health is Health.SKIPPED else ""
        )
        if each.hint:
            detail = Text("\n").join([detail, Text.assemble(("hint: ", "dim"), prose(each.hint))])
        style = "bold" if each.health in {Health.FAIL, Health.WARN} else "dim"
        table.add_row(Text(mark, style=colour), Text(each.name, style=style), detail)
    return table


def _of_calendars(answer: answers.Diagnosis) -> tuple[RenderableType, ...]:
    if not answer.calendars:
        return ()
    widest = max(len(USES.get(each.use, each.use)) for each in answer.calendars)
    lines = [
        Text.assemble(
            (USES.get(each.use, each.use).ljust(widest), "green"),
            f"  {shown(each.calendar.name)}",
            ("" if each.state == "ok" else f"  {shown(each.state)}", "red"),
        )
        for each in answer.calendars
    ]
    return ("", Facts([("calendars", Text("\n").join(lines))], indent=0))


def _of_bookings(answer: answers.Diagnosis) -> tuple[RenderableType, ...]:
    tally = answer.tally
    if tally is None:
        return ()
    counts = [f"{tally.live} live"]
    counts += [f"{tally.held} held"] if tally.held else []
    counts += [f"{tally.overdue} overdue"] if tally.overdue else []
    counts += [f"{tally.without_event} without an event"] if tally.without_event else []
    return ("" if not answer.calendars else Text(), Facts([("bookings ", " · ".join(counts))], indent=0))
