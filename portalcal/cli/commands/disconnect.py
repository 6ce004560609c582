"""`portalcal disconnect`."""

from typing import Annotated

import typer

from portalcal.cli.commands.connect import refuse_without_consent
from portalcal.cli.context import CommandContext
from portalcal.cli.options import Json
from portalcal.errors import Exit
from portalcal.usecases import disconnect as usecase
from portalcal.warnings import NotDisconnected


def disconnect(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    keep_grant: Annotated[
        bool, typer.Option("--keep-grant", help="Forget it here, but leave the grant at Google alive.")
    ] = False,
    json: Json = False,
) -> int:
    """End the connection: revoke it at Google and forget it here. Bookings and calendar events stay.

    [bold]Examples[/bold]

      portalcal disconnect
      portalcal disconnect --yes --keep-grant
    """
    command = CommandContext.of(ctx, as_json=json, is_change=True)
    command.container.is_forgetting = True
    refuse_without_consent(command, "disconnect")
    answer = usecase.disconnect(command.container, is_confirmed=yes, keep_grant=keep_grant)
    if answer is None:
        command.view.warn(NotDisconnected())
        return Exit.INTERRUPTED
    command.view.show(answer)
    return Exit.CONFIGURATION if answer.left else Exit.DONE
