"""The options that say whom a meeting takes, and how they are read."""

from enum import StrEnum
from typing import Annotated, NamedTuple

import typer

from portalcal.config.people import Directory
from portalcal.core.assignment import Assign
from portalcal.core.participants import NO_ROOM, PanelRequest
from portalcal.errors import Usage


class OwnerRole(StrEnum):
    """Whether the owner of the account takes part."""

    ATTENDS = "attends"
    ORGANISES = "organises"


With = Annotated[
    list[str] | None,
    typer.Option(
        "--with", metavar="PERSON", help="Who must come: a name of [people], or an address; may be repeated."
    ),
]
Need = Annotated[
    list[str] | None,
    typer.Option(
        "--need", metavar="POOL[:N]", help="N members of a pool, 1 by default; adds to what the link needs."
    ),
]
AnyOf = Annotated[
    list[str] | None,
    typer.Option("--any-of", metavar="PERSON,PERSON", help="One of these people; may be repeated."),
]
OptionalPeople = Annotated[
    list[str] | None,
    typer.Option("--optional", metavar="PERSON", help="Invited, and never looked at; may be repeated."),
]
RoomName = Annotated[
    str | None,
    typer.Option("--room", metavar="NAME|POOL|none", help="A room, or one of a pool of rooms."),
]
Owner = Annotated[
    OwnerRole | None,
    typer.Option(
        "--owner", help="organises: only the people asked for come, and the account's time is not taken."
    ),
]
AssignBy = Annotated[
    str | None,
    typer.Option(
        "--assign",
        metavar="fair|idle|PERSON",
        help="Whom to take of a pool: who had fewest meetings (fair, the default), who had none for longest, or one person.",
    ),
]


class PanelFields(NamedTuple):
    """The options as typed; None and () where not given."""

    required: tuple[str, ...] = ()
    need: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    room: str | None = None
    owner: str | None = None


def read_panel(fields: PanelFields, directory: Directory) -> PanelRequest:
    """The request that the options make.

    Raises:
        PersonNotFound, PoolNotFound: nobody, or no pool, of that name.
        Usage: an option that cannot be read.
    """
    return PanelRequest(
        read_people(fields.required, directory),
        read_needs(fields.need, directory),
        read_any_of(fields.any_of, directory),
        read_people(fields.optional, directory),
        read_room(fields.room, directory),
        read_owner(fields.owner),
    )


def read_people(names: tuple[str, ...], directory: Directory) -> tuple[str, ...]:
    """The addresses of people. Raises: PersonNotFound."""
    return tuple(directory.person(each.strip()).address for each in names)


def read_needs(texts: tuple[str, ...], directory: Directory) -> tuple[tuple[str, int], ...]:
    """Pools with the number of members needed, from `backend` or `backend:2`.

    Raises:
        PoolNotFound: no such pool of people.
        Usage: not a number of 1 or more.
    """
    needs: dict[str, int] = {}
    for text in texts:
        pool, colon, count = (each.strip() for each in text.partition(":"))
        directory.members(pool)
        if colon and not (count.isascii() and count.isdecimal() and 0 < int(count) <= _MOST):
            raise Usage(f"--need {text}: expected POOL or POOL:N, N from 1 on", f"write it like {pool}:2")
        needs[pool] = needs.get(pool, 0) + (int(count) if colon else 1)
    return tuple(needs.items())


_MOST = 1000
"""Members a meeting may need of one pool."""


def read_any_of(texts: tuple[str, ...], directory: Directory) -> tuple[tuple[str, ...], ...]:
    """The addresses of each list `P,P`.

    Raises:
        PersonNotFound: nobody has that name.
        Usage: an empty list.
    """
    lists = []
    for text in texts:
        names = tuple(each for each in text.split(",") if each.strip())
        if not names:
            raise Usage("--any-of names nobody", "write it like ana,ben")
        lists.append(tuple(dict.fromkeys(read_people(names, directory))))
    return tuple(lists)


def read_room(text: str | None, directory: Directory) -> str | None:
    """A room, a pool of rooms, or NO_ROOM. Raises: PoolNotFound."""
    name = text.strip() if text else None
    if name and name != NO_ROOM:
        directory.rooms_called(name)
    return name


def read_owner(text: str | None) -> bool | None:
    """Whether the owner attends. Raises: Usage."""
    if text is None:
        return None
    if text not in set(OwnerRole):
        raise Usage(f"--owner {text}: expected attends or organises", None)
    return text == OwnerRole.ATTENDS


def read_assign(text: str | None, directory: Directory) -> str | None:
    """A rule of assignment, or the address of a person. Raises: PersonNotFound."""
    name = text.strip() if text else None
    if not name or name in set(Assign):
        return name
    return directory.person(name).address
