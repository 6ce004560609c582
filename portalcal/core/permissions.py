"""The four permissions scheduling needs, why, and the OAuth scopes that give them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

_PREFIX = "https://www.googleapis.com/auth/"


class Permission(Enum):
    """A permission in the words shown to people (CLI.md).

    Google has one scope for creating and editing events, so the last two stand or fall together.
    Scope table: https://developers.google.com/calendar/api/auth and the discovery document.
    """

    VIEW_CALENDARS = "view_calendars"
    VIEW_EVENTS = "view_events"
    CREATE_EVENTS = "create_events"
    EDIT_EVENTS = "edit_events"

    @property
    def shown(self) -> str:
        """Its name for people."""
        return _WORDS[self][0]

    @property
    def why(self) -> str:
        """The reason it is asked for."""
        return _WORDS[self][1]

    @property
    def scope(self) -> str:
        """The narrowest scope that gives it: what is asked for."""
        return _PREFIX + _SCOPES[self][0]

    def is_given_by(self, scopes: Iterable[str]) -> bool:
        """Whether any of these granted scopes is enough."""
        enough = {_PREFIX + name for name in _SCOPES[self]}
        return not enough.isdisjoint(scopes)


_WORDS = {
    Permission.VIEW_CALENDARS: ("View your calendars", "to let you choose which calendars count"),
    Permission.VIEW_EVENTS: ("View when you are busy", "to check for conflicts when showing available times"),
    Permission.CREATE_EVENTS: ("Create events", "to add a meeting when one is booked"),
    Permission.EDIT_EVENTS: ("Edit events", "to move or remove a meeting when the booking changes"),
}

_WRITES = ("calendar.events.owned", "calendar.events", "calendar")
_SCOPES = {
    Permission.VIEW_CALENDARS: (
        "calendar.calendarlist.readonly",
        "calendar.calendarlist",
        "calendar.readonly",
        "calendar",
    ),
    Permission.VIEW_EVENTS: (
        "calendar.events.freebusy",
        "calendar.freebusy",
        "calendar.readonly",
        "calendar",
    ),
    Permission.CREATE_EVENTS: _WRITES,
    Permission.EDIT_EVENTS: _WRITES,
}


TITLES = _PREFIX + "calendar.events.readonly"
"""The scope that lets explanations name the event that is in the way; asked for only with `connect --titles`."""

_READS_TITLES = frozenset(
    {TITLES, _PREFIX + "calendar.events", _PREFIX + "calendar.readonly", _PREFIX + "calendar"}
)


def scopes_to_ask(*, titles: bool = False) -> tuple[str, ...]:
    """The scopes of all four permissions, each once, and with `titles` the one that shows events."""
    scopes = dict.fromkeys(each.scope for each in Permission)
    return (*scopes, TITLES) if titles else tuple(scopes)


def shows_titles(scopes: Iterable[str]) -> bool:
    """Whether these granted scopes let the titles of events be read on every calendar."""
    return not _READS_TITLES.isdisjoint(scopes)


def granted_by(scopes: Iterable[str]) -> frozenset[Permission]:
    """The permissions these scopes give."""
    held = frozenset(scopes)
    return frozenset(each for each in Permission if each.is_given_by(held))
