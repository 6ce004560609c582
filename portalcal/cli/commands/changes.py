"""`portalcal changes`."""

from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.options import Json, Zone
from portalcal.cli.times import read_length
from portalcal.container import change_lines
from portalcal.errors import Usage
from portalcal.results import Changes
from portalcal.usecases import changes as usecase


def changes(
    ctx: typer.Context,
    since: Annotated[
        int,
        typer.Option(
            "--since", metavar="CURSOR", min=0, help="After this cursor: that of the last line you have."
        ),
    ] = 0,
    follow: Annotated[
        bool, typer.Option("--follow", help="Wait for more until Ctrl-C, and run `sync` now and then.")
    ] = False,
    every: Annotated[
        str | None,
        typer.Option(
            "--every", metavar="LENGTH", help="With --follow: how often to run `sync`. Default: 60s."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="At most so many lines.")
    ] = None,
    timezone: Zone = None,
    json: Json = False,
) -> None:
    """Hand out every change of a booking as a line of JSON, in order and at least once, for a portal to follow.

    [bold]Examples[/bold]

      portalcal changes --since 1042
      portalcal changes --since 1042 --follow --every 5m
    """
    command = CommandContext.of(ctx, as_json=json, is_change=follow)
    if every is not None and not follow:
        raise Usage("--every says how often --follow runs `sync`", "add `--follow`")
    if json and follow:
        raise Usage("--json is one object, and --follow never ends", "leave out `--json`: every line is JSON")
    zone = command.time_context(timezone).zone
    options = usecase.ChangesOptions(zone, since, limit, follow, read_length(every or "60s").total_seconds())
    pages = usecase.changes(options, command.container, wait=command.container.wait)
    if json:
        lines = tuple(line for page in pages for line in page)
        command.view.show(Changes(lines, lines[-1].cursor if lines else since, zone))
        return
    for page in pages:
        command.view.write(change_lines(page, zone))
