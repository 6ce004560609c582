"""Everybody who can be asked for: whether their calendars can be read, their pools, and how many meetings they have."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.config.model import Config
from portalcal.core.email_address import is_among
from portalcal.core.intervals import Interval
from portalcal.core.participants import NO_ROOM, Person, Room
from portalcal.ports import Context, Search
from portalcal.results import Load, People, PersonMember, RoomMember
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.pages_of_bookings import in_pages
from portalcal.usecases.status.early_warnings import warn_early

_LOOKED_AT = timedelta(days=1)
"""Whether a calendar can be read does not depend on the window; a short one is a small answer."""

COUNTED = timedelta(days=30)
"""Meetings and refusals before now that are counted."""


class PeopleQuery(NamedTuple):
    """What to find out about everybody."""

    zone: ZoneInfo  # of display
    load: Interval | None = None  # count the meetings that start in this window; None: count nothing


def people(query: PeopleQuery, context: Context) -> People:
    """Everybody of the configuration, rooms included, in its order. One free/busy request for up to 50; none disconnected.

    Raises:
        PortalcalError: Google's own refusals (ports.Calendars).
    """
    warn_early(context)
    persons, rooms = everybody(context.config), rooms_of(context.config)
    optional = _only_optional(context.config, persons)
    asked = (*(each.address for each in persons), *(each.address for each in rooms))
    addresses = (*asked, *(each.address for each in optional))
    unread = _unread(context, asked)
    loads = _loads(context, query.load, addresses) if query.load else {}
    directory = context.config.directory

    def facts(address: str) -> tuple[tuple[str, ...], bool, str | None, Load | None]:
        reason = None if unread is None else unread.get(address)
        is_known = unread is not None and address in asked
        return directory.pools_with(address), is_known, reason, loads.get(address)

    return People(
        (
            *(PersonMember(each, *facts(each.address)) for each in persons),
            *(PersonMember(each, *facts(each.address), is_optional=True) for each in optional),
        ),
        tuple(RoomMember(each, *facts(each.address)) for each in rooms),
        query.zone,
        query.load,
    )


def everybody(config: Config) -> tuple[Person, ...]:
    """The people of the configuration, and those whom its pools and links need; not who is only ever optional."""
    directory = config.directory
    named = [each for pool in directory.people_pools for each in directory.members(pool)]
    for link in config.links.values():
        named += map(directory.person, link.panel.required)
    by_address = {each.address: each for each in (*directory.people.values(), *named)}
    return tuple(by_address.values())


def _only_optional(config: Config, others: tuple[Person, ...]) -> tuple[Person, ...]:
    """Those whom links invite as optional, besides `others`."""
    named = [config.directory.person(each) for link in config.links.values() for each in link.panel.optional]
    known = {each.address for each in others}
    return tuple({each.address: each for each in named if each.address not in known}.values())


def rooms_of(config: Config) -> tuple[Room, ...]:
    """The rooms of the configuration, and the addresses that its links name."""
    directory = config.directory
    wanted = {link.panel.room for link in config.links.values()} - {None, NO_ROOM}
    named = [room for name in sorted(filter(None, wanted)) for room in directory.rooms_called(name)]
    return tuple({each.address: each for each in (*directory.rooms.values(), *named)}.values())


def _unread(context: Context, addresses: tuple[str, ...]) -> dict[str, str | None] | None:
    """Why a calendar cannot be read, by address; None while disconnected, when nobody was asked."""
    if calendar_selection(context) is None:
        return None
    now = context.clock.now()
    answers = context.calendars.free_busy(addresses, Interval(now, now + _LOOKED_AT)) if addresses else ()
    return {each.calendar: each.unread for each in answers}


def _loads(context: Context, window: Interval, addresses: tuple[str, ...]) -> dict[str, Load]:
    """The meetings of everybody: live bookings of any workspace, and refusals of this one."""
    now = context.clock.now()
    around = Interval(min(window.start, now - COUNTED), max(window.end, now))
    starts = context.ledger.meeting_starts(addresses, around)
    declined = [
        each.declined
        for each in in_pages(context.ledger, Search(start=now - COUNTED))
        if each.meeting.start >= now - COUNTED and each.declined
    ]
    loads = {}
    for address in addresses:
        own = starts.get(address, ())
        loads[address] = Load(
            in_window=sum(window.start <= each < window.end for each in own),
            in_30_days=sum(now - COUNTED <= each < now for each in own),
            last=max((each for each in own if each < now), default=None),
            declined=sum(is_among(address, each) for each in declined),
        )
    return loads
