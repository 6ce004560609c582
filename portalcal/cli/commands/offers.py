"""`portalcal offers`."""

from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.options import Json
from portalcal.core.offers import OfferState
from portalcal.usecases import offers as usecase


def offers(
    ctx: typer.Context,
    state: Annotated[
        list[OfferState] | None,
        typer.Option("--state", help="Only in this state; may be repeated. Default: open."),
    ] = None,
    json: Json = False,
) -> None:
    """List offers: by default the open ones, the next to expire first.

    [bold]Examples[/bold]

      portalcal offers
      portalcal offers --state taken --state expired
      portalcal offers --json
    """
    command = CommandContext.of(ctx, as_json=json, is_change=False)
    states = tuple(state) if state else (OfferState.OPEN,)
    command.view.show(usecase.offers(states, command.container))
