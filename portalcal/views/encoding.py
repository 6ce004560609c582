"""Output encodings: ASCII substitutes for streams that cannot encode Unicode, and UTF-8 for exports. Standard library only."""

from __future__ import annotations

import codecs
from typing import IO, TextIO

# Substitutes for the non-ASCII characters of our own texts and grids, each of the same width.
_ASCII_SUBSTITUTES = str.maketrans({
    "·": "|", "…": "~", "–": "-", "—": "-", "’": "'", "“": '"', "”": '"', "✓": "+", "✗": "x", "→": ">", "×": "x",
    "░": ":", "▒": "#", "▓": "#", "█": "#", "▌": "|", "│": "|", "─": "-", "┄": "-", "•": "*", "○": "o", "●": "*",
})  # fmt: skip


_HANDLER = "portalcal.nearest"


def _substitute(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unencodable = error.object[error.start : error.end]
    return "".join(
        each if each.isascii() else "?" for each in unencodable.translate(_ASCII_SUBSTITUTES)
    ), error.end


codecs.register_error(_HANDLER, _substitute)


def tolerate_encoding(stream: TextIO) -> None:
    """Make a stream with a limited encoding (ASCII, Latin-1) write substitutes instead of raising UnicodeEncodeError."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and getattr(stream, "errors", None) == "strict":
        reconfigure(errors=_HANDLER)


def use_utf8(stream: IO[str]) -> None:
    """Switch a stream to UTF-8 without newline translation, for formats that define their encoding, such as iCalendar.

    Does nothing to a stream without an encoding (`io.StringIO`).
    """
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8", errors="replace", newline="")
