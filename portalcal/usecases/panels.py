"""Turn a request for people and rooms, by name, into the panel that the engine weighs."""

from __future__ import annotations

from collections.abc import Sequence

from portalcal.config.people import Directory
from portalcal.core.assignment import Assign, keeping
from portalcal.core.participants import NO_ROOM, PanelRequest, Participant, Person
from portalcal.core.people import Panel, PanelInputs, Pool, shortages
from portalcal.errors import Usage


def panel_of(
    request: PanelRequest, directory: Directory, *, account: str | None = None, guests: int = 1
) -> Panel:
    """The participants that a meeting needs besides its owner, whose address is `account`.

    Raises:
        PersonNotFound, PoolNotFound: a name that the configuration does not have.
    """
    named = [Pool(name, directory.members(name), need) for name, need in request.need]
    unnamed: dict[str, Pool] = {}
    for people in request.any_of:
        members = tuple(map(directory.person, people))
        name = ",".join(each.key for each in members)
        unnamed[name] = Pool(name, members, unnamed[name].need + 1 if name in unnamed else 1)
    has_room = request.room is not None and request.room != NO_ROOM
    return Panel(
        required=tuple(map(directory.person, request.required)),
        pools=(*named, *unnamed.values()),
        optional=tuple(map(directory.person, request.optional)),
        rooms=directory.rooms_called(request.room or "") if has_room else (),
        owner=_owner(directory, account),
        guests=guests,
    )


def panel_keeping(
    present: Sequence[Participant], directory: Directory, *, account: str | None = None, guests: int = 1
) -> Panel:
    """The panel that takes exactly these participants, with their hours and limits of the configuration."""
    everybody = Panel(
        required=tuple(directory.people.values()),
        rooms=tuple(directory.rooms.values()),
        owner=_owner(directory, account),
        guests=guests,
    )
    return keeping(everybody, present)


def _owner(directory: Directory, account: str | None) -> Person | None:
    """The entry of the configuration that describes the account's owner."""
    return next((each for each in directory.people.values() if each.address == account), None)


def check_sizes(inputs: PanelInputs) -> None:
    """Check that the pools have enough members, free or not.

    Raises:
        Usage: one has fewer members than it needs, without those who must come anyway.
    """
    short = shortages(inputs)
    if not short:
        return
    needs = " and ".join(f"{each.need} of {each.name}" for each in short)
    able = {member.address for each in short for member in each.members}
    who = "1 person who" if len(able) == 1 else f"{len(able)} people who"
    raise Usage(
        f"the meeting takes {needs}, and there {'is' if len(able) == 1 else 'are'} {who} could fill a place",
        "see who is in which pool with `portalcal people`; who must come anyway fills no place",
    )


def rule_of(request: PanelRequest) -> tuple[Assign, tuple[str, ...]]:
    """The rule of assignment, and the addresses of people who come before it."""
    if request.assign in {None, *Assign}:
        return Assign(request.assign or Assign.FAIR), ()
    return Assign.FAIR, (request.assign or "",)


def takes_others(inputs: PanelInputs) -> bool:
    """Whether a meeting takes anybody, or a room, besides its owner."""
    panel = inputs.panel
    return bool(panel.pools or panel.optional or panel.rooms or not inputs.inputs.owner_attends) or any(
        each.address != inputs.inputs.account for each in panel.required
    )
