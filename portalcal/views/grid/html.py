"""The availability grid as an HTML page to send or print: no script, no external resource, readable without colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from html import escape
from itertools import groupby

from portalcal.core.intervals import Interval
from portalcal.core.reason_text import count_of, opens_until
from portalcal.core.time import zone_city
from portalcal.results import Availability, Basis
from portalcal.sanitize import sanitize
from portalcal.views import humanize
from portalcal.views.grid import cells
from portalcal.views.grid.cells import Cell, CellKind, GridDay, Sheet

_NAMES = {
    CellKind.ROOM: "free, no start",
    CellKind.BOOKED: "booked",
    CellKind.HELD: "held by an offer",
    CellKind.BUSY: "busy",
    CellKind.PAST: "past",
    CellKind.BEYOND: "too far ahead",
    CellKind.UNOFFERED: "not offered",
    CellKind.SKIPPED: "skipped by the clocks",
}


_SIGNS = {CellKind.PAST: "·", CellKind.BEYOND: "›", CellKind.UNOFFERED: "–", CellKind.SKIPPED: "×"}


_LABELS = {CellKind.BOOKED: "booked", CellKind.HELD: "held", CellKind.BUSY: "busy"}


_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2024; --quiet: #6a737d; --line: #e3e6ea; --free: #0f7a3d;
  --free-paper: #e4f5ea; --busy: #eceff2; --booked: #dbe6fb; --booked-ink: #2450a8; --today: #0b6e85; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181b; --ink: #e3e6ea; --quiet: #8b949e; --line: #2b2f34;
  --free: #7fdca0; --free-paper: #16301f; --busy: #24282d; --booked: #1d2c4d; --booked-ink: #a5c0f7; --today: #58c4dc; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; letter-spacing: -.01em; }
h2 { margin: 2rem 0 .6rem; font-size: 1.05rem; }
h2 small, .quiet, footer { color: var(--quiet); font-weight: 400; font-size: .9rem; }
p { margin: .2rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: separate; border-spacing: 4px 0; width: 100%; table-layout: fixed; min-width: 42rem;
  font-variant-numeric: tabular-nums; }
th { padding: .3rem .2rem; text-align: left; font-weight: 600; }
thead th { border-bottom: 1px solid var(--line); vertical-align: top; }
thead small { display: block; min-height: 1.1em; font-weight: 400; color: var(--quiet); }
.axis { width: 3.6rem; padding: .2rem; vertical-align: top; color: var(--quiet); font-weight: 400; font-size: .85rem; white-space: nowrap; }
td { height: 1.7rem; padding: 1px 0; vertical-align: top; font-size: .9rem; }
td.axis { padding: .2rem; font-size: .85rem; }
td > span { display: block; height: 100%; min-height: 1.5rem; padding: .15rem .4rem; border-radius: 5px; line-height: 1.35; }
.offered > span { background: var(--free-paper); color: var(--free); font-weight: 600; }
.offered b { float: right; }
.able1 > span { opacity: .72; border-left: 2px solid var(--free); }
.able2 > span { border-left: 5px solid var(--free); }
.able3 > span { border-left: 9px solid var(--free); }
.room > span { border-left: 3px dotted var(--free); border-radius: 0; }
.busy > span { background: repeating-linear-gradient(135deg, var(--busy) 0 6px, transparent 6px 9px); color: var(--quiet); }
.booked > span { background: var(--booked); color: var(--booked-ink); }
.held > span, .legend .held { border: 1px dashed var(--booked-ink); color: var(--booked-ink); }
.past > span, .beyond > span, .unoffered > span, .skipped > span { color: var(--quiet); }
.today { color: var(--today); box-shadow: inset 0 -2px var(--today); }
.today small { color: var(--today); }
.shut { color: var(--quiet); font-weight: 400; }
.legend { margin-top: 1.2rem; display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; font-size: .85rem; color: var(--quiet); }
.legend b { display: inline-block; width: 2.2rem; height: 1.1rem; margin-right: .4rem; border-radius: 4px; vertical-align: -.2rem; }
.legend .offered { background: var(--free-paper); border: 1px solid var(--free); }
.legend .busy { background: repeating-linear-gradient(135deg, var(--busy) 0 6px, transparent 6px 9px); border: 1px solid var(--line); }
.legend .booked { background: var(--booked); }
.legend .room { border-left: 3px dotted var(--free); border-radius: 0; width: .4rem; }
footer { margin-top: 1.6rem; border-top: 1px solid var(--line); padding-top: .7rem; }
@media print { :root { --paper: #fff; --ink: #000; } body { padding: 0; max-width: none; font-size: 11px; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } section { break-inside: avoid; }
  td { height: 1.25rem; } td > span { min-height: 1.1rem; padding-top: 0; } @page { size: landscape; margin: 12mm; } }
"""


def as_page(answer: Availability) -> str:
    """The HTML document. It contains no calendar, title or guest; of people, the names of those who could come."""
    sheet = cells.sheet(answer)
    link = f"{sanitize(answer.inputs.link)} · " if answer.inputs.link else ""
    title = f"Open times for a meeting of {humanize.length(answer.inputs.rules.duration)}"
    weeks = "\n".join(_week(sheet, days, answer) for days in sheet.weeks)
    nothing = "" if answer.slots else "<p><strong>No time is offered in these days.</strong></p>"
    nothing += f"<p>Too far ahead: {opens_until(answer.inputs)}.</p>" if answer.beyond else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="quiet">{escape(f"{link}times in {_zones(answer)}")}</p>
{nothing}
{weeks}
{_legend(sheet)}
<footer>{escape(_basis(answer))}</footer>
</body>
</html>
"""


def as_guest_page(answer: Availability) -> str:
    """The HTML document for guests: the offered times alone, and nothing of what is in the way of the others."""
    title = f"Times for a meeting of {humanize.length(answer.inputs.rules.duration)}"
    nothing = "" if answer.slots else "<p><strong>No time is offered in these days.</strong></p>"
    days = "\n".join(
        f'<section><h2>{escape(humanize.long_date(day.date))} <small>{day.date.year}</small></h2>\n<p class="times">'
        + "\n".join(_guest_time(slot, answer) for slot in day.slots)
        + "</p></section>"
        for day in answer.days
        if day.slots
    )
    zone = f"All times are in {zone_city(answer.zone)} ({answer.zone.key})."
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>{_STYLE}{_GUEST_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="quiet">{escape(zone)}</p>
{nothing}
{days}
</body>
</html>
"""


_GUEST_STYLE = """
.times { display: flex; flex-wrap: wrap; gap: .5rem; }
.times time { padding: .25rem .7rem; border-radius: 5px; background: var(--free-paper); color: var(--free);
  font-weight: 600; font-variant-numeric: tabular-nums; }
"""


def _guest_time(slot: Interval, answer: Availability) -> str:
    start, end = (each.astimezone(answer.zone) for each in (slot.start, slot.end))
    return f'<time datetime="{start.isoformat(timespec="minutes")}">{start:%H:%M}–{end:%H:%M}</time>'


def _zones(answer: Availability) -> str:
    own, zone = answer.inputs.schedule.zone, answer.zone
    beside = "" if own.key == zone.key else f", beside them {zone_city(own)} ({own.key})"
    return f"{zone_city(zone)} ({zone.key}){beside}"


def _basis(answer: Availability) -> str:
    at = f"{humanize.long_date(answer.checked_at.astimezone(answer.zone).date())}, {answer.checked_at.astimezone(answer.zone):%H:%M}"
    if answer.basis is Basis.SCHEDULE:
        return f"From the configured hours alone, on {at}. A time may turn out to be taken."
    asked, unread = len(answer.checked), len(answer.unread)
    short = f" {count_of(unread, 'calendar')} could not be read, so times are not verified." if unread else ""
    accounts = f" in {count_of(answer.account_count, 'account')}" if answer.account_count > 1 else ""
    return f"Checked {count_of(asked - unread, 'calendar')}{accounts} on {at}.{short}"


def _week(sheet: Sheet, days: Sequence[GridDay], answer: Availability) -> str:
    dates = cells.date_range(days[0].date, days[-1].date)
    heading = f"<h2>{cells.week_label(days)} <small>{dates}</small></h2>"
    if all(day.kinds <= {CellKind.CLOSED} for day in days):
        names = "".join(f"<br>{escape(sanitize(each))}" for each in cells.named_days(days))
        return f'<section>{heading}<p class="quiet">closed{names}</p></section>'
    head = "".join(map(_day_head, days))
    columns = [dict(_column(day, sheet.members)) for day in days]
    body = "\n".join(
        f"<tr>{_axis(sheet.rows[n], days[0])}{''.join(column.get(n, '') for column in columns)}</tr>"
        for n in range(len(sheet.rows))
    )
    return f"""<section>{heading}<div class="wide"><table>
<thead><tr>{_axis_head(days[0], answer)}{head}</tr></thead>
<tbody>
{body}
</tbody></table></div></section>"""


def _axis_head(day: GridDay, answer: Availability) -> str:
    if day.ahead is None:
        return '<th class="axis" scope="col"><span hidden>Time</span></th>'
    noon = datetime.combine(day.date, time(12))
    zones = (answer.zone, answer.inputs.schedule.zone)
    return "".join(f'<th class="axis" scope="col">{noon.replace(tzinfo=zone):%Z}</th>' for zone in zones)


def _axis(row: int, day: GridDay) -> str:
    own = f'<th class="axis" scope="row">{cells.clock(row)}</th>'
    if day.ahead is None:
        return own
    return f'{own}<td class="axis">{cells.clock(row + day.ahead // timedelta(minutes=1))}</td>'


def _day_head(day: GridDay) -> str:
    notes = ["today"] if day.is_today else []
    notes += (
        [f"a day of {day.hours:g} hours" if day.hours else "no such day"] if day.hours is not None else []
    )
    is_shut = day.kinds <= {CellKind.CLOSED}
    notes += [f"full ({day.full})"] if day.full else ["closed"] if is_shut else []
    notes += ["too far ahead"] if day.is_beyond and not is_shut else []
    notes += [escape(sanitize(each)) for each in day.names]
    mark = ' class="today"' if day.is_today else ' class="shut"' if is_shut else ""
    return f'<th scope="col"{mark}>{day.date:%a} {day.date.day} {day.date:%b}<small>{", ".join(notes)}</small></th>'


def _column(day: GridDay, pool_size: int) -> Iterator[tuple[int, str]]:
    """The cells of a day by row; adjacent cells of one kind are merged with rowspan."""
    for (kind, _), group in groupby(enumerate(day.cells), key=lambda each: _merge_key(*each)):
        members = list(group)
        tall = f' rowspan="{len(members)}"' if len(members) > 1 else ""
        n, cell = members[0]
        shade = "" if cell.able is None else f" able{cells.shade(cell.able, pool_size)}"
        yield n, f'<td class="{kind.name.lower()}{shade}"{tall}>{_inside(cell)}</td>'


def _merge_key(n: int, cell: Cell) -> tuple[CellKind, int]:
    """Key for merging: offered cells are never merged, since each shows its times."""
    return cell.kind, n if cell.kind is CellKind.OFFERED else -1


def _inside(cell: Cell) -> str:
    if cell.kind is CellKind.OFFERED:
        return _starts(cell)
    if cell.kind is CellKind.CLOSED:
        return ""
    name = _NAMES[cell.kind]
    label = _LABELS.get(cell.kind) or _SIGNS.get(cell.kind, "")
    return f'<span title="{name}">{label}</span>'


def _starts(cell: Cell) -> str:
    """The starts of a cell; with its title for who could take them, and a mark for how many of a pool could."""
    times = " ".join(map(_time, cell.starts))
    named = (f"{start:%H:%M} {who}" for start, who in zip(cell.starts, cell.takers, strict=False) if who)
    lines = "\n".join(escape(sanitize(each), quote=True) for each in named)
    title = f' title="{lines}"' if lines else ""
    count = f" <b>{cell.able}</b>" if cell.able is not None else ""
    return f"<span{title}>{times}{count}</span>"


def _time(start: datetime) -> str:
    return f'<time datetime="{start.isoformat(timespec="minutes")}">{start:%H:%M}</time>'


def _legend(sheet: Sheet) -> str:
    present = [kind for kind in _NAMES if kind in sheet.kinds]
    items = [
        f'<span><b class="{kind.name.lower()}"></b>{_NAMES[kind]}</span>'
        for kind in present
        if kind not in _SIGNS
    ]
    items += [f"<span>{_SIGNS[kind]} {_NAMES[kind]}</span>" for kind in present if kind in _SIGNS]
    if sheet.members:
        items.append("<span>the number: how many of the pool can come</span>")
    if not items:
        return ""
    return f'<p class="legend"><span><b class="offered"></b>offered</span>{"".join(items)}</p>'
