"""Choose who takes a meeting: the members of pools and the room, by the rule that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from portalcal.core.assignment import assign
from portalcal.core.booking import BookingRequest
from portalcal.core.participants import Participant
from portalcal.core.people import PanelInputs, against
from portalcal.errors import Usage
from portalcal.ports import Context
from portalcal.usecases.booking.precheck import nobody_free, why_not
from portalcal.usecases.panels import rule_of, takes_others
from portalcal.usecases.scheduling_inputs import starts_of_participants


def choose_participants(
    context: Context, inputs: PanelInputs, request: BookingRequest, *, but_not: UUID | None = None
) -> tuple[Participant, ...]:
    """Who takes part in a meeting at an offered start; empty if it takes nobody besides the owner.

    `but_not`: a booking that does not count for anybody's share, because it is being changed.

    Raises:
        NobodyFree: a person asked for by name is not free.
        Usage: they are in no pool of the meeting.
    """
    if not takes_others(inputs):
        return ()
    rule, wanted = rule_of(request.people)
    _check_wanted(context, inputs, request, wanted)
    starts = starts_of_participants(context, inputs, request.start, but_not=but_not)
    return assign(inputs, request.start, starts=starts, rule=rule, wanted=wanted).participants


def _check_wanted(
    context: Context, inputs: PanelInputs, request: BookingRequest, wanted: Sequence[str]
) -> None:
    members = {each.address: each for pool in inputs.pools for each in pool.members}
    for address in wanted:
        person = members.get(address)
        if person is None:
            pools = ", ".join(each.name for each in inputs.pools) or "none is asked for"
            raise Usage(
                f"--assign {address}: nobody of that name is in a pool of this meeting ({pools})",
                "ask for somebody outside a pool with `--with`",
            )
        reasons = against(person, request.start, inputs)
        why = why_not(reasons, inputs, request.meeting, request.zone, context)
        if why:
            raise nobody_free(inputs, request, why=why)
