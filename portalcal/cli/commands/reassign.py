"""`portalcal reassign`."""

from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.options import Json, WhomToTell, Zone
from portalcal.errors import Exit, Usage
from portalcal.usecases.booking import reassign as usecase


def reassign(
    ctx: typer.Context,
    booking: Annotated[
        str, typer.Argument(metavar="ID", help="The booking's id, a unique beginning of it, or its guest.")
    ],
    leaving: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PERSON",
            help="Who leaves. Default: the one who declined, who is of --pool, or the only one.",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="PERSON", help="Who comes: a name, or an address; or a room."),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option("--pool", metavar="POOL", help="Choose from this pool. Default: that of who leaves."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the booking.")] = "",
    notify: WhomToTell = None,
    timezone: Zone = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say who would come, change nothing.")] = False,
    json: Json = False,
) -> int:
    """Put somebody else into a meeting: same event, same time. Who leaves is held until who comes is invited.

    [bold]Examples[/bold]

      portalcal reassign 5d16c341 --from ben
      portalcal reassign 5d16c341 --from ben --to zoe --reason "Ben is ill"
      portalcal reassign 5d16c341 --from oak --to elm
    """
    command = CommandContext.of(ctx, as_json=json, is_change=not dry_run)
    if to is not None and pool is not None:
        raise Usage("--to and --pool both say who comes", "use one of them")
    time_context = command.time_context(timezone)
    request = usecase.ReassignRequest(
        booking,
        time_context.zone,
        leaving=leaving,
        to=to,
        pool=pool,
        reason=reason,
        notify=notify,
        dry_run=dry_run,
    )
    answer = usecase.reassign(request, command.container)
    command.view.show(answer)
    return Exit.PENDING if answer.booking.moving_to else Exit.DONE
