"""`portalcal status`."""

from __future__ import annotations

from typing import Annotated

import typer

from portalcal.cli.options import Json
from portalcal.cli.session import Session
from portalcal.cli.when import read_length
from portalcal.errors import called
from portalcal.usecases import status as usecase


def status(
    ctx: typer.Context,
    offline: Annotated[
        bool, typer.Option("--offline", help="Look only at this machine; ask Google nothing.")
    ] = False,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="D", help="How long it may take, whatever does not answer.")
    ] = "10s",
    json: Json = False,
) -> int:
    """Find out what works, what does not, why, and which command mends it.

    [bold]Examples[/bold]

    portalcal status

    portalcal status --offline --json
    """
    session = Session.of(ctx, as_json=json)
    limit = read_length(timeout).total_seconds()
    session.portal.limit = limit
    answer = usecase.status(session.portal, workspace=session.portal.workspace, offline=offline, limit=limit)
    program = session.invocation.program
    checks = tuple(each._replace(hint=called(each.hint, program)) for each in answer.checks)
    session.view.show(answer._replace(checks=checks))
    return answer.condition.exit
