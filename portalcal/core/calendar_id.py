"""Ids of calendars, which may name the workspace whose account reads them: `private:bob@example.com`. Standard library only.

Google's ids are addresses or `primary`, and names of workspaces have neither an @ nor a colon, so there is one reading.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_QUALIFIED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*):(.+)", re.DOTALL)


class CalendarId(NamedTuple):
    """A calendar of an account."""

    workspace: str | None  # None: that of the command
    id: str  # in its account

    @property
    def shown(self) -> str:
        """For people.

        >>> split("private:bob@example.com").shown
        'bob@example.com (private)'
        """
        return self.id if self.workspace is None else f"{self.id} ({self.workspace})"

    def __str__(self) -> str:
        return self.id if self.workspace is None else f"{self.workspace}:{self.id}"


def split(text: str) -> CalendarId:
    """Parse an id; any text is one.

    >>> split("private:primary")
    CalendarId(workspace='private', id='primary')
    >>> split("team@group.calendar.google.com").workspace is None
    True
    """
    match = _QUALIFIED.fullmatch(text)
    return CalendarId(match[1], match[2]) if match else CalendarId(None, text)


def plain(text: str) -> str:
    """The id in its account: one calendar has one, whichever account reads it."""
    return split(text).id
