"""The page the browser ends on: the true outcome, calm in light and dark, with nothing from anywhere else."""

from __future__ import annotations

import html
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


class Page(NamedTuple):
    """One outcome: the headline, in it a detail (a name, a sentence), what to do next. `closes`: the tab may go."""

    tone: Tone
    headline: str
    detail: str
    advice: str
    closes: bool = False
    status: int = HTTPStatus.OK


def connected(account: str) -> Page:
    """The connection stands."""
    return Page(
        Tone.GOOD,
        "Connected as",
        account,
        "Everything else happens in the terminal. You can close this tab.",
        closes=True,
    )


def permission_missing(shown: Iterable[str]) -> Page:
    """Boxes were left unticked; `shown` are the permissions in the words of the terminal."""
    return Page(
        Tone.WARN,
        "Permission missing:",
        ", ".join(shown),
        "Nothing was stored. Run “portalcal connect” again and leave every box ticked.",
    )


def denied() -> Page:
    """Consent was refused."""
    return Page(
        Tone.WARN, "Denied", "", "Nothing was stored. To connect after all, run “portalcal connect” again."
    )


def unfinished(sentence: str) -> Page:
    """Something came between consent and connection."""
    return Page(Tone.BAD, "Could not finish:", sentence, "The terminal says what to do next.")


def already_answered() -> Page:
    """A second answer, from another tab."""
    return Page(
        Tone.WARN,
        "Already answered",
        "",
        "portalcal took the answer of another tab, which shows how it went. You can close this one.",
        status=HTTPStatus.CONFLICT,
    )


def astray(sentence: str, status: int) -> Page:
    """An answer portalcal does not take."""
    return Page(
        Tone.BAD,
        "Not the answer portalcal waits for",
        sentence,
        "It goes on waiting. Use the address the terminal shows, or start again with “portalcal connect”.",
        status=status,
    )


def response(page: Page) -> bytes:
    """The page as a whole HTTP response."""
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return _response(page.status, _document(page, nonce), kind="text/html; charset=utf-8", policy=policy)


def plain_response(status: int, sentence: str) -> bytes:
    """A sentence for what is no browser of ours."""
    return _response(status, f"{sentence}\n", kind="text/plain; charset=utf-8", policy="default-src 'none'")


def _response(status: int, text: str, *, kind: str, policy: str) -> bytes:
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
        *(["Allow: GET"] if status == HTTPStatus.METHOD_NOT_ALLOWED else []),
        "Connection: close",
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


def _document(page: Page, nonce: str) -> str:
    headline = _escaped(f"{page.headline} {page.detail}".strip())
    # A long address breaks where people would break it.
    shown = _escaped(page.detail).replace("@", "@<wbr>")
    detail = f' <span class="detail">{shown}</span>' if shown else ""
    # The code leaves the address bar and the history. Browsers close only some tabs; the others say that one may.
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
<p>{_escaped(page.advice)}</p>
</main>
<footer>portalcal</footer>
<script nonce="{nonce}">{script}</script>
</body>
</html>
"""


def _escaped(text: str) -> str:
    """Foreign text: no markup, no control characters, none of those that turn the direction of writing."""
    return html.escape("".join(" " if unicodedata.category(each).startswith("C") else each for each in text))


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
footer{margin-top:1.5rem;color:var(--soft);font-size:.8rem;letter-spacing:.04em}
@media (prefers-reduced-motion:no-preference){.sign path{stroke-dasharray:48;animation:draw .5s .1s ease-out backwards}
main{animation:rise .35s ease-out}}
@keyframes draw{from{stroke-dashoffset:48}}
@keyframes rise{from{opacity:0;transform:translateY(6px)}}
""".replace("\n", "")
