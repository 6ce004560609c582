"""`portalcal sync`."""

from __future__ import annotations

from typing import Annotated

import typer

from portalcal.cli.options import Json
from portalcal.cli.session import Session
from portalcal.errors import Exit
from portalcal.usecases import sync as usecase


def sync(
    ctx: typer.Context,
    add_missing: Annotated[
        bool, typer.Option("--add-missing", help="Make events for bookings made while disconnected.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, change nothing.")
    ] = False,
    json: Json = False,
) -> int:
    """Bring bookings and calendar in line: deliver what Google is owed, take over what was changed there.

    Made for cron: running it twice at once, or again after a crash, does no harm.

    [bold]Examples[/bold]

    portalcal sync

    portalcal sync --add-missing --dry-run
    """
    session = Session.of(ctx, as_json=json)
    request = usecase.Synchronisation(session.reading(None).zone, add_missing=add_missing, dry_run=dry_run)
    answer = usecase.sync(request, session.portal)
    session.view.show(answer)
    return Exit.PENDING if answer.still_owed and not dry_run else Exit.DONE
