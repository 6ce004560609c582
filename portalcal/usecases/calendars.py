"""Select the conflict calendars and the booking calendar."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import chain
from typing import NamedTuple

from portalcal.core.calendar_id import CalendarId, split
from portalcal.core.email_address import is_among, same, unique
from portalcal.errors import (
    CalendarNotFound,
    CalendarNotWritable,
    ConfigInvalid,
    NotConnected,
    PortalcalError,
    Problem,
    Usage,
)
from portalcal.ports import Calendar, Connection, Context
from portalcal.results import Choice, Selection
from portalcal.run_all import run_all
from portalcal.usecases.accounts import PRIMARY, accounts_of, canonical, connected_workspace, of_workspace
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.status.early_warnings import warn_early
from portalcal.warnings import AccountUnread


class CalendarChanges(NamedTuple):
    """Changes to the selection. A calendar is an id, a unique name, or `primary`."""

    select: tuple[str, ...] = ()  # conflict calendars to add
    deselect: tuple[str, ...] = ()  # conflict calendars to remove
    book_into: str | None = None  # the booking calendar

    @property
    def any(self) -> bool:
        """Whether there is a change."""
        return bool(self.select or self.deselect or self.book_into)


def calendars(changes: CalendarChanges, context: Context) -> Choice:
    """The account's calendars, those of other workspaces that count here, and the selection, after the changes.

    Raises:
        NotConnected: there is no connection, or none in a workspace that is named.
        CalendarNotFound: no calendar has that id or name.
        CalendarNotWritable: the booking calendar has to be owned by the account.
        ConfigInvalid: config.toml pins the selection, so the command cannot change it.
        Usage: several calendars have that name, or no conflict calendar would be left.
    """
    connection = context.connections.read()
    if connection is None:
        raise NotConnected(context.config.workspace)
    _check_pins(changes, context)
    warn_early(context)
    listed = context.calendars.list()

    if changes.any:
        connection = _change(changes, context, listed=listed)

    selection = calendar_selection(context) or Selection(connection.conflicts, connection.booking)
    return Choice(
        (*listed, *_of_others(context, selection)),
        selection,
        is_pinned=context.config.pins.any,
        accounts=accounts_of(context, selection.conflicts),
    )


def _of_others(context: Context, selection: Selection) -> tuple[Calendar, ...]:
    """The conflict calendars that accounts of other workspaces read, under ids that name the workspace."""
    named = dict.fromkeys(split(each).workspace for each in selection.conflicts)
    tasks = [partial(_listed_by, context, workspace) for workspace in named if workspace is not None]
    listed = chain.from_iterable(run_all(tasks, limit=max(len(tasks), 1), name="accounts"))
    by_id = {calendar.id.lower(): calendar for calendar in listed}
    foreign = [each for each in selection.conflicts if split(each).workspace is not None]
    return tuple(by_id.get(each.lower(), Calendar(each, split(each).id, "", "")) for each in foreign)


def _listed_by(context: Context, workspace: str) -> tuple[Calendar, ...]:
    """The calendars of another workspace's account, under ids that name it; none, with a warning, if it cannot be asked."""
    try:
        listed = _list_of(context, workspace)
    except PortalcalError as error:
        context.view.warn(AccountUnread(workspace, error.sentence, error.hint or ""))
        return ()
    return tuple(each._replace(id=f"{workspace}:{each.id}", is_primary=False) for each in listed)


def _list_of(context: Context, workspace: str) -> tuple[Calendar, ...]:
    """The calendar list of another workspace. Raises: its errors, which name it."""
    try:
        return connected_workspace(context, workspace).calendars.list()
    except PortalcalError as error:
        raise of_workspace(error, context, workspace) from None


def _check_pins(changes: CalendarChanges, context: Context) -> None:
    pins = context.config.pins
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
        raise ConfigInvalid(str(context.config.path), problems)


def _change(changes: CalendarChanges, context: Context, *, listed: tuple[Calendar, ...]) -> Connection:
    """Change the selection under the lock of connection.toml: another command may have changed it since it was read."""
    # Other accounts are asked before the lock is taken.
    selected = tuple(_resolve_any(wanted, context, listed=listed) for wanted in changes.select)

    def change(present: Connection | None) -> Connection:
        if present is None:
            raise NotConnected(context.config.workspace)
        return _changed(present, changes, context, listed=listed, selected=selected)

    return context.connections.update(change) or change(None)


def _changed(
    connection: Connection,
    changes: CalendarChanges,
    context: Context,
    *,
    listed: tuple[Calendar, ...],
    selected: tuple[str, ...],
) -> Connection:
    primary = next((calendar.id for calendar in listed if calendar.is_primary), PRIMARY)
    conflicts = unique(
        (*(primary if id_ == PRIMARY else id_ for id_ in connection.conflicts), *selected),
    )
    for wanted in changes.deselect:
        conflicts = unique(
            conflicts, but_not=(_resolve_selected(wanted, context, listed, conflicts=conflicts),)
        )
    if not conflicts:
        raise Usage(
            "at least one calendar must count for conflicts; nothing was changed",
            "select another one in the same command: `portalcal calendars --select ID --deselect ID`",
        )
    booking = connection.booking
    if changes.book_into:
        calendar = _resolve(changes.book_into, listed)
        if not calendar.is_owned:
            raise CalendarNotWritable(calendar.id, calendar.role)
        booking = calendar.id
    # A token from the environment comes without its account; the primary calendar of the list has it.
    account = connection.account or primary
    return connection._replace(account=account, conflicts=conflicts, booking=booking)


def _resolve_any(wanted: str, context: Context, *, listed: tuple[Calendar, ...]) -> str:
    """The id of a calendar of this account, or of another workspace that is named before a colon.

    A calendar of this account may have a colon in its name, so that is looked for first.
    """
    workspace, id_ = split(wanted)
    try:
        return _resolve(wanted, listed).id
    except CalendarNotFound:
        if workspace is None:
            raise
    if workspace == context.config.workspace:
        return _resolve(id_, listed).id
    return str(CalendarId(workspace, _resolve(id_, _list_of(context, workspace)).id))


def _resolve_selected(
    wanted: str, context: Context, listed: tuple[Calendar, ...], *, conflicts: Iterable[str]
) -> str:
    """The id of a conflict calendar to remove. One that Google no longer lists can be removed by its id."""
    for spelling in (wanted, canonical(context, wanted)):
        if is_among(spelling, conflicts):
            return spelling
    return _resolve(wanted, listed).id


def _resolve(wanted: str, listed: tuple[Calendar, ...]) -> Calendar:
    """The calendar with that id or name. Raises: Usage, CalendarNotFound."""
    for calendar in listed:
        if same(calendar.id, wanted) or (calendar.is_primary and wanted == PRIMARY):
            return calendar
    named = [calendar for calendar in listed if calendar.name.casefold() == wanted.casefold()]
    if len(named) > 1:
        ids = ", ".join(sorted(calendar.id for calendar in named))
        raise Usage(f"{len(named)} calendars are named {wanted}: {ids}", "use the id")
    if not named:
        raise CalendarNotFound(
            wanted,
            tuple(calendar.id for calendar in listed) + tuple(calendar.name for calendar in listed),
        )
    return named[0]
