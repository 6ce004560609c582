"""HTML of the consent pages: light and dark, no script, no external resource."""

from collections.abc import Iterable
from html import escape

from portalcal.simulator.calendar.model import User
from portalcal.simulator.oauth.scopes import CONSENT_TEXTS

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --back: #f0f4f9; --ink: #1f1f1f; --soft: #5f6368; --line: #dadce0;
  --blue: #0b57d0; --on-blue: #fff; --tint: #e8f0fe; --red: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --paper: #1b1c1f; --back: #0e0f11; --ink: #e3e3e3; --soft: #a9adb3;
  --line: #3c4043; --blue: #a8c7fa; --on-blue: #062e6f; --tint: #1f2a3d; --red: #f2b8b5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 34rem; margin: min(8vh, 4rem) auto; padding: 2rem 2.25rem; background: var(--paper);
  border: 1px solid var(--line); border-radius: 1.25rem; }
h1 { font-size: 1.5rem; font-weight: 500; line-height: 1.25; margin: .9rem 0 1rem; }
small, .soft { color: var(--soft); } .soft { font-size: .9rem; }
.sim { display: inline-block; font-size: .8rem; color: var(--soft); border: 1px solid var(--line); border-radius: 99px;
  padding: .1rem .7rem; }
fieldset { border: 0; margin: 1.25rem 0 0; padding: 0; } legend { font-weight: 600; padding: 0; margin-bottom: .35rem; }
.rows { border: 1px solid var(--line); border-radius: .75rem; overflow: hidden; } .rows p { margin: 0; padding: .65rem .9rem; }
label.row { display: flex; gap: .8rem; align-items: flex-start; padding: .65rem .9rem; cursor: pointer; }
label.row + label.row { border-top: 1px solid var(--line); }
label.row:hover, label.row:focus-within { background: var(--tint); }
label.row span { flex: 1; } label.row small { display: block; }
input[type=checkbox], input[type=radio] { width: 1.15rem; height: 1.15rem; margin: .2rem 0 0; accent-color: var(--blue);
  flex: none; }
.actions { display: flex; gap: .75rem; justify-content: flex-end; margin-top: 1.75rem; }
button { font: inherit; font-weight: 500; padding: .55rem 1.5rem; border-radius: 99px; border: 1px solid var(--line);
  background: transparent; color: var(--blue); cursor: pointer; }
button.main { background: var(--blue); color: var(--on-blue); border-color: var(--blue); }
:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
code { font-family: ui-monospace, "SF Mono", Menlo, monospace; font-size: .9em; }
@media (max-width: 36rem) { main { margin: 0; border: 0; border-radius: 0; min-height: 100vh; padding: 1.5rem 1.25rem; } }
"""


def document(title: str, body: str, *, style: str = STYLE) -> str:
    """Return an HTML document; `body` is HTML, `title` plain text."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,"><style>{style}</style></head>'
        f"<body>{body}</body></html>\n"
    )


def consent(ticket: str, app: str, accounts: Iterable[User], permissions: list[str]) -> str:
    """Return the consent page: account, one checkbox per permission (named by the short scope), two buttons.

    As at Google, a single permission has no box, and boxes start unticked.
    """
    people = list(accounts)
    chosen = "".join(
        _account(user, first=number == 0, alone=len(people) == 1) for number, user in enumerate(people)
    )
    boxes = "".join(_permission(name, boxed=len(permissions) > 1) for name in permissions)
    what = "Select what it may do" if len(permissions) > 1 else "It asks to"
    return document(
        f"{app} wants to access your Google Account",
        f'<main><span class="sim">Simulated Google</span>'
        f"<h1>{escape(app)} wants to access your Google Account</h1>"
        f'<form method="post" action="/signin/consent"><input type="hidden" name="ticket" value="{escape(ticket)}">'
        f'<fieldset><legend>Account</legend><div class="rows">{chosen}</div></fieldset>'
        f'<fieldset><legend>{what}</legend><div class="rows">{boxes}</div></fieldset>'
        '<p class="soft">Nothing leaves this computer: these calendars are made up.</p>'
        '<div class="actions"><button id="deny" name="decision" value="deny">Deny</button>'
        '<button id="allow" class="main" name="decision" value="allow">Allow</button></div></form></main>',
    )


def blocked(status: int, error: str, message: str) -> str:
    """Return an error page that does not redirect back to the waiting program."""
    return document(
        "Access blocked",
        f'<main><span class="sim">Simulated Google</span><h1>Access blocked</h1><p>{escape(message)}</p>'
        f'<p class="soft">Error {status}: <code id="error">{escape(error)}</code></p>'
        '<p class="soft">You can close this page. The program that opened it is not told.</p></main>',
    )


def _account(user: User, *, first: bool, alone: bool) -> str:
    email, name = escape(user.email), escape(user.name)
    if alone:
        hidden = f'<input type="hidden" name="account" value="{email}">'
        return f'{hidden}<p id="account">{name} <small>{email}</small></p>'
    checked = " checked" if first else ""
    return (
        f'<label class="row"><input type="radio" name="account" value="{email}"{checked}>'
        f"<span>{name}<small>{email}</small></span></label>"
    )


def _permission(name: str, *, boxed: bool) -> str:
    text, key = escape(CONSENT_TEXTS.get(name, name)), escape(name)
    box = f'<input type="checkbox" id="scope-{key}" name="{key}">' if boxed else ""
    return f'<label class="row">{box}<span>{text}<small><code>{key}</code></small></span></label>'
