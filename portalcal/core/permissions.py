"""The four permissions scheduling needs, the reason for each, and the OAuth scopes that give them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

_PREFIX = "https://www.googleapis.com/auth/"


class Permission(Enum):
    """A permission as it is shown to users.

    Google has one scope for creating and editing events, so the last two are granted together.
    Scopes: https://developers.google.com/workspace/calendar/api/auth and the discovery document.
    """

    VIEW_CALENDARS = "view_calendars"
    VIEW_EVENTS = "view_events"
    CREATE_EVENTS = "create_events"
    EDIT_EVENTS = "edit_events"

    @property
    def shown(self) -> str:
        """The name shown to users."""
        return _WORDS[self][0]

    @property
    def why(self) -> str:
        """The reason shown to users."""
        return _WORDS[self][1]

    @property
    def scope(self) -> str:
        """The narrowest scope that gives it, which is the one requested."""
        return _PREFIX + _SCOPES[self][0]

    def is_given_by(self, scopes: Iterable[str]) -> bool:
        """Whether one of the granted scopes gives it."""
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
"""The scope for titles of blocking events in explanations; requested only by `connect --titles`."""

_READS_TITLES = frozenset(
    {TITLES, _PREFIX + "calendar.events", _PREFIX + "calendar.readonly", _PREFIX + "calendar"}
)


def scopes_to_ask(*, titles: bool = False) -> tuple[str, ...]:
    """The scopes to request: those of all four permissions, each once, and with `titles` TITLES."""
    scopes = dict.fromkeys(each.scope for each in Permission)
    return (*scopes, TITLES) if titles else tuple(scopes)


def shows_titles(scopes: Iterable[str]) -> bool:
    """Whether the granted scopes allow reading event titles on every calendar."""
    return not _READS_TITLES.isdisjoint(scopes)


def granted_by(scopes: Iterable[str]) -> frozenset[Permission]:
    """The permissions that the granted scopes give."""
    held = frozenset(scopes)
    return frozenset(each for each in Permission if each.is_given_by(held))
