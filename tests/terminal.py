"""A stream that says it is a terminal: what is written to it is for a person."""

from __future__ import annotations

import io


class Terminal(io.StringIO):
    """What a terminal shows is its value; at it, nobody types."""

    def isatty(self) -> bool:
        """It is one."""
        return True
