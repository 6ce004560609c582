"""Gather what offered slots depend on: opening hours, rules, claims in the ledger, and free/busy from Google."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from portalcal.core.assignment import AROUND, Starts
from portalcal.core.booking import Booking
from portalcal.core.email_address import folded
from portalcal.core.intervals import Interval
from portalcal.core.participants import NOBODY, PanelRequest, Participant, Role, owner_of
from portalcal.core.people import PanelInputs, panel_offered
from portalcal.core.slots import FreeBusy, Rules, SchedulingInputs, nearest
from portalcal.core.time import format_time
from portalcal.errors import Offer, PersonUnreadable, Unread
from portalcal.ports import Context
from portalcal.results import Selection
from portalcal.usecases.accounts import read_free_busy, unread_error
from portalcal.usecases.calendar_selection import calendar_selection
from portalcal.usecases.panels import check_sizes, panel_keeping, panel_of
from portalcal.warnings import NoConnectionUsed, PersonCountsAsBusy


def gather_inputs(
    context: Context,
    window: Interval,
    *,
    link: str | None,
    rules: Rules | None = None,
    panel: PanelRequest = NOBODY,
    only: PanelRequest | None = None,
    present: tuple[Participant, ...] | None = None,
    guests: int = 1,
    partial: bool = False,
) -> PanelInputs:
    """Everything that decides which starts in `window` are offered for a link.

    One request to Google for up to 50 calendars and 30 days, those of people and rooms included; none while
    disconnected, with a warning. `rules` replaces the link's own, `panel` adds to whom it takes. In place of both stand `only`, a request,
    or `present`, the participants of a booking that keeps them. `partial` keeps calendars that cannot be read, marked as unread.

    Raises:
        CalendarLost, CalendarUnreadable: a conflict calendar could not be read, and `partial` is False.
        PersonUnreadable: the same of people or rooms without whom nothing is offered.
        LinkNotFound, PersonNotFound, PoolNotFound: no such link, nobody and no pool of that name.
        Usage: a pool has fewer members than are needed.
    """
    configured, directory = context.config.link(link), context.config.directory
    account, request = _account_address(context), only or configured.panel.plus(panel)
    if present is None:
        attends, whole = (
            request.owner_attends is not False,
            panel_of(request, directory, account=account, guests=guests),
        )
    else:
        attends = not present or any(each.role is Role.OWNER for each in present)
        whole = panel_keeping(present, directory, account=account, guests=guests)
    inputs = PanelInputs(
        SchedulingInputs(
            schedule=configured.schedule,
            rules=rules or configured.rules,
            window=window,
            now=context.clock.now(),
            link=link,
            calendars=None,
            owner=owner_of(context.config.workspace),
            account=account,
            owner_attends=attends,
        ),
        whole,
        busy=None,
    )
    check_sizes(inputs)
    selection = calendar_selection(context)
    if selection is not None:
        inputs = _with_free_busy(context, inputs, selection, partial=partial)
    else:
        context.view.warn(NoConnectionUsed())
    return with_claims(context, inputs)


def _with_free_busy(
    context: Context, inputs: PanelInputs, selection: Selection, *, partial: bool
) -> PanelInputs:
    """The inputs with the busy times of the owner, if they attend, and of all people and rooms, read together."""
    own = selection.conflicts if inputs.inputs.owner_attends else ()
    answers = read_free_busy(context, (*own, *inputs.asked), inputs.inputs.busy_window)
    calendars, busy = answers[: len(own)], answers[len(own) :]
    if not partial and any(each.unread is not None for each in calendars):
        raise unread_error(context, calendars)
    inputs = inputs._replace(inputs=inputs.inputs._replace(calendars=calendars), busy=busy)
    if not partial and (needed := inputs.needed_but_unread):
        raise PersonUnreadable(_named(inputs, needed), _account(context))
    for unread in _named(inputs, inputs.unread):
        context.view.warn(PersonCountsAsBusy(unread.id, unread.reason))
    return inputs


def _named(inputs: PanelInputs, unread: Iterable[FreeBusy]) -> tuple[Unread, ...]:
    """Calendars that could not be read, with the names of those whose they are."""
    names = inputs.names
    return tuple(
        Unread(_with_address(names[each.calendar], each.calendar), each.unread or "unknown")
        for each in unread
    )


def _with_address(key: str, address: str) -> str:
    return address if key.lower() == address else f"{key} ({address})"


def with_claims(context: Context, inputs: PanelInputs) -> PanelInputs:
    """The inputs with the claims as the ledger has them now: of this workspace, and of others on the same people."""
    about = inputs.inputs
    keys = (about.owner, *map(about.claimant, inputs.names))
    claims = context.ledger.claims(keys, inputs.claims_window, now=about.now)
    # A participant who stays while others are replaced has two equal claims.
    return inputs._replace(inputs=about._replace(claims=tuple(dict.fromkeys(claims))))


def without_booking(inputs: PanelInputs, booking: Booking) -> PanelInputs:
    """The inputs without a booking that is to change: its event blocks none of the people invited to it."""
    return inputs.without(str(booking.id), invited=booking.invited_without_claim)


def starts_of_participants(
    context: Context, inputs: PanelInputs, start: datetime, *, but_not: UUID | None = None
) -> Starts:
    """When the live bookings that members of pools and rooms take part in start, by address: those around `start`."""
    about = inputs.inputs
    keys = {about.claimant(address): address for address in inputs.names}
    around = Interval(start - AROUND, start + AROUND)
    starts = context.ledger.meeting_starts(tuple(keys), around, but_not=but_not)
    return {keys[key]: each for key, each in starts.items()}


def _account_address(context: Context) -> str | None:
    connection = context.connections.read()
    return folded(connection.account) if connection and connection.account else None


def _account(context: Context) -> str:
    connection = context.connections.read()
    return (connection.account if connection else "") or "this account"


def alternatives(inputs: PanelInputs, requested: Interval, zone: ZoneInfo) -> tuple[Offer, ...]:
    """Up to three offered slots nearest to the requested one, in the zone of the request."""
    return tuple(
        Offer(
            slot.start.astimezone(zone),
            slot.end.astimezone(zone),
            format_time(slot.start, zone, end=slot.end),
        )
        for slot in nearest((each.meeting for each in panel_offered(inputs)), requested.start)
    )
