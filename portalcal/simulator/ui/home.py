"""HTML of the control page at `/`: calendars, grants, request log, mail, and controls for faults and policy.

Forms without scripts; every change is a POST that redirects back here.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from html import escape

from portalcal.simulator.calendar import instants
from portalcal.simulator.calendar.model import Model, StoredCalendar
from portalcal.simulator.faults.faults import Faults
from portalcal.simulator.http.request_log import LoggedExchange, RequestLog
from portalcal.simulator.oauth import scopes
from portalcal.simulator.oauth.authorize import CONSENT_MODES, Authorization
from portalcal.simulator.oauth.grants import Grants, StoredGrant
from portalcal.simulator.ui import week
from portalcal.simulator.ui.pages import STYLE, document

_STYLE = (
    STYLE
    + week.STYLE
    + """
main { max-width: 84rem; margin: 0 auto; background: none; border: 0; padding: 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: baseline; margin-bottom: 1rem; }
header h1 { margin: 0; } h2 { font-size: 1.05rem; font-weight: 600; margin: 0 0 .6rem; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 1rem; padding: 1rem 1.1rem;
  margin-bottom: 1rem; min-width: 0; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 1rem; align-items: start; }
nav { display: flex; gap: 1rem; align-items: center; flex-wrap: wrap; margin-bottom: .75rem; }
a { color: var(--blue); } .legend { display: inline-flex; gap: .4rem; align-items: center; font-size: .85rem; }
.legend i { width: .8rem; height: .8rem; border-radius: 50%; background: var(--c); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .85rem; }
th { text-align: left; font-weight: 500; color: var(--soft); }
th, td { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.num { text-align: right; font-variant-numeric: tabular-nums; } .bad { color: var(--red); font-weight: 600; }
form.inline { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: .35rem 0; }
button { padding: .25rem .9rem; font-size: .85rem; } .switch { min-width: 3.6rem; }
.switch[aria-pressed=true] { background: var(--red); border-color: var(--red); color: var(--paper); }
input[type=text], select { font: inherit; font-size: .85rem; padding: .3rem .6rem; border: 1px solid var(--line);
  border-radius: .5rem; background: var(--paper); color: var(--ink); flex: 1; min-width: 10rem; }
.switches { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 0 1rem; }
.switches form { flex-wrap: nowrap; font-size: .9rem; } header h1 { margin: 0; }
.empty { color: var(--soft); font-size: .9rem; margin: 0; }
"""
)

# Faults offered as buttons: those that script authors need most often.
OFFERED = (
    "*: 503 rate=20%",
    "*: 429 retry-after=3 rate=20%",
    "*: latency=300ms",
    "*: 401 once",
    "events.insert: lost-reply once",
    "events.insert: 403-quotaExceeded",
    "freebusy.query: 500 times=3",
    "calendarList.list: not-json once",
    "oauth.token: invalid-grant",
)

SWITCHES = {
    "testing": "App is in Testing: grants live 7 days",
    "rotate": "Refresh tokens rotate",
    "admin_blocks": "Administrator blocks the app",
    "reauthenticate": "Session control: sign in again",
    "account_deleted": "Account was deleted",
    "api_enabled": "Calendar API is enabled",
    "client_deleted": "OAuth client was deleted",
}


def home(
    model: Model,
    grants: Grants,
    *,
    faults: Faults,
    request_log: RequestLog,
    authorization: Authorization,
    week_of: str,
) -> str:
    """Return the page; `week_of` is a date in the week to show, or an empty text."""
    owner = model.users[authorization.owner]
    zone, now = instants.zone(owner.timezone), model.clock.now()
    monday = week.monday_of(week_of, now)
    entries = [
        (model.calendars[name], entry.color) for name, entry in owner.entries.items() if not entry.deleted
    ]
    table = week.table(entries, monday, zone=zone, today=now.astimezone(zone).date())
    return document(
        "Simulated Google",
        f'<main><header><h1>Simulated Google</h1><span class="sim">{escape(owner.email)} · {escape(owner.timezone)}</span>'
        f'<span class="soft">It is <time>{now.astimezone(zone):%a %d %B %Y, %H:%M}</time></span><a href="/">Refresh</a></header>'
        f"<section>{_navigation(monday, entries)}{table}</section>"
        f'<div class="two"><section><h2>Faults</h2>{_faults(faults)}</section>'
        f"<section><h2>Consent, grants and policy</h2>{_policy(grants, authorization)}{_grants(grants)}</section></div>"
        f'<div class="two"><section><h2>Last requests</h2>{_requests(request_log.last(200))}</section>'
        f"<section><h2>Mail that would have been sent</h2>{_outbox(model)}</section></div>"
        f"<section><h2>Clock</h2>{_clock()}</section></main>",
        style=_STYLE,
    )


def _navigation(monday: date, entries: Iterable[tuple[StoredCalendar, str]]) -> str:
    before, after = monday - timedelta(days=7), monday + timedelta(days=7)
    legend = "".join(
        f'<span class="legend" style="--c:{escape(color)}"><i></i>{escape(calendar.summary)}</span>'
        for calendar, color in entries
    )
    return (
        f'<nav aria-label="Week"><a id="before" href="/?week={before}">← earlier</a><a href="/">this week</a>'
        f'<a id="after" href="/?week={after}">later →</a><b>{monday:%B %Y}</b>{legend}</nav>'
    )


def _faults(faults: Faults) -> str:
    live = {fault.text: fault for fault in faults if not fault.is_spent}
    rows = []
    for text in dict.fromkeys((*live, *OFFERED)):
        on = text in live
        struck = f" <small>struck {live[text].struck}×</small>" if on else ""
        rows.append(
            f'<form class="inline" method="post" action="/simulator/fault"><input type="hidden" name="text" value="{escape(text)}">'
            f'<button class="switch" name="do" value="{"lift" if on else "add"}" aria-pressed="{str(on).lower()}">'
            f"{'on' if on else 'off'}</button><code>{escape(text)}</code>{struck}</form>"
        )
    return (
        f"{''.join(rows)}"
        '<form class="inline" method="post" action="/simulator/fault"><label for="fault">Another</label>'
        '<input type="text" id="fault" name="text" placeholder="events.insert: lost-reply once" required>'
        '<button id="add-fault" name="do" value="add">Add</button></form>'
    )


def _policy(grants: Grants, authorization: Authorization) -> str:
    options = "".join(
        f'<option value="{mode}"{" selected" if mode == authorization.consent else ""}>{mode}: {escape(label)}</option>'
        for mode, label in CONSENT_MODES.items()
    )
    switches = "".join(_switch(name, label, on=is_on(grants, name)) for name, label in SWITCHES.items())
    return (
        '<form class="inline" method="post" action="/simulator/consent"><label for="consent">Consent</label>'
        f'<select id="consent" name="mode">{options}</select><button>Set</button></form>'
        f'<div class="switches">{switches}</div>'
    )


def is_on(grants: Grants, name: str) -> bool:
    """Return whether a policy switch is on."""
    if name == "client_deleted":
        return any(client.deleted for client in grants.clients.values())
    return bool(getattr(grants.policy, name))


def _switch(name: str, label: str, *, on: bool) -> str:
    # "API enabled" is the only switch whose normal state is on.
    alarming = on != (name == "api_enabled")
    return (
        f'<form class="inline" method="post" action="/simulator/policy"><input type="hidden" name="name" value="{name}">'
        f'<button class="switch" id="policy-{name}" aria-pressed="{str(alarming).lower()}" aria-label="{escape(label)}: '
        f'{"on" if on else "off"}">{"on" if on else "off"}</button><span>{escape(label)}</span></form>'
    )


def _grants(grants: Grants) -> str:
    rows = "".join(_grant(grants, grant) for grant in reversed(grants.live[-12:]))
    if not rows:
        return '<p class="empty">Nobody has been allowed anything yet.</p>'
    return (
        '<div class="scroll"><table><tr><th>Who</th><th>May</th><th>Since</th><th>State</th></tr>'
        f"{rows}</table></div>"
    )


def _grant(grants: Grants, grant: StoredGrant) -> str:
    # A name may break after its dots: as a whole it pushes the state out of sight.
    names = (escape(scopes.short(scope)).replace(".", ".<wbr>") for scope in grant.scopes)
    may = "<br>".join(f"<code>{name}</code>" for name in names)
    state = (
        "live" if grants.is_live(grant) else f'<span class="bad">{escape(grant.ended or "expired")}</span>'
    )
    return f"<tr><td>{escape(grant.user)}</td><td>{may}</td><td>{grant.issued:%d %b %H:%M}</td><td>{state}</td></tr>"


def _requests(exchanges: list[LoggedExchange]) -> str:
    exchanges = [
        one for one in exchanges if one.operation != "home" and not one.operation.startswith("simulator.")
    ][-25:]
    if not exchanges:
        return '<p class="empty">Nothing has been asked yet.</p>'
    rows = "".join(
        f'<tr><td>{one.at:%H:%M:%S}</td><td class="num{" bad" if not 200 <= one.status < 400 else ""}">{one.status or "—"}</td>'
        f"<td><code>{escape(one.operation)}</code>{f' <small>{escape(one.fault)}</small>' if one.fault else ''}</td>"
        f'<td class="num">{one.millis:.1f} ms</td></tr>'
        for one in reversed(exchanges)
    )
    return f'<div class="scroll"><table><tr><th>UTC</th><th></th><th>Operation</th><th></th></tr>{rows}</table></div>'


def _outbox(model: Model) -> str:
    if not model.outbox:
        return '<p class="empty">None: changes without sendUpdates send no mail.</p>'
    rows = "".join(
        f"<tr><td>{mail.at:%d %b %H:%M}</td><td>{escape(mail.kind)}</td><td>{escape(mail.to)}</td>"
        f"<td>{escape(mail.summary)}<br><small>{escape(mail.start)}</small></td></tr>"
        for mail in reversed(model.outbox[-25:])
    )
    return f'<div class="scroll"><table><tr><th>When</th><th></th><th>To</th><th>About</th></tr>{rows}</table></div>'


def _clock() -> str:
    buttons = "".join(
        f'<button name="seconds" value="{seconds}">{label}</button>'
        for label, seconds in (
            ("+1 hour", 3600),
            ("+1 day", 86_400),
            ("+7 days", 604_800),
            ("+6 months", 15_724_800),
        )
    )
    return f'<form class="inline" method="post" action="/simulator/clock">{buttons}</form>'
