"""Offered slots in a window."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portalcal.core.intervals import Interval
from portalcal.core.offers import beside, pick
from portalcal.core.participants import NOBODY, PanelRequest
from portalcal.core.people import PanelInputs, panel_beyond_horizon, panel_offered
from portalcal.core.slots import Rules
from portalcal.errors import PersonUnreadable
from portalcal.ports import Context
from portalcal.results import Availability
from portalcal.usecases.accounts import accounts_of
from portalcal.usecases.panels import takes_others
from portalcal.usecases.scheduling_inputs import gather_inputs
from portalcal.usecases.status.early_warnings import warn_early


class AvailabilityQuery(NamedTuple):
    """Which slots to compute."""

    window: Interval  # of starts
    zone: ZoneInfo  # of display
    link: str | None = None
    duration: timedelta | None = None  # None: the link's
    partial: bool = False  # accept calendars that cannot be read
    panel: PanelRequest = NOBODY  # whom it takes besides those of the link


def rules_for(context: Context, link: str | None, *, duration: timedelta | None) -> Rules:
    """The link's rules, with `duration` in place of the link's if given."""
    rules = context.config.link(link).rules
    return rules._replace(duration=duration) if duration else rules


def availability(query: AvailabilityQuery, context: Context) -> Availability:
    """The offered slots of the window. Writes nothing and does not run the outbox; warns of entries in it.

    Raises:
        CalendarLost, CalendarUnreadable: a calendar could not be read, and the query is not `partial`.
        LinkNotFound, PersonNotFound, PoolNotFound: no such link, nobody and no pool of that name.
        Usage: a pool has fewer members than are needed.
        PortalcalError: Google's own refusals (ports.Calendars).
    """
    warn_early(context)
    return availability_of(gather_query(context, query, query.window), query.zone, context)


def gather_query(context: Context, query: AvailabilityQuery, window: Interval) -> PanelInputs:
    """The inputs of a query for another window than its own. Raises: as `availability`."""
    rules = rules_for(context, query.link, duration=query.duration)
    try:
        return gather_inputs(
            context, window, link=query.link, rules=rules, panel=query.panel, partial=query.partial
        )
    except PersonUnreadable as error:
        raise error.with_remedy(
            f"{error.remedies}; the others are shown with `portalcal availability --partial`"
        ) from None


def availability_of(inputs: PanelInputs, zone: ZoneInfo, context: Context) -> Availability:
    """The offered slots, who could take each of them, and whose accounts they rest on."""
    slots = panel_offered(inputs)
    meetings = tuple(each.meeting for each in slots)
    answer = Availability(
        inputs.inputs,
        zone,
        meetings,
        inputs.inputs.now,
        beyond=panel_beyond_horizon(inputs),
        accounts=accounts_of(context, (each.calendar for each in inputs.inputs.calendars or ())),
    )
    if not takes_others(inputs):
        return answer
    takers = MappingProxyType({each.meeting.start: each for each in slots})
    return answer._replace(panel=inputs, takers=takers)


def choose(answer: Availability, *, limit: int | None, spread: int | None) -> Availability:
    """The first `limit` of the offered slots; or `spread` of them, on different days and halves of days, none in the
    way of another.
    """
    if limit is not None:
        return answer._replace(slots=answer.slots[:limit], is_choice=True)
    if spread is not None:
        picked = pick(answer.slots, spread, zone=answer.zone, fits=beside(answer.inputs))
        return answer._replace(slots=picked, is_choice=True)
    return answer
