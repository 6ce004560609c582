"""`portalcal disconnect`."""

from __future__ import annotations

from typing import Annotated

import typer

from portalcal.cli.connect import refuse_without_consent
from portalcal.cli.options import Json
from portalcal.cli.session import Session
from portalcal.errors import Exit
from portalcal.usecases import disconnect as usecase


def disconnect(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    keep_grant: Annotated[
        bool, typer.Option("--keep-grant", help="Forget it here, but leave the grant at Google alive.")
    ] = False,
    json: Json = False,
) -> int:
    """End the connection: revoke it at Google and forget it here. Bookings and calendar events stay."""
    session = Session.of(ctx, as_json=json)
    refuse_without_consent(session, "disconnect")
    answer = usecase.disconnect(session.portal, is_confirmed=yes, keep_grant=keep_grant)
    if answer is None:
        session.view.warn("not-disconnected", "nothing was changed")
        return Exit.INTERRUPTED
    session.view.show(answer)
    return Exit.DONE
