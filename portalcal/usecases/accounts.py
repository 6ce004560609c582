"""Calendars of several accounts: each is read with the grant of the workspace that its id names, all accounts at once.

An account that cannot be asked makes its calendars unread, never free, and keeps no other account from being asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from portalcal.core.calendar_id import CalendarId, split
from portalcal.core.email_address import same
from portalcal.core.intervals import Interval
from portalcal.core.slots import FreeBusy
from portalcal.errors import (
    CalendarLost,
    CalendarUnreadable,
    ConfigInvalid,
    NotConnected,
    PortalcalError,
    TryLaterError,
    Unread,
    Usage,
    WorkspaceNotFound,
)
from portalcal.ports import Context, Event
from portalcal.results import Account
from portalcal.run_all import run_all

PRIMARY = "primary"

_NOT_FOUND = "notFound"
"""Free/busy reason for a calendar that was deleted, or that the account has no access to any more."""


def read_free_busy(context: Context, calendars: Iterable[str], window: Interval) -> tuple[FreeBusy, ...]:
    """Busy times of each calendar, in the given order. One request an account, at the same time.

    Of several accounts, one that cannot be asked has a `failure` in place of its calendars' busy times.

    Raises:
        PortalcalError: the only account could not be asked (ports.Calendars).
    """
    asked = tuple(calendars)
    by_workspace: dict[str | None, list[str]] = {}
    for calendar in asked:
        by_workspace.setdefault(split(calendar).workspace, []).append(calendar)
    if by_workspace.keys() <= {None}:
        return context.calendars.free_busy(asked, window)
    tasks = [partial(_of_account, context, *each, window=window) for each in by_workspace.items()]
    answers = run_all(tasks, limit=len(tasks), name="accounts")
    by_calendar = {answer.calendar: answer for of_account in answers for answer in of_account}
    return tuple(by_calendar[calendar] for calendar in asked)


def _of_account(
    context: Context, workspace: str | None, calendars: Sequence[str], *, window: Interval
) -> tuple[FreeBusy, ...]:
    """The busy times of one account's calendars under the ids that were asked for."""
    try:
        reader = context if workspace is None else connected_workspace(context, workspace)
        answers = reader.calendars.free_busy([split(each).id for each in calendars], window)
    except PortalcalError as error:
        failure = error if workspace is None else of_workspace(error, context, workspace)
        return tuple(FreeBusy(each, unread=error.sentence, failure=failure) for each in calendars)
    return tuple(
        answer._replace(calendar=calendar) for calendar, answer in zip(calendars, answers, strict=True)
    )


def connected_workspace(context: Context, workspace: str) -> Context:
    """The ports of another workspace.

    Raises:
        WorkspaceNotFound: nobody has connected or configured it.
        NotConnected: it is configured only.
        ConfigInvalid: its files are damaged.
    """
    with suppress(Usage):
        other = context.other(workspace)
        if other.connections.read() is not None:
            return other
    known = context.workspaces()
    raise NotConnected(workspace) if workspace in known else WorkspaceNotFound(workspace, known)


def of_workspace(error: PortalcalError, context: Context, workspace: str) -> PortalcalError:
    """The error of another workspace: it names the workspace, and its hint is a command for it."""
    try:
        other = context.other(workspace)
    except Usage:
        return error
    return error.with_workspace(workspace, program=other.program, ways_out=lambda: other.ways_out)


def events_on(context: Context, calendar: str, window: Interval) -> tuple[Event, ...]:
    """The live events of a calendar in the window; without titles and kinds, unless its account permits titles."""
    workspace, id_ = split(calendar)
    reader = context if workspace is None else connected_workspace(context, workspace)
    connection = reader.connections.read()
    shows_titles = connection is not None and connection.titles
    events = reader.calendars.events(id_, window)
    hidden: dict[str, Any] = {} if shows_titles else {"title": None, "kinds": ()}
    return tuple(event._replace(calendar=calendar, **hidden) for event in events)


def is_calendar(context: Context, calendar: str, own: str) -> bool:
    """Whether a conflict calendar is that calendar of the command's account, whichever account reads it.

    A calendar has one id at Google; another server, such as a simulator's, may have an account of the same name.
    """
    workspace, id_ = split(calendar)
    if workspace is None or not same(id_, own):
        return same(calendar, own)
    with suppress(ConfigInvalid, Usage):
        return context.other(workspace).config.endpoints.api_root == context.config.endpoints.api_root
    return False


def canonical(context: Context, calendar: str) -> str:
    """The one spelling of a calendar: `primary` and its account's address are one calendar, never to be asked twice.

    A workspace that cannot be looked into keeps its spelling: reading it reports why.
    """
    workspace, id_ = split(calendar)
    if workspace == context.config.workspace:
        workspace = None
    account = account_of(context, workspace)
    is_own = id_ == PRIMARY or same(id_, account)
    return str(CalendarId(workspace, account if is_own and account else id_))


def account_of(context: Context, workspace: str | None) -> str:
    """The address of a workspace's account; empty if it is not known. None: that of the command."""
    with suppress(ConfigInvalid, Usage):
        reader = context if workspace is None else context.other(workspace)
        connection = reader.connections.read()
        return connection.account if connection else ""
    return ""


def accounts_of(context: Context, calendars: Iterable[str]) -> tuple[Account, ...]:
    """The workspaces that read the calendars with their accounts, that of the command first."""
    own = Account(None, context.config.workspace, account_of(context, None))
    named = dict.fromkeys(split(each).workspace for each in calendars)
    others = (Account(each, each, account_of(context, each)) for each in named if each is not None)
    return (own, *others)


def unread_error(context: Context, answers: Iterable[FreeBusy]) -> PortalcalError:
    """The error for unread conflict calendars: a permanent failure before a transient one."""
    unread = tuple(each for each in answers if each.unread is not None)
    if lost := [each for each in unread if each.unread == _NOT_FOUND]:
        account = account_of(context, split(lost[0].calendar).workspace)
        return CalendarLost(_named(lost), account or "this account")
    for answer in unread:
        # Of the command's own account any error counts.
        is_own = split(answer.calendar).workspace is None
        if answer.failure and (is_own or not isinstance(answer.failure, TryLaterError)):
            return answer.failure
    return CalendarUnreadable(_named(unread))


def _named(answers: Iterable[FreeBusy]) -> tuple[Unread, ...]:
    return tuple(Unread(each.calendar, each.unread or "unknown") for each in answers)
