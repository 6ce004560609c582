"""`portalcal cancel`."""

from __future__ import annotations

from typing import Annotated

import typer

from portalcal.cli.options import Json, WhomToTell
from portalcal.cli.session import Session
from portalcal.core.booking import State
from portalcal.errors import Exit
from portalcal.usecases import cancel as usecase


def cancel(
    ctx: typer.Context,
    booking: Annotated[
        str, typer.Argument(metavar="ID", help="The booking's id, or a beginning of it that is unique.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="T", help="Why; kept with the booking.")] = "",
    notify: WhomToTell = None,
    json: Json = False,
) -> int:
    """Cancel a booking and remove its event. Cancelling twice is fine."""
    session = Session.of(ctx, as_json=json)
    answer = usecase.cancel(usecase.Cancellation(booking, reason, notify), session.portal)
    session.view.show(answer)
    return Exit.PENDING if answer.booking.state is State.CANCELLING else Exit.DONE
