"""Text that others wrote (titles, names, notes, places), made safe to show. Standard library only.

A terminal obeys control characters, and bidirectional overrides make a line read otherwise than it is stored
(CVE-2021-42574). Nothing is dropped in silence: every character that is not shown as itself leaves a visible mark.
"""

from __future__ import annotations

import codecs
import re
from typing import TextIO

_CONTROL_PICTURES = 0x2400
_DELETE_PICTURE = "␡"
_UNSHOWABLE = "�"
# Bidirectional marks, embeddings, overrides and isolates; line and paragraph separators; soft hyphen-like fillers;
# the byte-order mark; tag characters that spell invisible words; lone surrogates.
_DECEIVING = (
    "[\x00-\x1f\x7f-\x9f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)


def shown(text: str) -> str:
    r"""One line of foreign text with everything that could move, colour or reorder the screen made visible.

    >>> shown("Ana\x1b[31m")
    'Ana␛[31m'
    """
    return re.sub(_DECEIVING, _picture, text)


def shown_lines(text: str) -> tuple[str, ...]:
    """Foreign text of several lines, each as `shown`; blank ones at the end are left out."""
    return tuple(shown(line) for line in text.replace("\r\n", "\n").rstrip().split("\n"))


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    return _DELETE_PICTURE if code == 0x7F else _UNSHOWABLE


# What our own words and grids use beyond ASCII, each as wide as what it stands for.
_PLAIN = str.maketrans({
    "·": "|", "…": "~", "–": "-", "—": "-", "’": "'", "“": '"', "”": '"', "✓": "+", "✗": "x", "→": ">", "×": "x",
    "░": ":", "▒": "#", "▓": "#", "█": "#", "▌": "|", "│": "|", "─": "-", "┄": "-", "•": "*", "○": "o", "●": "*",
})  # fmt: skip
_HANDLER = "portalcal.nearest"


def _nearest(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(each if each.isascii() else "?" for each in lost.translate(_PLAIN)), error.end


codecs.register_error(_HANDLER, _nearest)


def tolerate(stream: TextIO) -> None:
    """Let a stream of a small encoding (ASCII, Latin-1) show the nearest sign it has instead of breaking off."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and getattr(stream, "errors", None) == "strict":
        reconfigure(errors=_HANDLER)
