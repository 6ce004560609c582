"""Choosing the calendars that count for conflicts and the one that receives bookings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from portalcal.answers import Choice, Selection
from portalcal.errors import (
    CalendarNotFound,
    CalendarNotWritable,
    ConfigInvalid,
    NotConnected,
    Problem,
    Usage,
)
from portalcal.ports import Calendar, Connection, World
from portalcal.usecases.deliver import deliver
from portalcal.usecases.situation import PRIMARY, selection


class Changes(NamedTuple):
    """Calendars to add and to leave out, and where bookings shall go; ids, unique names, or `primary`."""

    select: tuple[str, ...] = ()
    deselect: tuple[str, ...] = ()
    book_into: str | None = None

    @property
    def any(self) -> bool:
        """Whether anything is to change."""
        return bool(self.select or self.deselect or self.book_into)


def calendars(changes: Changes, world: World) -> Choice:
    """The account's calendars with what is chosen among them, after the changes.

    Raises:
        NotConnected: there is no account whose calendars could be listed.
        CalendarNotFound: no calendar has that id or name.
        CalendarNotWritable: bookings cannot go to a calendar the account does not own.
        ConfigInvalid: config.toml pins the selection, so that a command cannot change it.
        Usage: a name stands for several calendars, or no calendar would count any more.
    """
    connection = world.connections.read()
    if connection is None:
        raise NotConnected(world.config.workspace)
    _check_pins(changes, world)
    deliver(world)
    listed = world.calendars.list()

    if changes.any:
        connection = _changed(connection, changes, listed=listed)
        world.connections.write(connection)

    chosen = selection(world) or Selection(connection.conflicts, connection.booking)
    return Choice(listed, chosen, is_pinned=world.config.pins.any)


def _check_pins(changes: Changes, world: World) -> None:
    pins = world.config.pins
    touched = {
        "calendars.conflicts": bool(changes.select or changes.deselect) and pins.conflicts is not None,
        "calendars.booking": bool(changes.book_into) and pins.booking is not None,
    }
    where = f"line {pins.line}, " if pins.line else ""
    problems = tuple(
        Problem(f"{where}{key}", "", "pinned here, so the command cannot change it; edit this line")
        for key, is_touched in touched.items()
        if is_touched
    )
    if problems:
        raise ConfigInvalid(str(world.config.path), problems)


def _changed(connection: Connection, changes: Changes, *, listed: tuple[Calendar, ...]) -> Connection:
    primary = next((each.id for each in listed if each.is_primary), PRIMARY)
    counted = dict.fromkeys(primary if each == PRIMARY else each for each in connection.conflicts)
    counted |= dict.fromkeys(_named(each, listed).id for each in changes.select)
    for each in changes.deselect:
        counted.pop(_selected(each, listed, counted=counted), None)
    if not counted:
        raise Usage(
            "at least one calendar must count for conflicts; nothing was changed",
            "select another one in the same command: `portalcal calendars --select ID --deselect ID`",
        )
    booking = connection.booking
    if changes.book_into:
        wanted = _named(changes.book_into, listed)
        if not wanted.is_owned:
            raise CalendarNotWritable(wanted.id, wanted.role)
        booking = wanted.id
    # A token from the environment came without the name of its account; the list tells it.
    account = connection.account or primary
    return connection._replace(account=account, conflicts=tuple(counted), booking=booking)


def _selected(wanted: str, listed: tuple[Calendar, ...], *, counted: Iterable[str]) -> str:
    """A calendar to leave out; one that Google no longer lists can be left out by its id."""
    return wanted if wanted in counted else _named(wanted, listed).id


def _named(wanted: str, listed: tuple[Calendar, ...]) -> Calendar:
    for each in listed:
        if each.id == wanted or (each.is_primary and wanted == PRIMARY):
            return each
    named = [each for each in listed if each.name.casefold() == wanted.casefold()]
    if len(named) > 1:
        ids = ", ".join(sorted(each.id for each in named))
        raise Usage(f"{len(named)} calendars are named {wanted}: {ids}", "use the id")
    if not named:
        raise CalendarNotFound(
            wanted, tuple(each.id for each in listed) + tuple(each.name for each in listed)
        )
    return named[0]
