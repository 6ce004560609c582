"""Terminal pages of `status`: the connection state, then one line per check."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from portalcal import results
from portalcal.core.calendar_id import split
from portalcal.core.health import Check, CheckStatus, ConnectionState
from portalcal.facts import why_unread
from portalcal.ports import Calendar
from portalcal.sanitize import sanitize, sanitize_lines
from portalcal.views import humanize
from portalcal.views.terminal.layout import (
    USES,
    DefinitionList,
    Finding,
    Findings,
    Indented,
    highlight_commands,
)

_MARKS = {
    CheckStatus.OK: ("✓", "green"),
    CheckStatus.WARN: ("!", "yellow"),
    CheckStatus.FAIL: ("✗", "red"),
    CheckStatus.SKIPPED: ("·", "dim"),
}


_WORST_FIRST = (CheckStatus.FAIL, CheckStatus.WARN, CheckStatus.OK, CheckStatus.SKIPPED)


_HEADLINES = {
    ConnectionState.CONNECTED: "Connected: everything works",
    ConnectionState.DEGRADED: "Connected, with something to look at",
    ConnectionState.BLOCKED: "Connected, but bookings are refused until this is mended",
    ConnectionState.DISCONNECTED: "Not connected",
    ConnectionState.EXPIRED: "The connection has expired",
    ConnectionState.REVOKED: "The connection was ended at Google",
    ConnectionState.PERMISSION_MISSING: "A permission is missing",
    ConnectionState.REAUTH_REQUIRED: "Google wants the person to sign in again",
    ConnectionState.VAULT_UNAVAILABLE: "The vault for secrets cannot be used",
    ConnectionState.MISCONFIGURED: "Something must be configured",
    ConnectionState.UNREACHABLE: "Google cannot be reached",
    ConnectionState.RATE_LIMITED: "Google asks to slow down",
}


_OFFLINE_HEADLINES = {
    ConnectionState.CONNECTED: "Looks connected; Google was not asked",
    ConnectionState.DEGRADED: "Looks connected, with something to look at; Google was not asked",
}


def status(answer: results.Diagnosis, *, now: datetime) -> RenderableType:
    """The state in the first line, then one line per check: failures and warnings first, with their hints."""
    mark, colour = _MARKS[_severity(answer.state)]
    headline = Text(f"{mark} {_headline(answer)}", style=f"bold {colour}")
    about = [sanitize(each) for each in (answer.account, f"workspace {answer.workspace}") if each]
    about.append(f"checked {humanize.relative(answer.checked_at, now)}")
    problems = _problems(answer)
    others = [each for each in answer.checks if each not in problems]
    return Group(
        headline,
        Indented(Text(" · ".join(about), style="dim")),
        "",
        _checks(problems, others, answer),
        *_calendars(answer),
        *_bookings(answer, now=now),
    )


def overview(answer: results.Diagnoses, *, is_line_each: bool) -> RenderableType:
    """The state of each workspace, and the hint of its worst check.

    `is_line_each`: one line per workspace, for a pipe; else commands in hints have lines of their own.
    """
    if not is_line_each:
        return Findings(_workspace(each) for each in answer.diagnoses)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=1)
    for _ in range(3):
        table.add_column(overflow="fold")
    for diagnosis in answer.diagnoses:
        mark, colour = _MARKS[_severity(diagnosis.state)]
        summary = Text(_headline(diagnosis))
        hint = _worst_hint(diagnosis)
        if hint:
            summary = Text.assemble(summary, ": ", highlight_commands(hint))
        if diagnosis.reads:
            summary.append("\n").append_text(_reads(diagnosis))
        table.add_row(
            Text(mark, style=colour),
            Text(sanitize(diagnosis.workspace), style="bold"),
            sanitize(diagnosis.account or "-"),
            summary,
        )
    return table


def _workspace(diagnosis: results.Diagnosis) -> Finding:
    mark, colour = _MARKS[_severity(diagnosis.state)]
    texts = [Text(_headline(diagnosis))]
    if diagnosis.account:
        texts.insert(0, Text(sanitize(diagnosis.account)))
    if hint := _worst_hint(diagnosis):
        texts.append(_hint(hint))
    if diagnosis.reads:
        texts.append(_reads(diagnosis))
    name = Text(sanitize(diagnosis.workspace), style="bold")
    return Finding(Text(mark, style=colour), name, tuple(texts))


def _worst_hint(diagnosis: results.Diagnosis) -> str | None:
    return next((check.hint for check in _problems(diagnosis) if check.hint), None)


def _hint(hint: str) -> Text:
    return Text.assemble(("hint: ", "dim"), sanitize(hint))


def _reads(diagnosis: results.Diagnosis) -> Text:
    return Text(f"reads calendars of {', '.join(map(sanitize, diagnosis.reads))}", style="dim")


def _problems(answer: results.Diagnosis) -> list[Check]:
    """Failed checks and warnings, failures first."""
    problems = [each for each in answer.checks if each.status in {CheckStatus.FAIL, CheckStatus.WARN}]
    return sorted(problems, key=lambda each: _WORST_FIRST.index(each.status))


def _headline(answer: results.Diagnosis) -> str:
    """The state in words. UNREACHABLE may also be a service of this machine, such as the keyring."""
    first = next((each.name for each in _problems(answer)), "")
    if answer.state is ConnectionState.UNREACHABLE and first == "calendars.conflicts":
        return "Google does not tell the busy times of a calendar"
    if answer.state is ConnectionState.UNREACHABLE and not first.startswith(("google", "grant", "calendars")):
        return f"Something on this machine does not answer: {first}"
    if answer.is_offline and answer.state in _OFFLINE_HEADLINES:
        return _OFFLINE_HEADLINES[answer.state]
    return _HEADLINES[answer.state]


def _severity(state: ConnectionState) -> CheckStatus:
    if state is ConnectionState.CONNECTED:
        return CheckStatus.OK
    return CheckStatus.WARN if state is ConnectionState.DEGRADED else CheckStatus.FAIL


def _checks(problems: Sequence[Check], others: Sequence[Check], answer: results.Diagnosis) -> RenderableType:
    """One line per check; problems come first, set off by an empty line. Checks skipped for one reason share a line."""
    done = [each for each in others if each.status is not CheckStatus.SKIPPED]
    skipped = [each for each in others if each.status is CheckStatus.SKIPPED]
    rows = [_finding(check, answer) for check in problems]
    if problems and others:
        rows.append(Finding(Text(" "), Text(""), ()))
    rows += [_finding(check, answer) for check in done]
    rows += [_skipped(why, [each for each in skipped if each.detail == why]) for why in _reasons(skipped)]
    return Findings(rows)


def _finding(check: Check, answer: results.Diagnosis) -> Finding:
    mark, colour = _MARKS[check.status]
    detail = "\n".join(sanitize_lines(_named(check, answer)))
    texts = [Text(detail, style="dim" if check.status is CheckStatus.SKIPPED else "")]
    if check.hint:
        texts.append(_hint(check.hint))
    style = "bold" if check.status in {CheckStatus.FAIL, CheckStatus.WARN} else "dim"
    return Finding(Text(mark, style=colour), Text(check.name, style=style), tuple(texts))


def _named(check: Check, answer: results.Diagnosis) -> str:
    """The detail; of the conflict calendars with their names, which a report must not have."""
    if check.name != "calendars.conflicts" or check.status is not CheckStatus.OK:
        return check.detail
    names = [each.calendar.name for each in answer.calendars if each.use in {"conflicts", "both"}]
    return f"{', '.join(names)}: readable" if names else check.detail


def _reasons(skipped: Sequence[Check]) -> list[str]:
    return list(dict.fromkeys(each.detail for each in skipped))


def _skipped(why: str, checks: Sequence[Check]) -> Finding:
    """The checks that were skipped for one reason, on one line."""
    mark, colour = _MARKS[CheckStatus.SKIPPED]
    if len(checks) == 1:
        return Finding(Text(mark, style=colour), Text(checks[0].name, style="dim"), (Text(why, style="dim"),))
    names = ", ".join(each.name for each in checks)
    detail = f"{why.replace('rests on', 'rest on', 1)}: {names}"
    name = Text(f"{len(checks)} checks", style="dim")
    return Finding(Text(mark, style=colour), name, (Text(sanitize(detail), style="dim"),))


def _calendars(answer: results.Diagnosis) -> tuple[RenderableType, ...]:
    if not answer.calendars:
        return ()
    widest = max(len(USES.get(each.use, each.use)) for each in answer.calendars)
    lines = [
        Text.assemble(
            (USES.get(each.use, each.use).ljust(widest), "green"),
            f"  {sanitize(_name(each.calendar))}",
            ("" if each.state == "ok" else f"  {sanitize(why_unread(each.state))}", "red"),
        )
        for each in answer.calendars
    ]
    return ("", DefinitionList([("calendars", Text("\n").join(lines))], indent=0))


def _name(calendar: Calendar) -> str:
    """The name of a calendar; of another workspace's, its id with the workspace."""
    id_ = split(calendar.id)
    return calendar.name if id_.workspace is None else id_.shown


def _bookings(answer: results.Diagnosis, *, now: datetime) -> tuple[RenderableType, ...]:
    tally = answer.tally
    if tally is None:
        return ()
    counts = [f"{tally.live} live"]
    counts += [f"{tally.held} held"] if tally.held else []
    counts += [f"{tally.overdue} overdue"] if tally.overdue else []
    counts += [f"{tally.without_event} without an event"] if tally.without_event else []
    counts += [f"synchronised {humanize.relative(answer.last_sync, now)}"] if answer.last_sync else []
    return (
        "" if not answer.calendars else Text(),
        DefinitionList([("bookings ", " · ".join(counts))], indent=0),
    )
