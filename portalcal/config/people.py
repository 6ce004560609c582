"""The people, rooms and pools of the configuration, looked up by the names and addresses that a person types."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from portalcal.core.participants import NO_ROOM, Person, Room
from portalcal.errors import PersonNotFound, PoolNotFound

# Deliberately loose: Google validates addresses. This catches a bare name or a forgotten quote.
_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+")


def is_address(text: str) -> bool:
    """Whether a text is an e-mail address."""
    return _ADDRESS.fullmatch(text) is not None


class Directory(NamedTuple):
    """Everybody who can be asked for by name."""

    people: Mapping[str, Person] = MappingProxyType({})
    rooms: Mapping[str, Room] = MappingProxyType({})
    pools: Mapping[str, tuple[str, ...]] = MappingProxyType({})  # of names or addresses

    @property
    def is_empty(self) -> bool:
        """Whether nobody is configured."""
        return not (self.people or self.rooms or self.pools)

    def person(self, name: str) -> Person:
        """The person of a name or an address; an address that nobody has is a person of its own.

        Raises:
            PersonNotFound: neither a configured name nor an address.
        """
        if name in self.people:
            return self.people[name]
        if not is_address(name):
            raise PersonNotFound(name, tuple(self.people), is_pool=name in self.pools)
        return next((each for each in self.people.values() if each.address == name.lower()), _stranger(name))

    def room(self, name: str) -> Room:
        """The room of a name or an address; an address that no room has is a room of its own.

        Raises:
            PoolNotFound: neither a configured name nor an address.
        """
        if name in self.rooms:
            return self.rooms[name]
        if not is_address(name):
            raise PoolNotFound(name, (*self.rooms, *self.room_pools, NO_ROOM), is_of_rooms=True)
        address = name.lower()
        return next((each for each in self.rooms.values() if each.address == address), Room(name, name))

    def members(self, pool: str) -> tuple[Person, ...]:
        """The people of a pool.

        Raises:
            PoolNotFound: no such pool, or one of rooms.
        """
        if pool not in self.pools or pool in self.room_pools:
            raise PoolNotFound(pool, self.people_pools)
        return tuple(map(self.person, self.pools[pool]))

    def rooms_called(self, name: str) -> tuple[Room, ...]:
        """One room, or those of a pool.

        Raises:
            PoolNotFound: neither a room nor a pool of rooms.
        """
        if name in self.room_pools:
            return tuple(map(self.room, self.pools[name]))
        return (self.room(name),)

    @property
    def room_pools(self) -> tuple[str, ...]:
        """The pools of rooms."""
        return tuple(name for name, members in self.pools.items() if self._has_room(members))

    @property
    def people_pools(self) -> tuple[str, ...]:
        """The pools of people."""
        return tuple(name for name, members in self.pools.items() if not self._has_room(members))

    def pools_with(self, address: str) -> tuple[str, ...]:
        """The pools that somebody, or a room, is in."""
        people = {name: {each.address for each in self.members(name)} for name in self.people_pools}
        rooms = {name: {each.address for each in self.rooms_called(name)} for name in self.room_pools}
        return tuple(name for name, members in (people | rooms).items() if address in members)

    def is_room(self, name: str) -> bool:
        """Whether a name or an address is that of a configured room."""
        return name in self.rooms or any(each.address == name.lower() for each in self.rooms.values())

    def _has_room(self, members: Iterable[str]) -> bool:
        return any(map(self.is_room, members))


def _stranger(address: str) -> Person:
    return Person(address, address)
