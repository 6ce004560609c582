"""The final page in the browser: shows the outcome of the command, in light and dark mode, and loads nothing.

Also the other responses of the callback server. All forbid caching, framing and scripts but their own.
"""

from __future__ import annotations

import html
import re
import secrets
import unicodedata
from collections.abc import Iterable
from enum import Enum
from http import HTTPStatus
from typing import NamedTuple


class Tone(Enum):
    """How an outcome looks."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class CallbackPage(NamedTuple):
    """The content of a page."""

    tone: Tone
    headline: str
    detail: str  # follows the headline: a name or a sentence
    advice: str  # what to do next
    closes: bool = False  # the tab tries to close itself
    status: int = HTTPStatus.OK


def connected(account: str) -> CallbackPage:
    """The command succeeded."""
    return CallbackPage(
        Tone.GOOD,
        "Connected as",
        account,
        "Everything else happens in the terminal. You can close this tab.",
        closes=True,
    )


def permission_missing(shown: Iterable[str]) -> CallbackPage:
    """Permissions were not granted; `shown` are their names as the terminal shows them."""
    names = tuple(shown)
    return CallbackPage(
        Tone.WARN,
        "Permission missing:" if len(names) == 1 else "Permissions missing:",
        ", ".join(names),
        "Nothing was stored. Run “portalcal connect” again and tick every box.",
    )


def denied() -> CallbackPage:
    """The user denied consent."""
    return CallbackPage(
        Tone.WARN,
        "Denied",
        "",
        "Nothing was stored. To connect after all, run “portalcal connect” again and tick every box.",
    )


def unfinished(sentence: str) -> CallbackPage:
    """The command failed."""
    return CallbackPage(Tone.BAD, "Could not finish:", sentence, "The terminal says what to do next.")


def already_answered() -> CallbackPage:
    """A second authorization response came, from another tab."""
    return CallbackPage(
        Tone.WARN,
        "Already answered",
        "",
        "portalcal took the answer of another tab, which shows how it went. You can close this one.",
        status=HTTPStatus.CONFLICT,
    )


def stray_request(sentence: str, status: int) -> CallbackPage:
    """A stray request that a person may have made."""
    return CallbackPage(
        Tone.BAD,
        "Not the answer portalcal waits for",
        sentence,
        "It goes on waiting. Use the address the terminal shows, or start again with “portalcal connect”.",
        status=status,
    )


def response(page: CallbackPage) -> bytes:
    """The page as a complete HTTP response."""
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return _response(page.status, _document(page, nonce), kind="text/html; charset=utf-8", policy=policy)


def plain_response(status: int, sentence: str) -> bytes:
    """A plain-text response for clients other than our browser tab."""
    return _response(status, f"{sentence}\n", kind="text/plain; charset=utf-8", policy="default-src 'none'")


def redirect(url: str) -> bytes:
    """A redirect to the consent page."""
    return _response(
        HTTPStatus.FOUND, "", kind="text/plain; charset=utf-8", policy="default-src 'none'", location=url
    )


def _response(status: int, text: str, *, kind: str, policy: str, location: str | None = None) -> bytes:
    body = text.encode()
    lines = [
        f"HTTP/1.1 {int(status)} {HTTPStatus(status).phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        f"Content-Security-Policy: {policy}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "X-Frame-Options: DENY",
        "Referrer-Policy: no-referrer",
        "Cross-Origin-Opener-Policy: same-origin",
        "Cross-Origin-Resource-Policy: same-origin",
        # The URL must be percent-encoded (RFC 3986): a line break in it would start another header.
        *([f"Location: {location}"] if location and location.isprintable() else []),
        *(["Allow: GET"] if status == HTTPStatus.METHOD_NOT_ALLOWED else []),
        "Connection: close",
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


_COMMAND = re.compile("“[^”]+”")
"""A command in an advice, which is not broken over two lines."""


def _document(page: CallbackPage, nonce: str) -> str:
    headline = _escaped(f"{page.headline} {page.detail}".strip())
    # Allow a line break after the @ of a long e-mail address.
    shown = _escaped(page.detail).replace("@", "@<wbr>")
    detail = f' <span class="detail">{shown}</span>' if shown else ""
    advice = _COMMAND.sub(r'<span class="command">\g<0></span>', _escaped(page.advice))
    # Remove the code from the address bar and the history. Browsers ignore close() for some tabs, hence the advice.
    script = 'history.replaceState(null,"","/");' + (
        "setTimeout(()=>window.close(),1500);" if page.closes else ""
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{headline} · portalcal</title>
<style nonce="{nonce}">{_STYLE}</style>
</head>
<body class="{page.tone.value}">
<main>
<svg class="sign" viewBox="0 0 64 64" aria-hidden="true">{_SIGNS[page.tone]}</svg>
<h1>{_escaped(page.headline)}{detail}</h1>
<p>{advice}</p>
</main>
<footer>portalcal</footer>
<script nonce="{nonce}">{script}</script>
</body>
</html>
"""


def _escaped(text: str) -> str:
    """Escape untrusted text, without control and bidirectional formatting characters."""
    return html.escape(
        "".join(" " if unicodedata.category(character).startswith("C") else character for character in text)
    )


_SIGNS = {
    Tone.GOOD: '<circle cx="32" cy="32" r="29"/><path d="M20 33.5 28.5 42 45 24.5"/>',
    Tone.WARN: '<circle cx="32" cy="32" r="29"/><path d="M32 18.5v17"/><path d="M32 44.6v.1"/>',
    Tone.BAD: '<circle cx="32" cy="32" r="29"/><path d="M23 23 41 41"/><path d="M41 23 23 41"/>',
}

_STYLE = """
:root{--ground:#f4f5f7;--card:#fff;--text:#1d2129;--soft:#5b6472;--edge:#e3e6eb;--good:#1b7f4d;--warn:#9a6200;--bad:#b3372f}
@media (prefers-color-scheme:dark){:root{--ground:#14161a;--card:#1d2026;--text:#e8eaee;--soft:#a0a8b4;--edge:#2c313a;
--good:#5cc98f;--warn:#e0b052;--bad:#ef8b82}}
*{box-sizing:border-box;margin:0}
html{height:100%}
body{min-height:100%;display:grid;grid-template-rows:1fr auto;place-items:center;padding:2rem 1.25rem 1.25rem;
background:var(--ground);color:var(--text);font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
--tone:var(--warn)}
body.good{--tone:var(--good)}
body.bad{--tone:var(--bad)}
main{width:min(30rem,100%);padding:2.75rem 2.25rem 2.5rem;text-align:center;background:var(--card);
border:1px solid var(--edge);border-radius:1.1rem;box-shadow:0 1px 2px rgb(0 0 0/.04),0 12px 40px rgb(0 0 0/.07)}
.sign{width:3.75rem;height:3.75rem;fill:none;stroke:var(--tone);stroke-width:3.5;stroke-linecap:round;stroke-linejoin:round}
.sign circle{fill:var(--tone);fill-opacity:.1;stroke-opacity:.35;stroke-width:2}
h1{margin-top:1.4rem;font-size:1.35rem;line-height:1.35;font-weight:600;letter-spacing:-.01em;text-wrap:balance}
.detail{display:block;margin-top:.35rem;font-size:1.06rem;font-weight:500;color:var(--tone);overflow-wrap:anywhere}
.bad .detail,.warn .detail{font-size:1rem;font-weight:400;color:var(--text);text-wrap:pretty}
p{margin-top:1.15rem;color:var(--soft);font-size:.95rem;text-wrap:balance}
.command{white-space:nowrap}
footer{margin-top:1.5rem;color:var(--soft);font-size:.8rem;letter-spacing:.04em}
@media (prefers-reduced-motion:no-preference){.sign path{stroke-dasharray:48;animation:draw .5s .1s ease-out backwards}
main{animation:rise .35s ease-out}}
@keyframes draw{from{stroke-dashoffset:48}}
@keyframes rise{from{opacity:0;transform:translateY(6px)}}
""".replace("\n", "")
