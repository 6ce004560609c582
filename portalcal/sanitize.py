"""Sanitize text of others (titles, names, addresses, links) for output. Standard library only.

Terminals execute control characters, bidirectional overrides reorder a line (CVE-2021-42574), and invisible characters
hide words. No character is dropped: each that cannot be shown is replaced by one visible mark.

Text is sanitized on output, not on input: in the facts of every error, in warnings and log lines of the views, in cells
of CSV tables, in properties of iCalendar files, and in HTML pages.
"""

from __future__ import annotations

import re
from functools import cache

_CONTROL_PICTURES = 0x2400
_DELETE_PICTURE = "\u2421"
_UNSHOWABLE = "\ufffd"
# Controls; soft hyphen and grapheme joiner; bidirectional marks, embeddings, overrides and isolates; line and paragraph
# separators; fillers and blanks that look like nothing; musical and annotation controls; the byte-order mark; variation
# selectors and tag characters, which spell invisible words; lone surrogates.
_DECEIVING = (
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ud800-\udfff]"
)
# Emoji stay intact where that hides nothing: a presentation selector after a pictograph or before a keycap, a joiner
# between pictographs. Joiners are part of the spelling of Persian and Indic names, whose scripts lie above U+0590; in
# Latin, Greek and Cyrillic text they are invisible. Flags spelt with tag characters are marked, since tag characters
# can also spell hidden words.
_PICTOGRAPHS = "\xa9\xae\u203c-\u32ff\U0001f000-\U0001fbff"
_STRAY_SELECTOR = f"(?<![{_PICTOGRAPHS}])[\ufe0e\ufe0f](?!\u20e3)"
_JOINED = "[\u0590-\u1fff\u2100-\U0010ffff]"
_STRAY_JOINER = f"(?<!{_JOINED})[\u200c\u200d]|[\u200c\u200d](?!{_JOINED})"


@cache
def _marked() -> re.Pattern[str]:
    # Compiled for the first text that needs it, since that takes a thirtieth of a start (measured).
    return re.compile(f"{_DECEIVING}|{_STRAY_SELECTOR}|{_STRAY_JOINER}")


def sanitize(text: str) -> str:
    r"""Mark every character of a line that could move, colour, reorder or hide text.

    >>> sanitize("Ana\x1b[31m")
    'Ana␛[31m'
    """
    return text if text.isascii() and text.isprintable() else _marked().sub(_picture, text)


def sanitize_lines(text: str) -> tuple[str, ...]:
    """Sanitize text of several lines; blank lines at the end are left out."""
    return tuple(sanitize(line) for line in text.replace("\r\n", "\n").rstrip().split("\n"))


def sanitize_fact(fact: object) -> object:
    """Sanitize every text in a fact, also in tuples, NamedTuples and lists."""
    if isinstance(fact, str) and type(fact) is str:
        return sanitize(fact)
    if isinstance(fact, tuple):
        parts = (sanitize_fact(each) for each in fact)
        return fact._make(parts) if hasattr(fact, "_make") else tuple(parts)
    if isinstance(fact, list):
        return [sanitize_fact(each) for each in fact]
    return fact


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    return _DELETE_PICTURE if code == 0x7F else _UNSHOWABLE
