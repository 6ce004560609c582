"""Consent where no browser can be opened beside portalcal: what a person can do, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from portalcal.adapters.browser import is_over_ssh, is_wsl
from portalcal.errors import Usage

_PASTE = "open it on any machine. Its last page will not load there: paste the address of that page here"


def ways(
    environ: Mapping[str, str], redirect_uri: str, *, opens_browser: bool, can_paste: bool
) -> tuple[str, ...]:
    """The ways to answer on another machine, each a line to show as it is; none where a browser simply opens."""
    lines: list[str] = []
    if is_wsl(environ):
        lines.append("This is Linux inside Windows: if the last page of Windows' browser does not load, ")
        lines[-1] += (
            "paste its address here." if can_paste else "run this again in a terminal, to paste its address."
        )
    if opens_browser:
        return tuple(lines)
    if is_over_ssh(environ):
        lines += [
            "You are logged in over SSH. Run this on the machine you sit at, then open the address there:",
            f"  {tunnel(environ, redirect_uri)}",
        ]
    if can_paste:
        lines.append(f"Or {_PASTE}." if lines else f"{_PASTE[0].upper()}{_PASTE[1:]}.")
    return tuple(lines)


def tunnel(environ: Mapping[str, str], redirect_uri: str) -> str:
    """The command that carries the redirect to this machine: ssh(1), option -L."""
    place = urlsplit(redirect_uri)
    # An IPv6 address stands in brackets, as in the redirect itself.
    address = redirect_uri.removeprefix("http://").partition("/")[0].rpartition(":")[0]
    # sshd(8): the client's address and port, then the server's as the client reached it.
    words = environ.get("SSH_CONNECTION", "").split()
    host, port = (words[2], words[3]) if len(words) == 4 else ("HOST", "22")
    user = environ.get("USER") or environ.get("LOGNAME")
    named = f"{user}@{host}" if user else host
    other_port = "" if port == "22" else f" -p {port}"
    return f"ssh -L {place.port}:{address}:{place.port}{other_port} {named}"


def nobody_here() -> Usage:
    """Neither a browser nor a person who could carry an address to one."""
    return Usage(
        "consent needs a browser, or a terminal to paste an address into, and there is neither here",
        "run it in a terminal; or pipe the address in with `portalcal connect --no-browser`; or do without consent: "
        "a token in PORTALCAL_REFRESH_TOKEN, or a service account in the configuration",
    )
