"""Who can take part in a meeting: people, rooms, and the request that names them; and who claims time. Pure.

People and rooms claim time under their address in lower case, the owner of a workspace under `owner_of(workspace)`.
Every start of portalcal makes these values, so they are apart from the engine in `portalcal.core.people`.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from portalcal.core.schedule import Schedule

OWNER = "workspace:"
"""The key of the owner where only one workspace is in question."""


def owner_of(workspace: str) -> str:
    """The key under which the owner of a workspace claims time; no address has a colon before its @.

    >>> owner_of("sales")
    'workspace:sales'
    """
    return f"{OWNER}{workspace}"


class Role(StrEnum):
    """The role of a participant in a meeting."""

    OWNER = "owner"
    WITH = "with"
    NEED = "need"
    OPTIONAL = "optional"
    ROOM = "room"


class Person(NamedTuple):
    """A person who can take part in meetings."""

    key: str  # the name in the configuration, else the address
    email: str
    name: str = ""
    schedule: Schedule | None = None  # own hours; None: the link's
    zone: ZoneInfo | None = None  # of days and weeks of the limits; None: that of the hours
    max_per_day: int = 0  # 0: no limit
    max_per_week: int = 0
    weight: float = 1.0  # their share of a pool's meetings, relative to other members
    since: date | None = None  # the date from which meetings count for their share

    @property
    def address(self) -> str:
        """The address that identifies the person."""
        return self.email.lower()


class Room(NamedTuple):
    """A room, which has a calendar."""

    key: str
    email: str
    capacity: int | None = None  # seats; None: unknown

    @property
    def address(self) -> str:
        """The address that identifies the room."""
        return self.email.lower()

    def seats(self, people: int) -> bool:
        """Whether the room seats that many; a room of unknown capacity does."""
        return self.capacity is None or people <= self.capacity


class Participant(NamedTuple):
    """A person or a room that takes part in a meeting, or could."""

    key: str
    email: str
    role: Role
    pool: str | None = None
    why: str | None = None  # how a pool member was chosen, in words
    response: str | None = None  # Google's `responseStatus`; None: not known
    is_account: bool = False  # the workspace's own account, in any role: its time is the owner's

    @property
    def address(self) -> str:
        """The address that identifies the participant."""
        return self.email.lower()

    def claimant(self, workspace: str) -> str | None:
        """The key under which their time is claimed; None for optional ones, who claim nothing."""
        if self.role is Role.OPTIONAL:
            return None
        return owner_of(workspace) if self.is_account or self.role is Role.OWNER else self.address


NO_ROOM = "none"
"""In place of a room: the meeting takes none, whatever its link says."""


class PanelRequest(NamedTuple):
    """Whom a meeting takes, by name or address, as a link or a command line asks for it."""

    required: tuple[str, ...] = ()
    need: tuple[tuple[str, int], ...] = ()  # pools, and how many of their members
    any_of: tuple[tuple[str, ...], ...] = ()  # pools that have no name, of which one member is needed
    optional: tuple[str, ...] = ()
    room: str | None = None  # a room, a pool of rooms, or NO_ROOM
    owner_attends: bool | None = None  # None: not asked for
    assign: str | None = None  # a rule of assignment, or the address of somebody to take of a pool

    @property
    def is_empty(self) -> bool:
        """Whether nobody and no room is asked for."""
        return self == NOBODY

    def plus(self, other: Self) -> Self:
        """Both requests: people and needs add up, what the other asks for besides takes precedence."""
        return self._replace(
            required=_unique((*self.required, *other.required)),
            need=_added_up((*self.need, *other.need)),
            any_of=(*self.any_of, *other.any_of),
            optional=_unique((*self.optional, *other.optional)),
            room=self.room if other.room is None else other.room,
            owner_attends=self.owner_attends if other.owner_attends is None else other.owner_attends,
            assign=self.assign if other.assign is None else other.assign,
        )


NOBODY = PanelRequest()
"""Nobody and no room besides the owner."""


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _added_up(needs: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    counts: dict[str, int] = {}
    for pool, count in needs:
        counts[pool] = counts.get(pool, 0) + count
    return tuple(counts.items())
